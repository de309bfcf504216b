#include "cli/progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/timefmt.h"
#include "cli/table.h"

#define REDRAW_NS (50 * 1000000)
#define MAX_LAYERS 10000

struct layer {
	char digest[80];
	enum pm_pull_layer_state state;
	uint64_t done, total;
	bool known; /* an event named it */
	bool shown; /* its final line was printed */
};

struct pm_progress {
	int fd;
	bool quiet, terminal;
	struct layer *layers;
	size_t n_layers;
	unsigned int drawn; /* lines of the block on the terminal */
	int64_t last_draw;
	struct pm_pull_progress events;
};

static void show(struct pm_progress *p, const struct pm_buf *b)
{
	/* progress is a courtesy: a terminal that has gone does not end the pull */
	if (b->len)
		pm_fs_write_all(p->fd, b->data, b->len, NULL);
}

static void window(const struct pm_progress *p, unsigned int *rows, unsigned int *cols)
{
	struct winsize ws = {0};
	*rows = 24;
	*cols = 80;
	if (ioctl(p->fd, TIOCGWINSZ, &ws) == 0 && ws.ws_row > 2 && ws.ws_col > 20) {
		*rows = ws.ws_row;
		*cols = ws.ws_col;
	}
}

static const char *short_digest(const char *digest, char ret[13])
{
	const char *hex = strchr(digest, ':');
	snprintf(ret, 13, "%s", hex ? hex + 1 : digest);
	return ret;
}

void pm_progress_line(const char *digest, enum pm_pull_layer_state state, uint64_t done,
		      uint64_t total, unsigned int width, struct pm_buf *out)
{
	char id[13], have[32], all[32];
	size_t start = out->len;
	pm_buf_printf(out, "Copying blob %s ", short_digest(digest, id));
	switch (state) {
	case PM_LAYER_WAITING:
		pm_buf_add_str(out, "waiting");
		break;
	case PM_LAYER_RETRYING:
		pm_buf_add_str(out, "retrying");
		break;
	case PM_LAYER_DONE:
		pm_buf_add_str(out, "done");
		break;
	case PM_LAYER_EXISTS:
		pm_buf_add_str(out, "skipped: already exists");
		break;
	case PM_LAYER_DOWNLOADING:
		pm_size_bytes((double)done, have);
		if (total == 0) {
			pm_buf_add_str(out, have);
			break;
		}
		pm_size_bytes((double)total, all);
		unsigned int used = (unsigned int)(out->len - start) + 6 +
				    (unsigned int)(strlen(have) + strlen(all));
		unsigned int bar = width > used + 10 ? width - used : 0;
		if (bar > 60)
			bar = 60;
		if (bar) {
			uint64_t part = done < total ? done : total;
			unsigned int full = (unsigned int)((double)part / (double)total * bar);
			pm_buf_add_char(out, '[');
			for (unsigned int i = 0; i < bar; i++)
				pm_buf_add_char(out, i + 1 < full || full == bar ? '='
						     : i + 1 == full		 ? '>'
										 : '-');
			pm_buf_add_str(out, "] ");
		}
		pm_buf_printf(out, "%s / %s", have, all);
		break;
	}
	if (out->len - start > width)
		pm_buf_cut(out, start + width);
}

/* Take the block off the terminal. */
static void erase(struct pm_progress *p, struct pm_buf *b)
{
	if (p->drawn)
		pm_buf_printf(b, "\033[%uA\033[J", p->drawn);
	p->drawn = 0;
}

static void draw(struct pm_progress *p, struct pm_buf *b)
{
	unsigned int rows, cols;
	window(p, &rows, &cols);
	for (size_t i = 0; i < p->n_layers && p->drawn + 2 < rows; i++) {
		const struct layer *l = &p->layers[i];
		if (!l->known || l->shown)
			continue;
		pm_progress_line(l->digest, l->state, l->done, l->total, cols - 1, b);
		pm_buf_add_char(b, '\n');
		p->drawn++;
	}
}

/* An ordinary line, above the block. */
static void line(struct pm_progress *p, const char *before, const char *text)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT, safe = PM_BUF_INIT;
	pm_table_safe(text, strlen(text), &safe);
	erase(p, &b);
	pm_buf_printf(&b, "%s%s\n", before, pm_buf_str(&safe));
	if (p->terminal)
		draw(p, &b);
	show(p, &b);
}

static void layer_event(struct pm_progress *p, const struct pm_pull_event *ev)
{
	if (ev->layer >= p->n_layers)
		return;
	struct layer *l = &p->layers[ev->layer];
	bool first = !l->known, changed = first || l->state != ev->state;
	bool finished = ev->state == PM_LAYER_DONE || ev->state == PM_LAYER_EXISTS;
	if (ev->digest)
		snprintf(l->digest, sizeof(l->digest), "%s", ev->digest);
	l->known = true;
	l->state = ev->state;
	l->done = ev->done;
	l->total = ev->total;

	if (!p->terminal) {
		if (!l->shown && ev->state != PM_LAYER_WAITING) {
			_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
			pm_buf_printf(&b, "Copying blob %s%s\n", l->digest,
				      ev->state == PM_LAYER_EXISTS ? " skipped: already exists"
								   : "");
			l->shown = true;
			show(p, &b);
		}
		return;
	}
	int64_t now = pm_time_now();
	if (!changed && now - p->last_draw < REDRAW_NS)
		return;
	p->last_draw = now;
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	erase(p, &b);
	if (finished && !l->shown) {
		unsigned int rows, cols;
		window(p, &rows, &cols);
		pm_progress_line(l->digest, l->state, l->done, l->total, cols - 1, &b);
		pm_buf_add_char(&b, '\n');
		l->shown = true;
	}
	draw(p, &b);
	show(p, &b);
}

static void event(void *arg, const struct pm_pull_event *ev)
{
	struct pm_progress *p = arg;
	if (p->quiet)
		return;
	switch (ev->kind) {
	case PM_PULL_TRYING: {
		_cleanup_free_ char *text = pm_asprintf("%s...", ev->text);
		line(p, "Trying to pull ", text);
		break;
	}
	case PM_PULL_SOURCE:
		pm_progress_clear(p);
		free(p->layers);
		p->n_layers = ev->layers < MAX_LAYERS ? ev->layers : MAX_LAYERS;
		p->layers = pm_calloc(p->n_layers + 1, sizeof(*p->layers));
		break;
	case PM_PULL_LAYER:
		layer_event(p, ev);
		break;
	case PM_PULL_CONFIG:
		if (ev->digest)
			line(p, "Copying config ", ev->digest);
		break;
	case PM_PULL_COMMIT:
		pm_progress_clear(p);
		line(p, "Writing manifest to image destination", "");
		break;
	case PM_PULL_RETRY:
		if (ev->text)
			line(p, "", ev->text);
		break;
	case PM_PULL_DONE:
		pm_progress_clear(p);
		break;
	}
}

struct pm_progress *pm_progress_new(int fd, bool quiet)
{
	struct pm_progress *p = PM_NEW(struct pm_progress);
	const char *term = getenv("TERM");
	p->fd = fd;
	p->quiet = quiet;
	p->terminal = isatty(fd) && term && strcmp(term, "dumb") != 0;
	p->events.event = event;
	p->events.arg = p;
	return p;
}

const struct pm_pull_progress *pm_progress_events(struct pm_progress *p)
{
	return &p->events;
}

void pm_progress_clear(struct pm_progress *p)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	erase(p, &b);
	show(p, &b);
	for (size_t i = 0; i < p->n_layers; i++)
		p->layers[i].shown = true;
}

void pm_progress_free(struct pm_progress *p)
{
	if (!p)
		return;
	pm_progress_clear(p);
	free(p->layers);
	free(p);
}
