/* Properties of a parsed SIP message, for unit tests and the fuzz target. */
#ifndef TESTS_SUPPORT_SIP_SLICES_H
#define TESTS_SUPPORT_SIP_SLICES_H

#include "decode/sip.h"

enum { SIP_SLICES_MAX = SIP_H_COUNT + 24 };

/* Every slice of msg; returns how many. */
static inline size_t sip_slices(const struct sip_msg *msg, struct slice out[SIP_SLICES_MAX])
{
	const struct slice own[] = {
		msg->text,      msg->method_text, msg->request_uri,   msg->reason_phrase,
		msg->call_id,   msg->cseq_method, msg->identity_more, msg->from.display,
		msg->from.uri,  msg->from.params, msg->to.display,    msg->to.uri,
		msg->to.params, msg->from_tag,    msg->to_tag,        msg->via_branch,
		msg->body,
	};
	size_t count = sizeof(own) / sizeof(own[0]);

	memcpy(out, own, sizeof(own));
	memcpy(out + count, msg->header, sizeof(msg->header));
	return count + SIP_H_COUNT;
}

static inline bool slice_inside(struct slice s, struct slice of)
{
	return !s.p || (s.p >= of.p && s.p + s.len <= of.p + of.len);
}

static inline bool sip_slices_inside(const struct sip_msg *msg, struct slice datagram)
{
	struct slice all[SIP_SLICES_MAX];
	size_t count = sip_slices(msg, all);

	for (size_t i = 0; i < count; i++) {
		if (!slice_inside(all[i], datagram)) {
			return false;
		}
	}
	return true;
}

/* Same values at the same places of two copies of one datagram. */
static inline bool sip_same(const struct sip_msg *a, const struct sip_msg *b)
{
	struct slice in_a[SIP_SLICES_MAX];
	struct slice in_b[SIP_SLICES_MAX];
	size_t count = sip_slices(a, in_a);

	(void)sip_slices(b, in_b);
	for (size_t i = 0; i < count; i++) {
		if (!in_a[i].p != !in_b[i].p || !slice_eq(in_a[i], in_b[i])) {
			return false;
		}
	}
	return a->request == b->request && a->method == b->method && a->status == b->status &&
	       a->cseq_read == b->cseq_read && a->cseq == b->cseq &&
	       a->content_length == b->content_length && a->body_truncated == b->body_truncated &&
	       memcmp(a->header_count, b->header_count, sizeof(a->header_count)) == 0;
}

#endif
