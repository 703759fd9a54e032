/* Options, control codes, and addresses as text. */
#include "plain.h"

#include <string.h>

enum { LARGEST_DATAGRAM = 65507 };

int WSPAPI plain_getsockopt(SOCKET s, int level, int option, char *value, LPINT len, LPINT lpErrno) {
    int code, result = 0, number = 0, size = sizeof number;
    const void *from = &number;
    LINGER linger = {0, 0};
    struct sock *sock = sock_enter(s, &code);
    if (!sock) return plain_failed(code, lpErrno);
    if (level == SOL_SOCKET) {
        switch (option) {
        case SO_PROTOCOL_INFOW: from = &sock->info, size = sizeof sock->info; break;
        case SO_LINGER: linger.l_onoff = (u_short)sock->hard_close, from = &linger, size = sizeof linger; break;
        case SO_DONTLINGER: number = !sock->hard_close; break;
        case SO_ACCEPTCONN: number = sock->listening; break;
        case SO_TYPE: number = sock->info.iSocketType; break;
        case SO_MAX_MSG_SIZE: number = LARGEST_DATAGRAM, result = sock_is_stream(sock) ? -WSAENOPROTOOPT : 0; break;
        case SO_ERROR:
            if (value && len && *len >= size && (number = px_take_error(sock->fd)) != 0 && sock->attempt == ATTEMPT_GOES_ON)
                sock->attempt = ATTEMPT_FAILED;
            break;
        case SO_RCVTIMEO: number = (int)sock->receive_ms; break;
        case SO_SNDTIMEO: number = (int)sock->send_ms; break;
        default: result = px_getsockopt(sock->fd, level, option, &number);
        }
    } else if (level == IPPROTO_TCP && sock_is_stream(sock)) {
        result = px_getsockopt(sock->fd, level, option, &number);
    } else {
        result = level == IPPROTO_IP || level == IPPROTO_IPV6 || level == IPPROTO_UDP ? -WSAENOPROTOOPT : -WSAEINVAL;
    }
    if (result == 0 && (!value || !len || *len < size)) result = -WSAEFAULT;
    if (result == 0) {
        memcpy(value, from, (size_t)size);
        *len = size;
    }
    sock_leave(sock);
    return plain_finished(result, lpErrno);
}

int WSPAPI plain_setsockopt(SOCKET s, int level, int option, const char *value, int len, LPINT lpErrno) {
    int code, result = 0, number = 0;
    LINGER linger;
    struct sock *sock = sock_enter(s, &code);
    if (!sock) return plain_failed(code, lpErrno);
    if (value && len >= (int)sizeof number) {
        memcpy(&number, value, sizeof number);
        memcpy(&linger, value, sizeof linger);
    }
    if (!value || len < (int)sizeof number) {
        result = -WSAEFAULT;
    } else if (level == SOL_SOCKET) {
        switch (option) {
        case SO_RCVTIMEO: sock->receive_ms = (DWORD)number; break;
        case SO_SNDTIMEO: sock->send_ms = (DWORD)number; break;
        /* A close that waits is not offered. */
        case SO_LINGER:
            if (linger.l_onoff && linger.l_linger) result = -WSAEOPNOTSUPP;
            else sock->hard_close = linger.l_onoff != 0;
            break;
        case SO_DONTLINGER:
            if (!number) result = -WSAEOPNOTSUPP;
            else sock->hard_close = 0;
            break;
        default: result = px_setsockopt(sock->fd, level, option, number);
        }
    } else if (level == IPPROTO_TCP && sock_is_stream(sock)) {
        result = px_setsockopt(sock->fd, level, option, number);
    } else {
        result = level == IPPROTO_IP || level == IPPROTO_IPV6 || level == IPPROTO_UDP ? -WSAENOPROTOOPT : -WSAEINVAL;
    }
    sock_leave(sock);
    return plain_finished(result, lpErrno);
}

/* Stores what a control code answers: 0 or -WSAEFAULT. */
static int answer(const void *from, DWORD size, LPVOID out, DWORD out_size, LPDWORD returned) {
    if (!out || out_size < size) return -WSAEFAULT;
    memcpy(out, from, size);
    *returned = size;
    return 0;
}

int WSPAPI plain_ioctl(SOCKET s, DWORD control, LPVOID in, DWORD in_size, LPVOID out, DWORD out_size, LPDWORD returned,
                       LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID thread,
                       LPINT lpErrno) {
    int code, result = 0;
    uint32_t bytes = 0;
    u_long flag;
    struct sock *sock = sock_enter(s, &code);
    (void)routine;
    (void)thread;
    if (!sock) return plain_failed(code, lpErrno);
    if (overlapped && (sock->flags & WSA_FLAG_OVERLAPPED)) {
        result = -WSAEOPNOTSUPP;
    } else if (!returned) {
        result = -WSAEFAULT;
    } else {
        *returned = 0;
        switch (control) {
        case (DWORD)FIONBIO:
            if (!in || in_size < sizeof flag) {
                result = -WSAEFAULT;
            } else {
                memcpy(&flag, in, sizeof flag);
                sock->nonblocking = flag != 0;
            }
            break;
        case (DWORD)FIONREAD:
            result = px_readable_bytes(sock->fd, sock_is_stream(sock), &bytes);
            if (result == 0) result = answer(&bytes, sizeof bytes, out, out_size, returned);
            break;
        case SIO_BASE_HANDLE: result = answer(&s, sizeof s, out, out_size, returned); break;
        /* There are no extension functions: for WSAPoll, for one, the runtime uses WSPSelect. */
        case SIO_GET_EXTENSION_FUNCTION_POINTER: result = -WSAEOPNOTSUPP; break;
        default: result = -WSAEINVAL;
        }
    }
    sock_leave(sock);
    return plain_finished(result, lpErrno);
}

int WSPAPI plain_address_to_string(struct sockaddr *address, DWORD length, LPWSAPROTOCOL_INFOW info, LPWSTR text, LPDWORD room,
                                   LPINT lpErrno) {
    char narrow[96];
    int code = plain_enter(), result;
    if (code) return plain_failed(code, lpErrno);
    if (!address || !info || !room || length < sizeof address->sa_family) {
        result = -WSAEFAULT;
    } else if ((result = px_format(address, length, narrow, sizeof narrow)) >= 0) {
        DWORD needed = (DWORD)result + 1, had = *room;
        *room = needed;
        result = !text || had < needed ? -WSAEFAULT : 0;
        for (DWORD i = 0; result == 0 && i < needed; i++) text[i] = (unsigned char)narrow[i];
    }
    plain_leave();
    return plain_finished(result, lpErrno);
}

int WSPAPI plain_string_to_address(LPWSTR text, INT family, LPWSAPROTOCOL_INFOW info, struct sockaddr *address, LPINT length,
                                   LPINT lpErrno) {
    char narrow[96];
    struct px_name name;
    size_t count = 0;
    int code = plain_enter(), result;
    if (code) return plain_failed(code, lpErrno);
    if (!text || !info || !length) {
        result = -WSAEFAULT;
    } else {
        while (count < sizeof narrow - 1 && text[count] && text[count] < 128) {
            narrow[count] = (char)text[count];
            count++;
        }
        narrow[count] = 0;
        result = text[count] ? -WSAEINVAL : px_parse(narrow, family, &name);
        if (result == 0 && (!address || *length < name.len)) {
            *length = name.len;
            result = -WSAEFAULT;
        }
        if (result == 0) result = plain_give_name(&name, address, length);
    }
    plain_leave();
    return plain_finished(result, lpErrno);
}
