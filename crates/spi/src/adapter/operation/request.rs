//! Requests, from the arguments of the functions that make them.

use windlass_abi::{SOCKADDR, WSABUF, WsaError};

use super::{RecvArray, Request, SendArray};
use crate::adapter::args;
use crate::transport::Result;

impl Request {
    /// # Safety
    /// The arguments of `WSPSend`; buffers stay valid until the operation is over.
    pub(in crate::adapter) unsafe fn send(array: *const WSABUF, count: u32, flags: u32) -> Result<Self> {
        // SAFETY: the caller promises it.
        Ok(Self::Send { buffers: unsafe { SendArray::new(array, count) }?, flags })
    }

    /// # Safety
    /// The arguments of `WSPSendTo`; buffers stay valid until the operation is over.
    pub(in crate::adapter) unsafe fn send_to(
        array: *const WSABUF,
        count: u32,
        flags: u32,
        to: *const SOCKADDR,
        to_length: i32,
    ) -> Result<Self> {
        // SAFETY: the caller promises it.
        let buffers = unsafe { SendArray::new(array, count) }?;
        let to = match to.is_null() {
            true => None,
            // SAFETY: not null, and the client's.
            false => Some(unsafe { args::name(to, to_length) }?.into()),
        };
        Ok(Self::SendTo { buffers, flags, to })
    }

    /// # Safety
    /// The arguments of `WSPRecv`; buffers stay valid until the operation is over.
    pub(in crate::adapter) unsafe fn recv(array: *const WSABUF, count: u32, flags: *const u32) -> Result<Self> {
        // SAFETY: the caller promises it.
        unsafe { Ok(Self::Recv { buffers: RecvArray::new(array, count)?, flags: args::read(flags)? }) }
    }

    /// # Safety
    /// The arguments of `WSPRecvFrom`; buffers and the address stay valid until the operation is over.
    pub(in crate::adapter) unsafe fn recv_from(
        array: *const WSABUF,
        count: u32,
        flags: *const u32,
        from: *mut SOCKADDR,
        from_length: *mut i32,
    ) -> Result<Self> {
        // SAFETY: the caller promises it.
        let (buffers, flags) = unsafe { (RecvArray::new(array, count)?, args::read(flags)?) };
        if !from.is_null() && from_length.is_null() {
            return Err(WsaError::WSAEFAULT);
        }
        // SAFETY: the caller promises it.
        let capacity = unsafe { args::room(from, from_length) }?;
        Ok(Self::RecvFrom { buffers, flags, capacity })
    }
}
