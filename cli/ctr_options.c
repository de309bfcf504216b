#include "cli/ctr_options.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/timefmt.h"
#include "cli/command.h"
#include "cli/ctr_options_parts.h"
#include "cli/ctr_pod.h"
#include "cli/image_common.h"
#include "cli/progress.h"
#include "engine/container/service.h"
#include "engine/events/events.h"
#include "engine/image/crypt.h"
#include "engine/image/resolve.h"
#include "storage/quota.h"

static int identity(struct pm_cli *cli, struct pm_engine *e, const struct pm_ctr_opts *o,
		    const char *image, struct pm_ctr_config *c, struct pm_err *err)
{
	c->name = pm_strdup_null(o->name && o->name[0] ? o->name : NULL);
	if (o->replace && !c->name)
		return pm_fail(err, PM_E_USAGE, "cannot replace container without --name being set");
	if (o->rmi && pm_cli_given(cli, "rm") && !o->rm)
		return pm_fail(err, PM_E_USAGE, "the --rmi option does not work without --rm");
	c->rm = o->rm || o->rmi;
	c->autoremove_image = o->rmi && !o->rootfs;
	if (o->cidfile)
		c->cidfile = pm_path_absolute(o->cidfile);
	if (o->pidfile)
		c->pid_file = pm_path_absolute(o->pidfile);
	if (o->conmon_pidfile)
		c->conmon_pid_file = pm_path_absolute(o->conmon_pidfile);
	pm_strv_add_all(&c->requires_ctrs, o->requires_.v);
	c->runtime = pm_strdup_null(e->runtime);
	pm_strv_add_all(&c->create_command, cli->argv);
	return o->rootfs ? pm_ctr_parse_rootfs(image, c, err) : 0;
}

static int storage(struct pm_engine *e, const struct pm_ctr_opts *o, struct pm_ctr_config *c,
		   struct pm_err *err)
{
	c->image_volume = pm_strdup_null(o->image_volume ? o->image_volume : e->conf.image_volume_mode);
	for (size_t i = 0; i < e->conf.volumes.n; i++) {
		int r = pm_ctr_parse_volume(e->conf.volumes.v[i], c, err);
		if (r < 0)
			return pm_wrap(err, "containers.conf: volumes");
	}
	for (size_t i = 0; i < o->chrootdirs.n; i++) {
		if (o->chrootdirs.v[i][0] != '/')
			return pm_fail(err, PM_E_USAGE, "--chrootdirs %s: must be an absolute path",
				       o->chrootdirs.v[i]);
		pm_strv_take(&c->chrootdirs, pm_path_clean(o->chrootdirs.v[i]));
	}
	struct pm_quota quota = {PM_UNSET, PM_UNSET};
	for (size_t i = 0; i < o->storage_opt.n; i++) {
		int r = pm_quota_word(o->storage_opt.v[i], &quota, err);
		if (r == 0)
			return pm_fail(err, PM_E_USAGE, "--storage-opt %s: only size= and inodes= are supported",
				       o->storage_opt.v[i]);
		if (r < 0)
			return pm_wrap(err, "--storage-opt %s", o->storage_opt.v[i]);
	}
	c->storage_size = quota.size;
	c->storage_inodes = quota.inodes;
	return 0;
}

int pm_ctr_opts_defaults(struct pm_ctr_opts *o, bool pod_too, struct pm_err *err)
{
	const struct pm_opt_table tables[] = {{pm_ctr_table, 0},
					      {pm_ctr_limits_table, 0},
					      {pod_too ? pm_ctr_pod_table : NULL, 0},
					      {pm_ctr_pod_network_table, 0},
					      {pm_ctr_pod_limits_table, 0},
					      {0}};
	struct pm_parse parse = {0};
	int r = pm_parse_add(&parse, tables, o, err);
	pm_parse_free(&parse);
	return r;
}

/* What containers.conf says where the command line does not. */
static int limits_of_conf(const struct pm_conf *conf, struct pm_ctr_config *c, struct pm_err *err)
{
	static const char *const modes[] = {"enabled", "disabled", "no-conmon", "split", NULL};
	if (!c->cgroups && conf->cgroups && !pm_str_in(conf->cgroups, modes))
		return pm_fail(err, PM_E_USAGE, "containers.conf: cgroups: invalid mode \"%s\"",
			       conf->cgroups);
	if (!c->cgroups)
		c->cgroups = pm_strdup_null(conf->cgroups);
	if (!c->cgroup_conf.n)
		pm_strv_add_all(&c->cgroup_conf, conf->cgroup_conf.v);
	if (c->oom_score_adj == PM_UNSET)
		c->oom_score_adj = conf->oom_score_adj;
	return 0;
}

int pm_ctr_options_apply(struct pm_cli *cli, struct pm_engine *e, const struct pm_ctr_opts *o,
			 const char *image, char *const *args, struct pm_ctr_config *c,
			 struct pm_err *err)
{
	int r;
	if ((r = pm_engine_conf(e, err)) < 0 || (r = identity(cli, e, o, image, c, err)) < 0 ||
	    (r = pm_ctr_apply_process(cli, e, o, args, c, err)) < 0 ||
	    (r = pm_ctr_apply_env(cli, e, o, c, err)) < 0 || (r = storage(e, o, c, err)) < 0 ||
	    (r = pm_ctr_apply_mounts(e, o, c, err)) < 0 ||
	    (r = pm_ctr_apply_devices(o, c, err)) < 0 ||
	    (r = pm_ctr_apply_limits(cli, o, c, err)) < 0 ||
	    (r = limits_of_conf(&e->conf, c, err)) < 0 ||
	    (r = pm_ctr_apply_network(e, o, c, err)) < 0 ||
	    (r = pm_ctr_apply_life(e, o, c, err)) < 0 ||
	    (r = pm_ctr_apply_health(cli, o, c, err)) < 0 ||
	    (r = pm_ctr_apply_namespaces(e, o, c, err)) < 0)
		return r;
	return pm_ctr_apply_security(cli, e, o, c, err);
}

static struct pm_create_options create_options(const struct pm_cli *cli, const struct pm_ctr_opts *o)
{
	return (struct pm_create_options){.user_entrypoint = pm_cli_given(cli, "entrypoint"),
					  .unsetenv = &o->unsetenv,
					  .unsetenv_all = o->unsetenv_all,
					  .env_merge = &o->env_merge,
					  .replace = o->replace};
}

#define EXTEND_S 30

/* Passes progress on, and notes that an image was really fetched. */
struct noticed {
	const struct pm_pull_progress *to;
	bool pulled;
	int64_t extended; /* when the service's start was extended last, ns */
};

static void notice(void *arg, const struct pm_pull_event *ev)
{
	struct noticed *n = arg;
	n->pulled |= ev->kind == PM_PULL_DONE;
	int64_t now = pm_time_now();
	if (now - n->extended > EXTEND_S * PM_NS_PER_SEC / 2) {
		/* a service's start may take no longer than said, unless one says that it goes on */
		pm_service_extend(EXTEND_S);
		n->extended = now;
	}
	if (n->to && n->to->event)
		n->to->event(n->to->arg, ev);
}

int pm_ctr_options_image(struct pm_cli *cli, struct pm_engine *e, const struct pm_ctr_opts *o,
			 const char *word, struct pm_ctr_config *c, char ret_id[65],
			 struct pm_err *err)
{
	_cleanup_free_ char *platform = NULL, *authfile = pm_pull_authfile(cli, o->authfile);
	_cleanup_decryption_ struct pm_decryption decryption = {0};
	struct pm_pull_options po = {
		.authfile = authfile,
		.tls_verify = pm_cli_given(cli, "tls-verify") ? o->tls_verify : -1,
		.os = o->os,
		.arch = o->arch,
		.variant = o->variant,
		.exact = true,
		.decryption = &decryption,
	};
	struct pm_pull_retry retry;
	pm_pull_ask(&po);
	pm_pull_retries(cli, o->retry, o->retry_delay, &retry, &po);
	enum pm_pull_policy policy;
	int r = pm_pull_policy_parse(pm_cli_given(cli, "pull") ? o->pull : e->conf.pull_policy, &policy,
				     err);
	if (r >= 0)
		r = pm_pull_platform(o->platform, &po, &platform, err);
	if (r >= 0)
		r = pm_decryption_parse(&o->decryption_keys, &decryption, err);
	if (r < 0)
		return r;

	_cleanup_progress_ struct pm_progress *bars = pm_progress_new(STDERR_FILENO, o->quiet);
	struct noticed seen = {.to = pm_progress_events(bars)};
	const struct pm_pull_progress progress = {.event = notice, .arg = &seen};
	r = pm_image_obtain(e->store, word, policy, &po, &progress, ret_id, &c->image, err);
	if (r >= 0 && seen.pulled)
		pm_event_image(e, "pull", ret_id, word);
	c->raw_image_name = pm_strdup(word);
	return r;
}

int pm_ctr_options_words(struct pm_cli *cli, struct pm_engine *e, const struct pm_ctr_opts *o,
			 struct pm_ctr_config *c, struct pm_create_options *co, struct pm_err *err)
{
	/* only these name something that is in the database */
	int r = o->secret.n || o->volumes_from.n ? pm_store_need_db(e->store, err) : 0;
	if (r >= 0)
		r = pm_ctr_options_apply(cli, e, o, cli->args[0], cli->args + 1, c, err);
	if (r >= 0 && c->cidfile)
		r = pm_ctr_check_cidfile(c->cidfile, err);
	*co = create_options(cli, o);
	return r;
}

int pm_ctr_options_resolve(struct pm_cli *cli, struct pm_engine *e, const struct pm_ctr_opts *o,
			   struct pm_ctr_config *c, struct pm_create_options *co, char image_id[65],
			   char ret_pod[65], struct pm_err *err)
{
	int r = 0;
	ret_pod[0] = '\0';
	if (!c->rootfs) {
		r = pm_ctr_options_image(cli, e, o, cli->args[0], c, image_id, err);
		co->image_id = image_id;
	}
	return r < 0 ? r : pm_ctr_join_pod(cli, e, o, c, ret_pod, err);
}

static int cidfile_exists(const char *path, struct pm_err *err)
{
	return pm_fail(err, PM_E_EXISTS,
		       "container id file exists. Ensure another container is not using it or delete "
		       "%s", path);
}

int pm_ctr_check_cidfile(const char *path, struct pm_err *err)
{
	return access(path, F_OK) == 0 ? cidfile_exists(path, err) : 0;
}

int pm_ctr_write_cidfile(const char *path, const char *id, struct pm_err *err)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0 && errno == EEXIST)
		return cidfile_exists(path, err);
	if (fd < 0)
		return pm_fail_sys(err, "create the container id file %s", path);
	return pm_fs_write_all(fd, id, strlen(id), err);
}