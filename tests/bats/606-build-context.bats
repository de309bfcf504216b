#!/usr/bin/env bats
# What pm build builds of: contexts that are streamed or fetched, other contexts, Containerfiles from elsewhere.

load helpers
load network

test_setup() {
	load_busybox
	C=$T/ctx
	mkdir "$C"
	echo text >"$C/file"
	printf 'FROM %s\nCOPY file /copied\nCOPY . /all/\n' "$IMAGE" >"$C/Dockerfile"
	printf 'ignored\n' >"$C/.dockerignore"
	touch "$C/ignored"
}

test_teardown() {
	if [ -n "${DAEMON-}" ]; then kill "$DAEMON"; wait "$DAEMON" || true; fi
	if [ -n "${SERVER-}" ]; then kill "$SERVER"; wait "$SERVER" || true; fi
	[ -z "$(ls "$T/root/staging")" ]
}

# A server of $C's parent on loopback; URL.
serve() {
	python3 -u -c 'import functools, http.server
h = functools.partial(http.server.SimpleHTTPRequestHandler, directory="'"$T"'")
s = http.server.HTTPServer(("127.0.0.1", 0), h)
print(s.server_address[1], flush=True)
s.serve_forever()' >"$T/port" 2>/dev/null 3>&- &
	SERVER=$!
	wait_for test -s "$T/port"
	URL=http://127.0.0.1:$(cat "$T/port")
}

# The image built last as `built` has the context's file, and not what is ignored.
check_built() {
	run -0 pm run --rm --network none built sh -c 'cat /copied; ls -A /all'
	assert_eq "$output" "text
.dockerignore
Dockerfile
file"
}

@test "a tar on standard input, compressed or not; a symlink in it leads nowhere" {
	tar -C "$C" -c . | pm build -q -t built -
	check_built
	tar -C "$C" -cz . | pm build -q -t built -
	check_built
	tar -C "$C" -cJ . | pm build -q -t built -
	check_built
	echo private >"$T/private"
	ln -s "$T/private" "$C/out"
	tar -C "$C" -c . >"$T/ctx.tar"
	printf 'FROM %s\nCOPY out /\n' "$IMAGE" >"$T/other"
	run -125 pm build -f "$T/other" - <"$T/ctx.tar"
	assert_error 125 '"out": no such file or directory'
}

@test "a Containerfile on standard input: without a context, and with one" {
	run -0 pm build -q -t built - <<<"FROM $IMAGE
RUN echo made >/made"
	run -0 pm run --rm built cat /made
	assert_eq "$output" made
	run -125 pm build - <<<"FROM $IMAGE
COPY file /"
	assert_error 125 'standard input:2: COPY: "file": no such file or directory'
	pm build -q -t built -f - "$C" <"$C/Dockerfile"
	check_built
	run -125 pm build -f - - <"$C/Dockerfile"
	assert_error 125 'cannot be given together with -f'
	tar -C "$C" -c . >"$T/ctx.tar"
	run -125 pm build -f - - <"$T/ctx.tar"
	assert_error 125 'standard input is read once'
}

@test "a URL: of a tar, of a Containerfile" {
	serve
	tar -C "$C" -czf "$T/ctx.tgz" .
	pm build -q -t built "$URL/ctx.tgz"
	check_built
	printf 'FROM %s\nRUN echo fetched >/made\n' "$IMAGE" >"$T/only"
	pm build -q -t built "$URL/only"
	run -0 pm run --rm built cat /made
	assert_eq "$output" fetched
	pm build -q -t built -f "$URL/ctx/Dockerfile" "$C"
	check_built
	run -125 pm build "$URL/none.tar"
	assert_error 125 'the server answers 404'
}

@test "--build-context: a directory, an archive by URL, an image" {
	serve
	mkdir "$T/lib"
	echo lib >"$T/lib/name"
	tar -C "$T/lib" -cf "$T/lib.tar" .
	cat >"$T/Containerfile" <<-EOF
		FROM base
		COPY --from=dir name /dir
		COPY --from=url name /url
		COPY --from=img /bin/busybox /img
		RUN --mount=from=dir,target=/mnt cat /mnt/name >/mounted
	EOF
	pm build -q -t built -f "$T/Containerfile" --build-context "dir=$T/lib" --build-context "url=$URL/lib.tar" \
		--build-context "img=docker-image://$IMAGE" --build-context "base=container-image://$IMAGE" "$C"
	run -0 pm run --rm built sh -c 'cat /dir /url /mounted; test -x /img'
	assert_eq "$output" "lib
lib
lib"
	sed -i '1s/.*/FROM scratch/' "$T/Containerfile"
	run -125 pm build -f "$T/Containerfile" --build-context "dir=$T/nowhere" "$C"
	assert_error 125 "build-context dir: .*$T/nowhere"
	run -125 pm build -f "$T/Containerfile" --build-context "dir" "$C"
	assert_error 125 'must be NAME=VALUE'
}

@test "a Containerfile through cpp" {
	printf '#include "part"\n#ifdef EXTRA\nRUN echo EXTRA >/extra\n#endif\n' >"$C/Containerfile.in"
	echo "FROM $IMAGE" >"$C/part"
	pm build -q -t built -f "$C/Containerfile.in" --cpp-flag=-DEXTRA=yes "$C"
	run -0 pm run --rm built cat /extra
	assert_eq "$output" yes
	tar -C "$C" -c . >"$T/ctx.tar"
	run -125 pm build -f Containerfile.in - <"$T/ctx.tar"
	assert_error 125 "must be the user's own"
	echo '#error "not so"' >"$C/bad.in"
	run -125 pm build -f "$C/bad.in" "$C"
	assert_error 125 'not so'
}

@test "which ignore file holds: the Containerfile's own before the context's" {
	printf 'file\n' >"$C/Dockerfile.dockerignore"
	run -125 pm build -q "$C"
	assert_error 125 '"file": the ignore file'
	printf 'ignored\nDockerfile.*\n' >"$C/Dockerfile.containerignore"
	pm build -q -t built "$C"
	check_built
	printf 'nothing\n' >"$C/.containerignore"
	rm "$C"/Dockerfile.*
	pm build -q -t built "$C"
	run -0 pm run --rm built ls /all/ignored
	printf '[\n' >"$C/.containerignore"
	run -125 pm build -q "$C"
	assert_error 125 'containerignore:1: pattern "\["'
}

@test "a fetch that is killed leaves nothing that the next command does not sweep" {
	mkfifo "$T/pipe"
	"$PM_BIN" --root "$T/root" --runroot "$T/run" build -q - <"$T/pipe" >/dev/null 2>&1 3>&- &
	local pid=$!
	exec 7>"$T/pipe"
	head -c 100000 /dev/zero >&7
	staged() { [ -n "$(ls "$T/root/staging" 2>/dev/null)" ]; }
	wait_for staged
	kill -KILL "$pid"
	exec 7>&-
	wait "$pid" || true
	staged
	pm build -q -t built "$C" >/dev/null
	[ -z "$(ls "$T/root/staging")" ]
}

# NAME ARCH...: a list of busybox said to be for each architecture, in the registry.
push_list() {
	local name=$1 arch
	shift
	pm manifest create "list-$name" >/dev/null
	for arch; do
		printf 'FROM %s\nLABEL of=%s\n' "$IMAGE" "$arch" | pm build -q --arch "$arch" --from "$IMAGE" -t "$name-$arch" - >/dev/null
		pm manifest add "list-$name" "$name-$arch" >/dev/null
	done
	pm manifest push -q --tls-verify=false "list-$name" "docker://$REGISTRY/$name:1"
	pm rmi -f "list-$name" >/dev/null
}

@test "all platforms: those that every base image has, each with its own base" {
	start_registry
	push_list wide amd64 arm64 s390x
	push_list narrow s390x amd64
	push_list other ppc64le
	pm rmi -af >/dev/null
	cat >"$C/Dockerfile" <<-EOF
		FROM $REGISTRY/narrow:1 AS tools
		RUN echo \$(id -u) >/made
		FROM --platform=linux/amd64 $REGISTRY/wide:1 AS here
		FROM $REGISTRY/wide:1
		ARG TARGETARCH
		COPY --from=tools /made /made
		RUN echo \$TARGETARCH >/arch
	EOF
	run -0 pm build --all-platforms --tls-verify=false --manifest all "$C"
	run -0 pm manifest inspect all
	assert_eq "$(jq -c '[.manifests[].platform | .os + "/" + .architecture]' <<<"$output")" '["linux/s390x","linux/amd64"]'
	run -0 pm manifest push -q --tls-verify=false all "docker://$REGISTRY/all:1"
	for arch in s390x amd64; do
		pm pull -q --tls-verify=false --arch "$arch" "$REGISTRY/all:1" >/dev/null
		assert_eq "$(pm run --rm --network none "$REGISTRY/all:1" cat /arch)" "$arch"
		assert_eq "$(pm image inspect -f '{{.Architecture}} {{.Config.Labels.of}}' "$REGISTRY/all:1")" "$arch $arch"
	done

	# a list of the store is one too; a name for several images needs a list
	run -0 pm build --all-platforms --from all --tls-verify=false --manifest again --target tools "$C"
	assert_eq "$(pm manifest inspect again | jq '.manifests|length')" 2
	run pm build --all-platforms --from all -t name --target tools "$C"
	assert_error 125 "need --manifest"
	run pm build --all-platforms --arch s390x --manifest x "$C"
	assert_error 125 "takes every platform"
	run pm build --all-platforms --from "$REGISTRY/other:1" --tls-verify=false --manifest x "$C"
	assert_error 125 "no platform in common"
	printf 'FROM scratch\nCOPY Dockerfile /\n' >"$C/Dockerfile"
	run pm build --all-platforms --manifest x "$C"
	assert_error 125 "has no base image"
}

# A bare repository $T/x.git of $C, with a tag, a branch with another text in a directory, and what a hostile one has.
repository() {
	local git=(git -C "$C" -c user.name=x -c user.email=x@y -c init.defaultBranch=main)
	"${git[@]}" init -q
	mkdir "$C/deep"
	printf 'ignored\ndeep\nout\n' >"$C/.dockerignore"
	printf 'FROM %s\nCOPY file /copied\nCOPY escape /escape\n' "$IMAGE" >"$C/deep/Containerfile"
	echo deeper >"$C/deep/file"
	ln -s /etc/passwd "$C/deep/escape"
	ln -s ../../../.. "$C/out"
	"${git[@]}" add .
	"${git[@]}" commit -qm one
	"${git[@]}" tag v1
	"${git[@]}" checkout -qb other
	echo branch >"$C/file"
	"${git[@]}" commit -qam two
	COMMIT=$("${git[@]}" rev-parse v1)
	"${git[@]}" checkout -q main
	git clone -q --bare "$C" "$T/x.git"
	git -C "$T/x.git" config uploadpack.allowAnySHA1InWant true
	git -C "$T/x.git" update-server-info
}

git_daemon() {
	local port
	port=$(free_port)
	git daemon --listen=127.0.0.1 --port="$port" --base-path="$T" --export-all --reuseaddr 3>&- &
	DAEMON=$!
	GIT=git://127.0.0.1:$port/x.git
	wait_for git ls-remote -q "$GIT" 2>/dev/null
}

@test "a git repository: a branch, a tag, a commit, a directory of it; nothing of it is executed or leads out" {
	repository
	git_daemon
	# the user's templates have a hook that must not run, and variables point elsewhere
	mkdir -p "$T/templates/hooks"
	printf '#!/bin/sh\ntouch %s/hooked\n' "$T" | tee "$T/templates/hooks/post-checkout" >"$T/templates/hooks/reference-transaction"
	chmod +x "$T"/templates/hooks/*
	export GIT_TEMPLATE_DIR=$T/templates GIT_DIR=$T/nowhere GIT_WORK_TREE=$T
	for url in "$GIT" "$GIT#v1" "$GIT#$COMMIT" "$GIT#main:."; do
		run -0 pm build -q -t built "$url"
		check_built
	done
	[ ! -e "$T/hooked" ] || fail "a hook ran"
	run -0 pm build -t built "$GIT#other"
	assert_eq "$(pm run --rm --network none built cat /copied)" branch
	# the same commit again is the same build: nothing of git's own is in the context
	run -0 pm build -t built "$GIT#other"
	assert_eq "$(grep -c 'Using cache' <<<"$output")" 2

	# a symlink means what it says inside of the context
	run pm build -t deep "$GIT#main:deep"
	assert_error 125 "escape.*no such file|such file"
	run pm build "$GIT#main:out/etc"
	assert_error 125 'directory "out/etc"'
	run pm build "$GIT#main:../.."
	[ "$status" -ne 0 ] || assert_eq "$(pm run --rm --network none built cat /copied)" branch
	run pm build "$GIT#nosuch"
	assert_error 125 "nosuch"
	for ref in --upload-pack=touch+main:x -x a..b 'a b' '+main'; do
		run pm build "$GIT#$ref"
		assert_error 125 "no branch, tag or commit"
	done
	run pm build "ssh://-oProxyCommand=touch%20$T/hooked/x.git"
	assert_error 125 "git"
	[ ! -e "$T/hooked" ] || fail "a command ran"

	# from a server of files alone, and as another context
	unset GIT_DIR GIT_WORK_TREE
	serve
	run -0 pm build -q -t built "$URL/x.git#v1"
	check_built
	printf 'FROM %s\nCOPY --from=more file /copied\n' "$IMAGE" >"$T/Containerfile"
	run -0 pm build -q -t built -f "$T/Containerfile" --build-context "more=$GIT#other" "$C"
	assert_eq "$(pm run --rm --network none built cat /copied)" branch
	PATH=/nonexistent run "$PM_BIN" --root "$T/root" --runroot "$T/run" build "$GIT"
	assert_error 125 "there is no git here"
}
