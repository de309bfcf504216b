#!/usr/bin/env bats
# pm manifest: lists of images, put together and pushed.

load helpers

OCI=$PM_TEST_FIXTURES/oci

# A second image, for another architecture, in the registry as other:1.
other_image() {
	local config digest
	cp -r "$OCI" "$T/arm"
	pm copy -q "oci:$OCI" "dir:$T/d"
	config=$(jq -r .config.digest "$T/d/manifest.json" | cut -d: -f2)
	jq -c '.architecture="arm64" | .variant="v8"' "$T/d/$config" | tr -d '\n' >"$T/config"
	digest=$(sha256sum <"$T/config" | cut -d' ' -f1)
	cp "$T/config" "$T/d/$digest"
	jq -c --arg d "sha256:$digest" --argjson s "$(stat -c %s "$T/config")" '.config.digest=$d | .config.size=$s' \
		"$T/d/manifest.json" >"$T/m"
	mv "$T/m" "$T/d/manifest.json"
	pm copy -q --dest-tls-verify=false "dir:$T/d" "docker://$REGISTRY/other:1"
	ARM=sha256:$(sha256sum <"$T/d/manifest.json" | cut -d' ' -f1)
}

@test "manifest: a list of a stored image and one in a registry, pushed with both" {
	start_registry
	other_image
	load_busybox
	run -0 pm manifest create mylist
	assert_like "$output" '^[0-9a-f]{64}$'
	id=$output
	run -0 pm manifest add mylist "$IMAGE"
	assert_eq "$output" "$id"
	run -0 pm manifest add --tls-verify=false --annotation a=b mylist "docker://$REGISTRY/other:1"
	run -0 pm manifest inspect mylist
	assert_eq "$(jq -c '[.manifests[].platform.architecture]' <<<"$output")" '["amd64","arm64"]'
	assert_eq "$(jq -r '.manifests[1].digest' <<<"$output")" "$ARM"
	assert_eq "$(jq -c '[.manifests[1] | .platform.variant, .annotations.a]' <<<"$output")" '["v8","b"]'
	run -0 pm manifest push -q --tls-verify=false --digestfile "$T/digest" mylist "docker://$REGISTRY/multi:1"
	# by Skopeo: the list, and each image for its platform
	skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/multi:1" >"$T/raw"
	assert_eq "$(cat "$T/digest")" "sha256:$(sha256sum <"$T/raw" | cut -d' ' -f1)"
	for arch in amd64 arm64; do
		skopeo --insecure-policy --override-arch "$arch" copy -q --src-tls-verify=false "docker://$REGISTRY/multi:1" "dir:$T/$arch"
	done
	run -0 pm pull -q --tls-verify=false "$REGISTRY/multi:1"
	run -0 pm run --rm --network none "$REGISTRY/multi:1" echo runs
	assert_eq "$output" runs
	# the list alone, into another repository, lacks its images: docker-registry says so
	run -125 pm manifest push -q --all=false --tls-verify=false mylist "docker://$REGISTRY/empty:1"
	run -0 pm manifest push -q --rm --format oci mylist "oci:$T/out:1" --tls-verify=false
	assert_eq "$(skopeo inspect --raw "oci:$T/out:1" | jq -r .mediaType)" application/vnd.oci.image.index.v1+json
	run -1 pm manifest exists mylist
}

@test "manifest: annotate, remove, rm, exists, amend, all of a list" {
	start_registry
	other_image
	load_busybox
	run -1 pm manifest exists l
	run -0 pm manifest create l "$IMAGE"
	run -0 pm manifest exists l
	run -0 pm manifest exists localhost/l:latest
	digest=$(pm manifest inspect l | jq -r '.manifests[0].digest')
	run -0 pm manifest annotate --arch ppc64le --os-features f1,f2 --annotation k=v=w l "$digest"
	run -0 pm manifest inspect l
	assert_eq "$(jq -c '.manifests[0] | [.platform.architecture, .platform["os.features"], .annotations.k]' <<<"$output")" \
		'["ppc64le",["f1","f2"],"v=w"]'
	run -125 pm manifest annotate --annotation novalue l "$digest"
	assert_error 125 "no value given"
	run -125 pm manifest create l
	assert_error 125 "already in use"
	run -0 pm manifest create --amend l
	run -125 pm manifest create "$IMAGE"
	assert_error 125 "already in use"
	run -0 pm manifest add --tls-verify=false l "docker://$REGISTRY/other:1"
	run -0 pm manifest push -q --tls-verify=false l "docker://$REGISTRY/l:1"
	run -0 pm manifest create --all --tls-verify=false copy "docker://$REGISTRY/l:1"
	assert_eq "$(pm manifest inspect copy | jq -c '[.manifests[].platform.architecture]')" '["ppc64le","arm64"]'
	run -0 pm manifest remove copy "$ARM"
	assert_eq "$(pm manifest inspect copy | jq '.manifests|length')" 1
	run -125 pm manifest remove copy "$ARM"
	assert_error 125 "no image with digest"
	run -0 pm manifest inspect --tls-verify=false "docker://$REGISTRY/l:1"
	assert_eq "$(jq '.manifests|length' <<<"$output")" 2
	run -0 pm manifest rm l copy
	run -125 pm manifest rm l
	assert_error 125 "image not known"
	run -125 pm manifest create bad nosuchimage.example:1/x
	run -1 pm manifest exists bad
}

@test "manifest: a list is an image of the store: shown, named, removed, and stands for the one of this platform" {
	load_busybox
	image=$(pm images -q --no-trunc)
	id=$(pm manifest create both)
	empty=$(pm images --format '{{.Size}}' both)
	pm manifest add both "$IMAGE" >/dev/null
	run -0 pm images --no-trunc --format '{{.Repository}}:{{.Tag}} {{.ID}}' both
	assert_eq "$output" "localhost/both:latest sha256:$id"
	[ "$(pm images --format '{{.Size}}' both)" != "$empty" ]
	assert_eq "$(pm images --format json both | jq -r '.[0].Digest')" \
		"sha256:$(pm manifest push -q both "dir:$T/d" --all=false >/dev/null; sha256sum <"$T/d/manifest.json" | cut -d' ' -f1)"
	run -0 pm images -q --no-trunc
	assert_eq "${#lines[@]}" 2
	run -0 pm image exists both
	# who wants an image gets the one for this platform
	assert_eq "sha256:$(pm image inspect -f '{{.Id}}' both)" "$image"
	assert_eq "$(pm run --rm --network none both echo it runs)" "it runs"
	# names
	pm tag both second:2
	assert_eq "$(pm images --filter id="$id" --format '{{.Repository}}:{{.Tag}}' | sort | tr '\n' ' ')" \
		"localhost/both:latest localhost/second:2 "
	run -0 pm manifest inspect second:2
	assert_eq "$(jq -r '.manifests[0].platform.os' <<<"$output")" linux
	run -125 pm manifest create second:2
	assert_error 125 "already associated with image \"$id\": that name is already in use"
	run -0 pm rmi second:2
	assert_eq "$output" "Untagged: localhost/second:2"
	run -0 pm untag both
	run -0 pm images --filter dangling=true --no-trunc --format '{{.ID}}'
	assert_eq "$output" "sha256:$id"
	run -0 pm image prune -f
	assert_eq "$output" "$id"
	# the image of it is still there; a list of what is not there stands for nothing
	assert_eq "$(pm images -q --no-trunc)" "$image"
	pm manifest create --all lone >/dev/null
	run -125 pm inspect --type image lone
	assert_like "$output" 'lone.*image not known'
	run -0 pm system check
	run -0 pm rmi lone
	assert_like "$output" 'Untagged: localhost/lone:latest'
}
