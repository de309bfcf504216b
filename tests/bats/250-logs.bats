#!/usr/bin/env bats
# pm logs and pm attach

load helpers

test_setup() {
	load_busybox
}

@test "logs: both streams, tail, timestamps, names" {
	pm run --name c "$IMAGE" sh -c 'echo one; echo two; echo three; echo err >&2' >/dev/null 2>&1
	run --separate-stderr pm logs c
	assert_eq "$output" $'one\ntwo\nthree'
	assert_eq "$stderr" err
	assert_eq "$(pm logs --tail 2 c 2>&1 | wc -l)" 2
	assert_like "$(pm logs -t c 2>/dev/null | head -1)" '^[0-9-]+T[0-9:.]+(Z|[+-][0-9:]+) one$'
	assert_eq "$(pm logs -n c 2>/dev/null | head -1)" "one"
	assert_eq "$(pm logs --since 1h c 2>/dev/null | wc -l)" 3
	assert_eq "$(pm logs --until 2000-01-01T00:00:00Z c 2>/dev/null | wc -l)" 0
	pm rm c
}

@test "logs: json-file, none, and no container" {
	pm run --log-driver json-file --name j "$IMAGE" sh -c 'printf "a\\tb"; echo' >/dev/null
	assert_eq "$(pm logs j)" $'a\tb'
	pm run --log-driver none --name n "$IMAGE" echo x >/dev/null
	run pm logs n
	assert_error 125 ".*none"
	run pm logs nope
	assert_error 125 ".*no such container"
	pm rm j n
}

@test "logs -f: ends with the container" {
	pm run -d --name c "$IMAGE" sh -c 'echo first; sleep 1; echo last' >/dev/null
	assert_eq "$(pm logs -f c)" $'first\nlast'
	pm rm c
}

@test "attach: output and exit code" {
	pm run -d -i --name c "$IMAGE" sh -c 'read x; echo "got $x"; exit 5' >/dev/null
	run bash -c "echo word | timeout 60 $PM_BIN --root $T/root --runroot $T/run attach c"
	assert_eq "$status" 5
	assert_eq "$output" "got word"
	run pm attach c
	assert_error 125 "you can only attach to running containers"
	pm rm c
}
