/* authfile: auth.json, looked up for a registry and a namespace; what is found can be sent. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "registry/auth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[][2] = {{"quay.io", "team/app"}, {"docker.io", "library/a"}};
	/* helpers are programs: none is to be found */
	setenv("PATH", "/nonexistent", 1);
	int fd = memfd_create("auth", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	char *path = pm_asprintf("/proc/self/fd/%d", fd);
	for (size_t i = 0; i < 2; i++) {
		struct pm_credentials c = PM_CREDENTIALS_INIT;
		if (pm_credentials_find(path, NULL, names[i][0], names[i][1], &c, NULL) > 0) {
			if (!c.identity_token && (!c.user || !c.password || strchr(c.user, ':')))
				abort();
			if (c.user)
				free(pm_credentials_basic(&c));
		}
		pm_credentials_free(&c);
	}
	free(path);
	close(fd);
	return 0;
}
