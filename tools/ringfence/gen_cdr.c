/* Rows of cdr.csv, cdr.jsonl and truth.csv (interfaces.md 1.1).
 *
 * The text of a row is made cell by cell, once for both forms: a cell writes its text, the form
 * puts around it what belongs there.
 */
#include "core/instant.h"
#include "core/json.h"
#include "ringfence/gen_sip.h"

enum { CELLS = 64, CELL_DEVICE_TYPES = 23 };

struct row {
	const struct gen_world *w;
	const struct gen_plan_book *book;
	const struct gen_call *call;
	uint64_t id;
};

void gen_call_id(struct buf *out, const struct gen_world *w, uint64_t id)
{
	gen_digits(out, w->seed, 0);
	buf_char(out, '-');
	gen_digits(out, id, 9);
}

void gen_account(struct buf *out, gen_line_id line)
{
	if (line) {
		buf_char(out, line >= GEN_LINE_EXTRA ? 'F' : 'A');
		gen_digits(out, line % GEN_LINE_EXTRA, 8);
	}
}

static void add_time(struct buf *out, int64_t time_us)
{
	char text[INSTANT_TEXT];

	buf_add(out, text, instant_format(time_us, text));
}

static void add_text(struct buf *out, const char *text)
{
	if (text) {
		buf_text(out, text);
	}
}

static void add_number(struct buf *out, const struct row *row, uint64_t number)
{
	if (row->call->trunk_in == GEN_TRUNK_NONE) { /* as the scanner wrote it */
		gen_digits(out, number, 0);
	} else {
		gen_phone(out, number);
	}
}

static void add_address(struct buf *out, uint32_t address)
{
	for (unsigned shift = 32; shift; shift -= 8) {
		gen_digits(out, address >> (shift - 8) & 0xff, 0);
		if (shift > 8) {
			buf_char(out, '.');
		}
	}
}

/* ---- cells ---- */

static void cell_call_id(struct buf *out, const struct row *row)
{
	gen_call_id(out, row->w, row->id);
}

static void cell_start(struct buf *out, const struct row *row)
{
	add_time(out, row->call->start_us);
}

static void cell_answer(struct buf *out, const struct row *row)
{
	const struct gen_call *c = row->call;

	if (c->code == 200) {
		add_time(out, c->start_us + 1000 * ((int64_t)c->setup_ms + c->ring_ms));
	}
}

static void cell_end(struct buf *out, const struct row *row)
{
	add_time(out, gen_call_end(row->call));
}

static void cell_caller(struct buf *out, const struct row *row)
{
	if (row->call->caller) {
		add_number(out, row, row->call->caller);
	}
}

static void cell_callee(struct buf *out, const struct row *row)
{
	add_number(out, row, row->call->callee);
}

static void cell_trunk_in(struct buf *out, const struct row *row)
{
	buf_text(out, gen_trunk_name(row->call->trunk_in));
}

static void cell_trunk_out(struct buf *out, const struct row *row)
{
	buf_text(out, gen_trunk_name(row->call->trunk_out));
}

static void cell_sip_code(struct buf *out, const struct row *row)
{
	gen_digits(out, row->call->code, 0);
}

static void cell_hangup(struct buf *out, const struct row *row)
{
	static const char *const ends[] = {"", "caller", "callee", "network"};

	buf_text(out, ends[row->call->end]);
}

static void cell_name(struct buf *out, const struct row *row)
{
	add_text(out, row->call->display);
}

static void cell_attest(struct buf *out, const struct row *row)
{
	if (row->call->attest) {
		buf_char(out, row->call->attest);
	}
}

static void cell_ring(struct buf *out, const struct row *row)
{
	if (row->call->ring_ms) {
		gen_digits(out, row->call->ring_ms, 0);
	}
}

static void cell_q850(struct buf *out, const struct row *row)
{
	static const struct {
		uint16_t code, cause;
	} causes[] = {{200, 16}, {487, 16}, {486, 17}, {480, 19}, {404, 1}, {403, 21}, {503, 38}};

	for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++) {
		if (causes[i].code == row->call->code) {
			gen_digits(out, causes[i].cause, 0);
		}
	}
}

static void cell_agent(struct buf *out, const struct row *row)
{
	add_text(out, row->call->agent);
}

static void cell_src(struct buf *out, const struct row *row)
{
	add_address(out, gen_trunk_address(row->call->trunk_in));
}

static void cell_dst(struct buf *out, const struct row *row)
{
	add_address(out, row->call->trunk_out ? gen_trunk_address(row->call->trunk_out)
	                                      : GEN_EDGE_ADDRESS);
}

static void cell_account(struct buf *out, const struct row *row)
{
	uint8_t trunk = row->call->trunk_in;

	if (trunk >= GEN_TRUNK_ACCESS && trunk <= GEN_TRUNK_DIALLER) {
		gen_account(out, row->call->from);
	}
}

/* Whether a mobile telephone made the call, seen from its own network. */
static bool by_mobile(const struct row *row)
{
	gen_line_id from = row->call->from;

	return row->call->trunk_in == GEN_TRUNK_ACCESS && from &&
	       (from >= GEN_LINE_EXTRA ? row->book->lines[from - GEN_LINE_EXTRA].mobile
	                               : gen_subscriber_mobile(from - 1));
}

/* Fifteen digits, the last by Luhn (3GPP TS 23.003 annex B). */
static void add_imei(struct buf *out, uint64_t device)
{
	uint64_t mixed = gen_mix(device);
	uint64_t digits = UINT64_C(35000000000000) + mixed % CELL_DEVICE_TYPES * 7919 * 1000000 +
	                  (mixed >> 20) % 1000000;
	unsigned sum = 0;
	uint64_t rest = digits;

	for (unsigned i = 0; i < 14; i++, rest /= 10) {
		unsigned digit = (unsigned)(rest % 10) * (i % 2 ? 1 : 2);
		sum += digit / 10 + digit % 10;
	}
	gen_digits(out, digits * 10 + (10 - sum % 10) % 10, 15);
}

static void cell_imei(struct buf *out, const struct row *row)
{
	const struct gen_call *c = row->call;
	uint64_t device = c->device ? UINT64_C(1) << 40 | c->device : c->from;

	if (!by_mobile(row)) {
		return;
	}
	/* One in four hundred buys a new telephone half-way. */
	if (!c->device && c->from % 400 == 7 &&
	    c->start_us > row->w->start_us + row->w->span_us / 2) {
		device |= UINT64_C(1) << 41;
	}
	add_imei(out, device);
}

static void cell_imsi(struct buf *out, const struct row *row)
{
	if (by_mobile(row)) {
		const char *network = row->w->plan->mobile_network;
		unsigned len = network[5] ? 6 : 5;
		buf_text(out, network);
		gen_digits(out,
		           row->call->from % GEN_LINE_EXTRA +
		                   (row->call->from >= GEN_LINE_EXTRA ? 500000000 : 0),
		           15 - len);
	}
}

/* At home, at work, elsewhere. */
static void cell_cell(struct buf *out, const struct row *row)
{
	const struct gen_call *c = row->call;
	uint64_t cells = 20 + row->w->subscribers / 150;
	uint64_t chance = gen_mix((uint64_t)c->start_us ^ c->from);

	if (by_mobile(row)) {
		uint64_t cell = chance % 100 < 60   ? gen_mix(c->from) % cells
		                : chance % 100 < 85 ? gen_mix(c->from + UINT64_C(0x77)) % cells
		                                    : (chance >> 8) % cells;
		gen_digits(out, c->cell ? c->cell : 100 + cell, 0);
	}
}

static void cell_diverting(struct buf *out, const struct row *row)
{
	gen_phone(out, row->call->diverting);
}

/* A UUID, version 4 in form. */
static void cell_origid(struct buf *out, const struct row *row)
{
	if (row->call->origid) {
		uint64_t a = gen_mix(row->call->origid), b = gen_mix(a);
		buf_printf(out, "%08x-%04x-4%03x-8%03x-%012llx", (unsigned)(a >> 32),
		           (unsigned)(a >> 16 & 0xffff), (unsigned)(a & 0xfff), (unsigned)(b >> 52),
		           (unsigned long long)(b & 0xffffffffffff));
	}
}

/* What a minute costs depends on where the number begins. */
static void cell_cost(struct buf *out, const struct row *row)
{
	const struct gen_call *c = row->call;
	bool abroad = c->trunk_out >= GEN_TRUNK_FOREIGN_1 && c->trunk_out <= GEN_TRUNK_TRANSIT;
	uint64_t head = c->callee;

	while (head >= 100000) {
		head /= 10;
	}
	if (abroad && c->code == 200) {
		uint64_t ten_thousandths = c->talk_ms * (100 + gen_mix(head) % 9000) / 60000;
		gen_digits(out, ten_thousandths / 10000, 0);
		buf_char(out, '.');
		gen_digits(out, ten_thousandths % 10000, 4);
	}
}

static const struct {
	const char *name;
	void (*add)(struct buf *out, const struct row *row);
	bool stir; /* not in a world without signatures */
} columns[] = {
	{"call_id", cell_call_id, false},    {"start_time", cell_start, false},
	{"answer_time", cell_answer, false}, {"end_time", cell_end, false},
	{"caller", cell_caller, false},      {"callee", cell_callee, false},
	{"trunk_in", cell_trunk_in, false},  {"trunk_out", cell_trunk_out, false},
	{"sip_code", cell_sip_code, false},  {"hangup_by", cell_hangup, false},
	{"caller_name", cell_name, false},   {"attest", cell_attest, true},
	{"ring_ms", cell_ring, false},       {"q850", cell_q850, false},
	{"user_agent", cell_agent, false},   {"src_ip", cell_src, false},
	{"dst_ip", cell_dst, false},         {"account", cell_account, false},
	{"imei", cell_imei, false},          {"imsi", cell_imsi, false},
	{"cell", cell_cell, false},          {"diverting", cell_diverting, false},
	{"origid", cell_origid, true},       {"cost", cell_cost, false},
};

enum { COLUMNS = sizeof(columns) / sizeof(columns[0]) };

void gen_cdr_header(struct gen_file *f, const struct gen_world *w)
{
	for (size_t i = 0; i < COLUMNS; i++) {
		if (w->stir || !columns[i].stir) {
			buf_text(&f->out, i ? "," : "");
			buf_text(&f->out, columns[i].name);
		}
	}
	buf_char(&f->out, '\n');
}

void gen_cdr_add(struct gen_file *f, const struct gen_world *w, const struct gen_plan_book *book,
                 const struct gen_call *call, uint64_t id)
{
	const struct row row = {w, book, call, id};

	for (size_t i = 0; i < COLUMNS; i++) {
		if (w->stir || !columns[i].stir) {
			if (i) {
				buf_char(&f->out, ',');
			}
			columns[i].add(&f->out, &row);
		}
	}
	buf_char(&f->out, '\n');
	gen_file_flush(f);
}

void gen_cdr_add_json(struct gen_file *f, const struct gen_world *w,
                      const struct gen_plan_book *book, const struct gen_call *call, uint64_t id)
{
	const struct row row = {w, book, call, id};
	struct json_out json = json_out(&f->out);
	struct buf cell = {0};

	json_object(&json);
	for (size_t i = 0; i < COLUMNS; i++) {
		buf_reset(&cell);
		columns[i].add(&cell, &row);
		if (cell.len) {
			json_key(&json, columns[i].name);
			json_slice(&json, buf_view(&cell));
		}
	}
	json_object_end(&json);
	buf_char(&f->out, '\n');
	f->failed = f->failed || cell.failed;
	buf_fini(&cell);
	gen_file_flush(f);
}

/* ---- the truth ---- */

static void (*const truths[])(struct buf *out, const struct row *row) = {
	cell_call_id, cell_start, cell_end, cell_caller, cell_callee, cell_trunk_in, cell_account,
};

void gen_truth_header(struct gen_file *f)
{
	buf_text(&f->out, "call_id,start,end,caller,callee,trunk_in,account\n");
}

void gen_truth_add(struct gen_file *f, const struct gen_world *w, const struct gen_plan_book *book,
                   const struct gen_call *call, uint64_t id)
{
	const struct row row = {w, book, call, id};

	for (size_t i = 0; i < sizeof(truths) / sizeof(truths[0]); i++) {
		if (i) {
			buf_char(&f->out, ',');
		}
		truths[i](&f->out, &row);
	}
	buf_char(&f->out, '\n');
	gen_file_flush(f);
}
