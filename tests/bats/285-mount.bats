#!/usr/bin/env bats
# pm mount and unmount; volumes with mount options, inside of pm unshare.

load helpers

test_setup() {
	load_busybox
}

# A script inside of unshare; $P is pm with this test's store.
unshared() {
	P="$PM_BIN --root $T/root --runroot $T/run" PM_TIMEOUT=60 pm unshare sh -ec "$1"
}

@test "outside of unshare it is refused" {
	pm create --name c "$IMAGE"
	for verb in mount unmount umount 'container mount'; do
		run pm $verb c
		assert_error 125 'in rootless mode, must execute `pm unshare` first'
	done
}

@test "a container that does not run: read, written, and unmounted" {
	pm create --network none --name c "$IMAGE" cat /written
	run unshared 'm=$($P mount c); test -x $m/bin/sh; echo there >$m/written; echo $m; $P mount; $P unmount c; test ! -e $m/bin; $P mount; $P umount c'
	assert_eq "$status" 125
	id=$(pm inspect -f '{{.Id}}' c)
	assert_eq "${lines[0]}" "$T/root/containers/$id/merged"
	assert_eq "${lines[1]}" "${id:0:12}  $T/root/containers/$id/merged"
	assert_eq "${lines[2]}" c
	assert_like "${lines[3]}" 'Error: unmounting container c: it is not mounted here'
	assert_eq "$(pm start -a c)" there
	! grep -F "$T/" /proc/self/mountinfo
}

@test "a running one: the same file system" {
	pm run -d --network none --name c "$IMAGE" sleep 1000
	pm exec c sh -c 'echo inside >/b'
	assert_eq "$(unshared 'm=$($P mount c); echo from-outside >$m/a; cat $m/b')" inside
	assert_eq "$(pm exec c cat /a)" from-outside
}

@test "several, --all, --latest, json" {
	pm create --name a "$IMAGE"
	pm create --name b "$IMAGE"
	run unshared '$P mount -a >/dev/null; $P mount --format json; $P unmount -a'
	assert_eq "$status" 0
	assert_eq "$(head -n -2 <<<"$output" | jq -r '.[].Names[0]' | tr '\n' ' ')" 'a b '
	run unshared '$P mount -l'
	assert_like "$output" "/merged$"
	run unshared '$P mount nosuch'
	assert_error 125 'no container with name or ID "nosuch"'
}

@test "volumes with mount options" {
	pm volume create -o type=tmpfs -o o=size=1m t
	run unshared 'm=$($P volume mount t); df $m | tail -1; $P volume unmount t; df $m | tail -1'
	assert_like "${lines[0]}" '^tmpfs +1024 '
	[[ ${lines[2]} != tmpfs*1024* ]]
}
