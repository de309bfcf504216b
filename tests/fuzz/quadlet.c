/* What was parsed is written so that it is parsed again as the same; a file of any kind makes a service whose commands are
 * words, or a note. The first byte says which kind. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/quadlet/install.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void again(const struct pm_unitfile *f)
{
	_cleanup_unitfile_ struct pm_unitfile back = {0};
	_cleanup_buf_ struct pm_buf one = PM_BUF_INIT, two = PM_BUF_INIT;
	pm_unitfile_write(f, &one);
	if (pm_unitfile_parse(&back, "again", pm_buf_str(&one), one.len, NULL) < 0)
		abort();
	pm_unitfile_write(&back, &two);
	if (strcmp(pm_buf_str(&one), pm_buf_str(&two)) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_quadlet_set_ struct pm_quadlet_set set = {.pm = "/bin/pm"};
	if (!size)
		return 0;
	const struct pm_quadlet_kind *kind = &pm_quadlet_kinds[data[0] % PM_QUADLET_TYPES];
	struct pm_quadlet *q = PM_NEW(struct pm_quadlet);
	set.v = pm_reallocarray(NULL, 1, sizeof(*set.v));
	set.v[set.n++] = q;
	q->kind = kind;
	q->name = pm_asprintf("x@%s", kind->ext);
	q->path = pm_asprintf("/q/%s", q->name);
	if (pm_unitfile_parse(&q->in, q->path, (const char *)data + 1, size - 1, NULL) < 0)
		return 0;
	again(&q->in);
	pm_quadlet_convert(&set);
	if (q->failed) {
		if (!set.n_notes)
			abort();
		return 0;
	}
	again(&q->out);
	struct pm_quadlet_links links = {0};
	pm_quadlet_links(&set, q, &links);
	for (size_t i = 0; i < links.n; i++)
		if (strstr(links.v[i].path, "..") && links.v[i].path[0] == '.')
			abort();
	pm_quadlet_links_free(&links);
	/* the last one is the generator's */
	const struct pm_unitline *start = pm_unitfile_line(&q->out, "Service", "ExecStart");
	_cleanup_strv_ struct pm_strv words = PM_STRV_INIT;
	if (!start || pm_unit_words(start->value, &words, NULL) < 0 || strcmp(words.v[0], "/bin/pm") != 0)
		abort();
	return 0;
}
