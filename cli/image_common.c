#include "cli/image_common.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/value.h"

int pm_pull_platform(const char *platform, struct pm_pull_options *po, char **ret_buf,
		     struct pm_err *err)
{
	if (!platform)
		return 0;
	if (po->os || po->arch)
		return pm_fail(err, PM_E_USAGE,
			       "--platform option can not be specified with --arch or --os");
	char *os = *ret_buf = pm_strdup(platform), *arch = strchr(os, '/'), *variant = NULL;
	if (arch) {
		*arch++ = '\0';
		variant = strchr(arch, '/');
	}
	if (variant) {
		*variant++ = '\0';
		po->variant = variant;
	}
	if (!*os || (arch && !*arch) || (variant && (!*variant || strchr(variant, '/'))))
		return pm_fail(err, PM_E_USAGE,
			       "invalid platform \"%s\": OS, OS/ARCH or OS/ARCH/VARIANT", platform);
	po->os = os;
	po->arch = arch;
	return 0;
}

char *pm_pull_authfile(const struct pm_cli *cli, const char *authfile)
{
	if (authfile || !cli->global.config)
		return pm_strdup_null(authfile);
	char *path = pm_asprintf("%s/config.json", cli->global.config);
	if (access(path, F_OK) < 0) {
		free(path);
		return NULL;
	}
	return path;
}

static int choose(void *arg, const char *name, char *const *names, size_t n, struct pm_err *err)
{
	char line[32];
	(void)arg;
	fprintf(stderr, "Please select an image for \"%s\":\n", name);
	for (size_t i = 0; i < n; i++)
		fprintf(stderr, "  %zu) %s\n", i + 1, names[i]);
	for (;;) {
		fprintf(stderr, "1-%zu: ", n);
		fflush(stderr);
		if (!fgets(line, sizeof(line), stdin))
			return pm_fail(err, PM_E_CANCELLED, "no image was selected for \"%s\"", name);
		int64_t k;
		line[strcspn(line, "\r\n")] = '\0';
		if (pm_parse_int(line, &k, NULL) >= 0 && k >= 1 && (size_t)k <= n)
			return (int)k - 1;
	}
}

void pm_pull_retries(const struct pm_cli *cli, uint64_t retry, int64_t delay_ns, struct pm_pull_retry *ret,
		     struct pm_pull_options *po)
{
	*ret = (struct pm_pull_retry){.times = retry > INT32_MAX ? INT32_MAX : (int64_t)retry, .ms = delay_ns / 1000000};
	if (pm_cli_given(cli, "retry"))
		po->retries = &ret->times;
	if (pm_cli_given(cli, "retry-delay"))
		po->retry_ms = &ret->ms;
}

void pm_pull_ask(struct pm_pull_options *po)
{
	if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
		po->choose = choose;
}
