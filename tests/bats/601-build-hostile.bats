#!/usr/bin/env bats
# pm build against hostile Containerfiles, contexts and images: one test for each class of what befell other builders.

load helpers

test_setup() {
	load_busybox
	C=$T/ctx
	mkdir "$C"
	echo L3AKED >"$T/outside"
	mkdir "$T/outdir"
	echo L3AKED >"$T/outdir/file"
}

containerfile() {
	cat >"$C/Containerfile"
}

build() {
	pm build "$@" "$C"
}

# What the host has beside the stores: names, kinds, content.
host_tree() {
	(cd "$T" && find . \( -path ./root -o -path ./run -o -path ./before -o -path ./after -o -path ./o \) -prune -o -printf '%y %m %p %l\n' | sort
	 find "$C" "$T/outdir" "$T/outside" -type f -exec cksum {} + | sort)
}

@test "a bind mount's source stays in the context: .., absolute paths, symlinks (CVE-2024-1753)" {
	ln -s / "$C/toroot"
	ln -s ../outside "$C/up"
	ln -s "$T/outside" "$C/abs"
	ln -s /etc "$C/etc"
	host_tree >"$T/before"
	for source in toroot up abs etc ../outside ../../../../../../etc/passwd "$T/outside" toroot/etc/passwd; do
		printf 'FROM %s\nRUN --mount=type=bind,source=%s,target=/m,rw cat /m /m/* 2>/dev/null; echo changed >/m; echo changed >/m/new; true\n' \
			"$IMAGE" "$source" >"$C/Containerfile"
		run build --no-cache --layers=false
		[[ $output != *L3AKED* && $output != *root:x:0:0:root:/root:/bin/bash* ]] || fail "$source leads out"
	done
	rm "$C/Containerfile"
	host_tree >"$T/after"
	diff "$T/before" "$T/after"
}

@test "a bind mount's source stays in the stage it is from" {
	containerfile <<-EOF
		FROM $IMAGE AS evil
		RUN ln -s / /toroot; ln -s ../../../../../.. /up; ln -s $T/outside /abs; mkdir /d; ln -s $T /d/in
		FROM $IMAGE
		RUN --mount=from=evil,source=/toroot,target=/m test -e /m/bin/busybox && ! test -e /m$T/outside
		RUN --mount=from=evil,source=/up,target=/m test -e /m/bin/busybox && ! test -e /m$T/outside
		RUN --mount=from=evil,source=/d,target=/m,rw ! cat /m/in/outside && echo own >/m/file && cat /m/file
		RUN --mount=from=evil,source=/d,target=/m ls /m; ! test -e /m/file
	EOF
	run -0 build
	containerfile <<-EOF
		FROM $IMAGE AS evil
		RUN ln -s $T/outside /abs
		FROM $IMAGE
		RUN --mount=from=evil,source=/abs,target=/m cat /m
	EOF
	run -125 build
	[[ $output != *L3AKED* ]] || fail "a file of the host"
}

@test "options do not ride on others: propagation, relabel, sizes (CVE-2024-9407)" {
	for option in bind-propagation=rshared bind-propagation=private:rw bind-propagation=upperdir=/ \
		relabel=ro tmpfs-size=1m:dev upperdir=/tmp workdir=/tmp lowerdir=/ O U dev suid exec; do
		printf 'FROM %s\nRUN --mount=type=bind,target=/m,%s true\n' "$IMAGE" "$option" >"$C/Containerfile"
		run -125 build
		assert_like "$output" 'Containerfile:2: RUN: --mount|Containerfile:2: --mount|--mount: '
	done
	printf 'FROM %s\nRUN --mount=type=tmpfs,target=/m,tmpfs-size=1m:dev true\n' "$IMAGE" >"$C/Containerfile"
	run -125 build
	assert_error 125 'invalid tmpfs-size'
}

@test "a cache's id is no path (CVE-2024-9675)" {
	host_tree >"$T/before"
	for id in ../../outdir ../../../outdir /etc "$T/outdir" . .. a/../../b; do
		printf 'FROM %s\nRUN --mount=type=cache,id=%s,target=/c ls -A /c; echo mine >/c/file; cat /c/file\n' "$IMAGE" "$id" >"$C/Containerfile"
		run -0 build --no-cache
		[[ $output != *L3AKED* ]] || fail "$id is a path"
		assert_like "$output" mine
	done
	for d in "$T"/root/buildcache/*; do
		assert_like "${d##*/}" '^[0-9a-f]{64}$'
	done
	# nor does a part of it lead out
	printf 'FROM %s\nRUN --mount=type=cache,id=x,target=/c ln -s %s /c/link\n' "$IMAGE" "$T/outdir" >"$C/Containerfile"
	build -q >/dev/null
	printf 'FROM %s\nRUN --mount=type=cache,id=x,source=link,target=/c ls /c\n' "$IMAGE" >"$C/Containerfile"
	run build
	[[ $output != *$'\nfile'* ]] || fail "the symlink was followed"
	rm "$C/Containerfile"
	host_tree >"$T/after"
	diff "$T/before" "$T/after"
}

@test "a source that another stage swaps all the time never leads out (CVE-2024-11218)" {
	containerfile <<-EOF
		FROM $IMAGE AS swapper
		RUN --mount=type=cache,id=race,target=/c mkdir -p /c/a; for i in \$(seq 400); do rm -rf /c/src; ln -s $T/outdir /c/src; rm /c/src; mkdir -p /c/src; done
		FROM $IMAGE AS user
		RUN --mount=type=cache,id=race,target=/c true
		FROM $IMAGE
		COPY --from=swapper /bin/true /t1
		COPY --from=user /bin/true /t2
	EOF
	build -q --no-cache --jobs 3 >/dev/null
	PM_TIMEOUT=100 pm build --no-cache --jobs 3 "$C" >"$T/o" 2>&1 3>&- &
	pid=$!
	printf 'FROM %s\nRUN --mount=type=cache,id=race,source=src,target=/m ls /m; ! grep -h L[3]A /m/*\n' "$IMAGE" >"$T/reader"
	for i in 1 2 3 4 5 6; do
		run pm build --no-cache -f "$T/reader" "$C"
		[[ $output != *L3AKED* && $output != *$'\nfile\n'* ]] || fail "the reader was led out"
	done
	wait $pid
	assert_eq "$(cat "$T/outdir/file")" L3AKED
	rm "$T/reader"
}

@test "what a bind mount's command writes is not in the context (CVE-2025-4953)" {
	mkdir "$C/src"
	echo before >"$C/src/file"
	containerfile <<-EOF
		FROM $IMAGE
		RUN --mount=type=bind,target=/m,rw echo changed >/m/src/file; echo new >/m/new; rm -rf /m/Containerfile; ln -s / /m/link; cat /m/src/file
		RUN --mount=type=bind,source=src/file,target=/f,rw echo changed >/f; cat /f
		RUN --mount=type=bind,target=/m ! sh -c 'echo x >/m/src/file' && cat /m/src/file
	EOF
	host_tree >"$T/before"
	run -0 build -t bound
	host_tree >"$T/after"
	diff "$T/before" "$T/after"
	assert_like "$output" $'\nchanged\n.*\nchanged\n.*\nbefore\n'
	# nothing of the mounts is in the image, not even where they were
	run pm run --rm --network none bound ls -d /m /f
	[[ $output != */m$'\n'* && $output != *$'\n/f'* ]] || fail "mount points are left"
	[ "$status" != 0 ] || fail "mount points are left"
}

@test "Containerfile and ignore file of an archive that are symlinks out of it (CVE-2026-44517)" {
	printf 'FROM %s\nRUN echo L3AKED\n' "$IMAGE" >"$T/outer"
	for to in "$T/outer" ../../../../../../../../../../../..$T/outer; do
		for name in Containerfile Dockerfile; do
			ln -s "$to" "$C/$name"
			tar -C "$C" -cf "$T/t.tar" .
			rm "$C/$name"
			run -125 pm build - <"$T/t.tar"
			[[ $output != *L3AKED* ]] || fail "it was read"
		done
	done
	containerfile <<-EOF
		FROM $IMAGE
		COPY . /all
		RUN ls /all
	EOF
	echo kept >"$C/kept"
	echo kept >"$T/rules"
	ln -s "$T/rules" "$C/.containerignore"
	tar -C "$C" -cf "$T/t.tar" .
	run pm build - <"$T/t.tar"
	[ "$status" != 0 ] || assert_like "$output" $'\nkept'
	rm "$T/t.tar"
}

@test "COPY and ADD stay in the context and in the container" {
	ln -s ../outside "$C/up"
	ln -s /etc "$C/etc"
	ln -s "$T/outdir" "$C/dir"
	echo in >"$C/in"
	host_tree >"$T/before"
	for words in 'up /x' 'etc/passwd /x' 'dir/ /x/' '../outside /x' '/../../../../etc/passwd /x' "$T/outside /x"; do
		printf 'FROM %s\nCOPY %s\nRUN cat /x /x/* 2>/dev/null; true\n' "$IMAGE" "$words" >"$C/Containerfile"
		run build --no-cache
		[[ $output != *L3AKED* && $output != *root:x:0:0:root:/root:/bin/bash* ]] || fail "COPY $words"
	done
	# the container's symlinks are the container's
	containerfile <<-EOF
		FROM $IMAGE
		RUN ln -s $T/outdir /out; ln -s ../../../../../../../..$T/outside /file
		COPY in /out/in
		COPY in /file
		ADD in /out/added
	EOF
	build -q >/dev/null || true
	rm "$C/Containerfile"
	host_tree >"$T/after"
	diff "$T/before" "$T/after"
}

@test "secrets: in the command alone, not in layers, history, configuration, cache or other files" {
	echo s3cretDATA >"$T/secret"
	containerfile <<-EOF
		FROM $IMAGE
		RUN --mount=type=secret,id=one cat /run/secrets/one; stat -c '%a %u' /run/secrets/one
		RUN --mount=type=secret,id=one,target=/deep/er/file,uid=5,mode=440 stat -c '%a %u' /deep/er/file
		RUN --mount=type=secret,id=two,env=TWO echo "two is \$TWO"
		RUN --mount=type=secret,id=missing ! test -e /run/secrets/missing
	EOF
	TWO_SECRET=t0psecretVALUE run -0 build -t quietly --secret id=one,src="$T/secret" --secret id=two,env=TWO_SECRET
	assert_like "$output" $'\ns3cretDATA\n400 0\n'
	assert_like "$output" $'\n440 5\n'
	assert_like "$output" $'\ntwo is t0psecretVALUE\n'
	[ -z "$(grep -rlE 's3cretDATA|t0psecretVALUE' "$T/root" "$T/run" 2>/dev/null)" ] || fail "a secret is left"
	run pm run --rm --network none quietly find / -xdev -name 'one' -o -xdev -name deep -o -xdev -path /run/secrets
	assert_eq "$output" ""
	printf 'FROM %s\nRUN --mount=type=secret,id=gone,required=true true\n' "$IMAGE" >"$C/Containerfile"
	run -125 build
	assert_error 125 'secret required'
	run -125 build --secret id=gone,src="$T/nosuch"
	assert_error 125 'nosuch'
}

@test "an agent's socket is there for the command alone" {
	command -v ssh-agent >/dev/null || { skip_or_fail "no ssh-agent"; return; }
	ssh-agent -D -a "$T/agent.sock" >/dev/null 2>&1 3>&- &
	pid=$!
	wait_for test -S "$T/agent.sock"
	containerfile <<-EOF
		FROM $IMAGE
		RUN --mount=type=ssh test -S "\$SSH_AUTH_SOCK" && echo "at \$SSH_AUTH_SOCK"
		RUN ! test -e /run/buildkit && test -z "\$SSH_AUTH_SOCK"
	EOF
	run -0 build --ssh default="$T/agent.sock"
	assert_like "$output" 'at /run/buildkit/ssh_agent.0'
	kill $pid
	wait $pid || true
	echo key >"$T/key"
	run -125 build --no-cache --ssh default="$T/key"
	assert_error 125 'pm reads no keys'
	printf 'FROM %s\nRUN --mount=type=ssh,required true\n' "$IMAGE" >"$C/Containerfile"
	run -125 build
	assert_error 125 'ssh required'
}

@test "caches: kept between builds, locked, private, owned" {
	containerfile <<-EOF
		FROM $IMAGE
		RUN --mount=type=cache,target=/c,uid=3,gid=4,mode=750 stat -c '%a %u %g' /c; echo 1 >>/c/n; wc -l </c/n
	EOF
	run -0 build --no-cache
	assert_like "$output" $'\n750 3 4\n1\n'
	run -0 build --no-cache
	assert_like "$output" $'\n2\n'
	containerfile <<-EOF
		FROM $IMAGE
		RUN --mount=type=cache,id=l,target=/c,sharing=locked --mount=type=cache,id=l,target=/again,sharing=locked mkdir /c/held && sleep 0.3 && rmdir /again/held
	EOF
	for i in 1 2 3; do
		pm build -q --no-cache "$C" >"$T/o$i" 2>&1 3>&- &
	done
	wait
	cat "$T"/o?
	assert_eq "$(cat "$T"/o? | grep -c '^[0-9a-f]\{64\}$')" 3
	containerfile <<-EOF
		FROM $IMAGE
		RUN --mount=type=cache,id=p,target=/c,sharing=private mkdir /c/held && sleep 0.5 && rmdir /c/held
	EOF
	for i in 1 2; do
		pm build -q --no-cache "$C" >"$T/o$i" 2>&1 3>&- &
	done
	wait
	assert_eq "$(cat "$T"/o[12] | grep -c '^[0-9a-f]\{64\}$')" 2
	[ -n "$(ls "$T/root/buildcache")" ] || fail "no cache"
	pm system prune -f --build >/dev/null
	assert_eq "$(ls "$T/root/buildcache")" ""
	rm "$T"/o?
}
