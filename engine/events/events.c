#include "engine/events/events.h"

#include <errno.h>
#include <string.h>

#include "base/journal.h"
#include "base/log.h"

#define MAX_SIZE_DEFAULT 1000000

/* Whose event it is: members that are NULL are left out. */
struct subject {
	const char *type, *id, *name, *image, *network, *pod;
	const char *labels; /* JSON object text */
};

int pm_events_backend(struct pm_engine *e, enum pm_events_backend *ret, char **ret_path,
		      int64_t *ret_max_size, struct pm_err *err)
{
	int r = pm_engine_conf(e, err);
	if (r < 0)
		return r;
	const char *word = e->events_backend ? e->events_backend : e->conf.events_logger;
	*ret_path = NULL;
	*ret_max_size = MAX_SIZE_DEFAULT;
	if (pm_streq(word, "none")) {
		*ret = PM_EVENTS_NONE;
	} else if (pm_streq(word, "journald")) {
		*ret = PM_EVENTS_JOURNALD;
	} else if (pm_streq(word, "file")) {
		*ret = PM_EVENTS_FILE;
		if (e->conf.events_logfile_max_size)
			r = pm_conf_parse_size(e->conf.events_logfile_max_size, ret_max_size, err);
		if (r < 0)
			return pm_wrap(err, "containers.conf: events_logfile_max_size");
		*ret_path = e->conf.events_logfile_path && *e->conf.events_logfile_path
				    ? pm_strdup(e->conf.events_logfile_path)
				    : pm_store_run_path(e->store, "events/events.log");
	} else {
		return pm_fail(err, PM_E_USAGE,
			       "unknown events backend \"%s\": choose from file, journald, none",
			       word ? word : "");
	}
	return 0;
}

const char *pm_events_backend_name(enum pm_events_backend backend)
{
	switch (backend) {
	case PM_EVENTS_FILE:
		return "file";
	case PM_EVENTS_JOURNALD:
		return "journald";
	case PM_EVENTS_NONE:
		break;
	}
	return "none";
}

static void add_member(struct pm_buf *b, struct pm_json_pool *pool, const char *name,
		       const char *value)
{
	if (!value || !*value)
		return;
	pm_buf_printf(b, "\"%s\":", name);
	pm_json_write(pm_json_str(pool, value), 0, b);
	pm_buf_add_char(b, ',');
}

static void add_field(struct pm_buf *b, const char *name, const char *value)
{
	if (value && *value)
		pm_journal_field(b, name, value, strlen(value));
}

/* The human form that the journal's MESSAGE ends with; one line. */
static void add_message(struct pm_buf *b, const struct subject *s)
{
	size_t from = b->len;
	pm_buf_printf(b, "%s %s", s->type, s->id ? s->id : "");
	if (s->image)
		pm_buf_printf(b, " (image=%s, name=%s)", s->image, s->name ? s->name : "");
	else if (s->name)
		pm_buf_printf(b, "%s%s", s->id ? " " : "", s->name);
	for (size_t i = from; i < b->len; i++)
		if (b->data[i] == '\n')
			b->data[i] = ' ';
	pm_buf_add_char(b, '\n');
}

static void make_parts(const struct subject *s, enum pm_events_backend backend, struct pm_buf *head,
		       struct pm_buf *tail)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	if (backend == PM_EVENTS_FILE) {
		add_member(head, pool, "ID", s->id);
		add_member(head, pool, "Image", s->image);
		add_member(head, pool, "Name", s->name);
		add_member(head, pool, "network", s->network);
		add_member(head, pool, "PodID", s->pod);
		pm_buf_printf(tail, "\"Type\":\"%s\",\"Attributes\":%s", s->type,
			      s->labels && *s->labels ? s->labels : "null");
		return;
	}
	pm_buf_add_str(head, "SYSLOG_IDENTIFIER=podman\nPRIORITY=6\n");
	add_field(head, "PODMAN_TYPE", s->type);
	add_field(head, "PODMAN_ID", s->id);
	add_field(head, "PODMAN_IMAGE", s->image);
	add_field(head, "PODMAN_NAME", s->name);
	add_field(head, "PODMAN_NETWORK_NAME", s->network);
	add_field(head, "PODMAN_POD_ID", s->pod);
	if (s->labels && strcmp(s->labels, "{}") != 0)
		add_field(head, "PODMAN_LABELS", s->labels);
	add_message(tail, s);
}

static void tell(struct pm_engine *e, const char *status, const struct subject *s)
{
	_cleanup_buf_ struct pm_buf head = PM_BUF_INIT, tail = PM_BUF_INIT;
	_cleanup_free_ char *path = NULL;
	struct pm_err err = PM_ERR_INIT;
	struct pm_eventlog l = {0};
	struct pm_event_what what = {.status = status};

	int r = pm_events_backend(e, &l.backend, &path, &l.max_size, &err);
	if (r >= 0 && l.backend != PM_EVENTS_NONE) {
		make_parts(s, l.backend, &head, &tail);
		l.path = path;
		l.head = pm_buf_str(&head);
		l.tail = pm_buf_str(&tail);
		r = pm_eventlog_write(&l, &what, &err);
	}
	if (r < 0)
		pm_debug("event %s: %s", status, err.text);
}

static struct subject container_subject(const struct pm_container *c)
{
	return (struct subject){.type = "container",
				.id = c->row.id,
				.name = c->row.name,
				.image = c->row.image_name ? c->row.image_name : "",
				.pod = c->row.pod,
				.labels = c->row.labels ? c->row.labels : "{}"};
}

void pm_event_container(struct pm_engine *e, const struct pm_container *c, const char *status)
{
	const struct subject s = container_subject(c);
	if (!c->config.working)
		tell(e, status, &s);
}

void pm_event_image(struct pm_engine *e, const char *status, const char *id, const char *name)
{
	tell(e, status,
	     &(struct subject){.type = "image", .id = id, .name = name ? name : id});
}

void pm_event_named(struct pm_engine *e, const char *type, const char *status, const char *name)
{
	struct subject s = {.type = type, .name = name};
	if (strcmp(type, "secret") == 0) {
		s.id = name;
		s.name = NULL;
	}
	tell(e, status, &s);
}

void pm_event_network(struct pm_engine *e, const char *status, const char *network,
		      const struct pm_container *c)
{
	tell(e, status,
	     &(struct subject){.type = "network", .id = c->row.id, .name = c->row.name,
			       .network = network});
}

void pm_event_pod(struct pm_engine *e, const char *status, const char *id, const char *name,
		  const char *labels)
{
	tell(e, status,
	     &(struct subject){.type = "pod", .id = id, .name = name, .image = "",
			       .labels = labels});
}

int pm_events_plan(struct pm_engine *e, const struct pm_container *c, struct pm_launch_plan *plan,
		   struct pm_err *err)
{
	struct pm_buf head = PM_BUF_INIT, tail = PM_BUF_INIT;
	const struct subject s = container_subject(c);
	if (c->config.working) {
		plan->events_backend = PM_EVENTS_NONE;
		return 0;
	}
	int r = pm_events_backend(e, &plan->events_backend, &plan->events_path,
				  &plan->events_max_size, err);
	if (r < 0 || plan->events_backend == PM_EVENTS_NONE)
		return r;
	make_parts(&s, plan->events_backend, &head, &tail);
	plan->events_head = pm_buf_take(&head);
	plan->events_tail = pm_buf_take(&tail);
	return 0;
}
