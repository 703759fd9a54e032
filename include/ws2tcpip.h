/* Windows Sockets 2 over the IP protocols: names, addresses as text, and the structures of ws2ipdef.h. */
#ifndef _WS2TCPIP_H_
#define _WS2TCPIP_H_

#include <winsock2.h>
#include <ws2ipdef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the getaddrinfo family returns. */
#define EAI_AGAIN WSATRY_AGAIN
#define EAI_BADFLAGS WSAEINVAL
#define EAI_FAIL WSANO_RECOVERY
#define EAI_FAMILY WSAEAFNOSUPPORT
#define EAI_MEMORY WSA_NOT_ENOUGH_MEMORY
#define EAI_NOSECURENAME WSA_SECURE_HOST_NOT_FOUND
#define EAI_NONAME WSAHOST_NOT_FOUND
#define EAI_NODATA EAI_NONAME
#define EAI_SERVICE WSATYPE_NOT_FOUND
#define EAI_SOCKTYPE WSAESOCKTNOSUPPORT
#define EAI_IPSECPOLICY WSA_IPSEC_NAME_POLICY_ERROR

typedef void(CALLBACK *LPLOOKUPSERVICE_COMPLETION_ROUTINE)(DWORD dwError, DWORD dwBytes, LPWSAOVERLAPPED lpOverlapped);

INT WSAAPI getaddrinfo(PCSTR pNodeName, PCSTR pServiceName, const ADDRINFOA *pHints, PADDRINFOA *ppResult)
    WS2_SYMBOL(getaddrinfo);
INT WSAAPI GetAddrInfoW(PCWSTR pNodeName, PCWSTR pServiceName, const ADDRINFOW *pHints, PADDRINFOW *ppResult);
INT WSAAPI GetAddrInfoExA(PCSTR pName, PCSTR pServiceName, DWORD dwNameSpace, LPGUID lpNspId, const ADDRINFOEXA *hints,
                          PADDRINFOEXA *ppResult, struct timeval *timeout, LPOVERLAPPED lpOverlapped,
                          LPLOOKUPSERVICE_COMPLETION_ROUTINE lpCompletionRoutine, LPHANDLE lpNameHandle);
INT WSAAPI GetAddrInfoExW(PCWSTR pName, PCWSTR pServiceName, DWORD dwNameSpace, LPGUID lpNspId,
                          const ADDRINFOEXW *hints, PADDRINFOEXW *ppResult, struct timeval *timeout,
                          LPOVERLAPPED lpOverlapped, LPLOOKUPSERVICE_COMPLETION_ROUTINE lpCompletionRoutine,
                          LPHANDLE lpHandle);
INT WSAAPI GetAddrInfoExCancel(LPHANDLE lpHandle);
INT WSAAPI GetAddrInfoExOverlappedResult(LPOVERLAPPED lpOverlapped);
INT WSAAPI SetAddrInfoExA(PCSTR pName, PCSTR pServiceName, SOCKET_ADDRESS *pAddresses, DWORD dwAddressCount,
                          LPBLOB lpBlob, DWORD dwFlags, DWORD dwNameSpace, LPGUID lpNspId, struct timeval *timeout,
                          LPOVERLAPPED lpOverlapped, LPLOOKUPSERVICE_COMPLETION_ROUTINE lpCompletionRoutine,
                          LPHANDLE lpNameHandle);
INT WSAAPI SetAddrInfoExW(PCWSTR pName, PCWSTR pServiceName, SOCKET_ADDRESS *pAddresses, DWORD dwAddressCount,
                          LPBLOB lpBlob, DWORD dwFlags, DWORD dwNameSpace, LPGUID lpNspId, struct timeval *timeout,
                          LPOVERLAPPED lpOverlapped, LPLOOKUPSERVICE_COMPLETION_ROUTINE lpCompletionRoutine,
                          LPHANDLE lpNameHandle);
void WSAAPI freeaddrinfo(PADDRINFOA pAddrInfo) WS2_SYMBOL(freeaddrinfo);
void WSAAPI FreeAddrInfoW(PADDRINFOW pAddrInfo);
void WSAAPI FreeAddrInfoEx(PADDRINFOEXA pAddrInfoEx);
void WSAAPI FreeAddrInfoExW(PADDRINFOEXW pAddrInfoEx);
INT WSAAPI getnameinfo(const SOCKADDR *pSockaddr, socklen_t SockaddrLength, PCHAR pNodeBuffer, DWORD NodeBufferSize,
                       PCHAR pServiceBuffer, DWORD ServiceBufferSize, INT Flags) WS2_SYMBOL(getnameinfo);
INT WSAAPI GetNameInfoW(const SOCKADDR *pSockaddr, socklen_t SockaddrLength, PWCHAR pNodeBuffer, DWORD NodeBufferSize,
                        PWCHAR pServiceBuffer, DWORD ServiceBufferSize, INT Flags);
INT WSAAPI GetHostNameW(PWSTR name, int namelen);
INT WSAAPI inet_pton(INT Family, PCSTR pszAddrString, PVOID pAddrBuf) WS2_SYMBOL(inet_pton);
INT WSAAPI InetPtonW(INT Family, PCWSTR pszAddrString, PVOID pAddrBuf);
PCSTR WSAAPI inet_ntop(INT Family, const VOID *pAddr, PSTR pStringBuf, size_t StringBufSize) WS2_SYMBOL(inet_ntop);
PCWSTR WSAAPI InetNtopW(INT Family, const VOID *pAddr, PWSTR pStringBuf, size_t StringBufSize);

#define InetPtonA inet_pton
#define InetNtopA inet_ntop
#define GetAddrInfoA getaddrinfo
#define FreeAddrInfoA freeaddrinfo
#define FreeAddrInfoExA FreeAddrInfoEx
#define GetNameInfoA getnameinfo

#ifdef UNICODE
#define FreeAddrInfo FreeAddrInfoW
#define FreeAddrInfoEx FreeAddrInfoExW
#define GetAddrInfo GetAddrInfoW
#define GetAddrInfoEx GetAddrInfoExW
#define GetHostName GetHostNameW
#define GetNameInfo GetNameInfoW
#define InetNtop InetNtopW
#define InetPton InetPtonW
#define SetAddrInfoEx SetAddrInfoExW
#else
#define FreeAddrInfo FreeAddrInfoA
#define GetAddrInfo GetAddrInfoA
#define GetAddrInfoEx GetAddrInfoExA
#define GetNameInfo GetNameInfoA
#define InetNtop InetNtopA
#define InetPton InetPtonA
#define SetAddrInfoEx SetAddrInfoExA
#endif

#include <windlass/sourcefilter.h>

/* The text of an error of getaddrinfo. */
#define GAI_STRERROR_BUFFER_SIZE 1024
static inline char *gai_strerrorA(int ecode)
{
    const char *text = "Unknown error.";
    switch (ecode) {
    case 0:
        text = "No error.";
        break;
    case EAI_AGAIN:
        text = "The name cannot be resolved for now.";
        break;
    case EAI_BADFLAGS:
        text = "A flag or argument is not valid.";
        break;
    case EAI_FAIL:
        text = "The name cannot be resolved, and trying again does not help.";
        break;
    case EAI_FAMILY:
        text = "The address family is not supported.";
        break;
    case EAI_MEMORY:
        text = "There is not enough memory.";
        break;
    case EAI_NONAME:
        text = "No such host is known.";
        break;
    case EAI_SERVICE:
        text = "The service is not known for this socket type.";
        break;
    case EAI_SOCKTYPE:
        text = "The socket type is not supported.";
        break;
    case WSANO_DATA:
        text = "The name is valid but has no data of this kind.";
        break;
    case WSASERVICE_NOT_FOUND:
        text = "No name space provider knows the name.";
        break;
    case WSANOTINITIALISED:
        text = "WSAStartup has not been called.";
        break;
    }
    return (char *)(size_t)text;
}
#define gai_strerror gai_strerrorA

#ifdef __cplusplus
}
#endif

#endif
