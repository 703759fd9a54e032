/*
 * Makes room for the names of Winsock that the standard C library has too.
 *
 * bind, send and the like are declared by POSIX socket headers only, which a Winsock source file does not
 * include: Winsock declares them under their own names and gives their symbols a prefix (WS2_SYMBOL), so
 * the program's other files and libraries keep the system's.
 *
 * A few names come with headers that every program includes (<stdlib.h>, <unistd.h>). Those headers are
 * included here, first; then the names are macros for names of ours. A system header that uses
 * struct timeval or fd_set in its own interface, and <sys/ioctl.h>, must be included before winsock2.h.
 */
#ifndef WINDLASS_LIBC_H
#define WINDLASS_LIBC_H

#if defined(_SYS_SOCKET_H) || defined(_NETINET_IN_H) || defined(_NETDB_H) || defined(_ARPA_INET_H) || defined(_SYS_POLL_H)
#error "a source file uses Winsock or POSIX sockets, not both: this one included <sys/socket.h>, <netinet/in.h>, <netdb.h>, <arpa/inet.h> or <poll.h> before winsock2.h"
#endif

/* An FD_SETSIZE that the program chose before this point must survive the header that defines the system's. */
#if defined(FD_SETSIZE) && !defined(_SYS_SELECT_H)
#define WINDLASS_FD_SETSIZE_CHOSEN
#pragma push_macro("FD_SETSIZE")
#undef FD_SETSIZE
#endif

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/time.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#ifdef WINDLASS_FD_SETSIZE_CHOSEN
#pragma pop_macro("FD_SETSIZE")
#else
/* The system's own value is spelled __FD_SETSIZE; a number is the program's. */
#pragma push_macro("__FD_SETSIZE")
#undef __FD_SETSIZE
#define __FD_SETSIZE 0
#if FD_SETSIZE == 0
#undef FD_SETSIZE
#endif
#pragma pop_macro("__FD_SETSIZE")
#endif
#undef WINDLASS_FD_SETSIZE_CHOSEN

#undef FD_CLR
#undef FD_ISSET
#undef FD_SET
#undef FD_ZERO

#define fd_set ws2_fd_set
#define gethostname ws2_gethostname
#define select ws2_select
#define timeval ws2_timeval
/* unsigned int in the C library, int in Winsock. */
#define socklen_t ws2_socklen_t
/* 64 bits wide in the C library, 32 in Winsock. */
#define u_long ws2_u_long

/* The symbol of a function whose name the C library has too. */
#define WS2_SYMBOL(name) __asm__("ws2_" #name)

#endif
