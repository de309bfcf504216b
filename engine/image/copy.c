#include "engine/image/copy.h"

#include <string.h>
#include <unistd.h>

#include "engine/image/helper.h"
#include "registry/policy.h"

struct talk {
	struct pm_helper h;
	const struct pm_pull_progress *progress;
	struct pm_strv layers; /* of the image under way */
	char *digest;          /* the result */
};

static void emit(const struct talk *t, const struct pm_pull_event *ev)
{
	if (t->progress && t->progress->event)
		t->progress->event(t->progress->arg, ev);
}

static void add_text(struct pm_wire *w, const char *name, const char *value)
{
	if (value && *value)
		pm_wire_add(w, name, value);
}

static void add_flag(struct pm_wire *w, const char *name, bool value)
{
	if (value)
		pm_wire_add(w, name, "1");
}

static void make_request(struct pm_wire *w, const struct pm_copy_options *o)
{
	pm_wire_add(w, "type", "request");
	pm_wire_add(w, "op", "copy");
	pm_remote_add(w, "src_", &o->src);
	pm_remote_add(w, "dst_", &o->dst);
	add_text(w, "os", o->os);
	add_text(w, "arch", o->arch);
	add_text(w, "variant", o->variant);
	pm_wire_add(w, "multi", o->multi ? o->multi : "system");
	add_text(w, "format", o->format);
	add_text(w, "compression", o->compression);
	pm_wire_add_int(w, "level", o->level);
	add_flag(w, "compress", o->compress);
	add_flag(w, "decompress", o->decompress);
	add_flag(w, "accept_plain", o->accept_plain);
	add_flag(w, "preserve", o->preserve);
	add_flag(w, "foreign", o->foreign);
	add_text(w, "src_shared", o->src_shared);
	add_text(w, "dst_shared", o->dst_shared);
	add_text(w, "src_daemon", o->src_daemon);
	add_text(w, "dst_daemon", o->dst_daemon);
	if (o->tags)
		pm_wire_add_list(w, "tag", o->tags);
}

static int on_progress(struct talk *t, const struct pm_wire *w, struct pm_err *err)
{
	int64_t index = -1, done = 0, total = 0, state = 0;
	if (pm_wire_get_int(w, "index", -1, &index, err) < 0 ||
	    pm_wire_get_int(w, "done", 0, &done, err) < 0 ||
	    pm_wire_get_int(w, "total", 0, &total, err) < 0 ||
	    pm_wire_get_int(w, "state", 0, &state, err) < 0 || index < 0 ||
	    (size_t)index >= t->layers.n || state < 0 || state > PM_LAYER_EXISTS || done < 0 ||
	    total < 0)
		return pm_fail(err, PM_E_INTERNAL, "malformed message from pm-transfer");
	struct pm_pull_event ev = {
		.kind = PM_PULL_LAYER,
		.state = (enum pm_pull_layer_state)state,
		.layer = (unsigned int)index,
		.layers = (unsigned int)t->layers.n,
		.digest = t->layers.v[index],
		.done = (uint64_t)done,
		.total = (uint64_t)total,
	};
	emit(t, &ev);
	return 0;
}

/* 1: that was the last one. */
static int on_message(struct talk *t, const struct pm_wire *w, struct pm_err *err)
{
	const char *type = pm_wire_get(w, "type"), *text = pm_wire_get(w, "text");
	struct pm_pull_event ev = {.text = text, .digest = text};
	if (pm_streq(type, "progress"))
		return on_progress(t, w, err);
	if (pm_streq(type, "image")) {
		pm_strv_free(&t->layers);
		pm_wire_get_list(w, "layer", &t->layers);
		ev.kind = PM_PULL_SOURCE;
		ev.layers = (unsigned int)t->layers.n;
	} else if (pm_streq(type, "config") && text) {
		ev.kind = PM_PULL_CONFIG;
	} else if (pm_streq(type, "manifest")) {
		ev.kind = PM_PULL_COMMIT;
	} else if (pm_streq(type, "retry") && text) {
		ev.kind = PM_PULL_RETRY;
	} else if (pm_streq(type, "result") && pm_digest_valid(pm_wire_get(w, "digest"))) {
		free(t->digest);
		t->digest = pm_strdup(pm_wire_get(w, "digest"));
		return 0;
	} else if (pm_streq(type, "end") && t->digest) {
		return 1;
	} else {
		return pm_fail(err, PM_E_INTERNAL, "malformed message from pm-transfer");
	}
	emit(t, &ev);
	return 0;
}

/* pm-transfer has other standard streams than pm: an archive there is handed over. */
static bool is_stream(const char *transport, const char *name, const char *stream)
{
	size_t n = strlen(stream);
	return pm_endswith(transport, "-archive") && strncmp(name, stream, n) == 0 &&
	       (name[n] == '\0' || name[n] == ':');
}

int pm_image_copy(const char *src, const char *dst, const struct pm_copy_options *o,
		  const struct pm_pull_progress *progress, char ret_digest[PM_DIGEST_SIZE],
		  struct pm_err *err)
{
	const char *from, *to, *from_name, *to_name;
	int r = pm_transport_split(src, &from, &from_name, err);
	if (r >= 0)
		r = pm_transport_split(dst, &to, &to_name, err);
	if (r >= 0 && !o->any_policy)
		r = pm_policy_check(o->policy, from, from_name, err);
	if (r < 0)
		return r;
	struct talk t = {.h = PM_HELPER_INIT, .progress = progress};
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	make_request(&w, o);
	pm_wire_add(&w, "src_transport", from);
	pm_wire_add(&w, "src_name", from_name);
	pm_wire_add(&w, "dst_transport", to);
	pm_wire_add(&w, "dst_name", to_name);
	int fds[2];
	size_t n = 0;
	if (is_stream(from, from_name, "/dev/stdin")) {
		pm_wire_add(&w, "fds", "input");
		fds[n++] = STDIN_FILENO;
	}
	if (is_stream(to, to_name, "/dev/stdout")) {
		pm_wire_add(&w, "fds", "output");
		fds[n++] = STDOUT_FILENO;
	}
	r = pm_helper_begin(&t.h, err);
	if (r >= 0)
		r = pm_wire_send(t.h.sock, &w, fds, n, err);
	while (r == 0) {
		_cleanup_wire_ struct pm_wire m = PM_WIRE_INIT;
		r = pm_helper_next(&t.h, &m, NULL, NULL, err);
		if (r >= 0)
			r = on_message(&t, &m, err);
	}
	if (r > 0 && ret_digest)
		memcpy(ret_digest, t.digest, PM_DIGEST_SIZE);
	pm_helper_finish(&t.h);
	pm_helper_unmask(&t.h);
	pm_strv_free(&t.layers);
	free(t.digest);
	return r < 0 ? r : 0;
}
