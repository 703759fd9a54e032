/* Kernel sockets for the plain provider: see posix.h. */
#define _GNU_SOURCE
#include "posix.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { WIN_AF_INET6 = 23, WIN_SOL_SOCKET = 0xFFFF };

static int wsa(int error) {
    switch (error) {
    case EINTR: return 10004;
    case EACCES: case EPERM: return 10013;
    case EFAULT: return 10014;
    case EINVAL: return 10022;
    case EMFILE: case ENFILE: return 10024;
    case EAGAIN: case EINPROGRESS: return 10035;
    case EALREADY: return 10037;
    case EBADF: case ENOTSOCK: return 10038;
    case EDESTADDRREQ: return 10039;
    case EMSGSIZE: return 10040;
    case EPROTOTYPE: return 10041;
    case ENOPROTOOPT: return 10042;
    case EPROTONOSUPPORT: return 10043;
    case ESOCKTNOSUPPORT: return 10044;
    case EOPNOTSUPP: return 10045;
    case EAFNOSUPPORT: return 10047;
    case EADDRINUSE: return 10048;
    case EADDRNOTAVAIL: return 10049;
    case ENETDOWN: return 10050;
    case ENETUNREACH: return 10051;
    case ENETRESET: return 10052;
    case ECONNABORTED: return 10053;
    case ECONNRESET: return 10054;
    case ENOMEM: case ENOBUFS: return 10055;
    case EISCONN: return 10056;
    case ENOTCONN: return 10057;
    case EPIPE: return 10058;
    case ETIMEDOUT: return 10060;
    case ECONNREFUSED: return 10061;
    case EHOSTUNREACH: return 10065;
    default: return 10107;
    }
}

static int checked(int result) {
    return result < 0 ? -wsa(errno) : result;
}

/* Winsock and Linux number the family of IPv6 differently; everything else of an address agrees. */
static void to_linux(struct sockaddr_storage *out, const void *name, int namelen) {
    memset(out, 0, sizeof *out);
    memcpy(out, name, (size_t)namelen < sizeof *out ? (size_t)namelen : sizeof *out);
    if (out->ss_family == WIN_AF_INET6) out->ss_family = AF_INET6;
}

static int to_winsock(const struct sockaddr_storage *in, socklen_t len, void *name, int *namelen) {
    struct sockaddr_storage copy = *in;
    if (!name || !namelen) return 0;
    if ((socklen_t)*namelen < len) return -10014;
    if (copy.ss_family == AF_INET6) copy.ss_family = WIN_AF_INET6;
    memcpy(name, &copy, len);
    *namelen = (int)len;
    return 0;
}

int px_event(void) {
    return checked(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

void px_signal(int event) {
    uint64_t one = 1;
    if (write(event, &one, sizeof one) < 0 && errno != EAGAIN) abort();
}

void px_drain(int event) {
    uint64_t count;
    if (read(event, &count, sizeof count) < 0 && errno != EAGAIN) abort();
}

int px_close(int fd) {
    return checked(close(fd));
}

void px_reset_on_close(int fd) {
    struct linger now = {1, 0};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

int px_socket(int family, int type, int protocol) {
    int one = 1;
    int fd = socket(family == WIN_AF_INET6 ? AF_INET6 : family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
    if (fd < 0) return -wsa(errno);
    if (family == WIN_AF_INET6) (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    return fd;
}

int px_bind(int fd, const void *name, int namelen) {
    struct sockaddr_storage address;
    to_linux(&address, name, namelen);
    return checked(bind(fd, (struct sockaddr *)&address, (socklen_t)namelen));
}

int px_listen(int fd, int backlog) {
    return checked(listen(fd, backlog));
}

int px_accept(int fd, void *name, int *namelen) {
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    int accepted = accept4(fd, (struct sockaddr *)&address, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (accepted < 0) return -wsa(errno);
    int failed = to_winsock(&address, len, name, namelen);
    if (failed) {
        close(accepted);
        return failed;
    }
    return accepted;
}

int px_connect(int fd, const void *name, int namelen) {
    struct sockaddr_storage address;
    to_linux(&address, name, namelen);
    return checked(connect(fd, (struct sockaddr *)&address, (socklen_t)namelen));
}

int px_connect_result(int fd) {
    int error = 0;
    socklen_t len = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0) return wsa(errno);
    return error ? wsa(error) : 0;
}

int px_shutdown(int fd, int how) {
    return checked(shutdown(fd, how));
}

int px_getsockname(int fd, void *name, int *namelen) {
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &len) < 0) return -wsa(errno);
    return to_winsock(&address, len, name, namelen);
}

int px_getpeername(int fd, void *name, int *namelen) {
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    if (getpeername(fd, (struct sockaddr *)&address, &len) < 0) return -wsa(errno);
    return to_winsock(&address, len, name, namelen);
}

/* The integer options that Winsock and Linux share, by Winsock's numbers. */
static int option_number(int level, int option, int *linux_level) {
    *linux_level = SOL_SOCKET;
    if (level == IPPROTO_TCP && option == 1) {
        *linux_level = IPPROTO_TCP;
        return TCP_NODELAY;
    }
    if (level != WIN_SOL_SOCKET) return -1;
    switch (option) {
    case 0x4: return SO_REUSEADDR;
    case 0x8: return SO_KEEPALIVE;
    case 0x20: return SO_BROADCAST;
    case 0x1001: return SO_SNDBUF;
    case 0x1002: return SO_RCVBUF;
    case 0x1008: return SO_TYPE;
    default: return -1;
    }
}

int px_getsockopt(int fd, int option, int *value) {
    int level, number = option_number(WIN_SOL_SOCKET, option, &level);
    socklen_t len = sizeof *value;
    if (number < 0) return -10042;
    return checked(getsockopt(fd, level, number, value, &len));
}

int px_setsockopt(int fd, int level, int option, int value) {
    int linux_level, number = option_number(level, option, &linux_level);
    if (number < 0 || number == SO_TYPE) return -10042;
    return checked(setsockopt(fd, linux_level, number, &value, sizeof value));
}

int px_setlinger(int fd, int on, int seconds) {
    struct linger linger = {on, seconds};
    return checked(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
}

int px_readable_bytes(int fd, uint32_t *bytes) {
    int pending = 0;
    if (ioctl(fd, FIONREAD, &pending) < 0) return -wsa(errno);
    *bytes = (uint32_t)pending;
    return 0;
}

enum { MOST_BUFFERS = 64 };

static int vectors(struct iovec *out, const struct px_buffer *buffers, int count) {
    if (count > MOST_BUFFERS) return -10055;
    for (int i = 0; i < count; i++) {
        out[i].iov_base = buffers[i].data;
        out[i].iov_len = buffers[i].len;
    }
    return 0;
}

long px_send(int fd, const struct px_buffer *buffers, int count, int oob, const void *to, int tolen) {
    struct iovec iov[MOST_BUFFERS];
    struct sockaddr_storage address;
    struct msghdr message = {0};
    int failed = vectors(iov, buffers, count);
    if (failed) return failed;
    message.msg_iov = iov;
    message.msg_iovlen = (size_t)count;
    if (to) {
        to_linux(&address, to, tolen);
        message.msg_name = &address;
        message.msg_namelen = (socklen_t)tolen;
    }
    long sent = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL | (oob ? MSG_OOB : 0));
    return sent < 0 ? -wsa(errno) : sent;
}

long px_recv(int fd, const struct px_buffer *buffers, int count, int peek, int oob, void *from, int *fromlen, int *truncated) {
    struct iovec iov[MOST_BUFFERS];
    struct sockaddr_storage address;
    struct msghdr message = {0};
    int failed = vectors(iov, buffers, count);
    if (failed) return failed;
    message.msg_iov = iov;
    message.msg_iovlen = (size_t)count;
    message.msg_name = &address;
    message.msg_namelen = sizeof address;
    long received = recvmsg(fd, &message, MSG_DONTWAIT | (peek ? MSG_PEEK : 0) | (oob ? MSG_OOB : 0));
    if (received < 0) return -wsa(errno);
    *truncated = (message.msg_flags & MSG_TRUNC) != 0;
    if (from && message.msg_namelen) {
        failed = to_winsock(&address, message.msg_namelen, from, fromlen);
        if (failed) return failed;
    }
    return received;
}

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

int px_wait(struct px_ready *ready, int count, int event, int milliseconds) {
    struct pollfd *fds = calloc((size_t)count + 1, sizeof *fds);
    int64_t end = now_ms() + milliseconds;
    int left = milliseconds, found = 0;
    if (!fds) return -10055;
    for (int i = 0; i < count; i++) {
        fds[i].fd = ready[i].fd;
        fds[i].events = (short)((ready[i].want & PX_READ ? POLLIN : 0) | (ready[i].want & PX_WRITE ? POLLOUT : 0) |
                                (ready[i].want & PX_EXCEPT ? POLLPRI : 0));
    }
    fds[count].fd = event;
    fds[count].events = POLLIN;
    for (;;) {
        int polled = poll(fds, (nfds_t)count + 1, left);
        if (polled < 0 && errno != EINTR) {
            found = -wsa(errno);
            break;
        }
        if (polled > 0 && fds[count].revents) {
            found = -10004;
            break;
        }
        for (int i = 0; i < count && polled > 0; i++) {
            short got = fds[i].revents;
            ready[i].got = ready[i].want & ((got & (POLLIN | POLLHUP | POLLERR) ? PX_READ : 0) |
                                            ((got & POLLOUT) && !(got & POLLERR) ? PX_WRITE : 0) |
                                            (got & (POLLPRI | POLLERR) ? PX_EXCEPT : 0));
            found += ready[i].got != 0;
        }
        if (found || polled == 0) break;
        if (milliseconds >= 0) {
            int64_t rest = end - now_ms();
            left = rest > 0 ? (int)rest : 0;
        }
    }
    free(fds);
    return found;
}

int px_format(const void *name, int namelen, char *text, size_t size) {
    struct sockaddr_storage address;
    char host[INET6_ADDRSTRLEN];
    to_linux(&address, name, namelen);
    if (address.ss_family == AF_INET && namelen >= (int)sizeof(struct sockaddr_in)) {
        struct sockaddr_in *in = (struct sockaddr_in *)&address;
        inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
        return in->sin_port ? snprintf(text, size, "%s:%u", host, ntohs(in->sin_port)) : snprintf(text, size, "%s", host);
    }
    if (address.ss_family == AF_INET6 && namelen >= (int)sizeof(struct sockaddr_in6)) {
        struct sockaddr_in6 *in = (struct sockaddr_in6 *)&address;
        char scope[16] = "";
        inet_ntop(AF_INET6, &in->sin6_addr, host, sizeof host);
        if (in->sin6_scope_id) snprintf(scope, sizeof scope, "%%%u", in->sin6_scope_id);
        return in->sin6_port ? snprintf(text, size, "[%s%s]:%u", host, scope, ntohs(in->sin6_port))
                             : snprintf(text, size, "%s%s", host, scope);
    }
    return -10022;
}

int px_parse(const char *text, int family, void *name, int *namelen) {
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = WIN_AF_INET6};
    if (family != WIN_AF_INET6 && inet_pton(AF_INET, text, &in.sin_addr) == 1) {
        int room = *namelen;
        *namelen = sizeof in;
        if (room < (int)sizeof in) return -10014;
        memcpy(name, &in, sizeof in);
        return 0;
    }
    if (family != AF_INET && inet_pton(AF_INET6, text, &in6.sin6_addr) == 1) {
        int room = *namelen;
        *namelen = sizeof in6;
        if (room < (int)sizeof in6) return -10014;
        memcpy(name, &in6, sizeof in6);
        return 0;
    }
    return -10022;
}
