/* Overlapped operations under load, from many threads. See crates/capi/tests/overlapped.rs. */
#include "operation.h"
#include "peer.h"

#include <stdatomic.h>

enum { THREADS = 8, ROUNDS = 300 };

static SOCKET shared_ends[2];
static atomic_long total_received;
static atomic_int receivers_left;

/* Receives until the end, two operations at a time, half of the threads by event and half by routine. */
static void *receive_all(void *argument) {
    enum style style = (size_t)argument % 2 ? ROUTINE : EVENT;
    struct operation operations[2];
    int going[2] = {0, 0}, ended = 0, at = 0;
    memset(operations, 0, sizeof operations);
    while (!ended || going[0] || going[1]) {
        struct operation *operation = &operations[at];
        if (going[at]) {
            until_indicated(operation, style);
            check_end(shared_ends[0], operation, style, 0, (DWORD)operation->overlapped.InternalHigh);
            finish(operation, style);
            going[at] = 0;
            if (operation->overlapped.InternalHigh == 0) {
                ended = 1;
            }
            total_received += (long)operation->overlapped.InternalHigh;
        } else if (!ended) {
            prepare(operation, style);
            operation->buffer.len = 7;
            if (run(RECV, shared_ends[0], operation, style) != 0) {
                CHECK_EQ(WSAGetLastError(), WSA_IO_PENDING);
            }
            going[at] = 1;
        }
        at = !at;
    }
    CHECK_EQ(SleepEx(0, TRUE), 0);
    receivers_left--;
    return NULL;
}

/* proves: OV-6, WPU-COR-7 */
static void many_threads_see_each_operation_end_once(void) {
    pthread_t threads[THREADS];
    char bytes[100];
    size_t i;
    long sent = 0;
    memset(bytes, 'x', sizeof bytes);
    start();
    pair(shared_ends);
    receivers_left = THREADS;
    for (i = 0; i < THREADS; i++) {
        CHECK_EQ(pthread_create(&threads[i], NULL, receive_all, (void *)i), 0);
    }
    for (i = 0; i < ROUNDS; i++) {
        int len = (int)(i % sizeof bytes) + 1;
        CHECK_EQ(send(shared_ends[1], bytes, len, 0), len);
        sent += len;
    }
    CHECK_EQ(shutdown(shared_ends[1], SD_SEND), 0);
    for (i = 0; i < THREADS; i++) {
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    }
    CHECK_EQ(total_received, sent);
    stop();
}

static SOCKET target;
static pthread_barrier_t barrier;

/* Starts operations until the socket is gone, and checks that each that started ends once. */
static void *start_until_closed(void *argument) {
    enum style style = (size_t)argument % 2 ? ROUTINE : EVENT;
    struct operation operations[16];
    int started = 0, i, called = 0;
    pthread_barrier_wait(&barrier);
    for (i = 0; i < COUNT(operations); i++) {
        prepare(&operations[i], style);
        if (run(RECV, target, &operations[i], style) != 0 && WSAGetLastError() != WSA_IO_PENDING) {
            CHECK(WSAGetLastError() == WSAENOTSOCK || WSAGetLastError() == WSANOTINITIALISED);
            finish(&operations[i], style);
            break;
        }
        started++;
    }
    pthread_barrier_wait(&barrier);
    for (i = 0; i < started; i++) {
        CHECK(!pends(&operations[i])); /* The close is over. */
        until_indicated(&operations[i], style);
        CHECK(operations[i].overlapped.OffsetHigh == WSA_OPERATION_ABORTED
              || operations[i].overlapped.OffsetHigh == 0);
        called += operations[i].calls;
        finish(&operations[i], style);
    }
    CHECK_EQ(called, style == ROUTINE ? started : 0);
    CHECK_EQ(SleepEx(0, TRUE), 0);
    return NULL;
}

/* proves: WSP-CLOSE-2 */
static void closes_under_load_end_each_operation_once(void) {
    int round;
    start();
    for (round = 0; round < 60; round++) {
        SOCKET ends[2];
        pthread_t threads[4];
        size_t i;
        pair(ends);
        target = ends[0];
        CHECK_EQ(pthread_barrier_init(&barrier, NULL, 5), 0);
        for (i = 0; i < 4; i++) {
            CHECK_EQ(pthread_create(&threads[i], NULL, start_until_closed, (void *)i), 0);
        }
        pthread_barrier_wait(&barrier);
        CHECK_EQ(send(ends[1], "some", 4, 0), 4);
        CHECK_EQ(closesocket(ends[0]), 0);
        pthread_barrier_wait(&barrier);
        for (i = 0; i < 4; i++) {
            CHECK_EQ(pthread_join(threads[i], NULL), 0);
        }
        CHECK_EQ(pthread_barrier_destroy(&barrier), 0);
        CHECK_EQ(closesocket(ends[1]), 0);
    }
    stop();
}

static struct operation *doomed;
enum { DOOMED = 200 };

static void *send_for_ever(void *end) {
    char bytes[64] = "";
    while (peer_send((int)(size_t)end, bytes, sizeof bytes) > 0) {
    }
    return NULL;
}

/* proves: WSP-CLEANUP-8, WSP-CLEANUP-9, WSP-CLEANUP-10 */
static void clean_ups_under_load_leave_the_memory_alone(void) {
    int round, i;
    doomed = malloc(DOOMED * sizeof *doomed);
    CHECK(doomed != NULL);
    for (round = 0; round < 20; round++) {
        struct operation *copy = malloc(DOOMED * sizeof *doomed);
        SOCKET listener, s;
        pthread_t sender;
        int end;
        CHECK(copy != NULL);
        start();
        listener = listening();
        end = peer_connect(ntohs(name_of(listener).sin_port));
        s = accept(listener, NULL, NULL);
        CHECK(s != INVALID_SOCKET);
        CHECK_EQ(pthread_create(&sender, NULL, send_for_ever, (void *)(size_t)end), 0);
        for (i = 0; i < DOOMED; i++) {
            enum style style = i % 3;
            prepare(&doomed[i], style);
            if (run(RECV, s, &doomed[i], style) != 0) {
                CHECK_EQ(WSAGetLastError(), WSA_IO_PENDING);
            }
        }
        stop();
        memcpy(copy, doomed, DOOMED * sizeof *doomed);
        CHECK_EQ(pthread_join(sender, NULL), 0);
        peer_close(end);
        for (i = 0; i < DOOMED; i++) {
            DWORD error = doomed[i].overlapped.OffsetHigh;
            CHECK(!pends(&doomed[i]));
            CHECK(error == 0 || error == WSA_OPERATION_ABORTED);
            CHECK(error == 0 || i % 3 != EVENT || !is_set(doomed[i].overlapped.hEvent));
        }
        CHECK(memcmp(copy, doomed, DOOMED * sizeof *doomed) == 0);
        SleepEx(0, TRUE);
        for (i = 0; i < DOOMED; i++) {
            /* A routine that was queued before may run, that of an operation that was aborted may not. */
            CHECK(doomed[i].calls <= (doomed[i].overlapped.OffsetHigh == 0));
            finish(&doomed[i], i % 3);
        }
        free(copy);
    }
    free(doomed);
}

static const struct test tests[] = {
    TEST(many_threads_see_each_operation_end_once),
    TEST(closes_under_load_end_each_operation_once),
    TEST(clean_ups_under_load_leave_the_memory_alone),
};

int main(int argc, char **argv) {
    return run_tests(tests, COUNT(tests), argc, argv);
}
