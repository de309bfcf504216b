#include "registry/image_path.h"

#include <string.h>

#include "base/mem.h"

void pm_image_path_split(const char *name, char **ret_path, char **ret_which)
{
	const char *colon = strchr(name, ':');
	*ret_path = colon ? pm_strndup(name, (size_t)(colon - name)) : pm_strdup(name);
	*ret_which = colon && colon[1] ? pm_strdup(colon + 1) : NULL;
}
