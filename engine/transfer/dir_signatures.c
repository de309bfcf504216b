#include "engine/transfer/dir_signatures.h"

#include <string.h>

#include "registry/digest.h"

int pm_dir_signatures(struct pm_files *f, const char *digest, const char *top,
		      struct pm_signatures *ret, struct pm_err *err)
{
	bool instance = strcmp(digest, top) != 0;
	for (unsigned int i = 1; i <= PM_SIGNATURES_MAX; i++) {
		_cleanup_free_ char *name =
			instance ? pm_asprintf("%s.signature-%u", pm_digest_hex(digest), i)
				 : pm_asprintf("signature-%u", i);
		_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
		struct pm_err why = PM_ERR_INIT;
		int r = pm_files_read(f, name, PM_SIGNATURE_MAX, &text, &why);
		if (r == -PM_E_NOSUCH)
			return 0;
		if (r >= 0)
			r = pm_signature_parse(pm_buf_str(&text), text.len, ret, &why);
		if (r >= 0)
			r = pm_signatures_check_size(ret, name, &why);
		if (r < 0) {
			if (err)
				*err = why;
			return pm_wrap(err, "%s", name);
		}
	}
	return 0;
}
