/* A base transport provider in plain C against ws2spi.h: TCP and UDP over kernel sockets. See README.md. */
#include "plain.h"

#include <string.h>

/* What is not offered says so. */

static int WSPAPI no_async_select(SOCKET s, HWND window, unsigned int message, LONG events, LPINT lpErrno) {
    (void)s, (void)window, (void)message, (void)events;
    return plain_failed(WSAEOPNOTSUPP, lpErrno);
}

static int WSPAPI no_cancel_blocking_call(LPINT lpErrno) {
    return plain_failed(WSAEOPNOTSUPP, lpErrno);
}

static int WSPAPI no_duplicate(SOCKET s, DWORD process, LPWSAPROTOCOL_INFOW info, LPINT lpErrno) {
    (void)s, (void)process, (void)info;
    return plain_failed(WSAEOPNOTSUPP, lpErrno);
}

static int WSPAPI no_enum_network_events(SOCKET s, WSAEVENT event, LPWSANETWORKEVENTS events, LPINT lpErrno) {
    (void)s, (void)event;
    return plain_failed(events ? WSAEOPNOTSUPP : WSAEFAULT, lpErrno);
}

static int WSPAPI no_event_select(SOCKET s, WSAEVENT event, LONG events, LPINT lpErrno) {
    (void)s, (void)event, (void)events;
    return plain_failed(WSAEOPNOTSUPP, lpErrno);
}

static BOOL WSPAPI no_overlapped_result(SOCKET s, LPWSAOVERLAPPED overlapped, LPDWORD bytes, BOOL wait, LPDWORD flags,
                                        LPINT lpErrno) {
    (void)s, (void)wait;
    plain_failed(overlapped && bytes && flags ? WSAEOPNOTSUPP : WSAEFAULT, lpErrno);
    return FALSE;
}

static BOOL WSPAPI no_qos_by_name(SOCKET s, LPWSABUF name, LPQOS qos, LPINT lpErrno) {
    (void)s, (void)name, (void)qos;
    plain_failed(WSAEOPNOTSUPP, lpErrno);
    return FALSE;
}

static SOCKET WSPAPI no_join_leaf(SOCKET s, const struct sockaddr *name, int namelen, LPWSABUF caller_data, LPWSABUF callee_data,
                                  LPQOS sqos, LPQOS gqos, DWORD flags, LPINT lpErrno) {
    (void)s, (void)namelen, (void)caller_data, (void)callee_data, (void)sqos, (void)gqos, (void)flags;
    plain_failed(name ? WSAEOPNOTSUPP : WSAEFAULT, lpErrno);
    return INVALID_SOCKET;
}

static int WSPAPI plain_cleanup(LPINT lpErrno) {
    return plain_finished(-plain_stop(), lpErrno);
}

/* The one export. Its result is the error itself. */
#if defined(__GNUC__)
__attribute__((visibility("default")))
#endif
int WSPAPI
WSPStartup(WORD requested, LPWSPDATA data, LPWSAPROTOCOL_INFOW info, WSPUPCALLTABLE table, LPWSPPROC_TABLE procs) {
    static const char description[] = "A plain C provider over kernel sockets";
    const WORD version = MAKEWORD(2, 2);
    int code;
    if (!data || !info || !procs) return WSAEFAULT;
    /* Major versions compare first, and they are the low byte. */
    if (LOBYTE(requested) < 2 || (LOBYTE(requested) == 2 && HIBYTE(requested) < 2)) return WSAVERNOTSUPPORTED;
    if ((code = plain_start(&table)) != 0) return code;
    memset(data, 0, sizeof *data);
    data->wVersion = data->wHighVersion = version;
    for (size_t i = 0; i < sizeof description; i++) data->szDescription[i] = (unsigned char)description[i];
    procs->lpWSPAccept = plain_accept;
    procs->lpWSPAddressToString = plain_address_to_string;
    procs->lpWSPAsyncSelect = no_async_select;
    procs->lpWSPBind = plain_bind;
    procs->lpWSPCancelBlockingCall = no_cancel_blocking_call;
    procs->lpWSPCleanup = plain_cleanup;
    procs->lpWSPCloseSocket = plain_close;
    procs->lpWSPConnect = plain_connect;
    procs->lpWSPDuplicateSocket = no_duplicate;
    procs->lpWSPEnumNetworkEvents = no_enum_network_events;
    procs->lpWSPEventSelect = no_event_select;
    procs->lpWSPGetOverlappedResult = no_overlapped_result;
    procs->lpWSPGetPeerName = plain_getpeername;
    procs->lpWSPGetSockName = plain_getsockname;
    procs->lpWSPGetSockOpt = plain_getsockopt;
    procs->lpWSPGetQOSByName = no_qos_by_name;
    procs->lpWSPIoctl = plain_ioctl;
    procs->lpWSPJoinLeaf = no_join_leaf;
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
