/* A file of the same program that uses the system's sockets. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

void posix_side(void);

void posix_side(void)
{
    struct sockaddr_in name;
    socklen_t length = sizeof name;
    struct timeval none = {0, 0};
    char host[256];
    fd_set set;
    int ok = 0, s = socket(AF_INET, SOCK_DGRAM, 0);
    memset(&name, 0, sizeof name);
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(s, (struct sockaddr *)&name, sizeof name) == 0 && getsockname(s, (struct sockaddr *)&name, &length) == 0)
        ok = name.sin_port != 0;
    FD_ZERO(&set);
    FD_SET(s, &set);
    ok = ok && select(s + 1, &set, NULL, NULL, &none) == 0 && gethostname(host, sizeof host) == 0;
    puts(ok ? "posix: bound" : "posix: failed");
    close(s);
}
