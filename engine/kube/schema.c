#include "engine/kube/schema.h"

#include <stdio.h>
#include <string.h>

#include "base/yaml.h"
#include "engine/kube/quantity.h"

struct walk {
	struct pm_strv *warnings;
	struct pm_err *err;
	struct pm_buf path;
};

static const char *const kind_names[] = {
	[PM_KUBE_STRING] = "a string",
	[PM_KUBE_INT] = "an integer",
	[PM_KUBE_BOOL] = "true or false",
	[PM_KUBE_MODE] = "a mode, as 0644",
	[PM_KUBE_QUANTITY] = "a quantity",
	[PM_KUBE_INT_OR_STRING] = "an integer or a string",
	[PM_KUBE_OBJECT] = "an object",
	[PM_KUBE_LIST] = "a list of objects",
	[PM_KUBE_STRINGS] = "a list of strings",
	[PM_KUBE_INTS] = "a list of integers",
	[PM_KUBE_MAP] = "an object of strings",
	[PM_KUBE_QUANTITIES] = "an object of quantities",
	[PM_KUBE_ANY] = "anything",
};

static const char *const rule_names[] = {
	[PM_KUBE_HONOURED] = "honoured",
	[PM_KUBE_INFO] = "information",
	[PM_KUBE_WARNED] = "warning",
	[PM_KUBE_REFUSED] = "refused",
};

static char *place(const struct walk *w, const struct pm_json *v)
{
	return v->line ? pm_asprintf("line %u: %s", v->line, pm_buf_str(&w->path))
		       : pm_strdup(pm_buf_str(&w->path));
}

static int wrong(struct walk *w, const struct pm_json *v, const char *wanted)
{
	_cleanup_free_ char *at = place(w, v);
	return pm_fail(w->err, PM_E_FORMAT, "%s: must be %s", at, wanted);
}

static bool is_int(const struct pm_json *v)
{
	return pm_json_is(v, PM_JSON_NUMBER) && v->string[strspn(v->string, "-0123456789")] == '\0' &&
	       strlen(v->string) < 19;
}

static bool is_quantity(const struct pm_json *v)
{
	int64_t milli;
	const char *text = pm_json_is(v, PM_JSON_BOOL) ? NULL : pm_yaml_text(v);
	return text && pm_kube_quantity(text, &milli, NULL) >= 0;
}

/* Strings with a NUL in them are no strings to anybody behind. */
static bool is_string(const struct pm_json *v)
{
	return pm_json_is(v, PM_JSON_STRING) && strlen(v->string) == v->len;
}

/* YAML 1.1's octal numbers are strings for YAML 1.2's schema. */
static bool is_octal(const struct pm_json *v)
{
	if (!pm_json_is(v, PM_JSON_STRING) || v->string[0] != '0')
		return false;
	const char *digits = v->string + (v->string[1] == 'o' ? 2 : 1);
	return *digits && strlen(digits) < 8 && !digits[strspn(digits, "01234567")];
}

static bool is_kind(enum pm_kube_kind kind, const struct pm_json *v)
{
	switch (kind) {
	case PM_KUBE_STRING:
		return is_string(v);
	case PM_KUBE_INT:
		return is_int(v);
	case PM_KUBE_BOOL:
		return pm_json_is(v, PM_JSON_BOOL);
	case PM_KUBE_MODE:
		return is_int(v) || is_octal(v);
	case PM_KUBE_QUANTITY:
		return is_quantity(v);
	case PM_KUBE_INT_OR_STRING:
		return is_int(v) || is_string(v);
	case PM_KUBE_OBJECT:
	case PM_KUBE_MAP:
	case PM_KUBE_QUANTITIES:
		return pm_json_is(v, PM_JSON_OBJECT);
	case PM_KUBE_LIST:
	case PM_KUBE_STRINGS:
	case PM_KUBE_INTS:
		return pm_json_is(v, PM_JSON_ARRAY);
	case PM_KUBE_ANY:
		return true;
	}
	return false;
}

static bool item_is(enum pm_kube_kind list, const struct pm_json *v)
{
	return list == PM_KUBE_INTS	     ? is_int(v)
	       : list == PM_KUBE_QUANTITIES ? is_quantity(v)
					     : is_string(v);
}

static int check_object(struct walk *w, const struct pm_kube_type *t, const struct pm_json *v);

/* Lists and maps of scalars. */
static int check_items(struct walk *w, enum pm_kube_kind kind, const struct pm_json *v)
{
	const char *wanted = kind_names[kind];
	for (size_t i = 0; i < v->len; i++) {
		const struct pm_json *item = v->kind == PM_JSON_ARRAY ? v->items[i] : v->members[i].value;
		if (!item_is(kind, item))
			return wrong(w, item, wanted);
	}
	return 0;
}

static int check_list(struct walk *w, const struct pm_kube_type *t, const struct pm_json *v)
{
	size_t mark = w->path.len;
	for (size_t i = 0; i < v->len; i++) {
		pm_buf_printf(&w->path, "[%zu]", i);
		int r = pm_json_is(v->items[i], PM_JSON_OBJECT) ? check_object(w, t, v->items[i])
								 : wrong(w, v->items[i], "an object");
		if (r < 0)
			return r;
		pm_buf_cut(&w->path, mark);
	}
	return 0;
}

static bool value_in(const char *values, const char *text)
{
	size_t n = strlen(text);
	for (const char *p = values;; p++) {
		size_t k = strcspn(p, "|");
		if (k == n && strncmp(p, text, n) == 0)
			return true;
		p += k;
		if (!*p)
			return false;
	}
}

/* Null, [] and {} ask for nothing. */
static bool is_empty(const struct pm_json *v)
{
	return v->kind == PM_JSON_NULL ||
	       ((v->kind == PM_JSON_ARRAY || v->kind == PM_JSON_OBJECT) && v->len == 0);
}

/* A value that is none of those honoured. */
static int refuse(struct walk *w, const struct pm_kube_field *f, const struct pm_json *v)
{
	_cleanup_free_ char *at = place(w, v);
	const char *text = f->values ? pm_yaml_text(v) : NULL;
	_cleanup_free_ char *what = text ? pm_asprintf("\"%s\"", text) : pm_strdup("the field");
	if (f->rule == PM_KUBE_WARNED) {
		pm_strv_addf(w->warnings, "%s: %s has no effect: %s", at, what, f->note);
		return 0;
	}
	return pm_fail(w->err, PM_E_UNSUPPORTED, "%s: %s is not supported: %s", at, what, f->note);
}

static int check_field(struct walk *w, const struct pm_kube_field *f, const struct pm_json *v)
{
	if (is_empty(v) && f->kind != PM_KUBE_OBJECT)
		return 0;
	if (v->kind == PM_JSON_NULL)
		return 0;
	if (!is_kind(f->kind, v))
		return wrong(w, v, kind_names[f->kind]);
	if (f->rule == PM_KUBE_INFO)
		return 0;
	if (f->values) {
		const char *text = pm_yaml_text(v);
		if (text && value_in(f->values, text))
			return 0;
		if (f->rule != PM_KUBE_HONOURED)
			return refuse(w, f, v);
		_cleanup_free_ char *wanted = pm_asprintf("one of %s", f->values);
		return wrong(w, v, wanted);
	}
	if (f->rule != PM_KUBE_HONOURED)
		return is_empty(v) ? 0 : refuse(w, f, v);
	if (f->kind == PM_KUBE_OBJECT)
		return check_object(w, f->type, v);
	if (f->kind == PM_KUBE_LIST)
		return check_list(w, f->type, v);
	if (f->kind == PM_KUBE_STRINGS || f->kind == PM_KUBE_INTS || f->kind == PM_KUBE_MAP ||
	    f->kind == PM_KUBE_QUANTITIES)
		return check_items(w, f->kind, v);
	return 0;
}

static const struct pm_kube_field *find_field(const struct pm_kube_type *t, const char *name)
{
	for (const struct pm_kube_field *f = t->fields; f->name; f++)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}

static int check_object(struct walk *w, const struct pm_kube_type *t, const struct pm_json *v)
{
	size_t mark = w->path.len, given = 0;
	for (size_t i = 0; i < v->len; i++) {
		const struct pm_json_member *m = &v->members[i];
		const struct pm_kube_field *f = find_field(t, m->name);
		pm_buf_printf(&w->path, "%s%s", mark ? "." : "", m->name);
		if (!f) {
			_cleanup_free_ char *at = place(w, m->value);
			return pm_fail(w->err, PM_E_FORMAT, "%s: unknown field of %s", at, t->name);
		}
		int r = check_field(w, f, m->value);
		if (r < 0)
			return r;
		given += m->value->kind != PM_JSON_NULL && strcmp(m->name, "name") != 0;
		if (t->one_of && given > 1) {
			_cleanup_free_ char *at = place(w, m->value);
			return pm_fail(w->err, PM_E_FORMAT, "%s: only one source can be given", at);
		}
		pm_buf_cut(&w->path, mark);
	}
	return 0;
}

int pm_kube_check(const struct pm_kube_type *type, const struct pm_json *v, struct pm_strv *warnings,
		  struct pm_err *err)
{
	struct walk w = {.warnings = warnings, .err = err};
	int r = pm_json_is(v, PM_JSON_OBJECT) ? check_object(&w, type, v)
					      : pm_fail(err, PM_E_FORMAT, "%s: must be an object", type->name);
	pm_buf_free(&w.path);
	return r;
}

/* --- the document -------------------------------------------------------------------------------- */

static void document_type(struct pm_buf *out, const struct pm_kube_type *t, struct pm_strv *seen)
{
	if (pm_strv_has(seen, t->name))
		return;
	pm_strv_add(seen, t->name);
	pm_buf_printf(out, "\n### %s\n\n| Field | | Values and remarks |\n|---|---|---|\n", t->name);
	for (const struct pm_kube_field *f = t->fields; f->name; f++) {
		pm_buf_printf(out, "| %s | %s | ", f->name, rule_names[f->rule]);
		for (const char *p = f->values ? f->values : ""; *p; p++) {
			if (*p == '|')
				pm_buf_add_str(out, ", ");
			else
				pm_buf_add_char(out, *p);
		}
		if (f->values && f->rule != PM_KUBE_HONOURED)
			pm_buf_add_str(out, " honoured; others:");
		if (f->type)
			pm_buf_printf(out, "%s%s", f->values ? " " : "", f->type->name);
		if (f->note)
			pm_buf_printf(out, "%s%s", f->values || f->type ? " " : "", f->note);
		pm_buf_add_str(out, " |\n");
	}
	for (const struct pm_kube_field *f = t->fields; f->name; f++)
		if (f->type)
			document_type(out, f->type, seen);
}

void pm_kube_document(struct pm_buf *out)
{
	static const char *const kinds[] = {"Pod", "Deployment", "DaemonSet", "Job", "ConfigMap",
					    "Secret", "PersistentVolumeClaim"};
	_cleanup_strv_ struct pm_strv seen = PM_STRV_INIT;
	pm_buf_add_str(out,
		       "# Kubernetes YAML\n\n"
		       "What `pm kube play` does with each field. This page is made from the table that the "
		       "command itself\nchecks its input by (engine/kube/schema_table.c), with "
		       "`pm __kubernetes`; a test compares the two.\n\n"
		       "- honoured: acted on.\n"
		       "- information: says something about the object and asks for nothing.\n"
		       "- warning: has no meaning on a single host; the command goes on and says so.\n"
		       "- refused: the command ends with an error before anything is made.\n\n"
		       "A field that is not listed is an error that names its path and line. Documents of "
		       "other kinds are left\nout with a warning, but for NetworkPolicy and "
		       "PodSecurityPolicy, which are refused: without them a pod\nwould be open where it was "
		       "meant to be closed.\n");
	for (size_t i = 0; i < PM_ARRAY_SIZE(kinds); i++)
		document_type(out, pm_kube_type_of(kinds[i]), &seen);
}
