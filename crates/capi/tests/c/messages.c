/* WSASendMsg, WSARecvMsg. See crates/capi/tests/extensions.rs. */
#include "connections.h"

/* A message with its parts. */
struct message {
    WSAMSG message;
    WSABUF buffers[2];
    char head[4], rest[60];
    struct sockaddr_in6 name; /* room for either family */
    size_t alignment;
    char control[200];
};

static void prepare_message(struct message *m) {
    memset(m, 0, sizeof *m);
    m->buffers[0].len = sizeof m->head;
    m->buffers[0].buf = m->head;
    m->buffers[1].len = sizeof m->rest;
    m->buffers[1].buf = m->rest;
    m->message.name = (struct sockaddr *)&m->name;
    m->message.namelen = sizeof m->name;
    m->message.lpBuffers = m->buffers;
    m->message.dwBufferCount = 2;
    m->message.Control.buf = m->control;
    m->message.Control.len = sizeof m->control;
}

static LPFN_WSARECVMSG recv_msg_of(SOCKET s) {
    return EXTENSION(s, LPFN_WSARECVMSG, WSAID_WSARECVMSG);
}

/* The data of a piece of control data; its piece must be there. */
static void *piece_of(struct message *m, int level, int type, size_t size) {
    WSACMSGHDR *piece;
    for (piece = WSA_CMSG_FIRSTHDR(&m->message); piece != NULL; piece = WSA_CMSG_NXTHDR(&m->message, piece)) {
        if (piece->cmsg_level == level && piece->cmsg_type == type) {
            CHECK_EQ(piece->cmsg_len, WSA_CMSG_LEN(size));
            return WSA_CMSG_DATA(piece);
        }
    }
    CHECK(!"the piece is there");
    return NULL;
}

static void set_on(SOCKET s, int level, int option) {
    DWORD on = 1;
    CHECK_EQ(setsockopt(s, level, option, (char *)&on, sizeof on), 0);
}

/* proves: API-X53, API-X54, API-X56, API-X50, API-X52 */
static void api_x51_what_a_message_needs(void) {
    SOCKET s, stream, unbound;
    struct message m;
    LPFN_WSARECVMSG recv_msg;
    DWORD bytes;
    start();
    s = bound(SOCK_DGRAM);
    unbound = make(AF_INET, SOCK_DGRAM);
    stream = bound(SOCK_STREAM);
    recv_msg = recv_msg_of(s);
    set_blocking(s, 0);
    prepare_message(&m);
    CHECK_FAILS(recv_msg(s, &m.message, &bytes, NULL, NULL), SOCKET_ERROR, WSAEWOULDBLOCK);
    CHECK_FAILS(recv_msg(s, NULL, &bytes, NULL, NULL), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(recv_msg(s, &m.message, NULL, NULL, NULL), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(recv_msg(unbound, &m.message, &bytes, NULL, NULL), SOCKET_ERROR, WSAEINVAL);
    CHECK_FAILS(recv_msg(stream, &m.message, &bytes, NULL, NULL), SOCKET_ERROR, WSAEOPNOTSUPP);
    CHECK_FAILS(WSASendMsg(stream, &m.message, 0, &bytes, NULL, NULL), SOCKET_ERROR, WSAEOPNOTSUPP);
    m.message.dwFlags = MSG_OOB;
    CHECK_FAILS(recv_msg(s, &m.message, &bytes, NULL, NULL), SOCKET_ERROR, WSAEOPNOTSUPP);
    prepare_message(&m);
    m.message.name = NULL;
    CHECK_FAILS(recv_msg(s, &m.message, &bytes, NULL, NULL), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(WSASendMsg(s, &m.message, 0, &bytes, NULL, NULL), SOCKET_ERROR, WSAEFAULT);
    prepare_message(&m);
    m.message.Control.buf = NULL;
    CHECK_FAILS(recv_msg(s, &m.message, &bytes, NULL, NULL), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(WSASendMsg(s, &m.message, 0, &bytes, NULL, NULL), SOCKET_ERROR, WSAEFAULT);
    prepare_message(&m);
    m.message.namelen = 3;
    CHECK_FAILS(recv_msg(s, &m.message, &bytes, NULL, NULL), SOCKET_ERROR, WSAEFAULT);
    prepare_message(&m);
    m.message.lpBuffers = NULL;
    CHECK_FAILS(recv_msg(s, &m.message, &bytes, NULL, NULL), SOCKET_ERROR, WSAEFAULT);
    prepare_message(&m);
    m.message.name = NULL;
    m.message.namelen = 0;
    m.message.Control.len = 0;
    CHECK_FAILS(WSASendMsg(s, &m.message, 0, &bytes, NULL, NULL), SOCKET_ERROR, WSAENOTCONN);
    CHECK_FAILS(WSASendMsg(s, &m.message, MSG_OOB, &bytes, NULL, NULL), SOCKET_ERROR, WSAEOPNOTSUPP);
    CHECK_FAILS(WSASendMsg(s, &m.message, MSG_PEEK, &bytes, NULL, NULL), SOCKET_ERROR, WSAEOPNOTSUPP);
    CHECK_FAILS(WSASendMsg(s, &m.message, 0, NULL, NULL, NULL), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(WSASendMsg(s, NULL, 0, &bytes, NULL, NULL), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(WSASendMsg(INVALID_SOCKET, &m.message, 0, &bytes, NULL, NULL), SOCKET_ERROR, WSAENOTSOCK);
    /* Control data that is none, or is not to be sent. */
    m.message.Control.buf = m.control;
    m.message.Control.len = 20;
    CHECK_FAILS(WSASendMsg(s, &m.message, 0, &bytes, NULL, NULL), SOCKET_ERROR, WSAEINVAL);
    stop();
}

/* proves: A-X07, A-X08, A-S19 */
static void api_x57_control_data_both_ways(void) {
    const int families[] = {AF_INET, AF_INET6};
    int i;
    start();
    for (i = 0; i < 2; i++) {
        int is4 = families[i] == AF_INET;
        SOCKET from = socket(families[i], SOCK_DGRAM, 0), to = socket(families[i], SOCK_DGRAM, 0);
        struct sockaddr_in6 from_name, to_name;
        int length = is4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
        struct message m;
        DWORD bytes;
        WSACMSGHDR *piece;
        IN_PKTINFO source4;
        IN6_PKTINFO source6;
        memset(&from_name, 0, sizeof from_name);
        from_name.sin6_family = (short)families[i];
        to_name = from_name;
        if (is4) {
            ((struct sockaddr_in *)&from_name)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            ((struct sockaddr_in *)&to_name)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        } else {
            to_name.sin6_addr.u.Byte[15] = 1;
            from_name = to_name;
        }
        if (bind(to, (struct sockaddr *)&to_name, length) != 0) {
            CHECK(!is4); /* A machine without IPv6. */
            continue;
        }
        CHECK_EQ(bind(from, (struct sockaddr *)&from_name, length), 0);
        CHECK_EQ(getsockname(to, (struct sockaddr *)&to_name, &length), 0);
        CHECK_EQ(getsockname(from, (struct sockaddr *)&from_name, &length), 0);
        set_on(to, is4 ? IPPROTO_IP : IPPROTO_IPV6, is4 ? IP_PKTINFO : IPV6_PKTINFO);
        set_on(to, is4 ? IPPROTO_IP : IPPROTO_IPV6, is4 ? IP_RECVTTL : IPV6_HOPLIMIT);
        /* The sender names its own address and a limit of 7 routers. */
        prepare_message(&m);
        m.name = to_name;
        m.message.namelen = length;
        memcpy(m.head, "head", 4);
        memcpy(m.rest, "rest", 4);
        m.buffers[1].len = 4;
        memset(&source4, 0, sizeof source4);
        memset(&source6, 0, sizeof source6);
        source4.ipi_addr.s_addr = htonl(INADDR_LOOPBACK);
        source6.ipi6_addr.u.Byte[15] = 1;
        piece = WSA_CMSG_FIRSTHDR(&m.message);
        piece->cmsg_level = is4 ? IPPROTO_IP : IPPROTO_IPV6;
        piece->cmsg_type = is4 ? IP_PKTINFO : IPV6_PKTINFO;
        piece->cmsg_len = WSA_CMSG_LEN(is4 ? sizeof source4 : sizeof source6);
        memcpy(WSA_CMSG_DATA(piece), is4 ? (void *)&source4 : (void *)&source6, is4 ? sizeof source4 : sizeof source6);
        piece = WSA_CMSG_NXTHDR(&m.message, piece);
        CHECK(piece != NULL);
        piece->cmsg_level = is4 ? IPPROTO_IP : IPPROTO_IPV6;
        piece->cmsg_type = is4 ? IP_TTL : IPV6_HOPLIMIT;
        piece->cmsg_len = WSA_CMSG_LEN(sizeof(INT));
        *(INT *)(void *)WSA_CMSG_DATA(piece) = 7;
        m.message.Control.len = WSA_CMSG_SPACE(is4 ? sizeof source4 : sizeof source6) + WSA_CMSG_SPACE(sizeof(INT));
        CHECK_EQ(WSASendMsg(from, &m.message, 0, &bytes, NULL, NULL), 0);
        CHECK_EQ(bytes, 8);
        prepare_message(&m);
        CHECK_EQ(recv_msg_of(to)(to, &m.message, &bytes, NULL, NULL), 0);
        CHECK_EQ(bytes, 8);
        CHECK(memcmp(m.head, "head", 4) == 0 && memcmp(m.rest, "rest", 4) == 0);
        CHECK_EQ(m.message.dwFlags, 0);
        CHECK_EQ(m.message.namelen, length);
        CHECK_EQ(m.name.sin6_port, from_name.sin6_port);
        if (is4) {
            IN_PKTINFO *info = piece_of(&m, IPPROTO_IP, IP_PKTINFO, sizeof *info);
            CHECK_EQ(info->ipi_addr.s_addr, htonl(INADDR_LOOPBACK));
            CHECK(info->ipi_ifindex != 0);
            CHECK_EQ(*(INT *)piece_of(&m, IPPROTO_IP, IP_HOPLIMIT, sizeof(INT)), 7);
        } else {
            IN6_PKTINFO *info = piece_of(&m, IPPROTO_IPV6, IPV6_PKTINFO, sizeof *info);
            CHECK_EQ(info->ipi6_addr.u.Byte[15], 1);
            CHECK(info->ipi6_ifindex != 0);
            CHECK_EQ(*(INT *)piece_of(&m, IPPROTO_IPV6, IPV6_HOPLIMIT, sizeof(INT)), 7);
        }
        CHECK_EQ(closesocket(from), 0);
        CHECK_EQ(closesocket(to), 0);
    }
    stop();
}

/* proves: API-X55 */
static void api_x52_messages_and_control_data_that_are_cut(void) {
    SOCKET ends[2];
    struct message m;
    DWORD bytes = 4711;
    static char large[70000];
    start();
    datagram_pair(ends);
    set_on(ends[0], IPPROTO_IP, IP_PKTINFO);
    set_on(ends[0], IPPROTO_IP, IP_RECVTTL);
    send_text(ends[1], "longer than the room");
    send_text(ends[1], "short");
    /* Looked at first. */
    prepare_message(&m);
    m.message.dwFlags = MSG_PEEK;
    CHECK_EQ(recv_msg_of(ends[0])(ends[0], &m.message, &bytes, NULL, NULL), 0);
    CHECK_EQ(bytes, 20);
    prepare_message(&m);
    m.message.dwBufferCount = 1;
    CHECK_FAILS(recv_msg_of(ends[0])(ends[0], &m.message, &bytes, NULL, NULL), SOCKET_ERROR, WSAEMSGSIZE);
    CHECK(m.message.dwFlags & MSG_TRUNC);
    CHECK(memcmp(m.head, "long", 4) == 0);
    prepare_message(&m);
    m.message.Control.len = 30; /* Enough for one piece. */
    CHECK_EQ(recv_msg_of(ends[0])(ends[0], &m.message, &bytes, NULL, NULL), 0);
    CHECK_EQ(bytes, 5);
    CHECK_EQ(m.message.dwFlags, MSG_CTRUNC);
    CHECK(m.message.Control.len > 0 && m.message.Control.len <= 30);
    CHECK_EQ(m.message.namelen, (int)sizeof(struct sockaddr_in));
    m.message.name = NULL;
    m.message.namelen = 0;
    m.message.Control.len = 0;
    m.message.dwBufferCount = 1;
    m.buffers[0].len = sizeof large;
    m.buffers[0].buf = large;
    CHECK_FAILS(WSASendMsg(ends[0], &m.message, 0, &bytes, NULL, NULL), SOCKET_ERROR, WSAEMSGSIZE);
    stop();
}

/* proves: API-X58, OV-6 */
static void ov_4_messages_in_every_style(void) {
    int style;
    start();
    for (style = 0; style < STYLES; style++) {
        SOCKET ends[2];
        struct operation operation;
        struct message m, sent;
        DWORD bytes = 4711;
        datagram_pair(ends);
        set_on(ends[0], IPPROTO_IP, IP_PKTINFO);
        prepare(&operation, (enum style)style);
        prepare_message(&m);
        CHECK_FAILS(recv_msg_of(ends[0])(ends[0], &m.message, NULL, &operation.overlapped, style == ROUTINE ? routine : NULL),
                    SOCKET_ERROR, WSA_IO_PENDING);
        CHECK(pends(&operation));
        memset(m.buffers, 0xFF, sizeof m.buffers); /* API-X7 */
        prepare_message(&sent);
        sent.message.name = NULL;
        sent.message.namelen = 0;
        sent.message.Control.len = 0;
        sent.buffers[1].len = 0;
        memcpy(sent.head, "four", 4);
        CHECK_EQ(WSASendMsg(ends[1], &sent.message, 0, &bytes, NULL, NULL), 0);
        until_indicated(&operation, (enum style)style);
        check_end(ends[0], &operation, (enum style)style, 0, 4);
        CHECK(memcmp(m.head, "four", 4) == 0);
        CHECK_EQ(m.message.namelen, (int)sizeof(struct sockaddr_in));
        CHECK_EQ(((IN_PKTINFO *)piece_of(&m, IPPROTO_IP, IP_PKTINFO, sizeof(IN_PKTINFO)))->ipi_addr.s_addr,
                 htonl(INADDR_LOOPBACK));
        finish(&operation, (enum style)style);
        /* A send, which is done at once. */
        prepare(&operation, (enum style)style);
        CHECK_EQ(WSASendMsg(ends[1], &sent.message, 0, NULL, &operation.overlapped, style == ROUTINE ? routine : NULL),
                 0);
        until_indicated(&operation, (enum style)style);
        check_end(ends[1], &operation, (enum style)style, 0, 4);
        finish(&operation, (enum style)style);
        receive_what_is_there(ends[0]);
        /* A close. */
        prepare(&operation, (enum style)style);
        prepare_message(&m);
        CHECK_FAILS(recv_msg_of(ends[0])(ends[0], &m.message, NULL, &operation.overlapped, style == ROUTINE ? routine : NULL),
                    SOCKET_ERROR, WSA_IO_PENDING);
        CHECK_EQ(closesocket(ends[0]), 0);
        until_indicated(&operation, (enum style)style);
        check_end(INVALID_SOCKET, &operation, (enum style)style, WSA_OPERATION_ABORTED, 0);
        finish(&operation, (enum style)style);
    }
    stop();
}

int main(int argc, char **argv) {
    const struct test tests[] = {
        TEST(api_x51_what_a_message_needs),
        TEST(api_x57_control_data_both_ways),
        TEST(api_x52_messages_and_control_data_that_are_cut),
        TEST(ov_4_messages_in_every_style),
    };
    return run_tests(tests, COUNT(tests), argc, argv);
}
