#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "cli/commands.h"
#include "cli/completion.h"

/* The directive's names, for who reads standard error (a script that does not know the bits). */
static void tell_directive(const char *out)
{
	static const struct {
		unsigned long bit;
		const char *name;
	} names[] = {{2, "NoSpace"}, {4, "NoFileComp"}, {16, "FilterDirs"}};
	unsigned long bits = strtoul(strrchr(out, ':') + 1, NULL, 10);
	fputs("Completion ended with directive: ", stderr);
	if (!bits)
		fputs("ShellCompDirectiveDefault", stderr);
	for (size_t i = 0, n = 0; i < PM_ARRAY_SIZE(names); i++)
		if (bits & names[i].bit)
			fprintf(stderr, "%sShellCompDirective%s", n++ ? ", " : "", names[i].name);
	fputc('\n', stderr);
}

static int complete(struct pm_cli *cli, bool descriptions)
{
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	pm_complete(cli, cli->args, descriptions, &out);
	fputs(pm_buf_str(&out), stdout);
	tell_directive(pm_buf_str(&out));
	return 0;
}

static int complete_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	(void)opts;
	(void)err;
	return complete(cli, true);
}

static int complete_no_desc_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	(void)opts;
	(void)err;
	return complete(cli, false);
}

const struct pm_command pm_cmd_complete = {
	.path = "__complete",
	.summary = "Candidates for the last word of a command line",
	.max_args = -1,
	.flags = PM_CMD_HIDDEN | PM_CMD_RAW,
	.run = complete_run,
};

const struct pm_command pm_cmd_complete_no_desc = {
	.path = "__completeNoDesc",
	.summary = "The same without descriptions",
	.max_args = -1,
	.flags = PM_CMD_HIDDEN | PM_CMD_RAW,
	.run = complete_no_desc_run,
};

struct completion_opts {
	const char *file;
	bool no_desc;
};

static const struct pm_opt completion_table[] = {
	{"file", 'f', PM_STRING(struct completion_opts, file),
	 "Output the completion to file rather than stdout.", .complete = PM_COMPLETE_FILE},
	{"no-desc", 0, PM_BOOL(struct completion_opts, no_desc),
	 "Don't include descriptions in the completion output."},
	{0},
};

/* The script with pm asked for candidates without descriptions. */
static void without_descriptions(const char *script, struct pm_buf *out)
{
	static const char mark[] = "pm __complete ";
	const char *p;
	while ((p = strstr(script, mark))) {
		pm_buf_add(out, script, (size_t)(p - script));
		pm_buf_add_str(out, "pm __completeNoDesc ");
		script = p + sizeof(mark) - 1;
	}
	pm_buf_add_str(out, script);
}

static int completion_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct completion_opts *o = opts;
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	const char *script = pm_completion_script(cli->args[0]);
	if (!script)
		return pm_fail(err, PM_E_USAGE, "invalid argument \"%s\" for \"pm completion\"",
			       cli->args[0]);
	if (o->no_desc)
		without_descriptions(script, &out);
	else
		pm_buf_add_str(&out, script);
	if (o->file)
		return pm_fs_write_file(AT_FDCWD, o->file, out.data, out.len, 0644, false, err);
	fputs(pm_buf_str(&out), stdout);
	return 0;
}

const struct pm_command pm_cmd_completion = {
	.path = "completion",
	.summary = "Generate shell autocompletions",
	.synopsis = "[options] {bash|zsh|fish}",
	.text = "Generate shell autocompletions.\n"
		"Valid arguments are bash, zsh, and fish.\n"
		"Please refer to the man page to see how you can load these completions.",
	.examples = "%p bash\n%p zsh -f _pm\n%p fish --no-desc",
	.min_args = 1,
	.max_args = 1,
	.complete = PM_COMPLETE_SHELL,
	.opts_size = sizeof(struct completion_opts),
	.tables = {{completion_table, 0}},
	.run = completion_run,
};
