#!/usr/bin/env bats
# Health checks: the monitor runs them, counts, logs, tells and acts.

load helpers

test_setup() {
	load_busybox
}

health() {
	pm inspect -f '{{.State.Health.Status}}' "$1"
}

is() { # NAME STATUS
	[ "$(health "$1")" = "$2" ]
}

@test "healthy, unhealthy, healthy again: ps, inspect, events" {
	pm run -d --name c --network none --health-cmd 'test -e /ok && echo good' --health-interval 200ms \
		--health-retries 2 "$IMAGE" sleep 1000
	wait_for is c unhealthy
	pm ps --format '{{.Status}}' | grep -q '(unhealthy)$'
	[ "$(pm inspect -f '{{.State.Health.FailingStreak}}' c)" -ge 2 ]
	pm exec c touch /ok
	SECONDS=0
	assert_eq "$(pm wait --condition healthy c)" -1
	[ $SECONDS -lt 5 ]
	pm ps --filter health=healthy --format '{{.Names}}' | grep -qx c
	[ -z "$(pm ps -q --filter health=unhealthy)" ]
	assert_eq "$(pm inspect -f '{{.State.Health.FailingStreak}}' c)" 0
	last=$(pm inspect c | jq -c '.[0].State.Health.Log[-1]')
	assert_eq "$(jq -r '"\(.ExitCode) \(.Output)"' <<<"$last")" $'0 good'
	jq -e '.Start < .End' <<<"$last"
	assert_eq "$(pm events --stream=false -f event=health_status --format '{{.HealthStatus}}' | tr '\n' ' ')" "unhealthy healthy "
	pm rm -f -t 0 c
}

@test "the log is bounded in entries and bytes, and holds any bytes" {
	pm run -d --name c --network none --health-cmd 'printf "a\"\\\\\001\377b"; head -c 100000 /dev/zero | tr "\0" x' \
		--health-interval 50ms --health-max-log-count 3 --health-max-log-size 100 "$IMAGE" sleep 1000
	wait_for eval '[ "$(pm inspect c | jq ".[0].State.Health.Log|length")" = 3 ]'
	wait_for eval '[ "$(pm inspect c | jq -r ".[0].State.Health.Log[0].Output" | cut -c1-4 | head -1)" != "" ]'
	sleep 1
	log=$T/root/containers/$(pm inspect -f '{{.Id}}' c)/healthcheck.log
	[ "$(wc -l <"$log")" -le 6 ]
	assert_eq "$(pm inspect c | jq '.[0].State.Health.Log|length')" 3
	assert_eq "$(pm inspect c | jq -r '.[0].State.Health.Log[0].Output|length')" 100
	pm inspect c | jq -e '.[0].State.Health.Log[0].Output|startswith("a\"\\\u0001\ufffdbxxx")'
	pm rm -f -t 0 c
}

@test "healthcheck run: exit codes, and it counts" {
	pm run -d --name c --network none --health-cmd 'test -e /ok' --health-interval disable --health-retries 1 "$IMAGE" sleep 1000
	assert_eq "$(health c)" starting
	run -1 pm healthcheck run c
	assert_eq "$output" unhealthy
	assert_eq "$(health c)" unhealthy
	pm exec c touch /ok
	run -0 pm healthcheck run c
	assert_eq "$output" ""
	assert_eq "$(health c)" healthy
	pm run -d --name d --network none "$IMAGE" sleep 1000
	run -125 pm healthcheck run d
	assert_error 125 "has no defined healthcheck"
	pm stop -t 0 c
	run -125 pm healthcheck run c
	assert_error 125 "is not running"
	run -125 pm healthcheck run nope
	assert_error 125 "unable to look up nope"
	pm rm -f -t 0 c d
}

@test "a check's time may be less than a second" {
	pm run -d --name c --network none --health-cmd 'CMD-SHELL sleep 20' --health-timeout 100ms --health-interval disable "$IMAGE" sleep 1000
	local start=$SECONDS
	run -1 pm healthcheck run c
	[ $((SECONDS - start)) -lt 10 ]
	pm rm -f -t 0 c
}

@test "a check that takes too long is killed and has failed" {
	pm run -d --name c --network none --health-cmd 'sleep 100' --health-timeout 1s --health-interval 100ms \
		--health-retries 1 "$IMAGE" sleep 1000
	wait_for is c unhealthy
	pm inspect c | jq -e '.[0].State.Health.Log[0] | .ExitCode == -1 and (.Output | test("exceeded timeout"))'
	pm rm -f -t 0 c
}

@test "failures in the start period do not count" {
	pm run -d --name c --network none --health-cmd false --health-interval 50ms --health-start-period 2s --health-retries 1 "$IMAGE" sleep 1000
	sleep 1
	assert_eq "$(health c)" starting
	wait_for is c unhealthy
	pm rm -f -t 0 c
}

@test "on failure: kill, stop, restart" {
	pm run -d --name k --network none --health-cmd false --health-interval 50ms --health-retries 1 --health-on-failure kill "$IMAGE" sleep 1000
	pm run -d --name s --network none --health-cmd false --health-interval 50ms --health-retries 1 --health-on-failure stop \
		--restart always "$IMAGE" sh -c 'trap "exit 5" TERM; while :; do sleep 0.05; done'
	pm run -d --name r --network none --health-cmd 'test -e /second' --health-interval 50ms --health-retries 1 --health-on-failure restart \
		--stop-timeout 1 "$IMAGE" sh -c '[ -e /first ] && touch /second; touch /first; sleep 1000'
	assert_eq "$(pm wait k)" 137
	assert_eq "$(pm wait s)" 5
	wait_for is r healthy
	assert_eq "$(pm inspect -f '{{.RestartCount}} {{.State.Status}}' r)" "1 running"
	assert_eq "$(pm inspect -f '{{.State.Status}}' s)" exited
	pm rm -f -t 0 k s r
}

@test "a start-up check comes first, and its failures restart" {
	pm run -d --name c --network none --health-cmd 'test -e /up' --health-interval 50ms --health-retries 1 \
		--health-startup-cmd 'test -e /up' --health-startup-interval 50ms --health-startup-success 2 "$IMAGE" sleep 1000
	sleep 0.5
	assert_eq "$(health c)" starting
	pm exec c touch /up
	wait_for is c healthy
	pm run -d --name d --network none --health-cmd true --health-startup-cmd false --health-startup-interval 50ms \
		--health-startup-retries 2 --stop-timeout 0 "$IMAGE" sleep 1000
	wait_for eval '[ "$(pm inspect -f "{{.RestartCount}}" d)" -ge 1 ]'
	pm rm -f -t 0 c d
}

@test "the image's check, changed and switched off" {
	tar -C "$T" -cf "$T/empty.tar" --files-from /dev/null
	pm create --name a --health-cmd '["test", "-e", "/x y"]' --health-interval 2m "$IMAGE" true
	assert_eq "$(pm inspect a | jq -c '.[0].Config.Healthcheck')" \
		'{"Test":["CMD","test","-e","/x y"],"Interval":120000000000,"Timeout":30000000000,"Retries":3}'
	# the first word may say what it is
	while IFS='|' read -r cmd want; do
		pm create --name kind --health-cmd "$cmd" "$IMAGE" true
		assert_eq "$(pm inspect kind | jq -c '.[0].Config.Healthcheck.Test')" "$want"
		pm rm kind
	done <<-'END'
		CMD-SHELL a  b|["CMD-SHELL","a  b"]
		CMD a  b|["CMD","a","b"]
		["CMD","a b"]|["CMD","a b"]
		["CMD-SHELL","a b"]|["CMD-SHELL","a b"]
		["a b"]|["CMD-SHELL","a b"]
		NONE|["NONE"]
		cmdline x|["CMD-SHELL","cmdline x"]
	END
	pm run -d --name b --network none --no-healthcheck "$IMAGE" sleep 1000
	assert_eq "$(pm inspect b | jq -c '.[0].Config.Healthcheck')" '{"Test":["NONE"]}'
	assert_eq "$(pm ps --format '{{.Status}}' | grep -c '(')" 0
	pm rm -f -t 0 a b
}

@test "a check's own death, its monitor's and its container's" {
	pm run -d --name c --network none --health-cmd 'echo $$ >/pid; sleep 1000' --health-interval 50ms "$IMAGE" sleep 1000
	wait_for pm exec c test -s /pid
	# the container ends under a running check
	SECONDS=0
	pm stop -t 0 c
	[ $SECONDS -lt 5 ]
	pm start c
	wait_for pm exec c test -s /pid
	kill -9 "$(pm inspect -f '{{.State.ConmonPid}}' c)"
	pm rm -f -t 0 c
}

@test "what contradicts is refused" {
	run -125 pm create --no-healthcheck --health-cmd true "$IMAGE"
	assert_error 125 "cannot specify both --no-healthcheck and --health-cmd"
	run -125 pm create --health-on-failure kill "$IMAGE"
	assert_error 125 "cannot set on-failure action to kill without a health check"
	run -125 pm create --health-on-failure foo --health-cmd true "$IMAGE"
	assert_error 125 "supported actions are none,kill,restart,stop"
	run -125 pm create --health-cmd true --health-interval foo "$IMAGE"
	assert_error 125 "invalid healthcheck-interval"
	run -125 pm create --health-cmd true --health-timeout 0s "$IMAGE"
	assert_error 125 "healthcheck-timeout must be greater than 0"
	run -125 pm create --health-cmd '["true", 1]' "$IMAGE"
	assert_error 125 "must be an array of strings"
	run -125 pm create --health-cmd true --health-retries 0 "$IMAGE"
	assert_error 125 "healthcheck-retries must be greater than 0"
}

@test "--health-log-destination events_logger: each check is an event with its output" {
	pm run -d --name web --health-cmd 'echo "say \"hi\""; test -e /good' --health-interval disable --health-retries 9 \
		--health-log-destination events_logger "$IMAGE" sleep 100 >/dev/null
	assert_eq "$(pm inspect -f '{{.Config.HealthLogDestination}}' web)" events_logger
	run -1 pm healthcheck run web
	run -1 pm healthcheck run web
	pm exec web touch /good
	run -0 pm healthcheck run web
	run -0 pm events --stream=false --filter event=health_status --format json
	assert_eq "$(jq -r '.health_status' <<<"$output" | xargs)" 'starting starting healthy'
	assert_eq "$(jq -r '.health_log | fromjson | "\(.ExitCode) \(.Output | rtrimstr("\n"))"' <<<"$output")" \
		$'1 say "hi"\n1 say "hi"\n0 say "hi"'
	run -0 pm events --stream=false --filter event=health_status --format '{{.HealthLog}}'
	assert_eq "$(jq -s length <<<"$output")" 3
	# the log is as it is without
	assert_eq "$(pm inspect web | jq '.[0].State.Health.Log | length')" 3
	run -125 pm create --health-cmd x --health-log-destination somewhere "$IMAGE"
	assert_error 125 'must be local, events_logger or an absolute directory'
	pm rm -f -t 0 web
}
