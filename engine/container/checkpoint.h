/*
 * checkpoint - a running container's processes written to disk by CRIU, which the runtime executes; the container ends
 * by it unless it is left running. restore.h is the way back, checkpoint_archive.h takes it elsewhere.
 *
 * In containers/<id>/:
 *	checkpoint/		CRIU's images and the runtime's descriptors.json
 *	pre-checkpoint/		the memory, of an earlier --pre-checkpoint; checkpoint/parent points to it
 *	devshm-checkpoint.tar	what was in /dev/shm, a tmpfs of the monitor's
 *	network.status		its addresses (Podman's form)
 *	dump.log, stats-dump, restore.log, stats-restore	CRIU's, kept with --keep and after a failure
 * They count when the container's config says so (checkpoint_time, pre_checkpoint), which is written last: what a
 * killed pm leaves is overwritten by the next checkpoint.
 *
 * The runtime is executed in the monitor's mount and network namespaces, where the container's files are mounted, and
 * to whose network CRIU then need not care. The monitor is held meanwhile (PM_ATTACH_HOLD): it takes nothing apart, and
 * restarts nothing, before all is written. Root only. Runs in pm.
 */
#ifndef PM_ENGINE_CONTAINER_CHECKPOINT_H
#define PM_ENGINE_CONTAINER_CHECKPOINT_H

#include "engine/container/container.h"
#include "engine/container/criu.h"
#include "storage/inflate.h"

#define PM_CHECKPOINT_DIR "checkpoint"
#define PM_CHECKPOINT_PRE "pre-checkpoint"
#define PM_CHECKPOINT_SHM "devshm-checkpoint.tar"
#define PM_CHECKPOINT_NETWORK "network.status"

struct pm_checkpoint_options {
	bool keep, leave_running, tcp_established, file_locks, pre_checkpoint, with_previous;
	const char *archive; /* --export: a file; NULL: none */
	enum pm_compression compression;
	bool ignore_rootfs, ignore_volumes; /* the archive is without */
	const char *image; /* --create-image: its name; NULL: none */
};

struct pm_checkpoint_report {
	int64_t runtime_us; /* what the runtime took */
	struct pm_criu_stats criu;
};

/* Takes the operation lock. PM_E_UNSUPPORTED: this host or its runtime cannot (criu.h); PM_E_STATE: it does not run. When
 * CRIU fails the container runs on. */
int pm_container_checkpoint(struct pm_engine *e, struct pm_container *c,
			    const struct pm_checkpoint_options *o, struct pm_checkpoint_report *ret,
			    struct pm_err *err);

/* Wrap what the runtime said of a failed CRIU, whose log is in the container's directory. Returns err's code. */
int pm_checkpoint_failed(struct pm_engine *e, const struct pm_container *c, const char *log,
			 const char *verb, struct pm_err *err);

/* The files of a checkpoint, and those that CRIU writes for who looks into a failure, go away. */
void pm_checkpoint_forget(int dir);
void pm_checkpoint_forget_logs(int dir);

#endif
