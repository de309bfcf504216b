# fish completion for pm; made by `pm completion fish`
function __pm_complete
	set -l words (commandline -opc) (commandline -ct)
	set -l lines (pm __complete $words[2..-1] 2>/dev/null)
	test (count $lines) -gt 0; or return
	set -l directive $lines[-1]
	set -e lines[-1]
	printf '%s\n' $lines
	switch $directive
		case ':files'
			__fish_complete_path (commandline -ct)
		case ':dirs'
			__fish_complete_directories (commandline -ct)
	end
end
complete -c pm -f -a '(__pm_complete)'
