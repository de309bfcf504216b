#!/usr/bin/env bats
# commit, diff and export of containers on other storage drivers, and of trees that a container made to harm.

load helpers

test_setup() {
	load_busybox
}

with() { # DRIVER ARGS...
	local driver=$1
	shift
	pm --storage-driver "$driver" "$@"
}

changes() {
	local d=$1
	with "$d" run --name c --network none "$IMAGE" sh -ec '
		mkdir -p /new && echo x >/new/file && ln /new/file /new/hard && chown 5:6 /new
		echo changed >/etc/passwd; rm /etc/issue; rm -r /var/www; mkdir /var/www; echo only >/var/www/only'
	want='C /etc
D /etc/issue
C /etc/passwd
A /new
A /new/file
A /new/hard
C /var
C /var/www
A /var/www/only'
	assert_eq "$(with "$d" diff c)" "$want"
	with "$d" commit -q c "app:$d" >/dev/null
	with "$d" export c >"$T/c.tar"
	assert_eq "$(tar -xOf "$T/c.tar" etc/passwd)" changed
	! tar -tf "$T/c.tar" | grep 'issue$\|\.wh\.'
	with "$d" rm c >/dev/null
	run -0 with "$d" run --rm --network none "app:$d" sh -c '
		cat /etc/passwd /new/hard; stat -c "%h" /new/file; stat -c "%u:%g" /new; ls -A /var/www
		ls /etc/issue 2>/dev/null || echo gone; ls /bin/busybox'
	assert_eq "$output" "changed
x
2
5:6
only
gone
/bin/busybox"
	# the layer holds the changes only
	layer=$(with "$d" image inspect "app:$d" | jq -r '.[0].RootFS.Layers[1]')
	with "$d" save -q -o "$T/a.tar" "app:$d"
	name=$(tar -xOf "$T/a.tar" manifest.json | jq -r '.[0].Layers[1]')
	assert_eq "sha256:$(tar -xOf "$T/a.tar" "$name" | sha256sum | cut -c-64)" "$layer"
	tar -xOf "$T/a.tar" "$name" | tar -tf - | grep -v '^run/\|^proc\|^sys\|^dev\|^etc/host\|^etc/resolv\|^etc/mtab' >"$T/list"
	grep -qx etc/.wh.issue "$T/list"
	! grep -q busybox "$T/list"
}

@test "the kernel's overlay" {
	changes overlay
}

@test "fuse-overlayfs" {
	[ -w /dev/fuse ] || skip_or_fail "no /dev/fuse" || return
	changes fuse-overlayfs
}

@test "vfs: a whole copy, of which the changes are found" {
	changes vfs
}

@test "a running container that moves its files about while it is exported and committed" {
	pm run -d --name r --network none "$IMAGE" sh -c '
		mkdir -p /a/b /x; echo in >/a/b/f
		while :; do mv /a/b /x/b; ln -s /etc /a/b; rm /a/b; mv /x/b /a/b; echo more >>/a/b/f; done' >/dev/null
	wait_for pm exec r test -d /x
	for i in 1 2 3 4 5; do
		pm export r | tar -tf - >"$T/list"
		grep -qx bin/busybox "$T/list"
		! grep -q '^a/b/passwd' "$T/list"
	done
	pm commit -q r moved >/dev/null
	pm rm -f -t 0 r >/dev/null
	run -0 pm run --rm --network none moved true
}

@test "names with every byte, very many names of one file, and the longest paths" {
	run -0 pm run --name c --network none "$IMAGE" sh -ec '
		mkdir /odd; cd /odd; touch "$(printf "a\nb")" "$(printf "t\tt")" "$(printf "\377\376")" " lead" "quote\"" .wh..wh..x
		mkdir /links; echo x >/links/0; i=1; while [ $i -lt 1500 ]; do ln /links/0 /links/$i; i=$((i + 1)); done
		i=0; cd /; n=$(printf "d%.0s" $(seq 100)); while [ $i -lt 38 ]; do mkdir $n; cd $n; i=$((i + 1)); done; echo deep >f'
	pm commit -q c odd >/dev/null
	run -0 pm run --rm --network none odd sh -ec '
		cd /odd; ls | wc -l; stat -c %h /links/700
		i=0; cd /; n=$(printf "d%.0s" $(seq 100)); while [ $i -lt 38 ]; do cd $n; i=$((i + 1)); done; cat f'
	assert_like "$output" '1500
deep'
	assert_eq "$(pm diff --format json c | jq '.added | map(select(startswith("/odd/"))) | length')" 5
}

@test "directories beyond what is sensible are an error, and nothing is left" {
	run -0 pm run --name c --network none "$IMAGE" sh -ec 'i=0; while [ $i -lt 1100 ]; do mkdir d; cd d; i=$((i + 1)); done'
	run -125 pm commit -q c deep
	assert_error 125 'more than 1000 directories within each other'
	run -125 pm diff c
	assert_eq "$(ls "$T/root/staging")" ''
	assert_eq "$(pm images -q | wc -l)" 1
}

@test "a killed commit leaves nothing, and the next one works" {
	pm run --name c --network none "$IMAGE" sh -c 'head -c 30000000 /dev/urandom >/big'
	for delay in 0.02 0.05 0.1 0.2; do
		"$PM_BIN" --root "$T/root" --runroot "$T/run" commit -q c killed >/dev/null &
		pid=$!
		sleep "$delay"
		kill -KILL "$pid" 2>/dev/null || true
		wait "$pid" || true
	done
	pm commit -q c after >/dev/null
	run -0 pm run --rm --network none after stat -c %s /big
	assert_eq "$output" 30000000
	assert_eq "$(ls "$T/root/staging")" ''
	run -0 pm system check
}
