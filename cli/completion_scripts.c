#include "cli/completion.h"

#include <string.h>

/* Thin scripts: everything they offer comes from `pm __complete`, so from the option tables. */

static const char bash_script[] =
	"# bash completion for pm; made by `pm completion bash`\n"
	"_pm_complete() {\n"
	"\tlocal line candidates directive cur rest\n"
	"\tline=${COMP_LINE:0:COMP_POINT}\n"
	"\tlocal -a words\n"
	"\tread -ra words <<<\"$line\"\n"
	"\tcase $line in *[[:space:]]) words+=('') ;; esac\n"
	"\tcur=${words[${#words[@]}-1]}\n"
	"\tmapfile -t candidates < <(pm __complete \"${words[@]:1}\" 2>/dev/null)\n"
	"\tCOMPREPLY=()\n"
	"\t[ ${#candidates[@]} -gt 0 ] || return 0\n"
	"\tdirective=${candidates[${#candidates[@]}-1]}\n"
	"\tunset 'candidates[${#candidates[@]}-1]'\n"
	"\tdirective=${directive#:}\n"
	"\t# a value after --option=; readline replaces only what follows the last of its word breaks\n"
	"\tcase $cur in --*=*) cur=${cur#*=} ;; esac\n"
	"\trest=''\n"
	"\tcase $cur in *[:=]*) rest=${cur%\"${cur##*[:=]}\"} ;; esac\n"
	"\tlocal c\n"
	"\tfor c in \"${candidates[@]}\"; do\n"
	"\t\tc=${c%%$'\\t'*}\n"
	"\t\tCOMPREPLY+=(\"${c#\"$rest\"}\")\n"
	"\tdone\n"
	"\t[ $((directive & 2)) = 0 ] || compopt -o nospace\n"
	"\tif [ $((directive & 16)) != 0 ]; then\n"
	"\t\tcompopt -o filenames; mapfile -t -O \"${#COMPREPLY[@]}\" COMPREPLY "
	"< <(compgen -d -- \"${cur#\"$rest\"}\")\n"
	"\telif [ $((directive & 4)) = 0 ]; then\n"
	"\t\tcompopt -o filenames; mapfile -t -O \"${#COMPREPLY[@]}\" COMPREPLY "
	"< <(compgen -f -- \"${cur#\"$rest\"}\")\n"
	"\tfi\n"
	"\treturn 0\n"
	"}\n"
	"complete -F _pm_complete pm\n";

static const char zsh_script[] =
	"#compdef pm\n"
	"# zsh completion for pm; made by `pm completion zsh`\n"
	"_pm() {\n"
	"\tlocal -a lines values texts add\n"
	"\tlocal line directive\n"
	"\tlines=(\"${(@f)$(pm __complete \"${(@)words[2,CURRENT]}\" 2>/dev/null)}\")\n"
	"\tdirective=${lines[-1]#:}\n"
	"\tlines[-1]=()\n"
	"\tcompset -P 1 -- '--*='\n"
	"\t(( directive & 2 )) && add=(-S '')\n"
	"\tfor line in $lines; do\n"
	"\t\tvalues+=(\"${line%%$'\\t'*}\")\n"
	"\t\tcase $line in\n"
	"\t\t*$'\\t'*) texts+=(\"${line%%$'\\t'*} -- ${line#*$'\\t'}\") ;;\n"
	"\t\t*) texts+=(\"$line\") ;;\n"
	"\t\tesac\n"
	"\tdone\n"
	"\t(( $#values )) && compadd $add -l -d texts -a values\n"
	"\tif (( directive & 16 )); then\n"
	"\t\t_files -/\n"
	"\telif (( ! (directive & 4) )); then\n"
	"\t\t_files\n"
	"\tfi\n"
	"}\n"
	"if [ \"$funcstack[1]\" = \"_pm\" ]; then\n"
	"\t_pm \"$@\"\n"
	"else\n"
	"\tcompdef _pm pm\n"
	"fi\n";

static const char fish_script[] =
	"# fish completion for pm; made by `pm completion fish`\n"
	"function __pm_complete\n"
	"\tset -l words (commandline -opc) (commandline -ct)\n"
	"\tset -l lines (pm __complete $words[2..-1] 2>/dev/null)\n"
	"\ttest (count $lines) -gt 0; or return\n"
	"\tset -l directive (string sub -s 2 -- $lines[-1])\n"
	"\tset -e lines[-1]\n"
	"\tset -l option (string match -r -- '^--.*=' (commandline -ct))\n"
	"\tfor line in $lines\n"
	"\t\tprintf '%s%s\\n' \"$option\" $line\n"
	"\tend\n"
	"\tif test (math \"bitand($directive, 16)\") != 0\n"
	"\t\t__fish_complete_directories (commandline -ct)\n"
	"\telse if test (math \"bitand($directive, 4)\") = 0\n"
	"\t\t__fish_complete_path (commandline -ct)\n"
	"\tend\n"
	"end\n"
	"complete -c pm -f -a '(__pm_complete)'\n";

const char *pm_completion_script(const char *shell)
{
	if (strcmp(shell, "bash") == 0)
		return bash_script;
	if (strcmp(shell, "zsh") == 0)
		return zsh_script;
	if (strcmp(shell, "fish") == 0)
		return fish_script;
	return NULL;
}
