/*
 * option - const tables of command line options and the parser that fills a struct from them.
 *
 * A table is an array of struct pm_opt ended by an entry without a name; each entry says where in
 * the command's options struct its value goes. A command may have several tables, each at an offset
 * of its struct, so that run and create share theirs. Help, completion and the check of the manual
 * pages read the same tables. The grammar is that of pflag, as Podman has it: --name=v, --name v,
 * -abc, -nv, -n=v, --flag=false, "--" ends the options.
 *
 *	struct images_opts { bool all; const char *format; struct pm_strv filter; };
 *	static const struct pm_opt images_table[] = {
 *		{"all", 'a', PM_BOOL(struct images_opts, all), "Show all images"},
 *		{"filter", 'f', PM_LIST(struct images_opts, filter), "Filter output", .arg = "filter"},
 *		{"format", 0, PM_STRING(struct images_opts, format), "Change the output format"},
 *		{0},
 *	};
 *
 * Strings in the struct point into argv (or at the default's literal) and are not freed; lists are
 * owned by the struct, and pm_options_free frees them.
 */
#ifndef PM_CLI_OPTION_H
#define PM_CLI_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "cli/value.h"

enum pm_opt_kind {
	PM_OPT_BOOL,     /* bool */
	PM_OPT_STRING,   /* const char *, NULL when not given and without default */
	PM_OPT_STRINGS,  /* struct pm_strv: one item each time it is given (pflag's stringArray) */
	PM_OPT_LIST,     /* struct pm_strv: each value is a line of CSV (pflag's stringSlice) */
	PM_OPT_INT,      /* int64_t; 0x, 0o and 0b prefixes as Go's ParseInt with base 0 */
	PM_OPT_UINT,     /* uint64_t */
	PM_OPT_FLOAT,    /* double */
	PM_OPT_SIZE,     /* int64_t, bytes: 10, 10b, 10k, 1.5g, 64MB, 1GiB (powers of 1024); -1 */
	PM_OPT_DURATION, /* int64_t, nanoseconds: Go's "1h2m3.5s", or a plain number of seconds */
	PM_OPT_CHOICE,   /* const char *, one of pm_opt.choices */
	PM_OPT_REFUSED,  /* not stored: Podman has it, pm refuses it by name; help says why. Hidden. Takes
			     an argument unless no_value is set */
};

/* What a shell offers as an argument. */
enum pm_complete {
	PM_COMPLETE_NONE,
	PM_COMPLETE_FILE,
	PM_COMPLETE_DIR,
	PM_COMPLETE_IMAGE,
	PM_COMPLETE_CONTAINER,
	PM_COMPLETE_RUNNING,  /* running containers */
	PM_COMPLETE_STOPPED,  /* created or exited containers */
	PM_COMPLETE_PAUSED,   /* paused containers */
	PM_COMPLETE_CTR_PATH, /* "CONTAINER:", or a local path: cp */
	PM_COMPLETE_CAP,      /* capabilities */
	PM_COMPLETE_NOTHING,  /* for complete_next: no further argument is offered */
	PM_COMPLETE_NAME,     /* images and containers */
	PM_COMPLETE_SIGNAL,
	PM_COMPLETE_USER,
	PM_COMPLETE_COMMAND,  /* commands of pm, for help */
	PM_COMPLETE_SHELL,    /* bash, zsh, fish */
	PM_COMPLETE_NETWORK,  /* modes of --network, and names */
	PM_COMPLETE_NETWORK_NAME,
	PM_COMPLETE_ENV,      /* names of this process's environment */
	PM_COMPLETE_POD,
	PM_COMPLETE_SECRET,
	PM_COMPLETE_QUADLET,  /* names of Quadlet files */
	PM_COMPLETE_VOLUME,
	PM_COMPLETE_MOUNT,    /* a volume's name or a path, and more to follow: -v */
	PM_COMPLETE_FORMAT,   /* a template of the fields in choices: ".ID|.Names|.Host." */
};

struct pm_opt {
	const char *name; /* long name */
	char letter;      /* or 0 */
	enum pm_opt_kind kind;
	size_t offset;    /* kind and offset come from a PM_BOOL(), PM_STRING(), ... */
	const char *help;
	const char *arg;      /* name of the argument in help; NULL: by kind ("string", "int") */
	const char *def;      /* parsed into the struct before the command line; shown in help */
	const char *no_value; /* what plain --name means; then a value needs '=' */
	const char *choices;  /* CHOICE, or offered by completion: "a|b|c" */
	enum pm_complete complete;
	bool hidden;          /* neither in help nor in completions */
};

/* The second to fourth fields of an entry, with the field's type checked against the kind. */
#define PM_OPT_AT(kind_, S, field, type)                                                           \
	(kind_), (offsetof(S, field) + 0 * sizeof((type *)NULL == &((S *)NULL)->field))
#define PM_BOOL(S, field) PM_OPT_AT(PM_OPT_BOOL, S, field, bool)
#define PM_STRING(S, field) PM_OPT_AT(PM_OPT_STRING, S, field, const char *)
#define PM_STRINGS(S, field) PM_OPT_AT(PM_OPT_STRINGS, S, field, struct pm_strv)
#define PM_LIST(S, field) PM_OPT_AT(PM_OPT_LIST, S, field, struct pm_strv)
#define PM_INT(S, field) PM_OPT_AT(PM_OPT_INT, S, field, int64_t)
#define PM_UINT(S, field) PM_OPT_AT(PM_OPT_UINT, S, field, uint64_t)
#define PM_FLOAT(S, field) PM_OPT_AT(PM_OPT_FLOAT, S, field, double)
#define PM_SIZE(S, field) PM_OPT_AT(PM_OPT_SIZE, S, field, int64_t)
#define PM_DURATION(S, field) PM_OPT_AT(PM_OPT_DURATION, S, field, int64_t)
#define PM_CHOICE(S, field) PM_OPT_AT(PM_OPT_CHOICE, S, field, const char *)
#define PM_REFUSED PM_OPT_REFUSED, 0

#define PM_OPT_TABLES 6

/* A table and where its struct lies in the command's. */
struct pm_opt_table {
	const struct pm_opt *opts; /* NULL ends a list of tables */
	size_t offset;
};

/* One parse: the tables with the struct each one fills. */
struct pm_parse {
	struct {
		const struct pm_opt *opts;
		void *base;
	} tables[PM_OPT_TABLES + 2];
	size_t n_tables;
	bool interspersed;       /* options may follow positional arguments */
	bool help;               /* --help, or -h where no option has that letter, was given */
	const struct pm_opt **given; /* owned list of the options that were given, in order */
	size_t n_given;
	char **args;             /* owned list, NULL-terminated, of positional arguments in argv */
	size_t n_args;
};

/* Add tables (base of each: base + its offset) and put their defaults into base. A default that its
 * own kind does not take is a defect of the table and fails with PM_E_INTERNAL. An option hides one of
 * the same name in a table added before: a command's own --config the global one. */
int pm_parse_add(struct pm_parse *p, const struct pm_opt_table *tables, void *base,
		 struct pm_err *err);
/* Parse argv (NULL-terminated, without the command's name). Errors are PM_E_USAGE in pflag's words.
 * p->args points to argv's strings. */
int pm_parse_run(struct pm_parse *p, char **argv, struct pm_err *err);
/* Set one option of p's tables to value, as --name=value does. base is its table's struct. */
int pm_parse_set(struct pm_parse *p, const struct pm_opt *o, void *base, const char *value,
		 struct pm_err *err);
/* What plain --name means for o: its value, or NULL when it needs an argument. */
const char *pm_opt_plain(const struct pm_opt *o);
/* Was --name given? */
bool pm_parse_given(const struct pm_parse *p, const char *name);
/* Free what p holds and the lists within the structs. */
void pm_parse_free(struct pm_parse *p);

/* The option with that long name (len bytes; name NULL: with that letter) in p's tables, NULL when there
 * is none. *ret_base, which may be NULL, gets its table's struct. */
const struct pm_opt *pm_parse_find(const struct pm_parse *p, const char *name, size_t len,
				   char letter, void **ret_base);

#endif
