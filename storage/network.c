#include "storage/network.h"

#include <stdio.h>
#include <string.h>

static int strings(struct pm_store *s, const char *sql, const char *arg, struct pm_strv *ret,
		   struct pm_err *err)
{
	_cleanup_stmt_ struct pm_stmt *q = NULL;
	int r = pm_db_query(s->db, &q, err, sql, "s", arg);
	while (r >= 0 && (r = pm_stmt_step(q, err)) > 0)
		pm_strv_add(ret, pm_stmt_str(q, 0));
	return r;
}

int pm_net_users(struct pm_store *s, const char *network, struct pm_strv *ret, struct pm_err *err)
{
	return strings(s, "SELECT container FROM container_networks WHERE network=? ORDER BY container",
		       network, ret, err);
}

int pm_net_of(struct pm_store *s, const char *container, struct pm_strv *ret, struct pm_err *err)
{
	return strings(s, "SELECT network FROM container_networks WHERE container=? ORDER BY network",
		       container, ret, err);
}

int pm_net_join(struct pm_store *s, const char *container, const char *network,
		struct pm_err *err)
{
	int r = pm_db_exec(s->db, err,
			   "INSERT OR IGNORE INTO container_networks(container, network) VALUES(?, ?)",
			   "ss", container, network);
	return r < 0 ? r : 0;
}

int pm_net_leave(struct pm_store *s, const char *container, const char *network,
		 struct pm_err *err)
{
	int r = pm_db_exec(s->db, err,
			   "DELETE FROM container_networks WHERE container=? AND network=?", "ss",
			   container, network);
	return r < 0 ? r : pm_lease_drop(s, container, network, err);
}

int pm_net_forget(struct pm_store *s, const char *network, struct pm_err *err)
{
	int r = pm_db_exec(s->db, err, "DELETE FROM leases WHERE network=?", "s", network);
	if (r >= 0)
		r = pm_db_exec(s->db, err, "DELETE FROM lease_last WHERE network=?", "s", network);
	return r < 0 ? r : 0;
}

/* Columns address, container, pid, pid_start, boot. */
static void lease_row(struct pm_stmt *q, struct pm_lease *ret)
{
	const void *a = pm_stmt_blob(q, 0, &ret->len);
	if (ret->len > sizeof(ret->address))
		ret->len = 0;
	if (ret->len)
		memcpy(ret->address, a, ret->len);
	snprintf(ret->container, sizeof(ret->container), "%s", pm_stmt_str(q, 1));
	ret->pid = pm_stmt_int(q, 2);
	ret->pid_start = pm_stmt_int(q, 3);
	snprintf(ret->boot, sizeof(ret->boot), "%s", pm_stmt_str(q, 4));
}

int pm_lease_get(struct pm_store *s, const char *network, const void *address, size_t len,
		 struct pm_lease *ret, struct pm_err *err)
{
	_cleanup_stmt_ struct pm_stmt *q = NULL;
	int r = pm_db_query(s->db, &q, err,
			    "SELECT address, container, pid, pid_start, boot FROM leases"
			    " WHERE network=? AND address=?",
			    "sb", network, address, len);
	if (r >= 0)
		r = pm_stmt_step(q, err);
	if (r > 0)
		lease_row(q, ret);
	return r;
}

int pm_lease_put(struct pm_store *s, const char *network, const struct pm_lease *l,
		 struct pm_err *err)
{
	int r = pm_db_exec(s->db, err,
			   "INSERT OR REPLACE INTO leases(network, address, container, pid, pid_start,"
			   " boot) VALUES(?, ?, ?, ?, ?, ?)",
			   "sbsiis", network, l->address, l->len, l->container, l->pid, l->pid_start,
			   l->boot);
	return r < 0 ? r : 0;
}

int pm_lease_drop(struct pm_store *s, const char *container, const char *network,
		  struct pm_err *err)
{
	int r = network ? pm_db_exec(s->db, err,
				     "DELETE FROM leases WHERE container=? AND network=?", "ss",
				     container, network)
			: pm_db_exec(s->db, err, "DELETE FROM leases WHERE container=?", "s",
				     container);
	return r < 0 ? r : 0;
}

int pm_lease_each(struct pm_store *s, const char *container, const char *network,
		  int (*f)(const struct pm_lease *l, void *arg), void *arg, struct pm_err *err)
{
	_cleanup_stmt_ struct pm_stmt *q = NULL;
	int r = pm_db_query(s->db, &q, err,
			    "SELECT address, container, pid, pid_start, boot FROM leases"
			    " WHERE container=? AND network=? ORDER BY length(address), address",
			    "ss", container, network);
	while (r >= 0 && (r = pm_stmt_step(q, err)) > 0) {
		struct pm_lease l;
		lease_row(q, &l);
		r = f(&l, arg);
		if (r)
			return r;
	}
	return r;
}

int pm_lease_last(struct pm_store *s, const char *network, const char *subnet, uint8_t ret[16],
		  struct pm_err *err)
{
	_cleanup_stmt_ struct pm_stmt *q = NULL;
	size_t len = 0;
	int r = pm_db_query(s->db, &q, err,
			    "SELECT address FROM lease_last WHERE network=? AND subnet=?", "ss", network,
			    subnet);
	if (r >= 0)
		r = pm_stmt_step(q, err);
	if (r <= 0)
		return r;
	const void *a = pm_stmt_blob(q, 0, &len);
	if (len != 4 && len != 16)
		return 0;
	memcpy(ret, a, len);
	return (int)len;
}

int pm_lease_set_last(struct pm_store *s, const char *network, const char *subnet,
		      const void *address, size_t len, struct pm_err *err)
{
	int r = pm_db_exec(s->db, err,
			   "INSERT OR REPLACE INTO lease_last(network, subnet, address)"
			   " VALUES(?, ?, ?)",
			   "ssb", network, subnet, address, len);
	return r < 0 ? r : 0;
}
