#include "engine/transfer/remote_blob.h"

#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "registry/digest.h"

enum {
	READ_SIZE = 32 << 10, /* libcurl takes up to 100 times this at once, and all of it is kept here */
	FORGIVEN_AFTER = 1 << 20, /* bytes got since the last failure: count failures anew */
};

struct pm_remote_blob {
	struct pm_client *c;
	struct pm_http *http;
	char digest[PM_DIGEST_SIZE];
	int64_t size;
	struct pm_http_xfer *xfer;
	struct pm_buf ahead;
	size_t ahead_at;
	int64_t received;     /* bytes accepted */
	int64_t skip;         /* bytes to pass over: the server sends from the start again */
	int64_t attempt_from;
	unsigned int attempt;
	bool checked, too_long, bad_range;
};

struct pm_remote_blob *pm_remote_blob_new(struct pm_client *c, const struct pm_descriptor *d)
{
	struct pm_remote_blob *b = PM_NEW(struct pm_remote_blob);
	b->c = c;
	b->http = pm_client_http(c);
	pm_http_read_size(b->http, READ_SIZE);
	b->size = d->size;
	memcpy(b->digest, d->digest, PM_DIGEST_SIZE);
	return b;
}

void pm_remote_blob_free(struct pm_remote_blob *b)
{
	if (!b)
		return;
	pm_http_free_xfer(b->xfer);
	pm_buf_free(&b->ahead);
	free(b);
}

static int on_body(void *arg, const void *data, size_t len)
{
	struct pm_remote_blob *b = arg;
	if (!b->checked) {
		const struct pm_http_reply *reply = pm_http_reply_now(b->xfer);
		b->checked = true;
		b->skip = reply->status == 200 ? b->received : 0;
		if (reply->status != 200 && pm_http_range_start(reply->content_range) != b->received) {
			b->bad_range = true;
			return -1;
		}
	}
	if (b->skip > 0) {
		size_t n = (int64_t)len < b->skip ? len : (size_t)b->skip;
		b->skip -= (int64_t)n;
		data = (const char *)data + n;
		len -= n;
	}
	if ((int64_t)len > b->size - b->received) {
		b->too_long = true;
		return -1;
	}
	if (b->ahead_at == b->ahead.len) {
		pm_buf_cut(&b->ahead, 0);
		b->ahead_at = 0;
	}
	pm_buf_add(&b->ahead, data, len);
	b->received += (int64_t)len;
	return 0;
}

static int begin(struct pm_remote_blob *b, struct pm_err *err)
{
	b->checked = false;
	b->attempt_from = b->received;
	return pm_client_blob_start(b->c, b->digest, b->received, on_body, b, &b->xfer, err);
}

static int pause_for(struct pm_remote_blob *b, unsigned int ms, struct pm_err *err)
{
	struct timespec now, start;
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (;;) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		int64_t left = (int64_t)ms - ((now.tv_sec - start.tv_sec) * 1000 +
					      (now.tv_nsec - start.tv_nsec) / 1000000);
		if (left <= 0)
			return 0;
		int r = pm_http_step(b->http, NULL, 0, left > 1000 ? 1000 : (int)left, err);
		if (r < 0)
			return r;
	}
}

/* The transfer is over: is the blob there, or what is to be done? 1: all is there. */
static int ended(struct pm_remote_blob *b, struct pm_err *err)
{
	struct pm_err why = PM_ERR_INIT;
	const char *where = pm_client_where(b->c);
	unsigned int ms = 0;
	if (b->received - b->attempt_from >= FORGIVEN_AFTER)
		b->attempt = 0;
	enum pm_verdict v = PM_VERDICT_FATAL;
	if (b->too_long) {
		pm_fail(&why, PM_E_DIGEST, "blob %s from %s is longer than the %lld bytes of its manifest",
			b->digest, where, (long long)b->size);
	} else if (b->bad_range) {
		pm_fail(&why, PM_E_REMOTE, "blob %s from %s: the registry answers a request for a part "
					   "with another part",
			b->digest, where);
	} else {
		v = pm_client_blob_verdict(b->c, b->xfer, b->digest, b->attempt, &ms, &why);
		if (v == PM_VERDICT_GOOD && b->received < b->size) {
			pm_fail(&why, PM_E_DIGEST, "blob %s from %s ended after %lld of %lld bytes",
				b->digest, where, (long long)b->received, (long long)b->size);
			v = pm_client_may_retry(b->c, b->attempt) ? PM_VERDICT_RETRY : PM_VERDICT_FATAL;
		}
	}
	pm_http_free_xfer(b->xfer);
	b->xfer = NULL;
	b->attempt++;
	int r = 0;
	switch (v) {
	case PM_VERDICT_GOOD:
		return 1;
	case PM_VERDICT_RETRY:
		pm_client_tell_retry(b->c, ms, &why);
		r = pause_for(b, ms, err);
		break;
	case PM_VERDICT_REAUTH:
		break;
	case PM_VERDICT_FATAL:
	default:
		if (err)
			*err = why;
		return -why.code;
	}
	return r < 0 ? r : begin(b, err);
}

static ssize_t remote_read(void *arg, void *buf, size_t len, struct pm_err *err)
{
	struct pm_remote_blob *b = arg;
	int r = 0;
	while (b->ahead_at == b->ahead.len) {
		if (b->received == b->size && !b->xfer)
			return 0;
		if (!b->xfer) {
			r = begin(b, err);
		} else if (pm_http_done(b->xfer)) {
			r = ended(b, err);
			if (r == 1)
				return 0;
		} else {
			/* Nothing arrives but in here, so nothing needs to be paused (which libcurl is
			 * slow to take up again). */
			r = pm_http_step(b->http, NULL, 0, 1000, err);
		}
		if (r < 0)
			return r;
	}
	size_t n = b->ahead.len - b->ahead_at;
	if (n > len)
		n = len;
	memcpy(buf, b->ahead.data + b->ahead_at, n);
	b->ahead_at += n;
	return (ssize_t)n;
}

static int remote_rewind(void *arg, int64_t offset, struct pm_err *err)
{
	struct pm_remote_blob *b = arg;
	(void)err;
	pm_http_free_xfer(b->xfer);
	b->xfer = NULL;
	pm_buf_cut(&b->ahead, 0);
	b->ahead_at = 0;
	b->received = offset;
	b->attempt = 0;
	return 0;
}

struct pm_stream pm_remote_blob_stream(struct pm_remote_blob *b)
{
	return (struct pm_stream){remote_read, remote_rewind, b};
}
