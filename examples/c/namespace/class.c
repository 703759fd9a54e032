/* Service classes: their ids and names are kept, up to a number of them. */
#include "directory.h"

#include <stdlib.h>
#include <string.h>

struct class {
    GUID id;
    WCHAR name[64];
    BOOL used;
};
static struct class classes[16];

static struct class *find(const GUID *id) {
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++)
        if (classes[i].used && memcmp(&classes[i].id, id, sizeof *id) == 0) return &classes[i];
    return NULL;
}

static int install(const WSASERVICECLASSINFOW *info) {
    if (find(info->lpServiceClassId)) return WSAEALREADY;
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        if (classes[i].used) continue;
        classes[i].used = TRUE;
        classes[i].id = *info->lpServiceClassId;
        memset(classes[i].name, 0, sizeof classes[i].name);
        for (size_t at = 0; info->lpszServiceClassName && info->lpszServiceClassName[at] && at < 63; at++)
            classes[i].name[at] = info->lpszServiceClassName[at];
        return 0;
    }
    return WSA_NOT_ENOUGH_MEMORY;
}

int WSPAPI directory_install_class(LPGUID provider, LPWSASERVICECLASSINFOW info) {
    int error;
    if (!provider || !info || !info->lpServiceClassId) return directory_fail(WSAEINVAL);
    pthread_mutex_lock(&directory.lock);
    error = install(info);
    pthread_mutex_unlock(&directory.lock);
    return error ? directory_fail(error) : 0;
}

int WSPAPI directory_remove_class(LPGUID provider, LPGUID class_id) {
    struct class *class;
    if (!provider || !class_id) return directory_fail(WSAEINVAL);
    pthread_mutex_lock(&directory.lock);
    class = find(class_id);
    if (class) class->used = FALSE;
    pthread_mutex_unlock(&directory.lock);
    return class ? 0 : directory_fail(WSATYPE_NOT_FOUND);
}

int WSPAPI directory_class_info(LPGUID provider, LPDWORD length, LPWSASERVICECLASSINFOW info) {
    struct class *class, copy;
    size_t characters = 0, needed;
    BYTE *rest;
    if (!provider || !length || !info || !info->lpServiceClassId) return directory_fail(WSAEINVAL);
    pthread_mutex_lock(&directory.lock);
    class = find(info->lpServiceClassId);
    if (class) copy = *class;
    pthread_mutex_unlock(&directory.lock);
    if (!class) return directory_fail(WSATYPE_NOT_FOUND);
    while (copy.name[characters++]) continue;
    needed = sizeof *info + sizeof(GUID) + characters * sizeof(WCHAR);
    if (*length < needed) {
        *length = (DWORD)needed;
        return directory_fail(WSAEFAULT);
    }
    rest = (BYTE *)(info + 1);
    memset(info, 0, sizeof *info);
    info->lpServiceClassId = memcpy(rest, &copy.id, sizeof copy.id);
    info->lpszServiceClassName = memcpy(rest + sizeof copy.id, copy.name, characters * sizeof(WCHAR));
    return 0;
}
