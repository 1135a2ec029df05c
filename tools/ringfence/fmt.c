/* ringfence fmt: rule files in their canonical layout. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/err.h"
#include "core/folder.h"
#include "detect/fmt.h"
#include "detect/rule_files.h"
#include "ringfence/commands.h"
#include "ringfence/common.h"

enum { FILE_SIZE_MAX = 4 << 20, NAMES_MAX = 256 << 20, PATH_TEXT = 4096 };

static const struct command_help help = {
	.usage = "ringfence fmt FILE|FOLDER... [options]",
	.about =
		"Lays rule files out: two blanks a level, the keys of a rule in one order, a blank line\n"
		"between rules. Values, expressions and comments stay; [ ] and { } stay on their line\n"
		"up to column 160. A file that would mean something else afterwards is not touched.",
	.common = false,
};

struct fmt_run {
	bool check, show;
	unsigned changed, failed;
	struct diags diags;
};

static bool write_all(int fd, struct slice text)
{
	while (text.len > 0) {
		ssize_t n = write(fd, text.p, text.len);
		if (n <= 0) {
			return false;
		}
		text = slice_skip(text, (size_t)n);
	}
	return fsync(fd) == 0;
}

/* Beside the file, then in its place, so that a reader sees the one or the other. */
static bool replace_file(const char *path, struct slice text)
{
	char temp[PATH_TEXT];
	struct stat st;
	char *real = realpath(path, NULL);
	bool right = real && stat(real, &st) == 0 &&
	             snprintf(temp, sizeof(temp), "%s.XXXXXX", real) < (int)sizeof(temp);
	int fd = right ? mkstemp(temp) : -1;

	if (fd < 0) {
		free(real);
		return false;
	}
	right = fchmod(fd, st.st_mode & 07777) == 0 && write_all(fd, text);
	right = close(fd) == 0 && right && rename(temp, real) == 0;
	if (!right) {
		(void)unlink(temp);
	}
	free(real);
	return right;
}

static void take_laid(struct fmt_run *run, const struct source_file *file, struct buf *laid)
{
	bool same = slice_eq(file->text, buf_view(laid));

	run->changed += !same;
	if (run->show) {
		(void)common_write(stdout, laid);
	} else if (!same && run->check) {
		printf("%s\n", file->path);
	} else if (!same && !replace_file(file->path, buf_view(laid))) {
		fprintf(stderr, "%s: cannot be written\n", file->path);
		run->failed++;
	}
}

static void take_path(void *user, const char *path)
{
	struct fmt_run *run = user;
	const struct source_file *file = diags_read(&run->diags, path, FILE_SIZE_MAX);
	struct buf laid = {0};

	if (!file) {
		return;
	}
	int err = fmt_file(file, &run->diags, &laid);
	if (err == OK) {
		take_laid(run, file, &laid);
	} else if (err != E_INVALID) {
		fprintf(stderr, "%s: left as it is: %s\n", path,
		        err == E_NOMEM ? "out of memory" : "its form cannot be laid out");
		run->failed++;
	}
	buf_fini(&laid);
}

int cmd_fmt(int argc, char **argv)
{
	struct fmt_run run = {0};
	const struct own_option own[] = {
		{"check", NULL, "change nothing; name the files that would change, and fail", NULL,
	         &run.check},
		{"stdout", NULL, "change nothing; write what the files would be", NULL, &run.show},
	};
	struct common_options options;
	struct arena names;

	int status = common_options(argc, argv, &help, own, 2, &options);
	if (status >= 0) {
		return status;
	}
	if (options.input_count == 0) {
		fprintf(stderr, "usage: %s\n", help.usage);
		return EXIT_USAGE;
	}
	diags_init(&run.diags);
	arena_init(&names, NAMES_MAX);
	for (size_t i = 0; i < options.input_count; i++) {
		rule_files_walk(options.inputs[i], &names, &run.diags, take_path, &run);
	}
	diags_sort(&run.diags);
	common_print_diags(&run.diags);
	bool good = run.diags.errors == 0 && run.failed == 0 && !(run.check && run.changed);
	arena_fini(&names);
	diags_fini(&run.diags);
	return good ? EXIT_DONE : EXIT_BAD_INPUT;
}
