/* Every task of a run is done once, before the run returns, by runner, guest and own threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <string.h>

#include "core/team.h"

enum { TASKS_MAX = 40, ROUNDS = 300 };

struct work {
	struct team *team;
	unsigned done[TASKS_MAX];
	unsigned by_member[TEAM_MAX];
	unsigned wrong;
};

static void count_task(void *arg, unsigned task, unsigned member)
{
	struct work *w = arg;

	__atomic_fetch_add(&w->done[task], 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&w->by_member[member], 1, __ATOMIC_RELAXED);
}

static void run_once(struct work *w, unsigned tasks)
{
	memset(w->done, 0, sizeof(w->done));
	team_run(w->team, count_task, w, tasks);
	for (unsigned i = 0; i < TASKS_MAX; i++) {
		w->wrong += w->done[i] != (i < tasks);
	}
}

static void runs_every_task_once(void **state)
{
	(void)state;
	for (unsigned members = 0; members <= 5; members++) {
		struct work w = {.team = team_new(members)};
		assert_int_equal(team_members(w.team), members ? members : 1);
		for (unsigned i = 0; i < ROUNDS; i++) {
			run_once(&w, i % (TASKS_MAX + 1));
		}
		assert_int_equal(w.wrong, 0);
		assert_int_equal(w.by_member[1], 0); /* no guest came */
		team_free(w.team);
	}
}

static void *runner_main(void *arg)
{
	struct work *w = arg;

	for (unsigned i = 0; i < 3; i++) {
		run_once(w, TASKS_MAX);
	}
	team_close(w->team);
	return NULL;
}

static void a_guest_assists_until_the_close(void **state)
{
	(void)state;
	struct work w = {.team = team_new(2)};

	team_assist(w.team); /* nothing is open: returns */
	for (unsigned i = 0; i < ROUNDS; i++) {
		pthread_t runner;
		team_open(w.team);
		assert_int_equal(pthread_create(&runner, NULL, runner_main, &w), 0);
		team_assist(w.team);
		pthread_join(runner, NULL);
	}
	assert_int_equal(w.wrong, 0);
	assert_int_equal(w.by_member[0] + w.by_member[1], 3 * TASKS_MAX * ROUNDS);
	team_free(w.team);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_every_task_once),
		cmocka_unit_test(a_guest_assists_until_the_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
