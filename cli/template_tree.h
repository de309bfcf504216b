/*
 * template_tree - the syntax tree of a template, between cli/template_parse.c, which makes it, and
 * cli/template_exec.c, which walks it. Private to cli/template*.c. All of it lives in the
 * template's pool.
 */
#ifndef PM_CLI_TEMPLATE_TREE_H
#define PM_CLI_TEMPLATE_TREE_H

#include "cli/template.h"

enum pm_tkind {
	/* in lists */
	PM_T_TEXT,
	PM_T_ACTION, /* {{pipe}} */
	PM_T_IF,
	PM_T_WITH,
	PM_T_RANGE,
	PM_T_TEMPLATE, /* {{template "text" pipe}} */
	PM_T_BREAK,
	PM_T_CONTINUE,
	/* in pipelines */
	PM_T_PIPE,    /* first: its commands; also an operand, in parentheses */
	PM_T_COMMAND, /* first: its operands */
	/* operands */
	PM_T_DOT,
	PM_T_FIELD,    /* names */
	PM_T_VARIABLE, /* text, then names of fields */
	PM_T_CHAIN,    /* first: an operand; then names of fields */
	PM_T_FUNCTION, /* text, function */
	PM_T_CONSTANT, /* value: bool, number, string */
	PM_T_NIL,
};

struct pm_tfunction;

struct pm_tnode {
	enum pm_tkind kind;
	size_t pos;        /* that Go gives in errors: offset in the source */
	size_t start, end; /* its source, for errors */
	struct pm_tnode *next;
	struct pm_tnode *first;
	const char *text;
	size_t len; /* TEXT: bytes of text */
	const char **names;
	size_t n_names;
	struct pm_json *value;
	const struct pm_tfunction *function;
	/* control structures, ACTION and TEMPLATE */
	struct pm_tnode *pipe, *body, *otherwise;
	/* PIPE: $a, $b := */
	const char *declared[2];
	size_t n_declared;
	bool assign; /* = */
};

struct pm_tdefine {
	const char *name;
	struct pm_tnode *body;
	bool empty; /* nothing but white space: another definition may take its place */
	struct pm_tdefine *next;
};

struct pm_template {
	struct pm_json_pool *pool;
	const char *name;
	const char *source;
	struct pm_tnode *body;
	struct pm_tdefine *defines;
};

/* Nesting of blocks and parentheses. */
#define PM_T_MAX_NESTING 200

/* The line (from 1) and column (from 0) of an offset, as errors give them. */
void pm_template_where(const struct pm_template *t, size_t pos, size_t *ret_line, size_t *ret_col);

/* --- tokens (cli/template_lex.c) --- */

enum pm_ttoken_kind {
	PM_TT_ERROR, /* text tells why */
	PM_TT_EOF,
	PM_TT_TEXT,
	PM_TT_LEFT,
	PM_TT_RIGHT,
	PM_TT_SPACE,
	PM_TT_PIPE,
	PM_TT_ASSIGN,
	PM_TT_DECLARE,
	PM_TT_COMMA,
	PM_TT_LPAREN,
	PM_TT_RPAREN,
	PM_TT_DOT,
	PM_TT_FIELD,
	PM_TT_VARIABLE,
	PM_TT_NAME,
	PM_TT_KEYWORD,
	PM_TT_BOOL,
	PM_TT_NIL,
	PM_TT_STRING, /* value */
	PM_TT_NUMBER, /* value */
};

struct pm_ttoken {
	enum pm_ttoken_kind kind;
	size_t start, end; /* source */
	struct pm_json *value;
	const char *why; /* ERROR; lives in the pool */
};

struct pm_tlexer {
	struct pm_json_pool *pool;
	const char *source;
	size_t len, pos;
	size_t parens;
	bool inside; /* of {{ }} */
};

struct pm_ttoken pm_template_lex(struct pm_tlexer *l);

/* --- values and functions (cli/template_print.c, cli/template_func.c) --- */

/* Go's zero reflect.Value: what a missing member of a map gives. Kind NULL; compared by address. */
extern const struct pm_json pm_t_no_value;

/* What a function has to work with. */
struct pm_tcall {
	struct pm_json_pool *pool;
	const struct pm_json **args;
	size_t n;
	char error[300]; /* why it failed */
	/* error is about the type of args[type_arg]; Go does not say "error calling" then */
	bool type_error;
	size_t type_arg;
};

struct pm_tfunction {
	const char *name;
	int min, max; /* arguments; max -1: any number */
	/* NULL for and, or, which do not evaluate all of their arguments */
	bool (*call)(struct pm_tcall *c, const struct pm_json **ret);
};

const struct pm_tfunction *pm_template_function(const char *name);

bool pm_template_truth(const struct pm_json *v);
bool pm_template_is_float(const struct pm_json *number);
/* Go's name of a value's type, for errors and %T. struct_type: of structs. */
const char *pm_template_type(const struct pm_json *v, const char *struct_type);
/* fmt.Fprint(v). */
void pm_template_print(const struct pm_json *v, struct pm_buf *out);
/* fmt.Sprint and fmt.Sprintln of all args. */
void pm_template_print_all(const struct pm_json *const *args, size_t n, bool line,
			   struct pm_buf *out);
/* fmt.Sprintf. */
void pm_template_printf(const struct pm_json *format, const struct pm_json *const *args, size_t n,
			struct pm_buf *out);
/* strconv.Quote; quote is '"' or '\''. */
void pm_template_quote(const char *s, size_t len, char quote, struct pm_buf *out);
/* Members of a map, sorted by name as Go prints and ranges over them; the caller frees. */
struct pm_json_member *pm_template_sorted(const struct pm_json *map);

/* --- execution --- */

/* As pm_template_exec; headings: pairs as for pm_template_exec_headings, or NULL. */
int pm_template_walk(const struct pm_template *t, const struct pm_json *data,
		     const struct pm_template_opts *opts, const char *const *headings,
		     struct pm_buf *out, struct pm_err *err);

#endif
