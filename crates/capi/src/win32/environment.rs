//! The command line and the environment.
#![allow(unsafe_code, reason = "text comes from and goes to the client's memory")]

use std::sync::OnceLock;

use windlass_abi::WsaError;

use crate::boundary::{Result, call, store_all};
use crate::text::{Unit, read, terminated};

use super::{code, fail, invalid};

/// The command line as Windows would have it: arguments with blanks are quoted. It is made once, and not to be changed.
#[unsafe(no_mangle)]
pub extern "system" fn GetCommandLineA() -> *const u8 {
    static LINE: OnceLock<Vec<u8>> = OnceLock::new();
    LINE.get_or_init(|| terminated(&command_line())).as_ptr()
}

/// The same.
#[unsafe(no_mangle)]
pub extern "system" fn GetCommandLineW() -> *const u16 {
    static LINE: OnceLock<Vec<u16>> = OnceLock::new();
    LINE.get_or_init(|| terminated(&command_line())).as_ptr()
}

fn command_line() -> String {
    let arguments = std::env::args_os().map(|argument| quoted(&argument.to_string_lossy()));
    arguments.collect::<Vec<_>>().join(" ")
}

/// An argument so that who splits the line by the rules of Windows gets it back.
fn quoted(argument: &str) -> String {
    if !argument.is_empty() && !argument.contains([' ', '\t', '\n', '"']) {
        return argument.to_owned();
    }
    let mut text = String::from('"');
    let mut backslashes = 0;
    for c in argument.chars() {
        match c {
            '\\' => backslashes += 1,
            '"' => {
                // Those before a quote are doubled, and the quote has one of its own.
                text.extend(std::iter::repeat_n('\\', backslashes + 1));
                backslashes = 0;
            }
            _ => backslashes = 0,
        }
        text.push(c);
    }
    text.extend(std::iter::repeat_n('\\', backslashes));
    text.push('"');
    text
}

/// Stores the value of a variable and a NUL, and gives its length without it; if there is no room, how much is needed,
/// with the NUL.
///
/// Errors: `ERROR_ENVVAR_NOT_FOUND`, `ERROR_INVALID_PARAMETER` (no name).
///
/// # Safety
/// The pointers must be null, or NUL-terminated and have that much room.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn GetEnvironmentVariableA(name: *const u8, buffer: *mut u8, room: u32) -> u32 {
    // SAFETY: as the caller vouches.
    unsafe { variable(name, buffer, room) }
}

/// The same.
///
/// # Safety
/// The pointers must be null, or NUL-terminated and have that much room.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn GetEnvironmentVariableW(name: *const u16, buffer: *mut u16, room: u32) -> u32 {
    // SAFETY: as the caller vouches.
    unsafe { variable(name, buffer, room) }
}

/// # Safety
/// The pointers must be null, or NUL-terminated and have that much room.
unsafe fn variable<U: Unit>(name: *const U, buffer: *mut U, room: u32) -> u32 {
    call(0, || {
        // SAFETY: as the caller vouches.
        let name = unsafe { read(name) }.or_else(|_| invalid())?;
        let value = value(&name).ok_or(WsaError::Other(code::ENVVAR_NOT_FOUND))?;
        let units = terminated::<U>(&value);
        // SAFETY: as the caller vouches.
        unsafe { deliver(&units, buffer, room) }.map(|fits| units.len() as u32 - u32::from(fits))
    })
}

/// What the environment says of a name.
fn value(name: &str) -> Option<String> {
    let usable = !name.is_empty() && !name.contains(['=', '\0']);
    Some(std::env::var_os(name).filter(|_| usable)?.to_string_lossy().into_owned())
}

/// Stores a text if it fits; whether it does.
///
/// # Safety
/// `buffer` must be null or have that much room.
unsafe fn deliver<U: Unit>(units: &[U], buffer: *mut U, room: u32) -> Result<bool> {
    let fits = units.len() <= room as usize;
    if fits {
        // SAFETY: there is room for it, as the client says.
        unsafe { store_all(buffer, units) }.or_else(|_| invalid())?;
    }
    Ok(fits)
}

/// Stores a text in which each %NAME% that the environment knows is its value, and a NUL, and gives its length with the
/// NUL, whether it fits or not. Other names stay as they are.
///
/// Errors: `ERROR_INVALID_PARAMETER` (no text).
///
/// # Safety
/// The pointers must be null, or NUL-terminated and have that much room.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn ExpandEnvironmentStringsA(text: *const u8, buffer: *mut u8, room: u32) -> u32 {
    // SAFETY: as the caller vouches.
    unsafe { expand(text, buffer, room) }
}

/// The same.
///
/// # Safety
/// The pointers must be null, or NUL-terminated and have that much room.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn ExpandEnvironmentStringsW(text: *const u16, buffer: *mut u16, room: u32) -> u32 {
    // SAFETY: as the caller vouches.
    unsafe { expand(text, buffer, room) }
}

/// # Safety
/// The pointers must be null, or NUL-terminated and have that much room.
unsafe fn expand<U: Unit>(text: *const U, buffer: *mut U, room: u32) -> u32 {
    call(0, || {
        // SAFETY: as the caller vouches.
        let text = unsafe { read(text) }.or_else(|_| invalid())?;
        let units = terminated::<U>(&expanded(&text));
        // SAFETY: as the caller vouches.
        unsafe { deliver(&units, buffer, room) }?;
        u32::try_from(units.len()).or_else(|_| fail(code::INSUFFICIENT_BUFFER))
    })
}

fn expanded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        match after.split_once('%').and_then(|(name, behind)| Some((value(name)?, behind))) {
            Some((value, behind)) => {
                out.push_str(&value);
                rest = behind;
            }
            None => {
                out.push('%');
                rest = after;
            }
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_quoted_where_they_must_be() {
        for (argument, expected) in [
            ("plain", "plain"),
            ("", "\"\""),
            ("two words", "\"two words\""),
            (r"back\slash", r"back\slash"),
            (r"in the end\", r#""in the end\\""#),
            (r#"a "quote""#, r#""a \"quote\"""#),
            (r#"\" "#, r#""\\\" ""#),
        ] {
            assert_eq!(quoted(argument), expected);
        }
    }
}
