#include "core/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/instant.h"

#define REPEAT_WINDOW_US (10 * US_PER_S)

enum { TEXT_SIZE = 1000, LINE_SIZE = TEXT_SIZE + 80, RECENT_MAX = 16 };

/* A line that was written, without its time. */
struct recent {
	int64_t written_us;
	uint64_t repeated;
	size_t len; /* 0: free */
	char text[TEXT_SIZE];
};

/* The one log of the process. */
static struct {
	pthread_mutex_t lock;
	int64_t (*now_us)(void);
	struct recent recent[RECENT_MAX];
} shared = {.lock = PTHREAD_MUTEX_INITIALIZER};

static enum log_level level_max = LOG_WARN;

static const char *const level_words[] = {"error", "warn", "info", "debug"};

void log_level_set(enum log_level level)
{
	__atomic_store_n(&level_max, level, __ATOMIC_RELAXED);
}

void log_clock(int64_t (*now_us)(void))
{
	(void)pthread_mutex_lock(&shared.lock);
	shared.now_us = now_us;
	(void)pthread_mutex_unlock(&shared.lock);
}

/* In one write, so that lines of several processes on one terminal stay whole. */
static void write_line(int64_t now_us, struct slice text, uint64_t repeated)
{
	char line[LINE_SIZE];
	char tail[32] = "";
	size_t len = 0;

	if (now_us != INSTANT_NONE) {
		len = instant_format(now_us, line);
		line[len++] = ' ';
	}
	if (repeated > 0) {
		(void)snprintf(tail, sizeof(tail), " repeated=%llu", (unsigned long long)repeated);
	}
	len += (size_t)snprintf(line + len, sizeof(line) - len, "%.*s%s\n", SLICE_FMT(text), tail);
	/* There is nobody to tell that the log cannot be written. */
	ssize_t written = write(STDERR_FILENO, line, len);
	(void)written;
}

static void report(struct recent *r, int64_t now_us)
{
	if (r->repeated > 0) {
		write_line(now_us, (struct slice){r->text, r->len}, r->repeated);
	}
	r->len = 0;
	r->repeated = 0;
}

/* A clock that was set back ends the window, too. */
static void report_expired(int64_t now_us)
{
	for (size_t i = 0; i < RECENT_MAX; i++) {
		struct recent *r = &shared.recent[i];
		if (r->len > 0 &&
		    (now_us - r->written_us >= REPEAT_WINDOW_US || now_us < r->written_us)) {
			report(r, now_us);
		}
	}
}

static bool is_repetition(struct slice text)
{
	for (size_t i = 0; i < RECENT_MAX; i++) {
		struct recent *r = &shared.recent[i];
		if (slice_eq((struct slice){r->text, r->len}, text)) {
			r->repeated++;
			return true;
		}
	}
	return false;
}

/* In a free place, else in that of the oldest, whose repetitions are reported now. */
static void remember(struct slice text, int64_t now_us)
{
	struct recent *place = &shared.recent[0];

	for (size_t i = 0; i < RECENT_MAX && place->len > 0; i++) {
		struct recent *r = &shared.recent[i];
		if (r->len == 0 || r->written_us < place->written_us) {
			place = r;
		}
	}
	report(place, now_us);
	memcpy(place->text, text.p, text.len);
	place->len = text.len;
	place->written_us = now_us;
}

static void log_text(struct slice text)
{
	(void)pthread_mutex_lock(&shared.lock);
	if (!shared.now_us) {
		write_line(INSTANT_NONE, text, 0);
	} else {
		int64_t now_us = shared.now_us();
		report_expired(now_us);
		if (!is_repetition(text)) {
			remember(text, now_us);
			write_line(now_us, text, 0);
		}
	}
	(void)pthread_mutex_unlock(&shared.lock);
}

void log_flush(void)
{
	(void)pthread_mutex_lock(&shared.lock);
	for (size_t i = 0; i < RECENT_MAX; i++) {
		report(&shared.recent[i], shared.now_us ? shared.now_us() : INSTANT_NONE);
	}
	(void)pthread_mutex_unlock(&shared.lock);
}

/* snprintf's result as the length of what is in the buffer. */
static size_t kept(int len, size_t size)
{
	if (len < 0) {
		return 0;
	}
	return (size_t)len < size ? (size_t)len : size - 1;
}

static void __attribute__((format(printf, 3, 0)))
log_args(enum log_level level, const char *component, const char *format, va_list args)
{
	char text[TEXT_SIZE];

	if (level > __atomic_load_n(&level_max, __ATOMIC_RELAXED)) {
		return;
	}
	size_t len = kept(snprintf(text, sizeof(text), "%s %s ", level_words[level], component),
	                  sizeof(text));
	len += kept(vsnprintf(text + len, sizeof(text) - len, format, args), sizeof(text) - len);
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) {
			text[i] = '?';
		}
	}
	log_text((struct slice){text, len});
}

// clang-format off
#define LOG_FUNCTION(name, level)                                         \
	void name(const char *component, const char *format, ...)         \
	{                                                                 \
		va_list args;                                             \
		va_start(args, format);                                   \
		log_args(level, component, format, args);                 \
		va_end(args);                                             \
	}
// clang-format on

LOG_FUNCTION(log_err, LOG_ERR)
LOG_FUNCTION(log_warn, LOG_WARN)
LOG_FUNCTION(log_info, LOG_INFO)
LOG_FUNCTION(log_debug, LOG_DEBUG)

const char *log_num(struct slice number, char out[LOG_NUM_TEXT])
{
	enum { MASKED_DIGITS = 2 };
	struct slice shown =
		slice_first(number.len > 0 ? number : SLICE_LIT("-"), LOG_NUM_TEXT - 1);
	size_t masked = 0;

	memcpy(out, shown.p, shown.len);
	out[shown.len] = '\0';
	for (size_t i = shown.len; i > 0 && masked < MASKED_DIGITS; i--) {
		if (ascii_is_digit(out[i - 1])) {
			out[i - 1] = 'x';
			masked++;
		}
	}
	return out;
}
