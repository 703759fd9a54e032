#include "svcguid.h"
