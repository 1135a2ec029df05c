/* Loading a site beside the running one, so that reading traffic never waits for it. */
#ifndef ENGINE_APP_RELOAD_H
#define ENGINE_APP_RELOAD_H

#include "app/site.h"
#include "core/loop.h"

struct reload;

/* loaded(user, site) is called on the loop's thread, site NULL when there were mistakes (they are
 * in the log then).
 */
struct reload *reload_new(struct loop *loop, const struct site_options *options,
                          void (*loaded)(void *user, struct site *site), void *user);
/* A request while one is under way is done after it. */
void reload_request(struct reload *r);
/* Waits for what is under way; its site is dropped. */
void reload_free(struct reload *r);

/* A line of the log for each of the first mistakes. */
void reload_log_diags(const char *component, struct diags *d);

#endif
