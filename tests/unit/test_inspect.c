#include "engine/container/inspect.h"

#include <fcntl.h>
#include <stdlib.h>

#include "base/fs.h"
#include "tests/unit/test.h"

/* "Config.Env array" -> the member; NULL when it is not there. */
static const struct pm_json *find(const struct pm_json *v, const char *path)
{
	_cleanup_strv_ struct pm_strv parts = PM_STRV_INIT;
	pm_strv_split(&parts, path, '.');
	for (size_t i = 0; i < parts.n && v; i++) {
		bool first = pm_endswith(parts.v[i], "[]");
		if (first)
			parts.v[i][strlen(parts.v[i]) - 2] = 0;
		v = pm_json_get(v, parts.v[i]);
		if (first)
			v = pm_json_at(v, 0);
	}
	return v;
}

static const char *kind_name(const struct pm_json *v)
{
	static const char *const names[] = {"null", "bool", "number", "string", "array", "object"};
	return names[v->kind];
}

/* Every field that Podman 4.3 prints is there, of the same kind and in the same order. null and a list
 * or map stand for each other: Go prints an empty one either way. */
static void same_fields(const struct pm_json *v, const char *fixture, const char *const *optional)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	_cleanup_strv_ struct pm_strv lines = PM_STRV_INIT;
	CHECK_OK(pm_fs_read_file(AT_FDCWD, fixture, 1 << 20, &text, &err), err);
	pm_strv_split(&lines, pm_buf_str(&text), '\n');
	size_t last = 0;
	for (size_t i = 0; i < lines.n; i++) {
		char *kind = strchr(lines.v[i], ' ');
		if (!kind)
			continue;
		*kind++ = 0;
		const struct pm_json *m = find(v, lines.v[i]);
		bool may_miss = false;
		for (const char *const *o = optional; *o; o++)
			may_miss = may_miss || pm_startswith(lines.v[i], *o);
		if (!m && may_miss)
			continue;
		if (!m)
			test_fail(__FILE__, __LINE__, "%s is missing", lines.v[i]);
		bool empty = pm_streq(kind, "null") || m->kind == PM_JSON_NULL;
		if (!pm_streq(kind_name(m), kind) &&
		    !(empty && m->kind != PM_JSON_STRING && m->kind != PM_JSON_NUMBER))
			test_fail(__FILE__, __LINE__, "%s is %s, not %s", lines.v[i], kind_name(m), kind);
		if (!strchr(lines.v[i], '.')) {
			size_t k = 0;
			while (!pm_streq(v->members[k].name, lines.v[i]))
				k++;
			if (k < last)
				test_fail(__FILE__, __LINE__, "%s is out of order", lines.v[i]);
			last = k;
		}
	}
}

static void fill(struct pm_container *c, const char *rootfs)
{
	struct pm_ctr_config *k = &c->config;
	c->row.id = pm_strdup("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
	c->row.name = pm_strdup("insp");
	k->id = pm_strdup(c->row.id);
	k->name = pm_strdup("insp");
	k->rootfs = pm_strdup(rootfs);
	k->network = pm_strdup("none");
	k->created = 1700000000500000000;
	k->memory = PM_UNSET;
	pm_strv_add(&k->entrypoint, "sleep");
	pm_strv_add(&k->command, "30");
	pm_strv_add(&k->labels, "x=y");
	pm_strv_add(&k->labels, "a=b=c");
	pm_strv_add(&k->create_command, "pm");
	struct pm_ctr_mount *m = pm_ctr_config_add_mount(k);
	m->type = pm_strdup("volume");
	m->name = pm_strdup("vol");
	m->source = pm_strdup("/usr");
	m->dest = pm_strdup("/v");
	pm_strv_add(&m->options, "ro");
	struct pm_ctr_port *p = pm_ctr_config_add_port(k);
	p->host_port = 8080;
	p->container_port = 80;
	p->range = 2;
	p->protocol = pm_strdup("tcp");
}

TEST(container_has_podmans_fields)
{
	static const char *const optional[] = {"State.ConmonPid", NULL};
	struct pm_err err = PM_ERR_INIT;
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_container_ struct pm_container c;
	_cleanup_store_ struct pm_store *s = NULL;
	_cleanup_free_ char *root = pm_asprintf("%s/root", test_dir());
	_cleanup_free_ char *run = pm_asprintf("%s/run", test_dir());
	struct pm_store_options o = {.root = root, .runroot = run, .driver = "overlay"};
	struct pm_json *v;
	pm_container_init(&c);
	CHECK_OK(pm_store_open(&o, &s, &err), err);
	struct pm_engine e = {.store = s};
	fill(&c, test_dir());
	CHECK_OK(pm_inspect_container(&e, &c, -1, -1, pool, &v, &err), err);
	same_fields(v, "tests/fixtures/podman-4.3-container-fields", optional);
	CHECK_STR(pm_json_get_str(v, "Path"), "sleep");
	CHECK_STR(pm_json_get_str(v, "Created"), "2023-11-14T22:13:20.5Z");
	CHECK_STR(pm_json_get_str(find(v, "State"), "Status"), "created");
	CHECK_STR(pm_json_get_str(find(v, "Config"), "Hostname"), "0123456789ab");
	CHECK_STR(pm_json_get_str(find(v, "Config.Labels"), "a"), "b=c");
	CHECK_STR(find(v, "Config.Labels")->members[0].name, "a");
	CHECK(!pm_json_get_bool(find(v, "Mounts[]"), "RW", true));
	CHECK_STR(pm_json_get_str(find(v, "Mounts[]"), "Propagation"), "rprivate");
	CHECK_STR(pm_json_get_str(pm_json_at(pm_json_get(find(v, "HostConfig.PortBindings"), "81/tcp"), 0),
				  "HostPort"), "8081");
	CHECK_INT(pm_json_len(find(v, "EffectiveCaps")), 11);
	_cleanup_buf_ struct pm_buf drop = PM_BUF_INIT;
	pm_json_write(find(v, "HostConfig.CapDrop"), 0, &drop);
	CHECK_STR(pm_buf_str(&drop), "[\"CAP_AUDIT_WRITE\",\"CAP_MKNOD\",\"CAP_NET_RAW\"]");
	pm_engine_free(&e);
}

TEST(image_has_podmans_fields)
{
	static const char *const optional[] = {"RootFS.Layers", NULL};
	static const char cfg[] =
		"{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{\"Env\":[\"A=b\"],"
		"\"Cmd\":[\"sh\"],\"Volumes\":{\"/v\":{}},\"WorkingDir\":\"/w\","
		"\"Labels\":{\"z\":\"1\",\"a\":\"2\"}},\"history\":[{\"created\":\"x\","
		"\"created_by\":\"y\",\"comment\":\"c\"}]}";
	struct pm_err err = PM_ERR_INIT;
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_store_ struct pm_store *s = NULL;
	_cleanup_free_ char *root = pm_asprintf("%s/root", test_dir());
	_cleanup_free_ char *run = pm_asprintf("%s/run", test_dir());
	struct pm_store_options o = {.root = root, .runroot = run};
	struct pm_image_name names[] = {{(char *)"localhost:5000/bb:1", (char *)"sha256:11"}};
	struct pm_image_row row = {.id = (char *)"abc", .digest = (char *)"sha256:22",
				   .config = (char *)cfg, .config_len = sizeof(cfg) - 1,
				   .names = names, .n_names = 1, .arch = (char *)"amd64",
				   .os = (char *)"linux"};
	struct pm_json *v;
	CHECK_OK(pm_store_open(&o, &s, &err), err);
	CHECK_OK(pm_inspect_image(s, &row, pool, &v, &err), err);
	same_fields(v, "tests/fixtures/podman-4.3-image-fields", optional);
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	pm_json_write(find(v, "RepoDigests"), 0, &b);
	CHECK_STR(pm_buf_str(&b), "[\"localhost:5000/bb@sha256:11\",\"localhost:5000/bb@sha256:22\"]");
	CHECK_STR(pm_json_get_str(v, "Comment"), "c");
	CHECK_STR(find(v, "Labels")->members[0].name, "a");
}
