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

/* The records of a type in the DNS: the class of TCP port 53 with the type in its third part. */
#define SVCID_DNS(record_type) {(0x0009 << 16) | 53, 0, (record_type), {0xC0, 0, 0, 0, 0, 0, 0, 0x46}}
#define SVCID_DNS_TYPE_A SVCID_DNS(0x0001)
#define SVCID_DNS_TYPE_NS SVCID_DNS(0x0002)
#define SVCID_DNS_TYPE_CNAME SVCID_DNS(0x0005)
#define SVCID_DNS_TYPE_SOA SVCID_DNS(0x0006)
#define SVCID_DNS_TYPE_PTR SVCID_DNS(0x000c)
#define SVCID_DNS_TYPE_MX SVCID_DNS(0x000f)
#define SVCID_DNS_TYPE_TEXT SVCID_DNS(0x0010)
#define SVCID_DNS_TYPE_AAAA SVCID_DNS(0x001c)
#define SVCID_DNS_TYPE_SRV SVCID_DNS(0x0021)

#endif
