/* The call log as the configuration has it. */
#include <stdio.h>

#include "app/config.h"

bool config_log(const struct config *c, char path[CONFIG_PATH], struct call_log_options *out)
{
	static const int64_t retention_us = 30 * US_PER_DAY;
	static const uint64_t size_max = UINT64_C(100) << 30;

	if (!c->log_path) {
		return false;
	}
	bool whole = c->log_path[0] == '/';
	(void)snprintf(path, CONFIG_PATH, "%s%s%s", whole ? "" : c->state, whole ? "" : "/",
	               c->log_path);
	*out = (struct call_log_options){
		.path = path,
		.fields = c->log_fields ? c->log_fields : LOG_FIELDS_ALL,
		.retention_us = c->log_retention_us ? c->log_retention_us : retention_us,
		.size_max = c->log_size ? c->log_size : size_max,
	};
	return true;
}

#define BIT(id) (UINT32_C(1) << LOG_FIELD_##id)

/* What of an event a column is made from. Numbers depend on the trunk, whose home country explains
 * national ones, and a trunk may be known by the sender's address alone.
 */
static const struct {
	enum field first, last;
	log_fields from;
} made_from[] = {
	{FIELD_SRC_IP, FIELD_SRC_COUNTRY, BIT(ADDRESS)},
	{FIELD_UA, FIELD_UA, BIT(UA)},
	{FIELD_TRUNK_ID, FIELD_TRUNK_PARTNER, BIT(TRUNK) | BIT(ADDRESS)},
	{FIELD_TRUNK_OUT_ID, FIELD_TRUNK_OUT_ID, BIT(TRUNK)},
	{FIELD_ACCOUNT_ID, FIELD_ACCOUNT_AGE, BIT(ACCOUNT) | BIT(CALLER)},
	{FIELD_CALLER_CARE, FIELD_CALLER_CARE, BIT(CALLER) | BIT(TRUNK)},
	{FIELD_CALLEE_CARE, FIELD_CALLEE_AGE, BIT(CALLEE) | BIT(TRUNK)},
	{FIELD_CALLER_NUM, FIELD_CALLER_ASSIGNED, BIT(CALLER) | BIT(TRUNK)},
	{FIELD_CALLEE_NUM, FIELD_CALLEE_ASSIGNED, BIT(CALLEE) | BIT(TRUNK)},
	{FIELD_CALLER_DISPLAY, FIELD_CALLER_DISPLAY, BIT(DISPLAY)},
	{FIELD_PAI_NUM, FIELD_PAI_NUM, BIT(PAI) | BIT(TRUNK)},
	{FIELD_FROM_NUM, FIELD_FROM_NUM, BIT(FROM) | BIT(TRUNK)},
	{FIELD_DIVERT_NUM, FIELD_FORWARDED, BIT(DIVERT)},
	{FIELD_STIR_ATTEST, FIELD_STIR_ORIGID, BIT(STIR)},
	{FIELD_ANSWERED, FIELD_HANGUP_BY, BIT(RESULT)},
	{FIELD_SIP_METHOD, FIELD_SIP_FROM_USER, BIT(SIP)},
	{FIELD_ORIG_CELL, FIELD_ORIG_IMSI, BIT(EQUIPMENT)},
};

static log_fields needed_for(enum field column)
{
	for (size_t i = 0; i < sizeof(made_from) / sizeof(made_from[0]); i++) {
		if (column >= made_from[i].first && column <= made_from[i].last) {
			return made_from[i].from;
		}
	}
	return 0;
}

/* The first column of the rule that the log cannot give back; FIELD_NONE: it gives all. */
static enum field lost_column(const struct rule *rule, log_fields kept)
{
	for (unsigned f = FIELD_NONE + 1; f < FIELD_COUNT; f++) {
		if (rule->used[f] && (needed_for((enum field)f) & ~kept)) {
			return (enum field)f;
		}
	}
	return FIELD_NONE;
}

void config_log_check(const struct config *c, const struct ruleset *rules, struct diags *d)
{
	char path[CONFIG_PATH];
	struct call_log_options log;

	if (!rules || !config_log(c, path, &log)) {
		return;
	}
	for (size_t i = 0; i < rules->rule_count; i++) {
		const struct rule *rule = rules->rules[i];
		enum field lost = lost_column(rule, log.fields);
		if (lost == FIELD_NONE) {
			continue;
		}
		log_fields missing = needed_for(lost) & ~log.fields;
		diag_add(
			d, rule->at, "W170", SLICE_LIT("add it to 'fields' of 'log'"),
			"%.*s cannot be replayed from the call log: it reads '%s', and the log leaves '%s' out",
			SLICE_FMT(rule->name), field_row(lost)->name,
			log_field_name((enum log_field)__builtin_ctz(missing)));
	}
}
