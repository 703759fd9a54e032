/*
 * A server with registered I/O, over Windows Sockets 2: datagrams come into parts of one registered buffer, with the
 * address of the sender beside them, and go back from there. The receive queue tells of itself by a completion port; the
 * ends of sends are looked for now and then. A client with plain calls sends, and compares what comes back.
 *
 * Linux:    windlass run examples/c/rio_echo.c
 * Windows:  cl rio_echo.c ws2_32.lib
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
    SLOTS = 16,      /* datagrams that may be here at once */
    DATAGRAM = 1024,
    MESSAGES = 1000
};

/* What the buffer is made of: a datagram and its sender, so many times. */
struct slot {
    char bytes[DATAGRAM];
    SOCKADDR_INET sender;
};

static struct slot slots[SLOTS];
static RIO_EXTENSION_FUNCTION_TABLE rio;
static RIO_BUFFERID buffer;
static RIO_CQ receives, sends;
static RIO_RQ requests;
static HANDLE port;

static void fail(const char *what)
{
    fprintf(stderr, "rio_echo: %s: error %d\n", what, WSAGetLastError());
    exit(1);
}

static RIO_BUF part(const void *at, ULONG length)
{
    RIO_BUF named = {buffer, (ULONG)((const char *)at - (const char *)slots), length};

    return named;
}

static void start_receive(struct slot *slot)
{
    RIO_BUF bytes = part(slot->bytes, DATAGRAM), sender = part(&slot->sender, sizeof slot->sender);

    if (!rio.RIOReceiveEx(requests, &bytes, 1, NULL, &sender, NULL, NULL, 0, slot))
        fail("RIOReceiveEx");
}

static void start_send(struct slot *slot, ULONG length, DWORD flags)
{
    RIO_BUF bytes = part(slot->bytes, length), sender = part(&slot->sender, sizeof slot->sender);

    if (!rio.RIOSendEx(requests, &bytes, 1, NULL, &sender, NULL, NULL, flags, slot))
        fail("RIOSendEx");
}

static void take_sends(void)
{
    RIORESULT results[SLOTS];
    ULONG count = rio.RIODequeueCompletion(sends, results, SLOTS), i;

    if (count == RIO_CORRUPT_CQ)
        fail("RIODequeueCompletion");
    for (i = 0; i < count; i++) {
        if (results[i].Status != 0)
            fail("a send");
        start_receive((struct slot *)(size_t)results[i].RequestContext);
    }
}

/* Echoes until an empty datagram comes. */
static DWORD WINAPI serve(LPVOID unused)
{
    BOOL ends = FALSE;

    (void)unused;
    while (!ends) {
        RIORESULT results[SLOTS];
        DWORD bytes;
        ULONG_PTR key;
        OVERLAPPED *overlapped;
        ULONG count, i;

        if (rio.RIONotify(receives) != 0 ||
            !GetQueuedCompletionStatus(port, &bytes, &key, &overlapped, WAIT_MS))
            fail("a notice");
        count = rio.RIODequeueCompletion(receives, results, SLOTS);
        if (count == 0 || count == RIO_CORRUPT_CQ)
            fail("a notice without a completion");
        for (i = 0; i < count; i++) {
            if (results[i].Status != 0)
                fail("a receive");
            ends |= results[i].BytesTransferred == 0;
            /* All of a batch leave together. */
            start_send((struct slot *)(size_t)results[i].RequestContext, results[i].BytesTransferred,
                       i + 1 < count ? RIO_MSG_DEFER : 0);
        }
        take_sends();
    }
    return 0;
}

static void prepare(SOCKET s)
{
    GUID guid = WSAID_MULTIPLE_RIO;
    RIO_NOTIFICATION_COMPLETION notification;
    static OVERLAPPED mark;
    DWORD bytes;
    int i;

    if (WSAIoctl(s, SIO_GET_MULTIPLE_EXTENSION_FUNCTION_POINTER, &guid, sizeof guid, &rio, sizeof rio, &bytes, NULL,
                 NULL) != 0)
        fail("registered I/O");
    buffer = rio.RIORegisterBuffer((char *)slots, sizeof slots);
    port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
    memset(&notification, 0, sizeof notification);
    notification.Type = RIO_IOCP_COMPLETION;
    notification.Iocp.IocpHandle = port;
    notification.Iocp.Overlapped = &mark;
    receives = rio.RIOCreateCompletionQueue(SLOTS, &notification);
    sends = rio.RIOCreateCompletionQueue(SLOTS, NULL);
    if (buffer == RIO_INVALID_BUFFERID || port == NULL || receives == RIO_INVALID_CQ || sends == RIO_INVALID_CQ)
        fail("buffer and queues");
    requests = rio.RIOCreateRequestQueue(s, SLOTS, 1, SLOTS, 1, receives, sends, NULL);
    if (requests == RIO_INVALID_RQ)
        fail("RIOCreateRequestQueue");
    for (i = 0; i < SLOTS; i++)
        start_receive(&slots[i]);
}

int main(void)
{
    WSADATA data;
    SOCKET server, client;
    HANDLE thread;
    struct sockaddr_in name;
    int length = sizeof name, limit = WAIT_MS, i;

    if (WSAStartup(MAKEWORD(2, 2), &data) != 0)
        fail("WSAStartup");
    server = WSASocketW(AF_INET, SOCK_DGRAM, IPPROTO_UDP, NULL, 0, WSA_FLAG_REGISTERED_IO | WSA_FLAG_OVERLAPPED);
    client = socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP);
    memset(&name, 0, sizeof name);
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (server == INVALID_SOCKET || client == INVALID_SOCKET || bind(server, (struct sockaddr *)&name, sizeof name) != 0 ||
        getsockname(server, (struct sockaddr *)&name, &length) != 0 ||
        connect(client, (struct sockaddr *)&name, sizeof name) != 0 ||
        setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, (char *)&limit, sizeof limit) != 0)
        fail("sockets");
    prepare(server);
    thread = CreateThread(NULL, 0, serve, NULL, 0, NULL);
    if (thread == NULL)
        fail("CreateThread");
    for (i = 0; i <= MESSAGES; i++) {
        char sent[DATAGRAM], got[DATAGRAM];
        int size = i < MESSAGES ? 1 + i % DATAGRAM : 0;

        memset(sent, i, (size_t)size);
        if (send(client, sent, size, 0) != size || recv(client, got, sizeof got, 0) != size ||
            memcmp(sent, got, (size_t)size) != 0)
            fail("an echo");
    }
    if (WaitForSingleObject(thread, WAIT_MS) != WAIT_OBJECT_0)
        fail("the server");
    closesocket(client);
    closesocket(server);
    rio.RIOCloseCompletionQueue(receives);
    rio.RIOCloseCompletionQueue(sends);
    rio.RIODeregisterBuffer(buffer);
    CloseHandle(thread);
    CloseHandle(port);
    if (WSACleanup() != 0)
        fail("WSACleanup");
    printf("rio_echo: %d datagrams came back\n", MESSAGES);
    return 0;
}
