/*
 * Datagrams over a completion port, in batches: one thread takes all packets that are there at once
 * (GetQueuedCompletionStatusEx). A send that is done in its call has no packet (SetFileCompletionNotificationModes), so that only
 * receives come out of the port.
 *
 * The client is in the same program. It keeps some datagrams under way and counts each that comes back, with its number and its
 * text. The program ends with 0 when all of them have come back, each once.
 *
 * Linux:    windlass run examples/c/iocp_batch.c [datagrams]
 * Windows:  cl iocp_batch.c ws2_32.lib
 */
#define WIN32_LEAN_AND_MEAN
#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>

#include <process.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    RECEIVES = 64, /* that wait at once */
    BATCH = 32,    /* packets taken at once */
    WINDOW = 32,   /* datagrams under way: few enough for the sockets' buffers */
    ROOM = 256
};

static HANDLE port;
static SOCKET server;

static void fail(const char *what)
{
    fprintf(stderr, "iocp_batch: %s: error %lu\n", what, (unsigned long)GetLastError());
    exit(1);
}

/* A datagram of the server, from its receive to the send that answers it. */
struct exchange {
    OVERLAPPED overlapped; /* first: packets have its address */
    BOOL answers;          /* the operation under way is the send */
    WSABUF buffer;
    struct sockaddr_storage from;
    int from_length;
    char bytes[ROOM];
};

static void receive(struct exchange *exchange)
{
    DWORD flags = 0;

    memset(&exchange->overlapped, 0, sizeof exchange->overlapped);
    exchange->answers = FALSE;
    exchange->buffer.buf = exchange->bytes;
    exchange->buffer.len = ROOM;
    exchange->from_length = sizeof exchange->from;
    /* A packet follows if it waits. If it is done at once there is none, and an answer is due. */
    while (WSARecvFrom(server, &exchange->buffer, 1, NULL, &flags, (struct sockaddr *)&exchange->from, &exchange->from_length,
                       &exchange->overlapped, NULL)
           == 0) {
        exchange->buffer.len = (ULONG)exchange->overlapped.InternalHigh;
        exchange->answers = TRUE;
        if (WSASendTo(server, &exchange->buffer, 1, NULL, 0, (struct sockaddr *)&exchange->from, exchange->from_length,
                      &exchange->overlapped, NULL)
            != 0) {
            if (WSAGetLastError() != WSA_IO_PENDING)
                fail("WSASendTo");
            return;
        }
        exchange->answers = FALSE;
        exchange->buffer.len = ROOM;
    }
    if (WSAGetLastError() != WSA_IO_PENDING)
        fail("WSARecvFrom");
}

/* Answers what was received, and receives the next. */
static void answer(struct exchange *exchange, DWORD bytes)
{
    memset(&exchange->overlapped, 0, sizeof exchange->overlapped);
    exchange->answers = TRUE;
    exchange->buffer.len = bytes;
    if (WSASendTo(server, &exchange->buffer, 1, NULL, 0, (struct sockaddr *)&exchange->from, exchange->from_length,
                  &exchange->overlapped, NULL)
        == 0)
        receive(exchange);
    else if (WSAGetLastError() != WSA_IO_PENDING)
        fail("WSASendTo");
}

static unsigned __stdcall serve(void *argument)
{
    struct exchange *exchanges = calloc(RECEIVES, sizeof *exchanges);
    LONG *largest = argument;
    ULONG waiting = RECEIVES, count, i;
    BOOL closing = FALSE;

    if (exchanges == NULL)
        fail("calloc");
    for (i = 0; i < RECEIVES; i++)
        receive(&exchanges[i]);
    while (waiting > 0) {
        OVERLAPPED_ENTRY batch[BATCH];

        if (!GetQueuedCompletionStatusEx(port, batch, BATCH, &count, INFINITE, FALSE))
            fail("GetQueuedCompletionStatusEx");
        if (!closing && (LONG)count > *largest)
            *largest = (LONG)count;
        for (i = 0; i < count; i++) {
            struct exchange *exchange = (struct exchange *)batch[i].lpOverlapped;

            if (exchange == NULL) {
                /* The client is content. What waits ends with the socket. */
                closing = TRUE;
                closesocket(server);
            } else if (closing) {
                waiting--;
            } else if (batch[i].Internal != 0) {
                fail("an operation of the server");
            } else if (exchange->answers) {
                receive(exchange);
            } else {
                answer(exchange, batch[i].dwNumberOfBytesTransferred);
            }
        }
    }
    free(exchanges);
    return 0;
}

int main(int argc, char **argv)
{
    int datagrams = argc > 1 ? atoi(argv[1]) : 5000, sent = 0, back = 0, length;
    struct sockaddr_in name = {0};
    DWORD limit = 10000; /* milliseconds: nothing on the loopback interface takes this long */
    LONG largest = 0;
    char *seen;
    HANDLE thread;
    SOCKET client;
    WSADATA data;

    if (datagrams < 1) {
        fprintf(stderr, "usage: iocp_batch [datagrams]\n");
        return 2;
    }
    if (WSAStartup(MAKEWORD(2, 2), &data) != 0)
        fail("WSAStartup");
    seen = calloc((size_t)datagrams, 1);
    server = WSASocketW(AF_INET, SOCK_DGRAM, IPPROTO_UDP, NULL, 0, WSA_FLAG_OVERLAPPED);
    client = socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP);
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    length = sizeof name;
    if (seen == NULL || server == INVALID_SOCKET || client == INVALID_SOCKET
        || bind(server, (struct sockaddr *)&name, sizeof name) != 0
        || getsockname(server, (struct sockaddr *)&name, &length) != 0
        || connect(client, (struct sockaddr *)&name, sizeof name) != 0
        || setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, (const char *)&limit, sizeof limit) != 0)
        fail("the sockets");
    port = CreateIoCompletionPort((HANDLE)server, NULL, 0, 1);
    if (port == NULL || !SetFileCompletionNotificationModes((HANDLE)server, FILE_SKIP_COMPLETION_PORT_ON_SUCCESS))
        fail("the port");
    thread = (HANDLE)_beginthreadex(NULL, 0, serve, &largest, 0, NULL);
    if (thread == NULL)
        fail("_beginthreadex");

    while (back < datagrams) {
        char text[ROOM], answer_text[ROOM];
        int number, got;

        while (sent < datagrams && sent - back < WINDOW) {
            snprintf(text, sizeof text, "%d %.*s", sent, sent % 200, "................................................................"
                     "................................................................................................"
                     "..........................................");
            if (send(client, text, (int)strlen(text), 0) != (int)strlen(text))
                fail("send");
            sent++;
        }
        got = recv(client, answer_text, sizeof answer_text - 1, 0);
        if (got <= 0)
            fail("recv");
        answer_text[got] = '\0';
        number = atoi(answer_text);
        if (number < 0 || number >= datagrams || seen[number]++ || got != snprintf(text, sizeof text, "%d ", number) + number % 200) {
            fprintf(stderr, "iocp_batch: an answer that nobody asked for: %s\n", answer_text);
            return 1;
        }
        back++;
    }
    PostQueuedCompletionStatus(port, 0, 0, NULL);
    if (WaitForSingleObject(thread, INFINITE) != WAIT_OBJECT_0)
        fail("the server");
    CloseHandle(thread);
    closesocket(client);
    CloseHandle(port);
    WSACleanup();
    free(seen);
    printf("%d datagrams there and back, up to %ld packets at once\n", back, (long)largest);
    return 0;
}
