/*
 * destination_kinds - the kinds of destinations behind registry/destination.h: what each has to offer, and how each
 * is opened. For registry/destination.c and registry/dest_*.c only.
 */
#ifndef PM_REGISTRY_DESTINATION_KINDS_H
#define PM_REGISTRY_DESTINATION_KINDS_H

#include "registry/destination.h"

/* The functions of destination.h without the checks and defaults made there; mount, set_names, add_tag and the ones of
 * signatures may be NULL. ret_* are never NULL. self is what the opener gave. */
struct pm_destination_ops {
	struct pm_destination_traits traits;
	int (*has_blob)(void *self, const char *digest, int64_t *ret_size, struct pm_err *err);
	int (*mount)(void *self, const char *digest, const char *domain, const char *repository,
		     struct pm_err *err);
	int (*put_blob)(void *self, const struct pm_stream *in, enum pm_blob_kind kind,
			const char *digest, int64_t size, char ret_digest[PM_DIGEST_SIZE],
			int64_t *ret_size, struct pm_err *err);
	int (*set_names)(void *self, const struct pm_strv *names, struct pm_err *err);
	/* digest: of the text */
	int (*put_manifest)(void *self, const void *data, size_t len, const char *media_type,
			    const char *digest, bool instance, struct pm_err *err);
	int (*takes_signatures)(void *self, enum pm_signature_kind kind, struct pm_err *err);
	int (*put_signatures)(void *self, const struct pm_signatures *s, const char *digest,
			      bool instance, struct pm_err *err);
	int (*add_tag)(void *self, const char *tag, struct pm_err *err);
	int (*commit)(void *self, struct pm_err *err);
	void (*free)(void *self);
};

typedef int pm_destination_open_fn(const char *name, const struct pm_destination_options *o,
				   void **ret, struct pm_err *err);

extern const struct pm_destination_ops pm_dest_docker, pm_dest_oci, pm_dest_oci_archive, pm_dest_dir,
	pm_dest_docker_archive, pm_dest_daemon;
pm_destination_open_fn pm_dest_docker_open, pm_dest_oci_open, pm_dest_oci_archive_open,
	pm_dest_dir_open, pm_dest_docker_archive_open, pm_dest_daemon_open;

#endif
