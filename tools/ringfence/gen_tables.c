/* The reference tables of a world: trunks, subscribers, one file a list (interfaces.md 1.3). */
#include "ringfence/gen.h"

#include <stdio.h>

#include "core/instant.h"

static const struct {
	const char *name;
	const char *role;
	const char *partner;
	const char *cidr;
	uint32_t first;
	bool home; /* speaks with national numbers of the home country */
} trunks[GEN_TRUNK_COUNT] = {
	[GEN_TRUNK_NONE] = {"", NULL, NULL, NULL, 0xc0000242, false},
	[GEN_TRUNK_ACCESS] = {"access-1", "access", "", "198.51.100.0/27", 0xc6336401, true},
	[GEN_TRUNK_OFFICE] = {"office-1", "enterprise", "", "198.51.100.32/27", 0xc6336421, true},
	[GEN_TRUNK_DIALLER] = {"dialler-1", "enterprise", "Brightcall", "198.51.100.64/27",
                               0xc6336441, true},
	[GEN_TRUNK_NATIONAL_1] = {"national-1", "national", "Northern", "198.51.100.96/27",
                                  0xc6336461, true},
	[GEN_TRUNK_NATIONAL_2] = {"national-2", "national", "Meridian", "198.51.100.128/27",
                                  0xc6336481, true},
	[GEN_TRUNK_FOREIGN_1] = {"foreign-1", "international", "Oceanlink", "198.51.100.160/27",
                                 0xc63364a1, false},
	[GEN_TRUNK_FOREIGN_2] = {"foreign-2", "international", "Transvox", "198.51.100.192/27",
                                 0xc63364c1, false},
	[GEN_TRUNK_PEER] = {"peer-1", "peer", "Vianova", "198.51.100.224/27", 0xc63364e1, false},
};

const char *gen_trunk_name(enum gen_trunk trunk)
{
	return trunks[trunk].name;
}

uint32_t gen_trunk_address(enum gen_trunk trunk)
{
	return trunks[trunk].first;
}

static void add_trunks(const struct gen_world *w, struct gen_file *f)
{
	buf_text(&f->out, "trunk,role,partner,cidr,home\n");
	for (size_t i = 1; i < GEN_TRUNK_COUNT; i++) {
		buf_printf(&f->out, "%s,%s,%s,%s,%s\n", trunks[i].name, trunks[i].role,
		           trunks[i].partner, trunks[i].cidr,
		           trunks[i].home ? w->plan->country : "");
	}
}

static void add_subscribers(const struct gen_world *w, struct gen_file *f)
{
	struct buf *out = &f->out;

	buf_text(out, "number,account,type,activated,tz,care\n");
	for (uint64_t i = 0; i < w->subscribers; i++) {
		int64_t age_days = 30 + (int64_t)(gen_mix(w->seed ^ i) % 4000);
		struct civil day = civil_of_instant(w->start_us - age_days * US_PER_DAY);
		gen_phone(out, gen_subscriber(w, i));
		buf_text(out, ",A");
		gen_digits(out, i, 7);
		buf_text(out, gen_subscriber_business(i) ? ",business," : ",residential,");
		gen_digits(out, (uint64_t)day.year, 4);
		buf_char(out, '-');
		gen_digits(out, (uint64_t)day.month, 2);
		buf_char(out, '-');
		gen_digits(out, (uint64_t)day.day, 2);
		buf_char(out, ',');
		buf_text(out, w->plan->tz);
		buf_text(out, gen_subscriber_protected(i) ? ",care\n" : ",\n");
		gen_file_flush(f);
	}
}

/* ---- lists: one number or prefix a line ---- */

static void add_number(struct gen_file *f, uint64_t number)
{
	gen_phone(&f->out, number);
	buf_char(&f->out, '\n');
}

static void add_dno(const struct gen_world *w, struct gen_file *f)
{
	buf_text(&f->out, "# numbers that never call\n");
	add_number(f, gen_dno(w));
	add_number(f, gen_hotline(w));
}

static void add_banks(const struct gen_world *w, struct gen_file *f)
{
	for (uint64_t i = 0; i < 5; i++) {
		add_number(f, gen_bank(w, i));
	}
}

static void add_offices(const struct gen_world *w, struct gen_file *f)
{
	for (uint64_t i = 0; i < 5; i++) {
		add_number(f, gen_office(w, i));
	}
}

static void add_protected(const struct gen_world *w, struct gen_file *f)
{
	for (uint64_t i = 0; i < GEN_PROTECTED; i++) {
		add_number(f, gen_subscriber(w, gen_protected(i)));
	}
}

static void add_high_cost(const struct gen_world *w, struct gen_file *f)
{
	(void)w;
	for (size_t i = 0; i < GEN_HIGH_COST; i++) {
		buf_printf(&f->out, "+%s\n", gen_high_cost_prefix(i));
	}
}

static void add_registered(const struct gen_world *w, struct gen_file *f)
{
	add_number(f, gen_reminder(w));
}

static void add_roaming(const struct gen_world *w, struct gen_file *f)
{
	for (uint64_t i = 0; i < gen_roamers(w); i++) {
		add_number(f, gen_subscriber(w, gen_roamer(w, i)));
		gen_file_flush(f);
	}
}

static void add_hotline(const struct gen_world *w, struct gen_file *f)
{
	add_number(f, gen_hotline(w));
}

bool gen_tables_write(const struct gen_world *w, const char *dir)
{
	static const struct {
		const char *name;
		void (*add)(const struct gen_world *w, struct gen_file *f);
	} tables[] = {
		{"trunks.csv", add_trunks},
		{"subscribers.csv", add_subscribers},
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
		tables[i].add(w, &f);
		if (!gen_file_close(&f)) {
			return false;
		}
	}
	return true;
}
