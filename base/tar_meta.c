#include "base/tar_meta.h"

#include <string.h>

#include "base/mem.h"

bool pm_tar_is_zero(const uint8_t block[PM_TAR_BLOCK])
{
	return block[0] == 0 && memcmp(block, block + 1, PM_TAR_BLOCK - 1) == 0;
}

bool pm_tar_number(const uint8_t *field, size_t len, int64_t *ret)
{
	if (field[0] & 0x80) {
		/* base-256, two's complement; 0x80 is its mark and no part of the number */
		bool negative = field[0] & 0x40;
		uint64_t value = negative ? UINT64_MAX : 0;
		for (size_t i = 0; i < len; i++) {
			uint8_t byte = i == 0 ? (uint8_t)(negative ? field[0] : field[0] & 0x7f)
					      : field[i];
			if (value >> 56 != (negative ? 0xff : 0))
				return false;
			value = value << 8 | byte;
		}
		if ((value >> 63) != negative)
			return false;
		*ret = (int64_t)value;
		return true;
	}

	while (len > 0 && (*field == ' ' || *field == '\0')) {
		field++;
		len--;
	}
	uint64_t value = 0;
	size_t i = 0;
	for (; i < len && field[i] >= '0' && field[i] <= '7'; i++) {
		if (value >> 60)
			return false;
		value = value << 3 | (uint64_t)(field[i] - '0');
	}
	if (i < len && field[i] != ' ' && field[i] != '\0')
		return false;
	*ret = (int64_t)value;
	return true;
}

bool pm_tar_checksum_ok(const uint8_t block[PM_TAR_BLOCK])
{
	int64_t want;
	if (!pm_tar_number(block + PM_TAR_AT_CHECKSUM, 8, &want))
		return false;
	/* some old programs added up signed characters */
	int64_t sum = 8 * ' ', high = 0;
	for (size_t i = 0; i < PM_TAR_BLOCK; i++) {
		if (i >= PM_TAR_AT_CHECKSUM && i < PM_TAR_AT_CHECKSUM + 8)
			continue;
		sum += block[i];
		high += block[i] >> 7;
	}
	return want == sum || want == sum - 256 * high;
}

enum pm_tar_dialect pm_tar_dialect(const uint8_t block[PM_TAR_BLOCK])
{
	if (memcmp(block + PM_TAR_AT_MAGIC, "ustar  ", 8) == 0)
		return PM_TAR_GNU;
	if (memcmp(block + PM_TAR_AT_MAGIC, "ustar", 6) == 0)
		return memcmp(block + PM_TAR_AT_STAR_MAGIC, "tar", 4) == 0 ? PM_TAR_STAR
									   : PM_TAR_USTAR;
	return PM_TAR_V7;
}

bool pm_tar_decimal(const char *s, size_t len, uint64_t *ret)
{
	uint64_t value = 0;
	if (len == 0 || len > 19)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		value = value * 10 + (uint64_t)(s[i] - '0');
	}
	if (value > INT64_MAX)
		return false;
	*ret = value;
	return true;
}

bool pm_tar_regions_add(struct pm_tar_regions *r, uint64_t offset, uint64_t len)
{
	if (r->n == PM_TAR_SPARSE_MAX)
		return false;
	if (r->n == r->cap) {
		r->cap = r->cap ? r->cap * 2 : 16;
		r->v = pm_reallocarray(r->v, r->cap, sizeof(*r->v));
	}
	r->v[r->n++] = (struct pm_tar_region){.offset = offset, .len = len};
	return true;
}

bool pm_tar_regions_ok(const struct pm_tar_regions *r, uint64_t size, uint64_t stored)
{
	uint64_t end = 0, sum = 0;
	for (size_t i = 0; i < r->n; i++) {
		const struct pm_tar_region *g = &r->v[i];
		/* every number is at most INT64_MAX: no sum of two wraps */
		if (g->offset < end || g->offset + g->len > size)
			return false;
		end = g->offset + g->len;
		sum += g->len;
	}
	return sum == stored;
}

static void clear_xattrs(struct pm_tar_pax *p)
{
	for (size_t i = 0; i < p->n_xattrs; i++) {
		free((void *)p->xattrs[i].name);
		free((void *)p->xattrs[i].value);
	}
	p->n_xattrs = 0;
}

void pm_tar_pax_reset(struct pm_tar_pax *p)
{
	free(p->path);
	free(p->link);
	free(p->uname);
	free(p->gname);
	free(p->sparse_name);
	clear_xattrs(p);
	free(p->xattrs);
	free(p->regions.v);
	*p = (struct pm_tar_pax){0};
}

/* "[-]SECONDS[.FRACTION]" */
static bool parse_time(const char *s, size_t len, int64_t *ret_sec, uint32_t *ret_ns)
{
	bool negative = len > 0 && *s == '-';
	if (negative) {
		s++;
		len--;
	}
	const char *dot = memchr(s, '.', len);
	uint64_t sec;
	if (!pm_tar_decimal(s, dot ? (size_t)(dot - s) : len, &sec))
		return false;
	uint32_t ns = 0;
	if (dot) {
		uint32_t scale = 100000000;
		for (const char *d = dot + 1; d < s + len; d++, scale /= 10) {
			if (*d < '0' || *d > '9')
				return false;
			ns += (uint32_t)(*d - '0') * scale;
		}
	}
	*ret_sec = negative ? -(int64_t)sec : (int64_t)sec;
	*ret_ns = ns;
	if (negative && ns > 0) { /* -1.25 is 0.75 after -2 */
		*ret_sec -= 1;
		*ret_ns = 1000000000 - ns;
	}
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* LIBARCHIVE.xattr names are URL-encoded; shortens name in place. */
static void decode_percent(char *name)
{
	char *out = name;
	for (const char *p = name; *p; p++) {
		int high = -1, low = -1;
		if (*p == '%' && (high = hex_digit(p[1])) >= 0)
			low = hex_digit(p[2]);
		if (low >= 0 && (high || low)) {
			*out++ = (char)(high << 4 | low);
			p += 2;
		} else {
			*out++ = *p;
		}
	}
	*out = '\0';
}

/* Base64 with or without padding, in place; returns the bytes, -1 when malformed. */
static ssize_t decode_base64(char *s, size_t len)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t bits = 0;
	unsigned int n_bits = 0;
	size_t out = 0;
	while (len > 0 && s[len - 1] == '=')
		len--;
	for (size_t i = 0; i < len; i++) {
		const char *at = s[i] ? strchr(alphabet, s[i]) : NULL;
		if (!at)
			return -1;
		bits = (bits << 6 | (uint32_t)(at - alphabet)) & 0xffffff;
		n_bits += 6;
		if (n_bits >= 8) {
			n_bits -= 8;
			s[out++] = (char)(bits >> n_bits & 0xff);
		}
	}
	return (ssize_t)out;
}

/* Takes name and value. A later one of a name replaces the earlier. */
static void add_xattr(struct pm_tar_pax *p, char *name, char *value, size_t len)
{
	/* bsdtar writes each xattr in both notations, so look for the one just added */
	for (size_t i = 0; i < p->n_xattrs && i < 64; i++) {
		struct pm_tar_xattr *x = &p->xattrs[i];
		if (strcmp(x->name, name) == 0) {
			free((void *)x->name);
			free((void *)x->value);
			*x = (struct pm_tar_xattr){.name = name, .value = value, .len = len};
			return;
		}
	}
	if (p->n_xattrs == p->cap_xattrs) {
		p->cap_xattrs = p->cap_xattrs ? p->cap_xattrs * 2 : 8;
		p->xattrs = pm_reallocarray(p->xattrs, p->cap_xattrs, sizeof(*p->xattrs));
	}
	p->xattrs[p->n_xattrs++] = (struct pm_tar_xattr){.name = name, .value = value, .len = len};
}

static bool parse_xattr(struct pm_tar_pax *p, const char *name, size_t name_len, bool base64,
			const char *value, size_t len, const char **ret_what)
{
	if (name_len == 0) {
		*ret_what = "an xattr without a name";
		return false;
	}
	char *n = pm_strndup(name, name_len);
	char *v = pm_malloc(len + 1);
	memcpy(v, value, len);
	if (base64) {
		decode_percent(n);
		ssize_t decoded = decode_base64(v, len);
		if (decoded < 0) {
			free(n);
			free(v);
			*ret_what = "an xattr that is not base64";
			return false;
		}
		len = (size_t)decoded;
	}
	add_xattr(p, n, v, len);
	return true;
}

static bool set_string(char **field, const char *value, size_t len, const char **ret_what)
{
	if (memchr(value, '\0', len)) {
		*ret_what = "a pax record with a NUL in a name";
		return false;
	}
	free(*field);
	/* an empty value takes back what a global header said */
	*field = len ? pm_strndup(value, len) : NULL;
	return true;
}

/* GNU.sparse.map: "offset,length,offset,length" */
static bool parse_map(struct pm_tar_pax *p, const char *s, size_t len)
{
	const char *end = s + len;
	uint64_t number[2];
	size_t have = 0;
	p->regions.n = 0;
	while (s < end) {
		const char *comma = memchr(s, ',', (size_t)(end - s));
		const char *stop = comma ? comma : end;
		if (!pm_tar_decimal(s, (size_t)(stop - s), &number[have++]))
			return false;
		if (have == 2) {
			if (!pm_tar_regions_add(&p->regions, number[0], number[1]))
				return false;
			have = 0;
		}
		s = stop + 1;
	}
	return have == 0;
}

static bool parse_sparse(struct pm_tar_pax *p, const char *key, const char *value, size_t len,
			 const char **ret_what)
{
	uint64_t n;
	p->sparse = true;
	*ret_what = "a malformed GNU.sparse record";
	if (strcmp(key, "name") == 0)
		return set_string(&p->sparse_name, value, len, ret_what);
	if (strcmp(key, "map") == 0)
		return parse_map(p, value, len);
	if (!pm_tar_decimal(value, len, &n))
		return false;
	if (strcmp(key, "major") == 0)
		p->major = n;
	else if (strcmp(key, "minor") == 0)
		p->minor = n;
	else if (strcmp(key, "size") == 0 || strcmp(key, "realsize") == 0) {
		p->has_realsize = true;
		p->realsize = n;
	} else if (strcmp(key, "offset") == 0) {
		if (p->half_region || !pm_tar_regions_add(&p->regions, n, 0))
			return false;
		p->half_region = true;
	} else if (strcmp(key, "numbytes") == 0) {
		if (!p->half_region)
			return false;
		p->regions.v[p->regions.n - 1].len = n;
		p->half_region = false;
	}
	return true;
}

static bool parse_id(const char *value, size_t len, bool *has, uint64_t *ret)
{
	*has = len > 0;
	return len == 0 || pm_tar_decimal(value, len, ret);
}

static bool parse_record(struct pm_tar_pax *p, const char *key, const char *value, size_t len,
			 bool global, const char **ret_what)
{
	static const char schily[] = "SCHILY.xattr.", archive[] = "LIBARCHIVE.xattr.",
			  sparse[] = "GNU.sparse.";

	*ret_what = "a malformed number in a pax record";
	if (strcmp(key, "path") == 0)
		return set_string(&p->path, value, len, ret_what);
	if (strcmp(key, "linkpath") == 0)
		return set_string(&p->link, value, len, ret_what);
	if (strcmp(key, "uname") == 0)
		return set_string(&p->uname, value, len, ret_what);
	if (strcmp(key, "gname") == 0)
		return set_string(&p->gname, value, len, ret_what);
	if (strcmp(key, "size") == 0)
		return parse_id(value, len, &p->has_size, &p->size);
	if (strcmp(key, "uid") == 0)
		return parse_id(value, len, &p->has_uid, &p->uid);
	if (strcmp(key, "gid") == 0)
		return parse_id(value, len, &p->has_gid, &p->gid);
	if (strcmp(key, "mtime") == 0) {
		p->has_mtime = len > 0;
		return len == 0 || parse_time(value, len, &p->mtime, &p->mtime_ns);
	}
	if (global)
		return true;
	if (pm_startswith(key, schily))
		return parse_xattr(p, key + strlen(schily), strlen(key + strlen(schily)), false,
				   value, len, ret_what);
	if (pm_startswith(key, archive))
		return parse_xattr(p, key + strlen(archive), strlen(key + strlen(archive)), true,
				   value, len, ret_what);
	if (pm_startswith(key, sparse))
		return parse_sparse(p, key + strlen(sparse), value, len, ret_what);
	return true; /* atime, comment, hdrcharset, ...: not needed */
}

bool pm_tar_pax_parse(struct pm_tar_pax *p, const char *data, size_t len, bool global,
		      const char **ret_what)
{
	const char *end = data + len;
	char key[256 + 32];

	while (data < end) {
		/* "LENGTH KEY=VALUE\n", LENGTH counts the whole record */
		const char *space =
			memchr(data, ' ', (size_t)(end - data) < 20 ? (size_t)(end - data) : 20);
		uint64_t size;
		*ret_what = "a malformed pax record";
		if (!space || !pm_tar_decimal(data, (size_t)(space - data), &size) ||
		    size > (uint64_t)(end - data) || size < (uint64_t)(space - data) + 3 ||
		    data[size - 1] != '\n')
			return false;
		const char *stop = data + size - 1;
		const char *equals = memchr(space + 1, '=', (size_t)(stop - space - 1));
		if (!equals || equals == space + 1)
			return false;
		size_t key_len = (size_t)(equals - space - 1);
		/* xattr names are at most 255 bytes in Linux; percent-encoding is rare */
		if (key_len < sizeof(key) && !memchr(space + 1, '\0', key_len)) {
			memcpy(key, space + 1, key_len);
			key[key_len] = '\0';
			if (!parse_record(p, key, equals + 1, (size_t)(stop - equals - 1), global,
					  ret_what))
				return false;
		}
		data += size;
	}
	if (p->half_region) {
		*ret_what = "a GNU.sparse.offset without its numbytes";
		return false;
	}
	p->sparse_in_data = p->sparse && p->major == 1 && p->minor == 0;
	if (p->sparse && !p->sparse_in_data && p->major > 0) {
		*ret_what = "a GNU sparse file of an unknown version";
		return false;
	}
	return true;
}
