//! The errors of the kernel as Winsock's.
//!
//! One table says what each number means; the few calls where a number means something of its own
//! have a function here that asks the table for the rest.

use rustix::io::Errno;
use windlass_abi::WsaError;

/// What an error of the kernel is in Winsock. A number that no socket call should give, and that the
/// table does not know, is WSASYSCALLFAILURE.
#[inline]
pub fn from_errno(errno: Errno) -> WsaError {
    let number = errno.raw_os_error();
    usize::try_from(number).ok().and_then(|at| BY_NUMBER.get(at).copied()).unwrap_or(UNKNOWN)
}

/// The same for `connect`: what is under way is WSAEWOULDBLOCK on a non-blocking socket (WSP-CONN-2).
pub fn from_connect(errno: Errno) -> WsaError {
    match errno {
        // No local port is left; on Windows that is a lack of buffers.
        Errno::AGAIN => WsaError::WSAENOBUFS,
        // The kernel looks for a broadcast permission, or a firewall refused.
        Errno::PERM => WsaError::WSAEACCES,
        other => from_errno(other),
    }
}

/// The same for `accept`. The kernel hands out errors of the new connection there; a peer that withdrew
/// is WSAECONNRESET.
pub fn from_accept(errno: Errno) -> WsaError {
    match errno {
        Errno::CONNABORTED | Errno::PROTO => WsaError::WSAECONNRESET,
        other => from_errno(other),
    }
}

/// Whether `accept` tells an error of the network that the first connection met. It says nothing about the
/// listening socket, and the next connection may well be good.
pub fn is_of_one_connection(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::NETDOWN | Errno::NOPROTOOPT | Errno::HOSTDOWN | Errno::NONET | Errno::HOSTUNREACH | Errno::NETUNREACH
    )
}

const UNKNOWN: WsaError = WsaError::WSASYSCALLFAILURE;

/// The table. Numbers that sockets never give (files, terminals, keys …) are absent on purpose.
#[rustfmt::skip]
const TABLE: &[(Errno, WsaError)] = &[
    (Errno::PERM, WsaError::WSAEACCES),
    (Errno::INTR, WsaError::WSAEINTR),
    (Errno::NXIO, WsaError::WSAENETDOWN),
    (Errno::TOOBIG, WsaError::WSAEMSGSIZE),
    // The handle table says which handles are sockets; a descriptor that is gone is none.
    (Errno::BADF, WsaError::WSAENOTSOCK),
    (Errno::AGAIN, WsaError::WSAEWOULDBLOCK),
    (Errno::NOMEM, WsaError::WSAENOBUFS),
    (Errno::ACCESS, WsaError::WSAEACCES),
    (Errno::FAULT, WsaError::WSAEFAULT),
    (Errno::BUSY, WsaError::WSAEADDRINUSE),
    (Errno::NODEV, WsaError::WSAEADDRNOTAVAIL),
    (Errno::INVAL, WsaError::WSAEINVAL),
    (Errno::NFILE, WsaError::WSAEMFILE),
    (Errno::MFILE, WsaError::WSAEMFILE),
    (Errno::NOSPC, WsaError::WSAENOBUFS),
    (Errno::PIPE, WsaError::WSAESHUTDOWN),
    (Errno::DOM, WsaError::WSAEINVAL),
    (Errno::RANGE, WsaError::WSAEINVAL),
    (Errno::NAMETOOLONG, WsaError::WSAENAMETOOLONG),
    (Errno::NOSYS, WsaError::WSAEOPNOTSUPP),
    (Errno::NOTEMPTY, WsaError::WSAENOTEMPTY),
    (Errno::LOOP, WsaError::WSAELOOP),
    (Errno::NONET, WsaError::WSAENETDOWN),
    (Errno::NOLINK, WsaError::WSAENETDOWN),
    (Errno::PROTO, WsaError::WSAECONNABORTED),
    (Errno::OVERFLOW, WsaError::WSAEINVAL),
    (Errno::USERS, WsaError::WSAEUSERS),
    (Errno::NOTSOCK, WsaError::WSAENOTSOCK),
    (Errno::DESTADDRREQ, WsaError::WSAEDESTADDRREQ),
    (Errno::MSGSIZE, WsaError::WSAEMSGSIZE),
    (Errno::PROTOTYPE, WsaError::WSAEPROTOTYPE),
    (Errno::NOPROTOOPT, WsaError::WSAENOPROTOOPT),
    (Errno::PROTONOSUPPORT, WsaError::WSAEPROTONOSUPPORT),
    (Errno::SOCKTNOSUPPORT, WsaError::WSAESOCKTNOSUPPORT),
    (Errno::OPNOTSUPP, WsaError::WSAEOPNOTSUPP),
    (Errno::PFNOSUPPORT, WsaError::WSAEPFNOSUPPORT),
    (Errno::AFNOSUPPORT, WsaError::WSAEAFNOSUPPORT),
    (Errno::ADDRINUSE, WsaError::WSAEADDRINUSE),
    (Errno::ADDRNOTAVAIL, WsaError::WSAEADDRNOTAVAIL),
    (Errno::NETDOWN, WsaError::WSAENETDOWN),
    (Errno::NETUNREACH, WsaError::WSAENETUNREACH),
    (Errno::NETRESET, WsaError::WSAENETRESET),
    (Errno::CONNABORTED, WsaError::WSAECONNABORTED),
    (Errno::CONNRESET, WsaError::WSAECONNRESET),
    (Errno::NOBUFS, WsaError::WSAENOBUFS),
    (Errno::ISCONN, WsaError::WSAEISCONN),
    (Errno::NOTCONN, WsaError::WSAENOTCONN),
    (Errno::SHUTDOWN, WsaError::WSAESHUTDOWN),
    (Errno::TOOMANYREFS, WsaError::WSAETOOMANYREFS),
    (Errno::TIMEDOUT, WsaError::WSAETIMEDOUT),
    (Errno::CONNREFUSED, WsaError::WSAECONNREFUSED),
    (Errno::HOSTDOWN, WsaError::WSAEHOSTDOWN),
    (Errno::HOSTUNREACH, WsaError::WSAEHOSTUNREACH),
    (Errno::ALREADY, WsaError::WSAEALREADY),
    // WSAEINPROGRESS is for 1.1 clients alone (RT-10).
    (Errno::INPROGRESS, WsaError::WSAEWOULDBLOCK),
    (Errno::STALE, WsaError::WSAESTALE),
    (Errno::REMOTEIO, WsaError::WSAEREMOTE),
    (Errno::DQUOT, WsaError::WSAEDQUOT),
    (Errno::CANCELED, WsaError::WSA_OPERATION_ABORTED),
];

/// The table by number, for one indexed load.
static BY_NUMBER: [WsaError; 134] = by_number();

const fn by_number() -> [WsaError; 134] {
    let mut map = [UNKNOWN; 134];
    let mut at = 0;
    while at < TABLE.len() {
        map[TABLE[at].0.raw_os_error() as usize] = TABLE[at].1;
        at += 1;
    }
    map
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_is_in_the_table_once() {
        for (at, (errno, _)) in TABLE.iter().enumerate() {
            assert!(TABLE[at + 1..].iter().all(|(other, _)| other != errno), "{errno:?}");
        }
    }

    #[test]
    fn every_number_maps_as_the_table_says_and_all_others_to_a_failure() {
        for number in 1..4096 {
            let errno = Errno::from_raw_os_error(number);
            let expected = TABLE.iter().find(|(known, _)| *known == errno).map_or(UNKNOWN, |(_, error)| *error);
            assert_eq!(from_errno(errno), expected, "errno {number}");
        }
    }

    #[test]
    fn names_that_both_worlds_have_keep_their_meaning() {
        // The Windows numbers of these are the Berkeley names plus 10000, the kernel's are its own.
        let same = [
            (Errno::MSGSIZE, "WSAEMSGSIZE"),
            (Errno::ADDRINUSE, "WSAEADDRINUSE"),
            (Errno::ADDRNOTAVAIL, "WSAEADDRNOTAVAIL"),
            (Errno::NETUNREACH, "WSAENETUNREACH"),
            (Errno::CONNRESET, "WSAECONNRESET"),
            (Errno::CONNREFUSED, "WSAECONNREFUSED"),
            (Errno::TIMEDOUT, "WSAETIMEDOUT"),
            (Errno::NOTCONN, "WSAENOTCONN"),
            (Errno::ISCONN, "WSAEISCONN"),
            (Errno::HOSTUNREACH, "WSAEHOSTUNREACH"),
        ];
        for (errno, name) in same {
            assert_eq!(from_errno(errno).name(), name);
        }
    }

    #[test]
    fn rt_10_nothing_becomes_wsaeinprogress() {
        for number in 1..4096 {
            let errno = Errno::from_raw_os_error(number);
            for error in [from_errno(errno), from_connect(errno), from_accept(errno)] {
                assert_ne!(error, WsaError::WSAEINPROGRESS);
            }
        }
    }

    #[test]
    fn wsp_conn_2_a_connect_under_way_would_block() {
        assert_eq!(from_connect(Errno::INPROGRESS), WsaError::WSAEWOULDBLOCK);
        assert_eq!(from_connect(Errno::AGAIN), WsaError::WSAENOBUFS);
        assert_eq!(from_connect(Errno::ISCONN), WsaError::WSAEISCONN);
    }

    #[test]
    fn accept_reports_a_withdrawn_peer_as_reset() {
        assert_eq!(from_accept(Errno::CONNABORTED), WsaError::WSAECONNRESET);
        assert_eq!(from_accept(Errno::AGAIN), WsaError::WSAEWOULDBLOCK);
        assert!(is_of_one_connection(Errno::HOSTUNREACH));
        assert!(!is_of_one_connection(Errno::MFILE));
    }
}
