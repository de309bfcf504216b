# fish completion for pm; made by `pm completion fish`
function __pm_complete
	set -l words (commandline -opc) (commandline -ct)
	set -l lines (pm __complete $words[2..-1] 2>/dev/null)
	test (count $lines) -gt 0; or return
	set -l directive (string sub -s 2 -- $lines[-1])
	set -e lines[-1]
	set -l option (string match -r -- '^--.*=' (commandline -ct))
	for line in $lines
		printf '%s%s\n' "$option" $line
	end
	if test (math "bitand($directive, 16)") != 0
		__fish_complete_directories (commandline -ct)
	else if test (math "bitand($directive, 4)") = 0
		__fish_complete_path (commandline -ct)
	end
end
complete -c pm -f -a '(__pm_complete)'
