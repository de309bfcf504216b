#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "registry/destination.h"
#include "registry/manifest.h"
#include "tests/unit/test.h"

static const char layer_text[] = "this is a layer\n", config_text[] = "{\"rootfs\":{}}";

/* A text whose size and digest are not told before. */
static ssize_t read_secretly(void *arg, void *buf, size_t len, struct pm_err *err)
{
	struct pm_stream_text *t = arg;
	struct pm_stream in = pm_stream_of_text(t);
	return in.read(t, buf, len > 5 ? 5 : len, err);
}

static void manifest_of(const char *type, const char *layer_type, struct pm_buf *out)
{
	char config[PM_DIGEST_SIZE], layer[PM_DIGEST_SIZE];
	pm_digest_of(config_text, strlen(config_text), config);
	pm_digest_of(layer_text, strlen(layer_text), layer);
	pm_buf_printf(out, "{\"schemaVersion\":2,\"mediaType\":\"%s\",\"config\":{\"mediaType\":\"%s\","
			   "\"size\":%zu,\"digest\":\"%s\"},\"layers\":[{\"mediaType\":\"%s\",\"size\":%zu,"
			   "\"digest\":\"%s\"}]}",
		      type, PM_MT_DOCKER_CONFIG, strlen(config_text), config, layer_type,
		      strlen(layer_text), layer);
}

static int write_image(const char *transport, const char *name,
		       const struct pm_destination_options *o, struct pm_err *err)
{
	struct pm_destination *d;
	int r = pm_destination_open(transport, name, o, &d, err);
	if (r < 0)
		return r;
	struct pm_stream_text text = {.data = layer_text, .len = strlen(layer_text)};
	struct pm_stream in = {read_secretly, NULL, &text};
	char digest[PM_DIGEST_SIZE], want[PM_DIGEST_SIZE];
	int64_t size = 0;
	r = pm_destination_put_blob(d, &in, PM_BLOB_LAYER, NULL, -1, digest, &size, err);
	if (r >= 0) {
		CHECK_INT(size, strlen(layer_text));
		pm_digest_of(layer_text, strlen(layer_text), want);
		CHECK_STR(digest, want);
		CHECK_INT(pm_destination_has_blob(d, want, &size, err), 1);
		CHECK_INT(size, strlen(layer_text));
		r = pm_destination_put_text(d, config_text, strlen(config_text), PM_BLOB_CONFIG, err);
	}
	const struct pm_destination_traits *t = pm_destination_traits(d);
	const char *type = t->docker_only ? PM_MT_DOCKER_MANIFEST : PM_MT_OCI_MANIFEST;
	_cleanup_buf_ struct pm_buf m = PM_BUF_INIT;
	manifest_of(type, t->docker_only ? PM_MT_DOCKER_LAYER : PM_MT_OCI_LAYER, &m);
	if (r >= 0)
		r = pm_destination_put_manifest(d, m.data, m.len, type, NULL, digest, err);
	if (r >= 0)
		r = pm_destination_commit(d, err);
	pm_destination_free(d);
	return r;
}

static char *make_temp(void)
{
	char *dir = pm_strdup("/tmp/pm-test-dest-XXXXXX");
	CHECK(mkdtemp(dir) != NULL);
	return dir;
}

static void remove_temp(char *dir)
{
	pm_fs_remove_tree(AT_FDCWD, dir, NULL);
	free(dir);
}

static void read_json(struct pm_json_pool *pool, const char *dir, const char *name,
		      struct pm_json **ret)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	_cleanup_free_ char *path = pm_asprintf("%s/%s", dir, name);
	CHECK_OK(pm_fs_read_file(AT_FDCWD, path, 1 << 20, &text, &err), err);
	CHECK_OK(pm_json_parse(pool, text.data, text.len, ret, &err), err);
}

TEST(destination_oci_names_replace_each_other)
{
	char *dir = make_temp();
	struct pm_err err = PM_ERR_INIT;
	struct pm_destination_options o = PM_DESTINATION_OPTIONS_INIT;
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_free_ char *one = pm_asprintf("%s/l:one", dir), *two = pm_asprintf("%s/l:two", dir);
	CHECK_OK(write_image("oci", one, &o, &err), err);
	CHECK_OK(write_image("oci", two, &o, &err), err);
	CHECK_OK(write_image("oci", one, &o, &err), err);
	struct pm_json *index;
	read_json(pool, dir, "l/index.json", &index);
	const struct pm_json *list = pm_json_get(index, "manifests");
	CHECK_INT(pm_json_len(list), 2);
	CHECK_STR(pm_json_get_str(pm_json_get(list->items[0], "annotations"),
				  "org.opencontainers.image.ref.name"),
		  "one");
	char digest[PM_DIGEST_SIZE];
	pm_digest_of(layer_text, strlen(layer_text), digest);
	_cleanup_free_ char *blob = pm_asprintf("%s/l/blobs/sha256/%s", dir, pm_digest_hex(digest));
	struct stat st;
	CHECK_INT(stat(blob, &st), 0);
	CHECK_INT(st.st_mode & 07777, 0644 & ~022);
	remove_temp(dir);
}

TEST(destination_oci_shared_blobs)
{
	char *dir = make_temp();
	struct pm_err err = PM_ERR_INIT;
	struct pm_destination_options o = PM_DESTINATION_OPTIONS_INIT;
	_cleanup_free_ char *name = pm_asprintf("%s/l:t", dir), *pool = pm_asprintf("%s/pool", dir);
	o.shared_blob_dir = pool;
	CHECK_OK(write_image("oci", name, &o, &err), err);
	char digest[PM_DIGEST_SIZE];
	pm_digest_of(layer_text, strlen(layer_text), digest);
	_cleanup_free_ char *blob = pm_asprintf("%s/pool/sha256/%s", dir, pm_digest_hex(digest));
	_cleanup_free_ char *not_there = pm_asprintf("%s/l/blobs", dir);
	CHECK_INT(access(blob, F_OK), 0);
	CHECK_INT(access(not_there, F_OK), -1);
	remove_temp(dir);
}

TEST(destination_archives)
{
	char *dir = make_temp();
	struct pm_err err = PM_ERR_INIT;
	struct pm_destination_options o = PM_DESTINATION_OPTIONS_INIT;
	_cleanup_free_ char *docker = pm_asprintf("%s/d.tar:example.org/a/b:1", dir);
	_cleanup_free_ char *oci = pm_asprintf("%s/o.tar:t", dir);
	CHECK_OK(write_image("docker-archive", docker, &o, &err), err);
	CHECK_OK(write_image("oci-archive", oci, &o, &err), err);
	_cleanup_free_ char *command = pm_asprintf("%s/d.tar", dir);
	struct stat st;
	CHECK_INT(stat(command, &st), 0);
	CHECK(st.st_size % 512 == 0 && st.st_size > 2048);
	/* never over one that is there */
	CHECK_INT(write_image("docker-archive", docker, &o, &err), -PM_E_EXISTS);
	/* nothing but the two archives is left */
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	CHECK_OK(pm_fs_list(AT_FDCWD, dir, &names, &err), err);
	CHECK_INT(names.n, 2);
	remove_temp(dir);
}

TEST(destination_dir_refuses_other_directories)
{
	char *dir = make_temp();
	struct pm_err err = PM_ERR_INIT;
	struct pm_destination_options o = PM_DESTINATION_OPTIONS_INIT;
	_cleanup_free_ char *file = pm_asprintf("%s/precious", dir), *sub = pm_asprintf("%s/new", dir);
	close(open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	CHECK_INT(write_image("dir", dir, &o, &err), -PM_E_EXISTS);
	CHECK_OK(write_image("dir", sub, &o, &err), err);
	CHECK_OK(write_image("dir", sub, &o, &err), err);
	remove_temp(dir);
}

TEST(destination_given_up_leaves_no_archive)
{
	char *dir = make_temp();
	struct pm_err err = PM_ERR_INIT;
	struct pm_destination_options o = PM_DESTINATION_OPTIONS_INIT;
	struct pm_destination *d;
	_cleanup_free_ char *name = pm_asprintf("%s/o.tar", dir);
	CHECK_OK(pm_destination_open("oci-archive", name, &o, &d, &err), err);
	struct pm_stream_text text = {.data = layer_text, .len = strlen(layer_text)};
	struct pm_stream in = pm_stream_of_text(&text);
	char wrong[PM_DIGEST_SIZE];
	pm_digest_of("x", 1, wrong);
	CHECK_INT(pm_destination_put_blob(d, &in, PM_BLOB_LAYER, wrong, (int64_t)text.len, NULL, NULL,
					  &err),
		  -PM_E_DIGEST);
	CHECK_INT(pm_destination_commit(d, &err), -PM_E_STATE);
	pm_destination_free(d);
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	CHECK_OK(pm_fs_list(AT_FDCWD, dir, &names, &err), err);
	CHECK_INT(names.n, 0);
	remove_temp(dir);
}

TEST(destination_sizes_are_checked)
{
	char *dir = make_temp();
	struct pm_err err = PM_ERR_INIT;
	struct pm_destination_options o = PM_DESTINATION_OPTIONS_INIT;
	struct pm_destination *d;
	_cleanup_free_ char *name = pm_asprintf("%s/l", dir);
	CHECK_OK(pm_destination_open("oci", name, &o, &d, &err), err);
	for (int off = -1; off <= 1; off++) {
		struct pm_stream_text text = {.data = layer_text, .len = strlen(layer_text)};
		struct pm_stream in = pm_stream_of_text(&text);
		CHECK_INT(pm_destination_put_blob(d, &in, PM_BLOB_LAYER, NULL,
						  (int64_t)text.len + off, NULL, NULL, &err),
			  off ? -PM_E_DIGEST : 0);
	}
	CHECK_INT(pm_destination_has_blob(d, "sha256:../../x", NULL, &err), -PM_E_FORMAT);
	pm_destination_free(d);
	remove_temp(dir);
}

TEST(destination_unknown)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_destination_options o = PM_DESTINATION_OPTIONS_INIT;
	struct pm_destination *d;
	CHECK_INT(pm_destination_open("ostree", "x", &o, &d, &err), -PM_E_UNSUPPORTED);
	CHECK_INT(pm_destination_open("oci", "", &o, &d, &err), -PM_E_USAGE);
}
