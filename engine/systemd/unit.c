#include "engine/systemd/unit.h"

#include <inttypes.h>
#include <string.h>

#include "base/utf8.h"

/* Beyond the container's own time, for the engine's work. */
#define STOP_GRACE 60

/* What of systemd's own signs is text, to be doubled. */
enum { TEXT_PERCENT = 1, TEXT_DOLLAR = 2 };

static void add_quoted(struct pm_buf *b, const char *s, unsigned int text)
{
	static const char special[] = "\001\002\003\004\005\006\a\b\t\n\v\f\r\016\017\020\021\022\023\024\025"
				      "\026\027\030\031\032\033\034\035\036\037 \177\"'\\;";
	const bool utf8 = pm_utf8_valid(s, strlen(s), NULL);
	const bool quote = !*s || !utf8 || strpbrk(s, special);
	if (quote)
		pm_buf_add_char(b, '"');
	for (; *s; s++) {
		const unsigned char c = (unsigned char)*s;
		switch (c) {
		case '%':
			pm_buf_add_str(b, text & TEXT_PERCENT ? "%%" : "%");
			break;
		case '$':
			pm_buf_add_str(b, text & TEXT_DOLLAR ? "$$" : "$");
			break;
		case '"':
		case '\\':
			pm_buf_printf(b, "\\%c", c);
			break;
		case '\n':
			pm_buf_add_str(b, "\\n");
			break;
		case '\r':
			pm_buf_add_str(b, "\\r");
			break;
		case '\t':
			pm_buf_add_str(b, "\\t");
			break;
		default:
			if (c < ' ' || c == 0x7f || (c >= 0x80 && !utf8))
				pm_buf_printf(b, "\\x%02x", c);
			else
				pm_buf_add_char(b, (char)c);
		}
	}
	if (quote)
		pm_buf_add_char(b, '"');
}

static char *quoted(const char *s, unsigned int text)
{
	struct pm_buf b = PM_BUF_INIT;
	add_quoted(&b, s, text);
	return pm_buf_take(&b);
}

char *pm_unit_escape(const char *word)
{
	return quoted(word, TEXT_PERCENT | TEXT_DOLLAR);
}

char *pm_unit_escape_env(const char *assignment)
{
	return quoted(assignment, TEXT_PERCENT);
}

char *pm_unit_quote(const char *word)
{
	return quoted(word, 0);
}

char *pm_unit_literal(const char *text, bool dollars)
{
	struct pm_buf b = PM_BUF_INIT;
	for (; *text; text++) {
		if (*text == '%' || (dollars && *text == '$'))
			pm_buf_add_char(&b, *text);
		pm_buf_add_char(&b, *text);
	}
	return pm_buf_take(&b);
}

int pm_unit_check_restart(const char *policy, struct pm_err *err)
{
	static const char *const known[] = {"no",	    "on-success",  "on-failure", "on-abnormal",
					    "on-watchdog", "on-abort",	   "always"};
	for (size_t i = 0; i < PM_ARRAY_SIZE(known); i++)
		if (strcmp(known[i], policy) == 0)
			return 0;
	return pm_fail(err, PM_E_USAGE, "%s is not a valid restart policy", policy);
}

/* Escaped words; each that looks like an option begins a line. */
static void add_words(struct pm_buf *b, const struct pm_strv *words)
{
	for (size_t i = 0; i < words->n; i++) {
		if (i)
			pm_buf_add_str(b, words->v[i][0] == '-' ? " \\\n\t" : " ");
		pm_buf_add_str(b, words->v[i]);
	}
}

static void add_list(struct pm_buf *b, const char *key, const struct pm_strv *l)
{
	if (!l || !l->n)
		return;
	_cleanup_free_ char *s = pm_strv_join(l, " ");
	pm_buf_printf(b, "%s=%s\n", key, s);
}

static void add_unit_section(const struct pm_unit *u, struct pm_buf *b)
{
	pm_buf_printf(b, "[Unit]\nDescription=pm %s.service%s\n", u->name,
		      u->template_ ? " for %I" : "");
	pm_buf_add_str(b, "Documentation=man:pm-generate-systemd(1)\n"
			  "Wants=network-online.target\n"
			  "After=network-online.target\n");
	pm_buf_printf(b, "RequiresMountsFor=%s\n", u->mounts_for);
	add_list(b, "Wants", u->members);
	add_list(b, "Before", u->members);
	add_list(b, "BindsTo", u->bound);
	add_list(b, "After", u->bound);
	if ((u->wants && u->wants->n) || (u->after && u->after->n) || (u->requires && u->requires->n)) {
		pm_buf_add_str(b, "\n# User-defined dependencies\n");
		add_list(b, "Wants", u->wants);
		add_list(b, "After", u->after);
		add_list(b, "Requires", u->requires);
	}
}

/* "ExecStop=PM stop" with what the kind of unit needs. */
static void add_end(const struct pm_unit *u, const char *key, const char *verb, bool force,
		    struct pm_buf *b)
{
	pm_buf_printf(b, "%s=", key);
	add_words(b, u->stop_prefix);
	pm_buf_printf(b, " %s", verb);
	if (force)
		pm_buf_add_str(b, " \\\n\t-f");
	if (u->new_) {
		pm_buf_printf(b, " \\\n\t--ignore -t %" PRId64, u->stop_timeout);
		if (u->create)
			pm_buf_printf(b, " \\\n\t--pod-id-file=%s\n", u->pod_id_file);
		else
			pm_buf_add_str(b, " \\\n\t--cidfile=%t/%n.ctr-id\n");
	} else {
		pm_buf_printf(b, " \\\n\t-t %" PRId64 " %s\n", u->stop_timeout, u->id);
	}
}

static void add_service_section(const struct pm_unit *u, struct pm_buf *b)
{
	pm_buf_add_str(b, "\n[Service]\nEnvironment=PODMAN_SYSTEMD_UNIT=%n\n");
	for (size_t i = 0; u->env && i < u->env->n; i++) {
		_cleanup_free_ char *s = pm_unit_escape_env(u->env->v[i]);
		pm_buf_printf(b, "Environment=%s\n", s);
	}
	pm_buf_printf(b, "Restart=%s\n", u->restart);
	if (u->restart_sec >= 0)
		pm_buf_printf(b, "RestartSec=%" PRId64 "\n", u->restart_sec);
	if (u->start_timeout >= 0)
		pm_buf_printf(b, "TimeoutStartSec=%" PRId64 "\n", u->start_timeout);
	pm_buf_printf(b, "TimeoutStopSec=%" PRId64 "\n", u->stop_timeout + STOP_GRACE);
	if (u->create) {
		pm_buf_printf(b, "ExecStartPre=/bin/rm \\\n\t-f %s %s\nExecStartPre=", u->pid_file,
			      u->pod_id_file);
		add_words(b, u->create);
		pm_buf_add_char(b, '\n');
	} else if (u->new_) {
		pm_buf_add_str(b, "ExecStartPre=/bin/rm \\\n\t-f %t/%n.ctr-id\n");
	}
	pm_buf_add_str(b, "ExecStart=");
	add_words(b, u->start);
	pm_buf_add_char(b, '\n');
	const char *stop = u->create ? "pod stop" : "stop", *rm = u->create ? "pod rm" : "rm";
	add_end(u, "ExecStop", stop, false, b);
	add_end(u, "ExecStopPost", u->new_ ? rm : stop, u->new_, b);
	if (u->new_ && !u->create)
		pm_buf_add_str(b, "Type=notify\nNotifyAccess=all\n");
	else
		pm_buf_printf(b, "PIDFile=%s\nType=forking\n", u->pid_file);
	pm_buf_add_str(b, "\n[Install]\nWantedBy=default.target\n");
}

void pm_unit_write(const struct pm_unit *u, struct pm_buf *out)
{
	pm_buf_printf(out, "# %s%s.service\n", u->name, u->template_ ? "@" : "");
	if (u->header)
		pm_buf_printf(out, "# autogenerated by %s\n# %s\n", u->header, u->date);
	pm_buf_add_char(out, '\n');
	add_unit_section(u, out);
	add_service_section(u, out);
}
