/* Time, the machine, the environment, modules, control events. */
#define _DEFAULT_SOURCE /* setenv, readlink, kill */
#include "fixture.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

static void clocks_go_on(void) {
    LARGE_INTEGER frequency, before, after;
    ULONGLONG ticks = GetTickCount64();
    CHECK_EQ(QueryPerformanceFrequency(&frequency), TRUE);
    CHECK_EQ(frequency.QuadPart, 10000000);
    CHECK_EQ(QueryPerformanceCounter(&before), TRUE);
    Sleep(20);
    CHECK_EQ(QueryPerformanceCounter(&after), TRUE);
    CHECK(after.QuadPart - before.QuadPart >= 200000);
    CHECK(GetTickCount64() - ticks >= 19);
    CHECK((DWORD)GetTickCount64() - GetTickCount() + 1000 < 2000);
    CHECK_FAILS(QueryPerformanceCounter(NULL), FALSE, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(QueryPerformanceFrequency(NULL), FALSE, ERROR_INVALID_PARAMETER);
}

static void file_times_count_from_1601(void) {
    FILETIME now;
    ULARGE_INTEGER value;
    time_t before = time(NULL), seconds;
    GetSystemTimeAsFileTime(&now);
    value.u.LowPart = now.dwLowDateTime;
    value.u.HighPart = now.dwHighDateTime;
    seconds = (time_t)(value.QuadPart / 10000000) - 11644473600;
    CHECK(seconds >= before - 1 && seconds <= time(NULL));
    GetSystemTimePreciseAsFileTime(&now);
    value.u.LowPart = now.dwLowDateTime;
    value.u.HighPart = now.dwHighDateTime;
    seconds = (time_t)(value.QuadPart / 10000000) - 11644473600;
    CHECK(seconds >= before && seconds <= time(NULL));
}

static void the_machine_is_known(void) {
    SYSTEM_INFO info, native;
    memset(&info, 0xFF, sizeof info);
    memset(&native, 0, sizeof native);
    GetSystemInfo(&info);
    GetNativeSystemInfo(&native);
    CHECK_EQ(memcmp(&info, &native, sizeof info), 0);
    CHECK_EQ(info.dwPageSize, sysconf(_SC_PAGESIZE));
    CHECK(info.dwNumberOfProcessors >= 1 && info.dwNumberOfProcessors <= (DWORD)sysconf(_SC_NPROCESSORS_CONF));
    CHECK_EQ(__builtin_popcountll(info.dwActiveProcessorMask), info.dwNumberOfProcessors);
    CHECK((char *)info.lpMinimumApplicationAddress < (char *)&info);
    CHECK((char *)info.lpMaximumApplicationAddress > (char *)&info);
    GetSystemInfo(NULL);
}

static void variables_of_the_environment(void) {
    char text[32];
    WCHAR wide[32];
    setenv("W32_TEST", "value", 1);
    setenv("W32_EMPTY", "", 1);
    CHECK_EQ(GetEnvironmentVariableA("W32_TEST", text, sizeof text), 5);
    CHECK(strcmp(text, "value") == 0);
    CHECK_EQ(GetEnvironmentVariableW(WIDE("W32_TEST"), wide, COUNT(wide)), 5);
    CHECK_EQ(wide[4], 'e');
    CHECK_EQ(GetEnvironmentVariableA("W32_TEST", text, 6), 5);
    CHECK_EQ(GetEnvironmentVariableA("W32_TEST", text, 5), 6);
    CHECK_EQ(GetEnvironmentVariableA("W32_TEST", NULL, 0), 6);
    CHECK_EQ(GetEnvironmentVariableA("W32_EMPTY", text, sizeof text), 0);
    CHECK_EQ(text[0], 0);
    CHECK_FAILS(GetEnvironmentVariableA("W32_NONE", text, sizeof text), 0, ERROR_ENVVAR_NOT_FOUND);
    CHECK_FAILS(GetEnvironmentVariableA("", text, sizeof text), 0, ERROR_ENVVAR_NOT_FOUND);
    CHECK_FAILS(GetEnvironmentVariableA("a=b", text, sizeof text), 0, ERROR_ENVVAR_NOT_FOUND);
    CHECK_FAILS(GetEnvironmentVariableA(NULL, text, sizeof text), 0, ERROR_INVALID_PARAMETER);
}

static void environment_strings_are_expanded(void) {
    char text[64];
    WCHAR wide[64];
    setenv("W32_TEST", "value", 1);
    CHECK_EQ(ExpandEnvironmentStringsA("<%W32_TEST%|%W32_NONE%|100%>", text, sizeof text), 24);
    CHECK(strcmp(text, "<value|%W32_NONE%|100%>") == 0);
    CHECK_EQ(ExpandEnvironmentStringsA("%W32_TEST%%W32_TEST%", NULL, 0), 11);
    CHECK_EQ(ExpandEnvironmentStringsA("%W32_TEST%", text, 5), 6);
    CHECK_EQ(ExpandEnvironmentStringsW(WIDE("%W32_TEST%"), wide, COUNT(wide)), 6);
    CHECK(wide[0] == 'v' && !wide[5]);
    CHECK_FAILS(ExpandEnvironmentStringsA(NULL, text, sizeof text), 0, ERROR_INVALID_PARAMETER);
}

static void the_command_line_and_the_program(void) {
    char path[4096], linked[4096];
    WCHAR wide[4096];
    ssize_t len = readlink("/proc/self/exe", linked, sizeof linked - 1);
    linked[len] = '\0';
    CHECK(strstr(GetCommandLineA(), "the_command_line_and_the_program") != NULL);
    CHECK(GetCommandLineA() == GetCommandLineA());
    CHECK_EQ(lstrlenW(GetCommandLineW()), lstrlenA(GetCommandLineA()));
    CHECK_EQ(GetModuleFileNameA(NULL, path, sizeof path), strlen(linked));
    CHECK(strcmp(path, linked) == 0);
    CHECK_EQ(GetModuleFileNameW(NULL, wide, COUNT(wide)), strlen(linked));
    SetLastError(0);
    CHECK_EQ(GetModuleFileNameA(NULL, path, 4), 4);
    CHECK_EQ(GetLastError(), ERROR_INSUFFICIENT_BUFFER);
    CHECK(memcmp(path, linked, 3) == 0 && !path[3]);
    CHECK_FAILS(GetModuleFileNameA(NULL, NULL, 4), 0, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(GetModuleFileNameA((HMODULE)&path, path, 4), 0, ERROR_MOD_NOT_FOUND);
}

static void this_library_has_many_names(void) {
    static const char *const names[] = {"ws2_32", "ws2_32.dll", "WS2_32.DLL", "mswsock", "Mswsock.dll", "kernel32.dll"};
    HMODULE own = GetModuleHandleA("ws2_32");
    char path[4096];
    int i;
    CHECK(own != NULL);
    for (i = 0; i < COUNT(names); i++) {
        CHECK(GetModuleHandleA(names[i]) == own);
        CHECK(LoadLibraryA(names[i]) == own);
        CHECK_EQ(FreeLibrary(own), TRUE);
    }
    CHECK(GetModuleHandleW(WIDE("kernel32")) == own);
    CHECK(LoadLibraryW(WIDE("ws2_32.dll")) == own);
    CHECK(GetProcAddress(own, "WSAStartup") == (FARPROC)WSAStartup);
    /* The names are those of the headers, whatever the symbol. */
    CHECK(GetProcAddress(own, "bind") == (FARPROC)bind);
    CHECK(GetProcAddress(own, "CreateThread") == (FARPROC)CreateThread);
    CHECK_FAILS(GetProcAddress(own, "ws2_bind") != NULL, 0, ERROR_PROC_NOT_FOUND);
    CHECK_FAILS(GetProcAddress(own, "printf") != NULL, 0, ERROR_PROC_NOT_FOUND);
    CHECK_FAILS(GetProcAddress(own, "CreateWindowA") != NULL, 0, ERROR_PROC_NOT_FOUND);
    CHECK_FAILS(GetProcAddress(own, (LPCSTR)115) != NULL, 0, ERROR_PROC_NOT_FOUND);
    CHECK_FAILS(GetProcAddress(own, NULL) != NULL, 0, ERROR_INVALID_PARAMETER);
    CHECK(GetModuleFileNameA(own, path, sizeof path) > 0);
    CHECK(strstr(path, "libws2_32.so") != NULL);
}

static void shared_objects_are_modules(void) {
    double (*cosine)(double);
    HMODULE math, program = GetModuleHandleA(NULL);
    char path[4096];
    CHECK(program != NULL);
    CHECK_FAILS(LoadLibraryA("no-such-object.so") != NULL, 0, ERROR_MOD_NOT_FOUND);
    CHECK_FAILS(LoadLibraryA(NULL) != NULL, 0, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(GetModuleHandleA("no-such-object.so") != NULL, 0, ERROR_MOD_NOT_FOUND);
    math = LoadLibraryA("libm.so.6");
    CHECK(math != NULL);
    CHECK(LoadLibraryA("libm.so.6") == math);
    CHECK(GetModuleHandleA("libm.so.6") == math);
    *(FARPROC *)(void *)&cosine = GetProcAddress(math, "cos");
    CHECK(cosine != NULL && cosine(0) == 1);
    CHECK_FAILS(GetProcAddress(math, "no_such_function") != NULL, 0, ERROR_PROC_NOT_FOUND);
    CHECK(GetModuleFileNameA(math, path, sizeof path) > 0);
    CHECK(strstr(path, "libm.so.6") != NULL);
    CHECK_EQ(FreeLibrary(math), TRUE);
    CHECK_EQ(FreeLibrary(math), TRUE);
    CHECK_FAILS(FreeLibrary(math), FALSE, ERROR_MOD_NOT_FOUND);
    CHECK_FAILS(FreeLibrary(NULL), FALSE, ERROR_MOD_NOT_FOUND);
    CHECK_FAILS(FreeLibrary((HMODULE)&math), FALSE, ERROR_MOD_NOT_FOUND);
    CHECK_FAILS(GetProcAddress((HMODULE)&math, "cos") != NULL, 0, ERROR_MOD_NOT_FOUND);
}

static void nobody_traces_this_process(void) {
    CHECK_EQ(IsDebuggerPresent(), FALSE);
}

static void debug_text(void) {
    OutputDebugStringA("narrow\n");
    OutputDebugStringW(WIDE("wide \u00e9\n"));
    OutputDebugStringA(NULL);
}

static HANDLE handled;
static DWORD seen[8], handler_thread;
static LONG count;

static BOOL WINAPI first_handler(DWORD event) {
    seen[count++] = event;
    handler_thread = GetCurrentThreadId();
    SetEvent(handled);
    return TRUE;
}

static BOOL WINAPI passes_on(DWORD event) {
    seen[count++] = 100 + event;
    return FALSE;
}

static void until_handled(void) {
    CHECK_EQ(WaitForSingleObject(handled, INFINITE), WAIT_OBJECT_0);
}

static void signals_are_control_events(void) {
    static const int signals[] = {SIGINT, SIGQUIT, SIGHUP, SIGTERM};
    static const DWORD events[] = {CTRL_C_EVENT, CTRL_BREAK_EVENT, CTRL_CLOSE_EVENT, CTRL_SHUTDOWN_EVENT};
    int i;
    handled = CreateEventA(NULL, FALSE, FALSE, NULL);
    CHECK_EQ(SetConsoleCtrlHandler(first_handler, TRUE), TRUE);
    for (i = 0; i < COUNT(signals); i++) {
        count = 0;
        CHECK_EQ(kill(getpid(), signals[i]), 0);
        until_handled();
        CHECK_EQ(seen[0], events[i]);
        CHECK(handler_thread != GetCurrentThreadId());
    }
    /* The last one added is asked first. */
    CHECK_EQ(SetConsoleCtrlHandler(passes_on, TRUE), TRUE);
    count = 0;
    CHECK_EQ(kill(getpid(), SIGINT), 0);
    until_handled();
    CHECK_EQ(count, 2);
    CHECK_EQ(seen[0], 100);
    CHECK_EQ(seen[1], 0);
    CHECK_EQ(SetConsoleCtrlHandler(passes_on, FALSE), TRUE);
    CHECK_FAILS(SetConsoleCtrlHandler(passes_on, FALSE), FALSE, ERROR_INVALID_PARAMETER);
    count = 0;
    CHECK_EQ(kill(getpid(), SIGINT), 0);
    until_handled();
    CHECK_EQ(count, 1);
}

static void ctrl_c_can_be_ignored(void) {
    handled = CreateEventA(NULL, FALSE, FALSE, NULL);
    CHECK_EQ(SetConsoleCtrlHandler(first_handler, TRUE), TRUE);
    CHECK_EQ(SetConsoleCtrlHandler(NULL, TRUE), TRUE);
    CHECK_EQ(kill(getpid(), SIGINT), 0);
    /* One thread serves all events in order: when this one has come, the other was ignored. */
    CHECK_EQ(kill(getpid(), SIGTERM), 0);
    until_handled();
    CHECK_EQ(count, 1);
    CHECK_EQ(seen[0], CTRL_SHUTDOWN_EVENT);
    CHECK_EQ(SetConsoleCtrlHandler(NULL, FALSE), TRUE);
    CHECK_EQ(kill(getpid(), SIGINT), 0);
    until_handled();
    CHECK_EQ(count, 2);
}

static void ignored_signals_stay_ignored(void) {
    struct sigaction now;
    signal(SIGHUP, SIG_IGN);
    CHECK_EQ(SetConsoleCtrlHandler(first_handler, TRUE), TRUE);
    CHECK_EQ(sigaction(SIGHUP, NULL, &now), 0);
    CHECK(now.sa_handler == SIG_IGN);
}

/* Ends by the signal; win32.rs looks at how. */
static void unhandled_control_event(void) {
    CHECK_EQ(SetConsoleCtrlHandler(passes_on, TRUE), TRUE);
    CHECK_EQ(kill(getpid(), SIGINT), 0);
    for (;;) Sleep(INFINITE);
}

static void processes_exit(void) {
    int status;
    pid_t child = fork();
    if (child == 0) ExitProcess(23);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 23);
    CHECK_EQ(GetCurrentProcessId(), getpid());
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(clocks_go_on),
        TEST(file_times_count_from_1601),
        TEST(the_machine_is_known),
        TEST(variables_of_the_environment),
        TEST(environment_strings_are_expanded),
        TEST(the_command_line_and_the_program),
        TEST(this_library_has_many_names),
        TEST(shared_objects_are_modules),
        TEST(nobody_traces_this_process),
        TEST(debug_text),
        TEST(signals_are_control_events),
        TEST(ctrl_c_can_be_ignored),
        TEST(ignored_signals_stay_ignored),
        TEST(processes_exit),
    };
    static const struct test ends[] = {TEST(unhandled_control_event)};
    int result = argc > 1 ? run_tests(ends, COUNT(ends), argc, argv) : 2;
    return result == 2 ? run_tests(tests, COUNT(tests), argc, argv) : result;
}
