/* A base transport provider in plain C against ws2spi.h: TCP and UDP over kernel sockets.
 *
 *   cc -std=c11 -fPIC -shared -fvisibility=hidden -I include -o libplain.so provider.c posix.c -pthread
 *
 * It shows what the SPI asks of a provider that has no SDK under it: the start-up count, the table of 30
 * functions, one handle table, calls that end when their socket is closed or the last clean-up comes, and
 * an honest WSAEOPNOTSUPP for what it does not do (overlapped completion, network events, quality of
 * service, duplication, messages). */
#include <winsock2.h>
#include <ws2spi.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "posix.h"

enum { MOST_SOCKETS = 65536, VERSION = MAKEWORD(2, 2) };

struct sock {
    int fd;
    int wake; /* signalled when calls on this socket must end */
    WSAPROTOCOL_INFOW info;
    int type;
    int nonblocking, bound, connecting, connected, listening;
    int shut_receive, shut_send;
    DWORD receive_ms, send_ms;
    LINGER linger;
    int users;
    int closing;
};

/* A select in progress: closes and the clean-up wake it. */
struct selecting {
    int wake;
    struct selecting *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t left_cond = PTHREAD_COND_INITIALIZER;
static int starts;    /* successful WSPStartup calls not yet cleaned up */
static int draining;  /* the last WSPCleanup is at work */
static int selects_inside;
static WSPUPCALLTABLE upcalls; /* a copy: the argument dies with the call */
static struct sock *sockets[MOST_SOCKETS];
static struct selecting *selects;

static int failed(int code, LPINT lpErrno) {
    if (lpErrno) *lpErrno = code;
    return SOCKET_ERROR;
}

/* Turns a result of posix.c (minus a WSA code on failure) into the SPI's. */
static int finished(long result, LPINT lpErrno) {
    return result < 0 ? failed((int)-result, lpErrno) : 0;
}

static void wake_selects(void) {
    for (struct selecting *at = selects; at; at = at->next) px_signal(at->wake);
}

/* Finds a socket and keeps it alive until release(). */
static struct sock *enter(SOCKET s, LPINT lpErrno) {
    struct sock *found = NULL;
    pthread_mutex_lock(&lock);
    if (!starts || draining) {
        failed(WSANOTINITIALISED, lpErrno);
    } else if (s >= MOST_SOCKETS || !(found = sockets[s])) {
        failed(WSAENOTSOCK, lpErrno);
    } else {
        found->users++;
    }
    pthread_mutex_unlock(&lock);
    return found;
}

static void release(struct sock *sock) {
    pthread_mutex_lock(&lock);
    sock->users--;
    pthread_cond_broadcast(&left_cond);
    pthread_mutex_unlock(&lock);
}

/* With the lock held and the socket out of the table: ends its calls, then frees it. */
static void dispose(struct sock *sock, int reset) {
    sock->closing = 1;
    px_signal(sock->wake);
    wake_selects();
    while (sock->users) pthread_cond_wait(&left_cond, &lock);
    if (reset) px_reset_on_close(sock->fd);
    px_close(sock->fd);
    px_close(sock->wake);
    free(sock);
}

/* Waits until the socket is ready, unless it does not block: 0, or minus a code. */
static int wait_for(struct sock *sock, int want, DWORD milliseconds) {
    struct px_ready ready = {sock->fd, want, 0};
    if (sock->nonblocking) return -WSAEWOULDBLOCK;
    int count = px_wait(&ready, 1, sock->wake, milliseconds ? (int)milliseconds : -1);
    return count == 0 ? -WSAETIMEDOUT : count < 0 ? count : 0;
}

/* Makes a descriptor a socket of the runtime's. Takes `fd` over, also on failure. */
static SOCKET adopt(int fd, const WSAPROTOCOL_INFOW *info, int type, const struct sock *parent, LPINT lpErrno) {
    struct sock *sock = calloc(1, sizeof *sock);
    SOCKET handle = INVALID_SOCKET;
    int wake = px_event();
    if (!sock || wake < 0 || fd >= MOST_SOCKETS) {
        failed(WSAENOBUFS, lpErrno);
    } else {
        sock->fd = fd;
        sock->wake = wake;
        sock->info = *info;
        sock->type = type;
        if (parent) {
            sock->nonblocking = parent->nonblocking;
            sock->receive_ms = parent->receive_ms;
            sock->send_ms = parent->send_ms;
            sock->linger = parent->linger;
            sock->bound = sock->connected = 1;
        }
        pthread_mutex_lock(&lock);
        WSPUPCALLTABLE table = upcalls;
        int usable = starts && !draining;
        if (usable) sockets[fd] = sock;
        pthread_mutex_unlock(&lock);
        /* No lock of ours is held while the runtime runs. */
        if (usable) handle = table.lpWPUModifyIFSHandle(info->dwCatalogEntryId, (SOCKET)fd, lpErrno);
        else failed(WSANOTINITIALISED, lpErrno);
        if (handle != INVALID_SOCKET) return handle;
        pthread_mutex_lock(&lock);
        if (usable) sockets[fd] = NULL;
        pthread_mutex_unlock(&lock);
    }
    free(sock);
    px_close(fd);
    if (wake >= 0) px_close(wake);
    return INVALID_SOCKET;
}

static SOCKET WSPAPI plain_socket(int af, int type, int protocol, LPWSAPROTOCOL_INFOW info, GROUP g, DWORD flags, LPINT lpErrno) {
    (void)flags;
    if (!info) return failed(WSAEFAULT, lpErrno), INVALID_SOCKET;
    if (g || info->dwProviderReserved) return failed(WSAEINVAL, lpErrno), INVALID_SOCKET;
    if (af == 0 || af == FROM_PROTOCOL_INFO) af = info->iAddressFamily;
    if (type == 0 || type == FROM_PROTOCOL_INFO) type = info->iSocketType;
    if (protocol == 0 || protocol == FROM_PROTOCOL_INFO) protocol = info->iProtocol;
    int fd = px_socket(af, type, protocol);
    if (fd < 0) return failed(-fd, lpErrno), INVALID_SOCKET;
    return adopt(fd, info, type, NULL, lpErrno);
}

static int WSPAPI plain_close(SOCKET s, LPINT lpErrno) {
    pthread_mutex_lock(&lock);
    struct sock *sock = s < MOST_SOCKETS && starts && !draining ? sockets[s] : NULL;
    if (!sock) {
        pthread_mutex_unlock(&lock);
        return failed(starts ? WSAENOTSOCK : WSANOTINITIALISED, lpErrno);
    }
    sockets[s] = NULL;
    dispose(sock, 0);
    pthread_mutex_unlock(&lock);
    return 0;
}

static int WSPAPI plain_bind(SOCKET s, const struct sockaddr *name, int namelen, LPINT lpErrno) {
    struct sock *sock = enter(s, lpErrno);
    long result;
    if (!sock) return SOCKET_ERROR;
    if (!name || namelen < sock->info.iMinSockAddr || name->sa_family != sock->info.iAddressFamily) result = -WSAEFAULT;
    else if (sock->bound) result = -WSAEINVAL;
    else if ((result = px_bind(sock->fd, name, namelen)) == 0) sock->bound = 1;
    release(sock);
    return finished(result, lpErrno);
}

static int WSPAPI plain_listen(SOCKET s, int backlog, LPINT lpErrno) {
    struct sock *sock = enter(s, lpErrno);
    long result;
    if (!sock) return SOCKET_ERROR;
    if (sock->type != SOCK_STREAM) result = -WSAEOPNOTSUPP;
    else if (sock->connected) result = -WSAEISCONN;
    else if (!sock->bound) result = -WSAEINVAL;
    else if ((result = px_listen(sock->fd, backlog)) == 0) sock->listening = 1;
    release(sock);
    return finished(result, lpErrno);
}

/* Asks the condition function about a connection already taken from the queue: 0 to keep it. */
static int consult(LPCONDITIONPROC condition, DWORD_PTR data, int fd) {
    SOCKADDR_STORAGE peer, self;
    int peer_len = sizeof peer, self_len = sizeof self;
    WSABUF caller = {0, (char *)&peer}, callee = {0, (char *)&self};
    GROUP group = 0;
    if (px_getpeername(fd, &peer, &peer_len) == 0) caller.len = (ULONG)peer_len;
    if (px_getsockname(fd, &self, &self_len) == 0) callee.len = (ULONG)self_len;
    switch (condition(&caller, NULL, NULL, NULL, &callee, NULL, &group, data)) {
    case CF_ACCEPT: return 0;
    case CF_REJECT: return -WSAECONNREFUSED;
    default: return -WSAEINVAL; /* a connection once taken cannot be put back: CF_DEFER is not offered */
    }
}

static SOCKET WSPAPI plain_accept(SOCKET s, struct sockaddr *addr, LPINT addrlen, LPCONDITIONPROC condition, DWORD_PTR data,
                                  LPINT lpErrno) {
    struct sock *sock = enter(s, lpErrno);
    SOCKET accepted = INVALID_SOCKET;
    int fd;
    if (!sock) return INVALID_SOCKET;
    if (sock->type != SOCK_STREAM) {
        fd = -WSAEOPNOTSUPP;
    } else if (!sock->listening) {
        fd = -WSAEINVAL;
    } else if (addr && (!addrlen || *addrlen < sock->info.iMinSockAddr)) {
        fd = -WSAEFAULT;
    } else {
        while ((fd = px_accept(sock->fd, addr, addrlen)) == -WSAEWOULDBLOCK) {
            int waited = wait_for(sock, PX_READ, 0);
            if (waited < 0) {
                fd = waited;
                break;
            }
        }
    }
    int verdict = fd >= 0 && condition ? consult(condition, data, fd) : 0;
    if (fd >= 0 && verdict) {
        px_reset_on_close(fd);
        px_close(fd);
        fd = verdict;
    }
    if (fd < 0) failed(-fd, lpErrno);
    else accepted = adopt(fd, &sock->info, sock->type, sock, lpErrno);
    release(sock);
    return accepted;
}

static int WSPAPI plain_connect(SOCKET s, const struct sockaddr *name, int namelen, LPWSABUF caller_data, LPWSABUF callee_data,
                                LPQOS sqos, LPQOS gqos, LPINT lpErrno) {
    struct sock *sock = enter(s, lpErrno);
    long result;
    (void)gqos;
    if (!sock) return SOCKET_ERROR;
    if (callee_data) callee_data->len = 0;
    if (!name || namelen < sock->info.iMinSockAddr) result = -WSAEFAULT;
    else if (sock->listening) result = -WSAEINVAL;
    else if (sock->connected && sock->type == SOCK_STREAM) result = -WSAEISCONN;
    else if (sqos) result = -WSAEOPNOTSUPP;
    else if (caller_data && caller_data->len && sock->type == SOCK_STREAM) result = -WSAEPROTONOSUPPORT;
    else {
        result = px_connect(sock->fd, name, namelen);
        if (result == -WSAEWOULDBLOCK) {
            sock->connecting = sock->bound = 1;
            if (!sock->nonblocking && (result = wait_for(sock, PX_WRITE | PX_EXCEPT, 0)) == 0)
                result = -px_connect_result(sock->fd);
        }
        if (result == 0) sock->connected = sock->bound = 1;
        if (result != -WSAEWOULDBLOCK) sock->connecting = 0;
    }
    release(sock);
    return finished(result, lpErrno);
}

/* A non-blocking connect that ended well makes the socket connected. */
static int is_connected(struct sock *sock) {
    SOCKADDR_STORAGE peer;
    int len = sizeof peer;
    if (!sock->connected && sock->connecting && px_getpeername(sock->fd, &peer, &len) == 0) {
        sock->connecting = 0;
        sock->connected = 1;
    }
    return sock->connected;
}

static int copy_buffers(struct px_buffer *out, LPWSABUF buffers, DWORD count, DWORD most) {
    if (!buffers && count) return -WSAEFAULT;
    if (count > most) return -WSAENOBUFS;
    for (DWORD i = 0; i < count; i++) {
        if (!buffers[i].buf && buffers[i].len) return -WSAEFAULT;
        out[i].data = buffers[i].buf;
        out[i].len = buffers[i].len;
    }
    return 0;
}

/* Sends one message, or part of a stream: a blocking stream takes all of it. */
static long transmit(struct sock *sock, struct px_buffer *buffers, int count, DWORD flags, const void *to, int tolen) {
    long total = 0;
    for (;;) {
        long sent = px_send(sock->fd, buffers, count, (flags & MSG_OOB) != 0, to, tolen);
        if (sent == -WSAEWOULDBLOCK) {
            int waited = wait_for(sock, PX_WRITE, sock->send_ms);
            if (waited < 0) return total ? total : waited;
            continue;
        }
        if (sent < 0) return total ? total : sent;
        total += sent;
        if (sock->type != SOCK_STREAM || sock->nonblocking) return total;
        while (count && (size_t)sent >= buffers->len) {
            sent -= (long)buffers->len;
            buffers++;
            count--;
        }
        if (!count) return total;
        buffers->data = (char *)buffers->data + sent;
        buffers->len -= (size_t)sent;
    }
}

static int WSPAPI plain_sendto(SOCKET s, LPWSABUF buffers, DWORD count, LPDWORD sent, DWORD flags, const struct sockaddr *to,
                               int tolen, LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine,
                               LPWSATHREADID thread, LPINT lpErrno) {
    struct px_buffer vector[64];
    struct sock *sock = enter(s, lpErrno);
    long result;
    (void)routine;
    (void)thread;
    if (!sock) return SOCKET_ERROR;
    if (sock->type == SOCK_STREAM) to = NULL;
    if (overlapped) result = -WSAEOPNOTSUPP;
    else if (flags & ~(DWORD)(MSG_OOB | MSG_DONTROUTE)) result = -WSAEOPNOTSUPP;
    else if (sock->shut_send) result = -WSAESHUTDOWN;
    else if (!to && !is_connected(sock)) result = -WSAENOTCONN;
    else if (to && tolen < sock->info.iMinSockAddr) result = -WSAEFAULT;
    else if ((result = copy_buffers(vector, buffers, count, 64)) == 0) {
        result = transmit(sock, vector, (int)count, flags, to, tolen);
        if (result >= 0) sock->bound = 1;
    }
    release(sock);
    if (result >= 0 && sent) *sent = (DWORD)result;
    return finished(result, lpErrno);
}

static int WSPAPI plain_send(SOCKET s, LPWSABUF buffers, DWORD count, LPDWORD sent, DWORD flags, LPWSAOVERLAPPED overlapped,
                             LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID thread, LPINT lpErrno) {
    return plain_sendto(s, buffers, count, sent, flags, NULL, 0, overlapped, routine, thread, lpErrno);
}

static int WSPAPI plain_recvfrom(SOCKET s, LPWSABUF buffers, DWORD count, LPDWORD received, LPDWORD flags, struct sockaddr *from,
                                 LPINT fromlen, LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine,
                                 LPWSATHREADID thread, LPINT lpErrno) {
    struct px_buffer vector[64];
    struct sock *sock = enter(s, lpErrno);
    int truncated = 0;
    long result;
    (void)routine;
    (void)thread;
    if (!sock) return SOCKET_ERROR;
    if (overlapped) result = -WSAEOPNOTSUPP;
    else if (!flags || (from && (!fromlen || *fromlen < sock->info.iMinSockAddr))) result = -WSAEFAULT;
    else if (*flags & ~(DWORD)(MSG_OOB | MSG_PEEK)) result = -WSAEOPNOTSUPP;
    else if (!count) result = -WSAEINVAL;
    else if (sock->shut_receive) result = -WSAESHUTDOWN;
    else if (sock->type == SOCK_STREAM && !is_connected(sock)) result = -WSAENOTCONN;
    else if (!sock->bound) result = -WSAEINVAL;
    else if ((result = copy_buffers(vector, buffers, count, 64)) == 0) {
        if (sock->type == SOCK_STREAM) from = NULL;
        while ((result = px_recv(sock->fd, vector, (int)count, (*flags & MSG_PEEK) != 0, (*flags & MSG_OOB) != 0, from, fromlen,
                                 &truncated)) == -WSAEWOULDBLOCK) {
            int waited = wait_for(sock, *flags & MSG_OOB ? PX_EXCEPT : PX_READ, sock->receive_ms);
            if (waited < 0) {
                result = waited;
                break;
            }
        }
        if (result >= 0 && truncated && sock->type != SOCK_STREAM) result = -WSAEMSGSIZE;
        if (result >= 0) *flags = 0;
    }
    release(sock);
    if (result >= 0 && received) *received = (DWORD)result;
    return finished(result, lpErrno);
}

static int WSPAPI plain_recv(SOCKET s, LPWSABUF buffers, DWORD count, LPDWORD received, LPDWORD flags, LPWSAOVERLAPPED overlapped,
                             LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID thread, LPINT lpErrno) {
    return plain_recvfrom(s, buffers, count, received, flags, NULL, NULL, overlapped, routine, thread, lpErrno);
}

static int WSPAPI plain_shutdown(SOCKET s, int how, LPINT lpErrno) {
    struct sock *sock = enter(s, lpErrno);
    long result;
    if (!sock) return SOCKET_ERROR;
    if (how < SD_RECEIVE || how > SD_BOTH) result = -WSAEINVAL;
    else if (!is_connected(sock) && sock->type == SOCK_STREAM) result = -WSAENOTCONN;
    else {
        result = sock->type == SOCK_STREAM ? px_shutdown(sock->fd, how) : 0;
        if (result == 0 && how != SD_SEND) sock->shut_receive = 1;
        if (result == 0 && how != SD_RECEIVE) sock->shut_send = 1;
    }
    release(sock);
    return finished(result, lpErrno);
}

static int WSPAPI plain_send_disconnect(SOCKET s, LPWSABUF data, LPINT lpErrno) {
    if (data && data->len) return failed(WSAENOPROTOOPT, lpErrno);
    return plain_shutdown(s, SD_SEND, lpErrno);
}

static int WSPAPI plain_recv_disconnect(SOCKET s, LPWSABUF data, LPINT lpErrno) {
    if (data && data->len) return failed(WSAENOPROTOOPT, lpErrno);
    return plain_shutdown(s, SD_RECEIVE, lpErrno);
}

static int WSPAPI plain_getsockname(SOCKET s, struct sockaddr *name, LPINT namelen, LPINT lpErrno) {
    struct sock *sock = enter(s, lpErrno);
    if (!sock) return SOCKET_ERROR;
    long result = !name || !namelen ? -WSAEFAULT : !sock->bound ? -WSAEINVAL : px_getsockname(sock->fd, name, namelen);
    release(sock);
    return finished(result, lpErrno);
}

static int WSPAPI plain_getpeername(SOCKET s, struct sockaddr *name, LPINT namelen, LPINT lpErrno) {
    struct sock *sock = enter(s, lpErrno);
    if (!sock) return SOCKET_ERROR;
    long result = !name || !namelen ? -WSAEFAULT : px_getpeername(sock->fd, name, namelen);
    release(sock);
    return finished(result, lpErrno);
}

static int WSPAPI plain_getsockopt(SOCKET s, int level, int option, char *value, LPINT len, LPINT lpErrno) {
    struct sock *sock = enter(s, lpErrno);
    long result = 0;
    int number = 0;
    const void *from = &number;
    int size = sizeof number;
    if (!sock) return SOCKET_ERROR;
    if (level != SOL_SOCKET) {
        result = level == IPPROTO_TCP ? -WSAENOPROTOOPT : -WSAEINVAL;
    } else {
        switch (option) {
        case SO_PROTOCOL_INFOW: from = &sock->info, size = sizeof sock->info; break;
        case SO_LINGER: from = &sock->linger, size = sizeof sock->linger; break;
        case SO_DONTLINGER: number = !sock->linger.l_onoff; break;
        case SO_ACCEPTCONN: number = sock->listening; break;
        case SO_ERROR: number = px_connect_result(sock->fd); break;
        case SO_RCVTIMEO: number = (int)sock->receive_ms; break;
        case SO_SNDTIMEO: number = (int)sock->send_ms; break;
        default: result = px_getsockopt(sock->fd, option, &number);
        }
    }
    if (result >= 0 && (!value || !len || *len < size)) result = -WSAEFAULT;
    if (result >= 0) {
        memcpy(value, from, (size_t)size);
        *len = size;
    }
    release(sock);
    return finished(result, lpErrno);
}

static int WSPAPI plain_setsockopt(SOCKET s, int level, int option, const char *value, int len, LPINT lpErrno) {
    struct sock *sock = enter(s, lpErrno);
    long result = 0;
    int number;
    if (!sock) return SOCKET_ERROR;
    if (!value || len < (int)sizeof number) {
        result = -WSAEFAULT;
    } else {
        memcpy(&number, value, sizeof number);
        if (level == SOL_SOCKET && option == SO_RCVTIMEO) sock->receive_ms = (DWORD)number;
        else if (level == SOL_SOCKET && option == SO_SNDTIMEO) sock->send_ms = (DWORD)number;
        else if (level == SOL_SOCKET && option == SO_LINGER) {
            memcpy(&sock->linger, value, sizeof sock->linger);
            result = px_setlinger(sock->fd, sock->linger.l_onoff, sock->linger.l_linger);
        } else if (level == SOL_SOCKET && option == SO_DONTLINGER) {
            sock->linger.l_onoff = !number;
            result = px_setlinger(sock->fd, !number, sock->linger.l_linger);
        } else if (level == SOL_SOCKET || level == IPPROTO_TCP) result = px_setsockopt(sock->fd, level, option, number);
        else result = -WSAEINVAL;
    }
    release(sock);
    return finished(result, lpErrno);
}

static int WSPAPI plain_ioctl(SOCKET s, DWORD code, LPVOID in, DWORD in_size, LPVOID out, DWORD out_size, LPDWORD returned,
                              LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID thread,
                              LPINT lpErrno) {
    struct sock *sock = enter(s, lpErrno);
    long result = 0;
    DWORD answered = 0;
    (void)routine;
    (void)thread;
    if (!sock) return SOCKET_ERROR;
    if (overlapped) {
        result = -WSAEOPNOTSUPP;
    } else if (code == (DWORD)FIONBIO) {
        if (!in || in_size < sizeof(u_long)) result = -WSAEFAULT;
        else sock->nonblocking = *(u_long *)in != 0;
    } else if (code == (DWORD)FIONREAD) {
        uint32_t bytes = 0;
        if (!out || out_size < sizeof(u_long)) result = -WSAEFAULT;
        else if ((result = px_readable_bytes(sock->fd, &bytes)) == 0) {
            *(u_long *)out = bytes;
            answered = sizeof(u_long);
        }
    } else if (code == SIO_BASE_HANDLE) {
        if (!out || out_size < sizeof(SOCKET)) result = -WSAEFAULT;
        else {
            *(SOCKET *)out = s;
            answered = sizeof(SOCKET);
        }
    } else {
        result = -WSAEINVAL;
    }
    release(sock);
    if (result == 0 && returned) *returned = answered;
    return finished(result, lpErrno);
}

static DWORD members(const fd_set *set) {
    return set ? set->fd_count : 0;
}

/* Adds the sockets of one set to a wait, each kept alive; minus a code if one is unknown. */
static int gather(const fd_set *set, int want, struct sock **socks, struct px_ready *ready, int at) {
    for (DWORD i = 0; i < members(set); i++, at++) {
        int code = 0;
        if (!(socks[at] = enter(set->fd_array[i], &code))) return -code;
        ready[at].fd = socks[at]->fd;
        ready[at].want = want;
        ready[at].got = 0;
    }
    return at;
}

/* Keeps the ready members of a set. */
static int keep(fd_set *set, const struct px_ready *ready, int at) {
    DWORD kept = 0, count = members(set);
    for (DWORD i = 0; i < count; i++, at++)
        if (ready[at].got) set->fd_array[kept++] = set->fd_array[i];
    if (set) set->fd_count = kept;
    return at;
}

static int any_closing(struct sock **socks, int count) {
    int closing;
    pthread_mutex_lock(&lock);
    closing = draining;
    for (int i = 0; i < count; i++) closing |= socks[i]->closing;
    pthread_mutex_unlock(&lock);
    return closing;
}

static int WSPAPI plain_select(int nfds, fd_set *reads, fd_set *writes, fd_set *excepts, const struct timeval *timeout, LPINT lpErrno) {
    int total = (int)(members(reads) + members(writes) + members(excepts));
    struct sock **socks;
    struct px_ready *ready;
    struct selecting self = {-1, NULL};
    int result, gathered = 0, milliseconds = -1;
    (void)nfds;
    if (!total || (timeout && (timeout->tv_sec < 0 || timeout->tv_usec < 0))) return failed(WSAEINVAL, lpErrno);
    if (timeout) milliseconds = (int)timeout->tv_sec * 1000 + (int)((timeout->tv_usec + 999) / 1000);
    socks = calloc((size_t)total, sizeof *socks);
    ready = calloc((size_t)total, sizeof *ready);
    self.wake = px_event();
    if (!socks || !ready || self.wake < 0) {
        result = -WSAENOBUFS;
    } else {
        pthread_mutex_lock(&lock);
        self.next = selects;
        selects = &self;
        selects_inside++;
        pthread_mutex_unlock(&lock);
        result = gather(reads, PX_READ, socks, ready, 0);
        if (result >= 0) result = gather(writes, PX_WRITE, socks, ready, result);
        if (result >= 0) result = gather(excepts, PX_EXCEPT, socks, ready, result);
        for (gathered = 0; gathered < total && socks[gathered]; gathered++) {}
        while (result >= 0) {
            result = any_closing(socks, gathered) ? -WSAEINTR : px_wait(ready, total, self.wake, milliseconds);
            if (result != -WSAEINTR || any_closing(socks, gathered)) break;
            px_drain(self.wake); /* a socket of somebody else's was closed */
            result = 0;
        }
        pthread_mutex_lock(&lock);
        for (struct selecting **at = &selects; *at; at = &(*at)->next)
            if (*at == &self) {
                *at = self.next;
                break;
            }
        for (int i = 0; i < gathered; i++) socks[i]->users--;
        selects_inside--;
        pthread_cond_broadcast(&left_cond);
        pthread_mutex_unlock(&lock);
    }
    if (result >= 0) keep(excepts, ready, keep(writes, ready, keep(reads, ready, 0)));
    if (self.wake >= 0) px_close(self.wake);
    free(socks);
    free(ready);
    return result < 0 ? failed(-result, lpErrno) : result;
}

static int WSPAPI plain_address_to_string(struct sockaddr *address, DWORD length, LPWSAPROTOCOL_INFOW info, LPWSTR text, LPDWORD room,
                                          LPINT lpErrno) {
    char narrow[96];
    (void)info;
    if (!address || !text || !room) return failed(WSAEFAULT, lpErrno);
    int count = px_format(address, (int)length, narrow, sizeof narrow);
    if (count < 0) return failed(-count, lpErrno);
    DWORD needed = (DWORD)count + 1, had = *room;
    *room = needed;
    if (had < needed) return failed(WSAEFAULT, lpErrno);
    for (DWORD i = 0; i < needed; i++) text[i] = (unsigned char)narrow[i];
    return 0;
}

static int WSPAPI plain_string_to_address(LPWSTR text, INT family, LPWSAPROTOCOL_INFOW info, struct sockaddr *address, LPINT length,
                                          LPINT lpErrno) {
    char narrow[96];
    size_t count = 0;
    (void)info;
    if (!text || !address || !length) return failed(WSAEFAULT, lpErrno);
    while (text[count] && count < sizeof narrow - 1) {
        if (text[count] > 127) return failed(WSAEINVAL, lpErrno);
        narrow[count] = (char)text[count];
        count++;
    }
    narrow[count] = 0;
    return finished(text[count] ? -WSAEINVAL : px_parse(narrow, family, address, length), lpErrno);
}

static int WSPAPI plain_async_select(SOCKET s, HWND window, unsigned int message, LONG events, LPINT lpErrno) {
    (void)s, (void)window, (void)message, (void)events;
    return failed(WSAEOPNOTSUPP, lpErrno);
}

static int WSPAPI plain_cancel_blocking_call(LPINT lpErrno) {
    return failed(WSAEOPNOTSUPP, lpErrno);
}

static int WSPAPI plain_duplicate(SOCKET s, DWORD process, LPWSAPROTOCOL_INFOW info, LPINT lpErrno) {
    (void)s, (void)process, (void)info;
    return failed(WSAEOPNOTSUPP, lpErrno);
}

static int WSPAPI plain_enum_network_events(SOCKET s, WSAEVENT event, LPWSANETWORKEVENTS events, LPINT lpErrno) {
    (void)s, (void)event, (void)events;
    return failed(WSAEOPNOTSUPP, lpErrno);
}

static int WSPAPI plain_event_select(SOCKET s, WSAEVENT event, LONG events, LPINT lpErrno) {
    (void)s, (void)event, (void)events;
    return failed(WSAEOPNOTSUPP, lpErrno);
}

static BOOL WSPAPI plain_get_overlapped_result(SOCKET s, LPWSAOVERLAPPED overlapped, LPDWORD bytes, BOOL wait, LPDWORD flags, LPINT lpErrno) {
    (void)s, (void)overlapped, (void)bytes, (void)wait, (void)flags;
    failed(WSAEOPNOTSUPP, lpErrno);
    return FALSE;
}

static BOOL WSPAPI plain_get_qos_by_name(SOCKET s, LPWSABUF name, LPQOS qos, LPINT lpErrno) {
    (void)s, (void)name, (void)qos;
    failed(WSAEOPNOTSUPP, lpErrno);
    return FALSE;
}

static SOCKET WSPAPI plain_join_leaf(SOCKET s, const struct sockaddr *name, int namelen, LPWSABUF caller_data, LPWSABUF callee_data,
                                     LPQOS sqos, LPQOS gqos, DWORD flags, LPINT lpErrno) {
    (void)s, (void)name, (void)namelen, (void)caller_data, (void)callee_data, (void)sqos, (void)gqos, (void)flags;
    failed(WSAEOPNOTSUPP, lpErrno);
    return INVALID_SOCKET;
}

/* The last call ends every call of every thread and resets what is still open; earlier ones only count. */
static int WSPAPI plain_cleanup(LPINT lpErrno) {
    pthread_mutex_lock(&lock);
    if (!starts || draining) {
        pthread_mutex_unlock(&lock);
        return failed(WSANOTINITIALISED, lpErrno);
    }
    if (starts == 1) {
        draining = 1;
        wake_selects();
        while (selects_inside) pthread_cond_wait(&left_cond, &lock);
        for (int fd = 0; fd < MOST_SOCKETS; fd++) {
            struct sock *sock = sockets[fd];
            sockets[fd] = NULL;
            if (sock) dispose(sock, 1);
        }
        draining = 0;
    }
    starts--;
    pthread_mutex_unlock(&lock);
    return 0;
}

#if defined(__GNUC__)
__attribute__((visibility("default")))
#endif
int WSPAPI
WSPStartup(WORD requested, LPWSPDATA data, LPWSAPROTOCOL_INFOW info, WSPUPCALLTABLE table, LPWSPPROC_TABLE procs) {
    static const char description[] = "A plain C provider over kernel sockets";
    (void)info;
    if (!data || !procs) return WSAEFAULT;
    if (LOBYTE(requested) < 2 || (LOBYTE(requested) == 2 && HIBYTE(requested) < 2)) return WSAVERNOTSUPPORTED;
    pthread_mutex_lock(&lock);
    if (draining) {
        pthread_mutex_unlock(&lock);
        return WSASYSNOTREADY;
    }
    starts++;
    upcalls = table;
    pthread_mutex_unlock(&lock);
    memset(data, 0, sizeof *data);
    data->wVersion = data->wHighVersion = VERSION;
    for (size_t i = 0; i < sizeof description; i++) data->szDescription[i] = (unsigned char)description[i];
    procs->lpWSPAccept = plain_accept;
    procs->lpWSPAddressToString = plain_address_to_string;
    procs->lpWSPAsyncSelect = plain_async_select;
    procs->lpWSPBind = plain_bind;
    procs->lpWSPCancelBlockingCall = plain_cancel_blocking_call;
    procs->lpWSPCleanup = plain_cleanup;
    procs->lpWSPCloseSocket = plain_close;
    procs->lpWSPConnect = plain_connect;
    procs->lpWSPDuplicateSocket = plain_duplicate;
    procs->lpWSPEnumNetworkEvents = plain_enum_network_events;
    procs->lpWSPEventSelect = plain_event_select;
    procs->lpWSPGetOverlappedResult = plain_get_overlapped_result;
    procs->lpWSPGetPeerName = plain_getpeername;
    procs->lpWSPGetSockName = plain_getsockname;
    procs->lpWSPGetSockOpt = plain_getsockopt;
    procs->lpWSPGetQOSByName = plain_get_qos_by_name;
    procs->lpWSPIoctl = plain_ioctl;
    procs->lpWSPJoinLeaf = plain_join_leaf;
    procs->lpWSPListen = plain_listen;
    procs->lpWSPRecv = plain_recv;
    procs->lpWSPRecvDisconnect = plain_recv_disconnect;
    procs->lpWSPRecvFrom = plain_recvfrom;
    procs->lpWSPSelect = plain_select;
    procs->lpWSPSend = plain_send;
    procs->lpWSPSendDisconnect = plain_send_disconnect;
    procs->lpWSPSendTo = plain_sendto;
    procs->lpWSPSetSockOpt = plain_setsockopt;
    procs->lpWSPShutdown = plain_shutdown;
    procs->lpWSPSocket = plain_socket;
    procs->lpWSPStringToAddress = plain_string_to_address;
    return 0;
}
