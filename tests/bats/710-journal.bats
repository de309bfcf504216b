#!/usr/bin/env bats
# run-bats: leaks
# run-bats: systemd
# The journal: log driver, events backend, and what reads them.

load helpers

test_setup() {
	[ -S /run/systemd/journal/socket ] || skip_or_fail "no journal" || return
	load_busybox
}

@test "logs: lines, streams, tail, times, as journalctl sees them" {
	pm run --name j --log-driver journald --network none "$IMAGE" sh -c 'echo one; echo two >&2; sleep 0.3; echo three; printf last' >/dev/null 2>&1
	run -0 --separate-stderr pm logs j
	assert_eq "$output" $'one\nthree\nlast'
	assert_eq "$stderr" two
	assert_eq "$(pm logs --tail 2 j 2>&1)" $'three\nlast'
	assert_eq "$(pm logs --tail 0 j 2>&1)" ""
	assert_like "$(pm logs -t j 2>/dev/null | head -1)" '^[0-9-]+T[0-9:.]+Z one$'
	assert_eq "$(pm logs --until 2000-01-01T00:00:00Z j 2>&1)" ""
	assert_eq "$(pm logs --since 1h j 2>/dev/null | wc -l)" 2
	id=$(pm inspect -f '{{.Id}}' j)
	assert_eq "$(journalctl --user -q -o cat "CONTAINER_ID_FULL=$id" | head -1)" one
	assert_eq "$(journalctl --user -q -o json "CONTAINER_ID_FULL=$id" | jq -r 'select(.MESSAGE=="two")|"\(.PRIORITY) \(.CONTAINER_NAME) \(.SYSLOG_IDENTIFIER)"')" "3 j j"
	pm rm j
}

@test "any bytes come back as they were written, long lines too" {
	head -c 300000 /dev/urandom >"$T/bytes"
	pm run --name j --log-driver journald --network none -v "$T:/t:ro" "$IMAGE" cat /t/bytes >"$T/out"
	cmp "$T/bytes" "$T/out"
	pm logs j >"$T/logs"
	# a last line without its end gets one
	cmp <(cat "$T/bytes"; [ "$(tail -c 1 "$T/bytes" | xxd -p)" = 0a ] || echo) "$T/logs" || cmp "$T/bytes" "$T/logs"
	pm rm j
}

@test "follow ends with the container, also over runs, and with a killed monitor" {
	pm run -d --name j --log-driver journald --network none "$IMAGE" sh -c 'echo first; sleep 1; echo last'
	assert_eq "$(pm logs -f j)" $'first\nlast'
	pm start j
	assert_eq "$(pm logs -f --tail 1 j | tail -1)" last
	assert_eq "$(pm logs j)" $'first\nlast\nfirst\nlast'
	pm run -d --name k --log-driver journald --network none "$IMAGE" sh -c 'echo x; sleep 1000'
	wait_for eval '[ "$(pm logs k)" = x ]'
	(sleep 1; kill -9 "$(pm inspect -f '{{.State.ConmonPid}}' k)") &
	assert_eq "$(timeout 20 "$PM_BIN" --root "$T/root" --runroot "$T/run" logs -f k)" x
	pm rm -f -t 0 j k
}

@test "tags and labels" {
	pm run --name j --log-driver journald --log-opt 'tag={{.Name}}/{{.ID}}' --log-opt label=MY_FIELD=x --network none "$IMAGE" echo hi >/dev/null
	id=$(pm inspect -f '{{.Id}}' j)
	wait_for eval '[ -n "$(journalctl --user -q -o json MY_FIELD=x)" ]'
	assert_eq "$(journalctl --user -q -o json MY_FIELD=x | jq -r .CONTAINER_TAG)" "j/${id:0:12}"
	run -125 pm create --log-driver journald --log-opt 'tag={{.Nope}}' "$IMAGE"
	assert_error 125 "pm knows"
	run -125 pm create --log-driver k8s-file --log-opt label=A=b "$IMAGE"
	assert_error 125 "for the log driver journald"
	run -125 pm create --log-driver journald --log-opt label=_UID=0 "$IMAGE"
	assert_error 125 "must be NAME=VALUE"
	pm rm j
}

@test "events in the journal" {
	pm() { timeout --foreground 60 "$PM_BIN" --root "$T/root" --runroot "$T/run" --events-backend journald "$@"; }
	t=$(date -u +%Y-%m-%dT%H:%M:%S.%NZ)
	run -3 pm run --name je --label a=b --network none "$IMAGE" sh -c 'exit 3'
	pm rm je
	wait_for eval '[ "$(pm events --stream=false --since "$t" -f container=je --format "{{.Status}}" | tail -1)" = remove ]'
	assert_eq "$(pm events --stream=false --since "$t" -f container=je --format '{{.Status}}' | tr '\n' ' ')" "create init start attach died cleanup remove "
	run -0 pm events --stream=false --since "$t" -f container=je -f event=died --format json
	assert_eq "$(jq -r '"\(.ContainerExitCode) \(.Attributes.a) \(.Image)"' <<<"$output")" "3 b localhost/busybox:latest"
	timeout 5 "$PM_BIN" --root "$T/root" --runroot "$T/run" --events-backend journald events --until 3s -f event=create --format '{{.Name}}' >"$T/out" &
	reader=$!
	sleep 1
	pm create --name later "$IMAGE" true
	wait "$reader"
	assert_eq "$(tail -1 "$T/out")" later
}

@test "passthrough: the service's own streams" {
	systemd-run --user --quiet --wait --pipe "$PM_BIN" --root "$T/root" --runroot "$T/run" run --rm --name p --log-driver passthrough --network none "$IMAGE" \
		sh -c 'read x; echo "out $x"; echo err >&2' <<<in >"$T/out" 2>"$T/err"
	assert_eq "$(cat "$T/out")" "out in"
	assert_eq "$(cat "$T/err")" err
	pm run --name q --log-driver passthrough --network none "$IMAGE" echo there >"$T/out" </dev/null
	assert_eq "$(cat "$T/out")" there
	run -125 pm logs q
	assert_error 125 "'passthrough' log driver, cannot read logs"
	pm rm q
}
