#!/usr/bin/env bats
# pm under the names of podman, docker, skopeo and buildah takes those programs' command lines.

load helpers

test_setup() {
	mkdir "$T/bin"
	local name
	for name in podman docker skopeo buildah; do ln -s "$PM_BIN" "$T/bin/$name"; done
	PATH=$T/bin:$PATH
	export XDG_DATA_HOME=$T/data
	cp -r "$PM_TEST_FIXTURES/oci" "$T/oci"
}

test_teardown() {
	podman system reset -f >/dev/null
}

@test "podman and docker: pm's own commands, the program's name in the version" {
	run -0 podman --version
	assert_like "$output" '^podman version [0-9.]+$'
	run -0 docker pull -q "oci:$T/oci:latest"
	podman tag "$(docker images -q)" some/name
	run -0 podman images --format '{{.Repository}}'
	assert_eq "$output" localhost/some/name
	run -0 podman run --rm "$(docker images -q)" echo hello
	assert_eq "$output" hello
}

@test "docker: buildx build and builder build are build" {
	mkdir "$T/context"
	printf 'FROM scratch\nCOPY file /\n' >"$T/context/Containerfile"
	echo here >"$T/context/file"
	run -0 docker buildx build -q -t bx "$T/context"
	run -0 docker builder build -q -t bb "$T/context"
	assert_eq "$(docker image inspect -f '{{.RepoTags}}' bb | tr -d '[]')" "localhost/bb:latest localhost/bx:latest"
	run -125 docker buildx nosuch
	run -0 docker --help
	run ! grep -q buildx <<<"$output"
}

@test "skopeo: its commands, and global options before them" {
	run -0 skopeo --insecure-policy copy -q "oci:$T/oci:latest" "dir:$T/dir"
	[ -f "$T/dir/manifest.json" ]
	run -0 skopeo --override-os linux --debug inspect --format '{{.Os}}' "oci:$T/oci:latest"
	assert_like "$output" 'linux'
	run -0 --separate-stderr skopeo inspect --raw "dir:$T/dir"
	assert_eq "$(jq -r .schemaVersion <<<"$output")" 2
	run -0 skopeo manifest-digest "$T/dir/manifest.json"
	assert_like "$output" '^sha256:[0-9a-f]{64}$'
	assert_eq "$output" "sha256:$(sha256sum <"$T/dir/manifest.json" | cut -d' ' -f1)"
	run -125 skopeo standalone-sign "$T/dir/manifest.json" y z
	assert_error 125 'say where the signature goes'
	echo word >"$T/word"
	run -0 skopeo generate-sigstore-key --output-prefix "$T/key" --passphrase-file "$T/word"
	[ -f "$T/key.private" ]
	run -0 skopeo --registries.d "$T/none" --insecure-policy copy -q "dir:$T/dir" "dir:$T/dir2"
	run -0 skopeo --tmpdir "$T" --insecure-policy copy -q "oci:$T/oci:latest" "docker-archive:$T/x.tar"
	run -125 skopeo --tmpdir "$T/none" --insecure-policy copy -q "oci:$T/oci:latest" "docker-archive:$T/y.tar"
	assert_error 125 "$T/none"
	run -0 skopeo --command-timeout 5m --insecure-policy copy -q "dir:$T/dir" "dir:$T/dir3"
	run -0 skopeo --command-timeout=0 inspect --raw "dir:$T/dir3"
	run -125 skopeo --command-timeout soon inspect --raw "dir:$T/dir"
	assert_error 125 'option --command-timeout: "soon" is no duration'
	run -125 skopeo nosuch
	assert_error 125 'unrecognized command `pm nosuch`'
}

@test "buildah: images, builds, working containers" {
	podman pull -q "oci:$T/oci:latest" >/dev/null
	run -0 buildah images -q
	assert_eq "${#lines[@]}" 1
	run -0 buildah tag "$output" localhost/other
	run -0 buildah from scratch
	assert_eq "$output" working-container
	run -0 buildah --debug rm working-container
	run -125 buildah nosuch
	assert_error 125 'unrecognized command `pm nosuch`'
}
