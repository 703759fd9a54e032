/* Checks the macros and inline functions of the headers; as C and as C++. */
#include <winsock2.h>
#include <ws2tcpip.h>
#include <stdio.h>

/* The library's function, which FD_ISSET calls. */
int WSAAPI __WSAFDIsSet(SOCKET fd, fd_set *set)
{
    u_int i;
    for (i = 0; i < set->fd_count; i++)
        if (set->fd_array[i] == fd)
            return 1;
    return 0;
}

/* The library's functions that the inline ones call: the filter is kept as it came, and given back. */
static DWORD codes[2];
static int calls;
static union {
    IP_MSFILTER ip;
    GROUP_FILTER group;
    char bytes[2048];
} kept;

int WSAAPI WSAIoctl(SOCKET s, DWORD dwIoControlCode, LPVOID lpvInBuffer, DWORD cbInBuffer, LPVOID lpvOutBuffer,
                    DWORD cbOutBuffer, LPDWORD lpcbBytesReturned, LPWSAOVERLAPPED lpOverlapped,
                    LPWSAOVERLAPPED_COMPLETION_ROUTINE lpCompletionRoutine)
{
    (void)lpOverlapped;
    (void)lpCompletionRoutine;
    codes[calls++ % 2] = dwIoControlCode;
    if (lpvOutBuffer)
        memcpy(lpvOutBuffer, &kept, *lpcbBytesReturned = cbOutBuffer);
    else
        memcpy(&kept, lpvInBuffer, cbInBuffer);
    return s == 5 ? 0 : SOCKET_ERROR;
}

static int error;
void WSAAPI WSASetLastError(int iError)
{
    error = iError;
}

static int failures;
#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "line %d: %s\n", __LINE__, #condition); \
            failures++; \
        } \
    } while (0)

static void words(void)
{
    CHECK(MAKEWORD(2, 1) == 0x0102);
    CHECK(MAKEWORD(0x1ff, 0x2fe) == 0xfeff);
    CHECK(LOBYTE(0x0201) == 1);
    CHECK(HIBYTE(0x0201) == 2);
    CHECK(LOWORD(0x12345678) == 0x5678);
    CHECK(HIWORD(0x12345678) == 0x1234);
    CHECK(MAKELONG(0x5678, 0x1234) == 0x12345678);
    CHECK(MAKELONG(0xffff, 0xffff) == -1);
    CHECK(WSAGETSELECTEVENT(WSAMAKESELECTREPLY(FD_READ, 10054)) == FD_READ);
    CHECK(WSAGETSELECTERROR(WSAMAKESELECTREPLY(FD_READ, 10054)) == 10054);
    CHECK(WINSOCK_VERSION == 0x0202);
    CHECK(INVALID_SOCKET == (SOCKET)-1);
    CHECK(sizeof(INVALID_SOCKET) == 8);
    CHECK(ARRAYSIZE(((int *(*)[3])0)[0]) == 3);
}

static void sets(void)
{
    fd_set set;
    u_int i;
    FD_ZERO(&set);
    CHECK(set.fd_count == 0);
    CHECK(!FD_ISSET(5, &set));
    FD_SET(5, &set);
    FD_SET(7, &set);
    FD_SET(5, &set);
    FD_SET(9u, &set);
    CHECK(set.fd_count == 3);
    CHECK(FD_ISSET(5, &set) && FD_ISSET(7, &set) && FD_ISSET(9, &set) && !FD_ISSET(6, &set));
    FD_CLR(5, &set);
    FD_CLR(6, &set);
    CHECK(set.fd_count == 2 && set.fd_array[0] == 7 && set.fd_array[1] == 9);
    FD_CLR(9, &set);
    CHECK(set.fd_count == 1 && FD_ISSET(7, &set));
    FD_ZERO(&set);
    for (i = 0; i < FD_SETSIZE + 10; i++)
        FD_SET(1000 + i, &set);
    CHECK(set.fd_count == FD_SETSIZE);
    CHECK(FD_ISSET(1000 + FD_SETSIZE - 1, &set) && !FD_ISSET(1000 + FD_SETSIZE, &set));
    FD_CLR(1000 + FD_SETSIZE - 1, &set);
    CHECK(set.fd_count == FD_SETSIZE - 1);
}

static void times(void)
{
    struct timeval a = {1, 500000}, b = {2, 0};
    CHECK(timercmp(&a, &b, <) && !timercmp(&a, &b, >));
    CHECK(timerisset(&a));
    timerclear(&a);
    CHECK(!timerisset(&a));
}

static IN6_ADDR address(const char *hex)
{
    IN6_ADDR a;
    int i;
    unsigned byte;
    for (i = 0; i < 16; i++) {
        if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
            byte = 0;
        a.s6_bytes[i] = (UCHAR)byte;
    }
    return a;
}

static void addresses(void)
{
    IN6_ADDR any = IN6ADDR_ANY_INIT;
    IN6_ADDR loopback = address("00000000000000000000000000000001");
    IN6_ADDR link = address("fe800000000000000000000000000001");
    IN6_ADDR site = address("fec00000000000000000000000000001");
    IN6_ADDR global = address("20010db8000000000000000000000001");
    IN6_ADDR mapped = address("00000000000000000000ffff7f000001");
    IN6_ADDR compat = address("0000000000000000000000007f000001");
    IN6_ADDR all_nodes = address("ff020000000000000000000000000001");
    SOCKADDR_IN6 name;

    CHECK(IN6_IS_ADDR_UNSPECIFIED(&any) && !IN6_IS_ADDR_UNSPECIFIED(&loopback));
    CHECK(IN6_IS_ADDR_LOOPBACK(&loopback) && !IN6_IS_ADDR_LOOPBACK(&any) && !IN6_IS_ADDR_LOOPBACK(&link));
    CHECK(IN6_ADDR_EQUAL(&any, &in6addr_any) && IN6_ADDR_EQUAL(&loopback, &in6addr_loopback));
    CHECK(!IN6_ADDR_EQUAL(&any, &loopback));
    CHECK(IN6_IS_ADDR_LINKLOCAL(&link) && !IN6_IS_ADDR_LINKLOCAL(&site));
    CHECK(IN6_IS_ADDR_SITELOCAL(&site) && !IN6_IS_ADDR_SITELOCAL(&link));
    CHECK(IN6_IS_ADDR_GLOBAL(&global) && !IN6_IS_ADDR_GLOBAL(&loopback) && !IN6_IS_ADDR_GLOBAL(&link));
    CHECK(IN6_IS_ADDR_V4MAPPED(&mapped) && !IN6_IS_ADDR_V4MAPPED(&compat));
    CHECK(IN6_IS_ADDR_V4COMPAT(&compat) && !IN6_IS_ADDR_V4COMPAT(&loopback) && !IN6_IS_ADDR_V4COMPAT(&any));
    CHECK(!IN6_IS_ADDR_V4COMPAT(&mapped));
    CHECK(IN6_IS_ADDR_MULTICAST(&all_nodes) && !IN6_IS_ADDR_MULTICAST(&link));
    CHECK(IN6_IS_ADDR_MC_LINKLOCAL(&all_nodes) && !IN6_IS_ADDR_MC_NODELOCAL(&all_nodes));
    CHECK(!IN6_IS_ADDR_MC_SITELOCAL(&all_nodes) && !IN6_IS_ADDR_MC_ORGLOCAL(&all_nodes));
    CHECK(!IN6_IS_ADDR_MC_GLOBAL(&all_nodes) && !IN6_IS_ADDR_MC_LINKLOCAL(&link));
    IN6ADDR_SETLOOPBACK(&name);
    CHECK(name.sin6_family == AF_INET6 && IN6ADDR_ISLOOPBACK(&name) && !IN6ADDR_ISANY(&name));
    IN6ADDR_SETANY(&name);
    CHECK(IN6ADDR_ISANY(&name) && name.sin6_scope_id == 0);

    CHECK(IN_MULTICAST(0xe0000001) && !IN_MULTICAST(0x7f000001) && !IN_MULTICAST(0xf0000001));
    CHECK(IN_CLASSA(0x0a000001) && IN_CLASSB(0xac100001) && IN_CLASSC(0xc0a80001));
    CHECK(!IN_CLASSA(0xac100001) && !IN_CLASSB(0xc0a80001) && !IN_CLASSC(0xe0000001));
}

static void unions(void)
{
    struct in_addr a;
    SOCKADDR_STORAGE storage;
    a.s_addr = 0;
    a.S_un.S_un_b.s_b1 = 127;
    a.S_un.S_un_b.s_b4 = 1;
    CHECK(((unsigned char *)&a.s_addr)[0] == 127 && ((unsigned char *)&a)[3] == 1);
    CHECK(a.s_net == 127 && a.s_impno == 1);
    memset(&storage, 0, sizeof storage);
    ((SOCKADDR_IN *)&storage)->sin_port = 80;
    CHECK(SS_PORT(&storage) == 80);
}

/* Two pieces of control data, the first with a length that needs padding. */
static void control_data(void)
{
    union {
        char bytes[256];
        WSACMSGHDR aligned;
    } space;
    WSAMSG message;
    WSACMSGHDR *piece, *none = NULL;
    memset(&space, 0, sizeof space);
    memset(&message, 0, sizeof message);
    message.Control.buf = space.bytes;
    message.Control.len = (ULONG)(WSA_CMSG_SPACE(5) + WSA_CMSG_SPACE(sizeof(IN_PKTINFO)));
    CHECK(WSA_CMSG_SPACE(5) == 24 && WSA_CMSG_LEN(5) == 21);
    CHECK(message.Control.len == 48);
    piece = WSA_CMSG_FIRSTHDR(&message);
    CHECK((char *)piece == space.bytes);
    piece->cmsg_len = WSA_CMSG_LEN(5);
    CHECK((char *)WSA_CMSG_DATA(piece) == space.bytes + 16);
    piece = WSA_CMSG_NXTHDR(&message, piece);
    CHECK((char *)piece == space.bytes + 24);
    piece->cmsg_len = WSA_CMSG_LEN(sizeof(IN_PKTINFO));
    CHECK(WSA_CMSG_NXTHDR(&message, piece) == NULL);
    CHECK(WSA_CMSG_NXTHDR(&message, none) == WSA_CMSG_FIRSTHDR(&message));
    message.Control.len = sizeof(WSACMSGHDR) - 1;
    CHECK(WSA_CMSG_FIRSTHDR(&message) == NULL);
}

static void texts(void)
{
    CHECK(strlen(gai_strerror(0)) > 0);
    CHECK(strcmp(gai_strerror(EAI_NONAME), gai_strerror(EAI_AGAIN)) != 0);
    CHECK(strcmp(gai_strerror(12345), gai_strerror(-1)) == 0);
}

static void memory(void)
{
    GUID a = {1, 2, 3, {4, 5, 6, 7, 8, 9, 10, 11}}, b = a;
    char text[4];
    FillMemory(text, 3, 'x');
    ZeroMemory(text + 3, 1);
    CHECK(strcmp(text, "xxx") == 0);
    CopyMemory(text, "ab", 2);
    MoveMemory(text + 1, text, 2);
    CHECK(strcmp(text, "aab") == 0);
#ifdef __cplusplus
    CHECK(IsEqualGUID(a, b) && a == b);
    b.Data4[7] = 0;
    CHECK(a != b);
#else
    CHECK(IsEqualGUID(&a, &b));
    b.Data4[7] = 0;
    CHECK(!IsEqualGUID(&a, &b));
#endif
}

static IN_ADDR ipv4(ULONG number)
{
    IN_ADDR a;
    a.s_addr = number;
    return a;
}

static void source_filters(void)
{
    IN_ADDR list[3], back[3];
    SOCKADDR_STORAGE sources[2], sources_back[2];
    SOCKADDR_IN group;
    MULTICAST_MODE_TYPE mode = MCAST_INCLUDE;
    ULONG i, count = 3;
    for (i = 0; i < 3; i++)
        list[i] = ipv4(10 + i);
    memset(back, 0, sizeof back);
    CHECK(setipv4sourcefilter(5, ipv4(1), ipv4(2), MCAST_EXCLUDE, 3, list) == 0);
    CHECK(codes[0] == SIO_SET_MULTICAST_FILTER && kept.ip.imsf_numsrc == 3);
    CHECK(kept.ip.imsf_multiaddr.s_addr == 2 && kept.ip.imsf_interface.s_addr == 1);
    CHECK(getipv4sourcefilter(5, ipv4(1), ipv4(2), &mode, &count, back) == 0);
    CHECK(codes[1] == SIO_GET_MULTICAST_FILTER && mode == MCAST_EXCLUDE && count == 3);
    CHECK(memcmp(list, back, sizeof list) == 0);
    /* Less room than sources: the number is the whole, the list what fits. */
    memset(back, 0, sizeof back);
    count = 1;
    CHECK(getipv4sourcefilter(5, ipv4(1), ipv4(2), &mode, &count, back) == 0);
    CHECK(count == 3 && back[0].s_addr == 10 && back[1].s_addr == 0);
    CHECK(setipv4sourcefilter(6, ipv4(1), ipv4(2), MCAST_INCLUDE, 0, NULL) == SOCKET_ERROR);

    /* A number whose size has no 32 bits. */
    CHECK(setipv4sourcefilter(5, ipv4(1), ipv4(2), MCAST_INCLUDE, 0x40000000, list) == SOCKET_ERROR && error == WSAENOBUFS);

    memset(&group, 0, sizeof group);
    group.sin_family = AF_INET;
    group.sin_addr = ipv4(7);
    memset(sources, 1, sizeof sources);
    mode = MCAST_EXCLUDE;
    count = 2;
    CHECK(setsourcefilter(5, 4, (SOCKADDR *)&group, sizeof group, MCAST_INCLUDE, 2, sources) == 0);
    CHECK(kept.group.gf_interface == 4 && kept.group.gf_numsrc == 2);
    CHECK(memcmp(&kept.group.gf_group, &group, sizeof group) == 0);
    CHECK(getsourcefilter(5, 4, (SOCKADDR *)&group, sizeof group, &mode, &count, sources_back) == 0);
    CHECK(mode == MCAST_INCLUDE && count == 2 && memcmp(sources, sources_back, sizeof sources) == 0);
    CHECK(setsourcefilter(5, 4, (SOCKADDR *)&group, 129, MCAST_INCLUDE, 0, NULL) == SOCKET_ERROR && error == WSAEINVAL);
}

int main(void)
{
    source_filters();
    words();
    sets();
    times();
    addresses();
    unions();
    control_data();
    texts();
    memory();
    if (failures)
        return 1;
    puts("ok");
    return 0;
}
