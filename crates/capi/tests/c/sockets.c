/* Sockets as a program uses them, over kernel sockets on the loopback interface. */
#include "fixture.h"
#include <mswsock.h>
#include <ws2spi.h>

#include <sys/wait.h>

/* Waits until something can be read, and reads it all; the number of bytes. */
static int read_all(SOCKET s, char *data, int len) {
    int got, sum = 0;
    while (sum < len && (got = recv(s, data + sum, len - sum, 0)) > 0) sum += got;
    return sum;
}

/* proves: A-B01, A-B02, A-B03, A-B04, A-B05, A-B06, A-B13, A-B16, A-B19, A-B22, A-B23 */
static void a_b23_a_connection_from_socket_to_closesocket(void) {
    struct sockaddr_in name, peer;
    int len = sizeof name;
    char data[64];
    SOCKET listener, client, server;
    start();
    listener = listening();
    client = connected_to(listener);
    server = accept(listener, (struct sockaddr *)&peer, &len);
    CHECK(server != INVALID_SOCKET && server != client && server != listener);
    CHECK_EQ(len, (int)sizeof peer);
    name = name_of(client);
    CHECK(memcmp(&name, &peer, 8) == 0);
    len = sizeof peer;
    CHECK_EQ(getpeername(client, (struct sockaddr *)&peer, &len), 0);
    name = name_of(listener);
    CHECK(memcmp(&name, &peer, 8) == 0);

    CHECK_EQ(send(client, "hello", 5, 0), 5);
    CHECK_EQ(recv(server, data, 2, MSG_PEEK), 2);
    CHECK_EQ(read_all(server, data, 5), 5);
    CHECK(memcmp(data, "hello", 5) == 0);
    CHECK_EQ(shutdown(client, SD_SEND), 0);
    CHECK_EQ(recv(server, data, sizeof data, 0), 0);
    CHECK_FAILS(send(client, "x", 1, 0), SOCKET_ERROR, WSAESHUTDOWN);
    CHECK_EQ(send(server, "bye", 3, 0), 3);
    CHECK_EQ(read_all(client, data, 3), 3);
    CHECK_FAILS(shutdown(client, 3), SOCKET_ERROR, WSAEINVAL);
    CHECK_EQ(closesocket(client), 0);
    CHECK_EQ(closesocket(server), 0);
    CHECK_EQ(closesocket(listener), 0);
    stop();
}

/* proves: A-B17, A-B20, A-S16, A-S20 */
static void a_b20_datagrams_and_where_they_come_from(void) {
    struct sockaddr_in to, from;
    int len = sizeof from;
    DWORD bytes = 0, flags = 0;
    char data[16], more[16];
    WSABUF out[2] = {{2, (CHAR *)(size_t) "ab"}, {3, (CHAR *)(size_t) "cde"}}, in[2] = {{4, data}, {16, more}};
    SOCKET one, other;
    start();
    one = bound(SOCK_DGRAM);
    other = bound(SOCK_DGRAM);
    to = name_of(other);
    CHECK_EQ(sendto(one, "first", 5, 0, (struct sockaddr *)&to, sizeof to), 5);
    CHECK_EQ(recvfrom(other, data, sizeof data, 0, (struct sockaddr *)&from, &len), 5);
    to = name_of(one);
    CHECK(memcmp(&from, &to, 8) == 0);
    to = name_of(other);
    CHECK_EQ(WSASendTo(one, out, 2, &bytes, 0, (struct sockaddr *)&to, sizeof to, NULL, NULL), 0);
    CHECK_EQ(bytes, 5);
    CHECK_EQ(WSARecvFrom(other, in, 2, &bytes, &flags, (struct sockaddr *)&from, &len, NULL, NULL), 0);
    CHECK_EQ(bytes, 5);
    CHECK(memcmp(data, "abcd", 4) == 0 && more[0] == 'e');
    /* What does not fit is lost, and the caller is told. */
    CHECK_EQ(sendto(one, "0123456789", 10, 0, (struct sockaddr *)&to, sizeof to), 10);
    CHECK_FAILS(recvfrom(other, data, 4, 0, NULL, NULL), SOCKET_ERROR, WSAEMSGSIZE);
    CHECK(memcmp(data, "0123", 4) == 0);
    stop();
}

/* proves: A-S14, A-S17, A-X11, API-X60 */
static void a_s17_several_buffers_at_once(void) {
    SOCKET ends[2];
    char a[3], b[4];
    DWORD bytes = 0, flags = 0;
    int in_out = 0;
    WSABUF out[3] = {{1, (CHAR *)(size_t) "1"}, {0, NULL}, {6, (CHAR *)(size_t) "234567"}}, in[2] = {{3, a}, {4, b}};
    start();
    pair(ends);
    CHECK_EQ(WSASend(ends[0], out, 3, &bytes, 0, NULL, NULL), 0);
    CHECK_EQ(bytes, 7);
    flags = MSG_WAITALL;
    CHECK_EQ(WSARecv(ends[1], in, 2, &bytes, &flags, NULL, NULL), 0);
    CHECK_EQ(bytes, 7);
    CHECK(memcmp(a, "123", 3) == 0 && memcmp(b, "4567", 4) == 0);
    CHECK_EQ(send(ends[0], "xyz", 3, 0), 3);
    CHECK_EQ(WSARecvEx(ends[1], a, 3, &in_out), 3);
    CHECK_EQ(in_out, 0);
    CHECK_FAILS(WSARecvEx(ends[1], a, 3, NULL), SOCKET_ERROR, WSAEFAULT);
    stop();
}

/* proves: A-S15, A-S18 */
static void a_s18_disconnecting_each_direction(void) {
    SOCKET ends[2];
    char byte;
    start();
    pair(ends);
    CHECK_EQ(WSASendDisconnect(ends[0], NULL), 0);
    CHECK_EQ(recv(ends[1], &byte, 1, 0), 0);
    CHECK_FAILS(send(ends[0], "x", 1, 0), SOCKET_ERROR, WSAESHUTDOWN);
    CHECK_EQ(WSARecvDisconnect(ends[1], NULL), 0);
    CHECK_FAILS(recv(ends[1], &byte, 1, 0), SOCKET_ERROR, WSAESHUTDOWN);
    stop();
}

/* proves: A-B10, WSP-IOCTL-5 */
static void a_b10_control_codes(void) {
    SOCKET ends[2];
    ULONG value = 1;
    DWORD bytes = 0;
    char byte;
    start();
    pair(ends);
    CHECK_EQ(ioctlsocket(ends[1], FIONBIO, &value), 0);
    CHECK_FAILS(recv(ends[1], &byte, 1, 0), SOCKET_ERROR, WSAEWOULDBLOCK);
    CHECK_EQ(send(ends[0], "12345", 5, 0), 5);
    until_readable(ends[1]);
    CHECK_EQ(ioctlsocket(ends[1], FIONREAD, &value), 0);
    CHECK_EQ(value, 5);
    value = 0;
    CHECK_EQ(WSAIoctl(ends[1], FIONREAD, NULL, 0, &value, sizeof value, &bytes, NULL, NULL), 0);
    CHECK_EQ(value, 5);
    CHECK_EQ(bytes, 4);
    CHECK_FAILS(WSAIoctl(ends[1], FIONREAD, NULL, 0, &value, 3, &bytes, NULL, NULL), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(ioctlsocket(ends[1], FIONREAD, NULL), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(ioctlsocket(ends[1], FIONBIO, NULL), SOCKET_ERROR, WSAEFAULT);
    stop();
}

/* proves: A-B07, A-B21 */
static void a_b21_options_come_back_as_they_were_set(void) {
    static const struct {
        int level, name, value;
    } options[] = {
        {SOL_SOCKET, SO_REUSEADDR, 1}, {SOL_SOCKET, SO_KEEPALIVE, 1},    {SOL_SOCKET, SO_OOBINLINE, 1},
        {SOL_SOCKET, SO_RCVBUF, 32768}, {SOL_SOCKET, SO_SNDBUF, 65536},  {SOL_SOCKET, SO_RCVTIMEO, 1500},
        {SOL_SOCKET, SO_SNDTIMEO, 250}, {IPPROTO_TCP, TCP_NODELAY, 1},   {IPPROTO_IP, IP_TTL, 17},
        {SOL_SOCKET, SO_REUSEADDR, 0},  {IPPROTO_TCP, TCP_NODELAY, 0},
    };
    struct linger linger = {1, 5};
    int i, value, len;
    SOCKET s;
    start();
    s = make(AF_INET, SOCK_STREAM);
    for (i = 0; i < COUNT(options); i++) {
        value = options[i].value;
        CHECK_EQ(setsockopt(s, options[i].level, options[i].name, (char *)&value, sizeof value), 0);
        value = -1;
        len = sizeof value;
        CHECK_EQ(getsockopt(s, options[i].level, options[i].name, (char *)&value, &len), 0);
        CHECK_EQ(len, (int)sizeof value);
        CHECK_EQ(value, options[i].value);
    }
    CHECK_EQ(setsockopt(s, SOL_SOCKET, SO_LINGER, (char *)&linger, sizeof linger), 0);
    memset(&linger, 0, sizeof linger);
    len = sizeof linger;
    CHECK_EQ(getsockopt(s, SOL_SOCKET, SO_LINGER, (char *)&linger, &len), 0);
    CHECK(linger.l_onoff != 0 && linger.l_linger == 5);
    len = sizeof value;
    CHECK_EQ(getsockopt(s, SOL_SOCKET, SO_TYPE, (char *)&value, &len), 0);
    CHECK_EQ(value, SOCK_STREAM);
    CHECK_EQ(getsockopt(s, SOL_SOCKET, SO_ERROR, (char *)&value, &len), 0);
    CHECK_EQ(value, 0);
    CHECK_FAILS(getsockopt(s, SOL_SOCKET, 0x4242, (char *)&value, &len), SOCKET_ERROR, WSAENOPROTOOPT);
    CHECK_FAILS(setsockopt(s, 0x4242, 1, (char *)&value, sizeof value), SOCKET_ERROR, WSAEINVAL);
    CHECK_FAILS(setsockopt(s, SOL_SOCKET, SO_RCVBUF, NULL, 4), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(setsockopt(s, SOL_SOCKET, SO_RCVBUF, (char *)&value, -1), SOCKET_ERROR, WSAEFAULT);
    len = -1;
    CHECK_FAILS(getsockopt(s, SOL_SOCKET, SO_RCVBUF, (char *)&value, &len), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(getsockopt(s, SOL_SOCKET, SO_RCVBUF, (char *)&value, NULL), SOCKET_ERROR, WSAEFAULT);
    stop();
}

/* proves: T-API-6, A-B07, API-7, SEL-12 */
static void api_7_protocol_information_in_both_forms(void) {
    WSAPROTOCOL_INFOA narrow;
    WSAPROTOCOL_INFOW wide;
    int i, len = sizeof narrow;
    SOCKET s;
    start();
    s = make(AF_INET, SOCK_DGRAM);
    CHECK_EQ(getsockopt(s, SOL_SOCKET, SO_PROTOCOL_INFOA, (char *)&narrow, &len), 0);
    CHECK_EQ(len, 372);
    len = sizeof wide;
    CHECK_EQ(getsockopt(s, SOL_SOCKET, SO_PROTOCOL_INFOW, (char *)&wide, &len), 0);
    CHECK_EQ(len, 628);
    CHECK(memcmp(&narrow, &wide, offsetof(WSAPROTOCOL_INFOA, szProtocol)) == 0);
    CHECK_EQ(wide.iSocketType, SOCK_DGRAM);
    for (i = 0; narrow.szProtocol[i]; i++) CHECK_EQ(narrow.szProtocol[i], wide.szProtocol[i]);
    CHECK_EQ(wide.szProtocol[i], 0);
    stop();
}

/* proves: SEL-3, SEL-4, SEL-5, SEL-7, A-S21, A-S22 */
static void sel_8_what_no_entry_serves(void) {
    static const struct {
        int family, type, protocol, error;
    } bad[] = {
        {AF_INET, SOCK_STREAM, IPPROTO_UDP, WSAEPROTONOSUPPORT}, {AF_INET, SOCK_DGRAM, IPPROTO_TCP, WSAEPROTONOSUPPORT},
        {AF_INET, 0xdead, 0, WSAESOCKTNOSUPPORT},                {0xdead, SOCK_STREAM, IPPROTO_TCP, WSAEAFNOSUPPORT},
        {0, 0, 0, WSAEINVAL},                                    {AF_INET6, SOCK_SEQPACKET, 0, WSAESOCKTNOSUPPORT},
        {-1, SOCK_STREAM, 0, WSAEINVAL},
    };
    static const struct {
        int family, type, protocol;
    } good[] = {
        {AF_INET, SOCK_STREAM, 0},  {AF_INET, SOCK_STREAM, IPPROTO_TCP}, {AF_INET6, SOCK_DGRAM, IPPROTO_UDP},
        {AF_INET, 0, IPPROTO_UDP},  {0, SOCK_STREAM, 0},                 {0, 0, IPPROTO_TCP},
    };
    int i;
    SOCKET s;
    start();
    for (i = 0; i < COUNT(bad); i++) {
        CHECK_FAILS(socket(bad[i].family, bad[i].type, bad[i].protocol), INVALID_SOCKET, bad[i].error);
        CHECK_FAILS(WSASocketA(bad[i].family, bad[i].type, bad[i].protocol, NULL, 0, 0), INVALID_SOCKET, bad[i].error);
        CHECK_FAILS(WSASocketW(bad[i].family, bad[i].type, bad[i].protocol, NULL, 0, 0), INVALID_SOCKET, bad[i].error);
    }
    for (i = 0; i < COUNT(good); i++) {
        s = socket(good[i].family, good[i].type, good[i].protocol);
        CHECK(s != INVALID_SOCKET);
        CHECK_EQ(closesocket(s), 0);
    }
    stop();
}

/* proves: T-API-6, SEL-1, A-S21, A-S22 */
static void sel_2_an_entry_by_its_number(void) {
    WSAPROTOCOL_INFOA narrow[16], unknown;
    WSAPROTOCOL_INFOW wide[16];
    DWORD len_a = sizeof narrow, len_w = sizeof wide;
    int count, i, type, len;
    SOCKET s;
    start();
    count = WSAEnumProtocolsA(NULL, narrow, &len_a);
    CHECK(count >= 4);
    CHECK_EQ(WSAEnumProtocolsW(NULL, wide, &len_w), count);
    for (i = 0; i < count; i++) {
        /* The numbers say nothing where the entry is named. */
        s = WSASocketW(FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, &wide[i], 0, 0);
        CHECK(s != INVALID_SOCKET);
        len = sizeof type;
        CHECK_EQ(getsockopt(s, SOL_SOCKET, SO_TYPE, (char *)&type, &len), 0);
        CHECK_EQ(type, wide[i].iSocketType);
        CHECK_EQ(closesocket(s), 0);
        s = WSASocketA(FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, &narrow[i], 0, WSA_FLAG_OVERLAPPED);
        CHECK(s != INVALID_SOCKET);
        CHECK_EQ(closesocket(s), 0);
    }
    unknown = narrow[0];
    unknown.dwCatalogEntryId = 4711;
    CHECK_FAILS(WSASocketA(AF_INET, SOCK_STREAM, 0, &unknown, 0, 0), INVALID_SOCKET, WSAEINVAL);
    stop();
}

/* proves: WEP-3, WSC-ENUM-2, WSC-ENUM-3, WSC-ENUM-4, API-8, T-API-6, A-S37, A-S38 */
static void wep_1_the_protocols(void) {
    WSAPROTOCOL_INFOA narrow[16];
    WSAPROTOCOL_INFOW wide[16];
    int only_udp[] = {IPPROTO_UDP, 0}, none[] = {4711, 0}, nothing[] = {0};
    DWORD len = 0, exact;
    int count, i;
    start();
    CHECK_FAILS(WSAEnumProtocolsW(NULL, NULL, &len), SOCKET_ERROR, WSAENOBUFS);
    count = (int)(len / sizeof wide[0]);
    CHECK_EQ(len, count * sizeof wide[0]);
    exact = len;
    CHECK_EQ(WSAEnumProtocolsW(NULL, wide, &len), count);
    CHECK_EQ(len, exact);
    len = exact - 1;
    CHECK_FAILS(WSAEnumProtocolsW(NULL, wide, &len), SOCKET_ERROR, WSAENOBUFS);
    CHECK_EQ(len, exact);
    /* The A form counts in its own, smaller structures. */
    len = 1;
    CHECK_FAILS(WSAEnumProtocolsA(NULL, narrow, &len), SOCKET_ERROR, WSAENOBUFS);
    CHECK_EQ(len, count * sizeof narrow[0]);
    CHECK_EQ(WSAEnumProtocolsA(NULL, narrow, &len), count);
    for (i = 0; i < count; i++) {
        CHECK(memcmp(&narrow[i], &wide[i], offsetof(WSAPROTOCOL_INFOA, szProtocol)) == 0);
        CHECK(wide[i].ProtocolChain.ChainLen >= 1);
        CHECK_EQ(wide[i].dwProviderFlags & PFL_HIDDEN, 0);
    }
    len = sizeof wide;
    CHECK_EQ(WSAEnumProtocolsW(only_udp, wide, &len), 2);
    CHECK_EQ(wide[0].iProtocol, IPPROTO_UDP);
    CHECK_EQ(WSAEnumProtocolsW(none, wide, &len), 0);
    len = sizeof wide;
    CHECK_EQ(WSAEnumProtocolsW(nothing, wide, &len), 0);
    CHECK_FAILS(WSAEnumProtocolsW(NULL, wide, NULL), SOCKET_ERROR, WSAEFAULT);
    stop();
}

/* ---- WSAAccept ---- */

struct caller {
    int answer, calls;
    struct sockaddr_in from, to;
};

static int CALLBACK condition(LPWSABUF caller_id, LPWSABUF caller_data, LPQOS sqos, LPQOS gqos, LPWSABUF callee_id,
                              LPWSABUF callee_data, GROUP *g, DWORD_PTR context) {
    struct caller *caller = (struct caller *)context;
    (void)caller_data, (void)gqos, (void)callee_data, (void)g;
    CHECK(sqos == NULL);
    CHECK(caller_id != NULL && caller_id->len >= sizeof caller->from);
    CHECK(callee_id != NULL && callee_id->len >= sizeof caller->to);
    memcpy(&caller->from, caller_id->buf, sizeof caller->from);
    memcpy(&caller->to, callee_id->buf, sizeof caller->to);
    caller->calls++;
    return caller->answer;
}

/* proves: WSP-ACCEPT-6, WSP-ACCEPT-7, WSP-ACCEPT-9, WSP-ACCEPT-10 */
static void a_s01_the_condition_function_decides(void) {
    struct caller caller;
    struct sockaddr_in name;
    SOCKET listener, client, server;
    char byte;
    memset(&caller, 0, sizeof caller);
    start();
    listener = listening();
    client = connected_to(listener);

    caller.answer = CF_DEFER;
    CHECK_FAILS(WSAAccept(listener, NULL, NULL, condition, (DWORD_PTR)&caller), INVALID_SOCKET, WSATRY_AGAIN);
    caller.answer = 99;
    CHECK_FAILS(WSAAccept(listener, NULL, NULL, condition, (DWORD_PTR)&caller), INVALID_SOCKET, WSAEINVAL);
    caller.answer = CF_ACCEPT;
    server = WSAAccept(listener, NULL, NULL, condition, (DWORD_PTR)&caller);
    CHECK(server != INVALID_SOCKET);
    CHECK_EQ(caller.calls, 3);
    name = name_of(client);
    CHECK(memcmp(&name, &caller.from, 8) == 0);
    name = name_of(listener);
    CHECK(memcmp(&name, &caller.to, 8) == 0);
    CHECK_EQ(send(client, "x", 1, 0), 1);
    CHECK_EQ(recv(server, &byte, 1, 0), 1);

    client = connected_to(listener);
    caller.answer = CF_REJECT;
    CHECK_FAILS(WSAAccept(listener, NULL, NULL, condition, (DWORD_PTR)&caller), INVALID_SOCKET, WSAECONNREFUSED);
    CHECK_EQ(recv(client, &byte, 1, 0), SOCKET_ERROR);
    CHECK_EQ(WSAGetLastError(), WSAECONNRESET);
    set_blocking(listener, 0);
    CHECK_FAILS(WSAAccept(listener, NULL, NULL, NULL, 0), INVALID_SOCKET, WSAEWOULDBLOCK);
    stop();
}

/* ---- Network events ---- */

static WSANETWORKEVENTS events_of(SOCKET s, WSAEVENT event) {
    WSANETWORKEVENTS events;
    CHECK_EQ(WSAEnumNetworkEvents(s, event, &events), 0);
    return events;
}

/* Waits for an event, and takes what the socket has recorded. */
static LONG next_events(SOCKET s, WSAEVENT event) {
    CHECK_EQ(WSAWaitForMultipleEvents(1, &event, FALSE, 30000, FALSE), WSA_WAIT_EVENT_0);
    return events_of(s, event).lNetworkEvents;
}

/* proves: A-S08, A-S09 */
static void a_s09_network_events_from_connect_to_close(void) {
    WSAEVENT accepting = WSACreateEvent(), event = WSACreateEvent();
    struct sockaddr_in name;
    SOCKET listener, client, server;
    LONG seen = 0;
    char data[8];
    start();
    listener = listening();
    name = name_of(listener);
    CHECK_EQ(WSAEventSelect(listener, accepting, FD_ACCEPT), 0);
    client = make(AF_INET, SOCK_STREAM);
    CHECK_EQ(WSAEventSelect(client, event, FD_CONNECT | FD_READ | FD_WRITE | FD_CLOSE), 0);
    /* The socket does not block from here on. */
    if (connect(client, (struct sockaddr *)&name, sizeof name) == SOCKET_ERROR)
        CHECK_EQ(WSAGetLastError(), WSAEWOULDBLOCK);
    while (!(seen & FD_WRITE)) seen |= next_events(client, event);
    CHECK_EQ(seen, FD_CONNECT | FD_WRITE);
    CHECK_EQ(next_events(listener, accepting), FD_ACCEPT);
    server = accept(listener, NULL, NULL);
    CHECK(server != INVALID_SOCKET);
    CHECK_EQ(WSAEventSelect(server, NULL, 0), 0);

    /* Taken once, the record and the event are clear; reading makes the next one possible. */
    CHECK_EQ(send(server, "ab", 2, 0), 2);
    CHECK_EQ(next_events(client, event), FD_READ);
    CHECK_EQ(events_of(client, event).lNetworkEvents, 0);
    CHECK_EQ(WSAWaitForMultipleEvents(1, &event, FALSE, 0, FALSE), WSA_WAIT_TIMEOUT);
    CHECK_EQ(recv(client, data, 1, 0), 1);
    CHECK_EQ(next_events(client, event), FD_READ);
    CHECK_EQ(recv(client, data, 1, 0), 1);
    CHECK_FAILS(recv(client, data, 1, 0), SOCKET_ERROR, WSAEWOULDBLOCK);

    CHECK_EQ(closesocket(server), 0);
    CHECK(next_events(client, event) & FD_CLOSE);
    /* Blocking mode is back only after the registration is gone. */
    CHECK_EQ(WSAEventSelect(client, NULL, 0), 0);
    set_blocking(client, 1);
    CHECK_EQ(recv(client, data, 1, 0), 0);
    stop();
}

/* proves: A-S08 */
static void a_s08_a_failed_connect_has_its_error_in_the_record(void) {
    WSAEVENT event = WSACreateEvent();
    WSANETWORKEVENTS events;
    struct sockaddr_in name;
    SOCKET nobody, s;
    start();
    nobody = bound(SOCK_STREAM);
    name = name_of(nobody);
    s = make(AF_INET, SOCK_STREAM);
    CHECK_EQ(WSAEventSelect(s, event, FD_CONNECT), 0);
    CHECK_FAILS(connect(s, (struct sockaddr *)&name, sizeof name), SOCKET_ERROR, WSAEWOULDBLOCK);
    CHECK_EQ(WSAWaitForMultipleEvents(1, &event, FALSE, 30000, FALSE), WSA_WAIT_EVENT_0);
    events = events_of(s, event);
    CHECK_EQ(events.lNetworkEvents, FD_CONNECT);
    CHECK_EQ(events.iErrorCode[FD_CONNECT_BIT], WSAECONNREFUSED);
    CHECK_FAILS(WSAEnumNetworkEvents(s, event, NULL), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(WSAEventSelect(s, NULL, FD_READ), SOCKET_ERROR, WSAEINVAL);
    CHECK_FAILS(WSAAsyncSelect(s, (HWND)(size_t)77, 1024, FD_READ), SOCKET_ERROR, WSAEINVAL);
    stop();
}

/* ---- WSAPoll ---- */

static int poll_one(SOCKET s, SHORT events, int timeout, SHORT *revents) {
    WSAPOLLFD element = {s, events, -1};
    int count = WSAPoll(&element, 1, timeout);
    *revents = element.revents;
    return count;
}

/* proves: T-API-9, API-S7, API-S8, API-S9, API-S10, A-S23 */
static void api_s9_what_can_be_polled(void) {
    static const SHORT bad[] = {POLLPRI, POLLWRBAND, POLLERR, POLLHUP, POLLNVAL, POLLIN | POLLPRI};
    WSAPOLLFD elements[3];
    SOCKET s, closed;
    SHORT revents;
    ULONGLONG before;
    int i;
    start();
    s = bound(SOCK_DGRAM);
    closed = bound(SOCK_DGRAM);
    CHECK_EQ(closesocket(closed), 0);
    for (i = 0; i < COUNT(bad); i++) CHECK_FAILS(poll_one(s, bad[i], 0, &revents), SOCKET_ERROR, WSAEINVAL);
    CHECK_FAILS(poll_one(INVALID_SOCKET, POLLIN, 0, &revents), SOCKET_ERROR, WSAEINVAL);
    CHECK_FAILS(WSAPoll(NULL, 0, 0), SOCKET_ERROR, WSAEINVAL);
    CHECK_FAILS(WSAPoll(NULL, 1, 0), SOCKET_ERROR, WSAEFAULT);

    before = GetTickCount64();
    CHECK_EQ(poll_one(s, POLLIN, 30, &revents), 0);
    CHECK(GetTickCount64() - before >= 29);
    CHECK_EQ(revents, 0);
    CHECK_EQ(poll_one(s, POLLOUT, -1, &revents), 1);
    CHECK_EQ(revents, POLLWRNORM);

    for (i = 0; i < 3; i++) elements[i] = (WSAPOLLFD){s, POLLIN | POLLOUT, -1};
    elements[0].fd = INVALID_SOCKET;
    elements[1].fd = closed;
    /* One is skipped, one is none; there is no need to wait. */
    CHECK_EQ(WSAPoll(elements, 3, -1), 2);
    CHECK_EQ(elements[0].revents, 0);
    CHECK_EQ(elements[1].revents, POLLNVAL);
    CHECK_EQ(elements[2].revents, POLLWRNORM);
    stop();
}

/* proves: T-API-9, API-S8 */
static void api_s11_what_polling_tells(void) {
    struct linger at_once = {1, 0};
    SOCKET listener, ends[2], failing, nobody;
    struct sockaddr_in name;
    SHORT revents;
    char data[8];
    start();
    listener = listening();
    CHECK_EQ(poll_one(listener, POLLIN, 0, &revents), 0);
    ends[0] = connected_to(listener);
    CHECK_EQ(poll_one(listener, POLLIN, 30000, &revents), 1);
    CHECK_EQ(revents, POLLRDNORM);
    ends[1] = accept(listener, NULL, NULL);
    CHECK_EQ(poll_one(ends[1], POLLIN | POLLOUT, 0, &revents), 1);
    CHECK_EQ(revents, POLLWRNORM);
    CHECK_EQ(send(ends[0], "x", 1, 0), 1);
    CHECK_EQ(poll_one(ends[1], POLLIN, 30000, &revents), 1);
    CHECK_EQ(revents, POLLRDNORM);
    CHECK_EQ(recv(ends[1], data, 1, 0), 1);
    CHECK_EQ(send(ends[0], "!", 1, MSG_OOB), 1);
    CHECK_EQ(poll_one(ends[1], POLLRDBAND, 30000, &revents), 1);
    CHECK_EQ(revents, POLLRDBAND);
    CHECK_EQ(recv(ends[1], data, 1, MSG_OOB), 1);
    CHECK_EQ(closesocket(ends[0]), 0);
    CHECK_EQ(poll_one(ends[1], POLLIN, 30000, &revents), 1);
    CHECK(revents & POLLHUP);
    CHECK_EQ(revents & POLLERR, 0);
    CHECK_EQ(recv(ends[1], data, 1, 0), 0);

    pair(ends);
    CHECK_EQ(setsockopt(ends[0], SOL_SOCKET, SO_LINGER, (char *)&at_once, sizeof at_once), 0);
    CHECK_EQ(closesocket(ends[0]), 0);
    CHECK_EQ(poll_one(ends[1], POLLIN, 30000, &revents), 1);
    CHECK_EQ(revents & (POLLHUP | POLLERR), POLLHUP | POLLERR);

    nobody = bound(SOCK_STREAM);
    name = name_of(nobody);
    failing = make(AF_INET, SOCK_STREAM);
    set_blocking(failing, 0);
    CHECK_FAILS(connect(failing, (struct sockaddr *)&name, sizeof name), SOCKET_ERROR, WSAEWOULDBLOCK);
    CHECK_EQ(poll_one(failing, POLLOUT, 30000, &revents), 1);
    CHECK_EQ(revents & (POLLHUP | POLLERR), POLLHUP | POLLERR);
    stop();
}

/* ---- WSADuplicateSocket ---- */

/* The other process: reads the information, opens the socket, answers over it. */
static int open_duplicate(void) {
    WSAPROTOCOL_INFOW info;
    char byte;
    SOCKET s;
    start();
    CHECK_EQ(read(0, &info, sizeof info), (ssize_t)sizeof info);
    s = WSASocketW(FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, &info, 0, WSA_FLAG_OVERLAPPED);
    CHECK(s != INVALID_SOCKET);
    CHECK_EQ(recv(s, &byte, 1, 0), 1);
    byte++;
    CHECK_EQ(send(s, &byte, 1, 0), 1);
    /* The information is good for one socket. */
    CHECK_FAILS(WSASocketW(FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, &info, 0, WSA_FLAG_OVERLAPPED),
                INVALID_SOCKET, WSAEINVAL);
    CHECK_EQ(closesocket(s), 0);
    stop();
    return 0;
}

/* proves: A-S07, WSP-DUP-1, WSP-DUP-2, WSP-DUP-3, WSP-DUP-5 */
static void api_s17_a_socket_in_two_processes(void) {
    WSAPROTOCOL_INFOW info;
    SOCKET ends[2];
    int pipe_ends[2], status;
    pid_t child;
    char byte;
    start();
    pair(ends);
    CHECK_EQ(pipe(pipe_ends), 0);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        dup2(pipe_ends[0], 0);
        close(pipe_ends[0]);
        close(pipe_ends[1]);
        execl("/proc/self/exe", "program", "open_duplicate", (char *)NULL);
        _exit(9);
    }
    memset(&info, 0, sizeof info);
    CHECK_EQ(WSADuplicateSocketW(ends[0], (DWORD)child, &info), 0);
    CHECK(info.dwProviderReserved != 0 && info.dwCatalogEntryId != 0);
    CHECK_EQ(write(pipe_ends[1], &info, sizeof info), (ssize_t)sizeof info);
    CHECK_EQ(send(ends[1], "a", 1, 0), 1);
    CHECK_EQ(recv(ends[1], &byte, 1, 0), 1);
    CHECK_EQ(byte, 'b');
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 0);
    /* The other process closed its descriptor, not the connection. */
    CHECK_EQ(send(ends[0], "c", 1, 0), 1);
    CHECK_EQ(recv(ends[1], &byte, 1, 0), 1);
    stop();
}

/* proves: A-S06, T-API-6 */
static void api_s17_a_second_descriptor_in_this_process(void) {
    WSAPROTOCOL_INFOA info;
    SOCKET ends[2], second;
    char byte;
    start();
    pair(ends);
    CHECK_EQ(WSADuplicateSocketA(ends[0], GetCurrentProcessId(), &info), 0);
    second = WSASocketA(FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, &info, 0, WSA_FLAG_OVERLAPPED);
    CHECK(second != INVALID_SOCKET && second != ends[0]);
    CHECK_EQ(closesocket(ends[0]), 0);
    CHECK_EQ(send(second, "x", 1, 0), 1);
    CHECK_EQ(recv(ends[1], &byte, 1, 0), 1);
    CHECK_FAILS(WSADuplicateSocketA(second, GetCurrentProcessId(), NULL), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(WSADuplicateSocketW(second, GetCurrentProcessId(), NULL), SOCKET_ERROR, WSAEFAULT);
    stop();
}

/* ---- Multipoint ---- */

/* proves: WSP-JOIN-2, WSP-JOIN-3, WSP-JOIN-5, WSP-JOIN-6 */
static void a_s13_a_multicast_group_on_loopback(void) {
    const DWORD flags = WSA_FLAG_OVERLAPPED | WSA_FLAG_MULTIPOINT_C_LEAF | WSA_FLAG_MULTIPOINT_D_LEAF;
    struct sockaddr_in name;
    struct ip_mreq group;
    SOCKET member, sender;
    char data[8];
    int len = sizeof name;
    start();
    group.imr_multiaddr.s_addr = inet_addr("239.77.66.55");
    group.imr_interface.s_addr = htonl(INADDR_LOOPBACK);

    /* To receive, a socket is bound to any address here, and names the interface. */
    member = make(AF_INET, SOCK_DGRAM);
    name = loopback(0);
    name.sin_addr.s_addr = htonl(INADDR_ANY);
    CHECK_EQ(bind(member, (struct sockaddr *)&name, sizeof name), 0);
    CHECK_EQ(setsockopt(member, IPPROTO_IP, IP_ADD_MEMBERSHIP, (char *)&group, sizeof group), 0);
    CHECK_EQ(getsockname(member, (struct sockaddr *)&name, &len), 0);

    /* A leaf joins on the interface that it is bound to. */
    sender = WSASocketW(AF_INET, SOCK_DGRAM, IPPROTO_UDP, NULL, 0, flags);
    CHECK(sender != INVALID_SOCKET);
    name.sin_addr.s_addr = group.imr_multiaddr.s_addr;
    struct sockaddr_in local = loopback(0);
    CHECK_EQ(bind(sender, (struct sockaddr *)&local, sizeof local), 0);
    CHECK_EQ(WSAJoinLeaf(sender, (struct sockaddr *)&name, sizeof name, NULL, NULL, NULL, NULL, JL_BOTH), sender);
    CHECK_FAILS(WSAJoinLeaf(sender, (struct sockaddr *)&name, sizeof name, NULL, NULL, NULL, NULL, JL_BOTH),
                INVALID_SOCKET, WSAEISCONN);
    CHECK_EQ(sendto(sender, "all", 3, 0, (struct sockaddr *)&name, sizeof name), 3);
    until_readable(member);
    CHECK_EQ(recv(member, data, sizeof data, 0), 3);
    CHECK_FAILS(WSAJoinLeaf(member, (struct sockaddr *)&name, sizeof name, NULL, NULL, NULL, NULL, JL_BOTH),
                INVALID_SOCKET, WSAEINVAL);
    stop();
}

/* ---- Extensions, and what is not offered ---- */

/* proves: T-API-7, A-X09, API-X1, API-20 */
static void api_x1_a_function_of_the_provider(void) {
    GUID polling = WSAID_WSAPOLL, unknown = {0x4711, 1, 2, {3, 4, 5, 6, 7, 8, 9, 10}};
    int(WSAAPI * function)(LPWSAPOLLFD, ULONG, INT) = NULL;
    WSAPOLLFD element;
    DWORD bytes = 0;
    SOCKET s;
    start();
    s = bound(SOCK_DGRAM);
    CHECK_EQ(WSAIoctl(s, SIO_GET_EXTENSION_FUNCTION_POINTER, &polling, sizeof polling, &function, sizeof function,
                      &bytes, NULL, NULL),
             0);
    CHECK_EQ(bytes, sizeof function);
    CHECK(function != NULL);
    element = (WSAPOLLFD){s, POLLOUT, 0};
    CHECK_EQ(function(&element, 1, 0), 1);
    CHECK_EQ(element.revents, POLLWRNORM);
    CHECK_FAILS(WSAIoctl(s, SIO_GET_EXTENSION_FUNCTION_POINTER, &unknown, sizeof unknown, &function, sizeof function,
                         &bytes, NULL, NULL),
                SOCKET_ERROR, WSAEINVAL);
    CHECK_FAILS(WSAIoctl(s, SIO_GET_EXTENSION_FUNCTION_POINTER, &polling, sizeof polling, &function, 4, &bytes, NULL,
                         NULL),
                SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(WSAIoctl(s, SIO_GET_EXTENSION_FUNCTION_POINTER, &polling, 15, &function, sizeof function, &bytes, NULL,
                         NULL),
                SOCKET_ERROR, WSAEFAULT);
    stop();
}

/* proves: A-S11 */
static void a_s39_what_nobody_offers_is_refused(void) {
    SOCKET s;
    WSABUF name = {0, NULL};
    QOS qos;
    start();
    s = bound(SOCK_DGRAM);
    CHECK_EQ(WSAGetQOSByName(s, &name, &qos), FALSE);
    stop();
}

/* proves: A-U15, UP-1, WPU-COR-1 */
static void a_s40_completing_what_is_not_the_runtimes(void) {
    OVERLAPPED overlapped;
    SOCKET s;
    int error = 0;
    memset(&overlapped, 0, sizeof overlapped);
    start();
    s = make(AF_INET, SOCK_DGRAM);
    CHECK_EQ(WPUCompleteOverlappedRequest(s, &overlapped, 0, 0, &error), SOCKET_ERROR);
    CHECK_EQ(error, WSAEINVAL);
    error = 0;
    CHECK_EQ(WPUCompleteOverlappedRequest(INVALID_SOCKET, &overlapped, 0, 0, &error), SOCKET_ERROR);
    CHECK_EQ(error, WSAEINVAL);
    stop();
}

static void lc_err_11_the_error_of_a_socket_is_taken_once(void) {
    struct sockaddr_in name;
    SOCKET nobody, s;
    SHORT revents;
    int error = -1, len = sizeof error;
    start();
    nobody = bound(SOCK_STREAM);
    name = name_of(nobody);
    s = make(AF_INET, SOCK_STREAM);
    set_blocking(s, 0);
    CHECK_FAILS(connect(s, (struct sockaddr *)&name, sizeof name), SOCKET_ERROR, WSAEWOULDBLOCK);
    CHECK_EQ(poll_one(s, POLLOUT, 30000, &revents), 1);
    CHECK_EQ(getsockopt(s, SOL_SOCKET, SO_ERROR, (char *)&error, &len), 0);
    CHECK_EQ(error, WSAECONNREFUSED);
    CHECK_EQ(getsockopt(s, SOL_SOCKET, SO_ERROR, (char *)&error, &len), 0);
    CHECK_EQ(error, 0);
    stop();
}

static void api_b1_room_for_an_address_has_a_length(void) {
    struct sockaddr_in name;
    SOCKET listener, client;
    int len = 15;
    start();
    listener = listening();
    client = connected_to(listener);
    CHECK_FAILS(accept(listener, (struct sockaddr *)&name, NULL), INVALID_SOCKET, WSAEFAULT);
    CHECK_FAILS(accept(listener, (struct sockaddr *)&name, &len), INVALID_SOCKET, WSAEFAULT);
    /* The connection is still there. */
    CHECK(accept(listener, NULL, NULL) != INVALID_SOCKET);
    CHECK_EQ(closesocket(client), 0);
    stop();
}

/* proves: API-9, API-B3, WSP-CLOSE-1 */
static void api_9_handles_that_are_none(void) {
    SOCKET s, ends[2];
    ULONG value;
    char data[4];
    start();
    s = make(AF_INET, SOCK_STREAM);
    CHECK_EQ(closesocket(s), 0);
    CHECK_FAILS(closesocket(s), SOCKET_ERROR, WSAENOTSOCK);
    CHECK_FAILS(closesocket(INVALID_SOCKET), SOCKET_ERROR, WSAENOTSOCK);
    CHECK_FAILS(closesocket(0), SOCKET_ERROR, WSAENOTSOCK); /* a descriptor, of the standard input */
    CHECK_FAILS(listen(s, 1), SOCKET_ERROR, WSAENOTSOCK);
    CHECK_FAILS(ioctlsocket(s, FIONREAD, &value), SOCKET_ERROR, WSAENOTSOCK);
    CHECK_FAILS(WSAEventSelect(s, NULL, 0), SOCKET_ERROR, WSAENOTSOCK);
    CHECK_FAILS(send(1, "text on the standard output", 4, 0), SOCKET_ERROR, WSAENOTSOCK);
    pair(ends);
    CHECK_FAILS(send(ends[0], "x", -1, 0), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(recv(ends[0], data, -1, 0), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(recv(ends[0], NULL, 4, MSG_PEEK), SOCKET_ERROR, WSAEFAULT);
    stop();
    CHECK_FAILS(send(ends[0], "x", 1, 0), SOCKET_ERROR, WSANOTINITIALISED);
    CHECK_FAILS(closesocket(ends[0]), SOCKET_ERROR, WSANOTINITIALISED);
    /* Handles of before are none of the next start's. */
    start();
    CHECK_FAILS(send(ends[0], "x", 1, 0), SOCKET_ERROR, WSAENOTSOCK);
    stop();
}

/* proves: A-S28, A-S29, A-S30, A-S31 */
static void api_s15_the_network_order_of_tcp(void) {
    ULONG number = 0;
    u_short small = 0;
    SOCKET s;
    start();
    s = make(AF_INET, SOCK_STREAM);
    CHECK_EQ(WSAHtonl(s, 0x01020304, &number), 0);
    CHECK_EQ(number, (ULONG)0x04030201);
    CHECK_EQ(WSANtohl(s, number, &number), 0);
    CHECK_EQ(number, (ULONG)0x01020304);
    CHECK_EQ(WSAHtons(s, 0x0102, &small), 0);
    CHECK_EQ(small, 0x0201);
    CHECK_EQ(WSANtohs(s, small, &small), 0);
    CHECK_EQ(small, 0x0102);
    CHECK_FAILS(WSAHtons(s, 1, NULL), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(WSANtohl(INVALID_SOCKET, 1, &number), SOCKET_ERROR, WSAENOTSOCK);
    stop();
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(a_b23_a_connection_from_socket_to_closesocket),
        TEST(a_b20_datagrams_and_where_they_come_from),
        TEST(a_s17_several_buffers_at_once),
        TEST(a_s18_disconnecting_each_direction),
        TEST(a_b10_control_codes),
        TEST(a_b21_options_come_back_as_they_were_set),
        TEST(api_7_protocol_information_in_both_forms),
        TEST(sel_8_what_no_entry_serves),
        TEST(sel_2_an_entry_by_its_number),
        TEST(wep_1_the_protocols),
        TEST(a_s01_the_condition_function_decides),
        TEST(a_s09_network_events_from_connect_to_close),
        TEST(a_s08_a_failed_connect_has_its_error_in_the_record),
        TEST(api_s9_what_can_be_polled),
        TEST(api_s11_what_polling_tells),
        TEST(api_s17_a_socket_in_two_processes),
        TEST(api_s17_a_second_descriptor_in_this_process),
        TEST(a_s13_a_multicast_group_on_loopback),
        TEST(api_x1_a_function_of_the_provider),
        TEST(a_s40_completing_what_is_not_the_runtimes),
        TEST(lc_err_11_the_error_of_a_socket_is_taken_once),
        TEST(api_b1_room_for_an_address_has_a_length),
        TEST(a_s39_what_nobody_offers_is_refused),
        TEST(api_9_handles_that_are_none),
        TEST(api_s15_the_network_order_of_tcp),
    };
    if (argc == 2 && strcmp(argv[1], "open_duplicate") == 0) return open_duplicate();
    return run_tests(tests, COUNT(tests), argc, argv);
}
