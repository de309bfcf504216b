/* Feeds each file of the folders named as arguments to the fuzz target linked with it. */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/fs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv)
{
	int count = 0;
	for (int i = 1; i < argc; i++) {
		_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
		struct pm_err err = PM_ERR_INIT;
		if (pm_fs_list(AT_FDCWD, argv[i], &names, &err) < 0) {
			fprintf(stderr, "%s\n", err.text);
			return 1;
		}
		for (size_t k = 0; k < names.n; k++) {
			_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
			_cleanup_free_ char *path = pm_asprintf("%s/%s", argv[i], names.v[k]);
			if (pm_fs_read_file(AT_FDCWD, path, 64 << 20, &b, &err) < 0) {
				fprintf(stderr, "%s\n", err.text);
				return 1;
			}
			LLVMFuzzerTestOneInput((const uint8_t *)pm_buf_str(&b), b.len);
			count++;
		}
	}
	printf("%s: %d inputs\n", argv[0], count);
	return count ? 0 : 1;
}
