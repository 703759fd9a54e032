//! Which calls are overlapped, and what becomes of those that are.

use windlass_abi::{BOOL, FALSE, SOCKET, WSAOVERLAPPED, WsaError};

use super::{args, enter, yes};
use crate::adapter::entry::Entry;
use crate::adapter::operation::{Client, Completion, Ends, Found, Operation, Request, Started, query};
use crate::adapter::provider::SocketCall;
use crate::socket::OpenSocket;
use crate::transport::{Result, Transport};

/// The one place where a call finds out how it is to complete.
///
/// A call is synchronous without an overlapped structure, whatever the routine (OV-1, OV-3), and on a
/// socket without the overlapped attribute, whatever the structure (OV-2).
#[inline]
pub(in crate::adapter) fn is_overlapped<S>(socket: &OpenSocket<S>, overlapped: *mut WSAOVERLAPPED) -> bool {
    !overlapped.is_null() && socket.is_overlapped()
}

/// Starts an operation: nothing if it is done and indicated (OV-5), `WSA_IO_PENDING` if it goes on (OV-6), any other error if
/// it was not started (OV-7).
///
/// # Safety
/// The pointers are null or valid, those that operations keep until the operation is over.
#[cold]
#[inline(never)]
pub(in crate::adapter) unsafe fn start<T: Transport>(
    call: &SocketCall<T>,
    ends: &Ends,
    request: impl FnOnce() -> Result<Request>,
) -> Result<()> {
    let request = request()?;
    // SAFETY: the caller promises it.
    let client = unsafe { client(call, ends) }?;
    said(call.transport().overlapped(&call.socket, Operation::new(request, client))?)
}

/// What the call says.
fn said(started: Started) -> Result<()> {
    match started {
        Started::Completed => Ok(()),
        Started::Pending => Err(WsaError::WSA_IO_PENDING),
    }
}

/// Carries out at once what cannot pend: success is indicated (OV-5). `carry_out` gives the number of bytes.
///
/// # Safety
/// As [`start`].
#[cold]
pub(in crate::adapter) unsafe fn at_once<T: Transport>(
    call: &SocketCall<T>,
    ends: &Ends,
    carry_out: impl FnOnce() -> Result<u32>,
) -> Result<()> {
    // SAFETY: the caller promises it.
    let client = unsafe { client(call, ends) }?;
    said(client.complete(&Completion::of(carry_out()?)))
}

/// # Safety
/// As [`start`].
pub(in crate::adapter) unsafe fn client<T: Transport>(call: &SocketCall<T>, ends: &Ends) -> Result<Client> {
    let link = call.transport().port_link(&call.socket).get(&call.call.upcalls);
    // SAFETY: the caller promises it.
    unsafe { Client::new(ends, call.socket.handle(), call.socket.is_ifs(), link) }
}

/// `WSPGetOverlappedResult`. A provider can set events but not wait for one: the runtime has waited before it asks (WSP-GOR-3).
pub unsafe extern "system" fn wsp_get_overlapped_result<E: Entry>(
    s: SOCKET,
    overlapped: *mut WSAOVERLAPPED,
    transfer: *mut u32,
    wait: BOOL,
    flags: *mut u32,
    errno: *mut i32,
) -> BOOL {
    let body = || {
        let call = enter::<E>(s)?;
        args::required(overlapped)?;
        args::required(transfer)?;
        args::required(flags)?;
        // SAFETY: not null, and the client's.
        let mut found = unsafe { query(overlapped) }?;
        if matches!(found, Found::Pending) {
            // Where a port drives the operation, nobody may be waiting there.
            call.transport().go_on(&call.socket);
            // SAFETY: not null, and the client's.
            found = unsafe { query(overlapped) }?;
        }
        match found {
            Found::Pending if wait != FALSE => {
                // SAFETY: not null, and the client's.
                let event = unsafe { (&raw const (*overlapped).hEvent).read() };
                Err(if event.is_null() { WsaError::WSA_INVALID_HANDLE } else { WsaError::WSA_IO_INCOMPLETE })
            }
            Found::Pending => Err(WsaError::WSA_IO_INCOMPLETE),
            Found::Over { error: Some(error), .. } => Err(error),
            Found::Over { error: None, bytes, flags: received } => {
                // SAFETY: not null, and the client's.
                unsafe { args::store(transfer, bytes) };
                // SAFETY: not null, and the client's.
                unsafe { args::store(flags, received) };
                Ok(())
            }
        }
    };
    // SAFETY: the client's, null or writable.
    unsafe { yes(errno, body) }
}
