#!/usr/bin/env bats
# pm attach, detaching, terminals; output of slow and dead clients.

load helpers

test_setup() {
	load_busybox
}

# A command on a terminal of its own: fed by descriptor 5, seen in $T/tty.
on_tty() {
	rm -f "$T/keys"
	mkfifo "$T/keys"
	: >"$T/tty"
	timeout 60 script -qfec "stty rows 33 cols 77; '$PM_BIN' --root '$T/root' --runroot '$T/run' $*" /dev/null \
		<"$T/keys" >"$T/tty" 2>&1 &
	tty_pid=$!
	exec 5>"$T/keys"
}

sees() {
	wait_for grep -q -- "$1" "$T/tty" || fail "not on the terminal: $1: $(cat "$T/tty")"
}

# The command's exit code.
tty_end() {
	local code=0
	wait "$tty_pid" || code=$?
	exec 5>&-
	assert_eq "$code" "$1"
}

@test "attach: output, input, exit code" {
	pm run -d -i --name c "$IMAGE" sh -c 'while read -r l; do echo "got $l"; done; echo end >&2; exit 5'
	run --separate-stderr pm attach c <<<'hello'
	# the end of an attached client's input is the end of the container's
	assert_eq "$status" 5
	assert_eq "$output" 'got hello'
	assert_eq "$stderr" end
	run pm attach c
	assert_error 125 'you can only attach to running containers'
	pm rm c
}

@test "a terminal: size, detach, attach again, exit code" {
	on_tty run -it --name c "$IMAGE" sh
	sees '# '
	printf 'stty size\n' >&5
	sees '33 77'
	printf '\020\021' >&5
	tty_end 0
	assert_eq "$(pm ps --format '{{.Names}}')" c
	on_tty attach c
	printf 'echo again-$((20+3))\n' >&5
	sees again-23
	printf 'exit 6\n' >&5
	tty_end 6
	pm rm c
}

@test "other detach keys; the usual ones are input then" {
	on_tty run -it --rm --detach-keys ctrl-x,y --name c "$IMAGE" sh -c "'stty raw -echo; echo ready; head -c 3 | od -c; sleep 1000'"
	sees ready
	printf '\020\021\030' >&5
	sleep 0.3
	printf 'z' >&5
	sees '020 021 030'
	printf '\030y' >&5
	tty_end 0
	pm rm -f -t 0 c
	run pm run --detach-keys ctrl-1 "$IMAGE" true
	assert_error 125 'detach keys'
	pm rm -a 2>/dev/null || true
}

@test "ctrl-c on a terminal reaches the container's process" {
	on_tty run -it --rm "$IMAGE" sh -c "'trap \"exit 9\" INT; echo ready; while :; do sleep 0.1; done'"
	sees ready
	printf '\003' >&5
	tty_end 9
}

@test "two clients see the same, one that is killed does no harm" {
	pm run -d --name c "$IMAGE" sh -c 'until [ -e /go ]; do sleep 0.1; done; seq 1 50000; exit 3'
	pm attach --no-stdin c >"$T/a" &
	a=$!
	"$PM_BIN" --root "$T/root" --runroot "$T/run" attach --no-stdin c >/dev/null &
	b=$!
	sleep 0.3
	kill -9 $b
	pm exec c touch /go
	code=0
	wait $a || code=$?
	assert_eq "$code" 3
	seq 1 50000 | cmp - "$T/a"
	wait $b || true
	pm rm c
}

@test "a slow reader of pm run gets everything; the container's end does not wait for it" {
	mkfifo "$T/slow"
	pm run --name c "$IMAGE" seq 1 100000 >"$T/slow" &
	exec 6<"$T/slow"
	ended() { [[ "$(pm ps -a --format '{{.State}}')" != Up* ]]; }
	# more than the pipes hold: the container waits, it is not cut off
	sleep 0.3
	(seq 1 100000 | cmp - /dev/fd/6)
	exec 6<&-
	wait
	wait_for ended
	pm rm c
}

@test "a late client that takes nothing does not stop the container" {
	pm run -d --name c "$IMAGE" sh -c 'until [ -e /go ]; do sleep 0.1; done; seq 1 300000; echo done >/done; sleep 1000'
	mkfifo "$T/stuck"
	"$PM_BIN" --root "$T/root" --runroot "$T/run" attach --no-stdin c >"$T/stuck" &
	exec 6<"$T/stuck"
	sleep 0.3
	pm exec c touch /go
	WAIT_FOR=25 wait_for pm exec c test -e /done
	assert_eq "$(pm logs --tail 1 c)" 300000
	exec 6<&-
	pm rm -f -t 0 c
	wait || true
}

@test "the client's death does not end a terminal's container" {
	on_tty run -it --name c "$IMAGE" sh
	sees '# '
	kill -9 $(pgrep -P "$(pgrep -P "$tty_pid" -x script)" -f 'run -it') 2>/dev/null ||
		kill -9 $(pgrep -u "$(id -u)" -f "$T/run run -it")
	wait "$tty_pid" || true
	exec 5>&-
	assert_eq "$(pm ps --format '{{.Names}}')" c
	pm rm -f -t 0 c
}

@test "sig-proxy: a signal to pm run or attach is the container's" {
	"$PM_BIN" --root "$T/root" --runroot "$T/run" run --rm "$IMAGE" \
		sh -c 'trap "exit 12" USR1; echo ready; while :; do sleep 0.1; done' >"$T/out" &
	wait_for grep -q ready "$T/out"
	kill -USR1 $!
	code=0
	wait $! || code=$?
	assert_eq "$code" 12
}

@test "runc: output, terminal and exit code as with crun" {
	run pm --runtime runc run --rm "$IMAGE" sh -c 'echo out; exit 4'
	assert_eq "$status" 4
	assert_eq "$output" out
	on_tty --runtime runc run -it --rm "$IMAGE" sh -c "'stty size; exit 8'"
	sees '33 77'
	tty_end 8
	run -127 pm --runtime runc run --rm "$IMAGE" nope
	assert_error 127 'runc: .*"nope": executable file not found in \$PATH'
	run pm --runtime runc run --rm "$IMAGE" /etc/passwd
	assert_error 126 'runc: .*permission denied'
}
