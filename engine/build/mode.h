/*
 * mode - what --chmod of COPY and ADD says: a mode in octal, or chmod(1)'s symbolic "u=rwX,go-w".
 */
#ifndef PM_ENGINE_BUILD_MODE_H
#define PM_ENGINE_BUILD_MODE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

enum { PM_MODE_OPS = 32 };

struct pm_mode {
	size_t n;
	struct pm_mode_op {
		char op;      /* + - = */
		mode_t who;   /* 0700, 0070, 0007 */
		mode_t bits;  /* rwx as 0777, set-id and sticky bits */
		bool if_exec; /* X */
		char copy;    /* u g o: their bits; 0: none */
	} ops[PM_MODE_OPS];
};

/* PM_E_USAGE for what is neither. */
int pm_mode_parse(const char *text, struct pm_mode *ret, struct pm_err *err);
/* The permission bits that a file of mode old gets. Without a "who" the umask takes nothing away. */
mode_t pm_mode_apply(const struct pm_mode *m, mode_t old, bool is_dir);

#endif
