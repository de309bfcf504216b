/* pm manifest: the commands share how they open, change and name a list. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "cli/commands.h"
#include "cli/image_common.h"
#include "cli/progress.h"
#include "cli/sign_options.h"
#include "engine/image/manifest_list.h"

const struct pm_command pm_cmd_manifest = {
	.path = "manifest",
	.summary = "Manipulate manifest lists and image indexes",
	.flags = PM_CMD_GROUP,
};

/* Options of all, each command has a part of them. */
struct manifest_opts {
	bool all, amend, quiet, remove_signatures, rm, tls_verify;
	const char *arch, *os, *os_version, *variant;
	const char *authfile, *cert_dir, *creds, *compression, *digestfile, *format;
	struct pm_strv annotations, features, os_features;
	struct pm_sign_opts sign;
};

#define AUTHFILE                                                                                   \
	{"authfile", 0, PM_STRING(struct manifest_opts, authfile),                                 \
	 "Path of the authentication file. Use REGISTRY_AUTH_FILE environment variable to override", \
	 .complete = PM_COMPLETE_FILE}
#define CERT_DIR                                                                                   \
	{"cert-dir", 0, PM_STRING(struct manifest_opts, cert_dir),                                 \
	 "Use certificates at the specified path to access the registry",                          \
	 .complete = PM_COMPLETE_DIR}
#define CREDS                                                                                      \
	{"creds", 0, PM_STRING(struct manifest_opts, creds),                                       \
	 "Use USERNAME[:PASSWORD] for accessing the registry", .arg = "USERNAME[:PASSWORD]"}
#define TLS_VERIFY                                                                                 \
	{"tls-verify", 0, PM_BOOL(struct manifest_opts, tls_verify),                               \
	 "Require HTTPS and verify certificates when accessing the registry", .def = "true"}
#define ENTRY_OPTIONS                                                                              \
	{"annotation", 0, PM_STRINGS(struct manifest_opts, annotations),                           \
	 "Set an annotation for the specified image", .arg = "annotation"},                        \
	{"arch", 0, PM_STRING(struct manifest_opts, arch),                                         \
	 "Override the architecture of the specified image", .arg = "architecture"},               \
	{"features", 0, PM_LIST(struct manifest_opts, features),                                   \
	 "Override the features of the specified image", .arg = "features"},                       \
	{"os", 0, PM_STRING(struct manifest_opts, os), "Override the OS of the specified image",   \
	 .arg = "OS"},                                                                             \
	{"os-version", 0, PM_STRING(struct manifest_opts, os_version),                             \
	 "Override the OS version of the specified image", .arg = "version"},                      \
	{"variant", 0, PM_STRING(struct manifest_opts, variant),                                   \
	 "Override the Variant of the specified image", .arg = "Variant"}

static int make_remote(const struct pm_cli *cli, const struct manifest_opts *o, struct pm_remote *ret,
		       char **ret_authfile)
{
	*ret_authfile = pm_pull_authfile(cli, o->authfile);
	*ret = (struct pm_remote)PM_REMOTE_INIT;
	ret->authfile = *ret_authfile;
	ret->cert_dir = o->cert_dir;
	ret->creds = o->creds;
	if (pm_cli_given(cli, "tls-verify"))
		ret->tls_verify = o->tls_verify;
	return 0;
}

static struct pm_list_entry make_entry(const struct manifest_opts *o)
{
	return (struct pm_list_entry){
		.os = o->os,
		.arch = o->arch,
		.variant = o->variant,
		.os_version = o->os_version,
		.features = &o->features,
		.os_features = &o->os_features,
		.annotations = &o->annotations,
	};
}

/* --- create -------------------------------------------------------------------------------------- */

static const struct pm_opt create_table[] = {
	{"all", 0, PM_BOOL(struct manifest_opts, all),
	 "Add all of the lists' images if the images to add are lists"},
	{"amend", 'a', PM_BOOL(struct manifest_opts, amend),
	 "Modify an existing list if one with the desired name already exists"},
	AUTHFILE,
	CERT_DIR,
	CREDS,
	TLS_VERIFY,
	{0},
};

static int create_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct manifest_opts *o = opts;
	_cleanup_list_ struct pm_list l = {0};
	_cleanup_free_ char *authfile = NULL;
	struct pm_query_options q = {0};
	struct pm_list_entry none = {0};
	make_remote(cli, o, &q.remote, &authfile);
	int r = pm_list_create(pm_cli_store(cli), cli->args[0], o->amend, &l, err);
	if (r < 0)
		return r;
	for (int i = 1; r >= 0 && i < cli->n_args; i++)
		r = pm_list_add_image(pm_cli_store(cli), &l, cli->args[i], o->all, &q, &none, err);
	if (r >= 0)
		r = pm_list_save(pm_cli_store(cli), &l, err);
	/* One that could not be filled is not left behind. */
	if (r < 0 && !o->amend)
		pm_list_delete(pm_cli_store(cli), &l, NULL);
	if (r >= 0)
		puts(l.id);
	return r;
}

const struct pm_command pm_cmd_manifest_create = {
	.path = "manifest create",
	.summary = "Create manifest list or image index",
	.synopsis = "[options] LIST [IMAGE...]",
	.text = "Creates manifest lists or image indexes, with the images named in it.",
	.examples = "%p mylist:v1.11\n%p mylist:v1.11 arch-specific-image-to-add\n"
		    "%p --all mylist:v1.11 docker://registry.example/arch-list-to-add",
	.min_args = 1,
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_IMAGE,
	.opts_size = sizeof(struct manifest_opts),
	.tables = {{create_table, 0}, {0}},
	.run = create_run,
};

/* --- add, annotate, remove ----------------------------------------------------------------------- */

static const struct pm_opt add_table[] = {
	{"all", 0, PM_BOOL(struct manifest_opts, all),
	 "Add all of the list's images if the image is a list"},
	AUTHFILE,
	CERT_DIR,
	CREDS,
	ENTRY_OPTIONS,
	TLS_VERIFY,
	{0},
};

static int save_and_tell(struct pm_cli *cli, struct pm_list *l, struct pm_err *err)
{
	int r = pm_list_save(pm_cli_store(cli), l, err);
	if (r >= 0)
		puts(l->id);
	return r;
}

static int add_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct manifest_opts *o = opts;
	_cleanup_list_ struct pm_list l = {0};
	_cleanup_free_ char *authfile = NULL;
	struct pm_query_options q = {.os = o->os, .arch = o->arch, .variant = o->variant};
	struct pm_list_entry entry = make_entry(o);
	make_remote(cli, o, &q.remote, &authfile);
	int r = pm_list_open(pm_cli_store(cli), cli->args[0], &l, err);
	for (int i = 1; r >= 0 && i < cli->n_args; i++)
		r = pm_list_add_image(pm_cli_store(cli), &l, cli->args[i], o->all, &q, &entry, err);
	return r < 0 ? r : save_and_tell(cli, &l, err);
}

const struct pm_command pm_cmd_manifest_add = {
	.path = "manifest add",
	.summary = "Add images to a manifest list or image index",
	.synopsis = "[options] LIST IMAGE [IMAGE...]",
	.text = "Adds an image to a manifest list or image index: a stored one, or one in a registry, "
		"which is not pulled.",
	.examples = "%p mylist:v1.11 image:v1.11-amd64\n%p mylist:v1.11 docker://quay.io/user/image:1",
	.min_args = 2,
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_IMAGE,
	.opts_size = sizeof(struct manifest_opts),
	.tables = {{add_table, 0}, {0}},
	.run = add_run,
};

static const struct pm_opt annotate_table[] = {
	ENTRY_OPTIONS,
	{"os-features", 0, PM_LIST(struct manifest_opts, os_features),
	 "Override the OS features of the specified image", .arg = "features"},
	{0},
};

static int annotate_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct manifest_opts *o = opts;
	_cleanup_list_ struct pm_list l = {0};
	struct pm_list_entry entry = make_entry(o);
	int r = pm_list_open(pm_cli_store(cli), cli->args[0], &l, err);
	if (r >= 0)
		r = pm_list_annotate(pm_cli_store(cli), &l, cli->args[1], &entry, err);
	return r < 0 ? r : save_and_tell(cli, &l, err);
}

const struct pm_command pm_cmd_manifest_annotate = {
	.path = "manifest annotate",
	.summary = "Add or update information about an entry in a manifest list or image index",
	.synopsis = "[options] LIST IMAGE",
	.text = "Adds or updates what the list says about one of its images, named by its digest.",
	.examples = "%p --annotation left=right mylist:v1.11 sha256:15352d97781ffdf357bf3459c037be3efac4133d"
		    "c9070c2dce7eca7c05c3e736",
	.min_args = 2,
	.max_args = 2,
	.flags = PM_CMD_STORE,
	.opts_size = sizeof(struct manifest_opts),
	.tables = {{annotate_table, 0}, {0}},
	.run = annotate_run,
};

static int remove_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	_cleanup_list_ struct pm_list l = {0};
	(void)opts;
	int r = pm_list_open(pm_cli_store(cli), cli->args[0], &l, err);
	if (r >= 0)
		r = pm_list_remove_entry(&l, cli->args[1], err);
	return r < 0 ? r : save_and_tell(cli, &l, err);
}

const struct pm_command pm_cmd_manifest_remove = {
	.path = "manifest remove",
	.summary = "Remove an entry from a manifest list or image index",
	.synopsis = "LIST DIGEST",
	.text = "Removes an image from a manifest list or image index, by its digest.",
	.examples = "%p mylist:v1.11 sha256:15352d97781ffdf357bf3459c037be3efac4133dc9070c2dce7eca7c05c3e736",
	.min_args = 2,
	.max_args = 2,
	.flags = PM_CMD_STORE,
	.run = remove_run,
};

/* --- inspect, exists, rm ------------------------------------------------------------------------- */

static const struct pm_opt inspect_table[] = {
	AUTHFILE,
	CERT_DIR,
	CREDS,
	TLS_VERIFY,
	{0},
};

static void print_json(const struct pm_json *v)
{
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	pm_json_write(v, 4, &out);
	puts(pm_buf_str(&out));
}

/* A list of the store, else what a registry has. */
static int inspect_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct manifest_opts *o = opts;
	const char *name = cli->args[0];
	_cleanup_list_ struct pm_list l = {0};
	struct pm_err why = PM_ERR_INIT;
	int r = pm_transport_of(name) ? -PM_E_NOSUCH
				      : pm_list_open(pm_cli_store(cli), name, &l, &why);
	if (r >= 0) {
		print_json(pm_list_index(&l));
		return 0;
	}
	if (r != -PM_E_NOSUCH) {
		if (err)
			*err = why;
		return r;
	}
	_cleanup_remote_image_ struct pm_remote_image i = {0};
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_free_ char *authfile = NULL;
	_cleanup_free_ char *full = pm_transport_of(name) ? pm_strdup(name)
							  : pm_asprintf("docker://%s", name);
	struct pm_query_options q = {0};
	struct pm_json *v;
	make_remote(cli, o, &q.remote, &authfile);
	r = pm_query_inspect(full, &q, true, false, &i, err);
	if (r >= 0)
		r = pm_json_parse(pool, pm_buf_str(&i.manifest), i.manifest.len, &v, err);
	if (r >= 0)
		print_json(v);
	return r;
}

const struct pm_command pm_cmd_manifest_inspect = {
	.path = "manifest inspect",
	.summary = "Display the contents of a manifest list or image index",
	.synopsis = "[options] IMAGE",
	.text = "Prints a manifest list or image index of the store, else one that a registry has.",
	.examples = "%p localhost/list\n%p docker://quay.io/user/app:1",
	.min_args = 1,
	.max_args = 1,
	.flags = PM_CMD_STORE,
	.opts_size = sizeof(struct manifest_opts),
	.tables = {{inspect_table, 0}, {0}},
	.run = inspect_run,
};

static int exists_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	_cleanup_list_ struct pm_list l = {0};
	struct pm_err why = PM_ERR_INIT;
	(void)opts;
	int r = pm_list_open(pm_cli_store(cli), cli->args[0], &l, &why);
	if (r < 0 && r != -PM_E_NOSUCH) {
		if (err)
			*err = why;
		return r;
	}
	return r < 0;
}

const struct pm_command pm_cmd_manifest_exists = {
	.path = "manifest exists",
	.summary = "Check if a manifest list exists in local storage",
	.synopsis = "MANIFEST",
	.text = "Exits with 0 when the manifest list exists in local storage, with 1 when it does not.",
	.examples = "%p mylist",
	.min_args = 1,
	.max_args = 1,
	.flags = PM_CMD_STORE,
	.run = exists_run,
};

static int rm_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	(void)opts;
	for (int i = 0; i < cli->n_args; i++) {
		_cleanup_list_ struct pm_list l = {0};
		int r = pm_list_open(pm_cli_store(cli), cli->args[i], &l, err);
		if (r >= 0)
			r = pm_list_delete(pm_cli_store(cli), &l, err);
		if (r < 0)
			pm_cli_note(cli, err);
		else
			printf("Untagged: %s\nDeleted: %s\n", l.name, l.id);
	}
	return pm_cli_result(cli, 0);
}

const struct pm_command pm_cmd_manifest_rm = {
	.path = "manifest rm",
	.summary = "Remove manifest list or image index from local storage",
	.synopsis = "LIST [LIST...]",
	.text = "Removes manifest lists from local storage; the images in them stay.",
	.examples = "%p mylist:v1.11",
	.min_args = 1,
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.run = rm_run,
};

/* --- push ---------------------------------------------------------------------------------------- */

static const struct pm_opt push_table[] = {
	{"all", 0, PM_BOOL(struct manifest_opts, all), "Also push the images in the list",
	 .def = "true"},
	AUTHFILE,
	CERT_DIR,
	{"compression-format", 0, PM_CHOICE(struct manifest_opts, compression),
	 "Compression format to use", .arg = "string", .choices = "gzip|zstd"},
	CREDS,
	{"digestfile", 0, PM_STRING(struct manifest_opts, digestfile),
	 "After copying the image, write the digest of the resulting digest to the file",
	 .complete = PM_COMPLETE_FILE},
	{"format", 'f', PM_CHOICE(struct manifest_opts, format),
	 "Manifest type (oci or v2s2) to attempt to use when pushing the manifest list",
	 .arg = "string", .choices = "oci|v2s2"},
	{"purge", 'p', PM_BOOL(struct manifest_opts, rm),
	 "Remove the manifest list if push succeeds", .hidden = true},
	{"quiet", 'q', PM_BOOL(struct manifest_opts, quiet),
	 "Don't output progress information when pushing lists"},
	{"remove-signatures", 0, PM_BOOL(struct manifest_opts, remove_signatures),
	 "Don't copy signatures when pushing images"},
	{"rm", 0, PM_BOOL(struct manifest_opts, rm), "Remove the manifest list if push succeeds"},
	TLS_VERIFY,
	{0},
};

static int push_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct manifest_opts *o = opts;
	_cleanup_list_ struct pm_list l = {0};
	_cleanup_free_ char *authfile = NULL, *destination = NULL;
	struct pm_copy_options co = PM_COPY_OPTIONS_INIT;
	struct pm_written written;
	make_remote(cli, o, &co.dst, &authfile);
	co.src = co.dst;
	co.format = o->format;
	co.compression = o->compression;
	co.remove_signatures = o->remove_signatures;
	_cleanup_sign_ struct pm_sign sign = {0};
	int r = pm_sign_from(&o->sign, NULL, &sign, err);
	co.signing = &sign.signing;
	if (r >= 0)
		r = pm_list_open(pm_cli_store(cli), cli->args[0], &l, err);
	if (r < 0)
		return r;
	const char *to = cli->n_args > 1 ? cli->args[1] : l.name;
	destination = pm_transport_of(to) ? pm_strdup(to) : pm_asprintf("docker://%s", to);
	_cleanup_progress_ struct pm_progress *bars = pm_progress_new(2, o->quiet);
	r = pm_list_push(pm_cli_store(cli), &l, destination, o->all, &co, pm_progress_events(bars),
			 &written, err);
	pm_progress_clear(bars);
	if (r >= 0 && o->digestfile)
		r = pm_fs_write_file(AT_FDCWD, o->digestfile, written.digest, strlen(written.digest),
				     0644, false, err);
	if (r >= 0 && o->rm)
		r = pm_list_delete(pm_cli_store(cli), &l, err);
	return r;
}

const struct pm_command pm_cmd_manifest_push = {
	.path = "manifest push",
	.summary = "Push a manifest list or image index to a registry",
	.synopsis = "[options] LIST [DESTINATION]",
	.text = "Pushes manifest lists and image indexes, and with --all (the default) the images in "
		"them, to registries. Without DESTINATION the list's own name is used.",
	.examples = "%p mylist:v1.11 docker://registry.example/user/image:v1.11",
	.min_args = 1,
	.max_args = 2,
	.flags = PM_CMD_STORE,
	.opts_size = sizeof(struct manifest_opts),
	.tables = {{push_table, 0}, {pm_sign_table, offsetof(struct manifest_opts, sign)}, {0}},
	.run = push_run,
};
