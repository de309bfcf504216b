#include "tests/unit/test.h"

#include "engine/image/push.h"
#include "storage/blob.h"

TEST(push_destinations)
{
	static const struct {
		const char *word, *transport, *name;
	} cases[] = {
		{"docker://quay.io/a/b:1", "docker", "quay.io/a/b:1"},
		{"quay.io/a/b", "docker", "quay.io/a/b"},
		{"busybox", "docker", "docker.io/library/busybox"},
		{"localhost:5000/x:y", "docker", "localhost:5000/x:y"},
		{"oci:/tmp/x:tag", "oci", "/tmp/x:tag"},
		{"oci-archive:/tmp/x.tar", "oci-archive", "/tmp/x.tar"},
		{"docker-archive:x.tar:a/b:c", "docker-archive", "x.tar:a/b:c"},
		{"dir:d", "dir", "d"},
		{"docker-daemon:x:1", "docker-daemon", "x:1"},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(cases); i++) {
		struct pm_err err = PM_ERR_INIT;
		const char *transport = NULL;
		_cleanup_free_ char *name = NULL;
		CHECK_OK(pm_push_destination(cases[i].word, &transport, &name, &err), err);
		CHECK_STR(transport, cases[i].transport);
		CHECK_STR(name, cases[i].name);
	}
	struct pm_err err = PM_ERR_INIT;
	const char *transport;
	_cleanup_free_ char *name = NULL;
	CHECK(pm_push_destination("docker://a.b/UPPER", &transport, &name, &err) < 0);
	CHECK(pm_push_destination("docker://", &transport, &name, &err) < 0);
}

TEST(blobs_are_remembered)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_free_ char *root = pm_asprintf("%s/root", test_dir());
	_cleanup_free_ char *run = pm_asprintf("%s/run", test_dir());
	struct pm_store_options opts = {.root = root, .runroot = run};
	_cleanup_store_ struct pm_store *s = NULL;
	CHECK_OK(pm_store_open(&opts, &s, &err), err);
	CHECK_OK(pm_blob_packed(s, "sha256:d", "gzip", 5, "sha256:a", 10, &err), err);
	CHECK_OK(pm_blob_packed(s, "sha256:d", "gzip", 5, "sha256:b", 11, &err), err);
	CHECK_OK(pm_blob_packed(s, "sha256:d", "zstd", 3, "sha256:c", 12, &err), err);
	_cleanup_blob_list_ struct pm_blob_list all = {0}, five = {0}, none = {0};
	CHECK_OK(pm_blob_of_layer(s, "sha256:d", 0, &all, &err), err);
	CHECK_INT(all.n, 2);
	CHECK_OK(pm_blob_of_layer(s, "sha256:d", 5, &five, &err), err);
	CHECK_INT(five.n, 1);
	CHECK_STR(five.v[0].digest, "sha256:b");
	CHECK_INT(five.v[0].size, 11);
	CHECK_STR(five.v[0].media_type, "application/vnd.oci.image.layer.v1.tar+gzip");
	CHECK_OK(pm_blob_of_layer(s, "sha256:other", 0, &none, &err), err);
	CHECK_INT(none.n, 0);

	CHECK_OK(pm_blob_placed(s, "sha256:b", "quay.io", "x/y", &err), err);
	CHECK_OK(pm_blob_placed(s, "sha256:b", "quay.io", "x/y", &err), err);
	CHECK_OK(pm_blob_placed(s, "sha256:b", "docker.io", "library/y", &err), err);
	_cleanup_strv_ struct pm_strv places = PM_STRV_INIT;
	CHECK_OK(pm_blob_places(s, "sha256:d", "quay.io", &places, &err), err);
	CHECK_INT(places.n, 2);
	CHECK_STR(places.v[1], "x/y");
}
