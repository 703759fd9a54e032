/* Programs over several transports: transports CASE. */
#define _GNU_SOURCE
#include "../../../capi/tests/c/fixture.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <sys/syscall.h>

/* The name of the catalog entry that a socket is of. */
static const char *served_by(SOCKET s) {
    static WSAPROTOCOL_INFOA info;
    int len = sizeof info;
    CHECK_EQ(getsockopt(s, SOL_SOCKET, SO_PROTOCOL_INFOA, (char *)&info, &len), 0);
    return info.szProtocol;
}

/* Both ends of a connection over a family. */
static void connection(int family, SOCKET ends[2]) {
    struct sockaddr_storage name;
    int len = family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    SOCKET listener = make(family, SOCK_STREAM);
    memset(&name, 0, sizeof name);
    name.ss_family = (ADDRESS_FAMILY)family;
    if (family == AF_INET6) ((struct sockaddr_in6 *)&name)->sin6_addr = in6addr_loopback;
    else ((struct sockaddr_in *)&name)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK_EQ(bind(listener, (struct sockaddr *)&name, len), 0);
    CHECK_EQ(getsockname(listener, (struct sockaddr *)&name, &len), 0);
    CHECK_EQ(listen(listener, 1), 0);
    ends[0] = make(family, SOCK_STREAM);
    CHECK_EQ(connect(ends[0], (struct sockaddr *)&name, len), 0);
    ends[1] = accept(listener, NULL, NULL);
    CHECK(ends[1] != INVALID_SOCKET);
    CHECK_EQ(closesocket(listener), 0);
}

static void carries(SOCKET ends[2]) {
    char data[8];
    CHECK_EQ(send(ends[0], "there", 5, 0), 5);
    CHECK_EQ(recv(ends[1], data, sizeof data, 0), 5);
    CHECK_EQ(send(ends[1], "back", 4, 0), 4);
    CHECK_EQ(recv(ends[0], data, sizeof data, 0), 4);
}

/* Two transports in one process, and all their handles are different. */
static void two_at_once(void) {
    SOCKET four[2], six[2];
    int i;
    start();
    connection(AF_INET, four);
    connection(AF_INET6, six);
    for (i = 0; i < 4; i++) CHECK(four[i / 2] != six[i % 2]);
    printf("%s\n", served_by(four[0]));
    printf("%s\n", served_by(six[1]));
    carries(four);
    carries(six);
    CHECK_EQ(closesocket(four[0]), 0);
    carries(six);
    CHECK_FAILS(send(four[0], "x", 1, 0), SOCKET_ERROR, WSAENOTSOCK);
    stop();
}

/* Everything that WSAEnumProtocols shows. */
static void enumerate(void) {
    static WSAPROTOCOL_INFOA list[64];
    DWORD len = sizeof list;
    int count, i;
    start();
    count = WSAEnumProtocolsA(NULL, list, &len);
    CHECK(count > 0);
    for (i = 0; i < count; i++) printf("%s\n", list[i].szProtocol);
    stop();
}

static fd_set set_of(SOCKET first, SOCKET second) {
    fd_set set;
    FD_ZERO(&set);
    if (first != INVALID_SOCKET) FD_SET(first, &set);
    if (second != INVALID_SOCKET) FD_SET(second, &set);
    return set;
}

/* The transport of the first socket gets the whole call; those of another are no sockets to it. */
static void select_over_two(void) {
    struct timeval now = {0, 0};
    fd_set reads, writes;
    SOCKET four[2], six[2];
    int i;
    start();
    connection(AF_INET, four);
    connection(AF_INET6, six);
    for (i = 0; i < 2; i++) {
        SOCKET mine = i ? six[0] : four[0], other = i ? four[0] : six[0];
        writes = set_of(mine, i ? six[1] : four[1]);
        CHECK_EQ(select(0, NULL, &writes, NULL, &now), 2);
        reads = set_of(mine, other);
        CHECK_FAILS(select(0, &reads, NULL, NULL, &now), SOCKET_ERROR, WSAENOTSOCK);
        reads = set_of(mine, INVALID_SOCKET);
        writes = set_of(other, INVALID_SOCKET);
        CHECK_FAILS(select(0, &reads, &writes, NULL, &now), SOCKET_ERROR, WSAENOTSOCK);
        /* The sets are as they were. */
        CHECK(FD_ISSET(mine, &reads) && FD_ISSET(other, &writes));
    }
    carries(four);
    carries(six);
    stop();
}

/* A transport with a WSAPoll of its own tells of foreign sockets that they are none; the way over select refuses them all. */
static void poll_over_two(void) {
    WSAPOLLFD list[2];
    SOCKET four[2], six[2];
    start();
    connection(AF_INET, four);
    connection(AF_INET6, six);
    list[0] = (WSAPOLLFD){four[0], POLLOUT, 0};
    list[1] = (WSAPOLLFD){six[0], POLLOUT, 0};
    CHECK_EQ(WSAPoll(list, 2, 0), 2);
    CHECK_EQ(list[0].revents, POLLWRNORM);
    CHECK_EQ(list[1].revents, POLLNVAL);
    list[0] = (WSAPOLLFD){six[0], POLLOUT, 0};
    list[1] = (WSAPOLLFD){four[0], POLLOUT, 0};
    CHECK_FAILS(WSAPoll(list, 2, 0), SOCKET_ERROR, WSAENOTSOCK);
    CHECK_EQ(WSAPoll(list, 1, 0), 1);
    CHECK_EQ(list[0].revents, POLLWRNORM);
    stop();
}

/* The transport of IPv4 is wanting: the code, twice; that of IPv6 is not the worse for it. */
static void refused(void) {
    SOCKET six;
    int round;
    start();
    for (round = 0; round < 2; round++) {
        CHECK_EQ(socket(AF_INET, SOCK_STREAM, 0), INVALID_SOCKET);
        printf("%d\n", WSAGetLastError());
        fflush(stdout);
    }
    six = make(AF_INET6, SOCK_STREAM);
    CHECK_EQ(closesocket(six), 0);
    stop();
}

static void served(void) {
    start();
    printf("%s\n", served_by(make(AF_INET, SOCK_STREAM)));
    stop();
}

/* ---- Calls that wait, and what ends them ---- */

struct call {
    int (*work)(SOCKET);
    SOCKET s;
    pthread_t thread;
    sem_t begun;
    long tid;
    int result, error;
};

static int waiting_recv(SOCKET s) {
    char byte;
    return recv(s, &byte, 1, 0);
}

static int waiting_recvfrom(SOCKET s) {
    char byte;
    return recvfrom(s, &byte, 1, 0, NULL, NULL);
}

static int waiting_accept(SOCKET s) {
    return accept(s, NULL, NULL) == INVALID_SOCKET ? SOCKET_ERROR : 0;
}

static int waiting_send(SOCKET s) {
    static char data[1 << 20];
    int sent;
    do sent = send(s, data, sizeof data, 0);
    while (sent > 0);
    return sent;
}

static int waiting_select(SOCKET s) {
    fd_set reads = set_of(s, INVALID_SOCKET);
    return select(0, &reads, NULL, NULL, NULL);
}

/* A close is told by the element, where the transport has a WSAPoll of its own. */
static int waiting_poll(SOCKET s) {
    WSAPOLLFD element = {s, POLLIN, 0};
    int count = WSAPoll(&element, 1, -1);
    if (count == 1 && element.revents == POLLNVAL) WSASetLastError(WSAENOTSOCK), count = SOCKET_ERROR;
    return count;
}

static void *run_call(void *argument) {
    struct call *call = argument;
    call->tid = syscall(SYS_gettid);
    sem_post(&call->begun);
    call->result = call->work(call->s);
    call->error = WSAGetLastError();
    return NULL;
}

/* Waits until a thread sleeps: then its call waits. */
static void until_asleep(long tid) {
    char path[64], line[512];
    for (;;) {
        const char *state;
        FILE *stat;
        snprintf(path, sizeof path, "/proc/self/task/%ld/stat", tid);
        CHECK((stat = fopen(path, "r")) != NULL);
        CHECK(fgets(line, sizeof line, stat) != NULL);
        fclose(stat);
        CHECK((state = strrchr(line, ')')) != NULL);
        if (state[2] == 'S') return;
        sched_yield();
    }
}

enum { CALLS = 6 };

static void begin_calls(struct call calls[CALLS]) {
    static int (*const works[CALLS])(SOCKET) = {
        waiting_recv, waiting_recvfrom, waiting_accept, waiting_send, waiting_select, waiting_poll,
    };
    SOCKET ends[2];
    int i;
    for (i = 0; i < CALLS; i++) {
        calls[i].work = works[i];
        if (works[i] == waiting_recvfrom) {
            calls[i].s = bound(SOCK_DGRAM);
        } else if (works[i] == waiting_accept) {
            calls[i].s = listening();
        } else {
            pair(ends);
            calls[i].s = ends[0];
        }
        sem_init(&calls[i].begun, 0, 0);
        CHECK_EQ(pthread_create(&calls[i].thread, NULL, run_call, &calls[i]), 0);
        sem_wait(&calls[i].begun);
        until_asleep(calls[i].tid);
    }
}

static void end_calls(struct call calls[CALLS]) {
    int i;
    for (i = 0; i < CALLS; i++) {
        CHECK_EQ(pthread_join(calls[i].thread, NULL), 0);
        CHECK_EQ(calls[i].result, SOCKET_ERROR);
        if (calls[i].error != WSAEINTR && calls[i].error != WSAENOTSOCK && calls[i].error != WSANOTINITIALISED) {
            fprintf(stderr, "call %d: ", i);
            CHECK_EQ(calls[i].error, WSAEINTR);
        }
    }
}

/* proves: WSP-CLOSE-2, WSP-CLOSE-3 */
static void close_ends_waiting_calls(void) {
    static struct call calls[CALLS];
    int i;
    start();
    begin_calls(calls);
    for (i = 0; i < CALLS; i++) {
        CHECK_EQ(closesocket(calls[i].s), 0);
        CHECK_FAILS(closesocket(calls[i].s), SOCKET_ERROR, WSAENOTSOCK);
    }
    end_calls(calls);
    stop();
}

/* proves: WSP-CLEANUP-6, WSP-CLEANUP-7 */
static void clean_up_ends_waiting_calls(void) {
    static struct call calls[CALLS];
    SOCKET ends[2];
    start();
    begin_calls(calls);
    stop();
    end_calls(calls);
    /* And all is as new. */
    start();
    pair(ends);
    carries(ends);
    stop();
}

static struct call racing[2];

static int close_it(SOCKET s) {
    return closesocket(s);
}

/* Of two threads that close a socket, one has closed it. */
static void two_close_one_socket(void) {
    int round, i;
    start();
    for (round = 0; round < 300; round++) {
        SOCKET s = make(AF_INET, round % 2 ? SOCK_STREAM : SOCK_DGRAM);
        for (i = 0; i < 2; i++) {
            racing[i].work = close_it;
            racing[i].s = s;
            sem_init(&racing[i].begun, 0, 0);
            CHECK_EQ(pthread_create(&racing[i].thread, NULL, run_call, &racing[i]), 0);
        }
        for (i = 0; i < 2; i++) CHECK_EQ(pthread_join(racing[i].thread, NULL), 0);
        CHECK_EQ(racing[0].result + racing[1].result, SOCKET_ERROR);
        CHECK_EQ(racing[racing[0].result == 0].error, WSAENOTSOCK);
    }
    stop();
}

/* ---- A condition function that calls back ---- */

static int CALLBACK close_the_listener(LPWSABUF caller_id, LPWSABUF caller_data, LPQOS sqos, LPQOS gqos, LPWSABUF callee_id,
                                       LPWSABUF callee_data, GROUP *g, DWORD_PTR listener) {
    (void)caller_id, (void)caller_data, (void)sqos, (void)gqos, (void)callee_id, (void)callee_data, (void)g;
    CHECK_EQ(closesocket((SOCKET)listener), 0);
    return CF_ACCEPT;
}

static int CALLBACK clean_up(LPWSABUF caller_id, LPWSABUF caller_data, LPQOS sqos, LPQOS gqos, LPWSABUF callee_id,
                             LPWSABUF callee_data, GROUP *g, DWORD_PTR context) {
    (void)caller_id, (void)caller_data, (void)sqos, (void)gqos, (void)callee_id, (void)callee_data, (void)g, (void)context;
    CHECK_EQ(WSACleanup(), 0);
    return CF_ACCEPT;
}

/* proves: WSP-ACCEPT-6, WSP-CLEANUP-25 */
static void a_condition_function_calls_back(void) {
    SOCKET listener, ends[2];
    int round;
    for (round = 0; round < 20; round++) {
        start();
        listener = listening();
        connected_to(listener);
        CHECK_EQ(WSAAccept(listener, NULL, NULL, close_the_listener, (DWORD_PTR)listener), INVALID_SOCKET);
        CHECK_FAILS(closesocket(listener), SOCKET_ERROR, WSAENOTSOCK);
        pair(ends);
        carries(ends);
        listener = listening();
        connected_to(listener);
        CHECK_EQ(WSAAccept(listener, NULL, NULL, clean_up, 0), INVALID_SOCKET);
        CHECK_FAILS(socket(AF_INET, SOCK_STREAM, 0), INVALID_SOCKET, WSANOTINITIALISED);
    }
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(two_at_once), TEST(enumerate), TEST(select_over_two), TEST(poll_over_two), TEST(refused), TEST(served),
        TEST(close_ends_waiting_calls), TEST(clean_up_ends_waiting_calls), TEST(two_close_one_socket),
        TEST(a_condition_function_calls_back),
    };
    return run_tests(tests, COUNT(tests), argc, argv);
}
