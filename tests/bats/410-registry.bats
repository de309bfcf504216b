#!/usr/bin/env bats
# What is asked of registries: inspect, list-tags, delete, search, login and logout.

load helpers

OCI=$PM_TEST_FIXTURES/oci

@test "inspect: an image in a registry, without pulling it, as Skopeo shows it" {
	start_registry
	pm copy -q --dest-tls-verify=false "oci:$OCI" "docker://$REGISTRY/demo/bb:1"
	pm copy -q --dest-tls-verify=false "oci:$OCI" "docker://$REGISTRY/demo/bb:2"
	run -0 pm image inspect --tls-verify=false "docker://$REGISTRY/demo/bb:1"
	# what Skopeo 1.9 has is all there with the same values
	diff <(jq -S 'del(.LayersData)' <<<"$output") \
		<(skopeo inspect --tls-verify=false "docker://$REGISTRY/demo/bb:1" | jq -S .)
	assert_eq "$(jq -r '.LayersData[0].Size' <<<"$output")" \
		"$(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/demo/bb:1" | jq .layers[0].size)"
	run -0 pm inspect --no-tags --tls-verify=false --format '{{.Name}} {{.Os}} {{len .RepoTags}}' "docker://$REGISTRY/demo/bb:1"
	assert_eq "$output" "$REGISTRY/demo/bb linux 0"
	pm image inspect --raw --tls-verify=false "docker://$REGISTRY/demo/bb:1" >"$T/raw"
	assert_eq "$(pm manifest-digest "$T/raw")" "sha256:$(sha256sum <"$T/raw" | cut -d' ' -f1)"
	pm image inspect --raw --config --tls-verify=false "docker://$REGISTRY/demo/bb:1" >"$T/config"
	assert_eq "sha256:$(sha256sum <"$T/config" | cut -d' ' -f1)" "$(jq -r .config.digest "$T/raw")"
	run -0 pm image inspect --config --format '{{.architecture}}' "oci:$OCI"
	assert_eq "$output" amd64
	# nothing was stored
	run -0 pm images -q
	assert_eq "$output" ""
	run -125 pm image inspect --raw busybox
	assert_error 125 "--raw is for images elsewhere"
	run -125 pm image inspect --tls-verify=false "docker://$REGISTRY/demo/bb:none"
	assert_error 125 "manifest unknown"
}

@test "list-tags, delete" {
	start_registry
	for tag in b a c; do
		pm copy -q --dest-tls-verify=false "oci:$OCI" "docker://$REGISTRY/demo:$tag"
	done
	run -0 pm list-tags --tls-verify=false "docker://$REGISTRY/demo"
	assert_eq "$(jq -c '[.Repository, (.Tags|sort)]' <<<"$output")" "[\"$REGISTRY/demo\",[\"a\",\"b\",\"c\"]]"
	run -125 pm list-tags --tls-verify=false "docker://$REGISTRY/demo:a"
	assert_error 125 "No tag or digest allowed"
	run -125 pm list-tags "oci:$OCI"
	assert_error 125 "Unsupported transport 'oci' for tag listing"
	pm copy -q "oci:$OCI" "docker-archive:$T/d.tar:x:1"
	run -0 pm list-tags "docker-archive:$T/d.tar"
	assert_eq "$(jq -c .Tags <<<"$output")" '["docker.io/library/x:1"]'
	run -0 pm delete --tls-verify=false "docker://$REGISTRY/demo:a"
	run -125 pm image inspect --tls-verify=false "docker://$REGISTRY/demo:b"
	run -125 pm delete --tls-verify=false "docker://$REGISTRY/demo:a"
	run -125 pm delete "dir:$OCI"
	assert_error 125 "from registries"
}

@test "search: the catalogue of a registry, and its tags" {
	start_registry
	for repo in team/app team/base other; do
		pm copy -q --dest-tls-verify=false "oci:$OCI" "docker://$REGISTRY/$repo:1"
	done
	run -0 pm search --tls-verify=false "$REGISTRY/team"
	assert_like "${lines[0]}" '^NAME  *DESCRIPTION *$'
	assert_eq "$(sed 1d <<<"$output" | tr -d ' ' | sort | tr '\n' ' ')" "$REGISTRY/team/app $REGISTRY/team/base "
	run -0 pm search --tls-verify=false --limit 1 --format '{{.Index}} {{.Name}}' "$REGISTRY/"
	assert_eq "$output" "$REGISTRY $REGISTRY/other"
	run -0 pm search --tls-verify=false --format json "$REGISTRY/nothing"
	assert_eq "$output" "[]"
	run -0 pm search --tls-verify=false --list-tags --format '{{.Name}}:{{.Tag}}' "$REGISTRY/team/app"
	assert_eq "$output" "$REGISTRY/team/app:1"
	run -125 pm search --filter nonsense=1 "$REGISTRY/x"
	assert_error 125 "invalid filter"
}

@test "login: verified, kept for the registry or a namespace, and forgotten" {
	start_registry --tls --auth
	export XDG_RUNTIME_DIR=$T/xdg
	mkdir -m 700 "$T/xdg"
	run -125 pm login --cert-dir "$T/certs" -u user -p wrong "$REGISTRY"
	assert_error 125 "authentication required"
	assert_eq "$(ls "$T/xdg")" ""
	run -0 pm login --cert-dir "$T/certs" -u user --password-stdin -v "$REGISTRY" <<<secret
	assert_like "$output" "Used: $T/xdg/containers/auth.json.*Login Succeeded!"
	assert_eq "$(stat -c %a "$T/xdg/containers/auth.json")" 600
	run -0 pm login --get-login "$REGISTRY"
	assert_eq "$output" user
	# Podman's tools understand it, and so do we
	run -0 skopeo login --get-login "$REGISTRY"
	assert_eq "$output" user
	run -0 pm copy -q --dest-cert-dir "$T/certs" "oci:$OCI" "docker://$REGISTRY/a:1"
	run -0 pm login --cert-dir "$T/certs" "$REGISTRY"
	assert_like "$output" "Existing credentials are valid"
	run -0 pm logout "$REGISTRY"
	assert_eq "$output" "Removed login credentials for $REGISTRY"
	run -125 pm logout "$REGISTRY"
	assert_error 125 "not logged into"
	run -125 pm login --get-login "$REGISTRY"
	run -125 pm copy -q --dest-cert-dir "$T/certs" "oci:$OCI" "docker://$REGISTRY/a:2"
	# a namespace's credentials are for it alone
	run -0 pm login --cert-dir "$T/certs" -u user -p secret "$REGISTRY/team"
	run -0 pm copy -q --dest-cert-dir "$T/certs" "oci:$OCI" "docker://$REGISTRY/team/a:2"
	run -125 pm copy -q --dest-cert-dir "$T/certs" "oci:$OCI" "docker://$REGISTRY/other/a:2"
	run -0 pm logout --all
	assert_eq "$(jq -c .auths "$T/xdg/containers/auth.json")" "{}"
}

# A credential helper that keeps what it is told in $T/vault, and how it was called in $T/calls.
make_helper() {
	mkdir -p "$T/bin" "$T/vault"
	cat >"$T/bin/docker-credential-vault" <<-EOF
		#!/bin/sh
		echo "\$1" >>$T/calls
		case \$1 in
		store) cat >$T/vault/it ;;
		get) [ -f $T/vault/it ] && cat $T/vault/it || { echo "credentials not found in native keychain"; exit 1; } ;;
		erase) rm $T/vault/it ;;
		esac
	EOF
	chmod +x "$T/bin/docker-credential-vault"
	export PATH=$T/bin:$PATH
}

@test "login: a credential helper, by auth.json or by registries.conf" {
	start_registry --tls --auth
	make_helper
	printf '{"credHelpers":{"%s":"vault"}}' "$REGISTRY" >"$T/auth.json"
	run -0 pm login --authfile "$T/auth.json" --cert-dir "$T/certs" -u user -p secret "$REGISTRY"
	assert_eq "$(jq -r .Secret "$T/vault/it")" secret
	run -1 grep -q auths "$T/auth.json"
	run -0 pm copy -q --authfile "$T/auth.json" --dest-cert-dir "$T/certs" "oci:$OCI" "docker://$REGISTRY/a:1"
	run -0 pm logout --authfile "$T/auth.json" "$REGISTRY"
	assert_eq "$(ls "$T/vault")" ""
	printf 'credential-helpers = ["vault", "containers-auth.json"]\n' >"$T/registries.conf"
	export CONTAINERS_REGISTRIES_CONF=$T/registries.conf
	run -0 pm login --cert-dir "$T/certs" -u user -p secret "$REGISTRY"
	run -0 pm copy -q --dest-cert-dir "$T/certs" "oci:$OCI" "docker://$REGISTRY/a:2"
	run -0 pm login --get-login "$REGISTRY"
	assert_eq "$output" user
	rm "$T/bin/docker-credential-vault"
	run -125 pm copy -q --dest-cert-dir "$T/certs" "oci:$OCI" "docker://$REGISTRY/a:3"
	assert_error 125 "credential helper"
}

@test "short names: asked for on a terminal, remembered, and refused without one when enforced" {
	start_registry
	pm copy -q --dest-tls-verify=false "oci:$OCI" "docker://$REGISTRY/b/app:1"
	export CONTAINERS_REGISTRIES_CONF=$T/registries.conf XDG_CACHE_HOME=
	conf() {
		printf 'unqualified-search-registries = ["%s/a", "%s/b"]\nshort-name-mode = "%s"\n[[registry]]\nlocation = "%s"\ninsecure = true\n' \
			"$REGISTRY" "$REGISTRY" "$1" "$REGISTRY" >"$T/registries.conf"
	}
	conf enforcing
	run -125 pm pull -q app:1 </dev/null
	assert_error 125 "short-name resolution enforced but cannot prompt without a TTY"
	run -0 script -qec "'$PM_BIN' --root '$T/root' --runroot '$T/run' pull -q app:1" /dev/null <<<2
	assert_like "$output" "Please select an image for .app."
	assert_like "$(cat "$HOME/.cache/containers/short-name-aliases.conf")" "\"app\" = \"$REGISTRY/b/app\""
	pm rmi -a
	unset CONTAINERS_REGISTRIES_CONF
	mkdir -p "$HOME/.config/containers" && cp "$T/registries.conf" "$HOME/.config/containers/"
	run -0 pm pull -q app:1 </dev/null
	run -0 pm images --format '{{.Repository}}'
	assert_eq "$output" "$REGISTRY/b/app"
	# all are tried in turn in the other modes
	rm "$HOME/.cache/containers/short-name-aliases.conf"
	conf permissive && cp "$T/registries.conf" "$HOME/.config/containers/"
	run -0 pm pull -q app:1 </dev/null
	conf nonsense && cp "$T/registries.conf" "$HOME/.config/containers/"
	run -125 pm pull -q app:1 </dev/null
	assert_error 125 "invalid short-name-mode"
}
