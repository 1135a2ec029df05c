#include "enrich/cidr_map.h"

#include <stdio.h>

#include "core/err.h"

enum { IP_BITS = 128, V4_START = 96, SLOTS_MIN = 64 };

static unsigned family_index(uint8_t family)
{
	return family == 6;
}

/* Bytes behind the first `bits` bits become 0. */
static void mask(uint8_t bytes[16], unsigned bits)
{
	for (unsigned i = 0; i < 16; i++) {
		if (bits < 8 * (i + 1)) {
			unsigned kept = bits > 8 * i ? bits - 8 * i : 0;
			bytes[i] &= (uint8_t)(0xff00 >> kept);
		}
	}
}

static int parse_bits(struct slice text)
{
	int bits = 0;

	if (text.len == 0 || text.len > 3) {
		return -1;
	}
	for (size_t i = 0; i < text.len; i++) {
		if (!ascii_is_digit(text.p[i])) {
			return -1;
		}
		bits = bits * 10 + (text.p[i] - '0');
	}
	return bits;
}

const char *cidr_parse(struct slice text, struct cidr_block *block)
{
	struct slice address = slice_first(text, slice_find(text, '/'));
	struct ip ip;
	uint8_t whole[16];

	*block = (struct cidr_block){0};
	if (ip_parse(address, &ip)) {
		return "not an address";
	}
	/* ::ffff:10.0.0.0/104 is a block of IPv4 with the length that IPv6 gives it. */
	int start = slice_find(address, ':') == address.len ? V4_START : 0;
	int bits = IP_BITS;
	if (address.len < text.len) {
		bits = parse_bits(slice_skip(text, address.len + 1));
		bits = bits < 0 ? -1 : start + bits;
	}
	if (bits < (ip.family == 4 ? V4_START : 0) || bits > IP_BITS) {
		return "not a length of a block";
	}
	memcpy(whole, ip.bytes, sizeof(whole));
	memcpy(block->bytes, ip.bytes, sizeof(block->bytes));
	block->family = ip.family;
	block->bits = (uint8_t)bits;
	mask(block->bytes, block->bits);
	return memcmp(whole, block->bytes, sizeof(whole)) ? "the address has bits behind the length"
	                                                  : NULL;
}

size_t cidr_format(const struct cidr_block *block, char out[CIDR_TEXT])
{
	struct ip ip = {.family = block->family};
	char text[IP_TEXT];

	memcpy(ip.bytes, block->bytes, sizeof(ip.bytes));
	(void)ip_format(&ip, text);
	return (size_t)snprintf(out, CIDR_TEXT, "%s/%d", text,
	                        block->bits - (block->family == 4 ? V4_START : 0));
}

void cidr_map_init(struct cidr_map *m, const struct hash_key *key)
{
	*m = (struct cidr_map){.key = *key};
}

void cidr_map_fini(struct cidr_map *m)
{
	buf_fini(&m->blocks);
	buf_fini(&m->slots);
}

static const struct cidr_block *block_at(const struct cidr_map *m, size_t i)
{
	return (const struct cidr_block *)(const void *)m->blocks.p + i;
}

static bool same_block(const struct cidr_block *a, const struct cidr_block *b)
{
	return a->family == b->family && a->bits == b->bits &&
	       memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

/* The slot of a block, or the free one where it belongs. There are free ones. */
static uint32_t *find_slot(const struct cidr_map *m, const struct cidr_block *block)
{
	uint32_t *slots = (uint32_t *)(void *)m->slots.p;
	size_t count = m->slots.len / sizeof(*slots);
	size_t at = hash64(&m->key, block->bytes, sizeof(block->bytes) + 2) & (count - 1);

	while (slots[at] && !same_block(block_at(m, slots[at] - 1), block)) {
		at = (at + 1) & (count - 1);
	}
	return &slots[at];
}

static void grow(struct cidr_map *m)
{
	size_t count = m->blocks.len / sizeof(struct cidr_block);
	size_t len = m->slots.len ? m->slots.len * 2 : SLOTS_MIN * sizeof(uint32_t);

	m->slots.len = 0;
	buf_reserve(&m->slots, len);
	if (m->slots.failed) {
		return;
	}
	memset(m->slots.p, 0, len);
	m->slots.len = len;
	for (size_t i = 0; i < count; i++) {
		*find_slot(m, block_at(m, i)) = (uint32_t)i + 1;
	}
}

int cidr_map_add(struct cidr_map *m, const struct cidr_block *block, uint32_t *other)
{
	size_t count = m->blocks.len / sizeof(*block);

	if (count * 2 >= m->slots.len / sizeof(uint32_t)) {
		grow(m);
	}
	if (m->slots.failed || count >= UINT32_MAX) {
		return E_NOMEM;
	}
	uint32_t *slot = find_slot(m, block);
	if (*slot) {
		*other = block_at(m, *slot - 1)->row;
		return E_INVALID;
	}
	buf_add(&m->blocks, block, sizeof(*block));
	if (m->blocks.failed) {
		return E_NOMEM;
	}
	*slot = (uint32_t)count + 1;
	m->lengths[family_index(block->family)][block->bits / 64] |= UINT64_C(1)
	                                                             << block->bits % 64;
	return OK;
}

int64_t cidr_map_find(const struct cidr_map *m, const struct ip *ip)
{
	struct cidr_block asked = {.family = ip->family};

	if (ip->family == 0 || m->blocks.len == 0) {
		return -1;
	}
	memcpy(asked.bytes, ip->bytes, sizeof(asked.bytes));
	for (int word = 2; word >= 0; word--) {
		uint64_t left = m->lengths[family_index(ip->family)][word];
		while (left) {
			unsigned bit = 63 - (unsigned)__builtin_clzll(left);
			left &= ~(UINT64_C(1) << bit);
			asked.bits = (uint8_t)(64 * (unsigned)word + bit);
			mask(asked.bytes, asked.bits);
			uint32_t found = *find_slot(m, &asked);
			if (found) {
				return block_at(m, found - 1)->row;
			}
		}
	}
	return -1;
}
