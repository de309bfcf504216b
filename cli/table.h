/*
 * table - columns aligned as Go's text/tabwriter does, and text made harmless for a terminal.
 *
 * A cell ends with a tab; the last one of a line is no part of a column. A column is a run of
 * adjacent lines which have it, as wide as its widest cell and 2, at least 12 - the numbers that
 * Podman uses. Widths are those of a terminal: 2 for East Asian characters, 0 for combining ones.
 */
#ifndef PM_CLI_TABLE_H
#define PM_CLI_TABLE_H

#include "base/buf.h"

/* Podman's numbers for lists. */
#define PM_TABLE_MIN_WIDTH 12
#define PM_TABLE_PADDING 2

/* Append text, with its tabs replaced by padding, to out. */
void pm_table_align(const char *text, size_t len, size_t min_width, size_t padding,
		    struct pm_buf *out);

/* Append text with everything replaced by '?' that a terminal might act on: control characters (C0,
 * DEL, C1) but newline and tab, bytes that are not UTF-8, and the marks that reverse the direction
 * of text (U+202A..E, U+2066..9). */
void pm_table_safe(const char *text, size_t len, struct pm_buf *out);

/* Tab-separated lines, which may hold what a container says, aligned to standard output; harmless for a
 * terminal. */
void pm_table_print(const struct pm_buf *cells);

#endif
