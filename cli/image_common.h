/*
 * image_common - what the commands that fetch images share (pull, run, create): the options that say
 * where from and for which platform.
 */
#ifndef PM_CLI_IMAGE_COMMON_H
#define PM_CLI_IMAGE_COMMON_H

#include "cli/command.h"
#include "engine/image/pull.h"

/* Put --platform OS[/ARCH[/VARIANT]] (NULL: not given) into po, whose os, arch and variant hold the
 * separate options. PM_E_USAGE when both are given. *ret_buf holds the strings; the caller frees it. */
int pm_pull_platform(const char *platform, struct pm_pull_options *po, char **ret_buf,
		     struct pm_err *err);

/* What --retry and --retry-delay say, where they are given. *ret must live as long as po. */
struct pm_pull_retry {
	int64_t times, ms;
};
void pm_pull_retries(const struct pm_cli *cli, uint64_t retry, int64_t delay_ns, struct pm_pull_retry *ret,
		     struct pm_pull_options *po);

/* Have po ask on the terminal, where there is one, which registry a short name is meant for. */
void pm_pull_ask(struct pm_pull_options *po);

/* The credentials file to name: --authfile, else config.json in the directory of the global --config
 * when it is there, else NULL. The caller frees. */
char *pm_pull_authfile(const struct pm_cli *cli, const char *authfile);

#endif
