#!/usr/bin/env bats
# run-bats: systemd
# pm auto-update: newer images for services made of Quadlet files.

load helpers
load systemd

Q=$XDG_RUNTIME_DIR/containers/systemd

test_setup() {
	need_systemd && load_busybox || return
	mkdir -p "$Q/container.d"
	use_generator
	printf '[Container]\nGlobalArgs=--root %s --runroot %s\n' "$T/root" "$T/run" >"$Q/container.d/store.conf"
}

test_teardown() {
	rm -rf "$Q"
	forget_units
}

# version NUMBER CMD...: an image that differs from the others
version() {
	pm import -q --change "LABEL version=$1" --change "CMD $2" "$PM_TEST_FIXTURES/busybox.tar" "localhost/built:$1" >/dev/null
}

# publish NUMBER: as what the registry has
publish() {
	pm push -q --tls-verify=false "localhost/built:$1" "$REGISTRY/app:stable"
}

service() { # LINES...
	printf '%s\n' '[Container]' 'Network=none' 'StopTimeout=0' "$@" >"$Q/pmt-app.container"
	start pmt-app
}

running() {
	pm inspect -f '{{index .Config.Labels "version"}}' systemd-pmt-app
}

updated() {
	run -0 --separate-stderr pm auto-update --tls-verify=false --format '{{.Unit}} {{.ContainerName}} {{.Image}} {{.Policy}} {{.Updated}}' "$@"
	assert_like "${output##*$'\n'}" "^pmt-app.service systemd-pmt-app $IMG $POLICY "
	UPDATED=${lines[-1]#"pmt-app.service systemd-pmt-app $IMG $POLICY "}
}

@test "registry: pending, updated once, the previous image kept; what does not start is rolled back" {
	POLICY=registry
	start_registry
	IMG=$REGISTRY/app:stable
	version 1 "sh -c 'while :; do sleep 0.1; done'"
	version 2 "sh -c 'while :; do sleep 0.1; done'"
	version 3 '["/no/such/program"]'
	publish 1
	pm pull -q --tls-verify=false "$IMG" >/dev/null
	service "Image=$IMG" 'AutoUpdate=registry'
	assert_eq "$(running)" 1
	updated
	assert_eq "$UPDATED" false
	publish 2
	first=$(pm inspect -f '{{.Id}}' systemd-pmt-app)
	old=$(pm inspect -f '{{.Image}}' systemd-pmt-app)
	updated --dry-run
	assert_eq "$UPDATED" pending
	assert_eq "$(pm inspect -f '{{.Id}}' systemd-pmt-app)" "$first"
	updated
	assert_eq "$UPDATED" true
	assert_eq "$(running)" 2
	pm image exists "$old"
	updated
	assert_eq "$UPDATED" false
	# version 3 does not start
	publish 3
	updated
	assert_eq "$UPDATED" "rolled back"
	assert_like "$stderr" 'restarting unit pmt-app.service during update: .*the previous image is used again'
	assert_eq "$(running)" 2
	assert_eq "$(systemctl --user show -P ActiveState pmt-app)" active
	assert_eq "$(pm image inspect -f '{{index .Labels "version"}}' "$IMG")" 2
	# without rollback it stays as it is
	run -125 --separate-stderr pm auto-update --tls-verify=false --rollback=false --format '{{.Updated}}'
	assert_eq "$output" failed
	assert_like "$stderr" 'Error: restarting unit pmt-app.service during update: restart pmt-app.service: the job.s result is "failed"'
	assert_eq "$(systemctl --user show -P ActiveState pmt-app)" failed
}

@test "local: what the name means in the store; table and json" {
	POLICY=local IMG=localhost/app:stable
	version 1 "sh -c 'while :; do sleep 0.1; done'"
	version 2 "sh -c 'while :; do sleep 0.1; done'"
	pm tag localhost/built:1 "$IMG"
	service "Image=$IMG" 'AutoUpdate=local'
	updated
	assert_eq "$UPDATED" false
	pm tag localhost/built:2 "$IMG"
	run -0 pm auto-update --dry-run
	id=$(pm inspect -f '{{.Id}}' systemd-pmt-app)
	assert_like "${lines[0]}" '^UNIT +CONTAINER +IMAGE +POLICY +UPDATED$'
	assert_like "${lines[1]}" "^pmt-app.service +${id:0:12} \(systemd-pmt-app\) +$IMG +local +pending$"
	run -0 pm auto-update --dry-run --format json
	assert_eq "$(jq -c '.[]' <<<"$output")" \
		"{\"Unit\":\"pmt-app.service\",\"Container\":\"${id:0:12} (systemd-pmt-app)\",\"ContainerName\":\"systemd-pmt-app\",\"ContainerID\":\"$id\",\"Image\":\"$IMG\",\"Policy\":\"local\",\"Updated\":\"pending\"}"
	updated
	assert_eq "$UPDATED" true
	assert_eq "$(running)" 2
}

@test "a unit that waits for health is rolled back when the new image stays unhealthy" {
	POLICY=local IMG=localhost/app:stable
	pm import -q --change 'LABEL version=1' --change "CMD sh -c 'touch /ok; while :; do sleep 0.1; done'" "$PM_TEST_FIXTURES/busybox.tar" localhost/built:1 >/dev/null
	version 2 "sh -c 'while :; do sleep 0.1; done'"
	pm tag localhost/built:1 "$IMG"
	service "Image=$IMG" 'AutoUpdate=local' 'Notify=healthy' 'HealthCmd=test -e /ok' 'HealthInterval=100ms' '[Service]' 'TimeoutStartSec=4'
	pm tag localhost/built:2 "$IMG"
	updated
	assert_eq "$UPDATED" "rolled back"
	assert_eq "$(running)" 1
	assert_eq "$(systemctl --user show -P ActiveState pmt-app)" active
}

@test "what cannot be updated is said, and the rest goes on" {
	pm run -d --name lonely --network none --label io.containers.autoupdate=local "$IMAGE" sleep 1000 >/dev/null
	pm run -d --name odd --network none --label io.containers.autoupdate=weekly "$IMAGE" sleep 1000 >/dev/null
	pm run -d --name short --network none --label io.containers.autoupdate=registry --label PODMAN_SYSTEMD_UNIT=pmt-no.service busybox sleep 1000 >/dev/null
	pm run -d --name off --network none --label io.containers.autoupdate=disabled "$IMAGE" sleep 1000 >/dev/null
	pm run -d --name gone --network none --label io.containers.autoupdate=local --label PODMAN_SYSTEMD_UNIT=pmt-gone.service "$IMAGE" sleep 1000 >/dev/null
	pm create --name idle --network none --label io.containers.autoupdate=weekly "$IMAGE" >/dev/null || :
	run -125 --separate-stderr pm auto-update --format '{{.ContainerName}} {{.Updated}}'
	assert_eq "$output" "gone false"
	assert_like "$stderr" 'auto-updating container lonely: no PODMAN_SYSTEMD_UNIT label found'
	assert_like "$stderr" 'auto-updating container odd: invalid auto-update policy "weekly": valid policies are local and registry'
	assert_like "$stderr" 'auto-updating container short: auto updates require a fully-qualified image reference: "busybox"'
	# no unit of that name
	version 2 "sleep 1000"
	pm tag localhost/built:2 "$IMAGE"
	run -125 --separate-stderr pm auto-update --rollback=false --format '{{.ContainerName}} {{.Updated}}'
	assert_eq "$output" "gone failed"
	assert_like "$stderr" 'restarting unit pmt-gone.service during update: .*pmt-gone.service'
	# an image's label is nobody's unit
	pm import -q --change 'LABEL PODMAN_SYSTEMD_UNIT=pmt-evil.service' --change 'LABEL io.containers.autoupdate=local' \
		"$PM_TEST_FIXTURES/busybox.tar" localhost/evil:1 >/dev/null
	assert_eq "$(pm inspect -f '{{index .Config.Labels "PODMAN_SYSTEMD_UNIT"}}' "$(pm create --network none localhost/evil:1 true)")" ""
	pm rm -fa -t 0 >/dev/null
}

@test "service and timer pass systemd-analyze verify" {
	mkdir "$T/u"
	sed "s,@BINDIR@/pm,$PM_BIN," "$BATS_TEST_DIRNAME/../../share/systemd/pm-auto-update.service.in" >"$T/u/pm-auto-update.service"
	cp "$BATS_TEST_DIRNAME/../../share/systemd/pm-auto-update.timer" "$T/u"
	sed "s,@LIBEXEC@,${GENERATOR%/*}," "$BATS_TEST_DIRNAME/../../share/systemd/pm-user-wait-network-online.service.in" \
		>"$T/u/pm-user-wait-network-online.service"
	run -0 env SYSTEMD_UNIT_PATH="$T/u:" systemd-analyze --user --man=no verify "$T/u"/*
	! grep -F "$T/u" <<<"$output" || fail verify
}
