#!/usr/bin/env bats
# run-bats: leaks
# Bridge networks without root: connectivity, addresses, names, published ports, isolation, what dies with whom.

load helpers
load network

test_setup() {
	load_busybox
}

fetch() { # URL OPTION...: what a fresh container gets within 3 seconds
	local url=$1
	shift
	pm run --rm "$@" "$IMAGE" sh -c "timeout 3 wget -qO- '$url'; exit \$?"
}

netd() { # this test's pm-netd processes: those that hold its run root
	local p
	for p in $(pgrep -x pm-netd -u "$(id -u)"); do
		[ "$(readlink "/proc/$p/fd/5" 2>/dev/null)" = "$T/run" ] && echo "$p"
	done
}

no_netd() {
	[ -z "$(netd)" ]
}

@test "a container on a network: device, address, route, name server, MTU" {
	pm network create --subnet 10.123.0.0/24 n >/dev/null
	run -0 pm run --rm --network n "$IMAGE" \
		sh -c 'ip -4 -o addr show eth0; ip route; cat /etc/resolv.conf /etc/hosts /sys/class/net/eth0/mtu; ls /sys/class/net'
	assert_like "$output" "inet 10\.123\.0\.2/24 brd 10\.123\.0\.255"
	assert_like "$output" "default via 10\.123\.0\.1 dev eth0"
	assert_like "$output" "nameserver 10\.123\.0\.1"
	assert_like "$output" "10\.123\.0\.2"$'\t'
	assert_like "$output" "65520"
	[[ $output != *tap0* ]] || fail "the way out is the bridges', not the container's"
	wait_for no_netd
}

@test "options: addresses, MAC, aliases, names of devices, several networks" {
	pm network create --subnet 10.123.0.0/24 --subnet fd12:3::/64 a >/dev/null
	pm network create --subnet 10.124.0.0/24 -o mtu=1400 b >/dev/null
	run -0 pm run --rm --network a:ip=10.123.0.77,ip=fd12:3::77,mac=02:00:00:00:00:07,interface_name=lan \
		--network b "$IMAGE" sh -c 'ip -o addr; ip route; cat /sys/class/net/lan/address /sys/class/net/eth0/mtu'
	assert_like "$output" "lan +inet 10\.123\.0\.77/24"
	assert_like "$output" "lan +inet6 fd12:3::77/64"
	assert_like "$output" "eth0 +inet 10\.124\.0\.2/24"
	assert_like "$output" "02:00:00:00:00:07"
	assert_like "$output" "default via 10\.123\.0\.1 dev lan +metric 100"
	assert_like "$output" $'\n1400'
	run -0 pm run --rm --network a --ip 10.123.0.9 --ip6 fd12:3::9 --mac-address 02:00:00:00:00:09 "$IMAGE" \
		sh -c 'ip -o addr show eth0; cat /sys/class/net/eth0/address'
	assert_like "$output" "10\.123\.0\.9/24.*fd12:3::9/64"
	assert_like "$output" "02:00:00:00:00:09"
}

@test "options that do not fit are refused before anything is made" {
	pm network create --subnet 10.123.0.0/24 a >/dev/null
	pm network create --subnet 10.124.0.0/24 b >/dev/null
	refuse() { # REGEX OPTION...
		local why=$1
		shift
		run pm run --rm "$@" "$IMAGE" true
		assert_error 125 "$why"
		assert_eq "${#lines[@]}" 1
	}
	refuse "nosuch: network not found" --network nosuch
	refuse "not in any subnet" --network a --ip 10.9.0.1
	refuse "is the gateway" --network a --ip 10.123.0.1
	refuse "go with one network" --network a --network b --ip 10.123.0.9
	refuse "given twice" --network a --network a
	refuse "multiple networks" --network host --network a
	refuse "bridge networks only" --ip 10.123.0.9
	refuse "unknown option" --network a:color=red
	refuse "no name of a network interface" --network a:interface_name=lo
	refuse "no name of a network interface" --network "a:host_interface_name=veth*"
	refuse "no MAC address" --network a --mac-address 1:2
	assert_eq "$(pm ps -aq)" ""
}

@test "names: by name, alias, short id, in any case; PTR; AAAA; unknown ones are not there" {
	pm network create --subnet 10.123.0.0/24 --subnet fd12:3::/64 n >/dev/null
	pm network create other >/dev/null
	serve web --network n:alias=Www
	serve hidden --network other
	local id
	id=$(pm ps -q --filter name=web)
	run -0 pm run --rm --network n "$IMAGE" sh -c "
		wget -qO- http://web/ && wget -qO- http://WWW/ && wget -qO- http://$id/ && wget -qO- http://Web.dns.podman/
		nslookup -type=a web; nslookup -type=aaaa web; nslookup 10.123.0.2; nslookup fd12:3::2
		nslookup hidden.dns.podman || echo unseen"
	assert_eq "$(grep -c '^page of' <<<"$output")" 4
	assert_like "$output" "Address: 10\.123\.0\.2"
	assert_like "$output" "Address: fd12:3::2"
	assert_like "$output" "2\.0\.123\.10\.in-addr\.arpa.*name = web"
	assert_like "$output" "ip6\.arpa.*name = web"
	assert_like "$output" "unseen"
	pm rm -f -t 0 web hidden >/dev/null
}

@test "published ports: TCP with the client's address, from everywhere; gone with the container" {
	local port addr
	port=$(free_port)
	pm network create --subnet 10.123.0.0/24 --subnet fd12:3::/64 n >/dev/null
	serve web --network n -p "$port:80"
	assert_like "$(answer "http://127.0.0.1:$port/")" "page of"
	assert_like "$(get "http://[::1]:$port/")" "page of"
	addr=$(host_address)
	if [ -n "$addr" ]; then
		assert_like "$(get "http://$addr:$port/")" "page of"
		assert_like "$(pm logs web 2>&1)" "$addr\\]?:[0-9]+: response:200"
	fi
	# the host's own loopback is the gateway to the application, never its own
	assert_like "$(pm logs web 2>&1)" "10\.123\.0\.1\\]?:[0-9]+: response:200"
	[[ $(pm logs web 2>&1) != *127.0.0.1* ]] || fail "a remote client as 127.0.0.1"
	pm rm -f -t 0 web >/dev/null
	run ss -Hltn "sport = :$port"
	assert_eq "$output" ""
}

@test "published ports: a lot of data both ways, many connections" {
	local port
	port=$(free_port)
	pm network create n >/dev/null
	serve web --network n -p "127.0.0.1:$port:80"
	pm exec web dd if=/dev/urandom of=/www/big bs=1M count=64 2>/dev/null
	answer "http://127.0.0.1:$port/" >/dev/null
	assert_eq "$(curl -sS --max-time 30 "http://127.0.0.1:$port/big" | sha256sum | cut -d' ' -f1)" \
		"$(pm exec web sha256sum /www/big | cut -d' ' -f1)"
	many_at_once "http://127.0.0.1:$port"
	pm rm -f -t 0 web >/dev/null
}

@test "published ports: UDP with an answer; the client's address" {
	local port addr
	port=$(free_port)
	pm network create --subnet 10.123.0.0/24 n >/dev/null
	serve_udp u 81 --network n -p "$port:81/udp"
	wait_for ask_udp 127.0.0.1 "$port"
	assert_eq "$reply" "10.123.0.1 hello"
	addr=$(host_address)
	if [ -n "$addr" ]; then
		wait_for ask_udp "$addr" "$port"
		assert_eq "$reply" "$addr hello"
	fi
	pm rm -f -t 0 u >/dev/null
}

@test "a port in use is one clear error, and nothing is left" {
	local port
	port=$(free_port)
	pm network create n >/dev/null
	serve web --network n -p "127.0.0.1:$port:80"
	run pm run --rm --network n -p "127.0.0.1:$port:80" "$IMAGE" true
	assert_error 125 "127\.0\.0\.1:$port: Address already in use"
	assert_eq "${#lines[@]}" 1
	pm rm -f -t 0 web >/dev/null
	run -0 pm run --rm --network n -p "127.0.0.1:$port:80" "$IMAGE" echo free
	assert_eq "$output" free
}

@test "the way out: the host is reached, its loopback is not" {
	local port addr
	addr=$(host_address)
	[ -n "$addr" ] || skip_or_fail "the host has no address"
	port=$(free_port)
	mkdir "$T/www"
	echo outside >"$T/www/index.html"
	busybox httpd -f -p "$port" -h "$T/www" 3>&- &
	local server=$!
	pm network create --subnet 10.123.0.0/24 n >/dev/null
	pm network create --internal in >/dev/null
	wait_for get -o /dev/null "http://127.0.0.1:$port/" 2>/dev/null
	assert_eq "$(pm run --rm --network n "$IMAGE" wget -qO- "http://$addr:$port/")" outside
	assert_eq "$(pm run --rm --network n "$IMAGE" wget -qO- "http://host.containers.internal:$port/")" outside
	assert_eq "$(pm run --rm --network podman "$IMAGE" wget -qO- "http://$addr:$port/")" outside
	run fetch "http://10.0.2.2:$port/" --network n
	local denied=$status
	run fetch "http://$addr:$port/" --network in
	kill "$server"
	wait "$server" || true
	[ "$denied" -ne 0 ] || fail "the host's loopback was reached"
	[ "$status" -ne 0 ] || fail "an internal network has a way out"
}

@test "kill -9 of the pm-slirp that is the way out: another takes over" {
	local port addr
	addr=$(host_address)
	[ -n "$addr" ] || skip_or_fail "the host has no address"
	port=$(free_port)
	mkdir "$T/www"
	echo outside >"$T/www/index.html"
	busybox httpd -f -p "$port" -h "$T/www" 3>&- &
	local server=$! first
	pm network create --subnet 10.123.0.0/24 n >/dev/null
	pm run -d --name one --network n "$IMAGE" sleep 300 >/dev/null
	reached() { [ "$(pm exec one timeout 3 wget -qO- "http://$addr:$port/" 2>/dev/null)" = outside ]; }
	wait_for reached
	first=$(processes pm-slirp)
	pm unshare kill -9 "$first" # it is nobody in the containers' user namespace
	wait_for reached
	[ "$(processes pm-slirp)" != "$first" ] || fail "it was not killed"
	# what ends at once, again and again, is left alone in the end
	crash() {
		pm unshare kill -9 $(processes pm-slirp) 2>/dev/null
		[ -z "$(processes pm-slirp)" ]
	}
	wait_for crash
	kill "$server"
	wait "$server" || true
	pm rm -f -t 0 one >/dev/null
	wait_for no_netd
}

@test "isolation: networks reach each other, but not isolated or internal ones" {
	pm network create --subnet 10.123.0.0/24 a >/dev/null
	pm network create --subnet 10.124.0.0/24 -o isolate=true b >/dev/null
	pm network create --subnet 10.125.0.0/24 -o isolate=true c >/dev/null
	pm network create --subnet 10.126.0.0/24 --internal d >/dev/null
	pm network create --subnet 10.127.0.0/24 -o isolate=strict e >/dev/null
	serve a1 --network a
	serve c1 --network c
	serve d1 --network d
	serve e1 --network e
	try() { # NETWORK ADDRESS
		fetch "http://$2/" --network "$1"
	}
	seen() { # NETWORK ADDRESS: whether the page is had, once the server is up
		try "$@" 2>/dev/null | grep -q "page of"
	}
	wait_for seen b 10.123.0.2
	wait_for seen a 10.125.0.2
	run try b 10.125.0.2
	[ "$status" -ne 0 ] || fail "isolated networks reach each other"
	run try a 10.126.0.2
	[ "$status" -ne 0 ] || fail "an internal network is reached"
	run try a 10.127.0.2
	[ "$status" -ne 0 ] || fail "a strictly isolated network is reached"
	wait_for seen d 10.126.0.2
	pm rm -f -t 0 a1 c1 d1 e1 >/dev/null
}

@test "addresses: none twice, freed after the end of any kind" {
	[ -n "${PM_TEST_REAPER-}" ] || skip_or_fail "use tests/run-bats"
	pm network create --subnet 10.123.0.0/29 n >/dev/null
	local i
	for i in 1 2 3 4 5; do pm run -d --name "c$i" --network n "$IMAGE" sleep 100 >/dev/null; done
	assert_eq "$(for i in 1 2 3 4 5; do pm exec "c$i" ip -4 -o addr show eth0; done | awk '{print $4}' | sort -u | grep -c .)" 5
	run pm run --rm --network n "$IMAGE" true
	assert_error 125 "no free address is left"
	run pm run --rm --network n --ip 10.123.0.3 "$IMAGE" true
	assert_error 125 "10\.123\.0\.3 is already allocated to container"
	# a monitor and its container, killed
	local pid monitor
	pid=$(container_pid c2)
	monitor=$(monitor_pid c2)
	kill -9 "$monitor" "$pid"
	dead() { [ ! -e "/proc/$pid" ] && [ ! -e "/proc/$monitor" ]; }
	wait_for dead
	run -0 pm run --rm --network n --ip 10.123.0.3 "$IMAGE" ip -4 -o addr show eth0
	assert_like "$output" "10\.123\.0\.3/29"
	pm stop -t 0 c1 >/dev/null
	run -0 pm run --rm --network n "$IMAGE" ip -4 -o addr show eth0
	pm rm -f -t 0 -a >/dev/null
}

@test "64 containers started at once on one network see each other by name" {
	pm network create --subnet 10.123.0.0/24 n >/dev/null
	local i
	for i in {1..64}; do
		pm run -d --name "host$i" --network n "$IMAGE" httpd -f -p 80 >/dev/null 3>&- &
	done
	wait
	assert_eq "$(pm ps -q | grep -c .)" 64
	run -0 pm exec host7 sh -c 'for i in $(seq 64); do nslookup -type=a host$i | sed -n "s/^Address: //p"; done | sort -u | wc -l'
	assert_eq "$output" 64
	run -0 pm exec host64 sh -c 'for i in $(seq 64); do wget -qO- http://host$i/ 2>&1; done | grep -c 404'
	assert_eq "$output" 64
	assert_eq "$(netd | grep -c .)" 1
	# the end of many, and what comes after
	# shellcheck disable=SC2046
	pm rm -f -t 0 $(printf 'host%s ' {1..63}) >/dev/null
	run -0 pm run --rm --network n:ip=10.123.0.2 "$IMAGE" sh -c 'wget -qO- http://host64/ 2>&1; nslookup -type=a host1 || true'
	assert_like "$output" 404
	assert_like "$output" "can't find host1"
	pm rm -f -t 0 -a >/dev/null
	wait_for no_netd
}

@test "kill -9 of pm-netd: containers run on, nothing is left, the next start makes all anew" {
	pm network create --subnet 10.123.0.0/24 n >/dev/null
	pm run -d --name one --network n "$IMAGE" sleep 300 >/dev/null
	kill -9 "$(netd | head -1)"
	wait_for no_netd
	assert_eq "$(pm inspect -f '{{.State.Running}}' one)" true
	serve two --network n
	assert_like "$(pm run --rm --network n "$IMAGE" wget -qO- http://two/)" "page of"
	pm rm -f -t 0 one two >/dev/null
	wait_for no_netd
}

@test "kill -9 of pm, of pm-netd, of both, at any step of the first start: the next one works, nothing is left" {
	pm network create --subnet 10.123.0.0/24 --subnet fd12:3::/64 n >/dev/null
	local i
	for i in 2 5 8 11 14 17 20 25 30 40; do
		timeout -s KILL "0.0$(printf %02d "$i")" "$PM_BIN" --root "$T/root" --runroot "$T/run" run -d --network n "$IMAGE" sleep 300 \
			>/dev/null 2>&1 || true
	done
	pm rm -f -t 0 -a >/dev/null
	wait_for no_netd
	for i in 1 2 3 4 5 6 7 8 9 10; do
		pm run -d --network n "$IMAGE" sleep 300 >/dev/null 2>&1 3>&- &
		local starter=$!
		while kill -0 "$starter" 2>/dev/null && [ -z "$(netd)" ]; do :; done
		sleep "0.00$i"
		# shellcheck disable=SC2046
		kill -9 $(netd) 2>/dev/null || true
		wait "$starter" || true
	done
	pm rm -f -t 0 -a >/dev/null
	wait_for no_netd
	none_runs pm-slirp pm-monitor
	run -0 pm run --rm --network n:ip=10.123.0.2,ip=fd12:3::2 "$IMAGE" ip -o addr show eth0
	assert_like "$output" "10\.123\.0\.2/24.*fd12:3::2/64"
}

@test "a first start that waits for its image keeps nobody from the networks" {
	local port silent waiting
	port=$(free_port)
	pm network create --subnet 10.123.0.0/24 n >/dev/null
	perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => shift, Listen => 5) or die; sleep 300' \
		"$port" 3>&- &
	silent=$!
	pm run --rm --network n --pull always --tls-verify=false "127.0.0.1:$port/image:1" true >/dev/null 2>&1 3>&- &
	waiting=$!
	some_netd() { [ -n "$(netd)" ]; }
	wait_for some_netd
	PM_TIMEOUT=10 run -0 pm run --rm --network n "$IMAGE" echo fine
	assert_eq "$output" fine
	kill "$silent"
	wait "$silent" "$waiting" || true
	wait_for no_netd
}

@test "a start that fails leaves no pm-netd and no address" {
	pm network create --subnet 10.123.0.0/30 n >/dev/null
	run -127 pm run --rm --network n "$IMAGE" /nosuch
	run -0 pm run --rm --network n "$IMAGE" true
	wait_for no_netd
}

@test "rm of a network in use: refused, or with its containers" {
	pm network create n >/dev/null
	pm create --name c --network n "$IMAGE" true >/dev/null
	run -2 pm network rm n
	assert_like "$output" "has associated containers with it"
	assert_eq "$(pm network prune -f)" ""
	assert_eq "$(pm network ls -q --filter dangling=true)" ""
	pm network rm -f n >/dev/null
	assert_eq "$(pm ps -aq)" ""
}

@test "spoofing: a container cannot speak as another one; antispoof=false lets it" {
	pm network create --subnet 10.123.0.0/24 --subnet fd12:3::/64 n >/dev/null
	pm network create --subnet 10.124.0.0/24 --subnet fd12:4::/64 -o antispoof=false loose >/dev/null
	assert_eq "$(spoof n)" ""
	# the test can tell
	run -0 spoof loose
	assert_like "$output" "spoofed IPv4"
	assert_like "$output" "spoofed IPv6"
	assert_like "$output" "spoofed MAC"
	assert_like "$output" "neighbour: not 10\.124"
	assert_like "$output" "neighbour: not fd12:4"
	assert_like "$output" "default route"
	assert_like "$output" "not reached"
	run pm run --rm --network loose --egress 192.0.2.1 "$IMAGE" true
	assert_error 125 "network loose has antispoof=false"
	run pm network create -o antispoof=maybe other
	assert_error 125 "true or false"
}

@test "egress: only what the rules name, by address, port and DNS name; metadata stays closed" {
	local port addr
	addr=$(host_address)
	[ -n "$addr" ] || skip_or_fail "the host has no address"
	port=$(free_port)
	mkdir "$T/www"
	echo outside >"$T/www/index.html"
	busybox httpd -f -p "$port" -h "$T/www" 3>&- &
	local server=$!
	wait_for get -o /dev/null "http://127.0.0.1:$port/" 2>/dev/null
	pm network create --subnet 10.123.0.0/24 n >/dev/null
	pm network create --subnet 10.124.0.0/24 --egress none closed >/dev/null
	try() { # NETWORK RULE... : can the host's server be had?
		local network=$1 options=()
		shift
		while [ $# -gt 0 ]; do options+=(--egress "$1"); shift; done
		fetch "http://$addr:$port/" --network "$network" "${options[@]}" 2>/dev/null || echo refused
	}
	local results="$(try n) $(try n none) $(try n "$addr") $(try n "$addr:$port") $(try n "$addr:1") $(try n 0.0.0.0/0) $(try closed) $(try closed "$addr") $(try n example.org)"
	kill "$server"
	wait "$server" || true
	assert_eq "$results" "outside refused outside outside refused outside refused refused refused"
	run pm run --rm --network host --egress none "$IMAGE" true
	assert_error 125 "nothing of pm's is on the way out of network host"
}

@test "egress holds for neighbours on the same network, too; who calls the container is answered" {
	pm network create --subnet 10.123.0.0/24 --subnet fd12:3::/64 n >/dev/null
	pm network create --subnet 10.124.0.0/24 --egress 10.124.0.9 closed >/dev/null
	serve web --network n:ip=10.123.0.9,ip=fd12:3::9
	serve other --network n:ip=10.123.0.10
	serve near --network closed:ip=10.124.0.9
	serve far --network closed:ip=10.124.0.10
	serve kept --network n:ip=10.123.0.11,ip=fd12:3::11 --egress 10.123.0.9 --egress 'fd12:3::9' --cap-add NET_RAW
	try() { # CONTAINER URL
		pm exec "$1" timeout 3 wget -qO- "$2" 2>/dev/null | grep -q "^page of" && echo yes || echo no
	}
	up() { [ "$(try web http://localhost/) $(try other http://localhost/) $(try near http://localhost/) $(try far http://localhost/)" = "yes yes yes yes" ]; }
	wait_for up
	assert_eq "$(try kept http://10.123.0.9/) $(try kept http://web/) $(try kept 'http://[fd12:3::9]/')" "yes yes yes"
	assert_eq "$(try kept http://10.123.0.10/) $(try kept http://other/)" "no no"
	assert_eq "$(try web http://kept/) $(try web 'http://[fd12:3::11]/') $(try other http://kept/)" "yes yes yes"
	assert_eq "$(try other http://web/)" yes
	# said at once, not by silence
	run pm exec kept timeout 3 wget -qO- http://10.123.0.10/
	assert_like "$output" "can't connect"
	assert_eq "$(try far http://10.124.0.9/) $(try near http://10.124.0.10/)" "yes no"
	run -0 pm exec kept ping -c 1 -W 5 10.123.0.9
	run pm exec kept ping -c 1 -W 1 10.123.0.10
	[ "$status" -ne 0 ] || fail "a neighbour is reached"
	pm rm -f -t 0 -a >/dev/null
}

@test "connect and disconnect while it runs; inspect, ps and their filter tell" {
	pm network create --subnet 10.123.0.0/24 a >/dev/null
	pm network create --subnet 10.124.0.0/24 b >/dev/null
	serve web --network a
	pm run -d --name other --network b "$IMAGE" sleep 300 >/dev/null
	pm network connect --alias www --ip 10.124.0.50 b web
	assert_like "$(pm exec web ip -4 -o addr show eth1)" "10\.124\.0\.50/24"
	assert_like "$(pm exec other wget -qO- http://www/)" "page of"
	assert_eq "$(pm inspect -f '{{(index .NetworkSettings.Networks "b").IPAddress}} {{(index .NetworkSettings.Networks "a").IPAddress}}' web)" \
		"10.124.0.50 10.123.0.2"
	assert_eq "$(pm ps --filter network=b --format '{{.Names}} {{.Networks}}' | sort | paste -sd';')" "other b;web a,b"
	run pm network connect b web
	assert_error 125 "already connected"
	# the files follow, and what the container wrote stays
	pm exec web sh -c 'echo 192.0.2.7 mine >>/etc/hosts'
	local id
	id=$(pm inspect -f '{{slice .Id 0 12}}' web)
	assert_eq "$(pm exec web grep "web$" /etc/hosts)" $'10.123.0.2\t'"$id web"$'\n10.124.0.50\t'"$id web"
	assert_eq "$(pm exec web sed -n 's/^nameserver //p' /etc/resolv.conf)" $'10.123.0.1\n10.124.0.1'
	assert_like "$(pm exec web cat /etc/resolv.conf)" "^search dns\.podman"
	assert_eq "$(pm network inspect b | jq -r ".[0].containers | to_entries[] | [.key[:12], .value.name,
		(.value.interfaces | to_entries[] | .key, .value.subnets[0].ipnet, .value.subnets[0].gateway)] | join(\" \")" |
		grep web)" "$id web eth1 10.124.0.50/24 10.124.0.1"
	# what it is called, not what it should be
	pm run -d --name renamer --network b:interface_name=lan --cap-add NET_ADMIN "$IMAGE" \
		sh -c 'ip link set lan down; ip link set lan name wan; ip link set wan up; sleep 300' >/dev/null
	named() { [ "$(pm network inspect b | jq -r '.[0].containers[] | select(.name == "renamer") | .interfaces | keys[]')" = "$1" ]; }
	wait_for named wan
	pm exec renamer ip link del wan
	wait_for named ""
	pm rm -f -t 0 renamer >/dev/null
	pm network disconnect b web
	assert_eq "$(pm exec web sed -n '/web$/p; /mine/p' /etc/hosts)" $'10.123.0.2\t'"$id web"$'\n192.0.2.7 mine'
	assert_eq "$(pm exec web sed -n 's/^nameserver //p' /etc/resolv.conf)" 10.123.0.1
	assert_eq "$(pm network inspect -f '{{len .Containers}}' b)" 1
	run pm exec web ip link show eth1
	[ "$status" -ne 0 ] || fail "the device is still there"
	assert_eq "$(pm ps --filter network=b --format '{{.Names}}')" other
	run pm network disconnect b web
	assert_error 125 "is not connected to network b"
	pm network disconnect -f b web
	# a container that does not run is connected at its next start
	pm stop -t 0 other >/dev/null
	pm network connect a other
	pm start other >/dev/null
	assert_like "$(pm exec other wget -qO- http://web/)" "page of"
	run pm network connect a "$(pm run -d --network none "$IMAGE" sleep 300)"
	assert_error 125 "invalid network mode"
	pm rm -f -t 0 -a >/dev/null
}

@test "the name server: clients that connect and say little do not keep others out" {
	pm network create --subnet 10.123.0.0/24 n >/dev/null
	local i
	for i in 1 2; do
		pm run -d --name "slow$i" --network n "${PERL[@]}" "$IMAGE" /usr/bin/perl -MIO::Socket::INET -e '
			$| = 1;
			my @held;
			for (1 .. 400) {
				my $s = IO::Socket::INET->new(PeerAddr => "10.123.0.1", PeerPort => 53, Timeout => 5) or last;
				syswrite($s, "\0");
				push @held, $s;
			}
			print "held\n";
			sleep 300' >/dev/null
	done
	held() { [ "$(pm logs slow1) $(pm logs slow2)" = "held held" ]; }
	wait_for held
	run -0 pm run --rm --name asker --network n "${PERL[@]}" "$IMAGE" /usr/bin/perl -MIO::Socket::INET -e '
		alarm 5;
		my $s = IO::Socket::INET->new(PeerAddr => "10.123.0.1", PeerPort => 53) or die "$!";
		my $q = pack("n6", 7, 0x100, 1, 0, 0, 0) . pack("C/a C n2", "asker", 0, 1, 1);
		syswrite($s, pack("n/a", $q));
		my $all = "";
		while (length $all < 2 || length $all < 2 + unpack("n", $all)) { sysread($s, $all, 600, length $all) or die }
		print join ".", unpack("C4", substr($all, -4))'
	assert_like "$output" "10\.123\.0\.[0-9]+"
	run -0 pm exec slow1 nslookup -type=a slow2
	assert_like "$output" "Address: 10\.123\.0\."
	pm rm -f -t 0 -a >/dev/null
}

@test "netlink: root of a container cannot send to pm-netd's socket in its namespace" {
	pm network create --subnet 10.123.0.0/24 n >/dev/null
	pm network create --subnet 10.124.0.0/24 m >/dev/null
	pm run -d --name bad "${PERL[@]}" --cap-add NET_ADMIN --network n "$IMAGE" sleep 300 >/dev/null
	# error messages to every port but its own: forged answers to the first request of a batch
	run -0 pm exec bad /usr/bin/perl -e '
		use Socket;
		socket(my $s, 16, SOCK_RAW, 0) or die;
		bind($s, pack("SSLL", 16, 0, 0, 0)) or die;
		my $own = (unpack("SSLL", getsockname($s)))[2];
		open(my $f, "<", "/proc/net/netlink") or die;
		for (<$f>) {
			my (undef, $proto, $port) = split;
			next if $proto ne "0" || !$port || $port == $own;
			my $sent = send($s, pack("LSSLLl", 36, 2, 0, 1, 0, -1) . "\0" x 16, 0, pack("SSLL", 16, 0, $port, 0));
			print $sent ? "taken\n" : "refused: $!\n";
		}'
	assert_like "$output" "refused: Connection refused"
	[[ $output != *taken* ]] || fail "a message was taken"
	pm network connect m bad
	assert_like "$(pm exec bad ip -4 -o addr show eth1)" "10\.124\.0\.2/24"
	pm rm -f -t 0 bad >/dev/null
}

@test "limits of open files: the shell's does not bind pm-netd; at the end of it a start is one clear error" {
	pm network create --subnet 10.123.0.0/24 n >/dev/null
	local i
	(ulimit -Sn 48 && pm run -d --name first --network n "$IMAGE" sleep 300 >/dev/null)
	for i in {1..16}; do pm run -d --network n "$IMAGE" sleep 300 >/dev/null; done
	assert_eq "$(pm ps -q | grep -c .)" 17
	pm rm -f -t 0 -a >/dev/null
	wait_for no_netd
	(ulimit -n 48 && pm run -d --name first --network n "$IMAGE" sleep 300 >/dev/null)
	for i in {1..16}; do
		run pm run -d --network n "$IMAGE" sleep 300
		[ "$status" = 0 ] || break
	done
	assert_error 125 "(limit of open files|Too many open files)"
	# those that run do, and one goes for another
	assert_like "$(pm run --rm --network none "$IMAGE" echo fine)" fine
	pm rm -f -t 0 first >/dev/null
	retry() { pm run --rm --network n "$IMAGE" true 2>/dev/null; }
	wait_for retry
	pm rm -f -t 0 -a >/dev/null
	wait_for no_netd
}

@test "reload: after a killed pm-netd, with the same address, names and ports" {
	local port
	port=$(free_port)
	pm network create --subnet 10.123.0.0/24 n >/dev/null
	pm run -d --name first --network n "$IMAGE" sleep 300 >/dev/null
	serve web --network n -p "127.0.0.1:$port:80"
	answer "http://127.0.0.1:$port/" >/dev/null
	assert_eq "$(pm network reload web)" "$(pm inspect -f '{{.Id}}' web)"
	kill -9 "$(netd)"
	wait_for no_netd
	run -0 pm network reload --all
	assert_eq "${#lines[@]}" 2
	assert_like "$(pm exec web ip -4 -o addr show eth0)" "10\.123\.0\.3/24"
	assert_like "$(answer "http://127.0.0.1:$port/")" "page of"
	assert_like "$(pm exec first wget -qO- http://web/)" "page of"
	pm rm -f -t 0 -a >/dev/null
	wait_for no_netd
	run pm network reload nosuch
	assert_error 125 "no such container"
}

@test "a pod's inspection tells the addresses that were asked for" {
	pm network create --subnet 10.124.7.0/24 podnet
	pm pod create --name fixed --network podnet --ip 10.124.7.9 --mac-address 02:00:00:00:00:0b
	run -0 pm pod inspect -f '{{.InfraConfig.StaticIP}} {{.InfraConfig.StaticMAC}}' fixed
	assert_eq "$output" "10.124.7.9 02:00:00:00:00:0b"
	pm pod create --name loose --network podnet
	run -0 pm pod inspect -f '<{{.InfraConfig.StaticIP}}{{.InfraConfig.StaticMAC}}>' loose
	assert_eq "$output" "<>"
	pm pod rm -f fixed loose
	pm network rm podnet
}

@test "unshare --rootless-netns: in the bridges' namespace, where containers are reached by address" {
	pm network create --subnet 10.123.0.0/24 n >/dev/null
	pm run -d --name web --network n "$IMAGE" httpd -f -p 80 -h /bin >/dev/null
	ip=$(pm inspect -f '{{.NetworkSettings.Networks.n.IPAddress}}' web)
	gets() { pm unshare --rootless-netns curl -sf --max-time 5 -o /dev/null "http://$ip/cat"; }
	wait_for gets
	assert_like "$(pm unshare --rootless-netns cat /proc/net/dev)" 'podman|pm|veth'
	run -7 pm unshare --rootless-netns sh -c 'exit 7'
	pm rm -f -t 0 web >/dev/null
	wait_for no_netd
	# with nothing there it is made, and stays as long as the command
	assert_like "$(pm unshare --rootless-netns cat /proc/net/dev)" ' lo:'
	[ "$(pm unshare --rootless-netns readlink /proc/self/ns/net)" != "$(readlink /proc/self/ns/net)" ]
	wait_for no_netd
}
