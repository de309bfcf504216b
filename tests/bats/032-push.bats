#!/usr/bin/env bats
# run-bats: leaks
# Images out of the store: push to registries, layouts, archives and directories.

load helpers

# What other tools keep: away from the host's.
peer() {
	timeout --foreground -k 5 60 "$@"
}

skopeo_() {
	peer skopeo --tmpdir "$T" --insecure-policy "$@"
}

# An image of three layers as $IMAGE3, in a layout made by umoci; GNU tar's formats in its layers.
make_layout() {
	local l=$T/layout
	umoci init --layout "$l" >/dev/null
	umoci new --image "$l:three" >/dev/null
	mkdir -p "$T/l1/bin" "$T/l1/etc" "$T/l2/etc" "$T/l3/data"
	head -c 700000 /dev/urandom >"$T/l1/bin/tool"
	ln "$T/l1/bin/tool" "$T/l1/bin/alias"
	ln -s tool "$T/l1/bin/soft"
	echo one >"$T/l1/etc/gone"
	: >"$T/l2/etc/.wh.gone"
	n=$(printf 'n%.0s' $(seq 180))
	echo long >"$T/l3/data/$n"
	truncate -s 2M "$T/l3/data/sparse"
	echo end >>"$T/l3/data/sparse"
	tar -C "$T/l1" --owner=0 --group=0 -H gnu -cf "$T/l1.tar" .
	tar -C "$T/l2" --owner=0 --group=0 -H ustar -b 1 -cf "$T/l2.tar" etc
	tar -C "$T/l3" --owner=0 --group=0 -S -H pax -cf "$T/l3.tar" data
	echo trailing >>"$T/l2.tar"
	for i in 1 2 3; do
		umoci raw add-layer --image "$l:three" "$T/l$i.tar" >/dev/null 2>&1
	done
	pm pull -q "oci:$l:three" >/dev/null
	IMAGE3=$(pm images -q --no-trunc | head -1)
}

diff_ids() {
	jq -r '.rootfs.diff_ids[]'
}

@test "push to a registry and back: the same image id, layers and files" {
	start_registry
	make_layout
	pm push -q --tls-verify=false "$IMAGE3" "$REGISTRY/app/three:v1"
	skopeo_ inspect --tls-verify=false --config --raw "docker://$REGISTRY/app/three:v1" >"$T/config"
	assert_eq "sha256:$(sha256sum <"$T/config" | cut -c-64)" "$IMAGE3"
	# every layer in the registry is gzip of the tar that it was
	skopeo_ copy -q --src-tls-verify=false "docker://$REGISTRY/app/three:v1" "dir:$T/copy"
	i=0
	for digest in $(jq -r '.layers[].digest' "$T/copy/manifest.json"); do
		i=$((i + 1))
		gzip -dc "$T/copy/${digest#sha256:}" | cmp - "$T/l$i.tar"
	done
	assert_eq $i 3
	# and pm takes it back
	pm rmi -f "$IMAGE3" >/dev/null
	assert_eq "sha256:$(pm pull -q --tls-verify=false "$REGISTRY/app/three:v1")" "$IMAGE3"
}

@test "a second push compresses nothing and sends nothing" {
	start_registry
	make_layout
	pm push -q --tls-verify=false "$IMAGE3" "$REGISTRY/app/three:v1"
	run -0 pm push --tls-verify=false "$IMAGE3" "$REGISTRY/app/three:v2"
	assert_like "$output" 'skipped: already exists'
	assert_eq "$(grep -c 'Copying blob.*done' <<<"$output")" 0
	# another repository of it: mounted
	: >"$T/registry.log"
	run -0 pm push --tls-verify=false "$IMAGE3" "$REGISTRY/other/name:v1"
	assert_eq "$(grep -c 'skipped: already exists' <<<"$output")" 3
	assert_eq "$(skopeo_ inspect --tls-verify=false -f '{{.Digest}}' "docker://$REGISTRY/app/three:v1")" \
		"$(skopeo_ inspect --tls-verify=false -f '{{.Digest}}' "docker://$REGISTRY/other/name:v1")"
}

@test "what was pulled, removed and imported again is neither compressed nor sent again" {
	start_registry --log
	make_layout
	skopeo_ copy -q --dest-tls-verify=false "oci:$T/layout:three" "docker://$REGISTRY/src/three:v1"
	pm rmi -f "$IMAGE3" >/dev/null
	pm pull -q --tls-verify=false "$REGISTRY/src/three:v1" >/dev/null
	pm rmi -f "$REGISTRY/src/three:v1" >/dev/null
	pm import -q "$T/l1.tar" again >/dev/null
	assert_eq "$(pm image inspect --format '{{index .RootFS.Layers 0}}' again)" \
		"sha256:$(sha256sum <"$T/l1.tar" | cut -c-64)"
	requests() { # PATTERN of method and path
		grep -cE "\"($1) HTTP" "$T/registry.log" || :
	}
	stored() {
		find "$T/registry" -name data -printf '%s %p\n' | sort
	}
	# where it came from: asked for, and there
	: >"$T/registry.log"
	stored >"$T/before"
	pm push -q --tls-verify=false again "$REGISTRY/src/three:again"
	assert_eq "$(requests 'HEAD /v2/src/three/blobs/[^ ]*')" 1
	assert_eq "$(requests 'PATCH [^ ]*')" 0
	assert_eq "$(requests 'PUT /v2/src/three/blobs/[^ ]*')" 1 # the config
	assert_eq "$(stored | comm -13 "$T/before" - | awk '{ n += $1 } END { print n < 4000, NR }')" '1 2'
	# another repository there, by the blob's places alone: mounted
	pm rmi -f again >/dev/null
	pm pull -q --tls-verify=false "$REGISTRY/src/three:v1" >/dev/null
	pm rmi -f "$REGISTRY/src/three:v1" >/dev/null
	pm import -q "$T/l2.tar" second >/dev/null
	: >"$T/registry.log"
	pm push -q --tls-verify=false second "$REGISTRY/other/two:v1"
	assert_eq "$(requests 'POST /v2/other/two/blobs/uploads/[?]mount=[^ ]*from=src[^ ]*')" 1
	assert_eq "$(requests 'PATCH [^ ]*')" 0
	assert_eq "$(requests 'PUT /v2/other/two/blobs/[^ ]*')" 1
	# the registry has lost it: made anew
	rm -rf "$T/registry/docker/registry/v2/repositories" "$T/registry/docker/registry/v2/blobs"
	stop_registry
	start_registry --log
	pm push -q --tls-verify=false again "$REGISTRY/src/three:again" && fail "it was removed"
	pm push -q --tls-verify=false second "$REGISTRY/src/three:second"
	assert_eq "$(requests 'PATCH [^ ]*')" 1
}

@test "what a manifest says of a layer that was there already is not believed of other images" {
	start_registry
	make_layout
	mkdir "$T/evil"
	# the registry has another blob, which a manifest names as the layer that pm has by import
	pm rmi -f "$IMAGE3" >/dev/null
	pm import -q "$T/l1.tar" mine >/dev/null
	echo evil >"$T/evil/file"
	tar -C "$T/evil" -czf "$T/evil.tgz" file
	bad=$(registry_blob src/three "$T/evil.tgz")
	printf '{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
		"$(sha256sum <"$T/l1.tar" | cut -c-64)" >"$T/config"
	config=$(registry_blob src/three "$T/config")
	jq -n --arg c "$config" --arg l "$bad" --argjson n "$(stat -c %s "$T/config")" \
		--argjson m "$(stat -c %s "$T/evil.tgz")" '{schemaVersion: 2,
		mediaType: "application/vnd.oci.image.manifest.v1+json",
		config: {mediaType: "application/vnd.oci.image.config.v1+json", digest: $c, size: $n},
		layers: [{mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", digest: $l, size: $m}]}' >"$T/manifest"
	registry_manifest src/three evil "$T/manifest" application/vnd.oci.image.manifest.v1+json
	pm pull -q --tls-verify=false "$REGISTRY/src/three:evil" >/dev/null
	pm push -q --tls-verify=false mine "$REGISTRY/src/three:mine"
	skopeo_ copy -q --src-tls-verify=false "docker://$REGISTRY/src/three:mine" "dir:$T/copy"
	pushed=$(jq -r '.layers[0].digest' "$T/copy/manifest.json")
	[ "$pushed" != "$bad" ]
	gzip -dc "$T/copy/${pushed#sha256:}" | cmp - "$T/l1.tar"
}

@test "an image pulled from a registry is pushed there with the digest it had" {
	start_registry
	make_layout
	skopeo_ copy -q --dest-tls-verify=false "oci:$T/layout:three" "docker://$REGISTRY/src/three:v1"
	was=$(skopeo_ inspect --tls-verify=false -f '{{.Digest}}' "docker://$REGISTRY/src/three:v1")
	pm rmi -f "$IMAGE3" >/dev/null
	pm pull -q --tls-verify=false "$REGISTRY/src/three:v1" >/dev/null
	pm push -q --tls-verify=false --digestfile "$T/digest" "$REGISTRY/src/three:v1" "$REGISTRY/dst/three:v1"
	assert_eq "$(cat "$T/digest")" "$was"
	# without a destination: where its name says
	pm tag "$REGISTRY/src/three:v1" "$REGISTRY/src/three:v3"
	pm push -q --tls-verify=false "$REGISTRY/src/three:v3"
	assert_eq "$(skopeo_ inspect --tls-verify=false -f '{{.Digest}}' "docker://$REGISTRY/src/three:v3")" "$was"
}

@test "push with TLS and credentials" {
	start_registry --tls --auth
	make_layout
	run -125 pm push -q "$IMAGE3" "$REGISTRY/app/three:v1"
	assert_like "$output" 'certificate'
	run -125 pm push -q --cert-dir "$T/certs" "$IMAGE3" "$REGISTRY/app/three:v1"
	assert_like "$output" '(unauthorized|authentication|credentials)'
	run -125 pm push -q --cert-dir "$T/certs" --creds user:wrong "$IMAGE3" "$REGISTRY/app/three:v1"
	pm push -q --cert-dir "$T/certs" --creds user:secret "$IMAGE3" "$REGISTRY/app/three:v1"
	skopeo_ inspect --cert-dir "$T/certs" --creds user:secret --config "docker://$REGISTRY/app/three:v1" |
		diff_ids | diff - <(for i in 1 2 3; do echo "sha256:$(sha256sum <"$T/l$i.tar" | cut -c-64)"; done)
}

@test "formats and compressions" {
	start_registry
	make_layout
	raw() {
		skopeo_ inspect --tls-verify=false --raw "docker://$REGISTRY/$1"
	}
	pm push -q --tls-verify=false --format v2s2 "$IMAGE3" "$REGISTRY/f/docker"
	raw f/docker >"$T/m"
	assert_eq "$(jq -r .mediaType "$T/m")" application/vnd.docker.distribution.manifest.v2+json
	assert_eq "$(jq -r .layers[0].mediaType "$T/m")" application/vnd.docker.image.rootfs.diff.tar.gzip
	assert_eq "$(jq -r .config.digest "$T/m")" "$IMAGE3"
	pm push -q --tls-verify=false --compression-format zstd --compression-level 9 "$IMAGE3" "$REGISTRY/f/zstd"
	raw f/zstd >"$T/m"
	assert_eq "$(jq -r .mediaType "$T/m")" application/vnd.oci.image.manifest.v1+json
	assert_eq "$(jq -r .layers[2].mediaType "$T/m")" application/vnd.oci.image.layer.v1.tar+zstd
	registry_curl "$REGISTRY_URL/v2/f/zstd/blobs/$(jq -r .layers[2].digest "$T/m")" | zstd -dc | cmp - "$T/l3.tar"
	run -125 pm push -q --tls-verify=false --format v2s2 --compression-format zstd "$IMAGE3" "$REGISTRY/f/bad"
	assert_error 125 "zstd compression needs the OCI format"
	run -125 pm push -q --compression-level 30 "$IMAGE3" "$REGISTRY/f/bad"
	assert_error 125 'compression level'
	run -125 pm push -q --compression-level 12 --tls-verify=false "$IMAGE3" "$REGISTRY/f/bad"
	assert_error 125 'compression level 12: gzip has 1 to 9'
	# a chosen compression makes blobs of that kind although others are known
	pm push -q --tls-verify=false --compression-format gzip "$IMAGE3" "$REGISTRY/f/zstd:gz"
	assert_eq "$(raw f/zstd:gz | jq -r .layers[0].mediaType)" application/vnd.oci.image.layer.v1.tar+gzip
}

@test "push to layouts, archives and directories, read by skopeo and by pm" {
	make_layout
	want=$(for i in 1 2 3; do echo "sha256:$(sha256sum <"$T/l$i.tar" | cut -c-64)"; done)
	pm push -q "$IMAGE3" "oci:$T/o:tag"
	pm push -q "$IMAGE3" "oci-archive:$T/o.tar:tag"
	pm push -q "$IMAGE3" "docker-archive:$T/d.tar:example.com/x:tag"
	pm push -q "$IMAGE3" "dir:$T/dir"
	pm push -q --compress "$IMAGE3" "dir:$T/dirz"
	for from in "oci:$T/o:tag" "oci-archive:$T/o.tar:tag" "docker-archive:$T/d.tar" "dir:$T/dir" "dir:$T/dirz"; do
		# as root of a namespace: skopeo unpacks archives with their owners
		unshare -r skopeo --tmpdir "$T" --insecure-policy inspect --config "$from" | diff_ids |
			diff - <(echo "$want") || fail "$from"
		unshare -r skopeo --tmpdir "$T" --insecure-policy copy -q "$from" "dir:$T/back"
		i=0
		for digest in $(jq -r '.layers[].digest' "$T/back/manifest.json"); do
			i=$((i + 1))
			f=$T/back/${digest#sha256:}
			gzip -dc <"$f" 2>/dev/null | cmp -s - "$T/l$i.tar" || cmp "$f" "$T/l$i.tar" || fail "$from layer $i"
		done
		rm -r "$T/back"
	done
	file -b "$T/dir/$(jq -r '.layers[0].digest' "$T/dir/manifest.json" | cut -d: -f2)" | grep -q tar
	jq -r '.[0].RepoTags[0]' < <(tar -xOf "$T/d.tar" manifest.json) | grep -qx example.com/x:tag
	pm rmi -f "$IMAGE3" >/dev/null
	assert_eq "sha256:$(pm pull -q "oci-archive:$T/o.tar:tag")" "$IMAGE3"
	# an unpacked bundle holds the files
	umoci unpack --rootless --image "$T/o:tag" "$T/bundle" >/dev/null 2>&1
	cmp "$T/bundle/rootfs/bin/tool" "$T/l1/bin/tool"
	[ ! -e "$T/bundle/rootfs/etc/gone" ]
	chmod -R u+rwx "$T/bundle"
	run -125 pm push --compress "$IMAGE3" "oci:$T/o2"
	assert_error 125 -- '--compress can only be set for the dir: transport'
}

@test "a killed push leaves nothing behind and the next one succeeds" {
	start_registry
	make_layout
	for delay in 0.01 0.03 0.06 0.1 0.15; do
		"$PM_BIN" --root "$T/root" --runroot "$T/run" push -q --tls-verify=false "$IMAGE3" "$REGISTRY/k/three:v1" &
		pid=$!
		sleep "$delay"
		kill -KILL "$pid" 2>/dev/null || true
		wait "$pid" || true
	done
	pm push -q --tls-verify=false "$IMAGE3" "$REGISTRY/k/three:v1"
	skopeo_ inspect --tls-verify=false --config --raw "docker://$REGISTRY/k/three:v1" >"$T/config"
	assert_eq "sha256:$(sha256sum <"$T/config" | cut -c-64)" "$IMAGE3"
	assert_eq "$(ls "$T/root/staging")" ''
}

@test "a layer whose files were changed is not pushed" {
	start_registry
	make_layout
	f=$(find "$T/root/layers" -name tool -path '*bin/tool')
	chmod u+w "$f"
	printf x | dd of="$f" conv=notrunc status=none
	run -125 pm push -q --tls-verify=false "$IMAGE3" "$REGISTRY/c/three:v1"
	assert_like "$output" 'are not what they were'
	run -125 pm push -q --tls-verify=false no-such-image "$REGISTRY/c/three:v1"
	assert_error 125 'no-such-image: image not known'
	run -125 pm push -q --tls-verify=false "$IMAGE3"
	assert_error 125 'say where to push it'
}

@test "an interrupted push ends at once, tells so and leaves nothing" {
	make_layout
	mkfifo "$T/fifo"
	# nobody takes what is written: the packers wait
	exec 7<>"$T/fifo"
	"$PM_BIN" --root "$T/root" --runroot "$T/run" save -q -o "$T/fifo" "$IMAGE3" 2>"$T/err" &
	pid=$!
	wait_for sh -c "ls $T/root/staging | grep -q ."
	sleep 0.2
	kill -INT "$pid"
	status=0
	wait "$pid" || status=$?
	exec 7<&-
	[ "$status" -ne 0 ]
	assert_like "$(cat "$T/err")" 'interrupted'
	assert_eq "$(ls "$T/root/staging")" ''
	assert_eq "$(ls "$T")" "$(ls "$T" | grep -v '^pm-')"
}

@test "a registry that goes away: one clear error, and the next push goes on" {
	start_registry
	make_layout
	stop_registry
	PM_TEST_RETRY_MS=10 run -125 pm push -q --tls-verify=false --retry 1 "$IMAGE3" "$REGISTRY/x/three:v1"
	assert_like "$output" "$REGISTRY"
	assert_eq "$(grep -c '^Error' <<<"$output")" 1
	start_registry
	pm push -q --tls-verify=false "$IMAGE3" "$REGISTRY/x/three:v1"
}

@test "buildah and podman read what was pushed, and pm reads what they push" {
	start_registry
	make_layout
	pm push -q --tls-verify=false "$IMAGE3" "$REGISTRY/b/three:v1"
	export XDG_RUNTIME_DIR=$T/xdg
	mkdir "$XDG_RUNTIME_DIR"
	b() { peer buildah --root "$T/broot" --runroot "$T/brun" --storage-driver vfs "$@"; }
	b pull -q --tls-verify=false "$REGISTRY/b/three:v1" >/dev/null
	assert_eq "sha256:$(b images -q --no-trunc | sed 's/^sha256://')" "$IMAGE3"
	b push -q --tls-verify=false "$REGISTRY/b/three:v1" "$REGISTRY/b/back:v1"
	pm rmi -f "$IMAGE3" >/dev/null
	assert_eq "sha256:$(pm pull -q --tls-verify=false "$REGISTRY/b/back:v1")" "$IMAGE3"
	b unshare rm -rf "$T/broot"
}
