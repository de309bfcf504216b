#!/usr/bin/env bats
# unshare, image mount and unmount, system df.

load helpers

test_setup() {
	load_busybox
}

# A script inside of unshare; $P is pm with this test's store.
inside() {
	P="$PM_BIN --root $T/root --runroot $T/run" PM_TIMEOUT=60 pm unshare sh -c "$1"
}

@test "unshare: root of the containers' user namespace, with the store's places" {
	run -0 pm unshare id -u
	assert_eq "$output" 0
	run -0 pm unshare sh -c 'echo "$CONTAINERS_GRAPHROOT $CONTAINERS_RUNROOT $_CONTAINERS_ROOTLESS_UID"'
	assert_eq "$output" "$T/root $T/run $(id -u)"
	run -0 pm unshare cat /proc/self/uid_map
	assert_like "${lines[0]}" "^ +0 +$(id -u) +1$"
	assert_like "${lines[1]}" "^ +1 +[0-9]+ +65536$"
	# files of subordinate ids can be made and removed
	run -0 pm unshare sh -c "touch $T/f && chown 5:5 $T/f && stat -c %u $T/f && rm $T/f"
	assert_eq "$output" 5
	# its mounts are its own
	run -0 pm unshare sh -c "mkdir $T/m && mount -t tmpfs t $T/m && touch $T/m/x"
	assert_eq "$(ls "$T/m")" ""
}

@test "unshare: exit codes, what is not there, a terminal's shell" {
	run -7 pm unshare sh -c 'exit 7'
	run -127 pm unshare nosuchcommand
	assert_error 127 'exec: "nosuchcommand": executable file not found in \$PATH'
	run -0 env SHELL=/bin/sh bash -c "echo 'id -u' | '$PM_BIN' --root '$T/root' --runroot '$T/run' unshare"
	assert_eq "$output" 0
}

@test "unshare: joins the namespace of running containers" {
	pm run -d --name c --network none "$IMAGE" sleep 100 >/dev/null
	run -0 pm unshare readlink /proc/self/ns/user
	assert_eq "$output" "$(readlink "/proc/$(container_pid c)/ns/user")"
	# and pm works inside
	run -0 inside '$P ps --format "{{.Names}}"; $P rm -f -t 0 c'
	assert_eq "$output" "c
c"
}

@test "unshare: run and exec of containers inside, seen and used from outside" {
	run -0 inside '$P run --rm --network none '"$IMAGE"' sh -c "id -u; ulimit -n"'
	assert_eq "${lines[0]}" 0
	run -0 inside '$P run -d --name in --network none '"$IMAGE"' sleep 100 >/dev/null && $P exec in echo there'
	assert_eq "$output" there
	run -0 pm exec in echo outside
	assert_eq "$output" outside
	run -0 pm run -d --name out --network none "$IMAGE" sleep 100
	run -0 inside '$P exec out echo inside; $P rm -f -t 0 in out'
	assert_eq "$output" "inside
in
out"
	# what the user may not, root of the namespace may not either
	run -125 inside '$P run --rm --network none --ulimit nofile=99999999 '"$IMAGE"' true'
	assert_error 125 "above what this user may set"
}

@test "image mount: refused outside, with what to do" {
	run -125 pm image mount
	assert_error 125 'cannot run command "pm image mount" in rootless mode, must execute `pm unshare` first'
	run -125 pm image unmount busybox
	assert_error 125 'must execute `pm unshare` first'
}

@test "image mount: read-only, listed, gone with unshare" {
	run -0 inside 'm=$($P image mount busybox) && cat $m/etc/issue && ! touch $m/x 2>/dev/null && $P image mount'
	assert_eq "${lines[0]}" "busybox out of a pm test image"
	assert_like "${lines[1]}" "^$IMAGE  $T/run/images/[0-9a-f]{64}$"
	run -0 inside '$P image mount; $P image mount --format json'
	assert_eq "$output" "[]"
	run -0 inside 'a=$($P image mount busybox); b=$($P image mount busybox); [ $a = $b ] && $P image mount --format json'
	assert_eq "$(jq -r '.[0].Repositories[0]' <<<"$output")" "$IMAGE"
}

@test "image mount: several, --all; unmount" {
	pm import -q -c LABEL=a=b "$PM_TEST_FIXTURES/busybox.tar" localhost/two:1 >/dev/null
	run -0 inside '$P image mount busybox two:1; echo --; $P image unmount two:1; echo --; $P image mount'
	assert_eq "$(grep -c " $T/run/images/" <<<"$output")" 3
	assert_like "$output" $'--\n[0-9a-f]{64}\n--\nlocalhost/busybox:latest  '
	run -0 inside '$P image mount -a | wc -l; $P image unmount -a | wc -l; $P image mount'
	assert_eq "$output" "2
2"
	run -125 inside '$P image unmount busybox'
	assert_error 125 "is not mounted"
	run -125 inside '$P image mount nosuch'
	assert_error 125 "nosuch: image not known"
	run -125 inside '$P image mount -a busybox'
	assert_error 125 "when using the --all switch"
	run -125 inside '$P image unmount'
	assert_error 125 "image name or ID must be specified"
}

@test "image mount: whiteouts of an upper layer hide" {
	mkdir -p "$T/w/etc"
	touch "$T/w/etc/.wh.issue"
	tar -C "$T/w" -cf "$T/w.tar" .
	layout_add_layer "$PM_TEST_FIXTURES/oci" "$T/two" "$T/w.tar"
	id=$(pm pull -q "oci:$T/two")
	run -0 inside 'm=$($P image mount '"$id"') && ls $m/etc'
	assert_eq "$output" "group
passwd"
}

# layout_add_layer LAYOUT NEW TAR: a layout whose image has TAR on top.
layout_add_layer() {
	local from=$1 to=$2 tar=$3 m c l
	cp -r "$from" "$to"
	m=$to/blobs/sha256/$(jq -r '.manifests[0].digest' "$to/index.json" | cut -d: -f2)
	c=$to/blobs/sha256/$(jq -r .config.digest "$m" | cut -d: -f2)
	l=$(sha256sum <"$tar" | cut -d' ' -f1)
	cp "$tar" "$to/blobs/sha256/$l"
	jq -c --arg d "sha256:$l" '.rootfs.diff_ids += [$d]' "$c" >"$to/c"
	c=$(sha256sum <"$to/c" | cut -d' ' -f1)
	jq -c --arg l "sha256:$l" --argjson ln "$(stat -c %s "$tar")" --arg d "sha256:$c" --argjson n "$(stat -c %s "$to/c")" \
		'.config.digest = $d | .config.size = $n
		| .layers += [{mediaType:"application/vnd.oci.image.layer.v1.tar",digest:$l,size:$ln}]' "$m" >"$to/m"
	mv "$to/c" "$to/blobs/sha256/$c"
	m=$(sha256sum <"$to/m" | cut -d' ' -f1)
	jq -c --arg d "sha256:$m" --argjson n "$(stat -c %s "$to/m")" \
		'.manifests[0].digest = $d | .manifests[0].size = $n' "$to/index.json" >"$to/i"
	mv "$to/m" "$to/blobs/sha256/$m"
	mv "$to/i" "$to/index.json"
}

@test "system df: shared layers count once" {
	run -0 pm system df
	assert_like "${lines[0]}" '^TYPE +TOTAL +ACTIVE +SIZE +RECLAIMABLE$'
	one=$(pm system df --format '{{.RawSize}}' | head -1)
	assert_eq "$one" "$(stat -c %s "$PM_TEST_FIXTURES/busybox.tar")"
	pm import -q -c LABEL=a=b "$PM_TEST_FIXTURES/busybox.tar" localhost/two:1 >/dev/null
	run -0 pm system df --format '{{.Type}}|{{.Total}}|{{.Active}}|{{.RawSize}}|{{.RawReclaimable}}'
	assert_eq "${lines[0]}" "Images|2|0|$one|$one"
	# one with a container holds what both share
	pm create --name c busybox true >/dev/null
	run -0 pm system df --format '{{.Type}}|{{.Total}}|{{.Active}}|{{.RawSize}}|{{.RawReclaimable}}'
	assert_eq "${lines[0]}" "Images|2|1|$one|0"
	run -0 pm system df --format json
	assert_eq "$(jq -r '.[0].Type + " " + .[0].Reclaimable' <<<"$output")" "Images 0B (0%)"
	run -125 pm system df -v --format json
	assert_error 125 "cannot combine --format and --verbose"
}

@test "system df: what containers and volumes have written, also as another id" {
	pm run --name c --network none -v vol:/v busybox \
		sh -c 'head -c 100000 /dev/zero >/v/a; mkdir -m 700 /d; head -c 30000 /dev/zero >/d/f; chown -R 5:5 /d'
	run -0 pm system df --format '{{.Type}}|{{.Total}}|{{.Active}}|{{.RawSize}}|{{.RawReclaimable}}'
	assert_eq "${lines[1]}" "Containers|1|0|30000|30000"
	assert_eq "${lines[2]}" "Local Volumes|1|1|100000|0"
	run -0 pm system df -v
	assert_like "$output" 'REPOSITORY +TAG +IMAGE ID +CREATED +SIZE +SHARED SIZE +UNIQUE SIZE +CONTAINERS'
	assert_like "$output" $'\nlocalhost/busybox +latest +[0-9a-f]{12} +.* +0B +[0-9.]+MB +1\n'
	assert_like "$output" $'CONTAINER ID +IMAGE +COMMAND +LOCAL VOLUMES +SIZE +CREATED +STATUS +NAMES\n'
	assert_like "$output" '[0-9a-f]{12} +[0-9a-f]{12} +sh -c .* +1 +30kB +.* +exited +c'
	assert_like "$output" $'VOLUME NAME +LINKS +SIZE\nvol +1 +100kB'
	pm rm c
	run -0 pm system df --format '{{.RawSize}} {{.RawReclaimable}}'
	assert_eq "${lines[2]}" "100000 100000"
}
