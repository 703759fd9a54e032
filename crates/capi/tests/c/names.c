/*
 * Look-ups, registrations and service classes, over the name space provider in plain C (examples/c/namespace), installed
 * once or twice. NAMES_PROVIDER is the path of its module, and NAMES_OTHER that of a copy.
 */
#include "fixture.h"

#include <pthread.h>
#include <stdint.h>
#include <svcguid.h>
#include <ws2spi.h>

static GUID one_id = {0x1111, 1, 1, {1}}, two_id = {0x2222, 2, 2, {2}}, class_id = SVCID_TCP(4711);
#define SPACE 77
#define OTHER_SPACE 78

static void widen(WCHAR *wide, const char *text) {
    while ((*wide++ = (unsigned char)*text++) != 0) continue;
}

static void install(const char *variable, DWORD name_space, GUID *id) {
    WCHAR path[512];
    CHECK(getenv(variable) != NULL);
    widen(path, getenv(variable));
    CHECK_EQ(WSCInstallNameSpace(WIDE("Directory"), path, name_space, 1, id), 0);
}

static void start_with_one(void) {
    install("NAMES_PROVIDER", SPACE, &one_id);
    start();
}

static void start_with_two(void) {
    install("NAMES_PROVIDER", SPACE, &one_id);
    install("NAMES_OTHER", SPACE, &two_id);
    start();
}

static WSAQUERYSETW about(const WCHAR *name) {
    WSAQUERYSETW set = {0};
    set.dwSize = sizeof set;
    set.lpszServiceInstanceName = (WCHAR *)name;
    set.lpServiceClassId = &class_id;
    set.dwNameSpace = SPACE;
    return set;
}

/* An address at a port of 192.0.2.7. */
static CSADDR_INFO at(struct sockaddr_in *name, unsigned short port) {
    CSADDR_INFO info = {0};
    memset(name, 0, sizeof *name);
    name->sin_family = AF_INET;
    name->sin_port = htons(port);
    name->sin_addr.s_addr = htonl(0xC0000207);
    info.RemoteAddr.lpSockaddr = (struct sockaddr *)name;
    info.RemoteAddr.iSockaddrLength = sizeof *name;
    info.iSocketType = SOCK_STREAM;
    info.iProtocol = IPPROTO_TCP;
    return info;
}

/* WSASetService for a name with up to two ports; its result. */
static int set(GUID *provider, const WCHAR *name, WSAESETSERVICEOP operation, DWORD flags, unsigned short one,
               unsigned short two) {
    struct sockaddr_in names[2];
    CSADDR_INFO addresses[2];
    WSAQUERYSETW service = about(name);
    addresses[0] = at(&names[0], one);
    addresses[1] = at(&names[1], two);
    service.lpNSProviderId = provider;
    service.lpszComment = WIDE("a comment");
    service.dwNumberOfCsAddrs = one == 0 ? 0 : two == 0 ? 1 : 2;
    service.lpcsaBuffer = addresses;
    return WSASetServiceW(&service, operation, flags);
}

static HANDLE begin(const WCHAR *name, DWORD flags) {
    WSAQUERYSETW query = about(name);
    HANDLE handle = NULL;
    CHECK_EQ(WSALookupServiceBeginW(&query, flags, &handle), 0);
    CHECK(handle != NULL);
    memset(&query, 0xEE, sizeof query); /* FAN-14 */
    return handle;
}

/* A buffer for a result, with a guard behind it. */
static union {
    WSAQUERYSETW set;
    WSAQUERYSETA ansi;
    BYTE bytes[4096];
} result;

static int next(HANDLE handle, DWORD flags) {
    DWORD length = sizeof result;
    int rc;
    memset(&result, 0xA5, sizeof result);
    rc = WSALookupServiceNextW(handle, flags, &length, &result.set);
    if (rc == 0) CHECK_EQ(length, sizeof result); /* NEXT-12 */
    return rc;
}

static void inside(const void *pointer) {
    CHECK(pointer == NULL || ((const BYTE *)pointer >= result.bytes && (const BYTE *)pointer < result.bytes + sizeof result));
}

/* PACK-1: every pointer of a result points into the buffer. */
static void walk(void) {
    CHECK_EQ(result.set.dwSize, sizeof result.set); /* NEXT-10 */
    inside(result.set.lpszServiceInstanceName), inside(result.set.lpServiceClassId), inside(result.set.lpVersion);
    inside(result.set.lpszComment), inside(result.set.lpNSProviderId), inside(result.set.lpszContext);
    inside(result.set.lpszQueryString), inside(result.set.lpcsaBuffer), inside(result.set.lpBlob);
    for (DWORD i = 0; i < result.set.dwNumberOfCsAddrs; i++) {
        inside(result.set.lpcsaBuffer[i].LocalAddr.lpSockaddr);
        inside(result.set.lpcsaBuffer[i].RemoteAddr.lpSockaddr);
    }
}

static int is(const WCHAR *wide, const char *text) {
    while (*text && *wide == (unsigned char)*text) wide++, text++;
    return *wide == (unsigned char)*text;
}

/* The ports that a name has now, as a sum; -1 if it is not there. */
static int ports_of(const WCHAR *name) {
    HANDLE handle = begin(name, LUP_RETURN_ALL);
    int sum = -1;
    if (next(handle, 0) == 0) {
        walk();
        sum = 0;
        for (DWORD i = 0; i < result.set.dwNumberOfCsAddrs; i++)
            sum += ntohs(((struct sockaddr_in *)result.set.lpcsaBuffer[i].RemoteAddr.lpSockaddr)->sin_port);
    }
    CHECK_EQ(WSALookupServiceEnd(handle), 0);
    return sum;
}

/* proves: SET-1, SET-2, SET-3, SET-12 */
static void set_2_the_truth_table(void) {
    WCHAR *name = WIDE("table");
    start_with_one();
    CHECK_FAILS(set(NULL, name, RNRSERVICE_DEREGISTER, 0, 0, 0), SOCKET_ERROR, WSASERVICE_NOT_FOUND);
    CHECK_FAILS(set(NULL, name, RNRSERVICE_DELETE, 0, 0, 0), SOCKET_ERROR, WSASERVICE_NOT_FOUND);
    CHECK_EQ(set(NULL, name, RNRSERVICE_REGISTER, 0, 1, 2), 0);
    CHECK_EQ(ports_of(name), 3);
    CHECK_EQ(set(NULL, name, RNRSERVICE_REGISTER, 0, 4, 0), 0);
    CHECK_EQ(ports_of(name), 4);
    CHECK_EQ(set(NULL, name, RNRSERVICE_REGISTER, SERVICE_MULTIPLE, 8, 16), 0);
    CHECK_EQ(ports_of(name), 28);
    CHECK_EQ(set(NULL, name, RNRSERVICE_DEREGISTER, SERVICE_MULTIPLE, 8, 0), 0);
    CHECK_EQ(ports_of(name), 20);
    CHECK_FAILS(set(NULL, name, RNRSERVICE_DELETE, SERVICE_MULTIPLE, 5, 0), SOCKET_ERROR, WSASERVICE_NOT_FOUND);
    CHECK_EQ(ports_of(name), 20);
    CHECK_EQ(set(NULL, name, RNRSERVICE_DELETE, SERVICE_MULTIPLE, 16, 0), 0);
    CHECK_EQ(ports_of(name), 4);
    CHECK_EQ(set(NULL, name, RNRSERVICE_DEREGISTER, 0, 0, 0), 0);
    CHECK_EQ(ports_of(name), 0); /* The object stays. */
    CHECK_EQ(set(NULL, name, RNRSERVICE_DELETE, 0, 0, 0), 0);
    CHECK_EQ(ports_of(name), -1);
    CHECK_FAILS(set(NULL, name, (WSAESETSERVICEOP)3, 0, 1, 0), SOCKET_ERROR, WSAEINVAL);
    stop();
}

/* proves: NEXT-3, NEXT-4, NEXT-5, NEXT-13 */
static void next_3_too_small_a_buffer_loses_nothing(void) {
    HANDLE handle;
    DWORD length = 0, needed;
    start_with_one();
    CHECK_EQ(set(NULL, WIDE("a"), RNRSERVICE_REGISTER, 0, 1, 0), 0);
    CHECK_EQ(set(NULL, WIDE("b"), RNRSERVICE_REGISTER, 0, 2, 0), 0);
    handle = begin(NULL, LUP_RETURN_ALL);
    CHECK_FAILS(WSALookupServiceNextW(handle, 0, &length, NULL), SOCKET_ERROR, WSAEFAULT);
    needed = length;
    CHECK(needed > sizeof(WSAQUERYSETW));
    length = needed - 1;
    CHECK_FAILS(WSALookupServiceNextW(handle, 0, &length, &result.set), SOCKET_ERROR, WSAEFAULT);
    CHECK_EQ(length, needed);
    length = 8;
    CHECK_FAILS(WSALookupServiceNextW(handle, 0, &length, &result.set), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(WSALookupServiceNextW(handle, 0, NULL, &result.set), SOCKET_ERROR, WSAEFAULT);
    length = needed;
    CHECK_EQ(WSALookupServiceNextW(handle, 0, &length, &result.set), 0);
    CHECK(is(result.set.lpszServiceInstanceName, "a"));
    /* Without a refusal before it, the flag has no effect. */
    CHECK_EQ(next(handle, LUP_FLUSHPREVIOUS), 0);
    CHECK(is(result.set.lpszServiceInstanceName, "b"));
    CHECK_EQ(WSALookupServiceEnd(handle), 0);

    handle = begin(NULL, LUP_RETURN_ALL);
    length = 0;
    CHECK_FAILS(WSALookupServiceNextW(handle, 0, &length, NULL), SOCKET_ERROR, WSAEFAULT);
    CHECK_EQ(next(handle, LUP_FLUSHPREVIOUS), 0);
    CHECK(is(result.set.lpszServiceInstanceName, "b"));
    CHECK_FAILS(next(handle, 0), SOCKET_ERROR, WSA_E_NO_MORE);
    CHECK_EQ(WSALookupServiceEnd(handle), 0);
    stop();
}

/* proves: LUP-4, LUP-5, PACK-3 */
static void lup_4_next_can_only_narrow(void) {
    HANDLE handle;
    start_with_one();
    CHECK_EQ(set(NULL, WIDE("a"), RNRSERVICE_REGISTER, 0, 1, 0), 0);
    handle = begin(NULL, LUP_RETURN_NAME | LUP_RETURN_ADDR);
    CHECK_EQ(next(handle, LUP_RETURN_NAME), 0);
    CHECK(is(result.set.lpszServiceInstanceName, "a"));
    CHECK(result.set.dwNumberOfCsAddrs == 0 && result.set.lpcsaBuffer == NULL);
    CHECK_EQ(WSALookupServiceEnd(handle), 0);
    handle = begin(NULL, LUP_RETURN_NAME);
    CHECK_EQ(next(handle, LUP_RETURN_NAME | LUP_RETURN_COMMENT), 0);
    CHECK(result.set.lpszComment == NULL);
    CHECK_EQ(WSALookupServiceEnd(handle), 0);
    handle = begin(NULL, LUP_RETURN_COMMENT);
    CHECK_EQ(next(handle, 0), 0);
    CHECK(is(result.set.lpszComment, "a comment") && result.set.lpszServiceInstanceName == NULL);
    CHECK_EQ(WSALookupServiceEnd(handle), 0);
    stop();
}

/* proves: NEXT-1, NEXT-2, NEXT-9, NSP1-2, FAN-1, FAN-3, FAN-6, FAN-14 */
static void next_2_providers_are_drained_in_catalog_order(void) {
    HANDLE handle, other;
    start_with_two();
    CHECK_EQ(set(&two_id, WIDE("n"), RNRSERVICE_REGISTER, 0, 2, 0), 0);
    CHECK_EQ(set(&one_id, WIDE("n"), RNRSERVICE_REGISTER, 0, 1, 0), 0);
    handle = begin(WIDE("n"), LUP_RETURN_ALL), other = begin(WIDE("n"), LUP_RETURN_ALL);
    CHECK(handle != other);
    CHECK_EQ(next(handle, 0), 0);
    walk();
    CHECK(memcmp(result.set.lpNSProviderId, &one_id, sizeof one_id) == 0);
    CHECK_EQ(next(other, 0), 0);
    CHECK(memcmp(result.set.lpNSProviderId, &one_id, sizeof one_id) == 0);
    CHECK_EQ(next(handle, 0), 0);
    CHECK(memcmp(result.set.lpNSProviderId, &two_id, sizeof two_id) == 0);
    CHECK_FAILS(next(handle, 0), SOCKET_ERROR, WSA_E_NO_MORE);
    CHECK_FAILS(next(handle, 0), SOCKET_ERROR, WSA_E_NO_MORE);
    CHECK_EQ(WSALookupServiceEnd(handle), 0);
    CHECK_EQ(WSALookupServiceEnd(other), 0);
    stop();
}

/* proves: FAN-2, FAN-9, FAN-11, FAN-12, LUP-7, QS-4 */
static void fan_11_what_a_query_must_say(void) {
    GUID unknown = {9, 9, 9, {9}};
    HANDLE handle;
    WSAQUERYSETW query = about(WIDE("n"));
    CHECK_FAILS(WSALookupServiceBeginW(&query, 0, &handle), SOCKET_ERROR, WSANOTINITIALISED);
    start_with_one();
    CHECK_FAILS(WSALookupServiceBeginW(NULL, 0, &handle), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(WSALookupServiceBeginW(&query, 0, NULL), SOCKET_ERROR, WSAEFAULT);
    query.dwSize = sizeof query - 1;
    CHECK_FAILS(WSALookupServiceBeginW(&query, 0, &handle), SOCKET_ERROR, WSAEINVAL);
    query.dwSize = 4096; /* NC-2 */
    CHECK_EQ(WSALookupServiceBeginW(&query, 0, &handle), 0);
    CHECK_EQ(WSALookupServiceEnd(handle), 0);
    query.lpServiceClassId = NULL;
    CHECK_FAILS(WSALookupServiceBeginW(&query, 0, &handle), SOCKET_ERROR, WSAEINVAL);
    query.lpServiceClassId = &class_id;
    CHECK_FAILS(WSALookupServiceBeginW(&query, LUP_CONTAINERS | LUP_NOCONTAINERS, &handle), SOCKET_ERROR, WSAEINVAL);
    CHECK_FAILS(WSALookupServiceBeginW(&query, LUP_CONTAINERS, &handle), SOCKET_ERROR, WSANO_DATA);
    query.dwNameSpace = OTHER_SPACE;
    CHECK_FAILS(WSALookupServiceBeginW(&query, 0, &handle), SOCKET_ERROR, WSASERVICE_NOT_FOUND);
    query.lpNSProviderId = &unknown;
    CHECK_FAILS(WSALookupServiceBeginW(&query, 0, &handle), SOCKET_ERROR, WSAEINVAL);
    query.lpNSProviderId = &one_id;
    CHECK_EQ(WSALookupServiceBeginW(&query, 0, &handle), 0);
    CHECK_EQ(WSALookupServiceEnd(handle), 0);
    query.lpNSProviderId = NULL;
    query.dwNameSpace = NS_ALL;
    query.lpszContext = WIDE("elsewhere");
    CHECK_FAILS(WSALookupServiceBeginW(&query, 0, &handle), SOCKET_ERROR, WSAEINVAL);
    stop();
}

/* proves: WSC-NS-7, FAN-2 */
static void fan_2_a_provider_that_is_switched_off_is_not_asked(void) {
    WSAQUERYSETW query = about(NULL);
    HANDLE handle;
    install("NAMES_PROVIDER", SPACE, &one_id);
    CHECK_EQ(WSCEnableNSProvider(&one_id, FALSE), 0);
    start();
    CHECK_FAILS(WSALookupServiceBeginW(&query, 0, &handle), SOCKET_ERROR, WSASERVICE_NOT_FOUND);
    query.lpNSProviderId = &one_id;
    CHECK_FAILS(WSALookupServiceBeginW(&query, 0, &handle), SOCKET_ERROR, WSASERVICE_NOT_FOUND);
    stop();
}

/* proves: END-1, END-4, NEXT-11 */
static void end_4_a_handle_ends_once(void) {
    DWORD length = sizeof result;
    HANDLE handle;
    start_with_one();
    handle = begin(NULL, LUP_RETURN_ALL);
    CHECK_EQ(WSALookupServiceEnd(handle), 0);
    CHECK_FAILS(WSALookupServiceEnd(handle), SOCKET_ERROR, WSA_INVALID_HANDLE);
    CHECK_FAILS(WSALookupServiceNextW(handle, 0, &length, &result.set), SOCKET_ERROR, WSA_INVALID_HANDLE);
    CHECK_FAILS(WSALookupServiceEnd(NULL), SOCKET_ERROR, WSA_INVALID_HANDLE);
    CHECK_FAILS(WSANSPIoctl(handle, SIO_NSP_NOTIFY_CHANGE, NULL, 0, NULL, 0, &length, NULL), SOCKET_ERROR, WSA_INVALID_HANDLE);
    stop();
}

/* proves: API-7, API-8, SET-9 */
static void api_8_the_a_forms_convert(void) {
    struct sockaddr_in name;
    CSADDR_INFO address = at(&name, 25);
    WSAQUERYSETA set = {0};
    DWORD length = 0;
    HANDLE handle;
    start_with_one();
    set.dwSize = sizeof set;
    set.lpszServiceInstanceName = (CHAR *)"gr\xC3\xBC\xC3\x9F" "e";
    set.lpServiceClassId = &class_id;
    set.dwNameSpace = SPACE;
    set.dwNumberOfCsAddrs = 1;
    set.lpcsaBuffer = &address;
    CHECK_EQ(WSASetServiceA(&set, RNRSERVICE_REGISTER, 0), 0);
    CHECK_EQ(WSALookupServiceBeginA(&set, LUP_RETURN_ALL, &handle), 0);
    CHECK_FAILS(WSALookupServiceNextA(handle, 0, &length, NULL), SOCKET_ERROR, WSAEFAULT);
    CHECK_EQ(WSALookupServiceNextA(handle, 0, &length, &result.ansi), 0);
    inside(result.ansi.lpszServiceInstanceName);
    CHECK(strcmp((const char *)result.ansi.lpszServiceInstanceName, "gr\xC3\xBC\xC3\x9F" "e") == 0);
    CHECK_EQ(WSALookupServiceEnd(handle), 0);
    set.lpszServiceInstanceName = (CHAR *)"\xFF";
    CHECK_FAILS(WSALookupServiceBeginA(&set, LUP_RETURN_ALL, &handle), SOCKET_ERROR, WSAEINVAL);
    stop();
}

/* proves: SET-4, SET-5, SET-10 */
static void set_5_one_success_is_enough(void) {
    WSAQUERYSETW set_of = about(WIDE("n"));
    start_with_two();
    CHECK_EQ(set(&two_id, WIDE("n"), RNRSERVICE_REGISTER, 0, 2, 0), 0);
    CHECK_EQ(set(NULL, WIDE("n"), RNRSERVICE_DELETE, 0, 0, 0), 0); /* Only the second knows it. */
    CHECK_FAILS(set(NULL, WIDE("n"), RNRSERVICE_DELETE, 0, 0, 0), SOCKET_ERROR, WSASERVICE_NOT_FOUND);
    CHECK_FAILS(WSASetServiceW(NULL, RNRSERVICE_REGISTER, 0), SOCKET_ERROR, WSAEFAULT);
    set_of.lpServiceClassId = NULL;
    CHECK_FAILS(WSASetServiceW(&set_of, RNRSERVICE_REGISTER, 0), SOCKET_ERROR, WSAEINVAL);
    set_of.lpServiceClassId = &class_id;
    set_of.dwNameSpace = OTHER_SPACE;
    CHECK_FAILS(WSASetServiceW(&set_of, RNRSERVICE_REGISTER, 0), SOCKET_ERROR, WSASERVICE_NOT_FOUND);
    stop();
}

/* proves: CLS-1, CLS-2, CLS-3, CLS-5, CLS-6, CLS-7 */
static void cls_2_a_class_is_installed_once(void) {
    WSASERVICECLASSINFOW class = {0}, *read = (WSASERVICECLASSINFOW *)result.bytes;
    WCHAR name[32];
    DWORD length = 0, needed;
    start_with_one();
    class.lpServiceClassId = &class_id;
    class.lpszServiceClassName = WIDE("weather");
    CHECK_FAILS(WSAInstallServiceClassW(NULL), SOCKET_ERROR, WSAEINVAL);
    CHECK_FAILS(WSARemoveServiceClass(&class_id), SOCKET_ERROR, WSATYPE_NOT_FOUND);
    CHECK_FAILS(WSARemoveServiceClass(NULL), SOCKET_ERROR, WSAEINVAL);
    CHECK_EQ(WSAInstallServiceClassW(&class), 0);
    CHECK_FAILS(WSAInstallServiceClassW(&class), SOCKET_ERROR, WSAEALREADY);
    CHECK_FAILS(WSAGetServiceClassInfoW(&one_id, &class_id, &length, read), SOCKET_ERROR, WSAEFAULT);
    needed = length;
    length--;
    CHECK_FAILS(WSAGetServiceClassInfoW(&one_id, &class_id, &length, read), SOCKET_ERROR, WSAEFAULT);
    CHECK_EQ(length, needed);
    CHECK_EQ(WSAGetServiceClassInfoW(&one_id, &class_id, &length, read), 0);
    inside(read->lpServiceClassId), inside(read->lpszServiceClassName);
    CHECK(is(read->lpszServiceClassName, "weather"));
    CHECK_FAILS(WSAGetServiceClassInfoW(NULL, &class_id, &length, read), SOCKET_ERROR, WSAEINVAL);
    CHECK_FAILS(WSAGetServiceClassInfoW(&one_id, NULL, &length, read), SOCKET_ERROR, WSAEINVAL);
    CHECK_FAILS(WSAGetServiceClassInfoW(&two_id, &class_id, &length, read), SOCKET_ERROR, WSAEINVAL);
    CHECK_FAILS(WSAGetServiceClassInfoW(&one_id, &two_id, &length, read), SOCKET_ERROR, WSATYPE_NOT_FOUND);
    length = 3;
    CHECK_FAILS(WSAGetServiceClassNameByClassIdW(&class_id, name, &length), SOCKET_ERROR, WSAEFAULT);
    CHECK_EQ(length, 8);
    CHECK_EQ(WSAGetServiceClassNameByClassIdW(&class_id, name, &length), 0);
    CHECK(is(name, "weather"));
    CHECK_EQ(WSARemoveServiceClass(&class_id), 0);
    CHECK_FAILS(WSARemoveServiceClass(&class_id), SOCKET_ERROR, WSATYPE_NOT_FOUND);
    stop();
}

/* proves: NSPI-1, NSPI-2, NSPI-3, NSPI-4, NSPI-6 */
static void nspi_3_changes_are_told_by_poll_and_by_event(void) {
    WSAOVERLAPPED overlapped = {0};
    WSACOMPLETION completion = {0};
    DWORD bytes = 99;
    HANDLE handle, both;
    start_with_two();
    both = begin(NULL, LUP_RETURN_ALL);
    CHECK_FAILS(WSANSPIoctl(both, SIO_NSP_NOTIFY_CHANGE, NULL, 0, NULL, 0, &bytes, NULL), SOCKET_ERROR, WSAEINVAL);
    CHECK_EQ(WSALookupServiceEnd(both), 0);
    {
        WSAQUERYSETW query = about(NULL);
        query.lpNSProviderId = &one_id;
        CHECK_EQ(WSALookupServiceBeginW(&query, LUP_RETURN_ALL, &handle), 0);
    }
    CHECK_FAILS(WSANSPIoctl(handle, SIO_NSP_NOTIFY_CHANGE, NULL, 0, NULL, 0, &bytes, NULL), SOCKET_ERROR, WSAEWOULDBLOCK);
    CHECK_EQ(set(&one_id, WIDE("n"), RNRSERVICE_REGISTER, 0, 1, 0), 0);
    CHECK_EQ(WSANSPIoctl(handle, SIO_NSP_NOTIFY_CHANGE, NULL, 0, NULL, 0, &bytes, NULL), 0);
    CHECK_FAILS(WSANSPIoctl(handle, SIO_NSP_NOTIFY_CHANGE, NULL, 0, NULL, 0, &bytes, NULL), SOCKET_ERROR, WSAEWOULDBLOCK);
    CHECK_FAILS(WSANSPIoctl(handle, 1, NULL, 0, NULL, 0, &bytes, NULL), SOCKET_ERROR, WSAEOPNOTSUPP);

    overlapped.hEvent = WSACreateEvent();
    completion.Type = NSP_NOTIFY_EVENT;
    completion.Parameters.Event.lpOverlapped = &overlapped;
    CHECK_FAILS(WSANSPIoctl(handle, SIO_NSP_NOTIFY_CHANGE, NULL, 0, NULL, 0, &bytes, &completion), SOCKET_ERROR,
                WSA_IO_PENDING);
    CHECK_EQ(WSAWaitForMultipleEvents(1, &overlapped.hEvent, TRUE, 0, FALSE), WSA_WAIT_TIMEOUT);
    CHECK_EQ(set(&one_id, WIDE("n"), RNRSERVICE_DELETE, 0, 0, 0), 0);
    CHECK_EQ(WSAWaitForMultipleEvents(1, &overlapped.hEvent, TRUE, 60000, FALSE), WSA_WAIT_EVENT_0);
    CHECK_EQ(overlapped.Internal, 0);

    WSAResetEvent(overlapped.hEvent);
    CHECK_FAILS(WSANSPIoctl(handle, SIO_NSP_NOTIFY_CHANGE, NULL, 0, NULL, 0, &bytes, &completion), SOCKET_ERROR,
                WSA_IO_PENDING);
    CHECK_EQ(WSALookupServiceEnd(handle), 0);
    CHECK_EQ(WSAWaitForMultipleEvents(1, &overlapped.hEvent, TRUE, 60000, FALSE), WSA_WAIT_EVENT_0);
    CHECK_EQ(overlapped.OffsetHigh, WSA_OPERATION_ABORTED);
    stop();
}

/* proves: WSA-CLEANUP-8, WSA-CLEANUP-12, SET-11, NSP-STARTUP-9 */
static void wsa_cleanup_12_look_ups_end_with_winsock_and_begin_anew(void) {
    HANDLE handle;
    start_with_one();
    handle = begin(NULL, LUP_RETURN_ALL);
    stop();
    CHECK_FAILS(WSALookupServiceEnd(handle), SOCKET_ERROR, WSANOTINITIALISED);
    start();
    CHECK_FAILS(WSALookupServiceEnd(handle), SOCKET_ERROR, WSA_INVALID_HANDLE);
    CHECK_EQ(set(NULL, WIDE("n"), RNRSERVICE_REGISTER, 0, 1, 0), 0);
    CHECK_EQ(ports_of(WIDE("n")), 1);
    stop();
}

/* proves: FAN-15 */
static HANDLE shared;
static void *drain(void *count) {
    union {
        WSAQUERYSETW set;
        BYTE bytes[2048];
    } mine;
    DWORD length = sizeof mine;
    while (WSALookupServiceNextW(shared, 0, &length, &mine.set) == 0) ++*(int *)count;
    CHECK_EQ(WSAGetLastError(), WSA_E_NO_MORE);
    return NULL;
}
static void fan_15_threads_share_a_handle(void) {
    pthread_t threads[4];
    int counts[4] = {0}, sum = 0;
    WCHAR name[] = {'n', '0', '0', 0};
    start_with_one();
    for (int i = 0; i < 100; i++) {
        name[1] = (WCHAR)('0' + i / 10), name[2] = (WCHAR)('0' + i % 10);
        CHECK_EQ(set(NULL, name, RNRSERVICE_REGISTER, 0, 1, 0), 0);
    }
    shared = begin(NULL, LUP_RETURN_ALL);
    for (int i = 0; i < 4; i++) CHECK_EQ(pthread_create(&threads[i], NULL, drain, &counts[i]), 0);
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
        sum += counts[i];
    }
    CHECK_EQ(sum, 100);
    stop();
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(set_2_the_truth_table),
        TEST(next_3_too_small_a_buffer_loses_nothing),
        TEST(lup_4_next_can_only_narrow),
        TEST(next_2_providers_are_drained_in_catalog_order),
        TEST(fan_11_what_a_query_must_say),
        TEST(fan_2_a_provider_that_is_switched_off_is_not_asked),
        TEST(end_4_a_handle_ends_once),
        TEST(api_8_the_a_forms_convert),
        TEST(set_5_one_success_is_enough),
        TEST(cls_2_a_class_is_installed_once),
        TEST(nspi_3_changes_are_told_by_poll_and_by_event),
        TEST(wsa_cleanup_12_look_ups_end_with_winsock_and_begin_anew),
        TEST(fan_15_threads_share_a_handle),
    };
    return run_tests(tests, COUNT(tests), argc, argv);
}
