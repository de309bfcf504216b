/*
 * tree - what is on disk below a directory, as text, so that two trees can be compared: one line a
 * file, sorted: path, type, mode, owner, size, time, links, target, content's sum, user xattrs.
 */
#ifndef PM_TESTS_UNIT_TREE_H
#define PM_TESTS_UNIT_TREE_H

/* owners: with uid and gid. The caller frees. */
char *tree_describe(const char *dir, int owners);
/* Text content of a small file, "" when missing; static. */
const char *tree_content(const char *dir, const char *path);
/* Run a program to its end, in cwd; returns its exit code. argv ends with NULL. */
int tree_run(const char *cwd, const char *const *argv);

#endif
