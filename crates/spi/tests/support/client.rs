//! A client of a provider: what the runtime is to it.

use std::ptr;

use windlass_spi::abi::*;

pub type Result<T> = std::result::Result<T, WsaError>;

/// A provider that has been started.
#[derive(Clone, Copy)]
pub struct Client {
    pub table: ProcTable,
    /// What it says of itself.
    pub data: WSPDATA,
}

/// Calls a function of the table with these arguments and an error slot: its result, and the slot.
macro_rules! call {
    ($client:expr, $function:ident $(, $argument:expr)* $(,)?) => {{
        let mut errno = 0;
        // SAFETY: a function of a provider that has been started; the test passes what it wants to see survived.
        let result = unsafe { ($client.table.$function)($($argument,)* &mut errno) };
        (result, errno)
    }};
}

#[allow(unused_imports, reason = "each test uses its part")]
pub(crate) use call;

/// A catalog entry with this id.
pub fn entry(id: u32) -> WSAPROTOCOL_INFOW {
    WSAPROTOCOL_INFOW {
        dwCatalogEntryId: id,
        iAddressFamily: 200,
        iSocketType: SOCK_STREAM,
        iProtocol: 7,
        ProtocolChain: WSAPROTOCOLCHAIN { ChainLen: 1, ..Default::default() },
        ..Default::default()
    }
}

/// One `WSPStartup` for version 2.2.
pub fn start(startup: WspStartupFn, info: &WSAPROTOCOL_INFOW) -> Result<Client> {
    start_with(startup, make_version(2, 2), info, super::fake::table())
}

/// One `WSPStartup`.
pub fn start_with(
    startup: WspStartupFn,
    version: u16,
    info: &WSAPROTOCOL_INFOW,
    upcalls: WSPUPCALLTABLE,
) -> Result<Client> {
    let (mut info, mut table) = (*info, WSPPROC_TABLE::EMPTY);
    let mut data = WSPDATA { wVersion: 0, wHighVersion: 0, szDescription: [0xAAAA; WSPDESCRIPTION_LEN + 1] };
    // SAFETY: a provider's entry point, with live arguments.
    let code = unsafe { startup(version, &mut data, &mut info, upcalls, &mut table) };
    if code != 0 {
        return Err(WsaError::from_code(code));
    }
    let table = table.complete().expect("every function is there (WSP-STARTUP-14)");
    Ok(Client { table, data })
}

fn zero((result, errno): (i32, i32)) -> Result<()> {
    match result {
        0 => Ok(()),
        SOCKET_ERROR => Err(WsaError::from_code(errno)),
        other => panic!("neither success nor failure: {other}"),
    }
}

fn handle((result, errno): (SOCKET, i32)) -> Result<SOCKET> {
    if result == INVALID_SOCKET { Err(WsaError::from_code(errno)) } else { Ok(result) }
}

pub fn buffer(bytes: &[u8]) -> WSABUF {
    WSABUF { len: bytes.len() as u32, buf: bytes.as_ptr().cast_mut() }
}

pub fn set(sockets: &[SOCKET]) -> FD_SET {
    let mut set = FD_SET { fd_count: sockets.len() as u32, fd_array: [0; FD_SETSIZE] };
    set.fd_array[..sockets.len()].copy_from_slice(sockets);
    set
}

pub fn members(set: &FD_SET) -> &[SOCKET] {
    &set.fd_array[..set.fd_count as usize]
}

impl Client {
    pub fn clean_up(&self) -> Result<()> {
        zero(call!(self, lpWSPCleanup))
    }

    pub fn socket(&self, info: &WSAPROTOCOL_INFOW) -> Result<SOCKET> {
        self.socket_with(info, WSA_FLAG_OVERLAPPED)
    }

    pub fn socket_with(&self, info: &WSAPROTOCOL_INFOW, flags: u32) -> Result<SOCKET> {
        let mut info = *info;
        let all = FROM_PROTOCOL_INFO;
        handle(call!(self, lpWSPSocket, all, all, all, &mut info, 0, flags))
    }

    pub fn close(&self, s: SOCKET) -> Result<()> {
        zero(call!(self, lpWSPCloseSocket, s))
    }

    pub fn bind(&self, s: SOCKET, name: &[u8]) -> Result<()> {
        zero(call!(self, lpWSPBind, s, name.as_ptr().cast(), name.len() as i32))
    }

    pub fn listen(&self, s: SOCKET) -> Result<()> {
        zero(call!(self, lpWSPListen, s, 5))
    }

    pub fn connect(&self, s: SOCKET, name: &[u8]) -> Result<()> {
        let (name, length, null) = (name.as_ptr().cast(), name.len() as i32, ptr::null_mut());
        zero(call!(self, lpWSPConnect, s, name, length, null, null, ptr::null_mut(), ptr::null_mut()))
    }

    pub fn accept(&self, s: SOCKET) -> Result<SOCKET> {
        handle(call!(self, lpWSPAccept, s, ptr::null_mut(), ptr::null_mut(), None, 0))
    }

    /// With the peer's address.
    pub fn accept_from(&self, s: SOCKET, condition: LPCONDITIONPROC, data: usize) -> (Result<SOCKET>, Vec<u8>) {
        let (mut name, mut length) = ([0u8; 128], 128);
        let accepted = handle(call!(self, lpWSPAccept, s, name.as_mut_ptr().cast(), &mut length, condition, data));
        (accepted, name[..if length == 128 { 0 } else { length as usize }].to_vec())
    }

    /// With a condition function that does this.
    pub fn accept_asking(&self, s: SOCKET, answer: &(dyn Fn() -> i32 + Sync)) -> Result<SOCKET> {
        self.accept_from(s, Some(condition), ptr::from_ref(&answer).expose_provenance()).0
    }

    pub fn send(&self, s: SOCKET, bytes: &[u8]) -> Result<u32> {
        let (mut buffers, mut sent) = ([buffer(bytes)], 0);
        let null = ptr::null_mut();
        zero(call!(self, lpWSPSend, s, buffers.as_mut_ptr(), 1, &mut sent, 0, null, None, ptr::null_mut()))?;
        Ok(sent)
    }

    pub fn send_to(&self, s: SOCKET, bytes: &[u8], to: &[u8]) -> Result<u32> {
        let (mut buffers, mut sent) = ([buffer(bytes)], 0);
        let (to, length) = (to.as_ptr().cast(), to.len() as i32);
        let (null, thread) = (ptr::null_mut(), ptr::null_mut());
        zero(call!(self, lpWSPSendTo, s, buffers.as_mut_ptr(), 1, &mut sent, 0, to, length, null, None, thread))?;
        Ok(sent)
    }

    pub fn recv(&self, s: SOCKET, room: usize) -> Result<Vec<u8>> {
        self.recv_with(s, room, 0).map(|(bytes, _)| bytes)
    }

    pub fn recv_with(&self, s: SOCKET, room: usize, mut flags: u32) -> Result<(Vec<u8>, u32)> {
        let mut bytes = vec![0u8; room];
        let (mut buffers, mut got) = ([buffer(&bytes)], 0u32);
        let (null, thread) = (ptr::null_mut(), ptr::null_mut());
        zero(call!(self, lpWSPRecv, s, buffers.as_mut_ptr(), 1, &mut got, &mut flags, null, None, thread))?;
        bytes.truncate(got as usize);
        Ok((bytes, flags))
    }

    pub fn recv_from(&self, s: SOCKET, room: usize) -> Result<(Vec<u8>, Vec<u8>)> {
        let mut bytes = vec![0u8; room];
        let (mut buffers, mut got, mut flags) = ([buffer(&bytes)], 0u32, 0u32);
        let (mut from, mut length) = ([0u8; 128], 128);
        let (null, thread) = (ptr::null_mut(), ptr::null_mut());
        let (buffers, from_at) = (buffers.as_mut_ptr(), from.as_mut_ptr().cast());
        zero(call!(
            self,
            lpWSPRecvFrom,
            s,
            buffers,
            1,
            &mut got,
            &mut flags,
            from_at,
            &mut length,
            null,
            None,
            thread
        ))?;
        bytes.truncate(got as usize);
        Ok((bytes, from[..length as usize].to_vec()))
    }

    pub fn shutdown(&self, s: SOCKET, how: i32) -> Result<()> {
        zero(call!(self, lpWSPShutdown, s, how))
    }

    /// `None` waits for ever.
    pub fn select(
        &self,
        read: Option<&mut FD_SET>,
        write: Option<&mut FD_SET>,
        except: Option<&mut FD_SET>,
        timeout: Option<TIMEVAL>,
    ) -> Result<i32> {
        let at = |set: Option<&mut FD_SET>| set.map_or(ptr::null_mut(), ptr::from_mut);
        let timeout = timeout.as_ref().map_or(ptr::null(), ptr::from_ref);
        match call!(self, lpWSPSelect, 0, at(read), at(write), at(except), timeout) {
            (SOCKET_ERROR, errno) => Err(WsaError::from_code(errno)),
            (count, _) => Ok(count),
        }
    }

    pub fn get_sock_name(&self, s: SOCKET) -> Result<Vec<u8>> {
        let (mut name, mut length) = ([0u8; 128], 128);
        zero(call!(self, lpWSPGetSockName, s, name.as_mut_ptr().cast(), &mut length))?;
        Ok(name[..length as usize].to_vec())
    }

    pub fn get_peer_name(&self, s: SOCKET) -> Result<Vec<u8>> {
        let (mut name, mut length) = ([0u8; 128], 128);
        zero(call!(self, lpWSPGetPeerName, s, name.as_mut_ptr().cast(), &mut length))?;
        Ok(name[..length as usize].to_vec())
    }

    pub fn get_option(&self, s: SOCKET, level: i32, name: i32) -> Result<i32> {
        let (mut value, mut length) = (0i32, 4);
        zero(call!(self, lpWSPGetSockOpt, s, level, name, ptr::from_mut(&mut value).cast(), &mut length))?;
        Ok(value)
    }

    pub fn set_option(&self, s: SOCKET, level: i32, name: i32, value: i32) -> Result<()> {
        zero(call!(self, lpWSPSetSockOpt, s, level, name, ptr::from_ref(&value).cast(), 4))
    }

    /// With a number as input, and one as output.
    pub fn ioctl(&self, s: SOCKET, code: u32, input: u32) -> Result<u32> {
        let (mut input, mut output, mut returned) = (input, 0u32, 0u32);
        let (in_at, out_at) = (ptr::from_mut(&mut input).cast(), ptr::from_mut(&mut output).cast());
        let (null, thread) = (ptr::null_mut(), ptr::null_mut());
        zero(call!(self, lpWSPIoctl, s, code, in_at, 4, out_at, 4, &mut returned, null, None, thread))?;
        Ok(output)
    }

    pub fn event_select(&self, s: SOCKET, event: WSAEVENT, mask: i32) -> Result<()> {
        zero(call!(self, lpWSPEventSelect, s, event, mask))
    }

    pub fn enum_network_events(&self, s: SOCKET, event: WSAEVENT) -> Result<WSANETWORKEVENTS> {
        let mut events = WSANETWORKEVENTS { lNetworkEvents: 0, iErrorCode: [0; FD_MAX_EVENTS] };
        zero(call!(self, lpWSPEnumNetworkEvents, s, event, &mut events))?;
        Ok(events)
    }

    pub fn address_to_string(&self, address: &[u8], info: &WSAPROTOCOL_INFOW) -> Result<String> {
        let (mut text, mut length, mut info) = ([0u16; 128], 128, *info);
        let (at, bytes) = (address.as_ptr().cast_mut().cast(), address.len() as u32);
        zero(call!(self, lpWSPAddressToString, at, bytes, &mut info, text.as_mut_ptr(), &mut length))?;
        Ok(String::from_utf16(&text[..length as usize - 1]).unwrap())
    }

    pub fn string_to_address(&self, text: &str, family: i32, info: &WSAPROTOCOL_INFOW) -> Result<Vec<u8>> {
        let (mut address, mut length, mut info) = ([0u8; 128], 128, *info);
        let mut text: Vec<u16> = text.encode_utf16().chain([0]).collect();
        let at = address.as_mut_ptr().cast();
        zero(call!(self, lpWSPStringToAddress, text.as_mut_ptr(), family, &mut info, at, &mut length))?;
        Ok(address[..length as usize].to_vec())
    }
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
    // SAFETY: what `accept_asking` passes, which is alive until the accept has returned.
    unsafe { (*ptr::with_exposed_provenance::<&(dyn Fn() -> i32 + Sync)>(data))() }
}

/// A thread's own directory in /proc.
pub fn this_thread() -> std::path::PathBuf {
    std::path::Path::new("/proc").join(std::fs::read_link("/proc/thread-self").unwrap())
}

/// Waits until a thread sleeps in the kernel.
pub fn await_sleep(thread: &std::path::Path) {
    let sleeps = || {
        let stat = std::fs::read_to_string(thread.join("stat")).unwrap();
        stat.rsplit(')').next().unwrap().trim_start().starts_with('S')
    };
    while !sleeps() {
        std::thread::yield_now();
    }
}
