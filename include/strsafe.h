/* Text operations that know the size of their destination, always end it with a NUL, and keep what fits. */
#ifndef _STRSAFE_H_INCLUDED_
#define _STRSAFE_H_INCLUDED_

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <windef.h>
#include <winerror.h>

#ifdef __cplusplus
extern "C" {
#endif

#define STRSAFE_MAX_CCH 2147483647
#define STRSAFE_E_INSUFFICIENT_BUFFER ((HRESULT)0x8007007A)
#define STRSAFE_E_INVALID_PARAMETER ((HRESULT)0x80070057)

/* A text of at most cchMax characters with its NUL; else an error, and a length of 0. */
static inline HRESULT StringCchLengthA(LPCSTR psz, size_t cchMax, size_t *pcchLength)
{
    const char *end = psz && cchMax <= STRSAFE_MAX_CCH ? (const char *)memchr(psz, '\0', cchMax) : NULL;
    if (pcchLength)
        *pcchLength = end ? (size_t)(end - psz) : 0;
    return end ? S_OK : STRSAFE_E_INVALID_PARAMETER;
}

static inline HRESULT StringCchCopyA(LPSTR pszDest, size_t cchDest, LPCSTR pszSrc)
{
    size_t length, kept;
    if (!pszDest || !cchDest || cchDest > STRSAFE_MAX_CCH)
        return STRSAFE_E_INVALID_PARAMETER;
    length = strlen(pszSrc);
    kept = length < cchDest ? length : cchDest - 1;
    memcpy(pszDest, pszSrc, kept);
    pszDest[kept] = '\0';
    return kept == length ? S_OK : STRSAFE_E_INSUFFICIENT_BUFFER;
}

static inline HRESULT StringCchCatA(LPSTR pszDest, size_t cchDest, LPCSTR pszSrc)
{
    size_t length;
    HRESULT result = StringCchLengthA(pszDest, cchDest, &length);
    return FAILED(result) ? result : StringCchCopyA(pszDest + length, cchDest - length, pszSrc);
}

__attribute__((format(printf, 3, 0))) static inline HRESULT StringCchVPrintfA(LPSTR pszDest, size_t cchDest,
                                                                              LPCSTR pszFormat, va_list argList)
{
    int length;
    if (!pszDest || !cchDest || cchDest > STRSAFE_MAX_CCH)
        return STRSAFE_E_INVALID_PARAMETER;
    length = vsnprintf(pszDest, cchDest, pszFormat, argList);
    return length >= 0 && (size_t)length < cchDest ? S_OK : STRSAFE_E_INSUFFICIENT_BUFFER;
}

__attribute__((format(printf, 3, 4))) static inline HRESULT StringCchPrintfA(LPSTR pszDest, size_t cchDest,
                                                                             LPCSTR pszFormat, ...)
{
    HRESULT result;
    va_list arguments;
    va_start(arguments, pszFormat);
    result = StringCchVPrintfA(pszDest, cchDest, pszFormat, arguments);
    va_end(arguments);
    return result;
}

/* ---- Wide text, but for formats ---- */

static inline HRESULT StringCchLengthW(LPCWSTR psz, size_t cchMax, size_t *pcchLength)
{
    size_t length = 0;
    HRESULT result = STRSAFE_E_INVALID_PARAMETER;
    if (psz && cchMax <= STRSAFE_MAX_CCH) {
        while (length < cchMax && psz[length])
            length++;
        if (length < cchMax)
            result = S_OK;
    }
    if (pcchLength)
        *pcchLength = result == S_OK ? length : 0;
    return result;
}

static inline HRESULT StringCchCopyW(LPWSTR pszDest, size_t cchDest, LPCWSTR pszSrc)
{
    size_t length = 0;
    if (!pszDest || !cchDest || cchDest > STRSAFE_MAX_CCH)
        return STRSAFE_E_INVALID_PARAMETER;
    while (length < cchDest - 1 && pszSrc[length]) {
        pszDest[length] = pszSrc[length];
        length++;
    }
    pszDest[length] = 0;
    return pszSrc[length] ? STRSAFE_E_INSUFFICIENT_BUFFER : S_OK;
}

static inline HRESULT StringCchCatW(LPWSTR pszDest, size_t cchDest, LPCWSTR pszSrc)
{
    size_t length;
    HRESULT result = StringCchLengthW(pszDest, cchDest, &length);
    return FAILED(result) ? result : StringCchCopyW(pszDest + length, cchDest - length, pszSrc);
}

/* Sizes in bytes, which are characters here. */
#define StringCbLengthA StringCchLengthA
#define StringCbCopyA StringCchCopyA
#define StringCbCatA StringCchCatA
#define StringCbVPrintfA StringCchVPrintfA
#define StringCbPrintfA StringCchPrintfA

#ifdef UNICODE
#define StringCchLength StringCchLengthW
#define StringCchCopy StringCchCopyW
#define StringCchCat StringCchCatW
#else
#define StringCchLength StringCchLengthA
#define StringCchCopy StringCchCopyA
#define StringCchCat StringCchCatA
#define StringCchVPrintf StringCchVPrintfA
#define StringCchPrintf StringCchPrintfA
#define StringCbLength StringCbLengthA
#define StringCbCopy StringCbCopyA
#define StringCbCat StringCbCatA
#define StringCbVPrintf StringCbVPrintfA
#define StringCbPrintf StringCbPrintfA
#endif

#ifdef __cplusplus
}
#endif

#endif
