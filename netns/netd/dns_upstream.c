#include "netns/netd/dns_upstream.h"

#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/fs.h"

#define RESOLV_CONF "/etc/resolv.conf"

static void add_server(struct pm_upstream *u, const char *word)
{
	struct pm_ip ip;
	_cleanup_free_ char *text = pm_strdup(word);
	char *scope = strchr(text, '%');
	if (scope)
		*scope++ = '\0';
	if (u->n == PM_ZONE_SERVERS || pm_ip_parse(text, &ip, NULL) < 0)
		return;
	u->servers[u->n].len = pm_ip_to_sockaddr(&ip, 53, &u->servers[u->n].sa);
	if (scope && ip.family == AF_INET6) {
		unsigned int index = if_nametoindex(scope);
		((struct sockaddr_in6 *)&u->servers[u->n].sa)->sin6_scope_id =
			index ? index : (unsigned int)strtoul(scope, NULL, 10);
	}
	u->n++;
}

void pm_upstream_parse(struct pm_upstream *u, const char *text)
{
	_cleanup_strv_ struct pm_strv lines = PM_STRV_INIT;
	u->n = 0;
	pm_strv_split(&lines, text, '\n');
	for (size_t i = 0; i < lines.n; i++) {
		char *save, *word = strtok_r(lines.v[i], " \t\r", &save);
		if (word && strcmp(word, "nameserver") == 0 && (word = strtok_r(NULL, " \t\r", &save)))
			add_server(u, word);
	}
	/* resolv.conf(5): without any, the local one */
	if (u->n == 0)
		add_server(u, "127.0.0.1");
}

static void read_file(struct pm_upstream *u)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	/* a file that is gone for a moment: what was known holds */
	if (pm_fs_read_file(AT_FDCWD, RESOLV_CONF, 1 << 16, &b, NULL) >= 0 || u->n == 0)
		pm_upstream_parse(u, pm_buf_str(&b));
}

void pm_upstream_init(struct pm_upstream *u)
{
	_cleanup_free_ char *real = realpath(RESOLV_CONF, NULL);
	char *slash = real ? strrchr(real, '/') : NULL;
	*u = (struct pm_upstream){.watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK)};
	if (slash)
		slash[slash == real] = '\0';
	if (u->watch >= 0)
		inotify_add_watch(u->watch, slash ? real : "/etc",
				  IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE);
	read_file(u);
}

void pm_upstream_changed(struct pm_upstream *u)
{
	char events[4096];
	while (read(u->watch, events, sizeof(events)) > 0)
		;
	read_file(u);
}
