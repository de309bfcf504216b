/*
 * slice - limits of a slice as properties of its unit, so that systemd itself knows them: files of its groups it would
 * write anew. Part of pm-systemd.
 */
#ifndef PM_ENGINE_SDBUS_SLICE_H
#define PM_ENGINE_SDBUS_SLICE_H

#include <systemd/sd-bus.h>

/* Append an array of properties, a(sv), for limits, "FILE=VALUE" each ("memory.max=1000"), up to NULL. What systemd has
 * no property for is left out. -EINVAL: one is no limit. */
int slice_append_limits(sd_bus_message *m, char **limits);

#endif
