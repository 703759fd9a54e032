//! Completion ports on the way to providers: the tables of [`windlass_spi::port`].

use std::ffi::c_void;
use std::os::fd::{BorrowedFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{from_ref, with_exposed_provenance};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use windlass_abi::{NO_ERROR, SOCKET, SOCKET_ERROR, WSAOVERLAPPED, WsaError};
use windlass_io::port::{Association, Completions, Packet, Port, Readiness, Source};
use windlass_spi::port::{ID, PortTable, ReadyFn, SocketTable};

use crate::dispatch::Entered;
use crate::loader::calls;

/// What an instance remembers of a provider that has no table.
const NONE: usize = 1;

/// The table of an entered provider: asked for once, with one of its sockets, in each start.
///
/// # Errors
/// `WSAEOPNOTSUPP`: it has none.
fn table(entered: &Entered, s: SOCKET) -> Result<&SocketTable, WsaError> {
    let known = &entered.instance().sockets;
    if known.load(Relaxed) == 0 {
        known.store(calls::extension(entered, s, ID).max(NONE), Relaxed);
    }
    match known.load(Relaxed) {
        NONE => Err(WsaError::WSAEOPNOTSUPP),
        // SAFETY: the provider gave this address for its table, which is there as long as it is entered.
        address => Ok(unsafe { &*with_exposed_provenance::<SocketTable>(address) }),
    }
}

/// Has the provider of a socket associate it.
///
/// # Errors
/// `WSAEOPNOTSUPP`: it has no means to. Else its own: `WSA_INVALID_PARAMETER`, `WSAENOTSOCK`.
pub(crate) fn associate(entered: Entered, s: SOCKET, port: &Port, key: usize) -> Result<(), WsaError> {
    let associate = table(&entered, s)?.associate;
    let object = Arc::new(Object { port: port.clone(), key });
    let mut errno = NO_ERROR;
    // SAFETY: the provider's function; the object is held until it returns, and longer if the provider says so.
    let rc = unsafe { associate(s, &PORT, from_ref(&*object).cast(), &mut errno) };
    entered.result(rc == SOCKET_ERROR, errno)
}

/// Has the provider of a socket leave out the packets of operations that succeed in their call.
///
/// # Errors
/// As [`associate`].
pub(crate) fn skip_success(entered: Entered, s: SOCKET) -> Result<(), WsaError> {
    let skip_success = table(&entered, s)?.skip_success;
    let mut errno = NO_ERROR;
    // SAFETY: the provider's function, with a pointer to a live local.
    let rc = unsafe { skip_success(s, &mut errno) };
    entered.result(rc == SOCKET_ERROR, errno)
}

/// Has the provider of a socket end operations, and says how many those were.
///
/// # Errors
/// As [`associate`].
pub(crate) fn cancel(entered: Entered, s: SOCKET, overlapped: *mut WSAOVERLAPPED, own: bool) -> Result<u32, WsaError> {
    let cancel = table(&entered, s)?.cancel;
    let (mut count, mut errno) = (0, NO_ERROR);
    // SAFETY: the provider's function, with pointers to live locals; it only compares the structure's address.
    let rc = unsafe { cancel(s, overlapped, own.into(), &mut count, &mut errno) };
    entered.result(rc == SOCKET_ERROR, errno).map(|()| count)
}

static PORT: PortTable = PortTable { hold, release, post, watch, renew, unwatch };

/// A port and a completion key. Providers have the address of the inside of an [`Arc`].
struct Object {
    port: Port,
    key: usize,
}

unsafe extern "system" fn hold(object: *const c_void) {
    // SAFETY: the address of an object that lives.
    unsafe { Arc::increment_strong_count(object.cast::<Object>()) };
}

unsafe extern "system" fn release(object: *const c_void) {
    // SAFETY: the address of an object that was held for this call to end it.
    unsafe { Arc::decrement_strong_count(object.cast::<Object>()) };
}

unsafe extern "system" fn post(object: *const c_void, overlapped: usize, bytes: u32, status: u32) {
    // SAFETY: the address of an object that lives.
    let Object { port, key } = unsafe { &*object.cast::<Object>() };
    port.post(Packet { key: *key, overlapped, bytes, status });
}

/// A descriptor of a provider that a port watches.
struct Watch {
    association: Association,
    descriptor: RawFd,
}

unsafe extern "system" fn watch(
    object: *const c_void,
    s: SOCKET,
    descriptor: i32,
    ready: ReadyFn,
    watch: *mut *const c_void,
) -> i32 {
    let begin = || {
        if descriptor < 0 {
            return Err(WsaError::WSA_INVALID_PARAMETER);
        }
        // SAFETY: the address of an object that lives.
        let Object { port, key } = unsafe { &*object.cast::<Object>() };
        let association = port.associate(s, *key, Arc::new(Descriptor { descriptor, s, ready }))?;
        Ok(Box::new(Watch { association, descriptor }))
    };
    match catch_unwind(AssertUnwindSafe(begin)).unwrap_or(Err(WsaError::WSASYSCALLFAILURE)) {
        Ok(begun) => {
            // SAFETY: the provider's place for it.
            unsafe { watch.write(Box::into_raw(begun).cast_const().cast()) };
            NO_ERROR
        }
        Err(error) => error.code(),
    }
}

unsafe extern "system" fn renew(watch: *const c_void) -> i32 {
    // SAFETY: the address that `watch` gave, which `unwatch` has not ended.
    let Watch { association, descriptor } = unsafe { &*watch.cast::<Watch>() };
    // SAFETY: the provider keeps it open until it ends the watch.
    let descriptor = unsafe { BorrowedFd::borrow_raw(*descriptor) };
    association.renew(descriptor).err().map_or(NO_ERROR, WsaError::code)
}

unsafe extern "system" fn unwatch(watch: *const c_void) {
    // SAFETY: the address that `watch` gave, which ends once.
    let ended = unsafe { Box::from_raw(watch.cast_mut().cast::<Watch>()) };
    drop(ended);
}

/// What the port tells the provider of.
struct Descriptor {
    descriptor: RawFd,
    s: SOCKET,
    ready: ReadyFn,
}

impl Source for Descriptor {
    fn fd(&self) -> BorrowedFd<'_> {
        // SAFETY: not negative, and the provider keeps it open until it ends the watch.
        unsafe { BorrowedFd::borrow_raw(self.descriptor) }
    }

    fn ready(&self, events: Readiness, _: &mut Completions<'_>) {
        // SAFETY: the provider's function, which is there until it has ended the watch; that waits for this call.
        unsafe { (self.ready)(self.s, events.bits()) };
    }
}

/// Both sides mean the same by each bit.
const _: () = {
    use windlass_spi::port::Readiness as Told;
    assert!(Told::from_bits(Readiness::READ.bits()).meets(Told::READ));
    assert!(Told::from_bits(Readiness::WRITE.bits()).meets(Told::WRITE));
    assert!(Told::from_bits(Readiness::URGENT.bits()).meets(Told::URGENT));
    assert!(Told::from_bits(Readiness::READ_CLOSED.bits()).meets(Told::READ_CLOSED));
    assert!(Told::from_bits(Readiness::CLOSED.bits()).meets(Told::CLOSED));
    assert!(Told::from_bits(Readiness::ERROR.bits()).meets(Told::ERROR));
};
