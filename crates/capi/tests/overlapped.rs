//! Overlapped operations that complete by event, by routine and by polling, as C programs see them. Each case is a process of
//! its own.

mod support;

use std::sync::LazyLock;

use support::Program;

macro_rules! cases {
    ($program:ident: $($name:ident)*) => {$(
        #[test]
        fn $name() {
            $program.run(&[stringify!($name)]);
        }
    )*};
}

static MATRIX: LazyLock<Program> = LazyLock::new(|| Program::build(&["crates/capi/tests/c/overlapped.c"]));
static RULES: LazyLock<Program> = LazyLock::new(|| Program::build(&["crates/capi/tests/c/overlapped_rules.c"]));
static ATTACK: LazyLock<Program> =
    LazyLock::new(|| Program::build(&["crates/capi/tests/c/overlapped_attack.c", "crates/capi/tests/c/peer.c"]));

cases! {
    MATRIX:
    ov_5_what_is_done_at_once_is_indicated_before_the_call_returns
    ov_6_what_pends_is_indicated_once
    ov_7_what_does_not_start_is_never_indicated
    wsp_close_2_a_close_is_indicated
    wsp_cleanup_8_the_last_clean_up_indicates_nothing
    wsp_close_7_a_close_ends_what_was_started_on_its_descriptor
}

cases! {
    RULES:
    ov_1_without_a_structure_a_call_is_synchronous
    ov_9_results_of_the_call_are_left_alone_when_it_pends
    ov_10_the_array_of_buffers_may_be_used_again
    ov_12_buffers_are_filled_in_the_order_of_the_calls
    ov_12_a_large_send_goes_out_whole_and_in_order
    ov_12_plain_calls_come_after_what_waits
    ov_13_routines_run_in_their_thread_in_alertable_waits
    ov_15_routines_do_not_nest
    ov_22_a_control_code_waits_too
    wsp_gor_1_the_result_can_be_asked_for_again
    wsp_gor_3_waits_for_the_event
    wsp_gor_3_the_last_clean_up_ends_a_wait
    wsp_recv_4_a_datagram_that_is_too_long
    wsp_recv_5_the_end_and_the_reset_of_a_connection
    wsp_recv_6_flags
    wsp_recv_10_a_receive_without_room_takes_nothing
    wsp_shut_2_a_shutdown_ends_receives_and_follows_sends
    api_19_an_operation_outlives_its_thread
}

cases! {
    ATTACK:
    many_threads_see_each_operation_end_once
    closes_under_load_end_each_operation_once
    clean_ups_under_load_leave_the_memory_alone
}

#[test]
fn wsp_cleanup_10_a_routine_that_was_queued_may_run_after_the_clean_up() {
    let name = "wsp_cleanup_10_a_routine_that_was_queued_may_run_after_the_clean_up";
    MATRIX.run(&[name]);
    let catalog = support::catalog_with(&support::libraries().join("libwsp_tcpip.so"));
    support::must_work(MATRIX.command().env("WINDLASS_CATALOG", catalog.path()).arg(name));
}

// proves: OV-4, OV-5, OV-6, WSP-CLEANUP-8
#[test]
fn overlapped_operations_work_through_a_module_too() {
    let catalog = support::catalog_with(&support::libraries().join("libwsp_tcpip.so"));
    for case in [
        "ov_5_what_is_done_at_once_is_indicated_before_the_call_returns",
        "ov_6_what_pends_is_indicated_once",
        "wsp_cleanup_8_the_last_clean_up_indicates_nothing",
    ] {
        support::must_work(MATRIX.command().env("WINDLASS_CATALOG", catalog.path()).arg(case));
    }
}

// proves: OV-15, OV-13, OV-12, OV-6, WSP-CLOSE-2, API-X31, API-X42, API-RIO-8
#[test]
fn the_examples_check_themselves() {
    for name in ["overlapped_event", "overlapped_routine", "connect_reuse", "rio_echo"] {
        Program::build(&[&format!("examples/c/{name}.c")]).run(&[]);
    }
}
