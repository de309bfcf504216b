#include "engine/container/criu.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/proc.h"
#include "engine/container/ociruntime.h"
#include "netns/userns.h"

#define CRIU_WORKS "criu-works" /* in runroot: criu check has said so */

/* --- what there is -------------------------------------------------------------------------------- */

const char *pm_criu_reason(char *text)
{
	char *at = strstr(text, "Error (");
	char *reason = at ? strstr(at, "): ") : NULL;
	if (!reason || memchr(at, '\n', (size_t)(reason - at)))
		return NULL;
	reason += strlen("): ");
	reason[strcspn(reason, "\r\n")] = '\0';
	return *reason ? reason : NULL;
}

char *pm_criu_log_reason(int dir, const char *name)
{
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	if (pm_fs_read_in(dir, name, 64 << 20, &text, NULL) < 0)
		return NULL;
	_cleanup_free_ char *s = pm_buf_take(&text);
	const char *reason = s ? pm_criu_reason(s) : NULL;
	return reason ? pm_strdup(reason) : NULL;
}

/* Runs path with these arguments; its exit code, or -code. */
static int ask(const char *path, char *const *argv, struct pm_buf *err_out, struct pm_err *err)
{
	struct pm_proc_spec spec = PM_PROC_SPEC_INIT;
	int code = 0;
	spec.path = path;
	spec.argv = argv;
	int r = pm_proc_run(&spec, NULL, 0, err_out, &code, err);
	return r < 0 ? r : code;
}

/* /usr/sbin is in no user's PATH, and criu is there. */
static char *find_criu(void)
{
	char *criu = NULL;
	if (pm_proc_find("criu", getenv("PATH"), &criu, NULL) < 0)
		pm_proc_find("criu", NULL, &criu, NULL);
	return criu;
}

/* The kernel has what CRIU needs, and CRIU knows the kernel. That it is so is remembered until the next boot. */
static int check_criu(struct pm_engine *e, const char *verb, struct pm_err *err)
{
	static char *const argv[] = {"criu", "check", NULL};
	_cleanup_free_ char *criu = find_criu();
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	if (!criu)
		return pm_fail(err, PM_E_UNSUPPORTED,
			       "%s a container requires CRIU, which is not installed (package criu)", verb);
	if (faccessat(e->store->runroot_fd, CRIU_WORKS, F_OK, 0) == 0)
		return 0;
	int r = ask(criu, argv, &out, err);
	if (r < 0)
		return pm_wrap(err, "%s a container", verb);
	if (r == 0)
		return pm_fs_write_file(e->store->runroot_fd, CRIU_WORKS, "", 0, 0600, false, err);
	_cleanup_free_ char *text = pm_buf_take(&out);
	const char *reason = pm_criu_reason(text);
	return pm_fail(err, PM_E_UNSUPPORTED, "%s a container requires CRIU, which does not work with this "
					      "kernel: %s", verb,
		       reason ? reason : "see criu check");
}

int pm_criu_check_dirty_track(struct pm_err *err)
{
	static char *const argv[] = {"criu", "check", "--feature", "mem_dirty_track", NULL};
	_cleanup_free_ char *criu = find_criu();
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	int r = criu ? ask(criu, argv, &out, err) : 1;
	if (r > 0)
		return pm_fail(err, PM_E_UNSUPPORTED, "the kernel does not track which pages are written "
						      "(soft-dirty): no --pre-checkpoint, no --with-previous");
	return r;
}

/* As Podman finds it out: by its help, which a runtime without CRIU has not. */
static int check_runtime(struct pm_engine *e, const struct pm_ctr_config *k, const char *verb,
			 struct pm_err *err)
{
	_cleanup_free_ char *runtime = NULL;
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	int r = pm_ociruntime_path(e, k, &runtime, err);
	if (r < 0)
		return r;
	char *const argv[] = {runtime, "checkpoint", "--help", NULL};
	r = ask(runtime, argv, &out, err);
	if (r > 0)
		return pm_fail(err, PM_E_UNSUPPORTED, "%s a container is not supported by its runtime %s, which "
						      "was built without CRIU; runc can do it", verb, runtime);
	return r;
}

int pm_criu_check_host(struct pm_engine *e, const char *verb, struct pm_err *err)
{
	if (geteuid() != 0 || pm_userns_needed() || pm_userns_nested())
		return pm_fail(err, PM_E_UNSUPPORTED, "%s a container requires root", verb);
	return check_criu(e, verb, err);
}

int pm_criu_check(struct pm_engine *e, const struct pm_ctr_config *k, const char *verb,
		  struct pm_err *err)
{
	int r = pm_criu_check_host(e, verb, err);
	return r < 0 ? r : check_runtime(e, k, verb, err);
}

void pm_criu_env(struct pm_strv *ret)
{
	_cleanup_free_ char *criu = find_criu();
	char *slash = criu ? strrchr(criu, '/') : NULL;
	if (slash)
		*slash = '\0';
	for (char **v = environ; *v; v++)
		if (!pm_startswith(*v, "PATH="))
			pm_strv_add(ret, *v);
	const char *path = getenv("PATH");
	pm_strv_addf(ret, "PATH=%s:%s", path ? path : "/usr/bin:/bin", slash ? criu : "/usr/sbin");
}

/* --- statistics ----------------------------------------------------------------------------------- */

const char *pm_criu_stat_name(enum pm_criu_stat s)
{
	static const char *const names[PM_CRIU_STATS] = {
		[PM_CRIU_FREEZING_TIME] = "freezing_time",   [PM_CRIU_FROZEN_TIME] = "frozen_time",
		[PM_CRIU_MEMDUMP_TIME] = "memdump_time",     [PM_CRIU_MEMWRITE_TIME] = "memwrite_time",
		[PM_CRIU_PAGES_SCANNED] = "pages_scanned",   [PM_CRIU_PAGES_WRITTEN] = "pages_written",
		[PM_CRIU_FORKING_TIME] = "forking_time",     [PM_CRIU_RESTORE_TIME] = "restore_time",
		[PM_CRIU_PAGES_RESTORED] = "pages_restored",
	};
	return names[s];
}

/* Members of dump_stats_entry and restore_stats_entry by their number; -1: one that nobody asks for. */
static int stat_of(uint64_t message, uint64_t field)
{
	static const int dump[] = {-1, PM_CRIU_FREEZING_TIME, PM_CRIU_FROZEN_TIME, PM_CRIU_MEMDUMP_TIME,
				   PM_CRIU_MEMWRITE_TIME, PM_CRIU_PAGES_SCANNED, -1, PM_CRIU_PAGES_WRITTEN};
	static const int restore[] = {-1, -1, -1, PM_CRIU_FORKING_TIME, PM_CRIU_RESTORE_TIME,
				      PM_CRIU_PAGES_RESTORED};
	if (message == 1)
		return field < PM_ARRAY_SIZE(dump) ? dump[field] : -1;
	return field < PM_ARRAY_SIZE(restore) ? restore[field] : -1;
}

struct reader {
	const uint8_t *p, *end;
};

static bool varint(struct reader *r, uint64_t *ret)
{
	*ret = 0;
	for (unsigned int shift = 0; r->p < r->end && shift < 64; shift += 7) {
		uint8_t b = *r->p++;
		*ret |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			return true;
	}
	return false;
}

/* A member's value: a number, or what *ret_sub is. */
static bool value(struct reader *r, unsigned int wire, uint64_t *ret, struct reader *ret_sub)
{
	static const size_t fixed[] = {0, 8, 0, 0, 0, 4};
	if (wire == 0)
		return varint(r, ret);
	if (wire == 2 && !varint(r, ret))
		return false;
	uint64_t len = wire == 2 ? *ret : wire < PM_ARRAY_SIZE(fixed) ? fixed[wire] : 0;
	if ((wire != 2 && !len) || len > (uint64_t)(r->end - r->p))
		return false;
	*ret_sub = (struct reader){r->p, r->p + len};
	r->p += len;
	return true;
}

static bool members(struct reader *r, uint64_t message, struct pm_criu_stats *ret)
{
	while (r->p < r->end) {
		uint64_t tag, v = 0;
		struct reader sub = {NULL, NULL};
		if (!varint(r, &tag) || !value(r, tag & 7, &v, &sub))
			return false;
		const uint64_t field = tag >> 3;
		const bool known = message == 0 && (tag & 7) == 2 && (field == 1 || field == 2);
		if (known && !members(&sub, field, ret))
			return false;
		int s = message && (tag & 7) == 0 ? stat_of(message, field) : -1;
		if (s >= 0)
			ret->v[s] = v;
	}
	return true;
}

static uint32_t le32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

int pm_criu_stats_parse(const void *data, size_t len, struct pm_criu_stats *ret, struct pm_err *err)
{
	const uint8_t *p = data;
	struct pm_criu_stats s = {{0}};
	if (len < 12 || le32(p) != 0x55105940 || le32(p + 4) != 0x57093306 || le32(p + 8) > len - 12)
		return pm_fail(err, PM_E_FORMAT, "not a file of CRIU's statistics");
	struct reader r = {p + 12, p + 12 + le32(p + 8)};
	if (!members(&r, 0, &s))
		return pm_fail(err, PM_E_FORMAT, "CRIU's statistics are damaged");
	*ret = s;
	return 0;
}

int pm_criu_stats_read(int dir, const char *name, struct pm_criu_stats *ret, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	int r = pm_fs_read_in(dir, name, 1 << 20, &b, err);
	if (r >= 0)
		r = pm_criu_stats_parse(b.data, b.len, ret, err);
	return r < 0 ? pm_wrap(err, "%s", name) : 0;
}
