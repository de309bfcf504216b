#!/usr/bin/env bats
# run-bats: leaks
# run-bats: systemd
# pm quadlet install, list, print, rm and check.

load helpers
load systemd

# the manager's HOME is not the test's: its generator looks here
Q=$XDG_RUNTIME_DIR/pmt-config/containers/systemd

test_setup() {
	need_systemd || return
	export XDG_CONFIG_HOME=$XDG_RUNTIME_DIR/pmt-config
	printf '#!/bin/sh\nXDG_CONFIG_HOME=%s exec %s "$@"\n' "$XDG_CONFIG_HOME" "$GENERATOR" >/run/systemd/user-generators/pm-user-generator
	chmod +x /run/systemd/user-generators/pm-user-generator
}

test_teardown() {
	rm -rf "$XDG_RUNTIME_DIR/pmt-config"
	forget_units
}

file() { # PATH LINES...
	mkdir -p "$(dirname "$1")"
	printf '%s\n' "${@:2}" >"$1"
}

@test "install, list, print, rm: one file and what it needs" {
	file "$T/pmt-one.container" '# mine' '[Container]' 'Image=x' 'EnvironmentFile=one.env'
	file "$T/one.env" 'A=b'
	run -0 --separate-stderr pm quadlet install "$T/pmt-one.container" "$T/one.env"
	assert_eq "$output" "$Q/pmt-one.container
$Q/one.env"
	assert_eq "$stderr" ""
	# systemd has read it
	assert_eq "$(systemctl --user show -P UnitFileState pmt-one)" generated
	run -0 pm quadlet list
	assert_like "${lines[0]}" '^NAME +UNIT NAME +PATH ON DISK +STATUS +APPLICATION$'
	assert_like "${lines[1]}" "^pmt-one.container +pmt-one.service +$Q/pmt-one.container +inactive/dead *$"
	run -0 pm quadlet ls --format json
	assert_eq "$(jq -c '.[]' <<<"$output")" \
		"{\"Name\":\"pmt-one.container\",\"UnitName\":\"pmt-one.service\",\"Path\":\"$Q/pmt-one.container\",\"Status\":\"inactive/dead\",\"App\":\"\"}"
	run -0 pm quadlet list --noheading --filter 'name=pmt-t*'
	assert_eq "$output" ""
	run -0 pm quadlet list --format '{{.UnitName}}' --filter 'name=pmt-o*'
	assert_eq "$output" pmt-one.service
	run -125 pm quadlet list --filter label=x
	assert_error 125 'label=x is not a valid filter|"label" is not a valid filter|label is not a valid filter'
	assert_eq "$(pm quadlet print pmt-one.container)" "$(cat "$T/pmt-one.container")"
	run -125 pm quadlet print pmt-no.container
	assert_error 125 'could not locate quadlet "pmt-no.container"'
	run -125 pm quadlet install "$T/pmt-one.container"
	assert_error 125 "$Q/pmt-one.container exists already, refusing to overwrite it"
	file "$T/pmt-one.container" '[Container]' 'Image=y'
	pm quadlet install -r "$T/pmt-one.container" >/dev/null
	assert_eq "$(pm quadlet print pmt-one.container | tail -1)" "Image=y"
	assert_eq "$(pm quadlet rm pmt-one.container)" pmt-one.container
	assert_eq "$(find "$Q" -type f)" ""
	assert_eq "$(systemctl --user show -P LoadState pmt-one)" not-found
	run -125 pm quadlet rm pmt-one.container
	assert_error 125 'no such quadlet or application: pmt-one.container'
	pm quadlet rm --ignore pmt-one.container
}

@test "an application is installed, listed and removed as one" {
	file "$T/pmt-app/pmt-a.container" '[Container]' 'Image=x' 'Network=pmt-n.network'
	file "$T/pmt-app/pmt-n.network" '[Network]'
	file "$T/pmt-app/settings" 'x'
	run -0 pm quadlet install "$T/pmt-app"
	assert_eq "$(sort <<<"$output")" "$Q/pmt-a.container
$Q/pmt-n.network
$Q/settings"
	assert_eq "$(pm quadlet list --format '{{.Name}} {{.App}}')" $'pmt-a.container pmt-app\npmt-n.network pmt-app'
	run -0 pm quadlet rm pmt-n.network
	assert_eq "$(sort <<<"$output")" $'pmt-a.container\npmt-n.network'
	assert_eq "$(find "$Q" -type f)" ""
	pm quadlet install "$T/pmt-app/" >/dev/null
	file "$T/pmt-z.volume" '[Volume]'
	pm quadlet install "$T/pmt-z.volume" >/dev/null
	run -0 pm quadlet rm pmt-app
	assert_eq "$(sort <<<"$output")" $'pmt-a.container\npmt-n.network'
	assert_eq "$(find "$Q" -type f)" "$Q/pmt-z.volume"
	pm quadlet install "$T/pmt-app" >/dev/null
	run -0 pm quadlet rm --all
	assert_eq "$(sort <<<"$output")" $'pmt-a.container\npmt-n.network\npmt-z.volume'
	assert_eq "$(find "$Q" -type f)" ""
	# a list cannot name what is elsewhere
	file "$T/precious" 1
	file "$Q/.pmt-evil.app" "../../../precious" "$T/precious" 'pmt-e.volume'
	file "$Q/pmt-e.volume" '[Volume]'
	pm quadlet rm pmt-evil
	[ -e "$T/precious" ] && [ ! -e "$Q/pmt-e.volume" ]
}

@test "what is not installed" {
	file "$T/x.txt" x
	run -125 pm quadlet install "$T/x.txt"
	assert_error 125 '"x.txt" is not a supported Quadlet file type'
	run -125 pm quadlet install https://127.0.0.1/x.container
	assert_error 125 'Quadlet files are not downloaded'
	run -125 pm quadlet install "$T/no.container"
	assert_error 125 'no.container: No such file'
	mkdir -p "$T/empty" "$T/deep/sub"
	run -125 pm quadlet install "$T/empty"
	assert_error 125 'there is no Quadlet file in'
	run -125 pm quadlet install "$T/deep"
	assert_error 125 'deep/sub is not a file'
	# all or nothing
	file "$T/pmt-a.volume" '[Volume]'
	file "$T/pmt-b.volume" '[Volume]'
	pm quadlet install "$T/pmt-b.volume" >/dev/null
	run -125 pm quadlet install "$T/pmt-a.volume" "$T/pmt-b.volume"
	assert_error 125 'pmt-b.volume exists already'
	[ ! -e "$Q/pmt-a.volume" ]
	# installed all the same, as a file may follow that it needs
	file "$T/pmt-c.container" '[Container]' 'Image=x' 'Nope=1' 'Volume=pmt-no.volume:/x'
	run -0 --separate-stderr pm quadlet install "$T/pmt-c.container"
	assert_like "$stderr" "pmt-c.container:3: unknown key 'Nope'"
	assert_like "$stderr" "pmt-c.container:4: Volume: there is no pmt-no.volume"
	run -125 pm quadlet rm
	assert_error 125 'must specify at least one quadlet, or --all'
	run -125 pm quadlet rm --all x
	assert_error 125 '--all takes no arguments'
}

@test "rm leaves what runs, but for --force" {
	file "$T/pmt-r.kube" '[Kube]' 'Yaml=/x'
	mkdir -p "$Q"
	pm quadlet install "$T/pmt-r.kube" >/dev/null
	# a drop-in makes a service of it that needs no pm
	mkdir "$Q/pmt-r.kube.d"
	printf '[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStartPre=/bin/true\n' >"$Q/pmt-r.kube.d/x.conf"
	mkdir -p "$XDG_RUNTIME_DIR/systemd/user/pmt-r.service.d"
	printf '[Service]\nExecStart=\nExecStart=/bin/true\nExecStop=\nExecStopPost=\n' >"$XDG_RUNTIME_DIR/systemd/user/pmt-r.service.d/x.conf"
	systemctl --user daemon-reload
	systemctl --user start pmt-r
	run -0 pm quadlet list --format '{{.Status}}'
	assert_eq "$output" active/exited
	run -125 pm quadlet rm pmt-r.kube
	assert_error 125 'quadlet pmt-r.service is running and force is not set, refusing to remove'
	assert_eq "$(systemctl --user show -P ActiveState pmt-r)" active
	rm -r "$XDG_RUNTIME_DIR/systemd/user/pmt-r.service.d"
	pm quadlet rm --force --reload-systemd=false pmt-r.kube
	assert_eq "$(systemctl --user show -P ActiveState pmt-r)" inactive
	[ ! -e "$Q/pmt-r.kube" ]
}

@test "check names file and line" {
	file "$T/c/bad.container" '[Container]' 'Image=x' 'Pull=never' 'imag=y' 'Network=n.network' '[Servce]' 'Restart=always'
	file "$T/c/good.container" '[Container]' 'Image=x' 'Pod=p.pod'
	file "$T/c/p.pod" '[Pod]'
	file "$T/c/bad.container.d/10.conf" '' '[Container]' 'HealthOnFailur=kill'
	run -1 pm quadlet check "$T/c/bad.container"
	assert_eq "$output" "$T/c/bad.container:4: unknown key 'imag' in section [Container]
$T/c/bad.container.d/10.conf:3: unknown key 'HealthOnFailur' in section [Container]
$T/c/bad.container:6: unknown section [Servce]
$T/c/bad.container:5: Network: there is no n.network"
	run -0 pm quadlet check "$T/c/good.container" "$T/c/p.pod"
	assert_eq "$output" ""
	run -1 pm quadlet check "$T/c"
	assert_like "$output" 'bad.container:4'
	run -125 pm quadlet check "$T/c/no.container"
	assert_error 125 'no.container: No such file'
	run -0 pm quadlet check
	file "$Q/pmt-w.volume" '[Volume]' 'Nope=1'
	run -1 pm quadlet check
	assert_eq "$output" "$Q/pmt-w.volume:2: unknown key 'Nope' in section [Volume]"
}

@test "without systemd files are listed and installed, and that systemd did not read them is said" {
	export XDG_RUNTIME_DIR=$T DBUS_SESSION_BUS_ADDRESS=unix:path=$T/no
	file "$T/pmt-a.volume" '[Volume]'
	run -125 pm quadlet install "$T/pmt-a.volume"
	assert_error 125 'the files are installed, but systemd has not read them .*connect to systemd'
	run -0 pm quadlet list --format '{{.Name}} {{.Status}}'
	assert_eq "$output" 'pmt-a.volume Not loaded'
	run -0 pm quadlet rm --reload-systemd=false pmt-a.volume
	run -0 pm quadlet install --reload-systemd=false "$T/pmt-a.volume"
	assert_like "$(pm __complete quadlet rm '')" 'pmt-a.volume'
	rm -r "$XDG_CONFIG_HOME"
	export XDG_RUNTIME_DIR=${Q%/pmt-config/*}
}
