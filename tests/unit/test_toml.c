#include "tests/unit/test.h"

#include "base/toml.h"

/* What is expected: compact JSON, or the start of the error after "TOML: line ". */
static const struct {
	const char *toml, *want;
} cases[] = {
	/* comments, white space, newlines */
	{"", "{}"},
	{"# only a comment", "{}"},
	{" \t\n\r\n# c\n", "{}"},
	{"a = 1 # c\n b\t=\t2\r\n", "{\"a\":1,\"b\":2}"},
	{"a = 1 b = 2", "1: something follows"},
	{"a = \"x\" y", "1: something follows"},
	{"# \x01\n", "1: control character in a comment"},
	{"a = 1\rb = 2", "1: something follows"},
	{"\xef\xbb\xbf" "a = 1", "{\"a\":1}"},
	{"a = 1\nb = \"\xff\"", "2: not UTF-8"},
	/* keys */
	{"bare_key-1 = 1\n1234 = 2", "{\"bare_key-1\":1,\"1234\":2}"},
	{"\"127.0.0.1\" = 1\n'quoted \"x\"' = 2\n\"\" = 3",
	 "{\"127.0.0.1\":1,\"quoted \\\"x\\\"\":2,\"\":3}"},
	{"\"\\u00e9\" = 1", "{\"é\":1}"},
	{"= 1", "1: a key is missing"},
	{"\na", "2: '=' is missing"},
	{"é = 1", "1: a key is missing"},
	{"a = 1\n\na = 2", "3: 'a' is given twice"},
	{"a = 1\n\"a\" = 2", "2: 'a' is given twice"},
	{"\"\"\"a\"\"\" = 1", "1: a multi-line string cannot be a key"},
	{"\"a\\u0000\" = 1", "1: a key holds a NUL"},
	{"a =\n1", "1: a value is missing"},
	{"a = ", "1: a value is missing"},
	/* dotted keys */
	{"a.b.c = 1\na . d = 2\na.\"x.y\" = 3", "{\"a\":{\"b\":{\"c\":1},\"d\":2,\"x.y\":3}}"},
	{"3.14159 = 'pi'", "{\"3\":{\"14159\":\"pi\"}}"},
	{"fruit.apple = 1\nfruit.apple.smooth = true", "2: 'apple' is defined already"},
	{"a.b = 1\na.b = 2", "2: 'b' is given twice"},
	{"a..b = 1", "1: a key is missing"},
	{"a. = 1", "1: a key is missing"},
	/* basic strings */
	{"a = \"\\b\\t\\n\\f\\r\\\"\\\\ \\u00e9 \\U0001F600\"",
	 "{\"a\":\"\\u0008\\t\\n\\u000c\\r\\\"\\\\ é 😀\"}"},
	{"a = \"tab\there\"", "{\"a\":\"tab\\there\"}"},
	{"a = \"x\n\"", "1: string without its closing quote"},
	{"a = \"x", "1: string without its closing quote"},
	{"a = \"\\x41\"", "1: unknown escape"},
	{"a = \"\\u12g4\"", "1: \\u needs 4"},
	{"a = \"\\ud800\"", "1: \\u names no Unicode character"},
	{"a = \"\\U00110000\"", "1: \\U names no Unicode character"},
	{"a = \"\x7f\"", "1: control character in a string"},
	{"a = \"nul \\u0000\"", "{\"a\":\"nul \\u0000\"}"},
	/* literal strings */
	{"a = 'C:\\Users\\n'", "{\"a\":\"C:\\\\Users\\\\n\"}"},
	{"a = ''", "{\"a\":\"\"}"},
	{"a = 'x\n'", "1: string without its closing quote"},
	/* multi-line strings */
	{"a = \"\"\"\nRoses\r\nViolets\"\"\"", "{\"a\":\"Roses\\nViolets\"}"},
	{"a = \"\"\"The \\\n   \n\t quick \\  \nfox\"\"\"", "{\"a\":\"The quick fox\"}"},
	{"a = \"\"\"\"two\"\" \"\"\"\"\"", "{\"a\":\"\\\"two\\\"\\\" \\\"\\\"\"}"},
	{"a = \"\"\"x\"\"\"\"\"\"", "1: something follows"},
	{"a = \"\"\"a \\x\"\"\"", "1: unknown escape"},
	{"\na = \"\"\"\nx\n\n", "2: string without its closing quotes"},
	{"a = '''\nI \\d'''\nb = 1", "{\"a\":\"I \\\\d\",\"b\":1}"},
	{"a = ''''''", "{\"a\":\"\"}"},
	{"a = ''''x'''''", "{\"a\":\"'x''\"}"},
	/* integers */
	{"a = [+99, 42, 0, -17, +0, -0, 1_000, 5_3_4]", "{\"a\":[99,42,0,-17,0,0,1000,534]}"},
	{"a = [0xDEADBEEF, 0xdead_beef, 0o755, 0b1101_0110]",
	 "{\"a\":[3735928559,3735928559,493,214]}"},
	{"a = [9223372036854775807, -9223372036854775808]",
	 "{\"a\":[9223372036854775807,-9223372036854775808]}"},
	{"a = 9223372036854775808", "1: integer beyond 64 bits"},
	{"a = 0xffffffffffffffff", "1: integer beyond 64 bits"},
	{"a = 012", "1: malformed"}, {"a = 1__0", "1: malformed"}, {"a = _1", "1: malformed"},
	{"a = 1_", "1: malformed"}, {"a = -0x1", "1: malformed"}, {"a = 0X1", "1: malformed"},
	{"a = 0o8", "1: malformed"}, {"a = 0b", "1: malformed"}, {"a = --1", "1: malformed"},
	{"a = yes", "1: malformed"}, {"a = True", "1: malformed"}, {"a = 1k", "1: malformed"},
	/* floats */
	{"a = [+1.0, -0.01, 5e+22, 1e06, -2E-2, 6.626e-34, 224_617.445_991]",
	 "{\"a\":[1.0,-0.01,5e22,1e06,-2e-2,6.626e-34,224617.445991]}"},
	{"a = [inf, +inf, -nan]", "{\"a\":[\"inf\",\"+inf\",\"-nan\"]}"},
	{"a = .7", "1: malformed"}, {"a = 7.", "1: malformed"}, {"a = 3.e+20", "1: malformed"},
	{"a = 1e", "1: malformed"}, {"a = 1._1", "1: malformed"}, {"a = 03.1", "1: malformed"},
	{"a = 1.2.3", "1: malformed"}, {"a = Inf", "1: malformed"},
	/* booleans, date-times */
	{"a = true\nb = false", "{\"a\":true,\"b\":false}"},
	{"a = [1979-05-27T07:32:00Z, 1979-05-27 00:32:00.999999-07:00, 1979-05-27t07:32:00z]",
	 "{\"a\":[\"1979-05-27T07:32:00Z\",\"1979-05-27 00:32:00.999999-07:00\","
	 "\"1979-05-27t07:32:00z\"]}"},
	{"a = 1979-05-27T07:32:00\nb = 1979-05-27 # c\nc = 07:32:00.5",
	 "{\"a\":\"1979-05-27T07:32:00\",\"b\":\"1979-05-27\",\"c\":\"07:32:00.5\"}"},
	{"a = 2000-02-29", "{\"a\":\"2000-02-29\"}"},
	{"a = 1900-02-29", "1: malformed"}, {"a = 1979-13-01", "1: malformed"},
	{"a = 24:00:00", "1: malformed"}, {"a = 07:32", "1: malformed"},
	{"a = 07:32:00.", "1: malformed"}, {"a = 1979-5-27", "1: malformed"},
	{"a = 1979-05-27T07:32:00+25:00", "1: malformed"},
	{"a = 1979-05-27T", "1: malformed"},
	/* arrays */
	{"a = [ [ 1, 2 ], [\"a\", 3.0], {x = 1}, ]",
	 "{\"a\":[[1,2],[\"a\",3.0],{\"x\":1}]}"},
	{"a = [ # c\n 1 # d\n , # e\n\n 2, # f\n]\nb = 1", "{\"a\":[1,2],\"b\":1}"},
	{"a = []", "{\"a\":[]}"},
	{"a = [,]", "1: a value is missing"},
	{"a = [1 2]", "1: ',' or ']' is missing"},
	{"a = [1,\n2", "2: ',' or ']' is missing"},
	/* tables */
	{"[a]\nx = 1\n[b]\nx = 2", "{\"a\":{\"x\":1},\"b\":{\"x\":2}}"},
	{"[ a . \"b.c\" . 'd' ]\nx = 1", "{\"a\":{\"b.c\":{\"d\":{\"x\":1}}}}"},
	{"[x.y.z.w]\n[x]\na = 1", "{\"x\":{\"y\":{\"z\":{\"w\":{}}},\"a\":1}}"},
	{"[a]\n[a]", "2: table 'a' is defined already"},
	{"[a]\nb = 1\n[a.b]", "3: table 'b' is defined already"},
	{"a = 1\n[a.b]", "2: 'a' is a value"},
	{"[]", "1: a key is missing"}, {"[a]]", "1: something follows"},
	{"[a", "1: ']' is missing"}, {"[a] b = 1", "1: something follows"},
	{"[a.]", "1: a key is missing"}, {"[a]#c", "{\"a\":{}}"},
	{"[fruit]\napple.color = 1\n[fruit.apple]", "3: table 'apple' is defined already"},
	{"[fruit]\napple.taste.sweet = true\n[fruit.apple.taste]", "3: table 'taste' is defined"},
	{"[fruit]\napple.color = 1\n[fruit.apple.texture]\nsmooth = true",
	 "{\"fruit\":{\"apple\":{\"color\":1,\"texture\":{\"smooth\":true}}}}"},
	{"[a.b.c]\nz = 9\n[a]\nb.c.t = 1", "4: 'c' is defined already"},
	{"[a]\nb.c = 1\n[x]\n[a.b.d]\n[a]", "5: table 'a' is defined already"},
	/* inline tables */
	{"a = { first = \"T\", b.c = 1, b.d = 2 }",
	 "{\"a\":{\"first\":\"T\",\"b\":{\"c\":1,\"d\":2}}}"},
	{"a = {}\nb = {x={y={}}}", "{\"a\":{},\"b\":{\"x\":{\"y\":{}}}}"},
	{"a = { x = 1, }", "1: a key is missing"},
	{"a = { x = 1\n}", "1: ',' or '}' is missing"},
	{"a = { x = [\n1,\n2 ] }", "{\"a\":{\"x\":[1,2]}}"},
	{"a = { x = 1, x = 2 }", "1: 'x' is given twice"},
	{"a = { x = {}, x.y = 2 }", "1: 'x' is defined already"},
	{"a = { x = 1 }\na.y = 2", "2: 'a' is defined already"},
	{"a = { x.y = 1 }\n[a.x]", "2: 'a' is a value"},
	{"a.b = 1\na = {}", "2: 'a' is given twice"},
	/* arrays of tables */
	{"[[p]]\nn = 1\n[[p]]\n[[p]]\nn = 3", "{\"p\":[{\"n\":1},{},{\"n\":3}]}"},
	{"[[f]]\nn = 'a'\n[f.phys]\nc = 1\n[[f.var]]\nn = 'r'\n[[f.var]]\nn = 'g'\n[[f]]\n"
	 "n = 'b'\n[[f.var]]\nn = 'p'\n[f.phys]\n",
	 "{\"f\":[{\"n\":\"a\",\"phys\":{\"c\":1},\"var\":[{\"n\":\"r\"},{\"n\":\"g\"}]},"
	 "{\"n\":\"b\",\"var\":[{\"n\":\"p\"}],\"phys\":{}}]}"},
	{"[f.phys]\n[[f]]", "2: 'f' is defined already, not as an array of tables"},
	{"f = []\n[[f]]", "2: 'f' is defined already, not as an array of tables"},
	{"f = [{}]\n[f.x]", "2: 'f' is a value"},
	{"[[f]]\n[f]", "2: table 'f' is defined already"},
	{"[[f.a]]\n[f.a]", "2: table 'a' is defined already"},
	{"[[f.a]]\n[f]\nx = 1", "{\"f\":{\"a\":[{}],\"x\":1}}"},
	{"[[f.a]]\n[f]\na.x = 1", "3: 'a' is defined already"},
	{"[[a]", "1: ']]' is missing"}, {"[ [a]]", "1: a key is missing"},
	{"[[a] ]", "1: ']]' is missing"},
};

TEST(specification)
{
	for (size_t i = 0; i < PM_ARRAY_SIZE(cases); i++) {
		_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
		_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
		struct pm_err err = PM_ERR_INIT;
		struct pm_json *v = NULL;
		const char *toml = cases[i].toml, *want = cases[i].want;
		/* from a block of its exact size, so that reading beyond it is seen */
		size_t len = strlen(toml);
		_cleanup_free_ char *exact = memcpy(pm_malloc(len), toml, len);

		if (pm_toml_parse(pool, exact, len, &v, &err) < 0) {
			CHECK_INT(err.code, PM_E_FORMAT);
			CHECK(!v && pm_startswith(err.text, "TOML: line "));
			if (!pm_startswith(err.text + 11, want))
				test_fail(__FILE__, __LINE__, "%s\ngives: %s\nnot: %s", toml,
					  err.text, want);
			continue;
		}
		pm_json_write(v, 0, &b);
		if (strcmp(pm_buf_str(&b), want) != 0)
			test_fail(__FILE__, __LINE__, "%s\ngives: %s\nnot: %s", toml,
				  pm_buf_str(&b), want);
	}
}

static int parse(const char *text, size_t len, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *v;
	return pm_toml_parse(pool, text, len, &v, err);
}

TEST(depth_is_limited)
{
	static const struct {
		const char *before, *again;
	} deep[] = {{"a = ", "["}, {"a = ", "{a="}, {"", "a."}, {"[", "a."}, {"[[", "a."}};
	for (size_t i = 0; i < PM_ARRAY_SIZE(deep); i++) {
		_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
		struct pm_err err = PM_ERR_INIT;
		pm_buf_add_str(&b, deep[i].before);
		for (int k = 0; k < 100000; k++)
			pm_buf_add_str(&b, deep[i].again);
		CHECK_INT(parse(b.data, b.len, &err), -PM_E_FORMAT);
		CHECK_STR(err.text, "TOML: line 1: nested deeper than 100");
	}
}

/* Also through headers and dotted keys together. */
TEST(depth_is_limited_in_sum)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	struct pm_err err = PM_ERR_INIT;
	pm_buf_add_str(&b, "[a");
	for (int k = 0; k < 60; k++)
		pm_buf_add_str(&b, ".a");
	pm_buf_add_str(&b, "]\na");
	for (int k = 0; k < 60; k++)
		pm_buf_add_str(&b, ".a");
	pm_buf_add_str(&b, " = 1");
	CHECK_INT(parse(b.data, b.len, &err), -PM_E_FORMAT);
	CHECK_STR(err.text, "TOML: line 2: nested deeper than 100");
}

/* Takes minutes when finding a key is linear. */
TEST(many_keys)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	struct pm_err err = PM_ERR_INIT;
	for (int k = 0; k < 300000; k++)
		pm_buf_printf(&b, "k%d=%d\n", k, k);
	CHECK_OK(parse(b.data, b.len, &err), err);
	pm_buf_add_str(&b, "k299999=1");
	CHECK_INT(parse(b.data, b.len, &err), -PM_E_FORMAT);
	CHECK_STR(err.text, "TOML: line 300001: 'k299999' is given twice");
}

TEST(containers_conf)
{
	static const char text[] =
		"# containers.conf\n"
		"[containers]\n"
		"env = [\n  \"PATH=/usr/bin:/bin\", # default\n  'TERM=xterm',\n]\n"
		"pids_limit = 2_048\n"
		"[engine]\n"
		"runtime = \"crun\"\n"
		"  [engine.runtimes]\n"
		"  crun = [\"/usr/bin/crun\"]\n"
		"[[registry]]\n"
		"location = \"a\"\n"
		"  [[registry.mirror]]\n"
		"  location = \"m\"\n"
		"  insecure = true\n";
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_err err = PM_ERR_INIT;
	struct pm_json *v;
	CHECK_OK(pm_toml_parse(pool, text, sizeof(text) - 1, &v, &err), err);
	CHECK_INT(pm_json_get_int(pm_json_get(v, "containers"), "pids_limit", 0), 2048);
	CHECK_STR(pm_json_at(pm_json_find(v, "containers", "env", NULL), 1)->string, "TERM=xterm");
	CHECK_STR(pm_json_at(pm_json_find(v, "engine", "runtimes", "crun", NULL), 0)->string,
		  "/usr/bin/crun");
	struct pm_json *mirror = pm_json_get(pm_json_at(pm_json_get(v, "registry"), 0), "mirror");
	CHECK(pm_json_get_bool(pm_json_at(mirror, 0), "insecure", false));
}
