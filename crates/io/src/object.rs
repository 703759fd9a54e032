//! What handles name.

use std::sync::{Arc, Weak};

use windlass_abi::WsaError;

use crate::event::Event;
use crate::file::File;
use crate::handle::{Handle, MAX_OBJECTS};
use crate::mutex::Mutex;
use crate::port::Opening;
use crate::semaphore::Semaphore;
use crate::table::Table;
use crate::thread::{self, Thread};
use crate::waitable::Waitable;

/// An object that a handle names. Cloning refers to the same object.
#[derive(Clone)]
pub(crate) enum Object {
    /// The handle keeps the event alive.
    Event(Event),
    /// Setting it is a call; nobody can wait for it.
    Call(Arc<dyn Fn() + Send + Sync>),
    /// The handle keeps the file open.
    File(Arc<File>),
    Semaphore(Semaphore),
    Mutex(Mutex),
    /// The handle keeps the port open.
    Port(Arc<Opening>),
    /// The handle keeps what is known of the thread, not the thread.
    Thread(Arc<Thread>),
    /// The handle is only a name: the thread takes it out of the table when it is gone.
    Identity(Weak<Thread>),
}

/// The objects of this process.
static OBJECTS: Table<Object> = Table::new(MAX_OBJECTS);

/// Gives an object a handle. Errors: WSA_NOT_ENOUGH_MEMORY (no handle is left).
pub(crate) fn insert(object: Object) -> Result<Handle, WsaError> {
    OBJECTS.insert(object).ok_or(WsaError::WSA_NOT_ENOUGH_MEMORY)
}

/// The object of a handle.
pub(crate) fn get(handle: Handle) -> Option<Object> {
    OBJECTS.with(handle, Object::clone)
}

/// Ends a handle, if it names an object that `wanted` accepts.
pub(crate) fn remove_if(handle: Handle, wanted: impl FnOnce(&Object) -> bool) -> Option<Object> {
    OBJECTS.remove_if(handle, wanted)
}

/// What a wait for this handle waits on. Errors: WSA_INVALID_HANDLE.
pub(crate) fn waitable(handle: Handle) -> Result<Arc<Waitable>, WsaError> {
    if handle == Handle::CURRENT_THREAD {
        return Ok(thread::current().waitable().clone());
    }
    match get(handle) {
        Some(Object::Event(event)) => Ok(event.waitable().clone()),
        Some(Object::Semaphore(semaphore)) => Ok(semaphore.waitable().clone()),
        Some(Object::Mutex(mutex)) => Ok(mutex.waitable().clone()),
        Some(Object::Thread(thread)) => Ok(thread.waitable().clone()),
        Some(Object::Call(_) | Object::File(_) | Object::Port(_) | Object::Identity(_)) | None => {
            Err(WsaError::WSA_INVALID_HANDLE)
        }
    }
}
