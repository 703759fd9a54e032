//! `WSPIoctl`.

use std::ffi::c_void;

use windlass_abi::{
    GUID, LPWSAOVERLAPPED_COMPLETION_ROUTINE, RIO_EXTENSION_FUNCTION_TABLE, SIO_BSP_HANDLE_POLL,
    SIO_GET_EXTENSION_FUNCTION_POINTER, SIO_GET_MULTIPLE_EXTENSION_FUNCTION_POINTER, SOCKET, WSAID_MULTIPLE_RIO,
    WSAOVERLAPPED, WSATHREADID, WsaError,
};

use super::overlapped::{at_once, is_overlapped, start};
use super::{args, enter, extensions, zero};
use crate::adapter::entry::Entry;
use crate::adapter::operation::{Ends, Request};
use crate::adapter::rio;
use crate::transport::{Extension, IoctlOutput, Result, Transport};

/// `WSPIoctl`. `SIO_GET_EXTENSION_FUNCTION_POINTER` is answered here (IO-5), and its sibling for registered I/O.
pub unsafe extern "system" fn wsp_ioctl<E: Entry>(
    s: SOCKET,
    code: u32,
    input: *mut c_void,
    input_length: u32,
    output: *mut c_void,
    output_length: u32,
    returned: *mut u32,
    overlapped: *mut WSAOVERLAPPED,
    routine: LPWSAOVERLAPPED_COMPLETION_ROUTINE,
    thread: *mut WSATHREADID,
    errno: *mut i32,
) -> i32 {
    let body = || {
        let call = enter::<E>(s)?;
        let overlapped_call = is_overlapped(&call.socket, overlapped);
        if code == SIO_BSP_HANDLE_POLL && !overlapped.is_null() {
            // Whoever asks waits for nothing (IO-4).
            return Err(WsaError::WSAEINVAL);
        }
        if !overlapped_call {
            args::required(returned)?;
        }
        let (input_length, output_length) = (length(input_length)?, length(output_length)?);
        let input_address = input.addr();
        // The client may pass one buffer for both, so the input is copied.
        // SAFETY: the client's, null or readable.
        let input = unsafe { args::input(input, input_length) }?.to_vec();
        let ends = Ends::new(overlapped, routine, thread, returned);
        if overlapped_call && call.transport().ioctl_pends(code) {
            // SAFETY: the client's, null or valid until the operation is over.
            return unsafe { start(&call, &ends, || Ok(Request::Ioctl { code, input: input.into() })) };
        }
        // SAFETY: the client's, null or writable.
        let buffer = unsafe { args::output(output, output_length) }?;
        let mut output = IoctlOutput { buffer, returned: 0, input_address };
        let mut carry_out = || {
            let result = match code {
                SIO_GET_EXTENSION_FUNCTION_POINTER => extension::<E>(&input, &mut output),
                SIO_GET_MULTIPLE_EXTENSION_FUNCTION_POINTER if has_registered_io::<E>() => {
                    extensions_of::<E>(&input, &mut output)
                }
                _ => call.transport().ioctl(&call.socket, code, &input, &mut output),
            };
            // SAFETY: the client's, null or writable; also on failure (IO-7).
            unsafe { args::store(returned, output.returned) };
            result.map(|()| output.returned)
        };
        match overlapped_call {
            // SAFETY: the client's, null or valid until the operation is over.
            true => unsafe { at_once(&call, &ends, carry_out) },
            false => carry_out().map(drop),
        }
    };
    // SAFETY: the client's, null or writable.
    unsafe { zero(errno, body) }
}

fn length(length: u32) -> Result<i32> {
    i32::try_from(length).map_err(|_| WsaError::WSAEFAULT)
}

/// The address of an extension function, if the transport has it (IO-5).
fn extension<E: Entry>(input: &[u8], output: &mut IoctlOutput<'_>) -> Result<()> {
    let guid = guid(input)?;
    let room = output.buffer.first_chunk_mut::<{ size_of::<usize>() }>().ok_or(WsaError::WSAEFAULT)?;
    let function = extensions::function::<E>(&guid).ok_or(WsaError::WSAEINVAL)?;
    *room = function.expose_provenance().to_ne_bytes();
    output.returned = room.len() as u32;
    Ok(())
}

fn has_registered_io<E: Entry>() -> bool {
    E::Transport::EXTENSIONS.contains(&Extension::RegisteredIo)
}

/// The functions of registered I/O (API-RIO-1).
fn extensions_of<E: Entry>(input: &[u8], output: &mut IoctlOutput<'_>) -> Result<()> {
    if guid(input)? != WSAID_MULTIPLE_RIO {
        return Err(WsaError::WSAEINVAL);
    }
    let size = size_of::<RIO_EXTENSION_FUNCTION_TABLE>();
    let room = output.buffer.get_mut(..size).ok_or(WsaError::WSAEFAULT)?;
    // SAFETY: there is room for it.
    unsafe { args::store(room.as_mut_ptr().cast(), rio::table::<E>()) };
    output.returned = size as u32;
    Ok(())
}

/// The identifier that the input begins with.
pub(in crate::adapter) fn guid(input: &[u8]) -> Result<GUID> {
    let bytes = input.first_chunk::<{ size_of::<GUID>() }>().ok_or(WsaError::WSAEFAULT)?;
    let [a, b, c, d, e, f, g, h, data4 @ ..] = *bytes;
    let (data1, data2, data3) =
        (u32::from_ne_bytes([a, b, c, d]), u16::from_ne_bytes([e, f]), u16::from_ne_bytes([g, h]));
    Ok(GUID { data1, data2, data3, data4 })
}
