/*
 * restore - a container's processes brought back from a checkpoint (checkpoint.h): a start like any other, but that the
 * monitor's one execution of the runtime is `restore`. Of a checkpoint that came from elsewhere: checkpoint_import.h.
 *
 * config.json, the network and all files of runroot are made anew; /dev/shm is filled again before. The container
 * gets the addresses it had. Root only. Runs in pm.
 */
#ifndef PM_ENGINE_CONTAINER_RESTORE_H
#define PM_ENGINE_CONTAINER_RESTORE_H

#include "engine/container/checkpoint.h"

struct pm_restore_options {
	bool keep, tcp_established, file_locks;
	bool ignore_static_ip, ignore_static_mac;
	/* of archives and images only */
	bool ignore_rootfs, ignore_volumes;
	const char *name, *pod; /* NULL: none */
	const struct pm_strv *publish; /* instead of the ports it had; NULL: those */
};

struct pm_restore_report {
	int64_t runtime_us;
	struct pm_criu_stats criu;
};

/* Takes the operation lock. PM_E_UNSUPPORTED: this host or its runtime cannot, or CRIU fails: the checkpoint stays then;
 * PM_E_STATE: the container runs, or has no checkpoint. Without keep the checkpoint is consumed. */
int pm_container_restore(struct pm_engine *e, struct pm_container *c, const struct pm_restore_options *o,
			 struct pm_restore_report *ret, struct pm_err *err);

#endif
