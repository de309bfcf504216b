/*
 * banned - functions that pm does not use, made errors by the compiler. Included into every file by
 * the Makefile (-include), after the system headers it names itself.
 */
#ifndef PM_BASE_BANNED_H
#define PM_BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#pragma GCC poison strcpy strcat sprintf vsprintf strtok atoi atol atof system popen mktemp gets

#endif
