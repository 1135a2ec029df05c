/* Opens an input and looks at its first bytes to tell what it is. */
#include "app/feed.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/feed_ops.h"
#include "core/err.h"
#include "core/slice.h"

static const struct {
	char bytes[5];
	enum input_kind kind;
} magics[] = {
	{"\xa1\xb2\xc3\xd4", INPUT_PCAP}, /* microseconds, big endian */
	{"\xd4\xc3\xb2\xa1", INPUT_PCAP}, /* little endian */
	{"\xa1\xb2\x3c\x4d", INPUT_PCAP}, /* nanoseconds */
	{"\x4d\x3c\xb2\xa1", INPUT_PCAP},
	{"\xa1\xb2\xcd\x34", INPUT_PCAP}, /* with an interface a packet, from patched systems */
	{"\x34\xcd\xb2\xa1", INPUT_PCAP},
	{"\x0a\x0d\x0d\x0a", INPUT_PCAPNG},
};

/* Text in the first line: no control characters but white space. UTF-8 and Latin-1 both pass. */
static bool is_text(struct slice s)
{
	struct slice line = slice_first(s, slice_find(s, '\n'));

	for (size_t i = 0; i < line.len; i++) {
		unsigned char c = (unsigned char)line.p[i];
		if (c < ' ' && c != '\t' && c != '\r' && c != '\f') {
			return false;
		}
	}
	return true;
}

static enum input_kind kind_of(struct slice head)
{
	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
		if (slice_starts(head, (struct slice){magics[i].bytes, 4})) {
			return magics[i].kind;
		}
	}
	if (slice_starts(head, SLICE_LIT("\xef\xbb\xbf"))) {
		head = slice_skip(head, 3);
	}
	while (head.len && strchr(" \t\r\n", head.p[0])) {
		head = slice_skip(head, 1);
	}
	if (head.len == 0 || !is_text(head)) {
		return INPUT_UNKNOWN;
	}
	return head.p[0] == '{' ? INPUT_CDR_JSON : INPUT_CDR_CSV;
}

static int open_path(const char *path, const char **why)
{
	bool standard = strcmp(path, "-") == 0;
	int fd = standard ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
	                  : open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0) {
		*why = strerror(errno);
	} else if (S_ISDIR(st.st_mode)) {
		*why = "a folder";
	} else {
		return fd;
	}
	if (fd >= 0) {
		close(fd);
	}
	return -1;
}

static bool is_regular(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

static int open_kind(struct feed_input *input, const struct feed_options *options,
                     struct feed **feed, const char **why)
{
	const void *bytes = NULL;
	ssize_t len = instream_peek(input->in, &bytes);

	input->kind = len > 0 ? kind_of((struct slice){bytes, (size_t)len}) : INPUT_UNKNOWN;
	switch (input->kind) {
	case INPUT_PCAP:
	case INPUT_PCAPNG: return feed_open_pcap(input, options, feed, why);
	case INPUT_CDR_CSV:
	case INPUT_CDR_JSON: return feed_open_cdr(input, options, feed, why);
	default: break;
	}
	instream_close(input->in);
	*why = len < 0    ? err_text((int)len)
	       : len == 0 ? "an empty file"
	                  : "neither a capture file nor call records";
	return len < 0 ? (int)len : E_UNSUPPORTED;
}

int feed_open(const char *path, const struct feed_options *options, struct feed **feed,
              const char **why)
{
	int fd = open_path(path, why);

	if (fd < 0) {
		return E_IO;
	}
	struct feed_input input = {.fd = is_regular(fd) ? fd : -1, .path = path};
	int err = instream_open_fd(fd, &input.in);
	if (err) {
		*why = err_text(err);
		return err;
	}
	return open_kind(&input, options, feed, why);
}

int feed_next(struct feed *feed, struct event *event)
{
	return feed->ops->next(feed, event);
}

void feed_stat(const struct feed *feed, struct feed_stat *stat)
{
	feed->ops->stat(feed, stat);
}

void feed_close(struct feed *feed)
{
	if (feed) {
		feed->ops->close(feed);
	}
}
