/*
 * doc - the objects of Kubernetes YAML files: read, checked against the schema, and found by kind and name; and the data
 * of ConfigMaps and Secrets. Files are what the user names, "-" is standard input; URLs are refused. Runs in pm.
 */
#ifndef PM_ENGINE_KUBE_DOC_H
#define PM_ENGINE_KUBE_DOC_H

#include <stdbool.h>

#include "base/json.h"
#include "engine/engine.h"

/* Borrowed from the set. */
struct pm_kube_object {
	const char *kind, *name;
	struct pm_json *v; /* checked: what is there is of its kind */
};

struct pm_kube_set {
	struct pm_json_pool *pool;
	struct pm_kube_object *v;
	size_t n;
	struct pm_strv warnings; /* of the check */
	struct pm_buf text;      /* all that was read: what names the service container */
};

void pm_kube_set_free(struct pm_kube_set *s);
#define _cleanup_kube_set_ _cleanup_(pm_kube_set_free)

/* Add the objects of a file. s is zeroed before the first. check: against the schema; without, only kind and name are
 * looked at (for kube down). PM_E_FORMAT and PM_E_UNSUPPORTED name file, object, path and line. */
int pm_kube_set_read(struct pm_kube_set *s, const char *file, bool check, struct pm_err *err);
/* The same of text; file is for messages. */
int pm_kube_set_parse(struct pm_kube_set *s, const char *file, const char *text, size_t len,
		      bool check, struct pm_err *err);

/* NULL: none. */
const struct pm_kube_object *pm_kube_set_find(const struct pm_kube_set *s, const char *kind,
					      const char *name);

struct pm_kube_datum {
	char *key;
	struct pm_buf value;
	bool binary; /* of binaryData: no variable can hold it */
};
struct pm_kube_data {
	struct pm_kube_datum *v;
	size_t n;
};
void pm_kube_data_free(struct pm_kube_data *d); /* wipes it */
#define _cleanup_kube_data_ _cleanup_(pm_kube_data_free)
const struct pm_kube_datum *pm_kube_data_get(const struct pm_kube_data *d, const char *key);

/* The data of a ConfigMap or Secret object. */
int pm_kube_object_data(const struct pm_kube_object *o, struct pm_kube_data *ret, struct pm_err *err);

/* Of the object of that kind and name: of the set, and for a Secret of pm's own secrets, whose data is such a document
 * then. PM_E_NOSUCH. ret is zeroed. */
int pm_kube_data(struct pm_engine *e, const struct pm_kube_set *s, const char *kind, const char *name,
		 struct pm_kube_data *ret, struct pm_err *err);

#endif
