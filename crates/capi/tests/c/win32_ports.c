/* Completion ports, and what is posted to them. */
#include "fixture.h"

static HANDLE make_port(DWORD threads) {
    HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, threads);
    CHECK(port != NULL);
    return port;
}

static void packets_come_out_in_order(void) {
    HANDLE port = make_port(1);
    OVERLAPPED first, second, *overlapped;
    ULONG_PTR key;
    DWORD bytes;
    CHECK_EQ(PostQueuedCompletionStatus(port, 1, 10, &first), TRUE);
    CHECK_EQ(PostQueuedCompletionStatus(port, 0xFFFFFFFF, (ULONG_PTR)-1, &second), TRUE);
    CHECK_EQ(PostQueuedCompletionStatus(port, 0, 0, NULL), TRUE);
    CHECK_EQ(GetQueuedCompletionStatus(port, &bytes, &key, &overlapped, INFINITE), TRUE);
    CHECK(bytes == 1 && key == 10 && overlapped == &first);
    CHECK_EQ(GetQueuedCompletionStatus(port, &bytes, &key, &overlapped, 0), TRUE);
    CHECK(bytes == 0xFFFFFFFF && key == (ULONG_PTR)-1 && overlapped == &second);
    CHECK_EQ(GetQueuedCompletionStatus(port, &bytes, &key, &overlapped, 0), TRUE);
    CHECK(bytes == 0 && key == 0 && overlapped == NULL);
    overlapped = &first;
    CHECK_FAILS(GetQueuedCompletionStatus(port, &bytes, &key, &overlapped, 0), FALSE, WAIT_TIMEOUT);
    CHECK(overlapped == NULL);
    CHECK_FAILS(GetQueuedCompletionStatus(port, &bytes, &key, &overlapped, 20), FALSE, WAIT_TIMEOUT);
    CHECK_EQ(CloseHandle(port), TRUE);
}

static void packets_come_in_batches(void) {
    HANDLE port = make_port(0);
    OVERLAPPED_ENTRY entries[100];
    ULONG removed = 7, taken = 0, i;
    for (i = 0; i < 150; i++) CHECK_EQ(PostQueuedCompletionStatus(port, i, i * 2, NULL), TRUE);
    CHECK_EQ(GetQueuedCompletionStatusEx(port, entries, 3, &removed, INFINITE, FALSE), TRUE);
    CHECK_EQ(removed, 3);
    CHECK(entries[2].dwNumberOfBytesTransferred == 2 && entries[2].lpCompletionKey == 4 && entries[2].Internal == 0);
    for (taken = removed; taken < 150; taken += removed) {
        CHECK_EQ(GetQueuedCompletionStatusEx(port, entries, COUNT(entries), &removed, 0, TRUE), TRUE);
        CHECK(removed > 0 && removed <= (ULONG)COUNT(entries));
        for (i = 0; i < removed; i++) CHECK_EQ(entries[i].dwNumberOfBytesTransferred, taken + i);
    }
    CHECK_EQ(taken, 150);
    CHECK_FAILS(GetQueuedCompletionStatusEx(port, entries, 1, &removed, 0, FALSE), FALSE, WAIT_TIMEOUT);
    CHECK_EQ(removed, 0);
    CHECK_EQ(CloseHandle(port), TRUE);
}

static void bad_arguments_are_refused(void) {
    HANDLE port = make_port(0), event = CreateEventA(NULL, TRUE, FALSE, NULL);
    OVERLAPPED_ENTRY entry;
    OVERLAPPED *overlapped;
    ULONG_PTR key;
    ULONG removed;
    DWORD bytes;
    CHECK_FAILS(GetQueuedCompletionStatus(port, NULL, &key, &overlapped, 0), FALSE, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(GetQueuedCompletionStatus(port, &bytes, NULL, &overlapped, 0), FALSE, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(GetQueuedCompletionStatus(port, &bytes, &key, NULL, 0), FALSE, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(GetQueuedCompletionStatus(event, &bytes, &key, &overlapped, 0), FALSE, ERROR_INVALID_HANDLE);
    CHECK_FAILS(GetQueuedCompletionStatusEx(port, NULL, 1, &removed, 0, FALSE), FALSE, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(GetQueuedCompletionStatusEx(port, &entry, 0, &removed, 0, FALSE), FALSE, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(GetQueuedCompletionStatusEx(port, &entry, 1, NULL, 0, FALSE), FALSE, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(GetQueuedCompletionStatusEx(NULL, &entry, 1, &removed, 0, FALSE), FALSE, ERROR_INVALID_HANDLE);
    CHECK_FAILS(PostQueuedCompletionStatus(event, 0, 0, NULL), FALSE, ERROR_INVALID_HANDLE);
    CHECK_FAILS(CreateIoCompletionPort(INVALID_HANDLE_VALUE, port, 0, 0) != NULL, 0, ERROR_INVALID_PARAMETER);
    CHECK_EQ(CloseHandle(port), TRUE);
    CHECK_FAILS(PostQueuedCompletionStatus(port, 0, 0, NULL), FALSE, ERROR_INVALID_HANDLE);
}

static HANDLE shared;
static LONG sum;

static DWORD WINAPI serve(LPVOID unused) {
    (void)unused;
    for (;;) {
        OVERLAPPED *overlapped;
        ULONG_PTR key;
        DWORD bytes;
        if (!GetQueuedCompletionStatus(shared, &bytes, &key, &overlapped, INFINITE)) return GetLastError();
        if (key == 0) return 0;
        InterlockedAdd(&sum, (LONG)bytes);
    }
}

static void many_threads_share_a_port(void) {
    HANDLE threads[8];
    DWORD code;
    int i;
    shared = make_port(2);
    for (i = 0; i < COUNT(threads); i++) CHECK((threads[i] = CreateThread(NULL, 0, serve, NULL, 0, NULL)) != NULL);
    for (i = 1; i <= 10000; i++) CHECK_EQ(PostQueuedCompletionStatus(shared, (DWORD)i, 1, NULL), TRUE);
    for (i = 0; i < COUNT(threads); i++) CHECK_EQ(PostQueuedCompletionStatus(shared, 0, 0, NULL), TRUE);
    CHECK_EQ(WaitForMultipleObjects(COUNT(threads), threads, TRUE, INFINITE), WAIT_OBJECT_0);
    CHECK_EQ(sum, 50005000);
    for (i = 0; i < COUNT(threads); i++) {
        CHECK_EQ(GetExitCodeThread(threads[i], &code), TRUE);
        CHECK_EQ(code, 0);
        CHECK_EQ(CloseHandle(threads[i]), TRUE);
    }
}

static void closing_a_port_ends_the_waits_for_it(void) {
    HANDLE threads[4];
    DWORD code;
    int i;
    shared = make_port(1);
    for (i = 0; i < COUNT(threads); i++) CHECK((threads[i] = CreateThread(NULL, 0, serve, NULL, 0, NULL)) != NULL);
    CHECK_EQ(WaitForMultipleObjects(COUNT(threads), threads, FALSE, 50), WAIT_TIMEOUT);
    CHECK_EQ(CloseHandle(shared), TRUE);
    CHECK_EQ(WaitForMultipleObjects(COUNT(threads), threads, TRUE, INFINITE), WAIT_OBJECT_0);
    for (i = 0; i < COUNT(threads); i++) {
        CHECK_EQ(GetExitCodeThread(threads[i], &code), TRUE);
        /* A thread that came late found the handle closed. */
        CHECK(code == ERROR_ABANDONED_WAIT_0 || code == ERROR_INVALID_HANDLE);
    }
}

static void CALLBACK nothing(ULONG_PTR unused) {
    (void)unused;
}

static void alertable_waits_run_procedure_calls(void) {
    HANDLE port = make_port(0);
    OVERLAPPED_ENTRY entry;
    ULONG removed;
    CHECK(QueueUserAPC(nothing, GetCurrentThread(), 0) != 0);
    CHECK_FAILS(GetQueuedCompletionStatusEx(port, &entry, 1, &removed, INFINITE, TRUE), FALSE, WAIT_IO_COMPLETION);
    CHECK_EQ(CloseHandle(port), TRUE);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(packets_come_out_in_order),
        TEST(packets_come_in_batches),
        TEST(bad_arguments_are_refused),
        TEST(many_threads_share_a_port),
        TEST(closing_a_port_ends_the_waits_for_it),
        TEST(alertable_waits_run_procedure_calls),
    };
    return run_tests(tests, COUNT(tests), argc, argv);
}
