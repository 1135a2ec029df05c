/* world.json, operations.csv and honest.csv: what a world holds, for people and for `score`. */
#include "core/instant.h"
#include "core/json.h"
#include "ringfence/gen.h"

void gen_tally_add(struct gen_tally *t, struct gen_plan_book *book, const struct gen_call *call)
{
	t->calls++;
	t->captured += call->capture;
	if (!call->operation) {
		t->of_kind[call->kind]++;
		return;
	}
	struct gen_operation *op = &book->operations[call->operation - 1];
	t->scam++;
	op->calls++;
	op->first_us = call->start_us < op->first_us ? call->start_us : op->first_us;
	op->last_us = gen_call_end(call) > op->last_us ? gen_call_end(call) : op->last_us;
}

static void add_time(struct buf *out, int64_t time_us)
{
	char text[INSTANT_TEXT];

	buf_add(out, text, instant_format(time_us, text));
}

static void json_time(struct json_out *json, const char *name, int64_t time_us)
{
	char text[INSTANT_TEXT];

	json_key(json, name);
	json_slice(json, (struct slice){text, instant_format(time_us, text)});
}

static void json_count(struct json_out *json, const char *name, uint64_t n)
{
	json_key(json, name);
	json_int(json, (int64_t)n);
}

static void json_yes(struct json_out *json, const char *name, bool yes)
{
	json_key(json, name);
	json_bool(json, yes);
}

/* Counts of calls by class, each class once. */
static void add_classes(struct json_out *json, const struct gen_plan_book *book)
{
	json_key(json, "classes");
	json_object(json);
	for (size_t i = 0; i < book->operation_count; i++) {
		const char *class = book->operations[i].class;
		uint64_t calls = 0;
		size_t n = 0;
		while (book->operations[n].class != class) {
			n++;
		}
		if (n < i) {
			continue;
		}
		for (; n < book->operation_count; n++) {
			calls += book->operations[n].class == class ? book->operations[n].calls : 0;
		}
		json_count(json, class, calls);
	}
	json_object_end(json);
}

static void add_kinds(struct json_out *json, const struct gen_tally *t)
{
	json_key(json, "honest");
	json_object(json);
	json_count(json, "ordinary", t->of_kind[0]);
	for (unsigned i = 1; gen_kind_name(i); i++) {
		json_count(json, gen_kind_name(i), t->of_kind[i]);
	}
	json_object_end(json);
}

static void add_campaigns(struct json_out *json, const struct gen_plan_book *book)
{
	json_key(json, "campaigns");
	json_array(json);
	for (size_t i = 0; i < book->operation_count; i++) {
		const struct gen_operation *op = &book->operations[i];
		json_object(json);
		json_key(json, "campaign");
		json_text(json, op->name);
		json_key(json, "class");
		json_text(json, op->class);
		json_key(json, "file");
		json_text(json, op->capture ? "calls.pcap" : "cdr.csv");
		json_count(json, "calls", op->calls);
		json_time(json, "from", op->first_us);
		json_time(json, "to", op->last_us);
		json_object_end(json);
	}
	json_array_end(json);
}

static void add_world(const struct gen_world *w, const struct gen_plan_book *book,
                      const struct gen_tally *t, struct gen_file *f)
{
	struct json_out json = json_out(&f->out);

	json_object(&json);
	json_key(&json, "home");
	json_text(&json, w->plan->country);
	json_key(&json, "tz");
	json_text(&json, w->plan->tz);
	json_count(&json, "seed", w->seed);
	json_time(&json, "from", w->start_us);
	json_time(&json, "to", gen_world_end(w));
	json_yes(&json, "clean", w->clean);
	json_yes(&json, "stir", w->stir);
	json_count(&json, "subscribers", w->subscribers);
	json_count(&json, "ordinary", w->calls);
	json_count(&json, "calls", t->calls);
	json_count(&json, "scam", t->scam);
	json_count(&json, "records", t->calls - t->captured);
	json_count(&json, "captured", t->captured);
	add_classes(&json, book);
	add_kinds(&json, t);
	add_campaigns(&json, book);
	json_object_end(&json);
	buf_char(&f->out, '\n');
}

static void add_operations(const struct gen_world *w, const struct gen_plan_book *book,
                           const struct gen_tally *t, struct gen_file *f)
{
	(void)w;
	(void)t;
	buf_text(&f->out, "campaign,class,calls,first,last,numbers\n");
	for (size_t i = 0; i < book->operation_count; i++) {
		const struct gen_operation *op = &book->operations[i];
		buf_printf(&f->out, "%s,%s,%llu,", op->name, op->class,
		           (unsigned long long)op->calls);
		add_time(&f->out, op->first_us);
		buf_char(&f->out, ',');
		add_time(&f->out, op->last_us);
		buf_printf(&f->out, ",%llu\n", (unsigned long long)op->numbers);
	}
}

static void add_honest(const struct gen_world *w, const struct gen_plan_book *book,
                       const struct gen_tally *t, struct gen_file *f)
{
	(void)t;
	buf_text(&f->out, "number,kind\n");
	for (size_t i = 0; i < book->line_count; i++) {
		if (book->lines[i].kind) {
			gen_phone(&f->out, book->lines[i].number);
			buf_printf(&f->out, ",%s\n", gen_kind_name(book->lines[i].kind));
			gen_file_flush(f);
		}
	}
	for (uint64_t i = 0; i < gen_roamers(w); i++) {
		gen_phone(&f->out, gen_subscriber(w, gen_roamer(w, i)));
		buf_text(&f->out, ",roamer\n");
		gen_file_flush(f);
	}
}

bool gen_summary_write(const struct gen_world *w, const struct gen_plan_book *book,
                       const struct gen_tally *t, const char *dir)
{
	static const struct {
		const char *name;
		void (*add)(const struct gen_world *w, const struct gen_plan_book *book,
		            const struct gen_tally *t, struct gen_file *f);
	} files[] = {
		{"world.json", add_world},
		{"operations.csv", add_operations},
		{"honest.csv", add_honest},
	};
	struct gen_file f;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (!gen_file_open(&f, dir, files[i].name)) {
			return false;
		}
		files[i].add(w, book, t, &f);
		if (!gen_file_close(&f)) {
			return false;
		}
	}
	return true;
}
