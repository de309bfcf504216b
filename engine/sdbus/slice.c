#include "engine/sdbus/slice.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CPUS_MAX 8192

static int parse_number(const char *text, uint64_t *ret)
{
	char *end;
	if (strcmp(text, "max") == 0) {
		*ret = UINT64_MAX;
		return 0;
	}
	errno = 0;
	*ret = strtoull(text, &end, 10);
	return errno || end == text || *end ? -EINVAL : 0;
}

static int append_u64(sd_bus_message *m, const char *name, const char *value)
{
	uint64_t n;
	int r = parse_number(value, &n);
	return r < 0 ? r : sd_bus_message_append(m, "(sv)", name, "t", n);
}

/* "QUOTA PERIOD", of microseconds: systemd has the quota of one second. */
static int append_cpu_max(sd_bus_message *m, const char *name, const char *value)
{
	char quota[32];
	uint64_t q, period;
	if (sscanf(value, "%31s %" SCNu64, quota, &period) != 2 || !period || parse_number(quota, &q) < 0)
		return -EINVAL;
	uint64_t per_second = q == UINT64_MAX ? q : q * 1000000 / period;
	int r = sd_bus_message_append(m, "(sv)", name, "t", per_second);
	return r < 0 ? r : sd_bus_message_append(m, "(sv)", "CPUQuotaPeriodUSec", "t", period);
}

/* "0-2,5" as a bit for each. */
static int append_set(sd_bus_message *m, const char *name, const char *value)
{
	uint8_t bits[CPUS_MAX / 8] = {0};
	size_t len = 0;
	for (const char *p = value; *p;) {
		char *end;
		unsigned long from = strtoul(p, &end, 10), to = from;
		if (end == p)
			return -EINVAL;
		if (*end == '-')
			to = strtoul(end + 1, &end, 10);
		if (to < from || to >= CPUS_MAX || (*end && *end != ','))
			return -EINVAL;
		for (unsigned long i = from; i <= to; i++)
			bits[i / 8] |= (uint8_t)(1u << i % 8);
		if (to / 8 + 1 > len)
			len = to / 8 + 1;
		p = *end ? end + 1 : end;
	}
	int r = sd_bus_message_open_container(m, 'r', "sv");
	if (r >= 0)
		r = sd_bus_message_append(m, "s", name);
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'v', "ay");
	if (r >= 0)
		r = sd_bus_message_append_array(m, 'y', bits, len);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_device(sd_bus_message *m, const char *name, const char *device, const char *value)
{
	char path[64];
	uint64_t n;
	int r = parse_number(value, &n);
	snprintf(path, sizeof(path), "/dev/block/%.40s", device);
	return r < 0 ? r : sd_bus_message_append(m, "(sv)", name, "a(st)", 1, path, n);
}

/* "default N" or "MAJOR:MINOR N". */
static int append_io_weight(sd_bus_message *m, const char *name, const char *value)
{
	char whose[32], weight[32];
	if (sscanf(value, "%31s %31s", whose, weight) != 2)
		return append_u64(m, name, value);
	return strcmp(whose, "default") == 0 ? append_u64(m, name, weight)
					     : append_device(m, "IODeviceWeight", whose, weight);
}

/* "MAJOR:MINOR KEY=N" */
static int append_io_max(sd_bus_message *m, const char *unused, const char *value)
{
	static const char *const keys[][2] = {{"rbps", "IOReadBandwidthMax"},
					      {"wbps", "IOWriteBandwidthMax"},
					      {"riops", "IOReadIOPSMax"},
					      {"wiops", "IOWriteIOPSMax"}};
	char device[32], key[8], n[32];
	(void)unused;
	if (sscanf(value, "%31s %7[a-z]=%31s", device, key, n) != 3)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcmp(key, keys[i][0]) == 0)
			return append_device(m, keys[i][1], device, n);
	return -EINVAL;
}

static const struct limit {
	const char *file, *property;
	int (*append)(sd_bus_message *m, const char *name, const char *value);
} limits_table[] = {
	{"cpu.max", "CPUQuotaPerSecUSec", append_cpu_max},
	{"cpu.weight", "CPUWeight", append_u64},
	{"cpuset.cpus", "AllowedCPUs", append_set},
	{"cpuset.mems", "AllowedMemoryNodes", append_set},
	{"io.max", NULL, append_io_max},
	{"io.weight", "IOWeight", append_io_weight},
	{"memory.high", "MemoryHigh", append_u64},
	{"memory.low", "MemoryLow", append_u64},
	{"memory.max", "MemoryMax", append_u64},
	{"memory.min", "MemoryMin", append_u64},
	{"memory.swap.max", "MemorySwapMax", append_u64},
	{"pids.max", "TasksMax", append_u64},
};

int slice_append_limits(sd_bus_message *m, char **limits)
{
	int r = sd_bus_message_open_container(m, 'a', "(sv)");
	for (; r >= 0 && *limits; limits++) {
		const char *eq = strchr(*limits, '=');
		if (!eq)
			return -EINVAL;
		for (size_t i = 0; r >= 0 && i < sizeof(limits_table) / sizeof(limits_table[0]); i++) {
			const struct limit *l = &limits_table[i];
			if (strlen(l->file) == (size_t)(eq - *limits) &&
			    strncmp(l->file, *limits, strlen(l->file)) == 0)
				r = l->append(m, l->property, eq + 1);
		}
	}
	return r < 0 ? r : sd_bus_message_close_container(m);
}
