//! The error codes of Winsock (LC-NUM-3).

macro_rules! errors {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)*) => {
        /// A Winsock error: each documented code by its name, any other as `Other`.
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        pub enum WsaError {
            $($(#[$doc])* $name,)*
            /// A code that Winsock does not document, passed on as a provider gave it.
            Other(i32),
        }

        $($(#[$doc])* pub const $name: i32 = $code;)*

        impl WsaError {
            /// Every documented error, in the order of the codes.
            pub const ALL: &[WsaError] = &[$(WsaError::$name),*];

            /// The number that `WSAGetLastError` returns.
            pub const fn code(self) -> i32 {
                match self {
                    $(WsaError::$name => $code,)*
                    WsaError::Other(code) => code,
                }
            }

            /// The error that has this number.
            pub const fn from_code(code: i32) -> Self {
                match code {
                    $($code => WsaError::$name,)*
                    other => WsaError::Other(other),
                }
            }

            /// The name in the headers; empty for an undocumented code.
            pub const fn name(self) -> &'static str {
                match self {
                    $(WsaError::$name => stringify!($name),)*
                    WsaError::Other(_) => "",
                }
            }
        }
    };
}

errors! {
    /// A handle is not valid.
    WSA_INVALID_HANDLE = 6,
    /// There is not enough memory.
    WSA_NOT_ENOUGH_MEMORY = 8,
    /// One or more parameters are not valid.
    WSA_INVALID_PARAMETER = 87,
    /// The overlapped operation was cancelled.
    WSA_OPERATION_ABORTED = 995,
    /// The overlapped operation is not complete.
    WSA_IO_INCOMPLETE = 996,
    /// The overlapped operation has started and completes later.
    WSA_IO_PENDING = 997,
    /// A blocking call was cancelled.
    WSAEINTR = 10004,
    /// The handle is not valid.
    WSAEBADF = 10009,
    /// Access is not allowed.
    WSAEACCES = 10013,
    /// A pointer is not valid, or a buffer is too small.
    WSAEFAULT = 10014,
    /// An argument is not valid, or the call does not fit the socket's state.
    WSAEINVAL = 10022,
    /// Too many sockets are open.
    WSAEMFILE = 10024,
    /// The operation cannot finish at once on a non-blocking socket.
    WSAEWOULDBLOCK = 10035,
    /// A blocking call is in progress.
    WSAEINPROGRESS = 10036,
    /// The same operation is already in progress.
    WSAEALREADY = 10037,
    /// The handle is not a socket.
    WSAENOTSOCK = 10038,
    /// A destination address is required.
    WSAEDESTADDRREQ = 10039,
    /// The message is larger than a buffer or a limit.
    WSAEMSGSIZE = 10040,
    /// The protocol does not fit the socket type.
    WSAEPROTOTYPE = 10041,
    /// The option or level is not known.
    WSAENOPROTOOPT = 10042,
    /// The protocol is not supported.
    WSAEPROTONOSUPPORT = 10043,
    /// The socket type is not supported.
    WSAESOCKTNOSUPPORT = 10044,
    /// The operation is not supported.
    WSAEOPNOTSUPP = 10045,
    /// The protocol family is not supported.
    WSAEPFNOSUPPORT = 10046,
    /// The address family is not supported.
    WSAEAFNOSUPPORT = 10047,
    /// The address is in use.
    WSAEADDRINUSE = 10048,
    /// The address is not one of this machine.
    WSAEADDRNOTAVAIL = 10049,
    /// The network is down.
    WSAENETDOWN = 10050,
    /// The network cannot be reached.
    WSAENETUNREACH = 10051,
    /// The connection was broken by keep-alive.
    WSAENETRESET = 10052,
    /// The connection was aborted by this machine.
    WSAECONNABORTED = 10053,
    /// The connection was reset by the peer.
    WSAECONNRESET = 10054,
    /// No buffer space is available.
    WSAENOBUFS = 10055,
    /// The socket is already connected.
    WSAEISCONN = 10056,
    /// The socket is not connected.
    WSAENOTCONN = 10057,
    /// The socket was shut down.
    WSAESHUTDOWN = 10058,
    /// Too many references to a kernel object.
    WSAETOOMANYREFS = 10059,
    /// The time limit was reached.
    WSAETIMEDOUT = 10060,
    /// The connection was refused.
    WSAECONNREFUSED = 10061,
    /// A name cannot be translated.
    WSAELOOP = 10062,
    /// A name is too long.
    WSAENAMETOOLONG = 10063,
    /// The host is down.
    WSAEHOSTDOWN = 10064,
    /// The host cannot be reached.
    WSAEHOSTUNREACH = 10065,
    /// A directory is not empty.
    WSAENOTEMPTY = 10066,
    /// Too many tasks use Winsock.
    WSAEPROCLIM = 10067,
    /// The quota of users is exhausted.
    WSAEUSERS = 10068,
    /// The disk quota is exhausted.
    WSAEDQUOT = 10069,
    /// The file handle is stale.
    WSAESTALE = 10070,
    /// The item is remote.
    WSAEREMOTE = 10071,
    /// The network subsystem is not available.
    WSASYSNOTREADY = 10091,
    /// The version asked for is not supported.
    WSAVERNOTSUPPORTED = 10092,
    /// `WSAStartup` has not been called, or `WSACleanup` has.
    WSANOTINITIALISED = 10093,
    /// The message-oriented peer has disconnected.
    WSAEDISCON = 10101,
    /// No more results (old code).
    WSAENOMORE = 10102,
    /// The look-up was cancelled (old code).
    WSAECANCELLED = 10103,
    /// The provider's procedure table is not valid.
    WSAEINVALIDPROCTABLE = 10104,
    /// The provider is not valid, or not of a version that can be used.
    WSAEINVALIDPROVIDER = 10105,
    /// The provider could not be loaded or started.
    WSAEPROVIDERFAILEDINIT = 10106,
    /// A system call that should never fail has failed.
    WSASYSCALLFAILURE = 10107,
    /// The service is not known.
    WSASERVICE_NOT_FOUND = 10108,
    /// The service class is not known.
    WSATYPE_NOT_FOUND = 10109,
    /// No more results.
    WSA_E_NO_MORE = 10110,
    /// The look-up was cancelled.
    WSA_E_CANCELLED = 10111,
    /// A database query was refused.
    WSAEREFUSED = 10112,
    /// No such host.
    WSAHOST_NOT_FOUND = 11001,
    /// The host was not found for now.
    WSATRY_AGAIN = 11002,
    /// The look-up failed for good, or storage refused.
    WSANO_RECOVERY = 11003,
    /// The name is valid but has no data of this kind.
    WSANO_DATA = 11004,
    /// At least one QoS reservation has arrived.
    WSA_QOS_RECEIVERS = 11005,
    /// At least one QoS send path has arrived.
    WSA_QOS_SENDERS = 11006,
    /// There are no QoS senders.
    WSA_QOS_NO_SENDERS = 11007,
    /// There are no QoS receivers.
    WSA_QOS_NO_RECEIVERS = 11008,
    /// The QoS request was confirmed.
    WSA_QOS_REQUEST_CONFIRMED = 11009,
    /// QoS admission failed for lack of resources.
    WSA_QOS_ADMISSION_FAILURE = 11010,
    /// QoS was refused by policy.
    WSA_QOS_POLICY_FAILURE = 11011,
    /// A QoS style is unknown or conflicts.
    WSA_QOS_BAD_STYLE = 11012,
    /// A QoS filter or provider buffer is wrong.
    WSA_QOS_BAD_OBJECT = 11013,
    /// Traffic control failed.
    WSA_QOS_TRAFFIC_CTRL_ERROR = 11014,
    /// A general QoS error.
    WSA_QOS_GENERIC_ERROR = 11015,
    /// A QoS service type is wrong.
    WSA_QOS_ESERVICETYPE = 11016,
    /// A QoS flow specification is wrong.
    WSA_QOS_EFLOWSPEC = 11017,
    /// A QoS provider buffer is wrong.
    WSA_QOS_EPROVSPECBUF = 11018,
    /// A QoS filter style is wrong.
    WSA_QOS_EFILTERSTYLE = 11019,
    /// A QoS filter type is wrong.
    WSA_QOS_EFILTERTYPE = 11020,
    /// The number of QoS filters is wrong.
    WSA_QOS_EFILTERCOUNT = 11021,
    /// A QoS object length is wrong.
    WSA_QOS_EOBJLENGTH = 11022,
    /// The number of QoS flow descriptors is wrong.
    WSA_QOS_EFLOWCOUNT = 11023,
    /// A QoS object is unknown.
    WSA_QOS_EUNKOWNPSOBJ = 11024,
    /// A QoS policy object is wrong.
    WSA_QOS_EPOLICYOBJ = 11025,
    /// A QoS flow descriptor is wrong.
    WSA_QOS_EFLOWDESC = 11026,
    /// A QoS provider flow specification is wrong.
    WSA_QOS_EPSFLOWSPEC = 11027,
    /// A QoS provider filter specification is wrong.
    WSA_QOS_EPSFILTERSPEC = 11028,
    /// A QoS shape discard mode object is wrong.
    WSA_QOS_ESDMODEOBJ = 11029,
    /// A QoS shaping rate object is wrong.
    WSA_QOS_ESHAPERATEOBJ = 11030,
    /// A reserved QoS policy element type.
    WSA_QOS_RESERVED_PETYPE = 11031,
    /// No such host could be found securely.
    WSA_SECURE_HOST_NOT_FOUND = 11032,
    /// The name policy of IPsec does not allow the name.
    WSA_IPSEC_NAME_POLICY_ERROR = 11033,
}

/// `ERROR_CALL_NOT_IMPLEMENTED`, which `WSCGetProviderInfo` reports (WSC-INFO-1).
pub const ERROR_CALL_NOT_IMPLEMENTED: i32 = 120;

impl core::fmt::Display for WsaError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            WsaError::Other(code) => write!(f, "error {code}"),
            known => write!(f, "{} ({})", known.name(), known.code()),
        }
    }
}

impl core::fmt::Debug for WsaError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Display::fmt(self, f)
    }
}

impl core::error::Error for WsaError {}
