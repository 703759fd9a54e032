//! Sockets and completion ports, as C programs see them. Each case is a process of its own.

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

static PORTS: LazyLock<Program> = LazyLock::new(|| Program::build(&["crates/capi/tests/c/ports.c"]));
static ATTACK: LazyLock<Program> = LazyLock::new(|| Program::build(&["crates/capi/tests/c/ports_attack.c"]));

cases! {
    PORTS:
    ov_5_what_is_done_at_once_has_its_packet
    ov_6_what_pends_has_one_packet
    what_pended_before_the_association_has_its_packet
    a_socket_is_associated_once
    wsp_close_2_a_close_has_its_packets
    wsp_cleanup_11_the_last_clean_up_queues_no_packet
    a_failed_operation_has_a_packet_with_its_error
    the_end_of_a_connection_ends_receives
    ov_12_several_operations_of_a_socket_end_in_order
    successes_of_the_call_can_do_without_packets
    operations_are_cancelled_alone_or_together
    cancel_io_means_the_threads_own
    wsp_gor_3_results_are_waited_for_though_nobody_waits_at_the_port
    wsp_recv_10_a_receive_without_room_waits_for_data
    wsp_dup_4_duplicates_share_the_port
    network_events_go_on_beside_a_port
    a_port_that_is_closed_leaves_its_sockets_alone
    ov_22_a_control_code_has_its_packet
}

cases! {
    ATTACK:
    nothing_is_lost_and_each_operation_has_one_packet
    closes_under_load_leave_each_operation_one_packet
    cancellations_under_load_leave_each_operation_one_packet
    clean_ups_under_load_queue_nothing_and_leave_the_memory_alone
}

// proves: OV-5, OV-6, WSP-CLOSE-2, WSP-CLEANUP-11
#[test]
fn ports_work_through_a_module_too() {
    let catalog = support::catalog_with(&support::libraries().join("libwsp_tcpip.so"));
    for case in [
        "ov_5_what_is_done_at_once_has_its_packet",
        "ov_6_what_pends_has_one_packet",
        "wsp_close_2_a_close_has_its_packets",
        "wsp_cleanup_11_the_last_clean_up_queues_no_packet",
    ] {
        support::must_work(PORTS.command().env("WINDLASS_CATALOG", catalog.path()).arg(case));
    }
}

// proves: T-API-8, API-X5, OV-6, OV-12, WSP-CLOSE-2
#[test]
fn the_examples_check_themselves() {
    Program::build(&["examples/c/iocp_echo.c"]).run(&["20", "60", "6"]);
    Program::build(&["examples/c/iocp_batch.c"]).run(&["3000"]);
}
