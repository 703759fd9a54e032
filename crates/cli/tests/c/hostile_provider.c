/* Uses sockets of a provider that misbehaves, and prints each step that fails with its code. Whatever the provider does, every
 * call returns, and Winsock can be ended and started again. */
#include <winsock2.h>
#include <ws2tcpip.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static int failed(const char *step, int has_failed) {
    if (has_failed) printf("%s %d\n", step, WSAGetLastError());
    fflush(stdout);
    return has_failed;
}

static void *receive(void *s) {
    char room[8];
    recv(*(SOCKET *)s, room, sizeof room, 0);
    return NULL;
}

static void overlapped(SOCKET from, SOCKET to) {
    char room[16];
    DWORD bytes = 0, flags = 0;
    WSABUF buffer = {sizeof room, room};
    WSAOVERLAPPED operation;
    memset(&operation, 0, sizeof operation);
    operation.hEvent = WSACreateEvent();
    int result = WSARecv(to, &buffer, 1, &bytes, &flags, &operation, NULL);
    if (failed("WSARecv", result != 0 && WSAGetLastError() != WSA_IO_PENDING)) return;
    failed("send", send(from, "later", 5, 0) != 5);
    if (WSAWaitForMultipleEvents(1, &operation.hEvent, TRUE, 2000, FALSE) != WSA_WAIT_EVENT_0) puts("not told");
    bytes = 0;
    if (failed("WSAGetOverlappedResult", !WSAGetOverlappedResult(to, &operation, &bytes, FALSE, &flags))) return;
    if (bytes != 5) printf("%u bytes\n", (unsigned)bytes);
}

static void use(int in_thread) {
    static SOCKET client;
    struct sockaddr_in name = {0};
    struct sockaddr_storage own;
    char room[16];
    int length = sizeof own, got;
    pthread_t thread;
    SOCKET accepted, listener = socket(AF_INET, SOCK_STREAM, 0);
    if (failed("socket", listener == INVALID_SOCKET)) return;
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (failed("bind", bind(listener, (struct sockaddr *)&name, sizeof name) != 0)) return;
    if (failed("bind again", bind(listener, (struct sockaddr *)&name, sizeof name) == 0)) return;
    if (failed("listen", listen(listener, 5) != 0)) return;
    if (failed("getsockname", getsockname(listener, (struct sockaddr *)&own, &length) != 0)) return;
    if (length != sizeof name) printf("a name of %d bytes\n", length);
    client = socket(AF_INET, SOCK_STREAM, 0);
    if (failed("second socket", client == INVALID_SOCKET)) return;
    if (failed("connect", connect(client, (struct sockaddr *)&own, sizeof name) != 0)) return;
    accepted = accept(listener, NULL, NULL);
    if (failed("accept", accepted == INVALID_SOCKET)) return;
    if (in_thread) {
        if (pthread_create(&thread, NULL, receive, &client) == 0) pthread_detach(thread);
        Sleep(100);
        return;
    }
    failed("send", send(client, "hello", 5, 0) != 5);
    got = recv(accepted, room, sizeof room, 0);
    if (!failed("recv", got < 0) && got != 5) printf("%d bytes\n", got);
    overlapped(client, accepted);
    /* The client stays open: the clean-up is its end. */
    failed("closesocket", closesocket(accepted) != 0 || closesocket(listener) != 0);
    failed("closesocket of none", closesocket(accepted) == 0);
}

int main(int argc, char **argv) {
    WSADATA data;
    int round;
    (void)argv;
    for (round = 0; round < 2; round++) {
        if (WSAStartup(MAKEWORD(2, 2), &data) != 0) return 1;
        use(argc > 1);
        failed("WSACleanup", WSACleanup() != 0);
        if (WSACleanup() != SOCKET_ERROR || WSAGetLastError() != WSANOTINITIALISED) return 2;
    }
    puts("survived");
    return 0;
}
