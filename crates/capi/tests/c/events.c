/* Event objects and waits, the thread error, and what needs no start-up. */
#include "fixture.h"

#include <pthread.h>
#include <sys/wait.h>
#include <mswsock.h>
#include <ws2spi.h>

/* proves: A-S32, A-S33, A-S34, A-S35, API-2 */
static void api_16_events_are_manual_and_not_signalled_at_first(void) {
    WSAEVENT event = WSACreateEvent();
    CHECK(event != WSA_INVALID_EVENT);
    CHECK_EQ(WSAWaitForMultipleEvents(1, &event, FALSE, 0, FALSE), WSA_WAIT_TIMEOUT);
    CHECK_EQ(WSASetEvent(event), TRUE);
    /* Manual: waiting leaves it signalled. */
    CHECK_EQ(WSAWaitForMultipleEvents(1, &event, FALSE, 0, FALSE), WSA_WAIT_EVENT_0);
    CHECK_EQ(WSAWaitForMultipleEvents(1, &event, FALSE, WSA_INFINITE, FALSE), WSA_WAIT_EVENT_0);
    CHECK_EQ(WSAResetEvent(event), TRUE);
    CHECK_EQ(WSAWaitForMultipleEvents(1, &event, FALSE, 0, FALSE), WSA_WAIT_TIMEOUT);
    CHECK_EQ(WSACloseEvent(event), TRUE);
    CHECK_FAILS(WSACloseEvent(event), FALSE, WSA_INVALID_HANDLE);
    CHECK_FAILS(WSASetEvent(event), FALSE, WSA_INVALID_HANDLE);
    CHECK_FAILS(WSAResetEvent(WSA_INVALID_EVENT), FALSE, WSA_INVALID_HANDLE);
    CHECK_FAILS(WSASetEvent((WSAEVENT)(size_t)0x12345678), FALSE, WSA_INVALID_HANDLE);
    CHECK_FAILS(WSASetEvent((WSAEVENT)(size_t)-2), FALSE, WSA_INVALID_HANDLE);
}

/* proves: T-API-10, A-S36 */
static void api_s12_one_to_64_handles(void) {
    WSAEVENT events[WSA_MAXIMUM_WAIT_EVENTS + 1];
    int i;
    for (i = 0; i < COUNT(events); i++) CHECK((events[i] = WSACreateEvent()) != WSA_INVALID_EVENT);
    CHECK_FAILS(WSAWaitForMultipleEvents(0, events, FALSE, 0, FALSE), WSA_WAIT_FAILED, WSA_INVALID_PARAMETER);
    CHECK_FAILS(WSAWaitForMultipleEvents(65, events, FALSE, 0, FALSE), WSA_WAIT_FAILED, WSA_INVALID_PARAMETER);
    CHECK_FAILS(WSAWaitForMultipleEvents((DWORD)-1, events, TRUE, 0, FALSE), WSA_WAIT_FAILED, WSA_INVALID_PARAMETER);
    CHECK_FAILS(WSAWaitForMultipleEvents(1, NULL, FALSE, 0, FALSE), WSA_WAIT_FAILED, WSA_INVALID_PARAMETER);
    CHECK_EQ(WSAWaitForMultipleEvents(64, events, FALSE, 0, FALSE), WSA_WAIT_TIMEOUT);
    CHECK_EQ(WSASetEvent(events[63]), TRUE);
    CHECK_EQ(WSAWaitForMultipleEvents(64, events, FALSE, 0, FALSE), WSA_WAIT_EVENT_0 + 63);
    CHECK_EQ(WSACloseEvent(events[5]), TRUE);
    CHECK_FAILS(WSAWaitForMultipleEvents(64, events, FALSE, 0, FALSE), WSA_WAIT_FAILED, WSA_INVALID_HANDLE);
    CHECK_FAILS(WSAWaitForMultipleEvents(64, events, TRUE, 0, FALSE), WSA_WAIT_FAILED, WSA_INVALID_HANDLE);
}

/* proves: T-API-10 */
static void api_s13_the_smallest_index_or_all(void) {
    WSAEVENT events[4], twice[2];
    HANDLE automatic;
    int i;
    for (i = 0; i < 4; i++) events[i] = WSACreateEvent();
    WSASetEvent(events[3]);
    WSASetEvent(events[1]);
    CHECK_EQ(WSAWaitForMultipleEvents(4, events, FALSE, 0, FALSE), WSA_WAIT_EVENT_0 + 1);
    CHECK_EQ(WSAWaitForMultipleEvents(4, events, TRUE, 0, FALSE), WSA_WAIT_TIMEOUT);
    WSASetEvent(events[0]);
    WSASetEvent(events[2]);
    CHECK(WSAWaitForMultipleEvents(4, events, TRUE, 0, FALSE) <= WSA_WAIT_EVENT_0 + 3);

    /* A wait for all that fails takes nothing from an event that resets itself. */
    automatic = CreateEventA(NULL, FALSE, TRUE, NULL);
    CHECK(automatic != NULL);
    twice[0] = automatic;
    twice[1] = events[0];
    WSAResetEvent(events[0]);
    CHECK_EQ(WSAWaitForMultipleEvents(2, twice, TRUE, 0, FALSE), WSA_WAIT_TIMEOUT);
    CHECK_EQ(WaitForSingleObject(automatic, 0), WAIT_OBJECT_0);
    CHECK_EQ(WaitForSingleObject(automatic, 0), WAIT_TIMEOUT);

    twice[0] = twice[1] = events[1];
    CHECK_FAILS(WSAWaitForMultipleEvents(2, twice, TRUE, 0, FALSE), WSA_WAIT_FAILED, WSA_INVALID_PARAMETER);
    CHECK_EQ(CloseHandle(automatic), TRUE);
}

static void *set_later(void *event) {
    Sleep(20);
    WSASetEvent(event);
    return NULL;
}

/* proves: T-API-10 */
static void api_s14_time_limits_and_waking(void) {
    WSAEVENT events[2];
    pthread_t thread;
    ULONGLONG before = GetTickCount64();
    events[0] = WSACreateEvent();
    events[1] = WSACreateEvent();
    CHECK_EQ(WSAWaitForMultipleEvents(2, events, FALSE, 30, FALSE), WSA_WAIT_TIMEOUT);
    CHECK(GetTickCount64() - before >= 29);
    /* Alertable without anything to run is a wait like any other. */
    CHECK_EQ(WSAWaitForMultipleEvents(2, events, FALSE, 1, TRUE), WSA_WAIT_TIMEOUT);
    CHECK_EQ(SleepEx(1, TRUE), 0);
    CHECK_EQ(pthread_create(&thread, NULL, set_later, events[1]), 0);
    CHECK_EQ(WSAWaitForMultipleEvents(2, events, FALSE, WSA_INFINITE, FALSE), WSA_WAIT_EVENT_0 + 1);
    CHECK_EQ(pthread_join(thread, NULL), 0);
}

/* proves: LC-ERR-10, A-B41, A-B42 */
static void api_18_the_thread_error_is_kept_as_it_was_set(void) {
    int values[] = {12345, 0, -1, WSAEFAULT, 0x7FFFFFFF};
    int i;
    for (i = 0; i < COUNT(values); i++) {
        WSASetLastError(values[i]);
        CHECK_EQ(WSAGetLastError(), values[i]);
        CHECK_EQ(WSAGetLastError(), values[i]);
        CHECK_EQ((int)GetLastError(), values[i]);
    }
    SetLastError(WSAEINTR);
    CHECK_EQ(WSAGetLastError(), WSAEINTR);
}

static void *error_of_thread(void *unused) {
    (void)unused;
    CHECK_EQ(WSAGetLastError(), 0);
    WSASetLastError(222);
    return NULL;
}

static void api_18_each_thread_has_its_own_error(void) {
    pthread_t thread;
    WSASetLastError(111);
    CHECK_EQ(pthread_create(&thread, NULL, error_of_thread, NULL), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(WSAGetLastError(), 111);
}

/* proves: T-API-3, A-B08, A-B09, A-B11, A-B12, A-B14, A-B15, A-B47, A-B49, A-B51, A-B52, A-R09, A-R11, CAT-ST-6 */
static void api_2_helpers_need_no_start_up(void) {
    struct in_addr four;
    unsigned char six[16];
    char text[46];
    WCHAR wide[46];
    fd_set set;
    DWORD len = 0;
    int error = 0;
    CHECK_EQ(htonl(0x01020304), (ULONG)0x04030201);
    CHECK_EQ(ntohl(0x04030201), (ULONG)0x01020304);
    CHECK_EQ(htons(0x0102), 0x0201);
    CHECK_EQ(ntohs(0x0201), 0x0102);
    four.s_addr = inet_addr("127.0.0.1");
    CHECK_EQ(four.s_addr, htonl(INADDR_LOOPBACK));
    CHECK(strcmp(inet_ntoa(four), "127.0.0.1") == 0);
    CHECK_EQ(inet_pton(AF_INET6, "::1", six), 1);
    CHECK(inet_ntop(AF_INET6, six, text, sizeof text) == text);
    CHECK_EQ(InetPtonW(AF_INET, WIDE("1.2.3.4"), &four), 1);
    CHECK(InetNtopW(AF_INET, &four, wide, COUNT(wide)) == wide);
    FD_ZERO(&set);
    FD_SET((SOCKET)7, &set);
    CHECK(FD_ISSET((SOCKET)7, &set));
    CHECK_EQ(__WSAFDIsSet(8, &set), 0);
    freeaddrinfo(NULL);
    FreeAddrInfoW(NULL);
    FreeAddrInfoEx(NULL);
    FreeAddrInfoExW(NULL);
    CHECK_EQ(WSCEnumProtocols(NULL, NULL, &len, &error), SOCKET_ERROR);
    CHECK_EQ(error, WSAENOBUFS);
    CHECK(WSAGetLastError() != WSANOTINITIALISED);
}

/* proves: T-API-3, API-1, WEP-3 */
static void api_1_everything_else_needs_a_start_up(void) {
    struct addrinfo *found = (struct addrinfo *)&found;
    struct sockaddr_in name = loopback(1);
    WSAPOLLFD element = {0, POLLIN, 0};
    WSANAMESPACE_INFOA provider;
    HANDLE handle = NULL;
    char text[256];
    DWORD len = sizeof text;
    CHECK_FAILS(socket(AF_INET, SOCK_STREAM, 0), INVALID_SOCKET, WSANOTINITIALISED);
    CHECK_FAILS(send(1, text, -1, 0), SOCKET_ERROR, WSANOTINITIALISED);
    CHECK_FAILS(WSARecvEx(1, text, -1, NULL), SOCKET_ERROR, WSANOTINITIALISED);
    CHECK_EQ(ProcessSocketNotifications(NULL, 0, NULL, 0, 0, NULL, NULL), WSANOTINITIALISED);
    CHECK_FAILS(WSAEnumProtocolsA(NULL, NULL, &len), SOCKET_ERROR, WSANOTINITIALISED);
    CHECK_FAILS(WSAEnumNameSpaceProvidersA(&len, &provider), SOCKET_ERROR, WSANOTINITIALISED);
    CHECK_FAILS(WSAPoll(&element, 1, 0), SOCKET_ERROR, WSANOTINITIALISED);
    CHECK_FAILS(select(0, NULL, NULL, NULL, NULL), SOCKET_ERROR, WSANOTINITIALISED);
    CHECK_FAILS(gethostname(text, sizeof text), SOCKET_ERROR, WSANOTINITIALISED);
    CHECK_FAILS(getaddrinfo("127.0.0.1", NULL, NULL, &found), WSANOTINITIALISED, WSANOTINITIALISED);
    CHECK(found == NULL);
    CHECK_FAILS(getnameinfo((struct sockaddr *)&name, sizeof name, text, sizeof text, NULL, 0, 0), WSANOTINITIALISED,
                WSANOTINITIALISED);
    CHECK_FAILS(WSAAddressToStringA((struct sockaddr *)&name, sizeof name, NULL, text, &len), SOCKET_ERROR,
                WSANOTINITIALISED);
    CHECK_FAILS(WSAStringToAddressA(text, AF_INET, NULL, (struct sockaddr *)&name, (int *)&len), SOCKET_ERROR,
                WSANOTINITIALISED);
    CHECK_FAILS(WSAProviderConfigChange(&handle, NULL, NULL), SOCKET_ERROR, WSANOTINITIALISED);
    CHECK_FAILS(WSACancelBlockingCall(), SOCKET_ERROR, WSANOTINITIALISED);
    CHECK_FAILS(WSACleanup(), SOCKET_ERROR, WSANOTINITIALISED);
    CHECK(gethostbyname("localhost") == NULL);
    CHECK_EQ(WSAGetLastError(), WSANOTINITIALISED);
}

/* proves: A-B39, A-B40, A-B43, A-B44 */
static void a_b39_blocking_hooks_are_not_of_version_2(void) {
    start();
    CHECK(WSASetBlockingHook(NULL) == NULL);
    CHECK_EQ(WSAGetLastError(), WSAEOPNOTSUPP);
    CHECK_FAILS(WSAUnhookBlockingHook(), SOCKET_ERROR, WSAEOPNOTSUPP);
    CHECK_FAILS(WSACancelBlockingCall(), SOCKET_ERROR, WSAEOPNOTSUPP);
    CHECK_EQ(WSAIsBlocking(), FALSE);
    stop();
}

/* proves: WSA-STARTUP-2, WSA-STARTUP-3, WSA-STARTUP-13, LC-ERR-3, API-3, A-B45 */
static void wsa_startup_3_versions(void) {
    static const WORD asked[][2] = {
        {0x0001, 0x0001}, {0x0101, 0x0101}, {0x0002, 0x0002}, {0x0102, 0x0102}, {0x0202, 0x0202},
        {0x0302, 0x0202}, {0x0003, 0x0202}, {0x0201, 0x0101}, {0xFFFF, 0x0202},
    };
    WSADATA data;
    int i;
    for (i = 0; i < COUNT(asked); i++) {
        memset(&data, 0xAA, sizeof data);
        CHECK_EQ(WSAStartup(asked[i][0], &data), 0);
        CHECK_EQ(data.wVersion, asked[i][1]);
        CHECK_EQ(data.wHighVersion, MAKEWORD(2, 2));
        if (LOBYTE(data.wVersion) == 2) {
            CHECK(strcmp(data.szDescription, "WinSock 2.0") == 0);
            CHECK(strcmp(data.szSystemStatus, "Running") == 0);
        }
        stop();
    }
    WSASetLastError(77);
    CHECK_EQ(WSAStartup(MAKEWORD(0, 9), &data), WSAVERNOTSUPPORTED);
    CHECK_EQ(WSAStartup(MAKEWORD(2, 2), NULL), WSAEFAULT);
    CHECK_EQ(WSAGetLastError(), 77);
    CHECK_FAILS(WSACleanup(), SOCKET_ERROR, WSANOTINITIALISED);
}

/* The child of a fork: its start-up count is 0, and Winsock starts anew in it. */
static int in_child(SOCKET s) {
    char byte;
    WSADATA data;
    if (send(s, "x", 1, 0) != SOCKET_ERROR || WSAGetLastError() != WSANOTINITIALISED) return 1;
    if (WSACleanup() != SOCKET_ERROR || WSAGetLastError() != WSANOTINITIALISED) return 2;
    if (WSAStartup(MAKEWORD(2, 2), &data) != 0) return 3;
    if (recv(s, &byte, 1, 0) != SOCKET_ERROR || WSAGetLastError() != WSAENOTSOCK) return 4;
    s = socket(AF_INET, SOCK_DGRAM, 0);
    if (s == INVALID_SOCKET || closesocket(s) != 0) return 5;
    return WSACleanup() == 0 ? 0 : 6;
}

static void unload_6_a_forked_child_starts_at_zero(void) {
    SOCKET ends[2];
    char byte;
    pid_t child;
    int status;
    start();
    pair(ends);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) _exit(in_child(ends[0]));
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 0);
    /* The parent goes on. */
    CHECK_EQ(send(ends[0], "y", 1, 0), 1);
    CHECK_EQ(recv(ends[1], &byte, 1, 0), 1);
    CHECK_EQ(byte, 'y');
    stop();
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(api_16_events_are_manual_and_not_signalled_at_first),
        TEST(api_s12_one_to_64_handles),
        TEST(api_s13_the_smallest_index_or_all),
        TEST(api_s14_time_limits_and_waking),
        TEST(api_18_the_thread_error_is_kept_as_it_was_set),
        TEST(api_18_each_thread_has_its_own_error),
        TEST(api_2_helpers_need_no_start_up),
        TEST(api_1_everything_else_needs_a_start_up),
        TEST(a_b39_blocking_hooks_are_not_of_version_2),
        TEST(wsa_startup_3_versions),
        TEST(unload_6_a_forked_child_starts_at_zero),
    };
    return run_tests(tests, COUNT(tests), argc, argv);
}
