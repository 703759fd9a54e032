/* The POSIX half of the plain provider: kernel sockets behind numbers and bytes only, because a source file uses either
 * Winsock's headers or POSIX's. Names are in Winsock's layout. A negative result is minus a WSA code. No call blocks but
 * px_wait; -WSAEWOULDBLOCK says that it would. */
#ifndef PLAIN_POSIX_H
#define PLAIN_POSIX_H

#include <stddef.h>
#include <stdint.h>

/* A socket address. */
struct px_name {
    unsigned char bytes[128];
    int len;
};

/* One scatter or gather element. */
struct px_buffer {
    void *data;
    size_t len;
};

enum { PX_MOST_BUFFERS = 64 }; /* in one transfer */

/* A descriptor that becomes readable with px_signal, and stays so. */
int px_event(void);
void px_signal(int event);

int px_close(int fd);
void px_reset_on_close(int fd); /* the close that follows is abortive */

int px_socket(int family, int type);
int px_bind(int fd, const void *name, int len);
int px_listen(int fd, int backlog);
int px_accept(int fd, struct px_name *peer);
int px_connect(int fd, const void *name, int len);
int px_disconnect(int fd); /* a datagram socket's peer */
int px_shutdown(int fd, int how);
int px_getsockname(int fd, struct px_name *name);
int px_getpeername(int fd, struct px_name *name);

/* The integer options that the kernel keeps, by Winsock's numbers. */
int px_getsockopt(int fd, int level, int option, int *value);
int px_setsockopt(int fd, int level, int option, int value);
int px_take_error(int fd); /* the pending error, as a WSA code; 0 for none */
int px_readable_bytes(int fd, int is_stream, uint32_t *bytes); /* of all datagrams that wait */

/* Bytes moved. `to` may be null; `from` too. */
long px_send(int fd, const struct px_buffer *buffers, int count, const void *to, int to_len);
long px_recv(int fd, const struct px_buffer *buffers, int count, int peek, struct px_name *from, int *truncated);

enum { PX_READ = 1, PX_WRITE = 2, PX_EXCEPT = 4 };

/* One socket in a wait. */
struct px_ready {
    int fd;         /* -1: nothing can happen */
    int wake;       /* an event that ends the wait with -WSAEINTR */
    int want;       /* PX_* */
    int connecting; /* whether a failure is that of a connect: PX_EXCEPT, and nothing else */
    int got;        /* what was found of what was wanted */
};

/* Waits until a socket is ready, or the milliseconds are over; -1 is for ever. The number of sockets that are ready. */
int px_wait(struct px_ready *ready, int count, int64_t milliseconds);

/* Numeric text: its length, or a name of the family, 0 for any. */
int px_format(const void *name, uint32_t len, char *text, size_t room);
int px_parse(const char *text, int family, struct px_name *name);

#endif
