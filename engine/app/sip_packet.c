#include "app/sip_packet.h"

enum { KEEPALIVE_LEN_MAX = 16 };

enum reason sip_packet_read(struct sip_packet *r, const struct capture *capture,
                            const struct capture_packet *packet, struct message *message)
{
	struct frame frame = {.time_us = packet->time_us};
	enum reason refused = packet_decode(capture_link(capture), packet->bytes, &frame);

	r->parsed = false;
	if (refused) {
		return refused;
	}
	/* Long datagrams are looked at before they are read: most of them may be media. */
	if (frame.payload.len > KEEPALIVE_LEN_MAX && !sip_recognise(frame.payload)) {
		return REASON_NOT_SIP;
	}
	r->parsed = true;
	refused = sip_parse(frame.payload, &r->sip);
	if (refused == REASON_NONE) {
		message_of_sip(&r->sip, &frame, &r->scratch, message);
	}
	return refused;
}
