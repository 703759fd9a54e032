/* Modules with which something is wrong: the kind is a macro. It prints what is called of it. */
#include <winsock2.h>
#include <ws2spi.h>

#include <stdio.h>
#include <string.h>

enum { FAILS = 1, HOLE, NOTHING, OLD, NO_SOCKET, SILENT };

#ifdef NO_EXPORT
int ws2_there_is_something_else;
#else

static int WSPAPI cleanup(LPINT error) {
    (void)error;
    puts("cleaned up");
    fflush(stdout);
    return 0;
}

static int WSPAPI other(void) {
    return SOCKET_ERROR;
}

static SOCKET WSPAPI no_socket(int af, int type, int protocol, LPWSAPROTOCOL_INFOW info, GROUP g, DWORD flags, LPINT error) {
    (void)af, (void)type, (void)protocol, (void)info, (void)g, (void)flags;
    if (KIND == NO_SOCKET) *error = WSAEMFILE;
    return INVALID_SOCKET;
}

__attribute__((visibility("default"))) int WSPAPI
WSPStartup(WORD version, LPWSPDATA data, LPWSAPROTOCOL_INFOW info, WSPUPCALLTABLE upcalls, LPWSPPROC_TABLE table) {
    int (*any)(void) = other;
    size_t at;
    (void)version, (void)info, (void)upcalls;
    puts("started");
    fflush(stdout);
    if (KIND == FAILS) return WSAEPROCLIM;
    data->wVersion = data->wHighVersion = KIND == OLD ? MAKEWORD(1, 1) : MAKEWORD(2, 2);
    if (KIND == NOTHING) return 0;
    for (at = 0; at < sizeof *table; at += sizeof any) memcpy((char *)table + at, &any, sizeof any);
    table->lpWSPCleanup = cleanup;
    table->lpWSPSocket = no_socket;
    if (KIND == HOLE) table->lpWSPStringToAddress = NULL;
    return 0;
}

#endif
