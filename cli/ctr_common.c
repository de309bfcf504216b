#include "cli/ctr_common.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "cli/ctr_filter.h"
#include "engine/container/attach.h"
#include "engine/container/remove.h"
#include "engine/container/stop.h"
#include "engine/events/events.h"
#include "engine/pod/pod.h"
#include "netns/userns.h"

int pm_cli_need_unshare(const struct pm_cli *cli, struct pm_err *err)
{
	return pm_userns_needed() ? pm_fail(err, PM_E_STATE,
					    "cannot run command \"pm %s\" in rootless mode, must execute "
					    "`pm unshare` first",
					    cli->path)
				  : 0;
}

int pm_cli_engine(struct pm_cli *cli, struct pm_engine *ret, struct pm_err *err)
{
	*ret = (struct pm_engine){0};
	int r = pm_cli_open_store(cli, err);
	if (r < 0)
		return r;
	ret->store = pm_cli_store(cli);
	ret->runtime = cli->global.runtime;
	ret->volume_path = cli->global.volumepath;
	ret->cgroup_manager = cli->global.cgroup_manager;
	ret->events_backend = cli->global.events_backend;
	ret->log_level = cli->global.log_level;
	ret->mounts_file = cli->global.default_mounts_file;
	ret->network_config_dir = cli->global.network_config_dir;
	ret->modules = &cli->global.module;
	ret->hooks_dirs = &cli->global.hooks_dir;
	ret->cdi_spec_dirs = &cli->global.cdi_spec_dir;
	ret->runtime_flags = &cli->global.runtime_flag;
	return 0;
}

/* --- choosing ------------------------------------------------------------------------------------------ */

static int read_cidfile(const char *path, struct pm_strv *ret, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	int r = pm_fs_read_file(AT_FDCWD, path, 4096, &b, err);
	if (r < 0)
		return pm_wrap(err, "read the container id file");
	pm_buf_cut(&b, strcspn(pm_buf_str(&b), "\r\n"));
	if (!b.len)
		return pm_fail(err, PM_E_FORMAT, "the container id file %s is empty", path);
	pm_strv_add(ret, b.data);
	return 0;
}

static int choose_listed(struct pm_engine *e, const struct pm_ctr_choice *ch, struct pm_strv *ret,
			 struct pm_err *err)
{
	_cleanup_ctr_list_ struct pm_ctr_list l = {0};
	bool filtered = ch->filters && ch->filters->n;
	int r = pm_ctr_list(e->store, filtered ? pm_ctr_filter_needs(ch->filters) : 0, &l, err);
	for (size_t n = 0; r >= 0 && n < l.n; n++) {
		const struct pm_ctr_row *row = &l.v[ch->newest_first ? l.n - 1 - n : n];
		struct pm_ctr_state st;
		pm_container_state(e, row, &st);
		/* one that is about to run again is as good as running */
		enum pm_ctr_status is = st.restarting ? PM_STATUS_RUNNING : st.status;
		if (ch->states && !(ch->states & PM_IN_STATE(is)))
			continue;
		if (filtered) {
			r = pm_ctr_filter(e, ch->filters, row, &st, err);
			if (r <= 0)
				continue;
		}
		pm_strv_add(ret, row->id);
	}
	return r < 0 ? r : 0;
}

int pm_ctr_choose(struct pm_cli *cli, struct pm_engine *e, const struct pm_ctr_choice *ch,
		  struct pm_strv *ret, struct pm_err *err)
{
	bool filtered = ch->filters && ch->filters->n, files = ch->cidfiles && ch->cidfiles->n;
	int ways = ch->all + ch->latest + filtered;
	int checked = filtered ? pm_ctr_filter_check(e, ch->filters, err) : 0;
	if (checked < 0)
		return checked;

	if (ways > 1 && !(ch->all && filtered))
		return pm_fail(err, PM_E_USAGE, "--all, --latest and --filter cannot be used together");
	if ((ways || files) && cli->n_args > 0)
		return pm_fail(err, PM_E_USAGE, "no arguments are needed with --all, --latest, "
						"--filter or --cidfile");
	if (!ways && !files && cli->n_args == 0)
		return pm_fail(err, PM_E_USAGE, "you must provide at least one name or id");

	if (ch->all || filtered)
		return choose_listed(e, ch, ret, err);
	if (ch->latest) {
		char id[65];
		int r = pm_container_latest(e, id, err);
		if (r >= 0)
			pm_strv_add(ret, id);
		return r;
	}
	for (size_t i = 0; files && i < ch->cidfiles->n; i++) {
		int r = read_cidfile(ch->cidfiles->v[i], ret, err);
		if (r == -ENOENT && ch->ignore)
			pm_err_clear(err);
		else if (r < 0)
			return r;
	}
	pm_strv_add_all(ret, cli->args);
	return 0;
}

int pm_ctr_verb(struct pm_cli *cli, const struct pm_ctr_choice *ch, pm_ctr_verb_fn *verb, void *arg,
		struct pm_err *err)
{
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	int r = pm_cli_engine(cli, &e, err);
	if (r >= 0)
		r = pm_ctr_choose(cli, &e, ch, &names, err);
	for (size_t i = 0; i < names.n && r >= 0; i++) {
		struct pm_err why = PM_ERR_INIT;
		if (verb(&e, names.v[i], arg, &why) < 0)
			pm_cli_note(cli, &why);
	}
	return r < 0 ? r : pm_cli_result(cli, 0);
}

/* Those that depend on id, and on those, before it; each once. */
static int add_dependents(struct pm_engine *e, const char *id, struct pm_strv *ret, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv ids = PM_STRV_INIT;
	int r = pm_ctr_dependents(e->store, id, &ids, err);
	for (size_t i = 0; i < ids.n && r >= 0; i++) {
		if (pm_strv_has(ret, ids.v[i]))
			continue;
		r = add_dependents(e, ids.v[i], ret, err);
		pm_strv_add(ret, ids.v[i]);
	}
	return r;
}

static int with_dependents(struct pm_engine *e, struct pm_strv *names, struct pm_err *err)
{
	struct pm_strv all = PM_STRV_INIT;
	int r = 0;
	for (size_t i = 0; i < names->n && r >= 0; i++) {
		_cleanup_ctr_row_ struct pm_ctr_row row = {0};
		/* told by its id, as those are that depend on it; who loads it says why it cannot be found */
		const bool found = pm_ctr_find(e->store, names->v[i], 0, &row, NULL) >= 0;
		const char *id = found ? row.id : names->v[i];
		if (found)
			r = add_dependents(e, id, &all, err);
		if (!pm_strv_has(&all, id))
			pm_strv_add(&all, id);
	}
	pm_strv_free(names);
	*names = all;
	return r;
}

int pm_ctr_set_choose(struct pm_cli *cli, const struct pm_ctr_choice *ch, bool ignore,
		      struct pm_ctr_set *ret, struct pm_err *err)
{
	int r = pm_cli_engine(cli, &ret->e, err);
	if (r >= 0)
		r = pm_ctr_choose(cli, &ret->e, ch, &ret->chosen, err);
	if (r >= 0 && ch->dependents)
		r = with_dependents(&ret->e, &ret->chosen, err);
	if (r < 0)
		return r;
	ret->v = pm_calloc(ret->chosen.n, sizeof(*ret->v));
	ret->names = pm_calloc(ret->chosen.n, sizeof(*ret->names));
	ret->errs = pm_calloc(ret->chosen.n, sizeof(*ret->errs));
	for (size_t i = 0; i < ret->chosen.n; i++) {
		struct pm_container *c = &ret->v[ret->n];
		struct pm_err why = PM_ERR_INIT;
		pm_container_init(c);
		r = pm_container_load(&ret->e, ret->chosen.v[i], c, &why);
		if (r < 0) {
			pm_container_free(c);
			/* one of --all that has gone meanwhile is none of the user's errors */
			if (r != -PM_E_NOSUCH || !(ignore || ch->all))
				pm_cli_note(cli, &why);
			continue;
		}
		ret->names[ret->n++] = ret->chosen.v[i];
	}
	return 0;
}

void pm_ctr_set_free(struct pm_ctr_set *s)
{
	for (size_t i = 0; i < s->n; i++)
		pm_container_free(&s->v[i]);
	free(s->v);
	free(s->names);
	free(s->errs);
	pm_strv_free(&s->chosen);
	pm_engine_free(&s->e);
}

int pm_ctr_set_result(struct pm_cli *cli, struct pm_ctr_set *s)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->errs[i].code)
			pm_cli_note(cli, &s->errs[i]);
		else
			printf("%s\n", s->names[i]);
	}
	return pm_cli_result(cli, 0);
}

/* --- foreground ------------------------------------------------------------------------------------------ */

struct proxy {
	struct pm_engine *e;
	const struct pm_container *c;
};

static void proxy_signal(void *arg, int sig)
{
	const struct proxy *p = arg;
	pm_container_signal(p->e, p->c, sig, NULL); /* gone already: nothing to tell */
}

int pm_ctr_foreground(struct pm_engine *e, const struct pm_container *c, struct pm_monitor *m,
		      bool tty, bool with_stdin, const char *detach_keys, bool sig_proxy,
		      bool *ret_detached, struct pm_err *err)
{
	struct pm_ctr_streams all = {.in = with_stdin, .out = true, .err = true};
	return pm_ctr_foreground_streams(e, c, m, tty, all, detach_keys, sig_proxy, ret_detached, err);
}

int pm_ctr_foreground_streams(struct pm_engine *e, const struct pm_container *c,
			      struct pm_monitor *m, bool tty, struct pm_ctr_streams streams,
			      const char *detach_keys, bool sig_proxy, bool *ret_detached,
			      struct pm_err *err)
{
	struct proxy proxy = {.e = e, .c = c};
	struct pm_attach_opts o = PM_ATTACH_OPTS_INIT;
	struct pm_attach_result result = {0};

	o.fd = m->attach_fd;
	o.terminal = tty;
	o.attach_stdin = streams.in;
	o.attach_stdout = streams.out;
	o.attach_stderr = streams.err;
	if (c && sig_proxy && !tty) {
		o.signal = proxy_signal;
		o.signal_arg = &proxy;
	}
	int r = pm_engine_conf(e, err);
	if (r >= 0)
		r = pm_detach_keys_parse(detach_keys	     ? detach_keys
					 : e->conf.detach_keys ? e->conf.detach_keys
							       : PM_DETACH_KEYS_DEFAULT,
					 &o.detach, err);
	if (r >= 0)
		r = pm_attach_run(&o, &result, err);
	if (r < 0)
		return r;

	*ret_detached = result.end == PM_ATTACH_ENDED_DETACHED;
	switch (result.end) {
	case PM_ATTACH_ENDED_EXIT:
		return result.exit_code;
	case PM_ATTACH_ENDED_DETACHED:
		return 0;
	case PM_ATTACH_ENDED_LOST:
		break;
	}
	return pm_fail(err, PM_E_STATE,
		       "the monitor of container %s was killed: its output and exit code are lost; see "
		       "\"pm ps -a\", remove it with \"pm rm -f %s\"",
		       c ? c->row.name : "?", c ? c->row.name : "CONTAINER");
}

int pm_ctr_attach(struct pm_engine *e, const struct pm_container *c, bool with_stdin,
		  const char *detach_keys, bool sig_proxy, struct pm_err *err)
{
	if (c->state.status != PM_STATUS_RUNNING)
		return pm_fail(err, PM_E_STATE, "you can only attach to running containers");
	char dir[96];
	snprintf(dir, sizeof(dir), "ctr/%s", c->row.id);
	_cleanup_free_ char *path = pm_store_run_path(e->store, dir);
	_cleanup_close_ int fd = pm_attach_connect(path, err);
	if (fd < 0)
		return pm_wrap(err, "attach to container %s, whose monitor does not answer", c->row.name);
	struct pm_monitor m = {.control_fd = -1, .attach_fd = fd};
	pm_event_container(e, c, "attach");
	bool detached = false;
	return pm_ctr_foreground(e, c, &m, c->config.terminal, with_stdin && c->config.stdin_open,
				 detach_keys, sig_proxy, &detached, err);
}

int pm_ctr_after_end(struct pm_engine *e, struct pm_container *c, bool rm, int *lock,
		     struct pm_err *err)
{
	int r = rm ? pm_container_remove_ended(e, c, true, err) : pm_container_fold(e, c, err);
	if (r >= 0 && rm)
		r = pm_container_remove_image(e, c, err);
	if (lock)
		close(pm_steal_fd(lock));
	if (!c->config.pod)
		return r;
	struct pm_err why = PM_ERR_INIT;
	if (pm_pod_member_ended(e, c, &why) < 0)
		pm_warn("stop the pod of container %s: %s", c->row.name, why.text);
	return r;
}
