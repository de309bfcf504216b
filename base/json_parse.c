#include "base/json.h"

#include <string.h>
#include <yajl/yajl_parse.h>

#include "base/utf8.h"

#define MAX_DEPTH 100
/* yajl doubles its buffers without a check for overflow; far below that nothing can go wrong */
#define MAX_TEXT (256u << 20)

struct parser {
	struct pm_json_pool *pool;
	struct pm_json *open[MAX_DEPTH]; /* the arrays and objects being filled, outermost first */
	size_t depth;
	struct pm_json *root;
	char reason[200]; /* why a callback stopped the parse; "" when yajl did */
};

static int add_value(struct parser *p, struct pm_json *v)
{
	if (p->depth == 0) {
		p->root = v;
		return 1;
	}
	struct pm_json *parent = p->open[p->depth - 1];
	if (parent->kind == PM_JSON_ARRAY)
		pm_json_add(p->pool, parent, v);
	else
		parent->members[parent->len - 1].value = v;
	return 1;
}

static int open_value(struct parser *p, struct pm_json *v)
{
	if (p->depth == MAX_DEPTH) {
		snprintf(p->reason, sizeof(p->reason), "nested deeper than %d", MAX_DEPTH);
		return 0;
	}
	add_value(p, v);
	p->open[p->depth++] = v;
	return 1;
}

static int on_null(void *ctx)
{
	struct parser *p = ctx;
	return add_value(p, pm_json_null(p->pool));
}

static int on_boolean(void *ctx, int b)
{
	struct parser *p = ctx;
	return add_value(p, pm_json_bool(p->pool, b));
}

static int on_number(void *ctx, const char *text, size_t len)
{
	struct parser *p = ctx;
	return add_value(p, pm_json_number(p->pool, text, len));
}

/* yajl writes a lone low surrogate (\udc00) as three bytes that are not UTF-8. The document itself
 * was checked, so these are the only bad bytes there can be; U+FFFD has three as well. */
static void mend_surrogates(char *s, size_t len)
{
	for (size_t bad; !pm_utf8_valid(s, len, &bad);) {
		if (len - bad >= 3) {
			pm_utf8_encode(0xfffd, s + bad);
			bad += 3;
		} else {
			memset(s + bad, '?', len - bad);
			bad = len;
		}
		s += bad;
		len -= bad;
	}
}

static int on_string(void *ctx, const unsigned char *text, size_t len)
{
	struct parser *p = ctx;
	struct pm_json *v = pm_json_strn(p->pool, (const char *)text, len);
	mend_surrogates((char *)v->string, len);
	return add_value(p, v);
}

static int on_start_map(void *ctx)
{
	struct parser *p = ctx;
	return open_value(p, pm_json_object(p->pool));
}

static int on_map_key(void *ctx, const unsigned char *text, size_t len)
{
	struct parser *p = ctx;
	if (memchr(text, '\0', len)) {
		snprintf(p->reason, sizeof(p->reason), "a member's name holds a NUL");
		return 0;
	}
	struct pm_json *name = pm_json_strn(p->pool, (const char *)text, len);
	mend_surrogates((char *)name->string, len);
	pm_json_append_member(p->pool, p->open[p->depth - 1], name->string, NULL);
	return 1;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Looked for when the object is complete, by sorting, so that a million members cost no quadratic
 * time. */
static const char *duplicate_member(const struct pm_json *object)
{
	if (object->len < 2)
		return NULL;
	if (object->len <= 16) {
		for (size_t i = 1; i < object->len; i++)
			for (size_t k = 0; k < i; k++)
				if (strcmp(object->members[i].name, object->members[k].name) == 0)
					return object->members[i].name;
		return NULL;
	}
	_cleanup_free_ const char **names = pm_calloc(object->len, sizeof(*names));
	for (size_t i = 0; i < object->len; i++)
		names[i] = object->members[i].name;
	qsort(names, object->len, sizeof(*names), compare_names);
	for (size_t i = 1; i < object->len; i++)
		if (strcmp(names[i - 1], names[i]) == 0)
			return names[i];
	return NULL;
}

static int on_end_map(void *ctx)
{
	struct parser *p = ctx;
	const char *twice = duplicate_member(p->open[--p->depth]);
	if (twice) {
		snprintf(p->reason, sizeof(p->reason), "member '%.100s' is given twice", twice);
		return 0;
	}
	return 1;
}

static int on_start_array(void *ctx)
{
	struct parser *p = ctx;
	return open_value(p, pm_json_array(p->pool));
}

static int on_end_array(void *ctx)
{
	struct parser *p = ctx;
	p->depth--;
	return 1;
}

static const yajl_callbacks callbacks = {
	.yajl_null = on_null,
	.yajl_boolean = on_boolean,
	.yajl_number = on_number,
	.yajl_string = on_string,
	.yajl_start_map = on_start_map,
	.yajl_map_key = on_map_key,
	.yajl_end_map = on_end_map,
	.yajl_start_array = on_start_array,
	.yajl_end_array = on_end_array,
};

static void *alloc_for_yajl(void *ctx, size_t size)
{
	(void)ctx;
	return pm_malloc(size);
}

static void *realloc_for_yajl(void *ctx, void *old, size_t size)
{
	(void)ctx;
	return pm_reallocarray(old, size, 1);
}

static void free_for_yajl(void *ctx, void *old)
{
	(void)ctx;
	free(old);
}

static yajl_alloc_funcs allocator = {
	.malloc = alloc_for_yajl,
	.realloc = realloc_for_yajl,
	.free = free_for_yajl,
};

static int fail_at(struct pm_err *err, const char *text, size_t offset, const char *reason)
{
	size_t line = 1, column = 1;
	char clean[200];
	snprintf(clean, sizeof(clean), "%s", reason);
	/* a member's name can hold anything; an error is one line */
	for (char *c = clean; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	for (size_t i = 0; i < offset; i++) {
		column++;
		if (text[i] == '\n')
			line++, column = 1;
	}
	return pm_fail(err, PM_E_FORMAT, "JSON: line %zu, column %zu: %s", line, column, clean);
}

/* "lexical error: invalid char in json text.\n" -> "invalid char in json text" */
static void yajl_reason(yajl_handle h, char *out, size_t size)
{
	unsigned char *text = yajl_get_error(h, 0, NULL, 0);
	const char *colon = strstr((const char *)text, ": ");
	snprintf(out, size, "%s", colon ? colon + 2 : (const char *)text);
	size_t n = strlen(out);
	while (n > 0 && (out[n - 1] == '\n' || out[n - 1] == '.'))
		out[--n] = '\0';
	yajl_free_error(h, text);
}

int pm_json_parse(struct pm_json_pool *pool, const char *text, size_t len,
		  struct pm_json **ret_root, struct pm_err *err)
{
	size_t bad;
	if (len > MAX_TEXT)
		return pm_fail(err, PM_E_FORMAT, "JSON: %zu bytes are too long", len);
	if (!pm_utf8_valid(text, len, &bad))
		return fail_at(err, text, bad, "not UTF-8");

	struct parser p = {.pool = pool};
	yajl_handle h = yajl_alloc(&callbacks, &allocator, &p);
	yajl_status s = yajl_parse(h, (const unsigned char *)text, len);
	size_t offset = yajl_get_bytes_consumed(h);
	if (s == yajl_status_ok) {
		s = yajl_complete_parse(h);
		offset = len;
	}
	int r = 0;
	if (s == yajl_status_client_canceled) {
		r = fail_at(err, text, offset, p.reason);
	} else if (s != yajl_status_ok) {
		char reason[200];
		yajl_reason(h, reason, sizeof(reason));
		r = fail_at(err, text, offset, reason);
	} else {
		*ret_root = p.root;
	}
	yajl_free(h);
	return r;
}
