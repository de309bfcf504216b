/*
 * exchange - swaps two names for each other (renameat2(2) RENAME_EXCHANGE) as fast as it can, until it is
 * killed. Runs in a container, against who copies from or to it. Usage: exchange A B
 */
#include <stdio.h>

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	for (;;)
		if (renameat2(-100 /* AT_FDCWD */, argv[1], -100, argv[2], 2 /* RENAME_EXCHANGE */) < 0) {
			perror("renameat2");
			return 1;
		}
}
