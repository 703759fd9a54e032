/*
 * The course of the soak: soak SECONDS [SEED [without-rings]]
 *
 * An epoch is a start-up, some time in which all threads do what they like, and a clean-up among it. Then the threads
 * stand still: no operation may go on, no descriptor and no thread of the library may be left, and memory must not grow.
 */
#include "soak.h"

#include <pthread.h>
#include <signal.h>

enum { STUCK_SECONDS = 120, WEIGHED_EPOCHS = 10, WARM_EPOCHS = 20, GROWTH = 16 * 1024 };

/* The keys of packets. */
enum { OPERATION = 1, POSTED = 2, EMPTY = 3, OVER = 4 };

ULONGLONG soak_seed;
atomic_long soak_epoch, soak_cleanups_begun, soak_cleanups_ended;

static pthread_barrier_t barrier;
static atomic_int ending, finished, nests;
static atomic_long posted, taken;
static struct account accounts[WORKERS];

static void clean_up(void) {
    soak_cleanups_begun++;
    WSACleanup();
    soak_cleanups_ended++;
}

/* A start-up of a thread's own, which may be the first, and whose clean-up may be the last. */
static void nest(struct account *account) {
    WSADATA data;
    unsigned steps = chance_below(&account->chance, 30);
    if (WSAStartup(MAKEWORD(2, 2), &data) != 0) return;
    while (steps--) sockets_step(account, 0);
    clean_up();
}

static void post(struct account *account) {
    if (PostQueuedCompletionStatus(soak_ports[chance_below(&account->chance, PORTS)], 0, POSTED, NULL)) posted++;
}

static void *work(void *argument) {
    struct account *account = argument;
    for (;;) {
        pthread_barrier_wait(&barrier); /* an epoch begins */
        if (finished) break;
        while (!ending) {
            unsigned dice = chance_below(&account->chance, 1000);
            if (dice < 2 && nests) nest(account);
            else if (dice < 10) post(account);
            else sockets_step(account, 1);
        }
        pthread_barrier_wait(&barrier); /* no thread calls any more */
        pthread_barrier_wait(&barrier); /* the ports are empty */
        operation_bury(account);
        operation_settle(account);
        /* What is kept to be looked at later would weigh too. */
        if (soak_epoch % WEIGHED_EPOCHS == 0) operation_bury(account);
        pthread_barrier_wait(&barrier); /* accounts are settled */
    }
    operation_bury(account);
    return NULL;
}

static atomic_int emptied;

static void packet(ULONG_PTR key, LPOVERLAPPED overlapped) {
    switch (key) {
    case OPERATION:
        operation_packet(overlapped);
        break;
    case POSTED:
        taken++;
        break;
    default:
        emptied++;
        break;
    }
}

/* There is one thread for each port, so that a packet of key EMPTY says that all before it are dealt with. */
static void *take_packets(void *port) {
    for (;;) {
        OVERLAPPED_ENTRY entries[8];
        LPOVERLAPPED overlapped = NULL;
        ULONG_PTR key = 0;
        ULONG count, i;
        DWORD bytes;
        int worked = GetQueuedCompletionStatus(port, &bytes, &key, &overlapped, INFINITE);
        SOAK_CHECK(worked || overlapped, "a port gives nothing: %u", GetLastError());
        if (key == OVER) return NULL;
        packet(key, overlapped);
        if (!GetQueuedCompletionStatusEx(port, entries, 8, &count, 0, FALSE)) continue;
        for (i = 0; i < count; i++) {
            if (entries[i].lpCompletionKey == OVER) return NULL;
            packet(entries[i].lpCompletionKey, entries[i].lpOverlapped);
        }
    }
}

static void empty_ports(void) {
    int i;
    emptied = 0;
    for (i = 0; i < PORTS; i++) SOAK_CHECK(PostQueuedCompletionStatus(soak_ports[i], 0, EMPTY, NULL), "post");
    while (emptied < PORTS) SwitchToThread();
    SOAK_CHECK(posted == taken, "%ld posted, %ld taken", posted, taken);
}

static void stuck(int signal) {
    static const char text[] = "soak: stuck\n";
    (void)signal;
    if (write(2, text, sizeof text - 1) < 0) _exit(3);
    abort();
}

/* What must not grow. */
struct possessions {
    int descriptors, threads;
    long memory;
};

static void compare(struct possessions *known) {
    struct possessions now = {process_descriptors(), process_threads(), process_memory()};
    /* A thread may have a descriptor to be woken by, from when it first needs it. */
    int most = known->descriptors + WORKERS + PORTS + 1;
    if (soak_epoch == 1) *known = now;
    if (soak_epoch == WARM_EPOCHS) known->memory = now.memory;
    if (now.threads != known->threads) process_tell("/proc/self/task");
    SOAK_CHECK(now.threads == known->threads, "%d threads, not %d", now.threads, known->threads);
    if (soak_epoch > 1 && now.descriptors > most) process_tell("/proc/self/fd");
    SOAK_CHECK(soak_epoch == 1 || now.descriptors <= most, "%d descriptors, not %d", now.descriptors, most);
    SOAK_CHECK(soak_epoch <= WARM_EPOCHS || soak_epoch % WEIGHED_EPOCHS || now.memory < known->memory + GROWTH,
               "memory has grown from %ld to %ld", known->memory, now.memory);
}

static void one_epoch(struct chance *chance, struct possessions *known) {
    WSADATA data;
    alarm(STUCK_SECONDS);
    soak_epoch++;
    ending = 0;
    nests = chance_below(chance, 2) == 0;
    SOAK_CHECK(WSAStartup(MAKEWORD(2, 2), &data) == 0, "WSAStartup");
    if (soak_epoch == 1) operation_find_extensions();
    pthread_barrier_wait(&barrier);
    Sleep(1 + chance_below(chance, 40));
    clean_up();
    Sleep(chance_below(chance, 3));
    ending = 1;
    pthread_barrier_wait(&barrier);
    SOAK_CHECK(WSACleanup() == SOCKET_ERROR && WSAGetLastError() == WSANOTINITIALISED, "a start-up is left");
    empty_ports();
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    compare(known);
}

int main(int argc, char **argv) {
    double seconds = argc > 1 ? atof(argv[1]) : 1;
    pthread_t threads[WORKERS + PORTS];
    struct possessions known = {0, 0, 0};
    struct chance chance;
    ULONGLONG start = GetTickCount64();
    int i;
    setvbuf(stdout, NULL, _IOLBF, 0);
    soak_seed = argc > 2 ? strtoull(argv[2], NULL, 0) : start ^ (ULONGLONG)getpid() << 32;
    if (argc > 3) process_forbid_rings();
    printf("soak: seed %llu%s\n", (unsigned long long)soak_seed, argc > 3 ? ", without io_uring" : "");
    signal(SIGALRM, stuck);
    chance.state = soak_seed * 2654435769u + 88172645463325252u;
    pthread_barrier_init(&barrier, NULL, WORKERS + 1);
    for (i = 0; i < PORTS; i++) {
        soak_ports[i] = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
        SOAK_CHECK(soak_ports[i] != NULL, "no port");
        pthread_create(&threads[WORKERS + i], NULL, take_packets, soak_ports[i]);
    }
    for (i = 0; i < WORKERS; i++) {
        accounts[i].chance.state = chance_next(&chance) | 1;
        pthread_create(&threads[i], NULL, work, &accounts[i]);
    }
    do one_epoch(&chance, &known);
    while ((double)(GetTickCount64() - start) < seconds * 1000);
    finished = 1;
    pthread_barrier_wait(&barrier);
    for (i = 0; i < PORTS; i++) PostQueuedCompletionStatus(soak_ports[i], 0, OVER, NULL);
    for (i = 0; i < WORKERS + PORTS; i++) pthread_join(threads[i], NULL);
    for (i = 0; i < PORTS; i++) CloseHandle(soak_ports[i]);
    printf("soak: %ld epochs, %ld packets posted\n", soak_epoch, posted);
    operation_report();
    return 0;
}
