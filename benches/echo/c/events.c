/*
 * A server of WSAEventSelect: one thread, up to 63 connections, an event each.
 *
 * events echo SIZE     prints the port that it serves on 127.0.0.1, and serves until it is killed
 */
#define WIN32_LEAN_AND_MEAN
#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(int worked, const char *what) {
    if (worked) return;
    fprintf(stderr, "events: %s: error %d\n", what, WSAGetLastError());
    exit(1);
}

static WSAEVENT events[WSA_MAXIMUM_WAIT_EVENTS];
/* With what was read and not written yet. */
static struct {
    SOCKET s;
    int from, to;
    int unread; /* told of, and left until the write before is done */
    char *buffer;
} sockets[WSA_MAXIMUM_WAIT_EVENTS];
static int count, size;

static void add(SOCKET s, long interest) {
    must(count < WSA_MAXIMUM_WAIT_EVENTS, "too many connections");
    events[count] = WSACreateEvent();
    must(events[count] != WSA_INVALID_EVENT, "WSACreateEvent");
    must(WSAEventSelect(s, events[count], interest) == 0, "WSAEventSelect");
    sockets[count].s = s;
    sockets[count].from = sockets[count].to = sockets[count].unread = 0;
    sockets[count].buffer = (char *)malloc((size_t)size);
    must(sockets[count].buffer != NULL, "memory");
    count++;
}

static void drop(int at) {
    closesocket(sockets[at].s);
    WSACloseEvent(events[at]);
    free(sockets[at].buffer);
    count--;
    events[at] = events[count];
    sockets[at] = sockets[count];
}

/* Writes what is left; false if the connection is over. */
static int flush(int at) {
    while (sockets[at].from < sockets[at].to) {
        int len = send(sockets[at].s, sockets[at].buffer + sockets[at].from, sockets[at].to - sockets[at].from, 0);
        if (len == SOCKET_ERROR) return WSAGetLastError() == WSAEWOULDBLOCK;
        sockets[at].from += len;
    }
    return 1;
}

/* Reads once, which asks for the next event, and writes it back; false if the connection is over. */
static int read_and_write(int at) {
    int len;
    if (!flush(at)) return 0;
    if (sockets[at].from < sockets[at].to) return 1;
    sockets[at].unread = 0;
    len = recv(sockets[at].s, sockets[at].buffer, size, 0);
    if (len == SOCKET_ERROR) return WSAGetLastError() == WSAEWOULDBLOCK;
    sockets[at].from = 0;
    sockets[at].to = len;
    return len > 0 && flush(at);
}

static void serve(int at) {
    WSANETWORKEVENTS happened;
    BOOL yes = TRUE;
    must(WSAEnumNetworkEvents(sockets[at].s, events[at], &happened) == 0, "WSAEnumNetworkEvents");
    if (happened.lNetworkEvents & FD_ACCEPT) {
        SOCKET s = accept(sockets[at].s, NULL, NULL);
        if (s == INVALID_SOCKET) return;
        setsockopt(s, IPPROTO_TCP, TCP_NODELAY, (const char *)&yes, sizeof yes);
        add(s, FD_READ | FD_WRITE | FD_CLOSE);
        return;
    }
    if (happened.lNetworkEvents & FD_READ) sockets[at].unread = 1;
    if (sockets[at].unread || sockets[at].from < sockets[at].to) {
        if (!(sockets[at].unread ? read_and_write(at) : flush(at))) drop(at);
    } else if (happened.lNetworkEvents & FD_CLOSE) {
        drop(at);
    }
}

int main(int argc, char **argv) {
    struct sockaddr_in name;
    int len = sizeof name;
    WSADATA data;
    SOCKET s;
    must(argc > 2, "usage: events echo SIZE");
    size = atoi(argv[2]);
    must(WSAStartup(MAKEWORD(2, 2), &data) == 0, "WSAStartup");
    s = socket(AF_INET, SOCK_STREAM, 0);
    memset(&name, 0, sizeof name);
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    must(bind(s, (struct sockaddr *)&name, sizeof name) == 0, "bind");
    must(listen(s, SOMAXCONN) == 0, "listen");
    must(getsockname(s, (struct sockaddr *)&name, &len) == 0, "getsockname");
    add(s, FD_ACCEPT);
    printf("%d\n", ntohs(name.sin_port));
    fflush(stdout);
    for (;;) {
        DWORD first = WSAWaitForMultipleEvents((DWORD)count, events, FALSE, WSA_INFINITE, FALSE);
        int at;
        must(first != WSA_WAIT_FAILED, "WSAWaitForMultipleEvents");
        /* All that are set, so that none starves behind the first. */
        for (at = count - 1; at >= (int)(first - WSA_WAIT_EVENT_0); at--)
            if (at == (int)(first - WSA_WAIT_EVENT_0) || WSAWaitForMultipleEvents(1, &events[at], FALSE, 0, FALSE) == 0)
                serve(at);
    }
}
