/*
 * The sockets, which any thread may use and close at any time. A number that was closed comes back, so that no thread
 * may open while another is between reading a number and its call: the account of that call would be that of another
 * socket. Closing is not held back.
 */
#include "soak.h"

enum { STREAM = 1, DATAGRAM = 2, LISTENER = 3, PLAIN = 4, KIND = 7, OF_PORT = 8, SKIPS = 16, SHIFT = 5 };

HANDLE soak_ports[PORTS];

static atomic_ullong slots[SLOTS]; /* the socket, its kind and whether it belongs to a port; 0 is none */
static SRWLOCK opening = SRWLOCK_INIT;

static SOCKET socket_of(ULONGLONG slot) {
    return (SOCKET)(slot >> SHIFT);
}

/* What other slots say of this number is of a socket that is gone. */
static SOCKET fresh(SOCKET s) {
    int i;
    for (i = 0; i < SLOTS; i++) {
        ULONGLONG slot = slots[i];
        if (slot && socket_of(slot) == s) atomic_compare_exchange_strong(&slots[i], &slot, 0);
    }
    return s;
}

/* Puts a socket where there was none, or closes it. */
static void publish(struct account *account, SOCKET s, int kind) {
    ULONGLONG slot = (ULONGLONG)s << SHIFT | (unsigned)kind, none;
    unsigned at = chance_below(&account->chance, SLOTS);
    int i;
    if (s == INVALID_SOCKET) return;
    fresh(s);
    if (chance_below(&account->chance, 2) &&
        CreateIoCompletionPort((HANDLE)s, soak_ports[chance_below(&account->chance, PORTS)], 1, 0) != NULL)
        slot |= OF_PORT;
    if ((slot & OF_PORT) && chance_below(&account->chance, 3) == 0 &&
        SetFileCompletionNotificationModes((HANDLE)s, FILE_SKIP_COMPLETION_PORT_ON_SUCCESS))
        slot |= SKIPS;
    for (i = 0; i < SLOTS; i++) {
        none = 0;
        if (atomic_compare_exchange_strong(&slots[(at + (unsigned)i) % SLOTS], &none, slot)) return;
    }
    closesocket(s);
}

static SOCKET bound(int type, struct sockaddr_in *name) {
    int len = sizeof *name;
    SOCKET s = WSASocketW(AF_INET, type, 0, NULL, 0, WSA_FLAG_OVERLAPPED);
    memset(name, 0, sizeof *name);
    name->sin_family = AF_INET;
    name->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (s != INVALID_SOCKET && bind(s, (struct sockaddr *)name, sizeof *name) == 0 &&
        getsockname(s, (struct sockaddr *)name, &len) == 0)
        return s;
    if (s != INVALID_SOCKET) closesocket(s);
    return INVALID_SOCKET;
}

static int port_of(ULONGLONG slot) {
    return slot & SKIPS ? PORT_SKIPPED : slot & OF_PORT ? PORT : NO_PORT;
}

/* A close that leaves nothing behind that takes a port. */
static void abort_at_close(SOCKET s) {
    struct linger linger = {1, 0};
    setsockopt(s, SOL_SOCKET, SO_LINGER, (char *)&linger, sizeof linger);
}

static void open_streams(struct account *account) {
    struct sockaddr_in name;
    SOCKET listener = bound(SOCK_STREAM, &name), one, other;
    u_long nonblocking = chance_below(&account->chance, 2);
    if (listener == INVALID_SOCKET || listen(listener, 4) != 0) return;
    one = WSASocketW(AF_INET, SOCK_STREAM, 0, NULL, 0, WSA_FLAG_OVERLAPPED);
    if (one != INVALID_SOCKET && connect(one, (struct sockaddr *)&name, sizeof name) == 0) {
        other = accept(listener, NULL, NULL);
        if (other != INVALID_SOCKET) abort_at_close(other);
        abort_at_close(one);
        ioctlsocket(one, FIONBIO, &nonblocking);
        publish(account, other, STREAM);
        publish(account, one, STREAM);
    } else if (one != INVALID_SOCKET) {
        closesocket(one);
    }
    if (chance_below(&account->chance, 4) == 0) publish(account, listener, LISTENER);
    else closesocket(listener);
}

static void open_datagrams(struct account *account) {
    struct sockaddr_in names[2];
    SOCKET one = bound(SOCK_DGRAM, &names[0]), other = bound(SOCK_DGRAM, &names[1]);
    if (one != INVALID_SOCKET && other != INVALID_SOCKET) {
        connect(one, (struct sockaddr *)&names[1], sizeof names[1]);
        connect(other, (struct sockaddr *)&names[0], sizeof names[0]);
    }
    publish(account, one, DATAGRAM);
    publish(account, other, DATAGRAM);
}

static void open_some(struct account *account) {
    struct sockaddr_in name;
    AcquireSRWLockExclusive(&opening);
    switch (chance_below(&account->chance, 5)) {
    case 0:
    case 1:
        open_datagrams(account);
        break;
    case 2: /* for ConnectEx */
        publish(account, bound(SOCK_STREAM, &name), PLAIN);
        break;
    default:
        open_streams(account);
        break;
    }
    ReleaseSRWLockExclusive(&opening);
}

/* Whether a socket is still what it was. */
static int is_there(SOCKET s, int kind, int port) {
    int i;
    for (i = 0; i < SLOTS; i++) {
        ULONGLONG slot = slots[i];
        if (slot && socket_of(slot) == s && (int)(slot & KIND) == kind && port_of(slot) == port) return 1;
    }
    return 0;
}

/* Makes the socket that AcceptEx takes, for which it has to give up the lock. */
static void accept_on(struct account *account, SOCKET listener, int port) {
    SOCKET made;
    ReleaseSRWLockShared(&opening);
    AcquireSRWLockExclusive(&opening);
    made = WSASocketW(AF_INET, SOCK_STREAM, 0, NULL, 0, WSA_FLAG_OVERLAPPED);
    if (made != INVALID_SOCKET) abort_at_close(fresh(made));
    ReleaseSRWLockExclusive(&opening);
    AcquireSRWLockShared(&opening);
    if (made == INVALID_SOCKET) return;
    if (is_there(listener, LISTENER, port)) operation_accept(account, listener, made, port);
    else closesocket(made);
}

/* Connects to a listener that is open, if there is one. */
static void connect_to_some(struct account *account, SOCKET s, int port) {
    struct sockaddr_in name;
    int i, len = sizeof name;
    for (i = 0; i < SLOTS; i++) {
        ULONGLONG slot = slots[i];
        if (slot && (slot & KIND) == LISTENER &&
            getsockname(socket_of(slot), (struct sockaddr *)&name, &len) == 0 && len == sizeof name && name.sin_port) {
            operation_connect(account, s, &name, port);
            return;
        }
    }
}

static void use(struct account *account) {
    ULONGLONG slot;
    AcquireSRWLockShared(&opening);
    slot = slots[chance_below(&account->chance, SLOTS)];
    if (slot) {
        SOCKET s = socket_of(slot);
        int port = port_of(slot);
        switch (slot & KIND) {
        case LISTENER:
            accept_on(account, s, port);
            break;
        case PLAIN:
            connect_to_some(account, s, port);
            break;
        default:
            if ((slot & KIND) == STREAM && chance_below(&account->chance, 40) == 0)
                operation_disconnect(account, s, port);
            else operation_issue(account, s, (slot & KIND) == STREAM, port);
            break;
        }
    }
    ReleaseSRWLockShared(&opening);
}

static void close_one(struct account *account) {
    ULONGLONG slot = atomic_exchange(&slots[chance_below(&account->chance, SLOTS)], 0);
    if (slot) closesocket(socket_of(slot));
}

/* Calls without an operation. */
static void call_one(struct account *account, int may_block) {
    ULONGLONG slot = slots[chance_below(&account->chance, SLOTS)];
    SOCKET s = socket_of(slot);
    char bytes[512];
    u_long count = 1;
    if (!slot) return;
    switch (chance_below(&account->chance, 6)) {
    case 0:
        shutdown(s, (int)chance_below(&account->chance, 3));
        break;
    case 1:
        memset(bytes, 'x', sizeof bytes);
        if (may_block) send(s, bytes, (int)chance_below(&account->chance, sizeof bytes), 0);
        break;
    case 4: {
        /* What is watched beside operations, until somebody else watches it. */
        WSANETWORKEVENTS happened;
        WSAEVENT event = WSACreateEvent();
        WSAEventSelect(s, event, FD_READ | FD_WRITE | FD_CLOSE | FD_ACCEPT | FD_CONNECT);
        WSAEnumNetworkEvents(s, event, &happened);
        if (chance_below(&account->chance, 2)) WSAEventSelect(s, NULL, 0);
        WSACloseEvent(event);
        break;
    }
    case 2:
        if (ioctlsocket(s, FIONREAD, &count) != 0) count = 0;
        break;
    case 3: {
        WSAPOLLFD element = {s, POLLIN | POLLOUT, 0};
        WSAPoll(&element, 1, may_block ? 1 : 0);
        break;
    }
    default:
        /* Until somebody sends or closes, or the last clean-up. */
        if (may_block && chance_below(&account->chance, 20) == 0) recv(s, bytes, sizeof bytes, 0);
        break;
    }
}

void sockets_step(struct account *account, int may_block) {
    unsigned dice = chance_below(&account->chance, 100);
    if (dice < 10) open_some(account);
    else if (dice < 55) use(account);
    else if (dice < 62) close_one(account);
    else if (dice < 70) call_one(account, may_block);
    else if (dice < 80) SleepEx(dice < 73, TRUE);
    else operation_reap(account, may_block);
}
