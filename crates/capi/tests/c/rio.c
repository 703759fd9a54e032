/* Registered I/O. See crates/capi/tests/extensions.rs. */
#include "connections.h"

static RIO_EXTENSION_FUNCTION_TABLE rio;

/* Memory that requests name parts of. */
static char memory[4096];
static RIO_BUFFERID buffer_id;

static SOCKET rio_socket(int family, int type) {
    SOCKET s = WSASocketA(family, type, 0, NULL, 0, WSA_FLAG_REGISTERED_IO);
    CHECK(s != INVALID_SOCKET);
    return s;
}

static void load(void) {
    GUID guid = WSAID_MULTIPLE_RIO;
    DWORD bytes = 0;
    SOCKET s = rio_socket(AF_INET, SOCK_DGRAM);
    CHECK_EQ(WSAIoctl(s, SIO_GET_MULTIPLE_EXTENSION_FUNCTION_POINTER, &guid, sizeof guid, &rio, sizeof rio, &bytes, NULL,
                      NULL),
             0);
    CHECK_EQ(bytes, sizeof rio);
    CHECK_EQ(rio.cbSize, sizeof rio);
    CHECK_EQ(closesocket(s), 0);
    buffer_id = rio.RIORegisterBuffer(memory, sizeof memory);
    CHECK(buffer_id != RIO_INVALID_BUFFERID);
}

static RIO_BUF part(ULONG offset, ULONG length) {
    RIO_BUF buffer = {buffer_id, offset, length};
    return buffer;
}

static RIO_CQ completions(DWORD size) {
    RIO_CQ queue = rio.RIOCreateCompletionQueue(size, NULL);
    CHECK(queue != RIO_INVALID_CQ);
    return queue;
}

static RIO_RQ requests(SOCKET s, DWORD receives, DWORD sends, RIO_CQ queue) {
    RIO_RQ made = rio.RIOCreateRequestQueue(s, receives, 1, sends, 1, queue, queue, (void *)(size_t)s);
    CHECK(made != RIO_INVALID_RQ);
    return made;
}

/* A connection whose first end is for registered I/O. */
static void rio_pair(SOCKET ends[2]) {
    SOCKET listener = listening();
    struct sockaddr_in name = name_of(listener);
    ends[0] = rio_socket(AF_INET, SOCK_STREAM);
    CHECK_EQ(connect(ends[0], (struct sockaddr *)&name, sizeof name), 0);
    ends[1] = accept(listener, NULL, NULL);
    CHECK(ends[1] != INVALID_SOCKET);
    CHECK_EQ(closesocket(listener), 0);
}

/* Waits for one completion. */
static RIORESULT next(RIO_CQ queue) {
    RIORESULT result;
    ULONG count;
    while ((count = rio.RIODequeueCompletion(queue, &result, 1)) == 0) {
        Sleep(1);
    }
    CHECK_EQ(count, 1);
    return result;
}

static void expect_next(RIO_CQ queue, SOCKET s, size_t context, LONG status, ULONG bytes) {
    RIORESULT result = next(queue);
    CHECK_EQ(result.Status, status);
    CHECK_EQ(result.BytesTransferred, bytes);
    CHECK_EQ(result.SocketContext, s);
    CHECK_EQ(result.RequestContext, context);
}

static void expect_none(RIO_CQ queue) {
    RIORESULT result;
    CHECK_EQ(rio.RIODequeueCompletion(queue, &result, 1), 0);
}

#define CONTEXT(n) ((void *)(size_t)(n))

/* proves: API-RIO-2, A-X10 */
static void api_rio_1_the_table(void) {
    GUID guid = WSAID_MULTIPLE_RIO, other = WSAID_ACCEPTEX;
    RIO_EXTENSION_FUNCTION_TABLE table;
    DWORD bytes;
    SOCKET s;
    start();
    load();
    s = make(AF_INET6, SOCK_STREAM);
    CHECK_FAILS(WSAIoctl(s, SIO_GET_MULTIPLE_EXTENSION_FUNCTION_POINTER, &other, sizeof other, &table, sizeof table, &bytes,
                         NULL, NULL),
                SOCKET_ERROR, WSAEINVAL);
    CHECK_FAILS(WSAIoctl(s, SIO_GET_MULTIPLE_EXTENSION_FUNCTION_POINTER, &guid, sizeof guid, &table, sizeof table - 1,
                         &bytes, NULL, NULL),
                SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(WSAIoctl(s, SIO_GET_MULTIPLE_EXTENSION_FUNCTION_POINTER, &guid, 15, &table, sizeof table, &bytes, NULL,
                         NULL),
                SOCKET_ERROR, WSAEFAULT);
    CHECK_EQ(WSAIoctl(s, SIO_GET_MULTIPLE_EXTENSION_FUNCTION_POINTER, &guid, sizeof guid, &table, sizeof table, &bytes, NULL,
                      NULL),
             0);
    CHECK(memcmp(&table, &rio, sizeof rio) == 0);
    stop();
}

/* proves: A-RIO01, A-RIO02, A-RIO03, A-RIO05, A-RIO06, A-RIO07, API-RIO-3, API-RIO-5 */
static void api_rio_4_limits_and_errors(void) {
    RIO_NOTIFICATION_COMPLETION notification;
    RIO_CQ small, large;
    RIO_RQ queue;
    RIO_BUFFERID stale;
    RIO_BUF bad;
    SOCKET s, other, plain;
    start();
    load();
#define REFUSED(call, failure, error) CHECK_FAILS((size_t)(call), (long long)(size_t)(failure), error)
    REFUSED(rio.RIORegisterBuffer(NULL, 5), RIO_INVALID_BUFFERID, WSAEFAULT);
    REFUSED(rio.RIORegisterBuffer(memory, 0), RIO_INVALID_BUFFERID, WSAEINVAL);
    REFUSED(rio.RIOCreateCompletionQueue(0, NULL), RIO_INVALID_CQ, WSAEINVAL);
    REFUSED(rio.RIOCreateCompletionQueue(RIO_MAX_CQ_SIZE + 1, NULL), RIO_INVALID_CQ, WSAEINVAL);
    memset(&notification, 0, sizeof notification);
    notification.Type = (RIO_NOTIFICATION_COMPLETION_TYPE)3;
    REFUSED(rio.RIOCreateCompletionQueue(1, &notification), RIO_INVALID_CQ, WSAEINVAL);
    notification.Type = RIO_EVENT_COMPLETION;
    REFUSED(rio.RIOCreateCompletionQueue(1, &notification), RIO_INVALID_CQ, WSAEFAULT);
    notification.Type = RIO_IOCP_COMPLETION;
    notification.Iocp.IocpHandle = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
    REFUSED(rio.RIOCreateCompletionQueue(1, &notification), RIO_INVALID_CQ, WSAEFAULT);
    small = completions(3);
    large = completions(100);
    s = rio_socket(AF_INET, SOCK_STREAM);
    other = rio_socket(AF_INET, SOCK_DGRAM);
    plain = make(AF_INET, SOCK_STREAM);
    REFUSED(rio.RIOCreateRequestQueue(plain, 1, 1, 1, 1, large, large, NULL), RIO_INVALID_RQ, WSAEOPNOTSUPP);
    REFUSED(rio.RIOCreateRequestQueue(INVALID_SOCKET, 1, 1, 1, 1, large, large, NULL), RIO_INVALID_RQ, WSAENOTSOCK);
    REFUSED(rio.RIOCreateRequestQueue(s, 1, 1, 1, 1, RIO_INVALID_CQ, large, NULL), RIO_INVALID_RQ, WSAEINVAL);
    REFUSED(rio.RIOCreateRequestQueue(s, 1, 1, 1, 1, large, RIO_INVALID_CQ, NULL), RIO_INVALID_RQ, WSAEINVAL);
    REFUSED(rio.RIOCreateRequestQueue(s, 0, 1, 0, 1, large, large, NULL), RIO_INVALID_RQ, WSAEINVAL);
    REFUSED(rio.RIOCreateRequestQueue(s, 1, 2, 1, 1, large, large, NULL), RIO_INVALID_RQ, WSAEINVAL);
    REFUSED(rio.RIOCreateRequestQueue(s, 1, 1, 1, 0, large, large, NULL), RIO_INVALID_RQ, WSAEINVAL);
    REFUSED(rio.RIOCreateRequestQueue(s, 2, 1, 2, 1, small, small, NULL), RIO_INVALID_RQ, WSAENOBUFS);
    queue = requests(s, 2, 1, small);
    REFUSED(rio.RIOCreateRequestQueue(s, 1, 1, 1, 1, large, large, NULL), RIO_INVALID_RQ, WSAEINVAL);
    REFUSED(rio.RIOCreateRequestQueue(other, 1, 1, 1, 1, small, large, NULL), RIO_INVALID_RQ, WSAENOBUFS);
    REFUSED(rio.RIOResizeRequestQueue(queue, 3, 1), FALSE, WSAENOBUFS);
    REFUSED(rio.RIOResizeRequestQueue(queue, 0, 0), FALSE, WSAEINVAL);
    REFUSED(rio.RIOResizeRequestQueue(RIO_INVALID_RQ, 1, 1), FALSE, WSAEINVAL);
    REFUSED(rio.RIOResizeCompletionQueue(small, 2), FALSE, WSAETOOMANYREFS);
    REFUSED(rio.RIOResizeCompletionQueue(small, 0), FALSE, WSAEINVAL);
    REFUSED(rio.RIOResizeCompletionQueue(RIO_INVALID_CQ, 5), FALSE, WSAEINVAL);
    CHECK_EQ(rio.RIOResizeCompletionQueue(small, 5), TRUE);
    CHECK_EQ(rio.RIOResizeRequestQueue(queue, 3, 2), TRUE);
    CHECK_EQ(rio.RIOResizeRequestQueue(queue, 1, 1), TRUE);
    CHECK_EQ(rio.RIOResizeCompletionQueue(small, 2), TRUE);
    /* A socket that is closed gives its room back. */
    CHECK_EQ(closesocket(s), 0);
    queue = requests(other, 1, 1, small);
    /* Requests that are none. */
    bad = part(0, 10);
    REFUSED(rio.RIOReceive(RIO_INVALID_RQ, &bad, 1, 0, NULL), FALSE, WSAEINVAL);
    REFUSED(rio.RIOReceive(queue, &bad, 0, 0, NULL), FALSE, WSAEINVAL);
    REFUSED(rio.RIOReceive(queue, &bad, 2, 0, NULL), FALSE, WSAEINVAL);
    REFUSED(rio.RIOReceive(queue, NULL, 1, 0, NULL), FALSE, WSAEINVAL);
    REFUSED(rio.RIOReceive(queue, &bad, 1, 16, NULL), FALSE, WSAEINVAL);
    REFUSED(rio.RIOReceive(queue, &bad, 1, RIO_MSG_WAITALL, NULL), FALSE, WSAEINVAL); /* not a stream */
    REFUSED(rio.RIOSend(queue, &bad, 1, RIO_MSG_WAITALL, NULL), FALSE, WSAEINVAL);
    REFUSED(rio.RIOReceive(queue, &bad, 1, RIO_MSG_COMMIT_ONLY, NULL), FALSE, WSAEINVAL);
    REFUSED(rio.RIOReceive(queue, NULL, 0, RIO_MSG_COMMIT_ONLY, CONTEXT(1)), FALSE, WSAEINVAL);
    REFUSED(rio.RIOReceive(queue, NULL, 0, RIO_MSG_COMMIT_ONLY | RIO_MSG_DEFER, NULL), FALSE, WSAEINVAL);
    bad = part(sizeof memory - 9, 10);
    REFUSED(rio.RIOReceive(queue, &bad, 1, 0, NULL), FALSE, WSAEINVAL);
    bad = part(0xFFFFFFFF, 10);
    REFUSED(rio.RIOReceive(queue, &bad, 1, 0, NULL), FALSE, WSAEINVAL);
    stale = rio.RIORegisterBuffer(memory, 100);
    rio.RIODeregisterBuffer(stale);
    rio.RIODeregisterBuffer(stale);
    rio.RIODeregisterBuffer(RIO_INVALID_BUFFERID);
    bad.BufferId = stale;
    bad.Offset = 0;
    REFUSED(rio.RIOReceive(queue, &bad, 1, 0, NULL), FALSE, WSAEFAULT);
    bad = part(0, 10);
    REFUSED(rio.RIOReceive(queue, &bad, 1, 0, NULL), FALSE, WSAEINVAL); /* not bound */
    REFUSED(rio.RIOSend(queue, &bad, 1, 0, NULL), FALSE, WSAENOTCONN); /* no peer */
    expect_none(small);
    CHECK_EQ(rio.RIONotify(small), WSAEINVAL); /* There is no way to tell. */
    CHECK_EQ(rio.RIONotify(RIO_INVALID_CQ), WSAEINVAL);
    CHECK_EQ(rio.RIODequeueCompletion(RIO_INVALID_CQ, NULL, 0), RIO_CORRUPT_CQ);
    CHECK_EQ(rio.RIODequeueCompletion(small, NULL, 1), RIO_CORRUPT_CQ);
    rio.RIOCloseCompletionQueue(large);
    rio.RIOCloseCompletionQueue(large);
    CHECK_EQ(rio.RIODequeueCompletion(large, NULL, 0), RIO_CORRUPT_CQ);
    stop();
}

/* proves: API-RIO-11, API-RIO-10, A-RIO04, A-RIO08, A-RIO10, A-RIO12 */
static void api_rio_6_ends_of_requests_come_to_the_queue(void) {
    SOCKET ends[2];
    RIO_CQ receives, sends;
    RIO_RQ queue;
    RIO_BUF buffers[4];
    RIORESULT results[10];
    int i;
    start();
    load();
    rio_pair(ends);
    receives = completions(4);
    sends = completions(1);
    queue = rio.RIOCreateRequestQueue(ends[0], 4, 1, 1, 1, receives, sends, CONTEXT(77));
    CHECK(queue != RIO_INVALID_RQ);
    for (i = 0; i < 4; i++) {
        buffers[i] = part((ULONG)i * 10, 5);
        CHECK_EQ(rio.RIOReceive(queue, &buffers[i], 1, 0, CONTEXT(i)), TRUE);
    }
    CHECK_FAILS(rio.RIOReceive(queue, &buffers[0], 1, 0, NULL), FALSE, WSAENOBUFS);
    expect_none(receives);
    send_text(ends[1], "0123456789abcdefghij");
    for (i = 0; i < 4; i++) {
        expect_next(receives, 77, (size_t)i, 0, 5);
    }
    CHECK(memcmp(memory, "01234", 5) == 0 && memcmp(memory + 30, "fghij", 5) == 0);
    /* A request counts until its end is taken. */
    buffers[0] = part(100, 3);
    memcpy(memory + 100, "one", 3);
    CHECK_EQ(rio.RIOSend(queue, &buffers[0], 1, 0, CONTEXT(5)), TRUE);
    expect_text(ends[1], "one");
    CHECK_FAILS(rio.RIOSend(queue, &buffers[0], 1, 0, CONTEXT(6)), FALSE, WSAENOBUFS);
    expect_next(sends, 77, 5, 0, 3);
    CHECK_EQ(rio.RIOSend(queue, &buffers[0], 1, 0, CONTEXT(7)), TRUE);
    expect_next(sends, 77, 7, 0, 3);
    expect_text(ends[1], "one");
    /* Several at once, the end of the stream among them. */
    for (i = 0; i < 3; i++) {
        CHECK_EQ(rio.RIOReceive(queue, &buffers[i], 1, 0, CONTEXT(10 + i)), TRUE);
    }
    send_text(ends[1], "end");
    CHECK_EQ(closesocket(ends[1]), 0);
    expect_next(receives, 77, 10, 0, 3);
    for (i = 0; i < 2;) {
        ULONG count = rio.RIODequeueCompletion(receives, results, 10), at;
        for (at = 0; at < count; at++, i++) {
            CHECK_EQ(results[at].RequestContext, 11 + i);
            CHECK_EQ(results[at].BytesTransferred, 0);
            CHECK_EQ(results[at].Status, 0);
        }
    }
    stop();
}

static void api_rio_7_deferred_requests_and_full_buffers(void) {
    SOCKET ends[2];
    RIO_CQ queue;
    RIO_RQ made;
    RIO_BUF buffers[3];
    int i;
    start();
    load();
    rio_pair(ends);
    queue = completions(10);
    made = requests(ends[0], 4, 4, queue);
    memcpy(memory, "onetwothree", 11);
    buffers[0] = part(0, 3);
    buffers[1] = part(3, 3);
    buffers[2] = part(6, 5);
    for (i = 0; i < 2; i++) {
        CHECK_EQ(rio.RIOSend(made, &buffers[i], 1, RIO_MSG_DEFER, CONTEXT(i)), TRUE);
    }
    expect_none(queue);
    CHECK_EQ(rio.RIOSend(made, NULL, 0, RIO_MSG_COMMIT_ONLY, NULL), TRUE);
    expect_next(queue, ends[0], 0, 0, 3);
    expect_next(queue, ends[0], 1, 0, 3);
    expect_text(ends[1], "onetwo");
    /* The next that is not deferred starts those before it, in their order. */
    CHECK_EQ(rio.RIOSend(made, &buffers[0], 1, RIO_MSG_DEFER, CONTEXT(2)), TRUE);
    CHECK_EQ(rio.RIOSend(made, &buffers[2], 1, 0, CONTEXT(3)), TRUE);
    expect_next(queue, ends[0], 2, 0, 3);
    expect_next(queue, ends[0], 3, 0, 5);
    expect_text(ends[1], "onethree");
    /* Deferred ones count, and fail in the queue. */
    for (i = 0; i < 4; i++) {
        CHECK_EQ(rio.RIOSend(made, &buffers[0], 1, RIO_MSG_DEFER, CONTEXT(4)), TRUE);
    }
    CHECK_FAILS(rio.RIOSend(made, &buffers[0], 1, RIO_MSG_DEFER, CONTEXT(4)), FALSE, WSAENOBUFS);
    CHECK_EQ(shutdown(ends[0], SD_SEND), 0);
    CHECK_EQ(rio.RIOSend(made, NULL, 0, RIO_MSG_COMMIT_ONLY, NULL), TRUE);
    for (i = 0; i < 4; i++) {
        expect_next(queue, ends[0], 4, WSAESHUTDOWN, 0);
    }
    CHECK_FAILS(rio.RIOSend(made, &buffers[0], 1, 0, NULL), FALSE, WSAESHUTDOWN);
    /* All or nothing. */
    buffers[0] = part(100, 8);
    CHECK_EQ(rio.RIOReceive(made, &buffers[0], 1, RIO_MSG_WAITALL, CONTEXT(9)), TRUE);
    send_text(ends[1], "1234");
    Sleep(20);
    expect_none(queue);
    send_text(ends[1], "5678");
    expect_next(queue, ends[0], 9, 0, 8);
    CHECK(memcmp(memory + 100, "12345678", 8) == 0);
    stop();
}

/* proves: API-RIO-9, A-RIO13 */
static void api_rio_8_notices_by_event_and_by_port(void) {
    SOCKET ends[2];
    RIO_NOTIFICATION_COMPLETION by_event, by_port;
    WSAEVENT event = WSACreateEvent();
    HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
    OVERLAPPED mark, *overlapped;
    RIO_CQ receives, sends;
    RIO_RQ queue;
    RIO_BUF buffer = part(0, 4);
    ULONG_PTR key;
    DWORD bytes;
    start();
    load();
    rio_pair(ends);
    buffer = part(0, 4);
    memset(&by_event, 0, sizeof by_event);
    by_event.Type = RIO_EVENT_COMPLETION;
    by_event.Event.EventHandle = event;
    by_event.Event.NotifyReset = TRUE;
    memset(&by_port, 0, sizeof by_port);
    by_port.Type = RIO_IOCP_COMPLETION;
    by_port.Iocp.IocpHandle = port;
    by_port.Iocp.CompletionKey = CONTEXT(123);
    by_port.Iocp.Overlapped = &mark;
    receives = rio.RIOCreateCompletionQueue(4, &by_event);
    sends = rio.RIOCreateCompletionQueue(4, &by_port);
    CHECK(receives != RIO_INVALID_CQ && sends != RIO_INVALID_CQ);
    queue = rio.RIOCreateRequestQueue(ends[0], 4, 1, 4, 1, receives, sends, NULL);
    CHECK(queue != RIO_INVALID_RQ);
    /* Asked for first: told when something comes, once. */
    CHECK_EQ(WSASetEvent(event), TRUE);
    CHECK_EQ(rio.RIONotify(receives), 0);
    CHECK(!is_set(event));
    CHECK_EQ(rio.RIONotify(receives), WSAEALREADY);
    CHECK_EQ(rio.RIOReceive(queue, &buffer, 1, 0, CONTEXT(1)), TRUE);
    send_text(ends[1], "1234");
    CHECK_EQ(WSAWaitForMultipleEvents(1, &event, TRUE, 30000, FALSE), WSA_WAIT_EVENT_0);
    /* Something is there still: told at once. */
    CHECK_EQ(rio.RIONotify(receives), 0);
    CHECK(is_set(event));
    expect_next(receives, 0, 1, 0, 4);
    CHECK_EQ(rio.RIONotify(receives), 0);
    CHECK(!is_set(event));
    /* Not for those that are to be silent. */
    CHECK_EQ(rio.RIOReceive(queue, &buffer, 1, RIO_MSG_DONT_NOTIFY, CONTEXT(2)), TRUE);
    send_text(ends[1], "5678");
    expect_next(receives, 0, 2, 0, 4);
    CHECK(!is_set(event));
    CHECK_EQ(rio.RIOReceive(queue, &buffer, 1, 0, CONTEXT(3)), TRUE);
    send_text(ends[1], "9012");
    CHECK_EQ(WSAWaitForMultipleEvents(1, &event, TRUE, 30000, FALSE), WSA_WAIT_EVENT_0);
    expect_next(receives, 0, 3, 0, 4);
    /* By the port. */
    CHECK_EQ(rio.RIONotify(sends), 0);
    CHECK_FAILS(GetQueuedCompletionStatus(port, &bytes, &key, &overlapped, 0), FALSE, WAIT_TIMEOUT);
    CHECK_EQ(rio.RIOSend(queue, &buffer, 1, RIO_MSG_DONT_NOTIFY, CONTEXT(4)), TRUE);
    CHECK_FAILS(GetQueuedCompletionStatus(port, &bytes, &key, &overlapped, 0), FALSE, WAIT_TIMEOUT);
    CHECK_EQ(rio.RIOSend(queue, &buffer, 1, 0, CONTEXT(5)), TRUE);
    CHECK_EQ(GetQueuedCompletionStatus(port, &bytes, &key, &overlapped, 30000), TRUE);
    CHECK_EQ(key, 123);
    CHECK(overlapped == &mark);
    CHECK_EQ(bytes, 0);
    expect_next(sends, 0, 4, 0, 4);
    expect_next(sends, 0, 5, 0, 4);
    CHECK_EQ(rio.RIOSend(queue, &buffer, 1, 0, CONTEXT(6)), TRUE);
    CHECK_FAILS(GetQueuedCompletionStatus(port, &bytes, &key, &overlapped, 0), FALSE, WAIT_TIMEOUT); /* not asked for */
    CHECK_EQ(rio.RIONotify(sends), 0);
    CHECK_EQ(GetQueuedCompletionStatus(port, &bytes, &key, &overlapped, 30000), TRUE);
    stop();
}

/* proves: A-RIO11 */
static void a_rio09_datagrams_with_addresses_and_control_data(void) {
    enum { DATA = 0, LOCAL = 100, REMOTE = 200, CONTROL = 300, FLAGS = 500 };
    SOCKET s = INVALID_SOCKET, peer;
    struct sockaddr_in any = loopback(0), name, got;
    RIO_CQ queue;
    RIO_RQ made;
    RIO_BUF data, local, remote, control, flags;
    WSACMSGHDR *piece;
    DWORD on = 1;
    start();
    load();
    s = rio_socket(AF_INET, SOCK_DGRAM);
    peer = bound(SOCK_DGRAM);
    CHECK_EQ(bind(s, (struct sockaddr *)&any, sizeof any), 0);
    CHECK_EQ(setsockopt(s, IPPROTO_IP, IP_PKTINFO, (char *)&on, sizeof on), 0);
    queue = completions(10);
    made = requests(s, 4, 4, queue);
    data = part(DATA, 50);
    local = part(LOCAL, sizeof(SOCKADDR_INET));
    remote = part(REMOTE, sizeof(SOCKADDR_INET));
    control = part(CONTROL, 100);
    flags = part(FLAGS, 4);
    CHECK_EQ(rio.RIOReceiveEx(made, &data, 1, &local, &remote, &control, &flags, 0, CONTEXT(1)), TRUE);
    name = name_of(s);
    CHECK_EQ(sendto(peer, "datagram", 8, 0, (struct sockaddr *)&name, sizeof name), 8);
    expect_next(queue, s, 1, 0, 8);
    CHECK(memcmp(memory + DATA, "datagram", 8) == 0);
    memcpy(&got, memory + REMOTE, sizeof got);
    CHECK_EQ(got.sin_port, name_of(peer).sin_port);
    memcpy(&got, memory + LOCAL, sizeof got);
    CHECK_EQ(got.sin_port, name.sin_port);
    CHECK_EQ(*(ULONG *)(void *)(memory + FLAGS), 0);
    piece = (WSACMSGHDR *)(void *)(memory + CONTROL + 8);
    CHECK_EQ(((RIO_CMSG_BUFFER *)(void *)(memory + CONTROL))->TotalLength, 8 + 24);
    CHECK_EQ(piece->cmsg_type, IP_PKTINFO);
    CHECK_EQ(((IN_PKTINFO *)(void *)WSA_CMSG_DATA(piece))->ipi_addr.s_addr, htonl(INADDR_LOOPBACK));
    /* Back to where it came from, from a local address that is named. */
    data = part(DATA, 4);
    CHECK_EQ(rio.RIOSendEx(made, &data, 1, &local, &remote, NULL, NULL, 0, CONTEXT(2)), TRUE);
    expect_next(queue, s, 2, 0, 4);
    expect_text(peer, "data");
    CHECK_EQ(rio.RIOSendEx(made, &data, 1, NULL, &remote, NULL, NULL, 0, CONTEXT(3)), TRUE);
    expect_next(queue, s, 3, 0, 4);
    expect_text(peer, "data");
    /* One that is too long; one of which only the address is wanted. */
    CHECK_EQ(rio.RIOReceiveEx(made, &data, 1, NULL, NULL, NULL, &flags, 0, CONTEXT(4)), TRUE);
    CHECK_EQ(sendto(peer, "datagram", 8, 0, (struct sockaddr *)&name, sizeof name), 8);
    expect_next(queue, s, 4, WSAEMSGSIZE, 4);
    CHECK(*(ULONG *)(void *)(memory + FLAGS) & MSG_TRUNC);
    remote = part(REMOTE, sizeof(SOCKADDR_INET) - 1);
    CHECK_FAILS(rio.RIOReceiveEx(made, &data, 1, NULL, &remote, NULL, NULL, 0, NULL), FALSE, WSAEINVAL);
    CHECK_FAILS(rio.RIOReceiveEx(made, NULL, 1, NULL, NULL, NULL, NULL, 0, NULL), FALSE, WSAEINVAL);
    CHECK_EQ(rio.RIOReceiveEx(made, NULL, 0, NULL, NULL, NULL, NULL, RIO_MSG_COMMIT_ONLY, NULL), TRUE);
    stop();
}

static void wsp_close_2_a_close_ends_requests(void) {
    SOCKET ends[2];
    RIO_CQ queue;
    RIO_RQ made;
    RIO_BUF buffer;
    start();
    load();
    rio_pair(ends);
    queue = completions(4);
    made = requests(ends[0], 2, 2, queue);
    buffer = part(0, 4);
    CHECK_EQ(rio.RIOReceive(made, &buffer, 1, 0, CONTEXT(1)), TRUE);
    CHECK_EQ(rio.RIOReceive(made, &buffer, 1, RIO_MSG_DEFER, CONTEXT(2)), TRUE);
    CHECK_EQ(closesocket(ends[0]), 0);
    expect_next(queue, ends[0], 2, WSA_OPERATION_ABORTED, 0);
    expect_next(queue, ends[0], 1, WSA_OPERATION_ABORTED, 0);
    CHECK_FAILS(rio.RIOReceive(made, &buffer, 1, 0, CONTEXT(3)), FALSE, WSAEINVAL);
    stop();
}

static void wsp_cleanup_8_the_last_clean_up_tells_no_queue(void) {
    SOCKET ends[2];
    RIO_NOTIFICATION_COMPLETION notification;
    WSAEVENT event = WSACreateEvent();
    RIO_CQ queue;
    RIO_RQ made;
    RIO_BUF buffer;
    start();
    load();
    rio_pair(ends);
    memset(&notification, 0, sizeof notification);
    notification.Type = RIO_EVENT_COMPLETION;
    notification.Event.EventHandle = event;
    queue = rio.RIOCreateCompletionQueue(4, &notification);
    made = requests(ends[0], 2, 2, queue);
    buffer = part(0, 4);
    CHECK_EQ(rio.RIONotify(queue), 0);
    CHECK_EQ(rio.RIOReceive(made, &buffer, 1, 0, CONTEXT(1)), TRUE);
    CHECK_EQ(rio.RIOReceive(made, &buffer, 1, RIO_MSG_DEFER, CONTEXT(2)), TRUE);
    stop();
    CHECK(!is_set(event));
    expect_none(queue);
    CHECK_FAILS(rio.RIOReceive(made, &buffer, 1, 0, CONTEXT(3)), FALSE, WSAEINVAL);
    rio.RIOCloseCompletionQueue(queue);
    /* Everything works again. */
    start();
    load();
    rio_pair(ends);
    queue = completions(4);
    made = requests(ends[0], 2, 2, queue);
    buffer = part(0, 4);
    CHECK_EQ(rio.RIOReceive(made, &buffer, 1, 0, CONTEXT(1)), TRUE);
    send_text(ends[1], "1234");
    expect_next(queue, ends[0], 1, 0, 4);
    stop();
}

int main(int argc, char **argv) {
    const struct test tests[] = {
        TEST(api_rio_1_the_table),
        TEST(api_rio_4_limits_and_errors),
        TEST(api_rio_6_ends_of_requests_come_to_the_queue),
        TEST(api_rio_7_deferred_requests_and_full_buffers),
        TEST(api_rio_8_notices_by_event_and_by_port),
        TEST(a_rio09_datagrams_with_addresses_and_control_data),
        TEST(wsp_close_2_a_close_ends_requests),
        TEST(wsp_cleanup_8_the_last_clean_up_tells_no_queue),
    };
    return run_tests(tests, COUNT(tests), argc, argv);
}
