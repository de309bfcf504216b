/*
 * child - a part of a helper as a process of its own, forked from it, which keeps its channels to the parent
 * and no other descriptor. It ends when the parent does.
 */
#ifndef PM_NETNS_CHILD_H
#define PM_NETNS_CHILD_H

#include "base/err.h"

/* serve gets the child's ends (b -1 unless ret_b is given) and returns only when it could not begin: its error
 * is told on a (netns/answer.h). The parent's ends go to *ret_a and *ret_b. */
int pm_child_start(int (*serve)(int a, int b, struct pm_err *err), int *ret_a, int *ret_b,
		   struct pm_err *err);

#endif
