//! Names, options, control codes, events, results and text.

use std::ffi::c_void;
use std::ptr::{null, null_mut};

use windlass_abi::*;

use super::{Provider, Reply, buffer, bytes_of, counted, error, raw, shown, this_thread, zero};
use crate::board;
use crate::findings::fail;

impl Provider {
    pub fn sock_name(&self, s: SOCKET) -> Reply<Vec<u8>> {
        self.sock_name_in(s, 256)
    }

    pub fn sock_name_in(&self, s: SOCKET, room: i32) -> Reply<Vec<u8>> {
        let (mut name, mut length) = ([0u8; 256], room);
        let call = format!("WSPGetSockName({}, room for {room})", shown(s));
        let reply = zero(call, raw!(self, lpWSPGetSockName(s, name.as_mut_ptr().cast(), &mut length)));
        named(reply, &name, length, room)
    }

    pub fn peer_name(&self, s: SOCKET) -> Reply<Vec<u8>> {
        let (mut name, mut length) = ([0u8; 256], 256);
        let call = format!("WSPGetPeerName({})", shown(s));
        let reply = zero(call, raw!(self, lpWSPGetPeerName(s, name.as_mut_ptr().cast(), &mut length)));
        named(reply, &name, length, 256)
    }

    pub fn option(&self, s: SOCKET, level: i32, name: i32, room: i32) -> Reply<Vec<u8>> {
        let (mut value, mut length) = (vec![0u8; 1024], room);
        let call = format!("WSPGetSockOpt({}, {level:#x}, {name:#x}, room for {room})", shown(s));
        let reply = zero(call, raw!(self, lpWSPGetSockOpt(s, level, name, value.as_mut_ptr(), &mut length)));
        if reply.result.is_ok() && !(0..=room).contains(&length) {
            fail(
                "WSP-GSO-1",
                &reply.call,
                format!("success, and {length} bytes"),
                "a value that is longer than its room is WSAEFAULT",
            );
        }
        value.truncate(length.clamp(0, 1024) as usize);
        Reply { call: reply.call, result: reply.result.map(|()| value) }
    }

    pub fn int_option(&self, s: SOCKET, level: i32, name: i32) -> Reply<i32> {
        let reply = self.option(s, level, name, 4);
        let number = |value: Vec<u8>| {
            let mut bytes = [0; 4];
            bytes[..value.len().min(4)].copy_from_slice(&value[..value.len().min(4)]);
            i32::from_ne_bytes(bytes)
        };
        Reply { call: reply.call, result: reply.result.map(number) }
    }

    pub fn set_option(&self, s: SOCKET, level: i32, name: i32, value: &[u8]) -> Reply<()> {
        let call = format!("WSPSetSockOpt({}, {level:#x}, {name:#x}, {})", shown(s), bytes_of(value));
        zero(call, raw!(self, lpWSPSetSockOpt(s, level, name, value.as_ptr(), value.len() as i32)))
    }

    /// The number of bytes returned, and the output.
    pub fn ioctl(&self, s: SOCKET, code: u32, input: &[u8], room: usize) -> Reply<Vec<u8>> {
        let (mut output, mut returned, mut thread) = (vec![0u8; room], 0u32, this_thread());
        let call = format!("WSPIoctl({}, {code:#x}, {} bytes in, {room} bytes out)", shown(s), input.len());
        let in_at: *mut c_void = if input.is_empty() { null_mut() } else { input.as_ptr().cast_mut().cast() };
        let out_at: *mut c_void = if room == 0 { null_mut() } else { output.as_mut_ptr().cast() };
        let result = raw!(
            self,
            lpWSPIoctl(
                s,
                code,
                in_at,
                input.len() as u32,
                out_at,
                room as u32,
                &mut returned,
                null_mut(),
                None,
                &mut thread
            )
        );
        let reply = counted(zero(call, result), returned, room as u64);
        output.truncate(returned as usize);
        Reply { call: reply.call, result: reply.result.map(|_| output) }
    }

    pub fn set_nonblocking(&self, s: SOCKET, on: bool) -> Reply<()> {
        let reply = self.ioctl(s, FIONBIO, &u32::from(on).to_ne_bytes(), 0);
        Reply { call: format!("{} (FIONBIO, {})", reply.call, u8::from(on)), result: reply.result.map(drop) }
    }

    pub fn event_select(&self, s: SOCKET, event: WSAEVENT, mask: i32) -> Reply<()> {
        zero(format!("WSPEventSelect({}, event, {mask:#x})", shown(s)), raw!(self, lpWSPEventSelect(s, event, mask)))
    }

    pub fn async_select(&self, s: SOCKET, window: HWND, mask: i32) -> Reply<()> {
        zero(
            format!("WSPAsyncSelect({}, window, {mask:#x})", shown(s)),
            raw!(self, lpWSPAsyncSelect(s, window, 1, mask)),
        )
    }

    /// The codes of bits that are not set are 0xAAAAAAAA, unless the provider writes them.
    pub fn enum_events(&self, s: SOCKET, event: WSAEVENT) -> Reply<WSANETWORKEVENTS> {
        let mut events = WSANETWORKEVENTS { lNetworkEvents: 0, iErrorCode: [0xAAAA_AAAAu32 as i32; FD_MAX_EVENTS] };
        let call = format!("WSPEnumNetworkEvents({}, event)", shown(s));
        let reply = zero(call, raw!(self, lpWSPEnumNetworkEvents(s, event, &mut events)));
        Reply { call: reply.call, result: reply.result.map(|()| events) }
    }

    /// Bytes and flags. `None` as the structure passes a null pointer.
    pub fn overlapped_result(&self, s: SOCKET, overlapped: *mut WSAOVERLAPPED) -> Reply<(u32, u32)> {
        let (mut bytes, mut flags) = (0xAAAA_AAAA, 0u32);
        let call = format!("WSPGetOverlappedResult({}, overlapped, fWait FALSE)", shown(s));
        let (done, errno) = raw!(self, lpWSPGetOverlappedResult(s, overlapped, &mut bytes, FALSE, &mut flags));
        let result = if done != FALSE { Ok((bytes, flags)) } else { Err(error(&call, errno)) };
        if result.is_err() && bytes != 0xAAAA_AAAA {
            fail(
                "WSP-GOR-2",
                &call,
                format!("FALSE, and a byte count of {bytes}"),
                "on FALSE the byte count is not written",
            );
        }
        Reply { call, result }
    }

    pub fn qos_by_name(&self, s: SOCKET) -> Reply<()> {
        let name: Vec<u16> = "windlass no such name\0".encode_utf16().collect();
        let mut name = WSABUF { len: 2 * name.len() as u32, buf: name.as_ptr().cast_mut().cast() };
        // SAFETY: numbers and a null pointer.
        let mut qos: QOS = unsafe { std::mem::zeroed() };
        let call = format!("WSPGetQOSByName({}, unknown name)", shown(s));
        let (done, errno) = raw!(self, lpWSPGetQOSByName(s, &mut name, &mut qos));
        let result = if done != FALSE { Ok(()) } else { Err(error(&call, errno)) };
        Reply { call, result }
    }

    pub fn cancel_blocking_call(&self) -> Reply<()> {
        zero("WSPCancelBlockingCall()".into(), raw!(self, lpWSPCancelBlockingCall()))
    }

    pub fn duplicate(&self, s: SOCKET, process: u32) -> Reply<WSAPROTOCOL_INFOW> {
        let mut info = WSAPROTOCOL_INFOW::default();
        let call = format!("WSPDuplicateSocket({}, process {process})", shown(s));
        let reply = zero(call, raw!(self, lpWSPDuplicateSocket(s, process, &mut info)));
        Reply { call: reply.call, result: reply.result.map(|()| info) }
    }

    /// The text and the count that the provider stored, whatever the result.
    pub fn address_to_string(&self, address: &[u8], info: &WSAPROTOCOL_INFOW, room: u32) -> (Reply<String>, u32) {
        let (mut text, mut length, mut info) = ([0u16; 512], room, *info);
        let (at, bytes) = (address.as_ptr().cast_mut().cast(), address.len() as u32);
        let call = format!("WSPAddressToString({}, room for {room})", bytes_of(address));
        let reply = zero(call, raw!(self, lpWSPAddressToString(at, bytes, &mut info, text.as_mut_ptr(), &mut length)));
        let end = text.iter().position(|unit| *unit == 0).unwrap_or(text.len());
        (Reply { call: reply.call, result: reply.result.map(|()| String::from_utf16_lossy(&text[..end])) }, length)
    }

    pub fn string_to_address(
        &self,
        text: &str,
        family: i32,
        info: &WSAPROTOCOL_INFOW,
        room: i32,
    ) -> (Reply<Vec<u8>>, i32) {
        let (mut address, mut length, mut info) = ([0u8; 256], room, *info);
        let mut units: Vec<u16> = text.encode_utf16().chain([0]).collect();
        let call = format!("WSPStringToAddress({text:?}, family {family}, room for {room})");
        let at = address.as_mut_ptr().cast();
        let reply =
            zero(call, raw!(self, lpWSPStringToAddress(units.as_mut_ptr(), family, &mut info, at, &mut length)));
        (
            Reply {
                call: reply.call,
                result: reply.result.map(|()| address[..length.clamp(0, 256) as usize].to_vec()),
            },
            length,
        )
    }

    /// Calls with null where there should be a pointer: each has to be refused, not to crash.
    pub fn null_pointers(&self, s: SOCKET) -> Vec<Reply<()>> {
        let (n, thread) = (null_mut::<u8>(), null_mut());
        let mut length = 16;
        let (mut count, mut flags) = (0u32, 0u32);
        let (out, flags) = (&raw mut count, &raw mut flags);
        vec![
            zero(format!("WSPBind({s}, NULL, 16)"), raw!(self, lpWSPBind(s, null(), 16))),
            zero(
                format!("WSPConnect({s}, NULL, 16)"),
                raw!(self, lpWSPConnect(s, null(), 16, n.cast(), n.cast(), n.cast(), n.cast())),
            ),
            zero(format!("WSPGetSockName({s}, NULL, length)"), raw!(self, lpWSPGetSockName(s, n.cast(), &mut length))),
            zero(
                format!("WSPGetSockName({s}, name, NULL)"),
                raw!(self, lpWSPGetSockName(s, [0u8; 16].as_mut_ptr().cast(), null_mut())),
            ),
            zero(
                format!("WSPGetSockOpt({s}, SOL_SOCKET, SO_TYPE, NULL, length)"),
                raw!(self, lpWSPGetSockOpt(s, SOL_SOCKET, SO_TYPE, n, &mut length)),
            ),
            zero(
                format!("WSPGetSockOpt({s}, SOL_SOCKET, SO_TYPE, value, NULL)"),
                raw!(self, lpWSPGetSockOpt(s, SOL_SOCKET, SO_TYPE, [0u8; 4].as_mut_ptr(), null_mut())),
            ),
            zero(
                format!("WSPSetSockOpt({s}, SOL_SOCKET, SO_KEEPALIVE, NULL, 4)"),
                raw!(self, lpWSPSetSockOpt(s, SOL_SOCKET, SO_KEEPALIVE, null(), 4)),
            ),
            zero(
                format!("WSPIoctl({s}, FIONBIO, NULL, 4)"),
                raw!(self, lpWSPIoctl(s, FIONBIO, n.cast(), 4, n.cast(), 0, out, n.cast(), None, thread)),
            ),
            zero(
                format!("WSPIoctl({s}, FIONREAD, out NULL)"),
                raw!(self, lpWSPIoctl(s, FIONREAD, n.cast(), 0, n.cast(), 4, out, n.cast(), None, thread)),
            ),
            zero(
                format!("WSPSend({s}, NULL, 1)"),
                raw!(self, lpWSPSend(s, n.cast(), 1, out, 0, n.cast(), None, thread)),
            ),
            zero(
                format!("WSPRecv({s}, NULL, 1)"),
                raw!(self, lpWSPRecv(s, n.cast(), 1, out, flags, n.cast(), None, thread)),
            ),
            zero(
                format!("WSPRecv({s}, buffers, 1, count, flags NULL)"),
                raw!(self, lpWSPRecv(s, &mut buffer(&[0u8; 4]), 1, out, null_mut(), n.cast(), None, thread)),
            ),
        ]
    }
}

fn named(reply: Reply<()>, name: &[u8], length: i32, room: i32) -> Reply<Vec<u8>> {
    if reply.result.is_ok() && !(0..=room).contains(&length) {
        fail(
            "WSP-GSN-1",
            &reply.call,
            format!("success, and an address of {length} bytes"),
            format!("at most the {room} bytes of the room"),
        );
    }
    Reply { call: reply.call, result: reply.result.map(|()| name[..length.clamp(0, room.min(256)) as usize].to_vec()) }
}
