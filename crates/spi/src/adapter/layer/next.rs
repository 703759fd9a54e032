//! The next provider's functions, safe to call.

use std::ptr;
use std::time::Duration;

use windlass_abi::{
    INVALID_SOCKET, QOS, SOCKADDR, SOCKADDR_STORAGE, SOCKET, SOCKET_ERROR, WSABUF, WSATHREADID, WsaError,
};

use super::calls::select_below;
use super::chain::Chain;
use crate::address::Address;
use crate::transport::{Received, Result};

/// The next provider's functions, on one of its sockets. The calls are not overlapped; they block if the socket does.
///
/// Errors are the next provider's own.
#[derive(Clone, Copy)]
pub struct Next<'a> {
    pub(crate) chain: &'a Chain,
    pub(crate) socket: SOCKET,
}

impl Next<'_> {
    /// The next provider's handle.
    pub fn handle(&self) -> SOCKET {
        self.socket
    }

    /// `WSPBind`.
    pub fn bind(&self, name: &[u8]) -> Result<()> {
        let (name, length) = raw(name)?;
        // SAFETY: a function of the table; the pointers are to live values.
        zero_below(|errno| unsafe { (self.chain.table.lpWSPBind)(self.socket, name, length, errno) })
    }

    /// `WSPConnect`.
    pub fn connect(&self, name: &[u8]) -> Result<()> {
        let (name, length) = raw(name)?;
        let (none, no_qos): (*mut WSABUF, *mut QOS) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: a function of the table; the pointers are null or to live values.
        zero_below(|errno| unsafe {
            (self.chain.table.lpWSPConnect)(self.socket, name, length, none, none, no_qos, no_qos, errno)
        })
    }

    /// `WSPSend`: the number of bytes taken.
    pub fn send(&self, bytes: &[u8], flags: u32) -> Result<u32> {
        let mut buffer = WSABUF { len: length_of(bytes)?, buf: bytes.as_ptr().cast_mut() };
        let (mut sent, mut thread) = (0, NO_THREAD);
        // SAFETY: a function of the table; the pointers are to live values, and the bytes are only read.
        zero_below(|errno| unsafe {
            (self.chain.table.lpWSPSend)(
                self.socket,
                &mut buffer,
                1,
                &mut sent,
                flags,
                ptr::null_mut(),
                None,
                &mut thread,
                errno,
            )
        })?;
        Ok(sent)
    }

    /// `WSPSendTo`: the number of bytes taken.
    pub fn send_to(&self, bytes: &[u8], flags: u32, to: &[u8]) -> Result<u32> {
        let mut buffer = WSABUF { len: length_of(bytes)?, buf: bytes.as_ptr().cast_mut() };
        let (mut sent, mut thread) = (0, NO_THREAD);
        let (name, length) = raw(to)?;
        // SAFETY: as in `send`.
        zero_below(|errno| unsafe {
            (self.chain.table.lpWSPSendTo)(
                self.socket,
                &mut buffer,
                1,
                &mut sent,
                flags,
                name,
                length,
                ptr::null_mut(),
                None,
                &mut thread,
                errno,
            )
        })?;
        Ok(sent)
    }

    /// `WSPRecv`.
    pub fn recv(&self, room: &mut [u8], flags: u32) -> Result<Received> {
        let mut buffer = WSABUF { len: length_of(room)?, buf: room.as_mut_ptr() };
        let (mut bytes, mut flags, mut thread) = (0, flags, NO_THREAD);
        // SAFETY: a function of the table; the pointers are to live values.
        zero_below(|errno| unsafe {
            (self.chain.table.lpWSPRecv)(
                self.socket,
                &mut buffer,
                1,
                &mut bytes,
                &mut flags,
                ptr::null_mut(),
                None,
                &mut thread,
                errno,
            )
        })?;
        Ok(Received { bytes: bytes.min(buffer.len), flags })
    }

    /// `WSPRecvFrom`.
    pub fn recv_from(&self, room: &mut [u8], flags: u32) -> Result<(Received, Address)> {
        let mut buffer = WSABUF { len: length_of(room)?, buf: room.as_mut_ptr() };
        let (mut bytes, mut flags, mut thread) = (0, flags, NO_THREAD);
        let from = address(|name, length| {
            // SAFETY: a function of the table; the pointers are to live values.
            zero_below(|errno| unsafe {
                (self.chain.table.lpWSPRecvFrom)(
                    self.socket,
                    &mut buffer,
                    1,
                    &mut bytes,
                    &mut flags,
                    name,
                    length,
                    ptr::null_mut(),
                    None,
                    &mut thread,
                    errno,
                )
            })
        })?;
        Ok((Received { bytes: bytes.min(buffer.len), flags }, from))
    }

    /// `WSPShutdown`, with `SD_*`.
    pub fn shutdown(&self, how: i32) -> Result<()> {
        // SAFETY: a function of the table; the slot is ours.
        zero_below(|errno| unsafe { (self.chain.table.lpWSPShutdown)(self.socket, how, errno) })
    }

    /// `WSPGetSockName`.
    pub fn get_sock_name(&self) -> Result<Address> {
        address(|name, length| {
            // SAFETY: a function of the table; the pointers are to live values.
            zero_below(|errno| unsafe { (self.chain.table.lpWSPGetSockName)(self.socket, name, length, errno) })
        })
    }

    /// `WSPGetPeerName`.
    pub fn get_peer_name(&self) -> Result<Address> {
        address(|name, length| {
            // SAFETY: a function of the table; the pointers are to live values.
            zero_below(|errno| unsafe { (self.chain.table.lpWSPGetPeerName)(self.socket, name, length, errno) })
        })
    }

    /// `WSPGetSockOpt`: the length stored in `value`.
    pub fn get_sock_opt(&self, level: i32, name: i32, value: &mut [u8]) -> Result<usize> {
        let mut length = length_of(value)? as i32;
        let at = value.as_mut_ptr();
        // SAFETY: a function of the table; the pointers are to live values.
        zero_below(|errno| unsafe {
            (self.chain.table.lpWSPGetSockOpt)(self.socket, level, name, at, &mut length, errno)
        })?;
        Ok(usize::try_from(length).unwrap_or(0).min(value.len()))
    }

    /// `WSPSetSockOpt`.
    pub fn set_sock_opt(&self, level: i32, name: i32, value: &[u8]) -> Result<()> {
        let length = length_of(value)? as i32;
        // SAFETY: a function of the table; the pointers are to live values.
        zero_below(|errno| unsafe {
            (self.chain.table.lpWSPSetSockOpt)(self.socket, level, name, value.as_ptr(), length, errno)
        })
    }

    /// `WSPIoctl`: the number of bytes stored in `output`.
    pub fn ioctl(&self, code: u32, input: &[u8], output: &mut [u8]) -> Result<u32> {
        let (mut returned, mut thread) = (0, NO_THREAD);
        let (input_length, output_length) = (length_of(input)?, length_of(output)?);
        // SAFETY: a function of the table; the pointers are to live values, and the input is only read.
        zero_below(|errno| unsafe {
            (self.chain.table.lpWSPIoctl)(
                self.socket,
                code,
                input.as_ptr().cast_mut().cast(),
                input_length,
                output.as_mut_ptr().cast(),
                output_length,
                &mut returned,
                ptr::null_mut(),
                None,
                &mut thread,
                errno,
            )
        })?;
        Ok(returned.min(output_length))
    }

    /// `WSPSelect` for this socket: whether it can be read from, written to, and has an exceptional condition, as far as it is asked
    /// for. All false when the time is over.
    pub fn select(&self, wanted: [bool; 3], timeout: Option<Duration>) -> Result<[bool; 3]> {
        let mut sets = wanted.map(|wanted| if wanted { vec![self.socket] } else { Vec::new() });
        select_below(&self.chain.table, &mut sets, timeout)?;
        Ok(sets.map(|set| !set.is_empty()))
    }

    /// `WSPCloseSocket`.
    pub(super) fn close(&self) -> Result<()> {
        // SAFETY: a function of the table; the slot is ours.
        zero_below(|errno| unsafe { (self.chain.table.lpWSPCloseSocket)(self.socket, errno) })
    }
}

/// Nobody: for calls without a routine.
pub(super) const NO_THREAD: WSATHREADID = WSATHREADID { ThreadHandle: ptr::null_mut(), Reserved: 0 };

/// Calls a function that returns zero.
pub(super) fn zero_below(call: impl FnOnce(*mut i32) -> i32) -> Result<()> {
    let mut errno = 0;
    if call(&mut errno) == SOCKET_ERROR { Err(failure(errno)) } else { Ok(()) }
}

/// Calls a function that returns a socket.
pub(super) fn socket_below(call: impl FnOnce(*mut i32) -> SOCKET) -> Result<SOCKET> {
    let mut errno = 0;
    match call(&mut errno) {
        INVALID_SOCKET => Err(failure(errno)),
        socket => Ok(socket),
    }
}

/// A failure without a code is the provider's mistake (LC-ERR-6).
pub(super) fn failure(errno: i32) -> WsaError {
    if errno == 0 { WsaError::WSASYSCALLFAILURE } else { WsaError::from_code(errno) }
}

/// Calls a function that stores an address.
fn address(call: impl FnOnce(*mut SOCKADDR, *mut i32) -> Result<()>) -> Result<Address> {
    // SAFETY: plain bytes.
    let mut room: SOCKADDR_STORAGE = unsafe { std::mem::zeroed() };
    let mut length = size_of_val(&room) as i32;
    call((&raw mut room).cast(), &mut length)?;
    let length = usize::try_from(length).unwrap_or(0).min(size_of_val(&room));
    // SAFETY: so many bytes are there.
    Address::from_bytes(unsafe { std::slice::from_raw_parts((&raw const room).cast(), length) })
}

fn raw(name: &[u8]) -> Result<(*const SOCKADDR, i32)> {
    Ok((name.as_ptr().cast(), length_of(name)? as i32))
}

fn length_of(bytes: &[u8]) -> Result<u32> {
    i32::try_from(bytes.len()).map(|length| length as u32).map_err(|_| WsaError::WSAEFAULT)
}
