/* signature: the bytes that signatures are kept as, read, written and read again; payloads; boxes of private keys; parameters. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/image/signing.h"
#include "registry/private_key.h"
#include "registry/signature.h"
#include "registry/signature_payload.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was read is written so that it reads the same. */
static void check_again(const struct pm_signature *one)
{
	struct pm_signatures again = {0};
	struct pm_buf text = PM_BUF_INIT;
	pm_signature_format(one, &text);
	/* base64 grows */
	if (text.len <= PM_SIGNATURE_MAX) {
		if (pm_signature_parse(text.data, text.len, &again, NULL) < 0 || again.n != 1 ||
		    again.v[0].kind != one->kind || again.v[0].payload.len != one->payload.len ||
		    (one->payload.len &&
		     memcmp(again.v[0].payload.data, one->payload.data, one->payload.len) != 0) ||
		    again.v[0].notes.n != one->notes.n)
			abort();
	}
	pm_buf_free(&text);
	pm_signatures_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char digest[] = "sha256:0123456789012345678901234567890123456789012345678901234567890123";
	struct pm_signatures s = {0};
	if (pm_signature_parse(data, size, &s, NULL) >= 0) {
		if (s.n != 1)
			abort();
		check_again(&s.v[0]);
	} else if (s.n) {
		abort();
	}
	pm_signatures_free(&s);
	char *name = NULL;
	if (pm_payload_read((const char *)data, size, PM_PAYLOAD_SIMPLE, digest, &name, NULL) >= 0 && !name)
		abort();
	free(name);
	struct pm_key_box box = {0};
	if (pm_key_box_parse((const char *)data, size, &box, NULL) >= 0 &&
	    (!box.text || 128 * box.n * box.r > (256 << 20)))
		abort();
	pm_key_box_free(&box);
	struct pm_signing_params params = {0};
	if (pm_signing_params_parse((const char *)data, size, &params, NULL) >= 0 && !params.private_key)
		abort();
	pm_signing_params_free(&params);
	return 0;
}
