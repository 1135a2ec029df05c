#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "app/config.h"
#include "core/instant.h"

#define SITE    "site: {name: demo, engine: edge-1, country: GB, tz: Europe/London, caller: pai}\n"
#define SOURCES "sources:\n  - cdr_file: {path: calls.csv}\n"

static struct config *read_text(const char *text, struct diags *d)
{
	diags_init(d);
	return config_read(diags_file(d, "/etc/ringfence/ringfence.yaml", slice_of(text)), d);
}

/* Each is the good configuration with one mistake. */
struct bad {
	const char *id;
	const char *text;
	const char *code;
	unsigned line, column;
	const char *message; /* a part of it */
	const char *hint;    /* the whole; NULL: none */
};

#define SOURCE(text) "sources:\n  - " text "\n"

// clang-format off
static const struct bad bads[] = {
	{"unknown key", SOURCES "trunk: t.csv\n", "E010", 3, 1, "unknown key 'trunk' in the configuration", "did you mean trunks?"},
	{"unknown key far from all", SOURCES "wherever: t.csv\n", "E010", 3, 1, "unknown key 'wherever'", NULL},
	{"unknown key in a section", "site: {nmae: demo}\n" SOURCES, "E010", 1, 8, "unknown key 'nmae' in 'site'", "did you mean name?"},
	{"unknown key of a source", SOURCE("cdr_file: {path: x, folow: true}"), "E010", 2, 25, "unknown key 'folow' in 'cdr_file'", "did you mean follow?"},
	{"unknown source", SOURCE("cdr_fil: {path: x}"), "E010", 2, 5, "unknown key 'cdr_fil' in 'sources'", "did you mean cdr_file?"},
	{"twice", SOURCES "trunks: a\ntrunks: b\n", "E012", 4, 1, "duplicate key 'trunks'", "it is given before in line 3"},
	{"no sources", SITE, "E011", 0, 0, "'sources' is missing", NULL},
	{"empty sources", "sources: []\n", "E011", 1, 10, "'sources' is empty", NULL},
	{"no path", SOURCE("cdr_file: {follow: true}"), "E011", 2, 5, "'path' is missing in 'cdr_file'", NULL},
	{"no address", SOURCE("cdr_listen: {late: 1h}"), "E011", 2, 5, "'address' is missing", NULL},
	{"no interface", SOURCE("pcap: {ring: 64MiB}"), "E011", 2, 5, "either 'interface' or 'file'", NULL},
	{"interface and file", SOURCE("pcap: {interface: eth0, file: x.pcap}"), "E018", 2, 5, "either 'interface' or 'file'", NULL},
	{"no url", SOURCES "redis: {user: x}\n", "E011", 3, 1, "'url' is missing in 'redis'", NULL},
	{"no listen", SOURCES "metrics: {}\n", "E011", 3, 1, "'listen' is missing in 'metrics'", NULL},
	{"not built: hep", SOURCE("hep: {listen: \"udp:0.0.0.0:9060\"}"), "E091", 2, 5, "not built yet: 'hep'", NULL},
	{"not built: cdr_spool", SOURCE("cdr_spool: {path: x}"), "E091", 2, 5, "not built yet: 'cdr_spool'", NULL},
	{"not built: redis_stream", SOURCE("redis_stream: {key: x}"), "E091", 2, 5, "not built yet: 'redis_stream'", NULL},
	{"not built: spool", SOURCES "spool: {size: 1GiB}\n", "E091", 3, 1, "not built yet: 'spool'", NULL},
	{"log without path", SOURCES "log: {size: 1GiB}\n", "E011", 3, 1, "'path' is missing in 'log'", NULL},
	{"log for less than an hour", SOURCES "log: {path: c, retention: 59m}\n", "E031", 3, 27, "is out of range", NULL},
	{"log of no field", SOURCES "log: {path: c, fields: \"caller, colour\"}\n", "E032", 3, 24, "no field of the call log", NULL},
	{"snapshots all the time", SOURCES "snapshots: {every: 1ms}\n", "E031", 3, 20, "is out of range", NULL},
	{"not built: views", SOURCES "alerts: {views: x.yaml}\n", "E091", 3, 10, "not built yet: 'views'", NULL},
	{"not built: retention", SOURCES "redis: {url: \"unix:/r\", retention: 30d}\n", "E091", 3, 25, "not built yet: 'retention'", NULL},
	{"not built: tls", SOURCES "redis: {url: \"unix:/r\", tls: {ca: x}}\n", "E091", 3, 25, "not built yet: 'tls'", NULL},
	{"not built: rediss", SOURCES "redis: {url: \"rediss://h:1\"}\n", "E091", 3, 14, "'rediss://h:1' is not built yet", NULL},
	{"not built: sentinel", SOURCES "redis: {url: \"sentinel://a,b/n\"}\n", "E091", 3, 14, "is not built yet", NULL},
	{"not built: cluster", SOURCES "redis: {url: \"cluster://a,b\"}\n", "E091", 3, 14, "is not built yet", NULL},
	{"not built: keys_expected", SOURCES "limits: {keys_expected: 10M}\n", "E091", 3, 10, "not built yet: 'keys_expected'", NULL},
	{"not built: order", SOURCE("cdr_file: {path: x, order: end}"), "E091", 2, 25, "not built yet: 'order'", NULL},
	{"not built: a format", SOURCE("cdr_file: {path: x, format: asterisk}"), "E091", 2, 33, "'asterisk' is not built yet", NULL},
	{"name: capital", "site: {name: Demo}\n" SOURCES, "E031", 1, 14, "'Demo' is no name", NULL},
	{"name: dot first", "site: {name: .demo}\n" SOURCES, "E031", 1, 14, "is no name", NULL},
	{"name: 33 long", "site: {name: a23456789012345678901234567890123}\n" SOURCES, "E031", 1, 14, "is no name", NULL},
	{"name: empty", "site: {engine: \"\"}\n" SOURCES, "E031", 1, 16, "is no name", NULL},
	{"country", "site: {country: gb}\n" SOURCES, "E031", 1, 17, "'gb' is no country", NULL},
	{"zone", "site: {tz: Europe/Londinium}\n" SOURCES, "E031", 1, 12, "is no time zone", NULL},
	{"word", "site: {caller: to}\n" SOURCES, "E032", 1, 16, "'to' is none of: pai, from", NULL},
	{"switch", SOURCE("cdr_file: {path: x, follow: yes}"), "E035", 2, 33, "'yes' is neither true nor false", NULL},
	{"duration without unit", SOURCE("cdr_file: {path: x, late: 60}"), "E031", 2, 31, "'60' is no duration", NULL},
	{"duration too long", SOURCE("cdr_file: {path: x, late: 8d}"), "E031", 2, 31, "'8d' is out of range", NULL},
	{"duration too short", "calls: {max_idle: 59s}\n" SOURCES, "E031", 1, 19, "out of range", NULL},
	{"size", "limits: {memory: 4Gb}\n" SOURCES, "E031", 1, 18, "'4Gb' is no size", NULL},
	{"size too small", "limits: {memory: 63MiB}\n" SOURCES, "E031", 1, 18, "out of range", NULL},
	{"size negative", "limits: {memory: -1}\n" SOURCES, "E031", 1, 18, "is no size", NULL},
	{"threads", "limits: {threads: 0}\n" SOURCES, "E031", 1, 19, "out of range", NULL},
	{"threads text", "limits: {threads: two}\n" SOURCES, "E031", 1, 19, "'two' is no number", NULL},
	{"address", SOURCE("cdr_listen: {address: \"localhost\"}"), "E031", 2, 27, "is no address", NULL},
	{"address: port", SOURCE("cdr_listen: {address: \"127.0.0.1:65536\"}"), "E031", 2, 27, "is no address", NULL},
	{"address: no path", SOURCE("cdr_listen: {address: \"unix:\"}"), "E031", 2, 27, "is no address", NULL},
	{"metrics elsewhere", SOURCES "metrics: {listen: \"0.0.0.0:9464\"}\n", "E031", 3, 19, "no address of this machine alone", NULL},
	{"url", SOURCES "redis: {url: \"http://h:1\"}\n", "E031", 3, 14, "no address of a Redis", NULL},
	{"url: password", SOURCES "redis: {url: \"redis://u:p@h:6379\"}\n", "E031", 3, 14, "no address of a Redis", NULL},
	{"url: no port", SOURCES "redis: {url: \"redis://h\"}\n", "E031", 3, 14, "no address of a Redis", NULL},
	{"list: @", SOURCES "lists: {\"@dno\": x}\n", "E031", 3, 9, "is no list name", "names stand without @ here"},
	{"shape: a map", SOURCES "site: demo\n", "E018", 3, 7, "'site' must be a map", NULL},
	{"shape: a list", SOURCES "rules: /etc/rules\n", "E018", 3, 8, "'rules' must be a list", NULL},
	{"shape: one value", SOURCES "trunks: [a]\n", "E018", 3, 9, "'trunks' must be one value", NULL},
	{"shape: a source of two kinds", "sources:\n  - {cdr_file: {path: x}, pcap: {file: y}}\n", "E018", 2, 5, "a source is a map with one kind", "write it like - cdr_file: {path: calls.csv}"},
	{"shape: no map at all", "- 1\n", "E018", 1, 1, "a configuration is a map of keys", NULL},
	{"a NUL", SOURCES "trunks: \"a\\0b\"\n", "E031", 3, 9, "holds a NUL", NULL},
	{"empty path", SOURCES "trunks: \"\"\n", "E031", 3, 9, "is empty", NULL},
};
// clang-format on

static bool holds(struct slice text, const char *part)
{
	char copy[512];

	(void)snprintf(copy, sizeof(copy), "%.*s", SLICE_FMT(text));
	return strstr(copy, part) != NULL;
}

static void test_mistakes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
		const struct bad *bad = &bads[i];
		struct diags d;
		assert_null(read_text(bad->text, &d));
		const struct diag *m = d.first;
		if (!m || d.errors != 1 || strcmp(m->code, bad->code) != 0 ||
		    m->at.line != bad->line || m->at.column != bad->column ||
		    !holds(m->message, bad->message) || !slice_eq(m->hint, slice_of(bad->hint))) {
			struct buf text = {0};
			diags_print(&d, &text);
			fail_msg("%s: %u errors:\n%.*s", bad->id, d.errors,
			         SLICE_FMT(buf_view(&text)));
		}
		diags_fini(&d);
	}
}

/* All mistakes of a file in one run. */
static void test_all_mistakes(void **state)
{
	struct diags d;

	(void)state;
	assert_null(
		read_text("site: {name: X, country: g}\nspool: 1\nsources:\n  - hep: {}\n  - pcap: "
	                  "{late: 1}\n",
	                  &d));
	assert_int_equal(d.errors, 6);
	diags_fini(&d);
}

static const char whole[] = SITE
	"state: /var/lib/rf\n"
	"sources:\n"
	"  - pcap: {interface: eth0, ring: 8MiB, filter: \"udp port 5060\"}\n"
	"  - pcap: {file: c.pcap}\n"
	"  - cdr_file: {path: /srv/m.csv, follow: true, attempts: true, late: 90m}\n"
	"  - cdr_listen: {address: \"unix:cdr.sock\", format: generic, idle: 10s, reorder: 1s}\n"
	"  - cdr_listen: {address: \"[::1]:9000\"}\n"
	"rules: [/usr/share/ringfence/rules, more]\n"
	"trunks: trunks.csv\n"
	"subscribers: ../s.csv\n"
	"lists: {dno: dno.txt, bank_numbers: /b.txt}\n"
	"calls: {max_idle: 2h}\n"
	"redis: {url: \"unix:r.sock\", user: rf, password_file: pw}\n"
	"alerts: {file: a.ndjson}\n"
	"metrics: {listen: \"127.0.0.1:9464\"}\n"
	"limits: {memory: 8GiB, threads: 2}\n"
	"user: ringfence\n";

static void check_whole(const struct config *c)
{
	assert_string_equal(c->site, "demo");
	assert_string_equal(c->engine, "edge-1");
	assert_int_equal(c->home, country_of('G', 'B'));
	assert_string_equal(c->tz, "Europe/London");
	assert_int_equal(c->caller, CALLER_PAI);
	assert_string_equal(c->state, "/var/lib/rf");
	assert_int_equal(c->rule_count, 2);
	assert_string_equal(c->rules[1], "/etc/ringfence/more");
	assert_string_equal(c->trunks, "/etc/ringfence/trunks.csv");
	assert_string_equal(c->subscribers, "/etc/ringfence/../s.csv");
	assert_int_equal(c->list_count, 2);
	assert_string_equal(c->lists[0].name, "dno");
	assert_string_equal(c->lists[0].path, "/etc/ringfence/dno.txt");
	assert_string_equal(c->lists[1].path, "/b.txt");
	assert_int_equal(c->max_idle_us, 2 * US_PER_HOUR);
	assert_string_equal(c->redis_url, "unix:/etc/ringfence/r.sock");
	assert_string_equal(c->redis_user, "rf");
	assert_string_equal(c->redis_password_file, "/etc/ringfence/pw");
	assert_string_equal(c->alerts_file, "/etc/ringfence/a.ndjson");
	assert_string_equal(c->metrics_listen, "127.0.0.1:9464");
	assert_int_equal(c->memory, (size_t)8 << 30);
	assert_int_equal(c->threads, 2);
	assert_string_equal(c->user, "ringfence");
}

static void check_sources(const struct config *c)
{
	const struct config_source *s = c->sources;

	assert_int_equal(c->source_count, 5);
	assert_string_equal(s[0].interface, "eth0");
	assert_int_equal(s[0].ring, 8 << 20);
	assert_string_equal(s[0].filter, "udp port 5060");
	assert_int_equal(s[0].reorder_us, 0);
	assert_int_equal(s[0].late_us, US_PER_HOUR);
	assert_int_equal(s[0].idle_us, US_PER_S);
	assert_false(config_source_finite(&s[0]));
	assert_true(config_source_finite(&s[1]));
	assert_string_equal(s[1].path, "/etc/ringfence/c.pcap");
	assert_string_equal(s[2].path, "/srv/m.csv");
	assert_true(s[2].follow && s[2].attempts && !config_source_finite(&s[2]));
	assert_int_equal(s[2].late_us, 90 * US_PER_MIN);
	assert_int_equal(s[2].reorder_us, 5 * US_PER_S);
	assert_int_equal(s[2].idle_us, 30 * US_PER_S);
	assert_string_equal(s[3].address, "unix:/etc/ringfence/cdr.sock");
	assert_int_equal(s[3].reorder_us, US_PER_S);
	assert_int_equal(s[3].idle_us, 10 * US_PER_S);
	assert_string_equal(s[4].address, "[::1]:9000");
}

static void test_whole(void **state)
{
	struct diags d;
	struct config *c = read_text(whole, &d);

	(void)state;
	assert_non_null(c);
	check_whole(c);
	check_sources(c);
	config_free(c);
	diags_fini(&d);
}

static void test_defaults(void **state)
{
	struct diags d;
	struct config *c = read_text(SOURCES, &d);

	(void)state;
	assert_non_null(c);
	assert_string_equal(c->site, "local");
	assert_string_equal(c->state, "/var/lib/ringfence");
	assert_string_equal(c->tz, "UTC");
	assert_int_equal(c->home, 0);
	assert_int_equal(c->max_idle_us, 4 * US_PER_HOUR);
	assert_int_equal(c->memory, (size_t)4 << 30);
	assert_null(c->user);
	assert_null(c->redis_url);
	config_free(c);
	diags_fini(&d);
}

static void test_several_handles_reorder(void **state)
{
	struct diags d;
	struct config *c =
		read_text("sources:\n  - pcap: {interface: a}\n  - pcap: {interface: b}\n"
	                  "  - pcap: {interface: c, reorder: 0s}\n",
	                  &d);

	(void)state;
	assert_non_null(c);
	assert_int_equal(c->sources[0].reorder_us, 200 * US_PER_MS);
	assert_int_equal(c->sources[1].reorder_us, 200 * US_PER_MS);
	assert_int_equal(c->sources[2].reorder_us, 0);
	config_free(c);
	diags_fini(&d);
}

/* What is printed reads back as the same, and prints the same. */
static void test_dump_reads_back(void **state)
{
	struct buf first = {0}, second = {0};
	struct diags d, again;
	struct config *c = read_text(whole, &d);

	(void)state;
	assert_non_null(c);
	config_dump(c, &first);
	config_free(c);
	buf_char(&first, '\0');
	c = read_text(first.p, &again);
	assert_non_null(c);
	check_whole(c);
	check_sources(c);
	config_dump(c, &second);
	buf_char(&second, '\0');
	assert_string_equal(first.p, second.p);
	config_free(c);
	buf_fini(&first);
	buf_fini(&second);
	diags_fini(&d);
	diags_fini(&again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_all_mistakes),
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_several_handles_reorder),
		cmocka_unit_test(test_dump_reads_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
