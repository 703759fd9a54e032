//! `getaddrinfo`, `getnameinfo` and their W forms, for what the machine itself knows.
#![allow(unsafe_code, reason = "exports read and write the client's memory")]

use core::mem::size_of;
use core::net::SocketAddr;
use core::ptr::null_mut;

use windlass_abi::{
    ADDRINFOA, ADDRINFOW, AF_INET, AF_INET6, AI_CANONNAME, SOCKADDR, SOCKADDR_IN, SOCKADDR_IN6, WsaError,
};
use windlass_runtime::{Function, require_started};

use super::numeric::{Hints, Name, name_of, resolve};
use crate::boundary::{Result, array_mut, bytes, call_code, load, store, wide};

/// A result and everything that its pointers point to, in one allocation (API-R11).
#[repr(C)]
struct Node<I, T> {
    /// First, so that a pointer to it is a pointer to the node.
    info: I,
    name: Name,
    canonical: Option<Box<[T]>>,
}

/// One character width of the functions.
trait Form: Sized {
    type Unit: Copy + Default;
    fn new(hints: &Hints, family: i32, address_len: usize) -> Self;
    fn hints(&self) -> Result<Hints>;
    fn links(&mut self) -> (&mut *mut Self, &mut *mut SOCKADDR, &mut *mut Self::Unit);
    /// # Safety
    /// The text must be null or NUL-terminated.
    unsafe fn text(text: *const Self::Unit) -> Result<Option<String>>;
    fn units(text: &str) -> Vec<Self::Unit>;
}

macro_rules! form {
    ($form:ident, $unit:ty, $read:expr, $encode:expr) => {
        impl Form for $form {
            type Unit = $unit;

            fn new(hints: &Hints, family: i32, address_len: usize) -> Self {
                Self {
                    ai_flags: 0,
                    ai_family: family,
                    ai_socktype: hints.socket_type,
                    ai_protocol: hints.protocol,
                    ai_addrlen: address_len,
                    ai_canonname: null_mut(),
                    ai_addr: null_mut(),
                    ai_next: null_mut(),
                }
            }

            fn hints(&self) -> Result<Hints> {
                // API-R2.
                let clean = self.ai_addrlen == 0
                    && self.ai_canonname.is_null()
                    && self.ai_addr.is_null()
                    && self.ai_next.is_null();
                let hints = Hints {
                    flags: self.ai_flags,
                    family: self.ai_family,
                    socket_type: self.ai_socktype,
                    protocol: self.ai_protocol,
                };
                if clean { Ok(hints) } else { Err(WsaError::WSANO_RECOVERY) }
            }

            fn links(&mut self) -> (&mut *mut Self, &mut *mut SOCKADDR, &mut *mut $unit) {
                (&mut self.ai_next, &mut self.ai_addr, &mut self.ai_canonname)
            }

            unsafe fn text(text: *const $unit) -> Result<Option<String>> {
                if text.is_null() {
                    return Ok(None);
                }
                // SAFETY: not null, and the caller vouches for the NUL.
                let units = unsafe { $read(text) }?;
                Ok(Some($encode(units).map_err(|_| WsaError::WSAHOST_NOT_FOUND)?))
            }

            fn units(text: &str) -> Vec<$unit> {
                encode(text)
            }
        }
    };
}

form!(ADDRINFOA, u8, bytes, |units: &[u8]| String::from_utf8(units.to_vec()));
form!(ADDRINFOW, u16, wide, String::from_utf16);

/// Text in units of either width, with its NUL.
trait Unit: Copy + Default {
    fn all(text: &str) -> Vec<Self>;
}

impl Unit for u8 {
    fn all(text: &str) -> Vec<u8> {
        text.bytes().collect()
    }
}

impl Unit for u16 {
    fn all(text: &str) -> Vec<u16> {
        text.encode_utf16().collect()
    }
}

fn encode<U: Unit>(text: &str) -> Vec<U> {
    let mut units = U::all(text);
    units.push(U::default());
    units
}

/// # Safety
/// The pointers must be null or as the page of the function says.
unsafe fn get<I: Form>(node: *const I::Unit, service: *const I::Unit, hints: *const I, result: *mut *mut I) -> Result<()> {
    // SAFETY: as the caller vouches.
    unsafe {
        store(result, null_mut())?;
        require_started(Function::GetAddrInfo)?;
        let hints = hints.as_ref().map_or(Ok(Hints::default()), I::hints)?;
        let (node, service) = (I::text(node)?, I::text(service)?);
        let found = resolve(node.as_deref(), service.as_deref(), &hints)?;
        let canonical = node.filter(|_| hints.flags & AI_CANONNAME != 0);
        store(result, list(found, &hints, canonical.as_deref()))
    }
}

/// A list for the client, who frees it. The canonical name is the first one's.
fn list<I: Form>(found: Vec<SocketAddr>, hints: &Hints, mut canonical: Option<&str>) -> *mut I {
    let mut first = null_mut();
    let mut end: *mut *mut I = &raw mut first;
    for address in found {
        let (family, len) = match address {
            SocketAddr::V4(_) => (AF_INET, size_of::<SOCKADDR_IN>()),
            SocketAddr::V6(_) => (AF_INET6, size_of::<SOCKADDR_IN6>()),
        };
        let canonical = canonical.take().map(|text| I::units(text).into_boxed_slice());
        let node = Box::into_raw(Box::new(Node { info: I::new(hints, family, len), name: address.into(), canonical }));
        // SAFETY: the node is ours until the list is handed out; `end` is the last link of the list so far.
        unsafe {
            let (next, name, text) = (*node).info.links();
            *name = match &mut (*node).name {
                Name::V4(four) => (&raw mut *four).cast(),
                Name::V6(six) => (&raw mut *six).cast(),
            };
            *text = (*node).canonical.as_mut().map_or(null_mut(), |text| text.as_mut_ptr());
            let next = &raw mut *next;
            end.write(node.cast());
            end = next;
        }
    }
    first
}

/// # Safety
/// `list` must be null or a list that [`get`] made, not freed yet.
unsafe fn free<I: Form>(mut list: *mut I) {
    while !list.is_null() {
        // SAFETY: each element is the first field of a node of ours, which this takes back.
        let mut node = unsafe { Box::from_raw(list.cast::<Node<I, I::Unit>>()) };
        list = *node.info.links().0;
    }
}

macro_rules! exports {
    ($form:ty, $unit:ty; #[$get_name:meta] $get:ident, #[$free_name:meta] $free:ident, #[$name_name:meta] $name:ident) => {
        /// Addresses of a node and a service; the code is the result (API-R1).
        ///
        /// # Safety
        /// The pointers must be null or as the page of the function says.
        #[$get_name]
        pub unsafe extern "system" fn $get(node: *const $unit, service: *const $unit, hints: *const $form, result: *mut *mut $form) -> i32 {
            // SAFETY: as the caller vouches.
            call_code(|| unsafe { get(node, service, hints, result) })
        }

        /// Frees a list; null is nothing (API-R11).
        ///
        /// # Safety
        /// The list must come from the function above and not have been freed.
        #[$free_name]
        pub unsafe extern "system" fn $free(list: *mut $form) {
            // SAFETY: as the caller vouches.
            unsafe { free(list) }
        }

        /// The text of an address; the code is the result (API-R1). Sizes are in characters.
        ///
        /// # Safety
        /// The pointers must be null or as the page of the function says.
        #[$name_name]
        pub unsafe extern "system" fn $name(
            address: *const SOCKADDR,
            len: i32,
            host: *mut $unit,
            host_size: u32,
            service: *mut $unit,
            service_size: u32,
            flags: i32,
        ) -> i32 {
            // SAFETY: as the caller vouches.
            call_code(|| unsafe { name_info(address, len, (host, host_size), (service, service_size), flags) })
        }
    };
}

exports!(ADDRINFOA, u8; #[unsafe(export_name = "ws2_getaddrinfo")] getaddrinfo, #[unsafe(export_name = "ws2_freeaddrinfo")] freeaddrinfo, #[unsafe(export_name = "ws2_getnameinfo")] getnameinfo);
exports!(ADDRINFOW, u16; #[unsafe(no_mangle)] GetAddrInfoW, #[unsafe(no_mangle)] FreeAddrInfoW, #[unsafe(no_mangle)] GetNameInfoW);

/// # Safety
/// The pointers must be null or as the page of the function says.
unsafe fn name_info<U: Unit>(
    address: *const SOCKADDR,
    len: i32,
    host: (*mut U, u32),
    service: (*mut U, u32),
    flags: i32,
) -> Result<()> {
    require_started(Function::GetNameInfo)?;
    // SAFETY: as the caller vouches.
    unsafe {
        let name = read_name(address, len)?;
        if host.0.is_null() && service.0.is_null() {
            return Err(WsaError::WSAHOST_NOT_FOUND);
        }
        let (host_text, service_text) = name_of(SocketAddr::from(&name), flags)?;
        hand_out(&host_text, host)?;
        hand_out(&service_text, service)
    }
}

unsafe fn read_name(address: *const SOCKADDR, len: i32) -> Result<Name> {
    let len = usize::try_from(len).map_err(|_| WsaError::WSAEFAULT)?;
    if len < size_of::<u16>() {
        return Err(WsaError::WSAEFAULT);
    }
    // SAFETY: as the caller vouches; each read stays within `len`.
    unsafe {
        match i32::from(load(address.cast::<u16>())?) {
            AF_INET if len >= size_of::<SOCKADDR_IN>() => Ok(Name::V4(load(address.cast())?)),
            AF_INET6 if len >= size_of::<SOCKADDR_IN6>() => Ok(Name::V6(load(address.cast())?)),
            AF_INET | AF_INET6 => Err(WsaError::WSAEFAULT),
            _ => Err(WsaError::WSAEAFNOSUPPORT),
        }
    }
}

/// Text that the caller left out is not wanted; one that does not fit is `WSAEFAULT`.
unsafe fn hand_out<U: Unit>(text: &str, (room, size): (*mut U, u32)) -> Result<()> {
    if room.is_null() || size == 0 {
        return Ok(());
    }
    let units = encode::<U>(text);
    // SAFETY: as the caller vouches.
    let room = unsafe { array_mut(room, size as usize) }?;
    room.get_mut(..units.len()).ok_or(WsaError::WSAEFAULT)?.copy_from_slice(&units);
    Ok(())
}
