#include <string.h>
#include <strings.h>

#include "base/timefmt.h"
#include "cli/table.h"
#include "cli/template_tree.h"

#define MAX_CALLS 100                      /* templates within templates */
#define MAX_OUTPUT (UINT64_C(64) << 20)    /* bytes */
#define MAX_RESULTS (UINT64_C(256) << 20)  /* bytes of all values that functions made */
#define MAX_STEPS UINT64_C(50000000)

struct variable {
	const char *name;
	const struct pm_json *value;
};

/* One run of a template's body; {{template}} makes another. */
struct run {
	const struct pm_template *t;
	const struct pm_template_opts *opts;
	const char *const *headings; /* (field, heading) pairs when headings are made, else NULL */
	struct pm_json_pool *pool;
	struct pm_buf *out;
	size_t out_start;
	struct pm_err *err;
	const char *name; /* of the template being executed */
	struct variable *vars;
	size_t n_vars, cap_vars, base; /* base: the first of the current template */
	size_t calls;
	uint64_t steps, results;
};

/* How a list ended. */
enum flow { FLOW_NORMAL, FLOW_BREAK, FLOW_CONTINUE };

/* In headings, the value that every field of which is its heading. */
static const struct pm_json heading_root = {.kind = PM_JSON_OBJECT, .hint = PM_JSON_MAP};

__attribute__((format(printf, 3, 4))) static int fail(struct run *r, const struct pm_tnode *at,
						      const char *fmt, ...)
{
	char reason[600], context[80];
	size_t line, col, len = at->end - at->start;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	snprintf(context, sizeof(context), "%.*s%s", (int)(len > 20 ? 20 : len),
		 r->t->source + at->start, len > 20 ? "..." : "");
	pm_template_where(r->t, at->pos, &line, &col);
	pm_fail(r->err, PM_E_USAGE, "template: %s:%zu:%zu: executing \"%s\" at <%s>: %s",
		r->t->name, line, col, r->name, context, reason);
	/* one line, whatever the template's text has */
	for (char *c = r->err ? r->err->text : context; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = ' ';
	return -PM_E_USAGE;
}

static int step(struct run *r, const struct pm_tnode *at)
{
	if (++r->steps > MAX_STEPS)
		return fail(r, at, "takes too long");
	return 0;
}

static int emit(struct run *r, const struct pm_tnode *at, const char *s, size_t len, bool value)
{
	if (r->out->len - r->out_start + len > MAX_OUTPUT)
		return fail(r, at, "more than %d MiB of output", (int)(MAX_OUTPUT >> 20));
	if (value && r->opts->safe)
		pm_table_safe(s, len, r->out);
	else
		pm_buf_add(r->out, s, len);
	return 0;
}

/* --- variables ----------------------------------------------------------------------------- */

static void push(struct run *r, const char *name, const struct pm_json *value)
{
	if (r->n_vars == r->cap_vars) {
		r->cap_vars = r->cap_vars ? r->cap_vars * 2 : 8;
		r->vars = pm_reallocarray(r->vars, r->cap_vars, sizeof(*r->vars));
	}
	r->vars[r->n_vars++] = (struct variable){name, value};
}

static struct variable *find(struct run *r, const char *name)
{
	for (size_t i = r->n_vars; i > r->base; i--)
		if (strcmp(r->vars[i - 1].name, name) == 0)
			return &r->vars[i - 1];
	return NULL;
}

/* --- fields -------------------------------------------------------------------------------- */

static int eval(struct run *r, const struct pm_json *dot, const struct pm_tnode *n,
		const struct pm_json **ret);
static int eval_pipe(struct run *r, const struct pm_json *dot, const struct pm_tnode *pipe,
		     bool declare, const struct pm_json **ret);

static const struct pm_json *heading_of(struct run *r, const char *field)
{
	for (size_t i = 0; r->headings[i]; i += 2)
		if (strcmp(r->headings[i], field) == 0)
			return pm_json_str(r->pool, r->headings[i + 1]);
	_cleanup_free_ char *heading = pm_template_heading(field);
	return pm_json_str(r->pool, heading);
}

/* time.Time's. False: no such method. */
static bool time_method(struct run *r, const struct pm_json *v, const char *name,
			const struct pm_json *const *args, size_t n, const struct pm_json **ret)
{
	int64_t ns;
	int offset;
	char text[256];
	if (pm_time_parse_rfc3339(v->string, &ns, &offset, NULL) < 0)
		return false;
	if (n == 1 && strcmp(name, "Format") == 0 && args[0]->kind == PM_JSON_STRING) {
		pm_time_layout(ns, offset, NULL, args[0]->string, text, sizeof(text));
		*ret = pm_json_str(r->pool, text);
	} else if (n > 0) {
		return false;
	} else if (strcmp(name, "Unix") == 0) {
		int64_t s = ns == PM_TIME_ZERO ? -62135596800 : ns / PM_NS_PER_SEC;
		if (ns != PM_TIME_ZERO && ns % PM_NS_PER_SEC < 0)
			s--;
		*ret = pm_json_int(r->pool, s);
	} else if (strcmp(name, "UnixNano") == 0) {
		*ret = pm_json_int(r->pool, ns);
	} else if (strcmp(name, "IsZero") == 0) {
		*ret = pm_json_bool(r->pool, ns == PM_TIME_ZERO);
	} else if (strcmp(name, "String") == 0) {
		*ret = pm_json_str(r->pool, pm_time_go(ns, offset, NULL, text));
	} else {
		return false;
	}
	return true;
}

static const struct pm_json *struct_field(struct run *r, const struct pm_json *v, const char *name)
{
	const struct pm_json *m = pm_json_get(v, name);
	for (const char *const *a = r->opts->aliases; !m && a && *a; a += 2)
		if (strcmp(a[0], name) == 0)
			m = pm_json_get(v, a[1]);
	if (m || !r->opts->fold_case)
		return m;
	for (size_t i = 0; i < v->len; i++)
		if (strcasecmp(v->members[i].name, name) == 0)
			return v->members[i].value;
	return NULL;
}

static int eval_field(struct run *r, const struct pm_tnode *at, const struct pm_json *v,
		      const char *name, const struct pm_json *const *args, size_t n_args,
		      const struct pm_json **ret)
{
	if (v == &heading_root || (r->headings && v->kind == PM_JSON_STRING)) {
		*ret = heading_of(r, name);
		return 0;
	}
	if (v == &pm_t_no_value) {
		*ret = v;
		return 0;
	}
	if (v->kind == PM_JSON_NULL && v->hint != PM_JSON_MAP)
		return fail(r, at, "nil pointer evaluating interface {}.%s", name);
	if (v->hint == PM_JSON_MAP) {
		if (n_args)
			return fail(r, at, "%s is not a method but has arguments", name);
		const struct pm_json *m = pm_json_get(v, name);
		*ret = m ? m : &pm_t_no_value;
		return 0;
	}
	if (v->kind == PM_JSON_STRING && v->hint == PM_JSON_TIME &&
	    time_method(r, v, name, args, n_args, ret))
		return 0;
	const struct pm_json *m = v->kind == PM_JSON_OBJECT ? struct_field(r, v, name) : NULL;
	if (m && n_args == 0) {
		*ret = m;
		return 0;
	}
	if (v->kind == PM_JSON_OBJECT && r->opts->method) {
		struct pm_json *made = NULL;
		struct pm_err err = PM_ERR_INIT;
		int k = r->opts->method(r->opts->arg, r->pool, v, name, args, n_args, &made, &err);
		if (k < 0)
			return fail(r, at, "error calling %s: %s", name, err.text);
		if (k > 0) {
			*ret = made;
			return 0;
		}
	}
	if (m)
		return fail(r, at, "%s has arguments but cannot be invoked as function", name);
	const char *struct_type = r->opts->type ? r->opts->type : "struct";
	return fail(r, at, "can't evaluate field %s in type %s", name,
		    pm_template_type(v, r->n_vars > r->base && v == r->vars[r->base].value
						? struct_type : "struct"));
}

/* All names of n in turn; the last one gets the arguments. */
static int eval_fields(struct run *r, const struct pm_tnode *n, const struct pm_json *v,
		       const struct pm_json *const *args, size_t n_args,
		       const struct pm_json **ret)
{
	for (size_t i = 0; i < n->n_names; i++) {
		bool last = i + 1 == n->n_names;
		int k = eval_field(r, n, v, n->names[i], last ? args : NULL, last ? n_args : 0, &v);
		if (k < 0)
			return k;
	}
	*ret = v;
	return 0;
}

/* --- functions ----------------------------------------------------------------------------- */

/* The operands behind the first, then what came down the pipe (final, may be NULL). The caller
 * frees *ret. */
static int eval_args(struct run *r, const struct pm_json *dot, const struct pm_tnode *first,
		     const struct pm_json *final, const struct pm_json ***ret, size_t *ret_n)
{
	size_t n = 0;
	for (const struct pm_tnode *a = first->next; a; a = a->next)
		n++;
	const struct pm_json **args = pm_calloc(n + 1, sizeof(*args));
	n = 0;
	for (const struct pm_tnode *a = first->next; a; a = a->next) {
		int k = a->kind == PM_T_NIL ? (args[n] = &pm_t_no_value, 0)
					    : eval(r, dot, a, &args[n]);
		if (k < 0) {
			free(args);
			return k;
		}
		n++;
	}
	if (final)
		args[n++] = final;
	*ret = args;
	*ret_n = n;
	return 0;
}

static int check_count(struct run *r, const struct pm_tnode *at, size_t n)
{
	const struct pm_tfunction *f = at->function;
	if (n < (size_t)f->min && f->max < 0)
		return fail(r, at, "wrong number of args for %s: want at least %d got %zu", f->name,
			    f->min, n);
	if (f->max >= 0 && n != (size_t)f->min)
		return fail(r, at, "wrong number of args for %s: want %d got %zu", f->name, f->min,
			    n);
	return 0;
}

/* and, or: the first argument that decides, or the last; those behind it are not evaluated. */
static int eval_and_or(struct run *r, const struct pm_json *dot, const struct pm_tnode *first,
		       const struct pm_json *final, const struct pm_json **ret)
{
	bool decides = first->function->name[0] == 'o';
	const struct pm_json *v = NULL;
	for (const struct pm_tnode *a = first->next; a; a = a->next) {
		int k = a->kind == PM_T_NIL ? (v = &pm_t_no_value, 0) : eval(r, dot, a, &v);
		if (k < 0)
			return k;
		if (pm_template_truth(v) == decides) {
			*ret = v;
			return 0;
		}
	}
	*ret = final ? final : v;
	return 0;
}

static int eval_function(struct run *r, const struct pm_json *dot, const struct pm_tnode *command,
			 const struct pm_tnode *first, const struct pm_json *final,
			 const struct pm_json **ret)
{
	size_t n = final != NULL;
	for (const struct pm_tnode *a = first->next; a; a = a->next)
		n++;
	int k = check_count(r, first, n);
	if (k < 0)
		return k;
	if (!first->function->call)
		return eval_and_or(r, dot, first, final, ret);

	struct pm_tcall c = {.pool = r->pool};
	k = eval_args(r, dot, first, final, &c.args, &c.n);
	if (k < 0)
		return k;
	if (first->function->call(&c, ret)) {
		if ((*ret)->kind == PM_JSON_STRING || (*ret)->kind == PM_JSON_ARRAY)
			r->results += (*ret)->len;
		k = r->results > MAX_RESULTS ? fail(r, command, "too much memory needed") : 0;
	} else if (c.type_error) {
		const struct pm_tnode *a = first->next;
		for (size_t i = 0; a && i < c.type_arg; i++)
			a = a->next;
		k = fail(r, a ? a : command, "%s", c.error);
	} else {
		k = fail(r, command, "error calling %s: %s", first->function->name, c.error);
	}
	free(c.args);
	return k;
}

/* --- operands, commands, pipelines ---------------------------------------------------------- */

/* The value that the names of a FIELD, VARIABLE or CHAIN start from. */
static int eval_receiver(struct run *r, const struct pm_json *dot, const struct pm_tnode *n,
			 const struct pm_json **ret)
{
	if (n->kind == PM_T_CHAIN)
		return eval(r, dot, n->first, ret);
	*ret = dot;
	if (n->kind == PM_T_VARIABLE) {
		struct variable *v = find(r, n->text);
		if (!v)
			return fail(r, n, "undefined variable: %s", n->text);
		*ret = v->value;
	}
	return 0;
}

static int eval(struct run *r, const struct pm_json *dot, const struct pm_tnode *n,
		const struct pm_json **ret)
{
	int k = step(r, n);
	if (k < 0)
		return k;
	switch (n->kind) {
	case PM_T_DOT:
		*ret = dot;
		return 0;
	case PM_T_NIL:
		return fail(r, n, "nil is not a command");
	case PM_T_CONSTANT:
		*ret = n->value;
		return 0;
	case PM_T_FIELD:
	case PM_T_VARIABLE:
	case PM_T_CHAIN: {
		const struct pm_json *v;
		k = eval_receiver(r, dot, n, &v);
		return k < 0 ? k : eval_fields(r, n, v, NULL, 0, ret);
	}
	case PM_T_FUNCTION: {
		/* as an argument: called without any of its own */
		struct pm_tnode alone = *n;
		alone.next = NULL;
		return eval_function(r, dot, n, &alone, NULL, ret);
	}
	case PM_T_PIPE:
		return eval_pipe(r, dot, n, true, ret);
	case PM_T_TEXT:
	case PM_T_ACTION:
	case PM_T_IF:
	case PM_T_WITH:
	case PM_T_RANGE:
	case PM_T_TEMPLATE:
	case PM_T_BREAK:
	case PM_T_CONTINUE:
	case PM_T_COMMAND:
		break;
	}
	return fail(r, n, "unknown node");
}

static int eval_command(struct run *r, const struct pm_json *dot, const struct pm_tnode *c,
			const struct pm_json *final, const struct pm_json **ret)
{
	const struct pm_tnode *first = c->first;
	bool has_args = first->next || final;
	if (first->kind == PM_T_FUNCTION)
		return eval_function(r, dot, c, first, final, ret);
	if (!has_args)
		return eval(r, dot, first, ret);
	if (first->n_names == 0)
		return fail(r, first, "can't give argument to non-function %.*s",
			    (int)(first->end - first->start), r->t->source + first->start);

	const struct pm_json *v, **args;
	size_t n;
	int k = eval_receiver(r, dot, first, &v);
	if (k < 0)
		return k;
	k = eval_args(r, dot, first, final, &args, &n);
	if (k < 0)
		return k;
	k = eval_fields(r, first, v, args, n, ret);
	free(args);
	return k;
}

static int declare_all(struct run *r, const struct pm_tnode *pipe, const struct pm_json *v)
{
	for (size_t i = 0; i < pipe->n_declared; i++) {
		struct variable *old = pipe->assign ? find(r, pipe->declared[i]) : NULL;
		if (pipe->assign && !old)
			return fail(r, pipe, "undefined variable: %s", pipe->declared[i]);
		if (old)
			old->value = v;
		else
			push(r, pipe->declared[i], v);
	}
	return 0;
}

static int eval_pipe(struct run *r, const struct pm_json *dot, const struct pm_tnode *pipe,
		     bool declare, const struct pm_json **ret)
{
	const struct pm_json *v = NULL;
	for (const struct pm_tnode *c = pipe->first; c; c = c->next) {
		int k = step(r, c);
		if (k >= 0)
			k = eval_command(r, dot, c, v, &v);
		if (k < 0)
			return k;
	}
	*ret = v;
	return declare ? declare_all(r, pipe, v) : 0;
}

/* --- control structures --------------------------------------------------------------------- */

static int walk(struct run *r, const struct pm_json *dot, const struct pm_tnode *list);

static int walk_if_with(struct run *r, const struct pm_json *dot, const struct pm_tnode *n)
{
	const struct pm_json *v;
	size_t mark = r->n_vars;
	int k = eval_pipe(r, dot, n->pipe, true, &v);
	if (k >= 0) {
		if (pm_template_truth(v))
			k = walk(r, n->kind == PM_T_WITH ? v : dot, n->body);
		else
			k = walk(r, dot, n->otherwise);
	}
	r->n_vars = mark;
	return k;
}

static int one_round(struct run *r, const struct pm_tnode *n, const struct pm_json *key,
		     const struct pm_json *item)
{
	size_t mark = r->n_vars;
	int k = step(r, n);
	if (k >= 0 && n->pipe->n_declared > 0) {
		const struct pm_json *values[2] = {n->pipe->n_declared == 2 ? key : item, item};
		for (size_t i = 0; i < n->pipe->n_declared; i++) {
			struct variable *v = find(r, n->pipe->declared[i]);
			if (!v)
				return fail(r, n, "undefined variable: %s", n->pipe->declared[i]);
			v->value = values[i];
		}
	}
	if (k >= 0)
		k = walk(r, item, n->body);
	r->n_vars = mark;
	return k;
}

static int walk_items(struct run *r, const struct pm_tnode *n, const struct pm_json *v)
{
	struct pm_json_member *sorted = v->kind == PM_JSON_OBJECT ? pm_template_sorted(v) : NULL;
	bool with_key = n->pipe->n_declared == 2;
	int k = FLOW_NORMAL;
	for (size_t i = 0; i < v->len && k >= 0 && k != FLOW_BREAK; i++) {
		const struct pm_json *key = NULL;
		if (with_key)
			key = sorted ? pm_json_str(r->pool, sorted[i].name)
				     : pm_json_uint(r->pool, i);
		k = one_round(r, n, key, sorted ? sorted[i].value : v->items[i]);
	}
	free(sorted);
	return k < 0 ? k : FLOW_NORMAL;
}

static int walk_range(struct run *r, const struct pm_json *dot, const struct pm_tnode *n)
{
	const struct pm_json *v;
	size_t mark = r->n_vars;
	int k = eval_pipe(r, dot, n->pipe, true, &v);
	if (k < 0) {
		r->n_vars = mark;
		return k;
	}
	bool can = v->kind == PM_JSON_ARRAY || v->kind == PM_JSON_NULL ||
		   (v->kind == PM_JSON_OBJECT && v->hint == PM_JSON_MAP);
	if (v == &heading_root) {
		k = one_round(r, n, v, v);
	} else if (!can) {
		_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
		pm_template_print(v, &b);
		k = fail(r, n->pipe, "range can't iterate over %.200s", pm_buf_str(&b));
	} else {
		k = v->len ? walk_items(r, n, v) : walk(r, dot, n->otherwise);
		if (k == FLOW_BREAK) /* in {{else}}: Go ends this range, not the one around it */
			k = FLOW_NORMAL;
	}
	r->n_vars = mark;
	return k;
}

static int walk_template(struct run *r, const struct pm_json *dot, const struct pm_tnode *n)
{
	const struct pm_tdefine *d = r->t->defines;
	const struct pm_json *v = &pm_t_no_value;
	while (d && strcmp(d->name, n->text) != 0)
		d = d->next;
	if (!d)
		return fail(r, n, "template \"%s\" not defined", n->text);
	if (r->calls == MAX_CALLS)
		return fail(r, n, "exceeded maximum template depth (%d)", MAX_CALLS);
	int k = n->pipe ? eval_pipe(r, dot, n->pipe, true, &v) : 0;
	if (k < 0)
		return k;

	size_t outer_base = r->base, mark = r->n_vars;
	const char *outer_name = r->name;
	r->base = r->n_vars;
	r->name = d->name;
	r->calls++;
	push(r, "$", v);
	k = walk(r, v, d->body);
	r->calls--;
	r->n_vars = mark;
	r->base = outer_base;
	r->name = outer_name;
	return k < 0 ? k : FLOW_NORMAL;
}

static int walk_action(struct run *r, const struct pm_json *dot, const struct pm_tnode *n)
{
	const struct pm_json *v;
	int k = eval_pipe(r, dot, n->pipe, true, &v);
	if (k < 0 || n->pipe->n_declared)
		return k;
	if (v->kind == PM_JSON_STRING && v->hint != PM_JSON_TIME)
		return emit(r, n, v->string, v->len, true);
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	pm_template_print(v, &b);
	return emit(r, n, pm_buf_str(&b), b.len, true);
}

/* The first field that n names, in the order of the text; NULL when there is none. */
static const char *first_field(const struct pm_tnode *n)
{
	for (; n; n = n->next) {
		const char *name = n->kind == PM_T_FIELD || (n->kind == PM_T_VARIABLE && n->n_names)
					   ? n->names[n->n_names - 1]
					   : first_field(n->first);
		if (name)
			return name;
	}
	return NULL;
}

static int walk_node(struct run *r, const struct pm_json *dot, const struct pm_tnode *n)
{
	switch (n->kind) {
	case PM_T_TEXT:
		return emit(r, n, n->text, n->len, false);
	case PM_T_ACTION:
		return walk_action(r, dot, n);
	case PM_T_IF:
	case PM_T_WITH:
		return walk_if_with(r, dot, n);
	case PM_T_RANGE:
		return walk_range(r, dot, n);
	case PM_T_TEMPLATE:
		return walk_template(r, dot, n);
	case PM_T_BREAK:
		return FLOW_BREAK;
	case PM_T_CONTINUE:
		return FLOW_CONTINUE;
	case PM_T_PIPE:
	case PM_T_COMMAND:
	case PM_T_DOT:
	case PM_T_FIELD:
	case PM_T_VARIABLE:
	case PM_T_CHAIN:
	case PM_T_FUNCTION:
	case PM_T_CONSTANT:
	case PM_T_NIL:
		break;
	}
	return fail(r, n, "unknown node");
}

/* Returns an enum flow, or -code. */
static int walk(struct run *r, const struct pm_json *dot, const struct pm_tnode *list)
{
	for (const struct pm_tnode *n = list; n; n = n->next) {
		size_t before = r->out->len;
		int k = step(r, n);
		if (k >= 0)
			k = walk_node(r, dot, n);
		const char *field = k < 0 && r->headings && n->pipe ? first_field(n->pipe->first)
								      : NULL;
		if (field) {
			/* what works with the value but not with its heading */
			pm_err_clear(r->err);
			pm_buf_cut(r->out, before);
			const struct pm_json *h = heading_of(r, field);
			k = emit(r, n, h->string, h->len, true);
		}
		if (k != FLOW_NORMAL)
			return k;
	}
	return FLOW_NORMAL;
}

int pm_template_walk(const struct pm_template *t, const struct pm_json *data,
		     const struct pm_template_opts *opts, const char *const *headings,
		     struct pm_buf *out, struct pm_err *err)
{
	static const struct pm_template_opts no_opts = {0};
	struct run r = {
		.t = t, .opts = opts ? opts : &no_opts, .headings = headings, .out = out,
		.out_start = out->len, .err = err, .name = t->name, .pool = pm_json_pool_new(),
	};
	const struct pm_json *dot = headings ? &heading_root : data ? data : &pm_t_no_value;
	push(&r, "$", dot);
	int k = walk(&r, dot, t->body);
	free(r.vars);
	pm_json_pool_free(r.pool);
	return k < 0 ? k : 0;
}
