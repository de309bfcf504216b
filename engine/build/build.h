/*
 * build - an image from a Containerfile: `podman build`, and whatever else builds (a .build unit).
 *
 * Stages that the target needs are done in order, or side by side (jobs), each in a working container
 * (engine/build/worker.h). With layers each instruction is an image, found again by what it depends on
 * (engine/build/cache.h); without, each stage is committed once. What a killed build leaves the next one sweeps.
 * Runs in pm; prints nothing: lines come by callbacks.
 */
#ifndef PM_ENGINE_BUILD_BUILD_H
#define PM_ENGINE_BUILD_BUILD_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/build/run_mount.h"
#include "engine/container/config.h"
#include "engine/engine.h"
#include "engine/image/pull.h"

/* The opened context with its Containerfiles, for builds that differ in their platform alone. */
struct pm_build_inputs;

/* All borrowed; lists may be NULL. */
struct pm_build_options {
	/* what is built */
	struct pm_build_inputs *inputs; /* instead of context, files ...; NULL: the build opens its own */
	const char *context;       /* a directory, "-", a URL; NULL: none, only instructions that need none */
	const struct pm_strv *files; /* -f: Containerfiles, one after another; none: the context's */
	const char *ignorefile;    /* instead of .containerignore */
	const struct pm_strv *cpp_flags; /* for Containerfiles whose name ends with .in */
	const struct pm_strv *build_args;     /* NAME=VALUE */
	const struct pm_strv *build_contexts; /* NAME=VALUE: directories, URLs, docker-image://NAME */
	const char *target;        /* a stage; NULL: the last */
	const char *from;          /* instead of the first FROM's image */
	const char *os, *arch, *variant; /* NULL: this machine's */

	/* how */
	bool layers, no_cache;
	bool squash_all;           /* one layer of all; without layers */
	bool all_stages;           /* also those that the target does not need */
	bool keep;                 /* working containers stay (--rm=false) */
	bool keep_failed;          /* and of a build that failed (--force-rm=false) */
	const struct pm_strv *cache_from, *cache_to; /* repositories (engine/build/cache_remote.h) */
	int64_t cache_ttl;         /* ns: older steps are done again; 0: no limit, < 0: all of them */
	int64_t jobs;              /* stages at a time; 0: no limit */
	enum pm_pull_policy pull;
	const struct pm_pull_options *how_to_pull;
	const struct pm_ctr_config *base; /* of the containers of RUN; NULL: the defaults */
	const struct pm_build_secrets *secrets;
	bool with_stdin;           /* RUN gets this process's standard input */
	bool http_proxy;           /* and its proxies' variables */
	bool quiet;                /* nothing of a RUN's standard output */

	/* the image */
	const struct pm_strv *names; /* -t, as the user gave them */
	const struct pm_strv *labels, *annotations, *env; /* NAME=VALUE */
	const struct pm_strv *unsetenv, *unsetlabels;
	const struct pm_strv *os_features;
	const char *os_version;
	const char *identity;      /* value of label io.buildah.version; NULL: no such label */
	bool docker, omit_history;
	const int64_t *timestamp;  /* ns since the epoch: of the image and its files; NULL: now */

	/* a line for the user, without its end: "STEP 1/2: FROM x" */
	void (*say)(void *arg, const char *line);
	void *arg;
	const struct pm_pull_progress *progress;
};

struct pm_build_result {
	char id[65];
	struct pm_strv names; /* the image's, those asked for first */
	int exit_code;        /* of the RUN that failed; 0: none did */
};

int pm_build_inputs_open(struct pm_engine *e, const struct pm_build_options *o, struct pm_build_inputs **ret,
			 struct pm_err *err);
void pm_build_inputs_free(struct pm_build_inputs *in); /* NULL is fine */

/* --all-platforms: "os/arch[/variant]" of each platform that all manifest lists among the base images of o's build have,
 * in the first one's order. A list of the store is taken, else the registry asked. PM_E_NOSUCH: there is none. */
int pm_build_platforms(struct pm_engine *e, const struct pm_build_options *o, struct pm_strv *ret, struct pm_err *err);

/* PM_E_USAGE with FILE:LINE for what is wrong in a Containerfile. result is zeroed; its names are the caller's to free. */
int pm_build(struct pm_engine *e, const struct pm_build_options *o, struct pm_build_result *result,
	     struct pm_err *err);

#endif
