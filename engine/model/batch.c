#include "model/batch.h"

#include <math.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "core/err.h"

enum { BATCH_TEXT_MAX = 256 * 1024 * 1024 };

static const size_t storage_size[] = {
	[STORE_NONE] = 0,
	[STORE_NUM] = sizeof(number),
	[STORE_TIME] = sizeof(int64_t),
	[STORE_DUR] = sizeof(int64_t),
	[STORE_INT] = sizeof(int64_t),
	[STORE_FLOAT] = sizeof(double),
	[STORE_BOOL] = sizeof(uint8_t),
	[STORE_ENUM] = sizeof(uint8_t),
	[STORE_COUNTRY] = sizeof(country),
	[STORE_TEXT] = sizeof(struct slice),
	[STORE_IP] = sizeof(struct ip),
};

/* Columns that stand beside those of fields.def. */
struct extra {
	void **at;
	size_t size;
};

enum { EXTRA_COUNT = 9 };

static void batch_extras(struct batch *b, struct extra out[EXTRA_COUNT])
{
	struct extra all[EXTRA_COUNT] = {
		{(void **)&b->kind, sizeof(*b->kind)},
		{(void **)&b->source, sizeof(*b->source)},
		{(void **)&b->caller, sizeof(*b->caller)},
		{(void **)&b->callee, sizeof(*b->callee)},
		{(void **)&b->pai, sizeof(*b->pai)},
		{(void **)&b->from, sizeof(*b->from)},
		{(void **)&b->divert, sizeof(*b->divert)},
		{(void **)&b->stir_orig, sizeof(*b->stir_orig)},
		{(void **)&b->stir_dest, sizeof(*b->stir_dest)},
	};

	memcpy(out, all, sizeof(all));
}

/* Address space for the largest batch; pages come as rows are filled. */
static void *column_new(size_t row_size)
{
	void *p = mmap(NULL, row_size * BATCH_ROWS_MAX, PROT_READ | PROT_WRITE,
	               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void column_free(void *p, size_t row_size)
{
	if (p) {
		(void)munmap(p, row_size * BATCH_ROWS_MAX);
	}
}

struct batch *batch_new(void)
{
	struct batch *b = calloc(1, sizeof(*b));
	struct extra extras[EXTRA_COUNT];
	bool whole = b != NULL;

	if (!b) {
		return NULL;
	}
	arena_init(&b->arena, BATCH_TEXT_MAX);
	for (unsigned f = FIELD_NONE + 1; f < FIELD_COUNT; f++) {
		b->col[f].any = column_new(storage_size[field_storage((enum field)f)]);
		whole = whole && b->col[f].any;
	}
	batch_extras(b, extras);
	for (size_t i = 0; i < EXTRA_COUNT; i++) {
		*extras[i].at = column_new(extras[i].size);
		whole = whole && *extras[i].at;
	}
	if (!whole) {
		batch_free(b);
		return NULL;
	}
	return b;
}

void batch_free(struct batch *b)
{
	struct extra extras[EXTRA_COUNT];

	if (!b) {
		return;
	}
	for (unsigned f = FIELD_NONE + 1; f < FIELD_COUNT; f++) {
		column_free(b->col[f].any, storage_size[field_storage((enum field)f)]);
	}
	batch_extras(b, extras);
	for (size_t i = 0; i < EXTRA_COUNT; i++) {
		column_free(*extras[i].at, extras[i].size);
	}
	arena_fini(&b->arena);
	free(b);
}

void batch_reset(struct batch *b, uint64_t first_event)
{
	b->count = 0;
	b->first_event = first_event;
	arena_reset(&b->arena);
}

static struct written_number keep_written(struct batch *b, const struct written_number *w)
{
	return (struct written_number){
		.text = arena_copy(&b->arena, w->text),
		.context = arena_copy(&b->arena, w->context),
		.withheld = w->withheld,
	};
}

static uint8_t truth_of(bool value)
{
	return value ? TRUTH_TRUE : TRUTH_FALSE;
}

/* What enrich/ derives starts as missing. */
static void clear_derived(struct batch *b, uint32_t row)
{
	static const enum field numbers[] = {FIELD_CALLER_NUM, FIELD_CALLEE_NUM, FIELD_PAI_NUM,
	                                     FIELD_FROM_NUM,   FIELD_DIVERT_NUM, FIELD_STIR_ORIG,
	                                     FIELD_STIR_DEST};
	static const enum field texts[] = {FIELD_TRUNK_PARTNER,   FIELD_ACCOUNT_TZ,
	                                   FIELD_CALLER_CARE,     FIELD_CALLEE_CARE,
	                                   FIELD_CALLER_OPERATOR, FIELD_CALLEE_OPERATOR};
	static const enum field countries[] = {FIELD_SRC_COUNTRY, FIELD_CALLER_COUNTRY,
	                                       FIELD_CALLEE_COUNTRY};
	static const enum field enums[] = {FIELD_TRUNK_ROLE, FIELD_ACCOUNT_TYPE, FIELD_CALLER_TYPE,
	                                   FIELD_CALLEE_TYPE};
	static const enum field bools[] = {FIELD_CALLER_VALID, FIELD_CALLER_ASSIGNED,
	                                   FIELD_CALLEE_VALID, FIELD_CALLEE_ASSIGNED};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		b->col[numbers[i]].num[row] = 0;
	}
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		b->col[texts[i]].text[row] = SLICE_NONE;
	}
	for (size_t i = 0; i < sizeof(countries) / sizeof(countries[0]); i++) {
		b->col[countries[i]].country[row] = 0;
	}
	for (size_t i = 0; i < sizeof(enums) / sizeof(enums[0]); i++) {
		b->col[enums[i]].u8[row] = 0;
	}
	for (size_t i = 0; i < sizeof(bools) / sizeof(bools[0]); i++) {
		b->col[bools[i]].u8[row] = TRUTH_UNKNOWN;
	}
	b->col[FIELD_ACCOUNT_AGE].i64[row] = INSTANT_NONE;
	b->col[FIELD_CALLEE_AGE].i64[row] = INSTANT_NONE;
	b->col[FIELD_SOURCE].text[row] = SLICE_NONE;
}

static void put_texts(struct batch *b, uint32_t row, const struct event *e)
{
	const struct {
		enum field field;
		struct slice text;
	} texts[] = {
		{FIELD_CALL_ID, e->call_id},
		{FIELD_CALLER_DISPLAY, e->display},
		{FIELD_TRUNK_ID, e->trunk_in},
		{FIELD_TRUNK_OUT_ID, e->trunk_out},
		{FIELD_UA, e->ua},
		{FIELD_ACCOUNT_ID, e->account},
		{FIELD_STIR_SIGNER, e->stir_signer},
		{FIELD_STIR_ORIGID, e->stir_origid},
		{FIELD_ORIG_CELL, e->cell},
		{FIELD_ORIG_IMEI, e->imei},
		{FIELD_ORIG_IMSI, e->imsi},
		{FIELD_SIP_METHOD, e->method},
		{FIELD_SIP_TO_USER, e->to_user},
		{FIELD_SIP_FROM_USER, e->from_user},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		b->col[texts[i].field].text[row] = arena_copy(&b->arena, texts[i].text);
	}
	b->caller[row] = keep_written(b, &e->caller);
	b->callee[row] = keep_written(b, &e->callee);
	b->pai[row] = keep_written(b, &e->pai);
	b->from[row] = keep_written(b, &e->from);
	b->divert[row] = keep_written(b, &e->divert);
	b->stir_orig[row] = arena_copy(&b->arena, e->stir_orig);
	b->stir_dest[row] = arena_copy(&b->arena, e->stir_dest);
	b->col[FIELD_CALLER_RAW].text[row] = b->caller[row].text;
	b->col[FIELD_CALLEE_RAW].text[row] = b->callee[row].text;
}

static void put_values(struct batch *b, uint32_t row, const struct event *e)
{
	b->kind[row] = (uint8_t)e->kind;
	b->source[row] = e->source;
	b->col[FIELD_TIME].i64[row] = e->time_us;
	b->col[FIELD_KIND].u8[row] = (uint8_t)(e->kind - KIND_ATTEMPT);
	b->col[FIELD_SRC_IP].ip[row] = e->src;
	b->col[FIELD_DST_IP].ip[row] = e->dst;
	b->col[FIELD_FORWARDED].u8[row] = truth_of(e->forwarded);
	b->col[FIELD_STIR_ATTEST].u8[row] = e->attest;
	b->col[FIELD_STIR_VERSTAT].u8[row] = e->verstat;
	b->col[FIELD_STIR_IAT].i64[row] = e->stir_iat_us;
	b->col[FIELD_ANSWERED].u8[row] = truth_of(e->answered);
	b->col[FIELD_DURATION].i64[row] = e->duration_us;
	b->col[FIELD_RING].i64[row] = e->ring_us;
	b->col[FIELD_SETUP].i64[row] = e->setup_us;
	b->col[FIELD_START].i64[row] = e->start_us;
	b->col[FIELD_CAUSE].u8[row] = e->cause;
	b->col[FIELD_SIP_CODE].i64[row] = e->sip_code;
	b->col[FIELD_Q850].i64[row] = e->q850;
	b->col[FIELD_COST].f64[row] = e->cost;
	b->col[FIELD_HANGUP_BY].u8[row] = e->hangup_by;
}

int batch_append(struct batch *b, const struct event *e)
{
	if (b->count >= BATCH_ROWS_MAX) {
		return E_FULL;
	}
	uint32_t row = b->count;
	clear_derived(b, row);
	put_values(b, row, e);
	put_texts(b, row, e);
	if (arena_overflowed(&b->arena)) {
		b->arena.overflowed = false;
		return E_RANGE;
	}
	b->count++;
	return OK;
}
