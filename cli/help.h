/*
 * help - the text of `pm COMMAND --help`, made from the command's record and option tables.
 *
 * Layout as Podman's: summary, description, usage, aliases, examples, options.
 */
#ifndef PM_CLI_HELP_H
#define PM_CLI_HELP_H

#include "cli/command.h"

/* Help of the command found as path ("image list"). c NULL: of pm itself. */
void pm_help_command(const struct pm_command *c, const char *path, struct pm_buf *out);

/* Only "Usage: ...", command list and options, as after an unknown help topic. */
void pm_help_usage(const struct pm_command *c, const char *path, struct pm_buf *out);

/* All visible options of c (NULL: only the global ones), sorted by name; returns how many, at most
 * max. Used by help, completion and tests. */
size_t pm_help_options(const struct pm_command *c, const struct pm_opt **list, size_t max);

/* The word for o's argument, "" when it takes none. */
const char *pm_help_arg(const struct pm_opt *o);

#endif
