#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "engine/build/build_parts.h"

static struct pm_build_context_spec spec_of(struct pm_store *store, const struct pm_build_options *o,
					    const struct pm_build_inputs *in)
{
	return (struct pm_build_context_spec){
		.store = store,
		.remote = &in->remote,
		.where = o->context,
		.files = o->files,
		.ignorefile = o->ignorefile,
		.cpp_flags = o->cpp_flags,
		.input = STDIN_FILENO,
	};
}

int pm_build_inputs_open(struct pm_engine *e, const struct pm_build_options *o, struct pm_build_inputs **ret,
			 struct pm_err *err)
{
	const struct pm_pull_options *po = o->how_to_pull;
	struct pm_build_inputs *in = PM_NEW(struct pm_build_inputs);
	*in = (struct pm_build_inputs){.context = PM_BUILD_CONTEXT_INIT, .remote = PM_REMOTE_INIT};
	if (po) {
		in->remote.tls_verify = po->tls_verify;
		in->remote.cert_dir = po->cert_dir;
		in->remote.retries = po->retries ? *po->retries : -1;
		in->remote.retry_ms = po->retry_ms ? *po->retry_ms : -1;
	}
	const struct pm_build_context_spec spec = spec_of(e->store, o, in);
	int r = pm_build_context_open(&spec, &in->context, err);
	if (r < 0)
		pm_build_inputs_free(in);
	else
		*ret = in;
	return r;
}

void pm_build_inputs_free(struct pm_build_inputs *in)
{
	if (!in)
		return;
	pm_build_context_close(&in->context);
	for (size_t i = 0; i < in->n_named; i++)
		pm_build_extra_close(&in->named[i]);
	free(in->named);
	free(in);
}

int pm_build_read(struct pm_build *b, struct pm_err *err)
{
	int r = b->o->inputs ? 0 : pm_build_inputs_open(b->e, b->o, &b->own_in, err);
	if (r < 0)
		return r;
	b->in = b->o->inputs ? b->o->inputs : b->own_in;
	b->d = b->in->context.file;
	return 0;
}

/* --- contexts ---------------------------------------------------------------------------------------- */

int pm_build_named(struct pm_build *b, const char *name, struct pm_build_extra **ret, struct pm_err *err)
{
	const struct pm_strv *l = b->o->build_contexts;
	const char *value = l ? pm_env_get(l, name) : NULL;
	*ret = NULL;
	for (size_t i = 0; i < b->in->n_named; i++)
		if (strcmp(b->in->named[i].name, name) == 0)
			*ret = &b->in->named[i];
	if (*ret || !value)
		return *ret ? 1 : 0;
	const struct pm_build_context_spec spec = spec_of(b->e->store, b->o, b->in);
	_cleanup_free_ char *option = pm_asprintf("%s=%s", name, value);
	struct pm_build_extra x = PM_BUILD_EXTRA_INIT;
	int r = pm_build_extra_open(&spec, option, &x, err);
	if (r < 0) {
		pm_build_extra_close(&x);
		return r;
	}
	b->in->named = pm_reallocarray(b->in->named, b->in->n_named + 1, sizeof(*b->in->named));
	b->in->named[b->in->n_named] = x;
	*ret = &b->in->named[b->in->n_named++];
	return 1;
}

static int find_tree(struct pm_build *b, const char *named, struct pm_build_tree **ret,
		     const struct pm_ignore **ret_ignore, struct pm_err *err)
{
	struct pm_build_extra *x = NULL;
	int r = named ? pm_build_named(b, named, &x, err) : 0;
	if (r < 0)
		return r;
	*ret = x ? &x->tree : &b->in->context.tree;
	*ret_ignore = x ? NULL : b->in->context.ignore;
	if ((*ret)->dir < 0)
		return pm_fail(err, PM_E_USAGE, "the build has no context: give a directory");
	return 0;
}

int pm_build_context_dir(struct pm_build *b, const char *named, int *ret_dir, const struct pm_ignore **ret_ignore,
			 struct pm_err *err)
{
	struct pm_build_tree *t;
	int r = find_tree(b, named, &t, ret_ignore, err);
	if (r >= 0)
		*ret_dir = t->dir;
	return r;
}

int pm_build_context_path(struct pm_build *b, const char *named, char **ret, struct pm_err *err)
{
	const struct pm_ignore *ignore;
	struct pm_build_tree *t;
	char link[64];
	int r = find_tree(b, named, &t, &ignore, err);
	if (r < 0)
		return r;
	if (t->path) {
		*ret = pm_strdup(t->path);
		return 0;
	}
	/* in a stage of ours: nobody moves it */
	snprintf(link, sizeof(link), "/proc/self/fd/%d", t->dir);
	return pm_fs_readlink(AT_FDCWD, link, ret, err);
}

int pm_build_userns(struct pm_build *b, int *ret, bool *ret_single, struct pm_err *err)
{
	int r = 0;
	if (!b->userns_known)
		r = pm_build_userns_open(b->e->store, &b->userns, err);
	b->userns_known = true;
	*ret = b->userns.fd;
	*ret_single = b->userns.single_id;
	return r;
}
