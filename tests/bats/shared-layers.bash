# shared-layers - images in the registry of a test (start_registry) that have layers in common, and how often
# each layer was fetched.

# Images that share layers: each has the layers of those before it. a: 1 2, b: 1 2 3, c: 1 2 3 4, d: 1 5
make_images() {
	local i
	for i in 1 2 3 4 5; do
		mkdir -p "$T/l$i/dir$i/sub"
		head -c 3000000 /dev/urandom >"$T/l$i/dir$i/big"
		for j in $(seq 40); do echo "$i $j" >"$T/l$i/dir$i/sub/f$j"; done
		tar -C "$T/l$i" --owner=0 --group=0 -czf "$T/l$i.tgz" .
		gzip -dc "$T/l$i.tgz" | sha256sum | cut -d' ' -f1 >"$T/l$i.diff"
	done
	push_image a 1 2
	push_image b 1 2 3
	push_image c 1 2 3 4
	push_image d 1 5
}

# push_image NAME LAYER...: busybox below, then these.
push_image() {
	local name=$1 i base m c layers diffs
	shift
	base=$PM_TEST_FIXTURES/oci
	m=$base/blobs/sha256/$(jq -r '.manifests[0].digest' "$base/index.json" | cut -d: -f2)
	c=$base/blobs/sha256/$(jq -r .config.digest "$m" | cut -d: -f2)
	layers=$(jq -c .layers "$m")
	diffs=$(jq -c .rootfs.diff_ids "$c")
	registry_blob "x/$name" "$base/blobs/sha256/$(jq -r '.layers[0].digest' "$m" | cut -d: -f2)" >/dev/null
	for i; do
		layers=$(jq -c --arg d "$(registry_blob "x/$name" "$T/l$i.tgz")" --argjson n "$(stat -c %s "$T/l$i.tgz")" \
			'. += [{mediaType:"application/vnd.oci.image.layer.v1.tar+gzip",digest:$d,size:$n}]' <<<"$layers")
		diffs=$(jq -c --arg d "sha256:$(cat "$T/l$i.diff")" '. += [$d]' <<<"$diffs")
	done
	jq -c --argjson d "$diffs" --arg n "$name" '.rootfs.diff_ids = $d | .config.Labels.name = $n' "$c" >"$T/config"
	jq -c --argjson l "$layers" --arg d "$(registry_blob "x/$name" "$T/config")" --argjson n "$(stat -c %s "$T/config")" \
		'.layers = $l | .config.digest = $d | .config.size = $n' "$m" >"$T/manifest"
	registry_manifest "x/$name" 1 "$T/manifest" application/vnd.oci.image.manifest.v1+json
}

# How often a layer's blob was asked for; REPO is any.
fetches() {
	grep -c "http.request.method=GET.*blobs/sha256:$1" "$T/registry.log" || true
}
