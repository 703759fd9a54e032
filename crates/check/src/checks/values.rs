//! Pointers and lengths, options, control codes, names, and addresses as text.

use windlass_abi::*;

use super::checks;
use crate::findings::{Step, fail, skip, verify};
use crate::probe::{On, Probe};
use crate::subject::{Kind, port, wildcard};

checks! {
    null_pointers_are_refused: "LC-ERR-9";
    short_options_are_refused: "WSP-GSO-1" "WSP-SSO-1";
    short_names_are_refused: "WSP-GSN-1";
    option_type_and_state: "OPT-1" "WSP-GSO-2";
    option_defaults: "OPT-3" "WSP-GSO-2" "OPT-2";
    option_error_is_read_once: "OPT-5" "LC-ERR-11";
    options_that_cannot_be_set: "OPT-6";
    unknown_options: "WSP-GSO-1" "WSP-SSO-1";
    reuse_and_exclusive_exclude_each_other: "OPT-7";
    option_protocol_info: "OPT-1";
    unknown_control_codes: "WSP-IOCTL-3";
    short_control_buffers: "WSP-IOCTL-4";
    readable_bytes: "WSP-IOCTL-6";
    base_handle: "IO-3";
    unknown_extension_function: "IO-5";
    socket_arguments: "WSP-SOCK-1" "WSP-SOCK-7";
    names_of_sockets: "WSP-GSN-1" "WSP-GSN-2" "WSP-GPN-1";
    bind_rules: "WSP-BIND-1" "WSP-BIND-2" "WSP-BIND-4" "WSP-BIND-3";
    address_to_text: "WSP-A2S-1" "WSP-A2S-3" "WSP-A2S-5";
    text_to_address: "WSP-S2A-1" "WSP-S2A-2" "WSP-S2A-3";
    no_blocking_call_to_cancel: "WSP-CBC-2";
    unknown_quality_of_service: "WSP-QOS-1";
}

fn any(probe: &Probe, body: impl Fn(&On) -> Step) -> Step {
    for entry in &probe.subject.entries {
        probe.on(entry, &body)?;
    }
    Ok(())
}

fn null_pointers_are_refused(probe: Probe) -> Step {
    any(&probe, |on| {
        let s = on.new_socket()?;
        // An unconnected stream may be refused for that first.
        let codes = [WsaError::WSAEFAULT, WsaError::WSAENOTCONN, WsaError::WSAEINVAL];
        on.null_pointers(s).iter().for_each(|reply| reply.fails_if_offered("LC-ERR-9", &codes));
        on.close(s).must("WSP-CLOSE-1")
    })
}

fn short_options_are_refused(probe: Probe) -> Step {
    any(&probe, |on| {
        let s = on.new_socket()?;
        for room in [-1, 0, 1] {
            on.option(s, SOL_SOCKET, SO_TYPE, room).fails("WSP-GSO-1", &[WsaError::WSAEFAULT]);
        }
        on.set_option(s, SOL_SOCKET, SO_KEEPALIVE, &[1])
            .fails_if_offered("WSP-SSO-1", &[WsaError::WSAEFAULT, WsaError::WSAENOPROTOOPT]);
        on.close(s).must("WSP-CLOSE-1")
    })
}

fn short_names_are_refused(probe: Probe) -> Step {
    for kind in [Kind::Stream, Kind::Datagram] {
        if probe.of(kind).is_err() {
            continue;
        }
        probe.each(kind, |on| {
            let (s, _) = on.bound()?;
            for room in [-1, 0, 4] {
                on.sock_name_in(s, room).fails("WSP-GSN-1", &[WsaError::WSAEFAULT]);
            }
            on.close(s).must("WSP-CLOSE-1")
        })?;
    }
    Ok(())
}

fn option_type_and_state(probe: Probe) -> Step {
    any(&probe, |on| {
        let s = on.new_socket()?;
        let kind = on.int_option(s, SOL_SOCKET, SO_TYPE).must("OPT-1")?;
        verify(kind == on.entry.socket_type, "OPT-1", "WSPGetSockOpt(SO_TYPE)", kind, on.entry.socket_type);
        on.close(s).must("WSP-CLOSE-1")
    })?;
    let Ok(_) = probe.of(Kind::Stream) else { return Ok(()) };
    probe.each(Kind::Stream, |on| {
        let (s, _) = on.bound()?;
        let before = on.int_option(s, SOL_SOCKET, SO_ACCEPTCONN).must("OPT-1")?;
        on.listen(s, 5).must("WSP-LISTEN-1")?;
        let after = on.int_option(s, SOL_SOCKET, SO_ACCEPTCONN).must("OPT-1")?;
        verify(
            before == 0 && after != 0,
            "OPT-1",
            "WSPGetSockOpt(SO_ACCEPTCONN), before and after WSPListen",
            format!("{before}, {after}"),
            "FALSE until listen, then TRUE",
        );
        on.close(s).must("WSP-CLOSE-1")
    })
}

fn option_defaults(probe: Probe) -> Step {
    any(&probe, |on| {
        let s = on.new_socket()?;
        for (option, name, default) in [
            (SO_KEEPALIVE, "SO_KEEPALIVE", 0),
            (SO_BROADCAST, "SO_BROADCAST", 0),
            (SO_OOBINLINE, "SO_OOBINLINE", 0),
            (SO_REUSEADDR, "SO_REUSEADDR", 0),
            (SO_DEBUG, "SO_DEBUG", 0),
            (SO_DONTROUTE, "SO_DONTROUTE", 0),
            (SO_DONTLINGER, "SO_DONTLINGER", 1),
        ] {
            // What a protocol does not have is WSAENOPROTOOPT.
            if let Ok(value) = on.int_option(s, SOL_SOCKET, option).result {
                verify(
                    (value != 0) == (default != 0),
                    "OPT-3",
                    format!("WSPGetSockOpt({name}) of a new socket"),
                    value,
                    format!("{default}, the default"),
                );
            }
        }
        on.close(s).must("WSP-CLOSE-1")
    })
}

fn option_error_is_read_once(probe: Probe) -> Step {
    any(&probe, |on| {
        let s = on.new_socket()?;
        let first = on.int_option(s, SOL_SOCKET, SO_ERROR).must("OPT-1")?;
        verify(first == 0, "OPT-5", "WSPGetSockOpt(SO_ERROR) of a new socket", first, "0");
        on.close(s).must("WSP-CLOSE-1")
    })?;
    let Ok(_) = probe.of(Kind::Stream) else { return Ok(()) };
    probe.each(Kind::Stream, |on| {
        // Nobody listens there any more.
        let (gone, name) = on.bound()?;
        on.close(gone).must("WSP-CLOSE-1")?;
        let s = on.new_socket()?;
        on.set_nonblocking(s, true).must("MODE-2")?;
        if !matches!(on.connect(s, &name).result, Err(WsaError::WSAEWOULDBLOCK)) {
            // Refused at once: the call has told.
            return on.close(s).must("WSP-CLOSE-1");
        }
        let time = TIMEVAL { tv_sec: 15, tv_usec: 0 };
        on.select([None, Some(&[s]), Some(&[s])], Some(time)).must("WSP-SELECT-6")?;
        let first = on.int_option(s, SOL_SOCKET, SO_ERROR).must("OPT-1")?;
        let second = on.int_option(s, SOL_SOCKET, SO_ERROR).must("OPT-1")?;
        let codes = (WsaError::from_code(first), second);
        verify(
            codes == (WsaError::WSAECONNREFUSED, 0),
            "OPT-5",
            "WSPGetSockOpt(SO_ERROR), twice, after a refused connect",
            format!("{} and {}", codes.0, codes.1),
            "WSAECONNREFUSED, and then 0: reading it clears it",
        );
        on.close(s).must("WSP-CLOSE-1")
    })
}

fn options_that_cannot_be_set(probe: Probe) -> Step {
    any(&probe, |on| {
        let s = on.new_socket()?;
        for option in [SO_TYPE, SO_ERROR, SO_ACCEPTCONN, SO_MAX_MSG_SIZE] {
            on.set_option(s, SOL_SOCKET, option, &1i32.to_ne_bytes())
                .fails("OPT-6", &[WsaError::WSAENOPROTOOPT, WsaError::WSAEINVAL]);
        }
        on.close(s).must("WSP-CLOSE-1")
    })
}

fn unknown_options(probe: Probe) -> Step {
    any(&probe, |on| {
        let s = on.new_socket()?;
        on.option(s, SOL_SOCKET, 0x7123, 64).fails("WSP-GSO-1", &[WsaError::WSAENOPROTOOPT]);
        on.option(s, 0x7123, 1, 64).fails("WSP-GSO-1", &[WsaError::WSAEINVAL, WsaError::WSAENOPROTOOPT]);
        on.set_option(s, SOL_SOCKET, 0x7123, &1i32.to_ne_bytes()).fails("WSP-SSO-1", &[WsaError::WSAENOPROTOOPT]);
        on.set_option(s, 0x7123, 1, &1i32.to_ne_bytes())
            .fails("WSP-SSO-1", &[WsaError::WSAEINVAL, WsaError::WSAENOPROTOOPT]);
        on.close(s).must("WSP-CLOSE-1")
    })
}

fn reuse_and_exclusive_exclude_each_other(probe: Probe) -> Step {
    let entry = probe.entry().clone();
    probe.on(&entry, |on| {
        for pair in [[SO_REUSEADDR, SO_EXCLUSIVEADDRUSE], [SO_EXCLUSIVEADDRUSE, SO_REUSEADDR]] {
            let s = on.new_socket()?;
            on.set_option(s, SOL_SOCKET, pair[0], &1i32.to_ne_bytes()).prepares()?;
            on.set_option(s, SOL_SOCKET, pair[1], &1i32.to_ne_bytes())
                .fails("OPT-7", &[WsaError::WSAEINVAL, WsaError::WSAENOPROTOOPT]);
            on.close(s).must("WSP-CLOSE-1")?;
        }
        Ok(())
    })
}

fn option_protocol_info(probe: Probe) -> Step {
    any(&probe, |on| {
        let s = on.new_socket()?;
        let info = on.option(s, SOL_SOCKET, SO_PROTOCOL_INFOW, 1024).must("OPT-1")?;
        let at = std::mem::offset_of!(WSAPROTOCOL_INFOW, dwCatalogEntryId);
        let id = info.get(at..at + 4).map_or(0, |bytes| u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]));
        verify(
            (info.len(), id) == (size_of::<WSAPROTOCOL_INFOW>(), on.entry.id),
            "OPT-1",
            "WSPGetSockOpt(SO_PROTOCOL_INFOW)",
            format!("{} bytes, catalog entry {id}", info.len()),
            format!("{} bytes, catalog entry {}", size_of::<WSAPROTOCOL_INFOW>(), on.entry.id),
        );
        on.close(s).must("WSP-CLOSE-1")
    })
}

fn unknown_control_codes(probe: Probe) -> Step {
    any(&probe, |on| {
        let s = on.new_socket()?;
        for code in [0xC800_7123, 0x4004_7123, 0xD800_7123] {
            on.ioctl(s, code, &[0; 16], 16).fails("WSP-IOCTL-3", &[WsaError::WSAEINVAL, WsaError::WSAEOPNOTSUPP]);
        }
        on.close(s).must("WSP-CLOSE-1")
    })
}

fn short_control_buffers(probe: Probe) -> Step {
    any(&probe, |on| {
        let s = on.new_socket()?;
        on.ioctl(s, FIONBIO, &[1], 0).fails("WSP-IOCTL-4", &[WsaError::WSAEFAULT]);
        on.ioctl(s, FIONREAD, &[], 2)
            .fails("WSP-IOCTL-4", &[WsaError::WSAEFAULT, WsaError::WSAEINVAL, WsaError::WSAENOTCONN]);
        on.close(s).must("WSP-CLOSE-1")
    })
}

fn readable_bytes(probe: Probe) -> Step {
    let count = |on: &On, s: SOCKET| -> Step<u32> {
        let bytes = on.ioctl(s, FIONREAD, &[], 4).must("WSP-IOCTL-6")?;
        Ok(bytes.try_into().map_or(u32::MAX, u32::from_ne_bytes))
    };
    if probe.of(Kind::Stream).is_ok() {
        probe.each(Kind::Stream, |on| {
            let (here, there) = on.pair()?;
            on.send(here, b"seven..").must("WSP-SEND-1")?;
            on.await_readable(there)?;
            let bytes = count(on, there)?;
            verify(bytes == 7, "WSP-IOCTL-6", "WSPIoctl(FIONREAD), 7 bytes have come", bytes, 7);
            on.close_all([here, there])
        })?;
    }
    if probe.of(Kind::Datagram).is_ok() {
        probe.each(Kind::Datagram, |on| {
            let (a, name) = on.bound()?;
            let (b, _) = on.bound()?;
            on.send_to(b, b"four", &name).must("WSP-STO-1")?;
            on.send_to(b, b"three", &name).must("WSP-STO-1")?;
            on.await_readable(a)?;
            crate::system::within(crate::system::PATIENCE, || count(on, a).is_ok_and(|bytes| bytes == 9));
            let bytes = count(on, a)?;
            verify(
                bytes == 9,
                "WSP-IOCTL-6",
                "WSPIoctl(FIONREAD), datagrams of 4 and 5 bytes have come",
                bytes,
                "9, the total that is queued",
            );
            on.close_all([a, b])
        })?;
    }
    Ok(())
}

fn base_handle(probe: Probe) -> Step {
    any(&probe, |on| {
        let s = on.new_socket()?;
        let reply = on.ioctl(s, SIO_BASE_HANDLE, &[], size_of::<SOCKET>());
        match reply.result {
            Ok(bytes) => {
                let base = bytes.as_slice().try_into().map_or(INVALID_SOCKET, SOCKET::from_ne_bytes);
                // A layer hands the question on: the answer is the socket of the base.
                let is_right = base == s || on.entry.is_chain() && base != INVALID_SOCKET;
                let wanted = format!("{s}: a base provider's socket is its own base");
                verify(is_right, "IO-3", reply.call, base, wanted);
                on.ioctl(s, SIO_BASE_HANDLE, &[], 2).fails("IO-3", &[WsaError::WSAEFAULT]);
            }
            // The runtime answers it, whatever a provider says.
            Err(_) => reply.fails("IO-3", &[WsaError::WSAEINVAL, WsaError::WSAEOPNOTSUPP]),
        }
        on.close(s).must("WSP-CLOSE-1")
    })
}

fn unknown_extension_function(probe: Probe) -> Step {
    any(&probe, |on| {
        let s = on.new_socket()?;
        on.ioctl(s, SIO_GET_EXTENSION_FUNCTION_POINTER, &[0x5A; 16], 8)
            .fails("IO-5", &[WsaError::WSAEINVAL, WsaError::WSAEOPNOTSUPP]);
        on.close(s).must("WSP-CLOSE-1")
    })
}

fn socket_arguments(probe: Probe) -> Step {
    any(&probe, |on| {
        let entry = &on.entry;
        let own = [entry.address_family, entry.socket_type, entry.protocol];
        for arguments in [
            own,
            [0, 0, entry.protocol],
            [FROM_PROTOCOL_INFO; 3],
            [entry.address_family, entry.socket_type, FROM_PROTOCOL_INFO],
        ] {
            let s = on.socket_with(arguments, &on.info, 0, WSA_FLAG_OVERLAPPED).must("WSP-SOCK-1")?;
            let kind = on.int_option(s, SOL_SOCKET, SO_TYPE).must("OPT-1")?;
            verify(
                kind == entry.socket_type,
                "WSP-SOCK-1",
                format!("WSPSocket({arguments:?}, entry {})", entry.id),
                format!("a socket of type {kind}"),
                format!("type {}, as the entry says", entry.socket_type),
            );
            on.close(s).must("WSP-CLOSE-1")?;
        }
        let s = on.socket_with(own, &on.info, 0, 0).must("WSP-SOCK-2")?;
        on.close(s).must("WSP-CLOSE-1")
    })
}

fn names_of_sockets(probe: Probe) -> Step {
    for kind in [Kind::Stream, Kind::Datagram] {
        if probe.of(kind).is_err() {
            continue;
        }
        probe.each(kind, |on| {
            let s = on.new_socket()?;
            on.sock_name(s).fails("WSP-GSN-2", &[WsaError::WSAEINVAL]);
            on.peer_name(s).fails("WSP-GPN-1", &[WsaError::WSAENOTCONN]);
            on.bind(s, &wildcard(on.family()).unwrap_or_default()).must("WSP-BIND-3")?;
            let name = on.sock_name(s).must("WSP-GSN-2")?;
            verify(
                port(&name) != 0,
                "WSP-BIND-3",
                "WSPGetSockName() after WSPBind to port 0",
                "port 0",
                "the port that the provider has picked",
            );
            on.close(s).must("WSP-CLOSE-1")
        })?;
    }
    if probe.of(Kind::Stream).is_err() {
        return Ok(());
    }
    probe.each(Kind::Stream, |on| {
        let (here, there) = on.pair()?;
        let names = [on.sock_name(here), on.peer_name(there), on.peer_name(here), on.sock_name(there)]
            .map(|reply| reply.must("WSP-GPN-1"));
        let [a, b, c, d] = names;
        let (a, b, c, d) = (a?, b?, c?, d?);
        verify(
            a == b && c == d,
            "WSP-GPN-1",
            "WSPGetSockName() and WSPGetPeerName() at both ends",
            format!("{a:?} {b:?} {c:?} {d:?}"),
            "each end's name is the peer name of the other",
        );
        on.close_all([here, there])
    })
}

fn bind_rules(probe: Probe) -> Step {
    for kind in [Kind::Stream, Kind::Datagram] {
        if probe.of(kind).is_err() {
            continue;
        }
        probe.each(kind, |on| {
            let s = on.new_socket()?;
            let mut alien = on.at(0);
            alien[..2].copy_from_slice(&77u16.to_ne_bytes());
            on.bind(s, &alien).fails("WSP-BIND-1", &[WsaError::WSAEFAULT, WsaError::WSAEAFNOSUPPORT]);
            on.bind(s, &on.at(0)).must("WSP-BIND-3")?;
            on.bind(s, &on.at(0)).fails("WSP-BIND-2", &[WsaError::WSAEINVAL]);
            let name = on.sock_name(s).must("WSP-GSN-1")?;
            let other = on.new_socket()?;
            if kind == Kind::Stream {
                on.listen(s, 5).must("WSP-LISTEN-1")?;
            }
            on.bind(other, &name).fails("WSP-BIND-4", &[WsaError::WSAEADDRINUSE]);
            on.close_all([s, other])
        })?;
    }
    Ok(())
}

fn text_of(on: &On) -> (&'static str, &'static str, Vec<u8>) {
    let name = on.at(80);
    if on.family() == AF_INET { ("127.0.0.1:80", "127.0.0.1", name) } else { ("[::1]:80", "::1", name) }
}

fn with_addresses(probe: &Probe, body: impl Fn(&On) -> Step) -> Step {
    let streams = probe.of(Kind::Stream).or_else(|_| probe.of(Kind::Datagram))?;
    streams.into_iter().try_for_each(|entry| probe.on(entry, &body))
}

fn address_to_text(probe: Probe) -> Step {
    with_addresses(&probe, |on| {
        let (text, bare, name) = text_of(on);
        let (reply, count) = on.address_to_string(&name, &on.info, 128);
        let call = reply.call.clone();
        let got = reply.must("WSP-A2S-1")?;
        verify(got == text, "WSP-A2S-5", &call, &got, text);
        let needed = text.len() as u32 + 1;
        verify(
            count == needed,
            "WSP-A2S-3",
            &call,
            format!("a count of {count}"),
            format!("{needed} characters, the NUL among them"),
        );
        for room in [0, needed - 1] {
            let (reply, count) = on.address_to_string(&name, &on.info, room);
            reply.fails("WSP-A2S-3", &[WsaError::WSAEFAULT]);
            verify(
                count == needed,
                "WSP-A2S-3",
                reply.call,
                format!("a count of {count}"),
                format!("{needed}, the required count"),
            );
        }
        on.address_to_string(&name, &on.info, needed).0.must("WSP-A2S-3")?;
        let (reply, _) = on.address_to_string(&on.at(0), &on.info, 128);
        let got = reply.must("WSP-A2S-1")?;
        verify(got == bare, "WSP-A2S-5", "WSPAddressToString() of port 0", got, bare);
        let mut alien = name;
        alien[..2].copy_from_slice(&77u16.to_ne_bytes());
        on.address_to_string(&alien, &on.info, 128).0.fails("WSP-A2S-4", &[WsaError::WSAEINVAL]);
        Ok(())
    })
}

fn text_to_address(probe: Probe) -> Step {
    with_addresses(&probe, |on| {
        let (text, bare, name) = text_of(on);
        for family in [on.family(), AF_UNSPEC] {
            let (reply, _) = on.string_to_address(text, family, &on.info, 128);
            let call = reply.call.clone();
            let got = reply.must("WSP-S2A-3")?;
            verify(got == name, "WSP-S2A-1", call, format!("{got:?}"), format!("{name:?}"));
        }
        let got = on.string_to_address(bare, on.family(), &on.info, 128).0.must("WSP-S2A-1")?;
        verify(
            port(&got) == 0,
            "WSP-S2A-1",
            format!("WSPStringToAddress({bare:?})"),
            format!("port {}", port(&got)),
            "port 0: missing parts have their defaults",
        );
        let (reply, length) = on.string_to_address(text, on.family(), &on.info, 4);
        reply.fails("WSP-S2A-2", &[WsaError::WSAEFAULT]);
        verify(
            length as usize == name.len(),
            "WSP-S2A-2",
            reply.call,
            format!("a length of {length}"),
            format!("{}, the required size", name.len()),
        );
        for wrong in ["", "no address", "1.2.3.4.5", "::1::2", "127.0.0.1:99999"] {
            on.string_to_address(wrong, on.family(), &on.info, 128).0.fails("WSP-S2A-3", &[WsaError::WSAEINVAL]);
        }
        on.string_to_address(text, 77, &on.info, 128).0.fails("WSP-S2A-3", &[WsaError::WSAEINVAL]);
        Ok(())
    })
}

fn no_blocking_call_to_cancel(probe: Probe) -> Step {
    let entry = probe.entry().clone();
    probe.on(&entry, |on| {
        let reply = on.cancel_blocking_call();
        if matches!(reply.result, Err(WsaError::WSAEOPNOTSUPP)) {
            return skip("WSPCancelBlockingCall is not offered (WSAEOPNOTSUPP)");
        }
        reply.fails("WSP-CBC-2", &[WsaError::WSAEINVAL]);
        Ok(())
    })
}

fn unknown_quality_of_service(probe: Probe) -> Step {
    let entry = probe.entry().clone();
    probe.on(&entry, |on| {
        let s = on.new_socket()?;
        let reply = on.qos_by_name(s);
        if reply.result.is_ok() {
            fail("WSP-QOS-1", &reply.call, "TRUE", "WSAEINVAL, or WSAEOPNOTSUPP without such service");
        }
        reply.fails_if_offered("WSP-QOS-1", &[WsaError::WSAEINVAL]);
        on.close(s).must("WSP-CLOSE-1")
    })
}
