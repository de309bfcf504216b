#include "engine/pod/inherit.h"

#include <string.h>

#include "engine/container/userns.h"

static bool has_mount(const struct pm_ctr_config *k, const char *dest)
{
	for (size_t i = 0; i < k->n_mounts; i++)
		if (pm_streq(k->mounts[i].dest, dest))
			return true;
	return false;
}

static bool has_device(const struct pm_ctr_config *k, const struct pm_ctr_device *d)
{
	for (size_t i = 0; i < k->n_devices; i++)
		if (pm_streq(k->devices[i].container, d->container))
			return true;
	return false;
}

/* "seccomp=..." by the word before its value. */
static bool has_security_opt(const struct pm_ctr_config *k, const char *opt)
{
	size_t n = strcspn(opt, "=:");
	for (size_t i = 0; i < k->security_opt.n; i++)
		if (strcspn(k->security_opt.v[i], "=:") == n &&
		    strncmp(k->security_opt.v[i], opt, n) == 0)
			return true;
	return false;
}

static void take_mount(struct pm_ctr_config *k, const struct pm_ctr_mount *from)
{
	struct pm_ctr_mount *m = pm_ctr_config_add_mount(k);
	m->type = pm_strdup(from->type);
	m->name = pm_strdup_null(from->name);
	m->source = pm_strdup_null(from->source);
	m->subpath = pm_strdup_null(from->subpath);
	m->dest = pm_strdup(from->dest);
	m->owned = from->owned;
	pm_strv_add_all(&m->options, pm_strv_argv(&from->options));
}

void pm_pod_inherit_files(const struct pm_ctr_config *from, struct pm_ctr_config *k)
{
	_cleanup_strv_ struct pm_strv options = PM_STRV_INIT;
	for (size_t i = 0; i < from->n_mounts; i++)
		if (!has_mount(k, from->mounts[i].dest))
			take_mount(k, &from->mounts[i]);
	for (size_t i = 0; i < from->n_devices; i++) {
		if (has_device(k, &from->devices[i]))
			continue;
		struct pm_ctr_device *d = pm_ctr_config_add_device(k);
		d->host = pm_strdup(from->devices[i].host);
		d->container = pm_strdup_null(from->devices[i].container);
		d->perm = pm_strdup_null(from->devices[i].perm);
	}
	/* all of one word are one choice: k's, or the pod's */
	for (size_t i = 0; i < from->security_opt.n; i++)
		if (!has_security_opt(k, from->security_opt.v[i]))
			pm_strv_add(&options, from->security_opt.v[i]);
	pm_strv_add_all(&k->security_opt, pm_strv_argv(&options));
}

void pm_pod_inherit(const struct pm_container *infra, struct pm_ctr_config *k)
{
	const struct pm_ctr_config *from = &infra->config;
	pm_pod_inherit_files(from, k);
	k->no_hostname |= from->no_hostname;
	if (k->shm_size == PM_UNSET && !k->ipcns)
		k->shm_size = from->shm_size;
	if (k->shm_size_systemd == PM_UNSET)
		k->shm_size_systemd = from->shm_size_systemd;
	if (pm_ctr_userns_own(from) && !k->userns && !k->uid_map.n && !k->gid_map.n &&
	    !k->subuidname && !k->subgidname)
		k->userns = pm_asprintf("container:%s", infra->row.id);
}
