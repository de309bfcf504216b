#!/usr/bin/env bats
# tag, untag, image exists, rmi and prune with parents and children, filters of images.

load helpers

test_setup() {
	load_busybox
}

# layout_child LAYOUT NEW STEP: a layout whose image is LAYOUT's with one more step of history and label.
layout_child() {
	local from=$1 to=$2 step=$3 m c
	cp -r "$from" "$to"
	m=$to/blobs/sha256/$(jq -r '.manifests[0].digest' "$to/index.json" | cut -d: -f2)
	c=$to/blobs/sha256/$(jq -r .config.digest "$m" | cut -d: -f2)
	jq -c --arg s "$step" '.history += [{"created":"2024-01-03T00:00:00Z","created_by":$s,"empty_layer":true}]
		| .config.Labels[$s] = "1" | .created = "2024-01-03T00:00:00Z"' "$c" >"$to/c"
	c=$(sha256sum <"$to/c" | cut -d' ' -f1)
	mv "$to/c" "$to/blobs/sha256/$c"
	jq -c --arg d "sha256:$c" --argjson n "$(stat -c %s "$to/blobs/sha256/$c")" \
		'.config.digest = $d | .config.size = $n' "$m" >"$to/m"
	m=$(sha256sum <"$to/m" | cut -d' ' -f1)
	mv "$to/m" "$to/blobs/sha256/$m"
	jq -c --arg d "sha256:$m" --argjson n "$(stat -c %s "$to/blobs/sha256/$m")" \
		'.manifests[0].digest = $d | .manifests[0].size = $n' "$to/index.json" >"$to/i"
	mv "$to/i" "$to/index.json"
}

# Four generations as a build leaves them: only the first and the last have names. $BASE $STEP1 $STEP2 $LAST
family() {
	local i
	layout_child "$PM_TEST_FIXTURES/oci" "$T/l1" one
	layout_child "$T/l1" "$T/l2" two
	layout_child "$T/l2" "$T/l3" three
	BASE=sha256:$(pm pull -q "oci:$PM_TEST_FIXTURES/oci")
	STEP1=sha256:$(pm pull -q "oci:$T/l1")
	STEP2=sha256:$(pm pull -q "oci:$T/l2")
	LAST=sha256:$(pm pull -q "oci:$T/l3")
	for i in "$BASE" "$STEP1" "$STEP2" "$LAST"; do pm untag "$i"; done
	pm tag "$BASE" base
	pm tag "$LAST" last
}

@test "tag: names, several at once, a name moves" {
	run -0 pm tag busybox foo quay.io/x/y:2
	assert_eq "$output" ""
	run -0 pm images --sort repository --format '{{.Repository}}:{{.Tag}}'
	assert_eq "$output" "localhost/busybox:latest
localhost/foo:latest
quay.io/x/y:2"
	other=$(pm import -q -c LABEL=a=b "$PM_TEST_FIXTURES/busybox.tar")
	run -0 pm tag "$other" foo
	run -0 pm image inspect -f '{{.Id}}' foo
	assert_eq "sha256:$output" "$other"
	run -125 pm tag nosuch x
	assert_error 125 "nosuch: image not known"
	run -125 pm tag busybox good 'BAD NAME'
	run -1 pm image exists good
	run -125 pm tag busybox "x@sha256:$(printf '%064d' 1)"
	assert_error 125 "has a digest"
	run -125 pm tag busybox
	assert_error 125 "requires at least 2 arg"
}

@test "untag: one, all, what is no name of it" {
	pm tag busybox xa b:1 quay.io/c/c:2
	run -125 pm untag busybox xa nosuch
	assert_error 125 "localhost/nosuch:latest: tag not known"
	run -0 pm image exists xa
	run -0 pm untag busybox xa c/c:2
	run -1 pm image exists xa
	run -1 pm image exists quay.io/c/c:2
	run -0 pm untag busybox
	run -0 pm images --format '{{.Repository}} {{.Tag}}'
	assert_eq "$output" "<none> <none>"
	run -125 pm untag nosuch
	assert_error 125 "nosuch: image not known"
}

@test "image exists" {
	run -0 pm image exists busybox
	assert_eq "$output" ""
	run -0 pm image exists "$(pm images -q)"
	run -1 pm image exists nosuch
	assert_eq "$output" ""
	run -125 pm image exists
}

@test "ids: short ones, ambiguous ones" {
	id=$(pm images -q --no-trunc) id=${id#sha256:}
	run -0 pm image inspect -f '{{.Id}}' "${id:0:4}"
	assert_eq "$output" "$id"
	# images until two ids begin with the same digit: at most 17
	i=0
	while digit=$(pm images -q | cut -c1 | sort | uniq -d | head -1) && [ -z "$digit" ]; do
		i=$((i + 1))
		[ $i -le 17 ] || fail "no two of 17 digits are the same"
		pm import -q -c "LABEL=n=$i" "$PM_TEST_FIXTURES/busybox.tar" >/dev/null
	done
	before=$(pm images -q | wc -l)
	run -125 pm rmi "$digit"
	assert_error 125 "more than one image has an id that begins so"
	run -125 pm tag "$digit" x
	run -125 pm image exists "$digit"
	assert_eq "$(pm images -q | wc -l)" "$before"
}

@test "images --history: names it had, the latest first" {
	pm tag busybox one
	pm tag busybox two
	pm untag busybox one
	run -0 pm images --history
	assert_like "${lines[0]}" 'SIZE +HISTORY$'
	assert_like "${lines[1]}" 'localhost/two:latest, localhost/one:latest, localhost/busybox:latest$'
	run -0 pm image inspect -f '{{.NamesHistory}} {{.RepoTags}}' two
	assert_eq "$output" "[localhost/two:latest localhost/one:latest localhost/busybox:latest] [localhost/busybox:latest localhost/two:latest]"
	run -0 pm images --format json
	assert_eq "$(jq -r '.[0].History[0]' <<<"$output")" localhost/two:latest
}

@test "rmi: by id with several names, by digest" {
	id=$(pm images -q --no-trunc) id=${id#sha256:}
	digest=$(pm image inspect -f '{{.Digest}}' busybox)
	pm tag busybox two
	run -125 pm rmi "${id:0:12}"
	assert_error 125 "unable to delete image \"$id\" by ID with more than one tag \(\[localhost/busybox:latest localhost/two:latest\]\): please force removal"
	run -125 pm rmi "localhost/two@$digest"
	assert_error 125 "more than one tag"
	run -0 pm rmi -f "${id:0:12}"
	assert_eq "$output" "Untagged: localhost/busybox:latest
Untagged: localhost/two:latest
Deleted: $id"
}

@test "a family: parents are found, intermediate images are hidden" {
	family
	run -0 pm image inspect -f '{{.Parent}}' last
	assert_eq "sha256:$output" "$STEP2"
	run -0 pm image inspect -f '{{.Parent}}' "$STEP1"
	assert_eq "sha256:$output" "$BASE"
	run -0 pm images --sort repository --format '{{.Repository}}'
	assert_eq "$output" "localhost/base
localhost/busybox
localhost/last"
	run -0 pm images -a -q
	assert_eq "${#lines[@]}" 5
	run -0 pm images -f dangling=true -q
	assert_eq "$output" ""
	run -0 pm images -a -f intermediate=true -q --no-trunc
	assert_eq "$(sort <<<"$output")" "$(printf '%s\n' "$STEP1" "$STEP2" | sort)"
	run -0 pm image prune -f
	assert_eq "$output" ""
}

@test "rmi: dangling parents go as well, but not with --no-prune, not those in use" {
	family
	run -0 pm rmi last
	assert_eq "$output" "Untagged: localhost/last:latest
Deleted: ${LAST#sha256:}
Deleted: ${STEP2#sha256:}
Deleted: ${STEP1#sha256:}"
	run -0 pm image exists base

	LAST=sha256:$(pm pull -q "oci:$T/l3")
	pm pull -q "oci:$T/l2" >/dev/null
	pm untag "$STEP2"
	run -0 pm rmi --no-prune "$LAST"
	run -0 pm images -f dangling=true -q --no-trunc
	assert_eq "$output" "$STEP2"

	LAST=sha256:$(pm pull -q "oci:$T/l3")
	pm create --name user "$STEP2" true
	run -0 pm rmi "$LAST"
	assert_eq "${lines[-1]}" "Deleted: ${LAST#sha256:}"
	run -0 pm image prune -f
	assert_eq "$output" ""
	pm rm user
	run -0 pm image prune -f
	assert_eq "sha256:$output" "$STEP2"
}

@test "rmi: a named parent and one with other children stay" {
	family
	layout_child "$T/l1" "$T/o2" other
	pm pull -q "oci:$T/o2" >/dev/null
	run -0 pm rmi last
	assert_eq "${lines[-1]}" "Deleted: ${STEP2#sha256:}"
	run -0 pm image exists "$STEP1"
}

@test "image prune: asks, dangling, --all, filters, in use" {
	family
	run -0 bash -c "echo n | '$PM_BIN' --root '$T/root' --runroot '$T/run' image prune"
	assert_like "$output" "WARNING! This command removes all dangling images."
	run -0 bash -c "echo n | '$PM_BIN' --root '$T/root' --runroot '$T/run' image prune -a"
	assert_like "$output" "images without at least one container associated with them"
	pm untag last
	run -125 pm image prune -f --filter foo=1
	assert_error 125 'unsupported image filter "foo"'
	run -0 pm image prune -f --filter label=nope
	assert_eq "$output" ""
	run -0 bash -c "echo y | '$PM_BIN' --root '$T/root' --runroot '$T/run' image prune 2>/dev/null"
	assert_eq "$output" "${LAST#sha256:}
${STEP2#sha256:}
${STEP1#sha256:}"
	pm create --name user busybox true
	run -0 pm image prune -af --filter until=1h
	assert_eq "sha256:$output" "$BASE"
	run -0 pm image prune -af
	assert_eq "$output" ""
	pm rm user
	run -0 pm image prune -af
	assert_like "$output" '^[0-9a-f]{64}$'
	assert_eq "$(ls "$T/root/layers")" ""
}

@test "images: more filters" {
	family
	pm create --name user busybox true
	run -0 pm images -f containers=true --format '{{.Repository}}'
	assert_eq "$output" localhost/busybox
	run -0 pm images -f containers=false -q
	assert_eq "${#lines[@]}" 2
	run -125 pm images -f containers=x
	assert_error 125 'unsupported value "x" for containers filter'
	run -0 pm images -f 'label!=three' --sort repository --format '{{.Repository}}'
	assert_eq "$output" "localhost/base
localhost/busybox"
	run -0 pm images -f 'reference!=last' -q
	assert_eq "${#lines[@]}" 2
	run -0 pm images -f until=2024-01-02T12:00:00Z --format '{{.Repository}}'
	assert_eq "$output" localhost/base
	run -0 pm images -f after=base -f before=busybox --format '{{.Repository}}'
	assert_eq "$output" localhost/last
	run -0 pm images -f readonly=true -q
	assert_eq "$output" ""
	run -0 pm images -f manifest=false -q
	assert_eq "${#lines[@]}" 3
	run -0 pm images -f reference=base -f reference=last -q
	assert_eq "${#lines[@]}" 2
	run -125 pm images -f reference
	assert_error 125 "invalid image filter"
}

@test "a removed layer's directory fails no listing and no removal" {
	family
	pm create --name user busybox true
	layer=$(ls "$T/root/layers" | head -1)
	rm -rf "$T/root/layers/$layer"
	for i in "$T"/root/layers/*; do rm -rf "$i"; done
	run -0 pm images -a
	run -0 pm ps -a
	run -0 pm image inspect busybox
	run -0 pm inspect user
	run -0 pm rm user
	run -0 pm image prune -af
	run -0 pm images -aq
	assert_eq "$output" ""
}
