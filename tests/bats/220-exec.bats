#!/usr/bin/env bats
# pm exec

load helpers

test_setup() {
	load_busybox
	pm run -d --name c -e FROM_RUN=1 "$IMAGE" sleep 1000 >/dev/null
}

test_teardown() {
	pm rm -fa -t 0 >/dev/null
}

@test "exec: streams, exit code, input" {
	run --separate-stderr pm exec c sh -c 'echo out; echo err >&2; exit 4'
	assert_eq "$status" 4
	assert_eq "$output" out
	assert_eq "$stderr" err
	run bash -c "echo in | timeout 60 $PM_BIN --root $T/root --runroot $T/run exec -i c cat"
	assert_eq "$output" in
}

@test "exec: exit codes of the engine" {
	run pm exec nope true
	assert_error 125 ".*no such container"
	run -127 pm exec c nosuchcommand
	assert_error 127 ".*nosuchcommand"
	run pm exec c /etc
	assert_eq "$status" 126
	pm stop -t 0 c
	run pm exec c true
	assert_error 255 "can only create exec sessions on running containers"
}

@test "exec: environment, user, working directory, terminal" {
	run pm exec -e MORE=2 c env
	assert_like "$output" "FROM_RUN=1"
	assert_like "$output" "MORE=2"
	assert_eq "$(pm exec -u 7:8 c sh -c 'id -u; id -g' | tr '\n' ' ')" "7 8 "
	assert_eq "$(pm exec -w /proc c pwd)" /proc
	run -127 pm exec -w /not/there c pwd
	run -255 pm exec --user nosuch c true
	run -255 pm exec c
	run pm exec -t c sh -c 'test -t 1 && echo tty'
	assert_like "$output" tty
}

@test "exec: in the namespaces of the container, confined like it" {
	for ns in pid mnt net ipc uts cgroup user; do
		assert_eq "$(pm exec c readlink "/proc/self/ns/$ns")" "$(pm exec c readlink "/proc/1/ns/$ns")"
	done
	run pm exec c grep -E '^(Seccomp|CapInh)' /proc/self/status
	assert_like "$output" "Seccomp:[[:space:]]*2"
	assert_like "$output" "CapInh:[[:space:]]*0000000000000000"
}

@test "inspect tells the sessions that run, by the ids that exec -d prints" {
	pm exec c true
	assert_eq "$(pm inspect -f '{{.ExecIDs}}' c)" '[]'
	id=$(pm exec -d c sh -c 'until [ -e /end ]; do sleep 0.1; done')
	assert_eq "$(pm inspect -f '{{range .ExecIDs}}{{.}} {{end}}' c)" "$id "
	pm exec c touch /end
	none() { [ "$(pm inspect -f '{{.ExecIDs}}' c)" = '[]' ]; }
	wait_for none
}

@test "exec -d: in the background, nothing stays" {
	run pm exec -d c sh -c 'sleep 0.2; echo done >/made'
	assert_eq "$status" 0
	assert_like "$output" '^[0-9a-f]{64}$'
	made() { pm exec c test -e /made; }
	wait_for made
	clean() { [ -z "$(ls -d "$T"/run/ctr/*/exec-* 2>/dev/null)" ]; }
	wait_for clean
	run -7 pm exec c sh -c 'exit 7'
	run -127 pm exec c /no/such
	wait_for clean
}

@test "cleanup --exec: what a session left whose monitor was killed" {
	id=$(pm exec -d c sh -c 'until [ -e /end ]; do sleep 0.1; done')
	run pm container cleanup --exec "$id" c
	assert_error 125 'is running'
	dir=$(ls -d "$T"/run/ctr/*/exec-"$id")
	# of the two monitors the one that holds this session's lock
	monitor=$(for p in $(pgrep -x pm-monitor -u "$(id -u)"); do
		ls -l "/proc/$p/fd" 2>/dev/null | grep -qF "$dir/live" && echo "$p"
	done; true)
	kill -9 "$monitor"
	pm exec c touch /end
	removed() { pm container cleanup --exec "$id" c; }
	wait_for removed
	[ ! -e "$dir" ]
	run pm container cleanup --exec "$id" c
	assert_error 125 'no such exec session'
	run pm container cleanup --exec ../../x c
	assert_error 125 'no such exec session'
}
