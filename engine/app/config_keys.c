#include "app/config_keys.h"

#include "core/instant.h"

#define MEMBER(name)    offsetof(struct config, name)
#define OF_SOURCE(name) offsetof(struct config_source, name)
#define KEYS(table)     (table), sizeof(table) / sizeof((table)[0])

static const char *const caller_words[] = {"pai", "from", NULL};
static const char *const format_words[] = {"generic", NULL};

// clang-format off
static const struct config_key site_keys[] = {
	{.name = "name", .form = FORM_NAME, .member = MEMBER(site), .otherwise = "local"},
	{.name = "engine", .form = FORM_NAME, .member = MEMBER(engine), .otherwise = "engine"},
	{.name = "country", .form = FORM_COUNTRY, .member = MEMBER(home)},
	{.name = "tz", .form = FORM_ZONE, .member = MEMBER(tz), .otherwise = "UTC"},
	{.name = "caller", .form = FORM_WORD, .member = MEMBER(caller), .otherwise = "pai", .words = caller_words},
};

#define TIMING(idle_default) \
	{.name = "reorder", .form = FORM_SPAN, .member = OF_SOURCE(reorder_us), .min = 0, .max = US_PER_HOUR}, \
	{.name = "late", .form = FORM_SPAN, .member = OF_SOURCE(late_us), .otherwise = "1h", .min = 0, .max = 7 * US_PER_DAY}, \
	{.name = "idle", .form = FORM_SPAN, .member = OF_SOURCE(idle_us), .otherwise = (idle_default), .min = 10 * US_PER_MS, .max = US_PER_DAY}

#define RECORDS \
	{.name = "format", .form = FORM_WORD, .member = OF_SOURCE(format), .otherwise = "generic", .words = format_words}, \
	{.name = "attempts", .form = FORM_SWITCH, .member = OF_SOURCE(attempts), .otherwise = "false"}, \
	{.name = "order", .form = FORM_UNBUILT}

static const struct config_key pcap_keys[] = {
	{.name = "interface", .form = FORM_TEXT, .member = OF_SOURCE(interface)},
	{.name = "file", .form = FORM_PATH, .member = OF_SOURCE(path)},
	{.name = "filter", .form = FORM_TEXT, .member = OF_SOURCE(filter)},
	{.name = "ring", .form = FORM_SIZE, .member = OF_SOURCE(ring), .otherwise = "64MiB", .min = 1 << 20, .max = INT32_MAX},
	TIMING("1s"),
};

static const struct config_key cdr_file_keys[] = {
	{.name = "path", .form = FORM_PATH, .member = OF_SOURCE(path), .required = true},
	{.name = "follow", .form = FORM_SWITCH, .member = OF_SOURCE(follow), .otherwise = "false"},
	RECORDS,
	TIMING("30s"),
};

static const struct config_key cdr_listen_keys[] = {
	{.name = "address", .form = FORM_ADDRESS, .member = OF_SOURCE(address), .required = true},
	RECORDS,
	TIMING("30s"),
};

static const struct config_key calls_keys[] = {
	{.name = "max_idle", .form = FORM_SPAN, .member = MEMBER(max_idle_us), .otherwise = "4h", .min = US_PER_MIN, .max = 7 * US_PER_DAY},
};

static const struct config_key log_keys[] = {
	{.name = "path", .form = FORM_TEXT, .member = MEMBER(log_path), .required = true},
	{.name = "retention", .form = FORM_SPAN, .member = MEMBER(log_retention_us), .min = US_PER_HOUR, .max = 3660 * US_PER_DAY},
	{.name = "size", .form = FORM_SIZE, .member = MEMBER(log_size), .min = 16 << 20, .max = INT64_C(1) << 50},
	{.name = "fields", .form = FORM_FIELDS, .member = MEMBER(log_fields)},
};

static const struct config_key snapshots_keys[] = {
	{.name = "every", .form = FORM_SPAN, .member = MEMBER(snapshots_every_us), .required = true, .min = 100 * US_PER_MS, .max = US_PER_DAY},
};

static const struct config_key redis_keys[] = {
	{.name = "url", .form = FORM_REDIS, .member = MEMBER(redis_url), .required = true},
	{.name = "user", .form = FORM_TEXT, .member = MEMBER(redis_user)},
	{.name = "password_file", .form = FORM_PATH, .member = MEMBER(redis_password_file)},
	{.name = "retention", .form = FORM_UNBUILT},
	{.name = "stream_max", .form = FORM_UNBUILT},
	{.name = "tls", .form = FORM_UNBUILT},
};

static const struct config_key alerts_keys[] = {
	{.name = "file", .form = FORM_PATH, .member = MEMBER(alerts_file)},
	{.name = "views", .form = FORM_UNBUILT},
};

static const struct config_key metrics_keys[] = {
	{.name = "listen", .form = FORM_LOOPBACK, .member = MEMBER(metrics_listen), .required = true},
};

static const struct config_key control_keys[] = {
	{.name = "read", .form = FORM_TEXT, .member = MEMBER(control_read)},
	{.name = "change", .form = FORM_TEXT, .member = MEMBER(control_change)},
};

static const struct config_key limits_keys[] = {
	{.name = "memory", .form = FORM_SIZE, .member = MEMBER(memory), .otherwise = "4GiB", .min = 64 << 20, .max = INT64_C(1) << 48},
	{.name = "threads", .form = FORM_COUNT, .member = MEMBER(threads), .min = 1, .max = 64},
	{.name = "keys_expected", .form = FORM_UNBUILT},
};
// clang-format on

static const struct config_section site_section = {"'site'", KEYS(site_keys)};
static const struct config_section pcap_section = {"'pcap'", KEYS(pcap_keys)};
static const struct config_section cdr_file_section = {"'cdr_file'", KEYS(cdr_file_keys)};
static const struct config_section cdr_listen_section = {"'cdr_listen'", KEYS(cdr_listen_keys)};
static const struct config_section calls_section = {"'calls'", KEYS(calls_keys)};
static const struct config_section log_section = {"'log'", KEYS(log_keys)};
static const struct config_section snapshots_section = {"'snapshots'", KEYS(snapshots_keys)};
static const struct config_section redis_section = {"'redis'", KEYS(redis_keys)};
static const struct config_section alerts_section = {"'alerts'", KEYS(alerts_keys)};
static const struct config_section metrics_section = {"'metrics'", KEYS(metrics_keys)};
static const struct config_section control_section = {"'control_groups'", KEYS(control_keys)};
static const struct config_section limits_section = {"'limits'", KEYS(limits_keys)};

static const struct config_key root_keys[] = {
	{.name = "site", .form = FORM_SECTION, .section = &site_section},
	{.name = "state",
         .form = FORM_PATH,
         .member = MEMBER(state),
         .otherwise = "/var/lib/ringfence"},
	{.name = "sources", .form = FORM_SOURCES, .required = true},
	{.name = "rules", .form = FORM_RULES},
	{.name = "trunks", .form = FORM_PATH, .member = MEMBER(trunks)},
	{.name = "subscribers", .form = FORM_PATH, .member = MEMBER(subscribers)},
	{.name = "lists", .form = FORM_LISTS},
	{.name = "calls", .form = FORM_SECTION, .section = &calls_section},
	{.name = "spool", .form = FORM_UNBUILT},
	{.name = "log", .form = FORM_SECTION, .section = &log_section},
	{.name = "snapshots", .form = FORM_SECTION, .section = &snapshots_section},
	{.name = "redis", .form = FORM_SECTION, .section = &redis_section},
	{.name = "alerts", .form = FORM_SECTION, .section = &alerts_section},
	{.name = "control", .form = FORM_PATH, .member = MEMBER(control)},
	{.name = "control_groups", .form = FORM_SECTION, .section = &control_section},
	{.name = "metrics", .form = FORM_SECTION, .section = &metrics_section},
	{.name = "limits", .form = FORM_SECTION, .section = &limits_section},
	{.name = "user", .form = FORM_TEXT, .member = MEMBER(user)},
};

const struct config_section config_root = {"the configuration", KEYS(root_keys)};

const struct config_kind config_kinds[] = {
	{"pcap", SOURCE_PCAP, &pcap_section},
	{"cdr_file", SOURCE_CDR_FILE, &cdr_file_section},
	{"cdr_listen", SOURCE_CDR_LISTEN, &cdr_listen_section},
	{"hep", SOURCE_NONE, NULL},
	{"cdr_spool", SOURCE_NONE, NULL},
	{"redis_stream", SOURCE_NONE, NULL},
};

const size_t config_kind_count = sizeof(config_kinds) / sizeof(config_kinds[0]);
