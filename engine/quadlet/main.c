/*
 * pm-user-generator, pm-system-generator - a generator (systemd.generator(7)): writes the services of Quadlet files
 * into the directory that it is given. Which of both it is is said by its name, or --user.
 *
 *	pm-user-generator [--dryrun] [-v] [--no-kmsg-log] [--user] [--version] [NORMAL-DIR [EARLY-DIR LATE-DIR]]
 *
 * What is wrong with a file is one line on standard error (as root in /dev/kmsg, since no journal may run yet); the
 * others' services are made all the same. Exit status 1: something was wrong. Static, libc only: it is on the way of
 * every boot, log-in and daemon-reload.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/proc.h"
#include "engine/quadlet/install.h"

struct options {
	bool dryrun, verbose, user, kmsg, version;
	const char *dir;
};

/* Go's flags: one dash or two, =true and =false. */
static int parse(int argc, char **argv, struct options *o)
{
	const struct {
		const char *name;
		bool *value, when;
	} flags[] = {{"dryrun", &o->dryrun, true}, {"v", &o->verbose, true}, {"user", &o->user, true},
		     {"no-kmsg-log", &o->kmsg, false}, {"version", &o->version, true}};
	for (int i = 1; i < argc; i++) {
		const char *arg = argv[i];
		size_t k;
		if (*arg != '-') {
			o->dir = o->dir ? o->dir : arg;
			continue;
		}
		arg += arg[1] == '-' ? 2 : 1;
		size_t len = strcspn(arg, "=");
		for (k = 0; k < PM_ARRAY_SIZE(flags); k++)
			if (strlen(flags[k].name) == len && strncmp(arg, flags[k].name, len) == 0)
				break;
		bool value = true;
		if (k == PM_ARRAY_SIZE(flags) || (arg[len] && pm_unit_bool(arg + len + 1, &value, NULL) < 0)) {
			fprintf(stderr, "Error: unknown option %s\n", argv[i]);
			return -1;
		}
		*flags[k].value = value ? flags[k].when : !flags[k].when;
	}
	if (!o->dryrun && !o->version && !o->dir) {
		fprintf(stderr, "Error: missing output directory argument\n");
		return -1;
	}
	return 0;
}

static void say(const struct options *o, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	_cleanup_free_ char *text = pm_vasprintf(fmt, ap);
	va_end(ap);
	_cleanup_free_ char *line = pm_asprintf("quadlet-generator[%d]: %s\n", (int)getpid(), text);
	_cleanup_close_ int kmsg = o->kmsg && !o->dryrun && !o->user && geteuid() == 0
					   ? open("/dev/kmsg", O_WRONLY | O_CLOEXEC | O_NOCTTY) : -1;
	if (kmsg < 0 || write(kmsg, line, strlen(line)) < 0)
		fputs(line, stderr);
}

/* Two directories above libexec/pm is bin/pm, be it installed or not. */
static char *find_pm(void)
{
	_cleanup_free_ char *self = NULL;
	if (pm_fs_readlink(AT_FDCWD, "/proc/self/exe", &self, NULL) >= 0) {
		_cleanup_free_ char *beside = pm_path_join(self, "../../../bin/pm");
		if (access(beside, X_OK) == 0)
			return pm_steal(&beside);
	}
	return pm_strdup(PM_BINDIR "/pm");
}

static bool give(const struct options *o, struct pm_quadlet_set *set, const struct pm_quadlet *q)
{
	struct pm_err err = PM_ERR_INIT;
	if (!o->dryrun) {
		if (o->verbose)
			say(o, "%s of %s", q->service, q->path);
		if (pm_quadlet_write(set, q, o->dir, &err) >= 0)
			return true;
		say(o, "%s", err.text);
		return false;
	}
	struct pm_quadlet_links links = {0};
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	pm_quadlet_text(q, &text);
	printf("---%s---\n%s\n", q->service, pm_buf_str(&text));
	pm_quadlet_links(set, q, &links);
	for (size_t i = 0; i < links.n && o->verbose; i++)
		say(o, "%s -> %s", links.v[i].path, links.v[i].target);
	pm_quadlet_links_free(&links);
	return true;
}

int main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/');
	struct options o = {.kmsg = true, .user = strstr(slash ? slash : argv[0], "user") != NULL};
	_cleanup_strv_ struct pm_strv dirs = PM_STRV_INIT;
	_cleanup_quadlet_set_ struct pm_quadlet_set set = {0};
	_cleanup_free_ char *pm = find_pm();
	bool ok = true;
	if (parse(argc, argv, &o) < 0)
		return 1;
	if (o.version) {
		puts(PM_VERSION);
		return 0;
	}
	set.user = o.user;
	set.pm = pm;
	pm_quadlet_dirs(o.user, getuid(), &dirs);
	for (size_t i = 0; i < dirs.n && o.verbose; i++)
		say(&o, "looking at %s", dirs.v[i]);
	pm_quadlet_load(&set, &dirs);
	pm_quadlet_convert(&set);
	for (size_t i = 0; i < set.n; i++)
		if (!set.v[i]->failed && !set.v[i]->masked)
			ok &= give(&o, &set, set.v[i]);
	for (size_t i = 0; i < set.n_notes; i++) {
		say(&o, "%s%s", set.notes[i].error ? "" : "warning: ", set.notes[i].text);
		ok &= !set.notes[i].error;
	}
	if (fflush(stdout) == EOF || ferror(stdout)) {
		fprintf(stderr, "Error: write: %s\n", strerror(errno));
		return 1;
	}
	return ok ? 0 : 1;
}
