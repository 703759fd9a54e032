/*
 * An echo server made of completion routines, over Windows Sockets 2: TCP and UDP. Everything happens in routines that run
 * while the one thread of the program sleeps alertably: the end of a receive starts the send that answers, and the end
 * of a send starts the next receive.
 *
 * The clients are in the same program and made in the same way; they compare every byte that comes back. At the end
 * a receive that nobody will answer is ended by the close of its socket, whose routine is told so. The program ends with 0
 * when all of that went well.
 *
 * Linux:    windlass run examples/c/overlapped_routine.c
 * Windows:  cl overlapped_routine.c ws2_32.lib
 */
#define WIN32_LEAN_AND_MEAN
#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    WAIT_MS = 10000, /* nothing on the loopback interface takes this long */
    CLIENTS = 8,
    ROUNDS = 200,    /* exchanges of each client */
    SIZE = 1000      /* the longest message */
};

static void fail(const char *what, int error)
{
    fprintf(stderr, "overlapped_routine: %s: error %d\n", what, error);
    exit(1);
}

/* One end of a conversation, which has one operation under way at any time. */
struct end {
    WSAOVERLAPPED overlapped; /* first: its address is the end's, which is how a routine finds it */
    SOCKET socket;
    BOOL is_datagram;
    WSABUF buffer;
    char bytes[SIZE];
    struct sockaddr_in peer; /* of a datagram */
    int peer_length;
    /* Of a client. */
    char sent[SIZE];
    DWORD length, got;
    int rounds;
};

static int clients_left, depth, routines;

static void CALLBACK server_received(DWORD error, DWORD bytes, LPWSAOVERLAPPED overlapped, DWORD flags);
static void CALLBACK server_sent(DWORD error, DWORD bytes, LPWSAOVERLAPPED overlapped, DWORD flags);
static void CALLBACK client_sent(DWORD error, DWORD bytes, LPWSAOVERLAPPED overlapped, DWORD flags);
static void CALLBACK client_received(DWORD error, DWORD bytes, LPWSAOVERLAPPED overlapped, DWORD flags);

/* Routines run one after the other, never one inside another. */
static void enter(DWORD error, const char *what)
{
    if (error != 0)
        fail(what, (int)error);
    if (++depth != 1)
        fail("a routine inside a routine", depth);
    routines++;
}

static void started(int result, const char *what)
{
    int error = WSAGetLastError();

    if (result == SOCKET_ERROR && error != WSA_IO_PENDING)
        fail(what, error);
}

static void receive(struct end *end, char *to, DWORD room, LPWSAOVERLAPPED_COMPLETION_ROUTINE then)
{
    DWORD flags = 0;
    int result;

    end->buffer.buf = to;
    end->buffer.len = room;
    end->peer_length = sizeof end->peer;
    if (end->is_datagram)
        result = WSARecvFrom(end->socket, &end->buffer, 1, NULL, &flags, (struct sockaddr *)&end->peer,
                             &end->peer_length, &end->overlapped, then);
    else
        result = WSARecv(end->socket, &end->buffer, 1, NULL, &flags, &end->overlapped, then);
    started(result, "a receive");
}

static void transmit(struct end *end, char *from, DWORD length, LPWSAOVERLAPPED_COMPLETION_ROUTINE then)
{
    int result;

    end->buffer.buf = from;
    end->buffer.len = length;
    if (end->is_datagram)
        result = WSASendTo(end->socket, &end->buffer, 1, NULL, 0, (struct sockaddr *)&end->peer, end->peer_length,
                           &end->overlapped, then);
    else
        result = WSASend(end->socket, &end->buffer, 1, NULL, 0, &end->overlapped, then);
    started(result, "a send");
}

/* ---- Server ---- */

static void CALLBACK server_received(DWORD error, DWORD bytes, LPWSAOVERLAPPED overlapped, DWORD flags)
{
    struct end *end = (struct end *)overlapped;

    (void)flags;
    if (error == WSA_OPERATION_ABORTED)
        return; /* the program closes its datagram socket */
    enter(error, "server_received");
    if (bytes > 0)
        transmit(end, end->bytes, bytes, server_sent);
    depth--;
}

static void CALLBACK server_sent(DWORD error, DWORD bytes, LPWSAOVERLAPPED overlapped, DWORD flags)
{
    struct end *end = (struct end *)overlapped;

    (void)flags;
    enter(error, "server_sent");
    if (bytes != end->buffer.len)
        fail("a send that is not whole", (int)bytes);
    receive(end, end->bytes, SIZE, server_received);
    depth--;
}

/* ---- Clients ---- */

static void next_round(struct end *end)
{
    DWORD i;

    end->length = (DWORD)(end->rounds * 37 % SIZE) + 1;
    end->got = 0;
    for (i = 0; i < end->length; i++)
        end->sent[i] = (char)(i * 31 + (DWORD)end->rounds);
    transmit(end, end->sent, end->length, client_sent);
}

static void CALLBACK client_sent(DWORD error, DWORD bytes, LPWSAOVERLAPPED overlapped, DWORD flags)
{
    struct end *end = (struct end *)overlapped;

    (void)flags;
    (void)bytes;
    enter(error, "client_sent");
    receive(end, end->bytes, SIZE, client_received);
    depth--;
}

static void CALLBACK client_received(DWORD error, DWORD bytes, LPWSAOVERLAPPED overlapped, DWORD flags)
{
    struct end *end = (struct end *)overlapped;

    (void)flags;
    enter(error, "client_received");
    end->got += bytes;
    if (bytes == 0 || end->got > end->length)
        fail("a client got too little or too much", (int)end->got);
    if (end->got < end->length) { /* a stream may bring it in pieces */
        receive(end, end->bytes + end->got, SIZE - end->got, client_received);
    } else {
        if (memcmp(end->bytes, end->sent, end->length) != 0)
            fail("a client got something else back", end->rounds);
        if (++end->rounds < ROUNDS)
            next_round(end);
        else
            clients_left--;
    }
    depth--;
}

/* ---- Both ---- */

static SOCKET bound(int type, struct sockaddr_in *name)
{
    int length = sizeof *name;
    SOCKET s = socket(AF_INET, type, 0);

    memset(name, 0, sizeof *name);
    name->sin_family = AF_INET;
    name->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (s == INVALID_SOCKET || bind(s, (struct sockaddr *)name, length) != 0 ||
        getsockname(s, (struct sockaddr *)name, &length) != 0)
        fail("a socket", WSAGetLastError());
    return s;
}

static int aborted;

static void CALLBACK told_of_close(DWORD error, DWORD bytes, LPWSAOVERLAPPED overlapped, DWORD flags)
{
    (void)overlapped;
    (void)flags;
    aborted += error == WSA_OPERATION_ABORTED && bytes == 0;
}

/* A close ends what is under way, and the routine is told. */
static void close_with_a_receive(struct end *end)
{
    receive(end, end->bytes, SIZE, told_of_close);
    if (closesocket(end->socket) != 0)
        fail("closesocket", WSAGetLastError());
    if (aborted != 0)
        fail("a routine outside of an alertable wait", 0);
    if (SleepEx(WAIT_MS, TRUE) != WAIT_IO_COMPLETION || aborted != 1)
        fail("the routine was not told of the close", aborted);
}

int main(void)
{
    static struct end servers[CLIENTS + 1], clients[2 * CLIENTS];
    struct end *datagrams = &servers[CLIENTS];
    struct sockaddr_in stream_name, datagram_name, own;
    SOCKET listener;
    WSADATA data;
    int i;

    if (WSAStartup(MAKEWORD(2, 2), &data) != 0)
        fail("WSAStartup", 0);
    listener = bound(SOCK_STREAM, &stream_name);
    if (listen(listener, CLIENTS) != 0)
        fail("listen", WSAGetLastError());
    datagrams->socket = bound(SOCK_DGRAM, &datagram_name);
    datagrams->is_datagram = TRUE;
    receive(datagrams, datagrams->bytes, SIZE, server_received);

    clients_left = 2 * CLIENTS;
    for (i = 0; i < CLIENTS; i++) {
        struct end *stream = &clients[i], *datagram = &clients[CLIENTS + i];

        stream->socket = bound(SOCK_STREAM, &own);
        if (connect(stream->socket, (struct sockaddr *)&stream_name, sizeof stream_name) != 0)
            fail("connect", WSAGetLastError());
        servers[i].socket = accept(listener, NULL, NULL);
        if (servers[i].socket == INVALID_SOCKET)
            fail("accept", WSAGetLastError());
        receive(&servers[i], servers[i].bytes, SIZE, server_received);
        datagram->socket = bound(SOCK_DGRAM, &own);
        datagram->is_datagram = TRUE;
        datagram->peer = datagram_name;
        datagram->peer_length = sizeof datagram_name;
        next_round(stream);
        next_round(datagram);
    }
    if (routines != 0)
        fail("a routine outside of an alertable wait", routines);

    while (clients_left > 0)
        if (SleepEx(WAIT_MS, TRUE) != WAIT_IO_COMPLETION)
            fail("nothing happens any more", clients_left);

    close_with_a_receive(&clients[0]);
    for (i = 1; i < 2 * CLIENTS; i++)
        closesocket(clients[i].socket);
    closesocket(datagrams->socket);
    /* The ends of the streams, and the datagram socket's last receive, are told now. */
    while (SleepEx(100, TRUE) == WAIT_IO_COMPLETION) {
    }
    for (i = 0; i < CLIENTS; i++)
        closesocket(servers[i].socket);
    closesocket(listener);
    if (WSACleanup() != 0)
        fail("WSACleanup", WSAGetLastError());
    printf("%d clients had %d exchanges each, in %d routines\n", 2 * CLIENTS, ROUNDS, routines);
    return 0;
}
