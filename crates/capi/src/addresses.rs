//! Addresses as text, and the byte order of a socket's protocol.
#![allow(unsafe_code, reason = "exports pass the client's pointers to a provider")]


use windlass_abi::{
    AF_UNSPEC, LITTLEENDIAN, NO_ERROR, SOCKADDR, SOCKET, SOCKET_ERROR, WSAPROTOCOL_INFOA, WSAPROTOCOL_INFOW, WsaError,
};
use windlass_runtime::{self as runtime, Entered, Function};

use crate::boundary::{Result, array_mut, bytes, call, load, store};
use crate::text::info_w;

/// What the provider of an address is chosen by and given.
struct Chosen {
    entered: Entered,
    info: WSAPROTOCOL_INFOW,
}

impl Chosen {
    fn new(family: i32, info: Option<WSAPROTOCOL_INFOW>, function: Function) -> Result<Self> {
        let entered = runtime::enter_for_address(family, info.as_ref(), function)?;
        let info = entered.info().ok_or(WsaError::WSAEINVAL)?;
        Ok(Self { entered, info })
    }
}

/// The information that a client may leave out.
unsafe fn optional<T: Copy>(info: *const T, convert: impl FnOnce(T) -> WSAPROTOCOL_INFOW) -> Result<Option<WSAPROTOCOL_INFOW>> {
    // SAFETY: as the caller of the export vouches.
    if info.is_null() { Ok(None) } else { Ok(Some(convert(unsafe { load(info) }?))) }
}

/// The family of an address, if there is room for one.
unsafe fn family(address: *const SOCKADDR, len: u32) -> Result<i32> {
    if len < 2 {
        return Err(WsaError::WSAEFAULT);
    }
    // SAFETY: as the caller of the export vouches.
    Ok(unsafe { load(address.cast::<u16>()) }?.into())
}

/// API-S16. Lengths are in characters.
///
/// # Safety
/// The pointers must be null or as the page of the function says.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSAAddressToStringW(
    address: *mut SOCKADDR,
    address_len: u32,
    info: *mut WSAPROTOCOL_INFOW,
    text: *mut u16,
    text_len: *mut u32,
) -> i32 {
    call(SOCKET_ERROR, || {
        runtime::require_started(Function::WsaAddressToString)?;
        // SAFETY: as the caller vouches.
        let (family, info) = unsafe { (family(address, address_len)?, optional(info, |info| info)?) };
        let mut chosen = Chosen::new(family, info, Function::WsaAddressToString)?;
        // SAFETY: the arguments are the client's; the information is ours and outlives the call.
        unsafe { to_text(&mut chosen, address, address_len, text, text_len) }.map(|()| NO_ERROR)
    })
}

/// # Safety
/// The pointers must be null or as the SPI page of the function says.
unsafe fn to_text(chosen: &mut Chosen, address: *mut SOCKADDR, len: u32, text: *mut u16, text_len: *mut u32) -> Result<()> {
    let mut errno = NO_ERROR;
    // SAFETY: as the caller vouches.
    let result = unsafe {
        (chosen.entered.lpWSPAddressToString)(address, len, &raw mut chosen.info, text, text_len, &raw mut errno)
    };
    if result == SOCKET_ERROR { Err(crate::dispatch::provider_error(errno)) } else { Ok(()) }
}

/// As [`WSAAddressToStringW`]; lengths are those of the 8-bit text (API-8).
///
/// # Safety
/// The pointers must be null or as the page of the function says.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSAAddressToStringA(
    address: *mut SOCKADDR,
    address_len: u32,
    info: *mut WSAPROTOCOL_INFOA,
    text: *mut u8,
    text_len: *mut u32,
) -> i32 {
    call(SOCKET_ERROR, || {
        runtime::require_started(Function::WsaAddressToString)?;
        // SAFETY: as the caller vouches.
        unsafe {
            let (family, info) = (family(address, address_len)?, optional(info, |info| info_w(&info))?);
            let room = load(text_len)? as usize;
            let mut chosen = Chosen::new(family, info, Function::WsaAddressToString)?;
            let mut wide = vec![0; 1];
            let mut wide_len = 1;
            // The first call tells the length, the second fetches the text.
            match to_text(&mut chosen, address, address_len, wide.as_mut_ptr(), &raw mut wide_len) {
                Err(WsaError::WSAEFAULT) if wide_len > 1 => {
                    wide.resize(wide_len as usize, 0);
                    to_text(&mut chosen, address, address_len, wide.as_mut_ptr(), &raw mut wide_len)?;
                }
                other => other?,
            }
            let end = wide.iter().position(|unit| *unit == 0).unwrap_or(wide.len());
            let mut narrow = String::from_utf16_lossy(&wide[..end]).into_bytes();
            narrow.push(0);
            store(text_len, narrow.len() as u32)?;
            if room < narrow.len() {
                return Err(WsaError::WSAEFAULT);
            }
            array_mut(text, narrow.len())?.copy_from_slice(&narrow);
            Ok(NO_ERROR)
        }
    })
}

/// API-S16. The length is in bytes.
///
/// # Safety
/// The pointers must be null or as the page of the function says.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSAStringToAddressW(
    text: *mut u16,
    family: i32,
    info: *mut WSAPROTOCOL_INFOW,
    address: *mut SOCKADDR,
    address_len: *mut i32,
) -> i32 {
    call(SOCKET_ERROR, || {
        runtime::require_started(Function::WsaStringToAddress)?;
        // SAFETY: as the caller vouches.
        unsafe { to_address(text, family, optional(info, |info| info)?, address, address_len) }
    })
}

/// As [`WSAStringToAddressW`].
///
/// # Safety
/// The pointers must be null or as the page of the function says.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn WSAStringToAddressA(
    text: *mut u8,
    family: i32,
    info: *mut WSAPROTOCOL_INFOA,
    address: *mut SOCKADDR,
    address_len: *mut i32,
) -> i32 {
    call(SOCKET_ERROR, || {
        runtime::require_started(Function::WsaStringToAddress)?;
        // SAFETY: as the caller vouches.
        unsafe {
            let mut wide: Vec<u16> = String::from_utf8_lossy(bytes(text)?).encode_utf16().chain([0]).collect();
            let info = optional(info, |info| info_w(&info))?;
            to_address(wide.as_mut_ptr(), family, info, address, address_len)
        }
    })
}

/// # Safety
/// The pointers must be null or as the SPI page of the function says.
unsafe fn to_address(
    text: *mut u16,
    family: i32,
    info: Option<WSAPROTOCOL_INFOW>,
    address: *mut SOCKADDR,
    address_len: *mut i32,
) -> Result<i32> {
    if text.is_null() {
        return Err(WsaError::WSAEFAULT);
    }
    if family == AF_UNSPEC && info.is_none() {
        return Err(WsaError::WSAEINVAL);
    }
    let mut chosen = Chosen::new(family, info, Function::WsaStringToAddress)?;
    let mut errno = NO_ERROR;
    let convert = chosen.entered.lpWSPStringToAddress;
    // SAFETY: as the caller vouches.
    let result = unsafe { convert(text, family, &raw mut chosen.info, address, address_len, &raw mut errno) };
    Ok(chosen.entered.finish(result, errno))
}

/// Stores a number in the byte order of a socket's protocol, or the other way round: the same swap (API-S15).
unsafe fn reorder<T>(s: SOCKET, function: Function, value: T, big: fn(T) -> T, little: fn(T) -> T, result: *mut T) -> i32 {
    call(SOCKET_ERROR, || {
        let order = runtime::byte_order(s, function)?;
        let value = if order == LITTLEENDIAN { little(value) } else { big(value) };
        // SAFETY: as the caller of the export vouches.
        unsafe { store(result, value) }?;
        Ok(NO_ERROR)
    })
}

macro_rules! byte_order {
    ($($name:ident($ty:ty), $function:ident;)*) => {
        $(
            /// API-S15.
            ///
            /// # Safety
            /// `result` must be null or writable.
            #[unsafe(no_mangle)]
            pub unsafe extern "system" fn $name(s: SOCKET, value: $ty, result: *mut $ty) -> i32 {
                // SAFETY: as the caller vouches.
                unsafe { reorder(s, Function::$function, value, <$ty>::to_be, <$ty>::to_le, result) }
            }
        )*
    };
}

byte_order! {
    WSAHtonl(u32), WsaHtonl;
    WSAHtons(u16), WsaHtons;
    WSANtohl(u32), WsaNtohl;
    WSANtohs(u16), WsaNtohs;
}

