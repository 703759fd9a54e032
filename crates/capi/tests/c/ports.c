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

/* proves: WSP-RECV-4, WSP-RECV-5 */
static void a_failed_operation_has_a_packet_with_its_error(void) {
    HANDLE port = make_port();
    OVERLAPPED_ENTRY entry;
    SOCKET ends[2];
    struct operation operation;
    struct linger hard = {1, 0};
    ULONG removed;
    char large[2 * SIZE];
    start();
    /* A datagram that is too long. */
    datagram_pair(ends);
    associate(ends[0], port, KEY);
    prepare(&operation, NONE);
    CHECK_FAILS(run(RECV, ends[0], &operation, NONE), SOCKET_ERROR, WSA_IO_PENDING);
    memset(large, 'x', sizeof large);
    CHECK_EQ(send(ends[1], large, sizeof large, 0), (int)sizeof large);
    check_packet(port, KEY, &operation, WSAEMSGSIZE, SIZE);
    CHECK_EQ(operation.overlapped.Internal, 0x80000005u);
    CHECK(memcmp(operation.bytes, large, SIZE) == 0);
    CHECK_EQ(closesocket(ends[0]), 0);
    CHECK_EQ(closesocket(ends[1]), 0);
    /* A connection that is reset. */
    pair(ends);
    associate(ends[0], port, KEY);
    prepare(&operation, NONE);
    CHECK_FAILS(run(RECV, ends[0], &operation, NONE), SOCKET_ERROR, WSA_IO_PENDING);
    CHECK_EQ(setsockopt(ends[1], SOL_SOCKET, SO_LINGER, (char *)&hard, sizeof hard), 0);
    CHECK_EQ(closesocket(ends[1]), 0);
    check_packet(port, KEY, &operation, WSAECONNRESET, 0);
    check_end(ends[0], &operation, NONE, WSAECONNRESET, 0);
    /* What does not start has no packet (OV-7). */
    prepare(&operation, NONE);
    CHECK_FAILS(run(RECV, ends[0], &operation, NONE), SOCKET_ERROR, WSAECONNRESET);
    check_no_packet(port);
    CHECK_EQ(closesocket(ends[0]), 0);
    /* In a batch the status tells. */
    pair(ends);
    associate(ends[0], port, KEY);
    prepare(&operation, NONE);
    CHECK_FAILS(run(RECV, ends[0], &operation, NONE), SOCKET_ERROR, WSA_IO_PENDING);
    CHECK_EQ(setsockopt(ends[1], SOL_SOCKET, SO_LINGER, (char *)&hard, sizeof hard), 0);
    CHECK_EQ(closesocket(ends[1]), 0);
    CHECK_EQ(GetQueuedCompletionStatusEx(port, &entry, 1, &removed, 30000, FALSE), TRUE);
    CHECK(removed == 1 && entry.lpCompletionKey == KEY && entry.dwNumberOfBytesTransferred == 0);
    CHECK(entry.lpOverlapped == (OVERLAPPED *)&operation.overlapped);
    CHECK_EQ((DWORD)entry.Internal, 0xC000020Du);
    CHECK_EQ(closesocket(ends[0]), 0);
    CHECK_EQ(CloseHandle(port), TRUE);
    stop();
}

/* proves: WSP-RECV-5, WSP-SHUT-2 */
static void the_end_of_a_connection_ends_receives(void) {
    HANDLE port = make_port();
    SOCKET ends[2];
    struct operation operations[3];
    int i;
    start();
    /* Data and the end come at once. */
    pair(ends);
    associate(ends[0], port, KEY);
    for (i = 0; i < 2; i++) {
        prepare(&operations[i], NONE);
        CHECK_FAILS(run(RECV, ends[0], &operations[i], NONE), SOCKET_ERROR, WSA_IO_PENDING);
    }
    CHECK_EQ(send(ends[1], "last words", 10, 0), 10);
    CHECK_EQ(shutdown(ends[1], SD_SEND), 0);
    check_packet(port, KEY, &operations[0], 0, 10);
    check_packet(port, KEY, &operations[1], 0, 0);
    /* Each later receive finds the end in its call. */
    for (i = 0; i < 3; i++) {
        prepare(&operations[i], NONE);
        CHECK_EQ(run(RECV, ends[0], &operations[i], NONE), 0);
        CHECK_EQ(operations[i].count, 0);
        check_packet(port, KEY, &operations[i], 0, 0);
    }
    CHECK_EQ(closesocket(ends[0]), 0);
    CHECK_EQ(closesocket(ends[1]), 0);
    /* The end comes with data that only one receive was there for. */
    pair(ends);
    associate(ends[0], port, KEY);
    prepare(&operations[0], NONE);
    operations[0].buffer.len = 4;
    CHECK_FAILS(run(RECV, ends[0], &operations[0], NONE), SOCKET_ERROR, WSA_IO_PENDING);
    CHECK_EQ(send(ends[1], "last words", 10, 0), 10);
    CHECK_EQ(closesocket(ends[1]), 0);
    check_packet(port, KEY, &operations[0], 0, 4);
    prepare(&operations[1], NONE);
    CHECK_EQ(run(RECV, ends[0], &operations[1], NONE), 0);
    check_packet(port, KEY, &operations[1], 0, 6);
    prepare(&operations[2], NONE);
    if (run(RECV, ends[0], &operations[2], NONE) != 0) {
        CHECK_EQ(WSAGetLastError(), WSA_IO_PENDING);
    }
    check_packet(port, KEY, &operations[2], 0, 0);
    CHECK_EQ(closesocket(ends[0]), 0);
    /* A shutdown of this side. */
    pair(ends);
    associate(ends[0], port, KEY);
    prepare(&operations[0], NONE);
    CHECK_FAILS(run(RECV, ends[0], &operations[0], NONE), SOCKET_ERROR, WSA_IO_PENDING);
    CHECK_EQ(shutdown(ends[0], SD_RECEIVE), 0);
    check_packet(port, KEY, &operations[0], WSAESHUTDOWN, 0);
    close_all(port, ends);
    stop();
}

static void ov_12_several_operations_of_a_socket_end_in_order(void) {
    enum { MANY = 50 };
    static struct operation operations[MANY];
    static char block[MANY * SIZE];
    HANDLE port = make_port();
    SOCKET ends[2];
    int i;
    start();
    pair(ends);
    associate(ends[0], port, KEY);
    for (i = 0; i < MANY; i++) {
        prepare(&operations[i], NONE);
        CHECK_FAILS(run(RECV, ends[0], &operations[i], NONE), SOCKET_ERROR, WSA_IO_PENDING);
    }
    for (i = 0; i < (int)sizeof block; i++) block[i] = (char)(i * 7 + i / SIZE);
    CHECK_EQ(send(ends[1], block, sizeof block, 0), (int)sizeof block);
    for (i = 0; i < MANY; i++) {
        check_packet(port, KEY, &operations[i], 0, SIZE);
        CHECK(memcmp(operations[i].bytes, block + i * SIZE, SIZE) == 0);
    }
    /* Sends: the first waits for room, the others for it. */
    fill(ends[0]);
    for (i = 0; i < MANY; i++) {
        prepare(&operations[i], NONE);
        memset(operations[i].bytes, i + 1, SIZE);
        CHECK_FAILS(run(SEND, ends[0], &operations[i], NONE), SOCKET_ERROR, WSA_IO_PENDING);
    }
    check_no_packet(port);
    {
        char last = 0;
        int got, seen = 0;
        for (i = 0; i < MANY; i++) {
            /* Reads until a packet comes; the port drives the sends while it is asked. */
            DWORD bytes;
            ULONG_PTR key;
            OVERLAPPED *overlapped;
            while (!GetQueuedCompletionStatus(port, &bytes, &key, &overlapped, 0)) {
                CHECK(overlapped == NULL);
                set_blocking(ends[1], 0);
                while ((got = recv(ends[1], block, sizeof block, 0)) > 0) {
                    int at;
                    for (at = 0; at < got; at++) {
                        CHECK(block[at] == last || block[at] == last + 1 || (last == 0 && block[at] == 1));
                        seen += block[at] != 0;
                        last = block[at];
                    }
                }
                set_blocking(ends[1], 1);
            }
            CHECK(overlapped == (OVERLAPPED *)&operations[i].overlapped);
            CHECK_EQ(bytes, SIZE);
        }
        while (seen < MANY * SIZE) {
            got = recv(ends[1], block, sizeof block, 0);
            CHECK(got > 0);
            for (i = 0; i < got; i++) seen += block[i] != 0;
        }
        CHECK_EQ(seen, MANY * SIZE);
    }
    close_all(port, ends);
    stop();
}

/* proves: API-X5 */
static void successes_of_the_call_can_do_without_packets(void) {
    HANDLE port = make_port();
    SOCKET ends[2];
    struct operation operation;
    start();
    pair(ends);
    CHECK_FAILS(SetFileCompletionNotificationModes((HANDLE)ends[0], 0x80), FALSE, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(SetFileCompletionNotificationModes((HANDLE)(ULONG_PTR)12345678, FILE_SKIP_COMPLETION_PORT_ON_SUCCESS), FALSE,
                ERROR_INVALID_HANDLE);
    associate(ends[0], port, KEY);
    CHECK_EQ(SetFileCompletionNotificationModes((HANDLE)ends[0],
                                                FILE_SKIP_COMPLETION_PORT_ON_SUCCESS | FILE_SKIP_SET_EVENT_ON_HANDLE),
             TRUE);
    prepare(&operation, EVENT);
    CHECK_EQ(run(SEND, ends[0], &operation, NONE), 0);
    CHECK_EQ(operation.count, SIZE);
    CHECK(is_set(operation.overlapped.hEvent)); /* That of the operation is set all the same. */
    check_no_packet(port);
    check_end(ends[0], &operation, NONE, 0, SIZE);
    finish(&operation, EVENT);
    /* What pends has its packet. */
    prepare(&operation, NONE);
    CHECK_FAILS(run(RECV, ends[0], &operation, NONE), SOCKET_ERROR, WSA_IO_PENDING);
    CHECK_EQ(send(ends[1], "hello", 5, 0), 5);
    check_packet(port, KEY, &operation, 0, 5);
    close_all(port, ends);
    stop();
}

static void operations_are_cancelled_alone_or_together(void) {
    HANDLE port = make_port();
    SOCKET ends[2];
    struct operation operations[4];
    DWORD bytes;
    ULONG_PTR key;
    OVERLAPPED *overlapped;
    int i;
    start();
    pair(ends);
    associate(ends[0], port, KEY);
    CHECK_FAILS(CancelIoEx((HANDLE)ends[0], NULL), FALSE, ERROR_NOT_FOUND);
    CHECK_EQ(CancelIo((HANDLE)ends[0]), TRUE);
    for (i = 0; i < 4; i++) {
        prepare(&operations[i], NONE);
        CHECK_FAILS(run(RECV, ends[0], &operations[i], NONE), SOCKET_ERROR, WSA_IO_PENDING);
    }
    CHECK_FAILS(CancelIoEx((HANDLE)ends[1], &operations[1].overlapped), FALSE, ERROR_NOT_FOUND);
    CHECK_EQ(CancelIoEx((HANDLE)ends[0], &operations[1].overlapped), TRUE);
    check_packet(port, KEY, &operations[1], WSA_OPERATION_ABORTED, 0);
    check_end(ends[0], &operations[1], NONE, WSA_OPERATION_ABORTED, 0);
    CHECK_FAILS(CancelIoEx((HANDLE)ends[0], &operations[1].overlapped), FALSE, ERROR_NOT_FOUND);
    check_no_packet(port);
    /* The others go on, in their order. */
    CHECK_EQ(send(ends[1], "hello", 5, 0), 5);
    check_packet(port, KEY, &operations[0], 0, 5);
    CHECK_EQ(CancelIoEx((HANDLE)ends[0], NULL), TRUE);
    for (i = 2; i < 4; i++) {
        CHECK_EQ(GetQueuedCompletionStatus(port, &bytes, &key, &overlapped, 0), FALSE);
        CHECK(overlapped == (OVERLAPPED *)&operations[i].overlapped && GetLastError() == ERROR_OPERATION_ABORTED);
    }
    CHECK_FAILS(CancelIoEx((HANDLE)(ULONG_PTR)12345678, NULL), FALSE, ERROR_INVALID_HANDLE);
    close_all(port, ends);
    stop();
}

static SOCKET shared_socket;
static struct operation others;

static void *start_one(void *unused) {
    (void)unused;
    prepare(&others, NONE);
    CHECK_FAILS(run(RECV, shared_socket, &others, NONE), SOCKET_ERROR, WSA_IO_PENDING);
    return NULL;
}

static void cancel_io_means_the_threads_own(void) {
    HANDLE port = make_port();
    SOCKET ends[2];
    pthread_t thread;
    struct operation own, event;
    start();
    pair(ends);
    associate(ends[0], port, KEY);
    shared_socket = ends[0];
    prepare(&own, NONE);
    CHECK_FAILS(run(RECV, ends[0], &own, NONE), SOCKET_ERROR, WSA_IO_PENDING);
    CHECK_EQ(pthread_create(&thread, NULL, start_one, NULL), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK(pends(&others));
    CHECK_EQ(CancelIo((HANDLE)ends[0]), TRUE);
    check_packet(port, KEY, &own, WSA_OPERATION_ABORTED, 0);
    check_no_packet(port);
    CHECK(pends(&others));
    CHECK_EQ(CancelIo((HANDLE)ends[0]), TRUE);
    CHECK_EQ(send(ends[1], "hello", 5, 0), 5);
    check_packet(port, KEY, &others, 0, 5);
    /* Without a port, by event. */
    prepare(&event, EVENT);
    CHECK_FAILS(run(RECV, ends[1], &event, EVENT), SOCKET_ERROR, WSA_IO_PENDING);
    CHECK_EQ(CancelIo((HANDLE)ends[1]), TRUE);
    CHECK(is_set(event.overlapped.hEvent));
    check_end(ends[1], &event, EVENT, WSA_OPERATION_ABORTED, 0);
    finish(&event, EVENT);
    close_all(port, ends);
    stop();
}

static void *send_soon(void *peer) {
    Sleep(30);
    CHECK_EQ(send((SOCKET)(size_t)peer, "hello", 5, 0), 5);
    return NULL;
}

/* proves: WSP-GOR-1 */
static void wsp_gor_3_results_are_waited_for_though_nobody_waits_at_the_port(void) {
    HANDLE port = make_port();
    SOCKET ends[2];
    struct operation operation;
    pthread_t thread;
    DWORD bytes, flags;
    start();
    pair(ends);
    associate(ends[0], port, KEY);
    /* With an event, by its Winsock name. */
    prepare(&operation, EVENT);
    CHECK_FAILS(run(RECV, ends[0], &operation, NONE), SOCKET_ERROR, WSA_IO_PENDING);
    CHECK_EQ(pthread_create(&thread, NULL, send_soon, (void *)(size_t)ends[1]), 0);
    CHECK_EQ(WSAGetOverlappedResult(ends[0], &operation.overlapped, &bytes, TRUE, &flags), TRUE);
    CHECK_EQ(bytes, 5);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    check_packet(port, KEY, &operation, 0, 5);
    finish(&operation, EVENT);
    /* Asked again and again, without an event. */
    prepare(&operation, NONE);
    CHECK_FAILS(run(RECV, ends[0], &operation, NONE), SOCKET_ERROR, WSA_IO_PENDING);
    CHECK_FAILS(WSAGetOverlappedResult(ends[0], &operation.overlapped, &bytes, FALSE, &flags), FALSE, WSA_IO_INCOMPLETE);
    CHECK_EQ(send(ends[1], "hello", 5, 0), 5);
    while (!WSAGetOverlappedResult(ends[0], &operation.overlapped, &bytes, FALSE, &flags)) {
        CHECK_EQ(WSAGetLastError(), WSA_IO_INCOMPLETE);
        Sleep(1);
    }
    CHECK_EQ(bytes, 5);
    check_packet(port, KEY, &operation, 0, 5);
    /* By the Win32 name: with and without an event, in time and not. */
    for (int style = NONE; style <= EVENT; style++) {
        prepare(&operation, style);
        CHECK_FAILS(run(RECV, ends[0], &operation, NONE), SOCKET_ERROR, WSA_IO_PENDING);
        CHECK_FAILS(GetOverlappedResult((HANDLE)ends[0], &operation.overlapped, &bytes, FALSE), FALSE, ERROR_IO_INCOMPLETE);
        CHECK_FAILS(GetOverlappedResultEx((HANDLE)ends[0], &operation.overlapped, &bytes, 20, FALSE), FALSE, WAIT_TIMEOUT);
        CHECK_EQ(pthread_create(&thread, NULL, send_soon, (void *)(size_t)ends[1]), 0);
        CHECK_EQ(GetOverlappedResult((HANDLE)ends[0], &operation.overlapped, &bytes, TRUE), TRUE);
        CHECK_EQ(bytes, 5);
        CHECK_EQ(GetOverlappedResultEx((HANDLE)ends[0], &operation.overlapped, &bytes, INFINITE, FALSE), TRUE);
        CHECK_EQ(pthread_join(thread, NULL), 0);
        check_packet(port, KEY, &operation, 0, 5);
        finish(&operation, style);
    }
    prepare(&operation, NONE);
    CHECK_FAILS(run(RECV, ends[0], &operation, NONE), SOCKET_ERROR, WSA_IO_PENDING);
    CHECK_EQ(closesocket(ends[0]), 0);
    CHECK_FAILS(GetOverlappedResult((HANDLE)ends[0], &operation.overlapped, &bytes, TRUE), FALSE, WSA_OPERATION_ABORTED);
    CHECK_FAILS(GetOverlappedResult((HANDLE)ends[0], NULL, &bytes, TRUE), FALSE, ERROR_INVALID_PARAMETER);
    CHECK_EQ(closesocket(ends[1]), 0);
    CHECK_EQ(CloseHandle(port), TRUE);
    stop();
}

static void wsp_recv_10_a_receive_without_room_waits_for_data(void) {
    HANDLE port = make_port();
    SOCKET ends[2];
    struct operation operation;
    int round;
    start();
    pair(ends);
    associate(ends[0], port, KEY);
    for (round = 0; round < 3; round++) {
        prepare(&operation, NONE);
        operation.buffer.len = 0;
        CHECK_FAILS(run(RECV, ends[0], &operation, NONE), SOCKET_ERROR, WSA_IO_PENDING);
        check_no_packet(port);
        CHECK_EQ(send(ends[1], "hello", 5, 0), 5);
        check_packet(port, KEY, &operation, 0, 0);
        /* It took nothing: a second one is done at once, and so is one with room. */
        prepare(&operation, NONE);
        operation.buffer.len = 0;
        CHECK_EQ(run(RECV, ends[0], &operation, NONE), 0);
        check_packet(port, KEY, &operation, 0, 0);
        prepare(&operation, NONE);
        CHECK_EQ(run(RECV, ends[0], &operation, NONE), 0);
        check_packet(port, KEY, &operation, 0, 5);
    }
    /* A plain receive takes what the port has told of. */
    CHECK_EQ(send(ends[1], "hello", 5, 0), 5);
    until_readable(ends[0]);
    CHECK_EQ(recv(ends[0], operation.bytes, 3, 0), 3);
    prepare(&operation, NONE);
    if (run(RECV, ends[0], &operation, NONE) != 0) {
        CHECK_EQ(WSAGetLastError(), WSA_IO_PENDING);
    }
    check_packet(port, KEY, &operation, 0, 2);
    close_all(port, ends);
    stop();
}

static void wsp_dup_4_duplicates_share_the_port(void) {
    HANDLE port = make_port();
    SOCKET ends[2], twin;
    struct operation first, second;
    WSAPROTOCOL_INFOW info;
    start();
    pair(ends);
    associate(ends[0], port, KEY);
    CHECK_EQ(WSADuplicateSocketW(ends[0], GetCurrentProcessId(), &info), 0);
    twin = WSASocketW(FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, &info, 0, WSA_FLAG_OVERLAPPED);
    CHECK(twin != INVALID_SOCKET);
    CHECK_FAILS(CreateIoCompletionPort((HANDLE)twin, port, 1, 0) != NULL, 0, ERROR_INVALID_PARAMETER);
    prepare(&first, NONE);
    prepare(&second, NONE);
    CHECK_FAILS(run(RECV, ends[0], &first, NONE), SOCKET_ERROR, WSA_IO_PENDING);
    CHECK_FAILS(run(RECV, twin, &second, NONE), SOCKET_ERROR, WSA_IO_PENDING);
    CHECK_EQ(send(ends[1], "hello", 5, 0), 5);
    check_packet(port, KEY, &first, 0, 5);
    prepare(&first, NONE);
    CHECK_FAILS(run(RECV, ends[0], &first, NONE), SOCKET_ERROR, WSA_IO_PENDING);
    /* The close of the one that was associated ends its own; the other goes on. */
    CHECK_EQ(closesocket(ends[0]), 0);
    check_packet(port, KEY, &first, WSA_OPERATION_ABORTED, 0);
    check_no_packet(port);
    CHECK(pends(&second));
    CHECK_EQ(send(ends[1], "hello", 5, 0), 5);
    check_packet(port, KEY, &second, 0, 5);
    prepare(&second, NONE);
    CHECK_FAILS(run(RECV, twin, &second, NONE), SOCKET_ERROR, WSA_IO_PENDING);
    CHECK_EQ(send(ends[1], "again", 5, 0), 5);
    check_packet(port, KEY, &second, 0, 5);
    CHECK_EQ(closesocket(twin), 0);
    /* Nothing holds the connection any more. */
    CHECK_EQ(recv(ends[1], first.bytes, SIZE, 0), 0);
    CHECK_EQ(closesocket(ends[1]), 0);
    CHECK_EQ(CloseHandle(port), TRUE);
    stop();
}

static void network_events_go_on_beside_a_port(void) {
    HANDLE port = make_port();
    SOCKET ends[2];
    struct operation operation;
    WSAEVENT event = WSACreateEvent();
    WSANETWORKEVENTS events;
    start();
    pair(ends);
    associate(ends[0], port, KEY);
    CHECK_EQ(WSAEventSelect(ends[0], event, FD_READ | FD_CLOSE), 0);
    CHECK_EQ(send(ends[1], "hello", 5, 0), 5);
    CHECK_EQ(WSAWaitForMultipleEvents(1, &event, TRUE, 30000, FALSE), WSA_WAIT_EVENT_0);
    CHECK_EQ(WSAEnumNetworkEvents(ends[0], event, &events), 0);
    CHECK_EQ(events.lNetworkEvents, FD_READ);
    prepare(&operation, NONE);
    CHECK_EQ(run(RECV, ends[0], &operation, NONE), 0);
    check_packet(port, KEY, &operation, 0, 5);
    prepare(&operation, NONE);
    CHECK_FAILS(run(RECV, ends[0], &operation, NONE), SOCKET_ERROR, WSA_IO_PENDING);
    CHECK_EQ(closesocket(ends[1]), 0);
    CHECK_EQ(WSAWaitForMultipleEvents(1, &event, TRUE, 30000, FALSE), WSA_WAIT_EVENT_0);
    check_packet(port, KEY, &operation, 0, 0);
    CHECK_EQ(WSACloseEvent(event), TRUE);
    CHECK_EQ(closesocket(ends[0]), 0);
    CHECK_EQ(CloseHandle(port), TRUE);
    stop();
}

static void a_port_that_is_closed_leaves_its_sockets_alone(void) {
    HANDLE port = make_port();
    SOCKET ends[2];
    struct operation operation;
    start();
    pair(ends);
    associate(ends[0], port, KEY);
    prepare(&operation, EVENT);
    CHECK_FAILS(run(RECV, ends[0], &operation, NONE), SOCKET_ERROR, WSA_IO_PENDING);
    CHECK_EQ(CloseHandle(port), TRUE);
    CHECK_EQ(send(ends[1], "hello", 5, 0), 5);
    until_indicated(&operation, EVENT);
    check_end(ends[0], &operation, NONE, 0, 5);
    prepare(&operation, NONE);
    CHECK_EQ(run(SEND, ends[0], &operation, NONE), 0);
    CHECK_EQ(recv(ends[1], operation.bytes, SIZE, MSG_WAITALL), SIZE);
    CHECK_EQ(closesocket(ends[0]), 0);
    CHECK_EQ(closesocket(ends[1]), 0);
    stop();
}

/* proves: OV-22 */
static void ov_22_a_control_code_has_its_packet(void) {
    HANDLE port = make_port();
    SOCKET s;
    struct operation operation;
    DWORD bytes = 4711;
    u_long available = 4711;
    start();
    s = bound(SOCK_DGRAM);
    associate(s, port, KEY);
    prepare(&operation, NONE);
    CHECK_EQ(WSAIoctl(s, FIONREAD, NULL, 0, &available, sizeof available, &bytes, &operation.overlapped, NULL), 0);
    CHECK_EQ(available, 0);
    check_packet(port, KEY, &operation, 0, sizeof available);
    prepare(&operation, NONE);
    CHECK_FAILS(WSAIoctl(s, SIO_ADDRESS_LIST_CHANGE, NULL, 0, NULL, 0, &bytes, &operation.overlapped, NULL), SOCKET_ERROR,
                WSA_IO_PENDING);
    CHECK_EQ(CancelIoEx((HANDLE)s, &operation.overlapped), TRUE);
    check_packet(port, KEY, &operation, WSA_OPERATION_ABORTED, 0);
    CHECK_EQ(closesocket(s), 0);
    CHECK_EQ(CloseHandle(port), TRUE);
    stop();
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(ov_5_what_is_done_at_once_has_its_packet),
        TEST(ov_6_what_pends_has_one_packet),
        TEST(what_pended_before_the_association_has_its_packet),
        TEST(a_socket_is_associated_once),
        TEST(wsp_close_2_a_close_has_its_packets),
        TEST(wsp_cleanup_11_the_last_clean_up_queues_no_packet),
        TEST(a_failed_operation_has_a_packet_with_its_error),
        TEST(the_end_of_a_connection_ends_receives),
        TEST(ov_12_several_operations_of_a_socket_end_in_order),
        TEST(successes_of_the_call_can_do_without_packets),
        TEST(operations_are_cancelled_alone_or_together),
        TEST(cancel_io_means_the_threads_own),
        TEST(wsp_gor_3_results_are_waited_for_though_nobody_waits_at_the_port),
        TEST(wsp_recv_10_a_receive_without_room_waits_for_data),
        TEST(wsp_dup_4_duplicates_share_the_port),
        TEST(network_events_go_on_beside_a_port),
        TEST(a_port_that_is_closed_leaves_its_sockets_alone),
        TEST(ov_22_a_control_code_has_its_packet),
    };
    return run_tests(tests, COUNT(tests), argc, argv);
}
