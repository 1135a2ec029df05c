#include "ringfence/mutate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/mutate.h"
#include "core/err.h"
#include "core/json.h"
#include "ringfence/common.h"

struct sums {
	size_t mutants, noticed, waived, broken;
};

/* The reason that mutants.txt beside the rule gives for this survivor; NULL: none. */
static char *waiver(const struct rule *rule, struct slice mutant, char *line, size_t size)
{
	char path[4096];
	const char *slash = strrchr(rule->at.file->path, '/');
	int folder = slash ? (int)(slash + 1 - rule->at.file->path) : 0;
	char *reason = NULL;

	(void)snprintf(path, sizeof(path), "%.*smutants.txt", folder, rule->at.file->path);
	FILE *f = fopen(path, "r");
	while (f && !reason && fgets(line, (int)size, f)) {
		char *name = strchr(line, '\t'), *why = name ? strchr(name + 1, '\t') : NULL;
		if (!why) {
			continue;
		}
		*name = *why = '\0';
		why[1 + strcspn(why + 1, "\n")] = '\0';
		if (slice_eq(rule->id, slice_of(line)) && slice_eq(mutant, slice_of(name + 1)) &&
		    why[1]) {
			reason = why + 1;
		}
	}
	if (f) {
		(void)fclose(f);
	}
	return reason;
}

static void put_text(const struct rule *rule, const struct mutation *m, struct sums *sums)
{
	char line[4096];

	if (m->broken) {
		printf("%.*s: fails its tests as it stands\n", SLICE_FMT(rule->name));
		return;
	}
	printf("%.*s: %zu of %zu noticed\n", SLICE_FMT(rule->name), m->noticed, m->mutants.count);
	for (size_t i = 0; i < m->mutants.count; i++) {
		const struct mutant *mutant = &m->mutants.all[i];
		if (mutant->noticed) {
			continue;
		}
		const char *why = waiver(rule, mutant->name, line, sizeof(line));
		sums->waived += why != NULL;
		printf("  %s  %.*s%s%s\n", why ? "waived  " : "survives", SLICE_FMT(mutant->name),
		       why ? ": " : "", why ? why : "");
	}
}

static void put_json(const struct rule *rule, const struct mutation *m, struct sums *sums)
{
	struct buf text = {0};
	struct json_out w = json_out(&text);
	char line[4096];

	json_object(&w);
	json_key(&w, "rule");
	json_slice(&w, rule->name);
	json_key(&w, "broken");
	json_bool(&w, m->broken);
	json_key(&w, "mutants");
	json_int(&w, (int64_t)m->mutants.count);
	json_key(&w, "noticed");
	json_int(&w, (int64_t)m->noticed);
	json_key(&w, "survivors");
	json_array(&w);
	for (size_t i = 0; i < m->mutants.count; i++) {
		const struct mutant *mutant = &m->mutants.all[i];
		if (mutant->noticed) {
			continue;
		}
		const char *why = waiver(rule, mutant->name, line, sizeof(line));
		sums->waived += why != NULL;
		json_object(&w);
		json_key(&w, "mutant");
		json_slice(&w, mutant->name);
		json_key(&w, "waived");
		json_text(&w, why);
		json_object_end(&w);
	}
	json_array_end(&w);
	json_object_end(&w);
	buf_char(&text, '\n');
	(void)common_write(stdout, &text);
	buf_fini(&text);
}

static bool wanted(const regex_t *filter, const struct rule *rule)
{
	char name[512];

	(void)snprintf(name, sizeof(name), "%.*s", SLICE_FMT(rule->name));
	return !filter || regexec(filter, name, 0, NULL, 0) == 0;
}

int mutate_all(const struct site *site, const regex_t *filter, bool json, bool strict)
{
	struct sums sums = {0};
	int err = OK;

	for (size_t i = 0; err == OK && i < site->rules->rule_count; i++) {
		const struct rule *rule = site->rules->rules[i];
		struct mutation m;
		if (!rule->tests || !wanted(filter, rule)) {
			continue;
		}
		err = mutation_run(site, rule, &m);
		if (err == OK) {
			(json ? put_json : put_text)(rule, &m, &sums);
		}
		sums.mutants += m.mutants.count;
		sums.noticed += m.noticed;
		sums.broken += m.broken;
		mutation_fini(&m);
	}
	if (err) {
		fprintf(stderr, "%s\n", err_text(err));
		return EXIT_INTERNAL;
	}
	size_t survive = sums.mutants - sums.noticed - sums.waived;
	if (!json) {
		printf("%zu mutants, %zu noticed, %zu survive (%.1f %%), %zu waived\n",
		       sums.mutants, sums.noticed, survive,
		       sums.mutants ? 100.0 * (double)survive / (double)sums.mutants : 0.0,
		       sums.waived);
	}
	return sums.broken || (strict && survive) ? EXIT_BAD_INPUT : EXIT_DONE;
}
