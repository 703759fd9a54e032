//! Sending and receiving: buffers, modes, ends.

use windlass_abi::*;

use super::checks;
use crate::client::{Overlapped, SYNCHRONOUS, buffer};
use crate::findings::{Step, fail, fatal, verify};
use crate::probe::{Event, Probe, blocked, goes_on, seconds};
use crate::subject::Kind;
use crate::system::{A_WHILE, PATIENCE};

checks! {
    streams_carry_bytes_in_order: "WSP-RECV-2" "WSP-SEND-2" "MODE-1";
    parts_are_gathered_and_scattered: "WSP-SEND-1" "WSP-RECV-1";
    nothing_can_be_sent_and_received: "WSP-SEND-7" "WSP-RECV-10";
    no_buffer_at_all: "WSP-RECV-11";
    peeking_leaves_the_data: "WSP-RECV-6";
    end_of_stream: "WSP-RECV-5";
    reset_of_stream: "WSP-RECV-5" "WSP-CLOSE-5";
    nonblocking_calls_return: "MODE-5" "WSP-IOCTL-5";
    blocking_send_takes_everything: "WSP-SEND-2";
    unconnected_streams_do_not_transfer: "WSP-RECV-1" "WSP-SEND-1";
    shutdown_ends_transfers: "WSP-SHUT-1" "WSP-SHUT-2" "WSP-SHUT-4";
    disconnects: "WSP-SDIS-1" "WSP-RDIS-1";
    datagrams_keep_their_bounds: "WSP-RECV-2" "WSP-STO-1" "WSP-RFROM-1";
    long_datagrams_are_cut: "WSP-RECV-4";
    too_long_datagrams_are_refused: "WSP-SEND-3";
    datagrams_without_address: "WSP-STO-3";
    room_for_a_source_address: "WSP-RFROM-2";
    connected_datagram_sockets: "WSP-CONN-5" "WSP-CONN-4" "WSP-RFROM-3";
    not_overlapped_without_structure: "OV-1" "OV-3";
    not_overlapped_without_attribute: "OV-2";
    linger: "WSP-CLOSE-5";
}

fn streams_carry_bytes_in_order(probe: Probe) -> Step {
    probe.each(Kind::Stream, |on| {
        let (here, there) = on.pair()?;
        for (from, to) in [(here, there), (there, here)] {
            for chunk in [&b"one "[..], b"two ", b"three"] {
                let sent = on.send(from, chunk).must("WSP-SEND-2")?;
                verify(
                    sent as usize == chunk.len(),
                    "WSP-SEND-2",
                    "WSPSend() on a blocking stream",
                    format!("{sent} bytes"),
                    format!("all {} bytes", chunk.len()),
                );
            }
            let came = on.recv_exactly(to, 13)?;
            verify(
                came == b"one two three",
                "WSP-RECV-2",
                "WSPRecv()",
                format!("{:?}", String::from_utf8_lossy(&came)),
                "\"one two three\"",
            );
        }
        let provider = on.provider;
        let waiting = blocked(&format!("WSPRecv({there})"), move || provider.recv(there, 16))?;
        goes_on(&waiting, "MODE-1")?;
        on.send(here, b"!").must("WSP-SEND-1")?;
        let came = waiting.ends("WSP-RECV-2", "it returns when there is a byte")?.must("WSP-RECV-2")?;
        verify(came == b"!", "WSP-RECV-2", "WSPRecv()", format!("{came:?}"), "what the peer has sent");
        on.close_all([here, there])
    })
}

fn parts_are_gathered_and_scattered(probe: Probe) -> Step {
    probe.each(Kind::Stream, |on| {
        let (here, there) = on.pair()?;
        let parts: Vec<[u8; 3]> = (0..60u8).map(|at| [at, at + 1, at + 2]).collect();
        let mut sent: Vec<_> = parts.iter().map(|part| buffer(part)).collect();
        sent.insert(7, buffer(&[]));
        let count = on.send_parts(here, &mut sent, 0, SYNCHRONOUS).must("WSP-SEND-1")?;
        verify(count == 180, "WSP-SEND-1", "WSPSend() of 61 buffers", format!("{count} bytes"), "180 bytes");
        crate::system::within(PATIENCE, || {
            on.ioctl(there, FIONREAD, &[], 4).result.is_ok_and(|bytes| bytes == 180u32.to_ne_bytes())
        });
        let rooms: Vec<Vec<u8>> = [1usize, 0, 2, 90, 200].iter().map(|room| vec![0xEE; *room]).collect();
        let mut into: Vec<_> = rooms.iter().map(|room| buffer(room)).collect();
        let (count, _) = on.recv_parts(there, &mut into, 0, SYNCHRONOUS).must("WSP-RECV-1")?;
        let came: Vec<u8> = rooms.concat()[..count.min(293) as usize].to_vec();
        verify(
            count == 180 && came == parts.concat(),
            "WSP-RECV-1",
            "WSPRecv() into buffers of 1, 0, 2, 90 and 200 bytes",
            format!("{count} bytes"),
            "180 bytes, in array order without holes",
        );
        on.close_all([here, there])
    })
}

fn nothing_can_be_sent_and_received(probe: Probe) -> Step {
    if probe.of(Kind::Stream).is_ok() {
        probe.each(Kind::Stream, |on| {
            let (here, there) = on.pair()?;
            let sent = on.send(here, b"").must("WSP-SEND-7")?;
            verify(sent == 0, "WSP-SEND-7", "WSPSend() of nothing on a stream", sent, 0);
            on.send(here, b"abc").must("WSP-SEND-1")?;
            on.await_readable(there)?;
            let none = on.recv(there, 0).must("WSP-RECV-10")?;
            let rest = on.recv(there, 8).must("WSP-RECV-2")?;
            verify(
                none.is_empty() && rest == b"abc",
                "WSP-RECV-10",
                "WSPRecv() into no room, and then into room",
                format!("{none:?} and {rest:?}"),
                "nothing, and then all: nothing is consumed",
            );
            on.close_all([here, there])
        })?;
    }
    if probe.of(Kind::Datagram).is_ok() {
        probe.each(Kind::Datagram, |on| {
            let (a, name) = on.bound()?;
            let (b, _) = on.bound()?;
            on.send_to(b, b"", &name).must("WSP-SEND-7")?;
            on.await_readable(a)?;
            let (came, _) = on.recv_from(a, 16, 128).must("WSP-SEND-7")?;
            verify(
                came.is_empty(),
                "WSP-SEND-7",
                "WSPRecvFrom(), an empty datagram has come",
                format!("{came:?}"),
                "an empty datagram",
            );
            on.close_all([a, b])
        })?;
    }
    Ok(())
}

fn no_buffer_at_all(probe: Probe) -> Step {
    probe.each(Kind::Stream, |on| {
        let (here, there) = on.pair()?;
        on.recv_parts(there, &mut [], 0, SYNCHRONOUS).fails("WSP-RECV-11", &[WsaError::WSAEINVAL, WsaError::WSAEFAULT]);
        on.close_all([here, there])
    })
}

fn peeking_leaves_the_data(probe: Probe) -> Step {
    probe.each(Kind::Stream, |on| {
        let (here, there) = on.pair()?;
        on.send(here, b"peek").must("WSP-SEND-1")?;
        on.await_readable(there)?;
        let mut room = [0u8; 8];
        let (count, _) = on.recv_parts(there, &mut [buffer(&room)], MSG_PEEK, SYNCHRONOUS).must("WSP-RECV-6")?;
        room[count.min(8) as usize..].fill(0);
        let came = on.recv_exactly(there, 4)?;
        verify(
            count == 4 && came == b"peek",
            "WSP-RECV-6",
            "WSPRecv(MSG_PEEK), and without",
            format!("{count} bytes, and then {came:?}"),
            "the same twice",
        );
        on.recv_parts(there, &mut [buffer(&room)], 0x4000_0000, SYNCHRONOUS)
            .fails("WSP-RECV-6", &[WsaError::WSAEOPNOTSUPP, WsaError::WSAEINVAL]);
        on.close_all([here, there])
    })
}

fn end_of_stream(probe: Probe) -> Step {
    probe.each(Kind::Stream, |on| {
        let (here, there) = on.pair()?;
        on.send(here, b"last").must("WSP-SEND-1")?;
        on.close(here).must("WSP-CLOSE-5")?;
        let came = on.recv_exactly(there, 4)?;
        verify(
            came == b"last",
            "WSP-CLOSE-5",
            "WSPRecv() after the peer has sent and closed",
            format!("{came:?}"),
            "what was sent: the default close is graceful",
        );
        for _ in 0..3 {
            let end = on.recv(there, 8).must("WSP-RECV-5")?;
            verify(
                end.is_empty(),
                "WSP-RECV-5",
                "WSPRecv() at the end of the stream",
                format!("{end:?}"),
                "success with 0 bytes, for ever",
            );
        }
        on.close(there).must("WSP-CLOSE-1")
    })
}

const HARD: [u8; 4] = [1, 0, 0, 0];

fn reset_of_stream(probe: Probe) -> Step {
    probe.each(Kind::Stream, |on| {
        let (here, there) = on.pair()?;
        on.set_option(here, SOL_SOCKET, SO_LINGER, &HARD).prepares()?;
        on.close(here).must("WSP-CLOSE-5")?;
        let provider = on.provider;
        let end = blocked(&format!("WSPRecv({there})"), move || provider.recv(there, 8))?;
        end.ends("WSP-RECV-5", "an abortive close ends the peer's receives")?
            .fails("WSP-RECV-5", &[WsaError::WSAECONNRESET]);
        on.close(there).must("WSP-CLOSE-1")
    })
}

fn nonblocking_calls_return(probe: Probe) -> Step {
    if probe.of(Kind::Stream).is_ok() {
        probe.each(Kind::Stream, |on| {
            let (listener, _) = on.listener()?;
            on.set_nonblocking(listener, true).must("MODE-2")?;
            on.accept(listener).fails("MODE-5", &[WsaError::WSAEWOULDBLOCK]);
            let (here, there) = on.pair()?;
            on.set_nonblocking(there, true).must("MODE-2")?;
            on.recv(there, 8).fails("MODE-5", &[WsaError::WSAEWOULDBLOCK]);
            on.set_nonblocking(there, false).must("MODE-2")?;
            on.send(here, b"x").must("WSP-SEND-1")?;
            on.recv(there, 8).must("MODE-2")?;
            on.close_all([listener, here, there])
        })?;
    }
    if probe.of(Kind::Datagram).is_ok() {
        probe.each(Kind::Datagram, |on| {
            let (s, _) = on.bound()?;
            on.set_nonblocking(s, true).must("MODE-2")?;
            on.recv_from(s, 8, 128).fails("MODE-5", &[WsaError::WSAEWOULDBLOCK]);
            on.close(s).must("WSP-CLOSE-1")
        })?;
    }
    Ok(())
}

fn blocking_send_takes_everything(probe: Probe) -> Step {
    probe.each(Kind::Stream, |on| {
        let (here, there) = on.pair()?;
        let size = 4 << 20;
        let provider = on.provider;
        let sending =
            blocked(&format!("WSPSend({here}) of {size} bytes"), move || provider.send(here, &vec![7u8; size]))?;
        let came = on.recv_exactly(there, size)?;
        verify(
            came.iter().all(|byte| *byte == 7),
            "WSP-SEND-2",
            "WSPRecv()",
            "other bytes than were sent",
            "what was sent",
        );
        let sent = sending.ends("WSP-SEND-2", "the peer has taken everything")?.must("WSP-SEND-2")?;
        verify(
            sent as usize == size,
            "WSP-SEND-2",
            "WSPSend() on a blocking stream",
            format!("{sent} bytes"),
            format!("all {size} bytes"),
        );
        on.close_all([here, there])
    })
}

fn unconnected_streams_do_not_transfer(probe: Probe) -> Step {
    probe.each(Kind::Stream, |on| {
        let s = on.new_socket()?;
        on.recv(s, 8).fails("WSP-RECV-1", &[WsaError::WSAENOTCONN]);
        on.send(s, b"x").fails("WSP-SEND-1", &[WsaError::WSAENOTCONN]);
        on.shutdown(s, SD_BOTH).fails("WSP-SHUT-1", &[WsaError::WSAENOTCONN]);
        on.close(s).must("WSP-CLOSE-1")
    })
}

fn shutdown_ends_transfers(probe: Probe) -> Step {
    probe.each(Kind::Stream, |on| {
        let (here, there) = on.pair()?;
        for how in [-1, 3, 77] {
            on.shutdown(here, how).fails("WSP-SHUT-1", &[WsaError::WSAEINVAL]);
        }
        on.send(here, b"then").must("WSP-SEND-1")?;
        on.shutdown(here, SD_SEND).must("WSP-SHUT-2")?;
        on.send(here, b"x").fails("WSP-SHUT-4", &[WsaError::WSAESHUTDOWN]);
        let came = on.recv_exactly(there, 4)?;
        verify(came == b"then", "WSP-SHUT-2", "WSPRecv()", format!("{came:?}"), "what was sent before");
        let end = on.recv(there, 8).must("WSP-SHUT-2")?;
        verify(
            end.is_empty(),
            "WSP-SHUT-2",
            "WSPRecv() after the peer's SD_SEND",
            format!("{end:?}"),
            "the end of the stream",
        );
        // The other way still works.
        on.send(there, b"back").must("WSP-SHUT-2")?;
        on.recv_exactly(here, 4)?;
        on.shutdown(there, SD_RECEIVE).must("WSP-SHUT-2")?;
        on.recv(there, 8).fails("WSP-SHUT-4", &[WsaError::WSAESHUTDOWN]);
        on.close_all([here, there])
    })
}

fn disconnects(probe: Probe) -> Step {
    probe.each(Kind::Stream, |on| {
        let (here, there) = on.pair()?;
        let has_data = on.info.dwServiceFlags1 & XP1_DISCONNECT_DATA != 0;
        if !has_data {
            on.send_disconnect(here, Some(&mut [1, 2])).fails_if_offered("WSP-SDIS-1", &[WsaError::WSAENOPROTOOPT]);
            on.recv_disconnect(here, Some(&mut [0; 8])).fails_if_offered("WSP-RDIS-1", &[WsaError::WSAENOPROTOOPT]);
        }
        on.send_disconnect(here, None).must("WSP-SDIS-1")?;
        on.send(here, b"x").fails("WSP-SDIS-1", &[WsaError::WSAESHUTDOWN]);
        let end = on.recv(there, 8).must("WSP-SDIS-1")?;
        verify(
            end.is_empty(),
            "WSP-SDIS-1",
            "WSPRecv() after the peer's WSPSendDisconnect",
            format!("{end:?}"),
            "the end of the stream",
        );
        on.recv_disconnect(there, None).must("WSP-RDIS-1")?;
        on.close_all([here, there])
    })
}

fn datagrams_keep_their_bounds(probe: Probe) -> Step {
    probe.each(Kind::Datagram, |on| {
        let (a, name) = on.bound()?;
        let (b, source) = on.bound()?;
        for text in [&b"first"[..], b"second one"] {
            on.send_to(b, text, &name).must("WSP-STO-1")?;
        }
        for text in [&b"first"[..], b"second one"] {
            on.await_readable(a)?;
            let (came, from) = on.recv_from(a, 64, 128).must("WSP-RFROM-1")?;
            verify(
                came == text,
                "WSP-RECV-2",
                "WSPRecvFrom()",
                format!("{:?}", String::from_utf8_lossy(&came)),
                format!("exactly one message, {:?}", String::from_utf8_lossy(text)),
            );
            verify(
                from == source,
                "WSP-RFROM-1",
                "WSPRecvFrom()",
                format!("from {from:?}"),
                format!("{source:?}, where it came from"),
            );
        }
        on.close_all([a, b])
    })
}

fn long_datagrams_are_cut(probe: Probe) -> Step {
    probe.each(Kind::Datagram, |on| {
        let (a, name) = on.bound()?;
        let (b, _) = on.bound()?;
        on.send_to(b, b"0123456789", &name).must("WSP-STO-1")?;
        on.send_to(b, b"next", &name).must("WSP-STO-1")?;
        on.await_readable(a)?;
        on.recv_from(a, 4, 128).fails("WSP-RECV-4", &[WsaError::WSAEMSGSIZE]);
        on.await_readable(a)?;
        let (came, _) = on.recv_from(a, 64, 128).must("WSP-RECV-4")?;
        verify(
            came == b"next",
            "WSP-RECV-4",
            "WSPRecvFrom() after WSAEMSGSIZE",
            format!("{came:?}"),
            "the next datagram: the excess is lost",
        );
        on.close_all([a, b])
    })
}

fn too_long_datagrams_are_refused(probe: Probe) -> Step {
    probe.each(Kind::Datagram, |on| {
        let (a, name) = on.bound()?;
        let limit = on.int_option(a, SOL_SOCKET, SO_MAX_MSG_SIZE).must("OPT-1")?;
        if !(0..1 << 24).contains(&limit) {
            return crate::findings::skip(format!("messages may have {} bytes", limit as u32));
        }
        on.send_to(a, &vec![1; limit as usize + 64], &name).fails("WSP-SEND-3", &[WsaError::WSAEMSGSIZE]);
        on.set_nonblocking(a, true).must("MODE-2")?;
        std::thread::sleep(A_WHILE);
        on.recv_from(a, 8, 128).fails("WSP-SEND-3", &[WsaError::WSAEWOULDBLOCK]);
        on.close(a).must("WSP-CLOSE-1")
    })
}

fn datagrams_without_address(probe: Probe) -> Step {
    probe.each(Kind::Datagram, |on| {
        let s = on.new_socket()?;
        on.send_to(s, b"x", &[]).fails("WSP-STO-3", &[WsaError::WSAENOTCONN, WsaError::WSAEDESTADDRREQ]);
        on.send(s, b"x").fails("WSP-STO-3", &[WsaError::WSAENOTCONN, WsaError::WSAEDESTADDRREQ]);
        on.close(s).must("WSP-CLOSE-1")
    })
}

fn room_for_a_source_address(probe: Probe) -> Step {
    probe.each(Kind::Datagram, |on| {
        let (a, name) = on.bound()?;
        on.send_to(a, b"mine", &name).must("WSP-STO-1")?;
        on.await_readable(a)?;
        on.recv_from(a, 16, 4).fails("WSP-RFROM-2", &[WsaError::WSAEFAULT]);
        on.close(a).must("WSP-CLOSE-1")
    })
}

fn connected_datagram_sockets(probe: Probe) -> Step {
    probe.each(Kind::Datagram, |on| {
        let (a, name) = on.bound()?;
        let (b, other) = on.bound()?;
        on.connect(b, &name).must("WSP-CONN-5")?;
        let peer = on.peer_name(b).must("WSP-GPN-1")?;
        verify(
            peer == name,
            "WSP-CONN-5",
            "WSPGetPeerName() of a connected datagram socket",
            format!("{peer:?}"),
            format!("{name:?}"),
        );
        on.send(b, b"default").must("WSP-CONN-5")?;
        on.await_readable(a)?;
        let (came, _) = on.recv_from(a, 64, 128).must("WSP-RFROM-1")?;
        verify(
            came == b"default",
            "WSP-CONN-5",
            "WSPRecvFrom()",
            format!("{came:?}"),
            "what the connected socket has sent",
        );
        on.send_to(a, b"answer", &other).must("WSP-STO-1")?;
        on.await_readable(b)?;
        on.recv_from(b, 64, 128).must("WSP-RFROM-3")?;
        on.connect(b, &crate::subject::wildcard(on.family()).unwrap_or_default()).must("WSP-CONN-4")?;
        on.peer_name(b).fails("WSP-CONN-4", &[WsaError::WSAENOTCONN]);
        on.send(b, b"x").fails("WSP-CONN-4", &[WsaError::WSAENOTCONN, WsaError::WSAEDESTADDRREQ]);
        on.close_all([a, b])
    })
}

fn not_overlapped_without_structure(probe: Probe) -> Step {
    probe.each(Kind::Stream, |on| {
        let (here, there) = on.pair()?;
        let operation = crate::client::Operation::new(std::ptr::null_mut());
        let routine = Overlapped { overlapped: std::ptr::null_mut(), ..operation.with_routine() };
        let sent = on.send_parts(here, &mut [buffer(b"sync")], 0, routine).must("OV-3")?;
        let mut room = [0u8; 8];
        let (came, _) = on.recv_parts(there, &mut [buffer(&room)], 0, routine).must("OV-3")?;
        room.fill(0);
        verify(
            (sent, came) == (4, 4),
            "OV-3",
            "WSPSend() and WSPRecv() with a routine and no structure",
            format!("{sent} and {came} bytes"),
            "4 and 4: synchronous, the routine is ignored",
        );
        on.close_all([here, there])
    })
}

fn not_overlapped_without_attribute(probe: Probe) -> Step {
    probe.each(Kind::Stream, |on| {
        let (listener, name) = on.listener()?;
        let here = on.socket_with([FROM_PROTOCOL_INFO; 3], &on.info, 0, 0).must("WSP-SOCK-2")?;
        on.connect(here, &name).must("WSP-CONN-2")?;
        let there = on.accept(listener).must("WSP-ACCEPT-1")?;
        on.send(there, b"plain").must("WSP-SEND-1")?;
        let event = Event::new()?;
        let operation = crate::client::Operation::new(event.handle());
        let room = Box::leak(Box::new([0u8; 16]));
        match on.recv_parts(here, &mut [buffer(room)], 0, operation.how()).result {
            Ok((5, _)) => verify(
                !event.is_set(),
                "OV-2",
                "WSPRecv() with a structure, on a socket without the attribute",
                "its event is set",
                "the structure is ignored",
            ),
            Err(WsaError::WSAEINVAL) => {}
            other => fail(
                "OV-2",
                "WSPRecv() with a structure, on a socket without the attribute",
                format!("{other:?}"),
                "5 bytes: the structure is ignored (WSAEINVAL is allowed)",
            ),
        }
        on.close_all([listener, here, there])
    })
}

/// What is queued for a peer that does not read, and how a close treats it.
fn linger(probe: Probe) -> Step {
    probe.each(Kind::Stream, |on| {
        // Linger with a time, and nothing to send: at once, whatever the mode.
        for nonblocking in [false, true] {
            let (here, there) = on.pair()?;
            let reply = on.set_option(here, SOL_SOCKET, SO_LINGER, &[1, 0, 5, 0]);
            if reply.result.is_err() {
                on.close_all([here, there])?;
                return reply.prepares();
            }
            on.set_nonblocking(here, nonblocking).must("MODE-2")?;
            let start = std::time::Instant::now();
            on.close(here).must("WSP-CLOSE-5")?;
            verify(
                start.elapsed() < std::time::Duration::from_secs(4),
                "WSP-CLOSE-5",
                "WSPCloseSocket() with linger 5 s and nothing to send",
                format!("success after {:?}", start.elapsed()),
                "it waits no longer than it takes to send",
            );
            on.close(there).must("WSP-CLOSE-1")?;
        }
        // Linger with a time, nonblocking, and a peer that does not read: not now, and nothing has happened.
        let (here, there) = on.pair()?;
        on.set_option(here, SOL_SOCKET, SO_LINGER, &[1, 0, 60, 0]).prepares()?;
        on.set_nonblocking(here, true).must("MODE-2")?;
        let (chunk, mut sent) = (vec![1; 256 * 1024], 0usize);
        while let Ok(count) = on.send(here, &chunk).result {
            sent += count as usize;
        }
        let reply = on.close(here);
        match reply.result {
            Err(WsaError::WSAEWOULDBLOCK) => {
                on.int_option(here, SOL_SOCKET, SO_TYPE).must("WSP-CLOSE-5")?;
                on.set_option(here, SOL_SOCKET, SO_LINGER, &HARD).must("WSP-CLOSE-6")?;
                on.close(here).must("WSP-CLOSE-6")?;
            }
            // There was nothing to wait for: all of it has been sent.
            Ok(()) => drop(on.recv_exactly(there, sent)?),
            _ => {
                return fatal(
                    "WSP-CLOSE-5",
                    reply.call.clone(),
                    reply.came_back(),
                    "WSAEWOULDBLOCK, linger 60 s on a nonblocking socket with unsent data",
                );
            }
        }
        let drained = on.select([Some(&[there]), None, None], Some(seconds(PATIENCE)));
        drained.must("WSP-SELECT-6")?;
        on.close(there).must("WSP-CLOSE-1")
    })
}
