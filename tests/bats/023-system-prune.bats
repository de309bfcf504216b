#!/usr/bin/env bats
# system prune: what goes, what stays, what it says.

load helpers

test_setup() {
	load_busybox
	pm create --name stopped -v used:/v busybox true >/dev/null
	pm run -d --name running -v busy:/v --network none busybox sleep 1000 >/dev/null
	pm volume create idle >/dev/null
	pm network create spare >/dev/null
	pm import -q -c LABEL=a=b "$PM_TEST_FIXTURES/busybox.tar" localhost/two:1 >/dev/null
	DANGLING=$(pm import -q -c LABEL=c=d "$PM_TEST_FIXTURES/busybox.tar")
}

names() {
	pm ps -a --format '{{.Names}}' | sort
	echo --
	pm images -a --format '{{.Repository}}' | sort
	echo --
	pm volume ls -q | sort
	echo --
	pm network ls -q | grep -c spare || true
}

@test "asks first, and says what would go" {
	run -0 bash -c "echo n | '$PM_BIN' --root '$T/root' --runroot '$T/run' system prune -a --volumes"
	assert_like "$output" "WARNING! This command removes:
	- all stopped containers
	- all networks not used by at least one container
	- all volumes not used by at least one container
	- all images without at least one container associated with them
	- all build cache

Are you sure"
	run -0 bash -c "echo n | '$PM_BIN' --root '$T/root' --runroot '$T/run' system prune"
	[[ $output != *volumes* ]]
	assert_like "$output" "all dangling images"
	run -0 names
	assert_eq "$output" "running
stopped
--
<none>
localhost/busybox
localhost/two
--
busy
idle
used
--
1"
}

@test "stopped containers, unused networks and dangling images go" {
	id=$(pm inspect -f '{{.Id}}' stopped)
	run -0 pm system prune -f
	assert_eq "$output" "Deleted Containers
$id
Deleted Networks
spare
Deleted Images
${DANGLING#sha256:}
Total reclaimed space: 0B"
	run -0 names
	assert_eq "$output" "running
--
localhost/busybox
localhost/two
--
busy
idle
used
--
0"
}

@test "--all and --volumes: only what runs stays; bytes are counted" {
	pm run --rm --network none -v idle:/v busybox sh -c 'head -c 50000 /dev/zero >/v/f'
	run -0 pm system prune -af --volumes
	assert_like "$output" $'Deleted Volumes\nidle\nused\n'
	assert_like "$output" "Total reclaimed space: 50kB"
	run -0 names
	assert_eq "$output" "running
--
localhost/busybox
--
busy
--
0"
	pm rm -f -t 0 running >/dev/null
	run -0 pm system prune -af --volumes
	assert_like "$output" "Total reclaimed space: [0-9.]+MB"
	assert_eq "$(ls "$T/root/layers" "$T/root/volumes" "$T/root/containers" | grep -v ':$\|^$')" ""
}

@test "filters: label, until; others are refused" {
	run -125 pm system prune -f --filter foo=1
	assert_error 125 "foo is an invalid filter"
	run -0 pm system prune -af --volumes --filter until=1h
	assert_eq "$output" "Total reclaimed space: 0B"
	run -0 pm system prune -af --filter label=a=b
	[[ $output != *Containers* ]]
	run -0 pm images --format '{{.Repository}}' -f dangling=false
	assert_eq "$output" localhost/busybox
}
