/* Threads as the C library of Windows starts them. */
#ifndef _INC_PROCESS
#define _INC_PROCESS

#include <errno.h>
#include <processthreadsapi.h>
#include <errhandlingapi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* 0 and errno on failure. The handle is the caller's to close. */
static inline uintptr_t _beginthreadex(void *security, unsigned stack_size, unsigned(__stdcall *start_address)(void *),
                                       void *arglist, unsigned initflag, unsigned *thrdaddr)
{
    HANDLE thread =
        CreateThread((LPSECURITY_ATTRIBUTES)security, stack_size, start_address, arglist, initflag, thrdaddr);
    if (thread == NULL)
        errno = GetLastError() == ERROR_INVALID_PARAMETER ? EINVAL : EAGAIN;
    return (uintptr_t)thread;
}

#ifdef __cplusplus
[[noreturn]]
#else
__attribute__((noreturn))
#endif
static inline void _endthreadex(unsigned retval)
{
    ExitThread(retval);
}

#ifdef __cplusplus
}
#endif

#endif
