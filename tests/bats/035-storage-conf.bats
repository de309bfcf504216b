#!/usr/bin/env bats
# storage.conf(5), and additional image stores that are only read.

load helpers

# Another pm's store, with the image "shared", that nobody writes to any more.
test_setup() {
	other import -q -c LABEL=from=other "$PM_TEST_FIXTURES/busybox.tar" localhost/shared:1 >/dev/null
	chmod -R a-w "$T/other"
}

test_teardown() {
	chmod -R u+w "$T/other"
	other system reset -f >/dev/null
}

other() {
	timeout 60 "$PM_BIN" --root "$T/other" --runroot "$T/other-run" "$@"
}

with() {
	pm --storage-opt "imagestore=$T/other" "$@"
}

state_of_other() {
	find "$T/other" -printf '%p %m %s %T@ %C@\n' | sort
}

@test "an additional store: listed as read-only, inspected, run; never changed" {
	load_busybox
	before=$(state_of_other)
	run -0 pm images --format '{{.Repository}}'
	assert_eq "$output" localhost/busybox
	run -0 with images --sort repository
	assert_like "${lines[0]}" 'SIZE +R/O$'
	assert_like "${lines[1]}" '^localhost/busybox .* false$'
	assert_like "${lines[2]}" '^localhost/shared +1 .* true$'
	run -0 with images -f readonly=true --format '{{.Repository}} {{.ReadOnly}}'
	assert_eq "$output" "localhost/shared true"
	run -0 with image inspect -f '{{.Config.Labels.from}}' shared:1
	assert_eq "$output" other
	run -0 with run --rm --network none shared:1 cat /etc/issue
	assert_eq "$output" "busybox out of a pm test image"
	id=$(with images -q shared:1)
	run -0 with run --rm --network none "$id" sh -c 'echo x >/new; cat /new'
	assert_eq "$output" x
	assert_eq "$(state_of_other)" "$before"
}

@test "an additional store: its images are not removed, tagged or pruned" {
	before=$(state_of_other)
	run -125 with rmi shared:1
	assert_error 125 "image shared:1 is in a read-only store: cannot remove it"
	run -125 with rmi -f shared:1
	run -125 with tag shared:1 mine
	assert_error 125 "read-only store: its names cannot be changed"
	run -125 with untag shared:1
	run -0 with image prune -af
	assert_eq "$output" ""
	run -0 with rmi -a
	assert_eq "$output" ""
	run -0 with system check
	assert_eq "$output" "No damage detected"
	run -0 with images -q
	assert_eq "${#lines[@]}" 1
	assert_eq "$(state_of_other)" "$before"
}

@test "an additional store: containers know their image, without the store they say what is missing" {
	with create --name c shared:1 cat /etc/issue >/dev/null
	run -0 with ps -a --format '{{.Image}} {{.ImageID}}'
	assert_eq "$output" "localhost/shared:1 $(with images -q shared:1)"
	run -0 with start -a c
	assert_eq "$output" "busybox out of a pm test image"
	run -0 with images -f containers=true --format '{{.Repository}}'
	assert_eq "$output" localhost/shared
	run -125 pm start -a c
	assert_error 125 "the container's image is in no store: [0-9a-f]{64}: image not known"
	run -0 pm ps -a --format '{{.Names}}'
	assert_eq "$output" c
	run -0 with start -a c
	run -0 pm rm c
}

@test "the own store comes first; a missing additional one is no failure" {
	pm import -q -c LABEL=from=own "$PM_TEST_FIXTURES/busybox.tar" localhost/shared:1 >/dev/null
	run -0 with image inspect -f '{{.Config.Labels.from}}' shared:1
	assert_eq "$output" own
	run -0 with rmi shared:1
	run -0 with image inspect -f '{{.Config.Labels.from}}' shared:1
	assert_eq "$output" other
	run -0 pm --storage-opt imagestore=/nowhere images -q
	assert_eq "$output" ""
	run -0 pm --log-level debug --storage-opt imagestore=/nowhere images -q
	assert_like "$output" 'additional image store /nowhere: .*No such file'
	run -125 pm --storage-opt overlay.nope=1 images
	assert_error 125 'storage option "overlay.nope=1" is not supported'
}

@test "storage.conf: graphroot, runroot, driver, additionalimagestores" {
	cat >"$T/storage.conf" <<END
[storage]
driver = "vfs"
graphroot = "$T/graph"
runroot = "$T/grun"
unknown = "x"
[storage.options]
additionalimagestores = ["$T/other", "/nowhere"]
END
	export CONTAINERS_STORAGE_CONF=$T/storage.conf
	run -0 "$PM_BIN" info --format '{{.Store.GraphRoot}} {{.Store.RunRoot}} {{.Store.GraphDriverName}}'
	assert_eq "$output" "$T/graph/pm $T/grun/pm vfs"
	run -0 "$PM_BIN" images --format '{{.Repository}} {{.ReadOnly}}'
	assert_eq "$output" "localhost/shared true"
	run -0 "$PM_BIN" run --rm --network none shared:1 cat /etc/issue
	assert_eq "$output" "busybox out of a pm test image"
	run -0 "$PM_BIN" --log-level debug images -q
	assert_like "$output" "storage.conf: storage.unknown is passed over"
	# the command line wins
	run -0 pm --storage-driver overlay info --format '{{.Store.GraphRoot}} {{.Store.GraphDriverName}}'
	assert_eq "$output" "$T/root overlay"
	# a user's own file
	unset CONTAINERS_STORAGE_CONF
	mkdir -p "$HOME/.config/containers"
	cp "$T/storage.conf" "$HOME/.config/containers/"
	run -0 "$PM_BIN" info --format '{{.Store.GraphRoot}}'
	assert_eq "$output" "$T/graph/pm"
	echo 'graphroot = ' >>"$HOME/.config/containers/storage.conf"
	run -125 "$PM_BIN" images
	assert_error 125 "$HOME/.config/containers/storage.conf: .*line"
	run -125 env CONTAINERS_STORAGE_CONF="$T/gone" "$PM_BIN" images
	assert_error 125 "gone, which CONTAINERS_STORAGE_CONF names, is not there"
	cp "$T/storage.conf" "$HOME/.config/containers/"
	"$PM_BIN" system reset -f
	rm -rf "$T/graph" "$T/grun"
}
