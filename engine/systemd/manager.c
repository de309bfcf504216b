#include "engine/systemd/manager.h"

#include <string.h>

#include "base/log.h"
#include "base/proc.h"

#define OUTPUT_MAX (4 << 20)

enum { NO_MANAGER = 2, JOB_FAILED = 3 }; /* exit statuses of pm-systemd */

bool pm_systemd_is_user(void)
{
	return geteuid() != 0;
}

/* "pm-systemd KIND WORDS". */
static int ask(const char *verb, const struct pm_strv *units, struct pm_buf *out, struct pm_err *err)
{
	_cleanup_free_ char *path = pm_proc_helper("pm-systemd");
	_cleanup_strv_ struct pm_strv argv = PM_STRV_INIT;
	_cleanup_buf_ struct pm_buf complaint = PM_BUF_INIT;
	struct pm_proc_spec spec = PM_PROC_SPEC_INIT;
	int code;
	pm_strv_add(&argv, "pm-systemd");
	pm_strv_add(&argv, pm_systemd_is_user() ? "user" : "system");
	pm_strv_add(&argv, verb);
	pm_strv_add_all(&argv, pm_strv_argv(units));
	spec.path = path;
	spec.argv = pm_strv_argv(&argv);
	int r = pm_proc_run(&spec, out, OUTPUT_MAX, &complaint, &code, err);
	if (r < 0 || code == 0)
		return r < 0 ? r : 0;
	char *text = complaint.len ? complaint.data : NULL;
	if (text)
		text[strcspn(text, "\n")] = '\0';
	if (text && pm_startswith(text, "Error: "))
		text += strlen("Error: ");
	return pm_fail(err, code == NO_MANAGER ? PM_E_UNSUPPORTED : code == JOB_FAILED ? PM_E_STATE : PM_E_INTERNAL, "%s",
		       text && *text ? text : "pm-systemd failed");
}

int pm_systemd_reload(struct pm_err *err)
{
	static const struct pm_strv none;
	return ask("reload", &none, NULL, err);
}

int pm_systemd_job(const char *verb, const char *unit, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv units = PM_STRV_INIT;
	pm_strv_add(&units, unit);
	return ask(verb, &units, NULL, err);
}

int pm_systemd_states(const struct pm_strv *units, struct pm_strv *ret, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	_cleanup_strv_ struct pm_strv lines = PM_STRV_INIT;
	int r = units->n ? ask("states", units, &out, err) : 0;
	if (r < 0)
		return r;
	pm_strv_split(&lines, pm_buf_str(&out), '\n');
	for (size_t i = 0; i < lines.n; i++)
		if (*lines.v[i])
			pm_strv_add(ret, lines.v[i]);
	return 0;
}

int pm_systemd_slice(const char *slice, const struct pm_strv *limits, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv words = PM_STRV_INIT;
	pm_strv_add(&words, slice);
	pm_strv_add_all(&words, limits->v);
	return ask("slice", &words, NULL, err);
}

/* Is that group one of a login session: ".../session-3.scope"? */
static bool in_session(const char *group)
{
	const char *at = group ? strstr(group, "/session-") : NULL;
	return at && strstr(at, ".scope");
}

void pm_systemd_adopt(const char *own_group, const char *kind, const pid_t *pids, size_t n)
{
	if (!pm_systemd_is_user() || !in_session(own_group))
		return;
	struct pm_err err = PM_ERR_INIT;
	_cleanup_strv_ struct pm_strv words = PM_STRV_INIT;
	pm_strv_addf(&words, "%s-%d.scope", kind, (int)pids[0]);
	for (size_t i = 0; i < n; i++)
		if (pids[i] > 0)
			pm_strv_addf(&words, "%d", (int)pids[i]);
	if (ask("scope", &words, NULL, &err) < 0)
		pm_debug("a scope for %s: %s", kind, err.text);
}
