/* Handles of objects. Sockets are not among them: they need closesocket and WSADuplicateSocket. */
#ifndef _APISETHANDLE_
#define _APISETHANDLE_

#include <windef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define INVALID_HANDLE_VALUE ((HANDLE)(LONG_PTR)-1)

#define DUPLICATE_CLOSE_SOURCE 0x1
#define DUPLICATE_SAME_ACCESS 0x2

/* Closes an event, a semaphore, a mutex, a thread, a completion port, a file, or what WSAProviderConfigChange gave. */
BOOL WINAPI CloseHandle(HANDLE hObject);

/* Within this process: both process handles are GetCurrentProcess(). Every handle has every access. */
BOOL WINAPI DuplicateHandle(HANDLE hSourceProcessHandle, HANDLE hSourceHandle, HANDLE hTargetProcessHandle,
                            LPHANDLE lpTargetHandle, DWORD dwDesiredAccess, BOOL bInheritHandle, DWORD dwOptions);

#ifdef __cplusplus
}
#endif

#endif
