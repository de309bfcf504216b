#include "netns/idmap.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The kernel takes at most this many lines in a map (user_namespaces(7)). */
#define MAX_LINES 340

void pm_idmap_free(struct pm_idmap *m)
{
	free(m->v);
	*m = (struct pm_idmap)PM_IDMAP_INIT;
}

void pm_idmap_add(struct pm_idmap *m, uint32_t container, uint32_t host, uint32_t length)
{
	if (length == 0)
		return;
	m->v = pm_reallocarray(m->v, m->n + 1, sizeof(*m->v));
	m->v[m->n++] = (struct pm_idrange){container, host, length};
}

static bool meet(uint32_t a, uint32_t a_len, uint32_t b, uint32_t b_len)
{
	return a < (uint64_t)b + b_len && b < (uint64_t)a + a_len;
}

int pm_idmap_check(const struct pm_idmap *m, struct pm_err *err)
{
	if (m->n == 0)
		return pm_fail(err, PM_E_USAGE, "the id mapping is empty");
	if (m->n > MAX_LINES)
		return pm_fail(err, PM_E_USAGE, "the id mapping has %zu ranges: at most %d are possible",
			       m->n, MAX_LINES);
	for (size_t i = 0; i < m->n; i++) {
		const struct pm_idrange *a = &m->v[i];
		/* the last id, 2^32-1, means "no id" */
		if ((uint64_t)a->container + a->length > UINT32_MAX ||
		    (uint64_t)a->host + a->length > UINT32_MAX)
			return pm_fail(err, PM_E_USAGE, "the id mapping leaves the range of ids");
		for (size_t k = 0; k < i; k++) {
			const struct pm_idrange *b = &m->v[k];
			if (meet(a->container, a->length, b->container, b->length) ||
			    meet(a->host, a->length, b->host, b->length))
				return pm_fail(err, PM_E_USAGE,
					       "the id mapping has ids twice: %u:%u:%u and %u:%u:%u",
					       b->container, b->host, b->length, a->container, a->host,
					       a->length);
		}
	}
	return 0;
}

bool pm_idmap_to_host(const struct pm_idmap *m, uint32_t container, uint32_t *ret)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct pm_idrange *r = &m->v[i];
		if (container >= r->container && container - r->container < r->length) {
			*ret = r->host + (container - r->container);
			return true;
		}
	}
	return false;
}

bool pm_idmap_to_container(const struct pm_idmap *m, uint32_t host, uint32_t *ret)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct pm_idrange *r = &m->v[i];
		if (host >= r->host && host - r->host < r->length) {
			*ret = r->container + (host - r->host);
			return true;
		}
	}
	return false;
}

/* --- as text ---------------------------------------------------------------------------------- */

void pm_idmap_encode(const struct pm_idmap *m, struct pm_strv *out)
{
	for (size_t i = 0; i < m->n; i++)
		pm_strv_addf(out, "%" PRIu32 ":%" PRIu32 ":%" PRIu32, m->v[i].container, m->v[i].host,
			     m->v[i].length);
}

void pm_idmap_lines(const struct pm_idmap *m, struct pm_buf *out)
{
	for (size_t i = 0; i < m->n; i++)
		pm_buf_printf(out, "%" PRIu32 " %" PRIu32 " %" PRIu32 "\n", m->v[i].container,
			      m->v[i].host, m->v[i].length);
}

/* Digits up to the end or a colon. */
static bool number(const char **s, uint32_t *ret)
{
	uint64_t n = 0;
	const char *p = *s;
	if (*p < '0' || *p > '9')
		return false;
	for (; *p >= '0' && *p <= '9'; p++) {
		n = n * 10 + (uint64_t)(*p - '0');
		if (n > UINT32_MAX)
			return false;
	}
	if (*p && *p != ':')
		return false;
	*s = *p ? p + 1 : p;
	*ret = (uint32_t)n;
	return true;
}

int pm_idmap_decode(const struct pm_strv *l, struct pm_idmap *ret, struct pm_err *err)
{
	for (size_t i = 0; i < l->n; i++) {
		const char *p = l->v[i];
		uint32_t c, h, n;
		if (!number(&p, &c) || !number(&p, &h) || !number(&p, &n) || *p)
			return pm_fail(err, PM_E_FORMAT, "malformed id mapping \"%s\"", l->v[i]);
		pm_idmap_add(ret, c, h, n);
	}
	return 0;
}

/* --- options ---------------------------------------------------------------------------------- */

struct option {
	bool extend;
	uint32_t container, from, length;
};

bool pm_idmap_option_is(const char *option, char kind, bool given_as)
{
	size_t n = strspn(option, "+ug");
	bool u = memchr(option, 'u', n) != NULL, g = memchr(option, 'g', n) != NULL;
	return u || g ? (kind == 'u' ? u : g) : given_as;
}

/* A range of the host as the parent sees it: whole, and in one piece. */
static int from_host(struct option *o, const char *text, const struct pm_idmap *base,
		     struct pm_err *err)
{
	uint32_t first, last;
	if (!base)
		return 0;
	if (!pm_idmap_to_container(base, o->from, &first) ||
	    !pm_idmap_to_container(base, o->from + (o->length - 1), &last) ||
	    last - first != o->length - 1)
		return pm_fail(err, PM_E_UNSUPPORTED,
			       "mapping \"%s\": the host's ids from %u on are not this user's: they must "
			       "be in /etc/subuid or /etc/subgid, in one range", text, o->from);
	o->from = first;
	return 0;
}

static int parse(const char *text, const struct pm_idmap *base, struct option *o,
		 struct pm_err *err)
{
	size_t n = strspn(text, "+ug");
	const char *p = text + n;
	o->extend = memchr(text, '+', n) != NULL;
	o->length = 1;
	bool host = false, ok = number(&p, &o->container) && *p;
	if (ok && *p == '@') {
		host = true;
		p++;
	}
	ok = ok && number(&p, &o->from) && (!*p || (number(&p, &o->length) && !*p)) && o->length > 0;
	if (!ok)
		return pm_fail(err, PM_E_USAGE,
			       "invalid mapping \"%s\": must be [+]CONTAINER_ID:[@]FROM_ID[:AMOUNT]", text);
	return host ? from_host(o, text, base, err) : 0;
}

/* Cut the ids that r has, on either side, out of m. */
static void cut(struct pm_idmap *m, const struct pm_idrange *r, bool host_side)
{
	struct pm_idmap out = PM_IDMAP_INIT;
	uint64_t lo = host_side ? r->host : r->container, hi = lo + r->length;
	for (size_t i = 0; i < m->n; i++) {
		const struct pm_idrange *a = &m->v[i];
		uint64_t start = host_side ? a->host : a->container, end = start + a->length;
		uint64_t low_end = end < lo ? end : lo, high_start = start > hi ? start : hi;
		if (start < low_end)
			pm_idmap_add(&out, a->container, a->host, (uint32_t)(low_end - start));
		if (high_start < end)
			pm_idmap_add(&out, a->container + (uint32_t)(high_start - start),
				     a->host + (uint32_t)(high_start - start),
				     (uint32_t)(end - high_start));
	}
	pm_idmap_free(m);
	*m = out;
}

/* Container ids of wanted, in order, onto host ids of hosts, in order. Returns how many ranges of wanted
 * could not be served whole. */
static size_t pair(struct pm_idmap *wanted, struct pm_idmap *hosts, struct pm_idmap *m)
{
	size_t w = 0, h = 0;
	while (w < wanted->n && h < hosts->n) {
		struct pm_idrange *to = &wanted->v[w], *from = &hosts->v[h];
		uint32_t n = to->length < from->length ? to->length : from->length;
		pm_idmap_add(m, to->container, from->host, n);
		to->container += n;
		from->host += n;
		w += (to->length -= n) == 0;
		h += (from->length -= n) == 0;
	}
	return wanted->n - w;
}

/* What m leaves, on both sides. base NULL: the parent has all ids. */
static void fill(struct pm_idmap *m, const struct pm_idmap *base)
{
	_cleanup_idmap_ struct pm_idmap wanted = PM_IDMAP_INIT, hosts = PM_IDMAP_INIT;
	pm_idmap_add(&wanted, 0, 0, UINT32_MAX);
	for (size_t i = 0; base && i < base->n; i++)
		pm_idmap_add(&hosts, 0, base->v[i].container, base->v[i].length);
	if (!base)
		pm_idmap_add(&hosts, 0, 0, UINT32_MAX);
	for (size_t i = 0; i < m->n; i++) {
		cut(&wanted, &m->v[i], false);
		cut(&hosts, &m->v[i], true);
	}
	pair(&wanted, &hosts, m);
}

void pm_idmap_split(struct pm_idmap *m, const struct pm_idmap *parent)
{
	struct pm_idmap out = PM_IDMAP_INIT;
	for (size_t i = 0; i < m->n; i++) {
		const struct pm_idrange *a = &m->v[i];
		for (size_t k = 0; k < parent->n; k++) {
			const struct pm_idrange *p = &parent->v[k];
			uint64_t lo = a->host > p->container ? a->host : p->container;
			uint64_t hi = (uint64_t)a->host + a->length, end = (uint64_t)p->container + p->length;
			hi = hi < end ? hi : end;
			if (lo < hi)
				pm_idmap_add(&out, a->container + (uint32_t)(lo - a->host), (uint32_t)lo,
					     (uint32_t)(hi - lo));
		}
	}
	pm_idmap_free(m);
	*m = out;
}

int pm_idmap_from_options(const struct pm_strv *options, const struct pm_idmap *base,
			  struct pm_idmap *ret, struct pm_err *err)
{
	_cleanup_idmap_ struct pm_idmap m = PM_IDMAP_INIT;
	bool extend = false;
	for (size_t i = 0; i < options->n; i++) {
		struct option o;
		int r = parse(options->v[i], base, &o, err);
		if (r < 0)
			return r;
		extend |= o.extend;
		pm_idmap_add(&m, o.container, o.from, o.length);
	}
	int r = pm_idmap_check(&m, err);
	if (r < 0)
		return r;
	if (extend) {
		fill(&m, base);
		r = pm_idmap_check(&m, err);
		if (r < 0)
			return r;
	}
	*ret = m;
	m = (struct pm_idmap)PM_IDMAP_INIT;
	return 0;
}

/* --- modes ------------------------------------------------------------------------------------ */

void pm_idmap_keep(uint32_t id, uint32_t total, uint32_t size, struct pm_idmap *ret)
{
	uint32_t others = total > 0 ? total - 1 : 0; /* parent ids from 1 on */
	if (size > 0 && others > size - 1)
		others = size - 1;
	uint32_t below = id < others ? id : others;
	pm_idmap_add(ret, 0, 1, below);
	pm_idmap_add(ret, id, 0, 1);
	pm_idmap_add(ret, id + 1, below + 1, others - below);
}

int pm_idmap_auto(uint32_t size, const struct pm_idmap *fixed, const struct pm_idmap *free_,
		  const struct pm_idmap *used, struct pm_idmap *ret, struct pm_err *err)
{
	_cleanup_idmap_ struct pm_idmap m = PM_IDMAP_INIT, hosts = PM_IDMAP_INIT,
				 wanted = PM_IDMAP_INIT;
	for (size_t i = 0; i < free_->n; i++)
		pm_idmap_add(&hosts, 0, free_->v[i].host, free_->v[i].length);
	for (size_t i = 0; i < used->n; i++)
		cut(&hosts, &used->v[i], true);
	pm_idmap_add(&wanted, 0, 0, size);
	for (size_t i = 0; i < fixed->n; i++) {
		cut(&hosts, &fixed->v[i], true);
		cut(&wanted, &fixed->v[i], false);
		pm_idmap_add(&m, fixed->v[i].container, fixed->v[i].host, fixed->v[i].length);
	}
	if (pair(&wanted, &hosts, &m) > 0)
		return pm_fail(err, PM_E_UNSUPPORTED, "could not find enough available IDs: %u are wanted "
						      "(--userns=auto:size=)", size);
	int r = pm_idmap_check(&m, err);
	if (r < 0)
		return r;
	*ret = m;
	m = (struct pm_idmap)PM_IDMAP_INIT;
	return 0;
}

/* --- owners ----------------------------------------------------------------------------------------- */

void pm_idmaps_free(struct pm_idmaps *m)
{
	pm_idmap_free(&m->uids);
	pm_idmap_free(&m->gids);
}

int pm_idmaps_decode(const struct pm_strv *uids, const struct pm_strv *gids, struct pm_idmaps *ret, struct pm_err *err)
{
	int r = pm_idmap_decode(uids, &ret->uids, err);
	return r < 0 ? r : pm_idmap_decode(gids, &ret->gids, err);
}

static int owner(bool (*change)(const struct pm_idmap *m, uint32_t id, uint32_t *ret), const struct pm_idmaps *m,
		 uid_t *uid, gid_t *gid, struct pm_err *err)
{
	if (!change(&m->uids, *uid, uid))
		return pm_fail(err, PM_E_UNSUPPORTED, "its user id %u is not in the container's mapping", *uid);
	if (!change(&m->gids, *gid, gid))
		return pm_fail(err, PM_E_UNSUPPORTED, "its group id %u is not in the container's mapping", *gid);
	return 0;
}

int pm_idmaps_owner_to_container(void *maps, uid_t *uid, gid_t *gid, struct pm_err *err)
{
	return owner(pm_idmap_to_container, maps, uid, gid, err);
}

int pm_idmaps_owner_to_host(void *maps, uid_t *uid, gid_t *gid, struct pm_err *err)
{
	return owner(pm_idmap_to_host, maps, uid, gid, err);
}

/* --- the option idmap of mounts ------------------------------------------------------------------ */

/* "[@]FILE-ID-LENGTH#..." */
static int mount_ranges(const char *list, const struct pm_idmap *own, struct pm_idmap *ret, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv l = PM_STRV_INIT;
	pm_strv_split(&l, list, '#');
	for (size_t i = 0; i < l.n; i++) {
		const bool relative = l.v[i][0] == '@';
		char *text = l.v[i] + relative;
		uint32_t v[3];
		for (char *p = text; *p; p++)
			*p = *p == '-' ? ':' : *p == ':' ? '?' : *p;
		const char *p = text;
		if (!number(&p, &v[0]) || !number(&p, &v[1]) || !number(&p, &v[2]) || *p || p[-1] == ':')
			return pm_fail(err, PM_E_USAGE, "idmap: \"%s\" is not FILE-ID-LENGTH", list);
		uint32_t last;
		if (relative && (!v[2] || !pm_idmap_to_host(own, v[1] + v[2] - 1, &last) ||
				 !pm_idmap_to_host(own, v[1], &v[1]) || last - v[1] != v[2] - 1))
			return pm_fail(err, PM_E_USAGE, "idmap: \"%s\": not in the container's user namespace", list);
		pm_idmap_add(ret, v[0], v[1], v[2]);
	}
	return pm_idmap_check(ret, err);
}

static int mount_default(const char *what, const struct pm_idmap *own, struct pm_idmap *ret, struct pm_err *err)
{
	for (size_t i = 0; i < own->n; i++)
		pm_idmap_add(ret, own->v[i].container, own->v[i].host, own->v[i].length);
	return own->n ? 0
		      : pm_fail(err, PM_E_USAGE, "idmap: the container has no user namespace of its own (--userns, "
						 "--uidmap): say %s=FILE-ID-LENGTH", what);
}

int pm_idmap_from_mount(const char *value, const struct pm_idmap *own_uids, const struct pm_idmap *own_gids,
			struct pm_idmap *uids, struct pm_idmap *gids, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv l = PM_STRV_INIT;
	int r = 0;
	if (value)
		pm_strv_split(&l, value, ';');
	for (size_t i = 0; r >= 0 && i < l.n; i++) {
		bool group = pm_startswith(l.v[i], "gids=");
		struct pm_idmap *to = group ? gids : uids;
		if ((!group && !pm_startswith(l.v[i], "uids=")) || to->n)
			return pm_fail(err, PM_E_USAGE, "idmap=%s: it is uids=FILE-ID-LENGTH;gids=FILE-ID-LENGTH", value);
		r = mount_ranges(l.v[i] + 5, group ? own_gids : own_uids, to, err);
	}
	if (r >= 0 && !uids->n)
		r = mount_default("uids", own_uids, uids, err);
	if (r >= 0 && !gids->n)
		r = mount_default("gids", own_gids, gids, err);
	return r;
}
