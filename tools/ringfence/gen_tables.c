/* The reference tables of a world: trunks, subscribers, one file a list (interfaces.md 1.3). */
#include "ringfence/gen.h"

#include <stdio.h>

#include "core/instant.h"

static const struct {
	const char *name;
	const char *role;
	const char *partner;
	bool home; /* speaks with national numbers of the home country */
} trunks[GEN_TRUNK_COUNT] = {
	[GEN_TRUNK_NONE] = {"", NULL, NULL, false},
	[GEN_TRUNK_ACCESS] = {"access-1", "access", "", true},
	[GEN_TRUNK_OFFICE] = {"office-1", "enterprise", "", true},
	[GEN_TRUNK_PBX] = {"pbx-1", "enterprise", "General Hospital", true},
	[GEN_TRUNK_CENTRE] = {"centre-1", "enterprise", "Answerhouse", true},
	[GEN_TRUNK_DIALLER] = {"dialler-1", "enterprise", "Brightcall", true},
	[GEN_TRUNK_NATIONAL_1] = {"national-1", "national", "Northern", true},
	[GEN_TRUNK_NATIONAL_2] = {"national-2", "national", "Meridian", true},
	[GEN_TRUNK_FOREIGN_1] = {"foreign-1", "international", "Oceanlink", false},
	[GEN_TRUNK_FOREIGN_2] = {"foreign-2", "international", "Transvox", false},
	[GEN_TRUNK_FOREIGN_3] = {"foreign-3", "international", "Farlink", false},
	[GEN_TRUNK_TRANSIT] = {"transit-1", "international", "Cheapline", false},
	[GEN_TRUNK_PEER] = {"peer-1", "peer", "Vianova", false},
};

/* Each has a block of sixteen addresses of 198.51.100.0/24, in their order. */
enum { TRUNK_ADDRESSES = 16 };

#define TRUNKS_NET UINT32_C(0xc6336400)
#define STRANGER   UINT32_C(0xc0000242) /* 192.0.2.66: on no trunk */

const char *gen_trunk_name(enum gen_trunk trunk)
{
	return trunks[trunk].name;
}

uint32_t gen_trunk_address(enum gen_trunk trunk)
{
	return trunk == GEN_TRUNK_NONE ? STRANGER : TRUNKS_NET + (trunk - 1) * TRUNK_ADDRESSES + 1;
}

static void add_trunks(const struct gen_world *w, const struct gen_plan_book *book,
                       struct gen_file *f)
{
	(void)book;
	buf_text(&f->out, "trunk,role,partner,cidr,home\n");
	for (size_t i = 1; i < GEN_TRUNK_COUNT; i++) {
		buf_printf(&f->out, "%s,%s,%s,198.51.100.%zu/28,%s\n", trunks[i].name,
		           trunks[i].role, trunks[i].partner, (i - 1) * TRUNK_ADDRESSES,
		           trunks[i].home ? w->plan->country : "");
	}
}

static void add_day(struct buf *out, int64_t time_us)
{
	struct civil day = civil_of_instant(time_us);

	gen_digits(out, (uint64_t)day.year, 4);
	buf_char(out, '-');
	gen_digits(out, (uint64_t)day.month, 2);
	buf_char(out, '-');
	gen_digits(out, (uint64_t)day.day, 2);
}

static void add_line(const struct gen_world *w, struct gen_file *f, gen_line_id id,
                     const struct gen_line *line, bool care)
{
	struct buf *out = &f->out;

	gen_phone(out, line->number);
	buf_char(out, ',');
	gen_account(out, id);
	buf_text(out, line->business ? ",business," : ",residential,");
	add_day(out, w->start_us - line->age_days * US_PER_DAY);
	buf_char(out, ',');
	buf_text(out, w->plan->tz);
	buf_text(out, care ? ",care\n" : ",\n");
	gen_file_flush(f);
}

/* Lines that this network serves: those of its own trunks. */
static bool is_ours(const struct gen_line *line)
{
	uint8_t trunk = gen_kind_trunk(line->kind);

	return line->kind == 0 || (trunk >= GEN_TRUNK_ACCESS && trunk <= GEN_TRUNK_DIALLER);
}

static void add_subscribers(const struct gen_world *w, const struct gen_plan_book *book,
                            struct gen_file *f)
{
	buf_text(&f->out, "number,account,type,activated,tz,care\n");
	for (uint64_t i = 0; i < w->subscribers; i++) {
		const struct gen_line line = {
			.number = gen_subscriber(w, i),
			.business = gen_subscriber_business(i),
			.age_days = 30 + (uint32_t)(gen_mix(w->seed ^ i) % 4000),
		};
		add_line(w, f, (gen_line_id)(i + 1), &line, gen_subscriber_protected(i));
	}
	for (size_t i = 0; i < book->line_count; i++) {
		if (is_ours(&book->lines[i])) {
			add_line(w, f, GEN_LINE_EXTRA + (gen_line_id)i, &book->lines[i], false);
		}
	}
}

static void add_ported(const struct gen_world *w, const struct gen_plan_book *book,
                       struct gen_file *f)
{
	static const char *const operators[] = {"Northern", "Meridian", "Eastcom"};

	(void)book;
	buf_text(&f->out, "number,operator\n");
	for (uint64_t i = 0; i < w->subscribers; i += 20) {
		gen_phone(&f->out, gen_subscriber(w, i));
		buf_text(&f->out, ",Home\n");
		gen_phone(&f->out, gen_outsider(w, i));
		buf_printf(&f->out, ",%s\n", operators[i / 20 % 3]);
		gen_file_flush(f);
	}
}

/* ---- lists: one number or prefix a line ---- */

static void add_number(struct gen_file *f, uint64_t number)
{
	gen_phone(&f->out, number);
	buf_char(&f->out, '\n');
}

static void add_dno(const struct gen_world *w, const struct gen_plan_book *book, struct gen_file *f)
{
	(void)book;
	buf_text(&f->out, "# numbers that never call\n");
	add_number(f, gen_dno(w));
	add_number(f, gen_hotline(w));
}

static void add_banks(const struct gen_world *w, const struct gen_plan_book *book,
                      struct gen_file *f)
{
	(void)book;
	for (uint64_t i = 0; i < GEN_BANKS; i++) {
		add_number(f, gen_bank(w, i));
	}
}

static void add_offices(const struct gen_world *w, const struct gen_plan_book *book,
                        struct gen_file *f)
{
	(void)book;
	for (uint64_t i = 0; i < 5; i++) {
		add_number(f, gen_office(w, i));
	}
}

static void add_protected(const struct gen_world *w, const struct gen_plan_book *book,
                          struct gen_file *f)
{
	(void)book;
	for (uint64_t i = 0; i < GEN_PROTECTED; i++) {
		add_number(f, gen_subscriber(w, gen_protected(i)));
	}
}

static void add_high_cost(const struct gen_world *w, const struct gen_plan_book *book,
                          struct gen_file *f)
{
	(void)book;
	(void)w;
	for (size_t i = 0; i < GEN_HIGH_COST; i++) {
		buf_printf(&f->out, "+%s\n", gen_high_cost_prefix(i));
	}
}

/* Reminders, and a firm whose agents sit abroad, are known by name. */
static void add_registered(const struct gen_world *w, const struct gen_plan_book *book,
                           struct gen_file *f)
{
	(void)w;
	for (size_t i = 0; i < book->line_count; i++) {
		if (gen_kind_registered(book->lines[i].kind)) {
			add_number(f, book->lines[i].number);
		}
	}
}

static void add_roaming(const struct gen_world *w, const struct gen_plan_book *book,
                        struct gen_file *f)
{
	(void)book;
	for (uint64_t i = 0; i < gen_roamers(w); i++) {
		uint64_t roamer = gen_roamer(w, i);
		if (gen_roamer_registered(roamer)) {
			add_number(f, gen_subscriber(w, roamer));
			gen_file_flush(f);
		}
	}
}

static void add_hotline(const struct gen_world *w, const struct gen_plan_book *book,
                        struct gen_file *f)
{
	(void)book;
	add_number(f, gen_hotline(w));
}

bool gen_tables_write(const struct gen_world *w, const struct gen_plan_book *book, const char *dir)
{
	static const struct {
		const char *name;
		void (*add)(const struct gen_world *w, const struct gen_plan_book *book,
		            struct gen_file *f);
	} tables[] = {
		{"trunks.csv", add_trunks},
		{"subscribers.csv", add_subscribers},
		{"ported.csv", add_ported},
		{"dno.txt", add_dno},
		{"bank_numbers.txt", add_banks},
		{"gov_numbers.txt", add_offices},
		{"protected.txt", add_protected},
		{"high_cost.txt", add_high_cost},
		{"registered_callers.txt", add_registered},
		{"roaming_ok.txt", add_roaming},
		{"fraud_hotline.txt", add_hotline},
	};
	struct gen_file f;

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		if (!gen_file_open(&f, dir, tables[i].name)) {
			return false;
		}
		tables[i].add(w, book, &f);
		if (!gen_file_close(&f)) {
			return false;
		}
	}
	return true;
}
