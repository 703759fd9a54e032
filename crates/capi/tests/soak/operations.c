/* Every operation ends exactly once, or silently at the last clean-up, and its memory is left alone after that. */
#include "soak.h"

enum { GUARD = 16, LONG_SEND = 300000, PATIENCE_MS = 60000 };
#define CANCELLED 0xC0000120u /* STATUS_CANCELLED of NT */

static LPFN_ACCEPTEX accept_ex;
static LPFN_CONNECTEX connect_ex;
static LPFN_DISCONNECTEX disconnect_ex;
static LPFN_WSARECVMSG receive_message;
static BOOL(WINAPI *cancel_io_ex)(HANDLE, LPOVERLAPPED);

static atomic_long ended[STYLES][2], refused, silent, at_once;

static unsigned char pattern(const struct operation *operation, unsigned at) {
    return (unsigned char)(at * 7 + operation->room);
}

/* Whether a clean-up may have ended it silently. */
static int may_be_silent(const struct operation *operation) {
    return soak_cleanups_begun > operation->cleanups;
}

static struct operation *make(struct account *account, unsigned room) {
    struct operation *operation = calloc(1, sizeof *operation);
    SOAK_CHECK(operation != NULL && account->count < OWN, "no room for an operation");
    operation->room = room;
    operation->bytes = malloc(room + GUARD);
    SOAK_CHECK(operation->bytes != NULL, "no memory");
    memset(operation->bytes, 0x5A, room + GUARD);
    operation->made = INVALID_SOCKET;
    operation->since = GetTickCount64();
    operation->cleanups = soak_cleanups_ended;
    account->own[account->count++] = operation;
    return operation;
}

static void release(struct operation *operation) {
    if (operation->event) CloseHandle(operation->event);
    free(operation->bytes);
    free(operation);
}

static void CALLBACK routine(DWORD error, DWORD transferred, LPWSAOVERLAPPED overlapped, DWORD flags) {
    struct operation *operation = (struct operation *)overlapped;
    (void)flags;
    SOAK_CHECK(operation->issued == 1, "a routine ran for an operation that was not issued");
    SOAK_CHECK(operation->style == BY_ROUTINE, "a routine ran that nobody asked for");
    SOAK_CHECK(++operation->routines == 1, "a routine ran twice");
    SOAK_CHECK(HasOverlappedIoCompleted(overlapped), "a routine ran before the end");
    SOAK_CHECK(error == 0 || transferred == 0 || error == WSAEMSGSIZE, "error %u with %u bytes", error, transferred);
}

void operation_packet(LPOVERLAPPED overlapped) {
    struct operation *operation = (struct operation *)overlapped;
    SOAK_CHECK(operation->issued == 1, "a packet came for an operation that was not issued");
    SOAK_CHECK(operation->wants_packet, "a packet came that nobody asked for");
    SOAK_CHECK(HasOverlappedIoCompleted(overlapped), "a packet came before the end");
    SOAK_CHECK(++operation->packets == 1, "a packet came twice");
}

/* Which end is told, by which means. */
static void choose_style(struct account *account, struct operation *operation, int port, int may_have_routine) {
    do operation->style = chance_below(&account->chance, STYLES);
    while (operation->style == BY_ROUTINE && (port || !may_have_routine));
    operation->wants_routine = operation->style == BY_ROUTINE;
    operation->wants_packet = port != NO_PORT;
    operation->skips = port == PORT_SKIPPED;
    if (operation->style == BY_EVENT || operation->style == BY_WAITING) {
        operation->event = CreateEventW(NULL, TRUE, FALSE, NULL);
        SOAK_CHECK(operation->event != NULL, "no event: %u", GetLastError());
        operation->overlapped.hEvent = operation->event;
        operation->wants_event = 1;
        if (port && chance_below(&account->chance, 3) == 0) {
            /* The lowest bit keeps the packet back. */
            operation->overlapped.hEvent = (HANDLE)((ULONG_PTR)operation->event | 1);
            operation->wants_packet = 0;
        }
    }
}

/* The call; 0, or an error. */
static DWORD call(struct operation *operation) {
    LPWSAOVERLAPPED overlapped = &operation->overlapped;
    LPWSAOVERLAPPED_COMPLETION_ROUTINE done = operation->wants_routine ? routine : NULL;
    struct sockaddr *name = (struct sockaddr *)&operation->name;
    DWORD count = operation->buffers[1].len ? 2 : 1;
    int result = SOCKET_ERROR;
    switch (operation->work) {
    case RECEIVE:
        result = WSARecv(operation->socket, operation->buffers, count, NULL, &operation->flags, overlapped, done);
        break;
    case SEND:
        result = WSASend(operation->socket, operation->buffers, count, NULL, 0, overlapped, done);
        break;
    case RECEIVE_FROM:
        result = WSARecvFrom(operation->socket, operation->buffers, count, NULL, &operation->flags, name,
                             &operation->name_len, overlapped, done);
        break;
    case SEND_TO:
        result = WSASendTo(operation->socket, operation->buffers, count, NULL, 0, name, operation->name_len, overlapped,
                           done);
        break;
    case RECEIVE_MESSAGE:
        result = receive_message(operation->socket, &operation->message, NULL, overlapped, done);
        break;
    case SEND_MESSAGE:
        result = WSASendMsg(operation->socket, &operation->message, 0, NULL, overlapped, done);
        break;
    case ACCEPT:
        if (accept_ex(operation->socket, operation->made, operation->bytes, 0, sizeof(struct sockaddr_in) + 16,
                      sizeof(struct sockaddr_in) + 16, &operation->count, overlapped))
            result = 0;
        break;
    case CONNECT:
        if (connect_ex(operation->socket, name, sizeof operation->name, NULL, 0, NULL, overlapped)) result = 0;
        break;
    case DISCONNECT:
        if (disconnect_ex(operation->socket, overlapped, 0, 0)) result = 0;
        break;
    case WORKS:
        break;
    }
    return result == 0 ? 0 : (DWORD)WSAGetLastError();
}

static void issue(struct operation *operation) {
    DWORD error;
    operation->name_len = sizeof operation->name;
    operation->issued = 1;
    error = call(operation);
    /* The array was the call's alone. */
    memset(operation->buffers, 0xFF, sizeof operation->buffers);
    if (error == 0) {
        at_once++;
        if (operation->skips) operation->wants_packet = 0;
    } else if (error != WSA_IO_PENDING) {
        /* It was not started: nobody is told. */
        refused++;
        operation->wants_event = operation->wants_packet = operation->wants_routine = 0;
        operation->overlapped.Internal = 0;
        SOAK_CHECK(operation->routines == 0, "a call that failed with %u ran its routine", error);
    }
}

void operation_issue(struct account *account, SOCKET s, int is_stream, int port) {
    static const unsigned rooms[] = {0, 1, 64, 1000, LONGEST};
    struct operation *operation;
    struct sockaddr_in name;
    int len = sizeof name, sends = chance_below(&account->chance, 2);
    unsigned room, first;
    if (account->count == OWN) return;
    room = rooms[chance_below(&account->chance, 5)];
    if (sends && is_stream && chance_below(&account->chance, 40) == 0) room = LONG_SEND;
    operation = make(account, room);
    operation->socket = s;
    first = chance_below(&account->chance, 4) ? room : room / 2;
    operation->buffers[0].buf = operation->bytes;
    operation->buffers[0].len = first;
    operation->buffers[1].buf = operation->bytes + first;
    operation->buffers[1].len = room - first;
    operation->work = sends ? SEND : RECEIVE;
    if (!is_stream && chance_below(&account->chance, 2)) {
        operation->work = sends ? SEND_TO : RECEIVE_FROM;
        if (sends && getpeername(s, (struct sockaddr *)&name, &len) == 0) operation->name = name;
        if (chance_below(&account->chance, 2)) {
            operation->work = sends ? SEND_MESSAGE : RECEIVE_MESSAGE;
            operation->message.name = (struct sockaddr *)&operation->name;
            operation->message.namelen = sizeof operation->name;
            operation->message.lpBuffers = operation->buffers;
            operation->message.dwBufferCount = 2;
        }
    }
    choose_style(account, operation, port, 1);
    issue(operation);
}

/* One of the extension functions, which have no routines. */
static struct operation *extension(struct account *account, enum work work, SOCKET s, unsigned room, int port) {
    struct operation *operation = account->count < OWN ? make(account, room) : NULL;
    if (!operation) return NULL;
    operation->work = work;
    operation->socket = s;
    choose_style(account, operation, port, 0);
    return operation;
}

void operation_accept(struct account *account, SOCKET listener, SOCKET made, int port) {
    struct operation *operation = extension(account, ACCEPT, listener, 2 * (sizeof(struct sockaddr_in) + 16), port);
    if (!operation) {
        closesocket(made);
        return;
    }
    operation->made = made;
    issue(operation);
}

void operation_connect(struct account *account, SOCKET s, const struct sockaddr_in *name, int port) {
    struct operation *operation = extension(account, CONNECT, s, 0, port);
    if (!operation) return;
    operation->name = *name;
    issue(operation);
}

void operation_disconnect(struct account *account, SOCKET s, int port) {
    struct operation *operation = extension(account, DISCONNECT, s, 0, port);
    if (operation) issue(operation);
}

/* Whether everybody who was to be told of the end has been. */
static int is_told(const struct operation *operation) {
    return operation->routines == operation->wants_routine && operation->packets == operation->wants_packet &&
           (!operation->wants_event || WaitForSingleObject(operation->event, 0) == WAIT_OBJECT_0);
}

/* An operation has ended, and everybody was told, unless `silently`: keeps it to see that nothing more comes. */
static void end(struct account *account, int at, int silently) {
    struct operation *operation = account->own[at];
    DWORD transferred = (DWORD)operation->overlapped.InternalHigh, status = (DWORD)operation->overlapped.Internal;
    unsigned i;
    SOAK_CHECK(transferred <= operation->room || operation->work >= ACCEPT, "%u bytes of %u", transferred,
               operation->room);
    SOAK_CHECK(status == 0 || transferred == 0 || status == 0x80000005u, "status %x with %u bytes", status, transferred);
    for (i = operation->room; i < operation->room + GUARD; i++)
        SOAK_CHECK(operation->bytes[i] == 0x5A, "the guard behind a buffer was written to");
    if (silently) silent++;
    else ended[operation->style][status != 0]++;
    if (operation->made != INVALID_SOCKET) closesocket(operation->made);
    operation->made = INVALID_SOCKET;
    account->own[at] = account->own[--account->count];
    if (account->late_count == OWN) {
        release(operation);
        return;
    }
    /* From here on the memory is the program's again. */
    for (i = 0; i < operation->room; i++) operation->bytes[i] = (char)pattern(operation, i);
    if (operation->event && !silently) ResetEvent(operation->event);
    account->late[account->late_count++] = operation;
}

/* Asks for the result, which must be there if the operation has ended or is waited for. */
static void ask(struct operation *operation, BOOL wait) {
    int has_ended = HasOverlappedIoCompleted(&operation->overlapped);
    DWORD transferred, flags;
    if (!WSAGetOverlappedResult(operation->socket, &operation->overlapped, &transferred, wait, &flags))
        SOAK_CHECK(!(wait || has_ended) || WSAGetLastError() != WSA_IO_INCOMPLETE, "no result of an operation that has "
                   "ended");
}

void operation_reap(struct account *account, int waits) {
    int at;
    for (at = account->count - 1; at >= 0; at--) {
        struct operation *operation = account->own[at];
        if (operation->style == BY_POLLING) ask(operation, FALSE);
        if (operation->style == BY_WAITING && waits && operation->wants_event && chance_below(&account->chance, 50) == 0)
            ask(operation, TRUE);
        if (!HasOverlappedIoCompleted(&operation->overlapped)) continue;
        if (is_told(operation)) end(account, at, 0);
        else
            SOAK_CHECK(operation->wants_routine || may_be_silent(operation) ||
                           GetTickCount64() - operation->since < PATIENCE_MS,
                       "an operation of work %d, style %d, has ended, and nobody was told", operation->work,
                       operation->style);
    }
    if (account->count && chance_below(&account->chance, 4) == 0) {
        struct operation *operation = account->own[chance_below(&account->chance, (unsigned)account->count)];
        cancel_io_ex((HANDLE)operation->socket, chance_below(&account->chance, 2) ? &operation->overlapped : NULL);
    }
}

void operation_settle(struct account *account) {
    int at;
    /* Routines of operations that ended before may still run. */
    while (SleepEx(0, TRUE) == WAIT_IO_COMPLETION) continue;
    for (at = account->count - 1; at >= 0; at--) {
        struct operation *operation = account->own[at];
        DWORD status;
        SOAK_CHECK(HasOverlappedIoCompleted(&operation->overlapped), "an operation of work %d, style %d, outlives the last "
                   "clean-up", operation->work, operation->style);
        status = (DWORD)operation->overlapped.Internal;
        if (is_told(operation)) {
            end(account, at, 0);
            continue;
        }
        SOAK_CHECK(status == CANCELLED, "an operation of work %d, style %d, ended with status %x and nobody was told",
                   operation->work, operation->style, status);
        SOAK_CHECK(operation->routines == 0 && operation->packets == 0 &&
                       (!operation->wants_event || WaitForSingleObject(operation->event, 0) == WAIT_TIMEOUT),
                   "some were told of the end of an operation, and some not");
        SOAK_CHECK(may_be_silent(operation), "an operation ended silently before any clean-up");
        end(account, at, 1);
    }
}

void operation_bury(struct account *account) {
    int at;
    for (at = 0; at < account->late_count; at++) {
        struct operation *operation = account->late[at];
        unsigned i;
        SOAK_CHECK(operation->routines <= 1 && operation->packets <= 1, "told twice");
        for (i = 0; i < operation->room; i++)
            SOAK_CHECK((unsigned char)operation->bytes[i] == pattern(operation, i),
                       "a buffer was written to after the end of its operation");
        SOAK_CHECK(!operation->event || WaitForSingleObject(operation->event, 0) == WAIT_TIMEOUT,
                   "an event was set after the end of its operation");
        release(operation);
    }
    account->late_count = 0;
}

void operation_find_extensions(void) {
    static GUID ids[] = {WSAID_ACCEPTEX, WSAID_CONNECTEX, WSAID_DISCONNECTEX, WSAID_WSARECVMSG};
    void *found[4] = {&accept_ex, &connect_ex, &disconnect_ex, &receive_message};
    SOCKET s = socket(AF_INET, SOCK_STREAM, 0);
    FARPROC cancel = GetProcAddress(GetModuleHandleA("kernel32"), "CancelIoEx");
    DWORD len;
    int i;
    for (i = 0; i < 4; i++)
        if (WSAIoctl(s, SIO_GET_EXTENSION_FUNCTION_POINTER, &ids[i], sizeof ids[i], found[i], sizeof(void *), &len, NULL,
                     NULL) != 0)
            *(void **)found[i] = NULL;
    closesocket(s);
    memcpy(&cancel_io_ex, &cancel, sizeof cancel);
    SOAK_CHECK(accept_ex && connect_ex && disconnect_ex && receive_message && cancel_io_ex, "an extension is missing");
}

void operation_report(void) {
    static const char *const names[] = {"event", "routine", "polling", "waiting"};
    int style;
    for (style = 0; style < STYLES; style++)
        printf("soak: by %s: %ld well, %ld with an error\n", names[style], ended[style][0], ended[style][1]);
    printf("soak: %ld at once, %ld refused, %ld silent at a last clean-up\n", at_once, refused, silent);
}
