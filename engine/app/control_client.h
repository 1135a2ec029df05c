/* One question to the control socket of a running engine (app/control.h), asked and waited for. */
#ifndef ENGINE_APP_CONTROL_CLIENT_H
#define ENGINE_APP_CONTROL_CLIENT_H

#include "app/control.h"
#include "core/buf.h"
#include "core/slice.h"

/* Sends request (one line of JSON, without its end) and appends the answer's line, without its end,
 * to answer: the engine's word, ok or not. timeout_ms is for all of it. E_NOTFOUND: nobody listens
 * there; E_INVALID: the request is no single line of at most CONTROL_LINE_MAX bytes, or this user
 * may not connect; E_AGAIN: no answer in time; E_FULL: the answer is too long; E_TRUNCATED: the
 * connection ended before the answer did; E_NOMEM, E_IO. why says it.
 */
int control_call(const char *path, struct slice request, int timeout_ms, struct buf *answer,
                 char why[CONTROL_ERROR_TEXT]);

#endif
