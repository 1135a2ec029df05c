/* The stream of all calls, by start: minute by minute as many ordinary calls as the hour of the
 * week asks for, each of ordinary life or of an honest firm that is open; what was planned, and
 * calls back, come out of a heap at their times.
 */
#include <stdlib.h>

#include "core/instant.h"
#include "ringfence/gen.h"

enum { MINUTES_OF_HOUR = 60, HOURS_OF_WEEK = 7 * 24 };

/* Weight of each hour of the local day; one o'clock in the night is the quietest. */
static const unsigned hour_weight[24] = {4,  2,  1,  1,  1,  3,  10, 25, 50, 70, 75, 72,
                                         68, 70, 72, 74, 80, 85, 80, 65, 45, 30, 18, 9};
static const unsigned weekday_percent[7] = {100, 98, 98, 100, 104, 82, 68};

struct planned {
	struct gen_call call;
	uint64_t order; /* of equal times */
};

struct gen_calls {
	const struct gen_world *w;
	const struct gen_plan_book *book;
	struct gen_random random;
	struct gen_life life;
	struct gen_honest honest;
	struct planned *heap;
	size_t heap_count, heap_cap;
	uint64_t planned;
	bool failed;
	/* of an hour of the week: sums of weights, of life and then of kind after kind */
	double weights[HOURS_OF_WEEK][GEN_KINDS_MAX];
	unsigned kinds;
	struct gen_call ordinary; /* the next one */
	bool ordinary_left;
	int64_t minute; /* of the span */
	int64_t minutes;
	double weight_all;
	double weight_done;
	uint64_t minute_calls; /* of the present minute */
	uint64_t minute_done;
	uint64_t done;
};

/* ---- weights ---- */

static void weigh_week(struct gen_calls *c)
{
	double week = 0;

	for (unsigned i = 0; i < HOURS_OF_WEEK; i++) {
		c->weights[i][0] = hour_weight[i % 24] * weekday_percent[i / 24];
		week += c->weights[i][0];
	}
	for (c->kinds = 1; gen_kind_name(c->kinds); c->kinds++) {
		for (unsigned i = 0; i < HOURS_OF_WEEK; i++) {
			c->weights[i][c->kinds] = c->weights[i][c->kinds - 1] +
			                          gen_kind_weight(c->kinds, i / 24, i % 24, week);
		}
	}
}

static const double *weights_at(const struct gen_calls *c, int64_t minute)
{
	int64_t at = c->w->start_us + minute * US_PER_MIN;

	return c->weights[gen_local_weekday(c->w, at) * 24 + gen_local_hour(c->w, at)];
}

static unsigned choose_kind(struct gen_calls *c, const double *sums)
{
	double at = gen_unit(&c->random) * sums[c->kinds - 1];
	unsigned kind = 0;

	while (kind < c->kinds - 1 && at >= sums[kind]) {
		kind++;
	}
	return kind;
}

/* ---- what is planned ---- */

static bool goes_before(const struct planned *a, const struct planned *b)
{
	return a->call.start_us != b->call.start_us ? a->call.start_us < b->call.start_us
	                                            : a->order < b->order;
}

static int by_start(const void *a, const void *b)
{
	return goes_before(a, b) ? -1 : 1;
}

static void plan_call(struct gen_calls *c, const struct gen_call *call)
{
	struct planned *heap = gen_room(c->heap, c->heap_count, &c->heap_cap, sizeof(*heap));
	struct planned new = {*call, c->planned++};
	size_t i = c->heap_count;

	if (!heap) {
		c->failed = true;
		return;
	}
	c->heap = heap;
	c->heap_count++;
	for (; i && goes_before(&new, &heap[(i - 1) / 2]); i = (i - 1) / 2) {
		heap[i] = heap[(i - 1) / 2];
	}
	heap[i] = new;
}

static void pop_call(struct gen_calls *c, struct gen_call *out)
{
	struct planned *heap = c->heap;
	struct planned last = heap[--c->heap_count];
	size_t i = 0;

	*out = heap[0].call;
	for (size_t child = 1; child < c->heap_count; child = 2 * i + 1) {
		if (child + 1 < c->heap_count && goes_before(&heap[child + 1], &heap[child])) {
			child++;
		}
		if (!goes_before(&heap[child], &last)) {
			break;
		}
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = last;
}

/* Sorted, and so a heap. */
static void take_book(struct gen_calls *c, struct gen_plan_book *book)
{
	c->heap = malloc((book->call_count + 1) * sizeof(*c->heap));
	c->heap_cap = book->call_count + 1;
	c->failed = !c->heap || book->failed;
	for (size_t i = 0; !c->failed && i < book->call_count; i++) {
		const struct gen_call *call = &book->calls[i];
		if (call->start_us >= c->w->start_us && call->start_us < gen_world_end(c->w)) {
			c->heap[c->heap_count++] = (struct planned){*call, c->planned++};
		}
	}
	if (c->heap_count) {
		qsort(c->heap, c->heap_count, sizeof(*c->heap), by_start);
	}
	free(book->calls);
	book->calls = NULL;
	book->call_count = book->call_cap = 0;
}

/* ---- the stream ---- */

/* Sets up the next minute with calls in it; false at the end. */
static bool open_minute(struct gen_calls *c)
{
	while (c->minute < c->minutes && c->minute_done == c->minute_calls) {
		c->weight_done += weights_at(c, c->minute++)[c->kinds - 1];
		double upto = (double)c->w->calls * (c->weight_done / c->weight_all);
		uint64_t whole = c->minute == c->minutes ? c->w->calls : (uint64_t)upto;
		c->minute_calls = whole > c->done ? whole - c->done : 0;
		c->minute_done = 0;
	}
	return c->minute_done < c->minute_calls;
}

static void finish_call(struct gen_calls *c, struct gen_call *call)
{
	static const char *const agents[] = {"Handset/4.2", "Handset/4.3", "Desk/9.0"};
	bool own = call->trunk_in == GEN_TRUNK_ACCESS;

	call->start_us -= call->start_us % US_PER_MS;
	gen_attest(c->w, &c->random, call);
	call->agent = own ? agents[call->caller % 3] : "Gateway/7.1";
	call->capture = gen_below(&c->random, c->w->calls) < c->w->captured;
}

static void plan_back(struct gen_calls *c, const struct gen_call *call)
{
	struct gen_call back;

	if (gen_life_back(c->w, &c->random, call, &back) && back.start_us < gen_world_end(c->w)) {
		finish_call(c, &back);
		plan_call(c, &back);
		c->done++;
	}
}

static void next_ordinary(struct gen_calls *c)
{
	struct gen_call *call = &c->ordinary;

	c->ordinary_left = open_minute(c);
	if (!c->ordinary_left) {
		return;
	}
	uint64_t slot_us = (uint64_t)US_PER_MIN / c->minute_calls;
	uint64_t into_us =
		c->minute_done * slot_us + (slot_us ? gen_below(&c->random, slot_us) : 0);
	unsigned kind = choose_kind(c, weights_at(c, c->minute - 1));
	*call = (struct gen_call){
		.start_us = c->w->start_us + (c->minute - 1) * US_PER_MIN + (int64_t)into_us,
	};
	if (kind) {
		gen_honest_call(&c->honest, c->w, c->book, &c->random, kind, call);
	} else {
		gen_life_call(&c->life, c->w, &c->random, call);
	}
	finish_call(c, call);
	plan_back(c, call);
	c->minute_done++;
	c->done++;
}

struct gen_calls *gen_calls_new(const struct gen_world *w, struct gen_plan_book *book)
{
	struct gen_calls *c = calloc(1, sizeof(*c));

	if (!c) {
		return NULL;
	}
	c->w = w;
	c->book = book;
	c->random = gen_random(w->seed);
	c->minutes = w->span_us / US_PER_MIN;
	gen_life_init(&c->life, w);
	gen_honest_prepare(&c->honest, w, book);
	if (!w->clean) {
		gen_scams(w, book);
	}
	take_book(c, book);
	weigh_week(c);
	for (int64_t m = 0; m < c->minutes; m++) {
		c->weight_all += weights_at(c, m)[c->kinds - 1];
	}
	if (c->failed) {
		gen_calls_free(c);
		return NULL;
	}
	next_ordinary(c);
	return c;
}

bool gen_calls_next(struct gen_calls *c, struct gen_call *out)
{
	if (c->heap_count &&
	    (!c->ordinary_left || c->heap[0].call.start_us <= c->ordinary.start_us)) {
		pop_call(c, out);
		return true;
	}
	if (!c->ordinary_left) {
		return false;
	}
	*out = c->ordinary;
	next_ordinary(c);
	return true;
}

bool gen_calls_failed(const struct gen_calls *c)
{
	return c->failed;
}

void gen_calls_free(struct gen_calls *c)
{
	if (c) {
		free(c->heap);
		free(c);
	}
}
