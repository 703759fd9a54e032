/* Extension functions that complete at a completion port. See crates/capi/tests/extensions.rs. */
#include "connections.h"

enum { LISTENER = 1, SERVER, CLIENT };

static void associate(SOCKET s, HANDLE port, ULONG_PTR key) {
    CHECK(CreateIoCompletionPort((HANDLE)s, port, key, 0) == port);
}

/* The next packet, which is that of an operation. */
static void expect_packet(HANDLE port, ULONG_PTR key, struct extended *operation, DWORD error, DWORD bytes) {
    DWORD got = 4711;
    ULONG_PTR told = 0;
    OVERLAPPED *overlapped = NULL;
    WSASetLastError(0);
    CHECK_EQ(GetQueuedCompletionStatus(port, &got, &told, &overlapped, 30000), error == 0);
    CHECK(overlapped == &operation->overlapped);
    CHECK_EQ(told, key);
    CHECK_EQ(WSAGetLastError(), (int)error);
    CHECK_EQ(got, bytes);
    CHECK(HasOverlappedIoCompleted(overlapped));
}

/* The packets of two operations, in either order. */
static void expect_both(HANDLE port, struct extended *one, DWORD bytes, struct extended *other, DWORD other_bytes) {
    int i, seen = 0;
    for (i = 0; i < 2; i++) {
        DWORD got;
        ULONG_PTR key;
        OVERLAPPED *overlapped;
        CHECK_EQ(GetQueuedCompletionStatus(port, &got, &key, &overlapped, 30000), TRUE);
        CHECK(overlapped == &one->overlapped || overlapped == &other->overlapped);
        CHECK_EQ(got, overlapped == &one->overlapped ? bytes : other_bytes);
        seen |= overlapped == &one->overlapped ? 1 : 2;
    }
    CHECK_EQ(seen, 3);
}

static void expect_no_packet(HANDLE port) {
    DWORD got;
    ULONG_PTR key;
    OVERLAPPED *overlapped;
    CHECK_FAILS(GetQueuedCompletionStatus(port, &got, &key, &overlapped, 0), FALSE, WAIT_TIMEOUT);
}

/*
 * A server and a client whose two sockets, associated once, make connection after connection, every step told by the
 * port.
 */
/* proves: T-API-8, API-X5, API-X31 */
static void t_api_8_connections_come_and_go_at_a_port(void) {
    HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
    SOCKET listener, server, client;
    struct sockaddr_in name;
    LPFN_CONNECTEX connect_ex;
    LPFN_DISCONNECTEX disconnect_ex;
    int round;
    start();
    listener = listening();
    name = name_of(listener);
    server = make(AF_INET, SOCK_STREAM);
    client = bound(SOCK_STREAM);
    associate(listener, port, LISTENER);
    associate(server, port, SERVER);
    associate(client, port, CLIENT);
    connect_ex = EXTENSION(client, LPFN_CONNECTEX, WSAID_CONNECTEX);
    disconnect_ex = EXTENSION(client, LPFN_DISCONNECTEX, WSAID_DISCONNECTEX);
    for (round = 0; round < 6; round++) {
        struct extended accepted, connected, received, sent, left, closed;
        WSABUF buffer = {100, received.buffer}, text = {6, "answer"};
        DWORD flags = 0;
        prepare_extended(&accepted, 0);
        prepare_extended(&connected, 0);
        prepare_extended(&received, 0);
        prepare_extended(&sent, 0);
        prepare_extended(&left, 0);
        prepare_extended(&closed, 0);
        CHECK_PENDS(AcceptEx(listener, server, accepted.buffer, round % 2 ? 64 : 0, BLOCK, BLOCK, NULL,
                             &accepted.overlapped));
        CHECK_STARTS(connect_ex(client, (struct sockaddr *)&name, sizeof name, "first", 5, NULL, &connected.overlapped));
        expect_both(port, &connected, 5, &accepted, round % 2 ? 5 : 0);
        CHECK_EQ(setsockopt(server, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT, (char *)&listener, sizeof listener), 0);
        if (round % 2 == 0) {
            CHECK(WSARecv(server, &buffer, 1, NULL, &flags, &received.overlapped, NULL) == 0 ||
                  WSAGetLastError() == WSA_IO_PENDING);
            expect_packet(port, SERVER, &received, 0, 5);
            CHECK(memcmp(received.buffer, "first", 5) == 0);
        }
        /* A receive that waits, on the kernel's new socket. */
        prepare_extended(&received, 0);
        CHECK_FAILS(WSARecv(client, &buffer, 1, NULL, &flags, &received.overlapped, NULL), SOCKET_ERROR, WSA_IO_PENDING);
        CHECK(WSASend(server, &text, 1, NULL, 0, &sent.overlapped, NULL) == 0);
        expect_both(port, &sent, 6, &received, 6);
        CHECK(memcmp(received.buffer, "answer", 6) == 0);
        prepare_extended(&received, 0);
        CHECK_FAILS(WSARecv(server, &buffer, 1, NULL, &flags, &received.overlapped, NULL), SOCKET_ERROR, WSA_IO_PENDING);
        expect_no_packet(port);
        send_text(client, "more");
        expect_packet(port, SERVER, &received, 0, 4);
        CHECK_PENDS(disconnect_ex(server, &left.overlapped, TF_REUSE_SOCKET, 0));
        CHECK_EQ(recv(client, received.buffer, 1, 0), 0);
        CHECK_STARTS(disconnect_ex(client, &closed.overlapped, TF_REUSE_SOCKET, 0));
        expect_both(port, &left, 0, &closed, 0);
        expect_no_packet(port);
    }
    stop();
}

/* proves: API-X12, API-X17, API-X18 */
static void api_x18_closes_are_told_by_the_port(void) {
    HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
    SOCKET listener, first, second;
    struct extended operations[2];
    start();
    listener = listening();
    associate(listener, port, LISTENER);
    first = make(AF_INET, SOCK_STREAM);
    second = make(AF_INET, SOCK_STREAM);
    prepare_extended(&operations[0], 0);
    prepare_extended(&operations[1], 0);
    CHECK_PENDS(AcceptEx(listener, first, operations[0].buffer, 64, BLOCK, BLOCK, NULL, &operations[0].overlapped));
    CHECK_PENDS(AcceptEx(listener, second, operations[1].buffer, 0, BLOCK, BLOCK, NULL, &operations[1].overlapped));
    CHECK(connected_to(listener) != INVALID_SOCKET);
    expect_no_packet(port); /* It waits for data. */
    CHECK_EQ(closesocket(first), 0);
    expect_packet(port, LISTENER, &operations[0], ERROR_OPERATION_ABORTED, 0);
    CHECK_EQ(closesocket(listener), 0);
    expect_packet(port, LISTENER, &operations[1], ERROR_OPERATION_ABORTED, 0);
    expect_no_packet(port);
    stop();
}

/* proves: API-X43, API-X50 */
static void api_x5_files_and_messages_at_a_port(void) {
    enum { SIZE_OF_FILE = 5 << 20 };
    HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
    HANDLE file = CreateFileA("file", GENERIC_READ | GENERIC_WRITE, 0, NULL, CREATE_NEW, FILE_FLAG_DELETE_ON_CLOSE, NULL);
    SOCKET ends[2];
    TRANSMIT_FILE_BUFFERS around = {"<", 1, ">", 1};
    struct extended operation, sent;
    WSABUF data = {sizeof operation.buffer, operation.buffer};
    WSAMSG message;
    struct sockaddr_in from;
    DWORD count;
    char *content = calloc(1, SIZE_OF_FILE);
    CHECK(content != NULL);
    start();
    CHECK(file != INVALID_HANDLE_VALUE);
    CHECK_EQ(WriteFile(file, content, SIZE_OF_FILE, &count, NULL), TRUE);
    free(content);
    pair(ends);
    associate(ends[0], port, SERVER);
    prepare_extended(&operation, 0);
    CHECK_PENDS(TransmitFile(ends[0], file, 0, 0, &operation.overlapped, &around, 0));
    expect_no_packet(port);
    drain(ends[1], SIZE_OF_FILE + 2);
    expect_packet(port, SERVER, &operation, 0, SIZE_OF_FILE + 2);
    datagram_pair(ends);
    associate(ends[0], port, CLIENT);
    prepare_extended(&operation, 0);
    prepare_extended(&sent, 0);
    memset(&message, 0, sizeof message);
    message.name = (struct sockaddr *)&from;
    message.namelen = sizeof from;
    message.lpBuffers = &data;
    message.dwBufferCount = 1;
    CHECK_FAILS(EXTENSION(ends[0], LPFN_WSARECVMSG, WSAID_WSARECVMSG)(ends[0], &message, NULL, &operation.overlapped, NULL),
                SOCKET_ERROR, WSA_IO_PENDING);
    send_text(ends[1], "datagram");
    expect_packet(port, CLIENT, &operation, 0, 8);
    CHECK_EQ(from.sin_port, name_of(ends[1]).sin_port);
    message.name = NULL;
    message.namelen = 0;
    data.len = 4;
    CHECK_EQ(WSASendMsg(ends[0], &message, 0, NULL, &sent.overlapped, NULL), 0);
    expect_packet(port, CLIENT, &sent, 0, 4);
    /* ReadFile and WriteFile are operations of the socket, too. */
    prepare_extended(&operation, 0);
    prepare_extended(&sent, 0);
    expect_text(ends[1], "data");
    CHECK_FAILS(ReadFile((HANDLE)ends[0], operation.buffer, 10, NULL, &operation.overlapped), FALSE, ERROR_IO_PENDING);
    CHECK_EQ(WriteFile((HANDLE)ends[0], "there", 5, NULL, &sent.overlapped), TRUE);
    expect_packet(port, CLIENT, &sent, 0, 5);
    send_text(ends[1], "back");
    expect_packet(port, CLIENT, &operation, 0, 4);
    CHECK_EQ(CloseHandle(file), TRUE);
    stop();
}

int main(int argc, char **argv) {
    const struct test tests[] = {
        TEST(t_api_8_connections_come_and_go_at_a_port),
        TEST(api_x18_closes_are_told_by_the_port),
        TEST(api_x5_files_and_messages_at_a_port),
    };
    return run_tests(tests, COUNT(tests), argc, argv);
}
