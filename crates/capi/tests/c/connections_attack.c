/*
 * Connections that are made, used, ended and closed at random from many threads: every operation ends once. See
 * crates/capi/tests/extensions.rs.
 */
#include "connections.h"

#include <stdatomic.h>

enum { ACCEPTING = 8, CLIENTS = 4, WORKERS = 3, ROUNDS = 150 };

enum step { ACCEPT, RECEIVE, LEAVE, STEPS };

/* A socket of the server, and its one operation. */
struct place {
    OVERLAPPED overlapped; /* first: packets lead to it */
    SOCKET socket;
    enum step step;
    atomic_int under_way;
    char buffer[64 + 2 * BLOCK];
};

static struct place places[ACCEPTING];
static SOCKET listener;
static HANDLE port;
static struct sockaddr_in name;
static atomic_int ended[STEPS], failed[STEPS], outstanding, stops;
static LPFN_DISCONNECTEX disconnect_ex;
static LPFN_CONNECTEX connect_ex;

static unsigned next_random(unsigned *state) {
    *state = *state * 1664525 + 1013904223;
    return *state >> 16;
}

/* Counts an operation in, before it is started. */
static void begins(struct place *place, enum step step) {
    place->step = step;
    memset(&place->overlapped, 0, sizeof place->overlapped);
    CHECK_EQ(atomic_fetch_add(&place->under_way, 1), 0);
    atomic_fetch_add(&outstanding, 1);
}

/* A call has returned. False: nothing was started. */
static int has_begun(struct place *place, int done) {
    if (done || WSAGetLastError() == WSA_IO_PENDING) {
        return 1;
    }
    CHECK_EQ(atomic_fetch_sub(&place->under_way, 1), 1);
    atomic_fetch_sub(&outstanding, 1);
    return 0;
}

static void replace(struct place *place) {
    place->socket = make(AF_INET, SOCK_STREAM);
    CHECK(CreateIoCompletionPort((HANDLE)place->socket, port, 1, 0) == port);
}

static void start_accept(struct place *place, unsigned random) {
    if (atomic_load(&stops)) {
        return;
    }
    begins(place, ACCEPT);
    if (!has_begun(place, AcceptEx(listener, place->socket, place->buffer, random % 2 ? 64 : 0, BLOCK, BLOCK, NULL,
                                   &place->overlapped))) {
        CHECK(atomic_load(&stops)); /* The listener is closed. */
    }
}

static void start_over(struct place *place, unsigned random) {
    CHECK_EQ(closesocket(place->socket), 0);
    replace(place);
    start_accept(place, random);
}

static void go_on(struct place *place, int succeeded, unsigned *state) {
    unsigned random = next_random(state);
    DWORD flags = 0;
    WSABUF buffer = {64, place->buffer};
    enum step step = place->step;
    atomic_fetch_add(succeeded ? &ended[step] : &failed[step], 1);
    if (!succeeded || random % 8 == 0) {
        start_over(place, random);
        return;
    }
    switch (step) {
    case ACCEPT:
        if (setsockopt(place->socket, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT, (char *)&listener, sizeof listener) != 0) {
            CHECK(atomic_load(&stops));
        }
        begins(place, RECEIVE);
        if (!has_begun(place, WSARecv(place->socket, &buffer, 1, NULL, &flags, &place->overlapped, NULL) == 0)) {
            start_over(place, random);
        }
        return;
    case RECEIVE:
        begins(place, LEAVE);
        if (!has_begun(place, disconnect_ex(place->socket, &place->overlapped, TF_REUSE_SOCKET, 0))) {
            start_over(place, random);
        }
        return;
    default:
        start_accept(place, random);
    }
}

static DWORD WINAPI work(void *seed) {
    unsigned state = (unsigned)(size_t)seed;
    for (;;) {
        DWORD bytes;
        ULONG_PTR key;
        OVERLAPPED *overlapped;
        BOOL succeeded = GetQueuedCompletionStatus(port, &bytes, &key, &overlapped, 30000);
        struct place *place = (struct place *)overlapped;
        CHECK(succeeded || overlapped != NULL);
        if (overlapped == NULL) {
            return 0;
        }
        CHECK(HasOverlappedIoCompleted(overlapped));
        CHECK_EQ(atomic_fetch_sub(&place->under_way, 1), 1);
        go_on(place, succeeded, &state);
        /* Last, so that what has followed counts already. */
        atomic_fetch_sub(&outstanding, 1);
    }
}

/* Connects, says something or not, and leaves in one way or another. */
static DWORD WINAPI be_client(void *seed) {
    unsigned state = (unsigned)(size_t)seed;
    SOCKET s = INVALID_SOCKET;
    int round;
    for (round = 0; round < ROUNDS; round++) {
        unsigned random = next_random(&state);
        struct extended operation;
        struct linger hard = {1, 0};
        DWORD bytes, flags;
        if (s == INVALID_SOCKET) {
            s = bound(SOCK_STREAM);
        }
        prepare_extended(&operation, 1);
        CHECK_STARTS(connect_ex(s, (struct sockaddr *)&name, sizeof name, random & 1 ? "hello" : NULL, 5, NULL,
                                &operation.overlapped) ||
                     WSAGetLastError() == WSAEADDRNOTAVAIL);
        if (random % 16 == 0) {
            CHECK_EQ(closesocket(s), 0);
            s = INVALID_SOCKET;
        }
        if (s != INVALID_SOCKET && WSAGetLastError() == WSAEADDRNOTAVAIL) {
            /* What remains of a connection between the same two addresses. */
            CHECK_EQ(WSACloseEvent(operation.overlapped.hEvent), TRUE);
            CHECK_EQ(closesocket(s), 0);
            s = INVALID_SOCKET;
            continue;
        }
        until_over(&operation);
        if (s == INVALID_SOCKET) {
            continue;
        }
        CHECK_EQ(WSAGetOverlappedResult(s, &operation.overlapped, &bytes, FALSE, &flags), TRUE);
        CHECK_EQ(bytes, random & 1 ? 5 : 0);
        if (random % 5 == 0) {
            CHECK_EQ(setsockopt(s, SOL_SOCKET, SO_LINGER, (char *)&hard, sizeof hard), 0);
        } else if (!(random & 1)) {
            send_text(s, "later");
        }
        if (random % 3 == 0 && random % 5 != 0) {
            prepare_extended(&operation, 1);
            if (disconnect_ex(s, &operation.overlapped, TF_REUSE_SOCKET, 0) || WSAGetLastError() == WSA_IO_PENDING) {
                until_over(&operation);
                if (WSAGetOverlappedResult(s, &operation.overlapped, &bytes, FALSE, &flags)) {
                    continue;
                }
            } else {
                CHECK_EQ(WSACloseEvent(operation.overlapped.hEvent), TRUE);
            }
        }
        CHECK_EQ(closesocket(s), 0);
        s = INVALID_SOCKET;
    }
    return 0;
}

static void connections_under_load_end_each_operation_once(void) {
    HANDLE workers[WORKERS], clients[CLIENTS];
    int i;
    start();
    port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
    listener = bound(SOCK_STREAM);
    CHECK_EQ(listen(listener, SOMAXCONN), 0);
    name = name_of(listener);
    CHECK(CreateIoCompletionPort((HANDLE)listener, port, 2, 0) == port);
    disconnect_ex = EXTENSION(listener, LPFN_DISCONNECTEX, WSAID_DISCONNECTEX);
    connect_ex = EXTENSION(listener, LPFN_CONNECTEX, WSAID_CONNECTEX);
    for (i = 0; i < ACCEPTING; i++) {
        replace(&places[i]);
        start_accept(&places[i], (unsigned)i);
    }
    for (i = 0; i < WORKERS; i++) {
        workers[i] = CreateThread(NULL, 0, work, (void *)(size_t)(i + 1), 0, NULL);
        CHECK(workers[i] != NULL);
    }
    for (i = 0; i < CLIENTS; i++) {
        clients[i] = CreateThread(NULL, 0, be_client, (void *)(size_t)(i + 100), 0, NULL);
        CHECK(clients[i] != NULL);
    }
    CHECK_EQ(WaitForMultipleObjects(CLIENTS, clients, TRUE, 55000), WAIT_OBJECT_0);
    atomic_store(&stops, 1);
    CHECK_EQ(closesocket(listener), 0);
    while (atomic_load(&outstanding) != 0) {
        Sleep(1);
    }
    for (i = 0; i < WORKERS; i++) {
        CHECK_EQ(PostQueuedCompletionStatus(port, 0, 0, NULL), TRUE);
    }
    CHECK_EQ(WaitForMultipleObjects(WORKERS, workers, TRUE, 30000), WAIT_OBJECT_0);
    for (i = 0; i < ACCEPTING; i++) {
        CHECK_EQ(places[i].under_way, 0);
        CHECK_EQ(closesocket(places[i].socket), 0);
    }
    printf("accepts %d+%d, receives %d+%d, disconnects %d+%d\n", ended[ACCEPT], failed[ACCEPT], ended[RECEIVE],
           failed[RECEIVE], ended[LEAVE], failed[LEAVE]);
    CHECK(ended[ACCEPT] > 50 && ended[RECEIVE] > 25 && ended[LEAVE] > 10);
    stop();
}

int main(int argc, char **argv) {
    const struct test tests[] = {TEST(connections_under_load_end_each_operation_once)};
    return run_tests(tests, COUNT(tests), argc, argv);
}
