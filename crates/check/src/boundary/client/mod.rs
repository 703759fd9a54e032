//! The provider, called through its table.
mod control;
mod operation;
mod start;

use std::fmt::Write;
use std::ptr::{from_ref, null, null_mut};

use windlass_abi::*;

use crate::findings::{Step, Stop, fail};
use crate::{board, host};

pub use operation::{Operation, told};
pub use start::{clean_up_with, start, start_raw};

pub type Result<T> = std::result::Result<T, WsaError>;

/// A provider that has been started once more.
#[derive(Clone, Copy)]
pub struct Provider {
    pub table: ProcTable,
}

/// What a call came to.
#[derive(Clone)]
pub struct Reply<T> {
    /// The call, with its arguments.
    pub call: String,
    pub result: Result<T>,
}

impl<T> Reply<T> {
    /// What came back, for people.
    pub fn came_back(&self) -> String {
        match &self.result {
            Ok(_) => "success".into(),
            Err(error) => error.to_string(),
        }
    }

    /// The result of a call that has to work. A provider that does not offer it leaves the check without a subject.
    pub fn must(self, rule: &str) -> Step<T> {
        let came_back = self.came_back();
        self.result.map_err(|error| match error {
            WsaError::WSAEOPNOTSUPP => Stop::Skip(format!("{} is not offered (WSAEOPNOTSUPP)", function(&self.call))),
            _ => {
                fail(rule, self.call, came_back, "success");
                Stop::Failed
            }
        })
    }

    /// The result of a call that prepares a check. One that fails leaves the check without a subject, unless the failure is
    /// the provider's own fault.
    pub fn prepares(self) -> Step<T> {
        self.result.map_err(|error| Stop::Skip(format!("{} fails with {error}", self.call)))
    }

    /// Has to fail with one of these.
    pub fn fails(&self, rule: &str, with: &[WsaError]) {
        if !matches!(self.result, Err(error) if with.contains(&error)) {
            let wanted: Vec<_> = with.iter().map(WsaError::to_string).collect();
            fail(rule, &self.call, self.came_back(), wanted.join(" or "));
        }
    }

    /// Has to fail with one of these, or with WSAEOPNOTSUPP where the provider does not offer it (STUB-7).
    pub fn fails_if_offered(&self, rule: &str, with: &[WsaError]) {
        if !matches!(self.result, Err(WsaError::WSAEOPNOTSUPP)) {
            self.fails(rule, with);
        }
    }
}

fn function(call: &str) -> &str {
    call.split('(').next().unwrap_or(call)
}

/// Calls a function of the table with these arguments and an error slot: its result, and the slot.
macro_rules! raw {
    ($provider:expr, $function:ident($($argument:expr),* $(,)?)) => {{
        let mut errno = 0;
        let _inside = board::enter(const { stringify!($function).split_at(2).1 });
        // SAFETY: a function of a provider that has been started; the checker passes what the contract lets clients pass, or
        // what it wants to see refused.
        let result = unsafe { ($provider.table.$function)($($argument,)* &mut errno) };
        (result, errno)
    }};
}

use raw;

/// Why a function has failed. It must have said so (LC-ERR-1).
fn error(call: &str, errno: i32) -> WsaError {
    if errno == 0 {
        fail("LC-ERR-1", call, "failure, and *lpErrno is 0", "a failure stores its code in *lpErrno");
    }
    WsaError::from_code(errno)
}

fn zero(call: String, (result, errno): (i32, i32)) -> Reply<()> {
    let result = match result {
        0 => Ok(()),
        SOCKET_ERROR => Err(error(&call, errno)),
        other => {
            fail("LC-NUM-1", &call, format!("{other}"), "0, or SOCKET_ERROR (-1)");
            Err(WsaError::Other(other))
        }
    };
    Reply { call, result }
}

fn handle(call: String, (result, errno): (SOCKET, i32)) -> Reply<SOCKET> {
    let result = if result == INVALID_SOCKET { Err(error(&call, errno)) } else { Ok(result) };
    Reply { call, result }
}

/// A socket handle for people.
pub fn shown(s: SOCKET) -> String {
    if s == INVALID_SOCKET { "INVALID_SOCKET".into() } else { s.to_string() }
}

fn bytes_of(bytes: &[u8]) -> String {
    let mut text = String::from("[");
    for (at, byte) in bytes.iter().take(28).enumerate() {
        let _ = write!(text, "{}{byte}", if at == 0 { "" } else { " " });
    }
    text + "]"
}

pub fn buffer(bytes: &[u8]) -> WSABUF {
    WSABUF { len: bytes.len() as u32, buf: bytes.as_ptr().cast_mut() }
}

pub fn set(sockets: &[SOCKET]) -> FD_SET {
    let mut set = FD_SET { fd_count: sockets.len() as u32, fd_array: [0; FD_SETSIZE] };
    set.fd_array[..sockets.len()].copy_from_slice(sockets);
    set
}

/// The arguments of an overlapped call beyond the data.
#[derive(Clone, Copy)]
pub struct Overlapped {
    pub overlapped: *mut WSAOVERLAPPED,
    pub routine: LPWSAOVERLAPPED_COMPLETION_ROUTINE,
}

pub const SYNCHRONOUS: Overlapped = Overlapped { overlapped: null_mut(), routine: None };

/// The identity of the calling thread, as the runtime passes it along (RT-9).
fn this_thread() -> WSATHREADID {
    let id = windlass_io::thread::current().id();
    id.map_or(WSATHREADID { ThreadHandle: null_mut(), Reserved: 0 }, Into::into)
}

impl Provider {
    pub fn clean_up(&self) -> Reply<()> {
        clean_up_with(self.table.lpWSPCleanup)
    }

    pub fn socket(&self, info: &WSAPROTOCOL_INFOW) -> Reply<SOCKET> {
        let all = FROM_PROTOCOL_INFO;
        self.socket_with([all; 3], info, 0, WSA_FLAG_OVERLAPPED)
    }

    pub fn socket_with(
        &self,
        [af, ty, protocol]: [i32; 3],
        info: &WSAPROTOCOL_INFOW,
        group: u32,
        flags: u32,
    ) -> Reply<SOCKET> {
        let mut copy = *info;
        let id = info.dwCatalogEntryId;
        let call = format!("WSPSocket({af}, {ty}, {protocol}, entry {id}, {group}, {flags:#x})");
        handle(call, raw!(self, lpWSPSocket(af, ty, protocol, &mut copy, group, flags)))
    }

    pub fn close(&self, s: SOCKET) -> Reply<()> {
        let reply = zero(format!("WSPCloseSocket({})", shown(s)), raw!(self, lpWSPCloseSocket(s)));
        if reply.result.is_ok() {
            host::forget(s);
        }
        reply
    }

    pub fn bind(&self, s: SOCKET, name: &[u8]) -> Reply<()> {
        let call = format!("WSPBind({}, {})", shown(s), bytes_of(name));
        zero(call, raw!(self, lpWSPBind(s, name.as_ptr().cast(), name.len() as i32)))
    }

    pub fn listen(&self, s: SOCKET, backlog: i32) -> Reply<()> {
        zero(format!("WSPListen({}, {backlog})", shown(s)), raw!(self, lpWSPListen(s, backlog)))
    }

    pub fn connect(&self, s: SOCKET, name: &[u8]) -> Reply<()> {
        let (at, length) = (name.as_ptr().cast(), name.len() as i32);
        let call = format!("WSPConnect({}, {})", shown(s), bytes_of(name));
        zero(call, raw!(self, lpWSPConnect(s, at, length, null_mut(), null_mut(), null_mut(), null_mut())))
    }

    pub fn join_leaf(&self, s: SOCKET, name: &[u8]) -> Reply<SOCKET> {
        let (at, length, null) = (name.as_ptr().cast(), name.len() as i32, null_mut());
        let call = format!("WSPJoinLeaf({}, {})", shown(s), bytes_of(name));
        handle(call, raw!(self, lpWSPJoinLeaf(s, at, length, null, null, null_mut(), null_mut(), JL_BOTH)))
    }

    pub fn accept(&self, s: SOCKET) -> Reply<SOCKET> {
        let call = format!("WSPAccept({}, NULL, NULL, NULL, 0)", shown(s));
        handle(call, raw!(self, lpWSPAccept(s, null_mut(), null_mut(), None, 0)))
    }

    /// With room for this many bytes of address; gives the address, and the length that the provider stored.
    pub fn accept_from(&self, s: SOCKET, room: i32) -> (Reply<SOCKET>, Vec<u8>, i32) {
        let (mut name, mut length) = ([0xAAu8; 256], room);
        let call = format!("WSPAccept({}, addr, {room}, NULL, 0)", shown(s));
        let reply = handle(call, raw!(self, lpWSPAccept(s, name.as_mut_ptr().cast(), &mut length, None, 0)));
        (reply, name[..length.clamp(0, 256) as usize].to_vec(), length)
    }

    /// With a condition function that does this.
    pub fn accept_asking(&self, s: SOCKET, ask: &(dyn Fn() -> i32 + Sync)) -> Reply<SOCKET> {
        let data = from_ref(&ask).expose_provenance();
        let call = format!("WSPAccept({}, NULL, NULL, condition, data)", shown(s));
        handle(call, raw!(self, lpWSPAccept(s, null_mut(), null_mut(), Some(condition), data)))
    }

    pub fn send(&self, s: SOCKET, bytes: &[u8]) -> Reply<u32> {
        self.send_parts(s, &mut [buffer(bytes)], 0, SYNCHRONOUS)
    }

    /// The array is the caller's, who may change it after the call.
    pub fn send_parts(&self, s: SOCKET, parts: &mut [WSABUF], flags: u32, how: Overlapped) -> Reply<u32> {
        let (mut sent, mut thread) = (0u32, this_thread());
        let (count, total) = (parts.len(), parts.iter().map(|part| u64::from(part.len)).sum::<u64>());
        let call = format!("WSPSend({}, {count} buffers of {total} bytes, flags {flags:#x}{})", shown(s), how.shown());
        let at = parts.as_mut_ptr();
        let result =
            raw!(self, lpWSPSend(s, at, count as u32, &mut sent, flags, how.overlapped, how.routine, &mut thread));
        counted(zero(call, result), sent, total)
    }

    pub fn send_to(&self, s: SOCKET, bytes: &[u8], to: &[u8]) -> Reply<u32> {
        let (mut parts, mut sent, mut thread) = ([buffer(bytes)], 0u32, this_thread());
        let (at, length) = (to.as_ptr().cast(), to.len() as i32);
        let at = if to.is_empty() { null() } else { at };
        let call = format!("WSPSendTo({}, {} bytes, to {})", shown(s), bytes.len(), bytes_of(to));
        let result =
            raw!(self, lpWSPSendTo(s, parts.as_mut_ptr(), 1, &mut sent, 0, at, length, null_mut(), None, &mut thread));
        counted(zero(call, result), sent, bytes.len() as u64)
    }

    pub fn recv(&self, s: SOCKET, room: usize) -> Reply<Vec<u8>> {
        let mut bytes = vec![0u8; room];
        let reply = self.recv_parts(s, &mut [buffer(&bytes)], 0, SYNCHRONOUS);
        let result = reply.result.map(|(received, _)| {
            bytes.truncate(received as usize);
            bytes
        });
        Reply { call: reply.call, result }
    }

    /// Bytes and flags that came.
    pub fn recv_parts(&self, s: SOCKET, parts: &mut [WSABUF], flags: u32, how: Overlapped) -> Reply<(u32, u32)> {
        let (mut received, mut out, mut thread) = (0u32, flags, this_thread());
        let (count, total) = (parts.len(), parts.iter().map(|part| u64::from(part.len)).sum::<u64>());
        let call = format!("WSPRecv({}, {count} buffers of {total} bytes, flags {flags:#x}{})", shown(s), how.shown());
        let at = parts.as_mut_ptr();
        let result = raw!(
            self,
            lpWSPRecv(s, at, count as u32, &mut received, &mut out, how.overlapped, how.routine, &mut thread)
        );
        let reply = counted(zero(call, result), received, total);
        Reply { call: reply.call, result: reply.result.map(|received| (received, out)) }
    }

    /// With room for this many bytes of address, at most 256; what came, and from where.
    pub fn recv_from(&self, s: SOCKET, room: usize, address: i32) -> Reply<(Vec<u8>, Vec<u8>)> {
        let mut bytes = vec![0u8; room];
        let (mut parts, mut received, mut flags, mut thread) = ([buffer(&bytes)], 0u32, 0u32, this_thread());
        let (mut from, mut length) = ([0xAAu8; 256], address);
        let call = format!("WSPRecvFrom({}, {room} bytes, address of {address} bytes)", shown(s));
        let (at, from_at) = (parts.as_mut_ptr(), from.as_mut_ptr().cast());
        let result = raw!(
            self,
            lpWSPRecvFrom(s, at, 1, &mut received, &mut flags, from_at, &mut length, null_mut(), None, &mut thread)
        );
        let reply = counted(zero(call, result), received, room as u64);
        if reply.result.is_ok() && !(0..=address).contains(&length) {
            fail(
                "WSP-RFROM-2",
                &reply.call,
                format!("success, and an address of {length} bytes"),
                "an address that is longer than its room is WSAEFAULT",
            );
        }
        let result = reply.result.map(|received| {
            bytes.truncate(received as usize);
            (bytes, from[..length.clamp(0, address) as usize].to_vec())
        });
        Reply { call: reply.call, result }
    }

    pub fn shutdown(&self, s: SOCKET, how: i32) -> Reply<()> {
        zero(format!("WSPShutdown({}, {how})", shown(s)), raw!(self, lpWSPShutdown(s, how)))
    }

    pub fn send_disconnect(&self, s: SOCKET, data: Option<&mut [u8]>) -> Reply<()> {
        let mut data = data.map(|data| buffer(data));
        let call = format!("WSPSendDisconnect({}, {})", shown(s), if data.is_some() { "data" } else { "NULL" });
        let at = data.as_mut().map_or(null_mut(), |data| data);
        zero(call, raw!(self, lpWSPSendDisconnect(s, at)))
    }

    pub fn recv_disconnect(&self, s: SOCKET, data: Option<&mut [u8]>) -> Reply<()> {
        let mut data = data.map(|data| buffer(data));
        let call = format!("WSPRecvDisconnect({}, {})", shown(s), if data.is_some() { "data" } else { "NULL" });
        let at = data.as_mut().map_or(null_mut(), |data| data);
        zero(call, raw!(self, lpWSPRecvDisconnect(s, at)))
    }

    /// The count, and the sets as they are now. `None` as the time waits for ever; a set that is `None` is not passed.
    pub fn select(&self, sets: [Option<&[SOCKET]>; 3], time: Option<TIMEVAL>) -> Reply<(i32, [Vec<SOCKET>; 3])> {
        let mut own = sets.map(|sockets| sockets.map(set));
        let [read, write, except] = own.each_mut().map(|own| own.as_mut().map_or(null_mut(), std::ptr::from_mut));
        let at = time.as_ref().map_or(null(), from_ref);
        let call = format!("WSPSelect(read {:?}, write {:?}, except {:?}, {time:?})", sets[0], sets[1], sets[2]);
        let (count, errno) = raw!(self, lpWSPSelect(0, read, write, except, at));
        let result = match count {
            SOCKET_ERROR => Err(error(&call, errno)),
            count => Ok((
                count,
                own.map(|own| {
                    own.map_or_else(Vec::new, |set| set.fd_array[..(set.fd_count as usize).min(FD_SETSIZE)].to_vec())
                }),
            )),
        };
        Reply { call, result }
    }
}

impl Overlapped {
    fn shown(&self) -> &'static str {
        match (self.overlapped.is_null(), self.routine) {
            (true, None) => "",
            (true, Some(_)) => ", overlapped NULL, routine",
            (false, None) => ", overlapped",
            (false, Some(_)) => ", overlapped, routine",
        }
    }
}

/// A count of bytes cannot exceed the buffers.
fn counted(reply: Reply<()>, bytes: u32, total: u64) -> Reply<u32> {
    let mut result = reply.result.map(|()| bytes);
    if result.is_ok() && u64::from(bytes) > total {
        let rule = match function(&reply.call) {
            "WSPSend" | "WSPSendTo" => "WSP-SEND-4",
            "WSPIoctl" => "WSP-IOCTL-4",
            _ => "WSP-RECV-1",
        };
        fail(
            rule,
            &reply.call,
            format!("success, and {bytes} bytes"),
            format!("at most the {total} bytes of the buffers"),
        );
        result = Err(WsaError::Other(0));
    }
    Reply { call: reply.call, result }
}

extern "system" fn condition(
    _: *mut WSABUF,
    _: *mut WSABUF,
    _: *mut QOS,
    _: *mut QOS,
    _: *mut WSABUF,
    _: *mut WSABUF,
    _: *mut GROUP,
    data: usize,
) -> i32 {
    let _inside = board::enter("the condition function");
    // SAFETY: what `accept_asking` passes, which is alive until the accept has returned.
    unsafe { (*std::ptr::with_exposed_provenance::<&(dyn Fn() -> i32 + Sync)>(data))() }
}
