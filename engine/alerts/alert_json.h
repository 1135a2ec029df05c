/* The JSON of an alert: CloudEvents 1.0, members in the order of interfaces.md 4, all always
 * present; alert.schema.json beside this file describes it and a test holds both together.
 */
#ifndef ENGINE_ALERTS_ALERT_JSON_H
#define ENGINE_ALERTS_ALERT_JSON_H

#include "alerts/alerts.h"
#include "core/buf.h"

void alert_json(struct buf *out, const struct alerts_options *options, const struct finding *f,
                const struct alert *alert);

#endif
