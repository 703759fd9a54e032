//! Heaps over the allocator of the C library.
//!
//! Each block has 16 bytes before it that say how large it is and to which heap it belongs. A heap of `HeapCreate`
//! knows its blocks, so that it refuses what is not its own, and frees them all in the end.
#![allow(unsafe_code, reason = "hands out memory")]

use core::ffi::c_void;
use core::ptr::null_mut;
use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use windlass_abi::{BOOL, FALSE, HANDLE, TRUE, WsaError};
use windlass_runtime::report::verify::memory_freed;

use crate::boundary::{Result, call};

use super::invalid;

const HEAP_NO_SERIALIZE: u32 = 0x1;
const HEAP_GENERATE_EXCEPTIONS: u32 = 0x4;
const HEAP_ZERO_MEMORY: u32 = 0x8;
const HEAP_REALLOC_IN_PLACE_ONLY: u32 = 0x10;

/// What stands before a block.
#[repr(C, align(16))]
struct Header {
    size: usize,
    /// The handle of the heap, mixed with the address; anything else is no block of a heap.
    tag: usize,
}

const MARK: usize = 0x5769_6e64_6c61_7373;

fn tag(heap: HANDLE, block: *mut Header) -> usize {
    heap.addr() ^ block.addr() ^ MARK
}

/// The process heap, by its address.
static PROCESS_HEAP: u128 = 0;

/// The heaps of `HeapCreate`, by their handles.
static HEAPS: Mutex<BTreeMap<usize, Arc<Heap>>> = Mutex::new(BTreeMap::new());

struct Heap {
    /// In bytes; zero for no limit.
    max: usize,
    flags: u32,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The addresses of the headers.
    blocks: HashSet<usize>,
    /// In bytes, headers and all.
    used: usize,
    destroyed: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The heap of a handle; `None` is the heap of the process. Errors: `ERROR_INVALID_HANDLE`.
fn heap_of(handle: HANDLE) -> Result<Option<Arc<Heap>>> {
    if handle == GetProcessHeap() {
        return Ok(None);
    }
    lock(&HEAPS).get(&handle.addr()).cloned().map(Some).ok_or(WsaError::WSA_INVALID_HANDLE)
}

/// The heap that every program has.
#[unsafe(no_mangle)]
pub extern "system" fn GetProcessHeap() -> HANDLE {
    (&raw const PROCESS_HEAP).cast_mut().cast()
}

/// Makes a heap that holds at most `max` bytes; zero for no limit. `HEAP_GENERATE_EXCEPTIONS` is for all its
/// allocations.
///
/// Errors: `ERROR_INVALID_PARAMETER` (unknown options, `initial` beyond `max`).
#[unsafe(no_mangle)]
pub extern "system" fn HeapCreate(options: u32, initial: usize, max: usize) -> HANDLE {
    call(null_mut(), || {
        if options & !(HEAP_NO_SERIALIZE | HEAP_GENERATE_EXCEPTIONS) != 0 || max != 0 && initial > max {
            return invalid();
        }
        let heap = Arc::new(Heap { max, flags: options, state: Mutex::default() });
        let handle = Arc::as_ptr(&heap).cast_mut().cast();
        lock(&HEAPS).insert(Arc::as_ptr(&heap).addr(), heap);
        Ok(handle)
    })
}

/// Frees a heap of `HeapCreate` and all its blocks. Errors: `ERROR_INVALID_HANDLE`, also for the heap of the process.
///
/// # Safety
/// Nobody uses its blocks any more.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn HeapDestroy(heap: HANDLE) -> BOOL {
    call(FALSE, || {
        let gone = lock(&HEAPS).remove(&heap.addr()).ok_or(WsaError::WSA_INVALID_HANDLE)?;
        let mut state = lock(&gone.state);
        state.destroyed = true;
        for block in state.blocks.drain() {
            // SAFETY: it came from malloc, is freed once, and the caller vouches for its users.
            unsafe { libc::free(core::ptr::with_exposed_provenance_mut(block)) };
        }
        Ok(TRUE)
    })
}

/// Allocates a block, aligned to 16 bytes; null if there is no room. As on Windows that is no thread error; with
/// `HEAP_GENERATE_EXCEPTIONS` it is the end of the process.
#[unsafe(no_mangle)]
pub extern "system" fn HeapAlloc(heap: HANDLE, flags: u32, size: usize) -> *mut c_void {
    let owner = heap_of(heap).ok();
    let generate = owner.iter().flatten().any(|heap| heap.flags & HEAP_GENERATE_EXCEPTIONS != 0);
    let block = owner.and_then(|owner| allocate(heap, owner.as_deref(), size, flags & HEAP_ZERO_MEMORY != 0));
    match block {
        Some(block) => block,
        None if generate || flags & HEAP_GENERATE_EXCEPTIONS != 0 => std::process::abort(),
        None => null_mut(),
    }
}

fn allocate(handle: HANDLE, owner: Option<&Heap>, size: usize, zero: bool) -> Option<*mut c_void> {
    let total = size.checked_add(size_of::<Header>())?;
    let mut state = owner.map(|heap| lock(&heap.state));
    if let (Some(heap), Some(state)) = (owner, &state)
        && (state.destroyed || heap.max != 0 && state.used.checked_add(total)? > heap.max)
    {
        return None;
    }
    // SAFETY: any size may be asked for.
    let block: *mut Header = unsafe { if zero { libc::calloc(1, total) } else { libc::malloc(total) } }.cast();
    if block.is_null() {
        return None;
    }
    if let Some(state) = &mut state {
        state.blocks.insert(block.expose_provenance());
        state.used += total;
    }
    // SAFETY: there is room for the header, which malloc aligns.
    unsafe {
        block.write(Header { size, tag: tag(handle, block) });
        Some(block.add(1).cast())
    }
}

/// The header of a block of this heap. Errors: `ERROR_INVALID_PARAMETER`.
///
/// # Safety
/// `memory` must be a block of the heap of the process, if that is meant; a heap of `HeapCreate` knows its own.
unsafe fn header(handle: HANDLE, owner: Option<&Heap>, memory: *const c_void) -> Result<*mut Header> {
    let block = memory.cast::<Header>().cast_mut().wrapping_sub(1);
    let known = owner.is_none_or(|heap| lock(&heap.state).blocks.contains(&block.addr()));
    if memory.is_null() || !block.is_aligned() || !known {
        return invalid();
    }
    // SAFETY: as the caller vouches, or as the heap knows.
    let right = unsafe { (*block).tag } == tag(handle, block);
    if right { Ok(block) } else { invalid() }
}

/// Frees a block; null is none. Errors: `ERROR_INVALID_HANDLE`, `ERROR_INVALID_PARAMETER` (no block of this heap).
///
/// # Safety
/// `memory` must be null or a block of a heap that nobody uses any more.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn HeapFree(heap: HANDLE, _flags: u32, memory: *const c_void) -> BOOL {
    call(FALSE, || {
        let owner = heap_of(heap)?;
        if memory.is_null() {
            return Ok(TRUE);
        }
        // SAFETY: as the caller vouches.
        let block = unsafe { header(heap, owner.as_deref(), memory) }?;
        // SAFETY: it is a block.
        memory_freed(memory.addr(), unsafe { (*block).size });
        if let Some(owner) = &owner {
            let mut state = lock(&owner.state);
            if !state.blocks.remove(&block.addr()) {
                return invalid();
            }
            // SAFETY: it was a block a moment ago, and only who took it out frees it.
            state.used -= unsafe { (*block).size } + size_of::<Header>();
        }
        // SAFETY: it came from malloc, and the caller vouches that it is used no more.
        unsafe {
            (*block).tag = 0;
            libc::free(block.cast());
        }
        Ok(TRUE)
    })
}

/// Changes the size of a block, which may move; what is added is zero with `HEAP_ZERO_MEMORY`. Null, and the block as it
/// was, if there is no room, or, with `HEAP_REALLOC_IN_PLACE_ONLY`, if it would have to grow.
///
/// # Safety
/// `memory` must be a block of a heap.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn HeapReAlloc(heap: HANDLE, flags: u32, memory: *const c_void, size: usize) -> *mut c_void {
    call(null_mut(), || {
        let owner = heap_of(heap)?;
        // SAFETY: as the caller vouches.
        let block = unsafe { header(heap, owner.as_deref(), memory) }?;
        // SAFETY: it is a block.
        let old = unsafe { (*block).size };
        if flags & HEAP_REALLOC_IN_PLACE_ONLY != 0 {
            return if size <= old {
                resize(owner.as_deref(), block, size)
            } else {
                Err(WsaError::WSA_NOT_ENOUGH_MEMORY)
            };
        }
        let moved = HeapAlloc(heap, flags, size);
        if moved.is_null() {
            return Err(WsaError::WSA_NOT_ENOUGH_MEMORY);
        }
        // SAFETY: both blocks have that much, and are apart; the old one is used no more.
        unsafe {
            moved.cast::<u8>().copy_from_nonoverlapping(memory.cast(), old.min(size));
            HeapFree(heap, 0, memory);
        }
        Ok(moved)
    })
}

/// Makes a block smaller where it is.
fn resize(owner: Option<&Heap>, block: *mut Header, size: usize) -> Result<*mut c_void> {
    // SAFETY: the callers have found the block.
    unsafe {
        if let Some(owner) = owner {
            lock(&owner.state).used -= (*block).size - size;
        }
        (*block).size = size;
        Ok(block.add(1).cast())
    }
}

/// The size of a block in bytes, as it was asked for; `(SIZE_T)-1` if it is none of this heap.
///
/// # Safety
/// `memory` must be a block of a heap.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn HeapSize(heap: HANDLE, _flags: u32, memory: *const c_void) -> usize {
    call(usize::MAX, || {
        let owner = heap_of(heap)?;
        // SAFETY: as the caller vouches.
        Ok(unsafe { (*header(heap, owner.as_deref(), memory)?).size })
    })
}
