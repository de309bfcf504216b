/*
 * pull - an image from a registry, a layout or an archive into the store, by way of pm-transfer.
 *
 * Runs in pm. pm-transfer (engine/transfer/protocol.h) fetches and checks manifest and config; pm answers
 * which layers the store lacks, holding their locks (pm_store_lock, taken in order of
 * chain id) until the image is committed, so that two pulls fetch a shared layer once; layers are
 * staged below graphroot/staging and committed with the image in one transaction. On any failure, and
 * on SIGINT, SIGTERM and SIGHUP (PM_E_CANCELLED), helpers are ended and the staging directory removed: the
 * store is as before.
 */
#ifndef PM_ENGINE_IMAGE_PULL_H
#define PM_ENGINE_IMAGE_PULL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct pm_decryption;
struct pm_store;

/* Where to look and as whom; all pointers stay the caller's, NULL means the default. */
struct pm_pull_options {
	const char *authfile; /* --authfile: instead of the default files; must exist */
	const char *creds;    /* --creds USER[:PASSWORD]: instead of any file */
	const char *cert_dir; /* --cert-dir: instead of certs.d */
	int tls_verify;       /* -1: as registries.conf says; 0: allow HTTP and bad certificates; 1 */
	const char *os, *arch, *variant; /* --os, --arch, --variant; NULL: this host's */
	bool exact;           /* pm_image_obtain: no stored image of another platform will do, as it does for builds */
	const char *signature_policy;    /* --signature-policy: a policy.json */
	bool all_tags;        /* -a: every tag of the repository */
	bool no_creds;        /* anonymously, whatever the files say */
	const char *token;    /* a bearer token instead of asking for one */
	const char *store_as; /* the full name that the image gets, instead of those it comes with */
	bool any_policy;      /* look at no policy.json */
	/* A short name that several search registries may have: which of the n full names is meant? The index, or
	 * negative with err set. NULL: nobody can be asked. */
	int (*choose)(void *arg, const char *name, char *const *names, size_t n, struct pm_err *err);
	void *choose_arg;
	const char *registries_d; /* where signatures are, instead of the default directory */
	bool remove_signatures;   /* store none of them */
	const struct pm_decryption *decryption; /* keys of encrypted images (engine/image/crypt.h); or NULL */
	const int64_t *retries;   /* of one request; NULL: the default, 3 */
	const int64_t *retry_ms;  /* the first pause, which doubles; NULL: the default */
};

#define PM_PULL_OPTIONS_INIT {.tls_verify = -1}

enum pm_pull_event_kind {
	PM_PULL_TRYING,   /* text: the full reference about to be tried */
	PM_PULL_SOURCE,   /* the manifest was chosen: layers holds their number; bars may be drawn */
	PM_PULL_LAYER,    /* layer's state or progress changed */
	PM_PULL_CONFIG,   /* digest: the config's, after all layers are there */
	PM_PULL_COMMIT,   /* the image is about to be written to the store */
	PM_PULL_RETRY,    /* text: what failed and is tried again, and when */
	PM_PULL_DONE,     /* digest: "sha256:" + image id; text: a name it got, or NULL (load: one per name) */
};

enum pm_pull_layer_state {
	PM_LAYER_WAITING,
	PM_LAYER_DOWNLOADING,
	PM_LAYER_RETRYING,
	PM_LAYER_DONE,
	PM_LAYER_EXISTS, /* in the store already: nothing is fetched */
};

/* Valid only during the call. */
struct pm_pull_event {
	enum pm_pull_event_kind kind;
	enum pm_pull_layer_state state; /* LAYER */
	unsigned int layer;             /* LAYER: index, lowest layer 0 */
	unsigned int layers;            /* SOURCE, LAYER */
	const char *digest;             /* LAYER: the blob's, "sha256:..." */
	uint64_t done, total;           /* LAYER: bytes fetched, bytes in all (0: not known) */
	const char *text;
};

/* Called in pm, from within the pull; must not call back into the store. At most ~10 progress events
 * a second and layer. */
struct pm_pull_progress {
	void (*event)(void *arg, const struct pm_pull_event *ev); /* NULL: none */
	void *arg;
};

/* The part of a user's name before the transport's colon ("docker://", "oci:", "oci-archive:",
 * "docker-archive:", "dir:"), or NULL when it has none (a registry's reference or a local name).
 * Others known to Podman (docker-daemon:, containers-storage:, ...) are returned too, and refused by pull. */
const char *pm_transport_of(const char *name);

/* Pull name, a reference with an optional transport; a short name is looked up as registries.conf
 * says, each candidate in turn. ret_ids gets the image ids (one; more with all_tags or an archive
 * of several). progress may be NULL.
 * PM_E_NOSUCH: the registry has no such image; PM_E_UNAUTH: it wants (other) credentials; PM_E_DIGEST,
 * PM_E_FORMAT, PM_E_REMOTE: what it sent is wrong; PM_E_USAGE: name is malformed; PM_E_CANCELLED. */
int pm_image_pull(struct pm_store *store, const char *name, const struct pm_pull_options *options,
		  const struct pm_pull_progress *progress, struct pm_strv *ret_ids,
		  struct pm_err *err);

/* The full names, without transport, that name (docker:// or none) means in registries, best first. */
int pm_image_candidates(const char *name, const struct pm_pull_options *options, struct pm_strv *ret,
			struct pm_err *err);

enum pm_pull_policy {
	PM_PULL_MISSING, /* the default of run and create */
	PM_PULL_ALWAYS,
	PM_PULL_NEVER,
	PM_PULL_NEWER,
};

/* "missing" (also "true", "ifnotpresent", ""), "always", "never" (also "false"), "newer". */
int pm_pull_policy_parse(const char *word, enum pm_pull_policy *ret, struct pm_err *err);

/* The image a user's name means, pulled when the policy wants it: for run and create.
 * *ret_name (the caller frees) is the full name it was found by, or the name as given for an id. */
int pm_image_obtain(struct pm_store *store, const char *name, enum pm_pull_policy policy,
		    const struct pm_pull_options *options, const struct pm_pull_progress *progress,
		    char ret_id[65], char **ret_name, struct pm_err *err);

#endif
