/* Assertions for C tests: what failed, where, and Winsock's error. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                                                                          \
    do {                                                                                                          \
        if (!(condition)) {                                                                                       \
            int check_error = WSAGetLastError();                                                                  \
            fprintf(stderr, "%s:%d: %s (last error %d)\n", __FILE__, __LINE__, #condition, check_error);          \
            exit(1);                                                                                              \
        }                                                                                                         \
    } while (0)

#define CHECK_EQ(got, wanted)                                                                                     \
    do {                                                                                                          \
        long long check_got = (long long)(got), check_wanted = (long long)(wanted);                               \
        if (check_got != check_wanted) {                                                                          \
            int check_error = WSAGetLastError();                                                                  \
            fprintf(stderr, "%s:%d: %s is %lld, not %s = %lld (last error %d)\n", __FILE__, __LINE__, #got,       \
                    check_got, #wanted, check_wanted, check_error);                                               \
            exit(1);                                                                                              \
        }                                                                                                         \
    } while (0)

#endif
