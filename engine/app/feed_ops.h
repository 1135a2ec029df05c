/* The seam between feed.h and the kinds of input behind it: one table of functions a kind, one
 * opening function a kind. Only app/feed*.c include this.
 *
 * An implementation embeds struct feed as its first member, sets ops and hands out a pointer to
 * that member. Each function of the table is what its namesake in feed.h promises.
 */
#ifndef ENGINE_APP_FEED_OPS_H
#define ENGINE_APP_FEED_OPS_H

#include "app/feed.h"
#include "core/compress.h"

struct feed_ops {
	int (*next)(struct feed *feed, struct event *event);
	void (*stat)(const struct feed *feed, struct feed_stat *stat);
	void (*close)(struct feed *feed); /* frees the feed itself */
};

struct feed {
	const struct feed_ops *ops;
};

struct feed_input {
	struct instream *in;  /* nothing taken from it yet, only looked at */
	int fd;               /* of a regular file: what `in` reads and owns, for fstat and for its
	                         position; -1 for a pipe, a terminal, a socket */
	const char *path;     /* as given; "-" for standard input; lives as long as the feed */
	enum input_kind kind; /* by content */
};

/* Take input->in over, also on failure. Results as feed_open; *why is set on failure. */
int feed_open_pcap(const struct feed_input *input, const struct feed_options *options,
                   struct feed **feed, const char **why);
int feed_open_cdr(const struct feed_input *input, const struct feed_options *options,
                  struct feed **feed, const char **why);

#endif
