/* A folder of the call log for a test, and events whose members follow from their number. */
#ifndef TESTS_UNIT_STORE_LOG_FOLDER_H
#define TESTS_UNIT_STORE_LOG_FOLDER_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/ensure.h"
#include "core/err.h"
#include "store/call_log.h"
#include "store/log_reader.h"
#include "store/log_segment.h"

#define TEST_START INT64_C(1770000000000000)

struct folder {
	char path[64];
	struct hash_key key;
};

static inline void folder_empty(const struct folder *f)
{
	DIR *dir = opendir(f->path);
	char path[512];

	ENSURE(dir);
	for (struct dirent *e; (e = readdir(dir));) {
		if (e->d_name[0] != '.') {
			(void)snprintf(path, sizeof(path), "%s/%s", f->path, e->d_name);
			(void)unlink(path);
		}
	}
	(void)closedir(dir);
}

static inline void folder_make(struct folder *f)
{
	(void)snprintf(f->path, sizeof(f->path), "/tmp/test_call_log.XXXXXX");
	ENSURE(mkdtemp(f->path));
	hash_key_default(&f->key);
}

static inline void folder_remove(const struct folder *f)
{
	folder_empty(f);
	(void)rmdir(f->path);
}

static inline struct call_log *folder_log(const struct folder *f, struct call_log_options options)
{
	struct call_log *log;
	const char *why = "";

	options.path = f->path;
	options.key = &f->key;
	options.fields = options.fields ? options.fields : LOG_FIELDS_ALL;
	options.retention_us = options.retention_us ? options.retention_us : 900 * US_PER_DAY;
	ENSURE(call_log_open(&options, &log, &why) == OK);
	return log;
}

static inline struct log_reader *folder_reader(const struct folder *f, int64_t from_us,
                                               int64_t to_us)
{
	struct log_reader_options options = {
		.path = f->path, .key = &f->key, .from_us = from_us, .to_us = to_us};
	struct log_reader *r;
	const char *why = "";

	ENSURE(log_reader_open(&options, &r, &why) == OK);
	return r;
}

static inline void folder_path(const struct folder *f, const char *name, char path[512])
{
	(void)snprintf(path, 512, "%s/%s", f->path, name);
}

static inline uint64_t mix(uint64_t n)
{
	n = (n ^ n >> 31) * UINT64_C(0x9e3779b97f4a7c15);
	return n ^ n >> 29;
}

struct test_call {
	struct event event;
	char caller[32], callee[32], id[32], trunk[16];
};

/* Event number n at time_us. */
static inline const struct event *test_call(struct test_call *c, uint64_t n, int64_t time_us)
{
	uint64_t r = mix(n + 1);

	event_init(&c->event, r % 7 ? KIND_CALL : KIND_SIP);
	c->event.time_us = time_us;
	c->event.start_us = time_us - (int64_t)(r >> 8 & 0xffffffff);
	(void)snprintf(c->caller, sizeof(c->caller), "+44%06u", (unsigned)(r >> 4 & 0x3ff));
	(void)snprintf(c->callee, sizeof(c->callee), "+49 %06u", (unsigned)(r >> 20 & 0x3ff));
	(void)snprintf(c->id, sizeof(c->id), "%016llx@t", (unsigned long long)r);
	(void)snprintf(c->trunk, sizeof(c->trunk), "carrier %u", (unsigned)(r >> 40 & 7));
	c->event.caller.text = slice_of(c->caller);
	c->event.callee.text = slice_of(c->callee);
	c->event.call_id = slice_of(c->id);
	c->event.trunk_in = slice_of(c->trunk);
	return &c->event;
}

static inline void log_test_call(struct call_log *log, uint64_t n, int64_t time_us)
{
	struct test_call c;

	call_log_event(log, n, test_call(&c, n, time_us));
}

static inline void log_test_note(struct call_log *log, enum log_note_type type, uint64_t at,
                                 const char *text)
{
	call_log_note(log, &(struct log_note){.type = type,
	                                      .wall_us = TEST_START,
	                                      .at = at,
	                                      .text = slice_of(text)});
}

/* What reading everything told. */
struct told {
	uint64_t events, cuts, notes, damages, gap_count, gap_notes;
	uint64_t last;
	bool ordered;
	uint64_t note_bytes;        /* of their texts, but for gaps */
	const char *why, *last_why; /* of the first damage, of the last */
	uint64_t last_size;
	uint8_t seen[8192]; /* by event number */
};

static inline void read_range(const struct folder *f, int64_t from_us, int64_t to_us,
                              struct told *t)
{
	struct log_reader *r = folder_reader(f, from_us, to_us);
	struct log_item item;

	*t = (struct told){.ordered = true};
	while (log_reader_next(r, &item) != LOG_ITEM_END) {
		switch (item.kind) {
		case LOG_ITEM_EVENT:
			t->ordered &= t->events == 0 || item.number > t->last;
			t->last = item.number;
			t->events++;
			if (item.number < sizeof(t->seen)) {
				t->seen[item.number]++;
			}
			break;
		case LOG_ITEM_CUT: t->cuts++; break;
		case LOG_ITEM_NOTE:
			t->notes++;
			if (item.note.type == LOG_NOTE_GAP) {
				t->gap_notes++;
				t->gap_count += item.note.count;
			} else {
				t->note_bytes += item.note.text.len;
			}
			break;
		case LOG_ITEM_DAMAGE:
			t->why = t->damages++ ? t->why : item.why;
			t->last_why = item.why;
			t->last_size = item.size;
			break;
		case LOG_ITEM_END: break;
		}
	}
	log_reader_close(r);
}

static inline void read_all(const struct folder *f, struct told *t)
{
	read_range(f, INSTANT_NONE, INSTANT_NONE, t);
}

#endif
