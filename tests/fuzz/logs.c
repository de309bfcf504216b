/* A container's log, as `pm logs` reads it: the first byte chooses the format and the tail. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/container/logs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int touch(void *arg, size_t index, const struct pm_log_entry *e, struct pm_err *err)
{
	(void)index, (void)err;
	unsigned int *sum = arg;
	for (size_t i = 0; i < e->len; i++)
		*sum += (unsigned char)e->text[i];
	for (size_t i = 0; i < e->time_len; i++)
		*sum += (unsigned char)e->time[i];
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	int fd = memfd_create("log", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data + 1, size - 1) != (ssize_t)size - 1)
		abort();
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	unsigned int sum = 0;
	const struct pm_logs_source s = {
		.id = "1",
		.name = "one",
		.path = path,
		.ctr_dir = "/nonexistent",
		.driver = data[0] & 1 ? PM_LOG_DRIVER_JSON_FILE : PM_LOG_DRIVER_K8S_FILE,
	};
	const struct pm_logs_opts o = {
		.tail = data[0] & 2 ? data[0] >> 2 : -1, .entry = touch, .arg = &sum};
	pm_logs_read(&s, 1, &o, NULL);
	close(fd);
	return 0;
}
