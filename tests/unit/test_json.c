#include "tests/unit/test.h"

#include <inttypes.h>
#include <math.h>

#include "base/json.h"

/* The compact text of what text parses to, or the error's text; static. */
static const char *canon(const char *text, size_t len)
{
	static char out[4096];
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	struct pm_err err = PM_ERR_INIT;
	struct pm_json *v = NULL;
	if (pm_json_parse(pool, text, len, &v, &err) < 0) {
		CHECK(!v && err.code == PM_E_FORMAT);
		snprintf(out, sizeof(out), "%s", err.text);
	} else {
		pm_json_write(v, 0, &b);
		snprintf(out, sizeof(out), "%s", pm_buf_str(&b));
	}
	return out;
}

#define CANON(s) canon(s, sizeof(s) - 1)

TEST(values_round_trip)
{
	CHECK_STR(CANON(" {\"b\": [1, -2.50e3, true, null, \"x\"], \"a\": {}} \n"),
		  "{\"b\":[1,-2.50e3,true,null,\"x\"],\"a\":{}}");
	CHECK_STR(CANON("[]"), "[]");
	CHECK_STR(CANON("0"), "0");
	CHECK_STR(CANON("\"\""), "\"\"");
	CHECK_STR(CANON("[18446744073709551615,123456789012345678901234567890]"),
		  "[18446744073709551615,123456789012345678901234567890]");
	CHECK_STR(CANON("\"\\u00e9\\ud83d\\ude00\\/\\b\\f\""), "\"é😀/\\u0008\\u000c\"");
	CHECK_STR(CANON("\"\\u0000\""), "\"\\u0000\"");
	/* lone surrogates become U+FFFD or ?, never broken UTF-8 */
	CHECK_STR(CANON("\"\\udc00x\""), "\"\xef\xbf\xbdx\"");
	CHECK_STR(CANON("\"\\ud800x\""), "\"?x\"");
}

TEST(malformed)
{
	CHECK_STR(CANON(""), "JSON: line 1, column 1: premature EOF");
	CHECK(strstr(CANON("{\"a\":1,\n \"a\":2}"), "member 'a' is given twice"));
	CHECK(strstr(CANON("{\"a\\u0000b\":1}"), "NUL"));
	CHECK(strstr(CANON("\n\n  [1,\"\xff\"]"), "line 3, column 7: not UTF-8"));
	CHECK(strstr(CANON("[1,]"), "JSON: line 1"));
	CHECK(strstr(CANON("{\"a\":1,}"), "JSON: line 1"));
	static const char *const bad[] = {
		"[", "]", "{", "[1", "{\"a\"}", "{\"a\":}", "{a:1}", "'a'", "tru", "01", "1.", ".5",
		"+1", "-", "1e", "0x10", "NaN", "Infinity", "\"\n\"", "\"a", "\"\\x\"", "\"\\u12\"",
		"1 2", "[1] x", "// c\n1", "/* c */1", "[1 2]", "nullx", "\xef\xbb\xbf{}",
		"{\"a\":1 \"b\":2}", "{1:2}",
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(bad); i++)
		if (!pm_startswith(canon(bad[i], strlen(bad[i])), "JSON: line "))
			test_fail(__FILE__, __LINE__, "accepted: %s", bad[i]);
	CHECK(pm_startswith(CANON("1\0"), "JSON: line "));
}

TEST(depth_is_limited)
{
	char text[512];
	memset(text, '[', 100);
	memset(text + 100, ']', 100);
	CHECK(canon(text, 200)[0] == '[');
	memset(text, '[', 101);
	memset(text + 101, ']', 101);
	CHECK(strstr(canon(text, 202), "nested deeper than 100"));
}

TEST(duplicate_in_large_object)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_err err = PM_ERR_INIT;
	struct pm_json *v;
	pm_buf_add_char(&b, '{');
	for (int i = 0; i < 20000; i++)
		pm_buf_printf(&b, "%s\"k%d\":%d", i ? "," : "", i, i);
	pm_buf_add_char(&b, '}');
	CHECK_OK(pm_json_parse(pool, b.data, b.len, &v, &err), err);
	CHECK_INT(pm_json_get_int(v, "k19999", -1), 19999);
	pm_buf_cut(&b, b.len - 1);
	pm_buf_add_str(&b, ",\"k7\":0}");
	CHECK_INT(pm_json_parse(pool, b.data, b.len, &v, &err), -PM_E_FORMAT);
	CHECK(strstr(err.text, "'k7' is given twice"));
}

TEST(integers_are_exact)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_err err = PM_ERR_INIT;
	int64_t n = 5;
	CHECK_OK(pm_json_as_int(pm_json_int(pool, INT64_MIN), &n, &err), err);
	CHECK(n == INT64_MIN);
	CHECK_OK(pm_json_as_int(pm_json_uint(pool, INT64_MAX), &n, &err), err);
	CHECK(n == INT64_MAX);
	CHECK_STR(pm_json_uint(pool, UINT64_MAX)->string, "18446744073709551615");
	CHECK_INT(pm_json_as_int(pm_json_uint(pool, UINT64_MAX), &n, &err), -PM_E_FORMAT);
	CHECK_INT(pm_json_as_int(pm_json_number(pool, "1.0", 3), &n, &err), -PM_E_FORMAT);
	CHECK_INT(pm_json_as_int(pm_json_number(pool, "1e3", 3), &n, &err), -PM_E_FORMAT);
	CHECK_INT(pm_json_as_int(pm_json_str(pool, "1"), &n, &err), -PM_E_FORMAT);
	CHECK_INT(pm_json_as_int(NULL, &n, &err), -PM_E_FORMAT);
	CHECK(n == INT64_MAX);
}

TEST(doubles_as_go_writes_them)
{
	static const struct {
		double n;
		const char *text;
	} cases[] = {
		{0, "0"},
		{1, "1"},
		{-1.5, "-1.5"},
		{0.1, "0.1"},
		{1e20, "100000000000000000000"},
		{1e21, "1e+21"},
		{1.25e-6, "0.00000125"},
		{1e-7, "1e-7"},
		{123456.789, "123456.789"},
		{1.7976931348623157e308, "1.7976931348623157e+308"},
		{5e-324, "5e-324"},
		{0.30000000000000004, "0.30000000000000004"},
		{NAN, NULL},
		{INFINITY, NULL},
	};
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	for (size_t i = 0; i < PM_ARRAY_SIZE(cases); i++) {
		struct pm_json *v = pm_json_double(pool, cases[i].n);
		if (cases[i].text)
			CHECK_STR(v->string, cases[i].text);
		else
			CHECK_INT(v->kind, PM_JSON_NULL);
	}
}

TEST(building_and_looking)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	_cleanup_strv_ struct pm_strv l = PM_STRV_INIT;
	struct pm_err err = PM_ERR_INIT;

	struct pm_json *o = pm_json_object(pool);
	pm_json_set_str(pool, o, "name", "x");
	pm_json_set_str(pool, o, "none", NULL);
	pm_json_set_int(pool, o, "n", 3);
	pm_json_set_bool(pool, o, "yes", true);
	pm_json_set(pool, o, "empty", pm_json_array(pool));
	struct pm_json *in = pm_json_set(pool, o, "in", pm_json_object(pool));
	struct pm_json *a = pm_json_set(pool, in, "list", pm_json_array(pool));
	for (int i = 0; i < 20; i++)
		pm_json_add(pool, a, pm_json_str(pool, i % 2 ? "odd" : "even"));
	pm_json_set_str(pool, o, "name", "y"); /* replaced in place */
	pm_json_unset(o, "n");
	pm_json_unset(o, "not there");

	pm_json_write(o, 0, &b);
	CHECK(pm_startswith(b.data,
			    "{\"name\":\"y\",\"none\":null,\"yes\":true,\"empty\":[],\"in\":{"));
	CHECK_STR(pm_json_get_str(o, "name"), "y");
	CHECK(!pm_json_get_str(o, "none"));
	CHECK(!pm_json_get(o, "n"));
	CHECK(pm_json_get_bool(o, "yes", false));
	CHECK(pm_json_get_bool(o, "name", true));
	CHECK_STR(pm_json_at(pm_json_find(o, "in", "list", NULL), 19)->string, "odd");
	CHECK(!pm_json_at(a, 20));
	CHECK(!pm_json_find(o, "in", "list", "deeper", NULL));
	CHECK(!pm_json_find(NULL, "a", NULL));
	CHECK_INT(pm_json_len(NULL), 0);
	CHECK_INT(pm_json_get_int(NULL, "a", 4), 4);
	CHECK_OK(pm_json_to_strv(a, &l, &err), err);
	CHECK_INT(l.n, 20);
	pm_json_add(pool, a, pm_json_int(pool, 1));
	CHECK_INT(pm_json_to_strv(a, &l, &err), -PM_E_FORMAT);

	_cleanup_json_pool_ struct pm_json_pool *other = pm_json_pool_new();
	struct pm_json *copy = pm_json_copy(other, o);
	CHECK(pm_json_equal(o, copy));
	pm_json_add(other, pm_json_find(copy, "in", "list", NULL), pm_json_null(other));
	CHECK(!pm_json_equal(o, copy));
	CHECK(!pm_json_equal(o, NULL));
	CHECK(pm_json_equal(pm_json_number(pool, "1.0", 3), pm_json_int(pool, 1)));
	CHECK(!pm_json_equal(pm_json_number(pool, "9007199254740993", 16),
			     pm_json_number(pool, "9007199254740992", 16)));
}

TEST(indent_and_escapes)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT, h = PM_BUF_INIT;
	struct pm_json *o = pm_json_object(pool);
	struct pm_json *a = pm_json_set(pool, o, "a", pm_json_array(pool));
	pm_json_add(pool, a, pm_json_int(pool, 1));
	pm_json_add(pool, a, pm_json_object(pool));
	pm_json_set_str(pool, o, "<&>", "\"\\\x1b\x7f\n\t<\xe2\x80\xa8 \xff");
	pm_json_write(o, 5, &b);
	CHECK_STR(b.data, "{\n     \"a\": [\n          1,\n          {}\n     ],\n     \"<&>\": "
			  "\"\\\"\\\\\\u001b\x7f\\n\\t<\\u2028 \\ufffd\"\n}");
	pm_json_write_html(o, 0, &h);
	CHECK_STR(h.data, "{\"a\":[1,{}],\"\\u003c\\u0026\\u003e\":"
			  "\"\\\"\\\\\\u001b\x7f\\n\\t\\u003c\\u2028 \\ufffd\"}");
}

/* What needs an escape is found wherever it stands in a long text. */
TEST(escapes_at_every_place)
{
	static const struct {
		const char *bytes, *plain, *html;
	} cases[] = {
		{"\"", "\\\"", "\\\""},	{"\\", "\\\\", "\\\\"},	   {"\n", "\\n", "\\n"},
		{"\x1f", "\\u001f", "\\u001f"}, {"<", "<", "\\u003c"},	   {"\x7f", "\x7f", "\x7f"},
		{"\xc3\xa9", "\xc3\xa9", "\xc3\xa9"}, {"\xff", "\\ufffd", "\\ufffd"}, {" ~!", " ~!", " ~!"},
		{"\xe2\x80\xa8", "\\u2028", "\\u2028"},
	};
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	for (size_t i = 0; i < PM_ARRAY_SIZE(cases); i++) {
		for (int at = 0; at < 20; at++) {
			_cleanup_free_ char *text = pm_asprintf("%.*s%sabcdefghijklmnopqrst", at,
								"01234567890123456789", cases[i].bytes);
			_cleanup_buf_ struct pm_buf plain = PM_BUF_INIT, html = PM_BUF_INIT;
			_cleanup_free_ char *want = pm_asprintf("\"%.*s%sabcdefghijklmnopqrst\"", at,
								"01234567890123456789", cases[i].plain);
			_cleanup_free_ char *want_html = pm_asprintf("\"%.*s%sabcdefghijklmnopqrst\"", at,
								     "01234567890123456789", cases[i].html);
			pm_json_write(pm_json_str(pool, text), 0, &plain);
			pm_json_write_html(pm_json_str(pool, text), 0, &html);
			CHECK_STR(plain.data, want);
			CHECK_STR(html.data, want_html);
		}
	}
}
