#include <consoleapi.h>
