#include "engine/container/inspect_parts.h"

#include <string.h>

#include "engine/container/inspect.h"
#include "engine/secret/use.h"

/* Which secrets, never what they say. */
static void secrets(struct insp *i, struct pm_json *o)
{
	struct pm_json *l = pm_json_array(i->pool);
	for (size_t n = 0; n < i->k->secrets.n; n++) {
		_cleanup_secret_use_ struct pm_secret_use u = {0};
		if (pm_secret_use_decode(i->k->secrets.v[n], &u, NULL) < 0 || u.env)
			continue;
		struct pm_json *v = pm_json_add(i->pool, l, pm_json_object(i->pool));
		pm_json_set_str(i->pool, v, "Name", u.name);
		pm_json_set_str(i->pool, v, "ID", u.id);
		pm_json_set_int(i->pool, v, "UID", u.uid);
		pm_json_set_int(i->pool, v, "GID", u.gid);
		pm_json_set_int(i->pool, v, "Mode", (int64_t)u.mode);
	}
	if (l->len)
		insp_set(i, o, "Secrets", l);
	else
		insp_omitted(i, o, "Secrets", pm_json_null(i->pool));
}

/* The name of the UTS namespace that it is in. */
static void hostname(struct insp *i, struct pm_json *o)
{
	_cleanup_container_ struct pm_container other;
	const char *name = pm_json_get_str(i->oci, "hostname"), *uts = i->k->utsns;
	pm_container_init(&other);
	if (uts && pm_startswith(uts, "container:") &&
	    pm_container_load(i->e, uts + strlen("container:"), &other, NULL) >= 0)
		insp_strf(i, o, "Hostname", "%.*s", other.config.hostname ? 64 : 12,
			  other.config.hostname ? other.config.hostname : other.row.id);
	else
		insp_str(i, o, "Hostname", name ? name : i->k->hostname);
}

struct pm_json *insp_config(struct insp *i)
{
	const struct pm_ctr_config *k = i->k;
	struct pm_json *o = pm_json_object(i->pool);
	const struct pm_json *env = pm_json_get(insp_process(i), "env");
	_cleanup_free_ char *entry = pm_strv_join(&k->entrypoint, " ");
	hostname(i, o);
	insp_str(i, o, "Domainname", "");
	insp_str(i, o, "User", k->user);
	insp_flag(i, o, "AttachStdin", false);
	insp_flag(i, o, "AttachStdout", false);
	insp_flag(i, o, "AttachStderr", false);
	insp_flag(i, o, "Tty", k->terminal);
	insp_flag(i, o, "OpenStdin", k->stdin_open);
	insp_flag(i, o, "StdinOnce", false);
	insp_set(i, o, "Env", env ? pm_json_copy(i->pool, env) : pm_json_strv(i->pool, &k->env));
	insp_set(i, o, "Cmd",
		 k->command.n ? pm_json_strv(i->pool, &k->command) : pm_json_null(i->pool));
	insp_str(i, o, "Image", k->image);
	insp_set(i, o, "Volumes", pm_json_null(i->pool));
	insp_str(i, o, "WorkingDir", k->workdir ? k->workdir : "/");
	insp_str(i, o, "Entrypoint", entry);
	insp_set(i, o, "OnBuild", pm_json_null(i->pool));
	insp_set(i, o, "Labels", pm_inspect_map(i->pool, &k->labels));
	struct pm_json *notes = pm_inspect_sorted(i->pool, pm_json_get(i->oci, "annotations"));
	pm_json_unset(notes, "run.oci.seccomp_bpf_data"); /* ours, not the user's; 15 KB */
	insp_set(i, o, "Annotations", notes);
	insp_num(i, o, "StopSignal", k->stop_signal == PM_UNSET ? 15 : k->stop_signal);
	if (k->healthcheck) {
		struct pm_json *h;
		if (pm_json_parse(i->pool, k->healthcheck, strlen(k->healthcheck), &h, NULL) >= 0)
			insp_set(i, o, "Healthcheck", h);
	} else {
		insp_omitted(i, o, "Healthcheck", pm_json_null(i->pool));
	}
	if (k->startup_healthcheck) {
		struct pm_json *h;
		if (pm_json_parse(i->pool, k->startup_healthcheck, strlen(k->startup_healthcheck),
				  &h, NULL) >= 0)
			insp_set(i, o, "StartupHealthCheck", h);
	}
	insp_str(i, o, "HealthcheckOnFailureAction",
		 k->health_on_failure ? k->health_on_failure : "none");
	if (k->health_log_destination)
		insp_str(i, o, "HealthLogDestination", k->health_log_destination);
	if (k->health_max_log_count != PM_UNSET)
		insp_num(i, o, "HealthMaxLogCount", k->health_max_log_count);
	if (k->health_max_log_size != PM_UNSET)
		insp_num(i, o, "HealthMaxLogSize", k->health_max_log_size);
	if (k->create_command.n)
		insp_list(i, o, "CreateCommand", &k->create_command);
	else
		insp_omitted(i, o, "CreateCommand", pm_json_array(i->pool));
	if (k->timezone)
		insp_str(i, o, "Timezone", k->timezone);
	else
		insp_omitted(i, o, "Timezone", pm_json_str(i->pool, ""));
	if (pm_ctr_config_is_systemd(k))
		insp_flag(i, o, "SystemdMode", true);
	else
		insp_omitted(i, o, "SystemdMode", pm_json_bool(i->pool, false));
	secrets(i, o);
	insp_str(i, o, "Umask", k->umask ? k->umask : "0022");
	insp_num(i, o, "Timeout", k->timeout);
	insp_num(i, o, "StopTimeout", k->stop_timeout == PM_UNSET ? 10 : k->stop_timeout);
	insp_flag(i, o, "Passwd", !k->passwd_off);
	insp_str(i, o, "sdNotifyMode", k->sdnotify ? k->sdnotify : "container");
	return o;
}
