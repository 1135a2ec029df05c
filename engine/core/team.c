#include "core/team.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

struct member {
	struct team *team;
	unsigned number;
	pthread_t thread;
};

struct team {
	unsigned members;
	pthread_mutex_t lock;
	pthread_cond_t begin;
	pthread_cond_t done;
	uint64_t round; /* raised for each run */
	unsigned busy;
	bool ending;
	void (*fn)(void *arg, unsigned member);
	void *arg;
	struct member member[TEAM_MAX];
};

static void *member_main(void *arg)
{
	struct member *m = arg;
	struct team *t = m->team;
	uint64_t seen = 0;

	pthread_mutex_lock(&t->lock);
	for (;;) {
		while (t->round == seen && !t->ending) {
			pthread_cond_wait(&t->begin, &t->lock);
		}
		if (t->ending) {
			break;
		}
		seen = t->round;
		pthread_mutex_unlock(&t->lock);
		t->fn(t->arg, m->number);
		pthread_mutex_lock(&t->lock);
		if (--t->busy == 0) {
			pthread_cond_signal(&t->done);
		}
	}
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
	pthread_cond_init(&t->begin, NULL);
	pthread_cond_init(&t->done, NULL);
	t->members = 1;
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

void team_run(struct team *t, void (*fn)(void *arg, unsigned member), void *arg)
{
	if (t->members == 1) {
		fn(arg, 0);
		return;
	}
	pthread_mutex_lock(&t->lock);
	t->fn = fn;
	t->arg = arg;
	t->busy = t->members - 1;
	t->round++;
	pthread_cond_broadcast(&t->begin);
	pthread_mutex_unlock(&t->lock);
	fn(arg, 0);
	pthread_mutex_lock(&t->lock);
	while (t->busy > 0) {
		pthread_cond_wait(&t->done, &t->lock);
	}
	pthread_mutex_unlock(&t->lock);
}

void team_free(struct team *t)
{
	if (!t) {
		return;
	}
	pthread_mutex_lock(&t->lock);
	t->ending = true;
	pthread_cond_broadcast(&t->begin);
	pthread_mutex_unlock(&t->lock);
	for (unsigned i = 1; i < t->members; i++) {
		pthread_join(t->member[i].thread, NULL);
	}
	pthread_mutex_destroy(&t->lock);
	pthread_cond_destroy(&t->begin);
	pthread_cond_destroy(&t->done);
	free(t);
}
