/*
 * What sample code uses of the C library of Windows and the system's does not have. Part of windows.h.
 *
 * Where Windows calls the handler of invalid parameters, which ends a process unless it chose otherwise, these return
 * the error at once, and leave the destination an empty text.
 */
#ifndef WINDLASS_CRT_H
#define WINDLASS_CRT_H

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef int errno_t;

#ifndef _TRUNCATE
#define _TRUNCATE ((size_t)-1)
#endif

#define _stricmp strcasecmp
#define _strnicmp strncasecmp

/* Copies `count` characters and a NUL to what is left behind `at`. */
static inline errno_t WINDLASS_PUT_TEXT(char *text, size_t size, size_t at, const char *source, size_t count)
{
    if (count >= size - at) {
        text[0] = '\0';
        return ERANGE;
    }
    memmove(text + at, source, count);
    text[at + count] = '\0';
    return 0;
}

static inline errno_t strcpy_s(char *destination, size_t size, const char *source)
{
    if (!destination || !size)
        return EINVAL;
    if (!source) {
        destination[0] = '\0';
        return EINVAL;
    }
    return WINDLASS_PUT_TEXT(destination, size, 0, source, strlen(source));
}

static inline errno_t strcat_s(char *destination, size_t size, const char *source)
{
    const char *end;
    if (!destination || !size)
        return EINVAL;
    end = (const char *)memchr(destination, '\0', size);
    if (!source || !end) {
        destination[0] = '\0';
        return EINVAL;
    }
    return WINDLASS_PUT_TEXT(destination, size, (size_t)(end - destination), source, strlen(source));
}

/* At most `count` characters of the source; with _TRUNCATE as many as there is room for, and STRUNCATE if not all. */
#define STRUNCATE 80
static inline errno_t strncpy_s(char *destination, size_t size, const char *source, size_t count)
{
    size_t length = 0;
    if (!destination || !size)
        return !destination && !size && !count ? 0 : EINVAL;
    if (!source && count) {
        destination[0] = '\0';
        return EINVAL;
    }
    while (length < count && source[length] && length < size)
        length++;
    if (count == _TRUNCATE && length == size) {
        (void)WINDLASS_PUT_TEXT(destination, size, 0, source, size - 1);
        return STRUNCATE;
    }
    return WINDLASS_PUT_TEXT(destination, size, 0, source, length);
}

static inline errno_t memcpy_s(void *destination, size_t size, const void *source, size_t count)
{
    if (!count)
        return 0;
    if (!destination)
        return EINVAL;
    if (!source || count > size) {
        memset(destination, 0, size);
        return source ? ERANGE : EINVAL;
    }
    memcpy(destination, source, count);
    return 0;
}

/* How many characters were written, without the NUL; -1 if there is no room for all. */
__attribute__((format(printf, 3, 0))) static inline int vsprintf_s(char *buffer, size_t size, const char *format,
                                                                   va_list arguments)
{
    int length;
    if (!buffer || !size || !format)
        return -1;
    length = vsnprintf(buffer, size, format, arguments);
    if (length >= 0 && (size_t)length < size)
        return length;
    buffer[0] = '\0';
    errno = ERANGE;
    return -1;
}

__attribute__((format(printf, 3, 4))) static inline int sprintf_s(char *buffer, size_t size, const char *format, ...)
{
    va_list arguments;
    int length;
    va_start(arguments, format);
    length = vsprintf_s(buffer, size, format, arguments);
    va_end(arguments);
    return length;
}

#ifdef __cplusplus
}

/* The size of an array is known. */
template <size_t Size> inline errno_t strcpy_s(char (&destination)[Size], const char *source)
{
    return strcpy_s(destination, Size, source);
}
template <size_t Size> inline errno_t strcat_s(char (&destination)[Size], const char *source)
{
    return strcat_s(destination, Size, source);
}
template <size_t Size> inline errno_t strncpy_s(char (&destination)[Size], const char *source, size_t count)
{
    return strncpy_s(destination, Size, source, count);
}
template <size_t Size> __attribute__((format(printf, 2, 3))) inline int sprintf_s(char (&buffer)[Size], const char *format, ...)
{
    va_list arguments;
    int length;
    va_start(arguments, format);
    length = vsprintf_s(buffer, Size, format, arguments);
    va_end(arguments);
    return length;
}
#endif

#endif
