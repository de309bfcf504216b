#!/usr/bin/env bats
# stats, update, clone, cleanup, runlabel, generate spec, the options of ps.

load helpers

test_setup() {
	load_busybox
}

@test "stats: the table, without a group of its own by /proc" {
	pm run -d --name a --network none "$IMAGE" sh -c 'while :; do :; done'
	pm create --name made "$IMAGE" true
	busy() { [ "$(pm stats --no-stream --format '{{.CPUNano}}' a)" -gt 200000000 ]; }
	wait_for busy
	run pm stats --no-stream
	assert_eq "$status" 0
	assert_eq "${#lines[@]}" 2
	assert_like "${lines[0]}" '^ID +NAME +CPU % +MEM USAGE / LIMIT +MEM % +NET IO +BLOCK IO +PIDS +CPU TIME +AVG CPU %$'
	assert_like "${lines[1]}" '^[0-9a-f]{12} +a +[0-9.]+% +[0-9.]+[kM]?B / [0-9.]+[MG]B +[0-9.]+% +0B / 0B +.* 1 +[0-9.]+m?s +[0-9.]+%$'
	assert_eq "$(pm stats -a --no-stream --format '{{.Name}} {{.PIDs}}')" $'a 1\nmade 0'
	# as much as one processor, not nothing
	percent=$(pm stats --no-stream --format '{{.CPU}}' a)
	[ "${percent%.*}" -ge 5 ] && [ "${percent%.*}" -le 110 ] || fail "$percent"
	pm rm -fa -t 0
}

@test "stats: json, names, options that contradict" {
	id=$(pm run -d --name a --network none "$IMAGE" sleep 1000)
	pm stats --no-stream --format json a >"$T/json"
	assert_eq "$(jq -r '.[0] | keys_unsorted | join(" ")' "$T/json")" \
		'id name cpu_time cpu_percent avg_cpu mem_usage mem_percent net_io block_io pids'
	assert_eq "$(jq -r '.[0].id' "$T/json")" "${id:0:12}"
	assert_eq "$(pm stats --no-stream --no-trunc --format '{{.ID}}' -l)" "$id"
	run pm stats -a a
	assert_error 125 'cannot be used together'
	run pm stats --no-stream nosuch
	assert_error 125 'unable to get list of containers: unable to look up container nosuch'
	run pm stats -i 0
	assert_error 125 'invalid interval'
	pm rm -f -t 0 a
}

@test "stats: a stream, redrawn each interval; memory and threads are those of now" {
	pm run -d --name a --network none "$IMAGE" sh -c 'sleep 1000 & sleep 1000 & wait'
	timeout 20 "$PM_BIN" --root "$T/root" --runroot "$T/run" stats -i 1 --format '{{.PIDs}}' a >"$T/out" &
	three() { grep -q 3 "$T/out"; }
	wait_for three
	twice() { [ "$(wc -l <"$T/out")" -ge 3 ]; }
	wait_for twice
	kill $!
	wait || true
	pm rm -f -t 0 a
}

@test "stats: network I/O of the container's own namespace" {
	pm run -d --name a "$IMAGE" sleep 1000
	pm exec a sh -c 'for i in 1 2 3 4 5; do nslookup x.invalid 10.0.2.3 || true; done' >/dev/null 2>&1
	sent() { [ "$(pm stats --no-stream --format '{{.NetOutput}}' a)" -gt 0 ]; }
	wait_for sent
	pm rm -f -t 0 a
}

@test "update: without a controller a clear error, and nothing changed" {
	pm create --name a "$IMAGE" sleep 1000
	before=$(pm inspect a)
	run pm update --memory 10m a
	assert_error 125 '--memory cannot be applied'
	run pm update --cpus 0.5 --cpu-quota 1000 a
	assert_error 125 'cannot be set together'
	assert_eq "$(pm inspect a)" "$before"
	run pm update
	assert_error 125 'update takes the name or id of one container'
	run pm update --memory 1m nosuch
	assert_error 125 'no container with name or ID "nosuch" found'
	pm rm a
}

@test "container clone: options, volumes, files of its own" {
	pm run --name a -l k=v -e A=1 -v data:/data -v /anon -w /tmp "$IMAGE" \
		sh -c 'pwd; echo $A >/own; ls /own; touch /data/x; ls /data' >"$T/first"
	id=$(pm container clone a)
	assert_eq "$(pm inspect -f '{{.Name}} {{.State.Status}}' "$id")" 'a-clone created'
	pm inspect a a-clone >"$T/json"
	for field in .Config.Cmd .Config.Labels .Config.WorkingDir .ImageName .HostConfig.NetworkMode; do
		assert_eq "$(jq -c ".[1]$field" "$T/json")" "$(jq -c ".[0]$field" "$T/json")"
	done
	env() { jq -c "[.[$1].Config.Env[] | select(startswith(\"HOSTNAME=\") | not)]" "$T/json"; }
	assert_eq "$(env 1)" "$(env 0)"
	volume() { jq -r ".[$1].Mounts[] | select(.Destination == \"$2\").Name" "$T/json"; }
	assert_eq "$(volume 1 /data)" data
	[ "$(volume 0 /anon)" != "$(volume 1 /anon)" ] || fail "one anonymous volume for both"
	assert_eq "$(pm start -a a-clone)" "$(cat "$T/first")"
	assert_eq "$(pm inspect -f '{{.Name}}' "$(pm container clone a)")" a-clone1
	assert_eq "$(pm inspect -f '{{.Name}}' "$(pm container clone a named)")" named
	run pm container clone a named
	assert_error 125 'the container name "named" is already in use'
	pm rm -fa -v
}

@test "container clone: --run, --destroy, --force" {
	pm run -d --name orig "$IMAGE" sleep 1000
	pm container clone --run orig twin
	assert_eq "$(pm ps --format '{{.Names}}' --sort names)" $'orig\ntwin'
	run pm container clone --destroy orig third
	assert_error 125 'cannot remove container'
	run pm container clone --force orig fourth
	assert_error 125 'cannot set --force without --destroy'
	pm kill orig
	pm wait orig
	pm container clone --destroy orig fifth
	run pm container exists orig
	assert_eq "$status" 1
	pm rm -fa -t 0
}

@test "container cleanup: a monitor's, that comes after a reset, makes no store" {
	run env _PM_EXIT_CODE=3 "$PM_BIN" --root "$T/none" --runroot "$T/none-run" container cleanup xa
	assert_eq "$status$output" 3
	[ ! -e "$T/none" ] && [ ! -e "$T/none-run" ]
}

@test "container cleanup: what has ended; not what runs" {
	pm run -d --name xa "$IMAGE" sleep 1000
	run pm container cleanup xa
	assert_error 125 'is running or paused, refusing to clean up'
	pm kill xa
	pm wait xa
	assert_eq "$(pm container cleanup xa)" xa
	pm container cleanup --rm xa
	run pm container exists xa
	assert_eq "$status" 1
	pm run --name b "$IMAGE" true
	pm container cleanup --rmi b
	run pm image exists "$IMAGE"
	assert_eq "$status" 1
	run pm container cleanup --exec x nosuch
	assert_error 125 'no container with name or ID "nosuch" found'
	run pm container cleanup --exec x --all
	assert_error 125 'exec and all options conflict'
}

@test "container runlabel: pm itself, by the image's label; nothing else" {
	printf 'x' >"$T/empty"
	label() { # TEXT
		pm import -q --change "LABEL run=$1" --change 'CMD ["sh"]' "$PM_TEST_FIXTURES/busybox.tar" localhost/labelled:latest >/dev/null
	}
	label 'podman run --rm --name NAME -e WHAT=${IMAGE} IMAGE echo started'
	assert_eq "$(pm container runlabel --display run labelled)" \
		"command: $PM_BIN run --rm --name labelled -e WHAT=localhost/labelled:latest localhost/labelled:latest echo started"
	run pm container runlabel run labelled more
	assert_eq "$status" 0
	assert_like "$output" 'started more$'
	assert_eq "$(pm container runlabel -q --name other run labelled)" started
	run pm container runlabel install labelled
	assert_error 125 'cannot find the value of label: install in image: labelled'
	label "touch $T/owned"
	run pm container runlabel run labelled
	assert_error 125 'only command lines of podman or pm are run'
	label "podman ps; touch $T/owned"
	run pm container runlabel run labelled
	[ ! -e "$T/owned" ] || fail "a shell has run"
}

@test "generate spec" {
	pm create --name a -l k=v -v data:/d -p 8080:80 --cap-add NET_ADMIN "$IMAGE" sleep 5
	pm generate spec a >"$T/spec"
	assert_eq "$(jq -r .name "$T/spec")" a-clone
	assert_eq "$(jq -rc '[.command, .labels, .volumes[0].Name, .portmappings[0].host_port, .cap_add]' "$T/spec")" \
		'[["sleep","5"],{"k":"v"},"data",8080,["NET_ADMIN"]]'
	assert_eq "$(pm generate spec -c a | wc -l)" 1
	assert_eq "$(pm generate spec --name=false a | jq -r .name)" a
	assert_eq "$(pm generate spec -f "$T/file" a)" "$T/file"
	diff "$T/file" "$T/spec"
	run pm generate spec nosuch
	assert_error 125 'could not find the container'
	pm rm a
}

@test "ps: --pod, --size, --sort size, --external, contradictions" {
	pm run --name big "$IMAGE" sh -c 'dd if=/dev/zero of=/f bs=1024 count=300 2>/dev/null'
	pm create --name small -v data:/b -v /tmp:/a "$IMAGE" true
	assert_like "$(pm ps -a --pod | head -1)" 'NAMES +POD ID +PODNAME$'
	assert_like "$(pm ps -as --filter name=big | tail -1)" 'big +307.2kB \(virtual [0-9.]+MB\)$'
	assert_eq "$(pm ps -a --sort size --format '{{.Names}}')" $'small\nbig'
	assert_eq "$(pm ps -a --external --format '{{.Names}}' | wc -l)" 2
	assert_eq "$(pm ps -a --filter name=small --format '{{.Mounts}}')" '[/a /b]'
	assert_eq "$(pm ps -a --filter name=small --format json | jq -c '.[0].Mounts')" '["/a","/b"]'
	run pm ps -aq --size
	assert_error 125 'quiet conflicts with size and namespace'
	run pm ps -n 1 -l
	assert_error 125 'last and latest are mutually exclusive'
	pm rm -a
}

@test "checkpoint and restore say why they cannot be" {
	pm create --name a "$IMAGE" true
	run pm container checkpoint a
	assert_error 125 'checkpointing a container requires root'
	run pm container restore a
	assert_error 125 'restoring a container requires root'
	run pm container checkpoint --export "$T/x.tar" a
	assert_error 125 'checkpointing a container requires root'
	[ ! -e "$T/x.tar" ]
	run pm container restore --import "$T/x.tar"
	assert_error 125 'restoring a container requires root'
	refuses() { # MESSAGE COMMAND...
		local message=$1
		shift
		run pm container "$@"
		assert_error 125 "$message"
	}
	refuses '--pre-checkpoint cannot be used together with --with-previous' checkpoint -P --with-previous a
	refuses '--pre-checkpoint cannot be used together with --leave-running' checkpoint -P -R a
	refuses '--compress can only be used with --export' checkpoint --compress gzip a
	refuses '--ignore-rootfs can only be used with --export' checkpoint --ignore-rootfs a
	refuses '--export is for one container' checkpoint --all --export "$T/x.tar"
	refuses 'must provide at least one name or id' checkpoint
	refuses '--name can only be used with image or --import' restore --name b a
	refuses '--publish can only be used with image or --import' restore -p 80:80 a
	refuses '--import-previous can only be used with --import' restore --import-previous "$T/x.tar" a
	refuses '--tcp-established cannot be used with --name' restore --import "$T/x.tar" --name b --tcp-established
	refuses 'Cannot use --import with positional arguments' restore --import "$T/x.tar" a
	run pm container checkpoint nosuch
	assert_error 125 'no container with name or ID "nosuch" found'
	pm rm a
}
