#include "base/json.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* --- the pool: chunks from which nothing is freed but all at once ---------------------------- */

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define POOL_GAP 16 /* poisoned bytes after each allocation */
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define POOL_GAP 0
#endif

#define POOL_FIRST_CHUNK 4096
#define POOL_LAST_CHUNK (256u << 10)

struct chunk {
	struct chunk *next;
	size_t size, used;
	char data[] __attribute__((aligned(16)));
};

struct pm_json_pool {
	struct chunk *chunks; /* the first is the one being filled */
	size_t next_size;
};

struct pm_json_pool *pm_json_pool_new(void)
{
	struct pm_json_pool *pool = PM_NEW(struct pm_json_pool);
	pool->next_size = POOL_FIRST_CHUNK;
	return pool;
}

void pm_json_pool_free(struct pm_json_pool *pool)
{
	if (!pool)
		return;
	for (struct chunk *c = pool->chunks; c;) {
		struct chunk *next = c->next;
		ASAN_UNPOISON_MEMORY_REGION(c->data, c->size);
		free(c);
		c = next;
	}
	free(pool);
}

void *pm_json_pool_alloc(struct pm_json_pool *pool, size_t size)
{
	size_t need = ((size + 7) & ~(size_t)7) + POOL_GAP;
	struct chunk *c = pool->chunks;

	if (!c || c->size - c->used < need) {
		bool own = need > pool->next_size / 4;
		size_t chunk_size = own ? need : pool->next_size;
		c = pm_calloc(1, sizeof(*c) + chunk_size);
		c->size = chunk_size;
		ASAN_POISON_MEMORY_REGION(c->data, c->size);
		if (own && pool->chunks) {
			/* a large one goes behind, so that the rest of the current chunk is used */
			c->next = pool->chunks->next;
			pool->chunks->next = c;
		} else {
			c->next = pool->chunks;
			pool->chunks = c;
		}
		if (!own && pool->next_size < POOL_LAST_CHUNK)
			pool->next_size *= 2;
	}
	void *p = c->data + c->used;
	c->used += need;
	ASAN_UNPOISON_MEMORY_REGION(p, size);
	return p;
}

static const char *pool_strndup(struct pm_json_pool *pool, const char *s, size_t len)
{
	char *p = pm_json_pool_alloc(pool, len + 1);
	if (len)
		memcpy(p, s, len);
	return p;
}

const char *pm_json_pool_strdup(struct pm_json_pool *pool, const char *s)
{
	return pool_strndup(pool, s, strlen(s));
}

/* --- making --------------------------------------------------------------------------------- */

static struct pm_json *new_value(struct pm_json_pool *pool, enum pm_json_kind kind)
{
	struct pm_json *v = pm_json_pool_alloc(pool, sizeof(*v));
	v->kind = kind;
	return v;
}

struct pm_json *pm_json_null(struct pm_json_pool *pool)
{
	return new_value(pool, PM_JSON_NULL);
}

struct pm_json *pm_json_bool(struct pm_json_pool *pool, bool b)
{
	struct pm_json *v = new_value(pool, PM_JSON_BOOL);
	v->boolean = b;
	return v;
}

struct pm_json *pm_json_number(struct pm_json_pool *pool, const char *text, size_t len)
{
	struct pm_json *v = new_value(pool, PM_JSON_NUMBER);
	v->string = pool_strndup(pool, text, len);
	return v;
}

struct pm_json *pm_json_int(struct pm_json_pool *pool, int64_t n)
{
	char text[24];
	int len = snprintf(text, sizeof(text), "%" PRId64, n);
	return pm_json_number(pool, text, (size_t)len);
}

struct pm_json *pm_json_uint(struct pm_json_pool *pool, uint64_t n)
{
	char text[24];
	int len = snprintf(text, sizeof(text), "%" PRIu64, n);
	return pm_json_number(pool, text, (size_t)len);
}

/* The shortest digits that read back as n, in C's notation with an exponent: "-1.25e+00". */
static void shortest_digits(double n, char text[40])
{
	for (int digits = 0; digits <= 16; digits++) {
		snprintf(text, 40, "%.*e", digits, n);
		if (strtod(text, NULL) == n)
			return;
	}
}

struct pm_json *pm_json_double(struct pm_json_pool *pool, double n)
{
	if (!isfinite(n))
		return pm_json_null(pool);

	char text[40], out[400];
	shortest_digits(n, text);
	char *e = strchr(text, 'e');
	int exponent = (int)strtol(e + 1, NULL, 10);
	int digits = (int)(e - text) - (text[0] == '-') - 1; /* after the point */
	if (digits > 0)
		digits--;
	/* as Go's encoding/json: plain from 1e-6 up to 1e21, else with the shortest exponent */
	if (n == 0 || (exponent >= -6 && exponent < 21)) {
		int decimals = digits - exponent;
		snprintf(out, sizeof(out), "%.*f", decimals > 0 ? decimals : 0, n);
	} else {
		snprintf(out, sizeof(out), "%.*se%s%d", (int)(e - text), text,
			 exponent < 0 ? "-" : "+", exponent < 0 ? -exponent : exponent);
	}
	return pm_json_number(pool, out, strlen(out));
}

struct pm_json *pm_json_strn(struct pm_json_pool *pool, const char *s, size_t len)
{
	struct pm_json *v = new_value(pool, PM_JSON_STRING);
	v->string = pool_strndup(pool, s, len);
	v->len = len;
	return v;
}

struct pm_json *pm_json_str(struct pm_json_pool *pool, const char *s)
{
	return s ? pm_json_strn(pool, s, strlen(s)) : pm_json_null(pool);
}

struct pm_json *pm_json_strv(struct pm_json_pool *pool, const struct pm_strv *l)
{
	struct pm_json *a = pm_json_array(pool);
	for (size_t i = 0; i < l->n; i++)
		pm_json_add(pool, a, pm_json_str(pool, l->v[i]));
	return a;
}

struct pm_json *pm_json_array(struct pm_json_pool *pool)
{
	return new_value(pool, PM_JSON_ARRAY);
}

struct pm_json *pm_json_object(struct pm_json_pool *pool)
{
	return new_value(pool, PM_JSON_OBJECT);
}

void pm_json_append_member(struct pm_json_pool *pool, struct pm_json *object, const char *name,
			   struct pm_json *value)
{
	if (object->len == object->cap) {
		size_t cap = object->cap ? object->cap * 2 : 8;
		struct pm_json_member *m = pm_json_pool_alloc(pool, cap * sizeof(*m));
		if (object->len)
			memcpy(m, object->members, object->len * sizeof(*m));
		object->members = m;
		object->cap = cap;
	}
	object->members[object->len++] = (struct pm_json_member){.name = name, .value = value};
}

struct pm_json *pm_json_add(struct pm_json_pool *pool, struct pm_json *array,
			    struct pm_json *value)
{
	if (array->len == array->cap) {
		size_t cap = array->cap ? array->cap * 2 : 4;
		struct pm_json **items = pm_json_pool_alloc(pool, cap * sizeof(struct pm_json *));
		if (array->len)
			memcpy(items, array->items, array->len * sizeof(struct pm_json *));
		array->items = items;
		array->cap = cap;
	}
	array->items[array->len++] = value;
	return value;
}

struct pm_json *pm_json_copy(struct pm_json_pool *pool, const struct pm_json *v)
{
	if (!v)
		return pm_json_null(pool);

	struct pm_json *copy = new_value(pool, v->kind);
	copy->boolean = v->boolean;
	copy->hint = v->hint;
	copy->omit = v->omit;
	switch (v->kind) {
	case PM_JSON_NUMBER:
		copy->string = pm_json_pool_strdup(pool, v->string);
		break;
	case PM_JSON_STRING:
		copy->string = pool_strndup(pool, v->string, v->len);
		copy->len = v->len;
		break;
	case PM_JSON_ARRAY:
		for (size_t i = 0; i < v->len; i++)
			pm_json_add(pool, copy, pm_json_copy(pool, v->items[i]));
		break;
	case PM_JSON_OBJECT:
		for (size_t i = 0; i < v->len; i++)
			pm_json_append_member(pool, copy,
					      pm_json_pool_strdup(pool, v->members[i].name),
					      pm_json_copy(pool, v->members[i].value));
		break;
	case PM_JSON_NULL:
	case PM_JSON_BOOL:
		break;
	}
	return copy;
}

/* --- changing ------------------------------------------------------------------------------- */

static struct pm_json_member *find_member(const struct pm_json *object, const char *name)
{
	if (!pm_json_is(object, PM_JSON_OBJECT))
		return NULL;
	for (size_t i = 0; i < object->len; i++)
		if (strcmp(object->members[i].name, name) == 0)
			return &object->members[i];
	return NULL;
}

struct pm_json *pm_json_set(struct pm_json_pool *pool, struct pm_json *object, const char *name,
			    struct pm_json *value)
{
	struct pm_json_member *m = find_member(object, name);
	if (m)
		m->value = value;
	else
		pm_json_append_member(pool, object, pm_json_pool_strdup(pool, name), value);
	return value;
}

void pm_json_unset(struct pm_json *object, const char *name)
{
	struct pm_json_member *m = find_member(object, name);
	if (!m)
		return;
	size_t i = (size_t)(m - object->members);
	memmove(m, m + 1, (object->len - i - 1) * sizeof(*m));
	object->len--;
}

void pm_json_set_str(struct pm_json_pool *pool, struct pm_json *object, const char *name,
		     const char *s)
{
	pm_json_set(pool, object, name, pm_json_str(pool, s));
}

void pm_json_set_int(struct pm_json_pool *pool, struct pm_json *object, const char *name, int64_t n)
{
	pm_json_set(pool, object, name, pm_json_int(pool, n));
}

void pm_json_set_bool(struct pm_json_pool *pool, struct pm_json *object, const char *name, bool b)
{
	pm_json_set(pool, object, name, pm_json_bool(pool, b));
}

static struct pm_json *empty_of(struct pm_json_pool *pool, char type)
{
	struct pm_json *v = type == 's'	  ? pm_json_str(pool, "")
			    : type == 'n' ? pm_json_int(pool, 0)
			    : type == 'b' ? pm_json_bool(pool, false)
					  : pm_json_null(pool);
	if (type == 'm' || type == 'l')
		v->hint = type == 'm' ? PM_JSON_MAP : PM_JSON_LIST;
	v->omit = true;
	return v;
}

void pm_json_set_omitted(struct pm_json_pool *pool, struct pm_json *object, const char *const *fields)
{
	for (; *fields; fields++) {
		const char *blank = strchr(*fields, ' ');
		_cleanup_free_ char *name = pm_strndup(*fields, (size_t)(blank - *fields));
		if (!pm_json_get(object, name))
			pm_json_set(pool, object, name, empty_of(pool, blank[1]));
	}
}

/* --- looking -------------------------------------------------------------------------------- */

struct pm_json *pm_json_get(const struct pm_json *object, const char *name)
{
	struct pm_json_member *m = find_member(object, name);
	return m ? m->value : NULL;
}

struct pm_json *pm_json_find(const struct pm_json *object, ...)
{
	const struct pm_json *v = object;
	const char *name;
	va_list ap;

	va_start(ap, object);
	while (v && (name = va_arg(ap, const char *)))
		v = pm_json_get(v, name);
	va_end(ap);
	return (struct pm_json *)v;
}

struct pm_json *pm_json_at(const struct pm_json *array, size_t index)
{
	return pm_json_is(array, PM_JSON_ARRAY) && index < array->len ? array->items[index] : NULL;
}

size_t pm_json_len(const struct pm_json *v)
{
	return pm_json_is(v, PM_JSON_ARRAY) || pm_json_is(v, PM_JSON_OBJECT) ? v->len : 0;
}

bool pm_json_is(const struct pm_json *v, enum pm_json_kind kind)
{
	return v && v->kind == kind;
}

const char *pm_json_get_str(const struct pm_json *object, const char *name)
{
	const struct pm_json *v = pm_json_get(object, name);
	return pm_json_is(v, PM_JSON_STRING) ? v->string : NULL;
}

bool pm_json_get_bool(const struct pm_json *object, const char *name, bool missing)
{
	const struct pm_json *v = pm_json_get(object, name);
	return pm_json_is(v, PM_JSON_BOOL) ? v->boolean : missing;
}

int pm_json_as_int(const struct pm_json *v, int64_t *ret, struct pm_err *err)
{
	if (!pm_json_is(v, PM_JSON_NUMBER))
		return pm_fail(err, PM_E_FORMAT, "not a number where an integer is needed");
	if (v->string[strspn(v->string, "-0123456789")])
		return pm_fail(err, PM_E_FORMAT, "'%.64s' is not an integer", v->string);
	errno = 0;
	long long n = strtoll(v->string, NULL, 10);
	if (errno)
		return pm_fail(err, PM_E_FORMAT, "'%.64s' is out of range", v->string);
	*ret = n;
	return 0;
}

int64_t pm_json_get_int(const struct pm_json *object, const char *name, int64_t missing)
{
	int64_t n;
	return pm_json_as_int(pm_json_get(object, name), &n, NULL) < 0 ? missing : n;
}

static bool equal_numbers(const char *a, const char *b)
{
	if (strcmp(a, b) == 0)
		return true;
	/* integers are exact; two that differ as text differ, but for -0 */
	bool a_int = !a[strspn(a, "-0123456789")], b_int = !b[strspn(b, "-0123456789")];
	if (a_int && b_int)
		return strtod(a, NULL) == 0 && strtod(b, NULL) == 0;
	return strtod(a, NULL) == strtod(b, NULL);
}

bool pm_json_equal(const struct pm_json *a, const struct pm_json *b)
{
	if (!a || !b)
		return a == b;
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case PM_JSON_NULL:
		return true;
	case PM_JSON_BOOL:
		return a->boolean == b->boolean;
	case PM_JSON_NUMBER:
		return equal_numbers(a->string, b->string);
	case PM_JSON_STRING:
		return a->len == b->len && memcmp(a->string, b->string, a->len) == 0;
	case PM_JSON_ARRAY:
		if (a->len != b->len)
			return false;
		for (size_t i = 0; i < a->len; i++)
			if (!pm_json_equal(a->items[i], b->items[i]))
				return false;
		return true;
	case PM_JSON_OBJECT:
		if (a->len != b->len)
			return false;
		for (size_t i = 0; i < a->len; i++) {
			const struct pm_json *other = pm_json_get(b, a->members[i].name);
			if (!other || !pm_json_equal(a->members[i].value, other))
				return false;
		}
		return true;
	}
	return false;
}

int pm_json_to_strv(const struct pm_json *array, struct pm_strv *l, struct pm_err *err)
{
	for (size_t i = 0; i < pm_json_len(array); i++) {
		const struct pm_json *v = pm_json_at(array, i);
		if (!pm_json_is(v, PM_JSON_STRING))
			return pm_fail(err, PM_E_FORMAT, "item %zu of the list is not a string", i);
		if (strlen(v->string) != v->len)
			return pm_fail(err, PM_E_FORMAT, "item %zu of the list holds a NUL", i);
		pm_strv_add(l, v->string);
	}
	return 0;
}

/* --- writing -------------------------------------------------------------------------------- */

/* Is one of the eight bytes of v zero? */
static bool has_zero(uint64_t v)
{
	return (v - 0x0101010101010101u) & ~v & 0x8080808080808080u;
}

/* How many bytes at s are printable ASCII that no writer escapes: nearly all there is, so eight at a time. */
static size_t plain_span(const char *s, size_t len, bool html)
{
	size_t i = 0;
	uint64_t v;
	for (; !html && len - i >= sizeof(v); i += sizeof(v)) {
		memcpy(&v, s + i, sizeof(v));
		if ((v & 0x8080808080808080u) || ((v - 0x2020202020202020u) & 0x8080808080808080u) ||
		    has_zero(v ^ 0x2222222222222222u) || has_zero(v ^ 0x5c5c5c5c5c5c5c5cu))
			break;
	}
	for (; i < len; i++) {
		unsigned char c = (unsigned char)s[i];
		if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\' ||
		    (html && (c == '<' || c == '>' || c == '&')))
			break;
	}
	return i;
}

static void write_string(const char *s, size_t len, bool html, struct pm_buf *out)
{
	size_t plain = 0; /* start of the bytes not yet written that need no escape */
	pm_buf_add_char(out, '"');
	for (size_t i = 0; i < len;) {
		i += plain_span(s + i, len - i, html);
		if (i == len)
			break;
		uint32_t c;
		size_t n = pm_utf8_decode(s + i, len - i, &c);
		bool escape = n == 0 || c < 0x80 || c == 0x2028 || c == 0x2029;
		if (escape) {
			pm_buf_add(out, s + plain, i - plain);
			if (c == '"' || c == '\\')
				pm_buf_printf(out, "\\%c", (char)c);
			else if (c == '\n' || c == '\r' || c == '\t')
				pm_buf_add_str(out, c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t");
			else
				pm_buf_printf(out, "\\u%04" PRIx32, c);
		}
		i += n ? n : 1;
		if (escape)
			plain = i;
	}
	pm_buf_add(out, s + plain, len - plain);
	pm_buf_add_char(out, '"');
}

static void new_line(unsigned int indent, unsigned int depth, struct pm_buf *out)
{
	if (!indent)
		return;
	size_t n = (size_t)indent * depth;
	char *p = pm_buf_reserve(out, n + 1);
	p[0] = '\n';
	memset(p + 1, ' ', n);
	p[n + 1] = '\0';
	out->len += n + 1;
}

static void write_value(const struct pm_json *v, unsigned int indent, unsigned int depth, bool html,
			struct pm_buf *out)
{
	if (!v || v->kind == PM_JSON_NULL) {
		pm_buf_add_str(out, "null");
		return;
	}
	bool object = v->kind == PM_JSON_OBJECT, written = false;
	switch (v->kind) {
	case PM_JSON_NULL:
		break;
	case PM_JSON_BOOL:
		pm_buf_add_str(out, v->boolean ? "true" : "false");
		break;
	case PM_JSON_NUMBER:
		pm_buf_add_str(out, v->string);
		break;
	case PM_JSON_STRING:
		write_string(v->string, v->len, html, out);
		break;
	case PM_JSON_ARRAY:
	case PM_JSON_OBJECT:
		pm_buf_add_char(out, object ? '{' : '[');
		for (size_t i = 0; i < v->len; i++) {
			if (object && v->members[i].value && v->members[i].value->omit)
				continue;
			if (written)
				pm_buf_add_char(out, ',');
			written = true;
			new_line(indent, depth + 1, out);
			if (object) {
				const char *name = v->members[i].name;
				write_string(name, strlen(name), html, out);
				pm_buf_add_str(out, indent ? ": " : ":");
			}
			write_value(object ? v->members[i].value : v->items[i], indent, depth + 1,
				    html, out);
		}
		if (written)
			new_line(indent, depth, out);
		pm_buf_add_char(out, object ? '}' : ']');
		break;
	}
}

void pm_json_write(const struct pm_json *v, unsigned int indent, struct pm_buf *out)
{
	write_value(v, indent, 0, false, out);
}

void pm_json_write_html(const struct pm_json *v, unsigned int indent, struct pm_buf *out)
{
	write_value(v, indent, 0, true, out);
}
