#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "app/feed.h"
#include "core/buf.h"
#include "core/err.h"
#include "support/capture_bytes.h"

#define START_US INT64_C(1767268800000000)

static const struct capture_form form = {.link = 1};

/* A file in memory with a path to open it by. */
struct memory_file {
	int fd;
	char path[64];
};

static struct memory_file memory_file(const char *bytes, size_t len)
{
	struct memory_file f = {.fd = memfd_create("input", MFD_CLOEXEC)};

	assert_true(f.fd >= 0);
	assert_int_equal(write(f.fd, bytes, len), len);
	snprintf(f.path, sizeof(f.path), "/proc/self/fd/%d", f.fd);
	return f;
}

/* One message of a call between two hosts; start is a request line or a status line. */
static void put_message(struct buf *file, int64_t time_us, const char *start, unsigned call,
                        const char *cseq)
{
	struct buf sip = {0};
	struct buf packet = {0};
	bool request = strncmp(start, "SIP/", 4) != 0;
	bool in_dialog = strncmp(start, "INVITE", 6) != 0;

	buf_printf(&sip, "%s\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK%u%s\r\n", start, call,
	           strncmp(cseq, "1 ", 2) == 0 ? "i" : "b");
	buf_printf(&sip, "From: <sip:+4420794%05u@a.example>;tag=f%u\r\n", call, call);
	buf_printf(&sip, "To: <sip:+4477009%05u@b.example>%s\r\n", call, in_dialog ? ";tag=t" : "");
	buf_printf(&sip, "Call-ID: c%u@a\r\nCSeq: %s\r\nContent-Length: 0\r\n\r\n", call, cseq);
	put_sip_packet(&packet, request ? 1 : 2, request ? 2 : 1, buf_view(&sip));
	put_capture_packet(file, &form, (uint64_t)(START_US + time_us), buf_view(&packet));
	assert_false(sip.failed || packet.failed || file->failed);
	buf_fini(&sip);
	buf_fini(&packet);
}

#define INVITE "INVITE sip:+44770091@b.example SIP/2.0"
#define ACK    "ACK sip:+44770091@b.example SIP/2.0"
#define BYE    "BYE sip:+44770091@b.example SIP/2.0"

/* Set up, 10 s long. */
static void put_call(struct buf *file, int64_t time_us, unsigned call)
{
	put_message(file, time_us, INVITE, call, "1 INVITE");
	put_message(file, time_us + 1 * US_PER_S, "SIP/2.0 180 Ringing", call, "1 INVITE");
	put_message(file, time_us + 3 * US_PER_S, "SIP/2.0 200 OK", call, "1 INVITE");
	put_message(file, time_us + 3 * US_PER_S, ACK, call, "1 ACK");
	put_message(file, time_us + 13 * US_PER_S, BYE, call, "2 BYE");
	put_message(file, time_us + 13 * US_PER_S, "SIP/2.0 200 OK", call, "2 BYE");
}

/* What came out of a feed. */
struct outcome {
	int err; /* of feed_open, else how feed_next ended */
	size_t kinds[8];
	size_t answered;
	struct feed_stat stat;
	char linktype[32];
	struct feed_census census;
};

static struct outcome read_feed(const char *path, const struct feed_options *options)
{
	struct outcome out = {0};
	struct feed *feed;
	struct event event;
	const char *why = NULL;
	int64_t time_us = INT64_MIN;

	out.err = feed_open(path, options, &feed, &why);
	if (out.err) {
		assert_non_null(why);
		return out;
	}
	while ((out.err = feed_next(feed, &event)) == OK) {
		assert_true(event.time_us >= time_us);
		time_us = event.time_us;
		out.kinds[event.kind]++;
		out.answered += event.kind == KIND_CALL && event.answered;
		assert_true(event.call_id.len > 0);
	}
	assert_int_equal(feed_next(feed, &event), out.err);
	feed_stat(feed, &out.stat);
	snprintf(out.linktype, sizeof(out.linktype), "%s", out.stat.linktype);
	assert_int_equal(out.stat.decode.in, out.stat.decode.out + stage_dropped(&out.stat.decode));
	assert_int_equal(out.stat.decode.in, out.stat.packets);
	assert_int_equal(out.stat.calls.in, out.stat.decode.out);
	if (out.stat.census) {
		out.census = *out.stat.census;
	}
	feed_close(feed);
	return out;
}

static struct outcome read_bytes(const struct buf *b, size_t len, struct feed_options *options)
{
	struct hash_key key;
	struct memory_file f = memory_file(b->p, len);

	hash_key_default(&key);
	options->key = &key;
	struct outcome out = read_feed(f.path, options);
	close(f.fd);
	return out;
}

static void test_one_call(void **state)
{
	struct feed_options options = {0};
	struct buf b = {0};

	(void)state;
	put_capture_header(&b, &form);
	put_call(&b, 0, 1);
	struct outcome out = read_bytes(&b, b.len, &options);
	assert_int_equal(out.err, E_END);
	assert_int_equal(out.kinds[KIND_ATTEMPT], 1);
	assert_int_equal(out.kinds[KIND_ANSWER], 1);
	assert_int_equal(out.kinds[KIND_CALL], 1);
	assert_int_equal(out.kinds[KIND_SIP], 2);
	assert_int_equal(out.answered, 1);
	assert_int_equal(out.stat.kind, INPUT_PCAP);
	assert_int_equal(out.stat.packets, 6);
	assert_int_equal(out.stat.bytes, b.len - PCAP_HEADER_SIZE - 6 * PCAP_RECORD_SIZE);
	assert_int_equal(out.stat.records, 0);
	assert_string_equal(out.linktype, "EN10MB");
	assert_int_equal(out.stat.first_us, START_US);
	assert_int_equal(out.stat.last_us, START_US + 13 * US_PER_S);
	assert_false(out.stat.truncated);
	assert_null(out.stat.census);
	buf_fini(&b);
}

/* Calls of all lengths over two days, a third of them never ended, captured in order but for some
 * packets that come late: read_feed sees that events come in time order, and none is lost.
 */
static void test_order(void **state)
{
	enum { CALLS = 300 };
	struct feed_options options = {.memory_max = 64 << 10};
	struct buf b = {0};
	uint32_t seed = 7;
	int64_t time_us = 0;

	(void)state;
	put_capture_header(&b, &form);
	for (unsigned i = 0; i < CALLS; i++) {
		seed = seed * 1664525 + 1013904223;
		time_us += (seed >> 8) % 600 * US_PER_S;
		put_message(&b, time_us, INVITE, i, "1 INVITE");
		if (seed >> 30 != 0) {
			put_message(&b, time_us + 2, "SIP/2.0 200 OK", i, "1 INVITE");
		}
		if (i >= 20 && i % 3) {
			put_message(&b, time_us + 3, BYE, i - 20, "2 BYE");
			put_message(&b, time_us - US_PER_S, "SIP/2.0 200 OK", i - 20, "2 BYE");
		}
	}
	struct outcome out = read_bytes(&b, b.len, &options);
	assert_int_equal(out.err, E_END);
	assert_int_equal(out.kinds[KIND_ATTEMPT], CALLS);
	assert_int_equal(out.kinds[KIND_CALL], CALLS);
	assert_int_equal(out.kinds[KIND_ANSWER], out.answered);
	assert_true(out.answered > CALLS / 2 && out.answered < CALLS);

	/* Events that have no room in memory and nowhere else to go. */
	options.temp_dir = "/no/such/folder";
	assert_int_equal(read_bytes(&b, b.len, &options).err, E_IO);
	buf_fini(&b);
}

static void test_open_calls_at_the_end(void **state)
{
	struct feed_options options = {0};
	struct buf b = {0};

	(void)state;
	put_capture_header(&b, &form);
	put_message(&b, 0, INVITE, 1, "1 INVITE");
	put_message(&b, US_PER_S, "SIP/2.0 200 OK", 1, "1 INVITE");
	struct outcome out = read_bytes(&b, b.len, &options);
	assert_int_equal(out.kinds[KIND_CALL], 1);
	assert_int_equal(out.answered, 1);
	options.no_flush = true;
	out = read_bytes(&b, b.len, &options);
	assert_int_equal(out.err, E_END);
	assert_int_equal(out.kinds[KIND_ATTEMPT], 1);
	assert_int_equal(out.kinds[KIND_CALL], 0);
	buf_fini(&b);
}

/* Packets that carry no SIP still move the time on: 4 h later the call is over. */
static void test_time_moves_on_without_sip(void **state)
{
	struct feed_options options = {.no_flush = true};
	struct buf b = {0};
	struct buf media = {0};

	(void)state;
	put_capture_header(&b, &form);
	put_message(&b, 0, INVITE, 1, "1 INVITE");
	put_message(&b, US_PER_S, "SIP/2.0 200 OK", 1, "1 INVITE");
	put_sip_packet(&media, 1, 2, SLICE_LIT("\x80\0\0\1 no text at all\n"));
	put_capture_packet(&b, &form, START_US + 5 * US_PER_HOUR, buf_view(&media));
	struct outcome out = read_bytes(&b, b.len, &options);
	assert_int_equal(out.kinds[KIND_CALL], 1);
	assert_int_equal(out.stat.decode.dropped[REASON_NOT_SIP], 1);
	buf_fini(&media);
	buf_fini(&b);
}

/* An event leaves as soon as nothing earlier can follow, whatever else the packets carry; the first
 * and last times are the extremes even where the capture is out of order.
 */
static void test_events_do_not_wait_for_the_end(void **state)
{
	enum { MEDIA = 5000 };
	struct hash_key key;
	const struct feed_options options = {.key = &key};
	struct buf b = {0};
	struct buf media = {0};
	struct feed *feed;
	struct feed_stat stat;
	struct event event;
	const char *why;

	(void)state;
	hash_key_default(&key);
	put_capture_header(&b, &form);
	put_message(&b, 0, INVITE, 1, "1 INVITE");
	put_message(&b, US_PER_S, "SIP/2.0 200 OK", 1, "1 INVITE");
	put_message(&b, -US_PER_S, "SIP/2.0 200 OK", 1, "1 INVITE");
	put_sip_packet(&media, 1, 2, SLICE_LIT("\x80\0\0\1 no text at all\n"));
	for (int64_t i = MEDIA; i > 0; i--) {
		put_capture_packet(&b, &form, (uint64_t)(START_US + 5 * US_PER_HOUR + i),
		                   buf_view(&media));
	}
	struct memory_file f = memory_file(b.p, b.len);
	assert_int_equal(feed_open(f.path, &options, &feed, &why), OK);
	do {
		assert_int_equal(feed_next(feed, &event), OK);
	} while (event.kind != KIND_CALL);
	feed_stat(feed, &stat);
	assert_true(stat.packets < MEDIA / 2);
	while (feed_next(feed, &event) == OK) {
	}
	feed_stat(feed, &stat);
	assert_int_equal(stat.packets, MEDIA + 3);
	assert_int_equal(stat.first_us, START_US - US_PER_S);
	assert_int_equal(stat.last_us, START_US + 5 * US_PER_HOUR + MEDIA);
	feed_close(feed);
	close(f.fd);
	buf_fini(&media);
	buf_fini(&b);
}

static void test_cut_and_damaged(void **state)
{
	struct feed_options options = {0};
	struct buf b = {0};

	(void)state;
	put_capture_header(&b, &form);
	put_call(&b, 0, 1);
	size_t good = b.len;
	put_message(&b, 60 * US_PER_S, INVITE, 2, "1 INVITE");
	struct outcome out = read_bytes(&b, b.len - 1, &options);
	assert_int_equal(out.err, E_END);
	assert_true(out.stat.truncated);
	assert_int_equal(out.stat.packets, 6);
	assert_int_equal(out.kinds[KIND_CALL], 1);

	b.p[good + 11] = 0x7f; /* captured length */
	out = read_bytes(&b, b.len, &options);
	assert_int_equal(out.err, E_MALFORMED);
	assert_false(out.stat.truncated);
	assert_int_equal(out.stat.packets, 6);
	assert_int_equal(out.kinds[KIND_CALL], 1);
	buf_fini(&b);
}

static void test_census(void **state)
{
	enum { CALLS = 5000, METHODS = 70 };
	struct feed_options options = {.census = true};
	struct buf b = {0};

	(void)state;
	put_capture_header(&b, &form);
	for (unsigned i = 0; i < 2 * CALLS; i++) {
		put_message(&b, i, "OPTIONS sip:b.example SIP/2.0", i % CALLS, "1 OPTIONS");
	}
	for (unsigned i = 0; i < METHODS; i++) {
		char start[64];
		snprintf(start, sizeof(start), "X%u sip:b.example SIP/2.0", i);
		put_message(&b, 2 * CALLS + i, start, 0, "1 X");
	}
	put_message(&b, 3 * CALLS, "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKL sip:b SIP/2.0", 0,
	            "1 X");
	put_message(&b, 3 * CALLS, "SIP/2.0 699 Odd", 0, "1 OPTIONS");
	put_message(&b, 3 * CALLS, "SIP/2.0 099 Refused", 0, "1 OPTIONS");
	put_message(&b, 3 * CALLS, "OPTIONS sip:b SIP/3.0", 0, "1 OPTIONS");
	struct outcome out = read_bytes(&b, b.len, &options);

	assert_int_equal(out.census.messages, 2 * CALLS + METHODS + 2);
	assert_int_equal(out.census.requests, 2 * CALLS + METHODS + 1);
	assert_int_equal(out.census.responses, 1);
	assert_int_equal(out.census.by_code[699], 1);
	assert_int_equal(out.census.call_ids, CALLS);
	assert_int_equal(out.census.method_count, 64);
	assert_string_equal(out.census.by_method[0].method, "OPTIONS");
	assert_int_equal(out.census.by_method[0].count, 2 * CALLS);
	assert_string_equal(out.census.by_method[63].method, "other");
	assert_int_equal(out.census.by_method[63].count, METHODS - 62 + 1);
	assert_int_equal(out.stat.decode.dropped[REASON_SIP_STATUS], 1);
	buf_fini(&b);
}

struct seen_progress {
	size_t calls;
	uint64_t done;
	uint64_t total;
};

static void see_progress(void *user, uint64_t done, uint64_t total)
{
	struct seen_progress *seen = user;

	assert_true(done >= seen->done && done <= total);
	*seen = (struct seen_progress){seen->calls + 1, done, total};
}

static void test_progress(void **state)
{
	struct seen_progress seen = {0};
	struct feed_options options = {.progress = see_progress, .user = &seen};
	struct buf b = {0};

	(void)state;
	put_capture_header(&b, &form);
	for (unsigned i = 0; i < 70000; i++) {
		put_capture_packet(&b, &form, START_US + i, SLICE_LIT("no packet at all"));
	}
	struct outcome out = read_bytes(&b, b.len, &options);
	assert_int_equal(out.stat.decode.dropped[REASON_LINK_UNSUPPORTED], 70000);
	assert_true(seen.calls >= 2);
	assert_int_equal(seen.total, b.len);
	buf_fini(&b);
}

/* Content decides what an input is. */
static void test_kinds(void **state)
{
	static const struct {
		struct slice bytes;
		int want;
	} rows[] = {
		{SLICE_LIT(""), E_UNSUPPORTED},
		{SLICE_LIT(" \r\n\t\n"), E_UNSUPPORTED},
		{SLICE_LIT("GMBU\0\2\1\0\1\0"), E_UNSUPPORTED}, /* NetMon */
		{SLICE_LIT("\x7f"
	                   "ELF\2\1\1\0"),
	         E_UNSUPPORTED},
		{SLICE_LIT("\xd4\xc3\xb2\xa1\2\0\4\0"), E_TRUNCATED},
		{SLICE_LIT("\xd4\xc3\xb2\xa1\2\0\4\0\0\0\0\0\0\0\0\0\xff\xff\0\0\1\0\0\0"), E_END},
		{SLICE_LIT("\xa1\xb2\x3c\x4d\0\2\0\4\0\0\0\0\0\0\0\0\0\0\xff\xff\0\0\0\1"), E_END},
		{SLICE_LIT("\x0a\x0d\x0d\x0a\x1c\0\0"), E_TRUNCATED},
	};
	struct hash_key key;
	const struct feed_options options = {.key = &key};

	(void)state;
	hash_key_default(&key);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct memory_file f = memory_file(rows[i].bytes.p, rows[i].bytes.len);
		int err = read_feed(f.path, &options).err;
		if (err != rows[i].want) {
			fail_msg("row %zu: %s", i, err_text(err));
		}
		close(f.fd);
	}
	assert_int_equal(read_feed("/", &options).err, E_IO);
	assert_int_equal(read_feed("/no/such/file", &options).err, E_IO);
}

/* Text is told from captures, and JSON lines from rows, behind a byte order mark and blanks too. */
static void test_kinds_of_text(void **state)
{
#define HEADER "call_id,start_time,end_time,caller,callee\r\n"
#define ROW    "1,2026-01-01T12:00:00Z,2026-01-01T12:01:00Z,+442079460001,+447700900001\r\n"
#define OBJECT \
 "{\"end_time\":\"2026-01-01T12:01:00Z\",\"caller\":\"+442079460001\",\"callee\":\"+447700900001\"}\n"
	static const struct {
		const char *bytes;
		enum input_kind want;
	} rows[] = {
		{HEADER ROW, INPUT_CDR_CSV},
		{"\xef\xbb\xbf" HEADER ROW, INPUT_CDR_CSV},
		{OBJECT, INPUT_CDR_JSON},
		{"\xef\xbb\xbf" OBJECT, INPUT_CDR_JSON},
		{" \r\n\t" OBJECT, INPUT_CDR_JSON},
		{"call_id,start_time,end_time,caller,callee,a b\tc\f\r\n", INPUT_CDR_CSV},
		{"call_id,start_time,end_time,caller,callee,a\1b\r\n", INPUT_UNKNOWN},
	};
	struct hash_key key;
	const struct feed_options options = {.key = &key};

	(void)state;
	hash_key_default(&key);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct memory_file f = memory_file(rows[i].bytes, strlen(rows[i].bytes));
		struct feed_stat stat = {0};
		struct feed *feed;
		const char *why;

		if (feed_open(f.path, &options, &feed, &why) == OK) {
			feed_stat(feed, &stat);
			feed_close(feed);
		}
		if (stat.kind != rows[i].want) {
			fail_msg("row %zu: kind %d", i, (int)stat.kind);
		}
		close(f.fd);
	}
}

/* "-" from a pipe: neither a size nor a second look. */
static void test_standard_input(void **state)
{
	struct hash_key key;
	const struct feed_options options = {.key = &key};
	struct buf b = {0};
	int ends[2];

	(void)state;
	hash_key_default(&key);
	put_capture_header(&b, &form);
	put_call(&b, 0, 1);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], b.p, b.len), b.len);
	close(ends[1]);
	int before = dup(STDIN_FILENO);
	assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
	struct outcome out = read_feed("-", &options);
	dup2(before, STDIN_FILENO);
	close(before);
	close(ends[0]);
	assert_int_equal(out.err, E_END);
	assert_int_equal(out.kinds[KIND_CALL], 1);
	buf_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_call),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_open_calls_at_the_end),
		cmocka_unit_test(test_time_moves_on_without_sip),
		cmocka_unit_test(test_events_do_not_wait_for_the_end),
		cmocka_unit_test(test_cut_and_damaged),
		cmocka_unit_test(test_census),
		cmocka_unit_test(test_progress),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_kinds_of_text),
		cmocka_unit_test(test_standard_input),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
