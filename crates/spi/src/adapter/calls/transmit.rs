//! `TransmitFile`, `TransmitPackets`.

use std::ptr;

use windlass_abi::{
    BOOL, HANDLE, SOCK_DGRAM, SOCK_RAW, SOCKET, TRANSMIT_FILE_BUFFERS, TRANSMIT_PACKETS_ELEMENT, WSAOVERLAPPED,
    WsaError,
};

use super::extensions::succeeds;
use super::overlapped::{is_overlapped, start};
use super::{args, enter};
use crate::adapter::entry::Entry;
use crate::adapter::link::SocketLink;
use crate::adapter::operation::{Ends, Request, Transmission};
use crate::transport::{Result, Transport};

/// `TransmitFile`. Without an overlapped structure the file is read from its position (API-X41), and the call blocks.
pub unsafe extern "system" fn transmit_file<E: Entry>(
    s: SOCKET,
    file: HANDLE,
    bytes: u32,
    per_send: u32,
    overlapped: *mut WSAOVERLAPPED,
    buffers: *mut TRANSMIT_FILE_BUFFERS,
    flags: u32,
) -> BOOL {
    // SAFETY: the client's, null or readable.
    let offset = || match unsafe { args::read(overlapped) } {
        Ok(overlapped) => Some(u64::from(overlapped.OffsetHigh) << 32 | u64::from(overlapped.Offset)),
        Err(_) => None,
    };
    // SAFETY: the client's, null or valid until the operation is over.
    let transmission = |kind| match kind {
        SOCK_DGRAM | SOCK_RAW => Err(WsaError::WSAEINVAL),
        // SAFETY: as above.
        _ => unsafe { Transmission::file(file, bytes, per_send, offset(), buffers, flags) },
    };
    // SAFETY: as above.
    unsafe { transmit::<E>(s, overlapped, transmission) }
}

/// `TransmitPackets`.
pub unsafe extern "system" fn transmit_packets<E: Entry>(
    s: SOCKET,
    elements: *mut TRANSMIT_PACKETS_ELEMENT,
    count: u32,
    send_size: u32,
    overlapped: *mut WSAOVERLAPPED,
    flags: u32,
) -> BOOL {
    // SAFETY: the client's, null or valid until the operation is over.
    unsafe { transmit::<E>(s, overlapped, |_| Transmission::packets(elements, count, send_size, flags)) }
}

/// `transmission` gets the type of the socket.
///
/// # Safety
/// `overlapped` and what the transmission is made of are null or valid until the operation is over.
unsafe fn transmit<E: Entry>(
    s: SOCKET,
    overlapped: *mut WSAOVERLAPPED,
    transmission: impl FnOnce(i32) -> Result<Transmission>,
) -> BOOL {
    succeeds(|| {
        let call = enter::<E>(s)?;
        let kind = call.socket.info().iSocketType;
        if !is_overlapped(&call.socket, overlapped) {
            return call.transport().transmit(&call.socket, transmission(kind)?).map(drop);
        }
        let ends = Ends::new(overlapped, None, ptr::null_mut(), ptr::null_mut());
        let link = SocketLink::new::<E>(s);
        // SAFETY: the caller promises it.
        unsafe { start(&call, &ends, || Ok(Request::Transmit { transmission: transmission(kind)?, link })) }
    })
}
