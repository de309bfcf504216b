/*
 * labels - "NAME=VALUE" words as the JSON object that rows keep, and filters on them.
 */
#ifndef PM_ENGINE_LABELS_H
#define PM_ENGINE_LABELS_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"

/* A word without '=' has the value "". The tree belongs to pool and is a map. */
struct pm_json *pm_labels_tree(struct pm_json_pool *pool, const struct pm_strv *words);
/* The same as text; NULL for no words. The caller frees. */
char *pm_labels_text(const struct pm_strv *words);
/* A row's text (NULL: none) as a map, empty when it cannot be read. */
struct pm_json *pm_labels_parse(struct pm_json_pool *pool, const char *text);
/* Is there the label "NAME" or "NAME=VALUE"? An empty VALUE is any. */
bool pm_labels_has(const struct pm_json *labels, const char *label);
/* Does a filter "NAME" or "NAME=VALUE" fit? With an asterisk NAME is a shell pattern for a part of a label's name. */
bool pm_labels_match(const struct pm_json *labels, const char *filter);

#endif
