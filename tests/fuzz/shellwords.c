/* cli/shell_words: labels of images. */
#include <stdint.h>
#include <string.h>

#include "cli/shell_words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = pm_strndup((const char *)data, size);
	_cleanup_strv_ struct pm_strv words = PM_STRV_INIT;
	size_t total = 0;
	if (pm_shell_words(text, &words, NULL) < 0)
		return 0;
	for (size_t i = 0; i < words.n; i++)
		total += strlen(words.v[i]);
	if (total > strlen(text))
		__builtin_trap();
	return 0;
}
