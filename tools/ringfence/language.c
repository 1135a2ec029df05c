#include "ringfence/language.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define CLASSES                                                                                    \
 "wangiri irsf pbx_hack simbox robocall scam_centre inbound_scam spoofing rotation impersonation " \
 "bank_impersonation harvesting tdos victim_targeting traffic_pumping flash_call false_answer "    \
 "scanning account_takeover attestation_abuse composite other"
#define SEVERITIES "low medium high critical"

#define KEY_NEEDED(name, shape, help)                \
 {                                                   \
  name, true, false, SHAPE_##shape, NULL, NULL, help \
 }
#define KEY(name, shape, help)                        \
 {                                                    \
  name, false, false, SHAPE_##shape, NULL, NULL, help \
 }
#define KEY_NOT_BUILT(name, shape, help)             \
 {                                                   \
  name, false, true, SHAPE_##shape, NULL, NULL, help \
 }
#define WORD_NEEDED(name, words, help)             \
 {                                                 \
  name, true, false, SHAPE_WORD, NULL, words, help \
 }
#define WORD(name, words, help)                     \
 {                                                  \
  name, false, false, SHAPE_WORD, NULL, words, help \
 }
#define INNER_NEEDED(name, shape, map, help)               \
 {                                                         \
  name, true, false, SHAPE_##shape, &map##_map, NULL, help \
 }
#define INNER(name, shape, map, help)                       \
 {                                                          \
  name, false, false, SHAPE_##shape, &map##_map, NULL, help \
 }
#define MAP(id, title) \
 static const struct language_map id##_map = {#id, title, id##_keys, COUNT(id##_keys)}

/* The last two come from rules. */
static const char kinds[] =
#define KIND(id, name) name " "
#include "model/kinds.def"
#undef KIND
	;
#define KINDS_OF_STEPS "attempt answer call party register sip"

// clang-format off
static const struct language_key param_keys[] = {
	WORD_NEEDED("type", "int float pct dur str bool", "What it holds."),
	KEY_NEEDED("default", TEXT, "Its value where no site sets another."),
	KEY("range", TEXTS, "The lowest and the highest value that a site may set."),
	KEY("doc", TEXT, "What it means, for those who tune."),
	KEY("tune", BOOL, "`suggest` and `test --mutate` may vary it."),
};
MAP(param, "A parameter");

static const struct language_key step_keys[] = {
	KEY("as", TEXT, "Name of the step: its fields are read as name.field."),
	KEY("none", TEXT, "Name of an event that must not come."),
	WORD_NEEDED("on", KINDS_OF_STEPS, "Kind of event."),
	KEY_NEEDED("key", EXPRS, "Where the sequence's key stands in this event."),
	KEY("where", EXPR, "Which events are this step; sees the steps before it."),
	KEY("for", DURATION, "Of a `none` at the end: for how long nothing may come."),
};
MAP(step, "A step of a sequence");

static const struct language_key sequence_keys[] = {
	KEY_NEEDED("within", DURATION, "From the first step to the last, inclusive."),
	KEY_NEEDED("key", PROSE, "Names of what all steps share."),
	INNER_NEEDED("steps", LIST, step, "2 to 8 of them, in order."),
	WORD("keep", "latest first", "Which first step is held on to (latest)."),
};
MAP(sequence, "A sequence");

static const struct language_key suppress_keys[] = {
	KEY_NEEDED("for", DURATION, "How long no other alert with equal `by` goes out."),
	KEY("by", EXPRS, "What must be equal (the key)."),
};
MAP(suppress, "Suppression");

static const struct language_key baseline_keys[] = {
	KEY_NEEDED("bucket", DURATION, "Length of what is compared: that of the window."),
	KEY_NEEDED("history", DURATION, "How far back the key's own past reaches."),
	WORD("season", "none hour_of_day hour_of_week", "Which buckets are alike (none)."),
	KEY("min_n", INT, "Buckets that a history has at least (10)."),
	WORD("if_short", "fail pass", "A key without history: pass is judged by the other conditions, fail is not judged. Must be said."),
};
MAP(baseline, "A baseline");

static const struct language_key exception_keys[] = {
	KEY_NEEDED("name", TEXT, "How sites call it."),
	KEY("doc", TEXT, "Whom it is for."),
	KEY_NEEDED("fields", EXPRS, "What a row gives a value for."),
	{"ops", false, false, SHAPE_WORDS, NULL, "== in", "For each field `==` (one value) or `in` (a list, or @list)."},
	KEY_NOT_BUILT("values", ROW, "Rows: a site gives them by an override."),
};
MAP(exception, "A shape of exceptions");

static const struct language_key write_keys[] = {
	KEY_NEEDED("list", TEXT, "A list that is declared `dynamic: true`."),
	KEY_NEEDED("value", EXPR, "What is written."),
	KEY("ttl", DURATION, "How long it stays (the list's `ttl`)."),
};
MAP(write, "A write to a list");

static const struct language_key then_keys[] = {
	INNER("add", MAP, write, "Puts a value into a list."),
	INNER("remove", MAP, write, "Takes a value out of a list."),
};
MAP(then, "What an alert does to lists");

static const struct language_key score_keys[] = {
	KEY_NEEDED("entity", EXPR, "Whose risk: a number, trunk, account or address."),
	KEY_NEEDED("points", EXPR, "How much."),
	KEY_NEEDED("half_life", DURATION, "After how long half of it is left."),
	KEY("per", DURATION, "At most once in so long for a key."),
};
MAP(score, "A risk contribution");

static const struct language_key output_keys[] = {
	KEY_NEEDED("summary", TEXT, "The alert in a sentence, with {expression} and {expression:format}."),
	KEY("fields", EXPRS, "Values that the alert carries."),
	KEY("evidence", INT, "How many call ids it carries at most (50)."),
};
MAP(output, "What an alert tells");

static const struct language_key privacy_keys[] = {
	KEY_NEEDED("mask", EXPRS, "These appear as a pseudonym and the last three digits."),
	KEY("route", TEXTS, "Views that see them in full."),
};
MAP(privacy, "Privacy");

static const struct language_key event_keys[] = {
	KEY("at", DURATION, "Time of the first, from the test's begin (0s)."),
	KEY("start", TEXT, "Begin of the test, RFC 3339 (2026-01-05T12:00:00Z)."),
	KEY("repeat", INT, "How many of them; {i} counts (1)."),
	KEY("every", DURATION, "From one to the next (0s)."),
	KEY_NEEDED("event", EVENT, "Its fields; `kind` is call where none is given."),
};
MAP(event, "Events of a test");

static const struct language_key expect_keys[] = {
	KEY("rule", TEXT, "Another rule than the one that the test stands in."),
	KEY("at", DURATION, "When, from the test's begin."),
	KEY("key", TEXTS, "The key's parts."),
	KEY("with", VALUES, "Values of `let`, fields and parameters."),
	KEY_NOT_BUILT("late", BOOL, "It comes late."),
};
MAP(expect, "An alert that a test expects");

static const struct language_key site_keys[] = {
	KEY("country", TEXT, "Home country (GB)."),
	KEY("tz", TEXT, "Time zone (UTC)."),
};
MAP(site, "The site of a test");

static const struct language_key test_keys[] = {
	KEY_NEEDED("name", TEXT, "What it shows."),
	INNER("given", LIST, event, "The events."),
	INNER_NEEDED("expect", LIST, expect, "Every alert of the rule, in order; [] for none."),
	KEY("with_lists", TABLE, "Lists that hold something else: name -> values."),
	KEY("with_params", SETTINGS, "Parameters that are set: name -> value, or rule -> such a map."),
	INNER("site", MAP, site, "Where it happens."),
	KEY_NOT_BUILT("cdr", TEXT, "A file of call records in place of `given`."),
	KEY_NOT_BUILT("pcap", TEXT, "A capture in place of `given`."),
	KEY("with_exceptions", FREE, "Rows of exceptions: shape -> rows."),
	KEY_NOT_BUILT("with_history", TEXT, "A file of what the key has done before."),
};
MAP(test, "A test");

/* What rule_keys.def does not say of the keys of a rule. */
#define ABOUT_ID SHAPE_TEXT, NULL, NULL, "Name in the pack, as wangiri.burst; pack/id is its full name."
#define ABOUT_REV SHAPE_INT, NULL, NULL, "Revision: one more with every change of what it finds."
#define ABOUT_TITLE SHAPE_TEXT, NULL, NULL, "What it finds, in a line."
#define ABOUT_CLASS SHAPE_WORD, NULL, CLASSES, "Type of operation: a closed list, for statistics (classes.csv)."
#define ABOUT_SEVERITY SHAPE_WORD, NULL, SEVERITIES, "How much it matters."
#define ABOUT_STATUS SHAPE_WORD, NULL, "stable test experimental deprecated", "How far the author trusts it (stable)."
#define ABOUT_TAGS SHAPE_PROSE, NULL, NULL, "Words to find it by."
#define ABOUT_DESCRIPTION SHAPE_TEXT, NULL, NULL, "How the operation works and what the rule goes by."
#define ABOUT_REFERENCES SHAPE_PROSE, NULL, NULL, "Where the figures come from."
#define ABOUT_AUTHOR SHAPE_PROSE, NULL, NULL, "Who wrote it."
#define ABOUT_DATE SHAPE_TEXT, NULL, NULL, "When it was written."
#define ABOUT_FALSE_POSITIVES SHAPE_PROSE, NULL, NULL, "What it may take for the operation."
#define ABOUT_LIMITS SHAPE_PROSE, NULL, NULL, "Known blind spots."
#define ABOUT_ON SHAPE_WORD, NULL, kinds, "Kind of event that it judges."
#define ABOUT_FROM SHAPE_PROSE, NULL, NULL, "With `on: signal`: rules that give the signals."
#define ABOUT_WHERE SHAPE_EXPR, NULL, NULL, "Which events count; no aggregates."
#define ABOUT_KEY SHAPE_EXPRS, NULL, NULL, "1 to 4 expressions: events are counted for each value of them; one that lacks a part is skipped."
#define ABOUT_WINDOW SHAPE_DURATION, NULL, NULL, "How far back aggregates look; it slides with every event."
#define ABOUT_PARAMS SHAPE_NAMED, &param_map, NULL, "Values that a site may set, used as $name."
#define ABOUT_LET SHAPE_LETS, NULL, NULL, "Names of expressions, in order; each may use those before it."
#define ABOUT_WHEN SHAPE_EXPR, NULL, NULL, "When it fires; aggregates allowed."
#define ABOUT_SEQUENCE SHAPE_MAP, &sequence_map, NULL, "Steps in place of on, where, key, window and when."
#define ABOUT_FIRE SHAPE_WORD, NULL, "once each", "once: opens at the first true event and stays open while true ones come (default with `when`); each: at every true event."
#define ABOUT_REARM SHAPE_DURATION, NULL, NULL, "How long without a true event until it may open again (the window; 1h without one)."
#define ABOUT_SUBJECT SHAPE_EXPR, NULL, NULL, "Whom the alert is about: a part of the key or a name of `let` (the key's first part)."
#define ABOUT_RESOLUTION SHAPE_INT, NULL, NULL, "Panes of a window beyond `exact_max`: 6 to 240 (30)."
#define ABOUT_EXACT_MAX SHAPE_INT, NULL, NULL, "Events a key that are counted exactly: 256 to 65536 (4096)."
#define ABOUT_MAX_KEYS SHAPE_INT, NULL, NULL, "Cap on keys (none but the memory limit)."
#define ABOUT_SUPPRESS SHAPE_MAP, &suppress_map, NULL, "After an alert no other for so long; they are counted."
#define ABOUT_BASELINE SHAPE_MAP, &baseline_map, NULL, "The key's own past, for usual(), spread() and zscore()."
#define ABOUT_EXCEPTIONS SHAPE_LIST, &exception_map, NULL, "Shapes of exceptions that a site may fill."
#define ABOUT_THEN SHAPE_LIST, &then_map, NULL, "Writes to dynamic lists."
#define ABOUT_SCORE SHAPE_MAP, &score_map, NULL, "Adds to somebody's risk."
#define ABOUT_EMIT SHAPE_WORD, NULL, "alert signal", "signal: goes to rules `on: signal` only (alert)."
#define ABOUT_OUTPUT SHAPE_MAP, &output_map, NULL, "What the alert tells."
#define ABOUT_PRIVACY SHAPE_MAP, &privacy_map, NULL, "What is masked."
#define ABOUT_TESTS SHAPE_LIST, &test_map, NULL, "One that fires and a near miss that does not, at least."

static const struct language_key rule_keys[] = {
#define RULE_KEY(id, name, shape, required, not_built) {name, required, not_built, ABOUT_##id},
#include "detect/rule_keys.def"
#undef RULE_KEY
};
MAP(rule, "A rule");

static const struct language_key list_keys[] = {
	WORD_NEEDED("type", "num prefix ip cidr text country", "What it holds; prefixes match by the longest."),
	KEY("file", TEXT, "Its data: one value a line, or CSV with a header; as seen from this file."),
	KEY("inline", TEXTS, "Its values."),
	KEY("redis", TEXT, "A key of Redis that holds it."),
	KEY("dynamic", BOOL, "Rules write it, by `then`."),
	KEY("columns", TEXTS, "Names of its columns, the value first: for attr()."),
	KEY("max", INT, "Values that a dynamic list holds; the oldest goes first."),
	KEY("ttl", DURATION, "How long a value that a rule wrote stays."),
	WORD("privacy", "secret", "Its values are copied nowhere."),
	KEY("doc", TEXT, "What it is for."),
};
MAP(list, "A list");

static const struct language_key row_keys[] = {
	KEY_NEEDED("values", ROW, "One for each field of the shape."),
	KEY("reason", TEXT, "Why (the override's)."),
	KEY("by", TEXT, "Who (the override's)."),
	KEY("expires", DATE, "Last day (the override's)."),
};
MAP(row, "A row of an exception");

static const struct language_key override_keys[] = {
	KEY_NEEDED("rule", TEXT, "Full name of the rule: pack/id."),
	KEY_NEEDED("base_rev", INT, "Revision that it was written for."),
	WORD("status", "on shadow off", "shadow: raises, is not sent, does nothing to others."),
	KEY("params", VALUES, "Parameters: name -> value."),
	WORD("severity", SEVERITIES, "Another severity."),
	INNER("suppress", MAP, suppress, "Another suppression."),
	KEY("rearm", DURATION, "Another time to rearm."),
	INNER("privacy", MAP, privacy, "What is masked."),
	KEY("tags", PROSE, "Words to add."),
	INNER("exceptions", ROWS, row, "Rows for the shapes that the rule declares: name -> rows."),
	KEY("narrow", EXPR, "One more condition beside `where`."),
	KEY("force", BOOL, "Sets parameters outside the author's range, too."),
	KEY("by", TEXT, "Who. Must be said."),
	KEY("on", DATE, "When."),
	KEY("reason", TEXT, "Why. Must be said."),
	KEY("expires", DATE, "Last day; must be said of shadows and exceptions."),
};
MAP(override, "An override");

static const struct language_key file_keys[] = {
	WORD_NEEDED("version", "1", "Of the rule language."),
	KEY("pack", TEXT, "Name of the pack: a-z, 0-9, '.', '_' and '-' (site.local)."),
	KEY("about", FREE, "Of a pack: version, requires, changelog."),
	INNER("rules", LIST, rule, "The rules."),
	INNER("lists", NAMED, list, "Lists that rules look into: \"@name\" -> declaration."),
	INNER("overrides", LIST, override, "How a site tunes rules that it does not own."),
	KEY_NOT_BUILT("tests", FREE, "Tests beside rules."),
};
MAP(file, "A rule file");
// clang-format on

const struct language_map *const language_maps[] = {
	&file_map,     &rule_map,     &param_map,     &sequence_map, &step_map,
	&suppress_map, &baseline_map, &exception_map, &then_map,     &write_map,
	&score_map,    &output_map,   &privacy_map,   &test_map,     &event_map,
	&expect_map,   &site_map,     &list_map,      &override_map, &row_map,
};
const size_t language_map_count = COUNT(language_maps);

const char *shape_words(enum shape shape)
{
	static const char *const words[SHAPE_COUNT] = {
		[SHAPE_TEXT] = "text",
		[SHAPE_TEXTS] = "list of texts",
		[SHAPE_PROSE] = "text or list of texts",
		[SHAPE_EXPR] = "expression",
		[SHAPE_EXPRS] = "expressions",
		[SHAPE_LETS] = "name: expression",
		[SHAPE_INT] = "integer",
		[SHAPE_DURATION] = "duration",
		[SHAPE_BOOL] = "true or false",
		[SHAPE_DATE] = "date",
		[SHAPE_WORD] = "one of",
		[SHAPE_WORDS] = "list of",
		[SHAPE_VALUES] = "name: value",
		[SHAPE_SETTINGS] = "name: value",
		[SHAPE_TABLE] = "name: list of texts",
		[SHAPE_ROW] = "list of values",
		[SHAPE_EVENT] = "field: value",
		[SHAPE_FREE] = "map",
		[SHAPE_MAP] = "map",
		[SHAPE_LIST] = "list of",
		[SHAPE_NAMED] = "name: map",
		[SHAPE_ROWS] = "name: list of",
	};

	return words[shape];
}
