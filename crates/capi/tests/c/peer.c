/* See peer.h. */
#define _GNU_SOURCE
#include "peer.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct sockaddr_in loopback(unsigned short port) {
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(port)};
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return name;
}

static int made(int fd) {
    if (fd < 0) {
        perror("peer");
        exit(1);
    }
    return fd;
}

int peer_listen(unsigned short *port) {
    struct sockaddr_in name = loopback(0);
    socklen_t len = sizeof name;
    int fd = made(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    made(bind(fd, (struct sockaddr *)&name, len));
    made(listen(fd, 16));
    made(getsockname(fd, (struct sockaddr *)&name, &len));
    *port = ntohs(name.sin_port);
    return fd;
}

int peer_accept(int listener) {
    return made(accept4(listener, NULL, NULL, SOCK_CLOEXEC));
}

int peer_connect(unsigned short port) {
    struct sockaddr_in name = loopback(port);
    int fd = made(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    made(connect(fd, (struct sockaddr *)&name, sizeof name));
    return fd;
}

long peer_send(int fd, const void *data, size_t len) {
    return send(fd, data, len, MSG_NOSIGNAL);
}

long peer_recv(int fd, void *data, size_t len) {
    return recv(fd, data, len, 0);
}

int peer_was_reset(int fd) {
    char rest[4096];
    long got;
    while ((got = recv(fd, rest, sizeof rest, 0)) > 0) {}
    return got < 0 && errno == ECONNRESET;
}

void peer_close(int fd) {
    close(fd);
}

static int entries(const char *folder) {
    DIR *dir = opendir(folder);
    int count = 0;
    if (!dir) return -1;
    while (readdir(dir)) count++;
    closedir(dir);
    return count;
}

int thread_count(void) {
    return entries("/proc/self/task") - 2;
}

int threads_become(int wanted) {
    /* The kernel takes a moment to forget a thread that was joined; it tells nobody when it has. */
    for (int tries = 0; tries < 2000 && thread_count() != wanted; tries++) poll(NULL, 0, 1);
    return thread_count() == wanted;
}

int descriptor_count(void) {
    return entries("/proc/self/fd");
}

long resident_kib(void) {
    char line[256];
    long kib = -1;
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status))
        if (sscanf(line, "VmRSS: %ld", &kib) == 1) break;
    if (status) fclose(status);
    return kib;
}

int is_mapped(const char *name) {
    char line[4096];
    int found = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps && fgets(line, sizeof line, maps)) found |= strstr(line, name) != NULL;
    if (maps) fclose(maps);
    return found;
}
