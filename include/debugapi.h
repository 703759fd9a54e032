/* Text for a debugger: written to the standard error if WINDLASS_DEBUG_OUTPUT is 1, and to nobody otherwise. */
#ifndef _APISETDEBUG_
#define _APISETDEBUG_

#include <windef.h>

#ifdef __cplusplus
extern "C" {
#endif

void WINAPI OutputDebugStringA(LPCSTR lpOutputString);
void WINAPI OutputDebugStringW(LPCWSTR lpOutputString);
/* Whether this process is traced. */
BOOL WINAPI IsDebuggerPresent(void);

#ifdef UNICODE
#define OutputDebugString OutputDebugStringW
#else
#define OutputDebugString OutputDebugStringA
#endif

#ifdef __cplusplus
}
#endif

#endif
