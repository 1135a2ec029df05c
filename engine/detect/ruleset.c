#include "detect/ruleset.h"

#include <stdlib.h>

#include "core/crypto.h"

enum { MEMORY_MAX = 1 << 30 };

struct ruleset *ruleset_new(void)
{
	struct ruleset *set = calloc(1, sizeof(*set));

	if (set) {
		arena_init(&set->arena, MEMORY_MAX);
	}
	return set;
}

void ruleset_free(struct ruleset *set)
{
	if (!set) {
		return;
	}
	for (size_t i = 0; i < set->regex_count; i++) {
		regex_free(set->regexes[i]);
	}
	free(set->regexes);
	arena_fini(&set->arena);
	free(set);
}

bool ruleset_keep_regex(struct ruleset *set, struct regex *regex)
{
	if (set->regex_count == set->regex_room) {
		size_t room = set->regex_room ? 2 * set->regex_room : 16;
		struct regex **more = realloc(set->regexes, room * sizeof(struct regex *));
		if (!more) {
			return false;
		}
		set->regexes = more;
		set->regex_room = room;
	}
	set->regexes[set->regex_count++] = regex;
	return true;
}

static int by_name(const void *a, const void *b)
{
	const struct rule *const *x = a, *const *y = b;

	return slice_cmp((*x)->name, (*y)->name);
}

void ruleset_seal(struct ruleset *set)
{
	uint8_t bytes[DIGEST_SIZE] = {0};
	struct digest *digest = digest_new();

	if (set->rule_count > 0) {
		qsort(set->rules, set->rule_count, sizeof(struct rule *), by_name);
	}
	for (size_t i = 0; digest && i < set->rule_count; i++) {
		digest_add(digest, set->rules[i]->name);
		digest_add(digest, SLICE_LIT("\n"));
		digest_add(digest, set->rules[i]->source);
		digest_add(digest, SLICE_LIT("\n"));
	}
	if (digest) {
		digest_end(digest, bytes);
	}
	memcpy(set->digest, "b2:", 3);
	hex_format(bytes, sizeof(bytes), set->digest + 3);
}

struct rule *ruleset_find(const struct ruleset *set, struct slice full_name)
{
	size_t low = 0, high = set->rule_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = slice_cmp(full_name, set->rules[middle]->name);
		if (order == 0) {
			return set->rules[middle];
		}
		*(order < 0 ? &high : &low) = order < 0 ? middle : middle + 1;
	}
	return NULL;
}
