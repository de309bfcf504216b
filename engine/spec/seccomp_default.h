/*
 * seccomp_default - the built-in profile as a table; pm_seccomp_default is declared in
 * engine/spec/seccomp.h.
 */
#ifndef PM_ENGINE_SPEC_SECCOMP_DEFAULT_H
#define PM_ENGINE_SPEC_SECCOMP_DEFAULT_H

#include "engine/spec/seccomp.h"

#endif
