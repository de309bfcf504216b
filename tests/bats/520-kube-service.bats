#!/usr/bin/env bats
# run-bats: systemd
# kube play as a service of systemd --user: its service container's monitor is the main process.

load helpers

UNITS=$HOME/.config/systemd/user

test_setup() {
	systemctl --user is-system-running >/dev/null 2>&1 || [ -S "$XDG_RUNTIME_DIR/systemd/private" ] ||
		skip_or_fail "no systemd --user" || return
	mkdir -p "$UNITS"
	load_busybox
}

test_teardown() {
	systemctl --user stop pmt-kube 2>/dev/null
	rm -f "$UNITS/pmt-kube.service"
	systemctl --user daemon-reload
	systemctl --user reset-failed
	if [ -e "$T/root/pm.db" ]; then pm pod rm -fa -t 0 >/dev/null; fi
}

prop() {
	systemctl --user show -P "$1" pmt-kube
}

has() { # PROPERTY VALUE
	[ "$(prop "$1")" = "$2" ]
}

# unit COMMAND: a service that plays a pod of that command
unit() {
	local pm="$PM_BIN --root $T/root --runroot $T/run"
	cat >"$T/pod.yaml" <<-E
	kind: Pod
	metadata: {name: unitpod}
	spec: {restartPolicy: Never, terminationGracePeriodSeconds: 0, containers: [{name: main, image: $IMAGE, command: [sh, -c, "$1"]}]}
	E
	cat >"$UNITS/pmt-kube.service" <<-E
	[Service]
	Type=notify
	NotifyAccess=all
	KillMode=mixed
	TimeoutStopSec=20
	Environment=PODMAN_SYSTEMD_UNIT=%n
	ExecStart=$pm kube play --replace --service-container=true --service-exit-code-propagation any --network none $T/pod.yaml
	ExecStopPost=$pm kube down $T/pod.yaml
	E
	systemctl --user daemon-reload
}

@test "the unit is up when the pod runs, and stopping it takes the pod down" {
	unit 'sleep 1000'
	systemctl --user start pmt-kube
	assert_eq "$(prop ActiveState)" active
	assert_eq "$(pm inspect -f '{{.State.Status}}' unitpod-main)" running
	service=$(pm ps --format '{{.Names}}' | grep -- -service)
	assert_eq "$(prop MainPID)" "$(monitor_pid "$service")"
	assert_eq "$(pm inspect -f '{{.Config.Labels.PODMAN_SYSTEMD_UNIT}}' "$service")" pmt-kube.service
	systemctl --user restart pmt-kube
	assert_eq "$(pm inspect -f '{{.State.Status}}' unitpod-main)" running
	systemctl --user stop pmt-kube
	assert_eq "$(pm ps -aq)" ""
	assert_eq "$(pm pod ps -q)" ""
}

@test "the unit ends with the pod, and fails with it" {
	unit 'sleep 1'
	systemctl --user start pmt-kube
	wait_for has ActiveState inactive
	assert_eq "$(prop Result)" success
	unit 'sleep 1; exit 3'
	systemctl --user start pmt-kube
	wait_for has ActiveState failed
	assert_eq "$(prop ExecMainStatus)" 1
	assert_eq "$(pm pod ps -q)" ""
}
