/* What the tests of the extension functions share. */
#ifndef CONNECTIONS_H
#define CONNECTIONS_H

#include "operation.h"

#include <mswsock.h>

#define BLOCK (sizeof(struct sockaddr_in) + 16)

/* An extension function of a socket's provider. */
static inline void *extension(SOCKET s, GUID guid) {
    void *function = NULL;
    DWORD bytes = 0;
    CHECK_EQ(WSAIoctl(s, SIO_GET_EXTENSION_FUNCTION_POINTER, &guid, sizeof guid, &function, sizeof function, &bytes,
                      NULL, NULL),
             0);
    CHECK_EQ(bytes, sizeof function);
    CHECK(function != NULL);
    return function;
}

#define EXTENSION(s, type, guid) ((type)(size_t)extension(s, (GUID)guid))

/* An operation of a function without completion routine. */
struct extended {
    WSAOVERLAPPED overlapped;
    char buffer[256];
    DWORD bytes;
};

static inline void prepare_extended(struct extended *operation, int with_event) {
    memset(operation, 0, sizeof *operation);
    operation->bytes = 4711;
    if (with_event) {
        operation->overlapped.hEvent = WSACreateEvent();
        CHECK(operation->overlapped.hEvent != WSA_INVALID_EVENT);
    }
}

/* Waits for the end of an operation, and closes its event. */
static inline void until_over(struct extended *operation) {
    WSAEVENT event = operation->overlapped.hEvent;
    if (event != NULL) {
        CHECK_EQ(WSAWaitForMultipleEvents(1, &event, TRUE, 30000, FALSE), WSA_WAIT_EVENT_0);
        CHECK_EQ(WSACloseEvent(event), TRUE);
        operation->overlapped.hEvent = NULL;
        CHECK(HasOverlappedIoCompleted(&operation->overlapped));
    }
    while (!HasOverlappedIoCompleted(&operation->overlapped)) {
        Sleep(1);
    }
}

/* The end of an operation on s: its error, or the bytes that it moved. */
static inline void check_over(SOCKET s, struct extended *operation, DWORD error, DWORD bytes) {
    DWORD transferred = 4712, flags = 4713;
    until_over(operation);
    if (error == 0) {
        CHECK_EQ(WSAGetOverlappedResult(s, &operation->overlapped, &transferred, FALSE, &flags), TRUE);
        CHECK_EQ(transferred, bytes);
        CHECK_EQ(operation->overlapped.Internal, 0);
    } else if (s == INVALID_SOCKET) {
        CHECK_EQ(operation->overlapped.OffsetHigh, error);
    } else {
        CHECK_FAILS(WSAGetOverlappedResult(s, &operation->overlapped, &transferred, FALSE, &flags), FALSE, (int)error);
    }
}

/* Starts what is to go on. */
#define CHECK_PENDS(call) CHECK_FAILS(call, FALSE, WSA_IO_PENDING)

/* Starts what may be done at once or go on. */
#define CHECK_STARTS(call) CHECK((call) == TRUE || WSAGetLastError() == WSA_IO_PENDING)

static inline void check_same_name(struct sockaddr *got, int length, struct sockaddr_in wanted) {
    CHECK(got != NULL);
    CHECK_EQ(length, (int)sizeof wanted);
    CHECK(memcmp(got, &wanted, 8) == 0);
}

static inline void send_text(SOCKET s, const char *text) {
    CHECK_EQ(send(s, text, (int)strlen(text), 0), (int)strlen(text));
}

static inline void expect_text(SOCKET s, const char *text) {
    char got[256];
    int length = (int)strlen(text), at = 0;
    while (at < length) {
        int count = recv(s, got + at, length - at, 0);
        CHECK(count > 0);
        at += count;
    }
    CHECK(memcmp(got, text, (size_t)length) == 0);
}

#endif
