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
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef int errno_t;

#ifndef _TRUNCATE
#define _TRUNCATE ((size_t)-1)
#endif

#ifndef _countof
#define _countof(array) (sizeof(array) / sizeof((array)[0]))
#endif

#define _stricmp strcasecmp
#define _strnicmp strncasecmp

/* NULL and no memory is left, or text that free() takes. */
static inline char *_strdup(const char *source)
{
    size_t size = strlen(source) + 1;
    char *copy = (char *)malloc(size);
    return copy ? (char *)memcpy(copy, source, size) : NULL;
}

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

/* The same for at most `count` characters; with _TRUNCATE as many as there is room for, and -1 if not all. */
__attribute__((format(printf, 4, 0))) static inline int _vsnprintf_s(char *buffer, size_t size, size_t count,
                                                                     const char *format, va_list arguments)
{
    int length;
    if (!buffer || !size || !format)
        return -1;
    length = vsnprintf(buffer, count < size ? count + 1 : size, format, arguments);
    if (length >= 0 && (size_t)length < size && (size_t)length <= count)
        return length;
    /* What was asked for is there, or all that there is room for. */
    if (count >= size && count != _TRUNCATE) {
        buffer[0] = '\0';
        errno = ERANGE;
    }
    return -1;
}

__attribute__((format(printf, 4, 5))) static inline int _snprintf_s(char *buffer, size_t size, size_t count,
                                                                    const char *format, ...)
{
    va_list arguments;
    int length;
    va_start(arguments, format);
    length = _vsnprintf_s(buffer, size, count, format, arguments);
    va_end(arguments);
    return length;
}

/* How many characters the whole text has, or -1 if that is more than `count`. Ends with a NUL only if there is room. */
__attribute__((format(printf, 3, 0))) static inline int _vsnprintf(char *buffer, size_t count, const char *format,
                                                                   va_list arguments)
{
    va_list again;
    char *text;
    int length;
    va_copy(again, arguments);
    length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (length < 0 || !count)
        return length ? -1 : 0;
    if ((size_t)length < count)
        return vsnprintf(buffer, count, format, arguments);
    text = (char *)malloc((size_t)length + 1);
    if (!text)
        return -1;
    (void)vsnprintf(text, (size_t)length + 1, format, arguments);
    memcpy(buffer, text, count);
    free(text);
    return (size_t)length == count ? length : -1;
}

__attribute__((format(printf, 3, 4))) static inline int _snprintf(char *buffer, size_t count, const char *format, ...)
{
    va_list arguments;
    int length;
    va_start(arguments, format);
    length = _vsnprintf(buffer, count, format, arguments);
    va_end(arguments);
    return length;
}

/* The next part of a text, which it changes; NULL at its end. The context is the caller's to keep. */
static inline char *strtok_s(char *text, const char *delimiters, char **context)
{
    char *end;
    if (!delimiters || !context || (!text && !*context))
        return NULL;
    text = text ? text : *context;
    text += strspn(text, delimiters);
    end = text + strcspn(text, delimiters);
    *context = *end ? end + 1 : end;
    if (end == text)
        return NULL;
    *end = '\0';
    return text;
}

static inline errno_t fopen_s(FILE **file, const char *name, const char *mode)
{
    if (!file)
        return EINVAL;
    *file = name && mode ? fopen(name, mode) : NULL;
    return *file ? 0 : name && mode ? errno : EINVAL;
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
