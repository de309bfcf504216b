#include "cli/ctr_common.h"

#include <ctype.h>
#include <fcntl.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/timefmt.h"
#include "engine/container/attach.h"
#include "engine/container/stop.h"
#include "engine/events/events.h"
#include "engine/image/resolve.h"

int pm_cli_engine(struct pm_cli *cli, struct pm_engine *ret, struct pm_err *err)
{
	*ret = (struct pm_engine){0};
	int r = pm_cli_open_store(cli, err);
	if (r < 0)
		return r;
	ret->store = pm_cli_store(cli);
	ret->runtime = cli->global.runtime;
	ret->cgroup_manager = cli->global.cgroup_manager;
	ret->events_backend = cli->global.events_backend;
	ret->log_level = cli->global.log_level;
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
	int r = pm_ctr_list(e->store, 0, &l, err);
	for (size_t i = 0; r >= 0 && i < l.n; i++) {
		struct pm_ctr_state st;
		pm_container_state(e, &l.v[i], &st);
		if (ch->running_only && st.status != PM_STATUS_RUNNING)
			continue;
		if (ch->filters && ch->filters->n) {
			r = pm_ctr_filter(e, ch->filters, &l.v[i], &st, err);
			if (r <= 0)
				continue;
		}
		pm_strv_add(ret, l.v[i].id);
	}
	return r < 0 ? r : 0;
}

int pm_ctr_choose(struct pm_cli *cli, struct pm_engine *e, const struct pm_ctr_choice *ch,
		  struct pm_strv *ret, struct pm_err *err)
{
	bool filtered = ch->filters && ch->filters->n, files = ch->cidfiles && ch->cidfiles->n;
	int ways = ch->all + ch->latest + filtered;
	int checked = filtered ? pm_ctr_filter_check(ch->filters, err) : 0;
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
		if (r < 0)
			return r;
	}
	pm_strv_add_all(ret, cli->args);
	return 0;
}

int pm_ctr_verb_each(struct pm_cli *cli, struct pm_engine *e, const struct pm_strv *names,
		     int (*verb)(struct pm_engine *e, const char *name, void *arg,
				 struct pm_err *err),
		     void *arg)
{
	for (size_t i = 0; i < names->n; i++) {
		struct pm_err err = PM_ERR_INIT;
		if (verb(e, names->v[i], arg, &err) < 0)
			pm_cli_note(cli, &err);
	}
	return pm_cli_result(cli, 0);
}

/* --- filters -------------------------------------------------------------------------------------------- */

/* What a container is held against. */
struct subject {
	struct pm_engine *e;
	const struct pm_ctr_row *row;
	const struct pm_ctr_state *st;
};

static int filter_status(const struct subject *s, const char *value, struct pm_err *err)
{
	static const char *const words[] = {"created", "initialized", "running", "stopped", "paused",
					    "exited", "removing", "stopping", "configured", "unknown"};
	const char *is = pm_ctr_status_name(s->st->status);
	bool known = false;
	for (size_t i = 0; i < PM_ARRAY_SIZE(words); i++)
		known |= strcmp(words[i], value) == 0;
	if (!known)
		return pm_fail(err, PM_E_USAGE, "%s is not a valid status", value);
	if (strcmp(value, "stopped") == 0)
		value = "exited";
	return strcmp(is, value) == 0;
}

static int filter_name(const struct subject *s, const char *value, struct pm_err *err)
{
	regex_t re;
	if (regcomp(&re, value, REG_EXTENDED | REG_NOSUB) != 0)
		return pm_fail(err, PM_E_USAGE, "filter name=%s: not a regular expression", value);
	int found = regexec(&re, s->row->name, 0, NULL, 0) == 0;
	regfree(&re);
	return found;
}

static int filter_id(const struct subject *s, const char *value, struct pm_err *err)
{
	(void)err;
	return pm_startswith(s->row->id, value);
}

static int filter_label(const struct subject *s, const char *value, struct pm_err *err)
{
	(void)err;
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *labels = NULL;
	const char *text = s->row->labels ? s->row->labels : "{}";
	if (pm_json_parse(pool, text, strlen(text), &labels, NULL) < 0)
		return 0;
	const char *eq = strchr(value, '=');
	_cleanup_free_ char *name = eq ? pm_strndup(value, (size_t)(eq - value)) : pm_strdup(value);
	const char *has = pm_json_get_str(labels, name);
	return has && (!eq || strcmp(has, eq + 1) == 0);
}

static int filter_exited(const struct subject *s, const char *value, struct pm_err *err)
{
	int64_t code;
	int r = pm_parse_int(value, &code, err);
	if (r < 0)
		return pm_wrap(err, "filter exited");
	return s->st->status == PM_STATUS_EXITED && s->st->exit_code == code;
}

static int filter_ancestor(const struct subject *s, const char *value, struct pm_err *err)
{
	(void)err;
	char id[65];
	if (!s->row->image_id)
		return 0;
	if (pm_startswith(s->row->image_id, value) || pm_streq(s->row->image_name, value))
		return 1;
	return pm_image_resolve(s->e->store, value, id, NULL, NULL) >= 0 &&
	       strcmp(id, s->row->image_id) == 0;
}

static int other_created(const struct subject *s, const char *name, int64_t *ret,
			 struct pm_err *err)
{
	_cleanup_ctr_row_ struct pm_ctr_row other = {0};
	int r = pm_ctr_find(s->e->store, name, 0, &other, err);
	*ret = other.created;
	return r;
}

static int filter_before(const struct subject *s, const char *value, struct pm_err *err)
{
	int64_t t = 0;
	int r = other_created(s, value, &t, err);
	return r < 0 ? r : s->row->created < t;
}

static int filter_since(const struct subject *s, const char *value, struct pm_err *err)
{
	int64_t t = 0;
	int r = other_created(s, value, &t, err);
	return r < 0 ? r : s->row->created > t;
}

static int filter_until(const struct subject *s, const char *value, struct pm_err *err)
{
	int64_t t = 0;
	int r = pm_time_parse_user(value, pm_time_now(), true, &t, err);
	return r < 0 ? pm_wrap(err, "filter until") : s->row->created < t;
}

static const struct {
	const char *key;
	int (*match)(const struct subject *s, const char *value, struct pm_err *err);
} filters_known[] = {
	{"status", filter_status}, {"name", filter_name},     {"id", filter_id},
	{"label", filter_label},   {"exited", filter_exited}, {"ancestor", filter_ancestor},
	{"before", filter_before}, {"since", filter_since},   {"until", filter_until},
};

/* The index of a filter's key in filters_known. */
static int filter_key(const char *filter, struct pm_err *err)
{
	const char *eq = strchr(filter, '=');
	size_t len = eq ? (size_t)(eq - filter) : 0;
	if (!eq)
		return pm_fail(err, PM_E_USAGE, "invalid filter \"%s\": must be key=value", filter);
	for (size_t k = 0; k < PM_ARRAY_SIZE(filters_known); k++)
		if (strlen(filters_known[k].key) == len &&
		    memcmp(filters_known[k].key, filter, len) == 0)
			return (int)k;
	return pm_fail(err, PM_E_USAGE, "%.*s is an invalid filter", (int)len, filter);
}

int pm_ctr_filter_check(const struct pm_strv *filters, struct pm_err *err)
{
	int r = 0;
	for (size_t i = 0; i < filters->n && r >= 0; i++)
		r = filter_key(filters->v[i], err);
	return r < 0 ? r : 0;
}

int pm_ctr_filter(struct pm_engine *e, const struct pm_strv *filters, const struct pm_ctr_row *row,
		  const struct pm_ctr_state *st, struct pm_err *err)
{
	const struct subject s = {.e = e, .row = row, .st = st};
	int wanted[PM_ARRAY_SIZE(filters_known)] = {0}, matched[PM_ARRAY_SIZE(filters_known)] = {0};

	for (size_t i = 0; i < filters->n; i++) {
		int k = filter_key(filters->v[i], err);
		if (k < 0)
			return k;
		int r = filters_known[k].match(&s, strchr(filters->v[i], '=') + 1, err);
		if (r < 0)
			return r;
		wanted[k] = 1;
		/* labels must all be there; of other keys one value is enough */
		if (filters_known[k].match == filter_label && !r)
			return 0;
		matched[k] |= r;
	}
	for (size_t k = 0; k < PM_ARRAY_SIZE(filters_known); k++)
		if (wanted[k] && !matched[k])
			return 0;
	return 1;
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
	struct proxy proxy = {.e = e, .c = c};
	struct pm_attach_opts o = PM_ATTACH_OPTS_INIT;
	struct pm_attach_result result = {0};

	o.fd = m->attach_fd;
	o.terminal = tty;
	o.attach_stdin = with_stdin;
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
	if (r >= 0 && c)
		pm_event_container(e, c, "attach");
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
	bool detached = false;
	return pm_ctr_foreground(e, c, &m, c->config.terminal, with_stdin && c->config.stdin_open,
				 detach_keys, sig_proxy, &detached, err);
}
