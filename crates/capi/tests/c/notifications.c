/* ProcessSocketNotifications. See crates/capi/tests/extensions.rs. */
#include "connections.h"

#define KEY ((void *)(size_t)77)

static SOCK_NOTIFY_REGISTRATION registration(SOCKET s, UINT16 events, UINT8 operation, UINT8 trigger) {
    SOCK_NOTIFY_REGISTRATION made = {s, KEY, events, operation, trigger, 4711};
    return made;
}

static DWORD do_register(HANDLE port, SOCKET s, UINT16 events, UINT8 operation, UINT8 trigger) {
    SOCK_NOTIFY_REGISTRATION one = registration(s, events, operation, trigger);
    CHECK_EQ(ProcessSocketNotifications(port, 1, &one, 0, 0, NULL, NULL), ERROR_SUCCESS);
    return one.registrationResult;
}

static void expect_events(HANDLE port, DWORD events) {
    OVERLAPPED_ENTRY entry;
    UINT32 count = 4711;
    CHECK_EQ(ProcessSocketNotifications(port, 0, NULL, 30000, 1, &entry, &count), ERROR_SUCCESS);
    CHECK_EQ(count, 1);
    CHECK_EQ(entry.lpCompletionKey, (ULONG_PTR)KEY);
    CHECK_EQ(entry.dwNumberOfBytesTransferred, events);
}

static void expect_nothing(HANDLE port) {
    OVERLAPPED_ENTRY entry;
    UINT32 count = 4711;
    CHECK_EQ(ProcessSocketNotifications(port, 0, NULL, 0, 1, &entry, &count), WAIT_TIMEOUT);
    CHECK_EQ(count, 0);
}

#define READABLE SOCK_NOTIFY_REGISTER_EVENT_IN
#define WRITABLE SOCK_NOTIFY_REGISTER_EVENT_OUT
#define HANGUP SOCK_NOTIFY_REGISTER_EVENT_HANGUP
#define ONCE_LEVEL (SOCK_NOTIFY_TRIGGER_ONESHOT | SOCK_NOTIFY_TRIGGER_LEVEL)
#define ONCE_EDGE (SOCK_NOTIFY_TRIGGER_ONESHOT | SOCK_NOTIFY_TRIGGER_EDGE)
#define EDGES (SOCK_NOTIFY_TRIGGER_PERSISTENT | SOCK_NOTIFY_TRIGGER_EDGE)

static void a_s39_registrations_and_what_they_need(void) {
    HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
    SOCK_NOTIFY_REGISTRATION two[2];
    OVERLAPPED_ENTRY entry;
    UINT32 count;
    SOCKET s;
    CHECK_EQ(ProcessSocketNotifications(port, 0, NULL, 0, 1, &entry, &count), WSANOTINITIALISED);
    start();
    s = bound(SOCK_DGRAM);
    CHECK_EQ(ProcessSocketNotifications(port, 0, NULL, 0, 0, NULL, NULL), WSAEINVAL);
    CHECK_EQ(ProcessSocketNotifications(port, 0, two, 0, 1, &entry, &count), WSAEINVAL);
    CHECK_EQ(ProcessSocketNotifications(port, 1, two, 5, 0, NULL, NULL), WSAEINVAL);
    CHECK_EQ(ProcessSocketNotifications(port, 1, two, 0, 0, &entry, NULL), WSAEINVAL);
    CHECK_EQ(ProcessSocketNotifications(port, 1, NULL, 0, 0, NULL, NULL), WSAEFAULT);
    CHECK_EQ(ProcessSocketNotifications(NULL, 0, NULL, 0, 1, &entry, &count), WSA_INVALID_HANDLE);
    CHECK_EQ(do_register(port, INVALID_SOCKET, READABLE, SOCK_NOTIFY_OP_ENABLE, EDGES), WSAENOTSOCK);
    CHECK_EQ(do_register(port, s, READABLE, 3, EDGES), WSAEINVAL);
    CHECK_EQ(do_register(port, s, 0x20, SOCK_NOTIFY_OP_ENABLE, EDGES), WSAEINVAL);
    CHECK_EQ(do_register(port, s, READABLE, SOCK_NOTIFY_OP_ENABLE, SOCK_NOTIFY_TRIGGER_EDGE), WSAEINVAL);
    CHECK_EQ(do_register(port, s, READABLE, SOCK_NOTIFY_OP_ENABLE, EDGES | SOCK_NOTIFY_TRIGGER_LEVEL), WSAEINVAL);
    CHECK_EQ(do_register(port, s, READABLE, SOCK_NOTIFY_OP_ENABLE, SOCK_NOTIFY_TRIGGER_PERSISTENT | SOCK_NOTIFY_TRIGGER_LEVEL),
             WSAEOPNOTSUPP);
    CHECK_EQ(do_register(port, s, READABLE, SOCK_NOTIFY_OP_DISABLE, 0), WSAEINVAL); /* There is none. */
    CHECK_EQ(do_register(port, s, READABLE, SOCK_NOTIFY_OP_REMOVE, 0), WSAEINVAL);
    CHECK_EQ(do_register(port, s, READABLE, SOCK_NOTIFY_OP_NONE, 0), ERROR_SUCCESS);
    /* Each has its own result, and packets are taken in the same call. */
    two[0] = registration(INVALID_SOCKET, READABLE, SOCK_NOTIFY_OP_ENABLE, EDGES);
    two[1] = registration(s, WRITABLE, SOCK_NOTIFY_OP_ENABLE, ONCE_LEVEL);
    CHECK_EQ(ProcessSocketNotifications(port, 2, two, 30000, 1, &entry, &count), ERROR_SUCCESS);
    CHECK_EQ(two[0].registrationResult, WSAENOTSOCK);
    CHECK_EQ(two[1].registrationResult, ERROR_SUCCESS);
    CHECK_EQ(entry.dwNumberOfBytesTransferred, WRITABLE);
    stop();
}

/* proves: A-S39 */
static void socket_notifications_come_as_they_were_asked_for(void) {
    HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
    SOCKET ends[2];
    start();
    pair(ends);
    /* Edges: what holds already is no news. */
    CHECK_EQ(do_register(port, ends[0], READABLE, SOCK_NOTIFY_OP_ENABLE, EDGES), ERROR_SUCCESS);
    expect_nothing(port);
    send_text(ends[1], "one");
    expect_events(port, READABLE);
    expect_nothing(port);
    expect_text(ends[0], "one");
    send_text(ends[1], "two");
    expect_events(port, READABLE);
    /* Disabled: nothing is told, nor later. */
    CHECK_EQ(do_register(port, ends[0], 0, SOCK_NOTIFY_OP_DISABLE, 0), ERROR_SUCCESS);
    expect_text(ends[0], "two");
    send_text(ends[1], "three");
    until_readable(ends[0]);
    expect_nothing(port);
    /* Once, and what holds is told at once. */
    CHECK_EQ(do_register(port, ends[0], READABLE, SOCK_NOTIFY_OP_ENABLE, ONCE_LEVEL), ERROR_SUCCESS);
    expect_events(port, READABLE);
    send_text(ends[1], "four");
    expect_nothing(port);
    expect_text(ends[0], "threefour");
    CHECK_EQ(do_register(port, ends[0], READABLE, SOCK_NOTIFY_OP_ENABLE, ONCE_LEVEL), ERROR_SUCCESS);
    expect_nothing(port);
    send_text(ends[1], "five");
    expect_events(port, READABLE);
    expect_text(ends[0], "five");
    /* The end of the connection. */
    CHECK_EQ(do_register(port, ends[0], HANGUP, SOCK_NOTIFY_OP_ENABLE, ONCE_EDGE), ERROR_SUCCESS);
    CHECK_EQ(closesocket(ends[1]), 0);
    expect_events(port, HANGUP);
    /* The end of the registration is its last word. */
    CHECK_EQ(do_register(port, ends[0], 0, SOCK_NOTIFY_OP_REMOVE, 0), ERROR_SUCCESS);
    expect_events(port, SOCK_NOTIFY_EVENT_REMOVE);
    CHECK_EQ(do_register(port, ends[0], 0, SOCK_NOTIFY_OP_REMOVE, 0), WSAEINVAL);
    expect_nothing(port);
    stop();
}

/* A socket that is closed, or cleaned up, with a registration, beside an association with the same port. */
static void socket_notifications_end_with_the_socket(void) {
    HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
    SOCKET ends[2];
    OVERLAPPED_ENTRY entry;
    UINT32 count;
    WSABUF text = {5, "hello"};
    WSAOVERLAPPED overlapped;
    int round;
    for (round = 0; round < 4; round++) {
        start();
        pair(ends);
        CHECK(CreateIoCompletionPort((HANDLE)ends[0], port, 5, 0) == port);
        CHECK_EQ(do_register(port, ends[0], READABLE, SOCK_NOTIFY_OP_ENABLE, EDGES), ERROR_SUCCESS);
        memset(&overlapped, 0, sizeof overlapped);
        CHECK_EQ(WSASend(ends[0], &text, 1, NULL, 0, &overlapped, NULL), 0);
        CHECK_EQ(ProcessSocketNotifications(port, 0, NULL, 30000, 1, &entry, &count), ERROR_SUCCESS);
        CHECK(entry.lpOverlapped == (LPOVERLAPPED)&overlapped && entry.lpCompletionKey == 5);
        send_text(ends[1], "x");
        expect_events(port, READABLE);
        if (round % 2) {
            CHECK_EQ(closesocket(ends[0]), 0);
            expect_text(ends[1], "hello");
            CHECK(recv(ends[1], (char *)&entry, 1, 0) <= 0); /* Nothing keeps the connection. */
        }
        stop();
        CHECK_FAILS(GetQueuedCompletionStatusEx(port, &entry, 1, &count, 0, FALSE), FALSE, WAIT_TIMEOUT);
    }
}

int main(int argc, char **argv) {
    const struct test tests[] = {
        TEST(a_s39_registrations_and_what_they_need),
        TEST(socket_notifications_come_as_they_were_asked_for),
        TEST(socket_notifications_end_with_the_socket),
    };
    return run_tests(tests, COUNT(tests), argc, argv);
}
