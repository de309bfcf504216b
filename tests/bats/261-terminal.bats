#!/usr/bin/env bats
# pm at a real terminal, in a shell with job control: resizing, ^C, ^Z, detaching, closing the window.

load helpers

test_setup() {
	load_busybox
	command -v tmux >/dev/null || { skip_or_fail "no tmux"; return; }
	printf '#!/bin/sh\nexec "%s" --root "%s" --runroot "%s" "$@"\n' "$PM_BIN" "$T/root" "$T/run" >"$T/p"
	chmod +x "$T/p"
	tm new-session -d -x 80 -y 24 "cd '$T'; PS1='sh> ' exec bash --norc --noprofile -i"
	shows '^sh>'
}

test_teardown() {
	tm kill-server 2>/dev/null || true
}

tm() {
	TERM=xterm LC_ALL=C.UTF-8 tmux -S "$T/tmux" -f /dev/null "$@" 3>&-
}

screen() {
	tm capture-pane -p
}

shows() { # REGEX, a line of the screen
	seen() { screen | grep -qE -- "$1"; }
	wait_for seen "$1" || fail "not on the screen: $1: $(screen)"
}

types() { # LINE
	tm send-keys -l -- "$1"
	tm send-keys Enter
}

@test "a window that changes its size: run, exec and attach tell the container" {
	types "./p run -it --name c $IMAGE sh"
	shows '/ #$'
	types 'stty size'
	shows '^24 80$'
	tm resize-window -x 100 -y 30
	types 'until [ "$(stty size)" = "30 100" ]; do sleep 0.1; done; echo si""ze-1'
	shows '^size-1$'
	tm send-keys C-p C-q
	shows 'sh>$'
	tm resize-window -x 90 -y 20
	types './p attach c'
	types 'until [ "$(stty size)" = "20 90" ]; do sleep 0.1; done; echo si""ze-2'
	shows '^size-2$'
	tm send-keys C-p C-q
	types 'clear; ./p exec -it c sh'
	shows '/ #$'
	tm resize-window -x 70 -y 22
	types 'until [ "$(stty size)" = "22 70" ]; do sleep 0.1; done; echo si""ze-3'
	shows '^size-3$'
	types exit
	shows 'sh>$'
	pm rm -f -t 0 c
}

@test "detaching leaves the terminal as it was" {
	types "stty -a >before; ./p run -it --name c $IMAGE sh"
	shows '/ #$'
	tm send-keys C-p C-q
	shows 'sh>$'
	types 'stty -a >after; cmp before after && echo sa""me'
	shows '^same$'
	assert_eq "$(pm ps --format '{{.Names}}')" c
	# and so does the end of the container
	types 'clear; ./p attach c'
	tm send-keys Enter
	shows '/ #$'
	types 'exit 3'
	shows 'sh>$'
	types 'echo co""de-$?; stty -a >after; cmp before after && echo sa""me'
	shows '^code-3$'
	shows '^same$'
	pm rm c
}

@test "start -ai: ^P^Q detaches, ^C is the container's" {
	pm create -it --name c "$IMAGE" sh -c 'trap "echo int" INT; while :; do sleep 0.1; done'
	types './p start -ai c'
	sleep 0.5
	tm send-keys C-c
	shows '^(\^C)?int$'
	tm send-keys C-p C-q
	shows 'sh>$'
	assert_eq "$(pm ps --format '{{.Names}}')" c
	pm rm -f -t 0 c
}

@test "without a terminal in the container ^C is passed on as a signal, and ^Z stops pm only" {
	types "./p run --name c $IMAGE sh -c 'trap \"exit 7\" INT; echo rea\"\"dy; while :; do sleep 0.1; done'"
	shows '^ready$'
	tm send-keys C-z
	shows 'Stopped'
	assert_like "$(pm ps --format '{{.Names}} {{.State}}')" '^c Up .* ago$'
	types 'fg'
	sleep 0.3
	tm send-keys C-c
	shows '^(\^C)?sh>$'
	types 'echo co""de-$?'
	shows '^code-7$'
	pm rm c
}

@test "a container in the background of a shell does not take its terminal" {
	types "./p run --rm $IMAGE sh -c 'sleep 1; echo do\"\"ne' & echo fr\"\"ont"
	shows '^front'
	types 'echo st""ill'
	shows '^still$'
	shows 'done$'
	types 'wait; echo co""de-$?'
	shows '^code-0$'
}

@test "the window is closed: the container goes on and can be attached to" {
	types "./p run -it --name c $IMAGE sh"
	shows '/ #$'
	types 'X=kept'
	client=$(pgrep -f "$T/run run -it")
	tm kill-server
	gone() { ! kill -0 $client 2>/dev/null; }
	wait_for gone
	assert_like "$(pm ps --format '{{.Names}} {{.State}}')" '^c Up .* ago$'
	tm new-session -d -x 80 -y 24 "cd '$T'; PS1='sh> ' exec bash --norc --noprofile -i"
	shows '^sh>'
	types './p attach c'
	types 'echo $X-st""ate'
	shows '^kept-state$'
	types exit
	shows 'sh>$'
	pm rm c
}

@test "^C of a pull: exit code 130, and the terminal is the shell's" {
	# a registry that never answers
	python3 -c 'import socket, time
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(5)
print(s.getsockname()[1], flush=True)
time.sleep(60)' >"$T/port" 3>&- &
	server=$!
	has_port() { [ -s "$T/port" ]; }
	wait_for has_port
	types "clear; ./p pull --tls-verify=false 127.0.0.1:$(cat "$T/port")/x"
	sleep 1
	tm send-keys C-c
	shows '^(\^C)?sh>$|interrupted'
	types 'echo co""de-$?'
	shows '^code-130$'
	kill $server
	wait $server || true
}
