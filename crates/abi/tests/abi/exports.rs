//! The exports of libws2_32.so and how many parameters each has.

/// Hands the list to a macro: by where their types come from (`windows_sys`' Winsock, the rest of Win32, or the
/// pages of the functions), the names and a place for each parameter. Those that `end` their thread do not return, and
/// unwind.
macro_rules! with_exports {
    ($then:ident) => {
        $then! {
            functions {
                win {
                    accept(_, _, _); bind(_, _, _); connect(_, _, _); getpeername(_, _, _); getsockname(_, _, _);
                    getsockopt(_, _, _, _, _); htonl(_); htons(_); inet_addr(_); inet_ntoa(_); listen(_, _); ntohl(_);
                    ntohs(_); recv(_, _, _, _); recvfrom(_, _, _, _, _, _); select(_, _, _, _, _); send(_, _, _, _);
                    sendto(_, _, _, _, _, _); setsockopt(_, _, _, _, _); shutdown(_, _); socket(_, _, _);
                    gethostbyaddr(_, _, _); gethostbyname(_); getprotobyname(_); getprotobynumber(_); getservbyname(_, _);
                    getservbyport(_, _); gethostname(_, _); closesocket(_); ioctlsocket(_, _, _); __WSAFDIsSet(_, _);
                    WSAStartup(_, _); WSACleanup(); WSAGetLastError(); WSASetLastError(_); WSAIsBlocking();
                    WSAUnhookBlockingHook(); WSASetBlockingHook(_); WSACancelBlockingCall();
                    WSAAsyncGetServByName(_, _, _, _, _, _); WSAAsyncGetServByPort(_, _, _, _, _, _);
                    WSAAsyncGetProtoByName(_, _, _, _, _); WSAAsyncGetProtoByNumber(_, _, _, _, _);
                    WSAAsyncGetHostByName(_, _, _, _, _); WSAAsyncGetHostByAddr(_, _, _, _, _, _, _);
                    WSACancelAsyncRequest(_); WSAAsyncSelect(_, _, _, _); WSAAccept(_, _, _, _, _); WSACloseEvent(_);
                    WSAConnect(_, _, _, _, _, _, _); WSAConnectByNameA(_, _, _, _, _, _, _, _, _);
                    WSAConnectByNameW(_, _, _, _, _, _, _, _, _); WSAConnectByList(_, _, _, _, _, _, _, _);
                    WSACreateEvent(); WSADuplicateSocketA(_, _, _); WSADuplicateSocketW(_, _, _);
                    WSAEnumNetworkEvents(_, _, _); WSAEnumProtocolsA(_, _, _); WSAEnumProtocolsW(_, _, _);
                    WSAEventSelect(_, _, _); WSAGetOverlappedResult(_, _, _, _, _); WSAGetQOSByName(_, _, _);
                    WSAHtonl(_, _, _); WSAHtons(_, _, _); WSAIoctl(_, _, _, _, _, _, _, _, _);
                    WSAJoinLeaf(_, _, _, _, _, _, _, _); WSANtohl(_, _, _); WSANtohs(_, _, _);
                    WSARecv(_, _, _, _, _, _, _); WSARecvDisconnect(_, _); WSARecvFrom(_, _, _, _, _, _, _, _, _);
                    WSAResetEvent(_); WSASend(_, _, _, _, _, _, _); WSASendMsg(_, _, _, _, _, _); WSASendDisconnect(_, _);
                    WSASendTo(_, _, _, _, _, _, _, _, _); WSASetEvent(_); WSASocketA(_, _, _, _, _, _);
                    WSASocketW(_, _, _, _, _, _); WSAWaitForMultipleEvents(_, _, _, _, _);
                    WSAAddressToStringA(_, _, _, _, _); WSAAddressToStringW(_, _, _, _, _);
                    WSAStringToAddressA(_, _, _, _, _); WSAStringToAddressW(_, _, _, _, _); WSAPoll(_, _, _);
                    ProcessSocketNotifications(_, _, _, _, _, _, _); WSALookupServiceBeginA(_, _, _);
                    WSALookupServiceBeginW(_, _, _); WSALookupServiceNextA(_, _, _, _); WSALookupServiceNextW(_, _, _, _);
                    WSANSPIoctl(_, _, _, _, _, _, _, _); WSALookupServiceEnd(_); WSAInstallServiceClassA(_);
                    WSAInstallServiceClassW(_); WSARemoveServiceClass(_); WSAGetServiceClassInfoA(_, _, _, _);
                    WSAGetServiceClassInfoW(_, _, _, _); WSAEnumNameSpaceProvidersA(_, _);
                    WSAEnumNameSpaceProvidersW(_, _); WSAEnumNameSpaceProvidersExA(_, _);
                    WSAEnumNameSpaceProvidersExW(_, _); WSAGetServiceClassNameByClassIdA(_, _, _);
                    WSAGetServiceClassNameByClassIdW(_, _, _); WSASetServiceA(_, _, _); WSASetServiceW(_, _, _);
                    WSAProviderConfigChange(_, _, _); getaddrinfo(_, _, _, _); freeaddrinfo(_);
                    getnameinfo(_, _, _, _, _, _, _); inet_ntop(_, _, _, _); inet_pton(_, _, _); GetAddrInfoW(_, _, _, _);
                    GetAddrInfoExA(_, _, _, _, _, _, _, _, _, _); GetAddrInfoExW(_, _, _, _, _, _, _, _, _, _);
                    GetAddrInfoExCancel(_); GetAddrInfoExOverlappedResult(_);
                    SetAddrInfoExA(_, _, _, _, _, _, _, _, _, _, _, _); SetAddrInfoExW(_, _, _, _, _, _, _, _, _, _, _, _);
                    FreeAddrInfoW(_); FreeAddrInfoEx(_); FreeAddrInfoExW(_); GetNameInfoW(_, _, _, _, _, _, _);
                    GetHostNameW(_, _); InetNtopW(_, _, _, _); InetPtonW(_, _, _); WSCEnumProtocols(_, _, _, _);
                    WSCEnumProtocols32(_, _, _, _); WSCDeinstallProvider(_, _); WSCDeinstallProvider32(_, _);
                    WSCInstallProvider(_, _, _, _, _); WSCInstallProvider64_32(_, _, _, _, _);
                    WSCGetProviderPath(_, _, _, _); WSCGetProviderPath32(_, _, _, _); WSCUpdateProvider(_, _, _, _, _);
                    WSCUpdateProvider32(_, _, _, _, _); WSCInstallProviderAndChains64_32(_, _, _, _, _, _, _, _, _);
                    WSCSetProviderInfo(_, _, _, _, _, _); WSCSetProviderInfo32(_, _, _, _, _, _);
                    WSCGetProviderInfo(_, _, _, _, _, _); WSCGetProviderInfo32(_, _, _, _, _, _);
                    WSCSetApplicationCategory(_, _, _, _, _, _, _); WSCGetApplicationCategory(_, _, _, _, _, _);
                    WPUCompleteOverlappedRequest(_, _, _, _, _); WSCInstallNameSpace(_, _, _, _, _);
                    WSCInstallNameSpace32(_, _, _, _, _); WSCInstallNameSpaceEx(_, _, _, _, _, _);
                    WSCInstallNameSpaceEx32(_, _, _, _, _, _); WSCUnInstallNameSpace(_); WSCUnInstallNameSpace32(_);
                    WSCEnumNameSpaceProviders32(_, _); WSCEnumNameSpaceProvidersEx32(_, _); WSCEnableNSProvider(_, _);
                    WSCEnableNSProvider32(_, _); WSAAdvertiseProvider(_, _); WSAUnadvertiseProvider(_);
                    WSAProviderCompleteAsyncCall(_, _); WSCWriteProviderOrder(_, _); WSCWriteProviderOrder32(_, _);
                    WSCWriteNameSpaceOrder(_, _); WSCWriteNameSpaceOrder32(_, _); AcceptEx(_, _, _, _, _, _, _, _);
                    GetAcceptExSockaddrs(_, _, _, _, _, _, _, _); TransmitFile(_, _, _, _, _, _, _); WSARecvEx(_, _, _, _);
                }
                kernel {
                    GetLastError(); SetLastError(_); CloseHandle(_); DuplicateHandle(_, _, _, _, _, _, _);
                    CreateEventA(_, _, _, _); CreateEventW(_, _, _, _); SetEvent(_); ResetEvent(_);
                    CreateSemaphoreA(_, _, _, _); CreateSemaphoreW(_, _, _, _); ReleaseSemaphore(_, _, _);
                    CreateMutexA(_, _, _); CreateMutexW(_, _, _); ReleaseMutex(_); WaitForSingleObject(_, _);
                    WaitForSingleObjectEx(_, _, _); WaitForMultipleObjects(_, _, _, _);
                    WaitForMultipleObjectsEx(_, _, _, _, _); SignalObjectAndWait(_, _, _, _); Sleep(_);
                    SleepEx(_, _); InitializeCriticalSection(_); InitializeCriticalSectionAndSpinCount(_, _);
                    InitializeCriticalSectionEx(_, _, _); SetCriticalSectionSpinCount(_, _); EnterCriticalSection(_);
                    TryEnterCriticalSection(_); LeaveCriticalSection(_); DeleteCriticalSection(_);
                    InitializeSRWLock(_); AcquireSRWLockExclusive(_); AcquireSRWLockShared(_);
                    TryAcquireSRWLockExclusive(_); TryAcquireSRWLockShared(_); ReleaseSRWLockExclusive(_);
                    ReleaseSRWLockShared(_); InitializeConditionVariable(_); SleepConditionVariableCS(_, _, _);
                    SleepConditionVariableSRW(_, _, _, _); WakeConditionVariable(_); WakeAllConditionVariable(_);
                    InitOnceInitialize(_); InitOnceExecuteOnce(_, _, _, _); InitOnceBeginInitialize(_, _, _, _);
                    InitOnceComplete(_, _, _); CreateThread(_, _, _, _, _, _); GetExitCodeThread(_, _);
                    ResumeThread(_); SwitchToThread(); GetCurrentThread(); GetCurrentThreadId(); GetCurrentProcess();
                    GetCurrentProcessId(); QueueUserAPC(_, _, _); TlsAlloc(); TlsGetValue(_); TlsSetValue(_, _);
                    TlsFree(_); CreateIoCompletionPort(_, _, _, _); GetQueuedCompletionStatus(_, _, _, _, _);
                    GetQueuedCompletionStatusEx(_, _, _, _, _, _); PostQueuedCompletionStatus(_, _, _, _);
                    GetOverlappedResult(_, _, _, _); GetOverlappedResultEx(_, _, _, _, _); CancelIo(_); CancelIoEx(_, _);
                    SetFileCompletionNotificationModes(_, _);
                    GetTickCount(); GetTickCount64(); GetSystemTimeAsFileTime(_); GetSystemTimePreciseAsFileTime(_);
                    GetSystemInfo(_); GetNativeSystemInfo(_); QueryPerformanceCounter(_);
                    QueryPerformanceFrequency(_); GetProcessHeap(); HeapCreate(_, _, _); HeapDestroy(_);
                    HeapAlloc(_, _, _); HeapReAlloc(_, _, _, _); HeapFree(_, _, _); HeapSize(_, _, _);
                    MultiByteToWideChar(_, _, _, _, _, _); WideCharToMultiByte(_, _, _, _, _, _, _, _);
                    GetModuleHandleA(_); GetModuleHandleW(_); GetModuleFileNameA(_, _, _);
                    GetModuleFileNameW(_, _, _); LoadLibraryA(_); LoadLibraryW(_); FreeLibrary(_);
                    GetProcAddress(_, _); GetCommandLineA(); GetCommandLineW(); GetEnvironmentVariableA(_, _, _);
                    GetEnvironmentVariableW(_, _, _); ExpandEnvironmentStringsA(_, _, _);
                    ExpandEnvironmentStringsW(_, _, _); OutputDebugStringA(_); OutputDebugStringW(_);
                    IsDebuggerPresent(); SetConsoleCtrlHandler(_, _); LocalAlloc(_, _); LocalFree(_);
                    GlobalAlloc(_, _); GlobalFree(_); lstrlenA(_); lstrlenW(_); lstrcpynA(_, _, _);
                    lstrcpynW(_, _, _); CreateFileA(_, _, _, _, _, _, _); CreateFileW(_, _, _, _, _, _, _);
                    DeleteFileA(_); DeleteFileW(_); ReadFile(_, _, _, _, _); WriteFile(_, _, _, _, _);
                    GetFileSizeEx(_, _); SetFilePointerEx(_, _, _, _); SetEndOfFile(_); FlushFileBuffers(_);
                    GetFileType(_); GetStdHandle(_);
                }
            }
            pages {
                WSCInstallProviderAndChains(_, _, _, _, _, _, _, _); WSCInstallQOSTemplate(_, _, _);
                WSCRemoveQOSTemplate(_, _); FormatMessageA(_, _, _, _, _, _, _); FormatMessageW(_, _, _, _, _, _, _);
                WindlassFileDescriptor(_); WindlassProvider(_, _, _, _); WindlassCreateCallEvent(_, _, _);
            }
            ends {
                ExitThread(_);
            }
        }
    };
}

pub(crate) use with_exports;
