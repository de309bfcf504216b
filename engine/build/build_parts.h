/*
 * build_parts - what the modules of a build share: build.c (the whole), stage.c (a stage and its steps), step.c (what an
 * instruction does), source.c (what names mean).
 */
#ifndef PM_ENGINE_BUILD_BUILD_PARTS_H
#define PM_ENGINE_BUILD_BUILD_PARTS_H

#include "engine/build/build.h"
#include "engine/build/cache.h"
#include "engine/build/context.h"
#include "engine/build/dockerfile.h"
#include "engine/build/ignore.h"
#include "engine/build/scope.h"
#include "engine/build/userns.h"
#include "engine/build/worker.h"

struct pm_build;

struct pm_build_stage {
	struct pm_build *b;
	const struct pm_df_stage *df;
	size_t index;
	bool needed, done, target;
	bool *needs; /* of the stages before it, those that it takes from */
	bool failed;
	bool dirty;    /* without layers: the worker has what no image has */
	bool finished; /* its head has all that the options want */

	/* Instructions in order: triggers of the base, the stage's own, those of options. */
	struct pm_dockerfile *triggers; /* owns the first; NULL: none */
	const struct pm_instruction **steps;
	size_t n_steps;

	/* The image it is at now. A step whose result is known moves it on alone: the worker follows when there is
	 * something to do. */
	char base[65], head[65]; /* "": nothing */
	char *base_name;         /* of an image; NULL: a stage's or nothing */
	struct pm_json_pool *pool;
	struct pm_json *document; /* as at head, but for its history */
	struct pm_build_scope scope;
	bool cmd_set;
	bool missed;             /* a step had to be done: what follows it is not known either */
	struct pm_worker worker; /* made when it is needed */
};

struct pm_build_inputs {
	struct pm_remote remote;
	struct pm_build_context context;
	struct pm_build_extra *named; /* of --build-context, those that were used */
	size_t n_named;
};

struct pm_build {
	struct pm_engine *e;
	const struct pm_build_options *o;
	struct pm_build_inputs *in, *own_in; /* own_in: to be freed with the build; NULL: the caller's */
	struct pm_dockerfile *d; /* context's */
	struct pm_json_pool *pool;
	struct pm_build_args args;
	struct pm_build_stage *stages;
	size_t n_stages;
	size_t target;
	struct pm_build_userns userns;
	bool userns_known;
	struct pm_strv extra;     /* images of COPY --from: name and id in turn */
	struct pm_worker **others; /* working containers of these */
	size_t n_others;
	int signal;               /* the user wants it ended */
	int exit_code;            /* of a RUN that failed */
};

/* --- files.c: the context and the Containerfiles, read once --- */

/* Into b->in and b->d. */
int pm_build_read(struct pm_build *b, struct pm_err *err);
/* 1: --build-context has name; it is opened or fetched once. Valid until the next call. 0: it has not. */
int pm_build_named(struct pm_build *b, const char *name, struct pm_build_extra **ret, struct pm_err *err);
/* The build's context, or the one named (NULL: the former): a directory, and what of it there is not.
 * Borrowed; it is fetched once. PM_E_USAGE when the build has none. */
int pm_build_context_dir(struct pm_build *b, const char *named, int *ret_dir, const struct pm_ignore **ret_ignore,
			 struct pm_err *err);
/* The same as a path. The caller frees. */
int pm_build_context_path(struct pm_build *b, const char *named, char **ret, struct pm_err *err);
/* A user namespace for as long as the build lives, borrowed; -1: none is needed. */
int pm_build_userns(struct pm_build *b, int *ret, bool *ret_single, struct pm_err *err);

/* --- stage.c --- */

int pm_build_stage_run(struct pm_build_stage *s, struct pm_err *err);
void pm_build_stage_free(struct pm_build_stage *s);
/* Its worker, at its head. */
int pm_build_stage_worker(struct pm_build_stage *s, struct pm_worker **ret, struct pm_err *err);
/* Its image, committed now if it has none yet. */
int pm_build_stage_image(struct pm_build_stage *s, char ret_id[65], struct pm_err *err);

/* --- build.c --- */

/* What is built of, the arguments and which stages are needed. */
int pm_build_prepare(struct pm_build *b, struct pm_err *err);
void pm_build_free(struct pm_build *b);
#define PM_BUILD_INIT(engine, options) \
	{.e = (engine), .o = (options), .pool = pm_json_pool_new(), .userns = PM_BUILD_USERNS_INIT}
/* The working containers of all stages, and the others. */
void pm_build_free_workers(struct pm_build *b);

/* --- jobs.c --- */

/* All needed stages, at most max at a time, each in a process of its own. The database is open again afterwards. */
int pm_build_jobs(struct pm_build *b, size_t max, struct pm_err *err);

/* --- step.c --- */

/* An expanded instruction on its way. */
struct pm_build_step {
	struct pm_build_stage *s;
	struct pm_instruction i;
	char *created_by;     /* for history */
	struct pm_run_mount *mounts; /* RUN */
	size_t n_mounts;
	struct pm_build_copy *copy; /* COPY, ADD */
};

void pm_build_step_free(struct pm_build_step *t);
/* The instruction's text for history, and all it depends on into key. */
int pm_build_step_describe(struct pm_build_step *t, struct pm_cache_key *key, struct pm_err *err);
/* Do it in the stage's worker. */
int pm_build_step_execute(struct pm_build_step *t, struct pm_worker *w, struct pm_err *err);

/* --- copy_step.c: COPY and ADD, and the directories that mounts show --- */

int pm_build_copy_describe(struct pm_build_step *t, struct pm_cache_key *key, struct pm_err *err);
int pm_build_copy_execute(struct pm_build_step *t, struct pm_worker *w, struct pm_err *err);
void pm_build_copy_free(struct pm_build_copy *c); /* NULL is fine */
/* Of the build's context, or of the one named (NULL: the former): what is at path into the key; where it is. */
int pm_build_copy_key(struct pm_build_step *t, const char *named, const char *path, struct pm_cache_key *key,
		      struct pm_err *err);

/* --- source.c --- */

/* What --from=WORD of COPY and of mounts means: a stage before s, a build context, or an image (pulled when missing). */
enum pm_build_source_kind { PM_BUILD_SOURCE_CONTEXT, PM_BUILD_SOURCE_STAGE, PM_BUILD_SOURCE_IMAGE, PM_BUILD_SOURCE_NAMED };
struct pm_build_source {
	enum pm_build_source_kind kind;
	struct pm_build_stage *stage;
	char image_id[65];
	const char *named; /* its name */
};
int pm_build_source_find(struct pm_build_stage *s, const char *word, struct pm_build_source *ret, struct pm_err *err);
/* Does --build-context have that name? */
bool pm_build_source_named(const struct pm_build *b, const char *name);
/* The id of the image that word means, pulled as the build pulls. ret_name may be NULL; the caller frees. */
int pm_build_source_pull(struct pm_build *b, const char *word, const char *platform, char ret_id[65], char **ret_name,
		struct pm_err *err);
/* A working container that only shows image id; kept until the build ends. */
int pm_build_source_worker(struct pm_build *b, const char *image_id, struct pm_worker **ret, struct pm_err *err);

#endif
