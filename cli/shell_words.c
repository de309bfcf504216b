#include "cli/shell_words.h"

#include <string.h>

/* From an opening quote to the closing one; *p is at the latter after. */
static int quoted(const char **p, struct pm_buf *word, struct pm_err *err)
{
	const char quote = *(*p)++;
	for (; **p != quote; (*p)++) {
		if (!**p)
			return pm_fail(err, PM_E_USAGE, "a quote (%c) that does not end", quote);
		/* between double quotes a backslash is itself before most characters */
		if (quote == '"' && **p == '\\' && (*p)[1] && strchr("\"\\$`\n", (*p)[1]))
			(*p)++;
		pm_buf_add_char(word, **p);
	}
	return 0;
}

int pm_shell_words(const char *text, struct pm_strv *ret, struct pm_err *err)
{
	static const char blanks[] = " \t\r\n";
	const char *p = text + strspn(text, blanks);
	while (*p) {
		struct pm_buf word = PM_BUF_INIT;
		int r = 0;
		for (; *p && !strchr(blanks, *p) && r >= 0; p += *p != '\0') {
			if (*p == '\'' || *p == '"')
				r = quoted(&p, &word, err);
			else if (*p == '\\' && !*++p)
				r = pm_fail(err, PM_E_USAGE, "nothing follows a backslash");
			else
				pm_buf_add_char(&word, *p);
		}
		if (r < 0) {
			pm_buf_free(&word);
			return r;
		}
		pm_strv_take(ret, pm_buf_take(&word));
		p += strspn(p, blanks);
	}
	return 0;
}
