//! The name space provider interface, versions 1 and 2: the tables of providers and their exports.
//! Contract: namespace, sections 8 and 9; lifecycle, sections 4 and 5.

use core::ffi::c_void;

use crate::*;

/// How the end of an asynchronous `NSPIoctl` is told (NSPI-2).
pub type WSACOMPLETIONTYPE = i32;
pub const NSP_NOTIFY_IMMEDIATELY: WSACOMPLETIONTYPE = 0;
pub const NSP_NOTIFY_HWND: WSACOMPLETIONTYPE = 1;
pub const NSP_NOTIFY_EVENT: WSACOMPLETIONTYPE = 2;
pub const NSP_NOTIFY_PORT: WSACOMPLETIONTYPE = 3;
pub const NSP_NOTIFY_APC: WSACOMPLETIONTYPE = 4;

/// How and where the end of an asynchronous `NSPIoctl` is told; `Type` says which parameters hold.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct WSACOMPLETION {
    pub Type: WSACOMPLETIONTYPE,
    pub Parameters: WSACOMPLETION_PARAMETERS,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub union WSACOMPLETION_PARAMETERS {
    pub WindowMessage: WSACOMPLETION_WINDOW,
    pub Event: WSACOMPLETION_EVENT,
    pub Apc: WSACOMPLETION_APC,
    pub Port: WSACOMPLETION_PORT,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct WSACOMPLETION_WINDOW {
    pub hWnd: HWND,
    pub uMsg: u32,
    pub context: WPARAM,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct WSACOMPLETION_EVENT {
    pub lpOverlapped: *mut WSAOVERLAPPED,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct WSACOMPLETION_APC {
    pub lpOverlapped: *mut WSAOVERLAPPED,
    pub lpfnCompletionProc: LPWSAOVERLAPPED_COMPLETION_ROUTINE,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct WSACOMPLETION_PORT {
    pub lpOverlapped: *mut WSAOVERLAPPED,
    pub hPort: HANDLE,
    pub Key: usize,
}

/// Frees a provider's instance.
pub type LPNSPCLEANUP = Option<unsafe extern "system" fn(lpProviderId: *mut GUID) -> i32>;
pub type LPNSPLOOKUPSERVICEBEGIN = Option<
    unsafe extern "system" fn(
        lpProviderId: *mut GUID,
        lpqsRestrictions: *mut WSAQUERYSETW,
        lpServiceClassInfo: *mut WSASERVICECLASSINFOW,
        dwControlFlags: u32,
        lphLookup: *mut HANDLE,
    ) -> i32,
>;
pub type LPNSPLOOKUPSERVICENEXT = Option<
    unsafe extern "system" fn(
        hLookup: HANDLE,
        dwControlFlags: u32,
        lpdwBufferLength: *mut u32,
        lpqsResults: *mut WSAQUERYSETW,
    ) -> i32,
>;
pub type LPNSPLOOKUPSERVICEEND = Option<unsafe extern "system" fn(hLookup: HANDLE) -> i32>;
pub type LPNSPSETSERVICE = Option<
    unsafe extern "system" fn(
        lpProviderId: *mut GUID,
        lpServiceClassInfo: *mut WSASERVICECLASSINFOW,
        lpqsRegInfo: *mut WSAQUERYSETW,
        essOperation: WSAESETSERVICEOP,
        dwControlFlags: u32,
    ) -> i32,
>;
pub type LPNSPINSTALLSERVICECLASS =
    Option<unsafe extern "system" fn(lpProviderId: *mut GUID, lpServiceClassInfo: *mut WSASERVICECLASSINFOW) -> i32>;
pub type LPNSPREMOVESERVICECLASS =
    Option<unsafe extern "system" fn(lpProviderId: *mut GUID, lpServiceClassId: *mut GUID) -> i32>;
pub type LPNSPGETSERVICECLASSINFO = Option<
    unsafe extern "system" fn(
        lpProviderId: *mut GUID,
        lpdwBufSize: *mut u32,
        lpServiceClassInfo: *mut WSASERVICECLASSINFOW,
    ) -> i32,
>;
pub type LPNSPIOCTL = Option<
    unsafe extern "system" fn(
        hLookup: HANDLE,
        dwControlCode: u32,
        lpvInBuffer: *mut c_void,
        cbInBuffer: u32,
        lpvOutBuffer: *mut c_void,
        cbOutBuffer: u32,
        lpcbBytesReturned: *mut u32,
        lpCompletion: *mut WSACOMPLETION,
        lpThreadId: *mut WSATHREADID,
    ) -> i32,
>;

/// The functions of a version 1 provider: 88 bytes on 64-bit systems, or 80 where `cbSize` leaves
/// `NSPIoctl` out (NSP-STARTUP-4, NSP-STARTUP-5).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct NSP_ROUTINE {
    pub cbSize: u32,
    pub dwMajorVersion: u32,
    pub dwMinorVersion: u32,
    pub NSPCleanup: LPNSPCLEANUP,
    pub NSPLookupServiceBegin: LPNSPLOOKUPSERVICEBEGIN,
    pub NSPLookupServiceNext: LPNSPLOOKUPSERVICENEXT,
    pub NSPLookupServiceEnd: LPNSPLOOKUPSERVICEEND,
    pub NSPSetService: LPNSPSETSERVICE,
    pub NSPInstallServiceClass: LPNSPINSTALLSERVICECLASS,
    pub NSPRemoveServiceClass: LPNSPREMOVESERVICECLASS,
    pub NSPGetServiceClassInfo: LPNSPGETSERVICECLASSINFO,
    pub NSPIoctl: LPNSPIOCTL,
}

/// The one export of a version 1 provider (NSP-STARTUP-1).
pub type LPNSPSTARTUP =
    Option<unsafe extern "system" fn(lpProviderId: *mut GUID, lpnspRoutines: *mut NSP_ROUTINE) -> i32>;

pub type LPNSPV2STARTUP =
    Option<unsafe extern "system" fn(lpProviderId: *mut GUID, ppvClientSessionArg: *mut *mut c_void) -> i32>;
pub type LPNSPV2CLEANUP =
    Option<unsafe extern "system" fn(lpProviderId: *mut GUID, pvClientSessionArg: *mut c_void) -> i32>;
/// The session argument is an input (NSP2-CALL-1).
pub type LPNSPV2LOOKUPSERVICEBEGIN = Option<
    unsafe extern "system" fn(
        lpProviderId: *mut GUID,
        lpqsRestrictions: *mut WSAQUERYSET2W,
        dwControlFlags: u32,
        lpvClientSessionArg: *mut c_void,
        lphLookup: *mut HANDLE,
    ) -> i32,
>;
pub type LPNSPV2LOOKUPSERVICENEXTEX = Option<
    unsafe extern "system" fn(
        hAsyncCall: HANDLE,
        hLookup: HANDLE,
        dwControlFlags: u32,
        lpdwBufferLength: *mut u32,
        lpqsResults: *mut WSAQUERYSET2W,
    ),
>;
pub type LPNSPV2LOOKUPSERVICEEND = Option<unsafe extern "system" fn(hLookup: HANDLE) -> i32>;
pub type LPNSPV2SETSERVICEEX = Option<
    unsafe extern "system" fn(
        hAsyncCall: HANDLE,
        lpProviderId: *mut GUID,
        lpqsRegInfo: *mut WSAQUERYSET2W,
        essOperation: WSAESETSERVICEOP,
        dwControlFlags: u32,
        lpvClientSessionArg: *mut c_void,
    ),
>;
pub type LPNSPV2CLIENTSESSIONRUNDOWN =
    Option<unsafe extern "system" fn(lpProviderId: *mut GUID, pvClientSessionArg: *mut c_void)>;

/// The functions of a version 2 provider: 72 bytes on 64-bit systems (NSP2-TBL-1).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct NSPV2_ROUTINE {
    pub cbSize: u32,
    pub dwMajorVersion: u32,
    pub dwMinorVersion: u32,
    pub NSPv2Startup: LPNSPV2STARTUP,
    pub NSPv2Cleanup: LPNSPV2CLEANUP,
    pub NSPv2LookupServiceBegin: LPNSPV2LOOKUPSERVICEBEGIN,
    pub NSPv2LookupServiceNextEx: LPNSPV2LOOKUPSERVICENEXTEX,
    pub NSPv2LookupServiceEnd: LPNSPV2LOOKUPSERVICEEND,
    pub NSPv2SetServiceEx: LPNSPV2SETSERVICEEX,
    pub NSPv2ClientSessionRundown: LPNSPV2CLIENTSESSIONRUNDOWN,
}
