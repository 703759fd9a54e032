//! Calls that end by `WSAProviderCompleteAsyncCall` (contract: namespace, ASYNC).

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use windlass_abi::WsaError;
use windlass_spi::namespace::{ResultBuffer, SetBuffer};

use crate::lock;

/// The calls that providers have not completed yet, by the handles that they know them by.
#[derive(Default)]
pub struct Calls(Mutex<Open>);

#[derive(Default)]
struct Open {
    /// How many there were; a number never means a second call.
    made: usize,
    calls: HashMap<usize, Arc<Call>>,
}

/// A call: what the provider reads or writes meanwhile, and its outcome.
pub struct Call {
    memory: Memory,
    outcome: Mutex<Option<Outcome>>,
    over: Condvar,
}

/// What a call has come to; nothing if it succeeded.
pub type Outcome = Result<(), WsaError>;

/// What stays where it is until the provider completes the call, whatever its client does (ASYNC-6, ASYNC-7).
pub enum Memory {
    /// Room for the result of a look-up.
    Result(ResultBuffer),
    /// A registration.
    Registration(SetBuffer),
}

impl Calls {
    /// Makes a call known; `WSAProviderCompleteAsyncCall` takes the number as its handle. It is never 0.
    pub fn begin(&self, memory: Memory) -> (usize, Arc<Call>) {
        let call = Arc::new(Call { memory, outcome: Mutex::new(None), over: Condvar::new() });
        let mut open = lock(&self.0);
        open.made += 1;
        let handle = open.made * HANDLE_STEP;
        open.calls.insert(handle, Arc::clone(&call));
        (handle, call)
    }

    /// The provider has done it, or has failed (ASYNC-4). What the client has given up it does not learn of (ASYNC-7).
    ///
    /// # Errors
    /// `WSAEINVAL`: there is no such call, or it was completed before.
    pub fn complete(&self, handle: usize, outcome: Outcome) -> Result<(), WsaError> {
        let call = lock(&self.0).calls.remove(&handle).ok_or(WsaError::WSAEINVAL)?;
        call.finish(outcome);
        Ok(())
    }
}

/// Handles look like those of other objects: not small numbers, and multiples of four.
const HANDLE_STEP: usize = 0x100;

impl Call {
    /// What the provider reads or writes.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Tells the client `WSA_E_CANCELLED` at once, unless it has an outcome already.
    pub fn cancel(&self) {
        self.finish(Err(WsaError::WSA_E_CANCELLED));
    }

    /// Waits for the outcome (ASYNC-9).
    pub fn wait(&self) -> Outcome {
        let waited = self.over.wait_while(lock(&self.outcome), |outcome| outcome.is_none());
        waited.unwrap_or_else(PoisonError::into_inner).unwrap_or(Ok(()))
    }

    fn finish(&self, outcome: Outcome) {
        lock(&self.outcome).get_or_insert(outcome);
        self.over.notify_all();
    }
}
