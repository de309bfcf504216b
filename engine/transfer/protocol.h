/*
 * protocol - what pm and pm-transfer say to each other on pm-transfer's descriptor 3, a stream socket;
 * wire messages (base/wire.h), each with a "type". pm-transfer ends when the socket closes.
 *
 *	pm -> "request": op ("pull", "load", "import", "unpack"); "fds" names the descriptors that ride along, in
 *		order ("input": what load and import read; "stage": a directory for temporary files;
 *		"dir", "recipe", "userns": import's); transport, name, root and driver (containers-storage), os, arch, variant, authfile, creds, cert_dir,
 *		tls_verify (-1, 0, 1), all_tags, path, single_id, whiteouts.
 *	<- "trying": text (all_tags: each image's name before it is fetched)
 *	<- "image": two memfds, manifest and config (checked: registry/manifest.h); media_type, digest,
 *		name_digest (of the index, or digest), created, os, arch, variant; lists "name",
 *		"layer" (digest), "size", "layer_type", "diff_id", bottom first. "" for no digest
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
 * import: after its request pm-transfer sends "progress", one "layer" and "end".
 * unpack (engine/unpack.h): besides below, uid, gid, keep_kinds, devices; answered by "end" alone.
 */
#ifndef PM_ENGINE_TRANSFER_PROTOCOL_H
#define PM_ENGINE_TRANSFER_PROTOCOL_H

enum {
	PM_TRANSFER_FD = 3,
	PM_TRANSFER_FDS_MAX = 6,
};

#endif
