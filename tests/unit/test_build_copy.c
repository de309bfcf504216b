#include "engine/build/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/fs.h"
#include "engine/build/copy_sources.h"
#include "engine/build/mode.h"
#include "tests/unit/tarball.h"
#include "tests/unit/test.h"

TEST(modes)
{
	static const struct {
		const char *text;
		mode_t old, want;
		bool dir;
	} t[] = {
		{"644", 0777, 0644, false}, {"0", 0777, 0, false}, {"04755", 0, 04755, false}, {"u=rwx,go=", 0644, 0700, false},
		{"a+x", 0644, 0755, false}, {"+x", 0644, 0755, false}, {"go-rwx", 0755, 0700, false}, {"u+s", 0755, 04755, false},
		{"g+s,o+t", 0755, 03755, false}, {"u=rwX,go=rX", 0600, 0644, false}, {"u=rwX,go=rX", 0700, 0755, false},
		{"u=rwX,go=rX", 0600, 0755, true}, {"g=u", 0750, 0770, false}, {"o=g-w", 0770, 0775, false}, {"a=r", 04755, 0444, false}, {"u-x+w", 0500, 0600, false},
	};
	static const char *const bad[] = {"", "8", "77777", "u", "u=rwx,", "x", "u=q", "644 ", "u+r;"};
	struct pm_mode m;
	struct pm_err err = PM_ERR_INIT;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		CHECK_OK(pm_mode_parse(t[i].text, &m, &err), err);
		if (pm_mode_apply(&m, t[i].old, t[i].dir) != t[i].want)
			test_fail(__FILE__, __LINE__, "%s of %o is %o", t[i].text, t[i].old,
				  pm_mode_apply(&m, t[i].old, t[i].dir));
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_INT(pm_mode_parse(bad[i], &m, NULL), -PM_E_USAGE);
}

/* --- a context and a root ---------------------------------------------------------------------------- */

struct world {
	char *dir;
	int ctx, root;
};

static void put(const struct world *w, const char *path, const char *text, mode_t mode)
{
	_cleanup_free_ char *whole = pm_path_join(w->dir, path), *above = pm_strndup(whole, (size_t)(strrchr(whole, '/') - whole));
	CHECK(pm_fs_mkdirs(AT_FDCWD, above, 0755, NULL) >= 0);
	CHECK(pm_fs_write_file(AT_FDCWD, whole, text, strlen(text), mode, false, NULL) >= 0);
}

static void link_to(const struct world *w, const char *target, const char *path)
{
	_cleanup_free_ char *whole = pm_path_join(w->dir, path);
	CHECK(symlink(target, whole) == 0);
}

static void begin(struct world *w)
{
	umask(022);
	w->dir = pm_asprintf("%s/XXXXXX", test_dir());
	CHECK(mkdtemp(w->dir));
	put(w, "ctx/f", "hi", 0644);
	put(w, "ctx/d/one", "1", 0640);
	put(w, "ctx/d/two.txt", "2", 0600);
	put(w, "ctx/d/sub/three.txt", "3", 0644);
	put(w, "secret", "outside", 0644);
	link_to(w, "one", "ctx/d/link");
	link_to(w, "d", "ctx/dirlink");
	link_to(w, "../../secret", "ctx/d/out");
	put(w, "root/etc/passwd", "bob:x:100:200::/:\n", 0644);
	put(w, "root/usr/lib/old", "old", 0644);
	link_to(w, "usr/lib", "root/lib");
	_cleanup_free_ char *ctx = pm_path_join(w->dir, "ctx"), *root = pm_path_join(w->dir, "root");
	w->ctx = open(ctx, O_PATH | O_DIRECTORY | O_CLOEXEC);
	w->root = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(w->ctx >= 0 && w->root >= 0);
}

static void end(struct world *w)
{
	close(w->ctx);
	close(w->root);
	free(w->dir);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "path mode content|-> target|/" and, where the test may set owners, "uid:gid", of what is below dir. */
static void show(int dir, const char *path, struct pm_buf *out)
{
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	CHECK(pm_fs_list(dir, path, &names, NULL) >= 0);
	if (names.n > 1)
		qsort(names.v, names.n, sizeof(*names.v), by_text);
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_free_ char *p = strcmp(path, ".") ? pm_asprintf("%s/%s", path, names.v[i]) : pm_strdup(names.v[i]);
		_cleanup_free_ char *target = NULL;
		_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
		struct stat st;
		CHECK(fstatat(dir, p, &st, AT_SYMLINK_NOFOLLOW) == 0);
		pm_buf_printf(out, "%s %o", p, st.st_mode & 07777);
		if (geteuid() == 0 && (st.st_uid || st.st_gid))
			pm_buf_printf(out, " %u:%u", st.st_uid, st.st_gid);
		if (S_ISLNK(st.st_mode) && pm_fs_readlink(dir, p, &target, NULL) >= 0)
			pm_buf_printf(out, " -> %s", target);
		else if (S_ISREG(st.st_mode) && pm_fs_read_file(dir, p, 1000, &text, NULL) >= 0)
			pm_buf_printf(out, " %s", pm_buf_str(&text));
		pm_buf_add_char(out, '\n');
		if (S_ISDIR(st.st_mode))
			show(dir, p, out);
	}
}

static int copy(const struct world *w, const char *text, const struct pm_ignore *ignore, char digest[65], struct pm_err *err)
{
	_cleanup_dockerfile_ struct pm_dockerfile *d = pm_dockerfile_new();
	_cleanup_copy_ struct pm_copy *c = NULL;
	struct pm_store_options o = {0};
	_cleanup_free_ char *all = pm_asprintf("FROM scratch\n%s", text), *store = pm_path_join(w->dir, "store"), *run = pm_path_join(w->dir, "run");
	_cleanup_store_ struct pm_store *s = NULL;
	struct pm_copy_spec spec = PM_COPY_SPEC_INIT;
	o.root = store;
	o.runroot = run;
	CHECK_OK(pm_store_paths(&o, &s, err), *err);
	CHECK_OK(pm_dockerfile_add(d, "Containerfile", all, strlen(all), err), *err);
	spec.i = &d->steps[1];
	spec.from = w->ctx;
	spec.ignore = ignore;
	spec.single_id = geteuid() != 0;
	spec.store = s;
	int r = pm_copy_open(&spec, &c, err);
	if (r >= 0 && digest)
		r = pm_copy_digest(c, digest, err);
	else if (r >= 0)
		r = pm_copy_run(c, w->root, NULL, "/work", err);
	return r;
}

/* What is in the root's directory n. */
TEST(what_goes_where)
{
	static const struct {
		const char *line, *want; /* want: of /n */
		bool root_only;          /* owners are part of it */
	} t[] = {
		{"COPY f /n", "f"},
		{"COPY f /n/", "n/f 644 hi\n"},
		{"COPY f /n/x", "n/x 644 hi\n"},
		{"COPY f f /n", "n/f 644 hi\n"},
		{"COPY f d/one /n", "n/f 644 hi\nn/one 640 1\n"},
		{"COPY d /n", "n/link 777 -> one\nn/one 640 1\nn/out 777 -> ../../secret\nn/sub 755\nn/sub/three.txt 644 3\nn/two.txt 600 2\n"},
		{"COPY dirlink/sub /n", "n/three.txt 644 3\n"},
		{"COPY d/link /n/", "n/link 640 1\n"},
		{"COPY d/*.txt d/s* /n/a/b/", "n/a 755\nn/a/b 755\nn/a/b/three.txt 644 3\nn/a/b/two.txt 600 2\n"},
		{"COPY **/*.txt /n/", "n/three.txt 644 3\nn/two.txt 600 2\n"},
		{"COPY ../../f /n/", "n/f 644 hi\n"},
		{"COPY --exclude=*.txt --exclude=link --exclude=out d /n", "n/one 640 1\nn/sub 755\nn/sub/three.txt 644 3\n"},
		{"COPY --exclude=** --exclude=!sub/*.txt d /n", "n/sub 755\nn/sub/three.txt 644 3\n"},
		{"COPY --parents d/sub/three.txt /n", "n/d 755\nn/d/sub 755\nn/d/sub/three.txt 644 3\n"},
		{"COPY --parents d/./sub f /n", "n/f 644 hi\nn/sub 755\nn/sub/three.txt 644 3\n"},
		{"COPY --chmod=u=rwX,go= d/sub /n/s/", "n/s 755\nn/s/three.txt 600 3\n"},
		{"COPY --chmod=750 d/sub d/one /n/", "n/one 750 1\nn/three.txt 750 3\n"},
		{"COPY --chown=5:6 d/sub /n/s", "n 755 5:6\nn/s 755 5:6\nn/s/three.txt 644 5:6 3\n", true},
		{"COPY --chown=bob f /n/", "n/f 644 100:200 hi\n", true},
		{"COPY --chown=7 f /n/", "n/f 644 7:7 hi\n", true},
		{"COPY <<a <<b /n/\nx\n\na\ny\nb\n", "n/a 644 x\n\n\nn/b 644 y\n\n"},
		{"COPY --chmod=700 <<a /n/z\n#!/bin/sh\na\n", "n/z 700 #!/bin/sh\n\n"},
		{"ADD f /n/", "n/f 644 hi\n"},
	};
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct world w;
		struct pm_err err = PM_ERR_INIT;
		_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
		if (t[i].root_only && geteuid() != 0)
			continue;
		begin(&w);
		CHECK_OK(copy(&w, t[i].line, NULL, NULL, &err), err);
		if (strcmp(t[i].want, "f") == 0) {
			CHECK_OK(pm_fs_read_file(w.root, "n", 10, &out, &err), err);
			CHECK_STR(pm_buf_str(&out), "hi");
		} else {
			show(w.root, ".", &out);
			const char *n = strstr(pm_buf_str(&out), "\nn 755");
			CHECK(n);
			n += pm_startswith(t[i].want, "n 755") ? 1 : (int)strcspn(n + 1, "\n") + 2;
			_cleanup_free_ char *got = pm_strndup(n, (size_t)(strstr(n, "\nusr ") ? strstr(n, "\nusr ") + 1 - n : 0));
			if (strcmp(got, t[i].want) != 0)
				test_fail(__FILE__, __LINE__, "%s gave\n%s, not\n%s", t[i].line, got, t[i].want);
		}
		end(&w);
	}
}

TEST(relative_to_the_working_directory_and_through_symlinks)
{
	struct world w;
	struct pm_err err = PM_ERR_INIT;
	_cleanup_buf_ struct pm_buf a = PM_BUF_INIT, b = PM_BUF_INIT, c = PM_BUF_INIT;
	begin(&w);
	CHECK_OK(copy(&w, "COPY f x", NULL, NULL, &err), err);
	CHECK_OK(pm_fs_read_file(w.root, "work/x", 10, &a, &err), err);
	CHECK_OK(copy(&w, "COPY f /lib/new", NULL, NULL, &err), err);
	CHECK_OK(pm_fs_read_file(w.root, "usr/lib/new", 10, &b, &err), err);
	CHECK_OK(copy(&w, "COPY f /lib", NULL, NULL, &err), err);
	CHECK_OK(pm_fs_read_file(w.root, "usr/lib/f", 10, &c, &err), err);
	CHECK_OK(copy(&w, "COPY --link f /lib/linked", NULL, NULL, &err), err);
	struct stat st;
	CHECK(fstatat(w.root, "lib", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode));
	CHECK(fstatat(w.root, "lib/linked", &st, AT_SYMLINK_NOFOLLOW) == 0);
	CHECK(fstatat(w.root, "usr/lib/linked", &st, AT_SYMLINK_NOFOLLOW) < 0);
	end(&w);
}

TEST(what_cannot_be_copied)
{
	static const struct {
		const char *line;
		int code;
		const char *text;
	} t[] = {
		{"COPY nothing /n", PM_E_NOSUCH, "Containerfile:2: COPY: \"nothing\": no such file or directory"},
		{"COPY no* /n", PM_E_NOSUCH, "Containerfile:2: COPY: \"no*\": no such file or directory"},
		{"COPY d/out /n", PM_E_NOSUCH, "Containerfile:2: COPY: \"d/out\": no such file or directory"},
		{"COPY f/x /n", PM_E_NOSUCH, "Containerfile:2: COPY: \"f/x\": no such file or directory"},
		{"COPY d /etc/passwd", ENOTDIR, "Containerfile:2: COPY: the destination \"/etc/passwd\" is there and is no directory"},
		{"COPY f d /etc/passwd", ENOTDIR, "Containerfile:2: COPY: the destination \"/etc/passwd\" is there and is no directory"},
		{"COPY f /etc/passwd/x", ENOTDIR, "Containerfile:2: COPY: \"/etc/passwd\" is there and is no directory"},
		{"COPY --exclude=f f /n", PM_E_NOSUCH, "Containerfile:2: COPY: \"f\": the ignore file or --exclude leaves nothing of it"},
		{"COPY --chmod=abc f /n", PM_E_USAGE, "Containerfile:2: --chmod: \"abc\" is no mode: it must be octal digits or like u=rwX,go=rX"},
		{"COPY --chown=nobody f /n", PM_E_USAGE, NULL},
		{"ADD https://x/y.git /n", PM_E_UNSUPPORTED, NULL},
		{"ADD --checksum=sha256:x https://x/y /n", PM_E_USAGE, NULL},
		{"ADD --checksum=sha256:0123456789012345678901234567890123456789012345678901234567890123 f /n", PM_E_USAGE,
		 "Containerfile:2: --checksum is for one source, and that a URL"},
	};
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct world w;
		struct pm_err err = PM_ERR_INIT;
		begin(&w);
		CHECK_INT(copy(&w, t[i].line, NULL, NULL, &err), -t[i].code);
		if (t[i].text)
			CHECK_STR(err.text, t[i].text);
		end(&w);
	}
}

TEST(ignored_files)
{
	struct world w;
	struct pm_err err = PM_ERR_INIT;
	_cleanup_ignore_ struct pm_ignore *ig = pm_ignore_new();
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	begin(&w);
	CHECK_OK(pm_ignore_add_file(ig, "x", "d\n!d/sub/*.txt\nf", 17, &err), err);
	CHECK_OK(copy(&w, "COPY . /usr/lib/", ig, NULL, &err), err);
	CHECK_INT(copy(&w, "COPY f /usr/lib/", ig, NULL, &err), -PM_E_NOSUCH);
	show(w.root, "usr/lib", &out);
	CHECK_STR(pm_buf_str(&out), "usr/lib/d 755\nusr/lib/d/sub 755\nusr/lib/d/sub/three.txt 644 3\n"
				    "usr/lib/dirlink 777 -> d\nusr/lib/old 644 old\n");
	end(&w);
}

TEST(checksums)
{
	static const char *const lines[] = {
		"COPY d /n", "COPY --chown=1:2 d /n", "COPY --chmod=700 d /n", "COPY d/sub /n", "COPY --exclude=one d /n", "COPY <<f /n\nhi\nf", "COPY f /n", "COPY f d /n",
	};
	enum { N = sizeof(lines) / sizeof(lines[0]) };
	char sums[N][65], again[65];
	struct world w;
	struct pm_err err = PM_ERR_INIT;
	begin(&w);
	for (size_t i = 0; i < N; i++) {
		CHECK_OK(copy(&w, lines[i], NULL, sums[i], &err), err);
		for (size_t k = 0; k < i; k++)
			if (strcmp(sums[i], sums[k]) == 0)
				test_fail(__FILE__, __LINE__, "'%s' and '%s' have one checksum", lines[i], lines[k]);
	}
	_cleanup_free_ char *one = pm_path_join(w.dir, "ctx/d/one");
	CHECK(utimensat(AT_FDCWD, one, (struct timespec[2]){{1, 0}, {1, 0}}, 0) == 0);
	CHECK_OK(copy(&w, "COPY d elsewhere/", NULL, again, &err), err);
	CHECK_STR(again, sums[0]);
	put(&w, "ctx/d/one", "2", 0640);
	CHECK_OK(copy(&w, "COPY d /n", NULL, again, &err), err);
	CHECK(strcmp(again, sums[0]) != 0);
	end(&w);
}

static void put_gzip(const struct world *w, const char *path, const void *data, size_t len)
{
	_cleanup_free_ char *whole = pm_path_join(w->dir, path);
	gzFile z = gzopen(whole, "wb");
	CHECK(z && gzwrite(z, data, (unsigned)len) == (int)len && gzclose(z) == Z_OK);
}

TEST(archives)
{
	struct world w;
	struct pm_err err = PM_ERR_INIT;
	_cleanup_buf_ struct pm_buf tar = PM_BUF_INIT, out = PM_BUF_INIT, copied = PM_BUF_INIT;
	begin(&w);
	struct pm_tar_entry e = {.type = PM_TAR_FILE, .path = "in/file", .link = "", .uname = "", .gname = "", .mode = 0600, .uid = 33, .gid = 44, .size = 1};
	tarball_dir(&tar, "in/");
	tarball_entry(&tar, &e, "x");
	tarball_end(&tar);
	_cleanup_free_ char *plain = pm_path_join(w.dir, "ctx/t.tar");
	CHECK(pm_fs_write_file(AT_FDCWD, plain, tar.data, tar.len, 0644, false, NULL) >= 0);
	put_gzip(&w, "ctx/t.tgz", tar.data, tar.len);
	put_gzip(&w, "ctx/text.gz", "hello", 5);
	CHECK_OK(copy(&w, "ADD t.tar /usr/lib/plain", NULL, NULL, &err), err);
	CHECK_OK(copy(&w, "ADD f t.tgz text.gz /usr/lib/zip/", NULL, NULL, &err), err);
	CHECK_OK(copy(&w, "ADD --chown=5:6 t.tgz /usr/lib/owned/", NULL, NULL, &err), err);
	CHECK_OK(copy(&w, "COPY t.tar /usr/lib/copied/", NULL, NULL, &err), err);
	CHECK_OK(copy(&w, "ADD --unpack=false t.tar /usr/lib/added/", NULL, NULL, &err), err);
	CHECK_INT(copy(&w, "ADD t.tar /etc/passwd", NULL, NULL, &err), -ENOTDIR);
	struct stat st;
	CHECK(fstatat(w.root, "usr/lib/zip/text.gz", &st, 0) == 0 && st.st_size == 25);
	CHECK(fstatat(w.root, "usr/lib/copied/t.tar", &st, 0) == 0 && fstatat(w.root, "usr/lib/added/t.tar", &st, 0) == 0);
	CHECK(fstatat(w.root, "usr/lib/zip/f", &st, 0) == 0);
	CHECK(fstatat(w.root, "usr/lib/plain/in/file", &st, 0) == 0 && (st.st_mode & 07777) == 0600);
	CHECK(geteuid() != 0 || (st.st_uid == 33 && st.st_gid == 44));
	CHECK(fstatat(w.root, "usr/lib/zip/in/file", &st, 0) == 0);
	CHECK(fstatat(w.root, "usr/lib/owned/in/file", &st, 0) == 0);
	CHECK(geteuid() != 0 || (st.st_uid == 5 && st.st_gid == 6));
	end(&w);
}
