/* ask - a line from the user, on standard input. */
#ifndef PM_CLI_ASK_H
#define PM_CLI_ASK_H

#include <stdbool.h>

#include "base/err.h"

/* The question on stderr, then a line from standard input, without echo when secret. The caller wipes and frees. */
int pm_ask(const char *question, bool secret, char **ret, struct pm_err *err);
/* A passphrase for what, from a terminal only; twice when it is a new one. PM_E_USAGE without a terminal. */
int pm_ask_passphrase(const char *what, bool is_new, char **ret, struct pm_err *err);
/* The first line of a file that holds a passphrase. The caller wipes and frees. */
int pm_read_passphrase(const char *path, char **ret, struct pm_err *err);

#endif
