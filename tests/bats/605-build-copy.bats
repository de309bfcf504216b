#!/usr/bin/env bats
# COPY and ADD of pm build: Docker's rules about sources, destinations, owners, modes; what is ignored; nothing leads out.

load helpers

test_setup() {
	load_busybox
	C=$T/ctx
	mkdir -p "$C/dir/sub"
	echo file >"$C/file"
	echo one >"$C/dir/one"
	echo two >"$C/dir/sub/two.txt"
	chmod 640 "$C/dir/one"
	ln -s one "$C/dir/link"
	ln -s dir "$C/dirlink"
}

test_teardown() {
	if [ -n "${SERVER-}" ]; then kill "$SERVER"; wait "$SERVER" || true; fi
}

# The lines of standard input after "FROM $IMAGE", built as `copied`.
build() {
	{ echo "FROM $IMAGE"; cat; } >"$T/Containerfile"
	pm build -q -f "$T/Containerfile" -t copied "$@" "$C"
}

# "path mode uid:gid", with a symlink's target or a file's text, of all below $1 in the image.
tree() {
	pm run --rm --network none --user 0 copied sh -c '
		cd "$1" && find . -mindepth 1 | sort | while read -r f; do
			printf "%s %s" "${f#./}" "$(stat -c "%a %u:%g" "$f")"
			if [ -L "$f" ]; then printf " -> %s" "$(readlink "$f")"
			elif [ -f "$f" ]; then printf " %s" "$(head -c 100 "$f" | tr "\n" "|")"; fi
			echo
		done' sh "$1"
}

@test "one source: a file, a directory's content, a symlink's target, relative destinations" {
	build <<-'EOF'
		WORKDIR /n/work
		COPY file .
		COPY file renamed
		COPY file ../up/
		COPY dir /n/contents
		COPY dirlink /n/through
		COPY dir/link /n/followed
		COPY ["file", "/n/with blank/"]
	EOF
	assert_eq "$(tree /n)" "contents 755 0:0
contents/link 777 0:0 -> one
contents/one 640 0:0 one|
contents/sub 755 0:0
contents/sub/two.txt 644 0:0 two|
followed 640 0:0 one|
through 755 0:0
through/link 777 0:0 -> one
through/one 640 0:0 one|
through/sub 755 0:0
through/sub/two.txt 644 0:0 two|
up 755 0:0
up/file 644 0:0 file|
with blank 755 0:0
with blank/file 644 0:0 file|
work 755 0:0
work/file 644 0:0 file|
work/renamed 644 0:0 file|"
}

@test "several sources and patterns go into a directory" {
	build <<-'EOF'
		COPY file dir/o* /n/two/
		COPY **/*.txt /n/deep/
		COPY d?r/[no]ne file /n/made
	EOF
	assert_eq "$(tree /n)" "deep 755 0:0
deep/two.txt 644 0:0 two|
made 755 0:0
made/file 644 0:0 file|
made/one 640 0:0 one|
two 755 0:0
two/file 644 0:0 file|
two/one 640 0:0 one|"
}

@test "owners and modes" {
	build <<-'EOF'
		RUN mkdir -p /etc && echo 'bob:x:100:200::/:/bin/sh' >/etc/passwd && echo 'grp:x:300:' >/etc/group
		COPY --chown=5:6 --chmod=u=rwX,go=rX dir /n/ids
		COPY --chown=bob file /n/name
		COPY --chown=bob:grp file /n/both
		COPY --chown=7 --chmod=4711 file /n/number
	EOF
	assert_eq "$(tree /n)" "both 644 100:300 file|
ids 755 5:6
ids/link 777 5:6 -> one
ids/one 644 5:6 one|
ids/sub 755 5:6
ids/sub/two.txt 644 5:6 two|
name 644 100:200 file|
number 4711 7:7 file|"
	run -125 build <<<'COPY --chown=whoever:nogroup file /'
	assert_error 125 'Containerfile:2: COPY: --chown=whoever:nogroup'
}

@test "--from another stage: owners stay, --chown changes them, hard links are kept" {
	cat >"$T/Containerfile" <<-EOF
		FROM $IMAGE AS base
		RUN mkdir -p /out/d && echo x >/out/d/x && ln /out/d/x /out/d/y && chown -R 8:9 /out && ln -s /none /out/l
		FROM $IMAGE
		COPY --from=base /out /n/kept
		COPY --from=BASE --chown=1 /out/d/x /n/changed
		COPY --from=0 /out/l /n/
	EOF
	run -125 pm build -q -f "$T/Containerfile" -t copied "$C"
	assert_error 125 'Containerfile:6: COPY: "/out/l": no such file or directory'
	sed -i '$d' "$T/Containerfile"
	pm build -q -f "$T/Containerfile" -t copied "$C"
	assert_eq "$(tree /n)" "changed 644 1:1 x|
kept 755 0:0
kept/d 755 8:9
kept/d/x 644 8:9 x|
kept/d/y 644 8:9 x|
kept/l 777 0:0 -> /none"
	run -0 pm run --rm copied stat -c %h /n/kept/d/x
	assert_eq "$output" 2
}

@test "here-documents" {
	build --build-arg name=value <<-'END'
		ARG name
		COPY <<EOF <<'RAW' <<-TABS /n/
		$name \$name it's "quoted"
		EOF
		$name
		RAW
			indented
			TABS
		COPY --chmod=755 --chown=3 <<EOF /n/script
		#!/bin/sh
		EOF
		RUN <<EOF
		echo from a script >/n/run
		EOF
	END
	assert_eq "$(tree /n)" "EOF 644 0:0 value \$name it's \"quoted\"|
RAW 644 0:0 \$name|
TABS 644 0:0 indented|
run 644 0:0 from a script|
script 755 3:3 #!/bin/sh|"
}

@test "ADD: archives are unpacked, compressed or not; what only looks like one is copied" {
	mkdir -p "$T/a/in"
	echo packed >"$T/a/in/file"
	chmod 600 "$T/a/in/file"
	tar -C "$T/a" --owner=33 --group=44 -cf "$C/plain" in
	gzip -c "$C/plain" >"$C/gz"
	bzip2 -c "$C/plain" >"$C/bz2"
	xz -c "$C/plain" >"$C/xz"
	zstd -qc "$C/plain" >"$C/zst"
	echo no archive | gzip >"$C/text.gz"
	build <<-'EOF'
		ADD plain /n/plain
		ADD gz /n/gz/
		ADD bz2 /n/bz2
		ADD xz /n/xz
		ADD --chown=1:2 zst /n/zst
		ADD text.gz /n/text
		ADD --unpack=false gz /n/whole
		COPY plain /n/copied
	EOF
	local kind want=
	for kind in bz2 gz plain xz zst; do
		own=33:44
		[ $kind != zst ] || own=1:2
		want+="$kind/in/file 600 $own packed|"$'\n'
	done
	assert_eq "$(tree /n | grep in/file)" "${want%$'\n'}"
	run -0 pm run --rm copied sh -c 'gzip -dc /n/text; gzip -dc /n/whole | cmp - /n/copied && echo same'
	assert_eq "$output" "no archive
same"
}

@test "ADD: a URL's file, its time and mode, --checksum" {
	mkdir "$T/www"
	echo served >"$T/www/data.txt"
	tar -C "$C" -cf "$T/www/a.tar" file
	TZ=UTC touch -d '2020-02-02 02:02:02' "$T/www/data.txt"
	python3 -u -c 'import functools, http.server
h = functools.partial(http.server.SimpleHTTPRequestHandler, directory="'"$T/www"'")
s = http.server.HTTPServer(("127.0.0.1", 0), h)
print(s.server_address[1], flush=True)
s.serve_forever()' >"$T/port" 2>/dev/null 3>&- &
	SERVER=$!
	wait_for test -s "$T/port"
	local url=http://127.0.0.1:$(cat "$T/port") sum
	sum=$(sha256sum <"$T/www/data.txt" | cut -d' ' -f1)
	build <<-EOF
		ADD $url/data.txt /n/
		ADD --checksum=sha256:$sum --chmod=644 $url/data.txt?x=y /n/renamed
		ADD $url/a.tar /n/tar
	EOF
	run -0 tree /n
	assert_eq "${lines[0]}" "data.txt 600 0:0 served|"
	assert_eq "${lines[1]}" "renamed 644 0:0 served|"
	assert_like "${lines[2]}" '^tar 600 '
	run -0 pm run --rm copied stat -c %Y /n/data.txt
	assert_eq "$output" 1580608922
	run -125 build <<<"ADD --checksum=sha256:$(printf 0%.0s {1..64}) $url/data.txt /n"
	assert_error 125 "Containerfile:2: ADD: the checksum is sha256:$sum"
	run -125 build <<<"ADD $url/none /n"
	assert_error 125 'the server answers 404'
	run -125 build <<<"ADD https://127.0.0.1:1/x.git /n"
	assert_error 125 'git repositories'
	[ -z "$(ls "$T/root/staging")" ]
}

@test "what is ignored is not there, whatever names it" {
	printf 'dir\n!dir/sub/*.txt\nsecret*\n' >"$C/.containerignore"
	touch "$C/secret.key"
	build <<<'COPY . /n/'
	run -0 tree /n
	assert_eq "$output" ".containerignore 644 0:0 dir|!dir/sub/*.txt|secret*|
dir 755 0:0
dir/sub 755 0:0
dir/sub/two.txt 644 0:0 two|
dirlink 777 0:0 -> dir
file 644 0:0 file|"
	run -125 build <<<'COPY secret.key /n/'
	assert_error 125 'Containerfile:2: COPY: "secret.key": the ignore file'
	run -125 build <<<'COPY dir/one /n/'
	assert_error 125 'the ignore file'
	build <<<'COPY dirlink/sub /n/'
	echo file >"$T/other"
	build --ignorefile "$T/other" <<<'COPY . /n/'
	run -0 tree /n
	assert_like "$output" secret.key
	[[ $output != *$'\n'"file "* ]]
	build <<<'COPY --exclude=*.txt --exclude=file . /n/x/'
}

@test "--parents and --exclude" {
	build <<-'EOF'
		COPY --parents dir/sub/two.txt file /n/p/
		COPY --parents dir/./sub/two.txt /n/pivot/
		COPY --exclude=**/*.txt --exclude=link dir /n/x
	EOF
	assert_eq "$(tree /n)" "p 755 0:0
p/dir 755 0:0
p/dir/sub 755 0:0
p/dir/sub/two.txt 644 0:0 two|
p/file 644 0:0 file|
pivot 755 0:0
pivot/sub 755 0:0
pivot/sub/two.txt 644 0:0 two|
x 755 0:0
x/one 640 0:0 one|
x/sub 755 0:0"
}

@test "symlinks lead neither out of the context nor out of the container" {
	echo outside >"$T/outside"
	ln -s "$T/outside" "$C/absolute"
	ln -s ../outside "$C/relative"
	ln -s ../../../../../../../../../../.. "$C/up"
	ln -s "$T" "$C/hostdir"
	local name
	for name in absolute relative hostdir/outside up"$T"/outside ../outside ../../"$T"/outside; do
		run -125 build <<<"COPY $name /n"
		assert_error 125 "no such file or directory"
	done
	build <<<'COPY . /n/'
	run -0 tree /n
	assert_like "$output" "absolute 777 0:0 -> $T/outside"
	mkdir "$T/target"
	build <<-EOF
		RUN mkdir -p /real && ln -s $T/target /escape && ln -s ../../../../..$T/target /escape2 && ln -s /real /inside
		COPY file /escape/x
		COPY file /escape2/
		COPY file /inside/
		COPY --link file /inside/linked
	EOF
	[ -z "$(ls -A "$T/target")" ]
	run -0 pm run --rm copied sh -c "cat $T/target/x /real/file; test -d /inside -a ! -L /inside && ls /inside /real"
	assert_eq "$output" "file
file
/inside:
linked

/real:
file"
}

@test "a directory that is exchanged for a symlink while it is copied" {
	mkdir "$C/race" "$C/race/d" "$T/private"
	echo private >"$T/private/file"
	local i
	for i in $(seq 200); do mkdir "$C/race/d/$i"; echo x >"$C/race/d/$i/file"; done
	(
		exec 3>&-
		while [ ! -e "$T/stop" ]; do
			for i in 50 100 150; do
				mv "$C/race/d/$i" "$C/moved" 2>/dev/null
				ln -s "$T/private" "$C/race/d/$i"
				rm "$C/race/d/$i"
				mv "$C/moved" "$C/race/d/$i"
			done
		done
	) 2>/dev/null &
	local swapper=$!
	for i in 1 2 3 4; do
		build --no-cache <<<'COPY race /n/' || true
		run pm run --rm copied sh -c 'grep -r private /n'
		[ "$status" != 0 ] || fail "a file from outside was copied"
	done
	touch "$T/stop"
	wait "$swapper"
}

@test "what is there is kept, overwritten or replaced as buildah does" {
	mkdir -p "$C/over/dir" "$C/over/file"
	echo new >"$C/over/dir/new"
	echo in >"$C/over/file/in"
	build <<-'EOF'
		RUN mkdir -p /n/dir && chmod 700 /n && echo old >/n/dir/old && echo text >/n/file
		COPY over /n
		COPY file /n/dir
	EOF
	assert_eq "$(tree /n)" "dir 755 0:0
dir/file 644 0:0 file|
dir/new 644 0:0 new|
dir/old 644 0:0 old|
file 755 0:0
file/in 644 0:0 in|"
	run -0 pm run --rm copied stat -c %a /n
	assert_eq "$output" 700
	run -125 build <<-'EOF'
		RUN echo text >/n
		COPY dir /n
	EOF
	assert_error 125 'Containerfile:3: COPY: the destination "/n" is there and is no directory'
}

@test "the cache: content, names, modes and owners count, times do not" {
	steps() { build --layers "$@" 2>&1 <<<'COPY dir /n'; }
	first=$(steps)
	touch -d 2001-01-01 "$C/dir/one" "$C/dir"
	assert_eq "$(steps)" "$first"
	chmod 600 "$C/dir/one"
	second=$(steps)
	[ "$second" != "$first" ]
	chmod 640 "$C/dir/one"
	assert_eq "$(steps)" "$first"
	mv "$C/dir/one" "$C/dir/uno"
	[ "$(steps)" != "$first" ]
	mv "$C/dir/uno" "$C/dir/one"
	echo "*.txt" >"$C/.dockerignore"
	echo "**/sub" >>"$C/.dockerignore"
	[ "$(steps)" != "$first" ]
	rm "$C/.dockerignore"
	assert_eq "$(steps)" "$first"
}

@test "errors name the line and what is wrong" {
	run -125 build <<-'EOF'

		COPY nothing \
		   /n
	EOF
	assert_error 125 'Containerfile:3: COPY: "nothing": no such file or directory'
	run -125 build <<<'COPY --chmod=999 file /'
	assert_error 125 'Containerfile:2: --chmod: "999" is no mode'
	run -125 build <<<'COPY --frm=x file /'
	assert_error 125 'Containerfile:2: COPY has no flag "--frm"'
	run -125 build <<<'FETCH file /'
	assert_error 125 'Containerfile:2: unknown instruction "FETCH"'
	run -125 build <<<'ADD --keep-git-dir file /'
	assert_error 125 'git'
}

@test "RUN in a user namespace: its files, COPY's and ADD's have the container's ids in the image" {
	echo text >"$C/dir/file"
	tar -C "$C" --owner=7 --group=8 -cf "$C/a.tar" dir/file
	cat >"$T/Mapped" <<-EOF
		FROM $IMAGE AS first
		RUN cat /proc/self/uid_map >/map && touch /run-made && chown 5:6 /run-made
		RUN test "\$(stat -c %u:%g /run-made)" = 5:6 && touch /second
		COPY --chown=9:9 dir /copied
		FROM $IMAGE
		COPY --from=first /map /run-made /second /
		COPY --from=first /copied /copied
		ADD a.tar /added/
		RUN stat -c '%n %u:%g' / /run-made /second /copied/file /added/dir/file /bin/sh >/inside
	EOF
	want="/ 0:0
/run-made 5:6
/second 0:0
/copied/file 9:9
/added/dir/file 7:8
/bin/sh 0:0"
	for how in --userns-uid-map=0:1:1000 --userns=auto "--layers=false --userns=auto:size=2000"; do
		# shellcheck disable=SC2086
		run -0 pm build -q --no-cache $how -t mapped -f "$T/Mapped" "$C"
		assert_eq "$(pm run --rm --network none mapped cat /inside)" "$want"
		assert_eq "$(pm run --rm --network none mapped stat -c '%n %u:%g' / /run-made /second /copied/file /added/dir/file /bin/sh)" \
			"$want"
		assert_like "$(pm run --rm --network none mapped cat /map)" '^ *0 +[1-9][0-9]* +(1000|1024|2000)$'
	done
	run -0 pm build -q --userns=private --squash-all -t whole -f "$T/Mapped" "$C"
	assert_eq "$(pm run --rm --network none whole cat /inside)" "$want"
	run pm build -f "$T/Mapped" "$C" --userns=auto --userns-gid-map 0:1:10
	assert_error 125 "goes not together"
	run pm build -f "$T/Mapped" "$C" --userns-uid-map nonsense
	assert_error 125 "--userns-uid-map: .*nonsense"

	# what a container of such a namespace wrote, committed and exported
	pm run --name shifted --userns=auto --network none "$IMAGE" sh -c 'touch /mine; chown 3:4 /mine'
	pm commit -q shifted of-shifted >/dev/null
	assert_eq "$(pm run --rm --network none of-shifted stat -c %u:%g / /mine /bin/sh | tr '\n' ' ')" "0:0 3:4 0:0 "
	assert_eq "$(pm export shifted | tar --numeric-owner -tvf - mine | awk '{print $2}')" 3/4
}

# Bytes that pm and its helpers read in a build.
bytes_read() {
	# shellcheck disable=SC2016
	bash -c '"$@" >/dev/null; sed -n "s/^rchar: //p" /proc/$$/io' bash \
		"$PM_BIN" --root "$T/root" --runroot "$T/run" build -q -t copied -f "$T/Big" "$C"
}

@test "an unchanged file of the context is read once; a changed one, whatever its times say, is seen" {
	head -c 20000000 /dev/zero | tr '\0' x >"$C/big"
	printf 'FROM %s\nCOPY big file /\n' "$IMAGE" >"$T/Big"
	# what was changed just now is not trusted yet
	pm build -q -t copied -f "$T/Big" "$C" >/dev/null
	[ "$(bytes_read)" -gt 20000000 ] || fail "a file that may change in the same tick was not read"
	old() { [ "$(($(date +%s) - $(stat -c %Z "$C/big")))" -ge 3 ]; }
	wait_for old
	pm build -q -t copied -f "$T/Big" "$C" >/dev/null
	[ "$(bytes_read)" -lt 10000000 ] || fail "it was read again"
	# another content of the same size, with the old times
	printf y | dd of="$C/big" conv=notrunc bs=1 count=1 status=none
	touch -d 2001-01-01 "$C/big"
	pm build -q -t copied -f "$T/Big" "$C" >/dev/null
	assert_eq "$(pm run --rm --network none copied head -c 2 /big)" yx
	# what is not whole is no record
	head -c 100000 /dev/urandom | dd of="$T/root/context-digests.1" conv=notrunc status=none
	echo other >"$C/file"
	pm build -q -t copied -f "$T/Big" "$C" >/dev/null
	assert_eq "$(pm run --rm --network none copied sh -c 'head -c 2 /big; cat /file')" yxother
}
