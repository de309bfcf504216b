#include <string.h>

#include "cli/ctr_options_parts.h"
#include "engine/container/userns.h"

/* One --KIND MODE: a word of words, container:NAME or ns:PATH. */
static int mode(const char *kind, const char *value, const char *const *words, char **ret,
		struct pm_err *err)
{
	if (!value || strcmp(value, "pod") == 0) /* what the pod says: cli/ctr_pod.c */
		return 0;
	if (pm_startswith(value, "container:") && value[strlen("container:")] == '\0')
		return pm_fail(err, PM_E_USAGE, "--%s %s: must name a container", kind, value);
	if (pm_startswith(value, "ns:") && value[3] != '/')
		return pm_fail(err, PM_E_USAGE, "--%s %s: must give an absolute path", kind, value);
	if (value[0] && !pm_str_in(value, words) && !pm_startswith(value, "container:") &&
	    !pm_startswith(value, "ns:"))
		return pm_fail(err, PM_E_USAGE, "--%s: unrecognized namespace mode %s passed", kind,
			       value);
	*ret = pm_strdup(value);
	return 0;
}

static int user_namespace(struct pm_engine *e, const struct pm_ctr_opts *o, struct pm_ctr_config *c,
			  struct pm_err *err)
{
	bool maps = o->uidmap.n || o->gidmap.n || o->subuidname || o->subgidname;
	if (o->userns && o->userns[0] && maps)
		return pm_fail(err, PM_E_USAGE, "--userns and --uidmap/--gidmap/--subuidname/--subgidname "
						"are mutually exclusive");
	const char *mode = maps || pm_streq(o->userns, "pod") ? NULL : o->userns ? o->userns : e->conf.userns;
	int r = pm_ctr_userns_check(mode, err);
	if (r < 0)
		return r;
	c->userns = pm_strdup_null(mode);
	pm_strv_add_all(&c->uid_map, o->uidmap.v);
	pm_strv_add_all(&c->gid_map, o->gidmap.v);
	c->subuidname = pm_strdup_null(o->subuidname);
	c->subgidname = pm_strdup_null(o->subgidname);
	return 0;
}

int pm_ctr_apply_namespaces(struct pm_engine *e, const struct pm_ctr_opts *o,
			    struct pm_ctr_config *c, struct pm_err *err)
{
	static const char *const usual[] = {"private", "host", NULL};
	static const char *const ipc[] = {"private", "shareable", "none", "host", NULL};
	int r;
	if ((r = mode("pid", o->pid, usual, &c->pidns, err)) < 0 ||
	    (r = mode("ipc", o->ipc, ipc, &c->ipcns, err)) < 0 ||
	    (r = mode("uts", o->uts, usual, &c->utsns, err)) < 0)
		return r;
	if ((r = mode("cgroupns", o->cgroupns, usual, &c->cgroupns, err)) < 0)
		return r;
	if (c->hostname && c->utsns && (strcmp(c->utsns, "host") == 0 || pm_startswith(c->utsns, "container:")))
		return pm_fail(err, PM_E_USAGE, "cannot set hostname when running in the %s UTS namespace",
			       c->utsns[0] == 'h' ? "host" : "container's");
	if (c->init && c->pidns && *c->pidns && strcmp(c->pidns, "private") != 0)
		return pm_fail(err, PM_E_USAGE, "cannot add init binary as PID 1 (PID namespace isn't private)");
	return user_namespace(e, o, c, err);
}
