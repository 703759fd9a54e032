/* Kernel sockets for the plain provider: see posix.h. */
#define _GNU_SOURCE
#include "posix.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <winerror.h> /* nothing but codes */

/* The rest of what Winsock numbers in its own way. */
enum { WIN_AF_INET6 = 23, WIN_SOL_SOCKET = 0xFFFF };

static int wsa(int error) {
    switch (error) {
    case EINTR: return WSAEINTR;
    case EACCES: case EPERM: return WSAEACCES;
    case EFAULT: return WSAEFAULT;
    case EINVAL: return WSAEINVAL;
    case EMFILE: case ENFILE: return WSAEMFILE;
    case EAGAIN: case EINPROGRESS: return WSAEWOULDBLOCK;
    case EALREADY: return WSAEALREADY;
    case EBADF: case ENOTSOCK: return WSAENOTSOCK;
    case EDESTADDRREQ: return WSAEDESTADDRREQ;
    case EMSGSIZE: return WSAEMSGSIZE;
    case EPROTOTYPE: return WSAEPROTOTYPE;
    case ENOPROTOOPT: return WSAENOPROTOOPT;
    case EPROTONOSUPPORT: return WSAEPROTONOSUPPORT;
    case ESOCKTNOSUPPORT: return WSAESOCKTNOSUPPORT;
    case EOPNOTSUPP: return WSAEOPNOTSUPP;
    case EAFNOSUPPORT: return WSAEAFNOSUPPORT;
    case EADDRINUSE: return WSAEADDRINUSE;
    case EADDRNOTAVAIL: return WSAEADDRNOTAVAIL;
    case ENETDOWN: return WSAENETDOWN;
    case ENETUNREACH: return WSAENETUNREACH;
    case ENETRESET: return WSAENETRESET;
    case ECONNABORTED: return WSAECONNABORTED;
    case ECONNRESET: return WSAECONNRESET;
    case ENOMEM: case ENOBUFS: return WSAENOBUFS;
    case EISCONN: return WSAEISCONN;
    case ENOTCONN: return WSAENOTCONN;
    case EPIPE: return WSAECONNRESET;
    case ETIMEDOUT: return WSAETIMEDOUT;
    case ECONNREFUSED: return WSAECONNREFUSED;
    case EHOSTUNREACH: return WSAEHOSTUNREACH;
    default: return WSASYSCALLFAILURE;
    }
}

static int checked(int result) {
    return result < 0 ? -wsa(errno) : result;
}

/* The number of IPv6 is all that differs in an address. */
static socklen_t to_linux(struct sockaddr_storage *to, const void *name, int len) {
    size_t copied = (size_t)len < sizeof *to ? (size_t)len : sizeof *to;
    memset(to, 0, sizeof *to);
    memcpy(to, name, copied);
    if (to->ss_family == WIN_AF_INET6) to->ss_family = AF_INET6;
    return (socklen_t)copied;
}

static void to_winsock(struct px_name *to, struct sockaddr_storage *name, socklen_t len) {
    if (name->ss_family == AF_INET6) name->ss_family = WIN_AF_INET6;
    memcpy(to->bytes, name, len);
    to->len = (int)len;
}

int px_event(void) {
    return checked(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

void px_signal(int event) {
    uint64_t one = 1;
    /* It fails only when it has been done four thousand million times, and then it need not be done. */
    if (write(event, &one, sizeof one) < 0) return;
}

int px_close(int fd) {
    return checked(close(fd));
}

void px_reset_on_close(int fd) {
    struct linger now = {1, 0};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

int px_socket(int family, int type) {
    int one = 1, fd;
    if (family != AF_INET && family != WIN_AF_INET6) return -WSAEAFNOSUPPORT;
    if (type != SOCK_STREAM && type != SOCK_DGRAM) return -WSAESOCKTNOSUPPORT;
    fd = checked(socket(family == WIN_AF_INET6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    /* As on Windows, a socket of IPv6 has nothing to do with IPv4. */
    if (fd >= 0 && family == WIN_AF_INET6) (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    return fd;
}

int px_bind(int fd, const void *name, int len) {
    struct sockaddr_storage address;
    socklen_t used = to_linux(&address, name, len);
    return checked(bind(fd, (struct sockaddr *)&address, used));
}

int px_listen(int fd, int backlog) {
    return checked(listen(fd, backlog > 0 ? backlog : 1));
}

int px_accept(int fd, struct px_name *peer) {
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    int accepted = checked(accept4(fd, (struct sockaddr *)&address, &len, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (accepted >= 0) to_winsock(peer, &address, len);
    return accepted;
}

int px_connect(int fd, const void *name, int len) {
    struct sockaddr_storage address;
    socklen_t used = to_linux(&address, name, len);
    return checked(connect(fd, (struct sockaddr *)&address, used));
}

int px_disconnect(int fd) {
    struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    return checked(connect(fd, &nobody, sizeof nobody));
}

int px_shutdown(int fd, int how) {
    return checked(shutdown(fd, how)); /* the three ways have the same numbers */
}

int px_getsockname(int fd, struct px_name *name) {
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    int result = checked(getsockname(fd, (struct sockaddr *)&address, &len));
    if (result == 0) to_winsock(name, &address, len);
    return result;
}

int px_getpeername(int fd, struct px_name *name) {
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    int result = checked(getpeername(fd, (struct sockaddr *)&address, &len));
    if (result == 0) to_winsock(name, &address, len);
    return result;
}

static int option_number(int level, int option, int *linux_level) {
    *linux_level = level == IPPROTO_TCP ? IPPROTO_TCP : SOL_SOCKET;
    if (level == IPPROTO_TCP) return option == 1 ? TCP_NODELAY : -1;
    switch (level == WIN_SOL_SOCKET ? option : -1) {
    case 0x4: return SO_REUSEADDR;
    case 0x8: return SO_KEEPALIVE;
    case 0x20: return SO_BROADCAST;
    case 0x1001: return SO_SNDBUF;
    case 0x1002: return SO_RCVBUF;
    default: return -1;
    }
}

int px_getsockopt(int fd, int level, int option, int *value) {
    int linux_level, number = option_number(level, option, &linux_level), result;
    socklen_t len = sizeof *value;
    if (number < 0) return -WSAENOPROTOOPT;
    result = checked(getsockopt(fd, linux_level, number, value, &len));
    /* The kernel doubles what was asked for. */
    if (linux_level == SOL_SOCKET && (number == SO_SNDBUF || number == SO_RCVBUF)) *value /= 2;
    return result;
}

int px_setsockopt(int fd, int level, int option, int value) {
    int linux_level, number = option_number(level, option, &linux_level);
    if (number < 0) return -WSAENOPROTOOPT;
    return checked(setsockopt(fd, linux_level, number, &value, sizeof value));
}

int px_take_error(int fd) {
    int error = 0;
    socklen_t len = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0) return wsa(errno);
    return error ? wsa(error) : 0;
}

/* A look past the first datagrams moves where every look at the socket begins. */
static pthread_mutex_t looking = PTHREAD_MUTEX_INITIALIZER;

/* The kernel tells the first datagram's bytes; the others are found by looking past it, one after the other. */
static int all_datagrams(int fd, uint32_t *bytes) {
    int begin = 0, end = -1;
    ssize_t length = 0;
    pthread_mutex_lock(&looking);
    int result = checked(setsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &begin, sizeof begin));
    for (*bytes = 0; result == 0 && length >= 0; *bytes += length > 0 ? (uint32_t)length : 0)
        length = recv(fd, NULL, 0, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
    (void)setsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &end, sizeof end);
    pthread_mutex_unlock(&looking);
    return result;
}

int px_readable_bytes(int fd, int is_stream, uint32_t *bytes) {
    int pending = 0, result;
    if (!is_stream) return all_datagrams(fd, bytes);
    result = checked(ioctl(fd, FIONREAD, &pending));
    *bytes = (uint32_t)pending;
    return result < 0 ? result : 0;
}

static int vectors(struct iovec *out, const struct px_buffer *buffers, int count) {
    if (count > PX_MOST_BUFFERS) return -WSAENOBUFS;
    for (int i = 0; i < count; i++) {
        out[i].iov_base = buffers[i].data;
        out[i].iov_len = buffers[i].len;
    }
    return 0;
}

long px_send(int fd, const struct px_buffer *buffers, int count, const void *to, int to_len) {
    struct iovec iov[PX_MOST_BUFFERS];
    struct sockaddr_storage address;
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = (size_t)count};
    long sent = vectors(iov, buffers, count);
    if (sent < 0) return sent;
    if (to) {
        message.msg_name = &address;
        message.msg_namelen = to_linux(&address, to, to_len);
    }
    sent = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    /* That nobody was there for an earlier datagram is told with the next one, which is not sent. */
    if (sent < 0 && errno == ECONNREFUSED) sent = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent < 0 ? -wsa(errno) : sent;
}

long px_recv(int fd, const struct px_buffer *buffers, int count, int peek, struct px_name *from, int *truncated) {
    struct iovec iov[PX_MOST_BUFFERS];
    struct sockaddr_storage address = {0};
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = (size_t)count};
    long received = vectors(iov, buffers, count);
    if (received < 0) return received;
    if (from) {
        message.msg_name = &address;
        message.msg_namelen = sizeof address;
    }
    if (peek) pthread_mutex_lock(&looking);
    received = recvmsg(fd, &message, MSG_DONTWAIT | (peek ? MSG_PEEK : 0));
    if (peek) pthread_mutex_unlock(&looking);
    if (received < 0) return -(errno == ECONNREFUSED ? WSAECONNRESET : wsa(errno));
    if (from) to_winsock(from, &address, message.msg_namelen);
    *truncated = (message.msg_flags & MSG_TRUNC) != 0;
    return received;
}

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* What poll(2) says of a socket, in the terms of select. */
static int found(const struct px_ready *ready, short events) {
    int failed = ready->connecting && (events & POLLERR);
    if (failed) return ready->want & PX_EXCEPT;
    return ready->want & ((events & (POLLIN | POLLHUP | POLLERR) ? PX_READ : 0) |
                          (events & (POLLOUT | POLLHUP | POLLERR) ? PX_WRITE : 0));
}

int px_wait(struct px_ready *ready, int count, int64_t milliseconds) {
    struct pollfd few[16], *fds = few; /* each socket, then each event */
    int64_t end = milliseconds < 0 ? -1 : now_ms() + milliseconds;
    int total = 0;
    if (count > (int)(sizeof few / sizeof *few) / 2 && !(fds = calloc((size_t)count * 2, sizeof *fds))) return -WSAENOBUFS;
    for (int i = 0; i < count; i++) {
        fds[i].fd = ready[i].fd;
        fds[i].events = (short)((ready[i].want & PX_READ ? POLLIN : 0) | (ready[i].want & PX_WRITE ? POLLOUT : 0));
        fds[count + i].fd = ready[i].wake;
        fds[count + i].events = POLLIN;
    }
    for (;;) {
        int64_t left = end < 0 ? -1 : end - now_ms();
        if (end >= 0 && left < 0) left = 0;
        int polled = poll(fds, (nfds_t)count * 2, left > INT_MAX ? INT_MAX : (int)left);
        if (polled < 0 && errno == EINTR) continue;
        if (polled < 0) total = -wsa(errno);
        for (int i = 0; i < count && polled > 0 && total >= 0; i++) {
            ready[i].got = fds[i].revents ? found(&ready[i], fds[i].revents) : 0;
            /* What is over, and not what was asked for, would be told again and again. */
            if (fds[i].revents && !ready[i].got) fds[i].fd = -1;
            total = fds[count + i].revents ? -WSAEINTR : total + (ready[i].got != 0);
        }
        if (total || left == 0) break;
    }
    if (fds != few) free(fds);
    return total;
}

int px_format(const void *name, uint32_t len, char *text, size_t room) {
    struct sockaddr_storage address;
    char host[INET6_ADDRSTRLEN], scope[16] = "";
    to_linux(&address, name, len < sizeof address ? (int)len : (int)sizeof address);
    if (address.ss_family == AF_INET && len >= sizeof(struct sockaddr_in)) {
        const struct sockaddr_in *in = (struct sockaddr_in *)&address;
        inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
        return in->sin_port ? snprintf(text, room, "%s:%u", host, ntohs(in->sin_port)) : snprintf(text, room, "%s", host);
    }
    if (address.ss_family == AF_INET6 && len >= sizeof(struct sockaddr_in6)) {
        const struct sockaddr_in6 *in = (struct sockaddr_in6 *)&address;
        inet_ntop(AF_INET6, &in->sin6_addr, host, sizeof host);
        if (in->sin6_scope_id) snprintf(scope, sizeof scope, "%%%u", in->sin6_scope_id);
        return in->sin6_port ? snprintf(text, room, "[%s%s]:%u", host, scope, ntohs(in->sin6_port))
                             : snprintf(text, room, "%s%s", host, scope);
    }
    return -WSAEINVAL;
}

/* Cuts off what follows the separator, a number: 1 if it is there and no number. */
static int cut_number(char *text, char separator, unsigned long most, unsigned long *number) {
    char *at = strrchr(text, separator);
    if (!at) return 0;
    *at++ = 0;
    if (!*at || strspn(at, "0123456789") != strlen(at)) return 1;
    errno = 0;
    *number = strtoul(at, NULL, 10);
    return errno || *number > most;
}

int px_parse(const char *text, int family, struct px_name *name) {
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = WIN_AF_INET6};
    unsigned long port = 0, scope = 0;
    char host[96];
    size_t len = strlen(text);
    const char *dot = strrchr(text, '.'), *colon = strchr(text, ':');
    int four = dot && (!colon || colon > dot);
    if (len >= sizeof host || (family != 0 && family != (four ? AF_INET : WIN_AF_INET6))) return -WSAEINVAL;
    strcpy(host, text);
    if (four) {
        if (cut_number(host, ':', 65535, &port) || inet_pton(AF_INET, host, &in.sin_addr) != 1) return -WSAEINVAL;
        in.sin_port = htons((uint16_t)port);
        memcpy(name->bytes, &in, sizeof in);
        name->len = sizeof in;
        return 0;
    }
    if (*host == '[') {
        char *close = strrchr(host, ']');
        if (!close || (close[1] && close[1] != ':') || (close[1] && cut_number(close, ':', 65535, &port))) return -WSAEINVAL;
        *close = 0;
        memmove(host, host + 1, strlen(host));
    }
    if (cut_number(host, '%', UINT32_MAX, &scope) || inet_pton(AF_INET6, host, &in6.sin6_addr) != 1) return -WSAEINVAL;
    in6.sin6_port = htons((uint16_t)port);
    in6.sin6_scope_id = (uint32_t)scope;
    memcpy(name->bytes, &in6, sizeof in6);
    name->len = sizeof in6;
    return 0;
}
