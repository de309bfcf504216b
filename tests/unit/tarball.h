/*
 * tarball - archives for tests, made byte by byte: well-formed ones by base/tar_write.h, hostile ones
 * by a raw header whose fields the test sets.
 */
#ifndef PM_TESTS_UNIT_TARBALL_H
#define PM_TESTS_UNIT_TARBALL_H

#include <stdint.h>

#include "base/buf.h"
#include "base/tar.h"

/* A header block with magic "ustar" and a right checksum, then content padded. */
void tarball_raw(struct pm_buf *b, const char *path, char type, const char *link,
		 const void *content, size_t len);
/* The same from a block the test filled itself; only the checksum is put in. */
void tarball_block(struct pm_buf *b, uint8_t block[PM_TAR_BLOCK], const void *content, size_t len);
/* A pax header ('x' or 'g') with the records given as "KEY=VALUE" strings, NULL-terminated. */
void tarball_pax(struct pm_buf *b, char type, ...);
/* A well-formed entry: owner 0:0, mode 0755 for directories, else 0644, mtime 1000000000. */
void tarball_dir(struct pm_buf *b, const char *path);
void tarball_file(struct pm_buf *b, const char *path, const char *content);
void tarball_symlink(struct pm_buf *b, const char *path, const char *target);
void tarball_hardlink(struct pm_buf *b, const char *path, const char *target);
void tarball_entry(struct pm_buf *b, const struct pm_tar_entry *e, const void *content);
/* The two end blocks. */
void tarball_end(struct pm_buf *b);

#endif
