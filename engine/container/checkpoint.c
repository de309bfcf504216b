#include "engine/container/checkpoint.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/proc.h"
#include "engine/container/ociruntime.h"
#include "netns/userns.h"

const char *pm_checkpoint_criu_reason(char *text)
{
	char *at = strstr(text, "Error (");
	char *reason = at ? strstr(at, "): ") : NULL;
	if (!reason || memchr(at, '\n', (size_t)(reason - at)))
		return NULL;
	reason += strlen("): ");
	reason[strcspn(reason, "\r\n")] = '\0';
	return *reason ? reason : NULL;
}

/* Runs path with these arguments; its exit code, or -code. */
static int ask(const char *path, char *const *argv, struct pm_buf *err_out, struct pm_err *err)
{
	struct pm_proc_spec spec = PM_PROC_SPEC_INIT;
	int code = 0;
	spec.path = path;
	spec.argv = argv;
	int r = pm_proc_run(&spec, NULL, 0, err_out, &code, err);
	return r < 0 ? r : code;
}

/* The kernel has what CRIU needs, and CRIU knows the kernel. */
static int check_criu(const char *verb, struct pm_err *err)
{
	static char *const argv[] = {"criu", "check", NULL};
	_cleanup_free_ char *criu = NULL;
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	/* /usr/sbin is in no user's PATH, and criu is there */
	if (pm_proc_find("criu", getenv("PATH"), &criu, NULL) < 0 &&
	    pm_proc_find("criu", NULL, &criu, NULL) < 0)
		return pm_fail(err, PM_E_UNSUPPORTED,
			       "%s a container requires CRIU, which is not installed", verb);
	int r = ask(criu, argv, &out, err);
	if (r < 0)
		return pm_wrap(err, "%s a container", verb);
	if (r == 0)
		return 0;
	_cleanup_free_ char *text = pm_buf_take(&out);
	const char *reason = pm_checkpoint_criu_reason(text);
	return pm_fail(err, PM_E_UNSUPPORTED, "%s a container requires CRIU, which does not work with this "
					      "kernel: %s", verb,
		       reason ? reason : "see criu check");
}

/* As Podman finds it out: by its help, which a runtime without CRIU has not. */
static int check_runtime(struct pm_engine *e, const struct pm_ctr_config *k, const char *verb,
			 struct pm_err *err)
{
	_cleanup_free_ char *runtime = NULL;
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	int r = pm_ociruntime_path(e, k, &runtime, err);
	if (r < 0)
		return r;
	char *const argv[] = {runtime, "checkpoint", "--help", NULL};
	r = ask(runtime, argv, &out, err);
	if (r > 0)
		return pm_fail(err, PM_E_UNSUPPORTED, "%s a container is not supported by its runtime %s, which "
						      "was built without CRIU; runc can do it", verb, runtime);
	return r;
}

int pm_checkpoint_refuse(struct pm_engine *e, const struct pm_ctr_config *k, const char *verb,
			 struct pm_err *err)
{
	if (geteuid() != 0 || pm_userns_needed() || pm_userns_nested())
		return pm_fail(err, PM_E_UNSUPPORTED, "%s a container requires root", verb);
	int r = check_criu(verb, err);
	if (r >= 0)
		r = check_runtime(e, k, verb, err);
	return r < 0 ? r : pm_fail(err, PM_E_UNSUPPORTED,
				   "%s a container is not supported by this version of pm", verb);
}
