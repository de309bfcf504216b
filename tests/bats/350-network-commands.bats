#!/usr/bin/env bats
# Definitions of networks: create, exists, inspect, ls, prune, rm, update, and the files they live in.

load helpers

field() { # NETWORK TEMPLATE
	pm network inspect -f "$2" "$1"
}

@test "the default network is there without a file, and cannot be removed" {
	run -0 pm network ls
	assert_like "${lines[0]}" "^NETWORK ID +NAME +DRIVER"
	assert_like "${lines[1]}" "^2f259bab93aa +podman +bridge"
	assert_eq "$(field podman '{{range .Subnets}}{{.Subnet}} {{.Gateway}}{{end}} {{.DNSEnabled}}')" \
		"10.88.0.0/16 10.88.0.1 false"
	run pm network rm podman
	assert_error 125 "default network podman cannot be removed"
	[ ! -e "$T/root/networks" ] || fail "a file without need"
}

@test "create: names, interfaces and subnets are chosen one after the other" {
	assert_eq "$(pm network create)" podman1
	assert_eq "$(pm network create web)" web
	assert_eq "$(field podman1 '{{.NetworkInterface}}')" podman1
	assert_eq "$(field web '{{.NetworkInterface}} {{.DNSEnabled}}')" "podman2 true"
	local a b
	a=$(field podman1 '{{range .Subnets}}{{.Subnet}}{{end}}')
	b=$(field web '{{range .Subnets}}{{.Subnet}}{{end}}')
	assert_like "$a" '^10\.(89|9[0-9])\.[0-9]+\.0/24$'
	[ "$a" != "$b" ] || fail "one subnet twice"
	pm network rm podman1 >/dev/null
	assert_eq "$(pm network create --subnet "$a")" podman1
}

@test "create: 16 at once get 16 subnets" {
	local i
	for i in {1..16}; do pm network create "n$i" >/dev/null 3>&- & done
	wait
	assert_eq "$(pm network ls --filter name='^n' --format '{{.Name}} {{range .Subnets}}{{.Subnet}}{{end}}' | cut -d' ' -f2 | sort -u | grep -c .)" 16
	assert_eq "$(pm network ls --filter name='^n' --format '{{.NetworkInterface}}' | sort -u | grep -c .)" 16
}

@test "create: the file has Podman's fields, and a copy of it is a network" {
	pm network create --subnet 10.77.0.0/24 --gateway 10.77.0.7 --ip-range 10.77.0.128/25 --ipv6 --internal \
		--label app=x -o mtu=1400 -o isolate=true --route 192.0.2.0/24,10.77.0.9,5 --dns 9.9.9.9 full >/dev/null
	local file=$T/root/networks/full.json
	assert_eq "$(jq -r '.name, .driver, .subnets[0].subnet, .subnets[0].gateway,
		.subnets[0].lease_range.start_ip, .subnets[0].lease_range.end_ip, .ipv6_enabled, .internal,
		.dns_enabled, .labels.app, .options.mtu, .options.isolate, .routes[0].destination,
		.routes[0].metric, .network_dns_servers[0], .ipam_options.driver' "$file" | paste -sd' ')" \
		"full bridge 10.77.0.0/24 10.77.0.7 10.77.0.129 10.77.0.255 true true true x 1400 true 192.0.2.0/24 5 9.9.9.9 host-local"
	assert_like "$(jq -r '.subnets[1].subnet' "$file")" '^fd.*::/64$'
	jq '.name = "copy" | .id = "0123456789012345678901234567890123456789012345678901234567890123"' "$file" \
		>"$T/root/networks/copy.json"
	pm network exists copy
	assert_eq "$(field 0123456 '{{.Name}}')" copy
	assert_eq "$(diff <(jq -S . "$file") <(pm network inspect full | jq -S '.[0] | del(.containers)'))" ""
}

@test "a malformed file is told of and passed over" {
	pm network create good >/dev/null
	echo '{' >"$T/root/networks/bad.json"
	ln -s /etc/passwd "$T/root/networks/link.json"
	mkfifo "$T/root/networks/fifo.json"
	run -0 pm network ls -q
	assert_like "$output" "bad.json is passed over"
	assert_like "$output" $'\n'"good"
	[[ $output != *root:* ]] || fail "a file outside was read"
	run pm network inspect bad
	assert_error 125 "network bad"
}

@test "create: what is wrong is said, and nothing is made" {
	refuse() { # REGEX OPTION...
		local why=$1
		shift
		run pm network create "$@"
		assert_error 125 "$why"
		assert_eq "$(pm network ls -q)" podman
	}
	refuse "invalid CIDR address" --subnet 10.5.0.0 x
	refuse "not in subnet" --subnet 10.5.0.0/24 --gateway 10.6.0.1 x
	refuse "not in subnet" --subnet 10.5.0.0/24 --ip-range 10.6.0.0/24 x
	refuse "without subnet" --gateway 10.5.0.1 x
	refuse "already used" --subnet 10.88.3.0/24 x
	refuse "already used|overlaps" --subnet 127.0.0.0/16 x
	refuse "names must match" a/b
	refuse "conflicts with a valid network mode" host
	refuse "needs root" -d macvlan --subnet 10.5.0.0/24 x
	refuse "unsupported driver" -d foo x
	refuse "unsupported bridge network option" -o foo=bar x
	refuse "is no number" -o mtu=big x
	refuse "dhcp is not supported" --ipam-driver dhcp x
	refuse "no list of ports" --egress http://x x
	refuse "DESTINATION,GATEWAY" --route 1.2.3.4 x
	pm network create x >/dev/null
	run pm network create x
	assert_error 125 "network name x already used: network already exists"
	assert_eq "$(pm network create --ignore x)" x
}

@test "exists, inspect, rm: exit codes for what is not there" {
	run -1 pm network exists nosuch
	assert_eq "$output" ""
	run pm network inspect nosuch
	assert_eq "$status" 125
	assert_eq "${lines[0]}" "[]"
	assert_like "${lines[1]}" "unable to find network with name or ID nosuch: network not found"
	pm network create a >/dev/null
	run -1 pm network rm nosuch a
	assert_like "$output" "nosuch: network not found"
	run -1 pm network exists a
}

@test "ls: filters and formats" {
	pm network create --label app=x --label tier=1 a >/dev/null
	pm network create --label app=y b >/dev/null
	assert_eq "$(pm network ls -q --filter label=app | paste -sd' ')" "a b"
	assert_eq "$(pm network ls -q --filter label=app=x)" a
	assert_eq "$(pm network ls -q --filter label=app --filter label=tier)" a
	assert_eq "$(pm network ls -q --filter name='^a' --filter name=b | paste -sd' ')" "a b"
	assert_eq "$(pm network ls -q --filter dangling=true | paste -sd' ')" "a b"
	assert_eq "$(pm network ls -q --filter dangling=false)" podman
	assert_eq "$(pm network ls -q --filter driver=macvlan)" ""
	assert_eq "$(pm network ls -q --filter id=2f25)" podman
	assert_eq "$(pm network ls --format json | jq -r '.[].name' | paste -sd' ')" "a b podman"
	assert_eq "$(pm network ls --noheading | grep -c NETWORK)" 0
	assert_like "$(pm network ls --no-trunc --filter id=2f25 --format '{{.ID}}')" '^2f25.{60}$'
	run pm network ls --filter foo=x
	assert_error 125 'invalid filter "foo"'
}

@test "prune: all but the default one; filters" {
	pm network create --label keep=1 a >/dev/null
	pm network create b >/dev/null
	assert_eq "$(pm network prune -f --filter label!=keep)" b
	assert_eq "$(pm network prune -f)" a
	assert_eq "$(pm network ls -q)" podman
	run pm network prune -f --filter name=x
	assert_error 125 'invalid filter "name"'
	pm network create c >/dev/null
	run -0 pm network prune <<<n
	assert_eq "$(pm network ls -q | paste -sd' ')" "c podman"
}

@test "update: the servers forwarded to" {
	pm network create --dns 9.9.9.9 a >/dev/null
	assert_eq "$(pm network update --dns-add 8.8.8.8,1.1.1.1 --dns-drop 9.9.9.9 a)" a
	assert_eq "$(field a '{{.NetworkDNSServers}}')" "[8.8.8.8 1.1.1.1]"
	run pm network update --dns-drop 9.9.9.9 a
	assert_error 125 "does not forward to 9.9.9.9"
	run pm network update --dns-add nine a
	assert_error 125 "no IP address"
}

@test "containers.conf: default network, subnet, pools, directory" {
	cat >"$T/containers.conf" <<-E
		[network]
		default_network = "own"
		default_subnet = "10.99.0.0/16"
		default_subnet_pools = [{"base" = "10.98.0.0/16", "size" = 28}]
		network_config_dir = "$T/nets"
	E
	export CONTAINERS_CONF=$T/containers.conf
	assert_eq "$(field own '{{range .Subnets}}{{.Subnet}}{{end}}')" 10.99.0.0/16
	pm network create a >/dev/null
	assert_eq "$(field a '{{range .Subnets}}{{.Subnet}} {{.Gateway}}{{end}}')" "10.98.0.0/28 10.98.0.1"
	[ -f "$T/nets/a.json" ] || fail "not in network_config_dir"
}

@test "completion offers networks" {
	pm network create backend >/dev/null
	assert_like "$(pm __complete network rm back)" "^backend"
	assert_like "$(pm __complete run --network '')" $'(^|\n)backend.*'
}

@test "--network-config-dir: definitions of another directory" {
	mkdir "$T/nets"
	pm --network-config-dir "$T/nets" network create other >/dev/null
	[ -f "$T/nets/other.json" ]
	assert_eq "$(pm network ls -q)" podman
	assert_eq "$(pm --network-config-dir "$T/nets" network ls -q | sort | xargs)" "other podman"
}
