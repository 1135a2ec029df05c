#!/usr/bin/env python3
"""`ringfence gen`: the same options give the same bytes, files agree with each other, every class
of scam is there and scam stays rare, people call each other back, honest firms behave as their
kind; `ringfence score` counts a world and alerts made by hand as a person would.
"""
import collections
import filecmp
import json
import pathlib
import tempfile
import time
import unittest

import world

# No operation of its own: honest, of one account, or of rules alone.
WITHOUT_OPERATION = {"flash_call", "account_takeover", "composite", "other"}


def instant(text):
    """Seconds since the world's first midnight."""
    day, clock = text.rstrip("Z").split("T")
    hour, minute, second = clock.split(":")
    return ((int(day[-2:]) * 24 + int(hour)) * 60 + int(minute)) * 60 + float(second)


class WorldTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="ringfence-world-")
        cls.folder = pathlib.Path(cls.temporary.name)
        cls.place = world.make(cls.folder / "world", "--seed", 11, "--calls", 40000)
        cls.truth = world.rows(cls.place / "truth.csv")
        cls.records = world.rows(cls.place / "cdr.csv")
        cls.labels = {row["call_id"]: row for row in world.rows(cls.place / "labels.csv")}
        cls.kinds = {row["number"]: row["kind"] for row in world.rows(cls.place / "honest.csv")}
        cls.about = json.loads((cls.place / "world.json").read_text())

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def make(self, name, *options):
        return world.make(self.folder / name, *options)

    # ---- files ----

    def test_same_options_same_bytes(self):
        a, b = (self.make(name, "--seed", 3, "--calls", 5000, "--json-lines") for name in "ab")
        names = sorted(path.name for path in a.iterdir())
        self.assertEqual((names, [], []), filecmp.cmpfiles(a, b, names, shallow=False))
        c = self.make("c", "--seed", 4, "--calls", 5000)
        self.assertFalse(filecmp.cmp(a / "cdr.csv", c / "cdr.csv", shallow=False))

    def test_each_call_is_in_one_file(self):
        captured = world.rows_of(world.run("calls", self.place / "calls.pcap", "--home", "GB"))
        ids = [row["call_id"] for row in self.records + captured]
        self.assertEqual(sorted(ids), [row["call_id"] for row in self.truth])
        self.assertEqual(self.about["calls"], len(ids))
        self.assertEqual(self.about["captured"], len(captured))
        ends = {row["call_id"]: row["end"] for row in self.truth}
        self.assertEqual({}, {row["call_id"]: row["end_time"] for row in self.records
                              if row["end_time"] != ends[row["call_id"]]})

    def test_every_record_is_read(self):
        inspected = json.loads(world.run("inspect", "--json", "--home", "GB",
                                         self.place / "cdr.csv", self.place / "calls.pcap"))
        self.assertEqual({}, inspected["refused"])
        self.assertEqual(len(self.records), inspected["records"])

    def test_everything_in_records(self):
        place = self.make("records", "--calls", 5000, "--pcap-calls", 0, "--json-lines")
        self.assertEqual(24, (place / "calls.pcap").stat().st_size)
        records = world.rows(place / "cdr.csv")
        self.assertEqual(len(world.rows(place / "truth.csv")), len(records))
        lines = [json.loads(line) for line in (place / "cdr.jsonl").read_text().splitlines()]
        self.assertEqual([{k: v for k, v in row.items() if v} for row in records], lines)

    def test_without_signatures(self):
        place = self.make("unsigned", "--calls", 20000, "--without-stir")
        self.assertFalse({"attest", "origid"} & set(world.rows(place / "cdr.csv")[0]))
        self.assertNotIn("attestation_abuse",
                         {row["class"] for row in world.rows(place / "operations.csv")})

    def test_clean(self):
        place = self.make("clean", "--calls", 5000, "--clean")
        self.assertEqual([], world.rows(place / "labels.csv") + world.rows(place / "operations.csv"))

    # ---- scam ----

    def test_operations(self):
        operations = {row["campaign"]: row for row in world.rows(self.place / "operations.csv")}
        known = {row["class"] for row in world.rows(world.ROOT / "rules/classes.csv")}
        self.assertEqual(known - WITHOUT_OPERATION, {row["class"] for row in operations.values()})
        labelled = collections.Counter(row["campaign"] for row in self.labels.values())
        self.assertEqual({name: int(row["calls"]) for name, row in operations.items()}, labelled)
        self.assertTrue(all(int(row["calls"]) >= 3 for row in operations.values()))
        self.assertTrue(set(self.labels) <= {row["call_id"] for row in self.truth})

    def test_scam_is_rare(self):
        for calls in (100, 500, 2000, 20000, 200000):
            about = json.loads((self.make(f"rare{calls}", "--calls", calls)
                                / "world.json").read_text())
            self.assertLessEqual(about["scam"], 0.05 * about["calls"], calls)
            self.assertGreaterEqual(about["scam"], 0.01 * about["calls"], calls)

    # ---- honest life ----

    def ordinary(self):
        return [row for row in self.records if row["call_id"] not in self.labels
                and row["caller"] and not {row["caller"], row["callee"]} & set(self.kinds)]

    def test_contacts_call_back(self):
        calls = collections.defaultdict(list)
        for row in self.ordinary():
            calls[row["caller"], row["callee"]].append(instant(row["start_time"]))
        both = sum((callee, caller) in calls for caller, callee in calls)
        self.assertGreater(both / len(calls), 0.2)
        missed = back = 0
        for row in self.ordinary():
            if row["sip_code"] in ("480", "486", "487"):
                missed += 1
                end = instant(row["end_time"])
                back += any(end <= start < end + 7200
                            for start in calls.get((row["callee"], row["caller"]), ()))
        self.assertGreater(back / missed, 0.15)

    def test_talk(self):
        talk = sorted(instant(row["end_time"]) - instant(row["answer_time"])
                      for row in self.ordinary() if row["answer_time"])
        self.assertTrue(100 <= sum(talk) / len(talk) <= 190, sum(talk) / len(talk))
        self.assertGreater(sum(t <= 6 for t in talk) / len(talk), 0.12)

    def test_kinds(self):
        self.assertGreaterEqual(len(set(self.kinds.values())), 20)
        self.assertEqual(set(self.about["honest"]) - {"ordinary"},
                         set(self.kinds.values()) - {"roamer"})
        rings = [int(row["ring_ms"]) for row in self.records
                 if self.kinds.get(row["caller"]) == "flash_call" and row["sip_code"] == "487"]
        self.assertTrue(rings)
        self.assertLess(sorted(rings)[len(rings) // 2], 3000)

    def test_speed(self):
        began = time.monotonic()
        place = self.make("large", "--calls", 1000000)
        print(f"a million calls in {time.monotonic() - began:.1f} s "
              f"({(place / 'cdr.csv').stat().st_size >> 20} MiB of records)")


# ---- score ----

def clock(minute):
    return f"2026-03-02T{10 + minute // 60}:{minute % 60:02}:00.000Z"


def alert(rule, severity, subject, evidence, minute, since=0):
    kind, value = subject
    return json.dumps({"type": "ringfence.alert.opened", "time": clock(minute), "data": {
        "rule": rule, "severity": severity, "subject": {"type": kind, "value": value},
        "window": {"from": clock(since)}, "evidence": {"calls": evidence}}})


class ScoreTest(unittest.TestCase):
    """A robocall of ten calls on trunk bad, an irsf of four on a hacked account that else makes six
    honest ones, a courier's twenty on trunk good; a call a minute each, so that call n ends at n."""

    ROBOT, HACKED, COURIER = "+4420111", "+4420222", "+4420333"

    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="ringfence-score-")
        self.folder = pathlib.Path(self.temporary.name)
        truth, labels = [], []
        for n in range(10):
            truth.append((f"r{n}", n, self.ROBOT, f"+4474000{n}", "bad", ""))
            labels.append(f"r{n},robocall-1,robocall")
            truth.append((f"h{n}", n, self.HACKED, f"+3719010{n}", "good", "A1"))
            if n >= 6:
                labels.append(f"h{n},irsf-1,irsf")
        truth += [(f"c{n}", n, self.COURIER, f"+4474111{n:02}", "good", "F1") for n in range(20)]
        self.write("truth.csv", ["call_id,start,end,caller,callee,trunk_in,account"]
                   + [f"{i},{clock(n)},{clock(n)},{a},{b},{t},{account}"
                      for i, n, a, b, t, account in truth])
        self.write("labels.csv", ["call_id,campaign,class", *labels])
        self.write("honest.csv", ["number,kind", f"{self.COURIER},courier"])

    def tearDown(self):
        self.temporary.cleanup()

    def write(self, name, lines):
        path = self.folder / name
        path.write_text("\n".join(lines) + "\n")
        return path

    def score(self, *alerts):
        return world.score(self.folder, self.write("alerts", alerts))

    def right(self, *one):
        return self.score(alert("a/rule", "high", *one))["precision"] == 1

    def test_right_or_wrong(self):
        robot, hacked, courier = (("caller", n) for n in (self.ROBOT, self.HACKED, self.COURIER))
        cases = {
            "a scam caller": (True, robot, ["r0", "r1"], 1),
            "half of the evidence is honest": (False, robot, ["r0", "c0"], 1),
            "no evidence": (False, robot, [], 1),
            "evidence of no known call": (False, robot, ["x1", "x2"], 1),
            "an honest caller": (False, courier, ["c0", "c1"], 1),
            "scam evidence against an honest caller": (False, courier, ["r0", "r1"], 1),
            "a hacked line while it is hacked": (True, hacked, ["h6", "h7"], 9, 6),
            "and over its honest calls": (False, hacked, ["h6", "h7"], 9, 0),
            "its account": (True, ("account", "A1"), ["h6", "h7"], 9, 6),
            "its account over honest calls": (False, ("account", "A1"), ["h6", "h7"], 9, 0),
            "a victim": (True, ("callee", "+44740001"), ["r1"], 1),
            "a trunk of scam": (True, ("trunk", "bad"), ["r0", "r1"], 1),
            "a trunk of honest calls": (False, ("trunk", "good"), ["h8", "h9"], 9, 8),
            "a block of scam": (True, ("block", "44201"), ["r0", "r1"], 1),
            "a block of honest calls": (False, ("block", "44203"), ["r0", "r1"], 1),
            "an address": (True, ("ip", "192.0.2.1"), ["r0", "r1"], 1),
        }
        for name, (right, *one) in cases.items():
            with self.subTest(name):
                self.assertEqual(right, self.right(*one))

    def test_sums(self):
        robot, courier = ("caller", self.ROBOT), ("caller", self.COURIER)
        got = self.score(
            alert("a/late", "high", robot, ["r6", "r7"], 7),
            alert("a/early", "low", robot, ["r2", "r3"], 3),
            alert("a/early", "critical", courier, ["c0", "c1"], 3),
            alert("a/trunk", "medium", ("trunk", "good"), ["c0", "c1"], 3),
            json.dumps({"type": "ringfence.alert.closed", "time": clock(9)}),
            json.dumps({"type": "ringfence.campaign.opened", "time": clock(9)}))
        found = {"operations": 1, "found": 1, "before_half": 1, "median_before": 3}
        missed = {"operations": 1, "found": 0, "before_half": 0, "median_before": None}
        self.assertEqual([{"class": "robocall", **found}, {"class": "irsf", **missed}],
                         got["classes"])
        self.assertEqual({"class": "all", **found, "operations": 2}, got["all"])
        self.assertEqual((4, 0.5, 2, 0.5, 1), (got["alerts"], got["precision"], got["high"],
                                               got["precision_high"], got["campaigns"]))
        self.assertEqual({"a/early": 1, "a/trunk": 1}, got["wrong"])
        self.assertEqual({"courier": 1, "others": 1}, got["wrong_by_kind"])
        self.assertAlmostEqual(4e6 / 26, got["alerts_a_million_honest"])
        self.assertAlmostEqual(2e6 / 26, got["wrong_a_million_honest"])
        self.assertEqual(2, got["alerts_an_operation"])

    def test_table(self):
        path = self.write("alerts", [alert("a/early", "low", ("caller", self.COURIER), ["c0"], 3)])
        text = world.run("score", self.folder, path).decode()
        self.assertIn("not found: robocall-1 (10 calls)", text)
        self.assertRegex(text, r"false by rule: a/early +1 of 1")
        self.assertRegex(text, r"false by kind: courier +1\n")


if __name__ == "__main__":
    unittest.main()
