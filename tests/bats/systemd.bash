# systemd - what files about services of systemd --user share: with `# run-bats: systemd` on this machine, or in the
# virtual machine of tests/vm. A file's units are called pmt-*, pod-* or container-*. Load helpers first.

# not the home directory's, which files that run side by side have in common
UNITS=$XDG_RUNTIME_DIR/systemd/user
GENERATOR=${PM_BIN%/bin/pm}/libexec/pm/pm-user-generator

need_systemd() {
	systemctl --user is-system-running >/dev/null 2>&1 || [ -S "$XDG_RUNTIME_DIR/systemd/private" ] ||
		skip_or_fail "no systemd --user" || return
	mkdir -p "$UNITS"
}

# Where the generator is not installed (the virtual machine has it) the manager finds it here.
use_generator() {
	[ ! -w /run/systemd/user-generators ] || ln -sf "$GENERATOR" /run/systemd/user-generators/
}

# For teardown: units, generators and pods of this test.
forget_units() {
	systemctl --user stop 'pmt*' 'pod-*' 'container-*' 2>/dev/null
	rm -f "$UNITS"/pod-* "$UNITS"/container-* "$UNITS"/pmt-*
	[ ! -w /run/systemd/user-generators ] || rm -f /run/systemd/user-generators/*
	systemctl --user daemon-reload
	systemctl --user reset-failed
	if [ -e "$T/root/pm.db" ]; then pm pod rm -fa -t 0 >/dev/null; fi
}

prop() { # UNIT PROPERTY
	systemctl --user show -P "$2" "$1"
}

has() { # UNIT PROPERTY VALUE
	[ "$(prop "$1" "$2")" = "$3" ]
}

# unit NAME LINES...: a service by hand
unit() {
	local name=$1
	shift
	{
		printf '[Service]\n'
		printf '%s\n' "$@"
	} >"$UNITS/$name.service"
	systemctl --user daemon-reload
}

# start UNIT: what it says when it does not come up is shown
start() {
	systemctl --user daemon-reload
	systemctl --user start "$1" || { systemctl --user cat "$1" >&2; journalctl --user -u "$1" -o cat >&2; false; }
}

# pm as a unit calls it
PM() {
	echo "$PM_BIN --root $T/root --runroot $T/run"
}
