#include "engine/image/changes.h"

#include "tests/unit/test.h"

static int apply(const char *const *changes, size_t n, struct pm_buf *out, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_strv_ struct pm_strv l = PM_STRV_INIT;
	struct pm_json *c = pm_json_object(pool);
	for (size_t i = 0; i < n; i++)
		pm_strv_add(&l, changes[i]);
	int r = pm_changes_apply(pool, c, &l, err);
	if (r >= 0)
		pm_json_write(pm_changes_canonical(pool, c), 0, out);
	return r;
}

TEST(all_instructions)
{
	static const char *const changes[] = {
		"CMD [\"/bin/sh\",\"-c\",\"x\"]", "ENTRYPOINT run it", "ENV A=b c", "env B=1", "ENV A=2", "EXPOSE 80",
		"EXPOSE 53/udp", "LABEL z=1", "LABEL a=x=y", "STOPSIGNAL SIGTERM", "USER=nobody:nogroup",
		"VOLUME [\"/v\",\"/w\"]", "VOLUME /data", "WORKDIR /srv", "ONBUILD RUN x",
	};
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	struct pm_err err = PM_ERR_INIT;
	CHECK_OK(apply(changes, sizeof(changes) / sizeof(changes[0]), &out, &err), err);
	CHECK_STR(pm_buf_str(&out),
		  "{\"User\":\"nobody:nogroup\",\"ExposedPorts\":{\"53/udp\":{},\"80/tcp\":{}},"
		  "\"Env\":[\"A=2\",\"B=1\"],\"Entrypoint\":[\"/bin/sh\",\"-c\",\"run it\"],"
		  "\"Cmd\":[\"/bin/sh\",\"-c\",\"x\"],\"Volumes\":{\"/data\":{},\"/v\":{},\"/w\":{}},"
		  "\"WorkingDir\":\"/srv\",\"Labels\":{\"a\":\"x=y\",\"z\":\"1\"},\"StopSignal\":\"SIGTERM\","
		  "\"OnBuild\":[\"RUN x\"]}");
}

TEST(quotes_of_env_and_label)
{
	static const struct {
		const char *change, *json;
	} t[] = {
		{"LABEL x=\"a b\"", "{\"Labels\":{\"x\":\"a b\"}}"},
		{"LABEL x='a \"b' y=c\\ d z=", "{\"Labels\":{\"x\":\"a \\\"b\",\"y\":\"c d\",\"z\":\"\"}}"},
		{"LABEL \"a.b\"=\"c=\\\"d\\\"\\n\"", "{\"Labels\":{\"a.b\":\"c=\\\"d\\\"\\\\n\"}}"},
		{"LABEL x", "{\"Labels\":{\"x\":\"\"}}"},
		{"LABEL x some words", "{\"Labels\":{\"x\":\"some words\"}}"},
		{"ENV A=\"1 2\" B=3", "{\"Env\":[\"A=1 2\",\"B=3\"]}"},
		{"ENV A=b c", "{\"Env\":[\"A=b c\"]}"},
		{"ENV A b  c", "{\"Env\":[\"A=b  c\"]}"},
		{"ENV=A=b", "{\"Env\":[\"A=b\"]}"},
		{"ENV A", "{\"Env\":[\"A=\"]}"},
	};
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct pm_err err = PM_ERR_INIT;
		_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
		CHECK_OK(apply(&t[i].change, 1, &out, &err), err);
		CHECK_STR(pm_buf_str(&out), t[i].json);
	}
}

TEST(bad_changes)
{
	static const char *const bad[] = {"",	       "CMD",	   "CMD ",	"RUN x",	"EXPOSE x",
					  "EXPOSE 0",  "EXPOSE 65536", "EXPOSE 80/icmp", "ENV =x", "LABEL =x",
					  "STOPSIGNAL SIGNONE", "STOPSIGNAL 99", "FROM x", "LABEL x=\"a",
					  "ENV A=b '=c'"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct pm_err err = PM_ERR_INIT;
		_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
		int r = apply(&bad[i], 1, &out, &err);
		if (r != -PM_E_USAGE || !strstr(err.text, bad[i]))
			test_fail(__FILE__, __LINE__, "'%s' gave %d: %s", bad[i], r, err.text);
	}
}
