/* One captured packet to one SIP message: what a capture file and an interface do alike. */
#ifndef ENGINE_APP_SIP_PACKET_H
#define ENGINE_APP_SIP_PACKET_H

#include "core/stats.h"
#include "decode/message.h"
#include "decode/packet.h"
#include "decode/sip.h"
#include "sources/pcap.h"

/* How often a capture moves the dialog table's timers on, in capture time. */
#define SIP_PACKET_ADVANCE_US (100 * US_PER_MS)

struct sip_packet {
	struct sip_msg sip;
	struct message_scratch scratch;
	bool parsed; /* the last packet was looked at as SIP: sip and its verdict are of it */
};

/* REASON_NONE and *message (slices of the packet and of r), or why it is none. */
enum reason sip_packet_read(struct sip_packet *r, const struct capture *capture,
                            const struct capture_packet *packet, struct message *message);

#endif
