//! A name space provider of version 1: its start, and calls through its table (contract: lifecycle, section 4; namespace,
//! section 8).
//!
//! All functions report through the thread error (NSP1-1). A result other than zero and -1 is taken as the code (STUB-4).

use std::ffi::c_void;
use std::mem::offset_of;
use std::ptr::{from_mut, null_mut};

use windlass_abi::*;
use windlass_spi::namespace::registration::SetOperation;
use windlass_spi::namespace::{Form, Image, QuerySet, ServiceClass, Text, pack};

use super::module::Module;
use crate::thread;

/// A provider that has been started, once, for one id (NSP-STARTUP-12).
pub(crate) struct Nsp {
    id: GUID,
    table: Table,
    /// Dropped, and so unmapped, last.
    _module: Module,
}

/// The table, complete (NSP-STARTUP-6).
struct Table {
    clean_up: unsafe extern "system" fn(*mut GUID) -> i32,
    begin: unsafe extern "system" fn(*mut GUID, *mut WSAQUERYSETW, *mut WSASERVICECLASSINFOW, u32, *mut HANDLE) -> i32,
    next: unsafe extern "system" fn(HANDLE, u32, *mut u32, *mut WSAQUERYSETW) -> i32,
    end: unsafe extern "system" fn(HANDLE) -> i32,
    set: unsafe extern "system" fn(*mut GUID, *mut WSASERVICECLASSINFOW, *mut WSAQUERYSETW, i32, u32) -> i32,
    install_class: unsafe extern "system" fn(*mut GUID, *mut WSASERVICECLASSINFOW) -> i32,
    remove_class: unsafe extern "system" fn(*mut GUID, *mut GUID) -> i32,
    class_info: unsafe extern "system" fn(*mut GUID, *mut u32, *mut WSASERVICECLASSINFOW) -> i32,
    ioctl: LPNSPIOCTL,
}

/// A look-up handle of a provider: its own number, which is not zero (NSP1-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LookupHandle(usize);

/// The arguments of `WSANSPIoctl` behind the handle, as the client gave them.
#[derive(Clone, Copy, Debug)]
pub struct Ioctl {
    code: u32,
    input: *mut c_void,
    input_length: u32,
    output: *mut c_void,
    output_length: u32,
    returned: *mut u32,
    completion: *mut WSACOMPLETION,
}

impl Ioctl {
    /// A request; with a null `completion` it is synchronous (NSPI-2).
    ///
    /// # Safety
    /// The buffers are null or have as many bytes as is said; `returned` and `completion` are null or as the page of
    /// `WSANSPIoctl` says. All stay so while the request lives, what an overlapped one refers to until that is over.
    pub unsafe fn new(
        code: u32,
        (input, input_length): (*mut c_void, u32),
        (output, output_length): (*mut c_void, u32),
        returned: *mut u32,
        completion: *mut WSACOMPLETION,
    ) -> Self {
        Self { code, input, input_length, output, output_length, returned, completion }
    }
}

/// The largest result that is taken from a provider, in bytes; one that asks for more is at fault.
const LARGEST: u32 = 64 << 20;
/// The room that a provider gets at first, in bytes: enough for most results.
const USUAL: usize = 2048;

impl Nsp {
    /// Loads and starts the provider of an entry.
    ///
    /// # Errors
    /// `WSAEPROVIDERFAILEDINIT`: the module cannot be loaded, or has no NSPStartup. What NSPStartup says (NSP-STARTUP-7).
    /// `WSAEINVALIDPROCTABLE`: a function is missing; `WSAEINVALIDPROVIDER`: the version is above 2 (NSP-STARTUP-6, 11).
    pub(crate) fn start(path: &str, id: GUID) -> Result<Self, WsaError> {
        let (module, startup) = Module::load_namespace(path).ok_or(WsaError::WSAEPROVIDERFAILEDINIT)?;
        let mut routine = NSP_ROUTINE { cbSize: size_of::<NSP_ROUTINE>() as u32, ..NO_ROUTINE };
        let mut given = id;
        thread::set_last_error(NO_ERROR);
        // SAFETY: the module's NSPStartup has this type (see Module::load_namespace); the pointers are to live locals.
        finish(unsafe { startup(&mut given, &mut routine) })?;
        let table = match routine.dwMajorVersion {
            0..=2 => Table::complete(&routine),
            _ => Err(WsaError::WSAEINVALIDPROVIDER),
        };
        match table {
            Ok(table) => Ok(Self { id, table, _module: module }),
            Err(error) => {
                if let Some(clean_up) =
                    routine.NSPCleanup.filter(|_| covers(&routine, offset_of!(NSP_ROUTINE, NSPCleanup)))
                {
                    // SAFETY: NSPStartup succeeded and gave this function, which takes the id that was started.
                    unsafe { clean_up(&mut given) };
                }
                Err(error)
            }
        }
    }

    /// `NSPCleanup`, once, for the one start. `WSAEOPNOTSUPP` is no failure (NSP-CLEANUP-4).
    pub(crate) fn clean_up(&self) -> Result<(), WsaError> {
        let mut id = self.id;
        // SAFETY: the provider's function, with a pointer to a live local.
        match called(|| unsafe { (self.table.clean_up)(&mut id) }) {
            Err(WsaError::WSAEOPNOTSUPP) | Ok(()) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// `NSPLookupServiceBegin`. A success without a handle is a fault of the provider: `WSASYSCALLFAILURE`.
    pub(crate) fn begin(
        &self,
        query: &QuerySet,
        class: Option<&ServiceClass>,
        flags: u32,
    ) -> Result<LookupHandle, WsaError> {
        let mut set = Packed::of(&query.image(Form::QUERY_SET_W)?)?;
        let mut class = class.map(|class| Packed::of(&class.image(Text::Wide)?)).transpose()?;
        let class = class.as_mut().map_or(null_mut(), Packed::pointer);
        let (mut id, mut handle) = (self.id, null_mut());
        // SAFETY: the provider's function; the pointers are to locals and structures that outlive the call (FAN-14).
        called(|| unsafe { (self.table.begin)(&mut id, set.pointer(), class, flags, &mut handle) })?;
        if handle.is_null() { Err(WsaError::WSASYSCALLFAILURE) } else { Ok(LookupHandle(handle.expose_provenance())) }
    }

    /// `NSPLookupServiceNext`: the next result, whole, whatever its size.
    ///
    /// # Errors
    /// `WSA_E_NO_MORE` and `WSA_E_CANCELLED`, also where the provider says it the old way (NEXT-8). `WSASYSCALLFAILURE`: the
    /// result leads out of the buffer, or asks for more and more room. Else the provider's.
    pub(crate) fn next(&self, handle: LookupHandle, flags: u32) -> Result<QuerySet, WsaError> {
        let mut buffer = Buffer::new(USUAL);
        // A record may grow between two calls, but not for ever.
        for _ in 0..8 {
            let mut length = buffer.length();
            // SAFETY: the provider's function; the buffer has that many bytes.
            match called(|| unsafe { (self.table.next)(handle.raw(), flags, &mut length, buffer.pointer()) }) {
                Ok(()) => return buffer.result(),
                Err(WsaError::WSAEFAULT) if length > buffer.length() && length <= LARGEST => {
                    buffer = Buffer::new(length as usize);
                }
                Err(WsaError::WSAENOMORE) => return Err(WsaError::WSA_E_NO_MORE),
                Err(WsaError::WSAECANCELLED) => return Err(WsaError::WSA_E_CANCELLED),
                Err(WsaError::WSAEFAULT) => return Err(WsaError::WSASYSCALLFAILURE),
                Err(error) => return Err(error),
            }
        }
        Err(WsaError::WSASYSCALLFAILURE)
    }

    /// `NSPLookupServiceEnd`.
    pub(crate) fn end(&self, handle: LookupHandle) -> Result<(), WsaError> {
        // SAFETY: the provider's function, with a handle of its own that is ended once.
        called(|| unsafe { (self.table.end)(handle.raw()) })
    }

    /// `NSPSetService`.
    pub(crate) fn set_service(
        &self,
        registration: &QuerySet,
        class: Option<&ServiceClass>,
        operation: SetOperation,
    ) -> Result<(), WsaError> {
        let mut set = Packed::of(&registration.image(Form::QUERY_SET_W)?)?;
        let mut class = class.map(|class| Packed::of(&class.image(Text::Wide)?)).transpose()?;
        let class = class.as_mut().map_or(null_mut(), Packed::pointer);
        let mut id = self.id;
        let (operation, flags) = operation.to_raw();
        // SAFETY: the provider's function; the pointers are to locals and structures that outlive the call.
        called(|| unsafe { (self.table.set)(&mut id, class, set.pointer(), operation, flags) })
    }

    /// `NSPInstallServiceClass`.
    pub(crate) fn install_class(&self, class: &ServiceClass) -> Result<(), WsaError> {
        let mut class = Packed::of(&class.image(Text::Wide)?)?;
        let mut id = self.id;
        // SAFETY: the provider's function; the pointers are to a local and a structure that outlive the call.
        called(|| unsafe { (self.table.install_class)(&mut id, class.pointer()) })
    }

    /// `NSPRemoveServiceClass`.
    pub(crate) fn remove_class(&self, class: GUID) -> Result<(), WsaError> {
        let (mut id, mut class) = (self.id, class);
        // SAFETY: the provider's function; the pointers are to locals.
        called(|| unsafe { (self.table.remove_class)(&mut id, &mut class) })
    }

    /// `NSPGetServiceClassInfo`; the buffer says on input which class (CLS-6).
    pub(crate) fn class_info(&self, class: GUID) -> Result<ServiceClass, WsaError> {
        let mut room = USUAL;
        for _ in 0..8 {
            // The id that is asked for lies behind the room, so that a provider which leaves its pointer alone is right too.
            let mut buffer = Buffer::new(room + size_of::<GUID>());
            let at = buffer.pointer::<WSASERVICECLASSINFOW>();
            let asked = at.wrapping_byte_add(room).cast::<GUID>();
            // SAFETY: both lie within the buffer, which is aligned, as the room's length keeps the second.
            unsafe {
                asked.write(class);
                (*at).lpServiceClassId = asked;
            }
            let (mut id, mut length) = (self.id, room as u32);
            // SAFETY: the provider's function; the buffer has at least that many bytes.
            match called(|| unsafe { (self.table.class_info)(&mut id, &mut length, at) }) {
                Ok(()) => return buffer.class(),
                Err(WsaError::WSAEFAULT) if length > room as u32 && length <= LARGEST => {
                    room = (length as usize).next_multiple_of(size_of::<usize>());
                }
                Err(WsaError::WSAEFAULT) => return Err(WsaError::WSASYSCALLFAILURE),
                Err(error) => return Err(error),
            }
        }
        Err(WsaError::WSASYSCALLFAILURE)
    }

    /// `NSPIoctl`. `WSAEOPNOTSUPP`: the table is too short to have it (NSP-STARTUP-5).
    pub(crate) fn ioctl(&self, handle: LookupHandle, ioctl: &Ioctl) -> Result<(), WsaError> {
        let function = self.table.ioctl.ok_or(WsaError::WSAEOPNOTSUPP)?;
        let mut thread = windlass_io::thread::current().id()?.into();
        // SAFETY: the provider's function; the pointers are those of the request, whose maker vouches, and to a local.
        called(|| unsafe {
            function(
                handle.raw(),
                ioctl.code,
                ioctl.input,
                ioctl.input_length,
                ioctl.output,
                ioctl.output_length,
                ioctl.returned,
                ioctl.completion,
                &mut thread,
            )
        })
    }
}

impl LookupHandle {
    fn raw(self) -> HANDLE {
        std::ptr::with_exposed_provenance_mut(self.0)
    }
}

const NO_ROUTINE: NSP_ROUTINE = NSP_ROUTINE {
    cbSize: 0,
    dwMajorVersion: 0,
    dwMinorVersion: 0,
    NSPCleanup: None,
    NSPLookupServiceBegin: None,
    NSPLookupServiceNext: None,
    NSPLookupServiceEnd: None,
    NSPSetService: None,
    NSPInstallServiceClass: None,
    NSPRemoveServiceClass: None,
    NSPGetServiceClassInfo: None,
    NSPIoctl: None,
};

impl Table {
    /// `WSAEINVALIDPROCTABLE`: a function is null that must not be, or beyond what the provider filled (NSP-STARTUP-3, 6).
    fn complete(routine: &NSP_ROUTINE) -> Result<Self, WsaError> {
        const HOLE: WsaError = WsaError::WSAEINVALIDPROCTABLE;
        // A provider may lower the size to what it filled. One that raises it has written past the end, or lies.
        let size = routine.cbSize as usize;
        if size > size_of::<NSP_ROUTINE>() || !covers(routine, offset_of!(NSP_ROUTINE, NSPGetServiceClassInfo)) {
            return Err(HOLE);
        }
        Ok(Self {
            clean_up: routine.NSPCleanup.ok_or(HOLE)?,
            begin: routine.NSPLookupServiceBegin.ok_or(HOLE)?,
            next: routine.NSPLookupServiceNext.ok_or(HOLE)?,
            end: routine.NSPLookupServiceEnd.ok_or(HOLE)?,
            set: routine.NSPSetService.ok_or(HOLE)?,
            install_class: routine.NSPInstallServiceClass.ok_or(HOLE)?,
            remove_class: routine.NSPRemoveServiceClass.ok_or(HOLE)?,
            class_info: routine.NSPGetServiceClassInfo.ok_or(HOLE)?,
            ioctl: routine.NSPIoctl.filter(|_| covers(routine, offset_of!(NSP_ROUTINE, NSPIoctl))),
        })
    }
}

/// Whether the provider filled the function at this offset.
fn covers(routine: &NSP_ROUTINE, offset: usize) -> bool {
    routine.cbSize as usize >= offset + size_of::<usize>()
}

/// Calls a function and reads its result.
fn called(call: impl FnOnce() -> i32) -> Result<(), WsaError> {
    thread::set_last_error(NO_ERROR);
    finish(call())
}

fn finish(result: i32) -> Result<(), WsaError> {
    let code = match result {
        NO_ERROR => return Ok(()),
        SOCKET_ERROR => thread::last_error(),
        code => code,
    };
    Err(if code == NO_ERROR { WsaError::WSASYSCALLFAILURE } else { WsaError::from_code(code) })
}

/// A structure that the runtime gives to a provider.
struct Packed(Buffer);

impl Packed {
    fn of(image: &Image) -> Result<Self, WsaError> {
        let mut length = image.len()?;
        let mut buffer = Buffer::new(length as usize);
        // SAFETY: the buffer has that many bytes.
        unsafe { pack(image, buffer.pointer(), from_mut(&mut length)) }?;
        Ok(Self(buffer))
    }

    fn pointer<T>(&mut self) -> *mut T {
        self.0.pointer()
    }
}

/// Room for a structure and what it points to, aligned and initialised.
struct Buffer(Vec<usize>);

impl Buffer {
    fn new(bytes: usize) -> Self {
        Self(vec![0; bytes.div_ceil(size_of::<usize>())])
    }

    fn length(&self) -> u32 {
        (self.0.len() * size_of::<usize>()) as u32
    }

    fn pointer<T>(&mut self) -> *mut T {
        self.0.as_mut_ptr().cast()
    }

    /// A set that a provider left here, believed as far as it stays inside.
    fn result(&mut self) -> Result<QuerySet, WsaError> {
        let length = self.length() as usize;
        // SAFETY: the buffer is ours, initialised, and that long.
        unsafe { QuerySet::from_buffer(self.pointer(), length, Form::QUERY_SET_W) }
            .map_err(|_| WsaError::WSASYSCALLFAILURE)
    }

    fn class(&mut self) -> Result<ServiceClass, WsaError> {
        let length = self.length() as usize;
        // SAFETY: as above.
        unsafe { ServiceClass::from_buffer(self.pointer(), length, Text::Wide) }
            .map_err(|_| WsaError::WSASYSCALLFAILURE)
    }
}
