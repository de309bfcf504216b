#include <stdio.h>

#include "engine/labels.h"
#include "engine/volume/options.h"
#include "engine/volume/volume.h"
#include "storage/volume_mount.h"
#include "tests/unit/test.h"

static int parse(const char *driver, const char *text, bool rootless, struct pm_volume_options *o,
		 struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv given = PM_STRV_INIT;
	if (*text)
		pm_strv_split(&given, text, ' ');
	return pm_volume_options_parse(driver, &given, rootless, o, err);
}

TEST(volume_options)
{
	static const struct {
		const char *driver, *given;
		bool rootless;
		int code; /* 0: good */
		enum pm_volume_kind kind;
		int64_t uid, size;
		const char *words; /* joined by ' ' */
		int64_t inodes;
	} t[] = {
		{"local", "", true, 0, PM_VOLUME_DIR, -1, 0, ""},
		{NULL, "nocopy", true, 0, PM_VOLUME_DIR, -1, 0, ""},
		{"local", "o=uid=5,gid=7", true, 0, PM_VOLUME_DIR, 5, 0, ""},
		{"local", "type=tmpfs o=size=10m,nodev,uid=5", true, 0, PM_VOLUME_TMPFS, 5, 10 << 20,
		 "size=10485760 nodev uid=5"},
		{"local", "o=size=1k,mode=700 type=tmpfs", true, 0, PM_VOLUME_TMPFS, -1, 1024,
		 "size=1024 mode=700"},
		{"local", "o=bind,ro device=/x", true, 0, PM_VOLUME_BIND, -1, 0, "bind ro"},
		{"local", "type=none o=bind device=/x", true, 0, PM_VOLUME_BIND, -1, 0, "bind"},
		{"local", "type=ext4 device=/dev/x", false, 0, PM_VOLUME_FS, -1, 0, ""},
		{"local", "type=overlay device=overlay o=lowerdir=/a:/b", true, 0, PM_VOLUME_FS, -1, 0,
		 "lowerdir=/a:/b"},
		{"image", "image=x", true, 0, PM_VOLUME_IMAGE, -1, 0, ""},
		{"local", "type=nfs device=h:/", true, PM_E_UNSUPPORTED, 0, 0, 0, NULL},
		{"local", "device=/x", true, PM_E_USAGE, 0, 0, 0, NULL},
		{"local", "o=bind", true, PM_E_USAGE, 0, 0, 0, NULL},
		{"local", "o=bind device=relative", true, PM_E_USAGE, 0, 0, 0, NULL},
		{"local", "o=nodev", true, PM_E_USAGE, 0, 0, 0, NULL},
		{"local", "type=tmpfs o=inodes=1k", true, 0, PM_VOLUME_TMPFS, -1, 0, "nr_inodes=1024", 1024},
		{"local", "o=size=10m,inodes=1k", false, 0, PM_VOLUME_DIR, -1, 10 << 20, "", 1024},
		{"local", "o=size=1.5g,uid=7", false, 0, PM_VOLUME_DIR, 7, 3LL << 29, ""},
		{"local", "o=inodes=500", false, 0, PM_VOLUME_DIR, -1, 0, "", 500},
		{"local", "o=size=0,noquota", true, 0, PM_VOLUME_DIR, -1, 0, ""},
		{"local", "o=size=1m", true, PM_E_UNSUPPORTED, 0, 0, 0, NULL},
		{"local", "o=inodes=5", true, PM_E_UNSUPPORTED, 0, 0, 0, NULL},
		{"local", "o=size=1m,noquota", false, PM_E_USAGE, 0, 0, 0, NULL},
		{"local", "o=bind,size=1m device=/x", false, PM_E_UNSUPPORTED, 0, 0, 0, NULL},
		{"local", "o=size=", false, PM_E_USAGE, 0, 0, 0, NULL},
		{"local", "o=size=-1", false, PM_E_USAGE, 0, 0, 0, NULL},
		{"local", "o=inodes=x", false, PM_E_USAGE, 0, 0, 0, NULL},
		{"local", "size=1m", false, PM_E_USAGE, 0, 0, 0, NULL},
		{"local", "o=uid=x", true, PM_E_USAGE, 0, 0, 0, NULL},
		{"local", "o=uid=4294967295", true, PM_E_USAGE, 0, 0, 0, NULL},
		{"local", "o=uid=-1", true, PM_E_USAGE, 0, 0, 0, NULL},
		{"local", "type=tmpfs o=remount", true, PM_E_USAGE, 0, 0, 0, NULL},
		{"local", "foo=bar", true, PM_E_USAGE, 0, 0, 0, NULL},
		{"image", "", true, PM_E_USAGE, 0, 0, 0, NULL},
		{"image", "image=", true, PM_E_USAGE, 0, 0, 0, NULL},
		{"image", "type=tmpfs", true, PM_E_USAGE, 0, 0, 0, NULL},
		{"plugin", "", true, PM_E_NOSUCH, 0, 0, 0, NULL},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(t); i++) {
		struct pm_err err = PM_ERR_INIT;
		_cleanup_volume_options_ struct pm_volume_options o = {0};
		int r = parse(t[i].driver, t[i].given, t[i].rootless, &o, &err);
		if (r != -t[i].code)
			printf("case %zu '%s': %d %s\n", i, t[i].given, r, err.text);
		CHECK_INT(r, -t[i].code);
		if (t[i].code)
			continue;
		_cleanup_free_ char *words = pm_strv_join(&o.words, " ");
		CHECK_INT(o.kind, t[i].kind);
		CHECK_INT(o.uid, t[i].uid);
		CHECK_INT(o.quota.size, t[i].size);
		CHECK_INT(o.quota.inodes, t[i].inodes);
		CHECK_STR(words, t[i].words);
	}
}

TEST(volume_names)
{
	static const char *const bad[] = {"", ".a", "-a", "a b", "a/b", "ä", "_x"};
	static const char *const good[] = {"a", "0", "a-b_c.D"};
	for (size_t i = 0; i < PM_ARRAY_SIZE(bad); i++)
		CHECK_INT(pm_volume_check_name(bad[i], NULL), -PM_E_USAGE);
	for (size_t i = 0; i < PM_ARRAY_SIZE(good); i++)
		CHECK_INT(pm_volume_check_name(good[i], NULL), 0);
}

TEST(labels)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_strv_ struct pm_strv words = PM_STRV_INIT;
	CHECK(pm_labels_text(&words) == NULL);
	pm_strv_add(&words, "a=b=c");
	pm_strv_add(&words, "d");
	_cleanup_free_ char *text = pm_labels_text(&words);
	CHECK_STR(text, "{\"a\":\"b=c\",\"d\":\"\"}");
	struct pm_json *l = pm_labels_parse(pool, text);
	CHECK(pm_labels_match(l, "a") && pm_labels_match(l, "a=b=c") && pm_labels_match(l, "d="));
	CHECK(!pm_labels_match(l, "a=b") && !pm_labels_match(l, "e") && !pm_labels_match(l, "?") &&
	      pm_labels_match(l, "*"));
	CHECK_INT(pm_labels_parse(pool, "junk")->len, 0);
}

TEST(volume_mounts_wire)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_volume_mounts_ struct pm_volume_mounts a = {0}, b = {0};
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT, bad = PM_WIRE_INIT;
	struct pm_volume_mount *m = pm_volume_mounts_add(&a);
	m->target = pm_strdup("/t");
	m->type = pm_strdup("tmpfs");
	pm_strv_add(&m->options, "size=1m");
	m->from = 17;
	m->from_start = 1LL << 40;
	m = pm_volume_mounts_add(&a);
	m->target = pm_strdup("/u,v:w");
	m->type = pm_strdup("overlay");
	m->method = PM_OVERLAY_FUSE;
	pm_strv_add(&m->lowers, "/l1");
	pm_strv_add(&m->lowers, "/l2");
	m->upper = pm_strdup("/up");
	pm_volume_mounts_encode(&a, "mount", &w);
	CHECK_OK(pm_volume_mounts_decode(&w, "mount", &b, &err), err);
	CHECK_INT(b.n, 2);
	CHECK_STR(b.v[0].options.v[0], "size=1m");
	CHECK_INT(b.v[0].from_start, 1LL << 40);
	CHECK_STR(b.v[1].target, "/u,v:w");
	CHECK_INT(b.v[1].lowers.n, 2);
	CHECK_INT(b.v[1].method, PM_OVERLAY_FUSE);
	CHECK(b.v[1].work == NULL);
	pm_wire_add_int(&bad, "mount.n", 1);
	_cleanup_volume_mounts_ struct pm_volume_mounts c = {0};
	CHECK_INT(pm_volume_mounts_decode(&bad, "mount", &c, &err), -PM_E_FORMAT);
}
