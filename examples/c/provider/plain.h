/* What the files of the plain provider share. */
#ifndef PLAIN_H
#define PLAIN_H

#include <winsock2.h>
#include <ws2spi.h>

#include <stdatomic.h>
#include <stdint.h>

#include "posix.h"

enum { ATTEMPT_NONE, ATTEMPT_GOES_ON, ATTEMPT_FAILED };

/* A socket. It lives while the table of handles or a call uses it, and the last to leave closes its descriptor. */
struct sock {
    int fd;
    int wake;     /* an event: the socket is closing */
    uint64_t id;  /* never used again, unlike its handle */
    WSAPROTOCOL_INFOW info;
    DWORD flags;  /* WSA_FLAG_* */
    int users;    /* under the lock */
    int deferred; /* a connection that the program wants to decide on later, or -1; under the lock */
    struct px_name deferred_peer;
    /* Calls of any thread set and read these. */
    atomic_int nonblocking, bound, connected, listening, shut_receive, shut_send;
    atomic_int attempt;    /* ATTEMPT_*: to connect */
    atomic_int hard_close; /* SO_LINGER with no time */
    atomic_uint receive_ms, send_ms;
    struct sock *next_unused; /* for plain_stop */
};

/* sockets.c: who is inside, and which sockets there are. */

int plain_start(const WSPUPCALLTABLE *table); /* both: 0, or a WSA code */
int plain_stop(void);

/* A call enters and leaves the provider: 0, or a WSA code. Nothing may be unloaded in between. */
int plain_enter(void);
void plain_leave(void);

/* The same, and finds a socket and keeps it alive: null on failure, with the code in *code. */
struct sock *sock_enter(SOCKET s, int *code);
void sock_leave(struct sock *sock);

/* Makes a descriptor a socket of the runtime's, like the listener if there is one. Takes `fd` over, also on failure. */
SOCKET sock_adopt(int fd, const WSAPROTOCOL_INFOW *info, DWORD flags, const struct sock *listener, int *code);
int sock_close(SOCKET s);
/* Keeps a connection for the next accept; 0 if there is one already. */
int sock_defer(struct sock *sock, int fd, const struct px_name *peer);
int sock_take_deferred(struct sock *sock, struct px_name *peer);

int sock_is_stream(const struct sock *sock);
int sock_name_len(const struct sock *sock); /* of an address of its family */
int sock_is_connected(struct sock *sock);
/* How a wait is to see the socket. */
struct px_ready sock_ready(struct sock *sock, int want);
/* Waits until the socket is ready: 0, or minus a code. Zero milliseconds are for ever. */
int sock_wait(struct sock *sock, int want, DWORD milliseconds);

/* Results: 0 or SOCKET_ERROR, with the code where the client wants it. */
static inline int plain_failed(int code, LPINT lpErrno) {
    if (lpErrno) *lpErrno = code;
    return SOCKET_ERROR;
}
static inline int plain_finished(long result, LPINT lpErrno) {
    return result < 0 ? plain_failed((int)-result, lpErrno) : 0;
}
/* Stores a name where the client wants it: 0 or -WSAEFAULT. */
int plain_give_name(const struct px_name *from, struct sockaddr *name, LPINT namelen);

/* The functions of the table, by file. */

/* connect.c */
SOCKET WSPAPI plain_socket(int, int, int, LPWSAPROTOCOL_INFOW, GROUP, DWORD, LPINT);
int WSPAPI plain_close(SOCKET, LPINT);
int WSPAPI plain_bind(SOCKET, const struct sockaddr *, int, LPINT);
int WSPAPI plain_listen(SOCKET, int, LPINT);
SOCKET WSPAPI plain_accept(SOCKET, struct sockaddr *, LPINT, LPCONDITIONPROC, DWORD_PTR, LPINT);
int WSPAPI plain_connect(SOCKET, const struct sockaddr *, int, LPWSABUF, LPWSABUF, LPQOS, LPQOS, LPINT);
int WSPAPI plain_shutdown(SOCKET, int, LPINT);
int WSPAPI plain_send_disconnect(SOCKET, LPWSABUF, LPINT);
int WSPAPI plain_recv_disconnect(SOCKET, LPWSABUF, LPINT);
int WSPAPI plain_getsockname(SOCKET, struct sockaddr *, LPINT, LPINT);
int WSPAPI plain_getpeername(SOCKET, struct sockaddr *, LPINT, LPINT);

/* transfer.c */
int WSPAPI plain_send(SOCKET, LPWSABUF, DWORD, LPDWORD, DWORD, LPWSAOVERLAPPED, LPWSAOVERLAPPED_COMPLETION_ROUTINE,
                      LPWSATHREADID, LPINT);
int WSPAPI plain_sendto(SOCKET, LPWSABUF, DWORD, LPDWORD, DWORD, const struct sockaddr *, int, LPWSAOVERLAPPED,
                        LPWSAOVERLAPPED_COMPLETION_ROUTINE, LPWSATHREADID, LPINT);
int WSPAPI plain_recv(SOCKET, LPWSABUF, DWORD, LPDWORD, LPDWORD, LPWSAOVERLAPPED, LPWSAOVERLAPPED_COMPLETION_ROUTINE,
                      LPWSATHREADID, LPINT);
int WSPAPI plain_recvfrom(SOCKET, LPWSABUF, DWORD, LPDWORD, LPDWORD, struct sockaddr *, LPINT, LPWSAOVERLAPPED,
                          LPWSAOVERLAPPED_COMPLETION_ROUTINE, LPWSATHREADID, LPINT);
int WSPAPI plain_select(int, fd_set *, fd_set *, fd_set *, const struct timeval *, LPINT);

/* options.c */
int WSPAPI plain_getsockopt(SOCKET, int, int, char *, LPINT, LPINT);
int WSPAPI plain_setsockopt(SOCKET, int, int, const char *, int, LPINT);
int WSPAPI plain_ioctl(SOCKET, DWORD, LPVOID, DWORD, LPVOID, DWORD, LPDWORD, LPWSAOVERLAPPED,
                       LPWSAOVERLAPPED_COMPLETION_ROUTINE, LPWSATHREADID, LPINT);
int WSPAPI plain_address_to_string(struct sockaddr *, DWORD, LPWSAPROTOCOL_INFOW, LPWSTR, LPDWORD, LPINT);
int WSPAPI plain_string_to_address(LPWSTR, INT, LPWSAPROTOCOL_INFOW, struct sockaddr *, LPINT, LPINT);

#endif
