/* Windows against the plain definition, on seeded random traffic: sparse, dense (panes), bursts,
 * late events, a full pool.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "features/bins.h"
#include "features/window.h"
#include "unit/features/window_plain.h"

/* ---- the plain form ---- */

void plain_init(struct plain *p, const struct window_spec *spec)
{
	*p = (struct plain){.spec = spec, .newest_us = INT64_MIN};
	p->events = malloc(PLAIN_EVENTS_MAX * sizeof(*p->events));
	assert_non_null(p->events);
}

void plain_fini(struct plain *p)
{
	free(p->events);
}

static int64_t pane_of(const struct plain *p, int64_t t)
{
	int64_t w = p->spec->pane_us;

	return t / w - (t % w < 0);
}

/* Is the event in the set that values are taken over? */
static bool counts(const struct plain *p, const struct window_event *e)
{
	if (!p->panes) {
		return e->time_us > p->newest_us - p->spec->span_us;
	}
	return pane_of(p, e->time_us) > pane_of(p, p->newest_us - p->spec->span_us);
}

uint64_t plain_count(const struct plain *p)
{
	uint64_t n = 0;

	for (size_t i = 0; i < p->count; i++) {
		n += counts(p, &p->events[i]);
	}
	return n;
}

static bool takes(const struct measure *m, const struct window_event *e)
{
	return (m->filter < 0 || (e->flags >> m->filter & 1)) &&
	       (m->arg < 0 || (e->has >> m->arg & 1));
}

static int cmp_i64(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* The measure's values in the set, in order of time then coming. */
static size_t values(const struct plain *p, const struct measure *m, int64_t *out,
                     const struct window_event **first, const struct window_event **last)
{
	size_t n = 0;

	*first = *last = NULL;
	for (size_t i = 0; i < p->count; i++) {
		const struct window_event *e = &p->events[i];
		if (!counts(p, e) || !takes(m, e)) {
			continue;
		}
		out[n++] = m->arg >= 0 ? (int64_t)e->args[m->arg] : 0;
		if (!*first || e->time_us < (*first)->time_us) {
			*first = e;
		}
		if (!*last || e->time_us >= (*last)->time_us) {
			*last = e;
		}
	}
	return n;
}

static size_t distinct(int64_t *v, size_t n, size_t *top, double *entropy)
{
	size_t d = 0;

	qsort(v, n, sizeof(*v), cmp_i64);
	*top = 0;
	*entropy = 0;
	for (size_t i = 0, run; i < n; i += run) {
		for (run = 1; i + run < n && v[i + run] == v[i]; run++) {
		}
		d++;
		*top = run > *top ? run : *top;
		*entropy -= (double)run / (double)n * log2((double)run / (double)n);
	}
	return d;
}

void plain_add(struct plain *p, const struct window_event *e)
{
	int64_t span = p->spec->span_us;

	if (p->newest_us != INT64_MIN && e->time_us <= p->newest_us - span) {
		return;
	}
	int64_t before = p->newest_us;
	p->newest_us = e->time_us > p->newest_us ? e->time_us : p->newest_us;
	if (p->panes && p->newest_us == e->time_us && e->time_us - p->busy_us >= span) {
		p->panes = false;
		memset(p->hll, 0, sizeof(p->hll));
	}
	if (!p->panes && plain_count(p) >= p->spec->exact_max) {
		p->panes = true;
		p->busy_us = before;
	}
	assert_true(p->count < PLAIN_EVENTS_MAX);
	p->events[p->count++] = *e;
	if (p->panes && plain_count(p) >= p->spec->exact_max / 2 && e->time_us > p->busy_us) {
		p->busy_us = e->time_us;
	}
}

struct measured plain_measure(struct plain *p, unsigned n, double *tolerance)
{
	const struct measure *m = &p->spec->measures[n];
	const struct window_event *first, *last;
	struct measured out = {0};
	size_t top;
	double bits;
	int64_t *v = malloc((p->count + 1) * sizeof(*v));
	size_t count = values(p, m, v, &first, &last);
	__int128 sum = 0, squares = 0;
	size_t held = 0;

	*tolerance = 0;
	for (size_t i = 0; i < count; i++) {
		sum += v[i];
		squares += m->fn == MEASURE_STDDEV ? (__int128)v[i] * v[i] : 0;
	}
	for (size_t i = 0; i < p->count; i++) {
		held += m->cond >= 0 && counts(p, &p->events[i]) && takes(m, &p->events[i]) &&
		        (p->events[i].flags >> m->cond & 1);
	}
	out.missing = count == 0 && m->fn != MEASURE_COUNT && m->fn != MEASURE_SUM &&
	              m->fn != MEASURE_DISTINCT;
	switch (m->fn) {
	case MEASURE_COUNT: out.i = (int64_t)count; break;
	case MEASURE_SUM: out.i = (int64_t)sum; break;
	case MEASURE_AVG: out.f = (double)sum / (double)count; break;
	case MEASURE_STDDEV:
		out.f = sqrt((double)((__int128)count * squares - sum * sum)) / (double)count;
		break;
	case MEASURE_RATIO: out.f = (double)held / (double)count; break;
	case MEASURE_DISTINCT:
		out.i = (int64_t)distinct(v, count, &top, &bits);
		p->hll[n] = p->hll[n] || (p->panes && out.i > WINDOW_DISTINCT_EXACT);
		*tolerance = p->hll[n] ? 0.08 * (double)out.i : 0;
		break;
	case MEASURE_ENTROPY:
		/* Over panes 64 counters each cannot tell more than 64 values apart. */
		*tolerance = distinct(v, count, &top, &bits) > 64 && p->panes ? 64 : 1e-6;
		out.f = bits;
		break;
	case MEASURE_TOP_SHARE:
		(void)distinct(v, count, &top, &bits);
		out.f = count ? (double)top / (double)count : 0;
		*tolerance = p->panes ? 1.0 / 64 + 1e-9 : 0;
		break;
	case MEASURE_QUANTILE:
		qsort(v, count, sizeof(*v), cmp_i64);
		if (count) {
			double rank = ceil(m->q * (double)count - 1e-9);
			out.i = v[rank < 1 ? 0 : (size_t)rank - 1];
		}
		*tolerance =
			p->panes || count > WINDOW_QUANTILE_EXACT ? 0.01 * fabs((double)out.i) : 0;
		break;
	case MEASURE_MIN:
	case MEASURE_MAX:
		qsort(v, count, sizeof(*v), cmp_i64);
		out.i = count ? v[m->fn == MEASURE_MIN ? 0 : count - 1] : 0;
		break;
	case MEASURE_FIRST: out.i = first ? (int64_t)first->args[m->arg] : 0; break;
	case MEASURE_LAST: out.i = last ? (int64_t)last->args[m->arg] : 0; break;
	}
	free(v);
	return out;
}

/* ---- random traffic ---- */

static uint64_t seed_state;

static uint64_t random_u64(void)
{
	uint64_t z = seed_state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static uint64_t below(uint64_t n)
{
	return random_u64() % n;
}

static struct window_spec spec_of(int64_t span_us, unsigned resolution, unsigned exact_max)
{
	struct window_spec spec = {
		.span_us = span_us,
		.resolution = resolution,
		.exact_max = exact_max,
		.arg_count = 2,
		.measures =
			{
				{MEASURE_COUNT, -1, -1, -1, 0},
				{MEASURE_COUNT, -1, 0, -1, 0},
				{MEASURE_SUM, 0, -1, -1, 0},
				{MEASURE_AVG, 0, 1, -1, 0},
				{MEASURE_MIN, 0, -1, -1, 0},
				{MEASURE_MAX, 0, 0, -1, 0},
				{MEASURE_STDDEV, 0, -1, -1, 0},
				{MEASURE_DISTINCT, 1, -1, -1, 0},
				{MEASURE_DISTINCT, 1, 0, -1, 0},
				{MEASURE_RATIO, -1, 0, 1, 0},
				{MEASURE_QUANTILE, 0, -1, -1, 0.5},
				{MEASURE_QUANTILE, 0, 1, -1, 0.95},
				{MEASURE_ENTROPY, 1, -1, -1, 0},
				{MEASURE_TOP_SHARE, 1, -1, -1, 0},
				{MEASURE_FIRST, 0, 1, -1, 0},
				{MEASURE_LAST, 0, 0, -1, 0},
			},
		.measure_count = 16,
	};

	window_spec_finish(&spec);
	return spec;
}

struct traffic {
	const char *id;
	int64_t span_us;
	unsigned resolution;
	unsigned exact_max;
	uint64_t gap_max_us; /* between events, in dense stretches */
	uint64_t values;
	unsigned late_of_100;
	unsigned events;
	unsigned quiet_every; /* a gap of half a span, every so many events; 0: never */
};

static const struct traffic traffics[] = {
	{"sparse", 600000000, 30, 256, 60000000, 50, 0, 4000, 0},
	{"up to hot and back", 600000000, 30, 256, 4000000, 50, 0, 4000, 300},
	{"dense: panes", 600000000, 30, 256, 1500000, 400, 0, 4000, 0},
	{"panes and back to exact", 600000000, 30, 256, 1500000, 400, 0, 6000, 700},
	{"late events", 600000000, 30, 256, 3000000, 50, 20, 4000, 500},
	{"late events in panes", 600000000, 30, 256, 1000000, 90, 20, 4000, 900},
	{"a span that panes do not divide", 1000003, 7, 256, 2500, 100, 5, 4000, 600},
	{"more values than are exact", 600000000, 6, 256, 60000, UINT64_MAX, 0, 12000, 0},
	{"large exact window", 600000000, 30, 4096, 200000, 3000, 2, 8000, 0},
	{"many quantile values", 86400000000, 30, 4096, 20000000, 700, 0, 6000, 0},
};

static struct window_event random_event(const struct traffic *t, int64_t *now_us, unsigned i)
{
	bool quiet = t->quiet_every && i % t->quiet_every == t->quiet_every - 1;
	struct window_event e = {.event = i + 1};

	*now_us += quiet ? t->span_us / 2 + (int64_t)below((uint64_t)t->span_us)
	                 : (int64_t)below(t->gap_max_us);
	e.time_us = *now_us;
	if (below(100) < t->late_of_100) {
		e.time_us -= (int64_t)below((uint64_t)t->span_us + (uint64_t)t->span_us / 4);
	}
	e.flags = (uint32_t)below(4);
	e.has = below(10) ? 3 : (uint32_t)below(4);
	e.args[0] = below(8) ? below(3600000000) : below(50);
	e.args[1] =
		t->values == UINT64_MAX ? random_u64() : below(t->values) * below(2) + below(20);
	return e;
}

static void check_measure(struct window_room *room, const struct window_spec *spec,
                          const struct window *w, struct plain *p, unsigned n, const char *id,
                          unsigned event)
{
	double tolerance;
	struct measured want = plain_measure(p, n, &tolerance);
	struct measured got = window_measure(room, spec, w, n, p->newest_us);
	double off = got.is_float ? fabs(got.f - want.f) : fabs((double)got.i - (double)want.i);

	if (want.missing != got.missing || (!want.missing && off > tolerance)) {
		fail_msg(
			"%s: event %u, measure %u: expected %lld / %g (off by at most %g), got %lld / %g%s",
			id, event, n, (long long)want.i, want.f, tolerance, (long long)got.i, got.f,
			p->panes ? " over panes" : "");
	}
}

static void run_traffic(const struct traffic *t, uint64_t seed, size_t pool_bytes)
{
	struct window_spec spec = spec_of(t->span_us, t->resolution, t->exact_max);
	struct hash_key key;
	struct pool pool;
	uint64_t *scratch = malloc(WINDOW_SCRATCH * sizeof(*scratch));
	struct window_room room = {&pool, &key, scratch};
	struct window w = {0};
	struct plain p;
	int64_t now_us = INT64_C(1767614400000000) + (int64_t)below(1000000000);
	unsigned panes_seen = 0;

	seed_state = seed;
	hash_key_default(&key);
	assert_int_equal(pool_init(&pool, pool_bytes), OK);
	plain_init(&p, &spec);
	for (unsigned i = 0; i < t->events; i++) {
		struct window_event e = random_event(t, &now_us, i);
		assert_int_equal(window_add(&room, &spec, &w, &e), OK);
		plain_add(&p, &e);
		assert_int_equal(window_exact(&w), !p.panes);
		panes_seen += p.panes;
		/* Everything at some events, and the distinct values at all: their mode remembers.
		 */
		bool all = i < 60 || below(40) == 0;
		for (unsigned n = 0; n < spec.measure_count; n++) {
			if (all || (p.panes && spec.measures[n].fn == MEASURE_DISTINCT &&
			            t->values > 4096)) {
				check_measure(&room, &spec, &w, &p, n, t->id, i);
			}
		}
		if (all) {
			assert_int_equal(window_count(&room, &spec, &w, p.newest_us),
			                 plain_count(&p));
		}
	}
	if (strstr(t->id, "panes")) {
		assert_true(panes_seen > 0);
	}
	window_clear(&room, &spec, &w);
	assert_int_equal(pool.used, 0); /* nothing leaks, whatever the window went through */
	pool_fini(&pool);
	plain_fini(&p);
	free(scratch);
}

static void test_against_plain(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(traffics) / sizeof(traffics[0]); i++) {
		run_traffic(&traffics[i], 1, (size_t)64 << 20);
	}
}

/* RINGFENCE_TEST_SEED draws anew (the full run gives a fresh one); the seed is named, so that a
 * failure can be repeated.
 */
static void test_fresh_seed(void **state)
{
	const char *given = getenv("RINGFENCE_TEST_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 10) : 20260105;

	(void)state;
	print_message("seed %llu\n", (unsigned long long)seed);
	for (size_t i = 0; i < 7; i++) {
		run_traffic(&traffics[i], seed + i, (size_t)64 << 20);
	}
}

/* A pool that fills up refuses the event whole: the window stays what it was. */
static void test_full_pool(void **state)
{
	struct window_spec spec = spec_of(600000000, 30, 256);
	struct hash_key key;
	struct pool pool;
	uint64_t *scratch = malloc(WINDOW_SCRATCH * sizeof(*scratch));
	struct window_room room = {&pool, &key, scratch};
	struct window w = {0};
	struct plain p;
	unsigned refused = 0;

	(void)state;
	seed_state = 7;
	hash_key_default(&key);
	assert_int_equal(pool_init(&pool, 48 * 1024), OK);
	plain_init(&p, &spec);
	int64_t now_us = INT64_C(1767614400000000);
	for (unsigned i = 0; i < 3000; i++) {
		struct window_event e = random_event(&traffics[3], &now_us, i);
		e.time_us = now_us;
		int err = window_add(&room, &spec, &w, &e);
		refused += err != OK;
		assert_true(err == OK || err == E_FULL);
		if (err == OK && !p.panes) {
			plain_add(&p, &e);
		}
		if (window_exact(&w) && !p.panes && refused == 0) {
			check_measure(&room, &spec, &w, &p, 7, "full pool", i);
			check_measure(&room, &spec, &w, &p, 2, "full pool", i);
		}
	}
	assert_true(refused > 0);
	window_clear(&room, &spec, &w);
	assert_int_equal(pool.used, 0);
	pool_fini(&pool);
	plain_fini(&p);
	free(scratch);
}

static void test_evidence(void **state)
{
	struct window_spec spec = spec_of(600000000, 30, 256);
	struct hash_key key;
	struct pool pool;
	struct window_room room = {&pool, &key, NULL};
	struct window w = {0};
	uint64_t out[64];

	(void)state;
	hash_key_default(&key);
	assert_int_equal(pool_init(&pool, 1 << 20), OK);
	for (uint64_t i = 1; i <= 20; i++) {
		struct window_event e = {.time_us = (int64_t)i * 1000000, .event = i};
		assert_int_equal(window_add(&room, &spec, &w, &e), OK);
	}
	assert_int_equal(window_evidence(&room, &spec, &w, out, 5), 5);
	assert_int_equal(out[0], 16); /* the newest five, oldest first */
	assert_int_equal(out[4], 20);
	window_clear(&room, &spec, &w);
	pool_fini(&pool);
}

/* Every value lies within 0.8 % of the middle of its bin. */
static void test_bins(void **state)
{
	(void)state;
	seed_state = 3;
	for (unsigned i = 0; i < 200000; i++) {
		int64_t v = (int64_t)(random_u64() >> (1 + below(62)));
		double off = fabs((double)bin_value(bin_of(v)) - (double)v);
		assert_true(bin_of(v) < BINS_COUNT);
		assert_true(off <= 0.008 * (double)v);
	}
	assert_int_equal(bin_of(-5), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_plain), cmocka_unit_test(test_fresh_seed),
		cmocka_unit_test(test_full_pool),     cmocka_unit_test(test_evidence),
		cmocka_unit_test(test_bins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
