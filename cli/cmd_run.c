#include <stdio.h>
#include <strings.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "cli/ctr_options.h"
#include "engine/container/remove.h"
#include "engine/container/start.h"
#include "engine/pod/verbs.h"

struct run_opts {
	struct pm_ctr_opts ctr;
	bool detach, sig_proxy;
};

static const struct pm_opt run_table[] = {
	{"detach", 'd', PM_BOOL(struct run_opts, detach),
	 "Run the container in the background and print its ID"},
	{"sig-proxy", 0, PM_BOOL(struct run_opts, sig_proxy),
	 "Proxy received signals to the process", .def = "true"},
	{0},
};

/* After the end: what --rm removes, or the exit folded into the row. */
static void after_end(struct pm_engine *e, struct pm_container *c, struct pm_monitor *m)
{
	struct pm_err err = PM_ERR_INIT;
	int r, code;
	/* the acknowledgement: this pm sees to the row */
	pm_monitor_wait_exit(m, &code, NULL, NULL);
	if (c->config.rm)
		pm_monitor_wait_gone(m);
	r = pm_ctr_after_end(e, c, c->config.rm, NULL, &err);
	if (r < 0 && r != -PM_E_NOSUCH)
		fprintf(stderr, "Error: %s\n", err.text);
}

/* The container was made but did not start: it stays as created, or goes with --rm. */
static void after_failed_start(struct pm_engine *e, struct pm_container *c)
{
	struct pm_err err = PM_ERR_INIT;
	int r;
	pm_ctr_state_wait(e->store->runroot_fd, c->row.id, 5000, NULL);
	if (c->config.rm) {
		r = pm_container_remove_ended(e, c, true, &err);
	} else {
		c->row.word = PM_CTR_CREATED;
		c->row.started = 0;
		r = pm_ctr_set_state(e->store, &c->row, &err);
	}
	if (r < 0 && r != -PM_E_NOSUCH)
		fprintf(stderr, "Error: %s\n", err.text);
}

/* --attach names those that are copied; stdin needs --interactive, too. */
static struct pm_ctr_streams streams_of(const struct run_opts *o)
{
	struct pm_ctr_streams s = {.in = o->ctr.interactive, .out = true, .err = true};
	if (!o->ctr.attach.n)
		return s;
	s.in = s.out = s.err = false;
	for (size_t i = 0; i < o->ctr.attach.n; i++) {
		s.in |= strcasecmp(o->ctr.attach.v[i], "stdin") == 0 && o->ctr.interactive;
		s.out |= strcasecmp(o->ctr.attach.v[i], "stdout") == 0;
		s.err |= strcasecmp(o->ctr.attach.v[i], "stderr") == 0;
	}
	return s;
}

static int run_attached(struct pm_engine *e, const struct run_opts *o, struct pm_container *c,
			struct pm_start *s, struct pm_err *err)
{
	bool detached = false;
	struct pm_ctr_streams streams = streams_of(o);
	/* nothing of it is to be seen: who it is */
	if (o->ctr.attach.n && !streams.out && !streams.err) {
		printf("%s\n", c->row.id);
		fflush(stdout);
	}
	int code = pm_ctr_foreground_streams(e, c, &s->monitor, c->config.terminal, streams,
					     c->config.detach_keys, o->sig_proxy, &detached, err);
	if (code >= 0 && !detached)
		after_end(e, c, &s->monitor);
	return code;
}

static int check_options(const struct run_opts *o, struct pm_err *err)
{
	if (o->detach && o->ctr.attach.n)
		return pm_fail(err, PM_E_USAGE, "invalid options: attach and detach cannot be set together");
	return 0;
}

static int run_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	struct run_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_start_ struct pm_start s = PM_START_INIT;
	_cleanup_container_ struct pm_container c;
	struct pm_create_options co;
	char image_id[65], new_pod[65] = "";

	pm_container_init(&c);
	int r = check_options(o, err);
	if (r >= 0)
		r = pm_cli_engine(cli, &e, err);
	if (r >= 0)
		r = pm_ctr_options_words(cli, &e, &o->ctr, &c.config, &co, err);
	if (r < 0)
		return r;

	co.starting = true;
	c.config.detached = o->detach;
	struct pm_start_facts facts = {.network = c.config.network,
				       .join = pm_container_joins(&c),
				       .join_userns = -1,
				       .attach = !o->detach,
				       .config = &c.config};
	/* The monitor and its user namespace come to be while we open the database. A container to join, or a pod's,
	 * is known by its id only once it was looked up: create first. */
	bool early = !facts.join && !o->ctr.pod && !o->ctr.pod_id_file;
	if (early)
		r = pm_start_begin(&e, &facts, &s, err);
	if (r >= 0)
		r = pm_store_need_db(e.store, err);
	if (r >= 0)
		r = pm_ctr_options_resolve(cli, &e, &o->ctr, &c.config, &co, image_id, new_pod, err);
	if (r >= 0)
		r = pm_container_create(&e, &c, &co, err);
	if (r < 0 && new_pod[0])
		pm_pod_remove(&e, new_pod, true, 0, NULL, NULL);
	if (r < 0)
		return r;
	if (c.config.cidfile)
		r = pm_ctr_write_cidfile(c.config.cidfile, c.row.id, err);
	if (r >= 0 && c.row.deps.n)
		r = pm_container_start_deps(&e, &c, err);
	if (r >= 0 && !early) {
		facts.join = pm_container_joins(&c);
		facts.network = c.config.network; /* the name became an id */
		r = pm_start_begin(&e, &facts, &s, err);
	}
	if (r >= 0)
		r = pm_start_finish(&s, &c, err);
	if (r < 0) {
		pm_monitor_close(&s.monitor);
		after_failed_start(&e, &c);
		return r;
	}
	if (!o->detach)
		return run_attached(&e, o, &c, &s, err);
	printf("%s\n", c.row.id);
	return 0;
}

const struct pm_command pm_cmd_run = {
	.path = "run|container run",
	.summary = "Run a command in a new container",
	.synopsis = "[options] IMAGE [COMMAND [ARG...]]",
	.text = "Runs a command in a new container from the given image",
	.examples = "%p imageID ls -alF /etc\n"
		    "%p --network=host imageID ls /\n"
		    "%p -d -p 8080:80 --name web imageID httpd -f -h /www",
	.min_args = 1,
	.max_args = -1,
	.flags = PM_CMD_STORE_DIRS | PM_CMD_POSITIONAL,
	.complete = PM_COMPLETE_IMAGE,
	.complete_next = PM_COMPLETE_FILE,
	.opts_size = sizeof(struct run_opts),
	.tables = {{pm_ctr_pod_table, offsetof(struct run_opts, ctr)},
		   {pm_ctr_pod_network_table, offsetof(struct run_opts, ctr)},
		   {pm_ctr_pod_limits_table, offsetof(struct run_opts, ctr)},
		   {pm_ctr_table, offsetof(struct run_opts, ctr)},
		   {pm_ctr_limits_table, offsetof(struct run_opts, ctr)},
		   {run_table, 0},
		   {0}},
	.run = run_run,
};
