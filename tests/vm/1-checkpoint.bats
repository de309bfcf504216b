#!/usr/bin/env bats
# run-bats: root
# Checkpoint and restore: by root, with runc, on a kernel that Debian's CRIU knows.

load ../bats/helpers

test_setup() {
	load_busybox
}

# pm with the runtime that has CRIU
rpm() {
	pm --runtime runc "$@"
}

# A container that counts in its log. counter NAME OPTIONS...
counter() {
	local name=$1
	shift
	rpm run -d --name "$name" "$@" "$IMAGE" sh -c 'i=0; while :; do i=$((i+1)); echo $i; sleep 0.1; done' >/dev/null
	wait_for counted "$name" 3
}

last() {
	pm logs "$1" | tail -1
}

# It has counted beyond a number.
counted() {
	local n
	n=$(last "$1")
	[ -n "$n" ] && [ "$n" -gt "$2" ]
}

# It never began anew, and left nothing out: the log is 1 2 3 ... N.
unbroken() {
	pm logs "$1" | awk '$1 != NR { bad = 1 } END { exit bad }'
}

state() {
	pm inspect -f '{{.State.Status}} {{.State.Checkpointed}} {{.State.Restored}}' "$1"
}

@test "a counter on a bridge goes on where it was; left running first; --keep leaves CRIU's files" {
	counter web --memory 64m -p 18080:80
	ip=$(pm inspect -f '{{.NetworkSettings.IPAddress}}' web)
	run -0 rpm container checkpoint --leave-running web
	assert_eq "$output" web
	assert_eq "$(state web)" "running false false"
	at=$(last web)
	rpm container checkpoint --keep web
	assert_eq "$(state web)" "exited true false"
	assert_like "$(pm inspect -f '{{.State.CheckpointedAt}}' web)" "^$(date -u +%Y)"
	dir=$(dirname "$(pm inspect -f '{{.State.CheckpointPath}}' web)")
	[ -e "$dir/checkpoint/inventory.img" ] && [ -s "$dir/dump.log" ]
	assert_eq "$(pm inspect -f '{{.State.CheckpointLog}}' web)" "$dir/dump.log"
	assert_eq "$(pm ps -q)" ""
	run -0 rpm container restore --keep web
	assert_eq "$output" web
	assert_eq "$(state web)" "running false true"
	[ -s "$dir/restore.log" ] && [ -s "$dir/stats-restore" ] && [ -e "$dir/checkpoint/inventory.img" ]
	assert_eq "$(pm inspect -f '{{.State.RestoreLog}}' web)" "$dir/restore.log"
	assert_eq "$(pm inspect -f '{{.NetworkSettings.IPAddress}}' web)" "$ip"
	wait_for counted web $((at + 3))
	unbroken web
	# a start begins anew, and says so
	pm stop -t 0 web
	rpm start web
	assert_eq "$(state web)" "running false false"
	pm rm -f -t 0 web
}

# bats test_tags=slow
@test "a terminal, files in /dev/shm and a tmpfs, a volume, standard input" {
	rpm run -dti --name web --network none --tmpfs /scratch -v data:/data "$IMAGE" sh -c 'exec 3>/dev/shm/open
		echo shm >/dev/shm/kept; echo tmp >/scratch/kept; echo vol >/data/kept
		i=0; while :; do i=$((i+1)); echo $i >&3; echo $i >/data/now; sleep 0.1; done'
	wait_for pm exec web test -s /data/now
	rpm container checkpoint web
	at=$(cat "$(pm volume inspect -f '{{.Mountpoint}}' data)/now")
	rpm container restore web
	later() { [ "$(pm exec web cat /data/now)" -gt $((at + 3)) ]; }
	wait_for later
	assert_eq "$(pm exec web cat /dev/shm/kept /scratch/kept /data/kept | tr -d '\r' | tr '\n' ' ')" "shm tmp vol "
	# the file it has open is the one that is there
	assert_eq "$(pm exec web sh -c "awk '\$1 != NR { print \"gap\"; exit }' /dev/shm/open")" ""
	pm rm -f -t 0 web
	pm volume rm data
}

# bats test_tags=slow
@test "a restart policy does not bring back what was checkpointed; --all; events; statistics" {
	counter web --network none --restart always
	counter other --network none
	run -0 rpm container checkpoint --all --print-stats
	assert_eq "$(jq -r '.container_statistics | length' <<<"$output")" 2
	assert_eq "$(jq -r '.container_statistics | map(.criu_statistics.pages_written > 0 and .runtime_checkpoint_duration > 0) | all' <<<"$output")" true
	assert_eq "$(pm ps -q)" ""
	run -0 rpm container restore --all --print-stats
	assert_eq "$(jq -r '.container_statistics | map(.criu_statistics.pages_restored > 0) | all' <<<"$output")" true
	assert_eq "$(pm ps --format '{{.Names}}' | sort | tr '\n' ' ')" "other web "
	wait_for unbroken web
	# what was restored from is used up
	[ ! -e "$T/root/containers/$(pm inspect -f '{{.Id}}' web)/checkpoint" ]
	assert_eq "$(pm events --stream=false --filter container=other --format '{{.Status}}' |
		grep -E 'checkpoint|restore' | tr '\n' ' ')" "checkpoint restore "
	# and when it ends by itself it is started again
	kill -9 "$(container_pid web)"
	began_anew() { [ "$(pm logs web | grep -cx 1)" = 2 ]; }
	wait_for began_anew
	pm rm -f -t 0 web other
}

# bats test_tags=slow
@test "an archive of each compression is another container elsewhere" {
	counter web --network none --label why=test --memory 64m -v vol:/vol -v /anonymous
	pm exec web sh -c 'echo new >/added; rm -r /var; echo v >/vol/file; echo a >/anonymous/file'
	for kind in none gzip zstd; do
		rpm container checkpoint --leave-running --compress $kind --export "$T/$kind.tar" web
	done
	assert_like "$(file -b "$T/gzip.tar")" '^gzip'
	assert_like "$(file -b "$T/zstd.tar")" '^Zstandard'
	tar -tf "$T/none.tar" | sort >"$T/list"
	for name in checkpoint/ checkpoint/inventory.img config.dump spec.dump network.status rootfs-diff.tar deleted.files \
		volumes/vol.tar devshm-checkpoint.tar stats-dump dump.log; do
		grep -qx "\(\./\)\?$name" "$T/list" || fail "no $name: $(cat "$T/list")"
	done
	assert_eq "$(tar -xOf "$T/none.tar" deleted.files | jq -r '.[]' | tail -1)" /var
	assert_eq "$(tar -xOf "$T/none.tar" config.dump | jq -r '.name + " " + .ociRuntime')" "web runc"
	run -125 rpm container restore --import "$T/gzip.tar"
	assert_error 125 'volume with name vol already exists. Use --ignore-volumes'
	run -125 rpm container restore --import "$T/gzip.tar" --ignore-volumes
	assert_error 125 'is already in use'
	pm rm -f -v -t 0 web
	pm volume rm vol
	run -0 rpm container restore --import "$T/gzip.tar"
	assert_eq "$output" "$(pm inspect -f '{{.Id}}' web)"
	assert_eq "$(pm inspect -f '{{.Config.Labels.why}} {{.HostConfig.Memory}}' web)" "test 67108864"
	assert_eq "$(pm exec web cat /added /vol/file /anonymous/file | tr '\n' ' ')" "new v a "
	run -1 pm exec web test -e /var
	counted_on() { [ "$(last web)" -gt 3 ]; }
	wait_for counted_on
	run -0 rpm container restore --import "$T/zstd.tar" --name second --ignore-volumes --ignore-rootfs
	run -1 pm exec second test -e /added
	assert_eq "$(pm ps --format '{{.Names}}' | sort | tr '\n' ' ')" "second web "
	# each in a control group of its own
	for name in web second; do
		assert_like "$(cat "/proc/$(container_pid $name)/cgroup")" "libpod-$(pm inspect -f '{{.Id}}' $name)"
	done
	pm rm -f -v -t 0 web second
	pm volume rm vol
}

# bats test_tags=slow
@test "--rm: refused without an archive; with one it is gone, and comes back from it" {
	counter web --network none --rm
	run rpm container checkpoint web
	assert_error 125 "started with '--rm' unless '--export' is used"
	rpm container checkpoint --export "$T/web.tar" web
	run -1 pm container exists web
	rpm container restore --import "$T/web.tar"
	assert_eq "$(state web)" "running false true"
	pm stop -t 0 web
	gone() { ! pm container exists web; }
	wait_for gone
}

# bats test_tags=slow
@test "a checkpoint image" {
	counter web --network none
	rpm container checkpoint --create-image saved web
	assert_eq "$(pm inspect -t image -f '{{index .Annotations "io.podman.annotations.checkpoint.name"}} {{index .Annotations "io.podman.annotations.checkpoint.runtime.name"}}' saved)" "web runc"
	rpm container restore --name second saved
	assert_eq "$(pm ps --format '{{.Names}}')" second
	pm rm -f -t 0 web second
	run rpm container restore "$IMAGE"
	assert_error 125 'no container with name or ID'
}

# bats test_tags=slow
@test "memory first: --pre-checkpoint, --with-previous, here and elsewhere" {
	counter web --network none
	if criu check --feature mem_dirty_track; then
		run rpm container checkpoint --with-previous web
		assert_error 125 'has no --pre-checkpoint'
		rpm container checkpoint --pre-checkpoint --export "$T/pre.tar" web
		assert_eq "$(state web)" "running false false"
		rpm container checkpoint --with-previous --export "$T/web.tar" web
		run rpm container restore --import "$T/pre.tar" --name second
		assert_error 125 'use --import-previous'
		rpm container restore --import "$T/web.tar" --import-previous "$T/pre.tar" --name second
		rpm container restore web
		wait_for unbroken web
		pm rm -f -t 0 second
	else
		run rpm container checkpoint --pre-checkpoint web
		assert_error 125 'does not track which pages are written'
	fi
	pm rm -f -t 0 web
}

@test "an established connection goes on" {
	rpm run -d --name server -p 18081:80 "$IMAGE" sh -c 'nc -l -p 80 -e sh -c "while read x; do echo got \$x; done"' >/dev/null
	ip=$(pm inspect -f '{{.NetworkSettings.IPAddress}}' server)
	listens() { pm exec server cat /proc/net/tcp /proc/net/tcp6 | grep -q ':0050 .* 0A '; }
	wait_for listens
	exec 5<>"/dev/tcp/$ip/80"
	echo one >&5
	read -r -t 20 answer <&5
	assert_eq "$answer" "got one"
	run rpm container checkpoint server
	assert_error 125 'CRIU failed: .*tcp'
	assert_eq "$(state server)" "running false false"
	rpm container checkpoint --tcp-established server
	rpm container restore --tcp-established server
	echo two >&5
	read -r -t 30 answer <&5
	exec 5>&-
	assert_eq "$answer" "got two"
	pm rm -f -t 0 server
}

@test "what cannot be is said: not running, no checkpoint, a runtime without CRIU, an archive that wants the host" {
	counter web --network none
	run rpm container restore web
	assert_error 125 'running or paused, cannot restore'
	pm stop -t 0 web
	run rpm container checkpoint web
	assert_error 125 'only a running one can be checkpointed'
	run rpm container restore web
	assert_error 125 'a complete checkpoint for container web cannot be found'
	pm rm web
	pm --runtime crun run -d --name web --network none "$IMAGE" sleep 1000
	run pm --runtime crun container checkpoint web
	assert_error 125 'its runtime .*crun, which was built without CRIU; runc can do it'
	pm rm -f -t 0 web
	counter web --network none -v /etc:/host
	rpm container checkpoint --export "$T/web.tar" web
	pm rm web
	run rpm container restore --import "$T/web.tar"
	assert_error 125 'wants a directory of the host'
	run rpm container checkpoint --export /nonexistent/x.tar nosuch
	assert_error 125 'no container with name or ID "nosuch"'
	assert_eq "$(pm ps -aq)" ""
	# what an archive calls an image of CRIU's is a file
	mkdir -p "$T/a/checkpoint"
	ln -s /etc/shadow "$T/a/checkpoint/pages-1.img"
	echo '{}' >"$T/a/config.dump"
	tar -C "$T/a" -cf "$T/bad.tar" .
	run rpm container restore --import "$T/bad.tar"
	assert_error 125 'checkpoint/pages-1.img is no regular file'
	[ "$(find "$T/root/staging" -mindepth 1 | wc -l)" = 0 ]
}
