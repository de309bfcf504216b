#!/usr/bin/env bats
# run-bats: root
# Stores on a file system that shares blocks between files (xfs, on a loop device in this file's private mount
# namespace): what is copied as whole files takes no room twice.

load helpers

test_setup() {
	[ "$(id -u)" = 0 ] && [ -n "${PM_TEST_AS-}" ] || skip_or_fail "needs root" || return
	truncate -s 400M "$T/disk"
	mkdir "$T/mnt"
	mkfs.xfs -q -m reflink=1 "$T/disk"
	mount -o loop "$T/disk" "$T/mnt"
	mkdir "$T/mnt/user"
	chown "${PM_TEST_AS##* }" "$T/mnt/user"
	chmod 755 "$T"
	head -c 60000000 /dev/urandom >"$T/big"
	cp "$PM_TEST_FIXTURES/busybox.tar" "$T/image.tar"
	tar -C "$T" -rf "$T/image.tar" big
	chmod 644 "$T/image.tar"
}

test_teardown() {
	local bad=0
	[ ! -e "$T/mnt/user/root/pm.db" ] || upm system reset -f >/dev/null || bad=1
	umount "$T/mnt" || bad=1
	return $bad
}

upm() {
	# shellcheck disable=SC2086 # a command and the user
	timeout --foreground -k 5 60 $PM_TEST_AS env HOME="$T/mnt/user" \
		"$PM_BIN" --root "$T/mnt/user/root" --runroot "$T/mnt/user/run" --storage-driver vfs "$@"
}

used_kb() {
	sync -f "$T/mnt"
	df -k --output=used "$T/mnt" | tail -1
}

@test "vfs on xfs: containers share their image's blocks until they write" {
	upm import -q "$T/image.tar" withbig >/dev/null
	before=$(used_kb)
	for name in first second third; do
		upm run -d --name "$name" --network none withbig sleep 100 >/dev/null
	done
	after=$(used_kb)
	[ $((after - before)) -lt 30000 ] || fail "three copies of 60 MB took $((after - before)) KB"
	sum=$(sha256sum <"$T/big" | cut -d' ' -f1)
	assert_eq "$(upm exec first sha256sum /big | cut -d' ' -f1)" "$sum"
	# one writes: the others and the image keep theirs
	upm exec first sh -c 'echo changed | dd of=/big conv=notrunc 2>/dev/null'
	assert_eq "$(upm exec first head -c 8 /big)" "changed"
	assert_eq "$(upm exec second sha256sum /big | cut -d' ' -f1)" "$sum"
	assert_eq "$(upm run --rm --network none withbig sha256sum /big | cut -d' ' -f1)" "$sum"
	upm rm -fat 0 >/dev/null
	run -0 upm system check --max 0
	assert_eq "$output" "No damage detected"
}
