#include "engine/container/inspect_parts.h"

#include <string.h>

#include "engine/container/inspect.h"

/* The options the mount really got; the given ones where it is not in config.json. */
static void final_options(const struct insp *i, const struct pm_ctr_mount *m, struct pm_strv *out)
{
	const struct pm_json *l = pm_json_get(i->oci, "mounts");
	for (size_t k = 0; k < pm_json_len(l); k++) {
		const struct pm_json *v = pm_json_at(l, k);
		if (pm_streq(pm_json_get_str(v, "destination"), m->dest) &&
		    pm_json_to_strv(pm_json_get(v, "options"), out, NULL) >= 0)
			return;
	}
	pm_strv_add_all(out, pm_strv_argv(&m->options));
}

static bool is_propagation(const char *o)
{
	static const char *const all[] = {"private", "rprivate", "shared",     "rshared",
					  "slave",   "rslave",   "unbindable", "runbindable"};
	for (size_t k = 0; k < PM_ARRAY_SIZE(all); k++)
		if (pm_streq(all[k], o))
			return true;
	return false;
}

struct pm_json *insp_mounts(struct insp *i)
{
	struct pm_json *l = pm_json_array(i->pool);
	for (size_t k = 0; k < i->k->n_mounts; k++) {
		const struct pm_ctr_mount *m = &i->k->mounts[k];
		if (!pm_streq(m->type, "bind") && !pm_streq(m->type, "volume"))
			continue;
		_cleanup_strv_ struct pm_strv opts = PM_STRV_INIT, shown = PM_STRV_INIT;
		const char *prop = "", *mode = "";
		bool rw = true;
		final_options(i, m, &opts);
		for (size_t n = 0; n < opts.n; n++) {
			if (is_propagation(opts.v[n]))
				prop = opts.v[n];
			else if (pm_streq(opts.v[n], "ro"))
				rw = false;
			else if (!pm_streq(opts.v[n], "rw"))
				pm_strv_add(&shown, opts.v[n]);
		}
		for (size_t n = 0; n < m->options.n; n++)
			if (pm_streq(m->options.v[n], "z") || pm_streq(m->options.v[n], "Z"))
				mode = m->options.v[n];
		struct pm_json *o = pm_json_object(i->pool);
		insp_str(i, o, "Type", m->type);
		if (m->name)
			insp_str(i, o, "Name", m->name);
		else
			insp_omitted(i, o, "Name", pm_json_str(i->pool, ""));
		insp_str(i, o, "Source", m->source);
		insp_str(i, o, "Destination", m->dest);
		insp_str(i, o, "Driver", pm_streq(m->type, "volume") ? "local" : "");
		insp_str(i, o, "Mode", mode);
		insp_list(i, o, "Options", &shown);
		insp_flag(i, o, "RW", rw);
		insp_str(i, o, "Propagation", prop);
		pm_json_add(i->pool, l, o);
	}
	return l;
}

struct pm_json *insp_binds(struct insp *i)
{
	struct pm_json *l = pm_json_array(i->pool);
	for (size_t k = 0; k < i->k->n_mounts; k++) {
		const struct pm_ctr_mount *m = &i->k->mounts[k];
		if (!pm_streq(m->type, "bind") && !pm_streq(m->type, "volume"))
			continue;
		_cleanup_strv_ struct pm_strv opts = PM_STRV_INIT;
		final_options(i, m, &opts);
		_cleanup_free_ char *o = pm_strv_join(&opts, ",");
		_cleanup_free_ char *s =
			pm_asprintf("%s:%s:%s", m->name ? m->name : m->source, m->dest, o);
		pm_json_add(i->pool, l, pm_json_str(i->pool, s));
	}
	return l;
}

struct pm_json *insp_tmpfs(struct insp *i)
{
	struct pm_json *o = pm_json_object(i->pool);
	for (size_t k = 0; k < i->k->n_mounts; k++) {
		const struct pm_ctr_mount *m = &i->k->mounts[k];
		if (!pm_streq(m->type, "tmpfs"))
			continue;
		_cleanup_strv_ struct pm_strv opts = PM_STRV_INIT;
		final_options(i, m, &opts);
		_cleanup_free_ char *s = pm_strv_join(&opts, ",");
		insp_str(i, o, m->dest, s);
	}
	return pm_inspect_sorted(i->pool, o);
}
