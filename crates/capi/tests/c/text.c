/* Addresses and names as text, in both widths. */
#include "fixture.h"

#include <sys/utsname.h>

/* Whether 8-bit text and 16-bit text are the same, for ASCII. */
static int same(const char *narrow, const WCHAR *wide) {
    int i;
    for (i = 0; narrow[i] && (unsigned char)narrow[i] == wide[i]; i++) {}
    return (unsigned char)narrow[i] == wide[i];
}

static WCHAR *widened(const char *narrow) {
    static WCHAR wide[8][128];
    static int next;
    WCHAR *text = wide[next++ % 8];
    int i;
    for (i = 0; (text[i] = (unsigned char)narrow[i]) != 0; i++) {}
    return text;
}

/* The text of an address in both widths, which must agree. */
static void to_text(const char *text, int family) {
    struct sockaddr_storage address, other;
    char narrow[64];
    WCHAR wide[64];
    int len = sizeof address, len_w = sizeof other, i;
    DWORD exact = (DWORD)strlen(text) + 1, room;
    memset(&address, 0, sizeof address);
    memset(&other, 0, sizeof other);
    CHECK_EQ(WSAStringToAddressA((char *)(size_t)text, family, NULL, (struct sockaddr *)&address, &len), 0);
    CHECK_EQ(WSAStringToAddressW(widened(text), family, NULL, (struct sockaddr *)&other, &len_w), 0);
    CHECK_EQ(len, len_w);
    CHECK(memcmp(&address, &other, (size_t)len) == 0);

    room = sizeof narrow;
    CHECK_EQ(WSAAddressToStringA((struct sockaddr *)&address, (DWORD)len, NULL, narrow, &room), 0);
    CHECK(strcmp(narrow, text) == 0);
    CHECK_EQ(room, exact);
    room = COUNT(wide);
    CHECK_EQ(WSAAddressToStringW((struct sockaddr *)&address, (DWORD)len, NULL, wide, &room), 0);
    CHECK(same(text, wide));
    CHECK_EQ(room, exact);

    /* Exactly enough, one too few, none. */
    for (i = 0; i < 3; i++) {
        const DWORD rooms[] = {exact, exact - 1, 0};
        room = rooms[i];
        memset(narrow, '#', sizeof narrow);
        if (i == 0) {
            CHECK_EQ(WSAAddressToStringA((struct sockaddr *)&address, (DWORD)len, NULL, narrow, &room), 0);
        } else {
            CHECK_FAILS(WSAAddressToStringA((struct sockaddr *)&address, (DWORD)len, NULL, narrow, &room),
                        SOCKET_ERROR, WSAEFAULT);
        }
        CHECK_EQ(narrow[rooms[i]], '#');
        CHECK_EQ(room, exact);
        room = rooms[i];
        if (i == 0) {
            CHECK_EQ(WSAAddressToStringW((struct sockaddr *)&address, (DWORD)len, NULL, wide, &room), 0);
        } else {
            CHECK_FAILS(WSAAddressToStringW((struct sockaddr *)&address, (DWORD)len, NULL, wide, &room), SOCKET_ERROR,
                        WSAEFAULT);
        }
        CHECK_EQ(room, exact);
    }
}

/* proves: T-API-6, API-7, API-8, A-S24, A-S25, A-S26, A-S27, WSP-A2S-1, WSP-A2S-2, WSP-A2S-3, WSP-A2S-5, WSP-S2A-1 */
static void api_7_addresses_as_text_in_both_widths(void) {
    start();
    to_text("127.0.0.1", AF_INET);
    to_text("255.255.255.255:65535", AF_INET);
    to_text("::1", AF_INET6);
    to_text("fe80::1%3", AF_INET6);
    to_text("[2001:db8::7]:443", AF_INET6);
    to_text("[fe80::1%3]:80", AF_INET6);
    stop();
}

/* proves: API-S16, WSP-S2A-2, WSP-S2A-3, WSP-A2S-4 */
static void api_s16_what_is_no_address(void) {
    static const char *bad[] = {"", "1.2.3", "1.2.3.256", "1.2.3.4:65536", "::1", "1.2.3.4 ", "\xFF.1.2.3", "abc"};
    struct sockaddr_in6 address;
    struct sockaddr_in four = loopback(80);
    char text[64];
    int i, len;
    DWORD room = sizeof text;
    WCHAR broken[] = {'1', 0xD800, 0};
    start();
    for (i = 0; i < COUNT(bad); i++) {
        len = sizeof address;
        CHECK_FAILS(WSAStringToAddressA((char *)(size_t)bad[i], AF_INET, NULL, (struct sockaddr *)&address, &len),
                    SOCKET_ERROR, WSAEINVAL);
    }
    len = sizeof address;
    CHECK_FAILS(WSAStringToAddressW(broken, AF_INET, NULL, (struct sockaddr *)&address, &len), SOCKET_ERROR, WSAEINVAL);
    CHECK_FAILS(WSAStringToAddressA((char *)(size_t) "1.2.3.4", 0xdead, NULL, (struct sockaddr *)&address, &len),
                SOCKET_ERROR, WSAEINVAL);
    CHECK_FAILS(WSAStringToAddressA(NULL, AF_INET, NULL, (struct sockaddr *)&address, &len), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(WSAStringToAddressW(NULL, AF_INET, NULL, (struct sockaddr *)&address, &len), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(WSAStringToAddressA((char *)(size_t) "1.2.3.4", AF_INET, NULL, NULL, &len), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(WSAStringToAddressA((char *)(size_t) "1.2.3.4", AF_INET, NULL, (struct sockaddr *)&address, NULL),
                SOCKET_ERROR, WSAEFAULT);
    len = 15;
    CHECK_FAILS(WSAStringToAddressA((char *)(size_t) "1.2.3.4", AF_INET, NULL, (struct sockaddr *)&address, &len),
                SOCKET_ERROR, WSAEFAULT);
    CHECK_EQ(len, 16);

    CHECK_FAILS(WSAAddressToStringA(NULL, sizeof four, NULL, text, &room), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(WSAAddressToStringA((struct sockaddr *)&four, 1, NULL, text, &room), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(WSAAddressToStringA((struct sockaddr *)&four, sizeof four, NULL, text, NULL), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(WSAAddressToStringA((struct sockaddr *)&four, sizeof four, NULL, NULL, &room), SOCKET_ERROR, WSAEFAULT);
    room = sizeof text;
    CHECK_FAILS(WSAAddressToStringW((struct sockaddr *)&four, sizeof four, NULL, NULL, &room), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(WSAAddressToStringA((struct sockaddr *)&four, 4, NULL, text, &room), SOCKET_ERROR, WSAEINVAL);
    four.sin_family = 0xdead;
    CHECK_FAILS(WSAAddressToStringA((struct sockaddr *)&four, sizeof four, NULL, text, &room), SOCKET_ERROR, WSAEINVAL);
    stop();
}

/* proves: A-S24, A-S26, T-API-6 */
static void a_s26_the_provider_may_be_named(void) {
    WSAPROTOCOL_INFOA narrow[16];
    WSAPROTOCOL_INFOW wide[16];
    struct sockaddr_in address;
    int len = sizeof address, udp[] = {IPPROTO_UDP, 0};
    DWORD size = sizeof narrow;
    start();
    CHECK(WSAEnumProtocolsA(udp, narrow, &size) >= 1);
    size = sizeof wide;
    CHECK(WSAEnumProtocolsW(udp, wide, &size) >= 1);
    CHECK_EQ(WSAStringToAddressA((char *)(size_t) "9.8.7.6:5", AF_INET, narrow, (struct sockaddr *)&address, &len), 0);
    CHECK_EQ(ntohs(address.sin_port), 5);
    CHECK_EQ(WSAStringToAddressW(WIDE("9.8.7.6:5"), AF_INET, wide, (struct sockaddr *)&address, &len), 0);
    wide[0].dwCatalogEntryId = 4711;
    CHECK_FAILS(WSAStringToAddressW(WIDE("9.8.7.6"), AF_INET, wide, (struct sockaddr *)&address, &len), SOCKET_ERROR,
                WSAEINVAL);
    CHECK_FAILS(WSAStringToAddressW(WIDE("9.8.7.6"), AF_UNSPEC, NULL, (struct sockaddr *)&address, &len), SOCKET_ERROR,
                WSAEINVAL);
    stop();
}

/* proves: A-B11, A-B12, API-B7 */
static void api_b4_dotted_text(void) {
    struct in_addr address;
    const char *one;
    CHECK_EQ(inet_addr("4.3.2.16"), inet_addr("0x4.0x3.0x2.0x10"));
    CHECK_EQ(inet_addr("4.3.2.16"), inet_addr("004.003.002.020"));
    CHECK_EQ(inet_addr("4.3.2.16"), inet_addr("4.197136"));
    CHECK_EQ(inet_addr("not one"), INADDR_NONE);
    CHECK_EQ(inet_addr(""), INADDR_NONE);
    CHECK_EQ(inet_addr(NULL), INADDR_NONE);
    CHECK_EQ(inet_addr(" "), 0);
    address.s_addr = inet_addr("255.254.253.252");
    one = inet_ntoa(address);
    CHECK(strcmp(one, "255.254.253.252") == 0);
    address.s_addr = inet_addr("1.2.3.4");
    CHECK(inet_ntoa(address) == one);
    CHECK(strcmp(one, "1.2.3.4") == 0);
}

/* proves: A-B52, A-R11, T-API-6 */
static void api_b5_presentation_to_network(void) {
    static const struct {
        int family, result;
        const char *text;
    } table[] = {
        {AF_INET, 1, "1.2.3.4"},   {AF_INET, 0, "1.2.3"},    {AF_INET, 0, "0x1.2.3.4"}, {AF_INET, 0, "1.2.3.4:5"},
        {AF_INET, 0, ""},          {AF_INET, 0, "\xFF"},     {AF_INET6, 1, "::1"},      {AF_INET6, 1, "::ffff:1.2.3.4"},
        {AF_INET6, 0, "fe80::1%1"}, {AF_INET6, 0, "[::1]:5"}, {AF_INET6, 0, "1.2.3.4"},  {AF_INET6, 0, ":::"},
    };
    unsigned char narrow[16], wide[16];
    int i;
    for (i = 0; i < COUNT(table); i++) {
        memset(narrow, 0, sizeof narrow);
        memset(wide, 0, sizeof wide);
        CHECK_EQ(inet_pton(table[i].family, table[i].text, narrow), table[i].result);
        CHECK_EQ(InetPtonW(table[i].family, widened(table[i].text), wide), table[i].result);
        CHECK(memcmp(narrow, wide, sizeof narrow) == 0);
    }
    CHECK_FAILS(inet_pton(AF_UNSPEC, "1.2.3.4", narrow), -1, WSAEAFNOSUPPORT);
    CHECK_FAILS(InetPtonW(77, WIDE("1.2.3.4"), narrow), -1, WSAEAFNOSUPPORT);
    CHECK_FAILS(inet_pton(AF_INET, NULL, narrow), -1, WSAEFAULT);
    CHECK_FAILS(inet_pton(AF_INET, "1.2.3.4", NULL), -1, WSAEFAULT);
    CHECK_FAILS(InetPtonW(AF_INET6, NULL, NULL), -1, WSAEFAULT);
}

/* proves: A-B51, A-R11, T-API-6 */
static void api_b6_network_to_presentation(void) {
    static const struct {
        int family;
        const char *text;
    } table[] = {{AF_INET, "0.0.0.0"}, {AF_INET, "255.255.255.255"}, {AF_INET6, "::"}, {AF_INET6, "2001:db8::ff00:42"}};
    unsigned char address[16];
    char narrow[46];
    WCHAR wide[46];
    size_t exact;
    int i;
    for (i = 0; i < COUNT(table); i++) {
        exact = strlen(table[i].text) + 1;
        CHECK_EQ(inet_pton(table[i].family, table[i].text, address), 1);
        CHECK(inet_ntop(table[i].family, address, narrow, exact) == narrow);
        CHECK(strcmp(narrow, table[i].text) == 0);
        CHECK(InetNtopW(table[i].family, address, wide, exact) == wide);
        CHECK(same(table[i].text, wide));
        CHECK_FAILS((size_t)inet_ntop(table[i].family, address, narrow, exact - 1), 0, ERROR_INVALID_PARAMETER);
        CHECK_FAILS((size_t)InetNtopW(table[i].family, address, wide, exact - 1), 0, ERROR_INVALID_PARAMETER);
    }
    CHECK_FAILS((size_t)inet_ntop(AF_INET, address, NULL, 46), 0, ERROR_INVALID_PARAMETER);
    CHECK_FAILS((size_t)inet_ntop(AF_INET, address, narrow, 0), 0, ERROR_INVALID_PARAMETER);
    CHECK_FAILS((size_t)InetNtopW(AF_INET6, NULL, wide, 46), 0, ERROR_INVALID_PARAMETER);
    CHECK_FAILS((size_t)inet_ntop(99, address, narrow, 46), 0, WSAEAFNOSUPPORT);
}

/* proves: A-B30, A-R08, T-API-6 */
static void api_b8_the_name_of_the_machine(void) {
    struct utsname system;
    char narrow[256];
    WCHAR wide[256];
    int exact;
    CHECK_EQ(uname(&system), 0);
    start();
    CHECK_EQ(gethostname(narrow, sizeof narrow), 0);
    CHECK(narrow[0] != 0);
    if (system.nodename[0]) CHECK(strcmp(narrow, system.nodename) == 0);
    CHECK_EQ(GetHostNameW(wide, COUNT(wide)), 0);
    CHECK(same(narrow, wide));
    exact = (int)strlen(narrow) + 1;
    CHECK_EQ(gethostname(narrow, exact), 0);
    CHECK_EQ(GetHostNameW(wide, exact), 0);
    CHECK_FAILS(gethostname(narrow, exact - 1), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(GetHostNameW(wide, exact - 1), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(gethostname(narrow, 0), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(gethostname(narrow, -1), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(gethostname(NULL, 256), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(GetHostNameW(NULL, 256), SOCKET_ERROR, WSAEFAULT);
    stop();
}

/* proves: A-B48, A-B49, A-R01, A-R09, API-R11, API-R15, API-R16, T-API-6 */
static void a_r01_numeric_names_in_both_widths(void) {
    struct addrinfo hints, *found, *each;
    ADDRINFOW hints_w, *found_w, *each_w;
    int count = 0;
    start();
    memset(&hints, 0, sizeof hints);
    memset(&hints_w, 0, sizeof hints_w);
    hints.ai_flags = hints_w.ai_flags = AI_NUMERICHOST | AI_CANONNAME;
    hints.ai_socktype = hints_w.ai_socktype = SOCK_STREAM;
    CHECK_EQ(getaddrinfo("192.0.2.7", "8080", &hints, &found), 0);
    CHECK_EQ(GetAddrInfoW(WIDE("192.0.2.7"), WIDE("8080"), &hints_w, &found_w), 0);
    CHECK(found->ai_next == NULL && found_w->ai_next == NULL);
    CHECK_EQ(found->ai_family, AF_INET);
    CHECK_EQ(found->ai_socktype, SOCK_STREAM);
    CHECK_EQ(found->ai_addrlen, sizeof(struct sockaddr_in));
    CHECK(strcmp(found->ai_canonname, "192.0.2.7") == 0);
    CHECK(same(found->ai_canonname, found_w->ai_canonname));
    CHECK(memcmp(found->ai_addr, found_w->ai_addr, sizeof(struct sockaddr_in)) == 0);
    CHECK_EQ(ntohs(((struct sockaddr_in *)found->ai_addr)->sin_port), 8080);
    freeaddrinfo(found);
    FreeAddrInfoW(found_w);

    CHECK_EQ(getaddrinfo("localhost", NULL, NULL, &found), 0);
    for (each = found; each; each = each->ai_next) count++;
    CHECK_EQ(count, 2);
    freeaddrinfo(found);
    CHECK_EQ(GetAddrInfoW(NULL, WIDE("1"), NULL, &found_w), 0);
    for (each_w = found_w; each_w; each_w = each_w->ai_next) {
        CHECK(each_w->ai_canonname == NULL);
        count--;
    }
    CHECK_EQ(count, 0);
    FreeAddrInfoW(found_w);
    stop();
}

/* proves: API-R1, API-R2, API-R3, API-3 */
static void api_r1_codes_are_results_and_thread_errors(void) {
    struct addrinfo hints, *found = NULL;
    start();
    memset(&hints, 0, sizeof hints);
    CHECK_FAILS(getaddrinfo(NULL, NULL, NULL, &found), WSAHOST_NOT_FOUND, WSAHOST_NOT_FOUND);
    CHECK_FAILS(getaddrinfo("no-such-name.invalid", NULL, NULL, &found), WSAHOST_NOT_FOUND, WSAHOST_NOT_FOUND);
    CHECK_FAILS(getaddrinfo("\xFF\xFE", NULL, NULL, &found), WSAHOST_NOT_FOUND, WSAHOST_NOT_FOUND);
    CHECK_FAILS(getaddrinfo("127.0.0.1", "no-service", NULL, &found), WSATYPE_NOT_FOUND, WSATYPE_NOT_FOUND);
    CHECK_FAILS(getaddrinfo("127.0.0.1", "80", NULL, NULL), WSAEFAULT, WSAEFAULT);
    hints.ai_family = 99;
    CHECK_FAILS(getaddrinfo("127.0.0.1", "80", &hints, &found), WSAEAFNOSUPPORT, WSAEAFNOSUPPORT);
    hints.ai_family = AF_INET6;
    CHECK_FAILS(getaddrinfo("127.0.0.1", "80", &hints, &found), WSAHOST_NOT_FOUND, WSAHOST_NOT_FOUND);
    hints.ai_family = AF_UNSPEC;
    hints.ai_addrlen = 1;
    CHECK_FAILS(getaddrinfo("127.0.0.1", "80", &hints, &found), WSANO_RECOVERY, WSANO_RECOVERY);
    CHECK(found == NULL);
    stop();
}

/* proves: A-B50, A-R07, T-API-6 */
static void a_r07_the_text_of_an_address(void) {
    struct sockaddr_in6 six;
    struct sockaddr_in four = loopback(8080);
    char host[64], service[16];
    WCHAR host_w[64], service_w[16];
    start();
    CHECK_EQ(getnameinfo((struct sockaddr *)&four, sizeof four, host, sizeof host, service, sizeof service, 0), 0);
    CHECK(strcmp(host, "127.0.0.1") == 0 && strcmp(service, "8080") == 0);
    CHECK_EQ(GetNameInfoW((struct sockaddr *)&four, sizeof four, host_w, COUNT(host_w), service_w, COUNT(service_w), 0),
             0);
    CHECK(same(host, host_w) && same(service, service_w));
    memset(&six, 0, sizeof six);
    six.sin6_family = AF_INET6;
    six.sin6_scope_id = 3;
    CHECK_EQ(inet_pton(AF_INET6, "fe80::1", &six.sin6_addr), 1);
    CHECK_EQ(getnameinfo((struct sockaddr *)&six, sizeof six, host, 10, NULL, 0, NI_NUMERICHOST), 0);
    CHECK(strcmp(host, "fe80::1%3") == 0);
    CHECK_FAILS(getnameinfo((struct sockaddr *)&six, sizeof six, host, 9, NULL, 0, 0), WSAEFAULT, WSAEFAULT);
    CHECK_FAILS(getnameinfo((struct sockaddr *)&six, sizeof six, NULL, 0, NULL, 0, 0), WSAHOST_NOT_FOUND,
                WSAHOST_NOT_FOUND);
    CHECK_FAILS(getnameinfo(NULL, sizeof six, host, 9, NULL, 0, 0), WSAEFAULT, WSAEFAULT);
    CHECK_FAILS(getnameinfo((struct sockaddr *)&six, sizeof four, host, 9, NULL, 0, 0), WSAEFAULT, WSAEFAULT);
    CHECK_FAILS(getnameinfo((struct sockaddr *)&six, -1, host, 9, NULL, 0, 0), WSAEFAULT, WSAEFAULT);
    six.sin6_family = 99;
    CHECK_FAILS(getnameinfo((struct sockaddr *)&six, sizeof six, host, 9, NULL, 0, 0), WSAEAFNOSUPPORT,
                WSAEAFNOSUPPORT);
    CHECK_FAILS(getnameinfo((struct sockaddr *)&four, sizeof four, host, 64, NULL, 0, NI_NAMEREQD), WSAHOST_NOT_FOUND,
                WSAHOST_NOT_FOUND);
    stop();
}

/* Without name space providers, what needs one says so. */
static void names_that_need_a_provider_are_refused(void) {
    WSAQUERYSETA query;
    ADDRINFOEXA *found_a = NULL;
    HANDLE handle = NULL;
    GUID class_id;
    char buffer[64];
    DWORD len = sizeof buffer;
    SOCKET s;
    memset(&query, 0, sizeof query);
    memset(&class_id, 0, sizeof class_id);
    query.dwSize = sizeof query;
    start();
    s = make(AF_INET, SOCK_STREAM);
    CHECK_FAILS(WSALookupServiceBeginA(&query, 0, &handle), SOCKET_ERROR, WSAEINVAL);
    CHECK_FAILS(WSALookupServiceNextA((HANDLE)&query, 0, &len, &query), SOCKET_ERROR, WSA_INVALID_HANDLE);
    CHECK_FAILS(WSALookupServiceEnd(NULL), SOCKET_ERROR, WSA_INVALID_HANDLE);
    CHECK_FAILS(WSASetServiceA(&query, RNRSERVICE_REGISTER, 0), SOCKET_ERROR, WSAEINVAL);
    CHECK_FAILS(WSARemoveServiceClass(&class_id), SOCKET_ERROR, WSAEOPNOTSUPP);
    CHECK_FAILS(WSAGetServiceClassNameByClassIdA(&class_id, buffer, &len), SOCKET_ERROR, WSATYPE_NOT_FOUND);
    CHECK_FAILS((size_t)gethostbyname("localhost"), 0, WSANO_RECOVERY);
    CHECK_FAILS((size_t)gethostbyaddr("\x7F\0\0\1", 4, AF_INET), 0, WSANO_RECOVERY);
    CHECK_FAILS((size_t)getservbyname("http", NULL), 0, WSANO_RECOVERY);
    CHECK_FAILS((size_t)getservbyport(80, NULL), 0, WSANO_RECOVERY);
    CHECK_FAILS((size_t)getprotobyname("tcp"), 0, WSANO_RECOVERY);
    CHECK_FAILS((size_t)getprotobynumber(6), 0, WSANO_RECOVERY);
    CHECK_FAILS((size_t)WSAAsyncGetHostByName(NULL, 0, "localhost", buffer, 64), 0, WSAEOPNOTSUPP);
    CHECK_FAILS(WSACancelAsyncRequest(NULL), SOCKET_ERROR, WSAEINVAL);
    CHECK_FAILS(WSAConnectByNameA(s, "localhost", "80", NULL, NULL, NULL, NULL, NULL, NULL), FALSE, WSAEOPNOTSUPP);
    CHECK_EQ(GetAddrInfoExA("localhost", NULL, NS_ALL, NULL, NULL, &found_a, NULL, NULL, NULL, NULL), WSANO_RECOVERY);
    CHECK_EQ(GetAddrInfoExCancel(&handle), WSA_INVALID_HANDLE);
    stop();
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(api_7_addresses_as_text_in_both_widths),
        TEST(api_s16_what_is_no_address),
        TEST(a_s26_the_provider_may_be_named),
        TEST(api_b4_dotted_text),
        TEST(api_b5_presentation_to_network),
        TEST(api_b6_network_to_presentation),
        TEST(api_b8_the_name_of_the_machine),
        TEST(a_r01_numeric_names_in_both_widths),
        TEST(api_r1_codes_are_results_and_thread_errors),
        TEST(a_r07_the_text_of_an_address),
        TEST(names_that_need_a_provider_are_refused),
    };
    return run_tests(tests, COUNT(tests), argc, argv);
}
