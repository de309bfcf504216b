/*
 * main - the only place of pm that prints errors and chooses the exit status.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/command.h"

/* A descriptor opened later must not become standard output by accident. */
static void fill_standard_fds(void)
{
	for (int fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0)
			_exit(125);
	}
}

int main(int argc, char **argv)
{
	(void)argc;
	struct pm_cli cli = {0};
	struct pm_err err = PM_ERR_INIT;

	fill_standard_fds();
	signal(SIGPIPE, SIG_DFL);

	int r = pm_cli_run(&cli, argv, &err);
	if (r < 0) {
		fprintf(stderr, "Error: %s\n", err.text);
		fputs(pm_buf_str(&cli.hint), stderr);
	}
	int status = pm_cli_status(&cli, r);
	pm_cli_free(&cli);
	return status;
}
