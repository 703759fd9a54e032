/* The header of Winsock 1.1. Windlass speaks version 2, which has all of 1.1. */
#include <winsock2.h>
