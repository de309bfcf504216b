#include "base/yaml.h"

#include <errno.h>
#include <string.h>
#include <yaml.h>

#include "base/mem.h"

enum { TEXT_MAX = 16 << 20, DEPTH_MAX = 100, VALUES_MAX = 100000 };

struct reader {
	yaml_parser_t parser;
	struct pm_json_pool *pool;
	unsigned int values;
};

static int fault(const struct reader *r, const char *what, struct pm_err *err)
{
	const yaml_parser_t *p = &r->parser;
	if (!what)
		what = p->problem ? p->problem : "malformed";
	return pm_fail(err, PM_E_FORMAT, "YAML line %zu: %s",
		       (p->problem ? p->problem_mark.line : p->mark.line) + 1, what);
}

static int next(struct reader *r, yaml_event_t *ev, struct pm_err *err)
{
	return yaml_parser_parse(&r->parser, ev) ? 0 : fault(r, NULL, err);
}

static bool is_one_of(const char *s, const char *const *words)
{
	for (; *words; words++) {
		if (strcmp(s, *words) == 0)
			return true;
	}
	return false;
}

/* A number that JSON can hold: -?digits[.digits][e[+-]digits], no leading zeros. */
static bool is_number(const char *s)
{
	if (*s == '-')
		s++;
	size_t n = strspn(s, "0123456789");
	if (!n || (n > 1 && *s == '0'))
		return false;
	s += n;
	if (*s == '.') {
		n = strspn(++s, "0123456789");
		if (!n)
			return false;
		s += n;
	}
	if (*s == 'e' || *s == 'E') {
		s++;
		if (*s == '+' || *s == '-')
			s++;
		n = strspn(s, "0123456789");
		if (!n)
			return false;
		s += n;
	}
	return !*s;
}

static struct pm_json *scalar(struct reader *r, const yaml_event_t *ev)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
	static const char *const yes[] = {"true", "True", "TRUE", NULL};
	static const char *const no[] = {"false", "False", "FALSE", NULL};
	const char *s = (const char *)ev->data.scalar.value;
	size_t len = ev->data.scalar.length;
	bool plain = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && !ev->data.scalar.tag;
	if (plain && is_one_of(s, nulls))
		return pm_json_null(r->pool);
	if (plain && (is_one_of(s, yes) || is_one_of(s, no)))
		return pm_json_bool(r->pool, is_one_of(s, yes));
	if (plain && is_number(s))
		return pm_json_number(r->pool, s, len);
	return pm_json_strn(r->pool, s, len);
}

static int value(struct reader *r, const yaml_event_t *ev, unsigned int depth,
		 struct pm_json **ret, struct pm_err *err);

static uint16_t line_of(const yaml_event_t *ev)
{
	return ev->start_mark.line < UINT16_MAX ? (uint16_t)(ev->start_mark.line + 1) : 0;
}

static int sequence(struct reader *r, unsigned int depth, struct pm_json **ret, struct pm_err *err)
{
	*ret = pm_json_array(r->pool);
	for (;;) {
		yaml_event_t ev;
		struct pm_json *item;
		int e = next(r, &ev, err);
		if (e < 0)
			return e;
		bool end = ev.type == YAML_SEQUENCE_END_EVENT;
		e = end ? 0 : value(r, &ev, depth + 1, &item, err);
		yaml_event_delete(&ev);
		if (e < 0 || end)
			return e;
		pm_json_add(r->pool, *ret, item);
	}
}

static int mapping(struct reader *r, unsigned int depth, struct pm_json **ret, struct pm_err *err)
{
	*ret = pm_json_object(r->pool);
	for (;;) {
		yaml_event_t ev;
		struct pm_json *v;
		int e = next(r, &ev, err);
		if (e < 0)
			return e;
		if (ev.type == YAML_MAPPING_END_EVENT) {
			yaml_event_delete(&ev);
			return 0;
		}
		const char *key = ev.type != YAML_SCALAR_EVENT ||
						  strlen((char *)ev.data.scalar.value) !=
							  ev.data.scalar.length
					  ? NULL
					  : pm_json_pool_strdup(r->pool, (char *)ev.data.scalar.value);
		uint16_t line = line_of(&ev);
		yaml_event_delete(&ev);
		if (!key)
			return fault(r, "a key that is not a scalar", err);
		if (pm_json_get(*ret, key))
			return fault(r, "a key is given twice", err);
		e = next(r, &ev, err);
		if (e < 0)
			return e;
		e = value(r, &ev, depth + 1, &v, err);
		yaml_event_delete(&ev);
		if (e < 0)
			return e;
		v->line = line;
		pm_json_append_member(r->pool, *ret, key, v);
	}
}

static int value(struct reader *r, const yaml_event_t *ev, unsigned int depth,
		 struct pm_json **ret, struct pm_err *err)
{
	int e = 0;
	if (depth > DEPTH_MAX)
		return fault(r, "nested too deeply", err);
	if (++r->values > VALUES_MAX)
		return fault(r, "too many values", err);
	if (ev->type == YAML_SCALAR_EVENT)
		*ret = scalar(r, ev);
	else if (ev->type == YAML_SEQUENCE_START_EVENT)
		e = sequence(r, depth, ret, err);
	else if (ev->type == YAML_MAPPING_START_EVENT)
		e = mapping(r, depth, ret, err);
	else
		e = fault(r, ev->type == YAML_ALIAS_EVENT ? "aliases are not supported" : "unexpected",
			  err);
	if (e >= 0)
		(*ret)->line = line_of(ev);
	return e;
}

/* Documents until the stream's end. */
static int documents(struct reader *r, struct pm_json *list, struct pm_err *err)
{
	for (;;) {
		yaml_event_t ev;
		struct pm_json *v;
		int e = next(r, &ev, err);
		if (e < 0)
			return e;
		yaml_event_type_t type = ev.type;
		bool marker = type == YAML_STREAM_START_EVENT || type == YAML_DOCUMENT_START_EVENT ||
			      type == YAML_DOCUMENT_END_EVENT || type == YAML_STREAM_END_EVENT;
		e = marker ? 0 : value(r, &ev, 0, &v, err);
		yaml_event_delete(&ev);
		if (e < 0 || type == YAML_STREAM_END_EVENT)
			return e;
		if (!marker)
			pm_json_add(r->pool, list, v);
	}
}

int pm_yaml_parse_all(struct pm_json_pool *pool, const char *text, size_t len,
		      struct pm_json **ret, struct pm_err *err)
{
	struct reader r = {.pool = pool};
	if (len > TEXT_MAX)
		return pm_fail(err, PM_E_FORMAT, "YAML: larger than %d bytes", TEXT_MAX);
	if (!yaml_parser_initialize(&r.parser))
		return pm_fail(err, ENOMEM, "YAML: out of memory");
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, len);
	struct pm_json *list = pm_json_array(pool);
	int e = documents(&r, list, err);
	yaml_parser_delete(&r.parser);
	if (e >= 0)
		*ret = list;
	return e;
}

int pm_yaml_parse(struct pm_json_pool *pool, const char *text, size_t len, struct pm_json **ret,
		  struct pm_err *err)
{
	struct pm_json *list;
	int e = pm_yaml_parse_all(pool, text, len, &list, err);
	if (e < 0)
		return e;
	if (list->len > 1)
		return pm_fail(err, PM_E_FORMAT, "YAML: more than one document");
	*ret = list->len ? list->items[0] : pm_json_null(pool);
	return 0;
}

const char *pm_yaml_text(const struct pm_json *v)
{
	if (pm_json_is(v, PM_JSON_STRING) || pm_json_is(v, PM_JSON_NUMBER))
		return v->string;
	return pm_json_is(v, PM_JSON_BOOL) ? (v->boolean ? "true" : "false") : NULL;
}
