#include "cli/refused.h"

#include <string.h>

#define NO_VM "containers run on this Linux host itself, there is no virtual machine to manage"
#define NO_SWARM "pm runs containers on this host alone, without Swarm"
#define NO_SERVICE "pm has no daemon and no remote service: each command does its own work here"

const struct pm_refused pm_refused_commands[] = {
	{"builder prune", "the caches of builds go with pm system prune --build"},
	{"buildx prune", "the caches of builds go with pm system prune --build"},
	{"compose", "pm reads no Compose files: podman-compose does, and calls pm for each step; pm kube play takes Kubernetes YAML"},
	{"context", NO_SERVICE},
	{"farm", NO_SERVICE},
	{"kube apply", "pm is no client of a Kubernetes cluster: use kubectl apply"},
	{"machine init", NO_VM},
	{"system connection add", NO_SERVICE},
	{"system connection default", NO_SERVICE},
	{"system connection remove", NO_SERVICE},
	{"system connection rename", NO_SERVICE},
	{"system connection rm", NO_SERVICE},
	{"service", NO_SWARM},
	{"stack", NO_SWARM},
	{"swarm", NO_SWARM},
	{"system service", NO_SERVICE},
	{0},
};

const struct pm_refused *pm_refused_find(const char *path)
{
	for (const struct pm_refused *r = pm_refused_commands; r->path; r++) {
		size_t n = strlen(r->path);
		if (strncmp(path, r->path, n) == 0 && (!path[n] || path[n] == ' '))
			return r;
	}
	return NULL;
}
