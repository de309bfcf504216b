#!/usr/bin/env bats
# Images whose usual paths are symlinks or FIFOs do no harm and make nothing hang; containers see nothing of the
# engine. (docs: the classes of other engines' defects)

load helpers

# hostile NAME: imports $T/img as localhost/NAME
hostile() {
	tar -C "$T/img" -cf "$T/img.tar" .
	pm import -q --change 'CMD ["sh"]' "$T/img.tar" "localhost/$1" >/dev/null
}

test_setup() {
	load_busybox
	mkdir -p "$T/img/bin" "$T/img/etc" "$T/img/tmp" "$T/victim"
	cp "$(command -v busybox)" "$T/img/bin/"
	for a in sh id cat ls echo true; do ln -s busybox "$T/img/bin/$a"; done
	echo safe >"$T/victim/file"
	chmod -R go-w "$T/victim"
}

victim_is_safe() {
	assert_eq "$(ls -A "$T/victim")" file
	assert_eq "$(cat "$T/victim/file")" safe
}

ctr() {
	PM_TIMEOUT=30 pm run --rm --network none "$@"
}

@test "hostile: /dev, /proc, /sys as symlinks, FIFOs and files are refused" {
	for path in dev proc sys; do
		for kind in symlink fifo file; do
			case $kind in
			symlink) ln -s "$T/victim" "$T/img/$path" ;;
			fifo) mkfifo "$T/img/$path" ;;
			file) : >"$T/img/$path" ;;
			esac
			hostile "$path-$kind"
			run ctr "localhost/$path-$kind" true
			assert_eq "$status" 125
			rm "$T/img/$path"
		done
	done
	victim_is_safe
	assert_eq "$(pm ps -aq)" ""
}

@test "hostile: files of /etc as symlinks to the host and FIFOs" {
	for file in passwd group hosts resolv.conf hostname localtime; do
		ln -s "$T/victim/file" "$T/img/etc/$file"
	done
	hostile links
	assert_eq "$(ctr -u 1234:5 --tz UTC localhost/links sh -c 'echo ok')" ok
	victim_is_safe
	rm "$T"/img/etc/*
	for file in passwd group hosts resolv.conf hostname localtime; do
		mkfifo "$T/img/etc/$file"
	done
	hostile fifos
	run ctr -u 1234:5 localhost/fifos sh -c 'echo ok'
	[ "$status" -ne 124 ] || fail "it hangs"
	run ctr -u nosuch localhost/fifos true
	assert_eq "$status" 125
	victim_is_safe
}

@test "hostile: the working directory and /run, /tmp, /var/tmp as symlinks" {
	mkdir "$T/img/var"
	rmdir "$T/img/tmp"
	ln -s "$T/victim" "$T/img/work"
	ln -s "$T/victim" "$T/img/run"
	ln -s "$T/victim" "$T/img/tmp"
	ln -s "$T/victim" "$T/img/var/tmp"
	hostile dirs
	ctr -w /work/new localhost/dirs true || :
	ctr --read-only localhost/dirs true || :
	ctr --tmpfs /tmp localhost/dirs true || :
	ctr --systemd always localhost/dirs true || :
	ctr -v "vol:/work" localhost/dirs true || :
	victim_is_safe
	pm volume rm -f vol >/dev/null 2>&1 || :
}

@test "hostile: a working directory among the engine's descriptors" {
	for dir in /proc/self/fd/3 /proc/self/fd/7 /proc/self/fd/8 /proc/self/fd/9; do
		run ctr -w "$dir" "$IMAGE" pwd
		[ "$status" -ne 0 ] || fail "$dir: $output"
		pm run -d --name a --network none "$IMAGE" sleep 100
		run pm exec -w "$dir" a pwd
		[ "$status" -ne 0 ] || fail "exec in $dir: $output"
		pm rm -f -t 0 a
	done
}

@test "hostile: no descriptor, variable or path of the engine inside" {
	exec 9<"$T/victim/file"
	assert_eq "$(PM_SECRET=x _PM_X=y ctr "$IMAGE" sh -c 'ls /proc/self/fd; env | grep -c PM_ || :' | xargs)" '0 1 2 3 0'
	exec 9<&-
	pm run -d --name a --network none "$IMAGE" sleep 100
	assert_eq "$(pm exec a sh -c 'ls /proc/1/fd; ls /proc/self/fd' | xargs)" '0 1 2 0 1 2 3'
	pm rm -f -t 0 a
}

@test "hostile: capabilities are not inheritable, groups are exact" {
	assert_eq "$(ctr "$IMAGE" grep CapInh /proc/self/status | xargs)" 'CapInh: 0000000000000000'
	pm run -d --name a --network none "$IMAGE" sleep 100
	assert_eq "$(pm exec a grep CapInh /proc/self/status | xargs)" 'CapInh: 0000000000000000'
	assert_eq "$(pm exec -u 33 a id)" 'uid=33(www-data) gid=33(www-data) groups=33(www-data)'
	for user in 4294967295 4294967296 2147483648 +1 1.5 -1 1:4294967295; do
		run pm exec --user="$user" a id
		[ "$status" -ne 0 ] || fail "exec --user $user is taken"
	done
	pm rm -f -t 0 a
}

@test "exec: options: --cidfile, --preserve-fds, --no-session, env files" {
	pm run -d --name a --network none --cidfile "$T/cid" "$IMAGE" sleep 100
	assert_eq "$(pm exec --cidfile "$T/cid" echo x)" x
	assert_eq "$(pm exec --preserve-fds 1 a sh -c 'cat <&3' 3<"$T/victim/file")" safe
	assert_eq "$(pm exec --preserve-fd 5 a sh -c 'cat <&5' 5<"$T/victim/file")" safe
	assert_eq "$(pm exec --no-session -l echo y)" y
	echo 'V=file' >"$T/env"
	assert_eq "$(pm exec --env-file "$T/env" -e W=w a sh -c 'echo $V $W')" 'file w'
	run pm exec --preserve-fds 90 a true
	assert_error 125 "not available"
	run pm exec -l --cidfile "$T/cid" true
	assert_error 125 "cannot be set together"
	pm rm -f -t 0 a
}
