#!/usr/bin/env bats
# PM_TEST_KILLS=N: so many killed pulls instead of 15.
#
# Many pms on one store at once, and pulls that are killed: nothing is lost, nothing is left, nothing is fetched twice.

load helpers
load shared-layers

test_setup() {
	start_registry
	make_images
}

in_store() { # NUMBER COMMAND...: pm with a store of its own
	local n=$1
	shift
	timeout 120 "$PM_BIN" --root "$T/root$n" --runroot "$T/run$n" "$@"
}

# Nothing half-done in a store.
assert_store_whole() {
	run -0 in_store "$1" system check --max 0
	assert_eq "$output" "No damage detected"
	wait_for swept "$1"
}

# Helpers of a killed pm may end a moment after it.
swept() {
	in_store "$1" system check --quick >/dev/null
	[ -z "$(ls "$T/root$1/staging" "$T/root$1/trash" 2>/dev/null | grep -v '^$\|:$')" ]
}

drop_store() {
	in_store "$1" system reset -f >/dev/null
	assert_eq "$(find "$T/root$1" "$T/run$1" -mindepth 1 2>/dev/null)" ""
}

@test "8 processes in 2 stores pull images that share layers: each layer is fetched once a store" {
	pids=()
	for n in 1 2; do
		for i in a b c d; do
			in_store $n pull -q --tls-verify=false "$REGISTRY/x/$i:1" >"$T/out-$n-$i" 2>&1 &
			pids+=($!)
		done
	done
	for p in "${pids[@]}"; do wait "$p" || { cat "$T"/out-*; fail "a pull failed"; }; done
	for n in 1 2; do
		run -0 in_store $n images -q
		assert_eq "${#lines[@]}" 4
		assert_eq "$(ls "$T/root$n/layers" | wc -l)" 6
		assert_store_whole $n
		run -0 in_store $n run --rm --network none "$REGISTRY/x/c:1" sh -c 'cat /dir1/big /dir2/big /dir3/big /dir4/big | sha256sum'
		assert_eq "$output" "$(cat "$T"/l[1-4]/dir*/big | sha256sum)"
	done
	for i in 1 2 3 4 5; do
		assert_eq "layer $i $(fetches "$(sha256sum <"$T/l$i.tgz" | cut -d' ' -f1)")" "layer $i 2"
	done
	drop_store 1
	drop_store 2
}

@test "pulls, removals and runs of images that share layers, all at once" {
	in_store 1 pull -q --tls-verify=false "$REGISTRY/x/a:1" >/dev/null
	worker() {
		local i image
		for i in 1 2 3 4 5; do
			image=$REGISTRY/x/$(printf 'abcd' | cut -c $(((RANDOM % 4) + 1))):1
			case $((($1 + i) % 4)) in
			0 | 1) in_store 1 pull -q --tls-verify=false "$image" || return 1 ;;
			2) in_store 1 rmi "$image" || [ $? -le 2 ] || return 1 ;; # not there, in use: as may be
			3) in_store 1 run --rm --network none --tls-verify=false "$image" \
				sh -c 'cat /dir1/sub/f7 && sha256sum /dir*/big >/dev/null' 2>"$T/err-$1" ||
				# removed by another between its pull and the container's making: as may be
				grep -q 'image not known' "$T/err-$1" || { cat "$T/err-$1"; return 1; } ;;
			esac
		done
	}
	pids=()
	for w in 1 2 3 4 5 6 7 8; do
		worker $w >"$T/out-$w" 2>&1 &
		pids+=($!)
	done
	for k in "${!pids[@]}"; do
		wait "${pids[k]}" || { cat "$T/out-$((k + 1))" >&2; fail "worker $((k + 1)) failed"; }
	done
	assert_store_whole 1
	in_store 1 rmi -af >/dev/null
	assert_eq "$(ls "$T/root1/layers")" ""
	drop_store 1
}

@test "a pull killed at many moments, then once more: the same tree, nothing left" {
	in_store 1 pull -q --tls-verify=false "$REGISTRY/x/c:1" >/dev/null
	want=$(tree_of 1)
	started=$(date +%s%N)
	in_store 2 pull -q --tls-verify=false "$REGISTRY/x/c:1" >/dev/null
	whole=$((($(date +%s%N) - started) / 1000000))
	drop_store 2
	killed=0
	for k in $(seq "${PM_TEST_KILLS:-15}"); do
		"$PM_BIN" --root "$T/root2" --runroot "$T/run2" pull -q --tls-verify=false "$REGISTRY/x/c:1" >/dev/null 2>&1 &
		pid=$!
		# spread over the whole time, with some chance
		sleep "$(awk "BEGIN {srand($RANDOM); print ($k - rand()) * $whole / ${PM_TEST_KILLS:-15} / 1000}")"
		kill -9 $pid 2>/dev/null && killed=$((killed + 1))
		wait $pid || true
		run -0 in_store 2 pull -q --tls-verify=false "$REGISTRY/x/c:1"
		[ "$(tree_of 2)" = "$want" ] || fail "another tree after $k"
		assert_store_whole 2
		drop_store 2
	done
	echo "$killed were killed before they ended" >&2
	[ "$killed" -gt 3 ]
	drop_store 1
}

# All files of a store's layers, content, owners and times. (Recipes hold inode numbers.)
tree_of() {
	in_store "$1" unshare sh -c "cd $T/root$1/layers && find ./*/diff -printf '%p %M %U:%G %T@ %l\n' | sort; find ./*/diff -type f -exec sha256sum {} + | sort" | sha256sum
}
