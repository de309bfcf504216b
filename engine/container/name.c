#include "engine/container/name.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/mem.h"

static const char *const adjectives[] = {
	"able",	  "agile",  "amber",  "ample",	"apt",	  "azure",  "blithe", "bold",	"brave",
	"brief",  "bright", "brisk",  "calm",	"candid", "chief",  "civil",  "clean",	"clear",
	"clever", "cosy",   "crisp",  "daring", "deep",	  "deft",   "dense",  "eager",	"early",
	"earnest", "easy",  "exact",  "fair",	"famous", "fancy",  "fast",   "fine",	"firm",
	"fleet",  "fluent", "fond",   "frank",	"free",	  "fresh",  "gentle", "glad",	"golden",
	"good",	  "grand",  "great",  "green",	"handy",  "happy",  "hardy",  "honest", "humble",
	"jolly",  "keen",   "kind",   "light",	"lively", "loyal",  "lucid",  "lucky",	"merry",
	"mild",	  "modest", "neat",   "nimble", "noble",  "patient", "plain", "polite", "prime",
	"prompt", "proud",  "pure",   "quick",	"quiet",  "rapid",  "ready",  "rustic", "serene",
	"sharp",  "silent", "simple", "sincere", "smart", "smooth", "sober",  "solid",	"spry",
	"steady", "still",  "stout",  "sunny",	"swift",  "tidy",   "vivid",  "warm",	"wise",
};

static const char *const nouns[] = {
	"acacia", "alder",  "anchor", "arch",	"ash",	  "aspen",  "badger", "basalt", "beacon",
	"beech",  "birch",  "bison",  "bridge", "brook",  "canyon", "cedar",  "cliff",	"cloud",
	"clover", "comet",  "condor", "coral",	"cove",	  "crane",  "creek",  "delta",	"dingo",
	"dolphin", "dune",  "eagle",  "egret",	"elm",	  "ember",  "falcon", "fern",	"finch",
	"fjord",  "forest", "fox",    "garnet", "geyser", "glacier", "grove", "gull",	"harbor",
	"hazel",  "heron",  "hill",   "ibex",	"iris",	  "island", "ivy",    "jade",	"juniper",
	"kestrel", "lagoon", "lake",  "larch",	"lark",	  "linden", "lotus",  "lynx",	"maple",
	"marten", "meadow", "mesa",   "moss",	"oak",	  "ocean",  "opal",   "orca",	"orchid",
	"osprey", "otter",  "owl",    "pebble", "pine",	  "plover", "poplar", "quartz", "raven",
	"reef",	  "ridge",  "river",  "robin",	"rowan",  "sage",   "spruce", "stork",	"summit",
	"swan",	  "tern",   "thrush", "tundra", "valley", "walrus", "willow", "wren",	"zephyr",
};

int pm_name_check(const char *name, struct pm_err *err)
{
	static const char first[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	static const char rest[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
	size_t len = strlen(name);

	if (len == 0 || len > 255 || !strchr(first, name[0]) || strspn(name, rest) != len)
		return pm_fail(err, PM_E_USAGE,
			       "names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument");
	return 0;
}

void pm_name_random(unsigned int attempt, char ret[64])
{
	unsigned int n[3] = {0};
	if (getrandom(n, sizeof(n), 0) != sizeof(n))
		n[0] = n[1] = n[2] = attempt; /* the kernel's pool is ready long before users are */

	int len = snprintf(ret, 64, "%s_%s", adjectives[n[0] % PM_ARRAY_SIZE(adjectives)],
			   nouns[n[1] % PM_ARRAY_SIZE(nouns)]);
	if (attempt > 0)
		snprintf(ret + len, 64 - (size_t)len, "%u", n[2] % (attempt > 3 ? 100000 : 100));
}
