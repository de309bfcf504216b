#include "engine/build/context.h"
#include "engine/build/git.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/fs.h"
#include "engine/build/url.h"
#include "tests/unit/tarball.h"
#include "tests/unit/test.h"

TEST(names_of_urls)
{
	static const struct {
		const char *url, *name;
		bool git;
	} t[] = {
		{"https://x/a/b.tar", "b.tar"}, {"https://x/a/b%20c?q=/z#f", "b c"}, {"https://x/", NULL}, {"https://x", NULL},
		{"https://x/a/..", NULL}, {"https://x/a%2fb", NULL}, {"https://x/a%00b", NULL}, {"https://x/a%zz", "a%zz"},
		{"https://x/y.git", "y.git", true}, {"https://x/y.git#main:sub", "y.git", true}, {"git@x:y/z", "z", true}, {"https://x/git", "git"},
	};
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		_cleanup_free_ char *got = pm_url_name(t[i].url);
		if (!pm_streq(got, t[i].name))
			test_fail(__FILE__, __LINE__, "%s: %s", t[i].url, got ? got : "none");
		CHECK_INT(pm_url_is_git(t[i].url), t[i].git);
	}
}

struct place {
	char *dir, *store, *run;
	struct pm_store *s;
};

static void begin(struct place *p)
{
	struct pm_store_options o = {0};
	umask(022);
	p->dir = pm_asprintf("%s/XXXXXX", test_dir());
	CHECK(mkdtemp(p->dir));
	p->store = pm_path_join(p->dir, "store");
	p->run = pm_path_join(p->dir, "run");
	o.root = p->store;
	o.runroot = p->run;
	CHECK(pm_store_paths(&o, &p->s, NULL) >= 0);
}

static void end(struct place *p)
{
	_cleanup_strv_ struct pm_strv left = PM_STRV_INIT;
	_cleanup_free_ char *staging = pm_path_join(p->store, "staging");
	if (pm_fs_list(AT_FDCWD, staging, &left, NULL) >= 0)
		CHECK_INT(left.n, 0);
	pm_store_free(p->s);
	free(p->dir);
	free(p->store);
	free(p->run);
}

static char *put(const struct place *p, const char *path, const char *text, size_t len)
{
	char *whole = pm_path_join(p->dir, path);
	_cleanup_free_ char *above = pm_strndup(whole, (size_t)(strrchr(whole, '/') - whole));
	CHECK(pm_fs_mkdirs(AT_FDCWD, above, 0755, NULL) >= 0);
	CHECK(pm_fs_write_file(AT_FDCWD, whole, text, len, 0644, false, NULL) >= 0);
	return whole;
}

static void put_text(const struct place *p, const char *path, const char *text)
{
	free(put(p, path, text, strlen(text)));
}

/* where and each -f are below the place's directory, but for "-" and NULL. */
static int open_context(const struct place *p, const char *where, const char *f, const char *f2, int input,
			struct pm_build_context *c, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv files = PM_STRV_INIT, flags = PM_STRV_INIT;
	_cleanup_free_ char *w = where && *where != '-' && !strchr(where, ':') ? pm_path_join(p->dir, where) : pm_strdup_null(where);
	pm_strv_add(&flags, "-DX=1");
	const char *names[] = {f, f2};
	for (size_t i = 0; i < 2 && names[i]; i++) {
		const char *name = names[i];
		pm_strv_addf(&files, "%s%s%s", *name == '-' || *name == '@' ? "" : p->dir, *name == '-' || *name == '@' ? "" : "/", name + (*name == '@'));
	}
	struct pm_build_context_spec spec = {.store = p->s, .where = w, .files = &files, .input = input, .cpp_flags = &flags};
	return pm_build_context_open(&spec, c, err);
}

TEST(git_sources)
{
	static const struct {
		const char *word, *repository, *ref, *dir; /* repository NULL: refused */
	} t[] = {
		{"https://h/x.git", "https://h/x.git", "HEAD", NULL},
		{"git://h/x.git#v1", "git://h/x.git", "v1", NULL},
		{"git@h:u/x#main:a/b", "git@h:u/x", "main", "a/b"},
		{"github.com/u/x#:sub", "https://github.com/u/x", "HEAD", "sub"},
		{"https://h/x.git#", "https://h/x.git", "HEAD", NULL},
		{"https://h/x.git#pull/1/head:", "https://h/x.git", "pull/1/head", NULL},
		{"https://h/x.git#--upload-pack=x", NULL, NULL, NULL},
		{"https://h/x.git#+main", NULL, NULL, NULL},
		{"https://h/x.git#a..b", NULL, NULL, NULL},
		{"https://h/x.git#a\nb", NULL, NULL, NULL},
		{"https://h/x\033.git", NULL, NULL, NULL},
	};
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		_cleanup_git_source_ struct pm_git_source s = {0};
		struct pm_err err = PM_ERR_INIT;
		int r = pm_git_parse(t[i].word, &s, &err);
		CHECK_INT(r, t[i].repository ? 0 : -PM_E_USAGE);
		if (!t[i].repository)
			continue;
		CHECK_STR(s.repository, t[i].repository);
		CHECK_STR(s.ref, t[i].ref);
		CHECK(pm_streq(s.dir, t[i].dir) || (!s.dir && !t[i].dir));
	}
}

TEST(where_containerfiles_are)
{
	static const struct {
		const char *where, *f, *f2, *want; /* the first words of all steps */
	} t[] = {
		{"ctx", NULL, NULL, "c"}, {"dctx", NULL, NULL, "d"}, {"ctx/Dockerfile", NULL, NULL, "old"}, {"ctx", "other", NULL, "o"},
		{"ctx", "@inside", NULL, "in"}, {"ctx", "other", "ctx/inside", "o in"}, {NULL, "ctx/inside", NULL, "in"}, {"ctx", "pre.in", NULL, "yes"},
		{"nowhere", NULL, NULL, NULL}, {"empty", NULL, NULL, NULL}, {"ctx", "@none", NULL, NULL}, {"ctx/Dockerfile", "other", NULL, NULL}, {"ctx", "-", "-", NULL},
		{"https://x/y.git#-option", NULL, NULL, NULL},
	};
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct place p;
		struct pm_err err = PM_ERR_INIT;
		_cleanup_build_context_ struct pm_build_context c = PM_BUILD_CONTEXT_INIT;
		begin(&p);
		put_text(&p, "ctx/Containerfile", "FROM c");
		put_text(&p, "ctx/Dockerfile", "FROM old");
		put_text(&p, "ctx/inside", "FROM in");
		put_text(&p, "dctx/Dockerfile", "FROM d");
		put_text(&p, "empty/x", "");
		put_text(&p, "other", "FROM o");
		put_text(&p, "pre.in", "#if X\nFROM yes\n#else\nFROM no\n#endif\n");
		_cleanup_close_ int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
		int r = open_context(&p, t[i].where, t[i].f, t[i].f2, null, &c, &err);
		if (!t[i].want) {
			CHECK(r < 0);
		} else {
			_cleanup_buf_ struct pm_buf got = PM_BUF_INIT;
			CHECK_OK(r, err);
			for (size_t k = 0; k < c.file->n_steps; k++)
				pm_buf_printf(&got, "%s%s", k ? " " : "", c.file->steps[k].words[0]);
			CHECK_STR(pm_buf_str(&got), t[i].want);
		}
		pm_build_context_close(&c);
		end(&p);
	}
}

static void make_tar(struct pm_buf *b)
{
	tarball_dir(b, "sub/");
	tarball_file(b, "sub/file", "text");
	tarball_file(b, "Dockerfile", "FROM t");
	tarball_file(b, ".dockerignore", "no");
	tarball_symlink(b, "out", "/etc/passwd");
	tarball_end(b);
}

TEST(a_tar_on_standard_input)
{
	struct pm_err err = PM_ERR_INIT;
	for (int kind = 0; kind < 3; kind++) {
		struct place p;
		_cleanup_buf_ struct pm_buf tar = PM_BUF_INIT, text = PM_BUF_INIT, passwd = PM_BUF_INIT;
		_cleanup_build_context_ struct pm_build_context c = PM_BUILD_CONTEXT_INIT;
		begin(&p);
		make_tar(&tar);
		_cleanup_free_ char *path = kind == 2 ? put(&p, "x", "FROM stdin", 10) : put(&p, "x", tar.data, tar.len);
		if (kind == 1) {
			gzFile z = gzopen(path, "wb");
			CHECK(z && gzwrite(z, tar.data, (unsigned)tar.len) == (int)tar.len && gzclose(z) == Z_OK);
		}
		_cleanup_close_ int in = open(path, O_RDONLY | O_CLOEXEC);
		CHECK_OK(open_context(&p, "-", NULL, NULL, in, &c, &err), err);
		CHECK_STR(c.file->steps[0].words[0], kind == 2 ? "stdin" : "t");
		CHECK_INT(pm_fs_read_in(c.tree.dir, "sub/file", 10, &text, &err), kind == 2 ? -ENOENT : 0);
		CHECK(pm_fs_read_in(c.tree.dir, "out", 10000, &passwd, NULL) < 0);
		CHECK_INT(pm_ignore_match(c.ignore, "no"), kind == 2 ? PM_IGNORE_KEEP : PM_IGNORE_DROP);
		pm_build_context_close(&c);
		end(&p);
	}
}

TEST(no_preprocessor_for_strangers)
{
	struct place p;
	struct pm_err err = PM_ERR_INIT;
	_cleanup_buf_ struct pm_buf tar = PM_BUF_INIT;
	_cleanup_build_context_ struct pm_build_context c = PM_BUILD_CONTEXT_INIT;
	begin(&p);
	tarball_file(&tar, "x.in", "#include \"/etc/passwd\"\nFROM x");
	tarball_end(&tar);
	_cleanup_free_ char *path = put(&p, "x", tar.data, tar.len);
	_cleanup_close_ int in = open(path, O_RDONLY | O_CLOEXEC);
	CHECK_INT(open_context(&p, "-", "@x.in", NULL, in, &c, &err), -PM_E_UNSUPPORTED);
	pm_build_context_close(&c);
	end(&p);
}

TEST(other_contexts)
{
	struct place p;
	struct pm_err err = PM_ERR_INIT;
	begin(&p);
	put_text(&p, "lib/file", "x");
	struct pm_build_context_spec spec = {.store = p.s, .input = -1};
	static const char *const bad[] = {"x", "=y", "x=", "x=docker://", "x=/no/such/dir", "x=https://h/y.git#-option"};
	struct pm_build_extra x = PM_BUILD_EXTRA_INIT;
	_cleanup_free_ char *option = pm_asprintf("lib=%s/lib", p.dir);
	CHECK_OK(pm_build_extra_open(&spec, option, &x, &err), err);
	CHECK_STR(x.name, "lib");
	CHECK(!x.image && x.tree.dir >= 0 && faccessat(x.tree.dir, "file", F_OK, 0) == 0);
	pm_build_extra_close(&x);
	CHECK_OK(pm_build_extra_open(&spec, "base=docker-image://alpine:3", &x, &err), err);
	CHECK_STR(x.image, "alpine:3");
	pm_build_extra_close(&x);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK(pm_build_extra_open(&spec, bad[i], &x, &err) < 0);
		pm_build_extra_close(&x);
	}
	end(&p);
}
