#!/usr/bin/env bats
# Pods: creation, what their containers share, start and stop as a whole, removal, listings.

load helpers

test_setup() {
	load_busybox
}

test_teardown() {
	if [ -e "$T/root/pm.db" ]; then pm pod rm -fa -t 0 >/dev/null; fi
}

state() {
	pm pod inspect -f '{{.State}}' "$1"
}

ns() { # ns CONTAINER KIND
	readlink "/proc/$(container_pid "$1")/ns/$2"
}

@test "a pod's containers share network, ipc and uts, not pid; the infra container needs no image" {
	run -0 pm pod create --name p
	assert_like "$output" '^[0-9a-f]{64}$'
	id=$output
	assert_eq "$(state p)" Created
	run -0 pm ps -a --format '{{.Names}}'
	assert_eq "$output" "${id:0:12}-infra"
	pm run -d --pod p --name a "$IMAGE" sleep 100 >/dev/null
	assert_eq "$(state p)" Running
	pm run -d --pod p --name b "$IMAGE" sleep 100 >/dev/null
	for kind in net ipc uts; do
		assert_eq "$(ns a $kind)" "$(ns b $kind)"
		assert_eq "$(ns a $kind)" "$(ns "${id:0:12}-infra" $kind)"
	done
	[ "$(ns a pid)" != "$(ns b pid)" ]
	[ "$(ns a mnt)" != "$(ns b mnt)" ]
	# the host name is the pod's
	run -0 pm exec a sh -c 'hostname; cat /etc/hostname; echo $HOSTNAME'
	assert_eq "$output" $'p\np\np'
	# the loopback is one
	pm exec -d a sh -c 'echo from-a | nc -l -p 4000'
	wait_for bash -c "grep -q ':0FA0 ' /proc/$(container_pid b)/net/tcp /proc/$(container_pid b)/net/tcp6"
	run -0 pm exec b nc 127.0.0.1 4000
	assert_eq "$output" from-a
	run -0 pm images -q
	assert_eq "${#lines[@]}" 1
}

@test "--share: what is asked for and nothing else" {
	pm pod create --name p --share pid,net >/dev/null
	pm run -d --pod p --name a "$IMAGE" sleep 100 >/dev/null
	pm run -d --pod p --name b "$IMAGE" sleep 100 >/dev/null
	assert_eq "$(ns a pid)" "$(ns b pid)"
	assert_eq "$(ns a net)" "$(ns b net)"
	[ "$(ns a ipc)" != "$(ns b ipc)" ]
	[ "$(ns a uts)" != "$(ns b uts)" ]
	run -0 pm exec a sh -c 'cat /proc/1/comm'
	assert_eq "$output" podman-init
	# a container may choose otherwise
	pm run -d --pod p --name c --network none "$IMAGE" sleep 100 >/dev/null
	[ "$(ns c net)" != "$(ns a net)" ]
	run -125 pm pod create --share nosuch
	assert_error 125 'invalid kernel namespace to share: nosuch. Options are: cgroup, ipc, net, pid, uts or none'
	run -125 pm pod create --infra=false --share net
	assert_error 125 'cannot set share\(net\) namespaces without an infra container'
}

@test "a port is the pod's: published by the infra container, refused for its containers" {
	run -0 pm pod create --name web -p 127.0.0.1::80
	pm run -d --pod web --name httpd "$IMAGE" sh -c 'mkdir /www; echo in the pod >/www/index.html; exec httpd -f -p 80 -h /www' >/dev/null
	port=$(pm pod inspect web | jq -r '.InfraConfig.PortBindings["80/tcp"][0].HostPort')
	wait_for curl -sf -o /dev/null "http://127.0.0.1:$port/"
	assert_eq "$(curl -s "http://127.0.0.1:$port/")" 'in the pod'
	run -125 pm run --pod web -p 9999:80 "$IMAGE" true
	assert_error 125 'published or exposed ports must be defined when the pod is created'
	run -125 pm run --pod web --hostname x "$IMAGE" true
	assert_error 125 'cannot set hostname when joining the pod UTS namespace'
	run -125 pm run --pod nosuch "$IMAGE" true
	assert_error 125 'no pod with name or ID nosuch found: no such pod'
	# the port is free when the pod has ended
	pm pod stop -t 0 web >/dev/null
	! curl -s -o /dev/null "http://127.0.0.1:$port/"
}

@test "run --pod new: makes the pod, with the ports" {
	run -0 pm run -d --pod new:fresh -p 127.0.0.1::8080 --name one "$IMAGE" sleep 100
	assert_eq "$(state fresh)" Running
	run -0 pm pod inspect fresh -f '{{.NumContainers}}'
	assert_eq "$output" 2
	run -0 pm pod inspect fresh -f '{{json .InfraConfig.PortBindings}}'
	assert_like "$output" '8080/tcp'
	run -125 pm run --pod new:fresh "$IMAGE" true
	assert_error 125 'the name "fresh" is already in use by'
	pm pod create --pod-id-file "$T/id" other >/dev/null
	pm run -d --pod-id-file "$T/id" --name two "$IMAGE" sleep 100 >/dev/null
	assert_eq "$(state other)" Running
	run -125 pm pod create --pod-id-file "$T/id" third
}

@test "stop, start, restart, kill as a whole" {
	pm pod create --name p >/dev/null
	pm create --pod p --name a "$IMAGE" sleep 100 >/dev/null
	pm create --pod p --name b "$IMAGE" sh -c 'trap "exit 3" TERM; while :; do sleep 0.1; done' >/dev/null
	run -0 pm pod start p
	assert_like "$output" '^[0-9a-f]{64}$'
	assert_eq "$(state p)" Running
	before=$(container_pid a)
	run -0 pm pod restart -a
	assert_eq "$(state p)" Running
	[ "$(container_pid a)" != "$before" ]
	pm pod stop -t 2 p >/dev/null
	assert_eq "$(state p)" Exited
	run -0 pm inspect -f '{{.State.ExitCode}}' b
	assert_eq "$output" 3
	pm pod start p >/dev/null
	pm stop -t 0 a >/dev/null
	assert_eq "$(state p)" Degraded
	# a pod that runs in part is completed
	pm pod start p >/dev/null
	assert_eq "$(state p)" Running
	pm pod kill p >/dev/null
	wait_for bash -c "[ \"\$('$PM_BIN' --root '$T/root' --runroot '$T/run' pod inspect -f '{{.State}}' p)\" = Exited ]"
	run -125 pm pod start nosuch
	assert_error 125 'no pod with name or ID nosuch found: no such pod'
}

@test "one container that cannot start is told, the others start; what depends on it does not" {
	pm pod create --name p >/dev/null
	pm create --pod p --name good "$IMAGE" sleep 100 >/dev/null
	pm create --pod p --name bad "$IMAGE" /no/such >/dev/null
	pm create --pod p --name needs --requires bad "$IMAGE" sleep 100 >/dev/null
	run -125 pm pod start p
	assert_like "$output" 'Error: start container bad: '
	assert_like "$output" 'Error: start container needs: container bad, which it depends on, does not run'
	assert_like "$output" 'not all containers of pod p could be started'
	assert_eq "$(pm inspect -f '{{.State.Status}}' good)" running
	assert_eq "$(pm inspect -f '{{.State.Status}}' needs)" created
	assert_eq "$(state p)" Degraded
}

@test "init containers run to their end, in order, before the others" {
	pm pod create --name p >/dev/null
	pm create --pod p --name i1 --init-ctr always -v "$T:/t" "$IMAGE" sh -c 'sleep 0.2; echo i1 >>/t/order' >/dev/null
	pm create --pod p --name i2 --init-ctr once -v "$T:/t" "$IMAGE" sh -c 'echo i2 >>/t/order' >/dev/null
	pm create --pod p --name main -v "$T:/t" "$IMAGE" sh -c 'echo main >>/t/order; sleep 100' >/dev/null
	pm pod start p >/dev/null
	wait_for grep -q main "$T/order"
	assert_eq "$(cat "$T/order")" $'i1\ni2\nmain'
	# "once" is gone, "always" runs again
	run -0 pm ps -a --format '{{.Names}}' --filter name=i
	[[ $output != *i2* ]]
	pm pod stop -t 0 p >/dev/null
	pm pod start p >/dev/null
	wait_for bash -c "[ \$(wc -l <'$T/order') = 5 ]"
	assert_eq "$(tail -2 "$T/order")" $'i1\nmain'
	# one that fails keeps the pod from starting
	pm pod create --name q >/dev/null
	pm create --pod q --name qi --init-ctr always "$IMAGE" sh -c 'exit 4' >/dev/null
	pm create --pod q --name qmain "$IMAGE" sleep 100 >/dev/null
	run -125 pm pod start q
	assert_like "$output" 'init container qi exited with code 4'
	assert_eq "$(pm inspect -f '{{.State.Status}}' qmain)" created
	run -125 pm create --init-ctr always "$IMAGE" true
	assert_error 125 'init containers.* pod'
}

@test "--exit-policy stop: the infra container ends with the last other" {
	pm pod create --name p --exit-policy stop >/dev/null
	pm run -d --pod p --name a "$IMAGE" sh -c 'sleep 0.5' >/dev/null
	pm run -d --pod p --name b "$IMAGE" sh -c 'sleep 1' >/dev/null
	wait_for bash -c "[ \"\$('$PM_BIN' --root '$T/root' --runroot '$T/run' pod inspect -f '{{.State}}' p)\" = Exited ]"
	# and with a foreground one
	pm run --rm --pod p "$IMAGE" true
	wait_for bash -c "[ \"\$('$PM_BIN' --root '$T/root' --runroot '$T/run' pod inspect -f '{{.State}}' p)\" = Exited ]"
	pm pod create --name stays >/dev/null
	pm run --rm --pod stays "$IMAGE" true
	assert_eq "$(state stays)" Running
}

@test "rm: running containers need force, then nothing stays; the infra container is the pod's" {
	id=$(pm pod create --name p)
	pm run -d --pod p --name a -v /anon "$IMAGE" sleep 100 >/dev/null
	pm run -d --pod p --name b --network container:a "$IMAGE" sleep 100 >/dev/null
	run -125 pm pod rm p
	assert_error 125 'pod p contains containers that are running'
	run -125 pm rm -f "${id:0:12}-infra"
	assert_error 125 'is the infra container of pod .* and cannot be removed without removing the pod'
	run -0 pm pod rm -f -t 0 p
	assert_eq "$output" "$id"
	run -0 pm ps -aq
	assert_eq "$output" ""
	run -1 pm pod exists p
	assert_eq "$output" ""
	run -1 pm pod rm p
	assert_error 1 'no pod with name or ID p found: no such pod'
	run -0 pm pod rm -i p
	run -0 pm pod rm -f p
	# rm of all, by force, is of pods too
	pm pod create --name p >/dev/null
	pm run -d --pod p --name mine "$IMAGE" sleep 100 >/dev/null
	run -0 pm rm -fa -t 0
	assert_eq "${#lines[@]}" 2
	run -1 pm pod exists p
	run -0 pm ps -aq
	assert_eq "$output" ""
	# a stopped one needs none
	pm pod create --name q >/dev/null
	pm create --pod q "$IMAGE" true >/dev/null
	run -0 pm pod rm q
	run -0 pm ps -aq
	assert_eq "$output" ""
}

@test "names are one space for pods and containers; --replace" {
	pm pod create --name p >/dev/null
	run -125 pm pod create --name p
	assert_error 125 'the name "p" is already in use by'
	run -125 pm create --name p "$IMAGE" true
	assert_error 125 'the container name "p" is already in use by'
	pm create --name c "$IMAGE" true >/dev/null
	run -125 pm pod create c
	run -125 pm pod create --name 'bad name'
	old=$(pm pod inspect -f '{{.Id}}' p)
	pm run -d --pod p "$IMAGE" sleep 100 >/dev/null
	pm pod create --replace --name p >/dev/null
	[ "$(pm pod inspect -f '{{.Id}}' p)" != "$old" ]
	run -0 pm ps -aq
	assert_eq "${#lines[@]}" 2
	# by a prefix of the id
	new=$(pm pod inspect -f '{{.Id}}' p)
	run -0 pm pod inspect -f '{{.Name}}' "${new:0:8}"
	assert_eq "$output" p
}

@test "ps: columns, filters, sorting, json" {
	pm pod create --name one --label tier=front >/dev/null
	pm pod create --name two >/dev/null
	pm run -d --pod two --name x "$IMAGE" sleep 100 >/dev/null
	run -0 pm pod ps
	assert_like "${lines[0]}" '^POD ID  +NAME  +STATUS  +CREATED  +INFRA ID  +# OF CONTAINERS$'
	run -0 pm pod ps --format '{{.Name}} {{.Status}} {{.NumberOfContainers}}' --sort name
	assert_eq "$output" $'one Created 1\ntwo Running 2'
	run -0 pm pod ls --filter label=tier=front --format '{{.Name}}'
	assert_eq "$output" one
	run -0 pm pod ps --filter status=running -q
	assert_eq "${#lines[@]}" 1
	run -0 pm pod ps --filter ctr-names=^x$ --format '{{.Name}}'
	assert_eq "$output" two
	run -0 pm pod ps --filter ctr-number=1 --format '{{.Name}}'
	assert_eq "$output" one
	run -125 pm pod ps --filter nosuch=1
	assert_error 125 'nosuch is an invalid filter'
	run -125 pm pod ps --filter status=nosuch
	run -0 pm pod ps --ctr-names --filter name=two --format '{{.ContainerNames}}'
	assert_like "$output" '^[0-9a-f]{12}-infra,x$'
	run -0 bash -c "'$PM_BIN' --root '$T/root' --runroot '$T/run' pod ps --format json | jq -r '.[]|select(.Name==\"two\")|.Status, (.Containers|length)'"
	assert_eq "$output" $'Running\n2'
}

@test "prune removes what does not run" {
	pm pod create --name dead >/dev/null
	pm create --pod dead "$IMAGE" true >/dev/null
	pm pod create --name alive >/dev/null
	pm run -d --pod alive "$IMAGE" sleep 100 >/dev/null
	run -0 pm pod prune -f
	assert_eq "${#lines[@]}" 1
	run -0 pm pod ps --format '{{.Name}}'
	assert_eq "$output" alive
}

@test "kill -9 of creation and removal leaves a pod whole or gone" {
	for round in 1 2 3 4 5 6 7 8; do
		timeout --foreground -s KILL "0.00$((round * 3))" "$PM_BIN" --root "$T/root" --runroot "$T/run" pod create --name "k$round" >/dev/null 2>&1 || true
		if pm pod exists "k$round"; then
			# its infra container is there
			run -0 pm pod inspect -f '{{.NumContainers}}' "k$round"
			assert_eq "$output" 1
		fi
		timeout --foreground -s KILL "0.00$round" "$PM_BIN" --root "$T/root" --runroot "$T/run" pod rm -f "k$round" >/dev/null 2>&1 || true
		run -0 pm pod rm -f "k$round"
	done
	run -0 pm pod ps -q
	assert_eq "$output" ""
	run -0 pm ps -aq
	assert_eq "$output" ""
}

@test "logs, top and stats of a pod's containers" {
	pm pod create --name p >/dev/null
	pm run -d --pod p --name a "$IMAGE" sh -c 'echo from a; exec sleep 100' >/dev/null
	pm run -d --pod p --name b "$IMAGE" sh -c 'echo from b; exec sleep 101' >/dev/null
	wait_for bash -c "'$PM_BIN' --root '$T/root' --runroot '$T/run' pod logs p | grep -q 'from b'"
	run -0 pm pod logs --names p
	assert_like "$output" 'a from a'
	assert_like "$output" 'b from b'
	run -0 pm pod logs -c b p
	assert_eq "$output" 'from b'
	pm create --name other "$IMAGE" true >/dev/null
	run -125 pm pod logs -c other p
	assert_error 125 'container other is not in pod p'
	run -0 pm pod top p pid args
	assert_like "${lines[0]}" '^PID +COMMAND'
	assert_eq "$(grep -c 'sleep 10' <<<"$output")" 2
	assert_like "$output" '/run/podman-init'
	run -0 pm pod stats --no-stream p
	assert_like "${lines[0]}" '^POD +CID +NAME +CPU %'
	assert_eq "${#lines[@]}" 4
	run -0 pm pod stats --no-stream --format '{{.Name}} {{.PIDS}}' p
	assert_like "$output" 'a 1'
	pm pod stop -t 0 p >/dev/null
	run -125 pm pod top p
	run -125 pm pod create --memory 1g --share-parent=false
	assert_error 125 '--share-parent'
}

@test "inspect finds pods, volumes and networks too; ps tells the pod" {
	id=$(pm pod create --name p)
	pm create --pod p --name member "$IMAGE" true >/dev/null
	pm create --name alone "$IMAGE" true >/dev/null
	pm volume create vol >/dev/null
	pm network create --subnet 10.123.9.0/24 net >/dev/null
	run -0 pm inspect -f '{{.Name}}' p vol net member
	assert_eq "$output" $'p\nvol\nnet\nmember'
	run -0 pm inspect --type pod -f '{{.Id}} {{.NumContainers}}' p
	assert_eq "$output" "$id 2"
	run -0 pm inspect --type pod -l -f '{{.Name}}'
	assert_eq "$output" p
	run -0 bash -c "'$PM_BIN' --root '$T/root' --runroot '$T/run' inspect --type network net | jq -r '.[0].subnets[0].subnet'"
	assert_eq "$output" 10.123.9.0/24
	run -125 pm inspect --type pod member
	assert_error 125 'no such pod member'
	run -125 pm inspect --type volume p
	assert_error 125 'no such volume p'
	run -125 pm inspect --type container p
	assert_error 125 'no such container p'
	run -125 pm inspect --type volume -l
	run -125 pm inspect nosuch
	assert_error 125 'no such object: "nosuch"'
	run -125 pm inspect --type foo p
	assert_error 125 'invalid type "foo"'

	infra=${id:0:12}-infra
	run -0 pm container inspect -f '{{.Pod}} {{.IsInfra}}' member "$infra" alone
	assert_eq "$output" "$id false"$'\n'"$id true"$'\n'" false"
	run -0 pm ps -a --pod
	assert_like "${lines[0]}" 'NAMES +POD ID +PODNAME$'
	assert_like "$output" "member +${id:0:12} +p *"
	run -0 pm ps -a --filter pod=p --sort names --format '{{.Names}} {{.Pod}} {{.PodName}} {{.IsInfra}}'
	assert_eq "$output" "$infra ${id:0:12} p true"$'\n'"member ${id:0:12} p false"
	run -0 pm ps -aq --filter "pod=${id:0:8}"
	assert_eq "${#lines[@]}" 2
	run -0 pm ps -aq --filter pod=nosuch
	assert_eq "$output" ""
	run -0 bash -c "'$PM_BIN' --root '$T/root' --runroot '$T/run' ps -a --format json | jq -r '.[] | .Names[0] + \"=\" + .Pod + .PodName' | sort"
	grep -qx alone= <<<"$output"
	assert_like "$output" "member=${id}p"
	pm network rm net >/dev/null
}

@test "--infra-conmon-pidfile: the pid of the infra container's monitor" {
	id=$(pm pod create --name p --infra-conmon-pidfile "$T/pid")
	[ ! -e "$T/pid" ]
	pm pod start p >/dev/null
	assert_eq "$(cat "$T/pid")" "$(monitor_pid "${id:0:12}-infra")"
	run -125 pm pod create --infra=false --infra-conmon-pidfile "$T/other"
	assert_error 125 'cannot set infra-conmon-pidfile options without an infra container'
}

@test "two pods on a network know each other by name, and publish ports" {
	pm network create --subnet 10.123.0.0/24 n >/dev/null
	port=$((20000 + RANDOM % 10000))
	pm pod create --name front --network n:ip=10.123.0.50,alias=web -p "127.0.0.1:$port:80" >/dev/null
	pm pod create --name back --network n >/dev/null
	pm run -d --pod front --name server "$IMAGE" sh -c 'mkdir /w; echo page >/w/index.html; exec httpd -f -p 80 -h /w' >/dev/null
	run -0 pm run --rm --pod back "$IMAGE" sh -c 'i=0; until wget -qO- http://web/; do i=$((i+1)); [ $i -lt 50 ] || exit 1; sleep 0.1; done; wget -qO- http://front/'
	assert_eq "$output" $'page\npage'
	run -0 pm pod inspect -f '{{.InfraConfig.Networks}}' front
	assert_eq "$output" '[n]'
	run -0 pm pod ps --filter name=front --format '{{.Networks}}'
	assert_eq "$output" '[n]'
	run -0 pm ps --filter network=n --sort names --format '{{.Networks}}'
	assert_eq "$output" $'n\nn'
	run -0 pm exec server ip -4 -o addr show eth0
	assert_like "$output" '10\.123\.0\.50/24'
	assert_eq "$(curl -sS --max-time 5 "http://127.0.0.1:$port/")" page
	run -125 pm run --rm --pod back --ip 10.123.0.9 "$IMAGE" true
	pm pod rm -fa -t 0 >/dev/null
	pm network rm n >/dev/null
}

@test "a pod without network, name servers or hosts runs containers" {
	for o in "--network none" "--no-hosts" "--dns none --network slirp4netns"; do
		# shellcheck disable=SC2086
		pm pod create $o p >/dev/null
		run -0 pm run --rm --pod p "$IMAGE" ls /sys/class/net
		assert_like "$output" '^lo'
		pm pod rm -f -t 0 p >/dev/null
	done
}

@test "clone: config, containers and what they share; the originals stay apart" {
	pm pod create --name p --label tier=x --share net,uts,pid --exit-policy stop >/dev/null
	pm create --pod p --name first -e WHO=me "$IMAGE" sleep 100 >/dev/null
	pm create --pod p --name second --requires first "$IMAGE" sleep 101 >/dev/null
	run -0 pm pod clone --start p
	assert_like "$output" '^[0-9a-f]{64}$'
	assert_eq "$(state p-clone)" Running
	assert_eq "$(state p)" Created
	run -0 pm pod inspect -f '{{.NumContainers}} {{.ExitPolicy}} {{.Labels.tier}} {{.SharedNamespaces}}' p-clone
	assert_eq "$output" '3 stop x [net pid uts]'
	for kind in net uts pid; do
		assert_eq "$(ns first-clone $kind)" "$(ns second-clone $kind)"
	done
	run -0 pm exec first-clone sh -c 'echo $WHO; hostname'
	assert_eq "$output" $'me\np-clone'
	pm pod start p >/dev/null
	[ "$(ns first net)" != "$(ns first-clone net)" ]
	# what second-clone needs is the clone of first
	run -125 pm rm -f -t 0 first-clone
	run -125 pm pod clone p p-clone
	assert_error 125 'already in use'
	run -125 pm pod clone --name x p y
	run -125 pm pod clone nosuch
	assert_error 125 'no such pod'
	pm pod stop -t 0 p >/dev/null
	run -0 pm pod clone --destroy --hostname h --label k=v p new
	run -1 pm pod exists p
	run -0 pm pod inspect -f '{{.Labels}} {{.NumContainers}}' new
	assert_eq "$output" 'map[k:v] 3'
	pm pod start new >/dev/null
	run -0 pm exec first-clone1 hostname
	assert_eq "$output" h
	run -0 pm pod clone --infra-name holder --device /dev/null:/dev/n --sysctl net.ipv4.ip_default_ttl=77 \
		-v "$T:/t" --shm-size 1m new third
	pm pod start third >/dev/null
	run -0 pm exec first-clone1-clone sh -c 'ls -d /dev/n /t; cat /proc/sys/net/ipv4/ip_default_ttl'
	assert_eq "$output" $'/dev/n\n/t\n77'
	assert_eq "$(pm inspect -f '{{.State.Status}}' holder)" running
	run -125 pm pod clone --infra-command /x third
	assert_error 125 'infra-image'
	pm pod create --name bare --infra=false >/dev/null
	run -125 pm pod clone --hostname h bare
	assert_error 125 'without an infra container'
	pm pod rm -fa -t 0 >/dev/null
}

@test "volumes, devices, security options and the user namespace of a pod are its containers'" {
	mkdir "$T/dir"
	echo shared >"$T/dir/file"
	pm pod create --name p -v "$T/dir:/data:ro" -v vol:/vol --device /dev/null:/dev/pod0 \
		--security-opt no-new-privileges --security-opt seccomp=unconfined --sysctl kernel.msgmax=4096 >/dev/null
	run -0 pm run --rm --pod p "$IMAGE" sh -c 'cat /data/file /proc/sys/kernel/msgmax; ls /dev/pod0; grep -E "NoNewPrivs|Seccomp:" /proc/self/status; echo x >/vol/f'
	assert_eq "$output" $'shared\n4096\n/dev/pod0\nNoNewPrivs:\t1\nSeccomp:\t0'
	run -1 pm run --rm --pod p "$IMAGE" touch /data/new
	# a container's own comes first
	mkdir "$T/own"
	run -0 pm run --rm --pod p -v "$T/own:/data" --security-opt no-new-privileges=false "$IMAGE" \
		sh -c 'ls /data; cat /vol/f; grep NoNewPrivs /proc/self/status'
	assert_eq "$output" $'x\nNoNewPrivs:\t0'
	run -0 pm pod inspect p
	assert_eq "$(jq -r '.mounts[].Destination' <<<"$output" | sort | xargs)" '/data /vol'
	assert_eq "$(jq -r '.devices[].PathInContainer, .security_opt[0]' <<<"$output" | xargs)" '/dev/pod0 no-new-privileges'
	pm pod rm -f -t 0 p >/dev/null
	pm volume rm vol >/dev/null
	pm create --name source -v "$T/dir:/from" "$IMAGE" >/dev/null
	pm pod create --name p --volumes-from source --userns keep-id >/dev/null
	run -0 pm run --rm --pod p "$IMAGE" sh -c 'cat /from/file; id -u'
	assert_eq "$output" "shared
$(id -u)"
	pm pod rm -f -t 0 p >/dev/null
	pm rm source >/dev/null
	pm pod create --name p --uidmap 0:1:500 >/dev/null
	pm run -d --name one --pod p "$IMAGE" sleep 100 >/dev/null
	pm run -d --name two --pod p "$IMAGE" sleep 100 >/dev/null
	assert_eq "$(ns one user)" "$(ns two user)"
	assert_eq "$(ns one net)" "$(ns two net)"
	run -0 pm exec two cat /proc/self/uid_map
	assert_like "$output" '^ +0 +1 +500$'
	pm pod rm -f -t 0 p >/dev/null
}

@test "inspect: a whole name of any kind comes before the part of an id" {
	id=$(pm create --name c0 "$IMAGE" true)
	part=${id:0:4}
	run -0 pm inspect -f '{{.Name}}' "$part"
	assert_eq "$output" c0
	pod=$(pm pod create --name "$part")
	run -0 pm inspect -f '{{.Id}}' "$part"
	assert_eq "$output" "$pod"
	run -0 pm inspect --type container -f '{{.Name}}' "$part"
	assert_eq "$output" c0
	pm pod rm "$part" >/dev/null
	pm volume create "$part" >/dev/null
	run -0 pm inspect -f '{{.Driver}}' "$part"
	assert_eq "$output" local
	# a volume of a longer name is no reason
	run -0 pm inspect -f '{{.Name}}' "${id:0:3}"
	assert_eq "$output" c0
	pm volume rm "$part" >/dev/null
	pm tag "$IMAGE" "localhost/$part"
	run -0 pm inspect -f '{{index .RepoTags 0}}' "$part"
	assert_like "$output" localhost
	pm untag "localhost/$part"
	pm rm c0 >/dev/null
}

@test "exit policy stop: ends count after the start of all, and a pod without containers is not idle" {
	pm pod create --name alone --exit-policy stop --network none >/dev/null
	pm pod start alone
	assert_eq "$(pm pod inspect -f '{{.State}}' alone)" Running
	# an init container ends, and so does the first member, before the last one runs
	pm pod create --name brief --exit-policy stop --network none >/dev/null
	pm create --pod brief --name brief-prep --init-ctr always "$IMAGE" true >/dev/null
	pm create --pod brief --name brief-one "$IMAGE" true >/dev/null
	pm create --pod brief --name brief-two --requires brief-one "$IMAGE" sleep 1000 >/dev/null
	pm pod start brief
	pm wait brief-one >/dev/null
	assert_eq "$(pm inspect -f '{{.State.Status}}' brief-two)" running
	assert_eq "$(pm pod inspect -f '{{.State}}' brief)" Degraded
	pm stop -t 0 brief-two
	wait_for eval '[ "$(pm pod inspect -f "{{.State}}" brief)" = Exited ]'
	# all end at once
	pm pod create --name flash --exit-policy stop --network none >/dev/null
	for i in 1 2 3; do pm create --pod flash --name "flash-$i" "$IMAGE" true >/dev/null; done
	pm pod start flash
	wait_for eval '[ "$(pm pod inspect -f "{{.State}}" flash)" = Exited ]'
}

@test "inspect of a member that never ran knows what it will have" {
	pm pod create --name group >/dev/null
	pm create --pod group --name member --ulimit nofile=100:200 "$IMAGE" true >/dev/null
	assert_like "$(pm inspect -f '{{range .HostConfig.Ulimits}}{{.Name}}={{.Soft}}:{{.Hard}} {{end}}' member)" \
		'RLIMIT_NOFILE=100:200 '
	assert_like "$(pm inspect -f '{{.EffectiveCaps}}' member)" CAP_CHOWN
	pm pod rm -f group >/dev/null
}
