#!/usr/bin/env bats
# pm delete: images taken out of OCI layouts and docker daemons. Registries: 410-registry.bats.

load helpers

OCI=$PM_TEST_FIXTURES/oci

copy() {
	pm copy -q "$@"
}

# The files of a layout's blobs, one a line.
blobs() {
	find "${1:-$T/layout}" -type f -path '*sha256*' -printf '%f\n' | sort
}

# two images with the same layers and configs of their own, and one with nothing in common
make_layout() {
	pm pull -q "oci:$OCI" >/dev/null
	local id
	id=$(pm images -q | head -1)
	pm create --name box "$id" >/dev/null
	copy "oci:$OCI" "oci:$T/layout:one"
	pm commit -q --change 'ENV TWO=2' box localhost/two >/dev/null
	copy containers-storage:localhost/two "oci:$T/layout:two"
	tar -C "$T" -cf "$T/other.tar" --files-from /dev/null
	pm import -q "$T/other.tar" localhost/other >/dev/null
	copy containers-storage:localhost/other "oci:$T/layout:other"
}

@test "delete: an image of a layout, and what no other image of it has" {
	make_layout
	blobs >"$T/all"
	two=$(skopeo inspect --raw "oci:$T/layout:two" | jq -r '.config.digest, .layers[].digest')
	run -0 pm delete "oci:$T/layout:one"
	assert_eq "$(jq -r '.manifests[].annotations["org.opencontainers.image.ref.name"]' "$T/layout/index.json" | tr '\n' ' ')" 'two other '
	# its own manifest and config went, the layer that both have stayed
	assert_eq "$(comm -23 "$T/all" <(blobs) | wc -l)" 2
	for d in $two; do [ -f "$T/layout/blobs/sha256/${d#sha256:}" ]; done
	skopeo --insecure-policy copy -q "oci:$T/layout:two" "dir:$T/check"

	run -125 pm delete "oci:$T/layout:one"
	assert_error 125 "no image is named 'one' there"
	run -125 pm delete "oci:$T/layout"
	assert_error 125 'it holds more than one image: name one'
	run -0 pm delete "oci:$T/layout:two"
	# without a name: the only one
	run -0 pm delete "oci:$T/layout"
	assert_eq "$(blobs)" ''
	assert_eq "$(jq -c .manifests "$T/layout/index.json")" '[]'
	run -125 pm delete "oci:$T/layout:x"
	assert_error 125 "no image is named"
	run -125 pm delete "oci:$T/none:x"
	assert_error 125 'No such file'
	# and it can be written to again
	copy "oci:$OCI" "oci:$T/layout:again"
	skopeo --insecure-policy copy -q "oci:$T/layout:again" "dir:$T/check2"
}

@test "delete: one image under two names, and images of an index" {
	copy "oci:$OCI" "oci:$T/layout:a"
	copy "oci:$OCI" "oci:$T/layout:b"
	blobs >"$T/all"
	pm delete "oci:$T/layout:a"
	assert_eq "$(blobs)" "$(cat "$T/all")"
	pm pull -q "oci:$OCI" >/dev/null
	pm manifest create list "$(pm images -q | head -1)" >/dev/null
	pm manifest push --all -q list "oci:$T/layout:list" >/dev/null
	pm delete "oci:$T/layout:b"
	skopeo --insecure-policy copy -q --all "oci:$T/layout:list" "dir:$T/check"
	pm delete "oci:$T/layout:list"
	assert_eq "$(blobs)" ''
}

@test "delete: blobs in a shared directory stay" {
	copy --dest-shared-blob-dir "$T/shared" "oci:$OCI" "oci:$T/layout:one"
	copy --format v2s2 "oci:$OCI" "dir:$T/docker"
	copy --dest-shared-blob-dir "$T/shared" "dir:$T/docker" "oci:$T/layout:two"
	blobs "$T/shared" >"$T/all"
	[ -s "$T/all" ]
	run -125 pm delete "oci:$T/layout:one"
	assert_error 125 'manifest sha256:'
	run -0 pm delete --shared-blob-dir "$T/shared" "oci:$T/layout:one"
	assert_eq "$(jq '.manifests | length' "$T/layout/index.json")" 1
	assert_eq "$(blobs "$T/shared")" "$(cat "$T/all")"
}

@test "delete: a layout that is damaged or hostile is left as it is" {
	make_layout
	cp "$T/layout/index.json" "$T/index"
	# the manifest of another image is missing: what it has is not known
	other=$(jq -r '.manifests[] | select(.annotations["org.opencontainers.image.ref.name"] == "two").digest' "$T/index")
	mv "$T/layout/blobs/sha256/${other#sha256:}" "$T/away"
	blobs >"$T/all"
	run -125 pm delete "oci:$T/layout:one"
	assert_error 125 "manifest $other: "
	assert_eq "$(blobs)" "$(cat "$T/all")"
	cmp "$T/index" "$T/layout/index.json"
	mv "$T/away" "$T/layout/blobs/sha256/${other#sha256:}"
	# names of blobs that lead elsewhere
	echo mine >"$T/victim"
	jq -c '.manifests[0].digest = "sha256:../../../victim"' "$T/index" >"$T/layout/index.json"
	run -125 pm delete "oci:$T/layout:one"
	assert_error 125 'digest'
	ln -sf "$T/victim" "$T/layout/blobs/sha256/$(printf '%064d' 1)"
	jq -c '.manifests[0].digest = "sha256:'"$(printf '%064d' 1)"'"' "$T/index" >"$T/layout/index.json"
	run -125 pm delete "oci:$T/layout:one"
	assert_eq "$(cat "$T/victim")" mine
}

@test "delete: a docker daemon's image, by its socket" {
	mkfifo "$T/alive"
	"$BATS_TEST_DIRNAME/../fixtures/dockerd" "$T/docker.sock" "$T/daemon.tar" <"$T/alive" >"$T/daemon.log" 2>&1 3>&- &
	DAEMON_PID=$!
	exec 8>"$T/alive"
	wait_for test -S "$T/docker.sock"
	host=unix://$T/docker.sock
	copy --dest-daemon-host "$host" "oci:$OCI" docker-daemon:demo/used:1 8>&-
	run -125 pm delete --daemon-host "$host" docker-daemon:demo/used:1 8>&-
	assert_error 125 'docker daemon: conflict: .*container 1 is using it'
	copy --dest-daemon-host "$host" "oci:$OCI" docker-daemon:demo/app:1 8>&-
	run -125 pm delete --daemon-host "$host" docker-daemon:demo/none:1 8>&-
	assert_error 125 'No such image: demo/none:1'
	[ -e "$T/daemon.tar" ]
	DOCKER_HOST=$host run -0 pm delete docker-daemon:demo/app:1 8>&-
	[ ! -e "$T/daemon.tar" ]
	run -125 pm delete --daemon-host "unix://$T/none.sock" docker-daemon:x:1 8>&-
	assert_error 125 "docker daemon at $T/none.sock"
	exec 8>&-
	wait "$DAEMON_PID"
}
