/* A chat server of select() over non-blocking sockets, and of WSAEventSelect, in one program. */
#include <winsock2.h>
#include <windows.h>
#include <stdio.h>
#include <string.h>

#pragma comment(lib, "ws2_32.lib")

#define PORT 0
#define DATA_BUFSIZE 1024

typedef struct _SOCKET_INFORMATION {
    CHAR Buffer[DATA_BUFSIZE];
    WSABUF DataBuf;
    SOCKET Socket;
    DWORD BytesSEND;
    DWORD BytesRECV;
} SOCKET_INFORMATION, *LPSOCKET_INFORMATION;

DWORD TotalSockets = 0;
LPSOCKET_INFORMATION SocketArray[FD_SETSIZE];
SOCKADDR_IN InternetAddr;

static BOOL CreateSocketInformation(SOCKET s)
{
    LPSOCKET_INFORMATION SI = (LPSOCKET_INFORMATION)GlobalAlloc(GPTR, sizeof(SOCKET_INFORMATION));
    if (SI == NULL) return FALSE;
    SI->Socket = s;
    SocketArray[TotalSockets++] = SI;
    return TRUE;
}

static void FreeSocketInformation(DWORD Index)
{
    closesocket(SocketArray[Index]->Socket);
    GlobalFree(SocketArray[Index]);
    for (DWORD i = Index; i + 1 < TotalSockets; i++) SocketArray[i] = SocketArray[i + 1];
    TotalSockets--;
}

static DWORD WINAPI Client(LPVOID lpArgument)
{
    SOCKET s = socket(AF_INET, SOCK_STREAM, 0);
    WSAEVENT hEvent = WSACreateEvent();
    WSANETWORKEVENTS NetworkEvents;
    char szMessage[32], szAnswer[32];
    int got = 0;

    sprintf_s(szMessage, sizeof(szMessage), "client %d", (int)(INT_PTR)lpArgument);
    if (WSAEventSelect(s, hEvent, FD_CONNECT | FD_READ | FD_CLOSE) == SOCKET_ERROR) return 1;
    if (connect(s, (PSOCKADDR)&InternetAddr, sizeof(InternetAddr)) == SOCKET_ERROR &&
        WSAGetLastError() != WSAEWOULDBLOCK)
        return 2;
    for (;;) {
        if (WSAWaitForMultipleEvents(1, &hEvent, FALSE, 30000, FALSE) != WSA_WAIT_EVENT_0) return 3;
        if (WSAEnumNetworkEvents(s, hEvent, &NetworkEvents) == SOCKET_ERROR) return 4;
        if (NetworkEvents.lNetworkEvents & FD_CONNECT) {
            if (NetworkEvents.iErrorCode[FD_CONNECT_BIT] != 0) return 5;
            if (send(s, szMessage, lstrlenA(szMessage), 0) == SOCKET_ERROR) return 6;
        }
        if (NetworkEvents.lNetworkEvents & FD_READ) {
            got += recv(s, szAnswer + got, (int)sizeof(szAnswer) - 1 - got, 0);
            szAnswer[got] = '\0';
            if (_stricmp(szMessage, szAnswer) == 0) break;
        }
        if (NetworkEvents.lNetworkEvents & FD_CLOSE) return 7;
    }
    closesocket(s);
    WSACloseEvent(hEvent);
    return 0;
}

int main()
{
    SOCKET ListenSocket, AcceptSocket;
    WSADATA wsaData;
    DWORD Total, i, Flags, SendBytes, RecvBytes, Ended = 0, Code;
    FD_SET WriteSet, ReadSet;
    TIMEVAL timeout = {30, 0};
    ULONG NonBlock;
    HANDLE Threads[3];
    int len = sizeof(InternetAddr);

    if (WSAStartup(0x0202, &wsaData) != 0) return 1;
    if ((ListenSocket = WSASocket(AF_INET, SOCK_STREAM, 0, NULL, 0, WSA_FLAG_OVERLAPPED)) == INVALID_SOCKET) return 1;
    InternetAddr.sin_family = AF_INET;
    InternetAddr.sin_addr.s_addr = inet_addr("127.0.0.1");
    InternetAddr.sin_port = htons(PORT);
    if (bind(ListenSocket, (PSOCKADDR)&InternetAddr, sizeof(InternetAddr)) == SOCKET_ERROR) return 1;
    if (listen(ListenSocket, 5)) return 1;
    if (getsockname(ListenSocket, (PSOCKADDR)&InternetAddr, &len)) return 1;
    NonBlock = 1;
    if (ioctlsocket(ListenSocket, FIONBIO, &NonBlock) == SOCKET_ERROR) return 1;
    for (i = 0; i < 3; i++) Threads[i] = CreateThread(NULL, 0, Client, (LPVOID)(INT_PTR)i, 0, NULL);

    while (Ended < 3) {
        FD_ZERO(&ReadSet);
        FD_ZERO(&WriteSet);
        FD_SET(ListenSocket, &ReadSet);
        for (i = 0; i < TotalSockets; i++)
            if (SocketArray[i]->BytesRECV > SocketArray[i]->BytesSEND)
                FD_SET(SocketArray[i]->Socket, &WriteSet);
            else
                FD_SET(SocketArray[i]->Socket, &ReadSet);
        if ((Total = (DWORD)select(0, &ReadSet, &WriteSet, NULL, &timeout)) == (DWORD)SOCKET_ERROR || Total == 0) {
            printf("select() returned %d with error %d\n", (int)Total, WSAGetLastError());
            return 1;
        }
        if (FD_ISSET(ListenSocket, &ReadSet)) {
            if ((AcceptSocket = accept(ListenSocket, NULL, NULL)) != INVALID_SOCKET) {
                NonBlock = 1;
                if (ioctlsocket(AcceptSocket, FIONBIO, &NonBlock) == SOCKET_ERROR) return 1;
                if (CreateSocketInformation(AcceptSocket) == FALSE) return 1;
            } else if (WSAGetLastError() != WSAEWOULDBLOCK)
                return 1;
        }
        for (i = 0; i < TotalSockets; i++) {
            LPSOCKET_INFORMATION SocketInfo = SocketArray[i];
            if (FD_ISSET(SocketInfo->Socket, &ReadSet)) {
                SocketInfo->DataBuf.buf = SocketInfo->Buffer;
                SocketInfo->DataBuf.len = DATA_BUFSIZE;
                Flags = 0;
                if (WSARecv(SocketInfo->Socket, &(SocketInfo->DataBuf), 1, &RecvBytes, &Flags, NULL, NULL) ==
                    SOCKET_ERROR) {
                    if (WSAGetLastError() != WSAEWOULDBLOCK) return 1;
                    continue;
                }
                SocketInfo->BytesRECV = RecvBytes;
                SocketInfo->BytesSEND = 0;
                if (RecvBytes == 0) {
                    FreeSocketInformation(i--);
                    Ended++;
                    continue;
                }
            }
            if (FD_ISSET(SocketInfo->Socket, &WriteSet)) {
                SocketInfo->DataBuf.buf = SocketInfo->Buffer + SocketInfo->BytesSEND;
                SocketInfo->DataBuf.len = SocketInfo->BytesRECV - SocketInfo->BytesSEND;
                if (WSASend(SocketInfo->Socket, &(SocketInfo->DataBuf), 1, &SendBytes, 0, NULL, NULL) == SOCKET_ERROR) {
                    if (WSAGetLastError() != WSAEWOULDBLOCK) return 1;
                    continue;
                }
                SocketInfo->BytesSEND += SendBytes;
                if (SocketInfo->BytesSEND == SocketInfo->BytesRECV) SocketInfo->BytesSEND = SocketInfo->BytesRECV = 0;
            }
        }
    }
    WaitForMultipleObjects(3, Threads, TRUE, INFINITE);
    for (i = 0; i < 3; i++) {
        GetExitCodeThread(Threads[i], &Code);
        if (Code != 0) {
            printf("client %d ended with %d\n", (int)i, (int)Code);
            return 1;
        }
        CloseHandle(Threads[i]);
    }
    closesocket(ListenSocket);
    WSACleanup();
    return 0;
}
