#include "app/rule_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "detect/detector.h"

/* ---- of a site ---- */

struct gathering {
	struct rule_states *out;
	size_t room;
	bool failed;
};

static struct rule_state *add(struct gathering *g, struct slice name)
{
	struct rule_states *s = g->out;

	if (s->count == g->room) {
		size_t room = g->room ? 2 * g->room : 64;
		struct rule_state *more = realloc(s->rules, room * sizeof(*more));
		if (!more) {
			g->failed = true;
			return NULL;
		}
		s->rules = more;
		g->room = room;
	}
	struct rule_state *state = &s->rules[s->count++];
	*state = (struct rule_state){.name = arena_copy(&s->arena, name)};
	return state;
}

static void take(void *user, const struct rule *rule, const uint8_t signature[DIGEST_SIZE])
{
	struct rule_state *state = add(user, rule->name);

	for (size_t i = 0; state && i < DIGEST_SIZE; i++) {
		(void)snprintf(state->state + 2 * i, 3, "%02x", signature[i]);
	}
}

/* Rules that remember nothing stand in no group. */
static void take_stateless(const struct ruleset *set, struct gathering *g)
{
	size_t stateful = g->out->count;

	for (size_t i = 0; i < set->rule_count; i++) {
		size_t n = 0;
		while (n < stateful && !slice_eq(g->out->rules[n].name, set->rules[i]->name)) {
			n++;
		}
		if (n == stateful) {
			(void)add(g, set->rules[i]->name);
		}
	}
}

static int by_name(const void *a, const void *b)
{
	const struct rule_state *x = a, *y = b;

	return slice_cmp(x->name, y->name);
}

static int end(struct gathering *g, int err)
{
	struct rule_states *s = g->out;

	err = err ? err : g->failed || arena_overflowed(&s->arena) ? E_NOMEM : OK;
	if (err) {
		rule_states_fini(s);
	} else if (s->count) {
		qsort(s->rules, s->count, sizeof(s->rules[0]), by_name);
	}
	return err;
}

int rule_states_of(const struct site *site, struct rule_states *out)
{
	struct detector_options options = {.rules = site->rules,
	                                   .key = &site->key,
	                                   .site = site_eval(site),
	                                   .memory = (size_t)64 << 20};
	struct gathering g = {.out = out};
	const char *why;

	*out = (struct rule_states){.count = 0};
	arena_init(&out->arena, SIZE_MAX);
	struct detector *detector = detector_new(&options, &why);
	int err = detector ? detector_signatures(detector, take, &g) : E_NOMEM;
	if (err == OK) {
		take_stateless(site->rules, &g);
	}
	detector_free(detector);
	return end(&g, err);
}

static const struct rule *find_rule(const struct ruleset *set, struct slice name)
{
	for (size_t i = 0; i < set->rule_count; i++) {
		if (slice_eq(set->rules[i]->name, name)) {
			return set->rules[i];
		}
	}
	return NULL;
}

int rule_state_write(const struct site *site, struct json_out *w)
{
	struct rule_states states;
	int err = rule_states_of(site, &states);

	if (err) {
		return err;
	}
	json_object(w);
	json_key(w, "digest");
	json_text(w, site->rules->digest);
	json_key(w, "rules");
	json_array(w);
	for (size_t i = 0; i < states.count; i++) {
		const struct rule *rule = find_rule(site->rules, states.rules[i].name);
		json_object(w);
		json_key(w, "rule");
		json_slice(w, states.rules[i].name);
		json_key(w, "rev");
		json_int(w, rule ? (int64_t)rule->rev : 0);
		json_key(w, "state");
		json_text(w, states.rules[i].state);
		json_object_end(w);
	}
	json_array_end(w);
	json_object_end(w);
	rule_states_fini(&states);
	return OK;
}

/* ---- of an answer ---- */

/* One object of the array, its begin read. */
static bool read_rule(struct json_in *r, struct gathering *g)
{
	struct slice name = SLICE_NONE, state = SLICE_NONE;
	enum json_type t;

	while ((t = json_next(r)) == JSON_KEY) {
		struct slice *to = slice_eq(r->text, SLICE_LIT("rule"))    ? &name
		                   : slice_eq(r->text, SLICE_LIT("state")) ? &state
		                                                           : NULL;
		t = json_next(r);
		if (to && t == JSON_STRING) {
			*to = r->text;
		} else if (json_skip(r, t) == JSON_ERROR) {
			return false;
		}
	}
	if (t != JSON_OBJECT_END || !name.len || !state.p ||
	    (state.len && state.len != 2 * (size_t)DIGEST_SIZE)) {
		return false;
	}
	struct rule_state *s = add(g, name);
	if (s) {
		memcpy(s->state, state.p, state.len);
	}
	return true;
}

static bool read_rules(struct json_in *r, struct gathering *g)
{
	enum json_type t;

	while ((t = json_next(r)) == JSON_OBJECT) {
		if (!read_rule(r, g)) {
			return false;
		}
	}
	return t == JSON_ARRAY_END;
}

int rule_states_read(struct slice json, struct rule_states *out)
{
	struct gathering g = {.out = out};
	struct json_in r = json_in(json);
	bool good = json_next(&r) == JSON_OBJECT, found = false;

	*out = (struct rule_states){.count = 0};
	arena_init(&out->arena, SIZE_MAX);
	while (good && json_next(&r) == JSON_KEY) {
		bool rules = slice_eq(r.text, SLICE_LIT("rules"));
		enum json_type t = json_next(&r);
		if (rules && t == JSON_ARRAY) {
			found = true;
			good = read_rules(&r, &g);
		} else {
			good = json_skip(&r, t) != JSON_ERROR;
		}
	}
	return end(&g, good && found ? OK : E_MALFORMED);
}

const struct rule_state *rule_states_find(const struct rule_states *s, struct slice name)
{
	const struct rule_state key = {.name = name};

	return s->count ? bsearch(&key, s->rules, s->count, sizeof(key), by_name) : NULL;
}

void rule_states_fini(struct rule_states *s)
{
	free(s->rules);
	arena_fini(&s->arena);
	*s = (struct rule_states){.count = 0};
}
