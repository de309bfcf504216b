#!/usr/bin/env bats
# Restart policies: who is restarted, how often, and what ends it.

load helpers

test_setup() {
	load_busybox
}

state() {
	pm inspect -f "{{.State.$2}}" "$1"
}

running_again() { # NAME COUNT
	[ "$(pm inspect -f '{{.State.Status}} {{.RestartCount}}' "$1")" = "running $2" ]
}

restarted() { # NAME COUNT: at least
	[ "$(pm inspect -f '{{.RestartCount}}' "$1")" -ge "$2" ]
}

ended() {
	[ "$(pm inspect -f '{{.State.Status}} {{.State.Restarting}}' "$1")" = "exited false" ]
}

@test "on-failure: as many times as said, the last code counts, the log goes on" {
	pm run -d --name xc --network none --restart on-failure:2 "$IMAGE" sh -c 'echo run; exit 3'
	wait_for ended xc
	assert_eq "$(pm inspect -f '{{.RestartCount}} {{.State.ExitCode}} {{.HostConfig.RestartPolicy.Name}} {{.HostConfig.RestartPolicy.MaximumRetryCount}}' xc)" "2 3 on-failure 2"
	assert_eq "$(pm logs xc | grep -c run)" 3
	assert_eq "$(pm events --stream=false -f container=xc -f event=restart --format x | wc -l)" 2
	assert_eq "$(pm events --stream=false -f container=xc -f event=died --format x | wc -l)" 3
	# the user's own start begins anew
	pm start xc
	wait_for ended xc
	assert_eq "$(pm inspect -f '{{.RestartCount}}' xc)" 2
	assert_eq "$(pm logs xc | grep -c run)" 6
	pm rm xc
}

@test "on-failure: success is no failure; no: never" {
	pm run -d --name c --network none --restart on-failure "$IMAGE" true
	pm run -d --name d --network none --restart no "$IMAGE" false
	wait_for ended c
	wait_for ended d
	assert_eq "$(pm inspect -f '{{.RestartCount}}' c d)" $'0\n0'
	pm rm c d
}

@test "always: killed from outside it comes back, with its files, its network and its output" {
	pm run -d --name c --restart always "$IMAGE" sh -c 'echo x >>/count; ip -4 addr show tap0 | grep -c inet; exec sleep 1000'
	first=$(container_pid c) monitor=$(monitor_pid c)
	wait_for test "$(pm exec c cat /count)" = x
	pm exec c kill -9 1 || kill -9 "$first" 2>/dev/null || pm kill -s SEGV c
	kill -9 "$first" 2>/dev/null || :
	wait_for running_again c 1
	[ "$(container_pid c)" != "$first" ]
	assert_eq "$(monitor_pid c)" "$monitor"
	wait_for eval '[ "$(pm exec c cat /count)" = $'"'x\\nx'"' ]'
	assert_eq "$(pm logs c)" $'1\n1'
	pm stop -t 0 c
	assert_eq "$(state c Status)" exited
	pm rm c
}

@test "stop and rm -f end a container that waits for its restart" {
	pm run -d --name xc --network none --restart always "$IMAGE" false
	pm run -d --name d --network none --restart always "$IMAGE" false
	wait_for restarted xc 3
	SECONDS=0
	pm stop xc
	[ $SECONDS -lt 5 ]
	assert_eq "$(pm inspect -f '{{.State.Status}} {{.State.Restarting}} {{.State.ExitCode}}' xc)" "exited false 1"
	n=$(pm inspect -f '{{.RestartCount}}' xc)
	run -2 pm rm d
	pm rm -f d
	assert_eq "$(pm inspect -f '{{.RestartCount}}' xc)" "$n"
	assert_eq "$(pm events --stream=false -f container=xc -f event=stop --format x | wc -l)" 1
	pm rm xc
}

@test "rm, start and cp between an end and the restart after it" {
	pm run -d --name loop --network none --restart always "$IMAGE" sleep 1000
	monitor=$(monitor_pid loop)
	for args in 'rm loop' 'start loop' "cp loop:/etc/issue $T/issue"; do
		first=$(container_pid loop)
		kill -STOP "$monitor"
		kill -9 "$first"
		wait_for eval '[ "$(pm inspect -f "{{.State.Status}}" loop)" = stopping ]'
		# shellcheck disable=SC2086
		pm $args >"$T/out" 2>&1 3>&- &
		verb=$!
		kill -CONT "$monitor"
		wait_for eval '! kill -0 $verb 2>/dev/null'
		wait_for eval '[ "$(pm inspect -f "{{.State.Status}}" loop)" = running ]'
		assert_eq "$(monitor_pid loop)" "$monitor"
	done
	pm rm -f -t 0 loop
}

@test "a restart that is waited for comes at once by start; ps tells of it" {
	pm run -d --name c --network none --restart always "$IMAGE" false
	wait_for restarted c 5
	wait_for eval 'pm ps --format "{{.Status}}" | grep -q "^Restarting (1)"'
	n=$(pm inspect -f '{{.RestartCount}}' c)
	pm start c
	restarted c $((n + 1))
	pm rm -f c
}

@test "kill: SIGKILL and the stop signal are for good, others are not" {
	pm run -d --name c --network none --restart always "$IMAGE" sh -c 'trap "exit 7" USR1; while :; do sleep 0.05; done'
	pm kill -s USR1 c
	wait_for running_again c 1
	pm kill c
	wait_for ended c
	assert_eq "$(state c ExitCode)" 137
	pm rm c
}

@test "unless-stopped and always differ at boot" {
	for p in always unless-stopped on-failure no; do
		pm run -d --name "$p" --network none --restart $p "$IMAGE" sleep 1000
	done
	pm run -d --name kept --network none --restart unless-stopped "$IMAGE" sleep 1000
	pm stop -t 0 always unless-stopped on-failure no
	names() { pm ps -a --filter "$1" --format '{{.Names}}' | sort | tr '\n' ' '; }
	assert_eq "$(names should-start-on-boot=true)" "always kept "
	assert_eq "$(names restart-policy=unless-stopped)" "kept unless-stopped "
	assert_eq "$(names restart-policy=no)" "no "
	run -125 pm ps -a --filter should-start-on-boot=perhaps
	assert_error 125 "neither true nor false"
	# what a boot unit runs
	run -0 pm start --all --filter restart-policy=always
	assert_eq "$(state always Status)" running
	assert_eq "$(state unless-stopped Status)" exited
	pm start unless-stopped
	assert_eq "$(names should-start-on-boot=true)" "always kept unless-stopped "
	pm rm -f -t 0 -a
}

@test "a shutdown is not the user's stop: no restarts, but started at boot" {
	pm run -d --name c --network none --restart unless-stopped "$IMAGE" sleep 1000
	pid=$(container_pid c)
	kill -TERM "$(monitor_pid c)"
	assert_eq "$(state c Status)" running
	pm exec c kill -9 1 2>/dev/null || kill -9 "$pid"
	kill -9 "$pid" 2>/dev/null || :
	wait_for ended c
	assert_eq "$(pm inspect -f '{{.RestartCount}}' c)" 0
	pm start c
	_PM_SHUTDOWN=1 pm stop -t 0 --all --filter should-start-on-boot=true
	wait_for ended c
	assert_eq "$(pm ps -aq --filter should-start-on-boot=true | wc -l)" 1
	pm start --all --filter should-start-on-boot=true
	pm stop -t 0 c
	assert_eq "$(pm ps -aq --filter should-start-on-boot=true | wc -l)" 0
	pm rm c
}

@test "kill -9 of the monitor: nothing restarts any more, and all can be cleaned up" {
	pm run -d --name c --network none --restart always "$IMAGE" sleep 1000
	kill -9 "$(monitor_pid c)"
	assert_eq "$(state c Status)" running
	pm stop -t 0 c
	assert_eq "$(state c Status)" exited
	pm run -d --name d --network none --restart always "$IMAGE" false
	wait_for restarted d 5
	wait_for eval '[ "$(pm inspect -f "{{.State.Restarting}}" d)" = true ]'
	kill -9 "$(pm inspect -f '{{.State.ConmonPid}}' d)"
	wait_for ended d
	pm start d
	wait_for restarted d 1
	pm rm -f c d
}

@test "kill -9 of the monitor at any time in a crash loop leaves nothing that rm -f does not" {
	for i in $(seq 15); do
		pm run -d --name "c$i" --network none --restart always "$IMAGE" false >/dev/null
		pid=$(pm inspect -f '{{.State.ConmonPid}}' "c$i")
		sleep "0.0$((i * 7 % 10))$((i % 10))"
		kill -9 "$pid"
		pm rm -f -t 0 "c$i"
	done
	assert_eq "$(pm ps -aq)" ""
}

@test "an attached client ends with the first run" {
	run -3 pm run --name c --network none --restart always "$IMAGE" sh -c 'echo out; exit 3'
	assert_eq "$output" out
	wait_for restarted c 1
	run -0 pm wait c
	assert_eq "$output" 3
	pm rm -f c
}

@test "a terminal is made anew" {
	pm run -dt --name c --network none --restart on-failure:1 "$IMAGE" sh -c 'tty; exit 4'
	wait_for ended c
	assert_eq "$(pm logs c | tr -d '\r')" $'/dev/pts/0\n/dev/pts/0'
	pm rm c
}

@test "what contradicts is refused" {
	run -125 pm run --restart sometimes "$IMAGE" true
	assert_error 125 '"sometimes" is not a valid restart policy: invalid argument'
	run -125 pm run --restart always:3 "$IMAGE" true
	assert_error 125 "retries can only be specified with on-failure"
	run -125 pm run --restart on-failure:x "$IMAGE" true
	assert_error 125 "parsing restart policy retry count"
	run -125 pm run --rm --restart always "$IMAGE" true
	assert_error 125 "the --rm option conflicts with --restart"
}

@test "preserved descriptors and activated sockets are those of a restarted process, too" {
	pm run -d --name xc --network none --restart on-failure:2 --preserve-fds 1 "$IMAGE" \
		sh -c 'echo line >&3; exit 3' 3>"$T/lines"
	wait_for ended xc
	assert_eq "$(cat "$T/lines")" $'line\nline\nline'
	pm rm xc
	# without a restart to come nobody else holds a pipe's end
	mkfifo "$T/pipe"
	cat "$T/pipe" >"$T/got" 3>&- &
	pm run -d --name once --network none --preserve-fds 1 "$IMAGE" sh -c 'echo done >&3; exec 3>&-; sleep 100' 3>"$T/pipe"
	wait $!
	assert_eq "$(cat "$T/got")" 'done'
	pm rm -f -t 0 once
}
