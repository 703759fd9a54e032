//! Connecting, listening, accepting, selecting, duplicating.

use std::sync::atomic::{AtomicUsize, Ordering};

use windlass_abi::*;

use super::checks;
use crate::findings::{Step, fatal, skip, verify};
use crate::probe::{Probe, blocked, goes_on, seconds};
use crate::subject::{Kind, wildcard};
use crate::system::PATIENCE;

checks! {
    connect_rules: "WSP-CONN-3" "WSP-CONN-1" "WSP-CONN-4";
    refused_connects_can_be_repeated: "WSP-CONN-9";
    nonblocking_connect: "WSP-CONN-2" "WSP-SELECT-6";
    listen_rules: "WSP-LISTEN-1" "WSP-LISTEN-3";
    listen_on_datagrams: "WSP-LISTEN-1" "WSP-ACCEPT-1";
    accept_keeps_the_order: "WSP-ACCEPT-1" "WSP-ACCEPT-4";
    accept_tells_the_address: "WSP-ACCEPT-5";
    conditions_decide: "WSP-ACCEPT-6" "WSP-ACCEPT-7";
    select_finds_what_is_ready: "WSP-SELECT-4" "WSP-SELECT-6" "WSP-SELECT-5";
    select_refuses: "WSP-SELECT-2" "WSP-SELECT-5" "WSP-SELECT-1";
    duplicates: "WSP-DUP-1" "WSP-DUP-3" "WSP-DUP-4" "WSP-SOCK-6";
    multipoint_needs_its_flags: "WSP-JOIN-2";
}

fn connect_rules(probe: Probe) -> Step {
    probe.each(Kind::Stream, |on| {
        let (listener, name) = on.listener()?;
        let s = on.new_socket()?;
        on.connect(s, &wildcard(on.family()).unwrap_or_default()).fails("WSP-CONN-4", &[WsaError::WSAEADDRNOTAVAIL]);
        on.connect(s, &name).must("WSP-CONN-1")?;
        on.sock_name(s).must("WSP-CONN-1")?;
        on.connect(s, &name).fails("WSP-CONN-3", &[WsaError::WSAEISCONN]);
        on.connect(listener, &name).fails("WSP-CONN-3", &[WsaError::WSAEINVAL]);
        on.close_all([listener, s])
    })
}

fn refused_connects_can_be_repeated(probe: Probe) -> Step {
    probe.each(Kind::Stream, |on| {
        let (gone, nobody) = on.bound()?;
        on.close(gone).must("WSP-CLOSE-1")?;
        let (listener, name) = on.listener()?;
        let s = on.new_socket()?;
        on.connect(s, &nobody).fails("WSP-CONN-9", &[WsaError::WSAECONNREFUSED]);
        on.connect(s, &name).must("WSP-CONN-9")?;
        let accepted = on.accept(listener).must("WSP-ACCEPT-1")?;
        on.send(s, b"x").must("WSP-CONN-9")?;
        on.recv_exactly(accepted, 1)?;
        on.close_all([listener, s, accepted])
    })
}

fn nonblocking_connect(probe: Probe) -> Step {
    probe.each(Kind::Stream, |on| {
        let (listener, name) = on.listener()?;
        let s = on.new_socket()?;
        on.set_nonblocking(s, true).must("MODE-2")?;
        let reply = on.connect(s, &name);
        if reply.result.is_ok() {
            on.close_all([listener, s])?;
            return skip("its connections are made at once");
        }
        reply.fails("WSP-CONN-2", &[WsaError::WSAEWOULDBLOCK]);
        let (_, [_, write, except]) =
            on.select([None, Some(&[s]), Some(&[s])], Some(seconds(PATIENCE))).must("WSP-SELECT-6")?;
        verify(
            (&write[..], &except[..]) == (&[s][..], &[][..]),
            "WSP-CONN-2",
            "WSPSelect() for the end of a connect",
            format!("write {write:?}, except {except:?}"),
            "writable, for success",
        );
        on.peer_name(s).must("WSP-CONN-2")?;
        on.close_all([listener, s])
    })
}

fn listen_rules(probe: Probe) -> Step {
    probe.each(Kind::Stream, |on| {
        let s = on.new_socket()?;
        on.listen(s, 5).fails("WSP-LISTEN-1", &[WsaError::WSAEINVAL]);
        on.accept(s).fails("WSP-ACCEPT-1", &[WsaError::WSAEINVAL]);
        let (here, there) = on.pair()?;
        on.listen(here, 5).fails("WSP-LISTEN-1", &[WsaError::WSAEISCONN, WsaError::WSAEINVAL]);
        let (listener, _) = on.listener()?;
        on.listen(listener, 9).must("WSP-LISTEN-3")?;
        let (other, _) = on.bound()?;
        on.listen(other, SOMAXCONN).must("WSP-LISTEN-2")?;
        on.close_all([s, here, there, listener, other])
    })
}

fn listen_on_datagrams(probe: Probe) -> Step {
    probe.each(Kind::Datagram, |on| {
        let (s, _) = on.bound()?;
        on.listen(s, 5).fails("WSP-LISTEN-1", &[WsaError::WSAEOPNOTSUPP]);
        on.accept(s).fails("WSP-ACCEPT-1", &[WsaError::WSAEOPNOTSUPP]);
        on.close(s).must("WSP-CLOSE-1")
    })
}

fn accept_keeps_the_order(probe: Probe) -> Step {
    probe.each(Kind::Stream, |on| {
        let (listener, name) = on.listener()?;
        let provider = on.provider;
        let waiting = blocked(&format!("WSPAccept({listener})"), move || provider.accept(listener))?;
        goes_on(&waiting, "WSP-ACCEPT-4")?;
        let s = on.new_socket()?;
        on.connect(s, &name).must("WSP-CONN-2")?;
        let accepted = waiting.ends("WSP-ACCEPT-4", "a connection has come")?.must("WSP-ACCEPT-4")?;
        on.accept(accepted).fails("WSP-ACCEPT-1", &[WsaError::WSAEINVAL]);
        on.close_all([s, accepted])?;
        // The listener keeps listening.
        let clients: Vec<_> = (0..3)
            .map(|_| {
                let s = on.new_socket()?;
                on.connect(s, &name).must("WSP-ACCEPT-1")?;
                Ok(s)
            })
            .collect::<Step<_>>()?;
        for s in clients {
            let accepted = on.accept(listener).must("WSP-ACCEPT-1")?;
            let (mine, peer) = (on.sock_name(s).must("WSP-GSN-1")?, on.peer_name(accepted).must("WSP-GPN-1")?);
            verify(
                mine == peer,
                "WSP-ACCEPT-1",
                "WSPAccept()",
                format!("the connection of {peer:?}"),
                format!("that of {mine:?}, the first that pends"),
            );
            on.close_all([s, accepted])?;
        }
        on.close(listener).must("WSP-CLOSE-1")
    })
}

fn accept_tells_the_address(probe: Probe) -> Step {
    probe.each(Kind::Stream, |on| {
        let (listener, name) = on.listener()?;
        let s = on.new_socket()?;
        on.connect(s, &name).must("WSP-CONN-2")?;
        on.accept_from(listener, 4).0.fails("WSP-ACCEPT-5", &[WsaError::WSAEFAULT]);
        let other = on.new_socket()?;
        on.connect(other, &name).must("WSP-CONN-2")?;
        let (reply, address, length) = on.accept_from(listener, 128);
        let accepted = reply.must("WSP-ACCEPT-5")?;
        let peer = on.peer_name(accepted).must("WSP-GPN-1")?;
        verify(
            address == peer,
            "WSP-ACCEPT-5",
            "WSPAccept(), room for 128 bytes of address",
            format!("{length} bytes: {address:?}"),
            format!("{peer:?}"),
        );
        on.close_all([listener, s, other, accepted])
    })
}

fn conditions_decide(probe: Probe) -> Step {
    probe.each(Kind::Stream, |on| {
        let (listener, name) = on.listener()?;
        let s = on.new_socket()?;
        on.connect(s, &name).must("WSP-CONN-2")?;
        let (asked, me) = (AtomicUsize::new(0), std::thread::current().id());
        let elsewhere = AtomicUsize::new(0);
        let answer = |answer: i32| {
            let (asked, elsewhere) = (&asked, &elsewhere);
            move || {
                asked.fetch_add(1, Ordering::Relaxed);
                elsewhere.fetch_add(usize::from(std::thread::current().id() != me), Ordering::Relaxed);
                answer
            }
        };
        on.accept_asking(listener, &answer(CF_DEFER)).fails("WSP-ACCEPT-7", &[WsaError::WSATRY_AGAIN]);
        on.accept_asking(listener, &answer(77)).fails("WSP-ACCEPT-7", &[WsaError::WSAEINVAL]);
        let accepted = on.accept_asking(listener, &answer(CF_ACCEPT)).must("WSP-ACCEPT-7")?;
        verify(
            asked.load(Ordering::Relaxed) == 3,
            "WSP-ACCEPT-6",
            "WSPAccept() with a condition function, 3 times",
            format!("it was asked {} times", asked.load(Ordering::Relaxed)),
            "once in each call: CF_DEFER leaves the request at the head of the queue",
        );
        verify(
            elsewhere.load(Ordering::Relaxed) == 0,
            "WSP-ACCEPT-6",
            "WSPAccept() with a condition function",
            "it ran in another thread",
            "it runs in the thread of the call",
        );
        on.send(s, b"in").must("WSP-ACCEPT-7")?;
        on.recv_exactly(accepted, 2)?;
        let rejected = on.new_socket()?;
        on.connect(rejected, &name).must("WSP-CONN-2")?;
        on.accept_asking(listener, &answer(CF_REJECT)).fails("WSP-ACCEPT-7", &[WsaError::WSAECONNREFUSED]);
        on.close_all([listener, s, accepted, rejected])
    })
}

fn select_finds_what_is_ready(probe: Probe) -> Step {
    probe.each(Kind::Stream, |on| {
        let (listener, name) = on.listener()?;
        let (here, there) = on.pair()?;
        let now = Some(TIMEVAL::default());
        let (count, sets) = on.select([Some(&[listener, there]), None, Some(&[there])], now).must("WSP-SELECT-4")?;
        let all: usize = sets.iter().map(Vec::len).sum();
        verify(
            (count, all) == (0, 0),
            "WSP-SELECT-4",
            "WSPSelect() with a time of 0, nothing is ready",
            format!("{count}, sets {sets:?}"),
            "0, and empty sets",
        );
        let (count, [_, write, _]) = on.select([Some(&[there]), Some(&[here]), None], now).must("WSP-SELECT-6")?;
        verify(
            count == 1 && write == [here],
            "WSP-SELECT-6",
            "WSPSelect(), a connected stream is writable",
            format!("{count}, write {write:?}"),
            format!("1, write [{here}]"),
        );
        on.send(here, b"x").must("WSP-SEND-1")?;
        let s = on.new_socket()?;
        on.connect(s, &name).must("WSP-CONN-2")?;
        crate::system::within(PATIENCE, || {
            on.select([Some(&[listener, there]), None, None], now).result.is_ok_and(|(count, _)| count == 2)
        });
        let (count, [read, ..]) = on.select([Some(&[listener, there]), None, None], now).must("WSP-SELECT-6")?;
        verify(
            count == 2 && read == [listener, there],
            "WSP-SELECT-6",
            "WSPSelect(), data and a connection have come",
            format!("{count}, read {read:?}"),
            "both",
        );
        on.close_all([listener, here, there, s])
    })
}

fn select_refuses(probe: Probe) -> Step {
    let entry = probe.entry().clone();
    probe.on(&entry, |on| {
        let s = on.new_socket()?;
        let time = Some(TIMEVAL { tv_sec: 1, tv_usec: 0 });
        on.select([None, None, None], time).fails("WSP-SELECT-2", &[WsaError::WSAEINVAL]);
        on.select([Some(&[]), Some(&[]), None], time).fails("WSP-SELECT-2", &[WsaError::WSAEINVAL]);
        on.select([Some(&[s, 0x7FFF_FFFF]), None, None], time).fails("WSP-SELECT-1", &[WsaError::WSAENOTSOCK]);
        on.select([Some(&[s]), None, None], Some(TIMEVAL { tv_sec: -1, tv_usec: 0 }))
            .fails("WSP-SELECT-5", &[WsaError::WSAEINVAL]);
        on.close(s).must("WSP-CLOSE-1")
    })
}

fn duplicates(probe: Probe) -> Step {
    probe.each(Kind::Datagram, |on| {
        let (s, name) = on.bound()?;
        let info = on.duplicate(s, std::process::id()).must("WSP-DUP-1")?;
        let twin = on.socket_with([FROM_PROTOCOL_INFO; 3], &info, 0, WSA_FLAG_OVERLAPPED).must("WSP-SOCK-6")?;
        verify(
            twin != s,
            "WSP-DUP-1",
            "WSPSocket() with the structure of WSPDuplicateSocket",
            twin,
            "a descriptor of its own",
        );
        on.socket_with([FROM_PROTOCOL_INFO; 3], &info, 0, WSA_FLAG_OVERLAPPED)
            .fails("WSP-DUP-3", &[WsaError::WSAEINVAL]);
        let same = on.sock_name(twin).must("WSP-DUP-4")?;
        verify(
            same == name,
            "WSP-DUP-4",
            "WSPGetSockName() of the duplicate",
            format!("{same:?}"),
            format!("{name:?}: they share all state"),
        );
        on.close(s).must("WSP-CLOSE-1")?;
        on.send_to(twin, b"still", &name).must("WSP-DUP-5")?;
        on.await_readable(twin)?;
        let (came, _) = on.recv_from(twin, 16, 128).must("WSP-DUP-5")?;
        if came != b"still" {
            return fatal(
                "WSP-DUP-5",
                "WSPRecvFrom() of the duplicate after the other is closed",
                format!("{came:?}"),
                "what was sent: the socket lives until the last descriptor closes",
            );
        }
        on.close(twin).must("WSP-CLOSE-1")
    })
}

fn multipoint_needs_its_flags(probe: Probe) -> Step {
    probe.each(Kind::Datagram, |on| {
        let (s, _) = on.bound()?;
        let reply = on.join_leaf(s, &on.at(9));
        if reply.result.is_ok() {
            return fatal(
                "WSP-JOIN-2",
                reply.call.clone(),
                "success",
                "an error: the socket was not created with multipoint flags",
            );
        }
        on.close(s).must("WSP-CLOSE-1")
    })
}
