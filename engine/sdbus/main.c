/*
 * pm-systemd - talks to systemd's manager for pm, which is static and cannot link libsystemd.
 *
 *	pm-systemd user|system reload			read the unit files anew (daemon-reload), and wait
 *	pm-systemd user|system start|stop|restart UNIT	a job (mode "replace"), and wait for its end
 *	pm-systemd user|system states UNIT...		a line each: UNIT LOAD ACTIVE SUB
 *	pm-systemd user|system scope UNIT PID...	a transient scope in user.slice with those processes, and wait
 *	pm-systemd user|system slice UNIT FILE=VALUE...	a transient slice with those limits ("memory.max=1000"); one that is
 *							there gets them
 *	pm-systemd user|system await UNIT		wait until it is active
 *
 * Through the manager's own socket where there is one, else over the bus. An error is one line on standard error
 * ("Error: ..."): exit status 1; 2: there is no manager to talk to; 3: the job ended otherwise than done.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "engine/sdbus/slice.h"

#define NAME "org.freedesktop.systemd1"
#define PATH "/org/freedesktop/systemd1"
#define MANAGER "org.freedesktop.systemd1.Manager"

enum { FAILED = 1, NO_MANAGER = 2, JOB_FAILED = 3 };

struct job {
	const char *path; /* NULL while it is not known */
	char result[32];
	bool done;
};

static int complain(int status, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int complain(int status, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fputs("Error: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	return status;
}

static int complain_bus(const char *what, int r, const sd_bus_error *e)
{
	return complain(FAILED, "%s: %s", what, e && e->message ? e->message : strerror(-r));
}

static int open_address(const char *address, sd_bus **ret)
{
	sd_bus *bus = NULL;
	int r = sd_bus_new(&bus);
	if (r >= 0)
		r = sd_bus_set_address(bus, address);
	if (r >= 0)
		r = sd_bus_start(bus);
	if (r < 0) {
		sd_bus_unref(bus);
		return r;
	}
	*ret = bus;
	return 0;
}

static int open_manager(bool user, sd_bus **ret)
{
	char address[256];
	const char *runtime = user ? getenv("XDG_RUNTIME_DIR") : "/run";
	/* what would have to be escaped in an address is left to the bus */
	if (runtime && !strpbrk(runtime, ",;%=")) {
		int n = snprintf(address, sizeof(address), "unix:path=%s/systemd/private", runtime);
		if (n < (int)sizeof(address) && open_address(address, ret) >= 0)
			return 0;
	}
	return user ? sd_bus_open_user(ret) : sd_bus_open_system(ret);
}

static int reload(sd_bus *bus)
{
	sd_bus_error e = SD_BUS_ERROR_NULL;
	int r = sd_bus_call_method(bus, NAME, PATH, MANAGER, "Reload", &e, NULL, "");
	/* over its own socket the manager may go away before it has answered */
	int status = r < 0 && r != -ECONNRESET ? complain_bus("reload systemd", r, &e) : 0;
	sd_bus_error_free(&e);
	return status;
}

static int job_removed(sd_bus_message *m, void *arg, sd_bus_error *e)
{
	struct job *job = arg;
	const char *path, *unit, *result;
	uint32_t id;
	(void)e;
	if (sd_bus_message_read(m, "uoss", &id, &path, &unit, &result) < 0 || !job->path ||
	    strcmp(path, job->path) != 0)
		return 0;
	snprintf(job->result, sizeof(job->result), "%s", result);
	job->done = true;
	return 0;
}

static int append_scope(sd_bus_message *m, char **pids)
{
	int r = sd_bus_message_append(m, "(sv)(sv)(sv)", "Description", "s", "pm's helpers of a container", "Slice",
				      "s", "user.slice", "CollectMode", "s", "inactive-or-failed");
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'r', "sv");
	if (r >= 0)
		r = sd_bus_message_append(m, "s", "PIDs");
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'v', "au");
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "u");
	for (; r >= 0 && *pids; pids++)
		r = sd_bus_message_append(m, "u", (uint32_t)strtoul(*pids, NULL, 10));
	for (int i = 0; r >= 0 && i < 3; i++)
		r = sd_bus_message_close_container(m);
	return r;
}

/* StartTransientUnit's properties. */
static int append_unit(sd_bus_message *m, const char *verb, char **words)
{
	if (strcmp(verb, "slice") == 0)
		return slice_append_limits(m, words);
	int r = sd_bus_message_open_container(m, 'a', "(sv)");
	if (r >= 0)
		r = append_scope(m, words);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

/* The call that makes the job. words: those after the unit, up to NULL. */
static int make_call(sd_bus *bus, const char *verb, const char *unit, char **words, sd_bus_message **ret)
{
	static const char *const methods[][2] = {{"start", "StartUnit"},
						 {"stop", "StopUnit"},
						 {"restart", "RestartUnit"},
						 {"scope", "StartTransientUnit"},
						 {"slice", "StartTransientUnit"}};
	const char *method = NULL;
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (strcmp(verb, methods[i][0]) == 0)
			method = methods[i][1];
	bool transient = method && strcmp(method, "StartTransientUnit") == 0;
	if (!method || transient != (*words != NULL))
		return -EINVAL;
	int r = sd_bus_message_new_method_call(bus, ret, NAME, PATH, MANAGER, method);
	if (r >= 0)
		r = sd_bus_message_append(*ret, "ss", unit, transient ? "fail" : "replace");
	if (r < 0 || !transient)
		return r;
	r = append_unit(*ret, verb, words);
	return r < 0 ? r : sd_bus_message_append(*ret, "a(sa(sv))", 0);
}

/* A slice that is there already: until the next boot, as a transient unit's are. */
static int set_limits(sd_bus *bus, const char *unit, char **limits)
{
	sd_bus_error e = SD_BUS_ERROR_NULL;
	sd_bus_message *call = NULL;
	int r = sd_bus_message_new_method_call(bus, &call, NAME, PATH, MANAGER, "SetUnitProperties");
	if (r >= 0)
		r = sd_bus_message_append(call, "sb", unit, 1);
	if (r >= 0)
		r = slice_append_limits(call, limits);
	if (r >= 0)
		r = sd_bus_call(bus, call, 0, &e, NULL);
	int status = r < 0 ? complain_bus("set the limits of a slice", r, &e) : 0;
	sd_bus_error_free(&e);
	sd_bus_message_unref(call);
	return status;
}

static int run_job(sd_bus *bus, const char *verb, const char *unit, char **words)
{
	sd_bus_error e = SD_BUS_ERROR_NULL;
	sd_bus_message *call = NULL, *reply = NULL;
	struct job job = {0};
	int status = 0;
	/* before the job is there, so that its end cannot be missed; signals are handled after the answer */
	int r = sd_bus_match_signal(bus, NULL, NULL, PATH, MANAGER, "JobRemoved", job_removed, &job);
	if (r >= 0)
		r = sd_bus_call_method(bus, NAME, PATH, MANAGER, "Subscribe", &e, NULL, "");
	if (r >= 0)
		r = make_call(bus, verb, unit, words, &call);
	if (r >= 0)
		r = sd_bus_call(bus, call, 0, &e, &reply);
	if (r >= 0)
		r = sd_bus_message_read(reply, "o", &job.path);
	while (r >= 0 && !job.done) {
		r = sd_bus_process(bus, NULL);
		if (r == 0)
			r = sd_bus_wait(bus, UINT64_MAX);
	}
	if (r < 0 && strcmp(verb, "slice") == 0 && sd_bus_error_has_name(&e, NAME ".UnitExists"))
		status = set_limits(bus, unit, words);
	else if (r < 0)
		status = complain(FAILED, "%s %s: %s", verb, unit, e.message ? e.message : strerror(-r));
	else if (strcmp(job.result, "done") != 0)
		status = complain(JOB_FAILED, "%s %s: the job's result is \"%s\"", verb, unit, job.result);
	sd_bus_error_free(&e);
	sd_bus_message_unref(call);
	sd_bus_message_unref(reply);
	return status;
}

static int changed(sd_bus_message *m, void *arg, sd_bus_error *e)
{
	bool *flag = arg;
	(void)m;
	(void)e;
	*flag = true;
	return 0;
}

/* The unit need not be loaded: looking at its path loads it, and it tells when it becomes active. */
static int await(sd_bus *bus, const char *unit)
{
	sd_bus_error e = SD_BUS_ERROR_NULL;
	char *path = NULL, *state = NULL;
	bool look = true, active = false;
	int r = sd_bus_path_encode(PATH "/unit", unit, &path);
	if (r >= 0)
		r = sd_bus_match_signal(bus, NULL, NULL, path, "org.freedesktop.DBus.Properties",
					"PropertiesChanged", changed, &look);
	if (r >= 0)
		r = sd_bus_call_method(bus, NAME, PATH, MANAGER, "Subscribe", &e, NULL, "");
	while (r >= 0 && !active) {
		if (look) {
			look = false;
			r = sd_bus_get_property_string(bus, NAME, path, NAME ".Unit", "ActiveState", &e, &state);
			active = r >= 0 && strcmp(state, "active") == 0;
			free(state);
			state = NULL;
			continue;
		}
		r = sd_bus_process(bus, NULL);
		if (r == 0)
			r = sd_bus_wait(bus, UINT64_MAX);
	}
	int status = r < 0 ? complain_bus("wait for a unit", r, &e) : 0;
	sd_bus_error_free(&e);
	free(path);
	return status;
}

static int states(sd_bus *bus, char **units)
{
	sd_bus_error e = SD_BUS_ERROR_NULL;
	sd_bus_message *call = NULL, *reply = NULL;
	const char *name, *load, *active, *sub;
	int status = 0;
	int r = sd_bus_message_new_method_call(bus, &call, NAME, PATH, MANAGER, "ListUnitsByNames");
	if (r >= 0)
		r = sd_bus_message_append_strv(call, units);
	if (r >= 0)
		r = sd_bus_call(bus, call, 0, &e, &reply);
	if (r >= 0)
		r = sd_bus_message_enter_container(reply, 'a', "(ssssssouso)");
	while (r >= 0 && (r = sd_bus_message_enter_container(reply, 'r', "ssssssouso")) > 0) {
		r = sd_bus_message_read(reply, "sssss", &name, NULL, &load, &active, &sub);
		if (r >= 0)
			printf("%s %s %s %s\n", name, load, active, sub);
		if (r >= 0)
			r = sd_bus_message_skip(reply, "souso");
		if (r >= 0)
			r = sd_bus_message_exit_container(reply);
	}
	if (r < 0)
		status = complain_bus("ask systemd about units", r, &e);
	sd_bus_error_free(&e);
	sd_bus_message_unref(call);
	sd_bus_message_unref(reply);
	return status;
}

int main(int argc, char **argv)
{
	sd_bus *bus = NULL;
	int status;
	if (argc < 3) {
		fprintf(stderr, "pm-systemd is started by pm\n");
		return FAILED;
	}
	int r = open_manager(strcmp(argv[1], "user") == 0, &bus);
	if (r < 0)
		return complain(NO_MANAGER, "connect to systemd: %s", strerror(-r));
	if (strcmp(argv[2], "reload") == 0)
		status = reload(bus);
	else if (strcmp(argv[2], "states") == 0)
		status = states(bus, argv + 3);
	else if (argc < 4)
		status = complain(FAILED, "a unit is expected");
	else if (strcmp(argv[2], "await") == 0)
		status = await(bus, argv[3]);
	else
		status = run_job(bus, argv[2], argv[3], argv + 4);
	sd_bus_flush_close_unref(bus);
	if (fflush(stdout) == EOF)
		return complain(FAILED, "write: %s", strerror(errno));
	return status;
}
