#include "detect/columns.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { NODES_MAX = 8192 };

enum node_op {
	NODE_TRUTH, /* the same for all events: value */
	NODE_BOOL,  /* a truth column */
	NODE_PRESENT,
	NODE_COMPARE,  /* column with value */
	NODE_COLUMNS,  /* column with column */
	NODE_LIST,     /* column in list: value is its index */
	NODE_COALESCE, /* x, where it is unknown value */
	NODE_AND,
	NODE_OR,
	NODE_NOT,
};

/* Compared as a whole to find equal nodes, so it is always zeroed first. */
struct node_key {
	enum node_op op;
	enum event_kind kind;
	unsigned role;
	enum expr_op cmp;
	enum storage storage;
	enum field a, b;
	int64_t value;
	int x, y;
};

struct node {
	struct node_key key;
	uint8_t *out;
};

struct columns {
	struct node *nodes;
	int count;
	const struct list *const *lists;
};

struct columns *columns_new(void)
{
	struct columns *c = calloc(1, sizeof(*c));

	if (c) {
		c->nodes = calloc(NODES_MAX, sizeof(*c->nodes));
	}
	if (c && !c->nodes) {
		free(c);
		return NULL;
	}
	return c;
}

void columns_lists(struct columns *c, const struct list *const *lists)
{
	c->lists = lists;
}

void columns_free(struct columns *c)
{
	if (!c) {
		return;
	}
	for (int i = 0; i < c->count; i++) {
		(void)munmap(c->nodes[i].out, BATCH_ROWS_MAX);
	}
	free(c->nodes);
	free(c);
}

size_t columns_count(const struct columns *c)
{
	return (size_t)c->count;
}

const uint8_t *columns_truth(const struct columns *c, int node)
{
	return c->nodes[node].out;
}

/* ---- compiling ---- */

static int node_of(struct columns *c, const struct node_key *key)
{
	for (int i = 0; i < c->count; i++) {
		if (memcmp(&c->nodes[i].key, key, sizeof(*key)) == 0) {
			return i;
		}
	}
	if (c->count == NODES_MAX) {
		return -1;
	}
	/* Address space for the largest batch; pages come as they are used. */
	void *out = mmap(NULL, BATCH_ROWS_MAX, PROT_READ | PROT_WRITE,
	                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (out == MAP_FAILED) {
		return -1;
	}
	c->nodes[c->count] = (struct node){.key = *key, .out = out};
	return c->count++;
}

static struct node_key new_key(enum event_kind kind, unsigned role, enum node_op op)
{
	struct node_key key;

	memset(&key, 0, sizeof(key));
	key.op = op;
	key.kind = kind;
	key.role = kind == KIND_PARTY ? role : 0;
	return key;
}

static int node_truth(struct columns *c, enum event_kind kind, unsigned role, enum truth value)
{
	struct node_key key = new_key(kind, role, NODE_TRUTH);

	key.value = value;
	return node_of(c, &key);
}

static bool storage_compares(enum storage storage)
{
	return storage != STORE_NONE && storage != STORE_TEXT && storage != STORE_IP &&
	       storage != STORE_FLOAT;
}

static enum expr_op mirrored(enum expr_op op)
{
	switch (op) {
	case EXPR_LT: return EXPR_GT;
	case EXPR_LE: return EXPR_GE;
	case EXPR_GT: return EXPR_LT;
	case EXPR_GE: return EXPR_LE;
	default: return op;
	}
}

static bool holds(enum expr_op op, int64_t a, int64_t b)
{
	switch (op) {
	case EXPR_EQ: return a == b;
	case EXPR_NE: return a != b;
	case EXPR_LT: return a < b;
	case EXPR_LE: return a <= b;
	case EXPR_GT: return a > b;
	default: return a >= b;
	}
}

/* A number's bits order as unsigned, but only == and != are asked of it. */
static int64_t const_bits(const struct expr *x)
{
	return x->type == TYPE_NUM ? (int64_t)x->value.num : x->value.i;
}

static int compare_const(struct columns *c, enum event_kind kind, unsigned role, enum expr_op op,
                         enum field field, const struct expr *constant)
{
	struct node_key key = new_key(kind, role, NODE_COMPARE);

	if (constant->value.missing) {
		return node_truth(c, kind, role, TRUTH_UNKNOWN);
	}
	if (field == FIELD_PARTY_ROLE) {
		bool is = holds(op, role, constant->value.i);
		return node_truth(c, kind, role, is ? TRUTH_TRUE : TRUTH_FALSE);
	}
	key.a = field < FIELD_COUNT ? field : field_column(field, role);
	if (key.a == FIELD_NONE) {
		return node_truth(c, kind, role, TRUTH_UNKNOWN);
	}
	key.cmp = op;
	key.storage = field_row(key.a)->storage;
	key.value = const_bits(constant);
	return storage_compares(key.storage) ? node_of(c, &key) : -1;
}

static int compare_columns(struct columns *c, enum event_kind kind, unsigned role, enum expr_op op,
                           enum field a, enum field b)
{
	struct node_key key = new_key(kind, role, NODE_COLUMNS);

	if (a == FIELD_PARTY_ROLE || b == FIELD_PARTY_ROLE) {
		return -1;
	}
	key.a = a < FIELD_COUNT ? a : field_column(a, role);
	key.b = b < FIELD_COUNT ? b : field_column(b, role);
	if (key.a == FIELD_NONE || key.b == FIELD_NONE) {
		return node_truth(c, kind, role, TRUTH_UNKNOWN);
	}
	key.cmp = op;
	key.storage = field_row(key.a)->storage;
	bool same = key.storage == field_row(key.b)->storage;
	return same && storage_compares(key.storage) ? node_of(c, &key) : -1;
}

static int compile_compare(struct columns *c, enum event_kind kind, unsigned role,
                           const struct expr *x)
{
	const struct expr *a = x->args[0], *b = x->args[1];

	if (a->op == EXPR_FIELD && b->op == EXPR_FIELD) {
		return compare_columns(c, kind, role, x->op, a->field, b->field);
	}
	if (a->op == EXPR_FIELD && b->op == EXPR_CONST) {
		return compare_const(c, kind, role, x->op, a->field, b);
	}
	if (a->op == EXPR_CONST && b->op == EXPR_FIELD) {
		return compare_const(c, kind, role, mirrored(x->op), b->field, a);
	}
	return -1;
}

static int combine(struct columns *c, enum event_kind kind, unsigned role, enum node_op op, int x,
                   int y)
{
	struct node_key key = new_key(kind, role, op);

	key.x = x;
	key.y = y;
	return x < 0 || y < 0 ? -1 : node_of(c, &key);
}

static int compile_set(struct columns *c, enum event_kind kind, unsigned role, const struct expr *x)
{
	int node = -1;

	if (x->args[0]->op != EXPR_FIELD) {
		return -1;
	}
	for (unsigned i = 1; i < x->arg_count; i++) {
		if (x->args[i]->op != EXPR_CONST) {
			return -1;
		}
		int equal = compare_const(c, kind, role, EXPR_EQ, x->args[0]->field, x->args[i]);
		node = i == 1 ? equal : combine(c, kind, role, NODE_OR, node, equal);
		if (node < 0) {
			return -1;
		}
	}
	return node;
}

static int compile_range(struct columns *c, enum event_kind kind, unsigned role,
                         const struct expr *x)
{
	if (x->args[0]->op != EXPR_FIELD || x->args[1]->op != EXPR_CONST ||
	    x->args[2]->op != EXPR_CONST) {
		return -1;
	}
	enum field field = x->args[0]->field;
	int low = compare_const(c, kind, role, EXPR_GE, field, x->args[1]);
	int high = compare_const(c, kind, role, EXPR_LE, field, x->args[2]);

	return combine(c, kind, role, NODE_AND, low, high);
}

/* A boolean field, or present() of one with a column of its own. */
static int compile_leaf(struct columns *c, enum event_kind kind, unsigned role, enum node_op op,
                        enum field field)
{
	struct node_key key = new_key(kind, role, op);

	if (field == FIELD_PARTY_ROLE) {
		return -1;
	}
	key.a = field < FIELD_COUNT ? field : field_column(field, role);
	if (key.a == FIELD_NONE) {
		return node_truth(c, kind, role, op == NODE_PRESENT ? TRUTH_FALSE : TRUTH_UNKNOWN);
	}
	key.storage = field_row(key.a)->storage;
	if (key.storage == STORE_FLOAT || key.storage == STORE_IP) {
		return -1;
	}
	return node_of(c, &key);
}

static int compile_list(struct columns *c, enum event_kind kind, unsigned role,
                        const struct expr *x)
{
	if (!c->lists || x->args[0]->op != EXPR_FIELD || x->args[0]->type != TYPE_NUM) {
		return -1;
	}
	struct node_key key = new_key(kind, role, NODE_LIST);
	enum field field = x->args[0]->field;
	key.a = field < FIELD_COUNT ? field : field_column(field, role);
	key.value = x->index;
	return key.a == FIELD_NONE ? -1 : node_of(c, &key);
}

static int compile_coalesce(struct columns *c, enum event_kind kind, unsigned role,
                            const struct expr *x)
{
	struct node_key key = new_key(kind, role, NODE_COALESCE);

	if (x->type != TYPE_BOOL || x->args[1]->op != EXPR_CONST || x->args[1]->value.missing) {
		return -1;
	}
	key.x = columns_add(c, kind, role, x->args[0]);
	key.value = x->args[1]->value.i;
	return key.x < 0 ? -1 : node_of(c, &key);
}

int columns_add(struct columns *c, enum event_kind kind, unsigned role, const struct expr *x)
{
	switch (x->op) {
	case EXPR_CONST:
		return x->type == TYPE_BOOL ? node_truth(c, kind, role,
		                                         x->value.missing ? TRUTH_UNKNOWN
		                                                          : (enum truth)x->value.i)
		                            : -1;
	case EXPR_FIELD:
		return x->type == TYPE_BOOL ? compile_leaf(c, kind, role, NODE_BOOL, x->field) : -1;
	case EXPR_CALL:
		return x->function == FUNCTION_PRESENT && x->args[0]->op == EXPR_FIELD
		               ? compile_leaf(c, kind, role, NODE_PRESENT, x->args[0]->field)
		               : -1;
	case EXPR_NOT:
		return combine(c, kind, role, NODE_NOT, columns_add(c, kind, role, x->args[0]), 0);
	case EXPR_AND:
	case EXPR_OR:
		return combine(c, kind, role, x->op == EXPR_AND ? NODE_AND : NODE_OR,
		               columns_add(c, kind, role, x->args[0]),
		               columns_add(c, kind, role, x->args[1]));
	case EXPR_EQ:
	case EXPR_NE:
	case EXPR_LT:
	case EXPR_LE:
	case EXPR_GT:
	case EXPR_GE: return compile_compare(c, kind, role, x);
	case EXPR_IN_SET: return compile_set(c, kind, role, x);
	case EXPR_IN_LIST: return compile_list(c, kind, role, x);
	case EXPR_COALESCE: return compile_coalesce(c, kind, role, x);
	case EXPR_IN_RANGE: return compile_range(c, kind, role, x);
	default: return -1;
	}
}

/* ---- running: one loop a (storage, comparison), written once ---- */

#define TRUTH(cond) ((uint8_t)((cond) ? TRUTH_TRUE : TRUTH_FALSE))

#define COMPARE_LOOP(cast, col, missing, with)              \
 for (uint32_t i = begin; i < end; i++) {                   \
  int64_t a = (cast)(col)[rows[i]];                         \
  int64_t b = (with);                                       \
  out[i] = (missing) ? (uint8_t)TRUTH_UNKNOWN : TRUTH(CMP); \
 }

#define BY_STORAGE(key)                                                                    \
 switch ((key)->storage) {                                                                 \
 case STORE_NUM: COMPARE_LOOP(int64_t, a_col.num, a == 0, (key)->value) break;             \
 case STORE_COUNTRY: COMPARE_LOOP(int64_t, a_col.country, a == 0, (key)->value) break;     \
 case STORE_BOOL: COMPARE_LOOP(int64_t, a_col.u8, a == TRUTH_UNKNOWN, (key)->value) break; \
 case STORE_ENUM: COMPARE_LOOP(int64_t, a_col.u8, false, (key)->value) break;              \
 default: COMPARE_LOOP(int64_t, a_col.i64, a == INSTANT_NONE, (key)->value) break;         \
 }

#define COMPARE_FUNCTION(name)                                                                    \
 static void compare_##name(const struct node_key *key, union column a_col, const uint32_t *rows, \
	                    uint32_t begin, uint32_t end, uint8_t *restrict out)                  \
 {                                                                                                \
  BY_STORAGE(key)                                                                                 \
 }

#define CMP a == b
COMPARE_FUNCTION(eq)
#undef CMP
#define CMP a != b
COMPARE_FUNCTION(ne)
#undef CMP
#define CMP a < b
COMPARE_FUNCTION(lt)
#undef CMP
#define CMP a <= b
COMPARE_FUNCTION(le)
#undef CMP
#define CMP a > b
COMPARE_FUNCTION(gt)
#undef CMP
#define CMP a >= b
COMPARE_FUNCTION(ge)
#undef CMP

static void run_compare(const struct node_key *key, const struct batch *batch, const uint32_t *rows,
                        uint32_t begin, uint32_t end, uint8_t *out)
{
	static void (*const by_op[])(const struct node_key *, union column, const uint32_t *,
	                             uint32_t, uint32_t, uint8_t *) = {
		[EXPR_EQ] = compare_eq, [EXPR_NE] = compare_ne, [EXPR_LT] = compare_lt,
		[EXPR_LE] = compare_le, [EXPR_GT] = compare_gt, [EXPR_GE] = compare_ge,
	};

	by_op[key->cmp](key, batch->col[key->a], rows, begin, end, out);
}

/* A cell of any comparable storage; false when missing. */
static bool cell(enum storage storage, union column col, uint32_t row, int64_t *value)
{
	switch (storage) {
	case STORE_NUM: *value = (int64_t)col.num[row]; return *value != 0;
	case STORE_COUNTRY: *value = col.country[row]; return *value != 0;
	case STORE_BOOL: *value = col.u8[row]; return *value != TRUTH_UNKNOWN;
	case STORE_ENUM: *value = col.u8[row]; return true;
	case STORE_TEXT: return col.text[row].p != NULL;
	default: *value = col.i64[row]; return *value != INSTANT_NONE;
	}
}

static void run_columns(const struct node_key *key, const struct batch *batch, const uint32_t *rows,
                        uint32_t begin, uint32_t end, uint8_t *out)
{
	for (uint32_t i = begin; i < end; i++) {
		int64_t a = 0, b = 0;
		bool known = cell(key->storage, batch->col[key->a], rows[i], &a);
		known = cell(key->storage, batch->col[key->b], rows[i], &b) && known;
		out[i] = known ? TRUTH(holds(key->cmp, a, b)) : (uint8_t)TRUTH_UNKNOWN;
	}
}

static void run_present(const struct node_key *key, const struct batch *batch, const uint32_t *rows,
                        uint32_t begin, uint32_t end, uint8_t *out)
{
	for (uint32_t i = begin; i < end; i++) {
		int64_t unused;
		out[i] = TRUTH(cell(key->storage, batch->col[key->a], rows[i], &unused));
	}
}

static void run_list(const struct columns *c, const struct node_key *key, const struct batch *batch,
                     const uint32_t *rows, uint32_t begin, uint32_t end, uint8_t *out)
{
	const struct list *list = c->lists[key->value];
	const number *col = batch->col[key->a].num;

	for (uint32_t i = begin; i < end; i++) {
		struct list_key asked = {.num = col[rows[i]]};
		bool in = asked.num && list && list->count && list->find(list, &asked) >= 0;
		out[i] = asked.num ? TRUTH(in) : (uint8_t)TRUTH_UNKNOWN;
	}
}

static void run_node(const struct columns *c, const struct node *n, const struct batch *batch,
                     const uint32_t *rows, uint32_t begin, uint32_t end)
{
	const struct node_key *key = &n->key;
	const uint8_t *x = c->nodes[key->x].out, *y = c->nodes[key->y].out;
	uint8_t *out = n->out;

	switch (key->op) {
	case NODE_TRUTH: memset(out + begin, (int)key->value, end - begin); break;
	case NODE_BOOL:
		for (uint32_t i = begin; i < end; i++) {
			out[i] = batch->col[key->a].u8[rows[i]];
		}
		break;
	case NODE_PRESENT: run_present(key, batch, rows, begin, end, out); break;
	case NODE_COMPARE: run_compare(key, batch, rows, begin, end, out); break;
	case NODE_LIST: run_list(c, key, batch, rows, begin, end, out); break;
	case NODE_COALESCE:
		for (uint32_t i = begin; i < end; i++) {
			out[i] = x[i] == TRUTH_UNKNOWN ? (uint8_t)key->value : x[i];
		}
		break;
	case NODE_COLUMNS: run_columns(key, batch, rows, begin, end, out); break;
	case NODE_AND:
		for (uint32_t i = begin; i < end; i++) {
			out[i] = x[i] < y[i] ? x[i] : y[i];
		}
		break;
	case NODE_OR:
		for (uint32_t i = begin; i < end; i++) {
			out[i] = x[i] > y[i] ? x[i] : y[i];
		}
		break;
	case NODE_NOT:
		for (uint32_t i = begin; i < end; i++) {
			out[i] = (uint8_t)(2 - x[i]);
		}
		break;
	}
}

void columns_run(struct columns *c, enum event_kind kind, unsigned role, const struct batch *batch,
                 const uint32_t *rows, uint32_t begin, uint32_t end)
{
	unsigned side = kind == KIND_PARTY ? role : 0;

	/* Arguments stand before what uses them. */
	for (int i = 0; i < c->count; i++) {
		if (c->nodes[i].key.kind == kind && c->nodes[i].key.role == side) {
			run_node(c, &c->nodes[i], batch, rows, begin, end);
		}
	}
}
