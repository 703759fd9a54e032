/* The one export, NSPStartup, and its counterpart. See README.md. */
#include "directory.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct directory directory = {.lock = PTHREAD_MUTEX_INITIALIZER};

int directory_fail(int error) {
    WSASetLastError(error);
    return SOCKET_ERROR;
}

WCHAR *directory_copy(const WCHAR *text) {
    size_t length = 0;
    WCHAR *copy;
    if (!text) return NULL;
    while (text[length]) length++;
    copy = malloc((length + 1) * sizeof *copy);
    if (copy) memcpy(copy, text, (length + 1) * sizeof *copy);
    return copy;
}

/* Names are compared without regard to the case of ASCII letters. */
static WCHAR lower(WCHAR unit) {
    return unit >= 'A' && unit <= 'Z' ? unit - 'A' + 'a' : unit;
}

BOOL directory_same(const WCHAR *one, const WCHAR *other) {
    if (!one || !other) return one == other;
    while (*one && lower(*one) == lower(*other)) one++, other++;
    return lower(*one) == lower(*other);
}

void directory_free_service(struct service *service) {
    for (DWORD i = 0; i < service->count; i++) {
        free(service->addresses[i].LocalAddr.lpSockaddr);
        free(service->addresses[i].RemoteAddr.lpSockaddr);
    }
    free(service->addresses);
    free(service->name);
    free(service->comment);
    free(service);
}

static int WSPAPI directory_cleanup(LPGUID provider) {
    if (!provider) return directory_fail(WSAEINVAL);
    pthread_mutex_lock(&directory.lock);
    if (directory.starts == 0) {
        pthread_mutex_unlock(&directory.lock);
        return directory_fail(WSANOTINITIALISED);
    }
    /* Only the last one frees. What was registered stays until the module goes. */
    if (--directory.starts > 0) {
        pthread_mutex_unlock(&directory.lock);
        return 0;
    }
    pthread_mutex_unlock(&directory.lock);
    directory_end_all();
    return 0;
}

#if defined(__GNUC__)
__attribute__((visibility("default")))
#endif
int WSPAPI
NSPStartup(LPGUID provider, LPNSP_ROUTINE routines) {
    if (!provider || !routines) return directory_fail(WSAEINVAL);
    /* Nothing is written beyond what the caller has room for; the last function is the youngest. */
    if (routines->cbSize < offsetof(NSP_ROUTINE, NSPIoctl)) return directory_fail(WSAEINVALIDPROCTABLE);
    pthread_mutex_lock(&directory.lock);
    directory.starts++;
    directory.provider = *provider;
    pthread_mutex_unlock(&directory.lock);
    routines->dwMajorVersion = 2;
    routines->dwMinorVersion = 2;
    routines->NSPCleanup = directory_cleanup;
    routines->NSPLookupServiceBegin = directory_begin;
    routines->NSPLookupServiceNext = directory_next;
    routines->NSPLookupServiceEnd = directory_end;
    routines->NSPSetService = directory_set;
    routines->NSPInstallServiceClass = directory_install_class;
    routines->NSPRemoveServiceClass = directory_remove_class;
    routines->NSPGetServiceClassInfo = directory_class_info;
    if (routines->cbSize >= sizeof(NSP_ROUTINE)) {
        routines->cbSize = sizeof(NSP_ROUTINE);
        routines->NSPIoctl = directory_ioctl;
    } else {
        routines->cbSize = offsetof(NSP_ROUTINE, NSPIoctl);
    }
    return 0;
}

/* The modules of a process end with it, or when the runtime unloads them. */
#if defined(__GNUC__)
__attribute__((destructor)) static void forget(void) {
    while (directory.services) {
        struct service *service = directory.services;
        directory.services = service->next;
        directory_free_service(service);
    }
}
#endif
