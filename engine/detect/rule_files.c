#include "detect/rule_files.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { DEPTH_MAX = 16, ENTRIES_MAX = 1 << 16 };

struct walk {
	struct arena *arena;
	struct diags *diags;
	void (*found)(void *user, const char *path);
	void *user;
};

static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool is_rule_file(const char *name)
{
	size_t len = strlen(name);

	return len > 5 && strcmp(name + len - 5, ".yaml") == 0;
}

static bool is_left_out(const char *name)
{
	static const char *const folders[] = {"formats", "numbering", "lists", "labels", "schema"};

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		if (strcmp(name, folders[i]) == 0) {
			return true;
		}
	}
	return name[0] == '.';
}

static void refuse(struct walk *w, const char *path, const char *why)
{
	const struct source_file *file = diags_file(w->diags, path, SLICE_LIT(""));

	diag_add(w->diags, (struct place){.file = file}, "E001", SLICE_NONE,
	         "cannot read the folder: %s", why);
}

static int by_name(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

/* Names in order, in the arena; count of them. NULL after a message. */
static const char **read_names(struct walk *w, const char *path, size_t *count)
{
	const char **names = arena_alloc(w->arena, ENTRIES_MAX * sizeof(*names));
	DIR *dir = opendir(path);
	struct dirent *entry;

	*count = 0;
	if (!dir || !names) {
		refuse(w, path, strerror(dir ? ENOMEM : errno));
		if (dir) {
			(void)closedir(dir);
		}
		return NULL;
	}
	while (*count < ENTRIES_MAX && (entry = readdir(dir))) {
		const char *name = arena_str(w->arena, slice_of(entry->d_name));
		if (name && !is_left_out(name)) {
			names[(*count)++] = name;
		}
	}
	(void)closedir(dir);
	qsort(names, *count, sizeof(*names), by_name);
	return names;
}

static void walk_folder(struct walk *w, const char *path, unsigned depth)
{
	size_t count, len = strlen(path);
	const char **names;
	bool slash = len > 0 && path[len - 1] == '/';

	if (depth == DEPTH_MAX) {
		refuse(w, path, "folders are nested too deeply");
		return;
	}
	names = read_names(w, path, &count);
	for (size_t i = 0; names && i < count; i++) {
		struct slice joined =
			arena_printf(w->arena, "%s%s%s", path, slash ? "" : "/", names[i]);
		const char *below = arena_str(w->arena, joined);
		if (below && is_folder(below)) {
			walk_folder(w, below, depth + 1);
		} else if (below && is_rule_file(below)) {
			w->found(w->user, below);
		}
	}
}

void rule_files_walk(const char *path, struct arena *arena, struct diags *d,
                     void (*found)(void *user, const char *path), void *user)
{
	struct walk w = {arena, d, found, user};

	if (is_folder(path)) {
		walk_folder(&w, path, 0);
	} else {
		found(user, path);
	}
}
