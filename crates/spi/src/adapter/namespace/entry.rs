//! The one export of a version 1 name space provider, `NSPStartup`, and the functions of its table.

use std::ffi::c_void;
use std::mem::offset_of;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use windlass_abi::*;

use super::instances::{Instances, Pending};
use super::notification::{Notification, is_poll};
use super::write::pack;
use crate::adapter::args;
use crate::adapter::calls::caught;
use crate::namespace::registration::SetOperation;
use crate::namespace::{
    Form, Namespace, NspStartupFn, Purpose, Query, QuerySet, Registration, ServiceClass, Text, flags,
};
use crate::thread_error;
use crate::transport::Result;

/// A name space together with its place in the process. Made by [`namespace_entry`](crate::namespace_entry).
pub trait NamespaceEntry: 'static {
    /// The name space.
    type Namespace: Namespace;

    /// Its providers.
    fn instances() -> &'static Instances<Self::Namespace>;
}

/// The entry point of a name space provider, for linking it into a runtime. A module that is loaded exports it
/// ([`export_namespace`](crate::export_namespace)).
pub fn entry<E: NamespaceEntry>() -> NspStartupFn {
    nsp_startup::<E>
}

/// Gives a name space its place in the process.
///
/// `namespace_entry!(Mine)` is for one that is linked into a runtime, which takes `namespace::entry::<Mine>()`.
/// `namespace_entry!(export Mine)` is for one that is loaded: it also exports `NSPStartup`.
#[macro_export]
macro_rules! namespace_entry {
    (export $namespace:ty) => {
        $crate::namespace_entry!($namespace);
        $crate::export_namespace!($namespace);
    };
    ($namespace:ty) => {
        impl $crate::namespace::NamespaceEntry for $namespace {
            type Namespace = Self;

            fn instances() -> &'static $crate::namespace::Instances<Self> {
                static INSTANCES: $crate::namespace::Instances<$namespace> = $crate::namespace::Instances::new();
                &INSTANCES
            }
        }
    };
}

/// Exports the `NSPStartup` of a name space that has its [`namespace_entry`](crate::namespace_entry). A program or module
/// can have one such export.
#[macro_export]
macro_rules! export_namespace {
    ($namespace:ty) => {
        const _: () = {
            #[allow(unsafe_code, reason = "the one export of a provider")]
            // SAFETY: a module has one name space, so nothing else exports this name.
            #[unsafe(no_mangle)]
            unsafe extern "system" fn NSPStartup(
                provider: *mut $crate::abi::GUID,
                routines: *mut $crate::abi::NSP_ROUTINE,
            ) -> i32 {
                let startup = $crate::namespace::entry::<$namespace>();
                // SAFETY: the arguments are the caller's, unchanged.
                unsafe { startup(provider, routines) }
            }
        };
    };
}

/// Zero, or -1 and the thread error; the code itself where there is no runtime to keep that (NSP1-1, STUB-4).
fn finish(body: impl FnOnce() -> Result<()>) -> i32 {
    match caught(body) {
        Ok(()) => NO_ERROR,
        Err(error) if thread_error::set_if_kept(error) => SOCKET_ERROR,
        Err(error) => error.code(),
    }
}

/// The table up to the function that Windows XP added (NSP-STARTUP-5).
const WITHOUT_IOCTL: usize = offset_of!(NSP_ROUTINE, NSPIoctl);

unsafe extern "system" fn nsp_startup<E: NamespaceEntry>(provider: *mut GUID, routines: *mut NSP_ROUTINE) -> i32 {
    finish(|| {
        // SAFETY: the caller's, null or readable.
        let (id, room) = unsafe { (provider_id(provider)?, args::read(routines.cast::<u32>())? as usize) };
        // NSP-STARTUP-3: nothing is written beyond what the caller has room for.
        let size = match room {
            _ if room >= size_of::<NSP_ROUTINE>() => size_of::<NSP_ROUTINE>(),
            _ if room >= WITHOUT_IOCTL => WITHOUT_IOCTL,
            _ => return Err(WsaError::WSAEINVALIDPROCTABLE),
        };
        E::instances().start(id)?;
        let table = NSP_ROUTINE {
            cbSize: size as u32,
            dwMajorVersion: 2,
            dwMinorVersion: 2,
            NSPCleanup: Some(clean_up::<E>),
            NSPLookupServiceBegin: Some(begin::<E>),
            NSPLookupServiceNext: Some(next::<E>),
            NSPLookupServiceEnd: Some(end::<E>),
            NSPSetService: Some(set_service::<E>),
            NSPInstallServiceClass: Some(install_class::<E>),
            NSPRemoveServiceClass: Some(remove_class::<E>),
            NSPGetServiceClassInfo: Some(class_info::<E>),
            NSPIoctl: Some(ioctl::<E>),
        };
        // SAFETY: the caller has at least that much room.
        unsafe { routines.cast::<u8>().copy_from_nonoverlapping((&raw const table).cast(), size) };
        Ok(())
    })
}

/// # Safety
/// If it is not null, the id can be read.
unsafe fn provider_id(id: *const GUID) -> Result<GUID> {
    // SAFETY: the caller promises it. NSP-CLEANUP-1 has the code.
    unsafe { args::read(id) }.map_err(|_| WsaError::WSAEINVAL)
}

unsafe extern "system" fn clean_up<E: NamespaceEntry>(provider: *mut GUID) -> i32 {
    // SAFETY: the caller's, null or readable.
    finish(|| E::instances().clean_up(unsafe { provider_id(provider) }?))
}

unsafe extern "system" fn begin<E: NamespaceEntry>(
    provider: *mut GUID,
    restrictions: *mut WSAQUERYSETW,
    class: *mut WSASERVICECLASSINFOW,
    flags: u32,
    handle: *mut HANDLE,
) -> i32 {
    finish(|| {
        args::required(handle)?;
        // SAFETY: the caller's, null or readable.
        let call = E::instances().enter(unsafe { provider_id(provider) }?)?;
        // SAFETY: as above.
        let set = unsafe { QuerySet::from_raw(restrictions, Purpose::Query) }?;
        if set.class.is_none() {
            return Err(WsaError::WSAEINVAL);
        }
        // SAFETY: as above.
        let class = unsafe { schema(class) };
        let lookup = call.begin(Query { set, class, flags })?;
        let opened = E::instances().open(&call, lookup, flags)?;
        // SAFETY: not null, and the caller's.
        unsafe { args::store(handle, std::ptr::without_provenance_mut(opened)) };
        Ok(())
    })
}

/// The schema that came along, if it can be understood: a provider does not need it (NSP1-7).
///
/// # Safety
/// If they are not null, the structure and what it points to can be read.
unsafe fn schema(class: *const WSASERVICECLASSINFOW) -> Option<ServiceClass> {
    // SAFETY: the caller promises it.
    if class.is_null() { None } else { unsafe { ServiceClass::from_raw(class, Text::Wide) }.ok() }
}

unsafe extern "system" fn next<E: NamespaceEntry>(
    handle: HANDLE,
    next_flags: u32,
    length: *mut u32,
    results: *mut WSAQUERYSETW,
) -> i32 {
    finish(|| {
        let (call, open) = E::instances().find(handle.addr())?;
        let mut pending = open.pending.lock().unwrap_or_else(PoisonError::into_inner);
        if open.ended.load(Ordering::SeqCst) {
            return Err(WsaError::WSA_E_CANCELLED);
        }
        let flags = flags::combined(open.flags, next_flags);
        if flags & LUP_FLUSHPREVIOUS != 0 {
            pending.take_if(|pending| pending.refused);
        }
        if pending.is_none() {
            let set = match call.next(&open.lookup, flags) {
                Ok(Some(mut set)) => {
                    set.provider.get_or_insert(call.id());
                    set
                }
                _ if open.ended.load(Ordering::SeqCst) => return Err(WsaError::WSA_E_CANCELLED),
                Ok(None) => return Err(WsaError::WSA_E_NO_MORE),
                Err(error) => return Err(error),
            };
            *pending = Some(Pending { set, refused: false });
        }
        let Some(kept) = &mut *pending else { return Err(WsaError::WSA_E_NO_MORE) };
        let mut set = kept.set.clone();
        flags::restrict(&mut set, flags);
        // SAFETY: the caller's, null or as large as it says.
        let packed = unsafe { pack(&set.image(Form::QUERY_SET_W)?, results.cast(), length) };
        match packed {
            Ok(()) => *pending = None,
            Err(_) => kept.refused = true,
        }
        packed
    })
}

unsafe extern "system" fn end<E: NamespaceEntry>(handle: HANDLE) -> i32 {
    finish(|| E::instances().end(handle.addr()))
}

unsafe extern "system" fn set_service<E: NamespaceEntry>(
    provider: *mut GUID,
    class: *mut WSASERVICECLASSINFOW,
    registration: *mut WSAQUERYSETW,
    operation: i32,
    flags: u32,
) -> i32 {
    finish(|| {
        // SAFETY: the caller's, null or readable.
        let call = E::instances().enter(unsafe { provider_id(provider) }?)?;
        let operation = SetOperation::from_raw(operation, flags)?;
        // SAFETY: as above.
        let set = unsafe { QuerySet::from_raw(registration, Purpose::Registration) }?;
        if set.class.is_none() {
            return Err(WsaError::WSAEINVAL);
        }
        // SAFETY: as above.
        let class = unsafe { schema(class) };
        call.set_service(&Registration { set, class, operation })
    })
}

unsafe extern "system" fn install_class<E: NamespaceEntry>(
    provider: *mut GUID,
    class: *mut WSASERVICECLASSINFOW,
) -> i32 {
    finish(|| {
        // SAFETY: the caller's, null or readable.
        let call = E::instances().enter(unsafe { provider_id(provider) }?)?;
        // SAFETY: as above.
        call.install_class(&unsafe { ServiceClass::from_raw(class, Text::Wide) }?)
    })
}

unsafe extern "system" fn remove_class<E: NamespaceEntry>(provider: *mut GUID, class: *mut GUID) -> i32 {
    finish(|| {
        // SAFETY: the caller's, null or readable.
        let call = E::instances().enter(unsafe { provider_id(provider) }?)?;
        // SAFETY: as above.
        call.remove_class(unsafe { provider_id(class) }?)
    })
}

unsafe extern "system" fn class_info<E: NamespaceEntry>(
    provider: *mut GUID,
    length: *mut u32,
    info: *mut WSASERVICECLASSINFOW,
) -> i32 {
    finish(|| {
        // SAFETY: the caller's, null or readable.
        let call = E::instances().enter(unsafe { provider_id(provider) }?)?;
        // SAFETY: as above. The class is an input (CLS-6).
        let class = call.class_info(unsafe { ServiceClass::id_from_raw(info) }?)?;
        // SAFETY: as above, and as large as the caller says.
        unsafe { pack(&class.image(Text::Wide)?, info.cast(), length) }
    })
}

unsafe extern "system" fn ioctl<E: NamespaceEntry>(
    handle: HANDLE,
    code: u32,
    input: *mut c_void,
    input_length: u32,
    output: *mut c_void,
    output_length: u32,
    returned: *mut u32,
    completion: *mut WSACOMPLETION,
    thread: *mut WSATHREADID,
) -> i32 {
    finish(|| {
        let (call, open) = E::instances().find(handle.addr())?;
        if code == SIO_NSP_NOTIFY_CHANGE {
            // SAFETY: the caller's, null or valid.
            unsafe { args::store(returned, 0) };
            // SAFETY: as above.
            if unsafe { is_poll(completion) } {
                return if call.has_changed(&open.lookup)? { Ok(()) } else { Err(WsaError::WSAEWOULDBLOCK) };
            }
            // SAFETY: as above.
            let notification = unsafe { Notification::new(completion, thread) }?;
            if let Err(error) = call.notify_change(&open.lookup, notification.clone()) {
                notification.forget();
                return Err(error);
            }
            open.keep(notification);
            return Err(WsaError::WSA_IO_PENDING);
        }
        let length = |length: u32| i32::try_from(length).map_err(|_| WsaError::WSAEFAULT);
        // SAFETY: the caller's, null or as large as it says. Copied, since the output may be the same memory.
        let input = unsafe { args::input(input, length(input_length)?) }?.to_vec();
        // SAFETY: as above; nothing else refers to it meanwhile.
        let output = unsafe { args::output(output, length(output_length)?) }?;
        let written = call.ioctl(&open.lookup, code, &input, output)?;
        // SAFETY: as above.
        unsafe { args::store(returned, written) };
        Ok(())
    })
}
