/* Version 2 name space providers: this program advertises some, and is their client too. */
#define _DEFAULT_SOURCE
#include "fixture.h"

#include <nsemail.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <ws2spi.h>

static GUID one_id = {0x1111, 1, 1, {1}}, two_id = {0x2222, 2, 2, {2}}, class_id = {0x4711, 7, 7, {7}};
#define SPACE 77

/* ---- The provider: it records what it is called for, and does as it is told. ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static char calls[256];      /* One letter a call. */
static int cookie, sessions; /* What Startup stores is the address of one, plus the number of the session. */
static HANDLE waiting;       /* The call that is not completed yet. */
static int startup_result, startup_error, answers, big, wild;
static enum { AT_ONCE, NEVER, BY_THREAD_ERROR, SILENTLY } completes;

static void record(char letter) {
    size_t length;
    pthread_mutex_lock(&lock);
    length = strlen(calls);
    CHECK(length + 1 < sizeof calls);
    calls[length] = letter;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void expect(const char *wanted) {
    pthread_mutex_lock(&lock);
    if (strcmp(calls, wanted) != 0) {
        fprintf(stderr, "the provider was called for \"%s\", not \"%s\"\n", calls, wanted);
        exit(1);
    }
    pthread_mutex_unlock(&lock);
}

static void expect_cookie(LPVOID argument) {
    CHECK(argument == (char *)&cookie + sessions);
}

static INT WSAAPI v2_startup(LPGUID id, LPVOID *argument) {
    CHECK(IsEqualGUID(id, &one_id) || IsEqualGUID(id, &two_id));
    record('S');
    if (startup_result != 0) {
        WSASetLastError(startup_error);
        return startup_result;
    }
    *argument = (char *)&cookie + ++sessions;
    return 0;
}

static INT WSAAPI v2_cleanup(LPGUID id, LPVOID argument) {
    CHECK(IsEqualGUID(id, &one_id) || IsEqualGUID(id, &two_id));
    expect_cookie(argument);
    record('C');
    return 0;
}

static void WSAAPI v2_rundown(LPGUID id, LPVOID argument) {
    CHECK(IsEqualGUID(id, &one_id) || IsEqualGUID(id, &two_id));
    expect_cookie(argument);
    record('R');
}

static INT WSAAPI v2_begin(LPGUID id, LPWSAQUERYSET2W query, DWORD flags, LPVOID argument, LPHANDLE lookup) {
    (void)flags;
    CHECK(IsEqualGUID(id, &one_id) || IsEqualGUID(id, &two_id));
    CHECK_EQ(query->dwSize, sizeof *query);
    CHECK(query->lpszServiceInstanceName != NULL && query->lpszServiceInstanceName[0] == 'n');
    if (startup_result == 0) expect_cookie(argument);
    else CHECK(argument == NULL);
    record('B');
    *lookup = (HANDLE)&answers;
    return 0;
}

static int answer(DWORD *length, LPWSAQUERYSET2W set) {
    DWORD needed = sizeof *set + (big ? 100000 : 8);
    WCHAR *text = (WCHAR *)(set + 1);
    if (answers == 0) return WSA_E_NO_MORE;
    if (*length < needed) {
        *length = needed;
        return WSAEFAULT;
    }
    answers--;
    memset(set, 0, sizeof *set);
    set->dwSize = sizeof *set;
    set->dwNameSpace = SPACE;
    set->lpszServiceInstanceName = text;
    if (wild) {
        static WCHAR elsewhere[] = {'x', 0};
        set->lpszServiceInstanceName = elsewhere;
    }
    text[0] = 'n', text[1] = 0;
    return 0;
}

static void WSAAPI v2_next(HANDLE call, HANDLE lookup, DWORD flags, LPDWORD length, LPWSAQUERYSET2W set) {
    (void)flags;
    CHECK(lookup == (HANDLE)&answers);
    switch (completes) {
    case AT_ONCE:
        CHECK_EQ(WSAProviderCompleteAsyncCall(call, answer(length, set)), 0);
        CHECK_FAILS(WSAProviderCompleteAsyncCall(call, 0), SOCKET_ERROR, WSAEINVAL);
        break;
    case BY_THREAD_ERROR:
        WSASetLastError(WSANO_DATA);
        CHECK_EQ(WSAProviderCompleteAsyncCall(call, -1), 0);
        break;
    case SILENTLY:
        WSASetLastError(answer(length, set));
        break;
    case NEVER:
        waiting = call;
        break;
    }
    record('N');
}

static INT WSAAPI v2_end(HANDLE lookup) {
    CHECK(lookup == (HANDLE)&answers);
    record('E');
    return 0;
}

static void WSAAPI v2_set(HANDLE call, LPGUID id, LPWSAQUERYSET2W set, WSAESETSERVICEOP operation, DWORD flags,
                          LPVOID argument) {
    (void)id, (void)flags;
    expect_cookie(argument);
    CHECK_EQ(operation, RNRSERVICE_REGISTER);
    CHECK(set->lpszServiceInstanceName[0] == 'n');
    CHECK_EQ(WSAProviderCompleteAsyncCall(call, 0), 0);
    record('s');
}

static NSPV2_ROUTINE table(void) {
    NSPV2_ROUTINE routine = {sizeof routine, 1, 0,     v2_startup, v2_cleanup, v2_begin,
                             v2_next,        v2_end, v2_set, v2_rundown};
    return routine;
}

/* ---- The client ---- */

static void install(GUID *id, DWORD name_space) {
    CHECK_EQ(WSCInstallNameSpace(WIDE("Host"), WIDE("/nowhere"), name_space, 2, id), 0);
}

static void advertise(GUID *id) {
    NSPV2_ROUTINE routine = table();
    CHECK_EQ(WSAAdvertiseProvider(id, &routine), 0);
    memset(&routine, 0xee, sizeof routine); /* NSP2-ADV-7: it was copied. */
}

static void set_up(void) {
    install(&one_id, SPACE);
    start();
    advertise(&one_id);
    answers = 1;
}

static DWORD space = SPACE;

/* The last clean-up withdraws what is advertised. */
static void restart(void) {
    stop();
    start();
    advertise(&one_id);
}

static WSAQUERYSETW about(void) {
    WSAQUERYSETW set;
    memset(&set, 0, sizeof set);
    set.dwSize = sizeof set;
    set.lpszServiceInstanceName = WIDE("n");
    set.lpServiceClassId = &class_id;
    set.dwNameSpace = space;
    return set;
}

static HANDLE begin(void) {
    WSAQUERYSETW query = about();
    HANDLE lookup = NULL;
    CHECK_EQ(WSALookupServiceBeginW(&query, LUP_RETURN_NAME, &lookup), 0);
    return lookup;
}

static int next(HANDLE lookup) {
    static char room[200000];
    DWORD length = sizeof room;
    return WSALookupServiceNextW(lookup, 0, &length, (WSAQUERYSETW *)room);
}

static void begin_fails(int error) {
    WSAQUERYSETW query = about();
    HANDLE lookup;
    CHECK_FAILS(WSALookupServiceBeginW(&query, LUP_RETURN_NAME, &lookup), SOCKET_ERROR, error);
}

static void until(const char *wanted) {
    pthread_mutex_lock(&lock);
    while (strcmp(calls, wanted) != 0) pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

/* ---- Sessions ---- */

/* proves: SESS-1, NSP2-SES-3, NSP2-CLEANUP-1, NSP2-CLEANUP-2, NSP2-CLEANUP-6, NSP2-SES-2, NSP2-ADV-7, NSP2-ADV-9, NSP2-CALL-1, NSP2-CALL-10 */
static void nsp2_ses_1_a_session_begins_with_the_first_call_and_ends_with_winsock(void) {
    HANDLE lookup;
    WSAQUERYSETW service = about();
    set_up();
    expect("");
    lookup = begin();
    CHECK_EQ(next(lookup), 0);
    CHECK_FAILS(next(lookup), SOCKET_ERROR, WSA_E_NO_MORE);
    CHECK_EQ(WSALookupServiceEnd(lookup), 0);
    CHECK_EQ(WSASetServiceW(&service, RNRSERVICE_REGISTER, 0), 0);
    expect("SBNNEs");
    stop();
    expect("SBNNEsC");
}

/* An orderly end is no loss, ends what is open, and the next start finds everything as it was. */
/* proves: NSP2-CLEANUP-10, NSP2-SES-8 */
static void nsp2_cleanup_11_a_session_can_begin_right_after_the_last_cleanup(void) {
    int round;
    set_up();
    for (round = 0; round < 5; round++) {
        begin();
        restart();
    }
    expect("SBECSBECSBECSBECSBEC");
    stop();
}

/* proves: NSP2-RUN-2, NSP2-RUN-3, NSP2-RUN-4, NSP2-RUN-6, NSP2-UNADV-1, SESS-3, SESS-4, NSP2-ADV-8 */
static void nsp2_run_5_a_provider_that_goes_runs_down_and_then_cleans_up(void) {
    HANDLE lookup;
    set_up();
    lookup = begin();
    CHECK_EQ(WSAUnadvertiseProvider(&one_id), 0);
    expect("SBREC");
    CHECK_FAILS(next(lookup), SOCKET_ERROR, WSA_E_CANCELLED);
    CHECK_EQ(WSALookupServiceEnd(lookup), 0);
    begin_fails(WSASERVICE_NOT_FOUND);
    CHECK_FAILS(WSAUnadvertiseProvider(&one_id), SOCKET_ERROR, WSAEINVALIDPROVIDER);
    CHECK_FAILS(WSAUnadvertiseProvider(NULL), SOCKET_ERROR, WSAEINVAL);
    expect("SBREC");
    /* The same client reaches it when it is back. */
    advertise(&one_id);
    CHECK_EQ(next(begin()), 0);
    expect("SBRECSBN");
    stop();
    expect("SBRECSBNEC");
}

static void *next_is_cancelled(void *lookup) {
    CHECK_FAILS(next((HANDLE)lookup), SOCKET_ERROR, WSA_E_CANCELLED);
    return NULL;
}

/* Calls that wait are cancelled, whoever ends the session, and what is completed later disturbs nobody. */
/* proves: ASYNC-7, NSP2-UNADV-2, ASYNC-6 */
static void async_7_a_call_is_cancelled_with_its_session(void) {
    pthread_t client;
    int how;
    set_up();
    completes = NEVER;
    for (how = 0; how < 3; how++) {
        HANDLE lookup = begin(), late;
        CHECK_EQ(pthread_create(&client, NULL, next_is_cancelled, lookup), 0);
        until("SBN");
        late = waiting;
        if (how == 0) CHECK_EQ(WSALookupServiceEnd(lookup), 0);
        if (how == 1) CHECK_EQ(WSAUnadvertiseProvider(&one_id), 0);
        if (how == 2) stop();
        CHECK_EQ(pthread_join(client, NULL), 0);
        if (how == 2) start(), advertise(&one_id);
        CHECK_EQ(WSAProviderCompleteAsyncCall(late, 0), 0);
        CHECK_FAILS(WSAProviderCompleteAsyncCall(late, 0), SOCKET_ERROR, WSAEINVAL);
        if (how == 0) {
            expect("SBNE");
            restart();
        }
        expect(how == 0 ? "SBNEC" : how == 1 ? "SBNREC" : "SBNEC");
        memset(calls, 0, sizeof calls);
        if (how == 1) advertise(&one_id);
    }
    stop();
}

/* proves: NSP2-CLEANUP-8, NSP2-RUN-7, NSP2-ADV-4, STUB-5, STUB-6 */
static void stub_2_what_is_optional_may_be_missing(void) {
    NSPV2_ROUTINE routine = table();
    WSAQUERYSETW service = about();
    install(&one_id, SPACE);
    start();
    answers = 1;
    startup_result = -1; /* The provider sees a null argument. */
    routine.NSPv2Startup = NULL;
    routine.NSPv2Cleanup = NULL;
    routine.NSPv2SetServiceEx = NULL;
    routine.NSPv2ClientSessionRundown = NULL;
    CHECK_EQ(WSAAdvertiseProvider(&one_id, &routine), 0);
    CHECK_EQ(next(begin()), 0);
    CHECK_FAILS(WSASetServiceW(&service, RNRSERVICE_REGISTER, 0), SOCKET_ERROR, WSAEOPNOTSUPP);
    CHECK_EQ(WSAUnadvertiseProvider(&one_id), 0);
    expect("BNE");
    stop();
}

/* proves: STUB-3, STUB-4, NSP2-SES-6 */
static void nsp2_ses_7_a_startup_that_fails_leaves_nothing_to_clean_up(void) {
    set_up();
    startup_result = SOCKET_ERROR;
    startup_error = WSAEACCES;
    begin_fails(WSAEACCES);
    begin_fails(WSAEACCES);
    startup_error = 0; /* LC-ERR-6 */
    begin_fails(WSASYSCALLFAILURE);
    expect("SSS");
    /* Both ways to say that there are no sessions. */
    startup_result = WSAEOPNOTSUPP;
    CHECK_EQ(next(begin()), 0);
    expect("SSSSBN");
    stop();
    expect("SSSSBNE");
    start();
    advertise(&one_id);
    answers = 1;
    startup_result = SOCKET_ERROR;
    startup_error = WSAEOPNOTSUPP;
    CHECK_EQ(next(begin()), 0);
    stop();
    expect("SSSSBNESBNE");
}

/* One table under two ids has a session for each. */
static void nsp2_cleanup_7_counts_are_kept_for_each_id(void) {
    install(&one_id, SPACE);
    install(&two_id, SPACE + 1);
    start();
    advertise(&one_id);
    advertise(&two_id);
    begin();
    space = SPACE + 1;
    begin();
    expect("SBSB");
    CHECK_EQ(WSAUnadvertiseProvider(&two_id), 0);
    expect("SBSBREC");
    sessions = 1; /* What is left is the first one's. */
    stop();
    expect("SBSBRECEC");
}

/* ---- Advertising ---- */

/* proves: NSP2-ADV-1, NSP2-ADV-2, NSP2-ADV-5, NSP2-ADV-6, NSP2-ADV-11, NSP2-TBL-2, A-N19, A-N20 */
static void nsp2_adv_3_tables_and_ids_are_checked(void) {
    NSPV2_ROUTINE routine = table();
    CHECK_FAILS(WSAAdvertiseProvider(&one_id, &routine), SOCKET_ERROR, WSANOTINITIALISED);
    CHECK_FAILS(WSAUnadvertiseProvider(&one_id), SOCKET_ERROR, WSANOTINITIALISED);
    install(&one_id, SPACE);
    start();
    CHECK_FAILS(WSAAdvertiseProvider(NULL, &routine), SOCKET_ERROR, WSAEINVAL);
    CHECK_FAILS(WSAAdvertiseProvider(&one_id, NULL), SOCKET_ERROR, WSAEINVAL);
    CHECK_FAILS(WSAAdvertiseProvider(&two_id, &routine), SOCKET_ERROR, WSAEINVALIDPROVIDER);
    routine.NSPv2LookupServiceBegin = NULL;
    CHECK_FAILS(WSAAdvertiseProvider(&one_id, &routine), SOCKET_ERROR, WSAEINVAL);
    routine = table(), routine.NSPv2LookupServiceNextEx = NULL;
    CHECK_FAILS(WSAAdvertiseProvider(&one_id, &routine), SOCKET_ERROR, WSAEINVAL);
    routine = table(), routine.NSPv2LookupServiceEnd = NULL;
    CHECK_FAILS(WSAAdvertiseProvider(&one_id, &routine), SOCKET_ERROR, WSAEINVAL);
    routine = table(), routine.cbSize = offsetof(NSPV2_ROUTINE, NSPv2SetServiceEx) - 1;
    CHECK_FAILS(WSAAdvertiseProvider(&one_id, &routine), SOCKET_ERROR, WSAEINVAL);
    /* Members beyond the size count as null. */
    routine.cbSize = offsetof(NSPV2_ROUTINE, NSPv2SetServiceEx);
    routine.NSPv2ClientSessionRundown = (LPNSPV2CLIENTSESSIONRUNDOWN)(size_t)1;
    CHECK_EQ(WSAAdvertiseProvider(&one_id, &routine), 0);
    routine = table();
    CHECK_FAILS(WSAAdvertiseProvider(&one_id, &routine), SOCKET_ERROR, WSAEINVAL);
    begin();
    CHECK_EQ(WSAUnadvertiseProvider(&one_id), 0);
    expect("SBEC");
    stop();
}

static void nsp2_res_2_version_2_may_be_for_electronic_mail_alone(void) {
    NSPV2_ROUTINE routine = table();
    CHECK_EQ(setenv("WINDLASS_NAMESPACE_POLICY", "email-only", 1), 0);
    install(&one_id, SPACE);
    install(&two_id, NS_EMAIL);
    start();
    CHECK_FAILS(WSAAdvertiseProvider(&one_id, &routine), SOCKET_ERROR, WSAEOPNOTSUPP);
    CHECK_EQ(WSAAdvertiseProvider(&two_id, &routine), 0);
    stop();
}

/* ---- Calls ---- */

static void *complete_later(void *unused) {
    (void)unused;
    until("SBN");
    CHECK_EQ(WSAProviderCompleteAsyncCall(waiting, WSA_E_NO_MORE), 0);
    return NULL;
}

/* proves: ASYNC-1, ASYNC-9, A-N21 */
static void async_4_a_call_is_completed_once_in_it_or_later_from_any_thread(void) {
    pthread_t thread;
    CHECK_FAILS(WSAProviderCompleteAsyncCall((HANDLE)&cookie, 0), SOCKET_ERROR, WSANOTINITIALISED);
    set_up();
    CHECK_FAILS(WSAProviderCompleteAsyncCall(NULL, 0), SOCKET_ERROR, WSAEINVAL);
    CHECK_FAILS(WSAProviderCompleteAsyncCall((HANDLE)&cookie, 0), SOCKET_ERROR, WSAEINVAL);
    completes = NEVER;
    CHECK_EQ(pthread_create(&thread, NULL, complete_later, NULL), 0);
    CHECK_FAILS(next(begin()), SOCKET_ERROR, WSA_E_NO_MORE);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_FAILS(WSAProviderCompleteAsyncCall(waiting, 0), SOCKET_ERROR, WSAEINVAL);
    stop();
}

static void async_3_minus_one_is_the_error_of_the_thread(void) {
    set_up();
    completes = BY_THREAD_ERROR;
    CHECK_FAILS(next(begin()), SOCKET_ERROR, WSANO_DATA);
    stop();
}

/* That a call which returns is complete is a policy, and not the default. */
static void async_5_a_call_that_returns_may_be_complete(void) {
    HANDLE lookup;
    CHECK_EQ(setenv("WINDLASS_NAMESPACE_POLICY", "complete-on-return", 1), 0);
    set_up();
    completes = SILENTLY;
    lookup = begin();
    CHECK_EQ(next(lookup), 0);
    CHECK_FAILS(next(lookup), SOCKET_ERROR, WSA_E_NO_MORE);
    stop();
}

/* proves: NSP2-CALL-4, NSP2-CALL-9 */
static void nsp2_call_5_a_large_result_is_asked_for_again(void) {
    set_up();
    big = 1;
    CHECK_EQ(next(begin()), 0);
    expect("SBNN");
    stop();
}

static void pack_1_a_result_that_points_elsewhere_reaches_no_client(void) {
    set_up();
    wild = 1;
    CHECK_FAILS(next(begin()), SOCKET_ERROR, WSAEFAULT);
    stop();
}

/* ---- Between processes ---- */

static int to_child[2], from_child[2];

static void tell(int pipe[2]) {
    CHECK_EQ(write(pipe[1], "x", 1), 1);
}

static void hear(int pipe[2]) {
    char byte;
    CHECK_EQ(read(pipe[0], &byte, 1), 1);
}

/* A child that has started nothing yet, and begins when it is told. */
static pid_t child_that(void (*body)(void)) {
    pid_t child;
    CHECK(pipe(to_child) == 0 && pipe(from_child) == 0);
    install(&one_id, SPACE);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        hear(to_child);
        start();
        body();
        stop();
        _exit(0);
    }
    return child;
}

static void await(pid_t child, int wanted) {
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), wanted);
}

static void client_uses_everything(void) {
    WSAQUERYSETW service = about();
    HANDLE lookup = begin();
    static char room[4096];
    DWORD length = sizeof room;
    CHECK_EQ(WSALookupServiceNextW(lookup, 0, &length, (WSAQUERYSETW *)room), 0);
    CHECK(((WSAQUERYSETW *)room)->lpszServiceInstanceName[0] == 'n');
    CHECK_FAILS(next(lookup), SOCKET_ERROR, WSA_E_NO_MORE);
    CHECK_EQ(WSASetServiceW(&service, RNRSERVICE_REGISTER, 0), 0);
    tell(from_child);
    hear(to_child);
}

static void host_for(void (*client)(void), int how, const char *while_it_lives, const char *in_the_end) {
    pid_t child = child_that(client);
    start();
    advertise(&one_id);
    answers = 1;
    tell(to_child);
    hear(from_child);
    until(while_it_lives);
    if (how == SIGKILL) CHECK_EQ(kill(child, SIGKILL), 0);
    else tell(to_child);
    await(child, how);
    until(in_the_end);
    stop();
    expect(in_the_end);
}

/* proves: NSP2-ADV-10 */
static void nsp2_adv_9_a_client_in_another_process_ends_in_an_orderly_way(void) {
    host_for(client_uses_everything, 0, "SBNNs", "SBNNsEC");
}

static void nsp2_run_4_a_client_that_is_killed_is_run_down(void) {
    host_for(client_uses_everything, SIGKILL, "SBNNs", "SBNNsREC");
}

static void *tell_when_it_waits(void *lookup) {
    (void)lookup;
    tell(from_child);
    return NULL;
}

static void client_waits_for_ever(void) {
    pthread_t other;
    HANDLE lookup = begin();
    CHECK_EQ(pthread_create(&other, NULL, tell_when_it_waits, NULL), 0);
    next(lookup);
    CHECK(!"it was killed");
}

/* What a client waited for is cancelled before its session is run down, and the provider may complete it late. */
static void nsp2_run_6_calls_of_a_client_that_is_killed_are_cancelled(void) {
    HANDLE late;
    completes = NEVER;
    host_for(client_waits_for_ever, SIGKILL, "SBN", "SBNREC");
    late = waiting;
    start();
    CHECK_EQ(WSAProviderCompleteAsyncCall(late, 0), 0);
    stop();
}

static void client_cancels(void) {
    pthread_t other;
    HANDLE lookup = begin();
    CHECK_EQ(pthread_create(&other, NULL, next_is_cancelled, lookup), 0);
    tell(from_child);
    hear(to_child);
    CHECK_EQ(WSALookupServiceEnd(lookup), 0);
    CHECK_EQ(pthread_join(other, NULL), 0);
}

static void nsp2_call_6_end_cancels_a_call_in_another_process(void) {
    completes = NEVER;
    host_for(client_cancels, 0, "SBN", "SBNEC");
}

static void host_until_killed(void) {
    NSPV2_ROUTINE routine = table();
    CHECK_EQ(WSAAdvertiseProvider(&one_id, &routine), 0);
    completes = NEVER;
    tell(from_child);
    hear(to_child);
}

static void *next_finds_nobody(void *lookup) {
    CHECK_FAILS(next((HANDLE)lookup), SOCKET_ERROR, WSASERVICE_NOT_FOUND);
    return NULL;
}

/* A host that dies is an error at once for who waits and for who comes, and stops nobody from being the next. */
static void nsp2_unadv_3_a_host_that_is_killed_is_not_advertised(void) {
    NSPV2_ROUTINE routine = table();
    pthread_t waiter;
    HANDLE lookup;
    pid_t child = child_that(host_until_killed);
    start();
    begin_fails(WSASERVICE_NOT_FOUND);
    tell(to_child);
    hear(from_child);
    CHECK_FAILS(WSAAdvertiseProvider(&one_id, &routine), SOCKET_ERROR, WSAEINVAL);
    lookup = begin();
    CHECK_EQ(pthread_create(&waiter, NULL, next_finds_nobody, lookup), 0);
    CHECK_EQ(kill(child, SIGKILL), 0);
    await(child, SIGKILL);
    CHECK_EQ(pthread_join(waiter, NULL), 0);
    CHECK_EQ(WSALookupServiceEnd(lookup), 0);
    begin_fails(WSASERVICE_NOT_FOUND);
    expect("");
    advertise(&one_id);
    answers = 1;
    CHECK_EQ(next(begin()), 0);
    stop();
    expect("SBNEC");
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(nsp2_ses_1_a_session_begins_with_the_first_call_and_ends_with_winsock),
        TEST(nsp2_cleanup_11_a_session_can_begin_right_after_the_last_cleanup),
        TEST(nsp2_run_5_a_provider_that_goes_runs_down_and_then_cleans_up),
        TEST(async_7_a_call_is_cancelled_with_its_session),
        TEST(stub_2_what_is_optional_may_be_missing),
        TEST(nsp2_ses_7_a_startup_that_fails_leaves_nothing_to_clean_up),
        TEST(nsp2_cleanup_7_counts_are_kept_for_each_id),
        TEST(nsp2_adv_3_tables_and_ids_are_checked),
        TEST(nsp2_res_2_version_2_may_be_for_electronic_mail_alone),
        TEST(async_4_a_call_is_completed_once_in_it_or_later_from_any_thread),
        TEST(async_3_minus_one_is_the_error_of_the_thread),
        TEST(async_5_a_call_that_returns_may_be_complete),
        TEST(nsp2_call_5_a_large_result_is_asked_for_again),
        TEST(pack_1_a_result_that_points_elsewhere_reaches_no_client),
        TEST(nsp2_adv_9_a_client_in_another_process_ends_in_an_orderly_way),
        TEST(nsp2_run_4_a_client_that_is_killed_is_run_down),
        TEST(nsp2_run_6_calls_of_a_client_that_is_killed_are_cancelled),
        TEST(nsp2_call_6_end_cancels_a_call_in_another_process),
        TEST(nsp2_unadv_3_a_host_that_is_killed_is_not_advertised),
    };
    return run_tests(tests, COUNT(tests), argc, argv);
}
