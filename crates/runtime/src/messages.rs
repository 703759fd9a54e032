//! Where `WPUPostMessage` delivers: message sinks that the program registers in the place of windows.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use windlass_abi::{LPARAM, WPARAM};

use crate::process;

/// Takes a message; must not block (WPU-PM-1), nor call Winsock: the provider that posts may hold locks of the socket that
/// the message is about. Returns whether it was queued.
pub type Sink = Arc<dyn Fn(u32, WPARAM, LPARAM) -> bool + Send + Sync>;

/// The sinks of a process.
#[derive(Default)]
pub(crate) struct Sinks(Mutex<HashMap<usize, Sink>>);

/// Registers a sink under the number that programs pass as `hWnd`; replaces one of the same number.
pub fn register(window: usize, sink: Sink) {
    sinks(|sinks| sinks.insert(window, sink));
}

/// Forgets a sink. A message that is being delivered may still arrive.
pub fn unregister(window: usize) {
    sinks(|sinks| sinks.remove(&window));
}

/// Whether `hWnd` names a sink (WSP-ASEL-6).
pub fn is_window(window: usize) -> bool {
    sinks(|sinks| sinks.contains_key(&window))
}

/// Hands a message to the sink; `false` if there is none, or if it refuses (WPU-PM-1).
pub fn post(window: usize, message: u32, wparam: WPARAM, lparam: LPARAM) -> bool {
    let sink = sinks(|sinks| sinks.get(&window).cloned());
    sink.is_some_and(|sink| sink(message, wparam, lparam))
}

fn sinks<R>(change: impl FnOnce(&mut HashMap<usize, Sink>) -> R) -> R {
    let sinks = &process::current().windows.0;
    change(&mut sinks.lock().unwrap_or_else(PoisonError::into_inner))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wpu_pm_1_a_message_reaches_its_sink_and_no_other() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = seen.clone();
        register(
            7,
            Arc::new(move |m, w, l| {
                log.lock().unwrap().push((m, w, l));
                m != 9
            }),
        );
        assert!(post(7, 1, 2, 3));
        assert!(!post(7, 9, 0, 0));
        assert!(!post(8, 1, 2, 3));
        unregister(7);
        assert!(!post(7, 1, 2, 3));
        assert_eq!(*seen.lock().unwrap(), [(1, 2, 3), (9, 0, 0)]);
    }
}
