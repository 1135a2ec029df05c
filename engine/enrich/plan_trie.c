#include "enrich/plan_trie.h"

#include "core/err.h"
#include "core/hash.h"

struct raw_node {
	uint32_t child[10];
	plan_label label[PLAN_LENGTHS];
	uint8_t country_row;
	uint8_t type;
	bool hinted; /* country_row and type are said here */
};

/* Things of one size, each kept once: the index of an equal one. */
struct unique {
	struct buf items;
	size_t size;
	uint32_t *slots; /* item + 1; 0 is free */
	struct buf slot_memory;
	struct hash_key key;
};

enum { UNIQUE_SLOTS = 2 * PLAN_NODES, UNIQUE_MAX = PLAN_NODES - 1 };

static int unique_init(struct unique *u, size_t size)
{
	*u = (struct unique){.size = size};
	hash_key_default(&u->key);
	buf_reserve(&u->slot_memory, UNIQUE_SLOTS * sizeof(*u->slots));
	if (u->slot_memory.failed) {
		return E_NOMEM;
	}
	u->slots = (uint32_t *)(void *)u->slot_memory.p;
	memset(u->slots, 0, UNIQUE_SLOTS * sizeof(*u->slots));
	return OK;
}

/* Negative on error. */
static int unique_of(struct unique *u, const void *item)
{
	size_t at = hash64(&u->key, item, u->size) % UNIQUE_SLOTS;
	size_t count = u->items.len / u->size;

	for (; u->slots[at]; at = (at + 1) % UNIQUE_SLOTS) {
		if (memcmp(u->items.p + (u->slots[at] - 1) * u->size, item, u->size) == 0) {
			return (int)u->slots[at] - 1;
		}
	}
	if (count >= UNIQUE_MAX) {
		return E_FULL;
	}
	buf_add(&u->items, item, u->size);
	if (u->items.failed) {
		return E_NOMEM;
	}
	u->slots[at] = (uint32_t)count + 1;
	return (int)count;
}

static void unique_fini(struct unique *u)
{
	buf_fini(&u->items);
	buf_fini(&u->slot_memory);
}

static struct raw_node *raw_at(const struct plan_trie *t, uint32_t i)
{
	return (struct raw_node *)(void *)t->raw.p + i;
}

static int raw_new(struct plan_trie *t, uint32_t *made)
{
	static const struct raw_node none;

	*made = (uint32_t)(t->raw.len / sizeof(none));
	buf_add(&t->raw, &none, sizeof(none));
	return t->raw.failed ? E_NOMEM : OK;
}

int plan_trie_init(struct plan_trie *t)
{
	uint32_t root;

	*t = (struct plan_trie){0};
	return raw_new(t, &root);
}

void plan_trie_fini(struct plan_trie *t)
{
	buf_fini(&t->raw);
}

int plan_trie_add(struct plan_trie *t, const struct plan_row *row)
{
	uint32_t at = 0;

	for (size_t i = 0; i < row->prefix.len; i++) {
		unsigned digit = (unsigned)(row->prefix.p[i] - '0');
		uint32_t next = raw_at(t, at)->child[digit];
		if (!next) {
			int err = raw_new(t, &next);
			if (err) {
				return err;
			}
			raw_at(t, at)->child[digit] = next;
		}
		at = next;
	}
	struct raw_node *node = raw_at(t, at);
	for (unsigned n = 0; n < PLAN_LENGTHS; n++) {
		if (row->lengths >> n & 1) {
			node->label[n] = plan_label_of(row->country_row, row->type);
		}
	}
	if (!row->lengths) {
		node->hinted = true;
		node->country_row = (uint8_t)row->country_row;
		node->type = (uint8_t)row->type;
	}
	return OK;
}

struct folding {
	const struct plan_trie *trie;
	struct unique nodes;
	struct unique profiles;
	struct plan *plan;
};

/* What shorter prefixes have said. */
struct said {
	struct plan_profile profile;
	uint8_t country_row;
	uint8_t type;
};

static struct said say_more(const struct said *before, const struct raw_node *raw)
{
	struct said now = *before;

	for (unsigned n = 0; n < PLAN_LENGTHS; n++) {
		if (raw->label[n]) {
			now.profile.label[n] = raw->label[n];
		}
	}
	if (raw->hinted) {
		now.country_row = raw->country_row;
		now.type = raw->type;
	}
	return now;
}

static int node_of(struct folding *f, const struct said *said, const uint16_t child[10])
{
	struct plan_node node;
	int profile = unique_of(&f->profiles, &said->profile);

	if (profile < 0) {
		return profile;
	}
	memset(&node, 0, sizeof(node)); /* compared byte by byte */
	memcpy(node.child, child, sizeof(node.child));
	node.profile = (uint16_t)profile;
	node.country_row = said->country_row;
	node.type = said->type;
	return unique_of(&f->nodes, &node);
}

/* The folded node of raw node `at`, equal ones once. No deeper than a number has digits. */
static int fold(struct folding *f, uint32_t at, const struct said *before)
{
	const struct raw_node *raw = raw_at(f->trie, at);
	struct said now = say_more(before, raw);
	uint16_t child[10] = {0};

	for (unsigned d = 0; d < 10; d++) {
		if (raw->child[d]) {
			int node = fold(f, raw->child[d], &now);
			if (node < 0) {
				return node;
			}
			child[d] = (uint16_t)node;
		}
	}
	return node_of(f, &now, child);
}

/* The node behind three digits. Below an assigned calling code without a row its country is known;
 * where the trie ends before the third digit the node must not be walked on from.
 */
static int fold_code_row(struct folding *f, unsigned row)
{
	static const uint16_t no_child[10];
	const unsigned digits[CODE_DIGITS] = {row / 100, row / 10 % 10, row % 10};
	const struct plan_code *code = &f->plan->codes[f->plan->code_at[row]];
	struct said said = {.country_row = code->country_row};
	uint32_t at = 0;

	for (unsigned i = 0; i < CODE_DIGITS; i++) {
		uint32_t next = raw_at(f->trie, at)->child[digits[i]];
		if (!next) {
			said = say_more(&said, raw_at(f->trie, at));
			return node_of(f, &said, no_child);
		}
		said = say_more(&said, raw_at(f->trie, at));
		at = next;
	}
	return fold(f, at, &said);
}

static int fold_all(struct folding *f)
{
	static const uint16_t no_child[10];
	static const struct said nothing;
	int node = node_of(f, &nothing, no_child); /* node 0, profile 0 */

	for (unsigned row = 0; row < CODE_ROWS && node >= 0; row++) {
		node = fold_code_row(f, row);
		f->plan->root[row] = (uint16_t)node;
	}
	return node < 0 ? node : OK;
}

/* Nodes begin at a multiple of their size, so that none lies across two cache lines. */
static int keep_nodes(struct plan *p, const struct unique *nodes)
{
	size_t align = sizeof(struct plan_node);

	buf_reserve(&p->node_memory, nodes->items.len + align);
	if (p->node_memory.failed) {
		return E_NOMEM;
	}
	size_t skip = (align - (uintptr_t)p->node_memory.p % align) % align;
	memcpy(p->node_memory.p + skip, nodes->items.p, nodes->items.len);
	p->nodes = (const struct plan_node *)(void *)(p->node_memory.p + skip);
	return OK;
}

int plan_trie_fold(const struct plan_trie *t, struct plan *p)
{
	struct folding f = {.trie = t, .plan = p};
	int err = unique_init(&f.nodes, sizeof(struct plan_node));

	err = err ? err : unique_init(&f.profiles, sizeof(struct plan_profile));
	err = err ? err : fold_all(&f);
	err = err ? err : keep_nodes(p, &f.nodes);
	if (!err) {
		p->profile_memory = f.profiles.items;
		f.profiles.items = (struct buf){0};
		p->profiles = (const struct plan_profile *)(void *)p->profile_memory.p;
	}
	unique_fini(&f.nodes);
	unique_fini(&f.profiles);
	return err;
}
