/* What overlapped operations do with buffers, order, results and connections. See crates/capi/tests/overlapped.rs. */
#include "operation.h"

/* proves: OV-2, OV-3 */
static void ov_1_without_a_structure_a_call_is_synchronous(void) {
    SOCKET ends[2], plain;
    struct operation operation;
    struct sockaddr_in name;
    start();
    pair(ends);
    prepare(&operation, NONE);
    CHECK_EQ(send(ends[1], "hello", 5, 0), 5);
    CHECK_EQ(WSARecv(ends[0], &operation.buffer, 1, &operation.count, &operation.flags, NULL, routine), 0);
    CHECK_EQ(operation.count, 5);
    set_blocking(ends[0], 0);
    CHECK_FAILS(WSARecv(ends[0], &operation.buffer, 1, &operation.count, &operation.flags, NULL, routine), SOCKET_ERROR,
                WSAEWOULDBLOCK);
    /* Without the attribute the structure does not count. */
    plain = WSASocketA(AF_INET, SOCK_DGRAM, 0, NULL, 0, 0);
    CHECK(plain != INVALID_SOCKET);
    name = loopback(0);
    CHECK_EQ(bind(plain, (struct sockaddr *)&name, sizeof name), 0);
    set_blocking(plain, 0);
    CHECK_FAILS(run(RECV, plain, &operation, ROUTINE), SOCKET_ERROR, WSAEWOULDBLOCK);
    operation.name = name_of(plain);
    CHECK_EQ(run(SENDTO, plain, &operation, ROUTINE), 0);
    CHECK_EQ(SleepEx(0, TRUE), 0);
    CHECK_EQ(operation.calls, 0);
    stop();
}

static void ov_9_results_of_the_call_are_left_alone_when_it_pends(void) {
    SOCKET ends[2];
    struct operation operation;
    struct sockaddr_in from;
    start();
    datagram_pair(ends);
    prepare(&operation, EVENT);
    memset(&operation.name, 0x55, sizeof operation.name);
    operation.name_len = 100;
    start_pending(RECVFROM, ends, &operation, EVENT);
    CHECK_EQ(operation.name_len, 100);
    CHECK_EQ(operation.name.sin_port, 0x5555);
    CHECK_EQ(send(ends[1], "", 0, 0), 0);
    until_indicated(&operation, EVENT);
    check_end(ends[0], &operation, EVENT, 0, 0); /* An empty datagram. */
    from = name_of(ends[1]);
    CHECK_EQ(operation.name_len, (int)sizeof from);
    CHECK_EQ(operation.name.sin_port, from.sin_port);
    CHECK_EQ(operation.count, 4711);
    CHECK_EQ(operation.flags, 0);
    stop();
}

/* proves: WSP-RECV-1 */
static void ov_10_the_array_of_buffers_may_be_used_again(void) {
    SOCKET ends[2];
    struct operation operation;
    WSABUF buffers[20];
    DWORD flags = 0;
    int i;
    start();
    pair(ends);
    prepare(&operation, EVENT);
    for (i = 0; i < 20; i++) {
        buffers[i].buf = operation.bytes + i;
        buffers[i].len = 1;
    }
    CHECK_FAILS(WSARecv(ends[0], buffers, 20, NULL, &flags, &operation.overlapped, NULL), SOCKET_ERROR, WSA_IO_PENDING);
    memset(buffers, 0xFF, sizeof buffers);
    CHECK_EQ(send(ends[1], "twenty bytes and more", 21, 0), 21);
    until_indicated(&operation, EVENT);
    check_end(ends[0], &operation, EVENT, 0, 20);
    CHECK(memcmp(operation.bytes, "twenty bytes and mor\0", 21) == 0);
    stop();
}

/* proves: OV-11 */
static void ov_12_buffers_are_filled_in_the_order_of_the_calls(void) {
    SOCKET ends[2];
    static struct operation operations[50];
    char sent[50 * 3];
    int i;
    start();
    for (i = 0; i < COUNT(sent); i++) {
        sent[i] = (char)i;
    }
    pair(ends);
    for (i = 0; i < 50; i++) {
        prepare(&operations[i], EVENT);
        operations[i].buffer.len = 3;
        CHECK_FAILS(run(RECV, ends[0], &operations[i], EVENT), SOCKET_ERROR, WSA_IO_PENDING);
    }
    CHECK_EQ(send(ends[1], sent, sizeof sent, 0), (int)sizeof sent);
    for (i = 0; i < 50; i++) {
        until_indicated(&operations[i], EVENT);
        check_end(ends[0], &operations[i], EVENT, 0, 3);
        CHECK(memcmp(operations[i].bytes, sent + i * 3, 3) == 0);
        finish(&operations[i], EVENT);
    }
    stop();
}

/* proves: WSP-SEND-2, WSP-SEND-4 */
static void ov_12_a_large_send_goes_out_whole_and_in_order(void) {
    enum { SENDS = 4, LARGE = 3 << 20 };
    SOCKET ends[2];
    static struct operation operations[SENDS];
    static char got[1 << 16];
    char *large = malloc(SENDS * LARGE);
    size_t i, at = 0;
    CHECK(large != NULL);
    start();
    for (i = 0; i < SENDS * LARGE; i++) {
        large[i] = (char)(i * 7 + i / 251);
    }
    pair(ends);
    for (i = 0; i < SENDS; i++) {
        prepare(&operations[i], EVENT);
        operations[i].buffer.buf = large + i * LARGE;
        operations[i].buffer.len = LARGE;
        if (run(SEND, ends[0], &operations[i], EVENT) != 0) {
            CHECK_EQ(WSAGetLastError(), WSA_IO_PENDING);
        }
    }
    CHECK(pends(&operations[SENDS - 1]));
    while (at < SENDS * LARGE) {
        int n = recv(ends[1], got, sizeof got, 0);
        CHECK(n > 0);
        CHECK(memcmp(got, large + at, (size_t)n) == 0);
        at += (size_t)n;
    }
    for (i = 0; i < SENDS; i++) {
        until_indicated(&operations[i], EVENT);
        check_end(ends[0], &operations[i], EVENT, 0, LARGE);
    }
    stop();
    free(large);
}

static SOCKET plain_end;

static void *receive_plainly(void *bytes) {
    return (void *)(size_t)recv(plain_end, bytes, SIZE, 0);
}

static void ov_12_plain_calls_come_after_what_waits(void) {
    SOCKET ends[2];
    struct operation operation;
    pthread_t thread;
    void *got;
    char bytes[SIZE] = "";
    start();
    pair(ends);
    prepare(&operation, EVENT);
    operation.buffer.len = 5;
    start_pending(RECV, ends, &operation, EVENT);
    set_blocking(ends[0], 0);
    CHECK_FAILS(recv(ends[0], bytes, SIZE, 0), SOCKET_ERROR, WSAEWOULDBLOCK);
    set_blocking(ends[0], 1);
    plain_end = ends[0];
    CHECK_EQ(pthread_create(&thread, NULL, receive_plainly, bytes), 0);
    CHECK_EQ(send(ends[1], "firstthen", 9, 0), 9);
    until_indicated(&operation, EVENT);
    check_end(ends[0], &operation, EVENT, 0, 5);
    CHECK(memcmp(operation.bytes, "first", 5) == 0);
    CHECK_EQ(pthread_join(thread, &got), 0);
    CHECK_EQ((size_t)got, 4);
    CHECK(memcmp(bytes, "then", 4) == 0);

    /* A send that does not block finds those that wait before it. */
    start_pending(SEND, ends, &operation, EVENT);
    set_blocking(ends[0], 0);
    CHECK_FAILS(send(ends[0], "later", 5, 0), SOCKET_ERROR, WSAEWOULDBLOCK);
    stop();
}

static void *end_quietly(void *unused) {
    /* No routine of another thread runs here. */
    CHECK_EQ(SleepEx(20, TRUE), 0);
    return unused;
}

/* proves: OV-14, WPU-APC-6, API-S14, T-API-10 */
static void ov_13_routines_run_in_their_thread_in_alertable_waits(void) {
    SOCKET ends[2];
    struct operation operation;
    pthread_t thread;
    WSAEVENT never = WSACreateEvent();
    start();
    pair(ends);
    prepare(&operation, ROUTINE);
    operation.overlapped.hEvent = never; /* The client's to use (OV-4). */
    start_pending(RECV, ends, &operation, ROUTINE);
    CHECK_EQ(send(ends[1], "hello", 5, 0), 5);
    while (pends(&operation)) {
        Sleep(1);
    }
    CHECK_EQ(pthread_create(&thread, NULL, end_quietly, NULL), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(WSAWaitForMultipleEvents(1, &never, FALSE, 1, FALSE), WSA_WAIT_TIMEOUT);
    CHECK_EQ(operation.calls, 0);
    CHECK_EQ(WSAWaitForMultipleEvents(1, &never, FALSE, WSA_INFINITE, TRUE), WSA_WAIT_IO_COMPLETION);
    check_end(ends[0], &operation, ROUTINE, 0, 5);
    CHECK_EQ(operation.told_flags, 0);
    CHECK(!is_set(never));
    stop();
}

static struct operation chain[20];
static SOCKET chain_socket;
static int chain_next;

static void CALLBACK receive_the_next(DWORD error, DWORD transferred, LPWSAOVERLAPPED overlapped, DWORD flags) {
    routine(error, transferred, overlapped, flags);
    depth++;
    if (++chain_next < COUNT(chain)) {
        struct operation *next = &chain[chain_next];
        prepare(next, ROUTINE);
        next->buffer.len = 1;
        /* The bytes are there already: it completes at once, and its routine comes after this one. */
        CHECK_EQ(WSARecv(chain_socket, &next->buffer, 1, &next->count, &next->flags, &next->overlapped,
                         receive_the_next),
                 0);
        CHECK_EQ(next->calls, 0);
    }
    depth--;
}

static void ov_15_routines_do_not_nest(void) {
    SOCKET ends[2];
    int i;
    start();
    pair(ends);
    chain_socket = ends[0];
    prepare(&chain[0], ROUTINE);
    chain[0].buffer.len = 1;
    CHECK_FAILS(WSARecv(ends[0], &chain[0].buffer, 1, NULL, &chain[0].flags, &chain[0].overlapped, receive_the_next),
                SOCKET_ERROR, WSA_IO_PENDING);
    CHECK_EQ(send(ends[1], "abcdefghijklmnopqrst", 20, 0), 20);
    while (chain_next < COUNT(chain)) {
        CHECK_EQ(SleepEx(30000, TRUE), WAIT_IO_COMPLETION);
    }
    CHECK_EQ(deepest, 1);
    for (i = 0; i < COUNT(chain); i++) {
        CHECK_EQ(chain[i].calls, 1);
        CHECK_EQ(chain[i].bytes[0], 'a' + i);
    }
    stop();
}

/* proves: IO-6, WSP-IOCTL-2 */
static void ov_22_a_control_code_waits_too(void) {
    SOCKET s;
    struct operation operation;
    DWORD returned = 4711, transferred, flags;
    struct sockaddr_in to = loopback(7);
    ULONG bytes = 0;
    start();
    s = bound(SOCK_DGRAM);
    prepare(&operation, EVENT);
    CHECK_FAILS(WSAIoctl(s, SIO_ADDRESS_LIST_CHANGE, NULL, 0, NULL, 0, &returned, &operation.overlapped, NULL),
                SOCKET_ERROR, WSA_IO_PENDING);
    CHECK(pends(&operation));
    CHECK_EQ(returned, 4711);
    CHECK_FAILS(WSAGetOverlappedResult(s, &operation.overlapped, &transferred, FALSE, &flags), FALSE, WSA_IO_INCOMPLETE);
    CHECK_EQ(closesocket(s), 0);
    CHECK(is_set(operation.overlapped.hEvent));
    check_end(INVALID_SOCKET, &operation, EVENT, WSA_OPERATION_ABORTED, 0);
    finish(&operation, EVENT);

    s = bound(SOCK_DGRAM);
    prepare(&operation, ROUTINE);
    CHECK_FAILS(WSAIoctl(s, SIO_ROUTING_INTERFACE_CHANGE, NULL, 0, NULL, 0, &returned, &operation.overlapped, routine),
                SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(WSAIoctl(s, SIO_ROUTING_INTERFACE_CHANGE, &to, sizeof to, NULL, 0, &returned, &operation.overlapped,
                         routine),
                SOCKET_ERROR, WSA_IO_PENDING);
    CHECK_EQ(closesocket(s), 0);
    until_indicated(&operation, ROUTINE);
    check_end(INVALID_SOCKET, &operation, ROUTINE, WSA_OPERATION_ABORTED, 0);

    /* What need not wait is done at once, and indicated. */
    s = bound(SOCK_DGRAM);
    prepare(&operation, EVENT);
    CHECK_EQ(WSAIoctl(s, FIONREAD, NULL, 0, &bytes, sizeof bytes, &returned, &operation.overlapped, NULL), 0);
    CHECK_EQ(returned, sizeof bytes);
    CHECK(is_set(operation.overlapped.hEvent));
    check_end(s, &operation, EVENT, 0, sizeof bytes);
    finish(&operation, EVENT);
    prepare(&operation, EVENT);
    CHECK_FAILS(WSAIoctl(s, FIONREAD, NULL, 0, &bytes, 1, &returned, &operation.overlapped, NULL), SOCKET_ERROR,
                WSAEFAULT);
    CHECK(!is_set(operation.overlapped.hEvent));
    stop();
}

/* proves: WSP-GOR-4, WSP-GOR-5, WSP-GOR-6, API-S18 */
static void wsp_gor_1_the_result_can_be_asked_for_again(void) {
    SOCKET ends[2];
    struct operation operation;
    DWORD transferred = 4712, flags = 4713;
    int i;
    start();
    pair(ends);
    prepare(&operation, EVENT);
    start_pending(RECV, ends, &operation, EVENT);
    CHECK_EQ(send(ends[1], "hello", 5, 0), 5);
    until_indicated(&operation, EVENT);
    for (i = 0; i < 3; i++) {
        transferred = flags = 4712;
        CHECK_EQ(WSAGetOverlappedResult(ends[0], &operation.overlapped, &transferred, i == 1, &flags), TRUE);
        CHECK_EQ(transferred, 5);
        CHECK_EQ(flags, 0);
    }
    CHECK_FAILS(WSAGetOverlappedResult(ends[0], NULL, &transferred, FALSE, &flags), FALSE, WSAEFAULT);
    CHECK_FAILS(WSAGetOverlappedResult(ends[0], NULL, &transferred, TRUE, &flags), FALSE, WSAEFAULT);
    CHECK_FAILS(WSAGetOverlappedResult(ends[0], &operation.overlapped, NULL, FALSE, &flags), FALSE, WSAEFAULT);
    CHECK_FAILS(WSAGetOverlappedResult(ends[0], &operation.overlapped, &transferred, FALSE, NULL), FALSE, WSAEFAULT);
    CHECK_FAILS(WSAGetOverlappedResult(INVALID_SOCKET, &operation.overlapped, &transferred, FALSE, &flags), FALSE,
                WSAENOTSOCK);
    stop();
}

static struct operation *waited_for;
static SOCKET waited_on;

static void *wait_for_it(void *unused) {
    DWORD transferred = 4712, flags = 0;
    BOOL over = WSAGetOverlappedResult(waited_on, &waited_for->overlapped, &transferred, TRUE, &flags);
    (void)unused;
    return (void *)(size_t)(over ? transferred : (DWORD)WSAGetLastError());
}

static void wsp_gor_3_waits_for_the_event(void) {
    SOCKET ends[2];
    struct operation operation, polled;
    pthread_t thread;
    void *got;
    DWORD transferred, flags;
    start();
    pair(ends);
    prepare(&operation, EVENT);
    start_pending(RECV, ends, &operation, EVENT);
    waited_for = &operation;
    waited_on = ends[0];
    CHECK_EQ(pthread_create(&thread, NULL, wait_for_it, NULL), 0);
    CHECK_EQ(send(ends[1], "hello", 5, 0), 5);
    CHECK_EQ(pthread_join(thread, &got), 0);
    CHECK_EQ((size_t)got, 5);
    /* There is nothing to wait for. */
    prepare(&polled, NONE);
    start_pending(RECV, ends, &polled, NONE);
    CHECK_FAILS(WSAGetOverlappedResult(ends[0], &polled.overlapped, &transferred, TRUE, &flags), FALSE,
                WSA_INVALID_HANDLE);
    stop();
}

static void wsp_gor_3_the_last_clean_up_ends_a_wait(void) {
    SOCKET ends[2];
    struct operation operation;
    pthread_t thread;
    void *got;
    start();
    pair(ends);
    prepare(&operation, EVENT);
    start_pending(RECV, ends, &operation, EVENT);
    waited_for = &operation;
    waited_on = ends[0];
    CHECK_EQ(pthread_create(&thread, NULL, wait_for_it, NULL), 0);
    Sleep(30); /* It works as well if the thread has not begun to wait. */
    stop();
    CHECK_EQ(pthread_join(thread, &got), 0);
    CHECK((size_t)got == WSA_OPERATION_ABORTED || (size_t)got == WSANOTINITIALISED);
    CHECK(!is_set(operation.overlapped.hEvent));
}

static void wsp_recv_4_a_datagram_that_is_too_long(void) {
    SOCKET ends[2];
    struct operation operation;
    start();
    datagram_pair(ends);
    prepare(&operation, ROUTINE);
    operation.buffer.len = 3;
    start_pending(RECVFROM, ends, &operation, ROUTINE);
    CHECK_EQ(send(ends[1], "hello", 5, 0), 5);
    until_indicated(&operation, ROUTINE);
    check_end(ends[0], &operation, ROUTINE, WSAEMSGSIZE, 3);
    CHECK(memcmp(operation.bytes, "hel\0", 4) == 0);
    CHECK_EQ(operation.name.sin_port, name_of(ends[1]).sin_port);
    /* Found at once, it is the call's own error, and the rest is lost. */
    prepare(&operation, ROUTINE);
    operation.buffer.len = 3;
    CHECK_EQ(send(ends[1], "hello", 5, 0), 5);
    until_readable(ends[0]);
    CHECK_FAILS(run(RECVFROM, ends[0], &operation, ROUTINE), SOCKET_ERROR, WSAEMSGSIZE);
    CHECK_EQ(SleepEx(0, TRUE), 0);
    /* Too little room for the address: nothing is received (WSP-RFROM-2). */
    operation.name_len = 3;
    CHECK_FAILS(run(RECVFROM, ends[0], &operation, ROUTINE), SOCKET_ERROR, WSAEFAULT);
    stop();
}

static void wsp_recv_5_the_end_and_the_reset_of_a_connection(void) {
    struct linger hard = {1, 0};
    start();
    for (int reset = 0; reset < 2; reset++) {
        SOCKET ends[2];
        struct operation operations[3];
        DWORD error = reset ? WSAECONNRESET : 0;
        int i;
        pair(ends);
        for (i = 0; i < 3; i++) {
            prepare(&operations[i], EVENT);
            start_pending(RECV, ends, &operations[i], EVENT);
        }
        if (reset) {
            CHECK_EQ(setsockopt(ends[1], SOL_SOCKET, SO_LINGER, (char *)&hard, sizeof hard), 0);
        }
        CHECK_EQ(closesocket(ends[1]), 0);
        for (i = 0; i < 3; i++) {
            until_indicated(&operations[i], EVENT);
            check_end(ends[0], &operations[i], EVENT, error, 0);
            finish(&operations[i], EVENT);
        }
        CHECK_EQ(closesocket(ends[0]), 0);
    }
    {
        /* A send that waits learns of the reset too. */
        SOCKET ends[2];
        struct operation operation;
        pair(ends);
        prepare(&operation, EVENT);
        start_pending(SEND, ends, &operation, EVENT);
        CHECK_EQ(setsockopt(ends[1], SOL_SOCKET, SO_LINGER, (char *)&hard, sizeof hard), 0);
        CHECK_EQ(closesocket(ends[1]), 0);
        until_indicated(&operation, EVENT);
        check_end(ends[0], &operation, EVENT, WSAECONNRESET, 0);
        prepare(&operation, NONE);
        CHECK_FAILS(run(SEND, ends[0], &operation, NONE), SOCKET_ERROR, WSAECONNRESET);
    }
    {
        SOCKET s = make(AF_INET, SOCK_STREAM);
        struct operation operation;
        prepare(&operation, NONE);
        CHECK_FAILS(run(RECV, s, &operation, NONE), SOCKET_ERROR, WSAENOTCONN);
        CHECK_FAILS(run(SEND, s, &operation, NONE), SOCKET_ERROR, WSAENOTCONN);
        CHECK_FAILS(run(RECV, make(AF_INET, SOCK_DGRAM), &operation, NONE), SOCKET_ERROR, WSAEINVAL);
    }
    stop();
}

static void wsp_recv_6_flags(void) {
    SOCKET ends[2];
    struct operation operation;
    DWORD refused[] = {MSG_PEEK, MSG_PARTIAL, MSG_OOB};
    int i;
    start();
    pair(ends);
    CHECK_EQ(send(ends[1], "hello", 5, 0), 5);
    until_readable(ends[0]);
    for (i = 0; i < COUNT(refused); i++) {
        prepare(&operation, EVENT);
        operation.flags = refused[i];
        CHECK_FAILS(run(RECV, ends[0], &operation, EVENT), SOCKET_ERROR, WSAEOPNOTSUPP);
        CHECK(!is_set(operation.overlapped.hEvent));
    }
    /* All that was asked for, or all that there is. */
    prepare(&operation, EVENT);
    operation.flags = MSG_WAITALL;
    operation.buffer.len = 10;
    CHECK_FAILS(run(RECV, ends[0], &operation, EVENT), SOCKET_ERROR, WSA_IO_PENDING);
    CHECK_EQ(send(ends[1], "world", 5, 0), 5);
    until_indicated(&operation, EVENT);
    check_end(ends[0], &operation, EVENT, 0, 10);
    CHECK(memcmp(operation.bytes, "helloworld", 10) == 0);
    operation.flags = MSG_WAITALL;
    CHECK_FAILS(run(RECV, ends[0], &operation, EVENT), SOCKET_ERROR, WSA_IO_PENDING);
    CHECK_EQ(send(ends[1], "end", 3, 0), 3);
    CHECK_EQ(shutdown(ends[1], SD_SEND), 0);
    until_indicated(&operation, EVENT);
    check_end(ends[0], &operation, EVENT, 0, 3);
    stop();
}

static void wsp_recv_10_a_receive_without_room_takes_nothing(void) {
    SOCKET ends[2];
    struct operation probe, operation;
    start();
    pair(ends);
    prepare(&probe, EVENT);
    probe.buffer.len = 0;
    start_pending(RECV, ends, &probe, EVENT);
    CHECK_EQ(send(ends[1], "hello", 5, 0), 5);
    until_indicated(&probe, EVENT);
    check_end(ends[0], &probe, EVENT, 0, 0);
    prepare(&operation, NONE);
    CHECK_EQ(run(RECV, ends[0], &operation, NONE), 0);
    CHECK_EQ(operation.count, 5);
    stop();
}

static void wsp_shut_2_a_shutdown_ends_receives_and_follows_sends(void) {
    SOCKET ends[2];
    struct operation receive, transmit;
    char rest[1];
    size_t filled = 0;
    static char block[1 << 16];
    int n;
    start();
    pair(ends);
    prepare(&receive, EVENT);
    prepare(&transmit, EVENT);
    start_pending(RECV, ends, &receive, EVENT);
    CHECK_EQ(shutdown(ends[0], SD_RECEIVE), 0);
    until_indicated(&receive, EVENT);
    check_end(ends[0], &receive, EVENT, WSAESHUTDOWN, 0);
    CHECK_EQ(closesocket(ends[0]), 0);
    CHECK_EQ(closesocket(ends[1]), 0);

    pair(ends);
    set_blocking(ends[0], 0);
    while ((n = send(ends[0], block, sizeof block, 0)) > 0) {
        filled += (size_t)n;
    }
    memcpy(transmit.bytes, "last", 4);
    transmit.buffer.len = 4;
    CHECK_FAILS(run(SEND, ends[0], &transmit, EVENT), SOCKET_ERROR, WSA_IO_PENDING);
    CHECK_EQ(shutdown(ends[0], SD_SEND), 0);
    CHECK(pends(&transmit));
    CHECK_FAILS(send(ends[0], "more", 4, 0), SOCKET_ERROR, WSAESHUTDOWN);
    drain(ends[1], filled);
    CHECK_EQ(recv(ends[1], block, 4, MSG_WAITALL), 4);
    CHECK(memcmp(block, "last", 4) == 0);
    CHECK_EQ(recv(ends[1], rest, 1, 0), 0);
    until_indicated(&transmit, EVENT);
    check_end(ends[0], &transmit, EVENT, 0, 4);
    stop();
}

static SOCKET left_socket;
static struct operation left_event, left_routine;

static void *start_and_leave(void *unused) {
    CHECK_FAILS(run(RECV, left_socket, &left_event, EVENT), SOCKET_ERROR, WSA_IO_PENDING);
    CHECK_FAILS(run(RECV, left_socket, &left_routine, ROUTINE), SOCKET_ERROR, WSA_IO_PENDING);
    return unused;
}

/* proves: OV-21, WPU-APC-5 */
static void api_19_an_operation_outlives_its_thread(void) {
    SOCKET ends[2];
    pthread_t thread;
    start();
    pair(ends);
    left_socket = ends[0];
    prepare(&left_event, EVENT);
    prepare(&left_routine, ROUTINE);
    left_event.buffer.len = 2;
    CHECK_EQ(pthread_create(&thread, NULL, start_and_leave, NULL), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK(pends(&left_event));
    CHECK_EQ(send(ends[1], "hello", 5, 0), 5);
    until_indicated(&left_event, EVENT);
    check_end(ends[0], &left_event, EVENT, 0, 2);
    while (pends(&left_routine)) {
        Sleep(1);
    }
    CHECK_EQ(left_routine.overlapped.InternalHigh, 3);
    CHECK_EQ(SleepEx(10, TRUE), 0);
    CHECK_EQ(left_routine.calls, 0);
    stop();
}

static const struct test tests[] = {
    TEST(ov_1_without_a_structure_a_call_is_synchronous),
    TEST(ov_9_results_of_the_call_are_left_alone_when_it_pends),
    TEST(ov_10_the_array_of_buffers_may_be_used_again),
    TEST(ov_12_buffers_are_filled_in_the_order_of_the_calls),
    TEST(ov_12_a_large_send_goes_out_whole_and_in_order),
    TEST(ov_12_plain_calls_come_after_what_waits),
    TEST(ov_13_routines_run_in_their_thread_in_alertable_waits),
    TEST(ov_15_routines_do_not_nest),
    TEST(ov_22_a_control_code_waits_too),
    TEST(wsp_gor_1_the_result_can_be_asked_for_again),
    TEST(wsp_gor_3_waits_for_the_event),
    TEST(wsp_gor_3_the_last_clean_up_ends_a_wait),
    TEST(wsp_recv_4_a_datagram_that_is_too_long),
    TEST(wsp_recv_5_the_end_and_the_reset_of_a_connection),
    TEST(wsp_recv_6_flags),
    TEST(wsp_recv_10_a_receive_without_room_takes_nothing),
    TEST(wsp_shut_2_a_shutdown_ends_receives_and_follows_sends),
    TEST(api_19_an_operation_outlives_its_thread),
};

int main(int argc, char **argv) {
    return run_tests(tests, COUNT(tests), argc, argv);
}
