/* The catalog functions, on a private catalog that is the built-in one at first. None of them needs a start-up. */
#include "fixture.h"
#include <sporder.h>
#include <ws2spi.h>

#include <stddef.h>

static GUID ONE = {0x11111111, 1, 1, {1, 1, 1, 1, 1, 1, 1, 1}};
static GUID TWO = {0x22222222, 2, 2, {2, 2, 2, 2, 2, 2, 2, 2}};
static GUID NOBODY = {0x99999999, 9, 9, {9, 9, 9, 9, 9, 9, 9, 9}};

/* The result and the code of a function whose last argument is lpErrno. */
#define CHECK_WSC_FAILS(call, code)                                                                               \
    do {                                                                                                          \
        int error = 0;                                                                                            \
        WSASetLastError(-1);                                                                                      \
        CHECK_EQ(call, SOCKET_ERROR);                                                                             \
        CHECK_EQ(error, code);                                                                                    \
        CHECK_EQ(WSAGetLastError(), code);                                                                        \
    } while (0)

#define CHECK_WSC(call)                                                                                           \
    do {                                                                                                          \
        int error = 0;                                                                                            \
        CHECK_EQ(call, 0);                                                                                        \
        CHECK_EQ(error, 0);                                                                                       \
    } while (0)

static int same_wide(const WCHAR *a, const WCHAR *b) {
    while (*a && *a == *b) a++, b++;
    return *a == *b;
}

static int same_guid(const GUID *a, const GUID *b) {
    return memcmp(a, b, sizeof *a) == 0;
}

typedef int WSPAPI enum_function(LPINT protocols, LPWSAPROTOCOL_INFOW buffer, LPDWORD len, LPINT error);

/* The whole catalog of one width. */
static int all_of(enum_function *enumerate, WSAPROTOCOL_INFOW entries[32]) {
    DWORD len = 32 * sizeof entries[0];
    int error = 0, count = enumerate(NULL, entries, &len, &error);
    CHECK(count >= 0);
    CHECK_EQ(len, count * sizeof entries[0]);
    return count;
}

static int all(WSAPROTOCOL_INFOW entries[32]) {
    return all_of(WSCEnumProtocols, entries);
}

/* Describes a base protocol of a provider. */
static WSAPROTOCOL_INFOW base(int protocol) {
    WSAPROTOCOL_INFOW info;
    memset(&info, 0, sizeof info);
    info.ProtocolChain.ChainLen = BASE_PROTOCOL;
    info.iVersion = 2;
    info.iAddressFamily = AF_INET;
    info.iMaxSockAddr = info.iMinSockAddr = 16;
    info.iSocketType = SOCK_STREAM;
    info.iProtocol = protocol;
    info.dwServiceFlags1 = XP1_IFS_HANDLES;
    memcpy(info.szProtocol, u"A protocol", sizeof u"A protocol");
    return info;
}

static void install(GUID *provider, int protocol) {
    WSAPROTOCOL_INFOW info = base(protocol);
    CHECK_WSC(WSCInstallProvider(provider, WIDE("/lib/one.so"), &info, 1, &error));
}

/* proves: A-C01, A-C03, CAT-ST-6, WSC-INST-2, WSC-INST-3 */
static void wsc_inst_1_entries_are_added_at_the_end(void) {
    WSAPROTOCOL_INFOW before[32], after[32], list[2];
    int count = all(before), i, j;
    list[0] = base(700);
    list[1] = base(701);
    list[0].dwCatalogEntryId = before[0].dwCatalogEntryId;
    list[0].ProviderId = NOBODY;
    CHECK_WSC(WSCInstallProvider(&ONE, WIDE("/lib/one.so"), list, 2, &error));
    CHECK_EQ(all(after), count + 2);
    CHECK(memcmp(before, after, (size_t)count * sizeof before[0]) == 0);
    for (i = 0; i < 2; i++) {
        CHECK(same_guid(&after[count + i].ProviderId, &ONE));
        CHECK_EQ(after[count + i].iProtocol, 700 + i);
        CHECK(same_wide(after[count + i].szProtocol, u"A protocol"));
        for (j = 0; j < count + i; j++) CHECK(after[count + i].dwCatalogEntryId != after[j].dwCatalogEntryId);
    }
}

/* proves: WSC-INST-5, WSC-INST-6, CAT-ST-9, LC-ERR-5 */
static void wsc_inst_4_each_refusal_has_its_code(void) {
    WSAPROTOCOL_INFOW list[3], before[32], after[32];
    WCHAR path[300];
    int count = all(before), i;
    for (i = 0; i < 299; i++) path[i] = 'p';
    path[299] = 0;
    list[0] = list[1] = list[2] = base(700);
    CHECK_WSC_FAILS(WSCInstallProvider(NULL, WIDE("p"), list, 1, &error), WSAEFAULT);
    CHECK_WSC_FAILS(WSCInstallProvider(&ONE, NULL, list, 1, &error), WSAEFAULT);
    CHECK_WSC_FAILS(WSCInstallProvider(&ONE, WIDE("p"), NULL, 1, &error), WSAEINVAL);
    CHECK_WSC_FAILS(WSCInstallProvider(&ONE, WIDE("p"), list, 0, &error), WSAEINVAL);
    CHECK_WSC_FAILS(WSCInstallProvider(&ONE, path, list, 1, &error), WSAEINVAL);
    CHECK_FAILS(WSCInstallProvider(&ONE, WIDE("p"), list, 1, NULL), SOCKET_ERROR, WSAEFAULT);
    list[2].ProtocolChain.ChainLen = 8;
    CHECK_WSC_FAILS(WSCInstallProvider(&ONE, WIDE("p"), list, 3, &error), WSAEINVAL);
    /* A list at an odd address is not an array. */
    CHECK_WSC_FAILS(WSCInstallProvider(&ONE, WIDE("p"), (WSAPROTOCOL_INFOW *)((char *)list + 1), 1, &error),
                    WSAEFAULT);
    CHECK_EQ(all(after), count);
    CHECK(memcmp(before, after, (size_t)count * sizeof before[0]) == 0);
    path[259] = 0;
    CHECK_WSC(WSCInstallProvider(&ONE, path, list, 1, &error));
    CHECK_WSC_FAILS(WSCInstallProvider(&ONE, WIDE("p"), list, 1, &error), WSANO_RECOVERY);
}

/* proves: WSC-ENUM-1, WSC-ENUM-2, WSC-ENUM-4 */
static void wsc_enum_3_room_for_all_or_none(void) {
    WSAPROTOCOL_INFOW entries[32], untouched;
    int tcp[] = {IPPROTO_TCP, 700, 0}, none[] = {4711, 0}, count;
    DWORD len = 0, exact;
    install(&ONE, 700);
    count = all(entries);
    CHECK_WSC_FAILS(WSCEnumProtocols(NULL, NULL, &len, &error), WSAENOBUFS);
    CHECK_EQ(len, count * sizeof entries[0]);
    exact = len--;
    memset(entries, 0xAA, sizeof entries);
    memset(&untouched, 0xAA, sizeof untouched);
    CHECK_WSC_FAILS(WSCEnumProtocols(NULL, entries, &len, &error), WSAENOBUFS);
    CHECK_EQ(len, exact);
    CHECK(memcmp(&entries[0], &untouched, sizeof untouched) == 0);
    CHECK_WSC_FAILS(WSCEnumProtocols(NULL, entries, NULL, &error), WSAEFAULT);
    {
        int error = 0;
        len = sizeof entries;
        CHECK_EQ(WSCEnumProtocols(tcp, entries, &len, &error), 3);
        CHECK_EQ(len, 3 * sizeof entries[0]);
        CHECK_EQ(entries[2].iProtocol, 700);
        CHECK_EQ(WSCEnumProtocols(none, entries, &len, &error), 0);
        CHECK_EQ(len, 0);
        CHECK_EQ(WSCEnumProtocols(none, NULL, &len, &error), SOCKET_ERROR);
    }
}

/* proves: A-C07, WSC-DEL-4, CAT-ST-5 */
static void wsc_del_1_all_entries_of_a_provider_go(void) {
    WSAPROTOCOL_INFOW entries[32];
    int count = all(entries);
    DWORD id;
    install(&ONE, 700);
    all(entries);
    id = entries[count].dwCatalogEntryId;
    CHECK_WSC(WSCDeinstallProvider(&ONE, &error));
    CHECK_EQ(all(entries), count);
    CHECK_WSC_FAILS(WSCDeinstallProvider(&ONE, &error), WSAEINVAL);
    CHECK_WSC_FAILS(WSCDeinstallProvider(NULL, &error), WSAEFAULT);
    CHECK_FAILS(WSCDeinstallProvider(&ONE, NULL), SOCKET_ERROR, WSAEFAULT);
    install(&ONE, 700);
    all(entries);
    CHECK(entries[count].dwCatalogEntryId > id);
}

/* proves: A-C13 */
static void wsc_upd_1_path_and_descriptions(void) {
    WSAPROTOCOL_INFOW entries[32], changed;
    WCHAR path[64];
    int count, len = COUNT(path);
    install(&ONE, 700);
    count = all(entries);
    changed = entries[count - 1];
    changed.iProtocol = 777;
    CHECK_WSC(WSCUpdateProvider(&ONE, WIDE("/lib/new.so"), &changed, 1, &error));
    all(entries);
    CHECK_EQ(entries[count - 1].iProtocol, 777);
    CHECK_EQ(entries[count - 1].dwCatalogEntryId, changed.dwCatalogEntryId);
    CHECK_WSC(WSCGetProviderPath(&ONE, path, &len, &error));
    CHECK(same_wide(path, u"/lib/new.so"));
    changed.dwCatalogEntryId = entries[0].dwCatalogEntryId;
    CHECK_WSC_FAILS(WSCUpdateProvider(&ONE, NULL, &changed, 1, &error), WSAEINVAL);
    CHECK_WSC_FAILS(WSCUpdateProvider(&NOBODY, WIDE("p"), NULL, 0, &error), WSAEINVAL);
    CHECK_WSC_FAILS(WSCUpdateProvider(NULL, WIDE("p"), NULL, 0, &error), WSAEFAULT);
    CHECK_WSC_FAILS(WSCUpdateProvider(&ONE, WIDE("p"), NULL, 1, &error), WSAEFAULT);
}

/* proves: A-C08 */
static void wsc_path_1_the_length_protocol(void) {
    WCHAR path[64];
    int len, exact = COUNT(u"/lib/one.so");
    install(&ONE, 700);
    len = exact;
    CHECK_WSC(WSCGetProviderPath(&ONE, path, &len, &error));
    CHECK_EQ(len, exact);
    CHECK(same_wide(path, u"/lib/one.so"));
    len = exact - 1;
    CHECK_WSC_FAILS(WSCGetProviderPath(&ONE, path, &len, &error), WSAEFAULT);
    CHECK_EQ(len, exact);
    len = 0;
    CHECK_WSC_FAILS(WSCGetProviderPath(&ONE, NULL, &len, &error), WSAEFAULT);
    CHECK_EQ(len, exact);
    len = -1;
    CHECK_WSC_FAILS(WSCGetProviderPath(&ONE, path, &len, &error), WSAEFAULT);
    len = exact;
    CHECK_WSC_FAILS(WSCGetProviderPath(&ONE, NULL, &len, &error), WSAEFAULT);
    CHECK_WSC_FAILS(WSCGetProviderPath(&ONE, path, NULL, &error), WSAEFAULT);
    CHECK_WSC_FAILS(WSCGetProviderPath(NULL, path, &len, &error), WSAEFAULT);
    CHECK_WSC_FAILS(WSCGetProviderPath(&NOBODY, path, &len, &error), WSAEINVAL);
}

/* proves: A-C14, API-C2, LC-ERR-5, WSC-ORD-2 */
static void wsc_ord_1_each_id_exactly_once(void) {
    WSAPROTOCOL_INFOW entries[32], now[32], chosen;
    DWORD ids[33];
    int count = all(entries), i, len = sizeof chosen;
    SOCKET s;
    for (i = 0; i < count; i++) ids[i] = entries[count - 1 - i].dwCatalogEntryId;
    CHECK_EQ(WSCWriteProviderOrder(ids, (DWORD)count), 0);
    all(now);
    for (i = 0; i < count; i++) CHECK_EQ(now[i].dwCatalogEntryId, ids[i]);
    /* The order decides who serves. */
    start();
    s = socket(AF_UNSPEC, SOCK_STREAM, 0);
    CHECK(s != INVALID_SOCKET);
    CHECK_EQ(getsockopt(s, SOL_SOCKET, SO_PROTOCOL_INFOW, (char *)&chosen, &len), 0);
    for (i = 0; now[i].iSocketType != SOCK_STREAM; i++) {}
    CHECK_EQ(chosen.dwCatalogEntryId, now[i].dwCatalogEntryId);
    stop();

    CHECK_EQ(WSCWriteProviderOrder(ids, (DWORD)count - 1), WSAEINVAL);
    ids[count] = ids[0];
    CHECK_EQ(WSCWriteProviderOrder(ids, (DWORD)count + 1), WSAEINVAL);
    ids[0] = ids[1];
    CHECK_EQ(WSCWriteProviderOrder(ids, (DWORD)count), WSAEINVAL);
    ids[0] = 4711;
    CHECK_EQ(WSCWriteProviderOrder(ids, (DWORD)count), WSAEINVAL);
    CHECK_EQ(WSCWriteProviderOrder(NULL, (DWORD)count), WSAEFAULT);
    CHECK_EQ(WSCWriteProviderOrder(NULL, 0), WSAEINVAL);
    all(entries);
    CHECK(memcmp(entries, now, (size_t)count * sizeof now[0]) == 0);
}

/* proves: A-C05, A-C09, A-C10, WSC-CHAIN-2, WSC-CHAIN-4, WSC-INFO-2, WEP-1, CAT-PI-5, SEL-2 */
static void wsc_chain_1_a_layer_and_its_chains(void) {
    WSAPROTOCOL_INFOW entries[32], enabled[32], wanted = base(IPPROTO_TCP);
    DWORD id = 0, categories = LSP_INSPECTOR, len;
    size_t size = sizeof categories;
    int bases = all(entries), count, i, layers = 0;
    CHECK_WSC(WSCInstallProviderAndChains(&ONE, WIDE("/lib/layer.so"), WIDE("A layer"), XP1_IFS_HANDLES, &wanted, 1,
                                          &id, &error));
    count = all(entries);
    CHECK_EQ(count, bases + 2);
    CHECK_EQ(entries[0].ProtocolChain.ChainLen, 2);
    CHECK_EQ(entries[0].ProtocolChain.ChainEntries[0], id);
    for (i = 0; i < count; i++) {
        if (entries[i].dwCatalogEntryId != id) continue;
        layers++;
        CHECK_EQ(entries[i].ProtocolChain.ChainLen, LAYERED_PROTOCOL);
        CHECK(entries[i].dwProviderFlags & PFL_HIDDEN);
        CHECK(same_guid(&entries[i].ProviderId, &ONE));
        CHECK(same_wide(entries[i].szProtocol, u"A layer"));
    }
    CHECK_EQ(layers, 1);

    /* Programs see the chain, not the layer, which cannot be used alone. */
    start();
    len = sizeof enabled;
    CHECK_EQ(WSAEnumProtocolsW(NULL, enabled, &len), bases + 1);
    CHECK_EQ(enabled[0].ProtocolChain.ChainLen, 2);
    enabled[0].dwCatalogEntryId = id;
    CHECK_FAILS(WSASocketW(AF_INET, SOCK_STREAM, 0, enabled, 0, 0), INVALID_SOCKET, WSAEINVAL);
    stop();

    CHECK_WSC(WSCSetProviderInfo(&ONE, ProviderInfoLspCategories, (PBYTE)&categories, sizeof categories, 0, &error));
    categories = 0;
    CHECK_WSC(WSCGetProviderInfo(&ONE, ProviderInfoLspCategories, (PBYTE)&categories, &size, 0, &error));
    CHECK_EQ(categories, LSP_INSPECTOR);
    CHECK_EQ(size, 4);
    size = 3;
    CHECK_WSC_FAILS(WSCGetProviderInfo(&ONE, ProviderInfoLspCategories, (PBYTE)&categories, &size, 0, &error),
                    WSAEFAULT);
    CHECK_EQ(size, 4);
    size = 0;
    CHECK_WSC_FAILS(WSCGetProviderInfo(&ONE, ProviderInfoLspCategories, NULL, &size, 0, &error), WSAEFAULT);
    CHECK_EQ(size, 4);
    CHECK_WSC_FAILS(WSCGetProviderInfo(&ONE, ProviderInfoLspCategories, NULL, &size, 0, &error), WSAEFAULT);
    CHECK_WSC_FAILS(WSCGetProviderInfo(&ONE, ProviderInfoLspCategories, (PBYTE)&categories, NULL, 0, &error),
                    WSAEFAULT);
    CHECK_WSC_FAILS(WSCGetProviderInfo(&ONE, ProviderInfoAudit, (PBYTE)&categories, &size, 0, &error),
                    ERROR_CALL_NOT_IMPLEMENTED);
    CHECK_WSC_FAILS(WSCGetProviderInfo(&ONE, ProviderInfoLspCategories, (PBYTE)&categories, &size, 1, &error),
                    WSAEINVAL);
    CHECK_WSC_FAILS(WSCGetProviderInfo(&NOBODY, ProviderInfoLspCategories, (PBYTE)&categories, &size, 0, &error),
                    WSAEINVALIDPROVIDER);
    CHECK_WSC_FAILS(WSCSetProviderInfo(&ONE, ProviderInfoLspCategories, (PBYTE)&categories, 3, 0, &error), WSAEFAULT);
    CHECK_WSC_FAILS(WSCSetProviderInfo(&ONE, ProviderInfoLspCategories, NULL, 4, 0, &error), WSAEFAULT);
}

/* proves: WSC-CHAIN-5, CC-1 */
static void wsc_chain_5_each_refusal_has_its_code(void) {
    WSAPROTOCOL_INFOW wanted = base(IPPROTO_TCP), unknown = base(4711);
    WCHAR *path = WIDE("/lib/layer.so"), *name = WIDE("A layer");
    CHECK_WSC_FAILS(WSCInstallProviderAndChains(NULL, path, name, 0, NULL, 0, NULL, &error), WSAEINVAL);
    CHECK_WSC_FAILS(WSCInstallProviderAndChains(&ONE, NULL, name, 0, NULL, 0, NULL, &error), WSAEFAULT);
    CHECK_WSC_FAILS(WSCInstallProviderAndChains(&ONE, path, NULL, 0, NULL, 0, NULL, &error), WSAEFAULT);
    CHECK_WSC_FAILS(WSCInstallProviderAndChains(&ONE, path, name, 0, &wanted, 0, NULL, &error), WSAEINVAL);
    CHECK_WSC_FAILS(WSCInstallProviderAndChains(&ONE, path, name, 0, &unknown, 1, NULL, &error), WSAEINVAL);
    CHECK_WSC(WSCInstallProviderAndChains(&ONE, path, name, XP1_IFS_HANDLES, NULL, 0, NULL, &error));
    CHECK_WSC_FAILS(WSCInstallProviderAndChains(&ONE, path, WIDE("Other"), XP1_IFS_HANDLES, NULL, 0, NULL, &error),
                    WSAEINVAL);
    CHECK_FAILS(WSCInstallProviderAndChains(&TWO, path, WIDE("Other"), XP1_IFS_HANDLES, NULL, 0, NULL, NULL),
                SOCKET_ERROR, WSAEFAULT);
}

/* proves: A-C11, A-C12, WSC-APP-2, WSC-APP-4 */
static void wsc_app_1_categories_of_programs_add_up(void) {
    WCHAR *path = WIDE("/bin/program and more"), *extra = WIDE("-server");
    DWORD before = 77, now = 0;
    CHECK_WSC_FAILS(WSCGetApplicationCategory(path, 12, NULL, 0, &now, &error), WSASERVICE_NOT_FOUND);
    CHECK_WSC(WSCSetApplicationCategory(path, 12, NULL, 0, LSP_PROXY, &before, &error));
    CHECK_EQ(before, 0);
    CHECK_WSC(WSCSetApplicationCategory(path, 12, NULL, 0, LSP_SYSTEM, &before, &error));
    CHECK_EQ(before, LSP_PROXY);
    CHECK_WSC(WSCGetApplicationCategory(path, 12, NULL, 0, &now, &error));
    CHECK_EQ(now, LSP_PROXY | LSP_SYSTEM);
    CHECK_WSC_FAILS(WSCGetApplicationCategory(path, 11, NULL, 0, &now, &error), WSASERVICE_NOT_FOUND);
    CHECK_WSC(WSCSetApplicationCategory(path, 12, extra, 7, LSP_FIREWALL, NULL, &error));
    CHECK_WSC(WSCGetApplicationCategory(path, 12, extra, 7, &now, &error));
    CHECK_EQ(now, LSP_FIREWALL);
    CHECK_WSC_FAILS(WSCGetApplicationCategory(NULL, 12, NULL, 0, &now, &error), WSAEINVAL);
    CHECK_WSC_FAILS(WSCGetApplicationCategory(path, 0, NULL, 0, &now, &error), WSAEINVAL);
    CHECK_WSC_FAILS(WSCGetApplicationCategory(path, 12, NULL, 0, NULL, &error), WSAEFAULT);
}

/* proves: A-C02, A-C04, A-C06, A-C07, A-C08, A-C13, A-C14, WSC-CHAIN-6 */
static void cat_st_2_two_widths(void) {
    WSAPROTOCOL_INFOW entries[32], list = base(700);
    WCHAR path[64];
    DWORD ids[32], id = 0;
    int bases = all(entries), bases_32 = all_of(WSCEnumProtocols32, entries), len = COUNT(path), i, count;
    install(&ONE, 700);
    CHECK_EQ(all_of(WSCEnumProtocols32, entries), bases_32);
    CHECK_WSC_FAILS(WSCDeinstallProvider32(&ONE, &error), WSAEINVAL);
    CHECK_WSC_FAILS(WSCGetProviderPath32(&ONE, path, &len, &error), WSAEINVAL);
    CHECK_WSC(WSCInstallProvider64_32(&TWO, WIDE("/lib/two.so"), &list, 1, &error));
    CHECK_EQ(all(entries), bases + 2);
    count = all_of(WSCEnumProtocols32, entries);
    CHECK_EQ(count, bases_32 + 1);
    CHECK_WSC(WSCGetProviderPath32(&TWO, path, &len, &error));
    CHECK(same_wide(path, u"/lib/two.so"));
    /* In one of them already: in neither. */
    CHECK_WSC_FAILS(WSCInstallProvider64_32(&ONE, WIDE("p"), &list, 1, &error), WSANO_RECOVERY);
    CHECK_EQ(all_of(WSCEnumProtocols32, entries), count);
    for (i = 0; i < count; i++) ids[i] = entries[count - 1 - i].dwCatalogEntryId;
    CHECK_EQ(WSCWriteProviderOrder32(ids, (DWORD)count), 0);
    CHECK_EQ(WSCWriteProviderOrder32(ids, (DWORD)count - 1), WSAEINVAL);
    all_of(WSCEnumProtocols32, entries);
    CHECK_EQ(entries[0].dwCatalogEntryId, ids[0]);
    list = entries[0];
    list.iProtocol = 701;
    CHECK_WSC(WSCUpdateProvider32(&TWO, NULL, &list, 1, &error));
    CHECK_WSC(WSCDeinstallProvider32(&TWO, &error));
    CHECK_WSC(WSCDeinstallProvider(&TWO, &error));

    count = all_of(WSCEnumProtocols32, entries);
    CHECK_WSC(WSCInstallProviderAndChains64_32(&TWO, WIDE("/lib/64.so"), WIDE("/lib/32.so"), WIDE("Both"),
                                               XP1_IFS_HANDLES, NULL, 0, &id, &error));
    CHECK(id != 0);
    CHECK(all_of(WSCEnumProtocols32, entries) > count);
    len = COUNT(path);
    CHECK_WSC(WSCGetProviderPath32(&TWO, path, &len, &error));
    CHECK(same_wide(path, u"/lib/32.so"));
    len = COUNT(path);
    CHECK_WSC(WSCGetProviderPath(&TWO, path, &len, &error));
    CHECK(same_wide(path, u"/lib/64.so"));
    count = all_of(WSCEnumProtocols32, entries);
    CHECK_WSC(WSCInstallProviderAndChains64_32(&NOBODY, WIDE("/lib/alone.so"), NULL, WIDE("Alone"), XP1_IFS_HANDLES,
                                               NULL, 0, NULL, &error));
    CHECK_EQ(all_of(WSCEnumProtocols32, entries), count);
}

/* ---- Name spaces ---- */

/* The one provider of the default catalog. */
static GUID DNS = {0x51a1d7c3, 0x7f6b, 0x4ec1, {0x9e, 0x2b, 0x0d, 0x7f, 0x5b, 0x8f, 0x2f, 0x53}};

/* proves: A-C15, A-C16, A-C18, A-C19, A-C22, WSC-NS-2, WSC-NS-4, WSC-NS-6, WSC-NS-7, WSC-NS-8, WSC-NS-9, LC-ERR-5 */
static void wsc_ns_1_install_enable_order_uninstall(void) {
    WSANAMESPACE_INFOW found[8];
    GUID order[2];
    DWORD len = sizeof found;
    start();
    CHECK_EQ(WSCUnInstallNameSpace(&DNS), 0);
    CHECK_EQ(WSCInstallNameSpace(WIDE("First"), WIDE("/lib/1.so"), NS_DNS, 1, &ONE), 0);
    CHECK_EQ(WSCInstallNameSpace(WIDE("Second"), WIDE("/lib/2.so"), NS_NLA, 2, &TWO), 0);
    CHECK_FAILS(WSCInstallNameSpace(WIDE("First"), WIDE("/lib/1.so"), NS_DNS, 1, &ONE), SOCKET_ERROR, WSANO_RECOVERY);
    CHECK_FAILS(WSCInstallNameSpace(WIDE("All"), WIDE("/lib/1.so"), NS_ALL, 1, &NOBODY), SOCKET_ERROR, WSAEINVAL);
    CHECK_FAILS(WSCInstallNameSpace(NULL, WIDE("/lib/1.so"), NS_DNS, 1, &NOBODY), SOCKET_ERROR, WSAEINVAL);
    CHECK_FAILS(WSCInstallNameSpace(WIDE("N"), NULL, NS_DNS, 1, &NOBODY), SOCKET_ERROR, WSAEINVAL);
    CHECK_FAILS(WSCInstallNameSpace(WIDE("N"), WIDE("/lib/1.so"), NS_DNS, 1, NULL), SOCKET_ERROR, WSAEINVAL);

    CHECK_EQ(WSCEnableNSProvider(&ONE, FALSE), 0);
    CHECK_EQ(WSAEnumNameSpaceProvidersW(&len, found), 2);
    CHECK(same_guid(&found[0].NSProviderId, &ONE) && same_guid(&found[1].NSProviderId, &TWO));
    CHECK_EQ(found[0].fActive, FALSE);
    CHECK_EQ(found[1].fActive, TRUE);
    CHECK_EQ(found[1].dwNameSpace, NS_NLA);
    CHECK_EQ(found[1].dwVersion, 2);
    CHECK_EQ(WSCEnableNSProvider(&ONE, TRUE), 0);

    order[0] = TWO;
    order[1] = ONE;
    CHECK_EQ(WSCWriteNameSpaceOrder(order, 2), 0);
    len = sizeof found;
    CHECK_EQ(WSAEnumNameSpaceProvidersW(&len, found), 2);
    CHECK(same_guid(&found[0].NSProviderId, &TWO));
    CHECK_EQ(found[1].fActive, TRUE);
    CHECK_EQ(WSCWriteNameSpaceOrder(order, 1), WSAEINVAL);
    order[1] = TWO;
    CHECK_EQ(WSCWriteNameSpaceOrder(order, 2), WSAEINVAL);
    CHECK_EQ(WSCWriteNameSpaceOrder(NULL, 2), WSAEFAULT);

    CHECK_EQ(WSCUnInstallNameSpace(&ONE), 0);
    CHECK_FAILS(WSCUnInstallNameSpace(&ONE), SOCKET_ERROR, WSAEINVAL);
    CHECK_FAILS(WSCUnInstallNameSpace(NULL), SOCKET_ERROR, WSAEFAULT);
    CHECK_FAILS(WSCEnableNSProvider(&ONE, TRUE), SOCKET_ERROR, WSAEINVAL);
    CHECK_FAILS(WSCEnableNSProvider(NULL, TRUE), SOCKET_ERROR, WSAEFAULT);
    stop();
}

/* Whether a pointer is to something within a buffer. */
static int within(const void *pointer, size_t size, const void *buffer, size_t len) {
    const char *start = buffer, *at = pointer;
    return at >= start && at + size <= start + len;
}

/* proves: WSC-NS-3, CAT-NS-1, CAT-NS-2, A-N16, A-N17, API-8, T-API-6 */
static void wsc_ns_11_everything_lies_in_the_buffer(void) {
    unsigned char data[5] = {1, 2, 3, 4, 5};
    BLOB blob = {sizeof data, data};
    DWORD len = 0, exact;
    char *buffer;
    WSANAMESPACE_INFOEXW *wide;
    WSANAMESPACE_INFOEXA *narrow;
    WSANAMESPACE_INFOA *plain;
    start();
    CHECK_EQ(WSCUnInstallNameSpace(&DNS), 0);
    CHECK_EQ(WSAEnumNameSpaceProvidersExW(&len, NULL), SOCKET_ERROR);
    CHECK_EQ(WSCInstallNameSpaceEx(WIDE("Gr\u00FC\u00DFe"), WIDE("/lib/1.so"), NS_DNS, 1, &ONE, &blob), 0);
    CHECK_EQ(WSCInstallNameSpace(WIDE(""), WIDE("/lib/2.so"), NS_NLA, 2, &TWO), 0);
    data[0] = 99; /* it was copied */

    len = 0;
    CHECK_FAILS(WSAEnumNameSpaceProvidersExW(&len, NULL), SOCKET_ERROR, WSAEFAULT);
    exact = len;
    CHECK(exact >= 2 * sizeof *wide + 5 + 2 * 7);
    CHECK((buffer = malloc(exact + 8)) != NULL);
    memset(buffer, '#', exact + 8);
    wide = (WSANAMESPACE_INFOEXW *)buffer;
    len = exact - 1;
    CHECK_FAILS(WSAEnumNameSpaceProvidersExW(&len, wide), SOCKET_ERROR, WSAEFAULT);
    CHECK_EQ(len, exact);
    CHECK_EQ(buffer[0], '#');
    CHECK_FAILS(WSAEnumNameSpaceProvidersExW(&len, (WSANAMESPACE_INFOEXW *)(buffer + 1)), SOCKET_ERROR, WSAEFAULT);
    CHECK_EQ(buffer[1], '#');
    CHECK_EQ(WSAEnumNameSpaceProvidersExW(&len, wide), 2);
    CHECK(same_wide(wide[0].lpszIdentifier, u"Gr\u00FC\u00DFe"));
    CHECK(same_wide(wide[1].lpszIdentifier, u""));
    CHECK(within(wide[0].lpszIdentifier, 12, buffer, exact) && within(wide[1].lpszIdentifier, 2, buffer, exact));
    CHECK_EQ(wide[0].ProviderSpecific.cbSize, 5);
    CHECK(within(wide[0].ProviderSpecific.pBlobData, 5, buffer, exact));
    CHECK(memcmp(wide[0].ProviderSpecific.pBlobData, "\1\2\3\4\5", 5) == 0);
    CHECK(wide[1].ProviderSpecific.cbSize == 0 && wide[1].ProviderSpecific.pBlobData == NULL);
    CHECK_EQ(buffer[exact], '#');

    /* The A form: UTF-8, and its own lengths. */
    len = 0;
    CHECK_FAILS(WSAEnumNameSpaceProvidersExA(&len, NULL), SOCKET_ERROR, WSAEFAULT);
    CHECK(len < exact);
    exact = len;
    memset(buffer, '#', exact + 8);
    narrow = (WSANAMESPACE_INFOEXA *)buffer;
    CHECK_EQ(WSAEnumNameSpaceProvidersExA(&len, narrow), 2);
    CHECK(strcmp(narrow[0].lpszIdentifier, "Gr\xC3\xBC\xC3\x9F" "e") == 0);
    CHECK(memcmp(narrow[0].ProviderSpecific.pBlobData, "\1\2\3\4\5", 5) == 0);
    CHECK_EQ(buffer[exact], '#');
    len = exact;
    plain = (WSANAMESPACE_INFOA *)buffer;
    CHECK_EQ(WSAEnumNameSpaceProvidersA(&len, plain), 2);
    CHECK(same_guid(&plain[1].NSProviderId, &TWO));
    CHECK_FAILS(WSAEnumNameSpaceProvidersA(NULL, plain), SOCKET_ERROR, WSAEFAULT);
    blob.pBlobData = NULL;
    CHECK_FAILS(WSCInstallNameSpaceEx(WIDE("X"), WIDE("/lib/1.so"), NS_DNS, 1, &NOBODY, &blob), SOCKET_ERROR,
                WSAEFAULT);
    free(buffer);
    stop();
}

/* proves: A-C15, A-C16, A-C18, A-C19, A-C20, A-C21, A-C22, CAT-ST-2 */
static void wsc_ns_12_the_catalog_of_32_bits(void) {
    WSANAMESPACE_INFOW found[8];
    WSANAMESPACE_INFOEXW found_ex[8];
    unsigned char byte = 7;
    BLOB blob = {1, &byte};
    DWORD len = sizeof found;
    CHECK_EQ(WSCUnInstallNameSpace32(&DNS), 0);
    CHECK_EQ(WSCInstallNameSpace32(WIDE("One"), WIDE("/lib/1.so"), NS_DNS, 1, &ONE), 0);
    CHECK_EQ(WSCInstallNameSpaceEx32(WIDE("Two"), WIDE("/lib/2.so"), NS_NLA, 1, &TWO, &blob), 0);
    CHECK_FAILS(WSCUnInstallNameSpace(&ONE), SOCKET_ERROR, WSAEINVAL);
    CHECK_EQ(WSCEnumNameSpaceProviders32(&len, found), 2);
    CHECK(same_wide(found[0].lpszIdentifier, u"One"));
    CHECK_EQ(WSCEnableNSProvider32(&ONE, FALSE), 0);
    {
        GUID order[2] = {TWO, ONE};
        CHECK_EQ(WSCWriteNameSpaceOrder32(order, 2), 0);
    }
    len = sizeof found_ex;
    CHECK_EQ(WSCEnumNameSpaceProvidersEx32(&len, found_ex), 2);
    CHECK_EQ(found_ex[0].ProviderSpecific.cbSize, 1);
    CHECK_EQ(found_ex[0].ProviderSpecific.pBlobData[0], 7);
    CHECK_EQ(found_ex[1].fActive, FALSE);
    CHECK_EQ(WSCUnInstallNameSpace32(&ONE), 0);
    len = sizeof found;
    CHECK_EQ(WSCEnumNameSpaceProviders32(&len, found), 1);
}

/* proves: A-C23, A-C24 */
static void wsc_qos_1_templates_are_not_kept(void) {
    WSABUF name = {4, (CHAR *)(size_t) "name"};
    QOS qos;
    memset(&qos, 0, sizeof qos);
    CHECK_FAILS(WSCInstallQOSTemplate(&ONE, &name, &qos), FALSE, WSAEOPNOTSUPP);
    CHECK_FAILS(WSCRemoveQOSTemplate(&ONE, &name), FALSE, WSAEOPNOTSUPP);
}

/* proves: CAT-ST-4, WSA-STARTUP-9, WSA-CLEANUP-12, WSC-DEL-2 */
static void cat_st_3_a_process_keeps_what_it_started_with(void) {
    WSAPROTOCOL_INFOW entries[32], list = base(700);
    DWORD len = sizeof entries;
    int count;
    SOCKET s;
    start();
    count = WSAEnumProtocolsW(NULL, entries, &len);
    CHECK_WSC(WSCInstallProvider(&ONE, WIDE("builtin:tcpip"), &list, 1, &error));
    /* Lists show the catalog as it is; sockets come from the one of the start. */
    len = sizeof entries;
    CHECK_EQ(WSAEnumProtocolsW(NULL, entries, &len), count + 1);
    CHECK_FAILS(socket(AF_INET, SOCK_STREAM, 700), INVALID_SOCKET, WSAEPROTONOSUPPORT);
    CHECK_FAILS(WSASocketW(0, 0, 0, &entries[count], 0, 0), INVALID_SOCKET, WSAEINVAL);
    CHECK_WSC(WSCDeinstallProvider(&entries[0].ProviderId, &error));
    s = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
    CHECK(s != INVALID_SOCKET);
    stop();
    start();
    CHECK_FAILS(socket(AF_INET, SOCK_STREAM, IPPROTO_TCP), INVALID_SOCKET, WSAEPROTONOSUPPORT);
    stop();
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(wsc_inst_1_entries_are_added_at_the_end),
        TEST(wsc_inst_4_each_refusal_has_its_code),
        TEST(wsc_enum_3_room_for_all_or_none),
        TEST(wsc_del_1_all_entries_of_a_provider_go),
        TEST(wsc_upd_1_path_and_descriptions),
        TEST(wsc_path_1_the_length_protocol),
        TEST(wsc_ord_1_each_id_exactly_once),
        TEST(wsc_chain_1_a_layer_and_its_chains),
        TEST(wsc_chain_5_each_refusal_has_its_code),
        TEST(wsc_app_1_categories_of_programs_add_up),
        TEST(cat_st_2_two_widths),
        TEST(wsc_ns_1_install_enable_order_uninstall),
        TEST(wsc_ns_11_everything_lies_in_the_buffer),
        TEST(wsc_ns_12_the_catalog_of_32_bits),
        TEST(wsc_qos_1_templates_are_not_kept),
        TEST(cat_st_3_a_process_keeps_what_it_started_with),
    };
    return run_tests(tests, COUNT(tests), argc, argv);
}
