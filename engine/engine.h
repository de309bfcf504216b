/*
 * engine - what every verb on a container or image needs: the open store, the configuration files read
 * at first use, and the global options of the command line. Runs in pm only.
 */
#ifndef PM_ENGINE_ENGINE_H
#define PM_ENGINE_ENGINE_H

#include <stdbool.h>

#include "base/err.h"
#include "engine/cgroup/cgroup.h"
#include "engine/conf/conf.h"
#include "netns/userns.h"
#include "storage/store.h"

struct pm_engine {
	struct pm_store *store;     /* borrowed, open */
	const char *runtime;        /* --runtime; borrowed, NULL: containers.conf's */
	const char *volume_path;    /* --volumepath; borrowed, NULL: containers.conf's, below the graph root */
	const char *cgroup_manager; /* --cgroup-manager; borrowed, NULL: containers.conf's, the host's */
	const char *events_backend; /* --events-backend; borrowed, NULL: containers.conf's */
	const char *log_level;      /* --log-level, for helpers; borrowed or NULL */
	const char *network_config_dir; /* --network-config-dir; borrowed, NULL: containers.conf's, the usual one */
	const struct pm_strv *modules;       /* --module; borrowed or NULL, as the next three */
	const struct pm_strv *hooks_dirs;    /* --hooks-dir */
	const struct pm_strv *cdi_spec_dirs; /* --cdi-spec-dir */
	const struct pm_strv *runtime_flags; /* --runtime-flag */
	const char *mounts_file;    /* --default-mounts-file; borrowed, NULL: the usual mounts.conf */
	struct pm_conf conf;        /* valid when conf_loaded */
	bool conf_loaded;
};

/* Read containers.conf if that was not done yet; e->conf is valid after. */
int pm_engine_conf(struct pm_engine *e, struct pm_err *err);

/* The host's cgroup decision with the options and containers.conf applied; cgroups: the container's
 * --cgroups word or NULL. The caller frees with pm_cgroup_free. */
int pm_engine_cgroup(struct pm_engine *e, const char *cgroups, struct pm_cgroup *ret,
		     struct pm_err *err);

/* Frees what the engine itself made; the store stays. */
void pm_engine_free(struct pm_engine *e);

/* Delete what is in trash/ and abandoned stages; enters the user namespace when something there belongs
 * to subordinate ids. Logs what it cannot do: nothing depends on it. */
void pm_engine_sweep(struct pm_engine *e);

/* Only one id can be used in containers (map is single): say so, with the reason, once per boot. */
void pm_engine_tell_single_id(struct pm_store *store, const struct pm_userns_map *map);

#endif
