/* What a daemon gives up after its sources are open (reliability: least privilege). */
#ifndef ENGINE_APP_PRIVILEGES_H
#define ENGINE_APP_PRIVILEGES_H

#include <stdbool.h>
#include <sys/types.h>

enum { PRIVILEGES_WHY = 160 };

/* Whom to become; found before anything is made that shall belong to him. */
struct run_as {
	const char *name; /* NULL: whoever started the daemon */
	uid_t uid;
	gid_t gid;
	bool change; /* this process is somebody else now */
};

/* E_NOTFOUND (no such user), E_INVALID (only root can become another). why says it. */
int run_as_find(const char *name, struct run_as *as, char why[PRIVILEGES_WHY]);
/* Gives a file or socket to him; nothing to do where he runs already. False: errno. */
bool run_as_own(const struct run_as *as, const char *path);
/* No more privileges by executing anything; before the first thread starts. */
bool privileges_no_new(void);
/* Groups, group, user, in that order, for all threads; checks that there is no way back. E_IO. */
int run_as_become(const struct run_as *as, char why[PRIVILEGES_WHY]);

#endif
