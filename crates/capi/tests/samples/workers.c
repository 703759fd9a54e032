/* Workers on a completion port, a console handler, locks and counters: the frame of a server in the platform's samples. */
#ifdef _IA64_
#pragma warning(disable : 4267)
#endif
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif

#include <winsock2.h>
#include <mswsock.h>
#include <Ws2tcpip.h>
#include <stdio.h>
#include <stdlib.h>
#include <strsafe.h>
#include <sal.h>

#define MAX_WORKER_THREAD 16
#define JOBS 1000

#define xmalloc(s) HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, (s))
#define xfree(p) { HeapFree(GetProcessHeap(), 0, (p)); p = NULL; }

typedef enum _IO_OPERATION { ClientIoRead, ClientIoWrite } IO_OPERATION, *PIO_OPERATION;

typedef struct _PER_IO_CONTEXT {
    WSAOVERLAPPED Overlapped;
    IO_OPERATION IOOperation;
    struct _PER_IO_CONTEXT *pIOContextForward;
} PER_IO_CONTEXT, *PPER_IO_CONTEXT;

BOOL g_bEndServer = FALSE;
HANDLE g_hIOCP = INVALID_HANDLE_VALUE;
DWORD g_dwThreadCount = 0;
HANDLE g_ThreadHandles[MAX_WORKER_THREAD];
PPER_IO_CONTEXT g_pDone = NULL;
CRITICAL_SECTION g_CriticalSection;
volatile LONG g_lRead, g_lWritten;
LONGLONG volatile g_llTotal;
HANDLE g_hAllDone;

BOOL WINAPI CtrlHandler(_In_ DWORD dwEvent)
{
    switch (dwEvent) {
    case CTRL_BREAK_EVENT:
    case CTRL_C_EVENT:
    case CTRL_LOGOFF_EVENT:
    case CTRL_SHUTDOWN_EVENT:
    case CTRL_CLOSE_EVENT:
        g_bEndServer = TRUE;
        break;
    default:
        return (FALSE);
    }
    return (TRUE);
}

DWORD WINAPI WorkerThread(_In_ LPVOID WorkThreadContext)
{
    HANDLE hIOCP = (HANDLE)WorkThreadContext;
    BOOL bSuccess = FALSE;
    ULONG_PTR key = 0;
    LPWSAOVERLAPPED lpOverlapped = NULL;
    PPER_IO_CONTEXT lpIOContext = NULL;
    DWORD dwIoSize = 0;

    while (TRUE) {
        bSuccess = GetQueuedCompletionStatus(hIOCP, &dwIoSize, (PULONG_PTR)&key, (LPOVERLAPPED *)&lpOverlapped, INFINITE);
        if (!bSuccess) fprintf(stderr, "GetQueuedCompletionStatus() failed: %d\n", (int)GetLastError());
        if (lpOverlapped == NULL) return (0);
        lpIOContext = (PPER_IO_CONTEXT)lpOverlapped;
        switch (lpIOContext->IOOperation) {
        case ClientIoRead:
            InterlockedIncrement(&g_lRead);
            break;
        case ClientIoWrite:
            InterlockedIncrement(&g_lWritten);
            break;
        }
        EnterCriticalSection(&g_CriticalSection);
        lpIOContext->pIOContextForward = g_pDone;
        g_pDone = lpIOContext;
        LeaveCriticalSection(&g_CriticalSection);
        if (InterlockedExchangeAdd64(&g_llTotal, dwIoSize) + dwIoSize == JOBS) SetEvent(g_hAllDone);
    }
}

int __cdecl main(int argc, char *argv[])
{
    SYSTEM_INFO systemInfo;
    PPER_IO_CONTEXT pFreed;
    DWORD i, dwThreadId;

    UNREFERENCED_PARAMETER(argc);
    UNREFERENCED_PARAMETER(argv);
    if (!SetConsoleCtrlHandler(CtrlHandler, TRUE)) return 1;
    GetSystemInfo(&systemInfo);
    g_dwThreadCount = systemInfo.dwNumberOfProcessors * 2;
    if (g_dwThreadCount > MAX_WORKER_THREAD) g_dwThreadCount = MAX_WORKER_THREAD;
    if (!InitializeCriticalSectionAndSpinCount(&g_CriticalSection, 4000)) return 1;
    g_hAllDone = CreateEvent(NULL, TRUE, FALSE, NULL);
    g_hIOCP = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
    if (g_hIOCP == NULL) return 1;
    for (i = 0; i < g_dwThreadCount; i++) {
        g_ThreadHandles[i] = CreateThread(NULL, 0, WorkerThread, g_hIOCP, 0, &dwThreadId);
        if (g_ThreadHandles[i] == NULL) return 1;
    }
    for (i = 0; i < JOBS; i++) {
        PPER_IO_CONTEXT pContext = (PPER_IO_CONTEXT)xmalloc(sizeof(PER_IO_CONTEXT));
        if (pContext == NULL) return 1;
        pContext->IOOperation = i % 2 ? ClientIoWrite : ClientIoRead;
        if (!PostQueuedCompletionStatus(g_hIOCP, 1, (DWORD_PTR)i, &pContext->Overlapped)) return 1;
    }
    if (WaitForSingleObject(g_hAllDone, 30000) != WAIT_OBJECT_0) return 1;

    // Causes worker threads to exit
    for (i = 0; i < g_dwThreadCount; i++) PostQueuedCompletionStatus(g_hIOCP, 0, 0, NULL);
    if (WAIT_OBJECT_0 != WaitForMultipleObjects(g_dwThreadCount, g_ThreadHandles, TRUE, 30000)) return 1;
    for (i = 0; i < g_dwThreadCount; i++)
        if (g_ThreadHandles[i] != INVALID_HANDLE_VALUE) CloseHandle(g_ThreadHandles[i]);
    while (g_pDone) {
        pFreed = g_pDone;
        g_pDone = pFreed->pIOContextForward;
        if (!HasOverlappedIoCompleted((LPOVERLAPPED)&pFreed->Overlapped)) return 1;
        xfree(pFreed);
    }
    CloseHandle(g_hIOCP);
    CloseHandle(g_hAllDone);
    DeleteCriticalSection(&g_CriticalSection);
    SetConsoleCtrlHandler(CtrlHandler, FALSE);
    printf("%d read, %d written\n", (int)g_lRead, (int)g_lWritten);
    return g_lRead + g_lWritten == JOBS && !g_bEndServer ? 0 : 1;
}
