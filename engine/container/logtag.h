/*
 * logtag - what a container's log entries are marked with: --log-opt tag= and label=, and the fields of its
 * entries in the journal. Runs in pm.
 */
#ifndef PM_ENGINE_CONTAINER_LOGTAG_H
#define PM_ENGINE_CONTAINER_LOGTAG_H

#include "engine/container/container.h"

/* A tag may hold {{.ID}}, {{.FullID}}, {{.Name}}, {{.ImageName}}, {{.ImageID}} and {{.ImageFullID}}. PM_E_USAGE for what it
 * may not. */
int pm_log_tag_check(const char *tag, struct pm_err *err);
/* "NAME=VALUE" for the journal: NAME of capitals, digits and _, not beginning with _. PM_E_USAGE. */
int pm_log_label_check(const char *label, struct pm_err *err);

/* The container's tag with the names filled in; NULL: none was given. The caller frees. */
char *pm_log_tag(const struct pm_container *c);
/* The fields that every entry in the journal has, encoded. The caller frees. */
char *pm_log_fields(const struct pm_container *c, const char *tag);

#endif
