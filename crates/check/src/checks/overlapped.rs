//! Overlapped operations: started once, told once.

use windlass_abi::*;
use windlass_io::wait::sleep_ex;

use super::checks;
use crate::client::{Operation, buffer, told};
use crate::findings::{Step, Stop, fail, fatal, skip, verify};
use crate::host;
use crate::probe::{Event, On, Probe, alertably_until};
use crate::subject::Kind;
use crate::system::{A_WHILE, PATIENCE, within};

checks! {
    overlapped_attribute: "MODE-6";
    completes_by_event_at_once: "OV-5" "OV-4";
    completes_by_event_later: "OV-6" "OV-8" "OV-4";
    completes_by_routine: "OV-4" "OV-13" "OV-14";
    completes_without_indication: "OV-4" "WSP-GOR-1" "OV-17";
    results_of_operations: "WSP-GOR-1" "WSP-GOR-5" "WSP-GOR-2";
    not_started_is_not_told: "OV-7";
    buffer_array_is_transient: "OV-10";
    pending_leaves_the_counts: "OV-9";
    receives_fill_in_order: "OV-12";
    each_operation_completes_once: "OV-6" "WPU-COR-7";
    datagrams_overlapped: "OV-6" "OV-9" "WSP-RFROM-1";
    overlapped_sends: "OV-5" "OV-12";
}

fn room<const N: usize>() -> &'static mut [u8; N] {
    // Never freed: a provider at fault may write to it at any time.
    Box::leak(Box::new([0u8; N]))
}

/// Starts a receive: whether it pends.
fn receive(on: &On, s: SOCKET, into: &mut [WSABUF], operation: &Operation, with_routine: bool) -> Step<bool> {
    let how = if with_routine { operation.with_routine() } else { operation.how() };
    let reply = on.recv_parts(s, into, 0, how);
    match reply.result {
        Ok(_) => Ok(false),
        Err(WsaError::WSA_IO_PENDING) => Ok(true),
        Err(WsaError::WSAEOPNOTSUPP) => skip(format!("{} is not offered (WSAEOPNOTSUPP)", reply.call)),
        Err(error) => fatal("OV-6", reply.call, error, "success or WSA_IO_PENDING"),
    }
}

fn result(on: &On, s: SOCKET, operation: &Operation, bytes: u32) -> Step {
    within(PATIENCE, || !operation.is_pending());
    let reply = on.overlapped_result(s, operation.at());
    let call = reply.call.clone();
    let (got, _) = reply.must("WSP-GOR-1")?;
    verify(got == bytes, "WSP-GOR-1", call, format!("{got} bytes"), format!("{bytes} bytes"));
    Ok(())
}

fn overlapped_attribute(probe: Probe) -> Step {
    for entry in &probe.subject.entries {
        probe.on(entry, |on| {
            let s = on.socket_with([FROM_PROTOCOL_INFO; 3], &on.info, 0, WSA_FLAG_OVERLAPPED).must("MODE-6")?;
            on.close(s).must("WSP-CLOSE-1")
        })?;
    }
    Ok(())
}

fn completes_by_event_at_once(probe: Probe) -> Step {
    probe.each(Kind::Stream, |on| {
        let (here, there) = on.pair()?;
        on.send(here, b"ready").must("WSP-SEND-1")?;
        on.await_readable(there)?;
        let event = Event::new()?;
        let (operation, into) = (Operation::new(event.handle()), room::<16>());
        let pends = receive(on, there, &mut [buffer(into)], &operation, false)?;
        if !pends {
            verify(
                event.is_set(),
                "OV-5",
                "WSPRecv() = 0",
                "the event is not set",
                "0 says that the indication has happened",
            );
            verify(!operation.is_pending(), "OV-5", "WSPRecv() = 0", "Internal says that it goes on", "it is over");
        } else if !event.comes() {
            return fatal(
                "OV-6",
                "WSPRecv() = WSA_IO_PENDING, with data there",
                "the event is not set",
                "the event is set when it is over",
            );
        }
        result(on, there, &operation, 5)?;
        verify(&into[..5] == b"ready", "WSP-RECV-1", "WSPRecv()", format!("{into:?}"), "the data");
        on.close_all([here, there])
    })
}

fn completes_by_event_later(probe: Probe) -> Step {
    probe.each(Kind::Stream, |on| {
        let (here, there) = on.pair()?;
        let event = Event::new()?;
        event.set();
        let (operation, into) = (Operation::new(event.handle()), room::<16>());
        if !receive(on, there, &mut [buffer(into)], &operation, false)? {
            return fatal("OV-6", "WSPRecv(), nothing has come", "success", WsaError::WSA_IO_PENDING);
        }
        verify(
            !event.is_set(),
            "OV-8",
            "WSPRecv() = WSA_IO_PENDING",
            "the event is set, as before the call",
            "hEvent is reset before the call returns",
        );
        verify(
            operation.is_pending(),
            "OV-17",
            "WSPRecv() = WSA_IO_PENDING",
            "Internal does not say so",
            "Internal is WSS_OPERATION_IN_PROGRESS",
        );
        let early = on.overlapped_result(there, operation.at());
        early.fails("WSP-GOR-1", &[WsaError::WSA_IO_INCOMPLETE]);
        on.send(here, b"later").must("WSP-SEND-1")?;
        if !event.comes() {
            return fatal(
                "OV-6",
                "WSPRecv() = WSA_IO_PENDING, and then data",
                "the event is not set",
                "exactly one indication",
            );
        }
        result(on, there, &operation, 5)?;
        verify(&into[..5] == b"later", "WSP-RECV-1", "WSPRecv()", format!("{into:?}"), "the data");
        event.reset();
        std::thread::sleep(A_WHILE);
        verify(
            !event.is_set(),
            "OV-6",
            "WSPRecv() = WSA_IO_PENDING, and then data",
            "the event was set twice",
            "exactly one indication",
        );
        on.close_all([here, there])
    })
}

fn completes_by_routine(probe: Probe) -> Step {
    probe.each(Kind::Stream, |on| {
        let (here, there) = on.pair()?;
        for early in [true, false] {
            // With a routine hEvent is the client's own.
            let event = Event::new()?;
            let (operation, into) = (Operation::new(event.handle()), room::<16>());
            if early {
                on.send(here, b"data").must("WSP-SEND-1")?;
                on.await_readable(there)?;
            }
            receive(on, there, &mut [buffer(into)], &operation, true)?;
            if !early {
                on.send(here, b"data").must("WSP-SEND-1")?;
            }
            within(PATIENCE, || !operation.is_pending());
            if !told(&operation).is_empty() {
                fail(
                    "OV-13",
                    "WSPRecv() with a routine",
                    "the routine ran outside of an alertable wait",
                    "it runs in an alertable wait of the thread of the call",
                );
            }
            if !alertably_until(PATIENCE, || !told(&operation).is_empty()) {
                return fatal(
                    "OV-4",
                    "WSPRecv() with a routine, data has come",
                    "the routine does not run",
                    "it is queued when the operation is over",
                );
            }
            sleep_ex(Some(A_WHILE), true);
            let told = told(&operation);
            verify(
                told == [(WsaError::Other(0), 4)],
                "OV-6",
                "WSPRecv() with a routine, 4 bytes have come",
                format!("the routine was told {told:?}"),
                "one call with no error and 4 bytes",
            );
            verify(!event.is_set(), "OV-4", "WSPRecv() with a routine", "hEvent is set", "hEvent is ignored");
        }
        on.close_all([here, there])
    })
}

fn completes_without_indication(probe: Probe) -> Step {
    probe.each(Kind::Stream, |on| {
        let (here, there) = on.pair()?;
        let (operation, into) = (Operation::new(std::ptr::null_mut()), room::<16>());
        receive(on, there, &mut [buffer(into)], &operation, false)?;
        let before = host::apcs();
        on.send(here, b"poll").must("WSP-SEND-1")?;
        if !within(PATIENCE, || !operation.is_pending()) {
            return fatal(
                "OV-17",
                "WSPRecv() without event and routine, data has come",
                "Internal says that it goes on",
                "the status is stored",
            );
        }
        result(on, there, &operation, 4)?;
        verify(
            host::apcs() == before,
            "OV-4",
            "WSPRecv() without a routine",
            "WPUQueueApc",
            "no indication but the status",
        );
        on.close_all([here, there])
    })
}

fn results_of_operations(probe: Probe) -> Step {
    probe.each(Kind::Stream, |on| {
        let (here, there) = on.pair()?;
        let (operation, into) = (Operation::new(std::ptr::null_mut()), room::<16>());
        receive(on, there, &mut [buffer(into)], &operation, false)?;
        on.send(here, b"abc").must("WSP-SEND-1")?;
        for _ in 0..3 {
            result(on, there, &operation, 3)?;
        }
        on.overlapped_result(there, std::ptr::null_mut())
            .fails("WSP-GOR-6", &[WsaError::WSAEFAULT, WsaError::WSAEINVAL, WsaError::WSA_INVALID_PARAMETER]);
        on.close_all([here, there])
    })
}

fn not_started_is_not_told(probe: Probe) -> Step {
    probe.each(Kind::Stream, |on| {
        let s = on.new_socket()?;
        let event = Event::new()?;
        let (operation, into) = (Operation::new(event.handle()), room::<16>());
        let reply = on.recv_parts(s, &mut [buffer(into)], 0, operation.how());
        reply.fails_if_offered("OV-7", &[WsaError::WSAENOTCONN]);
        let routine = Operation::new(std::ptr::null_mut());
        let reply = on.recv_parts(s, &mut [buffer(into)], 0, routine.with_routine());
        reply.fails_if_offered("OV-7", &[WsaError::WSAENOTCONN]);
        sleep_ex(Some(A_WHILE), true);
        verify(!event.is_set(), "OV-7", "WSPRecv() that fails at once", "the event is set", "no indication, ever");
        verify(
            told(&routine).is_empty(),
            "OV-7",
            "WSPRecv() that fails at once",
            "the routine was run",
            "no indication, ever",
        );
        on.close(s).must("WSP-CLOSE-1")
    })
}

fn buffer_array_is_transient(probe: Probe) -> Step {
    probe.each(Kind::Stream, |on| {
        let (here, there) = on.pair()?;
        let (operation, first, second) = (Operation::new(std::ptr::null_mut()), room::<2>(), room::<6>());
        let mut array = [buffer(first), buffer(second)];
        receive(on, there, &mut array, &operation, false)?;
        // The array is the client's again.
        let junk = room::<64>();
        array.fill(buffer(junk));
        std::hint::black_box(&mut array);
        on.send(here, b"12345678").must("WSP-SEND-1")?;
        within(PATIENCE, || !operation.is_pending());
        let came = [&first[..], &second[..]].concat();
        verify(
            came == b"12345678" && junk.iter().all(|byte| *byte == 0),
            "OV-10",
            "WSPRecv() = WSA_IO_PENDING, and then the array of buffers is overwritten",
            format!("buffers {came:?}"),
            "the data is where the array said during the call",
        );
        on.close_all([here, there])
    })
}

fn pending_leaves_the_counts(probe: Probe) -> Step {
    probe.each(Kind::Datagram, |on| {
        let (s, name) = on.bound()?;
        let (operation, into) = (Operation::new(std::ptr::null_mut()), room::<16>());
        if !receive(on, s, &mut [buffer(into)], &operation, false)? {
            return fatal("OV-6", "WSPRecv(), nothing has come", "success", WsaError::WSA_IO_PENDING);
        }
        // The count and flags of that call are gone from the stack; the provider must not write to them any more.
        on.send_to(s, b"mine", &name).must("WSP-STO-1")?;
        within(PATIENCE, || !operation.is_pending());
        result(on, s, &operation, 4)?;
        on.close(s).must("WSP-CLOSE-1")
    })
}

fn receives_fill_in_order(probe: Probe) -> Step {
    probe.each(Kind::Stream, |on| {
        let (here, there) = on.pair()?;
        let made: Vec<_> = (0..8).map(|_| (Operation::new(std::ptr::null_mut()), room::<4>())).collect();
        let mut rooms = Vec::new();
        for (operation, into) in made {
            receive(on, there, &mut [buffer(into)], &operation, false)?;
            rooms.push((operation, into));
        }
        for at in 0..8u8 {
            on.send(here, &[b'a' + at; 4]).must("WSP-SEND-1")?;
            // One message for each receive.
            let operation = &rooms[at as usize].0;
            if !within(PATIENCE, || !operation.is_pending()) {
                return fatal(
                    "OV-12",
                    format!("WSPRecv(), number {at} of 8 that pend"),
                    "it goes on",
                    "receives are filled in issue order",
                );
            }
            verify(
                rooms[at as usize].1.iter().all(|byte| *byte == b'a' + at),
                "OV-12",
                format!("WSPRecv(), number {at} of 8 that pend"),
                format!("{:?}", rooms[at as usize].1),
                "buffers are filled in issue order",
            );
        }
        on.close_all([here, there])
    })
}

fn each_operation_completes_once(probe: Probe) -> Step {
    probe.each(Kind::Stream, |on| {
        let (here, there) = on.pair()?;
        let mut made = Vec::new();
        for _ in 0..32 {
            let (operation, into) = (Operation::new(std::ptr::null_mut()), room::<8>());
            let reply = on.recv_parts(there, &mut [buffer(into)], 0, operation.with_routine());
            match reply.result {
                Err(WsaError::WSA_IO_PENDING) | Ok(_) => made.push(operation),
                Err(WsaError::WSAEOPNOTSUPP) => {
                    return Err(Stop::Skip(format!("{} is not offered (WSAEOPNOTSUPP)", reply.call)));
                }
                Err(error) => return fatal("OV-6", reply.call, error, WsaError::WSA_IO_PENDING),
            }
        }
        // Some end with data, the rest with the close, which comes at the same time.
        on.send(here, &[1; 64]).must("WSP-SEND-1")?;
        on.close(there).must("WSP-CLOSE-2")?;
        alertably_until(PATIENCE, || made.iter().all(|operation| !told(operation).is_empty()));
        sleep_ex(Some(A_WHILE), true);
        let counts: Vec<_> = made.iter().map(|operation| told(operation).len()).collect();
        verify(
            counts.iter().all(|count| *count == 1),
            "OV-6",
            "32 WSPRecv() that pend, data, and a close",
            format!("the routines were run {counts:?} times"),
            "each exactly once",
        );
        on.close(here).must("WSP-CLOSE-1")
    })
}

fn datagrams_overlapped(probe: Probe) -> Step {
    probe.each(Kind::Datagram, |on| {
        let (s, name) = on.bound()?;
        let event = Event::new()?;
        let (operation, into) = (Operation::new(event.handle()), room::<32>());
        receive(on, s, &mut [buffer(into)], &operation, false)?;
        on.send_to(s, b"datagram", &name).must("WSP-STO-1")?;
        if !event.comes() {
            return fatal(
                "OV-6",
                "WSPRecv() that pends, and a datagram",
                "the event is not set",
                "exactly one indication",
            );
        }
        result(on, s, &operation, 8)?;
        on.close(s).must("WSP-CLOSE-1")
    })
}

fn overlapped_sends(probe: Probe) -> Step {
    probe.each(Kind::Stream, |on| {
        let (here, there) = on.pair()?;
        for at in 0..8u8 {
            let event = Event::new()?;
            let (operation, from) = (Operation::new(event.handle()), room::<100>());
            from.fill(at);
            let reply = on.send_parts(here, &mut [buffer(from)], 0, operation.how());
            match reply.result {
                Ok(_) => verify(
                    event.is_set(),
                    "OV-5",
                    reply.call,
                    "0, and the event is not set",
                    "0 says that the indication has happened",
                ),
                Err(WsaError::WSA_IO_PENDING) => verify(
                    event.comes(),
                    "OV-6",
                    reply.call,
                    "WSA_IO_PENDING, and the event is not set",
                    "the event is set",
                ),
                Err(WsaError::WSAEOPNOTSUPP) => return skip(format!("{} is not offered (WSAEOPNOTSUPP)", reply.call)),
                Err(error) => return fatal("OV-6", reply.call, error, "success or WSA_IO_PENDING"),
            }
            result(on, here, &operation, 100)?;
        }
        let came = on.recv_exactly(there, 800)?;
        let is_right = came.chunks(100).enumerate().all(|(at, chunk)| chunk.iter().all(|byte| *byte == at as u8));
        verify(
            is_right,
            "OV-12",
            "8 overlapped WSPSend()",
            "other bytes, or another order",
            "sends leave in issue order",
        );
        on.close_all([here, there])
    })
}
