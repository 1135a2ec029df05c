/* ringfence score: which operations of a labelled world the alerts found, how early, and how many
 * alerts are wrong.
 *
 * An alert is right when most of its evidence is scam and most of what its subject took part in
 * from the window's beginning to the alert was, too; one on a trunk only when the trunk mostly
 * carries scam over the whole world. A callee is a victim: what he does besides is his own affair.
 */
#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "core/instant.h"
#include "core/json.h"
#include "ringfence/commands.h"
#include "ringfence/common.h"
#include "ringfence/world_truth.h"

static const struct command_help help = {
	.usage = "ringfence score WORLD ALERTS [options]",
	.about =
		"WORLD is a folder that `ringfence gen` wrote, ALERTS the alerts that were raised on it (JSON\n"
		"lines; - for standard input). By class: operations found, found before half of their calls,\n"
		"calls made before the first alert; then precision, alerts and false alerts a million\n"
		"honest calls; false ones by rule and by the kind of honest caller that they blame.",
	.common = true,
};

enum { EVIDENCE_MAX = 256, RULES_MAX = 1024, TEXT = 512 };

/* What score reads of an alert. */
struct read_alert {
	char type[64], rule[TEXT], severity[16], subject_type[32], subject[TEXT];
	int64_t time_us, from_us;
	const struct truth_call *calls[EVIDENCE_MAX];
	size_t call_count;
};

struct rule_sum {
	char name[TEXT];
	uint64_t alerts, wrong;
};

struct score {
	struct world_truth truth;
	struct rule_sum *rules;
	size_t rule_count;
	uint64_t *wrong_by_kind; /* of truth.kinds */
	uint64_t *high_by_kind;  /* of these, severity high and critical */
	uint64_t alerts, right;
	uint64_t high, high_right; /* of severity high and critical */
	uint64_t campaigns;
	uint64_t malformed;
};

/* ---- reading alerts ---- */

static void keep_text(struct slice raw, char *out, size_t size)
{
	char plain[4096];
	struct slice text = raw.len < sizeof(plain) ? json_unescape(raw, plain) : SLICE_NONE;
	size_t len = text.len < size ? text.len : size - 1;

	memcpy(out, text.p ? text.p : "", len);
	out[len] = '\0';
}

static void keep_time(struct slice raw, int64_t *us)
{
	if (instant_parse_rfc3339(raw, NULL, us) != OK) {
		*us = INSTANT_NONE;
	}
}

/* The path of the present value: "data.subject.value". */
struct path {
	char text[256];
	size_t ends[JSON_DEPTH_MAX + 1];
	unsigned depth;
};

static void take_string(struct score *s, struct read_alert *a, const char *path, struct slice raw)
{
	static const struct {
		const char *path;
		size_t at, size;
	} texts[] = {
#define TEXT_OF(name, member) \
 {name, offsetof(struct read_alert, member), sizeof(((struct read_alert *)0)->member)}
		TEXT_OF("type", type),
		TEXT_OF("data.rule", rule),
		TEXT_OF("data.severity", severity),
		TEXT_OF("data.subject.type", subject_type),
		TEXT_OF("data.subject.value", subject),
#undef TEXT_OF
	};
	char plain[4096];

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (strcmp(path, texts[i].path) == 0) {
			keep_text(raw, (char *)a + texts[i].at, texts[i].size);
		}
	}
	if (strcmp(path, "time") == 0) {
		keep_time(raw, &a->time_us);
	} else if (strcmp(path, "data.window.from") == 0) {
		keep_time(raw, &a->from_us);
	} else if (strcmp(path, "data.evidence.calls") == 0 && raw.len < sizeof(plain) &&
	           a->call_count < EVIDENCE_MAX) {
		const struct truth_call *call = truth_call(&s->truth, json_unescape(raw, plain));
		if (call) {
			a->calls[a->call_count++] = call;
		}
	}
}

static bool read_alert(struct score *s, struct slice line, struct read_alert *a)
{
	struct json_in r = json_in(line);
	struct path p = {.depth = 0};
	size_t len = 0;

	*a = (struct read_alert){.time_us = INSTANT_NONE, .from_us = INSTANT_NONE};
	for (enum json_type t = json_next(&r); t != JSON_NONE; t = json_next(&r)) {
		switch (t) {
		case JSON_ERROR: return false;
		case JSON_OBJECT:
		case JSON_ARRAY: p.ends[p.depth++] = len; break;
		case JSON_OBJECT_END:
		case JSON_ARRAY_END: len = p.ends[--p.depth]; break;
		case JSON_KEY:
			len = p.depth ? p.ends[p.depth - 1] : 0;
			len += (size_t)snprintf(p.text + len, sizeof(p.text) - len, "%s%.*s",
			                        len ? "." : "",
			                        (int)(r.text.len < 60 ? r.text.len : 60), r.text.p);
			len = len < sizeof(p.text) ? len : sizeof(p.text) - 1;
			break;
		case JSON_STRING:
			p.text[len] = '\0';
			take_string(s, a, p.text, r.text);
			break;
		default: break;
		}
	}
	return a->type[0] && a->time_us != INSTANT_NONE;
}

/* ---- judging ---- */

static bool subject_is_scam(const struct score *s, const struct read_alert *a)
{
	bool trunk = strcmp(a->subject_type, "trunk") == 0;
	bool always = trunk || a->from_us == INSTANT_NONE;

	if (strcmp(a->subject_type, "callee") == 0) {
		return true;
	}
	struct truth_sum sum =
		truth_subject(&s->truth, a->subject_type, slice_of(a->subject),
	                      always ? INT64_MIN : a->from_us, trunk ? INT64_MAX : a->time_us);
	/* Nothing known of it (an address, a trunk out): the evidence decides. */
	return sum.calls == 0 || sum.scam * 2 > sum.calls;
}

static bool is_right(const struct score *s, const struct read_alert *a)
{
	size_t scam = 0;

	for (size_t i = 0; i < a->call_count; i++) {
		scam += a->calls[i]->operation >= 0;
	}
	return scam * 2 > a->call_count && subject_is_scam(s, a);
}

static struct rule_sum *rule_sum(struct score *s, const char *name)
{
	for (size_t i = 0; i < s->rule_count; i++) {
		if (strcmp(s->rules[i].name, name) == 0) {
			return &s->rules[i];
		}
	}
	if (s->rule_count == RULES_MAX) {
		return &s->rules[RULES_MAX - 1];
	}
	struct rule_sum *sum = &s->rules[s->rule_count++];
	(void)snprintf(sum->name, sizeof(sum->name), "%s", name);
	return sum;
}

static void judge(struct score *s, const struct read_alert *a)
{
	bool high = strcmp(a->severity, "high") == 0 || strcmp(a->severity, "critical") == 0;
	bool right = is_right(s, a);
	struct rule_sum *sum = rule_sum(s, a->rule);

	s->alerts++;
	s->right += right;
	s->high += high;
	s->high_right += high && right;
	sum->alerts++;
	sum->wrong += !right;
	size_t kind = truth_kind(&s->truth, slice_of(a->subject));
	s->wrong_by_kind[kind] += !right;
	s->high_by_kind[kind] += high && !right;
	for (size_t i = 0; right && i < a->call_count; i++) {
		int32_t n = a->calls[i]->operation;
		if (n >= 0 && a->time_us < s->truth.operations[n].found_us) {
			s->truth.operations[n].found_us = a->time_us;
		}
	}
}

static void read_alerts(struct score *s, FILE *f)
{
	struct read_alert *a = malloc(sizeof(*a));
	char *line = NULL;
	size_t room = 0;
	ssize_t len;

	while (a && (len = getline(&line, &room, f)) > 0) {
		if (!read_alert(s, (struct slice){line, (size_t)len}, a)) {
			s->malformed++;
		} else if (strcmp(a->type, "ringfence.alert.opened") == 0) {
			judge(s, a);
		} else {
			s->campaigns += strcmp(a->type, "ringfence.campaign.opened") == 0;
		}
	}
	free(line);
	free(a);
}

/* Calls of each operation that had ended when it was found. */
static void count_before(struct world_truth *t)
{
	for (size_t i = 0; i < t->call_count; i++) {
		const struct truth_call *call = &t->calls[i];
		if (call->operation >= 0) {
			struct operation *o = &t->operations[call->operation];
			o->before += call->end_us < o->found_us;
		}
	}
}

/* ---- the table ---- */

struct class_sum {
	const char *class;
	uint64_t operations, found, early;
	uint64_t before[4096]; /* of those found */
	uint64_t median;
};

static int cmp_u64(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Operations of a class, of all classes when it is NULL. */
static void sum_class(const struct world_truth *t, const char *class, struct class_sum *sum)
{
	*sum = (struct class_sum){.class = class ? class : "all"};
	for (size_t i = 0; i < t->operation_count; i++) {
		const struct operation *o = &t->operations[i];
		if (class && strcmp(o->class, class) != 0) {
			continue;
		}
		sum->operations++;
		if (o->found_us == INT64_MAX) {
			continue;
		}
		if (sum->found < 4096) {
			sum->before[sum->found] = o->before;
		}
		sum->found++;
		sum->early += o->before * 2 <= o->calls;
	}
	size_t count = sum->found < 4096 ? sum->found : 4096;
	if (count) {
		qsort(sum->before, count, sizeof(sum->before[0]), cmp_u64);
		sum->median = sum->before[count / 2];
	}
}

static bool first_of_class(const struct world_truth *t, size_t i)
{
	for (size_t n = 0; n < i; n++) {
		if (strcmp(t->operations[n].class, t->operations[i].class) == 0) {
			return false;
		}
	}
	return true;
}

static double share(uint64_t part, uint64_t all)
{
	return all ? (double)part / (double)all : 1;
}

static double a_million_honest(const struct score *s, uint64_t alerts)
{
	uint64_t honest = s->truth.call_count - s->truth.scam_calls;

	return honest ? 1e6 * (double)alerts / (double)honest : 0;
}

static double an_operation(const struct score *s, const struct class_sum *all)
{
	return all->found ? (double)s->right / (double)all->found : 0;
}

static void class_row(const struct class_sum *sum, struct buf *out)
{
	buf_printf(out, "%-20s %10llu %6llu %17llu ", sum->class,
	           (unsigned long long)sum->operations, (unsigned long long)sum->found,
	           (unsigned long long)sum->early);
	if (sum->found) {
		buf_printf(out, "%19llu\n", (unsigned long long)sum->median);
	} else {
		buf_printf(out, "%19s\n", "-");
	}
}

static void print_table(const struct score *s, struct class_sum *sum, struct buf *out)
{
	buf_printf(out, "%-20s %10s %6s %17s %19s\n", "class", "operations", "found", "before half",
	           "median calls before");
	for (size_t i = 0; i < s->truth.operation_count; i++) {
		if (first_of_class(&s->truth, i)) {
			sum_class(&s->truth, s->truth.operations[i].class, sum);
			class_row(sum, out);
		}
	}
	sum_class(&s->truth, NULL, sum);
	class_row(sum, out);
	for (size_t i = 0; i < s->truth.operation_count; i++) {
		const struct operation *o = &s->truth.operations[i];
		if (o->found_us == INT64_MAX) {
			buf_printf(out, "not found: %s (%llu calls)\n", o->name,
			           (unsigned long long)o->calls);
		}
	}
	buf_printf(out,
	           "\nprecision %.3f of %llu alerts; %.3f of %llu high and critical\n"
	           "a million honest calls: %.1f alerts, %.1f of them false\n"
	           "%.2f right alerts an operation found; %llu campaigns opened\n",
	           share(s->right, s->alerts), (unsigned long long)s->alerts,
	           share(s->high_right, s->high), (unsigned long long)s->high,
	           a_million_honest(s, s->alerts), a_million_honest(s, s->alerts - s->right),
	           an_operation(s, sum), (unsigned long long)s->campaigns);
	for (size_t i = 0; i < s->rule_count; i++) {
		if (s->rules[i].wrong) {
			buf_printf(out, "false by rule: %-40s %6llu of %llu\n", s->rules[i].name,
			           (unsigned long long)s->rules[i].wrong,
			           (unsigned long long)s->rules[i].alerts);
		}
	}
	for (size_t i = 0; i < s->truth.kind_count; i++) {
		if (s->wrong_by_kind[i]) {
			buf_printf(out, "false by kind: %-40s %6llu\n", s->truth.kinds[i],
			           (unsigned long long)s->wrong_by_kind[i]);
		}
	}
}

static void json_class(struct json_out *w, const struct class_sum *sum)
{
	json_object(w);
	json_key(w, "class");
	json_text(w, sum->class);
	json_key(w, "operations");
	json_int(w, (int64_t)sum->operations);
	json_key(w, "found");
	json_int(w, (int64_t)sum->found);
	json_key(w, "before_half");
	json_int(w, (int64_t)sum->early);
	json_key(w, "median_before");
	if (sum->found) {
		json_int(w, (int64_t)sum->median);
	} else {
		json_null(w);
	}
	json_object_end(w);
}

static void json_kinds(struct json_out *w, const char *name, const struct world_truth *t,
                       const uint64_t *counts)
{
	json_key(w, name);
	json_object(w);
	for (size_t i = 0; i < t->kind_count; i++) {
		if (counts[i]) {
			json_key(w, t->kinds[i]);
			json_int(w, (int64_t)counts[i]);
		}
	}
	json_object_end(w);
}

static void json_operations(struct json_out *w, const struct world_truth *t)
{
	json_key(w, "operations");
	json_array(w);
	for (size_t i = 0; i < t->operation_count; i++) {
		const struct operation *o = &t->operations[i];
		json_object(w);
		json_key(w, "operation");
		json_text(w, o->name);
		json_key(w, "class");
		json_text(w, o->class);
		json_key(w, "calls");
		json_int(w, (int64_t)o->calls);
		json_key(w, "before");
		if (o->found_us != INT64_MAX) {
			json_int(w, (int64_t)o->before);
		} else {
			json_null(w);
		}
		json_object_end(w);
	}
	json_array_end(w);
}

static void print_json(const struct score *s, struct class_sum *sum, struct buf *out)
{
	struct json_out w = json_out(out);

	json_object(&w);
	json_key(&w, "classes");
	json_array(&w);
	for (size_t i = 0; i < s->truth.operation_count; i++) {
		if (first_of_class(&s->truth, i)) {
			sum_class(&s->truth, s->truth.operations[i].class, sum);
			json_class(&w, sum);
		}
	}
	json_array_end(&w);
	json_key(&w, "all");
	sum_class(&s->truth, NULL, sum);
	json_class(&w, sum);
	json_key(&w, "alerts");
	json_int(&w, (int64_t)s->alerts);
	json_key(&w, "precision");
	json_double(&w, share(s->right, s->alerts));
	json_key(&w, "high");
	json_int(&w, (int64_t)s->high);
	json_key(&w, "precision_high");
	json_double(&w, share(s->high_right, s->high));
	json_key(&w, "alerts_a_million_honest");
	json_double(&w, a_million_honest(s, s->alerts));
	json_key(&w, "wrong_a_million_honest");
	json_double(&w, a_million_honest(s, s->alerts - s->right));
	json_key(&w, "alerts_an_operation");
	json_double(&w, an_operation(s, sum));
	json_key(&w, "campaigns");
	json_int(&w, (int64_t)s->campaigns);
	json_key(&w, "wrong");
	json_object(&w);
	for (size_t i = 0; i < s->rule_count; i++) {
		if (s->rules[i].wrong) {
			json_key(&w, s->rules[i].name);
			json_int(&w, (int64_t)s->rules[i].wrong);
		}
	}
	json_object_end(&w);
	json_kinds(&w, "wrong_by_kind", &s->truth, s->wrong_by_kind);
	json_kinds(&w, "high_wrong_by_kind", &s->truth, s->high_by_kind);
	json_operations(&w, &s->truth);
	json_object_end(&w);
	buf_char(out, '\n');
}

static int print(const struct score *s, bool json)
{
	struct class_sum *sum = malloc(sizeof(*sum));
	struct buf out = {0};

	if (!sum) {
		return EXIT_INTERNAL;
	}
	(json ? print_json : print_table)(s, sum, &out);
	bool good = common_write(stdout, &out);
	buf_fini(&out);
	free(sum);
	return good ? EXIT_DONE : EXIT_INTERNAL;
}

static int score_world(const char *world, const char *alerts, bool json)
{
	struct score s = {.rules = calloc(RULES_MAX, sizeof(struct rule_sum))};
	bool from_stdin = strcmp(alerts, "-") == 0;
	int status = EXIT_BAD_INPUT;

	FILE *f = from_stdin ? stdin : fopen(alerts, "r");
	if (!f) {
		perror(alerts);
	} else if (s.rules && truth_load(&s.truth, world) &&
	           (s.wrong_by_kind = calloc(s.truth.kind_count, sizeof(uint64_t))) &&
	           (s.high_by_kind = calloc(s.truth.kind_count, sizeof(uint64_t)))) {
		read_alerts(&s, f);
		count_before(&s.truth);
		if (s.malformed) {
			fprintf(stderr, "%s: %llu lines are no alerts\n", alerts,
			        (unsigned long long)s.malformed);
		}
		status = print(&s, json);
		status = status == EXIT_DONE && s.malformed ? EXIT_BAD_INPUT : status;
	}
	if (f && !from_stdin) {
		(void)fclose(f);
	}
	truth_free(&s.truth);
	free(s.wrong_by_kind);
	free(s.high_by_kind);
	free(s.rules);
	return status;
}

int cmd_score(int argc, char **argv)
{
	struct common_options options;
	int status = common_options(argc, argv, &help, NULL, 0, &options);

	if (status >= 0) {
		return status;
	}
	if (options.input_count != 2) {
		fprintf(stderr, "a world and its alerts are needed\nusage: %s\n", help.usage);
		return EXIT_USAGE;
	}
	return score_world(options.inputs[0], options.inputs[1], options.json);
}
