/*
 * seccomp_arch - machine architectures in the three vocabularies that meet in seccomp profiles: the
 * runtime-spec's (SCMP_ARCH_X86_64), Go's (amd64, in "includes"), libseccomp's numbers.
 */
#ifndef PM_ENGINE_SPEC_SECCOMP_ARCH_H
#define PM_ENGINE_SPEC_SECCOMP_ARCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* This machine's architecture and those of its compatibility modes, the native one first. */
void pm_seccomp_native_arches(struct pm_strv *out);
const char *pm_seccomp_native_go(void);   /* "amd64" */
const char *pm_seccomp_native_scmp(void); /* "SCMP_ARCH_X86_64" */
/* libseccomp's number; 0 when unknown. */
uint32_t pm_seccomp_arch_number(const char *scmp);

#endif
