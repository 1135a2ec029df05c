/* Every mistake that the checker knows: a rule that loads without a word, and the same rule with
 * one mistake, whose code, place, message and hint are given. A backtick marks the place.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "core/err.h"
#include "detect/rule.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* What the rows leave out. Rows are the inside of a rule in { }. */
#define ABOUT  "id: r, rev: 1, title: t, class: other, severity: low, "
#define TESTED ", tests: [{name: n, expect: []}]"
#define W      "key: caller.num, window: 10m, "
static const char head[] = "version: 1\n"
			   "lists:\n"
			   "  \"@dno\": {type: num, inline: [], columns: [value, owner]}\n"
			   "  \"@nets\": {type: cidr, inline: []}\n"
			   "  \"@words\": {type: text, inline: []}\n"
			   "  \"@hot\": {type: num, dynamic: true}\n"
			   "rules:\n"
			   "  - {";
enum { ROW_LINE = 8 };

struct row {
	const char *id;
	const char *good; /* NULL: there is no twin */
	const char *bad;
	const char *code;
	const char *message;
	const char *hint;
};

/* ---- expressions of one event, as 'where' of a rule on calls ---- */

static const struct row conditions[] = {
	{"unknown field", "ring > 2s", "`rnig > 2s", "E030", "unknown field 'rnig'",
         "did you mean ring?"},
	{"unknown far field", NULL, "`zzzzzz > 2s", "E030", "unknown field 'zzzzzz'", NULL},
	{"field of another kind", "ring > 2s", "`party.role == \"orig\"", "E034",
         "field 'party.role' does not exist on 'call' events", "it exists on: party"},
	{"site", "caller.country == site.country", "caller.country == `site.county", "E030",
         "unknown field 'site.county'", "did you mean site.country?"},
	{"score", "caller.score > 4.0", "caller.score `> 4s", "E036",
         "cannot compare a number with a duration", NULL},
	{"duration", "duration > 30s", "duration `> 30", "E036",
         "cannot compare a duration with a number", "durations need a unit: 30s or 30m"},
	{"duration left", "30s < duration", "2.5 `< duration", "E036",
         "cannot compare a number with a duration", "durations need a unit: 2.5s or 2.5m"},
	{"duration of a field", "duration > ring", "duration `> q850", "E036",
         "cannot compare a duration with a number", NULL},
	{"duration as text", "duration == \"30s\"", "duration == `\"30\"", "E031",
         "'30' is not a duration", "durations need a unit: 30s or 30m"},
	{"number", "caller.num == \"+447700900123\"", "caller.num == `\"07700900123\"", "E031",
         "'07700900123' is not an international number", "write it like +447700900123"},
	{"calling code", "caller.num == \"+447700900123\"", "caller.num == `\"+999700900123\"",
         "E031", "'+999700900123' begins with no assigned calling code",
         "write it like +447700900123"},
	{"number as number", "caller.num == \"+447700900123\"", "caller.num `== 44", "E036",
         "cannot compare a phone number with a number", NULL},
	{"digits", "prefix(caller.num, 2) == \"44\"", "prefix(caller.num, 2) == `\"+44\"", "E031",
         "'+44' is not the digits of a number", "write them like 447700"},
	{"order of numbers", "caller.num == callee.num", "caller.num `< callee.num", "E037",
         "a phone number has no order: only == and != compare it",
         "use prefix(…) or a list of prefixes"},
	{"order of texts", "trunk.id == \"a\"", "trunk.id `>= \"a\"", "E037",
         "text has no order: only == and != compare it", NULL},
	{"country", "caller.country == \"GB\"", "caller.country == `\"UK\"", "E031",
         "'UK' is not a country", "did you mean GB?"},
	{"country spelling", "caller.country == \"GB\"", "caller.country == `\"gb\"", "E031",
         "'gb' is not a country", "write its two letters, like GB"},
	{"address", "src.ip == \"192.0.2.1\"", "src.ip == `\"192.0.2\"", "E031",
         "'192.0.2' is not an IP address", "write it like 192.0.2.1 or 2001:db8::1"},
	{"time", "time > \"2026-01-05T12:00:00Z\"", "time > `\"yesterday\"", "E031",
         "'yesterday' is not a point in time", "write it like 2026-01-05T12:00:00Z"},
	{"enum", "trunk.role == \"peer\"", "trunk.role == `\"pear\"", "E032",
         "'pear' is not one of access, enterprise, national, international, peer, internal, "
         "unknown",
         "did you mean 'peer'?"},
	{"enum in a set", "cause in {\"busy\", \"failed\"}", "cause in {\"busy\", `\"bussy\"}",
         "E032",
         "'bussy' is not one of answered, busy, no_answer, cancelled, rejected, unallocated, "
         "failed, unknown",
         "did you mean 'busy'?"},
	{"two enums", "caller.type == callee.type", "caller.type `== trunk.role", "E036",
         "cannot compare a word of a fixed set with a word of a fixed set", NULL},
	{"unknown parameter", NULL, "ring > `$rnig", "E033", "unknown parameter $rnig", NULL},
	{"condition", "answered", "`duration", "E035",
         "'where' needs something true or false, this is a duration", NULL},
	{"condition of and", "answered and forwarded", "answered and `q850", "E035",
         "'and' needs something true or false, this is a number", NULL},
	{"condition of not", "not answered", "not `ring", "E035",
         "'not' needs something true or false, this is a duration", NULL},
	{"regex on a number", "caller.display =~ /44/", "`caller.num =~ /44/", "E038",
         "'=~' needs text, this is a phone number", "use prefix(…) for numbers"},
	{"regex on an enum", "caller.display !~ /a/", "`cause !~ /a/", "E038",
         "'!~' needs text, this is a word of a fixed set", "use == or 'in {…}'"},
	{"regex", "caller.display =~ /a(b)/", "caller.display =~ /a(`b/", "E025",
         "pattern does not compile: missing closing parenthesis", NULL},
	{"regex on nothing", NULL, "`rnig =~ /a/", "E030", "unknown field 'rnig'",
         "did you mean ring?"},
	{"regex recursion", "caller.display =~ /a(b)/", "caller.display =~ /a(b)`(?R)/", "E025",
         "pattern does not compile: recursion is not allowed", NULL},
	{"regex flags", "caller.display =~ /a/ix", "caller.display =~ `/a/g", "E020",
         "'g' cannot stand after a pattern",
         "a pattern may end in /i (any case) or /x (blanks do not count)"},
	{"unknown list", "caller.num in @dno", "caller.num `in @dnoo", "E039", "unknown list @dnoo",
         "did you mean @dno?"},
	{"type of a list", "src.ip in @nets", "`caller.num in @nets", "E036",
         "@nets holds blocks of IP addresses, this is a phone number", NULL},
	{"place of a list", "caller.num in @dno", "caller.num == `@dno", "E040",
         "a list can only stand after 'in' and first in attr()", NULL},
	{"attr", "attr(@dno, caller.num, \"owner\") == \"x\"",
         "attr(`caller.num, caller.num, \"owner\") == \"x\"", "E040",
         "the first argument of attr() is a list", "write attr(@list, value, \"column\")"},
	{"attr column", "attr(@dno, caller.num, \"owner\") == \"x\"",
         "attr(@dno, caller.num, `\"ownre\") == \"x\"", "E030", "list @dno has no column 'ownre'",
         "did you mean 'owner'?"},
	{"attr constant", "attr(@dno, caller.num, \"owner\") == \"x\"",
         "attr(@dno, caller.num, `trunk.id) == \"x\"", "E046",
         "attr() needs a constant here: the name of a column", NULL},
	{"set of constants", "caller.num in {\"+447700900123\"}", "caller.num in {`callee.num}",
         "E046", "a set holds constants only", "compare with == and 'or'"},
	{"set of one kind", "duration in {1s, 2s}", "duration in {1s, `2}", "E036",
         "cannot compare a duration with a number", "durations need a unit: 2s or 2m"},
	{"range", "duration in 1s..2s", "duration in 1s..`2", "E036",
         "cannot compare a duration with a number", "durations need a unit: 2s or 2m"},
	{"range of text", "duration in 1s..2s", "trunk.id `in \"a\"..\"b\"", "E037",
         "text has no order: it cannot lie in a range", NULL},
	{"unknown function", "len(trunk.id) > 3", "`leng(trunk.id) > 3", "E047",
         "unknown function leng()", "did you mean len()?"},
	{"too few arguments", "prefix(caller.num, 2) == \"44\"", "`prefix(caller.num) == \"44\"",
         "E041", "prefix() takes 2 arguments, not 1", NULL},
	{"too many arguments", "len(trunk.id) > 3", "`len(trunk.id, 3) > 3", "E041",
         "len() takes 1 argument, not 2", NULL},
	{"range of arguments", "hour(time) > 3", "`hour() > 3", "E041",
         "hour() takes 1 to 2 arguments, not 0", NULL},
	{"argument", "len(trunk.id) > 3", "len(`ring) > 3", "E036",
         "len() needs text here, this is a duration", NULL},
	{"condition of if", "if(answered, 1, 2) == 1", "if(`ring, 1, 2) == 1", "E035",
         "if() needs something true or false here, this is a duration", NULL},
	{"branches of if", "if(answered, ring, 2s) == 1s", "`if(answered, ring, 2) == 1s", "E036",
         "if() gives one kind of value, these are a duration and a number",
         "durations need a unit: 2s or 2m"},
	{"digit count", "prefix(caller.num, 2) == \"44\"", "prefix(caller.num, `16) == \"44\"",
         "E031", "a phone number has 1 to 15 digits, not 16", NULL},
	{"constant digits", "prefix(caller.num, 2) == \"44\"",
         "prefix(caller.num, `q850) == \"44\"", "E046",
         "prefix() needs a constant here: a number of digits", NULL},
	{"hours", "in_hours(time, \"20:00-06:00\")", "in_hours(time, `\"20-06\")", "E031",
         "'20-06' is not a span of hours", "write them like 20:00-06:00"},
	{"constant hours", "in_hours(time, \"20:00-06:00\")", "in_hours(time, `trunk.id)", "E046",
         "in_hours() needs a constant here: hours like \"20:00-06:00\"", NULL},
	{"zone", "hour(time, \"UTC\") > 3", "hour(time, `\"Europe/Nowhere\") > 3", "E031",
         "'Europe/Nowhere' is not a time zone", "write it like Europe/London"},
	{"over", "len(trunk.id) > 3", "`len(trunk.id) over 1h > 3", "E021",
         "'over' can only stand behind an aggregate such as count()", NULL},
	{"adding", "ring + 1s > 3s", "ring `+ 1 > 3s", "E036",
         "'+' does not fit a duration and a number", "durations need a unit: 1s or 1m"},
	{"dividing a duration", "duration / 1s > 3", "duration `/ q850 > 3", "E036",
         "'/' does not fit a duration and a number",
         "multiply it (duration * 0.5), or divide it by a duration: duration / 1s"},
	{"negative", "-ring < 3s", "`-trunk.id == \"a\"", "E036", "'-' does not fit text", NULL},
	{"coalesce", "(ring ?? 3s) > 1s", "(ring `?? 3) > 1s", "E036",
         "'?"
         "?' needs two of one kind, these are a duration and a number",
         "durations need a unit: 3s or 3m"},
	{"age", NULL, "`age(@dno, caller.num) > 1h", "E090", "not built yet: age()", NULL},
	{"aggregate in where", NULL, "`count() > 3", "E042",
         "count() looks at many calls; it cannot stand in 'where'", "put it in 'let' or 'when'"},
	{"chained", "ring in 5s..30s", "5s < ring `< 30s", "E023", "comparisons cannot be chained",
         "use 'x in lo..hi' or 'and'"},
	{"mixed", "answered or (forwarded and answered)", "answered or forwarded `and answered",
         "E022", "'and' and 'or' are mixed without parentheses",
         "add parentheses to say which belongs together"},
	{"unexpected", "answered", "answered `)", "E021", "unexpected ')'", NULL},
	{"&&", "answered and forwarded", "answered `&& forwarded", "E021", "unexpected '&&'",
         "write 'and'"},
	{"||", "answered or forwarded", "answered `|| forwarded", "E021", "unexpected '||'",
         "write 'or'"},
	{"!", "not answered", "`! answered", "E021", "unexpected '!'", "write 'not'"},
	{"=", "ring == 1s", "ring `= 1s", "E021", "unexpected '='", "write '=='"},
	{"AND", "answered and forwarded", "answered `AND forwarded", "E021", "unexpected 'AND'",
         "write 'and'"},
	{"parenthesis", "(answered)", "(answered`", "E021",
         "expected ')', found 'end of expression'", NULL},
	{"nothing", "answered", "answered and`", "E021",
         "expected a value, found 'end of expression'", NULL},
	{"character", "answered", "answered `#", "E020", "unexpected character '#'", NULL},
	{"open text", "trunk.id == \"a\"", "trunk.id == `\"a", "E020", "the text is not closed",
         "end it with the quote it begins with"},
	{"open pattern", "trunk.id =~ /a/", "trunk.id =~ `/a", "E020", "the pattern is not closed",
         "end it with /"},
	{"unit", "ring > 3s", "ring > `3sec", "E031", "'3sec' is not a duration",
         "write it like 500ms, 30s, 10m, 1h30m or 7d"},
	{"large number", "q850 > 3", "q850 > `99999999999999999999", "E031",
         "the number is too large", NULL},
	{"small number", "cost > 0.000001", "cost > `0.0000001", "E031",
         "the number is too large or too small", NULL},
};

/* ---- whole rules ---- */

static const struct row rules[] = {
	{"E010 key", "on: call, key: caller.num", "on: call, `keey: caller.num", "E010",
         "unknown key 'keey' in a rule", "did you mean key?"},
	{"E010 free", "on: call, x-note: 3", "on: call, `y-note: 3", "E010",
         "unknown key 'y-note' in a rule", NULL},
	{"E017", "on: call", "on: `cal", "E017", "unknown kind of event 'cal'",
         "did you mean call?"},
	{"E018 scalar", "on: call, key: caller.num", "on: call, key: `{a: b}", "E018",
         "'key' must be an expression", NULL},
	{"E018 list", "on: call, exceptions: []", "on: call, exceptions: `x", "E018",
         "'exceptions' must be a list", NULL},
	{"E018 key parts", "on: call, key: \"duration, duration, duration, duration\"",
         "on: call, key: `\"duration, duration, duration, duration, ring\"", "E018",
         "'key' takes 1 to 4 expressions", NULL},
	{"E021 comma in brackets", "on: call, key: \"block(callee.num, 2)\"",
         "on: call, key: [caller.num, block(callee.num`, 2)]", "E021",
         "expected ')', found 'end of expression'",
         "a comma inside YAML [ ] or { } cuts the expression in two: write it without the "
         "brackets"},
	{"E021 in quotes", "on: call, key: \"block(callee.num, 2)\"",
         "on: call, key: \"block(callee.num, 2`\"", "E021",
         "expected ')', found 'end of expression'", NULL},
	{"E042 key", "on: call, key: caller.num", "on: call, key: `count()", "E042",
         "count() looks at many calls; it cannot stand in 'key'", "put it in 'let' or 'when'"},
	{"E055 when", "on: call, " W "when: count() > 3",
         "on: call, key: caller.num, `when: count() > 3", "E055",
         "'when' needs a 'window:' in the rule", "add a window, such as window: 10m"},
	{"E055 let", "on: call, " W "let: {n: count()}, when: n > 3",
         "on: call, key: caller.num, let: {n: `count()}", "E055",
         "count() needs a 'window:' in the rule", "add a window, such as window: 10m"},
	{"E031 window", "on: call, " W "when: count() > 3",
         "on: call, key: caller.num, window: `10, when: count() > 3", "E031",
         "'10' is not a duration", "durations need a unit: 10s or 10m"},
	{"E090 tumbling", NULL,
         "on: call, key: caller.num, window: `{tumbling: 1d}, when: count() > 3", "E090",
         "not built yet: tumbling windows", NULL},
	{"E033", "on: call, " W "when: count() > $n, params: {n: {type: int, default: 3}}",
         "on: call, " W "when: count() > `$m + $n, params: {n: {type: int, default: 3}}", "E033",
         "unknown parameter $m", NULL},
	{"E043", "on: call, " W "when: sum(duration) > 3s",
         "on: call, " W "when: sum(`count()) > 3", "E043",
         "count() looks at many calls; it cannot stand inside an aggregate", NULL},
	{"E043 let", "on: call, " W "let: {n: ring * 2}, when: sum(n) > 3s",
         "on: call, " W "let: {n: count()}, when: sum(`n) > 3", "E043",
         "'n' looks at many calls; it cannot stand inside an aggregate", NULL},
	{"E041 aggregate", "on: call, " W "when: count() > 3",
         "on: call, " W "when: '`count(answered, answered) > 3'", "E041",
         "count() takes 0 to 1 arguments, not 2", NULL},
	{"E041 none", "on: call, " W "when: sum(duration) > 3s", "on: call, " W "when: `sum() > 3s",
         "E041", "sum() takes 1 to 2 arguments, not 0", NULL},
	{"E035 filter", "on: call, " W "when: count(answered) > 3",
         "on: call, " W "when: count(`ring) > 3", "E035",
         "'count' needs something true or false, this is a duration", NULL},
	{"E035 ratio", "on: call, " W "when: count() > 3 and count(answered) > 1",
         "on: call, " W "when: ratio(`ring) > 80%", "E035",
         "ratio() needs something true or false, this is a duration", NULL},
	{"E036 sum", "on: call, " W "when: sum(duration) > 3s",
         "on: call, " W "when: sum(`trunk.id) > 3", "E036",
         "sum() needs a number or a duration, this is text", NULL},
	{"E036 stddev", NULL, "on: call, " W "when: stddev(`duration) > 3s", "E036",
         "stddev() needs a number, this is a duration",
         "count it in seconds: stddev(duration / 1s)"},
	{"E046 quantile", NULL, "on: call, " W "when: 'quantile(`q850, duration) > 3s'", "E046",
         "quantile() needs a constant from 0 to 1 first", "write it like quantile(0.5, ring)"},
	{"E031 quantile", NULL, "on: call, " W "when: 'quantile(`50, duration) > 3s'", "E031",
         "quantile() needs a constant from 0 to 1, not 50", "the median is quantile(0.5, …)"},
	{"E045", NULL, "on: call, " W "when: '`zscore(count()) > 3'", "E045",
         "zscore() needs a 'baseline:' block in the rule", NULL},
	{"E090 active", NULL, "on: call, " W "when: '`active() > 3'", "E090",
         "not built yet: active()", NULL},
	{"E030 let in where", "on: call, " W "let: {n: count()}, when: n > 3",
         "on: call, where: '`n > 3s', key: caller.num, let: {n: ring}", "E030", "unknown field 'n'",
         NULL},
	{"E057 field", "on: call, let: {rings: ring}", "on: call, let: {`ring: duration}", "E057",
         "'ring' is already the name of a field", "take another name"},
	{"E057 key", "on: call, let: {key5: ring}", "on: call, let: {`key1: ring}", "E057",
         "'key1' is already the name of a part of the key", "take another name"},
	{"E031 let", "on: call, let: {a_1: ring}", "on: call, let: {`a-1: ring}", "E031",
         "'a-1' is not a name for 'let'", "use letters, digits and '_', a letter first"},
	{"E059", "on: call, key: \"caller.num, callee.num\", subject: callee.num",
         "on: call, key: \"caller.num, callee.num\", subject: `trunk.id", "E059",
         "'subject' is a part of the key or a name of 'let'", NULL},
	{"E032 fire", "on: call, fire: each", "on: call, fire: `twice", "E032",
         "'twice' is not one of once, each", NULL},
	{"E032 status", "on: call, status: test", "on: call, status: `tests", "E032",
         "'tests' is not one of stable, test, experimental, deprecated", "did you mean 'test'?"},
	{"E090 shadow", NULL, "on: call, status: `shadow", "E090", "not built yet: status 'shadow'",
         NULL},
	{"E031 resolution", "on: call, resolution: 240", "on: call, resolution: `241", "E031",
         "'241' must lie from 6 to 240", NULL},
	{"E031 exact_max", "on: call, exact_max: 256", "on: call, exact_max: `255", "E031",
         "'255' must lie from 256 to 65536", NULL},
	{"E031 max_keys", "on: call, max_keys: 1", "on: call, max_keys: `0", "E031",
         "'0' must be at least 1", NULL},
	{"E010 suppress", "on: call, suppress: {for: 1h}", "on: call, suppress: {for: 1h, `bye: x}",
         "E010", "unknown key 'bye' in 'suppress'", "did you mean by?"},
	{"E011 suppress", "on: call, suppress: {for: 1h}", "on: call, suppress: `{by: caller.num}",
         "E011", "'suppress' needs the key 'for'", NULL},
	{"E042 output", "on: call, output: {summary: x, fields: ring}",
         "on: call, output: {summary: x, fields: `count()}", "E042",
         "count() looks at many calls; it cannot stand in 'output'", "put it in 'let' or 'when'"},
	{"E031 evidence", "on: call, output: {summary: x, evidence: 64}",
         "on: call, output: {summary: x, evidence: `65}", "E031", "'65' must lie from 0 to 64",
         NULL},
	{"E026 open", "on: call, output: {summary: \"a {ring}\"}",
         "on: call, output: {summary: \"a `{ring\"}", "E026", "'{' is not closed",
         "write '{{' for a brace"},
	{"E026 format", "on: call, output: {summary: \"{cost:.2}\"}",
         "on: call, output: {summary: \"{cost`:x}\"}", "E026", "unknown format ':x'",
         "formats are :.0 to :.9, :% and :mask"},
	{"E036 format", "on: call, output: {summary: \"{cost:%}\"}",
         "on: call, output: {summary: \"{`trunk.id:%}\"}", "E036",
         "a format of numbers does not fit text", NULL},
	{"E030 template", "on: call, output: {summary: \"{ring}\"}",
         "on: call, output: {summary: \"{`rnig}\"}", "E030", "unknown field 'rnig'",
         "did you mean ring?"},
	{"E030 key part", "on: call, key: caller.num, output: {summary: \"{key1}\"}",
         "on: call, key: caller.num, output: {summary: \"{`key2}\"}", "E030",
         "unknown key part 'key2': the rule's key has 1", NULL},
	{"E031 param", "on: call, where: ring > $a, params: {a: {type: dur, default: 3s}}",
         "on: call, where: ring > $a, params: {a: {type: dur, default: `3}}", "E031",
         "'3' is not a duration", "durations need a unit: 3s or 3m"},
	{"E031 pct", "on: call, where: cost > $a, params: {a: {type: pct, default: 3%}}",
         "on: call, where: cost > $a, params: {a: {type: pct, default: `3}}", "E031",
         "'3' is not a percentage", "write it like 80%"},
	{"E016", "on: call, where: q850 > $a, params: {a: {type: int, default: 3, range: [1, 5]}}",
         "on: call, where: q850 > $a, params: {a: {type: int, default: `6, range: [1, 5]}}", "E016",
         "default 6 is outside the range 1 to 5", NULL},
	{"E016 float",
         "on: call, where: cost > $a, params: {a: {type: float, default: 1.5, range: [1.5, 2.5]}}",
         "on: call, where: cost > $a, params: {a: {type: float, default: `2.75, range: [1.5, 2.5]}}",
         "E016", "default 2.75 is outside the range 1.5 to 2.5", NULL},
	{"E018 range of texts",
         "on: call, where: trunk.id == $a, params: {a: {type: str, default: b}}",
         "on: call, where: trunk.id == $a, params: {a: {type: str, default: b, range: `[a, c]}}",
         "E018", "'range' is the lowest and the highest value of a number or duration",
         "write it like range: [5, 2000]"},
	{"E018 range",
         "on: call, where: q850 > $a, params: {a: {type: int, default: 3, range: [3, 3]}}",
         "on: call, where: q850 > $a, params: {a: {type: int, default: 3, range: `[3, 3, 3]}}",
         "E018", "'range' is the lowest and the highest value of a number or duration",
         "write it like range: [5, 2000]"},
	{"E018 range", "on: call, where: q850 > $a, params: {a: {type: int, default: 3}}",
         "on: call, where: q850 > $a, params: {a: {type: int, default: 3, range: `[1]}}", "E018",
         "'range' is the lowest and the highest value of a number or duration",
         "write it like range: [5, 2000]"},
	{"E032 type", "on: call, where: q850 > $a, params: {a: {type: int, default: 3}}",
         "on: call, where: q850 > $a, params: {a: {type: `integer, default: 3}}", "E032",
         "'integer' is not one of int, float, pct, dur, str, bool", "did you mean 'int'?"},
	{"E011 default", "on: call, where: q850 > $a, params: {a: {type: int, default: 3}}",
         "on: call, where: q850 > $a, params: {a: `{type: int}}", "E011",
         "a parameter needs the key 'default'", NULL},
	{"E018 ops", "on: call, exceptions: [{name: x, fields: caller.num, ops: [in]}]",
         "on: call, exceptions: [{name: x, fields: caller.num, ops: `[in, in]}]", "E018",
         "'ops' needs one operator for each field", NULL},
	{"E090 values", NULL, "on: call, exceptions: [{name: x, fields: ring, `values: []}]",
         "E090", "not built yet: 'values'", NULL},
#define STEP_A "{as: missed, on: call, key: callee.num}"
#define STEP_B "{as: b, on: call, key: caller.num}"
#define STEP_2 "{as: a, on: call, key: 'caller.num, callee.num'}"
#define STEP_3 "{as: b, on: call, key: 'callee.num, caller.num'}"
#define SEQ    "sequence: {within: 1h, key: v, steps: ["
	{"E050 one step", SEQ STEP_A ", " STEP_B "]}",
         "sequence: {within: 1h, key: v, steps: `[" STEP_A "]}", "E050",
         "a sequence has 2 to 8 steps", NULL},
	{"E050 no name", SEQ STEP_A ", " STEP_B "]}", SEQ STEP_A ", `{on: call, key: caller.num}]}",
         "E050", "a step has a name behind 'as:' or 'none:'", NULL},
	{"E051 step", SEQ STEP_A ", " STEP_B "]}, output: {summary: x, fields: missed.ring}",
         SEQ STEP_A ", " STEP_B "]}, output: {summary: x, fields: `mised.ring}", "E051",
         "'mised.ring' is no name of the sequence's key and no field of one of its steps",
         "did you mean missed?"},
	{"E051 which", SEQ STEP_A ", " STEP_B "]}, output: {summary: x, fields: b.ring}",
         SEQ STEP_A ", " STEP_B "]}, output: {summary: x, fields: `ring}", "E051",
         "a sequence has many events: 'ring' of which?", "say of which step: missed.ring"},
	{"E052 first", SEQ STEP_A ", {none: n, on: call, key: caller.num}, " STEP_B "]}",
         SEQ "`{none: n, on: call, key: caller.num}, " STEP_B "]}", "E052",
         "'none' stands behind a step that is an event", NULL},
	{"E053 for", SEQ STEP_A ", {none: n, on: call, key: caller.num, for: 1m}]}",
         SEQ STEP_A ", `{none: n, on: call, key: caller.num}]}", "E053",
         "a 'none' at the end says how long: for: 30m", NULL},
	{"E053 parts", SEQ STEP_A ", " STEP_B "]}",
         SEQ STEP_A ", {as: b, on: call, key: `'caller.num, callee.num'}]}", "E053",
         "the sequence's key has 1 parts, that of this step 2", NULL},
	{"E046 new", "on: call, key: caller.num, where: 'new(callee.country, 60d)'",
         "on: call, key: caller.num, where: 'new(callee.country, `ring)'", "E046",
         "new() needs constant durations behind the value", "write a duration, such as 30d"},
	{"E041 new", "on: call, key: caller.num, where: 'new(callee.country, 60d, 1d)'",
         "on: call, key: caller.num, where: '`new(callee.country)'", "E041",
         "new() takes 2 to 3 arguments, not 1", NULL},
	{"E036 key", SEQ STEP_A ", " STEP_B "]}",
         SEQ STEP_A ", {as: b, on: call, key: `trunk.id}]}", "E036",
         "'v' is a phone number in the first step, here it is text", NULL},
	{"E057 key name", "sequence: {within: 1h, key: 'v, w', steps: [" STEP_2 ", " STEP_3 "]}",
         "sequence: {within: 1h, key: `'v, v', steps: [" STEP_2 ", " STEP_3 "]}", "E057",
         "'v' is already the name of a part of the key", "take another name"},
	{"E057 key and field", SEQ STEP_A ", " STEP_B "]}",
         "sequence: {within: 1h, key: `ring, steps: [" STEP_A ", " STEP_B "]}", "E057",
         "'ring' is already the name of a field", "take another name"},
	{"E057 let and key", SEQ STEP_A ", " STEP_B "]}, let: {w: b.ring}",
         SEQ STEP_A ", " STEP_B "]}, let: {`v: b.ring}", "E057",
         "'v' is already the name of a part of the key", "take another name"},
	{"E036 key of words",
         SEQ "{as: a, on: call, key: caller.type}, {as: b, on: call, key: callee.type}]}",
         SEQ "{as: a, on: call, key: caller.type}, {as: b, on: call, key: `cause}]}", "E036",
         "'v' is a word of a fixed set in the first step, here it is one of another set", NULL},
	{"E018 key", SEQ STEP_A ", " STEP_B "]}",
         "sequence: {within: 1h, key: `{v: 1}, steps: [" STEP_A ", " STEP_B "]}", "E018",
         "'key' must be one value", NULL},
	{"E051 later step",
         SEQ STEP_A ", {as: b, on: call, key: caller.num, where: missed.answered}]}",
         SEQ "{as: missed, on: call, key: callee.num, where: `b.answered}, " STEP_B "]}", "E051",
         "'b.answered' is no name of the sequence's key and no field of one of its steps", NULL},
	{"E053 for of an event", SEQ STEP_A ", " STEP_B "]}",
         SEQ STEP_A ", `{as: b, on: call, key: caller.num, for: 1m}]}", "E053",
         "'for' belongs to a 'none' at the end", NULL},
	{"E052 two", SEQ STEP_A ", {none: n, on: call, key: caller.num}, " STEP_B "]}",
         SEQ STEP_A ", {none: n, on: call, key: caller.num}, `{none: m, on: call, key: "
                    "caller.num}, " STEP_B "]}",
         "E052", "'none' stands behind a step that is an event", NULL},
	{"E042 new", "on: call, key: caller.num, let: {n: 'new(callee.num, 1d)'}",
         "on: call, key: caller.num, output: {summary: x, fields: '`new(callee.num, 1d)'}", "E042",
         "new() learns from every event; it cannot stand in 'output'",
         "put it in 'let', 'where' or 'when'"},
	{"E042 new of new", "on: call, key: caller.num, where: 'new(answered, 1d)'",
         "on: call, key: caller.num, where: 'new(`new(callee.num, 1d), 1d)'", "E042",
         "new() looks at a value of one event", NULL},
	{"E031 new", "on: call, key: caller.num, where: 'new(callee.num, 1d, 0s)'",
         "on: call, key: caller.num, where: 'new(callee.num, `0s)'", "E031",
         "new() needs durations above 0s", NULL},
	{"E021 new over", "on: call, key: caller.num, where: 'new(callee.num, 1d)'",
         "on: call, key: caller.num, where: '`new(callee.num, 1d) over 1h'", "E021",
         "'over' can only stand behind an aggregate such as count()", NULL},
	{"E017 step", SEQ STEP_A ", " STEP_B "]}",
         SEQ STEP_A ", {as: b, on: `calls, key: caller.num}]}", "E017",
         "a step cannot stand on 'calls'", "did you mean call?"},
	{"E010 beside", SEQ STEP_A ", " STEP_B "]}", SEQ STEP_A ", " STEP_B "]}, `where: answered",
         "E010", "'where' cannot stand beside 'sequence'", "it belongs to the steps"},
	{"E054 unknown", NULL, "on: signal, from: `nobody, where: signal.x == 1", "E054",
         "there is no rule 'nobody', or it waits for this one", NULL},
	{"E054 none", NULL, "on: signal, from: `[], key: signal.x", "E054",
         "a rule on signals says whose: 'from'", "from: [wangiri.callback]"},
	{"E054 itself", NULL, "on: signal, from: `r, key: signal.x", "E054",
         "there is no rule 'r', or it waits for this one", NULL},
	{"E018 from", NULL, "on: signal, from: `{r: x}, key: signal.x", "E018",
         "'from' must be a list", NULL},
	{"E058", "on: call, emit: signal, output: {summary: x, fields: [caller.num, ring]}",
         "on: call, emit: signal, output: {summary: x, fields: [caller.num, `callee.num]}", "E058",
         "two fields of a signal are named 'num'", "give one of them a name in 'let'"},
	{"E056", "on: call, then: [{add: {list: '@hot', value: caller.num}}]",
         "on: call, then: [{add: {list: `'@dno', value: caller.num}}]", "E056",
         "@dno is not a list that rules write", "declare it with dynamic: true"},
	{"E010 ttl", "on: call, then: [{add: {list: '@hot', value: caller.num, ttl: 1h}}]",
         "on: call, then: [{remove: {list: '@hot', value: caller.num, `ttl: 1h}}]", "E010",
         "unknown key 'ttl' in a removal from a list", NULL},
	{"E031 written", "on: call, then: [{add: {list: '@hot', value: '\"+447700900123\"'}}]",
         "on: call, then: [{add: {list: '@hot', value: '`\"07700900123\"'}}]", "E031",
         "'07700900123' is not an international number", "write it like +447700900123"},
	{"E036 written", "on: call, then: [{add: {list: '@hot', value: caller.num}}]",
         "on: call, then: [{add: {list: '@hot', value: `trunk.id}}]", "E036",
         "@hot holds phone numbers, this is text", NULL},
	{"E011 then", "on: call, then: [{remove: {list: '@hot', value: caller.num}}]",
         "on: call, then: [`{}]", "E011", "'then' needs 'add' or 'remove'", NULL},
	{"E036 points", "on: call, score: {entity: caller.num, points: 5, half_life: 1h}",
         "on: call, score: {entity: caller.num, points: `ring, half_life: 1h}", "E036",
         "'points' is a number, this is a duration", NULL},
	{"score value", "on: score, when: score.value >= 50.0 and score.rules >= 2",
         "on: score, when: `score.valu >= 50.0", "E030", "unknown field 'score.valu'",
         "did you mean score.value?"},
#define BASE "baseline: {bucket: 10m, history: 7d, if_short: pass}, "
	{"E048", NULL, "on: call, " W "baseline: `{bucket: 10m, history: 7d}, when: count() > 3",
         "E048", "'baseline' says what a key without history is: if_short: pass or fail",
         "pass: judged by the other conditions; fail: not judged"},
	{"E045", NULL, "on: call, " W "when: '1.0 < `zscore(count())'", "E045",
         "zscore() needs a 'baseline:' block in the rule", NULL},
	{"E049", NULL, "on: call, " W BASE "when: '1.0 < `usual(count() over 1h)'", "E049",
         "the baseline's bucket is not as long as the window of count() over 1h", NULL},
	{"E044", NULL, "on: call, " W BASE "when: '`not (1.0 < usual(count()))'", "E044",
         "history cannot stand under 'not'", "turn the comparison round instead"},
	{"E044 compared", NULL, "on: call, " W BASE "when: '(1.0 < usual(count())) `== false'",
         "E044", "history cannot stand in a compared condition",
         "turn the comparison round instead"},
	{"E044 chosen", NULL, "on: call, " W BASE "when: 'if(1.0 `< usual(count()), false, true)'",
         "E044", "history cannot stand as the condition of if()",
         "turn the comparison round instead"},
	{"E036 usual", NULL, "on: call, " W BASE "when: '1.0 < `usual(3)'", "E036",
         "usual() takes an aggregate that is a number, such as count()", NULL},
	{"E031 over", "on: call, " W "when: count() over 1h > 3",
         "on: call, " W "when: '`count() over 0s > 3'", "E031", "'over' needs a duration above 0s",
         NULL},
	{"E021 over", "on: call, " W "when: count() over 1h > 3",
         "on: call, " W "when: count() over `3 > 3", "E021", "expected a duration, found '3'",
         NULL},
};

/* ---- warnings ---- */

static const struct row warnings[] = {
	{"W101 !=", "on: call, where: caller.country == site.country",
         "on: call, where: caller.country `!= site.country", "W101",
         "'!=' with a field that may be missing is then unknown, not true",
         "write '(x != y) ?? true' if a missing value should count"},
	{"W101 guarded",
         "on: call, where: present(caller.country) and caller.country != site.country",
         "on: call, where: present(callee.country) and caller.country `!= site.country", "W101",
         "'!=' with a field that may be missing is then unknown, not true",
         "write '(x != y) ?? true' if a missing value should count"},
	{"W101 other side",
         "on: call, where: caller.country != site.country and caller.country != \"FR\"",
         "on: call, where: caller.country `!= site.country or present(caller.country)", "W101",
         "'!=' with a field that may be missing is then unknown, not true",
         "write '(x != y) ?? true' if a missing value should count"},
	{"W101 total", "on: call, where: trunk.role != \"internal\"",
         "on: call, where: trunk.id `!= \"internal\"", "W101",
         "'!=' with a field that may be missing is then unknown, not true",
         "write '(x != y) ?? true' if a missing value should count"},
	{"W101 not in", "on: call, where: caller.num in @dno",
         "on: call, where: not `caller.num in @dno", "W101",
         "'not … in' with a field that may be missing is then unknown, not true",
         "write 'not ((x in @list) ?? false)' if a missing value should count"},
	{"W101 as advised", "on: call, where: not ((caller.num in @dno) ?? false)",
         "on: call, where: '`caller.num not in @dno'", "W101",
         "'not … in' with a field that may be missing is then unknown, not true",
         "write 'not ((x in @list) ?? false)' if a missing value should count"},
	{"W101 key", "on: call, key: caller.num, where: caller.num not in @dno",
         "on: call, key: callee.num, where: `caller.num not in @dno", "W101",
         "'not … in' with a field that may be missing is then unknown, not true",
         "write 'not ((x in @list) ?? false)' if a missing value should count"},
	{"W101 implied",
         "on: call, where: caller.country == \"GB\" and not (answered and caller.num in @dno)",
         "on: call, where: callee.country == \"GB\" and not (answered and `caller.num in @dno)",
         "W101", "'not … in' with a field that may be missing is then unknown, not true",
         "write 'not ((x in @list) ?? false)' if a missing value should count"},
	{"W101 filter", "on: call, " W "when: count(caller.num not in @dno) > 3",
         "on: call, " W "when: count(`callee.num not in @dno) > 3", "W101",
         "'not … in' with a field that may be missing is then unknown, not true",
         "write 'not ((x in @list) ?? false)' if a missing value should count"},
	{"W101 no guard in '?"
         "?'",
         "on: call, where: ring > 2s and ring != 3s",
         "on: call, where: (ring ?"
         "? 9s) > 2s and ring `!= 3s",
         "W101", "'!=' with a field that may be missing is then unknown, not true",
         "write '(x != y) ?"
         "? true' if a missing value should count"},
	{"W101 through a let", "on: call, let: {a: ring, b: present(a) and a != 3s}",
         "on: call, let: {a: ring, b: present(setup) and a `!= 3s}", "W101",
         "'!=' with a field that may be missing is then unknown, not true",
         "write '(x != y) ?"
         "? true' if a missing value should count"},
	{"W101 equal under not", "on: call, where: not (trunk.role == \"peer\")",
         "on: call, where: not (trunk.id `== \"peer\")", "W101",
         "'!=' with a field that may be missing is then unknown, not true",
         "write '(x != y) ?"
         "? true' if a missing value should count"},
	{"W101 or under not", "on: call, where: not (ring > 3s or ring == 1s)",
         "on: call, where: not (setup > 3s or ring `== 1s)", "W101",
         "'!=' with a field that may be missing is then unknown, not true",
         "write '(x != y) ?"
         "? true' if a missing value should count"},
	{"W101 step",
         SEQ STEP_A ", {as: b, on: call, key: caller.num, where: caller.num not in @dno}]}",
         SEQ STEP_A ", {as: b, on: call, key: caller.num, where: `callee.num not in @dno}]}",
         "W101", "'not … in' with a field that may be missing is then unknown, not true",
         "write 'not ((x in @list) ?? false)' if a missing value should count"},
	{"W102 new", "on: call, key: caller.num, where: 'new(ring ?? 2s, 1d)'",
         "on: call, key: caller.num, where: 'new(duration `?? 2s, 1d)'", "W102",
         "'?"
         "?' is not needed: 'duration' is never missing",
         NULL},
	{"W102", "on: call, where: (ring ?? 2s) > 1s", "on: call, where: (duration `?? 2s) > 1s",
         "W102",
         "'?"
         "?' is not needed: 'duration' is never missing",
         NULL},
	{"W102 in a let",
         "on: call, " W "let: {a: ring ?"
         "? 2s}, when: sum(a) > 3s and a != 4s",
         "on: call, " W "let: {a: duration `?"
         "? 2s}, when: sum(a) > 3s and a != 4s",
         "W102",
         "'?"
         "?' is not needed: 'duration' is never missing",
         NULL},
	{"W110", "on: call, where: q850 > $a, params: {a: {type: int, default: 3}}",
         "on: call, where: q850 > 4, params: {`a: {type: int, default: 3}}", "W110",
         "parameter $a is never used", NULL},
	{"W130", "on: call, where: 'caller.display =~ /[0-9]+ a/'",
         "on: call, where: 'caller.display `=~ /[0-9]+/'", "W130",
         "pattern /[0-9]+/ has no fixed text, so it is tried on every event",
         "add a letter or digit that every match contains"},
	{"W140", "on: call, " W "when: count() > 3 and sum(duration) >= 1m",
         "on: call, " W "when: count() > 3 and sum(duration) `<= 1m", "W140",
         "not loss-safe: when events are lost, 'sum(duration) <= 1m' may come true wrongly", NULL},
	{"W140 negative factor", "on: call, " W "when: count() * 2 > 3",
         "on: call, " W "when: count() * (0 - 2) `> 3", "W140",
         "not loss-safe: when events are lost, 'count() * (0 - 2) > 3' may come true wrongly",
         NULL},
	{"W140 sum of differences", "on: call, " W "when: sum(duration + 1s) > 3s",
         "on: call, " W "when: sum(duration - 1s) `> 3s", "W140",
         "not loss-safe: when events are lost, 'sum(duration - 1s) > 3s' may come true wrongly",
         NULL},
	{"W140 max", "on: call, " W "when: max(duration) > 3s",
         "on: call, " W "when: min(duration) `> 3s", "W140",
         "not loss-safe: when events are lost, 'min(duration) > 3s' may come true wrongly", NULL},
	{"W140 through lets", "on: call, " W "let: {n: count(), m: n - 2}, when: m > 3",
         "on: call, " W "let: {n: count(), m: 2 - n}, when: m `> 3", "W140",
         "not loss-safe: when events are lost, 'm > 3' may come true wrongly", NULL},
	{"W140 new", "on: call, " W "when: count() > 3",
         "on: call, " W "when: '`new(callee.num, 1d) and count() > 3'", "W140",
         "not loss-safe: when events are lost, 'new(callee.num, 1d)' may come true wrongly", NULL},
	{"W140 count of new", "on: call, " W "when: count(answered) > 3",
         "on: call, " W "when: 'count(new(callee.num, 1d)) `> 3'", "W140",
         "not loss-safe: when events are lost, 'count(new(callee.num, 1d)) > 3' may come true "
         "wrongly",
         NULL},
	{"W140 score", "on: score, when: score.value > 50.0",
         "on: score, when: score.value `< 50.0", "W140",
         "not loss-safe: when events are lost, 'score.value < 50.0' may come true wrongly", NULL},
	{"W140 equal", "on: call, " W "when: count() >= 3", "on: call, " W "when: count() `== 3",
         "W140", "not loss-safe: when events are lost, 'count() == 3' may come true wrongly", NULL},
	{"W140 not", "on: call, " W "when: not (count() < 3)",
         "on: call, " W "when: `not (count() > 3)", "W140",
         "not loss-safe: when events are lost, 'not (count() > 3)' may come true wrongly", NULL},
	{"W140 ratio", "on: call, " W "when: count() / 4 > 3",
         "on: call, " W "when: 4 / count() `> 3", "W140",
         "not loss-safe: when events are lost, '4 / count() > 3' may come true wrongly", NULL},
};

/* All calling codes but those with 9 in front. */
static bool assigned(void *user, struct slice digits)
{
	(void)user;
	return digits.p[0] != '9';
}

static void load(struct diags *d, const char *before, const char *row, const char *behind,
                 unsigned *column)
{
	struct buf text = {0};
	struct ruleset_options options = {.assigned = assigned};
	struct ruleset *set;
	const char *mark = strchr(row, '`');
	size_t kept = mark ? (size_t)(mark - row) : strlen(row);

	buf_printf(&text, "%s" ABOUT "%s", head, before);
	size_t line_begin = strrchr(head, '\n') + 1 - head;
	buf_add(&text, row, kept);
	struct slice line = slice_skip(buf_view(&text), line_begin);
	*column = 1;
	for (size_t i = 0; i < line.len; i++) {
		*column += (line.p[i] & 0xc0) != 0x80;
	}
	buf_printf(&text, "%s%s" TESTED "}\n", mark ? mark + 1 : "", behind);
	diags_init(d);
	(void)ruleset_load_text("t", buf_view(&text), &options, d, &set);
	ruleset_free(set);
	buf_fini(&text);
}

static void check_silent(const struct row *row, const char *before, const char *behind)
{
	struct diags d;
	unsigned column;

	load(&d, before, row->good, behind, &column);
	if (d.first) {
		fail_msg("%s (good): %s %.*s", row->id, d.first->code, SLICE_FMT(d.first->message));
	}
	diags_fini(&d);
}

static void check_row(const struct row *row, const char *before, const char *behind)
{
	struct diags d;
	unsigned column;

	if (row->good) {
		check_silent(row, before, behind);
	}
	load(&d, before, row->bad, behind, &column);
	if (!d.first || d.first->next) {
		fail_msg("%s: %u errors, %u warnings, last: %.*s", row->id, d.errors, d.warnings,
		         d.last ? (int)d.last->message.len : 0, d.last ? d.last->message.p : "");
	}
	if (strcmp(d.first->code, row->code) != 0 ||
	    !slice_eq(d.first->message, slice_of(row->message)) ||
	    !slice_eq(d.first->hint, slice_of(row->hint)) || d.first->at.line != ROW_LINE ||
	    d.first->at.column != column) {
		fail_msg("%s: got %u:%u %s '%.*s' help '%.*s'; want %d:%u %s '%s' help '%s'",
		         row->id, d.first->at.line, d.first->at.column, d.first->code,
		         SLICE_FMT(d.first->message), SLICE_FMT(d.first->hint), ROW_LINE, column,
		         row->code, row->message, row->hint ? row->hint : "");
	}
	diags_fini(&d);
}

static void test_conditions(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(conditions); i++) {
		check_row(&conditions[i], "on: call, where: '", "'");
	}
}

static void test_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rules); i++) {
		check_row(&rules[i], "", "");
	}
}

static void test_warnings(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(warnings); i++) {
		check_row(&warnings[i], "", "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conditions),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_warnings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
