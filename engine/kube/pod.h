/*
 * pod - one pod on its way from its description to the engine's configurations: what the files of engine/kube that each
 * translate a part share. Runs in pm.
 */
#ifndef PM_ENGINE_KUBE_POD_H
#define PM_ENGINE_KUBE_POD_H

#include "engine/kube/play.h"
#include "engine/pod/pod.h"

/* What a volume of the pod's is to its containers. */
enum pm_kube_source {
	PM_KUBE_PATH,   /* of the host */
	PM_KUBE_DEVICE, /* of the host */
	PM_KUBE_VOLUME, /* a volume with a name */
	PM_KUBE_OWN,    /* a volume made for this pod */
	PM_KUBE_IMAGE,
};

struct pm_kube_volume {
	const char *name; /* in the description */
	enum pm_kube_source source;
	char *what;       /* path, volume's name, image as given */
	bool read_only;
};

struct pm_kube_pod {
	struct pm_engine *e;
	const struct pm_kube_set *set;
	const struct pm_kube_options *o;
	char *name;
	const struct pm_json *meta, *spec; /* never NULL: an empty object */
	size_t index;                      /* among the pods of the set */
	const char *service;               /* id of the service container; NULL: none */
	int64_t retries;                   /* of a job: restarts; PM_UNSET: no limit */
	char id[65];                       /* once the pod is made */
	struct pm_kube_volume *volumes;    /* those that are used */
	size_t n_volumes;
	struct pm_strv own_volumes;        /* made on the way: taken back after a failure */
};

/* Lists of the description: never NULL, may be empty. */
#define PM_KUBE_EACH(list, item)                                                                   \
	for (size_t item##_i = 0; item##_i < pm_json_len(list); item##_i++)                        \
		for (const struct pm_json *item = (list)->items[item##_i]; item; item = NULL)

/* The annotation of the pod, or of one container where it is given as NAME/CONTAINER; --annotation goes before the
 * description's. NULL: none. */
const char *pm_kube_annotation(const struct pm_kube_pod *p, const char *name, const char *container);

/* An integer (or mode, see the schema) member within bounds; missing when it is not there. PM_E_USAGE names it. */
int pm_kube_int(const struct pm_json *v, const char *name, int64_t min, int64_t max, int64_t missing,
		int64_t *ret, struct pm_err *err);

#endif
