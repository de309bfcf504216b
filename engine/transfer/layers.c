#include "engine/transfer/layers.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "engine/image/pull.h"

enum {
	PARALLEL = 6,
	PROGRESS_MS = 100,
	RETRIES = 3,
	FEED_WAIT_MS = 250,
	FORGIVEN_AFTER = 1 << 20, /* bytes got since the last failure: count failures anew */
};

enum job_state {
	JOB_WAITING,
	JOB_FETCHING, /* a transfer runs */
	JOB_PAUSING,  /* before the next attempt */
	JOB_DRAINING, /* all is here, the pipe has not taken the rest */
	JOB_EXTRACTING,
	JOB_DONE,
};

struct job {
	struct batch *batch;
	struct pm_tx_layer *layer;
	size_t index;
	enum job_state state;
	struct pm_extract x;
	struct pm_http_xfer *xfer;
	struct pm_buf rest;   /* bytes that the pipe had no room for */
	size_t rest_at;
	int64_t received;     /* bytes of the blob accepted from the network */
	int64_t skip;         /* bytes to pass over: the server sends from the start again */
	int64_t attempt_from; /* received when the last attempt began */
	bool checked;         /* the reply's kind was looked at in this attempt */
	bool broken;          /* the extractor has gone */
	bool too_long;
	bool bad_range;
	unsigned int attempt;
	int64_t resume_at, told_at; /* monotonic ms */
};

struct batch {
	struct pm_session *s;
	struct pm_http *http;
	struct pm_client *client;
	const char *where;
	bool foreign;
	struct job *jobs;
	size_t n;
};

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static const char *label(const struct job *j)
{
	return j->layer->digest[0] ? j->layer->digest : j->layer->diff_id;
}

static int tell(struct job *j, enum pm_pull_layer_state state, struct pm_err *err)
{
	j->told_at = now_ms();
	return pm_session_send_progress(j->batch->s, j->index, j->received,
					j->layer->size > 0 ? j->layer->size : 0, (int)state, err);
}

/* --- feeding ------------------------------------------------------------------------------------- */

/*
 * Has the pipe room again, or is it better to look after the rest? A transfer that libcurl has paused
 * is taken up again only after a timeout, so a pause is for an extractor that is really behind (a
 * quarter of a second), not for each time that the pipe is full: on one disk the other
 * transfers would wait for it as well.
 */
static bool has_room(const struct job *j)
{
	struct pollfd p = {.fd = j->x.input, .events = POLLOUT};
	return poll(&p, 1, FEED_WAIT_MS) > 0;
}

/* Write what the pipe takes; returns the bytes written, -1 when the extractor has gone. */
static ssize_t feed(struct job *j, const void *data, size_t len)
{
	size_t at = 0;
	while (at < len) {
		ssize_t n = write(j->x.input, (const char *)data + at, len - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN && has_room(j))
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			j->broken = true;
			return -1;
		}
		at += (size_t)n;
	}
	return (ssize_t)at;
}

/* 1: nothing is left over, 0: the pipe is full, -1: the extractor has gone. */
static int flush_rest(struct job *j)
{
	if (j->rest_at == j->rest.len)
		return 1;
	ssize_t n = feed(j, j->rest.data + j->rest_at, j->rest.len - j->rest_at);
	if (n < 0)
		return -1;
	j->rest_at += (size_t)n;
	if (j->rest_at < j->rest.len)
		return 0;
	pm_buf_cut(&j->rest, 0);
	j->rest_at = 0;
	return 1;
}

static int on_body(void *arg, const void *data, size_t len)
{
	struct job *j = arg;
	if (!j->checked) {
		const struct pm_http_reply *reply = pm_http_reply_now(j->xfer);
		j->checked = true;
		j->skip = 0;
		if (reply->status == 200) {
			j->skip = j->received;
		} else if (pm_http_range_start(reply->content_range) != j->received) {
			j->bad_range = true;
			return -1;
		}
	}
	int r = flush_rest(j);
	if (r < 0)
		return -1;
	if (r == 0)
		return 1;
	if (j->skip > 0) {
		size_t n = (int64_t)len < j->skip ? len : (size_t)j->skip;
		j->skip -= (int64_t)n;
		data = (const char *)data + n;
		len -= n;
	}
	if (j->layer->size >= 0 && (int64_t)len > j->layer->size - j->received) {
		j->too_long = true;
		return -1;
	}
	ssize_t n = feed(j, data, len);
	if (n < 0)
		return -1;
	if ((size_t)n < len)
		pm_buf_add(&j->rest, (const char *)data + n, len - (size_t)n);
	j->received += (int64_t)len;
	return 0;
}

/* --- one job ------------------------------------------------------------------------------------- */

static int begin_attempt(struct job *j, struct pm_err *err)
{
	j->checked = false;
	j->attempt_from = j->received;
	j->state = JOB_FETCHING;
	return pm_client_blob_start(j->batch->client, j->layer->digest, j->received, on_body, j,
				    &j->xfer, err);
}

static int start(struct job *j, struct pm_err *err)
{
	struct pm_session *s = j->batch->s;
	struct pm_extract_spec spec = PM_EXTRACT_SPEC_INIT;
	bool local = j->layer->fd >= 0 || j->layer->open;
	_cleanup_close_ int stream = -1;
	if (j->layer->open) {
		stream = j->layer->open(j->layer->open_arg, err);
		if (stream < 0)
			return stream;
		spec.input = stream;
	} else if (local) {
		spec.input = j->layer->fd;
		spec.input_offset = j->layer->offset;
		spec.input_size = j->layer->size;
	}
	spec.directory = j->layer->dir;
	spec.recipe = j->layer->recipe;
	spec.userns = s->userns;
	spec.single_id = s->single_id;
	spec.foreign = j->batch->foreign;
	spec.whiteouts = (enum pm_whiteout_form)s->whiteouts;
	/* of a stream that is made here only the content is known */
	spec.blob_digest = stream < 0 && j->layer->digest[0] ? j->layer->digest : NULL;
	spec.blob_size = stream < 0 ? j->layer->size : -1;
	spec.diff_id = j->layer->diff_id;
	spec.cipher = j->layer->cipher;
	int r = pm_extract_spawn(&spec, &j->x, err);
	if (r < 0)
		return pm_wrap(err, "layer %s", label(j));
	r = tell(j, PM_LAYER_DOWNLOADING, err);
	if (r < 0)
		return r;
	if (local) {
		j->state = JOB_EXTRACTING;
		return 0;
	}
	int flags = fcntl(j->x.input, F_GETFL);
	if (flags < 0 || fcntl(j->x.input, F_SETFL, flags | O_NONBLOCK) < 0)
		return pm_fail_sys(err, "layer %s: fcntl", label(j));
	return begin_attempt(j, err);
}

/* The report is there: collect it. */
static int extracted(struct job *j, struct pm_err *err)
{
	struct pm_extract_result res;
	int r = pm_extract_finish(&j->x, &res, err);
	if (r >= 0 && j->broken)
		r = pm_fail(err, PM_E_INTERNAL, "the extractor ended early");
	if (r < 0)
		return pm_wrap(err, "layer %s from %s", label(j), j->batch->where);
	j->state = JOB_DONE;
	j->received = res.blob_size;
	r = tell(j, PM_LAYER_DONE, err);
	if (r >= 0)
		r = pm_session_send_layer(j->batch->s, j->index, res.diff_id,
					  j->layer->digest[0] ? j->layer->digest : res.blob_digest,
					  j->layer->open ? j->layer->size : res.blob_size,
					  res.stream_size, err);
	return r;
}

static int pause_job(struct job *j, unsigned int ms, const struct pm_err *why, struct pm_err *err)
{
	char text[1200];
	snprintf(text, sizeof(text), "%.1000s; retrying in %u.%u s", why->text, ms / 1000,
		 ms % 1000 / 100);
	j->state = JOB_PAUSING;
	j->resume_at = now_ms() + ms;
	int r = tell(j, PM_LAYER_RETRYING, err);
	return r < 0 ? r : pm_session_send_text(j->batch->s, "retry", text, err);
}

static int transfer_ended(struct job *j, struct pm_err *err)
{
	struct pm_http_xfer *x = j->xfer;
	struct pm_err why = PM_ERR_INIT;
	unsigned int ms = 0;
	if (j->received - j->attempt_from >= FORGIVEN_AFTER)
		j->attempt = 0;
	enum pm_verdict v;
	if (j->broken || j->too_long || j->bad_range) {
		v = PM_VERDICT_FATAL;
		if (j->too_long)
			pm_fail(&why, PM_E_DIGEST, "blob %s from %s is longer than the %lld bytes "
						   "of its manifest",
				label(j), j->batch->where, (long long)j->layer->size);
		else if (j->bad_range)
			pm_fail(&why, PM_E_REMOTE, "blob %s from %s: the registry answers a "
						   "request for a part with another part",
				label(j), j->batch->where);
	} else {
		v = pm_client_blob_verdict(j->batch->client, x, label(j), j->attempt, &ms, &why);
		if (v == PM_VERDICT_GOOD && j->received < j->layer->size) {
			pm_fail(&why, PM_E_DIGEST,
				"blob %s from %s ended after %lld of %lld bytes", label(j),
				j->batch->where, (long long)j->received,
				(long long)j->layer->size);
			v = j->attempt < RETRIES ? PM_VERDICT_RETRY : PM_VERDICT_FATAL;
		}
	}
	pm_http_free_xfer(x);
	j->xfer = NULL;
	switch (v) {
	case PM_VERDICT_GOOD:
		j->state = JOB_DRAINING;
		return 0;
	case PM_VERDICT_REAUTH:
		j->attempt++;
		return begin_attempt(j, err);
	case PM_VERDICT_RETRY:
		j->attempt++;
		return pause_job(j, ms, &why, err);
	case PM_VERDICT_FATAL:
	default:
		if (j->broken)
			return extracted(j, err);
		if (err)
			*err = why;
		return -why.code;
	}
}

/* Move j on as far as it goes without waiting. fd events were looked at by the caller. */
static int advance(struct job *j, struct pm_err *err)
{
	int r = 0;
	if (j->state == JOB_FETCHING && j->xfer) {
		if (pm_http_done(j->xfer))
			r = transfer_ended(j, err);
		else if (now_ms() - j->told_at >= PROGRESS_MS)
			r = tell(j, PM_LAYER_DOWNLOADING, err);
	}
	if (r >= 0 && j->state == JOB_PAUSING && now_ms() >= j->resume_at)
		r = begin_attempt(j, err);
	if (r >= 0 && j->state == JOB_DRAINING) {
		int f = flush_rest(j);
		if (f < 0)
			return extracted(j, err);
		if (f == 1) {
			pm_extract_end_input(&j->x);
			j->state = JOB_EXTRACTING;
		}
	}
	return r;
}

static void job_free(struct job *j)
{
	pm_http_free_xfer(j->xfer);
	if (j->x.pid > 0)
		pm_extract_cancel(&j->x);
	pm_buf_free(&j->rest);
}

/* --- all jobs ------------------------------------------------------------------------------------ */

static bool active(const struct job *j)
{
	return j->state != JOB_WAITING && j->state != JOB_DONE;
}

/* Wait for the network, the pipes, the extractors and pm. */
static int wait_all(struct batch *b, struct pm_err *err)
{
	struct pollfd fds[1 + 2 * PARALLEL];
	struct job *who[1 + 2 * PARALLEL];
	unsigned int n = 0;
	int timeout = PROGRESS_MS;
	fds[n++] = (struct pollfd){.fd = b->s->sock, .events = POLLIN};
	for (size_t i = 0; i < b->n; i++) {
		struct job *j = &b->jobs[i];
		if (!active(j))
			continue;
		if (j->state == JOB_PAUSING) {
			int64_t left = j->resume_at - now_ms();
			timeout = left < 0 ? 0 : left < timeout ? (int)left : timeout;
		}
		who[n] = j;
		fds[n++] = (struct pollfd){.fd = j->x.report, .events = POLLIN};
		if (j->rest_at < j->rest.len) {
			who[n] = j;
			fds[n++] = (struct pollfd){.fd = j->x.input, .events = POLLOUT};
		}
	}
	int r = pm_http_step(b->http, fds, n, timeout, err);
	if (r < 0)
		return r;
	if (fds[0].revents)
		return pm_fail(err, PM_E_CANCELLED, "pm is gone");
	for (unsigned int i = 1; i < n; i++) {
		struct job *j = who[i];
		if (!fds[i].revents || j->state == JOB_DONE)
			continue;
		if (fds[i].events == POLLOUT) {
			if (flush_rest(j) == 1 && j->xfer)
				pm_http_resume(j->xfer);
			continue;
		}
		/* A report before the input's end is a failure, but for what trails a finished archive. */
		if (j->state != JOB_EXTRACTING)
			j->broken = true;
		r = extracted(j, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int run(struct batch *b, struct pm_err *err)
{
	for (;;) {
		size_t running = 0, left = 0;
		for (size_t i = 0; i < b->n; i++) {
			running += active(&b->jobs[i]);
			left += b->jobs[i].state != JOB_DONE;
		}
		if (!left)
			return 0;
		for (size_t i = 0; i < b->n && running < PARALLEL; i++) {
			if (b->jobs[i].state != JOB_WAITING)
				continue;
			int r = start(&b->jobs[i], err);
			if (r < 0)
				return r;
			running++;
		}
		int r = wait_all(b, err);
		for (size_t i = 0; r >= 0 && i < b->n; i++)
			r = advance(&b->jobs[i], err);
		if (r < 0)
			return r;
	}
}

int pm_layers_fetch(struct pm_session *s, struct pm_tx_image *i, struct pm_http *http,
		    struct pm_client *client, const char *where, bool foreign, struct pm_err *err)
{
	struct batch b = {.s = s, .http = http, .client = client, .where = where, .foreign = foreign};
	b.jobs = pm_calloc(i->n_layers, sizeof(*b.jobs));
	for (size_t k = 0; k < i->n_layers; k++) {
		if (i->layers[k].dir < 0)
			continue;
		b.jobs[b.n++] = (struct job){
			.batch = &b,
			.layer = &i->layers[k],
			.index = k,
			.x = PM_EXTRACT_INIT,
		};
	}
	int r = run(&b, err);
	for (size_t k = 0; k < b.n; k++)
		job_free(&b.jobs[k]);
	free(b.jobs);
	return r;
}

int pm_layers_import(struct pm_session *s, int input, struct pm_extract_spec *spec,
		     struct pm_extract_result *ret, struct pm_err *err)
{
	struct pm_extract x = PM_EXTRACT_INIT;
	spec->input = input;
	spec->directory = s->dir;
	spec->recipe = s->recipe;
	spec->userns = s->userns;
	spec->single_id = s->single_id;
	spec->whiteouts = (enum pm_whiteout_form)s->whiteouts;
	int r = pm_extract_spawn(spec, &x, err);
	if (r < 0)
		return r;
	struct pollfd fds[2] = {{.fd = s->sock, .events = POLLIN}, {.fd = x.report, .events = POLLIN}};
	while (!fds[1].revents) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			fds[0].revents = POLLERR;
		if (fds[0].revents) {
			pm_extract_cancel(&x);
			return pm_fail(err, PM_E_CANCELLED, "pm is gone");
		}
	}
	return pm_extract_finish(&x, ret, err);
}
