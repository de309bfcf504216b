#include <stdlib.h>
#include <unistd.h>

#include "base/fs.h"
#include "cli/command.h"
#include "cli/completion.h"
#include "cli/help.h"
#include "cli/image_filter.h"
#include "cli/progress.h"
#include "cli/yaml.h"
#include "tests/unit/test.h"

static const char digest[] = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

TEST(commands_are_found_by_path_and_alias)
{
	static const struct {
		const char *line, *path;
		size_t words;
	} cases[] = {
		{"images", "images", 1},
		{"image ls", "image list", 2},
		{"image list x", "image list", 2},
		{"image", "image", 1},
		{"image nope", "image", 1},
		{"container run alpine", "container run", 2},
		{"system reset", "system reset", 2},
		{"nope", "", 0},
		{"ls", "", 0},
		{"image,ls", "", 0},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(cases); i++) {
		_cleanup_strv_ struct pm_strv words = PM_STRV_INIT;
		char path[64] = "";
		size_t used = 99;
		pm_strv_split(&words, cases[i].line, ' ');
		const struct pm_command *c = pm_command_find(words.v, &used, path);
		CHECK_INT(used, cases[i].words);
		CHECK((c != NULL) == (cases[i].words > 0));
		CHECK_STR(path, cases[i].path);
	}
}

/* What a table must hold for parser, help and completion to work. */
static int check_record(const struct pm_command *c, const char *path, const char *aliases, void *arg)
{
	const struct pm_opt *opts[400];
	size_t n = pm_help_options(c, opts, 400);
	(void)aliases;
	(*(int *)arg)++;
	if (!c->summary || !*c->summary)
		test_fail(__FILE__, __LINE__, "%s: no summary", path);
	if (!(c->flags & PM_CMD_GROUP) != (c->run != NULL))
		test_fail(__FILE__, __LINE__, "%s: run", path);
	for (size_t i = 0; i < n; i++) {
		if (!opts[i]->help || !*opts[i]->help)
			test_fail(__FILE__, __LINE__, "%s --%s: no help", path, opts[i]->name);
		if (opts[i]->kind == PM_OPT_CHOICE && !opts[i]->choices)
			test_fail(__FILE__, __LINE__, "%s --%s: no choices", path, opts[i]->name);
		for (size_t j = 0; j < i; j++) {
			bool same = strcmp(opts[i]->name, opts[j]->name) == 0 ||
				    (opts[i]->letter && opts[i]->letter == opts[j]->letter);
			if (same)
				test_fail(__FILE__, __LINE__, "%s: --%s and --%s are one", path,
					  opts[i]->name, opts[j]->name);
		}
	}
	/* defaults are values that their options take */
	struct pm_parse p = {0};
	struct pm_err err = PM_ERR_INIT;
	void *base = pm_calloc(1, c->opts_size + 1);
	int r = pm_parse_add(&p, c->tables, base, &err);
	if (r < 0)
		test_fail(__FILE__, __LINE__, "%s: %s", path, err.text);
	pm_parse_free(&p);
	free(base);
	return 0;
}

TEST(every_record_is_complete)
{
	int n = 0;
	CHECK_INT(pm_command_each(check_record, &n), 0);
	CHECK(n > 20);
}

static void completes(const char *line, const char *want)
{
	struct pm_cli cli = {0};
	_cleanup_strv_ struct pm_strv words = PM_STRV_INIT;
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	_cleanup_free_ char *full = pm_asprintf("--root %s/root --runroot %s/run %s", test_dir(),
						test_dir(), line);
	pm_strv_split(&words, full, ' ');
	pm_complete(&cli, words.v, false, &out);
	CHECK_STR(pm_buf_str(&out), want);
	pm_cli_free(&cli);
	CHECK(access(cli.global.root ? cli.global.root : "/", F_OK) < 0); /* nothing is made */
}

TEST(completion_of_words)
{
	completes("versio", "version\n:4\n");
	completes("image r", "rm\n:4\n");
	completes("images --no-t", "--no-trunc\n:4\n");
	completes("images --sort i", "id\n:4\n");
	completes("images --sort=i", "id\n:4\n");
	completes("images -q --sort i", "id\n:4\n");
	completes("load -i ", ":0\n");
	completes("load -qi ", ":0\n");
	completes("completion ", "bash\nzsh\nfish\n:4\n");
	completes("completion bash ", ":4\n");
	completes("nope ", ":0\n");
	completes("run image -", ":0\n"); /* the command's: files, as Podman offers */
	completes("rmi x", ":4\n");
	completes("--storage-driver v", "vfs\n:4\n");
	/* a filter's name waits for a value; its values are offered once '=' is there */
	completes("ps --filter stat", "status=\n:6\n");
	completes("ps --filter=status=c", "status=created\n:4\n");
	completes("run -v /x", ":2\n");
	completes("run -w ", ":16\n");
	completes("ps --format {{.Na", "{{.Names}}\n:6\n");
	completes("ps --format {{.ID}}{{.Na", "{{.ID}}{{.Names}}\n:6\n");
	completes("ps --format j", "json\n:4\n");
	completes("info -f {{.H", "{{.Host.\n:6\n");
	completes("info -f {{.Host.Ke", "{{.Host.Kernel}}\n:6\n");
}

TEST(bars)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	pm_progress_line(digest, PM_LAYER_DOWNLOADING, 512 * 1024, 1024 * 1024, 60, &b);
	CHECK_STR(pm_buf_str(&b), "Copying blob 0123456789ab [========>---------] 512KiB / 1MiB");
	CHECK(b.len <= 60);
	for (unsigned int width = 1; width < 200; width++) {
		for (uint64_t done = 0; done <= 3000; done += 500) {
			pm_buf_cut(&b, 0);
			pm_progress_line(digest, PM_LAYER_DOWNLOADING, done, 2000, width, &b);
			CHECK(b.len <= width);
		}
	}
	pm_buf_cut(&b, 0);
	pm_progress_line(digest, PM_LAYER_DOWNLOADING, 100, 0, 80, &b);
	CHECK_STR(pm_buf_str(&b), "Copying blob 0123456789ab 100B");
	pm_buf_cut(&b, 0);
	pm_progress_line(digest, PM_LAYER_EXISTS, 0, 0, 80, &b);
	CHECK_STR(pm_buf_str(&b), "Copying blob 0123456789ab skipped: already exists");
}

TEST(progress_in_a_file_is_one_line_an_event)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/out", test_dir());
	struct pm_err err = PM_ERR_INIT;
	_cleanup_close_ int fd = pm_fs_open(-100, path, 0102 /* O_RDWR | O_CREAT */, 0600, &err);
	CHECK_OK(fd, err);
	_cleanup_progress_ struct pm_progress *p = pm_progress_new(fd, false);
	const struct pm_pull_progress *e = pm_progress_events(p);
	struct pm_pull_event ev = {.kind = PM_PULL_TRYING, .text = "host/a\033[31m:1"};
	e->event(e->arg, &ev);
	ev = (struct pm_pull_event){.kind = PM_PULL_SOURCE, .layers = 1};
	e->event(e->arg, &ev);
	for (uint64_t i = 0; i < 5; i++) {
		ev = (struct pm_pull_event){.kind = PM_PULL_LAYER, .state = PM_LAYER_DOWNLOADING,
					    .layers = 1, .digest = digest, .done = i, .total = 4};
		e->event(e->arg, &ev);
	}
	ev.layer = 7; /* one that was not announced */
	e->event(e->arg, &ev);
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT, want = PM_BUF_INIT;
	CHECK_OK(pm_fs_read_file(-100, path, 10000, &text, &err), err);
	pm_buf_printf(&want, "Trying to pull host/a?[31m:1...\nCopying blob %s\n", digest);
	CHECK_STR(pm_buf_str(&text), pm_buf_str(&want));
}

TEST(yaml_as_podman_writes_it)
{
	static const char json[] =
		"{\"b\":{\"list\":[1,\"two\",{\"z\":1,\"a\":\"x: y\"}],\"none\":[],\"map\":{}},"
		"\"a\":\"12\",\"c\":\"\",\"d\":\"l1\\nl2\",\"e\":null,\"f\":true,\"g\":\"true\","
		"\"h\":\"it's: so\",\"i\":\"#x\",\"j\":\"a\\tb\",\"k\":\"crun version 1.8.1\"}";
	struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *v;
	struct pm_err err = PM_ERR_INIT;
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	CHECK_OK(pm_json_parse(pool, json, sizeof(json) - 1, &v, &err), err);
	pm_yaml_write(v, &out);
	CHECK_STR(pm_buf_str(&out),
		  "a: \"12\"\nb:\n  list:\n  - 1\n  - two\n  - a: 'x: y'\n    z: 1\n  map: {}\n  none: []\n"
		  "c: \"\"\nd: |-\n  l1\n  l2\ne: null\nf: true\ng: 'true'\nh: 'it''s: so'\ni: '#x'\n"
		  "j: \"a\\tb\"\nk: crun version 1.8.1\n");
	pm_json_pool_free(pool);
}

TEST(names_match_patterns_as_podman)
{
	static const char name[] = "docker.io/library/busybox:1.36";
	CHECK(pm_image_name_matches(name, "docker.io/library/busybox:1.36"));
	CHECK(pm_image_name_matches(name, "docker.io/library/busybox"));
	CHECK(pm_image_name_matches(name, "library/busybox"));
	CHECK(pm_image_name_matches(name, "library/busybox:1.36"));
	CHECK(pm_image_name_matches(name, "busybox"));
	CHECK(pm_image_name_matches(name, "busybox:1.*"));
	CHECK(pm_image_name_matches(name, "*/*/busy*"));
	CHECK(!pm_image_name_matches(name, "busybox:2"));
	CHECK(!pm_image_name_matches(name, "busy"));
	CHECK(!pm_image_name_matches(name, "docker.io/*"));
}
