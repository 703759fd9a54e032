/* What programs do not see, and what the pages say on the side: threads, memory, quality of service, other processes. */
#include "fixture.h"

#include <mstcpip.h>

#include <dirent.h>
#include <sys/wait.h>

static int threads(void) {
    DIR *tasks = opendir("/proc/self/task");
    int count = 0;
    CHECK(tasks != NULL);
    while (readdir(tasks) != NULL) count++;
    CHECK_EQ(closedir(tasks), 0);
    return count - 2; /* Without . and .. */
}

/* Threads of the provider come when something needs them, few, and go with the last clean-up. */
static void wsp_startup_24_threads_come_on_demand(void) {
    SOCKET ends[2], polled[2], watched[16];
    char byte = 'x';
    fd_set readable;
    WSAEVENT event = WSACreateEvent();
    int i;
    start();
    pair(ends);
    datagram_pair(polled);
    CHECK_EQ(send(ends[0], &byte, 1, 0), 1);
    until_readable(ends[1]);
    FD_ZERO(&readable);
    FD_SET(ends[1], &readable);
    CHECK_EQ(select(0, &readable, NULL, NULL, NULL), 1);
    CHECK_EQ(recv(ends[1], &byte, 1, 0), 1);
    CHECK_EQ(send(polled[0], &byte, 1, 0), 1);
    CHECK_EQ(recv(polled[1], &byte, 1, 0), 1);
    CHECK_EQ(threads(), 1);
    for (i = 0; i < COUNT(watched); i++) {
        watched[i] = bound(SOCK_DGRAM);
        CHECK_EQ(WSAEventSelect(watched[i], event, FD_READ), 0);
    }
    CHECK(threads() <= 2);
    for (i = 0; i < COUNT(watched); i++) CHECK_EQ(closesocket(watched[i]), 0);
    stop();
    CHECK_EQ(threads(), 1);
    CHECK_EQ(WSACloseEvent(event), TRUE);
}

/* Every entry of the catalog makes overlapped sockets. */
static void mode_6_every_entry_has_overlapped_sockets(void) {
    WSAPROTOCOL_INFOW entries[16];
    DWORD length = sizeof entries;
    int count, i;
    start();
    count = WSAEnumProtocolsW(NULL, entries, &length);
    CHECK(count > 0);
    for (i = 0; i < count; i++) {
        SOCKET s = WSASocketW(FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, &entries[i], 0,
                              WSA_FLAG_OVERLAPPED);
        CHECK(s != INVALID_SOCKET);
        CHECK_EQ(closesocket(s), 0);
    }
    stop();
}

/* No transport here can keep such a promise; the group's is reserved. */
static void wsp_conn_8_a_quality_of_service_cannot_be_had(void) {
    SOCKET listener, s;
    struct sockaddr_in name;
    QOS wanted;
    memset(&wanted, 0, sizeof wanted);
    start();
    listener = listening();
    name = name_of(listener);
    s = make(AF_INET, SOCK_STREAM);
    CHECK_FAILS(WSAConnect(s, (struct sockaddr *)&name, sizeof name, NULL, NULL, &wanted, NULL), SOCKET_ERROR,
                WSAEOPNOTSUPP);
    CHECK_EQ(WSAConnect(s, (struct sockaddr *)&name, sizeof name, NULL, NULL, NULL, &wanted), 0);
    stop();
}

/* A number of an event means nothing to another process, and what that does to it nothing to this one. */
static void wpu_evt_3_events_are_of_one_process(void) {
    WSAEVENT event;
    pid_t child;
    int status;
    start();
    event = WSACreateEvent();
    CHECK(event != WSA_INVALID_EVENT);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        WSASetEvent(event);
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    CHECK_EQ(WSAWaitForMultipleEvents(1, &event, FALSE, 0, FALSE), WSA_WAIT_TIMEOUT);
    CHECK_EQ(WSACloseEvent(event), TRUE);
    stop();
}

/* The parts of a control code, as the macros of the headers put them together. */
static void wsp_ioctl_1_the_parts_of_a_code(void) {
    static const struct {
        unsigned code, in, out, none, family, number;
    } codes[] = {
        {SIO_ASSOCIATE_HANDLE, 1, 0, 0, 1, 1},
        {SIO_ENABLE_CIRCULAR_QUEUEING, 0, 0, 1, 1, 2},
        {SIO_FIND_ROUTE, 0, 1, 0, 1, 3},
        {SIO_GET_EXTENSION_FUNCTION_POINTER, 1, 1, 0, 1, 6},
        {SIO_ADDRESS_LIST_CHANGE, 0, 0, 1, 1, 23},
        {SIO_KEEPALIVE_VALS, 1, 0, 0, 3, 4},
        {(unsigned)_WSAIORW(IOC_WS2, 36), 1, 1, 0, 1, 36},
        {(unsigned)_WSAIOR(IOC_PROTOCOL, 5), 0, 1, 0, 2, 5},
        {(unsigned)_WSAIO(IOC_UNIX, 7), 0, 0, 1, 0, 7},
    };
    int i;
    for (i = 0; i < COUNT(codes); i++) {
        CHECK_EQ(codes[i].code >> 31 & 1, codes[i].in);
        CHECK_EQ(codes[i].code >> 30 & 1, codes[i].out);
        CHECK_EQ(codes[i].code >> 29 & 1, codes[i].none);
        CHECK_EQ(codes[i].code >> 27 & 3, codes[i].family);
        CHECK_EQ(codes[i].code & 0xffff, codes[i].number);
    }
}

/* No transport here knows qualities of service by name. */
static void stub_7_a_quality_of_service_by_name_is_refused(void) {
    WCHAR text[8] = {'g', 'u', 'a', 'r', 'd', 0};
    WSABUF name = {sizeof text, (char *)text};
    QOS qos;
    SOCKET s;
    start();
    s = make(AF_INET, SOCK_STREAM);
    CHECK_FAILS(WSAGetQOSByName(s, &name, &qos), FALSE, WSAEOPNOTSUPP);
    stop();
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(wsp_startup_24_threads_come_on_demand),
        TEST(mode_6_every_entry_has_overlapped_sockets),
        TEST(wsp_conn_8_a_quality_of_service_cannot_be_had),
        TEST(wpu_evt_3_events_are_of_one_process),
        TEST(wsp_ioctl_1_the_parts_of_a_code),
        TEST(stub_7_a_quality_of_service_by_name_is_refused),
    };
    return run_tests(tests, COUNT(tests), argc, argv);
}
