/* Sockets that are associated with completion ports. See crates/capi/tests/ports.rs. */
#include "operation.h"

#define KEY 0x5EED

static HANDLE make_port(void) {
    HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
    CHECK(port != NULL);
    return port;
}

static void associate(SOCKET s, HANDLE port, ULONG_PTR key) {
    CHECK(CreateIoCompletionPort((HANDLE)s, port, key, 0) == port);
}

/* The packet of an operation, and nothing else. */
static void check_packet(HANDLE port, ULONG_PTR key, struct operation *operation, DWORD error, DWORD bytes) {
    DWORD got = 4711;
    ULONG_PTR told = 0;
    OVERLAPPED *overlapped = NULL;
    WSASetLastError(0);
    CHECK_EQ(GetQueuedCompletionStatus(port, &got, &told, &overlapped, 30000), error == 0 ? TRUE : FALSE);
    CHECK_EQ(WSAGetLastError(), (int)error);
    CHECK_EQ(told, key);
    CHECK(overlapped == (OVERLAPPED *)&operation->overlapped);
    CHECK_EQ(got, bytes);
    CHECK(!pends(operation));
}

static void check_no_packet(HANDLE port) {
    DWORD bytes;
    ULONG_PTR key;
    OVERLAPPED *overlapped;
    CHECK_FAILS(GetQueuedCompletionStatus(port, &bytes, &key, &overlapped, 0), FALSE, WAIT_TIMEOUT);
    CHECK(overlapped == NULL);
}

static void close_all(HANDLE port, SOCKET ends[2]) {
    CHECK_EQ(closesocket(ends[0]), 0);
    CHECK_EQ(closesocket(ends[1]), 0);
    CHECK_EQ(CloseHandle(port), TRUE);
}

/* How an operation is to be indicated. */
enum way { PACKET, PACKET_AND_EVENT, EVENT_ALONE, WAYS };

static void prepare_for(struct operation *operation, enum way way) {
    prepare(operation, way == PACKET ? NONE : EVENT);
    if (way == EVENT_ALONE) {
        operation->overlapped.hEvent = (HANDLE)((ULONG_PTR)operation->overlapped.hEvent | 1);
    }
}

static WSAEVENT event_of(struct operation *operation) {
    return (WSAEVENT)((ULONG_PTR)operation->overlapped.hEvent & ~(ULONG_PTR)1);
}

/* What the way demands has happened, once. */
static void check_indicated(HANDLE port, SOCKET s, struct operation *operation, enum way way, DWORD error, DWORD bytes) {
    if (way != PACKET) {
        WSAEVENT event = event_of(operation);
        CHECK_EQ(WSAWaitForMultipleEvents(1, &event, TRUE, 30000, FALSE), WSA_WAIT_EVENT_0);
    }
    if (way != EVENT_ALONE) {
        check_packet(port, KEY, operation, error, bytes);
    }
    check_no_packet(port);
    check_end(s, operation, NONE, error, bytes);
    if (way != PACKET) {
        CHECK_EQ(WSACloseEvent(event_of(operation)), TRUE);
    }
}

#define EACH_WAY(function, way)                                                                                   \
    for (int function = 0; function < FUNCTIONS; function++)                                                      \
        for (int way = 0; way < WAYS; way++)

/* proves: API-X5, WPU-COR-4 */
static void ov_5_what_is_done_at_once_has_its_packet(void) {
    start();
    EACH_WAY(function, way) {
        HANDLE port = make_port();
        SOCKET ends[2];
        struct operation operation;
        prepare_for(&operation, way);
        ends_for(function, ends);
        associate(ends[0], port, KEY);
        operation.name = name_of(ends[1]);
        if (!is_send(function)) {
            CHECK_EQ(send(ends[1], "hello", 5, 0), 5);
            until_readable(ends[0]);
        }
        CHECK_EQ(run(function, ends[0], &operation, NONE), 0);
        CHECK_EQ(operation.count, is_send(function) ? SIZE : 5);
        check_indicated(port, ends[0], &operation, way, 0, is_send(function) ? SIZE : 5);
        close_all(port, ends);
    }
    stop();
}

/* proves: OV-4, OV-9 */
static void ov_6_what_pends_has_one_packet(void) {
    start();
    EACH_WAY(function, way) {
        HANDLE port = make_port();
        SOCKET ends[2];
        struct operation operation;
        if (function == SENDTO) {
            continue;
        }
        prepare_for(&operation, way);
        ends_for(function, ends);
        associate(ends[0], port, KEY);
        if (is_send(function)) {
            fill(ends[0]);
        }
        CHECK_FAILS(run(function, ends[0], &operation, NONE), SOCKET_ERROR, WSA_IO_PENDING);
        CHECK(pends(&operation));
        check_no_packet(port);
        if (is_send(function)) {
            receive_what_is_there(ends[1]);
        } else {
            CHECK_EQ(send(ends[1], "hello", 5, 0), 5);
        }
        check_indicated(port, ends[0], &operation, way, 0, is_send(function) ? SIZE : 5);
        CHECK_EQ(operation.count, 4711);
        close_all(port, ends);
    }
    stop();
}

static void what_pended_before_the_association_has_its_packet(void) {
    HANDLE port = make_port();
    SOCKET ends[2];
    struct operation operation;
    start();
    pair(ends);
    prepare(&operation, NONE);
    CHECK_FAILS(run(RECV, ends[0], &operation, NONE), SOCKET_ERROR, WSA_IO_PENDING);
    associate(ends[0], port, KEY);
    CHECK_EQ(send(ends[1], "hello", 5, 0), 5);
    check_packet(port, KEY, &operation, 0, 5);
    check_no_packet(port);
    close_all(port, ends);
    stop();
}

static void a_socket_is_associated_once(void) {
    HANDLE ports[2], made;
    SOCKET ends[2], plain;
    struct operation operation;
    int i;
    start();
    pair(ends);
    for (i = 0; i < 2; i++) ports[i] = make_port();
    associate(ends[0], ports[0], KEY);
    for (i = 0; i < 2; i++) {
        CHECK_FAILS(CreateIoCompletionPort((HANDLE)ends[0], ports[i], 1, 0) != NULL, 0, ERROR_INVALID_PARAMETER);
    }
    CHECK_FAILS(CreateIoCompletionPort((HANDLE)ends[0], NULL, 1, 0) != NULL, 0, ERROR_INVALID_PARAMETER);
    /* Nor one that is not overlapped, or none at all. */
    plain = WSASocketW(AF_INET, SOCK_STREAM, 0, NULL, 0, 0);
    CHECK(plain != INVALID_SOCKET);
    CHECK_FAILS(CreateIoCompletionPort((HANDLE)plain, ports[0], 1, 0) != NULL, 0, ERROR_INVALID_PARAMETER);
    CHECK_EQ(closesocket(plain), 0);
    CHECK_FAILS(CreateIoCompletionPort((HANDLE)plain, ports[0], 1, 0) != NULL, 0, ERROR_INVALID_HANDLE);
    CHECK_FAILS(CreateIoCompletionPort((HANDLE)(ULONG_PTR)12345678, ports[0], 1, 0) != NULL, 0, ERROR_INVALID_HANDLE);
    CHECK_FAILS(CreateIoCompletionPort((HANDLE)ends[1], (HANDLE)(ULONG_PTR)0x40000F00, 1, 0) != NULL, 0,
                ERROR_INVALID_HANDLE);
    /* A routine and a port exclude each other. */
    prepare(&operation, ROUTINE);
    CHECK_FAILS(run(RECV, ends[0], &operation, ROUTINE), SOCKET_ERROR, WSAEINVAL);
    CHECK_EQ(SleepEx(0, TRUE), 0);
    /* A port made with the socket. */
    made = CreateIoCompletionPort((HANDLE)ends[1], NULL, 77, 0);
    CHECK(made != NULL);
    prepare(&operation, NONE);
    CHECK_EQ(run(SEND, ends[1], &operation, NONE), 0);
    check_packet(made, 77, &operation, 0, SIZE);
    CHECK_EQ(CloseHandle(made), TRUE);
    CHECK_EQ(CloseHandle(ports[1]), TRUE);
    close_all(ports[0], ends);
    stop();
}

static void wsp_close_2_a_close_has_its_packets(void) {
    start();
    EACH_WAY(function, way) {
        HANDLE port = make_port();
        SOCKET ends[2];
        struct operation operation;
        if (function == SENDTO) {
            continue;
        }
        prepare_for(&operation, way);
        ends_for(function, ends);
        associate(ends[0], port, KEY);
        if (is_send(function)) {
            fill(ends[0]);
        }
        CHECK_FAILS(run(function, ends[0], &operation, NONE), SOCKET_ERROR, WSA_IO_PENDING);
        CHECK_EQ(closesocket(ends[0]), 0);
        CHECK(!pends(&operation));
        check_indicated(port, INVALID_SOCKET, &operation, way, WSA_OPERATION_ABORTED, 0);
        CHECK_EQ(closesocket(ends[1]), 0);
        CHECK_EQ(CloseHandle(port), TRUE);
    }
    stop();
}

static void wsp_cleanup_11_the_last_clean_up_queues_no_packet(void) {
    EACH_WAY(function, way) {
        HANDLE port = make_port();
        SOCKET ends[2];
        struct operation operation, after;
        if (function == SENDTO) {
            continue;
        }
        start();
        prepare_for(&operation, way);
        ends_for(function, ends);
        associate(ends[0], port, KEY);
        if (is_send(function)) {
            fill(ends[0]);
        }
        CHECK_FAILS(run(function, ends[0], &operation, NONE), SOCKET_ERROR, WSA_IO_PENDING);
        stop();
        check_end(INVALID_SOCKET, &operation, NONE, WSA_OPERATION_ABORTED, 0);
        after = operation;
        if (way != PACKET) {
            CHECK(!is_set(event_of(&operation)));
        }
        check_no_packet(port);
        CHECK(memcmp(&after, &operation, sizeof after) == 0);
        /* Winsock starts again, and the port is as good as before. */
        start();
        pair(ends);
        associate(ends[0], port, KEY);
        prepare(&operation, NONE);
        CHECK_EQ(run(SEND, ends[0], &operation, NONE), 0);
        check_packet(port, KEY, &operation, 0, SIZE);
        CHECK_EQ(CloseHandle(port), TRUE);
        stop();
    }
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(ov_5_what_is_done_at_once_has_its_packet),
        TEST(ov_6_what_pends_has_one_packet),
        TEST(what_pended_before_the_association_has_its_packet),
        TEST(a_socket_is_associated_once),
        TEST(wsp_close_2_a_close_has_its_packets),
        TEST(wsp_cleanup_11_the_last_clean_up_queues_no_packet),
    };
    return run_tests(tests, COUNT(tests), argc, argv);
}
