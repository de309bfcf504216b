#include "cli/quadlet_common.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/systemd/manager.h"

void pm_quadlet_all(struct pm_quadlet_set *set)
{
	_cleanup_strv_ struct pm_strv dirs = PM_STRV_INIT;
	set->user = pm_systemd_is_user();
	set->pm = "pm";
	pm_quadlet_dirs(set->user, getuid(), &dirs);
	pm_quadlet_load(set, &dirs);
	pm_quadlet_convert(set);
}

int pm_quadlet_home(char **ret, struct pm_err *err)
{
	*ret = pm_quadlet_install_dir(pm_systemd_is_user());
	if (!*ret)
		return pm_fail(err, PM_E_UNSUPPORTED, "neither HOME nor XDG_CONFIG_HOME says where Quadlet files are");
	return 0;
}

char *pm_quadlet_status(const struct pm_strv *states, const char *service)
{
	for (size_t i = 0; i < states->n; i++) {
		_cleanup_strv_ struct pm_strv words = PM_STRV_INIT;
		pm_strv_split(&words, states->v[i], ' ');
		if (words.n == 4 && strcmp(words.v[0], service) == 0 && strcmp(words.v[1], "loaded") == 0)
			return pm_asprintf("%s/%s", words.v[2], words.v[3]);
	}
	return pm_strdup("Not loaded");
}
