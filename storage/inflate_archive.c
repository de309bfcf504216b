#include "storage/inflate_kind.h"

#include <archive.h>
#include <errno.h>

#include "base/mem.h"

struct foreign {
	struct archive *archive;
	struct pm_inflate *z;
	struct pm_err *err; /* of the call that is running */
	size_t lent;        /* bytes libarchive was handed */
	int failed;         /* the source's own error */
};

static la_ssize_t on_read(struct archive *a, void *arg, const void **ret)
{
	struct foreign *f = arg;
	const uint8_t *in;
	pm_inflate_used(f->z, f->lent);
	f->lent = 0;
	ssize_t n = pm_inflate_peek(f->z, &in, f->err);
	if (n < 0) {
		f->failed = (int)n;
		archive_set_error(a, EIO, "read");
		return -1;
	}
	f->lent = (size_t)n;
	*ret = in;
	return n;
}

static int fail(struct foreign *f, struct pm_err *err)
{
	if (f->failed)
		return f->failed; /* err is set */
	const char *text = archive_error_string(f->archive);
	return pm_fail(err, PM_E_FORMAT, "compressed data: %s", text ? text : "malformed");
}

static void foreign_free(void *state)
{
	struct foreign *f = state;
	archive_read_free(f->archive);
	free(f);
}

static void *foreign_new(struct pm_inflate *z, struct pm_err *err)
{
	struct foreign *f = PM_NEW(struct foreign);
	struct archive_entry *entry;
	f->archive = archive_read_new();
	f->z = z;
	f->err = err;
	if (!f->archive) {
		pm_fail(err, ENOMEM, "libarchive: out of memory");
		free(f);
		return NULL;
	}
	/* these three are decoded in the library; no program is executed */
	if (archive_read_support_filter_bzip2(f->archive) != ARCHIVE_OK ||
	    archive_read_support_filter_xz(f->archive) != ARCHIVE_OK ||
	    archive_read_support_filter_lzma(f->archive) != ARCHIVE_OK ||
	    archive_read_support_format_raw(f->archive) != ARCHIVE_OK ||
	    archive_read_open(f->archive, f, NULL, on_read, NULL) != ARCHIVE_OK ||
	    archive_read_next_header(f->archive, &entry) != ARCHIVE_OK) {
		fail(f, err);
		foreign_free(f);
		return NULL;
	}
	return f;
}

static ssize_t foreign_read(struct pm_inflate *z, void *state, void *buf, size_t size,
			    struct pm_err *err)
{
	struct foreign *f = state;
	f->err = err;
	la_ssize_t n = archive_read_data(f->archive, buf, size);
	if (n < 0)
		return fail(f, err);
	if (n > 0)
		return n;
	/* what libarchive did not ask for is part of the blob all the same */
	const uint8_t *in;
	ssize_t left;
	pm_inflate_used(z, f->lent);
	f->lent = 0;
	while ((left = pm_inflate_peek(z, &in, err)) > 0)
		pm_inflate_used(z, (size_t)left);
	return left;
}

const struct pm_inflate_kind pm_inflate_archive = {
	.new = foreign_new,
	.free = foreign_free,
	.read = foreign_read,
};
