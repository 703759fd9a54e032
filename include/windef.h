/* The basic types and the handle of a window. */
#ifndef _WINDEF_
#define _WINDEF_

#include <minwindef.h>

/* Here the number of a message sink of the runtime. */
DECLARE_HANDLE(HWND);

#endif
