/*
 * format - the --format option of commands, over pm_json trees: "json", a template for each row,
 * or "table TEMPLATE" with a row of headings and aligned columns, as Podman does them.
 *
 * In the text outside of {{ }}, \t and \n stand for tab and newline; in a table a space is a tab
 * too. Output ends with a newline.
 */
#ifndef PM_CLI_FORMAT_H
#define PM_CLI_FORMAT_H

#include "cli/template.h"

struct pm_format {
	const char *name;  /* of the command, for errors: "ps" */
	/* the --format given. NULL, "" and "table" mean table_default. */
	const char *format;
	const char *table_default; /* "table {{.ID}}\t{{.Image}}" */
	/* (field, heading) pairs ended by NULL, may be NULL: what differs from
	 * pm_template_heading */
	const char *const *headings;
	bool no_heading;
	bool each;     /* a template that begins with {{range is for each row too (inspect) */
	bool terminal; /* stdout is one: control characters in values are made harmless */
	unsigned int json_indent; /* of format "json"; 0: 4, as Podman's ps, images */
	struct pm_template_opts opts; /* opts.safe is set by terminal */
};

/* Is format "json" (or "JSON"), or {{json .}}, which Podman takes for the same? Then the command may print a tree of its own instead. */
bool pm_format_is_json(const char *format);
/* "table", or with "table " in front (also NULL and ""). */
bool pm_format_is_table(const char *format);

/* Lists (ps, images): the template is executed for each row; one that begins with {{range gets the
 * whole array, as Podman's. */
int pm_format_list(const struct pm_format *f, const struct pm_json *rows, struct pm_buf *out,
		   struct pm_err *err);

/* One object (info, version): the template is executed once. table_default may be NULL: an empty
 * format is printed as JSON then. */
int pm_format_one(const struct pm_format *f, const struct pm_json *data, struct pm_buf *out,
		  struct pm_err *err);

#endif
