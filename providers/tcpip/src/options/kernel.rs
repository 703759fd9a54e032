//! The options of the kernel for which there is no function elsewhere. One line says what an option is: its
//! level, its number, and the type of its value; the macro is the binding crate's own.

use nix::sys::socket::{GetSockOpt, SetSockOpt};
use nix::{getsockopt_impl, setsockopt_impl, sockopt_impl};
use windlass_spi::Result;

use crate::error::from_errno;
use crate::socket::TcpSocket;

pub use nix::sys::socket::sockopt::{
    IpBindAddressNoPort, Ipv4PacketInfo, Ipv4RecvTtl, Ipv6DontFrag, Ipv6RecvHopLimit, Ipv6RecvPacketInfo, TcpMaxSeg,
    UdpGsoSegment,
};

sockopt_impl!(NoChecksum, Both, libc::SOL_SOCKET, libc::SO_NO_CHECK, bool);
sockopt_impl!(PeekOffset, SetOnly, libc::SOL_SOCKET, libc::SO_PEEK_OFF, i32);
sockopt_impl!(IpUnicastIf, Both, libc::IPPROTO_IP, libc::IP_UNICAST_IF, u32);
sockopt_impl!(Ipv6UnicastIf, Both, libc::IPPROTO_IPV6, libc::IPV6_UNICAST_IF, u32);

/// A group and the interface to join it on, as the kernel has it (`struct group_req`).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Group {
    pub interface: u32,
    pub padding: u32,
    pub group: Storage,
}

/// The same with one source of the group (`struct group_source_req`).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct GroupSource {
    pub interface: u32,
    pub padding: u32,
    pub group: Storage,
    pub source: Storage,
}

/// Room for any socket address of the kernel.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
pub struct Storage(pub [u8; 128]);

/// The operations on memberships, for both families: the numbers are the same, the levels are not.
macro_rules! memberships {
    ($($ip4:ident, $ip6:ident = $number:ident($value:ty);)*) => {$(
        sockopt_impl!($ip4, SetOnly, libc::IPPROTO_IP, libc::$number, $value);
        sockopt_impl!($ip6, SetOnly, libc::IPPROTO_IPV6, libc::$number, $value);
    )*};
}

memberships! {
    Join4, Join6 = MCAST_JOIN_GROUP(Group);
    Leave4, Leave6 = MCAST_LEAVE_GROUP(Group);
    JoinSource4, JoinSource6 = MCAST_JOIN_SOURCE_GROUP(GroupSource);
    LeaveSource4, LeaveSource6 = MCAST_LEAVE_SOURCE_GROUP(GroupSource);
    Block4, Block6 = MCAST_BLOCK_SOURCE(GroupSource);
    Unblock4, Unblock6 = MCAST_UNBLOCK_SOURCE(GroupSource);
}

/// Reads an option of the kernel.
pub fn get<O: GetSockOpt>(socket: &TcpSocket, option: O) -> Result<O::Val> {
    nix::sys::socket::getsockopt(&socket.fd(), option).map_err(error)
}

/// Sets an option of the kernel.
pub fn set<O: SetSockOpt<Val: Sized>>(socket: &TcpSocket, option: O, value: O::Val) -> Result<()> {
    nix::sys::socket::setsockopt(&socket.fd(), option, &value).map_err(error)
}

fn error(errno: nix::errno::Errno) -> windlass_abi::WsaError {
    from_errno(rustix::io::Errno::from_raw_os_error(errno as i32))
}
