#include "in6addr.h"
