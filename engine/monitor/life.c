#include "engine/monitor/life.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "engine/monitor/health.h"
#include "engine/monitor/io.h"
#include "engine/monitor/notify.h"

#define BACKOFF_MS 100
#define BACKOFF_MAX_MS 60000
#define STEADY_MS 10000 /* who ran so long is no crash loop */

bool life_stopped(const struct monitor *m)
{
	return m->going_down || faccessat(m->ctr_fd, "stop", F_OK, 0) == 0;
}

bool life_restarts(struct monitor *m, int code)
{
	const struct pm_launch_plan *p = &m->plan;
	enum monitor_then then = m->then;
	m->then = THEN_POLICY;
	m->timers[TIMER_STOP] = 0;
	if (p->kind != PM_LAUNCH_RUN || then == THEN_END || life_stopped(m))
		return false;
	if (then == THEN_RESTART)
		return true;
	switch (p->restart) {
	case PM_RESTART_NO:
		return false;
	case PM_RESTART_ON_FAILURE:
		return code != 0 && (p->restart_retries <= 0 || m->restarts < p->restart_retries);
	case PM_RESTART_ALWAYS:
	case PM_RESTART_UNLESS_STOPPED:
		return true;
	}
	return false;
}

bool life_await_restart(struct monitor *m)
{
	int64_t now = monitor_now_ms();
	if (now - m->started_ms >= STEADY_MS || !m->backoff)
		m->backoff = BACKOFF_MS;
	m->timers[TIMER_RESTART] = now + m->backoff;
	m->backoff = m->backoff * 2 < BACKOFF_MAX_MS ? m->backoff * 2 : BACKOFF_MAX_MS;
	m->waiting = true;
	while (m->waiting && !life_stopped(m))
		io_wait(m);
	m->waiting = false;
	m->timers[TIMER_RESTART] = 0;
	return !life_stopped(m);
}

void life_end(struct monitor *m, bool at_once, enum monitor_then then)
{
	if (m->exited || m->timers[TIMER_STOP])
		return; /* it is being ended already */
	const int64_t wait = m->plan.stop_timeout;
	m->then = then;
	at_once |= wait <= 0;
	/* a child that has not been waited for: its number is its own */
	kill(m->init, at_once ? SIGKILL : (int)m->plan.stop_signal);
	m->timers[TIMER_STOP] = monitor_now_ms() + (at_once ? 1000 : wait * 1000);
}

int life_next_timer(const struct monitor *m)
{
	int64_t next = 0;
	for (int i = 0; i < N_TIMERS; i++)
		if (m->timers[i] && (!next || m->timers[i] < next))
			next = m->timers[i];
	if (!next)
		return -1;
	int64_t left = next - monitor_now_ms();
	return left < 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int)left;
}

void life_run_timers(struct monitor *m)
{
	int64_t now = 0;
	for (int i = 0; i < N_TIMERS; i++) {
		if (!m->timers[i])
			continue;
		if (!now)
			now = monitor_now_ms();
		if (m->timers[i] > now)
			continue;
		m->timers[i] = 0;
		switch ((enum monitor_timer)i) {
		case TIMER_RESTART:
			m->waiting = false;
			break;
		case TIMER_STOP:
			if (!m->exited) {
				kill(m->init, SIGKILL);
				m->timers[TIMER_STOP] = now + 1000;
			}
			break;
		case TIMER_CHECK:
			health_now(m);
			break;
		case TIMER_WATCHDOG:
			notify_watchdog(m);
			break;
		case TIMER_CHECK_LIMIT:
			health_late(m);
			break;
		case N_TIMERS:
			break;
		}
	}
}
