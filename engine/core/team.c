#include "core/team.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

enum { MEMBER_RUNNER = 0, MEMBER_GUEST, MEMBER_OWN };

struct member {
	struct team *team;
	unsigned number;
	pthread_t thread;
};

struct team {
	unsigned members;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* a run began, the team closed or ends */
	pthread_cond_t done;
	bool open;
	bool ending;
	/* The present run; fn is NULL between runs. */
	uint64_t round;
	unsigned inside; /* members that may still touch it */
	team_fn fn;
	void *arg;
	unsigned tasks;
	unsigned next; /* atomic */
	struct member member[TEAM_MAX];
};

/* Takes tasks until none is left. */
static void take_tasks(struct team *t, unsigned member)
{
	for (;;) {
		unsigned task = __atomic_fetch_add(&t->next, 1, __ATOMIC_RELAXED);
		if (task >= t->tasks) {
			return;
		}
		t->fn(t->arg, task, member);
	}
}

/* With the lock held: a member's part of the present run. */
static void join_run(struct team *t, unsigned member)
{
	t->inside++;
	pthread_mutex_unlock(&t->lock);
	take_tasks(t, member);
	pthread_mutex_lock(&t->lock);
	if (--t->inside == 0) {
		pthread_cond_signal(&t->done);
	}
}

/* With the lock held: joins each run once, as long as *stay is what it was wanted to be. */
static void join_while(struct team *t, unsigned member, const bool *flag, bool wanted)
{
	uint64_t seen = 0;

	while (*flag == wanted) {
		if (t->fn && t->round != seen) {
			seen = t->round;
			join_run(t, member);
		} else {
			pthread_cond_wait(&t->changed, &t->lock);
		}
	}
}

static void *member_main(void *arg)
{
	struct member *m = arg;
	struct team *t = m->team;

	pthread_mutex_lock(&t->lock);
	join_while(t, m->number, &t->ending, false);
	pthread_mutex_unlock(&t->lock);
	return NULL;
}

struct team *team_new(unsigned members)
{
	struct team *t = calloc(1, sizeof(*t));

	if (!t) {
		return NULL;
	}
	members = members < 1 ? 1 : members > TEAM_MAX ? TEAM_MAX : members;
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->changed, NULL);
	pthread_cond_init(&t->done, NULL);
	t->members = members < MEMBER_OWN ? members : MEMBER_OWN;
	while (t->members < members) {
		struct member *m = &t->member[t->members];
		*m = (struct member){.team = t, .number = t->members};
		if (pthread_create(&m->thread, NULL, member_main, m) != 0) {
			team_free(t);
			return NULL;
		}
		t->members++;
	}
	return t;
}

unsigned team_members(const struct team *t)
{
	return t->members;
}

void team_run(struct team *t, team_fn fn, void *arg, unsigned tasks)
{
	if (t->members == 1) {
		for (unsigned task = 0; task < tasks; task++) {
			fn(arg, task, MEMBER_RUNNER);
		}
		return;
	}
	pthread_mutex_lock(&t->lock);
	t->fn = fn;
	t->arg = arg;
	t->tasks = tasks;
	t->next = 0;
	t->round++;
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->lock);
	take_tasks(t, MEMBER_RUNNER);
	pthread_mutex_lock(&t->lock);
	while (t->inside > 0) {
		pthread_cond_wait(&t->done, &t->lock);
	}
	t->fn = NULL;
	pthread_mutex_unlock(&t->lock);
}

static void set_open(struct team *t, bool open)
{
	pthread_mutex_lock(&t->lock);
	t->open = open;
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->lock);
}

void team_open(struct team *t)
{
	set_open(t, true);
}

void team_close(struct team *t)
{
	set_open(t, false);
}

void team_assist(struct team *t)
{
	pthread_mutex_lock(&t->lock);
	join_while(t, MEMBER_GUEST, &t->open, true);
	pthread_mutex_unlock(&t->lock);
}

void team_free(struct team *t)
{
	if (!t) {
		return;
	}
	pthread_mutex_lock(&t->lock);
	t->ending = true;
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->lock);
	for (unsigned i = MEMBER_OWN; i < t->members; i++) {
		pthread_join(t->member[i].thread, NULL);
	}
	pthread_mutex_destroy(&t->lock);
	pthread_cond_destroy(&t->changed);
	pthread_cond_destroy(&t->done);
	free(t);
}
