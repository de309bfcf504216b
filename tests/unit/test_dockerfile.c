#include "engine/build/dockerfile.h"

#include "tests/unit/test.h"

static int parse(const char *text, struct pm_dockerfile **ret, struct pm_err *err)
{
	*ret = pm_dockerfile_new();
	int r = pm_dockerfile_add(*ret, "Containerfile", text, strlen(text), err);
	return r < 0 ? r : pm_dockerfile_check(*ret, err);
}

/* "KIND[json] --flag=value |word|word <<NAME:content" of each step, a line each. */
static void dump(const struct pm_dockerfile *d, struct pm_buf *out)
{
	for (size_t s = 0; s < d->n_steps; s++) {
		const struct pm_instruction *i = &d->steps[s];
		pm_buf_printf(out, "%u %s%s", i->line, pm_instruction_name(i->kind), i->json ? "[]" : "");
		for (size_t k = 0; k < i->n_flags; k++)
			pm_buf_printf(out, " --%s%s%s", i->flags[k].name, i->flags[k].value ? "=" : "",
				      i->flags[k].value ? i->flags[k].value : "");
		for (size_t k = 0; k < i->n_words; k++)
			pm_buf_printf(out, "|%s", i->words[k]);
		for (size_t k = 0; k < i->n_heredocs; k++)
			pm_buf_printf(out, " <<%s%s:%s", i->heredocs[k].name, i->heredocs[k].expand ? "" : "'",
				      i->heredocs[k].content);
		pm_buf_add_char(out, '\n');
	}
}

TEST(instructions)
{
	static const struct {
		const char *text, *want;
	} t[] = {
		{"FROM a", "1 FROM|a\n"},
		{"\xef\xbb\xbf# c\r\nfrom  a\tAS B.x-1\r\n", "2 FROM|a|AS|b.x-1\n"},
		{"ARG A=1 B\nFROM --platform=$A a", "1 ARG|A=1|B\n2 FROM --platform=$A|a\n"},
		{"FROM a\nRUN  x &&  y \\\n  # no\n\n   z  \\\n", "1 FROM|a\n2 RUN|x &&  y    z\n"},
		{"FROM a\nRUN x \\\\\nRUN y", "1 FROM|a\n2 RUN|x \\\\\n3 RUN|y\n"},
		{"# escape=`\nFROM a\nRUN x `\n y\nCOPY c:\\x \\y", "2 FROM|a\n3 RUN|x  y\n5 COPY|c:\\x|\\y\n"},
		{"# syntax=docker/dockerfile:1\n#check=skip=all\n# escape = `\nFROM a`\n b",
		 NULL},
		{"# c\n# escape=`\nFROM a\nRUN x \\\ny", "3 FROM|a\n4 RUN|x y\n"},
		{"FROM a\nCMD [\"x\", \"y z\"]\nCMD [\"x\", y]\nCMD []\nENTRYPOINT x y",
		 "1 FROM|a\n2 CMD[]|x|y z\n3 CMD|[\"x\", y]\n4 CMD[]\n5 ENTRYPOINT|x y\n"},
		{"FROM a\nENV a=b c=\"d e\" f=g\\ h\nENV k some  words\nLABEL \"x y\"=z",
		 "1 FROM|a\n2 ENV|a|b|c|\"d e\"|f|g\\ h\n3 ENV|k|some  words\n4 LABEL|\"x y\"|z\n"},
		{"FROM a\nCOPY --from=b --chown=\"x y\" --link -- --c d\nADD [\"a b\", \"c\"]",
		 "1 FROM|a\n2 COPY --from=b --chown=x y --link|--c|d\n3 ADD[]|a b|c\n"},
		{"FROM a\nHEALTHCHECK --interval=5s --retries=3 cmd x y\nHEALTHCHECK CMD [\"x\"]\nHEALTHCHECK none",
		 "1 FROM|a\n2 HEALTHCHECK --interval=5s --retries=3|CMD|x y\n3 HEALTHCHECK[]|CMD|x\n4 HEALTHCHECK|NONE\n"},
		{"FROM a\nONBUILD RUN --mount=type=cache x\nSHELL [\"a\"]\nEXPOSE 80 90/udp\nVOLUME /a /b\n"
		 "USER a b\nWORKDIR /x y\nSTOPSIGNAL 9\nMAINTAINER me you",
		 "1 FROM|a\n2 ONBUILD|RUN --mount=type=cache x\n3 SHELL[]|a\n4 EXPOSE|80|90/udp\n5 VOLUME|/a|/b\n"
		 "6 USER|a b\n7 WORKDIR|/x y\n8 STOPSIGNAL|9\n9 MAINTAINER|me you\n"},
		{"FROM a\nRUN --mount=type=cache,target=/x --mount=type=tmpfs --network=none y",
		 "1 FROM|a\n2 RUN --mount=type=cache,target=/x --mount=type=tmpfs --network=none|y\n"},
		{"FROM a\nRUN <<EOF\n# x\n\necho \\\nEOF\nUSER u",
		 "1 FROM|a\n2 RUN|<<EOF <<EOF:# x\n\necho \\\n\n7 USER|u\n"},
		{"FROM a\nRUN cat <<-'A' 3<<\"B\" > f\n\tx\n\t\ty\n\tA\n\tz\nB\n",
		 "1 FROM|a\n2 RUN|cat <<-'A' 3<<\"B\" > f <<A':x\ny\n <<B':\tz\n\n"},
		{"FROM a\nCOPY <<a.txt <<b.txt /d/\n$x\na.txt\nb.txt\n",
		 "1 FROM|a\n2 COPY|<<a.txt|<<b.txt|/d/ <<a.txt:$x\n <<b.txt:\n"},
		{"FROM a\nRUN x <<<y\nRUN [\"x\", \"<<EOF\"]\nCMD <<EOF", "1 FROM|a\n2 RUN|x <<<y\n3 RUN[]|x|<<EOF\n4 CMD|<<EOF\n"},
	};
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct pm_err err = PM_ERR_INIT;
		_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
		_cleanup_dockerfile_ struct pm_dockerfile *d = NULL;
		int r = parse(t[i].text, &d, &err);
		if (!t[i].want) {
			CHECK(r < 0);
			continue;
		}
		CHECK_OK(r, err);
		dump(d, &out);
		CHECK_STR(pm_buf_str(&out), t[i].want);
	}
}

TEST(errors_say_where)
{
	static const struct {
		const char *text, *want;
	} t[] = {
		{"", "the Containerfile is empty: it must have a FROM"},
		{"ARG a\n", "Containerfile: there is no FROM"},
		{"RUN x", "Containerfile:1: RUN before the first FROM, where only ARG may be"},
		{"FROM a\n\n\nFOO bar", "Containerfile:4: unknown instruction \"FOO\""},
		{"FROM a\nRUN x \\\n\n# c\n y\nFOO", "Containerfile:6: unknown instruction \"FOO\""},
		{"FROM a b", "Containerfile:1: FROM must be FROM IMAGE or FROM IMAGE AS NAME"},
		{"FROM a AS 1", "Containerfile:1: \"1\" cannot name a stage: letters, digits, \"-\", \"_\" and \".\" after a letter"},
		{"FROM a\nCOPY --frm=x a b", "Containerfile:2: COPY has no flag \"--frm\""},
		{"FROM a\nCOPY --exclude*=x a b", "Containerfile:2: COPY has no flag \"--exclude*\""},
		{"FROM a\nCOPY --from=x --from=y a b", "Containerfile:2: COPY has the flag \"--from\" more than once"},
		{"FROM a\nADD --from=x a b", "Containerfile:2: ADD has no flag \"--from\""},
		{"FROM a\nUSER --x y", "Containerfile:2: USER has no flag \"--x\""},
		{"FROM a\nCOPY x", "Containerfile:2: COPY needs a source and a destination"},
		{"FROM a\nRUN", "Containerfile:2: RUN needs an argument"},
		{"FROM a\nSHELL sh", "Containerfile:2: SHELL must be an array in JSON: [\"/bin/sh\", \"-c\"]"},
		{"FROM a\nCMD [1]", "Containerfile:2: the array of CMD must hold strings only"},
		{"FROM a\nENV a", "Containerfile:2: ENV must be NAME=VALUE or NAME VALUE"},
		{"FROM a\nENV a=b c", "Containerfile:2: \"c\" has no \"=\": ENV must be NAME=VALUE..."},
		{"FROM a\nENV =b", "Containerfile:2: ENV \"=b\" has no name"},
		{"FROM a\nONBUILD FROM x", "Containerfile:2: FROM cannot be a trigger of ONBUILD"},
		{"FROM a\nONBUILD ONBUILD RUN x", "Containerfile:2: ONBUILD cannot be a trigger of ONBUILD"},
		{"FROM a\nHEALTHCHECK x", "Containerfile:2: HEALTHCHECK must be NONE or CMD, not \"x\""},
		{"FROM a\nHEALTHCHECK CMD", "Containerfile:2: HEALTHCHECK CMD has no command"},
		{"FROM a\n\nRUN <<EOF\nx\nEOF \n",
		 "Containerfile:3: the here-document \"EOF\" has no end: there is no line \"EOF\""},
		{"# escape=x\nFROM a", "Containerfile:1: the escape character must be \\ or `, not \"x\""},
	};
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct pm_err err = PM_ERR_INIT;
		_cleanup_dockerfile_ struct pm_dockerfile *d = NULL;
		CHECK_INT(parse(t[i].text, &d, &err), -PM_E_USAGE);
		CHECK_STR(err.text, t[i].want);
	}
}

TEST(stages)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_dockerfile_ struct pm_dockerfile *d = NULL;
	CHECK_OK(parse("ARG X\nFROM a AS One\nRUN x\nRUN y\nFROM one\nFROM b AS two\nUSER u", &d, &err), err);
	CHECK_INT(d->n_global, 1);
	CHECK_INT(d->n_stages, 3);
	CHECK_INT(d->stages[0].first, 2);
	CHECK_INT(d->stages[0].n, 2);
	CHECK_STR(d->stages[1].from->words[0], "one");
	CHECK(!d->stages[1].name);
	CHECK_INT(pm_dockerfile_stage(d, "ONE", 3), 0);
	CHECK_INT(pm_dockerfile_stage(d, "two", 3), 2);
	CHECK_INT(pm_dockerfile_stage(d, "two", 2), -1);
	CHECK_INT(pm_dockerfile_stage(d, "1", 3), 1);
	CHECK_INT(pm_dockerfile_stage(d, "3", 3), -1);
	CHECK_OK(pm_dockerfile_add(d, "more", "RUN z\n", 6, &err), err);
	CHECK_INT(d->stages[2].n, 2);
	CHECK_STR(d->steps[d->n_steps - 1].file, "more");
}

TEST(scripts)
{
	static const struct {
		const char *run, *want;
		int executable;
	} t[] = {
		{"RUN a  b", "a  b", 0},
		{"RUN <<EOF\na\nb\nEOF", "a\nb\n", 0},
		{"RUN <<'EOF'\n#!/bin/x\nb\nEOF", "#!/bin/x\nb\n", 1},
		{"RUN cat <<A <<B\n1\nA\n2\nB", "cat <<A <<B\n1\nA\n2\nB", 0},
	};
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct pm_err err = PM_ERR_INIT;
		_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
		_cleanup_free_ char *text = pm_asprintf("FROM a\n%s", t[i].run);
		_cleanup_dockerfile_ struct pm_dockerfile *d = NULL;
		CHECK_OK(parse(text, &d, &err), err);
		CHECK_INT(pm_instruction_script(&d->steps[1], &out), t[i].executable);
		CHECK_STR(pm_buf_str(&out), t[i].want);
	}
}

TEST(triggers)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_dockerfile_ struct pm_dockerfile *d = NULL, *image = pm_dockerfile_new();
	CHECK_OK(parse("FROM a\nONBUILD COPY <<-A /x\n\t1\n\tA\nONBUILD RUN y", &d, &err), err);
	CHECK_STR(d->steps[1].words[0], "COPY <<-A /x\n\t1\n\tA\n");
	CHECK_STR(d->steps[1].trigger->heredocs[0].content, "1\n");
	CHECK_OK(pm_dockerfile_add_trigger(image, "ONBUILD of a", d->steps[1].words[0], &err), err);
	CHECK_INT(image->steps[0].kind, PM_DF_COPY);
	CHECK_STR(image->steps[0].heredocs[0].content, "1\n");
	CHECK_INT(pm_dockerfile_add_trigger(image, "ONBUILD of a", "FROM x", &err), -PM_E_USAGE);
	CHECK_STR(err.text, "ONBUILD of a: FROM cannot be a trigger of ONBUILD");
}

TEST(flags_that_are_true_or_false)
{
	struct pm_err err = PM_ERR_INIT;
	bool b;
	_cleanup_dockerfile_ struct pm_dockerfile *d = NULL;
	CHECK_OK(parse("FROM a\nCOPY --link --parents=false a b\nCOPY --link=x a b", &d, &err), err);
	CHECK_OK(pm_instruction_flag_bool(&d->steps[1], "link", &b, &err), err);
	CHECK(b);
	CHECK_OK(pm_instruction_flag_bool(&d->steps[1], "parents", &b, &err), err);
	CHECK(!b);
	CHECK_INT(pm_instruction_flag_bool(&d->steps[2], "link", &b, &err), -PM_E_USAGE);
	CHECK_STR(err.text, "Containerfile:3: --link of COPY must be true or false, not \"x\"");
}
