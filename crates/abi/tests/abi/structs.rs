//! Every structure of the ABI, with its fields: in Rust (`windlass_abi`), in the C headers and in
//! `windows-sys`, which Microsoft generates from the Windows headers.

use core::mem::{align_of, offset_of, size_of};

use windlass_abi as abi;

use crate::describe::{CType, describe_field};

/// The same structures of `windows-sys`, under the names of the C headers.
pub mod win {
    pub use windows_sys::Win32::Foundation::{FILETIME, PAPCFUNC};
    pub use windows_sys::Win32::Networking::WinSock::CMSGHDR as WSACMSGHDR;
    pub use windows_sys::Win32::Networking::WinSock::*;
    pub use windows_sys::Win32::Security::SECURITY_ATTRIBUTES;
    pub use windows_sys::Win32::System::Com::BLOB;
    pub use windows_sys::Win32::System::Console::PHANDLER_ROUTINE;
    pub use windows_sys::Win32::System::IO::OVERLAPPED as WSAOVERLAPPED;
    pub use windows_sys::Win32::System::IO::OVERLAPPED_ENTRY;
    pub use windows_sys::Win32::System::SystemInformation::SYSTEM_INFO;
    pub use windows_sys::Win32::System::Threading::{
        CONDITION_VARIABLE, CRITICAL_SECTION, INIT_ONCE, LPTHREAD_START_ROUTINE, PINIT_ONCE_FN, SRWLOCK,
    };
    pub use windows_sys::core::GUID;
}

/// How one side lays a structure out.
#[derive(Debug, PartialEq, Eq)]
pub struct Layout {
    pub name: &'static str,
    pub size: usize,
    pub align: usize,
    /// In the order of the table.
    pub fields: Vec<Field>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Field {
    /// The name in C.
    pub name: String,
    pub offset: usize,
    /// Not compared where the sides group the fields in their own way.
    pub kind: Option<String>,
}

fn field(name: &str, offset: usize, kind: Option<String>) -> Field {
    Field { name: name.replace("r#", "").replace(' ', ""), offset, kind }
}

macro_rules! layout {
    ($side:ident, $name:ident { $($field:ident),* } { $($c:expr => ($($path:ident).+)),* }) => {
        Layout {
            name: stringify!($name),
            size: size_of::<$side::$name>(),
            align: align_of::<$side::$name>(),
            fields: vec![
                $(field(
                    stringify!($field),
                    offset_of!($side::$name, $field),
                    Some(describe_field(|s: &$side::$name| &s.$field)),
                ),)*
                $(field($c, offset_of!($side::$name, $($path).+), None),)*
            ],
        }
    };
}

macro_rules! structs {
    (
        // name { fields of the same name } { Rust path | C path | windows-sys path; … }
        both { $($name:ident { $($field:ident),* $(,)? } { $($($r:ident).+ | $($c:ident).+ | $($w:ident).+);* $(;)? })* }
        // Not in the ABI crate.
        headers { $($h_name:ident { $($h_field:ident),* $(,)? })* }
    ) => {
        $(impl CType for abi::$name {
            fn describe() -> String {
                stringify!($name).into()
            }
        }
        impl CType for win::$name {
            fn describe() -> String {
                stringify!($name).into()
            }
        })*
        $(impl CType for win::$h_name {
            fn describe() -> String {
                stringify!($h_name).into()
            }
        })*

        /// The structures as Rust has them.
        pub fn rust() -> Vec<Layout> {
            vec![$(layout!(abi, $name { $($field),* } { $(stringify!($($c).+) => ($($r).+)),* })),*]
        }

        /// The same as Windows has them.
        pub fn windows() -> Vec<Layout> {
            vec![$(layout!(win, $name { $($field),* } { $(stringify!($($c).+) => ($($w).+)),* })),*]
        }

        /// Those that only the headers have, as Windows has them.
        pub fn windows_only() -> Vec<Layout> {
            vec![$(layout!(win, $h_name { $($h_field),* } {})),*]
        }
    };
}

structs! {
    both {
        GUID {} {
            data1 | Data1 | data1; data2 | Data2 | data2; data3 | Data3 | data3; data4 | Data4 | data4
        }
        WSABUF { len, buf } {}
        BLOB { cbSize, pBlobData } {}
        WSATHREADID { ThreadHandle, Reserved } {}
        WSADATA {
            wVersion, wHighVersion, iMaxSockets, iMaxUdpDg, lpVendorInfo, szDescription, szSystemStatus
        } {}
        WSANETWORKEVENTS { lNetworkEvents, iErrorCode } {}
        WSAPOLLFD { fd, events, revents } {}
        IP_MREQ { imr_multiaddr, imr_interface } {}
        IP_MREQ_SOURCE { imr_multiaddr, imr_sourceaddr, imr_interface } {}
        IP_MSFILTER { imsf_multiaddr, imsf_interface, imsf_fmode, imsf_numsrc, imsf_slist } {}
        IPV6_MREQ { ipv6mr_multiaddr, ipv6mr_interface } {}
        GROUP_REQ { gr_interface, gr_group } {}
        GROUP_SOURCE_REQ { gsr_interface, gsr_group, gsr_source } {}
        GROUP_FILTER { gf_interface, gf_group, gf_fmode, gf_numsrc, gf_slist } {}
        IN_PKTINFO { ipi_addr, ipi_ifindex } {}
        IN6_PKTINFO { ipi6_addr, ipi6_ifindex } {}
        IN_RECVERR { protocol, info, r#type, code } {}
        ICMP_ERROR_INFO { srcaddress, protocol, r#type, code } {}
        INTERFACE_INFO { iiFlags, iiAddress, iiBroadcastAddress, iiNetmask } {}
        INTERFACE_INFO_EX { iiFlags, iiAddress, iiBroadcastAddress, iiNetmask } {}
        TRANSMIT_FILE_BUFFERS { Head, HeadLength, Tail, TailLength } {}
        WSAMSG { name, namelen, lpBuffers, dwBufferCount, Control, dwFlags } {}
        WSACMSGHDR { cmsg_len, cmsg_level, cmsg_type } {}
        WSASENDMSG { lpMsg, dwFlags, lpNumberOfBytesSent, lpOverlapped, lpCompletionRoutine } {}
        WSAPOLLDATA { result, fds, timeout, fdArray } {}
        RIO_BUF { BufferId, Offset, Length } {}
        RIO_CMSG_BUFFER { TotalLength } {}
        RIORESULT { Status, BytesTransferred, SocketContext, RequestContext } {}
        RIO_EXTENSION_FUNCTION_TABLE { cbSize, RIOReceive, RIOReceiveEx, RIOSend, RIOSendEx,
            RIOCloseCompletionQueue, RIOCreateCompletionQueue, RIOCreateRequestQueue, RIODequeueCompletion,
            RIODeregisterBuffer, RIONotify, RIORegisterBuffer, RIOResizeCompletionQueue,
            RIOResizeRequestQueue } {}
        WSAVERSION { dwVersion, ecHow } {}
        AFPROTOCOLS { iAddressFamily, iProtocol } {}
        CSADDR_INFO { LocalAddr, RemoteAddr, iSocketType, iProtocol } {}
        WSAQUERYSETA { dwSize, lpszServiceInstanceName, lpServiceClassId, lpVersion, lpszComment,
            dwNameSpace, lpNSProviderId, lpszContext, dwNumberOfProtocols, lpafpProtocols, lpszQueryString,
            dwNumberOfCsAddrs, lpcsaBuffer, dwOutputFlags, lpBlob } {}
        WSAQUERYSETW { dwSize, lpszServiceInstanceName, lpServiceClassId, lpVersion, lpszComment,
            dwNameSpace, lpNSProviderId, lpszContext, dwNumberOfProtocols, lpafpProtocols, lpszQueryString,
            dwNumberOfCsAddrs, lpcsaBuffer, dwOutputFlags, lpBlob } {}
        WSAQUERYSET2A { dwSize, lpszServiceInstanceName, lpVersion, lpszComment, dwNameSpace,
            lpNSProviderId, lpszContext, dwNumberOfProtocols, lpafpProtocols, lpszQueryString,
            dwNumberOfCsAddrs, lpcsaBuffer, dwOutputFlags, lpBlob } {}
        WSAQUERYSET2W { dwSize, lpszServiceInstanceName, lpVersion, lpszComment, dwNameSpace,
            lpNSProviderId, lpszContext, dwNumberOfProtocols, lpafpProtocols, lpszQueryString,
            dwNumberOfCsAddrs, lpcsaBuffer, dwOutputFlags, lpBlob } {}
        WSANSCLASSINFOA { lpszName, dwNameSpace, dwValueType, dwValueSize, lpValue } {}
        WSANSCLASSINFOW { lpszName, dwNameSpace, dwValueType, dwValueSize, lpValue } {}
        WSASERVICECLASSINFOA { lpServiceClassId, lpszServiceClassName, dwCount, lpClassInfos } {}
        WSASERVICECLASSINFOW { lpServiceClassId, lpszServiceClassName, dwCount, lpClassInfos } {}
        WSANAMESPACE_INFOA { NSProviderId, dwNameSpace, fActive, dwVersion, lpszIdentifier } {}
        WSANAMESPACE_INFOW { NSProviderId, dwNameSpace, fActive, dwVersion, lpszIdentifier } {}
        WSANAMESPACE_INFOEXA { NSProviderId, dwNameSpace, fActive, dwVersion, lpszIdentifier,
            ProviderSpecific } {}
        WSANAMESPACE_INFOEXW { NSProviderId, dwNameSpace, fActive, dwVersion, lpszIdentifier,
            ProviderSpecific } {}
        NAPI_PROVIDER_INSTALLATION_BLOB { dwVersion, dwProviderType, fSupportsWildCard, cDomains,
            OffsetFirstDomain } {}
        NAPI_DOMAIN_DESCRIPTION_BLOB { AuthLevel, cchDomainName, OffsetNextDomainDescription,
            OffsetThisDomainName } {}
        NSP_ROUTINE { cbSize, dwMajorVersion, dwMinorVersion, NSPCleanup, NSPLookupServiceBegin,
            NSPLookupServiceNext, NSPLookupServiceEnd, NSPSetService, NSPInstallServiceClass,
            NSPRemoveServiceClass, NSPGetServiceClassInfo, NSPIoctl } {}
        NSPV2_ROUTINE { cbSize, dwMajorVersion, dwMinorVersion, NSPv2Startup, NSPv2Cleanup,
            NSPv2LookupServiceBegin, NSPv2LookupServiceNextEx, NSPv2LookupServiceEnd, NSPv2SetServiceEx,
            NSPv2ClientSessionRundown } {}
        HOSTENT { h_name, h_aliases, h_addrtype, h_length, h_addr_list } {}
        SERVENT { s_name, s_aliases, s_port, s_proto } {}
        PROTOENT { p_name, p_aliases, p_proto } {}
        ADDRINFOA { ai_flags, ai_family, ai_socktype, ai_protocol, ai_addrlen, ai_canonname, ai_addr,
            ai_next } {}
        ADDRINFOW { ai_flags, ai_family, ai_socktype, ai_protocol, ai_addrlen, ai_canonname, ai_addr,
            ai_next } {}
        ADDRINFOEXA { ai_flags, ai_family, ai_socktype, ai_protocol, ai_addrlen, ai_canonname, ai_addr,
            ai_blob, ai_bloblen, ai_provider, ai_next } {}
        ADDRINFOEXW { ai_flags, ai_family, ai_socktype, ai_protocol, ai_addrlen, ai_canonname, ai_addr,
            ai_blob, ai_bloblen, ai_provider, ai_next } {}
        ADDRINFOEX2W { ai_flags, ai_family, ai_socktype, ai_protocol, ai_addrlen, ai_canonname, ai_addr,
            ai_blob, ai_bloblen, ai_provider, ai_next, ai_version, ai_fqdn } {}
        WSAPROTOCOLCHAIN { ChainLen, ChainEntries } {}
        WSAPROTOCOL_INFOW { dwServiceFlags1, dwServiceFlags2, dwServiceFlags3, dwServiceFlags4,
            dwProviderFlags, ProviderId, dwCatalogEntryId, ProtocolChain, iVersion, iAddressFamily,
            iMaxSockAddr, iMinSockAddr, iSocketType, iProtocol, iProtocolMaxOffset, iNetworkByteOrder,
            iSecurityScheme, dwMessageSize, dwProviderReserved, szProtocol } {}
        WSAPROTOCOL_INFOA { dwServiceFlags1, dwServiceFlags2, dwServiceFlags3, dwServiceFlags4,
            dwProviderFlags, ProviderId, dwCatalogEntryId, ProtocolChain, iVersion, iAddressFamily,
            iMaxSockAddr, iMinSockAddr, iSocketType, iProtocol, iProtocolMaxOffset, iNetworkByteOrder,
            iSecurityScheme, dwMessageSize, dwProviderReserved, szProtocol } {}
        SOCKADDR { sa_family, sa_data } {}
        SOCKADDR_IN { sin_family, sin_port, sin_addr, sin_zero } {}
        FD_SET { fd_count, fd_array } {}
        TIMEVAL { tv_sec, tv_usec } {}
        LINGER { l_onoff, l_linger } {}
        FLOWSPEC { TokenRate, TokenBucketSize, PeakBandwidth, Latency, DelayVariation, ServiceType,
            MaxSduSize, MinimumPolicedSize } {}
        QOS { SendingFlowspec, ReceivingFlowspec, ProviderSpecific } {}
        SOCKET_ADDRESS { lpSockaddr, iSockaddrLength } {}
        SOCKET_ADDRESS_LIST { iAddressCount, Address } {}
        WSPDATA { wVersion, wHighVersion, szDescription } {}
        WSPPROC_TABLE { lpWSPAccept, lpWSPAddressToString, lpWSPAsyncSelect, lpWSPBind,
            lpWSPCancelBlockingCall, lpWSPCleanup, lpWSPCloseSocket, lpWSPConnect, lpWSPDuplicateSocket,
            lpWSPEnumNetworkEvents, lpWSPEventSelect, lpWSPGetOverlappedResult, lpWSPGetPeerName,
            lpWSPGetSockName, lpWSPGetSockOpt, lpWSPGetQOSByName, lpWSPIoctl, lpWSPJoinLeaf, lpWSPListen,
            lpWSPRecv, lpWSPRecvDisconnect, lpWSPRecvFrom, lpWSPSelect, lpWSPSend, lpWSPSendDisconnect,
            lpWSPSendTo, lpWSPSetSockOpt, lpWSPShutdown, lpWSPSocket, lpWSPStringToAddress } {}
        WSPUPCALLTABLE { lpWPUCloseEvent, lpWPUCloseSocketHandle, lpWPUCreateEvent, lpWPUCreateSocketHandle,
            lpWPUFDIsSet, lpWPUGetProviderPath, lpWPUModifyIFSHandle, lpWPUPostMessage,
            lpWPUQueryBlockingCallback, lpWPUQuerySocketHandleContext, lpWPUQueueApc, lpWPUResetEvent,
            lpWPUSetEvent, lpWPUOpenCurrentThread, lpWPUCloseThread } {}
        IN_ADDR {} { s_addr | S_un.S_addr | S_un.S_addr }
        IN6_ADDR {} { Byte | u.Byte | u.Byte }
        SOCKADDR_IN6 { sin6_family, sin6_port, sin6_flowinfo, sin6_addr } {
            sin6_scope_id | sin6_scope_id | Anonymous.sin6_scope_id
        }
        SOCKADDR_STORAGE { ss_family } {}
        SOCKADDR_INET {} { Ipv4 | Ipv4 | Ipv4; Ipv6 | Ipv6 | Ipv6; si_family | si_family | si_family }
        sockaddr_in6_old { sin6_family, sin6_port, sin6_flowinfo, sin6_addr } {}
        sockaddr_gen {} { Address | Address | Address; AddressIn | AddressIn | AddressIn; AddressIn6 | AddressIn6 | AddressIn6 }
        tcp_keepalive { onoff, keepalivetime, keepaliveinterval } {}
        netent { n_name, n_aliases, n_addrtype, n_net } {}
        WSAOVERLAPPED { Internal, InternalHigh, hEvent } {
            Offset | Offset | Anonymous.Anonymous.Offset;
            OffsetHigh | OffsetHigh | Anonymous.Anonymous.OffsetHigh
        }
        FILETIME { dwLowDateTime, dwHighDateTime } {}
        OVERLAPPED_ENTRY { lpCompletionKey, lpOverlapped, Internal, dwNumberOfBytesTransferred } {}
        SYSTEM_INFO { dwPageSize, lpMinimumApplicationAddress, lpMaximumApplicationAddress, dwActiveProcessorMask,
            dwNumberOfProcessors, dwProcessorType, dwAllocationGranularity, wProcessorLevel, wProcessorRevision } {
            wProcessorArchitecture | wProcessorArchitecture | Anonymous.Anonymous.wProcessorArchitecture;
            wReserved | wReserved | Anonymous.Anonymous.wReserved
        }
        TRANSMIT_PACKETS_ELEMENT { dwElFlags, cLength } {
            u.pBuffer | pBuffer | Anonymous.pBuffer;
            u.file.nFileOffset | nFileOffset | Anonymous.Anonymous.nFileOffset;
            u.file.hFile | hFile | Anonymous.Anonymous.hFile
        }
        RIO_NOTIFICATION_COMPLETION { Type } {
            u.Event.EventHandle | Event.EventHandle | Anonymous.Event.EventHandle;
            u.Event.NotifyReset | Event.NotifyReset | Anonymous.Event.NotifyReset;
            u.Iocp.IocpHandle | Iocp.IocpHandle | Anonymous.Iocp.IocpHandle;
            u.Iocp.CompletionKey | Iocp.CompletionKey | Anonymous.Iocp.CompletionKey;
            u.Iocp.Overlapped | Iocp.Overlapped | Anonymous.Iocp.Overlapped
        }
        WSACOMPLETION { Type } {
            Parameters.WindowMessage.hWnd | Parameters.WindowMessage.hWnd | Parameters.WindowMessage.hWnd;
            Parameters.WindowMessage.uMsg | Parameters.WindowMessage.uMsg | Parameters.WindowMessage.uMsg;
            Parameters.WindowMessage.context | Parameters.WindowMessage.context | Parameters.WindowMessage.context;
            Parameters.Event.lpOverlapped | Parameters.Event.lpOverlapped | Parameters.Event.lpOverlapped;
            Parameters.Apc.lpOverlapped | Parameters.Apc.lpOverlapped | Parameters.Apc.lpOverlapped;
            Parameters.Apc.lpfnCompletionProc | Parameters.Apc.lpfnCompletionProc | Parameters.Apc.lpfnCompletionProc;
            Parameters.Port.lpOverlapped | Parameters.Port.lpOverlapped | Parameters.Port.lpOverlapped;
            Parameters.Port.hPort | Parameters.Port.hPort | Parameters.Port.hPort;
            Parameters.Port.Key | Parameters.Port.Key | Parameters.Port.Key
        }
    }
    headers {
        CONDITION_VARIABLE { Ptr }
        CRITICAL_SECTION { LockCount, RecursionCount, OwningThread, LockSemaphore, SpinCount }
        INIT_ONCE {}
        SRWLOCK { Ptr }
        SECURITY_ATTRIBUTES { nLength, lpSecurityDescriptor, bInheritHandle }
        SOCK_NOTIFY_REGISTRATION { socket, completionKey, eventFilter, operation, triggerFlags, registrationResult }
        WSC_PROVIDER_AUDIT_INFO { RecordSize, Reserved }
        sockproto { sp_family, sp_protocol }
    }
}
