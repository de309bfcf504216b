/*
 * dockerfile - a Dockerfile or Containerfile as stages of instructions (Docker's Dockerfile reference, syntax 1.x).
 *
 * Parser directives (escape; syntax and check are read and mean nothing here), comments, continued lines, here-documents,
 * flags, JSON and shell forms. Variables stay as written: engine/build/expand.h puts values in. Each instruction's shape
 * (number of words, known flags) is checked here; every error begins with FILE:LINE. Several files make one
 * document, one after another, as buildah takes several -f. Everything lives in the document's pool; pure text, nothing
 * is opened.
 */
#ifndef PM_ENGINE_BUILD_DOCKERFILE_H
#define PM_ENGINE_BUILD_DOCKERFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"

enum {
	PM_DOCKERFILE_MAX = 16 << 20,   /* bytes of one file */
	PM_DOCKERFILE_STEPS = 10000,    /* instructions of a document */
	PM_DOCKERFILE_WORDS = 100000,   /* words of an instruction */
	PM_DOCKERFILE_FLAGS = 1000,     /* flags of an instruction */
};

enum pm_instruction_kind {
	PM_DF_ADD,
	PM_DF_ARG,
	PM_DF_CMD,
	PM_DF_COPY,
	PM_DF_ENTRYPOINT,
	PM_DF_ENV,
	PM_DF_EXPOSE,
	PM_DF_FROM,
	PM_DF_HEALTHCHECK,
	PM_DF_LABEL,
	PM_DF_MAINTAINER,
	PM_DF_ONBUILD,
	PM_DF_RUN,
	PM_DF_SHELL,
	PM_DF_STOPSIGNAL,
	PM_DF_USER,
	PM_DF_VOLUME,
	PM_DF_WORKDIR,
};

struct pm_df_flag {
	const char *name;  /* without "--" */
	const char *value; /* its quotes removed; NULL: no "=" */
};

struct pm_heredoc {
	const char *name;    /* EOF */
	const char *content; /* whole lines; for <<- without their leading tabs */
	size_t len;
	bool expand;         /* the name was not quoted: variables are put in (COPY, ADD) */
};

/* What words are:
 *   ADD COPY          sources and, last, the destination. A word may be "<<EOF": see heredocs
 *   RUN CMD ENTRYPOINT  json: the array; else one word, all of the text
 *   HEALTHCHECK       "NONE", or "CMD" and then as CMD
 *   ENV LABEL         name, value, name, value ...
 *   ARG               "NAME" or "NAME=VALUE" each
 *   EXPOSE VOLUME SHELL  each
 *   FROM              the image, and when it is named "AS" and the name
 *   MAINTAINER STOPSIGNAL USER WORKDIR  one
 *   ONBUILD           one: the trigger's text as an image's OnBuild has it (trigger: parsed)
 */
struct pm_instruction {
	enum pm_instruction_kind kind;
	const char *file; /* for messages: "Containerfile" */
	unsigned int line;     /* where it begins */
	char escape;           /* of its file: '\\' or '`' */
	const char *original;  /* "RUN a &&     b": continued lines joined, comments gone, without here-documents'
				  lines: history's and STEP lines' text */
	const char *rest;      /* original after keyword, flags and blanks */
	bool json;             /* JSON form */
	const struct pm_df_flag *flags;
	size_t n_flags;
	const char *const *words; /* NULL-terminated */
	size_t n_words;
	const struct pm_heredoc *heredocs; /* in order of their "<<" */
	size_t n_heredocs;
	const struct pm_instruction *trigger; /* ONBUILD's */
};

struct pm_df_stage {
	const char *name;  /* of AS, in lower case; NULL: none */
	const struct pm_instruction *from; /* words[0]: the image, not expanded; flag platform */
	size_t first, n;   /* its instructions in steps, after FROM */
};

struct pm_dockerfile {
	struct pm_json_pool *pool; /* owns all */
	struct pm_instruction *steps;
	size_t n_steps, cap_steps;
	size_t n_global;           /* the first n_global steps: ARGs before the first FROM */
	struct pm_df_stage *stages;
	size_t n_stages, cap_stages;
};

struct pm_dockerfile *pm_dockerfile_new(void);
void pm_dockerfile_free(struct pm_dockerfile *d); /* NULL is fine */
static inline void pm_cleanup_dockerfile(struct pm_dockerfile **d)
{
	pm_dockerfile_free(*d);
}
#define _cleanup_dockerfile_ _cleanup_(pm_cleanup_dockerfile)

/* Append the file called name (for messages). PM_E_USAGE with FILE:LINE for what is wrong in it. */
int pm_dockerfile_add(struct pm_dockerfile *d, const char *name, const char *text, size_t len,
		      struct pm_err *err);
/* Append instructions of no file, without a FROM: an image's ONBUILD triggers, one a call. name is for
 * messages ("ONBUILD of image X"). FROM, ONBUILD and MAINTAINER are refused. */
int pm_dockerfile_add_trigger(struct pm_dockerfile *d, const char *name, const char *text,
			      struct pm_err *err);
/* After the last file: there is a stage. */
int pm_dockerfile_check(const struct pm_dockerfile *d, struct pm_err *err);

/* "COPY" */
const char *pm_instruction_name(enum pm_instruction_kind kind);
/* The flag's value ("" when it was given without one), or NULL: not given. Of several the last. */
const char *pm_instruction_flag(const struct pm_instruction *i, const char *name);
/* A flag that is true or false: given alone or as =true, =1 ... PM_E_USAGE for another word. */
int pm_instruction_flag_bool(const struct pm_instruction *i, const char *name, bool *ret,
			     struct pm_err *err);
/* pm_fail with FILE:LINE before the text. */
int pm_instruction_fail(const struct pm_instruction *i, struct pm_err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* The here-document that a COPY's or ADD's source word means, or NULL: the word is none. */
const struct pm_heredoc *pm_instruction_heredoc(const struct pm_instruction *i, const char *word);
/* What a RUN in shell form gives the shell, its here-documents put in. Returns 1 when the only word is a
 * here-document whose text begins with "#!": *ret is a file to be executed itself. */
int pm_instruction_script(const struct pm_instruction *run, struct pm_buf *ret);

/* The stage that --from, FROM or --target means among the first n: by name, in any case, of several the last; else by
 * number. -1: none. */
int pm_dockerfile_stage(const struct pm_dockerfile *d, const char *word, size_t n);

#endif
