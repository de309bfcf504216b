#include "engine/network/pasta.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/proc.h"
#include "netns/userns.h"

/* As Podman has them. */
#define DNS_FORWARD "169.254.1.1"
#define GUEST_ADDR "169.254.1.2"

bool pm_network_is_pasta(const char *mode)
{
	return pm_streq(mode, "pasta");
}

void pm_pasta_free(struct pm_pasta *p)
{
	pm_strv_free(&p->args);
	pm_strv_free(&p->name_servers);
	free(p->host_addr);
	*p = (struct pm_pasta){0};
}

/* --- options --------------------------------------------------------------------------------- */

/* Options that something follows from, by all their names. */
enum kind {
	OTHER,
	TCP, /* to the container */
	UDP,
	TCP_NS, /* from it */
	UDP_NS,
	DNS,
	MAP_GW, /* pm's, and Podman's, word: pasta has its opposite */
	GUEST,
	OURS, /* would take pasta out of pm's hands */
	N_KINDS,
};

static const struct {
	const char *name;
	enum kind kind;
	bool value;
} known[] = {
	{"-t", TCP, true},	      {"--tcp-ports", TCP, true},
	{"-u", UDP, true},	      {"--udp-ports", UDP, true},
	{"-T", TCP_NS, true},	      {"--tcp-ns", TCP_NS, true},
	{"-U", UDP_NS, true},	      {"--udp-ns", UDP_NS, true},
	{"--dns-forward", DNS, true}, {"--map-gw", MAP_GW, false},
	{"--no-map-gw", MAP_GW, false}, {"--map-guest-addr", GUEST, true},
	{"-f", OURS, false},	      {"--foreground", OURS, false},
	{"-P", OURS, true},	      {"--pid", OURS, true},
	{"--netns", OURS, true},      {"--userns", OURS, true},
	{"--netns-only", OURS, false}, {"--no-netns-quit", OURS, false},
	{"--runas", OURS, true},      {"-F", OURS, true},
	{"--fd", OURS, true},	      {"-s", OURS, true},
	{"--socket", OURS, true},     {"-1", OURS, false},
	{"--one-off", OURS, false},   {"-h", OURS, false},
	{"--help", OURS, false},      {"--version", OURS, false},
};

/* "-t8080", "--tcp-ports=8080" and "-t" are one option; *ret_value: what comes with it in one word, or NULL. */
static size_t find(const char *word, const char **ret_value)
{
	size_t i = 0;
	*ret_value = NULL;
	for (; i < PM_ARRAY_SIZE(known); i++) {
		size_t len = strlen(known[i].name);
		if (strncmp(word, known[i].name, len) != 0)
			continue;
		if (!word[len])
			break;
		bool is_long = known[i].name[1] == '-';
		if (is_long ? word[len] == '=' : known[i].value) {
			*ret_value = word + len + is_long;
			break;
		}
	}
	return i;
}

static void take_value(struct pm_pasta *p, enum kind kind, const char *value)
{
	if (kind == DNS)
		pm_strv_add(&p->name_servers, value);
	if (kind != GUEST)
		return;
	free(p->host_addr);
	p->host_addr = pm_streq(value, "none") ? NULL : pm_strdup(value);
}

/* Words go through as they are, but for --map-gw; given counts the kinds. */
static int add_options(struct pm_pasta *p, const struct pm_strv *words, bool given[N_KINDS],
		       struct pm_err *err)
{
	enum kind waits = OTHER; /* the option whose value is the next word */
	for (size_t i = 0; i < words->n; i++) {
		const char *word = words->v[i], *value;
		if (!*word && words->n == 1)
			continue;
		if (word[0] != '-') {
			take_value(p, waits, word);
			waits = OTHER;
			if (i == 0)
				return pm_fail(err, PM_E_USAGE, "network pasta: '%.60s' is no option of "
					       "pasta: one begins with -", word);
			pm_strv_add(&p->args, word);
			continue;
		}
		size_t k = find(word, &value);
		enum kind kind = k < PM_ARRAY_SIZE(known) ? known[k].kind : OTHER;
		if (kind == OURS)
			return pm_fail(err, PM_E_USAGE, "network pasta: option %s is not for containers: "
				       "pm starts and ends pasta itself", known[k].name);
		given[kind] = true;
		if (value)
			take_value(p, kind, value);
		waits = value ? OTHER : kind;
		if (!pm_streq(word, "--map-gw"))
			pm_strv_add(&p->args, word);
	}
	return 0;
}

/* --- ports ----------------------------------------------------------------------------------- */

/* "-t ADDRESS/FIRST-LAST:FIRST-LAST" */
static int add_port(struct pm_pasta *p, const struct pm_port *port, struct pm_err *err)
{
	if (port->proto == PM_PROTO_SCTP) {
		_cleanup_free_ char *text = pm_port_format(port);
		return pm_fail(err, PM_E_UNSUPPORTED, "publish '%s': pasta carries tcp and udp, not sctp",
			       text);
	}
	struct pm_buf b = PM_BUF_INIT;
	if (*port->host_ip)
		pm_buf_printf(&b, "%s/", port->host_ip);
	if (port->range == 1)
		pm_buf_printf(&b, "%u:%u", port->host, port->container);
	else
		pm_buf_printf(&b, "%u-%u:%u-%u", port->host, port->host + port->range - 1u,
			      port->container, port->container + port->range - 1u);
	pm_strv_add(&p->args, port->proto == PM_PROTO_UDP ? "-u" : "-t");
	pm_strv_take(&p->args, pm_buf_take(&b));
	return 0;
}

int pm_pasta_plan(const struct pm_strv *conf, const struct pm_strv *options,
		  const struct pm_ports *ports, struct pm_pasta *ret, struct pm_err *err)
{
	/* what is not given is closed: pasta's own default forwards whatever listens */
	static const struct {
		enum kind kind;
		const char *option;
	} closed[] = {{TCP, "-t"}, {UDP, "-u"}, {TCP_NS, "-T"}, {UDP_NS, "-U"}};
	bool given[N_KINDS] = {false};
	pm_strv_add(&ret->args, "--config-net");
	int r = add_options(ret, conf, given, err);
	if (r >= 0)
		r = add_options(ret, options, given, err);
	for (size_t i = 0; i < ports->n && r >= 0; i++) {
		r = add_port(ret, &ports->v[i], err);
		given[ports->v[i].proto == PM_PROTO_UDP ? UDP : TCP] = true;
	}
	if (r < 0)
		return r;
	for (size_t i = 0; i < PM_ARRAY_SIZE(closed); i++) {
		if (given[closed[i].kind])
			continue;
		pm_strv_add(&ret->args, closed[i].option);
		pm_strv_add(&ret->args, "none");
	}
	if (!given[MAP_GW])
		pm_strv_add(&ret->args, "--no-map-gw");
	if (!given[DNS]) {
		pm_strv_add(&ret->args, "--dns-forward");
		pm_strv_add(&ret->args, DNS_FORWARD);
		pm_strv_add(&ret->name_servers, DNS_FORWARD);
	}
	ret->guest_addr = given[GUEST] ? NULL : GUEST_ADDR;
	return 0;
}

/* --- the program ----------------------------------------------------------------------------- */

int pm_pasta_find(const struct pm_conf *conf, char **ret, struct pm_err *err)
{
	if (!pm_userns_needed() && !pm_userns_nested())
		return pm_fail(err, PM_E_UNSUPPORTED, "network pasta: pasta networking is only supported for "
			       "rootless mode: choose --network bridge");
	for (size_t i = 0; i < conf->helper_binaries_dir.n; i++) {
		_cleanup_free_ char *path = pm_path_join(conf->helper_binaries_dir.v[i], "pasta");
		if (access(path, X_OK) == 0) {
			*ret = pm_steal(&path);
			return 0;
		}
	}
	if (pm_proc_find("pasta", getenv("PATH"), ret, NULL) < 0)
		return pm_fail(err, PM_E_UNSUPPORTED, "network pasta: the program pasta is not installed (as "
			       "root: apt-get install passt): or choose --network slirp4netns");
	return 0;
}
