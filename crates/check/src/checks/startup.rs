//! WSPStartup: versions, the table, the upcalls, counts.

use std::ptr::null_mut;

use windlass_abi::*;

use super::checks;
use crate::client::{clean_up_with, start, start_raw};
use crate::findings::{Step, fail, fatal, verify};
use crate::host;
use crate::probe::Probe;

checks! {
    version_negotiation: "WSP-STARTUP-8" "WSP-STARTUP-9" "WSP-STARTUP-10" "WSP-STARTUP-12";
    version_2_2_is_spoken: "WSP-STARTUP-16";
    description_is_text: "WSP-STARTUP-13";
    table_is_full: "WSP-STARTUP-14" "TBL-1";
    null_arguments_of_start: "WSP-STARTUP-12" "LC-ERR-2";
    upcall_table_is_copied: "WSP-STARTUP-2" "WSP-STARTUP-1";
    latest_upcall_table_counts: "WSP-STARTUP-7" "UPV-5";
    start_ends_in_time: "WSP-STARTUP-5";
    failed_start_owes_nothing: "WSP-STARTUP-12" "WSP-CLEANUP-3";
    start_survives_refused_upcalls: "WSP-STARTUP-24" "UPV-2";
    upcalls_of_start: "UPV-2" "UPV-1";
}

fn order(word: u16) -> (u16, u16) {
    (word & 0xFF, word >> 8)
}

fn shown(word: u16) -> String {
    format!("{}.{}", word & 0xFF, word >> 8)
}

/// All pairs of bytes. The provider stays started meanwhile, so that only counts move.
fn version_negotiation(probe: Probe) -> Step {
    let info = probe.entry().info();
    let kept = probe.start(probe.entry())?;
    let (highest, cleanup) = {
        let reply = start(probe.startup, u16::MAX, &info, host::table::<'A'>());
        match reply.result {
            Ok((data, table)) => {
                let cleanup = table.lpWSPCleanup.unwrap_or(kept.table.lpWSPCleanup);
                clean_up_with(cleanup).must("WSP-CLEANUP-4")?;
                (data.wHighVersion, cleanup)
            }
            Err(error) => {
                return fatal(
                    "WSP-STARTUP-8",
                    reply.call,
                    error,
                    "success: the request is not below the provider's lowest version",
                );
            }
        }
    };
    let mut lowest = None;
    let mut words: Vec<u16> = (0..=u16::MAX).collect();
    words.sort_by_key(|word| order(*word));
    for word in words {
        let reply = start(probe.startup, word, &info, host::table::<'A'>());
        match reply.result {
            Ok((data, _)) => {
                clean_up_with(cleanup).must("WSP-CLEANUP-4")?;
                lowest.get_or_insert(word);
                let agreed = if order(word) < order(highest) { word } else { highest };
                let is_right = (data.wVersion, data.wHighVersion) == (agreed, highest);
                // Versions between those that a provider speaks are its own business: it takes the one below.
                let is_between = order(data.wVersion) <= order(agreed)
                    && data.wHighVersion == highest
                    && order(word) < order(highest);
                if !is_right && !is_between {
                    let came = format!("wVersion {}, wHighVersion {}", shown(data.wVersion), shown(data.wHighVersion));
                    return fatal(
                        "WSP-STARTUP-8",
                        reply.call,
                        came,
                        format!("wVersion {}, wHighVersion {}", shown(agreed), shown(highest)),
                    );
                }
            }
            Err(error) if lowest.is_some() => {
                return fatal(
                    "WSP-STARTUP-9",
                    reply.call,
                    error,
                    format!("success: {} succeeds, which is lower", shown(lowest.unwrap_or(0))),
                );
            }
            Err(WsaError::WSAVERNOTSUPPORTED) => {}
            Err(error) => return fatal("WSP-STARTUP-8", reply.call, error, WsaError::WSAVERNOTSUPPORTED),
        }
    }
    kept.clean_up().must("WSP-CLEANUP-1")
}

fn version_2_2_is_spoken(probe: Probe) -> Step {
    let reply = start(probe.startup, make_version(2, 2), &probe.entry().info(), host::table::<'A'>());
    match reply.result {
        Err(error) => fail("WSP-STARTUP-16", reply.call, error, "success, and wVersion 2.2"),
        Ok((data, table)) => {
            verify(
                data.wVersion == make_version(2, 2),
                "WSP-STARTUP-16",
                reply.call,
                format!("wVersion {}", shown(data.wVersion)),
                "wVersion 2.2",
            );
            if let Some(cleanup) = table.lpWSPCleanup {
                clean_up_with(cleanup).must("WSP-CLEANUP-1")?;
            }
        }
    }
    Ok(())
}

fn description_is_text(probe: Probe) -> Step {
    let reply = start(probe.startup, make_version(2, 2), &probe.entry().info(), host::table::<'A'>());
    let call = reply.call.clone();
    let (data, table) = reply.must("WSP-STARTUP-8")?;
    match data.szDescription.iter().position(|unit| *unit == 0) {
        None => fail("WSP-STARTUP-13", call, "a description without NUL", "at most 255 characters and a NUL"),
        Some(end) => {
            let is_text = String::from_utf16(&data.szDescription[..end]).is_ok();
            verify(is_text, "WSP-STARTUP-13", call, "a description that is not UTF-16", "UTF-16 text");
        }
    }
    table.lpWSPCleanup.map_or(Ok(()), |cleanup| clean_up_with(cleanup).must("WSP-CLEANUP-1"))
}

fn table_is_full(probe: Probe) -> Step {
    let reply = start(probe.startup, make_version(2, 2), &probe.entry().info(), host::table::<'A'>());
    let call = reply.call.clone();
    let (_, table) = reply.must("WSP-STARTUP-8")?;
    if let Some(hole) = table.first_hole() {
        fail("WSP-STARTUP-14", call, format!("{hole} is null"), "the provider fills all 30 functions");
    }
    table.lpWSPCleanup.map_or(Ok(()), |cleanup| clean_up_with(cleanup).must("WSP-CLEANUP-1"))
}

fn null_arguments_of_start(probe: Probe) -> Step {
    let mut info = probe.entry().info();
    let mut table = WSPPROC_TABLE::EMPTY;
    let mut data = WSPDATA { wVersion: 0, wHighVersion: 0, szDescription: [0; WSPDESCRIPTION_LEN + 1] };
    let version = make_version(2, 2);
    let no_data = start_raw(probe.startup, version, null_mut(), &mut info, host::table::<'A'>(), &mut table);
    no_data.fails("WSP-STARTUP-12", &[WsaError::WSAEFAULT]);
    let no_table = start_raw(probe.startup, version, &mut data, &mut info, host::table::<'A'>(), null_mut());
    no_table.fails("WSP-STARTUP-12", &[WsaError::WSAEFAULT]);
    Ok(())
}

/// Memory that the argument of WSPStartup may have been in.
#[inline(never)]
fn scribble(depth: usize) -> usize {
    let junk = std::hint::black_box([depth; 512]);
    if depth == 0 { junk[7] } else { scribble(depth - 1).wrapping_add(std::hint::black_box(&junk)[3]) }
}

fn upcall_table_is_copied(probe: Probe) -> Step {
    let provider = probe.start(probe.entry())?;
    std::hint::black_box(scribble(64));
    let s = provider.socket(&probe.entry().info()).must("WSP-SOCK-5")?;
    verify(
        host::registration(s).is_some(),
        "WSP-STARTUP-2",
        format!("WSPSocket() = {s}, after the argument of WSPStartup is gone"),
        "no upcall that registers the handle",
        "upcalls through a copy of the table",
    );
    provider.close(s).must("WSP-CLOSE-1")?;
    provider.clean_up().must("WSP-CLEANUP-1")
}

fn latest_upcall_table_counts(probe: Probe) -> Step {
    let info = probe.entry().info();
    let provider = probe.start_with(probe.entry(), host::table::<'A'>())?;
    probe.start_with(probe.entry(), host::table::<'B'>())?;
    let s = provider.socket(&info).must("WSP-SOCK-5")?;
    let name = match host::registration(s) {
        Some((_, true)) => "CreateSocketHandle",
        _ => "ModifyIFSHandle",
    };
    // The layer above registers last; what the provider below uses is what the layer gave it.
    match host::log(name).last() {
        None => fail("WSP-SOCK-5", "WSPSocket()", "no upcall", "WPUModifyIFSHandle or WPUCreateSocketHandle"),
        Some(upcall) => verify(
            upcall.table == 'B',
            "WSP-STARTUP-7",
            "WSPSocket(), after starts with tables A and B",
            format!("WPU{} of table {}", upcall.name, upcall.table),
            "upcalls of table B, the most recent",
        ),
    }
    provider.close(s).must("WSP-CLOSE-1")?;
    provider.clean_up().must("WSP-CLEANUP-4")?;
    provider.clean_up().must("WSP-CLEANUP-1")
}

fn start_ends_in_time(probe: Probe) -> Step {
    let before = std::time::Instant::now();
    let provider = probe.start(probe.entry())?;
    let took = before.elapsed();
    verify(
        took.as_secs() < 5,
        "WSP-STARTUP-5",
        "WSPStartup(2.2, …)",
        format!("success after {:.1} s", took.as_secs_f64()),
        "a start ends at once: every first socket of a program waits for it",
    );
    provider.clean_up().must("WSP-CLEANUP-1")
}

fn failed_start_owes_nothing(probe: Probe) -> Step {
    let info = probe.entry().info();
    let provider = probe.start(probe.entry())?;
    let failed = start(probe.startup, make_version(0, 0), &info, host::table::<'A'>());
    if failed.result.is_ok() {
        provider.clean_up().must("WSP-CLEANUP-4")?;
    }
    provider.clean_up().must("WSP-CLEANUP-1")?;
    provider.clean_up().fails("WSP-STARTUP-12", &[WsaError::WSANOTINITIALISED]);
    Ok(())
}

/// Every upcall that a start may make fails in turn: the start fails with a code, or works without it.
fn start_survives_refused_upcalls(probe: Probe) -> Step {
    for name in ["CreateEvent", "OpenCurrentThread", "GetProviderPath"] {
        host::refuse(name, Some(WSA_NOT_ENOUGH_MEMORY));
        let reply = start(probe.startup, make_version(2, 2), &probe.entry().info(), host::table::<'A'>());
        host::refuse(name, None);
        if let Ok((_, table)) = reply.result
            && let Some(cleanup) = table.lpWSPCleanup
        {
            clean_up_with(cleanup).must("WSP-CLEANUP-1")?;
        }
        probe.start(probe.entry())?.clean_up().must("WSP-CLEANUP-20")?;
    }
    Ok(())
}

fn upcalls_of_start(probe: Probe) -> Step {
    let provider = probe.start(probe.entry())?;
    for name in [
        "CreateSocketHandle",
        "ModifyIFSHandle",
        "CloseSocketHandle",
        "QuerySocketHandleContext",
        "QueueApc",
        "PostMessage",
    ] {
        let made = host::count(name);
        verify(
            made == 0,
            "UPV-2",
            "WSPStartup(2.2, …)",
            format!("WPU{name}, {made} times"),
            "from WSPStartup only events, WPUGetProviderPath and the threads' identities",
        );
    }
    provider.clean_up().must("WSP-CLEANUP-1")
}
