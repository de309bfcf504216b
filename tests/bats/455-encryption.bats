#!/usr/bin/env bats
# Encrypted images, both ways with Skopeo: jwe and pkcs7, several recipients, layers of choice; what is wrong leaves nothing.

load helpers

OCI=$PM_TEST_FIXTURES/oci
ENC=org.opencontainers.image.enc

copy() {
	pm copy -q --src-tls-verify=false --dest-tls-verify=false "$@"
}

skopeo_() {
	timeout --foreground -k 5 60 skopeo --tmpdir "$T" --insecure-policy "$@"
}

# An RSA pair rsa, an EC pair ec of the curve, and one of nobody's.
make_keys() {
	openssl genrsa -out "$T/rsa.pem" 2048 2>/dev/null
	openssl pkey -in "$T/rsa.pem" -pubout -out "$T/rsa.pub"
	for name in ec other; do
		openssl genpkey -algorithm EC -pkeyopt "ec_paramgen_curve:${1:-P-256}" -out "$T/$name.pem" 2>/dev/null
		openssl pkey -in "$T/$name.pem" -pubout -out "$T/$name.pub"
	done
}

# The certificate cert.pem with its key cert.key.
make_cert() {
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout "$T/cert.key" -out "$T/cert.pem" -subj /CN=reader 2>/dev/null
}

manifest_of() {
	skopeo_ inspect --raw --tls-verify=false "$1"
}

# The layers' media types behind "application/vnd.oci.image.layer.v1.", in a line.
layer_types() {
	manifest_of "$1" | jq -r '[.layers[].mediaType | sub(".*layer.v1."; "")] | join(" ")'
}

# The paths of a layout's layers.
layer_files() {
	manifest_of "oci:$1" | jq -r --arg d "$1/blobs/" '.layers[].digest | $d + sub(":"; "/")'
}

# assert_same LAYOUT-OR-IMAGE: it is the busybox image, byte for byte.
assert_same() {
	assert_eq "$(manifest_of "$1" | jq -c '.layers')" "$(manifest_of "oci:$OCI" | jq -c '.layers')"
	assert_eq "$(manifest_of "$1" | jq -r .config.digest)" "$(manifest_of "oci:$OCI" | jq -r .config.digest)"
}

# The store has no image, no layer and nothing half done.
assert_empty_store() {
	assert_eq "$(pm images -aq)" ""
	assert_eq "$(find "$T/root/layers" "$T/root/staging" "$T/root/trash" -mindepth 1 2>/dev/null)" ""
}

# A layout of three layers at $T/three, the tag one.
make_three() {
	umoci init --layout "$T/three" >/dev/null
	umoci new --image "$T/three:one" >/dev/null
	for i in 1 2 3; do
		mkdir -p "$T/l$i"
		echo "layer $i" >"$T/l$i/file$i"
		tar -C "$T/l$i" -cf "$T/l$i.tar" "file$i"
		umoci raw add-layer --image "$T/three:one" "$T/l$i.tar" >/dev/null 2>&1
	done
}

# rewrite LAYOUT JQ: its one manifest by a jq program, as if it had been pushed so.
rewrite() {
	local new
	manifest_of "oci:$1" | jq -c "$2" >"$T/manifest"
	new=$(sha256sum <"$T/manifest" | cut -c-64)
	cp "$T/manifest" "$1/blobs/sha256/$new"
	jq -c --arg d "sha256:$new" --argjson s "$(stat -c %s "$T/manifest")" \
		'.manifests[0].digest = $d | .manifests[0].size = $s' "$1/index.json" >"$T/index"
	cp "$T/index" "$1/index.json"
}

@test "encrypted by pm for each kind of key, decrypted by Skopeo and by pm" {
	make_keys P-384
	make_cert
	copy --encryption-key "jwe:$T/rsa.pub" --encryption-key "jwe:$T/ec.pub,pkcs7:$T/cert.pem" "oci:$OCI" "oci:$T/enc:a"
	assert_eq "$(layer_types "oci:$T/enc")" "tar+gzip+encrypted"
	assert_eq "$(manifest_of "oci:$T/enc" | jq -r '.layers[0].annotations | keys | join(" ")')" \
		"$ENC.keys.jwe $ENC.keys.pkcs7 $ENC.pubopts"
	# nothing of it can be read
	run ! gzip -t "$(layer_files "$T/enc")"
	for keys in rsa.pem ec.pem cert.key,cert.pem; do
		words=()
		for k in ${keys//,/ }; do words+=(--decryption-key "$T/$k"); done
		skopeo_ copy -q "${words[@]}" "oci:$T/enc:a" "oci:$T/s-$keys:a"
		assert_same "oci:$T/s-$keys"
		copy "${words[@]}" "oci:$T/enc:a" "oci:$T/p-$keys:a"
		assert_same "oci:$T/p-$keys"
	done
}

@test "encrypted by Skopeo, copied and pulled by pm" {
	make_keys P-521
	make_cert
	start_registry
	skopeo_ copy -q --dest-tls-verify=false --encryption-key "jwe:$T/rsa.pub" --encryption-key "jwe:$T/ec.pub" \
		--encryption-key "pkcs7:$T/cert.pem" "oci:$OCI" "docker://$REGISTRY/app:secret"
	for keys in rsa.pem ec.pem cert.key,cert.pem; do
		words=()
		for k in ${keys//,/ }; do words+=(--decryption-key "$T/$k"); done
		copy "${words[@]}" "docker://$REGISTRY/app:secret" "oci:$T/p-$keys:a"
		assert_same "oci:$T/p-$keys"
		run -0 pm pull -q --tls-verify=false "${words[@]}" "$REGISTRY/app:secret"
		assert_eq "sha256:$output" "$(manifest_of "oci:$OCI" | jq -r .config.digest)"
		pm rmi -f "$output" >/dev/null
		assert_empty_store
	done
}

@test "an image that was pulled encrypted runs, is listed by the registry's digest, and goes out plain" {
	make_keys
	start_registry
	copy --encryption-key "jwe:$T/ec.pub" "oci:$OCI" "docker://$REGISTRY/app:secret"
	pm pull -q --tls-verify=false --decryption-key "$T/ec.pem" "$REGISTRY/app:secret" >/dev/null
	run -0 pm run --rm --network none "$REGISTRY/app:secret" cat /etc/issue
	assert_like "$output" "busybox out of a pm test image"
	want=sha256:$(manifest_of "docker://$REGISTRY/app:secret" | sha256sum | cut -c-64)
	assert_like "$(pm inspect -f '{{.RepoDigests}}' "$REGISTRY/app:secret")" "app@$want"
	pm push -q "$REGISTRY/app:secret" "oci:$T/plain:a"
	assert_eq "$(layer_types "oci:$T/plain")" "tar+gzip"
	assert_eq "$(manifest_of "oci:$T/plain" | grep -c "$ENC")" 0
	gzip -dc "$(layer_files "$T/plain")" | cmp - <(gzip -dc "$(layer_files "$OCI")")
	pm save -q -o "$T/a.tar" "$REGISTRY/app:secret"
	run -0 pm system check
	# what was decrypted is known for the plain image, too
	copy "oci:$OCI" "docker://$REGISTRY/app:open"
	run -0 --separate-stderr pm pull --tls-verify=false "$REGISTRY/app:open"
	assert_like "$stderr" "already exists"
}

@test "no key and the wrong key: one line that says so, and nothing is stored" {
	make_keys
	start_registry
	copy --encryption-key "jwe:$T/ec.pub" "oci:$OCI" "docker://$REGISTRY/app:secret"
	mkdir "$T/ctx"
	echo "FROM $REGISTRY/app:secret" >"$T/ctx/Containerfile"
	for cmd in "pull -q $REGISTRY/app:secret" "run -q --rm $REGISTRY/app:secret" "create -q $REGISTRY/app:secret" \
		"build -q $T/ctx" "buildah from -q $REGISTRY/app:secret"; do
		# shellcheck disable=SC2086
		run -125 pm ${cmd% *} --tls-verify=false "${cmd##* }"
		assert_error 125 "layer sha256:[0-9a-f]* is encrypted: a key that decrypts it is needed \(--decryption-key\)"
		assert_eq "${#lines[@]}" 1
	done
	for k in other.pem rsa.pem; do
		run -125 pm pull -q --tls-verify=false --decryption-key "$T/$k" "$REGISTRY/app:secret"
		assert_error 125 "none of the keys given decrypts it \(its key is wrapped by jwe\)"
		assert_eq "${#lines[@]}" 1
		run -125 copy --decryption-key "$T/$k" "docker://$REGISTRY/app:secret" "oci:$T/out:a"
		assert_error 125 "none of the keys given decrypts it"
		assert_eq "$(ls "$T/out/index.json" 2>/dev/null)" ""
	done
	assert_empty_store
	# the right one among others does
	run -0 pm pull -q --tls-verify=false --decryption-key "$T/other.pem,$T/ec.pem" "$REGISTRY/app:secret"
}

@test "no key: what the store has of the plain image gives nothing away" {
	make_keys
	start_registry
	pm pull -q "oci:$OCI" >/dev/null
	copy --encryption-key "jwe:$T/ec.pub" "oci:$OCI" "docker://$REGISTRY/app:secret"
	run -125 pm pull -q --tls-verify=false "$REGISTRY/app:secret"
	assert_error 125 "is encrypted"
	run -125 pm pull -q --tls-verify=false --decryption-key "$T/other.pem" "$REGISTRY/app:secret"
	assert_error 125 "none of the keys"
	assert_eq "$(pm images -q --filter "reference=$REGISTRY/app")" ""
}

@test "run, create, build and buildah from take a key" {
	make_keys
	start_registry
	for name in run create build from; do
		copy --encryption-key "jwe:$T/ec.pub" "oci:$OCI" "docker://$REGISTRY/$name:1"
	done
	key=(--tls-verify=false --decryption-key "$T/ec.pem")
	run -0 pm run -q --rm --network none "${key[@]}" "$REGISTRY/run:1" echo decrypted
	assert_eq "$output" decrypted
	pm rmi -f "$REGISTRY/run:1" >/dev/null
	run -0 pm create -q "${key[@]}" --name made "$REGISTRY/create:1" true
	pm rm made >/dev/null
	pm rmi -f "$REGISTRY/create:1" >/dev/null
	mkdir "$T/ctx"
	printf 'FROM %s/build:1\nRUN echo built >/built\n' "$REGISTRY" >"$T/ctx/Containerfile"
	pm build -q "${key[@]}" --network none -t localhost/made "$T/ctx" >/dev/null
	run -0 pm run --rm --network none localhost/made cat /built
	assert_eq "$output" built
	pm rmi -fa >/dev/null
	run -0 pm buildah from -q "${key[@]}" --name worker "$REGISTRY/from:1"
	# and commit encrypts what it pushes
	run -125 pm buildah commit -q --encryption-key "jwe:$T/ec.pub" worker localhost/no
	assert_error 125 "give a destination with a transport"
	pm buildah commit -q --encryption-key "jwe:$T/ec.pub" worker "oci:$T/out:a" >/dev/null
	assert_eq "$(layer_types "oci:$T/out" | tr ' ' '\n' | sort -u)" "tar+gzip+encrypted"
	skopeo_ copy -q --decryption-key "$T/ec.pem" "oci:$T/out:a" "oci:$T/back:a"
	pm buildah rm worker >/dev/null
}

@test "push encrypts layers of choice, and the store keeps no trace of what they became" {
	make_keys
	make_three
	start_registry
	pm pull -q "oci:$T/three:one" >/dev/null
	id=$(pm images -q --no-trunc)
	id=${id#sha256:}
	pm push -q --tls-verify=false "$id" "docker://$REGISTRY/app:plain"
	pm push -q --tls-verify=false --encryption-key "jwe:$T/ec.pub" "$id" "docker://$REGISTRY/app:all"
	pm push -q --tls-verify=false --encryption-key "jwe:$T/ec.pub" --encrypt-layer 0 --encrypt-layer -1 "$id" "docker://$REGISTRY/app:some"
	pm push -q --tls-verify=false "$id" "docker://$REGISTRY/app:again"
	assert_eq "$(layer_types "docker://$REGISTRY/app:all")" "tar+gzip+encrypted tar+gzip+encrypted tar+gzip+encrypted"
	assert_eq "$(layer_types "docker://$REGISTRY/app:some")" "tar+gzip+encrypted tar+gzip tar+gzip+encrypted"
	# the registry has both, each as itself
	assert_eq "$(manifest_of "docker://$REGISTRY/app:again")" "$(manifest_of "docker://$REGISTRY/app:plain")"
	assert_eq "$(manifest_of "docker://$REGISTRY/app:some" | jq -r '.layers[1].digest')" \
		"$(manifest_of "docker://$REGISTRY/app:plain" | jq -r '.layers[1].digest')"
	for tag in all some; do
		skopeo_ copy -q --src-tls-verify=false --decryption-key "$T/ec.pem" "docker://$REGISTRY/app:$tag" "oci:$T/$tag:a"
		assert_eq "$(layer_types "oci:$T/$tag")" "tar+gzip tar+gzip tar+gzip"
		i=0
		for f in $(layer_files "$T/$tag"); do
			i=$((i + 1))
			gzip -dc "$f" | cmp - "$T/l$i.tar"
		done
	done
	# a second time it is under other keys
	pm push -q --tls-verify=false --encryption-key "jwe:$T/ec.pub" "$id" "docker://$REGISTRY/app:more"
	run ! diff <(manifest_of "docker://$REGISTRY/app:all" | jq '.layers[].digest') \
		<(manifest_of "docker://$REGISTRY/app:more" | jq '.layers[].digest')
	for tag in plain all some more; do
		pm rmi -fa >/dev/null
		assert_eq "$(pm pull -q --tls-verify=false --decryption-key "$T/ec.pem" "$REGISTRY/app:$tag")" "$id"
		run -0 pm system check
	done
}

@test "copy: layers of choice, other recipients, no key, Docker's format" {
	make_keys
	make_three
	copy --encryption-key "jwe:$T/ec.pub" --encrypt-layer=-2 "oci:$T/three:one" "oci:$T/two:a"
	assert_eq "$(layer_types "oci:$T/two")" "tar+gzip tar+gzip+encrypted tar+gzip"
	# without a key it goes along as it is
	copy "oci:$T/two:a" "dir:$T/dir"
	assert_eq "$(jq -c .layers "$T/dir/manifest.json")" "$(manifest_of "oci:$T/two" | jq -c .layers)"
	run -125 copy "oci:$T/two:a" "docker-archive:$T/a.tar"
	assert_error 125 "is encrypted, which docker-archive: cannot hold: a key that decrypts it is needed"
	copy --decryption-key "$T/ec.pem" "oci:$T/two:a" "docker-archive:$T/a.tar"
	# for other recipients
	copy --decryption-key "$T/ec.pem" --encryption-key "jwe:$T/rsa.pub" "oci:$T/two:a" "oci:$T/other:a"
	assert_eq "$(layer_types "oci:$T/other")" "tar+gzip+encrypted tar+gzip+encrypted tar+gzip+encrypted"
	run -125 copy --decryption-key "$T/ec.pem" "oci:$T/other:a" "dir:$T/no"
	skopeo_ copy -q --decryption-key "$T/rsa.pem" "oci:$T/other:a" "oci:$T/back:a"
	assert_eq "$(manifest_of "oci:$T/back" | jq -c .layers)" "$(manifest_of "oci:$T/three" | jq -c .layers)"
	# from Docker's format, compressed on the way
	copy --encryption-key "jwe:$T/rsa.pub" "docker-archive:$T/a.tar" "oci:$T/from:a"
	assert_eq "$(manifest_of "oci:$T/from" | jq -r .mediaType)" application/vnd.oci.image.manifest.v1+json
	skopeo_ copy -q --decryption-key "$T/rsa.pem" "oci:$T/from:a" "oci:$T/from2:a"
	gzip -dc "$(layer_files "$T/from2" | sed -n 3p)" | cmp - "$T/l3.tar"
}

@test "copy --all: every image of a list" {
	make_keys
	d=$(manifest_of "oci:$OCI" | sha256sum | cut -c-64)
	cp -r "$OCI" "$T/list"
	jq -c -n --arg d "sha256:$d" --argjson s "$(stat -c %s "$OCI/blobs/sha256/$d")" '{schemaVersion:2,
		mediaType:"application/vnd.oci.image.index.v1+json", manifests:[["amd64","arm64"][] as $a |
		{mediaType:"application/vnd.oci.image.manifest.v1+json",digest:$d,size:$s,platform:{os:"linux",architecture:$a}}]}' >"$T/index"
	i=$(sha256sum <"$T/index" | cut -c-64)
	cp "$T/index" "$T/list/blobs/sha256/$i"
	jq -c --arg d "sha256:$i" --argjson s "$(stat -c %s "$T/index")" '.manifests = [{mediaType:
		"application/vnd.oci.image.index.v1+json",digest:$d,size:$s,annotations:{"org.opencontainers.image.ref.name":"all"}}]' \
		"$OCI/index.json" >"$T/list/index.json"
	copy --all --encryption-key "jwe:$T/ec.pub" "oci:$T/list:all" "oci:$T/enc:all"
	assert_eq "$(manifest_of "oci:$T/enc:all" | jq '.manifests | length')" 2
	run -125 copy --all "oci:$T/enc:all" "docker-archive:$T/a.tar"
	copy --all --decryption-key "$T/ec.pem" "oci:$T/enc:all" "oci:$T/dec:all"
	for d in $(manifest_of "oci:$T/dec:all" | jq -r '.manifests[].digest | sub(":"; "/")'); do
		assert_eq "$(jq -cS . "$T/dec/blobs/$d")" "$(manifest_of "oci:$OCI" | jq -cS .)"
	done
	run -125 copy --multi-arch=index-only --encryption-key "jwe:$T/ec.pub" "oci:$T/list:all" "dir:$T/d"
	assert_error 125 "index-only"
}

@test "a layer that was cut, changed, or whose HMAC is another leaves nothing" {
	make_keys
	skopeo_ copy -q --encryption-key "jwe:$T/ec.pub" "oci:$OCI" "oci:$T/enc:a"
	layer=$(layer_files "$T/enc")
	size=$(stat -c %s "$layer")
	key=(--decryption-key "$T/ec.pem")

	# changed in place: the blob's digest tells
	cp -r "$T/enc" "$T/flip"
	printf '\377' | dd of="$(layer_files "$T/flip")" bs=1 seek=$((size / 2)) conv=notrunc status=none
	run -125 pm pull -q "${key[@]}" "oci:$T/flip:a"
	assert_error 125 "digest"
	run -125 copy "${key[@]}" "oci:$T/flip:a" "oci:$T/out:a"
	assert_error 125 "digest"

	# cut
	cp -r "$T/enc" "$T/cut"
	truncate -s $((size - 100)) "$(layer_files "$T/cut")"
	run -125 pm pull -q "${key[@]}" "oci:$T/cut:a"
	assert_error 125 "bytes"

	# by whoever can write the manifest: the first byte, the last one, the end cut off
	for how in first last cut; do
		rm -rf "$T/evil"
		cp -r "$T/enc" "$T/evil"
		f=$T/blob
		cp "$layer" "$f"
		case $how in
		first) printf '\377' | dd of="$f" bs=1 seek=0 conv=notrunc status=none ;;
		last) printf '\377' | dd of="$f" bs=1 seek=$((size - 1)) conv=notrunc status=none ;;
		cut) truncate -s $((size - 8)) "$f" ;;
		esac
		cmp -s "$f" "$layer" && printf '\376' | dd of="$f" bs=1 seek=$((how == last ? size - 1 : 0)) conv=notrunc status=none
		new=$(sha256sum <"$f" | cut -c-64)
		cp "$f" "$T/evil/blobs/sha256/$new"
		rewrite "$T/evil" ".layers[0].digest = \"sha256:$new\" | .layers[0].size = $(stat -c %s "$f")"
		run -125 pm pull -q "${key[@]}" "oci:$T/evil:a"
		assert_error 125 "changed after it was encrypted: its HMAC is another"
		run -125 copy "${key[@]}" "oci:$T/evil:a" "oci:$T/out:a"
		assert_error 125 "changed after it was encrypted: its HMAC is another"
		assert_eq "$(ls "$T/out/index.json" 2>/dev/null)" ""
		# also when it is uncompressed on the way, which may fail first
		run -125 copy "${key[@]}" "oci:$T/evil:a" "docker-archive:$T/out.tar"
		assert_eq "$(ls "$T/out.tar" 2>/dev/null)" ""
	done
	# bytes behind the end of what is compressed are not overlooked
	(cat "$(layer_files "$OCI")"; head -c 100000 /dev/zero) >"$T/longer"
	cp -r "$OCI" "$T/long"
	new=$(sha256sum <"$T/longer" | cut -c-64)
	cp "$T/longer" "$T/long/blobs/sha256/$new"
	rewrite "$T/long" ".layers[0].digest = \"sha256:$new\" | .layers[0].size = $(stat -c %s "$T/longer")"
	copy --encryption-key "jwe:$T/ec.pub" "oci:$T/long" "oci:$T/longenc:a"
	f=$(layer_files "$T/longenc")
	cp "$f" "$T/blob"
	printf '\377' | dd of="$T/blob" bs=1 seek=$(($(stat -c %s "$f") - 5)) conv=notrunc status=none
	cmp -s "$f" "$T/blob" && printf '\376' | dd of="$T/blob" bs=1 seek=$(($(stat -c %s "$f") - 5)) conv=notrunc status=none
	new=$(sha256sum <"$T/blob" | cut -c-64)
	cp "$T/blob" "$T/longenc/blobs/sha256/$new"
	rewrite "$T/longenc" ".layers[0].digest = \"sha256:$new\""
	run -125 copy "${key[@]}" "oci:$T/longenc:a" "docker-archive:$T/out.tar"
	run -125 pm pull -q "${key[@]}" "oci:$T/longenc:a"
	assert_eq "$(ls "$T/out.tar" 2>/dev/null)" ""
	# Skopeo would say the same
	run ! skopeo_ copy -q "${key[@]}" "oci:$T/evil:a" "dir:$T/s"

	# another HMAC, cipher, or none
	rm -rf "$T/evil"
	cp -r "$T/enc" "$T/evil"
	for opts in '{"cipher":"AES_256_CTR_HMAC_SHA256","hmac":"'"$(head -c 32 /dev/zero | base64)"'","cipheroptions":{}}' \
		'{"cipher":"ROT13","hmac":"AAAA","cipheroptions":{}}' '{"cipher":"AES_256_CTR_HMAC_SHA256"}' nonsense; do
		rewrite "$T/evil" ".layers[0].annotations[\"$ENC.pubopts\"] = \"$(base64 -w0 <<<"$opts")\""
		run -125 pm pull -q "${key[@]}" "oci:$T/evil:a"
		assert_error 125 "HMAC is another|cipher is 'ROT13'|\"hmac\" is not base64|pubopts"
	done
	rewrite "$T/evil" ".layers[0].annotations = {}"
	run -125 pm pull -q "${key[@]}" "oci:$T/evil:a"
	assert_error 125 "pubopts"
	assert_empty_store
}

@test "a layer that says it is what it is not" {
	make_keys
	copy --encryption-key "jwe:$T/ec.pub" "oci:$OCI" "oci:$T/enc:a"
	# plain, by its media type
	cp -r "$T/enc" "$T/evil"
	rewrite "$T/evil" '.layers[0].mediaType |= sub("\\+encrypted"; "")'
	run -125 pm pull -q --decryption-key "$T/ec.pem" "oci:$T/evil:a"
	# encrypted, and is not
	rm -rf "$T/evil"
	cp -r "$OCI" "$T/evil"
	rewrite "$T/evil" '.layers[0].mediaType += "+encrypted"'
	run -125 pm pull -q --decryption-key "$T/ec.pem" "oci:$T/evil:latest"
	# another image's encrypted layer in the place of one
	make_three
	copy --encryption-key "jwe:$T/ec.pub" "oci:$T/three:one" "oci:$T/three-enc:a"
	cp "$T"/three-enc/blobs/sha256/* "$T/enc/blobs/sha256/"
	rewrite "$T/enc" ".layers = [$(manifest_of "oci:$T/three-enc" | jq -c '.layers[0]')]"
	run -125 pm pull -q --decryption-key "$T/ec.pem" "oci:$T/enc:a"
	assert_error 125 "diff id"
	assert_empty_store
}

@test "keys under a passphrase: pass=, file=, fd=, and wrong ones" {
	make_keys
	openssl pkcs8 -topk8 -v2 aes256 -passout pass:s3cret -in "$T/ec.pem" -out "$T/locked.pem"
	copy --encryption-key "jwe:$T/ec.pub" "oci:$OCI" "oci:$T/enc:a"
	echo s3cret >"$T/phrase"
	for how in s3cret pass=s3cret "file=$T/phrase"; do
		copy --decryption-key "$T/locked.pem:$how" "oci:$T/enc:a" "oci:$T/out:a"
		assert_same "oci:$T/out"
		rm -r "$T/out"
	done
	copy --decryption-key "$T/locked.pem:fd=7" "oci:$T/enc:a" "oci:$T/out:a" 7<"$T/phrase"
	assert_same "oci:$T/out"
	run -125 copy --decryption-key "$T/locked.pem" "oci:$T/enc:a" "oci:$T/no:a"
	assert_error 125 "the key is encrypted: give its passphrase"
	run -125 copy --decryption-key "$T/locked.pem:pass=wrong" "oci:$T/enc:a" "oci:$T/no:a"
	assert_error 125 "locked.pem: the passphrase is wrong"
	assert_eq "$(grep -c wrong <<<"${output/passphrase is wrong/}")" 0
	run -125 copy --decryption-key "$T/locked.pem:fd=x" "oci:$T/enc:a" "oci:$T/no:a"
	assert_error 125 "'x' is no file descriptor"
	run -125 copy --decryption-key "$T/locked.pem:file=$T/none" "oci:$T/enc:a" "oci:$T/no:a"
	assert_error 125 "passphrase: .*No such file"
	assert_eq "$(ls -d "$T/no" 2>/dev/null)" ""
}

descendants() {
	local p
	for p in $(pgrep -P "$1"); do
		echo "$p"
		descendants "$p"
	done
}

@test "DER keys, a passphrase never in a process's arguments or environment" {
	make_keys
	openssl pkey -in "$T/ec.pem" -pubout -outform DER -out "$T/ec.pub.der"
	openssl pkcs8 -topk8 -nocrypt -in "$T/ec.pem" -outform DER -out "$T/ec.der"
	copy --encryption-key "jwe:$T/ec.pub.der" "oci:$OCI" "oci:$T/enc:a"
	openssl pkcs8 -topk8 -v2 aes256 -passout pass:s3cret -in "$T/ec.pem" -out "$T/locked.pem"
	copy --decryption-key "$T/ec.der" "oci:$T/enc:a" "oci:$T/out:a"
	assert_same "oci:$T/out"
	# pm-transfer waits for the archive, so that it can be looked at
	mkfifo "$T/fifo"
	echo s3cret >"$T/phrase"
	pm --log-level debug copy --decryption-key "$T/locked.pem:fd=7" "oci-archive:/dev/stdin:a" "oci:$T/out2:a" \
		7<"$T/phrase" <"$T/fifo" >"$T/log" 2>&1 &
	exec 8>"$T/fifo"
	started() {
		pid=$(descendants $! | while read -r p; do [ "$(cat "/proc/$p/comm" 2>/dev/null)" != pm-transfer ] || echo "$p"; done)
		[ -n "$pid" ]
	}
	wait_for started
	run ! grep -q s3cret "/proc/$pid/cmdline" "/proc/$pid/environ"
	tar -C "$T/enc" -cf - . >&8
	exec 8>&-
	wait $!
	assert_same "oci:$T/out2"
	run ! grep -q s3cret "$T/log"
}

@test "options that are wrong are refused before anything is written" {
	make_keys
	make_cert
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -keyout /dev/null -out "$T/eccert.pem" -subj /CN=x 2>/dev/null
	openssl genpkey -algorithm ED25519 -out "$T/ed.pem" 2>/dev/null
	openssl pkey -in "$T/ed.pem" -pubout -out "$T/ed.pub"
	while IFS='|' read -r words want; do
		# shellcheck disable=SC2086
		run -125 copy $words "oci:$OCI" "oci:$T/no:a"
		assert_error 125 "$want"
	done <<-END
		--encryption-key pgp:me@example.org|pgp: keys of OpenPGP are not supported
		--encryption-key pkcs11:x|pkcs11: modules of PKCS #11 are not loaded
		--encryption-key provider:x:y|provider: key providers are not executed
		--decryption-key provider:x|provider: key providers are not executed
		--decryption-key pkcs11:object=x|pkcs11: modules
		--encryption-key $T/ec.pub|names no recipient: give jwe:FILE or pkcs7:FILE
		--encryption-key jwe:$T/none|$T/none.*No such file
		--encryption-key jwe:$T/ec.pem|ec.pem: it is not a public key
		--encryption-key jwe:$T/cert.pem|cert.pem: it is not a public key
		--encryption-key jwe:$T/ed.pub|neither RSA nor EC
		--encryption-key pkcs7:$T/ec.pub|ec.pub: it is not an X.509 certificate
		--encryption-key pkcs7:$T/eccert.pem|pkcs7 needs a certificate with an RSA key
		--decryption-key $T/ec.pub|ec.pub: it holds neither a private key nor a certificate
		--decryption-key $T/none|$T/none.*No such file
		--encrypt-layer 0|--encrypt-layer can only be used with --encryption-key
		--encryption-key jwe:$T/ec.pub --encrypt-layer x|'x' is not the index of a layer
		--encryption-key jwe:$T/ec.pub --encrypt-layer 1|there is no layer 1, the image has 1
		--encryption-key jwe:$T/ec.pub --encrypt-layer -2|there is no layer -2, the image has 1
		--encryption-key jwe:$T/ec.pub --format v2s2|encrypted layers need the OCI format
		--encryption-key jwe:$T/ec.pub --preserve-digests|encryption would change the image's digest, which --preserve-digests forbids
	END
	assert_eq "$(ls "$T/no/index.json" 2>/dev/null)" ""
	run -125 copy --encryption-key "jwe:$T/ec.pub" "oci:$OCI" "docker-archive:$T/a.tar:x/y:1"
	assert_error 125 "docker-archive: cannot hold encrypted layers"
	run -125 copy --encryption-key "jwe:$T/ec.pub" "oci:$OCI" "containers-storage:localhost/x"
	assert_error 125 "encryption-key cannot be used with containers-storage:"
	load_busybox
	run -125 pm push -q --encryption-key "jwe:$T/ec.pub" "$IMAGE" "docker-archive:$T/a.tar:x/y:1"
	assert_error 125 "cannot hold encrypted layers"
	run -125 pm push -q --encryption-key "jwe:$T/ec.pub" --format v2s2 "$IMAGE" "oci:$T/no2:a"
	run -125 pm push -q --encryption-key pgp:x "$IMAGE" "oci:$T/no2:a"
	assert_error 125 "keys of OpenPGP are not supported"
	assert_eq "$(ls "$T/no2/index.json" "$T/a.tar" 2>/dev/null)" ""
}
