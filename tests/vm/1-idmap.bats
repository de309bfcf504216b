#!/usr/bin/env bats
# run-bats: root
# Id-mapped mounts: an image's layers below a container with a user namespace of its own are not copied, and directories of
# the host and volumes are mounted with other owners.

load ../bats/helpers

test_setup() {
	load_busybox
	MAP=(--network none --uidmap 0:200000:65536 --gidmap 0:300000:65536)
}

# KiB that the store takes
used() {
	du -sk "$T/root" | cut -f1
}

# bats test_tags=slow
@test "an image of 20 MB is not copied; what the container sees, changes and leaves" {
	mkdir "$T/context"
	head -c 20M /dev/zero >"$T/context/large"
	printf 'FROM %s\nCOPY large /large\nRUN %s\nRUN rm -r /opaque && mkdir /opaque\n' "$IMAGE" \
		'echo x >/other && chown 5:6 /other && rm /etc/group && mkdir -p /opaque/old' >"$T/context/Containerfile"
	pm build -q -t big "$T/context"
	before=$(used)
	pm run -d --name web "${MAP[@]}" big sh -c 'stat -c "%u:%g %n" / /large /other; echo new >/new; chown 7:8 /new; chmod 600 /other
		ls /etc/group /opaque; rm /large; sleep 1000'
	wait_for sh -c "'$PM_BIN' --root '$T/root' --runroot '$T/run' logs web 2>&1 | grep -q group"
	[ $(($(used) - before)) -lt 500 ]
	assert_eq "$(pm logs web 2>/dev/null | tr '\n' ' ')" "0:0 / 0:0 /large 5:6 /other /opaque: "
	assert_eq "$(awk '{ print $1, $2, $3 }' "/proc/$(container_pid web)/uid_map")" "0 200000 65536"
	# seen from the host: the parent's ids
	assert_eq "$(stat -c %u:%g "/proc/$(container_pid web)/root/other")" 200005:300006
	[ -z "$(ls -d "$T"/root/layers/*/mapped-* 2>/dev/null)" ]
	for state in running stopped; do
		pm export -o "$T/x.tar" web
		assert_eq "$(tar -tvf "$T/x.tar" --numeric-owner other new etc/passwd | awk '{ print $2, $6 }' | sort | tr '\n' ' ')" \
			"0/0 etc/passwd 5/6 other 7/8 new "
		assert_eq "$(pm diff web | grep -v /etc | sort | tr '\n' ' ')" "A /new C /other D /large "
		pm cp web:/other "$T/copied"
		echo given >"$T/given"
		pm cp "$T/given" web:/given-$state
		pm commit -q web "saved-$state"
		assert_eq "$(pm run --rm --network none "saved-$state" stat -c %u:%g /other /new /given-$state | tr '\n' ' ')" "5:6 7:8 0:0 "
		[ "$state" = stopped ] || pm stop -t 0 web
	done
	at=$(pm mount web)
	assert_eq "$(stat -c %u:%g "$at/other")" 200005:300006
	pm umount web
	pm start web
	assert_eq "$(pm exec web cat /new)" new
	pm rm -f -t 0 web
}

@test "-v idmap, --mount idmap=, --rootfs idmap" {
	mkdir "$T/dir" "$T/rootfs"
	echo there >"$T/dir/file"
	chown -R 0:0 "$T/dir"
	see=(sh -c 'stat -c %u:%g /d/file; touch /d/new && stat -c %u:%g /d/new')
	assert_eq "$(pm run --rm "${MAP[@]}" -v "$T/dir:/d:idmap" "$IMAGE" "${see[@]}" | tr '\n' ' ')" "0:0 0:0 "
	assert_eq "$(stat -c %u:%g "$T/dir/new")" 0:0
	rm "$T/dir/new"
	assert_eq "$(pm run --rm "${MAP[@]}" -v "$T/dir:/d" "$IMAGE" stat -c %u:%g /d/file)" 65534:65534
	# with maps of its own: of the host's ids, and of the container's
	assert_eq "$(pm run --rm --network none --mount "type=bind,src=$T/dir,dst=/d,idmap=uids=0-1000-10;gids=0-2000-10" "$IMAGE" \
		stat -c %u:%g /d/file)" 1000:2000
	assert_eq "$(pm run --rm "${MAP[@]}" -v "$T/dir:/d:idmap=uids=@0-5-1;gids=@0-6-1" "$IMAGE" stat -c %u:%g /d/file)" 5:6
	assert_eq "$(pm run --rm "${MAP[@]}" -v "$T/dir/file:/d/file:idmap,ro" "$IMAGE" stat -c %u:%g /d/file)" 0:0
	pm run --rm "${MAP[@]}" -v data:/d:idmap "$IMAGE" touch /d/file
	assert_eq "$(stat -c %u:%g "$(pm volume inspect -f '{{.Mountpoint}}' data)/file")" 0:0
	tar -C "$T/rootfs" -xf "$PM_TEST_FIXTURES/busybox.tar"
	assert_eq "$(pm run --rm "${MAP[@]}" --rootfs "$T/rootfs:idmap" sh -c 'id -u; stat -c %u:%g /etc/passwd; touch /new' |
		tr '\n' ' ')" "0 0:0 "
	assert_eq "$(stat -c %u:%g "$T/rootfs/new")" 0:0
	assert_eq "$(pm run --rm "${MAP[@]}" --rootfs "$T/rootfs:O:idmap" stat -c %u:%g /etc/passwd)" 0:0
	run pm run --rm --network none -v "$T/dir:/d:idmap" "$IMAGE" true
	assert_error 125 'the container has no user namespace of its own'
	run pm run --rm --network none -v /proc:/d:idmap=uids=0-1-1\;gids=0-1-1 "$IMAGE" true
	assert_error 125 'its file system or this kernel cannot do it'
}

@test "where the file system cannot be mounted so, the image is copied" {
	mkdir "$T/tmp" "$T/run2"
	mount -t tmpfs tmpfs "$T/tmp"
	tpm() { timeout 100 "$PM_BIN" --root "$T/tmp/root" --runroot "$T/run2" "$@"; }
	tpm import -q --change 'CMD ["sh"]' "$PM_TEST_FIXTURES/busybox.tar" "$IMAGE"
	run tpm run --rm "${MAP[@]}" "$IMAGE" stat -c %u:%g /etc/passwd
	assert_eq "$output" 0:0
	[ -n "$(ls -d "$T"/tmp/root/layers/*/mapped-*)" ]
	tpm system reset -f
	umount "$T/tmp"
}
