#!/usr/bin/env bats
# run-bats: leaks
# kube play and kube down: what pods of Kubernetes YAML come to, and what is refused.

load helpers

test_setup() {
	load_busybox
}

test_teardown() {
	if [ -e "$T/root/pm.db" ]; then pm pod rm -fa -t 0 >/dev/null; fi
}

# pod NAME: a pod of one container "main" whose YAML, at the level of the container, is standard input; POD is YAML at
# the level of the spec, META at the level of the metadata.
pod() {
	printf 'apiVersion: v1\nkind: Pod\nmetadata:\n  name: %s\n' "$1"
	[ -z "${META-}" ] || sed 's/^/  /' <<<"$META"
	echo 'spec:'
	[ -z "${POD-}" ] || sed 's/^/  /' <<<"$POD"
	printf '  terminationGracePeriodSeconds: 0\n  containers:\n  - name: main\n    image: %s\n' "$IMAGE"
	sed 's/^/    /'
}

# play NAME [OPTION...]: that pod without a network
play() {
	pod "$1" >"$T/$1.yaml"
	pm kube play --network none "${@:2}" "$T/$1.yaml"
}

sleeper='command: [sleep, "1000"]'

# The log of the pod's container once it has ended.
output_of() {
	pm wait "$1-main" >/dev/null
	pm logs "$1-main"
}

nothing_made() {
	assert_eq "$(pm ps -aq)" ""
	assert_eq "$(pm pod ps -q)" ""
	assert_eq "$(pm volume ls -q)" ""
	assert_eq "$(pm secret ls -q)" ""
}

@test "a pod is played and goes down; its output is Podman's" {
	run -0 play webpod <<<"$sleeper"
	assert_eq "${#lines[@]}" 4
	assert_eq "${lines[0]}" Pod:
	assert_like "${lines[1]}" '^[0-9a-f]{64}$'
	assert_eq "${lines[2]}" Container:
	pod=${lines[1]} ctr=${lines[3]}
	assert_eq "$(pm inspect -f '{{.Name}} {{.Pod}} {{.State.Status}}' "$ctr")" "webpod-main $pod running"
	assert_eq "$(pm exec webpod-main hostname)" webpod
	assert_eq "$(pm inspect -f '{{.HostConfig.RestartPolicy.Name}}' "$ctr")" always
	# again
	run -125 pm kube play --network none "$T/webpod.yaml"
	assert_error 125 'pod webpod: the name is taken by pod'
	run -0 pm kube play --network none --replace "$T/webpod.yaml"
	[ "${lines[1]}" != "$pod" ]
	pod=${lines[1]}
	run -0 pm kube down "$T/webpod.yaml"
	assert_eq "$output" "Pods stopped:
$pod
Pods removed:
$pod
Secrets removed:
Volumes removed:"
	nothing_made
	# what is not there is no failure
	run -0 pm kube down "$T/webpod.yaml"
	# from standard input, by the older name, not started
	pod webpod <<<"$sleeper" | pm play kube --network none --start=false - >/dev/null
	assert_eq "$(pm inspect -f '{{.State.Status}}' webpod-main)" created
}

@test "several documents and pods; Deployment, DaemonSet and Job are a pod each" {
	cat >"$T/all.yaml" <<-E
	apiVersion: apps/v1
	kind: Deployment
	metadata: {name: depl}
	spec:
	  replicas: 3
	  selector: {matchLabels: {app: x}}
	  template:
	    metadata: {labels: {app: x}}
	    spec:
	      containers: [{name: one, image: $IMAGE, command: [sleep, "1000"]}, {name: two, image: $IMAGE, command: [sleep, "1000"]}]
	---
	apiVersion: apps/v1
	kind: DaemonSet
	metadata: {name: dset}
	spec: {template: {spec: {containers: [{name: one, image: $IMAGE, command: [sleep, "1000"]}]}}}
	---
	apiVersion: batch/v1
	kind: Job
	metadata: {name: once}
	spec: {backoffLimit: 2, template: {spec: {restartPolicy: OnFailure, containers: [{name: one, image: $IMAGE, command: ["true"]}]}}}
	---
	apiVersion: v1
	kind: Service
	metadata: {name: nothing}
	E
	run -0 --separate-stderr pm kube play --network none "$T/all.yaml"
	assert_eq "${lines[2]}" Containers:
	# shellcheck disable=SC2154
	assert_like "$stderr" 'depl: replicas is 3, and one pod is made'
	assert_like "$stderr" 'kind Service is not supported: left out'
	assert_eq "$(pm pod ps --format '{{.Name}}' | sort | xargs)" "depl-pod dset-pod once-pod"
	assert_eq "$(pm inspect -f '{{.Config.Labels.app}}' depl-pod-two)" x
	assert_eq "$(pm inspect -f '{{.HostConfig.RestartPolicy.Name}} {{.HostConfig.RestartPolicy.MaximumRetryCount}}' once-pod-one)" "on-failure 2"
	assert_eq "$(pm wait once-pod-one)" 0
	pm kube down "$T/all.yaml" >/dev/null
	nothing_made
}

@test "variables: of values, ConfigMaps, Secrets, fields and resources; \$(NAME) in words" {
	cat >"$T/data.yaml" <<-E
	apiVersion: v1
	kind: ConfigMap
	metadata: {name: cm}
	data: {COLOR: blue, SIZE: "10"}
	E
	{
		cat <<-E
		apiVersion: v1
		kind: Secret
		metadata: {name: sec}
		data: {password: aHVudGVyMg==}
		stringData: {plain: text}
		---
		E
		META='labels: {app: web}' POD='restartPolicy: Never' pod envpod <<-'E'
		command: [sh, -c]
		args: ["echo \"$A|$B|$PW|$ME|$APP|$CPU|$MEM|$P_COLOR|$P_SIZE|$plain|$GONE|$0\"", "$(A)$(NOPE)$$(A)"]
		resources: {requests: {cpu: 1500m, memory: 64Mi}}
		env:
		- {name: A, value: first}
		- {name: B, value: "$(A)-$(LATER)"}
		- {name: PW, valueFrom: {secretKeyRef: {name: sec, key: password}}}
		- {name: ME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
		- {name: APP, valueFrom: {fieldRef: {fieldPath: "metadata.labels['app']"}}}
		- {name: CPU, valueFrom: {resourceFieldRef: {resource: requests.cpu}}}
		- {name: MEM, valueFrom: {resourceFieldRef: {resource: requests.memory, divisor: 1Mi}}}
		- {name: GONE, valueFrom: {configMapKeyRef: {name: none, key: none, optional: true}}}
		envFrom:
		- {prefix: P_, configMapRef: {name: cm}}
		- {secretRef: {name: sec}}
		- {configMapRef: {name: missing, optional: true}}
		E
	} >"$T/envpod.yaml"
	pm kube play --network none --configmap "$T/data.yaml" "$T/envpod.yaml" >/dev/null 2>&1
	run -0 output_of envpod
	assert_eq "$output" 'first|first-$(LATER)|hunter2|envpod|web|2|64|blue|10|text||first$(NOPE)$(A)'
	# the secret is kept, and other files may refer to it
	assert_eq "$(pm secret ls --format '{{.Name}}')" sec
	POD='restartPolicy: Never' play other <<-'E'
	command: [sh, -c, 'echo "$PW"']
	env: [{name: PW, valueFrom: {secretKeyRef: {name: sec, key: password}}}]
	E
	assert_eq "$(output_of other)" hunter2
	# missing sources are errors, and nothing stays
	pm kube down "$T/other.yaml" >/dev/null
	pm kube down "$T/envpod.yaml" >/dev/null
	run -125 play bad <<-'E'
	env: [{name: X, valueFrom: {configMapKeyRef: {name: cm, key: COLOR}}}]
	E
	assert_error 125 'env X: no ConfigMap cm'
	nothing_made
}

@test "volumes: emptyDir, configMap, secret, claims, hostPath, sub-paths" {
	mkdir "$T/host"
	echo host >"$T/host/file"
	{
		cat <<-E
		apiVersion: v1
		kind: PersistentVolumeClaim
		metadata: {name: claim, annotations: {volume.podman.io/uid: "33"}}
		spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
		---
		apiVersion: v1
		kind: ConfigMap
		metadata: {name: cm}
		data: {one: "1", two: "2"}
		binaryData: {bin: AAEC}
		---
		apiVersion: v1
		kind: Secret
		metadata: {name: sec}
		stringData: {key: hidden}
		---
		E
		POD="restartPolicy: Never
initContainers:
- {name: prep, image: $IMAGE, command: [sh, -c, 'echo prepared >/scratch/x'], volumeMounts: [{name: scratch, mountPath: /scratch}]}
securityContext: {fsGroup: 2000}
volumes:
- {name: scratch, emptyDir: {}}
- {name: mem, emptyDir: {medium: Memory, sizeLimit: 1Mi}}
- {name: cm, configMap: {name: cm}}
- {name: items, configMap: {name: cm, items: [{key: one, path: sub/uno, mode: 0600}]}}
- {name: sec, secret: {secretName: sec, defaultMode: 0400}}
- {name: gone, secret: {secretName: gone, optional: true}}
- {name: data, persistentVolumeClaim: {claimName: claim}}
- {name: host, hostPath: {path: $T/host, type: Directory}}
- {name: new, hostPath: {path: $T/new/dir, type: DirectoryOrCreate}}" pod volpod <<-'E'
		securityContext: {runAsUser: 1000}
		command: [sh, -c]
		args: ['cat /scratch/x /cm/one /items/sub/uno /sec/key /host/file /file /sub/f; ls /cm /items /gone /new;
		  stat -c "%a %u:%g" /sec/key /scratch /data; df -k /mem | tail -1 | awk "{print \$2}"; touch /mem/ok /scratch/ok && echo written;
		  touch /cm/x 2>&1 | grep -o "Read-only"; id -G']
		volumeMounts:
		- {name: scratch, mountPath: /scratch}
		- {name: mem, mountPath: /mem}
		- {name: cm, mountPath: /cm}
		- {name: items, mountPath: /items}
		- {name: sec, mountPath: /sec}
		- {name: gone, mountPath: /gone}
		- {name: data, mountPath: /data}
		- {name: host, mountPath: /host, readOnly: true}
		- {name: host, mountPath: /file, subPath: file}
		- {name: cm, mountPath: /sub/f, subPath: two}
		- {name: new, mountPath: /new}
		E
	} >"$T/volpod.yaml"
	run -0 pm kube play --network none "$T/volpod.yaml"
	assert_eq "${lines[0]} ${lines[1]}" "Volumes: claim"
	assert_eq "${lines[4]}" Container:
	run -0 output_of volpod
	assert_eq "$output" 'prepared
11hiddenhost
host
2/cm:
bin
one
two

/gone:

/items:
sub

/new:
440 0:2000
2777 0:2000
755 33:0
1024
written
Read-only
0 2000'
	[ -d "$T/new/dir" ]
	run -0 pm kube down "$T/volpod.yaml"
	# the claim's volume stays, those of the pod go
	assert_eq "$(pm volume ls -q)" claim
	run -0 pm kube down --force "$T/volpod.yaml"
	nothing_made
}

@test "hostPath types are checked" {
	touch "$T/file"
	for t in "Directory $T/file" "File $T" "Socket $T/file" "File $T/missing" "CharDevice $T/file"; do
		POD="volumes: [{name: v, hostPath: {path: ${t#* }, type: ${t%% *}}}]" \
			run -125 play hostpod <<<"volumeMounts: [{name: v, mountPath: /v}]"
		assert_error 125 'volume v: hostPath'
	done
	run -125 play hostpod <<<"volumeMounts: [{name: v, mountPath: /v}]"
	assert_error 125 'line [0-9]+: the pod has no volume "v"'
	nothing_made
}

@test "what a container makes of a volume's files does no harm to the next play" {
	echo untouched >"$T/victim"
	{
		printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cm}\ndata: {key: overwritten}\n---\n'
		POD='volumes: [{name: cm, configMap: {name: cm}}]' pod evil <<-'E'
		command: [sleep, "1000"]
		volumeMounts: [{name: cm, mountPath: /cm}]
		E
	} >"$T/evil.yaml"
	pm kube play --network none "$T/evil.yaml" >/dev/null
	# as if it could write there
	volume=$(pm volume ls -q)
	dir=$(pm volume inspect -f '{{.Mountpoint}}' "$volume")
	ln -sf "$T/victim" "$dir/key"
	pm kube play --network none --replace "$T/evil.yaml" >/dev/null
	assert_eq "$(cat "$T/victim")" untouched
	assert_eq "$(pm exec evil-main cat /cm/key)" overwritten
	# keys and items cannot lead out
	for item in '../x' '/x' 'a/../../x'; do
		sed "s|configMap: {name: cm}|configMap: {name: cm, items: [{key: key, path: $item}]}|; s/name: evil/name: out/" "$T/evil.yaml" >"$T/out.yaml"
		run -125 pm kube play --network none "$T/out.yaml"
		assert_error 125 'an item has a key, and a relative path without'
	done
	sed 's|{key: overwritten}|{../key: overwritten}|; s/name: evil/name: out/' "$T/evil.yaml" >"$T/out.yaml"
	run -125 pm kube play --network none "$T/out.yaml"
	assert_error 125 '"\.\./key" is no key of data'
}

@test "securityContext: of the container before the pod's; what cannot be honoured fails" {
	POD='restartPolicy: Never
securityContext: {runAsUser: 1000, runAsGroup: 3000, runAsNonRoot: true, supplementalGroups: [4000]}' play secpod <<-'E'
	command: [sh, -c, "id -u; id -g; id -G; grep -E 'NoNewPrivs|CapBnd' /proc/self/status; touch /x"]
	securityContext:
	  runAsUser: 1001
	  allowPrivilegeEscalation: false
	  readOnlyRootFilesystem: true
	  capabilities: {drop: [ALL], add: [CHOWN]}
	E
	run -0 output_of secpod
	assert_like "$output" $'^1001\n3000\n3000 4000\n'
	assert_like "$output" $'CapBnd:\t0000000000000001'
	assert_like "$output" $'NoNewPrivs:\t1'
	assert_like "$output" 'Read-only file system'
	pm kube down "$T/secpod.yaml" >/dev/null
	refused() { # TEXT CONTAINER [POD]
		POD=${3-} run -125 play refusedpod --seccomp-profile-root "$T" <<<"$2"
		assert_error 125 "$1"
		nothing_made
	}
	refused 'runAsNonRoot: the image runs as root' 'securityContext: {runAsNonRoot: true}'
	refused 'runAsNonRoot: the user is root' 'securityContext: {runAsUser: 0}' 'securityContext: {runAsNonRoot: true}'
	refused 'contradicts privileged' 'securityContext: {privileged: true, allowPrivilegeEscalation: false}'
	refused 'capabilities|capability' 'securityContext: {capabilities: {add: [NONSENSE]}}'
	refused 'localhostProfile .* is not below' 'securityContext: {seccompProfile: {type: Localhost, localhostProfile: ../../etc/x}}'
	refused 'line 10: spec.containers\[0\].securityContext.windowsOptions: the field is not supported' 'securityContext: {windowsOptions: {hostProcess: true}}'
	META='annotations: {container.apparmor.security.beta.kubernetes.io/main: x}' \
		refused 'annotation container.apparmor.* is not supported: give a securityContext' "$sleeper"
}

@test "unknown fields, wrong kinds of values and refused fields name path and line" {
	refused() {
		POD=${3-} run -125 play badpod <<<"$2"
		assert_error 125 "badpod.yaml: Pod badpod: $1"
		nothing_made
	}
	refused 'line 10: spec.containers\[0\].comand: unknown field of Container' 'comand: [x]'
	refused 'line 10: spec.containers\[0\].ports: must be a list' 'ports: 80'
	refused 'line 10: spec.containers\[0\].env\[0\].value: must be a string' 'env: [{name: x, value: 80}]'
	refused 'line 10: spec.containers\[0\].imagePullPolicy: must be one of' 'imagePullPolicy: Sometimes'
	refused 'line 10: spec.containers\[0\].livenessProbe.grpc: the field is not supported' 'livenessProbe: {grpc: {port: 1}}'
	refused 'line 6: spec.hostNetwork: must be true or false' "$sleeper" 'hostNetwork: "yes"'
	refused 'line 6: spec.runtimeClassName: the field is not supported: use pm --runtime' "$sleeper" 'runtimeClassName: kata'
	refused 'line 7: spec.volumes\[0\].nfs: the field is not supported' "$sleeper" $'volumes:\n- {name: v, nfs: {server: x, path: /}}'
	printf 'kind: NetworkPolicy\nmetadata: {name: deny}\n' >"$T/np.yaml"
	run -125 pm kube play "$T/np.yaml"
	assert_error 125 'kind NetworkPolicy is not supported: what it forbids would be allowed'
	printf 'a: &x [1]\nb: *x\n' >"$T/bomb.yaml"
	run -125 pm kube play "$T/bomb.yaml"
	assert_error 125 'aliases are not supported'
	run -125 pm kube play https://example.com/pod.yaml
	assert_error 125 'URLs are not read'
	printf 'kind: Service\nmetadata: {name: x}\n' >"$T/service.yaml"
	run -125 pm kube play "$T/service.yaml"
	assert_error 125 'nothing to play'
	run -125 pm kube apply "$T/np.yaml"
	assert_error 125 'use kubectl apply'
	# a field without a meaning here is told
	POD='nodeSelector: {disk: ssd}' run -0 --separate-stderr play warned <<<"$sleeper"
	assert_like "$stderr" 'spec.nodeSelector: the field has no effect: there is one host'
}

@test "hosts, names, ports and DNS" {
	port=$((20000 + RANDOM % 10000))
	POD='hostname: other
hostAliases: [{ip: 10.1.2.3, hostnames: [db, db.local]}]
dnsPolicy: None
dnsConfig: {nameservers: [192.0.2.53], searches: [a.example], options: [{name: ndots, value: "2"}]}' pod netpod >"$T/netpod.yaml" <<-E
	command: [sh, -c, "while :; do echo served | nc -l -p 8080; done"]
	ports: [{containerPort: 8080, hostPort: $port, hostIP: 127.0.0.1}, {containerPort: 9090}]
	E
	pm kube play --network slirp4netns "$T/netpod.yaml" >/dev/null
	assert_eq "$(pm exec netpod-main hostname)" other
	run -0 pm exec netpod-main cat /etc/hosts /etc/resolv.conf
	assert_like "$output" $'10.1.2.3[\t ]+db.*10.1.2.3[\t ]+db.local|10.1.2.3[\t ]+db db.local'
	assert_like "$output" 'nameserver 192.0.2.53'
	assert_like "$output" 'search a.example'
	assert_like "$output" 'options ndots:2'
	served() { [ "$(timeout 5 bash -c "cat </dev/tcp/127.0.0.1/$port" 2>/dev/null)" = served ]; }
	wait_for served
	assert_eq "$(pm pod inspect -f '{{len .InfraConfig.PortBindings}}' netpod)" 1
}

@test "the default network knows pods by their names" {
	pod one <<<"$sleeper" >"$T/two.yaml"
	echo --- >>"$T/two.yaml"
	pod two <<<"$sleeper" >>"$T/two.yaml"
	pm kube play "$T/two.yaml" >/dev/null
	assert_eq "$(pm network ls --format '{{.Name}}' --filter name=kube)" podman-default-kube-network
	run -0 pm exec two-main nslookup one
	assert_like "$output" 'Address.*10\.'
	pm kube down "$T/two.yaml" >/dev/null
	pm network rm podman-default-kube-network >/dev/null
}

@test "a container that cannot be started is told, and the rest runs" {
	POD='restartPolicy: Never' run -125 --separate-stderr play failpod <<<'command: [/no/such/file]'
	assert_like "$stderr" 'start container failpod-main'
	assert_like "$stderr" 'Error: failed to start 1 containers'
	assert_eq "${lines[0]}" Pod:
	pm kube down "$T/failpod.yaml" >/dev/null
	# an image that is not there: nothing is made, and nothing is taken down for --replace
	play runs <<<"$sleeper" >/dev/null
	sed 's|image: .*|image: localhost/none:1\n    imagePullPolicy: Never|' "$T/runs.yaml" >"$T/new.yaml"
	run -125 pm kube play --network none --replace "$T/new.yaml"
	assert_error 125 'image localhost/none:1'
	assert_eq "$(pm inspect -f '{{.State.Status}}' runs-main)" running
}

@test "the page of fields is the table that input is checked by" {
	diff <(pm __kubernetes) "$BATS_TEST_DIRNAME/../../docs/kubernetes.md"
	# and the table does what it says: a field of each rule
	for row in 'spec.affinity warning' 'spec.runtimeClassName refused' 'spec.hostPID honoured' 'spec.enableServiceLinks information'; do
		grep -q "^| $(cut -d' ' -f1 <<<"${row#spec.}") | ${row#* } |" "$BATS_TEST_DIRNAME/../../docs/kubernetes.md" || fail "$row"
	done
}
