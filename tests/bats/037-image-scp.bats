#!/usr/bin/env bats
# image scp: through a program called ssh, which here runs the command on this machine, in a store of its own.

load helpers

test_setup() {
	load_busybox
	mkdir "$T/bin" "$T/remote"
	cat >"$T/bin/ssh" <<END
#!/bin/bash
printf '%s\n' "\$*" >>"$T/ssh.log"
[ "\$1" != -p ] || shift 2
[ "\$1" = -- ] || exit 99
case \$2 in *down*) echo "ssh: no route to host" >&2; exit 255 ;; esac
PATH=$T/remote:\$PATH exec sh -c "\$3"
END
	cat >"$T/remote/pm" <<END
#!/bin/sh
exec "$PM_BIN" --root "$T/root2" --runroot "$T/run2" "\$@"
END
	chmod +x "$T/bin/ssh" "$T/remote/pm"
	export PATH=$T/bin:$PATH
}

test_teardown() {
	[ ! -e "$T/root2" ] || "$T/remote/pm" system reset -f
}

@test "to another host and back, the same image" {
	id=$(pm images -q --no-trunc)
	run -0 pm image scp -q busybox me@far:2222::
	assert_eq "$output" "Loaded image: $IMAGE"
	assert_like "$(cat "$T/ssh.log")" "^-p 2222 -- me@far if command -v pm "
	assert_eq "$("$T/remote/pm" images -q --no-trunc)" "$id"
	pm rmi busybox >/dev/null
	run -0 pm image scp -q far::busybox
	assert_eq "$(pm images -q --no-trunc)" "$id"
	run -0 pm run --rm --network none busybox echo hi
	assert_eq "$output" hi
	# between two others
	run -0 pm image scp -q one::busybox two::
	assert_eq "$(tail -2 "$T/ssh.log" | sort | cut -d' ' -f2)" "one
two"
}

@test "a failure of either side is one" {
	run -125 pm image scp -q nosuch far::
	assert_error 125 "nosuch: image not known"
	[ ! -e "$T/ssh.log" ]
	run -125 pm image scp -q busybox down::
	assert_error 125 "loading the image ended with status 255|saving the image ended"
	run -125 pm image scp -q far::nosuch
	assert_error 125 "saving the image ended with status 125"
	run -0 pm images -q
	assert_eq "${#lines[@]}" 1
}

@test "what is no host, no image, or an attack on a shell" {
	run -125 pm image scp busybox
	assert_error 125 "the destination must be HOST::"
	run -125 pm image scp busybox -- -oProxyCommand=x::
	assert_error 125 "names no host"
	run -125 pm image scp busybox 'a;b::'
	assert_error 125 "names no host"
	run -125 pm image scp "far::x';touch $T/pwned;'"
	assert_error 125 ""
	run -125 pm image scp far::
	assert_error 125 "names no image"
	run -125 pm image scp busybox far::name
	assert_error 125 "an image keeps its name"
	[ ! -e "$T/pwned" ] && [ ! -e "$T/ssh.log" ]
}
