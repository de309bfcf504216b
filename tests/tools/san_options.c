/*
 * What sanitized programs do by default when bats starts them (thousands of times); ASAN_OPTIONS overrides. Looking for leaks
 * takes half of a sanitized start: unit tests, fuzz targets and the bats files with the line "# run-bats: leaks" do.
 * Where memory was allocated is not kept either; malloc_context_size=30 shows it.
 */
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
	return "detect_leaks=0:malloc_context_size=1";
}
