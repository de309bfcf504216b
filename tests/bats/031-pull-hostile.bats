#!/usr/bin/env bats
# pull from a registry that lies, stalls, truncates and redirects (tests/fixtures/registryd): one clear error
# each, and a store that is as before; or success where a retry can mend it.

load helpers

test_setup() {
	export PM_TEST_RETRY_MS=20 PM_TEST_STALL_SECONDS=1
	# its standard input ends with this test
	mkfifo "$T/alive"
	"$BATS_TEST_DIRNAME/../fixtures/registryd" "$T/ports" <"$T/alive" >"$T/registryd.log" 2>&1 3>&- &
	HOSTILE_PID=$!
	exec 9>"$T/alive"
	wait_for test -s "$T/ports"
	read -r PORT OTHER <"$T/ports"
	H=127.0.0.1:$PORT
}

test_teardown() {
	exec 9>&-
	wait "$HOSTILE_PID" 2>/dev/null || true
}

pull() {
	pm pull -q --tls-verify=false "$@" 9>&-
}

requests() {
	curl -sS --max-time 10 "http://$H/log"
}

# Nothing of a failed pull is in the store.
assert_store_empty() {
	run -0 pm images -aq
	assert_eq "$output" ""
	assert_eq "$(find "$T/root/staging" "$T/root/trash" "$T/root/layers" -mindepth 1 2>/dev/null)" ""
}

# refused BEHAVIOUR REGEX
refused() {
	run -125 pull "$H/$1:t"
	assert_error 125 "$2"
	assert_like "$output" "$H/$1"
	assert_eq "$(grep -c ^Error: <<<"$output")" 1
}

# layer N of an image holds "layerN" with the words "layer N"
assert_image() {
	local id=$output layer
	assert_like "$id" '^[0-9a-f]{64}$'
	for layer in "$T"/root/layers/*/diff; do
		assert_like "$(cat "$layer"/layer*)" '^layer [0-9]$'
	done
	assert_eq "$(find "$T/root/staging" -mindepth 1)" ""
}

@test "hostile registry: manifests that are none, or two things at once" {
	refused html "unknown media type 'text/html'"
	refused wrong-type "contradicts"
	refused ambiguous "ambiguous"
	refused schema1 "schema 1"
	refused artifact "not a container image"
	refused huge-manifest "larger than"
	refused deep-manifest "nested deeper"
	refused lie-header "content has digest"
	refused index-other "no image found"
	refused index-lie "content has digest"
	refused index-nested "index"
	assert_store_empty
}

@test "hostile registry: digests that are paths, foreign layers, configs that do not fit" {
	refused evil-digest "is not a digest"
	refused bad-layer-type "unsupported media type"
	refused foreign "layer sha256:[0-9a-f]* is foreign"
	run -1 grep "^GET $OTHER" <(requests)
	refused few-diffids "names 1 layers but the manifest has 2"
	refused bad-config "rootfs"
	refused lie-config "content has digest"
	refused lie-config-size "bytes, not"
	assert_store_empty
}

@test "hostile registry: layers with a wrong digest, diff id or size leave nothing" {
	refused lie-digest "sha256:[0-9a-f]{64} from $H/lie-digest: the blob's digest is"
	refused lie-diffid "diff id is"
	refused lie-size "longer than"
	refused lie-size-long "ended after"
	refused short-body "ended after"
	refused long-body "longer than"
	refused lost-layer "blob unknown"
	assert_store_empty
}

@test "hostile registry: statuses, loops and addresses of other kinds" {
	refused unknown "manifest unknown"
	refused denied "access denied"
	refused broken "status 500"
	assert_eq "$(requests | grep -c ' /v2/broken/manifests/t 500')" 4
	refused loop "redirects"
	refused to-file "not an http"
	refused bearer-elsewhere "token server"
	refused manifest-stall "in time"
	assert_store_empty
}

@test "hostile registry: a body that breaks is taken up where it broke" {
	run -0 pull "$H/truncate:t"
	assert_image
	assert_like "$(requests)" "206 bytes=[0-9]+-"
	run -0 pull "$H/no-range:t"
	assert_image
	run -0 pull "$H/stall:t"
	assert_image
	assert_like "$(requests)" "206 bytes=[0-9]+-"
}

@test "hostile registry: a body that always breaks, or goes on elsewhere, ends with an error" {
	refused truncate-always "closed the connection before the end"
	refused bad-range "another part"
	assert_store_empty
}

@test "busy registry: 503 and 429 with Retry-After are waited for" {
	run -0 pull "$H/busy:t"
	assert_image
	assert_eq "$(requests | grep -c ' 503 ')" 2
	SECONDS=0
	run -0 pull "$H/limited:t"
	assert_image
	[ "$SECONDS" -ge 1 ]
}

@test "credentials do not follow a redirect to another origin" {
	refused basic "authentication required"
	run -0 pull --creds me:secret "$H/basic:t"
	assert_image
	log=$(requests)
	assert_like "$log" "GET $PORT /v2/basic/blobs/[^ ]* 307 - Basic"
	assert_like "$log" "GET $OTHER /elsewhere/basic/[^ ]* 200 - -"
	run -1 grep -E "^GET $OTHER .* (Basic|Bearer)" <<<"$log"
}

@test "tokens: fetched when asked for, again when they expire, not with wrong credentials" {
	run -0 pull "$H/bearer:t"
	assert_image
	assert_like "$(requests)" "/token.service=svc.scope=repository%3Abearer%3Apull 200 - -"
	run -0 pull "$H/bearer-expires:t"
	assert_image
	assert_eq "$(requests | grep -c '/token')" 2
	run -125 pull --creds me:wrong "$H/bearer:t"
	assert_error 125 "refuses the credentials"
}

@test "plain, zstd and gzip layers, an index, eight layers at once" {
	command -v zstd >/dev/null || { skip_or_fail "no zstd"; return; }
	for kind in plain zstd index many redirect; do
		run -0 pull "$H/$kind:t"
		assert_image
	done
	assert_eq "$(find "$T/root/layers" -mindepth 1 -maxdepth 1 | wc -l)" 16
}

@test "two pulls of one image fetch each layer once" {
	pull "$H/slow:t" >"$T/one" 2>&1 &
	first=$!
	run -0 pull "$H/slow:t"
	wait "$first"
	assert_eq "$(cat "$T/one")" "$output"
	assert_eq "$(requests | grep '/v2/slow/blobs/' | cut -d' ' -f3 | sort | uniq -d | wc -l)" 1 # the config
}

@test "an interrupted pull leaves nothing; a killed one nothing after the next command" {
	PM_TEST_STALL_SECONDS=30 "$PM_BIN" --root "$T/root" --runroot "$T/run" pull -q --tls-verify=false \
		"$H/hang:t" 9>&- >"$T/out" 2>&1 &
	victim=$!
	wait_for sh -c "[ -n \"\$(find '$T/root/staging' -mindepth 4 2>/dev/null)\" ]"
	kill -TERM "$victim"
	wait "$victim" && return 1
	assert_like "$(cat "$T/out")" "^Error: .*interrupted|^$"
	assert_store_empty
	assert_nothing_left
	PM_TEST_STALL_SECONDS=30 "$PM_BIN" --root "$T/root" --runroot "$T/run" pull -q --tls-verify=false \
		"$H/hang:t" 9>&- >"$T/out" 2>&1 &
	victim=$!
	wait_for sh -c "[ -n \"\$(find '$T/root/staging' -mindepth 4 2>/dev/null)\" ]"
	kill -KILL "$victim"
	wait "$victim" || true
	wait_for no_orphans
	run -0 pull "$H/plain:t"
	assert_image
	run -0 pm images -q
	assert_eq "$(wc -l <<<"$output")" 1
}

@test "registries.conf: short names, insecure registries, mirrors, blocked ones" {
	mkdir -p "$HOME/.config/containers"
	cat >"$HOME/.config/containers/registries.conf" <<-CONF
		unqualified-search-registries = ["127.0.0.1:1", "$H"]
		[[registry]]
		location = "$H"
		insecure = true
		[[registry]]
		prefix = "mirrored.example/x"
		location = "127.0.0.1:1"
		[[registry.mirror]]
		location = "$H"
		insecure = true
		[[registry]]
		location = "blocked.example"
		blocked = true
		[aliases]
		"nick" = "$H/plain"
	CONF
	run -0 pm pull -q plain:t 9>&-
	run -0 pm pull -q nick:t 9>&-
	run -0 pm pull -q mirrored.example/x/plain:t 9>&-
	run -0 pm images --sort repository --format '{{.Repository}}:{{.Tag}}'
	assert_eq "$output" "$H/plain:t
mirrored.example/x/plain:t"
	run -125 pm pull -q blocked.example/a 9>&-
	assert_error 125 "blocked"
	run -125 pm pull -q --tls-verify=true "$H/zstd:t" 9>&-
	assert_error 125 "speaks HTTP, not HTTPS"
}

@test "policy.json: what it rejects is not fetched" {
	mkdir -p "$HOME/.config/containers"
	printf '{"default":[{"type":"reject"}],"transports":{"docker":{"%s/plain":[{"type":"insecureAcceptAnything"}]}}}' \
		"$H" >"$HOME/.config/containers/policy.json"
	run -125 pull "$H/many:t"
	assert_error 125 "rejected by policy"
	assert_eq "$(requests)" ""
	run -0 pull "$H/plain:t"
}

@test "skopeo --command-timeout: what takes longer ends as ^C would end it, and says so" {
	ln -s "$PM_BIN" "$T/skopeo"
	limited() {
		timeout --foreground -k 5 30 "$T/skopeo" --command-timeout 1s --insecure-policy "$@" 9>&-
	}
	unset PM_TEST_STALL_SECONDS
	# before any layer, in the middle of one, into the store
	run -125 limited inspect --tls-verify=false "docker://$H/manifest-stall:t"
	assert_error 125 "the command took longer than --command-timeout allows"
	run -125 limited copy -q --src-tls-verify=false "docker://$H/stall:t" "dir:$T/late"
	assert_error 125 "the command took longer than --command-timeout allows"
	[ ! -e "$T/late/manifest.json" ]
	assert_eq "$(find "$T/late" -name '.*' -type f)" ''
	# outside of any talk with pm-transfer
	mkfifo "$T/in"
	run -125 limited login -u me --password-stdin "$H" <>"$T/in"
	assert_error 125 "the command took longer than --command-timeout allows"
}
