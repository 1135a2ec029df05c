/* One campaign of each kind, in the sizes that domain.md sections 1 and 4 publish, and look-alikes
 * that are honest (a registered reminder service). Times are shares of the span, so that a world
 * of one hour holds every campaign too.
 */
#include <stdlib.h>

#include "core/instant.h"
#include "ringfence/gen.h"

void gen_scene_add(struct gen_scene *scene, struct gen_call call)
{
	if (scene->count == scene->cap) {
		size_t cap = scene->cap ? 2 * scene->cap : 1024;
		struct gen_call *more = realloc(scene->calls, cap * sizeof(*more));
		if (!more) {
			scene->failed = true;
			return;
		}
		scene->calls = more;
		scene->cap = cap;
	}
	call.start_us -= call.start_us % US_PER_MS;
	scene->calls[scene->count++] = call;
}

struct stage {
	const struct gen_world *w;
	struct gen_random *r;
	struct gen_scene *scene;
};

/* A time into the span, in percent. */
static int64_t at_percent(const struct gen_world *w, unsigned percent)
{
	return w->start_us + w->span_us / 100 * percent;
}

static uint64_t somebody(struct stage *s)
{
	return gen_subscriber(s->w, gen_next(s->r));
}

struct span_ms {
	uint32_t low;
	uint32_t high;
};

static struct gen_call answered(struct stage *s, struct gen_call call, struct span_ms ring,
                                struct span_ms talk)
{
	call.code = 200;
	call.ring_ms = gen_between(s->r, ring.low, ring.high);
	call.talk_ms = gen_between(s->r, talk.low, talk.high);
	call.end = call.end ? call.end : GEN_END_CALLEE;
	return call;
}

/* Calls `count` different subscribers; the caller decides what becomes of each call. */
typedef struct gen_call one_call(struct stage *s, struct gen_call call, unsigned i);

static void campaign(struct stage *s, struct gen_call like, unsigned count, int64_t every_us,
                     one_call *one)
{
	for (unsigned i = 0; i < count; i++) {
		struct gen_call call = like;
		call.setup_ms = gen_between(s->r, 200, 900);
		call.start_us +=
			i * every_us + (int64_t)gen_below(s->r, (uint64_t)every_us / 2 + 1);
		gen_scene_add(s->scene, one(s, call, i));
	}
}

/* ---- T1: rings once and waits to be called back ---- */

static struct gen_call ring_once(struct stage *s, struct gen_call call, unsigned i)
{
	(void)i;
	call.callee = somebody(s);
	call.code = 487;
	call.ring_ms = gen_between(s->r, 600, 1900);
	call.end = GEN_END_CALLER;
	return call;
}

static void wangiri(struct stage *s)
{
	struct gen_call like = {
		.start_us = at_percent(s->w, 20),
		.caller = gen_number_in((struct gen_range){"22220", 11}, 4410977),
		.trunk_in = GEN_TRUNK_FOREIGN_1,
		.trunk_out = GEN_TRUNK_ACCESS,
		.campaign = "wangiri-1",
		.class = "wangiri",
	};
	size_t first = s->scene->count;
	campaign(s, like, 120, 5 * US_PER_S, ring_once);
	/* Five of them call back, and pay. */
	for (unsigned i = 0; i < 5 && first + 20 * i < s->scene->count; i++) {
		const struct gen_call *rung = &s->scene->calls[first + 20 * i];
		struct gen_call back = like;
		back.start_us = rung->start_us + (int64_t)gen_between(s->r, 300, 900) * US_PER_S;
		back.caller = rung->callee;
		back.callee = like.caller;
		back.trunk_in = GEN_TRUNK_ACCESS;
		back.trunk_out = GEN_TRUNK_FOREIGN_1;
		back.attest = 'A';
		back.end = GEN_END_CALLER;
		gen_scene_add(s->scene, answered(s, back, (struct span_ms){900, 900},
		                                 (struct span_ms){30000, 240000}));
	}
}

/* ---- T4: a dialler with a recorded message ---- */

static struct gen_call play_message(struct stage *s, struct gen_call call, unsigned i)
{
	(void)i;
	call.callee = somebody(s);
	if (gen_percent(s->r, 45)) {
		return answered(s, call, (struct span_ms){2000, 9000},
		                (struct span_ms){2000, 14000});
	}
	call.code = gen_percent(s->r, 25) ? 404 : 480;
	call.ring_ms = call.code == 480 ? 18000 : 0;
	call.end = call.code == 480 ? GEN_END_CALLEE : GEN_END_NETWORK;
	return call;
}

static void robocall(struct stage *s)
{
	struct gen_call like = {
		.start_us = at_percent(s->w, 40),
		.caller = gen_outsider(s->w, 990001),
		.trunk_in = GEN_TRUNK_DIALLER,
		.trunk_out = GEN_TRUNK_ACCESS,
		.campaign = "robocall-1",
		.class = "robocall",
		.attest = 'B',
	};
	campaign(s, like, 300, 2 * US_PER_S, play_message);
}

static struct gen_call remind(struct stage *s, struct gen_call call, unsigned i)
{
	(void)i;
	call.callee = somebody(s);
	return answered(s, call, (struct span_ms){3000, 12000}, (struct span_ms){8000, 19000});
}

/* A clinic's reminders: the same shape, but registered. */
static void reminders(struct stage *s)
{
	struct gen_call like = {
		.start_us = at_percent(s->w, 45),
		.caller = gen_reminder(s->w),
		.trunk_in = GEN_TRUNK_OFFICE,
		.trunk_out = GEN_TRUNK_ACCESS,
		.attest = 'A',
	};
	campaign(s, like, 200, 4 * US_PER_S, remind);
}

/* ---- T5: people in a call centre, one call a victim ---- */

static struct gen_call persuade(struct stage *s, struct gen_call call, unsigned i)
{
	call.callee = somebody(s);
	if (i % 15 == 9) { /* this one believes it */
		return answered(s, call, (struct span_ms){7000, 7000},
		                (struct span_ms){1500000, 2400000});
	}
	if (gen_percent(s->r, 65)) {
		return answered(s, call, (struct span_ms){4000, 15000},
		                (struct span_ms){5000, 70000});
	}
	call.code = 480;
	call.ring_ms = 25000;
	call.end = GEN_END_CALLEE;
	return call;
}

static void scam_centre(struct stage *s)
{
	struct gen_call like = {
		.start_us = at_percent(s->w, 38),
		.caller = gen_subscriber(s->w, 101),
		.trunk_in = GEN_TRUNK_ACCESS,
		.trunk_out = GEN_TRUNK_ACCESS,
		.campaign = "scam-centre-1",
		.class = "scam_centre",
		.attest = 'A',
	};
	campaign(s, like, 75, s->w->span_us / 250, persuade);
}

/* ---- T8: other people's numbers ---- */

static struct gen_call national_from_abroad(struct stage *s, struct gen_call call, unsigned i)
{
	(void)i;
	call.callee = somebody(s);
	if (gen_percent(s->r, 60)) {
		return answered(s, call, (struct span_ms){4000, 12000},
		                (struct span_ms){5000, 60000});
	}
	call.code = 486;
	call.end = GEN_END_CALLEE;
	return call;
}

static void spoofed_national(struct stage *s)
{
	struct gen_call like = {
		.start_us = at_percent(s->w, 55),
		.caller = gen_outsider(s->w, 4 * 8001),
		.agent = "Gateway/7.1",
		.trunk_in = GEN_TRUNK_FOREIGN_2,
		.trunk_out = GEN_TRUNK_ACCESS,
		.campaign = "spoofed-national-1",
		.class = "spoofing",
		.capture = true,
	};
	campaign(s, like, 30, 8 * US_PER_S, national_from_abroad);
}

static void do_not_originate(struct stage *s)
{
	struct gen_call like = {
		.start_us = at_percent(s->w, 58),
		.caller = gen_dno(s->w),
		.trunk_in = GEN_TRUNK_NATIONAL_1,
		.trunk_out = GEN_TRUNK_ACCESS,
		.campaign = "dno-1",
		.class = "spoofing",
	};
	campaign(s, like, 8, 20 * US_PER_S, national_from_abroad);
}

/* The victim sees a number of his own block. */
static struct gen_call look_alike(struct stage *s, struct gen_call call, unsigned i)
{
	(void)i;
	call.callee = somebody(s);
	call.caller = call.callee / 1000 * 1000 + gen_below(s->r, 1000);
	return answered(s, call, (struct span_ms){3000, 12000}, (struct span_ms){3000, 30000});
}

static void neighbours(struct stage *s)
{
	struct gen_call like = {
		.start_us = at_percent(s->w, 62),
		.trunk_in = GEN_TRUNK_PEER,
		.trunk_out = GEN_TRUNK_ACCESS,
		.campaign = "neighbour-1",
		.class = "spoofing",
	};
	campaign(s, like, 60, 10 * US_PER_S, look_alike);
}

static struct gen_call claim_name(struct stage *s, struct gen_call call, unsigned i)
{
	static const char *const names[] = {"HMRC Tax Office", "\xd0\x9dMRC Refund",
	                                    "POLICE Fraud Dept", "Revenue Office"};

	call.callee = somebody(s);
	call.caller = gen_outsider(s->w, 970001 + 3 * i);
	call.display = names[i % (sizeof(names) / sizeof(names[0]))];
	return answered(s, call, (struct span_ms){4000, 12000}, (struct span_ms){9000, 90000});
}

static void impersonation(struct stage *s)
{
	struct gen_call like = {
		.start_us = at_percent(s->w, 65),
		.agent = "Gateway/7.1",
		.trunk_in = GEN_TRUNK_NATIONAL_2,
		.trunk_out = GEN_TRUNK_ACCESS,
		.campaign = "impersonation-1",
		.class = "impersonation",
		.capture = true,
	};
	campaign(s, like, 12, 25 * US_PER_S, claim_name);
}

/* ---- T9: a fresh caller on nearly every call ---- */

static struct gen_call fresh_caller(struct stage *s, struct gen_call call, unsigned i)
{
	call = play_message(s, call, i);
	call.caller = gen_outsider(s->w, 4 * (100000 + gen_below(s->r, 100000)) + 1);
	return call;
}

static void rotation(struct stage *s)
{
	struct gen_call like = {
		.start_us = at_percent(s->w, 48),
		.trunk_in = GEN_TRUNK_DIALLER,
		.trunk_out = GEN_TRUNK_ACCESS,
		.campaign = "rotation-1",
		.class = "rotation",
	};
	campaign(s, like, 300, 1500000, fresh_caller);
}

/* ---- T10: one line is flooded ---- */

static struct gen_call flood(struct stage *s, struct gen_call call, unsigned i)
{
	call.caller = gen_outsider(s->w, 300000 + gen_below(s->r, 300000));
	if (i % 10 == 0) {
		return answered(s, call, (struct span_ms){2000, 2000},
		                (struct span_ms){1000, 8000});
	}
	call.code = 486;
	call.end = GEN_END_CALLEE;
	return call;
}

static void tdos(struct stage *s)
{
	struct gen_call like = {
		.start_us = at_percent(s->w, 70),
		.callee = gen_subscriber(s->w, 17),
		.trunk_in = GEN_TRUNK_NATIONAL_1,
		.trunk_out = GEN_TRUNK_OFFICE,
		.campaign = "tdos-1",
		.class = "tdos",
	};
	campaign(s, like, 250, US_PER_S / 2, flood);
}

/* ---- T2: a hacked account earns shares ---- */

static struct gen_call pump(struct stage *s, struct gen_call call, unsigned i)
{
	(void)i;
	call.callee = gen_number_in((struct gen_range){"371901", 11}, 40 + gen_below(s->r, 6));
	return answered(s, call, (struct span_ms){1200, 1200}, (struct span_ms){240000, 420000});
}

static void revenue_share(struct stage *s)
{
	struct gen_call like = {
		.start_us = at_percent(s->w, 8),
		.caller = gen_subscriber(s->w, 27),
		.trunk_in = GEN_TRUNK_OFFICE,
		.trunk_out = GEN_TRUNK_FOREIGN_2,
		.campaign = "irsf-1",
		.class = "irsf",
		.attest = 'A',
		.end = GEN_END_CALLER,
	};
	campaign(s, like, 40, 45 * US_PER_S, pump);
}

/* ---- harvesting: which numbers of a block exist ---- */

static struct gen_call try_number(struct stage *s, struct gen_call call, unsigned i)
{
	call.callee = gen_outsider(s->w, 4 * 5003) / 1000 * 1000 + i;
	call.code = gen_percent(s->r, 60) ? 404 : 487;
	call.ring_ms = call.code == 487 ? 400 : 0;
	call.end = call.code == 487 ? GEN_END_CALLER : GEN_END_NETWORK;
	return call;
}

static void number_scan(struct stage *s)
{
	struct gen_call like = {
		.start_us = at_percent(s->w, 75),
		.caller = gen_outsider(s->w, 990021),
		.trunk_in = GEN_TRUNK_PEER,
		.trunk_out = GEN_TRUNK_NATIONAL_2,
		.campaign = "number-scan-1",
		.class = "harvesting",
	};
	campaign(s, like, 200, 2 * US_PER_S, try_number);
}

/* ---- T13: a scanner at the SIP edge tries dial prefixes ---- */

static struct gen_call try_prefix(struct stage *s, struct gen_call call, unsigned i)
{
	static const uint64_t prefixes[] = {900, 9011, 9900, 1011, 9810, 7011, 8011, 9001};
	enum { COUNT = sizeof(prefixes) / sizeof(prefixes[0]) };

	(void)s;
	call.callee = prefixes[i % COUNT] * UINT64_C(10000000000) + UINT64_C(4685002802);
	call.caller = 100 + i % 20;
	call.code = 404;
	call.end = GEN_END_NETWORK;
	return call;
}

static void scanner(struct stage *s)
{
	struct gen_call like = {
		.start_us = at_percent(s->w, 5),
		.agent = "friendly-scanner",
		.campaign = "scanner-1",
		.class = "scanning",
		.capture = true,
	};
	campaign(s, like, 60, US_PER_S, try_prefix);
}

void gen_scams(const struct gen_world *w, struct gen_random *random, struct gen_scene *scene)
{
	static void (*const all[])(struct stage *) = {
		wangiri,  robocall, scam_centre,   spoofed_national, do_not_originate, neighbours,
		rotation, tdos,     impersonation, revenue_share,    number_scan,      scanner,
	};
	struct stage s = {w, random, scene};

	reminders(&s);
	for (size_t i = 0; !w->clean && i < sizeof(all) / sizeof(all[0]); i++) {
		all[i](&s);
	}
}
