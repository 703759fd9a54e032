/* A server on a thread and a client in main, with the includes, casts and clean-up that tutorials have. */
#undef UNICODE

#define WIN32_LEAN_AND_MEAN

#include <windows.h>
#include <winsock2.h>
#include <ws2tcpip.h>
#include <process.h>
#include <stdlib.h>
#include <stdio.h>
#include <tchar.h>

#pragma comment(lib, "Ws2_32.lib")
#pragma warning(disable : 4996)

#define DEFAULT_BUFLEN 512

static char g_port[NI_MAXSERV];

unsigned int __stdcall ServerThread(LPVOID lpParam)
{
    SOCKET ListenSocket = (SOCKET)lpParam;
    SOCKET ClientSocket = INVALID_SOCKET;
    char recvbuf[DEFAULT_BUFLEN];
    int recvbuflen = DEFAULT_BUFLEN;
    int iResult, iSendResult;

    ClientSocket = accept(ListenSocket, NULL, NULL);
    if (ClientSocket == INVALID_SOCKET) {
        printf("accept failed with error: %d\n", WSAGetLastError());
        closesocket(ListenSocket);
        return 1;
    }
    closesocket(ListenSocket);

    do {
        iResult = recv(ClientSocket, recvbuf, recvbuflen, 0);
        if (iResult > 0) {
            iSendResult = send(ClientSocket, recvbuf, iResult, 0);
            if (iSendResult == SOCKET_ERROR) {
                printf("send failed with error: %d\n", WSAGetLastError());
                closesocket(ClientSocket);
                return 1;
            }
        } else if (iResult < 0) {
            printf("recv failed with error: %d\n", WSAGetLastError());
            closesocket(ClientSocket);
            return 1;
        }
    } while (iResult > 0);

    iResult = shutdown(ClientSocket, SD_SEND);
    closesocket(ClientSocket);
    return iResult == SOCKET_ERROR;
}

static SOCKET Listen(void)
{
    SOCKET ListenSocket;
    struct addrinfo *result = NULL, hints;
    SOCKADDR_STORAGE bound;
    int len = sizeof(bound);

    ZeroMemory(&hints, sizeof(hints));
    hints.ai_family = AF_INET;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_protocol = IPPROTO_TCP;
    hints.ai_flags = AI_PASSIVE;
    if (getaddrinfo("127.0.0.1", "0", &hints, &result) != 0) return INVALID_SOCKET;
    ListenSocket = socket(result->ai_family, result->ai_socktype, result->ai_protocol);
    if (ListenSocket != INVALID_SOCKET &&
        (bind(ListenSocket, result->ai_addr, (int)result->ai_addrlen) == SOCKET_ERROR ||
         listen(ListenSocket, SOMAXCONN) == SOCKET_ERROR ||
         getsockname(ListenSocket, (LPSOCKADDR)&bound, &len) == SOCKET_ERROR)) {
        closesocket(ListenSocket);
        ListenSocket = INVALID_SOCKET;
    }
    freeaddrinfo(result);
    sprintf_s(g_port, sizeof(g_port), "%u", ntohs(((SOCKADDR_IN *)&bound)->sin_port));
    return ListenSocket;
}

int __cdecl main(int argc, char **argv)
{
    WSADATA wsaData;
    SOCKET ListenSocket, ConnectSocket = INVALID_SOCKET;
    struct addrinfo *result = NULL, *ptr = NULL, hints;
    const char *sendbuf = argc > 1 ? argv[1] : "this is a test";
    char recvbuf[DEFAULT_BUFLEN];
    int iResult, total = 0;
    uintptr_t hThread;
    unsigned threadID;
    DWORD dwExit = 0;

    iResult = WSAStartup(MAKEWORD(2, 2), &wsaData);
    if (iResult != 0) {
        printf("WSAStartup failed with error: %d\n", iResult);
        return 1;
    }
    if (LOBYTE(wsaData.wVersion) != 2 || HIBYTE(wsaData.wVersion) != 2) return 1;
    if ((ListenSocket = Listen()) == INVALID_SOCKET) return 1;
    hThread = _beginthreadex(NULL, 0, ServerThread, (LPVOID)ListenSocket, 0, &threadID);
    if (!hThread) return 1;

    ZeroMemory(&hints, sizeof(hints));
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_protocol = IPPROTO_TCP;
    iResult = getaddrinfo("127.0.0.1", g_port, &hints, &result);
    if (iResult != 0) {
        printf("getaddrinfo failed with error: %d %s\n", iResult, gai_strerrorA(iResult));
        WSACleanup();
        return 1;
    }
    for (ptr = result; ptr != NULL; ptr = ptr->ai_next) {
        ConnectSocket = socket(ptr->ai_family, ptr->ai_socktype, ptr->ai_protocol);
        if (ConnectSocket == INVALID_SOCKET) return 1;
        iResult = connect(ConnectSocket, ptr->ai_addr, (int)ptr->ai_addrlen);
        if (iResult == SOCKET_ERROR) {
            closesocket(ConnectSocket);
            ConnectSocket = INVALID_SOCKET;
            continue;
        }
        break;
    }
    freeaddrinfo(result);
    if (ConnectSocket == INVALID_SOCKET) return 1;

    iResult = send(ConnectSocket, sendbuf, (int)strlen(sendbuf), 0);
    if (iResult == SOCKET_ERROR || shutdown(ConnectSocket, SD_SEND) == SOCKET_ERROR) return 1;
    do {
        iResult = recv(ConnectSocket, recvbuf + total, DEFAULT_BUFLEN - total, 0);
        if (iResult > 0) total += iResult;
    } while (iResult > 0);
    closesocket(ConnectSocket);

    WaitForSingleObject((HANDLE)hThread, INFINITE);
    GetExitCodeThread((HANDLE)hThread, &dwExit);
    CloseHandle((HANDLE)hThread);
    WSACleanup();
    _tprintf(_T("%.*s\n"), total, recvbuf);
    return dwExit != 0 || total != (int)strlen(sendbuf) || memcmp(recvbuf, sendbuf, (size_t)total) != 0;
}
