#!/usr/bin/env bats
# pm secret, and secrets in containers: there when asked for, and nowhere else.

load helpers

test_setup() {
	load_busybox
	# no file of a machine that runs the tests
	mkdir -p "$HOME/.config/containers"
	: >"$HOME/.config/containers/mounts.conf"
}

run_() {
	pm run --rm --network none "$@"
}

# Files below the graph root, the run root and /proc of pm's processes that hold the text.
holders() {
	grep -rlF "$1" "$T/root" "$T/run" 2>/dev/null | sed "s,^$T/,," | grep -v '^root/secrets/' || true
}

@test "create, exists, ls, inspect, rm" {
	id=$(printf hush | pm secret create -l a=b s1 -)
	assert_like "$id" '^[0-9a-f]{25}$'
	pm secret exists s1
	pm secret exists "${id:0:10}"
	run -1 pm secret exists nope
	run pm secret create s1 - <<<x
	assert_error 125 's1: secret name in use'
	run pm secret create s2 /dev/null
	assert_error 125 'secret data must be larger than 0 and less than 512000 bytes'
	head -c 512000 /dev/zero >"$T/big"
	run pm secret create s2 "$T/big"
	assert_error 125 'secret data must be larger than 0 and less than 512000 bytes'
	run pm secret create a/b - <<<x
	assert_error 125 'a/b: invalid secret name'
	run pm secret create --env s2 NOT_THERE
	assert_error 125 'environment variable NOT_THERE is not set'
	S=fromenv pm secret create --env s2 S
	assert_eq "$(pm secret inspect --showsecret -f '{{.SecretData}}' s2)" fromenv

	assert_like "$(pm secret ls)" $'^ID +NAME +DRIVER +CREATED +UPDATED\n'"$id"' +s1 +file +.* ago +.* ago'
	assert_eq "$(pm secret ls --format '{{.Name}} {{.Driver}}' | tr '\n' ' ')" 's1 file s2 file '
	assert_eq "$(pm secret ls -q --filter name=1)" "$id"
	run pm secret ls --filter foo=x
	assert_error 125 'invalid filter "foo"'
	[ "$(pm secret inspect s1 | jq -r '.[0] | .ID, .Spec.Name, .Spec.Driver.Name, .Spec.Labels.a, (has("SecretData") | tostring)' | tr '\n' ' ')" = "$id s1 file b false " ]
	assert_like "$(pm secret inspect --pretty s1)" $'ID: +'"$id"$'\nName: +s1\nLabels:\n - a=b\nDriver: +file\n'
	run pm secret inspect nope
	assert_error 125 'inspecting secret: no secret with name or id "nope": no such secret'

	printf other | pm secret create --replace s1 -
	assert_eq "$(pm secret inspect --showsecret -f '{{.SecretData}}' s1)" other
	assert_eq "$(find "$T/root/secrets" -type f | wc -l)" 2
	assert_eq "$(find "$T/root/secrets" -type f ! -perm 600)" ''
	run pm secret rm nope
	assert_error 125 'no secret with name or id "nope": no such secret'
	pm secret rm --ignore nope
	pm secret rm -a
	assert_eq "$(pm secret ls -q)$(find "$T/root/secrets" -type f)" ''
}

@test "as files: place, owner, mode, and any bytes" {
	head -c 1000 /dev/urandom >"$T/bin"
	pm secret create s "$T/bin"
	assert_eq "$(run_ --secret s "$IMAGE" sh -c 'sha256sum </run/secrets/s; stat -c "%u:%g %a" /run/secrets/s')" \
		"$(sha256sum <"$T/bin")"$'\n0:0 444'
	assert_eq "$(run_ --secret s,target=sub/x,uid=5,gid=6,mode=0400 --secret source=s,target=/etc/deep/y "$IMAGE" \
		sh -c 'stat -c "%u:%g %a" /run/secrets/sub/x; cmp /run/secrets/sub/x /etc/deep/y && echo same')" $'5:6 400\nsame'
	# nothing can be written there, and it is no disk
	run run_ --secret s "$IMAGE" sh -c 'exec 2>&1; echo x >/run/secrets/s || stat -f -c %T /run/secrets'
	assert_like "$output" $'Read-only file system\ntmpfs$'
	run_ --secret s --read-only "$IMAGE" test -s /run/secrets/s
	run_ --secret s -u 1000 "$IMAGE" test -r /run/secrets/s
}

@test "options that are wrong" {
	printf x | pm secret create s -
	for bad in 'nope:no secret with name or id "nope"' 's,type=foo:type foo is invalid' 's,foo=1:option foo=1 invalid' \
		's,uid=x:UID x invalid' 's,type=env,mode=3:cannot be set with secret type env' ',type=env:no source found' \
		's,mode=8:mode 8 invalid'; do
		run pm create --secret "${bad%%:*}" "$IMAGE"
		assert_error 125 "${bad#*:}"
	done
	assert_eq "$(pm ps -aq)" ''
}

@test "as variables: only where they are asked for" {
	printf topsecret | pm secret create s -
	pm run -d --network none --name c --secret s,type=env,target=PASS --secret s "$IMAGE" sleep 1000
	assert_eq "$(pm exec c sh -c 'echo $PASS')" topsecret
	assert_eq "$(pm exec c sh -c 'tr "\0" "\n" </proc/1/environ | grep PASS')" PASS=topsecret
	# neither in inspect, nor in the database, nor in a file below the graph root but the driver's and the kept copy
	pm inspect c | grep -q topsecret && fail "inspect shows it"
	assert_eq "$(pm inspect -f '{{(index .Config.Secrets 0).Name}} {{len .Config.Secrets}}' c)" 's 1'
	assert_eq "$(holders topsecret | grep '^root' | grep -v '/userdata/secrets/')" ''
	# in memory (here: the run root) while it runs, for restarts
	assert_like "$(holders topsecret)" 'run/ctr/[0-9a-f]*/bundle/config.json'
	assert_eq "$(find "$T/run" -name config.json -path '*bundle*' -printf %m)" 600
	pm stop -t 0 c
	assert_eq "$(holders topsecret | grep -v '/userdata/secrets/')" ''
	# the next start has it again
	pm start c
	assert_eq "$(pm exec c sh -c 'echo $PASS')" topsecret
	pm rm -ft0 c
	assert_eq "$(holders topsecret)" ''
}

@test "a removed secret stays with the container that has it; pass on to nobody" {
	printf keepme | pm secret create s -
	pm create --network none --name c --secret s --secret s,type=env "$IMAGE" sh -c 'cat /run/secrets/s; echo " $s"'
	pm secret rm s
	assert_eq "$(pm start -a c)" 'keepme keepme'
	printf new | pm secret create s -
	assert_eq "$(pm start -a c)" 'keepme keepme'
	# neither copied out of the stopped container
	run pm cp c:/run/secrets/s "$T/out"
	[ "$status" = 125 ] || [ ! -s "$T/out" ]
}

@test "driver file with a path, driver shell" {
	mkdir "$T/kept"
	printf one | pm secret create --driver-opts path="$T/kept" s -
	assert_eq "$(cat "$T/kept/$(pm secret inspect -f '{{.ID}}' s)")" one
	assert_eq "$(run_ --secret s "$IMAGE" cat /run/secrets/s)" one
	pm secret rm s
	assert_eq "$(ls "$T/kept")" ''
	run pm secret create -d nosuch x - <<<x
	assert_error 125 'invalid driver'
	run pm secret create -d shell x - <<<x
	assert_error 125 'missing config value'
	run pm secret create --driver-opts nosuch=1 x - <<<x
	assert_error 125 'invalid option nosuch'
	opts="list=ls $T/kept,lookup=cat $T/kept/\$SECRET_ID,store=cat >$T/kept/\$SECRET_ID,delete=rm $T/kept/\$SECRET_ID"
	printf two | pm secret create -d shell --driver-opts "$opts" sh1 -
	assert_eq "$(run_ --secret sh1 "$IMAGE" cat /run/secrets/sh1)" two
	pm secret rm sh1
	assert_eq "$(ls "$T/kept")" ''
	run pm secret create -d shell --driver-opts list=a,lookup=b,delete=c,store=false x - <<<x
	assert_error 125 'secret driver shell: store: .*exit status 1'
	pm secret exists x && fail "half a secret"
	true
}

@test "mounts.conf and --default-mounts-file" {
	mkdir -p "$T/sub/dir"
	echo cert >"$T/sub/dir/cert.pem"
	echo top >"$T/sub/top"
	ln -s "$T/sub/top" "$T/sub/link"
	printf '# comment\n%s:/run/secrets\n' "$T/sub" >"$HOME/.config/containers/mounts.conf"
	printf s | pm secret create s -
	assert_eq "$(run_ --secret s "$IMAGE" sh -c 'cd /run/secrets; cat dir/cert.pem top link s')" $'cert\ntop\ntop\ns'
	printf '%s:/opt/x\n' "$T/sub" >"$T/mounts"
	assert_eq "$(pm --default-mounts-file "$T/mounts" run --rm --network none "$IMAGE" sh -c 'cat /opt/x/top; ls /run/secrets 2>&1 | grep -c No')" $'top\n1'
	# what is there are copies
	echo changed >"$T/sub/top"
	echo "relative:path" >"$T/mounts"
	run pm --default-mounts-file "$T/mounts" run --rm "$IMAGE" true
	assert_error 125 'mounts.conf: "relative:path" is not SOURCE:DEST'
}
