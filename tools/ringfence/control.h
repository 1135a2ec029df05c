/* Asking a running engine by its control socket (app/control.h). */
#ifndef TOOLS_RINGFENCE_CONTROL_H
#define TOOLS_RINGFENCE_CONTROL_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buf.h"
#include "core/slice.h"

/* The socket that a configuration names, or where it usually is (config NULL). False after a
 * message on stderr.
 */
bool control_socket(const char *config, char *out, size_t size);
/* Sends a request and finds the result's object in the answer, which it points into. False after a
 * message: nobody listens there, or a refusal.
 */
bool control_ask(const char *socket, struct slice request, struct buf *answer,
                 struct slice *result);

#endif
