#!/usr/bin/env bats
# run-bats: systemd
# pm-systemd's words to the manager: a slice with limits, a scope of several processes, a unit that is waited for. That pods
# have such slices, where controllers are delegated, is tests/vm/1-limits.bats.

load helpers
load systemd

HELPER=${PM_BIN%/bin/pm}/libexec/pm/pm-systemd

test_setup() {
	need_systemd
}

test_teardown() {
	[ -z "${waiting:-}" ] || kill "$waiting" 2>/dev/null || :
	forget_units
}

@test "limits are properties of the slice, and outlive a daemon-reload" {
	"$HELPER" user slice pmt-limits.slice memory.max=67108864 memory.swap.max=0 memory.low=max 'cpu.max=25000 50000' cpu.weight=39 \
		pids.max=99 cpuset.cpus=0,2-3 cpuset.mems=0 'io.weight=default 200' "io.max=7:0 rbps=1048576" hugetlb.2MB.max=0
	for _ in before after; do
		assert_eq "$(prop pmt-limits.slice ActiveState)" active
		assert_eq "$(prop pmt-limits.slice MemoryMax)" 67108864
		assert_eq "$(prop pmt-limits.slice MemorySwapMax)" 0
		assert_eq "$(prop pmt-limits.slice MemoryLow)" infinity
		assert_eq "$(prop pmt-limits.slice CPUQuotaPerSecUSec)" 500ms
		assert_eq "$(prop pmt-limits.slice CPUQuotaPeriodUSec)" 50ms
		assert_eq "$(prop pmt-limits.slice CPUWeight)" 39
		assert_eq "$(prop pmt-limits.slice TasksMax)" 99
		assert_eq "$(prop pmt-limits.slice AllowedCPUs)" "0 2-3"
		assert_eq "$(prop pmt-limits.slice AllowedMemoryNodes)" 0
		assert_eq "$(prop pmt-limits.slice IOWeight)" 200
		assert_eq "$(prop pmt-limits.slice IOReadBandwidthMax)" "/dev/block/7:0 1048576"
		systemctl --user daemon-reload
	done
}

@test "a slice that is there gets other limits; what is no limit is an error" {
	"$HELPER" user slice pmt-limits.slice memory.max=1000000
	"$HELPER" user slice pmt-limits.slice memory.max=2000000 cpu.max='max 100000'
	assert_eq "$(prop pmt-limits.slice MemoryMax)" 2000000
	assert_eq "$(prop pmt-limits.slice CPUQuotaPerSecUSec)" infinity
	for bad in 'cpu.max=half' memory.max=much cpuset.cpus=3-1 cpuset.cpus=99999 'io.max=7:0 speed=3' nothing; do
		run "$HELPER" user slice pmt-limits.slice "$bad"
		assert_eq "$status" 1
		assert_like "$output" '^Error: slice pmt-limits.slice: '
	done
	assert_eq "$(prop pmt-limits.slice MemoryMax)" 2000000
}

@test "a scope holds all processes that are named" {
	sleep 60 3>&- &
	one=$!
	sleep 60 3>&- &
	two=$!
	"$HELPER" user scope pmt-two.scope "$one" "$two"
	for pid in "$one" "$two"; do assert_like "$(cat "/proc/$pid/cgroup")" '0::.*/user.slice/pmt-two.scope'; done
	kill "$one" "$two"
}

@test "await: a unit that is active, one that becomes so, one that nobody has heard of" {
	"$HELPER" user await basic.target
	unit pmt-late Type=oneshot RemainAfterExit=yes ExecStart=true
	"$HELPER" user await pmt-late.service 3>&- &
	waiting=$!
	run timeout 1 "$HELPER" user await pmt-late.service
	assert_eq "$status" 124
	run timeout 1 "$HELPER" user await pmt-none.service
	assert_eq "$status" 124
	kill -0 "$waiting"
	systemctl --user start pmt-late
	wait "$waiting"
}

@test "from a login session the helpers of the network leave it with the monitor: with all that they fork" {
	load_busybox
	assert_eq "$(pm info -f '{{.Host.CgroupManager}}')" systemd
	for net in slirp4netns bridge; do
		systemd-run --user --scope --unit=session-9 -q "$PM_BIN" --root "$T/root" --runroot "$T/run" run -d --name "on-$net" --network "$net" \
			-p 127.0.0.1::80 "$IMAGE" sleep 1000
	done
	# nobody is left there, so the scope has ended
	wait_for eval '[ "$(prop session-9.scope ActiveState)" = inactive ]'
	for pid in $(pgrep 'pm-(slirp|netd|monitor)'); do
		assert_like "$(cat "/proc/$pid/cgroup")" '0::.*/user.slice/pm-(monitor|netd)-[0-9]+.scope'
	done
	[ "$(pgrep -c pm-slirp)" -ge 2 ] && [ "$(pgrep -c pm-netd)" -ge 1 ]
	pm rm -fa -t 0 >/dev/null
}
