#!/usr/bin/env bats
# run-bats: root
# A user who logs out: without lingering the containers end and read so; with it they go on.

load ../bats/helpers

WAIT_FOR=60

test_setup() {
	id guest >/dev/null 2>&1 || useradd -m -s /bin/bash guest
}

guest() {
	su - guest -c "$*" </dev/null
}

gone() {
	! pgrep -u guest >/dev/null
}

@test "logout without lingering" {
	loginctl disable-linger guest
	guest "$PM_BIN import -q $PM_TEST_FIXTURES/busybox.tar $IMAGE && $PM_BIN run -d --name web --network none $IMAGE sleep 1000 && $PM_BIN ps -q"
	uid=$(id -u guest)
	# systemd ends the user's manager, and with it the containers
	wait_for eval '! systemctl -q is-active user@$uid'
	assert_eq "$(guest "$PM_BIN inspect -f '{{.State.Status}}' web")" exited
	guest "$PM_BIN rm web"
}

@test "logout with lingering" {
	loginctl enable-linger guest
	guest "$PM_BIN run -d --name web --network none $IMAGE sleep 1000"
	wait_for eval '[ "$(loginctl show-user guest -P State)" != active ]'
	assert_eq "$(guest "$PM_BIN inspect -f '{{.State.Status}}' web")" running
	assert_eq "$(guest "$PM_BIN exec web echo here")" here
	guest "$PM_BIN rm -f -t 0 web; $PM_BIN system reset -f"
	loginctl disable-linger guest
	wait_for gone
}
