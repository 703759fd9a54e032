//! Addresses as text, and the byte order of a socket's protocol.
#![allow(unsafe_code, reason = "exports pass the client's pointers to a provider")]

use core::ptr::null_mut;

use windlass_abi::{
    AF_UNSPEC, LITTLEENDIAN, NO_ERROR, SOCKADDR, SOCKET, SOCKET_ERROR, WSAEFAULT, WSAPROTOCOL_INFOA, WSAPROTOCOL_INFOW,
    WsaError,
};
use windlass_runtime::{self as runtime, Entered, Function};

use crate::boundary::{Result, call, load, store};
use crate::text::{self, info_w, terminated};

/// The provider that converts, entered, and the information that it is given (WSP-A2S-4).
struct Converter {
    entered: Entered,
    info: WSAPROTOCOL_INFOW,
}

impl Converter {
    fn choose(family: i32, info: Option<WSAPROTOCOL_INFOW>, function: Function) -> Result<Self> {
        let entered = runtime::enter_for_address(family, info.as_ref(), function)?;
        let info = entered.info().ok_or(WsaError::WSAEINVAL)?;
        Ok(Self { entered, info })
    }

    /// What the provider makes of an address: its result and its error.
    ///
    /// # Safety
    /// The pointers must be null or as the page of `WSPAddressToString` says.
    unsafe fn convert(&mut self, address: *mut SOCKADDR, len: u32, text: *mut u16, text_len: *mut u32) -> (i32, i32) {
        let mut errno = NO_ERROR;
        let to_string = self.entered.lpWSPAddressToString;
        // SAFETY: as the caller vouches; the information is ours and outlives the call.
        let result = unsafe { to_string(address, len, &raw mut self.info, text, text_len, &raw mut errno) };
        (result, errno)
    }
}

/// The information that a client may leave out.
///
/// # Safety
/// `info` must be null or readable.
unsafe fn optional<T: Copy>(
    info: *const T,
    convert: impl FnOnce(&T) -> WSAPROTOCOL_INFOW,
) -> Result<Option<WSAPROTOCOL_INFOW>> {
    // SAFETY: as the caller vouches.
    if info.is_null() { Ok(None) } else { unsafe { load(info) }.map(|info| Some(convert(&info))) }
}

/// The family of an address, if there is room for one.
///
/// # Safety
/// `address` must be null or `len` bytes.
unsafe fn family(address: *const SOCKADDR, len: u32) -> Result<i32> {
    if len < 2 {
        return Err(WsaError::WSAEFAULT);
    }
    // SAFETY: as the caller vouches.
    Ok(unsafe { load(address.cast::<u16>()) }?.into())
}

/// The text of an address (API-S16). Lengths are in characters.
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
        unsafe {
            let (family, info) = (family(address, address_len)?, optional(info, |info| *info)?);
            let mut converter = Converter::choose(family, info, Function::WsaAddressToString)?;
            let (result, errno) = converter.convert(address, address_len, text, text_len);
            Ok(converter.entered.finish(result, errno))
        }
    })
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
            let (family, info) = (family(address, address_len)?, optional(info, info_w)?);
            let mut converter = Converter::choose(family, info, Function::WsaAddressToString)?;
            // Room for any usual address; a provider that needs more says how much.
            let mut wide = vec![0; 128];
            let (result, errno) = loop {
                let mut needed = wide.len() as u32;
                let answer = converter.convert(address, address_len, wide.as_mut_ptr(), &raw mut needed);
                if answer != (SOCKET_ERROR, WSAEFAULT) || needed as usize <= wide.len() {
                    break answer;
                }
                wide.resize(needed as usize, 0);
            };
            converter.entered.result(result == SOCKET_ERROR, errno)?;
            let end = wide.iter().position(|unit| *unit == 0).unwrap_or(wide.len());
            text::hand_out_measured(&String::from_utf16_lossy(&wide[..end]), text, text_len)?;
            Ok(NO_ERROR)
        }
    })
}

/// The address that a text says (API-S16). The length is in bytes.
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
        unsafe { to_address(text, family, optional(info, |info| *info)?, address, address_len) }
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
        // SAFETY: as the caller vouches; the wide text outlives the call.
        unsafe {
            let mut wide = text::read_if_given(text)?.map(|text| terminated::<u16>(&text));
            let text = wide.as_mut().map_or(null_mut(), |text| text.as_mut_ptr());
            to_address(text, family, optional(info, info_w)?, address, address_len)
        }
    })
}

/// # Safety
/// The pointers must be null or as the page of `WSPStringToAddress` says.
unsafe fn to_address(
    text: *mut u16,
    family: i32,
    info: Option<WSAPROTOCOL_INFOW>,
    address: *mut SOCKADDR,
    address_len: *mut i32,
) -> Result<i32> {
    if family == AF_UNSPEC && info.is_none() {
        return Err(WsaError::WSAEINVAL);
    }
    let mut converter = Converter::choose(family, info, Function::WsaStringToAddress)?;
    let mut errno = NO_ERROR;
    let convert = converter.entered.lpWSPStringToAddress;
    // SAFETY: as the caller vouches; the information is ours and outlives the call.
    let result = unsafe { convert(text, family, &raw mut converter.info, address, address_len, &raw mut errno) };
    Ok(converter.entered.finish(result, errno))
}

/// Stores a number in the byte order of a socket's protocol, or the other way round: the same swap (API-S15).
///
/// # Safety
/// `result` must be null or writable.
unsafe fn reorder<T>(s: SOCKET, function: Function, value: T, [big, little]: [fn(T) -> T; 2], result: *mut T) -> i32 {
    call(SOCKET_ERROR, || {
        let order = runtime::byte_order(s, function)?;
        let value = if order == LITTLEENDIAN { little(value) } else { big(value) };
        // SAFETY: as the caller vouches.
        unsafe { store(result, value) }?;
        Ok(NO_ERROR)
    })
}

macro_rules! byte_order {
    ($($(#[$doc:meta])* $name:ident($ty:ty), $function:ident;)*) => {
        $(
            $(#[$doc])*
            ///
            /// # Safety
            /// `result` must be null or writable.
            #[unsafe(no_mangle)]
            pub unsafe extern "system" fn $name(s: SOCKET, value: $ty, result: *mut $ty) -> i32 {
                // SAFETY: as the caller vouches.
                unsafe { reorder(s, Function::$function, value, [<$ty>::to_be, <$ty>::to_le], result) }
            }
        )*
    };
}

byte_order! {
    /// 32 bits from the host's order to that of the socket's protocol (API-S15).
    WSAHtonl(u32), WsaHtonl;
    /// 16 bits from the host's order to that of the socket's protocol (API-S15).
    WSAHtons(u16), WsaHtons;
    /// 32 bits from the order of the socket's protocol to the host's (API-S15).
    WSANtohl(u32), WsaNtohl;
    /// 16 bits from the order of the socket's protocol to the host's (API-S15).
    WSANtohs(u16), WsaNtohs;
}
