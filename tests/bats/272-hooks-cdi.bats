#!/usr/bin/env bats
# What the host's files add to containers: OCI hooks, CDI devices, containers.conf and its modules; and the global
# options that name them.

load helpers

test_setup() {
	load_busybox
	mkdir "$T/hooks" "$T/cdi"
}

ctr() {
	pm "${global[@]}" run --rm --network none "$@"
}

@test "hooks: run at their stages when their conditions hold" {
	global=(--hooks-dir "$T/hooks")
	cat >"$T/hooks/one.json" <<-J
		{"version":"1.0.0","hook":{"path":"/bin/sh","args":["sh","-c","cat >>$T/state; echo >>$T/state"]},
		 "when":{"commands":["/true$","^true$"]},"stages":["prestart","poststop"]}
	J
	cat >"$T/hooks/two.json" <<-J
		{"version":"1.0.0","hook":{"path":"/bin/sh","args":["sh","-c","cat >/dev/null; echo noted >>$T/noted"]},
		 "when":{"annotations":{"^note$":"yes"}},"stages":["prestart"]}
	J
	ctr "$IMAGE" true
	grep -q '"id":' "$T/state"
	[ ! -e "$T/noted" ]
	ctr --annotation note=yes "$IMAGE" ls / >/dev/null
	assert_eq "$(cat "$T/noted")" noted
	# what an image says adds none
	pm import -q --change 'LABEL note=yes' "$PM_TEST_FIXTURES/busybox.tar" localhost/note >/dev/null
	rm "$T/noted"
	ctr localhost/note ls / >/dev/null
	[ ! -e "$T/noted" ]
	echo '{"version":"1.0.0"}' >"$T/hooks/bad.json"
	run pm --hooks-dir "$T/hooks" run --rm "$IMAGE" true
	assert_error 125 "hook .*bad.json"
}

@test "hooks: a failing hook fails the start" {
	global=(--hooks-dir "$T/hooks")
	echo '{"version":"1.0.0","hook":{"path":"/bin/false"},"when":{"always":true},"stages":["prestart"]}' >"$T/hooks/f.json"
	run ctr "$IMAGE" true
	assert_eq "$status" 125
	assert_eq "$(pm ps -aq)" ""
}

@test "CDI: nodes, mounts, variables and hooks of a device" {
	global=(--cdi-spec-dir "$T/cdi")
	echo data >"$T/file"
	cat >"$T/cdi/v.json" <<-J
		{"cdiVersion":"0.5.0","kind":"vendor.com/thing",
		 "containerEdits":{"env":["ALL=1"]},
		 "devices":[{"name":"a","containerEdits":{
			"deviceNodes":[{"path":"/dev/thing","hostPath":"/dev/null"}],
			"mounts":[{"hostPath":"$T/file","containerPath":"/opt/file","options":["ro","bind"]}],
			"env":["THING=a"],
			"hooks":[{"hookName":"createRuntime","path":"/bin/sh","args":["sh","-c","cat >$T/hooked"]}]}},
		 {"name":"b","containerEdits":{"env":["THING=b"]}}]}
	J
	assert_eq "$(ctr --device vendor.com/thing=a "$IMAGE" sh -c 'echo $ALL $THING; cat /opt/file; echo x >/dev/thing && test -c /dev/thing && echo node' | xargs)" \
		'1 a data node'
	[ -e "$T/hooked" ]
	assert_eq "$(ctr --device vendor.com/thing=b "$IMAGE" sh -c 'echo $THING')" b
	run ctr --device vendor.com/thing=c "$IMAGE" true
	assert_error 125 "unresolvable CDI devices vendor.com/thing=c"
	printf 'cdiVersion: 0.6.0\nkind: nvidia.com/gpu\ndevices:\n- name: all\n  containerEdits:\n    env: [GPU=y]\n' >"$T/cdi/n.yaml"
	assert_eq "$(ctr --gpus all "$IMAGE" sh -c 'echo $GPU')" y
	rm "$T/cdi/n.yaml"
	run ctr --gpus all "$IMAGE" true
	assert_error 125 "unresolvable CDI devices nvidia.com/gpu=all"
	# an annotation asks for nothing
	pm import -q --change 'LABEL cdi.k8s.io/x=vendor.com/thing=b' "$PM_TEST_FIXTURES/busybox.tar" localhost/cdi >/dev/null
	assert_eq "$(ctr --annotation cdi.k8s.io/x=vendor.com/thing=b localhost/cdi sh -c 'echo ${THING-none}')" none
}

@test "containers.conf: a module, appended lists, unknown keys told once" {
	export XDG_CONFIG_HOME=$T/config
	mkdir -p "$T/config/containers/containers.conf.modules"
	cat >"$T/config/containers/containers.conf" <<-C
		[containers]
		env = ["ONE=1"]
		future = 1
		[engine]
		conmon_path = ["/x"]
	C
	printf '[containers]\nenv=["TWO=2", {append=true}]\nannotations=["mod=1"]\n' \
		>"$T/config/containers/containers.conf.modules/m.conf"
	global=()
	run --separate-stderr ctr "$IMAGE" sh -c 'echo $ONE ${TWO-none}'
	assert_eq "$output" '1 none'
	assert_like "$stderr" 'Failed to decode the keys .*containers.future'
	assert_eq "$(grep -c 'conmon_path' <<<"$stderr" || :)" 0
	global=(--module m.conf)
	assert_eq "$(ctr "$IMAGE" sh -c 'echo $ONE $TWO' 2>/dev/null)" '1 2'
	run pm --module nosuch run --rm "$IMAGE" true
	assert_error 125 'could not resolve module "nosuch"'
	unset XDG_CONFIG_HOME
}

@test "containers.conf: defaults of run's options" {
	cat >"$T/c.conf" <<-C
		[containers]
		init = true
		read_only = true
		env_host = true
		volumes = ["$T:/vol:ro"]
		tz = "UTC"
		umask = "0077"
		userns = "keep-id"
		oom_score_adj = 100
	C
	export CONTAINERS_CONF=$T/c.conf FROMHOST=h
	global=()
	assert_eq "$(ctr "$IMAGE" sh -c 'cat /proc/1/comm; umask; echo $FROMHOST; id -u; cat /proc/self/oom_score_adj; touch /x 2>/dev/null || echo ro; ls /vol/c.conf' | xargs)" \
		"podman-init 0077 h $(id -u) 100 ro /vol/c.conf"
	assert_eq "$(ctr --init=false --read-only=false --userns host "$IMAGE" sh -c 'touch /x && cat /proc/1/comm; true')" sh
	unset CONTAINERS_CONF
}

@test "global options: --out, --noout, --runtime-flag, refusals" {
	assert_eq "$(pm --noout run --rm --network none "$IMAGE" echo x)" ""
	pm --out "$T/out" run --rm --network none "$IMAGE" echo x
	assert_eq "$(cat "$T/out")" x
	pm --runtime-flag "log=$T/runtime.log" --runtime-flag debug run --rm --network none "$IMAGE" true
	[ -e "$T/runtime.log" ]
	for option in --remote --url=x --connection=x --identity=x --ssh=native; do
		run pm "$option" info
		assert_error 125 "no service to connect to"
	done
	pm --conmon /usr/bin/conmon info >/dev/null
}
