//! The names of the API functions, for reports.

macro_rules! functions {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// An API function: who asks the runtime, for the report of violations.
        #[allow(missing_docs, reason = "each variant is the exported function of its name")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Function {
            $($(#[$doc])* $variant,)*
        }

        impl Function {
            /// All of them, in the order of their numbers.
            pub const ALL: &'static [Function] = &[$(Function::$variant),*];

            /// The name that programs call it by.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Function::$variant => $name,)*
                }
            }
        }
    };
}

functions! {
    Accept = "accept",
    Bind = "bind",
    CloseSocket = "closesocket",
    Connect = "connect",
    GetHostByAddr = "gethostbyaddr",
    GetHostByName = "gethostbyname",
    GetHostName = "gethostname",
    GetPeerName = "getpeername",
    GetProtoByName = "getprotobyname",
    GetProtoByNumber = "getprotobynumber",
    GetServByName = "getservbyname",
    GetServByPort = "getservbyport",
    GetSockName = "getsockname",
    GetSockOpt = "getsockopt",
    IoctlSocket = "ioctlsocket",
    Listen = "listen",
    Recv = "recv",
    RecvFrom = "recvfrom",
    Select = "select",
    Send = "send",
    SendTo = "sendto",
    SetSockOpt = "setsockopt",
    Shutdown = "shutdown",
    Socket = "socket",
    WsaAccept = "WSAAccept",
    WsaAddressToString = "WSAAddressToString",
    WsaAdvertiseProvider = "WSAAdvertiseProvider",
    WsaAsyncGetHost = "WSAAsyncGetHostByName",
    WsaAsyncSelect = "WSAAsyncSelect",
    WsaCancelAsyncRequest = "WSACancelAsyncRequest",
    WsaCancelBlockingCall = "WSACancelBlockingCall",
    WsaCleanup = "WSACleanup",
    WsaCloseEvent = "WSACloseEvent",
    WsaConnect = "WSAConnect",
    WsaConnectByList = "WSAConnectByList",
    WsaConnectByName = "WSAConnectByName",
    WsaCreateEvent = "WSACreateEvent",
    WsaDuplicateSocket = "WSADuplicateSocket",
    WsaEnumNameSpaceProviders = "WSAEnumNameSpaceProviders",
    WsaEnumNetworkEvents = "WSAEnumNetworkEvents",
    WsaEnumProtocols = "WSAEnumProtocols",
    WsaEventSelect = "WSAEventSelect",
    WsaGetOverlappedResult = "WSAGetOverlappedResult",
    WsaGetQosByName = "WSAGetQOSByName",
    WsaHtonl = "WSAHtonl",
    WsaHtons = "WSAHtons",
    WsaInstallServiceClass = "WSAInstallServiceClass",
    WsaIoctl = "WSAIoctl",
    WsaIsBlocking = "WSAIsBlocking",
    WsaJoinLeaf = "WSAJoinLeaf",
    WsaLookupService = "WSALookupServiceBegin",
    WsaNtohl = "WSANtohl",
    WsaNtohs = "WSANtohs",
    WsaPoll = "WSAPoll",
    WsaProviderConfigChange = "WSAProviderConfigChange",
    WsaRecv = "WSARecv",
    WsaRecvDisconnect = "WSARecvDisconnect",
    WsaRecvFrom = "WSARecvFrom",
    WsaRecvMsg = "WSARecvMsg",
    WsaSend = "WSASend",
    WsaSendDisconnect = "WSASendDisconnect",
    WsaSendMsg = "WSASendMsg",
    WsaSendTo = "WSASendTo",
    WsaSetBlockingHook = "WSASetBlockingHook",
    WsaSetService = "WSASetService",
    WsaSocket = "WSASocket",
    WsaStartup = "WSAStartup",
    WsaStringToAddress = "WSAStringToAddress",
    WsaUnhookBlockingHook = "WSAUnhookBlockingHook",
    ProcessSocketNotifications = "ProcessSocketNotifications",
    AcceptEx = "AcceptEx",
    CancelIo = "CancelIo",
    ConnectEx = "ConnectEx",
    CreateIoCompletionPort = "CreateIoCompletionPort",
    GetOverlappedResult = "GetOverlappedResult",
    SetFileCompletionNotificationModes = "SetFileCompletionNotificationModes",
    DisconnectEx = "DisconnectEx",
    GetAddrInfo = "getaddrinfo",
    GetNameInfo = "getnameinfo",
    TransmitFile = "TransmitFile",
    TransmitPackets = "TransmitPackets",
    /// An export that has no variant of its own.
    Other = "",
}

impl Function {
    /// Whether a call moves data: the report counts these as operations.
    #[inline]
    pub const fn is_transfer(self) -> bool {
        matches!(
            self,
            Function::Recv
                | Function::RecvFrom
                | Function::Send
                | Function::SendTo
                | Function::WsaRecv
                | Function::WsaRecvDisconnect
                | Function::WsaRecvFrom
                | Function::WsaRecvMsg
                | Function::WsaSend
                | Function::WsaSendDisconnect
                | Function::WsaSendMsg
                | Function::WsaSendTo
                | Function::TransmitFile
                | Function::TransmitPackets
        )
    }
}
