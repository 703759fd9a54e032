/*
 * The peer in plain C: one thread, level-triggered epoll, direct system calls.
 *
 * epoll echo|bulk|udp|accept SIZE     prints the port that it serves on 127.0.0.1, and serves until it is killed
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 256, CHUNK = 65536, DATAGRAMS = 16, DATAGRAM = 2048 };

static void must(int worked, const char *what) {
    if (worked) return;
    perror(what);
    exit(1);
}

/* What a connection has read and not written yet. */
struct connection {
    int fd;
    unsigned from, to;
    int waits_to_write;
    char buffer[];
};

static int set, listener;
static unsigned size;

static void watch(int operation, int fd, unsigned events, void *data) {
    struct epoll_event event = {events, {.ptr = data}};
    must(epoll_ctl(set, operation, fd, &event) == 0, "epoll_ctl");
}

static void end(struct connection *connection) {
    close(connection->fd);
    free(connection);
}

static void interest(struct connection *connection, int writes) {
    if (writes == connection->waits_to_write) return;
    connection->waits_to_write = writes;
    watch(EPOLL_CTL_MOD, connection->fd, writes ? EPOLLOUT : EPOLLIN, connection);
}

static void serve(struct connection *connection) {
    if (!connection->waits_to_write) {
        ssize_t len = recv(connection->fd, connection->buffer, size, 0);
        if (len <= 0) {
            if (len < 0 && errno == EAGAIN) return;
            end(connection);
            return;
        }
        connection->from = 0;
        connection->to = (unsigned)len;
    }
    while (connection->from < connection->to) {
        ssize_t len = send(connection->fd, connection->buffer + connection->from, connection->to - connection->from,
                           MSG_NOSIGNAL);
        if (len < 0) {
            if (errno == EAGAIN) interest(connection, 1);
            else end(connection);
            return;
        }
        connection->from += (unsigned)len;
    }
    interest(connection, 0);
}

static void take_connections(void) {
    int fd, yes = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct connection *connection = calloc(1, sizeof *connection + size);
        must(connection != NULL, "memory");
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        connection->fd = fd;
        watch(EPOLL_CTL_ADD, fd, EPOLLIN, connection);
    }
}

static void echo(void) {
    struct epoll_event events[EVENTS];
    must((set = epoll_create1(EPOLL_CLOEXEC)) >= 0, "epoll_create1");
    watch(EPOLL_CTL_ADD, listener, EPOLLIN, NULL);
    for (;;) {
        int i, count = epoll_wait(set, events, EVENTS, -1);
        for (i = 0; i < count; i++)
            if (events[i].data.ptr) serve(events[i].data.ptr);
            else take_connections();
    }
}

static void bulk(void) {
    static char chunk[CHUNK];
    struct epoll_event event;
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) < 0) must(errno == EAGAIN, "accept");
    must((set = epoll_create1(EPOLL_CLOEXEC)) >= 0, "epoll_create1");
    watch(EPOLL_CTL_ADD, fd, EPOLLOUT, NULL);
    for (;;)
        if (send(fd, chunk, CHUNK, MSG_NOSIGNAL) < 0) {
            if (errno != EAGAIN) exit(0);
            epoll_wait(set, &event, 1, -1);
        }
}

static void udp(int fd) {
    static char buffers[DATAGRAMS][DATAGRAM];
    struct sockaddr_in names[DATAGRAMS];
    struct iovec vectors[DATAGRAMS];
    struct mmsghdr messages[DATAGRAMS];
    struct epoll_event event;
    int i;
    must((set = epoll_create1(EPOLL_CLOEXEC)) >= 0, "epoll_create1");
    watch(EPOLL_CTL_ADD, fd, EPOLLIN, NULL);
    for (;;) {
        int count;
        for (i = 0; i < DATAGRAMS; i++) {
            vectors[i] = (struct iovec){buffers[i], DATAGRAM};
            memset(&messages[i], 0, sizeof messages[i]);
            messages[i].msg_hdr.msg_name = &names[i];
            messages[i].msg_hdr.msg_namelen = sizeof names[i];
            messages[i].msg_hdr.msg_iov = &vectors[i];
            messages[i].msg_hdr.msg_iovlen = 1;
        }
        count = recvmmsg(fd, messages, DATAGRAMS, MSG_DONTWAIT, NULL);
        if (count <= 0) {
            epoll_wait(set, &event, 1, -1);
            continue;
        }
        for (i = 0; i < count; i++) vectors[i].iov_len = messages[i].msg_len;
        sendmmsg(fd, messages, (unsigned)count, 0);
    }
}

static void accept_only(void) {
    struct epoll_event event;
    must((set = epoll_create1(EPOLL_CLOEXEC)) >= 0, "epoll_create1");
    watch(EPOLL_CTL_ADD, listener, EPOLLIN, NULL);
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
        if (fd >= 0) close(fd);
        else epoll_wait(set, &event, 1, -1);
    }
}

int main(int argc, char **argv) {
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof name;
    const char *mode = argc > 2 ? argv[1] : "";
    int is_datagram = strcmp(mode, "udp") == 0;
    must(argc > 2, "usage: epoll echo|bulk|udp|accept SIZE");
    size = (unsigned)atoi(argv[2]);
    listener = socket(AF_INET, (is_datagram ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK, 0);
    must(listener >= 0, "socket");
    must(bind(listener, (struct sockaddr *)&name, sizeof name) == 0, "bind");
    must(is_datagram || listen(listener, 4096) == 0, "listen");
    must(getsockname(listener, (struct sockaddr *)&name, &len) == 0, "getsockname");
    printf("%d\n", ntohs(name.sin_port));
    fflush(stdout);
    if (is_datagram) udp(listener);
    if (strcmp(mode, "bulk") == 0) bulk();
    if (strcmp(mode, "accept") == 0) accept_only();
    echo();
}
