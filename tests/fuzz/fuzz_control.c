/* Any bytes as a line of the control socket: the answer is one line of JSON, and nothing is changed
 * for one who may only read.
 */
#include <stdlib.h>

#include "app/control.h"
#include "core/ensure.h"
#include "core/err.h"
#include "support/exact.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static int run(void *user, const struct control_request *r, struct json_out *result,
               const char **code, const char **message)
{
	const struct control_member *rule = control_member(r, "rule");

	(void)code;
	(void)message;
	ENSURE(!r->by.len || (r->by.len <= CONTROL_BY_MAX && r->why.len <= CONTROL_WHY_MAX));
	json_slice(result, rule ? rule->value : r->why);
	*(bool *)user = true;
	return OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const char *const members[] = {"rule", NULL};
	static const struct control_verb verbs[] = {{"mute", true, members, run, "-"},
	                                            {"show", false, members, run, "-"}};
	struct slice line = exact_copy((struct slice){(const char *)bytes, len});
	bool ran = false;
	struct control_options o = {.verbs = verbs, .verb_count = 2, .user = &ran};
	char why[CONTROL_ERROR_TEXT];
	struct control *c = control_open(NULL, &o, why, sizeof(why));
	struct buf out = {0};

	ENSURE(c);
	control_answer(c, line, &(struct control_cred){.uid = 0}, &out);
	ENSURE(out.len && slice_find(buf_view(&out), '\n') == out.len - 1);
	struct json_in in = json_in(buf_view(&out));
	ENSURE(json_skip(&in, json_next(&in)) == JSON_OBJECT_END && json_next(&in) == JSON_NONE);
	struct control_stats s = control_stats(c);
	ENSURE(s.answered == 1 || !ran);
	ran = false;
	control_answer(c, line, &(struct control_cred){.uid = (uid_t)-2}, &out);
	ENSURE(!ran && control_stats(c).answered == s.answered);
	control_close(c);
	buf_fini(&out);
	exact_free(line);
	return 0;
}
