//! One row for each export that has a function of the SPI behind it (A-B, A-S): how a program calls it, and what has
//! to arrive at the provider.

use std::ptr::null_mut;

use windlass_abi::*;
use ws2_32::{addresses, connection, events, extensions, options, readiness, socket, transfer};

use crate::recorder::BIG;

/// An argument that arrives.
#[derive(Clone, Copy, Debug)]
pub enum Arrives {
    /// This word.
    Word(usize),
    /// A pointer to something of the library's own.
    Ours,
}
use Arrives::{Ours, Word};

pub struct Row {
    pub export: &'static str,
    /// Calls it with this socket; the result as a signed word.
    pub call: Box<dyn Fn(SOCKET) -> isize>,
    /// The result of a failure.
    pub failure: isize,
    pub function: &'static str,
    /// What arrives; the socket, where the first argument is one, is left out.
    pub arguments: Vec<Arrives>,
    pub takes_socket: bool,
    /// The buffers that arrive.
    pub buffers: Vec<(usize, u32)>,
    /// The flags that arrive by pointer.
    pub flags: Option<u32>,
}

/// The nth of 32 pieces of memory of 1 KiB each, for the life of the process.
pub fn memory(n: usize) -> usize {
    static MEMORY: std::sync::LazyLock<usize> =
        std::sync::LazyLock::new(|| Box::leak(Box::new([0u64; 32 * 128])).as_mut_ptr().expose_provenance());
    assert!(n < 32);
    *MEMORY + n * 1024
}

/// A pointer to it.
pub fn at<T>(n: usize) -> *mut T {
    std::ptr::with_exposed_provenance_mut(memory(n))
}

/// The set in a piece of memory, made to have one socket.
fn set_of(n: usize, s: SOCKET) -> *mut FD_SET {
    let set = at::<FD_SET>(n);
    // SAFETY: the memory is ours, and larger than a set.
    unsafe {
        (*set).fd_count = 1;
        (*set).fd_array[0] = s;
    }
    set
}

/// A zero in a piece of memory.
fn zero<T>(n: usize) -> *mut T {
    let number = at::<u64>(n);
    // SAFETY: the memory is ours.
    unsafe { number.write(0) };
    number.cast()
}

/// An IPv4 address in a piece of memory.
fn address(n: usize) -> *mut SOCKADDR {
    let address = at::<SOCKADDR_IN>(n);
    // SAFETY: the memory is ours, and larger than an address.
    unsafe { (*address).sin_family = AF_INET as u16 };
    address.cast()
}

/// Text of either width in a piece of memory.
fn text<T: From<u8>>(n: usize) -> *mut T {
    let text = at::<T>(n);
    for (i, byte) in b"127.0.0.1\0".iter().enumerate() {
        // SAFETY: the memory is ours, and larger than the text.
        unsafe { text.add(i).write((*byte).into()) };
    }
    text
}

/// A piece of memory whose address is registered as a window.
fn window(n: usize) -> HWND {
    windlass_runtime::messages::register(memory(n), std::sync::Arc::new(|_, _, _| true));
    at(n)
}

/// Two buffers described in a piece of memory.
fn two_buffers(n: usize) -> *mut WSABUF {
    let buffers = at::<WSABUF>(n);
    // SAFETY: the memory is ours, and larger than the buffers' descriptions.
    unsafe {
        buffers.write(WSABUF { len: 30, buf: at(n + 1) });
        buffers.add(1).write(WSABUF { len: 40, buf: at(n + 2) });
    }
    buffers
}

unsafe extern "system" fn condition(
    _: *mut WSABUF,
    _: *mut WSABUF,
    _: *mut QOS,
    _: *mut QOS,
    _: *mut WSABUF,
    _: *mut WSABUF,
    _: *mut GROUP,
    _: usize,
) -> i32 {
    CF_ACCEPT
}

unsafe extern "system" fn routine(_: u32, _: u32, _: *mut WSAOVERLAPPED, _: u32) {}

/// A result as a signed word.
trait Outcome {
    fn outcome(self) -> isize;
}

impl Outcome for i32 {
    fn outcome(self) -> isize {
        self as isize
    }
}

impl Outcome for usize {
    fn outcome(self) -> isize {
        self.cast_signed()
    }
}

/// What a row looks like by the words of a table: pieces of memory are `at n`, sockets `s`.
macro_rules! rows {
    ($($export:literal => $function:literal [$($arrives:expr),* $(,)?] $($with:ident: $value:expr),*; |$s:pat_param| $call:expr;)*) => {
        vec![$({
            #[allow(unused_mut, unused_unsafe, reason = "not all have extras, not all are unsafe")]
            let mut row = Row {
                export: $export,
                // SAFETY: pointers are to memory that lives as long as the process, which the recorder only looks at.
                call: Box::new(|$s| unsafe { $call }.outcome()),
                failure: -1,
                function: $function,
                arguments: vec![$($arrives),*],
                takes_socket: true,
                buffers: Vec::new(),
                flags: None,
            };
            $(row.$with = $value;)*
            row
        }),*]
    };
}

const NULL: Arrives = Word(0);

fn place(n: usize) -> Arrives {
    Word(memory(n))
}

/// What the provider gets instead of overlapped, routine and thread from a call that has none (API-5).
const NOT_OVERLAPPED: [Arrives; 3] = [NULL, NULL, Ours];

/// Arguments, with those of [`NOT_OVERLAPPED`] behind them.
fn blocking(arguments: &[Arrives]) -> Vec<Arrives> {
    [arguments, &NOT_OVERLAPPED].concat()
}

/// Arguments, with an overlapped structure, a routine and the thread behind them.
fn overlapped(arguments: &[Arrives]) -> Vec<Arrives> {
    [arguments, &[place(20), Word(routine as *const () as usize), Ours]].concat()
}

/// The BSD style of section 2.
pub fn bsd() -> Vec<Row> {
    rows! {
        "accept" => "WSPAccept" [place(0), place(1), NULL, NULL];
            |s| connection::accept(s, at(0), at(1));
        "bind" => "WSPBind" [place(0), Word(16)]; |s| connection::bind(s, at(0), 16);
        "closesocket" => "WSPCloseSocket" []; |s| socket::closesocket(s);
        "connect" => "WSPConnect" [place(0), Word(16), NULL, NULL, NULL, NULL]; |s| connection::connect(s, at(0), 16);
        "getpeername" => "WSPGetPeerName" [place(0), place(1)]; |s| connection::getpeername(s, at(0), at(1));
        "getsockname" => "WSPGetSockName" [place(0), place(1)]; |s| connection::getsockname(s, at(0), at(1));
        "getsockopt" => "WSPGetSockOpt" [Word(6), Word(1), place(0), place(1)];
            |s| options::getsockopt(s, IPPROTO_TCP, TCP_NODELAY, at(0), at(1));
        "ioctlsocket" => "WSPIoctl" [] arguments: blocking(&[
            Word(FIONBIO as usize), place(0), Word(4), place(0), Word(4), Ours,
        ]); |s| options::ioctlsocket(s, FIONBIO as i32, at(0));
        "listen" => "WSPListen" [Word(5)]; |s| connection::listen(s, 5);
        "recv" => "WSPRecv" [] arguments: blocking(&[Ours, Word(1), Ours, Ours]), buffers: vec![(memory(0), 10)],
            flags: Some(MSG_PEEK); |s| transfer::recv(s, at(0), 10, MSG_PEEK as i32);
        "recvfrom" => "WSPRecvFrom" [] arguments: blocking(&[Ours, Word(1), Ours, Ours, place(1), place(2)]),
            buffers: vec![(memory(0), 10)], flags: Some(MSG_OOB);
            |s| transfer::recvfrom(s, at(0), 10, MSG_OOB as i32, at(1), at(2));
        "select" => "WSPSelect" [Word(9), place(0), place(1), place(2), place(3)] takes_socket: false;
            |s| readiness::select(9, set_of(0, s), set_of(1, s), set_of(2, s), at(3));
        "send" => "WSPSend" [] arguments: blocking(&[Ours, Word(1), Ours, Word(MSG_DONTROUTE as usize)]),
            buffers: vec![(memory(0), 10)]; |s| transfer::send(s, at(0), 10, MSG_DONTROUTE as i32);
        "sendto" => "WSPSendTo" [] arguments: blocking(&[
            Ours, Word(1), Ours, Word(MSG_DONTROUTE as usize), place(1), Word(16),
        ]), buffers: vec![(memory(0), 10)]; |s| transfer::sendto(s, at(0), 10, MSG_DONTROUTE as i32, at(1), 16);
        "setsockopt" => "WSPSetSockOpt" [Word(6), Word(1), place(0), Word(4)];
            |s| options::setsockopt(s, IPPROTO_TCP, TCP_NODELAY, at(0), 4);
        "shutdown" => "WSPShutdown" [Word(1)]; |s| connection::shutdown(s, SD_SEND);
        "socket" => "WSPSocket" [
            Word(AF_INET as usize), Word(SOCK_STREAM as usize), Word(BIG as usize), Ours, NULL,
            Word(WSA_FLAG_OVERLAPPED as usize),
        ] takes_socket: false; |_| socket::socket(AF_INET, SOCK_STREAM, BIG);
        "WSAAsyncSelect" => "WSPAsyncSelect" [place(0), Word(0x401), Word(3)];
            |s| events::WSAAsyncSelect(s, window(0), 0x401, 3);
    }
}

/// The WSA style of section 3, and the one of mswsock that is a transfer.
pub fn wsa() -> Vec<Row> {
    let text_rows = rows! {
        "WSAAddressToStringA" => "WSPAddressToString" [place(0), Word(16), Ours, Ours, Ours] takes_socket: false;
            |_| { at::<u32>(2).write(100); addresses::WSAAddressToStringA(address(0), 16, null_mut(), at(1), at(2)) };
        "WSAAddressToStringW" => "WSPAddressToString" [place(0), Word(16), Ours, place(1), place(2)] takes_socket: false;
            |_| addresses::WSAAddressToStringW(address(0), 16, null_mut(), at(1), at(2));
        "WSAStringToAddressA" => "WSPStringToAddress" [Ours, Word(2), Ours, place(1), place(2)] takes_socket: false;
            |_| addresses::WSAStringToAddressA(text(0), AF_INET, null_mut(), at(1), at(2));
        "WSAStringToAddressW" => "WSPStringToAddress" [place(0), Word(2), Ours, place(1), place(2)] takes_socket: false;
            |_| addresses::WSAStringToAddressW(text(0), AF_INET, null_mut(), at(1), at(2));
    };
    let two = || vec![(memory(4), 30), (memory(5), 40)];
    let made = || vec![Word(2), Word(1), Word(BIG as usize), Ours, Word(7), Word(WSA_FLAG_NO_HANDLE_INHERIT as usize)];
    let mut rows = rows! {
        "WSAAccept" => "WSPAccept" [place(0), place(1), Word(condition as *const () as usize), Word(77)];
            |s| connection::WSAAccept(s, at(0), at(1), Some(condition), 77);
        "WSAConnect" => "WSPConnect" [place(0), Word(16), place(1), place(2), place(3), place(4)];
            |s| connection::WSAConnect(s, at(0), 16, at(1), at(2), at(3), at(4));
        "WSADuplicateSocketA" => "WSPDuplicateSocket" [Word(123), Ours];
            |s| socket::WSADuplicateSocketA(s, 123, at(0));
        "WSADuplicateSocketW" => "WSPDuplicateSocket" [Word(123), place(0)];
            |s| socket::WSADuplicateSocketW(s, 123, at(0));
        "WSAEnumNetworkEvents" => "WSPEnumNetworkEvents" [place(0), place(1)];
            |s| events::WSAEnumNetworkEvents(s, at(0), at(1));
        "WSAEventSelect" => "WSPEventSelect" [place(0), Word(3)]; |s| events::WSAEventSelect(s, at(0), 3);
        "WSAGetOverlappedResult" => "WSPGetOverlappedResult" [place(0), place(1), Word(1), place(2)] failure: 0;
            |s| transfer::WSAGetOverlappedResult(s, at(0), at(1), TRUE, at(2));
        "WSAGetQOSByName" => "WSPGetQOSByName" [place(0), place(1)] failure: 0;
            |s| options::WSAGetQOSByName(s, at(0), at(1));
        "WSAIoctl" => "WSPIoctl" [] arguments: overlapped(&[
            Word(SIO_FLUSH as usize), place(0), Word(8), place(1), Word(16), place(2),
        ]); |s| options::WSAIoctl(s, SIO_FLUSH, at(0), 8, at(1), 16, at(2), at(20), Some(routine));
        "WSAJoinLeaf" => "WSPJoinLeaf" [place(0), Word(16), place(1), place(2), place(3), place(4), Word(4)];
            |s| connection::WSAJoinLeaf(s, at(0), 16, at(1), at(2), at(3), at(4), JL_BOTH);
        "WSARecv" => "WSPRecv" [] arguments: overlapped(&[place(3), Word(2), place(0), place(1)]), buffers: two(),
            flags: Some(0); |s| transfer::WSARecv(s, two_buffers(3), 2, at(0), zero(1), at(20), Some(routine));
        "WSARecvDisconnect" => "WSPRecvDisconnect" [place(0)]; |s| connection::WSARecvDisconnect(s, at(0));
        "WSARecvFrom" => "WSPRecvFrom" []
            arguments: overlapped(&[place(3), Word(2), place(0), place(1), place(6), place(7)]), buffers: two(),
            flags: Some(0);
            |s| transfer::WSARecvFrom(s, two_buffers(3), 2, at(0), zero(1), at(6), at(7), at(20), Some(routine));
        "WSASend" => "WSPSend" [] arguments: overlapped(&[place(3), Word(2), place(0), Word(1)]), buffers: two();
            |s| transfer::WSASend(s, two_buffers(3), 2, at(0), MSG_OOB, at(20), Some(routine));
        "WSASendDisconnect" => "WSPSendDisconnect" [place(0)]; |s| connection::WSASendDisconnect(s, at(0));
        "WSASendTo" => "WSPSendTo" []
            arguments: overlapped(&[place(3), Word(2), place(0), Word(1), place(6), Word(16)]), buffers: two();
            |s| transfer::WSASendTo(s, two_buffers(3), 2, at(0), MSG_OOB, at(6), 16, at(20), Some(routine));
        "WSASocketA" => "WSPSocket" [] arguments: made(), takes_socket: false;
            |_| socket::WSASocketA(AF_INET, SOCK_STREAM, BIG, null_mut(), 7, WSA_FLAG_NO_HANDLE_INHERIT);
        "WSASocketW" => "WSPSocket" [] arguments: made(), takes_socket: false;
            |_| socket::WSASocketW(AF_INET, SOCK_STREAM, BIG, null_mut(), 7, WSA_FLAG_NO_HANDLE_INHERIT);
        "WSARecvEx" => "WSPRecv" [] arguments: blocking(&[Ours, Word(1), Ours, Ours]),
            buffers: vec![(memory(0), 10)], flags: Some(0); |s| transfer::WSARecvEx(s, at(0), 10, zero(1));
    };
    rows.extend(text_rows);
    rows
}

/// Functions that take a socket and call no function of its provider for it, or several.
pub fn others() -> Vec<Row> {
    rows! {
        "WSAHtonl" => "" []; |s| addresses::WSAHtonl(s, 1, at(0));
        "WSAHtons" => "" []; |s| addresses::WSAHtons(s, 1, at(0));
        "WSANtohl" => "" []; |s| addresses::WSANtohl(s, 1, at(0));
        "WSANtohs" => "" []; |s| addresses::WSANtohs(s, 1, at(0));
        "WSASendMsg" => "" []; |s| extensions::WSASendMsg(s, at(0), 0, at(1), null_mut(), None);
        "AcceptEx" => "" [] failure: 0; |s| extensions::AcceptEx(s, s, at(0), 0, 32, 32, at(1), at(2));
        "TransmitFile" => "" [] failure: 0; |s| extensions::TransmitFile(s, null_mut(), 0, 0, at(0), at(1), 0);
    }
}
