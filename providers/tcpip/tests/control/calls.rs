//! The calls that only these tests make.
#![allow(unsafe_code, reason = "calls the C table of the provider")]

use std::ptr::null_mut;

use windlass_abi::*;
use windlass_io::Handle;

use crate::support::upcalls::TestEvent;
use crate::support::{PATIENCE, Result, Winsock, encode, entry};

/// Calls a function of the table with an errno of its own: the result, and the error.
macro_rules! with_errno {
    ($winsock:ident.$function:ident($($argument:expr),* $(,)?)) => {{
        let mut errno = 0;
        // SAFETY: the provider is started, and every pointer is null or valid while the call lasts.
        let result = unsafe { ($winsock.table.$function)($($argument,)* &mut errno) };
        (result, WsaError::from_code(errno))
    }};
}

impl Winsock {
    /// The characters without the NUL; or the error and the count asked for.
    pub fn address_to_string(
        &self,
        address: &[u8],
        family: i32,
        room: u32,
    ) -> std::result::Result<Vec<u16>, (WsaError, u32)> {
        let mut text = vec![0u16; room as usize + 1];
        let mut length = room;
        let (result, error) = with_errno!(self.lpWSPAddressToString(
            address.as_ptr().cast_mut().cast(),
            address.len() as u32,
            &mut entry(family, SOCK_STREAM),
            text.as_mut_ptr(),
            &mut length,
        ));
        if result != 0 {
            return Err((error, length));
        }
        assert_eq!(text[length as usize - 1], 0, "the NUL is counted");
        text.truncate(length as usize - 1);
        Ok(text)
    }

    /// The address; or the error and the size asked for.
    pub fn string_to_address(
        &self,
        text: &str,
        family: i32,
        room: i32,
    ) -> std::result::Result<Vec<u8>, (WsaError, i32)> {
        let mut text: Vec<u16> = text.encode_utf16().chain([0]).collect();
        let mut address = vec![0u8; room as usize];
        let mut length = room;
        let (result, error) = with_errno!(self.lpWSPStringToAddress(
            text.as_mut_ptr(),
            family,
            &mut entry(family, SOCK_STREAM),
            address.as_mut_ptr().cast(),
            &mut length,
        ));
        if result != 0 {
            return Err((error, length));
        }
        address.truncate(length as usize);
        Ok(address)
    }

    pub fn duplicate(&self, s: SOCKET, process: u32) -> Result<WSAPROTOCOL_INFOW> {
        let mut info = WSAPROTOCOL_INFOW::default();
        done(with_errno!(self.lpWSPDuplicateSocket(s, process, &mut info)))?;
        Ok(info)
    }

    /// A socket from a protocol information, with these `WSA_FLAG_*`.
    pub fn socket_from(&self, info: &WSAPROTOCOL_INFOW, flags: u32) -> Result<SOCKET> {
        let (of_info, mut info) = (FROM_PROTOCOL_INFO, *info);
        let (s, error) = with_errno!(self.lpWSPSocket(of_info, of_info, of_info, &mut info, 0, flags));
        if s == INVALID_SOCKET { Err(error) } else { Ok(s) }
    }

    pub fn join_leaf(&self, s: SOCKET, group: std::net::SocketAddr, flags: u32) -> Result<SOCKET> {
        let name = encode(group);
        let (leaf, error) = with_errno!(self.lpWSPJoinLeaf(
            s,
            name.as_ptr().cast(),
            name.len() as i32,
            null_mut(),
            null_mut(),
            null_mut(),
            null_mut(),
            flags,
        ));
        if leaf == INVALID_SOCKET { Err(error) } else { Ok(leaf) }
    }

    /// An ioctl with the count that is returned whatever the result.
    pub fn ioctl_counted(&self, s: SOCKET, code: u32, input: &[u8], output: &mut [u8]) -> (Result<()>, u32) {
        let mut returned = 0xdddd_dddd;
        let result = with_errno!(self.lpWSPIoctl(
            s,
            code,
            input.as_ptr().cast_mut().cast(),
            input.len() as u32,
            output.as_mut_ptr().cast(),
            output.len() as u32,
            &mut returned,
            null_mut(),
            None,
            null_mut(),
        ));
        (done(result), returned)
    }
}

impl TestEvent {
    /// Waits until the event is set, and fails the test if it never is.
    pub fn wait(&self, what: &str) {
        let handle = Handle::from(self.handle());
        let waited = windlass_io::wait::wait_for(&[handle], false, Some(PATIENCE), false).unwrap();
        assert_eq!(waited, windlass_io::wait::Outcome::Signalled(0), "{what}");
    }
}

fn done((result, error): (i32, WsaError)) -> Result<()> {
    if result == 0 { Ok(()) } else { Err(error) }
}
