#!/usr/bin/env bats
# Writing to a registry that breaks off, redirects, refuses and lies (tests/fixtures/registryd): what can be mended is,
# the rest is one clear error, and credentials go nowhere else.

load helpers

test_setup() {
	export PM_TEST_RETRY_MS=20 PM_TEST_STALL_SECONDS=1
	mkfifo "$T/alive"
	"$BATS_TEST_DIRNAME/../fixtures/registryd" "$T/ports" <"$T/alive" >"$T/registryd.log" 2>&1 3>&- &
	HOSTILE_PID=$!
	exec 9>"$T/alive"
	wait_for test -s "$T/ports"
	read -r PORT OTHER <"$T/ports"
	H=127.0.0.1:$PORT
	make_image
}

test_teardown() {
	exec 9>&-
	wait "$HOSTILE_PID" 2>/dev/null || true
}

# dir:$T/img: one layer of 3 MB that does not compress, so that it is sent as a stream.
make_image() {
	local layer config
	mkdir "$T/img" "$T/files"
	head -c 3000000 /dev/urandom >"$T/files/data"
	tar cf "$T/layer" -C "$T/files" data
	diff=$(sha256sum <"$T/layer" | cut -d' ' -f1)
	gzip -1n "$T/layer"
	layer=$(sha256sum <"$T/layer.gz" | cut -d' ' -f1)
	printf '{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' "$diff" >"$T/config"
	config=$(sha256sum <"$T/config" | cut -d' ' -f1)
	cp "$T/layer.gz" "$T/img/$layer"
	cp "$T/config" "$T/img/$config"
	printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:%s","size":%d},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:%s","size":%d}]}' \
		"$config" "$(stat -c %s "$T/config")" "$layer" "$(stat -c %s "$T/layer.gz")" >"$T/img/manifest.json"
	echo "Directory Transport Version: 1.1" >"$T/img/version"
	LAYER=sha256:$layer
}

copy() {
	pm copy -q --src-tls-verify=false --dest-tls-verify=false "$@" 9>&-
}

requests() {
	curl -sS --max-time 10 "http://$H/log"
}

# pushed BEHAVIOUR [OPTION...]: succeeds, and what the registry has is the image.
pushed() {
	local kind=$1
	shift
	run -0 copy "$@" "dir:$T/img" "docker://$H/$kind:t"
	log=$(requests)
	local auth='Basic bWU6c2VjcmV0' # me:secret
	[ "$kind" != up-bearer ] || auth='Bearer good'
	curl -sS --max-time 10 "http://$H/v2/$kind/blobs/$LAYER" -H "Authorization: $auth" | cmp - "$T/layer.gz"
	curl -sS --max-time 10 "http://$H/v2/$kind/manifests/t" -H "Authorization: $auth" | cmp - "$T/img/manifest.json"
}

# refused BEHAVIOUR REGEX
refused() {
	run -125 copy "dir:$T/img" "docker://$H/$1:t"
	assert_error 125 "$2"
	assert_eq "$(grep -c ^Error: <<<"$output")" 1
	assert_eq "$(curl -sS -o /dev/null -w '%{http_code}' --max-time 10 "http://$H/v2/$1/manifests/t")" 404
}

@test "push: an upload that breaks is taken up where it broke" {
	pushed up-break
	# the second request for the layer says where it begins
	assert_eq "$(grep -c '^PATCH' <<<"$log")" 2
	assert_like "$log" "GET $PORT /v2/up-break/blobs/uploads/"
}

@test "push: an upload that is gone, or whose state is a lie, begins anew" {
	pushed up-gone
	assert_eq "$(grep -c '^PATCH' <<<"$log")" 2
	pushed up-liar
}

@test "push: a busy registry is asked again, and one that says when, then" {
	pushed up-busy
	assert_eq "$(grep -c '^PATCH' <<<"$log")" 3
	SECONDS=0
	pushed up-limited
	[ "$SECONDS" -ge 1 ]
}

@test "push: a reply that was lost" {
	pushed up-lostreply
}

@test "push: credentials stay with the registry, wherever it sends the upload" {
	pushed up-elsewhere --dest-creds me:secret
	assert_like "$log" "PATCH $OTHER .* 202 - -"
	run -1 grep "^[A-Z]* $OTHER .* Basic" <<<"$log"
	pushed up-redirect --dest-creds me:secret
	assert_like "$log" "PATCH $PORT .* 307 - Basic"
	assert_like "$log" "PATCH $OTHER .* 202 - -"
	run -1 grep "^[A-Z]* $OTHER .* Basic" <<<"$log"
}

@test "push: a token that expires in the middle" {
	pushed up-bearer --dest-creds me:secret
	assert_like "$log" "PATCH $PORT .* 401"
}

@test "push: refusals are said once and clearly" {
	refused up-denied "access denied"
	refused up-toolarge "status 413"
	refused up-nowhere "not an http\(s\) address"
	refused up-picky "writing manifest t"
	run -125 copy "dir:$T/img" "docker://$H/up-basic:t"
	assert_error 125 "authentication required"
	refused up-always "writing blob $LAYER"
	run -125 copy --retry-times 0 "dir:$T/img" "docker://$H/up-stall:t"
	assert_error 125 "does not answer in time"
	# blobs that do not have their digest never get a manifest
	printf x >>"$T/img/${LAYER#sha256:}"
	refused up-ok "bytes, not"
}

@test "copy from a registry that breaks off and lies, to a place of one's own" {
	for kind in truncate no-range busy limited; do
		run -0 copy "docker://$H/$kind:t" "dir:$T/$kind"
		skopeo --insecure-policy copy -q "dir:$T/$kind" "dir:$T/check-$kind"
	done
	for kind in lie-digest truncate-always short-body long-body bad-range lost-layer lie-config; do
		run -125 copy "docker://$H/$kind:t" "oci-archive:$T/$kind.tar"
		assert_eq "$(grep -c ^Error: <<<"$output")" 1
		[ ! -e "$T/$kind.tar" ]
	done
	run -125 copy "docker://$H/schema1:t" "dir:$T/s"
	assert_error 125 "schema 1"
	run -125 copy "docker://$H/ambiguous:t" "dir:$T/s"
	assert_error 125 "ambiguous"
	run -125 copy "docker://$H/foreign:t" "dir:$T/s"
	assert_error 125 "foreign"
	run -0 copy --foreign-layers "docker://$H/foreign:t" "oci:$T/f"
	requests >"$T/log"
	run -1 grep "^GET $OTHER" "$T/log"
	run -0 copy "docker://$H/artifact:t" "oci:$T/artifact"
}
