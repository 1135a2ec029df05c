/* A network interface as a live source: packets -> SIP -> dialogs -> intake. */
#include <stdlib.h>

#include "app/live_ops.h"
#include "app/sip_packet.h"
#include "calls/table.h"
#include "core/err.h"
#include "core/log.h"

enum { PACKETS_A_ROUND = 4096 };

struct live_pcap {
	struct live_source source;
	struct capture *capture;
	struct call_options calls;
	struct call_table *table;
	struct loop_fd *watch;
	int64_t advanced_us;
	uint64_t bytes;
	struct stage_count decode;
	struct sip_packet reader;
};

static void put_event(void *user, const struct event *event)
{
	struct live_pcap *p = user;

	intake_put(p->source.options->intake, p->source.index, event);
}

static void advance_table(struct live_pcap *p, int64_t time_us)
{
	if (time_us - p->advanced_us >= SIP_PACKET_ADVANCE_US) {
		p->advanced_us = time_us;
		call_table_advance(p->table, time_us, put_event, p);
	}
}

static void take_packet(struct live_pcap *p, const struct capture_packet *packet)
{
	const struct live_source *s = &p->source;
	struct message message;

	p->bytes += packet->bytes.len;
	stage_in(&p->decode, 1);
	/* A clock that jumped must not carry the dialogs' timers with it. */
	enum reason refused = intake_time(s->options->intake, s->index, packet->time_us);
	if (refused == REASON_NONE) {
		refused = sip_packet_read(&p->reader, p->capture, packet, &message);
	}
	if (refused) {
		stage_drop(&p->decode, refused);
	} else {
		stage_out(&p->decode, 1);
		call_table_message(p->table, &message, put_event, p);
	}
	if (refused != REASON_FUTURE) {
		advance_table(p, packet->time_us);
	}
}

static void stop(struct live_source *s)
{
	struct live_pcap *p = (struct live_pcap *)s;

	loop_fd_free(p->watch);
	p->watch = NULL;
}

static void read_round(void *arg)
{
	struct live_pcap *p = arg;
	const struct live_options *o = p->source.options;
	struct capture_packet packet;
	int err = OK;

	o->clock(o->user);
	for (int i = 0; i < PACKETS_A_ROUND && err == OK; i++) {
		err = capture_next(p->capture, &packet);
		if (err == OK) {
			take_packet(p, &packet);
		}
	}
	if (err != OK && err != E_AGAIN) {
		log_err("sources", "failed name=%s why=\"%s\"", p->source.config->interface,
		        err_text(err));
		stop(&p->source);
	}
	o->round(o->user);
}

static void start(struct live_source *s)
{
	struct live_pcap *p = (struct live_pcap *)s;

	p->watch = loop_fd_new(s->options->loop, capture_fd(p->capture), read_round, p);
}

/* Also reads: a ring that was left half full does not always wake the loop again. */
static void tick(struct live_source *s)
{
	struct live_pcap *p = (struct live_pcap *)s;

	if (!p->watch) {
		return;
	}
	read_round(p);
	int64_t quiet_us = intake_idle_time(s->options->intake, s->index);
	if (quiet_us != INSTANT_NONE) {
		advance_table(p, quiet_us);
	}
}

static void stat_pcap(struct live_source *s, struct live_stat *out)
{
	struct live_pcap *p = (struct live_pcap *)s;
	struct call_table_stat calls;

	call_table_stat(p->table, &calls);
	out->decode = p->decode;
	out->calls = *call_table_count(p->table);
	out->open_calls = calls.calls_open;
	out->bytes = p->bytes;
	out->up = p->watch != NULL;
	capture_drops(p->capture, &out->drops);
}

static void close_pcap(struct live_source *s)
{
	struct live_pcap *p = (struct live_pcap *)s;

	call_table_free(p->table);
	if (p->capture) {
		capture_close(p->capture);
	}
	free(p);
}

/* ---- going on ---- */

static void save(const struct live_source *s, struct state_out *out, const char *name)
{
	call_table_save(((const struct live_pcap *)s)->table, out, name);
}

static int load(struct live_source *s, struct state_in *in, const char *name)
{
	struct live_pcap *p = (struct live_pcap *)s;
	struct call_table *table = call_table_new(&p->calls);
	int err = table ? call_table_load(table, in, name) : E_NOMEM;

	call_table_free(err ? table : p->table);
	p->table = err ? p->table : table;
	return err;
}

/* Without memory the calls of the snapshot stay: they time out. */
static void reset(struct live_source *s)
{
	struct live_pcap *p = (struct live_pcap *)s;
	struct call_table *table = call_table_new(&p->calls);

	if (table) {
		call_table_free(p->table);
		p->table = table;
	}
}

static void settle(struct live_source *s, const struct event *event)
{
	call_table_settle(((struct live_pcap *)s)->table, event);
}

static const struct live_ops pcap_ops = {start, tick, stop,  stat_pcap, close_pcap,
                                         save,  load, reset, settle};

struct live_source *live_open_pcap(const struct live_source *base, char why[LIVE_WHY])
{
	struct live_pcap *p = calloc(1, sizeof(*p));
	const struct config *config = base->options->config;
	const struct capture_options options = {.interface = base->config->interface,
	                                        .buffer_size = base->config->ring,
	                                        .filter = base->config->filter};
	const struct call_options calls = {.key = base->options->key,
	                                   .max_idle_us = config->max_idle_us,
	                                   .caller_from = config->caller == CALLER_FROM};
	char detail[CAPTURE_WHY] = "no memory";

	if (p) {
		p->source = *base;
		p->source.ops = &pcap_ops;
		p->calls = calls;
		p->table = call_table_new(&calls);
	}
	if (!p || !p->table || capture_open_live(&options, &p->capture, detail) != OK) {
		(void)snprintf(why, LIVE_WHY, "%s: %s", options.interface, detail);
		if (p) {
			p->capture = NULL;
			close_pcap(&p->source);
		}
		return NULL;
	}
	return &p->source;
}
