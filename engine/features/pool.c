#include "features/pool.h"

#include <string.h>
#include <sys/mman.h>

#include "core/ensure.h"
#include "core/err.h"

static struct pool_links *links(const struct pool *p, pool_ref ref)
{
	return pool_at(p, ref);
}

static void list_add(struct pool *p, pool_ref ref, unsigned order)
{
	struct pool_links *l = links(p, ref);

	l->prev = 0;
	l->next = p->free[order];
	if (l->next) {
		links(p, l->next)->prev = ref;
	}
	p->free[order] = ref;
	p->order[ref] = (uint8_t)(POOL_FREE | (order + 1));
}

static void list_take(struct pool *p, pool_ref ref, unsigned order)
{
	struct pool_links *l = links(p, ref);

	if (l->prev) {
		links(p, l->prev)->next = l->next;
	} else {
		p->free[order] = l->next;
	}
	if (l->next) {
		links(p, l->next)->prev = l->prev;
	}
}

static void *reserve(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
	                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

int pool_init_bare(struct pool *p, size_t size)
{
	uint32_t units = (uint32_t)(size / POOL_UNIT);

	*p = (struct pool){.size = (size_t)units * POOL_UNIT};
	p->base = reserve(p->size);
	p->order = reserve(units);
	if (!p->base || !p->order) {
		pool_fini(p);
		return E_NOMEM;
	}
	return OK;
}

int pool_init(struct pool *p, size_t size)
{
	uint32_t units = (uint32_t)(size / POOL_UNIT);
	int err = pool_init_bare(p, size);

	if (err) {
		return err;
	}
	/* Unit 0 stays unused so that 0 can mean none; the rest is cut into aligned blocks. */
	for (pool_ref at = 1; at < units;) {
		unsigned order = (unsigned)__builtin_ctz(at);
		while (order >= POOL_ORDERS || at + (UINT32_C(1) << order) > units) {
			order--;
		}
		list_add(p, at, order);
		at += UINT32_C(1) << order;
	}
	return OK;
}

void pool_fini(struct pool *p)
{
	if (p->base) {
		(void)munmap(p->base, p->size);
	}
	if (p->order) {
		(void)munmap(p->order, p->size / POOL_UNIT);
	}
	*p = (struct pool){0};
}

static unsigned order_of(size_t size)
{
	unsigned order = 0;

	while (((size_t)POOL_UNIT << order) < size) {
		order++;
	}
	return order;
}

/* A block of the order from the lists, cut out of a larger one where need be; 0: none. Its bytes
 * of the order table are the caller's to set.
 */
static pool_ref cut(struct pool *p, unsigned want)
{
	unsigned have = want;

	while (have < POOL_ORDERS && !p->free[have]) {
		have++;
	}
	if (have >= POOL_ORDERS) {
		return 0;
	}
	pool_ref ref = p->free[have];
	list_take(p, ref, have);
	while (have > want) {
		have--;
		list_add(p, ref + (UINT32_C(1) << have), have);
	}
	p->order[ref] = (uint8_t)(want + 1);
	return ref;
}

/* Gives a block back to the lists and joins it with its buddies. */
static void join(struct pool *p, pool_ref ref, unsigned order)
{
	uint32_t units = (uint32_t)(p->size / POOL_UNIT);

	p->order[ref] = 0;
	while (order + 1 < POOL_ORDERS) {
		pool_ref buddy = ref ^ (UINT32_C(1) << order);
		if (buddy == 0 || buddy >= units || p->order[buddy] != (POOL_FREE | (order + 1))) {
			break;
		}
		list_take(p, buddy, order);
		p->order[buddy] = 0;
		ref = ref < buddy ? ref : buddy;
		order++;
	}
	list_add(p, ref, order);
}

static bool give_back_spares(struct pool *p)
{
	bool any = false;

	for (unsigned order = 0; order < POOL_SPARE_ORDERS; order++) {
		struct pool_spare *spare = &p->spare[order];
		any = any || spare->count > 0;
		while (spare->count) {
			join(p, spare->refs[--spare->count], order);
		}
	}
	return any;
}

/* Half a spare's worth out of one larger block: neighbours in memory. */
static void refill(struct pool *p, unsigned order)
{
	struct pool_spare *spare = &p->spare[order];
	enum { TIMES_LOG2 = 4 };
	pool_ref ref = cut(p, order + TIMES_LOG2);

	for (unsigned i = 1U << TIMES_LOG2; ref && i > 0; i--) {
		pool_ref piece = ref + ((i - 1) << order);
		p->order[piece] = (uint8_t)(order + 1);
		spare->refs[spare->count++] = piece;
	}
}

pool_ref pool_alloc(struct pool *p, size_t size)
{
	unsigned order = order_of(size);
	pool_ref ref = 0;

	if (order < POOL_SPARE_ORDERS) {
		if (p->spare[order].count == 0) {
			refill(p, order);
		}
		if (p->spare[order].count) {
			struct pool_spare *spare = &p->spare[order];
			ref = spare->refs[--spare->count];
			if (spare->count) {
				/* The next one will be written soon: have it near by then. */
				const char *next = pool_at(p, spare->refs[spare->count - 1]);
				__builtin_prefetch(next, 1, 2);
				__builtin_prefetch(next + POOL_UNIT, 1, 2);
			}
		}
	}
	ref = ref ? ref : cut(p, order);
	if (!ref && give_back_spares(p)) {
		ref = cut(p, order);
	}
	p->used += ref ? (size_t)POOL_UNIT << order : 0;
	return ref;
}

void pool_release(struct pool *p, pool_ref ref)
{
	if (!ref) {
		return;
	}
	unsigned order = (unsigned)p->order[ref] - 1;

	ENSURE(p->order[ref] && !(p->order[ref] & POOL_FREE));
	p->used -= (size_t)POOL_UNIT << order;
	if (order < POOL_SPARE_ORDERS && p->spare[order].count < POOL_SPARE) {
		p->spare[order].refs[p->spare[order].count++] = ref;
	} else {
		join(p, ref, order);
	}
}

size_t pool_size(const struct pool *p, pool_ref ref)
{
	return (size_t)POOL_UNIT << ((unsigned)(p->order[ref] & POOL_ORDER_BITS) - 1);
}
