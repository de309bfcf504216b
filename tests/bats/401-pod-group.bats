#!/usr/bin/env bats
# run-bats: v2host
# A pod's control group: its limits, and pausing all that is in it. (tests/tools/v2host makes the host; a controller that
# it has shows that limits are written, the kernel's own files of every group do, too.)

load helpers

test_setup() {
	load_busybox
}

# The group of container $1's pod, as its own process's group is below it.
pod_group() {
	local path
	path=$(sed -n 's/^0:://p' "/proc/$(container_pid "$1")/cgroup")
	echo "/sys/fs/cgroup${path%/*}"
}

state() { # POD
	pm pod inspect -f '{{.State}}' "$1"
}

@test "limits are the pod's group's, before a container is in it; clone and restart keep them" {
	pm pod create --name p --cgroup-conf cgroup.max.descendants=7 --cgroup-conf cgroup.max.depth=3 >/dev/null
	pm run -d --name first --pod p "$IMAGE" sleep 100 >/dev/null
	assert_like "$(pod_group first)" "/libpod_pod_$(pm pod inspect -f '{{.Id}}' p)\$"
	assert_eq "$(cat "$(pod_group first)/cgroup.max.descendants" "$(pod_group first)/cgroup.max.depth")" $'7\n3'
	# the container's own group is not limited so
	assert_eq "$(cat "$(pod_group first)"/libpod-*/cgroup.max.descendants | sort -u)" max
	run -0 pm pod inspect p
	assert_eq "$(jq -r '.cgroup_conf | join(" ")' <<<"$output")" 'cgroup.max.descendants=7 cgroup.max.depth=3'
	pm pod stop -t 0 p >/dev/null
	pm pod start p >/dev/null
	assert_eq "$(cat "$(pod_group first)/cgroup.max.descendants")" 7
	pm pod clone --start --cgroup-conf cgroup.max.depth=4 p twin >/dev/null
	assert_eq "$(cat "$(pod_group first-clone)/cgroup.max.descendants" "$(pod_group first-clone)/cgroup.max.depth")" $'7\n4'
	gone=$(pod_group first)
	pm pod rm -fa -t 0 >/dev/null
	[ ! -e "$gone" ] || fail "left: $gone"
}

@test "a pod without infra container has limits, too" {
	pm pod create --name p --infra=false --cgroup-conf cgroup.max.descendants=5 >/dev/null
	pm run -d --name first --pod p --restart always "$IMAGE" sh -c 'trap "exit 1" TERM; while :; do sleep 0.1; done' >/dev/null
	assert_eq "$(cat "$(pod_group first)/cgroup.max.descendants")" 5
	# the group goes with its last container, and is made again for the restarted one
	kill -TERM "$(container_pid first)"
	again() { [ "$(pm inspect -f '{{.RestartCount}} {{.State.Status}}' first)" = '1 running' ]; }
	wait_for again
	assert_eq "$(cat "$(pod_group first)/cgroup.max.descendants")" 5
	pm pod rm -f -t 0 p >/dev/null
}

# All that runs in group $1 goes to $2: one with processes can hand nothing down.
move_all() {
	moved() {
		local pid
		for pid in $(cat "$1/cgroup.procs"); do echo "$pid" >"$2/cgroup.procs" 2>/dev/null || true; done
		[ -z "$(cat "$1/cgroup.procs")" ]
	}
	wait_for moved "$1" "$2"
}

@test "controllers are handed down to the pod's group: hugetlb" {
	own=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)
	grep -qw hugetlb "$own/cgroup.controllers" || { skip_or_fail "no hugetlb controller is delegated"; return; }
	mkdir "$own/leaf"
	move_all "$own" "$own/leaf"
	assert_eq "$(cat "$own/cgroup.subtree_control")" ""
	pm pod create --name p --cgroup-conf hugetlb.2MB.max=4194304 >/dev/null
	run pm run -d --name first --pod p "$IMAGE" sleep 100
	[ "$status" = 0 ] || fail start
	limit=$(cat "$own"/libpod_pod_*/hugetlb.2MB.max)
	pm pod rm -f -t 0 p >/dev/null
	echo -hugetlb >"$own/cgroup.subtree_control"
	move_all "$own/leaf" "$own"
	rmdir "$own/leaf"
	assert_eq "$limit" 4194304
}

@test "a limit whose controller is missing is an error of the start, and leaves no group" {
	grep -qw memory "/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)/cgroup.controllers" &&
		skip "the memory controller is delegated here"
	for o in '--memory 100m' '--cpus 1.5' '--cpuset-cpus 0' '--cpu-shares 100' '--blkio-weight 100'; do
		# shellcheck disable=SC2086 # option and value
		pm pod create --name p $o >/dev/null
		run -125 pm run --rm --pod p "$IMAGE" true
		assert_error 125 'cannot be applied'
		pm pod rm -f -t 0 p >/dev/null
	done
	pm pod create --name p --cgroup-conf nosuch.max=1 >/dev/null
	run -125 pm run --rm --pod p "$IMAGE" true
	assert_error 125 'limits of the pod: .*no such controller'
	pm pod rm -f -t 0 p >/dev/null
	for o in '--cgroup-conf ../x=1' '--cgroup-conf =1'; do
		# shellcheck disable=SC2086
		run pm pod create --name p $o
		[ "$status" != 0 ] || run -125 pm run --rm --pod p "$IMAGE" true
		assert_eq "$status" 125
		pm pod rm -f -i -t 0 p >/dev/null
	done
	run -125 pm pod create --memory 1g --share-parent=false
	assert_error 125 '--share-parent'
	run -125 pm pod create --memory-swap 1g
	run -125 pm pod create --infra=false --blkio-weight 5
	run -0 pm pod create --name all -m 1g --memory-swap 2g -c 7 --cpus 2 --cpuset-cpus 0-1 --cpuset-mems 0 --blkio-weight 20 \
		--blkio-weight-device /dev/zero:30 --device-read-bps /dev/zero:1mb --device-write-bps /dev/zero:2mb
	run -0 pm pod inspect all
	assert_eq "$(jq -c '[.memory_limit,.memory_swap,.cpu_shares,.cpu_quota,.cpu_period,.cpuset_cpus,.cpuset_mems,.blkio_weight,
		.blkio_weight_device[0].Weight,.device_read_bps[0].Rate,.device_write_bps[0].Path]' <<<"$output")" \
		'[1073741824,2147483648,7,200000,100000,"0-1","0",20,30,1048576,"/dev/zero"]'
	pm pod rm all >/dev/null
}

@test "pause and unpause: every container, and what does not run stays as it is" {
	pm pod create --name p >/dev/null
	pm run -d --name counter --pod p "$IMAGE" sh -c 'i=0; while :; do i=$((i+1)); echo $i >/n; sleep 0.02; done' >/dev/null
	pm create --name idle --pod p "$IMAGE" sleep 100 >/dev/null
	n=/proc/$(container_pid counter)/root/n
	runs() { [ -s "$n" ]; }
	wait_for runs
	run -0 pm pod pause p
	assert_eq "$output" "$(pm pod inspect -f '{{.Id}}' p)"
	assert_eq "$(pm inspect -f '{{.State.Status}}' counter idle)" $'paused\ncreated'
	before=$(cat "$n")
	sleep 0.3
	assert_eq "$(cat "$n")" "$before"
	# a second time there is nothing to do
	run -0 pm pod pause p
	run -0 pm pod unpause p
	later() { [ "$(cat "$n")" != "$before" ]; }
	wait_for later
	assert_eq "$(pm inspect -f '{{.State.Status}}' counter idle)" $'running\ncreated'
	pm rm idle >/dev/null
	pm pod pause p >/dev/null
	assert_eq "$(state p)" Paused
	pm pod unpause --all >/dev/null
	assert_eq "$(state p)" Running
	run -125 pm pod pause nosuch
	assert_error 125 'no such pod'
	run -125 pm pod unpause
	pm pod pause --latest >/dev/null
	pm pod rm -f -t 0 p >/dev/null
}
