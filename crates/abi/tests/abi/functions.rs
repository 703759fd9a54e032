//! Every exported function and every function type: parameters and results, as `windows-sys` has them.
//! Nothing here is linked: a function only gives its type.

use windlass_abi as abi;

use crate::describe::{CType, describe};
use crate::exports::with_exports;
use crate::structs::win;

/// The functions of Win32 outside Winsock.
mod kernel {
    pub use windows_sys::Win32::Foundation::{CloseHandle, GetLastError, SetLastError};
    pub use windows_sys::Win32::System::SystemInformation::{GetTickCount, GetTickCount64};
    pub use windows_sys::Win32::System::Threading::{
        CreateEventA, CreateEventW, GetCurrentProcessId, GetCurrentThreadId, ResetEvent, SetEvent, Sleep, SleepEx,
        WaitForMultipleObjects, WaitForMultipleObjectsEx, WaitForSingleObject, WaitForSingleObjectEx,
    };
}

/// The exports that `windows-sys` does not have, after their pages.
#[allow(non_camel_case_types, non_snake_case, reason = "the names are those of the functions")]
mod pages {
    use windlass_abi::*;

    pub type WSCInstallProviderAndChains = unsafe extern "system" fn(
        lpProviderId: *mut GUID,
        lpszProviderDllPath: *mut u16,
        lpszLspName: *mut u16,
        dwServiceFlags: u32,
        lpProtocolInfoList: *mut WSAPROTOCOL_INFOW,
        dwNumberOfEntries: u32,
        lpdwCatalogEntryId: *mut u32,
        lpErrno: *mut i32,
    ) -> i32;
    pub type WSCInstallQOSTemplate =
        unsafe extern "system" fn(lpProviderId: *mut GUID, lpQOSName: *mut WSABUF, lpQOS: *mut QOS) -> BOOL;
    pub type WSCRemoveQOSTemplate = unsafe extern "system" fn(lpProviderId: *mut GUID, lpQOSName: *mut WSABUF) -> BOOL;
}

/// A named function or function type and its description.
pub type Signature = (&'static str, fn() -> String);

macro_rules! exports {
    (
        functions { $($module:ident { $($name:ident($($arg:tt),*);)* })* }
        pages { $($page:ident($($page_arg:tt),*);)* }
    ) => {
        /// Every export.
        pub const EXPORTS: &[Signature] = &[
            $($((
                stringify!($name),
                describe($module::$name as unsafe extern "system" fn($($arg),*) -> _),
            ),)*)*
            $((stringify!($page), <pages::$page as CType>::describe),)*
        ];
    };
}

with_exports!(exports);

macro_rules! types {
    (
        all { $($all:ident),* $(,)? }
        // Not in the ABI crate.
        windows_and_c { $($theirs:ident),* $(,)? }
    ) => {
        /// The types as Rust has them.
        pub const TYPES: &[Signature] = &[$((stringify!($all), <abi::$all as CType>::describe),)*];
        /// The same, as far as Windows has them.
        pub const WINDOWS_TYPES: &[Signature] = &[$((stringify!($all), <win::$all as CType>::describe),)*];
        /// Those that only the headers have, as Windows has them.
        pub const WINDOWS_ONLY_TYPES: &[Signature] = &[$((stringify!($theirs), <win::$theirs as CType>::describe),)*];
    };
}

types! {
    all {
        LPBLOCKINGCALLBACK, LPCONDITIONPROC, LPFN_ACCEPTEX, LPFN_CONNECTEX, LPFN_DISCONNECTEX,
        LPFN_GETACCEPTEXSOCKADDRS, LPFN_RIOCLOSECOMPLETIONQUEUE, LPFN_RIOCREATECOMPLETIONQUEUE,
        LPFN_RIOCREATEREQUESTQUEUE, LPFN_RIODEQUEUECOMPLETION, LPFN_RIODEREGISTERBUFFER, LPFN_RIONOTIFY,
        LPFN_RIORECEIVE, LPFN_RIORECEIVEEX, LPFN_RIOREGISTERBUFFER, LPFN_RIORESIZECOMPLETIONQUEUE,
        LPFN_RIORESIZEREQUESTQUEUE, LPFN_RIOSEND, LPFN_RIOSENDEX, LPFN_TRANSMITFILE, LPFN_TRANSMITPACKETS,
        LPFN_WSAPOLL, LPFN_WSARECVMSG, LPFN_WSASENDMSG, LPLOOKUPSERVICE_COMPLETION_ROUTINE, LPNSPCLEANUP,
        LPNSPGETSERVICECLASSINFO, LPNSPINSTALLSERVICECLASS, LPNSPIOCTL, LPNSPLOOKUPSERVICEBEGIN,
        LPNSPLOOKUPSERVICEEND, LPNSPLOOKUPSERVICENEXT, LPNSPREMOVESERVICECLASS, LPNSPSETSERVICE, LPNSPSTARTUP,
        LPNSPV2CLEANUP, LPNSPV2CLIENTSESSIONRUNDOWN, LPNSPV2LOOKUPSERVICEBEGIN, LPNSPV2LOOKUPSERVICEEND,
        LPNSPV2LOOKUPSERVICENEXTEX, LPNSPV2SETSERVICEEX, LPNSPV2STARTUP, LPWPUCLOSEEVENT,
        LPWPUCLOSESOCKETHANDLE, LPWPUCLOSETHREAD, LPWPUCOMPLETEOVERLAPPEDREQUEST, LPWPUCREATEEVENT,
        LPWPUCREATESOCKETHANDLE, LPWPUFDISSET, LPWPUGETPROVIDERPATH, LPWPUMODIFYIFSHANDLE,
        LPWPUOPENCURRENTTHREAD, LPWPUPOSTMESSAGE, LPWPUQUERYBLOCKINGCALLBACK, LPWPUQUERYSOCKETHANDLECONTEXT,
        LPWPUQUEUEAPC, LPWPURESETEVENT, LPWPUSETEVENT, LPWSAOVERLAPPED_COMPLETION_ROUTINE, LPWSAUSERAPC,
        LPWSPACCEPT, LPWSPADDRESSTOSTRING, LPWSPASYNCSELECT, LPWSPBIND, LPWSPCANCELBLOCKINGCALL, LPWSPCLEANUP,
        LPWSPCLOSESOCKET, LPWSPCONNECT, LPWSPDUPLICATESOCKET, LPWSPENUMNETWORKEVENTS, LPWSPEVENTSELECT,
        LPWSPGETOVERLAPPEDRESULT, LPWSPGETPEERNAME, LPWSPGETQOSBYNAME, LPWSPGETSOCKNAME, LPWSPGETSOCKOPT,
        LPWSPIOCTL, LPWSPJOINLEAF, LPWSPLISTEN, LPWSPRECV, LPWSPRECVDISCONNECT, LPWSPRECVFROM, LPWSPSELECT,
        LPWSPSEND, LPWSPSENDDISCONNECT, LPWSPSENDTO, LPWSPSETSOCKOPT, LPWSPSHUTDOWN, LPWSPSOCKET, LPWSPSTARTUP,
        LPWSPSTRINGTOADDRESS,
    }
    windows_and_c {
        LPWSCDEINSTALLPROVIDER, LPWSCENABLENSPROVIDER, LPWSCENUMPROTOCOLS, LPWSCGETPROVIDERPATH,
        LPWSCINSTALLNAMESPACE, LPWSCINSTALLPROVIDER, LPWSCUNINSTALLNAMESPACE, LPWSCUPDATEPROVIDER,
        LPWSCWRITENAMESPACEORDER, LPWSCWRITEPROVIDERORDER,
    }
}
