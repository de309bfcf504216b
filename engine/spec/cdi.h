/*
 * cdi - devices by the Container Device Interface: --device VENDOR/CLASS=NAME takes what a specification of the
 * host (JSON or YAML, versions 0.3.0 to 0.8.0) says the container needs for that device: device nodes, mounts, variables,
 * hooks and groups.
 *
 * Specifications are the *.json, *.yaml and *.yml files of the directories that --cdi-spec-dir, containers.conf's cdi_spec_dirs or
 * the defaults (/etc/cdi, /var/run/cdi) name; of a device that two files define, the later directory's counts.
 * Only what the user asks for by --device or --gpus is looked up: no annotation or label does.
 */
#ifndef PM_ENGINE_SPEC_CDI_H
#define PM_ENGINE_SPEC_CDI_H

#include "engine/spec/gen.h"

/* Is this --device argument a CDI device's name, "vendor.com/class=name"? */
bool pm_cdi_is_name(const char *device);

/* Add the edits for device to the configuration: mounts to l (config.json's list), nodes and rules as an
 * ordinary device's by the given functions of gen_devices.c, the rest to g. PM_E_NOSUCH: "unresolvable CDI devices". */
struct pm_cdi_sink {
	struct pm_json *mounts;
	/* host: device node on the host; dest: in the container; perm: of "rwm" */
	int (*device)(void *arg, const char *host, const char *dest, const char *perm,
		      struct pm_err *err);
	void *arg;
};
int pm_cdi_add(struct pm_gen *g, const char *device, const struct pm_cdi_sink *sink,
	       struct pm_err *err);

/* Its steps. The text of one specification, of a version that is known. */
int pm_cdi_parse(struct pm_json_pool *pool, const char *text, size_t len, bool json,
		 struct pm_json **ret, struct pm_err *err);
/* The device KIND=NAME in spec, or NULL. */
const struct pm_json *pm_cdi_device(const struct pm_json *spec, const char *kind, const char *name);
/* The edits for all devices of spec, and for this one. */
int pm_cdi_edit(struct pm_gen *g, const struct pm_json *spec, const struct pm_json *device,
		const struct pm_cdi_sink *sink, struct pm_err *err);

#endif
