//! Which provider a `select` goes to.

use windlass_abi::{SOCKET, WsaError};

use crate::dispatch::{Entered, enter};
use crate::function::Function;
use crate::startup::require_started;

/// Enters the provider that gets the whole call: that of the first socket found in the read set, else the write set, else the
/// except set (API-11). Sockets of others work only if it accepts them.
///
/// # Errors
/// `WSANOTINITIALISED`; `WSAEINVAL`: no socket in any set (API-10); `WSAENOTSOCK`: the first one is none.
pub fn enter_for_select(read: &[SOCKET], write: &[SOCKET], except: &[SOCKET]) -> Result<Entered, WsaError> {
    require_started(Function::Select)?;
    let first = read.first().or(write.first()).or(except.first());
    enter(*first.ok_or(WsaError::WSAEINVAL)?, Function::Select)
}
