#include <string.h>

#include "base/utf8.h"
#include "cli/template_tree.h"

#define MAX_PAD 1000000

__attribute__((format(printf, 2, 3))) static bool fail(struct pm_tcall *c, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(c->error, sizeof(c->error), fmt, ap);
	va_end(ap);
	return false;
}

static bool give_str(struct pm_tcall *c, const char *s, size_t len, const struct pm_json **ret)
{
	*ret = pm_json_strn(c->pool, s, len);
	return true;
}

static bool give_buf(struct pm_tcall *c, struct pm_buf *b, const struct pm_json **ret)
{
	return give_str(c, pm_buf_str(b), b->len, ret);
}

static bool want(struct pm_tcall *c, size_t i, enum pm_json_kind kind, const char *type)
{
	const struct pm_json *v = c->args[i];
	if (v->kind == kind)
		return true;
	c->type_error = true;
	c->type_arg = i;
	if (v->kind == PM_JSON_NULL)
		return fail(c, "invalid value; expected %s", type);
	return fail(c, "wrong type for value; expected %s; got %s", type,
		    pm_template_type(v, "struct"));
}

static bool want_int(struct pm_tcall *c, size_t i, int64_t *ret)
{
	if (!want(c, i, PM_JSON_NUMBER, "int"))
		return false;
	if (pm_json_as_int(c->args[i], ret, NULL) < 0) {
		c->type_error = true;
		c->type_arg = i;
	c->type_arg = i;
		return fail(c, "wrong type for value; expected int; got float64");
	}
	return true;
}

/* --- comparisons ------------------------------------------------------------------------- */

enum basic { BASIC_NONE, BASIC_BOOL, BASIC_INT, BASIC_FLOAT, BASIC_STRING };

static enum basic basic_kind(const struct pm_json *v)
{
	switch (v->kind) {
	case PM_JSON_BOOL:
		return BASIC_BOOL;
	case PM_JSON_NUMBER:
		return pm_template_is_float(v) ? BASIC_FLOAT : BASIC_INT;
	case PM_JSON_STRING:
		return BASIC_STRING;
	case PM_JSON_NULL:
	case PM_JSON_ARRAY:
	case PM_JSON_OBJECT:
		break;
	}
	return BASIC_NONE;
}

static int compare_ints(const char *a, const char *b)
{
	bool a_minus = *a == '-', b_minus = *b == '-';
	if (a_minus != b_minus)
		return strtod(a, NULL) == strtod(b, NULL) ? 0 : a_minus ? -1 : 1;
	a += a_minus;
	b += b_minus;
	int r = strlen(a) != strlen(b) ? (strlen(a) < strlen(b) ? -1 : 1) : strcmp(a, b);
	return a_minus ? -r : r;
}

static int compare_strings(const struct pm_json *a, const struct pm_json *b)
{
	int r = memcmp(a->string, b->string, a->len < b->len ? a->len : b->len);
	return r ? r : a->len < b->len ? -1 : a->len > b->len;
}

static bool equal(struct pm_tcall *c, const struct pm_json *a, const struct pm_json *b, bool *ret)
{
	enum basic ka = basic_kind(a), kb = basic_kind(b);
	*ret = false;
	/* null is nil, which differs from all else */
	if (a->kind == PM_JSON_NULL || b->kind == PM_JSON_NULL) {
		*ret = a->kind == b->kind;
		return true;
	}
	if (ka != kb)
		return fail(c, "incompatible types for comparison");
	switch (ka) {
	case BASIC_BOOL:
		*ret = a->boolean == b->boolean;
		break;
	case BASIC_INT:
		*ret = compare_ints(a->string, b->string) == 0;
		break;
	case BASIC_FLOAT:
		*ret = strtod(a->string, NULL) == strtod(b->string, NULL);
		break;
	case BASIC_STRING:
		*ret = compare_strings(a, b) == 0;
		break;
	case BASIC_NONE:
		if (a->kind == PM_JSON_ARRAY || b->kind == PM_JSON_ARRAY ||
		    a->hint == PM_JSON_MAP || b->hint == PM_JSON_MAP)
			return fail(c, "non-comparable types %s, %s",
				    pm_template_type(a, "struct"), pm_template_type(b, "struct"));
		*ret = pm_json_equal(a, b);
		break;
	}
	return true;
}

static bool f_eq(struct pm_tcall *c, const struct pm_json **ret)
{
	bool same = false;
	if (c->n < 2)
		return fail(c, "missing argument for comparison");
	for (size_t i = 1; i < c->n && !same; i++)
		if (!equal(c, c->args[0], c->args[i], &same))
			return false;
	*ret = pm_json_bool(c->pool, same);
	return true;
}

static bool f_ne(struct pm_tcall *c, const struct pm_json **ret)
{
	bool same;
	if (!equal(c, c->args[0], c->args[1], &same))
		return false;
	*ret = pm_json_bool(c->pool, !same);
	return true;
}

/* *order: below, at, or above 0. */
static bool order(struct pm_tcall *c, int *ret)
{
	const struct pm_json *a = c->args[0], *b = c->args[1];
	enum basic ka = basic_kind(a), kb = basic_kind(b);
	if (ka == BASIC_NONE || kb == BASIC_NONE)
		return fail(c, "invalid type for comparison");
	if (ka != kb)
		return fail(c, "incompatible types for comparison");
	if (ka == BASIC_BOOL)
		return fail(c, "invalid type for comparison");
	if (ka == BASIC_INT) {
		*ret = compare_ints(a->string, b->string);
	} else if (ka == BASIC_STRING) {
		*ret = compare_strings(a, b);
	} else {
		double x = strtod(a->string, NULL), y = strtod(b->string, NULL);
		*ret = x < y ? -1 : x > y;
	}
	return true;
}

static bool f_lt(struct pm_tcall *c, const struct pm_json **ret)
{
	int o;
	if (!order(c, &o))
		return false;
	*ret = pm_json_bool(c->pool, o < 0);
	return true;
}

static bool f_le(struct pm_tcall *c, const struct pm_json **ret)
{
	int o;
	if (!order(c, &o))
		return false;
	*ret = pm_json_bool(c->pool, o <= 0);
	return true;
}

static bool f_gt(struct pm_tcall *c, const struct pm_json **ret)
{
	int o;
	if (!order(c, &o))
		return false;
	*ret = pm_json_bool(c->pool, o > 0);
	return true;
}

static bool f_ge(struct pm_tcall *c, const struct pm_json **ret)
{
	int o;
	if (!order(c, &o))
		return false;
	*ret = pm_json_bool(c->pool, o >= 0);
	return true;
}

static bool f_not(struct pm_tcall *c, const struct pm_json **ret)
{
	*ret = pm_json_bool(c->pool, !pm_template_truth(c->args[0]));
	return true;
}

/* --- len, index, slice --------------------------------------------------------------------- */

static bool f_len(struct pm_tcall *c, const struct pm_json **ret)
{
	const struct pm_json *v = c->args[0];
	size_t n = v->len;
	if (v == &pm_t_no_value)
		return fail(c, "len of nil pointer");
	if (v->kind == PM_JSON_NULL)
		n = 0; /* most likely a nil slice or map */
	else if (v->kind == PM_JSON_BOOL || v->kind == PM_JSON_NUMBER ||
		 (v->kind == PM_JSON_OBJECT && v->hint != PM_JSON_MAP))
		return fail(c, "len of type %s", pm_template_type(v, "struct"));
	*ret = pm_json_uint(c->pool, n);
	return true;
}

static bool index_arg(struct pm_tcall *c, const struct pm_json *i, size_t max, size_t *ret)
{
	int64_t n;
	if (i->kind == PM_JSON_NULL)
		return fail(c, "cannot index slice/array with nil");
	if (pm_json_as_int(i, &n, NULL) < 0)
		return fail(c, "cannot index slice/array with type %s",
			    pm_template_type(i, "struct"));
	if (n < 0 || (uint64_t)n > max)
		return fail(c, "index out of range: %lld", (long long)n);
	*ret = (size_t)n;
	return true;
}

/* What Go gives for a key that is not there: the zero value of the map's type, judged by another
 * member's. */
static const struct pm_json *zero_value(struct pm_tcall *c, const struct pm_json *map)
{
	enum pm_json_kind kind = map->len ? map->members[0].value->kind : PM_JSON_STRING;
	switch (kind) {
	case PM_JSON_STRING:
		return pm_json_str(c->pool, "");
	case PM_JSON_NUMBER:
		return pm_json_int(c->pool, 0);
	case PM_JSON_BOOL:
		return pm_json_bool(c->pool, false);
	case PM_JSON_ARRAY:
		return pm_json_array(c->pool);
	case PM_JSON_NULL:
	case PM_JSON_OBJECT:
		break;
	}
	return pm_json_null(c->pool);
}

static bool index_map(struct pm_tcall *c, const struct pm_json *map, const struct pm_json *key,
		      const struct pm_json **ret)
{
	if (key->kind == PM_JSON_NULL)
		return fail(c, "value is nil; should be of type string");
	if (key->kind != PM_JSON_STRING)
		return fail(c, "value has type %s; should be string",
			    pm_template_type(key, "struct"));
	const struct pm_json *v =
		strlen(key->string) == key->len ? pm_json_get(map, key->string) : NULL;
	*ret = v ? v : zero_value(c, map);
	return true;
}

static bool f_index(struct pm_tcall *c, const struct pm_json **ret)
{
	const struct pm_json *item = c->args[0];
	if (item == &pm_t_no_value)
		return fail(c, "index of untyped nil");
	for (size_t k = 1; k < c->n; k++) {
		const struct pm_json *by = c->args[k];
		size_t i;
		if (item->kind == PM_JSON_ARRAY || item->kind == PM_JSON_STRING) {
			if (!index_arg(c, by, item->len, &i))
				return false;
			if (i == item->len)
				return fail(c, "index out of range: %zu", i);
			item = item->kind == PM_JSON_ARRAY
				       ? item->items[i]
				       : pm_json_int(c->pool, (unsigned char)item->string[i]);
		} else if (item->kind == PM_JSON_OBJECT && item->hint == PM_JSON_MAP) {
			if (!index_map(c, item, by, &item))
				return false;
		} else if (item->hint == PM_JSON_LIST) {
			return fail(c, "index out of range: %s", by->string ? by->string : "0");
		} else if (item->kind == PM_JSON_NULL && by->kind == PM_JSON_STRING) {
			item = pm_json_str(c->pool, ""); /* a nil map, of labels most likely */
		} else if (item->kind == PM_JSON_NULL) {
			return fail(c, "index of nil pointer");
		} else {
			return fail(c, "can't index item of type %s",
				    pm_template_type(item, "struct"));
		}
	}
	*ret = item;
	return true;
}

static bool f_slice(struct pm_tcall *c, const struct pm_json **ret)
{
	const struct pm_json *item = c->args[0];
	size_t n = c->n - 1, i[3] = {0, item->len, 0};
	if (item->kind == PM_JSON_NULL)
		return fail(c, "slice of untyped nil");
	if (n > 3)
		return fail(c, "too many slice indexes: %zu", n);
	if (item->kind == PM_JSON_STRING && n == 3)
		return fail(c, "cannot 3-index slice a string");
	if (item->kind != PM_JSON_STRING && item->kind != PM_JSON_ARRAY)
		return fail(c, "can't slice item of type %s", pm_template_type(item, "struct"));
	for (size_t k = 0; k < n; k++)
		if (!index_arg(c, c->args[k + 1], item->len, &i[k]))
			return false;
	if (i[0] > i[1])
		return fail(c, "invalid slice index: %zu > %zu", i[0], i[1]);
	if (n == 3 && i[1] > i[2])
		return fail(c, "invalid slice index: %zu > %zu", i[1], i[2]);
	if (item->kind == PM_JSON_STRING)
		return give_str(c, item->string + i[0], i[1] - i[0], ret);
	struct pm_json *a = pm_json_array(c->pool);
	for (size_t k = i[0]; k < i[1]; k++)
		pm_json_add(c->pool, a, item->items[k]);
	*ret = a;
	return true;
}

/* --- printing and escaping ----------------------------------------------------------------- */

static bool f_print(struct pm_tcall *c, const struct pm_json **ret)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	pm_template_print_all(c->args, c->n, false, &b);
	return give_buf(c, &b, ret);
}

static bool f_println(struct pm_tcall *c, const struct pm_json **ret)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	pm_template_print_all(c->args, c->n, true, &b);
	return give_buf(c, &b, ret);
}

static bool f_printf(struct pm_tcall *c, const struct pm_json **ret)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	if (!want(c, 0, PM_JSON_STRING, "string"))
		return false;
	pm_template_printf(c->args[0], c->args + 1, c->n - 1, &b);
	return give_buf(c, &b, ret);
}

static bool f_html(struct pm_tcall *c, const struct pm_json **ret)
{
	_cleanup_buf_ struct pm_buf in = PM_BUF_INIT, b = PM_BUF_INIT;
	pm_template_print_all(c->args, c->n, false, &in);
	for (size_t i = 0; i < in.len; i++) {
		char ch = in.data[i];
		const char *entity = ch == '"'	  ? "&#34;"
				     : ch == '\'' ? "&#39;"
				     : ch == '&'  ? "&amp;"
				     : ch == '<'  ? "&lt;"
				     : ch == '>'  ? "&gt;"
				     : ch == '\0' ? "\xef\xbf\xbd"
						  : NULL;
		if (entity)
			pm_buf_add_str(&b, entity);
		else
			pm_buf_add_char(&b, ch);
	}
	return give_buf(c, &b, ret);
}

static bool f_js(struct pm_tcall *c, const struct pm_json **ret)
{
	_cleanup_buf_ struct pm_buf in = PM_BUF_INIT, b = PM_BUF_INIT;
	pm_template_print_all(c->args, c->n, false, &in);
	for (size_t i = 0; i < in.len;) {
		uint32_t ch;
		size_t n = pm_utf8_decode(in.data + i, in.len - i, &ch);
		if (ch == '\\' || ch == '\'' || ch == '"')
			pm_buf_printf(&b, "\\%c", (int)ch);
		else if (ch < 0x20 || ch == '<' || ch == '>' || ch == '&' || ch == '=' ||
			 (ch >= 0x7f && ch < 0xa0) || ch == 0x2028 || ch == 0x2029)
			pm_buf_printf(&b, "\\u%04X", (unsigned int)ch);
		else
			pm_buf_add(&b, in.data + i, n ? n : 1);
		i += n ? n : 1;
	}
	return give_buf(c, &b, ret);
}

static bool f_urlquery(struct pm_tcall *c, const struct pm_json **ret)
{
	_cleanup_buf_ struct pm_buf in = PM_BUF_INIT, b = PM_BUF_INIT;
	pm_template_print_all(c->args, c->n, false, &in);
	for (size_t i = 0; i < in.len; i++) {
		unsigned char ch = (unsigned char)in.data[i];
		bool kept = (ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'z') ||
			    (ch >= 'A' && ch <= 'Z') || (ch && strchr("-_.~", ch));
		if (kept || ch == ' ')
			pm_buf_add_char(&b, kept ? (char)ch : '+');
		else
			pm_buf_printf(&b, "%%%02X", ch);
	}
	return give_buf(c, &b, ret);
}

/* --- Podman's -------------------------------------------------------------------------------- */

static bool f_json(struct pm_tcall *c, const struct pm_json **ret)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	pm_json_write(c->args[0], 0, &b);
	return give_buf(c, &b, ret);
}

static bool f_join(struct pm_tcall *c, const struct pm_json **ret)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	const struct pm_json *list = c->args[0];
	if (!want(c, 1, PM_JSON_STRING, "string"))
		return false;
	if (list->kind != PM_JSON_NULL && !want(c, 0, PM_JSON_ARRAY, "[]string"))
		return false;
	for (size_t i = 0; i < list->len; i++) {
		if (i)
			pm_buf_add(&b, c->args[1]->string, c->args[1]->len);
		pm_template_print(list->items[i], &b);
	}
	return give_buf(c, &b, ret);
}

static bool f_split(struct pm_tcall *c, const struct pm_json **ret)
{
	if (!want(c, 0, PM_JSON_STRING, "string") || !want(c, 1, PM_JSON_STRING, "string"))
		return false;
	const char *s = c->args[0]->string, *end = s + c->args[0]->len;
	size_t sep = c->args[1]->len;
	struct pm_json *a = pm_json_array(c->pool);
	while (sep == 0 && s < end) { /* into characters */
		uint32_t ch;
		size_t n = pm_utf8_decode(s, (size_t)(end - s), &ch);
		n = n ? n : 1;
		pm_json_add(c->pool, a, pm_json_strn(c->pool, s, n));
		s += n;
	}
	while (sep > 0) {
		const char *hit = memmem(s, (size_t)(end - s), c->args[1]->string, sep);
		const char *stop = hit ? hit : end;
		pm_json_add(c->pool, a, pm_json_strn(c->pool, s, (size_t)(stop - s)));
		if (!hit)
			break;
		s = hit + sep;
	}
	*ret = a;
	return true;
}

/* Simple case mapping of the scripts that have it in regular order. */
static uint32_t to_case(uint32_t c, bool upper)
{
	static const struct {
		uint32_t first, last; /* lower case */
		uint32_t distance;
	} ranges[] = {{'a', 'z', 0x20}, {0xe0, 0xf6, 0x20}, {0xf8, 0xfe, 0x20},
		      {0x3b1, 0x3c1, 0x20}, {0x3c3, 0x3cb, 0x20}, {0x430, 0x44f, 0x20},
		      {0x450, 0x45f, 0x50}, {0x561, 0x586, 0x30}};
	for (size_t i = 0; i < PM_ARRAY_SIZE(ranges); i++) {
		uint32_t d = ranges[i].distance;
		if (upper && c >= ranges[i].first && c <= ranges[i].last)
			return c - d;
		if (!upper && c >= ranges[i].first - d && c <= ranges[i].last - d)
			return c + d;
	}
	return c;
}

static bool is_word(uint32_t c)
{
	return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || (c >= 0x80 && c != 0x85 && c != 0xa0 && c != 0x3000);
}

enum mapping { MAP_LOWER, MAP_UPPER, MAP_TITLE };

static bool map_case(struct pm_tcall *c, enum mapping how, const struct pm_json **ret)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	if (!want(c, 0, PM_JSON_STRING, "string"))
		return false;
	const char *s = c->args[0]->string;
	bool in_word = false;
	for (size_t i = 0, len = c->args[0]->len; i < len;) {
		uint32_t ch;
		char bytes[4];
		size_t n = pm_utf8_decode(s + i, len - i, &ch);
		uint32_t mapped = how == MAP_TITLE && in_word ? ch : to_case(ch, how != MAP_LOWER);
		in_word = is_word(ch);
		if (mapped != ch)
			pm_buf_add(&b, bytes, pm_utf8_encode(mapped, bytes));
		else
			pm_buf_add(&b, s + i, n ? n : 1);
		i += n ? n : 1;
	}
	return give_buf(c, &b, ret);
}

static bool f_lower(struct pm_tcall *c, const struct pm_json **ret)
{
	return map_case(c, MAP_LOWER, ret);
}

static bool f_upper(struct pm_tcall *c, const struct pm_json **ret)
{
	return map_case(c, MAP_UPPER, ret);
}

static bool f_title(struct pm_tcall *c, const struct pm_json **ret)
{
	return map_case(c, MAP_TITLE, ret);
}

static bool f_truncate(struct pm_tcall *c, const struct pm_json **ret)
{
	int64_t n;
	if (!want(c, 0, PM_JSON_STRING, "string") || !want_int(c, 1, &n))
		return false;
	if (n < 0)
		return fail(c, "slice bounds out of range [:%lld]", (long long)n);
	size_t len = c->args[0]->len;
	if ((uint64_t)n < len) {
		len = (size_t)n;
		/* not within a character */
		while (len > 0 && ((unsigned char)c->args[0]->string[len] & 0xc0) == 0x80)
			len--;
	}
	return give_str(c, c->args[0]->string, len, ret);
}

static bool f_pad(struct pm_tcall *c, const struct pm_json **ret)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	int64_t n[2];
	if (!want(c, 0, PM_JSON_STRING, "string") || !want_int(c, 1, &n[0]) ||
	    !want_int(c, 2, &n[1]))
		return false;
	if (n[0] < 0 || n[1] < 0 || n[0] > MAX_PAD || n[1] > MAX_PAD)
		return fail(c, "count of spaces out of range");
	if (c->args[0]->len > 0) {
		for (; n[0] > 0; n[0]--)
			pm_buf_add_char(&b, ' ');
		pm_buf_add(&b, c->args[0]->string, c->args[0]->len);
		for (; n[1] > 0; n[1]--)
			pm_buf_add_char(&b, ' ');
	}
	return give_buf(c, &b, ret);
}

static const struct pm_tfunction functions[] = {
	{"and", 1, -1, NULL},      {"eq", 1, -1, f_eq},       {"ge", 2, 2, f_ge},
	{"gt", 2, 2, f_gt},        {"html", 0, -1, f_html},   {"index", 1, -1, f_index},
	{"join", 2, 2, f_join},    {"js", 0, -1, f_js},       {"json", 1, 1, f_json},
	{"le", 2, 2, f_le},        {"len", 1, 1, f_len},      {"lower", 1, 1, f_lower},
	{"lt", 2, 2, f_lt},        {"ne", 2, 2, f_ne},        {"not", 1, 1, f_not},
	{"or", 1, -1, NULL},       {"pad", 3, 3, f_pad},      {"print", 0, -1, f_print},
	{"printf", 1, -1, f_printf}, {"println", 0, -1, f_println}, {"slice", 1, -1, f_slice},
	{"split", 2, 2, f_split},  {"title", 1, 1, f_title},  {"truncate", 2, 2, f_truncate},
	{"upper", 1, 1, f_upper},  {"urlquery", 0, -1, f_urlquery},
};

const struct pm_tfunction *pm_template_function(const char *name)
{
	for (size_t i = 0; i < PM_ARRAY_SIZE(functions); i++)
		if (strcmp(functions[i].name, name) == 0)
			return &functions[i];
	return NULL;
}
