/* The POSIX half of the plain provider: kernel sockets behind numbers and bytes only, because one
 * source file uses either Winsock's headers or POSIX's. A negative result is minus a WSA code. */
#ifndef PLAIN_POSIX_H
#define PLAIN_POSIX_H

#include <stddef.h>
#include <stdint.h>

enum { PX_READ = 1, PX_WRITE = 2, PX_EXCEPT = 4 };

/* One descriptor in a wait: what is asked, and what is found. */
struct px_ready {
    int fd;
    int want;
    int got;
};

/* One scatter or gather element. */
struct px_buffer {
    void *data;
    size_t len;
};

int px_event(void);                 /* a new wake-up descriptor */
void px_signal(int event);
void px_drain(int event);
int px_close(int fd);
void px_reset_on_close(int fd);     /* the close that follows is abortive */

int px_socket(int family, int type, int protocol);
int px_bind(int fd, const void *name, int namelen);
int px_listen(int fd, int backlog);
int px_accept(int fd, void *name, int *namelen);
int px_connect(int fd, const void *name, int namelen);
int px_connect_result(int fd);      /* the pending error of the socket, 0 for none */
int px_shutdown(int fd, int how);
int px_getsockname(int fd, void *name, int *namelen);
int px_getpeername(int fd, void *name, int *namelen);
int px_getsockopt(int fd, int option, int *value);
int px_setsockopt(int fd, int level, int option, int value);
int px_setlinger(int fd, int on, int seconds);
int px_readable_bytes(int fd, uint32_t *bytes);

/* Never block; -WSAEWOULDBLOCK says that they would. */
long px_send(int fd, const struct px_buffer *buffers, int count, int oob, const void *to, int tolen);
long px_recv(int fd, const struct px_buffer *buffers, int count, int peek, int oob, void *from, int *fromlen, int *truncated);

/* Waits until one is ready, `event` is signalled (-WSAEINTR) or milliseconds pass (-1: forever).
 * The number of ready descriptors, 0 when the time is over. */
int px_wait(struct px_ready *ready, int count, int event, int milliseconds);

int px_format(const void *name, int namelen, char *text, size_t size);
int px_parse(const char *text, int family, void *name, int *namelen);

#endif
