#include "engine/container/logtag.h"

#include <string.h>

#include "base/journal.h"

static const char *const names[] = {"ID", "FullID", "Name", "ImageName", "ImageID", "ImageFullID"};

/* The index of the name that s begins with, as "{{.Name}}"; *ret_len its length. -1: none. */
static int name_at(const char *s, size_t *ret_len)
{
	const char *end = strstr(s, "}}");
	if (!pm_startswith(s, "{{") || !end)
		return -1;
	const char *from = s + 2;
	while (*from == ' ')
		from++;
	if (*from++ != '.')
		return -1;
	size_t len = strcspn(from, " }");
	for (size_t i = 0; i < PM_ARRAY_SIZE(names); i++) {
		if (strlen(names[i]) == len && memcmp(names[i], from, len) == 0) {
			*ret_len = (size_t)(end - s) + 2;
			return (int)i;
		}
	}
	return -1;
}

int pm_log_tag_check(const char *tag, struct pm_err *err)
{
	size_t len;
	if (strchr(tag, '\n'))
		return pm_fail(err, PM_E_USAGE, "--log-opt tag: holds a newline");
	for (const char *p = tag; (p = strstr(p, "{{")); p += len)
		if (name_at(p, &len) < 0)
			return pm_fail(err, PM_E_USAGE,
				       "--log-opt tag=%s: pm knows {{.ID}}, {{.FullID}}, {{.Name}}, {{.ImageName}}, "
				       "{{.ImageID}} and {{.ImageFullID}}", tag);
	return 0;
}

int pm_log_label_check(const char *label, struct pm_err *err)
{
	size_t n = strspn(label, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
	if (n == 0 || n > 64 || label[n] != '=' || label[0] == '_' || strchr(label, '\n'))
		return pm_fail(err, PM_E_USAGE, "--log-opt label=%s: must be NAME=VALUE, NAME of capitals, "
						"digits and _ as fields of the journal are", label);
	return 0;
}

char *pm_log_tag(const struct pm_container *c)
{
	const char *tag = pm_env_get(&c->config.log_opts, "tag");
	struct pm_buf b = PM_BUF_INIT;
	if (!tag)
		return NULL;
	while (*tag) {
		size_t len;
		int i = name_at(tag, &len);
		const char *image = c->row.image_id ? c->row.image_id : "";
		if (i < 0) {
			pm_buf_add_char(&b, *tag++);
			continue;
		}
		const char *const values[] = {c->row.id, c->row.id, c->row.name,
					      c->row.image_name ? c->row.image_name : "", image, image};
		const bool cut = strcmp(names[i], "ID") == 0 || strcmp(names[i], "ImageID") == 0;
		pm_buf_printf(&b, "%.*s", cut ? PM_SHORT_ID : 4096, values[i]);
		tag += len;
	}
	return pm_buf_take(&b);
}

static void add(struct pm_buf *b, const char *name, const char *value)
{
	pm_journal_field(b, name, value, strlen(value));
}

char *pm_log_fields(const struct pm_container *c, const char *tag)
{
	struct pm_buf b = PM_BUF_INIT;
	_cleanup_free_ char *id = pm_strndup(c->row.id, PM_SHORT_ID);
	add(&b, "CONTAINER_ID_FULL", c->row.id);
	add(&b, "CONTAINER_ID", id);
	add(&b, "CONTAINER_NAME", c->row.name);
	add(&b, "SYSLOG_IDENTIFIER", tag && *tag ? tag : c->row.name);
	if (tag && *tag)
		add(&b, "CONTAINER_TAG", tag);
	for (size_t i = 0; i < c->config.log_opts.n; i++) {
		const char *label = c->config.log_opts.v[i];
		if (!pm_startswith(label, "label="))
			continue;
		label += strlen("label=");
		_cleanup_free_ char *name = pm_strndup(label, strcspn(label, "="));
		add(&b, name, strchr(label, '=') + 1);
	}
	return pm_buf_take(&b);
}
