/* Runs a fuzz target over the files and folders named on the command line, so that every input it
 * ever failed on is an ordinary test. Each input stands in a heap block of exactly its length,
 * where a sanitizer sees the first byte read beyond.
 *
 * Exit status 1 when something named is missing, or is a folder without a file: a corpus that got
 * lost would otherwise pass.
 */
#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static bool run_file(const char *path, size_t len)
{
	FILE *f = fopen(path, "rb");
	uint8_t *bytes = malloc(len ? len : 1);
	bool read = f && bytes && fread(bytes, 1, len, f) == len;

	if (read) {
		(void)LLVMFuzzerTestOneInput(bytes, len);
	} else {
		perror(path);
	}
	free(bytes);
	if (f) {
		(void)fclose(f);
	}
	return read;
}

static int not_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static bool run_folder(const char *path)
{
	struct dirent **entries;
	int count = scandir(path, &entries, not_hidden, alphasort);
	unsigned ran = 0;
	bool good = true;

	for (int i = 0; i < count; i++) {
		char file[PATH_MAX];
		struct stat st;
		(void)snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
		if (stat(file, &st) == 0 && S_ISREG(st.st_mode)) {
			good &= run_file(file, (size_t)st.st_size);
			ran++;
		}
		free(entries[i]);
	}
	if (count >= 0) {
		free(entries);
	}
	if (ran == 0) {
		fprintf(stderr, "%s: no input in this folder\n", path);
	}
	return good && ran > 0;
}

static bool run(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0) {
		perror(path);
		return false;
	}
	return S_ISDIR(st.st_mode) ? run_folder(path) : run_file(path, (size_t)st.st_size);
}

int main(int argc, char **argv)
{
	bool good = argc > 1;

	if (argc < 2) {
		fprintf(stderr, "usage: %s FILE|FOLDER...\n", argv[0]);
	}
	for (int i = 1; i < argc; i++) {
		good &= run(argv[i]);
	}
	return good ? 0 : 1;
}
