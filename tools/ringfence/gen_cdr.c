#include "core/instant.h"
#include "ringfence/gen.h"

void gen_call_id(struct buf *out, const struct gen_world *w, uint64_t id)
{
	gen_digits(out, w->seed, 0);
	buf_char(out, '-');
	gen_digits(out, id, 9);
}

void gen_cdr_header(struct gen_file *f)
{
	buf_text(&f->out,
	         "call_id,start_time,answer_time,end_time,caller,callee,trunk_in,trunk_out,"
	         "sip_code,hangup_by,caller_name,attest,ring_ms\n");
}

static void add_time(struct buf *out, int64_t time_us)
{
	char text[INSTANT_TEXT];

	buf_add(out, text, instant_format(time_us, text));
}

void gen_cdr_add(struct gen_file *f, const struct gen_world *w, const struct gen_call *call,
                 uint64_t id)
{
	static const char *const ends[] = {"", "caller", "callee", "network"};
	struct buf *out = &f->out;

	gen_call_id(out, w, id);
	buf_char(out, ',');
	add_time(out, call->start_us);
	buf_char(out, ',');
	if (call->code == 200) {
		add_time(out, call->start_us + 1000 * ((int64_t)call->setup_ms + call->ring_ms));
	}
	buf_char(out, ',');
	add_time(out, gen_call_end(call));
	buf_char(out, ',');
	gen_phone(out, call->caller);
	buf_char(out, ',');
	gen_phone(out, call->callee);
	buf_char(out, ',');
	buf_text(out, gen_trunk_name(call->trunk_in));
	buf_char(out, ',');
	buf_text(out, gen_trunk_name(call->trunk_out));
	buf_char(out, ',');
	gen_digits(out, call->code, 0);
	buf_char(out, ',');
	buf_text(out, ends[call->end]);
	buf_char(out, ',');
	if (call->display) {
		buf_text(out, call->display);
	}
	buf_char(out, ',');
	if (call->attest) {
		buf_char(out, call->attest);
	}
	buf_char(out, ',');
	if (call->ring_ms) {
		gen_digits(out, call->ring_ms, 0);
	}
	buf_char(out, '\n');
	gen_file_flush(f);
}
