#include "store/call_log.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "core/ensure.h"
#include "core/err.h"
#include "store/log_writer.h"

enum {
	WORKS = 256,                          /* a power of two */
	WORKS_SMALL = WORKS - CALL_LOG_QUEUE, /* a block always finds its place */
};

enum work_kind { WORK_BLOCK, WORK_NOTE, WORK_GAP, WORK_CUT };

struct work {
	enum work_kind kind;
	struct log_block *block;
	struct log_note note; /* its text is on the heap */
	struct log_loss loss;
	uint64_t number;
};

struct call_log {
	/* The caller's thread. */
	struct log_block *open; /* NULL: none was free */
	uint32_t open_count;
	int64_t open_wall_us; /* of the first tick that saw an event in it */
	bool uncut;           /* events since the last end of a batch */
	uint64_t next;        /* number behind the last event taken */
	int64_t ticked_us;
	struct log_loss shed; /* since the last block that was handed on */
	uint64_t next_at_open;
	int64_t last_at_open;
	_Atomic uint64_t events;

	/* Both, under lock. */
	pthread_mutex_t lock;
	pthread_cond_t wake, idle;
	struct work works[WORKS];
	size_t head, count;
	struct log_block *free[CALL_LOG_QUEUE];
	size_t free_count;
	bool sync, retain, working, stop;
	int64_t wall_us;
	uint64_t shed_count;
	struct call_log_stats stats; /* of the writer, as of its last work */

	/* The log's thread. */
	pthread_t thread;
	struct log_writer writer;
};

static const char *const too_slow = "the disk did not keep up";

/* ---- the log's thread ---- */

static void do_work(struct log_writer *w, struct work *work)
{
	union {
		const char *borrowed;
		void *owned;
	} text = {.borrowed = work->note.text.p};

	switch (work->kind) {
	case WORK_BLOCK:
		log_writer_block(w, work->block);
		log_block_reset(work->block);
		break;
	case WORK_NOTE:
		log_writer_note(w, &work->note);
		free(text.owned);
		break;
	case WORK_GAP: log_writer_gap(w, &work->loss); break;
	case WORK_CUT: log_writer_cut(w, work->number); break;
	}
}

/* One piece of work, without the lock meanwhile. */
static void work_once(struct call_log *log)
{
	struct work work;
	bool has_work = log->count > 0;
	bool sync = !has_work && log->sync;
	bool retain = !has_work && log->retain;

	if (has_work) {
		work = log->works[log->head];
	}
	log->sync = log->sync && !sync;
	log->retain = log->retain && !retain;
	log->writer.wall_us =
		log->wall_us > log->writer.wall_us ? log->wall_us : log->writer.wall_us;
	log->working = true;
	pthread_mutex_unlock(&log->lock);
	if (has_work) {
		do_work(&log->writer, &work);
	}
	if (sync) {
		log_writer_sync(&log->writer);
	}
	if (retain) {
		log_writer_retain(&log->writer);
	}
	pthread_mutex_lock(&log->lock);
	log->working = false;
	log->stats = log->writer.stats;
	if (has_work) {
		log->head = (log->head + 1) % WORKS;
		log->count--;
		if (work.kind == WORK_BLOCK) {
			log->free[log->free_count++] = work.block;
		}
	}
}

static void *log_main(void *user)
{
	struct call_log *log = user;

	pthread_mutex_lock(&log->lock);
	for (;;) {
		if (log->count > 0 || log->sync || log->retain) {
			work_once(log);
		} else {
			pthread_cond_broadcast(&log->idle);
			if (log->stop) {
				break;
			}
			pthread_cond_wait(&log->wake, &log->lock);
		}
	}
	pthread_mutex_unlock(&log->lock);
	return NULL;
}

/* ---- handing on ---- */

/* Under the lock. False: no room. */
static bool push(struct call_log *log, const struct work *work)
{
	if (log->count >= (work->kind == WORK_BLOCK ? WORKS : WORKS_SMALL)) {
		return false;
	}
	log->works[(log->head + log->count++) % WORKS] = *work;
	pthread_cond_signal(&log->wake);
	return true;
}

/* Under the lock: what was shed is told before anything that follows. */
static bool push_shed(struct call_log *log)
{
	if (!log_loss_any(&log->shed)) {
		return true;
	}
	if (!push(log, &(struct work){.kind = WORK_GAP, .loss = log->shed})) {
		return false;
	}
	log->shed = (struct log_loss){0};
	return true;
}

void call_log_hand_on(struct call_log *log)
{
	if (!log->open || log->open_count == 0) {
		return;
	}
	pthread_mutex_lock(&log->lock);
	bool pushed = push(log, &(struct work){.kind = WORK_BLOCK, .block = log->open});
	ENSURE(pushed);
	pthread_mutex_unlock(&log->lock);
	log->open = NULL;
	log->open_count = 0;
	log->open_wall_us = INSTANT_NONE;
}

static bool take_block(struct call_log *log)
{
	if (log->open) {
		return true;
	}
	pthread_mutex_lock(&log->lock);
	if (log->free_count > 0 && push_shed(log)) {
		log->open = log->free[--log->free_count];
	}
	pthread_mutex_unlock(&log->lock);
	return log->open != NULL;
}

static void shed_event(struct call_log *log, uint64_t number, const struct event *e)
{
	struct log_span span = {1, number, number, e->time_us, e->time_us};

	log_loss_events(&log->shed, &span, too_slow);
	pthread_mutex_lock(&log->lock);
	log->shed_count++;
	pthread_mutex_unlock(&log->lock);
}

static void lose_note(struct call_log *log)
{
	log_loss_note(&log->shed, too_slow);
}

static bool add_event(struct call_log *log, uint64_t number, const struct event *e)
{
	if (!take_block(log)) {
		return false;
	}
	if (log_block_add(log->open, number, e) == OK) {
		return true;
	}
	call_log_hand_on(log);
	return take_block(log) && log_block_add(log->open, number, e) == OK;
}

void call_log_event(struct call_log *log, uint64_t number, const struct event *e)
{
	/* One thread writes: no locked addition is needed. */
	uint64_t events = atomic_load_explicit(&log->events, memory_order_relaxed);
	atomic_store_explicit(&log->events, events + 1, memory_order_relaxed);
	log->next = number + 1;
	log->uncut = add_event(log, number, e);
	if (log->uncut) {
		log->open_count++;
	} else {
		shed_event(log, number, e);
	}
}

void call_log_cut(struct call_log *log)
{
	if (!log->uncut) {
		return;
	}
	log->uncut = false;
	if (log->open && log->open_count > 0) {
		log_block_cut(log->open);
		return;
	}
	/* The event before is in a block that was handed on. */
	pthread_mutex_lock(&log->lock);
	bool pushed =
		push_shed(log) && push(log, &(struct work){.kind = WORK_CUT, .number = log->next});
	pthread_mutex_unlock(&log->lock);
	if (!pushed) {
		lose_note(log);
	}
}

void call_log_note(struct call_log *log, const struct log_note *note)
{
	struct work work = {.kind = WORK_NOTE, .note = *note};
	size_t len = note->text.len < NOTE_TEXT_MAX ? note->text.len : NOTE_TEXT_MAX;
	char *text = malloc(len ? len : 1);
	bool pushed = false;

	call_log_hand_on(log);
	if (text) {
		if (len) {
			memcpy(text, note->text.p, len);
		}
		work.note.text = (struct slice){text, len};
		pthread_mutex_lock(&log->lock);
		pushed = push_shed(log) && push(log, &work);
		pthread_mutex_unlock(&log->lock);
	}
	if (!pushed) {
		free(text);
		lose_note(log);
	}
}

void call_log_tick(struct call_log *log, int64_t wall_us)
{
	bool full_second = log->ticked_us == INSTANT_NONE || wall_us < log->ticked_us ||
	                   wall_us - log->ticked_us >= US_PER_S;

	if (log->open_count > 0 && log->open_wall_us == INSTANT_NONE) {
		log->open_wall_us = wall_us;
	} else if (log->open_count > 0 &&
	           (wall_us < log->open_wall_us || wall_us - log->open_wall_us >= US_PER_S)) {
		call_log_hand_on(log);
	}
	pthread_mutex_lock(&log->lock);
	log->wall_us = wall_us;
	if (full_second) {
		log->ticked_us = wall_us;
		log->sync = true;
		log->retain = true;
		pthread_cond_signal(&log->wake);
	}
	pthread_mutex_unlock(&log->lock);
}

/* Under the lock. */
static void wait_idle(struct call_log *log)
{
	while (log->count > 0 || log->sync || log->retain || log->working) {
		pthread_cond_wait(&log->idle, &log->lock);
	}
}

void call_log_flush(struct call_log *log)
{
	call_log_hand_on(log);
	pthread_mutex_lock(&log->lock);
	if (log_loss_any(&log->shed)) {
		wait_idle(log);
		bool pushed = push_shed(log);
		ENSURE(pushed);
	}
	log->sync = true;
	pthread_cond_signal(&log->wake);
	wait_idle(log);
	pthread_mutex_unlock(&log->lock);
}

void call_log_stats(struct call_log *log, struct call_log_stats *out)
{
	pthread_mutex_lock(&log->lock);
	*out = log->stats;
	out->shed += log->shed_count;
	pthread_mutex_unlock(&log->lock);
	/* After the others: written and shed never exceed it. */
	out->events = atomic_load_explicit(&log->events, memory_order_relaxed);
}

/* ---- life ---- */

uint64_t call_log_next_event(const struct call_log *log)
{
	return log->next_at_open;
}

int64_t call_log_last_time(const struct call_log *log)
{
	return log->last_at_open;
}

static void free_blocks(struct call_log *log)
{
	log_block_free(log->open);
	for (size_t i = 0; i < log->free_count; i++) {
		log_block_free(log->free[i]);
	}
}

static int open_parts(struct call_log *log, const struct call_log_options *options,
                      const char **why)
{
	for (; log->free_count < CALL_LOG_QUEUE; log->free_count++) {
		struct log_block *block = log_block_new(options->fields, options->key);
		if (!block) {
			*why = err_text(E_NOMEM);
			return E_NOMEM;
		}
		log->free[log->free_count] = block;
	}
	int err = log_writer_open(&log->writer, options, why);
	if (err) {
		return err;
	}
	log->next_at_open = log->writer.last_event + 1;
	log->next = log->next_at_open;
	log->last_at_open = log->writer.newest_us;
	pthread_mutex_init(&log->lock, NULL);
	pthread_cond_init(&log->wake, NULL);
	pthread_cond_init(&log->idle, NULL);
	if (pthread_create(&log->thread, NULL, log_main, log) == 0) {
		return OK;
	}
	log_writer_close(&log->writer);
	*why = "no thread";
	return E_NOMEM;
}

int call_log_open(const struct call_log_options *options, struct call_log **out, const char **why)
{
	struct call_log *log = calloc(1, sizeof(*log));

	if (!log) {
		*why = err_text(E_NOMEM);
		return E_NOMEM;
	}
	log->open_wall_us = INSTANT_NONE;
	log->ticked_us = INSTANT_NONE;
	int err = open_parts(log, options, why);
	if (err) {
		free_blocks(log);
		free(log);
		return err;
	}
	*out = log;
	return OK;
}

void call_log_close(struct call_log *log)
{
	if (!log) {
		return;
	}
	call_log_flush(log);
	pthread_mutex_lock(&log->lock);
	log->stop = true;
	pthread_cond_signal(&log->wake);
	pthread_mutex_unlock(&log->lock);
	(void)pthread_join(log->thread, NULL);
	log_writer_close(&log->writer);
	free_blocks(log);
	pthread_cond_destroy(&log->idle);
	pthread_cond_destroy(&log->wake);
	pthread_mutex_destroy(&log->lock);
	free(log);
}
