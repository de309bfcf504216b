#!/usr/bin/env bats
# run-bats: v2host
# A cgroup v2 host whose user owns a sub-tree, without systemd: containers get a cgroup of their own, and
# it goes with them, whoever is killed. (tests/tools/v2host makes the host.)

load helpers

test_setup() {
	[ -e /sys/fs/cgroup/cgroup.procs ] && [ -w "$(own)" ] ||
		skip_or_fail "no delegated cgroup v2" || return
	load_busybox
}

# Our own cgroup; v2host moved us to .../user and containers' groups are made there or above.
own() {
	echo "/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)"
}

groups() {
	find "$(own)" "$(own)/.." -maxdepth 1 -name 'libpod-*'
}

# kill -9 of the monitor, then of the container's process, until both are gone
kill_both() {
	local pid monitor
	pid=$(container_pid "$1")
	monitor=$(monitor_pid "$1")
	kill -9 "$monitor"
	kill -9 "$pid"
	wait_for eval "! kill -0 $pid 2>/dev/null"
}

no_groups() {
	[ -z "$(groups)" ]
}

life() {
	local rt=$1 id
	id=$(pm --runtime "$rt" run -d --name a "$IMAGE" sleep 100)
	assert_like "$(cat "/proc/$(container_pid a)/cgroup")" "0::/.*/libpod-$id"
	assert_eq "$(groups | wc -l)" 1
	# its own cgroup namespace: the group is its root; exec joins it
	assert_like "$(pm --runtime "$rt" exec a cat /proc/self/cgroup)" '0::/$'
	assert_eq "$(cat "$(groups)/cgroup.procs")" "$(container_pid a)"
	pm --runtime "$rt" stop -t 0 a
	no_groups || fail "left after stop: $(groups)"
	pm --runtime "$rt" start a
	assert_eq "$(groups | wc -l)" 1
	pm --runtime "$rt" rm -f -t 0 a
	no_groups || fail "left after rm: $(groups)"
	run pm --runtime "$rt" run --rm "$IMAGE" sh -c 'exit 3'
	assert_eq "$status" 3
	no_groups || fail "left after run --rm: $(groups)"
}

@test "cgroup v2: info names the manager" {
	assert_eq "$(pm info -f '{{.Host.CgroupManager}} {{.Host.CgroupVersion}}')" "cgroupfs v2"
}

@test "cgroup v2: crun: a group for each container, gone with it" {
	life crun
}

@test "cgroup v2: runc: a group for each container, gone with it" {
	command -v runc >/dev/null || skip_or_fail "no runc" || return
	life runc
}

@test "cgroup v2: a start that fails leaves no group" {
	for rt in crun runc; do
		run -127 pm --runtime "$rt" run --rm "$IMAGE" nosuchcommand
		assert_error 127 ".*nosuchcommand"
		run pm --runtime "$rt" run --name b "$IMAGE" /etc
		assert_error 126 ""
		pm rm b
		no_groups || fail "left by $rt: $(groups)"
	done
}

@test "cgroup v2: kill -9 of the monitor, then rm -f" {
	for rt in crun runc; do
		pm --runtime "$rt" run -d --name a "$IMAGE" sleep 100
		kill -9 "$(monitor_pid a)"
		assert_eq "$(pm ps --format '{{.Names}}')" a
		pm --runtime "$rt" rm -f -t 0 a
		no_groups || fail "left by $rt: $(groups)"
	done
}

@test "cgroup v2: kill -9 of the monitor and of the container, then rm, or start" {
	for rt in crun runc; do
		pm --runtime "$rt" run -d --name a "$IMAGE" sleep 100
		kill_both a
		pm --runtime "$rt" start a
		kill_both a
		pm --runtime "$rt" rm a
		no_groups || fail "left by $rt: $(groups)"
	done
}

@test "cgroup v2: a limit whose controller is not delegated is an error" {
	grep -qw memory "$(own)/cgroup.controllers" && skip "the memory controller is delegated here"
	for option in '--memory 10m' '--pids-limit 10' '--cpus 0.5' '--memory-reservation 1m' '--cpu-shares 5'; do
		# shellcheck disable=SC2086 # option and value
		run pm run --rm $option "$IMAGE" true
		assert_error 125 ".*cannot be applied"
	done
	assert_eq "$(pm ps -aq)" ""
	assert_eq "$(ls -A "$T/root/containers")" ""
	no_groups
}

@test "cgroup v2: --cgroups=disabled makes none" {
	pm run -d --name a --cgroups=disabled "$IMAGE" sleep 100
	no_groups
	pm rm -f -t 0 a
}

@test "cgroup v2: --cgroups=split: beside a supervisor's group; --cgroup-parent" {
	here=$(own)
	# as a service: all processes of its group are moved
	mkdir "$here/service"
	id=$(sh -c "echo \$\$ >'$here/service/cgroup.procs'; '$PM_BIN' --root '$T/root' --runroot '$T/run' run -d --name a --cgroups=split '$IMAGE' sleep 100
		grep -q '/service/supervisor$' /proc/self/cgroup")
	assert_like "$(cat "/proc/$(container_pid a)/cgroup")" "0::.*/service/libpod-payload-$id"
	assert_like "$(cat "/proc/$(monitor_pid a)/cgroup")" "/service/supervisor$"
	pm rm -f -t 0 a
	[ ! -e "$here/service/libpod-payload-$id" ]
	wait_for rmdir "$here/service/supervisor"
	rmdir "$here/service"
	run pm run --rm --cgroup-parent foo.slice "$IMAGE" true
	assert_error 125 "systemd slice received as cgroup parent when using cgroupfs"
	run pm run --rm --cgroup-parent /../x "$IMAGE" true
	assert_error 125 "leads out"
	mkdir "$here/mine"
	pm run -d --name b --cgroup-parent "$(sed -n 's/^0:://p' /proc/self/cgroup)/mine" "$IMAGE" sleep 100
	assert_like "$(cat "/proc/$(container_pid b)/cgroup")" "/mine/libpod-"
	pm rm -f -t 0 b
	rmdir "$here/mine"
}
