/* Handles, waits, semaphores and mutexes. */
#include "fixture.h"

#define NOWHERE ((HANDLE)(size_t)0x12345678)

static DWORD test(HANDLE object) {
    return WaitForSingleObject(object, 0);
}

static void semaphores_count(void) {
    LONG before = -7;
    HANDLE semaphore = CreateSemaphoreA(NULL, 1, 3, NULL);
    CHECK(semaphore != NULL);
    CHECK_EQ(test(semaphore), WAIT_OBJECT_0);
    CHECK_EQ(test(semaphore), WAIT_TIMEOUT);
    CHECK_EQ(ReleaseSemaphore(semaphore, 2, &before), TRUE);
    CHECK_EQ(before, 0);
    CHECK_EQ(ReleaseSemaphore(semaphore, 1, NULL), TRUE);
    before = -7;
    CHECK_FAILS(ReleaseSemaphore(semaphore, 1, &before), FALSE, ERROR_TOO_MANY_POSTS);
    CHECK_EQ(before, -7);
    CHECK_FAILS(ReleaseSemaphore(semaphore, 0, NULL), FALSE, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(ReleaseSemaphore(semaphore, -1, NULL), FALSE, ERROR_INVALID_PARAMETER);
    CHECK_EQ(test(semaphore), WAIT_OBJECT_0);
    CHECK_EQ(test(semaphore), WAIT_OBJECT_0);
    CHECK_EQ(test(semaphore), WAIT_OBJECT_0);
    CHECK_EQ(test(semaphore), WAIT_TIMEOUT);
    CHECK_EQ(CloseHandle(semaphore), TRUE);
    CHECK_FAILS(ReleaseSemaphore(semaphore, 1, NULL), FALSE, ERROR_INVALID_HANDLE);
    CHECK_FAILS(test(semaphore), WAIT_FAILED, ERROR_INVALID_HANDLE);
}

static void impossible_semaphores_are_refused(void) {
    LONG counts[][2] = {{0, 0}, {1, 0}, {2, 1}, {-1, 1}, {0, -1}};
    int i;
    for (i = 0; i < COUNT(counts); i++) {
        CHECK_FAILS(CreateSemaphoreA(NULL, counts[i][0], counts[i][1], NULL) != NULL, 0, ERROR_INVALID_PARAMETER);
        CHECK_FAILS(CreateSemaphoreW(NULL, counts[i][0], counts[i][1], NULL) != NULL, 0, ERROR_INVALID_PARAMETER);
    }
    CHECK_EQ(CloseHandle(CreateSemaphoreW(NULL, 0x7FFFFFFF, 0x7FFFFFFF, NULL)), TRUE);
}

static void objects_have_no_names(void) {
    CHECK_FAILS(CreateEventA(NULL, TRUE, FALSE, "name") != NULL, 0, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(CreateEventW(NULL, TRUE, FALSE, WIDE("name")) != NULL, 0, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(CreateSemaphoreA(NULL, 1, 1, "name") != NULL, 0, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(CreateSemaphoreW(NULL, 1, 1, WIDE("name")) != NULL, 0, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(CreateMutexA(NULL, TRUE, "name") != NULL, 0, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(CreateMutexW(NULL, TRUE, WIDE("name")) != NULL, 0, ERROR_INVALID_PARAMETER);
}

static DWORD WINAPI try_mutex(LPVOID mutex) {
    DWORD found = test(mutex);
    CHECK_FAILS(ReleaseMutex(mutex), FALSE, ERROR_NOT_OWNER);
    return found;
}

static DWORD WINAPI take_mutex(LPVOID mutex) {
    return WaitForSingleObject(mutex, INFINITE);
}

/* What a thread returns. */
static DWORD result_of(LPTHREAD_START_ROUTINE routine, LPVOID argument) {
    DWORD code;
    HANDLE thread = CreateThread(NULL, 0, routine, argument, 0, NULL);
    CHECK(thread != NULL);
    CHECK_EQ(WaitForSingleObject(thread, INFINITE), WAIT_OBJECT_0);
    CHECK_EQ(GetExitCodeThread(thread, &code), TRUE);
    CHECK_EQ(CloseHandle(thread), TRUE);
    return code;
}

static void mutexes_have_owners(void) {
    HANDLE mutex = CreateMutexA(NULL, TRUE, NULL);
    CHECK(mutex != NULL);
    CHECK_EQ(test(mutex), WAIT_OBJECT_0);
    CHECK_EQ(result_of(try_mutex, mutex), WAIT_TIMEOUT);
    CHECK_EQ(ReleaseMutex(mutex), TRUE);
    CHECK_EQ(result_of(try_mutex, mutex), WAIT_TIMEOUT);
    CHECK_EQ(ReleaseMutex(mutex), TRUE);
    CHECK_FAILS(ReleaseMutex(mutex), FALSE, ERROR_NOT_OWNER);
    CHECK_FAILS(ReleaseMutex(NOWHERE), FALSE, ERROR_INVALID_HANDLE);
    CHECK_EQ(CloseHandle(mutex), TRUE);
}

static void mutexes_of_dead_threads_are_abandoned(void) {
    HANDLE both[2];
    HANDLE mutex = CreateMutexW(NULL, FALSE, NULL);
    CHECK_EQ(result_of(take_mutex, mutex), WAIT_OBJECT_0);
    CHECK_EQ(test(mutex), WAIT_ABANDONED);
    CHECK_EQ(test(mutex), WAIT_OBJECT_0);
    CHECK_EQ(ReleaseMutex(mutex), TRUE);
    CHECK_EQ(ReleaseMutex(mutex), TRUE);

    CHECK_EQ(result_of(take_mutex, mutex), WAIT_OBJECT_0);
    both[0] = CreateEventA(NULL, TRUE, FALSE, NULL);
    both[1] = mutex;
    CHECK_EQ(WaitForMultipleObjects(2, both, FALSE, 0), WAIT_ABANDONED_0 + 1);
    CHECK_EQ(ReleaseMutex(mutex), TRUE);
    CHECK_EQ(result_of(take_mutex, mutex), WAIT_OBJECT_0);
    SetEvent(both[0]);
    CHECK_EQ(WaitForMultipleObjects(2, both, TRUE, 0), WAIT_ABANDONED_0);
    CHECK_EQ(ReleaseMutex(mutex), TRUE);
}

static void waits_for_all_take_all_or_nothing(void) {
    HANDLE all[3];
    all[0] = CreateSemaphoreA(NULL, 1, 1, NULL);
    all[1] = CreateMutexA(NULL, FALSE, NULL);
    all[2] = CreateEventA(NULL, FALSE, FALSE, NULL);
    CHECK_EQ(WaitForMultipleObjects(3, all, TRUE, 10), WAIT_TIMEOUT);
    CHECK_EQ(test(all[0]), WAIT_OBJECT_0);
    ReleaseSemaphore(all[0], 1, NULL);
    SetEvent(all[2]);
    CHECK_EQ(WaitForMultipleObjects(3, all, TRUE, INFINITE), WAIT_OBJECT_0);
    CHECK_EQ(test(all[0]), WAIT_TIMEOUT);
    CHECK_EQ(test(all[2]), WAIT_TIMEOUT);
    CHECK_EQ(ReleaseMutex(all[1]), TRUE);
    all[1] = all[0];
    CHECK_FAILS(WaitForMultipleObjects(3, all, TRUE, 0), WAIT_FAILED, ERROR_INVALID_PARAMETER);
}

static void duplicates_name_the_same_object(void) {
    HANDLE me = GetCurrentProcess(), event = CreateEventA(NULL, FALSE, FALSE, NULL), other = NULL, moved = NULL;
    CHECK_EQ(DuplicateHandle(me, event, me, &other, 0, FALSE, DUPLICATE_SAME_ACCESS), TRUE);
    CHECK(other != NULL && other != event);
    CHECK_EQ(SetEvent(other), TRUE);
    CHECK_EQ(test(event), WAIT_OBJECT_0);
    CHECK_EQ(CloseHandle(event), TRUE);
    CHECK_EQ(SetEvent(other), TRUE);
    CHECK_EQ(DuplicateHandle(me, other, me, &moved, 0, FALSE, DUPLICATE_SAME_ACCESS | DUPLICATE_CLOSE_SOURCE), TRUE);
    CHECK_FAILS(SetEvent(other), FALSE, ERROR_INVALID_HANDLE);
    CHECK_EQ(test(moved), WAIT_OBJECT_0);
    CHECK_EQ(DuplicateHandle(me, moved, me, NULL, 0, FALSE, DUPLICATE_CLOSE_SOURCE), TRUE);
    CHECK_FAILS(SetEvent(moved), FALSE, ERROR_INVALID_HANDLE);
    CHECK_FAILS(DuplicateHandle(me, moved, me, &other, 0, FALSE, 0), FALSE, ERROR_INVALID_HANDLE);
    CHECK_FAILS(DuplicateHandle(NOWHERE, event, me, &other, 0, FALSE, 0), FALSE, ERROR_INVALID_HANDLE);
    CHECK_FAILS(DuplicateHandle(me, event, NULL, &other, 0, FALSE, 0), FALSE, ERROR_INVALID_HANDLE);
    CHECK_FAILS(DuplicateHandle(me, event, me, &other, 0, FALSE, 4), FALSE, ERROR_INVALID_PARAMETER);
    event = CreateEventA(NULL, FALSE, FALSE, NULL);
    CHECK_FAILS(DuplicateHandle(me, event, me, NULL, 0, FALSE, 0), FALSE, ERROR_INVALID_PARAMETER);
    CHECK_EQ(CloseHandle(event), TRUE);
}

static void handles_of_every_kind_are_closed_once(void) {
    HANDLE made[] = {CreateEventA(NULL, TRUE, FALSE, NULL), CreateSemaphoreA(NULL, 0, 1, NULL),
                     CreateMutexA(NULL, FALSE, NULL), CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0)};
    SOCKET s;
    int i;
    for (i = 0; i < COUNT(made); i++) {
        CHECK_EQ(CloseHandle(made[i]), TRUE);
        CHECK_FAILS(CloseHandle(made[i]), FALSE, ERROR_INVALID_HANDLE);
    }
    CHECK_FAILS(CloseHandle(NULL), FALSE, ERROR_INVALID_HANDLE);
    CHECK_FAILS(CloseHandle(NOWHERE), FALSE, ERROR_INVALID_HANDLE);
    /* These name what cannot be closed. */
    CHECK_EQ(CloseHandle(GetCurrentThread()), TRUE);
    CHECK_EQ(CloseHandle(GetCurrentProcess()), TRUE);
    start();
    s = make(AF_INET, SOCK_STREAM);
    CHECK_FAILS(CloseHandle((HANDLE)s), FALSE, ERROR_INVALID_HANDLE);
    CHECK_EQ(closesocket(s), 0);
    stop();
}

static void functions_refuse_objects_of_other_kinds(void) {
    HANDLE event = CreateEventA(NULL, TRUE, FALSE, NULL), semaphore = CreateSemaphoreA(NULL, 0, 1, NULL);
    HANDLE mutex = CreateMutexA(NULL, FALSE, NULL);
    DWORD code;
    CHECK_FAILS(SetEvent(semaphore), FALSE, ERROR_INVALID_HANDLE);
    CHECK_FAILS(WSASetEvent(mutex), FALSE, WSA_INVALID_HANDLE);
    CHECK_FAILS(WSACloseEvent(mutex), FALSE, WSA_INVALID_HANDLE);
    CHECK_FAILS(ReleaseSemaphore(event, 1, NULL), FALSE, ERROR_INVALID_HANDLE);
    CHECK_FAILS(ReleaseMutex(semaphore), FALSE, ERROR_INVALID_HANDLE);
    CHECK_FAILS(GetExitCodeThread(event, &code), FALSE, ERROR_INVALID_HANDLE);
    CHECK_FAILS(ResumeThread(mutex), (DWORD)-1, ERROR_INVALID_HANDLE);
    CHECK_FAILS(QueueUserAPC(NULL, event, 0), 0, ERROR_INVALID_HANDLE);
}

static void signal_and_wait(void) {
    HANDLE event = CreateEventA(NULL, FALSE, FALSE, NULL), semaphore = CreateSemaphoreA(NULL, 0, 1, NULL);
    HANDLE mutex = CreateMutexA(NULL, TRUE, NULL);
    CHECK_EQ(SignalObjectAndWait(event, event, 0, FALSE), WAIT_OBJECT_0);
    CHECK_EQ(SignalObjectAndWait(event, semaphore, 0, FALSE), WAIT_TIMEOUT);
    CHECK_EQ(test(event), WAIT_OBJECT_0);
    CHECK_EQ(SignalObjectAndWait(semaphore, semaphore, INFINITE, TRUE), WAIT_OBJECT_0);
    CHECK_EQ(SignalObjectAndWait(mutex, event, 0, FALSE), WAIT_TIMEOUT);
    CHECK_FAILS(SignalObjectAndWait(mutex, event, 0, FALSE), WAIT_FAILED, ERROR_NOT_OWNER);
    ReleaseSemaphore(semaphore, 1, NULL);
    CHECK_FAILS(SignalObjectAndWait(semaphore, event, 0, FALSE), WAIT_FAILED, ERROR_TOO_MANY_POSTS);
    CHECK_FAILS(SignalObjectAndWait(event, NOWHERE, 0, FALSE), WAIT_FAILED, ERROR_INVALID_HANDLE);
    CHECK_EQ(test(event), WAIT_TIMEOUT);
    CHECK_FAILS(SignalObjectAndWait(GetCurrentThread(), event, 0, FALSE), WAIT_FAILED, ERROR_INVALID_HANDLE);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(semaphores_count),
        TEST(impossible_semaphores_are_refused),
        TEST(objects_have_no_names),
        TEST(mutexes_have_owners),
        TEST(mutexes_of_dead_threads_are_abandoned),
        TEST(waits_for_all_take_all_or_nothing),
        TEST(duplicates_name_the_same_object),
        TEST(handles_of_every_kind_are_closed_once),
        TEST(functions_refuse_objects_of_other_kinds),
        TEST(signal_and_wait),
    };
    return run_tests(tests, COUNT(tests), argc, argv);
}
