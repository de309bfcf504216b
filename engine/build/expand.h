/*
 * expand - variables in words of a Containerfile: what $NAME and ${NAME...} come to. Which names there are:
 * engine/build/scope.h.
 *
 * A word is text with $x ${x} ${x:-w} ${x-w} ${x:+w} ${x+w} ${x:?w} ${x?w} ${x#p} ${x##p} ${x%p} ${x%%p} ${x/p/r}
 * ${x//p/r}; quotes are removed, single ones keep all, the file's escape character keeps the next
 * character. Patterns have * ? and the escape character. A name that is not set is empty.
 * Pure text; nothing of this process's environment is looked at.
 */
#ifndef PM_ENGINE_BUILD_EXPAND_H
#define PM_ENGINE_BUILD_EXPAND_H

#include "base/buf.h"
#include "base/err.h"

enum { PM_EXPAND_MAX = 4 << 20 }; /* bytes a word may become */

/* env: "NAME=VALUE". The caller frees *ret. PM_E_USAGE for a brace without its end, an operator that is none of these,
 * an open quote, a ${x:?message} that fails, a result larger than PM_EXPAND_MAX. */
int pm_expand_word(const char *word, char escape, const struct pm_strv *env, char **ret,
		   struct pm_err *err);
/* A here-document's content: quotes are as any character, the backslash keeps $, ` and itself. */
int pm_expand_heredoc(const char *text, const struct pm_strv *env, char **ret, struct pm_err *err);
/* As pm_expand_word, and then parted at blanks that were not quoted: EXPOSE, and what may be several. */
int pm_expand_words(const char *word, char escape, const struct pm_strv *env, struct pm_strv *ret,
		    struct pm_err *err);

#endif
