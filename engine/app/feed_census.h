/* Counts what SIP a capture holds, for `ringfence inspect`: methods as spelled, status codes,
 * distinct Call-IDs (exact up to 64-bit hash collisions; one word of memory each).
 */
#ifndef ENGINE_APP_FEED_CENSUS_H
#define ENGINE_APP_FEED_CENSUS_H

#include "app/feed.h"
#include "decode/sip.h"

struct census;

int census_new(const struct hash_key *key, struct census **out);
void census_free(struct census *c);
/* A message as sip_parse left it and what it said. One whose start line cannot be read does not
 * count. E_NOMEM: Call-IDs are counted no further.
 */
int census_message(struct census *c, const struct sip_msg *msg, enum reason refused);
const struct feed_census *census_view(const struct census *c);

#endif
