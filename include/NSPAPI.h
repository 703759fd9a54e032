#include "nspapi.h"
