/*
 * Sockets that are used again and again, over Windows Sockets 2: a server accepts with AcceptEx and its first request, a
 * client connects with ConnectEx and sends that request; the server answers with TransmitFile, which also ends the
 * connection and makes its socket fit for the next AcceptEx; the client ends with DisconnectEx. Neither makes a new
 * socket for the next round. All operations of the server complete at a completion port, the client's by event.
 *
 * The program ends with 0 when every answer was the one that was asked for.
 *
 * Linux:    windlass run examples/c/connect_reuse.c
 * Windows:  cl connect_reuse.c ws2_32.lib mswsock.lib
 */
#define WIN32_LEAN_AND_MEAN
#include <winsock2.h>
#include <ws2tcpip.h>
#include <mswsock.h>
#include <windows.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    WAIT_MS = 10000, /* nothing on the loopback interface takes this long */
    SERVERS = 4,     /* sockets that wait for connections at once */
    ROUNDS = 50,
    REQUEST = 16,
    ADDRESS = sizeof(struct sockaddr_in) + 16 /* what AcceptEx needs for one */
};

static void fail(const char *what)
{
    fprintf(stderr, "connect_reuse: %s: error %d\n", what, WSAGetLastError());
    exit(1);
}

static void *extension(SOCKET s, GUID guid)
{
    void *function;
    DWORD bytes;

    if (WSAIoctl(s, SIO_GET_EXTENSION_FUNCTION_POINTER, &guid, sizeof guid, &function, sizeof function, &bytes, NULL,
                 NULL) != 0)
        fail("an extension function");
    return function;
}

static SOCKET make(void)
{
    SOCKET s = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED);

    if (s == INVALID_SOCKET)
        fail("WSASocket");
    return s;
}

/* Binds to a free port of the loopback interface, and says which. */
static struct sockaddr_in bind_to_loopback(SOCKET s)
{
    struct sockaddr_in name;
    int length = sizeof name;

    memset(&name, 0, sizeof name);
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(s, (struct sockaddr *)&name, sizeof name) != 0)
        fail("bind");
    if (getsockname(s, (struct sockaddr *)&name, &length) != 0)
        fail("getsockname");
    return name;
}

static void started(BOOL done, const char *what)
{
    if (!done && WSAGetLastError() != WSA_IO_PENDING)
        fail(what);
}

/* ---- Server ---- */

/* A socket that serves one connection after the other. */
struct server {
    OVERLAPPED overlapped; /* first: packets lead to it */
    SOCKET socket;
    BOOL answers; /* else it accepts */
    int served;
    char buffer[REQUEST + 2 * ADDRESS];
    char answer[REQUEST + 32];
    TRANSMIT_FILE_BUFFERS pieces;
};

static SOCKET listener;

static void start_accept(struct server *server)
{
    memset(&server->overlapped, 0, sizeof server->overlapped);
    server->answers = FALSE;
    started(AcceptEx(listener, server->socket, server->buffer, REQUEST, ADDRESS, ADDRESS, NULL, &server->overlapped),
            "AcceptEx");
}

static void start_answer(struct server *server)
{
    struct sockaddr *local, *remote;
    int local_length, remote_length;

    if (setsockopt(server->socket, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT, (char *)&listener, sizeof listener) != 0)
        fail("SO_UPDATE_ACCEPT_CONTEXT");
    GetAcceptExSockaddrs(server->buffer, REQUEST, ADDRESS, ADDRESS, &local, &local_length, &remote, &remote_length);
    snprintf(server->answer, sizeof server->answer, "%.*s from port %u", REQUEST, server->buffer,
             ntohs(((struct sockaddr_in *)remote)->sin_port));
    memset(&server->overlapped, 0, sizeof server->overlapped);
    memset(&server->pieces, 0, sizeof server->pieces);
    server->pieces.Head = server->answer;
    server->pieces.HeadLength = (DWORD)strlen(server->answer);
    server->answers = TRUE;
    started(TransmitFile(server->socket, NULL, 0, 0, &server->overlapped, &server->pieces,
                         TF_DISCONNECT | TF_REUSE_SOCKET),
            "TransmitFile");
}

static DWORD WINAPI serve(LPVOID port)
{
    int served = 0;

    while (served < ROUNDS) {
        DWORD bytes;
        ULONG_PTR key;
        OVERLAPPED *overlapped;
        struct server *server;

        if (!GetQueuedCompletionStatus(port, &bytes, &key, &overlapped, WAIT_MS))
            fail("an operation of the server");
        server = (struct server *)overlapped;
        if (server->answers) {
            served++;
            server->served++;
            start_accept(server);
        } else {
            if (bytes != REQUEST)
                fail("a request that is too short");
            start_answer(server);
        }
    }
    return 0;
}

/* ---- Client ---- */

static void finish(SOCKET s, WSAOVERLAPPED *overlapped, DWORD expected, const char *what)
{
    DWORD bytes, flags;

    if (WSAWaitForMultipleEvents(1, &overlapped->hEvent, TRUE, WAIT_MS, FALSE) != WSA_WAIT_EVENT_0 ||
        !WSAGetOverlappedResult(s, overlapped, &bytes, FALSE, &flags) || bytes != expected)
        fail(what);
}

int main(void)
{
    static struct server servers[SERVERS];
    WSADATA data;
    HANDLE port, thread;
    SOCKET client;
    struct sockaddr_in server_name, client_name;
    LPFN_CONNECTEX connect_ex;
    LPFN_DISCONNECTEX disconnect_ex;
    WSAOVERLAPPED overlapped;
    int round, i, least = ROUNDS;

    if (WSAStartup(MAKEWORD(2, 2), &data) != 0)
        fail("WSAStartup");
    port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
    listener = make();
    server_name = bind_to_loopback(listener);
    if (listen(listener, SOMAXCONN) != 0)
        fail("listen");
    if (port == NULL || CreateIoCompletionPort((HANDLE)listener, port, 0, 0) != port)
        fail("CreateIoCompletionPort");
    for (i = 0; i < SERVERS; i++) {
        servers[i].socket = make();
        if (CreateIoCompletionPort((HANDLE)servers[i].socket, port, 0, 0) != port)
            fail("CreateIoCompletionPort");
        start_accept(&servers[i]);
    }
    thread = CreateThread(NULL, 0, serve, port, 0, NULL);
    if (thread == NULL)
        fail("CreateThread");

    client = make();
    client_name = bind_to_loopback(client);
    connect_ex = (LPFN_CONNECTEX)extension(client, (GUID)WSAID_CONNECTEX);
    disconnect_ex = (LPFN_DISCONNECTEX)extension(client, (GUID)WSAID_DISCONNECTEX);
    memset(&overlapped, 0, sizeof overlapped);
    overlapped.hEvent = WSACreateEvent();
    for (round = 0; round < ROUNDS; round++) {
        char request[REQUEST + 1], expected[REQUEST + 32], answer[REQUEST + 32];
        int length = 0, got;

        snprintf(request, sizeof request, "request %08hu", (unsigned short)round);
        snprintf(expected, sizeof expected, "%s from port %u", request, ntohs(client_name.sin_port));
        started(connect_ex(client, (struct sockaddr *)&server_name, sizeof server_name, request, REQUEST, NULL,
                           &overlapped),
                "ConnectEx");
        finish(client, &overlapped, REQUEST, "ConnectEx");
        if (setsockopt(client, SOL_SOCKET, SO_UPDATE_CONNECT_CONTEXT, NULL, 0) != 0)
            fail("SO_UPDATE_CONNECT_CONTEXT");
        while ((got = recv(client, answer + length, (int)sizeof answer - length, 0)) > 0)
            length += got;
        if (got != 0 || length != (int)strlen(expected) || memcmp(answer, expected, (size_t)length) != 0)
            fail("an answer that was not asked for");
        started(disconnect_ex(client, &overlapped, TF_REUSE_SOCKET, 0), "DisconnectEx");
        finish(client, &overlapped, 0, "DisconnectEx");
    }
    if (WaitForSingleObject(thread, WAIT_MS) != WAIT_OBJECT_0)
        fail("the server");
    for (i = 0; i < SERVERS; i++)
        least = servers[i].served < least ? servers[i].served : least;
    closesocket(client);
    closesocket(listener);
    for (i = 0; i < SERVERS; i++)
        closesocket(servers[i].socket);
    WSACloseEvent(overlapped.hEvent);
    CloseHandle(thread);
    CloseHandle(port);
    if (WSACleanup() != 0)
        fail("WSACleanup");
    printf("connect_reuse: %d connections over %d sockets, each of the server's used %d times or more\n", ROUNDS,
           SERVERS + 2, least);
    return 0;
}
