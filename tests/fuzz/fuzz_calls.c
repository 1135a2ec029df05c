/* Datagrams, each behind a byte that says its length in units of 16 bytes, through the SIP reader
 * into a dialog table of three calls: every call begun is issued once, no event is earlier than the
 * low water mark, and every message is counted once.
 */
#include "calls/table.h"
#include "core/ensure.h"
#include "decode/message.h"

struct seen {
	uint64_t begun, issued;
	int64_t floor_us;
};

static void see(void *user, const struct event *e)
{
	struct seen *seen = user;

	seen->begun += e->kind == KIND_ATTEMPT;
	seen->issued += e->kind == KIND_CALL;
	ENSURE(e->time_us >= seen->floor_us && e->call_id.len > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct message_scratch scratch;
	struct hash_key key;
	struct seen seen = {.floor_us = INT64_MIN};

	hash_key_default(&key);
	struct call_table *t = call_table_new(
		&(struct call_options){.key = &key, .max_calls = 3, .max_transactions = 3});
	for (size_t i = 0; i < size && t; i++) {
		size_t len =
			16 * (size_t)data[i] < size - i - 1 ? 16 * (size_t)data[i] : size - i - 1;
		struct frame frame = {.time_us = (int64_t)i * 100000,
		                      .payload = {(const char *)data + i + 1, len}};
		struct sip_msg msg;
		struct message m;
		if (sip_parse(frame.payload, &msg) == REASON_NONE) {
			message_of_sip(&msg, &frame, &scratch, &m);
			call_table_message(t, &m, see, &seen);
			seen.floor_us = call_table_low_water(t);
		}
		i += len;
	}
	if (t) {
		const struct stage_count *count = call_table_count(t);
		call_table_flush(t, see, &seen);
		ENSURE(seen.begun == seen.issued);
		ENSURE(count->in == count->out + stage_dropped(count));
	}
	call_table_free(t);
	return 0;
}
