#include "engine/build/expand.h"
#include "engine/build/scope.h"

#include "tests/unit/test.h"

TEST(words)
{
	static const struct {
		const char *word, *want; /* want NULL: an error */
	} t[] = {
		{"", ""}, {"x", "x"}, {"$x", "abc"}, {"${x}", "abc"}, {"$xy", ""}, {"${x}y", "abcy"}, {"$", "$"}, {"a$", "a$"},
		{"\\$x", "$x"}, {"'$x'", "$x"}, {"\"$x\"", "abc"}, {"a\\ b", "a b"}, {"\"a\\nb\\\"\\$\\\\\"", "a\\nb\"$\\"},
		{"'a\\b'", "a\\b"}, {"a'b'\"c\"d", "abcd"}, {"\"it's\"", "it's"}, {"x\\", "x"},
		{"${u:-d}", "d"}, {"${u-d}", "d"}, {"${e:-d}", "d"}, {"${e-d}", ""}, {"${x:-d}", "abc"},
		{"${x:+w}", "w"}, {"${e:+w}", ""}, {"${e+w}", "w"}, {"${u+w}", ""}, {"${u:-$x}", "abc"}, {"${u:-${e:-${x}}}", "abc"},
		{"${u:-'a b'}", "a b"}, {"${u:-\\}}", "}"}, {"${u:-a/b}", "a/b"}, {"\"${u:-\"q\"}\"", "q"},
		{"${x:?no}", "abc"}, {"${u:?no}", NULL}, {"${e:?no}", NULL}, {"${e?no}", ""}, {"${u?}", NULL},
		{"${p#*/}", "b/c.tar.gz"}, {"${p##*/}", "c.tar.gz"}, {"${p%.*}", "a/b/c.tar"}, {"${p%%.*}", "a/b/c"},
		{"${p#x}", "a/b/c.tar.gz"}, {"${p%gz}", "a/b/c.tar."}, {"${p#?}", "/b/c.tar.gz"}, {"${p##*}", ""}, {"${p#*}", "a/b/c.tar.gz"},
		{"${s#\\*}", "?*"}, {"${s%'*'}", "*?"}, {"${p/\\//-}", "a-b/c.tar.gz"}, {"${p//\\//-}", "a-b-c.tar.gz"},
		{"${p/b*t/X}", "a/Xar.gz"}, {"${p//./}", "a/b/ctargz"}, {"${p/zz/X}", "a/b/c.tar.gz"}, {"${p//?/x}", "xxxxxxxxxxxx"},
		{"${o//?/x}", "xxx"}, {"${o#?}", "\xc3\xb6z"}, {"${u#x}", ""}, {"${x/b}", "ac"}, {"${u/x/y}", ""},
		{"${", NULL}, {"${x", NULL}, {"${}", NULL}, {"${x!}", NULL}, {"${x:}", NULL}, {"\"x", NULL}, {"'x", NULL}, {"${u:-x", NULL},
		{"${x:#a}", NULL}, {"$1", ""}, {"$10", "0"}, {"${10}", ""}, {"$@", "$@"}, {"$$x", "$abc"}, {"\"$$\"", "$$"}, {"${@}", NULL},  {"${p##*/}.${x%c}", "c.tar.gz.ab"},
	};
	_cleanup_strv_ struct pm_strv env = PM_STRV_INIT;
	pm_strv_add(&env, "x=abc");
	pm_strv_add(&env, "e=");
	pm_strv_add(&env, "p=a/b/c.tar.gz");
	pm_strv_add(&env, "s=*?*");
	pm_strv_add(&env, "o=\xc3\xbc\xc3\xb6z");
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct pm_err err = PM_ERR_INIT;
		_cleanup_free_ char *got = NULL;
		int r = pm_expand_word(t[i].word, '\\', &env, &got, &err);
		if (!t[i].want && r >= 0)
			test_fail(__FILE__, __LINE__, "'%s' is taken", t[i].word);
		if (!t[i].want)
			continue;
		CHECK_OK(r, err);
		if (strcmp(got, t[i].want) != 0)
			test_fail(__FILE__, __LINE__, "'%s' became '%s', not '%s'", t[i].word, got, t[i].want);
	}
}

TEST(other_ways_to_expand)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_strv_ struct pm_strv env = PM_STRV_INIT, words = PM_STRV_INIT;
	_cleanup_free_ char *a = NULL, *b = NULL, *c = NULL;
	pm_strv_add(&env, "x=80 90");
	CHECK_OK(pm_expand_words("1 $x \"$x\" ''", '\\', &env, &words, &err), err);
	a = pm_strv_join(&words, "|");
	CHECK_STR(a, "1|80|90|80 90");
	CHECK_OK(pm_expand_word("c:\\x`$x", '`', &env, &b, &err), err);
	CHECK_STR(b, "c:\\x$x");
	CHECK_OK(pm_expand_heredoc("it's \"$x\" \\$x \\d \\\\ ${x:-'}\n", &env, &c, &err), err);
	CHECK_STR(c, "it's \"80 90\" $x \\d \\ 80 90\n");
}

TEST(what_grows_is_an_error)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_strv_ struct pm_strv env = PM_STRV_INIT;
	_cleanup_buf_ struct pm_buf value = PM_BUF_INIT, word = PM_BUF_INIT;
	_cleanup_free_ char *got = NULL;
	for (int i = 0; i < 100000; i++)
		pm_buf_add_str(&value, "0123456789");
	pm_env_set(&env, "big", value.data);
	CHECK_INT(pm_expand_word("$big$big$big$big$big", '\\', &env, &got, &err), -PM_E_USAGE);
	CHECK_INT(pm_expand_word("${big//1/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx}", '\\', &env, &got, &err), -PM_E_USAGE);
	for (int i = 0; i < 200; i++)
		pm_buf_add_str(&word, "${u:-");
	for (int i = 0; i < 200; i++)
		pm_buf_add_char(&word, '}');
	CHECK_INT(pm_expand_word(word.data, '\\', &env, &got, &err), -PM_E_USAGE);
	CHECK_OK(pm_expand_word("${big//9*a*b/}", '\\', &env, &got, &err), err); /* soon */
}

/* Runs a document's ARG and ENV through the scopes; out: each other instruction's words after expansion. */
static int run(const char *text, const struct pm_strv *given, struct pm_buf *out, struct pm_err *err)
{
	static const struct pm_build_platform host = {"linux", "amd64", ""}, target = {"linux", "arm", "v7"};
	_cleanup_dockerfile_ struct pm_dockerfile *d = pm_dockerfile_new();
	struct pm_build_args args;
	struct pm_build_scope scope = {0};
	_cleanup_strv_ struct pm_strv unused = PM_STRV_INIT, image = PM_STRV_INIT;
	pm_strv_add(&image, "PATH=/bin");
	int r = pm_dockerfile_add(d, "Containerfile", text, strlen(text), err);
	pm_build_args_init(&args, given, &host, &target, NULL);
	for (size_t i = 0; r >= 0 && i < d->n_steps; i++) {
		struct pm_instruction e;
		if (i < d->n_global) {
			r = pm_build_args_global(&args, &d->steps[i], err);
			continue;
		}
		bool from = d->steps[i].kind == PM_DF_FROM;
		r = pm_build_expand(&args, from ? NULL : &scope, d->pool, &d->steps[i], &e, err);
		if (r < 0)
			break;
		if (e.kind == PM_DF_FROM) {
			pm_build_scope_free(&scope);
			pm_build_scope_init(&scope, &args, &image);
		}
		if (e.kind == PM_DF_ENV) {
			pm_build_scope_env(&scope, &e);
		} else if (e.kind == PM_DF_ARG) {
			r = pm_build_scope_arg(&scope, &e, err);
		} else if (e.kind == PM_DF_RUN) {
			_cleanup_strv_ struct pm_strv env = PM_STRV_INIT, history = PM_STRV_INIT;
			pm_build_scope_run_env(&scope, &env);
			pm_build_scope_run_args(&scope, &history);
			_cleanup_free_ char *a = pm_strv_join(&env, " "), *b = pm_strv_join(&history, " ");
			pm_buf_printf(out, "[%s|%s]", a, b);
		} else {
			for (size_t k = 0; k < e.n_flags; k++)
				pm_buf_printf(out, "--%s=%s ", e.flags[k].name, e.flags[k].value);
			for (size_t k = 0; k < e.n_words; k++)
				pm_buf_printf(out, "%s%s", k ? " " : "", e.words[k]);
			for (size_t k = 0; k < e.n_heredocs; k++)
				pm_buf_printf(out, "<%s>", e.heredocs[k].content);
		}
		if (e.kind != PM_DF_ENV && e.kind != PM_DF_ARG)
			pm_buf_add_char(out, '\n');
	}
	pm_build_args_unused(&args, d, &unused);
	for (size_t i = 0; i < unused.n; i++)
		pm_buf_printf(out, "unused %s\n", unused.v[i]);
	pm_build_scope_free(&scope);
	pm_build_args_free(&args);
	return r;
}

TEST(scopes)
{
	static const struct {
		const char *given, *text, *want;
	} t[] = {
		{"", "ARG v=1\nFROM a:$v\nUSER x$v\nARG v\nUSER x$v\nARG v=2\nUSER x$v", "a:1\nx\nx1\nx2\n"},
		{"v=9", "ARG v=1\nFROM a:$v\nUSER x$v\nARG v=2\nUSER x$v\nFROM b\nUSER x$v", "a:9\nx\nx9\nb\nx\n"},
		{"v=9", "FROM a\nENV v=e\nARG v=2\nUSER $v\nRUN x", "a\ne\n[v=e PATH=/bin|]\n"},
		{"", "FROM a\nARG b=1 c=${b}2\nRUN x\nFROM a\nRUN x", "a\n[b=1 c=2 PATH=/bin|b=1 c=2]\na\n[PATH=/bin|]\n"},
		{"HTTP_PROXY=p no_proxy=q z=1", "FROM a\nRUN x\nARG no_proxy\nRUN y",
		 "a\n[HTTP_PROXY=p no_proxy=q PATH=/bin|]\n[HTTP_PROXY=p no_proxy=q PATH=/bin|no_proxy=q]\nunused z\n"},
		{"", "FROM --platform=$BUILDPLATFORM a:$TARGETARCH\nUSER x$TARGETARCH\nARG TARGETARCH TARGETVARIANT\nUSER x$TARGETARCH$TARGETVARIANT",
		 "--platform=linux/amd64 a:arm\nx\nxarmv7\n"},
		{"TARGETARCH=z", "FROM a:$TARGETARCH", "a:z\n"},
		{"", "FROM a\nENV a=1\nENV a=2 b=$a PATH=$PATH:/x\nLABEL $a=\"$b $PATH\"\nCMD $a", "a\n2 1 /bin:/x\n$a\n"},
		{"", "FROM a\nENV a=1\nCOPY --chown=$a --from=x$a <<E <<'F' /$a\n$a\nE\n$a\nF\nEXPOSE $a-2 80\nVOLUME [\"/$a\"]",
		 "a\n--chown=1 --from=x1 <<E <<'F' /1<1\n><$a\n>\n1-2 80\n/1\n"},
	};
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct pm_err err = PM_ERR_INIT;
		_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
		_cleanup_strv_ struct pm_strv given = PM_STRV_INIT;
		if (*t[i].given)
			pm_strv_split(&given, t[i].given, ' ');
		CHECK_OK(run(t[i].text, &given, &out, &err), err);
		CHECK_STR(pm_buf_str(&out), t[i].want);
	}
}

TEST(errors_of_expansion_say_where)
{
	static const struct {
		const char *text, *want;
	} t[] = {
		{"FROM a\n\nUSER ${x:?no user}", "Containerfile:3: x: no user"},
		{"FROM $x", "Containerfile:1: FROM \"$x\" is empty with its variables put in"},
		{"FROM a\nCOPY --chown=${x a b", "Containerfile:2: --chown: \"${x\": ${...} has no end"},
		{"FROM a\nARG x=${", "Containerfile:2: \"${\": there is no name in ${...}"},
		{"FROM a\nENV $x=1", "Containerfile:2: ENV has an empty name"},
	};
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct pm_err err = PM_ERR_INIT;
		_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
		CHECK_INT(run(t[i].text, NULL, &out, &err), -PM_E_USAGE);
		CHECK_STR(err.text, t[i].want);
	}
}
