/*
 * session - pm-transfer's end of the protocol (engine/transfer/protocol.h), and one image on its way: offered
 * to pm with its checked documents, then its wanted layers fetched.
 *
 * One thread reads from the socket; the pm_session_send functions may be called by any. The socket closing means
 * that pm is gone: everything then fails with PM_E_CANCELLED.
 */
#ifndef PM_ENGINE_TRANSFER_SESSION_H
#define PM_ENGINE_TRANSFER_SESSION_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "base/wire.h"
#include "engine/transfer/crypt.h"
#include "registry/digest.h"
#include "registry/manifest.h"
#include "registry/signature.h"

struct pm_session {
	int sock;
	pthread_mutex_t sending; /* a message is written whole */
	struct pm_wire request;
	int input, stage, dir, recipe, userns, output; /* -1: not given */
	bool single_id;
	int64_t whiteouts; /* enum pm_whiteout_form */
	struct pm_platform platform;
	struct pm_tx_crypt crypt;
};

/* Receive the request. */
int pm_session_begin(struct pm_session *s, int sock, struct pm_err *err);
void pm_session_end(struct pm_session *s);

/* A layer pm may want. */
struct pm_tx_layer {
	char digest[PM_DIGEST_SIZE]; /* the blob's, "" when only the diff id is known */
	int64_t size;                /* the blob's, -1 when not known */
	const char *media_type;
	const char *diff_id;
	int dir;    /* where pm wants it; -1: it does not */
	int recipe; /* with dir: the file for its recipe */
	/* Where it is: a part of a file (borrowed), or with fd -1 a registry's blob. */
	int fd;
	int64_t offset;
	/* Or, when not NULL, what is called when its turn has come: gives a descriptor (the caller's) that the
	 * uncompressed tar stream is read from. */
	int (*open)(void *arg, struct pm_err *err);
	void *open_arg;
	struct pm_layer_cipher *cipher; /* the blob is encrypted: decrypts it; owned */
};

struct pm_tx_image {
	struct pm_json_pool *pool;
	struct pm_buf manifest_text, config_text;
	char digest[PM_DIGEST_SIZE];
	char name_digest[PM_DIGEST_SIZE]; /* "" when it is digest */
	struct pm_manifest manifest;
	struct pm_config config;
	struct pm_strv names;
	struct pm_tx_layer *layers;
	size_t n_layers;
	struct pm_signatures signatures; /* of the manifest */
	bool signatures_looked;          /* they are all there are */
	bool encrypted;                  /* some of its layers are: pm stores another manifest */
};

void pm_tx_image_free(struct pm_tx_image *i); /* closes what pm gave */
#define _cleanup_tx_image_ _cleanup_(pm_tx_image_free)

/* How a source gives documents: by digest, whole and verified. *ret_type (the caller frees) may be NULL. */
struct pm_tx_source {
	int (*manifest)(void *arg, const char *digest, int64_t size, struct pm_buf *out,
			char **ret_type, struct pm_err *err);
	int (*config)(void *arg, const struct pm_descriptor *d, struct pm_buf *out,
		      struct pm_err *err);
	void *arg;
};

/* From the text of a manifest or index (moved out of text) to the image for the session's platform, all checked;
 * layers' fd are -1. Encrypted layers are unlocked by the session's keys. i must be zeroed; to be freed also after a failure. */
int pm_tx_image_fill(struct pm_session *s, struct pm_tx_image *i, struct pm_buf *text,
		     const char *content_type, const struct pm_tx_source *source,
		     struct pm_err *err);
/* Check i->config_text and fill config; n_layers -1: not compared. */
int pm_tx_image_config(struct pm_tx_image *i, int64_t n_layers, struct pm_err *err);

/* Offer the image; on return layers' dir are set for those that pm wants. */
int pm_session_offer(struct pm_session *s, struct pm_tx_image *i, struct pm_err *err);
/* All wanted layers are there: returns when pm has committed. */
int pm_session_ready(struct pm_session *s, struct pm_err *err);

int pm_session_send(struct pm_session *s, const struct pm_wire *w, struct pm_err *err);
int pm_session_send_text(struct pm_session *s, const char *type, const char *text,
			 struct pm_err *err);
int pm_session_send_progress(struct pm_session *s, size_t index, int64_t done, int64_t total,
			     int state, struct pm_err *err);
int pm_session_send_layer(struct pm_session *s, size_t index, const char *diff_id,
			  const char *blob, int64_t blob_size, int64_t stream_size,
			  struct pm_err *err);

#endif
