//! The functions of libws2_32.so, as a C program calls them.

use std::path::PathBuf;

use libloading::Library;
use windlass_abi::{SOCKADDR, SOCKET, WSADATA, make_version};

/// The shared object and the functions that are measured.
pub struct Winsock {
    pub startup: unsafe extern "system" fn(u16, *mut WSADATA) -> i32,
    pub cleanup: extern "system" fn() -> i32,
    pub socket: extern "system" fn(i32, i32, i32) -> SOCKET,
    pub closesocket: extern "system" fn(SOCKET) -> i32,
    pub bind: unsafe extern "system" fn(SOCKET, *const SOCKADDR, i32) -> i32,
    pub listen: extern "system" fn(SOCKET, i32) -> i32,
    pub connect: unsafe extern "system" fn(SOCKET, *const SOCKADDR, i32) -> i32,
    pub accept: unsafe extern "system" fn(SOCKET, *mut SOCKADDR, *mut i32) -> SOCKET,
    pub getsockname: unsafe extern "system" fn(SOCKET, *mut SOCKADDR, *mut i32) -> i32,
    pub send: unsafe extern "system" fn(SOCKET, *const u8, i32, i32) -> i32,
    pub recv: unsafe extern "system" fn(SOCKET, *mut u8, i32, i32) -> i32,
    _library: Library,
}

impl Winsock {
    /// Opens the shared object that was built with this program.
    pub fn open() -> Self {
        let path = find();
        // SAFETY: our own library; its start-up code only registers functions.
        let library = unsafe { Library::new(&path) }.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        macro_rules! symbol {
            ($name:literal) => {
                // SAFETY: the symbol has this signature, as the header says; the library stays open beside it.
                *unsafe { library.get($name.as_bytes()) }.unwrap_or_else(|error| panic!("{}: {error}", $name))
            };
        }
        Self {
            startup: symbol!("WSAStartup"),
            cleanup: symbol!("WSACleanup"),
            socket: symbol!("ws2_socket"),
            closesocket: symbol!("closesocket"),
            bind: symbol!("ws2_bind"),
            listen: symbol!("ws2_listen"),
            connect: symbol!("ws2_connect"),
            accept: symbol!("ws2_accept"),
            getsockname: symbol!("ws2_getsockname"),
            send: symbol!("ws2_send"),
            recv: symbol!("ws2_recv"),
            _library: library,
        }
    }

    /// `WSAStartup(2.2)`, which must work.
    pub fn start(&self) {
        let mut data = core::mem::MaybeUninit::uninit();
        // SAFETY: the data is ours.
        assert_eq!(unsafe { (self.startup)(make_version(2, 2), data.as_mut_ptr()) }, 0);
    }

    /// `WSACleanup`, which must work.
    pub fn clean_up(&self) {
        assert_eq!((self.cleanup)(), 0);
    }
}

fn find() -> PathBuf {
    beside_this_program("libws2_32.so")
}

/// A shared object that was built with this program.
pub fn beside_this_program(name: &str) -> PathBuf {
    let program = std::env::current_exe().expect("a program has a path");
    let folder = program.parent().expect("a program is in a folder");
    let places = [folder.join(name), folder.join("deps").join(name)];
    places.into_iter().find(|path| path.exists()).unwrap_or_else(|| panic!("{name} is built beside this program"))
}
