#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "engine/build/build_parts.h"

static struct pm_build_context_spec spec_of(struct pm_build *b)
{
	return (struct pm_build_context_spec){
		.store = b->e->store,
		.remote = &b->remote,
		.where = b->o->context,
		.files = b->o->files,
		.ignorefile = b->o->ignorefile,
		.cpp_flags = b->o->cpp_flags,
		.input = STDIN_FILENO,
	};
}

int pm_build_read(struct pm_build *b, struct pm_err *err)
{
	const struct pm_pull_options *po = b->o->how_to_pull;
	b->remote = (struct pm_remote)PM_REMOTE_INIT;
	if (po) {
		b->remote.tls_verify = po->tls_verify;
		b->remote.cert_dir = po->cert_dir;
		b->remote.retries = po->retries ? *po->retries : -1;
		b->remote.retry_ms = po->retry_ms ? *po->retry_ms : -1;
	}
	const struct pm_build_context_spec spec = spec_of(b);
	int r = pm_build_context_open(&spec, &b->context, err);
	b->d = b->context.file;
	return r;
}

void pm_build_close(struct pm_build *b)
{
	pm_build_context_close(&b->context);
	for (size_t i = 0; i < b->n_named; i++)
		pm_build_extra_close(&b->named[i]);
	free(b->named);
	pm_build_userns_close(&b->userns);
}

/* --- contexts ---------------------------------------------------------------------------------------- */

int pm_build_named(struct pm_build *b, const char *name, struct pm_build_extra **ret, struct pm_err *err)
{
	const struct pm_strv *l = b->o->build_contexts;
	const char *value = l ? pm_env_get(l, name) : NULL;
	*ret = NULL;
	for (size_t i = 0; i < b->n_named; i++)
		if (strcmp(b->named[i].name, name) == 0)
			*ret = &b->named[i];
	if (*ret || !value)
		return *ret ? 1 : 0;
	const struct pm_build_context_spec spec = spec_of(b);
	_cleanup_free_ char *option = pm_asprintf("%s=%s", name, value);
	struct pm_build_extra x = PM_BUILD_EXTRA_INIT;
	int r = pm_build_extra_open(&spec, option, &x, err);
	if (r < 0) {
		pm_build_extra_close(&x);
		return r;
	}
	b->named = pm_reallocarray(b->named, b->n_named + 1, sizeof(*b->named));
	b->named[b->n_named] = x;
	*ret = &b->named[b->n_named++];
	return 1;
}

static int find_tree(struct pm_build *b, const char *named, struct pm_build_tree **ret,
		     const struct pm_ignore **ret_ignore, struct pm_err *err)
{
	struct pm_build_extra *x = NULL;
	int r = named ? pm_build_named(b, named, &x, err) : 0;
	if (r < 0)
		return r;
	*ret = x ? &x->tree : &b->context.tree;
	*ret_ignore = x ? NULL : b->context.ignore;
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
