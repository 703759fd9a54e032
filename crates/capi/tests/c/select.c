/* select, with sets that are larger than usual. */
#define FD_SETSIZE 300
#include "fixture.h"

static struct timeval ms(int count) {
    struct timeval limit = {count / 1000, count % 1000 * 1000};
    return limit;
}

/* A set of some sockets. */
static fd_set set_of(const SOCKET *sockets, int count) {
    fd_set set;
    FD_ZERO(&set);
    while (count-- > 0) FD_SET(sockets[count], &set);
    return set;
}

/* proves: API-13, A-B18, WSP-SELECT-3, WSP-SELECT-4 */
static void api_13_three_hundred_sockets(void) {
    static SOCKET sockets[300];
    struct sockaddr_in name;
    struct timeval limit = ms(30000);
    SOCKET sender;
    fd_set reads, writes;
    int i;
    start();
    for (i = 0; i < COUNT(sockets); i++) sockets[i] = bound(SOCK_DGRAM);
    sender = bound(SOCK_DGRAM);
    writes = set_of(sockets, COUNT(sockets));
    CHECK_EQ(writes.fd_count, 300);
    CHECK_EQ(select(0, NULL, &writes, NULL, &limit), 300);
    CHECK_EQ(writes.fd_count, 300);
    name = name_of(sockets[299]);
    CHECK_EQ(sendto(sender, "x", 1, 0, (struct sockaddr *)&name, sizeof name), 1);
    reads = set_of(sockets, COUNT(sockets));
    CHECK_EQ(select(0, &reads, NULL, NULL, &limit), 1);
    CHECK_EQ(reads.fd_count, 1);
    CHECK_EQ(reads.fd_array[0], sockets[299]);
    CHECK_EQ(limit.tv_sec, 30);
    stop();
}

/* proves: WSP-SELECT-1, WSP-SELECT-5, WSP-SELECT-6 */
static void api_14_time_limits(void) {
    struct timeval limit = ms(30), none = ms(0), negative = {-1, 0}, tiny = {0, -1};
    ULONGLONG before;
    SOCKET s;
    fd_set reads;
    start();
    s = bound(SOCK_DGRAM);
    reads = set_of(&s, 1);
    CHECK_EQ(select(0, &reads, NULL, NULL, &none), 0);
    CHECK_EQ(reads.fd_count, 0);
    before = GetTickCount64();
    reads = set_of(&s, 1);
    CHECK_EQ(select(99, &reads, NULL, NULL, &limit), 0);
    CHECK(GetTickCount64() - before >= 29);
    reads = set_of(&s, 1);
    CHECK_FAILS(select(0, &reads, NULL, NULL, &negative), SOCKET_ERROR, WSAEINVAL);
    reads = set_of(&s, 1);
    CHECK_FAILS(select(0, &reads, NULL, NULL, &tiny), SOCKET_ERROR, WSAEINVAL);
    stop();
}

/* proves: API-10, API-9, WSP-SELECT-2 */
static void api_10_no_sockets(void) {
    struct timeval limit = ms(0);
    SOCKET s;
    fd_set empty, reads;
    start();
    FD_ZERO(&empty);
    s = bound(SOCK_DGRAM);
    CHECK_FAILS(select(0, NULL, NULL, NULL, &limit), SOCKET_ERROR, WSAEINVAL);
    CHECK_FAILS(select(0, &empty, NULL, &empty, NULL), SOCKET_ERROR, WSAEINVAL);
    CHECK_EQ(closesocket(s), 0);
    reads = set_of(&s, 1);
    CHECK_FAILS(select(0, &reads, NULL, NULL, &limit), SOCKET_ERROR, WSAENOTSOCK);
    stop();
}

/* proves: WSP-SELECT-6 */
static void api_11_all_three_sets_at_once(void) {
    struct timeval limit = ms(30000);
    struct sockaddr_in name;
    SOCKET ends[2], nobody, failing, both[2];
    fd_set reads, writes, excepts;
    char byte;
    int ready = 0;
    start();
    pair(ends);
    nobody = bound(SOCK_STREAM);
    name = name_of(nobody);
    failing = make(AF_INET, SOCK_STREAM);
    set_blocking(failing, 0);
    CHECK_FAILS(connect(failing, (struct sockaddr *)&name, sizeof name), SOCKET_ERROR, WSAEWOULDBLOCK);
    CHECK_EQ(send(ends[0], "x", 1, 0), 1);
    until_readable(ends[1]);
    both[0] = ends[1];
    both[1] = failing;
    while (ready < 3) { /* until the refusal has come */
        reads = set_of(both, 1);
        writes = set_of(both, 1);
        excepts = set_of(both, 2);
        ready = select(0, &reads, &writes, &excepts, &limit);
        CHECK(ready >= 2);
    }
    CHECK(FD_ISSET(ends[1], &reads) && FD_ISSET(ends[1], &writes) && FD_ISSET(failing, &excepts));
    CHECK_EQ(excepts.fd_count, 1);
    CHECK_EQ(recv(ends[1], &byte, 1, 0), 1);
    CHECK_EQ(send(ends[0], "!", 1, MSG_OOB), 1);
    excepts = set_of(both, 1);
    CHECK_EQ(select(0, NULL, NULL, &excepts, &limit), 1);
    stop();
}

/* proves: A-B47 */
static void api_12_membership(void) {
    SOCKET members[3] = {5, 6, INVALID_SOCKET};
    fd_set set = set_of(members, 3);
    FD_SET((SOCKET)6, &set);
    CHECK_EQ(set.fd_count, 3);
    CHECK(FD_ISSET((SOCKET)5, &set) && FD_ISSET(INVALID_SOCKET, &set));
    CHECK(!FD_ISSET((SOCKET)7, &set));
    FD_CLR((SOCKET)5, &set);
    CHECK(!FD_ISSET((SOCKET)5, &set));
    CHECK_EQ(set.fd_count, 2);
    CHECK_EQ(__WSAFDIsSet(6, NULL), 0);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(api_13_three_hundred_sockets),
        TEST(api_14_time_limits),
        TEST(api_10_no_sockets),
        TEST(api_11_all_three_sets_at_once),
        TEST(api_12_membership),
    };
    return run_tests(tests, COUNT(tests), argc, argv);
}
