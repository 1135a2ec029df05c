#include "core/stats.h"

static const struct {
	const char *word;
	const char *help;
} reasons[REASON_COUNT] = {
	{"none", ""},
#define REASON(id, word, help) {word, help},
#include "core/reasons.def"
#undef REASON
};

const char *reason_word(enum reason r)
{
	return r < REASON_COUNT ? reasons[r].word : "unknown";
}

const char *reason_help(enum reason r)
{
	return r < REASON_COUNT ? reasons[r].help : "";
}

uint64_t stage_dropped(const struct stage_count *c)
{
	uint64_t sum = 0;

	for (size_t r = 0; r < REASON_COUNT; r++) {
		sum += __atomic_load_n(&c->dropped[r], __ATOMIC_RELAXED);
	}
	return sum;
}

void stage_add(struct stage_count *sum, const struct stage_count *c)
{
	sum->in += __atomic_load_n(&c->in, __ATOMIC_RELAXED);
	sum->out += __atomic_load_n(&c->out, __ATOMIC_RELAXED);
	for (size_t r = 0; r < REASON_COUNT; r++) {
		sum->dropped[r] += __atomic_load_n(&c->dropped[r], __ATOMIC_RELAXED);
	}
}
