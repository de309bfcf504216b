#!/usr/bin/env bats
# -v, --mount, --tmpfs, --volumes-from, --image-volume, --rootfs.

load helpers

test_setup() {
	load_busybox
	mkdir "$T/dir"
	echo there >"$T/dir/f"
}

run_() {
	pm run --rm --network none "$@"
}

# Options of the mount at a path, as the container sees it.
options_of() {
	echo "awk '\$5 == \"$1\" {o = \$6 \" \" \$7} END {print o}' /proc/self/mountinfo"
}

@test "-v: access, flags and propagation" {
	assert_eq "$(run_ -v "$T/dir:/x" "$IMAGE" sh -c 'cat /x/f; echo new >/x/g')" there
	assert_eq "$(cat "$T/dir/g")" new
	run run_ -v "$T/dir:/x:ro" "$IMAGE" touch /x/h
	assert_like "$output" 'Read-only file system'
	assert_like "$(run_ -v "$T/dir:/x:noexec,nosuid,nodev" "$IMAGE" sh -c "$(options_of /x)")" 'nosuid,nodev,noexec'
	assert_eq "$(run_ -v "$T/dir:/x:rslave" "$IMAGE" cat /x/g)" new
	for bad in ':/x:incorrect volume format' "$T/dir:x:must be an absolute path" "$T/dir:/x:ro,rw:contradicts" \
		"$T/dir:/x:nope:invalid mount option \"nope\"" "$T/dir:/:not the root" "$T/dir:/x:z,Z:contradicts" \
		"$T/dir:/x:size=1m:invalid mount option"; do
		run pm create -v "${bad%:*}" "$IMAGE"
		assert_error 125 "${bad##*:}"
	done
	assert_eq "$(pm ps -aq)" ''
	assert_eq "$(run_ -v "$T/dir:/x:nocopy" "$IMAGE" cat /x/f)" there
	run run_ -v "$T/missing:/x" "$IMAGE" true
	assert_error 125 "statfs $T/missing: No such file or directory"
	[ ! -e "$T/missing" ]
	run run_ -v "$T/dir:/x" -v v:/x "$IMAGE" true
	assert_error 125 '/x: duplicate mount destination'
}

@test "-v U: the files are given to the container's user" {
	run_ -u 12:34 -v "$T/dir:/x:U" "$IMAGE" sh -c 'stat -c %u:%g /x /x/f; rm /x/f'
	[ ! -e "$T/dir/f" ]
	# back, or the test could not remove it
	run_ -v "$T/dir:/x:U" "$IMAGE" true
	ln -s / "$T/slash"
	for dangerous in / /etc /usr "$T/slash"; do
		run run_ -v "$dangerous:/x:U" "$IMAGE" true
		assert_error 125 'chowning host path "[a-z/]*" is not allowed'
	done
	# a tmpfs is made the user's
	assert_eq "$(run_ -u 12:34 --tmpfs /x:U --mount type=tmpfs,target=/y,U "$IMAGE" stat -c %u:%g /x /y | tr '\n' ' ')" '12:34 12:34 '
}

@test "-v to /dev: nothing else is mounted into it" {
	run run_ -v "$T/dir:/dev" "$IMAGE" true
	[ ! -e "$T/dir/pts" ] && [ ! -e "$T/dir/mqueue" ]
	assert_eq "$(run_ -v /dev:/dev "$IMAGE" sh -c 'grep -c " /dev/pts devpts .*newinstance\| /dev/mqueue mqueue" /proc/mounts' | head -1)" \
		"$(grep -c ' /dev/mqueue mqueue' /proc/mounts)"
	assert_eq "$(run_ -v /dev:/dev --init "$IMAGE" cat /proc/1/comm)" podman-init
}

@test "-v O: what is changed stays out of the directory, and is gone at the next start" {
	pm create --network none --name c -v "$T/dir:/x:O" "$IMAGE" sh -c 'ls /x; echo changed >/x/f; rm -f /x/gone; touch /x/new; cat /x/f'
	for _ in 1 2; do
		assert_eq "$(pm start -a c | tr '\n' ' ')" 'f changed '
	done
	assert_eq "$(cat "$T/dir/f") $(ls "$T/dir")" 'there f'
	pm rm c
	mkdir "$T/up" "$T/work"
	run_ -v "$T/dir:/x:O,upperdir=$T/up,workdir=$T/work" "$IMAGE" touch /x/kept
	assert_eq "$(run_ -v "$T/dir:/x:O,upperdir=$T/up,workdir=$T/work" "$IMAGE" ls /x | tr '\n' ' ')" 'f kept '
	[ -e "$T/up/kept" ]
	run run_ -v "$T/dir:/x:O,upperdir=$T/up" "$IMAGE" true
	assert_error 125 'must specify both upperdir and workdir'
	run run_ -v "$T/dir:/x:O,ro" "$IMAGE" true
	assert_error 125 "can't use 'O' together with 'ro'"
	# over a volume
	run_ -v v:/v "$IMAGE" sh -c 'echo 1 >/v/f'
	run_ -v v:/v:O "$IMAGE" sh -c 'cat /v/f && echo 2 >/v/f'
	assert_eq "$(run_ -v v:/v "$IMAGE" cat /v/f)" 1
	# whose owner and mode it keeps
	run_ -u 12:34 -v mine:/v "$IMAGE" chmod 0700 /v
	assert_eq "$(run_ -u 12:34 -v mine:/v:O "$IMAGE" sh -c 'touch /v/f && stat -c %u:%g:%a /v')" 12:34:700
	run_ -v /v:O "$IMAGE" true 2>/dev/null || true
	rm -rf "$T/work" 2>/dev/null || run_ -v "$T:/t" "$IMAGE" rm -rf /t/work
}

@test "--mount: every type" {
	assert_eq "$(run_ --mount type=bind,src="$T/dir",dst=/x,ro "$IMAGE" sh -c 'cat /x/f; touch /x/y 2>&1')" \
		$'there\ntouch: /x/y: Read-only file system'
	assert_eq "$(run_ --mount type=bind,source="$T/dir/f",target=/x/file,readonly=false "$IMAGE" cat /x/file)" there
	run_ --mount type=volume,src=v,dst=/v "$IMAGE" sh -c 'mkdir -p /v/a/b; echo deep >/v/a/b/f; ln -s /a/b /v/link; ln -s ../../../../etc /v/up'
	assert_eq "$(run_ --mount type=volume,src=v,dst=/v,subpath=a/b "$IMAGE" cat /v/f)" deep
	# a subpath's symlinks stay in the volume
	assert_eq "$(run_ --mount type=volume,src=v,dst=/v,volume-subpath=link "$IMAGE" cat /v/f)" deep
	run run_ --mount type=volume,src=v,dst=/v,subpath=up "$IMAGE" ls /v
	assert_error 125 "open 'up': No such file"
	run run_ --mount type=volume,src=v,dst=/v,subpath=none "$IMAGE" true
	assert_error 125 "open 'none': No such file"
	assert_eq "$(run_ --mount dst=/anon "$IMAGE" ls /anon)" ''
	run_ --mount type=volume,src=t,dst=/t,volume-opt=type=tmpfs,volume-opt=o=size=1m,volume-label=x=y "$IMAGE" sh -c 'df /t | grep -q "tmpfs *1024 "'
	assert_eq "$(pm volume inspect -f '{{.Options}} {{.Labels}}' t)" 'map[SIZE:1m o:size=1m type:tmpfs] map[x:y]'
	assert_like "$(run_ --mount type=tmpfs,dst=/t,tmpfs-size=2m,tmpfs-mode=1700 "$IMAGE" sh -c 'df /t | tail -1; stat -c %a /t')" $'tmpfs +2048 .*\n1700'
	assert_like "$(run_ --mount type=ramfs,dst=/r "$IMAGE" sh -c 'stat -f -c %T /r')" 'ramfs|tmpfs|UNKNOWN'
	assert_like "$(run_ --mount type=devpts,dst=/dev/pts,mode=0640 "$IMAGE" sh -c "$(options_of /dev/pts); stat -c %a /dev/pts/ptmx")" '.'
	run run_ --mount type=artifact,src=x,dst=/x "$IMAGE" true
	assert_error 125 'no OCI artifacts'
	for bad in 'type=foo,dst=/x:invalid filesystem type "foo"' 'type=bind,dst=/x:must set a source' 'type=tmpfs:must set a mount destination' \
		'type=tmpfs,dst=/x,src=/y:src: invalid mount option' 'type=bind,src=/,dst=/x,foo=1:foo: invalid mount option' \
		'type=bind,src=/,dst=/x,relabel=foo:must be shared or private' 'type=bind,src=/,dst=x:must be an absolute path'; do
		run pm create --mount "${bad%%:*}" "$IMAGE"
		assert_error 125 "${bad#*:}"
	done
}

@test "--mount type=image: read-only, or changes thrown away; the image is held" {
	assert_eq "$(run_ --mount type=image,src="$IMAGE",dst=/i "$IMAGE" sh -c 'test -x /i/bin/sh && touch /i/x 2>&1')" \
		'touch: /i/x: Read-only file system'
	run_ --mount type=image,src="$IMAGE",dst=/i,rw=true "$IMAGE" sh -c 'touch /i/x && rm /i/etc/passwd'
	assert_eq "$(run_ --mount type=image,src="$IMAGE",dst=/e,subpath=etc "$IMAGE" sh -c 'ls /e | grep -c passwd')" 1
	run run_ --mount type=image,src=nosuch,dst=/i "$IMAGE" true
	assert_error 125 'nosuch: image not known'
	pm import -q "$PM_TEST_FIXTURES/busybox.tar" localhost/other >/dev/null
	pm create --name c --mount type=image,src=localhost/other,dst=/i "$IMAGE" true
	run pm rmi localhost/other
	assert_error 2 'image is in use by a container'
	pm rm c
	pm rmi localhost/other
}

@test "--mount type=glob" {
	echo 2 >"$T/dir/f2"
	assert_eq "$(run_ --mount "type=glob,src=$T/dir/f*,dst=/g,ro" "$IMAGE" sh -c 'cat /g/f /g/f2')" $'there\n2'
	assert_eq "$(run_ --mount "type=glob,src=$T/dir/f2" "$IMAGE" cat "$T/dir/f2")" 2
	run run_ --mount "type=glob,src=$T/dir/x*,dst=/g" "$IMAGE" true
	assert_error 125 'no file paths matching glob'
}

@test "--tmpfs: options, and the image's files below it" {
	assert_like "$(run_ --tmpfs /t:size=1m,mode=1755,noexec "$IMAGE" sh -c "df /t | tail -1; stat -c %a /t; $(options_of /t)")" \
		$'tmpfs +1024 .*\n1755\n.*noexec'
	assert_eq "$(run_ --tmpfs /etc "$IMAGE" sh -c 'ls /etc | grep -c passwd')" 1
	assert_eq "$(run_ --tmpfs /etc:notmpcopyup "$IMAGE" sh -c 'ls /etc | grep -c passwd')" 0
}

@test "--volumes-from" {
	pm create --name data -v vol:/v -v "$T/dir:/x:ro" -v /anon --tmpfs /t "$IMAGE" true
	run_ -v vol:/v "$IMAGE" sh -c 'echo data >/v/f'
	assert_eq "$(run_ --volumes-from data "$IMAGE" sh -c 'cat /v/f /x/f; touch /x/y 2>&1; ls -d /anon; ls -d /t 2>&1 | grep -c No')" \
		$'data\nthere\ntouch: /x/y: Read-only file system\n/anon\n1'
	run run_ --volumes-from data:ro "$IMAGE" touch /v/x
	assert_like "$output" 'Read-only file system'
	# one's own comes first
	assert_eq "$(run_ --volumes-from data -v other:/v "$IMAGE" ls /v)" ''
	run run_ --volumes-from nosuch "$IMAGE" true
	assert_error 125 'no container with name or ID "nosuch"'
	run run_ --volumes-from data:foo "$IMAGE" true
	assert_error 125 "can only specify 'ro', 'rw', 'z' and 'Z'"
	pm rm -v data
	pm volume exists vol
}

@test "volumes of the image: anonymous, tmpfs, ignore" {
	pm import -q --change 'VOLUME /etc' --change 'CMD ["sh"]' "$PM_TEST_FIXTURES/busybox.tar" localhost/vol >/dev/null
	assert_like "$(run_ localhost/vol sh -c "$(options_of /etc)")" 'rw'
	assert_eq "$(run_ localhost/vol sh -c 'ls /etc | grep -c passwd')" 1
	assert_like "$(run_ --image-volume tmpfs localhost/vol stat -f -c %T /etc)" tmpfs
	assert_eq "$(run_ --image-volume ignore localhost/vol sh -c "$(options_of /etc)")" ''
	assert_eq "$(run_ -v "$T/dir:/etc" localhost/vol cat /etc/f)" there
	assert_eq "$(pm volume ls -q)" ''
}

@test "--read-only with volumes and tmpfs" {
	assert_eq "$(run_ --read-only -v v:/v -v "$T/dir:/x" --tmpfs /new "$IMAGE" sh -c 'touch /v/a /x/a /new/a /tmp/a /run/a; touch /a 2>&1')" \
		'touch: /a: Read-only file system'
}

@test "--rootfs PATH and PATH:O" {
	mkdir "$T/rootfs"
	tar x -C "$T/rootfs" -f "$PM_TEST_FIXTURES/busybox.tar"
	run_ --rootfs "$T/rootfs:O" sh -c 'echo x >/new; rm /etc/passwd'
	[ ! -e "$T/rootfs/new" ] && [ -e "$T/rootfs/etc/passwd" ]
	pm create --network none --name c --rootfs "$T/rootfs:O" sh -c 'ls /kept 2>/dev/null; touch /kept'
	assert_eq "$(pm start -a c)" ''
	assert_eq "$(pm start -a c)" /kept
	pm cp c:/kept "$T/kept"
	pm rm c
	run_ --rootfs "$T/rootfs" sh -c 'echo x >/new'
	assert_eq "$(cat "$T/rootfs/new")" x
	run run_ --rootfs "$T/rootfs:idmap" true
	assert_error 125 'idmap'
	run run_ --rootfs "$T/rootfs:foo" true
	assert_error 125 'unknown option "foo"'
}

@test "a target that is a symlink in the image leads nowhere outside" {
	mkdir "$T/evil" "$T/victim"
	tar x -C "$T/evil" -f "$PM_TEST_FIXTURES/busybox.tar"
	ln -s "$T/victim" "$T/evil/data"
	ln -s ../../../../../../../../../../..$T/victim "$T/evil/up"
	tar c -C "$T/evil" . | pm import -q --change 'CMD ["sh"]' - localhost/evil >/dev/null
	assert_eq "$(run_ -v "$T/dir:/data" localhost/evil cat /data/f)" there
	run_ -v fresh:/data/sub localhost/evil touch /data/sub/x
	run_ -v fresh2:/up/sub2 --tmpfs /up/t localhost/evil touch /up/sub2/x
	assert_eq "$(ls -A "$T/victim")" ''
}
