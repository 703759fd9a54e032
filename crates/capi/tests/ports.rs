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

cases! {
    PORTS:
    ov_5_what_is_done_at_once_has_its_packet
    ov_6_what_pends_has_one_packet
    what_pended_before_the_association_has_its_packet
    a_socket_is_associated_once
    wsp_close_2_a_close_has_its_packets
    wsp_cleanup_11_the_last_clean_up_queues_no_packet
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
