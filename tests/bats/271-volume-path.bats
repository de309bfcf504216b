#!/usr/bin/env bats
# Volumes that lie elsewhere than below the graph root: --volumepath, volume_path of containers.conf. The
# place is on another file system, as it is where it is wanted.

load helpers

test_setup() {
	load_busybox
	PLACE=$(mktemp -d "/dev/shm/pm-volumes-XXXXXX")
	[ "$(stat -c %d "$PLACE")" != "$(stat -c %d "$T")" ]
}

test_teardown() {
	chmod -R u+rwX "$PLACE" 2>/dev/null
	rm -rf "$PLACE"
}

# What lies in the place, but for what pm notes there of itself.
in_place() {
	ls "$PLACE" 2>/dev/null | tr '\n' ' '
}

# How many files and directories pm has there of its own: .pm-ID, volumes and trash in it are three.
own_files() {
	find "$PLACE"/.pm-* | wc -l
}

runs() {
	pm run --rm --network none "$@"
}

@test "volumes are made in the place, and found without the option" {
	assert_eq "$(pm --volumepath "$PLACE" volume create data)" data
	assert_eq "$(pm volume inspect -f '{{.Mountpoint}}' data)" "$PLACE/data/_data"
	[ ! -e "$T/root/volumes/data" ]
	runs -v data:/d "$IMAGE" sh -c 'echo kept >/d/f; chown 5:5 /d/f'
	assert_eq "$(cat "$PLACE/data/_data/f")" kept
	assert_eq "$(pm --volumepath "$T/elsewhere" run --rm --network none -v data:/d "$IMAGE" cat /d/f)" kept
	[ ! -e "$T/elsewhere" ]

	# archives and sizes go by where it is
	pm volume export -o "$T/data.tar" data
	assert_like "$(tar tf "$T/data.tar")" 'f'
	pm volume create copy
	pm volume import copy "$T/data.tar"
	assert_eq "$(cat "$T/root/volumes/copy/_data/f")" kept
	assert_like "$(pm system df -v)" 'data +0 +5B'
	run pm --volumepath "$PLACE" volume create data
	assert_error 125 'volume with name data already exists'
	run pm volume create data
	assert_error 125 'volume with name data already exists'
	[ ! -e "$T/root/volumes/data" ]

	# of foreign owners, on another file system than the trash: gone with all that was noted of it
	assert_eq "$(pm volume rm data)" data
	assert_eq "$(in_place)" ''
	assert_eq "$(own_files)" 3
	assert_eq "$(ls "$T/root/trash" "$T/root/staging")" "$T/root/staging:

$T/root/trash:"
	run -0 pm system check
}

@test "a container's volumes, named on the way and anonymous" {
	pm --volumepath "$PLACE" create --name web -v made:/made -v /anonymous "$IMAGE" \
		sh -c 'echo 1 >/made/f; echo 2 >/anonymous/f'
	assert_eq "$(ls "$PLACE" | wc -l)" 2
	pm start -a web
	assert_eq "$(cat "$PLACE/made/_data/f")" 1
	assert_eq "$(pm inspect -f '{{range .Mounts}}{{.Source}} {{end}}' web | tr ' ' '\n' | grep -c "^$PLACE/.*/_data$")" 2
	pm rm -v web
	assert_eq "$(in_place)" 'made '
	assert_eq "$(pm volume prune -f)" made
	assert_eq "$(in_place)" ''
	assert_eq "$(own_files)" 3
}

@test "volume_path of containers.conf, and info" {
	printf '[engine]\nvolume_path = "%s"\n' "$PLACE" >"$T/containers.conf"
	export CONTAINERS_CONF=$T/containers.conf
	assert_eq "$(pm info -f '{{.Store.VolumePath}}')" "$PLACE"
	pm volume create one
	assert_eq "$(pm volume inspect -f '{{.Mountpoint}}' one)" "$PLACE/one/_data"
	# the option goes before
	pm --volumepath "$T/root/volumes" volume create two
	assert_eq "$(pm volume inspect -f '{{.Mountpoint}}' two)" "$T/root/volumes/two/_data"
	unset CONTAINERS_CONF
	assert_eq "$(pm info -f '{{.Store.VolumePath}}')" "$T/root/volumes"
	assert_eq "$(pm volume ls -q | tr '\n' ' ')" 'one two '
	run pm --volumepath not/absolute volume create three
	assert_error 125 "the volume path 'not/absolute' must be an absolute path"
}

@test "what others have in the place stays theirs" {
	mkdir -p "$PLACE/podmans/_data" "$PLACE/empty/_data"
	echo theirs >"$PLACE/podmans/_data/f"
	run pm --volumepath "$PLACE" volume create podmans
	assert_error 125 "$PLACE/podmans exists already and is not of this store"
	run pm volume inspect podmans
	assert_error 125 'no such volume'
	# another store of pm in the same place
	other() { pm --root "$T/root2" --runroot "$T/run2" --volumepath "$PLACE" "$@"; }
	other volume create second
	pm --volumepath "$PLACE" volume create first
	run pm --volumepath "$PLACE" volume create second
	assert_error 125 "not of this store"
	run -0 pm system check --repair
	run -0 other system check --repair
	assert_eq "$(in_place)" 'empty first podmans second '
	pm system reset -f
	assert_eq "$(in_place)" 'empty podmans second '
	other system reset -f
	assert_eq "$(in_place)" 'empty podmans '
	assert_eq "$(cat "$PLACE/podmans/_data/f")" theirs
	assert_eq "$(find "$PLACE" -name '.pm-*')" ''
}

@test "a place whose file system is away is neither made anew nor emptied" {
	pm --volumepath "$PLACE/mnt" volume create data
	echo kept >"$PLACE/mnt/data/_data/f"
	mv "$PLACE/mnt" "$PLACE/away"
	mkdir "$PLACE/mnt"
	run pm --volumepath "$PLACE/mnt" volume create more
	assert_error 125 "the volume path '$PLACE/mnt' has volumes of this store, but they are not there: is its file system mounted\?"
	run pm run --rm --network none -v data:/d "$IMAGE" true
	[ "$status" -ne 0 ]
	run pm system check --repair
	assert_like "$output" "Damage detected in volume data: its directory $PLACE/mnt/data/_data is missing"
	assert_like "$output" "Not repaired: volume data: $PLACE/mnt is not there: is its file system mounted\?"
	assert_eq "$(ls -A "$PLACE/mnt")" ''
	rmdir "$PLACE/mnt"
	mv "$PLACE/away" "$PLACE/mnt"
	run -0 pm system check
	assert_eq "$(runs -v data:/d "$IMAGE" cat /d/f)" kept
}

@test "what a kill leaves in the place is swept" {
	pm --volumepath "$PLACE" volume create data
	local own
	own=$(echo "$PLACE"/.pm-*)
	# between the directory and its row; between the row and the trash's entry; and one with files
	mkdir -p "$PLACE/half/_data" "$own/trash/0123" "$PLACE/full/_data" "$T/root/staging/dead"
	touch "$own/volumes/half" "$own/volumes/full" "$own/volumes/nodir" "$own/trash/0123/f" "$PLACE/full/_data/f"
	run -125 pm system check
	assert_like "$output" "Damage detected in directory $PLACE/half: it belongs to nothing"
	pm volume create other
	pm volume rm other
	assert_eq "$(in_place)" 'data full '
	assert_eq "$(ls "$own/volumes" | tr '\n' ' ')" 'data full '
	assert_eq "$(ls "$own/trash" "$T/root/trash")" "$own/trash:

$T/root/trash:"
}
