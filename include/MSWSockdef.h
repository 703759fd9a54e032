#include "mswsockdef.h"
