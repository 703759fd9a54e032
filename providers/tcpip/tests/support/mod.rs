//! The provider as the runtime sees it: through its table, with upcalls made for tests.
#![allow(unsafe_code, reason = "calls the C table of the provider")]
#![allow(dead_code, reason = "each test program uses its own part")]

pub mod callbacks;
pub mod upcalls;

use std::io::ErrorKind;
use std::mem::MaybeUninit;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, TcpListener};
use std::path::Path;
use std::ptr::{null, null_mut};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::Duration;

use windlass_abi::*;

/// Calls a function of the table.
macro_rules! call {
    ($winsock:ident.$function:ident($($argument:expr),* $(,)?)) => {
        // SAFETY: the provider is started, and every pointer is null or valid while the call lasts.
        unsafe { ($winsock.table.$function)($($argument),*) }
    };
}

pub type Result<T> = std::result::Result<T, WsaError>;

/// One successful `WSPStartup`, and its `WSPCleanup` when it is dropped. Any number of tests of a process
/// may have one; only the last clean-up cleans.
pub struct Winsock {
    pub table: ProcTable,
}

/// A catalog entry of the provider.
pub fn entry(family: i32, socket_type: i32) -> WSAPROTOCOL_INFOW {
    let protocol = if socket_type == SOCK_STREAM { IPPROTO_TCP } else { IPPROTO_UDP };
    let services = match socket_type {
        SOCK_STREAM => {
            XP1_IFS_HANDLES | XP1_GUARANTEED_DELIVERY | XP1_GUARANTEED_ORDER | XP1_GRACEFUL_CLOSE | XP1_EXPEDITED_DATA
        }
        _ => {
            XP1_IFS_HANDLES | XP1_CONNECTIONLESS | XP1_MESSAGE_ORIENTED | XP1_SUPPORT_BROADCAST | XP1_SUPPORT_MULTIPOINT
        }
    };
    WSAPROTOCOL_INFOW {
        dwServiceFlags1: services,
        dwCatalogEntryId: 1001 + u32::from(family == AF_INET6) * 2 + u32::from(socket_type == SOCK_DGRAM),
        ProtocolChain: WSAPROTOCOLCHAIN { ChainLen: BASE_PROTOCOL, ..Default::default() },
        iVersion: 2,
        iAddressFamily: family,
        iMaxSockAddr: if family == AF_INET { 16 } else { 28 },
        iMinSockAddr: if family == AF_INET { 16 } else { 28 },
        iSocketType: socket_type,
        iProtocol: protocol,
        ..Default::default()
    }
}

/// The address of this machine to itself, with a port that the system chooses.
pub fn loopback(family: i32) -> SocketAddr {
    match family {
        AF_INET => (Ipv4Addr::LOCALHOST, 0).into(),
        _ => (Ipv6Addr::LOCALHOST, 0).into(),
    }
}

/// IPv4, and IPv6 where the machine has its loopback address; says so where it has not.
pub fn families() -> &'static [i32] {
    match TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) {
        Err(error) if matches!(error.kind(), ErrorKind::AddrNotAvailable | ErrorKind::Unsupported) => {
            eprintln!("IPv6 is skipped: this machine has no ::1");
            &[AF_INET]
        }
        _ => &[AF_INET, AF_INET6],
    }
}

impl Winsock {
    /// Starts the provider.
    pub fn start() -> Self {
        let mut data = MaybeUninit::<WSPDATA>::zeroed();
        let mut table = WSPPROC_TABLE::EMPTY;
        windlass_spi::thread_error::install(upcalls::set_last_error);
        let startup = windlass_spi::entry::<windlass_tcpip::Tcpip>();
        let (data, info) = (data.as_mut_ptr(), &mut entry(AF_INET, SOCK_STREAM));
        // SAFETY: the structures are there, and the upcalls can be called.
        let result = unsafe { startup(make_version(2, 2), data, info, upcalls::table(), &mut table) };
        assert_eq!(result, 0, "WSPStartup");
        Self { table: table.complete().unwrap() }
    }

    /// `WSPCleanup`, with its result.
    pub fn cleanup(self) -> Result<()> {
        let done = zero(|errno| call!(self.lpWSPCleanup(errno)));
        std::mem::forget(self);
        done
    }

    /// A socket made with these `WSA_FLAG_*`.
    pub fn socket_with(&self, family: i32, socket_type: i32, flags: u32) -> Result<SOCKET> {
        let mut info = entry(family, socket_type);
        socket(|errno| call!(self.lpWSPSocket(family, socket_type, 0, &mut info, 0, flags, errno)))
    }

    /// A socket as `socket()` makes it.
    pub fn socket(&self, family: i32, socket_type: i32) -> SOCKET {
        self.socket_with(family, socket_type, WSA_FLAG_OVERLAPPED).unwrap()
    }

    pub fn close(&self, s: SOCKET) -> Result<()> {
        zero(|errno| call!(self.lpWSPCloseSocket(s, errno)))
    }

    pub fn bind(&self, s: SOCKET, to: SocketAddr) -> Result<()> {
        self.bind_bytes(s, &encode(to))
    }

    pub fn bind_bytes(&self, s: SOCKET, name: &[u8]) -> Result<()> {
        zero(|errno| call!(self.lpWSPBind(s, name.as_ptr().cast(), name.len() as i32, errno)))
    }

    pub fn listen(&self, s: SOCKET, backlog: i32) -> Result<()> {
        zero(|errno| call!(self.lpWSPListen(s, backlog, errno)))
    }

    pub fn connect(&self, s: SOCKET, to: SocketAddr) -> Result<()> {
        self.connect_bytes(s, &encode(to))
    }

    pub fn connect_bytes(&self, s: SOCKET, name: &[u8]) -> Result<()> {
        self.connect_with(s, name, None)
    }

    pub fn connect_with(&self, s: SOCKET, name: &[u8], caller_data: Option<&mut [u8]>) -> Result<()> {
        let mut data = caller_data.map(buffer);
        let data = data.as_mut().map_or(null_mut(), |data| data);
        let (name, length) = (name.as_ptr().cast(), name.len() as i32);
        zero(|errno| call!(self.lpWSPConnect(s, name, length, data, null_mut(), null_mut(), null_mut(), errno)))
    }

    pub fn accept(&self, s: SOCKET) -> Result<(SOCKET, SocketAddr)> {
        self.accept_if(s, None, 0)
    }

    pub fn accept_if(&self, s: SOCKET, condition: LPCONDITIONPROC, data: usize) -> Result<(SOCKET, SocketAddr)> {
        let mut name = [0u8; 128];
        let mut length = name.len() as i32;
        let accepted =
            socket(|errno| call!(self.lpWSPAccept(s, name.as_mut_ptr().cast(), &mut length, condition, data, errno)))?;
        Ok((accepted, address(&name[..length as usize])))
    }

    /// An accept that has room for so many bytes of the peer's address.
    pub fn accept_into(&self, s: SOCKET, name: &mut [u8]) -> Result<SOCKET> {
        let mut length = name.len() as i32;
        socket(|errno| call!(self.lpWSPAccept(s, name.as_mut_ptr().cast(), &mut length, None, 0, errno)))
    }

    pub fn send(&self, s: SOCKET, bytes: &[u8], flags: u32) -> Result<usize> {
        self.send_parts(s, &[bytes], flags)
    }

    pub fn send_parts(&self, s: SOCKET, parts: &[&[u8]], flags: u32) -> Result<usize> {
        let mut buffers = const_buffers(parts);
        let mut sent = 0;
        zero(|errno| {
            call!(self.lpWSPSend(
                s,
                buffers.as_mut_ptr(),
                buffers.len() as u32,
                &mut sent,
                flags,
                null_mut(),
                None,
                null_mut(),
                errno
            ))
        })?;
        Ok(sent as usize)
    }

    pub fn send_to(&self, s: SOCKET, bytes: &[u8], to: SocketAddr) -> Result<usize> {
        self.send_to_bytes(s, &[bytes], 0, &encode(to))
    }

    pub fn send_to_bytes(&self, s: SOCKET, parts: &[&[u8]], flags: u32, name: &[u8]) -> Result<usize> {
        let mut buffers = const_buffers(parts);
        let mut sent = 0;
        let to = if name.is_empty() { null() } else { name.as_ptr().cast() };
        zero(|errno| {
            call!(self.lpWSPSendTo(
                s,
                buffers.as_mut_ptr(),
                buffers.len() as u32,
                &mut sent,
                flags,
                to,
                name.len() as i32,
                null_mut(),
                None,
                null_mut(),
                errno
            ))
        })?;
        Ok(sent as usize)
    }

    /// Receives up to `room` bytes.
    pub fn recv(&self, s: SOCKET, room: usize, flags: u32) -> Result<Vec<u8>> {
        let mut bytes = vec![0; room];
        let received = self.recv_parts(s, &mut [&mut bytes], flags)?;
        bytes.truncate(received);
        Ok(bytes)
    }

    pub fn recv_parts(&self, s: SOCKET, parts: &mut [&mut [u8]], flags: u32) -> Result<usize> {
        let mut buffers: Vec<WSABUF> = parts.iter_mut().map(|part| buffer(part)).collect();
        let (mut received, mut flags) = (0, flags);
        zero(|errno| {
            call!(self.lpWSPRecv(
                s,
                buffers.as_mut_ptr(),
                buffers.len() as u32,
                &mut received,
                &mut flags,
                null_mut(),
                None,
                null_mut(),
                errno
            ))
        })?;
        Ok(received as usize)
    }

    pub fn recv_from(&self, s: SOCKET, room: usize, flags: u32) -> Result<(Vec<u8>, SocketAddr)> {
        let mut bytes = vec![0; room];
        let mut name = [0u8; 128];
        let (received, length) = self.recv_from_parts(s, &mut [&mut bytes], flags, &mut name)?;
        bytes.truncate(received);
        Ok((bytes, address(&name[..length])))
    }

    pub fn recv_from_parts(
        &self,
        s: SOCKET,
        parts: &mut [&mut [u8]],
        flags: u32,
        name: &mut [u8],
    ) -> Result<(usize, usize)> {
        let mut buffers: Vec<WSABUF> = parts.iter_mut().map(|part| buffer(part)).collect();
        let (mut received, mut flags) = (0, flags);
        let mut length = name.len() as i32;
        zero(|errno| {
            call!(self.lpWSPRecvFrom(
                s,
                buffers.as_mut_ptr(),
                buffers.len() as u32,
                &mut received,
                &mut flags,
                name.as_mut_ptr().cast(),
                &mut length,
                null_mut(),
                None,
                null_mut(),
                errno
            ))
        })?;
        Ok((received as usize, length as usize))
    }

    pub fn shutdown(&self, s: SOCKET, how: i32) -> Result<()> {
        zero(|errno| call!(self.lpWSPShutdown(s, how, errno)))
    }

    pub fn send_disconnect(&self, s: SOCKET, data: Option<&mut [u8]>) -> Result<()> {
        let mut data = data.map(buffer);
        let data = data.as_mut().map_or(null_mut(), |data| data);
        zero(|errno| call!(self.lpWSPSendDisconnect(s, data, errno)))
    }

    pub fn recv_disconnect(&self, s: SOCKET, data: Option<&mut [u8]>) -> Result<()> {
        let mut data = data.map(buffer);
        let data = data.as_mut().map_or(null_mut(), |data| data);
        zero(|errno| call!(self.lpWSPRecvDisconnect(s, data, errno)))
    }

    pub fn sock_name(&self, s: SOCKET) -> Result<SocketAddr> {
        name(|bytes, length, errno| call!(self.lpWSPGetSockName(s, bytes, length, errno)))
    }

    pub fn peer_name(&self, s: SOCKET) -> Result<SocketAddr> {
        name(|bytes, length, errno| call!(self.lpWSPGetPeerName(s, bytes, length, errno)))
    }

    pub fn cancel_blocking_call(&self) -> Result<()> {
        zero(|errno| call!(self.lpWSPCancelBlockingCall(errno)))
    }

    pub fn event_select(&self, s: SOCKET, event: WSAEVENT, mask: i32) -> Result<()> {
        zero(|errno| call!(self.lpWSPEventSelect(s, event, mask, errno)))
    }

    pub fn async_select(&self, s: SOCKET, window: HWND, message: u32, mask: i32) -> Result<()> {
        zero(|errno| call!(self.lpWSPAsyncSelect(s, window, message, mask, errno)))
    }

    pub fn enum_network_events(&self, s: SOCKET, event: WSAEVENT) -> Result<WSANETWORKEVENTS> {
        let mut events = WSANETWORKEVENTS { lNetworkEvents: -1, iErrorCode: [0x5a5a; FD_MAX_EVENTS] };
        zero(|errno| call!(self.lpWSPEnumNetworkEvents(s, event, &mut events, errno)))?;
        Ok(events)
    }

    pub fn set_option(&self, s: SOCKET, level: i32, option: i32, value: &[u8]) -> Result<()> {
        let (bytes, length) = (value.as_ptr(), value.len() as i32);
        zero(|errno| call!(self.lpWSPSetSockOpt(s, level, option, bytes, length, errno)))
    }

    pub fn set_int(&self, s: SOCKET, level: i32, option: i32, value: i32) {
        self.set_option(s, level, option, &value.to_ne_bytes()).unwrap();
    }

    pub fn option(&self, s: SOCKET, level: i32, option: i32, room: usize) -> Result<Vec<u8>> {
        let mut value = vec![0; room];
        let mut length = room as i32;
        zero(|errno| call!(self.lpWSPGetSockOpt(s, level, option, value.as_mut_ptr(), &mut length, errno)))?;
        value.truncate(length as usize);
        Ok(value)
    }

    pub fn int_option(&self, s: SOCKET, level: i32, option: i32) -> i32 {
        i32::from_ne_bytes(self.option(s, level, option, 4).unwrap().try_into().unwrap())
    }

    /// Sets `SO_LINGER`: absent is off.
    pub fn set_linger(&self, s: SOCKET, seconds: Option<u16>) {
        let (on, seconds) = (u16::from(seconds.is_some()), seconds.unwrap_or(0));
        let value = [on.to_ne_bytes(), seconds.to_ne_bytes()].concat();
        self.set_option(s, SOL_SOCKET, SO_LINGER, &value).unwrap();
    }

    /// An overlapped ioctl without output.
    pub fn ioctl_overlapped(
        &self,
        s: SOCKET,
        code: u32,
        input: *mut std::ffi::c_void,
        returned: &mut u32,
        overlapped: &mut WSAOVERLAPPED,
    ) -> Result<()> {
        zero(|errno| {
            call!(self.lpWSPIoctl(s, code, input, 0, null_mut(), 0, returned, overlapped, None, null_mut(), errno))
        })
    }

    pub fn ioctl(&self, s: SOCKET, code: u32, input: &mut [u8], output: &mut [u8]) -> Result<usize> {
        let mut returned = 0;
        zero(|errno| {
            call!(self.lpWSPIoctl(
                s,
                code,
                input.as_mut_ptr().cast(),
                input.len() as u32,
                output.as_mut_ptr().cast(),
                output.len() as u32,
                &mut returned,
                null_mut(),
                None,
                null_mut(),
                errno
            ))
        })?;
        Ok(returned as usize)
    }

    pub fn set_nonblocking(&self, s: SOCKET, on: bool) -> Result<()> {
        self.ioctl(s, FIONBIO, &mut u32::from(on).to_ne_bytes(), &mut []).map(|_| ())
    }

    /// `WSPSelect` over three sets: the ready sockets of each.
    pub fn select(
        &self,
        read: &[SOCKET],
        write: &[SOCKET],
        except: &[SOCKET],
        timeout: Option<Duration>,
    ) -> Result<[Vec<SOCKET>; 3]> {
        let mut sets = [read, write, except].map(fd_set);
        let time = timeout
            .map(|timeout| TIMEVAL { tv_sec: timeout.as_secs() as i32, tv_usec: timeout.subsec_micros() as i32 });
        let [read, write, except] = &mut sets;
        let some = |set: &mut FD_SET| if set.fd_count == 0 { null_mut() } else { set as *mut FD_SET };
        let (read, write, except) = (some(read), some(write), some(except));
        let time = time.as_ref().map_or(null(), |time| time);
        let (count, error) = with_errno(|errno| call!(self.lpWSPSelect(0, read, write, except, time, errno)));
        if count == SOCKET_ERROR {
            return Err(error);
        }
        let ready = sets.map(|set| set.fd_array[..set.fd_count as usize].to_vec());
        assert_eq!(count as usize, ready.iter().map(Vec::len).sum::<usize>());
        Ok(ready)
    }

    /// `WSAPoll` of the provider: what each element found. A negative time is for ever.
    pub fn poll(&self, elements: &[(SOCKET, i16)], milliseconds: i32) -> Result<Vec<i16>> {
        type Poll = unsafe extern "system" fn(*mut WSAPOLLFD, u32, i32) -> i32;
        let any = elements.iter().map(|element| element.0).find(|s| self.sock_type(*s).is_ok());
        let mut pointer = [0u8; size_of::<usize>()];
        // SAFETY: a structure of numbers without padding.
        let mut guid: [u8; 16] = unsafe { std::mem::transmute(WSAID_WSAPOLL) };
        self.ioctl(any.unwrap(), SIO_GET_EXTENSION_FUNCTION_POINTER, &mut guid, &mut pointer)?;
        // SAFETY: the provider says that this is the function.
        let poll: Poll = unsafe { std::mem::transmute(usize::from_ne_bytes(pointer)) };
        let array = elements.iter().map(|&(fd, events)| WSAPOLLFD { fd, events, revents: -1 });
        let mut array: Vec<_> = array.collect();
        // SAFETY: the array is as long as it says.
        let count = unsafe { poll(array.as_mut_ptr(), array.len() as u32, milliseconds) };
        if count == SOCKET_ERROR {
            return Err(upcalls::last_error());
        }
        let found: Vec<i16> = array.iter().map(|element| element.revents).collect();
        assert_eq!(count as usize, found.iter().filter(|revents| **revents != 0).count());
        Ok(found)
    }

    pub fn sock_type(&self, s: SOCKET) -> Result<Vec<u8>> {
        self.option(s, SOL_SOCKET, SO_TYPE, 4)
    }

    /// A listening socket and its address.
    pub fn listener(&self, family: i32) -> (SOCKET, SocketAddr) {
        let s = self.socket(family, SOCK_STREAM);
        self.bind(s, loopback(family)).unwrap();
        self.listen(s, 5).unwrap();
        (s, self.sock_name(s).unwrap())
    }

    /// Two streams connected to each other: who connected, and who accepted.
    pub fn pair(&self, family: i32) -> (SOCKET, SOCKET) {
        let (listener, at) = self.listener(family);
        let here = self.socket(family, SOCK_STREAM);
        self.connect(here, at).unwrap();
        let (there, _) = self.accept(listener).unwrap();
        self.close(listener).unwrap();
        (here, there)
    }

    /// A bound datagram socket and its address.
    pub fn datagram(&self, family: i32) -> (SOCKET, SocketAddr) {
        let s = self.socket(family, SOCK_DGRAM);
        self.bind(s, loopback(family)).unwrap();
        (s, self.sock_name(s).unwrap())
    }

    /// Waits until the socket is readable. Fails the test if it never is.
    pub fn wait_readable(&self, s: SOCKET) {
        let [ready, ..] = self.select(&[s], &[], &[], Some(PATIENCE)).unwrap();
        assert_eq!(ready, [s], "nothing came");
    }

    /// Receives until the end of the stream.
    pub fn recv_all(&self, s: SOCKET) -> Result<Vec<u8>> {
        let mut all = Vec::new();
        loop {
            match self.recv(s, 64 * 1024, 0)? {
                more if more.is_empty() => return Ok(all),
                more => all.extend(more),
            }
        }
    }

    /// Closes sockets that the test has no more questions about.
    pub fn close_all(&self, sockets: impl IntoIterator<Item = SOCKET>) {
        for s in sockets {
            self.close(s).unwrap();
        }
    }
}

impl Drop for Winsock {
    fn drop(&mut self) {
        let done = zero(|errno| call!(self.lpWSPCleanup(errno)));
        if !std::thread::panicking() {
            done.unwrap();
        }
    }
}

/// How long a test waits for what must happen before it fails.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// How long a test watches what must not happen.
pub const A_WHILE: Duration = Duration::from_millis(60);

/// Runs a call on a thread of its own, and returns when that thread sleeps in the kernel's poll, as a call that
/// blocks does. A call that ends instead is for the test to find.
pub fn spawn_blocked<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    call: impl FnOnce() -> T + Send + 'scope,
) -> ScopedJoinHandle<'scope, T> {
    let (tell, told) = std::sync::mpsc::channel();
    let thread = scope.spawn(move || {
        tell.send(std::fs::read_link("/proc/thread-self").unwrap()).unwrap();
        call()
    });
    let system_call = Path::new("/proc").join(told.recv().unwrap()).join("syscall");
    eventually("the call waits", || {
        let number = std::fs::read_to_string(&system_call).ok();
        let number = number.and_then(|call| call.split(' ').next()?.parse().ok());
        thread.is_finished() || number.is_some_and(|number: libc::c_long| POLLS.contains(&number))
    });
    thread
}

#[cfg(target_arch = "x86_64")]
const POLLS: &[libc::c_long] = &[libc::SYS_poll, libc::SYS_ppoll];
#[cfg(not(target_arch = "x86_64"))]
const POLLS: &[libc::c_long] = &[libc::SYS_ppoll];

/// Spins until `done`, and fails the test if that never comes. For conditions that nothing signals.
pub fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let start = std::time::Instant::now();
    while !done() {
        assert!(start.elapsed() < PATIENCE, "never: {what}");
        std::thread::yield_now();
    }
}

/// An address as Windows lays it out.
pub fn encode(address: SocketAddr) -> Vec<u8> {
    let port = address.port().to_be_bytes();
    match address {
        SocketAddr::V4(v4) => [&2u16.to_ne_bytes()[..], &port, &v4.ip().octets(), &[0; 8]].concat(),
        SocketAddr::V6(v6) => [
            &23u16.to_ne_bytes()[..],
            &port,
            &v6.flowinfo().to_be_bytes(),
            &v6.ip().octets(),
            &v6.scope_id().to_ne_bytes(),
        ]
        .concat(),
    }
}

/// The address that is laid out so.
pub fn address(name: &[u8]) -> SocketAddr {
    let port = u16::from_be_bytes([name[2], name[3]]);
    match (u16::from_ne_bytes([name[0], name[1]]), name.len()) {
        (2, 16) => (<[u8; 4]>::try_from(&name[4..8]).unwrap(), port).into(),
        (23, 28) => {
            let ip = Ipv6Addr::from(<[u8; 16]>::try_from(&name[8..24]).unwrap());
            let scope = u32::from_ne_bytes(name[24..28].try_into().unwrap());
            SocketAddrV6::new(ip, port, 0, scope).into()
        }
        other => panic!("no address: {other:?} {name:?}"),
    }
}

fn name(call: impl FnOnce(*mut SOCKADDR, *mut i32, *mut i32) -> i32) -> Result<SocketAddr> {
    let mut bytes = [0u8; 128];
    let mut length = bytes.len() as i32;
    zero(|errno| call(bytes.as_mut_ptr().cast(), &mut length, errno))?;
    Ok(address(&bytes[..length as usize]))
}

fn buffer(bytes: &mut [u8]) -> WSABUF {
    WSABUF { len: bytes.len() as u32, buf: bytes.as_mut_ptr() }
}

fn const_buffers(parts: &[&[u8]]) -> Vec<WSABUF> {
    parts.iter().map(|part| WSABUF { len: part.len() as u32, buf: part.as_ptr().cast_mut() }).collect()
}

fn fd_set(sockets: &[SOCKET]) -> FD_SET {
    let mut set = FD_SET { fd_count: sockets.len() as u32, fd_array: [0; FD_SETSIZE] };
    set.fd_array[..sockets.len()].copy_from_slice(sockets);
    set
}

fn with_errno<T>(call: impl FnOnce(*mut i32) -> T) -> (T, WsaError) {
    let mut errno = 0;
    let result = call(&mut errno);
    (result, WsaError::from_code(errno))
}

fn zero(call: impl FnOnce(*mut i32) -> i32) -> Result<()> {
    match with_errno(call) {
        (0, _) => Ok(()),
        (_, error) => Err(error),
    }
}

fn socket(call: impl FnOnce(*mut i32) -> SOCKET) -> Result<SOCKET> {
    match with_errno(call) {
        (INVALID_SOCKET, error) => Err(error),
        (socket, _) => Ok(socket),
    }
}
