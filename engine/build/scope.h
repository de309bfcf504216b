/*
 * scope - the variables that an instruction of a Containerfile sees, and the instruction with them put in.
 *
 * Scopes (Dockerfile reference, "Understand how ARG and FROM interact"): ARGs before the first FROM are seen by FROM
 * lines alone; a stage sees one after it declares it again. ENV wins over ARG of the same name. --build-arg
 * sets an ARG only where it is declared; the proxies' names are declared everywhere, for RUN alone and
 * not for history. TARGETPLATFORM and the like are global ARGs. What is set in one instruction is
 * seen by the next (ARGs before FROM: by the next word).
 * Nothing of this process's environment is looked at.
 */
#ifndef PM_ENGINE_BUILD_SCOPE_H
#define PM_ENGINE_BUILD_SCOPE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "engine/build/dockerfile.h"

/* A platform's "os/arch[/variant]" in parts; borrowed. */
struct pm_build_platform {
	const char *os, *arch, *variant; /* variant "" for none */
};

/* What holds for the whole build. */
struct pm_build_args {
	struct pm_strv given;    /* --build-arg NAME=VALUE */
	struct pm_strv global;   /* of the platforms (the first n_platform), and of ARGs before FROM */
	size_t n_platform;
};

/* given: --build-arg, NAME=VALUE each (a NAME alone was looked up by the caller); NULL: none. target_stage:
 * --target, or NULL. */
void pm_build_args_init(struct pm_build_args *a, const struct pm_strv *given,
			const struct pm_build_platform *build, const struct pm_build_platform *target,
			const char *target_stage);
void pm_build_args_free(struct pm_build_args *a);
/* An ARG before the first FROM. */
int pm_build_args_global(struct pm_build_args *a, const struct pm_instruction *arg, struct pm_err *err);
/* Names of --build-arg that no ARG of d declares and that are not predefined: buildah warns of them. */
void pm_build_args_unused(const struct pm_build_args *a, const struct pm_dockerfile *d, struct pm_strv *ret);

/* What a stage's next instruction sees. */
struct pm_build_scope {
	const struct pm_build_args *args; /* borrowed */
	struct pm_strv env;         /* the image's variables and ENV's until now */
	struct pm_strv declared;    /* ARGs declared in this stage that have a value */
};

/* image_env: of the stage's image; NULL: none. */
void pm_build_scope_init(struct pm_build_scope *s, const struct pm_build_args *args,
			 const struct pm_strv *image_env);
void pm_build_scope_free(struct pm_build_scope *s);

/* The instruction with its variables put in, wherever this kind has any: *ret lives in pool. ADD, COPY, ENV, EXPOSE, FROM,
 * LABEL, STOPSIGNAL, USER, VOLUME, WORKDIR; flags of ADD, COPY, FROM and RUN; content of unquoted
 * here-documents of ADD and COPY. s: NULL for FROM, which sees a's global ones. A trigger of ONBUILD, CMD,
 * ENTRYPOINT, SHELL and HEALTHCHECK stay as they are; so does what RUN executes. */
int pm_build_expand(const struct pm_build_args *a, const struct pm_build_scope *s,
		    struct pm_json_pool *pool, const struct pm_instruction *i,
		    struct pm_instruction *ret, struct pm_err *err);

/* An ARG in the stage; arg as it is written. */
int pm_build_scope_arg(struct pm_build_scope *s, const struct pm_instruction *arg, struct pm_err *err);
/* An ENV; expanded. */
void pm_build_scope_env(struct pm_build_scope *s, const struct pm_instruction *env);
/* The environment of RUN: ENV, declared ARGs that ENV does not hide, the predefined ones given. */
void pm_build_scope_run_env(const struct pm_build_scope *s, struct pm_strv *ret);
/* "NAME=VALUE" of the ARGs that RUN sees and that count for history and cache, in order of names. */
void pm_build_scope_run_args(const struct pm_build_scope *s, struct pm_strv *ret);

#endif
