#include "engine/spec/seccomp_arch.h"

#include <seccomp.h>

static const struct arch {
	const char *scmp, *go;
	uint32_t number;
	const char *subs[2];
} arches[] = {
	{"SCMP_ARCH_X86_64", "amd64", SCMP_ARCH_X86_64, {"SCMP_ARCH_X86", "SCMP_ARCH_X32"}},
	{"SCMP_ARCH_X86", "386", SCMP_ARCH_X86, {NULL}},
	{"SCMP_ARCH_X32", "amd64p32", SCMP_ARCH_X32, {NULL}},
	{"SCMP_ARCH_AARCH64", "arm64", SCMP_ARCH_AARCH64, {"SCMP_ARCH_ARM"}},
	{"SCMP_ARCH_ARM", "arm", SCMP_ARCH_ARM, {NULL}},
	{"SCMP_ARCH_MIPS", "mips", SCMP_ARCH_MIPS, {NULL}},
	{"SCMP_ARCH_MIPS64", "mips64", SCMP_ARCH_MIPS64, {"SCMP_ARCH_MIPS", "SCMP_ARCH_MIPS64N32"}},
	{"SCMP_ARCH_MIPS64N32", "mips64n32", SCMP_ARCH_MIPS64N32,
	 {"SCMP_ARCH_MIPS", "SCMP_ARCH_MIPS64"}},
	{"SCMP_ARCH_MIPSEL", "mipsle", SCMP_ARCH_MIPSEL, {NULL}},
	{"SCMP_ARCH_MIPSEL64", "mips64le", SCMP_ARCH_MIPSEL64,
	 {"SCMP_ARCH_MIPSEL", "SCMP_ARCH_MIPSEL64N32"}},
	{"SCMP_ARCH_MIPSEL64N32", "mips64n32le", SCMP_ARCH_MIPSEL64N32,
	 {"SCMP_ARCH_MIPSEL", "SCMP_ARCH_MIPSEL64"}},
	{"SCMP_ARCH_PPC", "ppc", SCMP_ARCH_PPC, {NULL}},
	{"SCMP_ARCH_PPC64", "ppc64", SCMP_ARCH_PPC64, {NULL}},
	{"SCMP_ARCH_PPC64LE", "ppc64le", SCMP_ARCH_PPC64LE, {NULL}},
	{"SCMP_ARCH_S390X", "s390x", SCMP_ARCH_S390X, {"SCMP_ARCH_S390"}},
	{"SCMP_ARCH_S390", "s390", SCMP_ARCH_S390, {NULL}},
	{"SCMP_ARCH_RISCV64", "riscv64", SCMP_ARCH_RISCV64, {NULL}},
};

static const struct arch *native(void)
{
	uint32_t n = seccomp_arch_native();
	for (size_t i = 0; i < PM_ARRAY_SIZE(arches); i++)
		if (arches[i].number == n)
			return &arches[i];
	return NULL;
}

void pm_seccomp_native_arches(struct pm_strv *out)
{
	const struct arch *a = native();
	if (!a)
		return;
	pm_strv_add(out, a->scmp);
	for (size_t i = 0; i < PM_ARRAY_SIZE(a->subs) && a->subs[i]; i++)
		pm_strv_add(out, a->subs[i]);
}

const char *pm_seccomp_native_go(void)
{
	const struct arch *a = native();
	return a ? a->go : "";
}

const char *pm_seccomp_native_scmp(void)
{
	const struct arch *a = native();
	return a ? a->scmp : "";
}

uint32_t pm_seccomp_arch_number(const char *scmp)
{
	for (size_t i = 0; i < PM_ARRAY_SIZE(arches); i++)
		if (pm_streq(arches[i].scmp, scmp))
			return arches[i].number;
	return 0;
}
