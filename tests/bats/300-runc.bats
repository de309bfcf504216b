#!/usr/bin/env bats
# The other runtime: what 200-230 assert for crun holds for runc.

load helpers

test_setup() {
	command -v runc >/dev/null || skip_or_fail "no runc" || return
	load_busybox
}

r() {
	pm --runtime runc "$@"
}

# runc's own directory has no container
forgotten() {
	[ -z "$(ls -A "$T/run/runc" 2>/dev/null)" ]
}

@test "runc: output, exit codes 7, 125, 126, 127, 137" {
	run --separate-stderr r run --rm "$IMAGE" sh -c 'echo out; echo err >&2; exit 7'
	assert_eq "$status" 7
	assert_eq "$output" out
	assert_eq "$stderr" err
	forgotten
	run r run --rm --workdir /proc/self/fd/9 "$IMAGE" true
	[ "$status" -ge 125 ] || fail "a working directory among descriptors"
	run r run --rm "$IMAGE" /etc
	assert_error 126 ".*permission denied"
	run -127 r run --rm "$IMAGE" nosuchcommand
	assert_error 127 ".*nosuchcommand"
	run r run --rm "$IMAGE" sh -c 'sh -c "kill -9 \$\$"; exit $?'
	assert_eq "$status" 137
	run r run --rm --memory 10m "$IMAGE" true
	[ "$status" -eq 0 ] || assert_error 125 "--memory cannot be applied"
	forgotten || fail "left: $(ls "$T/run/runc")"
	assert_eq "$(pm ps -aq)" ""
}

@test "runc: is what runs" {
	r run -d --name one "$IMAGE" sleep 100
	assert_eq "$(ls "$T/run/runc")" "$(pm inspect -f '{{.Id}}' one)"
	assert_like "$(pm inspect -f '{{.OCIRuntime}}' one)" runc
	r rm -f -t 0 one
	forgotten
}

@test "runc: terminal, user, read-only, seccomp, standard input" {
	run r run --rm -t "$IMAGE" sh -c 'test -t 0 && test -t 1 && tty'
	assert_eq "$status" 0
	assert_like "$output" "/dev/pts/0"
	assert_eq "$(r run --rm -u 12:34 "$IMAGE" sh -c 'id -u; id -g' | tr '\n' ' ')" "12 34 "
	assert_eq "$(r run --rm --read-only "$IMAGE" sh -c 'touch /x 2>/dev/null || echo ro')" ro
	assert_like "$(r run --rm "$IMAGE" grep Seccomp: /proc/self/status)" "2"
	assert_eq "$(echo in | r run --rm -i "$IMAGE" cat)" in
	assert_eq "$(r run --rm --init "$IMAGE" cat /proc/1/comm)" podman-init
}

@test "runc: exec with codes, a terminal, detached" {
	r run -d --name one "$IMAGE" sleep 100
	assert_eq "$(r exec one echo hi)" hi
	run r exec one sh -c 'exit 9'
	assert_eq "$status" 9
	run -127 r exec one nosuch
	assert_error 127 ".*nosuch"
	run r exec one /etc
	assert_error 126 ".*permission denied"
	assert_like "$(r exec -t one tty)" "/dev/pts/"
	r exec -d one touch /made
	wait_for r exec one test -e /made
	r rm -f -t 0 one
}

@test "runc: stop, start again, kill, rm" {
	r run -d --name one "$IMAGE" sh -c 'trap "exit 5" TERM; touch /up; while :; do sleep 0.1; done'
	wait_for r exec one test -e /up
	r stop one
	assert_eq "$(pm inspect -f '{{.State.ExitCode}}' one)" 5
	forgotten
	r start one
	assert_eq "$(r exec one ls /up)" /up
	r kill one
	wait_for forgotten
	r rm one
	assert_eq "$(ls -A "$T/root/containers")" ""
}

@test "runc: a killed monitor leaves a container that can be removed" {
	r run -d --name one "$IMAGE" sleep 100
	kill -9 "$(monitor_pid one)"
	r rm -f -t 0 one
	forgotten
	assert_eq "$(ls -A "$T/root/containers")" ""
}

@test "runc: exec is in the container's network namespace, whatever the network" {
	for options in "--network slirp4netns" "--network podman" "--network none" "--userns auto"; do
		# shellcheck disable=SC2086
		r run -d --name one $options "$IMAGE" sleep 100
		assert_eq "$(r exec one readlink /proc/self/ns/net)" "$(readlink "/proc/$(container_pid one)/ns/net")"
		r rm -f -t 0 one
	done
}
