/* Look-ups: what fits the query, one result a call, in the caller's buffer. */
#include "directory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* A buffer that a result goes into. Past its end only the size is counted. */
struct packing {
    BYTE *buffer;
    size_t room, used;
};

/* Room of this size at this alignment, or null if the buffer ends before it. */
static void *reserve(struct packing *packing, size_t size, size_t alignment) {
    size_t at = (packing->used + alignment - 1) / alignment * alignment;
    packing->used = at + size;
    return packing->used <= packing->room ? packing->buffer + at : NULL;
}

static void *pack(struct packing *packing, const void *from, size_t size, size_t alignment) {
    void *to = reserve(packing, size, alignment);
    if (to) memcpy(to, from, size);
    return to;
}

static WCHAR *pack_text(struct packing *packing, const WCHAR *text) {
    size_t length = 0;
    if (!text) return NULL;
    while (text[length++]) continue;
    return pack(packing, text, length * sizeof *text, sizeof *text);
}

static void pack_address(struct packing *packing, SOCKET_ADDRESS *to, const SOCKET_ADDRESS *from) {
    void *address = from->lpSockaddr ? pack(packing, from->lpSockaddr, (size_t)from->iSockaddrLength, sizeof(void *)) : NULL;
    if (!to) return;
    to->lpSockaddr = address;
    to->iSockaddrLength = from->lpSockaddr ? from->iSockaddrLength : 0;
}

/* Lays a service out; what the flags do not ask for is absent. */
static void pack_result(struct packing *packing, const struct service *service, DWORD flags) {
    WSAQUERYSETW *set = reserve(packing, sizeof *set, sizeof(void *)), scratch;
    if (!set) set = &scratch;
    memset(set, 0, sizeof *set);
    set->dwSize = sizeof *set;
    set->dwNameSpace = NS_NLA;
    if (flags & LUP_RETURN_NAME) set->lpszServiceInstanceName = pack_text(packing, service->name);
    if (flags & LUP_RETURN_TYPE) set->lpServiceClassId = pack(packing, &service->class_id, sizeof(GUID), sizeof(DWORD));
    if (flags & LUP_RETURN_VERSION && service->has_version)
        set->lpVersion = pack(packing, &service->version, sizeof(WSAVERSION), sizeof(DWORD));
    if (flags & LUP_RETURN_COMMENT) set->lpszComment = pack_text(packing, service->comment);
    set->lpNSProviderId = pack(packing, &directory.provider, sizeof(GUID), sizeof(DWORD));
    if (flags & LUP_RETURN_ADDR && service->count) {
        set->dwNumberOfCsAddrs = service->count;
        set->lpcsaBuffer = reserve(packing, service->count * sizeof(CSADDR_INFO), sizeof(void *));
        for (DWORD i = 0; i < service->count; i++) {
            CSADDR_INFO *to = set->lpcsaBuffer ? &set->lpcsaBuffer[i] : NULL;
            const CSADDR_INFO *from = &service->addresses[i];
            if (to) *to = *from;
            pack_address(packing, to ? &to->LocalAddr : NULL, &from->LocalAddr);
            pack_address(packing, to ? &to->RemoteAddr : NULL, &from->RemoteAddr);
        }
    }
}

static BOOL fits(const struct lookup *lookup, const struct service *service) {
    if (lookup->name && !directory_same(lookup->name, service->name)) return FALSE;
    if (memcmp(&lookup->class_id, &service->class_id, sizeof(GUID)) != 0) return FALSE;
    if (!lookup->has_version) return TRUE;
    if (!service->has_version) return FALSE;
    return lookup->version.ecHow == COMP_NOTLESS ? service->version.dwVersion >= lookup->version.dwVersion
                                                 : service->version.dwVersion == lookup->version.dwVersion;
}

/* The look-up of a handle, which is its address; to be called with the lock held. */
static struct lookup *find(HANDLE handle) {
    struct lookup *lookup = directory.lookups;
    while (lookup && lookup != handle) lookup = lookup->next;
    return lookup;
}

int WSPAPI directory_begin(LPGUID provider, LPWSAQUERYSETW query, LPWSASERVICECLASSINFOW schema, DWORD flags,
                           LPHANDLE handle) {
    struct lookup *lookup;
    (void)schema;
    if (!provider || !query || !handle) return directory_fail(WSAEFAULT);
    if (!query->lpServiceClassId) return directory_fail(WSAEINVAL);
    if (flags & LUP_CONTAINERS) return directory_fail(WSANO_DATA); /* There are none. */
    lookup = calloc(1, sizeof *lookup);
    if (!lookup) return directory_fail(WSA_NOT_ENOUGH_MEMORY);
    /* The caller may reuse its memory when this returns. */
    lookup->name = directory_copy(query->lpszServiceInstanceName);
    lookup->class_id = *query->lpServiceClassId;
    lookup->has_version = query->lpVersion != NULL;
    if (query->lpVersion) lookup->version = *query->lpVersion;
    lookup->flags = flags;
    pthread_mutex_lock(&directory.lock);
    lookup->seen = directory.changes;
    lookup->next = directory.lookups;
    directory.lookups = lookup;
    pthread_mutex_unlock(&directory.lock);
    *handle = lookup;
    return 0;
}

int WSPAPI directory_next(HANDLE handle, DWORD flags, LPDWORD length, LPWSAQUERYSETW result) {
    struct packing packing = {(BYTE *)result, 0, 0};
    const struct service *service;
    struct lookup *lookup;
    DWORD asked, skip;
    if (!length || ((uintptr_t)result & (sizeof(void *) - 1))) return directory_fail(WSAEFAULT);
    packing.room = result ? *length : 0;
    pthread_mutex_lock(&directory.lock);
    lookup = find(handle);
    if (!lookup) {
        pthread_mutex_unlock(&directory.lock);
        return directory_fail(WSA_INVALID_HANDLE);
    }
    if (flags & LUP_FLUSHPREVIOUS && lookup->refused) lookup->given++;
    lookup->refused = FALSE;
    skip = lookup->given;
    for (service = directory.services; service; service = service->next)
        if (fits(lookup, service) && skip-- == 0) break;
    if (!service) {
        pthread_mutex_unlock(&directory.lock);
        return directory_fail(WSA_E_NO_MORE);
    }
    /* This call can only narrow what Begin asked for. */
    asked = flags & LUP_RETURN_ALL ? lookup->flags & flags : lookup->flags;
    pack_result(&packing, service, asked);
    if (packing.used > packing.room) {
        lookup->refused = TRUE;
        pthread_mutex_unlock(&directory.lock);
        *length = (DWORD)packing.used;
        return directory_fail(WSAEFAULT);
    }
    lookup->given++;
    pthread_mutex_unlock(&directory.lock);
    return 0;
}

/* Ends an overlapped request: its structure is the client's again before the event tells so. */
static void complete(LPWSAOVERLAPPED overlapped, int error) {
    WSAEVENT event = overlapped->hEvent;
    overlapped->OffsetHigh = (DWORD)error;
    overlapped->InternalHigh = 0;
    __atomic_store_n(&overlapped->Internal, error ? 0xC0000120u : 0, __ATOMIC_RELEASE);
    if (event) WSASetEvent(event);
}

static void free_lookup(struct lookup *lookup) {
    if (lookup->waiting) complete(lookup->waiting, WSA_OPERATION_ABORTED);
    free(lookup->name);
    free(lookup);
}

int WSPAPI directory_end(HANDLE handle) {
    struct lookup **link = &directory.lookups, *lookup;
    pthread_mutex_lock(&directory.lock);
    while (*link && *link != handle) link = &(*link)->next;
    lookup = *link;
    if (lookup) *link = lookup->next;
    pthread_mutex_unlock(&directory.lock);
    if (!lookup) return directory_fail(WSA_INVALID_HANDLE);
    free_lookup(lookup);
    return 0;
}

void directory_end_all(void) {
    for (;;) {
        struct lookup *lookup;
        pthread_mutex_lock(&directory.lock);
        lookup = directory.lookups;
        if (lookup) directory.lookups = lookup->next;
        pthread_mutex_unlock(&directory.lock);
        if (!lookup) return;
        free_lookup(lookup);
    }
}

void directory_tell(void) {
    LPWSAOVERLAPPED waiting;
    do {
        waiting = NULL;
        pthread_mutex_lock(&directory.lock);
        for (struct lookup *lookup = directory.lookups; lookup && !waiting; lookup = lookup->next) {
            if (!lookup->waiting) continue;
            waiting = lookup->waiting;
            lookup->waiting = NULL;
            lookup->seen = directory.changes;
        }
        pthread_mutex_unlock(&directory.lock);
        if (waiting) complete(waiting, 0);
    } while (waiting);
}

int WSPAPI directory_ioctl(HANDLE handle, DWORD code, LPVOID input, DWORD input_length, LPVOID output, DWORD output_length,
                           LPDWORD returned, LPWSACOMPLETION completion, LPWSATHREADID thread) {
    struct lookup *lookup;
    int error = WSAEWOULDBLOCK;
    (void)input, (void)input_length, (void)output, (void)output_length, (void)thread;
    if (code != SIO_NSP_NOTIFY_CHANGE) return directory_fail(WSAEOPNOTSUPP);
    /* By event, or as a poll. */
    if (completion && completion->Type != NSP_NOTIFY_EVENT) return directory_fail(WSAEOPNOTSUPP);
    if (completion && !completion->Parameters.Event.lpOverlapped) return directory_fail(WSAEFAULT);
    if (returned) *returned = 0;
    pthread_mutex_lock(&directory.lock);
    lookup = find(handle);
    if (!lookup) {
        error = WSA_INVALID_HANDLE;
    } else if (lookup->seen != directory.changes) {
        /* Changed already. */
        lookup->seen = directory.changes;
        error = 0;
    } else if (completion && lookup->waiting) {
        error = WSAEINVAL;
    } else if (completion) {
        lookup->waiting = completion->Parameters.Event.lpOverlapped;
        lookup->waiting->Internal = WSS_OPERATION_IN_PROGRESS;
        error = WSA_IO_PENDING;
    }
    pthread_mutex_unlock(&directory.lock);
    if (error) return directory_fail(error);
    if (completion) complete(completion->Parameters.Event.lpOverlapped, 0);
    return 0;
}
