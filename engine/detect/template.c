/* Summaries: text { "{" expression [ ":" format ] "}" }, "{{" for a brace. */
#include "detect/load.h"
#include "detect/value.h"

enum { PARTS_MAX = 128 };

struct template_reader {
	struct checker *c;
	const struct yaml_node *scalar;
	struct slice text;
	struct template_part parts[PARTS_MAX];
	unsigned count;
	bool full; /* more parts than there is room for */
	bool whole;
};

static void refuse(struct template_reader *t, size_t at, const char *message, const char *hint)
{
	diag_add(t->c->diags, yaml_place(t->scalar, at), "E026", slice_of(hint), "%s", message);
	t->whole = false;
}

static struct template_part *add_part(struct template_reader *t, size_t at)
{
	if (t->count == PARTS_MAX) {
		refuse(t, at, "the text has too many parts", NULL);
		t->full = true;
		return NULL;
	}
	t->parts[t->count] = (struct template_part){.format = FORMAT_PLAIN};
	return &t->parts[t->count++];
}

/* Text up to the next brace that opens an expression; "{{" and "}}" become one brace. */
static size_t read_text(struct template_reader *t, size_t at)
{
	char *out = arena_text(&t->c->set->arena, t->text.len - at);
	size_t len = 0, begin = at;

	while (out && at < t->text.len) {
		char c = t->text.p[at];
		bool brace = c == '{' || c == '}';
		bool twice = brace && at + 1 < t->text.len && t->text.p[at + 1] == c;
		if (c == '{' && !twice) {
			break;
		}
		out[len++] = c;
		at += twice ? 2 : 1;
	}
	struct template_part *part = len > 0 ? add_part(t, begin) : NULL;
	if (part) {
		part->text = (struct slice){out, len};
	}
	return at;
}

/* The '}' that closes the expression beginning at `at`, and the ':' before its format, which no
 * expression outside of quotes can hold; len of the text when there is none.
 */
static size_t find_close(const struct template_reader *t, size_t at, size_t *colon)
{
	char quote = '\0';
	unsigned sets = 0;

	*colon = t->text.len;
	for (; at < t->text.len; at++) {
		char c = t->text.p[at];
		if (quote) {
			at += c == '\\';
			quote = c == quote ? '\0' : quote;
		} else if (c == '"' || c == '\'') {
			quote = c;
		} else if (c == '{') {
			sets++;
		} else if (c == '}' && sets-- == 0) {
			return at;
		} else if (c == ':' && *colon == t->text.len) {
			*colon = at;
		}
	}
	return t->text.len;
}

static bool read_format(struct template_reader *t, size_t at, size_t end,
                        struct template_part *part)
{
	struct slice format = slice_skip(slice_first(t->text, end), at + 1);

	if (slice_eq(format, SLICE_LIT("%"))) {
		part->format = FORMAT_PERCENT;
	} else if (slice_eq(format, SLICE_LIT("mask"))) {
		part->format = FORMAT_MASK;
	} else if (format.len == 2 && format.p[0] == '.' && ascii_is_digit(format.p[1])) {
		part->format = FORMAT_DECIMALS;
		part->decimals = (unsigned)(format.p[1] - '0');
	} else {
		diag_add(t->c->diags, yaml_place(t->scalar, at), "E026",
		         SLICE_LIT("formats are :.0 to :.9, :% and :mask"),
		         "unknown format ':%.*s'", SLICE_FMT(format));
		t->whole = false;
		return false;
	}
	return true;
}

/* key1..key4: 1..4, else 0. */
static unsigned key_name(struct slice name)
{
	bool is_key = name.len == 4 && slice_starts(name, SLICE_LIT("key")) && name.p[3] >= '1' &&
	              name.p[3] <= '4';

	return is_key ? (unsigned)(name.p[3] - '0') : 0;
}

/* Decimals and percent are for numbers. */
static void check_format(struct template_reader *t, const struct template_part *part)
{
	const struct expr *e = part->key ? t->c->rule->keys[part->key - 1] : part->expr;
	bool is_number = e->type == TYPE_INT || e->type == TYPE_FLOAT;

	if ((part->format == FORMAT_DECIMALS || part->format == FORMAT_PERCENT) && !is_number) {
		diag_add(t->c->diags, e->at, "E036", SLICE_NONE,
		         "a format of numbers does not fit %s", type_words(e->type));
		t->whole = false;
	}
}

static void read_key(struct template_reader *t, size_t at, struct template_part *part)
{
	const struct rule *rule = t->c->rule;

	if (part->key > rule->key_count) {
		diag_add(t->c->diags, yaml_place(t->scalar, at), "E030", SLICE_NONE,
		         "unknown key part 'key%u': the rule's key has %u", part->key,
		         rule->key_count);
		t->whole = false;
	} else if (rule->keys[part->key - 1]) {
		check_format(t, part);
	}
}

/* Behind '{'. Returns the place behind '}'. */
static size_t read_expr(struct template_reader *t, size_t at)
{
	size_t colon, close = find_close(t, at, &colon);
	struct template_part *part = add_part(t, at);

	if (close == t->text.len) {
		refuse(t, at - 1, "'{' is not closed", "write '{{' for a brace");
		return close;
	}
	if (!part || (colon < close && !read_format(t, colon, close, part))) {
		return close + 1;
	}
	size_t end = colon < close ? colon : close;
	part->key = key_name(slice_trim(slice_skip(slice_first(t->text, end), at)));
	if (part->key > 0) {
		read_key(t, at, part);
		return close + 1;
	}
	part->expr = check_part(t->c, CLAUSE_OUTPUT, t->scalar, at, end);
	if (part->expr) {
		check_format(t, part);
	} else {
		t->whole = false;
	}
	return close + 1;
}

bool template_load(struct checker *c, const struct yaml_node *scalar)
{
	struct template_reader *t = arena_alloc(c->scratch, sizeof(*t));
	struct arena *arena = &c->set->arena;

	if (!t) {
		return false;
	}
	*t = (struct template_reader){
		.c = c, .scalar = scalar, .text = scalar->text, .whole = true};
	for (size_t at = 0; at < t->text.len && !t->full;) {
		bool opens =
			t->text.p[at] == '{' && (at + 1 == t->text.len || t->text.p[at + 1] != '{');
		at = opens ? read_expr(t, at + 1) : read_text(t, at);
	}
	struct template_part *parts = arena_alloc(arena, (t->count + 1) * sizeof(*parts));
	if (!parts) {
		return false;
	}
	memcpy(parts, t->parts, t->count * sizeof(*parts));
	c->rule->summary = parts;
	c->rule->summary_count = t->count;
	return t->whole;
}
