/* TransmitFile, TransmitPackets. See crates/capi/tests/extensions.rs. */
#include "connections.h"

#include <signal.h>

enum { LARGE = 12 << 20 };

/* A byte of the file: a pattern that no shift leaves alone. */
static char byte_at(size_t at) {
    return (char)(at * 7 + at / 251 + at / 65537);
}

/* A file of so many bytes, which goes with its handle. */
static HANDLE file_of(size_t size) {
    static char block[1 << 16];
    HANDLE file = CreateFileA("file", GENERIC_READ | GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, FILE_FLAG_DELETE_ON_CLOSE, NULL);
    size_t at = 0, i;
    DWORD count;
    CHECK(file != INVALID_HANDLE_VALUE);
    while (at < size) {
        size_t some = size - at < sizeof block ? size - at : sizeof block;
        for (i = 0; i < some; i++) {
            block[i] = byte_at(at + i);
        }
        CHECK_EQ(WriteFile(file, block, (DWORD)some, &count, NULL), TRUE);
        CHECK_EQ(count, some);
        at += some;
    }
    CHECK_EQ(SetFilePointerEx(file, (LARGE_INTEGER){.QuadPart = 0}, NULL, FILE_BEGIN), TRUE);
    return file;
}

/* Receives bytes of the file. */
static void expect_file(SOCKET s, size_t from, size_t to) {
    static char block[1 << 16];
    while (from < to) {
        size_t some = to - from < sizeof block ? to - from : sizeof block, i;
        int got = recv(s, block, (int)some, 0);
        CHECK(got > 0);
        for (i = 0; i < (size_t)got; i++) {
            if (block[i] != byte_at(from + i)) {
                CHECK_EQ(from + i, -1);
            }
        }
        from += (size_t)got;
    }
}

static LPFN_TRANSMITPACKETS transmit_packets_of(SOCKET s) {
    return EXTENSION(s, LPFN_TRANSMITPACKETS, WSAID_TRANSMITPACKETS);
}

/* proves: API-X41, API-X42, API-X44, API-X3, A-X05 */
static void api_x40_what_a_transmission_needs(void) {
    SOCKET ends[2], alone, datagram;
    HANDLE file = file_of(100), event = CreateEventA(NULL, TRUE, FALSE, NULL);
    struct extended operation;
    TRANSMIT_FILE_BUFFERS buffers = {NULL, 5, NULL, 0};
    start();
    pair(ends);
    alone = bound(SOCK_STREAM);
    datagram = bound(SOCK_DGRAM);
    prepare_extended(&operation, 1);
    CHECK_FAILS(TransmitFile(datagram, file, 0, 0, NULL, NULL, 0), FALSE, WSAEINVAL);
    CHECK_FAILS(TransmitFile(alone, file, 0, 0, NULL, NULL, 0), FALSE, WSAENOTCONN);
    CHECK_FAILS(TransmitFile(INVALID_SOCKET, file, 0, 0, NULL, NULL, 0), FALSE, WSAENOTSOCK);
    CHECK_FAILS(TransmitFile(ends[0], file, 0, 0, NULL, &buffers, 0), FALSE, WSAEFAULT);
    CHECK_FAILS(TransmitFile(ends[0], file, 0x7FFFFFFF, 0, NULL, NULL, 0), FALSE, WSAEINVAL);
    CHECK_FAILS(TransmitFile(ends[0], event, 0, 0, NULL, NULL, 0), FALSE, WSA_INVALID_HANDLE);
    CHECK_FAILS(TransmitFile(ends[0], INVALID_HANDLE_VALUE, 0, 0, NULL, NULL, 0), FALSE, WSA_INVALID_HANDLE);
    CHECK_FAILS(TransmitFile(ends[0], file, 0, 0, NULL, NULL, TF_REUSE_SOCKET), FALSE, WSAEINVAL);
    CHECK_FAILS(TransmitFile(ends[0], file, 0, 0, NULL, NULL, TF_WRITE_BEHIND | TF_DISCONNECT), FALSE, WSAEINVAL);
    CHECK_FAILS(TransmitFile(ends[0], file, 0, 0, NULL, NULL, 0x100), FALSE, WSAEINVAL);
    operation.overlapped.Offset = 101;
    CHECK_FAILS(TransmitFile(ends[0], file, 0, 0, &operation.overlapped, NULL, 0), FALSE, WSAEINVAL);
    CHECK_EQ(operation.overlapped.Internal, 0);
    CHECK_EQ(CloseHandle(file), TRUE);
    CHECK_FAILS(TransmitFile(ends[0], file, 0, 0, NULL, NULL, 0), FALSE, WSA_INVALID_HANDLE);
    CHECK_EQ(shutdown(ends[0], SD_SEND), 0);
    CHECK_FAILS(TransmitFile(ends[0], NULL, 0, 0, NULL, &(TRANSMIT_FILE_BUFFERS){"x", 1, NULL, 0}, 0), FALSE,
                WSAESHUTDOWN);
    CHECK_EQ(closesocket(ends[0]), 0);
    stop();
}

static void api_x43_head_file_and_tail(void) {
    SOCKET ends[2];
    HANDLE file = file_of(1000);
    TRANSMIT_FILE_BUFFERS buffers = {"before", 6, "after", 5};
    struct extended operation;
    LARGE_INTEGER at;
    start();
    pair(ends);
    /* Blocking, from the position. */
    CHECK_EQ(SetFilePointerEx(file, (LARGE_INTEGER){.QuadPart = 100}, NULL, FILE_BEGIN), TRUE);
    CHECK_EQ(TransmitFile(ends[0], file, 0, 0, NULL, &buffers, 0), TRUE);
    expect_text(ends[1], "before");
    expect_file(ends[1], 100, 1000);
    expect_text(ends[1], "after");
    CHECK_EQ(SetFilePointerEx(file, (LARGE_INTEGER){.QuadPart = 0}, &at, FILE_BEGIN), TRUE);
    CHECK_EQ(TransmitFile(ends[0], file, 10, 0, NULL, NULL, 0), TRUE);
    expect_file(ends[1], 0, 10);
    CHECK_EQ(TransmitFile(ends[0], NULL, 0, 0, NULL, &buffers, 0), TRUE);
    expect_text(ends[1], "beforeafter");
    /* Overlapped, from an offset; more than there is ends with the file. */
    prepare_extended(&operation, 1);
    operation.overlapped.Offset = 900;
    CHECK_STARTS(TransmitFile(ends[0], file, 500, 4096, &operation.overlapped, &buffers, TF_USE_KERNEL_APC));
    check_over(ends[0], &operation, 0, 111);
    expect_text(ends[1], "before");
    expect_file(ends[1], 900, 1000);
    expect_text(ends[1], "after");
    CHECK_EQ(TransmitFile(ends[0], NULL, 0, 0, NULL, NULL, 0), TRUE);
    set_blocking(ends[1], 0);
    CHECK_FAILS(recv(ends[1], operation.buffer, 1, 0), SOCKET_ERROR, WSAEWOULDBLOCK);
    stop();
    CHECK_EQ(CloseHandle(file), TRUE);
}

static DWORD WINAPI receive_all(void *s) {
    expect_text((SOCKET)s, "before");
    expect_file((SOCKET)s, 0, LARGE);
    expect_text((SOCKET)s, "after");
    return 0;
}

/* proves: OV-12, T-API-8 */
static void api_x40_a_large_file_in_its_turn(void) {
    SOCKET ends[2];
    HANDLE file = file_of(LARGE), thread;
    TRANSMIT_FILE_BUFFERS buffers = {"before", 6, "after", 5};
    struct extended operations[2], sent[2];
    WSABUF buffer = {5, "extra"};
    start();
    pair(ends);
    prepare_extended(&operations[0], 1);
    prepare_extended(&operations[1], 0);
    prepare_extended(&sent[0], 0);
    prepare_extended(&sent[1], 0);
    CHECK_PENDS(TransmitFile(ends[0], file, 0, 0, &operations[0].overlapped, &buffers, 0));
    CHECK_FAILS(WSASend(ends[0], &buffer, 1, NULL, 0, &sent[0].overlapped, NULL), SOCKET_ERROR, WSA_IO_PENDING);
    CHECK_PENDS(TransmitFile(ends[0], file, 20, 0, &operations[1].overlapped, &buffers, 0));
    CHECK_EQ(CloseHandle(file), TRUE); /* The operations have it still. */
    CHECK_EQ(receive_all((void *)ends[1]), 0);
    expect_text(ends[1], "extra");
    expect_text(ends[1], "before");
    expect_file(ends[1], 0, 20);
    expect_text(ends[1], "after");
    check_over(ends[0], &operations[0], 0, LARGE + 11);
    check_over(ends[0], &sent[0], 0, 5);
    check_over(ends[0], &operations[1], 0, 31);
    /* The same, blocking. */
    file = file_of(LARGE);
    thread = CreateThread(NULL, 0, receive_all, (void *)ends[1], 0, NULL);
    CHECK(thread != NULL);
    CHECK_EQ(TransmitFile(ends[0], file, 0, 0, NULL, &buffers, 0), TRUE);
    CHECK_EQ(WaitForSingleObject(thread, 30000), WAIT_OBJECT_0);
    /* A close ends one that waits, and a connection that breaks as well. */
    prepare_extended(&operations[0], 1);
    CHECK_PENDS(TransmitFile(ends[0], file, 0, 0, &operations[0].overlapped, NULL, 0));
    CHECK_EQ(closesocket(ends[0]), 0);
    check_over(INVALID_SOCKET, &operations[0], WSA_OPERATION_ABORTED, 0);
    CHECK_EQ(CloseHandle(file), TRUE);
    stop();
}

static void api_x44_a_connection_that_breaks_is_an_error_and_no_signal(void) {
    SOCKET ends[2];
    HANDLE file = file_of(LARGE);
    struct extended operation;
    struct linger hard = {1, 0};
    start();
    CHECK(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
    pair(ends);
    prepare_extended(&operation, 1);
    CHECK_PENDS(TransmitFile(ends[0], file, 0, 0, &operation.overlapped, NULL, 0));
    CHECK_EQ(setsockopt(ends[1], SOL_SOCKET, SO_LINGER, (char *)&hard, sizeof hard), 0);
    CHECK_EQ(closesocket(ends[1]), 0);
    check_over(ends[0], &operation, WSAECONNRESET, 0);
    CHECK_FAILS(TransmitFile(ends[0], file, 0, 0, NULL, NULL, 0), FALSE, WSAECONNRESET);
    CHECK_FAILS(TransmitFile(ends[0], file, 0, 0, NULL, NULL, 0), FALSE, WSAECONNRESET);
    stop();
}

/* proves: API-X43, API-X31 */
static void api_x42_a_disconnect_follows(void) {
    SOCKET ends[2], listener, s;
    HANDLE file = file_of(1000);
    TRANSMIT_FILE_BUFFERS buffers = {"before", 6, "after", 5};
    struct extended operation;
    char byte;
    int overlapped;
    start();
    for (overlapped = 0; overlapped < 2; overlapped++) {
        pair(ends);
        prepare_extended(&operation, 1);
        CHECK_STARTS(TransmitFile(ends[0], file, 10, 0, overlapped ? &operation.overlapped : NULL, NULL, TF_DISCONNECT));
        if (overlapped) {
            check_over(ends[0], &operation, 0, 10);
        }
        expect_file(ends[1], overlapped ? 0 : 0, 10);
        CHECK_EQ(recv(ends[1], &byte, 1, 0), 0);
        CHECK_FAILS(send(ends[0], "x", 1, 0), SOCKET_ERROR, WSAESHUTDOWN);
    }
    /* With reuse: the way of a server that uses its sockets again. */
    listener = listening();
    s = make(AF_INET, SOCK_STREAM);
    for (overlapped = 0; overlapped < 4; overlapped++) {
        struct extended accepted;
        SOCKET client;
        prepare_extended(&accepted, 1);
        CHECK_PENDS(AcceptEx(listener, s, accepted.buffer, 0, BLOCK, BLOCK, NULL, &accepted.overlapped));
        client = connected_to(listener);
        check_over(listener, &accepted, 0, 0);
        prepare_extended(&operation, 1);
        if (overlapped % 2) {
            CHECK_PENDS(TransmitFile(s, file, 0, 0, &operation.overlapped, &buffers, TF_DISCONNECT | TF_REUSE_SOCKET));
            expect_text(client, "before");
            expect_file(client, 0, 1000);
            expect_text(client, "after");
            CHECK_EQ(recv(client, &byte, 1, 0), 0);
            CHECK(!HasOverlappedIoCompleted(&operation.overlapped));
            CHECK_EQ(closesocket(client), 0);
            check_over(s, &operation, 0, 1011);
        } else {
            /* Nothing to send: only the disconnect. */
            CHECK_EQ(shutdown(client, SD_SEND), 0);
            CHECK_EQ(TransmitFile(s, NULL, 0, 0, NULL, NULL, TF_DISCONNECT | TF_REUSE_SOCKET), TRUE);
            CHECK_EQ(recv(client, &byte, 1, 0), 0);
            CHECK_EQ(closesocket(client), 0);
        }
        CHECK_FAILS(send(s, "x", 1, 0), SOCKET_ERROR, WSAENOTCONN);
    }
    CHECK_EQ(CloseHandle(file), TRUE);
    stop();
}

static TRANSMIT_PACKETS_ELEMENT memory(const char *text, ULONG flags) {
    TRANSMIT_PACKETS_ELEMENT element;
    memset(&element, 0, sizeof element);
    element.dwElFlags = TP_ELEMENT_MEMORY | flags;
    element.cLength = (ULONG)strlen(text);
    element.pBuffer = (void *)(size_t)text;
    return element;
}

static TRANSMIT_PACKETS_ELEMENT part(HANDLE file, LONGLONG offset, ULONG length, ULONG flags) {
    TRANSMIT_PACKETS_ELEMENT element;
    memset(&element, 0, sizeof element);
    element.dwElFlags = TP_ELEMENT_FILE | flags;
    element.cLength = length;
    element.nFileOffset.QuadPart = offset;
    element.hFile = file;
    return element;
}

/* proves: API-X46, A-X06 */
static void api_x45_packets_of_memory_and_files(void) {
    SOCKET ends[2], alone;
    HANDLE file = file_of(1000);
    TRANSMIT_PACKETS_ELEMENT elements[5];
    LPFN_TRANSMITPACKETS transmit_packets;
    struct extended operation;
    char buffer[64];
    start();
    pair(ends);
    transmit_packets = transmit_packets_of(ends[0]);
    elements[0] = memory("one", 0);
    elements[1] = part(file, 10, 20, 0);
    elements[2] = memory("two", TP_ELEMENT_EOP);
    elements[3] = part(file, 990, 0, 0);
    elements[4] = part(file, -1, 5, TP_ELEMENT_EOP);
    prepare_extended(&operation, 1);
    CHECK_STARTS(transmit_packets(ends[0], elements, 5, 0, &operation.overlapped, 0));
    check_over(ends[0], &operation, 0, 3 + 20 + 3 + 10 + 5);
    expect_text(ends[1], "one");
    expect_file(ends[1], 10, 30);
    expect_text(ends[1], "two");
    expect_file(ends[1], 990, 1000);
    expect_file(ends[1], 0, 5);
    CHECK_EQ(transmit_packets(ends[0], elements, 1, 0xFFFFFFFF, NULL, TP_DISCONNECT), TRUE);
    expect_text(ends[1], "one");
    CHECK_EQ(recv(ends[1], buffer, 1, 0), 0);
    /* Datagrams end where they are marked. */
    datagram_pair(ends);
    CHECK_EQ(transmit_packets(ends[0], elements, 5, 0xFFFFFFFF, NULL, 0), TRUE);
    CHECK_EQ(recv(ends[1], buffer, sizeof buffer, 0), 26);
    CHECK(memcmp(buffer, "one", 3) == 0 && buffer[3] == byte_at(10) && memcmp(buffer + 23, "two", 3) == 0);
    CHECK_EQ(recv(ends[1], buffer, sizeof buffer, 0), 15);
    prepare_extended(&operation, 0);
    CHECK_STARTS(transmit_packets(ends[0], elements, 3, 20, &operation.overlapped, 0));
    check_over(ends[0], &operation, 0, 26);
    CHECK_EQ(recv(ends[1], buffer, sizeof buffer, 0), 20);
    CHECK_EQ(recv(ends[1], buffer, sizeof buffer, 0), 6);
    /* What is refused. */
    alone = bound(SOCK_DGRAM);
    CHECK_FAILS(transmit_packets(alone, elements, 1, 0, NULL, 0), FALSE, WSAENOTCONN);
    CHECK_FAILS(transmit_packets(ends[0], elements, 1, 0, NULL, TP_DISCONNECT), FALSE, WSAEINVAL);
    CHECK_FAILS(transmit_packets(ends[0], NULL, 1, 0, NULL, 0), FALSE, WSAEFAULT);
    CHECK_FAILS(transmit_packets(ends[0], elements, 1, 0, NULL, TF_WRITE_BEHIND), FALSE, WSAEINVAL);
    elements[0].dwElFlags = 0;
    CHECK_FAILS(transmit_packets(ends[0], elements, 1, 0, NULL, 0), FALSE, WSAEINVAL);
    elements[0] = part(file, 1001, 5, 0);
    CHECK_FAILS(transmit_packets(ends[0], elements, 1, 0, NULL, 0), FALSE, WSAEINVAL);
    elements[0] = part(NULL, 0, 5, 0);
    CHECK_FAILS(transmit_packets(ends[0], elements, 1, 0, NULL, 0), FALSE, WSA_INVALID_HANDLE);
    CHECK_EQ(CloseHandle(file), TRUE);
    stop();
}

int main(int argc, char **argv) {
    const struct test tests[] = {
        TEST(api_x40_what_a_transmission_needs),
        TEST(api_x43_head_file_and_tail),
        TEST(api_x40_a_large_file_in_its_turn),
        TEST(api_x44_a_connection_that_breaks_is_an_error_and_no_signal),
        TEST(api_x42_a_disconnect_follows),
        TEST(api_x45_packets_of_memory_and_files),
    };
    return run_tests(tests, COUNT(tests), argc, argv);
}
