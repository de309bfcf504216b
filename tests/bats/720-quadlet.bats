#!/usr/bin/env bats
# run-bats: leaks
# run-bats: systemd
# Quadlet files: the generator by itself, and under systemd --user from file to running container.

load helpers
load systemd

Q=$XDG_RUNTIME_DIR/containers/systemd
MAIN='trap "exit 0" TERM; while :; do sleep 0.1; done'

test_setup() {
	need_systemd && load_busybox || return
	mkdir -p "$Q"
	use_generator
	for type in build container image kube network pod volume; do
		mkdir "$Q/$type.d"
		printf '[%s]\nGlobalArgs=--root %s --runroot %s\n' "${type^}" "$T/root" "$T/run" >"$Q/$type.d/store.conf"
	done
}

test_teardown() {
	rm -rf "$Q"
	forget_units
}

# quadlet NAME LINES...
quadlet() {
	local name=$1
	shift
	mkdir -p "$(dirname "$Q/$name")"
	printf '%s\n' "$@" >"$Q/$name"
}

@test "a container: generated, started, seen in the journal, reloaded, stopped" {
	quadlet pmt-web.container '[Unit]' 'Description=web of %p' '[Container]' "Image=$IMAGE" 'Network=none' 'LogDriver=journald' \
		'Environment=A=%p "B=x  y"' 'Label=a=b' 'StopTimeout=1' 'ReloadSignal=USR1' 'EnvironmentFile=sub/env' \
		"Exec=sh -c 'trap \"echo reloaded\" USR1; trap \"exit 0\" TERM; echo \"A=\$\$A B=\$\$B C=\$\$C 100%%\"; while :; do sleep 0.1; done'" \
		'[Install]' 'WantedBy=default.target'
	quadlet sub/env 'C=file'
	mkdir "$Q/pmt-web.container.d"
	printf '[Container]\nLabel=c=d\n' >"$Q/pmt-web.container.d/10.conf"
	start pmt-web
	has pmt-web ActiveState active
	has pmt-web Description 'web of pmt-web'
	has pmt-web UnitFileState generated
	assert_eq "$(prop pmt-web SourcePath)" "$Q/pmt-web.container"
	assert_like "$(prop default.target Wants)" 'pmt-web.service'
	assert_eq "$(prop pmt-web MainPID)" "$(monitor_pid systemd-pmt-web)"
	assert_eq "$(pm inspect -f '{{index .Config.Labels "a"}}{{index .Config.Labels "c"}} {{index .Config.Labels "PODMAN_SYSTEMD_UNIT"}}' systemd-pmt-web)" \
		"bd pmt-web.service"
	wait_for eval 'journalctl --user -o cat CONTAINER_NAME=systemd-pmt-web | grep -qx "A=pmt-web B=x  y C=file 100%"'
	systemctl --user reload pmt-web
	wait_for eval 'pm logs systemd-pmt-web | grep -qx reloaded'
	systemctl --user stop pmt-web
	has pmt-web Result success
	assert_eq "$(pm ps -aq)" ""
}

@test "it restarts by the service's policy; its exit code is the service's" {
	quadlet pmt-r.container '[Container]' "Image=$IMAGE" 'Network=none' "Exec=sh -c '$MAIN'" 'ContainerName=pmt-named' \
		'[Service]' 'Restart=on-failure' 'RestartSec=0'
	start pmt-r
	first=$(pm inspect -f '{{.Id}}' pmt-named)
	pm kill pmt-named >/dev/null
	wait_for has pmt-r NRestarts 1
	wait_for has pmt-r ActiveState active
	[ "$(pm inspect -f '{{.Id}}' pmt-named)" != "$first" ]
	quadlet pmt-x.container '[Container]' "Image=$IMAGE" 'Network=none' 'Exec=sh -c "exit 7"'
	systemctl --user daemon-reload
	systemctl --user start pmt-x || :
	wait_for has pmt-x ActiveState failed
	assert_eq "$(prop pmt-x ExecMainStatus)" 7
}

@test "templates: an instance by name, one by a symlink with a drop-in" {
	quadlet pmt-t@.container '[Container]' "Image=$IMAGE" 'Network=none' "Exec=sh -c 'echo got %i; $MAIN'"
	ln -s pmt-t@.container "$Q/pmt-t@two.container"
	mkdir "$Q/pmt-t@two.container.d"
	printf '[Container]\nLabel=who=two\n' >"$Q/pmt-t@two.container.d/x.conf"
	start pmt-t@one
	systemctl --user start pmt-t@two
	assert_eq "$(pm ps --format '{{.Names}}' | sort)" $'systemd-pmt-t_one\nsystemd-pmt-t_two'
	wait_for eval '[ "$(pm logs systemd-pmt-t_one)" = "got one" ]'
	assert_eq "$(pm inspect -f '{{index .Config.Labels "who"}}' systemd-pmt-t_two)" two
	systemctl --user stop pmt-t@one pmt-t@two
	assert_eq "$(pm ps -aq)" ""
}

@test "a network and a volume are made before the containers that use them" {
	quadlet pmt-n.network '[Network]' 'Subnet=10.99.7.0/24' 'Label=a=b' 'NetworkDeleteOnStop=true'
	quadlet pmt-v.volume '[Volume]' 'Label=c=d'
	quadlet pmt-c.container '[Container]' "Image=$IMAGE" 'Network=pmt-n.network:ip=10.99.7.9' 'Volume=pmt-v.volume:/data' \
		"Exec=sh -c 'ip -4 addr >/data/addr; $MAIN'"
	start pmt-c
	has pmt-n-network ActiveState active
	has pmt-v-volume ActiveState active
	assert_eq "$(pm network inspect -f '{{index .Labels "a"}}' systemd-pmt-n)" b
	assert_eq "$(pm volume inspect -f '{{index .Labels "c"}}' systemd-pmt-v)" d
	wait_for grep -q 10.99.7.9 "$(pm volume inspect -f '{{.Mountpoint}}' systemd-pmt-v)/addr"
	systemctl --user stop pmt-c pmt-n-network
	run -1 pm network exists systemd-pmt-n
	pm volume exists systemd-pmt-v
	# started again it finds what is there
	systemctl --user restart pmt-v-volume
	has pmt-v-volume ActiveState active
}

@test "an image is built before the container that runs it, again when it is restarted; what fails is the service's failure" {
	mkdir -p "$Q/ctx"
	printf 'FROM %s AS base\nARG WORD=none\nRUN echo "$WORD" >/word\nFROM base AS last\nCOPY file /file\nCMD sh -c "cat /word /file; exec sleep 1000"\n' "$IMAGE" >"$Q/ctx/Containerfile"
	echo one >"$Q/ctx/file"
	quadlet pmt-i.build '[Build]' 'ImageTag=localhost/pmt-built:1' 'ImageTag=localhost/pmt-built:latest' 'File=ctx/Containerfile' \
		'SetWorkingDirectory=file' 'BuildArg=WORD=built' 'Label=of=quadlet' 'Network=none' 'Pull=never' 'Target=last'
	quadlet pmt-c.container '[Container]' 'Image=pmt-i.build' 'Network=none' 'StopTimeout=0'
	start pmt-c
	has pmt-i-build ActiveState active
	assert_eq "$(pm image inspect -f '{{index .Labels "of"}} {{.RepoTags}}' localhost/pmt-built:1)" \
		"quadlet [localhost/pmt-built:1 localhost/pmt-built:latest]"
	wait_for eval '[ "$(pm logs systemd-pmt-c | tr "\n" " ")" = "built one " ]'
	echo two >"$Q/ctx/file"
	systemctl --user restart pmt-i-build pmt-c
	wait_for eval '[ "$(pm logs systemd-pmt-c | tr "\n" " ")" = "built two " ]'
	systemctl --user stop pmt-c
	echo 'RUN exit 3' >>"$Q/ctx/Containerfile"
	run systemctl --user restart pmt-i-build
	assert_eq "$status" 1
	has pmt-i-build ActiveState failed
	run systemctl --user start pmt-c
	assert_like "$output" 'dependency|Dependency'
	[ "$(pm ps -q)" = "" ]
}

@test "a pod with containers: started and stopped together" {
	quadlet pmt-p.pod '[Pod]' 'Network=none' 'PodName=pmt-pod' 'HostName=podhost'
	quadlet pmt-a.container '[Container]' "Image=$IMAGE" 'Pod=pmt-p.pod' "Exec=sh -c 'hostname; $MAIN'"
	quadlet pmt-b.container '[Container]' "Image=$IMAGE" 'Pod=pmt-p.pod' 'StartWithPod=false' "Exec=sh -c '$MAIN'"
	start pmt-p-pod
	wait_for has pmt-a ActiveState active
	has pmt-p-pod ActiveState active
	has pmt-b ActiveState inactive
	assert_eq "$(prop pmt-p-pod MainPID)" "$(monitor_pid "$(pm pod inspect -f '{{.InfraContainerID}}' pmt-pod)")"
	wait_for eval '[ "$(pm logs systemd-pmt-a)" = podhost ]'
	systemctl --user start pmt-b
	assert_eq "$(pm pod inspect -f '{{.NumContainers}} {{.State}}' pmt-pod)" "3 Running"
	systemctl --user stop pmt-p-pod
	wait_for has pmt-a ActiveState inactive
	wait_for has pmt-b ActiveState inactive
	assert_eq "$(pm ps -aq)$(pm pod ps -q)" ""
}

@test "a Kubernetes YAML file: played, its main process the service container's, taken down" {
	cat >"$Q/pmt-k.yml" <<-EOF
		apiVersion: v1
		kind: Pod
		metadata: {name: pmt-kpod}
		spec:
		  hostNetwork: false
		  containers:
		  - name: main
		    image: $IMAGE
		    command: [sh, -c, '$MAIN']
	EOF
	quadlet pmt-k.kube '[Kube]' 'Yaml=pmt-k.yml' 'Network=none'
	start pmt-k
	has pmt-k ActiveState active
	assert_eq "$(pm pod inspect -f '{{.State}}' pmt-kpod)" Running
	assert_like "$(tr '\0' ' ' <"/proc/$(prop pmt-k MainPID)/cmdline")" 'pm-monitor'
	systemctl --user stop pmt-k
	has pmt-k Result success
	assert_eq "$(pm ps -aq)$(pm pod ps -q)" ""
}

@test "an image that a container names is pulled first" {
	start_registry
	pm push -q --tls-verify=false "$IMAGE" "$REGISTRY/test/img:1"
	quadlet pmt-i.image '[Image]' "Image=$REGISTRY/test/img:1" 'TLSVerify=false'
	quadlet pmt-c.container '[Container]' 'Image=pmt-i.image' 'Network=none' 'Pull=never' "Exec=sh -c '$MAIN'"
	start pmt-c
	has pmt-i-image ActiveState active
	assert_eq "$(pm inspect -f '{{.ImageName}}' systemd-pmt-c)" "$REGISTRY/test/img:1"
}

@test "Notify=healthy: ready once the check passes" {
	quadlet pmt-h.container '[Container]' "Image=$IMAGE" 'Network=none' 'Notify=healthy' 'HealthCmd=test -e /ok' \
		'HealthInterval=100ms' "Exec=sh -c '$MAIN'"
	systemctl --user daemon-reload
	systemctl --user start --no-block pmt-h
	wait_for eval '[ "$(pm inspect -f "{{.State.Status}}" systemd-pmt-h 2>/dev/null)" = running ]'
	has pmt-h ActiveState activating
	pm exec systemd-pmt-h touch /ok
	wait_for has pmt-h ActiveState active
}

@test "every generated unit passes systemd-analyze verify" {
	mkdir "$T/q" "$T/gen"
	quadlet_in() { printf '%s\n' "${@:2}" >"$T/q/$1"; }
	quadlet_in n.network '[Network]' 'Subnet=10.1.0.0/24'
	quadlet_in v.volume '[Volume]' 'Device=tmpfs' 'Type=tmpfs' 'Options=size=1m'
	quadlet_in i.image '[Image]' 'Image=x'
	quadlet_in p.pod '[Pod]' 'PublishPort=80'
	quadlet_in k.kube '[Kube]' 'Yaml=k.yml' 'SetWorkingDirectory=unit'
	quadlet_in c.container '[Unit]' 'After=k.kube' '[Container]' 'Image=i.image' 'Network=n.network' 'Volume=v.volume:/v' 'Volume=/tmp/a b:/c' \
		'Pod=p.pod' 'Environment=A=b "C=d \"e\" %%h $$x"' 'Exec=sh -c "echo $$HOME \\; ;" ;' 'ReloadCmd=x "y z"' '[Install]' 'WantedBy=default.target'
	quadlet_in t@.container '[Container]' 'Image=x' 'Exec=%i'
	ln -s t@.container "$T/q/t@one.container"
	QUADLET_UNIT_DIRS=$T/q run -0 "$GENERATOR" "$T/gen"
	assert_eq "$output" ""
	rm "$T/gen/t@.service" # a template is verified as its instance
	assert_eq "$(ls "$T/gen")" $'c.service\ndefault.target.wants\ni-image.service\nk.service\nn-network.service\np-pod.service\nt@one.service\nv-volume.service'
	assert_eq "$(readlink "$T/gen/default.target.wants/c.service")" ../c.service
	run -0 env SYSTEMD_UNIT_PATH="$T/gen:" systemd-analyze --user --man=no verify "$T/gen"/*.service
	! grep -F "$T/gen" <<<"$output" || fail verify
}

@test "--dryrun prints, names what is wrong by file and line, and makes the rest" {
	mkdir "$T/q"
	printf '[Container]\nImage=x\nbogus=1\n' >"$T/q/good.container"
	printf '[Container]\nImage=x\n[Service]\nKillMode=none\n' >"$T/q/bad.container"
	printf 'nothing\n' >"$T/q/worse.volume"
	printf '[Build]\nImageTag=x\nFile=C\n' >"$T/q/b.build"
	export QUADLET_UNIT_DIRS=$T/q
	run -1 --separate-stderr "$GENERATOR" --dryrun
	assert_like "$output" '^---good.service---'
	[[ $output != *---bad.service---* ]]
	assert_like "$output" $'\n''ExecStart='"$PM_BIN"' run --name=systemd-good --replace --rm --cgroups=split --sdnotify=conmon -d x'$'\n'
	assert_like "$stderr" "warning: $T/q/good.container:3: unknown key 'bogus' in section \[Container\]"
	assert_like "$stderr" "$T/q/bad.container:4: KillMode=none does not work here"
	assert_like "$stderr" "$T/q/worse.volume:1: missing '='"
	assert_like "$stderr" "$T/q/b.build:3: File: C needs SetWorkingDirectory"
	rm "$T/q"/[bw]*
	run -0 --separate-stderr "$GENERATOR" -dryrun -v
	assert_like "$stderr" "looking at $T/q"
	run -1 "$GENERATOR"
	assert_like "$output" 'missing output directory argument'
	run -1 "$GENERATOR" --nope "$T"
	assert_like "$output" 'unknown option --nope'
	run -0 "$GENERATOR" --version
	assert_like "$output" '^[0-9]+\.'
}

@test "where files are looked for" {
	unset QUADLET_UNIT_DIRS
	run -0 env XDG_CONFIG_HOME="$T/c" "$GENERATOR" --dryrun -v
	assert_eq "$(sed -n 's/.*looking at //p' <<<"$output")" "$Q
$T/c/containers/systemd
/etc/containers/systemd/users/$(id -u)
/etc/containers/systemd/users
/usr/share/containers/systemd/users/$(id -u)
/usr/share/containers/systemd/users"
	mkdir -p "$T/.config/containers/systemd/below"
	echo '[Volume]' >"$T/.config/containers/systemd/below/x.volume"
	run -0 env HOME="$T" "$GENERATOR" --dryrun
	assert_like "$output" '---x-volume.service---'
	run -0 "${GENERATOR%/*}/pm-system-generator" --dryrun -v
	assert_eq "$(sed -n 's/.*looking at //p' <<<"$output")" '/run/containers/systemd
/etc/containers/systemd
/usr/share/containers/systemd'
}
