#!/usr/bin/env bats
# create, start, stop, kill, wait, rm, container cleanup - and what is true after something was killed.

load helpers

test_setup() {
	load_busybox
}

state() { # NAME
	pm ps -a --filter "name=^$1\$" --format json | jq -r '.[].State'
}

monitor_of() { # ID: the pid of its monitor
	tr '\0' '\n' <"$T/run/ctr/$1/state" | grep -A1 '^monitor$' | tail -1
}

pid_of() {
	tr '\0' '\n' <"$T/run/ctr/$1/state" | grep -A1 '^pid$' | tail -1
}

@test "create, start, wait, rm" {
	id=$(pm create --name c "$IMAGE" sh -c 'exit 5')
	assert_like "$id" '^[0-9a-f]{64}$'
	assert_eq "$(state c)" created
	assert_eq "$(pm start c)" c
	assert_eq "$(pm wait c)" 5
	assert_eq "$(state c)" exited
	assert_like "$(pm ps -a --format '{{.Status}}')" '^Exited \(5\) .* ago$'
	assert_eq "$(pm rm c)" c
	run pm rm c
	assert_error 1 'no container with name or ID "c" found: no such container'
	run pm rm -f c
	assert_eq "$status" 0
}

@test "start -a: streams and exit code, again and again" {
	pm create --name c "$IMAGE" sh -c 'echo out; echo err >&2; exit 4'
	for _ in 1 2; do
		run --separate-stderr pm start -a c
		assert_eq "$status" 4
		assert_eq "$output" out
		assert_eq "$stderr" err
	done
	pm rm c
}

@test "what a container wrote is there at its next start" {
	pm run --name c "$IMAGE" sh -c 'if [ -e /f ]; then cat /f; else echo first >/f; fi'
	run pm start -a c
	assert_eq "$output" first
	pm rm c
}

@test "stop: the signal, then the time, then SIGKILL" {
	pm run -d --name polite "$IMAGE" sh -c 'trap "exit 3" TERM; while :; do sleep 0.1; done'
	pm run -d --name rude "$IMAGE" sleep 1000
	# the trap is set when its shell has begun to sleep
	asleep() { pm exec polite ps | grep -q 'sleep 0.1'; }
	wait_for asleep
	assert_eq "$(pm stop polite)" polite
	assert_eq "$(pm wait polite)" 3
	run --separate-stderr pm stop -t 1 rude
	assert_eq "$output" rude
	assert_like "$stderr" "resorting to SIGKILL"
	assert_eq "$(pm wait rude)" 137
	assert_eq "$(pm stop rude)" rude
	pm rm polite rude
}

@test "stop: a process of a subordinate id" {
	pm run -d --name c -u 1000 "$IMAGE" sleep 1000
	pm stop -t 0 c
	assert_eq "$(pm wait c)" 137
	pm rm c
}

@test "kill: by name and number; not what does not run" {
	pm run -d --name c "$IMAGE" sh -c 'trap "exit 9" USR1; while :; do sleep 0.1; done'
	asleep() { pm exec c ps | grep -q 'sleep 0.1'; }
	wait_for asleep
	assert_eq "$(pm kill -s USR1 c)" c
	assert_eq "$(pm wait c)" 9
	run pm kill c
	assert_error 125 "can only kill running containers"
	run pm kill -s NOPE c
	assert_eq "$status" 125
	pm rm c
}

@test "wait: of a container that is removed at its end" {
	pm run -d --rm --name c "$IMAGE" sh -c 'sleep 0.5; exit 6'
	assert_eq "$(pm wait c)" 6
}

@test "rm: a running container only with -f" {
	id=$(pm run -d --name c "$IMAGE" sleep 1000)
	run pm rm c
	assert_error 2 "cannot remove container $id as it is running"
	run pm rm -f -t 0 c
	assert_eq "$status" 0
	assert_eq "$(pm ps -aq)" ""
}

@test "rm: several names, errors for some" {
	pm create --name a "$IMAGE" true
	pm create --name b "$IMAGE" true
	run pm rm a nope b
	assert_eq "$status" 1
	assert_like "$output" "no such container"
	assert_eq "$(pm ps -aq)" ""
}

@test "kill -9 of the monitor: the truth at once, rm -f at the first try" {
	id=$(pm run -d --name c "$IMAGE" sleep 1000)
	kill -9 "$(monitor_of "$id")"
	assert_eq "$(state c)" running
	assert_eq "$(pm exec c echo alive)" alive
	pm rm -f -t 0 c
	assert_eq "$(pm ps -aq)" ""
	[ ! -e "$T/run/crun/$id" ]
}

@test "kill -9 of the monitor, then of the process" {
	id=$(pm run -d --name c "$IMAGE" sleep 1000)
	pid=$(pid_of "$id")
	kill -9 "$(monitor_of "$id")"
	kill -9 "$pid"
	gone() { [ ! -e "/proc/$pid" ] || grep -q ') Z' "/proc/$pid/stat"; }
	wait_for gone
	assert_eq "$(state c)" exited
	pm rm c
}

@test "kill -9 of the process" {
	id=$(pm run -d --name c "$IMAGE" sleep 1000)
	kill -9 "$(pid_of "$id")"
	assert_eq "$(pm wait c)" 137
	assert_eq "$(state c)" exited
	pm rm c
}

@test "kill -9 of a foreground pm: the container goes on" {
	"$PM_BIN" --root "$T/root" --runroot "$T/run" run --name c "$IMAGE" sleep 1000 &
	pid=$!
	up() { [ "$(state c)" = running ]; }
	wait_for up
	kill -9 $pid
	wait $pid || true
	assert_eq "$(state c)" running
	pm stop -t 0 c
	assert_eq "$(pm wait c)" 137
	pm rm c
}

@test "kill -9 of run -d at any moment leaves a store that rm -fa cleans" {
	local i
	for i in $(seq 0 15); do
		"$PM_BIN" --root "$T/root" --runroot "$T/run" run -d "$IMAGE" sleep 1000 >/dev/null 2>&1 &
		pid=$!
		sleep "0.00$((i * 3 % 10))"
		[ $((i % 3)) != 0 ] || sleep 0.01
		kill -9 $pid 2>/dev/null || true
		wait $pid 2>/dev/null || true
		run pm ps -a
		assert_eq "$status" 0
	done
	# a launch that was under way may still come up
	settled() { ! pm ps -a --format '{{.State}}' | grep -q Initialized; }
	wait_for settled
	run pm rm -fa -t 0
	assert_eq "$status" 0
	assert_eq "$(pm ps -aq)" ""
}

@test "containers share the network of another" {
	pm run -d --name a "$IMAGE" sleep 1000
	run pm run --rm --network container:a "$IMAGE" readlink /proc/self/ns/net
	assert_eq "$output" "$(pm exec a readlink /proc/self/ns/net)"
	pm create --name b --network container:a "$IMAGE" true
	run pm rm -f -t 0 a
	[ "$status" -ne 0 ] || fail "a container that another depends on was removed"
	pm rm b
	pm rm -f -t 0 a
}

@test "what a container depends on is started with it, and stays when it ends" {
	load_busybox
	pm create --name base "$IMAGE" sleep 100 >/dev/null
	pm create --name middle --network container:base "$IMAGE" sleep 100 >/dev/null
	run -0 pm run --rm --network container:middle "$IMAGE" true
	run -0 pm ps --format '{{.Names}}' --sort names
	assert_eq "$output" $'base\nmiddle'
	pm stop -t 0 base middle >/dev/null
	run -0 pm start middle
	assert_eq "$(pm inspect -f '{{.State.Status}}' base)" running
	# one that cannot start is the error, and what depends on it does not start
	pm create --name broken --network container:base "$IMAGE" /no/such >/dev/null
	pm create --name after --network container:broken "$IMAGE" true >/dev/null
	run -127 pm start after
	assert_like "$output" 'Error: unable to start container "after": start container .*, which this one depends on: '
	assert_eq "$(pm inspect -f '{{.State.Status}}' after)" created
	pm rm -f -t 0 after broken middle base >/dev/null
}

@test "the run root is made anew within a boot, as at a logout: what ran has exited, and starts" {
	pm run -d --name web --network none "$IMAGE" sleep 1000
	monitor=$(monitor_pid web) process=$(container_pid web)
	kill -9 "$monitor" "$process"
	wait_for eval '! kill -0 "$process" 2>/dev/null'
	find "$T/run" -name shm -exec umount {} + 2>/dev/null || :
	rm -rf "${T:?}/run"
	assert_eq "$(pm ps -a --filter status=exited --format '{{.Names}}')" web
	assert_eq "$(pm inspect -f '{{.State.Status}} {{.State.ExitCode}}' web)" "exited -1"
	pm start web
	pm exec web true
	pm rm -f -t 0 web
}
