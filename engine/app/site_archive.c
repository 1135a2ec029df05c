#include "app/site_archive.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/crypto.h"
#include "core/err.h"
#include "detect/rule_files.h"

enum {
	RECORD_MEMORY_MAX = 64 << 20,
	FILES_MAX = 1 << 16,
	PATH_TEXT = 4096,
	DIGEST_TEXT = 2 * DIGEST_SIZE + 1,
	CHUNK = 1 << 16,
};

/* ---- keeping ---- */

struct keeping {
	const struct site *site;
	const char *folder;
	struct site_record *out;
	const char *root; /* of the rule files being walked */
	unsigned root_number;
	int err;
	const char *why;
};

static void fail(struct keeping *k, const char *path)
{
	k->err = E_IO;
	k->why = arena_printf(&k->out->arena, "%s: %s", path, strerror(errno)).p;
}

static int copy_digesting(int from, int to, char hex[DIGEST_TEXT])
{
	uint8_t bytes[DIGEST_SIZE];
	struct digest *digest = digest_new();
	char *chunk = malloc(CHUNK);
	ssize_t len = chunk && digest ? 1 : -1;

	while (len > 0 && (len = read(from, chunk, CHUNK)) > 0) {
		digest_add(digest, (struct slice){chunk, (size_t)len});
		if (to >= 0 && write(to, chunk, (size_t)len) != len) {
			len = -1;
		}
	}
	if (digest) {
		digest_end(digest, bytes);
		hex_format(bytes, sizeof(bytes), hex);
	}
	free(chunk);
	return len == 0 ? OK : E_IO;
}

/* Written under another name, made durable, renamed to its digest. */
static int write_copy(const char *folder, int from, char hex[DIGEST_TEXT])
{
	char temp[PATH_TEXT], final[PATH_TEXT];

	(void)snprintf(temp, sizeof(temp), "%s/new.XXXXXX", folder);
	int to = mkstemp(temp);
	if (to < 0) {
		return E_IO;
	}
	int err = copy_digesting(from, to, hex);
	(void)snprintf(final, sizeof(final), "%s/%s", folder, hex);
	if (err == OK && (fdatasync(to) != 0 || rename(temp, final) != 0)) {
		err = E_IO;
	}
	if (err) {
		(void)unlink(temp);
	}
	close(to);
	return err;
}

/* A copy under its digest, which most files have from an earlier start. */
static int keep_copy(const char *folder, const char *path, char hex[DIGEST_TEXT])
{
	char final[PATH_TEXT];
	int from = open(path, O_RDONLY | O_CLOEXEC);
	int err = from < 0 ? E_IO : copy_digesting(from, -1, hex);

	(void)snprintf(final, sizeof(final), "%s/%s", folder, hex);
	if (err == OK && access(final, F_OK) != 0) {
		err = lseek(from, 0, SEEK_SET) == 0 ? write_copy(folder, from, hex) : E_IO;
	}
	if (from >= 0) {
		close(from);
	}
	return err;
}

static void note_file(struct keeping *k, const char *role, struct slice name, const char *path,
                      bool secret)
{
	struct site_record *r = k->out;
	char hex[DIGEST_TEXT] = "";

	if (k->err || r->count == FILES_MAX) {
		k->err = k->err ? k->err : E_FULL;
		return;
	}
	if (!secret && keep_copy(k->folder, path, hex) != OK) {
		fail(k, path);
		return;
	}
	r->files[r->count++] = (struct journal_file){
		.role = role,
		.name = arena_printf(&r->arena, "%.*s", SLICE_FMT(name)).p,
		.digest = arena_printf(&r->arena, "%s%s", secret ? "" : "b2:", hex).p,
	};
}

/* Rule files keep their place below their root: "0/voice/a.yaml". */
static void note_rule_file(void *user, const char *path)
{
	struct keeping *k = user;
	size_t len = strlen(k->root);
	const char *below = strncmp(path, k->root, len) == 0 && path[len] ? path + len : NULL;
	const char *slash = strrchr(path, '/');
	char name[PATH_TEXT];

	below = below ? below : slash ? slash : path;
	while (*below == '/') {
		below++;
	}
	(void)snprintf(name, sizeof(name), "%u/%s", k->root_number, below);
	note_file(k, "rules", slice_of(name), path, false);
}

static void note_rules(struct keeping *k)
{
	const struct site_options *o = &k->site->options;
	const char *shipped = site_shipped_rules();
	size_t count = o->rules ? o->rule_count : 1;
	struct diags diags;

	diags_init(&diags);
	for (size_t i = 0; i < count; i++) {
		k->root = o->rules ? o->rules[i] : shipped;
		k->root_number = (unsigned)i;
		rule_files_walk(k->root, &diags.arena, &diags, note_rule_file, k);
	}
	diags_fini(&diags);
}

static void note_lists(struct keeping *k)
{
	const struct ruleset *rules = k->site->rules;
	char path[PATH_TEXT];

	for (size_t i = 0; i < rules->list_count; i++) {
		const struct list_decl *decl = &rules->lists[i];
		if (site_list_path(&k->site->options, decl, path, sizeof(path))) {
			note_file(k, "list", decl->name, path, decl->secret);
		}
	}
}

int site_archive_keep(const struct site *site, const char *folder, struct site_record *out,
                      const char **why)
{
	struct keeping k = {
		.site = site, .folder = folder, .out = out, .why = "no memory, or too many files"};

	*why = k.why;
	*out = (struct site_record){0};
	arena_init(&out->arena, RECORD_MEMORY_MAX);
	out->files = calloc(FILES_MAX, sizeof(*out->files));
	if (!out->files) {
		return E_NOMEM;
	}
	if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
		fail(&k, folder);
		*why = k.why;
		return E_IO;
	}
	note_rules(&k);
	note_lists(&k);
	if (site->options.trunks) {
		note_file(&k, "trunks", SLICE_LIT("trunks"), site->options.trunks, false);
	}
	if (site->options.subscribers) {
		note_file(&k, "subscribers", SLICE_LIT("subscribers"), site->options.subscribers,
		          false);
	}
	*why = k.why;
	return k.err ? k.err : arena_overflowed(&out->arena) ? E_NOMEM : OK;
}

void site_record_fini(struct site_record *r)
{
	free(r->files);
	arena_fini(&r->arena);
	*r = (struct site_record){0};
}

/* ---- loading ---- */

struct loading {
	const char *folder;
	const struct journal_entry *entry;
	struct diags *diags;
	char temp[64];
	struct site_options options;
};

static bool refuse(struct loading *l, const char *what, const char *why)
{
	diag_add(l->diags, (struct place){0}, "E007",
	         SLICE_LIT("name the rules of today with --rules to replay with those"),
	         "the archived %s %s", what, why);
	return false;
}

/* The copy of a file, when its content still has its digest; NULL after a message. */
static const char *copy_of(struct loading *l, const struct journal_file *file)
{
	char hex[DIGEST_TEXT];
	const char *digest = strncmp(file->digest, "b2:", 3) == 0 ? file->digest + 3 : "";

	if (strspn(digest, "0123456789abcdef") != DIGEST_TEXT - 1 ||
	    digest[DIGEST_TEXT - 1] != '\0') {
		(void)refuse(l, file->name, "has no digest");
		return NULL;
	}
	const char *path = arena_printf(&l->diags->arena, "%s/%s", l->folder, digest).p;
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	bool good = fd >= 0 && copy_digesting(fd, -1, hex) == OK;
	if (fd >= 0) {
		close(fd);
	}
	if (!good || strcmp(hex, digest) != 0) {
		(void)refuse(l, file->name, good ? "is damaged" : "cannot be read");
		return NULL;
	}
	return path;
}

/* A place below a root: "0/voice/a.yaml", and nothing that leaves it. */
static bool is_place(const char *name)
{
	return name[0] >= '0' && name[0] <= '9' && !strstr(name, "..") && strchr(name, '/');
}

static bool make_folders(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		bool made = mkdir(path, 0700) == 0 || errno == EEXIST;
		*slash = '/';
		if (!made) {
			return false;
		}
	}
	return true;
}

static bool place_rule_file(struct loading *l, const struct journal_file *file)
{
	char path[PATH_TEXT];
	const char *copy = copy_of(l, file);

	if (!copy) {
		return false;
	}
	int len = snprintf(path, sizeof(path), "%s/%s", l->temp, file->name);
	if (!is_place(file->name) || len >= (int)sizeof(path) || !make_folders(path) ||
	    symlink(copy, path) != 0) {
		return refuse(l, file->name, "cannot be put in its place");
	}
	return true;
}

static bool take_list(struct loading *l, const struct journal_file *file)
{
	if (!file->digest[0]) {
		return true; /* secret: the file of today, from base */
	}
	if (l->options.list_count == SITE_LISTS_MAX) {
		return refuse(l, file->name, "is one list too many");
	}
	const char *copy = copy_of(l, file);
	/* In front of what base may say of the same list. */
	memmove(l->options.lists + 1, l->options.lists,
	        l->options.list_count * sizeof(l->options.lists[0]));
	l->options.lists[0] = (struct list_file){file->name, copy};
	l->options.list_count++;
	return copy != NULL;
}

static bool take_file(struct loading *l, const struct journal_file *file)
{
	if (strcmp(file->role, "rules") == 0) {
		return place_rule_file(l, file);
	}
	if (strcmp(file->role, "list") == 0) {
		return take_list(l, file);
	}
	const char **table = strcmp(file->role, "trunks") == 0        ? &l->options.trunks
	                     : strcmp(file->role, "subscribers") == 0 ? &l->options.subscribers
	                                                              : NULL;
	if (!table) {
		return refuse(l, file->name, "is of a kind that this version does not know");
	}
	*table = copy_of(l, file);
	return *table != NULL;
}

/* The folders of the rule roots, as far as files lie in them. */
static bool take_roots(struct loading *l)
{
	enum { ROOTS_MAX = 64 };
	const char **roots = arena_alloc(&l->diags->arena, ROOTS_MAX * sizeof(*roots));
	struct stat st;

	for (unsigned i = 0; roots && i < ROOTS_MAX; i++) {
		const char *path = arena_printf(&l->diags->arena, "%s/%u", l->temp, i).p;
		if (path && stat(path, &st) == 0) {
			roots[l->options.rule_count++] = path;
		}
	}
	l->options.rules = roots;
	return roots && (l->options.rule_count > 0 || refuse(l, "site", "has no rules"));
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static struct site *load_site(struct loading *l)
{
	for (size_t i = 0; i < l->entry->file_count; i++) {
		if (!take_file(l, &l->entry->files[i])) {
			return NULL;
		}
	}
	struct site *site = take_roots(l) ? site_load(&l->options, l->diags) : NULL;
	if (site && strcmp(site->rules->digest, l->entry->rules) != 0) {
		(void)refuse(l, "rules", "are not those that ran");
		site_free(site);
		return NULL;
	}
	return site;
}

struct site *site_archive_load(const char *folder, const struct journal_entry *entry,
                               const struct site_options *base, struct diags *diags)
{
	char whole[PATH_MAX];
	struct loading l = {.folder = realpath(folder, whole) ? whole : folder,
	                    .entry = entry,
	                    .diags = diags,
	                    .temp = "/tmp/ringfence-site.XXXXXX",
	                    .options = *base};

	l.options.without_rules = false;
	l.options.rules = NULL;
	l.options.rule_count = 0;
	l.options.trunks = NULL;
	l.options.subscribers = NULL;
	if (!mkdtemp(l.temp)) {
		(void)refuse(&l, "site", strerror(errno));
		return NULL;
	}
	struct site *site = load_site(&l);
	(void)nftw(l.temp, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	return site;
}
