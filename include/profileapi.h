/* A clock for intervals: 10,000,000 ticks a second. */
#ifndef _PROFILEAPI_H_
#define _PROFILEAPI_H_

#include <windef.h>

#ifdef __cplusplus
extern "C" {
#endif

BOOL WINAPI QueryPerformanceCounter(LARGE_INTEGER *lpPerformanceCount);
BOOL WINAPI QueryPerformanceFrequency(LARGE_INTEGER *lpFrequency);

#ifdef __cplusplus
}
#endif

#endif
