#!/usr/bin/env bats
# run-bats: root
# Project quotas on XFS and on ext4: the store lies on an image of either, mounted with prjquota.

load ../bats/helpers

# disk KIND [OPTIONS]: a new file system of that kind as this test's graph root, with the image
disk() {
	truncate -s 320M "$T/disk"
	case $1 in
	xfs) mkfs.xfs -q "$T/disk" ;;
	ext4) mkfs.ext4 -q -O quota,project -E quotatype=prjquota "$T/disk" ;;
	esac
	mkdir -p "$T/root"
	mount -o "loop${2:+,$2}" "$T/disk" "$T/root"
	load_busybox
}

test_teardown() {
	pm system reset -f
	# no limit is left to a number that nobody has
	[ ! -e "$T/disk" ] || ! limits || fail "limits left: $(limits)"
	! mountpoint -q "$T/root" || umount "$T/root"
}

# The projects that have limits, as NUMBER KIB INODES; fails when none has.
limits() {
	for what in -b -i; do
		xfs_quota -f -x -c "report -p -n -N $what" "$T/root"
	done | awk '/^#/ && $1 != "#0" { l[$1] = l[$1] " " $4 } END { for (n in l) print n l[n] }' | grep -v ' 0 0$'
}

# The lines on which a command of the container or of pm says that there is no more room.
full='No space left on device|Disk quota exceeded'

volumes() {
	run -0 pm volume create --opt o=size=10m,inodes=20 small
	assert_eq "$output" small
	assert_eq "$(pm volume inspect -f '{{.Options}}' small)" 'map[INODES:20 SIZE:10m o:size=10m,inodes=20]'
	assert_like "$(limits)" ' 10240 20$'
	run -0 pm run --rm -v small:/v "$IMAGE" sh -c 'df -k /v | tail -1'
	assert_like "$output" ' 10240 '
	run pm run --rm -v small:/v "$IMAGE" sh -c 'dd if=/dev/zero of=/v/big bs=1M count=20'
	[ "$status" != 0 ] && assert_like "$output" "$full"
	size=$(stat -c %s "$(pm volume inspect -f '{{.Mountpoint}}' small)/big")
	[ "$size" -le 10485760 ] && [ "$size" -ge 9000000 ]
	# inodes
	run pm run --rm -v small:/v "$IMAGE" sh -c 'rm /v/big; for i in $(seq 40); do touch /v/$i || exit 3; done'
	assert_eq "$status" 3
	assert_like "$output" "$full"
	# the limit is a volume's, not the file system's
	pm volume create --opt o=size=2m,uid=7,gid=8 other
	assert_eq "$(stat -c %u:%g "$(pm volume inspect -f '{{.Mountpoint}}' other)")" 7:8
	pm run --rm -v other:/v "$IMAGE" dd if=/dev/zero of=/v/big bs=1M count=1
	pm run --rm "$IMAGE" dd if=/dev/zero of=/big bs=1M count=15
	# import, and an image's files that a volume is filled with
	head -c 6M /dev/urandom >"$T/file"
	tar -C "$T" -cf "$T/file.tar" file
	run pm volume import other "$T/file.tar"
	assert_error 125 "import into volume other.*($full)"
	mkdir "$T/context"
	mv "$T/file" "$T/context/"
	printf 'FROM %s\nCOPY file /v/file\n' "$IMAGE" >"$T/context/Containerfile"
	pm build -q -t big "$T/context"
	pm volume create --opt o=size=3m third
	run pm run --rm -v third:/v big true
	assert_error 125 "fill the volume for .*($full)"
	assert_eq "$(pm system df --format '{{.Type}} {{.Total}}' | grep Volumes)" "Local Volumes 3"
	run pm volume create --opt o=size=1m,noquota fourth
	assert_error 125 'cannot be used without quota'
	# the number goes with the volume, also when its remover was killed before it could take the limit away
	pm volume rm small third
	assert_eq "$(limits | wc -l)" 1
}

containers() {
	run pm run --name web --storage-opt size=5m "$IMAGE" sh -c 'dd if=/dev/zero of=/big bs=1M count=20'
	[ "$status" != 0 ] && assert_like "$output" "$full"
	assert_eq "$(pm inspect -f '{{.HostConfig.DiskQuota}}' web)" 5242880
	pm rm web
	[ ! -e "$T/root/trash" ] || [ -z "$(ls "$T/root/trash")" ]
	! limits
	run pm run --rm --storage-opt inodes=30 "$IMAGE" sh -c 'for i in $(seq 60); do touch /$i || exit 3; done'
	assert_eq "$status" 3
	assert_like "$output" "$full"
	! limits
	# storage.conf's is each container's, but for who says otherwise, and no image's
	printf '[storage]\ndriver="overlay"\n[storage.options.overlay]\nsize="3m"\n' >"$T/storage.conf"
	export CONTAINERS_STORAGE_CONF=$T/storage.conf
	run pm run --rm "$IMAGE" dd if=/dev/zero of=/big bs=1M count=8
	assert_like "$output" "$full"
	pm run --rm --storage-opt size=20m "$IMAGE" dd if=/dev/zero of=/big bs=1M count=8
	pm run --rm --storage-opt size=0 "$IMAGE" dd if=/dev/zero of=/big bs=1M count=8
	printf 'FROM %s\nRUN dd if=/dev/zero of=/big bs=1M count=8\n' "$IMAGE" | pm build -q -t big -
	unset CONTAINERS_STORAGE_CONF
	run pm --storage-opt overlay.size=4m run --rm "$IMAGE" dd if=/dev/zero of=/big bs=1M count=8
	assert_like "$output" "$full"
	# files are renamed, linked and replaced as ever
	pm run --name web --storage-opt size=20m "$IMAGE" sh -ec 'mkdir /d; echo x >/d/x; mv /d/x /d/y; ln /d/y /z
		mv /d /e; rm -r /e; mkdir /var/new; mv /var /var2; rm -r /var2; echo new >/etc/passwd'
	pm commit -q web saved
	assert_eq "$(pm run --rm saved cat /z /etc/passwd | tr '\n' ' ')" "x new "
	run pm create --storage-opt size=1m --rootfs "$T" true
	assert_error 125 'not supported with --rootfs'
}

# bats test_tags=slow
@test "XFS: volumes" {
	disk xfs prjquota
	volumes
}

@test "XFS: containers" {
	disk xfs prjquota
	containers
}

# bats test_tags=slow
@test "ext4: volumes" {
	disk ext4 prjquota
	volumes
}

# bats test_tags=slow
@test "ext4: containers" {
	disk ext4 prjquota
	containers
}

@test "without quotas: refused, with what to mount, and nothing is left" {
	for kind in xfs ext4; do
		disk $kind
		run pm volume create --opt o=size=10m small
		assert_error 125 "Filesystem does not support Project Quota: $T/root/volumes must be on XFS or ext4 mounted with the option prjquota"
		run pm create --storage-opt size=1G --name web "$IMAGE"
		assert_error 125 "Filesystem does not support Project Quota: $T/root/containers must be"
		assert_eq "$(pm ps -aq)$(pm volume ls -q)$(ls "$T/root/volumes" "$T/root/containers" | grep -v :)" ""
		pm system reset -f
		umount "$T/root"
	done
}
