/* calls.pcap: Ethernet, IPv4 and UDP around the messages of gen_sip.c.
 *
 * Calls come in order of start and last; a heap by the time of each call's next message puts the
 * messages of all calls in progress into one order.
 */
#include <stdlib.h>

#include "core/instant.h"
#include "ringfence/gen_sip.h"

enum {
	PCAP_ETHERNET = 1,
	PCAP_SNAPLEN = 65535,
	ETHERNET_LEN = 14,
	IPV4_LEN = 20,
	UDP_LEN = 8,
	SIP_PORT = 5060,
};

/* https://www.ietf.org/archive/id/draft-gharris-opsawg-pcap-01.html, host byte order. */
struct pcap_header {
	uint32_t magic;
	uint16_t major;
	uint16_t minor;
	uint32_t zone;
	uint32_t accuracy;
	uint32_t snaplen;
	uint32_t linktype;
};

struct packet_header {
	uint32_t seconds;
	uint32_t microseconds;
	uint32_t captured;
	uint32_t length;
};

_Static_assert(sizeof(struct pcap_header) == 24 && sizeof(struct packet_header) == 16,
               "the file format");

struct open_call {
	struct gen_call call;
	uint64_t id;
	struct gen_step steps[GEN_STEPS_MAX];
	size_t count;
	size_t at;
};

struct gen_pcap {
	struct gen_file *f;
	const struct gen_world *w;
	struct open_call **heap;
	size_t count;
	size_t cap;
	struct buf sip;
	bool failed;
};

/* ---- a packet ---- */

static uint16_t ipv4_checksum(const uint8_t header[IPV4_LEN])
{
	uint32_t sum = 0;

	for (size_t i = 0; i < IPV4_LEN; i += 2) {
		sum += (uint32_t)header[i] << 8 | header[i + 1];
	}
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~(sum + (sum >> 16));
}

static void put16(uint8_t *p, size_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static void put32(uint8_t *p, uint32_t value)
{
	put16(p, value >> 16);
	put16(p + 2, value & 0xffff);
}

static void write_packet(struct gen_pcap *p, int64_t time_us, uint32_t from, uint32_t to)
{
	static const uint8_t ethernet[ETHERNET_LEN] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0};
	size_t udp_len = UDP_LEN + p->sip.len;
	uint8_t ip[IPV4_LEN] = {0x45};
	uint8_t udp[UDP_LEN] = {0}; /* no checksum: allowed over IPv4 (RFC 768) */
	struct packet_header header = {
		.seconds = (uint32_t)(time_us / US_PER_S),
		.microseconds = (uint32_t)(time_us % US_PER_S),
		.captured = (uint32_t)(ETHERNET_LEN + IPV4_LEN + udp_len),
		.length = (uint32_t)(ETHERNET_LEN + IPV4_LEN + udp_len),
	};

	put16(ip + 2, IPV4_LEN + udp_len);
	ip[8] = 60; /* time to live */
	ip[9] = 17; /* UDP */
	put32(ip + 12, from);
	put32(ip + 16, to);
	put16(ip + 10, ipv4_checksum(ip));
	put16(udp, SIP_PORT);
	put16(udp + 2, SIP_PORT);
	put16(udp + 4, udp_len);
	buf_add(&p->f->out, &header, sizeof(header));
	buf_add(&p->f->out, ethernet, sizeof(ethernet));
	buf_add(&p->f->out, ip, sizeof(ip));
	buf_add(&p->f->out, udp, sizeof(udp));
	buf_slice(&p->f->out, buf_view(&p->sip));
	gen_file_flush(p->f);
}

static void write_step(struct gen_pcap *p, const struct open_call *open)
{
	const struct gen_step *step = &open->steps[open->at];
	uint32_t peer = gen_trunk_address(open->call.trunk_in);

	buf_reset(&p->sip);
	gen_sip_write(&p->sip, p->w, &open->call, open->id, step);
	p->failed = p->failed || p->sip.failed;
	write_packet(p, step->time_us, step->from_edge ? GEN_EDGE_ADDRESS : peer,
	             step->from_edge ? peer : GEN_EDGE_ADDRESS);
}

/* ---- the heap ---- */

static bool goes_before(const struct open_call *a, const struct open_call *b)
{
	int64_t x = a->steps[a->at].time_us;
	int64_t y = b->steps[b->at].time_us;

	return x != y ? x < y : a->id < b->id;
}

static void sift_up(struct gen_pcap *p, size_t i)
{
	while (i && goes_before(p->heap[i], p->heap[(i - 1) / 2])) {
		struct open_call *up = p->heap[(i - 1) / 2];
		p->heap[(i - 1) / 2] = p->heap[i];
		p->heap[i] = up;
		i = (i - 1) / 2;
	}
}

static void sift_down(struct gen_pcap *p)
{
	for (size_t i = 0, child = 1; child < p->count; child = 2 * i + 1) {
		if (child + 1 < p->count && goes_before(p->heap[child + 1], p->heap[child])) {
			child++;
		}
		if (!goes_before(p->heap[child], p->heap[i])) {
			return;
		}
		struct open_call *down = p->heap[i];
		p->heap[i] = p->heap[child];
		p->heap[child] = down;
		i = child;
	}
}

/* Writes every message before `until`. */
static void write_until(struct gen_pcap *p, int64_t until)
{
	while (p->count && p->heap[0]->steps[p->heap[0]->at].time_us < until) {
		struct open_call *first = p->heap[0];
		write_step(p, first);
		if (++first->at == first->count) {
			free(first);
			p->heap[0] = p->heap[--p->count];
		}
		sift_down(p);
	}
}

/* ---- */

struct gen_pcap *gen_pcap_new(struct gen_file *f, const struct gen_world *w)
{
	static const struct pcap_header header = {
		.magic = 0xa1b2c3d4,
		.major = 2,
		.minor = 4,
		.snaplen = PCAP_SNAPLEN,
		.linktype = PCAP_ETHERNET,
	};
	struct gen_pcap *p = calloc(1, sizeof(*p));

	if (!p) {
		return NULL;
	}
	p->f = f;
	p->w = w;
	buf_add(&f->out, &header, sizeof(header));
	return p;
}

void gen_pcap_add(struct gen_pcap *p, const struct gen_call *call, uint64_t id)
{
	struct open_call *open = malloc(sizeof(*open));

	if (open && p->count == p->cap) {
		size_t cap = p->cap ? 2 * p->cap : 256;
		struct open_call **heap = realloc(p->heap, cap * sizeof(struct open_call *));
		if (heap) {
			p->heap = heap;
			p->cap = cap;
		}
	}
	if (!open || p->count == p->cap) {
		free(open);
		p->failed = true;
		return;
	}
	open->call = *call;
	open->id = id;
	open->at = 0;
	open->count = gen_ladder(call, open->steps);
	write_until(p, call->start_us);
	p->heap[p->count] = open;
	sift_up(p, p->count++);
}

bool gen_pcap_end(struct gen_pcap *p)
{
	write_until(p, INT64_MAX);
	bool whole = !p->failed;
	buf_fini(&p->sip);
	free(p->heap);
	free(p);
	return whole;
}
