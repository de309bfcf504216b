/* A template, and, behind a NUL, JSON data for it to work on instead of the sample. */
#include <stdint.h>

#include "cli/format.h"

static const char sample[] =
	"{\"Name\":\"web\",\"N\":42,\"F\":2.5,\"Ok\":true,\"Empty\":\"\",\"Null\":null,"
	"\"List\":[\"a\",\"b\",\"c\"],\"Labels\":{\"app\":\"web\"},\"State\":{\"Pid\":7},"
	"\"M\":{\"k\":{\"a\":[1,2]}},\"H\":\"<a>\\u001b\\u0000\",\"Created\":\"2026-11-24T00:14:59."
	"5Z\"}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const maps[] = {"Labels", "M", "a", NULL}, *const lists[] = {"L", "c", NULL},
			  *const times[] = {"Created", "b", NULL};
	static const struct pm_template_types types = {maps, lists, times};
	_cleanup_free_ char *text = pm_strndup((const char *)data, size);
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	struct pm_err err = PM_ERR_INIT;
	const char *json = sample;
	size_t len = sizeof(sample) - 1, used = strlen(text) + 1;
	struct pm_json *v;

	if (used < size) {
		json = (const char *)data + used;
		len = size - used;
	}
	if (pm_json_parse(pool, json, len, &v, &err) < 0)
		return 0;
	pm_template_hint(v, &types);

	struct pm_format f = {.name = "fuzz", .format = text, .terminal = true};
	pm_format_one(&f, v, &out, &err);
	for (size_t i = 0; err.text[i]; i++)
		if ((unsigned char)err.text[i] < 0x20)
			abort();
	return 0;
}
