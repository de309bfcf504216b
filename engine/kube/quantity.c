#include "engine/kube/quantity.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "base/mem.h"

enum { DIGITS_MAX = 30 };

static const struct {
	const char *suffix;
	__int128 milli; /* one of it is milli / divisor thousandths */
	int64_t divisor;
} units[] = {
	{"", 1000, 1},
	{"n", 1, 1000000},
	{"u", 1, 1000},
	{"m", 1, 1},
	{"k", INT64_C(1000) * 1000, 1},
	{"M", INT64_C(1000) * 1000000, 1},
	{"G", INT64_C(1000) * 1000000000, 1},
	{"T", INT64_C(1000) * 1000000000000, 1},
	{"P", (__int128)1000 * INT64_C(1000000000000000), 1},
	{"E", (__int128)1000 * INT64_C(1000000000000000000), 1},
	{"Ki", INT64_C(1000) << 10, 1},
	{"Mi", INT64_C(1000) << 20, 1},
	{"Gi", INT64_C(1000) << 30, 1},
	{"Ti", INT64_C(1000) << 40, 1},
	{"Pi", (__int128)1000 << 50, 1},
	{"Ei", (__int128)1000 << 60, 1},
};

static int malformed(const char *text, struct pm_err *err)
{
	return pm_fail(err, PM_E_FORMAT, "\"%s\" is not a quantity", text);
}

/* "e3", "E-2": powers of ten. */
static bool exponent(const char *s, int *ret)
{
	bool minus = s[1] == '-';
	const char *p = s + 1 + (s[1] == '-' || s[1] == '+');
	if (!isdigit((unsigned char)*p) || strlen(p) > 2)
		return false;
	int n = 0;
	for (; isdigit((unsigned char)*p); p++)
		n = n * 10 + (*p - '0');
	*ret = minus ? -n : n;
	return !*p;
}

/* mantissa * num / den, rounded up. */
static int scale(const char *text, __int128 mantissa, __int128 num, __int128 den, int64_t *ret,
		 struct pm_err *err)
{
	__int128 product;
	if (__builtin_mul_overflow(mantissa, num, &product))
		return malformed(text, err);
	__int128 v = product / den + (product % den != 0);
	if (v > INT64_MAX)
		return malformed(text, err);
	*ret = (int64_t)v;
	return 0;
}

int pm_kube_quantity(const char *text, int64_t *ret_milli, struct pm_err *err)
{
	const char *p = text + (*text == '+');
	__int128 mantissa = 0, num = 0, den = 1;
	size_t digits = 0;
	bool point = false, any = false;
	for (; isdigit((unsigned char)*p) || (*p == '.' && !point); p++) {
		if (*p == '.') {
			point = true;
			continue;
		}
		any = true;
		digits += mantissa != 0;
		if (digits >= DIGITS_MAX || den > INT64_C(1000000000000000))
			return malformed(text, err);
		mantissa = mantissa * 10 + (*p - '0');
		if (point)
			den *= 10;
	}
	if (!any)
		return malformed(text, err);
	for (size_t i = 0; i < PM_ARRAY_SIZE(units); i++) {
		if (strcmp(units[i].suffix, p) == 0) {
			num = units[i].milli;
			den *= units[i].divisor;
		}
	}
	int ten = 0;
	if (num == 0 && (*p == 'e' || *p == 'E') && exponent(p, &ten) && ten <= 18 && ten >= -9) {
		num = 1000;
		for (; ten > 0; ten--)
			num *= 10;
		for (; ten < 0; ten++)
			den *= 10;
	}
	return num ? scale(text, mantissa, num, den, ret_milli, err) : malformed(text, err);
}

int pm_kube_quantity_whole(const char *text, int64_t *ret, struct pm_err *err)
{
	int64_t milli;
	int r = pm_kube_quantity(text, &milli, err);
	if (r >= 0)
		*ret = milli / 1000 + (milli % 1000 != 0);
	return r;
}
