#!/usr/bin/env bats
# run-bats: root
# Networks as root on a kernel with modules: ipvlan, which the kernel of the other tests lacks; a host whose bridges' frames
# pass iptables (br_netfilter), as with Docker beside pm.

load ../bats/helpers

test_setup() {
	[ "$(id -u)" = 0 ] || skip_or_fail "needs root" || return
	load_busybox
}

test_teardown() {
	pm rm -f -t 0 -a >/dev/null
	ip link del cable 2>/dev/null || true
	wait_for nothing_left || { ip -o link >&2; return 1; }
}

nothing_left() {
	! ip -o link | grep -v 'lo:' | grep -q . && [ -z "$(ip rule | grep fwmark)" ]
}

wire() { # a cable, whose other end is the host's
	ip link add wire type veth peer name cable
	ip link set wire up
	ip link set cable up
	ip addr add 10.77.0.1/24 dev cable
}

@test "ipvlan: devices on the parent, with its MAC address, reached from the wire; modes" {
	wire
	pm network create -d ipvlan -o parent=wire --subnet 10.77.0.0/24 iv >/dev/null
	pm run -d --name web --network iv:ip=10.77.0.9,interface_name=lan "$IMAGE" httpd -f -p 80 >/dev/null
	assert_like "$(pm exec web ip -4 -o addr show lan)" "inet 10\.77\.0\.9/24"
	assert_eq "$(pm exec web cat /sys/class/net/lan/address)" "$(cat /sys/class/net/wire/address)"
	reached() { [ "$(curl -s -o /dev/null -w '%{http_code}' --max-time 2 http://10.77.0.9/)" = 404 ]; }
	wait_for reached
	# one network, one mode: the kernel has it per parent
	run -0 pm run --rm --network iv "$IMAGE" ip -4 -o addr
	assert_like "$output" "inet 10\.77\.0\.2/24"
	pm rm -f -t 0 web >/dev/null
	pm network create -d ipvlan -o parent=wire -o mode=l3 --subnet 10.78.0.0/24 l3 >/dev/null
	pm run -d --name web --network l3:ip=10.78.0.9 "$IMAGE" httpd -f -p 80 >/dev/null
	assert_like "$(pm exec web ip -4 -o addr show eth0)" "inet 10\.78\.0\.9/24"
}

@test "a bridge where br_netfilter is loaded: containers see each other and the world behind the host" {
	modprobe br_netfilter
	wire
	mkdir "$T/www"
	echo outside >"$T/www/index.html"
	busybox httpd -f -p 10.77.0.1:80 -h "$T/www" 3>&- &
	local server=$!
	pm network create --subnet 10.99.0.0/24 n >/dev/null
	pm run -d --name web --network n "$IMAGE" httpd -f -p 80 >/dev/null
	seen() { pm run --rm --network n "$IMAGE" wget -qO- http://web/ 2>&1 | grep -q 404; }
	wait_for seen
	assert_eq "$(pm run --rm --network n "$IMAGE" wget -qO- http://10.77.0.1/)" outside
	kill "$server"
	pm rm -f -t 0 web >/dev/null
}
