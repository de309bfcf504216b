#!/usr/bin/env bats
# Kubernetes YAML: probes, and kube generate, whose output plays back to the same pod.

load helpers

test_setup() {
	load_busybox
}

test_teardown() {
	if [ -e "$T/root/pm.db" ]; then pm pod rm -fa -t 0 >/dev/null; fi
}

play() { # play FILE [OPTION...]
	pm kube play --network none "${@:2}" "$1"
}

healthy() { # healthy CONTAINER WORD
	[ "$(pm inspect -f '{{.State.Health.Status}}' "$1")" = "$2" ]
}

# What a user sees of a pod and its containers, without ids, times and addresses.
seen() {
	local ctr
	pm pod inspect "$1" | jq -S 'if type == "array" then .[0] else . end | {Labels, SharedNamespaces, Hostname, ExitPolicy, names: [.Containers[].Name | select(endswith("-infra") | not)] | sort,
		ports: .InfraConfig.PortBindings, hosts: .InfraConfig.HostAdd, dns: .InfraConfig.DNSServer}'
	for ctr in $(pm ps -a --filter "pod=$1" --format '{{.Names}}' | grep -v infra | sort); do
		pm inspect "$ctr" | jq -S '.[0] | {Name, Path, Args, ImageName, env: [.Config.Env[] | select(startswith("HOSTNAME=") | not)], Config: (.Config | {User, WorkingDir, Labels, StopSignal, StopTimeout, Tty, OpenStdin, Healthcheck, StartupHealthCheck}),
			caps: .BoundingCaps, host: (.HostConfig | {RestartPolicy, Privileged, ReadonlyRootfs, SecurityOpt, CapAdd, CapDrop, GroupAdd, Memory, NanoCpus}), pid: (.HostConfig.PidMode | split(":")[0]),
			onfail: .Config.HealthcheckOnFailureAction,
			mounts: [.Mounts[] | {Type, Destination, RW, Propagation, src: (if .Type == "bind" then .Source else (if (.Name // "" | length) == 64 then "own" else .Name end) end)}] | sort_by(.Destination)}'
	done
}

@test "httpGet and tcpSocket need nothing in the image; a readiness probe restarts nothing" {
	cat >"$T/probes.yaml" <<-E
	kind: Pod
	metadata: {name: probes}
	spec:
	  terminationGracePeriodSeconds: 0
	  containers:
	  - name: http
	    image: $IMAGE
	    command: [sh, -c, "mkdir -p /www/cgi-bin; echo yes >/www/ok; exec httpd -f -p 127.0.0.1:8081 -h /www"]
	    ports: [{name: web, containerPort: 8081}]
	    livenessProbe: {httpGet: {port: web, path: /ok, httpHeaders: [{name: X-Probe, value: a b}]}, periodSeconds: 1}
	  - name: missing
	    image: $IMAGE
	    command: [sleep, "1000"]
	    readinessProbe: {httpGet: {port: 8081, path: missing}, periodSeconds: 1, failureThreshold: 1}
	  - name: tcp
	    image: $IMAGE
	    command: [sleep, "1000"]
	    readinessProbe: {tcpSocket: {port: "8081"}, periodSeconds: 1}
	    startupProbe: {tcpSocket: {port: 8081}, periodSeconds: 1, failureThreshold: 30}
	  - name: closed
	    image: $IMAGE
	    command: [sleep, "1000"]
	    readinessProbe: {tcpSocket: {port: 9}, periodSeconds: 1, failureThreshold: 2}
	E
	play "$T/probes.yaml" >/dev/null
	wait_for healthy probes-http healthy
	wait_for healthy probes-tcp healthy
	wait_for healthy probes-missing unhealthy
	wait_for healthy probes-closed unhealthy
	assert_like "$(pm inspect -f '{{(index .State.Health.Log 0).Output}}' probes-missing)" 'HTTP status 404|connect: Connection refused'
	assert_eq "$(pm inspect -f '{{.RestartCount}} {{.State.Status}}' probes-closed)" "0 running"
	# by hand, too
	run -0 pm healthcheck run probes-http
	run -1 pm healthcheck run probes-closed
}

@test "a liveness probe that fails restarts the container, and with Never ends it" {
	for policy in Always Never; do
		cat >"$T/live.yaml" <<-E
		kind: Pod
		metadata: {name: live}
		spec:
		  restartPolicy: $policy
		  terminationGracePeriodSeconds: 0
		  containers:
		  - name: main
		    image: $IMAGE
		    command: [sleep, "1000"]
		    livenessProbe: {exec: {command: ["false"]}, periodSeconds: 1, failureThreshold: 1}
		E
		play "$T/live.yaml" >/dev/null
		restarted() { [ "$(pm inspect -f '{{.RestartCount}}' live-main)" -gt 0 ]; }
		ended() { [ "$(pm inspect -f '{{.State.Status}}' live-main)" = exited ]; }
		if [ $policy = Always ]; then wait_for restarted; else wait_for ended; fi
		pm kube down "$T/live.yaml" >/dev/null
	done
}

@test "an answer that is no HTTP, or none at all, is a failure and no more" {
	cat >"$T/evil.yaml" <<-E
	kind: Pod
	metadata: {name: evil}
	spec:
	  terminationGracePeriodSeconds: 0
	  containers:
	  - name: noise
	    image: $IMAGE
	    command: [sh, -c, "while :; do head -c 100000 /dev/zero | nc -l -p 8081 127.0.0.1; done"]
	    readinessProbe: {httpGet: {port: 8081}, periodSeconds: 1, failureThreshold: 1}
	  - name: silent
	    image: $IMAGE
	    command: [sh, -c, "while :; do sleep 100 | nc -l -p 8082 127.0.0.1; done"]
	    readinessProbe: {httpGet: {port: 8082}, periodSeconds: 1, failureThreshold: 1}
	E
	play "$T/evil.yaml" >/dev/null
	wait_for healthy evil-noise unhealthy
	wait_for healthy evil-silent unhealthy
	assert_eq "$(pm inspect -f '{{.State.Status}}' evil-noise)" running
}

@test "what kube generate prints plays back to the same pod" {
	mkdir "$T/host"
	cat >"$T/round.yaml" <<-E
	kind: ConfigMap
	metadata: {name: cm}
	data: {one: "1\n", two: "  indented\n\n", three: "a: b # c"}
	binaryData: {bin: AAH/}
	---
	kind: Secret
	metadata: {name: sec}
	stringData: {key: hidden}
	---
	kind: Pod
	metadata: {name: round, labels: {tier: front}, annotations: {note: "x: y"}}
	spec:
	  restartPolicy: OnFailure
	  hostname: hosty
	  shareProcessNamespace: true
	  terminationGracePeriodSeconds: 1
	  hostAliases: [{ip: 10.1.2.3, hostnames: [db]}]
	  securityContext: {supplementalGroups: [4000]}
	  initContainers: [{name: prep, image: $IMAGE, command: ["true"]}]
	  containers:
	  - name: main
	    image: $IMAGE
	    command: [sh, -c, "echo '\$\$(X) \$\$\$\$ - x'; sleep 1000"]
	    args: ["", "a b", "null", "1.10"]
	    env: [{name: A, value: "\$\$(B)"}, {name: EMPTY}, {name: NUM, value: "010"}]
	    workingDir: /tmp
	    tty: true
	    securityContext: {runAsUser: 1000, runAsGroup: 1000, capabilities: {drop: [ALL], add: [CHOWN]}, allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, procMount: Unmasked}
	    volumeMounts: [{name: cm, mountPath: /cm}, {name: scratch, mountPath: /e}, {name: h, mountPath: /h, readOnly: true}, {name: p, mountPath: /p}, {name: s, mountPath: /s}, {name: m, mountPath: /m}]
	    livenessProbe: {tcpSocket: {port: 8080}, periodSeconds: 5, initialDelaySeconds: 60}
	    startupProbe: {exec: {command: [test, -d, /]}, periodSeconds: 1}
	    lifecycle: {stopSignal: SIGKILL}
	  - name: other
	    image: $IMAGE
	    command: [sleep, "1000"]
	    readinessProbe: {httpGet: {port: 8081, path: /x?y=1, httpHeaders: [{name: H, value: "v: w"}]}, periodSeconds: 60}
	    securityContext: {privileged: true}
	  volumes: [{name: cm, configMap: {name: cm}}, {name: scratch, emptyDir: {}}, {name: h, hostPath: {path: $T/host}}, {name: p, persistentVolumeClaim: {claimName: pv}}, {name: s, secret: {secretName: sec}}, {name: m, emptyDir: {medium: Memory, sizeLimit: 1Mi}}]
	E
	play "$T/round.yaml" >/dev/null
	seen round >"$T/first"
	assert_like "$(cat "$T/first")" '"Path": "sh"'
	run -0 --separate-stderr pm kube generate round
	# shellcheck disable=SC2154
	assert_eq "$stderr" ""
	echo "$output" >"$T/again.yaml"
	run ! grep hidden "$T/again.yaml"
	pm kube down "$T/again.yaml" >/dev/null
	play "$T/again.yaml" >/dev/null
	seen round >"$T/second"
	diff <(grep -v '"app"' "$T/first" | sed 's/,$//') <(grep -v '"app"' "$T/second" | sed 's/,$//')
	assert_eq "$(pm exec round-main cat /cm/two)" "  indented"
	assert_eq "$(pm exec round-main sh -c 'wc -c </cm/two; wc -c </cm/bin; cat /s/key')" $'12\n3\nhidden'
	# and once more it is the same text
	pm kube generate round >"$T/third.yaml"
	diff <(grep -v creationTimestamp "$T/again.yaml") <(grep -v creationTimestamp "$T/third.yaml")
	pm kube down "$T/round.yaml" >/dev/null
}

@test "kube generate of containers, volumes, controllers and services" {
	port=$((20000 + RANDOM % 10000))
	pm create --name lone --network slirp4netns -p "127.0.0.1:$port:80" -v data:/data -e A=1 --user 5 --restart always "$IMAGE" sleep 10 >/dev/null
	pm create --name with --network none --init --ulimit nofile=100:200 --mount type=tmpfs,dst=/t "$IMAGE" sleep 100 >/dev/null
	run -0 --separate-stderr pm generate kube lone
	assert_like "$output" 'name: lone-pod'
	assert_like "$output" "containerPort: 80"$'\n *hostIP: 127.0.0.1\n *hostPort: '"$port"
	assert_like "$output" 'args:'$'\n *- sleep\n *- "10"'
	assert_like "$output" 'claimName: data'
	assert_like "$output" 'runAsUser: 5'
	assert_like "$output" 'restartPolicy: Always'
	run -0 --separate-stderr pm kube generate with
	# shellcheck disable=SC2154
	assert_like "$stderr" 'annotations.ulimit/with: left out: use --podman-only'
	run -0 --separate-stderr pm kube generate --podman-only with
	assert_eq "$stderr" ""
	assert_like "$output" 'io.podman.annotations.init/with: .?TRUE'
	assert_like "$output" 'medium: Memory'
	echo "$output" >"$T/with.yaml"
	pm kube play --network none "$T/with.yaml" >/dev/null
	assert_eq "$(pm exec with-pod-with sh -c 'ulimit -n; ulimit -Hn; cat /proc/1/comm')" $'100\n200\npodman-init'
	run -0 pm kube generate --type deployment --replicas 3 -s lone
	assert_like "$output" 'kind: Service'
	assert_like "$output" 'kind: Deployment'
	assert_like "$output" 'replicas: 3'
	run -0 pm kube generate --type job lone
	assert_like "$output" 'kind: Job'
	run -0 pm kube generate data
	assert_like "$output" 'kind: PersistentVolumeClaim'
	# a file, once
	pm kube generate -f "$T/out.yaml" lone
	grep -q 'kind: Pod' "$T/out.yaml"
	run -125 pm kube generate -f "$T/out.yaml" lone
	assert_error 125 'file exists'
	# what cannot be said
	pm create --name named --user daemon "$IMAGE" >/dev/null
	run -125 pm kube generate named
	assert_error 125 'container named: user daemon: only numbers'
	run -125 pm kube generate nosuch
	assert_error 125 'name or ID "nosuch" not found'
	run -125 pm kube generate --replicas 2 lone
	assert_error 125 'goes with --type deployment'
	pm rm lone with named >/dev/null
}

two_pods() {
	cat >"$T/two.yaml" <<-E
	kind: Pod
	metadata: {name: fails}
	spec: {restartPolicy: Never, terminationGracePeriodSeconds: 0, containers: [{name: main, image: $IMAGE, command: [sh, -c, "exit 3"]}]}
	---
	kind: Pod
	metadata: {name: lasts}
	spec: {restartPolicy: Never, terminationGracePeriodSeconds: 0, containers: [{name: main, image: $IMAGE, command: [sh, -c, "while [ ! -e /tmp/end ]; do sleep 0.1; done"]}]}
	E
}

nothing_left() {
	assert_eq "$(pm ps -aq)" ""
	assert_eq "$(pm pod ps -q)" ""
}

@test "a service container ends with the last pod, and with their exit codes if so wanted" {
	two_pods
	for want in none=0 all=0 any=1; do
		play "$T/two.yaml" --service-container --service-exit-code-propagation ${want%=*} >/dev/null
		service=$(pm ps --format '{{.Names}}' | grep -- -service)
		assert_like "$service" '^[0-9a-f]{12}-service$'
		# one pod has ended already
		pm wait fails-main >/dev/null
		assert_eq "$(pm inspect -f '{{.State.Status}}' "$service")" running
		# the container's end may be that of touch, too
		pm exec lasts-main touch /tmp/end || :
		assert_eq "$(pm wait "$service")" "${want#*=}"
		pm kube down "$T/two.yaml" >/dev/null
		nothing_left
	done
	# it goes with the last pod
	play "$T/two.yaml" --service-container >/dev/null
	pm pod rm -f -t 0 fails lasts >/dev/null
	nothing_left
}

@test "--wait takes down when the pods have ended, or a signal comes" {
	two_pods
	sed -i 's/while.*done/true/' "$T/two.yaml"
	run -0 play "$T/two.yaml" --wait
	assert_like "$output" $'Cleaning up containers, pods, and volumes...\nPods stopped:\n'
	nothing_left
	two_pods
	play "$T/two.yaml" --wait >"$T/out" 3>&- &
	wait_for grep -q '^$' "$T/out"
	running() { [ "$(pm inspect -f '{{.State.Status}}' lasts-main 2>/dev/null)" = running ]; }
	wait_for running
	pkill -TERM -P $! -x timeout
	wait $!
	grep -q 'Pods removed:' "$T/out"
	nothing_left
}

one_pod() { # one_pod NAME SPEC: a pod that sleeps, with SPEC at the level of its containers
	printf 'kind: Pod\nmetadata: {name: %s}\nspec: {%s, terminationGracePeriodSeconds: 0, containers: [{name: main, image: %s, command: [sleep, "1000"], volumeMounts: [{name: e, mountPath: /e}]}], volumes: [{name: e, emptyDir: {}}]}\n' \
		"$1" "$2" "$IMAGE" >"$T/$1.yaml"
}

ns() {
	readlink "/proc/$(container_pid "$1")/ns/$2"
}

@test "namespaces of the host, of the pod, and of their own" {
	one_pod hosty "hostNetwork: true, hostPID: true, hostIPC: true"
	pm kube play "$T/hosty.yaml" >/dev/null
	for kind in net pid ipc; do
		assert_eq "$(ns hosty-main $kind)" "$(readlink /proc/self/ns/$kind)"
	done
	one_pod own "hostUsers: false"
	play "$T/own.yaml" >/dev/null
	[ "$(ns own-main user)" != "$(ns hosty-main user)" ]
	assert_eq "$(ns own-main net)" "$(ns "$(pm pod inspect -f '{{.InfraContainerID}}' own)" net)"
	pm exec own-main touch /e/written
	one_pod kept "restartPolicy: Never"
	play "$T/kept.yaml" --userns keep-id >/dev/null
	assert_eq "$(pm exec --user "$(id -u)" kept-main awk -v u="$(id -u)" '$1 <= u && u < $1 + $3 {print $2 + u - $1}' /proc/self/uid_map)" 0
	pm kube down "$T/hosty.yaml" "$T/own.yaml" "$T/kept.yaml" >/dev/null
	nothing_left
	one_pod bad "hostUsers: false"
	run -125 play "$T/bad.yaml" --userns keep-id
	assert_error 125 'hostUsers: false contradicts'
}

@test "options: publish, annotations, names, logs, addresses" {
	port=$((20000 + RANDOM % 10000))
	cat >"$T/opts.yaml" <<-E
	kind: Pod
	metadata: {name: opts, annotations: {io.containers.autoupdate: registry}}
	spec: {terminationGracePeriodSeconds: 0, containers: [{name: uniq, image: $IMAGE, command: [echo, hello], ports: [{containerPort: 80, hostPort: 1}, {containerPort: $port}]}], restartPolicy: Never}
	E
	pm kube play --network slirp4netns --publish "127.0.0.1:$((port + 1)):80" --publish-all --no-pod-prefix --annotation note=x \
		--log-driver json-file --log-opt "path=$T/own.log" "$T/opts.yaml" >/dev/null
	assert_eq "$(pm pod inspect -f '{{range $p, $b := .InfraConfig.PortBindings}}{{$p}}={{(index $b 0).HostPort}} {{end}}' opts)" "$port/tcp=$port 80/tcp=$((port + 1)) "
	pm wait uniq >/dev/null
	grep -q hello "$T/own.log"
	assert_eq "$(pm inspect -f '{{.Config.Annotations.note}} {{index .Config.Labels "io.containers.autoupdate"}}' uniq)" "x registry"
	run -125 pm kube play --network none --annotation io.podman.annotations.nonsense=1 --replace "$T/opts.yaml"
	assert_error 125 'annotation io.podman.annotations.nonsense is not supported'
}

@test "a subPath that is not there is made; one that leads out of its volume stays inside" {
	mkdir "$T/host" && ln -s /etc "$T/host/out"
	cat >"$T/sub.yaml" <<-E
	kind: Pod
	metadata: {name: sub}
	spec:
	  terminationGracePeriodSeconds: 0
	  containers:
	  - name: main
	    image: $IMAGE
	    command: [sleep, "1000"]
	    env: [{name: WHO, value: me}]
	    volumeMounts:
	    - {name: claim, mountPath: /a, subPath: x/y}
	    - {name: claim, mountPath: /b, subPathExpr: "of-\$(WHO)"}
	    - {name: host, mountPath: /c, subPath: new}
	  volumes: [{name: claim, persistentVolumeClaim: {claimName: fresh}}, {name: host, hostPath: {path: $T/host}}]
	E
	play "$T/sub.yaml" >/dev/null
	pm exec sub-main touch /a/1 /b/2 /c/3
	dir=$(pm volume inspect -f '{{.Mountpoint}}' fresh)
	[ -e "$dir/x/y/1" ] && [ -e "$dir/of-me/2" ] && [ -e "$T/host/new/3" ]
	sed -i 's/subPath: new/subPath: out/' "$T/sub.yaml"
	play "$T/sub.yaml" --replace >/dev/null
	pm exec sub-main touch /c/4
	[ -e "$T/host/etc/4" ] && [ ! -e /etc/4 ]
	sed -i 's/subPath: out/subPath: ..\/x/' "$T/sub.yaml"
	run -125 play "$T/sub.yaml" --replace
	assert_error 125 'subPath "../x": must be relative'
}

@test "downwardAPI and projected volumes: files of the pod's metadata, resources, ConfigMaps and Secrets" {
	printf 'kind: Secret\nmetadata: {name: pw}\nstringData: {password: s3cret, hidden: x}\n' >"$T/secret.yaml"
	pm kube play "$T/secret.yaml" >/dev/null
	cat >"$T/down.yaml" <<-E
	kind: ConfigMap
	metadata: {name: conf}
	data: {one: "1", two: "2"}
	---
	kind: Pod
	metadata: {name: down, namespace: here, labels: {tier: back, app: 'say "hi"'}, annotations: {note: "a\nb"}}
	spec:
	  terminationGracePeriodSeconds: 0
	  volumes:
	  - name: info
	    downwardAPI:
	      defaultMode: 0440
	      items:
	      - {path: labels, fieldRef: {fieldPath: metadata.labels}}
	      - {path: deep/note, fieldRef: {fieldPath: metadata.annotations}}
	      - {path: app, mode: 0400, fieldRef: {fieldPath: "metadata.labels['app']"}}
	      - {path: where, fieldRef: {fieldPath: metadata.namespace}}
	      - {path: mem, resourceFieldRef: {containerName: main, resource: requests.memory, divisor: 1Mi}}
	  - name: all
	    projected:
	      sources:
	      - configMap: {name: conf}
	      - secret: {name: pw, items: [{key: password, path: private/pass, mode: 0400}]}
	      - downwardAPI: {items: [{path: name, fieldRef: {fieldPath: metadata.name}}]}
	      - configMap: {name: none, optional: true}
	  containers:
	  - name: main
	    image: $IMAGE
	    command: [sleep, "1000"]
	    resources: {requests: {memory: 12Mi}}
	    volumeMounts: [{name: info, mountPath: /info}, {name: all, mountPath: /all}]
	E
	play "$T/down.yaml" >/dev/null
	assert_eq "$(pm exec down-main cat /info/labels)" $'app="say \\"hi\\""\ntier="back"'
	assert_eq "$(pm exec down-main cat /info/deep/note)" 'note="a\nb"'
	assert_eq "$(pm exec down-main cat /info/app /info/where /info/mem)" 'say "hi"here12'
	assert_eq "$(pm exec down-main stat -c %a /info/labels /info/app | tr '\n' ' ')" "440 400 "
	assert_eq "$(pm exec down-main sh -c 'cd /all; find . -type f | sort; cat one two name private/pass; stat -c %a one private/pass' | tr '\n' ' ')" \
		"./name ./one ./private/pass ./two 12downs3cret644 400 "
	run pm exec down-main sh -c 'echo x >/all/one'
	assert_like "$output" 'Read-only file system'
	# what it was made of is gone: no pod without its files, and no secret in a ConfigMap
	run -125 pm kube generate down
	assert_like "$output" 'volume (info|all): what a (downwardAPI|projected) volume was made of is not kept'
	pm kube down "$T/down.yaml" >/dev/null
	assert_eq "$(pm volume ls -q)" ""
}

@test "what a downwardAPI or projected volume cannot have is refused" {
	refused() { # SOURCE REGEX
		printf 'kind: Pod\nmetadata: {name: no}\nspec: {volumes: [{name: v, %s}], containers: [{name: c, image: %s, volumeMounts: [{name: v, mountPath: /v}]}]}\n' "$1" "$IMAGE" >"$T/no.yaml"
		run -125 play "$T/no.yaml"
		assert_like "$output" "$2"
		assert_eq "$(pm pod ls -q)$(pm volume ls -q)" ""
	}
	refused 'projected: {sources: [{serviceAccountToken: {path: token}}]}' 'serviceAccountToken.*there is no API server'
	refused 'projected: {sources: [{clusterTrustBundle: {path: token}}]}' 'clusterTrustBundle.*there is no cluster'
	refused 'projected: {sources: [{configMap: {name: none}}]}' 'none'
	refused 'downwardAPI: {items: [{path: ../x, fieldRef: {fieldPath: metadata.name}}]}' 'relative path without'
	refused 'downwardAPI: {items: [{path: x, fieldRef: {fieldPath: status.podIP}}]}' 'status.podIP: not known before'
	refused 'downwardAPI: {items: [{path: x, fieldRef: {fieldPath: spec.nodeName}}]}' 'spec.nodeName: not known'
	refused 'downwardAPI: {items: [{path: x, fieldRef: {fieldPath: metadata.uid}}]}' 'metadata.uid: not known before'
	refused 'downwardAPI: {items: [{path: x, resourceFieldRef: {resource: limits.cpu}}]}' 'containerName must be given'
	refused 'downwardAPI: {items: [{path: x}]}' 'one of fieldRef and resourceFieldRef'
}

@test "auto-update: one container's annotation is that container's" {
	cat >"$T/upd.yaml" <<-E
	kind: Pod
	metadata: {name: upd, annotations: {io.containers.autoupdate: registry, io.containers.autoupdate/two: local, io.containers.autoupdate.authfile/one: /tmp/auth.json}}
	spec: {terminationGracePeriodSeconds: 0, containers: [{name: one, image: $IMAGE, command: [sleep, "9"]}, {name: two, image: $IMAGE, command: [sleep, "9"]}]}
	E
	pm kube play --start=false --network none "$T/upd.yaml" >/dev/null
	assert_eq "$(pm inspect -f '{{index .Config.Labels "io.containers.autoupdate"}} {{index .Config.Labels "io.containers.autoupdate.authfile"}}' upd-one)" "registry /tmp/auth.json"
	assert_eq "$(pm inspect -f '{{index .Config.Labels "io.containers.autoupdate"}} {{index .Config.Labels "io.containers.autoupdate.authfile"}}' upd-two)" "local "
	# for a container that is not there: an error, not silence
	sed -i 's,autoupdate/two,autoupdate/three,' "$T/upd.yaml"
	run -125 pm kube play --replace --network none "$T/upd.yaml"
	assert_like "$output" 'annotation io.containers.autoupdate/three: the pod has no container three'
}

@test "an image that has a directory with a Containerfile is built: when it is missing, always with --build, never with --build=false" {
	mkdir -p "$T/ctx/made" && cd "$T/ctx"
	printf 'FROM %s\nRUN echo first >/word\nCMD ["sh", "-c", "cat /word; exec sleep 1000"]\n' "$IMAGE" >made/Containerfile
	printf 'kind: Pod\nmetadata: {name: built}\nspec: {terminationGracePeriodSeconds: 0, containers: [{name: main, image: made}]}\n' >"$T/built.yaml"
	run -125 play "$T/built.yaml" --build=false
	run -1 pm image exists localhost/made
	run -0 play "$T/built.yaml"
	assert_like "$output" 'STEP 1/'
	assert_eq "$(pm inspect -f '{{.ImageName}}' built-main)" localhost/made:latest
	wait_for eval '[ "$(pm logs built-main)" = first ]'
	# it is there: not built again, unless that is asked for
	sed -i s/first/second/ made/Containerfile
	run -0 play "$T/built.yaml" --replace
	[[ $output != *STEP* ]]
	wait_for eval '[ "$(pm logs built-main)" = first ]'
	cd /
	run -0 play "$T/built.yaml" --replace --build --context-dir "$T/ctx"
	wait_for eval '[ "$(pm logs built-main)" = second ]'
	run -125 play "$T/built.yaml" --replace --context-dir "$T/ctx"
	assert_error 125 '--build must be specified when using --context-dir'
	# what does not build leaves the pod as it is, and a name does not lead out of the directory
	echo 'RUN exit 3' >>"$T/ctx/made/Containerfile"
	run -125 play "$T/built.yaml" --replace --build --context-dir "$T/ctx"
	assert_like "$output" 'build made from .*/ctx/made'
	assert_eq "$(pm inspect -f '{{.State.Status}}' built-main)" running
	mkdir "$T/ctx/below"
	sed 's,image: made,image: ../made,' "$T/built.yaml" >"$T/out.yaml"
	run -125 play "$T/out.yaml" --replace --build --context-dir "$T/ctx/below"
	[[ $output != *STEP* ]]
}
