/* ringfence help CODE: what a message means and what to do. */
#include <stdio.h>
#include <string.h>

#include "app/options.h"
#include "detect/value.h"
#include "ringfence/commands.h"

static const struct {
	const char *code, *title, *meaning, *wrong, *right;
} pages[] = {
#define PAGE(code, title, meaning, wrong, right) {code, title, meaning, wrong, right},
#include "ringfence/help_pages.def"
#undef PAGE
};

enum { PAGE_COUNT = sizeof(pages) / sizeof(pages[0]), WIDTH = 96 };

static void print_wrapped(const char *text)
{
	while (*text) {
		size_t len = strlen(text);
		if (len > WIDTH) {
			for (len = WIDTH; len > 0 && text[len] != ' '; len--) {
			}
		}
		printf("  %.*s\n", (int)len, text);
		text += len;
		text += *text == ' ';
	}
}

static void print_page(size_t i)
{
	printf("%s: %s\n\n", pages[i].code, pages[i].title);
	print_wrapped(pages[i].meaning);
	if (pages[i].wrong[0]) {
		printf("\n  wrong   %s\n  right   %s\n", pages[i].wrong, pages[i].right);
	}
}

static int unknown(const char *code)
{
	const char *codes[PAGE_COUNT];
	char hint[HINT_TEXT];

	for (size_t i = 0; i < PAGE_COUNT; i++) {
		codes[i] = pages[i].code;
	}
	struct slice near =
		hint_nearest(hint, "; did you mean %s?", slice_of(code), codes, PAGE_COUNT);
	fprintf(stderr, "there is no page '%s'%.*s\n`ringfence help codes` lists them\n", code,
	        (int)near.len, near.p ? near.p : "");
	return EXIT_USAGE;
}

int cmd_help(int argc, char **argv)
{
	bool all = argc > 1 && strcmp(argv[1], "codes") == 0;

	for (size_t i = 0; argc > 1 && i < PAGE_COUNT; i++) {
		if (all) {
			printf("%s  %s\n", pages[i].code, pages[i].title);
		} else if (strcasecmp(argv[1], pages[i].code) == 0) {
			print_page(i);
			return EXIT_DONE;
		}
	}
	return all ? EXIT_DONE : unknown(argc > 1 ? argv[1] : "");
}
