#include <string.h>

#include "cli/template_tree.h"

struct parser {
	struct pm_template *t;
	struct pm_tlexer lexer;
	struct pm_ttoken ahead[3]; /* put back, the last one next */
	size_t n_ahead;
	struct pm_ttoken last; /* taken */
	struct pm_strv vars;   /* in scope */
	size_t nesting, loops;
	struct pm_err *err;
};

void pm_template_where(const struct pm_template *t, size_t pos, size_t *ret_line, size_t *ret_col)
{
	*ret_line = 1;
	*ret_col = 0;
	for (size_t i = 0; i < pos; i++) {
		++*ret_col;
		if (t->source[i] == '\n')
			++*ret_line, *ret_col = 0;
	}
}

__attribute__((format(printf, 2, 3))) static int fail(struct parser *p, const char *fmt, ...)
{
	char reason[300];
	size_t line, col;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	pm_template_where(p->t, p->last.start, &line, &col);
	return pm_fail(p->err, PM_E_USAGE, "template: %s:%zu: %s", p->t->name, line, reason);
}

static struct pm_ttoken next(struct parser *p)
{
	p->last = p->n_ahead ? p->ahead[--p->n_ahead] : pm_template_lex(&p->lexer);
	return p->last;
}

static void put_back(struct parser *p, struct pm_ttoken t)
{
	p->ahead[p->n_ahead++] = t;
}

static struct pm_ttoken peek(struct parser *p)
{
	struct pm_ttoken t = next(p);
	put_back(p, t);
	return t;
}

static struct pm_ttoken next_word(struct parser *p)
{
	struct pm_ttoken t;
	do
		t = next(p);
	while (t.kind == PM_TT_SPACE);
	return t;
}

static struct pm_ttoken peek_word(struct parser *p)
{
	struct pm_ttoken t = next_word(p);
	put_back(p, t);
	return t;
}

static const char *text_of(struct parser *p, struct pm_ttoken t)
{
	return pm_json_strn(p->t->pool, p->t->source + t.start, t.end - t.start)->string;
}

static bool is_keyword(struct parser *p, struct pm_ttoken t, const char *word)
{
	return t.kind == PM_TT_KEYWORD && t.end - t.start == strlen(word) &&
	       memcmp(p->t->source + t.start, word, t.end - t.start) == 0;
}

static int unexpected(struct parser *p, struct pm_ttoken t, const char *context)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	if (t.kind == PM_TT_ERROR)
		return fail(p, "%s", t.why);
	const char *text = text_of(p, t);
	if (t.kind == PM_TT_EOF)
		pm_buf_add_str(&b, "EOF");
	else if (t.kind == PM_TT_KEYWORD || t.kind == PM_TT_DOT || t.kind == PM_TT_NIL)
		pm_buf_printf(&b, "<%s>", text);
	else
		pm_template_quote(text, strnlen(text, 10), '"', &b);
	return fail(p, "unexpected %.100s%s in %s", b.data, b.data[0] == '"' && strlen(text) > 10
		    ? "..." : "", context);
}

static struct pm_tnode *new_node(struct parser *p, enum pm_tkind kind, struct pm_ttoken t)
{
	struct pm_tnode *n = pm_json_pool_alloc(p->t->pool, sizeof(*n));
	n->kind = kind;
	n->pos = n->start = t.start;
	n->end = t.end;
	return n;
}

static int enter(struct parser *p)
{
	if (++p->nesting > PM_T_MAX_NESTING)
		return fail(p, "nested too deeply");
	return 0;
}

static void drop_vars(struct parser *p, size_t n)
{
	while (p->vars.n > n) {
		free(p->vars.v[--p->vars.n]);
		p->vars.v[p->vars.n] = NULL;
	}
}

/* --- pipelines ----------------------------------------------------------------------------- */

static int parse_pipe(struct parser *p, const char *context, enum pm_ttoken_kind end,
		      struct pm_tnode **ret);

/* One operand without fields behind it; *ret is NULL when there is none. */
static int parse_term(struct parser *p, struct pm_tnode **ret)
{
	struct pm_ttoken t = next_word(p);
	int r;
	*ret = NULL;
	switch (t.kind) {
	case PM_TT_NAME:
		*ret = new_node(p, PM_T_FUNCTION, t);
		(*ret)->text = text_of(p, t);
		(*ret)->function = pm_template_function((*ret)->text);
		if (!(*ret)->function)
			return fail(p, "function \"%s\" not defined", (*ret)->text);
		return 0;
	case PM_TT_DOT:
		*ret = new_node(p, PM_T_DOT, t);
		return 0;
	case PM_TT_NIL:
		*ret = new_node(p, PM_T_NIL, t);
		return 0;
	case PM_TT_VARIABLE:
		*ret = new_node(p, PM_T_VARIABLE, t);
		(*ret)->text = text_of(p, t);
		if (!pm_strv_has(&p->vars, (*ret)->text))
			return fail(p, "undefined variable \"%s\"", (*ret)->text);
		return 0;
	case PM_TT_FIELD:
		*ret = new_node(p, PM_T_FIELD, t);
		(*ret)->names = pm_json_pool_alloc(p->t->pool, sizeof(char *));
		(*ret)->names[0] = text_of(p, t) + 1;
		(*ret)->n_names = 1;
		return 0;
	case PM_TT_BOOL:
	case PM_TT_NUMBER:
	case PM_TT_STRING:
		*ret = new_node(p, PM_T_CONSTANT, t);
		(*ret)->value = t.value;
		return 0;
	case PM_TT_LPAREN:
		r = enter(p);
		if (r >= 0)
			r = parse_pipe(p, "parenthesized pipeline", PM_TT_RPAREN, ret);
		p->nesting--;
		if (r >= 0)
			(*ret)->start = t.start;
		return r;
	case PM_TT_ERROR:
	case PM_TT_EOF:
	case PM_TT_TEXT:
	case PM_TT_LEFT:
	case PM_TT_RIGHT:
	case PM_TT_SPACE:
	case PM_TT_PIPE:
	case PM_TT_ASSIGN:
	case PM_TT_DECLARE:
	case PM_TT_COMMA:
	case PM_TT_RPAREN:
	case PM_TT_KEYWORD:
		break;
	}
	put_back(p, t);
	return 0;
}

static void add_name(struct parser *p, struct pm_tnode *n, const char *name)
{
	const char **names = pm_json_pool_alloc(p->t->pool, (n->n_names + 1) * sizeof(char *));
	if (n->n_names)
		memcpy(names, n->names, n->n_names * sizeof(char *));
	names[n->n_names++] = name;
	n->names = names;
}

static int parse_operand(struct parser *p, struct pm_tnode **ret)
{
	int r = parse_term(p, ret);
	if (r < 0 || !*ret || peek(p).kind != PM_TT_FIELD)
		return r;

	struct pm_tnode *n = *ret;
	if (n->kind == PM_T_CONSTANT || n->kind == PM_T_NIL || n->kind == PM_T_DOT) {
		_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
		pm_template_quote(p->t->source + n->start, n->end - n->start, '"', &b);
		return fail(p, "unexpected . after term %.100s", b.data);
	}
	if (n->kind != PM_T_FIELD && n->kind != PM_T_VARIABLE) {
		struct pm_tnode *chain = pm_json_pool_alloc(p->t->pool, sizeof(*chain));
		chain->kind = PM_T_CHAIN;
		chain->start = n->start;
		chain->first = n;
		n = chain;
	}
	n->pos = peek(p).start;
	while (peek(p).kind == PM_TT_FIELD) {
		/* each copies the names so far: bounded, lest a long chain takes quadratic time */
		if (n->n_names == PM_T_MAX_NESTING)
			return fail(p, "too many fields in a row");
		struct pm_ttoken t = next(p);
		add_name(p, n, text_of(p, t) + 1);
		n->end = t.end;
	}
	*ret = n;
	return 0;
}

static int parse_command(struct parser *p, struct pm_tnode **ret)
{
	struct pm_tnode *c = new_node(p, PM_T_COMMAND, peek_word(p)), **tail = &c->first;
	for (;;) {
		struct pm_tnode *operand;
		peek_word(p);
		int r = parse_operand(p, &operand);
		if (r < 0)
			return r;
		if (operand) {
			*tail = operand;
			tail = &operand->next;
			c->end = operand->end;
		}
		struct pm_ttoken t = next(p);
		if (t.kind == PM_TT_SPACE)
			continue;
		if (t.kind == PM_TT_RIGHT || t.kind == PM_TT_RPAREN)
			put_back(p, t);
		else if (t.kind != PM_TT_PIPE)
			return unexpected(p, t, "operand");
		break;
	}
	if (!c->first)
		return fail(p, "empty command");
	*ret = c;
	return 0;
}

/* "$a :=", "$a =", for range also "$i, $a :=": what the pipe declares. */
static int parse_declarations(struct parser *p, const char *context, struct pm_tnode *pipe)
{
	for (;;) {
		struct pm_ttoken v = peek_word(p);
		if (v.kind != PM_TT_VARIABLE)
			return 0;
		next(p);
		struct pm_ttoken after = peek(p), t = peek_word(p);
		if (t.kind == PM_TT_ASSIGN || t.kind == PM_TT_DECLARE) {
			next_word(p);
			pipe->assign = t.kind == PM_TT_ASSIGN;
			pipe->declared[pipe->n_declared++] = text_of(p, v);
			pm_strv_add(&p->vars, text_of(p, v));
			return 0;
		}
		if (t.kind != PM_TT_COMMA) {
			if (after.kind == PM_TT_SPACE)
				put_back(p, after);
			put_back(p, v);
			return 0;
		}
		next_word(p);
		pipe->declared[pipe->n_declared++] = text_of(p, v);
		pm_strv_add(&p->vars, text_of(p, v));
		if (strcmp(context, "range") != 0 || pipe->n_declared == 2)
			return fail(p, "too many declarations in %s", context);
		if (peek_word(p).kind != PM_TT_VARIABLE)
			return fail(p, "range can only initialize variables");
	}
}

static int check_pipe(struct parser *p, const char *context, const struct pm_tnode *pipe)
{
	if (!pipe->first)
		return fail(p, "missing value for %s", context);
	int stage = 2;
	for (const struct pm_tnode *c = pipe->first->next; c; c = c->next, stage++) {
		enum pm_tkind k = c->first->kind;
		if (k == PM_T_CONSTANT || k == PM_T_DOT || k == PM_T_NIL)
			return fail(p, "non executable command in pipeline stage %d", stage);
	}
	return 0;
}

static int parse_pipe(struct parser *p, const char *context, enum pm_ttoken_kind end,
		      struct pm_tnode **ret)
{
	struct pm_tnode *pipe = new_node(p, PM_T_PIPE, peek_word(p)), **tail = &pipe->first;
	int r = parse_declarations(p, context, pipe);
	if (r < 0)
		return r;
	for (;;) {
		struct pm_ttoken t = next_word(p);
		if (t.kind == end) {
			pipe->end = t.kind == PM_TT_RPAREN ? t.end
				    : *tail || pipe->first ? pipe->end : t.start;
			*ret = pipe;
			return check_pipe(p, context, pipe);
		}
		if (t.kind != PM_TT_BOOL && t.kind != PM_TT_DOT && t.kind != PM_TT_FIELD &&
		    t.kind != PM_TT_NAME && t.kind != PM_TT_NUMBER && t.kind != PM_TT_NIL &&
		    t.kind != PM_TT_STRING && t.kind != PM_TT_VARIABLE && t.kind != PM_TT_LPAREN)
			return unexpected(p, t, context);
		put_back(p, t);
		r = parse_command(p, tail);
		if (r < 0)
			return r;
		pipe->end = (*tail)->end;
		tail = &(*tail)->next;
	}
}

/* --- lists and control structures ------------------------------------------------------------ */

/* What ended a list. */
enum list_end { LIST_EOF, LIST_END, LIST_ELSE, LIST_ELSE_IF };

static int parse_list(struct parser *p, struct pm_tnode **ret, enum list_end *ret_end);

static int expect(struct parser *p, enum pm_ttoken_kind kind, const char *context)
{
	struct pm_ttoken t = next_word(p);
	return t.kind == kind ? 0 : unexpected(p, t, context);
}

/* Behind the keyword of if, with or range: up to and with its {{end}}. */
static int parse_control(struct parser *p, enum pm_tkind kind, struct pm_ttoken keyword,
			 struct pm_tnode **ret)
{
	const char *context = kind == PM_T_IF ? "if" : kind == PM_T_WITH ? "with" : "range";
	struct pm_tnode *n = new_node(p, kind, keyword);
	size_t vars = p->vars.n;
	enum list_end end;

	int r = enter(p);
	if (r >= 0)
		r = parse_pipe(p, context, PM_TT_RIGHT, &n->pipe);
	if (r < 0)
		return r;
	n->end = n->pipe->end;
	p->loops += kind == PM_T_RANGE;
	r = parse_list(p, &n->body, &end);
	p->loops -= kind == PM_T_RANGE;
	if (r < 0)
		return r;
	if (end == LIST_ELSE_IF && kind == PM_T_IF) {
		/* "{{else if}}" is "{{else}}{{if}}" with one {{end}} for both */
		struct pm_ttoken inner = next_word(p);
		r = parse_control(p, PM_T_IF, inner, &n->otherwise);
	} else if (end == LIST_ELSE_IF) {
		r = unexpected(p, next_word(p), "{{else}}");
	} else if (end == LIST_ELSE) {
		r = parse_list(p, &n->otherwise, &end);
		if (r >= 0 && end != LIST_END)
			r = end == LIST_EOF ? fail(p, "unexpected EOF")
					    : fail(p, "expected end; found {{else}}");
	} else if (end == LIST_EOF) {
		r = fail(p, "unexpected EOF");
	}
	p->nesting--;
	drop_vars(p, vars);
	*ret = n;
	return r;
}

static bool only_space(const struct pm_tnode *list)
{
	for (; list; list = list->next)
		if (list->kind != PM_T_TEXT || strspn(list->text, " \t\r\n") != list->len)
			return false;
	return true;
}

static int add_definition(struct parser *p, const char *name, struct pm_tnode *body)
{
	bool empty = only_space(body);
	for (struct pm_tdefine *d = p->t->defines; d; d = d->next) {
		if (strcmp(d->name, name) != 0)
			continue;
		if (!d->empty && !empty)
			return fail(p, "template: multiple definition of template \"%s\"", name);
		if (d->empty) {
			d->body = body;
			d->empty = empty;
		}
		return 0;
	}
	struct pm_tdefine *d = pm_json_pool_alloc(p->t->pool, sizeof(*d));
	*d = (struct pm_tdefine){name, body, empty, p->t->defines};
	p->t->defines = d;
	return 0;
}

static int parse_name(struct parser *p, const char *context, const char **ret)
{
	struct pm_ttoken t = next_word(p);
	if (t.kind != PM_TT_STRING)
		return unexpected(p, t, context);
	*ret = t.value->string;
	return 0;
}

/* The body of a define or block, with variables of its own, up to and with its {{end}}. */
static int parse_body(struct parser *p, const char *name, const char *context)
{
	struct pm_strv outer = p->vars;
	size_t loops = p->loops;
	struct pm_tnode *body = NULL;
	enum list_end end = LIST_EOF;

	p->vars = (struct pm_strv)PM_STRV_INIT;
	p->loops = 0;
	pm_strv_add(&p->vars, "$");
	int r = enter(p);
	if (r >= 0)
		r = parse_list(p, &body, &end);
	if (r >= 0 && end == LIST_EOF)
		r = fail(p, "unexpected EOF");
	else if (r >= 0 && end != LIST_END)
		r = fail(p, "unexpected {{else}} in %s", context);
	p->nesting--;
	pm_strv_free(&p->vars);
	p->vars = outer;
	p->loops = loops;
	return r < 0 ? r : add_definition(p, name, body);
}

static int parse_define(struct parser *p)
{
	const char *name = NULL;
	int r = parse_name(p, "define clause", &name);
	if (r >= 0)
		r = expect(p, PM_TT_RIGHT, "define clause");
	return r < 0 ? r : parse_body(p, name, "define clause");
}

/* {{template "name" pipe}}; {{block "name" pipe}}, which also defines it. */
static int parse_template(struct parser *p, struct pm_ttoken keyword, bool block,
			  struct pm_tnode **ret)
{
	const char *context = block ? "block clause" : "template clause";
	struct pm_tnode *n = new_node(p, PM_T_TEMPLATE, keyword);
	int r = parse_name(p, context, &n->text);
	if (r < 0)
		return r;
	n->end = p->last.end;
	if (block || peek_word(p).kind != PM_TT_RIGHT) {
		r = parse_pipe(p, context, PM_TT_RIGHT, &n->pipe);
		if (r < 0)
			return r;
		n->end = n->pipe->end;
	} else {
		next_word(p);
	}
	*ret = n;
	return block ? parse_body(p, n->text, context) : 0;
}

static int parse_jump(struct parser *p, struct pm_ttoken keyword, bool is_break,
		      struct pm_tnode **ret)
{
	const char *name = is_break ? "break" : "continue";
	if (peek_word(p).kind != PM_TT_RIGHT) {
		char context[32];
		snprintf(context, sizeof(context), "{{%s}}", name);
		return unexpected(p, next_word(p), context);
	}
	next_word(p);
	if (p->loops == 0)
		return fail(p, "{{%s}} outside {{range}}", name);
	*ret = new_node(p, is_break ? PM_T_BREAK : PM_T_CONTINUE, keyword);
	return 0;
}

/* Behind {{else: sees whether an if follows, which stays to be read. */
static int parse_else(struct parser *p, enum list_end *ret_end)
{
	if (is_keyword(p, peek_word(p), "if")) {
		*ret_end = LIST_ELSE_IF;
		return 0;
	}
	*ret_end = LIST_ELSE;
	return expect(p, PM_TT_RIGHT, "else");
}

/* Behind {{. *ret stays NULL for what makes no node; *ret_end is set when it ends the list, which
 * *ret_ended tells. */
static int parse_action(struct parser *p, bool top, struct pm_tnode **ret, bool *ret_ended,
			enum list_end *ret_end)
{
	struct pm_ttoken t = next_word(p);
	*ret = NULL;
	*ret_ended = false;
	if (is_keyword(p, t, "if"))
		return parse_control(p, PM_T_IF, t, ret);
	if (is_keyword(p, t, "with"))
		return parse_control(p, PM_T_WITH, t, ret);
	if (is_keyword(p, t, "range"))
		return parse_control(p, PM_T_RANGE, t, ret);
	if (is_keyword(p, t, "template") || is_keyword(p, t, "block"))
		return parse_template(p, t, is_keyword(p, t, "block"), ret);
	if (is_keyword(p, t, "break") || is_keyword(p, t, "continue"))
		return parse_jump(p, t, is_keyword(p, t, "break"), ret);
	if (is_keyword(p, t, "define") && top)
		return parse_define(p);
	if (is_keyword(p, t, "end") && !top) {
		*ret_ended = true;
		*ret_end = LIST_END;
		return expect(p, PM_TT_RIGHT, "end");
	}
	if (is_keyword(p, t, "else") && !top) {
		*ret_ended = true;
		return parse_else(p, ret_end);
	}
	if (is_keyword(p, t, "end") || is_keyword(p, t, "else"))
		return fail(p, "unexpected {{%s}}", text_of(p, t));
	put_back(p, t);
	*ret = new_node(p, PM_T_ACTION, t);
	int r = parse_pipe(p, "command", PM_TT_RIGHT, &(*ret)->pipe);
	if (r >= 0)
		(*ret)->end = (*ret)->pipe->end;
	return r;
}

static int parse_list(struct parser *p, struct pm_tnode **ret, enum list_end *ret_end)
{
	struct pm_tnode **tail = ret;
	bool top = p->nesting == 0, ended = false;
	*ret = NULL;
	while (!ended) {
		struct pm_ttoken t = next(p);
		struct pm_tnode *n = NULL;
		int r = 0;
		if (t.kind == PM_TT_EOF) {
			*ret_end = LIST_EOF;
			return 0;
		}
		if (t.kind == PM_TT_TEXT) {
			n = new_node(p, PM_T_TEXT, t);
			n->text = text_of(p, t);
			n->len = t.end - t.start;
		} else if (t.kind == PM_TT_LEFT) {
			r = parse_action(p, top, &n, &ended, ret_end);
		} else {
			r = unexpected(p, t, "input");
		}
		if (r < 0)
			return r;
		if (n) {
			*tail = n;
			tail = &n->next;
		}
	}
	return 0;
}

int pm_template_parse(const char *text, const char *name, struct pm_template **ret,
		      struct pm_err *err)
{
	struct pm_template *t = PM_NEW(struct pm_template);
	t->pool = pm_json_pool_new();
	t->name = pm_json_pool_strdup(t->pool, name);
	t->source = pm_json_pool_strdup(t->pool, text);

	struct parser p = {.t = t, .err = err};
	p.lexer = (struct pm_tlexer){.pool = t->pool, .source = t->source, .len = strlen(text)};
	pm_strv_add(&p.vars, "$");
	enum list_end end;
	int r = parse_list(&p, &t->body, &end);
	pm_strv_free(&p.vars);
	if (r < 0) {
		pm_template_free(t);
		return r;
	}
	*ret = t;
	return 0;
}

void pm_template_free(struct pm_template *t)
{
	if (!t)
		return;
	pm_json_pool_free(t->pool);
	free(t);
}
