#include "cli/option.h"
#include "tests/unit/test.h"

struct inner {
	const char *name;
};

struct all {
	struct inner inner;
	bool flag, on;
	const char *text, *choice, *plain;
	struct pm_strv each, list, dflt;
	int64_t number, size, wait;
	uint64_t count;
	double share;
};

static const struct pm_opt inner_table[] = {
	{"name", 'n', PM_STRING(struct inner, name), "a name"},
	{0},
};

static const struct pm_opt all_table[] = {
	{"flag", 'f', PM_BOOL(struct all, flag), "x"},
	{"on", 'o', PM_BOOL(struct all, on), "x", .def = "true"},
	{"text", 't', PM_STRING(struct all, text), "x", .def = "dflt"},
	{"choice", 0, PM_CHOICE(struct all, choice), "x", .choices = "red|green"},
	{"plain", 0, PM_STRING(struct all, plain), "x", .no_value = "always"},
	{"each", 'e', PM_STRINGS(struct all, each), "x"},
	{"list", 'l', PM_LIST(struct all, list), "x"},
	{"dflt", 0, PM_LIST(struct all, dflt), "x", .def = "a,b"},
	{"number", 'i', PM_INT(struct all, number), "x", .def = "-1"},
	{"count", 'c', PM_UINT(struct all, count), "x"},
	{"size", 's', PM_SIZE(struct all, size), "x"},
	{"wait", 'w', PM_DURATION(struct all, wait), "x"},
	{"share", 0, PM_FLOAT(struct all, share), "x"},
	{"gone", 0, PM_REFUSED, "pm has no daemon"},
	{0},
};

static const struct pm_opt_table tables[] = {
	{all_table, 0},
	{inner_table, offsetof(struct all, inner)},
	{0},
};

#define ARGS(...) ((char *[]){__VA_ARGS__, NULL})

static int parse(struct pm_parse *p, struct all *a, bool interspersed, char **argv,
		 struct pm_err *err)
{
	memset(p, 0, sizeof(*p));
	memset(a, 0, sizeof(*a));
	memset(err, 0, sizeof(*err));
	p->interspersed = interspersed;
	int r = pm_parse_add(p, tables, a, err);
	return r < 0 ? r : pm_parse_run(p, argv, err);
}

static void fails(char **argv, const char *text)
{
	struct pm_parse p;
	struct all a;
	struct pm_err err;
	CHECK_INT(parse(&p, &a, true, argv, &err), -PM_E_USAGE);
	CHECK_STR(err.text, text);
	pm_parse_free(&p);
}

TEST(every_form_of_an_option)
{
	struct pm_parse p;
	struct all a;
	struct pm_err err;
	CHECK_OK(parse(&p, &a, true,
		       ARGS("-f", "--text=a=b", "-e", "1", "-e2", "-e=3", "pos", "--each", "4,5",
			    "--list=x,\"y,z\"", "-l", "w", "--number", "-0x10", "-c7", "-s", "1.5k",
			    "--wait=1m2.5s", "-w", "3", "--share=.5", "-n", "box", "--", "-f",
			    "--nope"),
		       &err),
		 err);
	CHECK(a.flag);
	CHECK_STR(a.text, "a=b");
	CHECK_INT(a.each.n, 4);
	CHECK_STR(a.each.v[0], "1");
	CHECK_STR(a.each.v[1], "2");
	CHECK_STR(a.each.v[2], "3");
	CHECK_STR(a.each.v[3], "4,5");
	CHECK_INT(a.list.n, 3);
	CHECK_STR(a.list.v[1], "y,z");
	CHECK_INT(a.number, -16);
	CHECK_INT(a.count, 7);
	CHECK_INT(a.size, 1536);
	CHECK_INT(a.wait, 3000000000);
	CHECK(a.share > .49 && a.share < .51);
	CHECK_STR(a.inner.name, "box");
	CHECK_INT(p.n_args, 3);
	CHECK_STR(p.args[0], "pos");
	CHECK_STR(p.args[1], "-f");
	CHECK(pm_parse_given(&p, "text"));
	CHECK(!pm_parse_given(&p, "plain"));
	pm_parse_free(&p);
}

TEST(letters_together)
{
	struct pm_parse p;
	struct all a;
	struct pm_err err;
	CHECK_OK(parse(&p, &a, true, ARGS("-fttext", "-fo=false", "-"), &err), err);
	CHECK(a.flag);
	CHECK(!a.on);
	CHECK_STR(a.text, "text");
	CHECK_INT(p.n_args, 1);
	pm_parse_free(&p);
}

TEST(defaults_and_their_replacement)
{
	struct pm_parse p;
	struct all a;
	struct pm_err err;
	CHECK_OK(parse(&p, &a, true, ARGS("x"), &err), err);
	CHECK(a.on);
	CHECK_STR(a.text, "dflt");
	CHECK_INT(a.number, -1);
	CHECK_INT(a.dflt.n, 2);
	CHECK(a.plain == NULL);
	pm_parse_free(&p);

	CHECK_OK(parse(&p, &a, true, ARGS("--dflt=c", "--dflt", "d", "--plain", "x"), &err), err);
	CHECK_INT(a.dflt.n, 2);
	CHECK_STR(a.dflt.v[0], "c");
	CHECK_STR(a.plain, "always");
	CHECK_STR(p.args[0], "x");
	pm_parse_free(&p);
}

TEST(options_end_at_the_first_argument_of_run)
{
	struct pm_parse p;
	struct all a;
	struct pm_err err;
	CHECK_OK(parse(&p, &a, false, ARGS("-f", "img", "-t", "x", "--", "y"), &err), err);
	CHECK(a.flag);
	CHECK_STR(a.text, "dflt");
	CHECK_INT(p.n_args, 5);
	CHECK_STR(p.args[1], "-t");
	CHECK_STR(p.args[3], "--");
	pm_parse_free(&p);
}

TEST(help_where_no_option_has_the_letter)
{
	struct pm_parse p;
	struct all a;
	struct pm_err err;
	CHECK_OK(parse(&p, &a, true, ARGS("-fh"), &err), err);
	CHECK(p.help);
	pm_parse_free(&p);
	CHECK_OK(parse(&p, &a, true, ARGS("--help=false"), &err), err);
	CHECK(!p.help);
	pm_parse_free(&p);
}

TEST(errors_are_pflags)
{
	fails(ARGS("--nope"), "unknown flag: --nope");
	fails(ARGS("--nope=1"), "unknown flag: --nope");
	fails(ARGS("--fla"), "unknown flag: --fla");
	fails(ARGS("---x"), "bad flag syntax: ---x");
	fails(ARGS("--=x"), "bad flag syntax: --=x");
	fails(ARGS("-fZo"), "unknown shorthand flag: 'Z' in -Zo");
	fails(ARGS("--text"), "flag needs an argument: --text");
	fails(ARGS("-ft"), "flag needs an argument: 't' in -t");
	fails(ARGS("--flag=maybe"), "invalid argument \"maybe\" for \"-f, --flag\" flag: "
				    "strconv.ParseBool: parsing \"maybe\": invalid syntax");
	fails(ARGS("-i", "9223372036854775808"),
	      "invalid argument \"9223372036854775808\" for \"-i, --number\" flag: "
	      "strconv.ParseInt: parsing \"9223372036854775808\": value out of range");
	fails(ARGS("-c-1"), "invalid argument \"-1\" for \"-c, --count\" flag: strconv.ParseUint: "
			    "parsing \"-1\": invalid syntax");
	fails(ARGS("--choice=blue"), "invalid argument \"blue\" for \"--choice\" flag: \"blue\" is "
				     "not a valid value.  Choose from: red,green");
	fails(ARGS("--list=a\"b"), "invalid argument \"a\\\"b\" for \"-l, --list\" flag: parse error "
				   "on line 1, column 2: bare \" in non-quoted-field");
	fails(ARGS("--gone", "x"), "option --gone: pm has no daemon");
}

TEST(sizes)
{
	static const struct {
		const char *text;
		int64_t bytes; /* -2: refused */
	} cases[] = {
		{"0", 0},	   {"10", 10},	     {"10b", 10},	 {"10B", 10},
		{"1k", 1024},	   {"1kb", 1024},    {"1KiB", 1024},	 {"64m", 67108864},
		{"1.5g", 1610612736}, {"1 GB", 1073741824}, {"2t", 2199023255552}, {"-1", -2},
		{"12q", -2},	   {"", -2},	     {"k", -2},		 {"-5", -2},
		{"1kk", -2},	   {"9999999p", -2}, {"0x10", -2},	 {"1 ", 1},
		{"nan", -2},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(cases); i++) {
		struct pm_err err = PM_ERR_INIT;
		int64_t got = -2;
		pm_parse_size(cases[i].text, &got, &err);
		CHECK_INT(got, cases[i].bytes);
	}
}

TEST(durations)
{
	static const struct {
		const char *text;
		int64_t ns; /* -2: refused */
	} cases[] = {
		{"1h2m3s", 3723000000000}, {"250ms", 250000000}, {"1.5s", 1500000000},
		{"10", 10000000000},	   {"0", 0},		 {"-1s", -1000000000},
		{"1us", 1000},		   {"1\xc2\xb5s", 1000}, {"", -2},
		{"1x", -2},		   {"s", -2},		 {"1..5s", -2},
		{"99999999999h", -2},	   {"-", -2},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(cases); i++) {
		struct pm_err err = PM_ERR_INIT;
		int64_t got = -2;
		pm_parse_duration(cases[i].text, &got, &err);
		CHECK_INT(got, cases[i].ns);
	}
}

TEST(integers)
{
	int64_t n = 0;
	struct pm_err err = PM_ERR_INIT;
	CHECK_OK(pm_parse_int("-9223372036854775808", &n, &err), err);
	CHECK(n == INT64_MIN);
	CHECK_OK(pm_parse_int("0o17", &n, &err), err);
	CHECK_INT(n, 15);
	CHECK_OK(pm_parse_int("017", &n, &err), err);
	CHECK_INT(n, 15);
	CHECK_OK(pm_parse_int("0x_ff", &n, &err), err);
	CHECK_INT(n, 255);
	CHECK(pm_parse_int("", &n, &err) < 0);
	CHECK(pm_parse_int(" 1", &n, &err) < 0);
	CHECK_OK(pm_parse_int("1_000", &n, &err), err);
	CHECK_INT(n, 1000);
	CHECK(pm_parse_int("_1", &n, &err) < 0);
	CHECK(pm_parse_int("1_", &n, &err) < 0);
	CHECK(pm_parse_int("0x", &n, &err) < 0);
}
