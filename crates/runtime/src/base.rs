//! Which socket of a base provider stands behind one of a layer: what `SIO_BASE_HANDLE` answers, whatever the layer says (IO-3).

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use windlass_abi::{INVALID_SOCKET, SOCKET, WsaError};

use crate::dispatch::enter;
use crate::function::Function;
use crate::handles::{self, Binding, Kind, State};
use crate::process;
use crate::providers;

thread_local! {
    /// What a base provider has registered last on this thread, and for which entry.
    static REGISTERED: Cell<(SOCKET, u32)> = const { Cell::new((INVALID_SOCKET, 0)) };
}

/// By the handle of the client's socket, those that differ from their base's.
static BEHIND: Mutex<BTreeMap<SOCKET, Behind>> = Mutex::new(BTreeMap::new());

struct Behind {
    /// What the client's handle was bound to: a number that is made anew is another socket.
    above: Binding,
    base: SOCKET,
    entry_id: u32,
    /// What the base's own handle is bound to.
    binding: Binding,
}

/// A base provider has registered a handle, in a call that makes a socket.
pub(crate) fn registered(s: SOCKET, entry_id: u32) {
    REGISTERED.set((s, entry_id));
}

/// A call that makes a socket has ended with this one, or none.
pub(crate) fn made(s: SOCKET) {
    let (base, entry_id) = REGISTERED.replace((INVALID_SOCKET, 0));
    if s == INVALID_SOCKET || base == INVALID_SOCKET || base == s {
        return;
    }
    behind().insert(s, Behind { above: handles::look_up(s), base, entry_id, binding: handles::look_up(base) });
}

/// A socket has been closed, and with it what stood behind it, of which nobody told the runtime.
pub(crate) fn closed(s: SOCKET) {
    let gone = behind().remove(&s);
    if let Some(Behind { base, binding, .. }) = gone {
        handles::forget(base, binding);
    }
}

/// The handle of the base provider behind a socket: for one of a base provider and of IFS layers the same. Calls on it go straight to
/// the base provider from here on. `None` if the runtime does not know, because a layer made it at another time.
///
/// # Errors
/// `WSANOTINITIALISED`; `WSAENOTSOCK`.
pub fn base_handle(s: SOCKET) -> Result<Option<SOCKET>, WsaError> {
    let entered = enter(s, Function::WsaIoctl)?;
    let Some(above) = entered.binding() else { return Ok(None) };
    let known = behind().get(&s).filter(|behind| behind.above == above).map(|behind| {
        let Behind { base, entry_id, binding, .. } = *behind;
        (base, entry_id, binding)
    });
    let Some((base, entry_id, binding)) = known else {
        let own = above.state() == State::Open(Kind::Ifs)
            || process::session(Function::WsaIoctl)?.entry(above.entry_id()).is_some_and(|entry| entry.is_base());
        return Ok(own.then_some(s));
    };
    if binding.state() == State::Open(Kind::Ifs) && binding.instance() == above.instance() {
        let session = process::session(Function::WsaIoctl)?;
        if let Some(entry) = session.entry(entry_id)
            && let Ok((instance, _)) = providers::demand(&session, &entry)
            && handles::is_unchanged(base, binding)
            && handles::bind_ifs(base, instance.number(), entry.id).is_ok()
            && let Some(behind) = behind().get_mut(&s)
        {
            behind.binding = handles::look_up(base);
        }
    }
    Ok(Some(base))
}

fn behind() -> MutexGuard<'static, BTreeMap<SOCKET, Behind>> {
    BEHIND.lock().unwrap_or_else(PoisonError::into_inner)
}
