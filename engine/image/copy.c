#include "engine/image/copy.h"

#include <string.h>
#include <unistd.h>

#include "engine/image/helper.h"
#include "engine/image/other_store.h"
#include "engine/image/push.h"
#include "engine/image/resolve.h"
#include "engine/image/signing.h"
#include "registry/policy.h"
#include "registry/reference.h"
#include "storage/image.h"

struct talk {
	struct pm_helper h;
	const struct pm_pull_progress *progress;
	struct pm_strv layers; /* of the image under way */
	bool done;
	struct pm_written written;
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
	add_flag(w, "precompute", o->precompute);
	add_flag(w, "foreign", o->foreign);
	add_flag(w, "instance", o->instance);
	add_text(w, "src_shared", o->src_shared);
	add_text(w, "dst_shared", o->dst_shared);
	add_text(w, "src_daemon", o->src_daemon);
	add_text(w, "dst_daemon", o->dst_daemon);
	add_text(w, "registries_d", o->registries_d);
	add_flag(w, "remove_signatures", o->remove_signatures);
	pm_signing_add(w, o->signing);
	pm_decryption_add(w, o->decryption);
	pm_encryption_add(w, o->encryption);
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
	} else if (pm_streq(type, "result")) {
		t->done = true;
		return pm_written_read(w, &t->written, err);
	} else if (pm_streq(type, "end") && t->done) {
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

/* --- the local store ----------------------------------------------------------------------------- */

static bool is_store(const char *name)
{
	return pm_streq(pm_transport_of(name), "containers-storage");
}

bool pm_copy_needs_store(const char *src, const char *dst)
{
	return is_store(src) || is_store(dst);
}

/* What is done to images on their way only. */
static int refuse_for_store(const struct pm_copy_options *o, bool into, struct pm_err *err)
{
	const struct {
		const char *name;
		bool given;
	} options[] = {
		{"--multi-arch", o->multi && strcmp(o->multi, "system") != 0},
		{"--dest-compress", o->compress},
		{"--dest-decompress", o->decompress},
		{"--preserve-digests", o->preserve && !into},
		{"--dest-oci-accept-uncompressed-layers", o->accept_plain},
		{"--dest-compress-format", o->compression && into},
		{"--format", o->format && into},
		{"--foreign-layers", o->foreign},
		{"--additional-tag", o->tags && o->tags->n},
		{"--src-shared-blob-dir", o->src_shared},
		{"--dest-shared-blob-dir", o->dst_shared},
		{"--src-daemon-host", o->src_daemon},
		{"--dest-daemon-host", o->dst_daemon},
		{"--src-registry-token", o->src.token && !into},
		{"--dest-registry-token", o->dst.token},
		{"--dest-no-creds", o->dst.no_creds},
		{"--sign-by", pm_signing_wanted(o->signing) && into},
		{"--encryption-key", pm_encryption_wanted(o->encryption) && into},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(options); i++) {
		if (options[i].given)
			return pm_fail(err, PM_E_UNSUPPORTED,
				       "%s cannot be used with containers-storage:", options[i].name);
	}
	return 0;
}

/* The store that a name which begins with "[" is in, opened to write to it, and what the name is there. */
static int open_other(const struct pm_store *store, const char *name, bool create,
		      struct pm_store **ret_store, char **ret_name, struct pm_err *err)
{
	_cleanup_storage_ref_ struct pm_storage_ref ref = {0};
	int r = pm_storage_ref_parse(name, &ref, err);
	if (r >= 0 && !*ref.image)
		r = pm_fail(err, PM_E_USAGE, "containers-storage:%s names no image", name);
	if (r >= 0)
		r = pm_other_store_open(store, &ref, create, ret_store, err);
	if (r >= 0)
		*ret_name = pm_steal(&ref.image);
	return r;
}

static int copy_into_store(struct pm_store *store, const char *src, const char *name,
			   const struct pm_copy_options *o, const struct pm_pull_progress *progress,
			   struct pm_written *ret, struct pm_err *err);

static int copy_into_other(struct pm_store *store, const char *src, const char *name,
			   const struct pm_copy_options *o, const struct pm_pull_progress *progress,
			   struct pm_written *ret, struct pm_err *err)
{
	_cleanup_store_ struct pm_store *other = NULL;
	_cleanup_free_ char *there = NULL, *from = NULL;
	int r = open_other(store, name, true, &other, &there, err);
	if (r < 0)
		return r;
	/* this store, as that one sees it */
	const char *here = is_store(src) ? src + strlen("containers-storage:") : NULL;
	if (here && *here != '[')
		from = pm_asprintf("containers-storage:[%s+%s]%s", store->root, store->runroot, here);
	return copy_into_store(other, from ? from : src, there, o, progress, ret, err);
}

static int copy_into_store(struct pm_store *store, const char *src, const char *name,
			   const struct pm_copy_options *o, const struct pm_pull_progress *progress,
			   struct pm_written *ret, struct pm_err *err)
{
	_cleanup_reference_ struct pm_reference ref = PM_REFERENCE_INIT;
	_cleanup_strv_ struct pm_strv ids = PM_STRV_INIT;
	_cleanup_image_row_ struct pm_image_row row = {0};
	if (*name == '[')
		return copy_into_other(store, src, name, o, progress, ret, err);
	int r = refuse_for_store(o, true, err);
	if (r >= 0 && is_store(src) && pm_endswith(src, "]"))
		r = pm_fail(err, PM_E_USAGE, "%s names no image", src);
	if (r >= 0)
		r = pm_reference_parse_docker(name, &ref, err);
	if (r < 0)
		return r;
	if (ref.digest)
		return pm_fail(err, PM_E_USAGE, "'%s' has a digest: a new name cannot have one", name);
	pm_reference_default_tag(&ref);
	_cleanup_free_ char *full = pm_reference_str(&ref);
	struct pm_pull_options po = PM_PULL_OPTIONS_INIT;
	po.authfile = o->src.authfile;
	po.creds = o->src.creds;
	po.token = o->src.token;
	po.no_creds = o->src.no_creds;
	po.cert_dir = o->src.cert_dir;
	po.tls_verify = o->src.tls_verify;
	po.os = o->os;
	po.arch = o->arch;
	po.variant = o->variant;
	po.signature_policy = o->policy;
	po.any_policy = o->any_policy;
	po.registries_d = o->registries_d;
	po.remove_signatures = o->remove_signatures;
	po.store_as = full;
	po.decryption = o->decryption;
	r = pm_image_pull(store, src, &po, progress, &ids, err);
	if (r >= 0)
		r = pm_image_by_id(store, ids.v[0], PM_IMAGE_MANIFEST, &row, err);
	/* From this store to itself it is another name only. */
	if (r >= 0 && is_store(src))
		r = pm_image_tag(store, ids.v[0], full, row.digest, NULL, err);
	if (r >= 0 && ret) {
		*ret = (struct pm_written){.size = (int64_t)row.manifest_len};
		snprintf(ret->digest, sizeof(ret->digest), "%s", row.digest);
		snprintf(ret->media_type, sizeof(ret->media_type), "%s", row.media_type);
	}
	return r;
}

static int copy_from_store(struct pm_store *store, const char *name, const char *to,
			   const char *to_name, const struct pm_copy_options *o,
			   const struct pm_pull_progress *progress, struct pm_written *ret,
			   struct pm_err *err)
{
	struct pm_push_image image = {0};
	_cleanup_store_ struct pm_store *other = NULL;
	_cleanup_free_ char *there = NULL;
	int r = refuse_for_store(o, false, err);
	if (r >= 0 && *name == '[') {
		r = open_other(store, name, false, &other, &there, err);
		store = other;
		name = there;
	}
	if (r >= 0)
		r = pm_image_resolve(store, name, image.id, NULL, err);
	if (r < 0)
		return r;
	struct pm_push_options po = PM_PUSH_OPTIONS_INIT;
	po.transport = to;
	po.name = to_name;
	po.output = is_stream(to, to_name, "/dev/stdout") ? STDOUT_FILENO : -1;
	po.authfile = o->dst.authfile;
	po.creds = o->dst.creds;
	po.cert_dir = o->dst.cert_dir;
	po.tls_verify = o->dst.tls_verify;
	po.retries = o->dst.retries;
	po.format = o->format;
	po.compression = o->compression;
	po.chosen = o->compression != NULL;
	po.level = (int)o->level;
	po.precompute = o->precompute;
	po.instance = o->instance;
	po.registries_d = o->registries_d;
	po.signing = o->signing;
	po.encryption = o->encryption;
	po.signatures = !o->remove_signatures;
	return pm_image_push(store, &image, 1, &po, progress, ret, err);
}

int pm_image_copy(struct pm_store *store, const char *src, const char *dst,
		  const struct pm_copy_options *o, const struct pm_pull_progress *progress,
		  struct pm_written *ret, struct pm_err *err)
{
	const char *from, *to, *from_name, *to_name;
	int r = pm_transport_split(src, &from, &from_name, err);
	if (r >= 0)
		r = pm_transport_split(dst, &to, &to_name, err);
	if (r >= 0 && is_store(dst))
		return copy_into_store(store, src, to_name, o, progress, ret, err);
	if (r >= 0 && is_store(src))
		return copy_from_store(store, from_name, to, to_name, o, progress, ret, err);
	if (r >= 0 && !o->any_policy)
		r = pm_policy_check(o->policy, from, from_name, err);
	if (r < 0)
		return r;
	bool want_signatures = r > 0;
	struct talk t = {.h = PM_HELPER_INIT, .progress = progress};
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	make_request(&w, o);
	if (want_signatures) {
		pm_wire_add(&w, "signed", "1");
		add_text(&w, "policy", o->policy);
	}
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
	if (r > 0 && ret)
		*ret = t.written;
	pm_helper_finish(&t.h);
	pm_helper_unmask(&t.h);
	pm_strv_free(&t.layers);
	return r < 0 ? r : 0;
}
