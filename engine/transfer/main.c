/*
 * pm-transfer - fetches images for pm: from registries, layouts and archives. Everything hostile that an image
 * consists of is parsed here and in its extractor processes, never in pm. Started by pm with a socket as
 * descriptor 3 (engine/transfer/protocol.h); it has nothing to say to a user and takes no options.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "engine/image/pull.h"
#include "engine/transfer/access.h"
#include "engine/transfer/archive.h"
#include "engine/transfer/commit.h"
#include "engine/transfer/copy.h"
#include "engine/transfer/cstorage.h"
#include "engine/transfer/extract.h"
#include "engine/transfer/fetch_url.h"
#include "engine/transfer/layers.h"
#include "engine/transfer/pm_store.h"
#include "engine/transfer/protocol.h"
#include "engine/transfer/push.h"
#include "engine/transfer/query.h"
#include "engine/transfer/session.h"
#include "engine/transfer/signing.h"
#include "engine/transfer/trust.h"
#include "engine/transfer/verify.h"
#include "registry/client.h"
#include "registry/daemon.h"
#include "registry/image_path.h"
#include "storage/deflate.h"

/* --- registries ---------------------------------------------------------------------------------- */

struct remote {
	struct pm_session *s;
	struct pm_client *client;
};

static int remote_manifest(void *arg, const char *digest, int64_t size, struct pm_buf *out,
			   char **ret_type, struct pm_err *err)
{
	struct remote *r = arg;
	(void)size;
	return pm_client_manifest(r->client, digest, out, ret_type, err);
}

static int remote_config(void *arg, const struct pm_descriptor *d, struct pm_buf *out,
			 struct pm_err *err)
{
	struct remote *r = arg;
	return pm_client_blob(r->client, d->digest, d->size, out, err);
}

/* Its signatures: verified where that is demanded, and to be stored. */
static int find_signatures(struct pm_session *s, struct pm_client *client,
			   const struct pm_reference *ref, const char *full, struct pm_tx_image *i,
			   struct pm_err *err)
{
	struct pm_trust_registry at = {client, ref, pm_wire_get(&s->request, "registries_d")};
	const struct pm_trust_image t = {
		.transport = "docker",
		.scope = full,
		.digest = i->digest,
		.list = i->name_digest[0] ? i->name_digest : NULL,
		.fetch = pm_trust_fetch_registry,
		.arg = &at,
	};
	bool drop = pm_streq(pm_wire_get(&s->request, "remove_signatures"), "1");
	i->signatures_looked = true;
	if (drop && !pm_trust_wanted(s))
		return 0;
	int r = pm_trust_fetch_registry(&at, i->digest, &i->signatures, err);
	if (r >= 0)
		r = pm_trust_verify(s, &t, &i->signatures, err);
	if (drop)
		pm_signatures_free(&i->signatures);
	return r;
}

/* One image by tag or digest, named as asked for. */
static int send_remote(struct pm_session *s, struct pm_http *http, struct pm_client *client,
		       const struct pm_reference *ref, struct pm_err *err)
{
	struct remote remote = {s, client};
	struct pm_tx_source source = {remote_manifest, remote_config, &remote};
	const char *what = ref->digest ? ref->digest : ref->tag;
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	_cleanup_free_ char *type = NULL;
	_cleanup_tx_image_ struct pm_tx_image i = {0};
	int r = pm_client_manifest(client, what, &text, &type, err);
	if (r < 0)
		return r;
	r = pm_tx_image_fill(s, &i, &text, type, &source, err);
	if (r < 0)
		return pm_wrap(err, "image %s in %s", what, pm_client_where(client));
	_cleanup_free_ char *full = pm_reference_str(ref);
	r = find_signatures(s, client, ref, full, &i, err);
	if (r < 0)
		return r;
	_cleanup_free_ char *name = pm_reference_name(ref);
	if (ref->digest)
		pm_strv_addf(&i.names, "%s@%s", name, ref->digest);
	else
		pm_strv_addf(&i.names, "%s:%s", name, ref->tag);
	r = pm_session_offer(s, &i, err);
	if (r >= 0)
		r = pm_layers_fetch(s, &i, http, client, pm_client_where(client), false, err);
	return r < 0 ? r : pm_session_ready(s, err);
}

static int send_tags(struct pm_session *s, struct pm_http *http, struct pm_client *client,
		     const struct pm_reference *ref, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv tags = PM_STRV_INIT;
	int r = pm_client_tags(client, &tags, err);
	if (r >= 0 && !tags.n)
		return pm_fail(err, PM_E_NOSUCH, "%s has no tags", pm_client_where(client));
	for (size_t k = 0; r >= 0 && k < tags.n; k++) {
		_cleanup_reference_ struct pm_reference one = PM_REFERENCE_INIT;
		pm_reference_copy(ref, &one);
		free(one.tag);
		one.tag = pm_strdup(tags.v[k]);
		_cleanup_free_ char *text = pm_reference_str(&one);
		r = pm_session_send_text(s, "trying", text, err);
		if (r >= 0)
			r = send_remote(s, http, client, &one, err);
	}
	return r;
}

static int pull_docker(struct pm_session *s, struct pm_err *err)
{
	const char *name = pm_wire_get(&s->request, "name");
	_cleanup_reference_ struct pm_reference ref = PM_REFERENCE_INIT;
	int r = pm_reference_parse(name ? name : "", &ref, err);
	if (r < 0)
		return r;
	if (!ref.domain)
		return pm_fail(err, PM_E_INTERNAL, "'%.200s' names no registry", name);
	pm_reference_normalize(&ref);
	int64_t all = 0;
	r = pm_wire_get_int(&s->request, "all_tags", 0, &all, err);
	_cleanup_access_ struct pm_access access = {0};
	if (r >= 0)
		r = pm_access_load(s, "", &access, err);
	if (r < 0)
		return r;
	struct pm_http *http;
	struct pm_client *client = NULL;
	r = pm_http_new(access.stall_seconds, &http, err);
	if (r < 0)
		return r;
	r = pm_client_new(http, &access.conf, &ref, &access.client, &client, err);
	if (r >= 0) {
		if (!all)
			pm_reference_default_tag(&ref);
		r = all ? send_tags(s, http, client, &ref, err)
			: send_remote(s, http, client, &ref, err);
	}
	pm_client_free(client);
	pm_http_free(http);
	return r;
}

static int push(struct pm_session *s, struct pm_err *err)
{
	_cleanup_access_ struct pm_access access = {0};
	int r = pm_access_load(s, "", &access, err);
	if (r < 0)
		return r;
	struct pm_destination_options options = PM_DESTINATION_OPTIONS_INIT;
	options.conf = &access.conf;
	options.client = &access.client;
	options.stall_seconds = access.stall_seconds;
	return pm_push_serve(s, &options, err);
}

/* --- files --------------------------------------------------------------------------------------- */

/* localhost/PATH:latest, as podman names what comes from a layout in a directory; NULL when PATH makes no
 * valid name. The caller frees. */
static char *name_of_path(const char *path)
{
	_cleanup_free_ char *clean = pm_path_clean(path);
	_cleanup_free_ char *text =
		pm_asprintf("localhost/%s:latest", clean + strspn(clean, "/"));
	struct pm_reference ref;
	if (pm_reference_parse(text, &ref, NULL) < 0)
		return NULL;
	pm_reference_free(&ref);
	return pm_steal(&text);
}

static int send_files(struct pm_session *s, int fd, const char *path, enum pm_archive_kind kind,
		      const char *which, bool all, struct pm_err *err)
{
	struct stat st;
	_cleanup_free_ char *path_name = NULL;
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		path_name = name_of_path(path);
	struct pm_files *f;
	int r = pm_files_open(fd, s->stage, &f, err);
	if (r >= 0) {
		r = pm_archive_send(s, f, kind, which, all, path_name, path, err);
		pm_files_free(f);
	}
	return r < 0 ? pm_wrap(err, "%s", path) : r;
}

static int pull_files(struct pm_session *s, enum pm_archive_kind kind, bool directory,
		      struct pm_err *err)
{
	const char *name = pm_wire_get(&s->request, "name");
	_cleanup_free_ char *path = NULL, *which = NULL;
	if (kind == PM_ARCHIVE_DIR)
		path = pm_strdup(name ? name : "");
	else
		pm_image_path_split(name ? name : "", &path, &which);
	_cleanup_close_ int fd = pm_fs_open(AT_FDCWD, path,
					    O_RDONLY | O_NONBLOCK | (directory ? O_DIRECTORY : 0), 0,
					    err);
	if (fd < 0)
		return fd;
	return send_files(s, fd, path, kind, which, false, err);
}

/* What the user wrote was taken apart by pm: "root", "driver", "name". */
static int pull_cstorage(struct pm_session *s, struct pm_err *err)
{
	const char *root = pm_wire_get(&s->request, "root");
	const char *driver = pm_wire_get(&s->request, "driver");
	const char *name = pm_wire_get(&s->request, "name");
	if (!root || !name)
		return pm_fail(err, PM_E_INTERNAL, "malformed request");
	return pm_cstorage_send(s, root, driver ? driver : "", name, err);
}

/* From a docker daemon, by way of a nameless file in the stage. */
static int pull_daemon(struct pm_session *s, struct pm_err *err)
{
	const char *name = pm_wire_get(&s->request, "name");
	_cleanup_close_ int fd = openat(s->stage, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return pm_fail_sys(err, "make a temporary file in the store");
	int r = pm_daemon_get(NULL, name ? name : "", fd, err);
	if (r < 0)
		return pm_wrap(err, "initializing source docker-daemon:%s", name ? name : "");
	if (r >= 0 && lseek(fd, 0, SEEK_SET) < 0)
		r = pm_fail_sys(err, "lseek");
	return r < 0 ? r : send_files(s, fd, "docker daemon", PM_ARCHIVE_DOCKER, NULL, false, err);
}

static int load(struct pm_session *s, struct pm_err *err)
{
	const char *path = pm_wire_get(&s->request, "path");
	return send_files(s, s->input, path ? path : "archive", PM_ARCHIVE_DETECT, NULL, true, err);
}

static int import(struct pm_session *s, struct pm_err *err)
{
	struct stat st;
	struct pm_extract_spec spec = PM_EXTRACT_SPEC_INIT;
	struct pm_extract_result res;
	spec.foreign = true;
	int64_t total = fstat(s->input, &st) == 0 && S_ISREG(st.st_mode) ? st.st_size : 0;
	int r = pm_session_send_progress(s, 0, 0, total, PM_LAYER_DOWNLOADING, err);
	if (r >= 0)
		r = pm_layers_import(s, s->input, &spec, &res, err);
	if (r < 0)
		return r;
	return pm_session_send_layer(s, 0, res.diff_id, res.blob_digest, res.blob_size,
				     res.stream_size, err);
}

static int unpack(struct pm_session *s, struct pm_err *err)
{
	struct pm_extract_spec spec = PM_EXTRACT_SPEC_INIT;
	struct pm_extract_result res;
	_cleanup_strv_ struct pm_strv uids = PM_STRV_INIT, gids = PM_STRV_INIT;
	_cleanup_idmaps_ struct pm_idmaps owners = {0};
	int64_t uid = -1, gid = -1, keep_kinds = 0, devices = 0;
	pm_wire_get_list(&s->request, "uids", &uids);
	pm_wire_get_list(&s->request, "gids", &gids);
	int r = pm_idmaps_decode(&uids, &gids, &owners, err);
	if (r >= 0)
		r = pm_wire_get_int(&s->request, "uid", -1, &uid, err);
	if (r >= 0)
		r = pm_wire_get_int(&s->request, "gid", -1, &gid, err);
	if (r >= 0)
		r = pm_wire_get_int(&s->request, "keep_kinds", 0, &keep_kinds, err);
	if (r >= 0)
		r = pm_wire_get_int(&s->request, "devices", 0, &devices, err);
	if (r < 0)
		return r;
	spec.tree = true;
	spec.below = pm_wire_get(&s->request, "below");
	spec.set_owner = uid >= 0 && gid >= 0;
	spec.uid = (uid_t)uid;
	spec.gid = (gid_t)gid;
	spec.owners = uids.n ? &owners : NULL;
	spec.keep_kinds = keep_kinds != 0;
	spec.devices = devices != 0;
	spec.foreign = true;
	return pm_layers_import(s, s->input, &spec, &res, err);
}

static int put_compressed(void *arg, const void *data, size_t len, struct pm_err *err)
{
	return pm_fs_write_all(*(const int *)arg, data, len, err);
}

/* What pm itself writes, on its way to a file. */
static int compress(struct pm_session *s, struct pm_err *err)
{
	static char buf[1 << 20];
	const char *kind = pm_wire_get(&s->request, "kind");
	struct pm_deflate *z = NULL;
	int r = pm_deflate_new(pm_streq(kind, "gzip") ? PM_COMPRESSION_GZIP : PM_COMPRESSION_ZSTD, 0, 0,
			       put_compressed, &s->output, &z, err);
	ssize_t n = 1;
	while (r >= 0 && n != 0) {
		n = read(s->input, buf, sizeof(buf));
		if (n < 0 && errno != EINTR)
			r = pm_fail_sys(err, "read");
		if (n > 0)
			r = pm_deflate_add(z, buf, (size_t)n, err);
	}
	if (r >= 0)
		r = pm_deflate_finish(z, err);
	pm_deflate_free(z);
	return r;
}

/* --- entry --------------------------------------------------------------------------------------- */

static int serve(struct pm_session *s, struct pm_err *err)
{
	const char *op = pm_wire_get(&s->request, "op");
	const char *transport = pm_wire_get(&s->request, "transport");
	if (pm_streq(op, "load") && s->input >= 0)
		return load(s, err);
	if (pm_streq(op, "import") && s->input >= 0 && s->dir >= 0)
		return import(s, err);
	if (pm_streq(op, "unpack") && s->input >= 0 && s->dir >= 0)
		return unpack(s, err);
	if (pm_streq(op, "compress") && s->input >= 0 && s->output >= 0)
		return compress(s, err);
	if (pm_streq(op, "commit") && s->dir >= 0)
		return pm_commit_serve(s, err);
	if (pm_streq(op, "push"))
		return push(s, err);
	if (pm_streq(op, "generate-key"))
		return pm_tx_generate_key(s, err);
	if (pm_streq(op, "fetch-url") && s->output >= 0)
		return pm_fetch_url(s, err);
	int r = pm_query_run(s, err);
	if (r != 0)
		return r;
	if (pm_streq(op, "copy"))
		return pm_copy_serve(s, err);
	if (pm_streq(op, "verify") && s->dir >= 0 && s->recipe >= 0)
		return pm_verify_serve(s, err);
	if (!pm_streq(op, "pull"))
		return pm_fail(err, PM_E_INTERNAL, "malformed request");
	if (pm_streq(transport, "docker"))
		return pull_docker(s, err);
	if (pm_streq(transport, "oci"))
		return pull_files(s, PM_ARCHIVE_OCI, true, err);
	if (pm_streq(transport, "oci-archive"))
		return pull_files(s, PM_ARCHIVE_OCI, false, err);
	if (pm_streq(transport, "docker-archive"))
		return pull_files(s, PM_ARCHIVE_DOCKER, false, err);
	if (pm_streq(transport, "dir"))
		return pull_files(s, PM_ARCHIVE_DIR, true, err);
	if (pm_streq(transport, "docker-daemon") && s->stage >= 0)
		return pull_daemon(s, err);
	if (pm_streq(transport, "pm-store") && s->input >= 0)
		return pm_pm_store_send(s, err);
	if (pm_streq(transport, "containers-storage"))
		return pull_cstorage(s, err);
	return pm_fail(err, PM_E_UNSUPPORTED, "transport '%.50s' is not supported", transport);
}

int main(int argc, char **argv)
{
	struct stat st;
	(void)argv;
	if (argc != 1 || fstat(PM_TRANSFER_FD, &st) < 0 || !S_ISSOCK(st.st_mode)) {
		fputs("pm-transfer is a helper of pm and is started by it\n", stderr);
		return 125;
	}
	fcntl(PM_TRANSFER_FD, F_SETFD, FD_CLOEXEC);
	signal(SIGPIPE, SIG_IGN);
	struct pm_session s;
	struct pm_err err = PM_ERR_INIT;
	int r = pm_session_begin(&s, PM_TRANSFER_FD, &err);
	if (r >= 0)
		r = serve(&s, &err);
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	pm_wire_add(&w, "type", r < 0 ? "error" : "end");
	if (r < 0) {
		pm_wire_add_int(&w, "code", -r);
		pm_wire_add(&w, "text", err.text);
	}
	/* When pm is gone there is nobody to tell. */
	pm_wire_send(PM_TRANSFER_FD, &w, NULL, 0, NULL);
	pm_session_end(&s);
	return r < 0 ? 1 : 0;
}
