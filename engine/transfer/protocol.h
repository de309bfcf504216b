/*
 * protocol - what pm and pm-transfer say to each other on pm-transfer's descriptor 3, a stream socket;
 * wire messages (base/wire.h), each with a "type". pm-transfer ends when the socket closes.
 *
 *	pm -> "request": op ("pull", "load", "import", "unpack", "commit", "push", "verify"); "fds" names the
 *		descriptors that ride along, in order ("input": what load and import read; "stage": a directory for temporary files;
 *		"dir", "recipe", "userns": import's); transport, name, root and driver
 *		(containers-storage), what crypt.h reads, os, arch, variant, authfile, creds, cert_dir, tls_verify (-1, 0, 1), all_tags, path, single_id, whiteouts.
 *	<- "trying": text (all_tags: each image's name before it is fetched)
 *	<- "image": two memfds, manifest and config (checked: registry/manifest.h), and a third, its signatures, where
 *		"signatures" is "1" ("0": it has none; missing: nobody looked); media_type, digest,
 *		name_digest (of the index, or digest), created, os, arch, variant; lists "name",
 *		"layer" (digest), "size", "layer_type", "diff_id", bottom first. "" for no digest. decrypted 1: layers without
 *		a digest were encrypted, and the manifest that is stored names them by their diff ids
 *	-> "layer": index, descriptors of the empty directory to fill and of its recipe; the first also sends
 *		the user namespace where there is one ("userns" 1), "single_id", "whiteouts"
 *	-> "go": all layers that pm wants were named
 *	<- "progress": index, done, total, state (enum pm_pull_layer_state); "retry": text
 *	<- "layer": index, diff_id, blob, blob_size, stream_size: it is complete and checked
 *	<- "ready": every wanted layer is there; pm commits and answers
 *	-> "next"
 *	<- "image" again, or "end"
 *	<- "error": code, text: at any time; the last message
 *
 * pull from another store of pm (engine/transfer/pm_store.h): transport "pm-store", name (its directory), manifest_size;
 * lists image_name, and bottom first diff_id and layer_dir; "input" is a memfd of the manifest and then the config.
 *
 * copy (engine/transfer/copy.h): src_transport, src_name, dst_transport, dst_name; with the prefixes src_ and dst_ what
 * access.h reads, "shared", "daemon"; multi ("system", "all", "index-only"), format, compression, level, os, arch,
 * variant, registries_d; "1": compress, decompress, accept_plain, preserve, foreign, remove_signatures; what signing.h, crypt.h and
 * trust.h read; list "tag"; fds "input", "output". Answers:
 *	<- "image": list "layer" (digests), before each image; "progress"; "config", "manifest"; "retry"
 *	<- "result": digest, media_type; "end"
 *
 * inspect (engine/transfer/query.h): transport, name, "raw", "tags", "shared", "daemon", os, arch, variant -> "inspected": digest,
 * name, list "tag"; memfds: the manifest, then unless raw that of the image and the config.
 * tags: transport, name -> "tags": name, list "tag". delete, login: name. search: name (the registry), term, limit
 * -> "found": a memfd with a JSON array. All: what access.h reads; "end" last.
 *
 * import: after its request pm-transfer sends "progress", one "layer" and "end".
 * unpack (engine/unpack.h): besides below, uid, gid, keep_kinds, devices; answered by "end" alone.
 * commit: as import; lists "uids", "gids" are maps of the container's ids (netns/idmap.h), where it has such; the request has "tree" (the path of a directory that holds a container's changes), a list
 *	"base" (paths of the layers below, top first) where it is a whole copy ("copied" 1) or the
 *	layer shall be the merged tree ("merged" 1); "dir", "recipe", "userns" as import.
 *
 * compress: kind ("gzip", "zstd"); "input" and "output" ride along; answered by "end".
 *
 * push: the request has transport and name of the destination, manifest ("oci", "v2s2" or ""), compression
 *	("gzip", "zstd", "none" or "" for what suits it), chosen (1: the user asked for that one), level, force (1:
 *	no blob is used for being known) and of the above authfile, creds, cert_dir, tls_verify, retries,
 *	retry_ms, registries_d, what signing.h and crypt.h read; "output", "stage", "userns".
 *	-> "image": memfds of manifest and config, and of signatures that go along; named (1: its names are those of the list
 *		"name", not what the destination's name says); lists "diff_id" and "dir" (the layer's directory in
 *		the store), bottom first; lists of blobs that may do, best first: "blob_layer" (index), "blob",
 *		"blob_size", "blob_type"; lists of places where layers' blobs are: "place_layer", "place_domain",
 *		"place_repository"
 *	<- "progress", "retry"; "packed": index, kind, level, blob, blob_size: it was made and stored
 *	<- "written": digest (the manifest's), a list "blob" of its layers
 *	-> "image" again, or "commit"
 *	<- "end"
 * fetch-url (engine/build/url.h): name (the URL), "output", what access.h reads -> "fetched": size, mtime (Last-Modified, -1),
 *	content_type; "end"
 * generate-key (engine/transfer/signing.h): passphrase -> "generated": private, public; "end"
 * verify: "stage", "dir" (a layer's files), "recipe" and "userns" ride along; answered by one "layer" and "end".
 */
#ifndef PM_ENGINE_TRANSFER_PROTOCOL_H
#define PM_ENGINE_TRANSFER_PROTOCOL_H

enum {
	PM_TRANSFER_FD = 3,
	PM_TRANSFER_FDS_MAX = 6,
};

#endif
