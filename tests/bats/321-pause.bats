#!/usr/bin/env bats
# run-bats: v2host
# pause and unpause by the freezer of the container's own group, and what the other verbs do with a paused one.

load helpers

test_setup() {
	load_busybox
}

state() { # NAME
	pm ps -a --filter "name=^$1\$" --format json | jq -r '.[] | .State + " " + .Status'
}

@test "pause: nothing in it goes on; unpause: everything does" {
	pm run -d --name a "$IMAGE" sh -c 'i=0; while :; do i=$((i+1)); echo $i >/n; sleep 0.02; done'
	goes() { [ -n "$(pm exec a cat /n)" ]; }
	wait_for goes
	pid=$(container_pid a)
	n=/proc/$pid/root/n
	assert_eq "$(pm pause a)" a
	assert_eq "$(state a)" 'paused Paused'
	before=$(cat "$n")
	sleep 0.3
	assert_eq "$(cat "$n")" "$before"
	assert_eq "$(pm inspect -f '{{.State.Status}} {{.State.Paused}} {{.State.Running}} {{.State.Pid}}' a)" "paused true true $pid"
	assert_eq "$(pm unpause a)" a
	later() { [ "$(cat "$n")" != "$before" ]; }
	wait_for later
	assert_like "$(state a)" '^running Up'
	pm rm -f -t 0 a
}

@test "a paused container: what exec, start, stop, restart, rm and pause say" {
	pm run -d --name a "$IMAGE" sleep 1000
	pm pause a
	run pm pause a
	assert_error 125 'is already paused: container state improper'
	run pm exec a true
	assert_error 255 'can only create exec sessions on running containers'
	run pm start a
	assert_error 125 'is paused, it cannot be started'
	run pm stop a
	assert_error 125 'can only stop created or running containers.*is in state paused'
	run pm restart a
	assert_error 125 'unable to restart a container in a paused or unknown state'
	run pm rm a
	assert_error 2 'as it is paused'
	assert_eq "$(pm ps -q)" ''
	assert_eq "$(pm ps -aq --filter status=paused | wc -l)" 1
	assert_eq "$(pm wait --condition=paused a)" -1
	assert_eq "$(pm info -f '{{.Store.ContainerStore.Paused}} {{.Store.ContainerStore.Running}}')" '1 0'
	pm rm -f a
	assert_eq "$(pm ps -aq)" ''
}

@test "kill ends a paused container" {
	pm run -d --name a "$IMAGE" sleep 1000
	pm pause a
	pm kill a
	assert_eq "$(pm wait a)" 137
	pm rm a
}

@test "pause --all, unpause --all, --filter" {
	for n in a b c; do
		pm run -d --name $n -l n=$n "$IMAGE" sleep 1000
	done
	pm create --name made "$IMAGE" true
	pm pause --filter label=n=a
	run pm pause --all
	assert_eq "$status" 0
	assert_eq "${#lines[@]}" 2
	assert_eq "$(pm ps -aq --filter status=paused | wc -l)" 3
	run pm unpause -a
	assert_eq "$status" 0
	assert_eq "${#lines[@]}" 3
	assert_eq "$(pm ps -q | wc -l)" 3
	pm rm -fa -t 0
}

@test "wait --condition=paused is told by the freezer" {
	pm run -d --name a "$IMAGE" sleep 1000
	pm wait --condition=paused --interval 30s a >"$T/out" &
	waiting() { pid=$(pgrep -f "$T/root.* wait " | tail -1) && grep -q inotify "/proc/$pid/fdinfo/"*; }
	wait_for waiting
	pm pause a
	WAIT_FOR=8 wait_for grep -q -- -1 "$T/out"
	wait
	pm rm -f -t 0 a
}

@test "someone else's freeze is seen, too" {
	pm run -d --name a "$IMAGE" sleep 1000
	group=/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$(container_pid a)/cgroup")
	echo 1 >"$group/cgroup.freeze"
	assert_eq "$(state a)" 'paused Paused'
	pm unpause a
	assert_eq "$(cat "$group/cgroup.freeze")" 0
	pm rm -f -t 0 a
}

@test "top of a container with a group: by the group" {
	pm run -d --name a --pid host "$IMAGE" sh -c 'sleep 1000; true'
	pm exec -d a sleep 77
	sees() { pm top a args | grep -q '^sleep 77'; }
	wait_for sees
	assert_eq "$(pm top a comm | grep -c 'sleep')" 2
	pm rm -f -t 0 a
}

@test "a paused container's health is not looked at" {
	pm run -d --name h --health-cmd 'echo x >>/n' --health-interval 50ms --health-timeout 1s --health-retries 1 "$IMAGE" sleep 1000
	healthy() { [ "$(pm inspect -f '{{.State.Health.Status}}' h)" = healthy ]; }
	wait_for healthy
	pm pause h
	sleep 2.5
	assert_eq "$(pm inspect -f '{{.State.Health.Status}} {{.State.Health.FailingStreak}}' h)" "healthy 0"
	run -125 pm healthcheck run h
	before=$(wc -l <"/proc/$(container_pid h)/root/n")
	pm unpause h
	goes_on() { [ "$(wc -l <"/proc/$(container_pid h)/root/n")" -gt "$before" ]; }
	wait_for goes_on
	healthy
	pm rm -f -t 0 h
}
