#!/usr/bin/env bats
# pm copy: between registries, layouts, directories, archives and a daemon, read back by Skopeo.

load helpers

OCI=$PM_TEST_FIXTURES/oci

copy() {
	pm copy -q --src-tls-verify=false --dest-tls-verify=false "$@"
}

# Digest of what an image name means, by Skopeo.
raw_digest() {
	skopeo inspect --raw --tls-verify=false "$1" | sha256sum | cut -d' ' -f1
}

# The top layers' content by a reader that is not ours.
assert_readable() {
	rm -rf "$T/check"
	skopeo --insecure-policy copy -q --src-tls-verify=false "$1" "dir:$T/check"
}

@test "copy: every transport to every other, the digest stays where the form does" {
	start_registry
	copy "oci:$OCI" "docker://$REGISTRY/src:1"
	copy "oci:$OCI" "oci:$T/oci:a"
	copy "oci:$OCI" "oci-archive:$T/oci.tar:a"
	copy "oci:$OCI" "dir:$T/dir"
	copy "oci:$OCI" "docker-archive:$T/docker.tar:example.org/a/b:1"
	want=$(raw_digest "oci:$OCI")
	n=0
	for src in "docker://$REGISTRY/src:1" "oci:$T/oci:a" "oci-archive:$T/oci.tar:a" "dir:$T/dir" "docker-archive:$T/docker.tar"; do
		n=$((n + 1))
		for dst in "docker://$REGISTRY/dst$n:1" "oci:$T/oci$n:b" "oci-archive:$T/oci$n.tar:b" "dir:$T/dir$n" "docker-archive:$T/docker$n.tar:x:$n"; do
			copy "$src" "$dst"
			assert_readable "$dst"
			case $src$dst in
			*docker-archive*) ;;
			*) assert_eq "$(raw_digest "$dst")" "$want" ;;
			esac
		done
	done
	# nothing but what was asked for
	assert_eq "$(find "$T" -name '*.tar.*' -o -name '.pm-*')" ""
}

@test "copy: an image keeps its id through Docker's format and back" {
	start_registry
	copy "oci:$OCI" "docker-archive:$T/d.tar:a/b:1"
	copy "docker-archive:$T/d.tar:a/b:1" "docker://$REGISTRY/a:1"
	copy --format oci "docker://$REGISTRY/a:1" "oci:$T/o"
	config=$(jq -r .config.digest "$OCI/blobs/sha256/$(raw_digest "oci:$OCI")")
	assert_eq "$(skopeo inspect --raw "oci:$T/o" | jq -r .config.digest)" "$config"
	assert_eq "$(skopeo inspect --raw "oci:$T/o" | jq -r .mediaType)" application/vnd.oci.image.manifest.v1+json
	# uncompressed in the archive, compressed in the registry
	assert_eq "$(tar xOf "$T/d.tar" manifest.json | jq -r '.[0].RepoTags[0]')" docker.io/a/b:1
	assert_eq "$(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/a:1" | jq -r '.layers[0].mediaType')" \
		application/vnd.docker.image.rootfs.diff.tar.gzip
	run -0 pm load -q -i "$T/d.tar"
	run -0 pm images -q --no-trunc
	assert_eq "$output" "$config"
}

@test "copy: --format, --preserve-digests, --digestfile, --additional-tag" {
	start_registry
	run -0 copy --format v2s2 --digestfile "$T/digest" --additional-tag two "oci:$OCI" "docker://$REGISTRY/a:1"
	assert_eq "$(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/a:two" | jq -r .mediaType)" \
		application/vnd.docker.distribution.manifest.v2+json
	assert_eq "$(cat "$T/digest")" "sha256:$(raw_digest "docker://$REGISTRY/a:1")"
	run -125 copy --preserve-digests "docker://$REGISTRY/a:1" "oci:$T/o"
	assert_error 125 "preserve-digests forbids"
	run -0 copy --preserve-digests "docker://$REGISTRY/a:1" "dir:$T/d"
	run -125 copy --format v2s1 "oci:$OCI" "dir:$T/e"
	assert_error 125 "v2s1"
	assert_eq "$(ls -d "$T/e" 2>/dev/null)" ""
}

@test "copy: what is there is not sent again, and mounted from the neighbour" {
	start_registry
	copy "oci:$OCI" "docker://$REGISTRY/one:1"
	: >"$T/registry.log"
	run -0 --separate-stderr pm copy --src-tls-verify=false --dest-tls-verify=false "docker://$REGISTRY/one:1" "docker://$REGISTRY/two:1"
	assert_like "$stderr" "already exists"
	run -0 --separate-stderr pm copy --dest-tls-verify=false "oci:$OCI" "docker://$REGISTRY/one:2"
	assert_like "$stderr" "already exists"
	# a layer of the layout is not sent through the registry's upload
	assert_eq "$(find "$T/registry" -path '*_uploads*' -name data)" ""
}

@test "copy: layers of a dir: compressed and uncompressed" {
	copy --dest-decompress "oci:$OCI" "dir:$T/plain"
	layer=$(jq -r '.layers[0].digest' "$T/plain/manifest.json")
	tar tf "$T/plain/${layer#sha256:}" >/dev/null
	assert_eq "$(jq -r '.layers[0].mediaType' "$T/plain/manifest.json")" application/vnd.oci.image.layer.v1.tar
	copy "dir:$T/plain" "dir:$T/same"
	cmp "$T/plain/manifest.json" "$T/same/manifest.json"
	copy --dest-compress --dest-compress-format zstd --dest-compress-level 1 "dir:$T/plain" "dir:$T/packed"
	layer=$(jq -r '.layers[0].digest' "$T/packed/manifest.json")
	zstd -dc "$T/packed/${layer#sha256:}" | cmp - "$T/plain/$(jq -r '.layers[0].digest' "$T/plain/manifest.json" | cut -d: -f2)"
	assert_like "$(jq -r '.layers[0].mediaType' "$T/packed/manifest.json")" 'tar\+zstd'
	run -125 copy --dest-compress --dest-decompress "dir:$T/plain" "dir:$T/x"
	run -125 copy --dest-compress --dest-compress-format zstd --dest-compress-level 99 "dir:$T/plain" "dir:$T/x"
	assert_error 125 "level"
}

# An index of the image for two platforms, in $T/list:all
make_list() {
	local m=$OCI/blobs/sha256/$(raw_digest "oci:$OCI") size
	cp -r "$OCI" "$T/list"
	size=$(stat -c %s "$m")
	jq -c --arg d "sha256:$(basename "$m")" --argjson s "$size" '{schemaVersion:2,mediaType:"application/vnd.oci.image.index.v1+json",
		manifests:[{mediaType:.mediaType,digest:$d,size:$s,platform:{os:"linux",architecture:"amd64"}},
			{mediaType:.mediaType,digest:$d,size:$s,platform:{os:"linux",architecture:"arm64"}}]}' "$m" >"$T/index"
	digest=$(sha256sum <"$T/index" | cut -d' ' -f1)
	cp "$T/index" "$T/list/blobs/sha256/$digest"
	printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.index.v1+json","digest":"sha256:%s","size":%d,"annotations":{"org.opencontainers.image.ref.name":"all"}}]}' \
		"$digest" "$(stat -c %s "$T/index")" >"$T/list/index.json"
}

@test "copy: lists of images" {
	start_registry
	make_list
	copy --all "oci:$T/list:all" "docker://$REGISTRY/l:1"
	assert_eq "$(raw_digest "docker://$REGISTRY/l:1")" "$(sha256sum <"$T/index" | cut -d' ' -f1)"
	copy "oci:$T/list:all" "docker://$REGISTRY/l:one"
	assert_eq "$(raw_digest "docker://$REGISTRY/l:one")" "$(raw_digest "oci:$OCI")"
	# another format changes the images and the list that names them
	copy --all --format v2s2 "docker://$REGISTRY/l:1" "docker://$REGISTRY/l:docker"
	run -0 skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/l:docker"
	assert_eq "$(jq -r .mediaType <<<"$output")" application/vnd.docker.distribution.manifest.list.v2+json
	entry=$(jq -r '.manifests[1].digest' <<<"$output")
	assert_eq "$(jq -r '.manifests[1].platform.architecture' <<<"$output")" arm64
	assert_eq "$(raw_digest "docker://$REGISTRY/l@$entry")" "${entry#sha256:}"
	copy --all "docker://$REGISTRY/l:1" "dir:$T/d"
	assert_readable "dir:$T/d"
	copy --multi-arch index-only "docker://$REGISTRY/l:1" "docker://$REGISTRY/l:2"
	run -125 copy --all "docker://$REGISTRY/l:1" "docker-archive:$T/x.tar"
	assert_error 125 "cannot hold a list"
	run -125 copy --override-arch s390x "docker://$REGISTRY/l:1" "dir:$T/e"
	assert_error 125 "no image found"
}

@test "copy: shared blobs, several images in one layout" {
	copy --dest-shared-blob-dir "$T/pool" "oci:$OCI" "oci:$T/a:1"
	copy --dest-shared-blob-dir "$T/pool" "oci:$OCI" "oci:$T/b:1"
	assert_eq "$(find "$T/a" "$T/b" -type f | wc -l)" 4
	copy --src-shared-blob-dir "$T/pool" "oci:$T/b:1" "dir:$T/d"
	run -125 copy "oci:$T/b:1" "dir:$T/e"
	copy "oci:$OCI" "oci:$T/m:1"
	copy "oci:$OCI" "oci:$T/m:2"
	assert_eq "$(jq -c '[.manifests[].annotations["org.opencontainers.image.ref.name"]]' "$T/m/index.json")" '["1","2"]'
	run -125 copy "oci:$T/m:3" "dir:$T/e"
	assert_error 125 "no image is named '3'"
	copy "oci:$T/m:@1" "dir:$T/f"
}

@test "copy: credentials and certificates for each side" {
	start_registry --tls --auth
	run -125 pm copy -q "oci:$OCI" "docker://$REGISTRY/a:1"
	assert_error 125 "[Cc]ertificate"
	run -125 pm copy -q --dest-cert-dir "$T/certs" --dest-no-creds "oci:$OCI" "docker://$REGISTRY/a:1"
	assert_error 125 "[Aa]uthentication required"
	run -125 pm copy -q --dest-cert-dir "$T/certs" --dest-creds user:wrong "oci:$OCI" "docker://$REGISTRY/a:1"
	run -0 pm copy -q --dest-cert-dir "$T/certs" --dest-creds user:secret "oci:$OCI" "docker://$REGISTRY/a:1"
	run -0 pm copy -q --src-cert-dir "$T/certs" --src-username user --src-password secret "docker://$REGISTRY/a:1" "dir:$T/d"
	run -125 pm copy -q --src-username user "docker://$REGISTRY/a:1" "dir:$T/e"
	assert_error 125 "go together"
}

@test "copy: what cannot be named or written" {
	run -125 pm copy busybox "dir:$T/d"
	assert_error 125 "expected colon-separated transport:reference"
	mkdir "$T/precious" && touch "$T/precious/file"
	run -125 copy "oci:$OCI" "dir:$T/precious"
	assert_error 125 "not empty"
	touch "$T/x"
	run -125 copy "oci:$OCI" "oci:$T/x/y:1"
	copy "oci:$OCI" "docker-archive:$T/a.tar:x:1"
	run -125 copy "oci:$OCI" "docker-archive:$T/a.tar:x:1"
	assert_error 125 "doesn't support modifying existing images"
	copy "oci:$OCI" docker-archive:/dev/stdout:x:1 >"$T/piped"
	cmp "$T/a.tar" "$T/piped"
	run -125 copy "oci:$OCI" "ostree:$T/x"
	assert_error 125 "cannot be written to ostree"
	printf '{"default":[{"type":"reject"}]}' >"$T/policy"
	run -125 copy --policy "$T/policy" "oci:$OCI" "dir:$T/e"
	assert_error 125 "rejected by policy"
	run -0 copy --policy "$T/policy" --insecure-policy "oci:$OCI" "dir:$T/e"
}

@test "copy: the local store as source and destination" {
	start_registry
	copy "oci:$OCI" "docker://$REGISTRY/a:1"
	run -0 copy "docker://$REGISTRY/a:1" containers-storage:team/app:1
	run -0 pm images --format '{{.Repository}}:{{.Tag}}'
	assert_eq "$output" "docker.io/team/app:1"
	run -0 pm run --rm --network none team/app:1 echo it runs
	assert_eq "$output" "it runs"
	run -0 copy containers-storage:team/app:1 containers-storage:other:2
	run -0 copy --digestfile "$T/digest" containers-storage:other:2 "docker://$REGISTRY/b:2"
	assert_eq "$(cat "$T/digest")" "sha256:$(raw_digest "docker://$REGISTRY/b:2")"
	copy containers-storage:other:2 "dir:$T/d"
	assert_eq "$(jq -r .config.digest "$T/d/manifest.json")" "$(skopeo inspect --raw "oci:$OCI" | jq -r .config.digest)"
	run -125 copy containers-storage:nothing "dir:$T/e"
	assert_error 125 "image not known"
	run -125 copy --preserve-digests containers-storage:other:2 "dir:$T/e"
	assert_error 125 "cannot be used with containers-storage"
}

# How many uploads the registry has been asked to begin since $T/registry.log was emptied, mounts not among them.
uploads() {
	grep -c '"POST /v2/[a-z]*/blobs/uploads/ HTTP' "$T/registry.log" || true
}

@test "copy: --dest-precompute-digests asks before anything is sent" {
	start_registry --log
	copy "oci:$OCI" "docker-archive:$T/plain.tar:x:1"
	copy "docker-archive:$T/plain.tar" "docker://$REGISTRY/one:1"
	# what is compressed on the way is sent to be known
	: >"$T/registry.log"
	copy "docker-archive:$T/plain.tar" "docker://$REGISTRY/one:2"
	without=$(uploads)
	: >"$T/registry.log"
	copy --dest-precompute-digests "docker-archive:$T/plain.tar" "docker://$REGISTRY/one:3"
	assert_eq "$(($(uploads) + 1))" "$without"
	assert_like "$(cat "$T/registry.log")" '"HEAD /v2/one/blobs/sha256:[0-9a-f]*'
	run -1 grep -c '"PATCH ' "$T/registry.log"
	assert_eq "$(raw_digest "docker://$REGISTRY/one:3")" "$(raw_digest "docker://$REGISTRY/one:1")"

	# another compression, which the source's repository has already: mounted
	copy --dest-compress-format zstd "docker://$REGISTRY/one:1" "docker://$REGISTRY/one:zstd"
	: >"$T/registry.log"
	copy --dest-precompute-digests --dest-compress-format zstd "docker://$REGISTRY/one:1" "docker://$REGISTRY/two:1"
	assert_like "$(cat "$T/registry.log")" '"POST /v2/two/blobs/uploads/\?(from=one&mount=|mount=)[^ ]* HTTP/1.1" 201'
	run -1 grep -c '"PATCH ' "$T/registry.log"
	assert_eq "$(raw_digest "docker://$REGISTRY/two:1")" "$(raw_digest "docker://$REGISTRY/one:zstd")"

	# what is nowhere is sent, also from the store
	copy --dest-precompute-digests "docker-archive:$T/plain.tar" "docker://$REGISTRY/three:1"
	assert_readable "docker://$REGISTRY/three:1"
	pm load -q -i "$T/plain.tar" >/dev/null
	copy --dest-precompute-digests containers-storage:x:1 "docker://$REGISTRY/four:1"
	assert_readable "docker://$REGISTRY/four:1"
}

# A docker daemon: images in $T/daemon.tar, its socket $T/docker.sock.
start_daemon() {
	mkfifo "$T/daemon-alive"
	"$BATS_TEST_DIRNAME/../fixtures/dockerd" "$T/docker.sock" "$T/daemon.tar" <"$T/daemon-alive" >"$T/daemon.log" 2>&1 3>&- &
	DAEMON_PID=$!
	exec 8>"$T/daemon-alive"
	wait_for test -S "$T/docker.sock"
}

@test "copy: a docker daemon, by its socket" {
	start_daemon
	run -0 copy --dest-daemon-host "unix://$T/docker.sock" "oci:$OCI" docker-daemon:demo/app:1 8>&-
	assert_eq "$(tar xOf "$T/daemon.tar" manifest.json | jq -r '.[0].RepoTags[0]')" docker.io/demo/app:1
	run -0 copy --src-daemon-host "unix://$T/docker.sock" docker-daemon:demo/app:1 "oci:$T/back" 8>&-
	assert_eq "$(skopeo inspect --raw "oci:$T/back" | jq -r .config.digest)" \
		"$(skopeo inspect --raw "oci:$OCI" | jq -r .config.digest)"
	DOCKER_HOST=unix://$T/docker.sock run -0 pm pull -q docker-daemon:demo/app:1 8>&-
	run -125 copy --src-daemon-host "unix://$T/docker.sock" docker-daemon:demo/none:1 "oci:$T/x" 8>&-
	assert_error 125 "No such image: demo/none:1"
	run -125 copy --dest-daemon-host "unix://$T/docker.sock" "oci:$OCI" docker-daemon:refused:1 8>&-
	assert_error 125 "refuses this image"
	run -125 copy --dest-daemon-host "unix://$T/none.sock" "oci:$OCI" docker-daemon:x:1 8>&-
	assert_error 125 "docker daemon at $T/none.sock"
	exec 8>&-
	wait "$DAEMON_PID"
}
