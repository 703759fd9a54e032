//! `WSPSocket`: new sockets.

use std::os::fd::OwnedFd;

use rustix::net::{SocketFlags, ipproto, socket_with, sockopt};
use windlass_abi::{
    FROM_PROTOCOL_INFO, IPPROTO_TCP, IPPROTO_UDP, SOCK_DGRAM, SOCK_RAW, SOCK_RDM, SOCK_SEQPACKET, SOCK_STREAM,
    WSA_FLAG_ACCESS_SYSTEM_SECURITY, WSA_FLAG_MULTIPOINT_C_LEAF, WSA_FLAG_MULTIPOINT_C_ROOT,
    WSA_FLAG_MULTIPOINT_D_LEAF, WSA_FLAG_MULTIPOINT_D_ROOT, WSA_FLAG_NO_HANDLE_INHERIT, WSA_FLAG_OVERLAPPED,
    WSA_FLAG_REGISTERED_IO, WSAPROTOCOL_INFOW, WsaError, XP1_MULTIPOINT_CONTROL_PLANE, XP1_MULTIPOINT_DATA_PLANE,
    XP1_SUPPORT_MULTIPOINT,
};
use windlass_spi::Result;
use windlass_spi::transport::{NewSocket, SocketRequest};

use crate::error::from_errno;
use crate::socket::{Family, Kind, TcpSocket};

/// Makes a socket. Its descriptor is not inherited by programs that this process executes, whatever
/// `WSA_FLAG_NO_HANDLE_INHERIT` says: a program that wants another to have a socket duplicates it.
///
/// # Errors
/// WSAEAFNOSUPPORT, WSAESOCKTNOSUPPORT, WSAEPROTONOSUPPORT, WSAEPROTOTYPE: not TCP or UDP over IPv4 or
/// IPv6. WSAEINVAL: flags or group (WSP-SOCK-4, WSP-SOCK-7). WSAEMFILE, WSAENOBUFS: no resources.
pub fn socket(request: &SocketRequest<'_>) -> Result<NewSocket<TcpSocket>> {
    if request.group != 0 {
        return Err(WsaError::WSAEINVAL);
    }
    let (family, kind) = choose(request.family, request.socket_type, request.protocol, request.info)?;
    check_flags(request.flags, request.info.dwServiceFlags1)?;
    let fd = kernel_socket(family, kind)?;
    let socket = TcpSocket::new(fd, family, kind, request.flags);
    Ok(NewSocket::Ifs { handle: socket.handle(), state: socket })
}

/// A socket of the kernel, as every one of this provider begins.
///
/// # Errors
/// WSAEMFILE, WSAENOBUFS, WSAEAFNOSUPPORT.
pub fn kernel_socket(family: Family, kind: Kind) -> Result<OwnedFd> {
    let protocol = match kind {
        Kind::Stream => ipproto::TCP,
        Kind::Datagram => ipproto::UDP,
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let fd = socket_with(family.kernel(), kind.kernel(), flags, Some(protocol)).map_err(from_errno)?;
    if family == Family::Ip6 {
        // The default of Windows.
        sockopt::set_ipv6_v6only(&fd, true).map_err(from_errno)?;
    }
    Ok(fd)
}

/// What the three numbers mean (WSP-SOCK-1): zero and `FROM_PROTOCOL_INFO` take the entry's value.
fn choose(family: i32, socket_type: i32, protocol: i32, info: &WSAPROTOCOL_INFOW) -> Result<(Family, Kind)> {
    let or = |value: i32, entry: i32| if matches!(value, 0 | FROM_PROTOCOL_INFO) { entry } else { value };
    let family = Family::from_windows(or(family, info.iAddressFamily)).ok_or(WsaError::WSAEAFNOSUPPORT)?;
    let kind = match or(socket_type, info.iSocketType) {
        SOCK_STREAM => Kind::Stream,
        SOCK_DGRAM => Kind::Datagram,
        SOCK_RAW | SOCK_RDM | SOCK_SEQPACKET => return Err(WsaError::WSAESOCKTNOSUPPORT),
        _ => return Err(WsaError::WSAEINVAL),
    };
    // An entry with protocol zero stands for the type's own.
    match if protocol == FROM_PROTOCOL_INFO { info.iProtocol } else { protocol } {
        0 => Ok((family, kind)),
        named if named == kind.protocol() => Ok((family, kind)),
        IPPROTO_TCP | IPPROTO_UDP => Err(WsaError::WSAEPROTOTYPE),
        _ => Err(WsaError::WSAEPROTONOSUPPORT),
    }
}

const ROOTS: u32 = WSA_FLAG_MULTIPOINT_C_ROOT | WSA_FLAG_MULTIPOINT_D_ROOT;
const CONTROL: u32 = WSA_FLAG_MULTIPOINT_C_ROOT | WSA_FLAG_MULTIPOINT_C_LEAF;
const DATA: u32 = WSA_FLAG_MULTIPOINT_D_ROOT | WSA_FLAG_MULTIPOINT_D_LEAF;
const OTHER: u32 =
    WSA_FLAG_OVERLAPPED | WSA_FLAG_ACCESS_SYSTEM_SECURITY | WSA_FLAG_NO_HANDLE_INHERIT | WSA_FLAG_REGISTERED_IO;

/// Whether a protocol with these services can have such a socket (WSP-SOCK-3, WSP-SOCK-4).
fn check_flags(flags: u32, services: u32) -> Result<()> {
    let one = |of: u32| (flags & of).count_ones() == 1;
    let possible = match flags & (CONTROL | DATA) {
        0 => true,
        multipoint => {
            one(CONTROL)
                && one(DATA)
                && services & XP1_SUPPORT_MULTIPOINT != 0
                && (multipoint & ROOTS & CONTROL == 0 || services & XP1_MULTIPOINT_CONTROL_PLANE != 0)
                && (multipoint & ROOTS & DATA == 0 || services & XP1_MULTIPOINT_DATA_PLANE != 0)
        }
    };
    if possible && flags & !(CONTROL | DATA | OTHER) == 0 { Ok(()) } else { Err(WsaError::WSAEINVAL) }
}

#[cfg(test)]
mod tests {
    use windlass_abi::{AF_INET, AF_INET6, AF_UNIX, IPPROTO_ICMP};

    use super::*;

    fn entry(family: i32, socket_type: i32, protocol: i32) -> WSAPROTOCOL_INFOW {
        WSAPROTOCOL_INFOW {
            iAddressFamily: family,
            iSocketType: socket_type,
            iProtocol: protocol,
            ..Default::default()
        }
    }

    #[test]
    fn wsp_sock_1_zero_and_from_protocol_info_take_the_entrys_values() {
        let tcp = entry(AF_INET, SOCK_STREAM, IPPROTO_TCP);
        let udp = entry(AF_INET6, SOCK_DGRAM, IPPROTO_UDP);
        for nothing in [0, FROM_PROTOCOL_INFO] {
            assert_eq!(choose(nothing, nothing, nothing, &tcp), Ok((Family::Ip4, Kind::Stream)));
            assert_eq!(choose(nothing, nothing, nothing, &udp), Ok((Family::Ip6, Kind::Datagram)));
        }
        // What the client names is not the entry's affair.
        assert_eq!(choose(AF_INET, SOCK_STREAM, IPPROTO_TCP, &udp), Ok((Family::Ip4, Kind::Stream)));
        assert_eq!(choose(AF_INET, SOCK_DGRAM, 0, &tcp), Ok((Family::Ip4, Kind::Datagram)));
    }

    #[test]
    fn what_is_not_tcp_or_udp_has_an_error_of_its_own() {
        let tcp = entry(AF_INET, SOCK_STREAM, IPPROTO_TCP);
        let error = |family, kind, protocol| choose(family, kind, protocol, &tcp).unwrap_err();
        assert_eq!(error(AF_UNIX, SOCK_STREAM, 0), WsaError::WSAEAFNOSUPPORT);
        assert_eq!(error(10, SOCK_STREAM, 0), WsaError::WSAEAFNOSUPPORT);
        assert_eq!(error(AF_INET, SOCK_RAW, 0), WsaError::WSAESOCKTNOSUPPORT);
        assert_eq!(error(AF_INET, 77, 0), WsaError::WSAEINVAL);
        assert_eq!(error(AF_INET, SOCK_STREAM, IPPROTO_UDP), WsaError::WSAEPROTOTYPE);
        assert_eq!(error(AF_INET, SOCK_DGRAM, IPPROTO_TCP), WsaError::WSAEPROTOTYPE);
        assert_eq!(error(AF_INET, SOCK_DGRAM, IPPROTO_ICMP), WsaError::WSAEPROTONOSUPPORT);
    }

    #[test]
    fn wsp_sock_4_one_control_flag_and_one_data_flag_that_the_planes_allow() {
        let leaf = WSA_FLAG_MULTIPOINT_C_LEAF | WSA_FLAG_MULTIPOINT_D_LEAF;
        let root = WSA_FLAG_MULTIPOINT_C_ROOT | WSA_FLAG_MULTIPOINT_D_ROOT;
        let all = XP1_SUPPORT_MULTIPOINT | XP1_MULTIPOINT_CONTROL_PLANE | XP1_MULTIPOINT_DATA_PLANE;
        let invalid = Err(WsaError::WSAEINVAL);
        assert_eq!(check_flags(leaf | WSA_FLAG_OVERLAPPED, XP1_SUPPORT_MULTIPOINT), Ok(()));
        assert_eq!(check_flags(leaf, 0), invalid);
        assert_eq!(check_flags(root, XP1_SUPPORT_MULTIPOINT), invalid);
        assert_eq!(check_flags(root, all), Ok(()));
        assert_eq!(check_flags(root, XP1_SUPPORT_MULTIPOINT | XP1_MULTIPOINT_CONTROL_PLANE), invalid);
        assert_eq!(check_flags(root, XP1_SUPPORT_MULTIPOINT | XP1_MULTIPOINT_DATA_PLANE), invalid);
        for lone in [WSA_FLAG_MULTIPOINT_C_LEAF, WSA_FLAG_MULTIPOINT_D_LEAF, CONTROL, DATA, leaf | root] {
            assert_eq!(check_flags(lone, all), invalid, "{lone:#x}");
        }
    }

    // proves: WSP-SOCK-2
    #[test]
    fn wsp_sock_3_knows_the_flags_and_no_others() {
        for bit in 0..32 {
            let expected = if OTHER & 1 << bit != 0 { Ok(()) } else { Err(WsaError::WSAEINVAL) };
            assert_eq!(check_flags(1 << bit, 0), expected, "bit {bit}");
        }
        assert_eq!(check_flags(0, 0), Ok(()));
    }
}
