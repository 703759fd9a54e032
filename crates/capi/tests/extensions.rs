//! Extension functions and socket notifications, as C programs see them. Each case is a process of its own.

mod support;

use std::sync::LazyLock;

use support::Program;

/// Runs a case in a folder of its own.
fn run(program: &Program, case: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    support::must_work(program.command().arg(case).current_dir(folder.path()));
}

macro_rules! cases {
    ($program:ident: $($name:ident)*) => {$(
        #[test]
        fn $name() {
            run(&$program, stringify!($name));
        }
    )*};
}

static CONNECTIONS: LazyLock<Program> = LazyLock::new(|| Program::build(&["crates/capi/tests/c/connections.c"]));
static ATTACK: LazyLock<Program> = LazyLock::new(|| Program::build(&["crates/capi/tests/c/connections_attack.c"]));
static MESSAGES: LazyLock<Program> = LazyLock::new(|| Program::build(&["crates/capi/tests/c/messages.c"]));
static NOTIFICATIONS: LazyLock<Program> = LazyLock::new(|| Program::build(&["crates/capi/tests/c/notifications.c"]));
static PORTS: LazyLock<Program> = LazyLock::new(|| Program::build(&["crates/capi/tests/c/extension_ports.c"]));
static RIO: LazyLock<Program> = LazyLock::new(|| Program::build(&["crates/capi/tests/c/rio.c"]));
static TRANSMIT: LazyLock<Program> = LazyLock::new(|| Program::build(&["crates/capi/tests/c/transmit.c"]));

cases! {
    CONNECTIONS:
    t_api_7_pointers_of_extension_functions
    api_x13_what_an_accept_needs
    api_x12_without_data_an_accept_ends_with_the_connection
    api_x12_with_data_an_accept_ends_with_the_first_bytes
    api_x15_a_connection_that_is_reset_before_its_data
    api_x16_the_context_of_the_listener
    api_x17_closing_the_socket_that_is_to_be_connected_ends_its_accept
    api_x18_closing_the_listener_ends_its_accepts
    wsp_cleanup_8_the_last_clean_up_tells_no_accept_and_no_connect
    api_x20_what_a_connect_needs
    api_x21_a_connect_sends_the_first_data
    wsp_close_2_a_close_ends_a_connect
    api_x30_what_a_disconnect_needs
    wsp_close_3_a_close_ends_a_disconnect_that_blocks
    api_x31_a_socket_is_used_again
    ev_12_a_registration_goes_over_to_the_connection
}

cases! {
    ATTACK:
    connections_under_load_end_each_operation_once
}

cases! {
    MESSAGES:
    api_x51_what_a_message_needs
    api_x57_control_data_both_ways
    api_x52_messages_and_control_data_that_are_cut
    ov_4_messages_in_every_style
}

cases! {
    RIO:
    api_rio_1_the_table
    api_rio_4_limits_and_errors
    api_rio_6_ends_of_requests_come_to_the_queue
    api_rio_7_deferred_requests_and_full_buffers
    api_rio_8_notices_by_event_and_by_port
    a_rio09_datagrams_with_addresses_and_control_data
}

#[test]
fn a_close_ends_requests_of_registered_io() {
    run(&RIO, "wsp_close_2_a_close_ends_requests");
}

#[test]
fn the_last_clean_up_tells_no_completion_queue() {
    run(&RIO, "wsp_cleanup_8_the_last_clean_up_tells_no_queue");
}

cases! {
    NOTIFICATIONS:
    a_s39_registrations_and_what_they_need
    socket_notifications_come_as_they_were_asked_for
    socket_notifications_end_with_the_socket
}

cases! {
    PORTS:
    t_api_8_connections_come_and_go_at_a_port
    api_x18_closes_are_told_by_the_port
    api_x5_files_and_messages_at_a_port
}

cases! {
    TRANSMIT:
    api_x40_what_a_transmission_needs
    api_x43_head_file_and_tail
    api_x40_a_large_file_in_its_turn
    api_x44_a_connection_that_breaks_is_an_error_and_no_signal
    api_x42_a_disconnect_follows
    api_x45_packets_of_memory_and_files
}

// proves: API-X2, API-X12, API-X31, API-X43
#[test]
fn extension_functions_work_through_a_module_too() {
    let catalog = support::catalog_with(&support::libraries().join("libwsp_tcpip.so"));
    for case in [
        "api_x13_what_an_accept_needs",
        "api_x12_with_data_an_accept_ends_with_the_first_bytes",
        "api_x31_a_socket_is_used_again",
    ] {
        support::must_work(CONNECTIONS.command().env("WINDLASS_CATALOG", catalog.path()).arg(case));
    }
    // Notices by port go through an export there.
    for (program, case) in [
        (&RIO, "api_rio_8_notices_by_event_and_by_port"),
        (&TRANSMIT, "api_x43_head_file_and_tail"),
        (&MESSAGES, "ov_4_messages_in_every_style"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = program.command();
        support::must_work(command.env("WINDLASS_CATALOG", catalog.path()).arg(case).current_dir(folder.path()));
    }
}
