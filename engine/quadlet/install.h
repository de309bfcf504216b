/*
 * install - the links that systemd finds services by: what `systemctl enable` would make of [Install], below the
 * directory of generated units. Alias=, WantedBy=, RequiredBy=, UpheldBy=; a template is enabled as its DefaultInstance=.
 */
#ifndef PM_ENGINE_QUADLET_INSTALL_H
#define PM_ENGINE_QUADLET_INSTALL_H

#include "engine/quadlet/quadlet.h"

struct pm_quadlet_link {
	char *path;   /* below the directory: "default.target.wants/web.service" */
	char *target; /* relative to the link: "../web.service" */
};

struct pm_quadlet_links {
	struct pm_quadlet_link *v;
	size_t n;
};

void pm_quadlet_links_free(struct pm_quadlet_links *links);
/* The links of a converted one; what cannot be one is noted. */
void pm_quadlet_links(struct pm_quadlet_set *set, const struct pm_quadlet *q, struct pm_quadlet_links *ret);

/* Write service and links into the directory. */
int pm_quadlet_write(struct pm_quadlet_set *set, const struct pm_quadlet *q, const char *dir, struct pm_err *err);
/* The text of the service file. */
void pm_quadlet_text(const struct pm_quadlet *q, struct pm_buf *out);

#endif
