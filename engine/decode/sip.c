/* One pass over the lines of the head, memchr for their ends; then the few headers that have parts
 * are taken apart. A name is recognised by its length and by comparing words of its bytes with the
 * rows of sip_headers.def that are as long. bench/micro/bench_sip_parse measures it.
 */
#include "decode/sip.h"

#include "decode/sip_text.h"

#define ALWAYS_INLINE inline __attribute__((always_inline))

static const char VERSION[] = "SIP/2.0";
enum { VERSION_LEN = sizeof(VERSION) - 1, STATUS_LEN = 3, DIGITS_MAX = 18 };

/* The one to eight bytes at p, those of a short word twice. */
static ALWAYS_INLINE uint64_t load_word(const char *p, size_t len)
{
	uint64_t word = 0;
	uint32_t half[2];
	uint16_t quarter[2];

	if (len == 8) {
		memcpy(&word, p, 8);
		return word;
	}
	if (len >= 4) {
		memcpy(&half[0], p, 4);
		memcpy(&half[1], p + len - 4, 4);
		return (uint64_t)half[1] << 32 | half[0];
	}
	if (len >= 2) {
		memcpy(&quarter[0], p, 2);
		memcpy(&quarter[1], p + len - 2, 2);
		return (uint64_t)quarter[1] << 16 | quarter[0];
	}
	return (unsigned char)*p;
}

/* 0x20 in every byte that is an ASCII letter: or-ed to it, that makes it lower case. */
static inline uint64_t letter_bits(uint64_t word)
{
	const uint64_t each = UINT64_C(0x0101010101010101);
	uint64_t lower = word | each * 0x20;
	uint64_t from_a = lower + each * (0x80 - 'a');
	uint64_t past_z = lower + each * (0x7f - 'z');

	return (from_a & ~past_z & each * 0x80) >> 2;
}

static ALWAYS_INLINE bool word_is(const char *p, const char *name, size_t len)
{
	uint64_t want = load_word(name, len);
	uint64_t bits = letter_bits(want);

	return (load_word(p, len) | bits) == (want | bits);
}

/* Both have len bytes. */
static ALWAYS_INLINE bool name_is(const char *p, const char *name, size_t len)
{
	if (len <= 8) {
		return word_is(p, name, len);
	}
	return word_is(p, name, 8) && word_is(p + len - 8, name + len - 8, 8) &&
	       (len <= 16 || word_is(p + 8, name + 8, 8));
}

/* With a constant len only the rows of that length remain, as compares of words. */
static ALWAYS_INLINE enum sip_header header_of_len(const char *name, size_t len)
{
#define SIP_HEADER(id, text, compact)                                               \
 if (len == 1 ? (compact) && ascii_lower(*name) == (compact)                        \
	      : len == sizeof(text) - 1 && name_is(name, text, sizeof(text) - 1)) { \
  return SIP_H_##id;                                                                \
 }
#include "decode/sip_headers.def"
#undef SIP_HEADER
	return SIP_H_OTHER;
}

static enum sip_header header_of(const char *name, size_t len)
{
	// clang-format off
	switch (len) {
#define LEN(n) case n: return header_of_len(name, n);
	LEN(1) LEN(2) LEN(3) LEN(4) LEN(5) LEN(6) LEN(7) LEN(8) LEN(9) LEN(10)
	LEN(11) LEN(12) LEN(13) LEN(14) LEN(15) LEN(16) LEN(17) LEN(18) LEN(19) LEN(20)
#undef LEN
	default: return SIP_H_OTHER;
	}
	// clang-format on
}

enum sip_header sip_header_of(struct slice name)
{
	return header_of(name.p, name.len);
}

enum sip_method sip_method_of(struct slice name)
{
#define SIP_METHOD(id)                                                           \
 if (name.len == sizeof(#id) - 1 && memcmp(name.p, #id, sizeof(#id) - 1) == 0) { \
  return SIP_##id;                                                               \
 }
#include "decode/sip_methods.def"
#undef SIP_METHOD
	return SIP_OTHER;
}

/* Keep-alives and padding that some senders put before the start line (RFC 3261 section 7.5). */
static struct slice skip_junk(struct slice s)
{
	size_t i = 0;

	while (i < s.len && (sip_is_space(s.p[i]) || s.p[i] == '\0')) {
		i++;
	}
	return slice_skip(s, i);
}

static struct slice trim_end(struct slice s)
{
	while (s.len && sip_is_space(s.p[s.len - 1])) {
		s.len--;
	}
	return s;
}

/* "SIP/" digits "." digits. */
static bool is_version(struct slice s)
{
	size_t i = 4;

	if (s.len < VERSION_LEN || !slice_eq_nocase(slice_first(s, 4), SLICE_LIT("SIP/"))) {
		return false;
	}
	while (i < s.len && ascii_is_digit(s.p[i])) {
		i++;
	}
	if (i == 4 || i + 1 >= s.len || s.p[i] != '.') {
		return false;
	}
	for (i++; i < s.len; i++) {
		if (!ascii_is_digit(s.p[i])) {
			return false;
		}
	}
	return true;
}

/* The last word of a line that ends with no blank. */
static struct slice last_word(struct slice line)
{
	size_t begin = line.len;

	while (begin && !sip_is_blank(line.p[begin - 1])) {
		begin--;
	}
	return slice_skip(line, begin);
}

static struct slice first_word(struct slice line)
{
	size_t len = 0;

	while (len < line.len && !sip_is_blank(line.p[len])) {
		len++;
	}
	return slice_first(line, len);
}

bool sip_recognise(struct slice datagram)
{
	struct slice s = skip_junk(datagram);
	size_t token = sip_span(s, SIP_CLASS_TOKEN);

	if (token == s.len) {
		return false;
	}
	if (!sip_is_blank(s.p[token])) {
		return token == 3 && is_version(first_word(slice_first(s, 2 * VERSION_LEN)));
	}
	struct slice line = trim_end(slice_first(s, slice_find(s, '\n')));
	struct slice version = last_word(line);
	return version.p > s.p + token && is_version(version);
}

static enum reason version_reason(struct slice version)
{
	return slice_eq_nocase(version, slice_of(VERSION)) ? REASON_NONE : REASON_SIP_VERSION;
}

static enum reason read_status_line(struct slice line, struct slice version, struct sip_msg *msg)
{
	struct slice s = slice_trim(slice_skip(line, version.len));
	struct slice code = first_word(s);

	msg->reason_phrase = slice_trim(slice_skip(s, code.len));
	if (code.len != STATUS_LEN || !ascii_is_digit(code.p[0]) || !ascii_is_digit(code.p[1]) ||
	    !ascii_is_digit(code.p[2])) {
		return REASON_SIP_STATUS;
	}
	int status = (code.p[0] - '0') * 100 + (code.p[1] - '0') * 10 + (code.p[2] - '0');
	if (status < 100 || status > 699) {
		return REASON_SIP_STATUS;
	}
	msg->status = status;
	return version_reason(version);
}

static enum reason read_request_line(struct slice line, struct sip_msg *msg)
{
	struct slice method = first_word(line);
	struct slice version = last_word(line);

	if (version.p == line.p || !is_version(version)) {
		return REASON_NOT_SIP;
	}
	struct slice uri = slice_trim(
		(struct slice){line.p + method.len, (size_t)(version.p - line.p) - method.len});
	if (uri.len > 1 && uri.p[0] == '<' && uri.p[uri.len - 1] == '>') {
		uri = (struct slice){uri.p + 1, uri.len - 2};
	}
	msg->request = true;
	if (sip_span(method, SIP_CLASS_TOKEN) != method.len || uri.len == 0) {
		return REASON_SIP_START_LINE;
	}
	msg->method_text = method;
	msg->method = sip_method_of(method);
	msg->request_uri = uri;
	return version_reason(version);
}

static enum reason read_start_line(struct slice line, struct sip_msg *msg)
{
	struct slice version;

	line = trim_end(line);
	version = first_word(line);
	if (is_version(version)) {
		return read_status_line(line, version, msg);
	}
	return read_request_line(line, msg);
}

/* One header line, its folds included. */
static bool read_header(struct slice line, struct sip_msg *msg)
{
	size_t colon = slice_find(line, ':');
	struct slice name = slice_first(line, colon);

	while (name.len && sip_is_blank(name.p[name.len - 1])) {
		name.len--;
	}
	if (colon == line.len || name.len == 0) {
		return false;
	}
	enum sip_header header = header_of(name.p, name.len);
	if (header == SIP_H_OTHER) {
		return true;
	}
	unsigned count = msg->header_count[header];
	msg->header_count[header] = (uint8_t)(count + (count < UINT8_MAX));
	if (count == 0) {
		msg->header[header] = sip_trim(slice_skip(line, colon + 1));
	} else if (count == 1 && header == SIP_H_IDENTITY) {
		msg->identity_more = sip_trim(slice_skip(line, colon + 1));
	}
	return true;
}

/* From begin to the end of its line, and of the lines that continue it; NULL when the end is
 * missing. Each line takes one off lines_left.
 */
static const char *line_end(const char *begin, const char *end, unsigned *lines_left)
{
	const char *lf = memchr(begin, '\n', (size_t)(end - begin));

	(*lines_left)--;
	while (lf && *lines_left && lf + 1 < end && sip_is_blank(lf[1])) {
		lf = memchr(lf + 1, '\n', (size_t)(end - lf - 1));
		(*lines_left)--;
	}
	return lf;
}

/* Reads up to the empty line; *body is what follows it, missing when it is not reached. */
static enum reason read_headers(struct slice s, struct sip_msg *msg, struct slice *body)
{
	enum reason reason = REASON_NONE;
	const char *p = s.p;
	const char *end = s.p + s.len;
	unsigned lines_left = SIP_HEADER_LINES_MAX + 1;

	while (p < end) {
		if (*p == '\n' || (*p == '\r' && end - p > 1 && p[1] == '\n')) {
			p += *p == '\r' ? 2 : 1;
			*body = (struct slice){p, (size_t)(end - p)};
			return reason;
		}
		const char *lf = line_end(p, end, &lines_left);
		if (lines_left == 0) {
			return reason ? reason : REASON_SIP_TOO_MANY_HEADERS;
		}
		if (!lf) {
			break;
		}
		if (!read_header((struct slice){p, (size_t)(lf - p)}, msg) && !reason) {
			reason = REASON_SIP_HEADER;
		}
		p = lf + 1;
	}
	return reason ? reason : REASON_SIP_TRUNCATED;
}

/* -1 when s is not a number of one to max digits. */
static int64_t read_digits(struct slice s, size_t max)
{
	int64_t value = 0;

	if (s.len == 0 || s.len > max) {
		return -1;
	}
	for (size_t i = 0; i < s.len; i++) {
		if (!ascii_is_digit(s.p[i])) {
			return -1;
		}
		value = value * 10 + (s.p[i] - '0');
	}
	return value;
}

static void read_cseq(struct sip_msg *msg)
{
	struct slice s = msg->header[SIP_H_CSEQ];
	size_t digits = 0;

	while (digits < s.len && ascii_is_digit(s.p[digits])) {
		digits++;
	}
	int64_t number = read_digits(slice_first(s, digits), DIGITS_MAX);
	msg->cseq_read = number >= 0 && number <= UINT32_MAX;
	msg->cseq = msg->cseq_read ? (uint32_t)number : 0;

	struct slice method = sip_trim(slice_skip(s, digits));
	if (method.len && sip_span(method, SIP_CLASS_TOKEN) == method.len) {
		msg->cseq_method = method;
	}
	if (!msg->request) {
		msg->method_text = msg->cseq_method;
		msg->method = sip_method_of(msg->cseq_method);
	}
}

/* Topmost Via: "SIP/2.0/UDP host:port;branch=…". */
static void read_via(struct sip_msg *msg)
{
	struct slice via = msg->header[SIP_H_VIA];

	msg->via_branch = sip_param(slice_skip(via, slice_find(via, ';')), "branch");
}

static bool read_addr(struct slice value, struct sip_addr *addr, struct slice *tag)
{
	if (sip_addr_parse(value, addr, NULL)) {
		*addr = (struct sip_addr){0};
		return false;
	}
	*tag = sip_param(addr->params, "tag");
	return true;
}

static void read_body(struct slice body, struct sip_msg *msg)
{
	uint64_t promised;

	msg->content_length = read_digits(msg->header[SIP_H_CONTENT_LENGTH], DIGITS_MAX);
	promised = (uint64_t)msg->content_length;
	msg->body_truncated = msg->content_length >= 0 && promised > body.len;
	msg->body = msg->content_length >= 0 ? slice_first(body, promised) : body;
}

/* The headers without which no dialog can be keyed. */
static enum reason read_mandatory(struct sip_msg *msg)
{
	msg->call_id = msg->header[SIP_H_CALL_ID];
	read_cseq(msg);
	bool from = read_addr(msg->header[SIP_H_FROM], &msg->from, &msg->from_tag);
	bool to = read_addr(msg->header[SIP_H_TO], &msg->to, &msg->to_tag);

	if (msg->call_id.len == 0) {
		return REASON_SIP_NO_CALL_ID;
	}
	if (!msg->cseq_read || msg->cseq_method.len == 0) {
		return REASON_SIP_NO_CSEQ;
	}
	if (!from) {
		return REASON_SIP_NO_FROM;
	}
	return to ? REASON_NONE : REASON_SIP_NO_TO;
}

enum reason sip_parse(struct slice datagram, struct sip_msg *msg)
{
	*msg = (struct sip_msg){.content_length = -1};

	struct slice text = skip_junk(slice_first(datagram, SIP_MESSAGE_MAX));
	if (text.len == 0) {
		return REASON_KEEPALIVE;
	}
	size_t lf = slice_find(text, '\n');
	enum reason start = read_start_line(slice_first(text, lf), msg);
	if (start == REASON_NOT_SIP) {
		return start;
	}
	msg->text = text;

	struct slice body = SLICE_NONE;
	enum reason head = read_headers(slice_skip(text, lf + 1), msg, &body);
	read_via(msg);
	enum reason mandatory = read_mandatory(msg);
	read_body(body, msg);
	if (start) {
		return start;
	}
	return head ? head : mandatory;
}
