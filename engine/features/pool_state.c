/* A pool's section: size, one byte a block in the order of memory, the free lists by order, the
 * spares by order, the bytes of the owned blocks in the order of memory.
 */
#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "core/state.h"
#include "features/pool.h"

enum { SPARES_MAX = POOL_SPARE_ORDERS * POOL_SPARE };

static uint32_t units_of(const struct pool *p)
{
	return (uint32_t)(p->size / POOL_UNIT);
}

static uint32_t block_units(uint8_t byte)
{
	return UINT32_C(1) << ((byte & POOL_ORDER_BITS) - 1);
}

static bool has_mark(uint8_t byte, enum pool_mark mark)
{
	return (byte & POOL_MARKS) == mark;
}

static struct pool_links *links(const struct pool *p, pool_ref ref)
{
	return pool_at(p, ref);
}

/* ---- saving ---- */

static int cmp_ref(const void *a, const void *b)
{
	pool_ref x = *(const pool_ref *)a, y = *(const pool_ref *)b;

	return (x > y) - (x < y);
}

/* The blocks in order, told apart into free, spare and owned. */
struct walk {
	const struct pool *p;
	pool_ref spares[SPARES_MAX + 1]; /* sorted; the last is beyond all */
	size_t spare;
	pool_ref at;
	uint8_t byte; /* as it is written */
};

static void walk_begin(struct walk *w, const struct pool *p)
{
	size_t n = 0;

	*w = (struct walk){.p = p, .at = 0};
	for (unsigned order = 0; order < POOL_SPARE_ORDERS; order++) {
		for (uint32_t i = 0; i < p->spare[order].count; i++) {
			w->spares[n++] = p->spare[order].refs[i];
		}
	}
	qsort(w->spares, n, sizeof(w->spares[0]), cmp_ref);
	w->spares[n] = UINT32_MAX;
}

static bool walk_next(struct walk *w)
{
	w->at += w->at ? block_units(w->byte) : 1;
	if (w->at >= units_of(w->p)) {
		return false;
	}
	w->byte = w->p->order[w->at];
	if (has_mark(w->byte, POOL_FREE)) {
		w->byte = (uint8_t)((w->byte & POOL_ORDER_BITS) | POOL_FREE_LISTED);
	} else if (w->spares[w->spare] == w->at) {
		w->byte |= POOL_LISTED;
		w->spare++;
	} else {
		w->byte |= POOL_UNCLAIMED;
	}
	return true;
}

static void save_lists(const struct pool *p, struct state_out *out)
{
	for (unsigned order = 0; order < POOL_ORDERS; order++) {
		uint32_t n = 0;
		for (pool_ref ref = p->free[order]; ref; ref = links(p, ref)->next) {
			n++;
		}
		state_u32(out, n);
		for (pool_ref ref = p->free[order]; ref; ref = links(p, ref)->next) {
			state_u32(out, ref);
		}
	}
	for (unsigned order = 0; order < POOL_SPARE_ORDERS; order++) {
		state_u32(out, p->spare[order].count);
		for (uint32_t i = 0; i < p->spare[order].count; i++) {
			state_u32(out, p->spare[order].refs[i]);
		}
	}
}

void pool_save(const struct pool *p, struct state_out *out)
{
	struct walk w;
	uint32_t blocks = 0;

	for (walk_begin(&w, p); walk_next(&w);) {
		blocks++;
	}
	state_u64(out, p->size);
	state_u32(out, blocks);
	for (walk_begin(&w, p); walk_next(&w);) {
		state_bytes(out, &w.byte, 1);
	}
	save_lists(p, out);
	for (walk_begin(&w, p); walk_next(&w);) {
		if (has_mark(w.byte, POOL_UNCLAIMED)) {
			state_bytes(out, pool_at(p, w.at), (size_t)block_units(w.byte) * POOL_UNIT);
		}
	}
}

/* ---- loading ---- */

bool pool_move(struct pool *p, pool_ref ref, enum pool_mark from, enum pool_mark to, size_t size)
{
	if (ref == 0 || ref >= units_of(p) || !p->order[ref] || !has_mark(p->order[ref], from) ||
	    (size_t)block_units(p->order[ref]) * POOL_UNIT < size) {
		return false;
	}
	p->order[ref] = (uint8_t)((p->order[ref] & POOL_ORDER_BITS) | to);
	return true;
}

static int fail(struct state_in *in, const struct state_view *v, const char *what)
{
	return state_in_fail(in, "section %s: %s", v->name, what);
}

/* The blocks tile the pool: each at a multiple of its size, the last ends with it. */
static int load_blocks(struct pool *p, struct state_in *in, struct state_view *v)
{
	uint32_t count = state_get_u32(v), units = units_of(p);
	const uint8_t *bytes = state_get_bytes(v, count);
	uint32_t at = 1;

	if (!bytes) {
		return fail(in, v, "too short");
	}
	for (uint32_t i = 0; i < count; i++) {
		unsigned order = bytes[i] & POOL_ORDER_BITS;
		bool known = has_mark(bytes[i], POOL_UNCLAIMED) ||
		             has_mark(bytes[i], POOL_LISTED) ||
		             has_mark(bytes[i], POOL_FREE_LISTED);
		if (!known || order == 0 || order > POOL_ORDERS || at >= units ||
		    at % block_units(bytes[i]) || block_units(bytes[i]) > units - at) {
			return fail(in, v, "blocks that do not fit into the pool");
		}
		p->order[at] = bytes[i];
		if (has_mark(bytes[i], POOL_UNCLAIMED)) {
			p->used += (size_t)block_units(bytes[i]) * POOL_UNIT;
		}
		at += block_units(bytes[i]);
	}
	return at == units || units == 0 ? OK : fail(in, v, "blocks that do not fill the pool");
}

static bool has_order(const struct pool *p, pool_ref ref, unsigned order)
{
	return ref < units_of(p) && (p->order[ref] & POOL_ORDER_BITS) == order + 1;
}

static int load_free_list(struct pool *p, struct state_in *in, struct state_view *v, unsigned order)
{
	uint32_t n = state_get_u32(v);
	pool_ref last = 0;

	for (uint32_t i = 0; i < n && !v->failed; i++) {
		pool_ref ref = state_get_u32(v);
		if (!has_order(p, ref, order) ||
		    !pool_move(p, ref, POOL_FREE_LISTED, POOL_FREE, 0)) {
			return fail(in, v, "a free list that names what is not free");
		}
		*links(p, ref) = (struct pool_links){.prev = last};
		*(last ? &links(p, last)->next : &p->free[order]) = ref;
		last = ref;
	}
	return OK;
}

static int load_spares(struct pool *p, struct state_in *in, struct state_view *v, unsigned order)
{
	struct pool_spare *spare = &p->spare[order];
	uint32_t n = state_get_u32(v);

	if (n > POOL_SPARE) {
		return fail(in, v, "too many spares");
	}
	for (uint32_t i = 0; i < n && !v->failed; i++) {
		pool_ref ref = state_get_u32(v);
		if (!has_order(p, ref, order) || !pool_move(p, ref, POOL_LISTED, POOL_OWNED, 0)) {
			return fail(in, v, "a spare that is none");
		}
		spare->refs[spare->count++] = ref;
	}
	return OK;
}

/* The bytes of the owned blocks; every other block was met in its list. */
static int load_bytes(struct pool *p, struct state_in *in, struct state_view *v)
{
	/* A spare is marked as owned by now, an owned block as unclaimed. */
	for (uint32_t at = 1; at < units_of(p); at += block_units(p->order[at])) {
		uint8_t byte = p->order[at];
		if (has_mark(byte, POOL_LISTED) || has_mark(byte, POOL_FREE_LISTED)) {
			return fail(in, v, "a block in no list");
		}
		if (has_mark(byte, POOL_UNCLAIMED) &&
		    !state_copy(v, pool_at(p, at), (size_t)block_units(byte) * POOL_UNIT)) {
			return fail(in, v, "too short");
		}
	}
	return state_in_end(in, v);
}

static int load(struct pool *p, struct state_in *in, struct state_view *v)
{
	if (state_get_u64(v) != p->size) {
		return fail(in, v, "another size of memory");
	}
	int err = load_blocks(p, in, v);
	for (unsigned order = 0; err == OK && order < POOL_ORDERS; order++) {
		err = load_free_list(p, in, v, order);
	}
	for (unsigned order = 0; err == OK && order < POOL_SPARE_ORDERS; order++) {
		err = load_spares(p, in, v, order);
	}
	return err ? err : load_bytes(p, in, v);
}

int pool_load(struct pool *p, struct state_in *in, struct state_view *v)
{
	struct pool next;
	int err = pool_init_bare(&next, p->size);

	if (err) {
		(void)state_in_fail(in, "no memory");
		return err;
	}
	err = load(&next, in, v);
	if (err) {
		pool_fini(&next);
		return err;
	}
	pool_fini(p);
	*p = next;
	return OK;
}

size_t pool_settle(struct pool *p)
{
	size_t given_back = 0;

	for (uint32_t at = 1; at < units_of(p); at += block_units(p->order[at])) {
		if (has_mark(p->order[at], POOL_TEXT)) {
			p->order[at] &= POOL_ORDER_BITS;
		}
	}
	/* A block given back joins with free neighbours only: the walk goes on behind those. */
	for (uint32_t at = 1, next; at < units_of(p); at = next) {
		uint8_t byte = p->order[at];
		next = at + block_units(byte);
		while (next < units_of(p) && has_mark(p->order[next], POOL_FREE)) {
			next += block_units(p->order[next]);
		}
		if (has_mark(byte, POOL_UNCLAIMED)) {
			p->order[at] &= POOL_ORDER_BITS;
			pool_release(p, at);
			given_back++;
		}
	}
	return given_back;
}
