/*
 * What is allocated, to the byte: mallinfo counts what threads keep for later too. A sanitizer has an allocator of its own,
 * and finds leaks itself.
 */
#include "soak.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_WATCHED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IS_WATCHED
#endif
#endif

#ifdef IS_WATCHED

long process_memory(void) {
    return 0;
}

#else

#include <errno.h>
#include <malloc.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *block);

static atomic_long allocated;

long process_memory(void) {
    return allocated;
}

static void *came(void *block) {
    if (block) allocated += (long)malloc_usable_size(block);
    return block;
}

static void goes(void *block) {
    if (block) allocated -= (long)malloc_usable_size(block);
}

void *malloc(size_t size) {
    return came(__libc_malloc(size));
}

void *calloc(size_t count, size_t size) {
    return came(__libc_calloc(count, size));
}

void *realloc(void *block, size_t size) {
    size_t before = block ? malloc_usable_size(block) : 0;
    void *moved = __libc_realloc(block, size);
    if (moved || !size) allocated -= (long)before;
    return came(moved);
}

void *memalign(size_t alignment, size_t size) {
    return came(__libc_memalign(alignment, size));
}

void *aligned_alloc(size_t alignment, size_t size) {
    return came(__libc_memalign(alignment, size));
}

int posix_memalign(void **block, size_t alignment, size_t size) {
    *block = came(__libc_memalign(alignment, size));
    return *block ? 0 : ENOMEM;
}

void free(void *block) {
    goes(block);
    __libc_free(block);
}

#endif
