#include "features/table_state.h"

#include "core/err.h"
#include "features/table_parts.h"

void table_save(const struct table *t, struct state_out *out)
{
	for (unsigned n = 0; n < TABLE_SHARDS; n++) {
		const struct table_shard *s = &t->shards[n];
		state_u32(out, s->rows);
		state_u32(out, s->cap);
		state_u32(out, s->slots);
		state_u64(out, (uint64_t)s->swept);
		state_u64(out, s->evicted);
		for (unsigned b = 0; s->rows && b < TABLE_BUCKETS; b++) {
			state_u32(out, s->buckets[b]);
		}
	}
}

static void read_shard(struct table_shard *s, struct state_view *v)
{
	s->rows = state_get_u32(v);
	s->cap = state_get_u32(v);
	s->slots = state_get_u32(v);
	s->swept = (int64_t)state_get_u64(v);
	s->evicted = state_get_u64(v);
	for (unsigned b = 0; s->rows && b < TABLE_BUCKETS; b++) {
		s->buckets[b] = state_get_u32(v);
	}
}

/* ---- rows ---- */

static const char *claim_notes(struct pool *pool, struct row *row, const struct table_claim *claim)
{
	for (pool_ref ref = row->notes; ref;) {
		if (!pool_claim(pool, ref, sizeof(struct row_note))) {
			return "a note without a block";
		}
		struct row_note *note = pool_at(pool, ref);
		unsigned n = 0;
		while (n < claim->owner_count && claim->owners[n] != note->owner) {
			n++;
		}
		if (n == claim->owner_count ||
		    (note->last_us != INT64_MIN && !state_time_sane(note->last_us))) {
			return "a note that is nobody's";
		}
		note->owner = claim->renamed[n];
		const char *wrong =
			note->state ? claim->state(claim->user, pool, note->state, n) : NULL;
		if (wrong) {
			return wrong;
		}
		ref = note->next;
	}
	return NULL;
}

static const char *claim_row(const struct table *t, struct pool *pool, struct row *row,
                             const struct table_claim *claim)
{
	const char *wrong = claim_notes(pool, row, claim);

	if (!state_time_sane(row->last_us)) {
		return "a row at no time";
	}
	if (row->early != ROW_OPEN) {
		return wrong          ? wrong
		       : t->born_open ? "a row with events of no rule"
		                      : claim->early(claim->user, pool, row);
	}
	for (unsigned n = 0; !wrong && n < t->spec_count; n++) {
		wrong = window_claim(pool, &t->specs[n], claim->texts[n], &row->windows[n]);
	}
	return wrong;
}

/* Every slot leads to a row of this shard, and its key leads to the slot. */
static const char *claim_slots(const struct table *t, const struct table_shard *s, unsigned shard,
                               const struct table_claim *claim)
{
	struct pool *pool = &claim->pools[shard];
	uint32_t rows = 0;

	if (s->cap < SLOTS_MIN || (s->cap & (s->cap - 1)) != 0 || s->rows >= s->cap ||
	    !pool_claim(pool, s->slots, (size_t)s->cap * sizeof(struct slot))) {
		return "a table without slots";
	}
	for (uint32_t i = 0; i < s->cap; i++) {
		const struct slot *slot = &table_slots(s, pool)[i];
		if (!slot->row) {
			continue;
		}
		if (!pool_move(pool, slot->row, POOL_UNCLAIMED, POOL_LISTED, t->row_size)) {
			return "a row without a block";
		}
		if (table_shard(table_row_at(pool, slot->row)->key) != shard) {
			return "a row in another's shard";
		}
		rows++;
	}
	return rows == s->rows ? NULL : "another number of rows than counted";
}

static const char *claim_keys(const struct table *t, const struct table_shard *s, struct pool *pool,
                              const struct table_claim *claim)
{
	for (uint32_t i = 0; i < s->cap; i++) {
		const struct slot *slot = &table_slots(s, pool)[i];
		if (!slot->row) {
			continue;
		}
		struct row *row = table_row_at(pool, slot->row);
		if (slot->tag != (uint32_t)row->key.lo || table_probe(s, pool, row->key) != slot) {
			return "a row that its key does not find";
		}
		const char *wrong = claim_row(t, pool, row, claim);
		if (wrong) {
			return wrong;
		}
	}
	return NULL;
}

/* Every row lies in exactly one ring. */
static const char *claim_rings(const struct table_shard *s, struct pool *pool)
{
	uint32_t rows = 0;

	for (unsigned b = 0; b < TABLE_BUCKETS; b++) {
		pool_ref last = s->buckets[b], ref = last;
		if (!last) {
			continue;
		}
		do {
			if (!pool_move(pool, ref, POOL_LISTED, POOL_OWNED, 0)) {
				return "a bucket that is no ring of rows";
			}
			rows++;
			ref = table_row_at(pool, ref)->next;
		} while (ref != last);
	}
	return rows == s->rows ? NULL : "a row in no bucket";
}

static const char *claim_shard(const struct table *t, struct table_shard *s, unsigned shard,
                               const struct table_claim *claim)
{
	struct pool *pool = &claim->pools[shard];

	if (!s->rows) {
		bool fresh = s->swept == INT64_MIN;
		return s->cap || s->slots || (!fresh && !state_time_sane(s->swept))
		               ? "slots without rows"
		               : NULL;
	}
	/* As a number of buckets or as a time. */
	if (!state_time_sane(s->swept) || s->swept > (INT64_C(1) << 61) / t->bucket_us ||
	    s->swept < -(INT64_C(1) << 61) / t->bucket_us) {
		return "a sweep at no time";
	}
	const char *wrong = claim_slots(t, s, shard, claim);
	wrong = wrong ? wrong : claim_keys(t, s, pool, claim);
	return wrong ? wrong : claim_rings(s, pool);
}

int table_load(struct table *t, const struct table_claim *claim, struct state_in *in,
               struct state_view *v)
{
	for (unsigned shard = 0; shard < TABLE_SHARDS; shard++) {
		struct table_shard *s = &t->shards[shard];
		read_shard(s, v);
		if (v->failed) {
			return state_in_end(in, v);
		}
		const char *wrong = claim_shard(t, s, shard, claim);
		if (wrong) {
			return state_in_fail(in, "section %s: shard %u: %s", v->name, shard, wrong);
		}
	}
	return state_in_end(in, v);
}
