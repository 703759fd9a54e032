//! `WSPSend`, `WSPSendTo`, `WSPRecv`, `WSPRecvFrom` of a layer.

use windlass_abi::{
    LPWSAOVERLAPPED_COMPLETION_ROUTINE, SOCKADDR, SOCKET, WSABUF, WSAOVERLAPPED, WSATHREADID, WsaError,
};

use super::calls::{Call, enter, through};
use super::entry::LayerEntry;
use super::next::{NO_THREAD, zero_below};
use super::pending::{Job, Record};
use crate::adapter::args;
use crate::adapter::buffers::{RecvBuffers, SendBuffers};
use crate::adapter::calls::overlapped::{client, is_overlapped, start};
use crate::adapter::calls::zero;
use crate::adapter::operation::{Completion, Ends, Request, Started};
use crate::address::Address;
use crate::layer::{Receiving, Sending, Taken};
use crate::transport::{Received, Result};

/// How a transfer ends.
struct Way<'a, L: LayerEntry> {
    call: &'a Call<L>,
    ends: Ends,
    overlapped: bool,
}

impl<'a, L: LayerEntry> Way<'a, L> {
    fn new(call: &'a Call<L>, ends: Ends) -> Self {
        let overlapped = is_overlapped(&call.socket, ends.overlapped);
        Self { call, ends, overlapped }
    }

    /// Whether the SDK tells of the end.
    fn is_ours(&self) -> bool {
        self.overlapped && !self.call.socket.is_ifs()
    }

    /// Whether the layer gets it as an operation.
    fn is_operation(&self) -> bool {
        self.is_ours() && self.call.transport().functions.overlapped.is_some()
    }

    /// Goes down with a structure of the SDK's.
    ///
    /// # Safety
    /// The pointers of the call are null or valid until the operation is over.
    unsafe fn own_structure(&self, below: impl FnOnce(&Record) -> Result<()>) -> Result<()> {
        // SAFETY: the caller promises it.
        let client = unsafe { client(self.call, &self.ends) }?;
        match self.call.transport().pool.start(Job::Tell(client), |record, _| below(record))? {
            Started::Completed => Ok(()),
            Started::Pending => Err(WsaError::WSA_IO_PENDING),
        }
    }

    /// What a layer returned that has not gone down with an overlapped call: it has completed it.
    ///
    /// # Safety
    /// As above.
    unsafe fn complete(&self, completion: &Completion) -> Result<()> {
        // SAFETY: the caller promises it.
        unsafe { client(self.call, &self.ends) }?.complete(completion);
        Ok(())
    }
}

/// `WSPSend`.
pub unsafe extern "system" fn wsp_send<L: LayerEntry>(
    s: SOCKET,
    buffers: *mut WSABUF,
    count: u32,
    sent: *mut u32,
    flags: u32,
    overlapped: *mut WSAOVERLAPPED,
    routine: LPWSAOVERLAPPED_COMPLETION_ROUTINE,
    thread: *mut WSATHREADID,
    errno: *mut i32,
) -> i32 {
    let body = || {
        let call = enter::<L>(s)?;
        let way = Way::new(&call, Ends::new(overlapped, routine, thread, sent));
        if way.is_operation() {
            // SAFETY: the client's, null or valid until the operation is over.
            return unsafe { start(&call, &way.ends, || Request::send(buffers, count, flags)) };
        }
        let (below, function) = (call.socket.below, call.socket.chain.table.lpWSPSend);
        let mut down = || match way.is_ours() {
            true => {
                let (mut bytes, mut nobody) = (0, NO_THREAD);
                // SAFETY: a function of the table, with the client's arguments and places of ours.
                let own = |record: &Record| unsafe {
                    let overlapped = record.overlapped([0; 2]);
                    zero_below(|errno| {
                        function(below, buffers, count, &mut bytes, flags, overlapped, None, &mut nobody, errno)
                    })
                };
                // SAFETY: the client's, null or valid until the operation is over.
                unsafe { way.own_structure(own) }.map(|()| bytes)
            }
            false => {
                // SAFETY: a function of the table, with the client's arguments.
                zero_below(|errno| unsafe {
                    function(below, buffers, count, sent, flags, overlapped, routine, thread, errno)
                })?;
                // SAFETY: the client's, null or readable.
                Ok(unsafe { args::read(sent) }.unwrap_or(0))
            }
        };
        let Some(hook) = call.transport().functions.send else { return down().map(drop) };
        // SAFETY: the client's, null or readable.
        let buffers = unsafe { SendBuffers::from_raw(buffers, count) }?;
        let sending = Sending { buffers, flags, to: None, is_overlapped: way.overlapped };
        let (bytes, went) = through(&call, way.overlapped, |l, s, down| hook(l, s, &sending, down), &mut down)?;
        // SAFETY: the client's, null or valid until the operation is over.
        unsafe { settle_sent(&way, bytes, went, sent) }
    };
    // SAFETY: the client's, null or writable.
    unsafe { zero(errno, body) }
}

/// `WSPSendTo`.
pub unsafe extern "system" fn wsp_send_to<L: LayerEntry>(
    s: SOCKET,
    buffers: *mut WSABUF,
    count: u32,
    sent: *mut u32,
    flags: u32,
    to: *const SOCKADDR,
    tolen: i32,
    overlapped: *mut WSAOVERLAPPED,
    routine: LPWSAOVERLAPPED_COMPLETION_ROUTINE,
    thread: *mut WSATHREADID,
    errno: *mut i32,
) -> i32 {
    let body = || {
        let call = enter::<L>(s)?;
        let way = Way::new(&call, Ends::new(overlapped, routine, thread, sent));
        if way.is_operation() {
            // SAFETY: the client's, null or valid until the operation is over.
            return unsafe { start(&call, &way.ends, || Request::send_to(buffers, count, flags, to, tolen)) };
        }
        let (below, function) = (call.socket.below, call.socket.chain.table.lpWSPSendTo);
        let mut down = || match way.is_ours() {
            true => {
                let (mut bytes, mut nobody) = (0, NO_THREAD);
                // SAFETY: a function of the table, with the client's arguments and places of ours.
                let own = |record: &Record| unsafe {
                    let overlapped = record.overlapped([0; 2]);
                    zero_below(|errno| {
                        function(
                            below,
                            buffers,
                            count,
                            &mut bytes,
                            flags,
                            to,
                            tolen,
                            overlapped,
                            None,
                            &mut nobody,
                            errno,
                        )
                    })
                };
                // SAFETY: the client's, null or valid until the operation is over.
                unsafe { way.own_structure(own) }.map(|()| bytes)
            }
            false => {
                // SAFETY: a function of the table, with the client's arguments.
                zero_below(|errno| unsafe {
                    function(below, buffers, count, sent, flags, to, tolen, overlapped, routine, thread, errno)
                })?;
                // SAFETY: the client's, null or readable.
                Ok(unsafe { args::read(sent) }.unwrap_or(0))
            }
        };
        let Some(hook) = call.transport().functions.send_to else { return down().map(drop) };
        // SAFETY: the client's, null or readable.
        let buffers = unsafe { SendBuffers::from_raw(buffers, count) }?;
        let to = match to.is_null() {
            true => None,
            // SAFETY: not null, and the client's.
            false => Some(unsafe { args::name(to, tolen) }?),
        };
        let sending = Sending { buffers, flags, to, is_overlapped: way.overlapped };
        let (bytes, went) = through(&call, way.overlapped, |l, s, down| hook(l, s, &sending, down), &mut down)?;
        // SAFETY: the client's, null or valid until the operation is over.
        unsafe { settle_sent(&way, bytes, went, sent) }
    };
    // SAFETY: the client's, null or writable.
    unsafe { zero(errno, body) }
}

/// # Safety
/// The pointers are null or valid.
unsafe fn settle_sent<L: LayerEntry>(way: &Way<'_, L>, bytes: u32, went: bool, sent: *mut u32) -> Result<()> {
    if way.overlapped && !went {
        // SAFETY: the caller promises it.
        return unsafe { way.complete(&Completion::of(bytes)) };
    }
    // SAFETY: the caller promises it.
    unsafe { args::store(sent, bytes) };
    Ok(())
}

/// `WSPRecv`.
pub unsafe extern "system" fn wsp_recv<L: LayerEntry>(
    s: SOCKET,
    buffers: *mut WSABUF,
    count: u32,
    received: *mut u32,
    flags: *mut u32,
    overlapped: *mut WSAOVERLAPPED,
    routine: LPWSAOVERLAPPED_COMPLETION_ROUTINE,
    thread: *mut WSATHREADID,
    errno: *mut i32,
) -> i32 {
    let body = || {
        let call = enter::<L>(s)?;
        let way = Way::new(&call, Ends { flags, ..Ends::new(overlapped, routine, thread, received) });
        if way.is_operation() {
            // SAFETY: the client's, null or valid until the operation is over.
            return unsafe { start(&call, &way.ends, || Request::recv(buffers, count, flags)) };
        }
        let (below, function) = (call.socket.below, call.socket.chain.table.lpWSPRecv);
        let mut down = || match way.is_ours() {
            true => {
                // SAFETY: the client's, null or readable.
                let (mut bytes, mut bits, mut nobody) = (0, unsafe { args::read(flags) }?, NO_THREAD);
                // SAFETY: a function of the table, with the client's arguments and places of ours.
                let own = |record: &Record| unsafe {
                    let overlapped = record.overlapped([0; 2]);
                    zero_below(|errno| {
                        function(below, buffers, count, &mut bytes, &mut bits, overlapped, None, &mut nobody, errno)
                    })
                };
                // SAFETY: the client's, null or valid until the operation is over.
                unsafe { way.own_structure(own) }.map(|()| taken(bytes, bits))
            }
            false => {
                // SAFETY: a function of the table, with the client's arguments.
                zero_below(|errno| unsafe {
                    function(below, buffers, count, received, flags, overlapped, routine, thread, errno)
                })?;
                // SAFETY: the client's, null or readable.
                Ok(unsafe { taken(args::read(received).unwrap_or(0), args::read(flags).unwrap_or(0)) })
            }
        };
        let Some(hook) = call.transport().functions.recv else { return down().map(drop) };
        // SAFETY: the client's, null or writable.
        let mut receiving = unsafe { receiving(buffers, count, flags, false, way.overlapped) }?;
        let (taken, went) = through(&call, way.overlapped, |l, s, down| hook(l, s, &mut receiving, down), &mut down)?;
        // SAFETY: the client's, null or valid until the operation is over.
        unsafe { settle_taken(&way, &taken, went, received, flags) }
    };
    // SAFETY: the client's, null or writable.
    unsafe { zero(errno, body) }
}

/// `WSPRecvFrom`.
pub unsafe extern "system" fn wsp_recv_from<L: LayerEntry>(
    s: SOCKET,
    buffers: *mut WSABUF,
    count: u32,
    received: *mut u32,
    flags: *mut u32,
    from: *mut SOCKADDR,
    fromlen: *mut i32,
    overlapped: *mut WSAOVERLAPPED,
    routine: LPWSAOVERLAPPED_COMPLETION_ROUTINE,
    thread: *mut WSATHREADID,
    errno: *mut i32,
) -> i32 {
    let body = || {
        let call = enter::<L>(s)?;
        let plain = Ends::new(overlapped, routine, thread, received);
        let way = Way::new(&call, Ends { flags, from, from_length: fromlen, ..plain });
        if way.is_operation() {
            // SAFETY: the client's, null or valid until the operation is over.
            return unsafe { start(&call, &way.ends, || Request::recv_from(buffers, count, flags, from, fromlen)) };
        }
        let (below, function) = (call.socket.below, call.socket.chain.table.lpWSPRecvFrom);
        let mut down = || match way.is_ours() {
            true => {
                // SAFETY: the client's, null or readable.
                let (mut bytes, mut bits, mut nobody) = (0, unsafe { args::read(flags) }?, NO_THREAD);
                // The address goes straight to the client's own place, at the end of the operation (OV-9).
                // SAFETY: a function of the table, with the client's arguments and places of ours.
                let own = |record: &Record| unsafe {
                    let overlapped = record.overlapped([0; 2]);
                    zero_below(|errno| {
                        function(
                            below,
                            buffers,
                            count,
                            &mut bytes,
                            &mut bits,
                            from,
                            fromlen,
                            overlapped,
                            None,
                            &mut nobody,
                            errno,
                        )
                    })
                };
                // SAFETY: the client's, null or valid until the operation is over.
                unsafe { way.own_structure(own) }.map(|()| taken(bytes, bits))
            }
            false => {
                // SAFETY: a function of the table, with the client's arguments.
                zero_below(|errno| unsafe {
                    function(below, buffers, count, received, flags, from, fromlen, overlapped, routine, thread, errno)
                })?;
                // SAFETY: the client's, null or readable, as the next provider has just filled it.
                unsafe {
                    let plain = taken(args::read(received).unwrap_or(0), args::read(flags).unwrap_or(0));
                    Ok(Taken { from: stored_address(from, fromlen), ..plain })
                }
            }
        };
        let Some(hook) = call.transport().functions.recv_from else { return down().map(drop) };
        let wants_address = !from.is_null() && !fromlen.is_null();
        // SAFETY: the client's, null or writable.
        let mut receiving = unsafe { receiving(buffers, count, flags, wants_address, way.overlapped) }?;
        let (taken, went) = through(&call, way.overlapped, |l, s, down| hook(l, s, &mut receiving, down), &mut down)?;
        if let Some(source) = taken.from
            && wants_address
            && (!way.overlapped || went)
        {
            // The layer may say something else than the next provider did, which has used the room already.
            // SAFETY: the client's, and it was large enough before.
            unsafe { args::store_name(&source, from, fromlen) }?;
        }
        // SAFETY: the client's, null or valid until the operation is over.
        unsafe { settle_taken(&way, &taken, went, received, flags) }
    };
    // SAFETY: the client's, null or writable.
    unsafe { zero(errno, body) }
}

/// # Safety
/// The pointers are null or valid.
unsafe fn settle_taken<L: LayerEntry>(
    way: &Way<'_, L>,
    taken: &Taken,
    went: bool,
    received: *mut u32,
    flags: *mut u32,
) -> Result<()> {
    let Received { bytes, flags: bits } = taken.received;
    if way.overlapped && !went {
        // SAFETY: the caller promises it.
        return unsafe {
            way.complete(&Completion { error: None, bytes, flags: bits, from: taken.from.map(Box::new) })
        };
    }
    // SAFETY: the caller promises it.
    unsafe { args::store(received, bytes) };
    // SAFETY: as above.
    unsafe { args::store(flags, bits) };
    Ok(())
}

fn taken(bytes: u32, flags: u32) -> Taken {
    Taken { received: Received { bytes, flags }, from: None }
}

/// # Safety
/// The pointers are null or valid for `'a`.
unsafe fn receiving<'a>(
    buffers: *mut WSABUF,
    count: u32,
    flags: *mut u32,
    wants_address: bool,
    is_overlapped: bool,
) -> Result<Receiving<'a>> {
    // SAFETY: the caller promises it.
    let (buffers, flags) = unsafe { (RecvBuffers::from_raw(buffers, count)?, args::read(flags)?) };
    Ok(Receiving { buffers, flags, wants_address, is_overlapped })
}

/// # Safety
/// The pointers are null or valid, and the address is there.
unsafe fn stored_address(name: *const SOCKADDR, length: *const i32) -> Option<Address> {
    // SAFETY: the caller promises it.
    unsafe {
        let length = args::read(length).ok()?;
        Address::from_bytes(args::input(name.cast(), length).ok()?).ok()
    }
}
