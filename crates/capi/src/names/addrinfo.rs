//! `getaddrinfo`, `getnameinfo` and their W forms, for what the machine itself knows.
#![allow(unsafe_code, reason = "exports read and write the client's memory")]

use core::mem::offset_of;
use core::net::SocketAddr;
use core::ptr::null_mut;

use windlass_abi::{
    ADDRINFOA, ADDRINFOW, AF_INET, AF_INET6, AI_CANONNAME, SOCKADDR, SOCKADDR_IN, SOCKADDR_IN6, WsaError,
};
use windlass_runtime::{Function, require_started};

use super::numeric::{Hints, Name, name_of, resolve};
use crate::boundary::{Result, call_code, load, store};
use crate::text::{self, Unit, terminated};

/// `ADDRINFOA` and `ADDRINFOW`, which differ in the characters of the canonical name.
#[repr(C)]
#[derive(Clone, Copy)]
struct AddrInfo<U> {
    flags: i32,
    family: i32,
    socket_type: i32,
    protocol: i32,
    address_len: usize,
    canonical_name: *mut U,
    address: *mut SOCKADDR,
    next: *mut AddrInfo<U>,
}

const _: () = {
    assert!(size_of::<AddrInfo<u8>>() == size_of::<ADDRINFOA>());
    assert!(size_of::<AddrInfo<u16>>() == size_of::<ADDRINFOW>());
    assert!(offset_of!(AddrInfo<u8>, address_len) == offset_of!(ADDRINFOA, ai_addrlen));
    assert!(offset_of!(AddrInfo<u8>, canonical_name) == offset_of!(ADDRINFOA, ai_canonname));
    assert!(offset_of!(AddrInfo<u8>, address) == offset_of!(ADDRINFOA, ai_addr));
    assert!(offset_of!(AddrInfo<u8>, next) == offset_of!(ADDRINFOA, ai_next));
};

impl<U> AddrInfo<U> {
    /// What a client asks for (API-R2).
    fn hints(&self) -> Result<Hints> {
        let clean =
            self.address_len == 0 && self.canonical_name.is_null() && self.address.is_null() && self.next.is_null();
        let Self { flags, family, socket_type, protocol, .. } = *self;
        if clean { Ok(Hints { flags, family, socket_type, protocol }) } else { Err(WsaError::WSANO_RECOVERY) }
    }
}

/// A result and everything that its pointers point to, in one allocation (API-R11).
#[repr(C)]
struct Node<U> {
    /// First, so that a pointer to it is a pointer to the node.
    info: AddrInfo<U>,
    name: Name,
    canonical_name: Option<Box<[U]>>,
}

impl<U: Unit> Node<U> {
    /// A result for the client, who frees it.
    fn leak(name: SocketAddr, hints: &Hints, canonical_name: Option<&str>, next: *mut AddrInfo<U>) -> *mut AddrInfo<U> {
        let (family, address_len) = match name {
            SocketAddr::V4(_) => (AF_INET, size_of::<SOCKADDR_IN>()),
            SocketAddr::V6(_) => (AF_INET6, size_of::<SOCKADDR_IN6>()),
        };
        let info = AddrInfo {
            flags: 0,
            family,
            socket_type: hints.socket_type,
            protocol: hints.protocol,
            address_len,
            canonical_name: null_mut(),
            address: null_mut(),
            next,
        };
        let canonical_name = canonical_name.map(|text| terminated(text).into_boxed_slice());
        let node = Box::into_raw(Box::new(Self { info, name: name.into(), canonical_name }));
        // SAFETY: the node was just made, and nobody else has it yet.
        unsafe {
            (*node).info.address = match &mut (*node).name {
                Name::V4(four) => (&raw mut *four).cast(),
                Name::V6(six) => (&raw mut *six).cast(),
            };
            if let Some(text) = &mut (*node).canonical_name {
                (*node).info.canonical_name = text.as_mut_ptr();
            }
        }
        node.cast()
    }
}

/// # Safety
/// The pointers must be null or as the page of the function says.
unsafe fn get<U: Unit>(
    node: *const U,
    service: *const U,
    hints: *const AddrInfo<U>,
    result: *mut *mut AddrInfo<U>,
) -> Result<()> {
    // SAFETY: as the caller vouches.
    unsafe {
        store(result, null_mut())?;
        require_started(Function::GetAddrInfo)?;
        let hints = if hints.is_null() { Hints::default() } else { load(hints)?.hints()? };
        let node = text::read_if_given(node).map_err(|_| WsaError::WSAHOST_NOT_FOUND)?;
        let service = text::read_if_given(service).map_err(|_| WsaError::WSATYPE_NOT_FOUND)?;
        let found = resolve(node.as_deref(), service.as_deref(), &hints)?;
        // The canonical name is the first one's.
        let canonical = node.as_deref().filter(|_| hints.flags & AI_CANONNAME != 0);
        let list =
            found.into_iter().enumerate().rev().fold(null_mut(), |next, (at, address)| {
                Node::leak(address, &hints, canonical.filter(|_| at == 0), next)
            });
        store(result, list)
    }
}

/// # Safety
/// `list` must be null or a list that [`get`] made, not freed yet.
unsafe fn free<U>(mut list: *mut AddrInfo<U>) {
    while !list.is_null() {
        // SAFETY: each element is the first field of a node of ours, which this takes back.
        let node = unsafe { Box::from_raw(list.cast::<Node<U>>()) };
        list = node.info.next;
    }
}

/// # Safety
/// The pointers must be null or as the page of the function says.
unsafe fn name_info<U: Unit>(
    address: *const SOCKADDR,
    len: i32,
    host: (*mut U, u32),
    service: (*mut U, u32),
    flags: i32,
) -> Result<()> {
    let is_wanted = |(room, size): (*mut U, u32)| !room.is_null() && size != 0;
    require_started(Function::GetNameInfo)?;
    // SAFETY: as the caller vouches.
    let name = unsafe { read_name(address, len) }?;
    if !is_wanted(host) && !is_wanted(service) {
        return Err(WsaError::WSAHOST_NOT_FOUND);
    }
    let (host_text, service_text) = name_of(SocketAddr::from(&name), flags)?;
    for (text, to) in [(host_text, host), (service_text, service)] {
        if is_wanted(to) {
            // SAFETY: as the caller vouches.
            unsafe { text::hand_out(&text, to.0, to.1 as usize) }?;
        }
    }
    Ok(())
}

/// # Safety
/// `address` must be null or `len` bytes.
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

macro_rules! exports {
    ($form:ty, $unit:ty;
        #[$get_name:meta] $get:ident, #[$free_name:meta] $free:ident, #[$name_name:meta] $name:ident
    ) => {
        /// Addresses of a node and a service; the code is the result (API-R1).
        ///
        /// # Safety
        /// The pointers must be null or as the page of the function says.
        #[$get_name]
        pub unsafe extern "system" fn $get(
            node: *const $unit,
            service: *const $unit,
            hints: *const $form,
            result: *mut *mut $form,
        ) -> i32 {
            // SAFETY: as the caller vouches; the structure has the layout of ours.
            call_code(|| unsafe { get(node, service, hints.cast(), result.cast()) })
        }

        /// Frees a list; null is nothing (API-R11).
        ///
        /// # Safety
        /// The list must come from the function above and not have been freed.
        #[$free_name]
        pub unsafe extern "system" fn $free(list: *mut $form) {
            // SAFETY: as the caller vouches; it is a list of our own structures.
            unsafe { free(list.cast::<AddrInfo<$unit>>()) }
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

exports!(
    ADDRINFOA, u8;
    #[unsafe(export_name = "ws2_getaddrinfo")] getaddrinfo,
    #[unsafe(export_name = "ws2_freeaddrinfo")] freeaddrinfo,
    #[unsafe(export_name = "ws2_getnameinfo")] getnameinfo
);
exports!(
    ADDRINFOW, u16;
    #[unsafe(no_mangle)] GetAddrInfoW,
    #[unsafe(no_mangle)] FreeAddrInfoW,
    #[unsafe(no_mangle)] GetNameInfoW
);
