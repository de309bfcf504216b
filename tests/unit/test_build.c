/* Mounts of RUN, what a build is given, what instructions make of a configuration, keys of the cache. */
#include <string.h>

#include "engine/build/cache.h"
#include "engine/build/config.h"
#include "engine/build/output.h"
#include "engine/build/run_mount.h"
#include "tests/unit/test.h"

TEST(build_run_mounts)
{
	static const struct {
		const char *text;
		enum pm_run_mount_kind kind;
		bool writable;
		const char *target, *source, *from, *options;
	} good[] = {
		{"target=/m", PM_RUN_BIND, false, "/m", NULL, NULL, ""},
		{"type=bind,src=a/b,dst=m,rw", PM_RUN_BIND, true, "m", "a/b", NULL, ""},
		{"target=/m,rw=false,from=0,source=/x", PM_RUN_BIND, false, "/m", "/x", "0", ""},
		{"target=/m,readonly=false", PM_RUN_BIND, true, "/m", NULL, NULL, ""},
		{"type=bind,destination=/m,bind-propagation=rslave,relabel=private", PM_RUN_BIND, false, "/m", NULL, NULL,
		 "rslave Z"},
		{"type=cache,target=/c", PM_RUN_CACHE, true, "/c", NULL, NULL, ""},
		{"type=cache,target=/c,ro,sharing=locked,id=../x", PM_RUN_CACHE, false, "/c", NULL, NULL, ""},
		{"type=tmpfs,target=/t,tmpfs-size=5m,tmpfs-mode=1777", PM_RUN_TMPFS, true, "/t", NULL, NULL,
		 "size=5m mode=1777"},
		{"type=secret,id=x", PM_RUN_SECRET, false, NULL, NULL, NULL, ""},
		{"type=ssh", PM_RUN_SSH, false, NULL, NULL, NULL, ""},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(good); i++) {
		_cleanup_run_mount_ struct pm_run_mount m = {0};
		struct pm_err err = PM_ERR_INIT;
		CHECK_OK(pm_run_mount_parse(good[i].text, &m, &err), err);
		CHECK_INT(m.kind, good[i].kind);
		CHECK_INT(m.writable, good[i].writable);
		CHECK(pm_streq(m.target, good[i].target) || (!m.target && !good[i].target));
		CHECK(pm_streq(m.source, good[i].source) || (!m.source && !good[i].source));
		CHECK(pm_streq(m.from, good[i].from) || (!m.from && !good[i].from));
		_cleanup_free_ char *options = pm_strv_join(&m.options, " ");
		CHECK_STR(options, good[i].options);
	}
	static const char *const bad[] = {
		"", "type=bind", "type=nosuch,target=/m", "target=", "target=/m,nosuch", "target=/m,rw=maybe",
		"type=cache", "type=cache,target=/c,sharing=all", "type=cache,target=/c,mode=9", "type=cache,target=/c,uid=-1",
		"type=cache,target=/c,gid=4294967295", "type=tmpfs,target=/t,tmpfs-size=1x", "type=tmpfs,target=/t,tmpfs-size=m",
		"type=tmpfs,target=/t,source=/x", "type=secret", "type=secret,id=x,rw", "type=secret,env=A=B",
		"target=/m,bind-propagation=none", "target=/m,bind-propagation", "target=/m,sharing=shared",
		"type=ssh,source=/x",
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(bad); i++) {
		struct pm_run_mount m = {0};
		if (pm_run_mount_parse(bad[i], &m, NULL) != -PM_E_USAGE)
			test_fail(__FILE__, __LINE__, "\"%s\" is taken", bad[i]);
	}
	struct pm_run_mount m = {0};
	CHECK_INT(pm_run_mount_parse("target=/m,bind-propagation=rshared", &m, NULL), -PM_E_UNSUPPORTED);
}

TEST(build_secrets)
{
	struct pm_build_secrets s = {0};
	struct pm_err err = PM_ERR_INIT;
	CHECK_OK(pm_build_secret_add(&s, "id=a,src=/x", &err), err);
	CHECK_STR(s.secrets[0].path, "/x");
	CHECK_OK(pm_build_secret_add(&s, "id=b,env=HOME", &err), err);
	CHECK_STR(s.secrets[1].env, "HOME");
	CHECK_OK(pm_build_secret_add(&s, "type=env,id=c,src=HOME", &err), err);
	CHECK_STR(s.secrets[2].env, "HOME");
	CHECK(!s.secrets[2].path);
	CHECK_INT(pm_build_secret_add(&s, "src=/x", NULL), -PM_E_USAGE);
	CHECK_INT(pm_build_secret_add(&s, "id=a,src=/x,env=B", NULL), -PM_E_USAGE);
	CHECK_INT(pm_build_secret_add(&s, "id=a,type=what", NULL), -PM_E_USAGE);
	CHECK_INT(pm_build_secret_add(&s, "a", NULL), -PM_E_USAGE);
	CHECK_OK(pm_build_agent_add(&s, "work=/sock", &err), err);
	CHECK_STR(s.agents[0].id, "work");
	CHECK_STR(s.agents[0].path, "/sock");
	CHECK_INT(pm_build_agent_add(&s, "=/sock", NULL), -PM_E_USAGE);
	pm_build_secrets_free(&s);
}

TEST(build_output_words)
{
	static const struct {
		const char *text, *dest;
		bool tar;
	} good[] = {{"dir", "dir", false},
		    {"-", "-", true},
		    {"type=local,dest=/d", "/d", false},
		    {"dest=f.tar,type=tar", "f.tar", true},
		    {"type=tar,dest=-", "-", true}};
	for (size_t i = 0; i < PM_ARRAY_SIZE(good); i++) {
		struct pm_build_output o = {0};
		struct pm_err err = PM_ERR_INIT;
		CHECK_OK(pm_build_output_parse(good[i].text, &o, &err), err);
		CHECK_STR(o.dest, good[i].dest);
		CHECK_INT(o.tar, good[i].tar);
		pm_build_output_free(&o);
	}
	static const char *const bad[] = {"", "type=oci,dest=x", "type=local", "dest=x", "type=local,dest=-", "type=tar,dest=",
					  "type=tar,dest=a,dest=b", "type=tar,dest=a,more=1", "type=tar,x"};
	for (size_t i = 0; i < PM_ARRAY_SIZE(bad); i++) {
		struct pm_build_output o = {0};
		if (pm_build_output_parse(bad[i], &o, NULL) != -PM_E_USAGE)
			test_fail(__FILE__, __LINE__, "\"%s\" is taken", bad[i]);
	}
}

/* The configuration after the instructions of a Containerfile, as JSON. */
static int config_of(const char *text, struct pm_buf *out, struct pm_err *err)
{
	_cleanup_dockerfile_ struct pm_dockerfile *d = pm_dockerfile_new();
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *document = pm_json_object(pool);
	bool cmd_set = false;
	int r = pm_dockerfile_add(d, "Containerfile", text, strlen(text), err);
	struct pm_json *config = pm_json_set(pool, document, "config", pm_json_object(pool));
	pm_json_set(pool, config, "Cmd", pm_json_array(pool));
	for (size_t i = 0; r >= 0 && i < d->n_steps; i++)
		r = pm_build_config_apply(pool, document, &d->steps[i], &cmd_set, err);
	if (r >= 0)
		pm_json_write(document, 0, out);
	return r;
}

TEST(build_configurations)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"CMD a b", "\"Cmd\":[\"/bin/sh\",\"-c\",\"a b\"]"},
		{"SHELL [\"x\"]\nCMD a", "\"Cmd\":[\"x\",\"a\"]"},
		{"CMD [\"a\"]\nENTRYPOINT [\"e\"]", "\"Cmd\":[\"a\"]"},
		{"ENV A=1\nENV A=2 B=3", "\"Env\":[\"A=2\",\"B=3\"]"},
		{"WORKDIR /a\nWORKDIR b/../c", "\"WorkingDir\":\"/a/c\""},
		{"WORKDIR ../../x", "\"WorkingDir\":\"/x\""},
		{"EXPOSE 1-3/udp", "{\"1/udp\":{},\"2/udp\":{},\"3/udp\":{}}"},
		{"MAINTAINER me", "\"author\":\"me\""},
		{"HEALTHCHECK NONE", "\"Test\":[\"NONE\"]"},
		{"HEALTHCHECK --retries=3 CMD [\"t\"]", "{\"Test\":[\"CMD\",\"t\"],\"Retries\":3}"},
		{"ONBUILD RUN x", "\"OnBuild\":[\"RUN x\"]"},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = pm_asprintf("FROM x\n%s\n", cases[i].text);
		_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
		struct pm_err err = PM_ERR_INIT;
		CHECK_OK(config_of(text, &out, &err), err);
		if (!strstr(pm_buf_str(&out), cases[i].want))
			test_fail(__FILE__, __LINE__, "%s: %s", cases[i].text, pm_buf_str(&out));
	}
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	struct pm_err err = PM_ERR_INIT;
	CHECK_OK(config_of("FROM x\nENTRYPOINT [\"e\"]\n", &out, &err), err);
	CHECK(!strstr(pm_buf_str(&out), "Cmd"));
	static const char *const bad[] = {"EXPOSE x", "EXPOSE 70000", "EXPOSE 5-2", "EXPOSE 80/icmp", "STOPSIGNAL nosuch",
					  "HEALTHCHECK --retries=x CMD t", "HEALTHCHECK --interval=5q CMD t"};
	for (size_t i = 0; i < PM_ARRAY_SIZE(bad); i++) {
		_cleanup_free_ char *text = pm_asprintf("FROM x\n%s\n", bad[i]);
		_cleanup_buf_ struct pm_buf none = PM_BUF_INIT;
		struct pm_err why = PM_ERR_INIT;
		if (config_of(text, &none, &why) != -PM_E_USAGE || !strstr(why.text, "Containerfile:2"))
			test_fail(__FILE__, __LINE__, "%s: %s", bad[i], why.text);
	}
}

static void key_of(const char *image, const char *what, const char *text, char ret[65])
{
	struct pm_cache_key k;
	pm_cache_key_init(&k, image);
	pm_cache_key_add(&k, what, text);
	pm_cache_key_hex(&k, ret);
}

TEST(build_keys_tell_texts_apart)
{
	char a[65], b[65];
	key_of("i", "ab", "c", a);
	key_of("i", "ab", "c", b);
	CHECK_STR(a, b);
	key_of("i", "a", "bc", b);
	CHECK(strcmp(a, b) != 0);
	key_of("j", "ab", "c", b);
	CHECK(strcmp(a, b) != 0);
	key_of("i", "ab", NULL, a);
	key_of("i", "ab", "", b);
	CHECK_STR(a, b);
}
