#!/usr/bin/env bats
# Services of a lingering user on a machine that systemd booted. The last test leaves what 2-boot.bats looks at.

load ../bats/helpers
load ../bats/systemd
load boot

test_setup() {
	mkdir -p "$UNITS"
}

@test "a unit that is generated: limits, the journal, restart on failure, stop" {
	load_busybox
	pm create --name web --network none --memory 64m --log-driver journald --stop-timeout 1 "$IMAGE" \
		sh -c 'trap "exit 0" TERM; echo "hello from $$"; while :; do sleep 0.2; done'
	(cd "$UNITS" && pm generate systemd --files --new --name --restart-policy on-failure --restart-sec 0 web)
	pm rm web
	systemctl --user daemon-reload
	systemctl --user start container-web
	has container-web ActiveState active
	assert_eq "$(prop container-web MainPID)" "$(monitor_pid web)"
	assert_eq "$(prop container-web Type)" notify
	wait_for eval '[ "$(pm logs web)" = "hello from 1" ]'
	wait_for eval 'journalctl --user -q -o cat CONTAINER_NAME=web | grep -qx "hello from 1"'
	first=$(pm inspect -f '{{.Id}}' web)
	pm kill -s KILL web
	wait_for has container-web NRestarts 1
	wait_for has container-web ActiveState active
	[ "$(pm inspect -f '{{.Id}}' web)" != "$first" ]
	systemctl --user stop container-web
	has container-web Result success
	assert_eq "$(pm ps -aq)" ""
	rm "$UNITS/container-web.service"
	systemctl --user daemon-reload
}

@test "an oom kill of the payload is the service's failure" {
	load_busybox
	unit pmt-hog "Type=notify" "Restart=no" \
		"ExecStart=$(PM) run -d --rm --name hog --network none --memory 24m --memory-swap 24m --sdnotify conmon $IMAGE tail /dev/zero"
	systemctl --user start pmt-hog || :
	wait_for has pmt-hog ActiveState failed
	assert_eq "$(prop pmt-hog ExecMainStatus)" 137
	rm "$UNITS/pmt-hog.service"
	systemctl --user reset-failed
}

@test "healthy is ready; socket activation" {
	load_busybox
	unit pmt-healthy "Type=notify" "TimeoutStopSec=1" \
		"ExecStart=$(PM) run -d --rm --name healthy --network none --stop-timeout 0 --sdnotify healthy --health-cmd 'test -e /ok' --health-interval 200ms $IMAGE sh -c 'sleep 3; touch /ok; sleep 1000'"
	systemctl --user start pmt-healthy
	has pmt-healthy ActiveState active
	assert_eq "$(pm inspect -f '{{.State.Health.Status}}' healthy)" healthy
	systemctl --user stop pmt-healthy

	printf '[Socket]\nListenStream=%s/act.sock\n' "$T" >"$UNITS/pmt-act.socket"
	unit pmt-act "Type=notify" "TimeoutStopSec=1" \
		"ExecStart=$(PM) run -d --rm --name act --network none --stop-timeout 0 --sdnotify conmon $IMAGE sh -c 'echo \$\$LISTEN_FDS; readlink /proc/self/fd/3; sleep 1000'"
	systemctl --user start pmt-act.socket
	curl -s --max-time 1 --unix-socket "$T/act.sock" http://x/ || :
	wait_for has pmt-act ActiveState active
	wait_for eval '[[ "$(pm logs act)" == 1*socket:* ]]'
	systemctl --user stop pmt-act.socket pmt-act

	rm "$UNITS"/pmt-*
	systemctl --user daemon-reload
	systemctl --user reset-failed
}

@test "what the boot after this one looks at" {
	user_pm import -q --change 'CMD ["sh"]' "$PM_TEST_FIXTURES/busybox.tar" "$IMAGE"
	loop='trap "echo stopped >>/data/log; exit 0" TERM; echo started >>/data/log; while :; do sleep 0.2; done'
	user_pm create --name always --network none --restart always -v always:/data "$IMAGE" sh -c "$loop"
	user_pm create --name unless --stop-timeout 1 --network none --restart unless-stopped "$IMAGE" sleep 1000
	# who hears SIGTERM does not hold the shutdown up
	user_pm create --name plain --network none "$IMAGE" sh -c 'trap "exit 0" TERM; while :; do sleep 0.2; done'
	user_pm create --name net --stop-timeout 1 -p 18080:80 --restart always "$IMAGE" sh -c 'while :; do echo pong | nc -l -p 80; done'
	user_pm run -d --name ended --network none --restart unless-stopped "$IMAGE" sleep 1000
	user_pm stop -t 0 ended
	user_pm create --name unit --network none --stop-timeout 1 "$IMAGE" sleep 1000
	(cd "$UNITS" && user_pm generate systemd --files --new --name unit)
	user_pm rm unit
	sed "s,@BINDIR@/pm,$PM_BIN," /opt/pm/share/systemd/pm-restart.service.in >"$UNITS/pm-restart.service"
	mkdir -p "$QUADLETS"
	printf '[Container]\nImage=%s\nNetwork=quad.network\nVolume=quad.volume:/data\nMemory=64m\nExec=sh -c "echo up >>/data/log; exec sleep 1000"\nStopTimeout=0\n[Install]\nWantedBy=default.target\n' "$IMAGE" >"$QUADLETS/quad.container"
	printf '[Network]\nInternal=true\n' >"$QUADLETS/quad.network"
	printf '[Volume]\nLabel=of=quadlet\n' >"$QUADLETS/quad.volume"
	systemctl --user daemon-reload
	systemctl --user start quad
	systemctl --user enable --now container-unit pm-restart
	systemd-run --user -q --unit=plain -p Type=oneshot -p RemainAfterExit=yes "$PM_BIN" start plain
	assert_eq "$(user_pm ps --format '{{.Names}}' | sort | tr '\n' ' ')" "always net plain systemd-quad unit unless "
}
