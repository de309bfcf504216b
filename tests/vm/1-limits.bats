#!/usr/bin/env bats
# Limits on a machine that systemd booted, for a user to whom it delegates cpu, memory and pids: what was asked for is
# what the kernel enforces, and what inspect, stats and update say.

load ../bats/helpers

test_setup() {
	load_busybox
}

# group NAME: the directory of a container's cgroup
group() {
	echo "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$(container_pid "$1")/cgroup")"
}

# the value of a file in the group, or in the nearest group above that has one (a runtime may put the process in a child)
knob() {
	local dir
	dir=$(group "$1")
	[ -e "$dir/$2" ] && cat "$dir/$2"
}

@test "info: systemd's manager, version 2, the delegated controllers" {
	assert_eq "$(pm info -f '{{.Host.CgroupManager}} {{.Host.CgroupVersion}}')" "systemd v2"
	assert_like "$(pm info -f '{{.Host.CgroupControllers}}')" 'cpu.*memory.*pids'
}

@test "the kernel has the limits that were asked for" {
	pm run -d --name web --network none --memory 64m --memory-reservation 32m --memory-swap 64m --cpus 0.5 --pids-limit 20 \
		--cpu-shares 512 "$IMAGE" sleep 1000
	assert_eq "$(knob web memory.max)" 67108864
	assert_eq "$(knob web memory.low)" 33554432
	assert_eq "$(knob web memory.swap.max)" 0
	assert_eq "$(knob web cpu.max)" "50000 100000"
	assert_eq "$(knob web pids.max)" 20
	assert_eq "$(knob web cpu.weight)" 20
	assert_like "$(group web)" "user@$(id -u).service/user.slice/libpod-[0-9a-f]{64}.scope"
	assert_eq "$(pm inspect -f '{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.PidsLimit}}' web)" \
		"67108864 500000000 20"
	pm rm -f -t 0 web
}

@test "both runtimes, and the cgroupfs manager in a delegated tree" {
	for args in '--runtime crun' '--runtime runc' '--runtime crun --cgroup-manager cgroupfs'; do
		# shellcheck disable=SC2086
		pm $args run -d --name web --network none --memory 64m --pids-limit 20 "$IMAGE" sleep 1000
		assert_eq "$(knob web memory.max) $(knob web pids.max)" "67108864 20"
		# shellcheck disable=SC2086
		pm $args rm -f -t 0 web
	done
}

@test "pids: the twentieth process is refused" {
	run -0 pm run --rm --network none --pids-limit 10 "$IMAGE" sh -c \
		'n=0; for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 5 & done 2>/dev/null; ls -d /proc/[0-9]* | wc -l' || :
	run pm run --rm --network none --pids-limit 5 "$IMAGE" sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 2 & done; wait'
	assert_like "$output" "can't fork|Resource temporarily unavailable"
}

@test "memory: the one that takes too much is killed, and that is said" {
	run pm run --name hog --network none --memory 32m --memory-swap 32m "$IMAGE" sh -c 'tail /dev/zero'
	assert_eq "$status" 137
	assert_eq "$(pm inspect -f '{{.State.OOMKilled}} {{.State.ExitCode}}' hog)" "true 137"
	assert_like "$(pm events --stream=false --filter event=oom --filter event=died --format '{{.Status}}' --filter container=hog | tr '\n' ' ')" 'died'
	pm rm hog
}

@test "cpu: half a processor is half a processor" {
	pm run -d --name half --network none --cpus 0.2 "$IMAGE" sh -c 'while :; do :; done'
	throttled() { [ "$(sed -n 's/^nr_throttled //p' "$(group half)/cpu.stat")" -gt 3 ]; }
	wait_for throttled
	pm rm -f -t 0 half
}

@test "update changes what runs; inspect, stats and the kernel agree; a restart keeps it" {
	pm run -d --name live --network none --memory 64m --cpus 1 "$IMAGE" sleep 1000
	pm update --memory 96m --cpus 0.25 --pids-limit 33 live
	assert_eq "$(knob live memory.max)" 100663296
	assert_eq "$(knob live cpu.max)" "25000 100000"
	assert_eq "$(knob live pids.max)" 33
	assert_eq "$(pm inspect -f '{{.HostConfig.Memory}}' live)" 100663296
	assert_like "$(pm stats --no-stream --format '{{.MemUsage}}' live)" '/ 100.7MB$'
	pm restart -t 0 live
	assert_eq "$(knob live memory.max) $(knob live pids.max)" "100663296 33"
	pm rm -f -t 0 live
}

@test "stats: memory, processes and processor time of the group" {
	pm run -d --name busy --network none "$IMAGE" sh -c 'sleep 1000 & while :; do :; done'
	run -0 pm stats --no-stream --format json busy
	assert_eq "$(jq -r '.[0].pids' <<<"$output")" 2
	assert_eq "$(jq -r '.[0].name' <<<"$output")" busy
	[ "$(jq -r '.[0].mem_usage' <<<"$output" | cut -d' ' -f1)" != 0B ]
	[ "$(jq -r '.[0].cpu_percent' <<<"$output")" != 0.00% ]
	pm rm -f -t 0 busy
}

@test "pause freezes the group; a paused one can be removed by force" {
	pm run -d --name cold --network none "$IMAGE" sleep 1000
	dir=$(group cold)
	pm pause cold
	assert_eq "$(sed -n 's/^frozen //p' "$dir/cgroup.events")" 1
	assert_eq "$(pm ps --filter status=paused --format '{{.Names}}')" cold
	pm unpause cold
	assert_eq "$(sed -n 's/^frozen //p' "$dir/cgroup.events")" 0
	pm pause cold
	pm rm -f -t 0 cold
	[ ! -e "$dir" ]
}

@test "--cgroups=disabled stays in the caller's group; split makes two below it" {
	pm run -d --name none --network none --cgroups=disabled "$IMAGE" sleep 1000
	assert_eq "$(sed -n 's/^0:://p' "/proc/$(container_pid none)/cgroup")" "$(sed -n 's/^0:://p' /proc/self/cgroup)"
	pm rm -f -t 0 none
	# the shell is moved, too: a group with processes gets no controllers for those below it
	run -0 systemd-run --user --wait --pipe -q --collect -p Delegate=yes --unit=pmt-split --setenv=HOME="$HOME" sh -c "
		$PM_BIN --root $T/root --runroot $T/run run -d --name web --network none --cgroups=split --memory 64m $IMAGE sleep 1000
		$PM_BIN --root $T/root --runroot $T/run run --rm --network none --cgroups=split --pids-limit 9 $IMAGE true
		cat /proc/self/cgroup; cat /proc/\$($PM_BIN --root $T/root --runroot $T/run inspect -f '{{.State.Pid}}' web)/cgroup
		cat /sys/fs/cgroup/user.slice/user-$(id -u).slice/user@$(id -u).service/app.slice/pmt-split.service/libpod-payload-*/memory.max
		$PM_BIN --root $T/root --runroot $T/run rm -f -t 0 web"
	assert_like "$output" '/pmt-split.service/supervisor'
	assert_like "$output" '/pmt-split.service/libpod-payload-[0-9a-f]{64}'
	assert_like "$output" '67108864'
}

@test "a pod's limits are properties of its slice: systemd and the kernel agree, also after a daemon-reload" {
	slice_of() { group "$1" | sed 's,\(libpod_pod_[0-9a-f]*\.slice\).*,\1,'; }
	pm pod create --name duo --network none --memory 96m --cpus 0.5 >/dev/null
	pm create --pod duo --name duo-one "$IMAGE" sleep 1000 >/dev/null
	pm pod start duo >/dev/null
	slice=user-libpod_pod_$(pm pod inspect -f '{{.ID}}' duo).slice
	assert_eq "$(systemctl --user show -P ActiveState "$slice")" active
	for _ in before after; do
		assert_eq "$(systemctl --user show -P MemoryMax "$slice")" 100663296
		assert_eq "$(systemctl --user show -P CPUQuotaPerSecUSec "$slice")" 500ms
		assert_eq "$(cat "$(slice_of duo-one)"/memory.max "$(slice_of duo-one)"/cpu.max | tr '\n' ' ')" "100663296 50000 100000 "
		systemctl --user daemon-reload
	done
	# a member that is started later finds them
	pm pod stop -t 0 duo >/dev/null
	pm pod start duo >/dev/null
	assert_eq "$(cat "$(slice_of duo-one)/memory.max")" 100663296
	pm pod rm -f -t 0 duo >/dev/null
	assert_eq "$(systemctl --user list-units --all --plain --no-legend 'user-libpod_pod_*' | wc -l)" 0
}

@test "a controller that the user has not got is named" {
	run -125 pm run --rm --network none --cpuset-cpus 0 --blkio-weight 100 "$IMAGE" true
	assert_like "$output" 'cgroup controller cpuset is not delegated to this user'
}

@test "scopes are gone with their containers" {
	pm run --rm --network none "$IMAGE" true
	assert_eq "$(systemctl --user list-units --all --plain --no-legend 'libpod-*' | wc -l)" 0
}
