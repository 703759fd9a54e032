/* Code pages, the texts of errors, and strings that know their room. */
#include "fixture.h"

#include <errno.h>
#include <strsafe.h>

static int same(const WCHAR *wide, const char *narrow) {
    while (*wide && *wide == (unsigned char)*narrow) wide++, narrow++;
    return *wide == (unsigned char)*narrow;
}

static void utf_8_to_utf_16(void) {
    WCHAR wide[16];
    const char *text = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"; /* a, e with acute, euro, a face */
    CHECK_EQ(MultiByteToWideChar(CP_UTF8, 0, text, -1, NULL, 0), 6);
    CHECK_EQ(MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, wide, COUNT(wide)), 6);
    CHECK(wide[0] == 'a' && wide[1] == 0xE9 && wide[2] == 0x20AC && wide[3] == 0xD83D && wide[4] == 0xDE00 && !wide[5]);
    CHECK_EQ(MultiByteToWideChar(CP_ACP, 0, text, 3, wide, 2), 2);
    CHECK_EQ(MultiByteToWideChar(CP_UTF8, 0, "a\xFF", 2, wide, 2), 2);
    CHECK_EQ(wide[1], 0xFFFD);
    CHECK_FAILS(MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, "a\xFF", 2, wide, 2), 0, ERROR_NO_UNICODE_TRANSLATION);
    CHECK_FAILS(MultiByteToWideChar(CP_UTF8, 0, text, -1, wide, 5), 0, ERROR_INSUFFICIENT_BUFFER);
    CHECK_FAILS(MultiByteToWideChar(CP_UTF8, MB_PRECOMPOSED, text, -1, wide, 16), 0, ERROR_INVALID_FLAGS);
    CHECK_FAILS(MultiByteToWideChar(CP_UTF8, 0, text, 0, wide, 16), 0, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(MultiByteToWideChar(CP_UTF8, 0, text, -2, wide, 16), 0, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(MultiByteToWideChar(CP_UTF8, 0, NULL, 1, wide, 16), 0, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(MultiByteToWideChar(CP_UTF8, 0, text, 1, NULL, 16), 0, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(MultiByteToWideChar(CP_UTF8, 0, text, 1, wide, -1), 0, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(MultiByteToWideChar(CP_UTF8, 0, (char *)wide, 1, wide, 16), 0, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(MultiByteToWideChar(932, 0, text, 1, wide, 16), 0, ERROR_INVALID_PARAMETER);
}

static void utf_16_to_utf_8(void) {
    char text[16];
    WCHAR lone[] = {'a', 0xD800, 0};
    BOOL used;
    CHECK_EQ(WideCharToMultiByte(CP_UTF8, 0, WIDE("a\u00e9\u20ac\U0001F600"), -1, NULL, 0, NULL, NULL), 11);
    CHECK_EQ(WideCharToMultiByte(CP_UTF8, WC_ERR_INVALID_CHARS, WIDE("a\u00e9\u20ac\U0001F600"), -1, text, 11, NULL,
                                 NULL), 11);
    CHECK(strcmp(text, "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80") == 0);
    CHECK_EQ(WideCharToMultiByte(CP_ACP, 0, lone, -1, text, 16, NULL, NULL), 5);
    CHECK(strcmp(text, "a\xEF\xBF\xBD") == 0);
    CHECK_FAILS(WideCharToMultiByte(CP_UTF8, WC_ERR_INVALID_CHARS, lone, -1, text, 16, NULL, NULL), 0,
                ERROR_NO_UNICODE_TRANSLATION);
    CHECK_FAILS(WideCharToMultiByte(CP_UTF8, 0, lone, 2, text, 3, NULL, NULL), 0, ERROR_INSUFFICIENT_BUFFER);
    CHECK_FAILS(WideCharToMultiByte(CP_UTF8, WC_NO_BEST_FIT_CHARS, lone, 2, text, 16, NULL, NULL), 0,
                ERROR_INVALID_FLAGS);
    CHECK_FAILS(WideCharToMultiByte(CP_UTF8, 0, lone, 1, text, 16, "?", NULL), 0, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(WideCharToMultiByte(CP_UTF8, 0, lone, 1, text, 16, NULL, &used), 0, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(WideCharToMultiByte(CP_UTF8, 0, NULL, 1, text, 16, NULL, NULL), 0, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(WideCharToMultiByte(CP_UTF8, 0, lone, 0, text, 16, NULL, NULL), 0, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(WideCharToMultiByte(7, 0, lone, 1, text, 16, NULL, NULL), 0, ERROR_INVALID_PARAMETER);
}

static void latin_text(void) {
    char text[8];
    WCHAR wide[8];
    BOOL used = 7;
    CHECK_EQ(MultiByteToWideChar(1252, MB_PRECOMPOSED, "\x80\xE9", -1, wide, 8), 3);
    CHECK(wide[0] == 0x20AC && wide[1] == 0xE9);
    CHECK_EQ(MultiByteToWideChar(28591, 0, "\x80\xE9", 2, wide, 8), 2);
    CHECK(wide[0] == 0x80);
    CHECK_EQ(WideCharToMultiByte(1252, WC_NO_BEST_FIT_CHARS, WIDE("\u20ac\u4e2d"), -1, text, 8, NULL, &used), 3);
    CHECK(strcmp(text, "\x80?") == 0);
    CHECK_EQ(used, TRUE);
    CHECK_EQ(WideCharToMultiByte(28591, 0, WIDE("\u20ac\u00e9"), -1, text, 8, "_", &used), 3);
    CHECK(strcmp(text, "_\xE9") == 0);
    CHECK_EQ(used, TRUE);
    CHECK_EQ(WideCharToMultiByte(28591, 0, WIDE("\u00e9"), -1, text, 8, "_", &used), 2);
    CHECK_EQ(used, FALSE);
    CHECK_FAILS(WideCharToMultiByte(28591, WC_ERR_INVALID_CHARS, wide, 1, text, 8, NULL, NULL), 0, ERROR_INVALID_FLAGS);
}

#define SYSTEM (FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS)

static void errors_have_texts(void) {
    static const DWORD codes[] = {0, ERROR_INVALID_HANDLE, WAIT_TIMEOUT, ERROR_IO_PENDING, WSAECONNREFUSED,
                                  WSAHOST_NOT_FOUND};
    char text[256];
    WCHAR wide[256];
    int i;
    for (i = 0; i < COUNT(codes); i++) {
        DWORD len = FormatMessageA(SYSTEM, NULL, codes[i], 0, text, sizeof text, NULL);
        CHECK(len > 5 && len == strlen(text));
        CHECK(strcmp(text + len - 3, ".\r\n") == 0);
        CHECK_EQ(FormatMessageW(SYSTEM, NULL, codes[i], MAKELANGID(LANG_NEUTRAL, SUBLANG_DEFAULT), wide, 256, NULL), len);
        CHECK(same(wide, text));
        CHECK_EQ(FormatMessageA(SYSTEM | FORMAT_MESSAGE_MAX_WIDTH_MASK, NULL, codes[i], 0, text, sizeof text, NULL),
                 len - 1);
        CHECK(strcmp(text + len - 3, ". ") == 0);
        CHECK_FAILS(FormatMessageA(SYSTEM, NULL, codes[i], 0, text, len, NULL), 0, ERROR_INSUFFICIENT_BUFFER);
        CHECK_EQ(FormatMessageA(SYSTEM, NULL, codes[i], 0, text, len + 1, NULL), len);
    }
}

static void texts_are_allocated_on_request(void) {
    char *text = NULL;
    WCHAR *wide = NULL;
    DWORD len = FormatMessageA(SYSTEM | FORMAT_MESSAGE_ALLOCATE_BUFFER, NULL, WSAEINTR,
                               MAKELANGID(LANG_ENGLISH, SUBLANG_ENGLISH_US), (LPSTR)&text, 0, NULL);
    CHECK(len > 0 && text != NULL && strlen(text) == len);
    CHECK_EQ(FormatMessageW(SYSTEM | FORMAT_MESSAGE_ALLOCATE_BUFFER, NULL, WSAEINTR, 0, (LPWSTR)(void *)&wide, 1000,
                            NULL), len);
    CHECK(same(wide, text));
    CHECK(HeapSize(GetProcessHeap(), 0, wide) == 2000);
    CHECK(LocalFree(text) == NULL);
    CHECK(LocalFree(wide) == NULL);
}

static void other_texts_are_refused(void) {
    char text[256];
    CHECK_FAILS(FormatMessageA(SYSTEM, NULL, 0x7FFFFFFF, 0, text, 256, NULL), 0, ERROR_MR_MID_NOT_FOUND);
    CHECK_FAILS(FormatMessageA(FORMAT_MESSAGE_FROM_HMODULE, NULL, WSAEINTR, 0, text, 256, NULL), 0,
                ERROR_MR_MID_NOT_FOUND);
    CHECK(FormatMessageA(SYSTEM | FORMAT_MESSAGE_FROM_HMODULE, NULL, WSAEINTR, 0, text, 256, NULL) > 0);
    CHECK_FAILS(FormatMessageA(SYSTEM, NULL, WSAEINTR, MAKELANGID(7, 1), text, 256, NULL), 0,
                ERROR_RESOURCE_LANG_NOT_FOUND);
    CHECK_FAILS(FormatMessageA(0, NULL, WSAEINTR, 0, text, 256, NULL), 0, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(FormatMessageA(SYSTEM | 40, NULL, WSAEINTR, 0, text, 256, NULL), 0, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(FormatMessageA(SYSTEM | 0x400, "%1", 0, 0, text, 256, NULL), 0, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(FormatMessageA(SYSTEM, NULL, WSAEINTR, 0, NULL, 256, NULL), 0, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(FormatMessageA(SYSTEM | FORMAT_MESSAGE_ALLOCATE_BUFFER, NULL, WSAEINTR, 0, NULL, 0, NULL), 0,
                ERROR_INVALID_PARAMETER);
}

static void lengths_and_copies(void) {
    char text[8];
    WCHAR wide[8];
    CHECK_EQ(lstrlenA("four"), 4);
    CHECK_EQ(lstrlenW(WIDE("five5")), 5);
    CHECK_EQ(lstrlenA(NULL), 0);
    CHECK_EQ(lstrlenW(NULL), 0);
    CHECK(lstrcpynA(text, "123456789", 8) == text);
    CHECK(strcmp(text, "1234567") == 0);
    CHECK(lstrcpynA(text, "ab", 8) == text);
    CHECK(strcmp(text, "ab") == 0);
    CHECK(lstrcpynW(wide, WIDE("123456789"), 4) == wide);
    CHECK(same(wide, "123"));
    CHECK(lstrcpynA(text, "x", 1) == text);
    CHECK_EQ(text[0], 0);
    CHECK(lstrcpynA(text, "x", 0) == NULL);
    CHECK(lstrcpynA(text, NULL, 8) == NULL);
    CHECK(lstrcpynW(NULL, wide, 8) == NULL);
}

static void strsafe_functions_keep_what_fits(void) {
    const char *long_text = "longer than the room";
    char text[8];
    size_t length;
    CHECK_EQ(StringCchCopyA(text, sizeof text, "1234567"), S_OK);
    CHECK_EQ(StringCchCopyA(text, sizeof text, "12345678"), STRSAFE_E_INSUFFICIENT_BUFFER);
    CHECK(strcmp(text, "1234567") == 0);
    CHECK_EQ(StringCchCopy(text, 4, "ab"), S_OK);
    CHECK_EQ(StringCchCatA(text, 4, "cd"), STRSAFE_E_INSUFFICIENT_BUFFER);
    CHECK(strcmp(text, "abc") == 0);
    CHECK_EQ(StringCchCat(text, sizeof text, "de"), S_OK);
    CHECK(strcmp(text, "abcde") == 0);
    CHECK_EQ(StringCchPrintfA(text, sizeof text, "%d %s", 12, "xy"), S_OK);
    CHECK(strcmp(text, "12 xy") == 0);
    CHECK_EQ(StringCbPrintf(text, sizeof text, "%s", long_text), STRSAFE_E_INSUFFICIENT_BUFFER);
    CHECK(strcmp(text, "longer ") == 0);
    CHECK_EQ(StringCchCopyA(text, 0, "x"), STRSAFE_E_INVALID_PARAMETER);
    CHECK_EQ(StringCchLengthA(text, sizeof text, &length), S_OK);
    CHECK_EQ(length, 7);
    CHECK_EQ(StringCchLength(text, 7, &length), STRSAFE_E_INVALID_PARAMETER);
    CHECK_EQ(length, 0);
    CHECK(FAILED(StringCchCatA(text, 3, "x")));
}

static void secure_functions_refuse_what_does_not_fit(void) {
    const char *long_text = "longer than the room";
    char text[8];
    CHECK_EQ(strcpy_s(text, sizeof text, "1234567"), 0);
    CHECK_EQ(strcpy_s(text, sizeof text, "12345678"), ERANGE);
    CHECK_EQ(text[0], 0);
    CHECK_EQ(strcpy_s(NULL, 8, "x"), EINVAL);
    CHECK_EQ(strcpy_s(text, 0, "x"), EINVAL);
    CHECK_EQ(strcpy_s(text, sizeof text, NULL), EINVAL);
    CHECK_EQ(strcpy_s(text, sizeof text, "abc"), 0);
    CHECK_EQ(strcat_s(text, sizeof text, "defg"), 0);
    CHECK(strcmp(text, "abcdefg") == 0);
    CHECK_EQ(strcat_s(text, sizeof text, "h"), ERANGE);
    CHECK_EQ(text[0], 0);
    memset(text, 'x', sizeof text);
    CHECK_EQ(strcat_s(text, sizeof text, "h"), EINVAL);
    CHECK_EQ(strncpy_s(text, sizeof text, "abcdef", 3), 0);
    CHECK(strcmp(text, "abc") == 0);
    CHECK_EQ(strncpy_s(text, sizeof text, long_text, _TRUNCATE), STRUNCATE);
    CHECK(strcmp(text, "longer ") == 0);
    CHECK_EQ(strncpy_s(text, sizeof text, "1234567", _TRUNCATE), 0);
    CHECK_EQ(strncpy_s(text, sizeof text, long_text, 8), ERANGE);
    CHECK_EQ(strncpy_s(text, sizeof text, NULL, 1), EINVAL);
    CHECK_EQ(sprintf_s(text, sizeof text, "%d-%s", 1, "two"), 5);
    CHECK(strcmp(text, "1-two") == 0);
    CHECK_EQ(sprintf_s(text, sizeof text, "%s", long_text), -1);
    CHECK_EQ(text[0], 0);
    CHECK_EQ(memcpy_s(text, sizeof text, "12345678", 8), 0);
    CHECK_EQ(memcpy_s(text, 4, "12345678", 8), ERANGE);
    CHECK(memcmp(text, "\0\0\0\0" "5678", 8) == 0);
    CHECK_EQ(memcpy_s(NULL, 4, "1", 1), EINVAL);
    CHECK_EQ(_stricmp("ABC", "abc"), 0);
    CHECK_EQ(_strnicmp("ABCx", "abcy", 3), 0);
}

static void wide_strsafe_functions_keep_what_fits(void) {
    WCHAR text[8];
    size_t length = 9;
    CHECK_EQ(StringCchCopyW(text, 8, WIDE("1234567")), S_OK);
    CHECK(same(text, "1234567"));
    CHECK_EQ(StringCchCopyW(text, 8, WIDE("abcdefgh")), STRSAFE_E_INSUFFICIENT_BUFFER);
    CHECK(same(text, "abcdefg"));
    CHECK_EQ(StringCchCopyW(text, 0, WIDE("x")), STRSAFE_E_INVALID_PARAMETER);
    CHECK_EQ(StringCchCopyW(text, 8, WIDE("ab")), S_OK);
    CHECK_EQ(StringCchCatW(text, 4, WIDE("cd")), STRSAFE_E_INSUFFICIENT_BUFFER);
    CHECK(same(text, "abc"));
    CHECK_EQ(StringCchLengthW(text, 8, &length), S_OK);
    CHECK_EQ(length, 3);
    CHECK_EQ(StringCchLengthW(text, 3, &length), STRSAFE_E_INVALID_PARAMETER);
    CHECK_EQ(length, 0);
}

static void counted_formats(void) {
    const char *long_text = "longer than the room";
    char text[8];
    memset(text, 'x', sizeof text);
    CHECK_EQ(_snprintf(text, 4, "%s", "abc"), 3);
    CHECK(memcmp(text, "abc\0xxxx", 8) == 0);
    CHECK_EQ(_snprintf(text, 4, "%s", "defg"), 4);
    CHECK(memcmp(text, "defgxxxx", 8) == 0);
    CHECK_EQ(_snprintf(text, 4, "%s", long_text), -1);
    CHECK(memcmp(text, "longxxxx", 8) == 0);
    CHECK_EQ(_snprintf_s(text, sizeof text, _TRUNCATE, "%s", long_text), -1);
    CHECK(strcmp(text, "longer ") == 0);
    CHECK_EQ(_snprintf_s(text, sizeof text, 3, "%s", long_text), -1);
    CHECK(strcmp(text, "lon") == 0);
    CHECK_EQ(_snprintf_s(text, sizeof text, 7, "%s", "1234567"), 7);
    CHECK(strcmp(text, "1234567") == 0);
    errno = 0;
    CHECK_EQ(_snprintf_s(text, sizeof text, 8, "%s", long_text), -1);
    CHECK(!text[0] && errno == ERANGE);
    CHECK_EQ(_snprintf_s(NULL, 1, 1, "%s", long_text), -1);
}

static void texts_are_split_and_copied(void) {
    char text[] = ",one,,two", *context = NULL, *copy;
    FILE *file = NULL;
    CHECK(strcmp(strtok_s(text, ",", &context), "one") == 0);
    CHECK(strcmp(strtok_s(NULL, ",", &context), "two") == 0);
    CHECK(strtok_s(NULL, ",", &context) == NULL);
    CHECK(strtok_s(NULL, ",", &context) == NULL);
    CHECK(strtok_s(text, NULL, &context) == NULL);
    copy = _strdup("copy");
    CHECK(copy != NULL && strcmp(copy, "copy") == 0);
    free(copy);
    CHECK_EQ(fopen_s(&file, "/dev/null", "r"), 0);
    CHECK(file != NULL);
    CHECK_EQ(fclose(file), 0);
    CHECK_EQ(fopen_s(&file, "/no/such/file", "r"), ENOENT);
    CHECK(file == NULL);
    CHECK_EQ(fopen_s(NULL, "/dev/null", "r"), EINVAL);
    CHECK_EQ(_countof(text), 10);
}

static void memory_is_cleared_for_sure(void) {
    char text[] = "secret";
    CHECK(SecureZeroMemory(text, 3) == text);
    CHECK(memcmp(text, "\0\0\0ret", 7) == 0);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(utf_8_to_utf_16),
        TEST(utf_16_to_utf_8),
        TEST(latin_text),
        TEST(errors_have_texts),
        TEST(texts_are_allocated_on_request),
        TEST(other_texts_are_refused),
        TEST(lengths_and_copies),
        TEST(strsafe_functions_keep_what_fits),
        TEST(secure_functions_refuse_what_does_not_fit),
        TEST(wide_strsafe_functions_keep_what_fits),
        TEST(counted_formats),
        TEST(texts_are_split_and_copied),
        TEST(memory_is_cleared_for_sure),
    };
    return run_tests(tests, COUNT(tests), argc, argv);
}
