# bash completion for pm; made by `pm completion bash`
_pm_complete() {
	local line candidates directive cur rest
	line=${COMP_LINE:0:COMP_POINT}
	local -a words
	read -ra words <<<"$line"
	case $line in *[[:space:]]) words+=('') ;; esac
	cur=${words[${#words[@]}-1]}
	mapfile -t candidates < <(pm __complete "${words[@]:1}" 2>/dev/null)
	COMPREPLY=()
	[ ${#candidates[@]} -gt 0 ] || return 0
	directive=${candidates[${#candidates[@]}-1]}
	unset 'candidates[${#candidates[@]}-1]'
	# readline replaces only what follows the last of its word breaks
	rest=''
	case $cur in *[:=]*) rest=${cur%"${cur##*[:=]}"} ;; esac
	local c
	for c in "${candidates[@]}"; do
		c=${c%%$'\t'*}
		COMPREPLY+=("${c#"$rest"}")
	done
	case $directive in
	:files) compopt -o filenames; mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "${cur#"$rest"}") ;;
	:dirs) compopt -o filenames; mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -d -- "${cur#"$rest"}") ;;
	esac
	return 0
}
complete -F _pm_complete pm
