#!/usr/bin/env bats
# run-bats: root
# As real root: containers without a user namespace. And a user on hosts that lack something, which only root
# can make: no /dev/net/tun, no /dev/fuse, no newuidmap, no subordinate ids, a name server of the test's own.
# All of it in the private mount and network namespaces that tests/run-bats gives.

load helpers
load network

test_setup() {
	[ "$(id -u)" = 0 ] && [ -n "${PM_TEST_AS-}" ] || skip_or_fail "needs root" || return
	chmod 711 "$T"
	mkdir "$T/user"
	chown "${PM_TEST_AS##* }" "$T/user"
}

test_teardown() {
	local at bad=0
	[ -z "${SERVER-}" ] || { kill "$SERVER"; wait "$SERVER" || true; }
	if [ -e "$T/user/root/pm.db" ]; then
		upm system reset -f || bad=1
	fi
	for at in /etc/subuid /etc/subgid /etc/resolv.conf /usr/bin/newuidmap /dev/net /dev/fuse; do
		umount "$at" 2>/dev/null || true
	done
	if ! wait_for no_net_left; then
		echo "on the network: $(net_left)" >&2
		bad=1
	fi
	if [ -n "$(cgroups)" ]; then
		echo "cgroups left: $(cgroups)" >&2
		bad=1
	fi
	return $bad
}

# pm as the unprivileged user
upm() {
	# shellcheck disable=SC2086 # a command and the user
	timeout --foreground -k 5 60 $PM_TEST_AS env HOME="$T/user" \
		"$PM_BIN" --root "$T/user/root" --runroot "$T/user/run" "$@"
}

user_busybox() {
	upm import -q --change 'CMD ["sh"]' "$PM_TEST_FIXTURES/busybox.tar" "$IMAGE" 2>&1
}

# Devices, rules of routing and of nftables that were not there at first.
net_left() {
	ip -o link | grep -v ': lo:'
	ip rule | grep fwmark
	nft list tables
}

no_net_left() {
	[ -z "$(net_left)" ]
}

cgroups() {
	local id
	for id in ${IDS-}; do
		find /sys/fs/cgroup -name "*$id*" 2>/dev/null
	done
}

nothing_half_made() {
	assert_eq "$(upm ps -aq)" ""
	assert_eq "$(ls -A "$T/user/root/containers")" ""
}

# hide PATH: an empty file or directory in its place
hide() {
	if [ -d "$1" ]; then
		mkdir -p "$T/empty-dir"
		mount --bind "$T/empty-dir" "$1"
	else
		: >"$T/empty"
		chmod 644 "$T/empty"
		mount --bind "$T/empty" "$1"
	fi
}

# --- root -------------------------------------------------------------------------------------------

as_root() {
	local rt=$1
	load_busybox
	# no user namespace: the ids are the host's
	assert_eq "$(pm --runtime "$rt" run --rm "$IMAGE" readlink /proc/self/ns/user)" "$(readlink /proc/self/ns/user)"
	run pm --runtime "$rt" run --rm "$IMAGE" sh -c 'echo out; exit 7'
	assert_eq "$status" 7
	assert_eq "$output" out
	run -127 pm --runtime "$rt" run --rm "$IMAGE" nosuchcommand
	assert_error 127 ".*nosuchcommand"
	IDS=$(pm --runtime "$rt" run -d --name a "$IMAGE" sleep 100)
	assert_eq "$(pm --runtime "$rt" exec a echo hi)" hi
	run pm --runtime "$rt" exec a sh -c 'exit 9'
	assert_eq "$status" 9
	assert_like "$(pm --runtime "$rt" exec -t a tty)" /dev/pts/
	pm --runtime "$rt" stop -t 0 a
	assert_eq "$(cgroups)" ""
	pm --runtime "$rt" start a
	pm --runtime "$rt" kill a
	pm wait a
	pm --runtime "$rt" rm a
	IDS+=" $(pm --runtime "$rt" run -d --name b "$IMAGE" sleep 100)"
	kill -9 "$(monitor_pid b)"
	pm --runtime "$rt" rm -f -t 0 b
	assert_eq "$(cgroups)" ""
	assert_eq "$(ls -A "$T/root/containers" "$T/run/ctr" "$T/run/$rt" | grep -v ':$' | grep -c .)" 0
}

@test "root: crun: run, exec, stop, start, kill, rm" {
	as_root crun
}

@test "root: runc: run, exec, stop, start, kill, rm" {
	command -v runc >/dev/null || skip_or_fail "no runc" || return
	as_root runc
}

@test "root: vfs and fuse-overlayfs" {
	load_busybox
	for driver in vfs fuse-overlayfs; do
		[ "$driver" = vfs ] || [ -e /dev/fuse ] || continue
		pm --storage-driver "$driver" run --name "$driver" "$IMAGE" sh -c 'echo x >>/f; chown 5:6 /f; cat /f'
		assert_eq "$(pm --storage-driver "$driver" start -a "$driver")" $'x\nx'
		pm --storage-driver "$driver" rm "$driver"
	done
	assert_eq "$(ls -A "$T/root/containers")" ""
}

@test "root: an image's device nodes cannot be used" {
	load_busybox
	mkdir "$T/img"
	tar -C "$T/img" -xf "$PM_TEST_FIXTURES/busybox.tar"
	mknod "$T/img/null" c 1 3
	tar -C "$T/img" -cf "$T/img.tar" .
	for driver in overlay vfs; do
		run pm --storage-driver "$driver" import -q "$T/img.tar" devimg
		[ "$status" -eq 0 ] || continue # refused: as good
		run pm --storage-driver "$driver" run --rm devimg sh -c 'test -c /null && cat /null'
		[ "$status" -ne 0 ] || fail "$driver: the image's device was opened: $(pm --storage-driver "$driver" run --rm devimg sh -c 'ls -l /null; grep " / " /proc/mounts')"
	done
}

@test "root: from within a cgroup of its own" {
	load_busybox
	local tree=/sys/fs/cgroup own
	[ -e "$tree/cgroup.procs" ] || tree=/sys/fs/cgroup/unified
	[ -e "$tree/cgroup.procs" ] || skip_or_fail "no cgroup v2 tree" || return
	own=$tree/pm-test-$$
	mkdir "$own"
	run sh -c "echo \$\$ >$own/cgroup.procs && exec $PM_BIN --root $T/root --runroot $T/run run --rm $IMAGE sh -c 'exit 3'"
	assert_eq "$status" 3
	sh -c "echo \$\$ >$own/cgroup.procs && exec $PM_BIN --root $T/root --runroot $T/run run -d --name a $IMAGE sleep 100"
	assert_eq "$(pm exec a echo hi)" hi
	pm rm -f -t 0 a
	assert_eq "$(find "$own" -mindepth 1 -type d)" ""
	wait_for rmdir "$own"
}

@test "root: checkpoint names what is missing: CRIU, a kernel that it knows, a runtime built with it" {
	load_busybox
	pm create --name ctr "$IMAGE" true >/dev/null
	mkdir "$T/bin"
	fake() { # EXIT-STATUS TEXT: a criu
		printf '#!/bin/sh\necho "%s" >&2\nexit %s\n' "$2" "$1" >"$T/bin/criu"
		chmod +x "$T/bin/criu"
	}
	fake 1 'Warn (criu/x.c:1): w
Error (criu/vdso.c:381): vdso: Unexpected rt vDSO area bounds'
	PATH=$T/bin:$PATH run -125 pm container checkpoint ctr
	assert_error 125 'does not work with this kernel: vdso: Unexpected rt vDSO area bounds$'
	fake 0 'Looks good.'
	PATH=$T/bin:$PATH run -125 pm container restore ctr
	if ! crun --version | grep -q '+CRIU'; then
		assert_error 125 'its runtime .*crun, which was built without CRIU'
	fi
	pm --runtime runc create --name other "$IMAGE" true >/dev/null
	PATH=$T/bin:$PATH run -125 pm container checkpoint other
	assert_error 125 'container other is created: only a running one can be checkpointed'
	PATH=$T/bin:$PATH run -125 pm container restore other
	assert_error 125 'a complete checkpoint for container other cannot be found'
	# what comes from elsewhere is looked at before anything is made
	mkdir -p "$T/archive/checkpoint"
	import() { # MESSAGE
		tar -C "$T/archive" -cf "$T/archive.tar" .
		PATH=$T/bin:$PATH run -125 pm container restore --import "$T/archive.tar"
		assert_error 125 "$1"
		assert_eq "$(pm ps -aq | wc -l)" 2
		[ "$(find "$T/root/staging" "$T/root/trash" -mindepth 1 2>/dev/null | wc -l)" = 0 ] || fail "something is left"
	}
	import 'is not a checkpoint'
	id=$(pm inspect -f '{{.Id}}' other) image=$(pm inspect -f '{{.Image}}' other)
	config() { # MEMBERS
		jq -n "{pm: ({version: 1, id: \"$id\", name: \"web\", image_id: \"$image\", network: \"none\", runtime: \"runc\",
			command: [\"true\"]} + $1)}" >"$T/archive/config.dump"
	}
	echo '{}' >"$T/archive/spec.dump"
	config '{privileged: true}'
	import 'wants all privileges .* of the host'
	config '{mounts: [{type: "bind", source: "/", dest: "/host"}]}'
	import 'wants a directory of the host'
	config '{name: "../../x"}'
	import "name of the checkpoint's container"
	config '{image_id: "0000000000000000000000000000000000000000000000000000000000000000"}'
	import 'is not in the store: pull it first'
	config '{}'
	import 'container ID .* is already in use by container other'
	ln -s /etc/shadow "$T/archive/checkpoint/pages-1.img"
	import 'checkpoint/pages-1.img is no regular file'
	rm "$T/archive/checkpoint/pages-1.img"
	# a whole way, to where CRIU fails: nothing stays
	config "{id: \"$(printf %064d 1)\"}"
	tar -cf "$T/archive/rootfs-diff.tar" -C "$T" archive.tar
	echo '["/bin", "/../../etc/../bin/../../x"]' >"$T/archive/deleted.files"
	import 'restore container web: '
	echo '["/.."]' >"$T/archive/deleted.files"
	import "is no file's path"
	pm rm ctr other >/dev/null
}

# --- what a host may lack ---------------------------------------------------------------------------

@test "without /dev/net/tun: one clear error; the other networks work" {
	user_busybox
	hide /dev/net
	run upm run --rm "$IMAGE" true
	assert_error 125 "open /dev/net/tun: .*modprobe tun.*--network none"
	assert_eq "${#lines[@]}" 1
	nothing_half_made
	assert_eq "$(upm run --rm --network none "$IMAGE" echo hi)" hi
	assert_eq "$(upm run --rm --network host "$IMAGE" echo hi)" hi
}

@test "without /dev/fuse: one clear error" {
	user_busybox
	[ -e /dev/fuse ] || skip_or_fail "no /dev/fuse" || return
	: >"$T/empty"
	chmod 600 "$T/empty"
	mount --bind "$T/empty" /dev/fuse
	run upm --storage-driver fuse-overlayfs run --rm "$IMAGE" true
	assert_error 125 ".*fuse-overlayfs needs /dev/fuse"
	assert_eq "${#lines[@]}" 1
	nothing_half_made
}

single_id() {
	local first
	first=$(user_busybox)
	run --separate-stderr upm run --rm "$IMAGE" sh -c 'id -u; wc -l </proc/self/uid_map'
	assert_eq "$status" 0
	assert_eq "$output" $'0\n1'
	# told once, at the first command that is affected
	assert_eq "$(printf '%s\n%s\n' "$first" "$stderr" | grep -c "$1")" 1
	assert_eq "$(upm run --rm --runtime runc "$IMAGE" echo hi 2>&1 || upm --runtime runc run --rm "$IMAGE" echo hi)" hi
	upm run -d --name a "$IMAGE" sleep 100
	assert_eq "$(upm exec a echo hi)" hi
	upm stop -t 0 a
	upm rm a
	run upm run --rm -u 1000 "$IMAGE" true
	assert_error 125 ".*1000"
	nothing_half_made
}

@test "without newuidmap: busybox runs as the one id; it is said once" {
	hide /usr/bin/newuidmap
	chmod 644 "$T/empty"
	single_id newuidmap
}

@test "without subordinate ids: busybox runs as the one id; it is said once" {
	hide /etc/subuid
	hide /etc/subgid
	single_id /etc/subuid
}

@test "without subordinate ids: an image with other owners" {
	hide /etc/subuid
	hide /etc/subgid
	user_busybox
	mkdir "$T/img"
	tar -C "$T/img" -xf "$PM_TEST_FIXTURES/busybox.tar"
	echo owned >"$T/img/owned"
	tar -C "$T/img" --owner=5 --group=7 -cf "$T/img.tar" .
	chmod 644 "$T/img.tar"
	# as Podman's ignore_chown_errors has it: everything belongs to the one id
	upm import -q "$T/img.tar" owned
	assert_eq "$(upm run --rm owned sh -c 'cat /owned; stat -c %u:%g /owned')" $'owned\n0:0'
}

# --- names ------------------------------------------------------------------------------------------

@test "DNS: 10.0.2.3 forwards to the host's name server" {
	user_busybox
	dns_server 127.0.0.77 192.0.2.77
	echo 'nameserver 127.0.0.77' >"$T/resolv.conf"
	chmod 644 "$T/resolv.conf"
	mount --bind "$T/resolv.conf" /etc/resolv.conf
	run upm run --rm "$IMAGE" sh -c 'cat /etc/resolv.conf; nslookup name.example 10.0.2.3'
	assert_like "$output" "nameserver 10\.0\.2\.3"
	assert_like "$output" "192\.0\.2\.77"
	# a loopback address means nothing in the container
	[[ $output != *127.0.0.77* ]] || fail "the host's loopback server is in the container's resolv.conf"
}

@test "root: pause and unpause by the group in the unified tree; stats by its counters" {
	load_busybox
	pm run -d --name c --network none "$IMAGE" sh -c 'while :; do sleep 0.1; done'
	grep -q '^0::/.*libpod-' "/proc/$(container_pid c)/cgroup" ||
		{ pm rm -f -t 0 c; skip_or_fail "no group of its own here"; return; }
	assert_eq "$(pm pause c)" c
	assert_eq "$(pm ps -a --format '{{.State}}')" Paused
	assert_eq "$(pm unpause c)" c
	assert_like "$(pm ps -a --format '{{.State}}')" '^Up '
	assert_eq "$(pm stats --no-stream --format '{{.Name}}' c)" c
	assert_like "$(pm top c comm | tail -n +2 | head -1)" '^sh$'
	pm rm -f -t 0 c
}
