#!/usr/bin/env bats
# policy.json with signatures: sigstore's, attached as cosign does, and simple signing's, in a lookaside directory.

load helpers

OCI=$PM_TEST_FIXTURES/oci

setup_image() {
	start_registry
	pm copy -q --dest-tls-verify=false "oci:$OCI" "docker://$REGISTRY/team/app:1"
	pm copy -q --dest-tls-verify=false "oci:$OCI" "docker://$REGISTRY/team/app:2"
	DIGEST=$(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/team/app:1" | sha256sum | cut -d' ' -f1)
	mkdir "$T/reg.d"
	printf 'docker:\n  %s:\n    use-sigstore-attachments: true\n    lookaside: file://%s/lookaside\n' "$REGISTRY" "$T" >"$T/reg.d/x.yaml"
}

# policy REQUIREMENT: for this registry; all else is rejected
policy() {
	printf '{"default":[{"type":"reject"}],"transports":{"docker":{"%s":[%s]}}}' "$REGISTRY" "$1" >"$T/policy.json"
}

copy() {
	rm -rf "$T/out"
	pm copy -q --src-tls-verify=false --policy "$T/policy.json" --registries.d "$T/reg.d" "$1" "dir:$T/out"
}

# payload TYPE REFERENCE DIGEST
payload() {
	printf '{"critical":{"identity":{"docker-reference":"%s"},"image":{"docker-manifest-digest":"sha256:%s"},"type":"%s"},"optional":null}' "$2" "$3" "$1"
}

# attach KEY REFERENCE: a sigstore signature of the image, as cosign attaches it
attach() {
	local sig blob config
	payload "cosign container image signature" "$2" "$DIGEST" >"$T/payload"
	case $1 in
	*ed25519*) sig=$(openssl pkeyutl -sign -inkey "$1" -rawin -in "$T/payload" | base64 -w0) ;;
	*) sig=$(openssl dgst -sha256 -sign "$1" "$T/payload" | base64 -w0) ;;
	esac
	printf '{}' >"$T/config"
	blob=$(registry_blob team/app "$T/payload")
	config=$(registry_blob team/app "$T/config")
	printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"%s","size":2},"layers":[{"mediaType":"application/vnd.dev.cosign.simplesigning.v1+json","digest":"%s","size":%d,"annotations":{"dev.cosignproject.cosign/signature":"%s"}}]}' \
		"$config" "$blob" "$(stat -c %s "$T/payload")" "$sig" >"$T/sig.json"
	registry_manifest team/app "sha256-$DIGEST.sig" "$T/sig.json" application/vnd.oci.image.manifest.v1+json
}

@test "trust: sigstore signatures by ECDSA and Ed25519 keys" {
	setup_image
	openssl ecparam -genkey -name prime256v1 -noout -out "$T/ec.key" 2>/dev/null
	openssl genpkey -algorithm ed25519 -out "$T/ed25519.key" 2>/dev/null
	openssl ecparam -genkey -name prime256v1 -noout -out "$T/other.key" 2>/dev/null
	for k in ec ed25519 other; do openssl pkey -in "$T/$k.key" -pubout -out "$T/$k.pub"; done
	policy "{\"type\":\"sigstoreSigned\",\"keyPath\":\"$T/ec.pub\"}"
	run -125 copy "docker://$REGISTRY/team/app:1"
	assert_error 125 "a signature was required, but no sigstore signature exists"
	[ ! -e "$T/out" ] || [ ! -e "$T/out/manifest.json" ]
	attach "$T/ec.key" "$REGISTRY/team/app:1"
	run -0 copy "docker://$REGISTRY/team/app:1"
	# the other tag is the same manifest, but not what was signed
	run -125 copy "docker://$REGISTRY/team/app:2"
	assert_error 125 "the signature is for '$REGISTRY/team/app:1'"
	run -0 copy "docker://$REGISTRY/team/app@sha256:$DIGEST"
	policy "{\"type\":\"sigstoreSigned\",\"keyPath\":\"$T/ec.pub\",\"signedIdentity\":{\"type\":\"matchRepository\"}}"
	run -0 copy "docker://$REGISTRY/team/app:2"
	policy "{\"type\":\"sigstoreSigned\",\"keyPath\":\"$T/other.pub\"}"
	run -125 copy "docker://$REGISTRY/team/app:1"
	assert_error 125 "not by a key of the policy"
	attach "$T/ed25519.key" "$REGISTRY/team/app:1"
	policy "{\"type\":\"sigstoreSigned\",\"keyData\":\"$(base64 -w0 "$T/ed25519.pub")\"}"
	run -0 copy "docker://$REGISTRY/team/app:1"
	# pull obeys too, and stores nothing that is refused
	mkdir -p "$HOME/.config/containers/registries.d"
	cp "$T/reg.d/x.yaml" "$HOME/.config/containers/registries.d/"
	run -0 pm pull -q --tls-verify=false --signature-policy "$T/policy.json" "$REGISTRY/team/app:1"
	pm rmi -a
	run -125 pm pull -q --tls-verify=false --signature-policy "$T/policy.json" "$REGISTRY/team/app:2"
	assert_error 125 "is rejected by policy"
	run -0 pm images -q
	assert_eq "$output" ""
	# without leave to look for attachments there is none
	printf 'default-docker:\n  use-sigstore-attachments: false\n' >"$T/reg.d/x.yaml"
	run -125 copy "docker://$REGISTRY/team/app:1"
	assert_error 125 "no sigstore signature exists"
}

@test "trust: simple signing by GPG keys" {
	command -v gpg >/dev/null || skip_or_fail "no gpg"
	setup_image
	mkdir -m 700 "$T/gnupg"
	export GNUPGHOME=$T/gnupg
	for who in good bad; do
		gpg --batch --quiet --passphrase '' --quick-gen-key "$who@example.org" ed25519 sign never 2>/dev/null
		gpg --batch --armor --export "$who@example.org" >"$T/$who.asc"
	done
	place=$T/lookaside/team/app@sha256=$DIGEST
	mkdir -p "$place"
	payload "atomic container signature" "$REGISTRY/team/app:1" "$DIGEST" |
		gpg --batch --quiet --local-user bad@example.org --sign >"$place/signature-1"
	policy "{\"type\":\"signedBy\",\"keyType\":\"GPGKeys\",\"keyPath\":\"$T/good.asc\"}"
	run -125 copy "docker://$REGISTRY/team/app:1"
	assert_error 125 "not by a key of the policy"
	payload "atomic container signature" "$REGISTRY/team/app:1" "$DIGEST" |
		gpg --batch --quiet --local-user good@example.org --sign >"$place/signature-2"
	run -0 copy "docker://$REGISTRY/team/app:1"
	run -125 copy "docker://$REGISTRY/team/app:2"
	assert_error 125 "the signature is for"
	# a good signature beside other text is none
	{ echo text; cat "$place/signature-2"; } >"$place/signature-1"
	rm "$place/signature-2"
	run -125 copy "docker://$REGISTRY/team/app:1"
	payload "atomic container signature" "$REGISTRY/team/app:1" "${DIGEST//0/1}" |
		gpg --batch --quiet --local-user good@example.org --sign >"$place/signature-1"
	run -125 copy "docker://$REGISTRY/team/app:1"
	assert_error 125 "for manifest"
	# signatures made here
	rm -r "$T/lookaside"
	run -0 pm copy -q --src-tls-verify=false --dest-tls-verify=false --registries.d "$T/reg.d" --sign-by good@example.org \
		"docker://$REGISTRY/team/app:1" "docker://$REGISTRY/team/app:3"
	run -0 copy "docker://$REGISTRY/team/app:3"
	run -125 copy "docker://$REGISTRY/team/app:1"
	printf 'unqualified-search-registries = []\n[[registry]]\nlocation = "%s"\ninsecure = true\n' "$REGISTRY" >"$T/registries.conf"
	export CONTAINERS_REGISTRIES_CONF=$T/registries.conf
	run -0 pm image sign --sign-by good@example.org -d "$T/lookaside" "docker://$REGISTRY/team/app:1"
	assert_eq "$(ls "$place" | tr '\n' ' ')" "signature-1 signature-2 "
	run -0 copy "docker://$REGISTRY/team/app:1"
	run -0 skopeo --policy "$T/policy.json" --registries.d "$T/reg.d" copy -q --src-tls-verify=false "docker://$REGISTRY/team/app:1" "dir:$T/by-skopeo"
	run -125 pm image sign --sign-by nobody@example.org -d "$T/lookaside" "docker://$REGISTRY/team/app:1"
	assert_error 125 "gpg does not sign with key"
	run -125 pm copy -q --sign-by good@example.org "oci:$OCI" "dir:$T/x"
	assert_error 125 "canonical Docker reference"
	gpgconf --kill all
}

@test "trust: set and show" {
	touch "$T/key.asc"
	run -0 pm image trust set --type reject default
	run -0 pm image trust set --pubkeysfile "$T/key.asc" registry.example/team
	run -0 pm image trust set --type accept registry.example/open
	run -0 pm image trust show --noheading
	assert_eq "$(sed 's/  */ /g; s/ $//' <<<"$output")" "all default reject
repository registry.example/team signed $T/key.asc file://$HOME/.local/share/containers/sigstore
repository registry.example/open accept"
	run -0 pm image trust show --json registry.example/team
	assert_eq "$(jq -r '.[0].type' <<<"$output")" signed
	run -0 pm image trust show --raw
	jq . <<<"$output" >/dev/null
	run -125 pm pull docker://elsewhere.example/x
	assert_error 125 "rejected by policy"
	run -125 pm image trust set registry.example
	assert_error 125 "at least one public key"
	run -125 pm image trust set --type accept --pubkeysfile "$T/key.asc" registry.example
	run -125 pm image trust set --pubkeysfile key.asc registry.example
	assert_error 125 "absolute path"
}

@test "trust: the root of pm unshare is the user still" {
	start_registry --auth
	export XDG_RUNTIME_DIR=$T/xdg
	mkdir -m 700 "$T/xdg"
	run -0 pm unshare "$PM_BIN" --root "$T/root" --runroot "$T/run" image trust set --type reject registry.example
	jq -e '.transports.docker["registry.example"][0].type == "reject"' "$HOME/.config/containers/policy.json"
	touch "$T/key.asc"
	run -0 pm unshare "$PM_BIN" image trust set --pubkeysfile "$T/key.asc" signed.example
	run -0 pm unshare "$PM_BIN" image trust show --noheading signed.example
	assert_like "$output" "file://$HOME/.local/share/containers/sigstore"
	run -0 pm unshare "$PM_BIN" login --tls-verify=false -u user -p secret "$REGISTRY"
	jq -e ".auths[\"$REGISTRY\"]" "$XDG_RUNTIME_DIR/containers/auth.json"
}

@test "trust: what a policy may not say" {
	start_registry
	for bad in '{"type":"signedBy","keyPath":"/x"}' '{"type":"sigstoreSigned"}' '{"type":"new"}' \
		'{"type":"sigstoreSigned","keyPath":"/x","fulcio":{}}'; do
		policy "$bad"
		run -125 copy "docker://$REGISTRY/team/app:1"
		assert_like "$output" "Error: .*policy"
	done
	policy '{"type":"sigstoreSigned","keyPath":"/nonexistent"}'
	pm copy -q --dest-tls-verify=false "oci:$OCI" "docker://$REGISTRY/team/app:1"
	printf 'docker: {}\n' >"$T/x"; mkdir -p "$T/reg.d"
	run -125 copy "docker://$REGISTRY/team/app:1"
	assert_error 125 "/nonexistent"
	printf '{"default":[{"type":"signedBy","keyType":"GPGKeys","keyPath":"/x"}]}' >"$T/policy.json"
	run -125 copy "oci:$OCI"
	assert_error 125 "a signature was required|/x"
}
