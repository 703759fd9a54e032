//! Shared objects as modules.
//!
//! A module handle is what `dlopen` gives. Handles are remembered from the call that gave them until the last
//! `FreeLibrary`, so that any other is refused. This library itself has many names, and is never freed.
#![allow(unsafe_code, reason = "calls the system's loader")]

use core::ffi::{CStr, c_void};
use core::ptr::null_mut;
use std::collections::BTreeMap;
use std::ffi::CString;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use windlass_abi::{BOOL, FALSE, HANDLE, TRUE, WsaError};

use crate::boundary::{Result, call, store_all};
use crate::text::{Unit, read, read_if_given, terminated};

use super::{code, fail, invalid};

/// What programs call this library, with or without `.dll`.
const OWN: [&str; 6] = ["ws2_32", "mswsock", "wsock32", "kernel32", "kernelbase", "api-ms-win-core-synch-l1-2-0"];

/// A function that `GetProcAddress` finds.
pub type Procedure = Option<unsafe extern "system" fn() -> isize>;

/// The modules that were handed out, and how often `FreeLibrary` is due.
static MODULES: Mutex<BTreeMap<usize, usize>> = Mutex::new(BTreeMap::new());

fn modules() -> MutexGuard<'static, BTreeMap<usize, usize>> {
    MODULES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The module of a name that is loaded; of null the program. It is not kept loaded. Errors: `ERROR_MOD_NOT_FOUND`.
///
/// # Safety
/// `name` must be null or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn GetModuleHandleA(name: *const u8) -> HANDLE {
    // SAFETY: as the caller vouches.
    unsafe { loaded(name) }
}

/// The same.
///
/// # Safety
/// `name` must be null or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn GetModuleHandleW(name: *const u16) -> HANDLE {
    // SAFETY: as the caller vouches.
    unsafe { loaded(name) }
}

/// # Safety
/// `name` must be null or NUL-terminated.
unsafe fn loaded<U: Unit>(name: *const U) -> HANDLE {
    call(null_mut(), || {
        // SAFETY: as the caller vouches.
        let name = unsafe { read_if_given(name) }.or_else(|_| invalid())?;
        if name.as_deref().is_some_and(is_own) {
            return own();
        }
        let module = open(name.as_deref(), libc::RTLD_LAZY | libc::RTLD_NOLOAD)?;
        modules().entry(module.addr()).or_insert(0);
        // SAFETY: it was just opened; whoever loaded it before keeps it.
        unsafe { libc::dlclose(module) };
        Ok(module)
    })
}

/// Loads a shared object, or refers to it once more. Errors: `ERROR_MOD_NOT_FOUND`, `ERROR_INVALID_PARAMETER` (null).
///
/// # Safety
/// `name` must be null or NUL-terminated. Loading runs the code of the object.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn LoadLibraryA(name: *const u8) -> HANDLE {
    // SAFETY: as the caller vouches.
    unsafe { load_library(name) }
}

/// The same.
///
/// # Safety
/// As [`LoadLibraryA`].
#[unsafe(no_mangle)]
pub unsafe extern "system" fn LoadLibraryW(name: *const u16) -> HANDLE {
    // SAFETY: as the caller vouches.
    unsafe { load_library(name) }
}

/// # Safety
/// As [`LoadLibraryA`].
unsafe fn load_library<U: Unit>(name: *const U) -> HANDLE {
    call(null_mut(), || {
        // SAFETY: as the caller vouches.
        let name = unsafe { read(name) }.or_else(|_| invalid())?;
        if is_own(&name) {
            return own();
        }
        let module = open(Some(&name), libc::RTLD_NOW | libc::RTLD_LOCAL)?;
        *modules().entry(module.addr()).or_insert(0) += 1;
        Ok(module)
    })
}

/// Takes one `LoadLibrary` back. Without effect on this library. Errors: `ERROR_MOD_NOT_FOUND`.
///
/// # Safety
/// With the last one, nobody uses the module any more.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn FreeLibrary(module: HANDLE) -> BOOL {
    call(FALSE, || {
        if module == own()? {
            return Ok(TRUE);
        }
        let mut modules = modules();
        let due = modules.get_mut(&module.addr()).filter(|due| **due > 0);
        let due = due.ok_or(WsaError::Other(code::MOD_NOT_FOUND))?;
        *due -= 1;
        if *due == 0 {
            modules.remove(&module.addr());
        }
        // The code that runs at the end of the object may call this function.
        drop(modules);
        // SAFETY: LoadLibrary has opened it, and this is the one close for that.
        unsafe { libc::dlclose(module) };
        Ok(TRUE)
    })
}

/// A function or variable of a module. This library has what its headers declare, under the names that they have there.
///
/// Errors: `ERROR_MOD_NOT_FOUND`, `ERROR_PROC_NOT_FOUND` (also for every ordinal), `ERROR_INVALID_PARAMETER` (null).
///
/// # Safety
/// `name` must be null, a number below 65536, or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn GetProcAddress(module: HANDLE, name: *const u8) -> Procedure {
    call(None, || {
        let of_own = module == own()?;
        if !of_own && !modules().contains_key(&module.addr()) {
            return fail(code::MOD_NOT_FOUND);
        }
        if name.is_null() {
            return invalid();
        }
        if name.addr() < 1 << 16 {
            return fail(code::PROC_NOT_FOUND);
        }
        // SAFETY: as the caller vouches.
        let mut name = unsafe { read(name) }.or_else(|_| fail(code::PROC_NOT_FOUND))?;
        if of_own {
            symbol_of(&name).ok_or(WsaError::Other(code::PROC_NOT_FOUND))?.clone_into(&mut name);
        }
        let name = CString::new(name).or_else(|_| fail(code::PROC_NOT_FOUND))?;
        // SAFETY: the module is open, and a null function is none.
        let found = unsafe { core::mem::transmute::<*mut c_void, Procedure>(libc::dlsym(module, name.as_ptr())) };
        if found.is_none() { fail(code::PROC_NOT_FOUND) } else { Ok(found) }
    })
}

/// The symbol of one of our functions.
fn symbol_of(name: &str) -> Option<&'static str> {
    static SYMBOLS: OnceLock<BTreeMap<&str, &str>> = OnceLock::new();
    let list = || {
        let lines = include_str!("../../exports.txt").lines().filter(|line| !line.starts_with('#'));
        lines.filter_map(|line| line.split_once(' ')).filter_map(|(name, rest)| Some((name, rest.split_once(' ')?.0)))
    };
    SYMBOLS.get_or_init(|| list().collect()).get(name).copied()
}

/// Stores the path of a module, of null that of the program, and gives its length without the NUL. If there is no room,
/// what fits is stored with a NUL, and the room is the answer.
///
/// Errors: `ERROR_INSUFFICIENT_BUFFER`, `ERROR_MOD_NOT_FOUND`, `ERROR_INVALID_PARAMETER` (no buffer).
///
/// # Safety
/// `buffer` must be null or have that much room.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn GetModuleFileNameA(module: HANDLE, buffer: *mut u8, room: u32) -> u32 {
    // SAFETY: as the caller vouches.
    unsafe { file_name(module, buffer, room) }
}

/// The same.
///
/// # Safety
/// `buffer` must be null or have that much room.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn GetModuleFileNameW(module: HANDLE, buffer: *mut u16, room: u32) -> u32 {
    // SAFETY: as the caller vouches.
    unsafe { file_name(module, buffer, room) }
}

/// # Safety
/// `buffer` must be null or have that much room.
unsafe fn file_name<U: Unit>(module: HANDLE, buffer: *mut U, room: u32) -> u32 {
    call(0, || {
        if buffer.is_null() || room == 0 {
            return invalid();
        }
        let mut units = terminated::<U>(&path_of(module)?);
        let cut = units.len() > room as usize;
        if cut {
            units.truncate(room as usize - 1);
            units.push(U::default());
        }
        // SAFETY: there is room for it, as the client says.
        unsafe { store_all(buffer, &units) }?;
        if cut {
            windlass_runtime::thread::set_last_error(code::INSUFFICIENT_BUFFER);
            return Ok(room);
        }
        Ok(units.len() as u32 - 1)
    })
}

/// The start of what the loader keeps of an object.
#[repr(C)]
struct LinkMap {
    base: usize,
    name: *const core::ffi::c_char,
}

fn path_of(module: HANDLE) -> Result<String> {
    let program = || {
        std::env::current_exe()
            .map_or_else(|_| fail(code::MOD_NOT_FOUND), |path| Ok(text(path.as_os_str().as_encoded_bytes())))
    };
    if module.is_null() {
        return program();
    }
    if module != own()? && !modules().contains_key(&module.addr()) {
        return fail(code::MOD_NOT_FOUND);
    }
    let mut map: *const LinkMap = core::ptr::null();
    // SAFETY: the module is open, and the loader's record of it is as long.
    unsafe {
        if libc::dlinfo(module, libc::RTLD_DI_LINKMAP, (&raw mut map).cast()) != 0 || (*map).name.is_null() {
            return fail(code::MOD_NOT_FOUND);
        }
        // The program itself has no name there.
        match CStr::from_ptr((*map).name).to_bytes() {
            b"" => program(),
            name => Ok(text(name)),
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn is_own(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    OWN.contains(&name.strip_suffix(".dll").unwrap_or(&name))
}

/// This library.
fn own() -> Result<HANDLE> {
    static MODULE: OnceLock<Option<usize>> = OnceLock::new();
    let find = || {
        let mut info = core::mem::MaybeUninit::<libc::Dl_info>::zeroed();
        // SAFETY: the address is one of ours, so that the loader knows it; the name is its own.
        let path = unsafe {
            let known = libc::dladdr((&raw const MODULES).cast(), info.as_mut_ptr()) != 0;
            known.then(|| text(CStr::from_ptr(info.assume_init().dli_fname).to_bytes()))
        };
        let path = path?;
        let module = open(Some(&path), libc::RTLD_LAZY | libc::RTLD_NOLOAD);
        // Linked into a program, it is the program.
        Some(module.or_else(|_| open(None, libc::RTLD_LAZY)).ok()?.expose_provenance())
    };
    let module = *MODULE.get_or_init(find);
    module.map(core::ptr::with_exposed_provenance_mut).ok_or(WsaError::Other(code::MOD_NOT_FOUND))
}

/// Opens a shared object; none is the program. Errors: `ERROR_MOD_NOT_FOUND`.
fn open(name: Option<&str>, flags: i32) -> Result<HANDLE> {
    let name = name.map(CString::new).transpose().or_else(|_| fail(code::MOD_NOT_FOUND))?;
    let name = name.as_ref().map_or(core::ptr::null(), |name| name.as_ptr());
    // SAFETY: null or a text; whoever asks to load an object vouches for its code.
    let module = unsafe { libc::dlopen(name, flags) };
    if module.is_null() { fail(code::MOD_NOT_FOUND) } else { Ok(module) }
}
