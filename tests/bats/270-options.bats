#!/usr/bin/env bats
# Options of run and create, by what the container sees of them.

load helpers

test_setup() {
	load_busybox
}

ctr() {
	pm run --rm --network none "$@"
}

@test "options: --timeout kills, exit code 255" {
	run ctr --timeout 1 "$IMAGE" sleep 50
	assert_eq "$status" 255
	pm create --name a --network none --timeout 1 "$IMAGE" sleep 50
	pm start a
	assert_eq "$(pm wait a)" 255
}

@test "options: --user by number gets entries in passwd and group" {
	assert_eq "$(ctr -u 1234 "$IMAGE" tail -n1 /etc/passwd)" '1234:*:1234:0:container user:/:/bin/sh'
	assert_eq "$(ctr -u 1234 "$IMAGE" tail -n1 /etc/group)" '1234:x:1234:1234'
	assert_eq "$(ctr -u 1234:55 -w /tmp "$IMAGE" id)" 'uid=1234(1234) gid=55(55) groups=55(55)'
	assert_eq "$(ctr -u 1234:55 --passwd-entry 'x$USERNAME:*:$UID:$GID:$NAME:$HOME:/z' "$IMAGE" tail -n1 /etc/passwd)" \
		'x1234:*:1234:55:container user:/:/z'
	assert_eq "$(ctr -u 7:77 --group-entry 'g$GROUPNAME:x:$GID:$USERLIST' "$IMAGE" tail -n1 /etc/group)" 'g77:x:77:7'
	assert_eq "$(ctr -u 1234 --passwd=false "$IMAGE" grep -c 1234 /etc/passwd || :)" 0
	# who is there already is not added, and a second start adds nothing
	assert_eq "$(ctr -u 33 "$IMAGE" grep -c www-data /etc/passwd)" 1
	pm create --name a --network none -u 1234 "$IMAGE" grep -c 1234 /etc/passwd
	assert_eq "$(pm start -a a)" 1
	assert_eq "$(pm start -a a)" 1
	run pm run --rm -u 5 --passwd-entry $'a\nb' "$IMAGE" true
	assert_error 125 "one line"
}

@test "options: --hostuser" {
	assert_like "$(ctr --hostuser games "$IMAGE" tail -n1 /etc/passwd)" '^games:\*:5:60:games:/:/bin/sh$'
	assert_eq "$(ctr --hostuser nobody "$IMAGE" grep -c ^nobody: /etc/passwd)" 1
	run ctr --hostuser nosuchuser "$IMAGE" true
	assert_error 125 "unknown user nosuchuser"
}

@test "options: passwd that is a symlink or FIFO of the image is left alone" {
	mkdir -p "$T/img/etc" "$T/img/bin"
	cp "$(command -v busybox)" "$T/img/bin/"
	ln -s busybox "$T/img/bin/sh"
	ln -s /escape "$T/img/etc/passwd"
	mkfifo "$T/img/etc/group"
	tar -C "$T/img" -cf "$T/img.tar" .
	pm import -q "$T/img.tar" localhost/hostile >/dev/null
	assert_eq "$(PM_TIMEOUT=20 ctr -u 1234:5 localhost/hostile sh -c 'echo ok')" ok
	[ ! -e /escape ]
}

@test "options: --attach chooses the streams" {
	assert_eq "$(ctr -a stderr "$IMAGE" sh -c 'echo out; echo err >&2' 2>&1)" err
	assert_eq "$(ctr -a stdout "$IMAGE" sh -c 'echo out; echo err >&2' 2>&1)" out
	assert_eq "$(echo in | ctr -i -a stdin -a STDOUT "$IMAGE" cat)" in
	assert_like "$(ctr -a stdin "$IMAGE" echo out)" '^[0-9a-f]{64}$'
	run ctr -a foo "$IMAGE" true
	assert_error 125 "must be one of stdin"
}

@test "options: environment: host's below the image's, --env-merge from it" {
	assert_eq "$(FROMHOST=1 ctr --env-host "$IMAGE" sh -c 'echo $FROMHOST')" 1
	pm import -q --change 'ENV FROMHOST=image' "$PM_TEST_FIXTURES/busybox.tar" localhost/env >/dev/null
	assert_eq "$(FROMHOST=1 ctr --env-host localhost/env sh -c 'echo $FROMHOST')" image
	assert_eq "$(ctr --env-merge 'FROMHOST=a-${FROMHOST}' localhost/env sh -c 'echo $FROMHOST')" a-image
	assert_like "$(ctr --env-merge 'PATH=/x:$PATH' "$IMAGE" sh -c 'echo $PATH')" '^/x:/usr/local/sbin:'
	assert_eq "$(ctr --unsetenv FROMHOST localhost/env sh -c 'echo ${FROMHOST-none}')" none
}

@test "options: --preserve-fds and --preserve-fd, and no other descriptor" {
	echo hello >"$T/hello"
	assert_eq "$(ctr --preserve-fds 1 "$IMAGE" sh -c 'cat <&3' 3<"$T/hello")" hello
	assert_eq "$(ctr --preserve-fd 5 "$IMAGE" sh -c 'cat <&5' 5<"$T/hello")" hello
	# 3 is open here, but only 5 is passed, and nothing of the runtime's between them; the last is of ls itself
	assert_eq "$(ctr --preserve-fd 5 "$IMAGE" ls /proc/self/fd 3<"$T/hello" 5<"$T/hello" | tr '\n' ' ')" "0 1 2 3 4 5 6 "
	assert_eq "$(ctr --preserve-fd 5 "$IMAGE" sh -c 'readlink /proc/self/fd/3; readlink /proc/self/fd/4' 3<"$T/hello" 5<"$T/hello" | sort -u)" /dev/null
	assert_eq "$(ctr "$IMAGE" ls /proc/self/fd 3<"$T/hello" | tr '\n' ' ')" "0 1 2 3 "
	run pm run --rm --preserve-fds 40 "$IMAGE" true
	assert_error 125 "file descriptor [0-9]* is not available"
}

@test "options: the IPC namespace and its /dev/shm are shared, or not" {
	pm run -d --name donor --network none --shm-size 1m "$IMAGE" sleep 100
	ctr --ipc container:donor "$IMAGE" sh -c 'echo x >/dev/shm/f'
	assert_eq "$(pm exec donor cat /dev/shm/f)" x
	assert_like "$(pm exec donor df -k /dev/shm | tail -n1)" ' 1024 '
	pm run -d --name second --network none --ipc container:donor "$IMAGE" sleep 100
	assert_eq "$(ctr --ipc container:second "$IMAGE" cat /dev/shm/f)" x
	pm run -d --name own --network none --ipc private "$IMAGE" sleep 100
	run ctr --ipc container:own "$IMAGE" true
	assert_error 125 "not shareable"
	assert_eq "$(ctr --ipc none "$IMAGE" sh -c 'grep -c " /dev/shm " /proc/mounts || :')" 0
	pm rm -f -t 0 second own donor
}

@test "options: --requires starts what is needed" {
	pm create --name dep --network none "$IMAGE" sleep 100
	pm create --name main --network none --requires dep "$IMAGE" true
	run pm rm dep
	assert_error 125 "depend"
	pm start -a main
	assert_eq "$(pm ps --format '{{.Names}}')" dep
	run pm create --requires nosuch "$IMAGE" true
	assert_error 125 'cannot be used as a dependency'
	pm rm -f -t 0 main
	pm rm -f -t 0 dep
}

@test "options: --rmi takes the image with the container, unless it is used" {
	pm import -q "$PM_TEST_FIXTURES/busybox.tar" localhost/gone >/dev/null
	pm create --name user localhost/gone true
	ctr --rmi localhost/gone true
	assert_like "$(pm images -q localhost/gone)" .
	pm rm user
	ctr --rmi localhost/gone true
	assert_eq "$(pm images --format '{{.Repository}}' | grep -c gone || :)" 0
	assert_eq "$(pm ps -aq)" ""
	pm import -q "$PM_TEST_FIXTURES/busybox.tar" localhost/gone2 >/dev/null
	pm run -d --rmi --network none localhost/gone2 true
	wait_for eval '[ -z "$(pm ps -aq)" ]'
	wait_for eval '! pm images --format "{{.Repository}}" | grep -q gone2'
}

@test "options: --systemd: mounts, stop signal, by the command or always" {
	assert_eq "$(ctr --systemd always "$IMAGE" sh -c 'for d in /run /run/lock /tmp /var/log/journal; do grep -c " $d tmpfs " /proc/mounts; done | tr -d "\n"')" 1111
	pm create --name a --systemd always "$IMAGE" sh
	assert_eq "$(pm inspect -f '{{.Config.StopSignal}} {{.Config.SystemdMode}}' a)" "37 true"
	pm create --name b "$IMAGE" /sbin/init
	assert_eq "$(pm inspect -f '{{.Config.StopSignal}} {{.Config.SystemdMode}}' b)" "37 true"
	pm create --name c --systemd false "$IMAGE" /sbin/init
	assert_eq "$(pm inspect -f '{{.Config.StopSignal}}' c)" 15
	pm create --name d --stop-signal HUP "$IMAGE" /sbin/init
	assert_eq "$(pm inspect -f '{{.Config.StopSignal}}' d)" 1
}

@test "options: --chrootdirs, --personality, proc-opts, systempaths" {
	assert_eq "$(ctr --chrootdirs /var/x "$IMAGE" cat /var/x/etc/hostname /etc/hostname | uniq | wc -l)" 1
	[ "$(uname -m)" != x86_64 ] || assert_eq "$(ctr --personality linux32 "$IMAGE" uname -m)" i686
	assert_like "$(ctr --security-opt proc-opts=hidepid=2 "$IMAGE" grep ' /proc proc ' /proc/mounts)" 'hidepid='
	assert_eq "$(ctr --security-opt systempaths=unconfined "$IMAGE" sh -c 'grep -c /proc/sys /proc/mounts || :')" 0
	run ctr --security-opt apparmor=foo "$IMAGE" true
	assert_error 125 'AppArmor profile "foo" specified'
}

# as podman: the container cannot be executed as such a user
@test "options: numeric users at their limits" {
	for user in 4294967295 4294967296 2147483648 +1 1.5 -1 0x1 1:4294967295 1:+1 1:1.5 a:b:c; do
		run pm run --rm --network none --user="$user" "$IMAGE" id
		[ "$status" -ne 0 ] || fail "--user $user is taken"
		assert_eq "$status" 126
	done
	assert_eq "$(ctr --user '' "$IMAGE" id -u)" 0
	assert_eq "$(ctr --user 0:0 "$IMAGE" id -g)" 0
}

@test "options: a number is an id, whoever the image calls so" {
	printf 'FROM %s\nRUN echo "1234:x:0:0::/:/bin/sh" >>/etc/passwd; echo "77:x:0:" >>/etc/group\n' "$IMAGE" >"$T/Containerfile"
	pm build -q -t digits "$T" >/dev/null
	assert_eq "$(ctr -u 1234:77 digits sh -c 'id -u; id -g' | tr '\n' ' ')" '1234 77 '
}

@test "options: the image must be for the platform that is asked for" {
	run pm run --rm --pull never --arch s390x "$IMAGE" true
	assert_error 125 'the image is for linux/.*, not for linux/s390x'
	run pm run --rm --platform plan9/riscv64 "$(pm images -q | head -1)" true
	assert_error 125 'not for plan9/riscv64'
	ctr --pull never --arch "$(uname -m)" --os linux "$IMAGE" true
}

@test "options: what is passed through is the container's output and one id" {
	assert_eq "$(pm run -d --name c --network none --log-driver passthrough "$IMAGE" true | sort -u)" "$(pm inspect -f '{{.Id}}' c)"
	wait_for eval '[ "$(pm inspect -f "{{.State.Status}}" c)" = exited ]'
	assert_eq "$(pm run -d --name d --network none --log-driver passthrough "$IMAGE" true | wc -l)" 1
}

@test "options: empty and old ones" {
	pm create --name c --stop-signal '' --hostname '' --umask '' --workdir '' --health-cmd '' -e '' "$IMAGE" pwd
	assert_eq "$(pm inspect -f '{{.Config.StopSignal}} {{.Config.Umask}} {{.Config.WorkingDir}}' c)" '15 0022 /'
	pm create --name d --healthcheck-command true --healthcheck-retries 7 --dns-opt debug --override-os linux "$IMAGE"
	assert_eq "$(pm inspect -f '{{.Config.Healthcheck.Retries}} {{.HostConfig.DnsOptions}}' d)" '7 [debug]'
	for bad in '--seccomp-policy image|no seccomp policy defined by image' '--security-opt seccomp=/dev/null|is empty' \
		'--init --pid host|PID namespace isn.t private' '--dns none --dns 1.1.1.1|--dns none is not allowed with other' \
		'--network none --dns 1.1.1.1|conflicting options: dns and the network mode: none' \
		'--uts host --hostname x|cannot set hostname' '--pid pod|is not joining a pod' '--shm-size -1|invalid size' \
		'--storage-opt size=-1|invalid size' '-l =x|invalid label format' '-e =x|invalid environment variable'; do
		# shellcheck disable=SC2086
		run pm run --rm ${bad%%|*} "$IMAGE" true
		assert_error 125 "${bad##*|}"
	done
}

@test "options: inspect tells of --init, --passwd and the user namespace" {
	pm create --name plain "$IMAGE"
	pm create --name c --init --passwd=false --uidmap 0:1:1000 "$IMAGE"
	local f='{{.HostConfig.Init}} {{.Config.Passwd}} {{.HostConfig.UsernsMode}}'
	assert_eq "$(pm inspect -f "$f" plain)" 'false true '
	assert_eq "$(pm inspect -f "$f" c)" 'true false private'
}
