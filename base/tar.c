#include "base/tar.h"

#include <string.h>

#include "base/mem.h"
#include "base/tar_meta.h"

enum state {
	HEADER,     /* a header block, or the end */
	META,       /* the content of a long name or pax header */
	GNU_SPARSE, /* old GNU extension blocks: more regions */
	DATA_MAP,   /* pax sparse 1.0: the map that leads the content */
	CONTENT,
	PADDING, /* up to the next block; then HEADER */
	ENDING,  /* one zero block was seen */
	ENDED,
	FAILED,
};

/* The numbers of a sparse 1.0 map, one at a time. */
struct map_parser {
	uint64_t value;
	unsigned int digits;
	bool has_count;
	uint64_t numbers_left; /* of 2 x count */
	uint64_t region_offset;
};

struct pm_tar_reader {
	pm_tar_raw_fn *raw;
	void *raw_arg;

	const uint8_t *in; /* the caller's chunk */
	size_t left;
	uint64_t offset; /* bytes used of the archive */

	enum state state;
	uint8_t block[PM_TAR_BLOCK]; /* one that came in pieces */
	size_t have;

	/* what precedes an entry */
	bool started; /* entry.offset is set */
	char meta_type;
	uint64_t meta_left;
	struct pm_buf meta;
	char *gnu_path, *gnu_link; /* owned; NULL: none */
	struct pm_tar_pax pax, global;

	/* the entry */
	struct pm_tar_entry entry;
	struct pm_buf path, link, uname, gname;
	struct pm_tar_regions regions;
	struct map_parser map;
	uint64_t content_left, padding;
	size_t region;        /* index of the one being read, for sparse files */
	uint64_t region_done; /* bytes of it */
	const uint8_t *data;
	size_t data_len;
	uint64_t data_offset;
};

struct pm_tar_reader *pm_tar_reader_new(pm_tar_raw_fn *raw, void *raw_arg)
{
	struct pm_tar_reader *t = PM_NEW(struct pm_tar_reader);
	t->raw = raw;
	t->raw_arg = raw_arg;
	return t;
}

void pm_tar_reader_free(struct pm_tar_reader *t)
{
	if (!t)
		return;
	pm_tar_pax_reset(&t->pax);
	pm_tar_pax_reset(&t->global);
	free(t->gnu_path);
	free(t->gnu_link);
	pm_buf_free(&t->meta);
	pm_buf_free(&t->path);
	pm_buf_free(&t->link);
	pm_buf_free(&t->uname);
	pm_buf_free(&t->gname);
	free(t->regions.v);
	free(t);
}

void pm_tar_reader_input(struct pm_tar_reader *t, const void *data, size_t len)
{
	t->in = data;
	t->left = len;
}

const struct pm_tar_entry *pm_tar_reader_entry(const struct pm_tar_reader *t)
{
	return &t->entry;
}

const void *pm_tar_reader_data(const struct pm_tar_reader *t, size_t *ret_len, uint64_t *ret_offset)
{
	*ret_len = t->data_len;
	*ret_offset = t->data_offset;
	return t->data;
}

uint64_t pm_tar_reader_offset(const struct pm_tar_reader *t)
{
	return t->offset;
}

static int malformed(struct pm_tar_reader *t, struct pm_err *err, const char *what)
{
	t->state = FAILED;
	return pm_fail(err, PM_E_FORMAT, "tar archive: %s at offset %llu", what,
		       (unsigned long long)t->offset);
}

static const uint8_t *take(struct pm_tar_reader *t, size_t len, bool is_content)
{
	const uint8_t *p = t->in;
	t->in += len;
	t->left -= len;
	t->offset += len;
	if (t->raw && !is_content)
		t->raw(t->raw_arg, p, len);
	return p;
}

/* A whole block, or NULL when the chunk ends before. */
static const uint8_t *take_block(struct pm_tar_reader *t, bool is_content)
{
	if (t->have == 0 && t->left >= PM_TAR_BLOCK)
		return take(t, PM_TAR_BLOCK, is_content);
	size_t n = PM_TAR_BLOCK - t->have;
	if (n > t->left)
		n = t->left;
	if (n > 0)
		memcpy(t->block + t->have, take(t, n, is_content), n);
	t->have += n;
	if (t->have < PM_TAR_BLOCK)
		return NULL;
	t->have = 0;
	return t->block;
}

static uint64_t padding_of(uint64_t size)
{
	return (PM_TAR_BLOCK - size % PM_TAR_BLOCK) % PM_TAR_BLOCK;
}

static void set_field(struct pm_buf *b, const uint8_t *field, size_t max)
{
	pm_buf_cut(b, 0);
	pm_buf_add(b, field, strnlen((const char *)field, max));
}

static void set_str(struct pm_buf *b, const char *s)
{
	pm_buf_cut(b, 0);
	pm_buf_add_str(b, s);
}

static int entry_type(const uint8_t *h, enum pm_tar_type *ret)
{
	switch (h[PM_TAR_AT_TYPE]) {
	case '\0': /* v7: a directory is a file whose name ends with a slash */
	case '0':
	case '7':
	case 'S':
		*ret = PM_TAR_FILE;
		return 0;
	case '1':
		*ret = PM_TAR_HARDLINK;
		return 0;
	case '2':
		*ret = PM_TAR_SYMLINK;
		return 0;
	case '3':
		*ret = PM_TAR_CHAR;
		return 0;
	case '4':
		*ret = PM_TAR_BLOCKDEV;
		return 0;
	case '5':
	case 'D': /* GNU: a directory with a list of its names as content */
		*ret = PM_TAR_DIR;
		return 0;
	case '6':
		*ret = PM_TAR_FIFO;
		return 0;
	default:
		return -1;
	}
}

/* Names and ids: the header's, overridden by global pax, pax, GNU long names. */
static void decode_names(struct pm_tar_reader *t, const uint8_t *h, enum pm_tar_dialect dialect)
{
	pm_buf_cut(&t->path, 0);
	if ((dialect == PM_TAR_USTAR || dialect == PM_TAR_STAR) && h[PM_TAR_AT_PREFIX]) {
		set_field(&t->path, h + PM_TAR_AT_PREFIX, dialect == PM_TAR_STAR ? 131 : 155);
		pm_buf_add_char(&t->path, '/');
	}
	pm_buf_add(&t->path, h + PM_TAR_AT_NAME, strnlen((const char *)h + PM_TAR_AT_NAME, 100));
	set_field(&t->link, h + PM_TAR_AT_LINK, 100);
	set_field(&t->uname, h + PM_TAR_AT_UNAME, dialect == PM_TAR_V7 ? 0 : 32);
	set_field(&t->gname, h + PM_TAR_AT_GNAME, dialect == PM_TAR_V7 ? 0 : 32);

	const struct pm_tar_pax *both[] = {&t->global, &t->pax};
	for (size_t i = 0; i < 2; i++) {
		if (both[i]->path)
			set_str(&t->path, both[i]->path);
		if (both[i]->link)
			set_str(&t->link, both[i]->link);
		if (both[i]->uname)
			set_str(&t->uname, both[i]->uname);
		if (both[i]->gname)
			set_str(&t->gname, both[i]->gname);
	}
	if (t->pax.sparse_name)
		set_str(&t->path, t->pax.sparse_name);
	if (t->gnu_path)
		set_str(&t->path, t->gnu_path);
	if (t->gnu_link)
		set_str(&t->link, t->gnu_link);
}

static bool decode_numbers(struct pm_tar_reader *t, const uint8_t *h, enum pm_tar_dialect dialect)
{
	struct pm_tar_entry *e = &t->entry;
	int64_t mode, uid, gid, size, mtime, major = 0, minor = 0;

	if (!pm_tar_number(h + PM_TAR_AT_MODE, 8, &mode) ||
	    !pm_tar_number(h + PM_TAR_AT_UID, 8, &uid) ||
	    !pm_tar_number(h + PM_TAR_AT_GID, 8, &gid) ||
	    !pm_tar_number(h + PM_TAR_AT_SIZE, 12, &size) ||
	    !pm_tar_number(h + PM_TAR_AT_MTIME, 12, &mtime))
		return false;
	if ((e->type == PM_TAR_CHAR || e->type == PM_TAR_BLOCKDEV) && dialect != PM_TAR_V7 &&
	    (!pm_tar_number(h + PM_TAR_AT_MAJOR, 8, &major) ||
	     !pm_tar_number(h + PM_TAR_AT_MINOR, 8, &minor)))
		return false;
	if (size < 0 || uid < 0 || gid < 0 || major < 0 || minor < 0 || major > UINT32_MAX ||
	    minor > UINT32_MAX)
		return false;

	e->mode = (mode_t)mode & 07777;
	e->uid = (uint64_t)uid;
	e->gid = (uint64_t)gid;
	e->stored = (uint64_t)size;
	e->mtime = mtime;
	e->mtime_ns = 0;
	e->dev_major = (uint32_t)major;
	e->dev_minor = (uint32_t)minor;
	const struct pm_tar_pax *both[] = {&t->global, &t->pax};
	for (size_t i = 0; i < 2; i++) {
		if (both[i]->has_uid)
			e->uid = both[i]->uid;
		if (both[i]->has_gid)
			e->gid = both[i]->gid;
		if (both[i]->has_size)
			e->stored = both[i]->size;
		if (both[i]->has_mtime) {
			e->mtime = both[i]->mtime;
			e->mtime_ns = both[i]->mtime_ns;
		}
	}
	return true;
}

/* count regions of 24 bytes; an unused one ends the list. False when malformed. */
static bool add_gnu_regions(struct pm_tar_reader *t, const uint8_t *p, size_t count)
{
	for (size_t i = 0; i < count; i++, p += 24) {
		int64_t offset, len;
		if (p[0] == 0 || p[12] == 0)
			break;
		if (!pm_tar_number(p, 12, &offset) || !pm_tar_number(p + 12, 12, &len) ||
		    offset < 0 || len < 0 ||
		    !pm_tar_regions_add(&t->regions, (uint64_t)offset, (uint64_t)len))
			return false;
	}
	return true;
}

/* The entry is known: hand it out, its content comes next. */
static int entry_ready(struct pm_tar_reader *t, struct pm_err *err)
{
	struct pm_tar_entry *e = &t->entry;
	if (e->sparse) {
		if (!pm_tar_regions_ok(&t->regions, e->size, e->stored))
			return malformed(t, err, "a sparse map that does not fit its file");
		e->regions = t->regions.v;
		e->n_regions = t->regions.n;
	}
	t->content_left = e->stored;
	t->region = 0;
	t->region_done = 0;
	t->state = CONTENT;
	return PM_TAR_ENTRY;
}

static int decode_entry(struct pm_tar_reader *t, const uint8_t *h, struct pm_err *err)
{
	struct pm_tar_entry *e = &t->entry;
	enum pm_tar_dialect dialect = pm_tar_dialect(h);
	uint64_t offset = e->offset;

	*e = (struct pm_tar_entry){.offset = offset};
	if (entry_type(h, &e->type) < 0)
		return malformed(t, err, "an entry of an unknown type");
	if (!decode_numbers(t, h, dialect))
		return malformed(t, err, "a header with a malformed number");
	decode_names(t, h, dialect);
	if (t->path.len == 0)
		return malformed(t, err, "an entry without a name");
	if (h[PM_TAR_AT_TYPE] == '\0' && t->path.data[t->path.len - 1] == '/')
		e->type = PM_TAR_DIR;
	if (e->type != PM_TAR_HARDLINK && e->type != PM_TAR_SYMLINK)
		pm_buf_cut(&t->link, 0);

	e->path = pm_buf_str(&t->path);
	e->link = pm_buf_str(&t->link);
	e->uname = pm_buf_str(&t->uname);
	e->gname = pm_buf_str(&t->gname);
	e->xattrs = t->pax.xattrs;
	e->n_xattrs = t->pax.n_xattrs;
	t->regions.n = 0;
	/* the size of all but files is not followed by content (GNU tar: links have size 0 on
	 * tape); a GNU directory list is */
	t->padding = padding_of(e->stored);
	if (e->type != PM_TAR_FILE) {
		if (h[PM_TAR_AT_TYPE] != 'D')
			e->stored = t->padding = 0;
		return entry_ready(t, err);
	}

	e->size = e->stored;
	if (h[PM_TAR_AT_TYPE] == 'S') {
		int64_t size;
		if (dialect != PM_TAR_GNU ||
		    !pm_tar_number(h + PM_TAR_AT_GNU_REALSIZE, 12, &size) || size < 0 ||
		    !add_gnu_regions(t, h + PM_TAR_AT_GNU_SPARSE, 4))
			return malformed(t, err, "a malformed sparse header");
		e->sparse = true;
		e->size = t->pax.has_realsize ? t->pax.realsize : (uint64_t)size;
		if (h[PM_TAR_AT_GNU_MORE]) {
			t->state = GNU_SPARSE;
			return PM_TAR_MORE;
		}
	} else if (t->pax.sparse) {
		e->sparse = true;
		if (!t->pax.has_realsize)
			return malformed(t, err, "a sparse file without its size");
		e->size = t->pax.realsize;
		if (t->pax.sparse_in_data) {
			t->map = (struct map_parser){0};
			t->state = DATA_MAP;
			return PM_TAR_MORE;
		}
		for (size_t i = 0; i < t->pax.regions.n; i++)
			pm_tar_regions_add(&t->regions, t->pax.regions.v[i].offset,
					   t->pax.regions.v[i].len);
	}
	return entry_ready(t, err);
}

static void forget_meta(struct pm_tar_reader *t)
{
	free(t->gnu_path);
	free(t->gnu_link);
	t->gnu_path = t->gnu_link = NULL;
	pm_tar_pax_reset(&t->pax);
}

/* Returns an event, PM_TAR_MORE also for "go on". */
static int read_header(struct pm_tar_reader *t, struct pm_err *err)
{
	const uint8_t *h = take_block(t, false);
	if (!h)
		return PM_TAR_MORE;

	if (pm_tar_is_zero(h)) {
		if (t->started && t->state == HEADER)
			return malformed(t, err, "a long name or pax header without its entry");
		if (t->state == ENDING) {
			t->state = ENDED;
			return PM_TAR_END;
		}
		t->state = ENDING;
		return PM_TAR_MORE;
	}
	if (t->state == ENDING)
		return malformed(t, err, "data after a single end block");
	if (!pm_tar_checksum_ok(h))
		return malformed(t, err, "a header with a wrong checksum");

	if (!t->started) {
		forget_meta(t); /* of the entry before, which was valid until now */
		t->started = true;
		t->entry.offset = t->offset - PM_TAR_BLOCK;
	}
	t->meta_type = (char)h[PM_TAR_AT_TYPE];
	if (memchr("LKxXgV", t->meta_type, 6)) {
		int64_t size;
		if (!pm_tar_number(h + PM_TAR_AT_SIZE, 12, &size) || size < 0)
			return malformed(t, err, "a header with a malformed number");
		if (t->meta_type == 'V') /* a volume's label */
			size = 0;
		if (size > PM_TAR_META_MAX)
			return malformed(t, err, "a name or pax header of more than 1 MiB");
		pm_buf_cut(&t->meta, 0);
		t->meta_left = (uint64_t)size;
		t->padding = padding_of((uint64_t)size);
		t->state = META;
		return PM_TAR_MORE;
	}
	return decode_entry(t, h, err);
}

static int read_meta(struct pm_tar_reader *t, struct pm_err *err)
{
	size_t n = t->left < t->meta_left ? t->left : (size_t)t->meta_left;
	if (n > 0)
		pm_buf_add(&t->meta, take(t, n, false), n);
	t->meta_left -= n;
	if (t->meta_left > 0)
		return PM_TAR_MORE;

	const char *what;
	bool ok = true;
	switch (t->meta_type) {
	case 'L': /* a name ends at its NUL, as pm_strdup does */
		free(t->gnu_path);
		t->gnu_path = pm_strdup(pm_buf_str(&t->meta));
		break;
	case 'K':
		free(t->gnu_link);
		t->gnu_link = pm_strdup(pm_buf_str(&t->meta));
		break;
	case 'x':
	case 'X':
		pm_tar_pax_reset(&t->pax);
		ok = pm_tar_pax_parse(&t->pax, pm_buf_str(&t->meta), t->meta.len, false, &what);
		break;
	case 'g':
		ok = pm_tar_pax_parse(&t->global, pm_buf_str(&t->meta), t->meta.len, true, &what);
		break;
	default:
		break;
	}
	if (!ok)
		return malformed(t, err, what);
	/* these stand for themselves, no entry need follow */
	if ((t->meta_type == 'g' || t->meta_type == 'V') && !t->gnu_path && !t->gnu_link &&
	    t->entry.offset == t->offset - PM_TAR_BLOCK - t->meta.len)
		t->started = false;
	/* a huge one is rare: do not keep its memory */
	if (t->meta.cap > 65536)
		pm_buf_free(&t->meta);
	t->state = PADDING;
	return PM_TAR_MORE;
}

static int read_gnu_sparse(struct pm_tar_reader *t, struct pm_err *err)
{
	const uint8_t *p = take_block(t, false);
	if (!p)
		return PM_TAR_MORE;
	if (!add_gnu_regions(t, p, 21))
		return malformed(t, err, "a malformed sparse header");
	return p[PM_TAR_AT_GNU_EXT_MORE] ? PM_TAR_MORE : entry_ready(t, err);
}

/* One number of a sparse 1.0 map is complete. False when malformed. */
static bool map_number(struct pm_tar_reader *t)
{
	struct map_parser *m = &t->map;
	if (m->digits == 0)
		return false;
	uint64_t value = m->value;
	m->value = 0;
	m->digits = 0;
	if (!m->has_count) {
		if (value > PM_TAR_SPARSE_MAX)
			return false;
		m->has_count = true;
		m->numbers_left = 2 * value;
		return true;
	}
	if (m->numbers_left-- % 2 == 0) {
		m->region_offset = value;
		return true;
	}
	return pm_tar_regions_add(&t->regions, m->region_offset, value);
}

static int read_data_map(struct pm_tar_reader *t, struct pm_err *err)
{
	struct map_parser *m = &t->map;
	if (t->entry.stored < PM_TAR_BLOCK)
		return malformed(t, err, "a sparse map that its file does not hold");
	const uint8_t *p = take_block(t, false);
	if (!p)
		return PM_TAR_MORE;
	t->entry.stored -= PM_TAR_BLOCK;
	for (size_t i = 0; i < PM_TAR_BLOCK; i++) {
		if (p[i] >= '0' && p[i] <= '9' && m->digits < 18) {
			m->value = m->value * 10 + (uint64_t)(p[i] - '0');
			m->digits++;
			continue;
		}
		if (p[i] != '\n' || !map_number(t))
			return malformed(t, err, "a malformed sparse map");
		if (m->has_count && m->numbers_left == 0)
			return entry_ready(t, err);
	}
	return PM_TAR_MORE;
}

static int read_content(struct pm_tar_reader *t)
{
	if (t->content_left == 0) {
		t->started = false;
		t->state = PADDING;
		return PM_TAR_DONE;
	}
	if (t->left == 0)
		return PM_TAR_MORE;

	size_t n = t->left < t->content_left ? t->left : (size_t)t->content_left;
	if (t->entry.type != PM_TAR_FILE) { /* a GNU directory list */
		take(t, n, false);
		t->content_left -= n;
		return PM_TAR_MORE;
	}
	t->data_offset = t->entry.size - t->content_left;
	if (t->entry.sparse) {
		while (t->region_done == t->regions.v[t->region].len) {
			t->region++;
			t->region_done = 0;
		}
		const struct pm_tar_region *g = &t->regions.v[t->region];
		if (n > g->len - t->region_done)
			n = (size_t)(g->len - t->region_done);
		t->data_offset = g->offset + t->region_done;
		t->region_done += n;
	}
	t->data = take(t, n, true);
	t->data_len = n;
	t->content_left -= n;
	return PM_TAR_DATA;
}

static void read_padding(struct pm_tar_reader *t)
{
	size_t n = t->left < t->padding ? t->left : (size_t)t->padding;
	if (n > 0)
		take(t, n, false);
	t->padding -= n;
	if (t->padding == 0)
		t->state = HEADER;
}

int pm_tar_reader_next(struct pm_tar_reader *t, struct pm_err *err)
{
	for (;;) {
		int event = PM_TAR_MORE;
		enum state before = t->state;
		size_t left = t->left;

		switch (t->state) {
		case HEADER:
		case ENDING:
			event = read_header(t, err);
			break;
		case META:
			event = read_meta(t, err);
			break;
		case GNU_SPARSE:
			event = read_gnu_sparse(t, err);
			break;
		case DATA_MAP:
			event = read_data_map(t, err);
			break;
		case CONTENT:
			event = read_content(t);
			break;
		case PADDING:
			read_padding(t);
			break;
		case ENDED:
			if (t->left)
				take(t, t->left, false);
			return PM_TAR_MORE;
		case FAILED:
			return pm_fail(err, PM_E_FORMAT, "tar archive: read after an error");
		}
		if (event != PM_TAR_MORE)
			return event;
		if (t->left == 0 && t->left == left && t->state == before)
			return PM_TAR_MORE;
	}
}

int pm_tar_reader_end(struct pm_tar_reader *t, struct pm_err *err)
{
	switch (t->state) {
	case ENDED:
		return 0;
	case HEADER:
	case ENDING:
		if (t->have == 0 && !t->started)
			return 0;
		break;
	case META:
	case GNU_SPARSE:
	case DATA_MAP:
	case CONTENT:
	case PADDING:
	case FAILED:
		break;
	}
	return malformed(t, err, "the archive ends too early");
}
