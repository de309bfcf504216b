/*
 * shell_words - a command line split into words as a POSIX shell quotes them: blanks, '...',
 * "..." and backslashes. Nothing is expanded; operators are plain characters.
 */
#ifndef PM_CLI_SHELL_WORDS_H
#define PM_CLI_SHELL_WORDS_H

#include "base/buf.h"
#include "base/err.h"

/* The words of text, appended to ret. PM_E_USAGE: a quote that does not end, or nothing after a
 * backslash. */
int pm_shell_words(const char *text, struct pm_strv *ret, struct pm_err *err);

#endif
