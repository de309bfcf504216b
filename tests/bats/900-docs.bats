#!/usr/bin/env bats
# Manual pages and completions say what the option tables say.
# run-bats: release

load helpers

MAN=$BATS_TEST_DIRNAME/../../docs/man
COMPLETIONS=$BATS_TEST_DIRNAME/../../completions

# Long names of a command's options, by its help.
options_of_help() {
	pm "$@" --help | sed -n 's/^  \(-., \|    \)--\([a-z0-9.-]*\).*/\2/p' | sort
}

# ... and by its manual page.
options_of_page() {
	sed -n 's/^\\fB\\-\\-\([^\\]*\(\\-[^\\]*\)*\)\\fR.*/\1/p' "$1" | sed 's/\\-/-/g' | sort
}

check_page() {
	local page=$MAN/pm-$(tr ' ' - <<<"$*").1
	[ -f "$page" ] || { echo "pm $*: no $page" >&2; return 1; }
	diff <(options_of_help "$@") <(options_of_page "$page") >&2 || { echo "pm $*: options (help < > page)" >&2; return 1; }
}

@test "every command has a page with exactly its options" {
	bad=0
	for cmd in $(pm __complete '' | sed '/^:/d' | cut -f1); do
		check_page "$cmd" || bad=1
		for sub in $(pm "$cmd" --help | sed -n '/^Available Commands:/,/^$/s/^  \([a-z_-]*\) .*/\1/p'); do
			# the same command as one without a group has that one's page
			if [ -f "$MAN/pm-$cmd-$sub.1" ]; then
				check_page "$cmd" "$sub" || bad=1
			else
				grep -rqF "\\fBpm $cmd $sub\\fR" "$MAN" || { echo "pm $cmd $sub: in no page" >&2; bad=1; }
			fi
		done
	done
	[ $bad = 0 ]
}

@test "the page of pm has the global options" {
	diff <(pm --help | sed -n 's/^  \(-., \|    \)--\([a-z0-9.-]*\).*/\2/p' | sort) <(options_of_page "$MAN/pm.1")
}

@test "no page without a command" {
	for page in "$MAN"/pm-*.1; do
		name=$(basename "$page" .1)
		words=${name#pm-}
		pm help $words >/dev/null 2>&1 && pm help ${words//-/ } | grep -q '^Usage:' ||
			fail "$page: no such command"
	done
}

@test "pages are well-formed roff" {
	for page in "$MAN"/*.[15]; do
		run -0 man --warnings -l "$page"
		[ "$(LC_ALL=C.UTF-8 man --warnings -l "$page" 2>&1 >/dev/null)" = "" ] || fail "$page"
	done
}

@test "the completion files are what pm prints" {
	diff <(pm completion bash) "$COMPLETIONS/pm.bash"
	diff <(pm completion zsh) "$COMPLETIONS/_pm"
	diff <(pm completion fish) "$COMPLETIONS/pm.fish"
	run -125 pm completion tcsh
	assert_error 125 'invalid argument "tcsh" for "pm completion"'
}

@test "bash completes commands, options and their values" {
	mkdir "$T/bin"
	ln -s "$PM_BIN" "$T/bin/pm"
	try() {
		PATH=$T/bin:$PATH bash -c '
			source "$1"
			COMP_LINE=$2 COMP_POINT=${#2}
			compopt() { :; }
			_pm_complete
			printf "%s\n" "${COMPREPLY[@]}"' _ "$COMPLETIONS/pm.bash" "$1"
	}
	assert_like "$(try 'pm im')" $'image\nimages\nimport'
	assert_eq "$(try 'pm images --sor')" "--sort"
	assert_eq "$(try 'pm images --sort=re')" "repository"
	assert_eq "$(try 'pm completion z')" "zsh"
}
