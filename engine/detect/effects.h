/* What rules that fired do to others: signals, scores, list writes (rule-language.md section 8,
 * "Effects between keys").
 *
 * Effects wait until their epoch (1 s of event time) is over. Then lists and scores are written in
 * the order of the causes, and signals and changed scores become events of a batch of their own,
 * which the rules on them see; what those raise is the next round of the same epoch, at most
 * EFFECT_ROUNDS, beyond which it is counted and dropped. One thread; part of the detector.
 */
#ifndef ENGINE_DETECT_EFFECTS_H
#define ENGINE_DETECT_EFFECTS_H

#include "core/arena.h"
#include "core/state.h"
#include "detect/rule.h"
#include "detect/scores.h"

enum { EFFECT_ROUNDS = 8 };

enum effect_kind { EFFECT_SIGNAL, EFFECT_SCORE, EFFECT_LIST };

struct effect {
	enum effect_kind kind;
	const struct rule *rule; /* as loaded */
	unsigned number;         /* its rank */
	int64_t time_us;
	uint64_t event;
	struct value *values; /* SIGNAL: output.fields; SCORE: entity's text; LIST: the value */
	unsigned value_count;
	struct score_gift gift;
	const char *entity_type; /* SCORE */
	unsigned op;             /* LIST: index into rule->ops */
	struct slice text;       /* LIST: the value as it is shown */
};

/* What stands behind a row of a batch that rules made. */
struct derived {
	const struct value *values;
	const struct rule *emitter; /* of a signal */
	uint64_t event;
};

struct effect_queue {
	struct effect *items;
	size_t count;
	size_t cap;
	struct arena texts;
};

struct effects {
	struct effect_queue pending;   /* by epoch, the earliest first */
	struct effect_queue spare;     /* takes what is left of it */
	struct effect_queue raised[2]; /* by a round, and by the one before */
	struct effect_queue *target;   /* where effects_queue puts them */
	struct batch *batch;           /* of signals and scores */
	struct derived *rows;
	uint64_t signals;
	uint64_t dropped; /* beyond EFFECT_ROUNDS, or for want of memory */
};

struct detector;
struct worker;
struct found;
struct detect_rule;

bool effects_init(struct effects *e);
void effects_fini(struct effects *e);
/* What a finding will do, evaluated where its worker stands; texts in the worker's arena. */
void effects_of(struct worker *w, const struct detect_rule *rule, struct found *f);
/* Those of findings in order go to the queue. */
void effects_queue(struct detector *d, struct found *const *found, size_t count);
/* Closes the epochs before limit_us that have effects. */
void effects_run(struct detector *d, int64_t limit_us);

/* Type of value i of an effect; one more effect for the queue (false: no memory). */
enum type effect_value_type(const struct effect *e, unsigned i);
bool effects_put(struct effects *e, const struct effect *effect);

/* The end of the first epoch that waits; INT64_MAX: none does. */
int64_t effects_due(const struct effects *e);

/* What waits, scores, lists that rules wrote, what new() knows: section detect.effects. */
void effects_save(const struct detector *d, struct state_out *out);
/* Into a new detector: E_INVALID, E_NOTFOUND, E_NOMEM. Of rules and lists that are no more it is
 * let go.
 */
int effects_load(struct detector *d, struct state_in *in);

#endif
