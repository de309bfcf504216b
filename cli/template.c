#include "cli/template.h"

#include <string.h>

#include "cli/template_tree.h"

int pm_template_exec(const struct pm_template *t, const struct pm_json *data,
		     const struct pm_template_opts *opts, struct pm_buf *out, struct pm_err *err)
{
	return pm_template_walk(t, data, opts, NULL, out, err);
}

int pm_template_exec_headings(const struct pm_template *t, const char *const *pairs,
			      struct pm_buf *out, struct pm_err *err)
{
	static const char *const none[] = {NULL};
	return pm_template_walk(t, NULL, NULL, pairs ? pairs : none, out, err);
}

enum class { CLASS_LOWER, CLASS_UPPER, CLASS_DIGIT, CLASS_OTHER };

static enum class class_of(char c)
{
	if (c >= 'a' && c <= 'z')
		return CLASS_LOWER;
	if (c >= 'A' && c <= 'Z')
		return CLASS_UPPER;
	return c >= '0' && c <= '9' ? CLASS_DIGIT : CLASS_OTHER;
}

/* Words begin where the class of characters changes, but the last of several capitals goes with the
 * small letters behind it: "HTTPServer" is "HTTP Server". */
static bool word_begins(const char *field, size_t i)
{
	enum class before = class_of(field[i - 1]), here = class_of(field[i]);
	if (before == CLASS_UPPER && here == CLASS_LOWER)
		return false;
	if (before != here)
		return true;
	return here == CLASS_UPPER && class_of(field[i + 1]) == CLASS_LOWER;
}

char *pm_template_heading(const char *field)
{
	struct pm_buf b = PM_BUF_INIT;
	for (size_t i = 0; field[i]; i++) {
		if (i && word_begins(field, i))
			pm_buf_add_char(&b, ' ');
		pm_buf_add_char(&b, class_of(field[i]) == CLASS_LOWER ? (char)(field[i] - 0x20)
								       : field[i]);
	}
	return pm_buf_take(&b);
}

static bool listed(const char *const *list, const char *name)
{
	for (; list && *list; list++)
		if (strcmp(*list, name) == 0)
			return true;
	return false;
}

/* What the member called name is, when it is not what it looks like. */
static enum pm_json_hint hint_of(const struct pm_json *m, const char *name, const struct pm_template_types *t)
{
	const bool null = m->kind == PM_JSON_NULL;
	if ((null || m->kind == PM_JSON_OBJECT) && listed(t->maps, name))
		return PM_JSON_MAP;
	if (null && listed(t->lists, name))
		return PM_JSON_LIST;
	if (m->kind == PM_JSON_STRING && listed(t->times, name))
		return PM_JSON_TIME;
	return m->hint;
}

void pm_template_hint(struct pm_json *v, const struct pm_template_types *t)
{
	for (size_t i = 0; i < pm_json_len(v); i++) {
		if (v->kind == PM_JSON_ARRAY) {
			pm_template_hint(v->items[i], t);
			continue;
		}
		struct pm_json *m = v->members[i].value;
		if (v->hint != PM_JSON_MAP)
			m->hint = hint_of(m, v->members[i].name, t);
		pm_template_hint(m, t);
	}
}
