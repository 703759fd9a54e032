/* The error of the calling thread, the one that WSAGetLastError returns too. */
#ifndef _ERRHANDLING_H_
#define _ERRHANDLING_H_

#include <windef.h>
#include <winerror.h>

#ifdef __cplusplus
extern "C" {
#endif

DWORD WINAPI GetLastError(void);
void WINAPI SetLastError(DWORD dwErrCode);

#ifdef __cplusplus
}
#endif

#endif
