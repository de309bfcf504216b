#!/usr/bin/env bats
# User namespaces of a container's own: --userns, --uidmap, --gidmap, --subuidname.

load helpers

test_setup() {
	[ "$(grep -c "^$(id -un):" /etc/subuid)" -gt 0 ] || skip_or_fail "no subordinate ids" || return
	load_busybox
}

ctr() {
	pm run --rm --network none "$@"
}

# The map as one line: "0 1 1024, 1024 ..."
map() {
	ctr "$@" "$IMAGE" cat /proc/self/uid_map | sed 's/^ *//; s/  */ /g' | paste -sd,
}

files='stat -c %u:%g / /bin/busybox /etc/hosts /etc/hostname /dev/shm /root | sort -u'

@test "userns: keep-id: the user is itself, files are root's" {
	uid=$(id -u) gid=$(id -g)
	assert_eq "$(ctr --userns keep-id "$IMAGE" id -u)" "$uid"
	assert_like "$(map --userns keep-id)" "^0 1 $uid,$uid 0 1,$((uid + 1)) $((uid + 1)) [0-9]*$"
	assert_eq "$(ctr --userns keep-id "$IMAGE" sh -c "$files")" 0:0
	assert_like "$(ctr --userns keep-id "$IMAGE" tail -n1 /etc/passwd)" "^$(id -un):\\*:$uid:$gid:"
	mkdir "$T/dir"
	ctr --userns keep-id -v "$T/dir:/dir" "$IMAGE" sh -c 'touch /dir/mine; stat -c %u:%g /dir/mine' >"$T/out"
	assert_eq "$(cat "$T/out")" "$uid:$gid"
	assert_eq "$(stat -c %u:%g "$T/dir/mine")" "$uid:$gid"
	assert_eq "$(ctr --userns keep-id -u 0 "$IMAGE" sh -c 'touch /x && stat -c %u /x')" 0
	assert_eq "$(ctr --userns keep-id:uid=7,gid=8 "$IMAGE" sh -c 'id -u; id -g' | paste -sd:)" 7:8
	assert_like "$(map --userns keep-id:uid=7,gid=8,size=20)" '^0 1 7,7 0 1,8 8 12$'
}

@test "userns: an image's USER stays with keep-id" {
	pm import -q --change 'USER daemon' "$PM_TEST_FIXTURES/busybox.tar" localhost/user >/dev/null
	assert_eq "$(ctr --userns keep-id localhost/user id -u)" 1
}

@test "userns: nomap, uidmap with @ and +, subuidname, private, host" {
	assert_like "$(map --userns nomap)" '^0 1 [0-9]*$'
	assert_eq "$(ctr --userns nomap "$IMAGE" sh -c "$files")" 0:0
	assert_eq "$(map --uidmap 0:5:100)" '0 5 100'
	assert_eq "$(ctr --uidmap 0:5:100 --gidmap 0:7:100 "$IMAGE" cat /proc/self/gid_map | xargs)" '0 7 100'
	assert_eq "$(ctr --uidmap 0:5:100 "$IMAGE" cat /proc/self/gid_map | xargs)" '0 5 100'
	assert_like "$(map --uidmap "+5:@$(id -u)")" '^5 0 1,0 1 5,6 6 [0-9]*$'
	assert_like "$(map --subuidname "$(id -un)")" '^0 1 [0-9]*$'
	assert_like "$(map --userns private)" '^0 0 1,1 1 [0-9]*$'
	assert_like "$(map --userns host)" "^0 $(id -u) 1,"
}

@test "userns: auto: ranges that do not meet, kept over a restart" {
	pm run -d --name a --network none --userns auto "$IMAGE" sleep 100
	pm run -d --name b --network none --userns auto:size=2000 "$IMAGE" sleep 100
	assert_eq "$(pm exec a cat /proc/self/uid_map | xargs)" '0 1 1024'
	assert_eq "$(pm exec b cat /proc/self/uid_map | xargs)" '0 1025 2000'
	pm exec a sh -c 'echo x >/root/f'
	pm restart -t 0 a 2>/dev/null || { pm stop -t 0 a; pm start a; }
	assert_eq "$(pm exec a sh -c 'cat /root/f; stat -c %u /root/f' | xargs)" 'x 0'
	assert_eq "$(pm exec a cat /proc/self/uid_map | xargs)" '0 1 1024'
	pm rm -f -t 0 a
	assert_eq "$(map --userns auto:size=10)" '0 1 10'
	run ctr --userns auto:size=70000000 "$IMAGE" true
	assert_error 125 "could not find enough available IDs"
	pm rm -f -t 0 b
}

@test "userns: the network is the container's root's own" {
	run pm run --rm --userns auto "$IMAGE" sh -c 'nc -l -p 80 & for i in 1 2 3 4 5 6 7 8 9; do netstat -ltn | grep -q ":80 " && break; sleep 0.1; done; netstat -ltn; ls /sys/class/net; kill %1'
	assert_like "$output" ':80 '
	assert_like "$output" 'tap0'
}

@test "userns: another container's, and its other namespaces" {
	pm run -d --name a --userns auto "$IMAGE" sleep 100
	assert_eq "$(map --userns container:a)" '0 1 1024'
	assert_like "$(ctr --userns container:a --pid container:a "$IMAGE" ps)" 'sleep 100'
	assert_like "$(pm run --rm --network container:a "$IMAGE" ip addr)" '10\.0\.2\.100'
	pid=$(container_pid a)
	assert_eq "$(map --userns "ns:/proc/$pid/ns/user")" '0 1 1024'
	assert_eq "$(pm exec -u 5 a id -u)" 5
	pm rm -f -t 0 a
}

@test "userns: volumes get the container's owners" {
	assert_eq "$(ctr --userns nomap -v vol:/var/www "$IMAGE" stat -c %u:%g /var/www)" 0:0
	assert_eq "$(ctr --userns keep-id -v vol2:/var/www:U "$IMAGE" stat -c %u /var/www)" "$(id -u)"
	pm volume rm vol vol2
}

@test "userns: refusals" {
	for mode in foo keep-id:foo=1 auto:size=x keep-id:uid=-1 nomap:x container: ns:x; do
		run pm run --rm --userns "$mode" "$IMAGE" true
		assert_error 125 "userns"
	done
	run pm run --rm --userns pod "$IMAGE" true
	assert_error 125 "cannot use pod namespace as container is not joining a pod"
	run pm run --rm --userns keep-id --uidmap 0:1:1 "$IMAGE" true
	assert_error 125 "mutually exclusive"
	run pm run --rm --uidmap 0:@1:1 "$IMAGE" true
	assert_error 125 "not this user's"
	run pm run --rm --uidmap 0:9999999:1 "$IMAGE" true
	assert_error 125 ""
	run pm run --rm --subuidname nosuchuser "$IMAGE" true
	assert_error 125 "no subuid ranges found"
	run pm run --rm --uidmap 5:5:5 "$IMAGE" true
	assert_error 125 "user id 0 is not mapped|not in the container's mapping"
	assert_eq "$(pm ps -aq)" ""
}

@test "userns: copies of the image go with it" {
	ctr --userns nomap "$IMAGE" true
	ls -d "$T"/root/layers/*/mapped-* >/dev/null
	pm rmi -a
	[ -z "$(ls "$T/root/layers")" ]
}

@test "userns: runc, too" {
	command -v runc >/dev/null || skip_or_fail "no runc" || return
	assert_eq "$(pm --runtime runc run --rm --network none --userns keep-id "$IMAGE" id -u)" "$(id -u)"
	assert_eq "$(pm --runtime runc run --rm --userns nomap "$IMAGE" sh -c "$files")" 0:0
}
