#include "cli/ctr_options_parts.h"
#include "engine/spec/cdi.h"

#include <string.h>

int pm_ctr_apply_devices(const struct pm_ctr_opts *o, struct pm_ctr_config *c, struct pm_err *err)
{
	/* as Podman has it: a GPU is a CDI device of its vendor */
	for (size_t i = 0; i < o->gpus.n; i++) {
		_cleanup_free_ char *name = pm_asprintf("nvidia.com/gpu=%s", o->gpus.v[i]);
		if (!pm_cdi_is_name(name))
			return pm_fail(err, PM_E_USAGE, "--gpus %s: must be \"all\" or the name of a CDI "
							"device of nvidia.com/gpu", o->gpus.v[i]);
		pm_ctr_config_add_device(c)->host = pm_steal(&name);
	}
	for (size_t i = 0; i < o->device_cgroup_rule.n; i++) {
		const char *rule = o->device_cgroup_rule.v[i];
		_cleanup_strv_ struct pm_strv words = PM_STRV_INIT;
		pm_strv_split(&words, rule, ' ');
		if (words.n != 3 || !strchr(words.v[1], ':'))
			return pm_fail(err, PM_E_USAGE, "invalid device cgroup rule requires type, "
				       "major:Minor, and access rules: \"%s\"", rule);
		pm_strv_add(&c->device_cgroup_rules, rule);
	}
	for (size_t i = 0; i < o->device.n; i++) {
		_cleanup_strv_ struct pm_strv p = PM_STRV_INIT;
		if (pm_cdi_is_name(o->device.v[i])) {
			pm_ctr_config_add_device(c)->host = pm_strdup(o->device.v[i]);
			continue;
		}
		pm_strv_split(&p, o->device.v[i], ':');
		if (p.n > 3 || p.v[0][0] != '/')
			return pm_fail(err, PM_E_USAGE, "invalid device specification: %s",
				       o->device.v[i]);
		/* the second part is a path or, alone, permissions */
		bool path = p.n > 1 && p.v[1][0] == '/';
		const char *perm = p.n == 3 ? p.v[2] : p.n == 2 && !path ? p.v[1] : "rwm";
		if (!*perm || perm[strspn(perm, "rwm")] || (p.n == 3 && !path))
			return pm_fail(err, PM_E_USAGE, "invalid device mode in %s: %s",
				       o->device.v[i], perm);
		struct pm_ctr_device *d = pm_ctr_config_add_device(c);
		d->host = pm_strdup(p.v[0]);
		d->container = pm_strdup(path ? p.v[1] : p.v[0]);
		d->perm = pm_strdup(perm);
	}
	return 0;
}
