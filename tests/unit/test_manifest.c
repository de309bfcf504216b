#include "registry/manifest.h"

#include "tests/unit/test.h"

#define D1 "sha256:1111111111111111111111111111111111111111111111111111111111111111"
#define D2 "sha256:2222222222222222222222222222222222222222222222222222222222222222"
#define CONFIG_OF(type) "\"config\":{\"mediaType\":\"" type "\",\"digest\":\"" D1 "\",\"size\":7}"
#define CONFIG CONFIG_OF(PM_MT_OCI_CONFIG)
#define LAYER_OF(type) "{\"mediaType\":\"" type "\",\"digest\":\"" D2 "\",\"size\":9}"
#define LAYER LAYER_OF(PM_MT_OCI_LAYER "+gzip")
#define MANIFEST(config, layers) "{\"schemaVersion\":2," config ",\"layers\":[" layers "]}"

/* Kind, then parse; returns the first failure's code or the number of layers. */
static int parse(const char *text, const char *type, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_manifest_ struct pm_manifest m = {0};
	struct pm_json *root;
	enum pm_manifest_kind kind;
	const char *mt;
	int r = pm_json_parse(pool, text, strlen(text), &root, err);
	if (r >= 0)
		r = pm_manifest_kind(root, type, &kind, &mt, err);
	if (r >= 0 && kind == PM_MANIFEST_INDEX)
		return 1000;
	if (r >= 0)
		r = pm_manifest_parse(root, mt, &m, err);
	return r < 0 ? r : (int)m.n_layers;
}

TEST(good_manifests)
{
	struct pm_err err = PM_ERR_INIT;
	CHECK_INT(parse(MANIFEST(CONFIG, LAYER "," LAYER), PM_MT_OCI_MANIFEST, &err), 2);
	CHECK_INT(parse(MANIFEST(CONFIG, ""), NULL, &err), 0);
	CHECK_INT(parse(MANIFEST(CONFIG, LAYER), "application/json; charset=utf-8", &err), 1);
	CHECK_INT(parse(MANIFEST(CONFIG_OF(PM_MT_DOCKER_CONFIG),
				 LAYER_OF(PM_MT_DOCKER_LAYER ".gzip")),
			PM_MT_DOCKER_MANIFEST, &err), 1);
	CHECK_INT(parse("{\"schemaVersion\":2,\"manifests\":[]}", PM_MT_OCI_INDEX, &err), 1000);
}

TEST(refused_manifests)
{
	static const struct {
		const char *text, *type;
		int code;
		const char *says;
	} bad[] = {
		{"[]", NULL, PM_E_FORMAT, "not a JSON object"},
		{"{\"schemaVersion\":2}", NULL, PM_E_FORMAT, "neither"},
		{"{\"schemaVersion\":2,\"layers\":[],\"manifests\":[]}", NULL, PM_E_FORMAT, "ambiguous"},
		{"{\"schemaVersion\":2," CONFIG ",\"manifests\":[]}", PM_MT_OCI_INDEX, PM_E_FORMAT, "ambiguous"},
		{MANIFEST(CONFIG, LAYER), PM_MT_OCI_INDEX, PM_E_FORMAT, "does not fit"},
		{MANIFEST("\"mediaType\":\"" PM_MT_DOCKER_MANIFEST "\"," CONFIG, LAYER), PM_MT_OCI_MANIFEST, PM_E_FORMAT,
		 "contradicts"},
		{MANIFEST(CONFIG, LAYER), "text/html", PM_E_FORMAT, "unknown media type"},
		{"{\"schemaVersion\":1,\"fsLayers\":[],\"history\":[]}", NULL, PM_E_UNSUPPORTED, "schema 1"},
		{"{\"schemaVersion\":2,\"layers\":[]}",
		 "application/vnd.docker.distribution.manifest.v1+prettyjws", PM_E_UNSUPPORTED, "schema 1"},
		{MANIFEST(CONFIG, LAYER_OF("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip")), NULL,
		 PM_E_UNSUPPORTED, "foreign"},
		{MANIFEST(CONFIG, LAYER_OF("application/vnd.oci.image.layer.nondistributable.v1.tar")), NULL,
		 PM_E_UNSUPPORTED, "foreign"},
		{MANIFEST(CONFIG, LAYER_OF(PM_MT_OCI_LAYER "+gzip+encrypted")), NULL, PM_E_UNSUPPORTED, "encrypted"},
		{MANIFEST(CONFIG, LAYER_OF("text/plain")), NULL, PM_E_FORMAT, "unsupported media type"},
		{MANIFEST(CONFIG_OF("application/vnd.x.chart+json"), ""), NULL, PM_E_UNSUPPORTED, "artifact"},
		{MANIFEST("\"config\":{\"mediaType\":\"" PM_MT_OCI_CONFIG "\",\"digest\":\"sha256:../../etc\",\"size\":1}", ""),
		 NULL, PM_E_FORMAT, "not a digest"},
		{MANIFEST("\"config\":{\"mediaType\":\"" PM_MT_OCI_CONFIG "\",\"digest\":\"" D1 "\",\"size\":-1}", ""), NULL,
		 PM_E_FORMAT, "size"},
		{MANIFEST("\"config\":{\"mediaType\":\"" PM_MT_OCI_CONFIG "\",\"digest\":\"" D1 "\",\"size\":99999999}", ""),
		 NULL, PM_E_FORMAT, "larger"},
		{MANIFEST(CONFIG, "7"), NULL, PM_E_FORMAT, "not a descriptor"},
		{"{" CONFIG ",\"layers\":[]}", NULL, PM_E_FORMAT, "schemaVersion"},
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct pm_err err = PM_ERR_INIT;
		int r = parse(bad[i].text, bad[i].type, &err);
		if (r != -bad[i].code || !strstr(err.text, bad[i].says))
			test_fail(__FILE__, __LINE__, "%s gave %d: %s", bad[i].text, r, err.text);
	}
}

#define ENTRY(c, os, arch, v)                                                                      \
	"{\"mediaType\":\"" PM_MT_OCI_MANIFEST "\",\"size\":1,\"digest\":\"sha256:" c c c c "\","      \
	"\"platform\":{\"os\":\"" os "\",\"architecture\":\"" arch "\"" v "}}"
#define H(x) x x x x x x x x x x x x x x x x

static char chosen(const char *arch, const char *variant)
{
	static const char text[] = "{\"schemaVersion\":2,\"manifests\":["
		ENTRY(H("0"), "windows", "amd64", "") "," ENTRY(H("1"), "linux", "amd64", "") ","
		ENTRY(H("5"), "linux", "arm", ",\"variant\":\"v5\"") ","
		ENTRY(H("7"), "linux", "arm", ",\"variant\":\"v7\"") ","
		ENTRY(H("8"), "linux", "arm64", ",\"variant\":\"v8\"") "]}";
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *root;
	struct pm_err err = PM_ERR_INIT;
	CHECK_OK(pm_json_parse(pool, text, strlen(text), &root, &err), err);
	struct pm_platform p = {"linux", arch, variant};
	pm_platform_default(&p);
	struct pm_descriptor d;
	int r = pm_index_choose(root, &p, &d, &err);
	CHECK(r >= 0 || r == -PM_E_NOSUCH);
	return r < 0 ? '-' : d.digest[7];
}

TEST(platforms)
{
	CHECK_INT(chosen("amd64", NULL), '1');
	CHECK_INT(chosen("x86_64", NULL), '1');
	CHECK_INT(chosen("arm64", NULL), '8');
	CHECK_INT(chosen("aarch64", NULL), '8');
	CHECK_INT(chosen("arm", "v7"), '7');
	CHECK_INT(chosen("arm", "v8"), '7');
	CHECK_INT(chosen("arm", "v6"), '5');
	CHECK_INT(chosen("arm", NULL), '7');
	CHECK_INT(chosen("s390x", NULL), '-');
}

static int config(const char *text, int64_t layers, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_config_ struct pm_config c = {0};
	struct pm_json *root;
	int r = pm_json_parse(pool, text, strlen(text), &root, err);
	return r < 0 ? r : pm_config_parse(root, layers, &c, err);
}

TEST(configs)
{
	struct pm_err err = PM_ERR_INIT;
	const char *good = "{\"os\":\"linux\",\"config\":{\"Env\":[\"A=b\"],\"Cmd\":null},"
			   "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" D1 "\"]}}";
	CHECK_OK(config(good, 1, &err), err);
	CHECK_INT(config(good, 2, &err), -PM_E_FORMAT);
	CHECK(strstr(err.text, "names 1 layers but the manifest has 2"));
	CHECK_INT(config("{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:x\"]}}", 1, &err),
		  -PM_E_FORMAT);
	CHECK_INT(config("{\"rootfs\":{\"type\":\"zip\",\"diff_ids\":[]}}", 0, &err), -PM_E_FORMAT);
	CHECK_INT(config("{\"config\":{\"Env\":[1]},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}",
			 0, &err), -PM_E_FORMAT);
	CHECK(strstr(err.text, "config.Env"));
	CHECK_INT(config("[]", 0, &err), -PM_E_FORMAT);
}

TEST(times)
{
	int64_t ns;
	char text[40];
	CHECK_INT(pm_time_parse("2024-05-01T10:20:30.125Z", &ns, NULL), 0);
	CHECK_INT(ns, 1714558830125000000LL);
	pm_time_format(ns, text);
	CHECK_STR(text, "2024-05-01T10:20:30.125Z");
	CHECK_INT(pm_time_parse("2024-05-01T12:20:30+02:00", &ns, NULL), 0);
	CHECK_INT(ns, 1714558830000000000LL);
	pm_time_format(ns, text);
	CHECK_STR(text, "2024-05-01T10:20:30Z");
	CHECK_INT(pm_time_parse("0001-01-01T00:00:00Z", &ns, NULL), 0);
	CHECK_INT(ns, 0);
	CHECK_INT(pm_time_parse("9999-01-01T00:00:00Z", &ns, NULL), -PM_E_FORMAT);
	CHECK_INT(pm_time_parse("yesterday", &ns, NULL), -PM_E_FORMAT);
	CHECK_INT(pm_time_parse("2024-13-01T10:20:30Z", &ns, NULL), -PM_E_FORMAT);
}
