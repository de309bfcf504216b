#include "cli/table.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"

struct cell {
	size_t start, len; /* in the text */
	size_t width;      /* columns of the terminal */
	size_t column;     /* width of its column, padding included; 0 for the last cell */
};

struct line {
	size_t first, n; /* its cells */
};

struct layout {
	struct cell *cells;
	size_t n_cells, cap_cells;
	struct line *lines;
	size_t n_lines, cap_lines;
};

static size_t width_of(const char *s, size_t len)
{
	size_t width = 0;
	for (size_t i = 0; i < len;) {
		uint32_t c;
		size_t n = pm_utf8_decode(s + i, len - i, &c);
		width += n ? (size_t)pm_utf8_width(c) : 1;
		i += n ? n : 1;
	}
	return width;
}

static void add_cell(struct layout *l, const char *text, size_t start, size_t end)
{
	if (l->n_cells == l->cap_cells) {
		l->cap_cells = l->cap_cells ? l->cap_cells * 2 : 64;
		l->cells = pm_reallocarray(l->cells, l->cap_cells, sizeof(*l->cells));
	}
	l->cells[l->n_cells++] =
		(struct cell){start, end - start, width_of(text + start, end - start), 0};
	l->lines[l->n_lines - 1].n++;
}

static void add_line(struct layout *l)
{
	if (l->n_lines == l->cap_lines) {
		l->cap_lines = l->cap_lines ? l->cap_lines * 2 : 16;
		l->lines = pm_reallocarray(l->lines, l->cap_lines, sizeof(*l->lines));
	}
	l->lines[l->n_lines++] = (struct line){l->n_cells, 0};
}

static void split(struct layout *l, const char *text, size_t len)
{
	size_t start = 0;
	add_line(l);
	for (size_t i = 0; i < len; i++) {
		if (text[i] != '\t' && text[i] != '\n')
			continue;
		add_cell(l, text, start, i);
		start = i + 1;
		if (text[i] == '\n')
			add_line(l);
	}
	add_cell(l, text, start, len);
}

/* Lines from first on which have a cell in the column that is not their last share its width. */
static void size_run(struct layout *l, size_t first, size_t column, size_t min_width,
		     size_t padding)
{
	size_t width = min_width, end = first;
	for (; end < l->n_lines && column + 1 < l->lines[end].n; end++) {
		size_t w = l->cells[l->lines[end].first + column].width + padding;
		if (w > width)
			width = w;
	}
	for (size_t i = first; i < end; i++)
		l->cells[l->lines[i].first + column].column = width;
}

static void size_columns(struct layout *l, size_t min_width, size_t padding)
{
	/* a run begins where the line before has no such column; it lies within one run of each
	 * column to the left of it */
	for (size_t i = 0; i < l->n_lines; i++)
		for (size_t c = i ? l->lines[i - 1].n - 1 : 0; c + 1 < l->lines[i].n; c++)
			size_run(l, i, c, min_width, padding);
}

void pm_table_align(const char *text, size_t len, size_t min_width, size_t padding,
		    struct pm_buf *out)
{
	struct layout l = {0};
	split(&l, text, len);
	size_columns(&l, min_width, padding);
	for (size_t i = 0; i < l.n_lines; i++) {
		if (i)
			pm_buf_add_char(out, '\n');
		for (size_t k = 0; k < l.lines[i].n; k++) {
			const struct cell *c = &l.cells[l.lines[i].first + k];
			pm_buf_add(out, text + c->start, c->len);
			if (c->column > c->width) {
				size_t n = c->column - c->width;
				memset(pm_buf_reserve(out, n), ' ', n);
				out->len += n;
				out->data[out->len] = '\0';
			}
		}
	}
	free(l.cells);
	free(l.lines);
}

static bool acts_on_terminal(uint32_t c)
{
	return (c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7f && c <= 0x9f) ||
	       (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

void pm_table_safe(const char *text, size_t len, struct pm_buf *out)
{
	for (size_t i = 0; i < len;) {
		uint32_t c;
		size_t n = pm_utf8_decode(text + i, len - i, &c);
		if (n == 0 || acts_on_terminal(c))
			pm_buf_add_char(out, '?');
		else
			pm_buf_add(out, text + i, n);
		i += n ? n : 1;
	}
}

void pm_table_print(const struct pm_buf *cells)
{
	_cleanup_buf_ struct pm_buf safe = PM_BUF_INIT, out = PM_BUF_INIT;
	if (isatty(STDOUT_FILENO) == 1)
		pm_table_safe(cells->data, cells->len, &safe);
	else
		pm_buf_add(&safe, cells->data, cells->len);
	pm_table_align(pm_buf_str(&safe), safe.len, PM_TABLE_MIN_WIDTH, PM_TABLE_PADDING, &out);
	fwrite(pm_buf_str(&out), 1, out.len, stdout);
}
