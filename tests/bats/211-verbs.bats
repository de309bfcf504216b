#!/usr/bin/env bats
# pause where it cannot be, port, rename, restart, top, wait for conditions, prune, exists; verbs over many containers.

load helpers

test_setup() {
	load_busybox
}

state() { # NAME
	pm ps -a --filter "name=^$1\$" --format json | jq -r '.[].State'
}

@test "verbs over many names: go on after an error, print each, return the first" {
	pm run -d --name a "$IMAGE" sleep 1000
	pm create --name b "$IMAGE" true
	run --separate-stderr pm kill nosuch b a
	assert_eq "$status" 125
	assert_eq "$output" a
	assert_like "$stderr" 'no container with name or ID "nosuch" found: no such container'
	assert_like "$stderr" 'can only kill running containers.*is in state created'
	run --separate-stderr pm rm nosuch b
	assert_eq "$status" 1
	assert_eq "$output" b
	pm wait a >/dev/null
	pm rm a
}

@test "stop -a: all have their time together" {
	for i in 1 2 3 4; do
		pm run -d --name "c$i" "$IMAGE" sh -c 'trap "" TERM; echo ready; while :; do sleep 0.1; done'
	done
	for i in 1 2 3 4; do
		ready() { pm logs "c$i" | grep -q ready; }
		wait_for ready
	done
	start=$SECONDS
	run pm stop -a -t 3
	assert_eq "$status" 0
	took=$((SECONDS - start))
	# one after the other would be 12 seconds
	[ "$took" -ge 3 ] && [ "$took" -lt 10 ] || fail "took $took s"
	for i in 1 2 3 4; do
		assert_eq "$(state "c$i")" exited
	done
	pm rm -a
	assert_eq "$(pm ps -aq)" ""
}

@test "stop -a: also what waits for its next restart" {
	pm run -d --restart always --name again "$IMAGE" false
	often() { [ "$(pm inspect -f '{{.RestartCount}}' again)" -ge 3 ]; }
	wait_for often
	pm stop -a
	[ -z "$(pm ps -q)" ]
	count=$(pm inspect -f '{{.RestartCount}}' again)
	sleep 2
	assert_eq "$(pm inspect -f '{{.RestartCount}} {{.State.Status}}' again)" "$count exited"
	pm rm again
}

@test "rm -a: those that need others go first" {
	pm create --name base "$IMAGE" true
	pm create --name user --network container:base "$IMAGE" true
	run pm rm base
	assert_error 125 'has dependent containers'
	pm rm -a
	assert_eq "$(pm ps -aq)" ""
	pm create --name base "$IMAGE" true
	pm create --name user --network container:base "$IMAGE" true
	pm create --name users-user --network container:user "$IMAGE" true
	base=$(pm inspect -f "{{.Id}}" base)
	run pm rm --depend base
	assert_eq "$status" 0
	assert_eq "${#lines[@]}" 3
	assert_eq "${lines[2]}" "$base"
	assert_eq "$(pm ps -aq)" ""
	run pm rm -t 5 base
	assert_error 125 'force option must be specified to use the --time option'
}

@test "kill, stop, rm by --filter and --cidfile" {
	pm run -d --name a -l x=1 --cidfile "$T/cid" "$IMAGE" sleep 1000
	pm run -d --name b -l x=2 "$IMAGE" sleep 1000
	assert_eq "$(pm kill --filter label=x=2)" "$(pm inspect -f '{{.Id}}' b)"
	assert_eq "$(pm wait b)" 137
	assert_eq "$(state a)" running
	pm stop -t 0 --cidfile "$T/cid"
	assert_eq "$(state a)" exited
	run pm stop --filter nope=1
	assert_error 125 'nope is an invalid filter'
	run pm rm --filter label=x=1 b
	assert_error 125 ''
	run pm rm --cidfile "$T/cid" b
	assert_error 125 "no arguments are needed"
	pm rm --cidfile "$T/cid"
	pm rm b
}

@test "rename: created and running ones; names that are taken or are none" {
	pm create --name one "$IMAGE" true
	pm run -d --name two "$IMAGE" sleep 1000
	pm rename one three
	assert_eq "$(pm inspect -f '{{.Name}} {{.State.Status}}' three)" 'three created'
	run pm inspect one
	assert_error 125 'no such object'
	pm rename two four
	assert_eq "$(pm exec four echo hi)" hi
	assert_eq "$(state four)" running
	run pm rename three four
	assert_error 125 'the container name "four" is already in use'
	run pm rename three 'no name'
	assert_error 125 'names must match'
	run pm rename three
	assert_eq "$status" 125
	pm rename three three
	pm rm -fa -t 0
}

@test "restart: running, created and exited ones; --running, --all" {
	pm run -d --name up "$IMAGE" sleep 1000
	pm create --name made "$IMAGE" sleep 1000
	pm run --name ended "$IMAGE" true
	before=$(pm inspect -f '{{.State.Pid}}' up)
	assert_eq "$(pm restart -t 0 up)" up
	after=$(pm inspect -f '{{.State.Pid}}' up)
	[ "$before" != "$after" ] || fail "still $after"
	pm restart -t 0 --running
	assert_eq "$(state made)" created
	[ "$after" != "$(pm inspect -f '{{.State.Pid}}' up)" ]
	run pm restart -t 0 --all
	assert_eq "$status" 0
	assert_eq "${#lines[@]}" 3
	assert_eq "$(state made)" running
	assert_eq "$(state up)" running
	pm run -d --rm --name fleeting "$IMAGE" sleep 1000
	run pm restart -t 0 fleeting
	assert_error 125 'it was run with --rm'
	assert_eq "$(state fleeting)" running
	run pm restart
	assert_error 125 'you must provide at least one name or id'
	pm rm -fa -t 0
}

@test "port: all, one, ranges, of running containers only" {
	# the host's network needs no port to be free
	pm create --name made -p 127.0.0.1:18088:80 "$IMAGE" true
	assert_eq "$(pm port made)" ''
	pm run -d --name a -p 127.0.0.1:18081:80 -p 18082-18083:90-91/udp "$IMAGE" sleep 1000
	assert_eq "$(pm port a)" "80/tcp -> 127.0.0.1:18081
90/udp -> 0.0.0.0:18082
91/udp -> 0.0.0.0:18083"
	assert_eq "$(pm port a 80)" 127.0.0.1:18081
	assert_eq "$(pm port -l 91/udp)" 0.0.0.0:18083
	run pm port a 80/udp
	assert_error 125 'failed to find published port "80/udp"'
	run pm port a nonsense
	assert_error 125 'nonsense is not a port'
	assert_like "$(pm port --all | head -1)" "^[0-9a-f]{12}[[:space:]]80/tcp -> 127\.0\.0\.1:18081\$"
	pm rm -fa -t 0
}

@test "pause on a host whose groups are not ours: a clear error, and it runs on" {
	pm run -d --name a --cgroups=disabled "$IMAGE" sleep 1000
	run pm pause a
	assert_error 125 'cannot pause container a: it has no control group of its own'
	assert_eq "$(state a)" running
	run pm unpause a
	assert_error 125 "is not paused, can't unpause"
	pm rm -f -t 0 a
	pm create --name b "$IMAGE" true
	run pm pause b
	assert_error 125 "is not running, can't pause"
	pm rm b
}

@test "top: psgo's columns, ids inside and outside, ps's arguments" {
	pm run -d --name a -u 1000 "$IMAGE" sh -c 'sleep 1000; true'
	sees_sleep() { pm top a args | grep -q '^sleep 1000'; }
	wait_for sees_sleep
	assert_like "$(pm top a | head -1)" '^USER        PID         PPID        %CPU        ELAPSED +TTY         TIME        COMMAND$'
	assert_like "$(pm top a | sed -n 2p)" '^1000        1           0           [0-9.]+ .*s  \?           0s          sh -c sleep 1000; true$'
	assert_like "$(pm top a pid ppid comm | sed -n 3p)" '^[0-9]+ +1 +sleep$'
	assert_eq "$(pm top a hpid | sed -n 2p)" "$(pm inspect -f '{{.State.Pid}}' a)"
	# the second id of the user's subordinate range, as the host sees it
	first=$(sed -n "s/^$(id -un):\([0-9]*\):.*/\1/p" /etc/subuid | head -1)
	assert_eq "$(pm top a huser | sed -n 2p)" "$((first + 999))"
	assert_eq "$(pm top a capeff,seccomp,capprm | sed -n 2p | tr -s ' ')" 'none filter none'
	assert_like "$(pm top a capbnd | sed -n 2p)" '^CHOWN,'
	assert_eq "$(pm top a -eo user,pid,comm | head -2 | tr -s ' ')" 'USER PID COMMAND
1000 1 sh'
	assert_like "$(pm top a aux | head -1 | tr -s ' ')" '^USER PID %CPU VSZ RSS TTY STATE STIME TIME COMMAND$'
	assert_eq "$(pm top -l %C %p | head -1 | tr -s ' ')" '%CPU PID'
	run pm top a pid nosuch
	assert_error 125 "unknown descriptor 'nosuch'"
	run pm top a -eZ
	assert_error 125 'pm runs no ps in the container'
	pm kill a
	pm wait a
	run pm top a
	assert_error 125 'top can only be used on running containers'
	run pm top nosuch
	assert_error 125 'unable to look up requested container'
	pm rm a
}

@test "top: nothing of the container is run, its names are text" {
	# a passwd that is a FIFO must not hang, and none of its programs may run
	pm run -d --name a "$IMAGE" sh -c 'rm -f /etc/passwd; mkfifo /etc/passwd
		printf "#!/bin/sh\ntouch /ran\n" >/bin/ps; chmod +x /bin/ps; touch /ready; exec sleep 1000'
	ready() { pm exec a test -e /ready; }
	wait_for ready
	PM_TIMEOUT=10 run pm top a user args
	assert_eq "$status" 0
	assert_like "${lines[1]}" '^0 +sleep 1000$'
	run pm exec a test -e /ran
	assert_eq "$status" 1
	pm rm -f -t 0 a
}

@test "top: --pid=host shows the container's processes only" {
	pm run -d -i --name a --pid host "$IMAGE" sh -c 'sleep 2; true'
	sees() { pm top a args | grep -q '^sleep'; }
	wait_for sees
	assert_eq "$(pm top a comm | tail -n +2 | tr '\n' ' ')" 'sh sleep '
	pm wait a
	pm rm a
}

@test "wait: conditions, several containers, missing ones" {
	pm create --name made "$IMAGE" true
	pm run -d --name up "$IMAGE" sleep 1000
	assert_eq "$(pm wait --condition=created made)" -1
	assert_eq "$(pm wait --condition=running up)" -1
	assert_eq "$(pm wait --condition=configured,running made up)" $'-1\n-1'
	run pm wait --condition=nonsense up
	assert_error 125 'unknown container state: nonsense'
	run pm wait --interval=nonsense up
	assert_error 125 ''
	run pm wait nosuch
	assert_error 125 'no container with name or ID "nosuch" found'
	assert_eq "$(pm wait --ignore nosuch)" -1
	pm rm -fa -t 0
}

@test "wait --condition=running: told of the start" {
	pm create --name a "$IMAGE" sleep 1000
	pm wait --condition=running --interval 30s a >"$T/out" &
	waiting() { pid=$(pgrep -f "$T/root.* wait " | tail -1) && grep -q inotify "/proc/$pid/fdinfo/"*; }
	wait_for waiting
	pm start a
	# by the event: long before the interval is over
	WAIT_FOR=8 wait_for grep -q -- -1 "$T/out"
	wait
	pm rm -f -t 0 a
}

@test "wait --condition=removed: the exit code of one that goes with its end" {
	pm run -d --rm --name xa "$IMAGE" sh -c 'sleep 0.5; exit 7'
	assert_eq "$(pm wait --condition=removed xa)" 7
	run pm container exists xa
	assert_eq "$status" 1
	pm create --name b "$IMAGE" true
	pm wait --condition=removed -i 10ms b >"$T/out" &
	pm rm b
	wait_for grep -q -- -1 "$T/out"
	wait
	assert_eq "$(pm wait --condition=removed nosuch)" -1
}

@test "container exists" {
	id=$(pm create --name a "$IMAGE" true)
	for name in a "$id" "${id:0:12}"; do
		run pm container exists "$name"
		assert_eq "$status$output" 0
	done
	run pm container exists nosuch
	assert_eq "$status$output" 1
	pm rm a
}

@test "container prune: what does not run, by filter, asked first" {
	pm run -d --name up "$IMAGE" sleep 1000
	id=$(pm create --name made -l keep=1 "$IMAGE" true)
	pm run --name ended "$IMAGE" true
	ended=$(pm inspect -f '{{.Id}}' ended)
	run pm container prune <<<n
	assert_eq "$status" 0
	assert_like "$output" 'WARNING! This will remove all non running containers'
	assert_eq "$(pm ps -aq | wc -l)" 3
	assert_eq "$(pm container prune -f --filter 'label!=keep')" "$ended"
	assert_eq "$(pm container prune -f --filter until=24h)" ''
	assert_like "$(pm container prune <<<y | tail -1)" " $id\$"
	assert_eq "$(pm ps -a --format '{{.Names}}')" up
	run pm container prune -f --filter nonsense=1
	assert_error 125 'nonsense is an invalid filter'
	pm rm -f -t 0 up
}

@test "ps: filters that look into the configuration" {
	pm create --name v -v data:/srv "$IMAGE" true
	pm create --name n --network none "$IMAGE" sleep 5
	names() { pm ps -a --format '{{.Names}}' "$@" | tr '\n' ' '; }
	assert_eq "$(names --filter volume=data)" 'v '
	assert_eq "$(names --filter volume=/srv)" 'v '
	assert_eq "$(names --filter volume=data:/other)" ''
	assert_eq "$(names --filter network=none)" 'n '
	assert_eq "$(names --filter restart-policy=no)" 'v n '
	assert_eq "$(names --filter command=sle)" 'n '
	assert_eq "$(names --filter health=none)" 'v n '
	assert_eq "$(names --filter pod=abc)" ''
	pm rm -a
	# also when there is nothing to hold them against
	for filter in status=nosuch before=nosuch since=nosuch until=nosuch exited=nosuch name='['; do
		run pm ps -a --filter "$filter"
		assert_error 125 ''
	done
	run pm container exists ''
	assert_error 125 'name or ID cannot be empty'
	run pm ps -a --filter health=nonsense
	assert_error 125 'nonsense is not a valid health status'
	run pm ps -a --filter restart-policy=nonsense
	assert_error 125 'nonsense is not a valid restart policy'
}
