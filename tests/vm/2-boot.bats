#!/usr/bin/env bats
# After the reboot of a machine whose user lingers: what 1-services.bats left.

load ../bats/helpers
load ../bats/systemd
load boot

status_of() {
	user_pm inspect -f '{{.State.Status}}' "$1"
}

is() { # NAME STATUS
	[ "$(status_of "$1")" = "$2" ]
}

@test "containers of a restart policy run, the one that the user stopped and the one without do not" {
	wait_for has pm-restart ActiveState active
	wait_for is always running
	wait_for is unless running
	assert_eq "$(status_of ended) $(status_of plain)" "exited exited"
	assert_eq "$(user_pm inspect -f '{{.RestartCount}}' always)" 0
}

@test "the shutdown ended them by their own signal, once" {
	log=$(user_pm volume inspect -f '{{.Mountpoint}}' always)/log
	wait_for eval '[ "$(grep -c started "$log")" = 2 ]'
	assert_eq "$(tr '\n' ' ' <"$log")" "started stopped started "
}

@test "a published port answers" {
	answer() { timeout 5 bash -c 'exec 3<>/dev/tcp/127.0.0.1/18080; head -1 <&3' | grep -q pong; }
	wait_for answer
}

@test "an enabled unit runs" {
	wait_for has container-unit ActiveState active
	assert_eq "$(prop container-unit MainPID)" "$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$(user_pm inspect -f '{{.State.Pid}}' unit)/status")"
}

@test "a Quadlet file's service runs after the boot, with its volume, network and limit" {
	wait_for has quad ActiveState active
	log=$(user_pm volume inspect -f '{{.Mountpoint}}' systemd-quad)/log
	wait_for eval '[ "$(wc -l <"$log")" = 2 ]'
	group=/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$(user_pm inspect -f '{{.State.Pid}}' systemd-quad)/cgroup")
	assert_like "$group" '/app.slice/quad.service/libpod-payload-'
	assert_eq "$(cat "$group/memory.max")" 67108864
	assert_eq "$(user_pm inspect -f '{{range $k, $v := .NetworkSettings.Networks}}{{$k}}{{end}}' systemd-quad)" systemd-quad
	systemctl --user stop quad
	assert_eq "$(user_pm ps -aq --filter name=systemd-quad)" ""
}

@test "nothing of the time before is left" {
	systemctl --user stop pm-restart container-unit
	user_pm rm -fa -t 0
	assert_eq "$(ls "$XDG_RUNTIME_DIR/pm/ctr")" ""
	assert_eq "$(ls "$HOME_VM/.local/share/pm/containers")" ""
	user_pm system check
	user_pm system reset -f
}
