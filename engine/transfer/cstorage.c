#include "engine/transfer/cstorage.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "engine/transfer/layers.h"
#include "engine/transfer/sandbox.h"
#include "engine/transfer/tarsplit.h"
#include "registry/auth.h"
#include "registry/reference.h"

enum { INDEX_MAX = 256 << 20, LAYERS_MAX = 1000 };

struct cstorage {
	struct pm_session *s;
	const char *where;
	int root;
	const char *driver; /* "overlay" or "vfs" */
	struct pm_json_pool *pool;
	struct pm_json *images, *layers; /* arrays */
};

/* What a layer's writer needs. */
struct writer {
	struct cstorage *c;
	const char *id; /* of the layer in that store */
	pid_t pid;      /* 0: not started */
	int report;     /* the error it had, -1: not started */
};

struct delivery {
	struct cstorage *c;
	const struct pm_json *image;
	struct writer *writers; /* bottom first */
	size_t n;
};

static int read_json(struct cstorage *c, const char *kind, struct pm_json **ret, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	_cleanup_free_ char *path = pm_asprintf("%s-%s/%s.json", c->driver, kind, kind);
	int r = pm_fs_read_in(c->root, path, INDEX_MAX, &text, err);
	if (r >= 0)
		r = pm_json_parse(c->pool, pm_buf_str(&text), text.len, ret, err);
	if (r >= 0 && !pm_json_is(*ret, PM_JSON_ARRAY))
		r = pm_fail(err, PM_E_FORMAT, "it holds no list");
	return r < 0 ? pm_wrap(err, "%s/%s", c->where, path) : 0;
}

/* Layers of containers that are not to outlast a reboot are apart; images may be on top of none of them. */
static int open_store(struct cstorage *c, const char *driver, struct pm_err *err)
{
	static const char *const drivers[] = {"overlay", "vfs"};
	for (size_t i = 0; i < PM_ARRAY_SIZE(drivers); i++) {
		_cleanup_free_ char *probe = pm_asprintf("%s-images/images.json", drivers[i]);
		if (*driver ? strcmp(driver, drivers[i]) != 0 && strcmp(driver, "overlay2") != 0
			    : faccessat(c->root, probe, F_OK, 0) < 0)
			continue;
		c->driver = drivers[i];
		int r = read_json(c, "images", &c->images, err);
		return r < 0 ? r : read_json(c, "layers", &c->layers, err);
	}
	if (*driver)
		return pm_fail(err, PM_E_UNSUPPORTED,
			       "the storage driver '%.50s' cannot be read: overlay and vfs can", driver);
	return pm_fail(err, PM_E_NOSUCH, "%s is no store of containers/storage: no overlay-images or "
					 "vfs-images in it",
		       c->where);
}

static const struct pm_json *find_layer(const struct cstorage *c, const char *id)
{
	for (size_t i = 0; i < pm_json_len(c->layers); i++) {
		const struct pm_json *l = pm_json_at(c->layers, i);
		if (pm_streq(pm_json_get_str(l, "id"), id))
			return l;
	}
	return NULL;
}

/* --- documents --------------------------------------------------------------------------------- */

static bool is_plain(const char *key)
{
	return *key && key[0] != '.' &&
	       !key[strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")];
}

static int read_data(const struct delivery *d, const char *key, size_t max, struct pm_buf *out,
		     struct pm_err *err)
{
	const char *id = pm_json_get_str(d->image, "id");
	_cleanup_free_ char *coded = is_plain(key) ? NULL : pm_base64_encode(key, strlen(key));
	if (!pm_hex64_valid(id))
		return pm_fail(err, PM_E_FORMAT, "%s: an image's id is malformed", d->c->where);
	_cleanup_free_ char *path = pm_asprintf("%s-images/%s/%s%s", d->c->driver, id,
						coded ? "=" : "", coded ? coded : key);
	return pm_fs_read_in(d->c->root, path, max, out, err);
}

static int get_manifest(void *arg, const char *digest, int64_t size, struct pm_buf *out,
			char **ret_type, struct pm_err *err)
{
	_cleanup_free_ char *key = pm_asprintf("manifest-%s", digest);
	(void)size;
	*ret_type = NULL;
	int r = read_data(arg, key, PM_MANIFEST_MAX, out, err);
	return r < 0 ? r : pm_digest_verify(pm_buf_str(out), out->len, digest, "manifest", err);
}

static int get_config(void *arg, const struct pm_descriptor *d, struct pm_buf *out,
		      struct pm_err *err)
{
	int r = read_data(arg, d->digest, PM_CONFIG_MAX, out, err);
	return r < 0 ? r : pm_digest_verify(pm_buf_str(out), out->len, d->digest, "config", err);
}

/* --- layers ------------------------------------------------------------------------------------ */

static int to_pipe(void *arg, const void *data, size_t len, struct pm_err *err)
{
	return pm_fs_write_all(*(int *)arg, data, len, err);
}

/* In the writer's process. */
static int write_layer(struct writer *w, int packed, int out, int report, struct pm_err *err)
{
	int userns = w->c->s->userns;
	const int keep[] = {packed, out, report, w->c->root, userns};
	_cleanup_free_ char *path = strcmp(w->c->driver, "vfs") == 0
					    ? pm_asprintf("vfs/dir/%s", w->id)
					    : pm_asprintf("%s/%s/diff", w->c->driver, w->id);
	int r = pm_sandbox_close_others(keep, PM_ARRAY_SIZE(keep), err);
	if (r >= 0 && userns >= 0)
		r = pm_sandbox_enter_userns(userns, err);
	if (r < 0)
		return r;
	int diff = pm_fs_open_in(w->c->root, path, O_RDONLY | O_DIRECTORY, 0, err);
	if (diff < 0)
		return diff;
	close(w->c->root);
	if (userns >= 0)
		close(userns);
	if ((r = pm_sandbox_chroot(diff, err)) < 0 || (r = pm_sandbox_drop_capabilities(PM_SANDBOX_PACK, err)) < 0)
		return r;
	/* after the change of credentials, which clears it */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	r = pm_sandbox_filter(PM_SANDBOX_PACK, err);
	return r < 0 ? r : pm_tarsplit_replay(packed, diff, to_pipe, &out, err);
}

static _Noreturn void writer_main(struct writer *w, int packed, int out, int report)
{
	struct pm_err err = PM_ERR_INIT;
	signal(SIGINT, SIG_IGN); /* the terminal's are for pm */
	signal(SIGHUP, SIG_IGN);
	if (write_layer(w, packed, out, report, &err) < 0 && err.code != EPIPE)
		pm_err_send(report, &err);
	_exit(err.code != 0);
}

static int start_writer(void *arg, struct pm_err *err)
{
	struct writer *w = arg;
	_cleanup_free_ char *path = pm_asprintf("%s-layers/%s.tar-split.gz", w->c->driver, w->id);
	_cleanup_close_ int packed = pm_fs_open_in(w->c->root, path, O_RDONLY, 0, err);
	if (packed < 0)
		return pm_wrap(err, "layer %.12s of %s cannot be made again", w->id, w->c->where);
	int data[2], report[2];
	if (pipe2(data, O_CLOEXEC) < 0)
		return pm_fail_sys(err, "make a pipe");
	if (pipe2(report, O_CLOEXEC) < 0) {
		close(data[0]);
		close(data[1]);
		return pm_fail_sys(err, "make a pipe");
	}
	fcntl(data[1], F_SETPIPE_SZ, 1 << 20);
	w->pid = fork();
	if (w->pid == 0)
		writer_main(w, packed, data[1], report[1]);
	close(data[1]);
	close(report[1]);
	w->report = report[0];
	if (w->pid > 0)
		return data[0];
	w->pid = 0;
	close(data[0]);
	return pm_fail_sys(err, "start a process");
}

/* End them all; the first error that one of them had, when fetching failed, is the cause. */
static int end_writers(struct delivery *d, int r, struct pm_err *err)
{
	bool told = r >= 0 || r == -PM_E_CANCELLED;
	for (size_t i = 0; i < d->n; i++) {
		struct writer *w = &d->writers[i];
		struct pm_err why = PM_ERR_INIT;
		if (w->pid <= 0)
			continue;
		kill(w->pid, SIGKILL);
		waitpid(w->pid, NULL, 0);
		if (!told && pm_err_recv(w->report, &why) < 0) {
			r = pm_fail(err, why.code, "layer %.12s of %s: %s", w->id, d->c->where, why.text);
			told = true;
		}
		close(w->report);
	}
	return r;
}

/* The image's layers by parents, which must be what its configuration says. */
static int find_layers(struct delivery *d, const struct pm_tx_image *i, struct pm_err *err)
{
	const char *id = pm_json_get_str(d->image, "layer");
	d->n = i->n_layers;
	d->writers = pm_calloc(d->n + 1, sizeof(*d->writers));
	for (size_t k = d->n; k > 0; k--) {
		const struct pm_json *l = id ? find_layer(d->c, id) : NULL;
		if (!l || !pm_hex64_valid(id))
			return pm_fail(err, PM_E_FORMAT, "%s: layer %.64s of image %.12s is missing",
				       d->c->where, id ? id : "", pm_json_get_str(d->image, "id"));
		if (!pm_streq(pm_json_get_str(l, "diff-digest"), i->layers[k - 1].diff_id))
			return pm_fail(err, PM_E_DIGEST, "%s: layer %.12s is not what the configuration of "
							 "image %.12s says",
				       d->c->where, id, pm_json_get_str(d->image, "id"));
		d->writers[k - 1] = (struct writer){.c = d->c, .id = id, .report = -1};
		id = pm_json_get_str(l, "parent");
		if (id && !*id)
			id = NULL;
	}
	return id ? pm_fail(err, PM_E_FORMAT, "%s: image %.12s has more layers than its configuration",
			    d->c->where, pm_json_get_str(d->image, "id"))
		  : 0;
}

static int fetch(struct delivery *d, struct pm_tx_image *i, struct pm_err *err)
{
	struct pm_http *http; /* for its loop only */
	int r = pm_session_offer(d->c->s, i, err);
	if (r >= 0)
		r = pm_http_new(60, &http, err);
	if (r < 0)
		return r;
	for (size_t k = 0; k < d->n; k++) {
		i->layers[k].open = start_writer;
		i->layers[k].open_arg = &d->writers[k];
	}
	r = pm_layers_fetch(d->c->s, i, http, NULL, d->c->where, false, err);
	pm_http_free(http);
	r = end_writers(d, r, err);
	return r < 0 ? r : pm_session_ready(d->c->s, err);
}

/* names: those it gets. */
static int send_image(struct cstorage *c, const struct pm_json *image, const struct pm_strv *names,
		      struct pm_err *err)
{
	struct delivery d = {.c = c, .image = image};
	struct pm_tx_source source = {get_manifest, get_config, &d};
	_cleanup_tx_image_ struct pm_tx_image i = {0};
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	pm_strv_add_all(&i.names, pm_strv_argv(names));
	int r = read_data(&d, "manifest", PM_MANIFEST_MAX, &text, err);
	if (r >= 0)
		r = pm_tx_image_fill(c->s, &i, &text, NULL, &source, err);
	if (r >= 0)
		r = find_layers(&d, &i, err);
	if (r >= 0)
		r = fetch(&d, &i, err);
	free(d.writers);
	return r;
}

/* --- which ------------------------------------------------------------------------------------- */

/* How well name is what was asked for: 0 not, else better the larger. "busybox" is docker.io/library/busybox:latest,
 * localhost/busybox:latest, or any that ends so. */
static int fits(const char *name, const char *which)
{
	_cleanup_reference_ struct pm_reference ref = PM_REFERENCE_INIT;
	if (strcmp(name, which) == 0)
		return 4;
	if (pm_reference_parse(which, &ref, NULL) < 0)
		return 0;
	if (!ref.digest)
		pm_reference_default_tag(&ref);
	_cleanup_free_ char *as_given = pm_reference_str(&ref);
	_cleanup_free_ char *local = pm_asprintf("localhost/%s", as_given);
	_cleanup_free_ char *suffix = pm_asprintf("/%s", as_given);
	pm_reference_normalize(&ref);
	_cleanup_free_ char *full = pm_reference_str(&ref);
	if (strcmp(name, as_given) == 0 || strcmp(name, full) == 0)
		return 3;
	return strcmp(name, local) == 0 ? 2 : pm_endswith(name, suffix);
}

struct choice {
	const struct pm_json *image;
	const char *name; /* NULL: by id */
	int how;
	bool several;
};

static void consider(struct choice *ch, const struct pm_json *image, const char *name, int how)
{
	if (!how || how < ch->how)
		return;
	ch->several = how == ch->how && image != ch->image;
	*ch = (struct choice){image, name, how, ch->several};
}

static int choose(const struct cstorage *c, const char *which, struct choice *ret,
		  struct pm_err *err)
{
	const char *hex = pm_startswith(which, "sha256:") ? which + 7 : *which == '@' ? which + 1 : which;
	bool may_be_id = strspn(hex, "0123456789abcdef") == strlen(hex) && *hex;
	struct choice ch = {0};
	for (size_t i = 0; i < pm_json_len(c->images); i++) {
		const struct pm_json *image = pm_json_at(c->images, i);
		const struct pm_json *names = pm_json_get(image, "names");
		const char *id = pm_json_get_str(image, "id");
		for (size_t k = 0; k < pm_json_len(names); k++) {
			const struct pm_json *n = pm_json_at(names, k);
			if (pm_json_is(n, PM_JSON_STRING))
				consider(&ch, image, n->string, fits(n->string, which));
		}
		if (may_be_id && id && pm_startswith(id, hex))
			consider(&ch, image, NULL, strlen(hex) == 64 ? 5 : 1);
	}
	if (!ch.image)
		return pm_fail(err, PM_E_NOSUCH, "%s: image not known in %s", which, c->where);
	if (ch.several)
		return pm_fail(err, PM_E_AMBIGUOUS, "%s: more than one image of %s can be meant", which,
			       c->where);
	*ret = ch;
	return 0;
}

/* Its names that are names for pm as well. */
static void names_of(const struct pm_json *image, struct pm_strv *ret)
{
	const struct pm_json *names = pm_json_get(image, "names");
	for (size_t k = 0; k < pm_json_len(names); k++) {
		const struct pm_json *n = pm_json_at(names, k);
		_cleanup_reference_ struct pm_reference ref = PM_REFERENCE_INIT;
		if (pm_json_is(n, PM_JSON_STRING) && pm_reference_parse(n->string, &ref, NULL) >= 0 &&
		    ref.domain)
			pm_strv_add(ret, n->string);
	}
}

/* A manifest list is an image of its own there, without layers. */
static bool is_list(struct cstorage *c, const struct pm_json *image)
{
	struct delivery d = {.c = c, .image = image};
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	struct pm_json *doc;
	return read_data(&d, "manifest", PM_MANIFEST_MAX, &text, NULL) >= 0 &&
	       pm_json_parse(c->pool, pm_buf_str(&text), text.len, &doc, NULL) >= 0 &&
	       pm_json_get(doc, "manifests");
}

static int send_all(struct cstorage *c, struct pm_err *err)
{
	if (!pm_json_len(c->images))
		return pm_fail(err, PM_E_NOSUCH, "%s has no images", c->where);
	for (size_t i = 0; i < pm_json_len(c->images); i++) {
		const struct pm_json *image = pm_json_at(c->images, i);
		_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
		names_of(image, &names);
		const char *shown = names.n ? names.v[0] : pm_json_get_str(image, "id");
		if (is_list(c, image)) {
			pm_warn("%s is a manifest list, which is left out", shown ? shown : "an image");
			continue;
		}
		int r = pm_session_send_text(c->s, "trying", shown, err);
		if (r >= 0)
			r = send_image(c, image, &names, err);
		if (r < 0)
			return pm_wrap(err, "image %.200s", shown ? shown : "");
	}
	return 0;
}

int pm_cstorage_send(struct pm_session *s, const char *root, const char *driver, const char *which,
		     struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_close_ int fd = pm_fs_open(AT_FDCWD, root, O_RDONLY | O_DIRECTORY, 0, err);
	struct cstorage c = {.s = s, .where = root, .root = fd, .pool = pool};
	struct choice ch = {0};
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	if (fd < 0)
		return fd;
	int r = open_store(&c, driver, err);
	if (r < 0)
		return r;
	if (!*which)
		return send_all(&c, err);
	r = choose(&c, which, &ch, err);
	if (r < 0)
		return r;
	if (ch.name)
		pm_strv_add(&names, ch.name);
	else
		names_of(ch.image, &names);
	return send_image(&c, ch.image, &names, err);
}
