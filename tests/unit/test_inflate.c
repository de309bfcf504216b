#include "tests/unit/test.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/fs.h"
#include "storage/inflate.h"
#include "tests/unit/tree.h"

/* A source that hands out step bytes at a time, each in memory of its own. */
struct pieces {
	const struct pm_buf *all;
	size_t at, step;
	char *piece;
};

static ssize_t next_piece(void *arg, const void **ret, struct pm_err *err)
{
	struct pieces *p = arg;
	(void)err;
	size_t n = p->all->len - p->at < p->step ? p->all->len - p->at : p->step;
	free(p->piece);
	p->piece = malloc(n ? n : 1);
	memcpy(p->piece, p->all->data + p->at, n);
	p->at += n;
	*ret = p->piece;
	return (ssize_t)n;
}

static int inflate(const struct pm_buf *in, size_t step, size_t out_step,
		   const struct pm_inflate_opts *opts, struct pm_buf *out, struct pm_err *err)
{
	struct pieces p = {.all = in, .step = step};
	struct pm_inflate *z;
	int r = pm_inflate_new(next_piece, &p, opts, &z, err);
	if (r >= 0) {
		ssize_t n;
		do {
			n = pm_inflate_read(z, pm_buf_reserve(out, out_step), out_step, err);
			out->len += n > 0 ? (size_t)n : 0;
		} while (n == (ssize_t)out_step);
		r = n < 0 ? (int)n : 0;
		pm_buf_add(out, "", 0); /* its NUL */
		if (r == 0)
			CHECK_INT(p.at, in->len);
		pm_inflate_free(z);
	}
	free(p.piece);
	return r;
}

static const struct pm_inflate_opts strict = {0}, lenient = {.foreign = true};

static void sh(const char *script)
{
	const char *const argv[] = {"sh", "-ec", script, NULL};
	CHECK_INT(tree_run(test_dir(), argv), 0);
}

static struct pm_buf load(const char *name)
{
	struct pm_buf b = PM_BUF_INIT;
	struct pm_err err = PM_ERR_INIT;
	_cleanup_free_ char *path = pm_asprintf("%s/%s", test_dir(), name);
	CHECK_OK(pm_fs_read_file(AT_FDCWD, path, 64 << 20, &b, &err), err);
	return b;
}

static void inflates_to(const char *name, const struct pm_buf *want)
{
	static const size_t in_steps[] = {1, 3, 8, 100, 4096, 1 << 20};
	static const size_t out_steps[] = {100, 70000, 262144};
	_cleanup_buf_ struct pm_buf in = load(name);
	for (size_t i = 0; i < PM_ARRAY_SIZE(in_steps); i++) {
		for (size_t k = 0; k < PM_ARRAY_SIZE(out_steps); k++) {
			struct pm_err err = PM_ERR_INIT;
			_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
			if (inflate(&in, in_steps[i], out_steps[k], &lenient, &out, &err) < 0)
				test_fail(__FILE__, __LINE__, "%s %zu %zu: %s", name, in_steps[i],
					  out_steps[k], err.text);
			CHECK_INT(out.len, want->len);
			CHECK(memcmp(out.data, want->data, want->len) == 0);
		}
	}
}

TEST(each_kind_inflates_in_any_pieces)
{
	sh("seq 40000 >text; head -c 60000 /dev/urandom >>text; seq 1000 >>text\n"
	   "split -n 3 text part.; for i in part.*; do gzip -9 $i; "
	   "gzip -cd $i.gz | zstd -q >$i.zst; done\n"
	   "gzip -1 -c text >a.gz; cat part.*.gz >members.gz; gzip -c </dev/null >>members.gz\n"
	   "zstd -q -3 text -o a.zst; printf 'P*M\\030\\003\\000\\000\\000abc' >skip\n"
	   "cat skip part.aa.zst skip part.ab.zst part.ac.zst skip >frames.zst\n");
	_cleanup_buf_ struct pm_buf text = load("text");
	inflates_to("text", &text);
	inflates_to("a.gz", &text);
	inflates_to("members.gz", &text);
	inflates_to("a.zst", &text);
	inflates_to("frames.zst", &text);
}

TEST(gzip_headers_with_every_field)
{
	/* FEXTRA|FNAME|FCOMMENT before gzip's own deflate stream */
	sh("gzip -n -c </etc/passwd >plain.gz; cp /etc/passwd text\n"
	   "(printf "
	   "'\\037\\213\\010\\034\\000\\000\\000\\000\\000\\003\\003\\000abcname\\000note\\000'; "
	   "tail -c +11 plain.gz) >fields.gz");
	_cleanup_buf_ struct pm_buf text = load("text");
	inflates_to("fields.gz", &text);
}

TEST(imports_take_bzip2_and_xz_but_registries_do_not)
{
	sh("seq 20000 >text; bzip2 -k text; xz -k text");
	_cleanup_buf_ struct pm_buf text = load("text");
	static const char *const names[] = {"text.bz2", "text.xz"};
	for (size_t i = 0; i < 2; i++) {
		struct pm_err err = PM_ERR_INIT;
		_cleanup_buf_ struct pm_buf out = PM_BUF_INIT, in = load(names[i]);
		inflates_to(names[i], &text);
		CHECK_INT(inflate(&in, 4096, 4096, &strict, &out, &err), -PM_E_FORMAT);
		in.len -= 20;
		CHECK_INT(inflate(&in, 4096, 4096, &lenient, &out, &err), -PM_E_FORMAT);
	}
}

TEST(short_streams_and_nothing_at_all)
{
	for (size_t len = 0; len < 8; len++) {
		struct pm_err err = PM_ERR_INIT;
		_cleanup_buf_ struct pm_buf in = PM_BUF_INIT, out = PM_BUF_INIT;
		pm_buf_add(&in, "1234567", len);
		CHECK_OK(inflate(&in, 2, 3, &strict, &out, &err), err);
		CHECK_STR(pm_buf_str(&out), pm_buf_str(&in));
	}
}

TEST(cut_and_damaged_streams_are_errors)
{
	sh("seq 3000 >text; gzip -k text; zstd -q text; zstd -q --check text -o c.zst");
	static const char *const names[] = {"text.gz", "text.zst", "c.zst"};
	for (size_t i = 0; i < PM_ARRAY_SIZE(names); i++) {
		_cleanup_buf_ struct pm_buf whole = load(names[i]);
		for (size_t cut = 10; cut < whole.len; cut += cut < 60 ? 1 : 97) {
			struct pm_err err = PM_ERR_INIT;
			_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
			struct pm_buf in = {.data = whole.data, .len = cut};
			CHECK_INT(inflate(&in, 777, 5000, &strict, &out, &err), -PM_E_FORMAT);
		}
		/* the last bytes, where the checksums are */
		for (size_t back = 1; back < 9; back++) {
			struct pm_err err = PM_ERR_INIT;
			_cleanup_buf_ struct pm_buf out = PM_BUF_INIT, in = PM_BUF_INIT;
			struct pm_buf cut = {.data = whole.data, .len = whole.len - back};
			CHECK_INT(inflate(&cut, 50, 5000, &strict, &out, &err), -PM_E_FORMAT);
			if (i == 1 || (i == 2 && back > 4))
				continue; /* has no checksum there */
			pm_buf_add(&in, whole.data, whole.len);
			in.data[in.len - back] ^= 0x10;
			CHECK_INT(inflate(&in, 50, 5000, &strict, &out, &err), -PM_E_FORMAT);
		}
		struct pm_err err = PM_ERR_INIT;
		_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
		pm_buf_add(&whole, "trailing", 8);
		CHECK_INT(inflate(&whole, 512, 5000, &strict, &out, &err), -PM_E_FORMAT);
	}
}

TEST(bombs_stop_at_the_ratio)
{
	sh("head -c 60000000 /dev/zero | zstd -q -19 >bomb.zst");
	_cleanup_buf_ struct pm_buf in = load("bomb.zst"), out = PM_BUF_INIT;
	struct pm_err err = PM_ERR_INIT;
	const struct pm_inflate_opts opts = {.max_ratio = 1100, .ratio_floor = 20 << 20};
	CHECK_INT(inflate(&in, 4096, 1 << 20, &opts, &out, &err), -PM_E_FORMAT);
	CHECK(strstr(err.text, "refused"));
	CHECK(out.len < 25 << 20);
	pm_buf_cut(&out, 0);
	CHECK_OK(inflate(&in, 4096, 1 << 20, &strict, &out, &err), err);
	CHECK_INT(out.len, 60000000);
}
