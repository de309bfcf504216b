#include <stdio.h>
#include <string.h>

#include "cli/called_as.h"
#include "cli/commands.h"
#include "cli/refused.h"

/* One line an option: PATH, NAME, LETTER, then "yes" or the reason why it is refused. */
static void print_table(const char *path, const struct pm_opt *o)
{
	for (; o && o->name; o++) {
		char letter[2] = {o->letter, '\0'};
		printf("%s\t--%s\t%s\t%s\n", path, o->name, letter,
		       o->kind == PM_OPT_REFUSED ? o->help : "yes");
	}
}

static int print_path(const char *path, const struct pm_command *c)
{
	printf("%s\t\t\t%s\n", path, c->flags & PM_CMD_GROUP ? "group" : "yes");
	for (const struct pm_opt_table *t = c->tables; t->opts; t++)
		print_table(path, t->opts);
	return 0;
}

static int print_command(const struct pm_command *c, const char *path, const char *aliases, void *arg)
{
	(void)arg;
	print_path(path, c);
	while (*aliases) {
		size_t len = strcspn(aliases, ",");
		const char *last = strrchr(path, ' ');
		_cleanup_free_ char *alias = pm_asprintf("%.*s%.*s", last ? (int)(last + 1 - path) : 0,
							 path, (int)len, aliases);
		print_path(alias, c);
		aliases += len + (aliases[len] == ',');
	}
	return 0;
}

static int tables_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	(void)cli;
	(void)opts;
	(void)err;
	const char *name, *why;
	print_table("", pm_global_table);
	print_table("", pm_root_table);
	for (size_t i = 0; pm_called_global("skopeo", &i, &name, &why);)
		printf("skopeo\t%s\t\t%s\n", name, why ? why : "yes");
	printf("skopeo\t--version\t\tyes\n");
	pm_command_each(print_command, NULL);
	for (const struct pm_refused *r = pm_refused_commands; r->path; r++)
		printf("%s\t\t\t%s\n", r->path, r->reason);
	return 0;
}

const struct pm_command pm_cmd_tables = {
	.path = "__tables",
	.summary = "The option tables, for docs/compatibility.md",
	.flags = PM_CMD_HIDDEN,
	.run = tables_run,
};
