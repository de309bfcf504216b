# network - what the bats files about networks share: servers in containers, clients on the host, the processes of
# networks. Loaded after helpers.

free_port() { # a port nobody uses now, outside of the ephemeral range
	local p
	while :; do
		p=$((10000 + RANDOM % 20000))
		ss -Hltun "sport = :$p" | grep -q . || { echo "$p"; return; }
	done
}

get() { # CURL-ARGUMENT...
	curl -sS --fail --max-time 5 "$@"
}

answer() { # URL: waits until it answers, then prints what it says
	wait_for get -o /dev/null "$1" 2>/dev/null
	get "$1"
}

serve() { # NAME OPTION...: a web server in a container, logging
	local name=$1
	shift
	pm run -d --name "$name" "$@" "$IMAGE" \
		sh -c 'mkdir /www; echo "page of $HOSTNAME" >/www/index.html; exec httpd -f -v -p 80 -h /www' >/dev/null
}

# busybox has no UDP server; perl is on every Debian
PERL=(-v /usr:/usr:ro -v /lib:/lib:ro -v /lib64:/lib64:ro)

serve_udp() { # NAME PORT OPTION...: answers, by IPv4 and IPv6, with the client's address and what it said
	local name=$1 port=$2
	shift 2
	pm run -d --name "$name" "${PERL[@]}" "$@" "$IMAGE" /usr/bin/perl -MSocket=:all -MIO::Select -e '
		my $v4; socket($v4, PF_INET, SOCK_DGRAM, 0) && bind($v4, pack_sockaddr_in($ARGV[0], INADDR_ANY)) or die;
		my @all = ($v4);
		my $v6;
		push @all, $v6 if socket($v6, PF_INET6, SOCK_DGRAM, 0) && setsockopt($v6, IPPROTO_IPV6, IPV6_V6ONLY, 1) &&
			bind($v6, pack_sockaddr_in6($ARGV[0], IN6ADDR_ANY));
		my $ready = IO::Select->new(@all);
		for (;;) {
			for my $s ($ready->can_read) {
				my $from = recv($s, my $said, 1500, 0) or next;
				my (undef, $a) = getnameinfo($from, NI_NUMERICHOST | NI_NUMERICSERV, NIx_NOSERV);
				send($s, "$a $said", 0, $from);
			}
		}' "$port" >/dev/null
}

# The answer of HOST's UDP port to "hello", in $reply.
ask_udp() { # HOST PORT
	exec 5<>"/dev/udp/$1/$2" || return 1
	echo "hello" >&5
	reply=$(timeout 1 dd bs=1500 count=1 <&5 2>/dev/null) || true
	exec 5>&-
	[ -n "$reply" ]
}

# A name server at port 53 that answers ANSWER to each question for an address; sets SERVER, its pid.
dns_server() { # ADDRESS ANSWER
	perl -MIO::Socket::INET -e '
		my ($at, $answer) = @ARGV;
		my $s = IO::Socket::INET->new(Proto => "udp", LocalAddr => $at, LocalPort => 53) or die "$!";
		while (defined $s->recv(my $q, 1500)) {
			my $end = index($q, "\0", 12) + 5;
			my $a = unpack("n", substr($q, $end - 4, 2)) == 1;
			$s->send(substr($q, 0, 2) . pack("n5", 0x8180, 1, $a ? 1 : 0, 0, 0) . substr($q, 12, $end - 12) .
				($a ? pack("n3Nn", 0xc00c, 1, 1, 60, 4) . pack("C4", split /\./, $answer) : ""));
		}' "$1" "$2" 3>&- &
	# shellcheck disable=SC2034 # for the files that load this
	SERVER=$!
}

host_address() { # the host's own, if any
	ip -4 -o addr show scope global | awk '{ sub("/.*", "", $4); print $4; exit }'
}

# Processes of this test by their name: those that orphans of this file end up at, and theirs.
processes() { # NAME
	local pid
	for pid in $(pgrep -x "$1"); do # some are a subordinate id's
		! below "$pid" "$PM_TEST_REAPER" || echo "$pid"
	done
}

below() { # PID ANCESTOR
	local pid=$1
	while [ -n "$pid" ] && [ "$pid" -gt 1 ]; do
		[ "$pid" != "$2" ] || return 0
		pid=$(awk '$1 == "PPid:" { print $2 }' "/proc/$pid/status" 2>/dev/null)
	done
	return 1
}

none_runs() { # NAME...
	local name
	for name in "$@"; do
		[ -z "$(processes "$name")" ] || return 1
	done
}

many_at_once() { # URL: none of 300 connections to a `serve` is lost
	curl -sS --fail --max-time 30 -Z --parallel-max 32 "$1/?[1-300]" >"$T/pages" 2>"$T/lost" ||
		fail "$(sort "$T/lost" | uniq -c)"
	assert_eq "$(grep -c '^page of' "$T/pages")" 300
}

# Containers victim, peer and spoofer on NETWORK; the spoofer tries what it can for two seconds, as the victim and with its
# own addresses. Prints what came of it: nothing is as it should be.
spoof() { # NETWORK
	local net=$1 mac4 ip4 ip6 pip4 pip6 pmac end=$((SECONDS + 3))
	serve victim --network "$net"
	pm run -d --name peer "${PERL[@]}" --network "$net" "$IMAGE" /usr/bin/perl -MSocket=:all -e '
		my ($s, $got);
		socket($s, PF_INET6, SOCK_DGRAM, 0) && bind($s, pack_sockaddr_in6(99, IN6ADDR_ANY)) or die;
		open($got, ">>", "/got"); $got->autoflush(1);
		while (recv($s, my $said, 1500, 0)) { print $got $said }' >/dev/null
	pm run -d --name spoofer "${PERL[@]}" --cap-add NET_RAW,NET_ADMIN --network "$net" \
		-v "$BATS_TEST_DIRNAME/../tools/spoof:/spoof:ro" "$IMAGE" sleep 300 >/dev/null
	address() { # NAME FAMILY
		pm exec "$1" ip "-$2" -o addr show eth0 scope global | awk '{ sub("/.*", "", $4); print $4 }'
	}
	mac4=$(pm exec victim cat /sys/class/net/eth0/address)
	pmac=$(pm exec peer cat /sys/class/net/eth0/address)
	ip4=$(address victim 4) ip6=$(address victim 6) pip4=$(address peer 4) pip6=$(address peer 6)
	reach() { # the peer asks the victim, by both families, which the neighbours' table is filled by
		local a
		for a in "$ip4" "[$ip6]"; do
			pm exec peer timeout 2 wget -qO- "http://$a/" 2>&1 | grep -q "^page of" || return 1
		done
	}
	wait_for reach
	while [ "$SECONDS" -lt "$end" ]; do
		pm exec spoofer /usr/bin/perl /spoof eth0 "$ip4" "$ip6" "$mac4" "$pip4" "$pip6" "$pmac" ||
			echo "no attack"
	done
	pm exec peer cat /got 2>/dev/null | sort -u
	for a in "$ip4" "$ip6"; do
		pm exec peer ip neigh | grep -F "$a dev" | grep -qF "$mac4" || echo "neighbour: not $a"
	done
	pm exec peer ip -6 route | grep -q '^default via fe80' && echo "default route"
	# as the victim: its MAC address and addresses are the spoofer's
	pm exec spoofer sh -c "ip link set eth0 down && ip link set eth0 address $mac4 && ip addr flush dev eth0 &&
		ip link set eth0 up && ip addr add $ip4/24 dev eth0 && ip -6 addr add $ip6/64 dev eth0 &&
		mkdir /www && echo spoofed >/www/index.html && httpd -p 80 -h /www"
	end=$((SECONDS + 2))
	while [ "$SECONDS" -lt "$end" ]; do
		pm exec spoofer arping -c 1 -U -I eth0 "$ip4" >/dev/null
		pm exec spoofer timeout 1 wget -qO- "http://$pip4/" 2>&1 | grep -q refused && echo "answer as the victim"
		reach || echo "the victim is not reached"
	done | sort -u
	pm rm -f -t 0 victim peer spoofer >/dev/null
}
