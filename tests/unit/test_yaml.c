#include "base/yaml.h"
#include "tests/unit/test.h"

static void same(const char *yaml, const char *json)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	struct pm_json *v;
	CHECK_OK(pm_yaml_parse(pool, yaml, strlen(yaml), &v, &err), err);
	pm_json_write(v, 0, &out);
	CHECK_STR(pm_buf_str(&out), json);
}

static void refused(const char *yaml)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *v;
	CHECK_INT(pm_yaml_parse(pool, yaml, strlen(yaml), &v, &err), -PM_E_FORMAT);
}

TEST(yaml_values)
{
	same("", "null");
	same("a: 1\nb: [x, \"2\", 1.10, true, ~]\nc:\n- d: e\n  f: {}\n", "{\"a\":1,\"b\":[\"x\",\"2\",1.10,true,null],"
									   "\"c\":[{\"d\":\"e\",\"f\":{}}]}");
	same("a: 'it''s'\nb: |\n  two\n  lines\n", "{\"a\":\"it's\",\"b\":\"two\\nlines\\n\"}");
	same("v: 0123\nw: 0x10\nx: !!str 5\n", "{\"v\":\"0123\",\"w\":\"0x10\",\"x\":\"5\"}");
}

TEST(yaml_refused)
{
	refused("a: 1\na: 2\n");
	refused("a: &x [1]\nb: *x\n");
	refused("[a: b\n");
	refused("? [a]\n: b\n");
	refused("a: 1\n---\nb: 2\n");
	_cleanup_buf_ struct pm_buf deep = PM_BUF_INIT;
	for (int i = 0; i < 5000; i++)
		pm_buf_add_char(&deep, '[');
	refused(pm_buf_str(&deep));
}

TEST(yaml_documents)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *v;
	const char *text = "---\na: 1\n---\nb: 2\n...\n";
	CHECK_OK(pm_yaml_parse_all(pool, text, strlen(text), &v, &err), err);
	CHECK_INT(pm_json_len(v), 2);
	CHECK_STR(pm_yaml_text(pm_json_get(pm_json_at(v, 1), "b")), "2");
}
