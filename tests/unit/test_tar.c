#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/tar.h"
#include "base/tar_meta.h"
#include "base/tar_write.h"
#include "tests/unit/tarball.h"

/* Everything an archive says, one line an entry, so that two readings can be compared. */
static void describe(struct pm_buf *out, const struct pm_tar_entry *e)
{
	pm_buf_printf(out, "%d %s -> %s %o %llu:%llu (%s:%s) size %llu at %lld.%09u dev %u:%u",
		      (int)e->type, e->path, e->link, (unsigned int)e->mode,
		      (unsigned long long)e->uid, (unsigned long long)e->gid, e->uname, e->gname,
		      (unsigned long long)e->size, (long long)e->mtime, e->mtime_ns, e->dev_major,
		      e->dev_minor);
	for (size_t i = 0; i < e->n_xattrs; i++)
		pm_buf_printf(out, " %s=%.*s", e->xattrs[i].name, (int)e->xattrs[i].len,
			      (const char *)e->xattrs[i].value);
	for (size_t i = 0; i < e->n_regions; i++)
		pm_buf_printf(out, " [%llu+%llu]", (unsigned long long)e->regions[i].offset,
			      (unsigned long long)e->regions[i].len);
	pm_buf_add_char(out, '\n');
}

struct collected {
	struct pm_buf raw; /* all bytes but content */
	struct pm_buf all; /* raw and content in order */
};

static void on_raw(void *arg, const void *data, size_t len)
{
	struct collected *c = arg;
	pm_buf_add(&c->raw, data, len);
	pm_buf_add(&c->all, data, len);
}

/* Read the archive in pieces of step bytes. */
static int read_all(const struct pm_buf *tar, size_t step, struct pm_buf *out,
		    struct collected *raw, struct pm_err *err)
{
	struct pm_tar_reader *t = pm_tar_reader_new(on_raw, raw);
	int r = 0;
	for (size_t at = 0; at < tar->len && r >= 0; at += step) {
		size_t n = tar->len - at < step ? tar->len - at : step;
		/* an exact copy: an over-read is seen by the sanitizer */
		char *piece = pm_malloc(n);
		memcpy(piece, tar->data + at, n);
		pm_tar_reader_input(t, piece, n);
		while ((r = pm_tar_reader_next(t, err)) > PM_TAR_MORE) {
			size_t len;
			uint64_t offset;
			if (r == PM_TAR_ENTRY) {
				describe(out, pm_tar_reader_entry(t));
			} else if (r == PM_TAR_DATA) {
				const void *data = pm_tar_reader_data(t, &len, &offset);
				pm_buf_add(&raw->all, data, len);
				for (size_t i = 0; i < len; i++)
					pm_buf_printf(out, "%llu:%c ",
						      (unsigned long long)(offset + i),
						      ((const char *)data)[i]);
			} else if (r == PM_TAR_DONE) {
				pm_buf_add_str(out, ".\n");
			} else {
				pm_buf_add_str(out, "end\n");
			}
		}
		free(piece);
	}
	if (r >= 0)
		r = pm_tar_reader_end(t, err);
	pm_tar_reader_free(t);
	return r;
}

/* Reads in one piece and in awkward pieces: all say the same, and the raw bytes are complete. */
static char *reading(const struct pm_buf *tar)
{
	static const size_t steps[] = {1 << 20, 1, 7, 511, 512, 513, 4096};
	char *first = NULL;
	for (size_t i = 0; i < PM_ARRAY_SIZE(steps); i++) {
		struct pm_err err = PM_ERR_INIT;
		struct pm_buf out = PM_BUF_INIT;
		struct collected c = {0};
		CHECK_OK(read_all(tar, steps[i], &out, &c, &err), err);
		CHECK_INT(c.all.len, tar->len);
		CHECK(memcmp(c.all.data, tar->data, tar->len) == 0);
		pm_buf_free(&c.raw);
		pm_buf_free(&c.all);
		char *text = pm_buf_take(&out);
		if (!first) {
			first = text;
			continue;
		}
		CHECK_STR(text, first);
		free(text);
	}
	return first;
}

static void refused(const struct pm_buf *tar, const char *why)
{
	static const size_t steps[] = {1 << 20, 1, 512};
	for (size_t i = 0; i < PM_ARRAY_SIZE(steps); i++) {
		struct pm_err err = PM_ERR_INIT;
		_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
		struct collected c = {0};
		CHECK_INT(read_all(tar, steps[i], &out, &c, &err), -PM_E_FORMAT);
		if (!strstr(err.text, why) || !strstr(err.text, "offset"))
			test_fail(__FILE__, __LINE__, "'%s' does not say '%s'", err.text, why);
		pm_buf_free(&c.raw);
		pm_buf_free(&c.all);
	}
}

TEST(written_archives_read_back)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	char longname[301];
	memset(longname, 'n', 300);
	longname[300] = '\0';
	longname[150] = '/';
	char toolong[701];
	memset(toolong, 'm', 700);
	toolong[700] = '\0';

	tarball_dir(&b, "etc/");
	tarball_file(&b, "etc/motd", "hi");
	tarball_file(&b, longname, "");
	tarball_symlink(&b, "s", toolong);
	struct pm_tar_xattr xattrs[] = {{"user.a", "1\n2", 3}, {"security.capability", "\1\2", 2}};
	struct pm_tar_entry e = {.type = PM_TAR_FILE,
				 .path = "big",
				 .link = "",
				 .uname = "root",
				 .gname = "wheel",
				 .mode = 04755,
				 .uid = 4000000000,
				 .gid = 2097152,
				 .size = 3,
				 .mtime = -2,
				 .mtime_ns = 750000000,
				 .xattrs = xattrs,
				 .n_xattrs = 2};
	tarball_entry(&b, &e, "abc");
	e = (struct pm_tar_entry){.type = PM_TAR_CHAR,
				  .path = "null",
				  .link = "",
				  .mode = 0666,
				  .dev_major = 1,
				  .dev_minor = 3,
				  .mtime = 5};
	tarball_entry(&b, &e, "");
	tarball_end(&b);

	char *text = reading(&b);
	CHECK(strstr(text, "5 etc/ ->  755 0:0 (:) size 0 at 1000000000.000000000 dev 0:0\n.\n"));
	CHECK(strstr(text, "0 etc/motd ->  644 0:0 (:) size 2 at 1000000000.000000000 dev 0:0\n"
			   "0:h 1:i .\n"));
	CHECK(strstr(text, longname));
	CHECK(strstr(text, toolong));
	CHECK(strstr(text, "0 big ->  4755 4000000000:2097152 (root:wheel) size 3 at -2.750000000 "
			   "dev 0:0 user.a=1\n2 security.capability=\1\2\n0:a 1:b 2:c .\n"));
	CHECK(strstr(text, "3 null ->  666 0:0 (:) size 0 at 5.000000000 dev 1:3\n"));
	CHECK(strstr(text, "end\n"));
	free(text);
}

TEST(writer_is_deterministic_and_gnu_tar_reads_it)
{
	_cleanup_buf_ struct pm_buf a = PM_BUF_INIT, b = PM_BUF_INIT;
	for (int i = 0; i < 2; i++) {
		struct pm_tar_xattr x = {"user.k", "v", 1};
		struct pm_tar_entry e = {.type = PM_TAR_FILE,
					 .path = "f",
					 .size = 5,
					 .mode = 0600,
					 .mtime = 77,
					 .mtime_ns = 5,
					 .xattrs = &x,
					 .n_xattrs = 1};
		struct pm_buf *to = i ? &b : &a;
		tarball_entry(to, &e, "12345");
		tarball_end(to);
	}
	CHECK_INT(a.len, b.len);
	CHECK(memcmp(a.data, b.data, a.len) == 0);

	_cleanup_free_ char *path = pm_asprintf("%s/a.tar", test_dir());
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	CHECK(write(fd, a.data, a.len) == (ssize_t)a.len);
	close(fd);
	pid_t pid = fork();
	if (pid == 0) {
		execlp("tar", "tar", "-x", "-C", test_dir(), "-f", path, NULL);
		_exit(127);
	}
	int status;
	waitpid(pid, &status, 0);
	CHECK_INT(status, 0);
	_cleanup_free_ char *file = pm_asprintf("%s/f", test_dir());
	char content[8] = "";
	fd = open(file, O_RDONLY | O_CLOEXEC);
	CHECK_INT(read(fd, content, 7), 5);
	close(fd);
	CHECK_STR(content, "12345");
}

static int discard(void *arg, const void *data, size_t len, struct pm_err *err)
{
	(void)arg, (void)data, (void)len, (void)err;
	return 0;
}

TEST(writer_refuses_wrong_content)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_tar_entry e = {.type = PM_TAR_FILE, .path = "f", .size = 2};
	struct pm_tar_writer *w = pm_tar_writer_new(discard, NULL);
	CHECK_OK(pm_tar_writer_entry(w, &e, &err), err);
	CHECK_INT(pm_tar_writer_data(w, "xyz", 3, &err), -PM_E_INTERNAL);
	CHECK_OK(pm_tar_writer_data(w, "x", 1, &err), err);
	CHECK_INT(pm_tar_writer_entry(w, &e, &err), -PM_E_INTERNAL);
	CHECK_INT(pm_tar_writer_finish(w, &err), -PM_E_INTERNAL);
	CHECK_OK(pm_tar_writer_data(w, "y", 1, &err), err);
	CHECK_OK(pm_tar_writer_finish(w, &err), err);
	pm_tar_writer_free(w);
}

TEST(pax_and_global_headers)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	tarball_pax(&b, 'g', "uid=7", "uname=all", "comment=git commit", NULL);
	tarball_file(&b, "one", "1");
	tarball_pax(&b, 'x', "path=two/long", "uid=8", "mtime=12.5", "size=3",
		    "SCHILY.xattr.user.x=a=b", "LIBARCHIVE.xattr.user.%41=aGVsbG8=", NULL);
	tarball_raw(&b, "short", '0', "", "abc", 3);
	tarball_file(&b, "three", "");
	tarball_end(&b);
	char *text = reading(&b);
	CHECK(strstr(text, "0 one ->  644 7:0 (all:)"));
	CHECK(strstr(text, "0 two/long ->  644 8:0 (all:) size 3 at 12.500000000 dev 0:0 "
			   "user.x=a=b user.A=hello\n0:a 1:b 2:c .\n"));
	CHECK(strstr(text, "0 three ->  644 7:0 (all:) size 0 at 1000000000.0"));
	CHECK(!strstr(text, "short"));
	free(text);
}

TEST(gnu_long_names_and_numbers)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	char name[601];
	memset(name, 'g', 600);
	name[600] = '\0';
	tarball_raw(&b, "././@LongLink", 'L', "", name, 601);
	tarball_raw(&b, "././@LongLink", 'K', "", "the/link", 9);
	uint8_t h[PM_TAR_BLOCK] = "cut";
	h[PM_TAR_AT_TYPE] = '2';
	memcpy(h + PM_TAR_AT_MAGIC, "ustar  ", 8);
	/* uid 2^31 and mtime -1 in base-256 */
	memcpy(h + PM_TAR_AT_UID, "\x80\0\0\0\x80\0\0\0", 8);
	memset(h + PM_TAR_AT_MTIME, 0xff, 12);
	tarball_block(&b, h, NULL, 0);
	tarball_end(&b);
	char *text = reading(&b);
	CHECK(strstr(text, name));
	CHECK(strstr(text, " -> the/link 0 2147483648:0 (:) size 0 at -1.000000000"));
	free(text);
}

TEST(v7_directories_and_signed_checksums)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	uint8_t h[PM_TAR_BLOCK] = "old\xe4/";
	unsigned int sum = 8 * ' ' + 'o' + 'l' + 'd' + 0xe4 - 256 + '/';
	snprintf((char *)h + PM_TAR_AT_CHECKSUM, 8, "%06o", sum);
	pm_buf_add(&b, h, sizeof(h));
	tarball_end(&b);
	char *text = reading(&b);
	CHECK(strstr(text, "5 old\xe4/ -> "));
	free(text);
}

TEST(sparse_pax_1_0)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	char content[512 + 5] = "2\n10\n3\n100\n2\n";
	memcpy(content + 512, "abcde", 5);
	tarball_pax(&b, 'x', "GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.name=real",
		    "GNU.sparse.realsize=200", NULL);
	tarball_raw(&b, "GNUSparseFile.1/real", '0', "", content, sizeof(content));
	tarball_file(&b, "next", "n");
	tarball_end(&b);
	char *text = reading(&b);
	CHECK(strstr(text, "0 real ->  644 0:0 (:) size 200 at 1000000000.000000000 dev 0:0 [10+3] "
			   "[100+2]\n10:a 11:b 12:c 100:d 101:e .\n0 next"));
	free(text);
}

TEST(sparse_pax_0)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	tarball_pax(&b, 'x', "GNU.sparse.size=9", "GNU.sparse.numblocks=2", "GNU.sparse.offset=1",
		    "GNU.sparse.numbytes=1", "GNU.sparse.offset=8", "GNU.sparse.numbytes=1", NULL);
	tarball_raw(&b, "v00", '0', "", "xy", 2);
	tarball_pax(&b, 'x', "GNU.sparse.size=9", "GNU.sparse.numblocks=2",
		    "GNU.sparse.map=2,1,4,1", "GNU.sparse.name=v01", NULL);
	tarball_raw(&b, "other", '0', "", "xy", 2);
	tarball_end(&b);
	char *text = reading(&b);
	CHECK(strstr(text, "dev 0:0 [1+1] [8+1]\n1:x 8:y .\n0 v01"));
	CHECK(strstr(text, "dev 0:0 [2+1] [4+1]\n2:x 4:y .\n"));
	free(text);
}

static void gnu_sparse_header(uint8_t h[PM_TAR_BLOCK], const char *size, const char *realsize)
{
	memset(h, 0, PM_TAR_BLOCK);
	memcpy(h, "sp", 2);
	h[PM_TAR_AT_TYPE] = 'S';
	memcpy(h + PM_TAR_AT_MAGIC, "ustar  ", 8);
	memcpy(h + PM_TAR_AT_SIZE, size, strlen(size));
	memcpy(h + PM_TAR_AT_GNU_REALSIZE, realsize, strlen(realsize));
}

TEST(sparse_old_gnu_with_extension)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	uint8_t h[PM_TAR_BLOCK], ext[PM_TAR_BLOCK] = {0};
	gnu_sparse_header(h, "5", "777");
	for (int i = 0; i < 4; i++) {
		snprintf((char *)h + PM_TAR_AT_GNU_SPARSE + 24 * i, 12, "%011o", 010 * (unsigned)i);
		snprintf((char *)h + PM_TAR_AT_GNU_SPARSE + 24 * i + 12, 12, "%011o", 1U);
	}
	h[PM_TAR_AT_GNU_MORE] = 1;
	tarball_block(&b, h, NULL, 0);
	snprintf((char *)ext, 12, "%011o", 0100U);
	snprintf((char *)ext + 12, 12, "%011o", 1U);
	pm_buf_add(&b, ext, sizeof(ext));
	pm_buf_add(&b, "abcde", 5);
	while (b.len % 512)
		pm_buf_add_char(&b, 0);
	tarball_end(&b);
	char *text = reading(&b);
	CHECK(strstr(text, "size 511 at 0.000000000 dev 0:0 [0+1] [8+1] [16+1] [24+1] [64+1]\n"
			   "0:a 8:b 16:c 24:d 64:e .\n"));
	free(text);
}

TEST(lying_sparse_maps_are_refused)
{
	static const char *const maps[] = {
		"GNU.sparse.map=0,3",     /* more than the content */
		"GNU.sparse.map=0,1",     /* less */
		"GNU.sparse.map=8,2",     /* past the size */
		"GNU.sparse.map=5,1,2,1", /* descending */
		"GNU.sparse.map=1,1,1,1", /* overlapping */
		"GNU.sparse.map=9223372036854775807,2",
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(maps); i++) {
		_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
		tarball_pax(&b, 'x', "GNU.sparse.size=9", maps[i], NULL);
		tarball_raw(&b, "f", '0', "", "xy", 2);
		tarball_end(&b);
		refused(&b, "sparse map");
	}
	static const char *const bad[] = {"GNU.sparse.map=1", "GNU.sparse.map=a,b",
					  "GNU.sparse.offset=1", "GNU.sparse.numbytes=1",
					  "GNU.sparse.size=99999999999999999999"};
	for (size_t i = 0; i < PM_ARRAY_SIZE(bad); i++) {
		_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
		tarball_pax(&b, 'x', bad[i], NULL);
		tarball_raw(&b, "f", '0', "", "xy", 2);
		refused(&b, "sparse");
	}
	static const char *const in_data[] = {"1\n0\n",      "x\n", "99999999\n",
					      "2\n0\n1\n\n", "\n",  "1234567890123456789012345\n"};
	for (size_t i = 0; i < PM_ARRAY_SIZE(in_data); i++) {
		_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
		char content[512] = "";
		memcpy(content, in_data[i], strlen(in_data[i]));
		tarball_pax(&b, 'x', "GNU.sparse.major=1", "GNU.sparse.minor=0",
			    "GNU.sparse.realsize=200", NULL);
		tarball_raw(&b, "f", '0', "", content, sizeof(content));
		refused(&b, "sparse map");
	}
}

TEST(malformed_archives_are_refused)
{
	_cleanup_buf_ struct pm_buf good = PM_BUF_INIT;
	tarball_file(&good, "f", "content");
	tarball_end(&good);

	for (size_t cut = 1; cut < 1024; cut++) {
		if (cut == 512 + 512)
			continue;
		struct pm_buf b = {.data = good.data, .len = cut};
		refused(&b, "ends too early");
	}

	struct pm_buf b = PM_BUF_INIT;
	pm_buf_add(&b, good.data, good.len);
	b.data[0] ^= 1;
	refused(&b, "wrong checksum at offset 512");
	pm_buf_free(&b);

	/* a single end block with something behind it */
	pm_buf_add(&b, good.data, 1024 + 512);
	pm_buf_add(&b, good.data, 512);
	refused(&b, "single end block");
	pm_buf_free(&b);

	tarball_raw(&b, "x", 'Q', "", "", 0);
	refused(&b, "unknown type");
	pm_buf_free(&b);

	tarball_raw(&b, "", '0', "", "", 0);
	refused(&b, "without a name");
	pm_buf_free(&b);

	tarball_pax(&b, 'x', "path=x", NULL);
	tarball_end(&b);
	refused(&b, "without its entry");
	pm_buf_free(&b);

	tarball_pax(&b, 'x', "path=x", NULL);
	refused(&b, "ends too early");
	pm_buf_free(&b);
}

TEST(malformed_pax_records_are_refused)
{
	static const struct {
		const char *records;
		size_t len;
	} bad[] = {
		{"9 path=x", 8},        {"8 path=x\n", 9},
		{"999 path=x\n", 11},   {"0 path=x\n", 9},
		{"-9 path=x\n", 10},    {"6 path\n", 7},
		{"7 =abc\n", 7},        {"9 size=x\n", 9},
		{"11 path=x\0y\n", 12}, {"99999999999999999999 a=b\n", 25},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(bad); i++) {
		_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
		tarball_raw(&b, "p", 'x', "", bad[i].records, bad[i].len);
		tarball_file(&b, "f", "");
		refused(&b, "pax record");
	}
	_cleanup_buf_ struct pm_buf nul = PM_BUF_INIT;
	tarball_raw(&nul, "p", 'x', "", "12 path=x\0y\n", 12);
	refused(&nul, "NUL");
}

TEST(bombs_in_metadata_are_refused)
{
	static const char types[] = "LKxg";
	for (size_t i = 0; i < 4; i++) {
		_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
		uint8_t h[PM_TAR_BLOCK] = "bomb";
		h[PM_TAR_AT_TYPE] = (uint8_t)types[i];
		memcpy(h + PM_TAR_AT_SIZE, "77777777777", 12);
		tarball_block(&b, h, NULL, 0);
		refused(&b, "more than 1 MiB");
	}
	/* numbers that do not fit */
	static const struct {
		size_t at;
		const char *value;
	} fields[] = {
		{PM_TAR_AT_SIZE, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"},
		{PM_TAR_AT_SIZE, "\x80\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"},
		{PM_TAR_AT_SIZE, "12x"},
		{PM_TAR_AT_UID, "\xff\xff\xff\xff"},
		{PM_TAR_AT_MODE, "9"},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(fields); i++) {
		_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
		uint8_t h[PM_TAR_BLOCK] = "bad";
		h[PM_TAR_AT_TYPE] = '0';
		memcpy(h + fields[i].at, fields[i].value, strlen(fields[i].value));
		tarball_block(&b, h, NULL, 0);
		refused(&b, "malformed number");
	}
}

TEST(trailing_bytes_after_the_end_are_passed_over)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	tarball_file(&b, "f", "x");
	tarball_end(&b);
	pm_buf_add(&b, "trailing junk", 13);
	char *text = reading(&b);
	CHECK(strstr(text, "end\n"));
	free(text);
}

TEST(missing_end_blocks_are_allowed)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	tarball_file(&b, "f", "x");
	char *text = reading(&b);
	CHECK(strstr(text, "0:x ."));
	CHECK(!strstr(text, "end\n"));
	free(text);
}
