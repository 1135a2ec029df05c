#include "app/snapshot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/err.h"
#include "core/folder.h"
#include "core/log.h"
#include "features/table.h"

enum { PATH_TEXT = 4096, NAME_DIGITS = 20, FILES_MAX = 4096 };

/* What a value of the head is. */
enum { VALUE_INPUTS_READ = 0, VALUE_INPUTS };

static void head_of(const struct hash_key *key, struct state_head *head)
{
	*head = (struct state_head){0};
	state_head_key(head, key);
	(void)snprintf(head->build, sizeof(head->build), "ringfence %s %zu %zu", RINGFENCE_VERSION,
	               sizeof(struct row), sizeof(struct window));
}

/* ---- files ---- */

static bool is_snapshot(const char *name)
{
	return strspn(name, "0123456789") == NAME_DIGITS &&
	       strcmp(name + NAME_DIGITS, ".state") == 0;
}

static int by_name_backwards(const void *a, const void *b)
{
	return strcmp(*(char *const *)b, *(char *const *)a);
}

/* Names of the folder's snapshots, the newest first; freed with free_names. */
static char **list_names(const char *folder, size_t *count)
{
	char **names = calloc(FILES_MAX, sizeof(*names));
	DIR *dir = names ? opendir(folder) : NULL;

	*count = 0;
	for (struct dirent *e; dir && *count < FILES_MAX && (e = readdir(dir)) != NULL;) {
		if (is_snapshot(e->d_name)) {
			names[*count] = strdup(e->d_name);
			*count += names[*count] != NULL;
		}
	}
	if (dir) {
		(void)closedir(dir);
	}
	if (names) {
		qsort(names, *count, sizeof(*names), by_name_backwards);
	}
	return names;
}

static void free_names(char **names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(names[i]);
	}
	free(names);
}

static void prune(const char *folder)
{
	size_t count;
	char **names = list_names(folder, &count);
	char path[PATH_TEXT];

	for (size_t i = SNAPSHOTS_KEPT; i < count; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		(void)unlink(path);
	}
	free_names(names, count);
}

/* ---- writing ---- */

static int write_file(int fd, const struct snapshot_parts *parts, const struct hash_key *key,
                      const struct snapshot_info *info)
{
	struct state_head head;
	struct state_out out;

	head_of(key, &head);
	head.event = info->event;
	head.alert = pipeline_next_alert(parts->pipeline);
	head.values[VALUE_INPUTS_READ] = info->inputs_read;
	head.values[VALUE_INPUTS] = info->inputs;
	int err = state_out_open(&out, fd, &head);
	if (err == OK) {
		pipeline_save(parts->pipeline, &out);
		live_save(parts->live, &out);
		err = intake_save(parts->intake, &out);
		int closed = state_out_close(&out);
		err = err ? err : closed;
	}
	return err ? err : fdatasync(fd) == 0 ? OK : E_IO;
}

int snapshot_write(const char *folder, const struct snapshot_parts *parts,
                   const struct hash_key *key, const struct snapshot_info *info)
{
	char temp[PATH_TEXT], final[PATH_TEXT];

	if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
		return E_IO;
	}
	(void)snprintf(temp, sizeof(temp), "%s/new", folder);
	(void)snprintf(final, sizeof(final), "%s/%0*llu.state", folder, NAME_DIGITS,
	               (unsigned long long)info->event);
	int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		return E_IO;
	}
	int err = write_file(fd, parts, key, info);
	close(fd);
	if (err == OK && (rename(temp, final) != 0 || folder_sync(folder) != OK)) {
		err = E_IO;
	}
	if (err) {
		(void)unlink(temp);
	} else {
		prune(folder);
	}
	return err;
}

pid_t snapshot_begin(const char *folder, const struct snapshot_parts *parts,
                     const struct hash_key *key, const struct snapshot_info *info)
{
	pid_t parent = getpid();
	pid_t child = fork();

	if (child == 0) {
		/* What a killed engine leaves unfinished stays so: the next one writes here. */
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) {
			_exit(1);
		}
		_exit(snapshot_write(folder, parts, key, info) == OK ? 0 : 1);
	}
	return child;
}

bool snapshot_ended(pid_t child, bool *good)
{
	int status;
	pid_t got = waitpid(child, &status, WNOHANG);

	*good = got == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
	return got != 0;
}

/* ---- restoring ---- */

static int take_state(struct state_in *in, const struct snapshot_parts *parts,
                      const struct hash_key *key, struct snapshot_info *info,
                      struct detector_restore *restore)
{
	*info = (struct snapshot_info){
		.event = in->head.event,
		.inputs_read = in->head.values[VALUE_INPUTS_READ],
		.inputs = in->head.values[VALUE_INPUTS],
	};
	int err = intake_load(parts->intake, in, key);
	err = err ? err : live_load(parts->live, in);
	err = err ? err : pipeline_load(parts->pipeline, in, restore);
	if (err) {
		live_reset(parts->live);
		err = intake_reset(parts->intake) ? E_NOMEM : err;
	}
	return err;
}

static int restore_file(const char *path, const struct snapshot_parts *parts,
                        const struct hash_key *key, struct snapshot_info *info,
                        struct detector_restore *restore)
{
	struct state_head expected;
	struct state_in in = {0};
	struct slice file;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int err = fd < 0 ? E_IO : state_map(fd, &file);

	if (fd >= 0) {
		close(fd);
	}
	if (err) {
		log_warn("snapshots", "refused file=\"%s\" why=\"cannot be read\"", path);
		return err;
	}
	head_of(key, &expected);
	err = state_in_open(&in, file, &expected);
	err = err ? err : take_state(&in, parts, key, info, restore);
	if (err) {
		log_warn("snapshots", "refused file=\"%s\" why=\"%s\"", path,
		         in.why[0] ? in.why : err_text(err));
	}
	state_in_close(&in);
	state_unmap(file);
	return err;
}

int snapshot_restore(const char *folder, const struct snapshot_parts *parts,
                     const struct hash_key *key, uint64_t max_event, struct snapshot_info *info,
                     struct detector_restore *restore)
{
	size_t count;
	char **names = list_names(folder, &count);
	char path[PATH_TEXT];
	int err = E_NOTFOUND;

	for (size_t i = 0; i < count && err != OK && err != E_NOMEM; i++) {
		if (strtoull(names[i], NULL, 10) > max_event) {
			log_warn("snapshots",
			         "refused file=\"%s\" why=\"the call log ends before it\"",
			         names[i]);
			continue;
		}
		(void)snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		err = restore_file(path, parts, key, info, restore);
	}
	free_names(names, count);
	return err == OK || err == E_NOMEM ? err : E_NOTFOUND;
}
