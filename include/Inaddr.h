#include "inaddr.h"
