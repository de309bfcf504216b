/*
 * command - one const record per command, and the runner that takes argv to a command's function.
 *
 * The runner parses the global options, finds the command, parses its options into a zeroed struct
 * of the record's opts_size, checks the number of arguments, opens what the record's flags ask
 * for, and calls run. Nothing is opened before that, so `pm --version` costs an empty program.
 *
 * A command prints its result to stdout with stdio. It does not look at write errors: the runner
 * flushes and checks once at the end. It does not print errors: it returns them, or, when it goes
 * on with the next of several names, gives each one to pm_cli_note. SIGPIPE has its default action
 * (so writing to a closed pipe ends pm quietly); sockets are written with MSG_NOSIGNAL.
 */
#ifndef PM_CLI_COMMAND_H
#define PM_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "cli/option.h"
#include "storage/storage_conf.h"

struct pm_store;
struct pm_store_options;

struct pm_global_opts {
	const char *root;
	const char *runroot;
	const char *tmpdir;
	const char *volumepath;
	const char *config;
	const char *log_level;
	const char *default_mounts_file;
	const char *runtime;
	const char *storage_driver;
	struct pm_strv storage_opt;
	const char *cgroup_manager;
	const char *events_backend;
	const char *out, *conmon, *network_config_dir;
	bool noout, syslog;
	struct pm_strv module, hooks_dir, cdi_spec_dir, runtime_flag;
	bool version;
};

enum {
	PM_CMD_STORE = 1 << 0,      /* the store is open when run is called: pm_cli_store() */
	PM_CMD_POSITIONAL = 1 << 1, /* options end at the first positional argument (run, exec) */
	PM_CMD_HIDDEN = 1 << 2,     /* not in help nor completion */
	PM_CMD_RAW = 1 << 3,        /* options are not parsed: all words are arguments */
	PM_CMD_GROUP = 1 << 4,      /* only a prefix of others ("image"); has no run */
	PM_CMD_STORE_DIRS = 1 << 5, /* as STORE, but without its database: run calls pm_store_need_db() */
};

struct pm_cli;

struct pm_command {
	/* Where it is found: alternatives by '|', each a path whose last word may have aliases by
	 * ','. "images|image list,ls" is `pm images`, `pm image list` and `pm image ls`. */
	const char *path;
	const char *summary;  /* one line of the command list */
	const char *synopsis; /* after the path: "[options] IMAGE [COMMAND [ARG...]]" */
	const char *text;     /* description; lines are kept. NULL: the summary */
	const char *examples; /* lines, without the program: "%p --all" where %p is "pm images" */
	int min_args;
	int max_args; /* -1: any number */
	unsigned int flags;
	enum pm_complete complete; /* of the arguments; */
	enum pm_complete complete_next; /* of those after the first, where that is another than NONE */
	size_t opts_size;
	struct pm_opt_table tables[PM_OPT_TABLES + 1]; /* ended by {0} */
	/* opts: the filled struct (NULL when opts_size is 0). Returns the exit status (>= 0), or
	 * -code with err set. */
	int (*run)(struct pm_cli *cli, void *opts, struct pm_err *err);
};

struct pm_cli {
	struct pm_global_opts global;
	const struct pm_command *command;
	char path[64];       /* as found, aliases resolved: "image list" */
	char **argv;         /* the whole command line, as main got it */
	struct pm_strv words; /* the same in pm's own words (cli/called_as.h); args point into it */
	char **args;         /* positional arguments, NULL-terminated; argv's */
	int n_args;
	struct pm_parse parse;
	struct pm_buf hint;  /* printed by main after the error, e.g. "See 'pm run --help'" */
	struct pm_store *store;
	struct pm_storage_conf storage; /* storage.conf and --storage-opt, once loaded */
	const char *storage_driver;     /* of --storage-opt */
	bool storage_loaded;
	int exit_status;     /* of a failure; -1: by its code */
	int noted;           /* code of the first error given to pm_cli_note, 0: none */
};

/* Was --name given on the command line (not by default)? */
bool pm_cli_given(const struct pm_cli *cli, const char *name);

/* Where the global options put the store. PM_E_USAGE for a --storage-opt that pm does not know. */
int pm_cli_store_options(struct pm_cli *cli, struct pm_store_options *ret, struct pm_err *err);
/* The open store, for commands with PM_CMD_STORE or PM_CMD_STORE_DIRS. It is closed by the runner. */
struct pm_store *pm_cli_store(struct pm_cli *cli);
/* Open the store now, for commands that need it only sometimes; no-op when it is open. */
int pm_cli_open_store(struct pm_cli *cli, struct pm_err *err);
/* Is there one? It is neither made nor opened. */
bool pm_cli_store_exists(struct pm_cli *cli);
/* Close it early, e.g. before a fork or a long wait. */
void pm_cli_close_store(struct pm_cli *cli);

/* One of several names failed and the command goes on: prints "Error: ..." and clears *err. At the
 * end the command returns pm_cli_result(cli, status): status when nothing failed, else the exit
 * status of the first failure. */
void pm_cli_note(struct pm_cli *cli, struct pm_err *err);
int pm_cli_result(const struct pm_cli *cli, int status);

/* What `exists` returns when a look-up returned r: 0, or 1 in silence for PM_E_NOSUCH, or the error. */
int pm_cli_exists(int r, struct pm_err *err);

/* The exit status for the error that is returned or noted, instead of the one by its code. The
 * first call wins. */
void pm_cli_set_exit(struct pm_cli *cli, int status);
/* 126 PM_E_NOTEXEC, 127 PM_E_NOTFOUND, 130 PM_E_CANCELLED, 125 all others. */
int pm_cli_exit_of(int code);

/* Ask on stderr, read a line from stdin: true for "y" or "yes" in any case. */
bool pm_cli_confirm(const char *question);

/* Run the whole command line. Returns the exit status, or -code with err set; main prints it and
 * cli->hint. cli is zeroed by the caller, and freed by pm_cli_free whatever happened. */
int pm_cli_run(struct pm_cli *cli, char **argv, struct pm_err *err);
void pm_cli_free(struct pm_cli *cli);
/* Exit status for the value that pm_cli_run returned. */
int pm_cli_status(const struct pm_cli *cli, int r);

/* Find a command by its words (argv[0..], NULL-terminated): the record, the number of words used
 * in *ret_words and the path with aliases resolved in path. NULL when the first word is none. A group
 * is returned when what follows it is no command of it. */
const struct pm_command *pm_command_find(char *const *words, size_t *ret_words, char path[64]);

/* Each (record, path) that exists, aliases left out: calls f until it returns non-zero. aliases is
 * "" or what follows the first name, as "ls,ps". */
int pm_command_each(int (*f)(const struct pm_command *c, const char *path, const char *aliases,
			     void *arg),
		    void *arg);

/* Option tables that every command has. */
extern const struct pm_opt pm_global_table[]; /* of struct pm_global_opts */
extern const struct pm_opt pm_root_table[];   /* of the same: without a command only */

#endif
