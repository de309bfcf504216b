#include "tests/unit/test.h"

#include <string.h>

#include "base/buf.h"
#include "base/hash.h"
#include "storage/deflate.h"
#include "tests/unit/tree.h"

static int add_to(void *arg, const void *data, size_t len, struct pm_err *err)
{
	(void)err;
	pm_buf_add(arg, data, len);
	return 0;
}

static ssize_t whole(void *arg, const void **ret, struct pm_err *err)
{
	struct pm_buf **b = arg;
	(void)err;
	if (!*b)
		return 0;
	*ret = (*b)->data;
	ssize_t n = (ssize_t)(*b)->len;
	*b = NULL;
	return n;
}

/* Half noise, half words, so that both kinds of blocks come. */
static struct pm_buf sample(size_t len)
{
	struct pm_buf b = PM_BUF_INIT;
	uint32_t x = 7;
	while (b.len < len) {
		x = x * 1664525 + 1013904223;
		if (b.len / 100000 % 2)
			pm_buf_printf(&b, "the word %u of the text\n", x % 1000);
		else
			pm_buf_add(&b, &x, 4);
	}
	pm_buf_cut(&b, len);
	return b;
}

static struct pm_buf packed(const struct pm_buf *in, enum pm_compression kind, int level,
			    unsigned int threads)
{
	struct pm_buf out = PM_BUF_INIT;
	struct pm_err err = PM_ERR_INIT;
	struct pm_deflate *z;
	CHECK_OK(pm_deflate_new(kind, level, threads, add_to, &out, &z, &err), err);
	for (size_t at = 0; at < in->len; at += 100001)
		CHECK_OK(pm_deflate_add(z, in->data + at,
					in->len - at < 100001 ? in->len - at : 100001, &err),
			 err);
	CHECK_OK(pm_deflate_finish(z, &err), err);
	pm_deflate_free(z);
	return out;
}

static void check_unpacks(const struct pm_buf *in, struct pm_buf *out, enum pm_compression kind)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_buf *source = out;
	struct pm_inflate_opts opts = {0};
	struct pm_inflate *z;
	CHECK_OK(pm_inflate_new(whole, &source, &opts, &z, &err), err);
	CHECK_INT(pm_inflate_kind(z), kind);
	char *got = malloc(in->len + 1);
	CHECK_INT(pm_inflate_read(z, got, in->len + 1, &err), in->len);
	CHECK(in->len == 0 || memcmp(got, in->data, in->len) == 0);
	free(got);
	pm_inflate_free(z);
}

/* gzip and zstd themselves, too. */
static void check_tool(const struct pm_buf *in, const struct pm_buf *out, const char *tool)
{
	char path[200], script[300];
	snprintf(path, sizeof(path), "%s/packed", test_dir());
	FILE *f = fopen(path, "w");
	CHECK(f && fwrite(out->data, 1, out->len, f) == out->len && fclose(f) == 0);
	char hex[65];
	pm_sha256_of(in->data, in->len, hex);
	snprintf(script, sizeof(script), "test $(%s -dc < packed | sha256sum | cut -c-64) = %s", tool,
		 hex);
	const char *const argv[] = {"sh", "-ec", script, NULL};
	CHECK_INT(tree_run(test_dir(), argv), 0);
}

TEST(deflate_makes_what_inflate_reads)
{
	static const size_t sizes[] = {0, 1, 512 << 10, (512 << 10) + 1, 5000000};
	static const struct {
		enum pm_compression kind;
		int level;
	} ways[] = {{PM_COMPRESSION_GZIP, 0}, {PM_COMPRESSION_GZIP, 1}, {PM_COMPRESSION_GZIP, 3},
		    {PM_COMPRESSION_GZIP, 9}, {PM_COMPRESSION_ZSTD, 0}, {PM_COMPRESSION_ZSTD, 19}};
	for (size_t i = 0; i < PM_ARRAY_SIZE(sizes); i++) {
		struct pm_buf in = sample(sizes[i]);
		for (size_t k = 0; k < PM_ARRAY_SIZE(ways); k++) {
			struct pm_buf out = packed(&in, ways[k].kind, ways[k].level, 0);
			check_unpacks(&in, &out, ways[k].kind);
			if (ways[k].kind == PM_COMPRESSION_GZIP)
				check_tool(&in, &out, "gzip");
			pm_buf_free(&out);
		}
		pm_buf_free(&in);
	}
}

TEST(deflate_gives_the_same_with_any_number_of_threads)
{
	struct pm_buf in = sample(6000000);
	static const enum pm_compression kinds[] = {PM_COMPRESSION_GZIP, PM_COMPRESSION_ZSTD};
	for (size_t i = 0; i < PM_ARRAY_SIZE(kinds); i++) {
		struct pm_buf one = packed(&in, kinds[i], 0, 1), many = packed(&in, kinds[i], 0, 5);
		check_unpacks(&in, &one, kinds[i]);
		CHECK_INT(one.len, many.len);
		CHECK(memcmp(one.data, many.data, one.len) == 0);
		CHECK(one.len < in.len * 3 / 4);
		pm_buf_free(&one);
		pm_buf_free(&many);
	}
	pm_buf_free(&in);
}

TEST(deflate_levels)
{
	struct pm_err err = PM_ERR_INIT;
	int level;
	CHECK_INT(pm_deflate_level(PM_COMPRESSION_GZIP, 10, &level, &err), -PM_E_USAGE);
	CHECK_INT(pm_deflate_level(PM_COMPRESSION_GZIP, -1, &level, &err), -PM_E_USAGE);
	CHECK_INT(pm_deflate_level(PM_COMPRESSION_ZSTD, 21, &level, &err), -PM_E_USAGE);
	CHECK_OK(pm_deflate_level(PM_COMPRESSION_ZSTD, 20, &level, &err), err);
	CHECK_INT(level, 20);
	CHECK_OK(pm_deflate_level(PM_COMPRESSION_GZIP, 0, &level, &err), err);
	CHECK_INT(level, PM_GZIP_LEVEL);
}
