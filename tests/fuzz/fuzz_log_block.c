/* Any bytes as a block: refused with a reason, or its events are in range and in order. */
#include "core/ensure.h"
#include "core/err.h"
#include "store/log_block.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static struct log_rows *rows;
	const char *why = NULL;
	uint64_t number, last = 0;
	struct event e;
	bool cut;

	rows = rows ? rows : log_rows_new();
	ENSURE(rows);
	if (log_rows_decode(rows, (struct slice){(const char *)bytes, len}, &why)) {
		ENSURE(why && log_rows_count(rows) == 0);
		return 0;
	}
	uint32_t count = 0;
	for (; log_rows_next(rows, &e, &number, &cut); count++) {
		ENSURE(count == 0 || number > last);
		ENSURE(e.kind > KIND_NONE && e.kind < KIND_COUNT && e.cause < CAUSE_COUNT);
		ENSURE(e.attest < ATTEST_COUNT && e.verstat < VERSTAT_COUNT);
		ENSURE(e.hangup_by < HANGUP_COUNT && e.call_id.len <= LOG_BLOCK_TEXT);
		last = number;
	}
	ENSURE(count == log_rows_count(rows) && count <= LOG_BLOCK_EVENTS);
	return 0;
}
