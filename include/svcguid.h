/* Ids of well-known service classes, as initializers of a GUID. */
#ifndef _SVCGUID_
#define _SVCGUID_

#include <guiddef.h>

#define WINDLASS_SVCID(first) {(first), 0, 0, {0xC0, 0, 0, 0, 0, 0, 0, 0x46}}

#define SVCID_HOSTNAME WINDLASS_SVCID(0x0002A800)
#define SVCID_INET_HOSTADDRBYINETSTRING WINDLASS_SVCID(0x0002A801)
#define SVCID_INET_SERVICEBYNAME WINDLASS_SVCID(0x0002A802)
#define SVCID_INET_HOSTADDRBYNAME WINDLASS_SVCID(0x0002A803)

/* Ports in host byte order. */
#define SVCID_TCP(port) WINDLASS_SVCID((0x0009 << 16) | (port))
#define SVCID_UDP(port) WINDLASS_SVCID((0x000A << 16) | (port))
#define SVCID_NETWARE(sap_id) WINDLASS_SVCID((0x000B << 16) | (sap_id))

#endif
