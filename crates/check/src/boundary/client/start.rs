//! `WSPStartup` and `WSPCleanup`.

use windlass_abi::*;

use super::{Reply, zero};
use crate::{board, host};

/// One `WSPStartup`: what the provider says of itself, and its table. The error is the result itself (LC-ERR-2).
pub fn start(
    startup: WspStartupFn,
    version: u16,
    info: &WSAPROTOCOL_INFOW,
    upcalls: WSPUPCALLTABLE,
) -> Reply<(WSPDATA, WSPPROC_TABLE)> {
    let (mut info, mut table) = (*info, WSPPROC_TABLE::EMPTY);
    let mut data = WSPDATA { wVersion: 0xAAAA, wHighVersion: 0xAAAA, szDescription: [0xAAAA; WSPDESCRIPTION_LEN + 1] };
    let reply = start_raw(startup, version, &mut data, &mut info, upcalls, &mut table);
    Reply { call: reply.call, result: reply.result.map(|()| (data, table)) }
}

/// `WSPStartup` with these very pointers, each null or valid.
pub fn start_raw(
    startup: WspStartupFn,
    version: u16,
    data: *mut WSPDATA,
    info: *mut WSAPROTOCOL_INFOW,
    upcalls: WSPUPCALLTABLE,
    table: *mut WSPPROC_TABLE,
) -> Reply<()> {
    let null = |is_null: bool, name| if is_null { "NULL" } else { name };
    let call = format!(
        "WSPStartup({}.{}, {}, info, upcalls, {})",
        version & 0xFF,
        version >> 8,
        null(data.is_null(), "data"),
        null(table.is_null(), "table")
    );
    host::opens();
    let _inside = board::enter("WSPStartup");
    // SAFETY: a provider's entry point; the pointers are null or live.
    let code = unsafe { startup(version, data, info, upcalls, table) };
    if code != 0 {
        host::closes();
    }
    Reply { call, result: if code == 0 { Ok(()) } else { Err(WsaError::from_code(code)) } }
}

/// `WSPCleanup` alone, of a table that need not be complete.
pub fn clean_up_with(cleanup: unsafe extern "system" fn(*mut i32) -> i32) -> Reply<()> {
    let mut errno = 0;
    let _inside = board::enter("WSPCleanup");
    // SAFETY: the provider's WSPCleanup, with a live pointer.
    let result = unsafe { cleanup(&mut errno) };
    let reply = zero("WSPCleanup()".into(), (result, errno));
    if reply.result.is_ok() {
        host::closes();
    }
    reply
}
