#!/usr/bin/env bats
# --network pasta: its options, published ports, what dies with whom. (Clients from elsewhere: 366-clients.)

load helpers
load network

test_setup() {
	command -v pasta >/dev/null || skip_or_fail "no pasta: install passt" || return
	[ -n "${PM_TEST_REAPER-}" ] || skip_or_fail "use tests/run-bats" || return
	ADDR=$(host_address)
	[ -n "$ADDR" ] || skip_or_fail "the host has no address" || return
	load_busybox
}

gone() {
	none_runs pasta passt.avx2 pm-pasta
}

test_teardown() {
	wait_for gone
}

pastas() {
	echo "$(processes pasta)$(processes passt.avx2)"
}

@test "the host's address, a route, names; gone with the container" {
	run -0 pm run --rm --name web --hostname box --network pasta "$IMAGE" sh -c 'ip -4 -o addr; ip route; cat /etc/hosts /etc/resolv.conf'
	assert_like "$output" "inet ${ADDR//./\\.}/"
	assert_like "$output" "default via "
	assert_like "$output" "${ADDR//./\\.}"$'\t'"box web"
	assert_like "$output" "nameserver 169\.254\.1\.1"
	wait_for gone
	# its own address is not the host's: with no other one there is no name for it
	if [ "$(ip -4 -o addr show scope global | grep -c .)" = 1 ] && ! pasta --help 2>&1 | grep -q map-guest-addr; then
		[[ $output != *host.containers.internal* ]] || fail "a name that leads to the container itself"
		run pm run --rm --network pasta --add-host up:host-gateway "$IMAGE" true
		assert_error 125 "--add-host up:host-gateway: the host has no address that is not the container's"
	fi
}

@test "options go to pasta: addresses, gateway, device, MTU" {
	run -0 pm run --rm --name web --network pasta:-a,10.9.8.7,-n,24,-g,10.9.8.1,-I,lan,-m,1400,-4 "$IMAGE" \
		sh -c 'ip -o addr show lan; ip route; cat /sys/class/net/lan/mtu /etc/hosts'
	assert_like "$output" "inet 10\.9\.8\.7/24"
	assert_like "$output" "default via 10\.9\.8\.1 dev lan"
	assert_like "$output" $'\n1400\n'
	[[ $output != *fd00* ]] || fail "IPv6 is off"
	assert_like "$output" $'10\.9\.8\.7\t[0-9a-f]{12} web'
	# the host has an address that is not the container's
	assert_like "$output" "${ADDR//./\\.}"$'\thost\.containers\.internal'
	assert_like "$output" "${ADDR//./\\.}"$'\thost\.docker\.internal'
}

@test "the host by its name; its loopback only when asked for" {
	local port
	port=$(free_port)
	mkdir "$T/www"
	echo outside >"$T/www/index.html"
	busybox httpd -f -p "$port" -h "$T/www" 3>&- &
	local server=$!
	wait_for get -o /dev/null "http://127.0.0.1:$port/" 2>/dev/null
	local net=pasta:-a,10.9.8.7,-n,24,-g,10.9.8.1
	fetch() { # NETWORK URL
		pm run --rm --network "$1" "$IMAGE" timeout 5 wget -qO- "$2" 2>/dev/null || echo refused
	}
	local results
	results="$(fetch $net "http://host.containers.internal:$port/") $(fetch $net "http://10.9.8.1:$port/")"
	results+=" $(fetch $net,--map-gw "http://10.9.8.1:$port/") $(fetch $net "http://127.0.0.1:$port/")"
	results+=" $(fetch "$net,-T,$port" "http://127.0.0.1:$port/")"
	kill "$server"
	wait "$server" || true
	assert_eq "$results" "outside refused outside refused outside"
}

@test "published ports: tcp and udp, IPv4 and IPv6, one address, a range; gone with the container" {
	local port
	port=$(free_port)
	serve web --network pasta -p "$port:80" -p "127.0.0.1:$((port + 1)):80"
	assert_like "$(answer "http://127.0.0.1:$port/")" "page of"
	assert_like "$(get "http://[::1]:$port/")" "page of"
	assert_like "$(get "http://127.0.0.1:$((port + 1))/")" "page of"
	run get "http://$ADDR:$((port + 1))/"
	[ "$status" -ne 0 ] || fail "another address is open, too"
	assert_like "$(pm port web)" "80/tcp -> 0.0.0.0:$port"
	pm rm -f -t 0 web >/dev/null
	run ss -Hltn "sport = :$port"
	assert_eq "$output" ""
	# the same number inside: Debian 12's pasta loses datagrams of the host's loopback to another one
	local last=$((port + 1))
	serve_udp u "$last" --network pasta -p "$port-$last:$port-$last/udp"
	wait_for ask_udp 127.0.0.1 "$last"
	assert_like "$reply" " hello"
	wait_for ask_udp ::1 "$last"
	pm rm -f -t 0 u >/dev/null
}

@test "ports by pasta's own options" {
	local port
	port=$(free_port)
	serve web --network "pasta:-t,127.0.0.1/$port:80"
	assert_like "$(answer "http://127.0.0.1:$port/")" "page of"
	pm rm -f -t 0 web >/dev/null
}

@test "what fails is one clear line, and leaves nothing" {
	local port
	port=$(free_port)
	refuse() { # REGEX OPTION...
		local why=$1
		shift
		run pm run --rm "$@" "$IMAGE" true
		assert_error 125 "$why"
		assert_eq "${#lines[@]}" 1
	}
	serve web --network none
	refuse "network pasta: option -f is not for containers" --network pasta:-f
	refuse "option --netns is not for containers" --network pasta:--netns=/proc/self/ns/net
	refuse "'8080' is no option of pasta" --network pasta:8080
	refuse "network pasta: .*[Uu]nrecognized option" --network pasta:--colour
	refuse "network pasta: .*nosuch0" --network pasta:-i,nosuch0
	refuse "pasta carries tcp and udp, not sctp" --network pasta -p "$port:80/sctp"
	refuse "bridge networks only" --network pasta --ip 10.0.0.1
	timeout 60 busybox httpd -f -p "127.0.0.1:$port" -h "$T" 3>&- &
	local server=$!
	wait_for get -o /dev/null "http://127.0.0.1:$port/home/" 2>/dev/null || true
	refuse "127\.0\.0\.1:$port: [Aa]ddress already in use" --network pasta -p "127.0.0.1:$port:80"
	kill "$server"
	wait "$server" || true
	PATH=/nowhere run "$BASH" -c "PATH=/nowhere '$PM_BIN' --root '$T/root' --runroot '$T/run' run --rm --network pasta $IMAGE true"
	assert_error 125 "the program pasta is not installed.*apt-get install passt"
	assert_eq "$(pm ps -a --format '{{.Names}}')" web
}

@test "kill -9 of the monitor: the network lives as long as the container, and no longer" {
	local port
	port=$(free_port)
	serve web --network pasta -p "127.0.0.1:$port:80"
	answer "http://127.0.0.1:$port/" >/dev/null
	local pid
	pid=$(container_pid web)
	kill -9 "$(monitor_pid web)"
	assert_like "$(get "http://127.0.0.1:$port/")" "page of"
	kill -9 "$pid"
	wait_for gone
	pm rm web >/dev/null
}

@test "kill -9 of the guard, or of pasta: the container runs on, no process stays" {
	pm run -d --name one --network pasta "$IMAGE" sleep 300 >/dev/null
	kill -9 "$(processes pm-pasta)"
	wait_for gone
	assert_eq "$(pm exec one echo alive)" alive
	pm rm -f -t 0 one >/dev/null
	pm run -d --name two --network pasta "$IMAGE" sleep 300 >/dev/null
	# shellcheck disable=SC2046
	kill -9 $(pastas)
	wait_for gone
	assert_eq "$(pm exec two echo alive)" alive
	pm rm -f -t 0 two >/dev/null
}

@test "a restart keeps it; start, stop, another container's; a user namespace of its own" {
	pm run -d --name again --restart on-failure:2 --network pasta "$IMAGE" sh -c 'ip route | grep -c default; exit 1' >/dev/null
	thrice() { [ "$(pm logs again | paste -sd,)" = 1,1,1 ]; }
	wait_for thrice
	pm rm -f -t 0 again >/dev/null
	pm run -d --name one --network pasta "$IMAGE" sleep 300 >/dev/null
	assert_like "$(pm run --rm --network container:one "$IMAGE" cat /etc/hosts)" "${ADDR//./\\.}"$'\t'
	pm stop -t 0 one >/dev/null
	wait_for gone
	pm start one >/dev/null
	assert_like "$(pm exec one ip -4 -o addr)" "inet ${ADDR//./\\.}/"
	pm rm -f -t 0 one >/dev/null
	assert_like "$(pm run --rm --userns=auto:size=4096 --network pasta "$IMAGE" ip -4 -o addr)" "inet ${ADDR//./\\.}/"
	pm pod create --name pods --network pasta >/dev/null
	assert_like "$(pm run --rm --pod pods "$IMAGE" ip -4 -o addr)" "inet ${ADDR//./\\.}/"
	pm pod rm -f -t 0 pods >/dev/null
}

@test "containers.conf: default_rootless_network_cmd, pasta_options" {
	printf '[network]\ndefault_rootless_network_cmd = "pasta"\npasta_options = ["-I", "lan"]\n' >"$T/containers.conf"
	CONTAINERS_CONF=$T/containers.conf run -0 pm run --rm "$IMAGE" ls /sys/class/net
	assert_like "$output" lan
	printf '[network]\ndefault_rootless_network_cmd = "carrier-pigeon"\n' >"$T/containers.conf"
	CONTAINERS_CONF=$T/containers.conf run pm run --rm "$IMAGE" true
	assert_error 125 "carrier-pigeon"
}
