#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "decode/sip.h"
#include "support/exact.h"

#define S(text) SLICE_LIT(text)

// clang-format off
static const struct {
	const char *id;
	struct slice text;
	bool want;
} recognised[] = {
	{"request", S("INVITE sip:u@h SIP/2.0\r\n"), true},
	{"request, no line end", S("INVITE sip:u@h SIP/2.0"), true},
	{"response", S("SIP/2.0 200 OK\r\n"), true},
	{"response without phrase", S("SIP/2.0 200\n"), true},
	{"junk before", S("\r\n\0 INVITE sip:u@h SIP/2.0\r\n"), true},
	{"blanks behind", S("INVITE sip:u@h SIP/2.0 \t\r\n"), true},
	{"small letters", S("INVITE sip:u@h sip/2.0\r\n"), true},
	{"other version", S("INVITE sip:u@h SIP/17.0\r\n"), true},
	{"unknown method", S("!%*_+`'~.- x SIP/2.0\r\n"), true},
	{"empty", S(""), false},
	{"junk alone", S("\r\n\r\n"), false},
	{"token alone", S("INVITE"), false},
	{"no method", S("(sip:u@h SIP/2.0\r\n"), false},
	{"no blank", S("INVITE\tSIP/2.0"), true},
	{"version only", S("SIP/2.0"), true},
	{"version of letters", S("SIP/x.0 200 OK\r\n"), false},
	{"version cut", S("SIP/2. 200 OK\r\n"), false},
	{"version without slash", S("INVITE sip:u@h SIP_2.0\r\n"), false},
	{"version without major", S("INVITE sip:u@h SIP/.12\r\n"), false},
	{"version without minor", S("INVITE sip:u@h SIP/200.\r\n"), false},
	{"version without dot", S("INVITE sip:u@h SIP/2_0\r\n"), false},
	{"version goes on", S("SIP/2.0x 200 OK\r\n"), false},
	{"in the second line", S("INVITE sip:u@h\r\nX SIP/2.0\r\n"), false},
	{"in the middle", S("INVITE SIP/2.0 x\r\n"), false},
	{"HTTP", S("GET / HTTP/1.1\r\n"), false},
	{"RTSP", S("RTSP/1.0 200 OK\r\n"), false},
	{"RTP", S("\x80\x08\0\1SIP/2.0"), false},
	{"DNS", S("\x12\x34\1\0\0\1\0\0\0\0\0\0\3www"), false},
};
// clang-format on

static void test_recognise(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(recognised) / sizeof(recognised[0]); i++) {
		struct slice exact = exact_copy(recognised[i].text);

		if (sip_recognise(exact) != recognised[i].want) {
			fail_msg("%s", recognised[i].id);
		}
		exact_free(exact);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_recognise)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
