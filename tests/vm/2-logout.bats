#!/usr/bin/env bats
# run-bats: root
# A user who logs in and out. From a login's group, which is root's, nothing may be moved into the user's groups: monitors
# get a scope of the user's manager, so that exec and health checks work, and that they end with the manager and not with
# the session.

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

# what hears SIGTERM holds no logout up
LOOP="sh -c 'trap \"exit 0\" TERM; while :; do sleep 0.2; done'"

@test "a login session: exec, health checks, update, stop and start" {
	guest "$PM_BIN import -q $PM_TEST_FIXTURES/busybox.tar $IMAGE"
	run -0 guest "$PM_BIN run -d --name web --network none --health-cmd true --health-interval 1s $IMAGE $LOOP &&
		$PM_BIN exec web echo from exec && $PM_BIN healthcheck run web && $PM_BIN update --memory 64m web &&
		until $PM_BIN inspect -f '{{.State.Health.Status}}' web | grep -qx healthy; do sleep 1; done &&
		cat /sys/fs/cgroup/user.slice/user-*.slice/user@*.service/user.slice/libpod-*.scope/container/memory.max &&
		$PM_BIN stop -t 5 web && $PM_BIN start web && $PM_BIN exec web true && $PM_BIN rm -f -t 0 web"
	assert_like "$output" 'from exec'
	assert_like "$output" '67108864'
}

@test "logout without lingering ends the containers, and they read so" {
	loginctl disable-linger guest
	run -0 guest "$PM_BIN run -d --name web --network none $IMAGE $LOOP && cat /proc/\$(pgrep -u guest -x pm-monitor)/cgroup"
	assert_like "$output" "user@$(id -u guest).service/user.slice/pm-monitor-[0-9]+.scope"
	wait_for gone
	assert_eq "$(guest "$PM_BIN inspect -f '{{.State.Status}}' web")" exited
	guest "$PM_BIN start web && $PM_BIN exec web true && $PM_BIN rm -f -t 0 web"
}

@test "logout with lingering" {
	loginctl enable-linger guest
	guest "$PM_BIN run -d --name web --network none $IMAGE $LOOP"
	wait_for eval '[ "$(loginctl show-user guest -P Sessions)" = "" ]'
	assert_eq "$(guest "$PM_BIN inspect -f '{{.State.Status}}' web")" running
	assert_eq "$(guest "$PM_BIN exec web echo here")" here
	guest "$PM_BIN rm -f -t 0 web; $PM_BIN system reset -f"
	loginctl disable-linger guest
	wait_for gone
}

@test "the network of a container outlives the session that started it, though logind kills what is left in that" {
	mkdir -p /run/systemd/logind.conf.d
	printf '[Login]\nKillUserProcesses=yes\n' >/run/systemd/logind.conf.d/kill.conf
	systemctl restart systemd-logind
	loginctl enable-linger guest
	run -0 guest "sleep 1000 & $PM_BIN import -q $PM_TEST_FIXTURES/busybox.tar $IMAGE && $PM_BIN network create inner &&
		for net in slirp4netns inner; do
			$PM_BIN run -d --name on-\$net --network \$net -p 127.0.0.1::80 $IMAGE sh -c 'while :; do echo pong | nc -l -p 80; done' || exit 1
		done; cat /proc/self/cgroup; for p in pm-slirp pm-netd; do for i in \$(pgrep -u guest \$p); do cat /proc/\$i/cgroup; done; done"
	assert_like "$output" '/session-[a-z0-9]+.scope'
	assert_eq "$(grep -c "/user@$(id -u guest).service/user.slice/pm-(monitor|netd)-[0-9]*.scope" -E <<<"$output")" "$(($(grep -c ^0:: <<<"$output") - 1))"
	wait_for eval '[ "$(loginctl show-user guest -P Sessions)" = "" ]'
	wait_for eval '! pgrep -u guest -x sleep >/dev/null'
	for net in slirp4netns inner; do
		port=$(guest "$PM_BIN port on-$net" | sed 's/.*://')
		answer() { timeout 5 bash -c "exec 3<>/dev/tcp/127.0.0.1/$port; head -1 <&3" | grep -q pong; }
		wait_for answer
	done
	guest "$PM_BIN rm -fa -t 0; $PM_BIN system reset -f"
	rm /run/systemd/logind.conf.d/kill.conf
	systemctl restart systemd-logind
	loginctl disable-linger guest
	wait_for gone
}
