/* A version 1 name space provider in plain C: services and classes that are kept in memory. */
#ifndef DIRECTORY_H
#define DIRECTORY_H

#include <winsock2.h>
#include <ws2spi.h>

#include <pthread.h>

/* A service that was registered. Its parts are allocated. */
struct service {
    struct service *next;
    WCHAR *name;
    GUID class_id;
    WSAVERSION version;
    BOOL has_version;
    WCHAR *comment;
    CSADDR_INFO *addresses;
    DWORD count;
};

/* A look-up: what it asks for, and the service that it gave last. */
struct lookup {
    struct lookup *next;
    WCHAR *name;
    GUID class_id;
    WSAVERSION version;
    BOOL has_version;
    DWORD flags;
    /* How many of the services that fit have been given. */
    DWORD given;
    /* The result after those did not fit a buffer. */
    BOOL refused;
    /* A change that the look-up does not know of yet is one with a higher number. */
    unsigned long seen;
    LPWSAOVERLAPPED waiting;
};

/* Everything, under one lock. No call is made to anybody while it is held. */
struct directory {
    pthread_mutex_t lock;
    int starts;
    struct service *services;
    struct lookup *lookups;
    unsigned long changes;
    GUID provider;
};
extern struct directory directory;

/* Stores the thread error: SOCKET_ERROR. */
int directory_fail(int error);
/* A copy of a text, or null. */
WCHAR *directory_copy(const WCHAR *text);
BOOL directory_same(const WCHAR *one, const WCHAR *other);
void directory_free_service(struct service *service);

/* lookup.c */
int WSPAPI directory_begin(LPGUID provider, LPWSAQUERYSETW query, LPWSASERVICECLASSINFOW schema, DWORD flags, LPHANDLE handle);
int WSPAPI directory_next(HANDLE handle, DWORD flags, LPDWORD length, LPWSAQUERYSETW result);
int WSPAPI directory_end(HANDLE handle);
int WSPAPI directory_ioctl(HANDLE handle, DWORD code, LPVOID input, DWORD input_length, LPVOID output, DWORD output_length,
                           LPDWORD returned, LPWSACOMPLETION completion, LPWSATHREADID thread);
/* Ends every look-up: the last clean-up. */
void directory_end_all(void);
/* Tells every look-up that waits of a change. */
void directory_tell(void);

/* service.c */
int WSPAPI directory_set(LPGUID provider, LPWSASERVICECLASSINFOW schema, LPWSAQUERYSETW service, WSAESETSERVICEOP operation,
                         DWORD flags);

/* class.c */
int WSPAPI directory_install_class(LPGUID provider, LPWSASERVICECLASSINFOW info);
int WSPAPI directory_remove_class(LPGUID provider, LPGUID class_id);
int WSPAPI directory_class_info(LPGUID provider, LPDWORD length, LPWSASERVICECLASSINFOW info);

#endif
