/*
 * The server of Windows Sockets: overlapped operations on a completion port. The same source runs natively and under
 * Wine.
 *
 * port echo|bulk|udp|accept SIZE [THREADS [batch|skip]]     prints the port that it serves on 127.0.0.1, and serves
 * until it is killed. THREADS dequeue; with "batch" they take up to 64 packets at a time; with "skip" what succeeds at once
 * makes no packet.
 *
 * Linux:    cc -O2 port.c -lws2_32
 * Windows:  x86_64-w64-mingw32-gcc -O2 port.c -lws2_32
 */
#define WIN32_LEAN_AND_MEAN
#ifndef _WIN32_WINNT
#define _WIN32_WINNT 0x0600
#endif
#include <winsock2.h>
#include <ws2tcpip.h>
#include <mswsock.h>
#include <windows.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 64, CHUNK = 65536, CHUNKS = 2, DATAGRAMS = 16, DATAGRAM = 2048, ACCEPTS = 16 };
enum { NAME_ROOM = sizeof(struct sockaddr_in) + 16 };

enum kind { RECEIVE, SEND, RECEIVE_FROM, SEND_TO, BULK, ACCEPT };

/* One operation, and the socket it is on. The overlapped structure is first: its address is the operation's. */
struct operation {
    WSAOVERLAPPED overlapped;
    enum kind kind;
    SOCKET socket;
    WSABUF buffer;
    DWORD flags;
    struct sockaddr_in name;
    int name_len;
    char bytes[1];
};

static HANDLE port;
static SOCKET listener;
static unsigned size;
static int echoes, batches, skips;
static LPFN_ACCEPTEX accept_ex;

static void must(int worked, const char *what) {
    if (worked) return;
    fprintf(stderr, "port: %s: error %d\n", what, WSAGetLastError());
    exit(1);
}

static struct operation *make(enum kind kind, SOCKET s, unsigned room) {
    struct operation *made = (struct operation *)calloc(1, sizeof *made + room);
    must(made != NULL, "memory");
    made->kind = kind;
    made->socket = s;
    made->buffer.buf = made->bytes;
    made->buffer.len = room;
    return made;
}

static int pending(int result) {
    return result == 0 || WSAGetLastError() == WSA_IO_PENDING;
}

static void completed(struct operation *operation, DWORD len, int worked);

/*
 * What has succeeded at once makes no packet: goes on after a send. A receive waits for its turn behind those of other
 * connections, and nothing is nested in what it is followed by.
 */
static void at_once(struct operation *operation, int result, DWORD len) {
    if (!skips || result != 0) return;
    if (operation->kind == SEND) completed(operation, len, 1);
    else must(PostQueuedCompletionStatus(port, len, 0, &operation->overlapped), "PostQueuedCompletionStatus");
}

static void end(struct operation *operation) {
    closesocket(operation->socket);
    free(operation);
}

static void receive(struct operation *operation) {
    DWORD len = 0;
    int result;
    operation->kind = RECEIVE;
    operation->buffer.len = size;
    operation->flags = 0;
    memset(&operation->overlapped, 0, sizeof operation->overlapped);
    result = WSARecv(operation->socket, &operation->buffer, 1, &len, &operation->flags, &operation->overlapped, NULL);
    if (!pending(result)) end(operation);
    else at_once(operation, result, len);
}

static void send_back(struct operation *operation, DWORD len) {
    int result;
    operation->kind = SEND;
    operation->buffer.len = len;
    memset(&operation->overlapped, 0, sizeof operation->overlapped);
    result = WSASend(operation->socket, &operation->buffer, 1, &len, 0, &operation->overlapped, NULL);
    if (!pending(result)) end(operation);
    else at_once(operation, result, len);
}

static void receive_from(struct operation *operation) {
    operation->kind = RECEIVE_FROM;
    operation->buffer.len = DATAGRAM;
    operation->flags = 0;
    operation->name_len = sizeof operation->name;
    memset(&operation->overlapped, 0, sizeof operation->overlapped);
    must(pending(WSARecvFrom(operation->socket, &operation->buffer, 1, NULL, &operation->flags,
                             (struct sockaddr *)&operation->name, &operation->name_len, &operation->overlapped, NULL)),
         "WSARecvFrom");
}

static void send_to(struct operation *operation, DWORD len) {
    operation->kind = SEND_TO;
    operation->buffer.len = len;
    memset(&operation->overlapped, 0, sizeof operation->overlapped);
    must(pending(WSASendTo(operation->socket, &operation->buffer, 1, NULL, 0, (struct sockaddr *)&operation->name,
                           operation->name_len, &operation->overlapped, NULL)),
         "WSASendTo");
}

static void send_chunk(struct operation *operation) {
    memset(&operation->overlapped, 0, sizeof operation->overlapped);
    if (!pending(WSASend(operation->socket, &operation->buffer, 1, NULL, 0, &operation->overlapped, NULL))) exit(0);
}

static void associate(SOCKET s) {
    must(CreateIoCompletionPort((HANDLE)s, port, (ULONG_PTR)s, 0) == port, "CreateIoCompletionPort");
}

/* A connection is there. */
static void welcome(SOCKET s) {
    BOOL yes = TRUE;
    if (!echoes) {
        closesocket(s);
        return;
    }
    setsockopt(s, IPPROTO_TCP, TCP_NODELAY, (const char *)&yes, sizeof yes);
    associate(s);
    if (skips) SetFileCompletionNotificationModes((HANDLE)s, FILE_SKIP_COMPLETION_PORT_ON_SUCCESS);
    receive(make(RECEIVE, s, size));
}

static void accept_next(struct operation *operation) {
    DWORD received;
    operation->socket = WSASocketW(AF_INET, SOCK_STREAM, 0, NULL, 0, WSA_FLAG_OVERLAPPED);
    must(operation->socket != INVALID_SOCKET, "WSASocketW");
    memset(&operation->overlapped, 0, sizeof operation->overlapped);
    must(accept_ex(listener, operation->socket, operation->bytes, 0, NAME_ROOM, NAME_ROOM, &received,
                   &operation->overlapped) ||
             WSAGetLastError() == WSA_IO_PENDING,
         "AcceptEx");
}

static void accepted(struct operation *operation, int worked) {
    if (worked) {
        setsockopt(operation->socket, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT, (const char *)&listener, sizeof listener);
        welcome(operation->socket);
    } else {
        closesocket(operation->socket);
    }
    accept_next(operation);
}

static void completed(struct operation *operation, DWORD len, int worked) {
    switch (operation->kind) {
    case RECEIVE:
        if (worked && len) send_back(operation, len);
        else end(operation);
        break;
    case SEND:
        if (worked) receive(operation);
        else end(operation);
        break;
    case RECEIVE_FROM:
        if (worked) send_to(operation, len);
        else receive_from(operation);
        break;
    case SEND_TO:
        receive_from(operation);
        break;
    case BULK:
        if (!worked) exit(0);
        send_chunk(operation);
        break;
    case ACCEPT:
        accepted(operation, worked);
        break;
    }
}

static void take_one(void) {
    LPOVERLAPPED overlapped;
    ULONG_PTR key;
    DWORD len;
    BOOL worked = GetQueuedCompletionStatus(port, &len, &key, &overlapped, INFINITE);
    must(overlapped != NULL, "GetQueuedCompletionStatus");
    completed((struct operation *)overlapped, len, worked);
}

static void take_many(void) {
    OVERLAPPED_ENTRY entries[BATCH];
    ULONG count, i;
    must(GetQueuedCompletionStatusEx(port, entries, BATCH, &count, INFINITE, FALSE), "GetQueuedCompletionStatusEx");
    for (i = 0; i < count; i++)
        completed((struct operation *)entries[i].lpOverlapped, entries[i].dwNumberOfBytesTransferred,
                  entries[i].lpOverlapped->Internal == 0);
}

static DWORD WINAPI work(LPVOID unused) {
    (void)unused;
    for (;;) {
        if (batches) take_many();
        else take_one();
    }
    return 0;
}

/* Accepts on the port, or, where there is no AcceptEx, on this thread, while another dequeues in its place. */
static void accept_all(void) {
    GUID id = WSAID_ACCEPTEX;
    DWORD len;
    int i;
    if (WSAIoctl(listener, SIO_GET_EXTENSION_FUNCTION_POINTER, &id, sizeof id, &accept_ex, sizeof accept_ex, &len, NULL,
                 NULL) == 0) {
        associate(listener);
        for (i = 0; i < ACCEPTS; i++) accept_next(make(ACCEPT, INVALID_SOCKET, 2 * NAME_ROOM));
        return;
    }
    must(CreateThread(NULL, 0, work, NULL, 0, NULL) != NULL, "CreateThread");
    for (;;) {
        SOCKET s = accept(listener, NULL, NULL);
        if (s != INVALID_SOCKET) welcome(s);
    }
}

int main(int argc, char **argv) {
    struct sockaddr_in name;
    int len = sizeof name, i, threads = argc > 3 ? atoi(argv[3]) : 1;
    const char *mode = argc > 2 ? argv[1] : "";
    int is_datagram = strcmp(mode, "udp") == 0;
    WSADATA data;
    must(argc > 2, "usage: port echo|bulk|udp|accept SIZE [THREADS [batch|skip]]");
    size = (unsigned)atoi(argv[2]);
    batches = argc > 4 && strcmp(argv[4], "batch") == 0;
    skips = argc > 4 && strcmp(argv[4], "skip") == 0;
    echoes = strcmp(mode, "echo") == 0;
    must(WSAStartup(MAKEWORD(2, 2), &data) == 0, "WSAStartup");
    listener = WSASocketW(AF_INET, is_datagram ? SOCK_DGRAM : SOCK_STREAM, 0, NULL, 0, WSA_FLAG_OVERLAPPED);
    must(listener != INVALID_SOCKET, "WSASocketW");
    memset(&name, 0, sizeof name);
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    must(bind(listener, (struct sockaddr *)&name, sizeof name) == 0, "bind");
    must(is_datagram || listen(listener, SOMAXCONN) == 0, "listen");
    must(getsockname(listener, (struct sockaddr *)&name, &len) == 0, "getsockname");
    port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, (DWORD)threads);
    must(port != NULL, "CreateIoCompletionPort");
    printf("%d\n", ntohs(name.sin_port));
    fflush(stdout);
    if (is_datagram) {
        associate(listener);
        for (i = 0; i < DATAGRAMS; i++) receive_from(make(RECEIVE_FROM, listener, DATAGRAM));
    }
    for (i = 1; i < threads; i++) CreateThread(NULL, 0, work, NULL, 0, NULL);
    if (strcmp(mode, "bulk") == 0) {
        SOCKET s = accept(listener, NULL, NULL);
        must(s != INVALID_SOCKET, "accept");
        associate(s);
        for (i = 0; i < CHUNKS; i++) send_chunk(make(BULK, s, CHUNK));
    } else if (!is_datagram) {
        accept_all();
    }
    return (int)work(NULL);
}
