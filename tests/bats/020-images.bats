#!/usr/bin/env bats
# run-bats: leaks
# images, rmi, import, load, image inspect on a local store.

load helpers

test_setup() {
	load_busybox
}

@test "images: the table" {
	run -0 pm images
	assert_like "${lines[0]}" '^REPOSITORY +TAG +IMAGE ID +CREATED +SIZE$'
	assert_like "${lines[1]}" '^localhost/busybox +latest +[0-9a-f]{12} +(Less than a second|[0-9]+ seconds?|About a minute) ago +[0-9.]+ MB$'
	assert_eq "${#lines[@]}" 2
	run -0 pm images --noheading
	assert_eq "${#lines[@]}" 1
	run -0 pm images --digests
	assert_like "${lines[0]}" 'TAG +DIGEST +IMAGE ID'
	assert_like "${lines[1]}" 'sha256:[0-9a-f]{64}'
}

@test "images: ids" {
	run -0 pm images -q
	assert_like "$output" '^[0-9a-f]{12}$'
	short=$output
	run -0 pm images -q --no-trunc
	assert_like "$output" "^sha256:$short[0-9a-f]{52}\$"
	run -0 pm images --format '{{.ID}} {{.Id}}'
	assert_like "$output" "^$short $short[0-9a-f]{52}\$"
}

@test "images: templates, json" {
	run -0 pm images --format '{{.Repository}}:{{.Tag}}'
	assert_eq "$output" "$IMAGE"
	run -0 pm images --format 'table {{.Tag}} {{.Repository}}'
	assert_like "${lines[0]}" '^TAG +REPOSITORY$'
	run -0 pm images --format json
	assert_eq "$(jq -r '.[0].Names[0]' <<<"$output")" "$IMAGE"
	assert_eq "$(jq -r '.[0].Containers' <<<"$output")" 0
	run -125 pm images --format '{{.Nope}}'
	assert_error 125 "template: images:1:2: executing"
	run -0 pm rmi -a
	run -0 pm images --format json
	assert_eq "$output" "[]"
}

@test "images: filters and order" {
	pm import -q -c LABEL=kind=second -c 'LABEL other=x' "$PM_TEST_FIXTURES/busybox.tar" localhost/second:2 >/dev/null
	run -0 pm images -f reference=second --format '{{.Repository}}'
	assert_eq "$output" localhost/second
	run -0 pm images -f 'reference=*/b*' --format '{{.Repository}}'
	assert_eq "$output" localhost/busybox
	run -0 pm images second --format '{{.Tag}}'
	assert_eq "$output" 2
	run -0 pm images -f label=other=x --format '{{.Tag}}'
	assert_eq "$output" 2
	run -0 pm images -f label=nope -q
	assert_eq "$output" ""
	run -0 pm images -f since=busybox --format '{{.Tag}}'
	assert_eq "$output" 2
	run -0 pm images -f before=second:2 --format '{{.Tag}}'
	assert_eq "$output" latest
	run -0 pm images -f dangling=true -q
	assert_eq "$output" ""
	run -0 pm images --sort repository --format '{{.Repository}}'
	assert_eq "$output" "localhost/busybox
localhost/second"
	run -125 pm images -f nope=x
	assert_error 125 'unsupported image filter "nope"'
	run -125 pm images -f dangling=x
	assert_error 125 'non-boolean value "x" for dangling filter'
	run -125 pm images --sort nope
	assert_error 125 '"nope" is not a valid field for sorting'
}

@test "rmi: by name, by id, missing, in use" {
	id=$(pm images -q --no-trunc) id=${id#sha256:}
	run -1 pm rmi nosuch
	assert_eq "$output" "Error: nosuch: image not known"
	run -0 pm rmi -i nosuch
	assert_eq "$output" ""
	run -125 pm rmi
	assert_error 125 "image name or ID must be specified"
	run -125 pm rmi -a x
	run -0 pm create --name user "$IMAGE" true
	run -2 pm rmi "$IMAGE"
	assert_error 2 "image used by [0-9a-f]{64}: image is in use by a container"
	run -0 pm rmi -f "$id"
	assert_eq "$output" "Untagged: $IMAGE
Deleted: $id"
	run -0 pm ps -aq
	assert_eq "$output" ""
	# the layers went as well
	assert_eq "$(find "$T/root/layers" -mindepth 1 -maxdepth 1 2>/dev/null)" ""
}

@test "rmi: one of several names only untags" {
	pm import -q "$PM_TEST_FIXTURES/busybox.tar" localhost/a:1 >/dev/null
	run -1 pm rmi localhost/a:1 nosuch
	assert_like "$output" "Untagged: localhost/a:1"
	assert_like "$output" "Error: nosuch: image not known"
	run -0 pm images -q
	assert_eq "${#lines[@]}" 1
}

@test "import: changes, standard input, bad input" {
	run -0 pm import -q -c 'CMD ["echo","hi"]' -c ENV=A=b -c 'WORKDIR /tmp' -m note - localhost/x:1 <"$PM_TEST_FIXTURES/busybox.tar"
	assert_like "$output" '^sha256:[0-9a-f]{64}$'
	run -0 pm image inspect -f '{{.Config.Cmd}} {{.Config.WorkingDir}} {{.Comment}}' x:1
	assert_eq "$output" "[echo hi] /tmp note"
	run -125 pm import -c NOPE=1 "$PM_TEST_FIXTURES/busybox.tar"
	run -125 pm import /nope
	assert_like "$output" "/nope"
	run -125 pm import https://example.com/x.tar
	assert_error 125 "import of https://example.com/x.tar: pm does not fetch files"
	head -c 3000 /dev/urandom >"$T/garbage"
	before=$(find "$T/root" | sort)
	run -125 pm import "$T/garbage" localhost/g:1
	run -0 pm images -q
	assert_eq "${#lines[@]}" 2
}

@test "load: an OCI layout as archive, bad input" {
	tar -C "$PM_TEST_FIXTURES/oci" -cf "$T/image.tar" .
	run -0 pm load -q -i "$T/image.tar"
	assert_like "$output" '^Loaded image: '
	run -0 pm load -q <"$T/image.tar"
	assert_like "$output" '^Loaded image: '
	run -125 pm load -i /nope
	assert_eq "$output" "Error: stat /nope: No such file or directory"
	run -125 pm load -q -i "$PM_TEST_FIXTURES/busybox.tar"
	head -c 100000 "$T/image.tar" >"$T/cut.tar"
	run -125 pm load -q -i "$T/cut.tar"
	assert_error 125 ""
}

@test "image inspect: json and templates" {
	run -0 pm image inspect "$IMAGE"
	assert_eq "$(jq -r '.[0].RepoTags[0]' <<<"$output")" "$IMAGE"
	assert_eq "$(jq -r '.[0].RootFS.Layers | length' <<<"$output")" 1
	run -0 pm inspect --type image -f '{{.Os}}' busybox
	assert_eq "$output" linux
	run -125 pm image inspect nosuch
	assert_eq "$output" "[]
Error: inspecting object: nosuch: image not known"
	run -125 pm inspect nosuch
	assert_eq "$output" "[]
Error: inspecting object: no such object: \"nosuch\""
	run -125 pm inspect
	assert_error 125 "no names or ids specified"
}

@test "completion offers images and containers" {
	pm create --name mybox "$IMAGE" true >/dev/null
	run -0 --separate-stderr pm __complete --root "$T/root" --runroot "$T/run" rmi localhost/
	assert_like "${lines[0]}" "^$IMAGE"
	run -0 --separate-stderr pm __complete --root "$T/root" --runroot "$T/run" rm my
	assert_like "${lines[0]}" "^mybox"
	run -0 --separate-stderr pm __complete --root "$T/root" --runroot "$T/run" images --sort=re
	assert_eq "${lines[0]}" "repository"
	run -0 --separate-stderr pm __complete --root "$T/root" load -i ''
	assert_eq "${lines[0]}" ":0"
	run -0 --separate-stderr pm __complete run -
	assert_like "$output" "--rm"
}

@test "info: yaml, json, templates" {
	run -0 pm info
	assert_like "$output" '^host:
  arch: '
	run -0 pm info -f json
	assert_eq "$(jq -r .store.graphRoot <<<"$output")" "$T/root"
	assert_eq "$(jq -r .store.imageStore.number <<<"$output")" 1
	assert_eq "$(jq -r .host.security.rootless <<<"$output")" true
	run -0 pm info --format '{{.Host.OCIRuntime.Name}}'
	assert_eq "$output" crun
	run -0 pm --runtime runc info --format '{{.Host.OCIRuntime.Name}}'
	assert_eq "$output" runc
	for backend in file journald none; do
		run -0 pm --events-backend "$backend" info --format '{{.Host.EventLogger}}'
		[ "$output" = "$backend" ]
	done
	run -0 pm system info --format '{{.Store.GraphRoot}}'
	assert_eq "$output" "$T/root"
}

@test "system reset: asks, then removes everything" {
	pm run -d --name runs --network none "$IMAGE" sleep 100 >/dev/null
	run -0 bash -c "echo n | '$PM_BIN' --root '$T/root' --runroot '$T/run' system reset"
	assert_like "$output" "Are you sure you want to continue"
	run -0 pm ps -q
	assert_eq "${#lines[@]}" 1
	run -0 pm system reset -f
	assert_eq "$(find "$T/root" "$T/run" -mindepth 1 2>/dev/null)" ""
	run -0 pm images -q
	assert_eq "$output" ""
}

@test "system reset: of a damaged store" {
	for i in 1 2 3; do echo "no database" ; done >"$T/root/pm.db"
	rm -f "$T/root/pm.db-wal" "$T/root/pm.db-shm"
	run -125 pm images
	run -0 pm system reset -f
	run -0 pm images -q
	assert_eq "$output" ""
}
