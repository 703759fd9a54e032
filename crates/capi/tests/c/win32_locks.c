/* Critical sections, reader/writer locks, condition variables, one-time initialisation, atomic operations. */
#include "fixture.h"

static HANDLE run(LPTHREAD_START_ROUTINE routine, LPVOID argument) {
    HANDLE thread = CreateThread(NULL, 0, routine, argument, 0, NULL);
    CHECK(thread != NULL);
    return thread;
}

static DWORD join(HANDLE thread) {
    DWORD code;
    CHECK_EQ(WaitForSingleObject(thread, INFINITE), WAIT_OBJECT_0);
    CHECK_EQ(GetExitCodeThread(thread, &code), TRUE);
    CHECK_EQ(CloseHandle(thread), TRUE);
    return code;
}

enum { THREADS = 4, ROUNDS = 20000 };
static CRITICAL_SECTION section;
static SRWLOCK lock = SRWLOCK_INIT;
static CONDITION_VARIABLE condition = CONDITION_VARIABLE_INIT;
static LONG number, atomic, ready;

static DWORD WINAPI add_in_section(LPVOID unused) {
    int i;
    (void)unused;
    for (i = 0; i < ROUNDS; i++) {
        EnterCriticalSection(&section);
        CHECK_EQ(TryEnterCriticalSection(&section), TRUE);
        number++;
        LeaveCriticalSection(&section);
        LeaveCriticalSection(&section);
    }
    return 0;
}

static DWORD WINAPI try_section(LPVOID unused) {
    (void)unused;
    if (!TryEnterCriticalSection(&section)) return 0;
    LeaveCriticalSection(&section);
    return 1;
}

static void critical_sections(void) {
    HANDLE threads[THREADS];
    int i;
    InitializeCriticalSection(&section);
    for (i = 0; i < THREADS; i++) threads[i] = run(add_in_section, NULL);
    for (i = 0; i < THREADS; i++) CHECK_EQ(join(threads[i]), 0);
    CHECK_EQ(number, THREADS * ROUNDS);
    EnterCriticalSection(&section);
    CHECK_EQ(section.RecursionCount, 1);
    CHECK(section.OwningThread != NULL);
    CHECK_EQ(join(run(try_section, NULL)), 0);
    LeaveCriticalSection(&section);
    CHECK(section.OwningThread == NULL);
    CHECK_EQ(join(run(try_section, NULL)), 1);
    DeleteCriticalSection(&section);
    CHECK_EQ(InitializeCriticalSectionAndSpinCount(&section, 4000), TRUE);
    CHECK_EQ(SetCriticalSectionSpinCount(&section, 10), 4000);
    CHECK_EQ(InitializeCriticalSectionEx(&section, 20, CRITICAL_SECTION_NO_DEBUG_INFO), TRUE);
    CHECK_EQ(SetCriticalSectionSpinCount(&section, 0), 20);
    CHECK_FAILS(InitializeCriticalSectionEx(&section, 0, 1), FALSE, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(InitializeCriticalSectionAndSpinCount(NULL, 0), FALSE, ERROR_INVALID_PARAMETER);
}

static DWORD WINAPI add_exclusively(LPVOID unused) {
    int i;
    (void)unused;
    for (i = 0; i < ROUNDS; i++) {
        LONG before, after;
        AcquireSRWLockShared(&lock);
        before = number;
        SwitchToThread();
        after = number;
        ReleaseSRWLockShared(&lock);
        CHECK_EQ(before, after);
        AcquireSRWLockExclusive(&lock);
        number++;
        ReleaseSRWLockExclusive(&lock);
    }
    return 0;
}

static void slim_locks(void) {
    HANDLE threads[THREADS];
    int i;
    for (i = 0; i < THREADS; i++) threads[i] = run(add_exclusively, NULL);
    for (i = 0; i < THREADS; i++) CHECK_EQ(join(threads[i]), 0);
    CHECK_EQ(number, THREADS * ROUNDS);
    InitializeSRWLock(&lock);
    CHECK_EQ(TryAcquireSRWLockShared(&lock), TRUE);
    CHECK_EQ(TryAcquireSRWLockShared(&lock), TRUE);
    CHECK_EQ(TryAcquireSRWLockExclusive(&lock), FALSE);
    ReleaseSRWLockShared(&lock);
    ReleaseSRWLockShared(&lock);
    CHECK_EQ(TryAcquireSRWLockExclusive(&lock), TRUE);
    CHECK_EQ(TryAcquireSRWLockShared(&lock), FALSE);
    ReleaseSRWLockExclusive(&lock);
}

static DWORD WINAPI sleep_on_section(LPVOID unused) {
    (void)unused;
    EnterCriticalSection(&section);
    InterlockedIncrement(&ready);
    while (!number) CHECK_EQ(SleepConditionVariableCS(&condition, &section, INFINITE), TRUE);
    CHECK_EQ(section.RecursionCount, 1);
    LeaveCriticalSection(&section);
    return 0;
}

static DWORD WINAPI sleep_on_slim(LPVOID shared) {
    if (shared) AcquireSRWLockShared(&lock);
    else AcquireSRWLockExclusive(&lock);
    InterlockedIncrement(&ready);
    while (!number)
        CHECK_EQ(SleepConditionVariableSRW(&condition, &lock, INFINITE,
                                           shared ? CONDITION_VARIABLE_LOCKMODE_SHARED : 0), TRUE);
    if (shared) ReleaseSRWLockShared(&lock);
    else ReleaseSRWLockExclusive(&lock);
    return 0;
}

static void condition_variables(void) {
    HANDLE threads[THREADS];
    int i;
    InitializeCriticalSection(&section);
    InitializeConditionVariable(&condition);
    EnterCriticalSection(&section);
    CHECK_FAILS(SleepConditionVariableCS(&condition, &section, 5), FALSE, ERROR_TIMEOUT);
    CHECK_EQ(section.RecursionCount, 1);
    LeaveCriticalSection(&section);
    AcquireSRWLockShared(&lock);
    CHECK_FAILS(SleepConditionVariableSRW(&condition, &lock, 0, CONDITION_VARIABLE_LOCKMODE_SHARED), FALSE,
                ERROR_TIMEOUT);
    CHECK_FAILS(SleepConditionVariableSRW(&condition, &lock, 0, 2), FALSE, ERROR_INVALID_PARAMETER);
    CHECK_EQ(TryAcquireSRWLockExclusive(&lock), FALSE);
    ReleaseSRWLockShared(&lock);
    CHECK_EQ(TryAcquireSRWLockExclusive(&lock), TRUE);
    ReleaseSRWLockExclusive(&lock);

    for (i = 0; i < THREADS; i++) threads[i] = run(sleep_on_section, NULL);
    while (InterlockedAdd(&ready, 0) < THREADS) SwitchToThread();
    EnterCriticalSection(&section);
    number = 1;
    LeaveCriticalSection(&section);
    for (i = 0; i < THREADS; i++) WakeConditionVariable(&condition);
    for (i = 0; i < THREADS; i++) CHECK_EQ(join(threads[i]), 0);

    number = ready = 0;
    for (i = 0; i < THREADS; i++) threads[i] = run(sleep_on_slim, (LPVOID)(size_t)(i % 2));
    while (InterlockedAdd(&ready, 0) < THREADS) SwitchToThread();
    AcquireSRWLockExclusive(&lock);
    number = 1;
    ReleaseSRWLockExclusive(&lock);
    WakeAllConditionVariable(&condition);
    for (i = 0; i < THREADS; i++) CHECK_EQ(join(threads[i]), 0);
}

static INIT_ONCE once = INIT_ONCE_STATIC_INIT;
static LONG made;

static BOOL CALLBACK make_once(PINIT_ONCE which, PVOID parameter, PVOID *context) {
    CHECK(which == &once);
    Sleep(5);
    InterlockedIncrement(&made);
    *context = parameter;
    return TRUE;
}

static BOOL CALLBACK make_badly(PINIT_ONCE which, PVOID parameter, PVOID *context) {
    (void)which, (void)parameter, (void)context;
    SetLastError(4711);
    return FALSE;
}

static DWORD WINAPI ask_once(LPVOID value) {
    PVOID context = NULL;
    CHECK_EQ(InitOnceExecuteOnce(&once, make_once, value, &context), TRUE);
    CHECK(context == value);
    return 0;
}

static void one_time_initialisation(void) {
    HANDLE threads[THREADS];
    INIT_ONCE other;
    PVOID context = NULL;
    BOOL pending = 7;
    int i;
    CHECK_FAILS(InitOnceExecuteOnce(&once, make_badly, NULL, NULL), FALSE, 4711);
    CHECK_FAILS(InitOnceExecuteOnce(&once, NULL, NULL, NULL), FALSE, ERROR_INVALID_PARAMETER);
    for (i = 0; i < THREADS; i++) threads[i] = run(ask_once, &number);
    for (i = 0; i < THREADS; i++) CHECK_EQ(join(threads[i]), 0);
    CHECK_EQ(made, 1);

    InitOnceInitialize(&other);
    CHECK_FAILS(InitOnceBeginInitialize(&other, INIT_ONCE_CHECK_ONLY, &pending, &context), FALSE, ERROR_GEN_FAILURE);
    CHECK_EQ(InitOnceBeginInitialize(&other, 0, &pending, &context), TRUE);
    CHECK_EQ(pending, TRUE);
    CHECK_FAILS(InitOnceComplete(&other, 0, (PVOID)1), FALSE, ERROR_INVALID_PARAMETER);
    CHECK_EQ(InitOnceComplete(&other, INIT_ONCE_INIT_FAILED, NULL), TRUE);
    CHECK_EQ(InitOnceBeginInitialize(&other, INIT_ONCE_ASYNC, &pending, &context), TRUE);
    CHECK_EQ(pending, TRUE);
    CHECK_FAILS(InitOnceBeginInitialize(&other, 0, &pending, &context), FALSE, ERROR_INVALID_PARAMETER);
    CHECK_EQ(InitOnceComplete(&other, INIT_ONCE_ASYNC, &other), TRUE);
    CHECK_FAILS(InitOnceComplete(&other, INIT_ONCE_ASYNC, &once), FALSE, ERROR_ALREADY_EXISTS);
    CHECK_EQ(InitOnceBeginInitialize(&other, INIT_ONCE_CHECK_ONLY, &pending, &context), TRUE);
    CHECK_EQ(pending, FALSE);
    CHECK(context == &other);
    CHECK_FAILS(InitOnceComplete(&other, 0, NULL), FALSE, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(InitOnceComplete(&other, 64, NULL), FALSE, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(InitOnceBeginInitialize(&other, 64, &pending, &context), FALSE, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(InitOnceExecuteOnce(NULL, make_once, NULL, NULL), FALSE, ERROR_INVALID_PARAMETER);
}

static DWORD WINAPI count_atomically(LPVOID unused) {
    int i;
    (void)unused;
    for (i = 0; i < ROUNDS; i++) {
        LONG seen;
        InterlockedIncrement(&atomic);
        do seen = number;
        while (InterlockedCompareExchange(&number, seen + 1, seen) != seen);
        YieldProcessor();
    }
    return 0;
}

static void atomic_operations(void) {
    HANDLE threads[THREADS];
    LONG value = 5;
    LONGLONG wide = 1LL << 40;
    PVOID pointer = &value;
    int i;
    for (i = 0; i < THREADS; i++) threads[i] = run(count_atomically, NULL);
    for (i = 0; i < THREADS; i++) CHECK_EQ(join(threads[i]), 0);
    CHECK_EQ(atomic, THREADS * ROUNDS);
    CHECK_EQ(number, THREADS * ROUNDS);
    CHECK_EQ(InterlockedIncrement(&value), 6);
    CHECK_EQ(InterlockedDecrement(&value), 5);
    CHECK_EQ(InterlockedExchange(&value, 9), 5);
    CHECK_EQ(InterlockedExchangeAdd(&value, 3), 9);
    CHECK_EQ(InterlockedAdd(&value, -2), 10);
    CHECK_EQ(InterlockedCompareExchange(&value, 1, 2), 10);
    CHECK_EQ(InterlockedCompareExchange(&value, 1, 10), 10);
    CHECK_EQ(InterlockedOr(&value, 6), 1);
    CHECK_EQ(InterlockedAnd(&value, 3), 7);
    CHECK_EQ(InterlockedXor(&value, 1), 3);
    CHECK_EQ(value, 2);
    CHECK_EQ(InterlockedIncrement64(&wide), (1LL << 40) + 1);
    CHECK_EQ(InterlockedDecrement64(&wide), 1LL << 40);
    CHECK_EQ(InterlockedExchangeAdd64(&wide, 1), 1LL << 40);
    CHECK_EQ(InterlockedAdd64(&wide, 1), (1LL << 40) + 2);
    CHECK_EQ(InterlockedOr64(&wide, 1), (1LL << 40) + 2);
    CHECK_EQ(InterlockedAnd64(&wide, 3), (1LL << 40) + 3);
    CHECK_EQ(InterlockedXor64(&wide, 1), 3);
    CHECK_EQ(InterlockedCompareExchange64(&wide, 0, 2), 2);
    CHECK_EQ(InterlockedExchange64(&wide, 7), 0);
    CHECK(InterlockedExchangePointer(&pointer, &wide) == &value);
    CHECK(InterlockedCompareExchangePointer(&pointer, NULL, &value) == &wide);
    CHECK(InterlockedCompareExchangePointer(&pointer, NULL, &wide) == &wide);
    CHECK(pointer == NULL);
    MemoryBarrier();
}

static void small_atomic_operations_and_bits(void) {
    struct {
        SHORT before, value, after;
    } shorts = {-1, 0x7FFF, -1};
    struct {
        char before, value, after;
    } bytes = {-1, 6, -1};
    LONG word = 0;
    LONGLONG wide = 0;
    CHECK_EQ(InterlockedIncrement16(&shorts.value), -0x8000);
    CHECK_EQ(InterlockedDecrement16(&shorts.value), 0x7FFF);
    CHECK_EQ(InterlockedExchange16(&shorts.value, 6), 0x7FFF);
    CHECK_EQ(InterlockedCompareExchange16(&shorts.value, 1, 5), 6);
    CHECK_EQ(InterlockedOr16(&shorts.value, 9), 6);
    CHECK_EQ(InterlockedAnd16(&shorts.value, 7), 15);
    CHECK_EQ(InterlockedXor16(&shorts.value, -1), 7);
    CHECK_EQ(InterlockedCompareExchange16(&shorts.value, 1, -8), -8);
    CHECK(shorts.before == -1 && shorts.value == 1 && shorts.after == -1);
    CHECK_EQ(InterlockedOr8(&bytes.value, 9), 6);
    CHECK_EQ(InterlockedAnd8(&bytes.value, 7), 15);
    CHECK_EQ(InterlockedXor8(&bytes.value, 3), 7);
    CHECK_EQ(InterlockedExchange8(&bytes.value, 5), 4);
    CHECK(bytes.before == -1 && bytes.value == 5 && bytes.after == -1);
    CHECK_EQ(InterlockedBitTestAndSet(&word, 31), 0);
    CHECK_EQ(InterlockedBitTestAndSet(&word, 31), 1);
    CHECK_EQ(word, -0x7FFFFFFF - 1);
    CHECK_EQ(InterlockedBitTestAndComplement(&word, 0), 0);
    CHECK_EQ(InterlockedBitTestAndReset(&word, 31), 1);
    CHECK_EQ(word, 1);
    CHECK_EQ(InterlockedBitTestAndSet64(&wide, 63), 0);
    CHECK_EQ(InterlockedBitTestAndComplement64(&wide, 32), 0);
    CHECK_EQ(InterlockedBitTestAndReset64(&wide, 63), 1);
    CHECK_EQ(wide, 1LL << 32);
    CHECK_EQ(InterlockedIncrementNoFence(&word), 2);
    CHECK_EQ(InterlockedCompareExchangeAcquire(&word, 0, 2), 2);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(critical_sections), TEST(slim_locks),        TEST(condition_variables),
        TEST(one_time_initialisation), TEST(atomic_operations), TEST(small_atomic_operations_and_bits),
    };
    return run_tests(tests, COUNT(tests), argc, argv);
}
