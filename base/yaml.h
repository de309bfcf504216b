/*
 * yaml - YAML 1.1 text (libyaml) as pm_json trees, for Skopeo's sync files, registries.d and the like.
 *
 * Plain scalars become null, booleans and numbers by the rules of YAML 1.2's core schema (numbers keep their text, so
 * that a tag 1.10 stays "1.10" for who asks for text); quoted ones strings. Refused, being bombs or surprises: aliases,
 * keys that are no scalars or given twice, nesting beyond 100, more than 16 MiB, more than 100,000 values.
 * Each value knows its line.
 */
#ifndef PM_BASE_YAML_H
#define PM_BASE_YAML_H

#include "base/json.h"

/* All documents of text, as an array; it belongs to pool. PM_E_FORMAT with the line in the text. */
int pm_yaml_parse_all(struct pm_json_pool *pool, const char *text, size_t len,
		      struct pm_json **ret, struct pm_err *err);
/* The only document; none gives null. */
int pm_yaml_parse(struct pm_json_pool *pool, const char *text, size_t len, struct pm_json **ret,
		  struct pm_err *err);

/* A scalar's text as it was written ("1.10", "true"): of strings, numbers and booleans; NULL for others. */
const char *pm_yaml_text(const struct pm_json *v);

#endif
