/* Plain files, standard streams, ReadFile and WriteFile on sockets. See crates/capi/tests/files.rs. */
#include "connections.h"

/* A name in a folder of this process's own, which is the working directory. */
static const char *const NAME = "file";

static HANDLE open_file(DWORD access, DWORD creation, DWORD flags) {
    return CreateFileA(NAME, access, FILE_SHARE_READ, NULL, creation, flags, NULL);
}

static HANDLE must_open(DWORD access, DWORD creation, DWORD flags) {
    HANDLE file = open_file(access, creation, flags);
    CHECK(file != INVALID_HANDLE_VALUE);
    return file;
}

static LARGE_INTEGER large(LONGLONG value) {
    LARGE_INTEGER number;
    number.QuadPart = value;
    return number;
}

static LONGLONG size_of(HANDLE file) {
    LARGE_INTEGER size;
    CHECK_EQ(GetFileSizeEx(file, &size), TRUE);
    return size.QuadPart;
}

static void write_text(HANDLE file, const char *text) {
    DWORD count = 4711;
    CHECK_EQ(WriteFile(file, text, (DWORD)strlen(text), &count, NULL), TRUE);
    CHECK_EQ(count, strlen(text));
}

static void creation_dispositions(void) {
    HANDLE file;
    SetLastError(0);
    CHECK(open_file(GENERIC_READ, OPEN_EXISTING, 0) == INVALID_HANDLE_VALUE);
    CHECK_EQ(GetLastError(), ERROR_FILE_NOT_FOUND);
    CHECK(open_file(GENERIC_WRITE, TRUNCATE_EXISTING, 0) == INVALID_HANDLE_VALUE);
    CHECK_EQ(GetLastError(), ERROR_FILE_NOT_FOUND);
    CHECK(CreateFileA("no\\folder\\file", GENERIC_READ, 0, NULL, OPEN_EXISTING, 0, NULL) == INVALID_HANDLE_VALUE);
    CHECK_EQ(GetLastError(), ERROR_PATH_NOT_FOUND);
    CHECK(CreateFileA(".", GENERIC_READ, 0, NULL, OPEN_EXISTING, 0, NULL) == INVALID_HANDLE_VALUE);
    CHECK_EQ(GetLastError(), ERROR_ACCESS_DENIED);
    CHECK(CreateFileA("", GENERIC_READ, 0, NULL, OPEN_EXISTING, 0, NULL) == INVALID_HANDLE_VALUE);
    CHECK_EQ(GetLastError(), ERROR_PATH_NOT_FOUND);
    CHECK(CreateFileA(NULL, GENERIC_READ, 0, NULL, OPEN_EXISTING, 0, NULL) == INVALID_HANDLE_VALUE);
    CHECK_EQ(GetLastError(), ERROR_PATH_NOT_FOUND);
    CHECK(open_file(GENERIC_READ, 6, 0) == INVALID_HANDLE_VALUE);
    CHECK_EQ(GetLastError(), ERROR_INVALID_PARAMETER);
    SetLastError(77);
    file = must_open(GENERIC_WRITE, OPEN_ALWAYS, FILE_ATTRIBUTE_NORMAL);
    CHECK_EQ(GetLastError(), 0);
    write_text(file, "hello");
    CHECK_EQ(size_of(file), 5);
    CHECK_EQ(CloseHandle(file), TRUE);
    CHECK_EQ(CloseHandle(file), FALSE);
    CHECK_EQ(GetLastError(), ERROR_INVALID_HANDLE);
    CHECK(open_file(GENERIC_WRITE, CREATE_NEW, 0) == INVALID_HANDLE_VALUE);
    CHECK_EQ(GetLastError(), ERROR_FILE_EXISTS);
    CHECK(open_file(GENERIC_READ, TRUNCATE_EXISTING, 0) == INVALID_HANDLE_VALUE);
    CHECK_EQ(GetLastError(), ERROR_INVALID_PARAMETER);
    file = must_open(GENERIC_WRITE, OPEN_ALWAYS, 0);
    CHECK_EQ(GetLastError(), ERROR_ALREADY_EXISTS);
    CHECK_EQ(size_of(file), 5);
    CHECK_EQ(CloseHandle(file), TRUE);
    file = must_open(GENERIC_WRITE, CREATE_ALWAYS, 0);
    CHECK_EQ(GetLastError(), ERROR_ALREADY_EXISTS);
    CHECK_EQ(size_of(file), 0);
    CHECK_EQ(CloseHandle(file), TRUE);
    CHECK_EQ(DeleteFileA(NAME), TRUE);
    CHECK_EQ(DeleteFileA(NAME), FALSE);
    CHECK_EQ(GetLastError(), ERROR_FILE_NOT_FOUND);
    file = CreateFileW(WIDE(".\\wide"), GENERIC_WRITE, 0, NULL, CREATE_NEW, FILE_FLAG_DELETE_ON_CLOSE, NULL);
    CHECK(file != INVALID_HANDLE_VALUE);
    CHECK_EQ(access("wide", F_OK), 0);
    CHECK_EQ(CloseHandle(file), TRUE);
    CHECK_EQ(access("wide", F_OK), -1);
}

static void reads_writes_and_the_position(void) {
    HANDLE file = must_open(GENERIC_READ | GENERIC_WRITE, CREATE_NEW, 0), reader, writer, copy;
    LARGE_INTEGER at;
    char buffer[16];
    DWORD count;
    write_text(file, "0123456789");
    CHECK_EQ(ReadFile(file, buffer, 5, &count, NULL), TRUE);
    CHECK_EQ(count, 0); /* The end of the file. */
    CHECK_EQ(SetFilePointerEx(file, large(2), &at, FILE_BEGIN), TRUE);
    CHECK_EQ(at.QuadPart, 2);
    CHECK_EQ(ReadFile(file, buffer, 3, &count, NULL), TRUE);
    CHECK_EQ(count, 3);
    CHECK(memcmp(buffer, "234", 3) == 0);
    CHECK_EQ(SetFilePointerEx(file, large(-1), &at, FILE_CURRENT), TRUE);
    CHECK_EQ(at.QuadPart, 4);
    CHECK_EQ(SetFilePointerEx(file, large(-2), &at, FILE_END), TRUE);
    CHECK_EQ(at.QuadPart, 8);
    CHECK_EQ(SetEndOfFile(file), TRUE);
    CHECK_EQ(size_of(file), 8);
    CHECK_EQ(SetFilePointerEx(file, large(-9), NULL, FILE_END), FALSE);
    CHECK_EQ(GetLastError(), ERROR_NEGATIVE_SEEK);
    CHECK_EQ(SetFilePointerEx(file, large(-9), NULL, FILE_BEGIN), FALSE);
    CHECK_EQ(GetLastError(), ERROR_NEGATIVE_SEEK);
    CHECK_EQ(SetFilePointerEx(file, large(0), NULL, 3), FALSE);
    CHECK_EQ(GetLastError(), ERROR_INVALID_PARAMETER);
    CHECK_EQ(FlushFileBuffers(file), TRUE);
    reader = must_open(GENERIC_READ, OPEN_EXISTING, 0);
    writer = must_open(FILE_APPEND_DATA, OPEN_EXISTING, 0);
    CHECK_EQ(WriteFile(reader, "x", 1, &count, NULL), FALSE);
    CHECK_EQ(GetLastError(), ERROR_ACCESS_DENIED);
    CHECK_EQ(ReadFile(writer, buffer, 1, &count, NULL), FALSE);
    CHECK_EQ(GetLastError(), ERROR_ACCESS_DENIED);
    write_text(writer, "ab");
    CHECK_EQ(DuplicateHandle(GetCurrentProcess(), reader, GetCurrentProcess(), &copy, 0, FALSE, DUPLICATE_SAME_ACCESS),
             TRUE);
    CHECK_EQ(CloseHandle(reader), TRUE);
    CHECK_EQ(ReadFile(copy, buffer, sizeof buffer, &count, NULL), TRUE);
    CHECK_EQ(count, 10);
    CHECK(memcmp(buffer, "01234567ab", 10) == 0);
    CHECK_EQ(ReadFile(copy, NULL, 1, &count, NULL), FALSE);
    CHECK_EQ(GetLastError(), ERROR_INVALID_PARAMETER);
    CHECK_EQ(ReadFile(copy, buffer, 1, NULL, NULL), FALSE);
    CHECK_EQ(GetLastError(), ERROR_INVALID_PARAMETER);
    CHECK_EQ(ReadFile(INVALID_HANDLE_VALUE, buffer, 1, &count, NULL), FALSE);
    CHECK_EQ(GetLastError(), ERROR_INVALID_HANDLE);
    CHECK_EQ(GetFileSizeEx(NULL, &at), FALSE);
    CHECK_EQ(GetLastError(), ERROR_INVALID_HANDLE);
    CHECK_EQ(GetFileSizeEx(copy, NULL), FALSE);
    CHECK_EQ(GetLastError(), ERROR_INVALID_PARAMETER);
    CHECK_EQ(GetFileType(copy), FILE_TYPE_DISK);
    CHECK_EQ(CloseHandle(copy), TRUE);
    CHECK_EQ(CloseHandle(writer), TRUE);
    CHECK_EQ(CloseHandle(file), TRUE);
}

static void overlapped_transfers_on_files(void) {
    HANDLE file = must_open(GENERIC_READ | GENERIC_WRITE, CREATE_NEW, FILE_FLAG_OVERLAPPED), plain;
    HANDLE event = CreateEventA(NULL, TRUE, FALSE, NULL);
    OVERLAPPED overlapped;
    LARGE_INTEGER at;
    char buffer[16];
    DWORD count;
    CHECK_EQ(WriteFile(file, "x", 1, &count, NULL), FALSE);
    CHECK_EQ(GetLastError(), ERROR_INVALID_PARAMETER);
    memset(&overlapped, 0, sizeof overlapped);
    overlapped.hEvent = event;
    overlapped.Internal = STATUS_PENDING;
    CHECK_EQ(WriteFile(file, "hello", 5, &count, &overlapped), TRUE);
    CHECK_EQ(count, 5);
    CHECK(HasOverlappedIoCompleted(&overlapped));
    CHECK_EQ(overlapped.InternalHigh, 5);
    CHECK_EQ(WaitForSingleObject(event, 0), WAIT_OBJECT_0);
    overlapped.Offset = 0xFFFFFFFF;
    overlapped.OffsetHigh = 0xFFFFFFFF;
    CHECK_EQ(WriteFile(file, " world", 6, NULL, &overlapped), TRUE);
    overlapped.Offset = 4;
    overlapped.OffsetHigh = 0;
    overlapped.hEvent = NULL;
    CHECK_EQ(ReadFile(file, buffer, sizeof buffer, &count, &overlapped), TRUE);
    CHECK_EQ(count, 7);
    CHECK(memcmp(buffer, "o world", 7) == 0);
    overlapped.Offset = 11;
    CHECK_EQ(ResetEvent(event), TRUE);
    overlapped.hEvent = event;
    CHECK_EQ(ReadFile(file, buffer, sizeof buffer, &count, &overlapped), FALSE);
    CHECK_EQ(GetLastError(), ERROR_HANDLE_EOF);
    CHECK_EQ(WaitForSingleObject(event, 0), WAIT_TIMEOUT);
    /* The offset moves the position of a handle that has one. */
    plain = must_open(GENERIC_READ, OPEN_EXISTING, 0);
    overlapped.Offset = 2;
    CHECK_EQ(ReadFile(plain, buffer, 3, &count, &overlapped), TRUE);
    CHECK_EQ(SetFilePointerEx(plain, large(0), &at, FILE_CURRENT), TRUE);
    CHECK_EQ(at.QuadPart, 5);
    overlapped.hEvent = file;
    CHECK_EQ(ReadFile(plain, buffer, 3, &count, &overlapped), FALSE);
    CHECK_EQ(GetLastError(), ERROR_INVALID_HANDLE);
    CHECK_EQ(CloseHandle(plain), TRUE);
    CHECK_EQ(CloseHandle(file), TRUE);
}

static void reads_and_writes_on_sockets(void) {
    SOCKET ends[2];
    struct extended operation;
    HANDLE handle;
    char buffer[16];
    DWORD count = 4711;
    struct linger hard = {1, 0};
    start();
    pair(ends);
    handle = (HANDLE)ends[0];
    CHECK_EQ(GetFileType(handle), FILE_TYPE_PIPE);
    CHECK_EQ(WriteFile(handle, "hello", 5, &count, NULL), TRUE);
    CHECK_EQ(count, 5);
    expect_text(ends[1], "hello");
    send_text(ends[1], "answer");
    CHECK_EQ(ReadFile(handle, buffer, sizeof buffer, &count, NULL), TRUE);
    CHECK_EQ(count, 6);
    CHECK(memcmp(buffer, "answer", 6) == 0);
    /* Overlapped. */
    prepare_extended(&operation, 1);
    CHECK_FAILS(ReadFile(handle, operation.buffer, 10, NULL, &operation.overlapped), FALSE, ERROR_IO_PENDING);
    send_text(ends[1], "later");
    check_over(ends[0], &operation, 0, 5);
    CHECK(memcmp(operation.buffer, "later", 5) == 0);
    prepare_extended(&operation, 1);
    CHECK_EQ(WriteFile(handle, "now", 3, NULL, &operation.overlapped), TRUE);
    check_over(ends[0], &operation, 0, 3);
    expect_text(ends[1], "now");
    CHECK_FAILS(ReadFile(handle, buffer, 1, NULL, NULL), FALSE, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(GetFileSizeEx(handle, &(LARGE_INTEGER){0}), FALSE, ERROR_INVALID_HANDLE);
    CHECK_EQ(setsockopt(ends[1], SOL_SOCKET, SO_LINGER, (char *)&hard, sizeof hard), 0);
    CHECK_EQ(closesocket(ends[1]), 0);
    CHECK_FAILS(ReadFile(handle, buffer, 1, &count, NULL), FALSE, ERROR_NETNAME_DELETED);
    CHECK_EQ(closesocket(ends[0]), 0);
    CHECK_FAILS(ReadFile(handle, buffer, 1, &count, NULL), FALSE, ERROR_INVALID_HANDLE);
    stop();
}

static void standard_streams(void) {
    HANDLE out = GetStdHandle(STD_OUTPUT_HANDLE);
    CHECK(out != NULL && out != INVALID_HANDLE_VALUE);
    CHECK(GetStdHandle(STD_OUTPUT_HANDLE) == out);
    CHECK(GetStdHandle(STD_ERROR_HANDLE) != out);
    CHECK(GetStdHandle(STD_INPUT_HANDLE) != INVALID_HANDLE_VALUE);
    CHECK_FAILS((LONG_PTR)GetStdHandle(1), -1, ERROR_INVALID_HANDLE);
    CHECK_FAILS((LONG_PTR)GetStdHandle((DWORD)-13), -1, ERROR_INVALID_HANDLE);
    write_text(out, "to the standard output\n");
    CHECK_EQ(GetFileType(out), FILE_TYPE_PIPE);
    CHECK_FAILS(GetFileSizeEx(out, &(LARGE_INTEGER){0}), FALSE, ERROR_INVALID_FUNCTION);
}

int main(int argc, char **argv) {
    const struct test tests[] = {
        TEST(creation_dispositions),       TEST(reads_writes_and_the_position), TEST(overlapped_transfers_on_files),
        TEST(reads_and_writes_on_sockets), TEST(standard_streams),
    };
    return run_tests(tests, COUNT(tests), argc, argv);
}
