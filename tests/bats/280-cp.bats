#!/usr/bin/env bats
# pm cp: where things go (as Podman has it), owners, volumes, and containers that do not hold still.

load helpers

test_setup() {
	load_busybox
	mkdir -p "$T/w/d/sub"
	cd "$T/w"
	echo f >d/f
	echo s >d/sub/s
	echo x >file
	ln -s d ld
	ln -s file lf
}

# c runs, or was only made
a_container() {
	case $1 in
	running) pm run -d --network none --name c "$IMAGE" sleep 1000 ;;
	stopped) pm create --name c "$IMAGE" sleep 1000 ;;
	esac
}

# Names below a path of the container, on one line.
names() {
	pm cp "c:$1" - | tar t | sort | tr '\n' ' '
}

into_container() {
	a_container "$1"
	run pm cp file c:/tmp/nodir/x
	assert_error 125 '"/tmp/nodir/x" could not be found on container c: no such file or directory'
	pm cp file c:/tmp/
	pm cp file c:/tmp/renamed
	run pm cp file c:/tmp/slash/
	assert_error 125 '"/tmp/slash/" could not be found on container c'
	run pm cp d c:/tmp/slash/
	assert_error 125 '"/tmp/slash/" could not be found on container c'
	pm cp d c:tmp/new
	pm cp d c:/tmp/new
	pm cp d/ c:/tmp/new2
	pm cp d/. c:/tmp/new3
	pm cp ./d/. c:/tmp/new3/
	assert_eq "$(names /tmp)" "tmp/ tmp/file tmp/new/ tmp/new/d/ tmp/new/d/f tmp/new/d/sub/ tmp/new/d/sub/s tmp/new/f tmp/new/sub/ tmp/new/sub/s tmp/new2/ tmp/new2/f tmp/new2/sub/ tmp/new2/sub/s tmp/new3/ tmp/new3/f tmp/new3/sub/ tmp/new3/sub/s tmp/renamed "
	run pm cp d c:/tmp/renamed
	assert_error 125 'destination must be a directory when copying a directory'
	pm cp file c:/tmp/new/sub
	run pm cp d/sub c:/tmp/new/f
	assert_error 125 'destination must be a directory when copying a directory'
	pm cp ld c:/tmp/ld
	pm cp lf c:/tmp/lf
	assert_eq "$(names /tmp/ld)$(names /tmp/lf)" 'ld/ ld/f ld/sub/ ld/sub/s lf '
	run pm cp nope c:/tmp
	assert_error 125 '"nope" could not be found on the host: no such file or directory'
	assert_eq "$(pm cp c:/tmp/new3/. - | tar t | sort | tr '\n' ' ')" 'f sub/ sub/s '
	# inner names of another kind
	mkdir -p other/f
	run pm cp other/. c:/tmp/new3
	assert_error 125 'a directory cannot take the place of what is none'
	pm cp --overwrite other/. c:/tmp/new3
	assert_like "$(names /tmp/new3)" 'new3/f/ '
}

@test "into a container that was not started" {
	into_container stopped
}

@test "into a running container" {
	into_container running
	assert_eq "$(pm exec c cat /tmp/renamed)" x
}

out_of_container() {
	a_container "$1"
	tar c d file ld lf --transform 's,^,new/,S' | pm cp - c:/tmp
	pm cp c:/tmp/new out
	assert_eq "$(ls out | tr '\n' ' ')" 'd file ld lf '
	pm cp c:/tmp/new out
	[ -L out/new/lf ] && [ -f out/new/d/sub/s ]
	pm cp c:/tmp/new/. out2
	[ "$(readlink out2/ld)" = d ]
	run pm cp c:/tmp/new/file out3/
	assert_error 125 '"out3/" could not be found on the host'
	run pm cp c:/tmp/new/file nodir/x
	assert_error 125 '"nodir/x" could not be found on the host'
	run pm cp c:/nope .
	assert_error 125 '"/nope" could not be found on container c'
	run pm cp c:/tmp/new file
	assert_error 125 'destination must be a directory when copying a directory'
	# what a symlink means is copied, under the name of what it means
	mkdir o3 o4
	pm cp c:/tmp/new/ld o3
	pm cp c:/tmp/new/lf o4
	[ -f o3/d/sub/s ] && [ -f o4/file ] && [ ! -L o4/file ]
	pm cp c:/tmp/new/lf o5
	assert_eq "$(cat o5)" x
	# all of it is ours, and a symlink of ours is written through
	assert_eq "$(find out out2 ! -user "$(id -un)")" ''
	ln -s real through
	echo old >real
	pm cp c:/tmp/new/file through
	[ -L through ] && assert_eq "$(cat real)" x
}

@test "out of a container that was not started" {
	out_of_container stopped
}

@test "out of a running container" {
	out_of_container running
	# /proc and /sys are no files to keep
	pm cp c:/ root
	[ -e root/bin/busybox ] && [ -z "$(ls root/proc root/sys | grep -v : | tr -d '\n')" ]
}

@test "from one container to another" {
	a_container running
	pm create --name c2 -u 12:34 "$IMAGE"
	pm cp d c:/tmp/d
	pm cp c:/tmp/d c2:/tmp
	assert_like "$(pm cp c2:/tmp/d - | tar tv | tr '\n' ' ')" '12/34 .* d/ .*12/34 .* d/f '
	pm cp c2:/tmp/d c:/tmp/back
	assert_eq "$(pm exec c stat -c %u:%g /tmp/back/f)" 0:0
	pm cp -a=false c2:/tmp/d c:/tmp/kept
	assert_eq "$(pm exec c stat -c %u:%g /tmp/kept/f)" 12:34
	pm cp c:/tmp/d c:/tmp/same
	assert_eq "$(pm exec c cat /tmp/same/f)" f
}

@test "owners: the container's user, or the source's" {
	pm create --name c -u 12:34 "$IMAGE"
	pm cp file c:/tmp/a
	tar cz --owner=5 --group=6 file --transform s,file,b, | pm cp - c:/tmp
	pm cp -a=false file c:/tmp/c
	tar c --owner=5 --group=6 file --transform s,file,d, | pm cp --archive=false - c:/tmp
	assert_eq "$(pm cp c:/tmp/. - | tar tv | sed 's/^[^ ]* \([^ ]*\) .* /\1 /' | tr '\n' ' ')" '12/34 a 12/34 b 0/0 c 5/6 d '
}

@test "a container with ids of its own: the same files, running or not" {
	pm create --network none --name c --userns keep-id -u 12:34 "$IMAGE" sleep 1000 || skip_or_fail "no keep-id here"
	pm cp file c:/tmp/stopped
	pm start c
	pm cp file c:/tmp/running
	assert_eq "$(pm exec c stat -c %u:%g /tmp/stopped /tmp/running | tr '\n' ' ')" '12:34 12:34 '
	printf x | pm secret create s -
	assert_eq "$(pm run --rm --network none --userns keep-id --secret s,uid=5,gid=6 "$IMAGE" stat -c %u:%g /run/secrets/s)" 5:6
}

@test "streams: what is wrong is said" {
	a_container stopped
	run pm cp - c:/etc/passwd </dev/null
	assert_error 125 'destination must be a directory when copying from stdin'
	echo junk >junk
	run pm cp - c:/tmp <junk
	assert_error 125 '.'
	run pm cp a b
	assert_error 125 'you must use just one container'
	run pm cp nosuch:/x .
	assert_error 125 'container "nosuch" does not exist'
	run pm cp c: x
	assert_error 125 'you must specify paths'
	run pm cp x
	assert_error 125 'accepts 2 arg'
	# a colon in a path of the host
	cp file zz:b
	pm cp ./zz:b c:/tmp/ab
	pm cp zz:b c:/tmp/ab
	assert_eq "$(pm cp c:/tmp/ab - | tar xO)" x
}

@test "through volumes, binds and tmpfs" {
	mkdir "$T/bind"
	echo bound >"$T/bind/f"
	pm create --name c -v vol:/v -v "$T/bind:/b" -v "$T/bind:/ro:ro" --tmpfs /t "$IMAGE" sleep 1000
	pm cp file c:/v/a
	pm cp file c:/b/a
	run pm cp file c:/ro/a2
	assert_error 125 'Read-only file system'
	assert_eq "$(cat "$T/bind/a")$(pm cp c:/b/f - | tar xO)" xbound
	assert_eq "$(pm run --rm --network none -v vol:/v "$IMAGE" cat /v/a)" x
	pm start c
	pm cp file c:/t/in-memory
	pm cp file c:/v/b
	assert_eq "$(pm exec c cat /t/in-memory /v/a /v/b /b/a)" $'x\nx\nx\nx'
	run pm cp file c:/ro/a2
	assert_error 125 'Read-only file system'
	# a file that is a mount point is written in place
	echo '127.0.0.1 mine' >hosts
	pm cp hosts c:/etc/hosts
	assert_eq "$(pm exec c cat /etc/hosts)" '127.0.0.1 mine'
}

@test "links, modes, times, FIFOs and xattrs survive; devices do not" {
	a_container running
	pm exec c sh -c 'mkdir /x; cd /x; echo 1 >a; ln a b; chmod 4755 a; mkfifo p; ln -s /etc/passwd s; touch -d "2001-02-03 04:05:06" old; mkdir -m 1777 t'
	pm cp c:/x .
	assert_eq "$(stat -c '%a %h' x/a) $(readlink x/s) $(stat -c %a x/t)" '4755 2 /etc/passwd 1777'
	[ -p x/p ] && [ x/a -ef x/b ]
	assert_eq "$(TZ=UTC stat -c %y x/old | cut -c1-19)" '2001-02-03 04:05:06'
	mkdir devs
	pm cp c:/dev/. devs
	assert_eq "$(find devs -type c -o -type b)" ''
}

@test "--pause: a frozen container is copied from, and goes on" {
	a_container running
	run pm cp --pause c:/etc/passwd p
	if [ "$status" = 0 ]; then
		[ -s p ]
	else
		assert_error 125 'pause' # this host gives the container no group of its own
	fi
	assert_eq "$(pm inspect -f '{{.State.Status}}' c)" running
}

@test "a container that exchanges a directory and a symlink leads nowhere" {
	export COUNT=60
	PM="$PM_BIN --root $T/root --runroot $T/run" IMAGE=$IMAGE \
		EXCHANGE=$PM_TEST_OUT/tests/exchange "$BATS_TEST_DIRNAME/../faults/cp-exchange" "$T/race"
	pm rm -ft0 race
}
