#!/usr/bin/env bats
# run-bats: leaks
# The container's network: none, host, slirp; published ports; what happens when a part dies.

load helpers
load network

test_setup() {
	load_busybox
	PORT=$((20000 + RANDOM % 20000))
}

# The first line that HOST:PORT says to us, by tcp or udp.
ask() { # PROTO HOST PORT
	timeout 10 python3 - "$@" <<'PY'
import socket, sys
proto, host, port = sys.argv[1:]
family = socket.AF_INET6 if ":" in host else socket.AF_INET
s = socket.socket(family, socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM)
s.settimeout(1 if proto == "udp" else 8)
s.connect((host, int(port)))
for i in range(6):
    try:
        s.send(b"hello\n")
        print(s.recv(200).decode().splitlines()[0])
        break
    except TimeoutError:
        pass
PY
}

listens() {
	[ "$(ask "$@" 2>/dev/null)" != "" ]
}

slirp_of() { # the pm-slirp of this test's containers
	local pid
	for pid in $(pgrep -x pm-slirp -u "$(id -u)"); do
		[ "$(ps -o ppid= -p "$pid" | tr -d ' ')" = "${PM_TEST_REAPER-}" ] && echo "$pid"
	done
}

@test "network none: only the loopback, which is up" {
	run -0 pm run --rm --network none "$IMAGE" ip -o addr
	assert_like "$output" "lo .*127.0.0.1"
	[[ $output != *eth* && $output != *tap* ]] || fail "another device"
}

@test "network slirp: addresses, routes, name server, MTU" {
	run -0 pm run --rm "$IMAGE" sh -c 'ip -o addr; ip route; ip -6 route; cat /sys/class/net/tap0/mtu /etc/resolv.conf'
	assert_like "$output" "10\.0\.2\.100/24"
	assert_like "$output" "fd00::100/64"
	assert_like "$output" "default via 10\.0\.2\.2 dev tap0"
	assert_like "$output" "default via fd00::2 dev tap0"
	assert_like "$output" "65520"
	assert_like "$output" "nameserver 10\.0\.2\.3"
}

@test "network slirp: the host's loopback is reached only when allowed" {
	timeout 30 busybox nc -ll -p "$PORT" -e echo from the host >/dev/null 2>&1 3>&- &
	local server=$!
	wait_for listens tcp 127.0.0.1 "$PORT"
	run pm run --rm "$IMAGE" nc -w 5 10.0.2.2 "$PORT"
	local denied=$output
	run pm run --rm --network slirp4netns:allow_host_loopback=true "$IMAGE" nc -w 5 10.0.2.2 "$PORT"
	kill "$server"
	assert_like "$denied" "refused"
	assert_eq "$output" "from the host"
}

# UDP and other clients' addresses: tests/unit/test_slirp.c (busybox has no UDP server)
@test "publish: IPv4 and IPv6, from the host; gone with the container" {
	pm run -d --name web -p "$PORT:80" "$IMAGE" nc -ll -p 80 -e echo tcp >/dev/null
	wait_for listens tcp 127.0.0.1 "$PORT"
	assert_eq "$(ask tcp 127.0.0.1 "$PORT")" tcp
	assert_eq "$(ask tcp ::1 "$PORT")" tcp
	pm rm -f -t 0 web
	run ask tcp 127.0.0.1 "$PORT"
	assert_like "$output" "refused"
}

@test "publish: the server sees the gateway for a client on the host's loopback" {
	pm run --rm --name web -p "127.0.0.1:$PORT:80" "$IMAGE" httpd -f -vv -p 80 >"$T/log" 2>&1 3>&- &
	wait_for curl -s -o /dev/null --max-time 3 "http://127.0.0.1:$PORT/"
	wait_for grep -q '10\.0\.2\.2' "$T/log"
	pm rm -f -t 0 web
	wait
}

@test "publish: a port in use is one error that names it; nothing stays" {
	timeout 30 python3 -m http.server --bind 127.0.0.1 "$PORT" >/dev/null 2>&1 3>&- &
	local server=$!
	wait_for listens tcp 127.0.0.1 "$PORT"
	run pm run --name web -p "127.0.0.1:$PORT:80" "$IMAGE" true
	kill "$server"
	assert_error 125 ".*127\.0\.0\.1:$PORT.*[Aa]ddress already in use"
	assert_eq "${#lines[@]}" 1
}

@test "publish: bad arguments" {
	run pm run --rm -p 70000:80 "$IMAGE" true
	assert_error 125 ".*between 1 and 65535"
	run pm run --rm -p 8000-8001:80 "$IMAGE" true
	assert_error 125 ".*2 ports"
	run pm run --rm -p "$PORT:80" -p "$PORT:81" "$IMAGE" true
	assert_error 125 ".*same port of the host"
	run pm run --rm -p 80:80 "$IMAGE" true
	if [ "$(sysctl -n net.ipv4.ip_unprivileged_port_start)" -gt 80 ]; then
		assert_error 125 ".*80.*ip_unprivileged_port_start=80"
	fi
	run pm run --rm -p "$PORT:80/sctp" "$IMAGE" true
	assert_error 125 ".*not sctp"
}

@test "the network ends with the container" {
	[ -n "${PM_TEST_REAPER-}" ] || skip_or_fail "use tests/run-bats"
	pm run -d --name c -p "$PORT:80" "$IMAGE" sleep 100 >/dev/null
	[ -n "$(slirp_of)" ] || fail "no pm-slirp"
	pm kill c >/dev/null
	gone() { [ -z "$(slirp_of)" ]; }
	wait_for gone
}

@test "a killed pm-slirp: the container runs on, and can be removed" {
	[ -n "${PM_TEST_REAPER-}" ] || skip_or_fail "use tests/run-bats"
	pm run -d --name c "$IMAGE" sleep 100 >/dev/null
	kill -9 "$(slirp_of)"
	run -0 pm exec c echo alive
	assert_eq "$output" alive
	assert_eq "$(pm inspect --format '{{.State.Running}}' c)" true
	pm rm -f -t 0 c
	assert_eq "$(pm ps -aq)" ""
}

@test "egress: only what the rules name, whatever the container may do; published ports are answered" {
	local addr
	addr=$(host_address)
	[ -n "$addr" ] || skip_or_fail "the host has no address"
	mkdir "$T/www"
	echo outside >"$T/www/index.html"
	busybox httpd -f -p "$PORT" -h "$T/www" 3>&- &
	local server=$!
	wait_for get -o /dev/null "http://127.0.0.1:$PORT/" 2>/dev/null
	try() { # OPTION...: can the host's server be had?
		pm run --rm "$@" "$IMAGE" timeout 5 wget -qO- "http://$addr:$PORT/" 2>/dev/null || echo refused
	}
	local results
	results="$(try) $(try --egress none) $(try --egress "$addr") $(try --egress "$addr:$PORT") $(try --egress "$addr:1")"
	results+=" $(try --egress none --egress 0.0.0.0/0) $(try --egress example.org)"
	results+=" $(try --egress none --privileged --cap-add all)"
	kill "$server"
	wait "$server" || true
	assert_eq "$results" "outside refused outside outside refused outside refused refused"
	serve web --egress none -p "$PORT:80"
	assert_like "$(answer "http://127.0.0.1:$PORT/")" "page of"
	assert_like "$(get "http://$addr:$PORT/")" "page of"
	pm rm -f -t 0 web >/dev/null
	serve_udp u 81 --egress none -p "$PORT:81/udp"
	wait_for ask_udp 127.0.0.1 "$PORT"
	wait_for ask_udp "$addr" "$PORT"
	pm rm -f -t 0 u >/dev/null
	for net in none host pasta container:u; do
		run pm run --rm --network "$net" --egress none "$IMAGE" true
		assert_error 125 "--egress"
	done
	run pm run --rm --egress "a b" "$IMAGE" true
	assert_error 125 "no address, network or host name"
}
