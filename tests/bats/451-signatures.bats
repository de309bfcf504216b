#!/usr/bin/env bats
# run-bats: leaks
# Signatures made by pm and carried by it, verified by Skopeo where it can (Debian's has no sigstore), and the other way round.

load helpers

OCI=$PM_TEST_FIXTURES/oci

test_setup() {
	export GNUPGHOME=$T/gnupg
	mkdir -m 700 "$GNUPGHOME"
}

test_teardown() {
	gpgconf --kill all
}

# key NAME: a key of gpg's, public half in $T/NAME.asc; its fingerprint in $KEY
key() {
	gpg --batch --quiet --passphrase "${2-}" --pinentry-mode loopback --quick-gen-key "$1@example.org" ed25519 sign never 2>/dev/null
	gpg --batch --armor --export "$1@example.org" >"$T/$1.asc"
	KEY=$(gpg --batch --list-keys --with-colons "$1@example.org" | awk -F: '/^fpr/ { print $10; exit }')
}

# A registry, with places for both kinds of signatures.
registry() {
	start_registry
	mkdir -p "$T/reg.d"
	printf 'docker:\n  %s:\n    use-sigstore-attachments: true\n    lookaside: file://%s/lookaside\n' "$REGISTRY" "$T" >"$T/reg.d/x.yaml"
}

sigstore_key() {
	echo "a word" >"$T/word"
	pm generate-sigstore-key --output-prefix "$T/$1" --passphrase-file "$T/word" >/dev/null
}

copy() {
	pm copy -q --insecure-policy --registries.d "$T/reg.d" --src-tls-verify=false --dest-tls-verify=false "$@"
}

# policy REQUIREMENT: of images in the registry and in directories; all else is rejected
policy() {
	printf '{"default":[{"type":"reject"}],"transports":{"docker":{"%s":[%s]},"dir":{"":[%s]}}}' "$REGISTRY" "$1" "$1" >"$T/policy.json"
}

gpg_policy() {
	policy "{\"type\":\"signedBy\",\"keyType\":\"GPGKeys\",\"keyPath\":\"$T/$1.asc\"${2+,\"signedIdentity\":$2}}"
}

sigstore_policy() {
	policy "{\"type\":\"sigstoreSigned\",\"keyPath\":\"$T/$1.pub\"${2+,\"signedIdentity\":$2}}"
}

# What the policy says to an image: pm, and Skopeo.
ours() {
	rm -rf "$T/out"
	pm copy -q --remove-signatures --src-tls-verify=false --policy "$T/policy.json" --registries.d "$T/reg.d" "$@" "dir:$T/out"
}

theirs() {
	rm -rf "$T/out"
	skopeo --policy "$T/policy.json" --registries.d "$T/reg.d" copy -q --remove-signatures --src-tls-verify=false "$@" "dir:$T/out"
}

files() {
	(cd "$1" && find . -name '*signature-*' | sort | tr '\n' ' ')
}

# A list of two images, in the directory $T/list
make_list() {
	local d=$T/list one two
	mkdir "$d"
	copy "oci:$OCI" "dir:$d"
	one=$(sha256sum <"$d/manifest.json" | cut -d' ' -f1)
	jq -c '.annotations={"a":"b"}' "$d/manifest.json" | tr -d '\n' >"$T/second"
	two=$(sha256sum <"$T/second" | cut -d' ' -f1)
	mv "$d/manifest.json" "$d/$one.manifest.json"
	mv "$T/second" "$d/$two.manifest.json"
	entry() {
		printf '{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:%s","size":%d,"platform":{"os":"linux","architecture":"%s"}}' \
			"$1" "$(stat -c %s "$d/$1.manifest.json")" "$2"
	}
	printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[%s,%s]}' \
		"$(entry "$one" amd64)" "$(entry "$two" arm64)" >"$d/manifest.json"
}

@test "signatures: push, copy and sync sign with gpg; Skopeo verifies" {
	registry
	key good
	key bad
	good=$(gpg --list-keys --with-colons good@example.org | awk -F: '/^fpr/ { print $10; exit }')
	load_busybox
	mkdir -p "$HOME/.config/containers/registries.d"
	cp "$T/reg.d/x.yaml" "$HOME/.config/containers/registries.d/"
	run -0 pm push -q --tls-verify=false --sign-by "$good" "$IMAGE" "$REGISTRY/a/pushed:1"
	run -0 copy --sign-by good@example.org "oci:$OCI" "docker://$REGISTRY/a/copied:1"
	run -0 copy "oci:$OCI" "dir:$T/synced/synced:1"
	run -0 pm sync -q --src dir --dest docker --dest-tls-verify=false --sign-by "$good" "$T/synced" "$REGISTRY/a"
	gpg_policy good
	for name in pushed copied synced; do
		run -0 theirs "docker://$REGISTRY/a/$name:1"
		run -0 ours "docker://$REGISTRY/a/$name:1"
	done
	gpg_policy bad
	run -1 theirs "docker://$REGISTRY/a/pushed:1"
	run -125 ours "docker://$REGISTRY/a/pushed:1"
	assert_error 125 "not by a key of the policy"
	# and pm what Skopeo signed
	run -0 skopeo --insecure-policy --registries.d "$T/reg.d" copy -q --dest-tls-verify=false --sign-by "$KEY" \
		"oci:$OCI" "docker://$REGISTRY/a/theirs:1"
	run -0 ours "docker://$REGISTRY/a/theirs:1"
	gpg_policy good
	run -125 ours "docker://$REGISTRY/a/theirs:1"
	# a key that is not there: nothing was pushed
	run -125 copy --sign-by nobody@example.org "oci:$OCI" "docker://$REGISTRY/a/none:1"
	assert_error 125 "signing image sha256:[0-9a-f]*: gpg does not sign with key 'nobody@example.org'"
	run -125 pm list-tags --tls-verify=false "docker://$REGISTRY/a/none"
}

@test "signatures: a gpg key with a passphrase" {
	registry
	key locked opensesame
	echo opensesame >"$T/pass"
	echo wrong >"$T/wrong"
	gpgconf --kill all
	run -125 copy --sign-by "$KEY" --sign-passphrase-file "$T/wrong" "oci:$OCI" "docker://$REGISTRY/a/b:1"
	run -0 copy --sign-by "$KEY" --sign-passphrase-file "$T/pass" "oci:$OCI" "docker://$REGISTRY/a/b:1"
	gpg_policy locked
	run -0 theirs "docker://$REGISTRY/a/b:1"
}

@test "signatures: sigstore keys, made, used and verified" {
	registry
	sigstore_key k
	sigstore_key other
	assert_eq "$(stat -c %a "$T/k.private")" 600
	run -125 pm generate-sigstore-key --output-prefix "$T/k" --passphrase-file "$T/word"
	assert_error 125 "refusing to overwrite existing $T/k.private"
	run -125 pm generate-sigstore-key --output-prefix "$T/new" </dev/null
	assert_error 125 "passphrase for key $T/new.private is needed"
	load_busybox
	mkdir -p "$HOME/.config/containers/registries.d"
	cp "$T/reg.d/x.yaml" "$HOME/.config/containers/registries.d/"
	run -0 pm push -q --tls-verify=false --sign-by-sigstore-private-key "$T/k.private" --sign-passphrase-file "$T/word" \
		"$IMAGE" "$REGISTRY/a/pushed:1"
	printf 'privateKeyFile: %s\nprivateKeyPassphraseFile: %s\n' "$T/k.private" "$T/word" >"$T/params"
	run -0 copy --sign-by-sigstore "$T/params" "oci:$OCI" "docker://$REGISTRY/a/copied:1"
	sigstore_policy k
	run -0 ours "docker://$REGISTRY/a/pushed:1"
	run -0 ours "docker://$REGISTRY/a/copied:1"
	sigstore_policy other
	run -125 ours "docker://$REGISTRY/a/copied:1"
	assert_error 125 "is rejected by policy: the signature is not by a key of the policy"
	# by openssl, as cosign would
	run -0 copy "docker://$REGISTRY/a/copied:1" "dir:$T/d"
	sed 1d "$T/d/signature-1" | tr -d '\0' >"$T/json"
	jq -r .payload "$T/json" | base64 -d >"$T/payload"
	jq -r '.annotations["dev.cosignproject.cosign/signature"]' "$T/json" | base64 -d >"$T/sig"
	openssl dgst -sha256 -verify "$T/k.pub" -signature "$T/sig" "$T/payload"
	assert_eq "$(jq -r '.critical.image["docker-manifest-digest"]' "$T/payload")" "sha256:$(sha256sum <"$T/d/manifest.json" | cut -d' ' -f1)"
	assert_eq "$(jq -r '.critical.identity["docker-reference"]' "$T/payload")" "$REGISTRY/a/copied:1"
	# a second signature joins the first
	run -0 copy --sign-by-sigstore-private-key "$T/other.private" --sign-passphrase-file "$T/word" "docker://$REGISTRY/a/copied:1" "docker://$REGISTRY/a/copied:1"
	run -0 ours "docker://$REGISTRY/a/copied:1"
	sigstore_policy k
	run -0 ours "docker://$REGISTRY/a/copied:1"
	# what does not work
	echo "another word" >"$T/wrong"
	run -125 copy --sign-by-sigstore-private-key "$T/k.private" --sign-passphrase-file "$T/wrong" "oci:$OCI" "docker://$REGISTRY/a/none:1"
	assert_error 125 "private key $T/k.private: the passphrase is wrong"
	run -125 copy --sign-by-sigstore-private-key "$T/k.private" "oci:$OCI" "docker://$REGISTRY/a/none:1" </dev/null
	assert_error 125 "passphrase for key .* is needed"
	run -125 copy --sign-by-sigstore-private-key "$T/k.pub" --sign-passphrase-file "$T/word" "oci:$OCI" "docker://$REGISTRY/a/none:1"
	assert_error 125 "'PUBLIC KEY', not an encrypted sigstore private key"
	run -125 copy --sign-by x --sign-by-sigstore-private-key "$T/k.private" --sign-passphrase-file "$T/word" "oci:$OCI" "docker://$REGISTRY/a/none:1"
	assert_error 125 "only one of --sign-by and --sign-by-sigstore-private-key"
	run -125 copy --sign-by-sigstore "$T/params" --sign-by-sigstore-private-key "$T/k.private" "oci:$OCI" "docker://$REGISTRY/a/none:1"
	assert_error 125 "only one of --sign-by-sigstore and"
	run -125 copy --sign-passphrase-file "$T/word" "oci:$OCI" "docker://$REGISTRY/a/none:1"
	assert_error 125 "sign-passphrase-file goes with"
	echo 'rekorURL: https://rekor.example' >>"$T/params"
	run -125 copy --sign-by-sigstore "$T/params" "oci:$OCI" "docker://$REGISTRY/a/none:1"
	assert_error 125 "rekorURL: signing by way of Fulcio and Rekor is not supported"
	# where registries.d does not allow attachments
	printf 'docker:\n  %s:\n    lookaside: https://signatures.example\n' "$REGISTRY" >"$T/reg.d/x.yaml"
	run -125 copy --sign-by-sigstore-private-key "$T/k.private" --sign-passphrase-file "$T/word" "oci:$OCI" "docker://$REGISTRY/a/none:1"
	assert_error 125 "writing sigstore attachments is disabled"
	run -125 copy --sign-by x "oci:$OCI" "docker://$REGISTRY/a/none:1"
	assert_error 125 "registries.d must give a lookaside-staging"
	run -125 pm list-tags --tls-verify=false "docker://$REGISTRY/a/none"
}

@test "signatures: copied along, byte for byte, as Skopeo does" {
	registry
	key good
	sigstore_key k
	copy --sign-by "$KEY" "oci:$OCI" "docker://$REGISTRY/a/src:1"
	copy --sign-by-sigstore-private-key "$T/k.private" --sign-passphrase-file "$T/word" "docker://$REGISTRY/a/src:1" "docker://$REGISTRY/a/src:1"
	run -0 copy "docker://$REGISTRY/a/src:1" "dir:$T/ours"
	assert_eq "$(files "$T/ours")" "./signature-1 ./signature-2 "
	skopeo --insecure-policy --registries.d "$T/reg.d" copy -q --src-tls-verify=false "docker://$REGISTRY/a/src:1" "dir:$T/theirs"
	for n in 1 2; do cmp "$T/ours/signature-$n" "$T/theirs/signature-$n"; done
	# from directories of either to the registry by either
	run -0 copy "dir:$T/theirs" "docker://$REGISTRY/a/one:1"
	skopeo --insecure-policy --registries.d "$T/reg.d" copy -q --dest-tls-verify=false "dir:$T/ours" "docker://$REGISTRY/a/two:1"
	for name in one two; do
		gpg_policy good '{"type":"exactReference","dockerReference":"'"$REGISTRY/a/src:1"'"}'
		run -0 theirs "docker://$REGISTRY/a/$name:1"
		run -0 ours "docker://$REGISTRY/a/$name:1"
		sigstore_policy k '{"type":"exactReference","dockerReference":"'"$REGISTRY/a/src:1"'"}'
		run -0 ours "docker://$REGISTRY/a/$name:1"
	done
	# a directory's are obeyed as a registry's are, by copy and by pull
	run -0 ours "dir:$T/theirs"
	run -0 pm pull -q --signature-policy "$T/policy.json" "dir:$T/theirs"
	rm "$T/theirs/signature-2"
	run -125 pm pull -q --signature-policy "$T/policy.json" "dir:$T/theirs"
	assert_error 125 "no sigstore signature exists"
	# left out when asked to, and none of an earlier image stays
	run -0 copy --remove-signatures "dir:$T/ours" "docker://$REGISTRY/b/c:1"
	run -0 copy --remove-signatures "dir:$T/theirs" "dir:$T/ours"
	assert_eq "$(files "$T/ours")" ""
	run -0 pm list-tags --tls-verify=false "docker://$REGISTRY/b/c"
	assert_eq "$(jq -c .Tags <<<"$output")" '["1"]'
}

@test "signatures: what would make them false is refused" {
	registry
	key good
	copy --sign-by "$KEY" --sign-identity "$REGISTRY/a/b:1" "oci:$OCI" "dir:$T/d"
	gpg_policy good '{"type":"exactRepository","dockerRepository":"'"$REGISTRY/a/b"'"}'
	run -0 theirs "dir:$T/d"
	run -0 ours "dir:$T/d"
	for to in "oci:$T/o" "oci-archive:$T/o.tar" "docker-archive:$T/d.tar:x:1"; do
		run -125 copy "dir:$T/d" "$to"
		assert_error 125 "cannot copy signatures to .* \(--remove-signatures leaves them out\): images in .* have no signatures"
		[[ $to = oci:* ]] || [ ! -e "${to#*:}" ]
		run -0 copy --remove-signatures "dir:$T/d" "$to"
	done
	for change in --format=v2s2 --dest-compress-format=zstd; do
		run -125 copy "$change" "dir:$T/d" "docker://$REGISTRY/a/x:1"
		assert_error 125 "which would invalidate its signatures"
		run -0 copy --remove-signatures "$change" "dir:$T/d" "docker://$REGISTRY/a/x:1"
	done
	run -125 pm list-tags --tls-verify=false "docker://$REGISTRY/a/none"
	# a name to sign is needed
	run -125 copy --sign-by "$KEY" "oci:$OCI" "dir:$T/e"
	assert_error 125 "cannot determine canonical Docker reference for destination dir:.*--sign-identity"
	run -125 copy --sign-by "$KEY" --sign-identity example.org/a "oci:$OCI" "dir:$T/e"
	assert_error 125 "must be a fully specified reference"
	run -125 copy --sign-by "$KEY" --sign-identity example.org/a:1 "oci:$OCI" "oci:$T/e"
	assert_error 125 "cannot store signatures in oci:"
	run -125 copy --sign-identity example.org/a:1 "oci:$OCI" "dir:$T/e"
	assert_error 125 "sign-identity goes with"
	run -125 copy --sign-by "$KEY" "oci:$OCI" containers-storage:localhost/x
	assert_error 125 "--sign-by cannot be used with containers-storage:"
}

@test "signatures: a list and its images have their own" {
	registry
	key good
	sigstore_key k
	make_list
	run -0 copy --all --sign-by "$KEY" "dir:$T/list" "docker://$REGISTRY/m/list:1"
	run -0 copy --all --sign-by-sigstore-private-key "$T/k.private" --sign-passphrase-file "$T/word" \
		"docker://$REGISTRY/m/list:1" "docker://$REGISTRY/m/list:1"
	assert_eq "$(find "$T/lookaside" -name signature-1 | wc -l)" 3
	run -0 pm list-tags --tls-verify=false "docker://$REGISTRY/m/list"
	assert_eq "$(jq -r '.Tags[]' <<<"$output" | grep -c '\.sig$')" 3
	for p in gpg_policy sigstore_policy; do
		name=good
		[ $p = gpg_policy ] || name=k
		$p $name
		run -0 ours --all "docker://$REGISTRY/m/list:1"
		run -0 ours "docker://$REGISTRY/m/list:1"
		[ $p = sigstore_policy ] || { run -0 theirs --all "docker://$REGISTRY/m/list:1"; run -0 theirs "docker://$REGISTRY/m/list:1"; }
	done
	# to a directory and on, with Skopeo in between
	run -0 copy --all "docker://$REGISTRY/m/list:1" "dir:$T/d"
	skopeo --insecure-policy --registries.d "$T/reg.d" copy -q --all --src-tls-verify=false "docker://$REGISTRY/m/list:1" "dir:$T/s"
	assert_eq "$(files "$T/d")" "$(files "$T/s")"
	diff <(cd "$T/d" && cat $(files .)) <(cd "$T/s" && cat $(files .))
	assert_eq "$(files "$T/d" | wc -w)" 6
	run -0 copy --all "dir:$T/s" "docker://$REGISTRY/m/again:1"
	gpg_policy good '{"type":"exactRepository","dockerRepository":"'"$REGISTRY/m/list"'"}'
	run -0 theirs --all "docker://$REGISTRY/m/again:1"
	run -0 ours --all "docker://$REGISTRY/m/again:1"
	# the list's own is looked at where it goes alone
	rm -r "$T/lookaside/m/again@sha256=$(sha256sum <"$T/d/manifest.json" | cut -d' ' -f1)"
	run -0 theirs --all "docker://$REGISTRY/m/again:1"
	run -0 ours --all "docker://$REGISTRY/m/again:1"
	run -125 ours --multi-arch index-only "docker://$REGISTRY/m/again:1"
	assert_error 125 "no simple signing signature exists"
	run -0 ours --multi-arch index-only "docker://$REGISTRY/m/list:1"
	# a list with signatures is not converted
	run -125 copy --all --format v2s2 "dir:$T/d" "docker://$REGISTRY/m/docker:1"
	assert_error 125 "the list's digest, which would invalidate its signatures"
	run -0 copy --all --remove-signatures --format v2s2 "dir:$T/d" "docker://$REGISTRY/m/docker:1"
}

@test "signatures: manifest push signs what it pushes" {
	registry
	key good
	copy "oci:$OCI" "docker://$REGISTRY/m/one:1"
	load_busybox
	mkdir -p "$HOME/.config/containers/registries.d"
	cp "$T/reg.d/x.yaml" "$HOME/.config/containers/registries.d/"
	run -0 pm manifest create both "$IMAGE"
	run -0 pm manifest add --tls-verify=false --arch arm64 both "docker://$REGISTRY/m/one:1"
	run -0 pm manifest push -q --tls-verify=false --sign-by "$KEY" both "docker://$REGISTRY/m/both:1"
	gpg_policy good
	run -0 theirs --all "docker://$REGISTRY/m/both:1"
	run -0 ours --all "docker://$REGISTRY/m/both:1"
}

@test "image sign --all; standalone-sign and standalone-verify, and Skopeo's" {
	registry
	key good
	make_list
	copy --all "dir:$T/list" "docker://$REGISTRY/m/list:1"
	printf '[[registry]]\nlocation = "%s"\ninsecure = true\n' "$REGISTRY" >"$T/registries.conf"
	export CONTAINERS_REGISTRIES_CONF=$T/registries.conf
	run -0 pm image sign --all --sign-by "$KEY" -d "$T/lookaside" "docker://$REGISTRY/m/list:1"
	gpg_policy good
	for arch in amd64 arm64; do
		run -0 ours --override-arch $arch "docker://$REGISTRY/m/list:1"
		rm -rf "$T/out"
		run -0 skopeo --policy "$T/policy.json" --registries.d "$T/reg.d" --override-arch $arch copy -q \
			--src-tls-verify=false "docker://$REGISTRY/m/list:1" "dir:$T/out"
	done
	run -0 ours --all "docker://$REGISTRY/m/list:1"
	run -125 ours --multi-arch index-only "docker://$REGISTRY/m/list:1"
	copy "docker://$REGISTRY/m/list:1" "docker://$REGISTRY/m/one:1"
	run -125 pm image sign --all --sign-by "$KEY" -d "$T/lookaside" "docker://$REGISTRY/m/one:1"
	assert_error 125 "is not a multi-architecture image"
	# by hand
	m=$T/list/manifest.json
	digest=sha256:$(sha256sum <"$m" | cut -d' ' -f1)
	run -0 pm standalone-sign "$m" example.org/a/b:1 "$KEY" -o "$T/ours.sig"
	run -0 skopeo standalone-verify "$m" example.org/a/b:1 "$KEY" "$T/ours.sig"
	run -0 skopeo standalone-sign "$m" example.org/a/b:1 "$KEY" -o "$T/theirs.sig"
	for sig in ours theirs; do
		run -0 pm standalone-verify "$m" example.org/a/b:1 "$KEY" "$T/$sig.sig"
		assert_eq "$output" "Signature verified, digest $digest"
	done
	run -125 pm standalone-verify "$m" example.org/a/b:2 "$KEY" "$T/ours.sig"
	assert_error 125 "the signature is for 'example.org/a/b:1', not 'example.org/a/b:2'"
	run -125 pm standalone-verify "$m" example.org/a/b:1 "${KEY/[0-8]/9}" "$T/ours.sig"
	assert_error 125 "the signature is not by key"
	run -125 pm standalone-verify "$T/policy.json" example.org/a/b:1 "$KEY" "$T/ours.sig"
	assert_error 125 "the signature is for manifest $digest"
	head -c 40 "$T/ours.sig" >"$T/cut.sig"
	run -125 pm standalone-verify "$m" example.org/a/b:1 "$KEY" "$T/cut.sig"
	run -125 pm standalone-sign "$m" example.org/a/b:1 nobody@example.org -o "$T/none.sig"
	[ ! -e "$T/none.sig" ]
	run -125 pm standalone-sign "$m" example.org/a/b:1 "$KEY"
	assert_error 125 "--output"
}

@test "signatures: identities, as Skopeo takes them" {
	registry
	key good
	copy --sign-by "$KEY" --sign-identity "$REGISTRY/vendor/app:1" "oci:$OCI" "docker://$REGISTRY/mirror/app:1"
	copy --sign-by "$KEY" "oci:$OCI" "docker://$REGISTRY/vendor/app:1"
	digest=sha256:$(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/vendor/app:1" | sha256sum | cut -d' ' -f1)
	cp -r "$T/lookaside/vendor/app@sha256=${digest#*:}" "$T/lookaside/vendor/other@sha256=${digest#*:}"
	copy --remove-signatures "docker://$REGISTRY/vendor/app:1" "docker://$REGISTRY/vendor/app:2"
	copy --remove-signatures "docker://$REGISTRY/vendor/app:1" "docker://$REGISTRY/vendor/other:1"
	remap() {
		echo '{"type":"remapIdentity","prefix":"'"$REGISTRY/$1"'","signedPrefix":"'"$REGISTRY/$2"'"}'
	}
	# EXPECTED IDENTITY IMAGE
	check() {
		gpg_policy good "$2"
		ours=0
		theirs=0
		ours "docker://$REGISTRY/$3" 2>"$T/said" || ours=$?
		theirs "docker://$REGISTRY/$3" 2>/dev/null || theirs=$?
		[ "$1" = 0 ] || { assert_eq "$(wc -l <"$T/said")" 1; assert_like "$(cat "$T/said")" '^Error: .*rejected by policy: the signature is for '; }
		assert_eq "$2 $3: $((ours != 0)) $((theirs != 0))" "$2 $3: $1 $1"
	}
	exact='{"type":"matchExact"}' either='{"type":"matchRepoDigestOrExact"}' repository='{"type":"matchRepository"}'
	check 0 "$exact" vendor/app:1
	check 1 "$exact" vendor/app:2
	check 1 "$exact" "vendor/app@$digest"
	check 0 "$either" vendor/app:1
	check 1 "$either" vendor/app:2
	check 0 "$either" "vendor/app@$digest"
	check 0 "$repository" vendor/app:2
	check 1 "$repository" vendor/other:1
	check 1 "$repository" mirror/app:1
	check 0 '{"type":"exactReference","dockerReference":"'"$REGISTRY/vendor/app:1"'"}' vendor/other:1
	check 1 '{"type":"exactReference","dockerReference":"'"$REGISTRY/vendor/app:2"'"}' vendor/app:1
	check 0 '{"type":"exactRepository","dockerRepository":"'"$REGISTRY/vendor/app"'"}' mirror/app:1
	check 1 '{"type":"exactRepository","dockerRepository":"'"$REGISTRY/vendor/ap"'"}' mirror/app:1
	check 0 "$(remap mirror vendor)" mirror/app:1
	check 0 "$(remap mirror/app vendor/app)" mirror/app:1
	check 1 "$(remap mirr vendor)" mirror/app:1
	check 1 "$(remap elsewhere vendor)" mirror/app:1
	check 0 "$(remap elsewhere vendor)" vendor/app:1
}

@test "signatures: hostile ones are refused in one line, and bounded" {
	registry
	key good
	sigstore_key k
	copy --sign-by "$KEY" "oci:$OCI" "docker://$REGISTRY/h/a:1"
	place=$T/lookaside/h/a@sha256=$(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/h/a:1" | sha256sum | cut -d' ' -f1)
	gpg_policy good
	run -0 ours "docker://$REGISTRY/h/a:1"
	cp "$place/signature-1" "$T/good.sig"
	bad() {
		run -125 ours "docker://$REGISTRY/h/a:1"
		assert_eq "${#lines[@]}" 1
		assert_error 125 "$1"
		# nor is it copied, or stored
		run -125 copy "docker://$REGISTRY/h/a:1" "dir:$T/never"
		[ ! -e "$T/never/manifest.json" ]
	}
	echo garbage >"$place/signature-1"
	bad "signatures in .*lookaside: a signature is neither"
	: >"$place/signature-1"
	bad "a signature is empty"
	truncate -s 5M "$place/signature-1"
	bad "signatures in"
	printf '\0sigstore-json\n{"mimeType":"x","payload":"====' >"$place/signature-1"
	bad "a signature: JSON"
	printf '\0unknown\n' >"$place/signature-1"
	bad "of an unknown kind"
	# tampered: still OpenPGP, but not what was signed
	head -c -20 "$T/good.sig" >"$place/signature-1"
	run -125 ours "docker://$REGISTRY/h/a:1"
	assert_error 125 "rejected by policy: the signature is not by a key"
	rm -r "$place"
	# attached: a payload that is not what its digest says; too many; no image at all
	copy --sign-by-sigstore-private-key "$T/k.private" --sign-passphrase-file "$T/word" "oci:$OCI" "docker://$REGISTRY/h/a:1"
	sigstore_policy k
	run -0 ours "docker://$REGISTRY/h/a:1"
	tag=sha256-${place##*=}.sig
	registry_curl -H 'Accept: application/vnd.oci.image.manifest.v1+json' "$REGISTRY_URL/v2/h/a/manifests/$tag" >"$T/sig.json"
	payload=$(jq -r '.layers[0].digest' "$T/sig.json")
	jq -c '.layers = [range(200) as $i | .layers[0]]' "$T/sig.json" >"$T/many.json"
	registry_manifest h/a "$tag" "$T/many.json" application/vnd.oci.image.manifest.v1+json
	bad "more than 128 signatures"
	jq -c '.layers[0].annotations = ([range(100) as $i | {key: "\($i)", value: "x"}] | from_entries)' "$T/sig.json" >"$T/many.json"
	registry_manifest h/a "$tag" "$T/many.json" application/vnd.oci.image.manifest.v1+json
	bad "more than 64 annotations"
	registry_manifest h/a "$tag" "$T/sig.json" application/vnd.oci.image.manifest.v1+json
	blob=$(find "$T/registry" -path "*${payload#*:}/data")
	sed -i 's/critical/Critical/' "$blob"
	bad "$payload"
	# the image without them is as good as ever
	run -0 copy --remove-signatures "docker://$REGISTRY/h/a:1" "dir:$T/plain"
	# in a directory
	printf '\0sigstore-json\n[]' >"$T/plain/signature-1"
	run -125 copy "dir:$T/plain" "dir:$T/never"
	assert_error 125 "signature-1: a signature"
}

@test "signatures: stored with a pulled image, and pushed with it where its manifest stays" {
	registry
	key good
	copy --sign-by "$KEY" --sign-identity "$REGISTRY/s/src:1" "oci:$OCI" "docker://$REGISTRY/s/src:1"
	mkdir -p "$HOME/.config/containers/registries.d"
	cp "$T/reg.d/x.yaml" "$HOME/.config/containers/registries.d/"
	run -0 pm pull -q --tls-verify=false "$REGISTRY/s/src:1"
	# the blobs are in the registry: the manifest stays what it was
	run -0 pm push -q --tls-verify=false "$REGISTRY/s/src:1" "$REGISTRY/s/dst:1"
	gpg_policy good '{"type":"exactRepository","dockerRepository":"'"$REGISTRY/s/src"'"}'
	run -0 theirs "docker://$REGISTRY/s/dst:1"
	run -0 ours "docker://$REGISTRY/s/dst:1"
	# where there is no place for them, or the manifest would be another one
	for to in "oci:$T/o:1" "docker-archive:$T/x.tar"; do
		run -125 pm push -q "$REGISTRY/s/src:1" "$to"
		assert_error 125 "cannot copy signatures to .*--remove-signatures"
		run -0 pm push -q --remove-signatures "$REGISTRY/s/src:1" "$to"
	done
	for change in --format=v2s2 "--compression-format=zstd --force-compression"; do
		# shellcheck disable=SC2086
		run -125 pm push -q --tls-verify=false $change "$REGISTRY/s/src:1" "$REGISTRY/s/changed:1"
		assert_error 125 "would invalidate its signatures \(--remove-signatures leaves them out\)"
		# shellcheck disable=SC2086
		run -0 pm push -q --tls-verify=false --remove-signatures $change "$REGISTRY/s/src:1" "$REGISTRY/s/changed:1"
	done
	# save has never kept them
	run -0 pm save -q -o "$T/saved.tar" "$REGISTRY/s/src:1"
	# pulled again once they are gone, it has none any more
	rm -r "$T/lookaside"
	run -0 pm pull -q --tls-verify=false "$REGISTRY/s/src:1"
	run -0 pm push -q "$REGISTRY/s/src:1" "oci:$T/o2:1"
	# out of a directory, into the store and out again
	copy --sign-by "$KEY" --sign-identity example.org/a:1 "oci:$OCI" "dir:$T/d"
	run -0 copy "dir:$T/d" containers-storage:localhost/from-dir
	run -125 copy containers-storage:localhost/from-dir "oci:$T/o3:1"
	assert_error 125 "cannot copy signatures to"
	run -0 copy --remove-signatures containers-storage:localhost/from-dir "oci:$T/o3:1"
	run -0 copy --remove-signatures "dir:$T/d" containers-storage:localhost/from-dir
	run -0 copy containers-storage:localhost/from-dir "oci:$T/o4:1"
	run -0 pm rmi -a -f
}

@test "signatures: what build signs is pushed with the signature, and verified by Skopeo" {
	registry
	key good
	load_busybox
	mkdir -p "$HOME/.config/containers/registries.d"
	cp "$T/reg.d/x.yaml" "$HOME/.config/containers/registries.d/"
	printf 'FROM %s\nRUN echo signed >/signed\n' "$IMAGE" >"$T/Containerfile"
	run -0 pm build -q --sign-by good@example.org -t "$REGISTRY/a/built:1" -t "$REGISTRY/a/again:2" -f "$T/Containerfile" "$T"
	run -0 pm push -q --tls-verify=false "$REGISTRY/a/built:1"
	run -0 copy "containers-storage:$REGISTRY/a/again:2" "docker://$REGISTRY/a/again:2"
	gpg_policy good
	for name in built:1 again:2; do
		run -0 theirs "docker://$REGISTRY/a/$name"
		run -0 ours "docker://$REGISTRY/a/$name"
	done
	# it is a signature of those names only
	run -0 pm push -q --tls-verify=false "$REGISTRY/a/built:1" "docker://$REGISTRY/a/other:1"
	run -1 theirs "docker://$REGISTRY/a/other:1"
	run pm build --sign-by good@example.org -f "$T/Containerfile" "$T"
	assert_error 125 "of a name"
	run pm build -q --sign-by nobody@example.org -t x -f "$T/Containerfile" "$T"
	assert_error 125 "gpg does not sign with key 'nobody@example.org'"
}
