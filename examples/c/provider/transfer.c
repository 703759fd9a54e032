/* Sending, receiving, and waiting for either. A call tries first, and waits only for what is not there. */
#include "plain.h"

#include <stdlib.h>

/* Overlapped completion is not offered. Without the attribute a socket ignores the structure. */
static int is_overlapped(const struct sock *sock, LPWSAOVERLAPPED overlapped) {
    return overlapped && (sock->flags & WSA_FLAG_OVERLAPPED);
}

static DWORD limit(const struct sock *sock, DWORD milliseconds) {
    return sock->flags & WSA_FLAG_OVERLAPPED ? milliseconds : 0;
}

static int copy_buffers(struct px_buffer *out, LPWSABUF buffers, DWORD count) {
    if (!count) return -WSAEINVAL;
    if (!buffers) return -WSAEFAULT;
    if (count > PX_MOST_BUFFERS) return -WSAENOBUFS;
    for (DWORD i = 0; i < count; i++) {
        if (!buffers[i].buf && buffers[i].len) return -WSAEFAULT;
        out[i].data = buffers[i].buf;
        out[i].len = buffers[i].len;
    }
    return 0;
}

/* Leaves out the first bytes of a list of buffers: how many buffers are left. */
static int skip(struct px_buffer **buffers, int count, long bytes) {
    while (count && (size_t)bytes >= (*buffers)->len) {
        bytes -= (long)(*buffers)->len;
        ++*buffers;
        count--;
    }
    if (count) {
        (*buffers)->data = (char *)(*buffers)->data + bytes;
        (*buffers)->len -= (size_t)bytes;
    }
    return count;
}

/* Sends one message, or a stream: if that blocks, all of it. */
static long transmit(struct sock *sock, struct px_buffer *buffers, int count, const struct sockaddr *to, int tolen) {
    long total = 0;
    for (;;) {
        long sent = px_send(sock->fd, buffers, count, to, tolen);
        if (sent == -WSAEWOULDBLOCK) {
            int waited = sock_wait(sock, PX_WRITE, limit(sock, sock->send_ms));
            if (waited < 0) return total && waited != -WSAEINTR ? total : waited;
            continue;
        }
        if (sent < 0) return total ? total : sent;
        total += sent;
        if (!sock_is_stream(sock) || sock->nonblocking) return total;
        if (!(count = skip(&buffers, count, sent))) return total;
    }
}

/* Receives one message, or what there is of a stream: with MSG_WAITALL, as much as there is room for. An error after some
 * bytes is told by the next call. */
static long collect(struct sock *sock, struct px_buffer *buffers, int count, DWORD flags, struct px_name *from, int *truncated) {
    long total = 0;
    for (;;) {
        long received = px_recv(sock->fd, buffers, count, (flags & MSG_PEEK) != 0, from, truncated);
        if (received == -WSAEWOULDBLOCK) {
            int waited = sock_wait(sock, PX_READ, limit(sock, sock->receive_ms));
            if (waited < 0) return total ? total : waited;
            continue;
        }
        if (received < 0) return total ? total : received;
        total += received;
        if (!(flags & MSG_WAITALL) || received == 0 || !(count = skip(&buffers, count, received))) return total;
    }
}

int WSPAPI plain_sendto(SOCKET s, LPWSABUF buffers, DWORD count, LPDWORD sent, DWORD flags, const struct sockaddr *to, int tolen,
                        LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID thread,
                        LPINT lpErrno) {
    struct px_buffer vector[PX_MOST_BUFFERS];
    int code;
    long result;
    struct sock *sock = sock_enter(s, &code);
    (void)routine;
    (void)thread;
    if (!sock) return plain_failed(code, lpErrno);
    if (sock_is_stream(sock)) to = NULL;
    if (is_overlapped(sock, overlapped)) result = -WSAEOPNOTSUPP;
    else if (!sent || (to && tolen < sock_name_len(sock))) result = -WSAEFAULT;
    else if (flags & ~(DWORD)MSG_DONTROUTE) result = -WSAEOPNOTSUPP;
    else if (sock->shut_send) result = -WSAESHUTDOWN;
    else if (!to && !sock_is_connected(sock)) result = -WSAENOTCONN;
    else if ((result = copy_buffers(vector, buffers, count)) == 0) {
        result = transmit(sock, vector, (int)count, to, tolen);
        if (result >= 0) {
            sock->bound = 1;
            *sent = (DWORD)result;
        }
    }
    sock_leave(sock);
    return plain_finished(result, lpErrno);
}

int WSPAPI plain_send(SOCKET s, LPWSABUF buffers, DWORD count, LPDWORD sent, DWORD flags, LPWSAOVERLAPPED overlapped,
                      LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID thread, LPINT lpErrno) {
    return plain_sendto(s, buffers, count, sent, flags, NULL, 0, overlapped, routine, thread, lpErrno);
}

int WSPAPI plain_recvfrom(SOCKET s, LPWSABUF buffers, DWORD count, LPDWORD received, LPDWORD flags, struct sockaddr *from,
                          LPINT fromlen, LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine,
                          LPWSATHREADID thread, LPINT lpErrno) {
    struct px_buffer vector[PX_MOST_BUFFERS];
    struct px_name source;
    int code, truncated = 0;
    long result;
    struct sock *sock = sock_enter(s, &code);
    (void)routine;
    (void)thread;
    if (!sock) return plain_failed(code, lpErrno);
    if (sock_is_stream(sock)) from = NULL;
    if (is_overlapped(sock, overlapped)) result = -WSAEOPNOTSUPP;
    else if (!received || !flags || (from && (!fromlen || *fromlen < sock_name_len(sock)))) result = -WSAEFAULT;
    else if (*flags != 0 && *flags != MSG_PEEK && !(*flags == MSG_WAITALL && sock_is_stream(sock))) result = -WSAEOPNOTSUPP;
    else if (sock->shut_receive) result = -WSAESHUTDOWN;
    else if (sock_is_stream(sock) && !sock_is_connected(sock)) result = -WSAENOTCONN;
    else if (!sock->bound) result = -WSAEINVAL;
    else if ((result = copy_buffers(vector, buffers, count)) == 0) {
        result = collect(sock, vector, (int)count, *flags, from ? &source : NULL, &truncated);
        if (result >= 0 && from) (void)plain_give_name(&source, from, fromlen); /* there is room */
        /* What of a datagram does not fit is lost. */
        if (result >= 0 && truncated && !sock_is_stream(sock)) result = -WSAEMSGSIZE;
        if (result >= 0) {
            *received = (DWORD)result;
            *flags = 0;
        }
    }
    sock_leave(sock);
    return plain_finished(result, lpErrno);
}

int WSPAPI plain_recv(SOCKET s, LPWSABUF buffers, DWORD count, LPDWORD received, LPDWORD flags, LPWSAOVERLAPPED overlapped,
                      LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID thread, LPINT lpErrno) {
    return plain_recvfrom(s, buffers, count, received, flags, NULL, NULL, overlapped, routine, thread, lpErrno);
}

/* A set of select: its sockets, and what is asked of them. A set holds as many as it says, not FD_SETSIZE. */
struct asked {
    fd_set *set;
    int want;
};

static DWORD members(const fd_set *set) {
    return set ? set->fd_count : 0;
}

int WSPAPI plain_select(int nfds, fd_set *reads, fd_set *writes, fd_set *excepts, const struct timeval *timeout, LPINT lpErrno) {
    const struct asked sets[] = {{reads, PX_READ}, {writes, PX_WRITE}, {excepts, PX_EXCEPT}};
    size_t total = (size_t)members(reads) + members(writes) + members(excepts);
    int64_t milliseconds = -1;
    struct sock **socks = NULL;
    struct px_ready *ready = NULL;
    int result = 0, code = plain_enter();
    size_t at = 0;
    (void)nfds;
    if (code) return plain_failed(code, lpErrno);
    for (int i = 0; i < 3; i++)
        if (sets[i].set && !members(sets[i].set)) result = -WSAEINVAL;
    if (!total || (timeout && (timeout->tv_sec < 0 || timeout->tv_usec < 0))) result = -WSAEINVAL;
    else if (timeout) milliseconds = timeout->tv_sec * INT64_C(1000) + (timeout->tv_usec + INT64_C(999)) / 1000;
    if (result == 0) {
        socks = calloc(total, sizeof *socks);
        ready = calloc(total, sizeof *ready);
        if (!socks || !ready || total > INT32_MAX) result = -WSAENOBUFS;
    }
    for (int i = 0; i < 3; i++) {
        for (DWORD n = 0; n < members(sets[i].set) && result == 0; n++) {
            struct sock *sock = sock_enter(sets[i].set->fd_array[n], &code);
            if (!sock) {
                result = -code; /* one of another provider is none */
                break;
            }
            socks[at] = sock;
            ready[at++] = sock_ready(sock, sets[i].want);
        }
    }
    if (result == 0) result = px_wait(ready, (int)total, milliseconds);
    while (at > 0) sock_leave(socks[--at]);
    for (int i = 0; i < 3 && result >= 0; i++) {
        DWORD kept = 0, count = members(sets[i].set);
        for (DWORD n = 0; n < count; n++, at++)
            if (ready[at].got) sets[i].set->fd_array[kept++] = sets[i].set->fd_array[n];
        if (sets[i].set) sets[i].set->fd_count = kept;
    }
    free(socks);
    free(ready);
    plain_leave();
    return result < 0 ? plain_failed(-result, lpErrno) : result;
}
