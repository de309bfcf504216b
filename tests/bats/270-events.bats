#!/usr/bin/env bats
# Events: what verbs and monitors tell, how it is filtered and printed, the file and its rotation.

load helpers

test_setup() {
	load_busybox
}

# The statuses of container $1, in order, on one line.
statuses() {
	pm events --stream=false --filter container="$1" --format '{{.Status}}' | tr '\n' ' '
}

@test "a container's life, in order" {
	pm run --name c1 --network none "$IMAGE" true
	pm start c1
	wait_for eval '[ "$(pm events --stream=false --filter event=died --format x | wc -l)" = 2 ]'
	pm rm c1
	assert_eq "$(statuses c1)" "create init start attach died cleanup init start died cleanup remove "
}

@test "stop, kill and exec are told" {
	pm run -d --name c1 --network none "$IMAGE" sleep 100
	pm exec c1 true
	assert_eq "$(statuses c1)" "create init start exec exec_died "
	pm kill --signal 0 c1 2>/dev/null || pm kill --signal CONT c1
	pm stop -t 0 c1
	run -0 statuses c1
	for s in exec exec_died kill stop died; do
		assert_like "$output" "(^| )$s "
	done
}

@test "died carries the exit code and the labels" {
	run -3 pm run --name c1 --label a=b --network none "$IMAGE" sh -c 'exit 3'
	run -0 pm events --stream=false --filter event=died --format '{{.ContainerExitCode}} {{.Attributes.a}} {{.Type}} {{.Name}}'
	assert_eq "$output" "3 b container c1"
	run -0 pm events --stream=false --filter event=exited --format json
	assert_eq "$(jq -r '.ContainerExitCode, .Status, .Attributes.a' <<<"$output" | tr '\n' ' ')" "3 died b "
	run -0 pm events --stream=false --filter event=died
	assert_like "$output" '^[0-9-]+ [0-9:.]+ \+0000 UTC container died [0-9a-f]{64} \(image=localhost/busybox:latest, name=c1, .*a=b.*\)$'
	run -0 pm events --stream=false --no-trunc=false --filter event=died
	assert_like "$output" ' container died [0-9a-f]{12} \('
}

@test "filters: or within a key, and between keys" {
	pm create --name xc1 --label x=1 "$IMAGE" true
	pm create --name xc2 "$IMAGE" true
	pm rm xc1 xc2
	run -0 pm events --stream=false -f event=create -f event=remove -f container=xc1 --format '{{.Status}}'
	assert_eq "$output" $'create\nremove'
	run -0 pm events --stream=false -f label=x=1 -f event=create --format '{{.Name}}'
	assert_eq "$output" xc1
	run -0 pm events --stream=false -f type=image --format '{{.Status}}'
	assert_like "$output" import
	run -125 pm events --stream=false -f colour=red
	assert_error 125 "colour is an invalid filter"
	run -125 pm events --stream=false -f event
	assert_error 125 "invalid filter"
}

@test "since and until" {
	pm create --name c1 "$IMAGE" true
	t=$(date -u +%Y-%m-%dT%H:%M:%S.%NZ)
	pm create --name c2 "$IMAGE" true
	run -0 pm events --since "$t" --until "$(date -u +%Y-%m-%dT%H:%M:%S.%NZ)" --format '{{.Name}}'
	assert_eq "$output" c2
	run -0 pm events --until "$t" -f event=create --format '{{.Name}}'
	assert_eq "$output" c1
	# an end that is to come is waited for
	pm events --until 2s -f type=container --format '{{.Name}}' >"$T/out" &
	pm create --name c3 "$IMAGE" true
	wait $!
	assert_eq "$(tail -1 "$T/out")" c3
}

@test "a stream shows new events only, over a rotation" {
	mkdir -p "$T/conf"
	printf '[engine]\nevents_logfile_max_size = "2k"\n' >"$T/conf/containers.conf"
	export CONTAINERS_CONF=$T/conf/containers.conf
	pm create --name old "$IMAGE" true
	timeout 60 "$PM_BIN" --root "$T/root" --runroot "$T/run" events -f event=create --format '{{.Name}}' >"$T/out" &
	reader=$!
	# it sees what comes once it watches
	wait_for eval 'pm create --replace --name first "$IMAGE" true >/dev/null; grep -q first "$T/out"'
	for i in 1 2 3 4 5 6 7 8 9 10 11 12; do pm create --name "n$i" "$IMAGE" true; done
	wait_for grep -q n12 "$T/out"
	kill "$reader"; wait "$reader" || :
	[ -f "$T/run/events/events.log.1" ]
	[ "$(stat -c %s "$T/run/events/events.log")" -lt 3000 ]
	! grep -q old "$T/out"
	assert_eq "$(grep '^n' "$T/out" | tr '\n' ' ')" "n1 n2 n3 n4 n5 n6 n7 n8 n9 n10 n11 n12 "
}

@test "no events are kept when so told; unknown backends are refused" {
	pm --events-backend none create --name c1 "$IMAGE" true
	[ -z "$(statuses c1)" ]
	run -125 pm --events-backend none events --stream=false
	assert_error 125 'none'
	run -125 pm --events-backend syslog ps
	assert_error 125 syslog
}

@test "damaged lines and an unwritable file do no harm" {
	pm create --name c1 "$IMAGE" true
	printf 'garbage\n{"Status":5}\n{"Status":"x","Type":"y","Time":"z"}\n' >>"$T/run/events/events.log"
	pm create --name c2 "$IMAGE" true
	run -0 pm events --stream=false -f event=create --format '{{.Name}}'
	assert_eq "$output" $'c1\nc2'
	chmod 400 "$T/run/events/events.log"
	pm create --name c3 "$IMAGE" true
}

@test "what prune takes is told, after its removal" {
	pm create --name c1 "$IMAGE" true
	pm volume create v1
	pm network create n1
	pm pod create --name p1 --infra=false
	pm container prune -f
	pm volume prune -f
	pm network prune -f
	pm pod prune -f
	pm image prune -af
	run -0 pm events --stream=false -f event=prune -f event=remove --format '{{.Type}} {{.Status}}'
	assert_eq "$output" "container remove
container prune
volume remove
volume prune
network remove
network prune
pod remove
pod prune
image remove
image prune"
	run -0 pm events --stream=false -f type=volume -f event=prune --format '{{.Name}}'
	assert_eq "$output" v1
}

@test "system prune tells what it takes; a network's connect and disconnect name the container" {
	pm network create n1
	pm network create n2
	pm create --name c1 --network n1 "$IMAGE" true
	pm network connect n2 c1
	pm network disconnect n1 c1
	run -0 pm events --stream=false -f type=network --format '{{.Status}} {{.Network}} {{.Name}}'
	assert_eq "$output" $'create  n1\ncreate  n2\nconnect n2 c1\ndisconnect n1 c1'
	pm system prune -f
	run -0 pm events --stream=false -f event=prune --format '{{.Type}}'
	assert_eq "$output" $'container\nnetwork\nnetwork'
}
