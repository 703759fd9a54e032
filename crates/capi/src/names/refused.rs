//! Exports that need a name space provider: each fails with the error that its page documents.

use core::ffi::{c_char, c_void};
use core::ptr::null_mut;

use windlass_abi::{
    GUID, HANDLE, HOSTENT, HWND, PROTOENT, SERVENT, SOCKADDR, SOCKET, SOCKET_ADDRESS, SOCKET_ADDRESS_LIST,
    SOCKET_ERROR, TIMEVAL, WSAOVERLAPPED, WsaError,
};
use windlass_runtime::{Function, require_started};

use crate::boundary::{call, call_code};

/// Declares exports that fail with one error once Winsock is started.
macro_rules! refused {
    ($error:ident, $failure:expr => $ret:ty; $($(#[$name:meta])* $function:ident($($arg:ty),*);)*) => {
        $(
            /// Needs a name space provider.
            ///
            /// # Safety
            /// The arguments are not followed.
            $(#[$name])*
            pub unsafe extern "system" fn $function($(_: $arg),*) -> $ret {
                call($failure, || refuse(WsaError::$error))
            }
        )*
    };
}

/// The same for exports that return the code itself (API-3).
macro_rules! refused_by_code {
    ($error:ident; $($(#[$name:meta])* $function:ident($($arg:ty),*);)*) => {
        $(
            /// Needs a name space provider.
            ///
            /// # Safety
            /// The arguments are not followed.
            $(#[$name])*
            pub unsafe extern "system" fn $function($(_: $arg),*) -> i32 {
                call_code(|| refuse(WsaError::$error))
            }
        )*
    };
}

fn refuse<T>(error: WsaError) -> Result<T, WsaError> {
    require_started(Function::Other)?;
    Err(error)
}

type Any = *mut c_void;

// No provider can be asked.
refused! { WSAEOPNOTSUPP, SOCKET_ERROR => i32;
    #[unsafe(no_mangle)] WSAProviderConfigChange(*mut HANDLE, *mut WSAOVERLAPPED, Any);
}

// No asynchronous request was ever started, so every handle is unknown.
refused! { WSAEINVAL, SOCKET_ERROR => i32;
    #[unsafe(no_mangle)] WSACancelAsyncRequest(HANDLE);
}

// The databases and look-ups of version 1.1, which have no better code for "cannot be asked".
refused! { WSANO_RECOVERY, null_mut() => *mut HOSTENT;
    #[unsafe(export_name = "ws2_gethostbyname")] gethostbyname(*const c_char);
    #[unsafe(export_name = "ws2_gethostbyaddr")] gethostbyaddr(*const c_char, i32, i32);
}
refused! { WSANO_RECOVERY, null_mut() => *mut SERVENT;
    #[unsafe(export_name = "ws2_getservbyname")] getservbyname(*const c_char, *const c_char);
    #[unsafe(export_name = "ws2_getservbyport")] getservbyport(i32, *const c_char);
}
refused! { WSANO_RECOVERY, null_mut() => *mut PROTOENT;
    #[unsafe(export_name = "ws2_getprotobyname")] getprotobyname(*const c_char);
    #[unsafe(export_name = "ws2_getprotobynumber")] getprotobynumber(i32);
}

// Results come as window messages, and there are no windows.
refused! { WSAEOPNOTSUPP, null_mut() => HANDLE;
    #[unsafe(no_mangle)] WSAAsyncGetServByName(HWND, u32, *const c_char, *const c_char, *mut c_char, i32);
    #[unsafe(no_mangle)] WSAAsyncGetServByPort(HWND, u32, i32, *const c_char, *mut c_char, i32);
    #[unsafe(no_mangle)] WSAAsyncGetProtoByName(HWND, u32, *const c_char, *mut c_char, i32);
    #[unsafe(no_mangle)] WSAAsyncGetProtoByNumber(HWND, u32, i32, *mut c_char, i32);
    #[unsafe(no_mangle)] WSAAsyncGetHostByName(HWND, u32, *const c_char, *mut c_char, i32);
    #[unsafe(no_mangle)] WSAAsyncGetHostByAddr(HWND, u32, *const c_char, i32, i32, *mut c_char, i32);
}

// Connecting by name needs the resolver (API-S2 names the codes; none fits better).
refused! { WSAEOPNOTSUPP, 0 => i32;
    #[unsafe(no_mangle)] WSAConnectByNameA(SOCKET, *const c_char, *const c_char, *mut u32, *mut SOCKADDR, *mut u32, *mut SOCKADDR, *const TIMEVAL, *mut WSAOVERLAPPED);
    #[unsafe(no_mangle)] WSAConnectByNameW(SOCKET, *mut u16, *mut u16, *mut u32, *mut SOCKADDR, *mut u32, *mut SOCKADDR, *const TIMEVAL, *mut WSAOVERLAPPED);
    #[unsafe(no_mangle)] WSAConnectByList(SOCKET, *mut SOCKET_ADDRESS_LIST, *mut u32, *mut SOCKADDR, *mut u32, *mut SOCKADDR, *const TIMEVAL, *mut WSAOVERLAPPED);
}

// The resolver: WSANO_RECOVERY is EAI_FAIL (API-R1).
refused_by_code! { WSANO_RECOVERY;
    #[unsafe(no_mangle)] GetAddrInfoExA(*const c_char, *const c_char, u32, *mut GUID, Any, *mut Any, *mut TIMEVAL, *mut WSAOVERLAPPED, Any, *mut HANDLE);
    #[unsafe(no_mangle)] GetAddrInfoExW(*const u16, *const u16, u32, *mut GUID, Any, *mut Any, *mut TIMEVAL, *mut WSAOVERLAPPED, Any, *mut HANDLE);
    #[unsafe(no_mangle)] SetAddrInfoExA(*const c_char, *const c_char, *mut SOCKET_ADDRESS, u32, Any, u32, u32, *mut GUID, *mut TIMEVAL, *mut WSAOVERLAPPED, Any, *mut HANDLE);
    #[unsafe(no_mangle)] SetAddrInfoExW(*const u16, *const u16, *mut SOCKET_ADDRESS, u32, Any, u32, u32, *mut GUID, *mut TIMEVAL, *mut WSAOVERLAPPED, Any, *mut HANDLE);
}
refused_by_code! { WSA_INVALID_HANDLE;
    #[unsafe(no_mangle)] GetAddrInfoExCancel(*mut HANDLE);
    #[unsafe(no_mangle)] GetAddrInfoExOverlappedResult(*mut WSAOVERLAPPED);
}

/// Lists come only from the functions above, which make none: there is never anything to free.
macro_rules! nothing_to_free {
    ($($(#[$name:meta])* $function:ident;)*) => {
        $(
            /// No list was ever handed out.
            ///
            /// # Safety
            /// The argument is not followed.
            $(#[$name])*
            pub unsafe extern "system" fn $function(_: Any) {}
        )*
    };
}
nothing_to_free! {
    #[unsafe(no_mangle)] FreeAddrInfoEx;
    #[unsafe(no_mangle)] FreeAddrInfoExW;
}
