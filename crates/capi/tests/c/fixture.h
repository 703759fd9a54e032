/*
 * What the C tests share. A test is a function; the program runs the one that its argument names, each in a process of
 * its own, and lists them when it has no argument.
 */
#ifndef FIXTURE_H
#define FIXTURE_H

#include <winsock2.h>
#include <ws2tcpip.h>

#include <string.h>
#include <unistd.h>

#include "check.h"

/* The result of a failing call and its error. */
#define CHECK_FAILS(call, failure, error)                                                                         \
    do {                                                                                                          \
        WSASetLastError(-1);                                                                                      \
        CHECK_EQ(call, failure);                                                                                  \
        CHECK_EQ(WSAGetLastError(), error);                                                                       \
    } while (0)

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

/* UTF-16 text of a literal: WIDE("text"). */
#define WIDE(text) ((WCHAR *)(size_t)(u"" text))

struct test {
    const char *name;
    void (*run)(void);
};
#define TEST(function) {#function, function}

/* The body of main(). */
static inline int run_tests(const struct test *tests, int count, int argc, char **argv) {
    int i;
    for (i = 0; i < count; i++) {
        if (argc < 2) {
            puts(tests[i].name);
        } else if (strcmp(argv[1], tests[i].name) == 0) {
            alarm(60); /* A test that takes longer hangs. */
            tests[i].run();
            return 0;
        }
    }
    return argc < 2 ? 0 : 2;
}

static inline void start(void) {
    WSADATA data;
    CHECK_EQ(WSAStartup(MAKEWORD(2, 2), &data), 0);
}

static inline void stop(void) {
    CHECK_EQ(WSACleanup(), 0);
}

static inline SOCKET make(int family, int type) {
    SOCKET s = socket(family, type, 0);
    CHECK(s != INVALID_SOCKET);
    return s;
}

static inline struct sockaddr_in loopback(u_short port) {
    struct sockaddr_in name;
    memset(&name, 0, sizeof name);
    name.sin_family = AF_INET;
    name.sin_port = htons(port);
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return name;
}

/* The local address of a socket. */
static inline struct sockaddr_in name_of(SOCKET s) {
    struct sockaddr_in name;
    int len = sizeof name;
    CHECK_EQ(getsockname(s, (struct sockaddr *)&name, &len), 0);
    CHECK_EQ(len, (int)sizeof name);
    return name;
}

/* A socket bound to a free port of 127.0.0.1. */
static inline SOCKET bound(int type) {
    SOCKET s = make(AF_INET, type);
    struct sockaddr_in any = loopback(0);
    CHECK_EQ(bind(s, (struct sockaddr *)&any, sizeof any), 0);
    return s;
}

static inline SOCKET listening(void) {
    SOCKET s = bound(SOCK_STREAM);
    CHECK_EQ(listen(s, 8), 0);
    return s;
}

static inline SOCKET connected_to(SOCKET listener) {
    SOCKET s = make(AF_INET, SOCK_STREAM);
    struct sockaddr_in name = name_of(listener);
    CHECK_EQ(connect(s, (struct sockaddr *)&name, sizeof name), 0);
    return s;
}

/* Both ends of a connection. */
static inline void pair(SOCKET ends[2]) {
    SOCKET listener = listening();
    ends[0] = connected_to(listener);
    ends[1] = accept(listener, NULL, NULL);
    CHECK(ends[1] != INVALID_SOCKET);
    CHECK_EQ(closesocket(listener), 0);
}

/* A UDP socket that others send to, and one that sends to it. */
static inline void datagram_pair(SOCKET ends[2]) {
    struct sockaddr_in name;
    ends[0] = bound(SOCK_DGRAM);
    ends[1] = bound(SOCK_DGRAM);
    name = name_of(ends[1]);
    CHECK_EQ(connect(ends[0], (struct sockaddr *)&name, sizeof name), 0);
    name = name_of(ends[0]);
    CHECK_EQ(connect(ends[1], (struct sockaddr *)&name, sizeof name), 0);
}

static inline void set_blocking(SOCKET s, int blocks) {
    ULONG nonblocking = !blocks;
    CHECK_EQ(ioctlsocket(s, FIONBIO, &nonblocking), 0);
}

/* Waits until a socket has something to read. */
static inline void until_readable(SOCKET s) {
    WSAPOLLFD element = {s, POLLRDNORM, 0};
    CHECK_EQ(WSAPoll(&element, 1, 30000), 1);
}

#endif
