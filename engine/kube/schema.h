/*
 * schema - the one table of all fields of the Kubernetes objects that pm plays: what kind of value each has and
 * whether it is honoured, and if not, why. It drives the check of what is played and docs/kubernetes.md, so
 * that nothing can be ignored in silence. Pure; runs in pm.
 *
 * A field that is not in the table is an error with path and line. Nulls and empty lists and objects are no
 * request, and are accepted for any known field.
 */
#ifndef PM_ENGINE_KUBE_SCHEMA_H
#define PM_ENGINE_KUBE_SCHEMA_H

#include "base/json.h"

enum pm_kube_kind {
	PM_KUBE_STRING,
	PM_KUBE_INT,
	PM_KUBE_BOOL,
	PM_KUBE_MODE,          /* of a file: an integer, octal when it begins with 0 or 0o */
	PM_KUBE_QUANTITY,      /* a number, or a string as "500m" */
	PM_KUBE_INT_OR_STRING,
	PM_KUBE_OBJECT,        /* of type */
	PM_KUBE_LIST,          /* of objects of type */
	PM_KUBE_STRINGS,
	PM_KUBE_INTS,
	PM_KUBE_MAP,           /* of strings */
	PM_KUBE_QUANTITIES,    /* a map of quantities */
	PM_KUBE_ANY,           /* not looked into */
};

enum pm_kube_rule {
	PM_KUBE_HONOURED,
	PM_KUBE_INFO,    /* says something about the object, and asks for nothing */
	PM_KUBE_WARNED,  /* has no meaning on one host: goes on with a warning */
	PM_KUBE_REFUSED,
};

struct pm_kube_type;

struct pm_kube_field {
	const char *name;
	enum pm_kube_kind kind;
	enum pm_kube_rule rule;
	const struct pm_kube_type *type; /* OBJECT, LIST */
	/* "A|B": values that are honoured; another one is treated by rule, and is an error where that is HONOURED */
	const char *values;
	const char *note; /* why not, or how */
};

struct pm_kube_type {
	const char *name;
	const struct pm_kube_field *fields; /* ended by {0}, sorted by name */
	bool one_of; /* at most one field is given */
};

/* Kinds that are played, by name; NULL: another one. */
const struct pm_kube_type *pm_kube_type_of(const char *kind);

/* Does the document, of that type, hold only what may be played? PM_E_FORMAT: a wrong kind of value or an unknown field;
 * PM_E_UNSUPPORTED: a field that is refused. The text names path, line and reason. Warnings are added to
 * warnings, one text each. */
int pm_kube_check(const struct pm_kube_type *type, const struct pm_json *v, struct pm_strv *warnings,
		  struct pm_err *err);

/* All of it as Markdown, appended to out: docs/kubernetes.md. */
void pm_kube_document(struct pm_buf *out);

#endif
