/*
 * etcfiles - texts of the files a container gets from its host: /etc/hosts, /etc/resolv.conf,
 * /etc/hostname, /run/.containerenv, /etc/localtime. They go into the plan (pm_gen_etcfiles, declared in
 * engine/spec/gen.h); the pieces are here for tests.
 *
 * Host files are read up to 1 MiB and taken apart line by line; nothing of them is passed on but what
 * was understood.
 */
#ifndef PM_ENGINE_SPEC_ETCFILES_H
#define PM_ENGINE_SPEC_ETCFILES_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "engine/spec/gen.h"

struct pm_resolv {
	struct pm_strv servers, search, options;
};
void pm_resolv_free(struct pm_resolv *r);

/* resolv.conf(5). The last search or domain line counts. */
void pm_resolv_parse(const char *text, struct pm_resolv *ret);
bool pm_is_loopback(const char *address);

/* hosts(5): "ADDRESS\tNAME..." a line, comments dropped, lines whose names are all in skip dropped and
 * those names left out of others. */
void pm_hosts_copy(const char *text, const struct pm_strv *skip, struct pm_buf *out);

/* The names in the container's own lines: "HOSTNAME NAME" (name may be NULL). The caller frees. */
char *pm_hosts_names(const char *hostname, const char *name);
/* text without the container's own lines of the addresses in drop, and with those of add at the end. All else stays
 * as it is: the container may write there. */
void pm_hosts_change(const char *text, const struct pm_strv *drop, const struct pm_strv *add,
		     const char *names, struct pm_buf *out);

/* resolv.conf of a container into out; false: it is left alone. Of env: conf, netns, resolv_from, slirp,
 * name_servers, host_servers, network_dns. */
bool pm_resolv_text(const struct pm_ctr_config *c, const struct pm_spec_env *env, struct pm_buf *out);

/* The host's first IPv4 address that is not a loopback one; NULL: none. The caller frees. */
char *pm_host_address(void);

#endif
