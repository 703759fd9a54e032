/* The installation data of e-mail name space providers (NS_EMAIL). */
#ifndef _NSEMAIL_H_
#define _NSEMAIL_H_

#include <minwindef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum _NAPI_PROVIDER_TYPE { ProviderType_Application = 1, ProviderType_Service } NAPI_PROVIDER_TYPE;

typedef enum _NAPI_PROVIDER_LEVEL {
    ProviderLevel_None = 0,
    ProviderLevel_Secondary,
    ProviderLevel_Primary
} NAPI_PROVIDER_LEVEL;

/* Offsets are in bytes from the start of the blob, counts in characters. */
typedef struct _NAPI_DOMAIN_DESCRIPTION_BLOB {
    DWORD AuthLevel;
    DWORD cchDomainName;
    DWORD OffsetNextDomainDescription;
    DWORD OffsetThisDomainName;
} NAPI_DOMAIN_DESCRIPTION_BLOB, *PNAPI_DOMAIN_DESCRIPTION_BLOB;

typedef struct _NAPI_PROVIDER_INSTALLATION_BLOB {
    DWORD dwVersion;
    DWORD dwProviderType;
    DWORD fSupportsWildCard;
    DWORD cDomains;
    DWORD OffsetFirstDomain;
} NAPI_PROVIDER_INSTALLATION_BLOB, *PNAPI_PROVIDER_INSTALLATION_BLOB;

#ifdef __cplusplus
}
#endif

#endif
