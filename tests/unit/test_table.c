#include "tests/unit/test.h"

#include "cli/table.h"

static const char *align(const char *text)
{
	static struct pm_buf b;
	pm_buf_cut(&b, 0);
	pm_table_align(text, strlen(text), PM_TABLE_MIN_WIDTH, PM_TABLE_PADDING, &b);
	return pm_buf_str(&b);
}

/* Checked against podman images and Go's tabwriter(12, 2, 2, ' ', 0). */
TEST(columns)
{
	CHECK_STR(align("REPOSITORY\tTAG\tSIZE\nlocalhost/demo\t1\t11.3 kB\n"),
		  "REPOSITORY      TAG         SIZE\nlocalhost/demo  1           11.3 kB\n");
	CHECK_STR(align(""), "");
	CHECK_STR(align("no tab"), "no tab");
	CHECK_STR(align("a\t\n"), "a           \n");
	/* a line without the column ends it */
	CHECK_STR(align("aaaaaaaaaaaaaaaa\tb\nx\nc\td\n"),
		  "aaaaaaaaaaaaaaaa  b\nx\nc           d\n");
	/* the second column is sized on its own lines only */
	CHECK_STR(
		align("a\tb\nc\tddddddddddddddd\te\nf\tg\th\n"),
		"a           b\nc           ddddddddddddddd  e\nf           g                h\n");
	CHECK_STR(align("a\t\tb\n"), "a                       b\n");
}

TEST(width_of_characters)
{
	CHECK_STR(align("中中中中中中\t1\nabc\t2\n"), "中中中中中中  1\nabc           2\n");
	CHECK_STR(align("e\xcc\x81\t1\n"), "e\xcc\x81           1\n");
}

TEST(large_table)
{
	_cleanup_buf_ struct pm_buf in = PM_BUF_INIT, out = PM_BUF_INIT;
	for (int i = 0; i < 20000; i++)
		pm_buf_add_str(&in, "one\ttwo\tthree\tfour\tfive\n");
	for (int i = 0; i < 50000; i++) /* one line of very many cells */
		pm_buf_add_str(&in, "\t");
	pm_table_align(in.data, in.len, 2, 1, &out);
	CHECK(pm_startswith(out.data, "one two three four five\none two"));
}

TEST(safe)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	static const char text[] = "a\x1b[31m\tb\x00\x07\n\x7f\xc2\x9b" "é\xff\xe2\x80\xae" "中";
	pm_table_safe(text, sizeof(text) - 1, &b);
	CHECK_STR(b.data, "a?[31m\tb??\n??é??中");
}
