#!/usr/bin/env bats
# Images out of a store that Podman's library wrote: containers-storage:[DRIVER@ROOT+RUNROOT]NAME.

load helpers

test_setup() {
	odd_layout "$T/odd"
}

test_teardown() {
	# podman leaves a pause process
	[ ! -e "$T/p/libpod" ] || podman --root "$T/p" --runroot "$T/pr" --storage-driver vfs system migrate >/dev/null 2>&1
	# files of subordinate ids
	"$PM_BIN" --root "$T/root" --runroot "$T/run" unshare rm -rf "$T/p" "$T/pr"
}

# A layout whose image has the busybox layer and one on top with everything that is hard to bring over.
odd_layout() {
	local to=$1 m c l
	cp -r "$PM_TEST_FIXTURES/oci" "$to"
	PM_TIMEOUT=60 python3 - "$T/odd.tar" <<'END'
import io, sys, tarfile
t = tarfile.open(sys.argv[1], 'w', format=tarfile.PAX_FORMAT)
def add(name, data=b'', **kw):
    i = tarfile.TarInfo(name)
    i.size = len(data)
    i.mtime = 1600000000.25
    for k, v in kw.items():
        setattr(i, k, v)
    t.addfile(i, io.BytesIO(data) if i.isreg() else None)
add('odd', type=tarfile.DIRTYPE, mode=0o700, uid=5, gid=5)
add('odd/private', b'private\n' * 9000, mode=0o600, uid=5, gid=6)
add('odd/setuid', b'x', mode=0o4755)
add('odd/empty')
add('odd/hard', type=tarfile.LNKTYPE, linkname='odd/private')
add('odd/sym', type=tarfile.SYMTYPE, linkname='/etc/passwd')
add('odd/' + 'n' * 180, b'long')
add('odd/caf\u00e9 \u4e2d', b'utf-8')
add('odd/xattr', b'1', pax_headers={'SCHILY.xattr.user.note': 'kept'})
add('odd/twice', b'first')
add('odd/other', b'between')
add('etc', type=tarfile.DIRTYPE, mode=0o755)
add('etc/.wh.issue')
t.close()
END
	l=$(sha256sum <"$T/odd.tar" | cut -d' ' -f1)
	gzip -nc "$T/odd.tar" >"$to/l"
	z=$(sha256sum <"$to/l" | cut -d' ' -f1)
	mv "$to/l" "$to/blobs/sha256/$z"
	m=$to/blobs/sha256/$(jq -r '.manifests[0].digest' "$to/index.json" | cut -d: -f2)
	c=$to/blobs/sha256/$(jq -r .config.digest "$m" | cut -d: -f2)
	jq -c --arg d "sha256:$l" '.rootfs.diff_ids += [$d] | .history += [{"created":"2024-01-03T00:00:00Z","created_by":"odd"}]' "$c" >"$to/c"
	c=$(sha256sum <"$to/c" | cut -d' ' -f1)
	jq -c --arg l "sha256:$z" --argjson ln "$(stat -c %s "$to/blobs/sha256/$z")" --arg d "sha256:$c" --argjson n "$(stat -c %s "$to/c")" \
		'.config.digest = $d | .config.size = $n
		| .layers += [{mediaType:"application/vnd.oci.image.layer.v1.tar+gzip",digest:$l,size:$ln}]' "$m" >"$to/m"
	mv "$to/c" "$to/blobs/sha256/$c"
	m=$(sha256sum <"$to/m" | cut -d' ' -f1)
	jq -c --arg d "sha256:$m" --argjson n "$(stat -c %s "$to/m")" \
		'.manifests[0].digest = $d | .manifests[0].size = $n' "$to/index.json" >"$to/i"
	mv "$to/m" "$to/blobs/sha256/$m"
	mv "$to/i" "$to/index.json"
	ID=$c
}

# their_store DRIVER NAME...: the odd image, by skopeo
their_store() {
	local driver=$1 n
	shift
	for n; do
		timeout 60 skopeo --insecure-policy copy -q "oci:$T/odd" "containers-storage:[$driver@$T/p+$T/pr]$n" >&2
	done
}

# What a user sees of image $1, as one listing.
listing() {
	pm run --rm --network none "$1" sh -c 'cd /; find bin/busybox etc/passwd odd -exec stat -c "%n %a %u:%g %s %Y %F" {} \; | sort; ls etc; cat odd/hard | md5sum; readlink odd/sym'
}

@test "overlay and vfs: the same image as pulled from where it came, same digest, same files" {
	pm pull -q "oci:$T/odd" >/dev/null
	want=$(listing "$ID")
	pm image inspect -f '{{.Digest}} {{.RootFS.Layers}}' "$ID" >"$T/want"
	for driver in overlay vfs; do
		pm rmi -af >/dev/null
		their_store $driver example.com/some/odd:1
		run -0 pm pull -q "containers-storage:[$driver@$T/p+$T/pr]example.com/some/odd:1"
		assert_eq "$output" "$ID"
		run -0 pm images --format '{{.Repository}}:{{.Tag}}'
		assert_eq "$output" example.com/some/odd:1
		diff <(pm image inspect -f '{{.Digest}} {{.RootFS.Layers}}' "$ID") "$T/want"
		diff <(listing "$ID") <(echo "$want")
		pm unshare rm -rf "$T/p" "$T/pr"
	done
	assert_like "$want" $'odd/private 600 5:6 72000 1600000000 regular file\n'
	[[ $want != *issue* ]]
}

@test "without a driver; by short name, by id; run fetches it too" {
	their_store overlay localhost/odd:latest
	run -0 pm pull -q "containers-storage:[$T/p]odd"
	assert_eq "$output" "$ID"
	pm rmi odd >/dev/null
	run -0 pm pull -q "containers-storage:[$T/p]${ID:0:12}"
	assert_eq "$(pm images --format '{{.Repository}}')" localhost/odd
	pm rmi odd >/dev/null
	run -0 pm run --rm --network none "containers-storage:[$T/p]odd" cat /odd/xattr
	assert_like "$output" '1$'
}

@test "all images of it at once, with all their names" {
	their_store overlay localhost/odd:latest example.com/x/odd:2
	timeout 60 skopeo --insecure-policy copy -q "oci:$PM_TEST_FIXTURES/oci" "containers-storage:[overlay@$T/p+$T/pr]localhost/plain"
	run -0 pm pull -q "containers-storage:[$T/p]"
	run -0 pm images --sort repository --format '{{.Repository}}:{{.Tag}}'
	assert_eq "$output" "example.com/x/odd:2
localhost/odd:latest
localhost/plain:latest"
	# once more: nothing to do
	run -0 pm pull "containers-storage:[$T/p]"
	assert_like "$output" "skipped: already exists"
	# nothing of theirs was changed
	timeout 60 skopeo --insecure-policy copy -q "containers-storage:[overlay@$T/p+$T/pr]localhost/odd:latest" "dir:$T/back"
}

@test "a store of podman itself, and what it built" {
	timeout 60 podman --root "$T/p" --runroot "$T/pr" --storage-driver vfs import -q "$PM_TEST_FIXTURES/busybox.tar" base >/dev/null 2>&1
	printf 'FROM localhost/base\nCOPY f /f\nLABEL made=here\n' >"$T/Containerfile"
	echo content >"$T/f"
	timeout 60 podman --root "$T/p" --runroot "$T/pr" --storage-driver vfs build -q --layers -t made -f "$T/Containerfile" "$T" >/dev/null 2>&1
	run -0 pm pull -q "containers-storage:[vfs@$T/p]made"
	run -0 pm run --rm --network none made cat /f
	assert_eq "$output" content
	run -0 pm image inspect -f '{{.Config.Labels.made}}' made
	assert_eq "$output" here
}

# Another store of pm.
other() {
	timeout 60 "$PM_BIN" --root "$T/p" --runroot "$T/pr" "$@"
}

# All files of a store's layers, with what matters of them.
layer_files() {
	pm unshare sh -c "cd '$1/layers' && find . -path '*/diff/*' ! -type c -printf '%p %y %m %U:%G %T@ %l\n' | sort &&
		find . -path '*/diff/*' -type c | sort &&
		find . -path '*/diff/*' -type f -exec sha256sum {} + | sort -k2"
}

@test "another store of pm: read without a trace, by name, by id, all of it" {
	other pull -q "oci:$T/odd" >/dev/null
	id=$(other images -q --no-trunc)
	other tag "${id#sha256:}" odd:1 example.com/x/odd:2
	other rmi "$(other images --format '{{.Repository}}:{{.Tag}}' | grep -v odd:)" >/dev/null 2>&1 || :
	trace() {
		pm unshare find "$T/p/layers" "$T/p/staging" "$T/p/trash" -mindepth 1 -printf '%p %T@\n' | sort
	}
	before=$(trace)
	run -0 pm pull -q "containers-storage:[overlay@$T/p+$T/pr]odd:1"
	assert_eq "sha256:$output" "$id"
	assert_eq "$(pm images --format '{{.Repository}}:{{.Tag}}')" localhost/odd:1
	# what came is what is there, and makes the same manifest and the same layers again
	diff <(layer_files "$T/root") <(layer_files "$T/p")
	assert_eq "$(pm image inspect -f '{{.Digest}}' odd:1)" "$(other image inspect -f '{{.Digest}}' odd:1)"
	run -0 pm system check
	run -0 pm run --rm --network none odd:1 cat /odd/xattr
	assert_like "$output" '1$'
	pm rmi -f odd:1 >/dev/null
	run -0 pm pull -q "containers-storage:[$T/p]${id:7:12}"
	pm rmi -f "${id#sha256:}" >/dev/null
	# the reading left nothing there
	assert_eq "$(trace)" "$before"
	other pull -q "oci:$PM_TEST_FIXTURES/oci" >/dev/null
	run -0 pm pull -q "containers-storage:[$T/p]"
	assert_eq "$(pm images --format '{{.Repository}}:{{.Tag}}' | sort)" \
		"$(other images --format '{{.Repository}}:{{.Tag}}' | sort)"
	run -125 pm pull "containers-storage:[$T/p]nosuch"
	assert_error 125 "nosuch: image not known"
	# a file of its layer was changed: nothing comes
	pm rmi -fa >/dev/null
	other unshare sh -c "echo no >\$(echo $T/p/layers/*/diff/odd/private)"
	run -125 pm pull "containers-storage:[$T/p]odd:1"
	assert_error 125 "layer sha256:.*(not what they were|shorter than it was)"
	assert_eq "$(pm images -aq)" ""
}

@test "copy between this store, another of pm and elsewhere, either way" {
	pm pull -q "oci:$PM_TEST_FIXTURES/oci" >/dev/null
	id=$(pm images -q --no-trunc)
	pm tag "${id#sha256:}" here:1
	# into it: made when there is none
	run -0 pm copy -q containers-storage:here:1 "containers-storage:[overlay@$T/p+$T/pr]team/there:2"
	assert_eq "$(other images --no-trunc --format '{{.ID}} {{.Repository}}:{{.Tag}}')" "$id docker.io/team/there:2"
	run -0 other run --rm --network none team/there:2 echo it runs
	assert_eq "$output" "it runs"
	# out of it: elsewhere, and here
	run -0 pm copy -q "containers-storage:[$T/p+$T/pr]team/there:2" "dir:$T/d"
	assert_eq "$(jq -r .config.digest "$T/d/manifest.json")" "$id"
	pm rmi -f "${id#sha256:}" >/dev/null
	run -0 pm copy -q "containers-storage:[$T/p+$T/pr]team/there:2" containers-storage:back:3
	assert_eq "$(pm images --no-trunc --format '{{.ID}} {{.Repository}}:{{.Tag}}')" "$id docker.io/library/back:3"
	# from elsewhere into it
	run -0 pm copy -q "dir:$T/d" "containers-storage:[$T/p+$T/pr]from/dir:4"
	assert_like "$(other images --format '{{.Repository}}:{{.Tag}}')" 'docker.io/from/dir:4'
	# this store by its directory
	run -0 pm copy -q "containers-storage:[$T/root+$T/run]back:3" "dir:$T/e"
	assert_eq "$(jq -r .config.digest "$T/e/manifest.json")" "$id"
	run -0 pm copy -q "containers-storage:[$T/root+$T/run]back:3" containers-storage:again:5
	assert_like "$(pm images --format '{{.Repository}}:{{.Tag}}')" 'docker.io/library/again:5'
	# what cannot be
	run -125 pm copy "containers-storage:[$T/nowhere+$T/pr]x" "dir:$T/f"
	assert_error 125 "nowhere is no store of images"
	[ ! -e "$T/nowhere" ]
	run -125 pm copy "dir:$T/d" "containers-storage:[$T/p+$T/pr]"
	assert_error 125 "names no image"
	run -125 pm copy "containers-storage:[$T/p]" containers-storage:x
	assert_error 125 "names no image"
	other rmi -fa >/dev/null
	pm unshare rm -rf "$T/p" "$T/pr"
	their_store overlay localhost/odd:latest
	run -125 pm copy "dir:$T/d" "containers-storage:[$T/p]x"
	assert_error 125 "a store of Podman's"
	[ ! -e "$T/p/pm.db" ]
	run -0 pm copy -q "containers-storage:[$T/p]odd" containers-storage:moved:1
	assert_like "$(pm images --format '{{.Repository}}:{{.Tag}}')" 'docker.io/library/moved:1'
}

@test "what is not there, malformed, changed since" {
	run -125 pm pull "containers-storage:[overlay@$T/nowhere]x"
	assert_error 125 "nowhere.*No such file"
	mkdir "$T/p"
	run -125 pm pull "containers-storage:[$T/p]x"
	assert_error 125 "is no store of containers/storage"
	run -125 pm pull "containers-storage:[btrfs@$T/p]x"
	assert_error 125 "driver 'btrfs' cannot be read"
	run -125 pm pull "containers-storage:[$T/p"
	assert_error 125 "']' is missing"
	run -125 pm pull "containers-storage:nosuch"
	assert_error 125 "nosuch: image not known"
	rmdir "$T/p"
	their_store overlay localhost/odd:latest
	run -125 pm pull "containers-storage:[$T/p]nosuch"
	assert_error 125 "nosuch: image not known in $T/p"
	# a file of the layer was changed behind the store's back
	setuid=$(pm unshare sh -c "ls $T/p/overlay/*/diff/odd/setuid")
	pm unshare sh -c "echo changed >$setuid"
	run -125 pm pull "containers-storage:[$T/p]odd"
	assert_error 125 "file 'odd/setuid' was changed since it was unpacked"
	pm unshare sh -c "printf y >$setuid"
	run -125 pm pull "containers-storage:[$T/p]odd"
	assert_error 125 "diff id|digest|diff-id"
	# tar-split data that names a file outside of the layer
	echo secret >"$T/secret"
	for f in "$T"/p/overlay-layers/*.tar-split.gz; do
		printf '{"type":1,"name":"../../../../../../..%s","size":7}\n' "$T/secret" | gzip >"$f"
	done
	run -125 pm pull "containers-storage:[$T/p]odd"
	assert_error 125 "No such file"
	run -0 pm images -aq
	assert_eq "$output" ""
	run -0 pm image prune -f
	assert_eq "$(ls "$T/root/layers" 2>/dev/null)$(ls "$T/root/staging" "$T/root/trash" 2>/dev/null | grep -v :)" ""
}

@test "image inspect of a stored image, as of one elsewhere: this store's, another's, a list" {
	pm pull -q "oci:$PM_TEST_FIXTURES/oci" >/dev/null
	pm tag "$(pm images -q)" localhost/here:1
	run -0 pm image inspect containers-storage:here:1
	layout=$(pm image inspect "oci:$PM_TEST_FIXTURES/oci" | jq '[.Digest, .Created, .Architecture, .Os, .Layers, .LayersData, .Env]')
	assert_eq "$(jq '[.Digest, .Created, .Architecture, .Os, .Layers, .LayersData, .Env]' <<<"$output")" "$layout"
	assert_eq "$(jq -r .Name <<<"$output")" localhost/here
	assert_eq "$(jq -c .RepoTags <<<"$output")" '[]'
	pm image inspect --raw containers-storage:here:1 | cmp - "$PM_TEST_FIXTURES/oci/blobs/sha256/$(jq -r '.manifests[0].digest' \
		"$PM_TEST_FIXTURES/oci/index.json" | cut -d: -f2)"
	assert_eq "$(pm image inspect --config containers-storage:here:1 | jq -r .architecture)" \
		"$(pm image inspect -f '{{.Architecture}}' here:1)"
	pm manifest create list:1 here:1 >/dev/null
	assert_eq "$(pm image inspect --raw containers-storage:list:1 | jq '.manifests | length')" 1
	assert_eq "$(pm image inspect containers-storage:list:1 | jq -c .Layers)" "$(jq -c '.[4]' <<<"$layout")"
	other pull -q "oci:$PM_TEST_FIXTURES/oci" >/dev/null
	other tag "$(other images -q)" localhost/there:1
	assert_eq "$(pm image inspect -f '{{.Name}}' "containers-storage:[overlay@$T/p+$T/pr]there:1")" localhost/there
	run pm image inspect containers-storage:nosuch
	assert_error 125 'nosuch: image not known'
	run pm image inspect containers-storage:
	assert_error 125 'names no image'
	run pm image inspect --override-arch arm64 containers-storage:here:1
	assert_error 125 'override-arch cannot be used with containers-storage:'
}
