#include "engine/container/rename.h"

#include <stdlib.h>
#include <string.h>

#include "engine/container/name.h"
#include "engine/events/events.h"

int pm_container_rename(struct pm_engine *e, struct pm_container *c, const char *name,
			struct pm_err *err)
{
	int r = pm_name_check(name, err);
	if (r < 0)
		return r;
	if (strcmp(c->row.name, name) == 0)
		return 0;
	_cleanup_close_ int lock = pm_container_lock(e, c->row.id, true, err);
	if (lock < 0)
		return lock;
	free(c->config.name);
	c->config.name = pm_strdup(name);
	r = pm_db_begin(e->store->db, true, err);
	if (r < 0)
		return r;
	r = pm_ctr_rename(e->store, c->row.id, name, err);
	if (r >= 0)
		r = pm_container_save_config(e, c, err);
	if (r >= 0)
		r = pm_db_commit(e->store->db, err);
	if (r < 0) {
		pm_db_rollback(e->store->db);
		return r;
	}
	free(c->row.name);
	c->row.name = pm_strdup(name);
	pm_event_container(e, c, "rename");
	return 0;
}
