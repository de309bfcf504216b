#include "cli/format.h"

#include <string.h>
#include <strings.h>

#include "cli/table.h"

static const char *blanks(const char *s)
{
	return s + strspn(s, " \t\n\r\f\v");
}

bool pm_format_is_json(const char *format)
{
	if (!format)
		return false;
	/* "json", or {{json .}} with blanks anywhere and the dot not needed, alone: the whole, not row by row */
	const char *s = blanks(format);
	const bool action = pm_startswith(s, "{{");
	if (action)
		s = blanks(s + 2);
	if (strncasecmp(s, "json", 4) != 0)
		return false;
	s = blanks(s + 4);
	if (action) {
		s = blanks(*s == '.' ? s + 1 : s);
		if (!pm_startswith(s, "}}"))
			return false;
		s = blanks(s + 2);
	}
	return !*s;
}

bool pm_format_is_table(const char *format)
{
	return !format || !*format || strcmp(format, "table") == 0 ||
	       pm_startswith(format, "table ");
}

/* The end of a {{...}} at s; quotes may hold braces. */
static const char *action_end(const char *s)
{
	for (s += 2; *s; s++) {
		if (pm_startswith(s, "}}"))
			return s + 2;
		if (*s == '"' || *s == '\'' || *s == '`') {
			char quote = *s++;
			for (; *s && *s != quote; s++)
				if (*s == '\\' && quote != '`' && s[1])
					s++;
			if (!*s)
				break;
		}
	}
	return s;
}

/* \t and \n, outside of actions, to what they stand for; in a table also spaces to tabs. The result
 * ends with a newline. The caller frees. */
static char *normalize(const char *format, bool table)
{
	struct pm_buf b = PM_BUF_INIT;
	for (const char *s = format; *s;) {
		if (pm_startswith(s, "{{")) {
			const char *end = action_end(s);
			pm_buf_add(&b, s, (size_t)(end - s));
			s = end;
		} else if (s[0] == '\\' && (s[1] == 't' || s[1] == 'n')) {
			pm_buf_add_char(&b, s[1] == 't' ? '\t' : '\n');
			s += 2;
		} else {
			pm_buf_add_char(&b, table && *s == ' ' ? '\t' : *s);
			s++;
		}
	}
	if (b.len == 0 || b.data[b.len - 1] != '\n')
		pm_buf_add_char(&b, '\n');
	return pm_buf_take(&b);
}

static int parse(const struct pm_format *f, const char *format, struct pm_template **ret,
		 bool *ret_table, struct pm_err *err)
{
	*ret_table = pm_startswith(format, "table ");
	_cleanup_free_ char *text = normalize(*ret_table ? format + 6 : format, *ret_table);
	return pm_template_parse(text, f->name, ret, err);
}

static const char *effective_format(const struct pm_format *f)
{
	bool none = !f->format || !*f->format || strcmp(f->format, "table") == 0;
	return none ? f->table_default : f->format;
}

static struct pm_template_opts effective_opts(const struct pm_format *f)
{
	struct pm_template_opts o = f->opts;
	o.safe |= f->terminal;
	return o;
}

static void write_json(const struct pm_format *f, const struct pm_json *v, struct pm_buf *out)
{
	pm_json_write(v, f->json_indent ? f->json_indent : 4, out);
	pm_buf_add_char(out, '\n');
}

static int exec_rows(const struct pm_format *f, const struct pm_template *t, bool whole,
		     const struct pm_json *rows, struct pm_buf *out, struct pm_err *err)
{
	struct pm_template_opts opts = effective_opts(f);
	if (whole)
		return pm_template_exec(t, rows, &opts, out, err);
	for (size_t i = 0; i < pm_json_len(rows); i++) {
		int r = pm_template_exec(t, pm_json_at(rows, i), &opts, out, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int pm_format_list(const struct pm_format *f, const struct pm_json *rows, struct pm_buf *out,
		   struct pm_err *err)
{
	const char *format = effective_format(f);
	if (!format || pm_format_is_json(format)) {
		write_json(f, rows, out);
		return 0;
	}
	_cleanup_template_ struct pm_template *t = NULL;
	bool table;
	int r = parse(f, format, &t, &table, err);
	if (r < 0)
		return r;
	if (!table)
		return exec_rows(f, t, !f->each && pm_startswith(format, "{{range"), rows, out, err);

	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	if (!f->no_heading) {
		r = pm_template_exec_headings(t, f->headings, &text, err);
		if (r < 0)
			return r;
	}
	r = exec_rows(f, t, false, rows, &text, err);
	if (r < 0)
		return r;
	pm_table_align(pm_buf_str(&text), text.len, PM_TABLE_MIN_WIDTH, PM_TABLE_PADDING, out);
	return 0;
}

int pm_format_one(const struct pm_format *f, const struct pm_json *data, struct pm_buf *out,
		  struct pm_err *err)
{
	const char *format = effective_format(f);
	if (!format || pm_format_is_json(format)) {
		write_json(f, data, out);
		return 0;
	}
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *rows = pm_json_array(pool);
	pm_json_add(pool, rows, (struct pm_json *)data);
	if (pm_startswith(format, "table "))
		return pm_format_list(f, rows, out, err);

	_cleanup_template_ struct pm_template *t = NULL;
	struct pm_template_opts opts = effective_opts(f);
	bool table;
	int r = parse(f, format, &t, &table, err);
	return r < 0 ? r : pm_template_exec(t, data, &opts, out, err);
}
