/*
 * Echo over Windows Sockets 2: TCP and UDP, IPv4 and IPv6, blocking and non-blocking, on the loopback interface.
 *
 * One server answers on four sockets. Clients talk to it, compare every byte that comes back, and the program
 * ends with 0 when all of them were content. It is one thread: the server's sockets never block, and a client
 * that does block only waits for what the server has already sent.
 *
 * Linux:    windlass run examples/c/echo.c
 * Windows:  cl echo.c ws2_32.lib
 */
#define WIN32_LEAN_AND_MEAN
#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>

#include <stdio.h>
#include <string.h>

enum {
    WAIT_MS = 10000,       /* nothing on the loopback interface takes this long */
    SESSIONS = 4,          /* TCP connections that the server holds at once */
    CHUNK = 8192,          /* what the server reads at once */
    SMALL = 4096,          /* one exchange of a blocking client */
    LARGE = 1024 * 1024    /* what a non-blocking client sends, more than the socket buffers hold */
};

/* ---- Waiting: one interface, two ways ---- */

enum { CAN_READ = 1, CAN_WRITE = 2, HAS_FAILED = 4 };

struct watch {
    SOCKET socket;
    int wanted; /* CAN_READ | CAN_WRITE */
    int found;  /* the same, and HAS_FAILED */
};

/* Waits until a socket is ready. Returns how many are, 0 after WAIT_MS, SOCKET_ERROR on failure. */
typedef int wait_function(struct watch *list, int count);

static int wait_with_select(struct watch *list, int count)
{
    fd_set readable, writable, failed;
    struct timeval limit = { WAIT_MS / 1000, 0 };
    int i, ready;

    FD_ZERO(&readable);
    FD_ZERO(&writable);
    FD_ZERO(&failed);
    for (i = 0; i < count; i++) {
        if (list[i].wanted & CAN_READ)
            FD_SET(list[i].socket, &readable);
        if (list[i].wanted & CAN_WRITE)
            FD_SET(list[i].socket, &writable);
        FD_SET(list[i].socket, &failed);
    }
    /* A set that is given must not be empty. */
    ready = select(0, readable.fd_count > 0 ? &readable : NULL, writable.fd_count > 0 ? &writable : NULL, &failed,
                   &limit);
    for (i = 0; i < count; i++) {
        list[i].found = 0;
        if (ready <= 0)
            continue;
        if (FD_ISSET(list[i].socket, &readable))
            list[i].found |= CAN_READ;
        if (FD_ISSET(list[i].socket, &writable))
            list[i].found |= CAN_WRITE;
        if (FD_ISSET(list[i].socket, &failed))
            list[i].found |= HAS_FAILED;
    }
    return ready;
}

static int wait_with_poll(struct watch *list, int count)
{
    WSAPOLLFD polled[SESSIONS + 3];
    int i, ready;

    for (i = 0; i < count; i++) {
        polled[i].fd = list[i].socket;
        polled[i].events = 0;
        polled[i].revents = 0;
        if (list[i].wanted & CAN_READ)
            polled[i].events |= POLLRDNORM;
        if (list[i].wanted & CAN_WRITE)
            polled[i].events |= POLLWRNORM;
    }
    ready = WSAPoll(polled, (ULONG)count, WAIT_MS);
    for (i = 0; i < count; i++) {
        list[i].found = 0;
        if (polled[i].revents & (POLLRDNORM | POLLHUP))
            list[i].found |= CAN_READ;
        if (polled[i].revents & POLLWRNORM)
            list[i].found |= CAN_WRITE;
        if (polled[i].revents & (POLLERR | POLLNVAL))
            list[i].found |= HAS_FAILED;
    }
    return ready;
}

/* ---- Small helpers ---- */

static int passed, failed;

/* Reports one check. */
static void check(int ok, const char *family, const char *what)
{
    if (ok)
        passed++;
    else
        failed++;
    printf("%-4s  %s\n", ok ? family : "FAIL", what);
}

/* Says which call failed, and with which code. */
static int complain(const char *call)
{
    printf("      %s failed with %d\n", call, WSAGetLastError());
    return 0;
}

static int set_nonblocking(SOCKET s)
{
    u_long on = 1;
    return ioctlsocket(s, FIONBIO, &on) == 0;
}

/* The loopback address of a family, with port 0. Returns its length. */
static int loopback(int family, struct sockaddr_storage *address)
{
    memset(address, 0, sizeof *address);
    address->ss_family = (ADDRESS_FAMILY)family;
    if (family == AF_INET6) {
        ((struct sockaddr_in6 *)address)->sin6_addr = in6addr_loopback;
        return (int)sizeof(struct sockaddr_in6);
    }
    ((struct sockaddr_in *)address)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return (int)sizeof(struct sockaddr_in);
}

static int same_address(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    const struct sockaddr_in *a4 = (const struct sockaddr_in *)a, *b4 = (const struct sockaddr_in *)b;
    const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)a, *b6 = (const struct sockaddr_in6 *)b;

    if (a->ss_family != b->ss_family)
        return 0;
    if (a->ss_family == AF_INET6)
        return a6->sin6_port == b6->sin6_port && memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof a6->sin6_addr) == 0;
    return a4->sin_port == b4->sin_port && a4->sin_addr.s_addr == b4->sin_addr.s_addr;
}

/* A pattern in which a lost or doubled byte shows. */
static void fill(char *buffer, int length, unsigned seed)
{
    int i;
    for (i = 0; i < length; i++) {
        seed = seed * 1664525u + 1013904223u;
        buffer[i] = (char)(seed >> 24);
    }
}

/* ---- The server ---- */

struct session {
    SOCKET socket; /* INVALID_SOCKET when free */
    int start, end; /* what was read and not yet written, in buffer */
    char buffer[CHUNK];
};

struct server {
    SOCKET listener, datagram;
    struct sockaddr_storage tcp_address, udp_address;
    int address_length;
    struct session sessions[SESSIONS];
};

/* A socket bound to a free port of the loopback address, which it writes to `address`. */
static SOCKET bound_socket(int family, int type, struct sockaddr_storage *address)
{
    SOCKET s = socket(family, type, 0);
    int length = loopback(family, address);

    if (s == INVALID_SOCKET)
        return s;
    if (bind(s, (struct sockaddr *)address, length) == SOCKET_ERROR
        || getsockname(s, (struct sockaddr *)address, &length) == SOCKET_ERROR || !set_nonblocking(s)) {
        int code = WSAGetLastError();
        closesocket(s);
        WSASetLastError(code);
        return INVALID_SOCKET;
    }
    return s;
}

static int server_open(struct server *server, int family)
{
    int i;

    for (i = 0; i < SESSIONS; i++)
        server->sessions[i].socket = INVALID_SOCKET;
    server->address_length = loopback(family, &server->tcp_address);
    server->listener = bound_socket(family, SOCK_STREAM, &server->tcp_address);
    if (server->listener == INVALID_SOCKET)
        return 0;
    server->datagram = bound_socket(family, SOCK_DGRAM, &server->udp_address);
    if (server->datagram == INVALID_SOCKET || listen(server->listener, SOMAXCONN) == SOCKET_ERROR) {
        complain("opening the server");
        closesocket(server->listener);
        return 0;
    }
    return 1;
}

static void session_close(struct session *session)
{
    closesocket(session->socket);
    session->socket = INVALID_SOCKET;
}

static void server_close(struct server *server)
{
    int i;

    for (i = 0; i < SESSIONS; i++)
        if (server->sessions[i].socket != INVALID_SOCKET)
            session_close(&server->sessions[i]);
    closesocket(server->listener);
    closesocket(server->datagram);
}

/* Takes a waiting connection. */
static void server_accept(struct server *server)
{
    int i;

    for (i = 0; i < SESSIONS; i++) {
        struct session *session = &server->sessions[i];
        if (session->socket != INVALID_SOCKET)
            continue;
        session->socket = accept(server->listener, NULL, NULL);
        session->start = session->end = 0;
        if (session->socket != INVALID_SOCKET && !set_nonblocking(session->socket))
            session_close(session);
        return;
    }
}

/* Reads when nothing waits to be written, writes otherwise. A client that has ended gets the rest, then the end. */
static void session_turn(struct session *session)
{
    int moved;

    if (session->start == session->end) {
        moved = recv(session->socket, session->buffer, CHUNK, 0);
        if (moved > 0) {
            session->start = 0;
            session->end = moved;
        }
    } else {
        moved = send(session->socket, session->buffer + session->start, session->end - session->start, 0);
        if (moved > 0)
            session->start += moved;
    }
    if (moved == 0 || (moved == SOCKET_ERROR && WSAGetLastError() != WSAEWOULDBLOCK))
        session_close(session);
}

/* Sends a datagram back to where it came from. */
static void server_datagram(struct server *server)
{
    char buffer[CHUNK];
    struct sockaddr_storage from;
    int from_length = (int)sizeof from;
    int length = recvfrom(server->datagram, buffer, CHUNK, 0, (struct sockaddr *)&from, &from_length);

    if (length != SOCKET_ERROR)
        sendto(server->datagram, buffer, length, 0, (struct sockaddr *)&from, from_length);
}

/* ---- A non-blocking transfer, and the loop that serves it ---- */

struct transfer {
    SOCKET socket;
    const char *out;
    char *in;
    int length, sent, received;
    int datagram; /* one datagram at a time */
    int ended;    /* the server has closed the connection */
};

static int transfer_turn(struct transfer *t, int found)
{
    int moved;

    if (found & CAN_READ) {
        moved = recv(t->socket, t->in + t->received, t->length - t->received + (t->datagram ? 0 : 1), 0);
        if (moved > 0)
            t->received += moved;
        else if (moved == 0)
            t->ended = 1;
        else if (WSAGetLastError() != WSAEWOULDBLOCK)
            return complain("recv");
    }
    if ((found & CAN_WRITE) && t->sent < t->length) {
        int left = t->length - t->sent;
        moved = send(t->socket, t->out + t->sent, t->datagram && left > SMALL ? SMALL : left, 0);
        if (moved >= 0)
            t->sent += moved;
        else if (WSAGetLastError() != WSAEWOULDBLOCK)
            return complain("send");
        if (t->sent == t->length && !t->datagram && shutdown(t->socket, SD_SEND) == SOCKET_ERROR)
            return complain("shutdown");
    }
    return 1;
}

static int transfer_done(const struct transfer *t)
{
    return t->received == t->length && (t->datagram || t->ended);
}

/* One wait and one turn for everybody who is ready. `client` may be NULL. */
static int serve_once(struct server *server, wait_function *wait, struct transfer *client)
{
    struct watch list[SESSIONS + 3];
    struct session *of[SESSIONS + 3];
    int count = 0, i;

    list[count].socket = server->listener;
    list[count++].wanted = CAN_READ;
    list[count].socket = server->datagram;
    list[count++].wanted = CAN_READ;
    for (i = 0; i < SESSIONS; i++) {
        struct session *session = &server->sessions[i];
        if (session->socket == INVALID_SOCKET)
            continue;
        list[count].socket = session->socket;
        list[count].wanted = session->start == session->end ? CAN_READ : CAN_WRITE;
        of[count++] = session;
    }
    if (client != NULL) {
        int may_send = client->sent < client->length && (!client->datagram || client->sent == client->received);
        list[count].socket = client->socket;
        list[count].wanted = CAN_READ | (may_send ? CAN_WRITE : 0);
        count++;
    }

    if (wait(list, count) <= 0)
        return complain("waiting");
    if (client != NULL) {
        count--;
        if (!transfer_turn(client, list[count].found))
            return 0;
    }
    for (i = 2; i < count; i++)
        if (list[i].found)
            session_turn(of[i]);
    if (list[0].found)
        server_accept(server);
    if (list[1].found)
        server_datagram(server);
    return 1;
}

/* ---- Clients ---- */

static char out_buffer[LARGE], in_buffer[LARGE + 1];

/* The server's turns until a blocking read on `s` cannot block. */
static int serve_until_readable(struct server *server, wait_function *wait, SOCKET s)
{
    for (;;) {
        fd_set readable;
        struct timeval now = { 0, 0 };
        int ready;

        FD_ZERO(&readable);
        FD_SET(s, &readable);
        ready = select(0, &readable, NULL, NULL, &now);
        if (ready != 0)
            return ready == 1 ? 1 : complain("select");
        if (!serve_once(server, wait, NULL))
            return 0;
    }
}

/* Connects, sends, reads everything back, ends the sending side and sees the server end its own. */
static int blocking_stream(struct server *server, int family, wait_function *wait)
{
    SOCKET s = socket(family, SOCK_STREAM, IPPROTO_TCP);
    int no_delay = 1, received = 0, ok = 0, moved;

    if (s == INVALID_SOCKET)
        return complain("socket");
    fill(out_buffer, SMALL, 1);
    if (setsockopt(s, IPPROTO_TCP, TCP_NODELAY, (const char *)&no_delay, sizeof no_delay) == SOCKET_ERROR)
        complain("setsockopt");
    else if (connect(s, (struct sockaddr *)&server->tcp_address, server->address_length) == SOCKET_ERROR)
        complain("connect");
    else if (send(s, out_buffer, SMALL, 0) != SMALL)
        complain("send");
    else if (shutdown(s, SD_SEND) == SOCKET_ERROR)
        complain("shutdown");
    else
        for (;;) {
            if (!serve_until_readable(server, wait, s))
                break;
            moved = recv(s, in_buffer + received, SMALL + 1 - received, 0);
            if (moved == SOCKET_ERROR) {
                complain("recv");
                break;
            }
            received += moved;
            if (moved == 0 || received > SMALL) {
                ok = received == SMALL && memcmp(in_buffer, out_buffer, SMALL) == 0;
                break;
            }
        }
    return closesocket(s) == 0 && ok;
}

/* Sends one datagram, and reads it back from the address that it went to. */
static int blocking_datagram(struct server *server, int family, wait_function *wait)
{
    SOCKET s = socket(family, SOCK_DGRAM, IPPROTO_UDP);
    struct sockaddr_storage from;
    int from_length = (int)sizeof from, ok = 0;

    if (s == INVALID_SOCKET)
        return complain("socket");
    fill(out_buffer, SMALL, 2);
    memset(&from, 0, sizeof from);
    if (sendto(s, out_buffer, SMALL, 0, (struct sockaddr *)&server->udp_address, server->address_length) != SMALL)
        complain("sendto");
    else if (serve_until_readable(server, wait, s)) {
        if (recvfrom(s, in_buffer, LARGE, 0, (struct sockaddr *)&from, &from_length) != SMALL)
            complain("recvfrom");
        else
            ok = memcmp(in_buffer, out_buffer, SMALL) == 0 && from_length == server->address_length
                && same_address(&from, &server->udp_address);
    }
    return closesocket(s) == 0 && ok;
}

/* Starts to connect, and waits until the connection stands. */
static int connect_nonblocking(SOCKET s, struct server *server, wait_function *wait)
{
    struct watch watch;
    int code = 0, length = (int)sizeof code;

    if (connect(s, (struct sockaddr *)&server->tcp_address, server->address_length) == 0)
        return 1;
    if (WSAGetLastError() != WSAEWOULDBLOCK)
        return complain("connect");
    watch.socket = s;
    watch.wanted = CAN_WRITE;
    if (wait(&watch, 1) != 1)
        return complain("waiting for the connection");
    if (getsockopt(s, SOL_SOCKET, SO_ERROR, (char *)&code, &length) == SOCKET_ERROR)
        return complain("getsockopt");
    WSASetLastError(code);
    return watch.found == CAN_WRITE ? 1 : complain("connect");
}

/* Sends a megabyte while it comes back. */
static int nonblocking_stream(struct server *server, int family, wait_function *wait)
{
    struct transfer t = { INVALID_SOCKET, out_buffer, in_buffer, LARGE, 0, 0, 0, 0 };
    int going;

    t.socket = socket(family, SOCK_STREAM, IPPROTO_TCP);
    if (t.socket == INVALID_SOCKET)
        return complain("socket");
    fill(out_buffer, LARGE, 3);
    going = set_nonblocking(t.socket) && connect_nonblocking(t.socket, server, wait);
    while (going && !transfer_done(&t))
        going = t.received <= LARGE && serve_once(server, wait, &t);
    return closesocket(t.socket) == 0 && going && memcmp(in_buffer, out_buffer, LARGE) == 0;
}

/* A connected datagram socket: send and recv, one datagram under way at a time. */
static int nonblocking_datagram(struct server *server, int family, wait_function *wait)
{
    struct transfer t = { INVALID_SOCKET, out_buffer, in_buffer, 16 * SMALL, 0, 0, 1, 0 };
    int going;

    t.socket = socket(family, SOCK_DGRAM, IPPROTO_UDP);
    if (t.socket == INVALID_SOCKET)
        return complain("socket");
    fill(out_buffer, t.length, 4);
    going = set_nonblocking(t.socket)
        && connect(t.socket, (struct sockaddr *)&server->udp_address, server->address_length) == 0;
    if (going && (recv(t.socket, in_buffer, SMALL, 0) != SOCKET_ERROR || WSAGetLastError() != WSAEWOULDBLOCK))
        going = complain("recv with nothing to receive");
    while (going && !transfer_done(&t))
        going = serve_once(server, wait, &t);
    return closesocket(t.socket) == 0 && going && memcmp(in_buffer, out_buffer, (size_t)t.length) == 0;
}

/* Nobody listens on a port that is bound and no more: the connection must be refused. */
static int refused_stream(int family)
{
    struct sockaddr_storage address;
    SOCKET taken = bound_socket(family, SOCK_STREAM, &address);
    SOCKET s = socket(family, SOCK_STREAM, IPPROTO_TCP);
    struct sockaddr_storage unused;
    int ok = 0;

    if (taken != INVALID_SOCKET && s != INVALID_SOCKET) {
        ok = connect(s, (struct sockaddr *)&address, loopback(family, &unused)) == SOCKET_ERROR
            && WSAGetLastError() == WSAECONNREFUSED;
        if (!ok)
            complain("connect to a port without a listener");
    }
    if (s != INVALID_SOCKET)
        closesocket(s);
    if (taken != INVALID_SOCKET)
        closesocket(taken);
    return ok;
}

static void run_family(int family, const char *name)
{
    static struct server server;

    if (!server_open(&server, family)) {
        int code = WSAGetLastError();
        if (family == AF_INET6 && (code == WSAEAFNOSUPPORT || code == WSAEADDRNOTAVAIL))
            printf("%s  skipped: this machine has no such loopback address\n", name);
        else
            check(0, name, "the server opens its sockets");
        return;
    }
    check(blocking_stream(&server, family, wait_with_select), name, "TCP, blocking client, server waits with select");
    check(blocking_stream(&server, family, wait_with_poll), name, "TCP, blocking client, server waits with WSAPoll");
    check(nonblocking_stream(&server, family, wait_with_select), name, "TCP, non-blocking, 1 MiB, select");
    check(nonblocking_stream(&server, family, wait_with_poll), name, "TCP, non-blocking, 1 MiB, WSAPoll");
    check(blocking_datagram(&server, family, wait_with_select), name, "UDP, blocking client, server waits with select");
    check(blocking_datagram(&server, family, wait_with_poll), name, "UDP, blocking client, server waits with WSAPoll");
    check(nonblocking_datagram(&server, family, wait_with_select), name, "UDP, non-blocking, 16 datagrams, select");
    check(nonblocking_datagram(&server, family, wait_with_poll), name, "UDP, non-blocking, 16 datagrams, WSAPoll");
    check(refused_stream(family), name, "TCP, nobody listens: WSAECONNREFUSED");
    server_close(&server);
}

int main(void)
{
    WSADATA data;
    int code = WSAStartup(MAKEWORD(2, 2), &data);

    if (code != 0) {
        printf("WSAStartup failed with %d\n", code);
        return 1;
    }
    printf("%s, version %d.%d\n", data.szDescription, LOBYTE(data.wVersion), HIBYTE(data.wVersion));
    run_family(AF_INET, "IPv4");
    run_family(AF_INET6, "IPv6");
    if (WSACleanup() == SOCKET_ERROR) {
        complain("WSACleanup");
        failed++;
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}
