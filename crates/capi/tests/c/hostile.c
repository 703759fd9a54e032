/* What a program must not do. Whatever it is, it gets an error, and everything goes on. */
#include "fixture.h"
#include <mswsock.h>
#include <sporder.h>
#include <ws2spi.h>

#include <pthread.h>
#include <stdatomic.h>

/* Both ends of a connection that never block. */
static void quiet_pair(SOCKET ends[2]) {
    pair(ends);
    set_blocking(ends[0], 0);
    set_blocking(ends[1], 0);
}

/* proves: LC-ERR-9, API-3 */
static void null_pointers_to_sockets(void) {
    SOCKET ends[2], udp, fresh, listener;
    struct sockaddr_in name = loopback(1);
    WSABUF buffer = {1, NULL};
    WSANETWORKEVENTS *no_events = NULL;
    DWORD bytes = 0, flags = 0;
    int len = -1;
    start();
    quiet_pair(ends);
    udp = bound(SOCK_DGRAM);
    set_blocking(udp, 0);
    fresh = make(AF_INET, SOCK_STREAM);
    listener = listening();
    set_blocking(listener, 0);

    CHECK_FAILS(bind(fresh, NULL, 0), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(bind(fresh, NULL, 16), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(bind(fresh, (struct sockaddr *)&name, -1), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(bind(fresh, (struct sockaddr *)&name, 3), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(connect(fresh, NULL, 16), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(connect(fresh, (struct sockaddr *)&name, -16), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(WSAConnect(fresh, NULL, 0, NULL, NULL, NULL, NULL), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(getsockname(udp, NULL, NULL), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(getsockname(udp, (struct sockaddr *)&name, NULL), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(getsockname(udp, (struct sockaddr *)&name, &len), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(getpeername(ends[0], NULL, &len), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(getsockopt(fresh, SOL_SOCKET, SO_TYPE, NULL, NULL), SOCKET_ERROR, WSAEFAULT);
    len = 4;
    CHECK_FAILS(getsockopt(fresh, SOL_SOCKET, SO_TYPE, NULL, &len), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(getsockopt(fresh, SOL_SOCKET, SO_OPENTYPE, NULL, &len), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(setsockopt(fresh, SOL_SOCKET, SO_OPENTYPE, NULL, 4), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(ioctlsocket(fresh, FIONBIO, NULL), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(WSAIoctl(ends[0], FIONREAD, NULL, 0, NULL, 0, NULL, NULL, NULL), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(send(ends[0], NULL, 5, 0), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(sendto(udp, "x", 1, 0, NULL, 16), SOCKET_ERROR, WSAENOTCONN); /* no address is that of the peer */
    CHECK_FAILS(sendto(udp, "x", 1, 0, (struct sockaddr *)&name, -1), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(WSASend(ends[0], NULL, 1, &bytes, 0, NULL, NULL), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(WSASend(ends[0], &buffer, 1, &bytes, 0, NULL, NULL), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(WSARecv(ends[0], NULL, 1, &bytes, &flags, NULL, NULL), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(WSARecv(ends[0], &buffer, 1, &bytes, NULL, NULL, NULL), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(WSARecvFrom(udp, NULL, 1, &bytes, &flags, NULL, NULL, NULL, NULL), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(accept(listener, NULL, NULL), INVALID_SOCKET, WSAEWOULDBLOCK);
    CHECK_FAILS(WSAEnumNetworkEvents(fresh, NULL, no_events), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(WSAGetOverlappedResult(fresh, NULL, NULL, FALSE, NULL), FALSE, WSAEFAULT);
    CHECK_FAILS(WSAJoinLeaf(udp, NULL, 0, NULL, NULL, NULL, NULL, JL_BOTH), INVALID_SOCKET, WSAEFAULT);
    CHECK(WSAGetQOSByName(fresh, NULL, NULL) == FALSE);
    /* Nothing of this harmed them. */
    CHECK_EQ(send(ends[0], "x", 1, 0), 1);
    stop();
}

/* Functions beside sockets, all their pointers null. */
static void null_pointers_elsewhere(void) {
    HANDLE handle;
    start();
    CHECK_FAILS(WSAEnumProtocolsA(NULL, NULL, NULL), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(WSAEnumProtocolsW(NULL, NULL, NULL), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(WSAEnumNameSpaceProvidersW(NULL, NULL), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(WSAEnumNameSpaceProvidersExA(NULL, NULL), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(WSAPoll(NULL, 3, 0), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(select(0, NULL, NULL, NULL, NULL), SOCKET_ERROR, WSAEINVAL);
    CHECK_FAILS(WSAAddressToStringA(NULL, 0, NULL, NULL, NULL), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(WSAStringToAddressA(NULL, AF_INET, NULL, NULL, NULL), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(gethostname(NULL, 0), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(getaddrinfo(NULL, NULL, NULL, NULL), WSAEFAULT, WSAEFAULT);
    CHECK_FAILS(getnameinfo(NULL, 0, NULL, 0, NULL, 0, 0), WSAEFAULT, WSAEFAULT);
    CHECK_FAILS(WSAWaitForMultipleEvents(1, NULL, FALSE, 0, FALSE), WSA_WAIT_FAILED, WSA_INVALID_PARAMETER);
    CHECK_FAILS(WSASetEvent(NULL), FALSE, WSA_INVALID_HANDLE);
    CHECK_FAILS(WSAResetEvent(NULL), FALSE, WSA_INVALID_HANDLE);
    CHECK_FAILS(WSACloseEvent(NULL), FALSE, WSA_INVALID_HANDLE);
    CHECK_FAILS(CloseHandle(NULL), FALSE, WSA_INVALID_HANDLE);
    CHECK_FAILS(inet_pton(AF_INET, NULL, NULL), -1, WSAEFAULT);
    CHECK_FAILS((size_t)inet_ntop(AF_INET, NULL, NULL, 0), 0, ERROR_INVALID_PARAMETER);
    CHECK_EQ(inet_addr(NULL), INADDR_NONE);
    CHECK_EQ(WSAStartup(MAKEWORD(2, 2), NULL), WSAEFAULT);
    CHECK_EQ(__WSAFDIsSet(1, NULL), 0);
    freeaddrinfo(NULL);
    FreeAddrInfoW(NULL);
    GetAcceptExSockaddrs(NULL, 0, 0, 0, NULL, NULL, NULL, NULL);
    CHECK_FAILS(WSCEnumProtocols(NULL, NULL, NULL, NULL), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(WSCInstallProvider(NULL, NULL, NULL, 0, NULL), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(WSCInstallProviderAndChains(NULL, NULL, NULL, 0, NULL, 0, NULL, NULL), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(WSCInstallProviderAndChains64_32(NULL, NULL, NULL, NULL, 0, NULL, 0, NULL, NULL), SOCKET_ERROR,
                WSAEFAULT);
    CHECK_FAILS(WSCDeinstallProvider(NULL, NULL), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(WSCUpdateProvider(NULL, NULL, NULL, 0, NULL), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(WSCGetProviderPath(NULL, NULL, NULL, NULL), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(WSCGetProviderInfo(NULL, ProviderInfoLspCategories, NULL, NULL, 0, NULL), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(WSCSetProviderInfo(NULL, ProviderInfoLspCategories, NULL, 0, 0, NULL), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(WSCGetApplicationCategory(NULL, 0, NULL, 0, NULL, NULL), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(WSCSetApplicationCategory(NULL, 0, NULL, 0, 0, NULL, NULL), SOCKET_ERROR, WSAEFAULT);
    CHECK_EQ(WSCWriteProviderOrder(NULL, 4), WSAEFAULT);
    CHECK_EQ(WSCWriteNameSpaceOrder(NULL, 4), WSAEFAULT);
    CHECK_FAILS(WSCInstallNameSpaceEx(NULL, NULL, 0, 0, NULL, NULL), SOCKET_ERROR, WSAEINVAL);
    CHECK_FAILS(WPUCompleteOverlappedRequest(INVALID_SOCKET, NULL, 0, 0, NULL), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(WSALookupServiceBeginW(NULL, 0, &handle), SOCKET_ERROR, WSAEFAULT);
    stop();
}

/* A WSAStartup that fails does not count. */
static void failed_starts_do_not_count(void) {
    WSADATA data;
    int i;
    for (i = 0; i < 100; i++) {
        CHECK_EQ(WSAStartup(MAKEWORD(2, 2), NULL), WSAEFAULT);
        CHECK_EQ(WSAStartup(MAKEWORD(0, 1), &data), WSAVERNOTSUPPORTED);
    }
    CHECK_FAILS(socket(AF_INET, SOCK_STREAM, 0), INVALID_SOCKET, WSANOTINITIALISED);
    CHECK_FAILS(WSACleanup(), SOCKET_ERROR, WSANOTINITIALISED);
}

/* ---- Many threads, all at once, on sockets that come and go ---- */

enum { THREADS = 6, SLOTS = 12, SOCKETS = 3000, RESTARTS = 100, SOCKETS_EACH = 20 };

static _Atomic SOCKET shared[SLOTS];
static atomic_int made, stopping;

static unsigned next_random(unsigned *state) {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* Every error here is one that a caller can understand. */
static void check_error(void) {
    static const int expected[] = {
        WSANOTINITIALISED, WSAENOTSOCK,  WSAEINTR,        WSAEWOULDBLOCK, WSAEINVAL,    WSAENOTCONN,  WSAESHUTDOWN,
        WSAECONNREFUSED,   WSAEFAULT,    WSAEISCONN,      WSAEALREADY,    WSAEMSGSIZE,  WSAECONNRESET, WSAEDESTADDRREQ,
        WSAECONNABORTED,   WSAEOPNOTSUPP, WSAEADDRINUSE,  WSAEINPROGRESS, WSAENOTCONN,  WSA_OPERATION_ABORTED,
        WSAENETDOWN,       WSAECANCELLED, WSAENOPROTOOPT,
    };
    int error = WSAGetLastError(), i;
    for (i = 0; i < COUNT(expected); i++)
        if (error == expected[i]) return;
    fprintf(stderr, "an error that nothing explains: %d\n", error);
    exit(1);
}

static void one_call(SOCKET s, unsigned choice) {
    struct sockaddr_in name = loopback((u_short)(20000 + choice % 100));
    struct timeval none = {0, 0};
    WSAPOLLFD element = {s, POLLIN | POLLOUT, 0};
    fd_set reads;
    char data[32];
    int len = sizeof name, value = 1, result = 0;
    ULONG number = 1;
    WSASetLastError(WSAEINVAL);
    switch (choice % 14) {
    case 0: result = send(s, "data", 4, 0); break;
    case 1: result = recv(s, data, sizeof data, 0); break;
    case 2: result = sendto(s, "data", 4, 0, (struct sockaddr *)&name, sizeof name); break;
    case 3: result = recvfrom(s, data, sizeof data, MSG_PEEK, NULL, NULL); break;
    case 4:
        FD_ZERO(&reads);
        FD_SET(s, &reads);
        result = select(0, &reads, NULL, NULL, &none);
        break;
    case 5: result = WSAPoll(&element, 1, 0); break;
    case 6: result = getsockname(s, (struct sockaddr *)&name, &len); break;
    case 7: result = setsockopt(s, SOL_SOCKET, SO_KEEPALIVE, (char *)&value, sizeof value); break;
    case 8: result = ioctlsocket(s, FIONREAD, &number); break;
    case 9: result = WSAEventSelect(s, NULL, 0); break;
    case 10: result = shutdown(s, SD_SEND); break;
    case 11: result = listen(s, 2); break;
    case 12: result = connect(s, (struct sockaddr *)&name, sizeof name); break;
    case 13: result = closesocket(s); break;
    }
    if (result == SOCKET_ERROR) check_error();
}

static void *hammer(void *seed) {
    unsigned state = (unsigned)(size_t)seed * 2654435761u + 1, choice;
    SOCKET s;
    ULONG on = 1;
    while (!atomic_load(&stopping)) {
        choice = next_random(&state);
        if (choice % 5 == 0) {
            s = socket(AF_INET, choice % 3 ? SOCK_DGRAM : SOCK_STREAM, 0);
            if (s != INVALID_SOCKET) {
                atomic_fetch_add(&made, 1);
                ioctlsocket(s, FIONBIO, &on);
                /* Whoever is pushed out is closed, perhaps for the second time. */
                s = atomic_exchange(&shared[choice / 16 % SLOTS], s);
                closesocket(s);
            }
        } else {
            one_call(atomic_load(&shared[choice / 16 % SLOTS]), choice / 256);
        }
    }
    return NULL;
}

static void until_made(int count) {
    while (atomic_load(&made) < count) sched_yield();
}

static void begin(pthread_t threads[THREADS]) {
    int i;
    start();
    for (i = 0; i < SLOTS; i++) atomic_store(&shared[i], INVALID_SOCKET);
    for (i = 0; i < THREADS; i++) CHECK_EQ(pthread_create(&threads[i], NULL, hammer, (void *)(size_t)(i + 1)), 0);
}

/* Everything is well afterwards. */
static void end(pthread_t threads[THREADS]) {
    SOCKET ends[2];
    char byte;
    int i;
    atomic_store(&stopping, 1);
    for (i = 0; i < THREADS; i++) CHECK_EQ(pthread_join(threads[i], NULL), 0);
    pair(ends);
    CHECK_EQ(send(ends[0], "x", 1, 0), 1);
    CHECK_EQ(recv(ends[1], &byte, 1, 0), 1);
    stop();
    CHECK_FAILS(WSACleanup(), SOCKET_ERROR, WSANOTINITIALISED);
}

static void many_threads_on_the_same_sockets(void) {
    pthread_t threads[THREADS];
    begin(threads);
    until_made(SOCKETS);
    end(threads);
}

/* proves: WSA-CLEANUP-3 */
static void many_threads_while_winsock_ends_and_starts(void) {
    pthread_t threads[THREADS];
    int i;
    begin(threads);
    for (i = 1; i <= RESTARTS; i++) {
        until_made(i * SOCKETS_EACH);
        stop();
        start();
    }
    end(threads);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(null_pointers_to_sockets),
        TEST(null_pointers_elsewhere),
        TEST(failed_starts_do_not_count),
        TEST(many_threads_on_the_same_sockets),
        TEST(many_threads_while_winsock_ends_and_starts),
    };
    return run_tests(tests, COUNT(tests), argc, argv);
}
