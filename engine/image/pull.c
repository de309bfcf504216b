#include "engine/image/pull.h"

#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "engine/image/crypt.h"
#include "engine/image/fetch.h"
#include "engine/image/other_store.h"
#include "engine/image/resolve.h"
#include "engine/image/storage_ref.h"
#include "registry/manifest.h"
#include "registry/policy.h"
#include "registry/reference.h"
#include "registry/registries_conf.h"

static const char *const transports[] = {
	"docker",	  "oci",    "oci-archive", "docker-archive", "dir", "docker-daemon",
	"containers-storage", "ostree", "sif",     "tarball",
};

const char *pm_transport_of(const char *name)
{
	for (size_t i = 0; i < PM_ARRAY_SIZE(transports); i++) {
		size_t n = strlen(transports[i]);
		if (strncmp(name, transports[i], n) != 0 || name[n] != ':')
			continue;
		/* "docker:TAG" is an image called docker. */
		if (i == 0 && strncmp(name + n, "://", 3) != 0)
			continue;
		return transports[i];
	}
	return NULL;
}

static void collect(void *arg, const char *id, const struct pm_strv *names)
{
	struct pm_strv *ids = arg;
	(void)names;
	if (ids && !pm_strv_has(ids, id))
		pm_strv_add(ids, id);
}

static void add_text(struct pm_wire *w, const char *name, const char *value)
{
	if (value && *value)
		pm_wire_add(w, name, value);
}

static void make_request(struct pm_wire *w, const char *transport, const char *name,
			 const struct pm_pull_options *o)
{
	pm_wire_add(w, "op", "pull");
	pm_wire_add(w, "transport", transport);
	pm_wire_add(w, "name", name);
	add_text(w, "authfile", o->authfile);
	add_text(w, "creds", o->creds);
	add_text(w, "cert_dir", o->cert_dir);
	add_text(w, "os", o->os);
	add_text(w, "arch", o->arch);
	add_text(w, "variant", o->variant);
	pm_wire_add_int(w, "tls_verify", o->tls_verify);
	pm_wire_add_int(w, "all_tags", o->all_tags);
	add_text(w, "token", o->token);
	add_text(w, "store_as", o->store_as);
	add_text(w, "registries_d", o->registries_d);
	pm_decryption_add(w, o->decryption);
	if (o->remove_signatures)
		pm_wire_add(w, "remove_signatures", "1");
	if (o->no_creds)
		pm_wire_add(w, "no_creds", "1");
	if (o->retries)
		pm_wire_add_int(w, "retries", *o->retries);
	if (o->retry_ms)
		pm_wire_add_int(w, "retry_ms", *o->retry_ms);
}

static int pull_one(struct pm_store *store, const char *transport, const char *name,
		    const struct pm_pull_options *o, const struct pm_pull_progress *progress,
		    struct pm_strv *ret_ids, struct pm_err *err)
{
	bool docker = strcmp(transport, "docker") == 0;
	bool archive = pm_endswith(transport, "-archive") || strcmp(transport, "docker-daemon") == 0;
	int r = o->any_policy ? 0 : pm_policy_check(o->signature_policy, transport, name, err);
	if (r < 0)
		return r;
	bool want_signatures = r > 0;
	if (docker && !o->all_tags && progress && progress->event) {
		struct pm_pull_event ev = {.kind = PM_PULL_TRYING, .text = name};
		progress->event(progress->arg, &ev);
	}
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	make_request(&w, transport, name, o);
	if (want_signatures) {
		pm_wire_add(&w, "signed", "1");
		add_text(&w, "policy", o->signature_policy);
	}
	r = pm_fetch_images(store, &w, -1, archive, progress, collect, ret_ids, err);
	if (r < 0 && docker && err && err->code != PM_E_CANCELLED)
		return pm_wrap(err, "initializing source docker://%s", name);
	return r;
}

/* A short name without an alias that several registries may have: short-name-mode says what to do. *ret_chosen: the short
 * name, when the user has chosen, to be remembered if the pull succeeds. */
static int settle(const struct pm_registries *conf, const struct pm_reference *ref,
		  const struct pm_pull_options *o, struct pm_strv *ret, char **ret_chosen,
		  struct pm_err *err)
{
	_cleanup_free_ char *name = pm_reference_name(ref);
	if (conf->short_names == PM_SHORT_DISABLED || pm_registries_alias(conf, name))
		return 0;
	if (!o->choose && conf->short_names == PM_SHORT_ENFORCING)
		return pm_fail(err, PM_E_USAGE, "short-name resolution enforced but cannot prompt "
						"without a TTY: use a full name for \"%s\"",
			       name);
	if (!o->choose)
		return 0;
	int k = o->choose(o->choose_arg, name, ret->v, ret->n, err);
	if (k < 0)
		return k;
	char *one = pm_strdup(ret->v[k]);
	pm_strv_free(ret);
	pm_strv_take(ret, one);
	*ret_chosen = pm_steal(&name);
	return 0;
}

/* What a reference may mean, in order; all_tags: without tags. */
static int candidates(const char *name, const struct pm_pull_options *o, struct pm_strv *ret,
		      char **ret_chosen, struct pm_err *err)
{
	_cleanup_reference_ struct pm_reference ref = PM_REFERENCE_INIT;
	int r = pm_reference_parse(name, &ref, err);
	if (r < 0)
		return r;
	if (o->all_tags && (ref.tag || ref.digest))
		return pm_fail(err, PM_E_USAGE, "'%s' has a tag or digest, which --all-tags "
						"excludes",
			       name);
	if (ref.digest) {
		free(ref.tag);
		ref.tag = NULL;
	}
	_cleanup_registries_ struct pm_registries conf = PM_REGISTRIES_INIT;
	if (!ref.domain) {
		r = pm_registries_load(&conf, err);
		if (r < 0)
			return r;
	}
	r = pm_registries_candidates(&conf, &ref, false, ret, err);
	if (r >= 0 && !ref.domain && ret->n > 1)
		r = settle(&conf, &ref, o, ret, ret_chosen, err);
	for (size_t i = 0; r >= 0 && o->all_tags && i < ret->n; i++)
		*strrchr(ret->v[i], ':') = '\0'; /* the "latest" that candidates added */
	return r;
}

/* With docker:// or without a transport. */
static int docker_candidates(const char *name, const struct pm_pull_options *o, struct pm_strv *ret,
			     char **ret_chosen, struct pm_err *err)
{
	_cleanup_reference_ struct pm_reference ref = PM_REFERENCE_INIT;
	if (!pm_startswith(name, "docker://"))
		return candidates(name, o, ret, ret_chosen, err);
	int r = pm_reference_parse_docker(name + strlen("docker://"), &ref, err);
	if (r < 0)
		return r;
	_cleanup_free_ char *text = pm_reference_str(&ref);
	return candidates(text, o, ret, ret_chosen, err);
}

int pm_image_candidates(const char *name, const struct pm_pull_options *options, struct pm_strv *ret,
			struct pm_err *err)
{
	_cleanup_free_ char *chosen = NULL;
	return docker_candidates(name, options, ret, &chosen, err);
}

/* From this store (it has the image, or not), or from another's. */
static int pull_storage(struct pm_store *store, const char *text, const struct pm_pull_options *o,
			const struct pm_pull_progress *progress, struct pm_strv *ret_ids,
			struct pm_err *err)
{
	_cleanup_storage_ref_ struct pm_storage_ref ref = {0};
	char id[65];
	int r = pm_storage_ref_parse(text, &ref, err);
	if (r >= 0)
		r = pm_policy_check(o->signature_policy, "containers-storage", text, err);
	if (r > 0)
		r = pm_fail(err, PM_E_REMOTE, "image containers-storage:%s is rejected by policy: a "
					      "signature was required, and stored images have none",
			    text);
	if (r < 0)
		return r;
	if (!ref.root || (pm_other_store_is_this(store, &ref) && *ref.image)) {
		r = pm_image_resolve(store, ref.image, id, NULL, err);
		if (r >= 0)
			collect(ret_ids, id, NULL);
		return r < 0 ? r : 0;
	}
	if (pm_other_store_is_pm(&ref))
		return pm_other_store_pull(store, &ref, o->store_as, progress, collect, ret_ids, err);
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	make_request(&w, "containers-storage", ref.image, o);
	pm_wire_add(&w, "root", ref.root);
	pm_wire_add(&w, "driver", ref.driver);
	return pm_fetch_images(store, &w, -1, false, progress, collect, ret_ids, err);
}

/* The user's choice, for the next time; a courtesy. */
static void remember(const char *name, const char *full)
{
	_cleanup_reference_ struct pm_reference ref = PM_REFERENCE_INIT;
	struct pm_err err = PM_ERR_INIT;
	if (pm_reference_parse(full, &ref, NULL) < 0)
		return;
	_cleanup_free_ char *value = pm_reference_name(&ref);
	if (pm_registries_remember(name, value, &err) < 0)
		pm_warn("%s", err.text);
}

int pm_image_pull(struct pm_store *store, const char *name, const struct pm_pull_options *options,
		  const struct pm_pull_progress *progress, struct pm_strv *ret_ids,
		  struct pm_err *err)
{
	const char *transport = pm_transport_of(name);
	if (transport && strcmp(transport, "containers-storage") == 0)
		return pull_storage(store, name + strlen(transport) + 1, options, progress, ret_ids,
				    err);
	if (transport && strcmp(transport, "docker") != 0) {
		static const char *const good[] = {"oci", "oci-archive", "docker-archive", "dir",
						   "docker-daemon"};
		for (size_t i = 0; i < PM_ARRAY_SIZE(good); i++) {
			if (strcmp(transport, good[i]) == 0)
				return pull_one(store, transport, name + strlen(transport) + 1,
						options, progress, ret_ids, err);
		}
		return pm_fail(err, PM_E_UNSUPPORTED, "'%s': images cannot be pulled from %s:", name,
			       transport);
	}
	_cleanup_strv_ struct pm_strv full = PM_STRV_INIT;
	_cleanup_free_ char *chosen = NULL;
	int found = docker_candidates(name, options, &full, &chosen, err);
	if (found < 0)
		return found;
	struct pm_err last = PM_ERR_INIT;
	_cleanup_buf_ struct pm_buf all = PM_BUF_INIT;
	for (size_t i = 0; i < full.n; i++) {
		pm_err_clear(&last);
		int r = pull_one(store, "docker", full.v[i], options, progress, ret_ids, &last);
		if (r >= 0 && chosen)
			remember(chosen, full.v[i]);
		if (r >= 0)
			return 0;
		if (r == -PM_E_CANCELLED)
			break;
		pm_buf_printf(&all, "%s%s", all.len ? "; " : "", last.text);
	}
	if (last.code == PM_E_CANCELLED || full.n == 1) {
		if (err)
			*err = last;
		return -last.code;
	}
	return pm_fail(err, last.code, "%zu registries were tried for %s: %s", full.n, name,
		       pm_buf_str(&all));
}

/* --- run and create ------------------------------------------------------------------------------ */

int pm_pull_policy_parse(const char *word, enum pm_pull_policy *ret, struct pm_err *err)
{
	static const struct {
		const char *word;
		enum pm_pull_policy policy;
	} words[] = {
		{"", PM_PULL_MISSING},		{"missing", PM_PULL_MISSING},
		{"true", PM_PULL_MISSING},	{"ifnotpresent", PM_PULL_MISSING},
		{"ifmissing", PM_PULL_MISSING}, {"always", PM_PULL_ALWAYS},
		{"never", PM_PULL_NEVER},	{"false", PM_PULL_NEVER},
		{"newer", PM_PULL_NEWER},	{"ifnewer", PM_PULL_NEWER},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(words); i++) {
		if (strcmp(words[i].word, word) == 0) {
			*ret = words[i].policy;
			return 0;
		}
	}
	return pm_fail(err, PM_E_USAGE, "unsupported pull policy \"%s\": use always, missing, newer "
					"or never",
		       word);
}

/* The stored image of that name, but no list, is for another platform than the one asked for. Podman pulls then, and makes
 * do with it when that fails; an image that was made here is in no registry. *policy: what remains to be done. */
static int other_platform(struct pm_store *store, const char *name, enum pm_pull_policy *policy, char ret_id[65],
			  char **ret_found)
{
	char any[65];
	if (pm_image_resolve(store, name, ret_id, ret_found, NULL) < 0)
		return -PM_E_NOSUCH;
	if (pm_image_resolve_any(store, name, any, NULL, NULL) < 0 || strcmp(any, ret_id) != 0) {
		free(pm_steal(ret_found));
		return -PM_E_NOSUCH;
	}
	bool ours = !*ret_found || pm_startswith(*ret_found, "localhost/");
	if (*policy != PM_PULL_ALWAYS)
		*policy = ours || *policy == PM_PULL_NEVER ? PM_PULL_NEVER : PM_PULL_NEWER;
	return 0;
}

int pm_image_obtain(struct pm_store *store, const char *name, enum pm_pull_policy policy,
		    const struct pm_pull_options *options, const struct pm_pull_progress *progress,
		    char ret_id[65], char **ret_name, struct pm_err *err)
{
	char *found = NULL;
	struct pm_err why = PM_ERR_INIT;
	bool transport = pm_transport_of(name) != NULL;
	const struct pm_platform platform = {options->os, options->arch, options->variant};
	bool other = options->os || options->arch || options->variant; /* perhaps another than the stored image's */
	int r = transport ? pm_fail(&why, PM_E_NOSUCH, "%s: image not known", name)
			  : pm_image_resolve_for(store, name, other ? &platform : NULL, ret_id, &found, &why);
	if (r == -PM_E_NOSUCH && other && !transport && other_platform(store, name, &policy, ret_id, &found) >= 0 &&
	    !options->exact) {
		if (policy == PM_PULL_NEVER)
			pm_warn("%s", why.text);
		r = 0;
	}
	bool there = r >= 0;
	/* An id cannot be pulled. */
	bool use = there && (policy == PM_PULL_MISSING || policy == PM_PULL_NEVER || !found);
	if (use || (r < 0 && (policy == PM_PULL_NEVER || r != -PM_E_NOSUCH))) {
		if (r < 0 && err)
			*err = why;
		if (there)
			*ret_name = found ? found : pm_strdup(name);
		else
			free(found);
		return r < 0 ? r : 0;
	}
	_cleanup_strv_ struct pm_strv ids = PM_STRV_INIT;
	pm_err_clear(&why);
	/* What is stored under a full name is looked for under that name. */
	r = pm_image_pull(store, found ? found : name, options, progress, &ids, &why);
	if (r < 0 && there && policy == PM_PULL_NEWER && r != -PM_E_CANCELLED) {
		pm_warn("%s", why.text);
		*ret_name = found;
		return 0;
	}
	if (r < 0 || !ids.n) {
		free(found);
		if (err)
			*err = why;
		return r < 0 ? r : pm_fail(err, PM_E_INTERNAL, "pulling %s gave no image", name);
	}
	snprintf(ret_id, 65, "%s", ids.v[ids.n - 1]);
	char *now = NULL;
	char id[65];
	if (!transport && pm_image_resolve(store, found ? found : name, id, &now, NULL) >= 0 && now) {
		*ret_name = now;
		free(found);
	} else {
		*ret_name = found ? found : pm_strdup(name);
	}
	return 0;
}
