#include "nsemail.h"
