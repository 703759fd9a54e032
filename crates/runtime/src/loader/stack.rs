//! The call stack of the calling thread, as addresses in files: names are the reader's work.

use std::ffi::{CStr, c_void};
use std::mem::MaybeUninit;

use serde::Serialize;

/// How many frames are kept.
const DEPTH: usize = 96;

/// Addresses of calls, innermost first, each with the stack pointer of its frame; none where nothing was captured.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stack(Vec<(usize, usize)>);

/// A frame: the file that is mapped there, and how far into it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Frame {
    file: String,
    offset: usize,
}

impl Stack {
    /// That of the calling thread.
    pub(crate) fn here() -> Self {
        let mut frames: Vec<(usize, usize)> = Vec::with_capacity(DEPTH);
        // SAFETY: the callback has the type that is asked for, and gets a vector that lives as long as the walk.
        unsafe { _Unwind_Backtrace(keep, (&raw mut frames).cast()) };
        Self(frames)
    }

    /// The stack pointer of whoever called into this library: below it nothing of the program lives.
    pub(crate) fn pointer(&self) -> Option<usize> {
        Some(self.outside().first()?.1)
    }

    /// The frames of the program and whatever it came through, without those of this library that lead here.
    pub(crate) fn frames(&self) -> Vec<Frame> {
        self.outside().iter().map(|&(address, _)| frame(address)).collect()
    }

    /// What two findings of the same place have in common: the address of the call into this library. Linked into the
    /// program itself, all the addresses.
    pub(crate) fn place(&self) -> usize {
        let outside = self.outside();
        if outside.len() < self.0.len() {
            return outside[0].0;
        }
        self.0.iter().fold(0, |all, (address, _)| all.rotate_left(5) ^ address)
    }

    /// The exported function of this library that the program called, if it did.
    pub(crate) fn entry(&self) -> Option<String> {
        let inside = self.0.len() - self.outside().len();
        let (_, name) = symbol(self.0[..inside].last()?.0)?;
        name.map(|name| name.strip_prefix("ws2_").unwrap_or(&name).to_owned())
    }

    fn outside(&self) -> &[(usize, usize)] {
        let own = base(Self::here as *const () as usize);
        let first = self.0.iter().position(|&(address, _)| base(address) != own);
        &self.0[first.unwrap_or(0)..]
    }
}

// The unwinder that Rust itself is linked with.
unsafe extern "C" {
    fn _Unwind_Backtrace(keep: extern "C" fn(*mut c_void, *mut c_void) -> i32, argument: *mut c_void) -> i32;
    fn _Unwind_GetIP(context: *mut c_void) -> usize;
    fn _Unwind_GetCFA(context: *mut c_void) -> usize;
}

const GO_ON: i32 = 0;
const END_OF_STACK: i32 = 5;

/// Keeps one frame.
extern "C" fn keep(context: *mut c_void, frames: *mut c_void) -> i32 {
    // SAFETY: the vector of `Stack::here`, which nothing else uses meanwhile.
    let frames = unsafe { &mut *frames.cast::<Vec<(usize, usize)>>() };
    // SAFETY: the unwinder's context, while it calls.
    let (address, pointer) = unsafe { (_Unwind_GetIP(context), _Unwind_GetCFA(context)) };
    if address == 0 || frames.len() == DEPTH {
        return END_OF_STACK;
    }
    // A return address: one less is within the call.
    frames.push((address - 1, pointer));
    GO_ON
}

/// The lowest and the highest address of the calling thread's stack.
pub(crate) fn bounds() -> Option<(usize, usize)> {
    let mut attributes = MaybeUninit::uninit();
    // SAFETY: initialised by the call, if it succeeds.
    if unsafe { libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) } != 0 {
        return None;
    }
    let (mut low, mut size) = (std::ptr::null_mut(), 0);
    // SAFETY: initialised above, and destroyed once.
    let found = unsafe {
        let found = libc::pthread_attr_getstack(attributes.as_ptr(), &mut low, &mut size);
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        found
    };
    (found == 0).then(|| (low.addr(), low.addr() + size))
}

/// Copies bytes of this process, wherever they are; `None` if any is not there.
pub(crate) fn peek(address: usize, bytes: &mut [u8]) -> Option<()> {
    let ours = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    let theirs = libc::iovec { iov_base: std::ptr::without_provenance_mut(address), iov_len: bytes.len() };
    // SAFETY: the kernel checks the other address; ours is a live slice.
    let read = unsafe { libc::process_vm_readv(libc::getpid(), &ours, 1, &theirs, 1, 0) };
    (usize::try_from(read).is_ok_and(|read| read == bytes.len())).then_some(())
}

fn frame(address: usize) -> Frame {
    let unknown = || Frame { file: String::new(), offset: address };
    let Some(info) = look_up(address) else { return unknown() };
    let base = info.dli_fbase.addr();
    // SAFETY: a string of the loader's, while the file is mapped.
    let name = unsafe { CStr::from_ptr(info.dli_fname) }.to_string_lossy();
    // The program itself is named as it was started, which need not lead anywhere from here.
    let file = match std::env::current_exe() {
        Ok(exe) if base == program_base() => exe.to_string_lossy().into_owned(),
        _ => {
            std::fs::canonicalize(&*name).map_or(name.clone().into_owned(), |path| path.to_string_lossy().into_owned())
        }
    };
    Frame { file, offset: address - base }
}

/// Where the program itself is mapped.
fn program_base() -> usize {
    // SAFETY: any tag may be asked for.
    base(unsafe { libc::getauxval(libc::AT_PHDR) } as usize)
}

fn base(address: usize) -> usize {
    look_up(address).map_or(0, |info| info.dli_fbase.addr())
}

fn symbol(address: usize) -> Option<(usize, Option<String>)> {
    let info = look_up(address)?;
    let name = (!info.dli_sname.is_null())
        // SAFETY: a string of the loader's, while the file is mapped.
        .then(|| unsafe { CStr::from_ptr(info.dli_sname) }.to_string_lossy().into_owned());
    Some((info.dli_fbase.addr(), name))
}

fn look_up(address: usize) -> Option<libc::Dl_info> {
    let mut info = MaybeUninit::<libc::Dl_info>::uninit();
    // SAFETY: any address may be asked for; filled in if the answer is not zero.
    unsafe { (libc::dladdr(std::ptr::without_provenance(address), info.as_mut_ptr()) != 0).then(|| info.assume_init()) }
        .filter(|info| !info.dli_fname.is_null())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_has_frames_with_files() {
        let stack = Stack::here();
        let exe = std::env::current_exe().unwrap();
        assert!(stack.0.len() > 3 && frame(stack.0[0].0).file == exe.to_string_lossy(), "{stack:?}");
        assert!(stack.frames().len() < stack.0.len(), "this crate's own frames are left out");
        assert_ne!(stack.place(), 0);
        assert!(Stack::default().frames().is_empty());
    }

    #[test]
    fn memory_that_is_not_there_cannot_be_read() {
        let text = *b"windlass";
        let mut copy = [0; 8];
        assert_eq!(peek(text.as_ptr().addr(), &mut copy), Some(()));
        assert_eq!(copy, text);
        assert_eq!(peek(8, &mut copy), None);
    }

    #[test]
    fn a_local_is_within_the_bounds() {
        let (low, high) = bounds().unwrap();
        let here = (&raw const low).addr();
        assert!(low < here && here < high);
        assert!(Stack::here().0.iter().all(|(_, pointer)| (low..high).contains(pointer)));
    }
}
