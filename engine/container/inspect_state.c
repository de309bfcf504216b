#include "engine/container/inspect_parts.h"

#include <fcntl.h>
#include <string.h>

#include "base/fs.h"
#include "engine/container/checkpoint.h"
#include "engine/container/health.h"

static void cgroup_of(struct insp *i, struct pm_json *o, pid_t pid)
{
	char path[64];
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	if (pid <= 0 || pm_fs_read_file(AT_FDCWD, path, 64 << 10, &b, NULL) < 0) {
		insp_omitted(i, o, "CgroupPath", pm_json_str(i->pool, ""));
		return;
	}
	/* v2's line begins with "0::"; else the first controller's path. */
	const char *p = strstr(pm_buf_str(&b), "0::/");
	const char *q = p ? p + 3 : strchr(pm_buf_str(&b), '/');
	_cleanup_free_ char *s = pm_strndup(q ? q : "", q ? strcspn(q, "\n") : 0);
	insp_str(i, o, "CgroupPath", s);
}

static void flag_if(struct insp *i, struct pm_json *o, const char *name, bool on)
{
	if (on)
		insp_flag(i, o, name, true);
	else
		insp_omitted(i, o, name, pm_json_bool(i->pool, false));
}

/* A file or directory of the container's. */
static void path_if(struct insp *i, struct pm_json *o, const char *name, bool on, const char *file)
{
	if (on)
		insp_strf(i, o, name, "%s/%s", i->dir, file);
	else
		insp_omitted(i, o, name, pm_json_str(i->pool, ""));
}

static void checkpoint_of(struct insp *i, struct pm_json *o)
{
	const struct pm_ctr_config *k = i->k;
	flag_if(i, o, "Checkpointed", k->checkpointed);
	insp_when(i, o, "CheckpointedAt", k->checkpointed ? k->checkpoint_time : 0);
	insp_when(i, o, "RestoredAt", k->restored_time);
	path_if(i, o, "CheckpointLog", k->checkpoint_log, "dump.log");
	path_if(i, o, "CheckpointPath", k->checkpoint_time != 0, PM_CHECKPOINT_DIR);
	path_if(i, o, "RestoreLog", k->restore_log, "restore.log");
	flag_if(i, o, "Restored", k->restored_time != 0);
}

struct pm_json *insp_state(struct insp *i)
{
	struct pm_json *o = pm_json_object(i->pool);
	const struct pm_ctr_state *st = &i->c->state;
	const struct pm_ctr_row *row = &i->c->row;
	bool running = pm_ctr_is_up(st);
	insp_str(i, o, "OciVersion", pm_json_get_str(i->oci, "ociVersion"));
	insp_str(i, o, "Status", pm_ctr_status_name(st->status));
	insp_flag(i, o, "Running", running);
	insp_flag(i, o, "Paused", st->status == PM_STATUS_PAUSED);
	insp_flag(i, o, "Restarting", st->restarting);
	insp_flag(i, o, "OOMKilled", st->oom_killed);
	insp_flag(i, o, "Dead", false);
	insp_num(i, o, "Pid", st->pid);
	if (st->monitored)
		insp_num(i, o, "ConmonPid", st->monitor);
	else
		insp_omitted(i, o, "ConmonPid", pm_json_int(i->pool, 0));
	insp_num(i, o, "ExitCode", running ? 0 : st->exit_code);
	insp_str(i, o, "Error", row->error);
	insp_when(i, o, "StartedAt", st->started);
	insp_when(i, o, "FinishedAt", st->finished);
	insp_set(i, o, "Health", pm_health_json(i->e, i->c, i->pool));
	cgroup_of(i, o, running ? st->pid : 0);
	checkpoint_of(i, o);
	return o;
}
