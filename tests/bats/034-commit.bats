#!/usr/bin/env bats
# run-bats: leaks
# Images out of containers and what they changed: commit, diff, export, history, image tree.

load helpers

podman_() {
	XDG_RUNTIME_DIR=$T/xdg timeout --foreground -k 5 120 podman --root "$T/podman" --runroot "$T/podrun" \
		--storage-driver vfs --cgroup-manager cgroupfs "$@"
}

test_setup() {
	mkdir -p "$T/xdg"
	load_busybox
}

test_teardown() {
	[ -d "$T/podman" ] || return 0
	podman_ unshare rm -rf "$T/podman"
	kill -9 "$(cat "$T/xdg/libpod/tmp/pause.pid")"
}

# A stopped container with every kind of change, called c.
changed_container() {
	pm run --name c --network none -e FOO=bar "$IMAGE" sh -ec '
		mkdir -p /new/deep /etc/sub
		head -c 100000 /dev/urandom >/new/file
		ln /new/file /new/hard
		ln -s file /new/soft
		chmod 4750 /new/file
		chown 5:6 /new/deep
		mkfifo /new/fifo
		echo changed >/etc/passwd
		rm /etc/issue
		rm -r /var/www && mkdir /var/www && echo only >/var/www/only
		truncate -s 5M /new/sparse && echo end >>/new/sparse
		sha256sum /new/file | cut -c-64'
}

@test "commit a stopped container: the changes, the config, the history" {
	sum=$(changed_container)
	run -0 --separate-stderr pm commit -a "A. Author" -m "why it was made" -c 'CMD ["cat", "/etc/passwd"]' \
		-c 'LABEL a=b' --iidfile "$T/iid" c app:v1
	assert_like "$output" '^[0-9a-f]{64}$'
	assert_eq "$(cat "$T/iid")" "$output"
	assert_like "$stderr" 'Writing manifest to image destination'
	run -0 pm run --rm --network none app:v1
	assert_eq "$output" changed
	run -0 pm run --rm --network none app:v1 sh -ec '
		sha256sum /new/file | cut -c-64; stat -c "%a %h" /new/file; stat -c "%u:%g" /new/deep
		readlink /new/soft; ls -A /var/www; ls -A /etc/issue 2>/dev/null || echo gone
		stat -c "%s" /new/sparse; test -p /new/fifo && echo fifo; echo $FOO'
	assert_eq "$output" "$sum
4750 2
5:6
file
only
gone
5242884
fifo
bar"
	run -0 pm image inspect app:v1
	assert_eq "$(jq -r '.[0].Author' <<<"$output")" "A. Author"
	assert_eq "$(jq -r '.[0].Config.Labels.a' <<<"$output")" b
	assert_eq "$(jq -r '.[0].RootFS.Layers | length' <<<"$output")" 2
	assert_eq "$(pm history --format '{{.Comment}}' app:v1 | head -1)" "why it was made"
	# the hole did not become bytes
	[ "$(pm image inspect app:v1 | jq '.[0].Size')" -lt $((4 << 20)) ]
}

@test "a committed image is pushed, and podman reads it" {
	changed_container >/dev/null
	start_registry
	id=$(pm commit -q c localhost/app:v1)
	pm push -q --tls-verify=false app:v1 "$REGISTRY/app:v1"
	pm save -q -o "$T/app.tar" app:v1
	podman_ load -q -i "$T/app.tar" >/dev/null
	assert_eq "$(podman_ images -q --no-trunc localhost/app:v1 | sed 's/^sha256://')" "$id"
	podman_ unshare sh -ec 'm=$(podman --root '"$T/podman --runroot $T/podrun"' --storage-driver vfs image mount localhost/app:v1)
		test "$(cat "$m/etc/passwd")" = changed; test ! -e "$m/etc/issue"; test "$(ls -A "$m/var/www")" = only
		test "$(stat -c "%a %h" "$m/new/file")" = "4750 2"; test "$(stat -c %u:%g "$m/new/deep")" = 5:6
		cmp "$m/new/file" "$m/new/hard"; test "$(stat -c %s "$m/new/sparse")" = 5242884'
	podman_ rmi -af >/dev/null
	podman_ pull -q --tls-verify=false "$REGISTRY/app:v1" >/dev/null
	assert_eq "$(podman_ images -q --no-trunc | sed 's/^sha256://')" "$id"
	# and back into pm
	pm rm -f c >/dev/null
	pm rmi -f app:v1 >/dev/null
	assert_eq "$(pm pull -q --tls-verify=false "$REGISTRY/app:v1")" "$id"
}

@test "commit a running container, squashed, as docker's format, with volumes" {
	pm run -d --name r --network none -v "$T:/mnt/host" -v vol:/data "$IMAGE" sh -c 'echo up >/up; exec sleep 1000' >/dev/null
	wait_for sh -c "grep -q up <(\"$PM_BIN\" --root $T/root --runroot $T/run exec r cat /up)" 2>/dev/null ||
		wait_for pm exec r test -s /up
	pm commit -q r run:v1 >/dev/null
	run -0 pm run --rm --network none run:v1 cat /up
	assert_eq "$output" up
	assert_eq "$(pm inspect -f '{{.State.Status}}' r)" running
	pm commit -q -s --include-volumes -f docker -m comment r run:squashed >/dev/null
	run -0 pm image inspect run:squashed
	assert_eq "$(jq -r '.[0].RootFS.Layers | length' <<<"$output")" 1
	assert_eq "$(jq -r '.[0].Config.Volumes | keys | join(",")' <<<"$output")" /data,/mnt/host
	assert_eq "$(jq -r '.[0].ManifestType' <<<"$output")" application/vnd.docker.distribution.manifest.v2+json
	run -0 pm run --rm --network none run:squashed sh -c 'cat /up; busybox true && ls /bin | wc -l'
	assert_like "$output" '^up'
	pm rm -f -t 0 r >/dev/null
}

@test "commit: what is refused" {
	pm create --name c --network none "$IMAGE" true >/dev/null
	run -125 pm commit -q c Bad:Name:x
	run -125 pm commit -q -c 'NOSUCH x' c x
	assert_error 125 'NOSUCH'
	run -125 pm commit -q -f tar c x
	run -125 pm commit -q nosuch x
	assert_error 125 'no container with name or ID "nosuch" found'
	mkdir "$T/rootfs"
	pm create --name own --network none --rootfs "$T/rootfs" true >/dev/null
	run -125 pm commit -q own x
	assert_error 125 'made from no image'
	assert_eq "$(pm images -q | wc -l)" 1
	# a container that never ran makes an image as well
	pm commit -q c never >/dev/null
	run -0 pm run --rm --network none never echo yes
	assert_eq "$output" yes
}

@test "diff of containers and images" {
	changed_container >/dev/null
	run -0 pm diff c
	assert_eq "$output" "C /etc
D /etc/issue
C /etc/passwd
A /etc/sub
A /new
A /new/deep
A /new/fifo
A /new/file
A /new/hard
A /new/soft
A /new/sparse
C /var
C /var/www
A /var/www/only"
	assert_eq "$(pm container diff c)" "$output"
	assert_eq "$(pm diff -l)" "$output"
	run -0 pm diff --format json c
	assert_eq "$(jq -c . <<<"$output" | cut -c-61)" '{"changed":["/etc","/etc/passwd","/var","/var/www"],"added":['
	assert_eq "$(jq -c .deleted <<<"$output")" '["/etc/issue"]'
	pm commit -q c app:v1 >/dev/null
	# an image to its parent, to another image, and a container to an image
	assert_eq "$(pm diff app:v1 | grep -v /var)" "$(pm diff c | grep -v /var)"
	assert_eq "$(pm image diff app:v1 "$IMAGE" | grep -c /new)" 7
	assert_eq "$(pm diff "$IMAGE" app:v1 | grep /new)" "D /new"
	assert_eq "$(pm diff c app:v1)" ""
	pm create --name fresh --network none "$IMAGE" >/dev/null
	assert_eq "$(pm diff fresh)" ""
	run -125 pm diff nosuch
	assert_error 125 'nosuch not found'
	run -125 pm diff --format yaml c
	assert_error 125 "only supported value"
	run -125 pm diff
}

@test "export: stopped and running, to a file and standard output, and import again" {
	changed_container >/dev/null
	pm export -o "$T/c.tar" c
	pm export c | cmp - "$T/c.tar"
	tar -tf "$T/c.tar" >"$T/list"
	grep -qx new/file "$T/list"
	grep -qx var/www/only "$T/list"
	grep -qx bin/busybox "$T/list"
	! grep -q 'issue$\|\.wh\.' "$T/list"
	assert_eq "$(tar -xOf "$T/c.tar" etc/passwd)" changed
	pm import -q "$T/c.tar" again >/dev/null
	run -0 pm run --rm --network none again sh -c 'stat -c "%a %h" /new/file; stat -c %u:%g /new/deep; ls -A /var/www'
	assert_eq "$output" "4750 2
5:6
only"
	pm run -d --name r --network none "$IMAGE" sh -c 'echo up >/up; exec sleep 1000' >/dev/null
	wait_for pm exec r test -s /up
	assert_eq "$(pm export r | tar -xOf - up)" up
	pm rm -f -t 0 r >/dev/null
	run -125 pm export -o "$T/a:b" c
	assert_error 125 "should not contain ':'"
	run -125 pm export -o "$T/no/dir" c
	run -125 pm export nosuch
	assert_eq "$(ls "$T" | grep -c '^c\.tar')" 1
}

@test "history and image tree" {
	pm create --name c --network none -e X=1 "$IMAGE" sh >/dev/null
	one=$(pm commit -q -m first c one:v1)
	pm create --name d --network none one:v1 sh >/dev/null
	two=$(pm commit -q -m second d two:v1)
	base=$(pm images -q --no-trunc "$IMAGE" | cut -c8-)
	run -0 pm history two:v1
	assert_like "${lines[0]}" '^ID +CREATED +CREATED BY +SIZE +COMMENT$'
	assert_like "${lines[1]}" "^${two:0:12} .* second"
	assert_like "${lines[2]}" "^${one:0:12} .* first"
	assert_like "${lines[3]}" "^${base:0:12} "
	assert_eq "$(pm history -q --no-trunc two:v1)" "$two
$one
$base"
	run -0 pm history --format json two:v1
	assert_eq "$(jq -r '.[0].tags[0], .[0].comment, .[0].id' <<<"$output")" "localhost/two:v1
second
$two"
	assert_like "$(pm history --human=false --format '{{.Created}} {{.Size}}' two:v1 | tail -1)" '^20[0-9-]+T[0-9:.]+Z [0-9]+$'
	run -0 pm image tree two:v1
	assert_eq "${lines[0]}" "Image ID: ${two:0:12}"
	assert_eq "${lines[1]}" "Tags:     [localhost/two:v1]"
	assert_like "${lines[4]}" "^├── ID: [0-9a-f]{12} Size: .* Top Layer of: \[$IMAGE\]$"
	assert_like "${lines[6]}" "^└── ID: [0-9a-f]{12} Size: .* Top Layer of: \[localhost/two:v1\]$"
	pm create --name e --network none "$IMAGE" sh >/dev/null
	pm cp "$T/root/pm.db" e:/other
	pm commit -q e other:v1 >/dev/null
	run -0 pm image tree --whatrequires "$IMAGE"
	assert_like "${lines[4]}" "^└── ID: .*$IMAGE"
	assert_like "$output" '    ├── ID: '
	assert_like "$output" "Top Layer of: \[localhost/other:v1\]"
	run -125 pm history nosuch
	assert_error 125 "nosuch: image not known"
	run -125 pm image tree nosuch
}
