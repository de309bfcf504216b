/*
 * yaml - a pm_json tree written as YAML 1.2, in the layout that `podman info` has: two spaces a level,
 * members sorted by name, list items at their parent's column.
 */
#ifndef PM_CLI_YAML_H
#define PM_CLI_YAML_H

#include "base/json.h"

/* Appended to out; ends with a newline. */
void pm_yaml_write(const struct pm_json *v, struct pm_buf *out);

#endif
