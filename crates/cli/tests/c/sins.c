/* Commits the one sin against the contract that its argument names, or none. Each is a function of its own, so that
 * the verifier's stack tells it. */
#include <winsock2.h>
#include <ws2tcpip.h>
#include <mswsock.h>
#include <windows.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(what) ((what) ? (void)0 : fail(#what, __LINE__))

static void fail(const char *what, int line)
{
    fprintf(stderr, "line %d: %s: error %d\n", line, what, WSAGetLastError());
    exit(99);
}

/* Keeps the compiler from merging or moving what the sins are about. */
#define APART __attribute__((noinline, noclone))

static SOCKET a, b, listening;

static void start(void)
{
    WSADATA data;
    CHECK(WSAStartup(MAKEWORD(2, 2), &data) == 0);
}

static SOCKET make(int type)
{
    SOCKET s = socket(AF_INET, type, 0);
    struct sockaddr_in address;
    CHECK(s != INVALID_SOCKET);
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(s, (struct sockaddr *)&address, sizeof address) == 0);
    return s;
}

/* a and b are connected to each other. */
static void pair(void)
{
    struct sockaddr_in address;
    int length = sizeof address;
    start();
    listening = make(SOCK_STREAM);
    CHECK(listen(listening, 5) == 0);
    CHECK(getsockname(listening, (struct sockaddr *)&address, &length) == 0);
    a = make(SOCK_STREAM);
    CHECK(connect(a, (struct sockaddr *)&address, sizeof address) == 0);
    b = accept(listening, NULL, NULL);
    CHECK(b != INVALID_SOCKET);
}

static void finish(void)
{
    CHECK(closesocket(a) == 0);
    CHECK(closesocket(b) == 0);
    CHECK(closesocket(listening) == 0);
    CHECK(WSACleanup() == 0);
}

static void receive(WSAOVERLAPPED *overlapped, char *memory, int length, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
    WSABUF buffer;
    DWORD flags = 0;
    buffer.buf = memory;
    buffer.len = length;
    if (WSARecv(a, &buffer, 1, NULL, &flags, overlapped, routine) != 0)
        CHECK(WSAGetLastError() == WSA_IO_PENDING);
}

static WSAOVERLAPPED one, two;
static char room[64];
static int ran;

/* What a careful program does, with all that the others do wrong. */
static void CALLBACK done(DWORD error, DWORD bytes, WSAOVERLAPPED *overlapped, DWORD flags)
{
    (void)flags;
    CHECK(error == 0 && overlapped == &one);
    ran++;
    if (bytes == 1 && ran < 3) {
        memset(&one, 0, sizeof one);
        receive(&one, room, sizeof room, done);
    }
}

/* Of AcceptEx, asked for as libraries do. */
static LPFN_ACCEPTEX accept_ex(void)
{
    LPFN_ACCEPTEX function = NULL;
    GUID guid = WSAID_ACCEPTEX;
    DWORD bytes;
    CHECK(WSAIoctl(listening, SIO_GET_EXTENSION_FUNCTION_POINTER, &guid, sizeof guid, &function, sizeof function,
                   &bytes, NULL, NULL) == 0);
    return function;
}

static void connect_and_accept(WSAOVERLAPPED *overlapped)
{
    static char addresses[64];
    struct sockaddr_in address;
    int length = sizeof address;
    DWORD bytes, flags;
    SOCKET c = socket(AF_INET, SOCK_STREAM, 0), d = make(SOCK_STREAM);
    CHECK(getsockname(listening, (struct sockaddr *)&address, &length) == 0);
    CHECK(!accept_ex()(listening, c, addresses, 0, 32, 32, &bytes, overlapped));
    CHECK(WSAGetLastError() == WSA_IO_PENDING);
    CHECK(connect(d, (struct sockaddr *)&address, sizeof address) == 0);
    CHECK(WSAGetOverlappedResult(listening, overlapped, &bytes, TRUE, &flags));
    CHECK(closesocket(c) == 0 && closesocket(d) == 0);
}

APART static void none(void)
{
    WSAEVENT event;
    CRITICAL_SECTION section;
    DWORD bytes, flags;
    HANDLE heap = GetProcessHeap();
    WSAOVERLAPPED *block;
    char byte;
    int i;
    pair();
    event = WSACreateEvent();
    for (i = 0; i < 3; i++) {
        /* The idiom: wiped, and used again, when it is over. */
        memset(&two, 0, sizeof two);
        two.hEvent = event;
        receive(&two, room, sizeof room, NULL);
        CHECK(send(b, "x", 1, 0) == 1);
        CHECK(WSAGetOverlappedResult(a, &two, &bytes, TRUE, &flags) && bytes == 1);
    }
    receive(&one, room, sizeof room, done);
    InitializeCriticalSection(&section);
    for (i = 0; i < 3; i++) {
        EnterCriticalSection(&section);
        CHECK(send(b, "x", 1, 0) == 1);
        LeaveCriticalSection(&section);
        while (ran <= i)
            CHECK(SleepEx(INFINITE, TRUE) == WAIT_IO_COMPLETION);
    }
    memset(&two, 0, sizeof two);
    two.hEvent = event;
    connect_and_accept(&two);
    block = HeapAlloc(heap, HEAP_ZERO_MEMORY, sizeof *block + 16);
    block->hEvent = event;
    receive(block, (char *)(block + 1), 16, NULL);
    CHECK(send(b, "x", 1, 0) == 1);
    CHECK(WSAGetOverlappedResult(a, block, &bytes, TRUE, &flags) && bytes == 1);
    CHECK(HeapFree(heap, 0, block));
    CHECK(send(b, "x", 1, 0) == 1);
    CHECK(recv(a, &byte, 1, 0) == 1);
    DeleteCriticalSection(&section);
    CHECK(WSACloseEvent(event));
    finish();
}

APART static void startup_without_cleanup(void)
{
    start();
    start();
    CHECK(WSACleanup() == 0);
}

APART static void call_after_cleanup(void)
{
    start();
    a = make(SOCK_DGRAM);
    CHECK(closesocket(a) == 0);
    CHECK(WSACleanup() == 0);
    CHECK(send(a, "x", 1, 0) == SOCKET_ERROR);
}

APART static void socket_never_closed(void)
{
    start();
    make(SOCK_DGRAM);
    CHECK(WSACleanup() == 0);
}

APART static void handle_closed_twice(void)
{
    start();
    a = make(SOCK_DGRAM);
    CHECK(closesocket(a) == 0);
    CHECK(closesocket(a) == SOCKET_ERROR);
    CHECK(WSACleanup() == 0);
}

APART static void event_closed_twice(void)
{
    WSAEVENT event = WSACreateEvent();
    start();
    CHECK(WSACloseEvent(event));
    CHECK(!WSACloseEvent(event));
    CHECK(WSACleanup() == 0);
}

APART static void event_never_closed(void)
{
    start();
    CHECK(WSACreateEvent() != WSA_INVALID_EVENT);
    CHECK(WSACleanup() == 0);
}

static HANDLE inside;

static DWORD WINAPI owner(void *unused)
{
    char byte;
    (void)unused;
    SetEvent(inside);
    recv(a, &byte, 1, 0);
    return 0;
}

APART static void socket_closed_under_owner(void)
{
    HANDLE thread;
    pair();
    inside = CreateEventA(NULL, TRUE, FALSE, NULL);
    thread = CreateThread(NULL, 0, owner, NULL, 0, NULL);
    CHECK(WaitForSingleObject(inside, INFINITE) == WAIT_OBJECT_0);
    /* What it says of itself is not that it waits: give it time to. */
    Sleep(200);
    CHECK(closesocket(a) == 0);
    CHECK(WaitForSingleObject(thread, INFINITE) == WAIT_OBJECT_0);
    CloseHandle(thread);
    CloseHandle(inside);
    closesocket(b);
    closesocket(listening);
    CHECK(WSACleanup() == 0);
}

APART static void overlapped_reused(void)
{
    static char other[64];
    pair();
    receive(&one, room, sizeof room, NULL);
    memset(&one, 0, sizeof one);
    receive(&one, other, sizeof other, NULL);
    finish();
}

APART static void overlapped_of_accept_ex_reused(void)
{
    static char addresses[64];
    SOCKET c;
    DWORD bytes;
    pair();
    c = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(!accept_ex()(listening, c, addresses, 0, 32, 32, &bytes, &one));
    CHECK(WSAGetLastError() == WSA_IO_PENDING);
    memset(&one, 0, sizeof one);
    receive(&one, room, sizeof room, NULL);
    CHECK(closesocket(c) == 0);
    finish();
}

APART static void buffer_reused(void)
{
    pair();
    receive(&one, room, sizeof room, NULL);
    receive(&two, room + 63, 1, NULL);
    finish();
}

APART static void buffer_changed(void)
{
    static char large[40000];
    static WSAOVERLAPPED many[4000];
    WSABUF buffer;
    DWORD sent;
    int i;
    pair();
    buffer.buf = large;
    buffer.len = sizeof large;
    /* Until one waits for room. */
    for (i = 0; i < 4000; i++)
        if (WSASend(a, &buffer, 1, &sent, 0, &many[i], NULL) != 0)
            break;
    CHECK(i < 4000 && WSAGetLastError() == WSA_IO_PENDING);
    large[39999] = 'x';
    finish();
}

APART static void forget_on_stack(void)
{
    /* The structure is deep down, where nothing else comes to be hurt. */
    struct {
        WSAOVERLAPPED overlapped;
        char space[400000];
    } here;
    memset(&here, 0, sizeof here);
    receive(&here.overlapped, room, sizeof room, NULL);
    __asm__ volatile("" : : "r"(&here) : "memory");
}

APART static void overlapped_freed(void)
{
    pair();
    forget_on_stack();
    CHECK(send(b, "x", 1, 0) == 1);
    finish();
}

APART static void buffer_freed(void)
{
    char *block;
    pair();
    block = HeapAlloc(GetProcessHeap(), 0, 64);
    receive(&one, block, 64, NULL);
    CHECK(HeapFree(GetProcessHeap(), 0, block));
    finish();
}

static void CALLBACK waits(DWORD error, DWORD bytes, WSAOVERLAPPED *overlapped, DWORD flags)
{
    char byte;
    (void)error, (void)bytes, (void)overlapped, (void)flags;
    CHECK(recv(a, &byte, 1, 0) == 1);
    ran++;
}

APART static void blocking_call_in_routine(void)
{
    pair();
    receive(&one, room, 1, waits);
    CHECK(send(b, "xy", 2, 0) == 2);
    while (ran == 0)
        SleepEx(INFINITE, TRUE);
    finish();
}

static int CALLBACK slow(LPWSABUF caller, LPWSABUF caller_data, LPQOS sqos, LPQOS gqos, LPWSABUF callee,
                         LPWSABUF callee_data, GROUP *group, DWORD_PTR context)
{
    (void)caller, (void)caller_data, (void)sqos, (void)gqos, (void)callee, (void)callee_data, (void)group;
    Sleep((DWORD)context);
    return CF_ACCEPT;
}

APART static void slow_call(void)
{
    struct sockaddr_in address;
    int length = sizeof address;
    u_long on = 1;
    SOCKET c, d;
    pair();
    CHECK(getsockname(listening, (struct sockaddr *)&address, &length) == 0);
    CHECK(ioctlsocket(listening, FIONBIO, &on) == 0);
    c = make(SOCK_STREAM);
    CHECK(connect(c, (struct sockaddr *)&address, sizeof address) == 0);
    d = WSAAccept(listening, NULL, NULL, slow, 300);
    CHECK(d != INVALID_SOCKET);
    closesocket(c);
    closesocket(d);
    finish();
}

APART static void lock_held_into_callback(void)
{
    SRWLOCK lock = SRWLOCK_INIT;
    pair();
    receive(&one, room, 1, done);
    ran = 2;
    CHECK(send(b, "x", 1, 0) == 1);
    AcquireSRWLockExclusive(&lock);
    while (ran == 2)
        SleepEx(INFINITE, TRUE);
    ReleaseSRWLockExclusive(&lock);
    finish();
}

#define SIN(name) { #name, name }

static const struct {
    const char *name;
    void (*commit)(void);
} sins[] = {
    SIN(none), SIN(startup_without_cleanup), SIN(call_after_cleanup), SIN(socket_never_closed),
    SIN(handle_closed_twice), SIN(event_closed_twice), SIN(event_never_closed), SIN(socket_closed_under_owner),
    SIN(overlapped_reused), SIN(overlapped_of_accept_ex_reused), SIN(buffer_reused), SIN(buffer_changed), SIN(overlapped_freed), SIN(buffer_freed),
    SIN(blocking_call_in_routine), SIN(slow_call), SIN(lock_held_into_callback),
};

int main(int count, char **words)
{
    size_t i;
    for (i = 0; count == 2 && i < sizeof sins / sizeof *sins; i++) {
        if (strcmp(words[1], sins[i].name) == 0) {
            sins[i].commit();
            return 0;
        }
    }
    return 98;
}
