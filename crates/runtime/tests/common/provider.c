/*
 * A small provider in C: sockets are eventfds, a receive blocks until the last clean-up, and a worker thread runs while
 * there are sockets. The compiler's options make it misbehave:
 *   -DNO_EXPORT          no WSPStartup
 *   -DSTART_RESULT=n     WSPStartup fails
 *   -DVERSION=0x0102     the version it says it speaks
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <winsock2.h>
#include <ws2spi.h>

#ifndef START_RESULT
#define START_RESULT 0
#endif
#ifndef VERSION
#define VERSION 0x0202
#endif

extern int close(int);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static WSPUPCALLTABLE upcalls;
static int starts, cleanups, working;
static pthread_t worker;
static int sockets[1 << 16];

static int refuse(LPINT error, int code)
{
    *error = code;
    return SOCKET_ERROR;
}

static void *work(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&lock);
    while (working)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    return NULL;
}

#define REFUSES(name, type, failure, ...)                                                                              \
    static type WSPAPI name(__VA_ARGS__, LPINT error)                                                                  \
    {                                                                                                                  \
        *error = WSAEOPNOTSUPP;                                                                                        \
        return failure;                                                                                                \
    }
#if defined(__GNUC__)
#pragma GCC diagnostic ignored "-Wunused-parameter"
#endif

REFUSES(refuse_accept, SOCKET, INVALID_SOCKET, SOCKET s, struct sockaddr *a, LPINT n, LPCONDITIONPROC c, DWORD_PTR d)
REFUSES(refuse_to_string, INT, SOCKET_ERROR, LPSOCKADDR a, DWORD n, LPWSAPROTOCOL_INFOW i, LPWSTR t, LPDWORD l)
REFUSES(refuse_async_select, int, SOCKET_ERROR, SOCKET s, HWND w, UINT m, LONG e)
REFUSES(refuse_bind, int, SOCKET_ERROR, SOCKET s, const struct sockaddr *a, int n)
REFUSES(refuse_connect, int, SOCKET_ERROR, SOCKET s, const struct sockaddr *a, int n, LPWSABUF b, LPWSABUF c, LPQOS q, LPQOS r)
REFUSES(refuse_duplicate, int, SOCKET_ERROR, SOCKET s, DWORD p, LPWSAPROTOCOL_INFOW i)
REFUSES(refuse_enum_events, int, SOCKET_ERROR, SOCKET s, WSAEVENT e, LPWSANETWORKEVENTS n)
REFUSES(refuse_event_select, int, SOCKET_ERROR, SOCKET s, WSAEVENT e, LONG n)
REFUSES(refuse_result, BOOL, FALSE, SOCKET s, LPWSAOVERLAPPED o, LPDWORD n, BOOL w, LPDWORD f)
REFUSES(refuse_name, int, SOCKET_ERROR, SOCKET s, struct sockaddr *a, LPINT n)
REFUSES(refuse_get_option, int, SOCKET_ERROR, SOCKET s, int l, int o, char *v, LPINT n)
REFUSES(refuse_qos, BOOL, FALSE, SOCKET s, LPWSABUF n, LPQOS q)
REFUSES(refuse_ioctl, int, SOCKET_ERROR, SOCKET s, DWORD c, LPVOID i, DWORD n, LPVOID o, DWORD m, LPDWORD r,
        LPWSAOVERLAPPED v, LPWSAOVERLAPPED_COMPLETION_ROUTINE f, LPWSATHREADID t)
REFUSES(refuse_join, SOCKET, INVALID_SOCKET, SOCKET s, const struct sockaddr *a, int n, LPWSABUF b, LPWSABUF c, LPQOS q,
        LPQOS r, DWORD f)
REFUSES(refuse_listen, int, SOCKET_ERROR, SOCKET s, int n)
REFUSES(refuse_disconnect, int, SOCKET_ERROR, SOCKET s, LPWSABUF d)
REFUSES(refuse_recv_from, int, SOCKET_ERROR, SOCKET s, LPWSABUF b, DWORD n, LPDWORD r, LPDWORD f, struct sockaddr *a,
        LPINT l, LPWSAOVERLAPPED o, LPWSAOVERLAPPED_COMPLETION_ROUTINE c, LPWSATHREADID t)
REFUSES(refuse_select, int, SOCKET_ERROR, int n, fd_set *r, fd_set *w, fd_set *e, const struct timeval *t)
REFUSES(refuse_send_to, int, SOCKET_ERROR, SOCKET s, LPWSABUF b, DWORD n, LPDWORD r, DWORD f, const struct sockaddr *a,
        int l, LPWSAOVERLAPPED o, LPWSAOVERLAPPED_COMPLETION_ROUTINE c, LPWSATHREADID t)
REFUSES(refuse_set_option, int, SOCKET_ERROR, SOCKET s, int l, int o, const char *v, int n)
REFUSES(refuse_shutdown, int, SOCKET_ERROR, SOCKET s, int how)
REFUSES(refuse_to_address, INT, SOCKET_ERROR, LPWSTR t, INT f, LPWSAPROTOCOL_INFOW i, LPSOCKADDR a, LPINT n)

static int WSPAPI cancel_blocking_call(LPINT error)
{
    return refuse(error, WSAEINVAL);
}

static SOCKET WSPAPI make_socket(int af, int type, int protocol, LPWSAPROTOCOL_INFOW info, GROUP g, DWORD flags, LPINT error)
{
    int fd = eventfd(0, EFD_CLOEXEC);
    if (fd < 0 || fd >= 1 << 16) {
        *error = WSAEMFILE;
        return INVALID_SOCKET;
    }
    SOCKET s = upcalls.lpWPUModifyIFSHandle(info->dwCatalogEntryId, (SOCKET)fd, error);
    if (s == INVALID_SOCKET) {
        close(fd);
        return INVALID_SOCKET;
    }
    pthread_mutex_lock(&lock);
    if (starts == 0) { /* the last clean-up came meanwhile */
        pthread_mutex_unlock(&lock);
        close(fd);
        *error = WSANOTINITIALISED;
        return INVALID_SOCKET;
    }
    sockets[fd] = 1;
    if (!working) {
        working = 1;
        if (pthread_create(&worker, NULL, work, NULL) != 0)
            abort();
    }
    pthread_mutex_unlock(&lock);
    return s;
}

static int WSPAPI close_socket(SOCKET s, LPINT error)
{
    pthread_mutex_lock(&lock);
    int known = s < 1 << 16 && sockets[s];
    if (known) {
        sockets[s] = 0;
        close((int)s);
    }
    pthread_mutex_unlock(&lock);
    return known ? 0 : refuse(error, WSAENOTSOCK);
}

static int WSPAPI receive(SOCKET s, LPWSABUF b, DWORD n, LPDWORD r, LPDWORD f, LPWSAOVERLAPPED o,
                          LPWSAOVERLAPPED_COMPLETION_ROUTINE c, LPWSATHREADID t, LPINT error)
{
    pthread_mutex_lock(&lock);
    int before = cleanups;
    if (starts == 0) { /* the call was on its way in when the last clean-up came */
        pthread_mutex_unlock(&lock);
        return refuse(error, WSANOTINITIALISED);
    }
    while (cleanups == before)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    return refuse(error, WSAEINTR);
}

static int WSPAPI send_all(SOCKET s, LPWSABUF b, DWORD n, LPDWORD sent, DWORD f, LPWSAOVERLAPPED o,
                           LPWSAOVERLAPPED_COMPLETION_ROUTINE c, LPWSATHREADID t, LPINT error)
{
    *sent = b->len;
    return 0;
}

static int WSPAPI cleanup(LPINT error)
{
    pthread_mutex_lock(&lock);
    if (starts == 0) {
        pthread_mutex_unlock(&lock);
        return refuse(error, WSANOTINITIALISED);
    }
    if (--starts > 0) {
        pthread_mutex_unlock(&lock);
        return 0;
    }
    int joins = working;
    cleanups++;
    working = 0;
    pthread_cond_broadcast(&changed);
    for (int fd = 0; fd < 1 << 16; fd++) {
        if (sockets[fd]) {
            sockets[fd] = 0;
            close(fd);
        }
    }
    pthread_mutex_unlock(&lock);
    if (joins)
        pthread_join(worker, NULL);
    return 0;
}

#ifdef NO_EXPORT
#define WSPStartup another_name
#endif
int WSPAPI WSPStartup(WORD version, LPWSPDATA data, LPWSAPROTOCOL_INFOW info, WSPUPCALLTABLE table, LPWSPPROC_TABLE out)
{
    if (START_RESULT != 0)
        return START_RESULT;
    pthread_mutex_lock(&lock);
    starts++;
    upcalls = table;
    pthread_mutex_unlock(&lock);
    data->wVersion = data->wHighVersion = VERSION;
    WSPPROC_TABLE mine = {
        .lpWSPAccept = refuse_accept,
        .lpWSPAddressToString = refuse_to_string,
        .lpWSPAsyncSelect = refuse_async_select,
        .lpWSPBind = refuse_bind,
        .lpWSPCancelBlockingCall = cancel_blocking_call,
        .lpWSPCleanup = cleanup,
        .lpWSPCloseSocket = close_socket,
        .lpWSPConnect = refuse_connect,
        .lpWSPDuplicateSocket = refuse_duplicate,
        .lpWSPEnumNetworkEvents = refuse_enum_events,
        .lpWSPEventSelect = refuse_event_select,
        .lpWSPGetOverlappedResult = refuse_result,
        .lpWSPGetPeerName = refuse_name,
        .lpWSPGetSockName = refuse_name,
        .lpWSPGetSockOpt = refuse_get_option,
        .lpWSPGetQOSByName = refuse_qos,
        .lpWSPIoctl = refuse_ioctl,
        .lpWSPJoinLeaf = refuse_join,
        .lpWSPListen = refuse_listen,
        .lpWSPRecv = receive,
        .lpWSPRecvDisconnect = refuse_disconnect,
        .lpWSPRecvFrom = refuse_recv_from,
        .lpWSPSelect = refuse_select,
        .lpWSPSend = send_all,
        .lpWSPSendDisconnect = refuse_disconnect,
        .lpWSPSendTo = refuse_send_to,
        .lpWSPSetSockOpt = refuse_set_option,
        .lpWSPShutdown = refuse_shutdown,
        .lpWSPSocket = make_socket,
        .lpWSPStringToAddress = refuse_to_address,
    };
    *out = mine;
    return 0;
}
