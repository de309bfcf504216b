#include "cli/completion.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/help.h"
#include "engine/container/state.h"
#include "cli/ctr_common.h"
#include "cli/quadlet_common.h"
#include "engine/network/network.h"
#include "engine/spec/caps.h"
#include "storage/ctr.h"
#include "storage/image.h"
#include "storage/pod.h"
#include "storage/secret.h"
#include "storage/volume.h"

extern char **environ;

/* What the shell is to do besides: cobra's bits, which the scripts of Podman's package know too. */
enum directive {
	DEFAULT = 0, /* file names may be offered */
	NO_SPACE = 2,
	NO_FILES = 4,
	ONLY_DIRS = 16,
};

struct completion {
	struct pm_cli *cli;
	struct pm_parse *parse;
	const struct pm_command *command; /* NULL: not yet named, or a group's name so far */
	char path[64];                    /* of the group or command */
	size_t n_args;                    /* positional arguments before the typed word */
	bool dashes;                      /* options have ended */
	bool unknown;                     /* the words name no command */
	const struct pm_opt *pending;     /* the option whose value is being typed */
	const char *typed;                /* the last word, or what of it is completed */
	const char *before;               /* with that: the word as typed, which it is the end of; or NULL */
	bool descriptions;
	unsigned int directive;           /* of enum directive */
	void *opts; /* owned; the command's struct, only to hold defaults */
	struct pm_buf *out;
};

static void offer(struct completion *c, const char *word, const char *description)
{
	size_t typed = strlen(c->typed);
	if (strncmp(word, c->typed, typed) != 0)
		return;
	if (c->before)
		pm_buf_add(c->out, c->before, (size_t)(c->typed - c->before));
	pm_buf_add_str(c->out, word);
	if (c->descriptions && description && *description)
		pm_buf_printf(c->out, "\t%s", description);
	pm_buf_add_char(c->out, '\n');
}

/* Words of a list by '|'. "status=" asks for a value to follow; "status=created" is offered once the
 * '=' was typed. */
static void offer_list(struct completion *c, const char *list)
{
	while (*list) {
		char word[64];
		size_t len = strcspn(list, "|");
		snprintf(word, sizeof(word), "%.*s", (int)len, list);
		const char *equals = strchr(word, '=');
		if (!equals || !equals[1] || strchr(c->typed, '=')) {
			/* something is to follow */
			if (len && strchr("=:", word[len - 1]) && pm_startswith(word, c->typed))
				c->directive |= NO_SPACE;
			offer(c, word, NULL);
		}
		list += len + (list[len] == '|');
	}
}

/* Fields of a --format, one level at a time: list holds ".ID|.Host.|.Host.Arch" where a '.' at the end
 * means fields of its own. */
static void offer_fields(struct completion *c, const char *list)
{
	const char *open = strrchr(c->typed, '{');
	if (!open) { /* nothing or a word typed so far */
		offer(c, "json", NULL);
		return;
	}
	size_t before = (size_t)(open + 1 - c->typed), typed = strlen(open + 1);
	c->directive |= NO_SPACE;
	while (*list) {
		size_t len = strcspn(list, "|");
		const char *dot = typed < len ? memchr(list + typed, '.', len - typed) : NULL;
		if (!dot || dot == list + len - 1 || dot == list) {
			_cleanup_free_ char *word = pm_asprintf("%.*s%.*s%s", (int)before, c->typed,
								(int)len, list,
								list[len - 1] == '.' ? "" : "}}");
			if (dot != list || !memchr(list + 1, '.', len - 2))
				offer(c, word, NULL);
		}
		list += len + (list[len] == '|');
	}
}

/* --- names from the store ---------------------------------------------------------------------- */

static bool open_store(struct completion *c)
{
	struct pm_err err = PM_ERR_INIT;
	return pm_cli_store_exists(c->cli) && pm_cli_open_store(c->cli, &err) >= 0;
}

static void offer_images(struct completion *c)
{
	_cleanup_image_list_ struct pm_image_list images = {0};
	struct pm_err err = PM_ERR_INIT;
	if (!open_store(c) || pm_image_list(pm_cli_store(c->cli), 0, &images, &err) < 0)
		return;
	for (size_t i = 0; i < images.n; i++) {
		const struct pm_image_row *row = &images.v[i];
		char id[13];
		snprintf(id, sizeof(id), "%.12s", row->id);
		if (row->n_names == 0 || *c->typed)
			offer(c, id, row->n_names ? row->names[0].name : "<none>");
		for (size_t j = 0; j < row->n_names; j++) {
			const char *name = row->names[j].name;
			offer(c, name, id);
			const char *last = strrchr(name, '/');
			if (last && *c->typed)
				offer(c, last + 1, name);
		}
	}
}

/* Does the container run (initialized and stopping ones are in between: offered to all verbs)? */
static bool wanted(struct completion *c, const struct pm_ctr_row *row, enum pm_complete kind)
{
	struct pm_ctr_state st;
	struct pm_err err = PM_ERR_INIT;
	if (kind == PM_COMPLETE_CONTAINER || kind == PM_COMPLETE_CTR_PATH)
		return true;
	int r = pm_ctr_state_read(pm_cli_store(c->cli)->runroot_fd, row->id, &st, &err);
	pm_err_clear(&err);
	if (kind == PM_COMPLETE_PAUSED)
		return r > 0 && st.status == PM_STATUS_PAUSED;
	bool runs = r > 0 && st.status != PM_STATUS_CREATED && st.status != PM_STATUS_EXITED;
	return runs == (kind == PM_COMPLETE_RUNNING) || (r > 0 && st.status == PM_STATUS_STOPPING);
}

static void offer_containers(struct completion *c, enum pm_complete kind)
{
	_cleanup_ctr_list_ struct pm_ctr_list list = {0};
	struct pm_err err = PM_ERR_INIT;
	if (!open_store(c) || pm_ctr_list(pm_cli_store(c->cli), 0, &list, &err) < 0)
		return;
	for (size_t i = 0; i < list.n; i++) {
		char id[13];
		if (!wanted(c, &list.v[i], kind))
			continue;
		snprintf(id, sizeof(id), "%.12s", list.v[i].id);
		if (kind == PM_COMPLETE_CTR_PATH) {
			_cleanup_free_ char *root = pm_asprintf("%s:", list.v[i].name);
			offer(c, root, list.v[i].image_name);
			continue;
		}
		offer(c, list.v[i].name, list.v[i].image_name);
		if (*c->typed)
			offer(c, id, list.v[i].name);
	}
}

static void offer_networks(struct completion *c)
{
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_network_list_ struct pm_network_list l = {0};
	struct pm_err err = PM_ERR_INIT;
	if (!open_store(c) || pm_cli_engine(c->cli, &e, &err) < 0 || pm_network_list(&e, &l, &err) < 0)
		return;
	for (size_t i = 0; i < l.n; i++)
		offer(c, l.v[i].name, l.v[i].driver);
}

/* --- other kinds ------------------------------------------------------------------------------- */

static int offer_command(const struct pm_command *cmd, const char *path, const char *aliases,
			 void *arg)
{
	struct completion *c = arg;
	size_t n = strlen(c->path);
	(void)aliases;
	if (cmd->flags & PM_CMD_HIDDEN)
		return 0;
	if (n && (!pm_startswith(path, c->path) || path[n] != ' '))
		return 0;
	const char *name = n ? path + n + 1 : path;
	if (!strchr(name, ' '))
		offer(c, name, cmd->summary);
	return 0;
}

static void offer_secrets(struct completion *c)
{
	_cleanup_secret_list_ struct pm_secret_list list = {0};
	struct pm_err err = PM_ERR_INIT;
	if (!open_store(c) || pm_secret_list(pm_cli_store(c->cli), &list, &err) < 0)
		return;
	for (size_t i = 0; i < list.n; i++)
		offer(c, list.v[i].name, list.v[i].driver);
}

static void offer_quadlets(struct completion *c)
{
	_cleanup_quadlet_set_ struct pm_quadlet_set set = {0};
	pm_quadlet_all(&set);
	for (size_t i = 0; i < set.n; i++)
		if (!set.v[i]->masked)
			offer(c, set.v[i]->name, set.v[i]->service);
}

static void offer_volumes(struct completion *c)
{
	_cleanup_volume_list_ struct pm_volume_list list = {0};
	struct pm_err err = PM_ERR_INIT;
	if (!open_store(c) || pm_volume_list(pm_cli_store(c->cli), &list, &err) < 0)
		return;
	for (size_t i = 0; i < list.n; i++)
		offer(c, list.v[i].name, list.v[i].driver);
}

static void offer_pods(struct completion *c)
{
	_cleanup_pod_list_ struct pm_pod_list list = {0};
	struct pm_err err = PM_ERR_INIT;
	if (!open_store(c) || pm_pod_list(pm_cli_store(c->cli), &list, &err) < 0)
		return;
	for (size_t i = 0; i < list.n; i++) {
		char id[13];
		snprintf(id, sizeof(id), "%.12s", list.v[i].id);
		offer(c, list.v[i].name, NULL);
		if (*c->typed)
			offer(c, id, list.v[i].name);
	}
}

static void offer_users(struct completion *c)
{
	FILE *f = fopen("/etc/passwd", "re");
	char line[1024];
	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, ":\n")] = '\0';
		offer(c, line, NULL);
	}
	if (f)
		fclose(f);
}

static void offer_env(struct completion *c)
{
	for (char **e = environ; *e; e++) {
		char name[128];
		size_t len = strcspn(*e, "=");
		if (len < sizeof(name)) {
			snprintf(name, sizeof(name), "%.*s", (int)len, *e);
			offer(c, name, NULL);
		}
	}
}

static void offer_kind(struct completion *c, enum pm_complete kind)
{
	switch (kind) {
	case PM_COMPLETE_NONE:
	case PM_COMPLETE_NOTHING:
		break;
	case PM_COMPLETE_FILE:
		c->directive = DEFAULT;
		break;
	case PM_COMPLETE_DIR:
		c->directive = ONLY_DIRS;
		break;
	case PM_COMPLETE_MOUNT:
		offer_volumes(c);
		c->directive = NO_SPACE;
		break;
	case PM_COMPLETE_SECRET:
		offer_secrets(c);
		break;
	case PM_COMPLETE_QUADLET:
		offer_quadlets(c);
		break;
	case PM_COMPLETE_POD:
		offer_pods(c);
		break;
	case PM_COMPLETE_VOLUME:
		offer_volumes(c);
		break;
	case PM_COMPLETE_FORMAT:
		break; /* offer_value, which has the fields */
	case PM_COMPLETE_NAME:
		offer_containers(c, PM_COMPLETE_CONTAINER);
		offer_images(c);
		break;
	case PM_COMPLETE_IMAGE:
		offer_images(c);
		break;
	case PM_COMPLETE_CTR_PATH:
		offer_containers(c, kind);
		/* files besides, but none of this machine's behind "CONTAINER:" */
		c->directive = strchr(c->typed, ':') ? NO_FILES : NO_SPACE;
		break;
	case PM_COMPLETE_CAP:
		offer_list(c, "all");
		for (unsigned int i = 0; pm_cap_name(i); i++)
			offer(c, pm_cap_name(i), NULL);
		break;
	case PM_COMPLETE_CONTAINER:
	case PM_COMPLETE_RUNNING:
	case PM_COMPLETE_STOPPED:
	case PM_COMPLETE_PAUSED:
		offer_containers(c, kind);
		break;
	case PM_COMPLETE_SIGNAL:
		offer_list(c, "SIGHUP|SIGINT|SIGQUIT|SIGKILL|SIGUSR1|SIGUSR2|SIGTERM|SIGCONT|SIGSTOP|"
			      "SIGWINCH");
		break;
	case PM_COMPLETE_USER:
		offer_users(c);
		break;
	case PM_COMPLETE_COMMAND:
		pm_command_each(offer_command, c);
		break;
	case PM_COMPLETE_SHELL:
		offer_list(c, "bash|zsh|fish");
		break;
	case PM_COMPLETE_NETWORK_NAME:
		offer_networks(c);
		break;
	case PM_COMPLETE_NETWORK:
		offer_networks(c);
		offer_list(c, "none|host|slirp4netns|pasta|private");
		break;
	case PM_COMPLETE_ENV:
		offer_env(c);
		break;
	}
}

/* The value of --filter KEY=VALUE. False: one whose values are not known. */
static bool offer_filter_value(struct completion *c)
{
	static const struct {
		const char *key;
		enum pm_complete kind;
	} keys[] = {{"ancestor", PM_COMPLETE_IMAGE},	   {"before", PM_COMPLETE_CONTAINER},
		    {"container", PM_COMPLETE_CONTAINER},  {"id", PM_COMPLETE_CONTAINER},
		    {"image", PM_COMPLETE_IMAGE},	   {"name", PM_COMPLETE_CONTAINER},
		    {"network", PM_COMPLETE_NETWORK_NAME}, {"pod", PM_COMPLETE_POD},
		    {"secret", PM_COMPLETE_SECRET},	   {"since", PM_COMPLETE_CONTAINER},
		    {"volume", PM_COMPLETE_VOLUME}};
	/* where names are not those of containers */
	static const struct {
		const char *path;
		enum pm_complete kind;
	} named[] = {{"pod ", PM_COMPLETE_POD},	      {"volume ", PM_COMPLETE_VOLUME}, {"network ", PM_COMPLETE_NETWORK_NAME},
		     {"secret ", PM_COMPLETE_SECRET}, {"image", PM_COMPLETE_IMAGE}};
	const char *equals = strchr(c->typed, '=');
	for (size_t i = 0; equals && i < PM_ARRAY_SIZE(keys); i++) {
		if (strlen(keys[i].key) != (size_t)(equals - c->typed) || !pm_startswith(c->typed, keys[i].key))
			continue;
		enum pm_complete kind = keys[i].kind;
		for (size_t k = 0; kind == PM_COMPLETE_CONTAINER && k < PM_ARRAY_SIZE(named); k++)
			if (pm_startswith(c->path, named[k].path))
				kind = named[k].kind;
		c->before = c->typed;
		c->typed = equals + 1;
		offer_kind(c, kind);
		return true;
	}
	return false;
}

static void offer_value(struct completion *c, const struct pm_opt *o)
{
	if (strcmp(o->name, "filter") == 0 && offer_filter_value(c))
		return;
	if (o->complete == PM_COMPLETE_FORMAT)
		offer_fields(c, o->choices ? o->choices : "");
	else if (o->choices)
		offer_list(c, o->choices);
	else if (o->kind == PM_OPT_BOOL)
		offer_list(c, "true|false");
	else
		offer_kind(c, o->complete);
}

static void offer_options(struct completion *c)
{
	for (size_t i = 0; i < c->parse->n_tables; i++) {
		for (const struct pm_opt *o = c->parse->tables[i].opts; o->name; o++) {
			char word[80];
			if (o->hidden || o->kind == PM_OPT_REFUSED)
				continue;
			/* global options are offered before the command, and when asked for */
			if (i == 0 && c->command && strlen(c->typed) < 3)
				continue;
			snprintf(word, sizeof(word), "--%s", o->name);
			offer(c, word, o->help);
		}
	}
	offer(c, "--help", "Show help");
}

/* --- reading the words ------------------------------------------------------------------------- */

/* An option at words[i]; returns how many words it takes. The word being typed is not among them,
 * but may be its value. */
static size_t take_option(struct completion *c, char *const *words, size_t i)
{
	const char *w = words[i], *value = NULL;
	const struct pm_opt *o = NULL;
	void *base = NULL;
	if (w[1] == '-') {
		size_t len = strcspn(w + 2, "=");
		o = pm_parse_find(c->parse, w + 2, len, 0, &base);
		value = w[2 + len] ? w + 3 + len : NULL;
	} else {
		for (const char *s = w + 1; *s; s++) {
			o = pm_parse_find(c->parse, NULL, 0, *s, &base);
			if (o && !pm_opt_plain(o)) {
				value = s[1] ? s + 1 + (s[1] == '=') : NULL;
				break;
			}
		}
	}
	if (!o)
		return 1;
	size_t used = 1;
	if (!value)
		value = pm_opt_plain(o);
	if (!value) {
		value = words[i + 1];
		used = 2;
		if (!words[i + 2]) {
			c->pending = o;
			return 2;
		}
	}
	struct pm_err err = PM_ERR_INIT;
	if (base == &c->cli->global)
		pm_parse_set(c->parse, o, base, value, &err);
	return used;
}

static void take_word(struct completion *c, char *word)
{
	char *path[5] = {NULL}, copy[64], *save = NULL;
	size_t n = 0, used;
	if (c->command && !(c->command->flags & PM_CMD_GROUP)) {
		if (c->command->complete == PM_COMPLETE_COMMAND) {
			size_t len = c->n_args ? strlen(c->path) : 0;
			snprintf(c->path + len, sizeof(c->path) - len, "%s%s", len ? " " : "", word);
		}
		c->n_args++;
		c->dashes |= (c->command->flags & PM_CMD_POSITIONAL) != 0;
		return;
	}
	snprintf(copy, sizeof(copy), "%s", c->path);
	for (char *p = strtok_r(copy, " ", &save); p && n < 3; p = strtok_r(NULL, " ", &save))
		path[n++] = p;
	path[n++] = word;
	char found[64];
	const struct pm_command *cmd = pm_command_find(path, &used, found);
	if (!cmd || used < n) {
		c->unknown = true;
		return;
	}
	struct pm_err err = PM_ERR_INIT;
	c->command = cmd;
	snprintf(c->path, sizeof(c->path), "%s", found);
	if (cmd->opts_size) {
		c->opts = pm_calloc(1, cmd->opts_size);
		pm_parse_add(c->parse, cmd->tables, c->opts, &err);
	}
}

static void offer_for_word(struct completion *c)
{
	const struct pm_command *cmd = c->command;
	const char *equals = strchr(c->typed, '=');
	bool option = c->typed[0] == '-' && !c->dashes;
	if (option && equals && c->typed[1] == '-') {
		const struct pm_opt *o = pm_parse_find(c->parse, c->typed + 2,
						       (size_t)(equals - c->typed) - 2, 0, NULL);
		c->typed = equals + 1; /* candidates are values: the shell keeps "--opt=" */
		if (o)
			offer_value(c, o);
		return;
	}
	if (option) {
		offer_options(c);
		return;
	}
	if (!cmd || cmd->flags & PM_CMD_GROUP) {
		pm_command_each(offer_command, c);
		return;
	}
	bool more = cmd->max_args < 0 || c->n_args < (size_t)cmd->max_args;
	if (!more)
		return;
	if (cmd->complete == PM_COMPLETE_COMMAND && c->n_args == 0)
		c->path[0] = '\0'; /* else the words after `help`, see take_word */
	const bool next = c->n_args > 0 && cmd->complete_next != PM_COMPLETE_NONE;
	if (cmd->flags & PM_CMD_POSITIONAL && c->n_args > 0 && !next)
		return;
	offer_kind(c, next ? cmd->complete_next : cmd->complete);
}

void pm_complete(struct pm_cli *cli, char *const *words, bool descriptions, struct pm_buf *out)
{
	static const struct pm_opt_table global[] = {{pm_global_table, 0}, {0}};
	struct pm_parse parse = {0};
	struct pm_err err = PM_ERR_INIT;
	struct completion c = {
		.cli = cli,
		.parse = &parse,
		.typed = "",
		.descriptions = descriptions,
		.directive = NO_FILES,
		.out = out,
	};
	pm_parse_add(&parse, global, &cli->global, &err);

	size_t i = 0;
	while (words[i] && words[i + 1] && !c.unknown) {
		if (!c.dashes && strcmp(words[i], "--") == 0) {
			c.dashes = true;
			i++;
		} else if (!c.dashes && words[i][0] == '-' && words[i][1]) {
			i += take_option(&c, words, i);
		} else {
			take_word(&c, words[i++]);
		}
	}
	if (!c.unknown && (words[i] || c.pending)) {
		c.typed = c.pending ? words[i - 1] : words[i];
		if (c.pending)
			offer_value(&c, c.pending);
		else
			offer_for_word(&c);
	}
	if (c.unknown)
		c.directive = DEFAULT;
	pm_buf_printf(out, ":%u\n", c.directive);
	pm_parse_free(&parse);
	free(c.opts);
}
