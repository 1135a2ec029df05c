#include "sources/pcap.h"

#include <limits.h>
#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "core/instant.h"

enum { LINKTYPE_RAW = 101, LINKTYPE_ETHERNET = 1 };

#define TIME_MAX_S INT64_C(7258118400) /* the year 2200 */

struct capture {
	pcap_t *pcap;
	FILE *file;          /* NULL: live; closed by libpcap */
	struct instream *in; /* owned by file */
	int fd;              /* live, to wait for */
	int end;             /* how a file ended, OK until then */
	uint32_t link;
	char link_name[32];
	struct pcap_stat seen; /* 32 bits wide, as of the last look */
	struct capture_drops drops;
};

static void say(char why[CAPTURE_WHY], const char *text)
{
	snprintf(why, CAPTURE_WHY, "%s", text);
}

/* Link types of which libpcap's number on this system is not that of the file format. */
static uint32_t link_of_dlt(int dlt)
{
	return dlt == DLT_RAW ? LINKTYPE_RAW : (uint32_t)dlt;
}

static void set_link(struct capture *c)
{
	int dlt = pcap_datalink(c->pcap);
	const char *name = pcap_datalink_val_to_name(dlt);

	c->link = link_of_dlt(dlt);
	if (name) {
		snprintf(c->link_name, sizeof(c->link_name), "%s", name);
	} else {
		snprintf(c->link_name, sizeof(c->link_name), "%u", c->link);
	}
}

/* Why libpcap gave up on the file: the stream failed, or ended too early, or neither. */
static int file_error(const struct capture *c, int otherwise)
{
	int err = instream_err(c->in);

	return err ? err : feof(c->file) ? E_TRUNCATED : otherwise;
}

int capture_open_file(struct instream *in, struct capture **out, char why[CAPTURE_WHY])
{
	char error[PCAP_ERRBUF_SIZE] = "";
	struct capture *c = calloc(1, sizeof(*c));
	FILE *file = c ? instream_file(in) : NULL;

	if (!file) {
		say(why, err_text(E_NOMEM));
		instream_close(in);
		free(c);
		return E_NOMEM;
	}
	c->file = file;
	c->in = in;
	c->fd = -1;
	c->pcap =
		pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_MICRO, error);
	if (!c->pcap) {
		int err = file_error(c, E_UNSUPPORTED);
		say(why, error);
		fclose(file);
		free(c);
		return err;
	}
	set_link(c);
	*out = c;
	return OK;
}

static int live_error(struct capture *c, int status, char why[CAPTURE_WHY])
{
	const char *text = pcap_geterr(c->pcap);

	say(why, text[0] ? text : pcap_statustostr(status));
	return status == PCAP_ERROR_NO_SUCH_DEVICE ? E_NOTFOUND : E_IO;
}

static int set_filter(struct capture *c, const char *filter, char why[CAPTURE_WHY])
{
	struct bpf_program program;

	if (pcap_compile(c->pcap, &program, filter, 1, PCAP_NETMASK_UNKNOWN) != 0) {
		say(why, pcap_geterr(c->pcap));
		return E_INVALID;
	}
	int status = pcap_setfilter(c->pcap, &program);
	pcap_freecode(&program);
	return status == 0 ? OK : live_error(c, status, why);
}

static int activate(struct capture *c, const struct capture_options *options, char why[CAPTURE_WHY])
{
	char error[PCAP_ERRBUF_SIZE] = "";
	size_t buffer = options->buffer_size ? options->buffer_size : CAPTURE_BUFFER_DEFAULT;

	pcap_set_snaplen(c->pcap, CAPTURE_SNAPLEN);
	pcap_set_promisc(c->pcap, 1);
	pcap_set_timeout(c->pcap, CAPTURE_WAIT_MS);
	pcap_set_buffer_size(c->pcap, buffer < INT_MAX ? (int)buffer : INT_MAX);
	int status = pcap_activate(c->pcap);
	if (status < 0) {
		return live_error(c, status, why);
	}
	set_link(c);
	if (pcap_setnonblock(c->pcap, 1, error) != 0) {
		say(why, error);
		return E_IO;
	}
	c->fd = pcap_get_selectable_fd(c->pcap);
	return set_filter(c, options->filter ? options->filter : capture_filter_default(c->link),
	                  why);
}

int capture_open_live(const struct capture_options *options, struct capture **out,
                      char why[CAPTURE_WHY])
{
	char error[PCAP_ERRBUF_SIZE] = "";
	struct capture *c = calloc(1, sizeof(*c));

	if (!c) {
		say(why, err_text(E_NOMEM));
		return E_NOMEM;
	}
	c->pcap = pcap_create(options->interface, error);
	if (!c->pcap) {
		say(why, error);
		free(c);
		return E_IO;
	}
	int err = activate(c, options, why);
	if (err) {
		capture_close(c);
		return err;
	}
	*out = c;
	return OK;
}

/* A pcap file counts seconds in 32 bits, which libpcap takes as signed; pcapng in 64 bits that a
 * damaged file may fill with anything.
 */
static int64_t time_of(const struct timeval *ts)
{
	int64_t s = ts->tv_sec;

	if (s < 0 && s >= INT32_MIN) {
		s += INT64_C(1) << 32;
	}
	s = s < 0 ? 0 : s > TIME_MAX_S ? TIME_MAX_S : s;
	return s * US_PER_S + ts->tv_usec % US_PER_S;
}

int capture_next(struct capture *c, struct capture_packet *packet)
{
	struct pcap_pkthdr *header;
	const u_char *bytes;

	if (c->end != OK) {
		return c->end;
	}
	int status = pcap_next_ex(c->pcap, &header, &bytes);
	if (status == 1) {
		packet->time_us = time_of(&header->ts);
		packet->bytes = (struct slice){(const char *)bytes, header->caplen};
		return OK;
	}
	if (!c->file) {
		return status == 0 ? E_AGAIN : (c->end = E_IO);
	}
	/* A stream that fails exactly between two packets looks to libpcap like a clean end. */
	c->end = status == PCAP_ERROR_BREAK && !instream_err(c->in) ? E_END
	                                                            : file_error(c, E_MALFORMED);
	return c->end;
}

uint32_t capture_link(const struct capture *c)
{
	return c->link;
}

const char *capture_link_name(const struct capture *c)
{
	return c->link_name;
}

int capture_fd(const struct capture *c)
{
	return c->fd;
}

/* The difference of two 32-bit counters, right across a wrap. */
static uint64_t counted(unsigned now, unsigned before)
{
	return (uint32_t)(now - before);
}

void capture_drops(struct capture *c, struct capture_drops *drops)
{
	struct pcap_stat now;

	if (!c->file && pcap_stats(c->pcap, &now) == 0) {
		c->drops.received += counted(now.ps_recv, c->seen.ps_recv);
		c->drops.dropped += counted(now.ps_drop, c->seen.ps_drop);
		c->drops.interface_dropped += counted(now.ps_ifdrop, c->seen.ps_ifdrop);
		c->seen = now;
	}
	*drops = c->drops;
}

void capture_close(struct capture *c)
{
	if (!c) {
		return;
	}
	pcap_close(c->pcap);
	free(c);
}

/* `vlan` moves every offset behind it, to the end of the expression: hence the nesting. */
#define SIP_UDP \
 "(udp portrange 5060-5061 or (ip proto 17 and ip[6:2] & 0x1fff != 0) or ip6 proto 44)"

const char *capture_filter_default(uint32_t link)
{
	return link == LINKTYPE_ETHERNET ? SIP_UDP " or (vlan and (" SIP_UDP
	                                           " or (vlan and " SIP_UDP ")))"
	                                 : SIP_UDP;
}
