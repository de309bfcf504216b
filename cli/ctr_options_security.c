#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/ctr_options_parts.h"
#include "engine/spec/caps.h"

/* Paths separated by colons, each absolute; "ALL" where that is allowed. */
static int check_paths(const char *opt, const char *paths, bool all, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv l = PM_STRV_INIT;
	pm_strv_split(&l, paths, ':');
	for (size_t i = 0; i < l.n; i++)
		if (l.v[i][0] != '/' && !(all && l.n == 1 && (strcmp(l.v[i], "ALL") == 0 ||
							      strcmp(l.v[i], "all") == 0)))
			return pm_fail(err, PM_E_USAGE,
				       "invalid --security-opt \"%s\": paths must be absolute", opt);
	return 0;
}

/* SELinux is the only kind of label there is; where it is off, a label says nothing. */
static int check_label(const char *opt, const char *value, struct pm_err *err)
{
	if (strcmp(value, "disable") == 0 || access("/sys/fs/selinux/enforce", F_OK) < 0)
		return 0;
	return pm_fail(err, PM_E_UNSUPPORTED, "--security-opt %s: SELinux labels are not supported; "
					      "label=disable is", opt);
}

static int security_opt(const char *opt, struct pm_err *err)
{
	static const char *const switches[] = {"true", "false", NULL};
	size_t n = strcspn(opt, "=:");
	const char *value = opt[n] ? opt + n + 1 : NULL;
	_cleanup_free_ char *name = pm_strndup(opt, n);

	if (strcmp(name, "no-new-privileges") == 0) {
		if (value && !pm_str_in(value, switches))
			goto bad;
		return 0;
	}
	if (!value)
		return pm_fail(err, PM_E_USAGE, "invalid --security-opt 1: \"%s\"", opt);
	if (strcmp(name, "mask") == 0 || strcmp(name, "unmask") == 0)
		return check_paths(opt, value, name[0] == 'u', err);
	if (strcmp(name, "label") == 0)
		return check_label(opt, value, err);
	if (strcmp(name, "systempaths") == 0 && strcmp(value, "unconfined") == 0)
		return 0;
	if (strcmp(name, "proc-opts") == 0 && *value)
		return 0;
	if (strcmp(name, "seccomp") == 0 && *value) {
		if (strcmp(value, "unconfined") != 0 && access(value, R_OK) < 0)
			return pm_fail_sys(err, "opening seccomp profile failed: open %s", value);
		return 0;
	}
	if (strcmp(name, "apparmor") == 0 && *value)
		return 0;
bad:
	return pm_fail(err, PM_E_USAGE, "invalid --security-opt 2: \"%s\"", opt);
}

int pm_ctr_apply_security(struct pm_cli *cli, struct pm_engine *e, const struct pm_ctr_opts *o,
			  struct pm_ctr_config *c, struct pm_err *err)
{
	uint64_t caps;
	int r = pm_caps_merge(0, pm_caps_all(), &o->cap_add, &o->cap_drop, &caps, err);
	for (size_t i = 0; i < o->security_opt.n && r >= 0; i++)
		r = security_opt(o->security_opt.v[i], err);
	if (r < 0)
		return r;
	if (strcmp(o->seccomp_policy, "default") != 0 && strcmp(o->seccomp_policy, "image") != 0)
		return pm_fail(err, PM_E_USAGE,
			       "invalid seccomp policy \"%s\": valid policies are [\"default\" \"image\"]",
			       o->seccomp_policy);
	for (size_t i = 0; i < o->sysctl.n; i++)
		if (o->sysctl.v[i][0] == '=' || !strchr(o->sysctl.v[i], '='))
			return pm_fail(err, PM_E_USAGE,
				       "%s is invalid, sysctl values must be in the form of KEY=VALUE",
				       o->sysctl.v[i]);
	c->privileged = pm_cli_given(cli, "privileged") ? o->privileged : e->conf.privileged;
	c->read_only = pm_cli_given(cli, "read-only") ? o->read_only : e->conf.read_only;
	c->read_only_tmpfs_off = !o->read_only_tmpfs;
	pm_strv_add_all(&c->cap_add, o->cap_add.v);
	pm_strv_add_all(&c->cap_drop, o->cap_drop.v);
	pm_strv_add_all(&c->security_opt, o->security_opt.v);
	pm_strv_add_all(&c->sysctls, o->sysctl.v);
	if (strcmp(o->seccomp_policy, "default") != 0)
		c->seccomp_policy = pm_strdup(o->seccomp_policy);
	return 0;
}
