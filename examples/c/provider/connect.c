/* How sockets come, go and find each other. */
#include "plain.h"

#include <string.h>

SOCKET WSPAPI plain_socket(int af, int type, int protocol, LPWSAPROTOCOL_INFOW info, GROUP g, DWORD flags, LPINT lpErrno) {
    const DWORD multipoint = WSA_FLAG_MULTIPOINT_C_ROOT | WSA_FLAG_MULTIPOINT_C_LEAF | WSA_FLAG_MULTIPOINT_D_ROOT |
                             WSA_FLAG_MULTIPOINT_D_LEAF;
    SOCKET handle = INVALID_SOCKET;
    int code = plain_enter(), fd;
    if (code) {
        plain_failed(code, lpErrno);
        return INVALID_SOCKET;
    }
    if (!info) code = WSAEFAULT;
    else if (g || info->dwProviderReserved || (flags & multipoint)) code = WSAEINVAL;
    else if (af != 0 && af != FROM_PROTOCOL_INFO && af != info->iAddressFamily) code = WSAEAFNOSUPPORT;
    else if (type != 0 && type != FROM_PROTOCOL_INFO && type != info->iSocketType) code = WSAESOCKTNOSUPPORT;
    else if (protocol != 0 && protocol != FROM_PROTOCOL_INFO && protocol != info->iProtocol) code = WSAEPROTONOSUPPORT;
    else if ((fd = px_socket(info->iAddressFamily, info->iSocketType)) < 0) code = -fd;
    else handle = sock_adopt(fd, info, flags, NULL, &code);
    plain_leave();
    if (handle == INVALID_SOCKET) plain_failed(code, lpErrno);
    return handle;
}

int WSPAPI plain_close(SOCKET s, LPINT lpErrno) {
    return plain_finished(-sock_close(s), lpErrno);
}

int WSPAPI plain_bind(SOCKET s, const struct sockaddr *name, int namelen, LPINT lpErrno) {
    int code, result;
    struct sock *sock = sock_enter(s, &code);
    if (!sock) return plain_failed(code, lpErrno);
    if (!name || namelen < sock_name_len(sock) || name->sa_family != sock->info.iAddressFamily) result = -WSAEFAULT;
    else if (sock->bound) result = -WSAEINVAL;
    else if ((result = px_bind(sock->fd, name, namelen)) == 0) sock->bound = 1;
    sock_leave(sock);
    return plain_finished(result, lpErrno);
}

int WSPAPI plain_listen(SOCKET s, int backlog, LPINT lpErrno) {
    int code, result;
    struct sock *sock = sock_enter(s, &code);
    if (!sock) return plain_failed(code, lpErrno);
    if (!sock_is_stream(sock)) result = -WSAEOPNOTSUPP;
    else if (sock_is_connected(sock)) result = -WSAEISCONN;
    else if (!sock->bound) result = -WSAEINVAL;
    else if ((result = px_listen(sock->fd, backlog)) == 0) sock->listening = 1;
    sock_leave(sock);
    return plain_finished(result, lpErrno);
}

/* A connection, waited for if need be: its descriptor, or minus a code. */
static int next_connection(struct sock *sock, struct px_name *peer) {
    int fd = sock_take_deferred(sock, peer), waited = 0;
    if (fd >= 0) return fd;
    while ((fd = px_accept(sock->fd, peer)) == -WSAEWOULDBLOCK)
        if ((waited = sock_wait(sock, PX_READ, 0)) < 0) return waited;
    return fd;
}

/* Asks the program about a connection: CF_*, or what else it says. */
static int ask(LPCONDITIONPROC condition, DWORD_PTR data, const struct px_name *peer, int fd) {
    struct px_name caller = *peer, callee; /* the program may write to what it gets */
    if (px_getsockname(fd, &callee) < 0) callee.len = 0;
    WSABUF caller_id = {(ULONG)caller.len, (char *)caller.bytes}, callee_id = {(ULONG)callee.len, (char *)callee.bytes};
    WSABUF no_data = {0, NULL};
    GROUP group = 0;
    return condition(&caller_id, NULL, NULL, NULL, &callee_id, &no_data, &group, data);
}

SOCKET WSPAPI plain_accept(SOCKET s, struct sockaddr *addr, LPINT addrlen, LPCONDITIONPROC condition, DWORD_PTR data,
                           LPINT lpErrno) {
    int code = 0, fd = -1;
    struct px_name peer;
    SOCKET accepted = INVALID_SOCKET;
    struct sock *sock = sock_enter(s, &code);
    if (!sock) {
        plain_failed(code, lpErrno);
        return INVALID_SOCKET;
    }
    if (!sock_is_stream(sock)) code = WSAEOPNOTSUPP;
    else if (!sock->listening) code = WSAEINVAL;
    else if (addr && addrlen && *addrlen < sock_name_len(sock)) code = WSAEFAULT;
    else if ((fd = next_connection(sock, &peer)) < 0) code = -fd;
    /* The program has the peer's name whatever it decides. */
    else if (plain_give_name(&peer, addr, addrlen) < 0) code = WSAEFAULT;
    else if (condition) {
        /* Nothing is held while the program decides: it may close the listener, or clean up. */
        uint64_t id = sock->id;
        int answer;
        sock_leave(sock);
        answer = ask(condition, data, &peer, fd);
        sock = sock_enter(s, &code);
        if (sock && sock->id != id) {
            sock_leave(sock);
            sock = NULL;
        }
        if (!sock) {
            code = WSAEINTR;
        } else if (answer == CF_REJECT) {
            code = WSAECONNREFUSED;
        } else if (answer != CF_ACCEPT) {
            /* It is asked about again with the next accept. */
            code = answer == CF_DEFER ? WSATRY_AGAIN : WSAEINVAL;
            if (sock_defer(sock, fd, &peer)) fd = -1;
            else code = WSAENOBUFS;
        }
    }
    if (fd >= 0 && code) {
        px_reset_on_close(fd);
        px_close(fd);
    } else if (fd >= 0) {
        accepted = sock_adopt(fd, &sock->info, sock->flags, sock, &code);
    }
    if (sock) sock_leave(sock);
    if (accepted == INVALID_SOCKET) plain_failed(code, lpErrno);
    return accepted;
}

/* Whether a name is of no address, whatever its port. */
static int is_zeros(const struct sock *sock, const struct sockaddr *name) {
    const unsigned char *bytes = (const unsigned char *)name;
    int six = sock->info.iAddressFamily == AF_INET6;
    for (int i = six ? 8 : 4; i < (six ? 24 : 8); i++)
        if (bytes[i]) return 0;
    return 1;
}

static int connect_datagram(struct sock *sock, const struct sockaddr *name, int namelen) {
    int nobody = is_zeros(sock, name);
    int result = nobody ? px_disconnect(sock->fd) : px_connect(sock->fd, name, namelen);
    if (result == 0) {
        sock->connected = !nobody;
        sock->bound = 1;
    }
    return result;
}

static int connect_stream(struct sock *sock, const struct sockaddr *name, int namelen) {
    int result;
    if (is_zeros(sock, name)) return -WSAEADDRNOTAVAIL;
    result = px_connect(sock->fd, name, namelen);
    if (sock->attempt != ATTEMPT_NONE && result != -WSAEALREADY) {
        sock->attempt = ATTEMPT_NONE;
        if (result == 0 || result == -WSAEISCONN) {
            sock->connected = 1;
            return -WSAEISCONN;
        }
        /* That was how the attempt before ended; this one has not begun. */
        result = px_connect(sock->fd, name, namelen);
    }
    if (result == -WSAEWOULDBLOCK) {
        sock->bound = 1;
        sock->attempt = ATTEMPT_GOES_ON;
        if ((result = sock_wait(sock, PX_WRITE | PX_EXCEPT, 0)) < 0) return result;
        /* The kernel tells how it ended to whoever connects again. */
        result = px_connect(sock->fd, name, namelen);
        if (result == -WSAEISCONN) result = 0;
        sock->attempt = ATTEMPT_NONE;
    }
    if (result == 0) sock->connected = sock->bound = 1;
    return result;
}

int WSPAPI plain_connect(SOCKET s, const struct sockaddr *name, int namelen, LPWSABUF caller_data, LPWSABUF callee_data,
                         LPQOS sqos, LPQOS gqos, LPINT lpErrno) {
    int code, result;
    struct sock *sock = sock_enter(s, &code);
    (void)gqos;
    if (!sock) return plain_failed(code, lpErrno);
    if (callee_data) callee_data->len = 0;
    if (!name || namelen < sock_name_len(sock)) result = -WSAEFAULT;
    else if (sqos) result = -WSAEOPNOTSUPP;
    else if (!sock_is_stream(sock)) result = connect_datagram(sock, name, namelen);
    else if (name->sa_family != sock->info.iAddressFamily) result = -WSAEAFNOSUPPORT;
    else if (sock->listening) result = -WSAEINVAL;
    else if (sock_is_connected(sock)) result = -WSAEISCONN;
    else if (caller_data && caller_data->len) result = -WSAEPROTONOSUPPORT;
    else result = connect_stream(sock, name, namelen);
    sock_leave(sock);
    return plain_finished(result, lpErrno);
}

int WSPAPI plain_shutdown(SOCKET s, int how, LPINT lpErrno) {
    int code, result;
    struct sock *sock = sock_enter(s, &code);
    if (!sock) return plain_failed(code, lpErrno);
    if (how < SD_RECEIVE || how > SD_BOTH) {
        result = -WSAEINVAL;
    } else if (!sock_is_connected(sock)) {
        result = -WSAENOTCONN;
    } else {
        result = sock_is_stream(sock) ? px_shutdown(sock->fd, how) : 0;
        if (result == 0 && how != SD_SEND) sock->shut_receive = 1;
        if (result == 0 && how != SD_RECEIVE) sock->shut_send = 1;
    }
    sock_leave(sock);
    return plain_finished(result, lpErrno);
}

int WSPAPI plain_send_disconnect(SOCKET s, LPWSABUF data, LPINT lpErrno) {
    if (data && data->len) return plain_failed(WSAENOPROTOOPT, lpErrno);
    return plain_shutdown(s, SD_SEND, lpErrno);
}

/* Nothing is received any more; the peer is not told, and what it sends is taken. */
int WSPAPI plain_recv_disconnect(SOCKET s, LPWSABUF data, LPINT lpErrno) {
    int code, result = 0;
    struct sock *sock = sock_enter(s, &code);
    if (!sock) return plain_failed(code, lpErrno);
    if (data && data->len) result = -WSAENOPROTOOPT;
    else if (!sock_is_connected(sock)) result = -WSAENOTCONN;
    else sock->shut_receive = 1;
    sock_leave(sock);
    return plain_finished(result, lpErrno);
}

int plain_give_name(const struct px_name *from, struct sockaddr *name, LPINT namelen) {
    if (!name || !namelen) return 0;
    if (*namelen < from->len) return -WSAEFAULT;
    memcpy(name, from->bytes, (size_t)from->len);
    *namelen = from->len;
    return 0;
}

int WSPAPI plain_getsockname(SOCKET s, struct sockaddr *name, LPINT namelen, LPINT lpErrno) {
    struct px_name own;
    int code, result;
    struct sock *sock = sock_enter(s, &code);
    if (!sock) return plain_failed(code, lpErrno);
    if (!name || !namelen) result = -WSAEFAULT;
    else if (!sock->bound) result = -WSAEINVAL;
    else if ((result = px_getsockname(sock->fd, &own)) == 0) result = plain_give_name(&own, name, namelen);
    sock_leave(sock);
    return plain_finished(result, lpErrno);
}

int WSPAPI plain_getpeername(SOCKET s, struct sockaddr *name, LPINT namelen, LPINT lpErrno) {
    struct px_name peer;
    int code, result;
    struct sock *sock = sock_enter(s, &code);
    if (!sock) return plain_failed(code, lpErrno);
    if (!name || !namelen) result = -WSAEFAULT;
    else if ((result = px_getpeername(sock->fd, &peer)) == 0) result = plain_give_name(&peer, name, namelen);
    sock_leave(sock);
    return plain_finished(result, lpErrno);
}
