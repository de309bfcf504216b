#!/usr/bin/env bats
# pm called as buildah: images made by hand in working containers.

load helpers

test_setup() {
	mkdir "$T/bin"
	ln -s "$PM_BIN" "$T/bin/buildah"
	load_busybox
}

test_teardown() {
	pm system reset -f >/dev/null
}

buildah() {
	timeout --foreground -k 5 "${PM_TIMEOUT:-60}" "$T/bin/buildah" --root "$T/root" --runroot "$T/run" "$@"
}

@test "an image made by from, run, copy, add, config and commit" {
	run -0 buildah from "$IMAGE"
	assert_eq "$output" busybox-working-container
	ctr=$output
	run -0 buildah run "$ctr" -- sh -c 'echo made >/made; echo out; echo err >&2'
	assert_like "$output" out
	assert_like "$output" err
	mkdir -p "$T/src/sub"
	echo one >"$T/src/one"
	echo two >"$T/src/sub/two"
	cd "$T"
	run -0 buildah copy "$ctr" src /dst
	assert_like "$output" '^[0-9a-f]{64}$'
	tar -cf "$T/a.tar" -C "$T/src" sub
	run -0 buildah add -q --chown=5:6 "$ctr" a.tar /unpacked/
	assert_eq "$output" ""
	run -0 buildah config --env "GREETING=hello  there" --label some.label="a b" --workingdir /dst --user 1000 \
		--cmd "sh -c 'cat one; echo \"\$GREETING\"; id -u'" --port 80 --stop-signal SIGINT --author me "$ctr"
	run -0 buildah commit --identity-label=false -q "$ctr" made/image
	id=$output
	run -0 pm run --rm made/image
	assert_eq "$output" "one
hello  there
1000"
	run -0 pm run --rm --user 0 made/image sh -c 'cat /made /dst/sub/two /unpacked/sub/two; stat -c %u:%g /unpacked/sub/two /dst/one'
	assert_eq "$output" "made
two
two
5:6
0:0"
	run -0 pm image inspect -f '{{.Id}} {{.Author}} {{.Config.Labels}} {{.Config.ExposedPorts}} {{.Config.StopSignal}}' made/image
	assert_eq "$output" "$id me map[some.label:a b] map[80/tcp:{}] SIGINT"
	run -0 buildah rm "$ctr"
	run -0 buildah containers -q
	assert_eq "$output" ""
}

@test "a run: exit code, environment, user, working directory, standard input, network, mounts" {
	ctr=$(buildah from --name hands "$IMAGE")
	assert_eq "$ctr" hands
	run -7 buildah run hands sh -c 'exit 7'
	run -127 buildah run hands /no/such/program
	VALUE=outer run -0 buildah run -e A=b -e VALUE --user 12:34 --workingdir /tmp hands sh -c 'echo $A $VALUE $(id -u):$(id -g) $(pwd)'
	assert_eq "$output" "b outer 12:34 /tmp"
	run -0 buildah run hands cat <<<"from outside"
	assert_eq "$output" "from outside"
	run -0 buildah run --network none hands ls /sys/class/net
	assert_eq "$output" lo
	mkdir "$T/host"
	echo data >"$T/host/file"
	run -0 buildah run -v "$T/host:/mounted:ro" hands cat /mounted/file
	assert_eq "$output" data
	run -0 buildah run hands sh -c 'test ! -e /mounted'
	run -125 buildah run hands
	assert_error 125 'command must be specified'
	run -125 buildah run --network=nowhere hands true
	assert_error 125 'nowhere'
	run -125 buildah run --isolation chroot hands true
	assert_error 125 'isolation'
}

@test "a run: capabilities, host name, namespaces, runtime, hosts, a context directory, for this run alone" {
	buildah from --name hands --cap-add SYS_TIME "$IMAGE" >/dev/null
	caps() { printf '%d' "0x$(buildah run "$@" sh -c 'sed -n "s/^CapEff:[[:space:]]*//p" /proc/self/status')"; }
	plain=$(caps hands)
	assert_eq $((plain >> 25 & 1)) 1 # SYS_TIME, by from
	assert_eq $((plain >> 12 & 1)) 0
	with=$(caps --cap-add NET_ADMIN --cap-drop CHOWN hands)
	assert_eq $((with ^ plain)) $((1 << 12 | 1))
	assert_eq "$(caps hands)" "$plain"
	run -0 buildah run --hostname other --no-hosts hands sh -c 'hostname; test ! -e /etc/hosts'
	assert_eq "$output" other
	run -0 buildah run --ipc host --uts host --network host hands \
		sh -c 'for n in ipc uts net; do readlink /proc/self/ns/$n; done'
	assert_eq "$output" "$(readlink /proc/self/ns/ipc /proc/self/ns/uts /proc/self/ns/net)"
	run -0 buildah run --pid host hands readlink /proc/self/ns/pid
	assert_eq "$output" "$(readlink /proc/self/ns/pid)"
	run -0 buildah run --isolation oci --runtime runc --runtime-flag debug=false hands echo by-runc
	assert_like "$output" by-runc
	run buildah run --runtime /no/such/runtime hands true
	assert_error 125 "/no/such/runtime"

	mkdir -p "$T/sources/deep"
	echo found >"$T/sources/deep/file"
	ln -s /etc "$T/sources/out"
	for source in deep/file /deep/file; do
		run -0 buildah run --contextdir "$T/sources" --mount "type=bind,source=$source,target=/m" hands cat /m
		assert_eq "$output" found
	done
	run buildah run --contextdir "$T/sources" --mount type=bind,source=out/hostname,target=/m hands cat /m
	assert_error 125 "subpath"
}

@test "what a working container is given holds for each of its runs" {
	mkdir "$T/host"
	echo data >"$T/host/file"
	ctr=$(buildah from -v "$T/host:/mounted:ro" --network none "$IMAGE")
	run -0 buildah run "$ctr" sh -c 'cat /mounted/file; ls /sys/class/net'
	assert_eq "$output" "data
lo"
}

@test "names of working containers, and their list" {
	run -0 buildah from "$IMAGE"
	run -0 buildah from "$IMAGE"
	assert_eq "$output" busybox-working-container-1
	run -0 buildah from --cidfile "$T/cid" scratch
	assert_eq "$output" working-container
	run -125 buildah from --name working-container scratch
	assert_error 125 'already in use'
	run -0 buildah containers
	assert_like "${lines[0]}" '^CONTAINER ID +BUILDER +IMAGE ID +IMAGE NAME +CONTAINER NAME$'
	assert_eq "${#lines[@]}" 4
	run -0 buildah containers -q --filter name=working-container-1
	assert_eq "${#lines[@]}" 1
	assert_eq "$(buildah containers --json | jq -r '.[2] | "\(.containername) \(.imageid) \(.builder)"')" "working-container  true"
	run -0 buildah containers --format '{{.ContainerName}} {{.ImageName}}' --filter "id=$(cat "$T/cid")"
	assert_eq "$output" "working-container scratch"
	run -0 pm ps -aq
	assert_eq "$output" ""
	run -0 buildah rename working-container nothing
	run -0 buildah delete nothing
	assert_eq "$output" "$(cat "$T/cid")"
	run -125 buildah rm nothing busybox-working-container-1
	assert_like "$output" 'Error: no container with name or ID "nothing"'
	run -0 buildah rm --all
	run -0 buildah ls -q
	assert_eq "$output" ""
	run -125 buildah rm
	assert_error 125 'container ID must be specified'
}

@test "from --platform: what is made of it says so" {
	buildah from --platform linux/arm64/v8 --name other scratch
	buildah commit -q other foreign
	assert_eq "$(pm image inspect -f '{{.Os}}/{{.Architecture}}' foreign)" linux/arm64
	run buildah from --platform linux/arm64 --arch amd64 scratch
	assert_error 125 'arch'
}

@test "from scratch: the image has what was copied and nothing else" {
	ctr=$(buildah from scratch)
	mkdir "$T/files"
	cp "$(command -v busybox)" "$T/files/sh"
	run -0 buildah copy -q --contextdir "$T/files" "$ctr" sh /bin/sh
	run -0 buildah config --entrypoint '["/bin/sh", "-c"]' --cmd '"echo $0 alive"' "$ctr"
	run -0 buildah commit -q --rm --timestamp 1000000000 "$ctr" alive
	first=$output
	run -0 pm run --rm alive
	assert_like "$output" 'alive$'
	run -0 pm image inspect -f '{{len .RootFS.Layers}} {{.Created.Unix}}' alive
	assert_eq "$output" "1 1000000000"
	run -125 buildah run "$ctr" true
	assert_error 125 'no container with name or ID'
	# the same again is the same image
	ctr=$(buildah from scratch)
	buildah copy -q --contextdir "$T/files" "$ctr" sh /bin/sh
	buildah config --entrypoint '["/bin/sh", "-c"]' --cmd '"echo $0 alive"' "$ctr"
	assert_eq "$(buildah commit -q --timestamp 1000000000 "$ctr")" "$first"
}

@test "copy: from another working container and from an image, owners stay; ignored files" {
	one=$(buildah from "$IMAGE")
	buildah run "$one" sh -c 'mkdir /made; echo x >/made/x; chown 7:8 /made/x; ln -s /etc/passwd /made/link'
	two=$(buildah from scratch)
	run -0 buildah copy -q --from="$one" "$two" /made /kept/
	run -0 buildah copy -q --from="$IMAGE" "$two" /bin/busybox /bin/sh
	run -0 buildah run "$two" /bin/sh -c 'stat -c "%u:%g %n" /kept/x /kept/link'
	assert_eq "$output" "7:8 /kept/x
0:0 /kept/link"
	mkdir "$T/ctx"
	touch "$T/ctx/yes" "$T/ctx/no"
	echo no >"$T/ignore"
	run -0 buildah copy -q --contextdir "$T/ctx" --ignorefile "$T/ignore" "$two" . /picked
	run -0 buildah run "$two" /bin/sh -c 'echo /picked/*'
	assert_eq "$output" /picked/yes
	run -125 buildah copy "$two" "$T/none" /
	assert_error 125 "none\": no such file or directory"
	run -125 buildah copy --from=no/such/image "$two" /x /
	assert_error 125 '--from no/such/image'
}

@test "config: adding, removing, health checks, history; inspect" {
	ctr=$(buildah from "$IMAGE")
	export INHERITED=yes
	buildah config -e A=1 -e B=2 -e INHERITED -l x=1 -l y=2 -p 80 -p 81/udp -v /data -v /more "$ctr"
	buildah config -e A- -l x- -p 80- -v /data- --unsetlabel y --add-history --entrypoint 'run it' "$ctr"
	run -0 buildah inspect --format '{{.OCIv1.Config.Env}}' "$ctr"
	assert_like "$output" 'B=2 INHERITED=yes'
	[[ $output != *A=1* ]]
	assert_eq "$(buildah inspect "$ctr" | jq -c '.OCIv1.config | [.ExposedPorts, .Volumes, .Entrypoint]')" \
		'[{"81/udp":{}},{"/more":{}},["/bin/sh","-c","run it"]]'
	buildah config --entrypoint '' --healthcheck 'CMD-SHELL true && true' --healthcheck-interval 5s "$ctr"
	buildah commit -q --format docker "$ctr" checked
	assert_eq "$(pm image inspect checked | jq -c '.[0] | [.Healthcheck.Test, .Healthcheck.Interval, .Config.Entrypoint]')" \
		'[["CMD-SHELL","true && true"],5000000000,null]'
	run -0 pm history --format '{{.CreatedBy}}' --no-trunc checked
	assert_like "$output" '#\(nop\) ENTRYPOINT run it'
	run -0 buildah inspect --type image --format '{{.FromImage}}' checked
	assert_eq "$output" localhost/checked:latest
	run -125 buildah config --healthcheck 'maybe' "$ctr"
	assert_error 125 'healthcheck must be'
	run -125 buildah config --annotation a=b "$ctr"
	assert_error 125 'annotation'
}

@test "commit: one layer, no history, files and names that are refused" {
	ctr=$(buildah from "$IMAGE")
	buildah run "$ctr" touch /new
	run -0 buildah commit -q --squash --omit-history --iidfile "$T/iid" --annotation a=b --unsetenv PATH "$ctr" squashed
	assert_eq "$output" "$(cat "$T/iid")"
	assert_eq "$(pm image inspect squashed | jq -c '.[0] | [(.RootFS.Layers | length), (.History | length), .Annotations.a, .Config.Env]')" \
		'[1,0,"b",null]'
	run -125 buildah commit --sign-by nobody@example.org "$ctr"
	assert_error 125 'of a name'
	run -125 buildah commit "$ctr" BAD
	run -125 buildah commit nothing x
	assert_error 125 'no container with name'
	pm create --name plain "$IMAGE" >/dev/null
	run -125 buildah commit plain x
	assert_error 125 'no working container'
}

@test "mount: the files of a working container, inside of unshare" {
	ctr=$(buildah from "$IMAGE")
	run -0 buildah unshare sh -c '
		m=$("$0" --root "$1" --runroot "$2" mount "$3") && echo made >"$m/by-hand" &&
		"$0" --root "$1" --runroot "$2" umount "$3"' "$T/bin/buildah" "$T/root" "$T/run" "$ctr"
	run -0 buildah run "$ctr" cat /by-hand
	assert_eq "$output" made
}

@test "commit: to a registry, as which the options are; into a list; with buildah's label" {
	start_registry --tls --auth
	ctr=$(buildah from "$IMAGE")
	buildah run "$ctr" touch /new
	before=$(pm images -aq | sort)
	run -125 buildah commit -q --cert-dir "$T/certs" "$ctr" "docker://$REGISTRY/app:1"
	assert_error 125 "authentication|unauthorized"
	run -0 buildah commit -q --creds user:secret --cert-dir "$T/certs" "$ctr" "docker://$REGISTRY/app:1"
	run -0 buildah commit -q --creds user:secret --tls-verify=false "$ctr" "docker://$REGISTRY/app:2"
	printf '{"auths":{"%s":{"auth":"%s"}}}' "$REGISTRY" "$(printf user:secret | base64)" >"$T/auth.json"
	run -0 buildah commit -q --identity-label=false --authfile "$T/auth.json" --cert-dir "$T/certs" "$ctr" "docker://$REGISTRY/app:3"
	skopeo inspect --creds user:secret --cert-dir "$T/certs" --config "docker://$REGISTRY/app:1" >"$T/one"
	skopeo inspect --creds user:secret --cert-dir "$T/certs" --config "docker://$REGISTRY/app:3" >"$T/three"
	assert_like "$(jq -r '.config.Labels["io.buildah.version"]' "$T/one")" '^[0-9]'
	assert_eq "$(jq -r '.config.Labels["io.buildah.version"]' "$T/three")" null
	run -0 buildah commit -q --manifest together "$ctr" named
	assert_eq "$(pm manifest inspect together | jq '.manifests|length')" 1

	# and --from pulls what is missing
	run -125 buildah copy --from "$REGISTRY/app:2" --creds user:secret "$ctr" /new /copied
	run -0 buildah copy -q --from "$REGISTRY/app:2" --creds user:secret --tls-verify=false --retry 1 --retry-delay 1s "$ctr" /new /copied
	run -0 buildah run "$ctr" test -e /copied
}

@test "inspect: Docker's form, namespaces, capabilities, ids; mount lists what is mounted" {
	buildah from --name seen --cap-drop all --cap-add CHOWN --ipc host --userns auto "$IMAGE" >/dev/null
	run -0 buildah inspect seen
	assert_eq "$(jq -c '[.FromImage, .Docker.config.Cmd, .Docker.architecture, .Capabilities, .ConfigureNetwork]' <<<"$output")" \
		'["localhost/busybox:latest",["sh"],"'"$(jq -r .OCIv1.architecture <<<"$output")"'",["CAP_CHOWN"],"NetworkDefault"]'
	assert_eq "$(jq -c '[.NamespaceOptions[] | select(.Host) | .Name]' <<<"$output")" '["ipc"]'
	assert_eq "$(jq -c '.IDMappingOptions | [.HostUIDMapping, .AutoUserNs, .UIDMap[0].container_id]' <<<"$output")" '[false,true,0]'
	assert_eq "$(jq -r '.ImageAnnotations["org.opencontainers.image.base.name"]' <<<"$output")" localhost/busybox:latest
	run -0 buildah inspect --format '{{.FromImageDigest}}' seen
	assert_like "$output" '^sha256:[0-9a-f]{64}$'
	run -0 buildah unshare sh -c '
		b() { "$T/bin/buildah" --root "$T/root" --runroot "$T/run" "$@"; }
		T=$1
		m=$(b mount seen) && b mount && b mount --json && b umount seen >/dev/null && b mount' sh "$T"
	assert_like "${lines[0]}" "^seen $T/root/containers/.*/merged$"
	assert_eq "$(tail -n +2 <<<"$output" | jq -r '.[0].container')" seen
}
