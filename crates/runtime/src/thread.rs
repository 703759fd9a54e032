//! What the runtime keeps for each thread.

use std::cell::Cell;

use windlass_abi::{
    LPBLOCKINGCALLBACK, SO_SYNCHRONOUS_ALERT, SO_SYNCHRONOUS_NONALERT, SOCKET_ERROR, WSA_FLAG_OVERLAPPED, WsaError,
};

thread_local! {
    static LAST_ERROR: Cell<i32> = const { Cell::new(0) };
    static OPEN_TYPE: Cell<i32> = const { Cell::new(0) };
    static BLOCKING_HOOK: Cell<(LPBLOCKINGCALLBACK, usize)> = const { Cell::new((None, 0)) };
}

/// `WSAGetLastError`: the code of the thread's last failed call. Reading does not clear it (API-18).
#[inline]
pub fn last_error() -> i32 {
    LAST_ERROR.get()
}

/// `WSASetLastError`: stores any number verbatim (API-18).
#[inline]
pub fn set_last_error(code: i32) {
    LAST_ERROR.set(code);
}

/// Stores the error and returns `SOCKET_ERROR` (API-3).
#[cold]
pub fn fail(error: WsaError) -> i32 {
    set_last_error(error.code());
    SOCKET_ERROR
}

/// The thread's `SO_OPENTYPE`: 0, or one of the `SO_SYNCHRONOUS_*` bits (SEL-13).
pub fn open_type() -> i32 {
    OPEN_TYPE.get()
}

/// Sets the thread's `SO_OPENTYPE`; any value is taken, as on Windows.
pub fn set_open_type(value: i32) {
    OPEN_TYPE.set(value);
}

/// The flags that `socket` adds: `WSA_FLAG_OVERLAPPED`, unless the thread's `SO_OPENTYPE` says
/// synchronous (SEL-13).
pub fn default_socket_flags() -> u32 {
    let synchronous = open_type() & (SO_SYNCHRONOUS_ALERT | SO_SYNCHRONOUS_NONALERT) != 0;
    if synchronous { 0 } else { WSA_FLAG_OVERLAPPED }
}

/// The 1.1 blocking hook of this thread and its context; null unless the program installed one
/// (WPU-QBC-1, WPU-QBC-4).
pub fn blocking_hook() -> (LPBLOCKINGCALLBACK, usize) {
    BLOCKING_HOOK.get()
}

/// Installs a 1.1 blocking hook for this thread, or removes it; returns the one before.
pub fn set_blocking_hook(hook: LPBLOCKINGCALLBACK, context: usize) -> (LPBLOCKINGCALLBACK, usize) {
    BLOCKING_HOOK.replace((hook, context))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn api_18_the_last_error_is_stored_verbatim_and_not_cleared() {
        set_last_error(12345);
        assert_eq!(last_error(), 12345);
        assert_eq!(last_error(), 12345);
        std::thread::spawn(|| assert_eq!(last_error(), 0)).join().unwrap();
    }

    #[test]
    fn sel_13_open_type_is_of_the_thread() {
        assert_eq!(default_socket_flags(), WSA_FLAG_OVERLAPPED);
        for synchronous in [SO_SYNCHRONOUS_ALERT, SO_SYNCHRONOUS_NONALERT] {
            set_open_type(synchronous);
            assert_eq!(default_socket_flags(), 0);
        }
        std::thread::spawn(|| assert_eq!(default_socket_flags(), WSA_FLAG_OVERLAPPED)).join().unwrap();
        set_open_type(0);
        assert_eq!(default_socket_flags(), WSA_FLAG_OVERLAPPED);
    }
}
