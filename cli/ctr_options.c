#include "cli/ctr_options.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "cli/command.h"
#include "cli/ctr_options_parts.h"
#include "cli/image_common.h"
#include "cli/progress.h"
#include "engine/events/events.h"
#include "engine/image/resolve.h"

int pm_ctr_options_apply(struct pm_cli *cli, struct pm_engine *e, const struct pm_ctr_opts *o,
			 const char *image, char *const *args, struct pm_ctr_config *c,
			 struct pm_err *err)
{
	int r = pm_engine_conf(e, err);
	if (r < 0)
		return r;

	c->name = pm_strdup_null(o->name && o->name[0] ? o->name : NULL);
	c->rm = o->rm;
	if (o->cidfile)
		c->cidfile = pm_path_absolute(o->cidfile);
	if (o->pidfile)
		c->pid_file = pm_path_absolute(o->pidfile);
	if (o->conmon_pidfile)
		c->conmon_pid_file = pm_path_absolute(o->conmon_pidfile);
	c->image_volume = pm_strdup_null(o->image_volume);
	c->runtime = pm_strdup_null(e->runtime);
	pm_strv_add_all(&c->create_command, cli->argv);
	if (o->rootfs)
		c->rootfs = pm_path_absolute(image);

	if ((r = pm_ctr_apply_process(cli, e, o, args, c, err)) < 0 ||
	    (r = pm_ctr_apply_env(o, c, err)) < 0 ||
	    (r = pm_ctr_apply_mounts(o, c, err)) < 0 ||
	    (r = pm_ctr_apply_devices(o, c, err)) < 0 ||
	    (r = pm_ctr_apply_limits(cli, o, c, err)) < 0 ||
	    (r = pm_ctr_apply_network(e, o, c, err)) < 0 ||
	    (r = pm_ctr_apply_life(e, o, c, err)) < 0 ||
	    (r = pm_ctr_apply_health(cli, o, c, err)) < 0)
		return r;
	return pm_ctr_apply_security(o, c, err);
}

/* Passes progress on, and notes that an image was really fetched. */
struct noticed {
	const struct pm_pull_progress *to;
	bool pulled;
};

static void notice(void *arg, const struct pm_pull_event *ev)
{
	struct noticed *n = arg;
	n->pulled |= ev->kind == PM_PULL_DONE;
	if (n->to && n->to->event)
		n->to->event(n->to->arg, ev);
}

int pm_ctr_options_image(struct pm_cli *cli, struct pm_engine *e, const struct pm_ctr_opts *o,
			 const char *word, struct pm_ctr_config *c, char ret_id[65],
			 struct pm_err *err)
{
	_cleanup_free_ char *platform = NULL, *authfile = pm_pull_authfile(cli, o->authfile);
	struct pm_pull_options po = {
		.authfile = authfile,
		.tls_verify = pm_cli_given(cli, "tls-verify") ? o->tls_verify : -1,
		.os = o->os,
		.arch = o->arch,
		.variant = o->variant,
	};
	enum pm_pull_policy policy;
	int r = pm_pull_policy_parse(o->pull, &policy, err);
	if (r >= 0)
		r = pm_pull_platform(o->platform, &po, &platform, err);
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