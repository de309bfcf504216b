# helpers - what every bats file of pm loads. Each test has its own --root and --runroot under $T, a short
# temporary directory; teardown asserts that nothing is left: no process, mount, socket or file.
#
# Run by tests/run-bats, as an unprivileged user. Variables from there:
#	PM_BIN			the pm under test
#	PM_TEST_FIXTURES	a directory with what is built once: oci/ (the busybox layout)
#	PM_TEST_REAPER		pid of the subreaper that orphans of this file's tests end up at
#	PM_TEST_STRICT		1: a skip is a failure

bats_require_minimum_version 1.5.0

: "${PM_BIN:=$BATS_TEST_DIRNAME/../../out/bin/pm}"
: "${PM_TEST_FIXTURES:=}"
: "${PM_TEST_STRICT:=0}"

# pm with this test's store. PM_TIMEOUT (seconds) bounds it.
pm() {
	timeout --foreground -k 5 "${PM_TIMEOUT:-60}" "$PM_BIN" --root "$T/root" --runroot "$T/run" "$@"
}

# A test that cannot run here: skipped, or failed when strict.
skip_or_fail() {
	if [ "$PM_TEST_STRICT" = 1 ]; then
		echo "cannot run: $1" >&2
		return 1
	fi
	skip "$1"
}

# Fails with a message and what the last `run` printed.
fail() {
	echo "$*" >&2
	echo "status ${status-}, output:" >&2
	echo "${output-}" >&2
	return 1
}

# assert_eq GOT WANT
assert_eq() {
	[ "$1" = "$2" ] || fail "got '$1', not '$2'"
}

# assert_like TEXT REGEX
assert_like() {
	[[ $1 =~ $2 ]] || fail "'$1' does not match '$2'"
}

# assert_error STATUS REGEX: of the last `run`
assert_error() {
	assert_eq "$status" "$1"
	assert_like "$output" "Error: .*$2"
}

# Polls until the command succeeds, at most 30 seconds (WAIT_FOR).
wait_for() {
	local deadline=$((SECONDS + ${WAIT_FOR:-30}))
	until "$@"; do
		[ "$SECONDS" -lt "$deadline" ] || { echo "not in time: $*" >&2; return 1; }
		sleep 0.05
	done
}

# --- images -----------------------------------------------------------------------------------------

# Gives this test's store the busybox image, as $IMAGE.
IMAGE=localhost/busybox:latest
load_busybox() {
	if [ -f "$PM_TEST_FIXTURES/busybox.tar" ]; then
		pm import -q --change 'CMD ["sh"]' "$PM_TEST_FIXTURES/busybox.tar" "$IMAGE" >/dev/null
	else
		skip_or_fail "no fixtures: use tests/run-bats"
	fi
}

# The pid of a running container's process, and of its monitor, which is its parent.
container_pid() {
	pm inspect -f '{{.State.Pid}}' "$1"
}

monitor_pid() {
	sed -n 's/^PPid:[[:space:]]*//p' "/proc/$(container_pid "$1")/status"
}

# --- a registry -------------------------------------------------------------------------------------

# start_registry [--tls] [--auth] [--log]: sets REGISTRY to its HOST:PORT. With --tls $T/certs/ca.crt is its
# certificate (for --cert-dir); with --auth the only user is "user" with password "secret".
start_registry() {
	local tls='' auth='' quiet=true conf=$T/registry.yml
	command -v docker-registry >/dev/null || { skip_or_fail "no docker-registry"; return; }
	mkdir -p "$T/registry" "$T/certs"
	while [ $# -gt 0 ]; do
		case $1 in
		--tls) tls=1 ;;
		--auth) auth=1 ;;
		--log) quiet=false ;;
		esac
		shift
	done
	{
		echo 'version: 0.1'
		echo "log: {level: info, accesslog: {disabled: $quiet}}"
		echo "storage: {filesystem: {rootdirectory: $T/registry}, delete: {enabled: true}}"
		echo 'http:'
		echo '  addr: 127.0.0.1:0'
		if [ -n "$tls" ]; then
			openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
				-keyout "$T/key.pem" -out "$T/certs/ca.crt" -subj /CN=127.0.0.1 \
				-addext subjectAltName=IP:127.0.0.1,DNS:localhost 2>/dev/null
			echo "  tls: {certificate: $T/certs/ca.crt, key: $T/key.pem}"
		fi
		if [ -n "$auth" ]; then
			# bcrypt of "secret"
			# shellcheck disable=SC2016
			echo 'user:$2y$05$VGmIKcBfI2QtDQCWQSrA5.wK72ga/3Hou.B41GJ3WoAuWScu/w64.' >"$T/htpasswd"
			echo "auth: {htpasswd: {realm: test, path: $T/htpasswd}}"
		fi
	} >"$conf"
	: >"$T/registry.log" # an earlier one's says the same
	docker-registry serve "$conf" >"$T/registry.log" 2>&1 3>&- &
	REGISTRY_PID=$!
	wait_for grep -q 'listening on' "$T/registry.log"
	REGISTRY=127.0.0.1:$(sed -n 's/.*listening on 127\.0\.0\.1:\([0-9]*\).*/\1/p' "$T/registry.log" | head -1)
	REGISTRY_URL=http://$REGISTRY
	REGISTRY_CURL=()
	[ -z "$tls" ] || { REGISTRY_URL=https://$REGISTRY; REGISTRY_CURL+=(--cacert "$T/certs/ca.crt"); }
	[ -z "$auth" ] || REGISTRY_CURL+=(-u user:secret)
}

registry_curl() {
	curl -sS --fail --max-time 20 "${REGISTRY_CURL[@]}" "$@"
}

# registry_blob REPO FILE: uploads it and prints its digest.
registry_blob() {
	local digest url
	digest=sha256:$(sha256sum <"$2" | cut -d' ' -f1)
	url=$(registry_curl -X POST -D - -o /dev/null "$REGISTRY_URL/v2/$1/blobs/uploads/" |
		tr -d '\r' | sed -n 's/^[Ll]ocation: //p')
	registry_curl -X PUT -H 'Content-Type: application/octet-stream' --data-binary "@$2" \
		"$url&digest=$digest" -o /dev/null
	echo "$digest"
}

# registry_manifest REPO TAG FILE MEDIATYPE
registry_manifest() {
	registry_curl -X PUT -H "Content-Type: $4" --data-binary "@$3" \
		"$REGISTRY_URL/v2/$1/manifests/$2" -o /dev/null
}

# registry_push LAYOUT REPO TAG: the (first) image of an OCI layout.
registry_push() {
	local layout=$1 repo=$2 tag=$3 manifest digest type
	manifest=$layout/blobs/sha256/$(jq -r '.manifests[0].digest' "$layout/index.json" | cut -d: -f2)
	for digest in $(jq -r '.config.digest, .layers[].digest' "$manifest"); do
		registry_blob "$repo" "$layout/blobs/sha256/${digest#sha256:}" >/dev/null
	done
	type=$(jq -r .mediaType "$manifest")
	registry_manifest "$repo" "$tag" "$manifest" "$type"
}

stop_registry() {
	[ -n "${REGISTRY_PID-}" ] || return 0
	kill "$REGISTRY_PID" 2>/dev/null || true
	wait "$REGISTRY_PID" 2>/dev/null || true
	REGISTRY_PID=
}

# --- what is left -----------------------------------------------------------------------------------

# Processes that lost their parent since the file began, as "PID COMM"; empty when none.
orphans() {
	[ -n "${PM_TEST_REAPER-}" ] || return 0
	local children=() pid
	# the first is bats
	read -ra children 2>/dev/null <"/proc/$PM_TEST_REAPER/task/$PM_TEST_REAPER/children" || :
	for pid in "${children[@]:1}"; do
		case $(cat "/proc/$pid/stat" 2>/dev/null) in
		*") Z "* | '') ;; # being reaped
		*) echo "$pid $(cat "/proc/$pid/comm" 2>/dev/null)" ;;
		esac
	done
}

no_orphans() {
	[ -z "$(orphans)" ]
}

# nftables' tables of root's network namespace, which is the file's own; the virtual machine has no nft.
no_tables() {
	! command -v nft >/dev/null || [ -z "$(nft list tables)" ]
}

# Nothing runs, is mounted or listens for this test any more.
assert_nothing_left() {
	local bad=0
	if [ "$(id -u)" = 0 ] && ! wait_for no_tables; then
		nft list tables >&2
		echo "nftables tables left" >&2
		nft flush ruleset
		bad=1
	fi
	if ! wait_for no_orphans 2>/dev/null; then
		echo "processes left: $(orphans)" >&2
		for pid in $(orphans | cut -d' ' -f1); do
			tr '\0' ' ' <"/proc/$pid/cmdline" >&2
			kill -9 "$pid"
		done
		bad=1
	fi
	if grep -F " $T/" /proc/self/mountinfo >&2; then
		echo "mounts left" >&2
		bad=1
	fi
	if grep -F " $T/" /proc/net/unix >&2; then
		echo "sockets left" >&2
		bad=1
	fi
	return $bad
}

# --- bats' hooks ------------------------------------------------------------------------------------

setup() {
	# a capital letter in it, always: what is pulled from a path without one is named after it
	T=$(mktemp -d --suffix=T /tmp/pmt.XXXXXX)
	mkdir -p "$T/home"
	export HOME=$T/home T
	unset XDG_CONFIG_HOME XDG_DATA_HOME REGISTRY_AUTH_FILE DOCKER_CONFIG
	if declare -F test_setup >/dev/null; then test_setup; fi
}

teardown() {
	local bad=0
	if declare -F test_teardown >/dev/null; then test_teardown || bad=1; fi
	stop_registry
	# what a test left running on purpose is removed; then nothing may be left
	if [ -e "$T/root/pm.db" ]; then
		pm system reset -f >"$T/reset.log" 2>&1 || { cat "$T/reset.log" >&2; bad=1; }
		if [ -n "$(find "$T/root" "$T/run" -mindepth 1 -print -quit 2>/dev/null)" ]; then
			echo "files left after system reset:" >&2
			find "$T/root" "$T/run" >&2
			bad=1
		fi
	fi
	assert_nothing_left || bad=1
	chmod -R u+rwX "$T" 2>/dev/null
	rm -rf "$T" || bad=1
	return $bad
}
