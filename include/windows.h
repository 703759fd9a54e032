/*
 * The small slice of Win32 that Winsock programs lean on. What is not declared here is not there.
 *
 * Sizes are those of 64-bit Windows: LONG, DWORD, ULONG and u_long have 32 bits, a pointer, a HANDLE
 * and a SOCKET have 64. Print a DWORD with %u.
 *
 * WCHAR has 16 bits, as in every Windows string:
 *   - Compiled with -fshort-wchar, WCHAR is wchar_t, and L"text" and TEXT("text") are Windows strings.
 *     The wide functions of the C library (wcslen, wprintf, std::wstring) then do not fit wchar_t.
 *   - Compiled without it, WCHAR is char16_t in C++ and its integer type in C, and u"text" is a Windows
 *     string. L"text" is not, and the compiler says so where it meets a WCHAR.
 *   - Defining UNICODE, which makes TEXT() wide and chooses the W functions, needs -fshort-wchar.
 *
 * Unlike on Windows this header never includes winsock.h, so it may come before or after winsock2.h.
 */
#ifndef _WINDOWS_
#define _WINDOWS_

#include <guiddef.h>
#include <ioapiset.h>
#include <winbase.h>
#include <windef.h>
#include <windlass/crt.h>

#endif
