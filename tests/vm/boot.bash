# boot - what the files before and after the reboot share: the store of the user "vm" itself, which outlives it.

HOME_VM=/home/vm
# shellcheck disable=SC2034 # for the files that load this, after systemd.bash
UNITS=$HOME_VM/.config/systemd/user
# shellcheck disable=SC2034
QUADLETS=$HOME_VM/.config/containers/systemd

# pm as that user calls it, with no option of a test
user_pm() {
	HOME=$HOME_VM timeout --foreground -k 5 "${PM_TIMEOUT:-120}" "$PM_BIN" "$@"
}
