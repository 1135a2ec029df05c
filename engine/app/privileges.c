#include "app/privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "core/err.h"

int run_as_find(const char *name, struct run_as *as, char why[PRIVILEGES_WHY])
{
	*as = (struct run_as){.name = name, .uid = geteuid(), .gid = getegid()};
	if (!name) {
		return OK;
	}
	const struct passwd *user = getpwnam(name);
	if (!user) {
		(void)snprintf(why, PRIVILEGES_WHY, "there is no user '%s'", name);
		return E_NOTFOUND;
	}
	as->change = user->pw_uid != geteuid();
	as->uid = user->pw_uid;
	as->gid = user->pw_gid;
	if (as->change && geteuid() != 0) {
		(void)snprintf(why, PRIVILEGES_WHY, "only root can become the user '%s'", name);
		return E_INVALID;
	}
	return OK;
}

bool run_as_own(const struct run_as *as, const char *path)
{
	return !as->change || lchown(path, as->uid, as->gid) == 0;
}

bool privileges_no_new(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

int run_as_become(const struct run_as *as, char why[PRIVILEGES_WHY])
{
	const char *step = NULL;

	if (!as->change) {
		return OK;
	}
	if (initgroups(as->name, as->gid) != 0) {
		step = "initgroups";
	} else if (setresgid(as->gid, as->gid, as->gid) != 0) {
		step = "setresgid";
	} else if (setresuid(as->uid, as->uid, as->uid) != 0) {
		step = "setresuid";
	} else if (as->uid != 0 && setuid(0) == 0) {
		(void)snprintf(why, PRIVILEGES_WHY, "became '%s', but could become root again",
		               as->name);
		return E_IO;
	}
	if (step) {
		(void)snprintf(why, PRIVILEGES_WHY, "cannot become '%s': %s: %s", as->name, step,
		               strerror(errno));
		return E_IO;
	}
	return OK;
}
