//! Choosing, loading, starting and unloading providers (contract: lifecycle sections 2 and 7, catalog section 5).

mod common;

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;

use common::fake::{Startup, api, fail, fake, install_fake, module, register};
use common::*;
use windlass_abi::*;
use windlass_catalog::{LspCategories, ProtocolChain, ProtocolEntry};
use windlass_runtime::{self as runtime, Function, SocketRequest, limits};

const FAILED: WsaError = WsaError::WSAEPROVIDERFAILEDINIT;

// proves: WSP-STARTUP-14
#[test]
fn wsp_startup_15_a_hole_in_the_table_makes_the_provider_unusable() {
    in_own_process(|| {
        install_fake(0);
        start();
        for hole in 0..30 {
            fake(0).set_startup(Startup { result: 0, version: VERSION, hole: Some(hole) });
            let cleanups = fake(0).count("WSPCleanup");
            assert_eq!(open(0), Err(WsaError::WSAEINVALIDPROCTABLE), "slot {hole}");
            // Balanced, unless it is the clean-up itself that is missing.
            let owed = usize::from(WSPPROC_TABLE::SLOTS[hole] != "lpWSPCleanup");
            assert_eq!(fake(0).count("WSPCleanup"), cleanups + owed, "slot {hole}");
        }
        assert_eq!(fake(0).count("WSPSocket"), 0);
        let cleanups = fake(0).count("WSPCleanup");
        end();
        assert_eq!(fake(0).count("WSPCleanup"), cleanups, "nothing runs, so nothing is cleaned up");
    });
}

#[test]
fn wsp_startup_16_only_version_2_2_is_used() {
    in_own_process(|| {
        install_fake(0);
        start();
        for version in [0x0000, 0x0001, 0x0101, 0x0002, 0x0102, 0x0302, 0x0202 ^ 0xFFFF] {
            fake(0).set_startup(Startup { result: 0, version, hole: None });
            let cleanups = fake(0).count("WSPCleanup");
            assert_eq!(open(0), Err(WsaError::WSAEINVALIDPROVIDER), "{version:#06x}");
            assert_eq!(fake(0).count("WSPCleanup"), cleanups + 1);
        }
        fake(0).set_startup(Startup { result: 0, version: VERSION, hole: None });
        open(0).unwrap();
        end();
    });
}

// proves: LC-ERR-2, WSP-STARTUP-12, WSP-STARTUP-28, SEL-10
#[test]
fn wsp_startup_17_whatever_code_a_failing_start_returns() {
    in_own_process(|| {
        install_fake(0);
        // Another entry for the same request, behind the one that fails.
        register(1);
        install(provider_id(1), &module(1), &[base_entry(0)]);
        start();
        for code in [WSAEPROCLIM, WSASYSNOTREADY, WSAVERNOTSUPPORTED, WSAEFAULT, 1, -1, i32::MIN] {
            fake(0).set_startup(Startup { result: code, version: VERSION, hole: Some(3) });
            assert_eq!(open(0), Err(FAILED), "{code}");
        }
        assert_eq!(fake(0).count("WSPCleanup"), 0, "a failed start owes no clean-up");
        assert_eq!(fake(1).calls(), [""; 0], "no fallback");
        fake(0).set_startup(Startup { result: 0, version: VERSION, hole: None });
        open(0).unwrap();
        end();
        assert_eq!(fake(0).count("WSPCleanup"), 1);
    });
}

#[test]
fn wsp_startup_17_a_module_that_cannot_be_loaded() {
    in_own_process(|| {
        let dir = tempfile::tempdir().unwrap();
        let text = dir.path().join("text.so");
        std::fs::write(&text, "not an object").unwrap();
        let silent = common::module::build_with(dir.path(), "silent.so", &["-DNO_EXPORT"]);
        let failing = common::module::build_with(dir.path(), "failing.so", &["-DSTART_RESULT=10067"]);
        let old = common::module::build_with(dir.path(), "old.so", &["-DVERSION=0x0102"]);
        let missing = dir.path().join("missing.so");
        let modules = [&text, &silent, &failing, &missing, &old];
        for (n, module) in modules.iter().enumerate() {
            install(provider_id(n), module.to_str().unwrap(), &[base_entry(n)]);
        }
        start();
        for (n, module) in modules[..4].iter().enumerate() {
            assert_eq!(open(n), Err(FAILED), "{module:?}");
        }
        assert_eq!(open(4), Err(WsaError::WSAEINVALIDPROVIDER));
        assert!(modules.iter().all(|module| !is_mapped(module)), "what did not start is not kept");
        end();
    });
}

// proves: SEL-12, SEL-1
#[test]
fn wsp_startup_18_the_provider_gets_the_entry_that_was_chosen() {
    in_own_process(|| {
        register(0);
        let entries = [base_entry(0), ProtocolEntry { name: "second".into(), ..base_entry(1) }];
        let ids = install(provider_id(0), &module(0), &entries);
        start();
        open(1).unwrap();
        open(0).unwrap();
        let named = WSAPROTOCOL_INFOW { dwCatalogEntryId: ids[1], dwProviderReserved: 77, ..Default::default() };
        let request =
            SocketRequest { family: -1, socket_type: -1, protocol: -1, info: Some(&named), group: 0, flags: 0 };
        runtime::socket(&request, Function::WsaSocket).unwrap();
        let infos = fake(0).infos();
        let seen: Vec<_> = infos.iter().map(|info| (info.dwCatalogEntryId, info.dwProviderReserved)).collect();
        // WSPStartup and WSPSocket by the first demand, then two WSPSockets.
        assert_eq!(seen, [(ids[1], 0), (ids[1], 0), (ids[0], 0), (ids[1], 77)]);
        assert!(infos.iter().all(|info| info.ProtocolChain.ChainLen == 1 && info.ProviderId == provider_id(0)));
        assert_eq!(String::from_utf16_lossy(&infos[0].szProtocol[..6]), "second");
        end();
    });
}

fn install_chain(n: usize) -> (u32, u32) {
    register(n);
    let layer = ProtocolEntry { chain: ProtocolChain::Layer, ..base_entry(n) };
    let layer = install(provider_id(100 + n), &module(n), &[layer])[0];
    let base = install_fake(3);
    let chain = ProtocolEntry { chain: ProtocolChain::Chain(vec![layer, base]), ..base_entry(n) };
    let chain = install(provider_id(n), &module(n), &[chain])[0];
    (chain, layer)
}

// proves: WSP-STARTUP-18, SEL-3
#[test]
fn wsp_startup_25_base_entries_share_a_start_and_each_chain_has_its_own() {
    in_own_process(|| {
        let (chain, layer) = install_chain(0);
        let base = [base_entry(1), base_entry(2)];
        install(provider_id(1), &module(0), &base);
        start();
        open(1).unwrap();
        open(2).unwrap();
        assert_eq!(fake(0).count("WSPStartup"), 1);
        open(0).unwrap();
        assert_eq!(fake(0).count("WSPStartup"), 2);
        let info = fake(0).infos().into_iter().find(|info| info.ProtocolChain.ChainLen > 1).unwrap();
        assert_eq!(info.dwCatalogEntryId, chain);
        assert_eq!(info.ProtocolChain.ChainEntries[0], layer);
        end();
        assert_eq!(fake(0).count("WSPCleanup"), 2);
    });
}

#[test]
fn wsp_startup_26_thirty_two_threads_start_a_provider_once() {
    in_own_process(|| {
        install_fake(0);
        for round in 1..=50 {
            start();
            let barrier = Barrier::new(32);
            thread::scope(|scope| {
                for _ in 0..32 {
                    scope.spawn(|| {
                        barrier.wait();
                        open(0).unwrap();
                    });
                }
            });
            assert_eq!(fake(0).count("WSPStartup"), round);
            end();
            assert_eq!(fake(0).count("WSPCleanup"), round);
        }
    });
}

#[test]
fn wsp_startup_26_all_who_wait_for_a_start_that_fails_try_again() {
    in_own_process(|| {
        install_fake(0);
        let tries = Arc::new(AtomicUsize::new(0));
        let counter = tries.clone();
        fake(0).on("WSPStartup", move |_| if counter.fetch_add(1, SeqCst) < 4 { fail(WSAENETDOWN) } else { None });
        start();
        let results = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| results.lock().unwrap().push(open(0)));
            }
        });
        let results = results.into_inner().unwrap();
        assert_eq!(results.iter().filter(|result| **result == Err(FAILED)).count(), 4);
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 4);
        end();
    });
}

// proves: WSP-STARTUP-3, WSP-STARTUP-4
#[test]
fn wsp_startup_27_environment_strings_in_the_path_are_expanded() {
    let dir = tempfile::tempdir().unwrap();
    in_own_process_with(
        |command| {
            common::module::build(dir.path(), "mine.provider");
            command.env("PROVIDERS", dir.path());
        },
        || {
            install(provider_id(0), "%PROVIDERS%/mine.provider", &[base_entry(0)]);
            install(provider_id(1), "${PROVIDERS}/mine.provider", &[base_entry(1)]);
            install(provider_id(2), "%NOT_SET%/mine.provider", &[base_entry(2)]);
            start();
            open(0).unwrap();
            open(1).unwrap();
            assert_eq!(open(2), Err(FAILED));
            end();
        },
    );
}

#[test]
fn a_provider_that_needs_itself_to_start_fails_instead_of_waiting() {
    in_own_process(|| {
        install_fake(0);
        fake(0).on("WSPStartup", |_| {
            assert_eq!(open(0), Err(FAILED));
            None
        });
        start();
        open(0).unwrap();
        end();
    });
}

#[test]
fn two_providers_that_start_each_other_from_two_threads_do_not_wait_for_ever() {
    in_own_process(|| {
        install_fake(0);
        install_fake(1);
        let arrived = Arc::new(AtomicUsize::new(0));
        for (mine, other) in [(0, 1), (1, 0)] {
            let arrived = arrived.clone();
            fake(mine).on("WSPStartup", move |_| {
                arrived.fetch_add(1, SeqCst);
                wait_until("both start", || arrived.load(SeqCst) >= 2);
                match open(other) {
                    Ok(_) => None,
                    Err(error) => fail(error.code()),
                }
            });
        }
        start();
        let second = thread::spawn(|| open(1));
        let first = open(0);
        let results = [first, second.join().unwrap()];
        assert!(results.contains(&Err(FAILED)), "{results:?}");
        end();
    });
}

#[test]
fn a_start_that_waits_for_a_thread_which_waits_for_it_ends_at_the_limit() {
    in_own_process(|| {
        install_fake(0);
        limits::set_start(Duration::from_millis(50));
        fake(0).on("WSPStartup", |_| {
            assert_eq!(thread::spawn(|| open(0)).join().unwrap(), Err(FAILED));
            None
        });
        start();
        open(0).unwrap();
        end();
    });
}

// proves: UNLOAD-1
#[test]
fn unload_2_the_module_is_unmapped_and_no_thread_is_left() {
    in_own_process(|| {
        let dir = tempfile::tempdir().unwrap();
        let module = common::module::build(dir.path(), "provider.so");
        install(provider_id(0), module.to_str().unwrap(), &[base_entry(0)]);
        for _ in 0..20 {
            start();
            assert!(!is_mapped(&module));
            let before = threads();
            let s = open(0).unwrap();
            assert!(is_mapped(&module));
            assert_eq!(threads(), before + 1);
            let receivers: Vec<_> = (0..3).map(|_| thread::spawn(move || api::recv(s))).collect();
            wait_until("the receivers run", || threads() == before + 4);
            end();
            assert!(!is_mapped(&module));
            for receiver in receivers {
                let result = receiver.join().unwrap();
                // A thread that came too late for the provider was refused by the runtime.
                assert!(matches!(result, Err(WSAEINTR | WSANOTINITIALISED)), "{result:?}");
            }
            wait_until("the threads are gone", || threads() == before);
        }
    });
}

#[test]
fn unload_2_a_call_that_does_not_end_keeps_the_module_until_it_does() {
    in_own_process(|| {
        install_fake(0);
        limits::set_drain(Duration::from_millis(50));
        let leave = Arc::new(Barrier::new(2));
        let gate = leave.clone();
        fake(0).on("WSPListen", move |_| {
            gate.wait();
            fail(WSAEINTR)
        });
        start();
        let s = open(0).unwrap();
        let inside = thread::spawn(move || api::listen(s));
        wait_until("the call is inside", || fake(0).count("WSPListen") == 1);
        end();
        assert_eq!(fake(0).count("WSPCleanup"), 1);
        start();
        let again = open(0).unwrap();
        assert_eq!(fake(0).count("WSPStartup"), 2, "it starts anew beside the call that is left");
        leave.wait();
        assert_eq!(inside.join().unwrap(), Err(WSAEINTR));
        assert_eq!(api::send(again), Err(WSAEOPNOTSUPP), "the end of the old call takes nothing from the new start");
        end();
    });
}

#[test]
fn sel_11_the_providers_error_is_the_result() {
    in_own_process(|| {
        install_fake(0);
        start();
        for code in [WSAEACCES, WSAEMFILE, WSAEPROTOTYPE] {
            fake(0).on("WSPSocket", move |_| fail(code));
            assert_eq!(open(0), Err(WsaError::from_code(code)));
        }
        fake(0).on("WSPSocket", |_| fail(0));
        assert_eq!(open(0), Err(WsaError::WSASYSCALLFAILURE));
        end();
    });
}

#[test]
fn a_handle_that_the_provider_did_not_register_is_its_mistake() {
    in_own_process(|| {
        install_fake(0);
        start();
        for bogus in [0, 5, 1 << 19, 1 << 40, usize::MAX - 1] {
            fake(0).on("WSPSocket", move |_| Some(common::fake::Answer { result: bogus, errno: 0 }));
            assert_eq!(open(0), Err(WsaError::WSASYSCALLFAILURE), "{bogus}");
        }
        end();
    });
}

// proves: SEL-1, SEL-4
#[test]
fn sel_14_what_the_program_asks_for_goes_to_the_provider_untouched() {
    in_own_process(|| {
        let id = install_fake(0);
        start();
        let named = WSAPROTOCOL_INFOW { dwCatalogEntryId: id, ..Default::default() };
        let flags = WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT | WSA_FLAG_MULTIPOINT_C_LEAF;
        for (asked, info) in [
            ([AF_INET, SOCK_STREAM, 1000, 0, 0], None),
            ([0, SOCK_STREAM, 1000, 7, flags as i32], None),
            ([AF_INET, 0, 1000, 0, WSA_FLAG_NO_HANDLE_INHERIT as i32], None),
            ([-1, -1, -1, 0, 1], Some(&named)),
            ([77, 88, 99, 0, 1], Some(&named)),
        ] {
            let [family, socket_type, protocol, group, flags] = asked;
            let (group, flags) = (group as u32, flags as u32);
            let request = SocketRequest { family, socket_type, protocol, info, group, flags };
            runtime::socket(&request, Function::WsaSocket).unwrap();
            assert_eq!(fake(0).requests().last(), Some(&asked));
        }
        end();
    });
}

#[test]
fn api_s15_the_byte_order_is_that_of_the_sockets_entry() {
    in_own_process(|| {
        register(0);
        let little = ProtocolEntry { byte_order: LITTLEENDIAN, ..base_entry(1) };
        install(provider_id(0), &module(0), &[base_entry(0), little]);
        start();
        let (big, little) = (open(0).unwrap(), open(1).unwrap());
        assert_eq!(runtime::byte_order(big, Function::WsaHtonl), Ok(BIGENDIAN));
        assert_eq!(runtime::byte_order(little, Function::WsaHtonl), Ok(LITTLEENDIAN));
        end();
    });
}

#[test]
fn sel_8_codes_for_what_nothing_serves() {
    in_own_process(|| {
        install_fake(0);
        start();
        let ask = |family, socket_type, protocol| {
            let request = SocketRequest { family, socket_type, protocol, info: None, group: 0, flags: 0 };
            runtime::socket(&request, Function::Socket).unwrap_err()
        };
        assert_eq!(ask(0, 0, 0), WsaError::WSAEINVAL);
        assert_eq!(ask(0xdead, SOCK_STREAM, 0), WsaError::WSAEAFNOSUPPORT);
        assert_eq!(ask(AF_INET, 0xdead, 0), WsaError::WSAESOCKTNOSUPPORT);
        assert_eq!(ask(AF_INET, SOCK_STREAM, 4711), WsaError::WSAEPROTONOSUPPORT);
        assert_eq!(fake(0).calls(), [""; 0]);
        end();
    });
}

// proves: LSPCAT-6, WSC-APP-3
#[test]
fn sel_9_chains_that_the_program_does_not_permit_are_no_candidates() {
    in_own_process(|| {
        install_chain(0);
        register(1);
        install(provider_id(1), &module(1), &[base_entry(0)]);
        let program = std::env::current_exe().unwrap().to_str().unwrap().to_owned();
        change_catalog(|catalog| {
            catalog.set_layer_categories(provider_id(100), LspCategories::PROXY).unwrap();
            catalog.set_application_category(&program, None, LspCategories::FIREWALL).unwrap();
        });
        start();
        open(0).unwrap();
        assert_eq!(fake(0).calls(), [""; 0]);
        assert_eq!(fake(1).count("WSPSocket"), 1);
        end();
        // The category of a process is fixed.
        change_catalog(|catalog| catalog.set_application_category(&program, None, LspCategories::PROXY).unwrap());
        start();
        open(0).unwrap();
        assert_eq!(fake(0).calls(), [""; 0]);
        end();
    });
}

// proves: WSC-ENUM-2
#[test]
fn wep_1_programs_see_base_and_chain_entries_that_are_not_hidden() {
    in_own_process(|| {
        let (chain, _) = install_chain(0);
        start();
        let all = runtime::catalogs::enum_protocols(None).unwrap();
        let ids: Vec<_> = all.iter().map(|info| info.dwCatalogEntryId).collect();
        let base = all.iter().find(|info| info.ProtocolChain.ChainLen == 1).unwrap().dwCatalogEntryId;
        assert_eq!(ids, [base, chain]);
        let some = runtime::catalogs::enum_protocols(Some(&[1000])).unwrap();
        assert_eq!(some.iter().map(|info| info.dwCatalogEntryId).collect::<Vec<_>>(), [chain]);
        assert!(runtime::catalogs::enum_protocols(Some(&[])).unwrap().is_empty());
        end();
    });
}

#[test]
fn api_s16_the_provider_for_an_address_is_started_on_demand() {
    in_own_process(|| {
        install_fake(0);
        let second = install_fake(1);
        start();
        let entered = runtime::enter_for_address(AF_INET, None, Function::WsaAddressToString).unwrap();
        assert_eq!(entered.info().unwrap().iProtocol, 1000);
        drop(entered);
        let named = WSAPROTOCOL_INFOW { dwCatalogEntryId: second, ..Default::default() };
        let entered = runtime::enter_for_address(AF_INET6, Some(&named), Function::WsaStringToAddress).unwrap();
        assert_eq!(entered.entry_id(), second);
        drop(entered);
        let refused = runtime::enter_for_address(AF_INET6, None, Function::WsaStringToAddress);
        assert!(refused.is_err_and(|error| error == WsaError::WSAEINVAL));
        assert_eq!((fake(0).count("WSPStartup"), fake(1).count("WSPStartup")), (1, 1));
        end();
    });
}
