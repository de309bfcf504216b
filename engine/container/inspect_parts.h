/*
 * inspect_parts - what inspect.c puts together, a file each: State, Mounts (with HostConfig's binds), NetworkSettings,
 * Config and HostConfig, and the setters of members that all use. For these files only.
 */
#ifndef PM_ENGINE_CONTAINER_INSPECT_PARTS_H
#define PM_ENGINE_CONTAINER_INSPECT_PARTS_H

#include "base/timefmt.h"
#include "engine/container/container.h"

#define ZERO_TIME "0001-01-01T00:00:00Z"

struct insp {
	struct pm_json_pool *pool;
	struct pm_engine *e;
	const struct pm_container *c;
	const struct pm_ctr_config *k;
	struct pm_json *oci;
	char *dir, *run;                /* of the container */
	const struct pm_strv *sessions; /* of exec */
};

static inline void insp_str(struct insp *i, struct pm_json *o, const char *name, const char *s)
{
	pm_json_set_str(i->pool, o, name, s ? s : "");
}

static inline void insp_num(struct insp *i, struct pm_json *o, const char *name, int64_t n)
{
	pm_json_set_int(i->pool, o, name, n == PM_UNSET ? 0 : n);
}

static inline void insp_flag(struct insp *i, struct pm_json *o, const char *name, bool b)
{
	pm_json_set_bool(i->pool, o, name, b);
}

static inline void insp_set(struct insp *i, struct pm_json *o, const char *name, struct pm_json *v)
{
	pm_json_set(i->pool, o, name, v);
}

static inline void insp_list(struct insp *i, struct pm_json *o, const char *name,
			     const struct pm_strv *l)
{
	insp_set(i, o, name, pm_json_strv(i->pool, l));
}

static inline void insp_strf(struct insp *i, struct pm_json *o, const char *name, const char *fmt,
			     ...) __attribute__((format(printf, 4, 5)));
static inline void insp_strf(struct insp *i, struct pm_json *o, const char *name, const char *fmt,
			     ...)
{
	va_list ap;
	va_start(ap, fmt);
	_cleanup_free_ char *s = pm_vasprintf(fmt, ap);
	va_end(ap);
	pm_json_set_str(i->pool, o, name, s);
}

static inline void insp_when(struct insp *i, struct pm_json *o, const char *name, int64_t ns)
{
	char buf[PM_TIME_SIZE];
	pm_json_set_str(i->pool, o, name, ns ? pm_time_rfc3339(ns, 0, buf) : ZERO_TIME);
}

/* A member that JSON has only when it is not empty; templates find it always. */
static inline void insp_omitted(struct insp *i, struct pm_json *o, const char *name,
				struct pm_json *empty)
{
	pm_json_set(i->pool, o, name, empty)->omit = true;
}

static inline const struct pm_json *insp_process(const struct insp *i)
{
	return pm_json_get(i->oci, "process");
}

/* --- the parts; trees are the pool's */

struct pm_json *insp_state(struct insp *i);
struct pm_json *insp_mounts(struct insp *i);
/* HostConfig's lists of the same. */
struct pm_json *insp_binds(struct insp *i);
struct pm_json *insp_tmpfs(struct insp *i);
struct pm_json *insp_network(struct insp *i);
/* Published ports, which HostConfig has as PortBindings. */
struct pm_json *insp_ports(struct insp *i, const struct pm_ctr_config *k);
struct pm_json *insp_config(struct insp *i);
struct pm_json *insp_host_config(struct insp *i, const char *manager);

#endif
