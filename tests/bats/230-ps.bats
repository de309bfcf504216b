#!/usr/bin/env bats
# pm ps

load helpers

test_setup() {
	load_busybox
}

@test "ps: the table, only of running containers unless -a" {
	assert_like "$(pm ps)" '^CONTAINER ID  IMAGE       COMMAND     CREATED     STATUS      PORTS       NAMES$'
	pm create --name made "$IMAGE" echo a long command line here
	id=$(pm run -d --name up "$IMAGE" sleep 1000)
	run pm ps
	assert_eq "${#lines[@]}" 2
	assert_like "${lines[1]}" "^${id:0:12}  $IMAGE  sleep 1000 .* Up .* ago .* up\$"
	run pm ps -a --sort names
	assert_eq "${#lines[@]}" 3
	assert_like "${lines[1]}" "echo a long comma\.\.\..*Created.*made"
	assert_eq "$(pm ps -q)" "${id:0:12}"
	assert_eq "$(pm ps -q --no-trunc)" "$id"
	pm rm -fa -t 0
}

@test "ps --format" {
	pm create --name a -l k=v "$IMAGE" true
	assert_eq "$(pm ps -a --format '{{.Names}} {{.State}} {{.Image}} {{.Labels}}')" "a Created $IMAGE map[k:v]"
	assert_eq "$(pm ps -a --format '{{index .Labels "k"}}')" v
	assert_eq "$(pm ps -a --format json | jq -r '.[0] | .Names[0] + .State + (.Command | join(","))')" acreatedtrue
	assert_eq "$(pm ps -a --format 'table {{.Names}}\t{{.Status}}' | head -1 | tr -s ' ')" "NAMES STATUS"
	assert_eq "$(pm ps -a --noheading | wc -l)" 1
	run pm ps -a --format '{{.Nope}}'
	assert_error 125 ".*can't evaluate field Nope"
	pm rm a
}

@test "ps --filter" {
	pm create --name one -l a=1 "$IMAGE" true
	pm create --name two -l a=2 -l b=1 "$IMAGE" true
	pm run --name three "$IMAGE" sh -c 'exit 3' || true
	names() { pm ps -a --format '{{.Names}}' "$@" | tr '\n' ' '; }
	assert_eq "$(names)" "one two three "
	assert_eq "$(names --filter name=t)" "two three "
	assert_eq "$(names --filter label=a)" "one two "
	assert_eq "$(names --filter label=a=2 --filter label=b)" "two "
	assert_eq "$(names --filter status=created)" "one two "
	assert_eq "$(names --filter exited=3)" "three "
	assert_eq "$(names --filter before=two)" "one "
	assert_eq "$(names --filter since=one)" "two three "
	assert_eq "$(names --filter ancestor=busybox)" "one two three "
	assert_eq "$(names -n 1)" "three "
	run pm ps --filter nope=1
	assert_error 125 ".*nope"
	pm rm -fa
}

@test "ps: -q gives way to --format, -n counts those that fit the filters and 0 is no limit" {
	pm create --name one -l a=1 "$IMAGE" true
	pm create --name two "$IMAGE" true
	pm run -d --name three "$IMAGE" sleep 1000
	assert_eq "$(pm ps -aq --format '{{.Names}}' --sort names | tr '\n' ' ')" "one three two "
	assert_eq "$(pm ps -q --format json | jq -r '.[].Names[0]')" three
	assert_eq "$(pm ps -n 1 --filter label=a --format '{{.Names}}')" one
	assert_eq "$(pm ps -n 2 --format '{{.Names}}' | tr '\n' ' ')" "two three "
	assert_eq "$(pm ps -n 0 --format '{{.Names}}')" three
	assert_eq "$(pm ps --format 'table {{.RunningFor}}' | head -1 | tr -s ' ')" "RUNNING FOR"
	pm rm -fa -t 0
}

@test "a pod's ports are those of its containers: ps, port, inspect" {
	pm pod create --name many -p 8097:80 -p 8096:90/udp
	pm create --name inside --pod many "$IMAGE" sleep 1000
	assert_eq "$(pm ps -a --filter name=inside --format '{{.Ports}}')" "0.0.0.0:8097->80/tcp, 0.0.0.0:8096->90/udp"
	assert_eq "$(pm ps -a --filter name=inside --format json | jq -c '[.[0].Ports[].host_port]')" "[8097,8096]"
	assert_eq "$(pm inspect inside | jq -c '.[0].NetworkSettings.Ports["80/tcp"]')" '[{"HostIp":"","HostPort":"8097"}]'
	assert_eq "$(pm inspect -f '{{.Config.Hostname}}' inside)" many
	pm pod start many
	assert_eq "$(pm port inside 80)" "0.0.0.0:8097"
	assert_eq "$(pm inspect -f '{{index .Config.Annotations "io.kubernetes.cri-o.ContainerType"}}' inside)" container
	assert_eq "$(pm inspect -f '{{index .Config.Annotations "io.kubernetes.cri-o.SandboxID"}}' inside)" \
		"$(pm pod inspect -f '{{.InfraContainerID}}' many)"
	assert_eq "$(pm events --stream=false --since 1h --filter container=inside --filter event=start --format '{{.PodID}}')" \
		"$(pm pod inspect -f '{{.Id}}' many)"
	assert_eq "$(pm events --stream=false --since 1h --filter container=inside --filter event=start --format json |
		jq -r .PodID)" "$(pm pod inspect -f '{{.Id}}' many)"
	pm pod rm -f -t 0 many
}

@test "inspect: a container whose limits this host refuses is told whole all the same" {
	pm create --name small --memory 64m --memory-reservation 32m --cpuset-cpus 0 --hostname box --cap-drop all "$IMAGE" true
	assert_eq "$(pm inspect -f '{{.HostConfig.Memory}} {{.Config.Hostname}} {{.HostConfig.CgroupMode}}' small)" \
		"67108864 box private"
	assert_eq "$(pm inspect small | jq -r '.[0] | .Config.Annotations["io.podman.annotations.init"], .HostConfig.Ulimits[0].Name')" \
		$'FALSE\nRLIMIT_NOFILE'
	pm rm small
}

@test "inspect: security options, --volumes-from and id maps are noted" {
	pm create --name vols -v /data "$IMAGE" true
	pm create --name noted --volumes-from vols:ro --security-opt seccomp=unconfined --security-opt label=disable \
		--userns keep-id "$IMAGE" true
	run -0 pm inspect -f '{{json .HostConfig.VolumesFrom}} {{index .Config.Annotations "io.podman.annotations.volumes-from"}}' noted
	assert_eq "$output" '["vols:ro"] vols:ro'
	run -0 pm inspect -f '{{range $k, $v := .Config.Annotations}}{{$k}}={{$v}} {{end}}' noted
	assert_like "$output" ".*annotations.label=disable .*annotations.seccomp=unconfined .*"
	uid=$(id -u)
	assert_eq "$(pm inspect -f '{{index .HostConfig.IDMappings.UidMap 1}}' noted)" "$uid:0:1"
	pm rm -fav
}

@test "inspect --format: maps, times, ports as scripts use them" {
	pm create --name i -l x=y -p 9999:80 "$IMAGE" true
	assert_eq "$(pm inspect --format '{{.Config.Labels.x}} {{index .Config.Labels "x"}} {{.State.Status}}' i)" "y y created"
	assert_eq "$(pm inspect --format '{{range $p, $b := .HostConfig.PortBindings}}{{$p}} {{(index $b 0).HostPort}}{{end}}' i)" "80/tcp 9999"
	assert_like "$(pm inspect --format '{{.Created}}' i)" '^[0-9-]+ [0-9:.]+ [+-][0-9]{4} '
	assert_like "$(pm inspect i | jq -r '.[0].Created')" '^[0-9-]+T[0-9:.]+Z$'
	run pm inspect --format '{{.Nope}}' i
	assert_error 125 ".*can't evaluate field Nope"
	pm rm i
}

@test "ps and inspect --size count what belongs to other ids, behind closed directories" {
	pm run --name c1 --network none "$IMAGE" sh -c \
		'mkdir /d && dd if=/dev/zero of=/d/f bs=1k count=100 2>/dev/null && chown -R 5:5 /d && chmod 700 /d'
	run -0 pm inspect --size c1 --format '{{.SizeRw}}'
	[ "$output" -ge 102400 ] || fail "SizeRw is $output"
	run -0 pm ps -a --size --format json
	[ "$(jq '.[0].Size.rwSize' <<<"$output")" -ge 102400 ]
	[ "$(jq '.[0].Size.rootFsSize - .[0].Size.rwSize' <<<"$output")" -gt 0 ]
}
