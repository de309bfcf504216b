#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/ctr_options_parts.h"
#include "engine/container/attach.h"
#include "engine/monitor/launch.h"

static int streams(const struct pm_ctr_opts *o, struct pm_err *err)
{
	static const char *const known[] = {"stdin", "stdout", "stderr", NULL};
	for (size_t i = 0; i < o->attach.n; i++) {
		_cleanup_free_ char *word = pm_strdup(o->attach.v[i]);
		for (char *p = word; *p; p++)
			*p = *p >= 'A' && *p <= 'Z' ? (char)(*p | 0x20) : *p;
		if (!pm_str_in(word, known))
			return pm_fail(err, PM_E_USAGE,
				       "invalid stream \"%s\" for --attach - must be one of stdin, "
				       "stdout, or stderr", o->attach.v[i]);
	}
	return 0;
}

int pm_ctr_parse_fds(uint64_t count, const struct pm_strv *list, int64_t *ret_count,
		     struct pm_strv *ret_only, struct pm_err *err)
{
	if (count && list->n)
		return pm_fail(err, PM_E_USAGE,
			       "--preserve-fds and --preserve-fd cannot be set together");
	for (uint64_t i = 0; i < count && i <= PM_PRESERVE_MAX; i++)
		if (!pm_fd_handed_down((int)(3 + i)))
			return pm_fail(err, PM_E_USAGE,
				       "file descriptor %llu is not available - the preserve-fds option "
				       "requires that file descriptors must be passed",
				       (unsigned long long)(3 + i));
	*ret_count = (int64_t)count;
	for (size_t i = 0; i < list->n; i++) {
		int64_t fd;
		if (pm_parse_int(list->v[i], &fd, err) < 0)
			return pm_wrap(err, "--preserve-fd");
		if (fd < 3 || fd > PM_PRESERVE_MAX || !pm_fd_handed_down((int)fd))
			return pm_fail(err, PM_E_USAGE, "--preserve-fd: file descriptor %s is not available",
				       list->v[i]);
		if (fd - 2 > *ret_count)
			*ret_count = fd - 2;
		pm_strv_add(ret_only, list->v[i]);
	}
	return 0;
}

static int systemd(struct pm_cli *cli, const struct pm_ctr_opts *o, struct pm_ctr_config *c,
		   struct pm_err *err)
{
	bool on;
	if (!pm_cli_given(cli, "systemd"))
		return 0;
	if (strcmp(o->systemd, "always") == 0) {
		if (c->init)
			return pm_fail(err, PM_E_USAGE,
				       "cannot use container-init binary with systemd=always");
		c->systemd = pm_strdup("always");
		return 0;
	}
	if (pm_parse_bool(o->systemd, &on, NULL) < 0)
		return pm_fail(err, PM_E_USAGE,
			       "--systemd values must be one of \"true, false, always\"");
	c->systemd = pm_strdup(on ? "true" : "false");
	return 0;
}

static int personality(const struct pm_ctr_opts *o, struct pm_ctr_config *c, struct pm_err *err)
{
	if (!o->personality || !o->personality[0])
		return 0;
	_cleanup_free_ char *word = pm_strdup(o->personality);
	for (char *p = word; *p; p++)
		*p = *p >= 'a' && *p <= 'z' ? (char)(*p - 0x20) : *p;
	if (strcmp(word, "LINUX") != 0 && strcmp(word, "LINUX32") != 0)
		return pm_fail(err, PM_E_USAGE, "--personality %s: must be LINUX or LINUX32",
			       o->personality);
	c->personality = pm_steal(&word);
	return 0;
}

static int words(const struct pm_ctr_opts *o, struct pm_ctr_config *c, struct pm_err *err)
{
	struct pm_detach_keys keys;
	int sig, r = 0;
	if (o->entrypoint && (r = pm_ctr_parse_entrypoint(o->entrypoint, &c->entrypoint, err)) < 0)
		return r;
	if (o->workdir && *o->workdir && o->workdir[0] != '/')
		return pm_fail(err, PM_E_USAGE, "the working directory '%s' is invalid, it needs to be "
						"an absolute path", o->workdir);
	if (o->umask && *o->umask) {
		size_t n = strspn(o->umask, "01234567");
		if (n == 0 || n > 4 || o->umask[n])
			return pm_fail(err, PM_E_USAGE, "invalid umask string %s: invalid argument",
				       o->umask);
	}
	if (o->detach_keys && (r = pm_detach_keys_parse(o->detach_keys, &keys, err)) < 0)
		return r;
	if (o->stop_signal && *o->stop_signal) {
		if ((r = pm_signal_parse(o->stop_signal, &sig, err)) < 0)
			return r;
		c->stop_signal = sig;
	}
	c->workdir = o->workdir && *o->workdir ? pm_strdup(o->workdir) : NULL;
	c->user = pm_strdup_null(o->user);
	c->hostname = o->hostname && *o->hostname ? pm_strdup(o->hostname) : NULL;
	c->umask = o->umask && *o->umask ? pm_strdup(o->umask) : NULL;
	c->timezone = pm_strdup_null(o->tz);
	c->detach_keys = pm_strdup_null(o->detach_keys);
	return 0;
}

int pm_ctr_apply_process(struct pm_cli *cli, struct pm_engine *e, const struct pm_ctr_opts *o,
			 char *const *args, struct pm_ctr_config *c, struct pm_err *err)
{
	int r;
	pm_strv_add_all(&c->command, args);
	pm_strv_add_all(&c->env_unset, pm_strv_argv(&o->unsetenv));
	c->env_unset_all = o->unsetenv_all;
	c->http_proxy_off = pm_cli_given(cli, "http-proxy") ? !o->http_proxy : !e->conf.http_proxy;
	c->terminal = o->tty;
	c->stdin_open = o->interactive;
	c->init = pm_cli_given(cli, "init") ? o->init : e->conf.init;
	if (c->init)
		c->init_path = pm_strdup_null(o->init_path ? o->init_path : e->conf.init_path);
	if (o->group_add.n > 1 && pm_strv_has(&o->group_add, "keep-groups"))
		return pm_fail(err, PM_E_USAGE, "the '--group-add keep-groups' option is not allowed with "
						"any other --group-add options");
	pm_strv_add_all(&c->groups, o->group_add.v);
	pm_strv_add_all(&c->hostusers, o->hostuser.v);
	c->passwd_off = !o->passwd;
	c->passwd_entry = pm_strdup_null(o->passwd_entry);
	c->group_entry = pm_strdup_null(o->group_entry);
	if (pm_cli_given(cli, "stop-timeout"))
		c->stop_timeout = (int64_t)o->stop_timeout;
	if (o->timeout)
		c->timeout = (int64_t)o->timeout;
	if ((r = words(o, c, err)) < 0 || (r = streams(o, err)) < 0 ||
	    (r = systemd(cli, o, c, err)) < 0 || (r = personality(o, c, err)) < 0)
		return r;
	return pm_ctr_parse_fds(o->preserve_fds, &o->preserve_fd, &c->preserve_fds, &c->preserve_fd, err);
}
