//! The last clean-up: what is left of sockets, data, events, threads and handles.

use std::io::Read;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};

use windlass_abi::*;

use super::checks;
use crate::findings::{Step, fail, fatal, skip, verify};
use crate::host;
use crate::probe::{Event, On, Probe};
use crate::subject::Kind;
use crate::system::{A_WHILE, PATIENCE, descriptors, threads, within};

checks! {
    open_sockets_are_reset: "WSP-CLEANUP-14";
    closed_sockets_still_deliver: "WSP-CLEANUP-16" "WSP-CLEANUP-17";
    events_are_left_alone: "WSP-CLEANUP-6" "WSP-CLEANUP-28";
    handles_are_released: "WSP-CLEANUP-15";
    no_thread_is_left: "WSP-CLEANUP-18" "WSP-CLEANUP-17";
    what_the_runtime_lent_is_returned: "WSP-CLEANUP-18" "WPU-OCT-2" "WPU-EVT-3";
    descriptors_are_closed: "WSP-CLEANUP-18" "WSP-CLEANUP-15";
    clean_up_ends_in_time: "WSP-CLEANUP-19" "WSP-CLEANUP-17";
}

/// A connection from the provider to a socket of the system. A provider with a network of its own has none.
fn to_the_system(on: &On) -> Step<(SOCKET, TcpStream)> {
    let any: SocketAddr =
        if on.family() == AF_INET { (Ipv4Addr::LOCALHOST, 0).into() } else { (Ipv6Addr::LOCALHOST, 0).into() };
    let Ok(listener) = TcpListener::bind(any) else { return skip("the system has no such loopback") };
    let Ok(port) = listener.local_addr().map(|address| address.port()) else { return skip("no address") };
    let s = on.new_socket()?;
    if let Err(error) = on.connect(s, &on.at(port)).result {
        return skip(format!(
            "its network is not the system's: a connection to a socket of the system fails with {error}"
        ));
    }
    match listener.accept() {
        Ok((peer, _)) => {
            let _ = peer.set_read_timeout(Some(PATIENCE));
            Ok((s, peer))
        }
        Err(error) => skip(format!("accept: {error}")),
    }
}

fn open_sockets_are_reset(probe: Probe) -> Step {
    for entry in probe.of(Kind::Stream)? {
        let on = On { provider: probe.start(entry)?, entry: entry.clone(), info: entry.info() };
        let (_, mut peer) = match to_the_system(&on) {
            Ok(connected) => connected,
            Err(why) => {
                on.clean_up().must("WSP-CLEANUP-1")?;
                return Err(why);
            }
        };
        on.clean_up().must("WSP-CLEANUP-1")?;
        let came = peer.read(&mut [0; 16]);
        let is_reset = came.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset);
        verify(
            is_reset,
            "WSP-CLEANUP-14",
            "WSPCleanup(), with a connected socket open",
            format!("the peer reads {came:?}"),
            "the peer sees a reset",
        );
    }
    Ok(())
}

fn closed_sockets_still_deliver(probe: Probe) -> Step {
    for entry in probe.of(Kind::Stream)? {
        let on = On { provider: probe.start(entry)?, entry: entry.clone(), info: entry.info() };
        let (s, mut peer) = match to_the_system(&on) {
            Ok(connected) => connected,
            Err(why) => {
                on.clean_up().must("WSP-CLEANUP-1")?;
                return Err(why);
            }
        };
        on.set_nonblocking(s, true).must("MODE-2")?;
        let chunk = vec![0x5A; 64 * 1024];
        let mut sent = 0usize;
        // The peer does not read: as much as goes in.
        while sent < 1 << 20 {
            match on.send(s, &chunk).result {
                Ok(count) => sent += count as usize,
                Err(WsaError::WSAEWOULDBLOCK) => break,
                Err(error) => return fatal("WSP-SEND-2", "WSPSend()", error, "success or WSAEWOULDBLOCK"),
            }
        }
        on.close(s).must("WSP-CLOSE-5")?;
        on.clean_up().must("WSP-CLEANUP-1")?;
        let mut all = Vec::new();
        match peer.read_to_end(&mut all) {
            Ok(_) => verify(
                all.len() == sent,
                "WSP-CLEANUP-16",
                format!("WSPSend() of {sent} bytes, WSPCloseSocket(), WSPCleanup()"),
                format!("the peer reads {} bytes", all.len()),
                "all of them, and then the end",
            ),
            Err(error) => fail(
                "WSP-CLEANUP-16",
                format!("WSPSend() of {sent} bytes, WSPCloseSocket(), WSPCleanup()"),
                format!("the peer reads {} bytes and then: {error}", all.len()),
                "all of them, and then the end",
            ),
        }
    }
    Ok(())
}

fn events_are_left_alone(probe: Probe) -> Step {
    for entry in probe.of(Kind::Stream)? {
        let on = On { provider: probe.start(entry)?, entry: entry.clone(), info: entry.info() };
        let event = Event::new()?;
        let (listener, _) = on.listener()?;
        let (here, there) = on.pair()?;
        for s in [listener, here, there] {
            on.event_select(s, event.handle(), FD_READ | FD_ACCEPT | FD_CLOSE | FD_OOB).must("WSP-ESEL-1")?;
        }
        event.reset();
        on.clean_up().must("WSP-CLEANUP-1")?;
        std::thread::sleep(A_WHILE);
        verify(
            !event.is_set(),
            "WSP-CLEANUP-6",
            "WSPCleanup(), with events selected on open sockets",
            "the event is set",
            "no event object is signalled",
        );
    }
    Ok(())
}

fn handles_are_released(probe: Probe) -> Step {
    let provider = probe.start(probe.entry())?;
    let sockets: Vec<_> =
        (0..8).map(|_| provider.socket(&probe.entry().info()).must("WSP-SOCK-5")).collect::<Step<_>>()?;
    let made: Vec<_> =
        sockets.iter().filter(|s| host::registration(**s).is_some_and(|(_, created)| created)).copied().collect();
    provider.clean_up().must("WSP-CLEANUP-1")?;
    for s in made {
        let closes = host::closes_of(s);
        verify(
            closes == 1,
            "WSP-CLEANUP-15",
            "WSPCleanup()",
            format!("WPUCloseSocketHandle({s}) was called {closes} times"),
            "once for each handle that it still owns",
        );
    }
    Ok(())
}

/// The threads that are there before a start are there after the last clean-up, and no others.
fn no_thread_is_left(probe: Probe) -> Step {
    let entry = probe.of(Kind::Stream).map_or_else(|_| probe.entry().clone(), |found| found[0].clone());
    let before = threads();
    let on = On { provider: probe.start(&entry)?, info: entry.info(), entry };
    // Whatever makes a provider start threads: sockets, events, operations.
    let s = on.new_socket()?;
    let event = Event::new()?;
    let _ = on.event_select(s, event.handle(), FD_CLOSE);
    if Kind::of(&on.entry) == Some(Kind::Stream) {
        let (_, there) = on.pair()?;
        let operation = crate::client::Operation::new(std::ptr::null_mut());
        let _ = on.recv_parts(there, &mut [crate::client::buffer(Box::leak(Box::new([0u8; 64])))], 0, operation.how());
    }
    on.clean_up().must("WSP-CLEANUP-1")?;
    let left = || threads().into_iter().filter(|id| !before.contains(id)).count();
    // A thread that has been joined may be a moment in going from /proc.
    within(std::time::Duration::from_millis(300), || left() == 0);
    verify(
        left() == 0,
        "WSP-CLEANUP-18",
        "WSPCleanup(), the last",
        format!("{} threads of the provider are left", left()),
        "no thread, so that the module can be unloaded at once",
    );
    Ok(())
}

fn what_the_runtime_lent_is_returned(probe: Probe) -> Step {
    let entry = probe.of(Kind::Stream).map_or_else(|_| probe.entry().clone(), |found| found[0].clone());
    let streams = Kind::of(&entry) == Some(Kind::Stream);
    probe.on(&entry, |on| if streams { on.pair().map(drop) } else { on.new_socket().map(drop) })?;
    let (events, ids) = host::held();
    verify(
        events == 0,
        "WPU-EVT-3",
        "WSPCleanup(), the last",
        format!("{events} events of WPUCreateEvent are open"),
        "the creator closes them",
    );
    verify(
        ids == 0,
        "WPU-OCT-2",
        "WSPCleanup(), the last",
        format!("{ids} identities of WPUOpenCurrentThread are open"),
        "one WPUCloseThread for each",
    );
    Ok(())
}

fn descriptors_are_closed(probe: Probe) -> Step {
    let entry = probe.of(Kind::Stream).map_or_else(|_| probe.entry().clone(), |found| found[0].clone());
    // The first time anything that stays for the process may be opened.
    probe.on(&entry, |on| on.new_socket().map(drop))?;
    let before = descriptors();
    let streams = Kind::of(&entry) == Some(Kind::Stream);
    probe.on(&entry, |on| if streams { on.pair().map(drop) } else { on.new_socket().map(drop) })?;
    let after = descriptors();
    verify(
        after <= before,
        "WSP-CLEANUP-18",
        "WSPCleanup(), with sockets open",
        format!("{after} descriptors are open, {before} before"),
        "no open resources of the system",
    );
    Ok(())
}

fn clean_up_ends_in_time(probe: Probe) -> Step {
    let provider = probe.start(probe.entry())?;
    provider.socket(&probe.entry().info()).prepares()?;
    let before = std::time::Instant::now();
    provider.clean_up().must("WSP-CLEANUP-1")?;
    let took = before.elapsed();
    verify(
        took < PATIENCE,
        "WSP-CLEANUP-19",
        "WSPCleanup()",
        format!("success after {:.1} s", took.as_secs_f64()),
        "pending calls are cancelled, and the clean-up ends",
    );
    Ok(())
}
