#include "tests/unit/test.h"

#include "cli/template.h"

/* What is wanted was taken from Go 1.19's text/template with the same data, objects whose members
 * all begin with a capital being structs there; an error's text (behind ERROR) is Go's, but where
 * it names Go types. */
static const char data[] =
	"{\"Name\":\"web\",\"Id\":\"abc123def\",\"N\":42,\"F\":2.5,\"Big\":1e21,\"O"
	"k\":true,\"No\":false,\"Empty\":\"\",\"List\":[\"a\",\"b\",\"c\"],\"None\""
	":[],\"Mixed\":[1,\"x\",true,2.5],\"Labels\":{\"app\":\"web\",\"tier\":\"x "
	"y\"},\"NoLabels\":{},\"State\":{\"Status\":\"running\",\"Pid\":7,\"Health"
	"\":{\"Log\":[\"l1\"]}},\"M\":{\"k1\":{\"A\":1,\"B\":\"z\"},\"k2\":{\"A\":2"
	",\"B\":\"y\"}},\"H\":\"<a href=\\\"x\\\">&'b'\",\"U\":\"héllo wörld 世界\","
	"\"Neg\":-5,\"Zero\":0,\"P\":[{\"HostPort\":\"80\",\"Ip\":\"\"},{\"HostPort"
	"\":\"443\",\"Ip\":\"::1\"}]}";

#define ERROR "\x01"

static const struct {
	const char *text, *want;
} cases[] = {
	{"{{.Name}}|{{.State.Status}} {{.State.Health.Log}}",
	 "web|running [l1]"},
	{"{{printf \"%v %+v\" .State .State}}",
	 "{running 7 {[l1]}} {Status:running Pid:7 Health:{Log:[l1]}}"},
	{"{{.Labels.app}} {{.Labels.zz}} {{index .Labels \"app\"}} [{{index .Labels "
	 "\"zz\"}}] {{index .M \"k1\"}}",
	 "web <no value> web [] {1 z}"},
	{"{{.Nope}}",
	 ERROR "template: t:1:2: executing \"t\" at <.Nope>: can't evaluate field Nope in "
	 "type struct"},
	{"{{.State.Nope}}",
	 ERROR "template: t:1:8: executing \"t\" at <.State.Nope>: can't evaluate field No"
	 "pe in type struct"},
	{"{{.Name.Nope}}",
	 ERROR "template: t:1:7: executing \"t\" at <.Name.Nope>: can't evaluate field Nop"
	 "e in type string"},
	{"{{.N.X}}",
	 ERROR "template: t:1:4: executing \"t\" at <.N.X>: can't evaluate field X in type"
	 " int"},
	{"{{range .List}}<{{.}}>{{end}} {{range $i,$v := .List}}{{$i}}={{$v}};{{end}"
	 "} {{range $v := .List}}{{$v}}{{end}}",
	 "<a><b><c> 0=a;1=b;2=c; abc"},
	{"{{range $k,$v := .Labels}}{{$k}}:{{$v}},{{end}}{{range .None}}x{{else}}non"
	 "e{{end}}{{range .NoLabels}}x{{else}}nolabels{{end}}",
	 "app:web,tier:x y,nonenolabels"},
	{"{{range .List}}{{if eq . \"b\"}}{{break}}{{end}}{{.}}{{end}}|{{range .List"
	 "}}{{if eq . \"b\"}}{{continue}}{{end}}{{.}}{{end}}",
	 "a|ac"},
	{"{{range .N}}{{end}}",
	 ERROR "template: t:1:8: executing \"t\" at <.N>: range can't iterate over 42"},
	{"{{range .State}}{{end}}",
	 ERROR "template: t:1:8: executing \"t\" at <.State>: range can't iterate over {ru"
	 "nning 7 {[l1]}}"},
	{"{{range .Name}}{{end}}",
	 ERROR "template: t:1:8: executing \"t\" at <.Name>: range can't iterate over web"},
	{"{{if .Ok}}y{{else}}n{{end}}{{if .Empty}}y{{else if .N}}elif{{else}}n{{end}"
	 "}{{if .State}}s{{end}}{{if .None}}l{{end}}{{if .Zero}}z{{end}}",
	 "yelifs"},
	{"{{with .State}}{{.Status}} {{$.Name}}{{else}}no{{end}}{{with .Empty}}x{{el"
	 "se}}empty{{end}}{{with $x := .N}}{{$x}}{{end}}",
	 "running webempty42"},
	{"{{$x := 1}}{{if true}}{{$x = 2}}{{$y := 3}}{{$x}}{{$y}}{{end}}{{$x}}",
	 "232"},
	{"{{$y = 2}}",
	 ERROR "template: t:1:2: executing \"t\" at <$y = 2>: undefined variable: $y"},
	{"{{define \"T\"}}[{{.}}:{{$}}]{{end}}{{template \"T\" .Name}}{{template \"T"
	 "\"}}{{block \"B\" .N}}b{{.}}{{end}}",
	 "[web:web][<no value>:<no value>]b42"},
	{"{{template \"nope\"}}",
	 ERROR "template: t:1:2: executing \"t\" at <template \"nope\">: template \"nope\""
	 " not defined"},
	{"{{define \"r\"}}{{template \"r\" .}}{{end}}ok",
	 "ok"},
	{"{{/* comment */}}a{{- /* c */ -}} b",
	 "ab"},
	{"a  {{- .Name -}}   b {{- \" x\" }}",
	 "awebb x"},
	{"{{ .Name }}\t{{\"q\\t\\\"x\\\" \\u00e9\\x41\\101\"}} {{`raw\\n`}} {{'a'}} "
	 "{{'\\n'}}",
	 "web\tq\t\"x\" éAA raw\\n 97 10"},
	{"{{1}} {{-5}} {{0x1F}} {{0b11}} {{0o17}} {{017}} {{1_000}} {{1.5}} {{1e3}} "
	 "{{.5}} {{1e-7}} {{123456789.0}}",
	 "1 -5 31 3 15 15 1000 1.5 1000 0.5 1e-07 1.23456789e+08"},
	{"{{and 1 0}} {{and 1 2}} {{or 0 \"x\"}} {{or 0 \"\"}} {{not 0}} {{not .Ok}}"
	 " {{and}}",
	 ERROR "template: t:1:73: executing \"t\" at <and>: wrong number of args for and: "
	 "want at least 1 got 0"},
	{"{{or 1 .Nope}} {{and 0 .Nope}}",
	 "1 0"},
	{"{{eq 1 1}} {{eq .N 1 42}} {{eq .Name \"web\"}} {{ne .Name \"x\"}} {{lt 1 2"
	 "}} {{le 2 2}} {{gt \"b\" \"a\"}} {{ge 1.5 2.5}} {{eq true .Ok}}",
	 "true true true true true true true false true"},
	{"{{eq 1 1.0}}",
	 ERROR "template: t:1:2: executing \"t\" at <eq 1 1.0>: error calling eq: incompat"
	 "ible types for comparison"},
	{"{{eq .Name 1}}",
	 ERROR "template: t:1:2: executing \"t\" at <eq .Name 1>: error calling eq: incomp"
	 "atible types for comparison"},
	{"{{eq .List .List}}",
	 ERROR "template: t:1:2: executing \"t\" at <eq .List .List>: error calling eq: no"
	 "n-comparable types []string, []string"},
	{"{{eq 1}}",
	 ERROR "template: t:1:2: executing \"t\" at <eq 1>: error calling eq: missing argu"
	 "ment for comparison"},
	{"{{lt true false}}",
	 ERROR "template: t:1:2: executing \"t\" at <lt true false>: error calling lt: inv"
	 "alid type for comparison"},
	{"{{lt .List 1}}",
	 ERROR "template: t:1:2: executing \"t\" at <lt .List 1>: error calling lt: invali"
	 "d type for comparison"},
	{"{{len .List}} {{len .Name}} {{len .Labels}} {{len .U}} {{.List | len}}",
	 "3 3 2 20 3"},
	{"{{len .N}}",
	 ERROR "template: t:1:2: executing \"t\" at <len .N>: error calling len: len of ty"
	 "pe int"},
	{"{{len 3}}",
	 ERROR "template: t:1:2: executing \"t\" at <len 3>: error calling len: len of typ"
	 "e int"},
	{"{{index .List 0}} {{index .List 2}} {{index .Mixed 1}} {{index .P 1}} {{(i"
	 "ndex .P 0).HostPort}} {{index .Name 0}}",
	 "a c x {443 ::1} 80 119"},
	{"{{index .List 5}}",
	 ERROR "template: t:1:2: executing \"t\" at <index .List 5>: error calling index: "
	 "index out of range: 5"},
	{"{{index .List -1}}",
	 ERROR "template: t:1:2: executing \"t\" at <index .List -1>: error calling index:"
	 " index out of range: -1"},
	{"{{index .List \"x\"}}",
	 ERROR "template: t:1:2: executing \"t\" at <index .List \"x\">: error calling ind"
	 "ex: cannot index slice/array with type string"},
	{"{{index .N 1}}",
	 ERROR "template: t:1:2: executing \"t\" at <index .N 1>: error calling index: can"
	 "'t index item of type int"},
	{"{{slice .List 1}} {{slice .List 1 2}} {{slice .Name 1 2}} {{slice .Name}}",
	 "[b c] [b] e web"},
	{"{{slice .List 2 1}}",
	 ERROR "template: t:1:2: executing \"t\" at <slice .List 2 1>: error calling slice"
	 ": invalid slice index: 2 > 1"},
	{"{{slice .N 1}}",
	 ERROR "template: t:1:2: executing \"t\" at <slice .N 1>: error calling slice: can"
	 "'t slice item of type int"},
	{"{{print 1 2 \"a\" \"b\" 3 4 true}} {{println \"a\" 1}}{{print}}{{print .Li"
	 "st .Labels}}",
	 "1 2ab3 4 true a 1\n[a b c] map[app:web tier:x y]"},
	{"{{printf \"%s|%v|%q|%d|%x|%X|%t|%f|%10s|%-10s|%5d|%-5d|%05d|%%|%T\" \"s\" "
	 ".List \"q\\\"\\n\" 42 255 \"hi\" true 1.5 \"r\" \"l\" 7 7 7 \"t\"}}",
	 "s|[a b c]|\"q\\\"\\n\"|42|ff|6869|true|1.500000|         r|l         |    "
	 "7|7    |00007|%|string"},
	{"{{printf \"%d %s %z %!\" \"x\" 5 1}}",
	 "%!d(string=x) %!s(int=5) %!z(int=1) %!!(MISSING)"},
	{"{{printf \"%d\"}} {{printf \"%d %d\" 1}} {{printf \"x\" 1 \"y\"}} {{printf"
	 " \"%\"}}",
	 "%!d(MISSING) 1 %!d(MISSING) x%!(EXTRA int=1, string=y) %!(NOVERB)"},
	{"{{printf \"%+d % d %+d %x %#x %o %#o %b %c %q %U %e %g %G %.2f %6.2f|%-8.3"
	 "f|%08.2f|%+.1f\" 5 5 -5 -255 255 8 8 5 65 65 65 1234.5 1e-10 1e20 2.345 2."
	 "345 2.345 2.345 2.0}}",
	 "+5  5 -5 -ff 0xff 10 010 101 A 'A' U+0041 1.234500e+03 1e-10 1E+20 2.35   "
	 "2.35|2.345   |00002.35|+2.0"},
	{"{{printf \"%.2s|%5.1s|%.10s|%q|%x|% x|%#x|%# X\" \"héllo\" \"xyz\" \"ab\" "
	 ".U \"hi\" \"hi\" \"hi\" \"hi\"}}",
	 "hé|    x|ab|\"héllo wörld 世界\"|6869|68 69|0x6869|0X68 0X69"},
	{"{{printf \"%s %d %q %v\" .List .Mixed .List .Labels}}",
	 "[a b c] [1 %!d(string=x) %!d(bool=true) %!d(float64=2.5)] [\"a\" \"b\" \"c"
	 "\"] map[app:web tier:x y]"},
	{"{{printf \"%*d|%-*d|%.*f\" 5 42 5 42 1 2.55}} {{printf \"%5t|%-7t|%v\" tru"
	 "e false .Ok}}",
	 "   42|42   |2.5  true|false  |true"},
	{"{{printf \"%5v|%-5v|%05v|%5s\" .List .N .N .List}} {{printf \"%#v %#v %#v"
	 "\" .Name .N .Ok}}",
	 "[    a     b     c]|42   |00042|[    a     b     c] \"web\" 42 true"},
	{"{{printf \"%v %v %v %v %v\" 1.0 0.1 1e6 123456.7 1e-5}} {{.F}} {{.Big}} {{"
	 ".Neg}}",
	 "1 0.1 1e+06 123456.7 1e-05 2.5 1e+21 -5"},
	{"{{printf \"%6.3v|%.3v|%v\" 3.14159 \"abcdef\" -0.0}} {{printf \"%t\" 1}} {"
	 "{printf \"%s\" .Ok}} {{printf \"%v\" .Labels.zz}} {{printf \"%s\" .Labels."
	 "zz}} {{printf \"%d\" nil}}",
	 "  3.14|abc|-0 %!t(int=1) %!s(bool=true) <nil> %!s(<nil>) %!d(<nil>)"},
	{"{{html .H}} {{js .H}} {{urlquery .H \"a b\"}} {{.H | html}} {{html 1 2}} {"
	 "{js \"\\n\\t é=\"}}",
	 "&lt;a href=&#34;x&#34;&gt;&amp;&#39;b&#39; \\u003Ca href\\u003D\\\"x\\\""
	 "\\u003E\\u0026\\'b\\' %3Ca+href%3D%22x%22%3E%26%27b%27a+b &lt;a href=&#34;"
	 "x&#34;&gt;&amp;&#39;b&#39; 1 2 \\u000A\\u0009 é\\u003D"},
	{"{{json .Labels}} {{json .H}} {{json .List}} {{json 1}} {{json \"x\"}}",
	 "{\"app\":\"web\",\"tier\":\"x y\"} \"<a href=\\\"x\\\">&'b'\" [\"a\",\"b\""
	 ",\"c\"] 1 \"x\""},
	{"{{join .List \",\"}} {{join .None \",\"}} {{.Name | upper | printf \"%s-%s"
	 "\" \"x\"}} {{lower \"ABCé\"}} {{upper .U}} {{title \"hello wörld foo-bar_b"
	 "az x\"}} {{split \"a,b,c\" \",\"}} {{split \"abc\" \"\"}} {{split \"\" \","
	 "\"}} {{index (split \"a:b\" \":\") 1}}",
	 "a,b,c  x-WEB abcé HÉLLO WÖRLD 世界 Hello Wörld Foo-Bar_baz X [a b c] [a b c]"
	 " [] b"},
	{"{{truncate .Id 3}} {{truncate .Id 100}} {{pad .Name 2 3}}| {{pad \"\" 1 1}"
	 "}|",
	 "abc abc123def   web   | |"},
	{"{{upper 1}}",
	 ERROR "template: t:1:8: executing \"t\" at <1>: wrong type for value; expected st"
	 "ring; got int"},
	{"{{upper .N}}",
	 ERROR "template: t:1:8: executing \"t\" at <.N>: wrong type for value; expected s"
	 "tring; got int"},
	{"{{upper}}",
	 ERROR "template: t:1:2: executing \"t\" at <upper>: wrong number of args for uppe"
	 "r: want 1 got 0"},
	{"{{upper \"a\" \"b\"}}",
	 ERROR "template: t:1:2: executing \"t\" at <upper>: wrong number of args for uppe"
	 "r: want 1 got 2"},
	{"{{truncate .Name \"x\"}}",
	 ERROR "template: t:1:17: executing \"t\" at <\"x\">: wrong type for value; expect"
	 "ed int; got string"},
	{"{{.Name | nope}}",
	 ERROR "template: t:1: function \"nope\" not defined"},
	{"{{1 | .Name}}",
	 ERROR "template: t:1:6: executing \"t\" at <.Name>: Name has arguments but cannot"
	 " be invoked as function"},
	{"{{.Name 1}}",
	 ERROR "template: t:1:2: executing \"t\" at <.Name>: Name has arguments but cannot"
	 " be invoked as function"},
	{"{{. 1}}",
	 ERROR "template: t:1:2: executing \"t\" at <.>: can't give argument to non-functi"
	 "on ."},
	{"{{\"x\" 1}}",
	 ERROR "template: t:1:2: executing \"t\" at <\"x\">: can't give argument to non-fu"
	 "nction \"x\""},
	{"{{nil}}",
	 ERROR "template: t:1:2: executing \"t\" at <nil>: nil is not a command"},
	{"{{.Labels.app 1}}",
	 ERROR "template: t:1:9: executing \"t\" at <.Labels.app>: app is not a method but"
	 " has arguments"},
	{"{{if}}x{{end}}",
	 ERROR "template: t:1: missing value for if"},
	{"{{if .Ok}}x",
	 ERROR "template: t:1: unexpected EOF"},
	{"{{end}}",
	 ERROR "template: t:1: unexpected {{end}}"},
	{"{{else}}",
	 ERROR "template: t:1: unexpected {{else}}"},
	{"{{range .List}}x{{else}}y{{else}}z{{end}}",
	 ERROR "template: t:1: expected end; found {{else}}"},
	{"{{if .Ok}}x{{else}}y{{else}}z{{end}}",
	 ERROR "template: t:1: expected end; found {{else}}"},
	{"{{.Name",
	 ERROR "template: t:1: unclosed action"},
	{"{{.Name}",
	 ERROR "template: t:1: bad character U+007D '}'"},
	{"{{.ID{{",
	 ERROR "template: t:1: bad character U+007B '{'"},
	{"{{\"abc",
	 ERROR "template: t:1: unterminated quoted string"},
	{"{{`abc",
	 ERROR "template: t:1: unterminated raw quoted string"},
	{"{{(.Name}}",
	 ERROR "template: t:1: unclosed left paren"},
	{"{{.Name)}}",
	 ERROR "template: t:1: unexpected right paren U+0029 ')'"},
	{"{{$x}}",
	 ERROR "template: t:1: undefined variable \"$x\""},
	{"{{$}}{{\"a\"}}",
	 "{web abc123def 42 2.5 1e+21 true false  [a b c] [] [1 x true 2.5] map[app:"
	 "web tier:x y] map[] {running 7 {[l1]}} map[k1:{1 z} k2:{2 y}] <a href=\"x"
	 "\">&'b' héllo wörld 世界 -5 0 [{80 } {443 ::1}]}a"},
	{"{{$.Name}} {{$.State.Pid}} {{(.State).Pid}} {{(print \"a\")}} {{len (print"
	 " \"a\" 1)}}",
	 "web 7 7 a 2"},
	{"{{\"x\".Foo}}",
	 ERROR "template: t:1: unexpected . after term \"\\\"x\\\"\""},
	{"{{.Foo.}}",
	 ERROR "template: t:1: unexpected <.> in operand"},
	{"{{..Foo}}",
	 ERROR "template: t:1: unexpected . after term \".\""},
	{"{{.Name | 1}}",
	 ERROR "template: t:1: non executable command in pipeline stage 2"},
	{"{{.Name | \"x\"}}",
	 ERROR "template: t:1: non executable command in pipeline stage 2"},
	{"{{.Name |}}",
	 "web"},
	{"{{| .Name}}",
	 ERROR "template: t:1: unexpected \"|\" in command"},
	{"{{}}",
	 ERROR "template: t:1: missing value for command"},
	{"{{ }}",
	 ERROR "template: t:1: missing value for command"},
	{"{{define}}x{{end}}",
	 ERROR "template: t:1: unexpected \"}}\" in define clause"},
	{"{{define \"x\"}}",
	 ERROR "template: t:1: unexpected EOF"},
	{"{{define \"x\"}}1{{end}}{{define \"x\"}}2{{end}}",
	 ERROR "template: t:1: template: multiple definition of template \"x\""},
	{"{{if .Ok}}{{define \"x\"}}1{{end}}{{end}}",
	 ERROR "template: t:1: unexpected <define> in command"},
	{"{{break}}",
	 ERROR "template: t:1: {{break}} outside {{range}}"},
	{"{{range .List}}{{break 1}}{{end}}",
	 ERROR "template: t:1: unexpected \"1\" in {{break}}"},
	{"{{template}}",
	 ERROR "template: t:1: unexpected \"}}\" in template clause"},
	{"{{template .Name}}",
	 ERROR "template: t:1: unexpected \".Name\" in template clause"},
	{"{{block \"x\"}}{{end}}",
	 ERROR "template: t:1: missing value for block clause"},
	{"{{$a, $b := 1}}",
	 ERROR "template: t:1: too many declarations in command"},
	{"{{range $a, 1 := .List}}{{end}}",
	 ERROR "template: t:1: range can only initialize variables"},
	{"{{range $a, $b, $c := .List}}{{end}}",
	 ERROR "template: t:1: too many declarations in range"},
	{"{{a}}",
	 ERROR "template: t:1: function \"a\" not defined"},
	{"{{.Name}} }} {{\"}}\"}} {{`{{`}} {",
	 "web }} }} {{ {"},
	{"{{/* unclosed",
	 ERROR "template: t:1: unclosed comment"},
	{"{{/* x */ }}",
	 ERROR "template: t:1: comment ends before closing delimiter"},
	{"{{- /* x */}}y",
	 "y"},
	{"{{1x}}",
	 ERROR "template: t:1: bad number syntax: \"1x\""},
	{"{{0x}}",
	 ERROR "template: t:1: bad number syntax: \"0x\""},
	{"{{1e}}",
	 ERROR "template: t:1: bad number syntax: \"1e\""},
	{"{{1.2.3}}",
	 ERROR "template: t:1: bad number syntax: \"1.2.3\""},
	{"{{99999999999999999999}}",
	 ERROR "template: t:1: bad number syntax: \"99999999999999999999\""},
	{"{{''}}",
	 ERROR "template: t:1: malformed character constant"},
	{"{{'ab'}}",
	 ERROR "template: t:1: malformed character constant"},
	{"{{\"\\z\"}}",
	 ERROR "template: t:1: invalid syntax"},
	{"{{@}}",
	 ERROR "template: t:1: unrecognized character in action: U+0040 '@'"},
	{"{{.Name}}{{/*a*/}}{{/*b*/ -}}  z",
	 "webz"},
	{"x{{if .Ok -}}  y  {{- end}}  z",
	 "xy  z"},
	{"{{range .P}}{{.HostPort}}{{if .Ip}}[{{.Ip}}]{{end}} {{end}}",
	 "80 443[::1] "},
	{"{{range $k, $v := .M}}{{$k}}{{$v.A}}{{.B}}{{end}}",
	 "k11zk22y"},
	{"{{with .Labels}}{{.app}}{{.nope}}{{end}}{{.Labels.nope.deeper}}",
	 "web<no value><no value>"},
	{"{{with $l := .Labels}}{{range $k, $v := $l}}{{$k}}{{end}}{{end}}",
	 "apptier"},
	{"{{len .Labels.zz}}",
	 ERROR "template: t:1:2: executing \"t\" at <len .Labels.zz>: error calling len: l"
	 "en of nil pointer"},
	{"{{range .Labels.zz}}x{{else}}e{{end}}{{if .Labels.zz}}x{{else}}e{{end}}",
	 "ee"},
	{"{{index .Labels.zz \"a\"}}",
	 ERROR "template: t:1:2: executing \"t\" at <index .Labels.zz \"a\">: error callin"
	 "g index: index of untyped nil"},
	{"{{eq .Labels.zz \"a\"}}",
	 "false"},
	{"{{eq .Labels.zz nil}}",
	 "true"},
	{"{{not .Labels.zz}} {{print .Labels.zz}} {{json .Labels.zz}}",
	 "true <nil> null"},
	{"{{range $i, $e := .List}}{{if $i}}, {{end}}{{$e}}{{end}}",
	 "a, b, c"},
	{"{{$s := \"a\"}}{{range .List}}{{$s = printf \"%s%s\" $s .}}{{end}}{{$s}}",
	 "aabc"},
	{"{{range .List}}{{$.Name}}{{end}}{{with .State}}{{with .Health}}{{.Log}}{{e"
	 "nd}}{{end}}",
	 "webwebweb[l1]"},
	{"{{.Name|upper}} {{ .Name | printf \"%s %s\" \"a\" }} {{printf \"%d\" (len "
	 ".List)}} {{eq (len .List) 3}}",
	 "WEB a web 3 true"},
	{"{{if and .Ok (eq .Name \"web\") (gt .N 3)}}yes{{end}} {{if or .No (not .Em"
	 "pty)}}yes{{end}}",
	 "yes yes"},
	{"{{if .Ok}}a{{else if .No}}b{{else if .N}}c{{else}}d{{end}}{{if .No}}a{{els"
	 "e if .No}}b{{else}}d{{end}}",
	 "ad"},
	{"{{range .List}}{{range $.None}}{{else}}{{break}}{{end}}{{.}}{{end}}",
	 "abc"},
	{"{{/* a */ -}} x {{- /* b */ -}} y",
	 "xy"},
	{"{{  .Name  |  upper  }}{{  if  .Ok  }}1{{  else  }}2{{  end  }}",
	 "WEB1"},
	{"{{printf \"%[1]d\" 5}}",
	 "5"},
	{"{{printf \"%3c|%-3c|%q\" 65 66 'x'}} {{'世'}} {{printf \"%c\" '世'}} {{print"
	 "f \"%08b\" 5}} {{printf \"%x\" \"世\"}}",
	 "  A|B  |'x' 19990 世 00000101 e4b896"},
	{"{{printf \"%s\" 1.5}} {{printf \"%d\" 1.5}} {{printf \"%s\" .State}} {{pri"
	 "ntf \"%5.2f%%\" 99.5}} {{printf \"%v\" .M}} {{printf \"%6d\" .List}}",
	 "%!s(float64=1.5) %!d(float64=1.5) {running %!s(int=7) {[l1]}} 99.50% map[k"
	 "1:{1 z} k2:{2 y}] [%!d(string=     a) %!d(string=     b) %!d(string=     c"
	 ")]"},
	{"{{printf \"%é\" 1}} {{printf .Name}} {{printf 1}}",
	 ERROR "template: t:1:45: executing \"t\" at <1>: wrong type for value; expected s"
	 "tring; got int"},
	{"{{.U | printf \"%-8s|%8s|\" \"é\"}} {{printf \"%q\" \"\\a\\b\\x7f\\u200b世"
	 "\\\\\"}} {{printf \"%+q\" \"a\"}}",
	 "é       |héllo wörld 世界| \"\\a\\b\\x7f\\u200b世\\\\\" \"a\""},
};

static void hint(struct pm_json *v)
{
	bool capitals = v->kind == PM_JSON_OBJECT && v->len > 0;
	for (size_t i = 0; i < pm_json_len(v); i++) {
		hint(v->kind == PM_JSON_ARRAY ? v->items[i] : v->members[i].value);
		if (capitals && (v->members[i].name[0] < 'A' || v->members[i].name[0] > 'Z'))
			capitals = false;
	}
	if (v->kind == PM_JSON_OBJECT && !capitals)
		v->hint = PM_JSON_MAP;
}

static struct pm_json *parse(struct pm_json_pool *pool, const char *text)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_json *v;
	CHECK_OK(pm_json_parse(pool, text, strlen(text), &v, &err), err);
	hint(v);
	return v;
}

/* What text makes of v, or "\1" and the error; static. */
static const char *exec(const char *text, const struct pm_json *v,
			const struct pm_template_opts *opts)
{
	static struct pm_buf b;
	_cleanup_template_ struct pm_template *t = NULL;
	struct pm_err err = PM_ERR_INIT;
	pm_buf_cut(&b, 0);
	if (pm_template_parse(text, "t", &t, &err) < 0 ||
	    pm_template_exec(t, v, opts, &b, &err) < 0) {
		CHECK_INT(err.code, PM_E_USAGE);
		pm_buf_cut(&b, 0);
		pm_buf_printf(&b, ERROR "%s", err.text);
	}
	return pm_buf_str(&b);
}

TEST(as_go)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *v = parse(pool, data);
	for (size_t i = 0; i < PM_ARRAY_SIZE(cases); i++) {
		const char *got = exec(cases[i].text, v, NULL);
		if (strcmp(got, cases[i].want) != 0)
			test_fail(__FILE__, __LINE__, "%s\ngives '%s'\nnot   '%s'", cases[i].text,
				  got, cases[i].want);
	}
}

/* Scripts ask for labels that an image may lack, and whose map may be null. */
TEST(null_and_missing)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *v = parse(pool, "{\"Labels\":null,\"Cmd\":null,\"M\":{\"a\":{\"B\":1}},"
					"\"N\":{\"a\":1}}");
	CHECK_STR(exec("[{{index .Labels \"x\"}}]", v, NULL), "[]");
	CHECK_STR(exec("{{.Cmd}} {{len .Cmd}} {{json .Cmd}} {{join .Cmd \" \"}}|", v, NULL),
		  "<nil> 0 null |");
	CHECK_STR(exec("{{range .Cmd}}x{{else}}none{{end}}{{if .Cmd}}x{{end}}", v, NULL), "none");
	CHECK_STR(exec("{{eq .Cmd nil}} {{eq .Cmd \"a\"}}", v, NULL), "true false");
	CHECK_STR(exec("{{index .M \"zz\"}} {{index .N \"zz\"}} {{.M.zz}}", v, NULL),
		  "<nil> 0 <no value>");
	CHECK_STR(exec("{{.Cmd.X}}", v, NULL),
		  ERROR "template: t:1:6: executing \"t\" at <.Cmd.X>: nil pointer evaluating "
			"interface {}.X");
	CHECK_STR(exec("{{.}}", NULL, NULL), "<no value>");
}

static int label(void *arg, struct pm_json_pool *pool, const struct pm_json *object,
		 const char *name, const struct pm_json *const *args, size_t n_args,
		 struct pm_json **ret, struct pm_err *err)
{
	CHECK(arg && object->kind == PM_JSON_OBJECT);
	if (strcmp(name, "Fail") == 0)
		return pm_fail(err, PM_E_USAGE, "on purpose");
	if (strcmp(name, "Label") != 0 || n_args != 1)
		return 0;
	*ret = pm_json_str(pool, args[0]->string);
	return 1;
}

TEST(options)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *v =
		parse(pool, "{\"Host\":{\"arch\":\"x\"},\"Evil\":\"\\u001b[2J\\u009b\"}");
	v->members[0].value->hint = PM_JSON_PLAIN;
	struct pm_template_opts o = {.type = "*define.Info"};
	CHECK_STR(exec("{{.Nope}}", v, &o),
		  ERROR "template: t:1:2: executing \"t\" at <.Nope>: can't evaluate field Nope in "
			"type *define.Info");
	CHECK(exec("{{.Host.Arch}}", v, &o)[0] == '\1');
	o.fold_case = true;
	CHECK_STR(exec("{{.host.Arch}}", v, &o), "x");
	CHECK_STR(exec("\x1b[1m{{.Evil}}", v, &o), "\x1b[1m\x1b[2J\xc2\x9b");
	o.safe = true;
	CHECK_STR(exec("\x1b[1m{{.Evil}}\n{{print \"a\\tb\\n\"}}", v, &o), "\x1b[1m?[2J?\na\tb\n");
	o.method = label;
	o.arg = &o;
	CHECK_STR(exec("{{.Label \"a\"}} {{\"b\" | .Label}} {{(.Label \"c\") | upper}}", v, &o),
		  "a b C");
	CHECK(strstr(exec("{{.Label}}", v, &o), "can't evaluate field Label"));
	CHECK(strstr(exec("{{.Fail}}", v, &o), "error calling Fail: on purpose"));
	CHECK(strstr(exec("{{.Evil 1}}", v, &o),
		     "Evil has arguments but cannot be invoked as function"));
}

TEST(times)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *v = parse(pool, "{\"Created\":\"2026-11-24T00:14:59.811136205Z\","
					"\"In\":[{\"Created\":\"0001-01-01T00:00:00Z\"}],"
					"\"Labels\":{\"Created\":\"2026-11-24T00:14:59Z\"}}");
	static const char *const maps[] = {"Labels", NULL}, *const times[] = {"Created", NULL};
	pm_template_hint(v, &(struct pm_template_types){.maps = maps, .times = times});
	CHECK_STR(exec("{{.Created}} {{json .Created}} {{.Labels.Created}}", v, NULL),
		  "2026-11-24 00:14:59.811136205 +0000 UTC \"2026-11-24T00:14:59.811136205Z\" "
		  "2026-11-24T00:14:59Z");
	CHECK_STR(exec("{{.Created.Unix}} {{.Created.Format \"Jan 2 2006 15:04\"}} "
		       "{{.Created.IsZero}} {{printf \"%.10s\" .Created}} {{.Created.UnixNano}}",
		       v, NULL),
		  "1795479299 Nov 24 2026 00:14 false 2026-11-24 1795479299811136205");
	CHECK_STR(exec("{{range .In}}{{.Created}} {{.Created.IsZero}} {{.Created.Unix}}{{end}}", v,
		       NULL),
		  "0001-01-01 00:00:00 +0000 UTC true -62135596800");
	CHECK(strstr(exec("{{.Created.Nope}}", v, NULL),
		     "can't evaluate field Nope in type time.Time"));
}

TEST(nil_maps_and_lists)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *v = parse(pool, "{\"Labels\":null,\"Cmd\":null,\"Health\":null,"
					"\"Names\":{\"Cmd\":null}}");
	static const char *const maps[] = {"Labels", "Names", NULL}, *const lists[] = {"Cmd", NULL};
	pm_template_hint(v, &(struct pm_template_types){.maps = maps, .lists = lists});
	CHECK_STR(exec("{{.Labels}} {{.Cmd}} {{.Health}} {{.Names.Cmd}}", v, NULL), "map[] [] <nil> <nil>");
	CHECK_STR(exec("{{.Labels.a}}", v, NULL), "<no value>");
	CHECK_STR(exec("{{index .Labels \"a\"}}|{{len .Labels}}{{len .Cmd}}|{{json .Labels}} {{json .Cmd}}", v, NULL),
		  "|00|null null");
	CHECK_STR(exec("{{range .Labels}}x{{end}}{{range .Cmd}}x{{else}}none{{end}}{{if .Cmd}}x{{end}}", v, NULL), "none");
	CHECK(strstr(exec("{{.Health.Log}}", v, NULL), "nil pointer evaluating interface {}.Log"));
	CHECK(strstr(exec("{{index .Cmd 0}}", v, NULL), "index out of range"));
}

TEST(omitted_members)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	struct pm_json *v = parse(pool, "{\"Name\":\"n\",\"User\":\"u\"}");
	pm_json_set_omitted(pool, v, (const char *const[]){"User s", "Dir s", "Size n", "On b", "Labels m", "Cmd l",
							   "Check p", NULL});
	CHECK_STR(exec("{{.User}}|{{.Dir}}|{{.Size}}|{{.On}}|{{.Labels}}|{{.Cmd}}|{{.Check}}|{{.Labels.x}}", v, NULL),
		  "u||0|false|map[]|[]|<nil>|<no value>");
	pm_json_write(pm_json_copy(pool, v), 0, &out);
	CHECK_STR(pm_buf_str(&out), "{\"Name\":\"n\",\"User\":\"u\"}");
	static const char *const aliases[] = {"Directory", "Dir", "Who", "User", NULL};
	CHECK_STR(exec("{{.Who}}{{.Directory}}", v, &(struct pm_template_opts){.aliases = aliases}), "u");
}

TEST(bounds)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *v = pm_json_array(pool);
	for (int i = 0; i < 2000; i++)
		pm_json_add(pool, v, pm_json_int(pool, i));
	CHECK(strstr(exec("{{define \"r\"}}{{template \"r\"}}{{end}}{{template \"r\"}}", v, NULL),
		     "exceeded maximum template depth"));
	CHECK(strstr(exec("{{range .}}{{range $}}{{range $}}{{end}}{{end}}{{end}}", v, NULL),
		     "takes too long"));
	CHECK(strstr(exec("{{range .}}{{printf \"%900000d\" 1}}{{end}}", v, NULL),
		     "MiB of output"));
	CHECK(strstr(exec("{{range .}}{{$x := printf \"%900000d\" 1}}{{end}}", v, NULL),
		     "too much memory"));
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	pm_buf_add_str(&b, "{{");
	for (int i = 0; i < 100000; i++)
		pm_buf_add_char(&b, '(');
	CHECK(strstr(exec(b.data, v, NULL), "nested too deeply"));
	pm_buf_cut(&b, 0);
	for (int i = 0; i < 100000; i++)
		pm_buf_add_str(&b, "{{if 1}}");
	CHECK(strstr(exec(b.data, v, NULL), "nested too deeply"));
	pm_buf_cut(&b, 0);
	for (int i = 0; i < 100000; i++)
		pm_buf_add_str(&b, i ? "{{else if 1}}" : "{{if 1}}");
	CHECK(strstr(exec(b.data, v, NULL), "nested too deeply"));
	pm_buf_cut(&b, 0);
	pm_buf_add_str(&b, "{{");
	for (int i = 0; i < 100000; i++)
		pm_buf_add_str(&b, ".a");
	CHECK(strstr(exec(b.data, v, NULL), "too many fields"));
}

TEST(error_is_one_line)
{
	CHECK_STR(exec("a\nb {{\nprint (index 1\n2)}}", NULL, NULL), ERROR
		  "template: t:3:7: executing \"t\" at <index 1 2>: error calling index: can't "
		  "index item of type int");
}

TEST(headings)
{
	static const struct {
		const char *field, *heading;
	} fields[] = {
		{"ImageID", "IMAGE ID"},
		{"ID", "ID"},
		{"RepoTags", "REPO TAGS"},
		{"PIDNS", "PIDNS"},
		{"CreatedAt", "CREATED AT"},
		{"HTTPServer", "HTTP SERVER"},
		{"CPU2Max", "CPU 2 MAX"},
		{"size", "SIZE"},
		{"", ""},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(fields); i++) {
		_cleanup_free_ char *heading = pm_template_heading(fields[i].field);
		CHECK_STR(heading, fields[i].heading);
	}

	static const char *const pairs[] = {"Ports", "PORTS!", NULL};
	static const struct {
		const char *text, *want;
	} lines[] = {
		{"{{.ID}}\t{{.Ports}}\t{{.ImageID}}", "ID\tPORTS!\tIMAGE ID"},
		{"{{upper .Names}} {{.State.Status}} {{.Names | printf \"%.3s\"}}",
		 "NAMES STATUS NAM"},
		{"{{range .Ports}}x{{end}} {{index .Labels \"a\"}} {{len .Mounts}}",
		 "PORTS! LABELS 6"},
		{"{{if .Ok}}{{.Ok}}{{end}} {{with .Pod}}{{.}}{{end}} {{join .Networks \",\"}}",
		 "OK POD NETWORKS"},
		{"text {{.Size}}", "text SIZE"},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(lines); i++) {
		_cleanup_template_ struct pm_template *t = NULL;
		_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
		struct pm_err err = PM_ERR_INIT;
		CHECK_OK(pm_template_parse(lines[i].text, "t", &t, &err), err);
		CHECK_OK(pm_template_exec_headings(t, pairs, &b, &err), err);
		CHECK_STR(pm_buf_str(&b), lines[i].want);
	}
}
