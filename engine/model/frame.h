/* What decode/packet makes of one captured packet: a UDP datagram with its envelope, borrowed from
 * the capture buffer.
 */
#ifndef ENGINE_MODEL_FRAME_H
#define ENGINE_MODEL_FRAME_H

#include <stdint.h>

#include "core/slice.h"
#include "model/event.h"

struct frame {
	int64_t time_us; /* capture time; never the local clock */
	struct ip src;   /* with port */
	struct ip dst;
	struct slice payload;
};

#endif
