#!/usr/bin/env bats
# save: images written to archives and directories, and loaded again by pm and by podman.

load helpers

podman_() {
	XDG_RUNTIME_DIR=$T/xdg timeout --foreground -k 5 120 podman --root "$T/podman" --runroot "$T/podrun" \
		--storage-driver vfs --cgroup-manager cgroupfs "$@"
}

test_setup() {
	mkdir -p "$T/xdg"
	load_busybox
	ID=$(pm images -q --no-trunc "$IMAGE")
	DIFF=sha256:$(sha256sum <"$PM_TEST_FIXTURES/busybox.tar" | cut -c-64)
}

test_teardown() {
	[ -d "$T/podman" ] || return 0
	podman_ unshare rm -rf "$T/podman"
	kill -9 "$(cat "$T/xdg/libpod/tmp/pause.pid")"
}

@test "docker-archive: the default, to a file and to standard output" {
	pm save -q -o "$T/a.tar" busybox
	pm save -q busybox >"$T/b.tar"
	pm save -q -o /dev/stdout busybox | cat >"$T/c.tar"
	for f in a b c; do
		tar -xOf "$T/$f.tar" manifest.json | jq -e --arg n "$IMAGE" '.[0].RepoTags == [$n]' >/dev/null
		layer=$(tar -xOf "$T/$f.tar" manifest.json | jq -r '.[0].Layers[0]')
		tar -xOf "$T/$f.tar" "$layer" | cmp - "$PM_TEST_FIXTURES/busybox.tar"
		config=$(tar -xOf "$T/$f.tar" manifest.json | jq -r '.[0].Config')
		assert_eq "sha256:$(tar -xOf "$T/$f.tar" "$config" | sha256sum | cut -c-64)" "$ID"
	done
	pm rmi -a >/dev/null
	assert_like "$(pm load -q -i "$T/b.tar")" "Loaded image: $IMAGE"
	assert_eq "$(pm images -q --no-trunc)" "$ID"
	run -0 pm run --rm --network none "$IMAGE" echo it runs
	assert_eq "$output" "it runs"
}

@test "podman loads every format and gives it back with the same id and layers" {
	pm save -q -o "$T/docker.tar" busybox
	pm save -q --format oci-archive -o "$T/oci.tar" busybox
	pm save -q --format oci-dir -o "$T/oci" busybox
	pm save -q --format docker-dir -o "$T/dir" busybox
	pm save -q --format docker-dir --compress -o "$T/dirz" busybox
	for from in docker.tar oci.tar oci dir dirz; do
		case $from in
		*.tar) podman_ load -q -i "$T/$from" >/dev/null ;;
		oci) (cd "$T" && podman_ load -q -i oci >/dev/null) ;; # a path with capitals is none of its names
		*) podman_ pull -q "dir:$T/$from" >/dev/null ;;
		esac
		assert_eq "sha256:$(podman_ images -q --no-trunc | sed 's/^sha256://' | head -1)" "$ID"
		podman_ save -q --format oci-archive -o "$T/back.tar" "${ID#sha256:}"
		layer=$(tar -xOf "$T/back.tar" index.json | jq -r '.manifests[0].digest' | cut -d: -f2)
		layer=$(tar -xOf "$T/back.tar" "blobs/sha256/$layer" | jq -r '.layers[0].digest' | cut -d: -f2)
		assert_eq "sha256:$(tar -xOf "$T/back.tar" "blobs/sha256/$layer" | gzip -dc | sha256sum | cut -c-64)" "$DIFF"
		podman_ rmi -af >/dev/null
		rm "$T/back.tar"
	done
}

@test "further names are tags, or images with -m" {
	pm tag busybox localhost/second:v2
	echo x >"$T/x" && tar -C "$T" -cf "$T/x.tar" x
	pm import -q "$T/x.tar" localhost/other:v1 >/dev/null
	pm save -q -o "$T/tags.tar" busybox third:v3
	assert_eq "$(tar -xOf "$T/tags.tar" manifest.json | jq -c 'map(.RepoTags)')" "[[\"$IMAGE\",\"localhost/third:v3\"]]"
	pm save -q -m -o "$T/multi.tar" busybox second:v2 other:v1
	assert_eq "$(tar -xOf "$T/multi.tar" manifest.json | jq -c 'map(.RepoTags)')" \
		"[[\"$IMAGE\",\"localhost/second:v2\"],[\"localhost/other:v1\"]]"
	pm rmi -af >/dev/null
	pm load -q -i "$T/multi.tar" >/dev/null
	assert_eq "$(pm images --format '{{.Repository}}:{{.Tag}}' | sort | tr '\n' ' ')" \
		"$IMAGE localhost/other:v1 localhost/second:v2 "
}

@test "oci-archive: compressed, or not when asked" {
	pm save -q --format oci-archive -o "$T/z.tar" busybox
	pm save -q --format oci-archive --uncompressed -o "$T/u.tar" busybox
	layer_type() {
		local m
		m=$(tar -xOf "$1" index.json | jq -r '.manifests[0].digest' | cut -d: -f2)
		tar -xOf "$1" "blobs/sha256/$m" | jq -r '.layers[0].mediaType'
	}
	assert_eq "$(layer_type "$T/z.tar")" application/vnd.oci.image.layer.v1.tar+gzip
	assert_eq "$(layer_type "$T/u.tar")" application/vnd.oci.image.layer.v1.tar
	assert_eq "$(tar -xOf "$T/z.tar" index.json | jq -r '.manifests[0].annotations["org.opencontainers.image.ref.name"]')" "$IMAGE"
}

@test "save: what does not go together" {
	run -125 pm save -q --compress -o "$T/x" busybox
	assert_error 125 "--compress can only be set when --format is 'docker-dir'"
	run -125 pm save -q -m --format oci-archive -o "$T/x" busybox
	assert_error 125 "--multi-image-archive can only be set"
	run -125 pm save -q -o "$T/a:b" busybox
	assert_error 125 "should not contain ':'"
	run -125 pm save -q --format oci-dir busybox
	assert_error 125 "needs --output"
	run -125 pm save -q -o "$T/x" nope
	assert_error 125 "nope: image not known"
	run -125 pm save -q --format tarball -o "$T/x" busybox
	run -125 pm save -q -o "$T/no/such/dir/x" busybox
	[ ! -e "$T/x" ]
}
