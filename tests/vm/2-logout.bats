#!/usr/bin/env bats
# run-bats: root
# A user who logs out. The monitor belongs to the session as any process does, and systemd lets those run on
# (KillUserProcesses=no, the default of Debian); when systemd ends the user's session and manager, containers end, and
# that is read from them.

load ../bats/helpers

test_setup() {
	id guest >/dev/null 2>&1 || useradd -m -s /bin/bash guest
}

guest() {
	su - guest -c "$*" </dev/null
}

gone() {
	! pgrep -u guest >/dev/null
}

@test "without lingering: a container outlives the shell, and ends with the user's manager" {
	loginctl disable-linger guest
	guest "$PM_BIN import -q $PM_TEST_FIXTURES/busybox.tar $IMAGE && $PM_BIN run -d --name web --network none $IMAGE sh -c 'trap \"exit 0\" TERM; while :; do sleep 0.2; done'"
	assert_eq "$(guest "$PM_BIN inspect -f '{{.State.Status}}' web")" running
	loginctl terminate-user guest
	wait_for gone
	assert_eq "$(guest "$PM_BIN inspect -f '{{.State.Status}}' web")" exited
	guest "$PM_BIN start web && $PM_BIN exec web true && $PM_BIN rm -f -t 0 web"
}

@test "logout with lingering" {
	guest "$PM_BIN rm -fa -t 0"
	loginctl enable-linger guest
	guest "$PM_BIN run -d --name web --network none $IMAGE sleep 1000"
	wait_for eval '[ "$(loginctl show-user guest -P State)" != active ]'
	assert_eq "$(guest "$PM_BIN inspect -f '{{.State.Status}}' web")" running
	assert_eq "$(guest "$PM_BIN exec web echo here")" here
	guest "$PM_BIN rm -f -t 0 web; $PM_BIN system reset -f"
	loginctl disable-linger guest
	wait_for gone
}
