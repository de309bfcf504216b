#!/usr/bin/env bats
# init: a container that the runtime has made, whose process waits for the start.

load helpers

test_setup() {
	load_busybox
}

state() { # NAME
	pm ps -a --filter "name=^$1\$" --format json | jq -r '.[] | .State + " " + .Status'
}

@test "init, then start: the process waits, then it is the one that runs" {
	pm create --name c -v data:/data "$IMAGE" sh -c 'echo ran >/data/ran; echo hello; sleep 1000'
	assert_eq "$(pm init c)" c
	assert_eq "$(state c)" 'initialized Initialized'
	pid=$(pm inspect -f '{{.State.Pid}}' c)
	[ "$pid" -gt 0 ]
	[ ! -e "$T/root/volumes/data/_data/ran" ] || fail "it has run"
	assert_eq "$(pm ps -q)" ''
	run pm exec c true
	assert_error 255 'can only create exec sessions on running containers'
	run pm init c
	assert_error 125 'has already been created in runtime'
	assert_eq "$(pm start c)" c
	assert_like "$(state c)" '^running Up'
	assert_eq "$(pm inspect -f '{{.State.Pid}}' c)" "$pid"
	said() { [ "$(pm logs c)" = hello ]; }
	wait_for said
	run pm init c
	assert_error 125 'has already been created in runtime'
	pm rm -f -t 0 c
}

@test "init, then start -a: output, input, exit code" {
	pm create -i --name c "$IMAGE" sh -c 'read -r l; echo "got $l"; exit 3'
	pm init c
	run pm start -a -i c <<<word
	assert_eq "$status" 3
	assert_eq "$output" 'got word'
	assert_like "$(state c)" '^exited Exited \(3\)'
	# and once more
	pm init c
	run pm start -a -i c <<<again
	assert_eq "$status$output" '3got again'
	pm rm c
}

@test "init: a terminal" {
	pm create -t --name c "$IMAGE" sh -c 'tty; exit 4'
	pm init c
	run pm start -a c
	assert_eq "$status" 4
	assert_like "$output" '^/dev/pts/0'
	pm rm c
}

@test "an initialized container is stopped, killed and removed" {
	for verb in 'stop' 'kill' 'rm'; do
		pm create --name c "$IMAGE" sleep 1000
		pm init c
		pm $verb c
		if [ $verb != rm ]; then
			assert_eq "$(pm wait c)" 137
			pm rm c
		fi
		assert_eq "$(pm ps -aq)" ''
	done
}

@test "init --all; wait for it; events" {
	pm create --name xa "$IMAGE" sleep 1000
	pm create --name xb "$IMAGE" sleep 1000
	pm run -d --name up "$IMAGE" sleep 1000
	run pm init --all
	assert_eq "$status" 0
	assert_eq "${#lines[@]}" 2
	assert_eq "$(pm wait --condition=initialized xa xb)" $'-1\n-1'
	pm start xa
	assert_eq "$(pm events --stream=false --since 1m --filter container=xa --format '{{.Status}}' | tr '\n' ' ')" \
		'create init start '
	pm rm -fa -t 0
}

@test "init: a command that is not there" {
	pm create --name c "$IMAGE" /no/such
	run -127 pm init c
	assert_like "$output" 'Error: .*no/such'
	assert_like "$(state c)" '^created|^exited'
	pm rm c
}

@test "init with runc" {
	command -v runc >/dev/null || skip_or_fail "no runc" || return
	pm create --name c "$IMAGE" sh -c 'exit 6'
	pm --runtime runc init c
	assert_eq "$(state c)" 'initialized Initialized'
	pm --runtime runc start c
	assert_eq "$(pm wait c)" 6
	pm rm c
}

@test "kill -9 of an initialized container's monitor" {
	pm create --name c "$IMAGE" sleep 1000
	pm init c
	kill -9 "$(monitor_pid c)"
	pm rm -f c
	assert_eq "$(pm ps -aq)" ''
}
