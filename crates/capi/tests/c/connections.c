/* AcceptEx, ConnectEx, DisconnectEx. See crates/capi/tests/extensions.rs. */
#include "connections.h"

static LPFN_CONNECTEX connect_ex_of(SOCKET s) {
    return EXTENSION(s, LPFN_CONNECTEX, WSAID_CONNECTEX);
}

static LPFN_DISCONNECTEX disconnect_ex_of(SOCKET s) {
    return EXTENSION(s, LPFN_DISCONNECTEX, WSAID_DISCONNECTEX);
}

/* An accept of `data` bytes that waits. */
static void begin_accept(SOCKET listener, SOCKET into, struct extended *operation, DWORD data) {
    CHECK_PENDS(AcceptEx(listener, into, operation->buffer, data, BLOCK, BLOCK, &operation->bytes,
                         &operation->overlapped));
    CHECK_EQ(operation->bytes, 4711);
    CHECK(!HasOverlappedIoCompleted(&operation->overlapped));
}

/* proves: API-X1, API-X2, IO-4, IO-5 */
static void t_api_7_pointers_of_extension_functions(void) {
    const GUID guids[] = {WSAID_ACCEPTEX, WSAID_GETACCEPTEXSOCKADDRS, WSAID_CONNECTEX, WSAID_DISCONNECTEX, WSAID_WSAPOLL};
    GUID guid = WSAID_ACCEPTEX, unknown = WSAID_ACCEPTEX;
    struct extended operation;
    void *function;
    DWORD bytes, narrow;
    SOCKET s, base;
    int i;
    start();
    s = make(AF_INET, SOCK_STREAM);
    for (i = 0; i < COUNT(guids); i++) {
        CHECK(extension(s, guids[i]) == extension(s, guids[i]));
    }
    unknown.Data1++;
    unknown.Data4[7]++;
    CHECK_FAILS(WSAIoctl(s, SIO_GET_EXTENSION_FUNCTION_POINTER, &unknown, sizeof unknown, &function, sizeof function,
                         &bytes, NULL, NULL),
                SOCKET_ERROR, WSAEINVAL);
    CHECK_FAILS(WSAIoctl(s, SIO_GET_EXTENSION_FUNCTION_POINTER, &guid, sizeof guid, &narrow, sizeof narrow, &bytes, NULL,
                         NULL),
                SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(WSAIoctl(s, SIO_GET_EXTENSION_FUNCTION_POINTER, &guid, 15, &function, sizeof function, &bytes, NULL,
                         NULL),
                SOCKET_ERROR, WSAEFAULT);
    prepare_extended(&operation, 0);
    CHECK_FAILS(WSAIoctl(s, SIO_BSP_HANDLE_POLL, NULL, 0, &base, sizeof base, &bytes, &operation.overlapped, NULL),
                SOCKET_ERROR, WSAEINVAL);
    CHECK_EQ(WSAIoctl(s, SIO_BSP_HANDLE_POLL, NULL, 0, &base, sizeof base, &bytes, NULL, NULL), 0);
    CHECK_EQ(base, s);
    /* They know the sockets that are open, and no others. */
    LPFN_CONNECTEX connect_ex = connect_ex_of(s);
    LPFN_DISCONNECTEX disconnect_ex = disconnect_ex_of(s);
    LPFN_ACCEPTEX accept_ex = EXTENSION(s, LPFN_ACCEPTEX, WSAID_ACCEPTEX);
    struct sockaddr_in name = loopback(1);
    CHECK_EQ(closesocket(s), 0);
    CHECK_FAILS(connect_ex(s, (struct sockaddr *)&name, sizeof name, NULL, 0, NULL, &operation.overlapped), FALSE,
                WSAENOTSOCK);
    CHECK_FAILS(disconnect_ex(INVALID_SOCKET, &operation.overlapped, 0, 0), FALSE, WSAENOTSOCK);
    CHECK_FAILS(accept_ex(s, s, operation.buffer, 0, BLOCK, BLOCK, &bytes, &operation.overlapped), FALSE, WSAENOTSOCK);
    CHECK_FAILS(AcceptEx(s, s, operation.buffer, 0, BLOCK, BLOCK, &bytes, &operation.overlapped), FALSE, WSAENOTSOCK);
    CHECK_EQ(operation.overlapped.Internal, 0);
    stop();
    CHECK_FAILS(connect_ex(s, (struct sockaddr *)&name, sizeof name, NULL, 0, NULL, &operation.overlapped), FALSE,
                WSANOTINITIALISED);
}

/* proves: API-X10, API-X13, API-X3, API-X4 */
static void api_x13_what_an_accept_needs(void) {
    SOCKET listener, into, used, other, datagram;
    struct extended operation, second;
    start();
    listener = listening();
    into = make(AF_INET, SOCK_STREAM);
    used = bound(SOCK_STREAM);
    other = make(AF_INET6, SOCK_STREAM);
    datagram = bound(SOCK_DGRAM);
    prepare_extended(&operation, 0);
#define FAILS(listener, into, buffer, local, remote, overlapped, error)                                           \
    CHECK_FAILS(AcceptEx(listener, into, buffer, 0, local, remote, &operation.bytes, overlapped), FALSE, error)
    FAILS(listener, into, operation.buffer, BLOCK, BLOCK, NULL, WSA_INVALID_PARAMETER);
    FAILS(listener, into, operation.buffer, 16, BLOCK, &operation.overlapped, WSAEINVAL);
    FAILS(listener, into, operation.buffer, BLOCK, BLOCK - 1, &operation.overlapped, WSAEINVAL);
    FAILS(listener, into, operation.buffer, BLOCK, 0, &operation.overlapped, WSAEFAULT);
    FAILS(listener, into, NULL, BLOCK, BLOCK, &operation.overlapped, WSAEFAULT);
    FAILS(used, into, operation.buffer, BLOCK, BLOCK, &operation.overlapped, WSAEINVAL);
    FAILS(datagram, into, operation.buffer, BLOCK, BLOCK, &operation.overlapped, WSAEOPNOTSUPP);
    FAILS(listener, used, operation.buffer, BLOCK, BLOCK, &operation.overlapped, WSAEINVAL);
    FAILS(listener, listener, operation.buffer, BLOCK, BLOCK, &operation.overlapped, WSAEINVAL);
    FAILS(listener, other, operation.buffer, BLOCK, BLOCK, &operation.overlapped, WSAEINVAL);
    FAILS(listener, datagram, operation.buffer, BLOCK, BLOCK, &operation.overlapped, WSAEINVAL);
    FAILS(listener, INVALID_SOCKET, operation.buffer, BLOCK, BLOCK, &operation.overlapped, WSAENOTSOCK);
    CHECK_EQ(operation.overlapped.Internal, 0);
    /* One at a time. */
    begin_accept(listener, into, &operation, 0);
    prepare_extended(&second, 0);
    FAILS(listener, into, second.buffer, BLOCK, BLOCK, &second.overlapped, WSAEINVAL);
    stop();
}

/* proves: API-X11, API-X14, API-X17, API-X18, T-API-8 */
static void api_x12_without_data_an_accept_ends_with_the_connection(void) {
    int with_event;
    start();
    for (with_event = 0; with_event < 2; with_event++) {
        SOCKET listener = listening(), into = make(AF_INET, SOCK_STREAM), client;
        struct extended operation;
        struct sockaddr *local, *remote;
        int local_length, remote_length, length = sizeof(DWORD);
        DWORD seconds = 0;
        prepare_extended(&operation, with_event);
        begin_accept(listener, into, &operation, 0);
        CHECK_EQ(getsockopt(into, SOL_SOCKET, SO_CONNECT_TIME, (char *)&seconds, &length), 0);
        CHECK_EQ(seconds, 0xFFFFFFFF);
        client = connected_to(listener);
        check_over(listener, &operation, 0, 0);
        GetAcceptExSockaddrs(operation.buffer, 0, BLOCK, BLOCK, &local, &local_length, &remote, &remote_length);
        check_same_name(local, local_length, name_of(listener));
        check_same_name(remote, remote_length, name_of(client));
        CHECK_EQ(getsockopt(into, SOL_SOCKET, SO_CONNECT_TIME, (char *)&seconds, &length), 0);
        CHECK(seconds < 60);
        send_text(client, "there");
        expect_text(into, "there");
        send_text(into, "and back");
        expect_text(client, "and back");
        CHECK_EQ(closesocket(into), 0);
        CHECK_EQ(recv(client, operation.buffer, 1, 0), 0);
        CHECK_EQ(closesocket(client), 0);
        CHECK_EQ(closesocket(listener), 0);
    }
    stop();
}

static void api_x12_with_data_an_accept_ends_with_the_first_bytes(void) {
    SOCKET listener, into, client;
    struct extended operation;
    struct sockaddr *local, *remote;
    int local_length, remote_length, round;
    start();
    listener = listening();
    /* The connection comes after the call, before it, and before it with its data. */
    for (round = 0; round < 3; round++) {
        into = make(AF_INET, SOCK_STREAM);
        prepare_extended(&operation, 1);
        client = INVALID_SOCKET;
        if (round > 0) {
            client = connected_to(listener);
        }
        if (round == 2) {
            send_text(client, "hello");
        }
        CHECK_STARTS(AcceptEx(listener, into, operation.buffer, 100, BLOCK, BLOCK, &operation.bytes,
                              &operation.overlapped));
        if (round == 0) {
            client = connected_to(listener);
        }
        if (round < 2) {
            CHECK_EQ(WSAWaitForMultipleEvents(1, &operation.overlapped.hEvent, TRUE, 50, FALSE), WSA_WAIT_TIMEOUT);
            send_text(client, "hello");
        }
        check_over(listener, &operation, 0, 5);
        CHECK(memcmp(operation.buffer, "hello", 5) == 0);
        GetAcceptExSockaddrs(operation.buffer, 100, BLOCK, BLOCK, &local, &local_length, &remote, &remote_length);
        check_same_name(local, local_length, name_of(listener));
        check_same_name(remote, remote_length, name_of(client));
        send_text(into, "answer");
        expect_text(client, "answer");
        CHECK_EQ(closesocket(into), 0);
        CHECK_EQ(closesocket(client), 0);
    }
    /* A connection that ends without data ends the call. */
    into = make(AF_INET, SOCK_STREAM);
    prepare_extended(&operation, 1);
    CHECK_PENDS(AcceptEx(listener, into, operation.buffer, 100, BLOCK, BLOCK, NULL, &operation.overlapped));
    CHECK_EQ(closesocket(connected_to(listener)), 0);
    check_over(listener, &operation, 0, 0);
    stop();
}

static void api_x15_a_connection_that_is_reset_before_its_data(void) {
    SOCKET listener, into, client;
    struct extended operation;
    struct linger hard = {1, 0};
    start();
    listener = listening();
    into = make(AF_INET, SOCK_STREAM);
    prepare_extended(&operation, 1);
    begin_accept(listener, into, &operation, 100);
    client = connected_to(listener);
    CHECK_EQ(setsockopt(client, SOL_SOCKET, SO_LINGER, (char *)&hard, sizeof hard), 0);
    CHECK_EQ(closesocket(client), 0);
    check_over(listener, &operation, WSAECONNRESET, 0);
    stop();
}

static void api_x16_the_context_of_the_listener(void) {
    SOCKET listener, into, client, nobody = INVALID_SOCKET;
    struct extended operation;
    struct sockaddr_in name;
    struct linger linger = {1, 7}, got;
    int length = sizeof got, name_length = sizeof name;
    start();
    listener = listening();
    CHECK_EQ(setsockopt(listener, SOL_SOCKET, SO_LINGER, (char *)&linger, sizeof linger), 0);
    into = make(AF_INET, SOCK_STREAM);
    CHECK_FAILS(setsockopt(into, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT, (char *)&listener, sizeof listener), SOCKET_ERROR,
                WSAENOTCONN);
    prepare_extended(&operation, 1);
    begin_accept(listener, into, &operation, 0);
    client = connected_to(listener);
    check_over(listener, &operation, 0, 0);
    CHECK_EQ(getsockopt(into, SOL_SOCKET, SO_LINGER, (char *)&got, &length), 0);
    CHECK_EQ(got.l_onoff, 0);
    CHECK_FAILS(setsockopt(into, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT, (char *)&listener, 7), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(setsockopt(into, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT, (char *)&client, sizeof client), SOCKET_ERROR,
                WSAEINVAL);
    CHECK_FAILS(setsockopt(into, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT, (char *)&nobody, sizeof nobody), SOCKET_ERROR,
                WSAENOTSOCK);
    CHECK_EQ(setsockopt(into, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT, (char *)&listener, sizeof listener), 0);
    CHECK_EQ(getsockopt(into, SOL_SOCKET, SO_LINGER, (char *)&got, &length), 0);
    CHECK_EQ(got.l_onoff, 1);
    CHECK_EQ(got.l_linger, 7);
    name_length = sizeof name;
    CHECK_EQ(getpeername(into, (struct sockaddr *)&name, &name_length), 0);
    CHECK_EQ(name.sin_port, name_of(client).sin_port);
    CHECK_EQ(name_of(into).sin_port, name_of(listener).sin_port);
    stop();
}

static void api_x17_closing_the_socket_that_is_to_be_connected_ends_its_accept(void) {
    SOCKET listener, first, second, client;
    struct extended operations[2];
    start();
    listener = listening();
    first = make(AF_INET, SOCK_STREAM);
    second = make(AF_INET, SOCK_STREAM);
    prepare_extended(&operations[0], 1);
    prepare_extended(&operations[1], 1);
    begin_accept(listener, first, &operations[0], 0);
    begin_accept(listener, second, &operations[1], 100);
    CHECK_EQ(closesocket(first), 0);
    check_over(listener, &operations[0], WSA_OPERATION_ABORTED, 0);
    /* The connection goes to the next. */
    client = connected_to(listener);
    CHECK_EQ(WSAWaitForMultipleEvents(1, &operations[1].overlapped.hEvent, TRUE, 50, FALSE), WSA_WAIT_TIMEOUT);
    /* It waits for data now. */
    CHECK_EQ(closesocket(second), 0);
    check_over(listener, &operations[1], WSA_OPERATION_ABORTED, 0);
    CHECK(recv(client, operations[0].buffer, 1, 0) <= 0);
    stop();
}

static void api_x18_closing_the_listener_ends_its_accepts(void) {
    SOCKET listener, first, second, again;
    struct extended operations[3];
    start();
    listener = listening();
    again = listening();
    first = make(AF_INET, SOCK_STREAM);
    second = make(AF_INET, SOCK_STREAM);
    prepare_extended(&operations[0], 1);
    prepare_extended(&operations[1], 1);
    prepare_extended(&operations[2], 1);
    begin_accept(listener, first, &operations[0], 100);
    CHECK(connected_to(listener) != INVALID_SOCKET);
    CHECK_EQ(WSAWaitForMultipleEvents(1, &operations[0].overlapped.hEvent, TRUE, 50, FALSE), WSA_WAIT_TIMEOUT);
    begin_accept(listener, second, &operations[1], 0);
    CHECK_EQ(closesocket(listener), 0);
    check_over(INVALID_SOCKET, &operations[0], WSA_OPERATION_ABORTED, 0);
    check_over(INVALID_SOCKET, &operations[1], WSA_OPERATION_ABORTED, 0);
    /* The one that was not connected can be used with another listener. */
    begin_accept(again, second, &operations[2], 0);
    CHECK(connected_to(again) != INVALID_SOCKET);
    check_over(again, &operations[2], 0, 0);
    stop();
}

static void wsp_cleanup_8_the_last_clean_up_tells_no_accept_and_no_connect(void) {
    SOCKET listener, first, second;
    struct extended operations[2];
    int i;
    start();
    listener = listening();
    first = make(AF_INET, SOCK_STREAM);
    second = make(AF_INET, SOCK_STREAM);
    for (i = 0; i < 2; i++) {
        prepare_extended(&operations[i], 1);
        begin_accept(listener, i == 0 ? first : second, &operations[i], i == 0 ? 100 : 0);
        if (i == 0) {
            CHECK(connected_to(listener) != INVALID_SOCKET);
            CHECK_EQ(WSAWaitForMultipleEvents(1, &operations[0].overlapped.hEvent, TRUE, 50, FALSE), WSA_WAIT_TIMEOUT);
        }
    }
    stop();
    for (i = 0; i < 2; i++) {
        CHECK_EQ(WSAWaitForMultipleEvents(1, &operations[i].overlapped.hEvent, TRUE, 0, FALSE), WSA_WAIT_TIMEOUT);
        CHECK_EQ(operations[i].overlapped.OffsetHigh, WSA_OPERATION_ABORTED);
        CHECK_EQ(operations[i].overlapped.Internal, CANCELLED);
    }
}

/* proves: API-X22, API-X23 */
static void api_x20_what_a_connect_needs(void) {
    SOCKET s, listener, datagram, closed;
    struct extended operation;
    struct sockaddr_in name, nobody;
    LPFN_CONNECTEX connect_ex;
    start();
    listener = listening();
    name = name_of(listener);
    s = make(AF_INET, SOCK_STREAM);
    datagram = bound(SOCK_DGRAM);
    connect_ex = connect_ex_of(s);
    prepare_extended(&operation, 1);
#define CONNECT_FAILS(s, name, length, overlapped, error)                                                         \
    CHECK_FAILS(connect_ex(s, (struct sockaddr *)(name), length, NULL, 0, NULL, overlapped), FALSE, error)
    CONNECT_FAILS(s, &name, sizeof name, &operation.overlapped, WSAEINVAL);
    CHECK_EQ(bind(s, (struct sockaddr *)&(struct sockaddr_in){.sin_family = AF_INET}, sizeof name), 0);
    CONNECT_FAILS(s, &name, sizeof name, NULL, WSA_INVALID_PARAMETER);
    CONNECT_FAILS(s, NULL, sizeof name, &operation.overlapped, WSAEFAULT);
    CONNECT_FAILS(s, &name, 3, &operation.overlapped, WSAEFAULT);
    CONNECT_FAILS(s, &((struct sockaddr_in6){.sin6_family = AF_INET6}), sizeof(struct sockaddr_in6),
                  &operation.overlapped, WSAEAFNOSUPPORT);
    CONNECT_FAILS(listener, &name, sizeof name, &operation.overlapped, WSAEINVAL);
    CONNECT_FAILS(datagram, &name, sizeof name, &operation.overlapped, WSAEOPNOTSUPP);
    CONNECT_FAILS(s, &((struct sockaddr_in){.sin_family = AF_INET, .sin_port = 1}), sizeof name, &operation.overlapped,
                  WSAEADDRNOTAVAIL);
    CHECK_EQ(operation.overlapped.Internal, 0);
    /* Nobody listens there. Another attempt may follow. */
    closed = bound(SOCK_STREAM);
    nobody = name_of(closed);
    CHECK_STARTS(connect_ex(s, (struct sockaddr *)&nobody, sizeof nobody, NULL, 0, NULL, &operation.overlapped) ||
                 WSAGetLastError() == WSAECONNREFUSED);
    if (WSAGetLastError() == WSA_IO_PENDING) {
        check_over(s, &operation, WSAECONNREFUSED, 0);
        prepare_extended(&operation, 1);
    }
    CHECK_STARTS(connect_ex(s, (struct sockaddr *)&name, sizeof name, NULL, 0, NULL, &operation.overlapped));
    check_over(s, &operation, 0, 0);
    prepare_extended(&operation, 1);
    CONNECT_FAILS(s, &name, sizeof name, &operation.overlapped, WSAEISCONN);
    stop();
}

/* proves: API-X24, API-S4, T-API-8 */
static void api_x21_a_connect_sends_the_first_data(void) {
    enum { LARGE = 8 << 20 };
    SOCKET listener, client, server;
    struct extended operation;
    struct sockaddr_in name, peer;
    int length = sizeof peer, i;
    char *large = malloc(LARGE);
    CHECK(large != NULL);
    memset(large, 'x', LARGE);
    start();
    listener = listening();
    name = name_of(listener);
    for (i = 0; i < 2; i++) {
        DWORD bytes = i == 0 ? 5 : LARGE;
        client = bound(SOCK_STREAM);
        prepare_extended(&operation, i);
        CHECK_FAILS(setsockopt(client, SOL_SOCKET, SO_UPDATE_CONNECT_CONTEXT, NULL, 0), SOCKET_ERROR, WSAENOTCONN);
        CHECK_STARTS(connect_ex_of(client)(client, (struct sockaddr *)&name, sizeof name, i == 0 ? "first" : large, bytes,
                                           &operation.bytes, &operation.overlapped));
        server = accept(listener, NULL, NULL);
        CHECK(server != INVALID_SOCKET);
        if (i == 0) {
            expect_text(server, "first");
        } else {
            CHECK(!HasOverlappedIoCompleted(&operation.overlapped));
            drain(server, LARGE);
        }
        check_over(client, &operation, 0, bytes);
        CHECK_EQ(setsockopt(client, SOL_SOCKET, SO_UPDATE_CONNECT_CONTEXT, NULL, 0), 0);
        CHECK_EQ(getpeername(client, (struct sockaddr *)&peer, &length), 0);
        CHECK_EQ(peer.sin_port, name.sin_port);
        CHECK_EQ(shutdown(client, SD_SEND), 0);
        CHECK_EQ(recv(server, large, 1, 0), 0);
    }
    stop();
    free(large);
}

static void wsp_close_2_a_close_ends_a_connect(void) {
    SOCKET client;
    SOCKET listener;
    struct extended operation;
    struct sockaddr_in full;
    int i;
    start();
    /* A full listener makes a client wait. */
    listener = bound(SOCK_STREAM);
    CHECK_EQ(listen(listener, 1), 0);
    full = name_of(listener);
    for (i = 0; i < 64; i++) {
        SOCKET filler = bound(SOCK_STREAM);
        prepare_extended(&operation, 1);
        CHECK_STARTS(connect_ex_of(filler)(filler, (struct sockaddr *)&full, sizeof full, NULL, 0, NULL,
                                           &operation.overlapped));
        if (WSAWaitForMultipleEvents(1, &operation.overlapped.hEvent, TRUE, 200, FALSE) == WSA_WAIT_TIMEOUT) {
            client = filler;
            CHECK_FAILS(connect_ex_of(client)(client, (struct sockaddr *)&full, sizeof full, NULL, 0, NULL,
                                              &(WSAOVERLAPPED){0}),
                        FALSE, WSAEALREADY);
            CHECK_EQ(closesocket(client), 0);
            check_over(INVALID_SOCKET, &operation, WSA_OPERATION_ABORTED, 0);
            stop();
            return;
        }
        CHECK_EQ(WSACloseEvent(operation.overlapped.hEvent), TRUE);
    }
    CHECK(!"the listener was never full");
}

/* proves: API-X32 */
static void api_x30_what_a_disconnect_needs(void) {
    SOCKET ends[2], alone, datagram;
    struct extended operation;
    LPFN_DISCONNECTEX disconnect_ex;
    start();
    pair(ends);
    alone = bound(SOCK_STREAM);
    datagram = bound(SOCK_DGRAM);
    disconnect_ex = disconnect_ex_of(alone);
    prepare_extended(&operation, 1);
    CHECK_FAILS(disconnect_ex(ends[0], &operation.overlapped, 1, 0), FALSE, WSAEINVAL);
    CHECK_FAILS(disconnect_ex(ends[0], &operation.overlapped, 3, 0), FALSE, WSAEINVAL);
    CHECK_FAILS(disconnect_ex(ends[0], &operation.overlapped, 0, 1), FALSE, WSAEINVAL);
    CHECK_FAILS(disconnect_ex(alone, &operation.overlapped, 0, 0), FALSE, WSAENOTCONN);
    CHECK_FAILS(disconnect_ex(alone, NULL, TF_REUSE_SOCKET, 0), FALSE, WSAENOTCONN);
    CHECK_FAILS(disconnect_ex(datagram, &operation.overlapped, 0, 0), FALSE, WSAEOPNOTSUPP);
    CHECK_FAILS(disconnect_ex(ends[0], (LPOVERLAPPED)(void *)((char *)&operation + 1), 0, 0), FALSE, WSAEFAULT);
    stop();
    start();
    pair(ends);
    prepare_extended(&operation, 1);
    CHECK_PENDS(disconnect_ex_of(ends[0])(ends[0], &operation.overlapped, 0, 0));
    CHECK_FAILS(disconnect_ex_of(ends[0])(ends[0], NULL, 0, 0), FALSE, WSAENOTCONN);
    CHECK_FAILS(send(ends[0], "x", 1, 0), SOCKET_ERROR, WSAESHUTDOWN);
    CHECK_EQ(recv(ends[1], operation.buffer, 1, 0), 0);
    CHECK(!HasOverlappedIoCompleted(&operation.overlapped));
    send_text(ends[1], "still"); /* Without reuse, this side still receives. */
    expect_text(ends[0], "still");
    CHECK_EQ(closesocket(ends[1]), 0);
    check_over(ends[0], &operation, 0, 0);
    stop();
}

static DWORD WINAPI disconnect_and_wait(void *s) {
    CHECK_FAILS(disconnect_ex_of((SOCKET)s)((SOCKET)s, NULL, TF_REUSE_SOCKET, 0), FALSE, WSAEINTR);
    return 0;
}

/* proves: API-X31 */
static void wsp_close_3_a_close_ends_a_disconnect_that_blocks(void) {
    SOCKET ends[2];
    HANDLE thread;
    char byte;
    start();
    pair(ends);
    thread = CreateThread(NULL, 0, disconnect_and_wait, (void *)ends[0], 0, NULL);
    CHECK(thread != NULL);
    CHECK_EQ(recv(ends[1], &byte, 1, 0), 0);
    CHECK_EQ(WaitForSingleObject(thread, 50), WAIT_TIMEOUT); /* The peer has not ended its side. */
    CHECK_EQ(closesocket(ends[0]), 0);
    CHECK_EQ(WaitForSingleObject(thread, 30000), WAIT_OBJECT_0);
    stop();
}

/* A server and a client that use the same two sockets again and again. */
static void api_x31_a_socket_is_used_again(void) {
    SOCKET listener, server, client;
    struct sockaddr_in name;
    LPFN_CONNECTEX connect_ex;
    LPFN_DISCONNECTEX disconnect_ex;
    u_short port;
    struct sockaddr *local, *remote;
    int round, local_length, remote_length;
    start();
    listener = listening();
    name = name_of(listener);
    server = make(AF_INET, SOCK_STREAM);
    client = bound(SOCK_STREAM);
    port = name_of(client).sin_port;
    connect_ex = connect_ex_of(client);
    disconnect_ex = disconnect_ex_of(client);
    for (round = 0; round < 6; round++) {
        struct extended accepted, connected, disconnected, received;
        WSABUF buffer = {10, received.buffer};
        DWORD flags = 0;
        prepare_extended(&accepted, 1);
        prepare_extended(&connected, round % 2);
        prepare_extended(&disconnected, round % 2);
        prepare_extended(&received, 1);
        begin_accept(listener, server, &accepted, 64);
        CHECK_STARTS(connect_ex(client, (struct sockaddr *)&name, sizeof name, "first", 5, NULL, &connected.overlapped));
        check_over(client, &connected, 0, 5);
        check_over(listener, &accepted, 0, 5);
        CHECK(memcmp(accepted.buffer, "first", 5) == 0);
        GetAcceptExSockaddrs(accepted.buffer, 64, BLOCK, BLOCK, &local, &local_length, &remote, &remote_length);
        CHECK_EQ(((struct sockaddr_in *)remote)->sin_port, port); /* The client is bound still. */
        CHECK_EQ(setsockopt(server, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT, (char *)&listener, sizeof listener), 0);
        CHECK_EQ(setsockopt(client, SOL_SOCKET, SO_UPDATE_CONNECT_CONTEXT, NULL, 0), 0);
        /* Overlapped and plain transfers work on them each time. */
        CHECK_FAILS(WSARecv(server, &buffer, 1, NULL, &flags, &received.overlapped, NULL), SOCKET_ERROR, WSA_IO_PENDING);
        send_text(client, "more");
        check_over(server, &received, 0, 4);
        send_text(server, "answer");
        expect_text(client, "answer");
        send_text(client, "what nobody receives");
        /* The server ends first, so that what remains of the connection is not in the way of the client. */
        if (round < 4) {
            CHECK_PENDS(disconnect_ex(server, &disconnected.overlapped, TF_REUSE_SOCKET, 0));
            CHECK_EQ(recv(client, received.buffer, 1, 0), 0);
            CHECK_EQ(disconnect_ex(client, NULL, TF_REUSE_SOCKET, 0), TRUE);
            check_over(server, &disconnected, 0, 0);
        } else {
            CHECK_EQ(shutdown(server, SD_SEND), 0);
            CHECK_EQ(recv(client, received.buffer, 1, 0), 0);
            CHECK_STARTS(disconnect_ex(client, &disconnected.overlapped, TF_REUSE_SOCKET, 0));
            CHECK_EQ(disconnect_ex(server, NULL, TF_REUSE_SOCKET, 0), TRUE);
            check_over(client, &disconnected, 0, 0);
        }
        CHECK_FAILS(send(server, "x", 1, 0), SOCKET_ERROR, WSAENOTCONN);
        CHECK_FAILS(recv(client, received.buffer, 1, 0), SOCKET_ERROR, WSAENOTCONN);
    }
    stop();
}

/* The socket that is to become the connection may have a registration already. */
static void ev_12_a_registration_goes_over_to_the_connection(void) {
    SOCKET listener, into, client;
    struct extended operation;
    WSANETWORKEVENTS events;
    WSAEVENT event;
    start();
    listener = listening();
    into = make(AF_INET, SOCK_STREAM);
    event = WSACreateEvent();
    CHECK_EQ(WSAEventSelect(into, event, FD_READ | FD_CLOSE), 0);
    prepare_extended(&operation, 1);
    begin_accept(listener, into, &operation, 0);
    client = connected_to(listener);
    check_over(listener, &operation, 0, 0);
    CHECK_EQ(WSAEnumNetworkEvents(into, event, &events), 0);
    send_text(client, "x");
    CHECK_EQ(WSAWaitForMultipleEvents(1, &event, TRUE, 30000, FALSE), WSA_WAIT_EVENT_0);
    CHECK_EQ(WSAEnumNetworkEvents(into, event, &events), 0);
    CHECK_EQ(events.lNetworkEvents, FD_READ);
    expect_text(into, "x");
    CHECK_EQ(closesocket(client), 0);
    CHECK_EQ(WSAWaitForMultipleEvents(1, &event, TRUE, 30000, FALSE), WSA_WAIT_EVENT_0);
    CHECK_EQ(WSAEnumNetworkEvents(into, event, &events), 0);
    CHECK_EQ(events.lNetworkEvents, FD_CLOSE);
    stop();
}

int main(int argc, char **argv) {
    const struct test tests[] = {
        TEST(t_api_7_pointers_of_extension_functions),
        TEST(api_x13_what_an_accept_needs),
        TEST(api_x12_without_data_an_accept_ends_with_the_connection),
        TEST(api_x12_with_data_an_accept_ends_with_the_first_bytes),
        TEST(api_x15_a_connection_that_is_reset_before_its_data),
        TEST(api_x16_the_context_of_the_listener),
        TEST(api_x17_closing_the_socket_that_is_to_be_connected_ends_its_accept),
        TEST(api_x18_closing_the_listener_ends_its_accepts),
        TEST(wsp_cleanup_8_the_last_clean_up_tells_no_accept_and_no_connect),
        TEST(api_x20_what_a_connect_needs),
        TEST(api_x21_a_connect_sends_the_first_data),
        TEST(wsp_close_2_a_close_ends_a_connect),
        TEST(api_x30_what_a_disconnect_needs),
        TEST(wsp_close_3_a_close_ends_a_disconnect_that_blocks),
        TEST(api_x31_a_socket_is_used_again),
        TEST(ev_12_a_registration_goes_over_to_the_connection),
    };
    return run_tests(tests, COUNT(tests), argc, argv);
}
