/*
 * Text of either width under one name. Wide text (UNICODE) has the types and literals only: the C library of this
 * system has no functions for 16-bit characters.
 */
#ifndef _INC_TCHAR
#define _INC_TCHAR

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windef.h>
#include <windlass/crt.h>

#define _T(text) TEXT(text)
#define _TEXT(text) TEXT(text)

#ifndef UNICODE
#define _tmain main
#define _tprintf printf
#define _ftprintf fprintf
#define _stprintf sprintf
#define _stprintf_s sprintf_s
#define _sntprintf _snprintf
#define _vftprintf vfprintf
#define _vstprintf_s vsprintf_s
#define _fputts fputs
#define _putts puts
#define _fgetts fgets
#define _tfopen fopen
#define _tfopen_s fopen_s
#define _tcslen strlen
#define _tcscpy strcpy
#define _tcscpy_s strcpy_s
#define _tcsncpy strncpy
#define _tcsncpy_s strncpy_s
#define _tcscat strcat
#define _tcscat_s strcat_s
#define _tcscmp strcmp
#define _tcsncmp strncmp
#define _tcsicmp _stricmp
#define _tcsnicmp _strnicmp
#define _tcschr strchr
#define _tcsrchr strrchr
#define _tcsstr strstr
#define _tcsdup _strdup
#define _tcstok_s strtok_s
#define _tcstol strtol
#define _tcstoul strtoul
#define _ttoi atoi
#define _ttol atol
#endif

#endif
