//! One-time initialisation.

use std::sync::atomic::{AtomicU32, Ordering};

use windlass_abi::WsaError;

use crate::Deadline;

use super::{ALL, rouse, sleep_while};

/// A one-time initialisation, laid out as `INIT_ONCE`: 8 bytes, zero at first.
#[derive(Debug, Default)]
#[repr(C, align(8))]
pub struct InitOnce([AtomicU32; 2]);

/// The half that holds the state in its two low bits.
const LOW: usize = if cfg!(target_endian = "little") { 0 } else { 1 };

const STATE: u32 = 0b11;
const UNTOUCHED: u32 = 0;
/// One thread initialises, the others wait.
const RUNNING: u32 = 1;
const DONE: u32 = 2;
/// Several may initialise; the first to complete wins.
const RACING: u32 = 3;

/// What a thread that begins has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// To initialise and to complete, or to say that it failed.
    Initialise,
    /// Nothing: it is done, with this context.
    Done(usize),
}

impl InitOnce {
    /// One that nobody has begun.
    pub const fn new() -> Self {
        Self([const { AtomicU32::new(UNTOUCHED) }; 2])
    }

    /// The context, if it is done.
    pub fn done(&self) -> Option<usize> {
        let low = self.low().load(Ordering::Acquire);
        (low & STATE == DONE).then(|| self.context(low))
    }

    /// Begins, or waits for the thread that has begun. Errors: WSA_INVALID_PARAMETER (others have begun
    /// without waiting for each other).
    pub fn begin(&self) -> Result<Begin, WsaError> {
        loop {
            let begun = self.low().compare_exchange(UNTOUCHED, RUNNING, Ordering::Acquire, Ordering::Acquire);
            match begun {
                Ok(_) => return Ok(Begin::Initialise),
                Err(RUNNING) => sleep_while(self.low(), RUNNING, Deadline::NEVER),
                Err(low) if low & STATE == DONE => return Ok(Begin::Done(self.context(low))),
                Err(_) => return Err(WsaError::WSA_INVALID_PARAMETER),
            }
        }
    }

    /// Begins without waiting for others that have begun. Errors: WSA_INVALID_PARAMETER (another has begun that others
    /// wait for).
    pub fn begin_racing(&self) -> Result<Begin, WsaError> {
        match self.low().compare_exchange(UNTOUCHED, RACING, Ordering::Acquire, Ordering::Acquire) {
            Ok(_) | Err(RACING) => Ok(Begin::Initialise),
            Err(low) if low & STATE == DONE => Ok(Begin::Done(self.context(low))),
            Err(_) => Err(WsaError::WSA_INVALID_PARAMETER),
        }
    }

    /// Ends what [`begin`](Self::begin) began: done, with a context whose two low bits are zero.
    ///
    /// Errors: WSA_INVALID_PARAMETER (a bit is set, nobody has begun).
    pub fn complete(&self, context: usize) -> Result<(), WsaError> {
        if context as u32 & STATE != 0 || self.low().load(Ordering::Relaxed) != RUNNING {
            return Err(WsaError::WSA_INVALID_PARAMETER);
        }
        // Only the thread that has begun is here.
        self.high().store((context as u64 >> 32) as u32, Ordering::Relaxed);
        self.low().store(context as u32 | DONE, Ordering::Release);
        rouse(self.low(), ALL);
        Ok(())
    }

    /// The same for [`begin_racing`](Self::begin_racing). Errors: WSA_INVALID_PARAMETER, ERROR_ALREADY_EXISTS (another
    /// was first).
    pub fn complete_racing(&self, context: usize) -> Result<(), WsaError> {
        if context as u32 & STATE != 0 {
            return Err(WsaError::WSA_INVALID_PARAMETER);
        }
        // The winner is the one that moves on from racing, and writes alone from there.
        match self.low().compare_exchange(RACING, RUNNING, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => self.complete(context),
            Err(low) if low & STATE == DONE || low == RUNNING => Err(WsaError::Other(crate::ERROR_ALREADY_EXISTS)),
            Err(_) => Err(WsaError::WSA_INVALID_PARAMETER),
        }
    }

    /// Ends what [`begin`](Self::begin) began without success: another may begin. Errors: WSA_INVALID_PARAMETER.
    pub fn fail(&self) -> Result<(), WsaError> {
        let failed = self.low().compare_exchange(RUNNING, UNTOUCHED, Ordering::Release, Ordering::Relaxed);
        rouse(self.low(), ALL);
        failed.map(drop).map_err(|_| WsaError::WSA_INVALID_PARAMETER)
    }

    fn low(&self) -> &AtomicU32 {
        &self.0[LOW]
    }

    fn high(&self) -> &AtomicU32 {
        &self.0[1 - LOW]
    }

    fn context(&self, low: u32) -> usize {
        (u64::from(self.high().load(Ordering::Relaxed)) << 32 | u64::from(low & !STATE)) as usize
    }
}
