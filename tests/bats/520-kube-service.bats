#!/usr/bin/env bats
# run-bats: systemd
# kube play as a service of systemd --user: its service container's monitor is the main process.

load helpers
load systemd

test_setup() {
	need_systemd && load_busybox
}

test_teardown() {
	forget_units
}

# kube_unit COMMAND: a service that plays a pod of that command
kube_unit() {
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
	ExecStart=$(PM) kube play --replace --service-container=true --service-exit-code-propagation any --network none $T/pod.yaml
	ExecStopPost=$(PM) kube down $T/pod.yaml
	E
	systemctl --user daemon-reload
}

@test "the unit is up when the pod runs, and stopping it takes the pod down" {
	kube_unit 'sleep 1000'
	systemctl --user start pmt-kube
	assert_eq "$(prop pmt-kube ActiveState)" active
	assert_eq "$(pm inspect -f '{{.State.Status}}' unitpod-main)" running
	service=$(pm ps --format '{{.Names}}' | grep -- -service)
	assert_eq "$(prop pmt-kube MainPID)" "$(monitor_pid "$service")"
	assert_eq "$(pm inspect -f '{{.Config.Labels.PODMAN_SYSTEMD_UNIT}}' "$service")" pmt-kube.service
	systemctl --user restart pmt-kube
	assert_eq "$(pm inspect -f '{{.State.Status}}' unitpod-main)" running
	systemctl --user stop pmt-kube
	assert_eq "$(pm ps -aq)" ""
	assert_eq "$(pm pod ps -q)" ""
}

@test "the unit ends with the pod, and fails with it" {
	kube_unit 'sleep 1'
	systemctl --user start pmt-kube
	wait_for has pmt-kube ActiveState inactive
	assert_eq "$(prop pmt-kube Result)" success
	kube_unit 'sleep 1; exit 3'
	systemctl --user start pmt-kube
	wait_for has pmt-kube ActiveState failed
	assert_eq "$(prop pmt-kube ExecMainStatus)" 1
	assert_eq "$(pm pod ps -q)" ""
}
