/* A few threads that share the tasks of a run (fork-join): one thread runs, one guest assists when
 * it has nothing better to do, the others belong to the team. So two threads that work on different
 * things keep two processors busy, whichever of them has more to do.
 *
 *	the runner:  team_run(t, step_one, arg, 8); team_run(t, step_two, arg, 32); team_close(t);
 *	the guest:   team_open(t); hand work to the runner; own work; team_assist(t);
 *
 * Which member takes which task differs from run to run: results must not depend on it.
 */
#ifndef ENGINE_CORE_TEAM_H
#define ENGINE_CORE_TEAM_H

struct team;

enum { TEAM_MAX = 64 };

typedef void (*team_fn)(void *arg, unsigned task, unsigned member);

/* members is clamped to 1..TEAM_MAX: 0 is the runner, 1 the guest, the others are started here.
 * NULL: no memory or no threads.
 */
struct team *team_new(unsigned members);
unsigned team_members(const struct team *t);
/* fn(arg, task, member) for each task below `tasks`; returns when all are done. One runner. */
void team_run(struct team *t, team_fn fn, void *arg, unsigned tasks);

/* The guest takes tasks of whatever runs until the runner closes. Opened before the runner can
 * know of the work, so that a close is never missed; returns at once when nothing is open.
 */
void team_open(struct team *t);
void team_close(struct team *t);
void team_assist(struct team *t);

/* Nobody may be running or assisting. */
void team_free(struct team *t);

#endif
