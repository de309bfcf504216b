#!/usr/bin/env bats
# pm build: instructions, stages, cache, options, what is printed.

load helpers

test_setup() {
	load_busybox
	C=$T/ctx
	mkdir "$C"
}


# A Containerfile from standard input.
containerfile() {
	cat >"$C/Containerfile"
}

build() {
	pm build "$@" "$C"
}

config() {
	pm image inspect -f "{{json .Config.$2}}" "$1"
}

@test "steps, the image's name and its id are printed as podman prints them" {
	containerfile <<-EOF
		FROM $IMAGE
		ENV GREETING=hello
		RUN echo \$GREETING >/greeting
		CMD ["cat", "/greeting"]
	EOF
	run -0 --separate-stderr build -t site -t other:2
	assert_eq "${lines[0]}" "STEP 1/4: FROM $IMAGE"
	assert_eq "${lines[1]}" "STEP 2/4: ENV GREETING=hello"
	assert_like "${lines[2]}" '^--> [0-9a-f]{12}$'
	assert_eq "${lines[3]}" 'STEP 3/4: RUN echo $GREETING >/greeting'
	assert_eq "${lines[6]}" "COMMIT site"
	assert_like "${lines[7]}" '^--> [0-9a-f]{12}$'
	assert_eq "${lines[8]}" "Successfully tagged localhost/site:latest"
	assert_eq "${lines[9]}" "Successfully tagged localhost/other:2"
	assert_like "${lines[10]}" '^[0-9a-f]{64}$'
	assert_eq "$(pm image inspect -f '{{.Id}}' site)" "${lines[10]}"
	assert_eq "$(pm run --rm --network none site)" hello

	run -0 --separate-stderr build -q
	assert_like "$output" '^[0-9a-f]{64}$'
}

@test "a second build takes every step from the cache, and a changed one goes on from there" {
	containerfile <<-EOF
		FROM $IMAGE
		COPY file /file
		RUN date +%N >/stamp
		LABEL a=b
	EOF
	echo one >"$C/file"
	first=$(build -q)
	run -0 --separate-stderr build
	assert_eq "$(grep -c '^--> Using cache' <<<"$output")" 3
	assert_eq "${lines[-1]}" "$first"

	# the same content under another time is the same; another content is not
	touch -d 2001-01-01 "$C/file"
	assert_eq "$(build -q)" "$first"
	echo two >"$C/file"
	run -0 --separate-stderr build
	assert_eq "$(grep -c '^--> Using cache' <<<"$output")" 0
	[ "${lines[-1]}" != "$first" ] || fail "the old image"
	assert_eq "$(pm run --rm --network none "${lines[-1]}" cat /file)" two

	echo one >"$C/file"
	assert_eq "$(build -q)" "$first"
	run -0 --separate-stderr build --no-cache
	assert_eq "$(grep -c '^--> Using cache' <<<"$output")" 0
	run -0 --separate-stderr build --cache-ttl 0
	assert_eq "$(grep -c '^--> Using cache' <<<"$output")" 0
	run -0 --separate-stderr build --cache-ttl 1h
	assert_eq "$(grep -c '^--> Using cache' <<<"$output")" 3
}

@test "a cached step goes with its image" {
	containerfile <<-EOF
		FROM $IMAGE
		RUN echo 1 >/one
	EOF
	id=$(build -q)
	pm rmi "$id" >/dev/null
	run -0 --separate-stderr build
	assert_eq "$(grep -c 'Using cache' <<<"$output")" 0
}

@test "only the stages that the target needs are built" {
	containerfile <<-EOF
		FROM $IMAGE AS base
		RUN echo base >/base
		FROM $IMAGE AS unused
		RUN echo unused >/unused
		FROM base AS mid
		RUN echo mid >/mid
		FROM $IMAGE
		COPY --from=mid /base /mid /
		COPY --from=0 /base /again
	EOF
	run -0 --separate-stderr build -t whole
	assert_like "$output" '\[1/4\] STEP 1/2: FROM '
	assert_like "$output" '\[4/4\] COMMIT whole'
	[[ $output != *unused* ]] || fail "an unused stage"
	assert_eq "$(pm run --rm --network none whole cat /base /mid /again | tr '\n' ' ')" "base mid base "

	run -0 --separate-stderr build --target base -t part
	[[ $output != *mid* ]] || fail "more than the target"
	assert_eq "$(pm run --rm --network none part cat /base)" base
	run -0 --separate-stderr build --skip-unused-stages=false
	assert_like "$output" unused
	run build --target nosuch
	assert_error 125 'target "nosuch" was not found'
}

@test "stages side by side give the same image" {
	containerfile <<-EOF
		FROM $IMAGE AS one
		RUN echo one >/one
		FROM $IMAGE AS two
		RUN echo two >/two
		FROM one AS three
		RUN echo three >/three
		FROM $IMAGE
		COPY --from=three /one /three /
		COPY --from=two /two /
	EOF
	run -0 --separate-stderr build --jobs 3 -t both
	assert_eq "$(pm run --rm --network none both cat /one /two /three | tr '\n' ' ')" "one two three "
	id=${lines[-1]}
	assert_eq "$(build -q)" "$id"
	containerfile <<-EOF
		FROM $IMAGE AS one
		RUN exit 7
		FROM $IMAGE AS two
		RUN true
		FROM $IMAGE
		COPY --from=one / /a
		COPY --from=two / /b
	EOF
	run -7 build --jobs 2
	assert_like "$output" 'Error: building at STEP "RUN exit 7": while running runtime: exit status 7'
	assert_eq "$(pm ps -a --external -q)" ""
}

@test "ARG and ENV: scopes, defaults, --build-arg, what is not declared" {
	containerfile <<-EOF
		ARG TAG=latest
		FROM ${IMAGE%:*}:\$TAG
		ARG TAG
		ARG COLOR=red
		ARG TARGETARCH
		ENV PAINT=\${COLOR:-none}
		RUN echo "\$TAG \$COLOR \$PAINT \$TARGETARCH" >/out
		RUN env >/env
	EOF
	run -0 build -t args --build-arg COLOR=blue --build-arg NOBODY=1
	assert_like "$output" 'build args were not consumed: \[NOBODY\]'
	assert_eq "$(pm run --rm --network none args cat /out)" "latest blue blue $(pm info -f '{{.Host.Arch}}')"
	# an argument is no variable of the image
	[[ $(config args Env) != *COLOR* ]] || fail "the argument is in the image"
	assert_like "$(config args Env)" 'PAINT=blue'
	assert_like "$(pm history --no-trunc args)" '\|3 COLOR=blue'
	# another value is another step
	build -q -t args --build-arg COLOR=green >/dev/null
	assert_eq "$(pm run --rm --network none args cat /out | cut -d' ' -f2)" green
	printf 'COLOR=pink\n# no\n' >"$T/args"
	build -q -t args --build-arg-file "$T/args" >/dev/null
	assert_eq "$(pm run --rm --network none args cat /out | cut -d' ' -f2)" pink
}

@test "nothing of the host's environment reaches RUN but the proxies" {
	containerfile <<-EOF
		FROM $IMAGE
		RUN env
	EOF
	export HOST_ONLY=seen http_proxy=http://proxy.example:1
	run -0 build --no-cache
	[[ $output != *HOST_ONLY* ]] || fail "a variable of the host"
	assert_like "$output" 'http_proxy=http://proxy.example:1'
	run -0 build --no-cache --http-proxy=false
	[[ $output != *proxy.example* ]] || fail "the proxy"
	[[ $(config "${lines[-1]}" Env) != *proxy* ]] || fail "the proxy is in the image"
}

@test "FROM is shown with what its variables mean; a destination below the working directory" {
	echo one >"$C/file"
	printf 'ARG BASE=nosuch\nFROM $BASE AS First\nWORKDIR /app\nCOPY file .\nCOPY file sub/\n' >"$C/Containerfile"
	run -0 --separate-stderr build --build-arg "BASE=$IMAGE" -t below
	assert_eq "${lines[0]}" "STEP 1/4: FROM $IMAGE AS first"
	assert_eq "$(pm run --rm --network none below cat /app/file /app/sub/file | tr '\n' ' ')" "one one "
	run -0 --separate-stderr build --build-arg "BASE=$IMAGE" -t below
	assert_like "$output" 'STEP 4/4: COPY file sub/.--> Using cache'
}

@test "RUN finds the directories of VOLUME, and what it writes there stays" {
	containerfile <<-EOF
		FROM $IMAGE
		VOLUME /data /bin ["/more"]
		RUN echo x >/data/f && ls /bin/sh
	EOF
	build -q -t vol >/dev/null
	run -0 pm run --rm --network none vol cat /data/f
	assert_eq "$output" x
}

@test "what the instructions make of the configuration" {
	containerfile <<-EOF
		FROM $IMAGE
		MAINTAINER somebody
		LABEL one=1 "two words"="2 3"
		ENV A=1 B="x y"
		EXPOSE 80 9000-9001/udp
		VOLUME /data ["/more"]
		VOLUME ["/json"]
		USER 12:34
		WORKDIR /srv
		WORKDIR app
		STOPSIGNAL SIGQUIT
		HEALTHCHECK --interval=5s --retries=2 CMD true
		ONBUILD RUN id -u >/tmp/triggered
		SHELL ["/bin/sh", "-ec"]
		ENTRYPOINT echo entry
		CMD ["x"]
	EOF
	build -q -t conf >/dev/null
	assert_like "$(config conf Labels)" '"one":"1","two words":"2 3"'
	assert_like "$(config conf Env)" '"A=1","B=x y"'
	assert_like "$(config conf ExposedPorts)" '"80/tcp":\{\},"9000/udp":\{\},"9001/udp":\{\}'
	assert_like "$(config conf Volumes)" '"/json":\{\}'
	assert_eq "$(config conf User)" '"12:34"'
	assert_eq "$(config conf WorkingDir)" '"/srv/app"'
	assert_eq "$(config conf StopSignal)" '"SIGQUIT"'
	assert_eq "$(config conf Entrypoint)" '["/bin/sh","-ec","echo entry"]'
	assert_eq "$(config conf Cmd)" '["x"]'
	assert_eq "$(pm image inspect -f '{{.Author}}' conf)" somebody
	assert_like "$(pm image inspect conf)" '"Interval": 5000000000'
	assert_eq "$(pm run --rm --network none --entrypoint pwd --user 0 conf)" /srv/app

	# ENTRYPOINT takes the base's CMD away; the trigger runs
	printf 'FROM conf\nUSER 0\nENTRYPOINT ["cat"]\n' >"$C/Containerfile"
	run -0 --separate-stderr build -t child
	assert_like "$output" 'STEP 2/4: RUN id -u >/tmp/triggered'
	[[ $(pm image inspect child) != *\"Cmd\"* ]] || fail "the command of the base"
	assert_eq "$(pm run --rm --network none child /tmp/triggered)" 12
	[[ $(pm image inspect child) != *OnBuild* ]] || fail "the trigger goes on"
}

@test "options of the image: label, annotation, env, unsetenv, unsetlabel, os-version, history" {
	printf 'FROM %s\nENV DROP=1\nLABEL gone=1\nRUN true\n' "$IMAGE" >"$C/Containerfile"
	build -q -t opts --label own=1 --annotation note=yes --env ADDED=2 --unsetenv DROP --unsetlabel gone \
		--os-version 9 --os-feature f --identity-label=false --omit-history >/dev/null
	assert_eq "$(config opts Labels)" '{"own":"1"}'
	assert_like "$(config opts Env)" 'ADDED=2'
	[[ $(config opts Env) != *DROP* ]] || fail "DROP is there"
	assert_like "$(pm image inspect -f '{{json .Annotations}}' opts)" '"note":"yes"'
	assert_like "$(pm image inspect -f '{{json .Annotations}}' opts)" 'org.opencontainers.image.base.name'
	assert_eq "$(pm image inspect -f '{{json .History}}' opts)" null
	build -q -t plain >/dev/null
	assert_like "$(config plain Labels)" 'io.buildah.version'
	build -q -t dock --format docker >/dev/null
	assert_like "$(pm image inspect -f '{{.ManifestType}}' dock)" 'docker.distribution.manifest.v2'
}

@test "without layers, and squashed" {
	printf 'FROM %s\nRUN echo 1 >/a\nRUN rm /a; echo 2 >/b\n' "$IMAGE" >"$C/Containerfile"
	layers() {
		pm image inspect -f '{{len .RootFS.Layers}}' "$1"
	}
	base=$(layers "$IMAGE")
	build -q -t many >/dev/null
	assert_eq "$(layers many)" $((base + 2))
	run -0 --separate-stderr build --layers=false -t one
	assert_eq "$(grep -c '^-->' <<<"$output")" 1
	assert_eq "$(layers one)" $((base + 1))
	build -q --squash -t squashed >/dev/null
	assert_eq "$(layers squashed)" $((base + 1))
	build -q --squash-all -t all >/dev/null
	assert_eq "$(layers all)" 1
	for i in many one squashed all; do
		assert_eq "$(pm run --rm --network none $i sh -c 'ls /a 2>/dev/null; cat /b')" 2
	done
	# what the history says fits the layers
	for i in many one squashed all; do
		assert_eq "$(pm image inspect "$i" | grep -c '"created_by"')" \
			"$(($(pm image inspect "$i" | grep -c '"empty_layer": true') + $(layers $i)))"
	done
	printf 'FROM %s\n' "$IMAGE" >"$C/Containerfile"
	assert_eq "$(build -q)" "$(pm image inspect -f '{{.Id}}' "$IMAGE")"
}

@test "the same image at the same --timestamp" {
	printf 'FROM %s\nCOPY file /\nRUN echo 1 >/made\n' "$IMAGE" >"$C/Containerfile"
	echo x >"$C/file"
	first=$(build -q --timestamp 1000)
	assert_eq "$(pm run --rm --network none "$first" stat -c %Y /file /made | sort -u)" 1000
	assert_eq "$(pm image inspect -f '{{.Created}}' "$first" | cut -c1-19)" "1970-01-01 00:16:40"
	pm rmi "$first" >/dev/null
	assert_eq "$(build -q --no-cache --timestamp 1000)" "$first"
}

@test "what a command leaves is the layer, whatever it is: links, holes, owners, removals" {
	containerfile <<-EOF
		FROM $IMAGE
		RUN echo one >/a; ln /a /hard; ln -s a /soft; mkfifo /p; mkdir -p /d/e; echo deep >/d/e/f; chown 5:6 /d; chmod 2755 /d/e; chmod 700 /root
		RUN rm -rf /d; mkdir /d; echo again >/d/x; rm /etc/passwd; truncate -s 1M /sparse; echo end >>/sparse
		RUN chown 7:7 /; touch /own
	EOF
	build -q -t odd >/dev/null
	run -0 pm run --rm --network none odd sh -c 'ls -A /d; stat -c "%h %s" /a /sparse; cat /soft; ls /etc/passwd 2>/dev/null; ls /own'
	assert_like "$output" $'^x\n2 4\n1 1048580\none\n/own$'
	pm system check
	# the stream that a push would send is the one that the id was made of
	pm save -q -o "$T/odd.tar" odd
	pm rmi -f odd >/dev/null
	pm load -q -i "$T/odd.tar" >/dev/null
	assert_eq "$(pm run --rm --network none odd cat /hard)" one
}

@test "FROM scratch, and from nothing at all" {
	mkdir -p "$C/root/bin"
	cp "$(command -v busybox)" "$C/root/bin/sh"
	printf 'FROM scratch\nCOPY root /\nRUN echo made >/made\nCMD ["sh", "-c", "echo run"]\n' >"$C/Containerfile"
	build -q -t tiny >/dev/null
	assert_eq "$(pm run --rm --network none tiny)" run
	# mount points that only RUN needed are not in the image
	pm create --name look tiny >/dev/null
	assert_eq "$(pm export look | tar -t | grep -v '/$' | tr '\n' ' ')" "bin/sh made "
	pm rm look >/dev/null
	printf 'FROM scratch\nLABEL empty=1\n' >"$C/Containerfile"
	build -q -t empty >/dev/null
	assert_eq "$(pm image inspect -f '{{len .RootFS.Layers}}' empty)" 0
}

@test "RUN: forms, user, working directory, network, input, output, failure" {
	containerfile <<-EOF
		FROM $IMAGE
		RUN ["sh", "-c", "echo exec form >/exec"]
		WORKDIR /w
		USER 7:8
		RUN pwd; id -u; id -g
		RUN --network=none ip link | grep -c '^[0-9]*:'
		RUN <<EOT
		echo first
		echo second
		EOT
		RUN <<EOT
		#!/bin/cat
		itself
		EOT
	EOF
	run -0 --separate-stderr build
	assert_like "$output" $'\n/w\n7\n8\n'
	assert_like "$output" $'\n1\n--> '
	assert_like "$output" $'\nfirst\nsecond\n'
	assert_like "$output" $'\n#!/bin/cat\nitself\n'
	printf 'FROM %s\nRUN echo out; echo err >&2; exit 42\n' "$IMAGE" >"$C/Containerfile"
	run -42 --separate-stderr build -q
	assert_eq "$output" ""
	# shellcheck disable=SC2154 # by run
	assert_like "$stderr" $'^err\nError: building at STEP "RUN echo out; echo err >&2; exit 42": while running runtime: exit status 42$'
	printf 'FROM %s\nRUN ["/nosuch"]\n' "$IMAGE" >"$C/Containerfile"
	run -127 build
	assert_like "$output" 'nosuch'
	printf 'FROM %s\nRUN cat\n' "$IMAGE" >"$C/Containerfile"
	assert_like "$(echo words | build --stdin --no-cache)" $'\nwords\n'
	[[ $(echo words | build --no-cache) != *words* ]] || fail "input without --stdin"
}

@test "options of the containers that RUN has" {
	mkdir "$T/host"
	echo shared >"$T/host/file"
	containerfile <<-EOF
		FROM $IMAGE
		RUN cat /v/file; grep example.test /etc/hosts; ulimit -n; df /dev/shm | tail -1; grep CapEff /proc/self/status
	EOF
	run -0 build -v "$T/host:/v:ro" --add-host example.test:1.2.3.4 --ulimit nofile=100:100 --shm-size 1m --cap-drop all
	assert_like "$output" $'\nshared\n1.2.3.4[[:space:]]+example.test\n100\n'
	assert_like "$output" ' 1024 '
	assert_like "$output" 'CapEff:[[:space:]]+0000000000000000'
	run -125 build -v name:/v
	assert_error 125 'no volumes'
	run -125 build --isolation chroot
	assert_error 125 'isolation chroot'
	run -125 build --cache-from registry.test/x:tag
	assert_error 125 'without transport, tag and digest'
}

@test "where the Containerfile is" {
	printf 'FROM %s\nLABEL from=default\n' "$IMAGE" >"$C/Dockerfile"
	build -q -t found >/dev/null
	assert_like "$(config found Labels)" 'default'
	printf 'FROM %s\nLABEL from=containerfile\n' "$IMAGE" >"$C/Containerfile"
	build -q -t found >/dev/null
	assert_like "$(config found Labels)" 'containerfile'
	printf 'FROM %s\nLABEL from=named\n' "$IMAGE" >"$C/other"
	build -q -t found -f other >/dev/null
	assert_like "$(config found Labels)" 'named'
	printf 'FROM %s\nLABEL from=stdin\n' "$IMAGE" | build -q -t found -f - >/dev/null
	assert_like "$(config found Labels)" 'stdin'
	printf 'FROM %s\nLABEL from=only\n' "$IMAGE" | pm build -q -t found - >/dev/null
	assert_like "$(config found Labels)" 'only'
	(cd "$T" && pm build -q -t found -f ctx/other >/dev/null)
	assert_like "$(config found Labels)" 'named'
	printf 'RUN echo second >/second\n' >"$C/second"
	build -q -t found -f "$C/other" -f "$C/second" >/dev/null
	assert_eq "$(pm run --rm --network none found cat /second)" second
	mkdir "$T/none"
	cd "$T/none"
	run -125 pm build
	assert_error 125 'Dockerfile'
	run -125 build -f nosuch
	assert_error 125 'nosuch'
	printf 'FROM %s\nBLAH x\n' "$IMAGE" >"$C/Containerfile"
	run -125 build
	assert_error 125 'Containerfile:2'
}

@test "--iidfile, --logfile, --output, --manifest, --from, --pull" {
	printf 'FROM nosuch/image\nRUN echo x >/x; echo said\n' >"$C/Containerfile"
	id=$(build -q --from "$IMAGE" --iidfile "$T/iid")
	assert_eq "$(cat "$T/iid")" "sha256:$id"
	run -0 build --from "$IMAGE" --no-cache --logfile "$T/log"
	assert_like "$output" '^[0-9a-f]{64}$'
	assert_like "$(cat "$T/log")" $'RUN echo x >/x; echo said\nsaid'
	build -q --from "$IMAGE" -o "$T/out" >/dev/null
	assert_eq "$(cat "$T/out/x")" x
	build -q --from "$IMAGE" -o type=tar,dest="$T/out.tar" >/dev/null
	assert_eq "$(tar -xOf "$T/out.tar" x)" x
	assert_eq "$(build --from "$IMAGE" -o - 2>/dev/null | tar -xOf - x)" x
	run -125 build --from "$IMAGE" -o type=oci,dest=x
	assert_error 125 'invalid type'
	build -q --from "$IMAGE" --manifest mylist --platform linux/amd64 >/dev/null
	assert_like "$(pm manifest inspect mylist)" '"architecture": "amd64"'
	run -125 build --pull=never
	assert_error 125 'creating build container'
}

@test "called as buildah: bud, without layers unless asked" {
	mkdir "$T/bin"
	ln -s "$PM_BIN" "$T/bin/buildah"
	printf 'FROM %s\nRUN echo 1 >/a\n' "$IMAGE" >"$C/Containerfile"
	run -0 --separate-stderr timeout 60 "$T/bin/buildah" --root "$T/root" --runroot "$T/run" bud -t b1 "$C"
	assert_eq "${lines[2]}" "COMMIT b1"
	run -0 --separate-stderr timeout 60 "$T/bin/buildah" --root "$T/root" --runroot "$T/run" build --layers -t b2 "$C"
	assert_eq "$(pm run --rm --network none b2 cat /a)" 1
}

@test "a build that is killed leaves nothing that the next command does not sweep" {
	containerfile <<-EOF
		FROM $IMAGE
		RUN echo 1 >/one
		RUN echo started >/proc/1/fd/1; sleep 100
	EOF
	pm run --rm --network none "$IMAGE" true # what is found out once a boot
	for delay in 0.05 0.1 0.2 0.3; do
		"$PM_BIN" --root "$T/root" --runroot "$T/run" build --no-cache "$C" >"$T/out" 2>&1 3>&- &
		pid=$!
		sleep "$delay"
		kill -9 $pid
		wait $pid 2>/dev/null || true
	done
	assert_eq "$(pm ps -a -q)" ""
	printf 'FROM %s\nRUN true\n' "$IMAGE" >"$C/Containerfile"
	build -q >/dev/null
	assert_eq "$(pm ps -a -q --external)" ""
	assert_eq "$(ls "$T/root/containers")" ""
	pm system check -q >/dev/null
}

@test "^C ends the command and the build" {
	printf 'FROM %s\nRUN echo started; exec sleep 100\n' "$IMAGE" >"$C/Containerfile"
	"$PM_BIN" --root "$T/root" --runroot "$T/run" build "$C" >"$T/out" 2>"$T/err" 3>&- &
	pid=$!
	wait_for grep -q '^started' "$T/out"
	began=$SECONDS
	kill -INT $pid 2>/dev/null || true
	kill -TERM $pid
	status=0
	wait $pid || status=$?
	[ "$status" != 0 ] || fail "the build succeeded"
	[ $((SECONDS - began)) -lt 60 ] || fail "it waited for the command"
	assert_like "$(cat "$T/err")" 'interrupted by signal'
	assert_eq "$(pm ps -a -q --external)" ""
}

@test "a working container keeps its image, and can be seen and removed" {
	printf 'FROM %s\nRUN echo started; exec sleep 100\n' "$IMAGE" >"$C/Containerfile"
	"$PM_BIN" --root "$T/root" --runroot "$T/run" build "$C" >"$T/out" 2>&1 3>&- &
	pid=$!
	wait_for grep -q '^started' "$T/out"
	run pm rmi "$IMAGE"
	[ "$status" != 0 ] || fail "the base went"
	assert_eq "$(pm ps -q)" ""
	id=$(pm ps -q --external)
	assert_like "$id" '^[0-9a-f]{12}$'
	run -0 pm rm -f -t 0 "$id"
	status=0
	wait $pid || status=$?
	[ "$status" != 0 ] || fail "the build succeeded"
	assert_eq "$(pm ps -q --external)" ""
}

@test "two builds at a time share what they make" {
	printf 'FROM %s\nRUN echo 1 >/a\nRUN sleep 0.2; echo 2 >/b\n' "$IMAGE" >"$C/Containerfile"
	for i in 1 2 3; do
		pm build -q --timestamp 5 -t "par$i" "$C" >"$T/id$i" 2>"$T/err$i" 3>&- &
	done
	wait
	cat "$T"/err?
	assert_eq "$(cat "$T"/id? | sort -u | wc -l)" 1
}

@test "steps go to a registry and come from there" {
	start_registry
	printf 'FROM %s\nENV A=1\nRUN date +%%N >/stamp\nLABEL x=y\n' "$IMAGE" >"$C/Containerfile"
	run -0 --separate-stderr build --tls-verify=false --cache-to "$REGISTRY/cache"
	assert_eq "$(grep -c '^--> Pushing cache' <<<"$output")" 3
	id=${lines[-1]}
	stamp=$(pm run --rm --network none "$id" cat /stamp)
	pm rmi -f "$id" >/dev/null
	pm image prune -f >/dev/null
	run -0 --separate-stderr build --tls-verify=false --cache-from "$REGISTRY/other" --cache-from "$REGISTRY/cache"
	assert_eq "$(grep -c '^--> Cache pulled from remote' <<<"$output")" 3
	assert_eq "${lines[-1]}" "$id"
	assert_eq "$(pm run --rm --network none "$id" cat /stamp)" "$stamp"
	# it has no name of the registry's, and is known here now
	[[ $(pm images) != *"$REGISTRY"* ]] || fail "the cache's name is there"
	run -0 --separate-stderr build
	assert_eq "$(grep -c '^--> Using cache' <<<"$output")" 3
	# another step is done, whatever the registry has
	printf 'FROM %s\nENV A=2\nRUN date +%%N >/stamp\n' "$IMAGE" >"$C/Containerfile"
	run -0 --separate-stderr build --tls-verify=false --cache-from "$REGISTRY/cache"
	[[ $output != *remote* ]] || fail "it came from the registry"
}
