#include "tests/unit/tarball.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/tar_meta.h"
#include "base/tar_write.h"
#include "tests/unit/test.h"

static int add(void *arg, const void *data, size_t len, struct pm_err *err)
{
	(void)err;
	pm_buf_add(arg, data, len);
	return 0;
}

static void pad(struct pm_buf *b)
{
	while (b->len % PM_TAR_BLOCK)
		pm_buf_add_char(b, '\0');
}

void tarball_block(struct pm_buf *b, uint8_t h[PM_TAR_BLOCK], const void *content, size_t len)
{
	unsigned int sum = 0;
	memset(h + PM_TAR_AT_CHECKSUM, ' ', 8);
	for (size_t i = 0; i < PM_TAR_BLOCK; i++)
		sum += h[i];
	snprintf((char *)h + PM_TAR_AT_CHECKSUM, 8, "%06o", sum);
	pm_buf_add(b, h, PM_TAR_BLOCK);
	pm_buf_add(b, content, len);
	pad(b);
}

void tarball_raw(struct pm_buf *b, const char *path, char type, const char *link,
		 const void *content, size_t len)
{
	uint8_t h[PM_TAR_BLOCK] = {0};
	memcpy(h, path, strnlen(path, 100));
	memcpy(h + PM_TAR_AT_LINK, link, strnlen(link, 100));
	snprintf((char *)h + PM_TAR_AT_MODE, 8, "%07o", type == '5' ? 0755U : 0644U);
	snprintf((char *)h + PM_TAR_AT_UID, 8, "%07o", 0U);
	snprintf((char *)h + PM_TAR_AT_GID, 8, "%07o", 0U);
	snprintf((char *)h + PM_TAR_AT_SIZE, 12, "%011zo", len);
	snprintf((char *)h + PM_TAR_AT_MTIME, 12, "%011o", 1000000000U);
	h[PM_TAR_AT_TYPE] = (uint8_t)type;
	memcpy(h + PM_TAR_AT_MAGIC, "ustar\00000", 8);
	tarball_block(b, h, content, len);
}

void tarball_pax(struct pm_buf *b, char type, ...)
{
	_cleanup_buf_ struct pm_buf records = PM_BUF_INIT;
	va_list ap;
	va_start(ap, type);
	const char *s;
	while ((s = va_arg(ap, const char *))) {
		size_t total = strlen(s) + 3;
		while (total != (size_t)snprintf(NULL, 0, "%zu %s\n", total, s))
			total = (size_t)snprintf(NULL, 0, "%zu %s\n", total, s);
		pm_buf_printf(&records, "%zu %s\n", total, s);
	}
	va_end(ap);
	tarball_raw(b, "PaxHeaders/x", type, "", records.data, records.len);
}

void tarball_entry(struct pm_buf *b, const struct pm_tar_entry *e, const void *content)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_tar_writer *w = pm_tar_writer_new(add, b);
	CHECK_OK(pm_tar_writer_entry(w, e, &err), err);
	CHECK_OK(pm_tar_writer_data(w, content, e->size, &err), err);
	pm_tar_writer_free(w);
}

static void simple(struct pm_buf *b, enum pm_tar_type type, const char *path, const char *link,
		   const char *content)
{
	struct pm_tar_entry e = {.type = type, .path = path, .link = link, .mtime = 1000000000};
	e.mode = type == PM_TAR_DIR ? 0755 : 0644;
	e.size = strlen(content);
	tarball_entry(b, &e, content);
}

void tarball_dir(struct pm_buf *b, const char *path)
{
	simple(b, PM_TAR_DIR, path, "", "");
}

void tarball_file(struct pm_buf *b, const char *path, const char *content)
{
	simple(b, PM_TAR_FILE, path, "", content);
}

void tarball_symlink(struct pm_buf *b, const char *path, const char *target)
{
	simple(b, PM_TAR_SYMLINK, path, target, "");
}

void tarball_hardlink(struct pm_buf *b, const char *path, const char *target)
{
	simple(b, PM_TAR_HARDLINK, path, target, "");
}

void tarball_end(struct pm_buf *b)
{
	static const uint8_t zeros[2 * PM_TAR_BLOCK];
	pm_buf_add(b, zeros, sizeof(zeros));
}
