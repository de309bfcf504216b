#!/usr/bin/env bats
# run-bats: leaks
# pm run: output, exit codes, options that act on the process, --rm.

load helpers

test_setup() {
	load_busybox
}

@test "run: both streams arrive, apart, and the exit code" {
	run --separate-stderr pm run --rm "$IMAGE" sh -c 'echo out; echo err >&2; exit 7'
	assert_eq "$status" 7
	assert_eq "$output" out
	assert_eq "$stderr" err
	assert_eq "$(pm ps -aq)" ""
}

@test "run: exit codes of the engine: 125, 126, 127" {
	run pm run --rm --nope "$IMAGE" true
	assert_error 125 "unknown flag: --nope"
	run pm run --rm "$IMAGE" /etc
	assert_error 126 ".*(permission denied|not permitted|is a directory)"
	run -127 pm run --rm "$IMAGE" nosuchcommand
	assert_error 127 ".*nosuchcommand"
	run pm run --rm no/such/image:1 true
	assert_eq "$status" 125
	assert_eq "$(pm ps -aq)" ""
}

@test "run: a process killed by a signal exits 128 + signal" {
	run pm run --rm "$IMAGE" sh -c 'sh -c "kill -9 \$\$"; exit $?'
	assert_eq "$status" 137
}

@test "run: a large output arrives whole, also to a slow reader" {
	run bash -c "timeout 60 $PM_BIN --root $T/root --runroot $T/run run --rm $IMAGE \
		sh -c 'dd if=/dev/zero bs=1M count=20 2>/dev/null' | (sleep 1; sha256sum)"
	assert_eq "$status" 0
	assert_eq "${output%% *}" "$(head -c 20971520 /dev/zero | sha256sum | cut -d' ' -f1)"
}

@test "run -i: standard input goes in, and its end" {
	run bash -c "printf 'a\nb\n' | timeout 60 $PM_BIN --root $T/root --runroot $T/run run --rm -i $IMAGE \
		sh -c 'cat; echo end'"
	assert_eq "$status" 0
	assert_eq "$output" $'a\nb\nend'
	# without -i the container's stdin is empty
	run bash -c "echo x | timeout 60 $PM_BIN --root $T/root --runroot $T/run run --rm $IMAGE cat"
	assert_eq "$output" ""
}

@test "run -t: the process has a terminal" {
	run pm run --rm -t "$IMAGE" sh -c 'test -t 0 && test -t 1 && tty'
	assert_eq "$status" 0
	assert_like "$output" "/dev/pts/0"
}

@test "run: environment" {
	export PM_TEST_HOST=fromhost
	echo 'FILE=f' >"$T/env"
	run pm run --rm -e A=1 -e PM_TEST_HOST --env-file "$T/env" "$IMAGE" env
	assert_eq "$status" 0
	assert_like "$output" "A=1"
	assert_like "$output" "PM_TEST_HOST=fromhost"
	assert_like "$output" "FILE=f"
	assert_like "$output" "container=podman"
	assert_like "$output" "HOME=/root|HOME=/"
	[[ $output != *XDG_RUNTIME_DIR* ]] || fail "the engine's environment leaked"
}

@test "run: nothing of the host is open in the container" {
	run bash -c "exec 7</etc/passwd; timeout 60 $PM_BIN --root $T/root --runroot $T/run run --rm $IMAGE ls /proc/self/fd"
	assert_eq "$status" 0
	# 3 is ls's own
	assert_eq "$(echo "$output" | tr '\n' ' ')" "0 1 2 3 "
	run pm run --rm --workdir /proc/self/fd/7 "$IMAGE" true
	[ "$status" -ne 0 ] || fail "a working directory among descriptors was taken"
}

@test "run: user, working directory, hostname, entrypoint, label, init" {
	assert_eq "$(pm run --rm -u 12:34 "$IMAGE" sh -c 'id -u; id -g' | tr '\n' ' ')" "12 34 "
	run -126 pm run --rm -w /a/new/one "$IMAGE" pwd
	assert_error 126 'workdir "/a/new/one" does not exist on container'
	run -126 pm run --rm --user nosuch "$IMAGE" pwd
	assert_eq "$(pm run --rm -h box "$IMAGE" hostname)" box
	assert_eq "$(pm run --rm --entrypoint echo "$IMAGE" hi)" hi
	assert_eq "$(pm run --rm --entrypoint '["echo", "a b"]' "$IMAGE" c)" "a b c"
	assert_eq "$(pm run --rm --init "$IMAGE" sh -c 'cat /proc/1/comm')" podman-init
	run pm run --rm -u 'nosuch' "$IMAGE" true
	assert_error 126 ".*nosuch"
	for bad in 4294967295 +1 1.5; do
		run pm run --rm -u "$bad" "$IMAGE" true
		[ "$status" -ne 0 ] || fail "user $bad was taken"
	done
}

@test "run -v: bind mounts, read-only ones, and named volumes that stay" {
	mkdir "$T/dir"
	echo host >"$T/dir/file"
	assert_eq "$(pm run --rm -v "$T/dir:/mnt" "$IMAGE" sh -c 'cat /mnt/file; echo made >/mnt/new')" host
	assert_eq "$(cat "$T/dir/new")" made
	run pm run --rm -v "$T/dir:/mnt:ro" "$IMAGE" touch /mnt/x
	assert_eq "$status" 1
	assert_like "$output" "Read-only"
	pm run --rm -v vol:/data "$IMAGE" sh -c 'echo kept >/data/f'
	assert_eq "$(pm run --rm -v vol:/data "$IMAGE" cat /data/f)" kept
	run pm run --rm -v /no/such/dir:/mnt "$IMAGE" true
	assert_error 125 ".*/no/such/dir"
	assert_eq "$(pm ps -aq)" ""
}

@test "run: the default confinement" {
	run pm run --rm "$IMAGE" sh -c 'grep -E "^(Cap|Seccomp:|NoNewPrivs)" /proc/self/status'
	assert_like "$output" "CapInh:[[:space:]]*0000000000000000"
	assert_like "$output" "CapEff:[[:space:]]*00000000800405fb|CapEff:[[:space:]]*00000000a80425fb"
	assert_like "$output" "Seccomp:[[:space:]]*2"
	run pm run --rm "$IMAGE" sh -c 'cat /proc/kcore; ls /proc/acpi; cat /proc/keys; echo x >/proc/sys/kernel/hostname'
	[ "$status" -ne 0 ]
	run pm run --rm --read-only "$IMAGE" touch /x
	assert_like "$output" "Read-only"
	assert_eq "$(pm run --rm --read-only "$IMAGE" sh -c 'touch /tmp/x && echo ok')" ok
}

@test "run -d, then the name is taken until it is removed" {
	pm run -d --name one "$IMAGE" sleep 100
	run pm run -d --name one "$IMAGE" sleep 100
	assert_error 125 'the container name "one" is already in use'
	pm rm -f -t 0 one
	pm run -d --name one "$IMAGE" sleep 100
	run pm run -d --name one --replace "$IMAGE" sleep 101
	assert_eq "$status" 0
	assert_eq "$(pm ps --format '{{.Command}}')" "sleep 101"
	pm rm -f -t 0 one
}

@test "run --rm -d: gone with its end" {
	id=$(pm run --rm -d "$IMAGE" sh -c 'read x </dev/null; exit 3')
	gone() { [ -z "$(pm ps -aq)" ]; }
	wait_for gone
	# the files go after the row
	wait_for [ ! -e "$T/root/containers/$id" ]
	wait_for [ ! -e "$T/run/ctr/$id" ]
}

@test "run --cidfile: written, and not over another" {
	pm run --rm --cidfile "$T/cid" "$IMAGE" true
	assert_like "$(cat "$T/cid")" '^[0-9a-f]{64}$'
	run pm run --rm --cidfile "$T/cid" "$IMAGE" true
	assert_error 125 ".*$T/cid"
}

@test "run: files of subordinate ids are removed with the container" {
	pm run --name sub "$IMAGE" sh -c 'mkdir -m 700 /d && touch /d/f && chown -R 1000:1000 /d'
	pm rm sub
	assert_eq "$(ls "$T/root/containers" "$T/root/trash")" "$(printf '%s:\n\n%s:' "$T/root/containers" "$T/root/trash")"
}

@test "run: 40 at once, each with its own streams and code" {
	one() {
		local out code=0
		out=$(pm run --rm --network none "$IMAGE" sh -c "echo out$1; echo err$1 >&2; exit $(($1 % 100 + 1))" 2>"$T/err.$1") ||
			code=$?
		[ "$code" = $(($1 % 100 + 1)) ] && [ "$out" = "out$1" ] && [ "$(cat "$T/err.$1")" = "err$1" ]
	}
	local pids=() i p
	for i in $(seq 40); do
		one "$i" &
		pids+=($!)
		if [ $((i % 8)) = 0 ]; then
			for p in "${pids[@]}"; do wait "$p" || fail "a run failed: $(cat "$T"/err.*)"; done
			pids=()
		fi
	done
	assert_eq "$(pm ps -aq)" ""
}

@test "run: images with hostile paths do no harm and do not hang" {
	mkdir -p "$T/evil/bin" "$T/evil/etc" "$T/outside"
	cp /bin/busybox "$T/evil/bin/"
	ln -s busybox "$T/evil/bin/sh"
	ln -s busybox "$T/evil/bin/echo"
	ln -s "$T/outside" "$T/evil/dev"
	ln -s ../../../.."$T/outside" "$T/evil/run"
	ln -s "$T/outside/made" "$T/evil/work"
	mkfifo "$T/evil/etc/passwd"
	ln -s /proc/self/environ "$T/evil/etc/group"
	ln -s "$T/outside/hosts" "$T/evil/etc/hosts"
	tar -C "$T/evil" -cf "$T/evil.tar" .
	pm import -q "$T/evil.tar" evil >/dev/null
	run pm run --rm -w /work evil echo fine
	# it may start or be refused, but it ends, and nothing is made outside
	assert_eq "$(ls -A "$T/outside")" ""
	run pm run --rm -u nobody evil echo fine
	[ "$status" -ne 0 ]
	assert_eq "$(ls -A "$T/outside")" ""
}

@test "run: --unsetenv and --unsetenv-all take from the image's environment, not from the user's" {
	pm import -q -c 'ENV A=1' -c 'ENV B=2' "$PM_TEST_FIXTURES/busybox.tar" envs >/dev/null
	run pm run --rm --unsetenv A -e C=3 envs env
	[[ $output != *A=1* ]] || fail "A is still set"
	assert_like "$output" "B=2"
	assert_like "$output" "C=3"
	run pm run --rm --unsetenv-all -e C=3 envs /bin/env
	[[ $output != *A=1* && $output != *B=2* ]] || fail "the image's environment is still set"
	[[ $output != *PATH=* && $output != *container=* ]] || fail "the defaults are still set"
	assert_like "$output" "C=3"
}

@test "run: proxy variables, unless --http-proxy=false" {
	export https_proxy=http://proxy.invalid:3128
	assert_like "$(pm run --rm "$IMAGE" env)" "https_proxy=http://proxy.invalid:3128"
	run pm run --rm --http-proxy=false "$IMAGE" env
	[[ $output != *proxy.invalid* ]] || fail "the proxy is still set"
}

trash_is_empty() {
	[ -z "$(ls -A "$T/root/trash" 2>/dev/null)" ]
}

@test "run --rm returns when the container is gone; its many files are deleted after that" {
	run -0 pm run --rm --network none "$IMAGE" sh -c 'mkdir /many; cd /many; for d in $(seq 40); do mkdir $d; (cd $d; for f in $(seq 50); do : >$f; done); done; ls | wc -l'
	assert_eq "$output" 40
	run -0 pm ps -aq
	assert_eq "$output" ""
	assert_eq "$(ls "$T/root/containers")" ""
	run -0 pm run --rm --network none "$IMAGE" echo next
	assert_eq "$output" next
	wait_for trash_is_empty
}

@test "what a monitor that was killed left in the trash goes with the next container" {
	pm run --rm --network none "$IMAGE" true
	mkdir -p "$T/root/trash/0123456789abcdef-0/upper/deep"
	: >"$T/root/trash/0123456789abcdef-0/upper/deep/file"
	pm run --rm --network none "$IMAGE" true
	wait_for trash_is_empty
}
