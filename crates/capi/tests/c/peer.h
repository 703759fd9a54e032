/* A peer that does not use Winsock: plain POSIX sockets, in a source file of its own. Ports are in host order. */
#ifndef PEER_H
#define PEER_H

#include <stddef.h>

int peer_listen(unsigned short *port);          /* a listening socket on 127.0.0.1 */
int peer_accept(int listener);
int peer_connect(unsigned short port);
long peer_send(int fd, const void *data, size_t len);
long peer_recv(int fd, void *data, size_t len); /* -1 for a reset, 0 for the end */
int peer_was_reset(int fd);                     /* waits for the end: 1 for a reset, 0 for an orderly end */
void peer_close(int fd);
int thread_count(void);                         /* of this process */
int threads_become(int wanted);                 /* whether there are soon this many */
int descriptor_count(void);
long resident_kib(void);
int is_mapped(const char *name);                /* whether a file with this in its path is mapped */

#endif
