#include "engine/container/config.h"

#include <stdlib.h>

#include "tests/unit/test.h"

static void put_some(struct pm_ctr_config *c)
{
	pm_ctr_config_init(c);
	c->id = pm_strdup("0123");
	c->name = pm_strdup("n\303\244me \"q\"");
	c->created = 1700000000123456789;
	pm_strv_add(&c->command, "sh");
	pm_strv_add(&c->command, "");
	c->terminal = true;
	c->memory = 64 << 20;
	c->memory_swap = -1;
	c->pids_limit = 0;
	c->stop_timeout = 0;
	struct pm_ctr_mount *m = pm_ctr_config_add_mount(c);
	m->type = pm_strdup("bind");
	m->source = pm_strdup("/a");
	m->dest = pm_strdup("/b");
	pm_strv_add(&m->options, "ro");
	m = pm_ctr_config_add_mount(c);
	m->type = pm_strdup("volume");
	m->anonymous = true;
	struct pm_ctr_port *p = pm_ctr_config_add_port(c);
	p->host_port = 8080;
	p->container_port = 80;
	p->protocol = pm_strdup("tcp");
	struct pm_ctr_ulimit *u = pm_ctr_config_add_ulimit(c);
	u->name = pm_strdup("nofile");
	u->soft = u->hard = -1;
}

TEST(round_trip_keeps_everything)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_ctr_config_ struct pm_ctr_config a, b;
	put_some(&a);
	pm_ctr_config_init(&b);
	_cleanup_buf_ struct pm_buf t1 = PM_BUF_INIT, t2 = PM_BUF_INIT;
	pm_json_write(pm_ctr_config_to_json(pool, &a), 0, &t1);
	struct pm_json *v;
	CHECK_OK(pm_json_parse(pool, t1.data, t1.len, &v, &err), err);
	CHECK_OK(pm_ctr_config_from_json(v, &b, &err), err);
	pm_json_write(pm_ctr_config_to_json(pool, &b), 0, &t2);
	CHECK_STR(t2.data, t1.data);
	CHECK_INT(b.n_mounts, 2);
	CHECK(b.mounts[1].anonymous);
	CHECK_INT(b.ports[0].range, 1);
	CHECK_INT(b.memory_swap, -1);
	CHECK_INT(b.pids_limit, 0);
	CHECK_INT(b.memory_reservation, PM_UNSET);
	CHECK_INT(b.stop_timeout, 0);
	CHECK_STR(b.command.v[1], "");
	CHECK_STR(b.name, a.name);
}

TEST(damaged_rows_are_refused)
{
	static const char *const bad[] = {
		"[]", "{}", "{\"version\":\"1\"}", "{\"version\":1,\"name\":3}",
		"{\"version\":1,\"mounts\":{}}", "{\"version\":1,\"mounts\":[3]}",
		"{\"version\":1,\"command\":[1]}", "{\"version\":1,\"memory\":1.5}",
		"{\"version\":1,\"name\":\"a\\u0000b\"}",
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(bad); i++) {
		struct pm_err err = PM_ERR_INIT;
		_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
		_cleanup_ctr_config_ struct pm_ctr_config c;
		struct pm_json *v;
		pm_ctr_config_init(&c);
		CHECK_OK(pm_json_parse(pool, bad[i], strlen(bad[i]), &v, &err), err);
		CHECK_INT(pm_ctr_config_from_json(v, &c, &err), -PM_E_FORMAT);
		CHECK(!c.name && c.n_mounts == 0 && c.memory == PM_UNSET);
	}
	struct pm_err err = PM_ERR_INIT;
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_ctr_config_ struct pm_ctr_config c;
	struct pm_json *v;
	pm_ctr_config_init(&c);
	CHECK_OK(pm_json_parse(pool, "{\"version\":2}", 13, &v, &err), err);
	CHECK_INT(pm_ctr_config_from_json(v, &c, &err), -PM_E_UNSUPPORTED);
}

static const char image[] =
	"{\"config\":{\"User\":\"web\",\"Env\":[\"PATH=/bin\",\"A=1\",\"A=2\"],"
	"\"Entrypoint\":[\"/ep\"],\"Cmd\":[\"c1\",\"c2\"],\"Volumes\":{\"/data/\":{},\"v2\":{}},"
	"\"WorkingDir\":\"/w/../x\",\"Labels\":{\"l\":\"image\",\"k\":\"v\"},"
	"\"StopSignal\":\"SIGRTMIN+3\",\"ExposedPorts\":{\"80/tcp\":{}}}}";

static void apply(struct pm_ctr_config *c, const char *text, bool entrypoint, int want)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *v;
	CHECK_OK(pm_json_parse(pool, text, strlen(text), &v, &err), err);
	int r = pm_ctr_config_apply_image(c, v, entrypoint, &err);
	if (r != want)
		test_fail(__FILE__, __LINE__, "%s gives %d (%s), not %d", text, r, err.text, want);
}

TEST(image_fills_what_the_user_left_out)
{
	_cleanup_ctr_config_ struct pm_ctr_config c;
	pm_ctr_config_init(&c);
	setenv("https_proxy", "http://proxy:1", 1);
	c.http_proxy_off = true;
	pm_strv_add(&c.env, "A=user");
	pm_strv_add(&c.env, "B=b");
	pm_strv_add(&c.labels, "l=user");
	struct pm_ctr_mount *m = pm_ctr_config_add_mount(&c);
	m->type = pm_strdup("bind");
	m->dest = pm_strdup("/data");
	apply(&c, image, false, 0);
	_cleanup_free_ char *env = pm_strv_join(&c.env, " ");
	CHECK_STR(env, "PATH=/bin A=user B=b");
	_cleanup_free_ char *labels = pm_strv_join(&c.labels, " ");
	CHECK_STR(labels, "l=user k=v");
	CHECK_STR(c.entrypoint.v[0], "/ep");
	CHECK_STR(c.command.v[1], "c2");
	CHECK_STR(c.user, "web");
	CHECK_STR(c.workdir, "/x");
	CHECK_INT(c.stop_signal, 37);
	CHECK_INT(c.n_mounts, 2);
	CHECK_STR(c.mounts[1].dest, "/v2");
	CHECK(c.mounts[1].anonymous && c.mounts[1].from_image);
	CHECK_STR(c.expose.v[0], "80/tcp");
}

TEST(proxies_reach_the_container)
{
	_cleanup_ctr_config_ struct pm_ctr_config c;
	pm_ctr_config_init(&c);
	setenv("https_proxy", "http://proxy:1", 1);
	setenv("no_proxy", "a", 1);
	pm_strv_add(&c.env, "no_proxy=b");
	apply(&c, image, false, 0);
	CHECK_STR(pm_env_get(&c.env, "https_proxy"), "http://proxy:1");
	CHECK_STR(pm_env_get(&c.env, "no_proxy"), "b");
}

TEST(the_users_entrypoint_drops_the_images_command)
{
	_cleanup_ctr_config_ struct pm_ctr_config c, d, e;
	pm_ctr_config_init(&c);
	pm_ctr_config_init(&d);
	pm_ctr_config_init(&e);
	pm_strv_add(&c.entrypoint, "/mine");
	apply(&c, image, true, 0);
	CHECK_INT(c.entrypoint.n, 1);
	CHECK_STR(c.entrypoint.v[0], "/mine");
	CHECK_INT(c.command.n, 0);
	apply(&d, image, true, -PM_E_USAGE); /* --entrypoint "" and no command */
	pm_strv_add(&e.command, "x");
	apply(&e, image, false, 0);
	CHECK_INT(e.command.n, 1);
	CHECK_STR(e.entrypoint.v[0], "/ep");
}

TEST(hostile_image_configs)
{
	static const char *const bad[] = {
		"{\"config\":[]}", "{\"config\":{\"Cmd\":\"x\"}}", "{\"config\":{\"Cmd\":[1]}}",
		"{\"config\":{\"Cmd\":[\"x\"],\"Env\":{}}}",
		"{\"config\":{\"Cmd\":[\"x\"],\"Volumes\":[]}}",
		"{\"config\":{\"Cmd\":[\"x\"],\"Volumes\":{\"/\":{}}}}",
		"{\"config\":{\"Cmd\":[\"x\"],\"Volumes\":{\"/a/../..\":{}}}}",
		"{\"config\":{\"Cmd\":[\"x\\u0000y\"]}}",
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(bad); i++) {
		_cleanup_ctr_config_ struct pm_ctr_config c;
		pm_ctr_config_init(&c);
		apply(&c, bad[i], false, -PM_E_FORMAT);
	}
	_cleanup_ctr_config_ struct pm_ctr_config c;
	pm_ctr_config_init(&c);
	apply(&c, "{}", false, -PM_E_USAGE);
}

TEST(entrypoint_words_and_arrays)
{
	struct pm_strv l = PM_STRV_INIT;
	CHECK_INT(pm_ctr_parse_entrypoint("[\"a\", \"b c\"]", &l, NULL), 0);
	CHECK_INT(l.n, 2);
	CHECK_STR(l.v[1], "b c");
	pm_strv_free(&l);
	CHECK_INT(pm_ctr_parse_entrypoint("[a b", &l, NULL), 0);
	CHECK_STR(l.v[0], "[a b");
	pm_strv_free(&l);
	CHECK_INT(pm_ctr_parse_entrypoint("", &l, NULL), 0);
	CHECK_INT(l.n, 0);
}

TEST(signals)
{
	static const struct {
		const char *text;
		int want;
	} t[] = {{"TERM", 15}, {"sigterm", 15}, {"9", 9}, {"RTMIN+3", 37}, {"SIGRTMAX", 64},
		 {"RTMAX-30", 34}, {"0", -1}, {"65", -1}, {"RTMIN+31", -1}, {"", -1}, {"-1", -1},
		 {"FOO", -1}, {"15 ", -1}};
	for (size_t i = 0; i < PM_ARRAY_SIZE(t); i++) {
		int sig = -1;
		int r = pm_signal_parse(t[i].text, &sig, NULL);
		CHECK_INT(sig, t[i].want);
		CHECK_INT(r, t[i].want < 0 ? -PM_E_USAGE : 0);
	}
	char buf[16];
	CHECK_STR(pm_signal_name(15, buf), "SIGTERM");
	CHECK_STR(pm_signal_name(37, buf), "SIGRTMIN+3");
}
