#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/proc.h"
#include "base/wire.h"
#include "engine/build/build_parts.h"

/*
 * Stages side by side: each in a process of its own, which opens the database anew and says at its end which image its
 * stage has become. This one starts those that wait for nothing any more.
 */
struct jobs {
	struct pm_build *b;
	struct pollfd *sockets; /* of stage i; fd -1: it does not run */
	pid_t *pids;
	size_t running, max;
};

static _Noreturn void child(struct pm_build *b, size_t k, int sock)
{
	struct pm_build_stage *s = &b->stages[k];
	struct pm_err err = PM_ERR_INIT;
	char id[65] = "";
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	int r = pm_store_need_db(b->e->store, &err);
	if (r >= 0)
		r = pm_build_stage_run(s, &err);
	if (r >= 0)
		r = pm_build_stage_image(s, id, &err);
	pm_build_free_workers(b); /* all were made here */
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	pm_wire_add_int(&w, "code", r < 0 ? err.code : 0);
	pm_wire_add(&w, "text", err.text);
	pm_wire_add(&w, "image", id);
	pm_wire_add_int(&w, "exit_code", b->exit_code);
	pm_wire_send(sock, &w, NULL, 0, NULL);
	pm_store_close_db(b->e->store);
	_exit(0);
}

static int start(struct jobs *j, size_t k, struct pm_err *err)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return pm_fail_sys(err, "make a socket pair");
	fflush(NULL);
	pm_store_close_db(j->b->e->store); /* a connection does not cross a fork */
	j->pids[k] = fork();
	if (j->pids[k] == 0) {
		close(pair[0]);
		child(j->b, k, pair[1]);
	}
	close(pair[1]);
	if (j->pids[k] < 0) {
		close(pair[0]);
		return pm_fail_sys(err, "fork");
	}
	j->sockets[k] = (struct pollfd){.fd = pair[0], .events = POLLIN};
	j->running++;
	return 0;
}

static bool ready(const struct jobs *j, size_t k)
{
	const struct pm_build_stage *s = &j->b->stages[k];
	if (!s->needed || s->done || j->sockets[k].fd >= 0)
		return false;
	for (size_t i = 0; i < k; i++)
		if (s->needs[i] && !j->b->stages[i].done)
			return false;
	return true;
}

static int take_report(struct jobs *j, size_t k, struct pm_err *err)
{
	struct pm_build_stage *s = &j->b->stages[k];
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	int64_t code = PM_E_INTERNAL, exit_code = 0;
	int status;
	int r = pm_wire_recv(j->sockets[k].fd, &w, NULL, NULL, err);
	close(j->sockets[k].fd);
	j->sockets[k].fd = -1;
	j->running--;
	pm_proc_wait(j->pids[k], &status, NULL);
	if (r <= 0)
		return r < 0 ? r : pm_fail(err, PM_E_INTERNAL, "the process of stage %zu has ended without a word", k + 1);
	pm_wire_get_int(&w, "exit_code", 0, &exit_code, NULL);
	pm_wire_get_int(&w, "code", PM_E_INTERNAL, &code, NULL);
	if (code) {
		j->b->exit_code = (int)exit_code;
		return pm_fail(err, (int)code, "%s", pm_wire_get(&w, "text"));
	}
	snprintf(s->head, sizeof(s->head), "%s", pm_wire_get(&w, "image"));
	s->done = true;
	s->finished = true;
	return 0;
}

/* Wait for one of those that run, at least. */
static int wait_some(struct jobs *j, struct pm_err *err)
{
	int r = 0;
	while (poll(j->sockets, j->b->n_stages, -1) < 0)
		if (errno != EINTR)
			return pm_fail_sys(err, "wait for the stages");
	for (size_t k = 0; k < j->b->n_stages; k++) {
		if (j->sockets[k].fd < 0 || !j->sockets[k].revents)
			continue;
		struct pm_err why = PM_ERR_INIT;
		int x = take_report(j, k, &why);
		if (x < 0 && r >= 0)
			r = pm_fail(err, why.code, "%s", why.text);
	}
	return r;
}

int pm_build_jobs(struct pm_build *b, size_t max, struct pm_err *err)
{
	struct jobs j = {.b = b, .max = max};
	int r = 0;
	j.sockets = pm_calloc(b->n_stages, sizeof(*j.sockets));
	j.pids = pm_calloc(b->n_stages, sizeof(*j.pids));
	for (size_t k = 0; k < b->n_stages; k++)
		j.sockets[k].fd = -1;
	do {
		for (size_t k = 0; r >= 0 && k < b->n_stages && j.running < j.max; k++)
			if (ready(&j, k))
				r = start(&j, k, err);
		/* after a failure those that run are waited for: each cleans up behind itself */
		struct pm_err why = PM_ERR_INIT;
		int x = j.running ? wait_some(&j, r < 0 ? &why : err) : 0;
		r = r < 0 ? r : x;
	} while (j.running || (r >= 0 && !b->stages[b->target].done));
	free(j.sockets);
	free(j.pids);
	int x = pm_store_need_db(b->e->store, r < 0 ? NULL : err);
	return r < 0 ? r : x;
}
