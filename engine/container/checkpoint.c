#include "engine/container/checkpoint.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/proc.h"
#include "netns/userns.h"

int pm_checkpoint_refuse(struct pm_engine *e, const char *verb, struct pm_err *err)
{
	_cleanup_free_ char *criu = NULL;
	(void)e;
	if (geteuid() != 0 || pm_userns_needed() || pm_userns_nested())
		return pm_fail(err, PM_E_UNSUPPORTED, "%s a container requires root", verb);
	if (pm_proc_find("criu", getenv("PATH"), &criu, NULL) < 0)
		return pm_fail(err, PM_E_UNSUPPORTED,
			       "%s a container requires CRIU, which is not installed", verb);
	return pm_fail(err, PM_E_UNSUPPORTED,
		       "%s a container is not supported by this version of pm", verb);
}
