/* Call flows, each beside one that differs in a single message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/calls/ladder.h"

struct row {
	const char *id;
	const char *ladder;
	const char *want;
};

#define ANSWERED \
 "0 >INVITE 1\n" \
 "10 100 1\n"    \
 "500 180 1\n"   \
 "2000 200 1\n"  \
 "2010 >ACK 1 d\n"
#define BEGUN "attempt c 0\nanswer c 2000\n"
#define CHALLENGED \
 "0 >INVITE 1\n"   \
 "20 407 1 t=x\n"  \
 "30 >ACK 1 d t=x\n"
#define TALK " ring 1500 setup 500 talk 3000 q -\n"

/* Calls at their beginning, answer and end. */
// clang-format off
static const struct row call_rows[] = {
	{"the caller hangs up", ANSWERED "5000 >BYE 2\n5010 200/BYE 2\n",
	 BEGUN "call c 5000 200 answered by caller" TALK},
	{"the callee hangs up", ANSWERED "5000 <BYE 1\n5010 200/BYE 1 back\n",
	 BEGUN "call c 5000 200 answered by callee" TALK},
	{"the BYE is lost", ANSWERED,
	 BEGUN "call c 2010 200 answered by timeout ring 1500 setup 500 talk 10 q -\n"},
	{"the BYE says why", ANSWERED "5000 >BYE 2 q=16\n",
	 BEGUN "call c 5000 200 answered by caller ring 1500 setup 500 talk 3000 q 16\n"},
	{"the BYE says why, by the smallest number", ANSWERED "5000 >BYE 2 q=0\n",
	 BEGUN "call c 5000 200 answered by caller ring 1500 setup 500 talk 3000 q 0\n"},
	{"both hang up at once", ANSWERED "5000 >BYE 1\n5001 <BYE 1\n",
	 BEGUN "call c 5000 200 answered by caller" TALK},
	{"the BYE has no tags: by address", ANSWERED "5000 <BYE 1 f= t=\n",
	 BEGUN "call c 5000 200 answered by callee" TALK},
	{"the BYE has no tags, from the caller", ANSWERED "5000 >BYE 2 f= t=\n",
	 BEGUN "call c 5000 200 answered by caller" TALK},
	{"every message twice",
	 "0 >INVITE 1\n5 >INVITE 1\n10 100 1\n12 100 1\n500 180 1\n510 180 1\n2000 200 1\n2005 200 1\n"
	 "2010 >ACK 1 d\n2015 >ACK 1 d\n5000 >BYE 2\n5005 >BYE 2\n5010 200/BYE 2\n5015 200/BYE 2\n",
	 BEGUN "call c 5000 200 answered by caller" TALK},
	{"no 100, no 180", "0 >INVITE 1\n2000 200 1\n5000 >BYE 2\n",
	 BEGUN "call c 5000 200 answered by caller ring - setup 2000 talk 3000 q -\n"},
	{"183 rings too", "0 >INVITE 1\n500 183 1\n900 180 1\n2000 200 1\n5000 >BYE 2\n",
	 BEGUN "call c 5000 200 answered by caller" TALK},
	{"181 and 182 do not ring", "0 >INVITE 1\n500 182 1\n900 181 1\n2000 200 1\n5000 >BYE 2\n",
	 BEGUN "call c 5000 200 answered by caller ring - setup 2000 talk 3000 q -\n"},
	{"two hops",
	 "0 >INVITE 1\n2 >INVITE 1 h=2\n498 180 1 h=2\n500 180 1\n1998 200 1 h=2\n2000 200 1\n"
	 "2010 >ACK 1 d\n2012 >ACK 1 d h=2\n4998 <BYE 1 h=2\n5000 <BYE 1\n5002 200/BYE 1 back\n",
	 "attempt c 0\nanswer c 1998\n"
	 "call c 4998 200 answered by callee ring 1500 setup 498 talk 3000 q -\n"},
	{"two hops of one that keeps the Call-ID only",
	 "0 >INVITE 1\n2 >INVITE 7 h=2 f=g\n498 180 7 h=2 f=g t=u\n500 180 1\n1998 200 7 h=2 f=g t=u\n"
	 "2000 200 1\n2010 >ACK 1 d\n2012 >ACK 7 d h=2 f=g t=u\n4998 <BYE 1 h=2 f=g t=u\n5000 <BYE 1\n",
	 "attempt c 0\nanswer c 1998\n"
	 "call c 4998 200 answered by callee ring 1500 setup 498 talk 3000 q -\n"},

	{"busy", "0 >INVITE 1\n500 180 1\n1500 486 1\n1510 >ACK 1 d\n",
	 "attempt c 0\ncall c 1500 486 busy by callee ring 1000 setup 500 talk 0 q -\n"},
	{"busy, by Q.850 too", "0 >INVITE 1\n500 180 1\n1500 486 1 q=17\n1510 >ACK 1 d\n",
	 "attempt c 0\ncall c 1500 486 busy by callee ring 1000 setup 500 talk 0 q 17\n"},
	{"no such number, at once", "0 >INVITE 1\n40 404 1\n",
	 "attempt c 0\ncall c 40 404 unallocated by callee ring - setup - talk 0 q -\n"},
	{"cancelled", "0 >INVITE 1\n500 180 1\n3500 >CANCEL 1\n3510 200/CANCEL 1\n3600 487 1\n",
	 "attempt c 0\ncall c 3600 487 cancelled by caller ring 3000 setup 500 talk 0 q -\n"},
	{"cancelled, with a reason",
	 "0 >INVITE 1\n500 180 1\n3500 >CANCEL 1 q=16\n3510 200/CANCEL 1\n3600 487 1\n",
	 "attempt c 0\ncall c 3600 487 cancelled by caller ring 3000 setup 500 talk 0 q 16\n"},
	{"cancelled, yet answered",
	 "0 >INVITE 1\n500 180 1\n1990 >CANCEL 1\n2000 200 1\n2010 200/CANCEL 1\n5000 >BYE 2\n",
	 BEGUN "call c 5000 200 answered by caller" TALK},
	{"cancelled, no final response", "0 >INVITE 1\n500 180 1\n3500 >CANCEL 1\n3510 200/CANCEL 1\n",
	 "attempt c 0\ncall c 3510 - unknown by timeout ring 3000 setup 500 talk 0 q -\n"},
	{"487 without CANCEL", "0 >INVITE 1\n500 180 1\n3600 487 1\n",
	 "attempt c 0\ncall c 3600 487 cancelled by caller ring 3100 setup 500 talk 0 q -\n"},
	{"180 crosses the CANCEL", "0 >INVITE 1\n400 >CANCEL 1\n500 180 1\n600 487 1\n",
	 "attempt c 0\ncall c 600 487 cancelled by caller ring 0 setup 500 talk 0 q -\n"},
	{"busy crosses the CANCEL", "0 >INVITE 1\n500 180 1\n1500 >CANCEL 1\n1510 486 1\n",
	 "attempt c 0\ncall c 1510 486 busy by caller ring 1000 setup 500 talk 0 q -\n"},
	{"CANCEL by a proxy further on",
	 "0 >INVITE 1\n2 >INVITE 1 h=2\n500 180 1\n1500 >CANCEL 1 h=2\n1510 487 1 h=2\n1520 480 1\n",
	 "attempt c 0\ncall c 1520 480 no_answer by callee ring 1000 setup 500 talk 0 q -\n"},
	{"BYE before the answer", "0 >INVITE 1\n500 180 1\n1500 >BYE 2\n1600 487 1\n",
	 "attempt c 0\ncall c 1500 487 cancelled by caller ring 1000 setup 500 talk 0 q -\n"},
	{"BYE before the answer, no final response", "0 >INVITE 1\n500 180 1\n1500 >BYE 2\n",
	 "attempt c 0\ncall c 1500 - unknown by caller ring 1000 setup 500 talk 0 q -\n"},

	{"with credentials", CHALLENGED "60 >INVITE 2\n500 180 2\n2000 200 2\n5000 >BYE 3\n",
	 BEGUN "call c 5000 200 answered by caller" TALK},
	{"with credentials, two minutes later",
	 CHALLENGED "120000 >INVITE 2\n120500 180 2\n122000 200 2\n125000 >BYE 3\n",
	 "attempt c 0\nanswer c 122000\n"
	 "call c 125000 200 answered by caller ring 1500 setup 120500 talk 3000 q -\n"},
	{"without credentials", CHALLENGED,
	 "attempt c 0\ncall c 20 407 failed by callee ring - setup - talk 0 q -\n"},
	{"with credentials, busy", CHALLENGED "60 >INVITE 2\n500 180 2\n1500 486 2\n",
	 "attempt c 0\ncall c 1500 486 busy by callee ring 1000 setup 500 talk 0 q -\n"},
	{"with credentials, refused again", CHALLENGED "60 >INVITE 2\n80 403 2\n",
	 "attempt c 0\ncall c 80 403 rejected by callee ring - setup - talk 0 q -\n"},
	{"with credentials, no response", CHALLENGED "60 >INVITE 2\n80 100 2\n",
	 "attempt c 0\ncall c 80 - unknown by timeout ring - setup - talk 0 q -\n"},
	{"the challenge comes again", CHALLENGED "60 >INVITE 2\n61 407 1 t=x\n62 >INVITE 1\n"
	 "500 180 2\n2000 200 2\n5000 >BYE 3\n",
	 BEGUN "call c 5000 200 answered by caller" TALK},
	{"the challenge was not captured", "0 >INVITE 1\n60 >INVITE 2\n80 486 2\n",
	 "attempt c 0\ncall c 80 486 busy by callee ring - setup - talk 0 q -\n"},
	{"from another port", CHALLENGED "60 >INVITE 2 p=6000\n500 180 2\n2000 200 2\n5000 >BYE 3\n",
	 BEGUN "call c 5000 200 answered by caller" TALK},
	{"redirected", "0 >INVITE 1\n20 302 1\n60 >INVITE 2\n500 180 2\n2000 200 2\n5000 >BYE 3\n",
	 BEGUN "call c 5000 200 answered by caller" TALK},
	{"refused for good, then tried again", "0 >INVITE 1\n20 486 1\n60 >INVITE 2\n2000 200 2\n",
	 "attempt c 0\ncall c 20 486 busy by callee ring - setup - talk 0 q -\n"},

	{"one fork busy, the other answers",
	 "0 >INVITE 1 b=x\n1 >INVITE 1 b=y\n500 180 1 b=x t=x\n600 486 1 b=x t=x\n2000 200 1 b=y\n"
	 "5000 >BYE 2\n",
	 BEGUN "call c 5000 200 answered by caller" TALK},
	{"one fork busy, the other rejects",
	 "0 >INVITE 1 b=x\n1 >INVITE 1 b=y\n500 180 1 b=x t=x\n600 486 1 b=x t=x\n2000 603 1 b=y\n",
	 "attempt c 0\ncall c 2000 603 rejected by callee ring 1500 setup 500 talk 0 q -\n"},
	{"one fork busy, the other silent",
	 "0 >INVITE 1 b=x\n1 >INVITE 1 b=y\n500 180 1 b=x t=x\n600 486 1 b=x t=x\n",
	 "attempt c 0\ncall c 600 486 busy by callee ring 100 setup 500 talk 0 q -\n"},
	{"what looks like a fork is a hop on the same host",
	 "0 >INVITE 1 b=x\n1 >INVITE 1 b=y p=6000\n600 486 1 b=x\n2000 200 1 b=y\n",
	 "attempt c 0\ncall c 600 486 busy by callee ring - setup - talk 0 q -\n"},
	{"six forks: never sure that all refused",
	 "0 >INVITE 1 b=1\n1 >INVITE 1 b=2\n2 >INVITE 1 b=3\n3 >INVITE 1 b=4\n4 >INVITE 1 b=5\n"
	 "5 >INVITE 1 b=6\n10 486 1 b=1\n11 486 1 b=2\n12 486 1 b=3\n13 486 1 b=4\n2000 200 1 b=6\n"
	 "5000 >BYE 2\n",
	 BEGUN "call c 5000 200 answered by caller ring - setup 2000 talk 3000 q -\n"},
	{"a branch further on refuses, another answers",
	 "0 >INVITE 1\n1 >INVITE 1 h=2\n500 180 1 h=2\n600 503 1 h=2\n610 >INVITE 1 h=2 b=z\n"
	 "2000 200 1 h=2 b=z\n2001 200 1\n5000 >BYE 2\n",
	 BEGUN "call c 5000 200 answered by caller" TALK},
	{"a branch further on refuses, the proxy another way",
	 "0 >INVITE 1\n1 >INVITE 1 h=2\n500 180 1 h=2\n600 503 1 h=2\n1600 480 1\n1601 480 1\n",
	 "attempt c 0\ncall c 1600 480 no_answer by callee ring 1100 setup 500 talk 0 q -\n"},
	{"a branch further on refuses, the proxy the same way",
	 "0 >INVITE 1\n1 >INVITE 1 h=2\n500 180 1 h=2\n1500 486 1 h=2\n1501 486 1\n",
	 "attempt c 0\ncall c 1500 486 busy by callee ring 1000 setup 500 talk 0 q -\n"},
	{"two forks answer, the caller drops the second",
	 "0 >INVITE 1\n500 180 1\n2000 200 1\n2001 200 1 t=u\n2010 >BYE 2 t=u\n5000 >BYE 2\n",
	 BEGUN "call c 5000 200 answered by caller" TALK},
	{"two forks answer, the caller drops the first",
	 "0 >INVITE 1\n500 180 1\n2000 200 1\n2001 200 1 t=u\n2010 >BYE 2\n5000 <BYE 1 t=u\n",
	 BEGUN "call c 5000 200 answered by callee" TALK},
	{"three forks answer, the caller drops two",
	 "0 >INVITE 1\n500 180 1\n2000 200 1\n2001 200 1 t=u\n2002 200 1 t=v\n2010 >BYE 2 t=u\n"
	 "2011 >BYE 2 t=v\n5000 >BYE 2\n",
	 BEGUN "call c 5000 200 answered by caller" TALK},
	{"one fork answers twice", "0 >INVITE 1\n500 180 1\n2000 200 1\n2001 200 1\n5000 >BYE 2\n",
	 BEGUN "call c 5000 200 answered by caller" TALK},

	{"re-INVITE", ANSWERED "3000 >INVITE 2 d\n3010 200 2\n3020 >ACK 2 d\n5000 >BYE 3\n",
	 BEGUN "call c 5000 200 answered by caller" TALK},
	{"re-INVITE by the callee, with the CSeq of the first",
	 ANSWERED "3000 <INVITE 1 d\n3010 200 1 back\n5000 >BYE 3\n",
	 BEGUN "call c 5000 200 answered by caller" TALK},
	{"re-INVITE refused", ANSWERED "3000 >INVITE 2 d\n3010 488 2\n5000 >BYE 3\n",
	 BEGUN "call c 5000 200 answered by caller" TALK},
	{"INVITE again, answered already", ANSWERED "3000 >INVITE 2\n3010 486 2\n5000 >BYE 3\n",
	 BEGUN "call c 5000 200 answered by caller" TALK},

	{"answered in the last moment", "0 >INVITE 1\n500 180 1\n180499 200 1\n180500 >BYE 2\n",
	 "attempt c 0\nanswer c 180499\n"
	 "call c 180500 200 answered by caller ring 179999 setup 500 talk 1 q -\n"},
	{"answered too late", "0 >INVITE 1\n500 180 1\n180500 200 1\n180501 >BYE 2\n",
	 "attempt c 0\ncall c 500 - unknown by timeout ring - setup 500 talk 0 q -\n"},
	{"a proxy keeps it ringing",
	 "0 >INVITE 1\n500 180 1\n100000 180 1\n200000 200 1\n203000 >BYE 2\n",
	 "attempt c 0\nanswer c 200000\n"
	 "call c 203000 200 answered by caller ring 199500 setup 500 talk 3000 q -\n"},
	{"four hours without a message", ANSWERED "14402010 >BYE 2\n",
	 BEGUN "call c 2010 200 answered by timeout ring 1500 setup 500 talk 10 q -\n"},
	{"nearly four hours without a message", ANSWERED "14402009 >BYE 2\n",
	 BEGUN "call c 14402009 200 answered by caller ring 1500 setup 500 talk 14400009 q -\n"},
	{"refreshed by UPDATE",
	 ANSWERED "10000000 >UPDATE 2 d\n20000000 >BYE 3\n",
	 BEGUN "call c 20000000 200 answered by caller ring 1500 setup 500 talk 19998000 q -\n"},
	{"timers need no message", ANSWERED "14402010 tick\n",
	 BEGUN "call c 2010 200 answered by timeout ring 1500 setup 500 talk 10 q -\n"},

	{"BYE and 200 after the end", ANSWERED "5000 >BYE 2\n5001 <BYE 1\n5002 200 1\n5003 >ACK 1 d\n",
	 BEGUN "call c 5000 200 answered by caller" TALK},
	{"INVITE within 32 s of the end", "0 >INVITE 1\n40 404 1\n32039 >INVITE 1\n",
	 "attempt c 0\ncall c 40 404 unallocated by callee ring - setup - talk 0 q -\n"},
	{"INVITE 32 s after the end", "0 >INVITE 1\n40 404 1\n32040 >INVITE 1\n32050 404 1\n",
	 "attempt c 0\ncall c 40 404 unallocated by callee ring - setup - talk 0 q -\n"
	 "attempt c 32040\ncall c 32050 404 unallocated by callee ring - setup - talk 0 q -\n"},
	{"re-INVITE of an unknown call", "0 >INVITE 2 d\n10 200 2\n20 >ACK 2 d\n", ""},
	{"BYE of an unknown call", "0 >BYE 2\n10 200/BYE 2\n", ""},
	{"a response to nothing", "0 200 1\n10 180 1\n", ""},
	{"other requests begin no call", "0 >OPTIONS 1\n1 200/OPTIONS 1\n2 >MESSAGE 2\n3 >REGISTER 3\n",
	 ""},
	{"time goes back", "1000 >INVITE 1\n500 180 1\n2000 200 1\n1500 >BYE 2\n",
	 "attempt c 1000\nanswer c 2000\n"
	 "call c 2000 200 answered by caller ring 1000 setup 0 talk 0 q -\n"},
	{"two calls",
	 "0 >INVITE 1\n1 >INVITE 1 id=e\n40 404 1\n50 486 1 id=e\n",
	 "attempt c 0\nattempt e 1\ncall c 40 404 unallocated by callee ring - setup - talk 0 q -\n"
	 "call e 50 486 busy by callee ring - setup - talk 0 q -\n"},
};

/* Transactions. */
static const struct row sip_rows[] = {
	{"a whole call",
	 ANSWERED "5000 >BYE 2\n5010 200/BYE 2\n",
	 "sip c 2000 INVITE 200\nsip c 5010 BYE 200\n"},
	{"cancelled", "0 >INVITE 1\n500 180 1\n3500 >CANCEL 1\n3510 200/CANCEL 1\n3600 487 1\n",
	 "sip c 3510 CANCEL 200\nsip c 3600 INVITE 487\n"},
	{"with credentials", CHALLENGED "60 >INVITE 2\n70 404 2\n",
	 "sip c 20 INVITE 407\nsip c 70 INVITE 404\n"},
	{"OPTIONS", "0 >OPTIONS 1\n10 200/OPTIONS 1\n", "sip c 10 OPTIONS 200\n"},
	{"OPTIONS twice", "0 >OPTIONS 1\n5 >OPTIONS 1\n10 200/OPTIONS 1\n15 200/OPTIONS 1\n",
	 "sip c 10 OPTIONS 200\n"},
	{"OPTIONS at two hops", "0 >OPTIONS 1\n1 >OPTIONS 1 h=2\n9 200/OPTIONS 1 h=2\n10 200/OPTIONS 1\n",
	 "sip c 9 OPTIONS 200\n"},
	{"OPTIONS and OPTIONS", "0 >OPTIONS 1\n5 >OPTIONS 2\n10 200/OPTIONS 1\n15 404/OPTIONS 2\n",
	 "sip c 10 OPTIONS 200\nsip c 15 OPTIONS 404\n"},
	{"OPTIONS and INFO with one CSeq", "0 >OPTIONS 1\n5 >INFO 1\n10 200/OPTIONS 1\n15 405/INFO 1\n",
	 "sip c 10 OPTIONS 200\nsip c 15 INFO 405\n"},
	{"no final response", "0 >OPTIONS 1\n10 100/OPTIONS 1\n", "sip c 32000 OPTIONS -\n"},
	{"a final response in the last moment", "0 >OPTIONS 1\n31999 200/OPTIONS 1\n",
	 "sip c 31999 OPTIONS 200\n"},
	{"a final response too late", "0 >OPTIONS 1\n32000 200/OPTIONS 1\n", "sip c 32000 OPTIONS -\n"},
	{"a late copy is no second one",
	 "0 >OPTIONS 1\n10000 200/OPTIONS 1\n41999 >OPTIONS 1\n41999 200/OPTIONS 1\n",
	 "sip c 10000 OPTIONS 200\n"},
	{"the same request much later",
	 "0 >OPTIONS 1\n10000 200/OPTIONS 1\n42000 >OPTIONS 1\n42001 486/OPTIONS 1\n",
	 "sip c 10000 OPTIONS 200\nsip c 42001 OPTIONS 486\n"},
	{"INVITE that rings for 40 s", "0 >INVITE 1\n500 180 1\n40000 200 1\n40010 >ACK 1 d\n",
	 "sip c 32000 INVITE -\n"},
	{"two forks answer", "0 >INVITE 1\n2000 200 1\n2001 200 1 t=u\n", "sip c 2000 INVITE 200\n"},
	{"registration", "0 >REGISTER 1\n10 401/REGISTER 1\n20 >REGISTER 2\n30 200/REGISTER 2\n",
	 "register c 10 REGISTER 401\nsip c 10 REGISTER 401\n"
	 "register c 30 REGISTER 200\nsip c 30 REGISTER 200\n"},
	{"no event for ACK and PRACK",
	 "0 >INVITE 1\n10 183 1\n20 >PRACK 2 d\n30 200/PRACK 2\n40 486 1\n50 >ACK 1 d\n",
	 "sip c 40 INVITE 486\n"},
	{"each side has its own CSeq",
	 ANSWERED "3000 >INFO 2 d\n3001 <INFO 2 d\n3010 200/INFO 2\n3011 405/INFO 2 back\n",
	 "sip c 2000 INVITE 200\nsip c 3010 INFO 200\nsip c 3011 INFO 405\n"},
	{"BYE of an unknown call", "0 >BYE 2\n10 481/BYE 2\n", "sip c 10 BYE 481\n"},
	{"a response to nothing", "0 200/BYE 2\n", ""},
};

/* in, out, retransmission, no_dialog: see table.h. All calls are over. */
static const struct row count_rows[] = {
	{"all new", ANSWERED "5000 >BYE 2\n5010 200/BYE 2\n", "7 7 0 0"},
	{"INVITE twice", "0 >INVITE 1\n5 >INVITE 1\n40 404 1\n50 >ACK 1 d\n", "4 3 1 0"},
	{"response twice", "0 >INVITE 1\n40 404 1\n45 404 1\n50 >ACK 1 d\n", "4 3 1 0"},
	{"provisional twice", "0 >INVITE 1\n10 180 1\n20 180 1\n40 404 1\n", "4 3 1 0"},
	{"two provisionals, the first again",
	 "0 >INVITE 1\n10 180 1\n20 181 1\n25 180 1\n40 404 1\n", "5 4 1 0"},
	{"another answers OPTIONS", "0 >OPTIONS 1\n10 200/OPTIONS 1\n11 200/OPTIONS 1 t=u\n", "3 3 0 0"},
	{"two provisionals", "0 >INVITE 1\n10 180 1\n20 181 1\n40 404 1\n", "4 4 0 0"},
	{"ACK twice", "0 >INVITE 1\n40 404 1\n45 >ACK 1 d\n50 >ACK 1 d\n", "4 3 1 0"},
	{"second hop", "0 >INVITE 1\n1 >INVITE 1 h=2\n39 404 1 h=2\n40 404 1\n", "4 3 1 0"},
	{"another fork answers", "0 >INVITE 1\n40 200 1\n41 200 1 t=u\n42 200 1 t=u\n60 >BYE 2\n"
	 "70 >BYE 2 t=u\n", "6 5 1 0"},
	{"200 after its transaction is forgotten",
	 "0 >INVITE 1\n100000 200 1\n100001 200 1\n100002 >BYE 2\n", "4 3 1 0"},
	{"INVITE after the end", "0 >INVITE 1\n40 404 1\n60 >INVITE 1\n", "3 2 1 0"},
	{"re-INVITE of an unknown call", "0 >INVITE 2 d\n5 >INVITE 2 d\n10 200 2\n20 >ACK 2 d\n",
	 "4 0 1 3"},
	{"BYE of an unknown call", "0 >BYE 2\n10 200/BYE 2\n", "2 0 0 2"},
	{"CANCEL of an unknown call", "0 >CANCEL 2\n10 481/CANCEL 2\n", "2 0 0 2"},
	{"PRACK of an unknown call", "0 >PRACK 2 d\n", "1 0 0 1"},
	{"a response to nothing", "0 200 1\n10 200/REGISTER 1\n", "2 0 0 2"},
	{"a NOTIFY has a dialog of its own", "0 >NOTIFY 2 d\n10 200/NOTIFY 2\n", "2 2 0 0"},
};
// clang-format on

static struct hash_key key;

static struct call_table *table_of(struct call_options options)
{
	options.key = &key;
	struct call_table *t = call_table_new(&options);

	assert_non_null(t);
	return t;
}

/* in = out + dropped + in flight. */
static void check_balance(const struct call_table *t)
{
	const struct stage_count *count = call_table_count(t);
	struct call_table_stat stat;

	call_table_stat(t, &stat);
	assert_int_equal(count->in, count->out + stage_dropped(count) + stat.calls_open);
}

static void run(const char *ladder, struct ladder_log *log, struct stage_count *count)
{
	struct call_table *t =
		table_of((struct call_options){.max_calls = 8, .max_transactions = 32});
	struct call_table_stat stat;

	*log = (struct ladder_log){.floor_us = INT64_MIN};
	ladder_feed(t, ladder, log);
	check_balance(t);
	call_table_flush(t, ladder_emit, log);
	check_balance(t);
	call_table_stat(t, &stat);
	assert_int_equal(0, stat.calls_open);
	assert_int_equal(0, stat.transactions_open);
	*count = *call_table_count(t);
	call_table_free(t);
	ladder_log_sort(log);
}

static void check_row(const struct row *row, unsigned kinds)
{
	static struct ladder_log log;
	struct stage_count count;
	char got[4096];
	size_t len = 0;

	run(row->ladder, &log, &count);
	got[0] = '\0';
	for (size_t i = 0; i < log.count; i++) {
		if (kinds & 1u << log.event[i].kind) {
			len += (size_t)snprintf(got + len, sizeof(got) - len, "%s\n",
			                        log.event[i].line);
		}
	}
	if (strcmp(got, row->want) != 0 || log.below_floor) {
		fail_msg("%s:%s\ngot\n%swant\n%s", row->id, log.below_floor ? " low water" : "",
		         got, row->want);
	}
}

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static void test_calls(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(call_rows); i++) {
		check_row(&call_rows[i], 1u << KIND_ATTEMPT | 1u << KIND_ANSWER | 1u << KIND_CALL);
	}
}

static void test_transactions(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(sip_rows); i++) {
		check_row(&sip_rows[i], 1u << KIND_SIP | 1u << KIND_REGISTER);
	}
}

static void test_counts(void **state)
{
	static struct ladder_log log;
	struct stage_count count;
	char got[64];

	(void)state;
	for (size_t i = 0; i < COUNT(count_rows); i++) {
		run(count_rows[i].ladder, &log, &count);
		(void)snprintf(got, sizeof(got), "%d %d %d %d", (int)count.in, (int)count.out,
		               (int)count.dropped[REASON_RETRANSMISSION],
		               (int)count.dropped[REASON_NO_DIALOG]);
		if (strcmp(got, count_rows[i].want) != 0) {
			fail_msg("%s: %s, want %s", count_rows[i].id, got, count_rows[i].want);
		}
	}
}

static int set_up(void **state)
{
	(void)state;
	hash_key_default(&key);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_transactions),
		cmocka_unit_test(test_counts),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
