/* A fixed team of threads that runs one function on all members and waits for them (fork-join).
 * The caller is member 0; a team of one runs inline and starts no thread.
 */
#ifndef ENGINE_CORE_TEAM_H
#define ENGINE_CORE_TEAM_H

struct team;

enum { TEAM_MAX = 64 };

/* members is clamped to 1..TEAM_MAX. NULL: no memory or no threads. */
struct team *team_new(unsigned members);
unsigned team_members(const struct team *t);
/* fn(arg, member) on every member; returns when all have. One caller at a time. */
void team_run(struct team *t, void (*fn)(void *arg, unsigned member), void *arg);
void team_free(struct team *t);

#endif
