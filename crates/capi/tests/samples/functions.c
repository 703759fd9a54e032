/* Functions found at run time, and the texts of errors. */
#include <winsock2.h>
#include <ws2tcpip.h>
#include <mswsock.h>
#include <windows.h>
#include <strsafe.h>
#include <stdio.h>

#pragma comment(lib, "Ws2_32.lib")
#pragma comment(lib, "Mswsock.lib")

typedef int(WSAAPI *PFN_STARTUP)(WORD, LPWSADATA);
typedef int(WSAAPI *PFN_CLEANUP)(void);
typedef SOCKET(WSAAPI *PFN_SOCKET)(int, int, int);
typedef INT(WSAAPI *PFN_GETADDRINFO)(PCSTR, PCSTR, const ADDRINFOA *, PADDRINFOA *);
typedef ULONGLONG(WINAPI *PFN_TICKS)(void);

static void ErrorExit(LPCTSTR lpszFunction, DWORD dw)
{
    LPVOID lpMsgBuf;
    LPVOID lpDisplayBuf;
    SIZE_T size;

    FormatMessage(FORMAT_MESSAGE_ALLOCATE_BUFFER | FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, NULL, dw,
                  MAKELANGID(LANG_NEUTRAL, SUBLANG_DEFAULT), (LPTSTR)&lpMsgBuf, 0, NULL);
    size = ((SIZE_T)lstrlen((LPCTSTR)lpMsgBuf) + (SIZE_T)lstrlen(lpszFunction) + 40) * sizeof(TCHAR);
    lpDisplayBuf = (LPVOID)LocalAlloc(LMEM_ZEROINIT, size);
    StringCchPrintf((LPTSTR)lpDisplayBuf, size / sizeof(TCHAR), TEXT("%s failed with error %u: %s"), lpszFunction, dw,
                    (LPCTSTR)lpMsgBuf);
    printf("%s", (LPCTSTR)lpDisplayBuf);
    LocalFree(lpMsgBuf);
    LocalFree(lpDisplayBuf);
}

int __cdecl main(void)
{
    WSADATA wsaData;
    HMODULE hWinsock = LoadLibrary(TEXT("ws2_32.dll"));
    PFN_STARTUP pStartup = (PFN_STARTUP)GetProcAddress(hWinsock, "WSAStartup");
    PFN_CLEANUP pCleanup = (PFN_CLEANUP)GetProcAddress(hWinsock, "WSACleanup");
    PFN_SOCKET pSocket = (PFN_SOCKET)GetProcAddress(hWinsock, "socket");
    PFN_GETADDRINFO pGetAddrInfo = (PFN_GETADDRINFO)GetProcAddress(hWinsock, "getaddrinfo");
    PFN_TICKS pTicks = (PFN_TICKS)GetProcAddress(GetModuleHandle(TEXT("kernel32.dll")), "GetTickCount64");
    FARPROC pNone = GetProcAddress(hWinsock, "NoSuchFunction");
    LPFN_ACCEPTEX lpfnAcceptEx = NULL;
    GUID GuidAcceptEx = WSAID_ACCEPTEX;
    DWORD dwBytes;
    SOCKET s;
    int iResult;

    if (!hWinsock || !pStartup || !pCleanup || !pSocket || !pGetAddrInfo || !pTicks || pNone) return 1;
    if (pStartup(MAKEWORD(2, 2), &wsaData) != 0) return 1;
    s = pSocket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
    if (s == INVALID_SOCKET) return 1;

    // Load the AcceptEx function into memory using WSAIoctl.
    iResult = WSAIoctl(s, SIO_GET_EXTENSION_FUNCTION_POINTER, &GuidAcceptEx, sizeof(GuidAcceptEx), &lpfnAcceptEx,
                       sizeof(lpfnAcceptEx), &dwBytes, NULL, NULL);
    if (iResult == SOCKET_ERROR || lpfnAcceptEx == NULL) {
        ErrorExit(TEXT("WSAIoctl"), (DWORD)WSAGetLastError());
        return 1;
    }
    if (pTicks() == 0) return 1;
    ErrorExit(TEXT("connect"), WSAECONNREFUSED);
    closesocket(s);
    pCleanup();
    FreeLibrary(hWinsock);
    return 0;
}
