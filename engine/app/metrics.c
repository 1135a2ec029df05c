#include "app/metrics.h"

#include "core/instant.h"

/* ---- lines ---- */

static void head(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_printf(out, "# HELP ringfence_%s %s\n# TYPE ringfence_%s %s\n", name, help, name, type);
}

static void label(struct buf *out, const char *name, struct slice value)
{
	buf_printf(out, "%s=\"", name);
	for (size_t i = 0; i < value.len; i++) {
		char c = value.p[i];
		if (c == '\\' || c == '"') {
			buf_char(out, '\\');
		}
		if (c == '\n') {
			buf_text(out, "\\n");
		} else {
			buf_char(out, c);
		}
	}
	buf_char(out, '"');
}

static void count_line(struct buf *out, uint64_t value)
{
	buf_printf(out, "%llu\n", (unsigned long long)value);
}

static void seconds(struct buf *out, int64_t us)
{
	buf_printf(out, "%s%lld.%06lld\n", us < 0 ? "-" : "",
	           (long long)(us < 0 ? -us : us) / US_PER_S,
	           (long long)(us < 0 ? -us : us) % US_PER_S);
}

/* name{label="value"} number */
static void row(struct buf *out, const char *name, const char *label_name, const char *value,
                uint64_t n)
{
	buf_printf(out, "ringfence_%s{", name);
	label(out, label_name, slice_of(value));
	buf_text(out, "} ");
	count_line(out, n);
}

/* ---- sources ---- */

/* One number of a source; the families of sources are rows of the table below. */
struct source_family {
	const char *name;
	const char *type;
	const char *help;
	uint64_t (*value)(const struct metrics_source *s);
};

#define SOURCE_VALUE(id, member)                             \
 static uint64_t source_##id(const struct metrics_source *s) \
 {                                                           \
  return (uint64_t)s->member;                                \
 }

SOURCE_VALUE(up, live.up)
SOURCE_VALUE(in, live.decode.in)
SOURCE_VALUE(out, live.decode.out)
SOURCE_VALUE(bytes, live.bytes)
SOURCE_VALUE(open_calls, live.open_calls)
SOURCE_VALUE(messages, live.calls.in)
SOURCE_VALUE(kernel, live.drops.dropped)
SOURCE_VALUE(interface, live.drops.interface_dropped)
SOURCE_VALUE(connections, live.connections)
SOURCE_VALUE(taken, live.connections_taken)
SOURCE_VALUE(refused, live.connections_refused)
SOURCE_VALUE(events, intake.count.in)
SOURCE_VALUE(released, intake.count.out)
SOURCE_VALUE(late, intake.late_inserted)

static const struct source_family source_families[] = {
	{"source_up", "gauge", "1 while the source is being read.", source_up},
	{"source_in_total", "counter", "Packets or call records that came in.", source_in},
	{"source_out_total", "counter", "Messages or call records that could be read.", source_out},
	{"source_bytes_total", "counter", "Bytes of packets or call records.", source_bytes},
	{"source_messages_total", "counter", "SIP messages given to the dialog table.",
         source_messages},
	{"source_calls_open", "gauge", "Calls in the dialog table that have not ended.",
         source_open_calls},
	{"capture_kernel_dropped_total", "counter",
         "Packets lost because the ring was full: the engine was too slow.", source_kernel},
	{"capture_interface_dropped_total", "counter",
         "Packets lost by the network card or its driver.", source_interface},
	{"source_connections", "gauge", "Senders connected now.", source_connections},
	{"source_connections_total", "counter", "Senders that connected.", source_taken},
	{"source_connections_refused_total", "counter",
         "Senders turned away: too many at once, or what they sent is no call records.",
         source_refused},
	{"source_events_total", "counter", "Events given to the intake.", source_events},
	{"source_events_released_total", "counter", "Events that left the intake in order.",
         source_released},
	{"source_events_late_total", "counter",
         "Events that came behind the watermark and were inserted at their place.", source_late},
};

static void write_sources(const struct metrics *m, struct buf *out)
{
	for (size_t f = 0; f < sizeof(source_families) / sizeof(source_families[0]); f++) {
		const struct source_family *family = &source_families[f];
		head(out, family->name, family->type, family->help);
		for (size_t i = 0; i < m->source_count; i++) {
			row(out, family->name, "source", m->sources[i].name,
			    family->value(&m->sources[i]));
		}
	}
}

/* ---- what was dropped, by reason ---- */

static void write_reasons(struct buf *out, const char *source, const char *stage,
                          const struct stage_count *c)
{
	for (unsigned r = 1; r < REASON_COUNT; r++) {
		if (!c->dropped[r]) {
			continue;
		}
		buf_text(out, "ringfence_dropped_total{");
		if (source) {
			label(out, "source", slice_of(source));
			buf_char(out, ',');
		}
		label(out, "stage", slice_of(stage));
		buf_char(out, ',');
		label(out, "reason", slice_of(reason_word((enum reason)r)));
		buf_text(out, "} ");
		count_line(out, c->dropped[r]);
	}
}

static void write_dropped(const struct metrics *m, struct buf *out)
{
	head(out, "dropped_total", "counter",
	     "Packets, messages, records and events that went no further, by source, stage and reason.");
	for (size_t i = 0; i < m->source_count; i++) {
		const struct metrics_source *s = &m->sources[i];
		write_reasons(out, s->name, "decode", &s->live.decode);
		write_reasons(out, s->name, "calls", &s->live.calls);
		write_reasons(out, s->name, "intake", &s->intake.count);
	}
	write_reasons(out, NULL, "dedupe", &m->pipeline.dedupe);
	write_reasons(out, NULL, "batch", &m->pipeline.batch);
}

/* ---- pipeline ---- */

static void write_stages(const struct metrics *m, struct buf *out)
{
	const struct {
		const char *name;
		const struct stage_count *count;
	} stages[] = {{"dedupe", &m->pipeline.dedupe}, {"batch", &m->pipeline.batch}};

	head(out, "stage_in_total", "counter", "Events that entered a stage.");
	for (size_t i = 0; i < 2; i++) {
		row(out, "stage_in_total", "stage", stages[i].name, stages[i].count->in);
	}
	head(out, "stage_out_total", "counter", "Events that a stage handed on.");
	for (size_t i = 0; i < 2; i++) {
		row(out, "stage_out_total", "stage", stages[i].name, stages[i].count->out);
	}
	head(out, "events_total", "counter", "Events given to the rules, by kind.");
	for (unsigned k = 0; k < KIND_COUNT; k++) {
		row(out, "events_total", "kind", kind_name((enum event_kind)k),
		    m->pipeline.events_by_kind[k]);
	}
}

static void write_alerts(const struct metrics *m, struct buf *out)
{
	head(out, "alerts_total", "counter", "Alerts handed to the sinks, by rule.");
	for (size_t i = 0; i < m->pipeline.rule_count; i++) {
		buf_text(out, "ringfence_alerts_total{");
		label(out, "rule", m->pipeline.by_rule[i].rule);
		buf_text(out, "} ");
		count_line(out, m->pipeline.by_rule[i].alerts);
	}
}

struct plain_family {
	const char *name;
	const char *type;
	const char *help;
	uint64_t (*value)(const struct metrics *m);
};

#define PLAIN_VALUE(id, member)                      \
 static uint64_t plain_##id(const struct metrics *m) \
 {                                                   \
  return (uint64_t)m->member;                        \
 }

PLAIN_VALUE(raised, pipeline.alerts.raised)
PLAIN_VALUE(suppressed, pipeline.alerts.suppressed)
PLAIN_VALUE(events, pipeline.detect.events)
PLAIN_VALUE(key_missing, pipeline.detect.key_missing)
PLAIN_VALUE(keys, pipeline.detect.keys)
PLAIN_VALUE(keys_evicted, pipeline.detect.keys_evicted)
PLAIN_VALUE(no_room, pipeline.detect.events_no_room)
PLAIN_VALUE(regex_limits, pipeline.detect.regex_limits)
PLAIN_VALUE(memory, pipeline.detect.memory)
PLAIN_VALUE(log_events, log.events)
PLAIN_VALUE(log_written, log.written)
PLAIN_VALUE(log_shed, log.shed)
PLAIN_VALUE(log_gaps, log.gaps)
PLAIN_VALUE(log_bytes, log.bytes)
PLAIN_VALUE(log_errors, log.errors)
PLAIN_VALUE(log_removed, log.segments_removed)
PLAIN_VALUE(snapshots, snapshots)
PLAIN_VALUE(snapshots_failed, snapshots_failed)
PLAIN_VALUE(rules, rules)
PLAIN_VALUE(reloads, reloads)
PLAIN_VALUE(reloads_failed, reloads_failed)

static const struct plain_family plain_families[] = {
	{"alerts_raised_total", "counter", "Findings of rules, before suppression.", plain_raised},
	{"alerts_suppressed_total", "counter", "Findings that a rule's `suppress` kept back.",
         plain_suppressed},
	{"detector_events_total", "counter", "Events that the rules have seen.", plain_events},
	{"detector_key_missing_total", "counter",
         "Events that a rule skipped because a part of its key is missing.", plain_key_missing},
	{"detector_keys", "gauge", "Keys with state.", plain_keys},
	{"detector_keys_evicted_total", "counter",
         "Keys forgotten for want of memory: raise limits.memory.", plain_keys_evicted},
	{"detector_events_no_room_total", "counter",
         "Window updates given up although everything else was forgotten.", plain_no_room},
	{"detector_regex_limits_total", "counter", "Patterns given up at a limit.",
         plain_regex_limits},
	{"detector_memory_bytes", "gauge", "Memory of the rules' state.", plain_memory},
	{"log_events_total", "counter", "Events given to the call log.", plain_log_events},
	{"log_written_total", "counter", "Events of the call log that are on disk.",
         plain_log_written},
	{"log_shed_total", "counter", "Events missing in the call log: its disk is slow or full.",
         plain_log_shed},
	{"log_gaps_total", "counter", "Gaps recorded in the call log.", plain_log_gaps},
	{"log_bytes_total", "counter", "Bytes written to the call log.", plain_log_bytes},
	{"log_errors_total", "counter", "Writes of the call log that failed.", plain_log_errors},
	{"log_segments_removed_total", "counter", "Segments taken away by retention.",
         plain_log_removed},
	{"snapshots_total", "counter", "Snapshots of detection that are on disk.", plain_snapshots},
	{"snapshots_failed_total", "counter", "Snapshots that could not be written.",
         plain_snapshots_failed},
	{"rules", "gauge", "Rules in force.", plain_rules},
	{"reloads_total", "counter", "Reloads that took effect.", plain_reloads},
	{"reloads_failed_total", "counter", "Reloads that were refused; the old rules stayed.",
         plain_reloads_failed},
};

static void write_plain(const struct metrics *m, struct buf *out)
{
	for (size_t i = 0; i < sizeof(plain_families) / sizeof(plain_families[0]); i++) {
		const struct plain_family *f = &plain_families[i];
		head(out, f->name, f->type, f->help);
		buf_printf(out, "ringfence_%s ", f->name);
		count_line(out, f->value(m));
	}
}

/* ---- sinks, time ---- */

static void write_sinks(const struct metrics *m, struct buf *out)
{
	head(out, "sink_connected", "gauge", "1 while the sink can write.");
	for (size_t i = 0; i < m->sink_count; i++) {
		row(out, "sink_connected", "sink", m->sinks[i].name, m->sinks[i].connected);
	}
	head(out, "sink_written_total", "counter", "Alerts that the other side has for certain.");
	for (size_t i = 0; i < m->sink_count; i++) {
		row(out, "sink_written_total", "sink", m->sinks[i].name, m->sinks[i].stats.written);
	}
	head(out, "sink_refused_total", "counter", "Alerts lost: no room, or refused for good.");
	for (size_t i = 0; i < m->sink_count; i++) {
		row(out, "sink_refused_total", "sink", m->sinks[i].name, m->sinks[i].stats.refused);
	}
	head(out, "sink_waiting", "gauge", "Alerts kept that are not confirmed yet.");
	for (size_t i = 0; i < m->sink_count; i++) {
		row(out, "sink_waiting", "sink", m->sinks[i].name, m->sinks[i].stats.waiting);
	}
}

static void write_groups(const struct metrics *m, struct buf *out)
{
	head(out, "intake_waiting", "gauge", "Events that wait for their group's watermark.");
	for (size_t i = 0; i < INTAKE_GROUP_COUNT; i++) {
		row(out, "intake_waiting", "group", m->groups[i].name, m->groups[i].waiting);
	}
	head(out, "watermark_lag_seconds", "gauge",
	     "How far a group's watermark is behind the clock; absent before its first event.");
	for (size_t i = 0; i < INTAKE_GROUP_COUNT; i++) {
		if (m->groups[i].watermark_us != INSTANT_NONE) {
			buf_text(out, "ringfence_watermark_lag_seconds{");
			label(out, "group", slice_of(m->groups[i].name));
			buf_text(out, "} ");
			seconds(out, m->now_us - m->groups[i].watermark_us);
		}
	}
	if (m->pipeline.last_us != INSTANT_NONE) {
		head(out, "event_time_seconds", "gauge",
		     "Time of the newest event given to the rules.");
		buf_text(out, "ringfence_event_time_seconds ");
		seconds(out, m->pipeline.last_us);
	}
	head(out, "start_time_seconds", "gauge", "When this process began.");
	buf_text(out, "ringfence_start_time_seconds ");
	seconds(out, m->started_us);
}

void metrics_write(const struct metrics *m, struct buf *out)
{
	head(out, "build_info", "gauge", "The version of the engine.");
	row(out, "build_info", "version", RINGFENCE_VERSION, 1);
	write_sources(m, out);
	write_dropped(m, out);
	write_stages(m, out);
	write_plain(m, out);
	write_alerts(m, out);
	write_sinks(m, out);
	write_groups(m, out);
}
