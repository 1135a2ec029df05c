/* The daemon's log: one line an event, key=value, to stderr (systemd and people read it).
 *
 *	log_info("sources", "opened kind=pcap interface=%s", name);
 *	-> 2026-03-02T12:00:00.123Z info sources opened kind=pcap interface=eth0
 *
 * State changes and operator actions only, never a line a packet. Equal lines within 10 s of the
 * first are counted and reported as repeated=n at the first call after that (log_flush: at once).
 * The time is given by app/ through log_clock. Phone numbers go through log_num. Control characters
 * become '?', so that what came from outside cannot begin a line; a line ends at 1000 bytes.
 * Thread-safe.
 */
#ifndef ENGINE_CORE_LOG_H
#define ENGINE_CORE_LOG_H

#include <stdint.h>

#include "core/slice.h"

enum log_level { LOG_ERR = 0, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_level_set(enum log_level level); /* default LOG_WARN: tools stay quiet */
/* Where the time of a line comes from: only app/ reads a clock. NULL: lines without time, and
 * repeated ones are not counted.
 */
void log_clock(int64_t (*now_us)(void));
/* Reports the repetitions counted so far: before the end of the program. */
void log_flush(void);

void log_err(const char *component, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_warn(const char *component, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_info(const char *component, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_debug(const char *component, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

enum { LOG_NUM_TEXT = 40 };
/* "+4479111234xx": the last two digits masked, at most 39 bytes; "-" for none. Returns out. */
const char *log_num(struct slice number, char out[LOG_NUM_TEXT]);

#endif
