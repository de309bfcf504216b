#!/usr/bin/env bats
# pm logs, and the log drivers.

load helpers

test_setup() {
	load_busybox
}

log_of() { # NAME: its log's path
	pm inspect --format '{{.HostConfig.LogConfig.Path}}' "$1"
}

@test "what was written, to the stream it was written to" {
	pm run --name c "$IMAGE" sh -c 'echo out; echo err >&2; printf "no end"' >/dev/null 2>&1
	run --separate-stderr pm logs c
	assert_eq "$status" 0
	assert_eq "$output" $'out\nno end'
	assert_eq "$stderr" err
	# byte for byte, and a second run begins a line of its own
	pm logs c 2>/dev/null | cmp - <(printf 'out\nno end')
	pm start -a c >/dev/null 2>&1
	assert_eq "$(pm logs c 2>/dev/null)" $'out\nno end\nout\nno end'
	pm rm c
}

@test "k8s-file lines are conmon's" {
	pm run --name c "$IMAGE" sh -c 'echo full; printf part' >/dev/null
	re='[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{9}[+-][0-9]{2}:[0-9]{2}'
	assert_like "$(sed -n 1p "$(log_of c)")" "^$re stdout F full\$"
	assert_like "$(sed -n 2p "$(log_of c)")" "^$re stdout P part\$"
	assert_eq "$(wc -l <"$(log_of c)")" 2
	# podman writes +00:00 and prints Z
	re='[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{9}Z'
	assert_like "$(TZ=UTC pm logs -t --tail 2 c)" "^$re full"$'\n'"$re part\$"
	pm rm c
}

@test "json-file is Docker's" {
	pm run --name c --log-driver json-file --log-opt tag=T "$IMAGE" \
		sh -c 'echo "a\"b"; echo err >&2' >/dev/null 2>&1
	assert_like "$(head -1 "$(log_of c)")" \
		'^\{"log":"a\\"b\\n","stream":"stdout","attrs":\{"tag":"T"\},"time":"[^"]*Z"\}$'
	run --separate-stderr pm logs c
	assert_eq "$output" 'a"b'
	assert_eq "$stderr" err
	pm rm c
}

@test "none: nothing is kept, logs says so" {
	pm run --name c --log-driver none "$IMAGE" echo seen >"$T/out"
	assert_eq "$(cat "$T/out")" seen
	run pm logs c
	assert_error 125 "using the 'none' log driver"
	pm rm c
}

@test "binary output comes back as it was" {
	head -c 300000 /dev/urandom >"$T/bin"
	pm run -i --name c "$IMAGE" cat <"$T/bin" | cmp - "$T/bin"
	pm logs c | cmp - "$T/bin"
	pm rm c
}

@test "--tail, --since, --until" {
	pm run --name c "$IMAGE" seq 1 1000 >/dev/null
	assert_eq "$(pm logs --tail 2 c)" $'999\n1000'
	assert_eq "$(pm logs --tail 0 c)" ''
	assert_eq "$(pm logs --tail 5000 c | wc -l)" 1000
	assert_eq "$(pm logs --since 1h c | wc -l)" 1000
	assert_eq "$(pm logs --since "$(($(date +%s) + 60))" c)" ''
	assert_eq "$(pm logs --until 2001-01-01 c)" ''
	run pm logs --since never c
	assert_error 125 'since'
	pm rm c
}

@test "several containers: in the order of time, told apart" {
	a=$(pm run -d --name a "$IMAGE" sh -c 'echo one; sleep 0.4; echo three')
	wait_for sh -c "grep -q one '$(log_of a)'"
	pm run --name b "$IMAGE" echo two >/dev/null
	pm wait a
	assert_eq "$(pm logs --names a b)" $'a one\nb two\na three'
	assert_eq "$(pm logs a b | head -1)" "${a:0:12} one"
	assert_eq "$(pm logs -l)" two
	run pm logs a nosuch
	assert_error 125 'no such container'
	pm rm a b
}

@test "-f sees what comes and ends with the container" {
	pm run -d --name c "$IMAGE" sh -c 'for i in $(seq 1 10); do echo $i; sleep 0.05; done; printf end'
	run --separate-stderr pm logs -f c
	assert_eq "$status" 0
	assert_eq "$output" "$(seq 1 10)"$'\nend'
	# of a container that has ended: what there is, at once
	assert_eq "$(pm logs -f --tail 1 c)" end
	pm rm c
}

@test "-f shows a prompt before its line ends" {
	pm run -d --name c "$IMAGE" sh -c 'printf prompt:; sleep 1000'
	pm logs -f c >"$T/out" &
	wait_for grep -q prompt: "$T/out"
	pm rm -f -t 0 c
	wait
}

@test "-f ends when the monitor is killed" {
	id=$(pm run -d --name c "$IMAGE" sh -c 'echo x; sleep 1000')
	pm logs -f c >"$T/out" &
	wait_for grep -q x "$T/out"
	kill -9 "$(tr '\0' '\n' <"$T/run/ctr/$id/state" | grep -A1 '^monitor$' | tail -1)"
	wait
	pm rm -f -t 0 c
}

@test "rotation: no more files than asked, all of them read, followed through" {
	pm run -d --name c --log-opt max-size=20k --log-opt max-file=30 "$IMAGE" \
		sh -c 'seq 1 3000; sleep 0.3; seq 3001 6000'
	pm logs -f c >"$T/followed"
	seq 1 6000 | cmp - "$T/followed"
	pm logs c | cmp - "$T/followed"
	pm rm c

	pm run --name c --log-opt max-size=20k --log-opt max-file=3 "$IMAGE" seq 1 6000 >/dev/null
	assert_eq "$(ls "$(dirname "$(log_of c)")" | grep -c '^ctr.log')" 3
	[ "$(stat -c %s "$(log_of c)".1)" -le 20480 ]
	assert_eq "$(pm logs --tail 1 c)" 6000
	pm rm c
}

@test "a damaged log: the rest is read" {
	pm run --name c "$IMAGE" sh -c 'echo one; echo two' >/dev/null
	{ printf 'garbage\n\0\0\n'; cat "$(log_of c)"; printf '2026-01-01T00:00:00Z stdout F to'; } >"$T/log"
	cat "$T/log" >"$(log_of c)"
	assert_eq "$(pm logs c)" $'one\ntwo'
	pm rm c
}

@test "both streams into one pipe keep their order" {
	pm run --name a "$IMAGE" sh -c 'echo 1; sleep 0.1; echo 2 >&2; sleep 0.1; echo 3' >/dev/null 2>&1
	run bash -c "timeout 60 $PM_BIN --root $T/root --runroot $T/run logs a 2>&1 | cat"
	assert_eq "$output" $'1\n2\n3'
}
