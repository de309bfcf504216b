#!/usr/bin/env bats
# run-bats: root
# Two users of one machine, each with a store of its own, at the same images at once.

load helpers
load shared-layers

test_setup() {
	[ "$(id -u)" = 0 ] && [ -n "${PM_TEST_AS-}" ] || skip_or_fail "needs root" || return
	users=("${PM_TEST_AS##* }" "${PM_TEST_AS##* }2")
	"$BATS_TEST_DIRNAME/../../tools/test-user" "${users[1]}"
	chmod 711 "$T"
	for u in "${users[@]}"; do
		mkdir "$T/$u"
		chown "$u" "$T/$u"
	done
	start_registry
	make_images
}

test_teardown() {
	local u bad=0
	for u in "${users[@]}"; do
		[ ! -e "$T/$u/root/pm.db" ] || as "$u" system reset -f >/dev/null || bad=1
		[ -z "$(find "$T/$u" -mindepth 2 -print -quit)" ] || { find "$T/$u" >&2; bad=1; }
	done
	return $bad
}

as() { # USER ARGUMENT...: pm as that user
	local u=$1
	shift
	# shellcheck disable=SC2086 # a command
	timeout --foreground -k 5 120 ${PM_TEST_AS% *} "$u" env HOME="$T/$u" \
		"$PM_BIN" --root "$T/$u/root" --runroot "$T/$u/run" "$@"
}

@test "two users, 8 processes, images that share layers: each layer is fetched once a store, all succeed" {
	pids=()
	for u in "${users[@]}"; do
		for i in a b c d; do
			as "$u" pull -q --tls-verify=false "$REGISTRY/x/$i:1" >"$T/out-$u-$i" 2>&1 3>&- &
			pids+=($!)
		done
	done
	for p in "${pids[@]}"; do wait "$p" || { cat "$T"/out-*; fail "a pull failed"; }; done
	for i in 1 2 3 4 5; do
		assert_eq "layer $i $(fetches "$(sha256sum <"$T/l$i.tgz" | cut -d' ' -f1)")" "layer $i 2"
	done
	for u in "${users[@]}"; do
		run -0 as "$u" images --format '{{.Repository}}'
		assert_eq "$(sort <<<"$output")" "$(for i in a b c d; do echo "$REGISTRY/x/$i"; done)"
		assert_eq "$(ls "$T/$u/root/layers" | wc -l)" 6
		# each has its own files, and the other none of them
		assert_eq "$(find "$T/$u/root" ! -user "$u" ! -uid +65535 -print -quit)" ""
		run -0 as "$u" system check --max 0
		assert_eq "$output" "No damage detected"
		run -0 as "$u" run --rm --network none "$REGISTRY/x/c:1" \
			sh -c 'cat /dir1/big /dir2/big /dir3/big /dir4/big | sha256sum'
		assert_eq "$output" "$(cat "$T"/l[1-4]/dir*/big | sha256sum)"
	done
	# neither gets into the other's store
	run -125 timeout 20 ${PM_TEST_AS% *} "${users[0]}" "$PM_BIN" --root "$T/${users[1]}/root" \
		--runroot "$T/${users[1]}/run" images
	assert_like "$output" 'Permission denied'
}
