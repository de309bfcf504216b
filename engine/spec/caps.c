#include "engine/spec/caps.h"

#include <fcntl.h>
#include <string.h>
#include <strings.h>

#include "base/fs.h"

static const char *const names[] = {
	"CAP_CHOWN",
	"CAP_DAC_OVERRIDE",
	"CAP_DAC_READ_SEARCH",
	"CAP_FOWNER",
	"CAP_FSETID",
	"CAP_KILL",
	"CAP_SETGID",
	"CAP_SETUID",
	"CAP_SETPCAP",
	"CAP_LINUX_IMMUTABLE",
	"CAP_NET_BIND_SERVICE",
	"CAP_NET_BROADCAST",
	"CAP_NET_ADMIN",
	"CAP_NET_RAW",
	"CAP_IPC_LOCK",
	"CAP_IPC_OWNER",
	"CAP_SYS_MODULE",
	"CAP_SYS_RAWIO",
	"CAP_SYS_CHROOT",
	"CAP_SYS_PTRACE",
	"CAP_SYS_PACCT",
	"CAP_SYS_ADMIN",
	"CAP_SYS_BOOT",
	"CAP_SYS_NICE",
	"CAP_SYS_RESOURCE",
	"CAP_SYS_TIME",
	"CAP_SYS_TTY_CONFIG",
	"CAP_MKNOD",
	"CAP_LEASE",
	"CAP_AUDIT_WRITE",
	"CAP_AUDIT_CONTROL",
	"CAP_SETFCAP",
	"CAP_MAC_OVERRIDE",
	"CAP_MAC_ADMIN",
	"CAP_SYSLOG",
	"CAP_WAKE_ALARM",
	"CAP_BLOCK_SUSPEND",
	"CAP_AUDIT_READ",
	"CAP_PERFMON",
	"CAP_BPF",
	"CAP_CHECKPOINT_RESTORE",
};

const char *pm_cap_name(unsigned int n)
{
	return n < PM_ARRAY_SIZE(names) ? names[n] : NULL;
}

int pm_cap_number(const char *name)
{
	if (strncasecmp(name, "CAP_", 4) == 0)
		name += 4;
	for (size_t i = 0; i < PM_ARRAY_SIZE(names); i++)
		if (strcasecmp(names[i] + 4, name) == 0)
			return (int)i;
	return -1;
}

uint64_t pm_caps_all(void)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	unsigned long last = PM_ARRAY_SIZE(names) - 1;
	if (pm_fs_read_file(AT_FDCWD, "/proc/sys/kernel/cap_last_cap", 32, &b, NULL) >= 0) {
		unsigned long n = strtoul(pm_buf_str(&b), NULL, 10);
		if (n > 0 && n < last)
			last = n;
	}
	return (UINT64_C(1) << (last + 1)) - 1;
}

static int mask_of(const struct pm_strv *l, uint64_t *ret, bool *ret_all, struct pm_err *err)
{
	*ret = 0;
	*ret_all = false;
	for (size_t i = 0; l && i < l->n; i++) {
		if (strcasecmp(l->v[i], "all") == 0 || strcasecmp(l->v[i], "CAP_ALL") == 0) {
			*ret_all = true;
			continue;
		}
		int n = pm_cap_number(l->v[i]);
		if (n < 0)
			return pm_fail(err, PM_E_USAGE, "unknown capability \"%s\"", l->v[i]);
		*ret |= UINT64_C(1) << n;
	}
	return 0;
}

int pm_caps_merge(uint64_t base, uint64_t limit, const struct pm_strv *add,
		  const struct pm_strv *drop, uint64_t *ret, struct pm_err *err)
{
	uint64_t plus, minus;
	bool plus_all, minus_all;
	int r;
	if ((r = mask_of(add, &plus, &plus_all, err)) < 0 ||
	    (r = mask_of(drop, &minus, &minus_all, err)) < 0)
		return r;
	if (plus_all && minus_all)
		return pm_fail(err, PM_E_USAGE, "adding all capabilities and removing all "
						"capabilities are contradictory");
	for (unsigned int i = 0; i < PM_ARRAY_SIZE(names); i++)
		if (plus & minus & (UINT64_C(1) << i))
			return pm_fail(err, PM_E_USAGE,
				       "capability \"%s\" cannot be dropped and added", names[i]);
	if (minus_all)
		base = 0;
	if (plus_all)
		base = limit;
	*ret = (base | plus) & ~minus;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void pm_caps_names(uint64_t mask, struct pm_strv *out)
{
	size_t first = out->n;
	for (unsigned int i = 0; i < PM_ARRAY_SIZE(names); i++)
		if (mask & (UINT64_C(1) << i))
			pm_strv_add(out, names[i]);
	if (out->n > first)
		qsort(out->v + first, out->n - first, sizeof(char *), by_name);
}

struct pm_json *pm_caps_json(struct pm_json_pool *pool, uint64_t mask)
{
	_cleanup_strv_ struct pm_strv l = PM_STRV_INIT;
	pm_caps_names(mask, &l);
	return pm_json_strv(pool, &l);
}
