#include "engine/spec/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/timefmt.h"
#include "engine/spec/gen.h"
#include "engine/spec/seccomp_arch.h"
#include "engine/spec/seccomp_parse.h"

/* Raised when what is compiled from the same profile changes. */
#define CACHE_VERSION "2"
#define MAX_PROFILE (4 << 20)
#define MAX_CACHED (1 << 20)
#define SETTLED_S 2

void pm_seccomp_profile_free(struct pm_seccomp_profile *p)
{
	pm_strv_free(&p->arches);
	for (size_t i = 0; p->pool && i < p->n_rules; i++)
		free((void *)(uintptr_t)p->rules[i].names);
	free(p->rules);
	pm_json_pool_free(p->pool);
	*p = (struct pm_seccomp_profile){0};
}

bool pm_seccomp_applies(const struct pm_seccomp_rule *rule, uint64_t caps)
{
	if ((rule->caps_all & caps) != rule->caps_all || (rule->caps_none & caps))
		return false;
	if (!rule->arches)
		return true;
	_cleanup_strv_ struct pm_strv l = PM_STRV_INIT;
	pm_strv_split(&l, rule->arches, ',');
	return pm_strv_has(&l, pm_seccomp_native_go());
}

/* --- as JSON ---------------------------------------------------------------------------------- */

struct pm_json *pm_seccomp_json(const struct pm_seccomp_profile *p, uint64_t caps,
				struct pm_json_pool *pool)
{
	struct pm_json *o = pm_json_object(pool), *calls = pm_json_array(pool);
	pm_json_set_str(pool, o, "defaultAction", pm_seccomp_action_name(p->action));
	if (p->action == PM_SECCOMP_ERRNO || p->action == PM_SECCOMP_TRACE)
		pm_json_set_int(pool, o, "defaultErrnoRet", p->errno_ret);
	if (p->arches.n)
		pm_json_set(pool, o, "architectures", pm_json_strv(pool, &p->arches));
	for (size_t i = 0; i < p->n_rules; i++) {
		const struct pm_seccomp_rule *r = &p->rules[i];
		if (!pm_seccomp_applies(r, caps))
			continue;
		struct pm_json *c = pm_json_object(pool), *names = pm_json_array(pool);
		for (const char *const *n = r->names; *n; n++)
			pm_json_add(pool, names, pm_json_str(pool, *n));
		pm_json_set(pool, c, "names", names);
		pm_json_set_str(pool, c, "action", pm_seccomp_action_name(r->action));
		if (r->action == PM_SECCOMP_ERRNO || r->action == PM_SECCOMP_TRACE)
			pm_json_set_int(pool, c, "errnoRet", r->errno_ret);
		struct pm_json *args = r->n_args ? pm_json_array(pool) : NULL;
		for (size_t k = 0; k < r->n_args; k++) {
			struct pm_json *a = pm_json_object(pool);
			pm_json_set_int(pool, a, "index", r->args[k].index);
			pm_json_set(pool, a, "value", pm_json_uint(pool, r->args[k].value));
			if (r->args[k].value2)
				pm_json_set(pool, a, "valueTwo", pm_json_uint(pool, r->args[k].value2));
			pm_json_set_str(pool, a, "op", pm_seccomp_op_name(r->args[k].op));
			pm_json_add(pool, args, a);
		}
		if (args)
			pm_json_set(pool, c, "args", args);
		pm_json_add(pool, calls, c);
	}
	pm_json_set(pool, o, "syscalls", calls);
	return o;
}

/* --- compiled --------------------------------------------------------------------------------- */

static uint32_t action_code(enum pm_seccomp_action a, unsigned int e)
{
	switch (a) {
	case PM_SECCOMP_ALLOW:
		return SCMP_ACT_ALLOW;
	case PM_SECCOMP_ERRNO:
		return SCMP_ACT_ERRNO(e);
	case PM_SECCOMP_KILL_THREAD:
		return SCMP_ACT_KILL_THREAD;
	case PM_SECCOMP_KILL_PROCESS:
		return SCMP_ACT_KILL_PROCESS;
	case PM_SECCOMP_TRAP:
		return SCMP_ACT_TRAP;
	case PM_SECCOMP_LOG:
		return SCMP_ACT_LOG;
	case PM_SECCOMP_TRACE:
		return SCMP_ACT_TRACE(e);
	}
	return SCMP_ACT_KILL_PROCESS;
}

static enum scmp_compare op_code(enum pm_seccomp_op op)
{
	switch (op) {
	case PM_SECCOMP_NE:
		return SCMP_CMP_NE;
	case PM_SECCOMP_LT:
		return SCMP_CMP_LT;
	case PM_SECCOMP_LE:
		return SCMP_CMP_LE;
	case PM_SECCOMP_EQ:
		return SCMP_CMP_EQ;
	case PM_SECCOMP_GE:
		return SCMP_CMP_GE;
	case PM_SECCOMP_GT:
		return SCMP_CMP_GT;
	case PM_SECCOMP_MASKED_EQ:
		return SCMP_CMP_MASKED_EQ;
	}
	return SCMP_CMP_EQ;
}

static int add_call(scmp_filter_ctx ctx, uint32_t code, const char *name,
		    const struct pm_seccomp_rule *r, struct pm_err *err)
{
	struct scmp_arg_cmp args[6];
	int nr = seccomp_syscall_resolve_name(name), x = 0;
	if (nr == __NR_SCMP_ERROR) /* newer than libseccomp: the default action applies */
		return 0;
	/* Conditions on one argument twice are two rules, as runc and crun have it. */
	bool twice = false;
	for (size_t i = 0; i < r->n_args; i++) {
		args[i] = (struct scmp_arg_cmp){.arg = r->args[i].index, .op = op_code(r->args[i].op),
						.datum_a = r->args[i].value,
						.datum_b = r->args[i].value2};
		for (size_t k = 0; k < i; k++)
			twice = twice || args[k].arg == args[i].arg;
	}
	if (!twice) {
		x = seccomp_rule_add_array(ctx, code, nr, (unsigned int)r->n_args, args);
	} else {
		for (size_t i = 0; i < r->n_args && (x == 0 || x == -EEXIST); i++)
			x = seccomp_rule_add_array(ctx, code, nr, 1, &args[i]);
	}
	if (x < 0 && x != -EEXIST)
		return pm_fail_errno(err, -x, "seccomp rule for %s", name);
	return 0;
}

static int export_bpf(scmp_filter_ctx ctx, struct pm_buf *out, struct pm_err *err)
{
	_cleanup_close_ int fd = memfd_create("seccomp", MFD_CLOEXEC);
	if (fd < 0)
		return pm_fail_sys(err, "memfd_create");
	int x = seccomp_export_bpf(ctx, fd);
	if (x < 0)
		return pm_fail_errno(err, -x, "compile the seccomp filter");
	if (lseek(fd, 0, SEEK_SET) < 0)
		return pm_fail_sys(err, "memfd");
	return pm_fs_read_fd(fd, MAX_CACHED, out, err);
}

int pm_seccomp_compile(const struct pm_seccomp_profile *p, uint64_t caps, struct pm_buf *out,
		       struct pm_err *err)
{
	uint32_t def = action_code(p->action, p->errno_ret);
	scmp_filter_ctx ctx = seccomp_init(def);
	if (!ctx)
		return pm_fail(err, PM_E_UNSUPPORTED, "libseccomp does not know this machine");
	int r = 0, x;
	for (size_t i = 0; i < p->arches.n && r >= 0; i++) {
		uint32_t a = pm_seccomp_arch_number(p->arches.v[i]);
		if (!a)
			r = pm_fail(err, PM_E_FORMAT, "seccomp profile: unknown architecture \"%s\"",
				    p->arches.v[i]);
		else if ((x = seccomp_arch_add(ctx, a)) < 0 && x != -EEXIST)
			r = pm_fail_errno(err, -x, "seccomp architecture %s", p->arches.v[i]);
	}
	/* A binary tree over the call's number instead of 400 comparisons in a row. */
	seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	/* The runtime decides about no-new-privileges. */
	seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 0);
	for (size_t i = 0; i < p->n_rules && r >= 0; i++) {
		const struct pm_seccomp_rule *rule = &p->rules[i];
		uint32_t code = action_code(rule->action, rule->errno_ret);
		if (code == def || !pm_seccomp_applies(rule, caps))
			continue;
		for (const char *const *n = rule->names; *n && r >= 0; n++)
			r = add_call(ctx, code, *n, rule, err);
	}
	if (r >= 0)
		r = export_bpf(ctx, out, err);
	seccomp_release(ctx);
	return r < 0 ? r : 0;
}

void pm_base64(const void *data, size_t len, struct pm_buf *out)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *p = data;
	for (size_t i = 0; i < len; i += 3) {
		size_t n = len - i < 3 ? len - i : 3;
		uint32_t v = (uint32_t)p[i] << 16 | (n > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
			     (n > 2 ? p[i + 2] : 0);
		char c[4] = {digits[v >> 18], digits[v >> 12 & 63],
			     n > 1 ? digits[v >> 6 & 63] : '=', n > 2 ? digits[v & 63] : '='};
		pm_buf_add(out, c, 4);
	}
}

/* --- chosen and cached -------------------------------------------------------------------------- */

/* Where the profile is: a file, open; or a text; or neither, for the built-in one. */
struct source {
	int fd;
	const char *path;
	struct pm_buf text;
};

#define SOURCE_INIT {.fd = -1, .text = PM_BUF_INIT}

static void source_free(struct source *s)
{
	if (s->fd >= 0)
		close(s->fd);
	pm_buf_free(&s->text);
}

static int open_source(struct source *s, const char *path, struct pm_err *err)
{
	s->path = path;
	s->fd = pm_fs_open(AT_FDCWD, path, O_RDONLY | O_NOCTTY, 0, err);
	return s->fd < 0 ? s->fd : 0;
}

/* 1: no filter at all. */
static int choose(const struct pm_gen *g, struct source *s, struct pm_err *err)
{
	static const char *const usual[] = {"/etc/containers/seccomp.json",
					    "/usr/share/containers/seccomp.json"};
	const char *opt = pm_gen_security_opt(g->c, "seccomp");
	if (g->c->privileged && !opt)
		return 1;
	if (!opt && pm_streq(g->c->seccomp_policy, "image")) {
		const char *label = pm_env_get(&g->c->labels, "io.containers.seccomp.profile");
		if (!label || !*label)
			return pm_fail(err, PM_E_USAGE, "--seccomp-policy image: no seccomp policy defined by image");
		if (strlen(label) > MAX_PROFILE)
			return pm_fail(err, PM_E_FORMAT, "the image's seccomp profile is too long");
		pm_buf_add_str(&s->text, label);
		return 0;
	}
	if (!opt || !*opt)
		opt = g->env->conf->seccomp_profile;
	if (opt && *opt) {
		if (pm_streq(opt, "unconfined"))
			return 1;
		int r = open_source(s, opt, err);
		return r < 0 ? pm_wrap(err, "seccomp profile %s", opt) : 0;
	}
	for (size_t i = 0; i < PM_ARRAY_SIZE(usual); i++) {
		int r = open_source(s, usual[i], err);
		if (r >= 0)
			return 0;
		if (r != -ENOENT)
			return pm_wrap(err, "seccomp profile");
		pm_err_clear(err);
	}
	return 0;
}

static int read_source(struct source *s, struct pm_err *err)
{
	if (s->fd < 0 || s->text.len)
		return 0;
	int r = pm_fs_read_fd(s->fd, MAX_PROFILE, &s->text, err);
	if (r >= 0 && !s->text.len) /* no text at all stands for the built-in profile */
		r = pm_fail(err, PM_E_FORMAT, "the file is empty");
	return r < 0 ? pm_wrap(err, "seccomp profile %s", s->path) : 0;
}

static int load(const struct pm_buf *text, struct pm_seccomp_profile *ret, struct pm_err *err)
{
	if (text->len)
		return pm_seccomp_parse(text->data, text->len, ret, err);
	pm_seccomp_default(ret);
	return 0;
}

/* What stands for the profile in the name of its compiled form. A file is named by its inode and times, which saves
 * reading it; one that was changed just now, and may be changed again within the same tick of the clock, by what is in
 * it. */
static int add_identity(struct source *s, struct pm_sha256 *h, struct pm_err *err)
{
	struct stat st;
	char text[160];
	if (s->fd >= 0 && fstat(s->fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    pm_time_now() / PM_NS_PER_SEC - st.st_ctim.tv_sec > SETTLED_S) {
		int n = snprintf(text, sizeof(text), "file %ju %ju %jd %jd.%09ld %jd.%09ld", (uintmax_t)st.st_dev,
				 (uintmax_t)st.st_ino, (intmax_t)st.st_size, (intmax_t)st.st_mtim.tv_sec,
				 st.st_mtim.tv_nsec, (intmax_t)st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
		pm_sha256_add(h, text, (size_t)n);
		return 0;
	}
	int r = read_source(s, err);
	if (r >= 0 && s->text.len)
		pm_sha256_add(h, s->text.data, s->text.len);
	return r;
}

static int cache_name(struct source *s, uint64_t caps, char ret[65], struct pm_err *err)
{
	struct pm_sha256 h;
	char head[64];
	/* The library decides what the names mean. */
	const struct scmp_version *v = seccomp_version();
	int n = snprintf(head, sizeof(head), CACHE_VERSION " " PM_VERSION " %u.%u.%u %x %llx\n",
			 v->major, v->minor, v->micro, seccomp_arch_native(),
			 (unsigned long long)caps);
	pm_sha256_init(&h);
	pm_sha256_add(&h, head, (size_t)n);
	int r = add_identity(s, &h, err);
	pm_sha256_hex(&h, ret);
	return r;
}

static bool read_cache(const char *dir, const char *name, struct pm_buf *out)
{
	struct stat st;
	_cleanup_free_ char *path = pm_asprintf("%s/%s", dir, name);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
	    (st.st_mode & 022) || st.st_size == 0)
		return false;
	if (pm_fs_read_fd(fd, MAX_CACHED, out, NULL) < 0 || out->len % 4) {
		pm_buf_cut(out, 0);
		return false;
	}
	return true;
}

static int compiled(const struct pm_gen *g, struct source *s, struct pm_buf *out, struct pm_err *err)
{
	char name[65];
	const char *dir = g->env->seccomp_cache;
	_cleanup_seccomp_profile_ struct pm_seccomp_profile p = {0};
	_cleanup_buf_ struct pm_buf bpf = PM_BUF_INIT;

	int r = cache_name(s, g->caps, name, err);
	if (r < 0 || (dir && read_cache(dir, name, out)))
		return r;
	r = read_source(s, err);
	if (r < 0 || (r = load(&s->text, &p, err)) < 0 || (r = pm_seccomp_compile(&p, g->caps, &bpf, err)) < 0)
		return r;
	pm_base64(bpf.data, bpf.len, out);
	if (!dir)
		return 0;
	/* A cache that cannot be written costs time only. */
	struct pm_err why = PM_ERR_INIT;
	_cleanup_free_ char *path = pm_asprintf("%s/%s", dir, name);
	if (pm_fs_mkdirs(AT_FDCWD, dir, 0700, &why) < 0 ||
	    pm_fs_write_file(AT_FDCWD, path, out->data, out->len, 0600, false, &why) < 0)
		pm_debug("seccomp cache: %s", why.text);
	return 0;
}

int pm_gen_seccomp(struct pm_gen *g, struct pm_err *err)
{
	_cleanup_(source_free) struct source source = SOURCE_INIT;
	int r = choose(g, &source, err);
	if (r != 0)
		return r < 0 ? r : 0;
	if (pm_gen_is_crun(g)) {
		_cleanup_buf_ struct pm_buf b64 = PM_BUF_INIT;
		if ((r = compiled(g, &source, &b64, err)) < 0)
			return r;
		pm_json_set(g->pool, g->annotations, "run.oci.seccomp_bpf_data",
			    pm_json_strn(g->pool, b64.data, b64.len));
		return 0;
	}
	_cleanup_seccomp_profile_ struct pm_seccomp_profile p = {0};
	if ((r = read_source(&source, err)) < 0 || (r = load(&source.text, &p, err)) < 0)
		return r;
	pm_json_set(g->pool, g->linux_, "seccomp", pm_seccomp_json(&p, g->caps, g->pool));
	return 0;
}
