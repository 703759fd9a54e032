//! Handles: registered, refused, stale, closed twice.

use windlass_abi::*;
use windlass_catalog::ServiceFlags;

use super::checks;
use crate::client::{Operation, Reply, buffer, shown};
use crate::findings::{Step, fail, fatal, skip, verify};
use crate::host;
use crate::probe::{Event, On, Probe};
use crate::subject::Kind;
use crate::system::descriptors;

checks! {
    sockets_are_registered: "WSP-SOCK-5" "WPU-CSH-6" "WPU-MIH-3";
    accepted_sockets_are_registered: "WSP-ACCEPT-3" "WPU-MIH-3";
    refused_registration_fails_the_socket: "WSP-SOCK-5";
    closes_release_the_handle: "WSP-CLOSE-8" "WSP-CLOSE-1";
    closed_handles_are_no_sockets: "WSP-CLOSE-1";
    second_close_fails: "WSP-CLOSE-1" "WPU-CLSH-2";
    bad_handles_are_no_sockets: "RT-1" "WSP-CLOSE-1";
    handles_differ: "WPU-CSH-3" "WPU-CSH-1";
    many_threads_make_sockets: "RT-7" "UPV-6";
}

/// Calls every function that takes a socket with this one, which cannot have an operation that pends.
pub fn with_every_function(on: &On, s: SOCKET, look: impl Fn(&Reply<()>)) {
    fn unit<T>(reply: Reply<T>) -> Reply<()> {
        Reply { call: reply.call, result: reply.result.map(drop) }
    }
    let name = on.at(9);
    let event = Event::new();
    let handle = event.as_ref().map_or(std::ptr::null_mut(), Event::handle);
    let operation = Operation::new(std::ptr::null_mut());
    let room = Box::leak(Box::new([0u8; 8]));
    let replies = [
        unit(on.accept(s)),
        on.bind(s, &name),
        on.close(s),
        on.connect(s, &name),
        unit(on.duplicate(s, std::process::id())),
        unit(on.enum_events(s, handle)),
        on.event_select(s, handle, FD_READ),
        on.event_select(s, std::ptr::null_mut(), 0),
        on.async_select(s, std::ptr::null_mut(), 0),
        unit(on.overlapped_result(s, operation.at())),
        unit(on.peer_name(s)),
        unit(on.sock_name(s)),
        unit(on.option(s, SOL_SOCKET, SO_TYPE, 4)),
        on.qos_by_name(s),
        on.set_nonblocking(s, true),
        unit(on.join_leaf(s, &name)),
        on.listen(s, 5),
        unit(on.recv(s, 8)),
        unit(on.recv_parts(s, &mut [buffer(room)], 0, operation.how())),
        on.recv_disconnect(s, None),
        unit(on.recv_from(s, 8, 128)),
        unit(on.select([Some(&[s]), None, None], Some(TIMEVAL::default()))),
        unit(on.send(s, b"x")),
        on.send_disconnect(s, None),
        unit(on.send_to(s, b"x", &name)),
        on.set_option(s, SOL_SOCKET, SO_KEEPALIVE, &1i32.to_ne_bytes()),
        on.shutdown(s, SD_BOTH),
    ];
    replies.iter().for_each(look);
}

fn registered(on: &On, call: &str, s: SOCKET, rule: &str) {
    let Some((entry, created)) = host::registration(s) else {
        fail(
            rule,
            call,
            format!("{}, which the runtime does not know", shown(s)),
            "the handle of WPUModifyIFSHandle or WPUCreateSocketHandle",
        );
        return;
    };
    verify(
        entry == on.entry.id,
        rule,
        call,
        format!("{}, registered for entry {entry}", shown(s)),
        format!("registered for entry {}", on.entry.id),
    );
    let is_ifs = on.entry.service_flags.contains(ServiceFlags::IFS_HANDLES);
    if created && is_ifs {
        fail(
            "WPU-CSH-6",
            call,
            "a handle of WPUCreateSocketHandle",
            "the owner of such handles does not set XP1_IFS_HANDLES in its entry",
        );
    }
}

fn sockets_are_registered(probe: Probe) -> Step {
    for entry in &probe.subject.entries {
        probe.on(entry, |on| {
            let reply = on.socket(&on.info);
            let call = reply.call.clone();
            let s = reply.must("WSP-SOCK-2")?;
            registered(on, &call, s, "WSP-SOCK-5");
            on.close(s).must("WSP-CLOSE-1")
        })?;
    }
    Ok(())
}

fn accepted_sockets_are_registered(probe: Probe) -> Step {
    probe.each(Kind::Stream, |on| {
        let (here, there) = on.pair()?;
        registered(on, "WSPAccept()", there, "WSP-ACCEPT-3");
        on.close_all([here, there])
    })
}

fn refused_registration_fails_the_socket(probe: Probe) -> Step {
    let provider = probe.start(probe.entry())?;
    let info = probe.entry().info();
    // What stays for the life of the provider is there now.
    let s = provider.socket(&info).must("WSP-SOCK-2")?;
    let before = descriptors();
    for name in ["CreateSocketHandle", "ModifyIFSHandle"] {
        host::refuse(name, Some(WSAENOBUFS));
    }
    for _ in 0..4 {
        provider.socket(&info).fails("WSP-SOCK-5", &[WsaError::WSAENOBUFS]);
    }
    for name in ["CreateSocketHandle", "ModifyIFSHandle"] {
        host::refuse(name, None);
    }
    let after = descriptors();
    verify(
        after <= before,
        "WSP-SOCK-5",
        "WSPSocket(), whose registration is refused, 4 times",
        format!("{after} descriptors are open, {before} before"),
        "it cleans up",
    );
    provider.close(s).must("WSP-CLOSE-1")?;
    let s = provider.socket(&info).must("WSP-SOCK-2")?;
    provider.close(s).must("WSP-CLOSE-1")?;
    provider.clean_up().must("WSP-CLEANUP-1")
}

fn closes_release_the_handle(probe: Probe) -> Step {
    let provider = probe.start(probe.entry())?;
    let s = provider.socket(&probe.entry().info()).must("WSP-SOCK-2")?;
    let Some((_, created)) = host::registration(s) else {
        return fatal(
            "WSP-SOCK-5",
            "WSPSocket()",
            format!("{s}, which the runtime does not know"),
            "a registered handle",
        );
    };
    let before = descriptors();
    provider.close(s).must("WSP-CLOSE-1")?;
    if created {
        let closes = host::closes_of(s);
        verify(
            closes == 1,
            "WSP-CLOSE-8",
            format!("WSPCloseSocket({s})"),
            format!("WPUCloseSocketHandle was called {closes} times"),
            "exactly once",
        );
    } else {
        let after = descriptors();
        verify(
            after < before,
            "WSP-CLOSE-1",
            format!("WSPCloseSocket({s})"),
            "no descriptor of the system was closed",
            "the descriptor is released",
        );
    }
    provider.clean_up().must("WSP-CLEANUP-1")
}

fn closed_handles_are_no_sockets(probe: Probe) -> Step {
    let entry = probe.entry().clone();
    probe.on(&entry, |on| {
        let s = on.new_socket()?;
        on.close(s).must("WSP-CLOSE-1")?;
        with_every_function(on, s, |reply| reply.fails_if_offered("WSP-CLOSE-1", &[WsaError::WSAENOTSOCK]));
        Ok(())
    })
}

fn second_close_fails(probe: Probe) -> Step {
    let entry = probe.entry().clone();
    probe.on(&entry, |on| {
        let s = on.new_socket()?;
        on.close(s).must("WSP-CLOSE-1")?;
        for _ in 0..3 {
            on.close(s).fails("WSP-CLOSE-1", &[WsaError::WSAENOTSOCK]);
        }
        Ok(())
    })
}

fn bad_handles_are_no_sockets(probe: Probe) -> Step {
    let entry = probe.entry().clone();
    probe.on(&entry, |on| {
        for s in [INVALID_SOCKET, 0x7FFF_FFFF, 1 << 40] {
            with_every_function(on, s, |reply| reply.fails_if_offered("RT-1", &[WsaError::WSAENOTSOCK]));
        }
        Ok(())
    })
}

fn handles_differ(probe: Probe) -> Step {
    let entry = probe.entry().clone();
    probe.on(&entry, |on| {
        let sockets: Vec<_> = (0..64).map(|_| on.new_socket()).collect::<Step<_>>()?;
        let mut sorted = sockets.clone();
        sorted.sort_unstable();
        sorted.dedup();
        verify(
            sorted.len() == sockets.len(),
            "WPU-CSH-3",
            "WSPSocket(), 64 times",
            format!("{} different handles", sorted.len()),
            "64 different handles",
        );
        on.close_all(sorted)
    })
}

fn many_threads_make_sockets(probe: Probe) -> Step {
    let entry = probe.entry().clone();
    if entry.is_layer() {
        return skip("a layer is of use in chains only");
    }
    probe.on(&entry, |on| {
        let (provider, info) = (on.provider, on.info);
        let work = move || {
            for _ in 0..200 {
                let reply = provider.socket(&info);
                let Ok(s) = reply.result else {
                    fail("RT-7", &reply.call, reply.came_back(), "success, with other threads in the provider");
                    return;
                };
                let kind = provider.option(s, SOL_SOCKET, SO_TYPE, 4);
                if let Err(error) = kind.result {
                    fail("RT-7", kind.call, error, "success, with other threads in the provider");
                }
                if let Err(error) = provider.close(s).result {
                    fail("RT-7", format!("WSPCloseSocket({s})"), error, "success, with other threads in the provider");
                }
            }
        };
        let threads: Vec<_> = (0..6).map(|_| crate::probe::spawned("sockets in many threads", work)).collect();
        threads.into_iter().try_for_each(|thread| thread.ends("RT-7", "every call returns"))
    })
}
