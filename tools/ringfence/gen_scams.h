/* What the scam operations of gen_scam_*.c share: one stage an operation. */
#ifndef TOOLS_RINGFENCE_GEN_SCAMS_H
#define TOOLS_RINGFENCE_GEN_SCAMS_H

#include "core/instant.h"
#include "ringfence/gen.h"

struct gen_stage {
	const struct gen_world *w;
	struct gen_plan_book *book;
	struct gen_random *r;
	uint32_t operation; /* its number, from 1 */
	unsigned round;     /* the how many-th of its class, from 0 */
	unsigned size;      /* calls that it shall make */
	bool capture;
	char attest; /* of its calls from outside; 0 in half of the operations */
	uint32_t origid;
	const char *agent;
	/* when it is at work: gen_stage_time */
	int64_t from_us;
	int64_t length_us;
};

struct gen_ms {
	uint32_t low;
	uint32_t high;
};

/* Chooses a time of at most length_us that begins in local hours [from, to) where the span has
 * such, and leaves room behind it for what follows. */
void gen_stage_time(struct gen_stage *s, int64_t length_us, unsigned from, unsigned to);
/* When call i of `size` starts: evenly, with some chance. */
int64_t gen_stage_moment(struct gen_stage *s, unsigned i);

/* A call of the operation that comes in by a trunk, to nobody yet. */
struct gen_call gen_stage_call(struct gen_stage *s, uint8_t trunk);
/* The same from one of the operation's own lines. */
struct gen_call gen_stage_call_from(struct gen_stage *s, gen_line_id line);
/* Any subscriber, or subscriber i, is called. */
void gen_stage_anybody(struct gen_stage *s, struct gen_call *call);
void gen_stage_subscriber(struct gen_stage *s, struct gen_call *call, uint64_t i);
/* Subscriber i himself calls. */
struct gen_call gen_stage_victim_call(struct gen_stage *s, uint64_t i);
void gen_stage_answer(struct gen_stage *s, struct gen_call *call, struct gen_ms ring,
                      struct gen_ms talk);
/* Talk of a median length. */
void gen_stage_talk(struct gen_stage *s, struct gen_call *call, uint32_t median_ms,
                    unsigned spread);
void gen_stage_fail(struct gen_stage *s, struct gen_call *call, uint16_t code, struct gen_ms ring);
void gen_stage_add(struct gen_stage *s, struct gen_call call);
/* A SIM that is some days old. */
gen_line_id gen_stage_sim(struct gen_stage *s, uint32_t days_max);
uint64_t gen_stage_number(const struct gen_stage *s, gen_line_id line);
/* One of the trunks. */
uint8_t gen_stage_trunk(struct gen_stage *s, const uint8_t *trunks, size_t count);

void gen_scam_wangiri(struct gen_stage *s);
void gen_scam_robocall(struct gen_stage *s);
void gen_scam_rotation(struct gen_stage *s);
void gen_scam_harvesting(struct gen_stage *s);
void gen_scam_scanning(struct gen_stage *s);
void gen_scam_tdos(struct gen_stage *s);
void gen_scam_attestation(struct gen_stage *s);

void gen_scam_centre(struct gen_stage *s);
void gen_scam_bank(struct gen_stage *s);
void gen_scam_targeting(struct gen_stage *s);
void gen_scam_inbound(struct gen_stage *s);
void gen_scam_simbox(struct gen_stage *s);
void gen_scam_spoofing(struct gen_stage *s);
void gen_scam_impersonation(struct gen_stage *s);

void gen_scam_irsf(struct gen_stage *s);
void gen_scam_pbx(struct gen_stage *s);
void gen_scam_pumping(struct gen_stage *s);
void gen_scam_false_answer(struct gen_stage *s);

#endif
