/*
 * seccomp - the system call filter of a container: the built-in default profile or a seccomp.json,
 * resolved for the capabilities the container has, and compiled for the runtimes that take it ready
 * made.
 *
 * crun gets the BPF program in the annotation run.oci.seccomp_bpf_data (base64), which saves it 2 ms
 * of libseccomp on each start; other runtimes get linux.seccomp. Compiled programs are kept in the cache
 * directory, one file per (profile, capabilities, architecture), named by a SHA-256 over these (a profile's file counts as
 * the same while its inode and times are) and holding the base64 text; files of another owner, or writable by others, are not used.
 *
 * A profile is searched in --security-opt seccomp=, containers.conf's seccomp_profile,
 * /etc/containers/seccomp.json, /usr/share/containers/seccomp.json, and last the built-in one, which has
 * the same effect as the file Debian ships.
 */
#ifndef PM_ENGINE_SPEC_SECCOMP_H
#define PM_ENGINE_SPEC_SECCOMP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"

enum pm_seccomp_op {
	PM_SECCOMP_NE,
	PM_SECCOMP_LT,
	PM_SECCOMP_LE,
	PM_SECCOMP_EQ,
	PM_SECCOMP_GE,
	PM_SECCOMP_GT,
	PM_SECCOMP_MASKED_EQ,
};

enum pm_seccomp_action {
	PM_SECCOMP_ALLOW,
	PM_SECCOMP_ERRNO,
	PM_SECCOMP_KILL_THREAD,
	PM_SECCOMP_KILL_PROCESS,
	PM_SECCOMP_TRAP,
	PM_SECCOMP_LOG,
	PM_SECCOMP_TRACE,
};

struct pm_seccomp_arg {
	unsigned int index;
	enum pm_seccomp_op op;
	uint64_t value, value2;
};

struct pm_seccomp_rule {
	const char *const *names; /* NULL-terminated */
	enum pm_seccomp_action action;
	unsigned int errno_ret; /* ERRNO, TRACE */
	struct pm_seccomp_arg args[6];
	size_t n_args;
	uint64_t caps_all; /* only when the container has all of these */
	uint64_t caps_none; /* only when it has none of these */
	const char *arches; /* only on these, in Go's words, comma separated; NULL: all */
};

struct pm_seccomp_profile {
	enum pm_seccomp_action action; /* for calls no rule matches */
	unsigned int errno_ret;
	struct pm_strv arches; /* "SCMP_ARCH_X86_64", ...: of this machine */
	struct pm_seccomp_rule *rules;
	size_t n_rules;
	struct pm_json_pool *pool; /* what the rules point into; NULL for the built-in profile */
};

void pm_seccomp_profile_free(struct pm_seccomp_profile *p);
#define _cleanup_seccomp_profile_ _cleanup_(pm_seccomp_profile_free)

/* The built-in profile. */
void pm_seccomp_default(struct pm_seccomp_profile *ret);
/* A seccomp.json (containers/common's format, or the resolved one of the runtime-spec). PM_E_FORMAT. */
int pm_seccomp_parse(const char *text, size_t len, struct pm_seccomp_profile *ret,
		     struct pm_err *err);

/* Does rule apply to a container with these capabilities on this machine? */
bool pm_seccomp_applies(const struct pm_seccomp_rule *rule, uint64_t caps);

/* linux.seccomp for caps. The tree belongs to pool. */
struct pm_json *pm_seccomp_json(const struct pm_seccomp_profile *p, uint64_t caps,
				struct pm_json_pool *pool);
/* The BPF program for caps, struct sock_filter after another. */
int pm_seccomp_compile(const struct pm_seccomp_profile *p, uint64_t caps, struct pm_buf *out,
		       struct pm_err *err);

/* Base64 (RFC 4648) with padding. */
void pm_base64(const void *data, size_t len, struct pm_buf *out);

#endif
