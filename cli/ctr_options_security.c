#include "cli/ctr_options_parts.h"

int pm_ctr_apply_security(const struct pm_ctr_opts *o, struct pm_ctr_config *c, struct pm_err *err)
{
	(void)err;
	c->privileged = o->privileged;
	c->read_only = o->read_only;
	c->read_only_tmpfs_off = !o->read_only_tmpfs;
	pm_strv_add_all(&c->cap_add, o->cap_add.v);
	pm_strv_add_all(&c->cap_drop, o->cap_drop.v);
	pm_strv_add_all(&c->security_opt, o->security_opt.v);
	pm_strv_add_all(&c->sysctls, o->sysctl.v);
	c->ipcns = pm_strdup_null(o->ipc);
	c->pidns = pm_strdup_null(o->pid);
	c->utsns = pm_strdup_null(o->uts);
	c->cgroupns = pm_strdup_null(o->cgroupns);
	return 0;
}
