/* Heaps, LocalAlloc, GlobalAlloc. */
#include "fixture.h"

#include <signal.h>
#include <stdint.h>
#include <sys/wait.h>

static int all(const char *bytes, size_t count, char value) {
    while (count--)
        if (*bytes++ != value) return 0;
    return 1;
}

static void use(HANDLE heap) {
    char *block = HeapAlloc(heap, HEAP_ZERO_MEMORY, 100), *moved;
    CHECK(block != NULL && (uintptr_t)block % 16 == 0);
    CHECK(all(block, 100, 0));
    CHECK_EQ(HeapSize(heap, 0, block), 100);
    memset(block, 'x', 100);
    moved = HeapReAlloc(heap, HEAP_ZERO_MEMORY, block, 5000);
    CHECK(moved != NULL && (uintptr_t)moved % 16 == 0);
    CHECK(all(moved, 100, 'x') && all(moved + 100, 4900, 0));
    CHECK_EQ(HeapSize(heap, 0, moved), 5000);
    block = HeapReAlloc(heap, HEAP_REALLOC_IN_PLACE_ONLY, moved, 50);
    CHECK(block == moved);
    CHECK_EQ(HeapSize(heap, 0, block), 50);
    CHECK(HeapReAlloc(heap, HEAP_REALLOC_IN_PLACE_ONLY, block, 100000) == NULL);
    CHECK(all(block, 50, 'x'));
    CHECK(HeapReAlloc(heap, 0, block, (SIZE_T)-1) == NULL);
    CHECK(all(block, 50, 'x'));
    CHECK_EQ(HeapFree(heap, 0, block), TRUE);
    CHECK_EQ(HeapFree(heap, 0, NULL), TRUE);
    block = HeapAlloc(heap, 0, 0);
    CHECK(block != NULL);
    CHECK_EQ(HeapSize(heap, HEAP_NO_SERIALIZE, block), 0);
    CHECK_EQ(HeapFree(heap, HEAP_NO_SERIALIZE, block), TRUE);
    CHECK(HeapAlloc(heap, 0, (SIZE_T)-1) == NULL);
    CHECK(HeapAlloc(heap, HEAP_ZERO_MEMORY, (SIZE_T)-16) == NULL);
}

static void heaps_allocate_and_free(void) {
    HANDLE heap = HeapCreate(0, 4096, 0);
    CHECK(heap != NULL && heap != GetProcessHeap());
    use(GetProcessHeap());
    use(heap);
    CHECK_EQ(HeapDestroy(heap), TRUE);
}

static void destroyed_heaps_free_their_blocks(void) {
    HANDLE heap = HeapCreate(0, 0, 0);
    void *block;
    int i;
    for (i = 0; i < 1000; i++) CHECK((block = HeapAlloc(heap, 0, (SIZE_T)i)) != NULL);
    CHECK_EQ(HeapDestroy(heap), TRUE);
    CHECK_FAILS(HeapDestroy(heap), FALSE, ERROR_INVALID_HANDLE);
    CHECK(HeapAlloc(heap, 0, 1) == NULL);
    CHECK_FAILS(HeapFree(heap, 0, block), FALSE, ERROR_INVALID_HANDLE);
    CHECK_FAILS(HeapDestroy(GetProcessHeap()), FALSE, ERROR_INVALID_HANDLE);
    CHECK_FAILS(HeapDestroy(NULL), FALSE, ERROR_INVALID_HANDLE);
}

static void heaps_refuse_what_is_not_theirs(void) {
    HANDLE one = HeapCreate(0, 0, 0), two = HeapCreate(HEAP_NO_SERIALIZE, 0, 0);
    char local[64];
    void *block = HeapAlloc(one, 0, 10);
    CHECK_FAILS(HeapFree(two, 0, block), FALSE, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(HeapFree(GetProcessHeap(), 0, block), FALSE, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(HeapFree(one, 0, local + 32), FALSE, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(HeapSize(two, 0, block), (SIZE_T)-1, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(HeapReAlloc(two, 0, block, 20) != NULL, 0, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(HeapReAlloc(one, 0, NULL, 20) != NULL, 0, ERROR_INVALID_PARAMETER);
    CHECK_EQ(HeapFree(one, 0, block), TRUE);
    CHECK_FAILS(HeapFree(one, 0, block), FALSE, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(HeapCreate(0x1000000, 0, 0) != NULL, 0, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(HeapCreate(0, 2, 1) != NULL, 0, ERROR_INVALID_PARAMETER);
}

static void heaps_have_a_limit_if_they_are_given_one(void) {
    HANDLE heap = HeapCreate(0, 0, 10000);
    void *block = HeapAlloc(heap, 0, 6000);
    CHECK(block != NULL);
    CHECK(HeapAlloc(heap, 0, 6000) == NULL);
    CHECK_EQ(HeapFree(heap, 0, block), TRUE);
    CHECK(HeapAlloc(heap, 0, 6000) != NULL);
    CHECK_EQ(HeapDestroy(heap), TRUE);
}

static void exceptions_end_the_process(void) {
    int status;
    pid_t child = fork();
    if (child == 0) {
        HeapAlloc(GetProcessHeap(), HEAP_GENERATE_EXCEPTIONS, (SIZE_T)-1);
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void local_and_global_memory(void) {
    char *local = LocalAlloc(LPTR, 40), *global = GlobalAlloc(GMEM_FIXED, 40);
    CHECK(local != NULL && global != NULL && all(local, 40, 0));
    CHECK(LocalFree(local) == NULL);
    CHECK(GlobalFree(global) == NULL);
    CHECK(LocalFree(NULL) == NULL);
    CHECK_FAILS(LocalAlloc(2, 40) != NULL, 0, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(GlobalAlloc(GPTR, (SIZE_T)-1) != NULL, 0, ERROR_NOT_ENOUGH_MEMORY);
}

static HANDLE shared;

static DWORD WINAPI churn(LPVOID unused) {
    char *blocks[50];
    int round, i;
    (void)unused;
    for (round = 0; round < 100; round++) {
        for (i = 0; i < COUNT(blocks); i++) {
            CHECK((blocks[i] = HeapAlloc(shared, 0, (SIZE_T)(i + 1))) != NULL);
            memset(blocks[i], i, (size_t)(i + 1));
        }
        for (i = 0; i < COUNT(blocks); i++) {
            CHECK(all(blocks[i], (size_t)(i + 1), (char)i));
            CHECK_EQ(HeapFree(shared, 0, blocks[i]), TRUE);
        }
    }
    return 0;
}

static void heaps_serve_many_threads(void) {
    HANDLE threads[4];
    int i;
    shared = HeapCreate(HEAP_NO_SERIALIZE, 0, 1 << 20);
    for (i = 0; i < COUNT(threads); i++) CHECK((threads[i] = CreateThread(NULL, 0, churn, NULL, 0, NULL)) != NULL);
    CHECK_EQ(WaitForMultipleObjects(COUNT(threads), threads, TRUE, INFINITE), WAIT_OBJECT_0);
    CHECK(HeapAlloc(shared, 0, (1 << 20) - 16) != NULL);
    CHECK_EQ(HeapDestroy(shared), TRUE);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(heaps_allocate_and_free),         TEST(destroyed_heaps_free_their_blocks),
        TEST(heaps_refuse_what_is_not_theirs), TEST(heaps_have_a_limit_if_they_are_given_one),
        TEST(exceptions_end_the_process),      TEST(local_and_global_memory),
        TEST(heaps_serve_many_threads),
    };
    return run_tests(tests, COUNT(tests), argc, argv);
}
