/* Threads: start, end, handles, procedure calls, storage. */
#include "fixture.h"

#include <errno.h>
#include <process.h>
#include <pthread.h>

static DWORD code_of(HANDLE thread) {
    DWORD code = 0;
    CHECK_EQ(GetExitCodeThread(thread, &code), TRUE);
    return code;
}

/* Waits for the end of a thread, closes its handle and gives the exit code. */
static DWORD joined(HANDLE thread) {
    DWORD code;
    CHECK(thread != NULL);
    CHECK_EQ(WaitForSingleObject(thread, INFINITE), WAIT_OBJECT_0);
    code = code_of(thread);
    CHECK_EQ(CloseHandle(thread), TRUE);
    return code;
}

static DWORD WINAPI echo(LPVOID argument) {
    return (DWORD)(size_t)argument;
}

static DWORD WINAPI wait_for(LPVOID event) {
    return WaitForSingleObject(event, INFINITE);
}

static DWORD WINAPI own_id(LPVOID id) {
    *(DWORD *)id = GetCurrentThreadId();
    return 0;
}

static void threads_start_run_and_exit(void) {
    HANDLE go = CreateEventA(NULL, TRUE, FALSE, NULL);
    HANDLE thread = CreateThread(NULL, 0, wait_for, go, 0, NULL);
    DWORD id = 0, seen = 0;
    CHECK(thread != NULL);
    CHECK_EQ(code_of(thread), STILL_ACTIVE);
    CHECK_EQ(WaitForSingleObject(thread, 0), WAIT_TIMEOUT);
    SetEvent(go);
    CHECK_EQ(joined(thread), WAIT_OBJECT_0);
    CHECK_EQ(joined(CreateThread(NULL, 0, echo, (LPVOID)(size_t)0xFFFFFFFF, 0, NULL)), 0xFFFFFFFF);
    CHECK_EQ(joined(CreateThread(NULL, 0, own_id, &seen, 0, &id)), 0);
    CHECK(id != 0 && id == seen && id != GetCurrentThreadId());
}

static void bad_threads_are_refused(void) {
    DWORD code;
    CHECK_FAILS(CreateThread(NULL, 0, NULL, NULL, 0, NULL) != NULL, 0, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(CreateThread(NULL, 0, echo, NULL, 0x80000000, NULL) != NULL, 0, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(CreateThread(NULL, (SIZE_T)-1, echo, NULL, 0, NULL) != NULL, 0, ERROR_NOT_ENOUGH_MEMORY);
    CHECK_FAILS(CreateThread(NULL, (SIZE_T)1 << 50, echo, NULL, 0, NULL) != NULL, 0, ERROR_NOT_ENOUGH_MEMORY);
    CHECK_FAILS(GetExitCodeThread(NULL, &code), FALSE, ERROR_INVALID_HANDLE);
    CHECK_FAILS(GetExitCodeThread(GetCurrentThread(), NULL), FALSE, WSAEFAULT);
    CHECK_EQ(code_of(GetCurrentThread()), STILL_ACTIVE);
}

static DWORD WINAPI use_stack(LPVOID size) {
    volatile char space[4096];
    size_t left = (size_t)size, i;
    for (i = 0; i < sizeof space; i += 512) space[i] = (char)i;
    return left > 8192 ? use_stack((LPVOID)(left - 8192)) + (DWORD)space[0] : 7;
}

static void stacks_are_as_large_as_asked_for(void) {
    CHECK_EQ(joined(CreateThread(NULL, 64 << 20, use_stack, (LPVOID)(size_t)(48 << 20), 0, NULL)), 7);
    /* A small size says how much to commit, not how much there may be. */
    CHECK_EQ(joined(CreateThread(NULL, 4096, use_stack, (LPVOID)(size_t)(1 << 20), 0, NULL)), 7);
    CHECK_EQ(joined(CreateThread(NULL, 1, echo, (LPVOID)3, STACK_SIZE_PARAM_IS_A_RESERVATION, NULL)), 3);
}

static void deeper(void) {
    ExitThread(42);
}

static DWORD WINAPI exit_deep(LPVOID unused) {
    (void)unused;
    deeper();
    return 1;
}

static unsigned __stdcall end_ex(void *code) {
    _endthreadex((unsigned)(size_t)code);
    return 1;
}

static void threads_exit_from_within(void) {
    HANDLE mutex = CreateMutexA(NULL, FALSE, NULL);
    unsigned id = 0;
    CHECK_EQ(joined(CreateThread(NULL, 0, exit_deep, NULL, 0, NULL)), 42);
    CHECK_EQ(joined((HANDLE)_beginthreadex(NULL, 0, end_ex, (void *)43, 0, &id)), 43);
    CHECK(id != 0);
    errno = 0;
    CHECK_EQ(_beginthreadex(NULL, 0, NULL, NULL, 0, NULL), 0);
    CHECK_EQ(errno, EINVAL);
    CHECK_EQ(_beginthreadex(NULL, 0xFFFFFFFF, end_ex, NULL, 0x10, NULL), 0);
    CHECK_EQ(CloseHandle(mutex), TRUE);
}

static void a_running_thread_may_lose_its_handle(void) {
    HANDLE go = CreateEventA(NULL, TRUE, FALSE, NULL), done = CreateSemaphoreA(NULL, 0, 1, NULL);
    HANDLE thread = CreateThread(NULL, 0, wait_for, go, 0, NULL), other;
    HANDLE me = GetCurrentProcess();
    CHECK_EQ(DuplicateHandle(me, thread, me, &other, 0, FALSE, DUPLICATE_SAME_ACCESS), TRUE);
    CHECK_EQ(CloseHandle(thread), TRUE);
    CHECK_FAILS(WaitForSingleObject(thread, 0), WAIT_FAILED, ERROR_INVALID_HANDLE);
    SetEvent(go);
    CHECK_EQ(joined(other), WAIT_OBJECT_0);
    CHECK_EQ(CloseHandle(done), TRUE);
}

static void hundreds_of_threads_are_waited_for(void) {
    HANDLE threads[MAXIMUM_WAIT_OBJECTS];
    int round, i;
    for (round = 0; round < 5; round++) {
        for (i = 0; i < COUNT(threads); i++)
            CHECK((threads[i] = CreateThread(NULL, 65536, echo, (LPVOID)(size_t)i,
                                             STACK_SIZE_PARAM_IS_A_RESERVATION, NULL)) != NULL);
        CHECK_EQ(WaitForMultipleObjects(COUNT(threads), threads, TRUE, INFINITE), WAIT_OBJECT_0);
        for (i = 0; i < COUNT(threads); i++) CHECK_EQ(joined(threads[i]), i);
    }
}

static volatile LONG order[8], count;

static void CALLBACK note(ULONG_PTR value) {
    order[count++] = (LONG)value;
}

static DWORD WINAPI note_start(LPVOID unused) {
    (void)unused;
    order[count++] = 99;
    return 0;
}

static void suspended_threads_wait_to_be_resumed(void) {
    HANDLE thread = CreateThread(NULL, 0, note_start, NULL, CREATE_SUSPENDED, NULL);
    CHECK_EQ(WaitForSingleObject(thread, 30), WAIT_TIMEOUT);
    /* Procedure calls that come before the thread runs are its first. */
    CHECK(QueueUserAPC(note, thread, 1) != 0);
    CHECK(QueueUserAPC(note, thread, 2) != 0);
    CHECK_EQ(count, 0);
    CHECK_EQ(ResumeThread(thread), 1);
    CHECK_EQ(WaitForSingleObject(thread, INFINITE), WAIT_OBJECT_0);
    CHECK_EQ(ResumeThread(thread), 0);
    CHECK_EQ(count, 3);
    CHECK_EQ(order[0], 1);
    CHECK_EQ(order[1], 2);
    CHECK_EQ(order[2], 99);
    CHECK_FAILS(QueueUserAPC(note, thread, 3), 0, ERROR_GEN_FAILURE);
    CHECK_EQ(CloseHandle(thread), TRUE);
    CHECK_FAILS(QueueUserAPC(note, thread, 3), 0, ERROR_INVALID_HANDLE);
}

static LONG awake;

static DWORD WINAPI sleep_alertably(LPVOID event) {
    /* What is queued before a thread runs is done before its routine: this one has begun. */
    InterlockedExchange(&awake, 0);
    CHECK_EQ(SleepEx(INFINITE, TRUE), WAIT_IO_COMPLETION);
    InterlockedExchange(&awake, 1);
    CHECK_EQ(WaitForSingleObjectEx(event, INFINITE, FALSE), WAIT_OBJECT_0);
    CHECK_EQ(WaitForSingleObjectEx(GetCurrentThread(), INFINITE, TRUE), WAIT_IO_COMPLETION);
    return count;
}

static void procedure_calls_run_in_alertable_waits(void) {
    HANDLE event = CreateEventA(NULL, FALSE, FALSE, NULL);
    HANDLE thread;
    awake = -1;
    thread = CreateThread(NULL, 0, sleep_alertably, event, 0, NULL);
    while (InterlockedAdd(&awake, 0) < 0) SwitchToThread();
    CHECK(QueueUserAPC(note, thread, 5) != 0);
    while (!InterlockedAdd(&awake, 0)) SwitchToThread();
    /* The wait that it is in is not alertable. */
    CHECK(QueueUserAPC(note, thread, 6) != 0);
    CHECK_EQ(WaitForSingleObject(thread, 10), WAIT_TIMEOUT);
    CHECK_EQ(count, 1);
    SetEvent(event);
    CHECK_EQ(joined(thread), 2);
    CHECK_EQ(order[1], 6);
    CHECK_FAILS(QueueUserAPC(NULL, GetCurrentThread(), 0), 0, ERROR_INVALID_PARAMETER);
    CHECK(QueueUserAPC(note, GetCurrentThread(), 7) != 0);
    CHECK_EQ(SleepEx(0, FALSE), 0);
    CHECK_EQ(count, 2);
    CHECK_EQ(SleepEx(0, TRUE), WAIT_IO_COMPLETION);
    CHECK_EQ(order[2], 7);
}

static HANDLE me;

static void *lend_handle(void *unused) {
    HANDLE process = GetCurrentProcess();
    (void)unused;
    CHECK_EQ(DuplicateHandle(process, GetCurrentThread(), process, &me, 0, FALSE, DUPLICATE_SAME_ACCESS), TRUE);
    return NULL;
}

static void *exit_posix(void *unused) {
    lend_handle(unused);
    ExitThread(5);
}

/* Threads of the system have handles too. */
static void threads_of_others_can_be_waited_for(void) {
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, lend_handle, NULL), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(joined(me), 0);
    CHECK_EQ(pthread_create(&thread, NULL, exit_posix, NULL), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(joined(me), 5);
}

static DWORD WINAPI other_error(LPVOID unused) {
    (void)unused;
    CHECK_EQ(GetLastError(), 0);
    SetLastError(77);
    return GetLastError();
}

static void each_thread_has_its_error(void) {
    SetLastError(11);
    CHECK_EQ(joined(CreateThread(NULL, 0, other_error, NULL, 0, NULL)), 77);
    CHECK_EQ(GetLastError(), 11);
}

static DWORD slot;

static DWORD WINAPI use_slot(LPVOID value) {
    CHECK(TlsGetValue(slot) == NULL);
    CHECK_EQ(TlsSetValue(slot, value), TRUE);
    Sleep(1);
    return (DWORD)(size_t)TlsGetValue(slot);
}

static void each_thread_has_its_storage(void) {
    DWORD many[64];
    pthread_key_t others;
    int i;
    CHECK_EQ(pthread_key_create(&others, NULL), 0);
    slot = TlsAlloc();
    CHECK(slot != TLS_OUT_OF_INDEXES);
    CHECK_EQ(TlsSetValue(slot, &slot), TRUE);
    CHECK_EQ(joined(CreateThread(NULL, 0, use_slot, (LPVOID)31, 0, NULL)), 31);
    SetLastError(1);
    CHECK(TlsGetValue(slot) == &slot);
    CHECK_EQ(GetLastError(), 0);
    for (i = 0; i < COUNT(many); i++) CHECK((many[i] = TlsAlloc()) != TLS_OUT_OF_INDEXES);
    for (i = 0; i < COUNT(many); i++) CHECK_EQ(TlsFree(many[i]), TRUE);
    CHECK_EQ(TlsFree(slot), TRUE);
    CHECK_FAILS(TlsFree(slot), FALSE, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(TlsSetValue(slot, NULL), FALSE, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(TlsGetValue(slot) != NULL, 0, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(TlsSetValue(TLS_OUT_OF_INDEXES, NULL), FALSE, ERROR_INVALID_PARAMETER);
    /* A key of somebody else is not ours to touch. */
    CHECK_FAILS(TlsSetValue(others, NULL), FALSE, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(TlsFree(others), FALSE, ERROR_INVALID_PARAMETER);
    /* An index that comes back is empty. */
    CHECK((slot = TlsAlloc()) != TLS_OUT_OF_INDEXES);
    CHECK(TlsGetValue(slot) == NULL);
}

static DWORD WINAPI blocked_in_winsock(LPVOID s) {
    char byte;
    CHECK_EQ(recv((SOCKET)s, &byte, 1, 0), SOCKET_ERROR);
    return WSAGetLastError();
}

/* A thread of ours is one that Winsock knows. */
static void threads_use_sockets(void) {
    SOCKET ends[2];
    HANDLE thread;
    DWORD error;
    start();
    pair(ends);
    thread = CreateThread(NULL, 0, blocked_in_winsock, (LPVOID)ends[0], 0, NULL);
    CHECK_EQ(WaitForSingleObject(thread, 20), WAIT_TIMEOUT);
    CHECK_EQ(closesocket(ends[0]), 0);
    error = joined(thread);
    /* A thread that came late found the socket closed. */
    CHECK(error == WSAEINTR || error == WSAENOTSOCK);
    CHECK_EQ(closesocket(ends[1]), 0);
    stop();
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(threads_start_run_and_exit),
        TEST(bad_threads_are_refused),
        TEST(stacks_are_as_large_as_asked_for),
        TEST(threads_exit_from_within),
        TEST(a_running_thread_may_lose_its_handle),
        TEST(hundreds_of_threads_are_waited_for),
        TEST(suspended_threads_wait_to_be_resumed),
        TEST(procedure_calls_run_in_alertable_waits),
        TEST(threads_of_others_can_be_waited_for),
        TEST(each_thread_has_its_error),
        TEST(each_thread_has_its_storage),
        TEST(threads_use_sockets),
    };
    return run_tests(tests, COUNT(tests), argc, argv);
}
