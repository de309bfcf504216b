#include "tests/unit/test.h"

#include "cli/format.h"

static const char rows_text[] =
	"[{\"ID\":\"1d9c4392e677\",\"Repository\":\"localhost/demo\",\"Tag\":\"1\",\"Labels\":null,"
	"\"RepoTags\":[\"localhost/demo:1\"]},"
	"{\"ID\":\"abcdefabcdef\",\"Repository\":\"b\",\"Tag\":\"\\u001b[31mred\",\"Labels\":null,"
	"\"RepoTags\":[]}]";

static const char *const headings[] = {"ID", "IMAGE ID", NULL};

static const char *list(const char *format, const struct pm_format *more)
{
	static struct pm_buf b;
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *rows;
	struct pm_err err = PM_ERR_INIT;
	struct pm_format f = {.name = "images", .headings = headings,
			      .table_default = "table {{.Repository}}\t{{.ID}}"};
	if (more)
		f = *more;
	f.format = format;
	CHECK_OK(pm_json_parse(pool, rows_text, strlen(rows_text), &rows, &err), err);
	pm_buf_cut(&b, 0);
	if (pm_format_list(&f, rows, &b, &err) < 0) {
		pm_buf_cut(&b, 0);
		pm_buf_add_str(&b, err.text);
	}
	return pm_buf_str(&b);
}

/* Checked against podman 4.3.1 images. */
TEST(as_podman)
{
	CHECK_STR(list("{{.ID}}", NULL), "1d9c4392e677\nabcdefabcdef\n");
	CHECK_STR(list("{{.ID}}\\n", NULL), "1d9c4392e677\nabcdefabcdef\n");
	CHECK_STR(list("  {{.ID}}\\t{{.Tag}}", NULL),
		  "  1d9c4392e677\t1\n  abcdefabcdef\t\x1b[31mred\n");
	CHECK_STR(list("table {{.ID}} {{.Repository}}\\t{{.Tag}}", NULL),
		  "IMAGE ID      REPOSITORY      TAG\n"
		  "1d9c4392e677  localhost/demo  1\n"
		  "abcdefabcdef  b               \x1b[31mred\n");
	CHECK_STR(list("table {{.RepoTags}}\t{{upper .Tag}}", NULL),
		  "REPO TAGS           TAG\n[localhost/demo:1]  1\n[]                  "
		  "\x1b[31MRED\n");
	CHECK_STR(list("{{range .}}{{.ID}} {{end}}", NULL), "1d9c4392e677 abcdefabcdef \n");
	CHECK(pm_startswith(list("json", NULL), "[\n    {\n        \"ID\": \"1d9c4392e677\",\n"));
}

TEST(defaults_and_options)
{
	static const char table[] = "REPOSITORY      IMAGE ID\nlocalhost/demo  1d9c4392e677\n"
				    "b               abcdefabcdef\n";
	CHECK_STR(list(NULL, NULL), table);
	CHECK_STR(list("", NULL), table);
	CHECK_STR(list("table", NULL), table);
	struct pm_format f = {.name = "images", .no_heading = true, .terminal = true};
	CHECK_STR(list("table {{.Tag}}", &f), "1\n?[31mred\n");
	/* escapes within an action are Go's, not doubled */
	CHECK_STR(list("{{printf \"%s\\n\" .ID}}", NULL), "1d9c4392e677\n\nabcdefabcdef\n\n");
	CHECK_STR(list("table {{printf \"%s x }} y\" .Tag}}", &f), "1 x }} y\n?[31mred x }} y\n");
}

/* Podman's: the whole as one document, by a template that does nothing else, too. */
TEST(json_words)
{
	static const char *const yes[] = {"json", "JSON", " json ", "{{json .}}", "{{ json . }}", "{{json}}",
					  "\t{{json .}} ", NULL};
	static const char *const no[] = {"", "jsons", "{{json .ID}}", "{{json .}} {{.ID}}", "{{json .}}\\n",
					 "{{.ID}}", "{{json . }", "x{{json .}}", "table {{json .}}", NULL};
	for (size_t i = 0; yes[i]; i++)
		CHECK(pm_format_is_json(yes[i]));
	for (size_t i = 0; no[i]; i++)
		CHECK(!pm_format_is_json(no[i]));
	CHECK(!pm_format_is_json(NULL));
	CHECK_STR(list("{{json .}}", NULL), list("json", NULL));
}

TEST(errors)
{
	CHECK_STR(
		list("{{.Nope}}", NULL),
		"template: images:1:2: executing \"images\" at <.Nope>: can't evaluate field Nope "
		"in type struct");
	CHECK(strstr(list("{{.ID", NULL), "unclosed action"));
	CHECK_STR(
		list("table {{.Nope}}", NULL),
		"template: images:1:2: executing \"images\" at <.Nope>: can't evaluate field Nope "
		"in type struct");
}

TEST(one_object)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_err err = PM_ERR_INIT;
	struct pm_json *o = pm_json_object(pool);
	pm_json_set_str(pool, o, "Version", "1");
	static const struct {
		const char *format, *want;
	} cases[] = {{"{{.Version}}", "1\n"},
		     {"{{.Version}}\\t{{.Version}}\n", "1\t1\n"},
		     {"json", "{\n  \"Version\": \"1\"\n}\n"},
		     {NULL, "{\n  \"Version\": \"1\"\n}\n"},
		     {"table {{.Version}}", "VERSION\n1\n"}};
	for (size_t i = 0; i < PM_ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
		struct pm_format f = {.name = "v", .format = cases[i].format, .json_indent = 2};
		CHECK_OK(pm_format_one(&f, o, &b, &err), err);
		CHECK_STR(pm_buf_str(&b), cases[i].want);
	}
}
