/* Registrations: the truth table of NSPSetService. */
#include "directory.h"

#include <stdlib.h>
#include <string.h>

static BOOL same_part(const SOCKET_ADDRESS *one, const SOCKET_ADDRESS *other) {
    return one->iSockaddrLength == other->iSockaddrLength &&
           (one->iSockaddrLength == 0 || memcmp(one->lpSockaddr, other->lpSockaddr, (size_t)one->iSockaddrLength) == 0);
}

static BOOL same_address(const CSADDR_INFO *one, const CSADDR_INFO *other) {
    return one->iSocketType == other->iSocketType && one->iProtocol == other->iProtocol &&
           same_part(&one->LocalAddr, &other->LocalAddr) && same_part(&one->RemoteAddr, &other->RemoteAddr);
}

static BOOL copy_part(SOCKET_ADDRESS *to, const SOCKET_ADDRESS *from) {
    to->lpSockaddr = NULL;
    to->iSockaddrLength = 0;
    if (!from->lpSockaddr || from->iSockaddrLength <= 0) return TRUE;
    to->lpSockaddr = malloc((size_t)from->iSockaddrLength);
    if (!to->lpSockaddr) return FALSE;
    memcpy(to->lpSockaddr, from->lpSockaddr, (size_t)from->iSockaddrLength);
    to->iSockaddrLength = from->iSockaddrLength;
    return TRUE;
}

static BOOL has(const struct service *service, const CSADDR_INFO *address) {
    for (DWORD i = 0; i < service->count; i++)
        if (same_address(&service->addresses[i], address)) return TRUE;
    return FALSE;
}

static BOOL add(struct service *service, const CSADDR_INFO *address) {
    CSADDR_INFO *grown, *to;
    if (has(service, address)) return TRUE;
    grown = realloc(service->addresses, (service->count + 1) * sizeof *grown);
    if (!grown) return FALSE;
    service->addresses = grown;
    to = &grown[service->count++];
    *to = *address;
    return copy_part(&to->LocalAddr, &address->LocalAddr) && copy_part(&to->RemoteAddr, &address->RemoteAddr);
}

static void drop(struct service *service, DWORD at) {
    free(service->addresses[at].LocalAddr.lpSockaddr);
    free(service->addresses[at].RemoteAddr.lpSockaddr);
    service->addresses[at] = service->addresses[--service->count];
}

static int register_service(struct service **link, const WSAQUERYSETW *set, BOOL multiple) {
    struct service *service = *link;
    if (!service) {
        service = calloc(1, sizeof *service);
        if (!service) return WSA_NOT_ENOUGH_MEMORY;
        service->name = directory_copy(set->lpszServiceInstanceName);
        service->class_id = *set->lpServiceClassId;
        *link = service;
    }
    if (!multiple)
        while (service->count) drop(service, service->count - 1);
    if (set->lpVersion) service->version = *set->lpVersion, service->has_version = TRUE;
    if (set->lpszComment) {
        free(service->comment);
        service->comment = directory_copy(set->lpszComment);
    }
    for (DWORD i = 0; i < set->dwNumberOfCsAddrs; i++)
        if (!add(service, &set->lpcsaBuffer[i])) return WSA_NOT_ENOUGH_MEMORY;
    return 0;
}

/* Takes the given addresses away, or all. An address must be one of the service's, to the last byte. */
static int take_away(struct service *service, const WSAQUERYSETW *set, BOOL multiple) {
    BOOL any = FALSE;
    if (!multiple) {
        while (service->count) drop(service, service->count - 1);
        return 0;
    }
    for (DWORD i = 0; i < set->dwNumberOfCsAddrs; i++)
        for (DWORD at = 0; at < service->count; at++)
            if (same_address(&service->addresses[at], &set->lpcsaBuffer[i])) drop(service, at--), any = TRUE;
    return any ? 0 : WSASERVICE_NOT_FOUND;
}

int WSPAPI directory_set(LPGUID provider, LPWSASERVICECLASSINFOW schema, LPWSAQUERYSETW set, WSAESETSERVICEOP operation,
                         DWORD flags) {
    struct service **link, *service;
    int error = 0;
    (void)schema;
    if (!provider || !set) return directory_fail(WSAEFAULT);
    if (!set->lpServiceClassId || !set->lpszServiceInstanceName) return directory_fail(WSAEINVAL);
    pthread_mutex_lock(&directory.lock);
    for (link = &directory.services; *link; link = &(*link)->next)
        if (directory_same((*link)->name, set->lpszServiceInstanceName) &&
            memcmp(&(*link)->class_id, set->lpServiceClassId, sizeof(GUID)) == 0)
            break;
    service = *link;
    switch (operation) {
    case RNRSERVICE_REGISTER:
        error = register_service(link, set, (flags & SERVICE_MULTIPLE) != 0);
        break;
    case RNRSERVICE_DEREGISTER:
        error = service ? take_away(service, set, (flags & SERVICE_MULTIPLE) != 0) : WSASERVICE_NOT_FOUND;
        break;
    case RNRSERVICE_DELETE:
        error = service ? take_away(service, set, (flags & SERVICE_MULTIPLE) != 0) : WSASERVICE_NOT_FOUND;
        if (!error && service->count == 0) {
            *link = service->next;
            directory_free_service(service);
        }
        break;
    default:
        error = WSAEINVAL;
    }
    if (!error) directory.changes++;
    pthread_mutex_unlock(&directory.lock);
    if (error) return directory_fail(error);
    directory_tell();
    return 0;
}
