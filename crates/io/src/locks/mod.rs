//! Locks that live in a program's own memory, have no handle, and are not waited for with objects.
//!
//! All bits zero is a good state of each but [`CriticalSection`], which has to be made. They sleep in the kernel on
//! their own words, so that they may not be moved or overwritten while in use.

mod condition;
mod critical_section;
mod init_once;
mod srw;

pub use condition::ConditionVariable;
pub use critical_section::CriticalSection;
pub use init_once::{Begin, InitOnce};
pub use srw::SrwLock;

use std::sync::atomic::AtomicU32;

use rustix::thread::futex;

use crate::Deadline;

/// Sleeps while the word has this value, not beyond the deadline; may return early.
fn sleep_while(word: &AtomicU32, value: u32, deadline: Deadline) {
    let timeout = deadline.remaining_timespec();
    // Changed already, interrupted, timed out: in each case the caller looks again.
    let _ = futex::wait(word, futex::Flags::PRIVATE, value, timeout.as_ref());
}

/// Ends the sleep of so many; true if there was one.
fn rouse(word: &AtomicU32, count: u32) -> bool {
    // Fails only for addresses that are not ours.
    futex::wake(word, futex::Flags::PRIVATE, count).is_ok_and(|woken| woken > 0)
}

/// Everyone that the kernel can count.
const ALL: u32 = i32::MAX as u32;

#[cfg(test)]
mod tests;
