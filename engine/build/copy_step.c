#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/proc.h"
#include "engine/build/build_parts.h"
#include "engine/build/config.h"
#include "engine/build/copy.h"
#include "netns/userns.h"

struct pm_build_copy {
	struct pm_build_source source;
	struct pm_worker_root root; /* of a stage or an image */
	struct pm_copy *copy;
};

void pm_build_copy_free(struct pm_build_copy *c)
{
	if (!c)
		return;
	pm_copy_close(c->copy);
	pm_worker_root_close(&c->root);
	free(c);
}

static int open_copy(struct pm_build_step *t, const struct pm_instruction *i, struct pm_build_copy *c,
		     struct pm_copy_spec *spec, struct pm_err *err)
{
	struct pm_build *b = t->s->b;
	spec->i = i;
	spec->store = b->e->store;
	spec->remote = &b->in->remote;
	spec->devices = pm_proc_for_system();
	return pm_copy_open(spec, &c->copy, err);
}

static int open_from_context(struct pm_build_step *t, const struct pm_instruction *i, struct pm_build_copy *c,
			     struct pm_err *err)
{
	struct pm_copy_spec spec = PM_COPY_SPEC_INIT;
	int r = pm_build_context_dir(t->s->b, c->source.named, &spec.from, &spec.ignore, err);
	if (r >= 0)
		r = pm_build_userns(t->s->b, &spec.userns, &spec.single_id, err);
	return r < 0 ? r : open_copy(t, i, c, &spec, err);
}

/* The files of a stage or an image are those of a working container. */
static int open_from_image(struct pm_build_step *t, struct pm_build_copy *c, struct pm_err *err)
{
	struct pm_copy_spec spec = PM_COPY_SPEC_INIT;
	struct pm_worker *w;
	int r = c->source.kind == PM_BUILD_SOURCE_STAGE
			? pm_build_stage_worker(c->source.stage, &w, err)
			: pm_build_source_worker(t->s->b, c->source.image_id, &w, err);
	bool used = r >= 0 && w->used;
	if (r >= 0)
		r = pm_worker_root(w, &c->root, err);
	if (r < 0)
		return r;
	w->used = used; /* it is only looked at */
	spec.from = c->root.dir;
	spec.userns = c->root.userns;
	spec.single_id = c->root.single_id;
	spec.maps = &c->root.maps;
	spec.keep_owner = true;
	return open_copy(t, &t->i, c, &spec, err);
}

/* "file", "dir" or "multi", as in buildah's history. */
static const char *kind_of(struct pm_build_step *t)
{
	struct stat st;
	int dir;
	const struct pm_ignore *ignore;
	if (t->i.n_words != 2 || pm_instruction_heredoc(&t->i, t->i.words[0]) || strstr(t->i.words[0], "://"))
		return t->i.n_words == 2 ? "file" : "multi";
	if (pm_build_context_dir(t->s->b, t->copy->source.named, &dir, &ignore, NULL) < 0)
		return "multi";
	_cleanup_close_ int fd = pm_fs_open_in(dir, t->i.words[0], O_PATH, 0, NULL);
	if (fd < 0 || fstat(fd, &st) < 0)
		return "multi";
	return S_ISDIR(st.st_mode) ? "dir" : "file";
}

int pm_build_copy_describe(struct pm_build_step *t, struct pm_cache_key *key, struct pm_err *err)
{
	const char *name = pm_instruction_name(t->i.kind);
	char id[65];
	t->copy = PM_NEW(struct pm_build_copy);
	t->copy->root = (struct pm_worker_root)PM_WORKER_ROOT_INIT;
	struct pm_build_source *src = &t->copy->source;
	int r = pm_build_source_find(t->s, pm_instruction_flag(&t->i, "from"), src, err);
	if (r < 0)
		return r;
	if (src->kind == PM_BUILD_SOURCE_STAGE || src->kind == PM_BUILD_SOURCE_IMAGE) {
		if (src->kind == PM_BUILD_SOURCE_STAGE && t->s->b->o->layers)
			r = pm_build_stage_image(src->stage, id, err);
		else
			memcpy(id, src->image_id, sizeof(id));
		pm_cache_key_add(key, "from", id);
		t->created_by = pm_asprintf("/bin/sh -c #(nop) %s", t->i.original);
		return r;
	}
	r = open_from_context(t, &t->i, t->copy, err);
	if (r >= 0)
		r = pm_copy_digest(t->copy->copy, id, err);
	if (r < 0)
		return r;
	pm_cache_key_add(key, "content", id);
	t->created_by = pm_asprintf("/bin/sh -c #(nop) %s %s:%s in %s", name, kind_of(t), id,
				    t->i.words[t->i.n_words - 1]);
	return 0;
}

int pm_build_copy_execute(struct pm_build_step *t, struct pm_worker *w, struct pm_err *err)
{
	_cleanup_worker_root_ struct pm_worker_root root = PM_WORKER_ROOT_INIT;
	_cleanup_free_ char *workdir = pm_build_config_workdir(pm_worker_config(w));
	int r = t->copy->copy ? 0 : open_from_image(t, t->copy, err);
	if (r >= 0)
		r = pm_worker_root(w, &root, err);
	return r < 0 ? r : pm_copy_run(t->copy->copy, root.dir, &root.maps, workdir, err);
}

/* --- what mounts show --------------------------------------------------------------------------------- */

int pm_build_copy_key(struct pm_build_step *t, const char *named, const char *path, struct pm_cache_key *key,
		      struct pm_err *err)
{
	const char *words[] = {path, "/", NULL};
	struct pm_instruction i = t->i;
	char hex[65];
	struct pm_copy_spec spec = PM_COPY_SPEC_INIT;
	struct pm_build_copy *c = PM_NEW(struct pm_build_copy);
	c->root = (struct pm_worker_root)PM_WORKER_ROOT_INIT;
	i.kind = PM_DF_COPY;
	i.words = words;
	i.n_words = 2;
	i.flags = NULL;
	i.heredocs = NULL;
	i.n_flags = i.n_heredocs = 0;
	/* a mount shows also what is ignored */
	int r = pm_build_context_dir(t->s->b, named, &spec.from, &spec.ignore, err);
	spec.ignore = NULL;
	if (r >= 0)
		r = pm_build_userns(t->s->b, &spec.userns, &spec.single_id, err);
	struct pm_err why = PM_ERR_INIT;
	if (r >= 0)
		r = open_copy(t, &i, c, &spec, &why);
	if (r >= 0)
		r = pm_copy_digest(c->copy, hex, &why);
	if (r >= 0)
		pm_cache_key_add(key, "mounted", hex);
	else if (why.code)
		pm_instruction_fail(&t->i, err, why.code, "RUN --mount: cannot read \"%.300s\" of the build context",
				    path);
	pm_build_copy_free(c);
	return r;
}
