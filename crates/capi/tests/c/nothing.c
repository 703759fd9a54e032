/* The smallest program that starts Winsock and stops it. */
#include <winsock2.h>

int main(void) {
    WSADATA data;
    if (WSAStartup(MAKEWORD(2, 2), &data) != 0) return 1;
    return WSACleanup() == 0 ? 0 : 2;
}
