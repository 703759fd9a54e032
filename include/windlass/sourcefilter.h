/* Source lists of multicast groups, and the ideal send backlog: control codes as functions. Part of ws2tcpip.h. */
#ifndef WINDLASS_SOURCEFILTER_H
#define WINDLASS_SOURCEFILTER_H

#include <winsock2.h>
#include <ws2ipdef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Zeroed memory for a filter, at least the structure; null, with the error set, where there is none. */
static inline void *WINDLASS_NEW_FILTER(size_t size, size_t structure)
{
    void *filter = size > 0xffffffffu ? NULL : calloc(1, size > structure ? size : structure);
    if (!filter)
        WSASetLastError(WSAENOBUFS);
    return filter;
}

static inline int setipv4sourcefilter(SOCKET Socket, IN_ADDR Interface, IN_ADDR Group, MULTICAST_MODE_TYPE FilterMode,
                                      ULONG SourceCount, const IN_ADDR *SourceList)
{
    size_t size = IP_MSFILTER_SIZE((size_t)SourceCount);
    PIP_MSFILTER filter = (PIP_MSFILTER)WINDLASS_NEW_FILTER(size, sizeof(IP_MSFILTER));
    DWORD done;
    int result;
    if (!filter)
        return SOCKET_ERROR;
    filter->imsf_multiaddr = Group;
    filter->imsf_interface = Interface;
    filter->imsf_fmode = FilterMode;
    filter->imsf_numsrc = SourceCount;
    if (SourceCount)
        memcpy(filter->imsf_slist, SourceList, SourceCount * sizeof(IN_ADDR));
    result = WSAIoctl(Socket, SIOCSIPMSFILTER, filter, (DWORD)size, NULL, 0, &done, NULL, NULL);
    free(filter);
    return result;
}

/* *SourceCount is the room on input and the number of sources on output; SourceList gets as many as it has room for. */
static inline int getipv4sourcefilter(SOCKET Socket, IN_ADDR Interface, IN_ADDR Group, MULTICAST_MODE_TYPE *FilterMode,
                                      ULONG *SourceCount, IN_ADDR *SourceList)
{
    size_t size = IP_MSFILTER_SIZE((size_t)*SourceCount);
    PIP_MSFILTER filter = (PIP_MSFILTER)WINDLASS_NEW_FILTER(size, sizeof(IP_MSFILTER));
    DWORD done;
    int result;
    if (!filter)
        return SOCKET_ERROR;
    filter->imsf_multiaddr = Group;
    filter->imsf_interface = Interface;
    filter->imsf_numsrc = *SourceCount;
    result = WSAIoctl(Socket, SIOCGIPMSFILTER, filter, (DWORD)size, filter, (DWORD)size, &done, NULL, NULL);
    if (result == 0) {
        ULONG room = *SourceCount, count = filter->imsf_numsrc;
        *FilterMode = filter->imsf_fmode;
        *SourceCount = count;
        if (room > 0 && count > 0)
            memcpy(SourceList, filter->imsf_slist, (count < room ? count : room) * sizeof(IN_ADDR));
    }
    free(filter);
    return result;
}

static inline int setsourcefilter(SOCKET Socket, ULONG Interface, const SOCKADDR *Group, int GroupLength,
                                  MULTICAST_MODE_TYPE FilterMode, ULONG SourceCount, const SOCKADDR_STORAGE *SourceList)
{
    size_t size = GROUP_FILTER_SIZE((size_t)SourceCount);
    DWORD done;
    PGROUP_FILTER filter;
    int result;
    if (GroupLength < 0 || (size_t)GroupLength > sizeof(SOCKADDR_STORAGE)) {
        WSASetLastError(WSAEINVAL);
        return SOCKET_ERROR;
    }
    filter = (PGROUP_FILTER)WINDLASS_NEW_FILTER(size, sizeof(GROUP_FILTER));
    if (!filter)
        return SOCKET_ERROR;
    filter->gf_interface = Interface;
    memcpy(&filter->gf_group, Group, (size_t)GroupLength);
    filter->gf_fmode = FilterMode;
    filter->gf_numsrc = SourceCount;
    if (SourceCount)
        memcpy(filter->gf_slist, SourceList, SourceCount * sizeof(SOCKADDR_STORAGE));
    result = WSAIoctl(Socket, SIOCSMSFILTER, filter, (DWORD)size, NULL, 0, &done, NULL, NULL);
    free(filter);
    return result;
}

/* *SourceCount is the room on input and the number of sources on output; SourceList gets as many as it has room for. */
static inline int getsourcefilter(SOCKET Socket, ULONG Interface, const SOCKADDR *Group, int GroupLength,
                                  MULTICAST_MODE_TYPE *FilterMode, ULONG *SourceCount, SOCKADDR_STORAGE *SourceList)
{
    size_t size = GROUP_FILTER_SIZE((size_t)*SourceCount);
    DWORD done;
    PGROUP_FILTER filter;
    int result;
    if (GroupLength < 0 || (size_t)GroupLength > sizeof(SOCKADDR_STORAGE)) {
        WSASetLastError(WSAEINVAL);
        return SOCKET_ERROR;
    }
    filter = (PGROUP_FILTER)WINDLASS_NEW_FILTER(size, sizeof(GROUP_FILTER));
    if (!filter)
        return SOCKET_ERROR;
    filter->gf_interface = Interface;
    memcpy(&filter->gf_group, Group, (size_t)GroupLength);
    filter->gf_numsrc = *SourceCount;
    result = WSAIoctl(Socket, SIOCGMSFILTER, filter, (DWORD)size, filter, (DWORD)size, &done, NULL, NULL);
    if (result == 0) {
        ULONG room = *SourceCount, count = filter->gf_numsrc;
        *FilterMode = filter->gf_fmode;
        *SourceCount = count;
        if (room > 0 && count > 0)
            memcpy(SourceList, filter->gf_slist, (count < room ? count : room) * sizeof(SOCKADDR_STORAGE));
    }
    free(filter);
    return result;
}

/* How many bytes should be sent but not yet acknowledged, for the best rate. */
static inline int idealsendbacklogquery(SOCKET s, ULONG *pISB)
{
    DWORD done;
    return WSAIoctl(s, SIO_IDEAL_SEND_BACKLOG_QUERY, NULL, 0, pISB, sizeof(*pISB), &done, NULL, NULL);
}

/* Completes when that number changes. */
static inline int idealsendbacklognotify(SOCKET s, LPWSAOVERLAPPED lpOverlapped,
                                         LPWSAOVERLAPPED_COMPLETION_ROUTINE lpCompletionRoutine)
{
    DWORD done;
    return WSAIoctl(s, SIO_IDEAL_SEND_BACKLOG_CHANGE, NULL, 0, NULL, 0, &done, lpOverlapped, lpCompletionRoutine);
}

#ifdef __cplusplus
}
#endif

#endif
