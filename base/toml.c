#include "base/toml.h"

#include <string.h>

#include "base/toml_scan.h"
#include "base/utf8.h"

#define MAX_DEPTH 100 /* open tables and arrays, the root included */
#define MAX_TEXT (16u << 20)

/* How the value of a key came to be, which decides what may be added to it later. */
enum how {
	HOW_VALUE,    /* by "key = value": closed, also an inline table or a static array */
	HOW_IMPLICIT, /* a table, as the parent of a [header]'s: may get a header itself */
	HOW_HEADER,   /* a table, by its [header] */
	HOW_DOTTED,   /* a table, by dotted keys: open to dotted keys of the same scope only */
	HOW_LIST,     /* an array of tables, by [[header]] */
};

struct entry {
	const struct pm_json *parent; /* NULL: an empty slot */
	const char *name;
	struct pm_json *value;
	enum how how;
	size_t scope; /* HOW_DOTTED */
};

struct parser {
	struct pm_toml_text t;
	/* every key of every table, by open addressing: finding one costs the same in a table of a
	 * hundred thousand */
	struct entry *entries;
	size_t n_entries, n_slots;   /* n_slots is a power of two */
	struct pm_json *root, *here; /* here: the table of the last header */
	size_t here_depth;
	size_t scope, last_scope; /* a number for each header and each inline table */
};

static size_t hash(const struct pm_json *parent, const char *name)
{
	uint64_t h = 0xcbf29ce484222325u ^ (uintptr_t)parent;
	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 0x100000001b3u;
	return (size_t)(h ^ h >> 29);
}

static struct entry *slot_of(struct entry *entries, size_t n_slots, const struct pm_json *parent,
			     const char *name)
{
	size_t i = hash(parent, name) & (n_slots - 1);
	while (entries[i].parent &&
	       (entries[i].parent != parent || strcmp(entries[i].name, name) != 0))
		i = (i + 1) & (n_slots - 1);
	return &entries[i];
}

static struct entry *find(struct parser *p, const struct pm_json *parent, const char *name)
{
	struct entry *e = slot_of(p->entries, p->n_slots, parent, name);
	return e->parent ? e : NULL;
}

static struct entry *add(struct parser *p, struct pm_json *parent, const char *name,
			 struct pm_json *value, enum how how)
{
	if (p->n_entries * 2 >= p->n_slots) {
		size_t n = p->n_slots * 2;
		struct entry *bigger = pm_calloc(n, sizeof(*bigger));
		for (size_t i = 0; i < p->n_slots; i++) {
			const struct entry *e = &p->entries[i];
			if (e->parent)
				*slot_of(bigger, n, e->parent, e->name) = *e;
		}
		free(p->entries);
		p->entries = bigger;
		p->n_slots = n;
	}
	struct entry *e = slot_of(p->entries, p->n_slots, parent, name);
	*e = (struct entry){parent, name, value, how, p->scope};
	p->n_entries++;
	pm_json_append_member(p->t.pool, parent, name, value);
	return e;
}

/* The parts of a dotted key. */
struct key {
	const char *part[MAX_DEPTH];
	size_t n;
};

static int parse_key(struct parser *p, struct key *ret)
{
	ret->n = 0;
	for (;;) {
		if (ret->n == MAX_DEPTH)
			return pm_toml_fail(&p->t, "nested deeper than %d", MAX_DEPTH);
		pm_toml_skip_space(&p->t);
		int r = pm_toml_key_part(&p->t, &ret->part[ret->n]);
		if (r < 0)
			return r;
		ret->n++;
		pm_toml_skip_space(&p->t);
		if (pm_toml_peek(&p->t) != '.')
			return 0;
		p->t.p++;
	}
}

static int parse_value(struct parser *p, size_t depth, struct pm_json **ret);

/* key = value, into table, which is the depth-th that is open. */
static int parse_pair(struct parser *p, struct pm_json *table, size_t depth)
{
	struct key key;
	int r = parse_key(p, &key);
	if (r < 0)
		return r;
	if (pm_toml_peek(&p->t) != '=')
		return pm_toml_fail(&p->t, "'=' is missing after the key '%.80s'",
				    key.part[key.n - 1]);
	p->t.p++;
	pm_toml_skip_space(&p->t);
	if (depth + key.n - 1 > MAX_DEPTH)
		return pm_toml_fail(&p->t, "nested deeper than %d", MAX_DEPTH);

	for (size_t i = 0; i + 1 < key.n; i++) {
		struct entry *e = find(p, table, key.part[i]);
		if (!e) {
			e = add(p, table, key.part[i], pm_json_object(p->t.pool), HOW_DOTTED);
		} else if (e->how == HOW_IMPLICIT) {
			e->how = HOW_DOTTED;
			e->scope = p->scope;
		} else if (e->how != HOW_DOTTED || e->scope != p->scope) {
			return pm_toml_fail(&p->t,
					    "'%.80s' is defined already, it cannot be extended",
					    key.part[i]);
		}
		table = e->value;
	}
	const char *name = key.part[key.n - 1];
	if (find(p, table, name))
		return pm_toml_fail(&p->t, "'%.80s' is given twice", name);
	struct pm_json *value;
	r = parse_value(p, depth + key.n - 1, &value);
	if (r < 0)
		return r;
	add(p, table, name, value, HOW_VALUE);
	return 0;
}

/* At '['; depth counts it. */
static int parse_array(struct parser *p, size_t depth, struct pm_json **ret)
{
	struct pm_json *array = pm_json_array(p->t.pool);
	p->t.p++;
	for (;;) {
		int r = pm_toml_skip_lines(&p->t);
		if (r < 0)
			return r;
		if (pm_toml_peek(&p->t) == ']')
			break;
		struct pm_json *value;
		r = parse_value(p, depth, &value);
		if (r < 0)
			return r;
		pm_json_add(p->t.pool, array, value);
		r = pm_toml_skip_lines(&p->t);
		if (r < 0)
			return r;
		if (pm_toml_peek(&p->t) == ',')
			p->t.p++;
		else if (pm_toml_peek(&p->t) != ']')
			return pm_toml_fail(&p->t, "',' or ']' is missing in an array");
	}
	p->t.p++;
	*ret = array;
	return 0;
}

/* At '{'; depth counts it. On one line, no comma after the last pair. */
static int parse_inline_table(struct parser *p, size_t depth, struct pm_json **ret)
{
	struct pm_json *table = pm_json_object(p->t.pool);
	size_t outer_scope = p->scope;
	p->scope = ++p->last_scope;
	p->t.p++;
	pm_toml_skip_space(&p->t);
	if (pm_toml_peek(&p->t) != '}') {
		for (;;) {
			int r = parse_pair(p, table, depth);
			if (r < 0)
				return r;
			pm_toml_skip_space(&p->t);
			if (pm_toml_peek(&p->t) == '}')
				break;
			if (pm_toml_peek(&p->t) != ',')
				return pm_toml_fail(&p->t,
						    "',' or '}' is missing in an inline table");
			p->t.p++;
		}
	}
	p->t.p++;
	p->scope = outer_scope;
	*ret = table;
	return 0;
}

/* depth: tables and arrays open around the value. */
static int parse_value(struct parser *p, size_t depth, struct pm_json **ret)
{
	int c = pm_toml_peek(&p->t);
	if ((c == '[' || c == '{') && depth >= MAX_DEPTH)
		return pm_toml_fail(&p->t, "nested deeper than %d", MAX_DEPTH);
	if (c == '[')
		return parse_array(p, depth + 1, ret);
	if (c == '{')
		return parse_inline_table(p, depth + 1, ret);
	if (c == '"' || c == '\'')
		return pm_toml_string(&p->t, ret);
	return pm_toml_scalar(&p->t, ret);
}

/* Into the table, or the last table of the list, that e stands for; NULL when it is closed. */
static struct pm_json *table_of(const struct entry *e)
{
	if (e->how == HOW_VALUE)
		return NULL;
	return e->how == HOW_LIST ? e->value->items[e->value->len - 1] : e->value;
}

static int open_table(struct parser *p, struct pm_json *parent, const char *name)
{
	struct entry *e = find(p, parent, name);
	if (!e)
		e = add(p, parent, name, pm_json_object(p->t.pool), HOW_HEADER);
	else if (e->how != HOW_IMPLICIT)
		return pm_toml_fail(&p->t, "table '%.80s' is defined already", name);
	e->how = HOW_HEADER;
	p->here = e->value;
	return 0;
}

static int open_list_item(struct parser *p, struct pm_json *parent, const char *name)
{
	struct entry *e = find(p, parent, name);
	if (!e)
		e = add(p, parent, name, pm_json_array(p->t.pool), HOW_LIST);
	else if (e->how != HOW_LIST)
		return pm_toml_fail(&p->t, "'%.80s' is defined already, not as an array of tables",
				    name);
	p->here = pm_json_add(p->t.pool, e->value, pm_json_object(p->t.pool));
	return 0;
}

/* [a.b] or [[a.b]] */
static int parse_header(struct parser *p)
{
	bool list = pm_toml_at(&p->t, "[[");
	p->t.p += list ? 2 : 1;
	struct key key;
	int r = parse_key(p, &key);
	if (r < 0)
		return r;
	if (!pm_toml_at(&p->t, list ? "]]" : "]"))
		return pm_toml_fail(&p->t, "'%s' is missing after the table's name",
				    list ? "]]" : "]");
	p->t.p += list ? 2 : 1;

	struct pm_json *table = p->root;
	size_t depth = 1;
	p->scope = ++p->last_scope;
	for (size_t i = 0; i + 1 < key.n; i++) {
		struct entry *e = find(p, table, key.part[i]);
		if (!e)
			e = add(p, table, key.part[i], pm_json_object(p->t.pool), HOW_IMPLICIT);
		table = table_of(e);
		if (!table)
			return pm_toml_fail(&p->t, "'%.80s' is a value, it cannot be extended",
					    key.part[i]);
		depth += e->how == HOW_LIST ? 2 : 1;
	}
	const char *name = key.part[key.n - 1];
	r = list ? open_list_item(p, table, name) : open_table(p, table, name);
	if (r < 0)
		return r;
	p->here_depth = depth + (list ? 2 : 1);
	if (p->here_depth > MAX_DEPTH)
		return pm_toml_fail(&p->t, "nested deeper than %d", MAX_DEPTH);
	return pm_toml_end_line(&p->t);
}

static int parse_document(struct parser *p)
{
	for (;;) {
		int r = pm_toml_skip_lines(&p->t);
		if (r < 0)
			return r;
		int c = pm_toml_peek(&p->t);
		if (c < 0)
			return 0;
		if (c == '[') {
			r = parse_header(p);
		} else {
			r = parse_pair(p, p->here, p->here_depth);
			if (r >= 0)
				r = pm_toml_end_line(&p->t);
		}
		if (r < 0)
			return r;
	}
}

int pm_toml_parse(struct pm_json_pool *pool, const char *text, size_t len, struct pm_json **ret,
		  struct pm_err *err)
{
	struct parser p = {
		.t = {.p = text, .end = text + len, .line = 1, .pool = pool, .err = err},
		.n_slots = 64,
		.here_depth = 1,
	};
	size_t bad;
	if (len > MAX_TEXT)
		return pm_fail(err, PM_E_FORMAT, "TOML: %zu bytes are too long", len);
	if (!pm_utf8_valid(text, len, &bad)) {
		for (size_t i = 0; i < bad; i++)
			p.t.line += text[i] == '\n';
		return pm_toml_fail(&p.t, "not UTF-8");
	}
	if (pm_toml_at(&p.t, "\xef\xbb\xbf"))
		p.t.p += 3;

	p.entries = pm_calloc(p.n_slots, sizeof(*p.entries));
	p.root = p.here = pm_json_object(pool);
	int r = parse_document(&p);
	free(p.entries);
	if (r >= 0)
		*ret = p.root;
	return r;
}
