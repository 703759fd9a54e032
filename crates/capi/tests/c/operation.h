/* What the tests of overlapped operations share: one operation, in every shape. */
#ifndef OPERATION_H
#define OPERATION_H

#define _POSIX_C_SOURCE 200809L
#include "fixture.h"

#include <pthread.h>

#define SIZE 64
#define CANCELLED 0xC0000120u /* STATUS_CANCELLED of NT */

enum function { SEND, SENDTO, RECV, RECVFROM, FUNCTIONS };
enum style { NONE, EVENT, ROUTINE, STYLES };

struct operation {
    WSAOVERLAPPED overlapped; /* first: routines get its address */
    WSABUF buffer;
    char bytes[SIZE];
    DWORD count, flags;
    struct sockaddr_in name;
    int name_len;
    /* What the routine was told. */
    int calls;
    DWORD error, transferred, told_flags;
    pthread_t ran_in;
};

static _Thread_local int depth, deepest; /* Routines run in the threads that wait for them. */

static inline void CALLBACK routine(DWORD error, DWORD transferred, LPWSAOVERLAPPED overlapped, DWORD flags) {
    struct operation *operation = (struct operation *)overlapped;
    if (++depth > deepest) {
        deepest = depth;
    }
    operation->calls++;
    operation->error = error;
    operation->transferred = transferred;
    operation->told_flags = flags;
    operation->ran_in = pthread_self();
    depth--;
}

static inline void prepare(struct operation *operation, enum style style) {
    memset(operation, 0, sizeof *operation);
    operation->buffer.len = SIZE;
    operation->buffer.buf = operation->bytes;
    operation->count = 4711;
    operation->name_len = sizeof operation->name;
    if (style == EVENT) {
        operation->overlapped.hEvent = WSACreateEvent();
        CHECK(operation->overlapped.hEvent != WSA_INVALID_EVENT);
    }
}

static inline void finish(struct operation *operation, enum style style) {
    if (style == EVENT) {
        CHECK_EQ(WSACloseEvent(operation->overlapped.hEvent), TRUE);
    }
}

static inline int run(enum function function, SOCKET s, struct operation *operation, enum style style) {
    LPWSAOVERLAPPED_COMPLETION_ROUTINE called = style == ROUTINE ? routine : NULL;
    LPWSAOVERLAPPED overlapped = &operation->overlapped;
    WSASetLastError(0);
    switch (function) {
    case SEND:
        return WSASend(s, &operation->buffer, 1, &operation->count, 0, overlapped, called);
    case SENDTO:
        return WSASendTo(s, &operation->buffer, 1, &operation->count, 0, (struct sockaddr *)&operation->name,
                         sizeof operation->name, overlapped, called);
    case RECV:
        return WSARecv(s, &operation->buffer, 1, &operation->count, &operation->flags, overlapped, called);
    default:
        return WSARecvFrom(s, &operation->buffer, 1, &operation->count, &operation->flags,
                           (struct sockaddr *)&operation->name, &operation->name_len, overlapped, called);
    }
}

static inline int is_set(WSAEVENT event) {
    DWORD got = WSAWaitForMultipleEvents(1, &event, TRUE, 0, FALSE);
    CHECK(got == WSA_WAIT_EVENT_0 || got == WSA_WAIT_TIMEOUT);
    return got == WSA_WAIT_EVENT_0;
}

/* Whether the status says that the operation goes on. */
static inline int pends(struct operation *operation) {
    return !HasOverlappedIoCompleted(&operation->overlapped);
}

/* Waits until the operation has been indicated, in its style. */
static inline void until_indicated(struct operation *operation, enum style style) {
    WSAEVENT event = operation->overlapped.hEvent;
    switch (style) {
    case EVENT:
        CHECK_EQ(WSAWaitForMultipleEvents(1, &event, TRUE, 30000, FALSE), WSA_WAIT_EVENT_0);
        break;
    case ROUTINE:
        while (operation->calls == 0) {
            CHECK_EQ(SleepEx(30000, TRUE), WAIT_IO_COMPLETION);
        }
        break;
    default:
        while (pends(operation)) {
            Sleep(1);
        }
    }
}

/* The end of an operation, by everything that tells it. */
static inline void check_end(SOCKET s, struct operation *operation, enum style style, DWORD error, DWORD bytes) {
    DWORD transferred = 4712, flags = 4713;
    CHECK(!pends(operation));
    CHECK_EQ(operation->overlapped.OffsetHigh, error);
    CHECK_EQ(operation->overlapped.InternalHigh, bytes);
    if (error == 0) {
        CHECK_EQ(operation->overlapped.Internal, 0);
    } else if (error == WSA_OPERATION_ABORTED) {
        CHECK_EQ(operation->overlapped.Internal, CANCELLED);
    }
    if (style == ROUTINE) {
        CHECK_EQ(operation->calls, 1);
        CHECK_EQ(operation->error, error);
        CHECK_EQ(operation->transferred, bytes);
        CHECK(pthread_equal(operation->ran_in, pthread_self()));
    }
    if (s == INVALID_SOCKET) {
        return;
    }
    if (error == 0) {
        CHECK_EQ(WSAGetOverlappedResult(s, &operation->overlapped, &transferred, FALSE, &flags), TRUE);
        CHECK_EQ(transferred, bytes);
        CHECK_EQ(flags, 0);
    } else {
        CHECK_FAILS(WSAGetOverlappedResult(s, &operation->overlapped, &transferred, FALSE, &flags), FALSE, (int)error);
        CHECK_EQ(transferred, 4712);
    }
}

/* Two connected sockets: a stream for send and recv, datagrams for the others. */
static inline void ends_for(enum function function, SOCKET ends[2]) {
    if (function == SEND || function == RECV) {
        pair(ends);
    } else {
        datagram_pair(ends);
    }
}

/* Fills a stream until it takes no more. */
static inline void fill(SOCKET s) {
    static char block[1 << 16];
    set_blocking(s, 0);
    while (send(s, block, sizeof block, 0) > 0) {
    }
    CHECK_EQ(WSAGetLastError(), WSAEWOULDBLOCK);
    set_blocking(s, 1);
}

static inline void drain(SOCKET s, size_t bytes) {
    static char block[1 << 16];
    while (bytes > 0) {
        int got = recv(s, block, (int)(bytes < sizeof block ? bytes : sizeof block), 0);
        CHECK(got > 0);
        bytes -= (size_t)got;
    }
}

static inline void receive_what_is_there(SOCKET s) {
    static char block[1 << 16];
    set_blocking(s, 0);
    while (recv(s, block, sizeof block, 0) > 0) {
    }
    set_blocking(s, 1);
}

static inline int is_send(enum function function) {
    return function == SEND || function == SENDTO;
}

/* Starts an operation that cannot be done at once. Loopback takes any datagram, so sends pend on streams only. */
static inline void start_pending(enum function function, SOCKET ends[2], struct operation *operation, enum style style) {
    if (is_send(function)) {
        fill(ends[0]);
    }
    if (style == EVENT) {
        CHECK_EQ(WSASetEvent(operation->overlapped.hEvent), TRUE); /* The start resets it (OV-8). */
    }
    CHECK_EQ(run(function, ends[0], operation, style), SOCKET_ERROR);
    CHECK_EQ(WSAGetLastError(), WSA_IO_PENDING);
    CHECK(pends(operation));
    CHECK_EQ(operation->count, 4711);
    if (style == EVENT) {
        CHECK(!is_set(operation->overlapped.hEvent));
    }
    CHECK_EQ(SleepEx(0, TRUE), 0);
    CHECK_EQ(operation->calls, 0);
}

#define EACH(function, style)                                                                                     \
    for (int function = 0; function < FUNCTIONS; function++)                                                      \
        for (int style = 0; style < STYLES; style++)

#endif
