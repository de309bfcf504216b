#!/usr/bin/env bats
# The command line's grammar, walked over every command there is: help, unknown options, numbers of arguments,
# completion and the fields of --format.
# run-bats: release

load helpers

# Every command's words, one a line; groups are walked into, not printed.
commands() {
	local cmd sub
	for cmd in $(pm __completeNoDesc $1 '' 2>/dev/null | sed '/^:/d'); do
		if pm $1 "$cmd" --help | grep -q '^Available Commands:'; then
			commands "$1 $cmd"
		else
			echo $1 "$cmd"
		fi
	done
}

test_setup() {
	mapfile -t COMMANDS < <(commands '')
	[ ${#COMMANDS[@]} -gt 30 ]
}

usage() {
	pm $1 --help | sed -n '/^Usage:/{n;p}'
}

@test "help: a summary, a usage line with the command, [options] where it has any" {
	bad=0
	for cmd in "${COMMANDS[@]}"; do
		help=$(pm $cmd --help)
		[ -n "$(head -1 <<<"$help")" ] || { echo "$cmd: no summary"; bad=1; }
		line=$(usage "$cmd")
		[[ $line == "  pm $cmd"* ]] || { echo "$cmd: usage: $line"; bad=1; }
		if grep -q '^Options:' <<<"$help"; then
			[[ $line == *"[options]"* ]] || { echo "$cmd: no [options] in: $line"; bad=1; }
		else
			[[ $line != *"[options]"* ]] || { echo "$cmd: has no options but says: $line"; bad=1; }
		fi
		diff <(pm help $cmd) - <<<"$help" >&2 || bad=1
	done
	[ $bad = 0 ]
}

@test "an unknown option is named, with where to look, and exit code 125" {
	bad=0
	for cmd in "${COMMANDS[@]}"; do
		[ "$cmd" != help ] || continue
		run pm $cmd --no-such-option
		if [ "$status" != 125 ] || [[ $output != *"unknown flag: --no-such-option"* ]] ||
			[[ $output != *"See 'pm $cmd --help'"* ]]; then
			echo "$cmd: $status, $output"
			bad=1
		fi
		run pm $cmd -@
		if [ "$status" != 125 ] || [[ $output != *"unknown shorthand flag: '@' in -@"* ]]; then
			echo "$cmd: $status, $output"
			bad=1
		fi
	done
	[ $bad = 0 ]
}

@test "abbreviated options and commands are refused" {
	run -125 pm images --no-tr
	assert_error 125 'unknown flag: --no-tr'
	run -125 pm imag
	assert_error 125 'unrecognized command `pm imag`'
	run -125 pm image lis
	assert_error 125 'unrecognized command `pm image lis`'
}

@test "a command that takes no argument refuses one" {
	bad=0
	n=0
	for cmd in "${COMMANDS[@]}"; do
		line=$(usage "$cmd")
		case ${line#"  pm $cmd"} in
		'' | ' [options]') ;;
		*) continue ;;
		esac
		n=$((n + 1))
		run pm $cmd one-argument
		if [ "$status" != 125 ] || [[ $output != *"takes no arguments"* ]]; then
			echo "$cmd: $status, $output"
			bad=1
		fi
	done
	[ "$n" -gt 3 ]
	[ $bad = 0 ]
}

@test "a command that needs an argument says so" {
	bad=0
	for cmd in "${COMMANDS[@]}"; do
		line=$(usage "$cmd")
		# words in capitals outside of brackets are needed
		words=$(sed 's/\[[^]]*\(\[[^]]*\][^]]*\)*\]//g' <<<"${line#"  pm $cmd"}" | grep -oE '\b[A-Z]{2,}' | wc -l)
		[ "$words" -gt 0 ] || continue
		run pm $cmd </dev/null
		if [ "$status" != 125 ] || [[ $output != *Error:* ]]; then
			echo "$cmd: $status, $output"
			bad=1
		fi
	done
	[ $bad = 0 ]
}

@test "completion: options of each command, directives, no directory made" {
	bad=0
	for cmd in "${COMMANDS[@]}"; do
		[ "$cmd" != help ] || continue
		offered=$(timeout 20 "$PM_BIN" --root "$T/none" --runroot "$T/nonerun" __completeNoDesc $cmd -- 2>/dev/null)
		want=$(pm $cmd --help | sed -n 's/^  \(-., \|    \)--\([a-z0-9.-]*\).*/--\2/p')
		for o in $want; do
			grep -qxF -e "$o" <<<"$offered" || { echo "$cmd: $o is not offered"; bad=1; }
		done
		[[ $(tail -1 <<<"$offered") =~ ^:[0-9]+$ ]] || { echo "$cmd: no directive"; bad=1; }
	done
	[ ! -e "$T/none" ]
	[ $bad = 0 ]
}

@test "completion: a field that --format offers is one it takes" {
	load_busybox
	pm create --name c "$IMAGE" true >/dev/null
	bad=0
	try() {
		local cmd=$1 field sub
		shift
		for field in $(pm --root "$T/root" --runroot "$T/run" __completeNoDesc $cmd --format '{{.' 2>/dev/null | sed '/^:/d'); do
			case $field in
			*.) ;; # has fields of its own
			*) pm $cmd --format "$field" "$@" >/dev/null 2>"$T/err" || { echo "$cmd $field: $(cat "$T/err")"; bad=1; } ;;
			esac
		done
		for sub in $(pm __completeNoDesc $cmd --format '{{.' 2>/dev/null | grep '\.$'); do
			for field in $(pm __completeNoDesc $cmd --format "$sub" 2>/dev/null | grep '}}$'); do
				pm $cmd --format "$field" "$@" >/dev/null 2>"$T/err" || { echo "$cmd $field: $(cat "$T/err")"; bad=1; }
			done
		done
	}
	try images
	try "ps -a"
	try info
	try version
	pm volume create vol >/dev/null
	echo x >"$T/word"
	pm secret create sec "$T/word" >/dev/null
	try "inspect" c
	try "container inspect" c
	try "image inspect" "$IMAGE"
	try "volume ls"
	try "volume inspect" vol
	try "network ls"
	try "network inspect" podman
	try "secret ls"
	try "secret inspect" sec
	try "events --stream=false --since 1h"
	[ $bad = 0 ]
	run -0 --separate-stderr pm __complete ps --format '{{.Na'
	assert_eq "$output" $'{{.Names}}\n:6'
	assert_eq "$stderr" 'Completion ended with directive: ShellCompDirectiveNoSpace, ShellCompDirectiveNoFileComp'
}

@test "completion: start offers what does not run, stop what does" {
	load_busybox
	pm create --name made "$IMAGE" true >/dev/null
	pm run -d --name runs "$IMAGE" sleep 100 >/dev/null
	run -0 --separate-stderr pm __completeNoDesc --root "$T/root" --runroot "$T/run" start ''
	assert_eq "$output" $'made\n:4'
	run -0 --separate-stderr pm __completeNoDesc --root "$T/root" --runroot "$T/run" stop ''
	assert_eq "$output" $'runs\n:4'
	run -0 --separate-stderr pm __completeNoDesc --root "$T/root" --runroot "$T/run" rm ''
	assert_eq "$output" $'made\nruns\n:4'
	pm rm -f -t 0 runs >/dev/null
}

@test "completion: arguments after the first, values of options and filters, files where there may be some" {
	load_busybox
	pm create --name made "$IMAGE" true >/dev/null
	pm volume create vol >/dev/null
	echo x >"$T/word"
	pm secret create hush "$T/word" >/dev/null
	offered() {
		run -0 --separate-stderr pm __completeNoDesc --root "$T/root" --runroot "$T/run" "${@:2}"
		assert_eq "$(tr '\n' ' ' <<<"$output")" "$1 "
	}
	offered "made :4" rename ''
	offered ":4" rename made ''
	offered "made: :2" cp ''
	offered ":2" cp ./
	offered ":4" cp made:/e
	offered "$IMAGE :4" run ''
	offered ":0" run "$IMAGE" ''
	offered ":0" exec made ''
	offered "podman :4" network connect ''
	offered "made :4" network connect podman ''
	offered ":4" unpause ''
	offered "auto auto: container: host keep-id keep-id: nomap ns: private :6" run --userns ''
	offered "container: host ns: private :6" run --pid=
	offered "hush :4" run --secret ''
	offered "CAP_SYS_ADMIN :4" run --cap-add CAP_SYS_AD
	offered "name=made :4" ps --filter name=
	offered "name=made :4" ps --filter=name=m
	offered "volume=vol :4" ps --filter volume=
	offered "name=vol :4" volume ls --filter name=
	offered "health= health=healthy health=none health=starting health=unhealthy :6" ps --filter health=
	offered "{{.State.Status}} :6" inspect --format '{{.State.Status'
	offered "{{.Config. {{.ConmonPidFile}} :6" container inspect --format '{{.Con'
	run -0 --separate-stderr pm __completeNoDesc help container ''
	grep -qx runlabel <<<"$output"
	run ! grep -qx volume <<<"$output"
	offered ":4" help run ''
}

@test "what pm leaves out of Podman's commands is refused with the reason" {
	run -125 pm machine init
	assert_error 125 'pm machine init: containers run on this Linux host itself'
	run -125 pm system connection add x ssh://x
	assert_error 125 'pm system connection add: pm has no daemon'
	run -125 pm system service --time 0
	assert_error 125 'pm system service: pm has no daemon'
	run -125 pm compose up
	assert_error 125 'pm compose: pm reads no Compose files'
	run -125 pm swarm init
	assert_error 125 'pm swarm: pm runs containers on this host alone'
	run -125 pm builder prune -f
	assert_error 125 'pm build(er|x) prune: the caches of builds go with pm system prune --build'
	run -125 pm nosuchcommand
	assert_error 125 'unrecognized command `pm nosuchcommand`'
}

@test "lists of what there is none of are empty, as scripts expect them" {
	assert_like "$(pm system connection list)" '^Name +URI +Identity +Default$'
	assert_eq "$(pm system connection ls --format json)" '[]'
	assert_eq "$(pm system connection ls -q)" ""
	assert_like "$(pm machine list)" '^NAME +VM TYPE +CREATED +LAST UP +CPUS +MEMORY +DISK SIZE$'
	assert_eq "$(pm machine ls --format json)" '[]'
	assert_eq "$(pm machine ls -q)$(pm machine list --noheading)" ""
	assert_eq "$(pm machine info --format '{{.Host.OS}} {{.Host.NumberOfMachines}}')" "linux 0"
	assert_eq "$(pm machine info --format json | jq -r .Host.Arch)" "$(pm info -f '{{.Host.Arch}}')"
	for verb in 'rm -f' start stop ssh 'set --cpus 2' inspect; do
		# shellcheck disable=SC2086
		run -125 pm machine $verb nosuch
		assert_error 125 'nosuch: VM does not exist'
	done
	run -125 pm machine start
	assert_error 125 'podman-machine-default: VM does not exist'
}

@test "system migrate stops what runs, and moves containers to another runtime; renumber has nothing to do" {
	load_busybox
	pm system renumber
	run -0 pm system migrate
	assert_eq "$output" ""
	id=$(pm run -d --name runs --stop-timeout 0 "$IMAGE" sleep 100)
	pm create --name made "$IMAGE" true >/dev/null
	run -125 pm system migrate --new-runtime nosuchruntime
	assert_like "$output" nosuchruntime
	assert_eq "$(pm ps -q --no-trunc)" "$id"
	run -0 pm system migrate --new-runtime runc
	assert_eq "$output" "stopped $id"
	assert_eq "$(pm ps -q)" ""
	assert_eq "$(pm inspect -f '{{.OCIRuntime}}' runs made | xargs)" "runc runc"
	pm start made runs >/dev/null
	[ -d "$T/run/runc/$id" ] || fail "it was not started by runc"
	pm rm -f -t 0 runs made >/dev/null
}
