/* Who is inside the provider, and which sockets there are.
 *
 * One lock guards the counts and the table, and is held neither while anything waits nor while the runtime or the program
 * runs. A close or the last clean-up takes a socket out of the table and wakes the calls that use it; whoever leaves it last
 * closes the descriptor, so that its number cannot mean another socket to a call that is still on its way. */
#include "plain.h"

#include <ws2tcpip.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SOCKETS = 65536 }; /* handles are descriptors, and those are small numbers */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int starts;    /* successful WSPStartup calls not yet cleaned up */
static int draining;  /* the last WSPCleanup is at work */
static int inside;    /* calls that have not left */
static uint64_t last_id;
static WSPUPCALLTABLE upcalls; /* a copy: the argument of WSPStartup dies with the call */
static struct sock *sockets[MOST_SOCKETS];

static void destroy(struct sock *sock) {
    if (sock->deferred >= 0) {
        px_reset_on_close(sock->deferred);
        px_close(sock->deferred);
    }
    if (sock->hard_close) px_reset_on_close(sock->fd);
    px_close(sock->fd);
    px_close(sock->wake);
    free(sock);
}

/* With the lock held: nobody finds the socket any more, and its calls end. Whether nobody is left to close it. */
static int take_out(struct sock *sock) {
    sockets[sock->fd] = NULL;
    px_signal(sock->wake);
    return --sock->users == 0;
}

int plain_start(const WSPUPCALLTABLE *table) {
    if (!table->lpWPUModifyIFSHandle) return WSAEFAULT;
    pthread_mutex_lock(&lock);
    /* A start sees the provider before the last clean-up or after it, never in between. */
    while (draining) pthread_cond_wait(&changed, &lock);
    starts++;
    upcalls = *table; /* the latest counts */
    pthread_mutex_unlock(&lock);
    return 0;
}

int plain_stop(void) {
    pthread_mutex_lock(&lock);
    if (!starts || draining) {
        pthread_mutex_unlock(&lock);
        return WSANOTINITIALISED;
    }
    if (starts > 1) {
        starts--;
        pthread_mutex_unlock(&lock);
        return 0;
    }
    draining = 1;
    /* First every call is told to end, and then the sockets go: a call is not to see its peer's reset, where that is ours too. */
    struct sock *unused = NULL;
    for (int fd = 0; fd < MOST_SOCKETS; fd++) {
        struct sock *sock = sockets[fd];
        if (!sock) continue;
        sock->hard_close = 1;
        if (take_out(sock)) {
            sock->next_unused = unused;
            unused = sock;
        }
    }
    while (unused) {
        struct sock *sock = unused;
        unused = sock->next_unused;
        destroy(sock);
    }
    while (inside) pthread_cond_wait(&changed, &lock);
    starts = draining = 0;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    return 0;
}

int plain_enter(void) {
    pthread_mutex_lock(&lock);
    int usable = starts && !draining;
    inside += usable;
    pthread_mutex_unlock(&lock);
    return usable ? 0 : WSANOTINITIALISED;
}

void plain_leave(void) {
    pthread_mutex_lock(&lock);
    if (--inside == 0) pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

struct sock *sock_enter(SOCKET s, int *code) {
    struct sock *found = NULL;
    pthread_mutex_lock(&lock);
    if (!starts || draining) {
        *code = WSANOTINITIALISED;
    } else if (s >= MOST_SOCKETS || !(found = sockets[s])) {
        *code = WSAENOTSOCK;
    } else {
        inside++;
        found->users++;
    }
    pthread_mutex_unlock(&lock);
    return found;
}

void sock_leave(struct sock *sock) {
    pthread_mutex_lock(&lock);
    int last = --sock->users == 0;
    pthread_mutex_unlock(&lock);
    if (last) destroy(sock);
    plain_leave();
}

SOCKET sock_adopt(int fd, const WSAPROTOCOL_INFOW *info, DWORD flags, const struct sock *listener, int *code) {
    struct sock *sock = calloc(1, sizeof *sock);
    SOCKET handle = INVALID_SOCKET;
    int wake = px_event();
    if (!sock || wake < 0) {
        *code = WSAENOBUFS;
    } else if (fd >= MOST_SOCKETS) {
        *code = WSAEMFILE;
    } else {
        sock->fd = fd;
        sock->wake = wake;
        sock->info = *info;
        sock->flags = flags;
        sock->users = 1; /* the table */
        sock->deferred = -1;
        if (listener) {
            sock->nonblocking = listener->nonblocking;
            sock->receive_ms = listener->receive_ms;
            sock->send_ms = listener->send_ms;
            sock->hard_close = listener->hard_close;
            sock->bound = sock->connected = 1;
        }
        pthread_mutex_lock(&lock);
        WSPUPCALLTABLE table = upcalls;
        pthread_mutex_unlock(&lock);
        handle = table.lpWPUModifyIFSHandle(info->dwCatalogEntryId, (SOCKET)fd, code);
        if (handle != INVALID_SOCKET && handle != (SOCKET)fd) {
            *code = WSASYSCALLFAILURE; /* no system that this provider is for gives it another handle */
            handle = INVALID_SOCKET;
        }
    }
    pthread_mutex_lock(&lock);
    if (handle != INVALID_SOCKET && draining) {
        *code = WSANOTINITIALISED;
        handle = INVALID_SOCKET;
    }
    if (handle != INVALID_SOCKET) {
        sock->id = ++last_id;
        sockets[fd] = sock;
    }
    pthread_mutex_unlock(&lock);
    if (handle == INVALID_SOCKET) {
        free(sock);
        if (listener) px_reset_on_close(fd);
        px_close(fd);
        if (wake >= 0) px_close(wake);
    }
    return handle;
}

int sock_close(SOCKET s) {
    int code = 0;
    struct sock *sock = sock_enter(s, &code);
    if (!sock) return code;
    pthread_mutex_lock(&lock);
    /* Of two that close it at once, one is late. */
    if (sockets[s] == sock) take_out(sock);
    else code = WSAENOTSOCK;
    pthread_mutex_unlock(&lock);
    sock_leave(sock);
    return code;
}

int sock_defer(struct sock *sock, int fd, const struct px_name *peer) {
    pthread_mutex_lock(&lock);
    int room = sock->deferred < 0;
    if (room) {
        sock->deferred = fd;
        sock->deferred_peer = *peer;
    }
    pthread_mutex_unlock(&lock);
    return room;
}

int sock_take_deferred(struct sock *sock, struct px_name *peer) {
    pthread_mutex_lock(&lock);
    int fd = sock->deferred;
    sock->deferred = -1;
    if (fd >= 0) *peer = sock->deferred_peer;
    pthread_mutex_unlock(&lock);
    return fd;
}

int sock_is_stream(const struct sock *sock) {
    return sock->info.iSocketType == SOCK_STREAM;
}

int sock_name_len(const struct sock *sock) {
    return sock->info.iAddressFamily == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

/* A connect that was left to itself and ended well makes the socket connected. */
int sock_is_connected(struct sock *sock) {
    struct px_name peer;
    if (!sock->connected && sock->attempt == ATTEMPT_GOES_ON && px_getpeername(sock->fd, &peer) == 0) {
        sock->connected = 1;
        sock->attempt = ATTEMPT_NONE;
    }
    return sock->connected;
}

struct px_ready sock_ready(struct sock *sock, int want) {
    struct px_ready ready = {sock->fd, sock->wake, want, 0, 0};
    int connected = sock_is_connected(sock);
    ready.connecting = !connected && sock->attempt == ATTEMPT_GOES_ON;
    /* To the kernel a stream that was never connected is one that is over. */
    if (sock_is_stream(sock) && !connected && !ready.connecting && !sock->listening) ready.fd = -1;
    return ready;
}

int sock_wait(struct sock *sock, int want, DWORD milliseconds) {
    struct px_ready ready = sock_ready(sock, want);
    int found;
    if (sock->nonblocking) return -WSAEWOULDBLOCK;
    found = px_wait(&ready, 1, milliseconds ? (int64_t)milliseconds : -1);
    return found == 0 ? -WSAETIMEDOUT : found < 0 ? found : 0;
}
