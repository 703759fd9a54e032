/* Each overlapped function in each style: done at once, later, by a close, by the last clean-up. See crates/capi/tests/overlapped.rs. */
#include "operation.h"

/* proves: OV-4, OV-17, WPU-COR-9, WSP-GOR-1 */
static void ov_5_what_is_done_at_once_is_indicated_before_the_call_returns(void) {
    start();
    EACH(function, style) {
        SOCKET ends[2];
        struct operation operation;
        prepare(&operation, style);
        ends_for(function, ends);
        operation.name = name_of(ends[1]);
        if (!is_send(function)) {
            CHECK_EQ(send(ends[1], "hello", 5, 0), 5);
            until_readable(ends[0]);
        }
        CHECK_EQ(run(function, ends[0], &operation, style), 0);
        CHECK_EQ(operation.count, is_send(function) ? SIZE : 5);
        if (style == EVENT) {
            CHECK(is_set(operation.overlapped.hEvent));
        }
        CHECK_EQ(operation.calls, 0); /* Not before an alertable wait. */
        CHECK_EQ(SleepEx(0, FALSE), 0);
        CHECK_EQ(operation.calls, 0);
        CHECK_EQ(SleepEx(0, TRUE), style == ROUTINE ? WAIT_IO_COMPLETION : 0);
        check_end(ends[0], &operation, style, 0, is_send(function) ? SIZE : 5);
        if (!is_send(function)) {
            CHECK(memcmp(operation.bytes, "hello", 5) == 0);
        }
        if (function == RECVFROM) {
            struct sockaddr_in from = name_of(ends[1]);
            CHECK_EQ(operation.name_len, (int)sizeof from);
            CHECK_EQ(operation.name.sin_port, from.sin_port);
        }
        finish(&operation, style);
        CHECK_EQ(closesocket(ends[0]), 0);
        CHECK_EQ(closesocket(ends[1]), 0);
    }
    stop();
}

/* proves: OV-4, OV-8, OV-9, OV-16, WSP-GOR-2, MODE-4 */
static void ov_6_what_pends_is_indicated_once(void) {
    start();
    EACH(function, style) {
        SOCKET ends[2];
        struct operation operation;
        DWORD bytes = is_send(function) ? SIZE : 5, transferred = 4712, flags = 0;
        if (function == SENDTO) {
            continue;
        }
        prepare(&operation, style);
        ends_for(function, ends);
        start_pending(function, ends, &operation, style);
        CHECK_FAILS(WSAGetOverlappedResult(ends[0], &operation.overlapped, &transferred, FALSE, &flags), FALSE,
                    WSA_IO_INCOMPLETE);
        CHECK_EQ(transferred, 4712);
        if (is_send(function)) {
            receive_what_is_there(ends[1]);
        } else {
            CHECK_EQ(send(ends[1], "hello", 5, 0), 5);
        }
        until_indicated(&operation, style);
        check_end(ends[0], &operation, style, 0, bytes);
        CHECK_EQ(operation.count, 4711);
        if (function == RECVFROM) {
            struct sockaddr_in from = name_of(ends[1]);
            CHECK_EQ(operation.name_len, (int)sizeof from);
            CHECK_EQ(operation.name.sin_port, from.sin_port);
        }
        CHECK_EQ(SleepEx(0, TRUE), 0); /* Once. */
        finish(&operation, style);
        CHECK_EQ(closesocket(ends[0]), 0);
        CHECK_EQ(closesocket(ends[1]), 0);
    }
    stop();
}

static void ov_7_what_does_not_start_is_never_indicated(void) {
    start();
    EACH(function, style) {
        SOCKET ends[2], closed;
        struct operation operation;
        WSAOVERLAPPED before;
        prepare(&operation, style);
        ends_for(function, ends);
        operation.name = name_of(ends[1]);
        before = operation.overlapped;
        closed = ends[0];
        /* Shut down first, closed then. */
        CHECK_EQ(shutdown(ends[0], SD_BOTH), 0);
        CHECK_EQ(run(function, ends[0], &operation, style), SOCKET_ERROR);
        CHECK_EQ(WSAGetLastError(), WSAESHUTDOWN);
        CHECK_EQ(closesocket(ends[0]), 0);
        CHECK_EQ(run(function, closed, &operation, style), SOCKET_ERROR);
        CHECK_EQ(WSAGetLastError(), WSAENOTSOCK);
        if (style == EVENT) {
            CHECK(!is_set(operation.overlapped.hEvent));
        }
        CHECK_EQ(SleepEx(0, TRUE), 0);
        CHECK(memcmp(&before, &operation.overlapped, sizeof before) == 0);
        finish(&operation, style);
        CHECK_EQ(closesocket(ends[1]), 0);
    }
    {
        /* An event that is none: the operation would pend, and cannot. */
        SOCKET ends[2];
        struct operation operation;
        pair(ends);
        prepare(&operation, NONE);
        operation.overlapped.hEvent = (HANDLE)(size_t)0x7770;
        CHECK_FAILS(run(RECV, ends[0], &operation, EVENT), SOCKET_ERROR, WSA_INVALID_HANDLE);
        CHECK_EQ(send(ends[1], "hello", 5, 0), 5);
        CHECK_EQ(recv(ends[0], operation.bytes, SIZE, 0), 5);
        /* And one whose structure is not aligned. */
        CHECK_FAILS(WSARecv(ends[0], &operation.buffer, 1, NULL, &operation.flags,
                            (LPWSAOVERLAPPED)(void *)((char *)&operation.overlapped + 1), NULL),
                    SOCKET_ERROR, WSAEFAULT);
    }
    stop();
}

/* proves: WSP-CLEANUP-12 */
static void wsp_close_2_a_close_is_indicated(void) {
    start();
    EACH(function, style) {
        SOCKET ends[2];
        struct operation operation;
        if (function == SENDTO) {
            continue;
        }
        prepare(&operation, style);
        ends_for(function, ends);
        start_pending(function, ends, &operation, style);
        CHECK_EQ(closesocket(ends[0]), 0);
        CHECK(!pends(&operation)); /* At once. */
        until_indicated(&operation, style);
        check_end(INVALID_SOCKET, &operation, style, WSA_OPERATION_ABORTED, 0);
        CHECK_EQ(SleepEx(0, TRUE), 0);
        finish(&operation, style);
        CHECK_EQ(closesocket(ends[1]), 0);
    }
    stop();
}

/* proves: WSP-CLEANUP-9, WSP-CLEANUP-12, WSP-CLEANUP-13, WSA-CLEANUP-5 */
static void wsp_cleanup_8_the_last_clean_up_indicates_nothing(void) {
    static struct operation operations[FUNCTIONS][STYLES], change, later;
    DWORD returned;
    start();
    EACH(function, style) {
        SOCKET ends[2];
        prepare(&operations[function][style], style);
        if (function != SENDTO) {
            ends_for(function, ends);
            start_pending(function, ends, &operations[function][style], style);
        }
    }
    prepare(&change, EVENT);
    CHECK_FAILS(WSAIoctl(make(AF_INET, SOCK_DGRAM), SIO_ADDRESS_LIST_CHANGE, NULL, 0, NULL, 0, &returned,
                         &change.overlapped, NULL),
                SOCKET_ERROR, WSA_IO_PENDING);
    stop();
    EACH(function, style) {
        struct operation *operation = &operations[function][style];
        if (function != SENDTO) {
            CHECK_EQ(operation->overlapped.Internal, CANCELLED);
            CHECK_EQ(operation->overlapped.OffsetHigh, WSA_OPERATION_ABORTED);
            CHECK_EQ(operation->overlapped.InternalHigh, 0);
            CHECK(style != EVENT || !is_set(operation->overlapped.hEvent));
        }
    }
    CHECK_EQ(change.overlapped.Internal, CANCELLED);
    CHECK(!is_set(change.overlapped.hEvent));
    CHECK_EQ(SleepEx(20, TRUE), 0);
    EACH(function, style) {
        CHECK_EQ(operations[function][style].calls, 0);
    }
    /* Winsock works at once again, and so do operations. */
    start();
    {
        SOCKET ends[2];
        pair(ends);
        prepare(&later, EVENT);
        start_pending(RECV, ends, &later, EVENT);
        CHECK_EQ(send(ends[1], "hello", 5, 0), 5);
        until_indicated(&later, EVENT);
        check_end(ends[0], &later, EVENT, 0, 5);
    }
    stop();
}

/* proves: WSP-DUP-4 */
static void wsp_close_7_a_close_ends_what_was_started_on_its_descriptor(void) {
    SOCKET ends[2], twin;
    WSAPROTOCOL_INFOW info;
    struct operation first, second;
    start();
    pair(ends);
    CHECK_EQ(WSADuplicateSocketW(ends[0], GetCurrentProcessId(), &info), 0);
    twin = WSASocketW(FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, &info, 0, WSA_FLAG_OVERLAPPED);
    CHECK(twin != INVALID_SOCKET);
    prepare(&first, EVENT);
    prepare(&second, EVENT);
    start_pending(RECV, ends, &first, EVENT);
    CHECK_FAILS(run(RECV, twin, &second, EVENT), SOCKET_ERROR, WSA_IO_PENDING);
    CHECK_EQ(closesocket(ends[0]), 0);
    CHECK(is_set(first.overlapped.hEvent));
    check_end(INVALID_SOCKET, &first, EVENT, WSA_OPERATION_ABORTED, 0);
    CHECK(pends(&second));
    CHECK_EQ(send(ends[1], "hello", 5, 0), 5);
    until_indicated(&second, EVENT);
    check_end(twin, &second, EVENT, 0, 5);
    CHECK_EQ(closesocket(twin), 0);
    /* Nothing holds the connection any more. */
    CHECK_EQ(recv(ends[1], first.bytes, SIZE, 0), 0);
    stop();
}

static void wsp_cleanup_10_a_routine_that_was_queued_may_run_after_the_clean_up(void) {
    SOCKET ends[2];
    struct operation operation;
    start();
    pair(ends);
    prepare(&operation, ROUTINE);
    start_pending(RECV, ends, &operation, ROUTINE);
    CHECK_EQ(send(ends[1], "hello", 5, 0), 5);
    while (pends(&operation)) {
        Sleep(1);
    }
    stop();
    /* It lives in the provider's module, which is still there. */
    CHECK_EQ(SleepEx(0, TRUE), WAIT_IO_COMPLETION);
    check_end(INVALID_SOCKET, &operation, ROUTINE, 0, 5);
}

static const struct test tests[] = {
    TEST(ov_5_what_is_done_at_once_is_indicated_before_the_call_returns),
    TEST(ov_6_what_pends_is_indicated_once),
    TEST(ov_7_what_does_not_start_is_never_indicated),
    TEST(wsp_close_2_a_close_is_indicated),
    TEST(wsp_cleanup_8_the_last_clean_up_indicates_nothing),
    TEST(wsp_close_7_a_close_ends_what_was_started_on_its_descriptor),
    TEST(wsp_cleanup_10_a_routine_that_was_queued_may_run_after_the_clean_up),
};

int main(int argc, char **argv) {
    return run_tests(tests, COUNT(tests), argc, argv);
}
