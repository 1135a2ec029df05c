/* A capture file as a feed: packets -> SIP -> dialogs -> events -> time order.
 *
 * A call that times out ends at its last message, which may lie hours back: so events pass through
 * an order-restoring buffer, out of which they come as far as the dialog table promises that
 * nothing earlier follows (call_table_low_water).
 */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/feed_census.h"
#include "app/feed_ops.h"
#include "app/sip_packet.h"
#include "calls/table.h"
#include "core/buf.h"
#include "core/err.h"
#include "core/extsort.h"

enum {
	PACKETS_A_ROUND = 512, /* between two looks for events that may leave */
	ROUNDS_A_PROGRESS = 64,
};

struct feed_pcap {
	struct feed feed;
	struct capture *capture;
	struct call_table *table;
	struct extsort *order;
	struct census *census; /* NULL: not asked for */
	struct buf packed;
	struct feed_stat stat; /* without what capture, table and census know */
	int64_t advanced_us;   /* the table's time; INSTANT_NONE before the first packet */
	int end;               /* how reading ended; OK until then */
	bool no_flush;
	int fd;
	uint64_t rounds;
	void (*progress)(void *user, uint64_t done, uint64_t total);
	void *user;
	struct sip_packet reader;
};

static void order_event(void *user, const struct event *event)
{
	struct feed_pcap *f = user;
	size_t size = event_packed_size(event);

	buf_reset(&f->packed);
	buf_reserve(&f->packed, size);
	int err = E_NOMEM;
	if (!f->packed.failed) {
		event_pack(event, f->packed.p);
		err = extsort_push(f->order, event->time_us, f->packed.p, size);
	}
	if (err) {
		f->end = err;
	}
}

static enum reason read_packet(struct feed_pcap *f, const struct capture_packet *packet,
                               struct message *message)
{
	enum reason refused = sip_packet_read(&f->reader, f->capture, packet, message);

	if (f->census && f->reader.parsed &&
	    census_message(f->census, &f->reader.sip, refused) != OK) {
		f->end = E_NOMEM;
	}
	return refused;
}

static void count_packet(struct feed_stat *stat, const struct capture_packet *packet)
{
	int64_t time_us = packet->time_us;

	stat->packets++;
	stat->bytes += packet->bytes.len;
	if (stat->first_us == INSTANT_NONE || time_us < stat->first_us) {
		stat->first_us = time_us;
	}
	if (stat->last_us == INSTANT_NONE || time_us > stat->last_us) {
		stat->last_us = time_us;
	}
}

static void take_packet(struct feed_pcap *f, const struct capture_packet *packet)
{
	struct message message;

	count_packet(&f->stat, packet);
	stage_in(&f->stat.decode, 1);
	enum reason refused = read_packet(f, packet, &message);
	if (refused == REASON_NONE) {
		stage_out(&f->stat.decode, 1);
		call_table_message(f->table, &message, order_event, f);
	} else {
		stage_drop(&f->stat.decode, refused);
	}
	if (f->advanced_us == INSTANT_NONE ||
	    packet->time_us - f->advanced_us >= SIP_PACKET_ADVANCE_US) {
		f->advanced_us = packet->time_us;
		call_table_advance(f->table, packet->time_us, order_event, f);
	}
}

static void end_input(struct feed_pcap *f, int end)
{
	f->stat.truncated = end == E_TRUNCATED;
	f->end = end == E_TRUNCATED ? E_END : end;
	if (f->stat.packets) {
		call_table_advance(f->table, f->stat.last_us, order_event, f);
	}
	if (!f->no_flush) {
		call_table_flush(f->table, order_event, f);
	}
	extsort_finish(f->order);
}

static void report_progress(struct feed_pcap *f)
{
	struct stat st;

	if (f->progress && f->rounds++ % ROUNDS_A_PROGRESS == 0) {
		bool regular = f->fd >= 0 && fstat(f->fd, &st) == 0;
		off_t done = regular ? lseek(f->fd, 0, SEEK_CUR) : (off_t)f->stat.bytes;
		f->progress(f->user, (uint64_t)done, regular ? (uint64_t)st.st_size : 0);
	}
}

static void read_round(struct feed_pcap *f)
{
	struct capture_packet packet;

	for (int i = 0; i < PACKETS_A_ROUND && f->end == OK; i++) {
		int err = capture_next(f->capture, &packet);
		if (err) {
			end_input(f, err);
			return;
		}
		take_packet(f, &packet);
	}
	extsort_watermark(f->order, call_table_low_water(f->table));
	report_progress(f);
}

static int feed_pcap_next(struct feed *feed, struct event *event)
{
	struct feed_pcap *f = (struct feed_pcap *)feed;
	struct slice packed;
	int64_t time_us;
	int got;

	while ((got = extsort_pop(f->order, &time_us, &packed)) == 0) {
		if (f->end != OK) {
			return f->end;
		}
		read_round(f);
	}
	if (got < 0) {
		return got;
	}
	event_unpack(packed, event);
	return OK;
}

static void feed_pcap_stat(const struct feed *feed, struct feed_stat *stat)
{
	const struct feed_pcap *f = (const struct feed_pcap *)feed;

	*stat = f->stat;
	stat->linktype = capture_link_name(f->capture);
	stat->calls = *call_table_count(f->table);
	stat->census = f->census ? census_view(f->census) : NULL;
}

static void feed_pcap_close(struct feed *feed)
{
	struct feed_pcap *f = (struct feed_pcap *)feed;

	capture_close(f->capture);
	call_table_free(f->table);
	extsort_free(f->order);
	census_free(f->census);
	buf_fini(&f->packed);
	free(f);
}

static const struct feed_ops ops = {
	.next = feed_pcap_next, .stat = feed_pcap_stat, .close = feed_pcap_close};

static int make_stages(struct feed_pcap *f, const struct feed_options *options)
{
	const struct call_options calls = {.key = options->key,
	                                   .max_idle_us = options->max_idle_us,
	                                   .caller_from = options->caller_from};
	const struct extsort_options order = {.memory_max = options->memory_max,
	                                      .temp_dir = options->temp_dir ? options->temp_dir
	                                                                    : "/tmp"};

	f->table = call_table_new(&calls);
	int err = f->table ? extsort_new(&order, &f->order) : E_NOMEM;
	return err == OK && options->census ? census_new(options->key, &f->census) : err;
}

static const char *why_of(int err)
{
	switch (err) {
	case E_TRUNCATED: return "a capture file that ends inside its header";
	case E_UNSUPPORTED: return "a kind of capture file that libpcap does not read";
	default: return err_text(err);
	}
}

int feed_open_pcap(const struct feed_input *input, const struct feed_options *options,
                   struct feed **feed, const char **why)
{
	struct feed_pcap *f = calloc(1, sizeof(*f));
	char detail[CAPTURE_WHY];
	int err = E_NOMEM;

	if (f) {
		err = capture_open_file(input->in, &f->capture, detail);
	} else {
		instream_close(input->in);
	}
	if (err == OK) {
		err = make_stages(f, options);
	}
	if (err) {
		*why = why_of(err);
		if (f) {
			feed_pcap_close(&f->feed);
		}
		return err;
	}
	f->feed.ops = &ops;
	f->stat.kind = input->kind;
	f->stat.first_us = f->stat.last_us = f->advanced_us = INSTANT_NONE;
	f->no_flush = options->no_flush;
	f->fd = input->fd;
	f->progress = options->progress;
	f->user = options->user;
	*feed = &f->feed;
	return OK;
}
