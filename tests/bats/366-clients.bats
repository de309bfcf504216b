#!/usr/bin/env bats
# run-bats: root
# The client's address as the container sees it, with a client on another host: two network namespaces, one of which
# pm runs in. {slirp, pasta, bridge, root's bridge} x {tcp, udp} x {IPv4, IPv6}.

load helpers
load network

CLIENT4=198.51.100.2 CLIENT6=2001:db8:51::2
SERVER4=198.51.100.1 SERVER6=2001:db8:51::1

test_setup() {
	[ "$(id -u)" = 0 ] && [ -n "${PM_TEST_AS-}" ] || skip_or_fail "needs root" || return
	chmod 711 "$T"
	mkdir "$T/user"
	chown "${PM_TEST_AS##* }" "$T/user"
	hosts
}

test_teardown() {
	local bad=0
	if [ -e "$T/user/root/pm.db" ]; then
		upm system reset -f || bad=1
	fi
	if [ -e "$T/root/pm.db" ]; then
		on "$SERVER" "$PM_BIN" --root "$T/root" --runroot "$T/run" system reset -f || bad=1
	fi
	if [ -n "${SERVER-}" ]; then
		links_left && bad=1
		kill "$SERVER" "$CLIENT"
		wait "$SERVER" "$CLIENT" || true
	fi
	return $bad
}

# Two hosts with a cable; the server's default route is the client.
hosts() {
	unshare -n sleep 3600 3>&- &
	SERVER=$!
	unshare -n sleep 3600 3>&- &
	CLIENT=$!
	apart() { [ "$(readlink "/proc/$1/ns/net")" != "$(readlink /proc/self/ns/net)" ]; }
	wait_for apart "$SERVER"
	wait_for apart "$CLIENT"
	on "$SERVER" ip link add eth0 type veth peer name eth0 netns "/proc/$CLIENT/ns/net"
	local host
	for host in "$SERVER $SERVER4 $SERVER6" "$CLIENT $CLIENT4 $CLIENT6"; do
		# shellcheck disable=SC2086
		set -- $host
		on "$1" ip link set lo up
		on "$1" ip addr add "$2/24" dev eth0
		on "$1" ip addr add "$3/64" dev eth0 nodad
		on "$1" ip link set eth0 up
	done
	on "$SERVER" ip route add default via "$CLIENT4"
	on "$SERVER" ip route add default via "$CLIENT6"
}

on() { # HOST COMMAND...
	local pid=$1
	shift
	timeout --foreground -k 5 60 nsenter -t "$pid" -n "$@"
}

upm() {
	# shellcheck disable=SC2086 # a command and the user
	on "$SERVER" $PM_TEST_AS env HOME="$T/user" "$PM_BIN" --root "$T/user/root" --runroot "$T/user/run" "$@"
}

rpm() {
	on "$SERVER" "$PM_BIN" --root "$T/root" --runroot "$T/run" "$@"
}

links_left() { # those of the server, or its rules, that were not there at first
	local left
	left=$(on "$SERVER" ip -o link | grep -v ': \(lo\|eth0\)[@:]')$(on "$SERVER" ip rule | grep fwmark)
	[ -z "$left" ] || echo "left on the host: $left" >&2
	[ -n "$left" ]
}

# PM NAME OPTION...: a container that tells its clients by TCP and UDP, port 81, who they are
tell() {
	local pm=$1 name=$2
	shift 2
	"$pm" import -q --change 'CMD ["sh"]' "$PM_TEST_FIXTURES/busybox.tar" "$IMAGE" >/dev/null 2>&1
	"$pm" run -d --name "$name" "${PERL[@]}" "$@" "$IMAGE" /usr/bin/perl -MSocket=:all -MIO::Select -e '
		my %tcp;
		my $ready = IO::Select->new;
		for my $family (AF_INET, AF_INET6) {
			my $any = $family == AF_INET ? pack_sockaddr_in(81, INADDR_ANY) : pack_sockaddr_in6(81, IN6ADDR_ANY);
			for my $type (SOCK_STREAM, SOCK_DGRAM) {
				my $s;
				socket($s, $family, $type, 0) or die;
				setsockopt($s, IPPROTO_IPV6, IPV6_V6ONLY, 1) if $family == AF_INET6;
				bind($s, $any) or die;
				if ($type == SOCK_STREAM) { listen($s, 5); $tcp{$s} = 1 }
				$ready->add($s);
			}
		}
		for (;;) {
			for my $s ($ready->can_read) {
				my ($c, $from) = ($s);
				if ($tcp{$s}) { $from = accept($c = undef, $s) } else { $from = recv($s, my $said, 1500, 0) }
				my (undef, $a) = getnameinfo($from, NI_NUMERICHOST | NI_NUMERICSERV, NIx_NOSERV);
				if ($tcp{$s}) { sysread($c, my $said, 1500); syswrite($c, "$a\n"); close($c) } else { send($s, "$a\n", 0, $from) }
			}
		}' >/dev/null
}

# What the container says to the client: PROTO ADDRESS PORT
asked() {
	on "$CLIENT" timeout 2 bash -c "exec 5<>/dev/$1/$2/$3 && echo hello >&5 && dd bs=1500 count=1 <&5 2>/dev/null" 2>/dev/null
}

answers() {
	[ -n "$(asked "$@")" ]
}

# PM OPTION...: each combination
all_are_told() {
	local pm=$1
	shift
	tell "$pm" teller -p 8081:81 -p 8081:81/udp "$@"
	local proto
	for proto in tcp udp; do
		wait_for answers $proto "$SERVER4" 8081
		assert_eq "$(asked $proto "$SERVER4" 8081)" "$CLIENT4"
		wait_for answers $proto "$SERVER6" 8081
		assert_eq "$(asked $proto "$SERVER6" 8081)" "$CLIENT6"
	done
	"$pm" rm -f -t 0 teller >/dev/null
	run on "$SERVER" ss -Hltun "sport = :8081"
	assert_eq "$output" ""
	wait_for nothing_left
}

nothing_left() {
	! links_left 2>/dev/null
}

@test "slirp: the client's address" {
	all_are_told upm
}

@test "pasta: the client's address" {
	all_are_told upm --network pasta
	# where the host has one address, pasta's container has it
	tell upm teller --network pasta
	assert_like "$(upm exec teller cat /etc/hosts)" "$SERVER4"
	upm rm -f -t 0 teller
}

@test "bridge: the client's address" {
	upm network create --subnet 10.123.0.0/24 --subnet fd12:3::/64 n >/dev/null
	all_are_told upm --network n
}

@test "root's bridge: the client's address; nothing stays on the host" {
	rpm network create --subnet 10.123.0.0/24 --subnet fd12:3::/64 n >/dev/null
	all_are_told rpm --network n
}
