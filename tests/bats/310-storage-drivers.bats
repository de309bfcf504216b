#!/usr/bin/env bats
# The storage drivers that are not the kernel's overlay: what is written stays, what is removed goes, and
# nothing is left - the file system's server neither.

load helpers

test_setup() {
	load_busybox
}

with() { # DRIVER ARGS...
	local driver=$1
	shift
	pm --storage-driver "$driver" "$@"
}

servers() {
	ps -eo args | grep "^fuse-overlayfs .*$T/" || true
}

no_servers() {
	[ -z "$(servers)" ]
}

life() {
	local d=$1
	# written, removed and given away; with the layer's own file untouched for the next container
	with "$d" run --name a "$IMAGE" sh -c 'test -e /f || { echo x >/f; chown 5:6 /f; rm /bin/vi; mkdir /dir; ln -s f /l; }; cat /l'
	run with "$d" start -a a
	assert_eq "$status" 0
	assert_eq "$output" x
	with "$d" rm a
	assert_eq "$(with "$d" run --rm "$IMAGE" sh -c 'ls /f /l /dir 2>/dev/null; ls /bin/vi')" /bin/vi
	with "$d" run -d --name b "$IMAGE" sh -c '
		test -e /f || { echo y >/f; chown 5:6 /f; rm /bin/vi; }; exec sleep 100'
	wait_for with "$d" exec b sh -c '! test -e /bin/vi'
	assert_eq "$(with "$d" exec b sh -c 'cat /f; ls -ln /f | tr -s " " | cut -d" " -f3,4')" $'y\n5 6'
	with "$d" stop -t 0 b
	no_servers || wait_for no_servers
	with "$d" start b
	assert_eq "$(with "$d" exec b cat /f)" y
	with "$d" rm -f -t 0 b
	assert_eq "$(ls -A "$T/root/containers" "$T/root/trash" | grep -v '^$')" \
		"$(printf '%s:\n%s:' "$T/root/containers" "$T/root/trash")"
	wait_for no_servers
}

@test "fuse-overlayfs: write, restart, exec, rm" {
	[ -w /dev/fuse ] || skip_or_fail "no /dev/fuse" || return
	life fuse-overlayfs
}

@test "fuse-overlayfs: it is used, one server a container" {
	[ -w /dev/fuse ] || skip_or_fail "no /dev/fuse" || return
	with fuse-overlayfs run -d --name a "$IMAGE" sleep 100
	assert_like "$(with fuse-overlayfs exec a grep ' / ' /proc/mounts)" "fuse"
	assert_eq "$(servers | wc -l)" 1
	with fuse-overlayfs rm -f -t 0 a
	wait_for no_servers
}

@test "fuse-overlayfs: kill -9 of the monitor, and the server still ends with the container" {
	[ -w /dev/fuse ] || skip_or_fail "no /dev/fuse" || return
	with fuse-overlayfs run -d --name a "$IMAGE" sleep 100
	kill -9 "$(monitor_pid a)"
	assert_eq "$(with fuse-overlayfs ps --format '{{.Names}}')" a
	with fuse-overlayfs rm -f -t 0 a
	wait_for no_servers
	assert_eq "$(ls -A "$T/root/containers")" ""
}

@test "fuse-overlayfs: kill -9 of the server: the container can be removed" {
	[ -w /dev/fuse ] || skip_or_fail "no /dev/fuse" || return
	with fuse-overlayfs run -d --name a "$IMAGE" sleep 100
	kill -9 "$(pgrep -f "^fuse-overlayfs .*$T/")"
	with fuse-overlayfs rm -f -t 0 a
	assert_eq "$(ls -A "$T/root/containers")" ""
}

@test "fuse-overlayfs: a container that fails to start leaves no server" {
	[ -w /dev/fuse ] || skip_or_fail "no /dev/fuse" || return
	run -127 with fuse-overlayfs run --rm "$IMAGE" nosuchcommand
	assert_error 127 ".*nosuchcommand"
	wait_for no_servers
	assert_eq "$(ls -A "$T/root/containers")" ""
}

@test "vfs: write, restart, exec, rm" {
	life vfs
}

@test "vfs: kill -9 of the monitor" {
	with vfs run -d --name a "$IMAGE" sleep 100
	kill -9 "$(monitor_pid a)"
	with vfs rm -f -t 0 a
	assert_eq "$(ls -A "$T/root/containers")" ""
}

@test "an unknown driver is one error" {
	run with zfs run --rm "$IMAGE" true
	assert_error 125 ".*zfs"
}
