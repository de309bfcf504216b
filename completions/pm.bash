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
	directive=${directive#:}
	# a value after --option=; readline replaces only what follows the last of its word breaks
	case $cur in --*=*) cur=${cur#*=} ;; esac
	rest=''
	case $cur in *[:=]*) rest=${cur%"${cur##*[:=]}"} ;; esac
	local c
	for c in "${candidates[@]}"; do
		c=${c%%$'\t'*}
		COMPREPLY+=("${c#"$rest"}")
	done
	[ $((directive & 2)) = 0 ] || compopt -o nospace
	if [ $((directive & 16)) != 0 ]; then
		compopt -o filenames; mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -d -- "${cur#"$rest"}")
	elif [ $((directive & 4)) = 0 ]; then
		compopt -o filenames; mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "${cur#"$rest"}")
	fi
	return 0
}
complete -F _pm_complete pm
