#include "engine/monitor/notify.h"
#include "test.h"

TEST(what_a_container_may_say)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"READY=1", "READY=1"},
		{"MAINPID=1\nREADY=1", "READY=1"},
		{"STATUS=a b\nFDSTORE=1\nWATCHDOG=1\n", "STATUS=a b\nWATCHDOG=1\n"},
		{"BARRIER=1", ""},
		{"NOTIFYACCESS=all\nMAINPIDFDID=3", ""},
		{"XREADY=1\nREADY", ""},
		{"READY=", ""},
		{"", ""},
		{"\n\nERRNO=2", "ERRNO=2"},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(cases); i++) {
		char text[128];
		snprintf(text, sizeof(text), "%s", cases[i].in);
		text[notify_filter(text, strlen(text))] = '\0';
		CHECK_STR(text, cases[i].out);
	}
}
