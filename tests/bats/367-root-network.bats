#!/usr/bin/env bats
# run-bats: root
# Networks as root: the default bridge, macvlan, what is left on the host. In a network namespace of its own.

load helpers
load network

test_setup() {
	[ "$(id -u)" = 0 ] && [ -n "${PM_TEST_AS-}" ] || skip_or_fail "needs root" || return
	load_busybox
}

test_teardown() {
	local pid
	for pid in ${SERVERS-}; do kill "$pid"; done
	umount /etc/resolv.conf 2>/dev/null || true
	pm rm -f -t 0 -a >/dev/null
	pm run --rm "$IMAGE" true # sweeps what a failed test may have left
	ip link del cable 2>/dev/null || true
	wait_for nothing_left || { left >&2; return 1; }
}

# Devices, rules of routing and of nftables that were not there at first.
left() {
	ip -o link | grep -v ': lo:'
	ip rule | grep fwmark
	ip route show table all | grep -v 'table local'
	nft list tables
}

nothing_left() {
	[ -z "$(left)" ]
}

netd() {
	local p
	for p in $(pgrep -x pm-netd); do
		[ "$(readlink "/proc/$p/fd/5" 2>/dev/null)" = "$T/run" ] && echo "$p"
	done
}

@test "the default network is the bridge podman; nothing stays on the host" {
	pm run -d --name web "$IMAGE" sleep 300 >/dev/null
	assert_eq "$(pm inspect -f '{{.HostConfig.NetworkMode}}' web)" bridge
	assert_eq "$(pm inspect -f '{{(index .NetworkSettings.Networks "podman").IPAddress}}' web)" 10.88.0.2
	assert_like "$(ip -4 -o addr show podman0)" "inet 10\.88\.0\.1/16"
	assert_like "$(pm run --rm --network private "$IMAGE" ip -4 -o addr show eth0)" "inet 10\.88\.0\.3/16"
	pm pod create --name pods >/dev/null
	assert_like "$(pm run --rm --pod pods "$IMAGE" ip -4 -o addr show eth0)" "inet 10\.88\."
	pm pod rm -f -t 0 pods >/dev/null
	pm rm -f -t 0 web >/dev/null
	wait_for nothing_left
	run pm run --rm --network pasta "$IMAGE" true
	assert_error 125 "only supported for rootless mode"
	run -0 pm run --rm --network slirp4netns "$IMAGE" ls /sys/class/net
	assert_like "$output" tap0
}

@test "spoofing: a container cannot speak as another one" {
	pm network create --subnet 10.99.0.0/24 --subnet fd12:9::/64 n >/dev/null
	assert_eq "$(spoof n)" ""
}

@test "two run roots at once do not undo each other's" {
	local port
	port=$(free_port)
	serve web -p "127.0.0.1:$port:80"
	assert_like "$(answer "http://127.0.0.1:$port/")" "page of"
	pm --runroot "$T/other" --root "$T/store" import -q --change 'CMD ["sh"]' "$PM_TEST_FIXTURES/busybox.tar" "$IMAGE" >/dev/null
	mkdir -p "$T/store/networks"
	pm --runroot "$T/other" --root "$T/store" network create --subnet 10.99.0.0/24 --interface-name other0 other >/dev/null
	pm --runroot "$T/other" --root "$T/store" run --rm --network other "$IMAGE" true
	other_gone() { ! ip link show other0 2>/dev/null; }
	wait_for other_gone
	assert_like "$(get "http://10.88.0.1:$port/" || get "http://127.0.0.1:$port/")" "page of"
	wait_for eval '[ "$(ip rule | grep -c fwmark)" = 1 ]'
	pm --runroot "$T/other" --root "$T/store" system reset -f
}

@test "kill -9 of pm-netd: the next one takes over what is on the host; reload" {
	local port
	port=$(free_port)
	serve web -p "127.0.0.1:$port:80"
	answer "http://127.0.0.1:$port/" >/dev/null
	# shellcheck disable=SC2046
	kill -9 $(netd)
	no_netd() { [ -z "$(netd)" ]; }
	wait_for no_netd
	# what is not taken over is taken away by the next one
	pm network create --subnet 10.99.0.0/24 other >/dev/null
	pm run -d --name quiet --network other "$IMAGE" sleep 300 >/dev/null
	pm network reload web >/dev/null
	assert_like "$(answer "http://127.0.0.1:$port/")" "page of"
	assert_eq "$(ip rule | grep -c fwmark)" 1
	# shellcheck disable=SC2046
	kill -9 $(netd)
	wait_for no_netd
	pm rm -f -t 0 web quiet >/dev/null
	assert_like "$(ip -o link)" podman0
	pm run --rm --network other "$IMAGE" true
	wait_for nothing_left
}

@test "macvlan: a device on the parent, reached from the wire; what cannot be is said" {
	ip link add wire type veth peer name cable
	ip link set wire up
	ip link set cable up
	ip addr add 10.77.0.1/24 dev cable
	run pm network create -d macvlan -o parent=wire mv
	assert_error 125 "DHCP is not supported"
	pm network create -d macvlan -o parent=wire -o mode=bridge --subnet 10.77.0.0/24 mv >/dev/null
	pm network create -d macvlan -o parent=nosuch0 --subnet 10.76.0.0/24 lost >/dev/null
	run pm run --rm --network lost "$IMAGE" true
	assert_error 125 "network lost: its parent device.*nosuch0"
	pm run -d --name web --network mv:ip=10.77.0.9,interface_name=lan "$IMAGE" httpd -f -p 80 >/dev/null
	assert_like "$(pm exec web ip -4 -o addr show lan)" "inet 10\.77\.0\.9/24"
	assert_like "$(pm exec web ip route)" "default via 10\.77\.0\.1 dev lan"
	reached() { [ "$(curl -s -o /dev/null -w '%{http_code}' --max-time 2 http://10.77.0.9/)" = 404 ]; }
	wait_for reached
	run pm run --rm --network mv --egress none "$IMAGE" true
	assert_error 125 "egress rules need a bridge network"
	pm rm -f -t 0 web >/dev/null
}

@test "where questions go: the host's resolver, the network's, the container's own; changed while they run" {
	local i
	SERVERS=
	for i in 1 2 3; do
		dns_server "127.0.0.7$i" "192.0.2.$i"
		SERVERS+=" $SERVER"
	done
	echo 'nameserver 127.0.0.71' >"$T/resolv.conf"
	mount --bind "$T/resolv.conf" /etc/resolv.conf
	pm network create --subnet 10.99.0.0/24 n >/dev/null
	pm run -d --name web --network n "$IMAGE" sleep 300 >/dev/null
	pm run -d --name own --network n --dns 127.0.0.73 "$IMAGE" sleep 300 >/dev/null
	ask() { pm exec "$1" nslookup -type=a name.example 2>/dev/null | sed -n 's/^Address: //p' | tail -1; }
	says() { [ "$(ask "$1")" = "$2" ]; }
	wait_for says web 192.0.2.1
	wait_for says own 192.0.2.3
	# the network's name server is the only one that it knows, and knows the others
	assert_eq "$(pm exec own sed -n 's/^nameserver //p' /etc/resolv.conf)" 10.99.0.1
	assert_like "$(pm exec own nslookup -type=a web)" "Address: 10\.99\.0\.2"
	pm network update --dns-add 127.0.0.72 n >/dev/null
	wait_for says web 192.0.2.2
	wait_for says own 192.0.2.3
	assert_eq "$(pm network inspect -f '{{.NetworkDNSServers}}' n)" "[127.0.0.72]"
	pm network update --dns-drop 127.0.0.72 n >/dev/null
	wait_for says web 192.0.2.1
	run pm network update --dns-drop 127.0.0.72 n
	assert_error 125 "does not forward to 127.0.0.72"
}

@test "a flood of questions that no resolver answers: others on the network are answered" {
	SERVERS=
	perl -MIO::Socket::INET -e '
		my $s = IO::Socket::INET->new(Proto => "udp", LocalAddr => "127.0.0.71", LocalPort => 53) or die "$!";
		sleep 1000' 3>&- &
	SERVERS+=" $!"
	dns_server 127.0.0.73 192.0.2.3
	SERVERS+=" $SERVER"
	echo 'nameserver 127.0.0.71' >"$T/resolv.conf"
	mount --bind "$T/resolv.conf" /etc/resolv.conf
	pm network create --subnet 10.99.0.0/24 --subnet fd12:9::/64 n >/dev/null
	local i
	for i in 1 2 3 4 5; do
		pm run -d --network n "${PERL[@]}" "$IMAGE" /usr/bin/perl -MSocket=:all -e '
			my ($four, $six, $n);
			socket($four, PF_INET, SOCK_DGRAM, 0) && connect($four, pack_sockaddr_in(53, inet_aton("10.99.0.1"))) or die;
			socket($six, PF_INET6, SOCK_DGRAM, 0) && connect($six, pack_sockaddr_in6(53, inet_pton(AF_INET6, "fd12:9::1"))) or die;
			for (;;) {
				for (1 .. 50) {
					my $q = pack("n6", $n++ & 0xffff, 0x100, 1, 0, 0, 0) . pack("C/a C/a C n2", "q$n", "example", 0, 1, 1);
					send($_, $q, 0) for $four, $six;
				}
				select(undef, undef, undef, 0.2);
			}' >/dev/null
	done
	pm run -d --name own --network n --dns 127.0.0.73 "$IMAGE" sleep 300 >/dev/null
	# it waits 5 seconds before it asks again
	answered() { [ "$(pm exec own timeout 4 nslookup -type=a "$1.example" 2>/dev/null | sed -n 's/^Address: //p' | tail -1)" = 192.0.2.3 ]; }
	sleep 1 # all places are taken
	# a slow machine may drop a datagram; a name server whose places are all taken drops all of them
	for i in 1 2 3 4 5; do
		answered "name$i" || answered "name$i" || answered "name$i" || fail "question $i is lost"
	done
	knows_own() { [[ $(pm exec own timeout 4 nslookup -type=a own 2>/dev/null) == *"Address: 10.99.0"* ]]; }
	knows_own || knows_own || knows_own || fail "a name of the network is not answered"
	pm rm -f -t 0 -a >/dev/null
}

@test "egress by name, in user mode and on a bridge: opened by the answer that the container gets" {
	SERVERS=
	ip link add wire type veth peer name cable
	ip link set wire up
	ip link set cable up
	ip addr add 192.0.2.9/24 dev wire
	mkdir "$T/www"
	echo outside >"$T/www/index.html"
	busybox httpd -f -p 192.0.2.9:80 -h "$T/www" 3>&- &
	SERVERS+=" $!"
	dns_server 127.0.0.71 192.0.2.9
	SERVERS+=" $SERVER"
	echo 'nameserver 127.0.0.71' >"$T/resolv.conf"
	mount --bind "$T/resolv.conf" /etc/resolv.conf
	wait_for get -o /dev/null http://192.0.2.9/ 2>/dev/null
	try() { # URL OPTION...
		local url=$1
		shift
		pm run --rm "$@" "$IMAGE" timeout 5 wget -qO- "$url" 2>/dev/null || echo refused
	}
	local net results
	for net in slirp4netns podman; do
		[ "$net" = slirp4netns ] || pm network create --subnet 10.99.0.0/24 n >/dev/null
		[ "$net" = slirp4netns ] || net=n
		results="$(try http://name.example/ --network "$net" --egress name.example)"
		results+=" $(try http://name.example/ --network "$net" --egress '*.example:80')"
		results+=" $(try http://192.0.2.9/ --network "$net" --egress name.example)"
		results+=" $(try http://name.example/ --network "$net" --egress name.example:81)"
		results+=" $(try http://name.example/ --network "$net" --egress other.example)"
		assert_eq "$results" "outside outside refused refused refused"
	done
}
