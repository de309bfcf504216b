#include "storage/store.h"

/*
 * Never change a migration that was released: add one. Large columns come last, so that reading the others
 * does not touch their pages. Ids are bare hex, digests "sha256:...", times ns since the epoch.
 */
const char *const pm_schema[] = {
	/* 1 */
	"CREATE TABLE images("
	" id TEXT PRIMARY KEY NOT NULL,"
	" digest TEXT NOT NULL,"
	" media_type TEXT NOT NULL,"
	" created INTEGER NOT NULL,"
	" size INTEGER NOT NULL,"
	" top TEXT,"
	" arch TEXT, os TEXT, variant TEXT,"
	" config BLOB NOT NULL,"
	" manifest BLOB NOT NULL);"

	"CREATE TABLE image_names("
	" name TEXT PRIMARY KEY NOT NULL,"
	" image TEXT NOT NULL REFERENCES images(id),"
	" digest TEXT) WITHOUT ROWID;"
	"CREATE INDEX image_names_image ON image_names(image);"

	"CREATE TABLE layers("
	" chain_id TEXT PRIMARY KEY NOT NULL,"
	" parent TEXT,"
	" diff_id TEXT NOT NULL,"
	" size INTEGER NOT NULL,"
	" blob TEXT,"
	" blob_size INTEGER NOT NULL,"
	" media_type TEXT,"
	" created INTEGER NOT NULL) WITHOUT ROWID;"

	"CREATE TABLE image_layers("
	" image TEXT NOT NULL REFERENCES images(id),"
	" position INTEGER NOT NULL,"
	" layer TEXT NOT NULL REFERENCES layers(chain_id),"
	" PRIMARY KEY(image, position)) WITHOUT ROWID;"
	"CREATE INDEX image_layers_layer ON image_layers(layer);"

	"CREATE TABLE blobs("
	" digest TEXT PRIMARY KEY NOT NULL,"
	" diff_id TEXT NOT NULL,"
	" size INTEGER NOT NULL,"
	" media_type TEXT) WITHOUT ROWID;"

	"CREATE TABLE containers("
	" seq INTEGER PRIMARY KEY AUTOINCREMENT,"
	" id TEXT UNIQUE NOT NULL,"
	" name TEXT UNIQUE NOT NULL,"
	" image TEXT REFERENCES images(id),"
	" image_name TEXT,"
	" command TEXT,"
	" ports TEXT,"
	" labels TEXT,"
	" created INTEGER NOT NULL,"
	" rm INTEGER NOT NULL,"
	" state INTEGER NOT NULL,"
	" started INTEGER NOT NULL,"
	" finished INTEGER NOT NULL,"
	" exit_code INTEGER NOT NULL,"
	" pid INTEGER NOT NULL,"
	" boot_id TEXT,"
	" error TEXT,"
	" oom_killed INTEGER NOT NULL,"
	" restarts INTEGER NOT NULL);"
	"CREATE INDEX containers_image ON containers(image);"

	/* apart, so that a list of containers reads ten rows a page, not one */
	"CREATE TABLE container_configs("
	" container INTEGER PRIMARY KEY REFERENCES containers(seq) ON DELETE CASCADE,"
	" config BLOB NOT NULL);"

	"CREATE TABLE container_deps("
	" container TEXT NOT NULL REFERENCES containers(id),"
	" needs TEXT NOT NULL REFERENCES containers(id),"
	" PRIMARY KEY(container, needs)) WITHOUT ROWID;"
	"CREATE INDEX container_deps_needs ON container_deps(needs);"

	"CREATE TABLE volumes("
	" name TEXT PRIMARY KEY NOT NULL,"
	" driver TEXT NOT NULL,"
	" labels TEXT,"
	" options TEXT,"
	" created INTEGER NOT NULL,"
	" anon INTEGER NOT NULL) WITHOUT ROWID;"

	"CREATE TABLE container_volumes("
	" container TEXT NOT NULL REFERENCES containers(id),"
	" volume TEXT NOT NULL REFERENCES volumes(name),"
	" PRIMARY KEY(container, volume)) WITHOUT ROWID;"
	"CREATE INDEX container_volumes_volume ON container_volumes(volume);",

	/* pods */
	"CREATE TABLE pods("
	" seq INTEGER PRIMARY KEY AUTOINCREMENT,"
	" id TEXT UNIQUE NOT NULL,"
	" name TEXT UNIQUE NOT NULL,"
	" labels TEXT,"
	" created INTEGER NOT NULL,"
	" infra TEXT,"
	" config TEXT NOT NULL);"
	"ALTER TABLE containers ADD COLUMN pod TEXT REFERENCES pods(id);"
	"CREATE INDEX containers_pod ON containers(pod) WHERE pod IS NOT NULL;",

	/* names that images had (images --history), and images by their top layer */
	"CREATE TABLE image_past_names("
	" seq INTEGER PRIMARY KEY,"
	" image TEXT NOT NULL REFERENCES images(id) ON DELETE CASCADE,"
	" name TEXT NOT NULL,"
	" UNIQUE(image, name));"
	"INSERT INTO image_past_names(image, name) SELECT image, name FROM image_names;"
	"CREATE TRIGGER image_name_given AFTER INSERT ON image_names BEGIN"
	" DELETE FROM image_past_names WHERE image = new.image AND name = new.name;"
	" INSERT INTO image_past_names(image, name) VALUES(new.image, new.name); END;"
	"CREATE TRIGGER image_name_moved AFTER UPDATE OF image ON image_names BEGIN"
	" DELETE FROM image_past_names WHERE image = new.image AND name = new.name;"
	" INSERT INTO image_past_names(image, name) VALUES(new.image, new.name); END;"
	"CREATE INDEX images_top ON images(top);"
	"CREATE INDEX layers_parent ON layers(parent);",

	/* networks: who is on which, who holds which address (storage/network.h) */
	"CREATE TABLE container_networks("
	" container TEXT NOT NULL REFERENCES containers(id) ON DELETE CASCADE,"
	" network TEXT NOT NULL,"
	" PRIMARY KEY(container, network)) WITHOUT ROWID;"
	"CREATE INDEX container_networks_network ON container_networks(network);"

	"CREATE TABLE leases("
	" network TEXT NOT NULL,"
	" address BLOB NOT NULL,"
	" container TEXT NOT NULL REFERENCES containers(id) ON DELETE CASCADE,"
	" pid INTEGER NOT NULL, pid_start INTEGER NOT NULL, boot TEXT NOT NULL,"
	" PRIMARY KEY(network, address)) WITHOUT ROWID;"
	"CREATE INDEX leases_container ON leases(container);"

	"CREATE TABLE lease_last("
	" network TEXT NOT NULL,"
	" subnet TEXT NOT NULL,"
	" address BLOB NOT NULL,"
	" PRIMARY KEY(network, subnet)) WITHOUT ROWID;",

	/* images that something else than a container's root comes from: they stay as long as that does */
	"CREATE TABLE volume_images("
	" volume TEXT PRIMARY KEY NOT NULL REFERENCES volumes(name) ON DELETE CASCADE,"
	" image TEXT NOT NULL REFERENCES images(id)) WITHOUT ROWID;"
	"CREATE INDEX volume_images_image ON volume_images(image);"
	"CREATE TABLE container_images("
	" container TEXT NOT NULL REFERENCES containers(id) ON DELETE CASCADE,"
	" image TEXT NOT NULL REFERENCES images(id),"
	" PRIMARY KEY(container, image)) WITHOUT ROWID;"
	"CREATE INDEX container_images_image ON container_images(image);",

	/* the user stopped it: not to be started at boot by policy unless-stopped */
	"ALTER TABLE containers ADD COLUMN stopped INTEGER NOT NULL DEFAULT 0;",
	/* what layers became when they were pushed, and where blobs are (storage/blob.h) */
	"CREATE TABLE packed("
	" diff_id TEXT NOT NULL,"
	" kind TEXT NOT NULL,"
	" level INTEGER NOT NULL,"
	" blob TEXT NOT NULL,"
	" size INTEGER NOT NULL,"
	" PRIMARY KEY(diff_id, kind, level)) WITHOUT ROWID;"
	"CREATE TABLE blob_places("
	" blob TEXT NOT NULL,"
	" domain TEXT NOT NULL,"
	" repository TEXT NOT NULL,"
	" PRIMARY KEY(blob, domain, repository)) WITHOUT ROWID;"
	"CREATE INDEX blobs_diff_id ON blobs(diff_id);",

	"CREATE TABLE secrets("
	" id TEXT PRIMARY KEY NOT NULL,"
	" name TEXT UNIQUE NOT NULL,"
	" driver TEXT NOT NULL,"
	" options TEXT,"
	" labels TEXT,"
	" created INTEGER NOT NULL,"
	" updated INTEGER NOT NULL) WITHOUT ROWID;",

	/* of an image in an additional store, which has no row here; image is NULL then */
	"ALTER TABLE containers ADD COLUMN ro_image TEXT;"
	"CREATE INDEX containers_ro_image ON containers(ro_image) WHERE ro_image IS NOT NULL;",

	"CREATE TABLE manifest_lists("
	" id TEXT PRIMARY KEY NOT NULL,"
	" name TEXT UNIQUE NOT NULL,"
	" document TEXT NOT NULL) WITHOUT ROWID;",

	/* manifest lists are images without layers (storage/manifest_list.h) */
	"INSERT INTO images(id, digest, media_type, created, size, config, manifest)"
	" SELECT id, '', 'application/vnd.docker.distribution.manifest.list.v2+json',"
	"  CAST(strftime('%s', 'now') AS INTEGER) * 1000000000,"
	"  length(json_extract(document, '$.index')), CAST(document AS BLOB),"
	"  CAST(json_extract(document, '$.index') AS BLOB) FROM manifest_lists;"
	"INSERT OR IGNORE INTO image_names(name, image) SELECT name, id FROM manifest_lists;"
	"DROP TABLE manifest_lists;",

	/* of images' manifests, as they came with them (storage/image.h) */
	"CREATE TABLE image_signatures("
	" image TEXT PRIMARY KEY NOT NULL REFERENCES images(id) ON DELETE CASCADE,"
	" document BLOB NOT NULL) WITHOUT ROWID;",

	/* containers that images are made in (storage/ctr.h), and what the steps of builds made (engine/build/cache.h) */
	"ALTER TABLE containers ADD COLUMN working INTEGER NOT NULL DEFAULT 0;"
	"CREATE TABLE build_cache("
	" key TEXT PRIMARY KEY NOT NULL,"
	" image TEXT NOT NULL REFERENCES images(id) ON DELETE CASCADE,"
	" created INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE INDEX build_cache_image ON build_cache(image);",

	/* volumes elsewhere than below the graph root (storage/volume_place.h) */
	"CREATE TABLE volume_places("
	" path TEXT PRIMARY KEY NOT NULL,"
	" id TEXT NOT NULL) WITHOUT ROWID;"
	"ALTER TABLE volumes ADD COLUMN place TEXT REFERENCES volume_places(path);"
	"CREATE INDEX volumes_place ON volumes(place) WHERE place IS NOT NULL;",

	/* projects of the file system that limit volumes and containers (storage/quota.h) */
	"CREATE TABLE projects("
	" id INTEGER PRIMARY KEY NOT NULL,"
	" kind TEXT NOT NULL,"
	" name TEXT NOT NULL,"
	" place TEXT,"
	" UNIQUE(kind, name));",
};

const size_t pm_schema_len = sizeof(pm_schema) / sizeof(pm_schema[0]);
