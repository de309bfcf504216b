/*
 * play - Kubernetes objects become pods, containers, volumes and secrets of pm, and go again. Everything is checked
 * before anything is made; on failure nothing stays of what was made. Runs in pm.
 *
 * A pod of kube play is an ordinary pod whose exit policy is "stop"; its containers are named POD-CONTAINER. emptyDir,
 * configMap and secret volumes are anonymous volumes of random names, which go with the pod: a new one is made and
 * filled for each pod, so that nothing a container did to an old one is ever followed.
 */
#ifndef PM_ENGINE_KUBE_PLAY_H
#define PM_ENGINE_KUBE_PLAY_H

#include "engine/image/pull.h"
#include "engine/kube/doc.h"

/* When an image is built that has a directory with a Containerfile (engine/kube/build.h). */
enum pm_kube_build {
	PM_KUBE_BUILD_MISSING, /* when there is none of its name */
	PM_KUBE_BUILD_ALWAYS,
	PM_KUBE_BUILD_NEVER,
};

/* What the command line says beside the file. All borrowed; NULL: not given. */
struct pm_kube_options {
	const struct pm_strv *networks, *ips, *macs; /* --ip, --mac-address: one for each pod, in order */
	const struct pm_strv *publish;
	const struct pm_strv *annotations;           /* "NAME=VALUE" */
	const struct pm_strv *log_opts;
	const struct pm_strv *create_command;
	const char *log_driver, *userns, *seccomp_root;
	bool publish_all, no_hosts, no_pod_prefix;
	bool replace, start;
	bool service;             /* a service container, which starts last and ends with the pods */
	const char *service_exit; /* what of the containers' exit codes is its own: "all", "any"; NULL: nothing */
	const struct pm_pull_options *pull;
	const struct pm_pull_progress *progress;
	enum pm_kube_build build;
	const char *context_dir;                     /* where directories of images are; NULL: here */
	void (*say)(void *arg, const char *line);    /* what a build says; NULL: nobody wants to know */
};

struct pm_kube_report_pod {
	char *id, *name;
	struct pm_strv containers; /* ids, without init containers: as Podman tells */
	struct pm_strv errors; /* containers that could not be started */
};
struct pm_kube_report {
	struct pm_kube_report_pod *pods;
	size_t n_pods;
	struct pm_strv volumes, secrets; /* names */
};
void pm_kube_report_free(struct pm_kube_report *r);
#define _cleanup_kube_report_ _cleanup_(pm_kube_report_free)

/* Make all of set, whose files were checked, and start it if so wanted. ret (zeroed) is valid after success, which it
 * also is when containers of a pod could not be started: its errors say so. PM_E_EXISTS: a pod is there already. */
int pm_kube_play(struct pm_engine *e, const struct pm_kube_set *set, const struct pm_kube_options *o,
		 struct pm_kube_report *ret, struct pm_err *err);

/* The service container's name, by the text of the files; the caller frees. */
char *pm_kube_service_name(const struct pm_kube_set *set);

/* What was taken down: ids of pods and secrets, names of volumes. The service container goes, too, without a word. */
struct pm_kube_gone {
	struct pm_strv stopped, removed, secrets, volumes;
};
void pm_kube_gone_free(struct pm_kube_gone *g);
#define _cleanup_kube_gone_ _cleanup_(pm_kube_gone_free)

/* Take down what the objects of set name. volumes: those of claims, too. What is not there is left out; the first
 * failure is returned after the rest was done. */
int pm_kube_down(struct pm_engine *e, const struct pm_kube_set *set, bool volumes,
		 struct pm_kube_gone *ret, struct pm_err *err);

#endif
