/* The last WSACleanup, clause by clause. Each case is one run of this program: cleanup CASE [MODULE]. */
#include <winsock2.h>
#include <ws2tcpip.h>

#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "peer.h"

static void start(void) {
    WSADATA data;
    CHECK_EQ(WSAStartup(MAKEWORD(2, 2), &data), 0);
}

static void stop(void) {
    CHECK_EQ(WSACleanup(), 0);
}

static SOCKET make(int type) {
    SOCKET s = socket(AF_INET, type, 0);
    CHECK(s != INVALID_SOCKET);
    return s;
}

static struct sockaddr_in loopback(unsigned short port) {
    struct sockaddr_in name;
    memset(&name, 0, sizeof name);
    name.sin_family = AF_INET;
    name.sin_port = htons(port);
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return name;
}

static unsigned short bind_any(SOCKET s) {
    struct sockaddr_in name = loopback(0);
    int len = sizeof name;
    CHECK_EQ(bind(s, (struct sockaddr *)&name, sizeof name), 0);
    CHECK_EQ(getsockname(s, (struct sockaddr *)&name, &len), 0);
    return ntohs(name.sin_port);
}

static SOCKET listening(unsigned short *port) {
    SOCKET s = make(SOCK_STREAM);
    *port = bind_any(s);
    CHECK_EQ(listen(s, 8), 0);
    return s;
}

/* A Winsock connection to a peer that uses none. */
static SOCKET connected(int *peer) {
    unsigned short port;
    int listener = peer_listen(&port);
    struct sockaddr_in name = loopback(port);
    SOCKET s = make(SOCK_STREAM);
    CHECK_EQ(connect(s, (struct sockaddr *)&name, sizeof name), 0);
    *peer = peer_accept(listener);
    peer_close(listener);
    return s;
}

/* A blocking call in a thread of its own. */
struct call {
    SOCKET s;
    int (*work)(SOCKET);
    sem_t begun;
    int result, error;
};

static void *run_call(void *argument) {
    struct call *call = argument;
    sem_post(&call->begun);
    call->result = call->work(call->s);
    call->error = WSAGetLastError();
    return NULL;
}

static int blocking_recv(SOCKET s) {
    char byte;
    return recv(s, &byte, 1, 0);
}

static int blocking_recvfrom(SOCKET s) {
    char byte;
    return recvfrom(s, &byte, 1, 0, NULL, NULL);
}

static int blocking_accept(SOCKET s) {
    return accept(s, NULL, NULL) == INVALID_SOCKET ? SOCKET_ERROR : 0;
}

static int blocking_select(SOCKET s) {
    fd_set reads;
    FD_ZERO(&reads);
    FD_SET(s, &reads);
    return select(0, &reads, NULL, NULL, NULL);
}

static int blocking_poll(SOCKET s) {
    WSAPOLLFD element = {s, POLLIN, 0};
    int count = WSAPoll(&element, 1, -1);
    if (count != 1 || element.revents != POLLNVAL) return count;
    WSASetLastError(WSAENOTSOCK);
    return SOCKET_ERROR;
}

static int blocking_send(SOCKET s) {
    static char data[1 << 20];
    int sent;
    do sent = send(s, data, sizeof data, 0);
    while (sent > 0);
    return sent;
}

/* Blocking calls of every kind return, with an error, though nobody answers. */
static void blocking(void) {
    enum { CALLS = 6 };
    static struct call calls[CALLS];
    pthread_t threads[CALLS];
    unsigned short port;
    int peers[4];
    start();
    calls[0] = (struct call){.s = connected(&peers[0]), .work = blocking_recv};
    calls[1] = (struct call){.s = listening(&port), .work = blocking_accept};
    calls[2] = (struct call){.s = connected(&peers[1]), .work = blocking_select};
    calls[3] = (struct call){.s = make(SOCK_DGRAM), .work = blocking_recvfrom};
    bind_any(calls[3].s);
    calls[4] = (struct call){.s = connected(&peers[2]), .work = blocking_poll};
    calls[5] = (struct call){.s = connected(&peers[3]), .work = blocking_send};
    for (int i = 0; i < CALLS; i++) {
        sem_init(&calls[i].begun, 0, 0);
        CHECK_EQ(pthread_create(&threads[i], NULL, run_call, &calls[i]), 0);
        sem_wait(&calls[i].begun);
    }
    stop();
    for (int i = 0; i < CALLS; i++) {
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
        CHECK_EQ(calls[i].result, SOCKET_ERROR);
        /* A call that had not reached the provider yet finds Winsock stopped, or its handle gone. */
        CHECK(calls[i].error == WSAEINTR || calls[i].error == WSANOTINITIALISED || calls[i].error == WSAENOTSOCK);
    }
    CHECK(threads_become(1));
}

/* Only the last of several clean-ups cleans up: before it, all goes on; after it, nothing does. */
static void counts(void) {
    char byte = 0;
    int peer;
    start();
    start();
    start();
    SOCKET s = connected(&peer);
    stop();
    stop();
    CHECK_EQ(peer_send(peer, "x", 1), 1);
    CHECK_EQ(recv(s, &byte, 1, 0), 1);
    CHECK_EQ(byte, 'x');
    stop();
    CHECK_EQ(peer_was_reset(peer), 1);
    CHECK_EQ(recv(s, &byte, 1, 0), SOCKET_ERROR);
    CHECK_EQ(WSAGetLastError(), WSANOTINITIALISED);
    CHECK_EQ(socket(AF_INET, SOCK_STREAM, 0), INVALID_SOCKET);
    CHECK_EQ(WSAGetLastError(), WSANOTINITIALISED);
    CHECK_EQ(WSACleanup(), SOCKET_ERROR);
    CHECK_EQ(WSAGetLastError(), WSANOTINITIALISED);
    start();
    CHECK(make(SOCK_STREAM) != INVALID_SOCKET);
    stop();
}

/* A clean-up that is not the last does not even wake a blocking call. */
static void counts_pending(void) {
    static struct call call;
    pthread_t thread;
    int peer;
    start();
    start();
    call = (struct call){.s = connected(&peer), .work = blocking_recv};
    sem_init(&call.begun, 0, 0);
    CHECK_EQ(pthread_create(&thread, NULL, run_call, &call), 0);
    sem_wait(&call.begun);
    stop();
    CHECK_EQ(peer_send(peer, "x", 1), 1);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(call.result, 1);
    stop();
}

/* Event objects are left alone: not signalled by the clean-up, nor by anything later, and still usable. */
static void events(void) {
    WSAEVENT selected = WSACreateEvent(), signalled = WSACreateEvent();
    int peer;
    CHECK(selected != WSA_INVALID_EVENT && signalled != WSA_INVALID_EVENT);
    start();
    SOCKET s = connected(&peer);
    CHECK_EQ(WSAEventSelect(s, selected, FD_READ | FD_CLOSE), 0);
    CHECK_EQ(WSASetEvent(signalled), TRUE);
    CHECK_EQ(WSAWaitForMultipleEvents(1, &selected, FALSE, 0, FALSE), WSA_WAIT_TIMEOUT);
    stop();
    CHECK_EQ(peer_was_reset(peer), 1);
    CHECK_EQ(WSAWaitForMultipleEvents(1, &selected, FALSE, 50, FALSE), WSA_WAIT_TIMEOUT);
    CHECK_EQ(WSAWaitForMultipleEvents(1, &signalled, FALSE, 0, FALSE), WSA_WAIT_EVENT_0);
    CHECK(threads_become(1));
    CHECK_EQ(WSACloseEvent(selected), TRUE);
    CHECK_EQ(WSACloseEvent(signalled), TRUE);
}

/* Open sockets are reset and gone: connected, accepted, listening, with and without unsent data. */
static void reset(void) {
    int peers[3];
    unsigned short port;
    static char data[64 * 1024];
    int before = descriptor_count();
    start();
    connected(&peers[0]);
    SOCKET sending = connected(&peers[1]);
    CHECK(send(sending, data, sizeof data, 0) > 0);
    SOCKET listener = listening(&port);
    peers[2] = peer_connect(port);
    CHECK(accept(listener, NULL, NULL) != INVALID_SOCKET);
    int never_accepted = peer_connect(port);
    stop();
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(peer_was_reset(peers[i]), 1);
        peer_close(peers[i]);
    }
    CHECK_EQ(peer_was_reset(never_accepted), 1);
    peer_close(never_accepted);
    CHECK_EQ(descriptor_count(), before);
}

struct reader {
    int peer;
    size_t received;
    int orderly;
};

/* Reads slowly: small pieces, so that the sender is always ahead. */
static void *read_slowly(void *argument) {
    struct reader *reader = argument;
    char piece[512];
    long got;
    while ((got = peer_recv(reader->peer, piece, sizeof piece)) > 0) {
        for (long i = 0; i < got; i++, reader->received++)
            if (piece[i] != (char)(reader->received * 31 % 251)) return NULL;
        sched_yield();
    }
    reader->orderly = got == 0;
    return NULL;
}

/* A socket that was closed before the clean-up still delivers its data, all of it, and an orderly end; also when the
   provider's module, if it has one, is gone by then. */
static void delivery(const char *module) {
    enum { SIZE = 1 << 20 };
    static char data[SIZE];
    struct reader reader = {0};
    pthread_t thread;
    for (size_t i = 0; i < SIZE; i++) data[i] = (char)(i * 31 % 251);
    start();
    SOCKET s = connected(&reader.peer);
    int room = SIZE;
    CHECK_EQ(setsockopt(s, SOL_SOCKET, SO_SNDBUF, (const char *)&room, sizeof room), 0);
    CHECK_EQ(pthread_create(&thread, NULL, read_slowly, &reader), 0);
    CHECK_EQ(send(s, data, SIZE, 0), SIZE);
    CHECK_EQ(closesocket(s), 0);
    if (module) CHECK_EQ(is_mapped(module), 1);
    stop();
    if (module) CHECK_EQ(is_mapped(module), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(reader.received, SIZE);
    CHECK_EQ(reader.orderly, 1);
}

/* The module is unmapped when WSACleanup returns, and no thread of it is left. */
static void unload(const char *module) {
    WSAEVENT event = WSACreateEvent();
    int peer, threads = thread_count();
    start();
    CHECK_EQ(is_mapped(module), 0);
    SOCKET s = connected(&peer);
    CHECK_EQ(is_mapped(module), 1);
    /* Makes the provider start a thread, if it ever does. */
    WSAEventSelect(s, event, FD_READ);
    stop();
    CHECK_EQ(is_mapped(module), 0);
    CHECK(threads_become(threads));
    CHECK_EQ(peer_was_reset(peer), 1);
    start();
    CHECK(make(SOCK_STREAM) != INVALID_SOCKET);
    CHECK_EQ(is_mapped(module), 1);
    stop();
    CHECK_EQ(is_mapped(module), 0);
    WSACloseEvent(event);
}

/* A thousand times over, without growth. */
static void restart(void) {
    long settled = 0;
    int descriptors = 0;
    for (int round = 0; round < 1000; round++) {
        unsigned short port;
        char byte = 0;
        start();
        SOCKET listener = listening(&port), client = make(SOCK_STREAM);
        struct sockaddr_in name = loopback(port);
        CHECK_EQ(connect(client, (struct sockaddr *)&name, sizeof name), 0);
        SOCKET server = accept(listener, NULL, NULL);
        CHECK(server != INVALID_SOCKET);
        CHECK_EQ(send(client, "x", 1, 0), 1);
        CHECK_EQ(recv(server, &byte, 1, 0), 1);
        if (round % 2) CHECK_EQ(closesocket(server), 0);
        stop();
        if (round == 100) {
            settled = resident_kib();
            descriptors = descriptor_count();
        }
    }
    CHECK_EQ(descriptor_count(), descriptors);
    CHECK(threads_become(1));
    /* 900 rounds may not even cost one byte in 2 KiB each. */
    CHECK(resident_kib() - settled < 512);
}

/* The child of a fork has not started Winsock; its own start and clean-up do not touch the parent's sockets. */
static void forked(void) {
    int peer, own_peer, status = 0;
    char byte;
    start();
    start();
    SOCKET s = connected(&peer);
    fflush(NULL);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK_EQ(send(s, "x", 1, 0), SOCKET_ERROR);
        CHECK_EQ(WSAGetLastError(), WSANOTINITIALISED);
        CHECK_EQ(WSACleanup(), SOCKET_ERROR);
        CHECK_EQ(WSAGetLastError(), WSANOTINITIALISED);
        start();
        CHECK_EQ(send(s, "x", 1, 0), SOCKET_ERROR);
        CHECK_EQ(WSAGetLastError(), WSAENOTSOCK);
        connected(&own_peer);
        stop();
        CHECK_EQ(peer_was_reset(own_peer), 1);
        CHECK(threads_become(1));
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 0);
    CHECK_EQ(peer_send(peer, "y", 1), 1);
    CHECK_EQ(recv(s, &byte, 1, 0), 1);
    CHECK_EQ(byte, 'y');
    stop();
    stop();
    CHECK_EQ(peer_was_reset(peer), 1);
}

/* Binds the port given, says so, and waits to be killed. With "once", binds, and is done. */
static void hold(unsigned short port, int once) {
    SOCKET s = make(SOCK_STREAM);
    struct sockaddr_in name = loopback(port);
    int len = sizeof name;
    CHECK_EQ(bind(s, (struct sockaddr *)&name, sizeof name), 0);
    CHECK_EQ(listen(s, 8), 0);
    CHECK_EQ(getsockname(s, (struct sockaddr *)&name, &len), 0);
    printf("%u\n", (unsigned)ntohs(name.sin_port));
    fflush(stdout);
    if (once) return;
    /* A connection makes the port busy in every way. */
    SOCKET client = make(SOCK_STREAM);
    CHECK_EQ(connect(client, (struct sockaddr *)&name, sizeof name), 0);
    CHECK(accept(s, NULL, NULL) != INVALID_SOCKET);
    pause();
}

int main(int argc, char **argv) {
    const char *which = argc > 1 ? argv[1] : "";
    const char *argument = argc > 2 ? argv[2] : "0";
    if (!strcmp(which, "blocking")) blocking();
    else if (!strcmp(which, "counts")) counts();
    else if (!strcmp(which, "counts_pending")) counts_pending();
    else if (!strcmp(which, "events")) events();
    else if (!strcmp(which, "reset")) reset();
    else if (!strcmp(which, "delivery")) delivery(argc > 2 ? argument : NULL);
    else if (!strcmp(which, "unload")) unload(argument);
    else if (!strcmp(which, "restart")) restart();
    else if (!strcmp(which, "forked")) forked();
    else if (!strcmp(which, "hold")) start(), hold((unsigned short)atoi(argument), 0);
    else if (!strcmp(which, "bind")) start(), hold((unsigned short)atoi(argument), 1), stop();
    else return fprintf(stderr, "no such case: %s\n", which), 2;
    return 0;
}
