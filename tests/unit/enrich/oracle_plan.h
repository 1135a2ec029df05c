/* The plan as the C++ oracle sees it: plain C types only. */
#ifndef TESTS_UNIT_ENRICH_ORACLE_PLAN_H
#define TESTS_UNIT_ENRICH_ORACLE_PLAN_H

#ifdef __cplusplus
extern "C" {
#endif

struct oracle_entry {
	char country[3];  /* "" for none */
	const char *type; /* the word of enums.def */
	int valid;
};

/* 0, or -1 when the folder does not load. */
int oracle_plan_load(const char *folder);
void oracle_plan_free(void);
/* digits: calling code and national number. */
struct oracle_entry oracle_plan_find(const char *digits);

#ifdef __cplusplus
}
#endif

#endif
