#include "cli/pod_common.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "cli/ctr_common.h"

int pm_pod_read_id_file(const char *path, struct pm_strv *ret, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	int r = pm_fs_read_file(AT_FDCWD, path, 4096, &b, err);
	if (r < 0)
		return pm_wrap(err, "error reading pod ID file");
	char *text = pm_buf_take(&b);
	text[strcspn(text, "\r\n")] = '\0';
	pm_strv_take(ret, text);
	return 0;
}

static int all_pods(struct pm_engine *e, struct pm_strv *ret, struct pm_err *err)
{
	_cleanup_pod_list_ struct pm_pod_list l = {0};
	int r = pm_pod_list(e->store, &l, err);
	for (size_t i = 0; r >= 0 && i < l.n; i++)
		pm_strv_add(ret, l.v[i].id);
	return r;
}

int pm_pod_choose(struct pm_cli *cli, struct pm_engine *e, const struct pm_pod_choice *ch,
		  struct pm_strv *ret, struct pm_err *err)
{
	size_t files = ch->id_files ? ch->id_files->n : 0;
	if (ch->all && ch->latest)
		return pm_fail(err, PM_E_USAGE, "--all and --latest cannot be used together");
	if ((ch->all || ch->latest) && (cli->n_args || files))
		return pm_fail(err, PM_E_USAGE, "no arguments are needed with --%s",
			       ch->all ? "all" : "latest");
	if (ch->all)
		return all_pods(e, ret, err);
	if (ch->latest) {
		char id[65];
		int r = pm_pod_latest(e, id, err);
		if (r >= 0)
			pm_strv_add(ret, id);
		return r;
	}
	if (!cli->n_args && !files)
		return pm_fail(err, PM_E_USAGE, "you must provide at least one pod name or id");
	for (int i = 0; i < cli->n_args; i++)
		pm_strv_add(ret, cli->args[i]);
	for (size_t i = 0; i < files; i++) {
		int r = pm_pod_read_id_file(ch->id_files->v[i], ret, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* A container whose command is not there is a failure of the pod, not status 127. */
static void note(void *arg, struct pm_err *err)
{
	pm_cli_set_exit(arg, 125);
	pm_cli_note(arg, err);
}

struct pm_pod_notes pm_pod_cli_notes(struct pm_cli *cli)
{
	return (struct pm_pod_notes){.note = note, .arg = cli};
}

int pm_pod_verb(struct pm_cli *cli, const struct pm_pod_choice *ch, bool ignore, pm_pod_verb_fn *verb,
		void *arg, struct pm_err *err)
{
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	struct pm_pod_notes notes = pm_pod_cli_notes(cli);
	int r = pm_cli_engine(cli, &e, err);
	if (r >= 0)
		r = pm_pod_choose(cli, &e, ch, &names, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_pod_row_ struct pm_pod_row row = {0};
		r = pm_pod_find(e.store, names.v[i], &row, err);
		if (r >= 0)
			r = verb(&e, row.id, &notes, arg, err);
		if (r == -PM_E_NOSUCH && ignore) {
			pm_err_clear(err);
		} else if (r < 0) {
			if (r == -PM_E_NOSUCH && ch->missing_exit)
				pm_cli_set_exit(cli, ch->missing_exit);
			pm_cli_note(cli, err);
		} else {
			printf("%s\n", row.id);
		}
	}
	return pm_cli_result(cli, 0);
}
