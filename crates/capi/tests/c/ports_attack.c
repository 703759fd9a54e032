/* Sockets and completion ports under load, from many threads. See crates/capi/tests/ports.rs. */
#include "operation.h"

#include <stdatomic.h>

enum { WORKERS = 4, SOCKETS = 12, ROUNDS = 150 };

/* An operation that is started, ends and is started again. */
struct slot {
    struct operation operation;
    SOCKET socket;
    atomic_int under_way; /* started, and its packet not taken */
};

static HANDLE port;
static atomic_long started, taken, moved;

static void begin_slot(struct slot *slot) {
    CHECK_EQ(slot->under_way, 0);
    slot->under_way = 1;
    started++;
}

/* Starts a receive; false if the socket is gone. */
static int receive_into(struct slot *slot) {
    SOCKET s = slot->socket;
    prepare(&slot->operation, NONE);
    begin_slot(slot);
    if (run(RECV, s, &slot->operation, NONE) != 0 && WSAGetLastError() != WSA_IO_PENDING) {
        int error = WSAGetLastError();
        CHECK(error == WSAENOTSOCK || error == WSANOTINITIALISED || error == WSAECONNRESET || error == WSAESHUTDOWN
              || error == WSAECONNABORTED || error == WSAENOTCONN);
        slot->under_way = 0;
        started--;
        return 0;
    }
    return 1;
}

/* Takes packets, and goes on with the operations that have moved something. */
static void *work(void *unused) {
    (void)unused;
    for (;;) {
        OVERLAPPED_ENTRY entries[8];
        ULONG count, i, ends = 0;
        if (!GetQueuedCompletionStatusEx(port, entries, 8, &count, INFINITE, FALSE)) {
            CHECK_EQ(GetLastError(), ERROR_ABANDONED_WAIT_0);
            return NULL;
        }
        for (i = 0; i < count; i++) {
            struct slot *slot = (struct slot *)entries[i].lpOverlapped;
            if (slot == NULL) {
                ends++;
                continue;
            }
            CHECK_EQ(atomic_exchange(&slot->under_way, 0), 1); /* Once, and only what was started. */
            CHECK(!pends(&slot->operation));
            taken++;
            if (entries[i].Internal == 0) {
                moved += entries[i].dwNumberOfBytesTransferred;
                if (entries[i].dwNumberOfBytesTransferred != 0) {
                    receive_into(slot);
                }
            } else {
                CHECK((DWORD)entries[i].Internal == CANCELLED || (DWORD)entries[i].Internal == 0xC000020Du);
            }
        }
        if (ends > 0) {
            /* Those of the other threads. */
            while (--ends > 0) {
                CHECK_EQ(PostQueuedCompletionStatus(port, 0, 0, NULL), TRUE);
            }
            return NULL;
        }
    }
}

static void start_workers(pthread_t *workers) {
    size_t i;
    port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 2);
    CHECK(port != NULL);
    for (i = 0; i < WORKERS; i++) {
        CHECK_EQ(pthread_create(&workers[i], NULL, work, NULL), 0);
    }
}

static void end_workers(pthread_t *workers) {
    size_t i;
    for (i = 0; i < WORKERS; i++) {
        CHECK_EQ(PostQueuedCompletionStatus(port, 0, 0, NULL), TRUE);
    }
    for (i = 0; i < WORKERS; i++) {
        CHECK_EQ(pthread_join(workers[i], NULL), 0);
    }
    CHECK_EQ(CloseHandle(port), TRUE);
}

static void until_all_taken(void) {
    int i;
    for (i = 0; i < 30000 && taken != started; i++) {
        Sleep(1);
    }
    CHECK_EQ(taken, started);
}

/* Sends, and closes or cancels meanwhile; each operation that was started has its packet, once. */
static void storm(int cancels, int closes) {
    static struct slot slots[SOCKETS][3];
    pthread_t workers[WORKERS];
    int round, i, j;
    long sent = 0;
    start();
    start_workers(workers);
    for (round = 0; round < ROUNDS; round++) {
        SOCKET near[SOCKETS], far[SOCKETS];
        for (i = 0; i < SOCKETS; i++) {
            SOCKET ends[2];
            pair(ends);
            near[i] = ends[0];
            far[i] = ends[1];
            CHECK(CreateIoCompletionPort((HANDLE)near[i], port, (ULONG_PTR)i, 0) == port);
            for (j = 0; j < 3; j++) {
                slots[i][j].socket = near[i];
                CHECK(receive_into(&slots[i][j]));
            }
        }
        for (j = 0; j < 20; j++) {
            for (i = 0; i < SOCKETS; i++) {
                char bytes[200];
                int len = 1 + (round * 31 + i * 7 + j * 13) % 200;
                memset(bytes, 'x', sizeof bytes);
                CHECK_EQ(send(far[i], bytes, len, 0), len);
                sent += len;
                if (cancels && (i + j) % 5 == 0) {
                    CHECK(CancelIoEx((HANDLE)near[i], NULL) || GetLastError() == ERROR_NOT_FOUND);
                }
            }
        }
        if (!closes && !cancels) {
            for (i = 0; i < SOCKETS; i++) {
                CHECK_EQ(shutdown(far[i], SD_SEND), 0);
            }
            until_all_taken();
            CHECK_EQ(moved, sent); /* Nothing is lost. */
        }
        for (i = 0; i < SOCKETS; i++) {
            CHECK_EQ(closesocket(near[i]), 0);
            CHECK_EQ(closesocket(far[i]), 0);
        }
        until_all_taken();
        for (i = 0; i < SOCKETS; i++) {
            for (j = 0; j < 3; j++) {
                CHECK_EQ(slots[i][j].under_way, 0);
            }
        }
    }
    end_workers(workers);
    CHECK(started > 0);
    stop();
}

/* proves: OV-6, WPU-COR-7 */
static void nothing_is_lost_and_each_operation_has_one_packet(void) {
    storm(0, 0);
}

/* proves: WSP-CLOSE-2 */
static void closes_under_load_leave_each_operation_one_packet(void) {
    storm(0, 1);
}

static void cancellations_under_load_leave_each_operation_one_packet(void) {
    storm(1, 1);
}

/* proves: WSP-CLEANUP-8, WSP-CLEANUP-9, WSP-CLEANUP-11, WSP-CLEANUP-12 */
static void clean_ups_under_load_queue_nothing_and_leave_the_memory_alone(void) {
    static struct slot slots[SOCKETS][3], after[SOCKETS][3];
    pthread_t workers[WORKERS];
    int round, i, j;
    start_workers(workers);
    for (round = 0; round < ROUNDS; round++) {
        SOCKET far[SOCKETS];
        DWORD bytes;
        ULONG_PTR key;
        OVERLAPPED *overlapped;
        start();
        for (i = 0; i < SOCKETS; i++) {
            SOCKET ends[2];
            pair(ends);
            far[i] = ends[1];
            CHECK(CreateIoCompletionPort((HANDLE)ends[0], port, (ULONG_PTR)i, 0) == port);
            for (j = 0; j < 3; j++) {
                slots[i][j].socket = ends[0];
                slots[i][j].under_way = 0;
                CHECK(receive_into(&slots[i][j]));
            }
        }
        for (j = 0; j < 5; j++) {
            for (i = 0; i < SOCKETS; i++) {
                CHECK_EQ(send(far[i], "some bytes", 10, 0), 10);
            }
        }
        stop();
        /* Nothing pends, whatever the workers were at. */
        for (i = 0; i < SOCKETS; i++) {
            for (j = 0; j < 3; j++) {
                CHECK(!pends(&slots[i][j].operation));
            }
        }
        /* What was queued before is taken; a worker that goes on finds that Winsock is over. */
        end_workers(workers);
        port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 2);
        CHECK(port != NULL);
        CHECK_FAILS(GetQueuedCompletionStatus(port, &bytes, &key, &overlapped, 0), FALSE, WAIT_TIMEOUT);
        memcpy(after, slots, sizeof slots);
        for (i = 0; i < SOCKETS; i++) {
            for (j = 0; j < 3; j++) {
                /* Without a packet it was aborted. */
                CHECK(!slots[i][j].under_way || slots[i][j].operation.overlapped.OffsetHigh == WSA_OPERATION_ABORTED);
            }
        }
        CHECK_EQ(CloseHandle(port), TRUE);
        start_workers(workers);
        Sleep(round % 5);
        CHECK(memcmp(after, slots, sizeof slots) == 0);
    }
    end_workers(workers);
}

static const struct test tests[] = {
    TEST(nothing_is_lost_and_each_operation_has_one_packet),
    TEST(closes_under_load_leave_each_operation_one_packet),
    TEST(cancellations_under_load_leave_each_operation_one_packet),
    TEST(clean_ups_under_load_queue_nothing_and_leave_the_memory_alone),
};

int main(int argc, char **argv) {
    return run_tests(tests, COUNT(tests), argc, argv);
}
