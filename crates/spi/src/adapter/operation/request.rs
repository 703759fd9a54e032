//! Requests, from the arguments of the functions that make them.

use std::ffi::c_void;

use windlass_abi::{SOCKADDR, WSABUF, WSAMSG, WsaError};

use super::{AcceptArea, MessageArea, RecvArray, Request, SendArray, SocketLink};
use crate::adapter::args;
use crate::adapter::calls::message::destination;
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

    /// `sizes` are those of the data, the local block and the remote block.
    ///
    /// # Safety
    /// The buffer of `AcceptEx`, valid until the operation is over.
    pub(in crate::adapter) unsafe fn accept(
        buffer: *mut c_void,
        sizes: [u32; 3],
        longest_address: usize,
        into: SocketLink,
    ) -> Result<Self> {
        let [data, local, remote] = sizes;
        let (blocks, [local, remote]) =
            (buffer.cast::<u8>().wrapping_add(data as usize), [local, remote].map(|n| n as usize));
        // SAFETY: the caller promises it.
        let area = unsafe { AcceptArea::new(blocks, local, remote, longest_address) }?;
        args::required(buffer)?;
        let array = WSABUF { len: data, buf: buffer.cast() };
        // SAFETY: the caller promises it.
        let buffers = unsafe { RecvArray::new(&array, 1) }?;
        Ok(Self::Accept { buffers, area: Box::new(area), into })
    }

    /// # Safety
    /// The arguments of `ConnectEx`; the data stays valid until the operation is over.
    pub(in crate::adapter) unsafe fn connect(
        name: *const SOCKADDR,
        length: i32,
        data: *mut c_void,
        data_length: u32,
    ) -> Result<Self> {
        // SAFETY: the caller promises it.
        let name = unsafe { args::name(name, length) }?.into();
        let data = match data.is_null() {
            true => None,
            // SAFETY: not null, and the caller promises the rest.
            false => Some(unsafe { SendArray::new(&WSABUF { len: data_length, buf: data.cast() }, 1) }?),
        };
        Ok(Self::Connect { name, data })
    }

    /// # Safety
    /// What the message of `WSASendMsg` points to is readable; buffers stay so until the operation is over.
    pub(in crate::adapter) unsafe fn send_msg(message: &WSAMSG, flags: u32) -> Result<Self> {
        // SAFETY: the caller promises it.
        let buffers = unsafe { SendArray::new(message.lpBuffers, message.dwBufferCount) }?;
        // SAFETY: the caller promises it.
        let (to, control) = unsafe { destination(message) }?;
        Ok(Self::SendMsg { buffers, flags, to: to.map(Into::into), control: control.into() })
    }

    /// # Safety
    /// What the message of `WSARecvMsg` points to is writable until the operation is over.
    pub(in crate::adapter) unsafe fn recv_msg(message: &WSAMSG, area: MessageArea) -> Result<Self> {
        // SAFETY: the caller promises it.
        let buffers = unsafe { RecvArray::new(message.lpBuffers, message.dwBufferCount) }?;
        Ok(Self::RecvMsg { buffers, flags: message.dwFlags, area: Box::new(area) })
    }
}
