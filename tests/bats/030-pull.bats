#!/usr/bin/env bats
# run-bats: leaks
# pull from a registry (Debian's docker-registry) and from local layouts.

load helpers

OCI=$PM_TEST_FIXTURES/oci

@test "pull over HTTP: the id on standard output, progress on standard error" {
	start_registry
	registry_push "$OCI" demo/busybox 1
	run -0 --separate-stderr pm pull --tls-verify=false "$REGISTRY/demo/busybox:1"
	assert_like "$output" '^[0-9a-f]{64}$'
	assert_like "$stderr" "Trying to pull $REGISTRY/demo/busybox:1..."
	assert_like "$stderr" "Copying blob sha256:"
	id=$output
	run -0 pm images --format '{{.Repository}}:{{.Tag}} {{.Id}}'
	assert_eq "$output" "$REGISTRY/demo/busybox:1 $id"
	# again: nothing is fetched
	run -0 --separate-stderr pm pull --tls-verify=false "$REGISTRY/demo/busybox:1"
	assert_eq "$output" "$id"
	assert_like "$stderr" "already exists"
	run -0 --separate-stderr pm pull -q --tls-verify=false "$REGISTRY/demo/busybox:1"
	assert_eq "$stderr" ""
}

@test "pull over HTTPS with a password" {
	start_registry --tls --auth
	registry_push "$OCI" demo/busybox 1
	run -125 pm pull "$REGISTRY/demo/busybox:1"
	assert_like "$output" "[Cc]ertificate"
	run -125 pm pull --cert-dir "$T/certs" "$REGISTRY/demo/busybox:1"
	assert_like "$output" "(unauthorized|authentication)"
	run -125 pm pull --cert-dir "$T/certs" --creds user:wrong "$REGISTRY/demo/busybox:1"
	run -0 pm pull -q --cert-dir "$T/certs" --creds user:secret "$REGISTRY/demo/busybox:1"
	pm rmi -a
	# credentials and certificate from the user's files
	mkdir -p "$HOME/.config/containers/certs.d/$REGISTRY"
	cp "$T/certs/ca.crt" "$HOME/.config/containers/certs.d/$REGISTRY/"
	printf '{"auths":{"%s":{"auth":"%s"}}}' "$REGISTRY" "$(printf user:secret | base64)" >"$T/auth.json"
	run -0 pm pull -q --authfile "$T/auth.json" "$REGISTRY/demo/busybox:1"
	pm rmi -a
	mkdir "$T/docker" && cp "$T/auth.json" "$T/docker/config.json"
	run -0 pm --config "$T/docker" pull -q "$REGISTRY/demo/busybox:1"
	run -0 pm run --rm --network none "$REGISTRY/demo/busybox:1" echo it runs
	assert_eq "$output" "it runs"
}

@test "pull: what is not there, what is malformed" {
	start_registry
	registry_push "$OCI" demo/busybox 1
	run -125 pm pull --tls-verify=false "$REGISTRY/demo/busybox:nope"
	assert_error 125 "manifest unknown"
	run -125 pm pull --tls-verify=false "$REGISTRY/Demo/Busy"
	assert_error 125 "invalid reference .*Demo.Busy"
	run -125 pm pull --platform linux/amd64 --os linux "$REGISTRY/demo/busybox:1"
	assert_error 125 "--platform option can not be specified with --arch or --os"
	run -125 pm pull --platform / "$REGISTRY/demo/busybox:1"
	run -125 pm pull 127.0.0.1:1/x
	run -0 pm images -q
	assert_eq "$output" ""
	assert_eq "$(find "$T/root/staging" -mindepth 1 2>/dev/null)" ""
}

@test "pull: several names, one of them missing" {
	start_registry
	registry_push "$OCI" demo/busybox 1
	run -125 --separate-stderr pm pull -q --tls-verify=false "$REGISTRY/demo/nope:1" "$REGISTRY/demo/busybox:1"
	assert_like "$output" '^[0-9a-f]{64}$'
	assert_like "$stderr" '^Error: '
}

@test "pull -a: all tags" {
	start_registry
	registry_push "$OCI" demo/busybox 1
	registry_push "$OCI" demo/busybox 2
	run -0 pm pull -q -a --tls-verify=false "$REGISTRY/demo/busybox"
	run -0 pm images --sort tag --format '{{.Tag}}'
	assert_eq "$output" "1
2"
}

@test "pull from an OCI layout and an archive of it" {
	run -0 pm pull -q "oci:$OCI:latest"
	id=$output
	tar -C "$OCI" -cf "$T/image.tar" .
	run -0 pm pull -q "oci-archive:$T/image.tar"
	assert_eq "$output" "$id"
	run -125 pm pull "oci:$T/nope:x"
	run -125 pm pull docker-daemon:x:y
	assert_error 125 "docker-daemon"
}

@test "pull on a terminal draws and removes its bars" {
	start_registry
	registry_push "$OCI" demo/busybox 1
	run -0 script -qec "stty cols 60 rows 10; TERM=xterm '$PM_BIN' --root '$T/root' --runroot '$T/run' pull --tls-verify=false $REGISTRY/demo/busybox:1" /dev/null
	assert_like "$output" 'Copying blob [0-9a-f]{12} done'
	assert_like "$output" $'\033\[1A\033\[J'
	# no line is wider than the terminal
	assert_eq "$(grep 'Copying blob' <<<"$output" | tr -d '\r' | sed 's/\x1b\[[0-9]*[A-Z]//g' | awk 'length > 60')" ""
}

@test "pull --policy; --retry" {
	start_registry
	registry_push "$PM_TEST_FIXTURES/oci" policy 1
	ref=$REGISTRY/policy:1
	run -125 pm pull -q --tls-verify=false --policy never "$ref"
	assert_error 125 'image not known'
	id=$(pm pull -q --tls-verify=false --policy missing "$ref")
	assert_eq "$(pm pull -q --tls-verify=false --policy newer "$ref")" "$id"
	run -125 pm pull --policy sometimes "$ref"
	assert_error 125 'unsupported pull policy "sometimes"'
	run -125 pm pull --policy missing --all-tags "$ref"
	assert_error 125 'all-tags is for --policy always'
	stop_registry
	assert_eq "$(pm pull -q --tls-verify=false --policy missing "$ref")" "$id"
	assert_eq "$(pm pull -q --tls-verify=false --policy never "$ref")" "$id"
	run -125 --separate-stderr pm pull --tls-verify=false --retry 2 --retry-delay 10ms "$ref"
	assert_eq "$(grep -c 'retrying in' <<<"$stderr")" 2
	run -125 --separate-stderr pm pull --tls-verify=false --retry 0 "$ref"
	assert_eq "$(grep -c 'retrying in' <<<"$stderr")" 0
	run -125 --separate-stderr pm run --rm --network none --pull always --tls-verify=false --retry 1 --retry-delay 10ms "$ref" true
	assert_eq "$(grep -c 'retrying in' <<<"$stderr")" 1
	printf 'A=1\n' >"$T/env"
	assert_eq "$(pm run --rm --network none --env-file "-$T/no" --env-file "-$T/env" "$id" sh -c 'echo $A')" 1
	run -125 pm run --rm --network none --env-file "$T/no" "$id" true
	assert_error 125 'No such file'
}
