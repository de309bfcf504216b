#include "cli/ask.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "cli/remote_options.h"

enum { PASSPHRASE_MAX = 64 << 10 };

int pm_ask(const char *question, bool secret, char **ret, struct pm_err *err)
{
	struct termios old, silent;
	bool terminal = tcgetattr(STDIN_FILENO, &old) == 0;
	char *line = NULL;
	size_t size = 0;
	fprintf(stderr, "%s", question);
	fflush(stderr);
	if (terminal && secret) {
		silent = old;
		silent.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
	}
	ssize_t n = getline(&line, &size, stdin);
	if (terminal && secret) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
		fputs("\n", stderr);
	}
	if (n < 0) {
		free(line);
		return pm_fail(err, PM_E_USAGE, "reading from standard input: it has ended");
	}
	while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
		line[--n] = '\0';
	*ret = line;
	return 0;
}

int pm_ask_passphrase(const char *what, bool is_new, char **ret, struct pm_err *err)
{
	_cleanup_secret_ char *first = NULL, *again = NULL;
	_cleanup_free_ char *question = pm_asprintf("Passphrase for key %s: ", what),
			    *more = pm_asprintf("Passphrase for key %s (again): ", what);
	if (!isatty(STDIN_FILENO))
		return pm_fail(err, PM_E_USAGE, "a passphrase for key %s is needed, and there is no "
						"terminal to ask for it: name a file that holds it",
			       what);
	int r = pm_ask(question, true, &first, err);
	if (r >= 0 && is_new)
		r = pm_ask(more, true, &again, err);
	if (r >= 0 && is_new && strcmp(first, again) != 0)
		r = pm_fail(err, PM_E_USAGE, "the passphrases are not the same");
	if (r < 0)
		return r;
	*ret = pm_steal(&first);
	return 0;
}

int pm_read_passphrase(const char *path, char **ret, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	int r = pm_fs_read_file(AT_FDCWD, path, PASSPHRASE_MAX, &text, err);
	if (r < 0)
		return pm_wrap(err, "reading the passphrase");
	*ret = pm_strndup(pm_buf_str(&text), strcspn(pm_buf_str(&text), "\r\n"));
	if (text.data)
		explicit_bzero(text.data, text.len);
	return 0;
}
