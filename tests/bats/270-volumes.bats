#!/usr/bin/env bats
# pm volume, and volumes in containers.

load helpers

test_setup() {
	load_busybox
}

runc_() { # -v ... CMD: a container without network
	pm run --rm --network none "$@"
}

@test "create, exists, ls, inspect, rm" {
	assert_eq "$(pm volume create -l a=b -l c v1)" v1
	assert_like "$(pm volume create)" '^[0-9a-f]{64}$'
	pm volume exists v1
	run -1 pm volume exists nope
	run pm volume create v1
	assert_error 125 'volume with name v1 already exists: volume already exists'
	assert_eq "$(pm volume create --ignore v1)" v1
	run pm volume create 'a b'
	assert_error 125 'names must match \[a-zA-Z0-9\]\[a-zA-Z0-9_.-\]\*'
	run pm volume create -d nosuch v2
	assert_error 125 'required plugin missing'

	assert_eq "$(pm volume ls --filter label=a=b --format '{{.Driver}} {{.Name}} {{.Scope}} {{.Labels}}')" \
		'local v1 local map[a:b c:]'
	assert_like "$(pm volume ls --filter name=v1)" $'^DRIVER +VOLUME NAME\nlocal +v1$'
	assert_eq "$(pm volume ls -q --filter name=v1)" v1
	assert_eq "$(pm volume ls --filter name=nothing)" ''
	assert_eq "$(pm volume ls --filter name=nothing --format json)" '[]'
	run pm volume ls --filter foo=b
	assert_error 125 '"foo" is an invalid volume filter'

	[ "$(pm volume inspect v1 | jq -r '.[0] | .Name, .Driver, .Scope, .Mountpoint, .Labels.a, (.Options | length), .MountCount, .NeedsCopyUp, .NeedsChown' | tr '\n' ' ')" = \
		"v1 local local $T/root/volumes/v1/_data b 0 0 true true " ]
	run pm volume inspect nope
	assert_error 125 'inspecting object: no such volume nope'

	# the beginning of a name is enough where it is the only one
	pm volume create v1x
	assert_eq "$(pm volume inspect -f '{{.Name}}' v1)" v1
	pm volume create other
	assert_eq "$(pm volume rm oth)" other
	run pm volume rm v
	assert_error 125 'more than one result for volume name "v"'
	run pm volume rm nope
	assert_error 1 'no volume with name "nope" found: no such volume'
	pm volume rm -a
	assert_eq "$(pm volume ls -q)" ''
}

@test "filters and prune leave what is used" {
	pm volume create -l keep=no a
	pm volume create -l keep=yes b
	pm volume create used
	pm create --name c -v used:/x "$IMAGE"
	assert_eq "$(pm volume ls -q --filter dangling=false)" used
	assert_eq "$(pm volume ls -q --filter dangling=true | sort | tr '\n' ' ')" 'a b '
	assert_eq "$(pm volume ls -q --filter until=1h)" ''
	assert_eq "$(pm volume ls -q --filter since=a | tr '\n' ' ')" 'b used '
	assert_eq "$(pm volume prune -f --filter label!=keep=yes --filter label=keep)" a
	run pm volume prune <<<n
	assert_like "$output" 'WARNING! .*'$'\n''b'
	assert_eq "$(pm volume prune -f)" b
	run pm volume rm used
	assert_error 2 'volume used is being used by the following container\(s\): [0-9a-f]{64}: volume is being used'
	pm rm c
	pm volume rm used
}

@test "events tell of volumes" {
	pm --events-backend file volume create v
	pm --events-backend file volume rm v
	assert_eq "$(pm --events-backend file events --stream=false --filter type=volume --format '{{.Status}} {{.Name}}' | tr '\n' ' ')" 'create v remove v '
}

@test "rm -f takes the containers along" {
	pm run -d --network none --name c -v v:/x "$IMAGE" sleep 1000
	pm volume rm -f -t 0 v
	assert_eq "$(pm ps -aq)" ''
	[ ! -e "$T/root/volumes/v" ]
}

@test "a fresh volume takes over what the image has, once" {
	runc_ -v v:/etc "$IMAGE" sh -c 'rm /etc/passwd; echo new >/etc/mine'
	assert_eq "$(runc_ -v v:/mnt "$IMAGE" sh -c 'cat /mnt/mine; ls /mnt/passwd 2>&1')" \
		$'new\nls: /mnt/passwd: No such file or directory'
	# emptied on purpose: it is not filled again
	runc_ -v v:/mnt "$IMAGE" sh -c 'rm -rf /mnt/*'
	assert_eq "$(runc_ -v v:/etc "$IMAGE" ls -A /etc | grep -c mine)" 0
	assert_eq "$(pm volume inspect -f '{{.NeedsCopyUp}}' v 2>&1 | grep -c true)" 0
	assert_eq "$(runc_ -v n:/etc:nocopy "$IMAGE" ls /etc | grep -c passwd)" 0
	pm volume create -o nocopy o
	assert_eq "$(runc_ -v o:/etc "$IMAGE" ls /etc | grep -c passwd)" 0
}

@test "a fresh volume belongs to the container's user, unless it has an owner" {
	assert_eq "$(runc_ -u 12:34 -v v:/new "$IMAGE" stat -c %u:%g /new)" 12:34
	pm volume create -o o=uid=5,gid=7 owned
	assert_eq "$(runc_ -u 12:34 -v owned:/new "$IMAGE" stat -c %u:%g /new)" 5:7
	assert_eq "$(pm volume inspect -f '{{.UID}} {{.GID}} {{.Options}}' owned)" '5 7 map[GID:7 UID:5 o:uid=5,gid=7]'
}

@test "a tmpfs volume is shared by those who run, and gone with the last" {
	pm volume create -o type=tmpfs -o device=tmpfs -o o=size=1m,nodev t
	pm run -d --network none --name a -v t:/t "$IMAGE" sh -c 'echo hi >/t/x; sleep 1000'
	wait_for pm exec a test -e /t/x
	assert_eq "$(runc_ -v t:/t "$IMAGE" cat /t/x)" hi
	assert_like "$(runc_ -v t:/t "$IMAGE" df /t | tail -1)" '^tmpfs +1024 '
	assert_eq "$(pm volume inspect -f '{{.MountCount}}' t)" 1
	assert_eq "$(pm volume export t | tar xO ./x)" hi
	# nothing of it is mounted for others
	! grep -F "$T/" /proc/self/mountinfo
	pm rm -ft0 a
	assert_eq "$(runc_ -v t:/t "$IMAGE" ls -A /t)" ''
	assert_eq "$(pm volume inspect -f '{{.MountCount}}' t)" 0
}

@test "a bind volume is the directory; what needs root is refused" {
	mkdir "$T/dir"
	echo there >"$T/dir/f"
	pm volume create -o o=bind,ro -o device="$T/dir" b
	assert_eq "$(runc_ -v b:/b "$IMAGE" cat /b/f)" there
	run runc_ -v b:/b "$IMAGE" touch /b/new
	assert_like "$output" 'Read-only file system'
	pm volume create -o type=bind -o device="$T/gone" g
	run runc_ -v g:/b "$IMAGE" true
	assert_error 125 "$T/gone.*No such file"
	run pm volume create -o type=nfs -o device=host:/x n
	assert_error 125 'cannot mount volumes of type nfs without root privileges'
	run pm volume create -o o=size=1m s
	assert_error 125 'volume options size and inodes not supported: only root of the host can set Project Quota'
	run pm volume create -o foo=bar x
	assert_error 125 "invalid mount option foo for driver 'local'"
	run pm volume create -o o=bind x
	assert_error 125 'device=DIRECTORY'
	assert_eq "$(pm volume ls -q | tr '\n' ' ')" 'b g '
}

@test "driver image: the image's files, and what is changed stays in the volume" {
	run pm volume create -d image -o image=nosuch i
	assert_error 125 'nosuch: image not known'
	run pm volume create -d image i
	assert_error 125 'must provide an image name'
	pm volume create -d image -o image="$IMAGE" i
	runc_ -v i:/i "$IMAGE" sh -c 'test -x /i/bin/sh && echo kept >/i/new && rm /i/etc/passwd'
	assert_eq "$(runc_ -v i:/i "$IMAGE" sh -c 'cat /i/new; ls /i/etc/passwd 2>&1 | grep -c No')" $'kept\n1'
	pm volume export i | tar t | grep -qx ./new
	# the image is held by it
	run pm rmi "$IMAGE"
	assert_error 2 'image is in use'
	pm volume rm i
	pm rmi "$IMAGE"
}

@test "export and import, also compressed, with owners and links" {
	runc_ -v v:/v "$IMAGE" sh -c 'cd /v; mkdir d; echo 1 >d/f; ln d/f h; ln -s d/f s; chown 12:34 d; mkfifo p; chmod 750 d'
	pm volume export -o "$T/v.tar" v
	pm volume create w
	pm volume import w "$T/v.tar"
	assert_eq "$(runc_ -v w:/v "$IMAGE" sh -c 'cd /v; cat s; stat -c "%n %u:%g %a" d; test d/f -ef h && test -p p && echo same')" \
		$'1\nd 12:34 750\nsame'
	gzip -c "$T/v.tar" | pm volume import w -
	echo junk >"$T/junk"
	run pm volume import w "$T/junk"
	assert_error 125 'import into volume w'
	run pm volume import nope "$T/v.tar"
	assert_error 125 'no such volume nope'
	# stays inside, whatever the archive says
	mkdir "$T/evil" && ln -s "$T" "$T/evil/out" && tar cf "$T/evil.tar" -C "$T/evil" out
	mkdir "$T/evil2" "$T/evil2/out" && echo bad >"$T/evil2/out/escaped" && tar rf "$T/evil.tar" -C "$T/evil2" out/escaped
	run pm volume import w "$T/evil.tar"
	[ ! -e "$T/escaped" ]
	printf 'x' >"$T/esc" && tar cPf "$T/dots.tar" --transform 's,.*,../../../escaped,' "$T/esc"
	run pm volume import w "$T/dots.tar"
	assert_error 125 'outside'
	[ ! -e "$T/root/volumes/escaped" ]
}

@test "mount, unmount, reload" {
	pm volume create v
	assert_eq "$(pm volume mount v)" "$T/root/volumes/v/_data"
	assert_eq "$(pm volume unmount v)" v
	pm volume create -o type=tmpfs t
	run pm volume mount t
	assert_error 125 'without root privileges: do it inside of `pm unshare`'
	assert_eq "$(pm volume reload)" ''
}

@test "anonymous volumes go with their container" {
	id=$(pm run -d --network none -v /data "$IMAGE" sleep 1000)
	vol=$(pm volume ls -q --filter anonymous=true)
	assert_like "$vol" '^[0-9a-f]{64}$'
	assert_eq "$(pm volume inspect -f '{{.Anonymous}}' "$vol")" true
	pm rm -ft0 "$id"
	pm volume exists "$vol" # rm without -v keeps it, as Podman does
	pm volume rm "$vol"
	id=$(pm create -v /data "$IMAGE")
	pm rm -v "$id"
	runc_ -v /data "$IMAGE" true
	assert_eq "$(pm volume ls -q)" ''
}

@test "a volume's copy-up follows no symlink and overwrites nothing (CVE-2020-1726)" {
	mkdir "$T/victim"
	echo precious >"$T/victim/passwd"
	runc_ -v v:/mnt "$IMAGE" true
	# what a container may leave in a volume
	runc_ -v w:/mnt "$IMAGE" ln -s "$T/victim/passwd" /mnt/passwd
	runc_ -v w:/etc "$IMAGE" true
	assert_eq "$(cat "$T/victim/passwd")" precious
	assert_eq "$(runc_ -v w:/mnt "$IMAGE" readlink /mnt/passwd)" "$T/victim/passwd"
}
