/* Code pages. That of the process, CP_ACP, is UTF-8. */
#ifndef _WINNLS_
#define _WINNLS_

#include <windef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CP_ACP 0
#define CP_OEMCP 1
#define CP_THREAD_ACP 3
#define CP_UTF8 65001

#define MB_PRECOMPOSED 0x1
#define MB_ERR_INVALID_CHARS 0x8
#define WC_ERR_INVALID_CHARS 0x80
#define WC_NO_BEST_FIT_CHARS 0x400

#ifdef __cplusplus
}
#endif

#endif
