#!/usr/bin/env bats
# pm sync: repositories, directories and lists of them.

load helpers

OCI=$PM_TEST_FIXTURES/oci

fill() {
	start_registry
	for ref in demo/app:1.10 demo/app:2.0 demo/other:1; do
		pm copy -q --dest-tls-verify=false "oci:$OCI" "docker://$REGISTRY/$ref"
	done
}

tags() {
	pm list-tags --tls-verify=false "docker://$REGISTRY/$1" | jq -r '.Tags | sort | join(" ")'
}

@test "sync: a repository to a directory and back" {
	fill
	run -0 pm sync --src docker --dest dir --src-tls-verify=false "$REGISTRY/demo/app" "$T/usb"
	assert_like "$output" "Synced 2 images from 1 sources"
	assert_eq "$(ls "$T/usb" | tr '\n' ' ')" "app:1.10 app:2.0 "
	skopeo --insecure-policy copy -q "dir:$T/usb/app:2.0" "oci:$T/check"
	run -0 pm sync -q --src docker --dest dir --scoped --src-tls-verify=false "$REGISTRY/demo/app:2.0" "$T/scoped"
	[ -f "$T/scoped/$REGISTRY/demo/app:2.0/manifest.json" ]
	run -0 pm sync -q --src dir --dest docker --dest-tls-verify=false --append-suffix -copy "$T/usb" "$REGISTRY/mirror"
	assert_eq "$(tags mirror/app)" "1.10-copy 2.0-copy"
	# once more: nothing of it is sent
	run -0 --separate-stderr pm sync --src docker --dest docker --src-tls-verify=false --dest-tls-verify=false \
		"$REGISTRY/demo/app" "$REGISTRY/mirror2"
	run -0 --separate-stderr pm sync --src docker --dest docker --src-tls-verify=false --dest-tls-verify=false \
		"$REGISTRY/demo/app" "$REGISTRY/mirror2"
	assert_eq "$(grep -c 'already exists' <<<"$stderr")" 2
}

@test "sync: a yaml file, with --dry-run and --keep-going" {
	fill
	cat >"$T/sync.yml" <<-EOF
		$REGISTRY:
		  tls-verify: false
		  images:
		    demo/other: []
		    demo/app:
		      - 1.10
		  images-by-tag-regex:
		    demo/app: ^2\.
	EOF
	run -0 pm sync --dry-run --src yaml --dest dir "$T/sync.yml" "$T/out"
	assert_like "$output" "Would have copied image ref 1/1 from=.*demo/app:1.10"
	assert_like "$output" "Would have synced 3 images from 3 sources"
	[ ! -e "$T/out" ]
	run -0 pm sync -q --src yaml --dest dir "$T/sync.yml" "$T/out"
	assert_eq "$(ls "$T/out" | tr '\n' ' ')" "app:1.10 app:2.0 other:1 "
	sed -i 's/- 1.10/- "9"\n      - "1.10"/' "$T/sync.yml"
	run -125 pm sync -q --src yaml --dest dir "$T/sync.yml" "$T/out2"
	assert_error 125 "demo/app:9"
	run -125 pm sync --keep-going --src yaml --dest dir "$T/sync.yml" "$T/out3"
	assert_like "$output" "Synced 3 images"
	assert_eq "$(ls "$T/out3" | tr '\n' ' ')" "app:1.10 app:2.0 other:1 "
}

@test "sync: what does not go together" {
	run -125 pm sync --src dir --dest dir "$T" "$T"
	assert_error 125 "rsync"
	run -125 pm sync --dest dir x "$T"
	assert_error 125 "source transport must be specified"
	run -125 pm sync --src dir --dest docker "$T" 127.0.0.1:1
	assert_error 125 "no images to sync found"
	printf 'a: [1\n' >"$T/bad.yml"
	run -125 pm sync --src yaml --dest dir "$T/bad.yml" "$T/o"
	assert_error 125 "YAML line"
}
