//! A handshake over a connection to the proxy, whether it waits or not.

use windlass_spi::Result;
use windlass_spi::abi::WsaError;

use crate::wire::{Handshake, Target};

/// A connection to the proxy. `WSAEWOULDBLOCK` where it does not wait.
pub trait Wire {
    /// Sends some of it.
    fn send(&mut self, bytes: &[u8]) -> Result<usize>;
    /// Receives something; nothing at the end.
    fn recv(&mut self, bytes: &mut [u8]) -> Result<usize>;
}

/// How far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// To be gone on with once the connection takes more.
    WaitsToSend,
    /// To be gone on with once something comes.
    WaitsToReceive,
    /// The connection is the program's.
    Done(Target),
}

/// A handshake that is under way.
#[derive(Debug)]
pub struct Dialogue {
    handshake: Handshake,
    unsent: Vec<u8>,
}

impl Dialogue {
    /// One that has not begun.
    pub fn new(mut handshake: Handshake) -> Self {
        let unsent = handshake.output();
        Self { handshake, unsent }
    }

    /// Goes on as far as the connection lets it; to the end where it waits.
    ///
    /// # Errors
    /// The connection's; why the proxy refuses; `WSAECONNABORTED` if it ends the connection in the middle.
    pub fn go_on(&mut self, wire: &mut impl Wire) -> Result<Progress> {
        loop {
            while !self.unsent.is_empty() {
                match wire.send(&self.unsent) {
                    Ok(count) => drop(self.unsent.drain(..count)),
                    Err(WsaError::WSAEWOULDBLOCK) => return Ok(Progress::WaitsToSend),
                    Err(error) => return Err(error),
                }
            }
            // Not one byte more: those behind the reply are the program's.
            let mut bytes = [0; 512];
            let wanted = self.handshake.wanted().min(bytes.len());
            let count = match wire.recv(&mut bytes[..wanted]) {
                Ok(0) => return Err(WsaError::WSAECONNABORTED),
                Ok(count) => count,
                Err(WsaError::WSAEWOULDBLOCK) => return Ok(Progress::WaitsToReceive),
                Err(error) => return Err(error),
            };
            if let Some(bound) = self.handshake.input(&bytes[..count])? {
                return Ok(Progress::Done(bound));
            }
            self.unsent = self.handshake.output();
        }
    }
}
