/* A stream inflates to the same in pieces as whole, or is refused both ways; bounded by its size. */
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "storage/inflate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *data;
	size_t left, step;
	void *piece;
};

static ssize_t next_piece(void *arg, const void **ret, struct pm_err *err)
{
	struct input *in = arg;
	(void)err;
	size_t n = in->left < in->step ? in->left : in->step;
	free(in->piece);
	in->piece = pm_malloc(n);
	memcpy(in->piece, in->data, n);
	in->data += n;
	in->left -= n;
	*ret = in->piece;
	return (ssize_t)n;
}

static int inflate(const uint8_t *data, size_t size, size_t step, struct pm_buf *out)
{
	struct input in = {.data = data, .left = size, .step = step};
	const struct pm_inflate_opts opts = {.max_ratio = 1100, .ratio_floor = 1 << 20};
	struct pm_err err = PM_ERR_INIT;
	struct pm_inflate *z;
	int r = pm_inflate_new(next_piece, &in, &opts, &z, &err);
	if (r >= 0) {
		ssize_t n;
		while ((n = pm_inflate_read(z, pm_buf_reserve(out, 5000), 5000, &err)) > 0 &&
		       out->len < 8 << 20)
			out->len += (size_t)n;
		r = n < 0 ? -1 : 0;
		pm_inflate_free(z);
	}
	free(in.piece);
	return r < 0 ? -1 : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_buf_ struct pm_buf whole = PM_BUF_INIT, pieces = PM_BUF_INIT;
	int a = inflate(data, size, size ? size : 1, &whole);
	int b = inflate(data, size, 13, &pieces);
	if (a != b || (a == 0 && (whole.len != pieces.len ||
				  (whole.len && memcmp(whole.data, pieces.data, whole.len) != 0))))
		abort();
	return 0;
}
