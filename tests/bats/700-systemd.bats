#!/usr/bin/env bats
# run-bats: systemd
# Containers as services of systemd --user: generated units, notification, watchdog, socket activation.

load helpers
load systemd

test_setup() {
	need_systemd && load_busybox
}

test_teardown() {
	forget_units
}

install_unit() {
	(cd "$UNITS" && pm generate systemd --files --name "$@" >/dev/null)
	systemctl --user daemon-reload
}

# A pod of two containers, the second of which depends on the first
two_in_pod() { # NAME OPTION...
	local name=$1 main='trap "exit 0" TERM; while :; do sleep 0.1; done'
	shift
	pm pod create --network none "$@" "$name" >/dev/null
	pm create --pod "$name" --name "$name-a" "$IMAGE" sh -c "$main" >/dev/null
	pm create --pod "$name" --name "$name-b" --requires "$name-a" -e 'A=%h $x' "$IMAGE" sh -c "$main" >/dev/null
}

@test "every unit passes systemd-analyze verify" {
	pm create --name v --restart always --stop-timeout 7 -e 'A=b c %h $x "q" \' --label 'l=;' "$IMAGE" sh -c 'echo "$HOME" ; %i' ''
	for args in "" --new --name "--new --name" "--new --template --name" \
		"--new --name --restart-policy on-abort --restart-sec 3 --start-timeout 5 --stop-timeout 6 --after basic.target --requires basic.target --requires paths.target --wants timers.target -e X=y --no-header --container-prefix p --separator _"; do
		rm -rf "$T/u" && mkdir "$T/u"
		# shellcheck disable=SC2086
		(cd "$T/u" && pm generate systemd --files $args v 2>/dev/null)
		for f in "$T/u"/*.service; do
			[[ $f != *@* ]] || { mv "$f" "${f/@/@x}"; f=${f/@/@x}; }
			run -0 systemd-analyze --user --man=no verify "$f"
			# what it complains of is not ours
			! grep -F "$f" <<<"$output" || fail "$f"
		done
	done
}

@test "shape: --new" {
	pm create --name w --stop-timeout 7 --restart always -p 80 -e 'A=b c %h $x' "$IMAGE" sh -c 'echo $HOME'
	run -0 pm generate systemd --new --name --no-header w
	assert_eq "$(sed "s,$PM_BIN,/usr/bin/pm,; s,$T,/T," <<<"$output")" "# container-w.service

[Unit]
Description=pm container-w.service
Documentation=man:pm-generate-systemd(1)
Wants=network-online.target
After=network-online.target
RequiresMountsFor=/T/run

[Service]
Environment=PODMAN_SYSTEMD_UNIT=%n
Restart=always
TimeoutStopSec=67
ExecStartPre=/bin/rm \\
	-f %t/%n.ctr-id
ExecStart=/usr/bin/pm \\
	--root /T/root \\
	--runroot /T/run run \\
	--cidfile=%t/%n.ctr-id \\
	--cgroups=no-conmon \\
	--rm \\
	--sdnotify=conmon \\
	-d \\
	--replace \\
	--name w \\
	--stop-timeout 7 \\
	-p 80 \\
	-e \"A=b c %%h \$\$x\" localhost/busybox:latest sh \\
	-c \"echo \$\$HOME\"
ExecStop=/usr/bin/pm \\
	--root /T/root \\
	--runroot /T/run stop \\
	--ignore -t 7 \\
	--cidfile=%t/%n.ctr-id
ExecStopPost=/usr/bin/pm \\
	--root /T/root \\
	--runroot /T/run rm \\
	-f \\
	--ignore -t 7 \\
	--cidfile=%t/%n.ctr-id
Type=notify
NotifyAccess=all

[Install]
WantedBy=default.target"
	run -0 --separate-stderr pm generate systemd --format json --name w
	assert_like "$stderr" "consider recreating the container without a restart policy"
	assert_like "$(jq -r '."container-w"' <<<"$output")" 'ExecStart=.* start w'
	run -125 pm generate systemd --restart-policy foo w
	assert_error 125 "foo is not a valid restart policy"
	run -125 pm generate systemd nope
	assert_error 125 "nope does not refer to a container or pod"
}

@test "a --new unit: runs, its monitor is the main process, restarts on failure, goes" {
	pm create --name n --network none --stop-timeout 1 "$IMAGE" sh -c 'trap "exit 0" TERM; echo "arg=$0 $1"; while :; do sleep 0.1; done' 'a b' '%h $HOME'
	install_unit --new --restart-policy on-failure --restart-sec 0 n
	pm rm n
	systemctl --user start container-n || { journalctl --user -u container-n -o cat >&2; cat "$UNITS/container-n.service" >&2; false; }
	has container-n ActiveState active
	assert_eq "$(prop container-n MainPID)" "$(monitor_pid n)"
	wait_for eval '[ "$(pm logs n)" = "arg=a b %h \$HOME" ]'
	first=$(pm inspect -f '{{.Id}}' n)
	pm kill n
	wait_for has container-n NRestarts 1
	wait_for has container-n ActiveState active
	[ "$(pm inspect -f '{{.Id}}' n)" != "$first" ]
	systemctl --user stop container-n
	has container-n Result success
	assert_eq "$(pm ps -aq)" ""
}

@test "a unit for a container that is there: forking, started and stopped" {
	pm create --name f --network none --stop-timeout 0 "$IMAGE" sleep 1000
	install_unit f
	systemctl --user start container-f
	assert_eq "$(prop container-f MainPID)" "$(monitor_pid f)"
	assert_eq "$(pm inspect -f '{{.State.Status}}' f)" running
	systemctl --user stop container-f
	assert_eq "$(pm inspect -f '{{.State.Status}}' f)" exited
	pm rm f
}

@test "sdnotify: container's own messages; its process ids are not believed" {
	unit pmt-c "Type=notify" "NotifyAccess=all" "TimeoutStartSec=20" "WatchdogSec=60" \
		"ExecStart=$(PM) run -d --rm --name c --network none -v $T:/t $IMAGE sh -c 'env >/t/env; until [ -e /t/go ]; do sleep 0.05; done; exec nc -u local:\$\$NOTIFY_SOCKET </t/msg'"
	# busybox has no client for datagram sockets: the test's own, through the container's socket
	systemctl --user start --no-block pmt-c
	wait_for test -s "$T/env"
	grep -qx NOTIFY_SOCKET=/run/notify/notify.sock "$T/env"
	grep -qx WATCHDOG_USEC=60000000 "$T/env"
	has pmt-c ActiveState activating
	sock=$T/run/ctr/$(pm inspect -f '{{.Id}}' c)/notify/notify.sock
	python_send() { perl -MSocket -e 'socket(S,AF_UNIX,SOCK_DGRAM,0); send(S,$ARGV[1],0,pack_sockaddr_un($ARGV[0])) or die $!' "$@"; }
	python_send "$sock" $'MAINPID=1\nSTATUS=hello\nREADY=1'
	wait_for has pmt-c ActiveState active
	has pmt-c StatusText hello
	assert_eq "$(prop pmt-c MainPID)" "$(monitor_pid c)"
	pm stop -t 0 c
	wait_for has pmt-c ActiveState failed
}

@test "sdnotify=conmon: ready at once; ignore: never told; the exit code is the service's" {
	unit pmt-m "Type=notify" "ExecStart=$(PM) run -d --rm --name m --network none --sdnotify conmon $IMAGE sh -c 'env; sleep 1; exit 7'"
	systemctl --user start pmt-m
	has pmt-m ActiveState active
	pm logs m | grep -q NOTIFY_SOCKET && fail "told of the socket"
	wait_for has pmt-m ActiveState failed
	assert_eq "$(prop pmt-m ExecMainStatus)" 7
	unit pmt-i "Type=notify" "TimeoutStartSec=2" "TimeoutStopSec=1" "ExecStart=$(PM) run --rm --name i --network none --sdnotify ignore $IMAGE sleep 1000"
	run systemctl --user start pmt-i
	[ "$status" != 0 ]
	assert_eq "$(prop pmt-i Result)" timeout
	run -125 pm create --sdnotify foo "$IMAGE"
	assert_error 125 'invalid sdnotify value "foo": must be container, conmon, healthy or ignore'
	run -125 pm create --sdnotify healthy "$IMAGE"
	assert_error 125 'requires a healthcheck'
	pm rm -f -t 0 -a
}

@test "sdnotify=healthy and the watchdog" {
	unit pmt-h "Type=notify" "WatchdogSec=1" "ExecStart=$(PM) run -d --rm --name h --network none --sdnotify healthy --health-cmd 'test -e /ok' --health-interval 100ms --health-retries 1 $IMAGE sleep 1000"
	systemctl --user start --no-block pmt-h
	wait_for eval '[ "$(pm inspect -f "{{.State.Health.Status}}" h)" = unhealthy ]'
	has pmt-h ActiveState activating
	pm exec h touch /ok
	wait_for has pmt-h ActiveState active
	sleep 2
	has pmt-h ActiveState active
	pm exec h rm /ok
	wait_for has pmt-h Result watchdog
	pm rm -f -t 0 -a
}

@test "socket activation: the descriptor and its name reach the container" {
	printf '[Socket]\nListenStream=%s/act.sock\nFileDescriptorName=web\n' "$T" >"$UNITS/pmt-s.socket"
	unit pmt-s "Type=notify" "ExecStart=$(PM) run -d --rm --name s --network none --sdnotify conmon $IMAGE sh -c 'echo \$\$LISTEN_FDS \$\$LISTEN_PID \$\$LISTEN_FDNAMES \$\$\$\$; readlink /proc/self/fd/3; ls -l /proc/self/fd/4; sleep 1000'"
	systemctl --user start pmt-s.socket
	perl -MSocket -e 'socket(S,AF_UNIX,SOCK_STREAM,0); connect(S,pack_sockaddr_un($ARGV[0])) or die $!' "$T/act.sock"
	wait_for has pmt-s ActiveState active
	wait_for eval '[ "$(pm logs s 2>/dev/null | wc -l)" = 2 ]'
	assert_eq "$(pm logs s 2>/dev/null | head -1)" "1 1 web 1"
	assert_like "$(pm logs s 2>/dev/null | sed -n 2p)" '^socket:'
	systemctl --user stop pmt-s.socket pmt-s
	pm rm -f -t 0 -a
}

@test "the boot unit starts by policy, and its stop is not the user's" {
	sed "s,@BINDIR@/pm,$(PM)," "$BATS_TEST_DIRNAME/../../share/systemd/pm-restart.service.in" >"$UNITS/pmt-boot.service"
	run -0 systemd-analyze --user --man=no verify "$UNITS/pmt-boot.service"
	systemctl --user daemon-reload
	pm create --name a --network none --stop-timeout 0 --restart unless-stopped "$IMAGE" sleep 1000
	pm create --name b --network none --stop-timeout 0 "$IMAGE" sleep 1000
	systemctl --user start pmt-boot
	assert_eq "$(pm ps --format '{{.Names}}')" a
	pm exec a true
	systemctl --user stop pmt-boot
	assert_eq "$(pm ps -q)" ""
	assert_eq "$(pm inspect -f '{{.RestartCount}}' a)" 0
	systemctl --user start pmt-boot
	assert_eq "$(pm ps --format '{{.Names}}')" a
	pm stop a
	systemctl --user restart pmt-boot
	assert_eq "$(pm ps -q)" ""
	pm rm -f -t 0 a b
}

@test "a pod's units pass systemd-analyze verify" {
	two_in_pod v --hostname 'h' --label 'l=a b %i $x ;"'
	for args in "" --new --name "--new --name" \
		"--new --name --restart-policy on-abort --restart-sec 3 --start-timeout 5 --stop-timeout 6 --after basic.target --requires paths.target --wants timers.target -e X=y --no-header --container-prefix c --pod-prefix p --separator _" \
		"--name --container-prefix= --pod-prefix=x"; do
		rm -rf "$T/u" && mkdir "$T/u"
		# shellcheck disable=SC2086
		(cd "$T/u" && pm generate systemd --files $args v >"$T/paths")
		assert_eq "$(sort "$T/paths")" "$(ls "$T/u"/*.service)"
		assert_eq "$(wc -l <"$T/paths")" 3
		run -0 env SYSTEMD_UNIT_PATH="$T/u:" systemd-analyze --user --man=no verify "$T/u"/*.service
		! grep -F "$T/u" <<<"$output" || fail "$args"
	done
}

@test "shape: a pod's units" {
	two_in_pod w
	run -0 pm generate systemd --new --name --no-header w
	# -t: the default of containers.conf
	assert_eq "$(sed "s,$PM_BIN,/usr/bin/pm,; s,$T,/T," <<<"$output" | sed '/^# container-w-a/,$d')" "# pod-w.service

[Unit]
Description=pm pod-w.service
Documentation=man:pm-generate-systemd(1)
Wants=network-online.target
After=network-online.target
RequiresMountsFor=/T/run
Wants=container-w-a.service container-w-b.service
Before=container-w-a.service container-w-b.service

[Service]
Environment=PODMAN_SYSTEMD_UNIT=%n
Restart=on-failure
TimeoutStopSec=70
ExecStartPre=/bin/rm \\
	-f %t/pod-w.pid %t/pod-w.pod-id
ExecStartPre=/usr/bin/pm \\
	--root /T/root \\
	--runroot /T/run pod create \\
	--infra-conmon-pidfile=%t/pod-w.pid \\
	--pod-id-file=%t/pod-w.pod-id \\
	--exit-policy=stop \\
	--replace \\
	--network none w
ExecStart=/usr/bin/pm \\
	--root /T/root \\
	--runroot /T/run pod start \\
	--pod-id-file=%t/pod-w.pod-id
ExecStop=/usr/bin/pm \\
	--root /T/root \\
	--runroot /T/run pod stop \\
	--ignore -t 10 \\
	--pod-id-file=%t/pod-w.pod-id
ExecStopPost=/usr/bin/pm \\
	--root /T/root \\
	--runroot /T/run pod rm \\
	-f \\
	--ignore -t 10 \\
	--pod-id-file=%t/pod-w.pod-id
PIDFile=%t/pod-w.pid
Type=forking

[Install]
WantedBy=default.target"
	b=$(sed -n '/^# container-w-b/,$p' <<<"$output")
	assert_like "$b" $'\n''BindsTo=pod-w.service container-w-a.service'$'\n''After=pod-w.service container-w-a.service'$'\n'
	assert_like "$b" '--pod-id-file=%t/pod-w.pod-id'
	[[ $b != *"--pod w"* ]] || fail "the pod is named twice"
	run -0 bash -c "'$PM_BIN' --root '$T/root' --runroot '$T/run' generate systemd --format json --name w | jq -r 'keys[]'"
	assert_eq "$output" $'container-w-a\ncontainer-w-b\npod-w'
	run -125 pm generate systemd --template w
	assert_error 125 'is for containers: w is a pod'
	pm pod create --infra=false bare >/dev/null
	run -125 pm generate systemd bare
	assert_error 125 'pod bare has no infra container'
	pm run -d --pod new:implied --network none "$IMAGE" true >/dev/null
	run -125 pm generate systemd --new implied
	assert_error 125 'cannot use --new on pod "implied": .*is no pod create'
	pm pod create --network none init >/dev/null
	pm create --pod init --name first --init-ctr once "$IMAGE" true >/dev/null
	run -125 pm generate systemd init
	assert_error 125 'init container first of pod init cannot be a service'
}

@test "a pod's --new units: made, started, stopped and removed together; a member's end is its own unit's" {
	two_in_pod n
	install_unit --new --restart-policy on-failure --restart-sec 0 n
	pm pod rm n >/dev/null
	systemctl --user start pod-n || { journalctl --user -u pod-n -o cat >&2; cat "$UNITS/pod-n.service" >&2; false; }
	wait_for has container-n-b ActiveState active
	has container-n-a ActiveState active
	has pod-n ActiveState active
	infra=$(pm pod inspect -f '{{.InfraContainerID}}' n)
	assert_eq "$(prop pod-n MainPID)" "$(monitor_pid "$infra")"
	assert_eq "$(prop container-n-a MainPID)" "$(monitor_pid n-a)"
	assert_eq "$(pm pod inspect -f '{{.NumContainers}} {{.State}} {{.ExitPolicy}}' n)" "3 Running stop"
	first=$(pm inspect -f '{{.Id}}' n-b)
	pm kill n-b >/dev/null
	wait_for has container-n-b NRestarts 1
	wait_for has container-n-b ActiveState active
	[ "$(pm inspect -f '{{.Id}}' n-b)" != "$first" ]
	assert_eq "$(pm pod inspect -f '{{.InfraContainerID}}' n)" "$infra"
	systemctl --user stop pod-n
	has pod-n Result success
	wait_for has container-n-a ActiveState inactive
	wait_for has container-n-b ActiveState inactive
	assert_eq "$(pm ps -aq)$(pm pod ps -q)" ""
}

@test "units for a pod that is there" {
	two_in_pod f
	install_unit f
	systemctl --user start pod-f
	wait_for has container-f-b ActiveState active
	assert_eq "$(pm pod inspect -f '{{.State}}' f)" Running
	assert_eq "$(prop pod-f MainPID)" "$(monitor_pid "$(pm pod inspect -f '{{.InfraContainerID}}' f)")"
	systemctl --user stop pod-f
	wait_for has container-f-a ActiveState inactive
	assert_eq "$(pm pod inspect -f '{{.State}} {{.NumContainers}}' f)" "Exited 3"
}

@test "a pod's limits are its slice's where systemd makes the groups" {
	assert_eq "$(pm info -f '{{.Host.CgroupManager}}')" systemd
	pm pod create --name limited --cgroup-conf cgroup.max.descendants=9 >/dev/null
	pm run -d --name member --pod limited --network none "$IMAGE" sleep 100 >/dev/null
	path=$(sed -n 's/^0:://p' "/proc/$(container_pid member)/cgroup")
	assert_like "$path" "libpod_pod_$(pm pod inspect -f '{{.Id}}' limited)\\.slice/libpod-.*\\.scope"
	slice=/sys/fs/cgroup${path%/libpod-*}
	assert_eq "$(cat "$slice/cgroup.max.descendants")" 9
	pm pod stop -t 0 limited >/dev/null
	pm pod start limited >/dev/null
	assert_eq "$(cat "$slice/cgroup.max.descendants")" 9
	pm pod rm -f -t 0 limited >/dev/null
}
