//! WSPEventSelect and WSPEnumNetworkEvents.

use windlass_abi::*;

use super::checks;
use crate::findings::{Step, fatal, verify};
use crate::probe::{Event, On, Probe};
use crate::subject::Kind;
use crate::system::A_WHILE;

checks! {
    event_select_makes_nonblocking: "WSP-ESEL-3" "MODE-2" "MODE-3";
    event_select_refuses: "WSP-ESEL-4";
    record_is_read_and_cleared: "WSP-ENUM-1" "WSP-ENUM-3" "EV-2";
    read_events: "EV-2" "EV-3" "EV-4";
    write_events: "EV-5" "WSP-ESEL-5";
    accept_events: "EV-4" "WSP-ACCEPT-2";
    close_events: "EV-7";
    cancelled_registrations_record_nothing: "WSP-ESEL-2" "WSP-ENUM-5" "WSP-ESEL-1";
    connect_events: "EV-10" "EV-3";
    select_leaves_events_alone: "WSP-SELECT-7";
}

fn event_select_makes_nonblocking(probe: Probe) -> Step {
    probe.each(Kind::Stream, |on| {
        let (here, there) = on.pair()?;
        let event = Event::new()?;
        on.event_select(there, event.handle(), FD_READ).must("WSP-ESEL-1")?;
        on.recv(there, 8).fails("WSP-ESEL-3", &[WsaError::WSAEWOULDBLOCK]);
        on.set_nonblocking(there, false).fails("MODE-3", &[WsaError::WSAEINVAL]);
        on.event_select(there, std::ptr::null_mut(), 0).must("WSP-ESEL-2")?;
        on.recv(there, 8).fails("MODE-3", &[WsaError::WSAEWOULDBLOCK]);
        on.set_nonblocking(there, false).must("MODE-3")?;
        on.close_all([here, there])
    })
}

fn event_select_refuses(probe: Probe) -> Step {
    let entry = probe.entry().clone();
    probe.on(&entry, |on| {
        let s = on.new_socket()?;
        on.event_select(s, std::ptr::null_mut(), FD_READ).fails_if_offered("WSP-ESEL-4", &[WsaError::WSAEINVAL]);
        on.close(s).must("WSP-CLOSE-1")
    })
}

/// The record when the event is set; the record is then empty, and the event reset.
fn next(on: &On, s: SOCKET, event: &Event, what: &str) -> Step<WSANETWORKEVENTS> {
    if !event.comes() {
        return fatal("EV-4", what, "the event is not set", "the event is set when a condition is recorded");
    }
    let reply = on.enum_events(s, event.handle());
    let call = reply.call.clone();
    let record = reply.must("WSP-ENUM-1")?;
    for (bit, code) in record.iErrorCode.iter().enumerate() {
        if record.lNetworkEvents & (1 << bit) == 0 && *code as u32 != 0xAAAA_AAAA {
            return fatal(
                "WSP-ENUM-3",
                call,
                format!("iErrorCode[{bit}] is {code}, and the bit is not set"),
                "only entries of set bits are written",
            );
        }
    }
    Ok(record)
}

fn expect(on: &On, s: SOCKET, event: &Event, mask: i32, rule: &str, what: &str) -> Step<WSANETWORKEVENTS> {
    let record = next(on, s, event, what)?;
    verify(
        record.lNetworkEvents == mask,
        rule,
        what,
        format!("events {:#x}", record.lNetworkEvents),
        format!("events {mask:#x}"),
    );
    Ok(record)
}

fn nothing(event: &Event, rule: &str, what: &str) {
    std::thread::sleep(A_WHILE);
    verify(!event.is_set(), rule, what, "the event is set", "nothing is recorded");
}

fn record_is_read_and_cleared(probe: Probe) -> Step {
    probe.each(Kind::Stream, |on| {
        let (here, there) = on.pair()?;
        let event = Event::new()?;
        on.event_select(there, event.handle(), FD_READ).must("WSP-ESEL-1")?;
        on.send(here, b"x").must("WSP-SEND-1")?;
        let record = expect(on, there, &event, FD_READ, "EV-2", "WSPEnumNetworkEvents(), data has come")?;
        verify(
            record.iErrorCode[FD_READ_BIT] == 0,
            "EV-2",
            "WSPEnumNetworkEvents(), data has come",
            format!("iErrorCode[FD_READ_BIT] is {}", record.iErrorCode[FD_READ_BIT]),
            0,
        );
        verify(
            !event.is_set(),
            "WSP-ENUM-1",
            "WSPEnumNetworkEvents()",
            "the event is still set",
            "it resets the event",
        );
        let again = on.enum_events(there, event.handle()).must("WSP-ENUM-1")?;
        verify(
            again.lNetworkEvents == 0,
            "WSP-ENUM-1",
            "WSPEnumNetworkEvents(), once more",
            format!("events {:#x}", again.lNetworkEvents),
            "none: the record is cleared",
        );
        on.close_all([here, there])
    })
}

fn read_events(probe: Probe) -> Step {
    probe.each(Kind::Stream, |on| {
        let (here, there) = on.pair()?;
        let event = Event::new()?;
        on.event_select(there, event.handle(), FD_READ).must("WSP-ESEL-1")?;
        on.send(here, b"0123456789").must("WSP-SEND-1")?;
        expect(on, there, &event, FD_READ, "EV-2", "10 bytes have come")?;
        on.send(here, b"more").must("WSP-SEND-1")?;
        nothing(&event, "EV-2", "more data has come, and nothing was received");
        on.recv_exactly(there, 5)?;
        expect(on, there, &event, FD_READ, "EV-4", "a receive has left data")?;
        on.recv_exactly(there, 9)?;
        std::thread::sleep(A_WHILE);
        // Spurious readiness is legal (EV-9).
        event.reset();
        let _ = on.enum_events(there, event.handle()).must("WSP-ENUM-1")?;
        on.send(here, b"z").must("WSP-SEND-1")?;
        expect(on, there, &event, FD_READ, "EV-3", "data has come after everything was received")?;
        on.close_all([here, there])
    })
}

fn write_events(probe: Probe) -> Step {
    probe.each(Kind::Stream, |on| {
        let (here, there) = on.pair()?;
        let event = Event::new()?;
        on.event_select(here, event.handle(), FD_WRITE).must("WSP-ESEL-1")?;
        expect(on, here, &event, FD_WRITE, "WSP-ESEL-5", "a registration for FD_WRITE on a connected stream")?;
        on.send(here, b"x").must("WSP-SEND-1")?;
        nothing(&event, "EV-5", "a send has succeeded");
        let chunk = vec![1; 256 * 1024];
        let mut sent = 1usize;
        loop {
            match on.send(here, &chunk).result {
                Ok(count) => sent += count as usize,
                Err(WsaError::WSAEWOULDBLOCK) => break,
                Err(error) => {
                    return fatal("MODE-5", "WSPSend() on a nonblocking stream", error, "success or WSAEWOULDBLOCK");
                }
            }
        }
        event.reset();
        let _ = on.enum_events(here, event.handle()).must("WSP-ENUM-1")?;
        on.recv_exactly(there, sent)?;
        expect(
            on,
            here,
            &event,
            FD_WRITE,
            "EV-5",
            "a send has failed with WSAEWOULDBLOCK, and the peer has made room",
        )?;
        on.close_all([here, there])
    })
}

fn accept_events(probe: Probe) -> Step {
    probe.each(Kind::Stream, |on| {
        let (listener, name) = on.listener()?;
        let event = Event::new()?;
        on.event_select(listener, event.handle(), FD_ACCEPT | FD_READ | FD_CLOSE).must("WSP-ESEL-1")?;
        let clients = [on.new_socket()?, on.new_socket()?];
        on.connect(clients[0], &name).must("WSP-CONN-2")?;
        expect(on, listener, &event, FD_ACCEPT, "EV-2", "a connection has come")?;
        on.connect(clients[1], &name).must("WSP-CONN-2")?;
        let first = on.accept(listener).must("WSP-ACCEPT-1")?;
        expect(on, listener, &event, FD_ACCEPT, "EV-4", "an accept has left a connection")?;
        let second = on.accept(listener).must("WSP-ACCEPT-1")?;
        event.reset();
        on.send(clients[0], b"x").must("WSP-SEND-1")?;
        expect(
            on,
            first,
            &event,
            FD_READ,
            "WSP-ACCEPT-2",
            "data for an accepted socket, which inherits the registration",
        )?;
        on.close_all([listener, clients[0], clients[1], first, second])
    })
}

fn close_events(probe: Probe) -> Step {
    probe.each(Kind::Stream, |on| {
        let (here, there) = on.pair()?;
        let event = Event::new()?;
        on.event_select(there, event.handle(), FD_CLOSE).must("WSP-ESEL-1")?;
        on.close(here).must("WSP-CLOSE-1")?;
        let record = expect(on, there, &event, FD_CLOSE, "EV-7", "the peer has closed")?;
        let code = record.iErrorCode[FD_CLOSE_BIT];
        verify(code == 0, "EV-7", "the peer has closed gracefully", format!("iErrorCode[FD_CLOSE_BIT] is {code}"), 0);
        on.close(there).must("WSP-CLOSE-1")?;
        let (here, there) = on.pair()?;
        on.event_select(there, event.handle(), FD_CLOSE).must("WSP-ESEL-1")?;
        on.set_option(here, SOL_SOCKET, SO_LINGER, &[1, 0, 0, 0]).prepares()?;
        on.close(here).must("WSP-CLOSE-1")?;
        let record = expect(on, there, &event, FD_CLOSE, "EV-7", "the peer has reset the connection")?;
        let code = WsaError::from_code(record.iErrorCode[FD_CLOSE_BIT]);
        verify(
            code == WsaError::WSAECONNRESET,
            "EV-7",
            "the peer has reset the connection",
            format!("iErrorCode[FD_CLOSE_BIT] is {code}"),
            WsaError::WSAECONNRESET,
        );
        on.close(there).must("WSP-CLOSE-1")
    })
}

fn cancelled_registrations_record_nothing(probe: Probe) -> Step {
    probe.each(Kind::Stream, |on| {
        let (here, there) = on.pair()?;
        let (first, second) = (Event::new()?, Event::new()?);
        on.event_select(there, first.handle(), FD_READ).must("WSP-ESEL-1")?;
        on.event_select(there, second.handle(), FD_READ).must("WSP-ESEL-1")?;
        on.send(here, b"x").must("WSP-SEND-1")?;
        expect(on, there, &second, FD_READ, "WSP-ESEL-1", "data has come after a second registration")?;
        verify(
            !first.is_set(),
            "WSP-ESEL-1",
            "data has come after a second registration",
            "the first event is set",
            "a registration replaces the one before",
        );
        on.event_select(there, std::ptr::null_mut(), 0).must("WSP-ESEL-2")?;
        on.recv_exactly(there, 1)?;
        on.send(here, b"y").must("WSP-SEND-1")?;
        nothing(&second, "WSP-ESEL-2", "data has come after the registration was cancelled");
        on.close_all([here, there])
    })
}

fn connect_events(probe: Probe) -> Step {
    probe.each(Kind::Stream, |on| {
        let (gone, nobody) = on.bound()?;
        on.close(gone).must("WSP-CLOSE-1")?;
        let s = on.new_socket()?;
        let event = Event::new()?;
        on.event_select(s, event.handle(), FD_CONNECT).must("WSP-ESEL-1")?;
        if !matches!(on.connect(s, &nobody).result, Err(WsaError::WSAEWOULDBLOCK)) {
            return crate::findings::skip("its connections are made, or refused, at once");
        }
        let record = expect(on, s, &event, FD_CONNECT, "EV-10", "a connect is refused")?;
        let code = WsaError::from_code(record.iErrorCode[FD_CONNECT_BIT]);
        verify(
            code == WsaError::WSAECONNREFUSED,
            "EV-10",
            "a connect is refused",
            format!("iErrorCode[FD_CONNECT_BIT] is {code}"),
            WsaError::WSAECONNREFUSED,
        );
        on.close(s).must("WSP-CLOSE-1")
    })
}

fn select_leaves_events_alone(probe: Probe) -> Step {
    probe.each(Kind::Stream, |on| {
        let (here, there) = on.pair()?;
        let event = Event::new()?;
        on.event_select(there, event.handle(), FD_READ).must("WSP-ESEL-1")?;
        on.send(here, b"x").must("WSP-SEND-1")?;
        on.await_readable(there)?;
        expect(on, there, &event, FD_READ, "WSP-SELECT-7", "data has come, and WSPSelect has seen it")?;
        on.await_readable(there)?;
        nothing(&event, "WSP-SELECT-7", "WSPSelect() after the event was taken");
        on.close_all([here, there])
    })
}
