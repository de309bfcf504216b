#include "cli/commands.h"
#include "cli/remote_options.h"
#include "engine/image/query.h"

struct delete_opts {
	int64_t retry_times;
	const char *daemon_host, *shared_blob_dir;
	struct pm_remote_opts remote;
};

static const struct pm_opt delete_table[] = {
	{"daemon-host", 0, PM_STRING(struct delete_opts, daemon_host),
	 "Use docker daemon host at HOST (docker-daemon: only)", .arg = "HOST"},
	{"retry-times", 0, PM_INT(struct delete_opts, retry_times),
	 "The number of times to possibly retry", .def = "3"},
	{"shared-blob-dir", 0, PM_STRING(struct delete_opts, shared_blob_dir),
	 "DIRECTORY used to share blobs across OCI repositories (oci: only)", .arg = "DIRECTORY",
	 .complete = PM_COMPLETE_DIR},
	{0},
};

static int delete_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct delete_opts *o = opts;
	_cleanup_secret_ char *secret = NULL;
	struct pm_query_options q = {0};
	int r = pm_remote_from(cli, &o->remote, "", NULL, &q.remote, &secret, err);
	if (r < 0)
		return r;
	q.remote.retries = o->retry_times;
	q.daemon_host = o->daemon_host;
	q.shared_blob_dir = o->shared_blob_dir;
	r = pm_query_delete(cli->args[0], &q, err);
	return r < 0 ? r : 0;
}

const struct pm_command pm_cmd_delete = {
	.path = "delete",
	.summary = "Delete an image from a registry, a layout or a docker daemon",
	.synopsis = "[options] IMAGE",
	.text = "Marks the image for deletion at its registry: the manifest that the name means goes "
		"away, and with it every tag of it. Layers go at the registry's garbage collection.\n\n"
		"Of an OCI layout (oci:PATH:REFERENCE) the image's entry goes, and the blobs that no other image "
		"of it has; shared ones (--shared-blob-dir) stay. A docker daemon (docker-daemon:REFERENCE) "
		"takes the name away, and with its last name the image.",
	.examples = "%p docker://registry.example/app:old\n"
		    "%p oci:/srv/mirror:old",
	.min_args = 1,
	.max_args = 1,
	.opts_size = sizeof(struct delete_opts),
	.tables = {{delete_table, 0},
		   {pm_remote_table, offsetof(struct delete_opts, remote)},
		   {0}},
	.run = delete_run,
};
