#include "alerts/alert_json.h"

#include "core/instant.h"
#include "core/json.h"

static void write_time(struct json_out *w, int64_t time_us)
{
	char text[INSTANT_TEXT];

	json_slice(w, (struct slice){text, instant_format(time_us, text)});
}

/* Seconds: whole ones as integers. */
static void write_duration(struct json_out *w, int64_t us)
{
	if (us % US_PER_S == 0) {
		json_int(w, us / US_PER_S);
	} else {
		json_double(w, (double)us / (double)US_PER_S);
	}
}

static void write_datum(struct json_out *w, const struct datum *d)
{
	switch (d->type) {
	case DATUM_NULL: json_null(w); break;
	case DATUM_INT: json_int(w, d->i); break;
	case DATUM_FLOAT: json_double(w, d->f); break;
	case DATUM_DURATION: write_duration(w, d->i); break;
	case DATUM_TIME: write_time(w, d->i); break;
	case DATUM_BOOL: json_bool(w, d->i != 0); break;
	case DATUM_TEXT: json_slice(w, d->text); break;
	}
}

static void write_named(struct json_out *w, const char *member, const struct named_datum *items,
                        size_t count)
{
	json_key(w, member);
	json_object(w);
	for (size_t i = 0; i < count; i++) {
		json_key_slice(w, items[i].name);
		write_datum(w, &items[i].value);
	}
	json_object_end(w);
}

static void write_text(struct json_out *w, const char *member, struct slice text)
{
	json_key(w, member);
	if (text.p) {
		json_slice(w, text);
	} else {
		json_null(w);
	}
}

static void write_reasons(struct json_out *w, const struct finding *f)
{
	json_key(w, "reasons");
	json_array(w);
	for (size_t i = 0; i < f->reason_count; i++) {
		const struct finding_reason *r = &f->reasons[i];
		json_object(w);
		write_text(w, "condition", r->condition);
		json_key(w, "value");
		write_datum(w, &r->value);
		json_key(w, "threshold");
		write_datum(w, &r->threshold);
		json_object_end(w);
	}
	json_array_end(w);
}

static void write_evidence(struct json_out *w, const struct finding *f)
{
	size_t told = 0;

	json_key(w, "evidence");
	json_object(w);
	json_key(w, "calls");
	json_array(w);
	for (size_t i = 0; i < f->call_count; i++) {
		if (f->calls[i].p) {
			json_slice(w, f->calls[i]);
			told++;
		}
	}
	json_array_end(w);
	json_key(w, "count");
	json_int(w, (int64_t)f->counted);
	json_key(w, "truncated");
	json_bool(w, f->counted > told);
	json_key(w, "exact");
	json_bool(w, f->exact);
	json_object_end(w);
}

static void write_subject(struct json_out *w, const struct finding *f)
{
	json_key(w, "subject");
	json_object(w);
	json_key(w, "type");
	json_text(w, f->subject_type);
	write_text(w, "value", f->subject);
	json_object_end(w);
}

/* A match rule looks at one instant: from and to are the same. */
static void write_window(struct json_out *w, const struct finding *f)
{
	json_key(w, "window");
	json_object(w);
	json_key(w, "from");
	write_time(w, f->time_us - f->window_us);
	json_key(w, "to");
	write_time(w, f->time_us);
	json_object_end(w);
}

static void write_data(struct json_out *w, const struct finding *f, const struct alert *alert)
{
	const struct finding_rule *rule = f->rule;

	json_key(w, "data");
	json_object(w);
	write_text(w, "alert", alert->id);
	write_text(w, "rule", rule->name);
	json_key(w, "rev");
	json_int(w, rule->rev);
	write_text(w, "ruleset", slice_of(rule->ruleset));
	write_text(w, "class", rule->class);
	write_text(w, "severity", slice_of(rule->severity));
	write_text(w, "status", SLICE_LIT("open"));
	write_subject(w, f);
	write_named(w, "key", f->keys, f->key_count);
	write_text(w, "title", rule->title);
	write_text(w, "summary", f->summary);
	write_window(w, f);
	write_named(w, "values", f->values, f->value_count);
	write_named(w, "fields", f->fields, f->field_count);
	write_reasons(w, f);
	write_named(w, "params", rule->params, rule->param_count);
	write_named(w, "lists", f->lists, f->list_count);
	write_evidence(w, f);
	json_key(w, "muted");
	json_int(w, 0); /* an opening has muted nothing yet */
	json_key(w, "late");
	json_bool(w, f->late);
	json_key(w, "partial");
	json_bool(w, f->partial);
	json_key(w, "campaign");
	json_null(w);
	json_key(w, "seq");
	json_int(w, (int64_t)alert->seq);
	json_object_end(w);
}

static void write_envelope(struct json_out *w, struct buf *out,
                           const struct alerts_options *options, const struct finding *f,
                           const struct alert *alert)
{
	struct buf text = {0};

	write_text(w, "specversion", SLICE_LIT("1.0"));
	write_text(w, "type", slice_of(alert->type));
	buf_printf(&text, "/ringfence/%s/%s", options->site, options->engine);
	write_text(w, "source", buf_view(&text));
	write_text(w, "id", alert->id);
	json_key(w, "time");
	write_time(w, f->time_us);
	buf_reset(&text);
	buf_printf(&text, "%s:%.*s", f->subject_type, SLICE_FMT(f->subject));
	write_text(w, "subject", buf_view(&text));
	write_text(w, "datacontenttype", SLICE_LIT("application/json"));
	write_text(w, "dataschema", SLICE_LIT("urn:ringfence:alert:1"));
	out->failed = out->failed || text.failed;
	buf_fini(&text);
}

void alert_json(struct buf *out, const struct alerts_options *options, const struct finding *f,
                const struct alert *alert)
{
	struct json_out w = json_out(out);

	json_object(&w);
	write_envelope(&w, out, options, f, alert);
	write_data(&w, f, alert);
	json_object_end(&w);
}
