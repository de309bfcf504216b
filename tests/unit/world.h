/*
 * world - one start of a rootless container named "test" running "true" in an image that has passwd and
 * group, for tests of what the container's config.json holds.
 */
#ifndef PM_TESTS_UNIT_WORLD_H
#define PM_TESTS_UNIT_WORLD_H

#include "engine/spec/spec.h"

#define WORLD_ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

struct world {
	struct pm_conf conf;
	struct pm_ctr_config c;
	struct pm_spec_env env;
	struct pm_rootfs_view view;
	struct pm_spec_plan plan;
	struct pm_json_pool *pool;
	struct pm_json *json;
	int dir;
};

extern const struct pm_spec_idmap world_map[2], world_single[1];

/* A text file with the directories above it. */
void world_put(const char *path, const char *text);
void world_init(struct world *w);
/* Generate; w->json is the parsed result. */
int world_make(struct world *w, struct pm_err *err);
void world_make_ok(struct world *w);
void world_free(struct world *w);

/* Compact JSON of a member path, "process.user"; of a mount, "mounts:/proc"; "-" when missing. Static. */
const char *world_at(struct world *w, const char *path);
/* Text of a file of the plan, by the end of its name; "-" when there is none. */
const char *world_file(struct world *w, const char *name);

#endif
