#include "detect/regex.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "core/utf8.h"
#include "detect/regex_scan.h"

enum {
	PATTERN_MAX = 512,
	SUBJECT_MAX = 512,
	MATCH_LIMIT = 5000,
	DEPTH_LIMIT = 500,
	HEAP_LIMIT_KIB = 1024,
	JIT_STACK_MIN = 32 * 1024,
	JIT_STACK_MAX = 1024 * 1024,
};

struct regex {
	pcre2_code *code;
	bool has_literal;
	bool interpreted;
	char flags[3];
	size_t pattern_len;
	char pattern[PATTERN_MAX];
};

struct regex_scratch {
	pcre2_match_data *data;
	pcre2_match_context *context;
	pcre2_jit_stack *stack;
	char subject[3 * SUBJECT_MAX];
};

/* The longest beginning of at most max bytes that does not cut a character. */
static struct slice cut(struct slice s, size_t max)
{
	if (s.len <= max) {
		return s;
	}
	size_t len = max;
	while (len > 0 && max - len < 4 && (s.p[len] & 0xc0) == 0x80) {
		len--;
	}
	return slice_first(s, (s.p[len] & 0xc0) == 0x80 ? max : len);
}

struct regex_scratch *regex_scratch_new(void)
{
	struct regex_scratch *s = calloc(1, sizeof(*s));

	if (!s) {
		return NULL;
	}
	s->data = pcre2_match_data_create(1, NULL);
	s->context = pcre2_match_context_create(NULL);
	s->stack = pcre2_jit_stack_create(JIT_STACK_MIN, JIT_STACK_MAX, NULL);
	if (!s->data || !s->context) {
		regex_scratch_free(s);
		return NULL;
	}
	(void)pcre2_set_match_limit(s->context, MATCH_LIMIT);
	(void)pcre2_set_depth_limit(s->context, DEPTH_LIMIT);
	(void)pcre2_set_heap_limit(s->context, HEAP_LIMIT_KIB);
	if (s->stack) { /* else the JIT uses 32 KiB of the machine's stack */
		pcre2_jit_stack_assign(s->context, NULL, s->stack);
	}
	return s;
}

void regex_scratch_free(struct regex_scratch *s)
{
	if (!s) {
		return;
	}
	pcre2_match_data_free(s->data);
	pcre2_match_context_free(s->context);
	pcre2_jit_stack_free(s->stack);
	free(s);
}

int regex_match(const struct regex *r, struct regex_scratch *s, struct slice subject)
{
	subject = cut(subject, SUBJECT_MAX);
	if (!utf8_valid(subject)) {
		size_t len = utf8_repair(subject, s->subject);
		subject = cut((struct slice){s->subject, len}, SUBJECT_MAX);
	}
	const char *text = subject.len ? subject.p : "";
	int rc = pcre2_match(r->code, (PCRE2_SPTR)text, subject.len, 0, PCRE2_NO_UTF_CHECK, s->data,
	                     s->context);

	return rc >= 0 ? 1 : rc == PCRE2_ERROR_NOMATCH ? 0 : -1;
}

/* The letters and digits of the pattern, in turn. */
static size_t plain_word(const struct regex *r, char word[PATTERN_MAX])
{
	size_t len = 0;

	for (size_t i = 0; i < r->pattern_len; i++) {
		char c = r->pattern[i];
		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || ascii_is_digit(c)) {
			word[len++] = c;
		}
	}
	return len;
}

/* The text ends with the last bytes of word, so that a literal the pattern needs is there, and then
 * with what hardly any pattern ends with.
 */
static bool probe_text(const struct regex *r, struct regex_scratch *s, char text[SUBJECT_MAX],
                       struct slice word)
{
	size_t len = word.len < SUBJECT_MAX / 4 ? word.len : SUBJECT_MAX / 4;

	text[SUBJECT_MAX - 1] = '\x01';
	if (len > 0) {
		memcpy(text + SUBJECT_MAX - 1 - len, word.p + word.len - len, len);
	}
	return regex_match(r, s, (struct slice){text, SUBJECT_MAX}) >= 0;
}

/* Runs of one character, of the pattern's own above all, and the pattern's own text again and again
 * are what makes nested repeats explode.
 */
static bool probe(const struct regex *r, struct regex_scratch *s)
{
	static const char others[] = "aA0 .-";
	bool tried[256] = {false};
	char text[SUBJECT_MAX], word[PATTERN_MAX];
	size_t len = plain_word(r, word);

	for (size_t i = 0; i < r->pattern_len + sizeof(others) - 1; i++) {
		char c = i < r->pattern_len ? r->pattern[i] : others[i - r->pattern_len];
		if (tried[(unsigned char)c] || (c & 0x80)) {
			continue;
		}
		tried[(unsigned char)c] = true;
		memset(text, c, sizeof(text));
		if (!probe_text(r, s, text, SLICE_NONE) ||
		    !probe_text(r, s, text, (struct slice){word, len})) {
			return false;
		}
	}
	for (size_t i = 0; len > 0 && i < sizeof(text); i++) {
		text[i] = word[i % len];
	}
	return len == 0 || probe_text(r, s, text, SLICE_NONE);
}

static pcre2_code *compile(struct regex *r, char why[256], size_t *offset)
{
	struct slice pattern = regex_pattern(r);
	uint32_t options = PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C;
	uint32_t references = 0;
	int problem = 0;
	const char *refused = regex_scan_refused(pattern, strchr(r->flags, 'x') != NULL, offset);

	if (refused) {
		(void)snprintf(why, 256, "%s", refused);
		return NULL;
	}
	options |= strchr(r->flags, 'i') ? PCRE2_CASELESS : 0;
	options |= strchr(r->flags, 'x') ? PCRE2_EXTENDED : 0;
	pcre2_code *code =
		pcre2_compile((PCRE2_SPTR)pattern.p, pattern.len, options, &problem, offset, NULL);
	if (!code) {
		(void)pcre2_get_error_message(problem, (PCRE2_UCHAR *)why, 256);
		*offset -= *offset > 0; /* it points behind what it is about */
		return NULL;
	}
	(void)pcre2_pattern_info(code, PCRE2_INFO_BACKREFMAX, &references);
	if (references > 0) {
		(void)snprintf(why, 256, "back-references are not allowed");
		*offset = 0;
		pcre2_code_free(code);
		return NULL;
	}
	return code;
}

/* False: a limit was reached, or there is no memory. */
static bool survives_probes(const struct regex *r)
{
	struct regex_scratch *s = regex_scratch_new();
	bool survives = s && probe(r, s);

	regex_scratch_free(s);
	return survives;
}

struct regex *regex_compile(struct slice pattern, const char *flags, char why[256], size_t *offset)
{
	struct regex *r = calloc(1, sizeof(*r));

	*offset = 0;
	if (!r) {
		(void)snprintf(why, 256, "out of memory");
		return NULL;
	}
	if (pattern.len > PATTERN_MAX) {
		(void)snprintf(why, 256, "it is longer than %d bytes", PATTERN_MAX);
		free(r);
		return NULL;
	}
	memcpy(r->pattern, pattern.len ? pattern.p : "", pattern.len);
	r->pattern_len = pattern.len;
	(void)snprintf(r->flags, sizeof(r->flags), "%s", flags);
	r->code = compile(r, why, offset);
	if (!r->code) {
		free(r);
		return NULL;
	}
	r->interpreted = pcre2_jit_compile(r->code, PCRE2_JIT_COMPLETE) != 0;
	r->has_literal = regex_scan_literal(pattern, strchr(r->flags, 'x') != NULL);
	if (!survives_probes(r)) {
		(void)snprintf(why, 256,
		               "it takes too long on some texts; "
		               "avoid a repeat inside a repeat");
		*offset = 0;
		regex_free(r);
		return NULL;
	}
	return r;
}

void regex_free(struct regex *r)
{
	if (r) {
		pcre2_code_free(r->code);
		free(r);
	}
}

bool regex_has_literal(const struct regex *r)
{
	return r->has_literal;
}

struct slice regex_pattern(const struct regex *r)
{
	return (struct slice){r->pattern, r->pattern_len};
}

const char *regex_flags(const struct regex *r)
{
	return r->flags;
}

bool regex_interpreted(const struct regex *r)
{
	return r->interpreted;
}
