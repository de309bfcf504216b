/* The reader says the same whether an archive comes whole or in pieces, never reads past its input,
 * and what it hands out as content and as the rest is the archive again. */
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/tar.h"
#include "tests/fuzz/tar_checksums.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_raw(void *arg, const void *data, size_t len)
{
	pm_buf_add(arg, data, len);
}

/* A sum over all that was said, the events and the code at the end. */
static uint64_t read_in(const uint8_t *data, size_t size, size_t step, int *ret_code)
{
	_cleanup_buf_ struct pm_buf all = PM_BUF_INIT;
	struct pm_err err = PM_ERR_INIT;
	struct pm_tar_reader *t = pm_tar_reader_new(on_raw, &all);
	uint64_t sum = 0;
	int r = 0;
	for (size_t at = 0; at < size && r >= 0; at += step) {
		size_t n = size - at < step ? size - at : step;
		uint8_t *piece = pm_malloc(n);
		memcpy(piece, data + at, n);
		pm_tar_reader_input(t, piece, n);
		while ((r = pm_tar_reader_next(t, &err)) > PM_TAR_MORE) {
			const struct pm_tar_entry *e = pm_tar_reader_entry(t);
			size_t len;
			uint64_t offset;
			if (r == PM_TAR_ENTRY) {
				sum = sum * 31 + e->size + strlen(e->path) + e->mtime_ns;
				for (size_t i = 0; i < e->n_xattrs; i++)
					sum = sum * 31 + e->xattrs[i].len +
					      strlen(e->xattrs[i].name);
			} else if (r == PM_TAR_DATA) {
				const uint8_t *p = pm_tar_reader_data(t, &len, &offset);
				pm_buf_add(&all, p, len);
				for (size_t i = 0; i < len; i++)
					sum += (offset + i + 1) * p[i];
				if (offset + len > e->size)
					abort();
			}
		}
		free(piece);
	}
	if (r >= 0)
		r = pm_tar_reader_end(t, &err);
	if (r >= 0 && (all.len != size || (size && memcmp(all.data, data, size) != 0)))
		abort();
	pm_tar_reader_free(t);
	*ret_code = r;
	return sum;
}

static void check(const uint8_t *data, size_t size)
{
	int whole, pieces;
	uint64_t a = read_in(data, size, size ? size : 1, &whole);
	uint64_t b = read_in(data, size, 300, &pieces);
	if (whole != pieces || (whole >= 0 && a != b))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ uint8_t *fixed = tar_checksums(data, size);
	check(data, size);
	check(fixed, size);
	return 0;
}
