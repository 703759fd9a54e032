//! Options and control codes with whatever numbers and bytes there are: each call is answered, and the socket
//! works afterwards.

use proptest::prelude::*;
use windlass_abi::*;

use crate::support::Winsock;

/// Numbers that mean something, and any others.
fn number(known: &'static [i32]) -> impl Strategy<Value = i32> {
    prop_oneof![4 => proptest::sample::select(known), 1 => any::<i32>(), 2 => 0..100i32]
}

const LEVELS: &[i32] = &[SOL_SOCKET, IPPROTO_IP, IPPROTO_IPV6, IPPROTO_TCP, IPPROTO_UDP];

#[rustfmt::skip]
const OPTIONS: &[i32] = &[
    SO_DEBUG, SO_ACCEPTCONN, SO_REUSEADDR, SO_KEEPALIVE, SO_DONTROUTE, SO_BROADCAST, SO_USELOOPBACK, SO_LINGER,
    SO_OOBINLINE, SO_DONTLINGER, SO_EXCLUSIVEADDRUSE, SO_SNDBUF, SO_RCVBUF, SO_SNDLOWAT, SO_SNDTIMEO, SO_ERROR, SO_TYPE,
    SO_BSP_STATE, SO_GROUP_ID, SO_MAX_MSG_SIZE, SO_PROTOCOL_INFOW, PVD_CONFIG, SO_CONDITIONAL_ACCEPT,
    SO_UPDATE_ACCEPT_CONTEXT, SO_CONNECT_TIME, SO_UPDATE_CONNECT_CONTEXT, SO_REUSE_UNICASTPORT, TCP_BSDURGENT,
    MCAST_JOIN_GROUP, MCAST_LEAVE_GROUP, MCAST_BLOCK_SOURCE, MCAST_UNBLOCK_SOURCE, MCAST_JOIN_SOURCE_GROUP, IP_MTU_DISCOVER,
];

// What waits for a change of the network is left out: it would wait.
#[rustfmt::skip]
const CODES: &[u32] = &[
    FIONBIO, FIONREAD, SIOCATMARK, SIO_BASE_HANDLE, SIO_KEEPALIVE_VALS, SIO_UDP_CONNRESET, SIO_MULTIPOINT_LOOPBACK,
    SIO_MULTICAST_SCOPE, SIO_GET_BROADCAST_ADDRESS, SIO_ADDRESS_LIST_QUERY, SIO_ADDRESS_LIST_SORT,
    SIO_ROUTING_INTERFACE_QUERY, SIO_GET_INTERFACE_LIST, SIO_FLUSH, SIO_TCP_INFO, SIO_GET_EXTENSION_FUNCTION_POINTER,
];

fn check<T>(result: Result<T, WsaError>) -> Result<(), TestCaseError> {
    // A panic would have become this; so would an error of the kernel that nobody thought of.
    prop_assert_ne!(result.err(), Some(WsaError::WSASYSCALLFAILURE));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn every_option_is_answered(
        kind in prop_oneof![Just(SOCK_STREAM), Just(SOCK_DGRAM)],
        family in prop_oneof![Just(AF_INET), Just(AF_INET6)],
        level in number(LEVELS),
        option in number(OPTIONS),
        value: Vec<u8>,
        room in 0usize..700,
    ) {
        let winsock = Winsock::start();
        let s = winsock.socket(family, kind);
        check(winsock.set_option(s, level, option, &value))?;
        match winsock.option(s, level, option, room) {
            Ok(bytes) => prop_assert!(bytes.len() <= room),
            other => check(other)?,
        }
        prop_assert_eq!(winsock.int_option(s, SOL_SOCKET, SO_TYPE), kind);
        winsock.close(s).unwrap();
    }

    #[test]
    fn every_code_is_answered(
        kind in prop_oneof![Just(SOCK_STREAM), Just(SOCK_DGRAM)],
        family in prop_oneof![Just(AF_INET), Just(AF_INET6)],
        code in prop_oneof![4 => proptest::sample::select(CODES), 1 => any::<u32>()],
        input: Vec<u8>,
        room in 0usize..2000,
    ) {
        prop_assume!(code != SIO_ADDRESS_LIST_CHANGE && code != SIO_ROUTING_INTERFACE_CHANGE);
        let winsock = Winsock::start();
        let s = winsock.socket(family, kind);
        let mut output = vec![0; room];
        let (result, returned) = winsock.ioctl_counted(s, code, &input, &mut output);
        if result.is_ok() {
            prop_assert!(returned as usize <= room);
        }
        check(result)?;
        prop_assert_eq!(winsock.int_option(s, SOL_SOCKET, SO_TYPE), kind);
        winsock.close(s).unwrap();
    }
}
