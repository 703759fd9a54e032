//! What the rundown is built from: the standard library, or loom's model of it.

#[cfg(loom)]
pub(super) use loom::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering, fence};
#[cfg(loom)]
pub(super) use loom::sync::{Condvar, Mutex, MutexGuard};
#[cfg(not(loom))]
pub(super) use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering, compiler_fence, fence};
#[cfg(not(loom))]
pub(super) use std::sync::{Condvar, Mutex, MutexGuard};

pub(super) use std::sync::PoisonError;

/// Loom knows no compiler fence, and its records always use the real one.
#[cfg(loom)]
pub(super) fn compiler_fence(_: Ordering) {}
