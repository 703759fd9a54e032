//! The last clean-up, and a close, while calls and operations are pending.

use windlass_abi::*;
use windlass_io::wait::sleep_ex;

use super::checks;
use crate::client::{Operation, Reply, buffer, told};
use crate::findings::{Step, Stop, fail, fatal, verify};
use crate::host;
use crate::probe::{Event, On, Probe, alertably_until, blocked, goes_on};
use crate::subject::Kind;
use crate::system::{A_WHILE, PATIENCE, within};

checks! {
    clean_up_ends_receives: "WSP-CLEANUP-6" "WSP-CLEANUP-7";
    clean_up_ends_accepts: "WSP-CLEANUP-6" "WSP-CLEANUP-7";
    clean_up_ends_selects: "WSP-CLEANUP-6" "WSP-CLEANUP-7";
    clean_up_ends_datagram_receives: "WSP-CLEANUP-6" "WSP-CLEANUP-7";
    clean_up_aborts_operations_silently: "WSP-CLEANUP-8" "WSP-CLEANUP-9";
    clean_up_runs_no_routine: "WSP-CLEANUP-8" "WSP-CLEANUP-9";
    close_ends_receives: "WSP-CLOSE-2" "WSP-CLOSE-3";
    close_ends_accepts: "WSP-CLOSE-2" "WSP-CLOSE-3";
    close_tells_operations_by_event: "WSP-CLOSE-2" "WSP-CLEANUP-12";
    close_tells_operations_by_routine: "WSP-CLOSE-2" "WSP-CLEANUP-12";
}

type Call = Box<dyn FnOnce() -> Reply<()> + Send>;

/// A call that blocks is under way; the last clean-up ends it.
fn ended_by_clean_up(probe: &Probe, kind: Kind, call: impl Fn(&On) -> Step<(String, Call)>) -> Step {
    for entry in probe.of(kind)? {
        let on = On { provider: probe.start(entry)?, entry: entry.clone(), info: entry.info() };
        let (what, call) = call(&on)?;
        let waiting = blocked(&what, call)?;
        goes_on(&waiting, "MODE-1")?;
        on.clean_up().must("WSP-CLEANUP-1")?;
        let reply = waiting.ends("WSP-CLEANUP-6", "pending blocking calls of any thread are cancelled")?;
        reply.fails("WSP-CLEANUP-7", &[WsaError::WSAEINTR]);
    }
    Ok(())
}

fn unit<T>(reply: Reply<T>) -> Reply<()> {
    Reply { call: reply.call, result: reply.result.map(drop) }
}

fn clean_up_ends_receives(probe: Probe) -> Step {
    ended_by_clean_up(&probe, Kind::Stream, |on| {
        let (provider, (_, s)) = (on.provider, on.pair()?);
        Ok((format!("WSPRecv({s})"), Box::new(move || unit(provider.recv(s, 16)))))
    })
}

fn clean_up_ends_accepts(probe: Probe) -> Step {
    ended_by_clean_up(&probe, Kind::Stream, |on| {
        let (provider, (s, _)) = (on.provider, on.listener()?);
        Ok((format!("WSPAccept({s})"), Box::new(move || unit(provider.accept(s)))))
    })
}

fn clean_up_ends_selects(probe: Probe) -> Step {
    ended_by_clean_up(&probe, Kind::Stream, |on| {
        let (provider, (s, _)) = (on.provider, on.listener()?);
        Ok((
            format!("WSPSelect(read [{s}], no time limit)"),
            Box::new(move || unit(provider.select([Some(&[s]), None, None], None))),
        ))
    })
}

fn clean_up_ends_datagram_receives(probe: Probe) -> Step {
    ended_by_clean_up(&probe, Kind::Datagram, |on| {
        let (provider, (s, _)) = (on.provider, on.bound()?);
        Ok((format!("WSPRecvFrom({s})"), Box::new(move || unit(provider.recv_from(s, 16, 128)))))
    })
}

/// A receive that pends on a connected stream.
fn pending_receive(on: &On, operation: &Operation, with_routine: bool) -> Step<(SOCKET, SOCKET)> {
    let (here, there) = on.pair()?;
    let how = if with_routine { operation.with_routine() } else { operation.how() };
    let room = Box::leak(Box::new([0u8; 64]));
    let reply = on.recv_parts(there, &mut [buffer(room)], 0, how);
    match reply.result {
        Err(WsaError::WSA_IO_PENDING) => Ok((here, there)),
        Err(WsaError::WSAEOPNOTSUPP) => Err(Stop::Skip(format!("{} is not offered (WSAEOPNOTSUPP)", reply.call))),
        _ => fatal("OV-6", &reply.call, reply.came_back(), WsaError::WSA_IO_PENDING),
    }
}

fn clean_up_aborts_operations_silently(probe: Probe) -> Step {
    for entry in probe.of(Kind::Stream)? {
        for with_event in [true, false] {
            let on = On { provider: probe.start(entry)?, entry: entry.clone(), info: entry.info() };
            let event = Event::new()?;
            let operation = Operation::new(if with_event { event.handle() } else { std::ptr::null_mut() });
            pending_receive(&on, &operation, false)?;
            on.clean_up().must("WSP-CLEANUP-1")?;
            verify(
                !operation.is_pending(),
                "WSP-CLEANUP-9",
                "WSPCleanup(), while WSPRecv pends",
                "Internal says that the operation goes on",
                "Internal is not WSS_OPERATION_IN_PROGRESS when WSPCleanup returns",
            );
            let stored = operation.stored_error();
            verify(
                stored == WsaError::WSA_OPERATION_ABORTED,
                "WSP-CLEANUP-9",
                "WSPCleanup(), while WSPRecv pends",
                format!("OffsetHigh is {stored}"),
                WsaError::WSA_OPERATION_ABORTED,
            );
            std::thread::sleep(A_WHILE);
            verify(
                !event.is_set(),
                "WSP-CLEANUP-8",
                "WSPCleanup(), while WSPRecv pends",
                "the event is set",
                "the operation ends without setting hEvent",
            );
        }
    }
    Ok(())
}

fn clean_up_runs_no_routine(probe: Probe) -> Step {
    for entry in probe.of(Kind::Stream)? {
        let on = On { provider: probe.start(entry)?, entry: entry.clone(), info: entry.info() };
        let operation = Operation::new(std::ptr::null_mut());
        pending_receive(&on, &operation, true)?;
        on.clean_up().must("WSP-CLEANUP-1")?;
        verify(
            !operation.is_pending(),
            "WSP-CLEANUP-9",
            "WSPCleanup(), while WSPRecv pends",
            "Internal says that the operation goes on",
            "Internal is not WSS_OPERATION_IN_PROGRESS when WSPCleanup returns",
        );
        sleep_ex(Some(A_WHILE), true);
        verify(
            told(&operation).is_empty(),
            "WSP-CLEANUP-8",
            "WSPCleanup(), while WSPRecv pends, and an alertable wait",
            "the completion routine was run",
            "the operation ends without its routine",
        );
    }
    Ok(())
}

/// A call that blocks is under way; a close of its socket ends it.
fn ended_by_close(on: &On, s: SOCKET, what: String, call: Call) -> Step {
    let waiting = blocked(&what, call)?;
    goes_on(&waiting, "MODE-1")?;
    on.close(s).must("WSP-CLOSE-1")?;
    let reply = waiting.ends("WSP-CLOSE-2", "a close cancels the calls that block on the socket")?;
    reply.fails("WSP-CLOSE-3", &[WsaError::WSAEINTR, WsaError::WSAENOTSOCK]);
    Ok(())
}

fn close_ends_receives(probe: Probe) -> Step {
    probe.each(Kind::Stream, |on| {
        let (provider, (_, s)) = (on.provider, on.pair()?);
        ended_by_close(on, s, format!("WSPRecv({s})"), Box::new(move || unit(provider.recv(s, 16))))
    })
}

fn close_ends_accepts(probe: Probe) -> Step {
    probe.each(Kind::Stream, |on| {
        let (provider, (s, _)) = (on.provider, on.listener()?);
        ended_by_close(on, s, format!("WSPAccept({s})"), Box::new(move || unit(provider.accept(s))))
    })
}

fn close_tells_operations_by_event(probe: Probe) -> Step {
    probe.each(Kind::Stream, |on| {
        let event = Event::new()?;
        event.set();
        let operation = Operation::new(event.handle());
        let (_, there) = pending_receive(on, &operation, false)?;
        verify(
            !event.is_set(),
            "OV-8",
            "WSPRecv() = WSA_IO_PENDING",
            "the event is set, as before the call",
            "a pending operation resets its event",
        );
        on.close(there).must("WSP-CLOSE-1")?;
        if !event.comes() {
            return fatal(
                "WSP-CLOSE-2",
                format!("WSPCloseSocket({there}), while WSPRecv pends"),
                "the event is not set",
                "the operation completes, and its event is set",
            );
        }
        let stored = operation.stored_error();
        verify(
            stored == WsaError::WSA_OPERATION_ABORTED,
            "WSP-CLOSE-2",
            format!("WSPCloseSocket({there}), while WSPRecv pends"),
            format!("OffsetHigh is {stored}"),
            WsaError::WSA_OPERATION_ABORTED,
        );
        // Exactly once: nothing sets it again.
        event.reset();
        std::thread::sleep(A_WHILE);
        verify(
            !event.is_set(),
            "OV-6",
            format!("WSPCloseSocket({there}), while WSPRecv pends"),
            "the event was set twice",
            "exactly one indication",
        );
        let completions = host::completions_of(operation.at().addr());
        verify(
            completions <= 1,
            "WPU-COR-7",
            format!("WSPCloseSocket({there}), while WSPRecv pends"),
            format!("{completions} calls of WPUCompleteOverlappedRequest"),
            "one",
        );
        Ok(())
    })
}

fn close_tells_operations_by_routine(probe: Probe) -> Step {
    probe.each(Kind::Stream, |on| {
        let operation = Operation::new(std::ptr::null_mut());
        let (_, there) = pending_receive(on, &operation, true)?;
        on.close(there).must("WSP-CLOSE-1")?;
        // The routine runs in an alertable wait of this thread, and not before.
        within(PATIENCE, || !operation.is_pending());
        if !told(&operation).is_empty() {
            fail(
                "OV-13",
                format!("WSPCloseSocket({there}), while WSPRecv pends"),
                "the routine ran outside of an alertable wait",
                "it runs in an alertable wait of the thread of the call",
            );
        }
        if !alertably_until(PATIENCE, || !told(&operation).is_empty()) {
            return fatal(
                "WSP-CLOSE-2",
                format!("WSPCloseSocket({there}), while WSPRecv pends"),
                "the routine does not run",
                "one call of it with WSA_OPERATION_ABORTED",
            );
        }
        sleep_ex(Some(A_WHILE), true);
        let told = told(&operation);
        verify(
            told == [(WsaError::WSA_OPERATION_ABORTED, 0)],
            "WSP-CLOSE-2",
            format!("WSPCloseSocket({there}), while WSPRecv pends"),
            format!("the routine was told {told:?}"),
            "one call with WSA_OPERATION_ABORTED and 0 bytes",
        );
        Ok(())
    })
}
