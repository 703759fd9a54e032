/*
 * A server that completes by event, over Windows Sockets 2: each connection has one overlapped operation under way, a
 * receive or the send that answers it, and one event that tells its end. One thread waits for all events at once.
 *
 * The clients are in the same program. They start all their sends before they receive anything, so that answers pile
 * up and sends have to wait too; then they compare every byte. The program ends with 0 when all of them were content.
 *
 * Linux:    windlass run examples/c/overlapped_event.c
 * Windows:  cl overlapped_event.c ws2_32.lib
 */
#define WIN32_LEAN_AND_MEAN
#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    WAIT_MS = 10000,      /* nothing on the loopback interface takes this long */
    CLIENTS = 8,
    CHUNK = 16 * 1024,    /* what the server receives at once */
    MESSAGE = 1024 * 1024 /* what a client sends, more than the socket buffers hold */
};

static void fail(const char *what)
{
    fprintf(stderr, "overlapped_event: %s: error %d\n", what, WSAGetLastError());
    exit(1);
}

/* ---- Server ---- */

struct connection {
    SOCKET socket;
    WSAOVERLAPPED overlapped; /* of the operation under way */
    WSABUF buffer;
    char bytes[CHUNK];
    BOOL sends; /* it is a send */
};

/* A call that is done at once has set its event as well, so the two are treated alike. */
static void started(int result, const char *what)
{
    if (result == SOCKET_ERROR && WSAGetLastError() != WSA_IO_PENDING)
        fail(what);
}

static void start_receive(struct connection *connection)
{
    DWORD flags = 0;

    connection->sends = FALSE;
    connection->buffer.buf = connection->bytes;
    connection->buffer.len = CHUNK;
    WSAResetEvent(connection->overlapped.hEvent);
    started(WSARecv(connection->socket, &connection->buffer, 1, NULL, &flags, &connection->overlapped, NULL), "WSARecv");
}

static void start_send(struct connection *connection, DWORD length)
{
    connection->sends = TRUE;
    connection->buffer.len = length;
    WSAResetEvent(connection->overlapped.hEvent);
    started(WSASend(connection->socket, &connection->buffer, 1, NULL, 0, &connection->overlapped, NULL), "WSASend");
}

/* Goes on after an operation. Returns whether the connection is over. */
static BOOL go_on(struct connection *connection)
{
    DWORD bytes, flags;

    if (!HasOverlappedIoCompleted(&connection->overlapped))
        fail("an event for an operation that goes on");
    if (!WSAGetOverlappedResult(connection->socket, &connection->overlapped, &bytes, FALSE, &flags))
        fail("an operation of the server");
    if (connection->sends)
        start_receive(connection);
    else if (bytes > 0)
        start_send(connection, bytes);
    else
        return TRUE; /* the client has sent everything, and has got everything back */
    return FALSE;
}

/* ---- Clients ---- */

struct client {
    SOCKET socket;
    WSAOVERLAPPED sending, receiving;
    char *sent, *received;
    DWORD at; /* how much has come back */
};

static void start_client(struct client *client, const struct sockaddr_in *server, int number)
{
    WSABUF buffer;
    int i;

    client->socket = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
    client->sending.hEvent = WSACreateEvent();
    client->receiving.hEvent = WSACreateEvent();
    client->sent = malloc(MESSAGE);
    client->received = malloc(MESSAGE);
    if (client->socket == INVALID_SOCKET || client->sent == NULL || client->received == NULL)
        fail("a client");
    if (connect(client->socket, (const struct sockaddr *)server, sizeof *server) != 0)
        fail("connect");
    for (i = 0; i < MESSAGE; i++)
        client->sent[i] = (char)(i * (number + 3) + i / 255);
    buffer.buf = client->sent;
    buffer.len = MESSAGE;
    started(WSASend(client->socket, &buffer, 1, NULL, 0, &client->sending, NULL), "WSASend of a client");
}

static void start_client_receive(struct client *client)
{
    WSABUF buffer;
    DWORD flags = 0;

    buffer.buf = client->received + client->at;
    buffer.len = MESSAGE - client->at;
    WSAResetEvent(client->receiving.hEvent);
    started(WSARecv(client->socket, &buffer, 1, NULL, &flags, &client->receiving, NULL), "WSARecv of a client");
}

/* Goes on after a receive. Returns whether everything has come back. */
static BOOL client_received(struct client *client)
{
    DWORD bytes, flags;

    if (!WSAGetOverlappedResult(client->socket, &client->receiving, &bytes, FALSE, &flags) || bytes == 0)
        fail("a receive of a client");
    client->at += bytes;
    if (client->at < MESSAGE) {
        start_client_receive(client);
        return FALSE;
    }
    /* What has come back must have been sent: this does not wait long. */
    if (!WSAGetOverlappedResult(client->socket, &client->sending, &bytes, TRUE, &flags) || bytes != MESSAGE)
        fail("a send of a client");
    if (memcmp(client->sent, client->received, MESSAGE) != 0)
        fail("a client got something else back");
    shutdown(client->socket, SD_SEND);
    return TRUE;
}

/* ---- Both ---- */

/* Takes an element out of the list of events; the last one gets its place. */
static void leave(WSAEVENT *events, int *owners, DWORD *count, DWORD at)
{
    --*count;
    events[at] = events[*count];
    owners[at] = owners[*count];
}

int main(void)
{
    static struct connection connections[CLIENTS];
    static struct client clients[CLIENTS];
    WSAEVENT events[2 * CLIENTS];
    int owners[2 * CLIENTS]; /* connections below CLIENTS, and clients from there on */
    DWORD count = 0, at;
    struct sockaddr_in name;
    int length = sizeof name, i;
    SOCKET listener;
    WSADATA data;

    if (WSAStartup(MAKEWORD(2, 2), &data) != 0)
        fail("WSAStartup");
    memset(&name, 0, sizeof name);
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
    if (listener == INVALID_SOCKET || bind(listener, (struct sockaddr *)&name, length) != 0 ||
        listen(listener, CLIENTS) != 0 || getsockname(listener, (struct sockaddr *)&name, &length) != 0)
        fail("a listening socket");

    for (i = 0; i < CLIENTS; i++) {
        start_client(&clients[i], &name, i);
        connections[i].socket = accept(listener, NULL, NULL);
        connections[i].overlapped.hEvent = WSACreateEvent();
        if (connections[i].socket == INVALID_SOCKET || connections[i].overlapped.hEvent == WSA_INVALID_EVENT)
            fail("accept");
        start_receive(&connections[i]);
        start_client_receive(&clients[i]);
        events[count] = connections[i].overlapped.hEvent;
        owners[count++] = i;
        events[count] = clients[i].receiving.hEvent;
        owners[count++] = CLIENTS + i;
    }

    while (count > 0) {
        BOOL over;

        at = WSAWaitForMultipleEvents(count, events, FALSE, WAIT_MS, FALSE);
        if (at >= count) /* the time is over, or it failed */
            fail("WSAWaitForMultipleEvents");
        i = owners[at];
        over = i < CLIENTS ? go_on(&connections[i]) : client_received(&clients[i - CLIENTS]);
        if (over)
            leave(events, owners, &count, at);
    }

    for (i = 0; i < CLIENTS; i++) {
        closesocket(connections[i].socket);
        closesocket(clients[i].socket);
        WSACloseEvent(connections[i].overlapped.hEvent);
        WSACloseEvent(clients[i].sending.hEvent);
        WSACloseEvent(clients[i].receiving.hEvent);
        free(clients[i].sent);
        free(clients[i].received);
    }
    closesocket(listener);
    if (WSACleanup() != 0)
        fail("WSACleanup");
    printf("%d clients sent %d bytes each and got them back\n", CLIENTS, MESSAGE);
    return 0;
}
