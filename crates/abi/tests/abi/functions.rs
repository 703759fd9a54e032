//! Every exported function and every function type: parameters and results, as `windows-sys` has them.
//! Nothing here is linked: a function only gives its type.

use windlass_abi as abi;

use crate::describe::{CType, describe};
use crate::exports::with_exports;
use crate::structs::win;

/// The functions of Win32 outside Winsock.
mod kernel {
    pub use windows_sys::Win32::Foundation::{
        CloseHandle, DuplicateHandle, FreeLibrary, GetLastError, GlobalFree, LocalFree, SetLastError,
    };
    pub use windows_sys::Win32::Globalization::{
        MultiByteToWideChar, WideCharToMultiByte, lstrcpynA, lstrcpynW, lstrlenA, lstrlenW,
    };
    pub use windows_sys::Win32::Storage::FileSystem::{
        CreateFileA, CreateFileW, DeleteFileA, DeleteFileW, FlushFileBuffers, GetFileSizeEx, GetFileType, ReadFile,
        SetEndOfFile, SetFileCompletionNotificationModes, SetFilePointerEx, WriteFile,
    };
    pub use windows_sys::Win32::System::Console::{GetStdHandle, SetConsoleCtrlHandler};
    pub use windows_sys::Win32::System::Diagnostics::Debug::{
        IsDebuggerPresent, OutputDebugStringA, OutputDebugStringW,
    };
    pub use windows_sys::Win32::System::Environment::{
        ExpandEnvironmentStringsA, ExpandEnvironmentStringsW, GetCommandLineA, GetCommandLineW,
        GetEnvironmentVariableA, GetEnvironmentVariableW,
    };
    pub use windows_sys::Win32::System::IO::{
        CancelIo, CancelIoEx, CreateIoCompletionPort, GetOverlappedResult, GetOverlappedResultEx,
        GetQueuedCompletionStatus, GetQueuedCompletionStatusEx, PostQueuedCompletionStatus,
    };
    pub use windows_sys::Win32::System::LibraryLoader::{
        GetModuleFileNameA, GetModuleFileNameW, GetModuleHandleA, GetModuleHandleW, GetProcAddress, LoadLibraryA,
        LoadLibraryW,
    };
    pub use windows_sys::Win32::System::Memory::{
        GetProcessHeap, GlobalAlloc, HeapAlloc, HeapCreate, HeapDestroy, HeapFree, HeapReAlloc, HeapSize, LocalAlloc,
    };
    pub use windows_sys::Win32::System::Performance::{QueryPerformanceCounter, QueryPerformanceFrequency};
    pub use windows_sys::Win32::System::SystemInformation::{
        GetNativeSystemInfo, GetSystemInfo, GetSystemTimeAsFileTime, GetSystemTimePreciseAsFileTime, GetTickCount,
        GetTickCount64,
    };
    pub use windows_sys::Win32::System::Threading::{
        AcquireSRWLockExclusive, AcquireSRWLockShared, CreateEventA, CreateEventW, CreateMutexA, CreateMutexW,
        CreateSemaphoreA, CreateSemaphoreW, CreateThread, DeleteCriticalSection, EnterCriticalSection, ExitThread,
        GetCurrentProcess, GetCurrentProcessId, GetCurrentThread, GetCurrentThreadId, GetExitCodeThread,
        InitOnceBeginInitialize, InitOnceComplete, InitOnceExecuteOnce, InitOnceInitialize,
        InitializeConditionVariable, InitializeCriticalSection, InitializeCriticalSectionAndSpinCount,
        InitializeCriticalSectionEx, InitializeSRWLock, LeaveCriticalSection, QueueUserAPC, ReleaseMutex,
        ReleaseSRWLockExclusive, ReleaseSRWLockShared, ReleaseSemaphore, ResetEvent, ResumeThread,
        SetCriticalSectionSpinCount, SetEvent, SignalObjectAndWait, Sleep, SleepConditionVariableCS,
        SleepConditionVariableSRW, SleepEx, SwitchToThread, TlsAlloc, TlsFree, TlsGetValue, TlsSetValue,
        TryAcquireSRWLockExclusive, TryAcquireSRWLockShared, TryEnterCriticalSection, WaitForMultipleObjects,
        WaitForMultipleObjectsEx, WaitForSingleObject, WaitForSingleObjectEx, WakeAllConditionVariable,
        WakeConditionVariable,
    };
}

/// The exports that `windows-sys` does not have, after their pages.
#[allow(non_camel_case_types, non_snake_case, reason = "the names are those of the functions")]
mod pages {
    use core::ffi::c_void;
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
    // The library's own.
    pub type WindlassFileDescriptor = unsafe extern "system" fn(hFile: HANDLE) -> i32;
    pub type WindlassProvider = unsafe extern "system" fn(
        dwCatalogEntryId: u32,
        lpProtocolInfo: *mut WSAPROTOCOL_INFOW,
        lplpfnStartup: *mut LPWSPSTARTUP,
        lpErrno: *mut i32,
    ) -> i32;
    pub type WindlassCreateCallEvent = unsafe extern "system" fn(
        lpfnCall: Option<unsafe extern "system" fn(usize)>,
        dwContext: usize,
        lpErrno: *mut i32,
    ) -> WSAEVENT;
    // The arguments are a va_list, which Rust does not have.
    pub type FormatMessageA = unsafe extern "system" fn(
        dwFlags: u32,
        lpSource: *const c_void,
        dwMessageId: u32,
        dwLanguageId: u32,
        lpBuffer: *mut u8,
        nSize: u32,
        Arguments: *mut c_void,
    ) -> u32;
    pub type FormatMessageW = unsafe extern "system" fn(
        dwFlags: u32,
        lpSource: *const c_void,
        dwMessageId: u32,
        dwLanguageId: u32,
        lpBuffer: *mut u16,
        nSize: u32,
        Arguments: *mut c_void,
    ) -> u32;
}

/// A named function or function type and its description.
pub type Signature = (&'static str, fn() -> String);

macro_rules! exports {
    (
        functions { $($module:ident { $($name:ident($($arg:tt),*);)* })* }
        pages { $($page:ident($($page_arg:tt),*);)* }
        ends { $($end:ident($($end_arg:tt),*);)* }
    ) => {
        /// Every export.
        pub const EXPORTS: &[Signature] = &[
            $($((
                stringify!($name),
                describe($module::$name as unsafe extern "system" fn($($arg),*) -> _),
            ),)*)*
            $((stringify!($page), <pages::$page as CType>::describe),)*
            $((stringify!($end), describe(kernel::$end as unsafe extern "system" fn($($end_arg),*) -> !)),)*
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
        LPWSCWRITENAMESPACEORDER, LPWSCWRITEPROVIDERORDER, LPTHREAD_START_ROUTINE, PAPCFUNC, PHANDLER_ROUTINE,
        PINIT_ONCE_FN,
    }
}
