/*
 * seccomp_parse - seccomp.json files; pm_seccomp_parse is declared in engine/spec/seccomp.h. The words
 * of the format are shared with the writer.
 */
#ifndef PM_ENGINE_SPEC_SECCOMP_PARSE_H
#define PM_ENGINE_SPEC_SECCOMP_PARSE_H

#include "engine/spec/seccomp.h"

const char *pm_seccomp_action_name(enum pm_seccomp_action a);
const char *pm_seccomp_op_name(enum pm_seccomp_op op);

#endif
