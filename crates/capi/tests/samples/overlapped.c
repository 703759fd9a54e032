/* Overlapped receives with an event, and with a routine, as the pages of WSARecv and WSASend show them. */
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif

#include <Windows.h>
#include <winsock2.h>
#include <Ws2tcpip.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

// Need to link with Ws2_32.lib
#pragma comment(lib, "ws2_32.lib")

#define DATA_BUFSIZE 4096
#define MESSAGE "0123456789"

typedef struct _PER_IO {
    WSAOVERLAPPED Overlapped;
    WSABUF DataBuf;
    CHAR Buffer[DATA_BUFSIZE];
    DWORD BytesRECV;
    BOOL done;
} PER_IO, *LPPER_IO;

void CALLBACK WorkerRoutine(DWORD Error, DWORD BytesTransferred, LPWSAOVERLAPPED Overlapped, DWORD InFlags)
{
    LPPER_IO pIo = CONTAINING_RECORD(Overlapped, PER_IO, Overlapped);
    UNREFERENCED_PARAMETER(InFlags);
    if (Error != 0) fprintf(stderr, "I/O operation failed with error %d\n", (int)Error);
    pIo->BytesRECV = BytesTransferred;
    pIo->done = TRUE;
}

static int Receive(SOCKET ConnSocket, LPPER_IO pIo, BOOL bRoutine)
{
    DWORD Flags = 0, RecvBytes = 0, dwRet;
    int rc, err;

    // Make sure the OVERLAPPED struct is zeroed out
    SecureZeroMemory((PVOID)&pIo->Overlapped, sizeof(WSAOVERLAPPED));
    pIo->DataBuf.len = DATA_BUFSIZE;
    pIo->DataBuf.buf = pIo->Buffer;
    pIo->done = FALSE;
    if (!bRoutine) {
        pIo->Overlapped.hEvent = WSACreateEvent();
        if (pIo->Overlapped.hEvent == WSA_INVALID_EVENT) {
            wprintf(L"WSACreateEvent failed: %d\n", WSAGetLastError());
            return -1;
        }
    }
    rc = WSARecv(ConnSocket, &pIo->DataBuf, 1, &RecvBytes, &Flags, &pIo->Overlapped, bRoutine ? WorkerRoutine : NULL);
    if ((rc == SOCKET_ERROR) && (WSA_IO_PENDING != (err = WSAGetLastError()))) {
        wprintf(L"WSARecv failed with error: %d\n", err);
        return -1;
    }
    if (bRoutine) {
        while (!pIo->done) {
            dwRet = SleepEx(10000, TRUE);
            if (dwRet != WAIT_IO_COMPLETION) return -1;
        }
        return (int)pIo->BytesRECV;
    }
    rc = (int)WSAWaitForMultipleEvents(1, &pIo->Overlapped.hEvent, TRUE, INFINITE, TRUE);
    if (rc == (int)WSA_WAIT_FAILED) {
        wprintf(L"WSAWaitForMultipleEvents failed with error: %d\n", WSAGetLastError());
        return -1;
    }
    if (WSAGetOverlappedResult(ConnSocket, &pIo->Overlapped, &RecvBytes, FALSE, &Flags) == FALSE) return -1;
    WSAResetEvent(pIo->Overlapped.hEvent);
    WSACloseEvent(pIo->Overlapped.hEvent);
    return (int)RecvBytes;
}

int main()
{
    WSADATA wsd;
    SOCKET ListenSocket, Client, Server;
    struct sockaddr_in service;
    int len = sizeof(service), round, sum = 0;
    u_long iMode = 0;
    LPPER_IO pIo;

    if (WSAStartup(MAKEWORD(2, 2), &wsd) != 0) return 1;
    ListenSocket = WSASocket(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED);
    Client = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
    service.sin_family = AF_INET;
    inet_pton(AF_INET, "127.0.0.1", &service.sin_addr.s_addr);
    service.sin_port = htons(0);
    if (bind(ListenSocket, (SOCKADDR *)&service, sizeof(service)) == SOCKET_ERROR) return 1;
    if (listen(ListenSocket, 1) == SOCKET_ERROR) return 1;
    if (getsockname(ListenSocket, (SOCKADDR *)&service, &len) == SOCKET_ERROR) return 1;
    if (connect(Client, (SOCKADDR *)&service, sizeof(service)) == SOCKET_ERROR) return 1;
    Server = WSAAccept(ListenSocket, NULL, NULL, NULL, 0);
    if (Server == INVALID_SOCKET || ioctlsocket(Server, FIONBIO, &iMode) != NO_ERROR) return 1;

    pIo = (LPPER_IO)HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, sizeof(PER_IO));
    if (pIo == NULL) return 1;
    for (round = 0; round < 2; round++) {
        if (send(Client, MESSAGE, sizeof(MESSAGE), 0) != sizeof(MESSAGE)) return 1;
        sum += Receive(Server, pIo, round == 1);
    }
    HeapFree(GetProcessHeap(), 0, pIo);
    closesocket(Client);
    closesocket(Server);
    closesocket(ListenSocket);
    WSACleanup();
    wprintf(L"%d bytes\n", sum);
    return sum == 2 * (int)sizeof(MESSAGE) ? 0 : 1;
}
