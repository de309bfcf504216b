/* engine/build/dockerfile and scope: Containerfiles of anybody. */
#include <stdint.h>
#include <string.h>

#include "engine/build/scope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct pm_build_platform host = {"linux", "amd64", "v2"};
	_cleanup_dockerfile_ struct pm_dockerfile *d = pm_dockerfile_new();
	struct pm_build_args args;
	struct pm_build_scope scope;
	if (pm_dockerfile_add(d, "Containerfile", (const char *)data, size, NULL) < 0)
		return 0;
	pm_build_args_init(&args, NULL, &host, &host, NULL);
	pm_build_scope_init(&scope, &args, NULL);
	for (size_t i = 0; i < d->n_steps; i++) {
		const struct pm_instruction *in = &d->steps[i];
		_cleanup_buf_ struct pm_buf script = PM_BUF_INIT;
		struct pm_instruction out;
		if (!in->words || in->words[in->n_words] || strlen(in->original) > size)
			__builtin_trap();
		if (in->kind == PM_DF_ARG && i < d->n_global)
			pm_build_args_global(&args, in, NULL);
		else if (in->kind == PM_DF_ARG)
			pm_build_scope_arg(&scope, in, NULL);
		else if (pm_build_expand(&args, in->kind == PM_DF_FROM ? NULL : &scope, d->pool, in, &out, NULL) >= 0 &&
			 in->kind == PM_DF_ENV)
			pm_build_scope_env(&scope, &out);
		if (in->kind == PM_DF_RUN)
			pm_instruction_script(in, &script);
	}
	pm_build_scope_free(&scope);
	pm_build_args_free(&args);
	return 0;
}
