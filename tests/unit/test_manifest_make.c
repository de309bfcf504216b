#include "tests/unit/test.h"

#include <string.h>

#include "registry/manifest_make.h"

#define D(c) "sha256:" c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c
#define D1 D("11")
#define D2 D("22")
#define D3 D("33")

static struct pm_json_pool *pool;
static struct pm_json *root;
static struct pm_manifest m;

static void parse(const char *text)
{
	struct pm_err err = PM_ERR_INIT;
	enum pm_manifest_kind kind;
	const char *type;
	pool = pm_json_pool_new();
	CHECK_OK(pm_json_parse(pool, text, strlen(text), &root, &err), err);
	CHECK_OK(pm_manifest_kind(root, NULL, &kind, &type, &err), err);
	CHECK_OK(pm_manifest_parse(root, type, &m, &err), err);
}

static void done(void)
{
	pm_manifest_free(&m);
	pm_json_pool_free(pool);
}

#define OCI                                                                                        \
	"{\"schemaVersion\":2,\"mediaType\":\"" PM_MT_OCI_MANIFEST "\","                           \
	"\"config\":{\"mediaType\":\"" PM_MT_OCI_CONFIG "\",\"digest\":\"" D1 "\",\"size\":7},"    \
	"\"layers\":[{\"mediaType\":\"" PM_MT_OCI_LAYER "+gzip\",\"digest\":\"" D2 "\",\"size\":5," \
	"\"annotations\":{\"a\":\"b\"}}],\"annotations\":{\"x\":\"y\"}}"

TEST(manifest_stays_when_nothing_changes)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	parse(OCI);
	const struct pm_made_layer same = {D2, 5, PM_LAYER_GZIP};
	CHECK_INT(pm_manifest_make(pool, root, &m, &same, PM_MT_OCI_MANIFEST, &out, &err), 0);
	CHECK_INT(out.len, 0);
	done();
}

TEST(manifest_with_another_blob)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	parse(OCI);
	const struct pm_made_layer other = {D3, 9, PM_LAYER_ZSTD};
	CHECK_INT(pm_manifest_make(pool, root, &m, &other, PM_MT_OCI_MANIFEST, &out, &err), 1);
	CHECK_STR(pm_buf_str(&out),
		  "{\"schemaVersion\":2,\"mediaType\":\"" PM_MT_OCI_MANIFEST "\","
		  "\"config\":{\"mediaType\":\"" PM_MT_OCI_CONFIG "\",\"digest\":\"" D1 "\",\"size\":7},"
		  "\"layers\":[{\"mediaType\":\"" PM_MT_OCI_LAYER "+zstd\",\"digest\":\"" D3
		  "\",\"size\":9}],\"annotations\":{\"x\":\"y\"}}");
	done();
}

TEST(manifest_as_dockers)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	parse(OCI);
	const struct pm_made_layer same = {D2, 5, PM_LAYER_GZIP}, zstd = {D3, 9, PM_LAYER_ZSTD};
	CHECK_INT(pm_manifest_make(pool, root, &m, &same, PM_MT_DOCKER_MANIFEST, &out, &err), 1);
	CHECK_STR(pm_buf_str(&out),
		  "{\"schemaVersion\":2,\"mediaType\":\"" PM_MT_DOCKER_MANIFEST "\","
		  "\"config\":{\"mediaType\":\"" PM_MT_DOCKER_CONFIG "\",\"digest\":\"" D1
		  "\",\"size\":7},\"layers\":[{\"mediaType\":\"" PM_MT_DOCKER_LAYER
		  ".gzip\",\"digest\":\"" D2 "\",\"size\":5}]}");
	CHECK_INT(pm_manifest_make(pool, root, &m, &zstd, PM_MT_DOCKER_MANIFEST, &out, &err),
		  -PM_E_UNSUPPORTED);
	done();
}

TEST(layer_forms)
{
	static const struct {
		const char *type;
		enum pm_layer_form form;
	} cases[] = {
		{PM_MT_OCI_LAYER, PM_LAYER_PLAIN},
		{PM_MT_OCI_LAYER "+gzip", PM_LAYER_GZIP},
		{PM_MT_OCI_LAYER "+zstd", PM_LAYER_ZSTD},
		{PM_MT_DOCKER_LAYER, PM_LAYER_PLAIN},
		{PM_MT_DOCKER_LAYER ".gzip", PM_LAYER_GZIP},
		{PM_MT_OCI_LAYER "+encrypted", PM_LAYER_OTHER},
		{"application/vnd.oci.image.layer.v1.tarball", PM_LAYER_OTHER},
		{"", PM_LAYER_OTHER},
		{NULL, PM_LAYER_OTHER},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(cases); i++)
		CHECK_INT(pm_layer_form_of(cases[i].type), cases[i].form);
	CHECK(!pm_layer_media_type(PM_MT_DOCKER_MANIFEST, PM_LAYER_ZSTD));
	CHECK(!pm_layer_media_type(PM_MT_OCI_MANIFEST, PM_LAYER_OTHER));
}
