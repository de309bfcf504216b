#include "registry/spool.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/hash.h"

enum { CHUNK = 256 << 10 };

int pm_spool_fill(struct pm_spool *s, const struct pm_stream *in, struct pm_err *err)
{
	const char *tmp = getenv("TMPDIR");
	const char *dir = tmp && *tmp ? tmp : "/var/tmp";
	s->file.fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (s->file.fd < 0)
		return pm_fail_sys(err, "make a temporary file in %s", dir);
	_cleanup_free_ char *buf = pm_malloc(CHUNK);
	struct pm_sha256 h;
	char hex[65];
	ssize_t n;
	pm_sha256_init(&h);
	while ((n = in->read(in->arg, buf, CHUNK, err)) > 0) {
		pm_sha256_add(&h, buf, (size_t)n);
		int r = pm_fs_write_all(s->file.fd, buf, (size_t)n, err);
		if (r < 0)
			return pm_wrap(err, "temporary file in %s", dir);
		s->file.size += n;
	}
	if (n < 0)
		return (int)n;
	pm_sha256_hex(&h, hex);
	snprintf(s->digest, sizeof(s->digest), "sha256:%s", hex);
	return 0;
}

void pm_spool_free(struct pm_spool *s)
{
	if (s->file.fd >= 0)
		close(s->file.fd);
	s->file.fd = -1;
}
