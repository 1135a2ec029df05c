#include <stddef.h>

#include "enrich/list_table.h"
#include "enrich/written.h"

static void take_bytes(struct list_value *v, const void *bytes, size_t len)
{
	memcpy(v->bytes, bytes, len);
	v->len = len;
}

static const char *parse_num(struct slice text, const struct normaliser *norm, struct list_value *v)
{
	const char *wrong = written_number_key(norm, text, &v->num);

	take_bytes(v, &v->num, sizeof(v->num));
	return wrong;
}

static const char *parse_prefix(struct slice text, const struct normaliser *norm,
                                struct list_value *v)
{
	const char *wrong = written_prefix_key(norm, text, &v->num);

	take_bytes(v, &v->num, sizeof(v->num));
	return wrong;
}

static const char *parse_ip(struct slice text, const struct normaliser *norm, struct list_value *v)
{
	struct ip ip;

	(void)norm;
	if (ip_parse(text, &ip)) {
		return "not an address";
	}
	take_bytes(v, ip.bytes, sizeof(ip.bytes));
	return NULL;
}

static const char *parse_cidr(struct slice text, const struct normaliser *norm,
                              struct list_value *v)
{
	const char *wrong = cidr_parse(text, &v->block);

	(void)norm;
	take_bytes(v, v->block.bytes, offsetof(struct cidr_block, bits) + 1);
	return wrong;
}

static const char *parse_text(struct slice text, const struct normaliser *norm,
                              struct list_value *v)
{
	(void)norm;
	if (text.len > LIST_KEY_MAX) {
		return "longer than 255 bytes";
	}
	take_bytes(v, text.p, text.len);
	return NULL;
}

static const char *parse_country(struct slice text, const struct normaliser *norm,
                                 struct list_value *v)
{
	(void)norm;
	if (text.len != 2 || text.p[0] < 'A' || text.p[0] > 'Z' || text.p[1] < 'A' ||
	    text.p[1] > 'Z') {
		return "not a country of two capital letters";
	}
	v->country = (unsigned)(text.p[0] - 'A') * 26 + (unsigned)(text.p[1] - 'A');
	take_bytes(v, text.p, text.len);
	return NULL;
}

const char *list_value_parse(enum list_type type, struct slice text, const struct normaliser *norm,
                             struct list_value *value)
{
	static const char *(*const parse[])(struct slice, const struct normaliser *,
	                                    struct list_value *) = {
		[LIST_NUM] = parse_num,   [LIST_PREFIX] = parse_prefix,
		[LIST_IP] = parse_ip,     [LIST_CIDR] = parse_cidr,
		[LIST_TEXT] = parse_text, [LIST_COUNTRY] = parse_country,
	};

	value->type = type;
	value->text = text;
	value->num = 0;
	value->len = 0;
	return text.len ? parse[type](text, norm, value) : "no value";
}

static void format_num(const struct list_value *v, struct buf *out)
{
	char text[NUMBER_TEXT];

	/* A name's hash depends on the key: the name itself stands for it. */
	if (number_kind(v->num) == NUMBER_NAME) {
		buf_slice(out, v->text);
	} else {
		buf_add(out, text, number_format(v->num, text));
	}
}

static void format_prefix(const struct list_value *v, struct buf *out)
{
	number digits =
		number_pack(NUMBER_NATIONAL, number_digit_count(v->num), number_digits(v->num));
	char text[NUMBER_TEXT];

	buf_add(out, text, number_format(digits, text));
	buf_char(out, '*');
}

static void format_ip(const struct list_value *v, struct buf *out)
{
	struct ip ip;
	char text[IP_TEXT];

	if (ip_parse(v->text, &ip) == 0) {
		buf_add(out, text, ip_format(&ip, text));
	}
}

static void format_cidr(const struct list_value *v, struct buf *out)
{
	char text[CIDR_TEXT];

	buf_add(out, text, cidr_format(&v->block, text));
}

static void format_text(const struct list_value *v, struct buf *out)
{
	buf_slice(out, v->text);
}

void list_value_format(const struct list_value *value, struct buf *out)
{
	static void (*const format[])(const struct list_value *, struct buf *) = {
		[LIST_NUM] = format_num,   [LIST_PREFIX] = format_prefix,
		[LIST_IP] = format_ip,     [LIST_CIDR] = format_cidr,
		[LIST_TEXT] = format_text, [LIST_COUNTRY] = format_text,
	};

	format[value->type](value, out);
}
