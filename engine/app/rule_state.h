/* What rules remember over a reload: the signatures of their state, as JSON, and their comparison
 * with those of a running engine (rule-language.md section 8, "Reload").
 */
#ifndef ENGINE_APP_RULE_STATE_H
#define ENGINE_APP_RULE_STATE_H

#include "app/site.h"
#include "core/json.h"

/* {"digest":"b2:..","rules":[{"rule":"core.voice/x","rev":2,"status":"on","state":"<hex>"},..]}, by
 * name; state is "" for a rule that remembers nothing. E_NOMEM.
 */
int rule_state_write(const struct site *site, struct json_out *w);

struct rule_state {
	struct slice name;
	char state[2 * DIGEST_SIZE + 1]; /* "": it remembers nothing */
};

struct rule_states {
	struct arena arena;       /* names */
	struct rule_state *rules; /* by name */
	size_t count;
};

/* Those of a site. E_NOMEM. */
int rule_states_of(const struct site *site, struct rule_states *out);
/* Those that rule_state_write wrote. E_MALFORMED, E_NOMEM. */
int rule_states_read(struct slice json, struct rule_states *out);
/* NULL: there is no such rule. */
const struct rule_state *rule_states_find(const struct rule_states *s, struct slice name);
void rule_states_fini(struct rule_states *s);

#endif
