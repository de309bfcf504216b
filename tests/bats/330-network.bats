#!/usr/bin/env bats
# Networks of a single container: published ports, the client's address, none, host, the host's loopback,
# a missing port. (DNS and a missing /dev/net/tun: 340-root, which can change the host's files.)

load helpers
load network

test_setup() {
	load_busybox
}

ctr_log() {
	cat "$T/root/containers/$(pm inspect -f '{{.Id}}' "$1")/ctr.log"
}

@test "-p: a request from the host is answered, and the log shows the client's address" {
	local port
	port=$(free_port)
	serve web -p "$port:80"
	assert_like "$(answer "http://127.0.0.1:$port/")" "page of"
	# the host's own loopback arrives as the gateway's; an address of the host as itself
	local addr
	addr=$(host_address)
	if [ -n "$addr" ]; then
		get "http://$addr:$port/from-outside" 2>/dev/null || true
		ctr_log web
		assert_like "$(ctr_log web)" "$addr\\]?:[0-9]+: response:404"
	fi
	assert_like "$(pm ps --format '{{.Ports}}')" "0.0.0.0:$port->80/tcp"
	pm rm -f -t 0 web
	run get "http://127.0.0.1:$port/"
	[ "$status" -ne 0 ] || fail "the port is still open"
}

@test "-p: on one address only; IPv6 loopback" {
	local port
	port=$(free_port)
	serve web -p "127.0.0.1:$port:80" -p "[::1]:$port:80"
	assert_like "$(answer "http://127.0.0.1:$port/")" "page of"
	assert_like "$(answer "http://[::1]:$port/")" "page of"
	run get "http://127.0.0.2:$port/"
	[ "$status" -ne 0 ] || fail "another address is open, too"
}

@test "-p: a lot of data, many connections at once, none lost" {
	local port
	port=$(free_port)
	serve web -p "127.0.0.1:$port:80"
	pm exec web dd if=/dev/urandom of=/www/big bs=1M count=64 2>/dev/null
	answer "http://127.0.0.1:$port/" >/dev/null
	assert_eq "$(curl -sS --max-time 30 "http://127.0.0.1:$port/big" | sha256sum | cut -d' ' -f1)" \
		"$(pm exec web sha256sum /www/big | cut -d' ' -f1)"
	many_at_once "http://127.0.0.1:$port"
	# nothing of it went over the tap
	assert_like "$(pm exec web cat /proc/net/dev)" "tap0: +[0-9]{1,5} "
}

@test "-p: a range of ports" {
	local port
	port=$(free_port)
	pm run -d --name two -p "127.0.0.1:$port-$((port + 1)):80-81" "$IMAGE" \
		sh -c 'mkdir /a /b; echo a >/a/index.html; echo b >/b/index.html; httpd -p 80 -h /a; exec httpd -f -p 81 -h /b'
	assert_eq "$(answer "http://127.0.0.1:$port/")" a
	assert_eq "$(answer "http://127.0.0.1:$((port + 1))/")" b
}

@test "-p: UDP, with an answer; the client's address" {
	local port addr
	port=$(free_port)
	serve_udp u 81 -p "$port:81/udp"
	wait_for ask_udp 127.0.0.1 "$port"
	assert_eq "$reply" "10.0.2.2 hello"
	addr=$(host_address)
	if [ -n "$addr" ]; then
		wait_for ask_udp "$addr" "$port"
		assert_eq "$reply" "$addr hello"
	fi
	pm rm -f -t 0 u
}

@test "-p: a port in use is one clear error, and nothing is left" {
	local port
	port=$(free_port)
	serve web -p "127.0.0.1:$port:80"
	run pm run --rm -p "127.0.0.1:$port:80" "$IMAGE" true
	assert_error 125 ".*127.0.0.1:$port.*[Aa]ddress already in use"
	assert_eq "${#lines[@]}" 1
	run pm run -d --name other -p "$port:80" "$IMAGE" true
	assert_eq "$status" 125
	assert_eq "$(pm ps --format '{{.Names}}')" web
	# without --rm it is there as created, and starts when the port is free
	pm rm -f -t 0 web
	pm rm -f other
	assert_eq "$(ls -A "$T/root/containers" "$T/run/ctr" | grep -c .)" 2
}

@test "-p: a privileged port, a bad port" {
	[ "$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)" -gt 81 ] || skip "all ports are free to users"
	run pm run --rm -p 81:80 "$IMAGE" true
	assert_error 125 ".*81.*ip_unprivileged_port_start"
	run pm run --rm -p 70000:80 "$IMAGE" true
	assert_error 125 ".*70000"
	assert_eq "$(pm ps -aq)" ""
}

@test "network: the default has an address, a route, a name server" {
	run pm run --rm "$IMAGE" sh -c 'ip -4 addr show tap0; ip route; cat /etc/resolv.conf; cat /sys/class/net/tap0/mtu'
	assert_eq "$status" 0
	assert_like "$output" "inet 10\.0\.2\.100/24"
	assert_like "$output" "default via 10\.0\.2\.2 dev tap0"
	assert_like "$output" "nameserver 10\.0\.2\.3"
	assert_like "$output" "65520"
}

@test "network: none has loopback alone, host the host's" {
	run pm run --rm --network none "$IMAGE" sh -c 'ls /sys/class/net; ip -4 -o addr show lo; ip route'
	assert_eq "$status" 0
	assert_eq "${lines[0]}" lo
	assert_like "${lines[1]}" "127\.0\.0\.1/8"
	assert_eq "${#lines[@]}" 2
	assert_eq "$(pm run --rm --network host "$IMAGE" readlink /proc/self/ns/net)" "$(readlink /proc/self/ns/net)"
	# a port is of no use there, and said so or ignored as Podman does: the run works
	run pm run --rm --network nosuchnet "$IMAGE" true
	assert_error 125 ".*nosuchnet"
}

@test "network: of another container" {
	pm run -d --name one "$IMAGE" sleep 100
	assert_eq "$(pm run --rm --network container:one "$IMAGE" readlink /proc/self/ns/net)" \
		"$(pm exec one readlink /proc/self/ns/net)"
}

@test "network: the host's loopback is out of reach unless allowed" {
	local port
	port=$(free_port)
	mkdir "$T/www"
	echo secret >"$T/www/index.html"
	busybox httpd -f -p "127.0.0.1:$port" -h "$T/www" 3>&- &
	local server=$!
	wait_for get -o /dev/null "http://127.0.0.1:$port/" 2>/dev/null
	ask='printf "GET / HTTP/1.0\r\n\r\n" | timeout 3 nc 10.0.2.2 '$port' | tail -1'
	local denied allowed
	denied=$(pm run --rm "$IMAGE" sh -c "$ask" 2>/dev/null) || true
	allowed=$(pm run --rm --network slirp4netns:allow_host_loopback=true "$IMAGE" sh -c "$ask") || true
	kill "$server"
	wait "$server" || true
	assert_eq "$denied" ""
	assert_eq "$allowed" secret
}

@test "--publish where there is nothing to publish to: a warning, and no ports" {
	for net in none host; do
		run -0 pm create --name "$net" -p 8080:80 --network "$net" "$IMAGE" true
		assert_like "$output" "Port mappings have been discarded"
		run -0 pm port "$net"
		assert_eq "$output" ""
	done
	run -125 pm create -p 99999:80 --network none "$IMAGE" true
	run -125 pm create --no-hosts --add-host a:1.1.1.1 "$IMAGE" true
	assert_error 125 "--no-hosts and --add-host cannot be set together"
}

@test "--hosts-file: the base of /etc/hosts; --no-hostname: the image's file" {
	printf '192.0.2.7 from-the-file\n' >"$T/hosts"
	run -0 pm run --rm --network none --hosts-file "$T/hosts" --add-host up:192.0.2.8 "$IMAGE" cat /etc/hosts
	assert_like "$output" '192.0.2.7.from-the-file'
	assert_like "$output" '192.0.2.8.up'
	run -0 pm run --rm --network none --hosts-file none "$IMAGE" cat /etc/hosts
	assert_like "$output" $'^127.0.0.1\tlocalhost'
	pm run --name maker --network none --no-hosts --no-hostname "$IMAGE" sh -c 'mkdir -p /etc; echo 192.0.2.9 of-the-image >/etc/hosts; echo of-the-image >/etc/hostname'
	pm commit -q maker localhost/own >/dev/null
	pm rm maker
	run -0 pm run --rm --network none --hosts-file image --no-hostname localhost/own cat /etc/hosts /etc/hostname
	assert_like "$output" '192.0.2.9.of-the-image'
	assert_like "$output" $'\nof-the-image$'
	run -0 pm run --rm --network none localhost/own cat /etc/hosts /etc/hostname
	[[ $output != *of-the-image* ]]
	pm pod create --name group --network none --hosts-file "$T/hosts" --no-hostname >/dev/null
	run -0 pm run --rm --pod group localhost/own cat /etc/hosts /etc/hostname
	assert_like "$output" '192.0.2.7.from-the-file'
	assert_like "$output" $'\nof-the-image$'
	pm pod rm -f -t 0 group >/dev/null
	run -125 pm create --hosts-file x "$IMAGE"
	assert_error 125 'must be an absolute path, none or image'
	run -125 pm create --hosts-file none --no-hosts "$IMAGE"
	assert_error 125 'cannot be set together'
}
