#!/usr/bin/env bats
# system check: what is damaged is found, removed with --repair, and nothing else.

load helpers

test_setup() {
	load_busybox
	pm import -q -c LABEL=a=b "$PM_TEST_FIXTURES/busybox.tar" localhost/two:1 >/dev/null
	# an image whose layer is its own
	mkdir "$T/other"
	echo other >"$T/other/f"
	ln -s f "$T/other/s"
	mkdir "$T/other/d"
	tar -C "$T/other" --owner=0 --group=0 -cf "$T/other.tar" .
	pm import -q "$T/other.tar" localhost/other:1 >/dev/null
	LAYER=$(layer_of busybox)
	OTHER=$(layer_of other:1)
}

layer_of() {
	pm image inspect -f '{{index .RootFS.Layers 0}}' "$1" | cut -d: -f2
}

@test "nothing is wrong with a good store" {
	pm create --name c -v v:/v busybox true >/dev/null
	run -0 pm system check
	assert_eq "$output" "No damage detected"
	run -0 pm system check --quick
	assert_eq "$output" "No damage detected"
	run -0 pm system check --repair --force --max 0
	assert_eq "$output" "No damage detected"
	run -0 pm images -q
	assert_eq "${#lines[@]}" 3
	run -125 pm system check --force
	assert_error 125 "--force is for --repair"
}

@test "a layer's file with other content; only its images go" {
	# of the same size and times, as a bad disk leaves it
	touch -r "$T/root/layers/$LAYER/diff/etc/issue" "$T/ref"
	sed -i s/busybox/busyb0x/ "$T/root/layers/$LAYER/diff/etc/issue"
	touch -r "$T/ref" "$T/root/layers/$LAYER/diff/etc/issue"
	run -0 pm system check --quick
	run -125 pm system check
	assert_like "$output" "Damage detected in layer $LAYER: its files have the diff id sha256:[0-9a-f]{64}, not sha256:$LAYER"
	assert_eq "$(grep -c "Damage detected in image [0-9a-f]*: its layer ${LAYER:0:12} is damaged" <<<"$output")" 2
	assert_like "$output" "damage detected in local storage: --repair removes what is damaged"
	run -0 pm system check --repair
	assert_eq "$(grep -c '^Deleted image' <<<"$output")" 2
	assert_like "$output" "Deleted layer $LAYER"
	run -0 pm images --format '{{.Repository}}'
	assert_eq "$output" localhost/other
	run -0 pm system check
	assert_eq "$(ls "$T/root/layers")" "$OTHER"
	# it can be had again
	load_busybox
	run -0 pm run --rm --network none busybox cat /etc/issue
}

@test "a layer's file: longer, gone, of another type; a symlink elsewhere" {
	diff=$T/root/layers/$OTHER/diff
	cp -a "$diff" "$T/saved"
	again() { rm -rf "$diff"; cp -a "$T/saved" "$diff"; }
	echo more >>"$diff/f"
	run -125 pm system check
	assert_like "$output" "layer $OTHER: 'f' has 11 bytes, not 6"
	again
	rm "$diff/f"
	run -125 pm system check
	assert_like "$output" "Damage detected in layer $OTHER: .*f"
	again
	rmdir "$diff/d"
	run -125 pm system check
	assert_like "$output" "layer $OTHER: 'd' is missing"
	again
	rmdir "$diff/d"
	echo x >"$diff/d"
	run -125 pm system check
	assert_like "$output" "layer $OTHER: 'd' is of another type"
	again
	ln -sfn /etc/passwd "$diff/s"
	run -125 pm system check
	assert_like "$output" "layer $OTHER: symlink 's' leads elsewhere"
	again
	run -0 pm system check
}

@test "a layer's directory is missing: nothing fails for it, repair removes what needs it" {
	pm create --name c busybox true >/dev/null
	rm -rf "$T/root/layers/$LAYER"
	run pm start c
	assert_error 125 'a layer is missing \("pm system check --repair" removes what needs it, then pull the image again\)'
	pm create --name d other:1 true >/dev/null
	pm unshare rm -rf "$T/root/containers/$(pm inspect -f '{{.Id}}' d)"
	run pm start d
	assert_error 125 "the container.s files are gone \(remove it with pm rm\)"
	pm rm d
	run -0 pm images -q
	assert_eq "${#lines[@]}" 3
	run -0 pm ps -aq
	run -0 pm system df
	run -125 pm system check --quick
	assert_like "$output" "Damage detected in layer $LAYER: its directory is missing"
	# in use: not without force
	run -125 pm system check --quick --repair
	assert_like "$output" "Not repaired: image [0-9a-f]{64}: containers use it: --force removes them too"
	assert_like "$output" "damage in local storage could not be repaired entirely"
	run -0 pm ps -aq
	assert_eq "${#lines[@]}" 1
	run -0 pm system check --quick --repair --force
	run -0 pm ps -aq
	assert_eq "$output" ""
	run -0 pm images --format '{{.Repository}}'
	assert_eq "$output" localhost/other
	run -0 pm system check
	assert_eq "$output" "No damage detected"
}

@test "a container's and a volume's directory are missing" {
	id=$(pm create --name c -v v:/v busybox true)
	pm create --name keep busybox true >/dev/null
	rm -rf "$T/root/containers/$id" "$T/root/volumes/v"
	run -125 pm system check --quick
	assert_like "$output" "Damage detected in container $id: its directory containers/$id/upper is missing"
	assert_like "$output" "Damage detected in volume v: its directory $T/root/volumes/v/_data is missing"
	run -125 pm system check --quick --repair
	assert_like "$output" "Made volume v again, empty"
	assert_like "$output" "Not repaired: container $id: --force removes it"
	run -0 pm system check --quick --repair --force
	assert_like "$output" "Deleted container $id"
	run -0 pm ps -a --format '{{.Names}}'
	assert_eq "$output" keep
}

@test "directories that belong to nothing" {
	mkdir -p "$T/root/layers/$(printf '%064d' 7)/diff" "$T/root/containers/$(printf '%064d' 8)/upper" "$T/root/volumes/lost/_data"
	echo mine >"$T/root/volumes/lost/_data/f"
	run -125 pm system check --quick
	assert_eq "$(grep -c 'it belongs to nothing' <<<"$output")" 3
	run -125 pm system check --quick --repair
	assert_eq "$(grep -c '^Deleted directory' <<<"$output")" 2
	# files of a user are not deleted
	assert_like "$output" "Not repaired: directory volumes/lost: it is not empty"
	assert_eq "$(cat "$T/root/volumes/lost/_data/f")" mine
	rm -rf "$T/root/volumes/lost"
	run -0 pm system check --quick
}

@test "layers without a recipe are counted, not condemned" {
	rm "$T/root/layers/$LAYER/recipe"
	run -0 pm system check
	assert_eq "${lines[0]}" "1 of 2 layers cannot be compared with what was pulled: they were stored without a recipe"
	assert_eq "${lines[1]}" "No damage detected"
}
