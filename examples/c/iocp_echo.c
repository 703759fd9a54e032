/*
 * A server over a completion port: many worker threads wait at one port for whatever is done next, a connection that was
 * accepted (AcceptEx), bytes that were received, bytes that were sent back. Each connection has one operation under way.
 *
 * The clients are in the same program: each sends messages of many lengths, one after another, and compares every byte that comes
 * back. Then the server is shut down in order: no operation is left, every worker ends. The program ends with 0 when all was right.
 *
 * Linux:    windlass run examples/c/iocp_echo.c [clients [messages [workers]]]
 * Windows:  cl iocp_echo.c ws2_32.lib mswsock.lib
 */
#define WIN32_LEAN_AND_MEAN
#include <winsock2.h>
#include <ws2tcpip.h>
#include <mswsock.h>
#include <windows.h>

#include <process.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CHUNK = 16 * 1024, /* what is received at once */
    LONGEST = 40 * 1024, /* message of a client */
    ACCEPTS = 4, /* connections that are waited for at once */
    ROOM = sizeof(struct sockaddr_storage) + 16 /* what AcceptEx needs for an address */
};

static int clients = 16, messages = 200, workers = 4;

static HANDLE port;
static SOCKET listener;
static volatile LONG operations;  /* under way */
static volatile LONG accepted;    /* connections, of which */
static volatile LONG ended;       /* have been closed */
static volatile LONG64 echoed;    /* bytes */
static volatile LONG shutting_down;
static HANDLE idle;               /* set when the last operation is over while the server shuts down */

static void fail(const char *what)
{
    fprintf(stderr, "iocp_echo: %s: error %lu\n", what, (unsigned long)GetLastError());
    exit(1);
}

/* ---- Server ---- */

enum kind { ACCEPTING, RECEIVING, SENDING };

/* A connection, from the call that waits for it to its end. */
struct connection {
    OVERLAPPED overlapped; /* first: packets have its address */
    enum kind kind;        /* of the operation under way */
    SOCKET socket;
    WSABUF buffer;
    char bytes[CHUNK];
};

/* Before an operation is started: its packet may come before its call returns. */
static void starting(struct connection *connection, enum kind kind)
{
    memset(&connection->overlapped, 0, sizeof connection->overlapped);
    connection->kind = kind;
    InterlockedIncrement(&operations);
}

/* One operation less. What a call could not start has no packet. */
static void finished(void)
{
    if (InterlockedDecrement(&operations) == 0 && shutting_down)
        SetEvent(idle);
}

static void end(struct connection *connection)
{
    closesocket(connection->socket);
    free(connection);
}

static BOOL is_started(BOOL done)
{
    if (done || WSAGetLastError() == WSA_IO_PENDING)
        return TRUE;
    finished();
    return FALSE;
}

static void accept_another(void)
{
    struct connection *connection = malloc(sizeof *connection);
    DWORD bytes;

    if (connection == NULL)
        fail("malloc");
    connection->socket = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED);
    if (connection->socket == INVALID_SOCKET)
        fail("WSASocket");
    starting(connection, ACCEPTING);
    if (!is_started(AcceptEx(listener, connection->socket, connection->bytes, 0, ROOM, ROOM, &bytes,
                             &connection->overlapped))) {
        if (!shutting_down)
            fail("AcceptEx");
        end(connection);
    }
}

static BOOL receive(struct connection *connection)
{
    DWORD flags = 0;

    connection->buffer.buf = connection->bytes;
    connection->buffer.len = CHUNK;
    starting(connection, RECEIVING);
    return is_started(WSARecv(connection->socket, &connection->buffer, 1, NULL, &flags, &connection->overlapped, NULL) == 0);
}

static BOOL send_back(struct connection *connection, DWORD bytes)
{
    connection->buffer.len = bytes;
    starting(connection, SENDING);
    return is_started(WSASend(connection->socket, &connection->buffer, 1, NULL, 0, &connection->overlapped, NULL) == 0);
}

/* What follows an operation. Returns FALSE if the connection is over. */
static BOOL go_on(struct connection *connection, DWORD bytes)
{
    switch (connection->kind) {
    case ACCEPTING:
        InterlockedIncrement(&accepted);
        if (setsockopt(connection->socket, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT, (const char *)&listener, sizeof listener) != 0)
            fail("SO_UPDATE_ACCEPT_CONTEXT");
        if (CreateIoCompletionPort((HANDLE)connection->socket, port, 0, 0) != port)
            fail("CreateIoCompletionPort of a connection");
        return receive(connection);
    case RECEIVING:
        if (bytes == 0)
            return FALSE; /* the client has ended */
        return send_back(connection, bytes);
    default:
        if (bytes != connection->buffer.len)
            fail("a send that was cut short");
        InterlockedAdd64(&echoed, bytes);
        return receive(connection);
    }
}

static unsigned __stdcall work(void *unused)
{
    (void)unused;
    for (;;) {
        struct connection *connection;
        OVERLAPPED *overlapped;
        ULONG_PTR key;
        DWORD bytes;
        BOOL ok = GetQueuedCompletionStatus(port, &bytes, &key, &overlapped, INFINITE);

        if (overlapped == NULL) {
            if (!ok)
                fail("GetQueuedCompletionStatus");
            return 0; /* the packet that ends a worker */
        }
        connection = CONTAINING_RECORD(overlapped, struct connection, overlapped);
        if (connection->kind == ACCEPTING && !shutting_down)
            accept_another();
        if (!ok && !shutting_down)
            fail("an operation of the server");
        if (!ok || !go_on(connection, bytes)) {
            if (connection->kind != ACCEPTING)
                InterlockedIncrement(&ended);
            end(connection);
        }
        finished();
    }
}

/* ---- Clients ---- */

static struct sockaddr_in server;
static volatile LONG64 sent;

static void transfer(SOCKET s, char *bytes, int length, BOOL sends)
{
    int at = 0;

    while (at < length) {
        int now = sends ? send(s, bytes + at, length - at, 0) : recv(s, bytes + at, length - at, 0);

        if (now <= 0)
            fail(sends ? "send" : "recv");
        at += now;
    }
}

static unsigned __stdcall converse(void *argument)
{
    unsigned number = (unsigned)(ULONG_PTR)argument, random = number * 2654435761u + 1;
    char *message = malloc(LONGEST), *answer = malloc(LONGEST);
    SOCKET s = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
    char rest;
    int i, at;

    if (message == NULL || answer == NULL || s == INVALID_SOCKET)
        fail("a client");
    if (connect(s, (struct sockaddr *)&server, sizeof server) != 0)
        fail("connect");
    for (i = 0; i < messages; i++) {
        int length;

        random = random * 1664525u + 1013904223u;
        length = i % 10 == 0 ? 1 + (int)((random >> 8) % LONGEST) : 1 + (int)((random >> 8) % 256);
        for (at = 0; at < length; at++)
            message[at] = (char)(random + (unsigned)at * 31);
        transfer(s, message, length, TRUE);
        transfer(s, answer, length, FALSE);
        if (memcmp(message, answer, (size_t)length) != 0)
            fail("a message that came back otherwise");
        InterlockedAdd64(&sent, length);
    }
    if (shutdown(s, SD_SEND) != 0 || recv(s, &rest, 1, 0) != 0)
        fail("the end of a connection");
    closesocket(s);
    free(message);
    free(answer);
    return 0;
}

static HANDLE start_thread(unsigned(__stdcall *body)(void *), int number)
{
    HANDLE thread = (HANDLE)_beginthreadex(NULL, 0, body, (void *)(ULONG_PTR)number, 0, NULL);

    if (thread == NULL)
        fail("_beginthreadex");
    return thread;
}

static void join(HANDLE *threads, int count)
{
    int i;

    for (i = 0; i < count; i++) {
        if (WaitForSingleObject(threads[i], INFINITE) != WAIT_OBJECT_0)
            fail("a thread");
        CloseHandle(threads[i]);
    }
}

int main(int argc, char **argv)
{
    HANDLE *working, *conversing;
    int length = sizeof server, i;
    WSADATA data;

    if (argc > 1)
        clients = atoi(argv[1]);
    if (argc > 2)
        messages = atoi(argv[2]);
    if (argc > 3)
        workers = atoi(argv[3]);
    if (clients < 1 || messages < 1 || workers < 1) {
        fprintf(stderr, "usage: iocp_echo [clients [messages [workers]]]\n");
        return 2;
    }
    if (WSAStartup(MAKEWORD(2, 2), &data) != 0)
        fail("WSAStartup");
    port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
    idle = CreateEventW(NULL, TRUE, FALSE, NULL);
    working = calloc((size_t)workers, sizeof *working);
    conversing = calloc((size_t)clients, sizeof *conversing);
    if (port == NULL || idle == NULL || working == NULL || conversing == NULL)
        fail("the port");

    listener = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED);
    server.sin_family = AF_INET;
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (listener == INVALID_SOCKET || bind(listener, (struct sockaddr *)&server, sizeof server) != 0
        || getsockname(listener, (struct sockaddr *)&server, &length) != 0 || listen(listener, SOMAXCONN) != 0)
        fail("the listening socket");
    if (CreateIoCompletionPort((HANDLE)listener, port, 0, 0) != port)
        fail("CreateIoCompletionPort of the listening socket");
    for (i = 0; i < workers; i++)
        working[i] = start_thread(work, i);
    for (i = 0; i < ACCEPTS; i++)
        accept_another();

    for (i = 0; i < clients; i++)
        conversing[i] = start_thread(converse, i);
    join(conversing, clients);

    /* The operations that still wait, all of them for connections, end with the socket. The one that is counted here keeps the
       last of them from being taken for the end too early. */
    InterlockedIncrement(&operations);
    InterlockedExchange(&shutting_down, 1);
    closesocket(listener);
    finished();
    if (WaitForSingleObject(idle, INFINITE) != WAIT_OBJECT_0)
        fail("the end");
    for (i = 0; i < workers; i++)
        PostQueuedCompletionStatus(port, 0, 0, NULL);
    join(working, workers);
    CloseHandle(port);
    CloseHandle(idle);
    free(working);
    free(conversing);
    WSACleanup();

    printf("%ld connections, %lld bytes there and back, %d workers\n", (long)accepted, (long long)echoed, workers);
    if (accepted != clients || ended != clients || echoed != sent || operations != 0) {
        fprintf(stderr, "iocp_echo: %ld accepted, %ld ended, %lld sent, %ld operations left\n", (long)accepted, (long)ended,
                (long long)sent, (long)operations);
        return 1;
    }
    return 0;
}
