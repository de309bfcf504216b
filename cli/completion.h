/*
 * completion - what a shell may offer at the end of a command line that is being typed.
 *
 * Works from the command and option tables; names of images and containers come from the store,
 * which is opened only when it exists. Never fails: what cannot be found out is not offered.
 */
#ifndef PM_CLI_COMPLETION_H
#define PM_CLI_COMPLETION_H

#include "cli/command.h"

/* words: the line without the program's name, NULL-terminated; the last one, which may be "", is
 * being typed. Appends to out a line for each candidate, "WORD" or "WORD\tdescription", then one
 * line ":N": cobra's directive, bits of 2 (no space follows), 4 (no file names), 16 (directories
 * only). For "--opt=VALUE" the candidates are values. cli->global is set by the global options
 * among the words. */
void pm_complete(struct pm_cli *cli, char *const *words, bool descriptions, struct pm_buf *out);

/* The script that makes shell ("bash", "zsh", "fish") ask `pm __complete`; NULL: unknown shell. */
const char *pm_completion_script(const char *shell);

#endif
