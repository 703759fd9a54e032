//! Calls back into the provider from where it calls out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use windlass_abi::*;

use super::checks;
use crate::client::Provider;
use crate::findings::{Step, fail, verify};
use crate::host;
use crate::probe::{On, Probe, spawned};
use crate::subject::Kind;

checks! {
    calls_from_every_upcall: "RT-4" "UPV-6";
    calls_from_the_condition_function: "RT-4" "WSP-ACCEPT-6";
    clean_up_from_the_condition_function: "WSP-CLEANUP-25";
    starts_from_every_upcall: "WSP-STARTUP-6" "UPV-1";
}

/// What an upcall does: calls that do not make upcalls of their own without end.
fn meddle(provider: Provider, s: SOCKET, info: WSAPROTOCOL_INFOW) {
    let _ = provider.option(s, SOL_SOCKET, SO_TYPE, 4);
    if let Ok(new) = provider.socket(&info).result {
        let _ = provider.close(new);
    }
    let _ = provider.select([Some(&[s]), None, None], Some(TIMEVAL::default()));
}

/// Runs `act` in every upcall that is not itself made from there.
fn hook(calls: &Arc<AtomicUsize>, act: impl Fn(&'static str) + Send + Sync + 'static) {
    let (inside, calls) = (AtomicBool::new(false), calls.clone());
    host::on_upcall(Some(Arc::new(move |name| {
        if !inside.swap(true, Ordering::SeqCst) {
            calls.fetch_add(1, Ordering::Relaxed);
            act(name);
            inside.store(false, Ordering::SeqCst);
        }
    })));
}

fn calls_from_every_upcall(probe: Probe) -> Step {
    let kind = if probe.of(Kind::Stream).is_ok() { Kind::Stream } else { Kind::Datagram };
    probe.each(kind, |on| {
        let s = on.new_socket()?;
        let calls = Arc::new(AtomicUsize::new(0));
        let (provider, info) = (on.provider, on.info);
        hook(&calls, move |_| meddle(provider, s, info));
        let work = {
            let on = on.clone();
            move || exercise(&on)
        };
        let done = spawned("sockets, events and transfers, with calls back from every upcall", work);
        let ended = done.ends("RT-4", "no lock is held across an upcall")?;
        host::on_upcall(None);
        ended?;
        verify(calls.load(Ordering::Relaxed) > 0, "WSP-SOCK-5", "WSPSocket()", "no upcall", "the handle is registered");
        on.close(s).must("WSP-CLOSE-1")
    })
}

/// Whatever makes a provider call out.
fn exercise(on: &On) -> Step {
    if Kind::of(&on.entry) == Some(Kind::Datagram) {
        let (s, _) = on.bound()?;
        return on.close(s).must("WSP-CLOSE-1");
    }
    let (here, there) = on.pair()?;
    let event = crate::probe::Event::new()?;
    // Events are not offered by every provider.
    let selected = on.event_select(there, event.handle(), FD_READ | FD_CLOSE).result.is_ok();
    on.send(here, b"x").must("WSP-SEND-1")?;
    if selected && !event.comes() {
        fail("EV-4", "WSPEventSelect(), with calls back from every upcall", "the event is not set", "it is set");
    }
    on.recv_exactly(there, 1)?;
    on.close_all([here, there])
}

fn calls_from_the_condition_function(probe: Probe) -> Step {
    probe.each(Kind::Stream, |on| {
        let (listener, name) = on.listener()?;
        let s = on.new_socket()?;
        on.connect(s, &name).must("WSP-CONN-2")?;
        let (provider, info) = (on.provider, on.info);
        let accepting = spawned("WSPAccept(), whose condition function calls the provider", move || {
            provider.accept_asking(listener, &|| {
                meddle(provider, listener, info);
                let _ = provider.sock_name(listener);
                CF_ACCEPT
            })
        });
        let accepted = accepting.ends("RT-4", "no lock is held across the condition function")?.must("WSP-ACCEPT-7")?;
        on.close_all([listener, s, accepted])
    })
}

fn clean_up_from_the_condition_function(probe: Probe) -> Step {
    for entry in probe.of(Kind::Stream)? {
        let on = On { provider: probe.start(entry)?, entry: entry.clone(), info: entry.info() };
        let (listener, name) = on.listener()?;
        let s = on.new_socket()?;
        on.connect(s, &name).must("WSP-CONN-2")?;
        let provider = on.provider;
        let accepting = spawned("WSPAccept(), whose condition function makes the last clean-up", move || {
            let cleaned = std::sync::Mutex::new(None);
            let reply = provider.accept_asking(listener, &|| {
                *cleaned.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(provider.clean_up());
                CF_REJECT
            });
            (reply, cleaned.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
        });
        let (reply, cleaned) =
            accepting.ends("WSP-CLEANUP-25", "a clean-up from a callback does not wait for that callback")?;
        if let Some(cleaned) = cleaned {
            match cleaned.result {
                Ok(()) | Err(WsaError::WSAEINPROGRESS) => {}
                Err(error) => fail("WSP-CLEANUP-25", cleaned.call, error, "success"),
            }
        }
        if reply.result.is_ok() {
            fail("WSP-CLEANUP-24", reply.call, "a socket", "an error: the last clean-up has run meanwhile");
        }
    }
    Ok(())
}

fn starts_from_every_upcall(probe: Probe) -> Step {
    let entry = probe.entry().clone();
    let (startup, info) = (probe.startup, entry.info());
    probe.on(&entry, |on| {
        let calls = Arc::new(AtomicUsize::new(0));
        hook(&calls, move |_| {
            let reply = crate::client::start(startup, make_version(2, 2), &info, host::table::<'A'>());
            match reply.result {
                Ok((_, table)) => {
                    if let Some(cleanup) = table.lpWSPCleanup {
                        let _ = crate::client::clean_up_with(cleanup);
                    }
                }
                Err(error) => fail("WSP-STARTUP-6", reply.call, error, "success: one more start"),
            }
        });
        let on = on.clone();
        let done = spawned("WSPSocket() and WSPCloseSocket(), with starts and clean-ups in every upcall", move || {
            let s = on.new_socket()?;
            on.close(s).must("WSP-CLOSE-1")
        });
        let ended = done.ends("RT-4", "no lock is held across an upcall")?;
        host::on_upcall(None);
        ended
    })
}
