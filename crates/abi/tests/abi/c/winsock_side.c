/* A file of a program that uses Winsock. The library's functions are stood in for by ones that tell they were called. */
#include <winsock2.h>
#include <stdio.h>

void posix_side(void);

int bind(SOCKET s, const struct sockaddr *name, int namelen)
{
    printf("winsock:%s", s == 5 && name && namelen == 16 ? " bind" : " wrong arguments");
    return 0;
}

int select(int nfds, fd_set *readfds, fd_set *writefds, fd_set *exceptfds, const struct timeval *timeout)
{
    int right = nfds == 0 && readfds->fd_count == 1 && !writefds && !exceptfds && timeout->tv_usec == 2;
    printf(right ? " select" : " wrong arguments");
    return 0;
}

int gethostname(char *name, int namelen)
{
    puts(name && namelen == 3 ? " gethostname" : " wrong arguments");
    return 0;
}

int main(void)
{
    struct sockaddr_in name = {0};
    struct timeval limit = {1, 2};
    char host[3];
    fd_set set;
    FD_ZERO(&set);
    FD_SET(5, &set);
    bind(5, (struct sockaddr *)&name, sizeof name);
    select(0, &set, NULL, NULL, &limit);
    gethostname(host, sizeof host);
    fflush(stdout);
    posix_side();
    return 0;
}
