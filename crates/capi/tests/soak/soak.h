/*
 * The soak: threads that open, use, cancel and close sockets at random, with operations in every style of completion,
 * while start-up and clean-up go on. soak.c is its course, sockets.c what the threads share, operations.c the account of
 * every operation, processes.c and memory.c what the process may be left with.
 */
#ifndef SOAK_H
#define SOAK_H

#define _GNU_SOURCE
#define WIN32_LEAN_AND_MEAN
#include <winsock2.h>
#include <ws2tcpip.h>
#include <mswsock.h>
#include <windows.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    WORKERS = 4,
    PORTS = 2,
    SLOTS = 32,    /* sockets that are open at a time */
    OWN = 48,      /* operations of a thread that are not accounted for yet */
    LONGEST = 8192 /* bytes of most operations */
};

/* Tells what is wrong, the seed with it, and ends. */
#define SOAK_CHECK(condition, ...)                                                                                \
    do {                                                                                                          \
        if (!(condition)) {                                                                                       \
            fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #condition);                                       \
            fprintf(stderr, __VA_ARGS__);                                                                         \
            fprintf(stderr, " (seed %llu, epoch %ld)\n", (unsigned long long)soak_seed, soak_epoch);              \
            abort();                                                                                              \
        }                                                                                                         \
    } while (0)

extern ULONGLONG soak_seed;
extern atomic_long soak_epoch;

/* ---- Chance ---- */

struct chance {
    ULONGLONG state;
};

static inline ULONGLONG chance_next(struct chance *chance) {
    ULONGLONG x = chance->state;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return chance->state = x;
}

/* Below a limit. */
static inline unsigned chance_below(struct chance *chance, unsigned limit) {
    return (unsigned)(chance_next(chance) >> 33) % limit;
}

/* ---- The account of operations ---- */

enum style {
    BY_EVENT,
    BY_ROUTINE,
    BY_POLLING,
    BY_WAITING, /* WSAGetOverlappedResult with its wait */
    STYLES
};
enum work { RECEIVE, SEND, RECEIVE_FROM, SEND_TO, RECEIVE_MESSAGE, SEND_MESSAGE, ACCEPT, CONNECT, DISCONNECT, WORKS };

struct operation {
    WSAOVERLAPPED overlapped; /* first: routines and packets have its address */
    atomic_int issued;        /* what was written before the call is there for whoever learns of it */
    atomic_int routines, packets;
    enum style style;
    enum work work;
    int wants_packet, wants_event, wants_routine;
    int skips;                /* no packet if the call succeeds at once */
    long cleanups;            /* how many had ended when it was issued */
    ULONGLONG since;
    SOCKET socket, made;      /* made: the one that AcceptEx is to accept */
    HANDLE event;
    WSABUF buffers[2];
    WSAMSG message;
    DWORD flags, count;
    struct sockaddr_in name;
    int name_len;
    unsigned room;
    char *bytes;              /* the room, and a guard behind it */
};

/* The operations of one thread. */
struct account {
    struct chance chance;
    struct operation *own[OWN];
    int count;
    struct operation *late[OWN]; /* ended, and watched for what must not come any more */
    int late_count;
};

/* Clean-ups; any of them may be the last. */
extern atomic_long soak_cleanups_begun, soak_cleanups_ended;

/* Issues an operation at random on a socket; `port` says whether the socket belongs to a completion port. */
enum { NO_PORT, PORT, PORT_SKIPPED }; /* the last: not if the call succeeds at once */
void operation_issue(struct account *account, SOCKET s, int is_stream, int port);
/* The same for one of these. */
void operation_accept(struct account *account, SOCKET listener, SOCKET made, int port);
void operation_connect(struct account *account, SOCKET s, const struct sockaddr_in *name, int port);
void operation_disconnect(struct account *account, SOCKET s, int port);
/* Frees those that have ended, and cancels some; `waits` for some. */
void operation_reap(struct account *account, int waits);
/* After the last clean-up: every one must have ended, told or silently. */
void operation_settle(struct account *account);
/* One epoch later: nothing has come any more. */
void operation_bury(struct account *account);
/* A packet has come out of a port. */
void operation_packet(LPOVERLAPPED overlapped);
/* Finds the functions that are not exported. */
void operation_find_extensions(void);
/* Counts of how operations ended. */
void operation_report(void);

/* ---- Sockets that all threads share ---- */

/* Opens, connects, uses, closes at random. It may block unless it is told not to. */
void sockets_step(struct account *account, int may_block);

extern HANDLE soak_ports[PORTS];

/* ---- The process ---- */

int process_descriptors(void);
/* Tells what is in a folder, and where it leads. */
void process_tell(const char *folder);
int process_threads(void);
/* Bytes that are allocated, of which the allocator itself would say more; 0 under a sanitizer. */
long process_memory(void);
/* From here on there is no io_uring. */
void process_forbid_rings(void);

#endif
