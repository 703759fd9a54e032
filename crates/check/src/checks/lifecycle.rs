//! Counts, restart, unloading, and starts and clean-ups at the same time.

use windlass_abi::*;

use super::checks;
use crate::findings::{Step, fail, fatal, skip, verify};
use crate::probe::{On, Probe, blocked, goes_on, spawned};
use crate::subject::Kind;
use crate::system::{PATIENCE, descriptors, is_mapped, resident, threads, within};
use crate::{client, host};

checks! {
    counts: "WSP-STARTUP-6" "WSP-CLEANUP-4" "WSP-CLEANUP-5";
    clean_up_without_start: "WSP-CLEANUP-3" "WSP-CLEANUP-2";
    calls_after_clean_up: "WSP-CLEANUP-24" "WSP-STARTUP-5";
    restart_works_at_once: "WSP-CLEANUP-20" "WSP-CLEANUP-5";
    restart_a_thousand_times: "WSP-CLEANUP-20";
    early_clean_up_leaves_calls_alone: "WSP-CLEANUP-4";
    starts_race_clean_ups: "WSP-CLEANUP-23";
    calls_race_the_last_clean_up: "WSP-CLEANUP-24";
    module_unloads: "WSP-CLEANUP-17" "UNLOAD-2" "WSP-CLEANUP-18";
}

fn counts(probe: Probe) -> Step {
    let info = probe.entry().info();
    let provider = probe.start(probe.entry())?;
    probe.start(probe.entry())?;
    probe.start(probe.entry())?;
    let s = provider.socket(&info).must("WSP-SOCK-2")?;
    for round in 1..=2 {
        provider.clean_up().must("WSP-CLEANUP-4")?;
        let still = provider.option(s, SOL_SOCKET, SO_TYPE, 4);
        if let Err(error) = still.result {
            return fatal(
                "WSP-CLEANUP-4",
                format!("{} after clean-up {round} of 3", still.call),
                error,
                "success: only the last clean-up cleans",
            );
        }
        let another = provider.socket(&info).must("WSP-CLEANUP-4")?;
        provider.close(another).must("WSP-CLOSE-1")?;
    }
    provider.clean_up().must("WSP-CLEANUP-1")?;
    provider
        .option(s, SOL_SOCKET, SO_TYPE, 4)
        .fails("WSP-CLEANUP-5", &[WsaError::WSANOTINITIALISED, WsaError::WSAENOTSOCK]);
    Ok(())
}

fn clean_up_without_start(probe: Probe) -> Step {
    let provider = probe.start(probe.entry())?;
    provider.clean_up().must("WSP-CLEANUP-1")?;
    for _ in 0..2 {
        provider.clean_up().fails("WSP-CLEANUP-3", &[WsaError::WSANOTINITIALISED]);
    }
    // The count has not gone below zero: one start and one clean-up are balanced.
    let provider = probe.start(probe.entry())?;
    let s = provider.socket(&probe.entry().info()).must("WSP-CLEANUP-3")?;
    provider.close(s).must("WSP-CLOSE-1")?;
    provider.clean_up().must("WSP-CLEANUP-3")?;
    provider.clean_up().fails("WSP-CLEANUP-3", &[WsaError::WSANOTINITIALISED]);
    Ok(())
}

fn calls_after_clean_up(probe: Probe) -> Step {
    let entry = probe.entry().clone();
    let on = On { provider: probe.start(&entry)?, info: entry.info(), entry };
    let s = on.new_socket()?;
    on.clean_up().must("WSP-CLEANUP-1")?;
    let gone = [WsaError::WSANOTINITIALISED, WsaError::WSAENOTSOCK];
    on.socket(&on.info).fails("WSP-CLEANUP-24", &gone);
    super::handles::with_every_function(&on, s, |reply| {
        reply.fails_if_offered(
            "WSP-CLEANUP-24",
            &[WsaError::WSANOTINITIALISED, WsaError::WSAENOTSOCK, WsaError::WSAEFAULT, WsaError::WSAEINVAL],
        );
    });
    Ok(())
}

fn restart_works_at_once(probe: Probe) -> Step {
    for _ in 0..3 {
        let entry = probe.of(Kind::Stream).or_else(|_| probe.of(Kind::Datagram))?[0].clone();
        probe.on(&entry, |on| {
            if Kind::of(&on.entry) == Some(Kind::Stream) {
                let (here, there) = on.pair()?;
                on.send(here, b"again").must("WSP-CLEANUP-20")?;
                let came = on.recv_exactly(there, 5)?;
                verify(
                    came == b"again",
                    "WSP-CLEANUP-20",
                    "WSPRecv() after a restart",
                    format!("{came:?}"),
                    "what was sent",
                );
                // They stay open: the clean-up is theirs.
            } else {
                on.bound()?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

fn restart_a_thousand_times(probe: Probe) -> Step {
    let entry = probe.entry().clone();
    let round = || -> Step {
        let provider = probe.start(&entry)?;
        let s = provider.socket(&entry.info()).must("WSP-CLEANUP-20")?;
        let _left_open = provider.socket(&entry.info()).must("WSP-CLEANUP-20")?;
        provider.close(s).must("WSP-CLOSE-1")?;
        provider.clean_up().must("WSP-CLEANUP-20")
    };
    (0..100).try_for_each(|_| round())?;
    let before = (descriptors(), threads().len(), host::held(), host::created().len());
    let memory = resident();
    (0..900).try_for_each(|_| round())?;
    within(PATIENCE, || threads().len() <= before.1);
    let after = (descriptors(), threads().len(), host::held(), host::created().len());
    let call = "WSPStartup, WSPSocket twice, WSPCloseSocket, WSPCleanup; 900 times";
    let told = |(fds, threads, (events, ids), handles): (usize, usize, (usize, i64), usize)| {
        format!(
            "{fds} descriptors, {threads} threads, {events} events, {ids} thread identities, {handles} handles of the runtime"
        )
    };
    verify(after == before, "WSP-CLEANUP-20", call, told(after), format!("as before: {}", told(before)));
    let growth = resident().saturating_sub(memory);
    // What the checker itself remembers of each upcall is well below this.
    verify(
        growth < 2 << 20,
        "WSP-CLEANUP-20",
        call,
        format!("{growth} bytes more of memory"),
        "no growth: less than 2 MiB",
    );
    Ok(())
}

fn early_clean_up_leaves_calls_alone(probe: Probe) -> Step {
    probe.each(Kind::Stream, |on| {
        probe.start(&on.entry)?;
        let (here, there) = on.pair()?;
        let provider = on.provider;
        let waiting = blocked(&format!("WSPRecv({there})"), move || provider.recv(there, 16))?;
        goes_on(&waiting, "MODE-1")?;
        on.clean_up().must("WSP-CLEANUP-4")?;
        if let Err(reply) = waiting.still() {
            return fatal(
                "WSP-CLEANUP-4",
                &reply.call,
                reply.came_back(),
                "it goes on: this was not the last clean-up",
            );
        }
        on.send(here, b"late").must("WSP-CLEANUP-4")?;
        let came = waiting.ends("WSP-CLEANUP-4", "what the peer has sent")?.must("WSP-CLEANUP-4")?;
        verify(came == b"late", "WSP-CLEANUP-4", "WSPRecv()", format!("{came:?}"), "what the peer has sent");
        Ok(())
    })
}

/// Threads that start and clean up as they please: each sees a provider that works.
fn starts_race_clean_ups(probe: Probe) -> Step {
    let info = probe.entry().info();
    let (startup, rounds) = (probe.startup, 200);
    let work = move || {
        for _ in 0..rounds {
            let reply = client::start(startup, make_version(2, 2), &info, host::table::<'A'>());
            let Some(table) = reply.result.as_ref().ok().and_then(|(_, table)| table.complete().ok()) else {
                fail(
                    "WSP-CLEANUP-23",
                    &reply.call,
                    reply.came_back(),
                    "success, while other threads start and clean up",
                );
                return;
            };
            let provider = client::Provider { table };
            let s = provider.socket(&info);
            match s.result {
                Err(error) => fail("WSP-CLEANUP-23", &s.call, error, "success: this thread has a start"),
                Ok(s) => {
                    if let Err(error) = provider.close(s).result {
                        fail(
                            "WSP-CLEANUP-23",
                            format!("WSPCloseSocket({s})"),
                            error,
                            "success: this thread has a start",
                        );
                    }
                }
            }
            if let Err(error) = provider.clean_up().result {
                fail("WSP-CLEANUP-23", "WSPCleanup()", error, "success: this thread has a start");
            }
        }
    };
    let threads: Vec<_> = (0..4).map(|_| spawned("starts and clean-ups", work)).collect();
    threads.into_iter().try_for_each(|thread| thread.ends("WSP-CLEANUP-23", "every start and clean-up returns"))?;
    let last = probe.start(probe.entry())?;
    last.clean_up().must("WSP-CLEANUP-23")?;
    last.clean_up().fails("WSP-CLEANUP-23", &[WsaError::WSANOTINITIALISED]);
    Ok(())
}

fn calls_race_the_last_clean_up(probe: Probe) -> Step {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    let info = probe.entry().info();
    for _ in 0..20 {
        let provider = probe.start(probe.entry())?;
        let over = Arc::new(AtomicBool::new(false));
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let over = over.clone();
                spawned("WSPSocket() and WSPCloseSocket() while the last clean-up runs", move || {
                    while !over.load(Ordering::Relaxed) {
                        let made = provider.socket(&info);
                        match made.result {
                            Ok(s) => {
                                let closed = provider.close(s);
                                if let Err(error) = closed.result
                                    && !matches!(
                                        error,
                                        WsaError::WSANOTINITIALISED | WsaError::WSAENOTSOCK | WsaError::WSAEINTR
                                    )
                                {
                                    fail("WSP-CLEANUP-24", closed.call, error, "WSANOTINITIALISED or WSAENOTSOCK");
                                }
                            }
                            Err(WsaError::WSANOTINITIALISED) => {}
                            Err(error) => {
                                fail("WSP-CLEANUP-24", made.call, error, WsaError::WSANOTINITIALISED);
                                return;
                            }
                        }
                    }
                })
            })
            .collect();
        provider.clean_up().must("WSP-CLEANUP-1")?;
        over.store(true, Ordering::Relaxed);
        threads.into_iter().try_for_each(|thread| thread.ends("WSP-CLEANUP-24", "calls end"))?;
    }
    Ok(())
}

fn module_unloads(probe: Probe) -> Step {
    let Some(path) = probe.module().map(|path| path.display().to_string()) else {
        return skip("the provider is linked in");
    };
    if let Ok(entries) = probe.of(Kind::Stream) {
        let entry = entries[0].clone();
        probe.on(&entry, |on| {
            let (here, _) = on.pair()?;
            on.send(here, b"work").must("WSP-SEND-1").map(drop)
        })?;
    } else {
        let provider = probe.start(probe.entry())?;
        provider.socket(&probe.entry().info()).prepares()?;
        provider.clean_up().must("WSP-CLEANUP-1")?;
    }
    probe.unload()?;
    verify(
        !is_mapped(&path),
        "UNLOAD-2",
        "dlclose(), after the last WSPCleanup",
        "the module is still mapped",
        "a module that can be unloaded: it is not in /proc/self/maps",
    );
    // A thread that still ran in it would crash about now.
    std::thread::sleep(crate::system::A_WHILE);
    Ok(())
}
