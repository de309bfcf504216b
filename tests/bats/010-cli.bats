#!/usr/bin/env bats
# The command line itself: usage errors in Podman's words, help, global options, output errors.

load helpers

@test "version: --version, -v and version agree" {
	run -0 pm --version
	assert_like "$output" '^pm version [0-9]+\.[0-9]+\.[0-9]+$'
	version=${output##* }
	run -0 pm -v
	assert_eq "$output" "pm version $version"
	run -0 pm version --format '{{.Client.Version}}'
	assert_eq "$output" "$version"
	run -0 pm version -f '{{.Version}}'
	assert_eq "$output" "$version"
	run -0 pm version -f json
	assert_eq "$(jq -r .Client.Version <<<"$output")" "$version"
}

@test "version opens nothing" {
	run -0 pm --version
	run -0 pm version
	run -0 pm --help
	[ ! -e "$T/root" ]
	[ ! -e "$T/run" ]
}

@test "a link named podman works" {
	ln -s "$PM_BIN" "$T/podman"
	run -0 "$T/podman" --version
	assert_like "$output" '^podman version'
	run -0 "$T/podman" --root "$T/root" --runroot "$T/run" images -q
	assert_eq "$output" ""
}

@test "usage errors: exit 125, Podman's words" {
	run -125 pm run --nope
	assert_eq "$output" "Error: unknown flag: --nope
See 'pm run --help'"
	run -125 pm images -qZ
	assert_eq "$output" "Error: unknown shorthand flag: 'Z' in -Z
See 'pm images --help'"
	run -125 pm image ls --sort
	assert_eq "$output" "Error: flag needs an argument: --sort
See 'pm image list --help'"
	run -125 pm images --quiet=maybe
	assert_eq "$output" "Error: invalid argument \"maybe\" for \"-q, --quiet\" flag: strconv.ParseBool: parsing \"maybe\": invalid syntax
See 'pm images --help'"
	run -125 pm run
	assert_eq "$output" "Error: requires at least 1 arg(s), only received 0"
	run -125 pm version extra
	assert_eq "$output" 'Error: `pm version` takes no arguments'
	run -125 pm images a b c
	assert_eq "$output" "Error: accepts at most 1 arg(s), received 3"
	run -125 pm import a b c
	assert_eq "$output" "Error: accepts between 1 and 2 arg(s), received 3"
	run -125 pm --log-level=loud images
	assert_like "$output" '^Error: log level "loud" is not supported'
}

@test "unknown commands: suggestions" {
	run -125 "$PM_BIN" imag
	assert_eq "$output" 'Error: unrecognized command `pm imag`

Did you mean this?
	image
	images
	tag

Try '"'pm --help'"' for more information'
	run -125 "$PM_BIN" rnu
	assert_like "$output" $'Did you mean this\\?\n\trun\n'
	run -125 "$PM_BIN" container zzzz
	assert_eq "$output" 'Error: unrecognized command `pm container zzzz`
Try '"'pm container --help'"' for more information'
	run -125 "$PM_BIN" image
	assert_like "$output" "Available Commands:.*Error: missing command 'pm image COMMAND'"
}

@test "options: values, letters together, end of options" {
	run -125 pm run -it=x foo
	assert_like "$output" 'invalid argument "x" for "-t, --tty" flag'
	# options of the container's command are not pm's
	run -125 pm run --rm --pull=never nosuchimage --nope
	assert_like "$output" 'nosuchimage'
	run -0 pm images -- nosuch
	run -0 pm images --log-level debug -q
	run -0 pm image --log-level=error ls -q
}

@test "what pm does not do is refused by name" {
	run -125 pm --identity x images
	assert_error 125 'option --identity: '
	run -125 pm --storage-opt overlay.nope=1 images
	assert_error 125 'storage option "overlay.nope=1" is not supported'
	run -125 pm --storage-driver=btrfs images
	assert_like "$output" 'btrfs'
}

@test "--tmpdir is the run directory when --runroot is not given" {
	run -0 timeout 20 "$PM_BIN" --root "$T/root" --tmpdir "$T/tmp" info -f '{{.Store.RunRoot}}'
	assert_eq "$output" "$T/tmp"
}

@test "help of every command has its summary and usage" {
	for cmd in $(pm __complete '' | sed '/^:/d' | cut -f1); do
		run -0 pm "$cmd" --help
		assert_like "$output" "Usage:
  pm $cmd"
		help=$output
		run -0 pm help "$cmd"
		assert_eq "$output" "$help"
	done
	run -0 pm image ls --help
	assert_like "$output" 'Usage:
  pm image list \[options\] \[IMAGE\]

Aliases:
  list, ls'
}

@test "a full disk at standard output is an error" {
	for args in "--version" "version" "images" "--help" "info"; do
		run -125 bash -c "'$PM_BIN' --root '$T/root' --runroot '$T/run' $args 2>&1 >/dev/full"
		assert_like "$output" "Error: write standard output: No space left on device"
	done
}

@test "a reader that goes away ends pm quietly" {
	run bash -c "set -o pipefail; '$PM_BIN' --help 2>'$T/err' | true; exit 0"
	assert_eq "$(cat "$T/err")" ""
}

@test "closed standard descriptors do not become files" {
	run -0 bash -c "'$PM_BIN' --root '$T/root' --runroot '$T/run' images <&- >&- 2>&-"
	run -0 pm images -q
	assert_eq "$output" ""
}
