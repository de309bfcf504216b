#include "cli/build_options.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>

#include "base/fs.h"
#include "base/timefmt.h"
#include "cli/called_as.h"
#include "cli/commands.h"
#include "cli/crypt_options.h"
#include "cli/ctr_options_parts.h"
#include "cli/ctr_options_rows.h"
#include "engine/build/cache_remote.h"
#include "engine/image/manifest_list.h"
#include "netns/idmap.h"

#define O struct pm_build_opts
#define C struct pm_ctr_opts
#define N struct pm_build_userns_opts

/* Sorted by name; what Podman has and pm has not is refused by name. */
const struct pm_opt pm_build_table[] = {
	{"all-platforms", 0, PM_BOOL(O, all_platforms), "Build for every platform that the base images have"},
	{"annotation", 0, PM_STRINGS(O, annotation), "Set metadata of the image's manifest", .arg = "key=value"},
	{"arch", 0, PM_STRING(O, arch), "Set the architecture of the image, and of its base"},
	{"authfile", 0, PM_STRING(O, authfile), "Path of the authentication file", .complete = PM_COMPLETE_FILE},
	{"build-arg", 0, PM_STRINGS(O, build_arg), "Value of an ARG", .arg = "NAME=VALUE"},
	{"build-arg-file", 0, PM_STRINGS(O, build_arg_file), "Read in a file of values of ARGs, one a line", .complete = PM_COMPLETE_FILE},
	{"build-context", 0, PM_STRINGS(O, build_context), "Another directory, URL or docker-image://IMAGE that --from and FROM can name", .arg = "NAME=VALUE"},
	{"cache-from", 0, PM_STRINGS(O, cache_from), "Repository to look for steps in that are not known here", .arg = "repository"},
	{"cache-to", 0, PM_STRINGS(O, cache_to), "Repository to push the images of steps to", .arg = "repository"},
	{"cache-ttl", 0, PM_STRING(O, cache_ttl), "Use only steps that were done within this time; 0 uses none", .arg = "duration"},
	{"cert-dir", 0, PM_STRING(O, cert_dir), "Directory of TLS certificates and keys", .complete = PM_COMPLETE_DIR},
	{"compress", 0, PM_BOOL(O, compress), "Legacy; of no effect, as in Podman"},
	{"cpp-flag", 0, PM_STRINGS(O, cpp_flag), "Add a flag of cpp, which Containerfiles with names in .in go through"},
	{"creds", 0, PM_STRING(O, creds), "Credentials for the registry", .arg = "[username[:password]]"},
	PM_DECRYPTION_KEY(O, decryption_keys),
	{"disable-compression", 'D', PM_BOOL(O, disable_compression), "Layers are never compressed in the store; of no effect", .def = "true"},
	{"disable-content-trust", 0, PM_BOOL(O, content_trust), "Docker's; of no effect, as in Podman"},
	{"env", 0, PM_STRINGS(O, env), "Set an environment variable of the image", .arg = "NAME[=VALUE]", .complete = PM_COMPLETE_ENV},
	{"file", 'f', PM_STRINGS(O, file), "Path or URL of a Containerfile; - is standard input", .complete = PM_COMPLETE_FILE},
	{"force-rm", 0, PM_BOOL(O, force_rm), "Remove working containers after a failed build, too", .def = "true"},
	{"format", 0, PM_CHOICE(O, format), "Format of the image's manifest and metadata", .choices = "oci|docker"},
	{"from", 0, PM_STRING(O, from), "Image to use instead of the first FROM's", .complete = PM_COMPLETE_IMAGE},
	{"hooks-dir", 0, PM_STRINGS(O, hooks_dir), "Directory of OCI hooks", .complete = PM_COMPLETE_DIR},
	{"http-proxy", 0, PM_BOOL(O, http_proxy), "Pass the proxies' variables to RUN", .def = "true"},
	{"identity-label", 0, PM_BOOL(O, identity_label), "Add the label io.buildah.version", .def = "true"},
	{"ignorefile", 0, PM_STRING(O, ignorefile), "Path of another .containerignore file", .complete = PM_COMPLETE_FILE},
	{"iidfile", 0, PM_STRING(O, iidfile), "File to write the image's ID to", .complete = PM_COMPLETE_FILE},
	{"jobs", 0, PM_INT(O, jobs), "Number of stages that are done at a time; 0: all of them", .def = "1"},
	{"label", 0, PM_STRINGS(O, label), "Set metadata of the image", .arg = "key=value"},
	{"layers", 0, PM_BOOL(O, layers), "Make an image of each step, and use those that are there"},
	{"logfile", 0, PM_STRING(O, logfile), "Write to this file instead of standard output and error", .complete = PM_COMPLETE_FILE},
	{"logsplit", 0, PM_BOOL(O, logsplit), "A --logfile for each platform: its name with _OS_ARCH"},
	{"manifest", 0, PM_STRING(O, manifest), "Add the image to this manifest list, which is made if need be"},
	{"no-cache", 0, PM_BOOL(O, no_cache), "Do all steps anew"},
	{"omit-history", 0, PM_BOOL(O, omit_history), "Leave the history out of the image"},
	{"os", 0, PM_STRING(O, os), "Set the operating system of the image, and of its base"},
	{"os-feature", 0, PM_STRINGS(O, os_feature), "Set a required feature of the operating system"},
	{"os-version", 0, PM_STRING(O, os_version), "Set the required version of the operating system"},
	{"output", 'o', PM_STRING(O, output), "Write the image's files to a directory or a tar file: DIR, -, type=local|tar,dest=PATH", .arg = "destination"},
	{"platform", 0, PM_LIST(O, platform), "Set OS/ARCH[/VARIANT] of the image; several with --manifest"},
	{"pull", 0, PM_CHOICE(O, pull), "Pull image policy", .no_value = "true", .choices = "always|missing|never|newer|ifnewer|true|false"},
	{"pull-always", 0, PM_BOOL(O, pull_always), "Pull the image even if it is there", .hidden = true},
	{"pull-never", 0, PM_BOOL(O, pull_never), "Do not pull images", .hidden = true},
	{"quiet", 'q', PM_BOOL(O, quiet), "Print the image's ID only"},
	{"retry", 0, PM_UINT(O, retry), "Number of times to retry in case of failure when performing pull", .def = "3"},
	{"retry-delay", 0, PM_DURATION(O, retry_delay), "Delay between retries in case of pull failures"},
	{"rm", 0, PM_BOOL(O, rm), "Remove working containers after a successful build", .def = "true"},
	{"runtime", 0, PM_STRING(O, runtime), "OCI runtime: a name or a path"},
	{"runtime-flag", 0, PM_STRINGS(O, runtime_flag), "Add a global flag of the runtime"},
	{"secret", 0, PM_STRINGS(O, secret), "Secret for RUN --mount=type=secret: id=ID[,src=PATH][,env=NAME]", .arg = "secret"},
	{"sign-by", 0, PM_STRING(O, sign_by), "Sign the image with this GPG key, under each of its names", .arg = "KEY"},
	{"signature-policy", 0, PM_STRING(O, signature_policy), "Path of a policy.json", .complete = PM_COMPLETE_FILE, .hidden = true},
	{"skip-unused-stages", 0, PM_BOOL(O, skip_unused), "Skip stages that the target does not need", .def = "true"},
	{"squash", 0, PM_BOOL(O, squash), "Make one layer of all new ones"},
	{"squash-all", 0, PM_BOOL(O, squash_all), "Make one layer of all"},
	{"ssh", 0, PM_STRINGS(O, ssh), "SSH agent for RUN --mount=type=ssh: default|ID[=SOCKET]", .arg = "agent"},
	{"stdin", 0, PM_BOOL(O, stdin_), "Pass standard input to RUN's commands"},
	{"tag", 't', PM_STRINGS(O, tag), "Name of the image", .arg = "name"},
	{"target", 0, PM_STRING(O, target), "Stage to build"},
	{"timestamp", 0, PM_STRING(O, timestamp), "Time of the image and its files, in seconds since the epoch", .arg = "seconds"},
	{"tls-verify", 0, PM_BOOL(O, tls_verify), "Require HTTPS and verify certificates", .def = "true"},
	{"unsetenv", 0, PM_STRINGS(O, unsetenv), "Take an environment variable out of the image"},
	{"unsetlabel", 0, PM_STRINGS(O, unsetlabel), "Take a label of the base out of the image"},
	{"variant", 0, PM_STRING(O, variant), "Set the variant of the image's architecture, and of its base"},
	{0},
};

const struct pm_opt pm_build_userns_table[] = {
	{"isolation", 0, PM_STRING(N, isolation), "How RUN's commands are isolated: oci", .choices = "oci|rootless"},
	{"userns", 0, PM_STRING(N, how), "User namespace of RUN: host, private, auto[:OPTIONS], or the PATH of one"},
	{"userns-gid-map", 0, PM_LIST(N, gid_map), "Map group IDs of a user namespace of RUN", .arg = "container:host:amount"},
	{"userns-gid-map-group", 0, PM_STRING(N, gid_map_group), "Map group IDs of RUN to this name's range in /etc/subgid", .arg = "group"},
	{"userns-uid-map", 0, PM_LIST(N, uid_map), "Map user IDs of a user namespace of RUN", .arg = "container:host:amount"},
	{"userns-uid-map-user", 0, PM_STRING(N, uid_map_user), "Map user IDs of RUN to this name's range in /etc/subuid", .arg = "user"},
	{0},
};

const struct pm_opt pm_build_ctr_table[] = {
	PM_ROW_ADD_HOST,
	PM_ROW_CAP_ADD,
	PM_ROW_CAP_DROP,
	PM_ROW_CGROUP_PARENT,
	PM_ROW_CGROUPNS,
	PM_ROW_CPU_PERIOD,
	PM_ROW_CPU_QUOTA,
	PM_ROW_CPU_SHARES,
	PM_ROW_CPUSET_CPUS,
	PM_ROW_CPUSET_MEMS,
	PM_ROW_DEVICE,
	PM_ROW_DNS,
	PM_ROW_DNS_OPTION,
	PM_ROW_DNS_SEARCH,
	PM_ROW_GROUP_ADD,
	PM_ROW_IPC,
	PM_ROW_MEMORY,
	PM_ROW_MEMORY_SWAP,
	{"net", 0, PM_STRINGS(C, network), "Network of RUN", .hidden = true},
	{"network", 0, PM_STRINGS(C, network), "Network of RUN: none, host, private, slirp4netns[:OPTIONS], pasta[:OPTIONS], ns:PATH, or NAME of a network", .complete = PM_COMPLETE_NETWORK},
	PM_ROW_NO_HOSTNAME,
	PM_ROW_NO_HOSTS,
	PM_ROW_PID,
	PM_ROW_SECURITY_OPT,
	PM_ROW_SHM_SIZE,
	PM_ROW_ULIMIT,
	PM_ROW_UTS,
	{"volume", 'v', PM_STRINGS(C, volume), "Bind mount a directory for RUN's commands", .arg = "source:container[:options]", .complete = PM_COMPLETE_MOUNT},
	{0},
};

void pm_build_setup_free(struct pm_build_setup *s)
{
	pm_build_inputs_free(s->bo.inputs);
	pm_ctr_config_free(&s->base);
	pm_build_secrets_free(&s->secrets);
	pm_strv_free(&s->args);
	pm_strv_free(&s->env);
	pm_decryption_free(&s->decryption);
	free(s->authfile);
	free(s->identity);
}

/* --- the containers of RUN -------------------------------------------------------------------------- */

/* What run's options are where build has none of that name. */
static int other_defaults(struct pm_ctr_opts *to, struct pm_err *err)
{
	struct pm_ctr_opts d = {0};
	int r = pm_ctr_opts_defaults(&d, true, err);
	if (r < 0)
		return r;
	to->http_proxy = false; /* RUN's environment is put together by the build */
	to->passwd = d.passwd;
	to->read_only_tmpfs = d.read_only_tmpfs;
	to->sdnotify = d.sdnotify;
	to->seccomp_policy = d.seccomp_policy;
	to->systemd = "false";
	to->memory_swappiness = d.memory_swappiness;
	to->pull = d.pull;
	to->health_interval = d.health_interval;
	to->health_timeout = d.health_timeout;
	to->health_start_period = d.health_start_period;
	to->health_log_destination = d.health_log_destination;
	to->health_startup_interval = d.health_startup_interval;
	to->health_startup_timeout = d.health_startup_timeout;
	to->health_retries = d.health_retries;
	to->health_max_log_count = d.health_max_log_count;
	to->health_max_log_size = d.health_max_log_size;
	to->tls_verify = d.tls_verify;
	return 0;
}

static int check_map(const char *option, const struct pm_strv *l, struct pm_err *err)
{
	_cleanup_idmap_ struct pm_idmap map = PM_IDMAP_INIT;
	int r = l->n ? pm_idmap_from_options(l, NULL, &map, err) : 0;
	return r < 0 ? pm_wrap(err, "%s", option) : 0;
}

/* --userns and its maps as run has them. */
static int user_namespace(const struct pm_build_userns_opts *o, struct pm_ctr_opts *ctr, char **ret_path, struct pm_err *err)
{
	const char *how = o->how && *o->how ? o->how : NULL;
	bool maps = o->uid_map.n || o->gid_map.n || o->uid_map_user || o->gid_map_group;
	bool new = !how || strcmp(how, "private") == 0 || strcmp(how, "container") == 0;
	if (maps && !new)
		return pm_fail(err, PM_E_USAGE, "--userns %s: it goes not together with --userns-uid-map and the like", how);
	/* now, since steps that are all known need no container */
	int r = check_map("--userns-uid-map", &o->uid_map, err);
	if (r >= 0)
		r = check_map("--userns-gid-map", &o->gid_map, err);
	if (r < 0)
		return r;
	ctr->uidmap = o->uid_map;
	ctr->gidmap = o->gid_map;
	ctr->subuidname = o->uid_map_user;
	ctr->subgidname = o->gid_map_group;
	if (how && *how == '/')
		how = *ret_path = pm_asprintf("ns:%s", how);
	/* containers.conf's is for containers that are run */
	ctr->userns = maps ? NULL : !how ? "host" : new ? "private" : how;
	return 0;
}

int pm_build_check_isolation(const char *isolation, struct pm_err *err)
{
	if (!isolation)
		isolation = getenv("BUILDAH_ISOLATION");
	if (!isolation || !*isolation || strcmp(isolation, "oci") == 0 || strcmp(isolation, "rootless") == 0 ||
	    strcmp(isolation, "default") == 0)
		return 0;
	if (strcmp(isolation, "chroot") == 0)
		return pm_fail(err, PM_E_UNSUPPORTED, "--isolation chroot: it keeps a command from nothing of the host "
			       "but its files: use oci");
	return pm_fail(err, PM_E_USAGE, "unrecognized isolation type \"%s\"", isolation);
}

int pm_build_containers(struct pm_cli *cli, struct pm_engine *e, const struct pm_ctr_opts *given,
			const struct pm_build_userns_opts *ns, struct pm_ctr_config *ret, struct pm_err *err)
{
	static const struct pm_build_userns_opts nothing = {0};
	struct pm_ctr_opts ctr = *given;
	_cleanup_free_ char *userns = NULL;
	char *none[] = {NULL};
	int r = other_defaults(&ctr, err);
	if (r >= 0)
		r = user_namespace(ns ? ns : &nothing, &ctr, &userns, err);
	if (r >= 0)
		r = pm_build_check_isolation(ns ? ns->isolation : NULL, err);
	if (r >= 0)
		r = pm_ctr_options_apply(cli, e, &ctr, "scratch", none, ret, err);
	for (size_t i = 0; r >= 0 && i < ret->n_mounts; i++)
		if (strcmp(ret->mounts[i].type, "volume") == 0)
			r = pm_fail(err, PM_E_UNSUPPORTED, "--volume %s: a build mounts directories, no volumes: give "
				    "a path", ret->mounts[i].dest);
	return r;
}

/* --- values ----------------------------------------------------------------------------------------- */

/* NAME alone is this process's variable, if it has one. */
static void add_pair(struct pm_strv *l, const char *word)
{
	const char *value = strchr(word, '=') ? NULL : getenv(word);
	if (strchr(word, '='))
		pm_strv_add(l, word);
	else if (value)
		pm_strv_addf(l, "%s=%s", word, value);
}

static int add_arg_file(struct pm_strv *l, const char *path, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	_cleanup_strv_ struct pm_strv lines = PM_STRV_INIT;
	int r = pm_fs_read_file(AT_FDCWD, path, 16 << 20, &text, err);
	if (r < 0)
		return pm_wrap(err, "--build-arg-file");
	pm_strv_split(&lines, pm_buf_str(&text), '\n');
	for (size_t i = 0; i < lines.n; i++) {
		const char *line = lines.v[i] + strspn(lines.v[i], " \t");
		if (*line && *line != '#')
			add_pair(l, line);
	}
	return 0;
}

static int timestamp(const struct pm_build_opts *o, struct pm_build_setup *s, struct pm_err *err)
{
	char *end;
	if (!o->timestamp)
		return 0;
	errno = 0;
	long long n = strtoll(o->timestamp, &end, 10);
	if (errno || end == o->timestamp || *end || n < 0 || n > INT64_MAX / PM_NS_PER_SEC)
		return pm_fail(err, PM_E_USAGE, "--timestamp %s: must be seconds since the epoch", o->timestamp);
	s->timestamp = n * PM_NS_PER_SEC;
	s->bo.timestamp = &s->timestamp;
	return 0;
}

static int cache(const struct pm_build_opts *o, struct pm_build_setup *s, struct pm_err *err)
{
	if (!o->cache_ttl)
		return 0;
	int r = pm_duration_parse(o->cache_ttl, &s->bo.cache_ttl, err);
	if (r < 0)
		return pm_wrap(err, "--cache-ttl");
	if (s->bo.cache_ttl <= 0)
		s->bo.cache_ttl = -1;
	return 0;
}

static bool env_true(const char *name, bool otherwise)
{
	const char *value = getenv(name);
	if (!value || !*value)
		return otherwise;
	return strcasecmp(value, "false") != 0 && strcmp(value, "0") != 0;
}

static int format(const struct pm_build_opts *o, struct pm_build_setup *s, struct pm_err *err)
{
	const char *word = o->format ? o->format : getenv("BUILDAH_FORMAT");
	if (!word || !*word || strcmp(word, "oci") == 0)
		return 0;
	if (strcmp(word, "docker") != 0)
		return pm_fail(err, PM_E_USAGE, "unrecognized image type \"%s\"", word);
	s->bo.docker = true;
	return 0;
}

static int pulling(struct pm_cli *cli, const struct pm_build_opts *o, struct pm_build_setup *s, struct pm_err *err)
{
	s->authfile = pm_pull_authfile(cli, o->authfile);
	s->pull = (struct pm_pull_options){
		.authfile = s->authfile,
		.creds = o->creds,
		.cert_dir = o->cert_dir,
		.tls_verify = pm_cli_given(cli, "tls-verify") ? o->tls_verify : -1,
		.os = o->os,
		.arch = o->arch,
		.variant = o->variant,
		.signature_policy = o->signature_policy,
		.decryption = &s->decryption,
	};
	pm_pull_ask(&s->pull);
	pm_pull_retries(cli, o->retry, o->retry_delay, &s->retry, &s->pull);
	s->bo.how_to_pull = &s->pull;
	/* plain --pull is "always", as in Podman 4.3 */
	const char *word = o->pull_always		? "always"
			   : o->pull_never		? "never"
			   : !o->pull			? "missing"
			   : strcmp(o->pull, "true") == 0    ? "always"
			   : strcmp(o->pull, "false") == 0   ? "missing"
			   : strcmp(o->pull, "ifnewer") == 0 ? "newer"
							     : o->pull;
	int r = pm_decryption_parse(&o->decryption_keys, &s->decryption, err);
	return r < 0 ? r : pm_pull_policy_parse(word, &s->bo.pull, err);
}

static int given(const struct pm_build_opts *o, struct pm_build_setup *s, struct pm_err *err)
{
	int r = 0;
	for (size_t i = 0; r >= 0 && i < o->build_arg_file.n; i++)
		r = add_arg_file(&s->args, o->build_arg_file.v[i], err);
	for (size_t i = 0; i < o->build_arg.n; i++)
		add_pair(&s->args, o->build_arg.v[i]);
	for (size_t i = 0; i < o->env.n; i++)
		add_pair(&s->env, o->env.v[i]);
	for (size_t i = 0; r >= 0 && i < o->secret.n; i++)
		r = pm_build_secret_add(&s->secrets, o->secret.v[i], err);
	for (size_t i = 0; r >= 0 && i < o->ssh.n; i++)
		r = pm_build_agent_add(&s->secrets, o->ssh.v[i], err);
	for (size_t i = 0; r >= 0 && i < o->cache_from.n; i++)
		r = pm_cache_check_name("--cache-from", o->cache_from.v[i], err);
	for (size_t i = 0; r >= 0 && i < o->cache_to.n; i++)
		r = pm_cache_check_name("--cache-to", o->cache_to.v[i], err);
	for (size_t i = 0; r >= 0 && i < o->build_context.n; i++)
		if (!strchr(o->build_context.v[i], '='))
			r = pm_fail(err, PM_E_USAGE, "while parsing additional build context: %s: must be NAME=VALUE",
				    o->build_context.v[i]);
	return r;
}

int pm_build_setup(struct pm_cli *cli, struct pm_engine *e, const struct pm_build_opts *o,
		   struct pm_build_setup *s, struct pm_err *err)
{
	bool buildah = strcmp(pm_called_as(cli->argv[0]), "buildah") == 0;
	struct pm_build_options *b = &s->bo;
	s->identity = pm_strdup(PM_VERSION);
	*b = (struct pm_build_options){
		.files = &o->file,
		.ignorefile = o->ignorefile,
		.cpp_flags = &o->cpp_flag,
		.build_args = &s->args,
		.build_contexts = &o->build_context,
		.target = o->target,
		.from = o->from,
		.os = o->os,
		.arch = o->arch,
		.variant = o->variant,
		.layers = pm_cli_given(cli, "layers") ? o->layers : env_true("BUILDAH_LAYERS", !buildah),
		.no_cache = o->no_cache,
		.cache_from = &o->cache_from,
		.cache_to = &o->cache_to,
		.squash_all = o->squash_all,
		.all_stages = !o->skip_unused,
		.keep = !o->rm,
		.keep_failed = !o->force_rm,
		.jobs = o->jobs,
		.secrets = &s->secrets,
		.with_stdin = o->stdin_,
		.http_proxy = o->http_proxy,
		.quiet = o->quiet,
		.names = &o->tag,
		.labels = &o->label,
		.annotations = &o->annotation,
		.env = &s->env,
		.unsetenv = &o->unsetenv,
		.unsetlabels = &o->unsetlabel,
		.os_features = &o->os_feature,
		.os_version = o->os_version,
		.identity = o->identity_label ? s->identity : NULL,
		.omit_history = o->omit_history,
	};
	if (o->squash || o->squash_all)
		b->layers = false;
	e->hooks_dirs = o->hooks_dir.n ? &o->hooks_dir : e->hooks_dirs;
	e->runtime_flags = o->runtime_flag.n ? &o->runtime_flag : e->runtime_flags;
	e->runtime = o->runtime ? o->runtime : e->runtime;
	pm_ctr_config_init(&s->base);
	b->base = &s->base;
	int r = pm_build_containers(cli, e, &o->ctr, &o->ns, &s->base, err);
	if (r >= 0)
		r = given(o, s, err);
	if (r >= 0)
		r = timestamp(o, s, err);
	if (r >= 0)
		r = cache(o, s, err);
	if (r >= 0)
		r = format(o, s, err);
	return r < 0 ? r : pulling(cli, o, s, err);
}

int pm_build_add_to_list(struct pm_engine *e, const char *name, const char *id, struct pm_err *err)
{
	const struct pm_query_options q = {.remote = PM_REMOTE_INIT};
	const struct pm_list_entry none = {0};
	struct pm_list l = {0};
	int r = pm_list_create(e->store, name, true, &l, err);
	if (r >= 0)
		r = pm_list_add_image(e->store, &l, id, false, &q, &none, err);
	if (r >= 0)
		r = pm_list_save(e->store, &l, err);
	pm_list_free(&l);
	return r < 0 ? pm_wrap(err, "--manifest %s", name) : 0;
}
