#include "base/timefmt.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

static const char *const month_names[] = {"January",   "February", "March",    "April",
					  "May",       "June",     "July",     "August",
					  "September", "October",  "November", "December"};
static const char *const day_names[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
					"Thursday", "Friday", "Saturday"};

struct civil {
	int year, month, day, hour, minute, second, weekday, yearday; /* month, day from 1 */
	int ns;
};

/* Days since 1970-01-01 in the Gregorian calendar: years that begin in March, in eras of 400. */
static int64_t days_of(int64_t year, int month, int day)
{
	year -= month <= 2;
	int64_t era = (year >= 0 ? year : year - 399) / 400;
	int64_t of_era = year - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void civil_of_days(int64_t days, struct civil *c)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t of_era = z - era * 146097;
	int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * of_year + 2) / 153;
	c->day = (int)(of_year - (153 * month + 2) / 5 + 1);
	c->month = (int)(month < 10 ? month + 3 : month - 9);
	c->year = (int)(year + era * 400 + (c->month <= 2));
	c->weekday = (int)(((days + 4) % 7 + 7) % 7);
	c->yearday = (int)(days - days_of(c->year, 1, 1)) + 1;
}

static struct civil civil_of(int64_t ns, int offset)
{
	struct civil c = {.year = 1, .month = 1, .day = 1, .weekday = 1, .yearday = 1};
	if (ns == PM_TIME_ZERO)
		return c;
	int64_t seconds = ns / PM_NS_PER_SEC;
	c.ns = (int)(ns % PM_NS_PER_SEC);
	if (c.ns < 0) {
		c.ns += (int)PM_NS_PER_SEC;
		seconds--;
	}
	seconds += offset;
	int64_t days = seconds / 86400, rest = seconds % 86400;
	if (rest < 0) {
		rest += 86400;
		days--;
	}
	c.hour = (int)(rest / 3600);
	c.minute = (int)(rest / 60 % 60);
	c.second = (int)(rest % 60);
	civil_of_days(days, &c);
	return c;
}

int64_t pm_time_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * PM_NS_PER_SEC + t.tv_nsec;
}

/* ".123" without trailing zeros, "" for none; keep: all nine digits. */
static void fraction(int ns, bool keep, char out[16])
{
	snprintf(out, 16, ".%09d", ns % 1000000000);
	for (size_t n = 9; !keep && n > 0 && out[n] == '0'; n--)
		out[n] = '\0';
	if (out[1] == '\0')
		out[0] = '\0';
}

static char *rfc3339(int64_t ns, int offset, bool keep, char *ret)
{
	struct civil c = civil_of(ns, offset);
	char part[16], zone[8] = "Z";
	fraction(c.ns, keep, part);
	if (offset)
		snprintf(zone, sizeof(zone), "%c%02d:%02d", offset < 0 ? '-' : '+',
			 abs(offset) / 3600 % 100, abs(offset) / 60 % 60);
	snprintf(ret, PM_TIME_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d%s%s", c.year, c.month, c.day,
		 c.hour, c.minute, c.second, part, zone);
	return ret;
}

char *pm_time_rfc3339(int64_t ns, int offset, char *ret)
{
	return rfc3339(ns, offset, false, ret);
}

char *pm_time_rfc3339_fixed(int64_t ns, int offset, char *ret)
{
	return rfc3339(ns, offset, true, ret);
}

char *pm_time_go(int64_t ns, int offset, const char *zone, char *ret)
{
	struct civil c = civil_of(ns, offset);
	char part[16], number[8];
	fraction(c.ns, false, part);
	snprintf(number, sizeof(number), "%c%02d%02d", offset < 0 ? '-' : '+',
		 abs(offset) / 3600 % 100, abs(offset) / 60 % 60);
	snprintf(ret, PM_TIME_SIZE, "%04d-%02d-%02d %02d:%02d:%02d%s %s %s", c.year, c.month, c.day,
		 c.hour, c.minute, c.second, part, number, zone ? zone : offset ? number : "UTC");
	return ret;
}

int pm_time_local_zone(int64_t ns, char *ret_name, size_t size)
{
	time_t t = (time_t)(ns / PM_NS_PER_SEC);
	struct tm tm = {0};
	tzset(); /* localtime_r need not */
	localtime_r(&t, &tm);
	snprintf(ret_name, size, "%s", tm.tm_zone ? tm.tm_zone : "UTC");
	return (int)tm.tm_gmtoff;
}

char *pm_time_rfc3339_local(int64_t ns, char *ret)
{
	char zone[16];
	int offset = pm_time_local_zone(ns, zone, sizeof(zone));
	return pm_time_rfc3339(ns, offset, ret);
}

char *pm_time_go_local(int64_t ns, char *ret)
{
	char zone[16];
	int offset = pm_time_local_zone(ns, zone, sizeof(zone));
	return pm_time_go(ns, offset, zone, ret);
}

/* --- layouts ------------------------------------------------------------------------------- */

enum element {
	EL_MONTH_NAME,
	EL_MONTH_SHORT,
	EL_DAY_NAME,
	EL_DAY_SHORT,
	EL_YEAR4,
	EL_YEAR2,
	EL_YEARDAY,
	EL_MONTH2,
	EL_MONTH,
	EL_DAY2,
	EL_DAY_SPACE,
	EL_DAY,
	EL_HOUR24,
	EL_HOUR2,
	EL_HOUR,
	EL_MINUTE2,
	EL_MINUTE,
	EL_SECOND2,
	EL_SECOND,
	EL_PM,
	EL_PM_LOWER,
	EL_ZONE_NAME,
	EL_ZONE_Z_COLON,
	EL_ZONE_Z,
	EL_ZONE_COLON,
	EL_ZONE,
	EL_ZONE_HOUR,
};

/* Longer ones before those they begin with. */
static const struct {
	const char *text;
	enum element element;
} elements[] = {
	{"January", EL_MONTH_NAME}, {"Jan", EL_MONTH_SHORT}, {"Monday", EL_DAY_NAME},
	{"Mon", EL_DAY_SHORT}, {"MST", EL_ZONE_NAME}, {"2006", EL_YEAR4}, {"002", EL_YEARDAY},
	{"01", EL_MONTH2}, {"02", EL_DAY2}, {"03", EL_HOUR2}, {"04", EL_MINUTE2},
	{"05", EL_SECOND2}, {"06", EL_YEAR2}, {"15", EL_HOUR24}, {"PM", EL_PM},
	{"pm", EL_PM_LOWER}, {"Z07:00", EL_ZONE_Z_COLON}, {"Z0700", EL_ZONE_Z},
	{"-07:00", EL_ZONE_COLON}, {"-0700", EL_ZONE}, {"-07", EL_ZONE_HOUR}, {"_2", EL_DAY_SPACE},
	{"1", EL_MONTH}, {"2", EL_DAY}, {"3", EL_HOUR}, {"4", EL_MINUTE}, {"5", EL_SECOND},
};

static void write_zone(enum element e, int offset, char *out, size_t size)
{
	int hours = abs(offset) / 3600 % 100, minutes = abs(offset) / 60 % 60;
	char sign = offset < 0 ? '-' : '+';
	bool z = e == EL_ZONE_Z_COLON || e == EL_ZONE_Z;
	if (z && offset == 0)
		snprintf(out, size, "Z");
	else if (e == EL_ZONE_HOUR)
		snprintf(out, size, "%c%02d", sign, hours);
	else
		snprintf(out, size, "%c%02d%s%02d", sign, hours,
			 e == EL_ZONE_Z_COLON || e == EL_ZONE_COLON ? ":" : "", minutes);
}

static void write_element(enum element e, const struct civil *c, int offset, const char *zone,
			  char *out, size_t size)
{
	int hour12 = c->hour % 12 ? c->hour % 12 : 12;
	switch (e) {
	case EL_MONTH_NAME: snprintf(out, size, "%s", month_names[c->month - 1]); break;
	case EL_MONTH_SHORT: snprintf(out, size, "%.3s", month_names[c->month - 1]); break;
	case EL_DAY_NAME: snprintf(out, size, "%s", day_names[c->weekday]); break;
	case EL_DAY_SHORT: snprintf(out, size, "%.3s", day_names[c->weekday]); break;
	case EL_YEAR4: snprintf(out, size, "%04d", c->year); break;
	case EL_YEAR2: snprintf(out, size, "%02d", c->year % 100); break;
	case EL_YEARDAY: snprintf(out, size, "%03d", c->yearday); break;
	case EL_MONTH2: snprintf(out, size, "%02d", c->month); break;
	case EL_MONTH: snprintf(out, size, "%d", c->month); break;
	case EL_DAY2: snprintf(out, size, "%02d", c->day); break;
	case EL_DAY_SPACE: snprintf(out, size, "%2d", c->day); break;
	case EL_DAY: snprintf(out, size, "%d", c->day); break;
	case EL_HOUR24: snprintf(out, size, "%02d", c->hour); break;
	case EL_HOUR2: snprintf(out, size, "%02d", hour12); break;
	case EL_HOUR: snprintf(out, size, "%d", hour12); break;
	case EL_MINUTE2: snprintf(out, size, "%02d", c->minute); break;
	case EL_MINUTE: snprintf(out, size, "%d", c->minute); break;
	case EL_SECOND2: snprintf(out, size, "%02d", c->second); break;
	case EL_SECOND: snprintf(out, size, "%d", c->second); break;
	case EL_PM: snprintf(out, size, "%s", c->hour < 12 ? "AM" : "PM"); break;
	case EL_PM_LOWER: snprintf(out, size, "%s", c->hour < 12 ? "am" : "pm"); break;
	case EL_ZONE_NAME:
		if (zone || !offset)
			snprintf(out, size, "%s", zone ? zone : "UTC");
		else
			write_zone(EL_ZONE, offset, out, size);
		break;
	case EL_ZONE_Z_COLON:
	case EL_ZONE_Z:
	case EL_ZONE_COLON:
	case EL_ZONE:
	case EL_ZONE_HOUR: write_zone(e, offset, out, size); break;
	}
}

/* ".000" or ",999" and so on: length of the run, 0 when layout has none here. */
static size_t fraction_run(const char *layout)
{
	if ((layout[0] != '.' && layout[0] != ',') || (layout[1] != '0' && layout[1] != '9'))
		return 0;
	size_t n = 1 + strspn(layout + 1, layout[1] == '0' ? "0" : "9");
	return layout[n] >= '0' && layout[n] <= '9' ? 0 : n;
}

static void write_fraction(const char *layout, size_t run, int ns, char *out, size_t size)
{
	char digits[16];
	snprintf(digits, sizeof(digits), "%09d", ns);
	size_t n = run - 1 < 9 ? run - 1 : 9;
	if (layout[1] == '9')
		while (n > 0 && digits[n - 1] == '0')
			n--;
	if (n == 0)
		out[0] = '\0';
	else
		snprintf(out, size, "%c%.*s", layout[0], (int)n, digits);
}

void pm_time_layout(int64_t ns, int offset, const char *zone, const char *layout, char *ret,
		    size_t size)
{
	struct civil c = civil_of(ns, offset);
	size_t used = 0;
	ret[0] = '\0';
	while (*layout && used + 1 < size) {
		char piece[32] = {layout[0], '\0'};
		size_t run = fraction_run(layout), taken = 1;
		if (run) {
			write_fraction(layout, run, c.ns, piece, sizeof(piece));
			taken = run;
		} else {
			for (size_t i = 0; i < sizeof(elements) / sizeof(elements[0]); i++) {
				size_t n = strlen(elements[i].text);
				/* "Jan" in "Janet" is a month, "Mon" in "Month" is none to Go */
				bool word = elements[i].element == EL_MONTH_SHORT ||
					    elements[i].element == EL_DAY_SHORT;
				if (strncmp(layout, elements[i].text, n) != 0 ||
				    (word && layout[n] >= 'a' && layout[n] <= 'z'))
					continue;
				if (elements[i].element == EL_DAY_SPACE &&
				    strncmp(layout, "_2006", 5) == 0)
					continue;
				write_element(elements[i].element, &c, offset, zone, piece,
					      sizeof(piece));
				taken = n;
				break;
			}
		}
		int n = snprintf(ret + used, size - used, "%s", piece);
		used += n > 0 ? (size_t)n : 0;
		layout += taken;
	}
}

/* --- reading times ------------------------------------------------------------------------- */

/* n digits, from low to high; moves *s behind them. */
static bool digits(const char **s, int n, int low, int high, int *ret)
{
	*ret = 0;
	for (int i = 0; i < n; i++, (*s)++) {
		if (**s < '0' || **s > '9')
			return false;
		*ret = *ret * 10 + (**s - '0');
	}
	return *ret >= low && *ret <= high;
}

static bool take(const char **s, char c)
{
	if (**s != c)
		return false;
	(*s)++;
	return true;
}

static bool parse_date(const char **s, struct civil *c)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	if (!digits(s, 4, 0, 9999, &c->year) || !take(s, '-') || !digits(s, 2, 1, 12, &c->month) ||
	    !take(s, '-') || !digits(s, 2, 1, 31, &c->day))
		return false;
	bool leap = (c->year % 4 == 0 && c->year % 100 != 0) || c->year % 400 == 0;
	return c->day <= days[c->month - 1] + (c->month == 2 && leap);
}

/* Digits after a point, to nanoseconds; more than nine are cut. */
static bool parse_fraction(const char **s, int *ret_ns)
{
	int n = 0;
	*ret_ns = 0;
	for (; **s >= '0' && **s <= '9'; (*s)++)
		if (n < 9) {
			*ret_ns = *ret_ns * 10 + (**s - '0');
			n++;
		}
	if (n == 0)
		return false;
	for (; n < 9; n++)
		*ret_ns *= 10;
	return true;
}

static bool parse_zone(const char **s, int *ret_offset)
{
	*ret_offset = 0;
	if (take(s, 'Z') || take(s, 'z'))
		return true;
	bool minus = **s == '-';
	int hours, minutes;
	if ((!take(s, '-') && !take(s, '+')) || !digits(s, 2, 0, 24, &hours) || !take(s, ':') ||
	    !digits(s, 2, 0, 60, &minutes))
		return false;
	*ret_offset = (hours * 60 + minutes) * 60 * (minus ? -1 : 1);
	return true;
}

static bool to_ns(const struct civil *c, int offset, int64_t *ret)
{
	if (c->year == 1 && c->yearday == 0 && c->month == 1 && c->day == 1 && c->hour == 0 &&
	    c->minute == 0 && c->second == 0 && c->ns == 0 && offset == 0) {
		*ret = PM_TIME_ZERO;
		return true;
	}
	int64_t s = days_of(c->year, c->month, c->day) * 86400 + c->hour * 3600 + c->minute * 60 +
		    c->second - offset;
	return !__builtin_mul_overflow(s, PM_NS_PER_SEC, ret) &&
	       !__builtin_add_overflow(*ret, c->ns, ret) && *ret != PM_TIME_ZERO;
}

int pm_time_parse_rfc3339(const char *s, int64_t *ret, int *ret_offset, struct pm_err *err)
{
	const char *p = s;
	struct civil c = {0};
	int offset;
	int64_t ns;
	if (!parse_date(&p, &c) || (!take(&p, 'T') && !take(&p, 't')) ||
	    !digits(&p, 2, 0, 23, &c.hour) || !take(&p, ':') || !digits(&p, 2, 0, 59, &c.minute) ||
	    !take(&p, ':') || !digits(&p, 2, 0, 59, &c.second) ||
	    (take(&p, '.') && !parse_fraction(&p, &c.ns)) || !parse_zone(&p, &offset) || *p)
		return pm_fail(err, PM_E_FORMAT, "'%.64s' is not a time as in RFC 3339", s);
	if (!to_ns(&c, offset, &ns))
		return pm_fail(err, ERANGE, "time '%.64s' is out of range", s);
	*ret = ns;
	if (ret_offset)
		*ret_offset = offset;
	return 0;
}

/* A date, and as much of a time of day as there is; the zone, else that of this machine. */
static bool parse_cut_time(const char *p, int64_t *ret)
{
	struct civil c = {0};
	int offset;
	if (!parse_date(&p, &c))
		return false;
	if (take(&p, 'T') || take(&p, 't') || take(&p, ' ')) {
		if (!digits(&p, 2, 0, 23, &c.hour))
			return false;
		if (take(&p, ':') && !digits(&p, 2, 0, 59, &c.minute))
			return false;
		if (take(&p, ':') && !digits(&p, 2, 0, 59, &c.second))
			return false;
		if (take(&p, '.') && !parse_fraction(&p, &c.ns))
			return false;
	}
	if (*p)
		return parse_zone(&p, &offset) && !*p && to_ns(&c, offset, ret);

	struct tm tm = {
		.tm_year = c.year - 1900, .tm_mon = c.month - 1, .tm_mday = c.day,
		.tm_hour = c.hour, .tm_min = c.minute, .tm_sec = c.second, .tm_isdst = -1,
	};
	int64_t ns;
	if (__builtin_mul_overflow((int64_t)mktime(&tm), PM_NS_PER_SEC, &ns))
		return false;
	return !__builtin_add_overflow(ns, c.ns, ret);
}

/* "1700000000" or "1700000000.25" */
static bool parse_unix(const char *p, int64_t *ret)
{
	bool minus = take(&p, '-');
	int ns = 0, n = 0;
	int64_t seconds = 0;
	for (; *p >= '0' && *p <= '9'; p++, n++)
		if (__builtin_mul_overflow(seconds, 10, &seconds) ||
		    __builtin_add_overflow(seconds, *p - '0', &seconds))
			return false;
	if (n == 0 || (take(&p, '.') && !parse_fraction(&p, &ns)) || *p)
		return false;
	int64_t all;
	if (__builtin_mul_overflow(seconds, PM_NS_PER_SEC, &all) ||
	    __builtin_add_overflow(all, ns, &all))
		return false;
	*ret = minus ? -all : all;
	return true;
}

int pm_time_parse_user(const char *s, int64_t now, bool before, int64_t *ret, struct pm_err *err)
{
	int64_t d;
	if (parse_unix(s, ret) || parse_cut_time(s, ret))
		return 0;
	if (pm_duration_parse(s, &d, NULL) < 0)
		return pm_fail(err, PM_E_USAGE,
			       "'%.64s' is not a time: use RFC 3339, seconds since 1970, or a "
			       "duration as 10m", s);
	if (before ? __builtin_sub_overflow(now, d, ret) : __builtin_add_overflow(now, d, ret))
		return pm_fail(err, PM_E_USAGE, "time '%.64s' is out of range", s);
	return 0;
}

/* --- durations and sizes ------------------------------------------------------------------- */

static bool duration_unit(const char **s, int64_t *ret)
{
	static const struct {
		const char *name;
		int64_t ns;
	} units[] = {
		{"ns", 1}, {"us", 1000}, {"\xc2\xb5s", 1000}, {"\xce\xbcs", 1000}, {"ms", 1000000},
		{"s", PM_NS_PER_SEC}, {"m", 60 * PM_NS_PER_SEC}, {"h", 3600 * PM_NS_PER_SEC},
	};
	size_t n = strcspn(*s, "0123456789.");
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (n == strlen(units[i].name) && strncmp(*s, units[i].name, n) == 0) {
			*s += n;
			*ret = units[i].ns;
			return true;
		}
	}
	return false;
}

/* One "1.5h"; adds it to *sum. */
static bool duration_part(const char **s, int64_t *sum)
{
	int64_t whole = 0, unit, part = 0;
	double scale = 1;
	size_t n = 0;
	for (; **s >= '0' && **s <= '9'; (*s)++, n++)
		if (__builtin_mul_overflow(whole, 10, &whole) ||
		    __builtin_add_overflow(whole, **s - '0', &whole))
			return false;
	if (take(s, '.')) {
		for (; **s >= '0' && **s <= '9'; (*s)++, n++)
			if (part < INT64_MAX / 10 - 9) {
				part = part * 10 + (**s - '0');
				scale *= 10;
			}
	}
	if (n == 0 || !duration_unit(s, &unit))
		return false;
	return !__builtin_mul_overflow(whole, unit, &whole) &&
	       !__builtin_add_overflow(*sum, whole, sum) &&
	       !__builtin_add_overflow(*sum, (int64_t)((double)part * ((double)unit / scale)), sum);
}

int pm_duration_parse(const char *s, int64_t *ret_ns, struct pm_err *err)
{
	const char *p = s;
	bool minus = *p == '-';
	int64_t sum = 0;
	if (*p == '-' || *p == '+')
		p++;
	bool good = *p != '\0';
	if (strcmp(p, "0") != 0)
		while (good && *p)
			good = duration_part(&p, &sum);
	if (!good)
		return pm_fail(err, PM_E_USAGE, "'%.64s' is not a duration as 1h30m or 10s", s);
	*ret_ns = minus ? -sum : sum;
	return 0;
}

char *pm_duration_go(int64_t ns, char *ret)
{
	uint64_t u = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;
	const char *minus = ns < 0 ? "-" : "";
	char part[16], whole[24];

	if (u < (uint64_t)PM_NS_PER_SEC) {
		int64_t unit = u < 1000 ? 1 : u < 1000000 ? 1000 : 1000000;
		/* as many nanoseconds as fill nine digits, so that the fraction is right */
		fraction((int)(u % (uint64_t)unit * (uint64_t)(PM_NS_PER_SEC / unit)), false, part);
		snprintf(ret, PM_TIME_SIZE, "%s%" PRIu64 "%s%s", minus, u / (uint64_t)unit, part,
			 u == 0 ? "s" : unit == 1 ? "ns" : unit == 1000 ? "\xc2\xb5s" : "ms");
		return ret;
	}
	fraction((int)(u % (uint64_t)PM_NS_PER_SEC), false, part);
	uint64_t s = u / (uint64_t)PM_NS_PER_SEC;
	whole[0] = '\0';
	if (s >= 3600)
		snprintf(whole, sizeof(whole), "%" PRIu64 "h%dm", s / 3600, (int)(s / 60 % 60));
	else if (s >= 60)
		snprintf(whole, sizeof(whole), "%dm", (int)(s / 60));
	snprintf(ret, PM_TIME_SIZE, "%s%s%d%ss", minus, whole, (int)(s % 60), part);
	return ret;
}

char *pm_duration_human(int64_t ns, char *ret)
{
	int64_t s = ns / PM_NS_PER_SEC, minutes = s / 60;
	int64_t hours = ns < 0 ? 0 : (s + 1800) / 3600;
	const char *unit;
	int64_t n;

	if (s < 1)
		return snprintf(ret, PM_TIME_SIZE, "Less than a second"), ret;
	if (s == 1)
		return snprintf(ret, PM_TIME_SIZE, "1 second"), ret;
	if (minutes == 1)
		return snprintf(ret, PM_TIME_SIZE, "About a minute"), ret;
	if (minutes >= 60 && hours == 1)
		return snprintf(ret, PM_TIME_SIZE, "About an hour"), ret;
	if (s < 60)
		n = s, unit = "seconds";
	else if (minutes < 60)
		n = minutes, unit = "minutes";
	else if (hours < 48)
		n = hours, unit = "hours";
	else if (hours < 24 * 7 * 2)
		n = hours / 24, unit = "days";
	else if (hours < 24 * 30 * 2)
		n = hours / 24 / 7, unit = "weeks";
	else if (hours < 24 * 365 * 2)
		n = hours / 24 / 30, unit = "months";
	else
		n = s / 3600 / 24 / 365, unit = "years";
	snprintf(ret, PM_TIME_SIZE, "%" PRId64 " %s", n, unit);
	return ret;
}

static char *custom_size(double n, double base, const char *const *units, int precision,
			 const char *space, char *ret)
{
	int i = 0;
	for (; n >= base && i < 8; i++)
		n /= base;
	snprintf(ret, PM_TIME_SIZE, "%.*g%s%s", precision, n, space, units[i]);
	return ret;
}

char *pm_size_human(double bytes, bool space, char *ret)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"};
	return custom_size(bytes, 1000, units, space ? 3 : 4, space ? " " : "", ret);
}

char *pm_size_bytes(double bytes, char *ret)
{
	static const char *const units[] = {"B",   "KiB", "MiB", "GiB", "TiB",
					    "PiB", "EiB", "ZiB", "YiB"};
	return custom_size(bytes, 1024, units, 4, "", ret);
}

int pm_size_parse(const char *s, int64_t *ret, struct pm_err *err)
{
	static const char letters[] = "kmgtp";
	size_t whole = strspn(s, "0123456789"), n = whole;
	if (whole && s[n] == '.' && strspn(s + n + 1, "0123456789"))
		n += 1 + strspn(s + n + 1, "0123456789");
	const char *p = s + n;
	double factor = 1;

	if (*p == ' ')
		p++;
	const char *l = *p ? strchr(letters, *p | 0x20) : NULL;
	if (l) {
		for (long i = l - letters; i >= 0; i--)
			factor *= 1024;
		p++;
	}
	if (*p == 'i' || *p == 'I')
		p++;
	if (*p == 'b' || *p == 'B')
		p++;
	if (!whole || *p || (s[n] == ' ' && !s[n + 1]))
		return pm_fail(err, PM_E_USAGE, "invalid size: '%.64s'", s);

	/* whole numbers are exact, also above 2^53 */
	int64_t exact, f = (int64_t)factor;
	errno = 0;
	exact = strtoll(s, NULL, 10);
	double value = strtod(s, NULL) * factor;
	if (errno || value >= 9.2e18 || __builtin_mul_overflow(exact, f, &exact))
		return pm_fail(err, PM_E_USAGE, "size '%.64s' is too large", s);
	*ret = n == whole ? exact : (int64_t)value;
	return 0;
}
